/*
 * The watchdog: a thread that asks guests which have run for a while to let others run. From then
 * on an alarm of the worker itself asks them (os/alarm.h).
 *
 * It looks at the workers every millisecond, as long as guests run at all, and sends SIGURG to the
 * thread of one whose guest was running at the last look, too. The signal's handler marks the guest
 * that the thread is running, if it is still the same slice, and the guest gives way at its next
 * check if anybody waits. So the path of a short request has no timer, no lock and no system call
 * for this: two stores to a word.
 *
 * Deadlines are noticed by the same check.
 */
#pragma once

#include "base/status.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct sw_watchdog {
    pthread_t thread;
    struct sw_worker *workers; /* borrowed */
    unsigned workers_count;
    bool has_started;
    atomic_bool ends;
    atomic_uint sleeps; /* 1: nobody runs, it waits to be woken; a futex */
} sw_watchdog;

SW_NODISCARD sw_status sw_watchdog_start(sw_watchdog *d, struct sw_worker *workers,
                                         unsigned workers_count, sw_diag *diag);
void sw_watchdog_end(sw_watchdog *d);

void sw_watchdog_wake(sw_watchdog *d);

/* The calling thread is the worker's. */
void sw_watchdog_enter(struct sw_worker *w);

/* A worker says that a guest begins to run. */
static inline void sw_watchdog_note(sw_watchdog *d)
{
    if (SW_UNLIKELY(atomic_load_explicit(&d->sleeps, memory_order_relaxed) != 0)) {
        sw_watchdog_wake(d);
    }
}
