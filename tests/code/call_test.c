/* Calls of every kind: where arguments and results travel, which instance runs, what traps. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "build.h"

#define RUN1(f, a)    machine_run(m, (f), (a), 0, 0)
#define RUN2(f, a, b) machine_run(m, (f), (a), (b), 0)

/* ---- Permutations of arguments --------------------------------------------------------------- */

enum { ARGS = 7, PERMUTATIONS = 40 };

static uint32_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

/* The sources of the arguments of one call: mostly a permutation, at times with repetitions. */
static void choose_sources(uint32_t seed, uint32_t *sources)
{
    random_state = seed * 7919 + 1;
    for (uint32_t i = 0; i < ARGS; i++) {
        sources[i] = i;
    }
    for (uint32_t i = ARGS - 1; i > 0; i--) {
        uint32_t k = next_random(i + 1), swap = sources[i];
        sources[i] = sources[k];
        sources[k] = swap;
    }
    if (seed % 3 == 0) {
        sources[next_random(ARGS)] = next_random(ARGS);
    }
}

/* Function 0: a + 10 b + 100 c ... of seven integers; 1: the same of seven floats. */
static void build_weighted(sw_builder *b, uint32_t type, char letter)
{
    sw_builder_func(b, type, "");
    for (uint32_t i = 0; i < ARGS; i++) {
        GET(i);
        if (letter == 'F') {
            OP(I64_TRUNC_F64_S);
        }
        uint64_t weight = 1;
        for (uint32_t k = 0; k < i; k++) {
            weight *= 10;
        }
        I64(weight);
        OP(I64_MUL);
    }
    for (uint32_t i = 1; i < ARGS; i++) {
        OP(I64_ADD);
    }
    END_FUNC();
}

/* By seed and position: leaves the local, makes a temporary of it, or one in an odd register: that
 * of the difference of a local and a temporary zero is not the lowest free one. */
static void make_temporary(sw_builder *b, uint32_t seed, uint32_t i, bool is_float)
{
    if (seed % 4 == 3 && i % 2 == 0) {
        GET(i);
        GET(i);
        sw_builder_op(b, is_float ? SW_OP_F64_SUB : SW_OP_I64_SUB);
        sw_builder_op(b, is_float ? SW_OP_F64_SUB : SW_OP_I64_SUB);
    } else if (seed % 4 != 0 && (seed % 4 != 2 || i % 2 == 0)) {
        if (is_float) {
            OP(F64_NEG);
            OP(F64_NEG);
        } else {
            I64(0);
            OP(I64_OR);
        }
    }
}

/* Calls one of these with its own parameters permuted; as locals, temporaries or both. */
static void build_permuted(sw_builder *b, uint32_t type, uint32_t seed, bool is_float)
{
    uint32_t sources[ARGS];
    choose_sources(seed, sources);
    sw_builder_func(b, type, "");
    I64(5); /* lives across the call */
    for (uint32_t i = 0; i < ARGS; i++) {
        GET(sources[i]);
        make_temporary(b, seed, i, is_float);
    }
    CALL(is_float);
    OP(I64_ADD);
    END_FUNC();
}

static void build_permutations(sw_builder *b)
{
    uint32_t ints = sw_builder_type(b, "IIIIIII:I"), floats = sw_builder_type(b, "FFFFFFF:I");
    build_weighted(b, ints, 'I');
    build_weighted(b, floats, 'F');
    for (uint32_t i = 0; i < PERMUTATIONS; i++) {
        build_permuted(b, ints, i, false);
        build_permuted(b, floats, i, true);
    }
}

static void check_permutations(machine *m)
{
    for (uint32_t i = 0; i < PERMUTATIONS; i++) {
        uint32_t sources[ARGS];
        uint64_t expected = 5, weight = 1;
        sw_value_slot ints[ARGS], floats[ARGS], result;
        choose_sources(i, sources);
        for (uint32_t k = 0; k < ARGS; k++, weight *= 10) {
            expected += (sources[k] + 1) * weight;
            ints[k].i64 = k + 1;
            floats[k].f64 = k + 1;
        }
        assert_int_equal(machine_call(m, 2 + 2 * i, ints, &result), SW_TRAP_NONE);
        assert_int_equal(result.i64, expected);
        assert_int_equal(machine_call(m, 3 + 2 * i, floats, &result), SW_TRAP_NONE);
        assert_int_equal(result.i64, expected);
    }
}

static void test_permutations(void **state)
{
    (void)state;
    with_module(build_permutations, check_permutations);
}

/* ---- Leaf functions whose parameters swap registers ------------------------------------------ */

/* Uses its parameters with different weights, so that each is pinned in another register than the
 * one it comes in. */
