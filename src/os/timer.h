/*
 * Timers: a callback at a monotonic time, from one thread of the process that is started when the
 * first timer is.
 *
 * Callbacks run one after the other on that thread and must be short: raise an interruption byte,
 * write to an event descriptor. A sw_timer belongs to the caller, who must keep it alive until it
 * has fired or sw_timer_cancel has returned. Nothing is allocated.
 */
#pragma once

#include "base/status.h"
#include "os/heap.h"

typedef void (*sw_timer_fn)(void *arg);

typedef struct sw_timer sw_timer;

struct sw_timer {
    sw_heap_node node; /* its key is the deadline */
    sw_timer_fn fn;
    void *arg; /* borrowed */
    bool pending;
};

/* Fills in t and schedules it. t must not be pending. NO_MEMORY: the thread cannot be started. */
SW_NODISCARD sw_status sw_timer_start(sw_timer *t, uint64_t deadline_ns, sw_timer_fn fn, void *arg);

/* After this returns the callback neither runs nor will run. True: it had not fired. t may be zero
 * or have fired. Must not be called from the callback itself. */
bool sw_timer_cancel(sw_timer *t);
