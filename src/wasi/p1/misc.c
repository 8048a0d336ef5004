/* WASI 0.1: arguments, environment, clocks, randomness, processes, polling, sockets. */
#include "wasi/p1/p1.h"

#include "os/clock.h"
#include "wasi/core/poll.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

/* Strings with their NULs one after the other, and a table of pointers to them. */
static p1_errno store_strings(sw_p1 *p, const sw_str *strings, size_t count, uint32_t pointers,
                              uint32_t bytes)
{
    uint64_t at = bytes;
    for (size_t i = 0; i < count; i++) {
        uint8_t *to;
        P1_TRY(sw_p1_slice(p, (uint32_t)at, strings[i].len + 1, &to));
        memcpy(to, strings[i].ptr, strings[i].len);
        to[strings[i].len] = 0;
        P1_TRY(sw_p1_store_u32(p, (uint32_t)(pointers + 4 * i), (uint32_t)at));
        at += strings[i].len + 1;
        if (at > UINT32_MAX) {
            return P1_FAULT;
        }
    }
    return P1_SUCCESS;
}

static p1_errno store_sizes(sw_p1 *p, const sw_str *strings, size_t count, uint32_t ret_count,
                            uint32_t ret_bytes)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += strings[i].len + 1;
    }
    if (bytes > UINT32_MAX) {
        return P1_OVERFLOW;
    }
    P1_TRY(sw_p1_store_u32(p, ret_count, (uint32_t)count));
    return sw_p1_store_u32(p, ret_bytes, (uint32_t)bytes);
}

p1_errno sw_p1_args_get(sw_p1 *p, const sw_value_slot *args)
{
    size_t count;
    const sw_str *strings = sw_wasi_args(p->wasi, &count);
    return store_strings(p, strings, count, args[0].i32, args[1].i32);
}

p1_errno sw_p1_args_sizes_get(sw_p1 *p, const sw_value_slot *args)
{
    size_t count;
    const sw_str *strings = sw_wasi_args(p->wasi, &count);
    return store_sizes(p, strings, count, args[0].i32, args[1].i32);
}

p1_errno sw_p1_environ_get(sw_p1 *p, const sw_value_slot *args)
{
    size_t count;
    const sw_str *strings = sw_wasi_env(p->wasi, &count);
    return store_strings(p, strings, count, args[0].i32, args[1].i32);
}

p1_errno sw_p1_environ_sizes_get(sw_p1 *p, const sw_value_slot *args)
{
    size_t count;
    const sw_str *strings = sw_wasi_env(p->wasi, &count);
    return store_sizes(p, strings, count, args[0].i32, args[1].i32);
}

enum { CLOCK_ID_REALTIME, CLOCK_ID_MONOTONIC, CLOCK_ID_PROCESS_CPU, CLOCK_ID_THREAD_CPU };

typedef struct clock_row {
    uint64_t (*now_ns)(void);
    uint64_t (*resolution_ns)(void);
} clock_row;

static const clock_row CLOCKS[] = {
    [CLOCK_ID_REALTIME] = {sw_clock_realtime_ns,    sw_clock_realtime_resolution_ns },
    [CLOCK_ID_MONOTONIC] = {sw_clock_monotonic_ns,   sw_clock_monotonic_resolution_ns},
    [CLOCK_ID_PROCESS_CPU] = {sw_clock_process_cpu_ns, sw_clock_monotonic_resolution_ns},
    [CLOCK_ID_THREAD_CPU] = {sw_clock_thread_cpu_ns,  sw_clock_monotonic_resolution_ns},
};

p1_errno sw_p1_clock_res_get(sw_p1 *p, const sw_value_slot *args)
{
    if (args[0].i32 >= SW_COUNTOF(CLOCKS)) {
        return P1_INVAL;
    }
    return sw_p1_store_u64(p, args[1].i32, CLOCKS[args[0].i32].resolution_ns());
}

p1_errno sw_p1_clock_time_get(sw_p1 *p, const sw_value_slot *args)
{
    if (args[0].i32 >= SW_COUNTOF(CLOCKS)) {
        return P1_INVAL;
    }
    return sw_p1_store_u64(p, args[2].i32, CLOCKS[args[0].i32].now_ns());
}

