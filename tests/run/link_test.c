/* Instances that share functions, memories, tables and globals; what may not be shared. */
#include "harness.h"

#define EXPECT_UNLINKABLE(h, code, imports, why) \
    expect_unlinkable((h), (code), (imports), (why), __LINE__)

static void expect_unlinkable(harness *h, sw_code *code, const sw_extern *imports, const char *why,
                              int line)
{
    sw_instance *i;
    sw_diag diag = {};
    sw_status st = sw_instance_new(h->store, code, imports, &diag, &i);
    if (st != SW_UNLINKABLE || strstr(diag.text, why) == NULL) {
        print_error("line %d: %s: %s\n", line, sw_status_text(st), diag.text);
    }
    assert_int_equal(st, SW_UNLINKABLE);
    assert_non_null(strstr(diag.text, why));
}

/* ---- A provider: memory, table, global, functions ----------------------------------------------
 */

/* Exports m (2 to 5 pages), t (4 to 8 entries), g (i32, mutable), c (i64 constant), load, add. */
static sw_instance *provider(harness *h)
{
    builder b;
    builder_init(&b);
    uint32_t ii = builder_type(&b, "i:i");
    uint32_t load = builder_func(&b, ii, "", CODE(0x20, 0, 0x2d, 0, 0));
    uint32_t add = builder_func(&b, ii, "", CODE(0x20, 0, 0x23, 0, 0x6a));
    uint32_t call = builder_func(&b, ii, "", CODE(0x41, 5, 0x20, 0, 0x11, 0, 0));
    builder_memory(&b, 2, 5);
    builder_table(&b, 'r', 4, 8);
    builder_global(&b, 'i', true, CODE(0x41, 30));
    builder_global(&b, 'I', false, CODE(0x42, 0xcd, 0));
    builder_data(&b, 5, SW_STR("provider"));
    builder_elem(&b, 0, &load, 1);
    builder_export(&b, "m", 2, 0);
    builder_export(&b, "t", 1, 0);
    builder_export(&b, "g", 3, 0);
    builder_export(&b, "c", 3, 1);
    builder_export(&b, "load", 0, load);
    builder_export(&b, "add", 0, add);
    builder_export(&b, "call", 0, call);
    return harness_instance(h, &b, NULL);
}

static void test_functions(void **state)
{
    harness *h = *state;
    sw_instance *p = provider(h);
    builder b;
    builder_init(&b);
    uint32_t ii = builder_type(&b, "i:i");
    uint32_t load = builder_import_func(&b, "p", "load", ii);
    uint32_t own = builder_func(&b, ii, "", CODE(0x20, 0, 0x2d, 0, 0));
    /* The provider reads its own memory, then this one its own: the base comes back. */
    uint32_t both = builder_func(
        &b, ii, "", CODE(0x20, 0, 0x10, 0, 0x41, 0x80, 2, 0x6c, 0x20, 0, 0x2d, 0, 0, 0x6a));
    /* The same through a table of its own, where the import is a thunk. */
    uint32_t indirect = builder_func(&b, ii, "",
                                     CODE(0x20, 0, 0x41, 0, 0x11, 0, 0, 0x41, 0x80, 2, 0x6c, 0x20,
                                          0, 0x41, 1, 0x11, 0, 0, 0x6a));
    builder_table(&b, 'r', 2, 2);
    builder_elem(&b, 0, (uint32_t[]){load, own}, 2);
    builder_memory(&b, 1, 1);
    builder_data(&b, 5, SW_STR("taker"));
    builder_export(&b, "both", 0, both);
    builder_export(&b, "indirect", 0, indirect);
    sw_extern import = harness_export(p, "load");
    sw_instance *i = harness_instance(h, &b, &import);
    assert_int_equal(harness_get(h, i, "both", 5), 'p' * 256 + 't');
    assert_int_equal(harness_get(h, i, "indirect", 6), 'r' * 256 + 'a');
    /* A trap inside the other instance has frames of both. */
    harness_expect_trap(h, i, "indirect", 3 * 65536, SW_TRAP_MEMORY_OUT_OF_BOUNDS);
    const sw_trap_info *t = sw_store_trap(h->store);
    assert_int_equal(t->frames_count, 2);
    assert_ptr_equal(t->frames[0].code, sw_instance_code(p));
    assert_ptr_equal(t->frames[1].code, sw_instance_code(i));
}

