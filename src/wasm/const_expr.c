/* Constant expressions: checking and running them. */
#include "wasm/const_expr.h"

#include "wasm/opcodes.h"
#include "wasm/subtype.h"
#include "wasm/type_features.h"

typedef struct checker {
    sw_module *m;
    const sw_const_rule *rule;
    const sw_features *features;
    sw_reader r;
    uint32_t at; /* absolute offset of the instruction */
    uint32_t depth;
    sw_valtype stack[SW_MAX_CONST_DEPTH];
} checker;

static void refuse(checker *c, const char *why)
{
    (void)sw_reader_fail_at(&c->r, SW_INVALID, c->at, "constant expression: %s", why);
}

static void push(checker *c, sw_valtype t)
{
    if (c->depth == SW_MAX_CONST_DEPTH) {
        (void)sw_reader_fail_at(&c->r, SW_LIMIT, c->at, "constant expression deeper than %d",
                                SW_MAX_CONST_DEPTH);
        return;
    }
    c->stack[c->depth++] = t;
}

static void check_binary(checker *c, sw_valtype t)
{
    if (c->depth < 2 || c->stack[c->depth - 1] != t || c->stack[c->depth - 2] != t) {
        refuse(c, "type mismatch");
        return;
    }
    c->depth--;
}

static void check_global_get(checker *c, uint32_t index)
{
    const sw_module *m = c->m;
    if (index >= SW_MIN(c->rule->globals_count, m->globals_count)) {
        refuse(c, "unknown global");
    } else if (m->globals[index].type.is_mutable) {
        refuse(c, "reads a mutable global");
    } else {
        push(c, m->globals[index].type.type);
    }
}

static void check_ref_func(checker *c, uint32_t func)
{
    const sw_module *m = c->m;
    if (func >= m->funcs_count) {
        refuse(c, "unknown function");
        return;
    }
    /* The one field of a decoded module that validation fills in. */
    ((sw_func *)(uintptr_t)m->funcs)[func].is_declared = true;
    bool typed = c->features->function_references || c->features->gc;
    push(c, typed ? sw_valtype_ref(m->funcs[func].type, false) : SW_TYPE_FUNCREF);
}

static void check_ref_null(checker *c, sw_valtype t)
{
    const char *feature = sw_valtype_missing_feature(t, c->features);
    uint32_t heap = sw_valtype_heap(t);
    if (feature != NULL) {
        (void)sw_reader_fail_at(&c->r, SW_UNSUPPORTED, c->at, "this type needs %s, which is off",
                                feature);
    } else if (sw_heap_is_index(heap) && heap >= c->m->types_count) {
        refuse(c, "unknown type");
    } else {
        push(c, t);
    }
}

static void check_instr(checker *c, const sw_instr *in)
{
    switch (in->code) {
    case SW_OP_I32_CONST: push(c, SW_TYPE_I32); break;
    case SW_OP_I64_CONST: push(c, SW_TYPE_I64); break;
    case SW_OP_F32_CONST: push(c, SW_TYPE_F32); break;
    case SW_OP_F64_CONST: push(c, SW_TYPE_F64); break;
    case SW_OP_REF_NULL: check_ref_null(c, in->type); break;
    case SW_OP_REF_FUNC: check_ref_func(c, in->index); break;
    case SW_OP_GLOBAL_GET: check_global_get(c, in->index); break;
    case SW_OP_I32_ADD:
    case SW_OP_I32_SUB:
    case SW_OP_I32_MUL: check_binary(c, SW_TYPE_I32); break;
    case SW_OP_I64_ADD:
    case SW_OP_I64_SUB:
    case SW_OP_I64_MUL: check_binary(c, SW_TYPE_I64); break;
    default:
        (void)sw_reader_fail_at(&c->r, SW_INVALID, c->at, "%s in a constant expression",
                                sw_opcode_info_get(in->code)->name);
    }
}

