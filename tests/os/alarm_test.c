/* An alarm goes off on the thread that made it while that computes, again and again, and not after
 * it was unset. */
#include "os/alarm.h"

#include "os/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

static volatile sig_atomic_t count;

static void on_signal(int number)
{
    (void)number;
    count++;
}

/* Computes until the count is wanted or so much time has passed. */
static void spin(int wanted, uint64_t at_most_ns)
{
    uint64_t until = sw_clock_deadline(at_most_ns);
    while (count < wanted && sw_clock_monotonic_ns() < until) {
    }
}

static void goes_off_again(void **state)
{
    (void)state;
    sw_alarm a;
    count = 0;
    sw_alarm_init(&a, SIGURG);
    sw_alarm_repeat(&a, SW_NS_PER_MS);
    spin(3, 20000 * SW_NS_PER_MS);
    assert_true(count >= 3);
    sw_alarm_repeat(&a, 0);
    int before = count;
    spin(before + 1, 5 * SW_NS_PER_MS);
    assert_int_equal(count, before);
    sw_alarm_clear(&a);
}

static void is_unset(void **state)
{
    (void)state;
    sw_alarm a;
    count = 0;
    sw_alarm_init(&a, SIGURG);
    sw_alarm_repeat(&a, 20000 * SW_NS_PER_MS);
    sw_alarm_repeat(&a, 0);
    spin(1, 5 * SW_NS_PER_MS);
    sw_alarm_clear(&a);
    sw_alarm_repeat(&a, SW_NS_PER_MS);
    spin(1, 5 * SW_NS_PER_MS);
    assert_int_equal(count, 0);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    if (sigaction(SIGURG, &action, NULL) != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_off_again),
        cmocka_unit_test(is_unset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
