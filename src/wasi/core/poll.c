#include "wasi/core/poll.h"

#include "os/clock.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

enum { POLL_ON_STACK = 16 };

static uint64_t earliest(const sw_poll_item *items, size_t count)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        first = SW_MIN(first, items[i].deadline_ns);
    }
    return first;
}

static size_t mark_ready(sw_poll_item *items, const struct pollfd *fds, size_t count)
{
    uint64_t now = sw_clock_monotonic_ns();
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        items[i].ret_events = items[i].fd < 0 ? 0 : fds[i].revents;
        items[i].is_ready = items[i].ret_events != 0 || items[i].deadline_ns <= now;
        ready += items[i].is_ready;
    }
    return ready;
}

/* One poll(2) until the deadline; 0 or errno. */
static int poll_until(struct pollfd *fds, size_t count, uint64_t deadline_ns)
{
    struct timespec left = {};
    uint64_t now = sw_clock_monotonic_ns();
    if (deadline_ns > now && deadline_ns != UINT64_MAX) {
        left.tv_sec = (time_t)((deadline_ns - now) / 1000000000);
        left.tv_nsec = (long)((deadline_ns - now) % 1000000000);
    }
    int n = ppoll(fds, count, deadline_ns == UINT64_MAX ? NULL : &left, NULL);
    return n < 0 && errno != EINTR ? errno : 0;
}

static sw_trap wait_with(sw_store *s, sw_poll_item *items, struct pollfd *fds, size_t count)
{
    uint64_t store_deadline = sw_store_deadline(s);
    store_deadline = store_deadline == 0 ? UINT64_MAX : store_deadline;
    for (size_t i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = items[i].fd, .events = items[i].events};
    }
    uint64_t until = SW_MIN(earliest(items, count), store_deadline);
    for (;;) {
        int err = poll_until(fds, count, until);
        if (err != 0) {
            sw_store_explain_trap(s, "poll failed");
            return err == ENOMEM ? SW_TRAP_OUT_OF_HOST_MEMORY : SW_TRAP_HOST;
        }
        if (mark_ready(items, fds, count) != 0) {
            return SW_TRAP_NONE;
        }
        if (store_deadline <= sw_clock_monotonic_ns()) {
            return SW_TRAP_DEADLINE;
        }
    }
}

sw_trap sw_poll_wait(sw_store *s, sw_poll_item *items, size_t count)
{
    struct pollfd few[POLL_ON_STACK];
    if (count <= POLL_ON_STACK) {
        return wait_with(s, items, few, count);
    }
    struct pollfd *many = sw_alloc_array(sw_store_budget(s), count, sizeof *many);
    if (many == NULL) {
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    sw_trap trap = wait_with(s, items, many, count);
    sw_free(sw_store_budget(s), many, count * sizeof *many);
    return trap;
}

sw_trap sw_poll_wait_fd(sw_store *s, int fd, short events)
{
    if (SW_LIKELY(sw_store_deadline(s) == 0)) {
        return SW_TRAP_NONE;
    }
    sw_poll_item item = {.fd = fd, .events = events, .deadline_ns = UINT64_MAX};
    return sw_poll_wait(s, &item, 1);
}
