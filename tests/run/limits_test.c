/* What a store may take: memory, tables, host memory, instances; sizes that do not exist. */
#include "harness.h"

#define PAGES(n) ((uint64_t)(n) * 65536)

/* grow(i32), table(i32) (table.grow by that), size(i32) */
static sw_instance *growing(harness *h, uint32_t pages, uint32_t max, uint32_t entries,
                            uint32_t max_entries)
{
    builder b;
    builder_init(&b);
    uint32_t ii = builder_type(&b, "i:i");
    builder_memory(&b, pages, max);
    builder_table(&b, 'r', entries, max_entries);
    builder_export(&b, "grow", 0, builder_func(&b, ii, "", CODE(0x20, 0, 0x40, 0)));
    builder_export(&b, "table", 0,
                   builder_func(&b, ii, "", CODE(0xd0, 0x70, 0x20, 0, 0xfc, 15, 0)));
    builder_export(&b, "size", 0, builder_func(&b, ii, "", CODE(0x3f, 0)));
    builder_export(&b, "entries", 0, builder_func(&b, ii, "", CODE(0xfc, 16, 0)));
    builder_export(&b, "load", 0, builder_func(&b, ii, "", CODE(0x20, 0, 0x2d, 0, 0)));
    return harness_instance(h, &b, NULL);
}

#define FAILED UINT32_MAX

typedef struct step {
    const char *name;
    uint32_t delta;
    uint32_t result;
} step;

/* Memory 1 to 7 pages, table 2 to 9 entries; the store allows 6 pages and 8 entries. */
static const step STEPS[] = {
    {"grow",    0,          1     },
    {"grow",    2,          1     },
    {"size",    0,          3     },
    {"grow",    4,          FAILED},
    {"grow",    5,          FAILED},
    {"grow",    0xfffffffd, FAILED},
    {"grow",    0xffffffff, FAILED},
    {"grow",    3,          3     },
    {"grow",    1,          FAILED},
    {"grow",    0,          6     },
    {"size",    0,          6     },
    {"table",   0,          2     },
    {"table",   5,          2     },
    {"entries", 0,          7     },
    {"table",   2,          FAILED},
    {"table",   0xfffffff9, FAILED},
    {"table",   0xffffffff, FAILED},
    {"table",   1,          7     },
    {"table",   1,          FAILED},
    {"entries", 0,          8     },
};

static void test_growing(void **state)
{
    harness *h = *state;
    sw_store_limits limits = SW_STORE_LIMITS_DEFAULT;
    limits.memory_bytes = PAGES(6);
    limits.table_elements = 8;
    harness_restart(h, &limits);
    sw_instance *i = growing(h, 1, 7, 2, 9);
    for (size_t k = 0; k < SW_COUNTOF(STEPS); k++) {
        uint64_t result = harness_get(h, i, STEPS[k].name, STEPS[k].delta);
        if (result != STEPS[k].result) {
            print_error("step %zu: %s(%u)\n", k, STEPS[k].name, STEPS[k].delta);
        }
        assert_int_equal(result, STEPS[k].result);
    }
    assert_int_equal(harness_get(h, i, "load", 6 * 65536 - 1), 0);
    harness_expect_trap(h, i, "load", 6 * 65536, SW_TRAP_MEMORY_OUT_OF_BOUNDS);
}

/* A module's own maximum holds where the store would allow more. */
static void test_own_maximum(void **state)
{
    harness *h = *state;
    sw_instance *i = growing(h, 1, 3, 1, 3);
    assert_int_equal(harness_get(h, i, "grow", 3), FAILED);
    assert_int_equal(harness_get(h, i, "grow", 2), 1);
    assert_int_equal(harness_get(h, i, "table", 3), FAILED);
    assert_int_equal(harness_get(h, i, "table", 2), 1);
}