p1_errno sw_p1_proc_exit(sw_p1 *p, const sw_value_slot *args)
{
    sw_store_set_exit(p->store, (int)args[0].i32);
    sw_p1_end(p, SW_TRAP_EXIT);
    return P1_SUCCESS;
}

/* Signals do not exist for guests; 0.1 itself has dropped the function. */
p1_errno sw_p1_proc_raise(sw_p1 *p, const sw_value_slot *args)
{
    (void)p;
    (void)args;
    return P1_NOSYS;
}

p1_errno sw_p1_sched_yield(sw_p1 *p, const sw_value_slot *args)
{
    (void)p;
    (void)args;
    return P1_SUCCESS;
}

enum { RANDOM_STEP_BYTES = 1 << 20 };

p1_errno sw_p1_random_get(sw_p1 *p, const sw_value_slot *args)
{
    uint8_t *to;
    uint32_t left = args[1].i32;
    P1_TRY(sw_p1_slice(p, args[0].i32, left, &to));
    while (left != 0) {
        ssize_t got = getrandom(to, SW_MIN(left, (uint32_t)RANDOM_STEP_BYTES), 0);
        if (got < 0 && errno != EINTR) {
            return sw_p1_errno_of(errno);
        }
        if (got > 0) {
            to += got;
            left -= (uint32_t)got;
        }
        uint64_t deadline = sw_store_deadline(p->store);
        if (deadline != 0 && deadline <= sw_clock_monotonic_ns()) {
            sw_p1_end(p, SW_TRAP_DEADLINE);
            return P1_SUCCESS;
        }
    }
    return P1_SUCCESS;
}

/* ---- poll_oneoff ----------------------------------------------------------------------------- */

enum { EVENT_CLOCK, EVENT_FD_READ, EVENT_FD_WRITE, SUBSCRIPTION_ABSOLUTE = 1, EVENT_HANGUP = 1 };
enum { POLL_MAX_SUBSCRIPTIONS = 1 << 16 };

typedef struct subscription {
    uint64_t userdata;
    uint8_t tag, pad[7];
    uint32_t clock_or_fd;
    uint64_t timeout_ns, precision_ns;
    uint16_t flags;
} subscription;
static_assert(sizeof(subscription) == 48 && offsetof(subscription, timeout_ns) == 24, "WASI 0.1");

typedef struct event {
    uint64_t userdata;
    uint16_t error;
    uint8_t type, pad[5];
    uint64_t bytes;
    uint16_t flags, pad2[3];
} event;
static_assert(sizeof(event) == 32 && offsetof(event, bytes) == 16, "WASI 0.1");

/* What one subscription waits for. An error is an event that is ready at once. */
static p1_errno item_of(sw_p1 *p, const subscription *s, sw_poll_item *ret)
{
    uint64_t now = sw_clock_monotonic_ns();
    *ret = (sw_poll_item){.fd = -1, .deadline_ns = UINT64_MAX};
    if (s->tag == EVENT_CLOCK) {
        if (s->clock_or_fd > CLOCK_ID_MONOTONIC) {
            return s->clock_or_fd < SW_COUNTOF(CLOCKS) ? P1_NOTSUP : P1_INVAL;
        }
        uint64_t wait = s->timeout_ns;
        if ((s->flags & SUBSCRIPTION_ABSOLUTE) != 0) {
            uint64_t clock_now = CLOCKS[s->clock_or_fd].now_ns();
            wait = wait > clock_now ? wait - clock_now : 0;
        }
        if (ckd_add(&ret->deadline_ns, now, wait)) {
            ret->deadline_ns = UINT64_MAX - 1;
        }
        return P1_SUCCESS;
    }
    p1_fd *fd;
    P1_TRY(sw_p1_get(p, s->clock_or_fd, &fd));
    ret->fd = fd->fd;
    ret->events = s->tag == EVENT_FD_READ ? POLLIN : POLLOUT;
    return P1_SUCCESS;
}

