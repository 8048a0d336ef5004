/* Timers fire in order and not early; cancelled ones never do. Clocks run forward. */
#include "os/clock.h"
#include "os/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum { COUNT = 64 };

static atomic_int fired;
static int order[COUNT];
static uint64_t fired_at[COUNT];

static void notes(void *arg)
{
    int at = atomic_load(&fired);
    order[at] = (int)(intptr_t)arg;
    fired_at[at] = sw_clock_monotonic_ns();
    atomic_store(&fired, at + 1);
}

static void wait_for(int count)
{
    while (atomic_load(&fired) < count) {
        sw_clock_sleep_until(sw_clock_deadline(SW_NS_PER_MS));
    }
}

static void they_fire_by_deadline(void **state)
{
    (void)state;
    static sw_timer t[COUNT];
    atomic_store(&fired, 0);
    uint64_t start = sw_clock_deadline(20 * SW_NS_PER_MS);
    for (int i = 0; i < COUNT; i++) {
        int rank = (i * 37) % COUNT;
        assert_int_equal(
            sw_timer_start(&t[i], start + (uint64_t)rank * 100000, notes, (void *)(intptr_t)rank),
            SW_OK);
    }
    wait_for(COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(order[i], i);
        assert_true(fired_at[i] >= start + (uint64_t)i * 100000);
        assert_false(sw_timer_cancel(&t[i]));
    }
}

static void cancelled_ones_do_not_fire(void **state)
{
    (void)state;
    static sw_timer t[COUNT], never;
    atomic_store(&fired, 0);
    uint64_t start = sw_clock_deadline(20 * SW_NS_PER_MS);
    assert_int_equal(sw_timer_start(&never, SW_NEVER, notes, NULL), SW_OK);
    for (int i = 0; i < COUNT; i++) {
        int rank = (i * 29) % COUNT;
        assert_int_equal(
            sw_timer_start(&t[rank], start + (uint64_t)rank, notes, (void *)(intptr_t)rank), SW_OK);
    }
    for (int i = 1; i < COUNT; i += 2) {
        assert_true(sw_timer_cancel(&t[i]));
        assert_false(sw_timer_cancel(&t[i]));
    }
    wait_for(COUNT / 2);
    assert_true(sw_timer_cancel(&never));
    for (int i = 0; i < COUNT / 2; i++) {
        assert_int_equal(order[i], 2 * i);
    }
    assert_int_equal(atomic_load(&fired), COUNT / 2);
}

static void an_earlier_one_overtakes(void **state)
{
    (void)state;
    sw_timer late, early;
    atomic_store(&fired, 0);
    assert_int_equal(sw_timer_start(&late, sw_clock_deadline(3600 * SW_NS_PER_S), notes, NULL),
                     SW_OK);
    assert_int_equal(sw_timer_start(&early, 0, notes, (void *)(intptr_t)1), SW_OK);
    wait_for(1);
    assert_int_equal(order[0], 1);
    assert_true(sw_timer_cancel(&late));
    sw_timer zero = {};
    assert_false(sw_timer_cancel(&zero));
}

static void clocks_run_forward(void **state)
{
    (void)state;
    uint64_t before = sw_clock_monotonic_ns();
    sw_clock_sleep_until(before + SW_NS_PER_MS);
    assert_true(sw_clock_monotonic_ns() >= before + SW_NS_PER_MS);
    assert_true(sw_clock_realtime_ns() > UINT64_C(1600000000) * SW_NS_PER_S);
    assert_true(sw_clock_process_cpu_ns() > 0);
    assert_true(sw_clock_thread_cpu_ns() > 0);
    assert_true(sw_clock_monotonic_resolution_ns() > 0);
    assert_true(sw_clock_realtime_resolution_ns() > 0);
    assert_true(sw_clock_deadline(UINT64_MAX) == SW_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_run_forward),
        cmocka_unit_test(they_fire_by_deadline),
        cmocka_unit_test(cancelled_ones_do_not_fire),
        cmocka_unit_test(an_earlier_one_overtakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