static void build_leaf(sw_builder *b, uint32_t type, uint32_t seed)
{
    uint32_t order[8] = {[7] = 7};
    choose_sources(3 * seed + 1, order);
    uint32_t swap = order[seed % 8];
    order[seed % 8] = 7;
    order[7] = swap;
    sw_builder_func(b, type, "");
    BLOCK(LOOP, 0);
    for (uint32_t i = 0; i < 8; i++) {
        for (uint32_t k = 0; k <= i; k++) {
            GET(order[7 - i]);
            OP(DROP);
        }
    }
    OP(END);
    GET(0);
    for (uint32_t i = 1; i < 8; i++) {
        I64(10);
        OP(I64_MUL);
        GET(i);
        OP(I64_ADD);
    }
    END_FUNC();
}

enum { LEAVES = 200 };

static void build_leaves(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, "IIIIIIII:I");
    for (uint32_t i = 0; i < LEAVES; i++) {
        build_leaf(b, t, i);
    }
}

static void check_leaves(machine *m)
{
    sw_value_slot params[8], result;
    for (uint32_t i = 0; i < 8; i++) {
        params[i].i64 = i + 1;
    }
    for (uint32_t f = 0; f < LEAVES; f++) {
        assert_int_equal(machine_call(m, f, params, &result), SW_TRAP_NONE);
        assert_int_equal(result.i64, 12345678);
    }
}

static void test_leaves(void **state)
{
    (void)state;
    with_module(build_leaves, check_leaves);
}

/* ---- Overflow of parameters and results ------------------------------------------------------ */

static const char mixed[] = "iFIfiIFfiFIfiIFfiFIfiIFf"; /* 24 of all kinds */

static void build_overflow(sw_builder *b)
{
    char text[64] = {0};
    size_t count = strlen(mixed);
    memcpy(text, mixed, count);
    text[count] = ':';
    for (size_t i = 0; i < count; i++) {
        text[count + 1 + i] = mixed[count - 1 - i];
    }
    uint32_t t = sw_builder_type(b, text);
    char reversed[sizeof mixed];
    memcpy(reversed, text + count + 1, sizeof reversed);
    memcpy(text + count + 1, mixed, count);
    uint32_t straight = sw_builder_type(b, text);
    /* 0: its parameters in reverse */
    sw_builder_func(b, t, "");
    for (uint32_t i = (uint32_t)count; i > 0; i--) {
        GET(i - 1);
    }
    END_FUNC();
    /* 1: the reverse, through 0, reversed again by locals */
    sw_builder_func(b, straight, reversed);
    for (uint32_t i = 0; i < count; i++) {
        GET(i);
    }
    CALL(0);
    for (uint32_t i = (uint32_t)count; i > 0; i--) {
        SET((uint32_t)count + i - 1);
    }
    for (uint32_t i = (uint32_t)count; i > 0; i--) {
        GET((uint32_t)count + i - 1);
    }
    END_FUNC();
}

static void check_overflow(machine *m)
{
    sw_value_slot params[24], results[24];
    for (uint32_t i = 0; i < 24; i++) {
        params[i].i64 = 0;
        switch (mixed[i]) {
        case 'i': params[i].i32 = 0xf0000000 + i; break;
        case 'I': params[i].i64 = UINT64_C(0xabcdef0000000000) + i; break;
        case 'f': params[i].f32 = 1.5F + (float)i; break;
        default: params[i].f64 = -2.25 * i;
        }
    }
    assert_int_equal(machine_call(m, 0, params, results), SW_TRAP_NONE);
    for (uint32_t i = 0; i < 24; i++) {
        assert_int_equal(results[i].i64, params[23 - i].i64);
    }
    assert_int_equal(machine_call(m, 1, params, results), SW_TRAP_NONE);
    for (uint32_t i = 0; i < 24; i++) {
        assert_int_equal(results[i].i64, params[i].i64);
    }
}

static void test_overflow(void **state)
{
    (void)state;
    with_module(build_overflow, check_overflow);
}

/* As many parameters and results as there may be. */
static void build_thousand(sw_builder *b)
{
    static char text[2 * SW_MAX_PARAMS + 2];
    memset(text, 'I', sizeof text - 1);
    text[SW_MAX_PARAMS] = ':';
    uint32_t t = sw_builder_type(b, text);
    sw_builder_func(b, t, "");
    for (uint32_t i = 0; i < SW_MAX_RESULTS; i++) {
        GET(SW_MAX_PARAMS - 1 - i);
        I64(1);
        OP(I64_ADD);
    }
    END_FUNC();
    sw_builder_func(b, t, "");
    for (uint32_t i = 0; i < SW_MAX_PARAMS; i++) {
        GET(i);
    }
    CALL(0);
    CALL(0);
    CALL(0);
    END_FUNC();
}

