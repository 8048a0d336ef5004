/* Blocks, branches, conditions, locals: what flows where. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "build.h"

#define RUN1(f, a)       machine_run(m, (f), (a), 0, 0)
#define RUN2(f, a, b)    machine_run(m, (f), (a), (b), 0)
#define RUN3(f, a, b, c) machine_run(m, (f), (a), (b), (c))

static void build_each(sw_builder *b, build_fn *const *functions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        functions[i](b);
    }
}

static void build_fib(sw_builder *b)
{
    sw_builder_func(b, sw_builder_type(b, "i:i"), "");
    GET(0);
    I32(2);
    OP(I32_LT_S);
    BLOCK(IF, 'i');
    GET(0);
    OP(ELSE);
    GET(0);
    I32(1);
    OP(I32_SUB);
    CALL(0);
    GET(0);
    I32(2);
    OP(I32_SUB);
    CALL(0);
    OP(I32_ADD);
    OP(END);
    END_FUNC();
}

static void check_fib(machine *m)
{
    assert_int_equal(RUN1(0, 20), 6765);
}

static void test_fib(void **state)
{
    (void)state;
    with_module(build_fib, check_fib);
}

/* ---- br_table -------------------------------------------------------------------------------- */

/* count + 1 nested blocks; block k adds 10 to the power of nothing: returns 100 + k. */
static void table_function(sw_builder *b, uint32_t type, uint32_t count)
{
    uint32_t depths[64];
    sw_builder_func(b, type, "");
    for (uint32_t i = 0; i <= count; i++) {
        BLOCK(BLOCK, 0);
        depths[i] = i;
    }
    GET(0);
    sw_builder_br_table(b, depths, count);
    for (uint32_t i = 0; i <= count; i++) {
        OP(END);
        I32(100 + i);
        OP(RETURN);
    }
    OP(UNREACHABLE);
    END_FUNC();
}

static void build_tables(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, "i:i");
    for (uint32_t count = 0; count < 8; count++) {
        table_function(b, t, count);
    }
    /* A table whose targets take a value, one of them the function itself. */
    static const uint32_t depths[] = {0, 1, 2, 1, 0, 1};
    sw_builder_func(b, t, "");
    BLOCK(BLOCK, 'i');
    BLOCK(BLOCK, 'i');
    I32(7);
    GET(0);
    sw_builder_br_table(b, depths, 5);
    OP(END);
    I32(1000);
    OP(I32_ADD);
    OP(END);
    I32(10000);
    OP(I32_ADD);
    END_FUNC();
}

static void check_tables(machine *m)
{
    for (uint32_t count = 0; count < 8; count++) {
        for (uint32_t i = 0; i < 10; i++) {
            assert_int_equal(RUN1(count, i), 100 + SW_MIN(i, count));
        }
        assert_int_equal(RUN1(count, 0xffffffff), 100 + count);
    }
    static const uint32_t expected[] = {11007, 10007, 7, 10007, 11007, 10007};
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(RUN1(8, i), expected[i]);
    }
    assert_int_equal(RUN1(8, UINT32_MAX), 10007);
}

static void test_br_table(void **state)
{
    (void)state;
    with_module(build_tables, check_tables);
}

/* Targets of two values, at different heights, and a loop with a parameter. */
static void build_wide_tables(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, "i:i"), two = sw_builder_type(b, ":ii");
    uint32_t one_to_none = sw_builder_type(b, "i:");
    static const uint32_t depths[] = {0, 1, 0, 0, 1};
    sw_builder_func(b, t, "");
    I32(1);
    BLOCK_TYPE(BLOCK, two);
    I32(2);
    BLOCK_TYPE(BLOCK, two);
    I32(3);
    GET(0);
    I32(5);
    OP(I32_MUL);
    I32(50);
    GET(0);
    sw_builder_br_table(b, depths, 4);
    OP(END); /* 2, x * 5, 50 */
    OP(I32_SUB);
    OP(END); /* 1, and either 2, x * 5 - 50 or x * 5, 50 */
    OP(I32_SUB);
    OP(I32_ADD);
    END_FUNC();

    /* Counts its parameter down by the loop's own parameter. */
    static const uint32_t loop_depths[] = {1, 0, 0, 0, 0, 0};
    sw_builder_func(b, t, "i");
    BLOCK(BLOCK, 'i');
    GET(0);
    BLOCK_TYPE(LOOP, one_to_none);
    SET(0);
    GET(1);
    GET(0);
    OP(I32_ADD);
    SET(1);
    GET(0);
    I32(1);
    OP(I32_SUB);
    GET(0);
    I32(1);
    OP(I32_NE);
    sw_builder_br_table(b, loop_depths, 5);
    OP(END);
    OP(UNREACHABLE);
    OP(END);
    OP(DROP);
    GET(1);
    END_FUNC();
}