static void check_result(checker *c)
{
    char have[32], want[32];
    if (c->depth != 1) {
        refuse(c, c->depth == 0 ? "no value" : "more than one value");
    } else if (!sw_valtype_matches(c->m, c->stack[0], c->rule->type)) {
        (void)sw_reader_fail_at(&c->r, SW_INVALID, c->at,
                                "constant expression: type mismatch: expected %s, found %s",
                                sw_valtype_text(c->rule->type, want, sizeof want),
                                sw_valtype_text(c->stack[0], have, sizeof have));
    }
}

sw_status sw_const_expr_validate(sw_module *m, sw_range expr, const sw_const_rule *rule,
                                 const sw_features *features, sw_diag *diag)
{
    sw_bytes bytes = sw_bytes_slice(m->bytes, expr.start, expr.len);
    checker c;
    c.m = m;
    c.rule = rule;
    c.features = features;
    c.r = sw_reader_make(bytes, m->origin + expr.start, diag);
    c.depth = 0;
    sw_instr in = {};
    for (;;) {
        c.at = sw_reader_offset(&c.r);
        if (sw_op_read(&c.r, &in) != SW_OK || in.code == SW_OP_END) {
            break;
        }
        check_instr(&c, &in);
    }
    if (sw_reader_ok(&c.r)) {
        check_result(&c);
    }
    return c.r.status;
}

static uint64_t binary(uint32_t code, uint64_t a, uint64_t b)
{
    switch (code) {
    case SW_OP_I32_ADD: return (uint32_t)(a + b);
    case SW_OP_I32_SUB: return (uint32_t)(a - b);
    case SW_OP_I32_MUL: return (uint32_t)(a * b);
    case SW_OP_I64_ADD: return a + b;
    case SW_OP_I64_SUB: return a - b;
    default: assert(code == SW_OP_I64_MUL); return a * b;
    }
}

/* The value of an instruction without operands. */
static bool leaf_value(const sw_instr *in, const sw_const_env *env, uint64_t *ret_bits)
{
    switch (in->code) {
    case SW_OP_GLOBAL_GET:
        return env->get_global != NULL && env->get_global(env->ctx, in->index, ret_bits);
    case SW_OP_REF_FUNC:
        return env->get_func != NULL && env->get_func(env->ctx, in->index, ret_bits);
    case SW_OP_REF_NULL: *ret_bits = 0; return true;
    default: *ret_bits = in->bits; return true;
    }
}

bool sw_const_expr_eval(const uint8_t *expr, const sw_const_env *env, uint64_t *ret_bits)
{
    uint64_t stack[SW_MAX_CONST_DEPTH];
    uint32_t depth = 0;
    for (;;) {
        sw_instr in;
        expr = sw_op_next(expr, &in);
        if (in.code == SW_OP_END) {
            break;
        }
        if (sw_opcode_info_get(in.code)->operands_count == 2) {
            SW_CHECK(depth >= 2);
            depth--;
            stack[depth - 1] = binary(in.code, stack[depth - 1], stack[depth]);
            continue;
        }
        SW_CHECK(depth < SW_MAX_CONST_DEPTH);
        if (!leaf_value(&in, env, &stack[depth++])) {
            return false;
        }
    }
    SW_CHECK(depth == 1);
    *ret_bits = stack[0];
    return true;
}

/* The index of a lone instruction, or SW_NO_INDEX. */
static uint32_t lone_index(const uint8_t *expr, uint32_t code)
{
    sw_instr in;
    const uint8_t *next = sw_op_next(expr, &in);
    return in.code == code && *next == SW_OP_END ? in.index : SW_NO_INDEX;
}

uint32_t sw_const_expr_func(const uint8_t *expr)
{
    return lone_index(expr, SW_OP_REF_FUNC);
}

uint32_t sw_const_expr_global(const uint8_t *expr)
{
    return lone_index(expr, SW_OP_GLOBAL_GET);
}

bool sw_const_expr_is_null(const uint8_t *expr)
{
    sw_instr in;
    return *sw_op_next(expr, &in) == SW_OP_END && in.code == SW_OP_REF_NULL;
}
