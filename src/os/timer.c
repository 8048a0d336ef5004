#include "timer.h"

#include "clock.h"
#include "thread.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;  /* the earliest deadline is another one; by the monotonic clock */
static pthread_cond_t finished; /* the running callback has returned */
static sw_heap_node *heap;      /* of the pending timers, by deadline */
static sw_timer *running;
static bool started;

static void take_out(sw_timer *t)
{
    sw_heap_take(&heap, &t->node);
    t->pending = false;
}

static void wait_for_earliest(void)
{
    if (heap == NULL || heap->key == SW_NEVER) {
        (void)pthread_cond_wait(&changed, &lock);
        return;
    }
    struct timespec until = {.tv_sec = (time_t)(heap->key / SW_NS_PER_S),
                             .tv_nsec = (long)(heap->key % SW_NS_PER_S)};
    (void)pthread_cond_timedwait(&changed, &lock, &until);
}

static void *timer_thread(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&lock);
    for (;;) {
        if (heap == NULL || heap->key > sw_clock_monotonic_ns()) {
            wait_for_earliest();
            continue;
        }
        sw_timer *t = SW_CONTAINER_OF(heap, sw_timer, node);
        take_out(t);
        running = t;
        sw_timer_fn fn = t->fn;
        void *arg = t->arg;
        (void)pthread_mutex_unlock(&lock);
        fn(arg);
        (void)pthread_mutex_lock(&lock);
        running = NULL;
        (void)pthread_cond_broadcast(&finished);
    }
    return NULL;
}

static bool start_thread(void)
{
    pthread_condattr_t attr;
    if (started) {
        return true;
    }
    if (pthread_condattr_init(&attr) != 0) {
        return false;
    }
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    started = pthread_cond_init(&changed, &attr) == 0 && pthread_cond_init(&finished, NULL) == 0 &&
              sw_thread_start_detached(timer_thread, NULL) == SW_OK;
    (void)pthread_condattr_destroy(&attr);
    return started;
}

sw_status sw_timer_start(sw_timer *t, uint64_t deadline_ns, sw_timer_fn fn, void *arg)
{
    *t = (sw_timer){.node.key = deadline_ns, .fn = fn, .arg = arg};
    (void)pthread_mutex_lock(&lock);
    bool ok = start_thread();
    if (ok) {
        t->pending = true;
        sw_heap_put(&heap, &t->node);
        if (heap == &t->node) {
            (void)pthread_cond_signal(&changed);
        }
    }
    (void)pthread_mutex_unlock(&lock);
    return ok ? SW_OK : SW_NO_MEMORY;
}

bool sw_timer_cancel(sw_timer *t)
{
    (void)pthread_mutex_lock(&lock);
    bool was_pending = t->pending;
    if (was_pending) {
        take_out(t);
    }
    while (running == t) {
        (void)pthread_cond_wait(&finished, &lock);
    }
    (void)pthread_mutex_unlock(&lock);
    return was_pending;
}