static void check_wide_tables(machine *m)
{
    for (uint32_t i = 0; i < 6; i++) {
        int32_t x5 = (int32_t)i * 5;
        bool is_inner = i == 0 || i == 2 || i == 3;
        int32_t expected = is_inner ? 1 + (2 - (x5 - 50)) : 1 + (x5 - 50);
        assert_int_equal((int32_t)RUN1(0, i), expected);
    }
    assert_int_equal(RUN1(1, 10), 55);
}

static void test_br_table_values(void **state)
{
    (void)state;
    with_module(build_wide_tables, check_wide_tables);
}

/* The table needs a register when all hold what the branch carries: what makes room for it must be
 * stored on the way to the default target, too. Function n carries n + MIN_CARRIED values, of which
 * value i is the parameter and bit i + 4; it returns their sum. */
enum { MIN_CARRIED = 2, MAX_CARRIED = 13 };

static void build_full_tables(sw_builder *b)
{
    static const uint32_t depths[] = {1, 1, 0, 0, 1, 0};
    static const char results[] = ":iiiiiiiiiiiii";
    static_assert(sizeof results == MAX_CARRIED + 2);
    for (uint32_t count = MIN_CARRIED; count <= MAX_CARRIED; count++) {
        char text[sizeof results];
        memcpy(text, results, sizeof text);
        text[1 + count] = 0;
        uint32_t carried = sw_builder_type(b, text);
        sw_builder_func(b, sw_builder_type(b, "i:i"), "");
        BLOCK_TYPE(BLOCK, carried);
        BLOCK_TYPE(BLOCK, carried);
        for (uint32_t i = 0; i < count; i++) {
            GET(0);
            I32(1 << (i + 4));
            OP(I32_OR);
        }
        GET(0);
        sw_builder_br_table(b, depths, 5);
        OP(END);
        OP(END);
        for (uint32_t i = 1; i < count; i++) {
            OP(I32_ADD);
        }
        END_FUNC();
    }
}

static void check_full_tables(machine *m)
{
    for (uint32_t count = MIN_CARRIED; count <= MAX_CARRIED; count++) {
        uint32_t bits = ((1u << count) - 1) << 4;
        for (uint32_t i = 0; i < 8; i++) { /* from 5 on the default */
            assert_int_equal(RUN1(count - MIN_CARRIED, i), bits + count * i);
        }
    }
}

static void test_full_br_table(void **state)
{
    (void)state;
    with_module(build_full_tables, check_full_tables);
}

static void build_big_table(sw_builder *b)
{
    static uint32_t depths[30001];
    sw_builder_func(b, sw_builder_type(b, "i:i"), "");
    for (uint32_t i = 0; i <= 30000; i++) {
        depths[i] = i % 3;
    }
    BLOCK(BLOCK, 0);
    BLOCK(BLOCK, 0);
    BLOCK(BLOCK, 0);
    GET(0);
    sw_builder_br_table(b, depths, 30000);
    OP(END);
    I32(0);
    OP(RETURN);
    OP(END);
    I32(1);
    OP(RETURN);
    OP(END);
    I32(2);
    END_FUNC();
}

static void check_big_table(machine *m)
{
    for (uint32_t i = 0; i < 30000; i += 997) {
        assert_int_equal(RUN1(0, i), i % 3);
    }
    assert_int_equal(RUN1(0, 40000), 0);
}

