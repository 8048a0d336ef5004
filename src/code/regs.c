/* Typed values between arrays and the registers of the calling convention; see abi.h. */
#include "code/abi.h"

/* Where the i-th value of a list of types travels. */
typedef struct cursor {
    uint32_t ints_max, vectors_max;
    uint32_t ints, vectors, overflow;
    uint64_t *int_at;
    uint8_t (*vector_at)[16];
    uint8_t *args_area;
} cursor;

static uint8_t *next_place(cursor *c, sw_valtype t)
{
    if (sw_valtype_is_vector(t)) {
        if (c->vectors < c->vectors_max) {
            return c->vector_at[c->vectors++];
        }
    } else if (c->ints < c->ints_max) {
        return (uint8_t *)&c->int_at[c->ints++];
    }
    return c->args_area + 16 * (size_t)c->overflow++;
}

static size_t value_bytes(sw_valtype t)
{
    switch (t) {
    case SW_TYPE_I32:
    case SW_TYPE_F32: return 4;
    case SW_TYPE_V128: return 16;
    default: return 8;
    }
}

static void write_values(cursor c, const sw_valtype *types, uint32_t count,
                         const sw_value_slot *values)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *to = next_place(&c, types[i]);
        memset(to, 0, sw_valtype_slot_bytes(types[i]));
        memcpy(to, &values[i], value_bytes(types[i]));
    }
}

static void read_values(cursor c, const sw_valtype *types, uint32_t count, sw_value_slot *values)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *from = next_place(&c, types[i]);
        memset(&values[i], 0, sizeof values[i]);
        memcpy(&values[i], from, value_bytes(types[i]));
    }
}

/* The cursor writes only when the caller does: reading functions pass what they may not change. */
static cursor make_cursor(const sw_regs *regs, const uint8_t *args_area, bool is_result)
{
    union {
        const sw_regs *from;
        sw_regs *to;
    } r = {.from = regs};
    union {
        const uint8_t *from;
        uint8_t *to;
    } area = {.from = args_area};
    return (cursor){
        .ints_max = is_result ? SW_INT_RESULTS : SW_INT_ARGS,
        .vectors_max = is_result ? SW_VECTOR_RESULTS : SW_VECTOR_ARGS,
        .int_at = r.to->ints,
        .vector_at = r.to->vectors,
        .args_area = area.to,
    };
}

void sw_regs_set_params(const sw_functype *t, const sw_value_slot *values, sw_regs *regs,
                        uint8_t *args_area)
{
    write_values(make_cursor(regs, args_area, false), t->params, t->params_count, values);
}

void sw_regs_get_params(const sw_functype *t, const sw_regs *regs, const uint8_t *args_area,
                        sw_value_slot *values)
{
    read_values(make_cursor(regs, args_area, false), t->params, t->params_count, values);
}

void sw_regs_set_results(const sw_functype *t, const sw_value_slot *values, sw_regs *regs,
                         uint8_t *args_area)
{
    write_values(make_cursor(regs, args_area, true), t->results, t->results_count, values);
}

void sw_regs_get_results(const sw_functype *t, const sw_regs *regs, const uint8_t *args_area,
                         sw_value_slot *values)
{
    read_values(make_cursor(regs, args_area, true), t->results, t->results_count, values);
}
