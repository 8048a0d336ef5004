/*
 * Fibers: stacks that a guest runs on, so that it can be put aside in the middle of a call.
 *
 *     void *body(void *arg) { ... void *answer = sw_fiber_suspend(question); ... return result; }
 *
 *     SW_TRY(sw_fiber_new(&f, 0, body));
 *     void *v = sw_fiber_resume(f, arg);       runs until it suspends or returns
 *     while (!sw_fiber_done(f)) { v = sw_fiber_resume(f, answer to v); }
 *     sw_fiber_free(f);
 *
 * A stack is one reservation; its pages cost memory only when touched. Below it lies a guard that
 * is never accessible, so that running out of stack is a fault at a known address:
 *
 *     low address                                                  high address
 *      |  guard, >= 64 KiB  |  limit ... usable stack ... top  | sw_fiber |
 *
 * Stacks are cached per thread, so that making a fiber costs no system call in the steady state.
 * A new fiber may find old bytes on its stack; guests cannot read their stack, host code must not.
 *
 * Threads: a fiber runs on one thread at a time. A suspended one may be resumed by another thread,
 * if no frame on it holds on to the address of a thread-local variable.
 * Fibers nest: a fiber may resume another one, which suspends back to it.
 */
#pragma once

#include "base/status.h"

#define SW_FIBER_STACK_BYTES ((size_t)8 << 20) /* what 0 stands for */
#define SW_FIBER_STACK_MIN   ((size_t)64 << 10)
#define SW_FIBER_GUARD_BYTES ((size_t)64 << 10)
#define SW_FIBER_CACHE_MAX   16 /* stacks kept by each thread */

typedef struct sw_fiber sw_fiber;

/* arg is what the first sw_fiber_resume passed; the result is what the last one returns. */
typedef void *(*sw_fiber_body)(void *arg);

typedef struct sw_stack_limits {
    uintptr_t guard; /* lowest address of the guard */
    uintptr_t limit; /* lowest usable address, the end of the guard */
    uintptr_t top;   /* one past the highest usable address */
} sw_stack_limits;

/* A fiber that has not started. stack_bytes is rounded up to pages; 0 is the default. */
SW_NODISCARD sw_status sw_fiber_new(sw_fiber **ret_fiber, size_t stack_bytes, sw_fiber_body body);

/* Runs f on the calling thread until it suspends or its body returns. f must not be done, nor
 * running. The value becomes the body's argument or the result of its sw_fiber_suspend. */
void *sw_fiber_resume(sw_fiber *f, void *value);

/* Puts the running fiber aside: its sw_fiber_resume returns value. Must be on a fiber. */
void *sw_fiber_suspend(void *value);

/* Whether the body has returned. */
bool sw_fiber_done(const sw_fiber *f);

/* Makes a fiber that is done ready to run its body again, on the same stack. */
void sw_fiber_restart(sw_fiber *f);

/* Gives the stack back. A fiber that is suspended is dropped where it stands: nothing on its stack
 * is cleaned up. f may be NULL; it must not be running. */
void sw_fiber_free(sw_fiber *f);

/* The fiber that runs on this thread, or NULL. */
sw_fiber *sw_fiber_current(void);

sw_stack_limits sw_fiber_limits(const sw_fiber *f);

/* The stack that the caller runs on: the current fiber's, or the thread's own. */
sw_stack_limits sw_stack_here(void);

/* Bytes left before the guard of the stack the caller runs on. */
size_t sw_stack_headroom(void);

/* Gives the calling thread's cached stacks back to the system. Done at thread exit by itself. */
void sw_fiber_cache_clear(void);
