/*
 * Slots are used again: nothing of one instance may reach the next, neither bytes nor permissions,
 * whatever the two need (advisory class: stale pool slots).
 */
#include "harness.h"

#include "os/thread.h"

#include <stdlib.h>

typedef struct shape {
    uint32_t pages, max;
    uint32_t data_bytes; /* of one segment at DATA_AT; above 64 KiB it is mapped, not copied */
    uint8_t fill;
} shape;

enum { DATA_AT = 100, PAGE = 65536 };

static const shape SHAPES[] = {
    {0,   0,  0,       0   },
    {0,   5,  0,       0   },
    {1,   1,  0,       0   },
    {1,   9,  10,      0xaa},
    {2,   9,  70000,   0xbb},
    {2,   2,  4096,    0xcc},
    {3,   9,  150000,  0xdd},
    {30,  40, 0,       0   },
    {30,  99, 1500000, 0xee},
    {100, 0,  20,      0x11},
    {300, 0,  100000,  0x22},
};

/* get(i32), set(i32) (writes 0x5a), grow(i32), global(i32) (returns and replaces), table(i32)
 * (whether entry 0 of an open table is null; then sets it), more(i32) (grows the table), init(i32)
 * (drops a segment after use). */
static const struct {
    const char *name;
    sw_bytes code;
} FUNCS[] = {
    {"get", CODE(0x20, 0, 0x2d, 0, 0)},
    {"set", CODE(0x20, 0, 0x41, 0xda, 0, 0x3a, 0, 0, 0x41, 0)},
    {"grow", CODE(0x20, 0, 0x40, 0)},
    {"global", CODE(0x23, 0, 0x20, 0, 0x24, 0)},
    {"table", CODE(0x41, 0, 0x25, 0, 0xd1, 0x41, 0, 0xd2, 0, 0x26, 0)},
    {"more", CODE(0xd0, 0x70, 0x20, 0, 0xfc, 15, 0)},
    {"init", CODE(0x41, 0, 0x41, 0, 0x20, 0, 0xfc, 8, 0, 0, 0xfc, 9, 0, 0x41, 0, 0x2d, 0, 0)},
};

static sw_code *make_code(harness *h, const shape *s)
{
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "i:i");
    for (uint32_t i = 0; i < SW_COUNTOF(FUNCS); i++) {
        builder_export(&b, FUNCS[i].name, 0, builder_func(&b, t, "", FUNCS[i].code));
    }
    builder_global(&b, 'i', true, CODE(0x41, 7));
    builder_table(&b, 'r', 3, 9);
    builder_export(&b, "t", 1, 0);
    builder_memory(&b, s->pages, s->max);
    builder_export(&b, "m", 2, 0);
    builder_passive_data(&b, SW_STR("passive"));
    if (s->data_bytes != 0) {
        char *bytes = sw_alloc(NULL, s->data_bytes);
        assert_non_null(bytes);
        memset(bytes, s->fill, s->data_bytes);
        builder_data(&b, DATA_AT, (sw_str){bytes, s->data_bytes});
        sw_free(NULL, bytes, s->data_bytes);
    }
    return harness_code(h, &b);
}

/* All bytes of a piece of memory, eight at a time: cmocka's assertions are slow for each. */
static void expect_bytes(const uint8_t *base, uint64_t from, uint64_t to, uint8_t value)
{
    uint64_t i = from;
    const uint64_t word = value * 0x0101010101010101u;
    for (uint64_t have; i + sizeof have <= to; i += sizeof have) {
        memcpy(&have, base + i, sizeof have);
        if (have != word) {
            break;
        }
    }
    for (; i < to; i++) {
        if (base[i] != value) {
            fail_msg("byte %#llx is %#x, not %#x", (unsigned long long)i, base[i], value);
        }
    }
}

static void expect_contents(const sw_memory_view *m, const shape *s)
{
    uint64_t end = DATA_AT + (uint64_t)s->data_bytes;
    assert_int_equal(m->size_bytes, (uint64_t)s->pages * PAGE);
    if (s->data_bytes == 0) {
        expect_bytes(m->base, 0, m->size_bytes, 0);
        return;
    }
    expect_bytes(m->base, 0, DATA_AT, 0);
    expect_bytes(m->base, DATA_AT, end, s->fill);
    expect_bytes(m->base, end, m->size_bytes, 0);
}