static void test_big_br_table(void **state)
{
    (void)state;
    with_module(build_big_table, check_big_table);
}

/* ---- Multi-value ----------------------------------------------------------------------------- */

/* A swap in a block with parameters. */
static void swap_in_block(sw_builder *b)
{
    uint32_t ii_i = sw_builder_type(b, "ii:i");
    uint32_t ii_ii = sw_builder_type(b, "ii:ii");
    sw_builder_func(b, ii_i, "ii");
    GET(0);
    GET(1);
    BLOCK_TYPE(BLOCK, ii_ii);
    SET(2);
    SET(3);
    GET(2);
    GET(3);
    OP(END);
    OP(I32_SUB);
    END_FUNC();
}

/* If with parameters and no else, one value. */
static void if_without_else(sw_builder *b)
{
    uint32_t ii_i = sw_builder_type(b, "ii:i");
    uint32_t i_i = sw_builder_type(b, "i:i");
    sw_builder_func(b, ii_i, "");
    GET(0);
    GET(1);
    BLOCK_TYPE(IF, i_i);
    I32(1);
    OP(I32_ADD);
    OP(END);
    END_FUNC();
}

/* The same with two values and constants among them. */
static void wide_if_without_else(sw_builder *b)
{
    uint32_t ii_i = sw_builder_type(b, "ii:i");
    uint32_t ii_ii = sw_builder_type(b, "ii:ii");
    sw_builder_func(b, ii_i, "");
    I32(30);
    GET(0);
    GET(1);
    BLOCK_TYPE(IF, ii_ii);
    OP(I32_ADD);
    I32(4);
    OP(END);
    OP(I32_SUB);
    END_FUNC();
}

/* Factorial by a loop with parameters: (n, accumulator). */
static void factorial_by_loop(sw_builder *b)
{
    uint32_t ii_ii = sw_builder_type(b, "ii:ii");
    uint32_t i_i = sw_builder_type(b, "i:i");
    sw_builder_func(b, i_i, "ii");
    GET(0);
    I32(1);
    BLOCK_TYPE(LOOP, ii_ii);
    SET(2);
    SET(1);
    GET(1);
    I32(1);
    OP(I32_SUB);
    GET(2);
    GET(1);
    OP(I32_MUL);
    GET(1);
    I32(1);
    OP(I32_GT_S);
    BR_IF(0);
    OP(END);
    TEE(2);
    OP(DROP);
    OP(DROP);
    GET(2);
    END_FUNC();
}

/* If and else with two results and a parameter each. */
static void wide_if_and_else(sw_builder *b)
{
    uint32_t ii_i = sw_builder_type(b, "ii:i");
    uint32_t ii_ii = sw_builder_type(b, "ii:ii");
    sw_builder_func(b, ii_i, "");
    GET(0);
    I32(100);
    GET(1);
    BLOCK_TYPE(IF, ii_ii);
    OP(I32_ADD);
    GET(0);
    OP(ELSE);
    OP(I32_MUL);
    I32(1);
    OP(END);
    OP(I32_SUB);
    END_FUNC();
}

/* Each builds one function; the order is that of the indices. */
static build_fn *const MULTI[] = {
    swap_in_block, if_without_else, wide_if_without_else, factorial_by_loop, wide_if_and_else,
};

static void build_multi(sw_builder *b)
{
    build_each(b, MULTI, SW_COUNTOF(MULTI));
}

static void check_multi(machine *m)
{
    assert_int_equal(RUN2(0, 5, 100), 95);
    assert_int_equal(RUN2(1, 5, 1), 6);
    assert_int_equal(RUN2(1, 5, 0), 5);
    assert_int_equal(RUN2(2, 5, 1), 31);
    assert_int_equal(RUN2(2, 5, 0), 25);
    assert_int_equal(RUN1(3, 6), 720);
    assert_int_equal(RUN2(4, 5, 1), 100);
    assert_int_equal(RUN2(4, 5, 0), 499);
}

static void test_multi_value(void **state)
{
    (void)state;
    with_module(build_multi, check_multi);
}

