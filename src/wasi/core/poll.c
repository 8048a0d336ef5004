#include "wasi/core/poll.h"

#include "os/clock.h"

#include <errno.h>
#include <poll.h>

enum { POLL_ON_STACK = 16 };

static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT, "items' events go to the loop as they are");

/* What holds an item's place while the store is suspended. */
typedef struct poll_link {
    sw_watch watch;
    sw_waiter waiter;
    sw_store *store;
} poll_link;

typedef struct poll_wait {
    sw_loop_timer timer;
    sw_store *store;
    sw_loop *loop;
    sw_poll_item *items;
    size_t count;
    struct pollfd *fds; /* parallel to items; NULL: none has a descriptor */
    poll_link *links;   /* parallel to items */
} poll_wait;

/* ---- Looking --------------------------------------------------------------------------------- */

static sw_trap look_at_fds(const poll_wait *w)
{
    int n;
    do {
        n = poll(w->fds, w->count, 0);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        return SW_TRAP_NONE;
    }
    sw_store_explain_trap(w->store, "poll failed");
    return errno == ENOMEM ? SW_TRAP_OUT_OF_HOST_MEMORY : SW_TRAP_HOST;
}

/* Marks the items that are ready and counts them. */
static sw_trap look(const poll_wait *w, size_t *ret_ready)
{
    uint64_t now = 0;
    size_t ready = 0;
    if (w->fds != NULL) {
        sw_trap trap = look_at_fds(w);
        if (trap != SW_TRAP_NONE) {
            return trap;
        }
    }
    for (size_t i = 0; i < w->count; i++) {
        sw_poll_item *item = &w->items[i];
        if (item->source != NULL) {
            bool is_ready = item->source->is_ready(item->source, item->events);
            item->ret_events = is_ready ? item->events : 0;
        } else {
            item->ret_events = item->fd < 0 ? 0 : w->fds[i].revents;
        }
        if (item->deadline_ns != UINT64_MAX && now == 0) {
            now = sw_clock_monotonic_ns();
        }
        item->is_ready =
            item->ret_events != 0 || (item->deadline_ns != UINT64_MAX && item->deadline_ns <= now);
        ready += item->is_ready;
    }
    *ret_ready = ready;
    return SW_TRAP_NONE;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void on_fd(sw_watch *watch, uint32_t events)
{
    (void)events;
    sw_store_wake(SW_CONTAINER_OF(watch, poll_link, watch)->store);
}

static void on_time(sw_loop_timer *timer)
{
    sw_store_wake(SW_CONTAINER_OF(timer, poll_wait, timer)->store);
}

static uint64_t earliest(const poll_wait *w)
{
    uint64_t store_deadline = sw_store_deadline(w->store);
    uint64_t first = store_deadline == 0 ? SW_NEVER : store_deadline;
    for (size_t i = 0; i < w->count; i++) {
        first = SW_MIN(first, w->items[i].deadline_ns);
    }
    return first;
}

static sw_trap join(poll_wait *w)
{
    sw_status st = sw_store_need_loop(w->store, &w->loop);
    for (size_t i = 0; i < w->count && st == SW_OK; i++) {
        const sw_poll_item *item = &w->items[i];
        poll_link *l = &w->links[i];
        l->store = w->store;
        if (item->source != NULL) {
            sw_source_wait(item->source, &l->waiter, w->store);
        } else if (item->fd >= 0) {
            st = sw_loop_watch(w->loop, &l->watch, item->fd, (uint32_t)item->events, on_fd);
        }
    }
    if (st != SW_OK) {
        sw_store_explain_trap(w->store, "waiting failed: %s", sw_status_text(st));
        return st == SW_NO_MEMORY ? SW_TRAP_OUT_OF_HOST_MEMORY : SW_TRAP_HOST;
    }
    sw_loop_timer_start(w->loop, &w->timer, earliest(w), on_time);
    return SW_TRAP_NONE;
}

static void leave(poll_wait *w)
{
    if (w->loop == NULL) {
        return;
    }
    sw_loop_timer_stop(w->loop, &w->timer);
    for (size_t i = 0; i < w->count; i++) {
        sw_source_leave(&w->links[i].waiter);
        sw_loop_unwatch(w->loop, &w->links[i].watch);
    }
}

/* Why not to wait on, or NONE. */
static sw_trap stop_reason(sw_store *s)
{
    sw_trap stop = sw_store_check(s);
    uint64_t deadline = sw_store_deadline(s);
    if (stop == SW_TRAP_NONE && deadline != 0 && deadline <= sw_clock_monotonic_ns()) {
        stop = SW_TRAP_DEADLINE;
    }
    return stop;
}

static void wait_on(const poll_wait *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i].source != NULL) {
            sw_source_wait_on(w->items[i].source);
        }
    }
}

