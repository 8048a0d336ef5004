/* The baseline compiler's interface: one function at a time; see emitter.h for how. */
#include "code/baseline/baseline.h"

#include "code/baseline/emitter.h"
#include "os/cpu.h"

enum {
    FUNCTION_ALIGN = 16,
    INT3 = 0xcc,
    SURVEYS_OF_BODY = 2, /* how often, in all, a body's bytes may be read for its loops */
};

uint32_t sw_baseline_cpu_features(void)
{
    return SW_CPU_AVX     /* all floats, vroundsd among them; nothing of 256 bits */
           | SW_CPU_BMI2  /* shlx, shrx, sarx, rorx */
           | SW_CPU_BMI1  /* tzcnt */
           | SW_CPU_LZCNT /* lzcnt */
           | SW_CPU_POPCNT /* popcnt */;
}

void sw_baseline_set_knobs(sw_emitter *e, sw_baseline_knobs knobs)
{
    e->knobs = knobs;
    e->is_memory0_direct =
        e->layout->owns_memory0 && !e->m->memories[0].limits.is_64 && !knobs.check_indices;
}

sw_emitter *sw_baseline_new(const sw_module *m, const sw_layout *layout, sw_budget *budget)
{
    sw_emitter *e = sw_alloc(budget, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    e->m = m;
    e->layout = layout;
    e->budget = budget;
    e->find_pc = UINT32_MAX;
    sw_baseline_set_knobs(e, SW_BASELINE_KNOBS_DEFAULT);
    e->patches.budget = budget;
    e->cold.budget = budget;
    e->fixups.budget = budget;
    e->loop_pins.budget = budget;
    return e;
}

void sw_baseline_free(sw_emitter *e)
{
    if (e == NULL) {
        return;
    }
    sw_free(e->budget, e->stack, e->stack_capacity * sizeof *e->stack);
    sw_free(e->budget, e->locals, e->locals_capacity * sizeof *e->locals);
    sw_free(e->budget, e->labels, e->labels_capacity * sizeof *e->labels);
    sw_vec_clear(&e->patches);
    sw_vec_clear(&e->cold);
    sw_vec_clear(&e->fixups);
    sw_vec_clear(&e->loop_pins);
    sw_free(e->budget, e, sizeof *e);
}

const sw_fixup *sw_baseline_fixups(const sw_emitter *e, size_t *ret_count)
{
    *ret_count = e->fixups.count;
    return e->fixups.at;
}

static sw_status reserve_all(sw_emitter *e, const sw_func_facts *facts)
{
    SW_TRY(sw_vec_grow_((void **)&e->stack, &e->stack_capacity, (size_t)facts->max_stack + 1,
                        sizeof *e->stack, e->budget));
    SW_TRY(sw_vec_grow_((void **)&e->locals, &e->locals_capacity, facts->locals_count,
                        sizeof *e->locals, e->budget));
    return sw_vec_grow_((void **)&e->labels, &e->labels_capacity, (size_t)facts->max_labels + 1,
                        sizeof *e->labels, e->budget);
}

static bool align_start(sw_emitter *e, sw_buf *code)
{
    e->code = code;
    e->as.at = code->ptr + code->len;
    e->limit = code->ptr + code->capacity;
    if (!sw_bl_ensure(e, SW_EMIT_ROOM)) {
        return false;
    }
    while (sw_bl_pos(e) % FUNCTION_ALIGN != 0) {
        sw_x64_u8(&e->as, INT3);
    }
    e->start = sw_bl_pos(e);
    return true;
}

/* Prepares for a function; false: out of memory. */
static bool begin(sw_emitter *e, uint32_t func, const sw_func_facts *facts, sw_buf *code)
{
    e->status = SW_OK;
    e->func = func;
    e->facts = facts;
    e->type = sw_module_functype(e->m, func);
    e->pos = e->m->bytes.ptr + facts->code_start;
    e->instruction = e->pos;
    e->height = 0;
    e->flushed = 0;
    e->patches.count = 0;
    e->cold.count = 0;
    e->max_bytes = (uint64_t)SW_CODE_PER_BYTE * e->m->funcs[func].body.len + SW_CODE_EXCESS;
    e->loop_pins.count = 0;
    e->loop_region = 0;
    const sw_func *f = &e->m->funcs[func];
    e->body_end = e->m->bytes.ptr + f->body.start + f->body.len;
    e->survey_left = SURVEYS_OF_BODY * f->body.len;
    sw_status st = reserve_all(e, facts);
    if (st != SW_OK) {
        sw_bl_fail(e, st);
        return false;
    }
    return align_start(e, code);
}

/* What is to be done before an instruction now and then. False: emission has failed. */
static bool before_instruction(sw_emitter *e)
{
    if (e->height - e->flushed >= SW_LAZY_WINDOW) {
        sw_bl_flush(e, e->height - SW_LAZY_WINDOW / 4);
    }
    if (e->find_pc != UINT32_MAX && sw_bl_pos(e) <= e->find_pc) {
        e->found_offset = (uint32_t)(e->pos - e->m->bytes.ptr);
    }
    return sw_bl_ensure(e, SW_EMIT_ROOM);
}

/* local.get is a third of all instructions, and makes no code: runs of it need no more than this.
 */
static inline void push_locals(sw_emitter *e)
{
    const uint8_t *pos = e->pos;
    while (pos[0] == SW_OP_LOCAL_GET && pos[1] < 0x80 && e->height - e->flushed < SW_LAZY_WINDOW) {
        SW_CHECK(e->facts->local_weights[pos[1]] != 0);
        sw_bl_push_local(e, pos[1]);
        pos += 2;
    }
    e->pos = pos;
    e->instruction = pos;
}

static void emit_body(sw_emitter *e)
{
    bool is_finding = e->find_pc != UINT32_MAX;
    while (e->labels_count != 0) {
        push_locals(e);
        bool is_usual = e->height - e->flushed < SW_LAZY_WINDOW &&
                        e->limit - e->as.at >= SW_EMIT_ROOM && !is_finding;
        if (SW_UNLIKELY(!is_usual) && !before_instruction(e)) {
            return;
        }
        const sw_row *row = &sw_bl_rows[sw_opcode_slot(sw_opcode_next(&e->pos))];
        SW_CHECK(row->lower != NULL);
        row->lower(e, row);
    }
}

/* The lowering follows the validator's facts; if they were wrong the code would be unsafe. */
static void check_end(sw_emitter *e)
{
    const sw_func *f = &e->m->funcs[e->func];
    SW_CHECK(e->pos == e->m->bytes.ptr + f->body.start + f->body.len);
    SW_CHECK(e->height == 0);
}

static sw_status fail(const sw_emitter *e, sw_diag *diag)
{
    uint32_t at = e->m->origin + (uint32_t)(e->instruction - e->m->bytes.ptr);
    if (e->status != SW_LIMIT) {
        return sw_fail(diag, e->status, at, "function %u: %s", e->func, sw_status_text(e->status));
    }
    return sw_fail(diag, SW_LIMIT, at, "function %u: more than %llu bytes of machine code", e->func,
                   (unsigned long long)e->max_bytes);
}

static sw_status finish(sw_emitter *e, sw_diag *diag, size_t fixups_before, sw_emitted *ret)
{
    if (e->status == SW_OK && sw_bl_pos(e) - e->start > e->max_bytes) {
        sw_bl_fail(e, SW_LIMIT);
    }
    if (e->status != SW_OK) {
        e->code->len = e->start;
        e->fixups.count = fixups_before;
        return fail(e, diag);
    }
    e->code->len = sw_bl_pos(e);
    *ret = (sw_emitted){.start = e->start,
                        .len = sw_bl_pos(e) - e->start,
                        .fixups_start = (uint32_t)fixups_before,
                        .fixups_count = (uint32_t)(e->fixups.count - fixups_before)};
    return SW_OK;
}

sw_status sw_baseline_emit(sw_emitter *e, uint32_t func, const sw_func_facts *facts, sw_buf *code,
                           sw_diag *diag, sw_emitted *ret_emitted)
{
    size_t fixups_before = e->fixups.count;
    e->start = (uint32_t)code->len;
    if (begin(e, func, facts, code)) {
        sw_bl_prologue(e);
        sw_bl_enter_func(e);
        emit_body(e);
        if (e->status == SW_OK) {
            check_end(e);
            sw_bl_emit_cold(e);
        }
    }
    e->code = code;
    return finish(e, diag, fixups_before, ret_emitted);
}

sw_status sw_baseline_emit_thunk(sw_emitter *e, uint32_t import, sw_buf *code, sw_diag *diag,
                                 sw_emitted *ret_emitted)
{
    size_t fixups_before = e->fixups.count;
    e->status = SW_OK;
    e->func = import;
    e->instruction = e->m->bytes.ptr;
    e->max_bytes = SW_CODE_EXCESS;
    e->start = (uint32_t)code->len;
    if (align_start(e, code)) {
        sw_bl_thunk(e, import);
    }
    return finish(e, diag, fixups_before, ret_emitted);
}

sw_status sw_baseline_find_offset(sw_emitter *e, uint32_t func, const sw_func_facts *facts,
                                  uint32_t pc_offset, sw_diag *diag, uint32_t *ret_wasm_offset)
{
    sw_buf code;
    sw_emitted emitted;
    size_t fixups_before = e->fixups.count;
    sw_buf_init(&code, e->budget, INT32_MAX);
    e->find_pc = pc_offset;
    e->found_offset = facts->code_start;
    sw_status st = sw_baseline_emit(e, func, facts, &code, diag, &emitted);
    e->find_pc = UINT32_MAX;
    e->fixups.count = fixups_before;
    sw_buf_clear(&code);
    if (st == SW_OK) {
        *ret_wasm_offset = e->found_offset;
    }
    return st;
}
