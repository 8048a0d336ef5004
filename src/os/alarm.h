/*
 * An alarm: a signal to one thread at an interval, delivered by the kernel's timer interrupt.
 *
 * A thread that computes gets it at once, on the processor that it runs on. Another thread that
 * watched the clock would first need a processor itself, which on a busy machine takes longer than
 * what it is to measure.
 */
#pragma once

#include "base/status.h"

#include <time.h>

typedef struct sw_alarm {
    timer_t timer;
    bool is_made;
} sw_alarm;

/* For the calling thread. Where the system has no timer left the alarm never goes off. */
void sw_alarm_init(sw_alarm *a, int signal_number);
void sw_alarm_clear(sw_alarm *a);

/* Goes off each time so many nanoseconds have passed; 0: not at all. */
void sw_alarm_repeat(sw_alarm *a, uint64_t every_ns);
