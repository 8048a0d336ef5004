/*
 * Guests that compute for long.
 *
 * A guest's first slice ends when the watchdog notices it, after one to two milliseconds. From then
 * on it runs in slices that an alarm of this thread ends, each followed by a look at all
 * descriptors, so that whatever else comes goes first. Among themselves: who has computed for less
 * than YOUNG_NS goes on until it is done or no longer young, in the order of arrival; the others
 * take turns in what is left, and in one turn of TURNS_OF_YOUNG + 1 at least.
 *
 * While there are such guests the thread never sleeps. So the alarm's handler also lets other
 * threads have the processor: a client on the same machine that was woken would otherwise wait for
 * it until the next tick of the system's clock, for up to 4 ms.
 *
 * The alarm goes off at an interval, not per slice: that costs no system call, and a guest that is
 * alone and goes on in the same slice is asked again. Slices come out shorter when something else
 * ran in between; nobody counts on their length.
 */
#include "http/server/internal.h"

#include "os/clock.h"

#define SLICE_NS (SW_NS_PER_MS / 5)
#define YOUNG_NS (20 * SW_NS_PER_MS)
enum { TURNS_OF_YOUNG = 3 };

/* ---- Slices ---------------------------------------------------------------------------------- */

void sw_worker_begin_slice(sw_worker *w)
{
    (void)atomic_fetch_add(&w->slice, w->slice_depth++ == 0 ? 1 : 2);
    sw_watchdog_note(&w->server->watchdog);
}

void sw_worker_end_slice(sw_worker *w)
{
    (void)atomic_fetch_add(&w->slice, --w->slice_depth == 0 ? 1 : 2);
}

/* The request may be over, and another's, when the store comes back. */
void sw_worker_go_on(sw_worker *w, sw_request *r)
{
    uint64_t before = sw_clock_monotonic_ns();
    w->resumed = r;
    sw_store_resume(r->seat->store);
    if (w->resumed == r) {
        r->used_ns += sw_clock_monotonic_ns() - before;
    }
    w->resumed = NULL;
}

/* ---- Turns ----------------------------------------------------------------------------------- */

static sw_request *take_next(sw_worker *w)
{
    bool is_hogs_turn =
        w->young.first == NULL || (w->hogs.first != NULL && w->turns_of_young == TURNS_OF_YOUNG);
    sw_request_list *from = is_hogs_turn ? &w->hogs : &w->young;
    sw_request *r = from->first;
    w->turns_of_young = is_hogs_turn ? 0 : w->turns_of_young + 1;
    sw_requests_remove(from, r);
    return r;
}

static bool has_hogs(const sw_worker *w)
{
    return w->young.first != NULL || w->hogs.first != NULL;
}

static void set_alarm(sw_worker *w, bool goes_off)
{
    if (w->has_alarm != goes_off) {
        w->has_alarm = goes_off;
        sw_alarm_repeat(&w->alarm, goes_off ? SLICE_NS : 0);
    }
}

/* The job for the next comes before the slice: a guest gives way if there is anything to do. */
static void on_run_hog(sw_loop_job *job)
{
    sw_worker *w = SW_CONTAINER_OF(job, sw_worker, run_hog);
    if (has_hogs(w)) {
        sw_request *r = take_next(w);
        if (has_hogs(w)) {
            sw_loop_defer_next(w->loop, &w->run_hog);
        }
        sw_worker_begin_slice(w);
        atomic_store_explicit(&w->alarmed_slice, atomic_load(&w->slice), memory_order_relaxed);
        sw_worker_go_on(w, r);
        sw_worker_end_slice(w);
    }
    if (!has_hogs(w)) {
        set_alarm(w, false);
    }
}

void sw_worker_add_hog(sw_worker *w, sw_request *r)
{
    if (r->used_ns >= YOUNG_NS) {
        sw_requests_push(&w->hogs, r);
    } else if (r->was_young) {
        sw_requests_push_front(&w->young, r);
    } else {
        sw_requests_push(&w->young, r);
    }
    r->was_young = true;
    set_alarm(w, true);
    sw_loop_defer_next(w->loop, &w->run_hog);
}

bool sw_request_is_hog(const sw_request *r)
{
    return r->used_ns >= YOUNG_NS;
}

void sw_worker_hogs_init(sw_worker *w)
{
    w->run_hog.fn = on_run_hog;
}