/* ---- Branches with values -------------------------------------------------------------------- */

/* Br_if with a value and operands beneath that stay on the other path. */
static void br_if_over_operands(sw_builder *b)
{
    uint32_t ii_i = sw_builder_type(b, "ii:i");
    sw_builder_func(b, ii_i, "");
    I32(1);
    BLOCK(BLOCK, 'i');
    GET(0);
    I32(2);
    OP(I32_ADD);
    GET(0);
    I32(3);
    OP(I32_MUL);
    GET(1);
    BR_IF(0);
    OP(I32_SUB);
    OP(END);
    OP(I32_ADD);
    END_FUNC();
}

/* The same with two values. */
static void wide_br_if_over_operands(sw_builder *b)
{
    uint32_t ii_i = sw_builder_type(b, "ii:i");
    uint32_t two = sw_builder_type(b, ":ii");
    sw_builder_func(b, ii_i, "");
    I32(1);
    BLOCK_TYPE(BLOCK, two);
    GET(0);
    I32(2);
    OP(I32_ADD);
    GET(0);
    I32(3);
    OP(I32_MUL);
    I32(11);
    GET(1);
    BR_IF(0);
    OP(I32_SUB);
    OP(END);
    OP(I32_SUB);
    OP(I32_ADD);
    END_FUNC();
}

/* The float path, fused with a float comparison. */
static void br_if_by_float(sw_builder *b)
{
    uint32_t FF_F = sw_builder_type(b, "FFi:F");
    sw_builder_func(b, FF_F, "");
    BLOCK(BLOCK, 'F');
    GET(0);
    GET(1);
    OP(F64_ADD);
    GET(0);
    GET(1);
    OP(F64_EQ);
    BR_IF(0);
    OP(DROP);
    GET(0);
    GET(1);
    OP(F64_SUB);
    OP(END);
    END_FUNC();
}

/* Return from within, dead code after it. */
static void return_from_within(sw_builder *b)
{
    uint32_t ii_i = sw_builder_type(b, "ii:i");
    sw_builder_func(b, ii_i, "");
    BLOCK(BLOCK, 0);
    BLOCK(LOOP, 0);
    GET(0);
    OP(RETURN);
    BLOCK(BLOCK, 'i');
    OP(UNREACHABLE);
    OP(END);
    BR(0);
    OP(END);
    OP(UNREACHABLE);
    BLOCK(IF, 0);
    OP(NOP);
    OP(ELSE);
    BR(1);
    OP(END);
    OP(END);
    OP(UNREACHABLE);
    END_FUNC();
}

/* A dead then-branch, a live else-branch. */
static void dead_then(sw_builder *b)
{
    uint32_t ii_i = sw_builder_type(b, "ii:i");
    sw_builder_func(b, ii_i, "");
    GET(1);
    BLOCK(IF, 'i');
    OP(UNREACHABLE);
    OP(ELSE);
    GET(0);
    OP(END);
    END_FUNC();
}

/* Each builds one function; the order is that of the indices. */
static build_fn *const BRANCHES[] = {
    br_if_over_operands, wide_br_if_over_operands, br_if_by_float, return_from_within, dead_then,
};

static void build_branches(sw_builder *b)
{
    build_each(b, BRANCHES, SW_COUNTOF(BRANCHES));
}

static void check_branches(machine *m)
{
    assert_int_equal(RUN2(0, 10, 1), 31);
    assert_int_equal((int32_t)RUN2(0, 10, 0), 1 + 12 - 30);
    assert_int_equal(RUN2(1, 10, 1), 1 + 30 - 11);
    assert_int_equal((int32_t)RUN2(1, 10, 0), 1 + (12 - (30 - 11)));
    sw_value_slot params[3] = {{.f64 = 2.5}, {.f64 = 2.5}}, result;
    assert_int_equal(machine_call(m, 2, params, &result), SW_TRAP_NONE);
    assert_true(result.f64 == 5.0);
    params[1].f64 = 1;
    assert_int_equal(machine_call(m, 2, params, &result), SW_TRAP_NONE);
    assert_true(result.f64 == 1.5);
    params[1].f64 = __builtin_nan("");
    assert_int_equal(machine_call(m, 2, params, &result), SW_TRAP_NONE);
    assert_true(result.f64 != result.f64);
    assert_int_equal(RUN2(3, 42, 0), 42);
    assert_int_equal(RUN2(4, 42, 0), 42);
    assert_int_equal(machine_trap(m, 4, 42, 1), SW_TRAP_UNREACHABLE);
}

