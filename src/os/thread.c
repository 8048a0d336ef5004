#include "thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

unsigned sw_os_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    unsigned count = (unsigned)CPU_COUNT(&set);
    return SW_MIN(SW_MAX(count, 1u), (unsigned)SW_PARALLEL_MAX);
}

typedef struct loop {
    sw_parallel_fn fn;
    void *arg;
    uint32_t items;
    _Atomic uint32_t next;
    atomic_uint next_worker;
} loop;

static void *work(void *p)
{
    loop *l = p;
    unsigned worker = atomic_fetch_add_explicit(&l->next_worker, 1, memory_order_relaxed);
    uint32_t item = atomic_load_explicit(&l->next, memory_order_relaxed);
    for (;;) {
        if (item >= l->items) {
            return NULL;
        }
        if (atomic_compare_exchange_weak_explicit(&l->next, &item, item + 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            l->fn(l->arg, item, worker);
            item = atomic_load_explicit(&l->next, memory_order_relaxed);
        }
    }
}

/* Signals go to the program's own threads; faults of the thread itself must stay deliverable, and
 * SIGURG, which threads here send each other. */
static int create_quiet(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*fn)(void *),
                        void *arg)
{
    sigset_t blocked, before;
    (void)sigfillset(&blocked);
    (void)sigdelset(&blocked, SIGSEGV);
    (void)sigdelset(&blocked, SIGBUS);
    (void)sigdelset(&blocked, SIGFPE);
    (void)sigdelset(&blocked, SIGILL);
    (void)sigdelset(&blocked, SIGTRAP);
    (void)sigdelset(&blocked, SIGURG);
    (void)sigdelset(&blocked, SIGSYS);
    (void)pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int failed = pthread_create(ret_thread, attr, fn, arg);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

sw_status sw_thread_start(pthread_t *ret_thread, void *(*fn)(void *), void *arg)
{
    return create_quiet(ret_thread, NULL, fn, arg) == 0 ? SW_OK : SW_IO;
}

void sw_parallel_for(uint32_t items, unsigned max_workers, sw_parallel_fn fn, void *arg)
{
    loop l = {.fn = fn, .arg = arg, .items = items};
    pthread_t threads[SW_PARALLEL_MAX];
    unsigned wanted = max_workers == 0 ? sw_os_cores() : max_workers;
    wanted = SW_MIN(SW_MIN(wanted, (unsigned)SW_PARALLEL_MAX), items);
    unsigned count = 0;
    while (count + 1 < wanted && create_quiet(&threads[count], NULL, work, &l) == 0) {
        count++;
    }
    (void)work(&l);
    for (unsigned i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

sw_status sw_thread_start_detached(void *(*fn)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;
    if (pthread_attr_init(&attr) != 0) {
        return SW_NO_MEMORY;
    }
    int failed = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (failed == 0) {
        failed = create_quiet(&thread, &attr, fn, arg);
    }
    (void)pthread_attr_destroy(&attr);
    return failed == 0 ? SW_OK : SW_NO_MEMORY;
}
