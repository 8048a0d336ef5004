#include "alarm.h"

#include <signal.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#    define sigev_notify_thread_id _sigev_un._tid
#endif

void sw_alarm_init(sw_alarm *a, int signal_number)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal_number};
    event.sigev_notify_thread_id = gettid();
    a->is_made = timer_create(CLOCK_MONOTONIC, &event, &a->timer) == 0;
}

void sw_alarm_clear(sw_alarm *a)
{
    if (a->is_made) {
        (void)timer_delete(a->timer);
        a->is_made = false;
    }
}

void sw_alarm_repeat(sw_alarm *a, uint64_t every_ns)
{
    struct timespec every = {(time_t)(every_ns / 1000000000), (long)(every_ns % 1000000000)};
    struct itimerspec when = {every, every};
    if (a->is_made) {
        (void)timer_settime(a->timer, 0, &when, NULL);
    }
}