static void test_whole_space(void **state)
{
    harness *h = *state;
    sw_store_limits limits = SW_STORE_LIMITS_DEFAULT;
    limits.memory_bytes = UINT64_MAX;
    harness_restart(h, &limits);
    sw_instance *i = growing(h, 1, 0, 1, 0);
    assert_int_equal(harness_get(h, i, "grow", 65536), FAILED);
    assert_int_equal(harness_get(h, i, "grow", 65535), 1);
    assert_int_equal(harness_get(h, i, "size", 0), 65536);
    assert_int_equal(harness_get(h, i, "load", 0xffffffff), 0);
    assert_int_equal(harness_get(h, i, "grow", 1), FAILED);
    assert_int_equal(harness_get(h, i, "grow", 0), 65536);
}

static void expect_refused(harness *h, builder *b, sw_status expected)
{
    sw_code *code = harness_code(h, b);
    sw_instance *i;
    sw_diag diag = {};
    assert_int_equal(sw_instance_new(h->store, code, NULL, &diag, &i), expected);
    assert_true(diag.text[0] != 0);
    sw_code_unref(code);
}

static void test_instantiation(void **state)
{
    harness *h = *state;
    sw_store_limits limits = SW_STORE_LIMITS_DEFAULT;
    limits.memory_bytes = PAGES(10);
    limits.table_elements = 10;
    limits.instances = 3;
    harness_restart(h, &limits);
    for (int repeat = 0; repeat < 5; repeat++) {
        builder b;
        builder_init(&b);
        builder_memory(&b, 11, 0);
        expect_refused(h, &b, SW_LIMIT);
        builder_init(&b);
        builder_table(&b, 'r', 11, 0);
        expect_refused(h, &b, SW_LIMIT);
    }
    /* What was refused has taken nothing; what is there counts. */
    sw_instance *i = growing(h, 10, 0, 10, 0);
    assert_int_equal(harness_get(h, i, "grow", 1), FAILED);
    assert_int_equal(harness_get(h, i, "table", 1), FAILED);
    builder b;
    builder_init(&b);
    builder_memory(&b, 1, 0);
    expect_refused(h, &b, SW_LIMIT);
    (void)growing(h, 0, 0, 0, 0);
    (void)growing(h, 0, 0, 0, 0);
    builder_init(&b);
    expect_refused(h, &b, SW_LIMIT);
}

static void test_host_budget(void **state)
{
    harness *h = *state;
    sw_store_limits limits = SW_STORE_LIMITS_DEFAULT;
    limits.host_bytes = 256 * 1024;
    harness_restart(h, &limits);
    sw_instance *i = growing(h, 1, 0, 1, 0);
    /* Tables cost host memory: 8 bytes an entry. */
    assert_int_equal(harness_get(h, i, "table", 50000), FAILED);
    assert_int_equal(harness_get(h, i, "entries", 0), 1);
    assert_int_equal(harness_get(h, i, "table", 10000), 1);
    builder b;
    builder_init(&b);
    builder_table(&b, 'r', 1000000, 0);
    builder_export(&b, "t", 1, 0);
    expect_refused(h, &b, SW_NO_MEMORY);
    /* Many small ones in the end, too. */
    sw_status st = SW_OK;
    builder_init(&b);
    builder_global(&b, 'i', true, CODE(0x41, 0));
    sw_code *code = harness_code(h, &b);
    for (int k = 0; k < 5000 && st == SW_OK; k++) {
        st = sw_instance_new(h->store, code, NULL, NULL, &i);
    }
    assert_int_equal(st, SW_NO_MEMORY);
    sw_code_unref(code);
}

/* Sizes that no machine has: an error, nothing else. */
static void test_absurd_sizes(void **state)
{
    harness *h = *state;
    static const uint64_t SIZES[] = {
        65537,     UINT64_C(1) << 31, UINT64_C(1) << 32, UINT64_C(1) << 47, UINT64_C(1) << 48,
        INT64_MAX, UINT64_C(1) << 63, UINT64_MAX - 1,    UINT64_MAX};
    for (size_t k = 0; k < SW_COUNTOF(SIZES); k++) {
        sw_memtype mt = {
            .limits = {.min = SIZES[k], .max = UINT64_MAX, .page_log2 = 16}
        };
        sw_tabletype tt = {.element = SW_TYPE_FUNCREF, .limits = {.min = SIZES[k]}};
        sw_memory_object *m;
        sw_table_object *t;
        sw_store_limits limits = SW_STORE_LIMITS_DEFAULT;
        limits.memory_bytes = UINT64_MAX;
        limits.table_elements = SIZES[k] <= 65537 ? 100 : UINT64_MAX;
        limits.host_bytes = UINT64_C(1) << 30;
        harness_restart(h, &limits);
        assert_int_not_equal(sw_memory_new(h->store, &mt, NULL, &m), SW_OK);
        assert_int_not_equal(sw_table_new(h->store, &tt, NULL, &t), SW_OK);
    }
}