static void test_branches(void **state)
{
    (void)state;
    with_module(build_branches, check_branches);
}

/* ---- select ---------------------------------------------------------------------------------- */

static void select_function(sw_builder *b, uint32_t type, const uint32_t *locals, uint32_t target)
{
    sw_builder_func(b, type, "I");
    for (uint32_t i = 0; i < 9; i++) { /* worth a register */
        GET(i % 2);
        OP(DROP);
    }
    GET(0);
    GET(1);
    GET(locals[0]);
    GET(locals[1]);
    GET(2);
    OP(SELECT);
    SET(target);
    OP(I64_SUB); /* the old values */
    GET(0);
    I64(1000);
    OP(I64_MUL);
    OP(I64_ADD);
    GET(1);
    I64(1000000);
    OP(I64_MUL);
    OP(I64_ADD);
    END_FUNC();
}

static void build_select(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, "IIi:I");
    for (uint32_t i = 0; i < 8; i++) {
        const uint32_t locals[2] = {i & 1, i >> 1 & 1};
        select_function(b, t, locals, i >> 2 & 1);
    }
}

static void check_select(machine *m)
{
    for (uint32_t i = 0; i < 8; i++) {
        for (uint32_t condition = 0; condition < 3; condition++) {
            uint64_t v[2] = {70, 20};
            uint64_t chosen = v[condition != 0 ? (i & 1) : (i >> 1 & 1)];
            v[i >> 2 & 1] = chosen;
            uint64_t expected = 50 + v[0] * 1000 + v[1] * 1000000;
            assert_int_equal(RUN3(i, 70, 20, condition), expected);
        }
    }
}

static void test_select(void **state)
{
    (void)state;
    with_module(build_select, check_select);
}

/* ---- Many locals, many operands -------------------------------------------------------------- */

static void build_many(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, "i:i");
    /* 0: 50,000 locals: the sum of three, two of which were never written */
    sw_builder_func_many(b, t, 'I', SW_MAX_LOCALS - 1);
    GET(0);
    OP(I64_EXTEND_I32_U);
    SET(SW_MAX_LOCALS - 1);
    for (uint32_t i = 1; i < SW_MAX_LOCALS; i += 7) {
        GET(i);
    }
    for (uint32_t i = 8; i < SW_MAX_LOCALS; i += 7) {
        OP(I64_ADD);
    }
    GET(SW_MAX_LOCALS - 1);
    OP(I64_ADD);
    OP(I32_WRAP_I64);
    END_FUNC();
    /* 1: 5,000 copies of a local that then changes, and all of them added */
    sw_builder_func(b, t, "");
    for (uint32_t i = 0; i < 5000; i++) {
        GET(0);
    }
    I32(1000000);
    SET(0);
    for (uint32_t i = 1; i < 5000; i++) {
        OP(I32_ADD);
    }
    GET(0);
    OP(I32_ADD);
    END_FUNC();
    /* 2: the same with a block between */
    sw_builder_func(b, t, "");
    for (uint32_t i = 0; i < 700; i++) {
        GET(0);
        I32(1);
        OP(I32_ADD);
        I32(3);
        BLOCK(LOOP, 0);
        OP(END);
    }
    I32(0);
    SET(0);
    for (uint32_t i = 1; i < 1400; i++) {
        OP(I32_ADD);
    }
    END_FUNC();
}

static void check_many(machine *m)
{
    assert_int_equal(RUN1(0, 12345), 12345 * (1 + ((SW_MAX_LOCALS - 2) % 7 == 0)));
    assert_int_equal(RUN1(1, 3), 1015000);
    assert_int_equal(RUN1(2, 5), 700 * 9);
}

