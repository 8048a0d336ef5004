/*
 * Clocks. All times are nanoseconds in a uint64_t: monotonic since an arbitrary start (it lasts
 * 584 years), realtime since 1970-01-01 UTC.
 */
#pragma once

#include "base/base.h"

#define SW_NS_PER_S  UINT64_C(1000000000)
#define SW_NS_PER_MS UINT64_C(1000000)
#define SW_NEVER     UINT64_MAX /* a deadline that never comes */

uint64_t sw_clock_monotonic_ns(void);
uint64_t sw_clock_realtime_ns(void);    /* 0 before 1970 */
uint64_t sw_clock_process_cpu_ns(void); /* user and system, all threads */
uint64_t sw_clock_thread_cpu_ns(void);

uint64_t sw_clock_monotonic_resolution_ns(void);
uint64_t sw_clock_realtime_resolution_ns(void);

/* Blocks the thread until the monotonic clock reaches the deadline; signals do not shorten it. */
void sw_clock_sleep_until(uint64_t deadline_ns);

/* Now plus a duration, SW_NEVER if that does not fit. */
uint64_t sw_clock_deadline(uint64_t from_now_ns);