static sw_trap suspend_until_ready(poll_wait *w)
{
    size_t ready = 0;
    do {
        wait_on(w);
        sw_trap trap = stop_reason(w->store);
        if (trap == SW_TRAP_NONE) {
            trap = sw_store_suspend(w->store);
        }
        if (trap == SW_TRAP_NONE) {
            trap = look(w, &ready);
        }
        if (trap != SW_TRAP_NONE) {
            return trap;
        }
    } while (ready == 0);
    return SW_TRAP_NONE;
}

/* wants_wait false: looks only. */
static sw_trap look_and_wait(poll_wait *w, bool wants_wait)
{
    size_t ready = 0;
    sw_trap trap = look(w, &ready);
    if (trap != SW_TRAP_NONE || ready != 0 || !wants_wait) {
        return trap;
    }
    trap = join(w);
    if (trap == SW_TRAP_NONE) {
        trap = suspend_until_ready(w);
    }
    leave(w);
    return trap;
}

static void fill_fds(poll_wait *w, struct pollfd *fds)
{
    for (size_t i = 0; i < w->count; i++) {
        fds[i] = (struct pollfd){.fd = w->items[i].fd, .events = w->items[i].events};
        if (w->items[i].source != NULL) {
            fds[i].fd = -1;
        } else if (w->items[i].fd >= 0) {
            w->fds = fds;
        }
    }
}

static sw_trap with_room(poll_wait *w, struct pollfd *fds, poll_link *links, bool wants_wait)
{
    fill_fds(w, fds);
    w->links = links;
    return look_and_wait(w, wants_wait);
}

static sw_trap with_heap(poll_wait *w, bool wants_wait)
{
    sw_budget *budget = sw_store_budget(w->store);
    struct pollfd *fds = sw_alloc_array(budget, w->count, sizeof *fds);
    poll_link *links = sw_alloc_array(budget, w->count, sizeof *links);
    sw_trap trap = SW_TRAP_OUT_OF_HOST_MEMORY;
    if (fds != NULL && links != NULL) {
        trap = with_room(w, fds, links, wants_wait);
    }
    sw_free(budget, fds, fds == NULL ? 0 : w->count * sizeof *fds);
    sw_free(budget, links, links == NULL ? 0 : w->count * sizeof *links);
    return trap;
}

static sw_trap with_stack(poll_wait *w, bool wants_wait)
{
    struct pollfd fds[POLL_ON_STACK];
    poll_link links[POLL_ON_STACK];
    memset(links, 0, w->count * sizeof *links);
    return with_room(w, fds, links, wants_wait);
}

static sw_trap run_wait(sw_store *s, sw_poll_item *items, size_t count, bool wants_wait)
{
    poll_wait w = {.store = s, .items = items, .count = count};
    return count <= POLL_ON_STACK ? with_stack(&w, wants_wait) : with_heap(&w, wants_wait);
}

sw_trap sw_poll_wait(sw_store *s, sw_poll_item *items, size_t count)
{
    return run_wait(s, items, count, true);
}

sw_trap sw_poll_look(sw_store *s, sw_poll_item *items, size_t count)
{
    return run_wait(s, items, count, false);
}

sw_trap sw_poll_wait_fd(sw_store *s, int fd, short events)
{
    if (SW_LIKELY(sw_store_may_block(s))) {
        return SW_TRAP_NONE;
    }
    sw_poll_item item = {.fd = fd, .events = events, .deadline_ns = UINT64_MAX};
    return sw_poll_wait(s, &item, 1);
}