static void test_many(void **state)
{
    (void)state;
    with_module(build_many, check_many);
}

/* ---- Loops and interruption ------------------------------------------------------------------ */

static uint8_t *flag_of(machine *m)
{
    return m->base - SW_CTX_INTERRUPT;
}

static void clear_flag(machine *m)
{
    *flag_of(m) = 0;
}

/* Sums in many locals of all kinds, a leaf: registers that calls destroy are in use. */
static void build_loop(sw_builder *b)
{
    sw_builder_func(b, sw_builder_type(b, "iI:I"), "IIIIIIIFFFFFFF");
    BLOCK(LOOP, 0);
    for (uint32_t i = 2; i <= 8; i++) {
        GET(i);
        GET(1);
        OP(I64_ADD);
        SET(i);
    }
    for (uint32_t i = 9; i <= 15; i++) {
        GET(i);
        GET(1);
        OP(F64_CONVERT_I64_S);
        OP(F64_ADD);
        SET(i);
    }
    GET(0);
    I32(1);
    OP(I32_SUB);
    TEE(0);
    BR_IF(0);
    OP(END);
    I64(0);
    for (uint32_t i = 2; i <= 8; i++) {
        GET(i);
        OP(I64_ADD);
    }
    for (uint32_t i = 9; i <= 15; i++) {
        GET(i);
        OP(I64_TRUNC_F64_S);
        OP(I64_ADD);
    }
    END_FUNC();
}

static void check_loop(machine *m)
{
    machine_on_interrupt = clear_flag;
    assert_int_equal(RUN2(0, 10, 3), 14 * 30);
    unsigned before = machine_last_helper.count;
    *flag_of(m) = 1;
    assert_int_equal(RUN2(0, 10, 3), 14 * 30);
    assert_int_equal(machine_last_helper.count, before + 1);
    assert_int_equal(machine_last_helper.helper, SW_HELPER_INTERRUPT);
    machine_on_interrupt = NULL; /* the flag stays: every round asks */
    *flag_of(m) = 0x80;
    assert_int_equal(RUN2(0, 10, 3), 14 * 30);
    assert_int_equal(machine_last_helper.count, before + 11);
}

static void test_interruption(void **state)
{
    (void)state;
    with_module(build_loop, check_loop);
}

static void sum_loop_pins(sw_builder *b)
{
    CALL(1);
    OP(DROP);
    GET(8);
    GET(9);
    OP(F64_ADD);
    OP(I64_TRUNC_F64_S);
    for (uint32_t i = 2; i <= 7; i++) {
        GET(i);
        I64(100);
        OP(I64_MUL);
        OP(I64_ADD);
    }
    GET(10);
    OP(I64_EXTEND_I32_U);
    OP(I64_ADD);
}

/* A function that calls, in loops that do not: their locals move into registers and back. It goes
 * on n times and leaves the loop in one of four ways: by its end, out of a block, from an inner
 * loop, with a return. */
static void build_loop_pins(sw_builder *b)
{
    sw_builder_func(b, sw_builder_type(b, "ii:I"), "IIIIIIFFi");
    BLOCK(BLOCK, 0);
    BLOCK(LOOP, 0);
    for (uint32_t i = 2; i <= 7; i++) {
        GET(i);
        I64(i);
        OP(I64_ADD);
        SET(i);
    }
    GET(8);
    GET(9);
    OP(F64_ADD);
    F64(0x3ff0000000000000);
    OP(F64_ADD);
    TEE(8);
    SET(9);
    GET(1);
    I32(1);
    OP(I32_EQ);
    GET(10);
    I32(4);
    OP(I32_EQ);
    OP(I32_AND);
    BR_IF(1);
    I32(3);
    GET(1);
    GET(10);
    OP(I32_SUB);
    OP(I32_LT_S);
    BLOCK(IF, 0);
    GET(2);
    OP(RETURN);
    OP(END);
    BLOCK(LOOP, 0);
    GET(3);
    I64(1);
    OP(I64_SUB);
    SET(3);
    GET(1);
    I32(2);
    OP(I32_EQ);
    GET(10);
    I32(2);
    OP(I32_EQ);
    OP(I32_AND);
    BR_IF(2);
    GET(10);
    I32(1);
    OP(I32_ADD);
    TEE(10);
    I32(1);
    OP(I32_AND);
    BR_IF(0);
    OP(END);
    GET(10);
    GET(0);
    OP(I32_LT_S);
    BR_IF(0);
    OP(END);
    OP(END);
    sum_loop_pins(b);
    END_FUNC();
    sw_builder_func(b, sw_builder_type(b, ":i"), "");
    I32(1);
    END_FUNC();
}

