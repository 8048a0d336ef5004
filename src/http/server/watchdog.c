#include "http/server/watchdog.h"

#include "http/server/worker.h"
#include "os/clock.h"
#include "os/thread.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How often it looks while guests run, and how many looks at nothing send it to sleep. */
#define TICK_NS SW_NS_PER_MS
enum { IDLE_TICKS = 50 };

static _Thread_local sw_worker *here;

void sw_watchdog_enter(sw_worker *w)
{
    here = w;
}

static void on_signal(int number)
{
    (void)number;
    int error = errno;
    sw_worker *w = here;
    uint64_t slice = w == NULL ? 0 : atomic_load(&w->slice);
    if (w != NULL && (slice == atomic_load(&w->watched_slice) ||
                      slice == atomic_load_explicit(&w->alarmed_slice, memory_order_relaxed))) {
        sw_store_yield_here();
        (void)sched_yield();
    }
    errno = error;
}

static sw_status install(sw_diag *diag)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART};
    if (sigaction(SIGURG, &action, NULL) != 0) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "signal handler: %s", strerror(errno));
    }
    return SW_OK;
}

/* True: somebody runs. */
static bool look(sw_watchdog *d, uint64_t *seen)
{
    bool any = false;
    for (unsigned i = 0; i < d->workers_count; i++) {
        sw_worker *w = &d->workers[i];
        uint64_t slice = atomic_load_explicit(&w->slice, memory_order_relaxed);
        bool runs = (slice & 1) != 0;
        if (runs && slice == seen[i]) {
            atomic_store(&w->watched_slice, slice);
            (void)pthread_kill(w->thread, SIGURG);
        }
        any = any || runs || slice != seen[i];
        seen[i] = slice;
    }
    return any;
}

static void sleep_until_woken(sw_watchdog *d)
{
    while (atomic_load(&d->sleeps) != 0 && !atomic_load(&d->ends)) {
        (void)syscall(SYS_futex, &d->sleeps, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void *watch(void *arg)
{
    sw_watchdog *d = arg;
    uint64_t seen[SW_PARALLEL_MAX] = {};
    unsigned idle = 0;
    while (!atomic_load(&d->ends)) {
        idle = look(d, seen) ? 0 : idle + 1;
        if (idle > IDLE_TICKS) {
            /* Who begins to run from here on sees the mark, or is seen by the last look. */
            atomic_store(&d->sleeps, 1);
            idle = 0;
            if (look(d, seen)) {
                atomic_store(&d->sleeps, 0);
            } else {
                sleep_until_woken(d);
            }
        }
        sw_clock_sleep_until(sw_clock_deadline(TICK_NS));
    }
    return NULL;
}

void sw_watchdog_wake(sw_watchdog *d)
{
    atomic_store(&d->sleeps, 0);
    (void)syscall(SYS_futex, &d->sleeps, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

sw_status sw_watchdog_start(sw_watchdog *d, sw_worker *workers, unsigned workers_count,
                            sw_diag *diag)
{
    SW_TRY(install(diag));
    d->workers = workers;
    d->workers_count = workers_count;
    if (sw_thread_start(&d->thread, watch, d) != SW_OK) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "no thread for the watchdog");
    }
    d->has_started = true;
    return SW_OK;
}

void sw_watchdog_end(sw_watchdog *d)
{
    if (d->has_started) {
        atomic_store(&d->ends, true);
        sw_watchdog_wake(d);
        (void)pthread_join(d->thread, NULL);
        d->has_started = false;
    }
}
