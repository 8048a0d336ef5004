/* What small modules that ask for much cost: code, memory, or a refusal that says where. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "build.h"
#include "code/compile.h"
#include "wasm/validate.h"

enum { WIDE = 1000, KB = 1024, MB = 1024 * 1024 };

/* "params:results", WIDE i32s or none on each side. */
static uint32_t wide_type(sw_builder *b, bool params, bool results)
{
    char text[2 * WIDE + 2];
    size_t len = 0;
    for (int i = 0; params && i < WIDE; i++) {
        text[len++] = 'i';
    }
    text[len++] = ':';
    for (int i = 0; results && i < WIDE; i++) {
        text[len++] = 'i';
    }
    text[len] = 0;
    return sw_builder_type(b, text);
}

/* A function that is never meant to be run: gives type's results. */
static uint32_t stub(sw_builder *b, uint32_t type)
{
    uint32_t f = sw_builder_func(b, type, "");
    OP(UNREACHABLE);
    END_FUNC();
    return f;
}

/* ---- The modules ----------------------------------------------------------------------------- */

static void unused_locals(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, ":");
    for (int i = 0; i < 2000; i++) {
        (void)sw_builder_func_many(b, t, 'I', SW_MAX_LOCALS);
        END_FUNC();
    }
}

static void one_used_local(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, ":");
    for (int i = 0; i < 2000; i++) {
        (void)sw_builder_func_many(b, t, 'I', SW_MAX_LOCALS);
        GET(SW_MAX_LOCALS - 1);
        OP(DROP);
        END_FUNC();
    }
}

/* `count` blocks of WIDE results and a table of 50,000 entries for them. */
static void wide_table(sw_builder *b, uint32_t count)
{
    enum { ENTRIES = 50000 };
    uint32_t t = wide_type(b, false, true);
    uint32_t *depths = calloc(ENTRIES + 1, sizeof *depths);
    assert_non_null(depths);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        depths[i] = i % count;
    }
    (void)sw_builder_func(b, t, "");
    for (uint32_t i = 0; i < count; i++) {
        BLOCK_TYPE(BLOCK, t);
    }
    for (uint32_t i = 0; i <= WIDE; i++) {
        I32(0);
    }
    sw_builder_br_table(b, depths, ENTRIES);
    for (uint32_t i = 0; i < count; i++) {
        OP(END);
        if (i + 1 < count) {
            OP(UNREACHABLE);
        }
    }
    END_FUNC();
    free(depths);
}

static void table_of_one(sw_builder *b)
{
    wide_table(b, 1);
}

static void table_of_many(sw_builder *b)
{
    wide_table(b, 400);
}

/* One function, `count` times: a call with WIDE results, then an instruction that takes them. */
static void wide_calls(sw_builder *b, uint32_t count, uint32_t opcode)
{
    uint32_t none = sw_builder_type(b, ":"), giver = stub(b, wide_type(b, false, true));
    uint32_t taker = stub(b, wide_type(b, true, false));
    (void)sw_builder_func(b, none, "");
    for (uint32_t i = 0; i < count; i++) {
        BLOCK(BLOCK, 0);
        CALL(giver);
        sw_builder_op_u32(b, opcode, opcode == SW_OP_CALL ? taker : 0);
        OP(END);
    }
    END_FUNC();
}

static void few_wide_calls(sw_builder *b)
{
    wide_calls(b, 20, SW_OP_CALL);
}

static void many_wide_calls(sw_builder *b)
{
    wide_calls(b, 5000, SW_OP_CALL);
}

static void many_wide_branches(sw_builder *b)
{
    wide_calls(b, 5000, SW_OP_BR);
}

/* Each of the functions is cheap enough by itself. */
static void wide_calls_in_many(sw_builder *b)
{
    uint32_t none = sw_builder_type(b, ":"), giver = stub(b, wide_type(b, false, true));
    for (uint32_t i = 0; i < 200; i++) {
        (void)sw_builder_func(b, none, "");
        CALL(giver);
        OP(UNREACHABLE);
        END_FUNC();
    }
}

static void wide_params_of_many(sw_builder *b)
{
    uint32_t t = wide_type(b, true, false);
    for (uint32_t i = 0; i < 200; i++) {
        (void)sw_builder_func(b, t, "");
        END_FUNC();
    }
}

