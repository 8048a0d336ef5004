/* Threads: how many there should be, and one loop that uses them all. */
#pragma once

#include "base/status.h"

#include <pthread.h>

#define SW_PARALLEL_MAX 64 /* workers of one loop at most */

/* Processors this process may run on: at least 1, at most SW_PARALLEL_MAX. */
unsigned sw_os_cores(void);

/* worker is 0 .. max_workers - 1, one thread each, for per-thread scratch. */
typedef void (*sw_parallel_fn)(void *arg, uint32_t item, unsigned worker);

/* Calls fn for every item 0 .. items - 1, each once, in no particular order, from up to
 * max_workers threads (0: one per core), the calling one among them; returns when all are done.
 * Never fails: where the system refuses threads, fewer do the work. */
void sw_parallel_for(uint32_t items, unsigned max_workers, sw_parallel_fn fn, void *arg);

/* Starts a thread that is to be joined, with all signals blocked except faults and SIGURG. */
SW_NODISCARD sw_status sw_thread_start(pthread_t *ret_thread, void *(*fn)(void *), void *arg);

/* A thread that nobody waits for, with all signals blocked except faults. */
SW_NODISCARD sw_status sw_thread_start_detached(void *(*fn)(void *), void *arg);
