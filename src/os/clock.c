#include "clock.h"

#include <errno.h>
#include <time.h>

static uint64_t to_ns(struct timespec t)
{
    return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * SW_NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t now(clockid_t clock)
{
    struct timespec t = {};
    (void)clock_gettime(clock, &t);
    return to_ns(t);
}

static uint64_t resolution(clockid_t clock)
{
    struct timespec t = {};
    return clock_getres(clock, &t) == 0 ? to_ns(t) : 1;
}

uint64_t sw_clock_monotonic_ns(void)
{
    return now(CLOCK_MONOTONIC);
}

uint64_t sw_clock_realtime_ns(void)
{
    return now(CLOCK_REALTIME);
}

uint64_t sw_clock_process_cpu_ns(void)
{
    return now(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t sw_clock_thread_cpu_ns(void)
{
    return now(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t sw_clock_monotonic_resolution_ns(void)
{
    return resolution(CLOCK_MONOTONIC);
}

uint64_t sw_clock_realtime_resolution_ns(void)
{
    return resolution(CLOCK_REALTIME);
}

void sw_clock_sleep_until(uint64_t deadline_ns)
{
    struct timespec t = {.tv_sec = (time_t)(deadline_ns / SW_NS_PER_S),
                         .tv_nsec = (long)(deadline_ns % SW_NS_PER_S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

uint64_t sw_clock_deadline(uint64_t from_now_ns)
{
    uint64_t deadline;
    return ckd_add(&deadline, sw_clock_monotonic_ns(), from_now_ns) ? SW_NEVER : deadline;
}
