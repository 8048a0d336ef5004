/*
 * Every numeric instruction, with its operands in every place a value can be and its result going
 * everywhere it can go, against the oracle. What a single-pass compiler gets wrong is not
 * arithmetic but places: a register that two values share, a local that changes while an older
 * value of it is still on the stack, a result written before an operand is read.
 *
 * Each function returns besides the result the values that must not have changed: copies of both
 * operands pushed before, and the locals themselves.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "machine.h"
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>

/* Where an operand is. */
typedef enum place {
    IN_LOCAL,
    IN_TEMP, /* computed, in a register */
    IN_SLOT, /* flushed to the frame */
    IN_CONST,
    SAME_LOCAL, /* as the first operand */
    PLACES,
} place;

/* Where the result goes. */
typedef enum target {
    TO_STACK,
    TO_NEW, /* local.set */
    TO_NEW_BY_TEE,
    TO_FIRST, /* local.set of the first operand's local */
    TO_FIRST_BY_TEE,
    TO_SECOND,
    TO_IF, /* as a condition, 1 or 0 */
    TO_BR_IF,
    TO_SELECT,
    TO_EQZ,
    TO_EQZ_IF,
    TO_SELECT_FLOAT,
    TARGETS,
} target;

typedef struct shape {
    place first, second;
    target to;
    uint64_t consts[2];
} shape;

static bool is_binary(const oracle_row *row)
{
    return row->signature[1] != ':';
}

static char result_type(const oracle_row *row)
{
    return strchr(row->signature, ':')[1];
}

static bool is_possible(const oracle_row *row, place first, place second, target to)
{
    char result = result_type(row);
    if (first == SAME_LOCAL || (second == SAME_LOCAL && first != IN_LOCAL)) {
        return false;
    }
    switch (to) {
    case TO_FIRST:
    case TO_FIRST_BY_TEE: return result == row->signature[0];
    case TO_SECOND: return is_binary(row) && result == row->signature[1];
    case TO_IF:
    case TO_BR_IF:
    case TO_SELECT:
    case TO_EQZ_IF:
    case TO_SELECT_FLOAT: return result == 'i';
    case TO_EQZ: return result == 'i' || result == 'I';
    case TO_STACK:
    case TO_NEW:
    case TO_NEW_BY_TEE:
    case TARGETS: return true;
    }
    return true;
}

/* ---- Building -------------------------------------------------------------------------------- */

/* Switches on enums here name what differs. */
#pragma GCC diagnostic ignored "-Wswitch-enum"

#define OP(op) sw_builder_op(b, SW_OP_##op)

static void get(sw_builder *b, uint32_t local)
{
    sw_builder_op_u32(b, SW_OP_LOCAL_GET, local);
}

/* Makes a temporary of the value on top. */
static void renew(sw_builder *b, char type)
{
    switch (type) {
    case 'i':
        sw_builder_const(b, 'i', 0);
        OP(I32_OR);
        break;
    case 'I':
        sw_builder_const(b, 'I', 0);
        OP(I64_OR);
        break;
    case 'f':
        OP(I32_REINTERPRET_F32);
        OP(F32_REINTERPRET_I32);
        break;
    default: OP(I64_REINTERPRET_F64); OP(F64_REINTERPRET_I64);
    }
}

static void push_operand(sw_builder *b, const oracle_row *row, const shape *s, unsigned which)
{
    char type = row->signature[which];
    place p = which == 0 ? s->first : s->second;
    if (p == IN_CONST) {
        sw_builder_const(b, type, s->consts[which]);
        return;
    }
    get(b, p == SAME_LOCAL ? 0 : which);
    if (p == IN_TEMP || p == IN_SLOT) {
        renew(b, type);
    }
    if (p == IN_SLOT) {
        sw_builder_block(b, SW_OP_BLOCK, 0);
        OP(END);
    }
}

static void push_one_or_zero(sw_builder *b, target to)
{
    switch (to) {
    case TO_EQZ_IF:
        OP(I32_EQZ);
        sw_builder_block(b, SW_OP_IF, 'i');
        sw_builder_i32(b, 0);
        OP(ELSE);
        sw_builder_i32(b, 1);
        OP(END);
        break;
    case TO_IF:
        sw_builder_block(b, SW_OP_IF, 'i');
        sw_builder_i32(b, 1);
        OP(ELSE);
        sw_builder_i32(b, 0);
        OP(END);
        break;
    default: break;
    }
}