/* Just past the end is out of bounds, and one page further, and far away. */
static void expect_end(harness *h, sw_instance *i, uint64_t size)
{
    static const uint64_t BEYOND[] = {0, 1, 4095, 4096, PAGE - 1, PAGE, 40 * PAGE, 0x7fffffff};
    for (size_t k = 0; k < SW_COUNTOF(BEYOND); k++) {
        harness_expect_trap(h, i, "get", (uint32_t)(size + BEYOND[k]),
                            SW_TRAP_MEMORY_OUT_OF_BOUNDS);
        harness_expect_trap(h, i, "set", (uint32_t)(size + BEYOND[k]),
                            SW_TRAP_MEMORY_OUT_OF_BOUNDS);
    }
}

static void dirty_everything(harness *h, sw_instance *i, const sw_memory_view *m)
{
    if (m->size_bytes != 0) {
        memset(m->base, 0x5a, m->size_bytes);
    }
    uint64_t before = m->size_bytes / PAGE;
    if (harness_get(h, i, "grow", 3) != UINT32_MAX) {
        assert_int_equal(m->size_bytes, (before + 3) * PAGE);
        expect_bytes(m->base, before * PAGE, m->size_bytes, 0);
        memset(m->base, 0x5a, m->size_bytes);
    }
}

/* Finds it as new, and leaves it as different as can be. */
static void use_up(harness *h, sw_instance *i, const shape *s)
{
    const sw_memory_view *m = sw_memory_get_view(harness_export(i, "m").memory);
    expect_contents(m, s);
    expect_end(h, i, m->size_bytes);
    assert_int_equal(harness_get(h, i, "global", 99), 7);
    assert_int_equal(harness_get(h, i, "global", 3), 99);
    assert_int_equal(harness_get(h, i, "table", 0), 1);
    assert_int_equal(harness_get(h, i, "table", 0), 0);
    assert_int_equal(harness_get(h, i, "more", 2), 3);
    assert_int_equal(harness_get(h, i, "more", 4), 5);
    if (s->pages != 0) {
        assert_int_equal(harness_get(h, i, "init", 7), 'p');
        harness_expect_trap(h, i, "init", 1, SW_TRAP_MEMORY_OUT_OF_BOUNDS);
    }
    dirty_everything(h, i, m);
    expect_end(h, i, m->size_bytes);
}

static void use(harness *h, sw_code *code, const shape *s)
{
    sw_instance *i = NULL;
    assert_int_equal(sw_instance_new(h->store, code, NULL, &h->diag, &i), SW_OK);
    use_up(h, i, s);
}

static void use_once(harness *h, sw_code *code, const shape *s)
{
    harness_restart(h, &SW_STORE_LIMITS_DEFAULT);
    use(h, code, s);
}

/* Every shape after every other, twice over, so that each transition happens. */
static void test_every_pair(void **state)
{
    harness *h = *state;
    sw_code *codes[SW_COUNTOF(SHAPES)];
    harness_take_signals();
    for (size_t i = 0; i < SW_COUNTOF(SHAPES); i++) {
        codes[i] = make_code(h, &SHAPES[i]);
    }
    for (size_t a = 0; a < SW_COUNTOF(SHAPES); a++) {
        for (size_t b = 0; b < SW_COUNTOF(SHAPES); b++) {
            use_once(h, codes[a], &SHAPES[a]);
            use_once(h, codes[b], &SHAPES[b]);
        }
    }
    for (size_t i = 0; i < SW_COUNTOF(SHAPES); i++) {
        sw_code_unref(codes[i]);
    }
}