static void check_thousand(machine *m)
{
    static sw_value_slot params[SW_MAX_PARAMS], results[SW_MAX_RESULTS];
    for (uint32_t i = 0; i < SW_MAX_PARAMS; i++) {
        params[i].i64 = i * UINT64_C(0x100000001);
    }
    assert_int_equal(machine_call(m, 1, params, results), SW_TRAP_NONE);
    for (uint32_t i = 0; i < SW_MAX_RESULTS; i++) {
        assert_int_equal(results[i].i64, params[SW_MAX_PARAMS - 1 - i].i64 + 3);
    }
}

static void test_thousand(void **state)
{
    (void)state;
    with_module(build_thousand, check_thousand);
}

/* ---- Floats across calls --------------------------------------------------------------------- */

/* Pinned float locals live in registers that calls destroy. */
static void build_floats(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, "i:F"), clobber = sw_builder_type(b, ":");
    sw_builder_func(b, clobber, "FFFFFF");
    for (uint32_t k = 0; k < 40; k++) {
        GET(k % 6);
        F64(0x4059000000000000 + k);
        OP(F64_ADD);
        SET(k % 6);
    }
    END_FUNC();
    sw_builder_func(b, t, "FFFFFF");
    BLOCK(LOOP, 0);
    for (uint32_t k = 0; k < 60; k++) {
        GET(1 + k % 6);
        F64(0x3ff0000000000000); /* 1 */
        OP(F64_ADD);
        SET(1 + k % 6);
    }
    CALL(0);
    GET(0);
    I32(1);
    OP(I32_SUB);
    TEE(0);
    BR_IF(0);
    OP(END);
    GET(1);
    for (uint32_t k = 2; k <= 6; k++) {
        GET(k);
        OP(F64_ADD);
    }
    END_FUNC();
}

static void check_floats(machine *m)
{
    sw_value_slot param = {.i32 = 5}, result;
    assert_int_equal(machine_call(m, 1, &param, &result), SW_TRAP_NONE);
    assert_true(result.f64 == 300);
}

static void test_floats(void **state)
{
    (void)state;
    with_module(build_floats, check_floats);
}

/* ---- Indirect calls -------------------------------------------------------------------------- */

static uint64_t host_subtract(uint64_t a, uint64_t b)
{
    return (uint32_t)(a - b);
}

/* 0: imported subtraction; 1: addition; 2: another type; 3: calls element x with 50 and 8. */
static void build_indirect(sw_builder *b, bool is_open)
{
    uint32_t ii_i = sw_builder_type(b, "ii:i"), I_I = sw_builder_type(b, "I:I");
    uint32_t same = sw_builder_type(b, "ii:i"), i_i = sw_builder_type(b, "i:i");
    static const uint32_t funcs[] = {1, 0, 2};
    sw_builder_import_func(b, "host", "subtract", ii_i);
    sw_builder_func(b, ii_i, "");
    GET(0);
    GET(1);
    OP(I32_ADD);
    END_FUNC();
    sw_builder_func(b, I_I, "");
    GET(0);
    END_FUNC();
    sw_builder_func(b, i_i, "");
    I32(1000);
    I32(50);
    I32(8);
    GET(0);
    CALL_INDIRECT(same, 0);
    OP(I32_ADD);
    END_FUNC();
    /* 4: a direct call of the import */
    sw_builder_func(b, ii_i, "");
    GET(0);
    GET(1);
    CALL(0);
    GET(0);
    OP(I32_ADD);
    END_FUNC();
    uint32_t table = sw_builder_table(b, 'r', 5, UINT32_MAX);
    sw_builder_elem(b, table, 0, funcs, 3);
    if (is_open) {
        sw_builder_export(b, "table", SW_EXTERN_TABLE, table);
    }
}

static void build_closed(sw_builder *b)
{
    build_indirect(b, false);
}

static void build_open(sw_builder *b)
{
    build_indirect(b, true);
}

static void check_indirect(machine *m, bool is_closed)
{
    assert_int_equal(m->layout.table_is_closed[0], is_closed);
    assert_int_equal(m->layout.needs_thunk[0], is_closed);
    sw_func_cell host = {.code = (const void *)host_subtract, .type_id = 1};
    machine_link_func(m, 0, host);
    machine_start(m);
    assert_int_equal(RUN1(3, 0), 1058);
    assert_int_equal(RUN1(3, 1), 1042);
    assert_int_equal(machine_trap(m, 3, 2, 0), SW_TRAP_INDIRECT_CALL_TYPE);
    assert_int_equal(machine_trap(m, 3, 3, 0), SW_TRAP_NULL_ELEMENT);
    assert_int_equal(machine_trap(m, 3, 5, 0), SW_TRAP_UNDEFINED_ELEMENT);
    assert_int_equal(machine_trap(m, 3, UINT32_MAX, 0), SW_TRAP_UNDEFINED_ELEMENT);
    assert_int_equal(RUN2(4, 7, 2), 12);
}