static void write_result(sw_builder *b, const oracle_row *row, target to, uint32_t new_local)
{
    uint32_t local = to == TO_FIRST || to == TO_FIRST_BY_TEE ? 0 : to == TO_SECOND ? 1 : new_local;
    switch (to) {
    case TO_NEW:
    case TO_FIRST:
    case TO_SECOND:
        sw_builder_op_u32(b, SW_OP_LOCAL_SET, local);
        get(b, local);
        break;
    case TO_NEW_BY_TEE:
    case TO_FIRST_BY_TEE: sw_builder_op_u32(b, SW_OP_LOCAL_TEE, local); break;
    case TO_EQZ: sw_builder_op(b, result_type(row) == 'i' ? SW_OP_I32_EQZ : SW_OP_I64_EQZ); break;
    case TO_SELECT: OP(SELECT); break;
    case TO_SELECT_FLOAT:
        OP(SELECT);
        OP(I32_TRUNC_F64_S);
        break;
    case TO_BR_IF:
        sw_builder_op_u32(b, SW_OP_BR_IF, 0);
        OP(DROP);
        sw_builder_i32(b, 0);
        OP(END);
        break;
    case TO_STACK:
    case TO_IF:
    case TO_EQZ_IF:
    case TARGETS: push_one_or_zero(b, to); break;
    }
}

static void push_before(sw_builder *b, target to)
{
    switch (to) {
    case TO_SELECT:
        sw_builder_i32(b, 1);
        sw_builder_i32(b, 0);
        break;
    case TO_SELECT_FLOAT:
        sw_builder_const(b, 'F', UINT64_C(0x3ff0000000000000));
        sw_builder_const(b, 'F', 0);
        break;
    case TO_BR_IF:
        sw_builder_block(b, SW_OP_BLOCK, 'i');
        sw_builder_i32(b, 1);
        break;
    default: break;
    }
}

static char final_type(const oracle_row *row, target to)
{
    return to == TO_EQZ ? 'i' : result_type(row);
}

/* Uses that make the locals worth a register. */
static void add_weight(sw_builder *b, uint32_t locals)
{
    for (uint32_t i = 0; i < 3 * locals; i++) {
        get(b, i % locals);
        OP(DROP);
    }
}

static void build_function(sw_builder *b, const oracle_row *row, const shape *s,
                           const uint32_t *types)
{
    uint32_t operands = is_binary(row) ? 2 : 1;
    char locals[2] = {result_type(row), 0};
    sw_builder_func(b, types[s->to == TO_EQZ], locals);
    add_weight(b, operands + 1);
    for (uint32_t i = 0; i < operands; i++) {
        get(b, i);
    }
    push_before(b, s->to);
    for (uint32_t i = 0; i < operands; i++) {
        push_operand(b, row, s, i);
    }
    sw_builder_op(b, row->opcode);
    write_result(b, row, s->to, operands);
    for (uint32_t i = 0; i < operands; i++) {
        get(b, i);
    }
    sw_builder_end_func(b);
}

static uint32_t function_type(sw_builder *b, const oracle_row *row, target to)
{
    char text[16];
    char result = final_type(row, to);
    int operands = is_binary(row) ? 2 : 1;
    (void)snprintf(text, sizeof text, "%.*s:%.*s%c%.*s", operands, row->signature, operands,
                   row->signature, result, operands, row->signature);
    return sw_builder_type(b, text);
}

/* ---- Checking -------------------------------------------------------------------------------- */

static uint64_t slot_bits(char type, const sw_value_slot *v)
{
    return type == 'i' || type == 'f' ? v->i32 : v->i64;
}

static void complain(const oracle_row *row, const shape *s, const uint64_t *operands,
                     const char *what, uint64_t expected, uint64_t got)
{
    fail_msg("%s, operands %llx %llx in %d %d, result to %d: %s is %llx, not %llx", row->name,
             (unsigned long long)operands[0], (unsigned long long)operands[1], s->first, s->second,
             s->to, what, (unsigned long long)got, (unsigned long long)expected);
}

static uint64_t expected_result(const shape *s, uint64_t value)
{
    switch (s->to) {
    case TO_IF:
    case TO_BR_IF:
    case TO_SELECT:
    case TO_SELECT_FLOAT:
    case TO_EQZ_IF: return value != 0;
    case TO_EQZ: return value == 0;
    default: return value;
    }
}

static void check_results(const oracle_row *row, const shape *s, const uint64_t *locals,
                          const uint64_t *operands, uint64_t value, const sw_value_slot *results)
{
    uint32_t count = is_binary(row) ? 2 : 1;
    uint64_t result = slot_bits(final_type(row, s->to), &results[count]);
    uint64_t expected = expected_result(s, value);
    bool is_plain = s->to < TO_IF;
    if (is_plain ? !oracle_accepts(row, operands[0], operands[1], expected, result)
                 : result != expected) {
        complain(row, s, operands, "the result", expected, result);
    }
    for (uint32_t i = 0; i < count; i++) {
        char type = row->signature[i];
        uint64_t copy = slot_bits(type, &results[i]);
        uint64_t after = slot_bits(type, &results[count + 1 + i]);
        bool is_target = (i == 0 && (s->to == TO_FIRST || s->to == TO_FIRST_BY_TEE)) ||
                         (i == 1 && s->to == TO_SECOND);
        if (copy != locals[i]) {
            complain(row, s, operands, "a copy", locals[i], copy);
        }
        if (after != (is_target ? result : locals[i])) {
            complain(row, s, operands, "a local", is_target ? result : locals[i], after);
        }
    }
}

