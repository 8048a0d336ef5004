/*
 * The stack that a store runs on, and putting it aside.
 *
 * A store's fiber is run by an outermost call (call.c) or by a task. While either waits it is
 * suspended: control is back with whoever resumed it. For a task that is a callback of the loop,
 * or the caller of sw_store_run; an outermost call has to give its caller a result, and turns the
 * loop until the store has been woken.
 */
#include "run/internal.h"

#include "os/signals.h"

/* ---- The fiber ------------------------------------------------------------------------------- */

sw_status sw_store_need_fiber(sw_store *s)
{
    size_t bytes;
    if (s->fiber != NULL) {
        return SW_OK;
    }
    uint64_t for_host = SW_MAX(s->limits.host_stack_bytes, (uint64_t)SW_HOST_STACK_MIN);
    if (ckd_add(&bytes, s->limits.stack_bytes, for_host)) {
        return SW_NO_MEMORY;
    }
    SW_TRY(sw_fiber_new(&s->fiber, bytes, sw_store_fiber_body));
    sw_stack_limits limits = sw_fiber_limits(s->fiber);
    s->guard = limits.guard;
    s->stack_limit = limits.limit;
    s->stack_top = limits.top;
    s->stack_floor = limits.limit + for_host;
    return SW_OK;
}

static bool is_here(const sw_store *s)
{
    return s->fiber != NULL && sw_fiber_current() == s->fiber;
}

/* Turns the loop until the store has been woken. */
static void await_wake(sw_store *s)
{
    sw_loop *loop = atomic_load_explicit(&s->loop, memory_order_relaxed);
    while (s->state == SW_STORE_PARKED) {
        sw_loop_turn(loop, UINT64_MAX);
    }
    s->state = SW_STORE_ACTIVE;
}

void sw_store_finish_fiber(sw_store *s)
{
    do {
        await_wake(s);
    } while (!sw_store_enter_fiber(s, NULL));
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void on_interrupted(sw_loop_job *job)
{
    sw_store_wake(SW_CONTAINER_OF(job, sw_store, interrupted));
}

static void on_ready(sw_loop_job *job)
{
    sw_store_resume(SW_CONTAINER_OF(job, sw_store, ready));
}

static void join_loop(sw_store *s, sw_loop *loop)
{
    s->interrupted.fn = on_interrupted;
    s->ready.fn = on_ready;
    atomic_store(&s->loop, loop);
}

void sw_store_set_loop(sw_store *s, sw_loop *loop)
{
    SW_CHECK(!s->has_task && s->activation == NULL);
    sw_store_leave_loop(s);
    if (loop != NULL) {
        join_loop(s, loop);
    }
}

void sw_store_leave_loop(sw_store *s)
{
    sw_loop *loop = atomic_exchange(&s->loop, NULL);
    if (loop == NULL) {
        return;
    }
    sw_loop_cancel(loop, &s->interrupted);
    sw_loop_cancel(loop, &s->ready);
    if (s->owns_loop) {
        sw_loop_free(loop);
        s->owns_loop = false;
    }
}

sw_status sw_store_need_loop(sw_store *s, sw_loop **ret_loop)
{
    sw_loop *loop = atomic_load_explicit(&s->loop, memory_order_relaxed);
    if (loop == NULL) {
        SW_TRY(sw_loop_new(&loop, NULL));
        s->owns_loop = true;
        join_loop(s, loop);
    }
    *ret_loop = loop;
    return SW_OK;
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

static void end_task(sw_store *s)
{
    s->has_task = false;
    s->activation = NULL;
    if (s->task.done != NULL) {
        s->task.done(s, s->task.arg);
    }
}

sw_status sw_store_run(sw_store *s, const sw_store_task *task)
{
    sw_loop *loop;
    if (s->has_task || s->activation != NULL) {
        return SW_ARGUMENT;
    }
    SW_TRY(sw_store_need_loop(s, &loop));
    SW_TRY(sw_store_need_fiber(s));
    SW_TRY(sw_signals_enter_thread());
    s->task = *task;
    s->has_task = true;
    s->host_fp = s->passing_fp = NULL;
    s->task_base = (sw_activation){0};
    s->activation = &s->task_base;
    s->trap.reason = SW_TRAP_NONE;
    sw_store_job job = {.store = s};
    if (sw_store_enter_fiber(s, &job)) {
        end_task(s);
    }
    return SW_OK;
}

void sw_store_resume(sw_store *s)
{
    SW_CHECK(s->has_task && s->state != SW_STORE_ACTIVE);
    sw_loop_cancel(atomic_load_explicit(&s->loop, memory_order_relaxed), &s->ready);
    s->state = SW_STORE_ACTIVE;
    if (sw_store_enter_fiber(s, NULL)) {
        end_task(s);
    }
}

/* ---- Suspending ------------------------------------------------------------------------------ */

sw_trap sw_store_suspend(sw_store *s)
{
    sw_loop *loop;
    sw_status st = sw_store_need_loop(s, &loop);
    if (st != SW_OK) {
        sw_store_explain_trap(s, "no event loop to wait on: %s", sw_status_text(st));
        return st == SW_NO_MEMORY ? SW_TRAP_OUT_OF_HOST_MEMORY : SW_TRAP_HOST;
    }
    bool can_return = s->has_task && is_here(s);
    if (!can_return && sw_loop_is_turning(loop)) {
        sw_store_explain_trap(s, "a call from inside of its own event loop cannot wait");
        return SW_TRAP_HOST;
    }
    if (atomic_load(&s->pending) != 0) {
        return SW_TRAP_NONE;
    }
    s->state = SW_STORE_PARKED;
    if (is_here(s)) {
        (void)sw_fiber_suspend(NULL);
    } else {
        await_wake(s);
    }
    return SW_TRAP_NONE;
}

static void become_ready(sw_store *s, bool has_yielded)
{
    s->state = SW_STORE_READY;
    if (!s->has_task) {
        return;
    }
    sw_loop *loop = atomic_load_explicit(&s->loop, memory_order_relaxed);
    if (s->task.ready != NULL) {
        s->task.ready(s, s->task.arg, has_yielded);
    } else if (has_yielded) {
        sw_loop_defer_next(loop, &s->ready);
    } else {
        sw_loop_defer(loop, &s->ready);
    }
}

void sw_store_wake(sw_store *s)
{
    if (s->state == SW_STORE_PARKED) {
        become_ready(s, false);
    }
}

void sw_store_yield(sw_store *s)
{
    sw_loop *loop = atomic_load_explicit(&s->loop, memory_order_relaxed);
    if (s->has_task && is_here(s) && sw_loop_has_work(loop)) {
        become_ready(s, true);
        (void)sw_fiber_suspend(NULL);
    }
}

bool sw_store_may_block(const sw_store *s)
{
    return s->deadline_ns == 0 && !s->has_task;
}
