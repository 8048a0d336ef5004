/* Ids of function types: exact, engine-wide, and sound when threads come and go. */
#include "harness.h"

#include "os/thread.h"
#include "run/types.h"

static const sw_valtype KINDS[] = {SW_TYPE_I32, SW_TYPE_I64,     SW_TYPE_F32,
                                   SW_TYPE_F64, SW_TYPE_FUNCREF, SW_TYPE_EXTERNREF};

/* The n-th of many different types: parameters and results are the digits of n. */
static sw_functype make_type(uint32_t n, sw_valtype values[8])
{
    uint32_t params = n % 5, results = n / 5 % 4;
    uint32_t digits = n / 20;
    for (uint32_t i = 0; i < 8; i++) {
        values[i] = KINDS[digits % SW_COUNTOF(KINDS)];
        digits /= SW_COUNTOF(KINDS);
    }
    return (sw_functype){values, values + params, params, results};
}

static bool same(const sw_functype *a, const sw_functype *b)
{
    return a->params_count == b->params_count && a->results_count == b->results_count &&
           memcmp(a->params, b->params, a->params_count * sizeof(sw_valtype)) == 0 &&
           memcmp(a->results, b->results, a->results_count * sizeof(sw_valtype)) == 0;
}

static void test_exact(void **state)
{
    harness *h = *state;
    enum { COUNT = 400 };
    sw_valtype values[COUNT][8];
    sw_functype types[COUNT];
    uint32_t ids[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        types[i] = make_type(i * 37, values[i]);
        ids[i] = sw_engine_functype_id(h->engine, &types[i]);
        assert_int_not_equal(ids[i], 0);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        for (uint32_t k = 0; k < COUNT; k++) {
            assert_int_equal(ids[i] == ids[k], same(&types[i], &types[k]));
        }
    }
}

/* A parameter is not a result, and one list does not run into the other. */
static void test_boundaries(void **state)
{
    harness *h = *state;
    static const sw_valtype V[] = {SW_TYPE_I32, SW_TYPE_I32, SW_TYPE_I32};
    uint32_t ids[16];
    uint32_t count = 0;
    for (uint32_t p = 0; p <= 3; p++) {
        for (uint32_t r = 0; r <= 3; r++) {
            ids[count++] = sw_engine_functype_id(h->engine, &(sw_functype){V, V, p, r});
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            assert_int_not_equal(ids[i], ids[k]);
        }
    }
}

/* The last release forgets the type; its id does not come back for another. */
static void test_release(void **state)
{
    (void)state;
    sw_type_registry r;
    sw_type_registry_init(&r);
    sw_valtype a_values[8], b_values[8];
    sw_functype a = make_type(1001, a_values), b = make_type(2002, b_values);
    uint32_t first = sw_type_registry_acquire(&r, &a, false);
    assert_int_equal(sw_type_registry_acquire(&r, &a, false), first);
    sw_type_registry_release(&r, &a);
    assert_int_equal(sw_type_registry_acquire(&r, &a, false), first);
    sw_type_registry_release(&r, &a);
    sw_type_registry_release(&r, &a);
    assert_int_equal(r.count, 0);
    assert_int_not_equal(sw_type_registry_acquire(&r, &b, false), first);
    assert_int_not_equal(sw_type_registry_acquire(&r, &a, true), first);
    uint32_t kept = sw_type_registry_acquire(&r, &a, false);
    sw_type_registry_release(&r, &a);
    assert_int_equal(sw_type_registry_acquire(&r, &a, false), kept);
    sw_type_registry_clear(&r);
}

typedef struct shared {
    sw_type_registry registry;
    atomic_uint wrong;
} shared;

/* Each item holds some types for a while and sees one id for each all that time. */
static void come_and_go(void *arg, uint32_t item, unsigned worker)
{
    shared *s = arg;
    (void)worker;
    enum { HELD = 40 };
    sw_valtype values[HELD][8];
    sw_functype types[HELD];
    uint32_t ids[HELD];
    for (uint32_t i = 0; i < HELD; i++) {
        types[i] = make_type((item * 7 + i) % 90 * 11, values[i]);
        ids[i] = sw_type_registry_acquire(&s->registry, &types[i], false);
    }
    for (uint32_t i = 0; i < HELD; i++) {
        uint32_t again = sw_type_registry_acquire(&s->registry, &types[i], false);
        s->wrong += ids[i] == 0 || again != ids[i];
        for (uint32_t k = 0; k < HELD; k++) {
            s->wrong += (ids[i] == ids[k]) != same(&types[i], &types[k]);
        }
        sw_type_registry_release(&s->registry, &types[i]);
    }
    for (uint32_t i = 0; i < HELD; i++) {
        sw_type_registry_release(&s->registry, &types[i]);
    }
}

static void test_threads(void **state)
{
    (void)state;
    shared s = {};
    sw_type_registry_init(&s.registry);
    sw_parallel_for(2000, 8, come_and_go, &s);
    assert_int_equal(s.wrong, 0);
    assert_int_equal(s.registry.count, 0);
    sw_type_registry_clear(&s.registry);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_exact),
        TEST(test_boundaries),
        TEST(test_release),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
