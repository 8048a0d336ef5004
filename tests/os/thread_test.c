/* The parallel loop calls each item once and gives each thread its own worker number. */
#include "os/fiber.h"
#include "os/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum { ITEMS = 10000 };

static atomic_uint seen[ITEMS];
static atomic_bool busy[SW_PARALLEL_MAX];
static atomic_uint clashes;
static unsigned worker_limit;

static void *gives_back(void *arg)
{
    return arg;
}

static void counts(void *arg, uint32_t item, unsigned worker)
{
    if (worker >= worker_limit || atomic_exchange(&busy[worker], true)) {
        atomic_fetch_add(&clashes, 1);
    }
    atomic_fetch_add((atomic_uint *)arg + item, 1);
    if (item % 100 == 0) {
        sw_fiber *f;
        if (sw_fiber_new(&f, 0, gives_back) != SW_OK || sw_fiber_resume(f, arg) != arg) {
            atomic_fetch_add(&clashes, 1);
        }
        sw_fiber_free(f);
    }
    atomic_store(&busy[worker], false);
}

static void each_item_once(void **state)
{
    (void)state;
    static const unsigned WORKERS[] = {0, 1, 2, 7, 1000};
    for (size_t w = 0; w < SW_COUNTOF(WORKERS); w++) {
        worker_limit = WORKERS[w] == 0 ? sw_os_cores() : WORKERS[w];
        worker_limit = SW_MIN(worker_limit, (unsigned)SW_PARALLEL_MAX);
        for (size_t i = 0; i < ITEMS; i++) {
            atomic_store(&seen[i], 0);
        }
        sw_parallel_for(ITEMS, WORKERS[w], counts, seen);
        for (size_t i = 0; i < ITEMS; i++) {
            assert_int_equal(atomic_load(&seen[i]), 1);
        }
        assert_int_equal(atomic_load(&clashes), 0);
    }
}

static void no_item_no_call(void **state)
{
    (void)state;
    worker_limit = 1;
    atomic_store(&seen[0], 0);
    sw_parallel_for(0, 0, counts, seen);
    assert_int_equal(atomic_load(&seen[0]), 0);
    assert_in_range(sw_os_cores(), 1, SW_PARALLEL_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_once),
        cmocka_unit_test(no_item_no_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