/* The same in C. */
static int64_t loop_pins(int n, int way)
{
    int64_t v[8] = {0};
    double x = 0, y = 0;
    int count = 0;
    do {
        for (int i = 2; i <= 7; i++) {
            v[i] += i;
        }
        y = x = x + y + 1;
        if (way == 1 && count == 4) {
            break;
        }
        if (3 < way - count) {
            return v[2];
        }
        do {
            v[3]--;
            if (way == 2 && count == 2) {
                goto out;
            }
        } while ((++count & 1) != 0);
    } while (count < n);
out:;
    int64_t sum = (int64_t)(x + y) + count;
    for (int i = 2; i <= 7; i++) {
        sum += 100 * v[i];
    }
    return sum;
}

static void check_loop_pins(machine *m)
{
    for (int n = 1; n < 10; n++) {
        for (int way = 0; way < 6; way++) {
            machine_on_interrupt = NULL;
            *flag_of(m) = 0;
            assert_int_equal(RUN2(0, (uint64_t)n, (uint64_t)way), loop_pins(n, way));
            *flag_of(m) = 1;
            assert_int_equal(RUN2(0, (uint64_t)n, (uint64_t)way), loop_pins(n, way));
            machine_on_interrupt = clear_flag;
            assert_int_equal(RUN2(0, (uint64_t)n, (uint64_t)way), loop_pins(n, way));
        }
    }
    *flag_of(m) = 0;
}

static void test_loop_pins(void **state)
{
    (void)state;
    with_module(build_loop_pins, check_loop_pins);
}

/* ---- Offsets of traps ------------------------------------------------------------------------ */

static uint32_t trapping_body;

/* Each division is an instruction of its own; fused ones follow. */
static void build_offsets(sw_builder *b)
{
    sw_builder_func(b, sw_builder_type(b, "ii:i"), "i");
    trapping_body = (uint32_t)b->body.len;
    GET(0);
    GET(1);
    OP(I32_DIV_U); /* byte 4 of the code */
    SET(2);
    GET(2);
    BLOCK(IF, 0);
    OP(UNREACHABLE); /* byte 11 */
    OP(END);
    GET(0);
    GET(1);
    OP(I32_DIV_S); /* byte 17 */
    END_FUNC();
}

static void check_offsets(machine *m)
{
    uint32_t code = m->module.funcs[0].body.start + trapping_body;
    assert_int_equal(machine_trap(m, 0, 1, 0), SW_TRAP_DIVISION_BY_ZERO);
    assert_int_equal(m->trap_offset, code + 4);
    assert_int_equal(machine_trap(m, 0, 5, 1), SW_TRAP_UNREACHABLE);
    assert_int_equal(m->trap_offset, code + 11);
    assert_int_equal(machine_trap(m, 0, 0x80000000, 0xffffffff), SW_TRAP_INTEGER_OVERFLOW);
    assert_int_equal(m->trap_offset, code + 17);
}

static void test_offsets(void **state)
{
    (void)state;
    with_module(build_offsets, check_offsets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fib),
        cmocka_unit_test(test_br_table),
        cmocka_unit_test(test_br_table_values),
        cmocka_unit_test(test_full_br_table),
        cmocka_unit_test(test_big_br_table),
        cmocka_unit_test(test_multi_value),
        cmocka_unit_test(test_branches),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_interruption),
        cmocka_unit_test(test_loop_pins),
        cmocka_unit_test(test_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
