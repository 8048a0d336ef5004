/*
 * The event loop: one thread waits for descriptors, points in time and other threads, and calls
 * back.
 *
 *     static void on_socket(sw_watch *w, uint32_t events)
 *     {
 *         connection *c = SW_CONTAINER_OF(w, connection, watch);
 *         ...
 *     }
 *
 *     SW_TRY(sw_loop_new(&loop, diag));
 *     SW_TRY(sw_loop_watch(loop, &c->watch, fd, EPOLLIN | EPOLLOUT | EPOLLET, on_socket));
 *     sw_loop_timer_start(loop, &c->idle, sw_loop_now(loop) + 30 * SW_NS_PER_S, on_idle);
 *     sw_loop_run(loop);                      until sw_loop_stop
 *
 * Watches, timers and jobs lie in the caller's structs, who keeps them alive while they are in use:
 * nothing is allocated for an event. All of them must be zero before their first use.
 *
 * One turn: wait; call the watches whose descriptors are ready; the timers that are due; the jobs
 * that are waiting, those among them that were added meanwhile too. Callbacks may do anything to
 * any watch, timer and job, also free the one they were called for, except turn the loop again.
 *
 * Threads: everything is for the loop's thread alone, that is the one that turns it, but
 * sw_loop_post. A loop that is not turning may pass to another thread.
 */
#pragma once

#include "base/status.h"
#include "os/heap.h"

#include <stdatomic.h>
#include <sys/epoll.h>

typedef struct sw_loop sw_loop;
typedef struct sw_watch sw_watch;
typedef struct sw_loop_timer sw_loop_timer;
typedef struct sw_loop_job sw_loop_job;

/* NO_MEMORY, or IO: the system gives no more descriptors. */
SW_NODISCARD sw_status sw_loop_new(sw_loop **ret_loop, sw_diag *diag);

/* Nothing may be in use with it any more but watches, which are forgotten. loop may be NULL. */
void sw_loop_free(sw_loop *loop);

/* Monotonic time (clock.h), read once a turn, after the wait. */
uint64_t sw_loop_now(const sw_loop *loop);

/* One turn, which waits no longer than until this time: 0 does not wait, SW_NEVER waits for events.
 * It may end without any. */
void sw_loop_turn(sw_loop *loop, uint64_t until_ns);

/* Turns until sw_loop_stop has been called; then the turn is finished. */
void sw_loop_run(sw_loop *loop);
void sw_loop_stop(sw_loop *loop);

/* Whether a turn is under way, that is: whether the caller is in a callback. */
bool sw_loop_is_turning(const sw_loop *loop);

/* From inside of a callback, or not: whether somebody could be called at once. Looks at the system
 * without waiting; what it finds is for the rest of this turn or the next one. */
bool sw_loop_has_work(sw_loop *loop);

/* ---- Descriptors ----------------------------------------------------------------------------- */

/* events: what was asked for, and EPOLLERR and EPOLLHUP, which need no asking. */
typedef void (*sw_watch_fn)(sw_watch *w, uint32_t events);

struct sw_watch {
    sw_watch_fn fn; /* NULL: not in use */
    uint32_t events;
    int fd;
    sw_watch *next, *prev; /* of the same descriptor, or of those that are always ready */
    bool is_always_ready;
};

/*
 * Watches a descriptor for EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLPRI. A descriptor may have several
 * watches; each gets the events it asked for. EPOLLET (be told once of each change) holds only
 * while all watches of the descriptor ask for it. What cannot be polled, like a regular file, is
 * ready in every turn. NO_MEMORY; IO: the system refused, and errno says why.
 */
SW_NODISCARD sw_status sw_loop_watch(sw_loop *loop, sw_watch *w, int fd, uint32_t events,
                                     sw_watch_fn fn);

/* Asks for other events, or for none for a while (EPOLLERR and EPOLLHUP still come); false: the
 * system refused, and they stay as they were. Edges begin anew: a descriptor that is ready already
 * is told of once more. */
bool sw_loop_rewatch(sw_loop *loop, sw_watch *w, uint32_t events);

/* After this the watch is not called any more, not even for an event that has come already. Before
 * the descriptor is closed. A watch that is not in use may be given. */
void sw_loop_unwatch(sw_loop *loop, sw_watch *w);

/* ---- Points in time -------------------------------------------------------------------------- */

typedef void (*sw_loop_timer_fn)(sw_loop_timer *t);

struct sw_loop_timer {
    sw_heap_node node; /* its key is never after the deadline */
    uint64_t deadline_ns;
    sw_loop_timer_fn fn; /* NULL: not in use */
};

/* (Re)starts a timer; it is called once, at or after the deadline. SW_NEVER stops it. To put off a
 * running timer is almost free. */
void sw_loop_timer_start(sw_loop *loop, sw_loop_timer *t, uint64_t deadline_ns,
                         sw_loop_timer_fn fn);
void sw_loop_timer_stop(sw_loop *loop, sw_loop_timer *t);

/* ---- Jobs ------------------------------------------------------------------------------------ */

typedef void (*sw_loop_job_fn)(sw_loop_job *job);

struct sw_loop_job {
    sw_loop_job_fn fn; /* set by the caller before the first use */
    sw_loop_job *next, *prev;
    atomic_bool is_waiting;
};

/* Calls the job once at the end of this turn (outside of one: of the next). One that is waiting
 * already stays where it is. */
void sw_loop_defer(sw_loop *loop, sw_loop_job *job);

/* The same, but in the next turn, after it has looked for ready descriptors. */
void sw_loop_defer_next(sw_loop *loop, sw_loop_job *job);

/* The same as sw_loop_defer, from any thread or signal handler; wakes the loop. What the caller
 * wrote before is seen by the job. */
void sw_loop_post(sw_loop *loop, sw_loop_job *job);

/* The job does not run any more. One that another thread may be about to post cannot be
 * cancelled for good. A job that is not waiting may be given. */
void sw_loop_cancel(sw_loop *loop, sw_loop_job *job);