static void check_closed(machine *m)
{
    check_indirect(m, true);
}

static void check_open(machine *m)
{
    check_indirect(m, false);
}

static void test_indirect(void **state)
{
    (void)state;
    with_module(build_closed, check_closed);
    with_module(build_open, check_open);
}

/* ---- Calls between instances ----------------------------------------------------------------- */

/* 0: reads and adds to its own memory and global. */
static void build_callee(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, "i:i");
    sw_builder_memory(b, 1, 1);
    sw_builder_global(b, 'i', true, 1000);
    sw_builder_func(b, t, "");
    I32(0);
    GET(0);
    LOAD(I32_STORE, 0);
    GLOBAL_GET(0);
    GET(0);
    OP(I32_ADD);
    GLOBAL_SET(0);
    GLOBAL_GET(0);
    END_FUNC();
    sw_builder_export(b, "f", SW_EXTERN_FUNC, 0);
}

/* 1: by import, 2: by an imported table; both then use their own memory. */
static void build_caller(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, "i:i");
    sw_builder_import_func(b, "other", "f", t);
    sw_builder_import_table(b, "other", "table", 'r', 1);
    sw_builder_memory(b, 1, 1);
    for (uint32_t i = 0; i < 2; i++) {
        sw_builder_func(b, t, "");
        I32(0);
        I32(77);
        LOAD(I32_STORE, 0);
        GET(0);
        if (i == 0) {
            CALL(0);
        } else {
            I32(0);
            CALL_INDIRECT(t, 0);
        }
        I32(0);
        LOAD(I32_LOAD, 0);
        OP(I32_ADD);
        END_FUNC();
    }
}

static void test_instances(void **state)
{
    (void)state;
    sw_builder callee, caller;
    machine a, z;
    sw_builder_init(&callee);
    sw_builder_init(&caller);
    build_callee(&callee);
    build_caller(&caller);
    machine_init(&a, sw_builder_finish(&callee), SW_BASELINE_KNOBS_DEFAULT);
    machine_init(&z, sw_builder_finish(&caller), SW_BASELINE_KNOBS_DEFAULT);
    uint64_t entry = (uint64_t)(uintptr_t)(a.base - a.layout.cells[0]);
    sw_table_view view = {.entries = &entry, .count = 1};
    machine_link_func(&z, 0, machine_cell(&a, 0));
    machine_link_table(&z, 0, &view);
    assert_int_equal(machine_run(&z, 1, 5, 0, 0), 1082);
    assert_int_equal(a.base[0], 5);
    assert_int_equal(machine_run(&z, 2, 6, 0, 0), 1011 + 77);
    assert_int_equal(a.base[0], 6);
    view.count = 0;
    assert_int_equal(machine_trap(&z, 2, 6, 0), SW_TRAP_UNDEFINED_ELEMENT);
    machine_clear(&a);
    machine_clear(&z);
    sw_builder_clear(&callee);
    sw_builder_clear(&caller);
}

/* ---- Stack exhaustion ------------------------------------------------------------------------ */

/* 0: recursion without end; 1: the same with a frame of seven megabytes. */
static void build_deep(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, "i:i");
    sw_builder_func(b, t, "");
    GET(0);
    CALL(0);
    I32(1);
    OP(I32_ADD);
    END_FUNC();
    sw_builder_func(b, t, "");
    for (uint32_t i = 0; i < 900000; i++) {
        GET(0);
    }
    CALL(1);
    for (uint32_t i = 1; i < 900000; i++) {
        OP(I32_ADD);
    }
    END_FUNC();
}

static void check_deep(machine *m)
{
    assert_int_equal(machine_trap(m, 0, 1, 0), SW_TRAP_STACK_EXHAUSTED);
    assert_int_equal(machine_trap(m, 1, 1, 0), SW_TRAP_STACK_EXHAUSTED);
}

static void test_deep(void **state)
{
    (void)state;
    with_module(build_deep, check_deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permutations), cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_overflow),     cmocka_unit_test(test_thousand),
        cmocka_unit_test(test_floats),       cmocka_unit_test(test_indirect),
        cmocka_unit_test(test_instances),    cmocka_unit_test(test_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