static void test_shared_state(void **state)
{
    harness *h = *state;
    sw_instance *p = provider(h);
    builder b;
    builder_init(&b);
    uint32_t ii = builder_type(&b, "i:i");
    builder_import_memory(&b, "p", "m", 2);
    builder_import_table(&b, "p", "t", 3);
    builder_import_global(&b, "p", "g", 'i', true);
    builder_import_global(&b, "p", "c", 'I', false);
    uint32_t store = builder_func(&b, ii, "", CODE(0x20, 0, 0x41, 9, 0x3a, 0, 0, 0x41, 0));
    uint32_t set = builder_func(&b, ii, "", CODE(0x20, 0, 0x24, 0, 0x23, 1, 0xa7));
    uint32_t mine = builder_func(&b, ii, "", CODE(0x20, 0, 0x2d, 0, 0, 0x23, 2, 0x6a));
    uint32_t grow = builder_func(
        &b, ii, "",
        CODE(0x20, 0, 0x40, 0, 0xd0, 0x70, 0x20, 0, 0xfc, 15, 0, 0x41, 0x80, 2, 0x6c, 0x6a));
    builder_global(&b, 'i', false, CODE(0x41, 0xe4, 0));
    builder_elem(&b, 2, &mine, 1);
    builder_export(&b, "store", 0, store);
    builder_export(&b, "set", 0, set);
    builder_export(&b, "grow", 0, grow);
    sw_extern imports[] = {harness_export(p, "m"), harness_export(p, "t"), harness_export(p, "g"),
                           harness_export(p, "c")};
    sw_instance *i = harness_instance(h, &b, imports);
    assert_int_equal(harness_get(h, i, "store", 5), 0);
    assert_int_equal(harness_get(h, p, "load", 5), 9);
    assert_int_equal(harness_get(h, i, "set", 12), 77);
    assert_int_equal(harness_get(h, p, "add", 30), 42);
    /* The provider calls what this instance has put into its table: load + the global of it. */
    assert_int_equal(harness_get(h, p, "call", 0), 9);
    assert_int_equal(harness_get(h, p, "call", 2), 9 + 100);
    harness_expect_trap(h, p, "call", 1, SW_TRAP_NULL_ELEMENT);
    harness_expect_trap(h, p, "call", 4, SW_TRAP_UNDEFINED_ELEMENT);
    /* Growing through either is seen by both: 4 * 256 + 2. */
    assert_int_equal(harness_get(h, i, "grow", 1), 4 * 256 + 2);
    assert_int_equal(harness_get(h, p, "load", 3 * 65536 - 1), 0);
    harness_expect_trap(h, p, "call", 4, SW_TRAP_NULL_ELEMENT);
}

/* ---- What does not fit -------------------------------------------------------------------------
 */

typedef void import_fn(builder *b);

static void import_other_type(builder *b)
{
    (void)builder_import_func(b, "p", "x", builder_type(b, "I:i"));
}

static void import_large_memory(builder *b)
{
    builder_import_memory(b, "p", "x", 3);
}

static void import_large_table(builder *b)
{
    builder_import_table(b, "p", "x", 5);
}

static void import_constant(builder *b)
{
    builder_import_global(b, "p", "x", 'i', false);
}

static void import_i64(builder *b)
{
    builder_import_global(b, "p", "x", 'I', true);
}

static const struct {
    import_fn *import;
    const char *given, *why;
} MISFITS[] = {
    {import_other_type,   "load", "function"    },
    {import_other_type,   "m",    "another kind"},
    {import_large_memory, "m",    "memory"      },
    {import_large_memory, "load", "another kind"},
    {import_large_table,  "t",    "table"       },
    {import_constant,     "g",    "global"      },
    {import_i64,          "g",    "global"      },
    {import_constant,     "c",    "global"      },
};

static void test_misfits(void **state)
{
    harness *h = *state;
    sw_instance *p = provider(h);
    for (size_t k = 0; k < SW_COUNTOF(MISFITS); k++) {
        builder b;
        builder_init(&b);
        MISFITS[k].import(&b);
        sw_code *code = harness_code(h, &b);
        sw_extern import = harness_export(p, MISFITS[k].given);
        EXPECT_UNLINKABLE(h, code, &import, MISFITS[k].why);
        EXPECT_UNLINKABLE(h, code, &import, "\"p\" \"x\"");
        sw_code_unref(code);
    }
}