/* The same in one store that is used again, with limits that only one instance fits in. */
static void test_recycled_store(void **state)
{
    harness *h = *state;
    sw_code *codes[SW_COUNTOF(SHAPES)];
    sw_store_limits limits = SW_STORE_LIMITS_DEFAULT;
    limits.instances = 1;
    limits.memory_bytes = 310 * PAGE;
    harness_take_signals();
    harness_restart(h, &limits);
    for (size_t i = 0; i < SW_COUNTOF(SHAPES); i++) {
        codes[i] = make_code(h, &SHAPES[i]);
    }
    for (size_t a = 0; a < SW_COUNTOF(SHAPES); a++) {
        for (size_t b = 0; b < SW_COUNTOF(SHAPES); b++) {
            use(h, codes[a], &SHAPES[a]);
            sw_store_interrupt(h->store);
            sw_store_recycle(h->store);
            assert_int_equal(sw_store_trap(h->store)->reason, SW_TRAP_NONE);
            use(h, codes[b], &SHAPES[b]);
            sw_store_recycle(h->store);
        }
    }
    for (size_t i = 0; i < SW_COUNTOF(SHAPES); i++) {
        sw_code_unref(codes[i]);
    }
}

/* An instance that is brought back to its beginning, again and again; then its slot serves others.
 */
static void test_rewound_store(void **state)
{
    harness *h = *state;
    sw_store_limits limits = SW_STORE_LIMITS_DEFAULT;
    limits.instances = 1;
    limits.memory_bytes = 310 * PAGE;
    harness_take_signals();
    harness_restart(h, &limits);
    for (size_t k = 0; k < SW_COUNTOF(SHAPES); k++) {
        sw_code *code = make_code(h, &SHAPES[k]);
        sw_instance *i = NULL;
        assert_false(sw_store_rewind(h->store));
        sw_store_recycle(h->store);
        assert_int_equal(sw_instance_new(h->store, code, NULL, &h->diag, &i), SW_OK);
        assert_true(sw_store_mark(h->store));
        assert_false(sw_store_mark(h->store));
        for (unsigned round = 0; round < 4; round++) {
            use_up(h, i, &SHAPES[k]);
            sw_store_interrupt(h->store);
            assert_true(sw_store_rewind(h->store));
            assert_int_equal(sw_store_trap(h->store)->reason, SW_TRAP_NONE);
        }
        use_up(h, i, &SHAPES[k]);
        sw_store_recycle(h->store);
        for (size_t b = 0; b < SW_COUNTOF(SHAPES); b++) {
            sw_code *other = make_code(h, &SHAPES[b]);
            use(h, other, &SHAPES[b]);
            sw_store_recycle(h->store);
            sw_code_unref(other);
        }
        sw_code_unref(code);
    }
}

/* Several instances; one writes to what it imports from another. */
static void test_rewound_imports(void **state)
{
    harness *h = *state;
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "i:i");
    (void)builder_import_memory(&b, "a", "m", 1);
    (void)builder_import_global(&b, "a", "g", 'i', true);
    builder_export(
        &b, "put", 0,
        builder_func(&b, t, "", CODE(0x20, 0, 0x20, 0, 0x3a, 0, 0, 0x23, 0, 0x20, 0, 0x24, 0)));
    sw_code *importer = harness_code(h, &b);
    builder_init(&b);
    builder_memory(&b, 1, 2);
    builder_export(&b, "m", 2, 0);
    builder_export(&b, "g", 3, builder_global(&b, 'i', true, CODE(0x41, 7)));
    sw_code *owner = harness_code(h, &b);
    sw_instance *a = NULL, *i = NULL;
    assert_int_equal(sw_instance_new(h->store, owner, NULL, &h->diag, &a), SW_OK);
    sw_extern imports[] = {harness_export(a, "m"), harness_export(a, "g")};
    assert_int_equal(sw_instance_new(h->store, importer, imports, &h->diag, &i), SW_OK);
    assert_true(sw_store_mark(h->store));
    for (unsigned round = 0; round < 4; round++) {
        const sw_memory_view *m = sw_memory_get_view(imports[0].memory);
        assert_int_equal(m->base[9], 0);
        assert_int_equal(harness_get(h, i, "put", 9), 7);
        assert_int_equal(m->base[9], 9);
        assert_int_equal(harness_get(h, i, "put", 8), 9);
        assert_true(sw_store_rewind(h->store));
    }
    sw_code_unref(importer);
    sw_code_unref(owner);
}

