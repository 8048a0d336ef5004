/*
 * The pending timers form a pairing heap by deadline: starting is constant work, taking out is
 * logarithmic (amortised), and the links live in the timers. In a heap node `prev` is the parent
 * for a first child and the left sibling otherwise.
 */
#include "timer.h"

#include "clock.h"
#include "thread.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;  /* the earliest deadline is another one; by the monotonic clock */
static pthread_cond_t finished; /* the running callback has returned */
static sw_timer *heap;
static sw_timer *running;
static bool started;

static sw_timer *meld(sw_timer *a, sw_timer *b)
{
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    if (b->deadline_ns < a->deadline_ns) {
        sw_timer *first = b;
        b = a;
        a = first;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child != NULL) {
        a->child->prev = b;
    }
    a->child = b;
    a->next = a->prev = NULL;
    return a;
}

/* Melds siblings two by two from the left, then the results from the right. */
static sw_timer *meld_siblings(sw_timer *first)
{
    sw_timer *pairs = NULL;
    while (first != NULL) {
        sw_timer *a = first, *b = a->next;
        first = b == NULL ? NULL : b->next;
        a->next = a->prev = NULL;
        if (b != NULL) {
            b->next = b->prev = NULL;
        }
        sw_timer *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    sw_timer *root = NULL;
    while (pairs != NULL) {
        sw_timer *next = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void take_out(sw_timer *t)
{
    if (t == heap) {
        heap = meld_siblings(t->child);
    } else {
        if (t->prev->child == t) {
            t->prev->child = t->next;
        } else {
            t->prev->next = t->next;
        }
        if (t->next != NULL) {
            t->next->prev = t->prev;
        }
        heap = meld(heap, meld_siblings(t->child));
    }
    t->child = t->next = t->prev = NULL;
    t->pending = false;
}

static void wait_for_earliest(void)
{
    if (heap == NULL || heap->deadline_ns == SW_NEVER) {
        (void)pthread_cond_wait(&changed, &lock);
        return;
    }
    struct timespec until = {.tv_sec = (time_t)(heap->deadline_ns / SW_NS_PER_S),
                             .tv_nsec = (long)(heap->deadline_ns % SW_NS_PER_S)};
    (void)pthread_cond_timedwait(&changed, &lock, &until);
}

static void *timer_thread(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&lock);
    for (;;) {
        if (heap == NULL || heap->deadline_ns > sw_clock_monotonic_ns()) {
            wait_for_earliest();
            continue;
        }
        sw_timer *t = heap;
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
    *t = (sw_timer){.deadline_ns = deadline_ns, .fn = fn, .arg = arg};
    (void)pthread_mutex_lock(&lock);
    bool ok = start_thread();
    if (ok) {
        t->pending = true;
        heap = meld(heap, t);
        if (heap == t) {
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