static void fill_event(const subscription *s, const sw_poll_item *item, p1_errno err, event *ret)
{
    *ret = (event){.userdata = s->userdata, .type = s->tag, .error = err};
    if (s->tag == EVENT_CLOCK || err != P1_SUCCESS) {
        return;
    }
    int available = 1;
    if (s->tag == EVENT_FD_READ && ioctl(item->fd, FIONREAD, &available) < 0) {
        available = 1;
    }
    ret->bytes = available < 0 ? 0 : (uint64_t)available;
    ret->flags = (item->ret_events & POLLHUP) != 0 ? EVENT_HANGUP : 0;
    if ((item->ret_events & POLLNVAL) != 0) {
        ret->error = P1_BADF;
    }
}

typedef struct poll_call {
    uint8_t *in; /* subscriptions in guest memory */
    uint8_t *out;
    uint32_t count;
    sw_poll_item *items;
    p1_errno *errors;
} poll_call;

static subscription subscription_at(const poll_call *c, uint32_t i)
{
    subscription s;
    memcpy(&s, c->in + (size_t)i * sizeof s, sizeof s);
    return s;
}

static p1_errno prepare(sw_p1 *p, const poll_call *c, bool *ret_has_error)
{
    *ret_has_error = false;
    for (uint32_t i = 0; i < c->count; i++) {
        subscription s = subscription_at(c, i);
        if (s.tag > EVENT_FD_WRITE) {
            return P1_INVAL;
        }
        c->errors[i] = item_of(p, &s, &c->items[i]);
        *ret_has_error = *ret_has_error || c->errors[i] != P1_SUCCESS;
    }
    return P1_SUCCESS;
}

static p1_errno poll_all(sw_p1 *p, const poll_call *c, uint32_t *ret_events)
{
    bool has_error;
    *ret_events = 0;
    P1_TRY(prepare(p, c, &has_error));
    if (!has_error) {
        sw_trap trap = sw_poll_wait(p->store, c->items, c->count);
        if (trap != SW_TRAP_NONE) {
            sw_p1_end(p, trap);
            return P1_SUCCESS;
        }
    }
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->errors[i] == P1_SUCCESS && !c->items[i].is_ready) {
            continue;
        }
        subscription s = subscription_at(c, i);
        event e;
        fill_event(&s, &c->items[i], c->errors[i], &e);
        memcpy(c->out + (size_t)*ret_events * sizeof e, &e, sizeof e);
        (*ret_events)++;
    }
    return P1_SUCCESS;
}

p1_errno sw_p1_poll_oneoff(sw_p1 *p, const sw_value_slot *args)
{
    poll_call c = {.count = args[2].i32};
    if (c.count == 0 || c.count > POLL_MAX_SUBSCRIPTIONS) {
        return P1_INVAL;
    }
    P1_TRY(sw_p1_slice(p, args[0].i32, (uint64_t)c.count * sizeof(subscription), &c.in));
    P1_TRY(sw_p1_slice(p, args[1].i32, (uint64_t)c.count * sizeof(event), &c.out));
    c.items = sw_alloc_array(p->budget, c.count, sizeof *c.items);
    c.errors = sw_alloc_array(p->budget, c.count, sizeof *c.errors);
    uint32_t events = 0;
    p1_errno err = P1_NOMEM;
    if (c.items != NULL && c.errors != NULL) {
        err = poll_all(p, &c, &events);
    }
    sw_free(p->budget, c.items, c.count * sizeof *c.items);
    sw_free(p->budget, c.errors, c.count * sizeof *c.errors);
    P1_TRY(err);
    return sw_p1_store_u32(p, args[3].i32, events);
}

/* ---- sockets: no grant gives a guest of 0.1 one, except as a standard stream ------------------
 */

static p1_errno not_a_socket(sw_p1 *p, uint32_t fd)
{
    p1_fd *entry;
    P1_TRY(sw_p1_get(p, fd, &entry));
    return P1_NOTSOCK;
}

p1_errno sw_p1_sock_accept(sw_p1 *p, const sw_value_slot *args)
{
    return not_a_socket(p, args[0].i32);
}

p1_errno sw_p1_sock_recv(sw_p1 *p, const sw_value_slot *args)
{
    return not_a_socket(p, args[0].i32);
}

p1_errno sw_p1_sock_send(sw_p1 *p, const sw_value_slot *args)
{
    return not_a_socket(p, args[0].i32);
}

p1_errno sw_p1_sock_shutdown(sw_p1 *p, const sw_value_slot *args)
{
    return not_a_socket(p, args[0].i32);
}