/* ---- No memory, at every place -----------------------------------------------------------------
 */

static void build_everything(builder *b)
{
    builder_init(b);
    uint32_t ii = builder_type(b, "i:i");
    uint32_t many = builder_type(b, "IIIIIIII:");
    uint32_t f = builder_func(b, ii, "", CODE(0x20, 0, 0xfc, 16, 1, 0x6a));
    uint32_t g = builder_func(b, many, "", CODE(0x01));
    builder_table(b, 'r', 3, 9);
    builder_table(b, 'r', 3000, 9000);
    builder_memory(b, 1, 2);
    builder_global(b, 'i', true, CODE(0x41, 1));
    builder_elem(b, 1, (uint32_t[]){f, g}, 2);
    builder_data(b, 9, SW_STR("data"));
    builder_export(b, "f", 0, f);
    builder_export(b, "t", 1, 1);
    builder_export(b, "m", 2, 0);
    builder_export(b, "g", 3, 0);
    builder_export(b, "many", 0, g);
}

static sw_status use_everything(harness *h, sw_bytes image)
{
    sw_code *code;
    sw_instance *i;
    sw_image_source source = {.fd = -1, .bytes = image};
    SW_TRY(sw_code_load(h->engine, &source, NULL, &code));
    sw_status st = sw_store_new(h->engine, &SW_STORE_LIMITS_DEFAULT, NULL, &h->store);
    if (st == SW_OK) {
        st = sw_instance_new(h->store, code, NULL, NULL, &i);
    }
    sw_code_unref(code);
    SW_TRY(st);
    sw_extern x[5];
    for (uint32_t k = 0; k < 5; k++) {
        SW_TRY(sw_instance_export(i, k, &x[k]));
    }
    sw_value_slot param = {.i32 = 7}, result = {};
    SW_TRY(sw_call(h->store, x[0].func.cell, x[0].func.type, &param, &result));
    assert_int_equal(result.i32, 3007);
    sw_host_func f;
    return sw_host_func_init(&f, h->store, x[4].func.type, NULL, NULL);
}

static void test_no_memory(void **state)
{
    harness *h = *state;
    builder b;
    build_everything(&b);
    sw_buf image;
    harness_image(&b, &image);
    builder_clear(&b);
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        sw_store_free(h->store);
        h->store = NULL;
        /* A fresh engine, so that tables of types grow again, too. */
        sw_engine_free(h->engine);
        assert_int_equal(sw_engine_new(NULL, &h->engine), SW_OK);
        sw_memory_fail_at(nth);
        sw_status st = use_everything(h, sw_buf_bytes(&image));
        failed = sw_memory_failed();
        sw_memory_fail_at(0);
        assert_int_equal(st, failed ? SW_NO_MEMORY : SW_OK);
        assert_true(nth < 1000);
    }
    sw_buf_clear(&image);
}

/* A budget is exact: what a store has charged is given back with it, and what a loop of calls does
 * costs nothing. */
static void test_budget_is_flat(void **state)
{
    harness *h = *state;
    sw_instance *i = growing(h, 1, 0, 1, 0);
    (void)harness_get(h, i, "size", 0);
    size_t before = atomic_load(&sw_store_budget(h->store)->used_bytes);
    for (int k = 0; k < 100000; k++) {
        (void)harness_get(h, i, "size", 0);
    }
    assert_int_equal(atomic_load(&sw_store_budget(h->store)->used_bytes), before);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_growing),       TEST(test_own_maximum),    TEST(test_whole_space),
        TEST(test_instantiation), TEST(test_host_budget),    TEST(test_absurd_sizes),
        TEST(test_no_memory),     TEST(test_budget_is_flat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