/* Things of another store, and code of another engine, are refused. */
static void test_other_store(void **state)
{
    harness *h = *state;
    sw_store *first = h->store;
    sw_instance *p = provider(h);
    static const char *const NAMES[] = {"load", "m", "t", "g"};
    static import_fn *const IMPORTS[] = {NULL, import_large_memory, import_large_table, import_i64};
    assert_int_equal(sw_store_new(h->engine, &SW_STORE_LIMITS_DEFAULT, &h->diag, &h->store), SW_OK);
    for (size_t k = 0; k < SW_COUNTOF(NAMES); k++) {
        builder b;
        builder_init(&b);
        if (k == 0) {
            (void)builder_import_func(&b, "p", "x", builder_type(&b, "i:i"));
        } else {
            IMPORTS[k](&b);
        }
        sw_code *code = harness_code(h, &b);
        sw_extern import = harness_export(p, NAMES[k]);
        sw_instance *i;
        assert_int_equal(sw_instance_new(h->store, code, &import, NULL, &i), SW_ARGUMENT);
        sw_code_unref(code);
    }
    sw_engine *other;
    sw_store *others;
    assert_int_equal(sw_engine_new(NULL, &other), SW_OK);
    assert_int_equal(sw_store_new(other, &SW_STORE_LIMITS_DEFAULT, NULL, &others), SW_OK);
    sw_instance *i;
    assert_int_equal(sw_instance_new(others, sw_instance_code(p), NULL, NULL, &i), SW_ARGUMENT);
    sw_store_free(others);
    sw_engine_free(other);
    sw_store_free(first);
}

/* ---- Initialisation that traps -----------------------------------------------------------------
 */

/* The second segment does not fit: the first stays in the other's table, and its function finds the
 * data segments, which come later, not applied. */
static void test_failed_elem(void **state)
{
    harness *h = *state;
    sw_instance *p = provider(h);
    builder b;
    builder_init(&b);
    uint32_t ii = builder_type(&b, "i:i");
    builder_import_table(&b, "p", "t", 3);
    uint32_t load = builder_func(&b, ii, "", CODE(0x20, 0, 0x2d, 0, 0));
    builder_memory(&b, 1, 1);
    builder_elem(&b, 3, &load, 1);
    builder_elem(&b, 4, &load, 1);
    builder_data(&b, 5, SW_STR("late"));
    sw_code *code = harness_code(h, &b);
    sw_extern import = harness_export(p, "t");
    sw_instance *i;
    sw_diag diag = {};
    assert_int_equal(sw_instance_new(h->store, code, &import, &diag, &i), SW_TRAP);
    assert_int_equal(sw_store_trap(h->store)->reason, SW_TRAP_TABLE_OUT_OF_BOUNDS);
    assert_non_null(strstr(diag.text, "element segment 1"));
    sw_code_unref(code);
    assert_int_equal(harness_get(h, p, "call", 3), 0);
}

/* Data segments before the one that does not fit stay. */
static void test_failed_data(void **state)
{
    harness *h = *state;
    sw_instance *p = provider(h);
    builder b;
    builder_init(&b);
    builder_import_memory(&b, "p", "m", 1);
    builder_data(&b, 0, SW_STR("kept"));
    builder_data(&b, 2 * 65536 - 1, SW_STR("12"));
    builder_data(&b, 1, SW_STR("never"));
    sw_code *code = harness_code(h, &b);
    sw_extern import = harness_export(p, "m");
    sw_instance *i;
    sw_diag diag = {};
    assert_int_equal(sw_instance_new(h->store, code, &import, &diag, &i), SW_TRAP);
    assert_non_null(strstr(diag.text, "data segment 1"));
    sw_code_unref(code);
    assert_int_equal(harness_get(h, p, "load", 0), 'k');
    assert_int_equal(harness_get(h, p, "load", 1), 'e');
    assert_int_equal(harness_get(h, p, "load", 2 * 65536 - 1), 0);
}

static void test_start(void **state)
{
    harness *h = *state;
    builder b;
    builder_init(&b);
    uint32_t none = builder_type(&b, ":");
    uint32_t ii = builder_type(&b, "i:i");
    uint32_t start = builder_func(&b, none, "", CODE(0x41, 8, 0x24, 0));
    builder_export(&b, "get", 0, builder_func(&b, ii, "", CODE(0x23, 0)));
    builder_global(&b, 'i', true, CODE(0x41, 1));
    builder_start(&b, start);
    assert_int_equal(harness_get(h, harness_instance(h, &b, NULL), "get", 0), 8);
    builder_init(&b);
    builder_start(&b, builder_func(&b, builder_type(&b, ":"), "", CODE(0x00)));
    sw_code *code = harness_code(h, &b);
    sw_instance *i;
    sw_diag diag = {};
    assert_int_equal(sw_instance_new(h->store, code, NULL, &diag, &i), SW_TRAP);
    assert_non_null(strstr(diag.text, "start function"));
    assert_int_equal(sw_store_trap(h->store)->frames_count, 1);
    sw_code_unref(code);
}

