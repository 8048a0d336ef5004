/* What must hold of a module that validates: shared by the fuzz targets. */
#pragma once

#include "wasm/const_expr.h"
#include "wasm/opcodes.h"
#include "wasm/validate.h"

/* The unchecked reader sees the instructions that the checked one sees; the facts bound what the
 * instructions do. */
static inline void walk_body(const sw_module *m, uint32_t func, const sw_func_facts *f)
{
    sw_range body = m->funcs[func].body;
    const uint8_t *p = m->bytes.ptr + f->code_start, *end = m->bytes.ptr + body.start + body.len;
    sw_reader r = sw_reader_make((sw_bytes){p, (size_t)(end - p)}, 0, NULL);
    bool calls = false, loops = false;
    size_t instructions = 0;
    while (p < end) {
        sw_instr checked = {}, unchecked = {};
        SW_CHECK(sw_op_read(&r, &checked) == SW_OK);
        p = sw_op_next(p, &unchecked);
        SW_CHECK(p == r.pos && checked.code == unchecked.code);
        sw_immediate kind = (sw_immediate)sw_opcode_info_get(checked.code)->immediate;
        if (kind == SW_IMM_LOCAL) {
            SW_CHECK(unchecked.index == checked.index && checked.index < f->locals_count);
            SW_CHECK(f->local_weights[checked.index] > 0);
        }
        SW_CHECK(kind != SW_IMM_LABEL || checked.index < f->max_labels);
        calls |= checked.code == SW_OP_CALL || checked.code == SW_OP_CALL_INDIRECT;
        loops |= checked.code == SW_OP_LOOP;
        instructions++;
    }
    SW_CHECK(p == end && !(calls && f->is_leaf) && loops == f->has_loop);
    SW_CHECK(f->max_stack <= instructions * SW_MAX_RESULTS && f->max_labels <= instructions);
    SW_CHECK(f->locals_count <= SW_MAX_LOCALS && f->params_count <= f->locals_count);
}

static inline bool walk_no_value(void *, uint32_t, uint64_t *ret_bits)
{
    *ret_bits = 0;
    return true;
}

static inline void walk_expr(const sw_module *m, sw_range expr)
{
    const sw_const_env env = {.get_global = walk_no_value, .get_func = walk_no_value};
    const uint8_t *bytes = sw_const_expr_bytes(m, expr);
    uint64_t bits = 0;
    SW_CHECK(sw_const_expr_eval(bytes, &env, &bits));
    (void)sw_const_expr_func(bytes);
    (void)sw_const_expr_is_null(bytes);
}

static inline void walk_exprs(const sw_module *m)
{
    for (uint32_t i = m->imported_globals; i < m->globals_count; i++) {
        walk_expr(m, m->globals[i].init);
    }
    for (uint32_t i = 0; i < m->elems_count; i++) {
        const sw_elem *e = &m->elems[i];
        if (e->mode == SW_SEGMENT_ACTIVE) {
            walk_expr(m, e->offset);
        }
        for (uint32_t k = 0; k < e->count && e->exprs != NULL; k++) {
            walk_expr(m, e->exprs[k]);
        }
    }
    for (uint32_t i = 0; i < m->datas_count; i++) {
        if (m->datas[i].mode == SW_SEGMENT_ACTIVE) {
            walk_expr(m, m->datas[i].offset);
        }
    }
}