static void wide_blocks(sw_builder *b)
{
    uint32_t results = wide_type(b, false, true), both = wide_type(b, true, true);
    uint32_t giver = stub(b, results);
    (void)sw_builder_func(b, results, "");
    CALL(giver);
    for (uint32_t i = 0; i < 5000; i++) {
        BLOCK_TYPE(BLOCK, both);
        OP(END);
    }
    END_FUNC();
}

/* Each loop asks whether it is interrupted, and saves every register for the answer. */
static void empty_loops(sw_builder *b)
{
    (void)sw_builder_func(b, sw_builder_type(b, ":"), "IIIIIIIIFFFFFF");
    for (uint32_t i = 0; i < 3 * 14; i++) {
        GET(i % 14);
        OP(DROP);
    }
    for (uint32_t i = 0; i < 100000; i++) {
        BLOCK(LOOP, 0);
        OP(END);
    }
    END_FUNC();
}

/* ---- The table ------------------------------------------------------------------------------- */

typedef struct row {
    build_fn *build;
    sw_status validated, compiled;
    uint32_t max_code;   /* bytes of machine code */
    uint32_t max_memory; /* bytes at the peak */
    const char *says;
} row;

// clang-format off
static const row ROWS[] = {
    {unused_locals,       SW_OK,    SW_OK,    2000 * 16,  8 * MB, NULL},
    {one_used_local,      SW_OK,    SW_OK,    2000 * 32,  8 * MB, NULL},
    {table_of_one,        SW_OK,    SW_OK,    260 * KB,   8 * MB, NULL},
    {table_of_many,       SW_LIMIT, SW_LIMIT, 0,          8 * MB, "values moved in a body of"},
    {few_wide_calls,      SW_OK,    SW_OK,    600 * KB,   8 * MB, NULL},
    {many_wide_calls,     SW_LIMIT, SW_LIMIT, 0,          8 * MB, "values moved in a body of"},
    {many_wide_branches,  SW_LIMIT, SW_LIMIT, 0,          8 * MB, "values moved in a body of"},
    {wide_calls_in_many,  SW_LIMIT, SW_LIMIT, 0,          8 * MB, "for bodies of"},
    {wide_params_of_many, SW_LIMIT, SW_LIMIT, 0,          8 * MB, "for bodies of"},
    {wide_blocks,         SW_LIMIT, SW_LIMIT, 0,          8 * MB, "values moved in a body of"},
    {empty_loops,         SW_OK,    SW_LIMIT, 0,         32 * MB, "bytes of machine code"},
};
// clang-format on

static void check_refusal(const row *t, const sw_module *m, const sw_diag *diag)
{
    assert_int_equal(diag->status, SW_LIMIT);
    assert_non_null(strstr(diag->text, "function "));
    assert_non_null(strstr(diag->text, t->says));
    const sw_range last = m->funcs[m->funcs_count - 1].body;
    assert_in_range(diag->offset, m->funcs[0].body.start, last.start + last.len);
}

static void check_row(const row *t, const sw_module *m)
{
    static const sw_features FEATURES = {};
    sw_diag diag = {};
    assert_int_equal(sw_module_validate_bodies(m, &FEATURES, &diag), t->validated);
    sw_budget budget;
    sw_budget_init(&budget, SIZE_MAX);
    sw_buf out;
    sw_buf_init(&out, NULL, SIZE_MAX);
    diag = (sw_diag){};
    sw_compile_stats stats = {};
    sw_compile_options options = {.threads = 2, .budget = &budget};
    assert_int_equal(sw_module_compile(m, &options, &out, &diag, &stats), t->compiled);
    if (t->compiled != SW_OK) {
        check_refusal(t, m, &diag);
    }
    assert_in_range(stats.machine_code_bytes, 0, t->max_code);
    assert_in_range(budget.peak_bytes, 1, t->max_memory);
    assert_int_equal(budget.used_bytes, 0);
    sw_buf_clear(&out);
}

static void test_rows(void **)
{
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        static const sw_features FEATURES = {};
        sw_builder b;
        sw_builder_init(&b);
        ROWS[i].build(&b);
        sw_arena arena;
        sw_arena_init(&arena, NULL, SIZE_MAX);
        sw_module m;
        sw_diag diag = {};
        print_message("row %zu\n", i);
        assert_int_equal(sw_module_read(&arena, sw_builder_finish(&b), 0, &FEATURES, &diag, &m),
                         SW_OK);
        assert_int_equal(sw_module_validate(&m, &FEATURES, &diag), SW_OK);
        check_row(&ROWS[i], &m);
        sw_arena_clear(&arena);
        sw_builder_clear(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