/* ---- Objects without an instance ---------------------------------------------------------------
 */

static void test_host_objects(void **state)
{
    harness *h = *state;
    sw_memtype mt = {
        .limits = {.min = 1, .max = 2, .has_max = true, .page_log2 = 16}
    };
    sw_tabletype tt = {
        .element = SW_TYPE_FUNCREF, .limits = {.min = 4, .max = UINT64_MAX}
    };
    sw_globaltype gt = {.type = SW_TYPE_I32, .is_mutable = true};
    sw_extern imports[3] = {
        {.kind = SW_EXTERN_MEMORY}, {.kind = SW_EXTERN_TABLE}, {.kind = SW_EXTERN_GLOBAL}};
    assert_int_equal(sw_memory_new(h->store, &mt, NULL, &imports[0].memory), SW_OK);
    assert_int_equal(sw_table_new(h->store, &tt, NULL, &imports[1].table), SW_OK);
    assert_int_equal(
        sw_global_new(h->store, &gt, (sw_value_slot){.i32 = 5}, NULL, &imports[2].global), SW_OK);
    builder b;
    builder_init(&b);
    uint32_t ii = builder_type(&b, "i:i");
    builder_import_memory(&b, "h", "m", 1);
    builder_import_table(&b, "h", "t", 4);
    builder_import_global(&b, "h", "g", 'i', true);
    uint32_t f = builder_func(
        &b, ii, "",
        CODE(0x20, 0, 0x41, 1, 0x3a, 0, 0, 0x23, 0, 0x41, 1, 0x6a, 0x24, 0, 0x41, 1, 0x40, 0));
    builder_elem(&b, 1, &f, 1);
    builder_export(&b, "f", 0, f);
    sw_instance *i = harness_instance(h, &b, imports);
    assert_int_equal(harness_get(h, i, "f", 65535), 1);
    assert_int_equal(sw_memory_get_view(imports[0].memory)->size_bytes, 2 * 65536);
    assert_int_equal(sw_memory_get_view(imports[0].memory)->base[65535], 1);
    assert_int_equal(sw_global_get_value(imports[2].global)->i32, 6);
    assert_int_equal(harness_get(h, i, "f", 65536), UINT32_MAX);
    harness_expect_trap(h, i, "f", 2 * 65536, SW_TRAP_MEMORY_OUT_OF_BOUNDS);
    const sw_table_view *t = sw_table_get_view(imports[1].table);
    assert_int_equal(t->count, 4);
    assert_true(t->entries[0] == 0 && t->entries[1] != 0);
}

static void test_many_instances(void **state)
{
    harness *h = *state;
    builder b;
    builder_init(&b);
    uint32_t ii = builder_type(&b, "i:i");
    builder_global(&b, 'i', true, CODE(0x41, 0));
    builder_memory(&b, 1, 2);
    builder_export(&b, "f", 0,
                   builder_func(&b, ii, "",
                                CODE(0x23, 0, 0x20, 0, 0x6a, 0x24, 0, 0x41, 0, 0x41, 0, 0x28, 2, 0,
                                     0x23, 0, 0x6a, 0x36, 2, 0, 0x41, 0, 0x28, 2, 0)));
    enum { COUNT = 2000 };
    static sw_instance *instances[COUNT];
    sw_code *code = harness_code(h, &b);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(sw_instance_new(h->store, code, NULL, &h->diag, &instances[i]), SW_OK);
    }
    sw_code_unref(code);
    for (uint32_t round = 1; round <= 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            uint64_t expected = round == 1 ? i : 3 * (uint64_t)i;
            assert_int_equal(harness_get(h, instances[i], "f", i), expected);
        }
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_functions),   TEST(test_shared_state), TEST(test_misfits),
        TEST(test_other_store), TEST(test_failed_elem),  TEST(test_failed_data),
        TEST(test_start),       TEST(test_host_objects), TEST(test_many_instances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