static void run_one(machine *m, uint32_t func, const oracle_row *row, const shape *s,
                    const uint64_t *locals)
{
    uint64_t operands[2], value = 0;
    operands[0] = s->first == IN_CONST ? s->consts[0] : locals[0];
    operands[1] = s->second == IN_CONST     ? s->consts[1]
                  : s->second == SAME_LOCAL ? locals[0]
                                            : locals[1];
    sw_value_slot params[2] = {{.i64 = locals[0]}, {.i64 = locals[1]}}, results[8];
    sw_trap expected = row->compute(operands[0], operands[1], &value);
    sw_trap trap = machine_call(m, func, params, results);
    if (trap != expected) {
        complain(row, s, operands, "the trap", expected, trap);
    }
    if (trap == SW_TRAP_NONE) {
        check_results(row, s, locals, operands, value, results);
    }
}

/* Calls a function with all values for the operands that are not constant. */
static void run_all(machine *m, uint32_t func, const oracle_row *row, const shape *s)
{
    size_t first_count, second_count = 1;
    const uint64_t *first = oracle_values(row->signature[0], &first_count), *second = first;
    bool uses_second = is_binary(row) && s->second != IN_CONST && s->second != SAME_LOCAL;
    if (is_binary(row)) {
        second = oracle_values(row->signature[1], &second_count);
    }
    for (size_t i = 0; i < (s->first == IN_CONST ? 1 : first_count); i++) {
        for (size_t k = 0; k < (uses_second ? second_count : 1); k++) {
            uint64_t locals[2] = {first[i], is_binary(row) ? second[k] : 0};
            run_one(m, func, row, s, locals);
        }
    }
}

/* ---- All shapes ------------------------------------------------------------------------------ */

typedef struct shapes {
    shape at[20000];
    uint32_t count;
} shapes;

static shapes all;

static void add_consts(const oracle_row *row, shape s)
{
    size_t counts[2] = {1, 1};
    const uint64_t *values[2] = {NULL, NULL};
    for (unsigned i = 0; i < 2; i++) {
        if ((i == 0 ? s.first : s.second) == IN_CONST) {
            values[i] = oracle_values(row->signature[i], &counts[i]);
        }
    }
    for (size_t i = 0; i < counts[0]; i++) {
        for (size_t k = 0; k < counts[1]; k++) {
            s.consts[0] = values[0] != NULL ? values[0][i] : 0;
            s.consts[1] = values[1] != NULL ? values[1][k] : 0;
            assert_true(all.count < SW_COUNTOF(all.at));
            all.at[all.count++] = s;
        }
    }
}

static void collect(const oracle_row *row)
{
    all.count = 0;
    for (unsigned first = 0; first < PLACES; first++) {
        for (unsigned second = 0; second < (is_binary(row) ? PLACES : 1); second++) {
            for (unsigned to = 0; to < TARGETS; to++) {
                bool both_const = first == IN_CONST && second == IN_CONST;
                if (is_possible(row, first, second, to) && !(both_const && to > TO_NEW)) {
                    add_consts(row, (shape){.first = first, .second = second, .to = to});
                }
            }
        }
    }
}

static void check_row(const oracle_row *row, sw_baseline_knobs knobs)
{
    sw_builder b;
    machine m;
    sw_builder_init(&b);
    const uint32_t types[2] = {function_type(&b, row, TO_STACK), function_type(&b, row, TO_EQZ)};
    collect(row);
    for (uint32_t i = 0; i < all.count; i++) {
        build_function(&b, row, &all.at[i], types);
    }
    machine_init(&m, sw_builder_finish(&b), knobs);
    for (uint32_t i = 0; i < all.count; i++) {
        run_all(&m, i, row, &all.at[i]);
    }
    machine_clear(&m);
    sw_builder_clear(&b);
}

static void check_all(sw_baseline_knobs knobs)
{
    for (size_t i = 0; i < oracle_rows_count; i++) {
        check_row(&oracle_rows[i], knobs);
    }
}

static void test_pinned(void **state)
{
    (void)state;
    check_all(SW_BASELINE_KNOBS_DEFAULT);
}

static void test_unpinned(void **state)
{
    (void)state;
    check_all((sw_baseline_knobs){.max_int_temps = 255, .prefer_high = true});
}

static void test_few_registers(void **state)
{
    (void)state;
    check_all((sw_baseline_knobs){
        .max_int_pins = 1, .max_float_pins = 1, .max_int_temps = 4, .prefer_high = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_unpinned),
        cmocka_unit_test(test_few_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