/* What has run before the mark would be missing after it. */
static void test_not_to_be_marked(void **state)
{
    harness *h = *state;
    for (unsigned which = 0; which < 2; which++) {
        builder b;
        builder_init(&b);
        uint32_t t = builder_type(&b, ":");
        builder_memory(&b, 1, 2);
        if (which == 0) {
            builder_start(&b, builder_func(&b, t, "", CODE(0x41, 0, 0x41, 1, 0x3a, 0, 0)));
        } else {
            (void)builder_global(&b, 'i', false, CODE(0x41, 4));
            builder_data_at(&b, CODE(0x23, 0), SW_STR("data"));
        }
        sw_code *code = harness_code(h, &b);
        sw_instance *i = NULL;
        harness_restart(h, &SW_STORE_LIMITS_DEFAULT);
        assert_int_equal(sw_instance_new(h->store, code, NULL, &h->diag, &i), SW_OK);
        assert_false(sw_store_mark(h->store));
        assert_false(sw_store_rewind(h->store));
        sw_code_unref(code);
    }
}

/* Several at once in one store, so that slots come back in another order than they went. */
static void test_many_at_once(void **state)
{
    harness *h = *state;
    sw_code *codes[SW_COUNTOF(SHAPES)];
    harness_take_signals();
    for (size_t i = 0; i < SW_COUNTOF(SHAPES); i++) {
        codes[i] = make_code(h, &SHAPES[i]);
    }
    for (unsigned round = 0; round < 5; round++) {
        sw_instance *instances[SW_COUNTOF(SHAPES)];
        harness_restart(h, &SW_STORE_LIMITS_DEFAULT);
        for (size_t k = 0; k < SW_COUNTOF(SHAPES); k++) {
            size_t which = (k * 3 + round) % SW_COUNTOF(SHAPES);
            assert_int_equal(sw_instance_new(h->store, codes[which], NULL, &h->diag, &instances[k]),
                             SW_OK);
            const sw_memory_view *m = sw_memory_get_view(harness_export(instances[k], "m").memory);
            expect_contents(m, &SHAPES[which]);
            dirty_everything(h, instances[k], m);
        }
        for (size_t k = 0; k < SW_COUNTOF(SHAPES); k++) {
            expect_end(h, instances[k],
                       sw_memory_get_view(harness_export(instances[k], "m").memory)->size_bytes);
        }
    }
    for (size_t i = 0; i < SW_COUNTOF(SHAPES); i++) {
        sw_code_unref(codes[i]);
    }
}

/* Making an instance fails at each allocation in turn; what comes after must find clean slots. */
static void test_half_built(void **state)
{
    harness *h = *state;
    harness_take_signals();
    for (size_t k = 0; k < SW_COUNTOF(SHAPES); k++) {
        sw_code *code = make_code(h, &SHAPES[k]);
        bool failed = true;
        for (uint64_t nth = 1; failed; nth++) {
            sw_instance *i;
            sw_diag diag = {};
            harness_restart(h, &SW_STORE_LIMITS_DEFAULT);
            sw_memory_fail_at(nth);
            sw_status st = sw_instance_new(h->store, code, NULL, &diag, &i);
            failed = sw_memory_failed();
            sw_memory_fail_at(0);
            assert_int_equal(st, failed ? SW_NO_MEMORY : SW_OK);
            use_once(h, code, &SHAPES[k]);
        }
        sw_code_unref(code);
    }
}

static void churn(void *arg, uint32_t item, unsigned worker)
{
    harness *h = arg;
    (void)worker;
    sw_store *store;
    sw_diag diag = {};
    const shape *s = &SHAPES[item % SW_COUNTOF(SHAPES)];
    assert_int_equal(sw_store_new(h->engine, &SW_STORE_LIMITS_DEFAULT, &diag, &store), SW_OK);
    harness mine = {.engine = h->engine, .store = store};
    sw_code *code = make_code(&mine, s);
    use_once(&mine, code, s);
    sw_code_unref(code);
    sw_store_free(mine.store);
}

static void test_threads(void **state)
{
    harness_take_signals();
    sw_parallel_for(40, 4, churn, *state);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_pair),      TEST(test_recycled_store),   TEST(test_many_at_once),
        TEST(test_half_built),      TEST(test_threads),          TEST(test_rewound_store),
        TEST(test_rewound_imports), TEST(test_not_to_be_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
