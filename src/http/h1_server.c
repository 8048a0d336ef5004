/* The life of a server's connection: its events, its time, its end. */
#include "h1_conn.h"

#include "os/clock.h"

#include <errno.h>

enum { PENDING_MAX_BYTES = 1024 * 1024, LINGER_SECONDS = 2 };

static void on_time(sw_h1_conn *c);

static sw_h1_conn *of_base(sw_http_conn *base)
{
    return (sw_h1_conn *)base;
}

static void free_conn(sw_h1_conn *c)
{
    sw_http_service *s = c->base.service;
    sw_io *io = c->io;
    void *peer = c->base.peer;
    assert(c->x == NULL);
    sw_loop_unwatch(s->loop, &c->watch);
    sw_loop_timer_stop(s->loop, &c->in_timer);
    sw_loop_timer_stop(s->loop, &c->out_timer);
    sw_loop_cancel(s->loop, &c->job);
    sw_buf_clear(&c->pending);
    sw_buf_clear(&c->out.text);
    sw_http_conn_unlink(&c->base);
    sw_count(&s->counters.handshakes_failed, c->is_shaking);
    sw_free(s->budget, c, sizeof *c);
    if (io != NULL) {
        io->ops->close(io);
        sw_http_conn_closed(s, peer);
    }
}

/*
 * Time.
 */

/* When it is too late, as far as input goes. */
static uint64_t in_deadline(const sw_h1_conn *c)
{
    const sw_http_limits *l = &c->base.service->limits;
    switch (c->phase) {
    case SW_H1_HANDSHAKE: return c->since_ns + l->head_ns;
    case SW_H1_HEAD:
        return c->since_ns + (c->head_start_ns != 0          ? l->head_ns
                              : c->base.service->is_draining ? l->half_close_ns
                                                             : l->keep_alive_ns);
    case SW_H1_EXCHANGE:
        if (c->has_finished && c->is_in_done) {
            return c->since_ns + l->half_close_ns;
        }
        return c->is_in_done || c->is_in_full || c->wants_continue ? SW_NEVER
                                                                   : c->since_ns + l->body_idle_ns;
    case SW_H1_LINGER: return c->since_ns + LINGER_SECONDS * SW_NS_PER_S;
    case SW_H1_ANSWER:
    case SW_H1_CLOSED: break;
    }
    return SW_NEVER;
}

static void on_in_timer(sw_loop_timer *t)
{
    on_time(SW_CONTAINER_OF(t, sw_h1_conn, in_timer));
}

static void on_out_timer(sw_loop_timer *t);

static void set_timers(sw_h1_conn *c)
{
    sw_http_service *s = c->base.service;
    uint64_t now = sw_loop_now(s->loop);
    uint64_t stall = now + s->limits.write_stall_ns;
    uint64_t deadline = in_deadline(c);
    /* One that is due is not started again, or a peer that keeps us awake would put it off. */
    if (deadline > now || c->in_timer.fn == NULL || c->in_timer.deadline_ns > now) {
        sw_loop_timer_start(s->loop, &c->in_timer, deadline, on_in_timer);
    }
    if (c->may_write) {
        sw_loop_timer_stop(s->loop, &c->out_timer);
    } else if (c->has_moved || c->out_timer.fn == NULL) {
        sw_loop_timer_start(s->loop, &c->out_timer, stall, on_out_timer);
    }
    c->has_moved = false;
}

/*
 * Turns.
 */

static void shake_hands(sw_h1_conn *c)
{
    int result = c->io->ops->handshake(c->io);
    sw_http_service *s = c->base.service;
    if (result == -EAGAIN) {
        return;
    }
    if (result != 0) {
        c->phase = SW_H1_CLOSED;
        return;
    }
    sw_count(&s->counters.handshakes, 1);
    c->is_shaking = false;
    c->phase = SW_H1_HEAD;
    c->may_read = true;
    c->since_ns = sw_loop_now(s->loop);
    if (sw_str_eq(c->io->alpn, SW_STR("h2")) && s->serve_h2 != NULL) {
        sw_h1_conn_become_h2(c, (sw_bytes){});
    }
}

/* The end of whatever happened to a connection; it may be gone after this. */
static void finish_turn(sw_h1_conn *c)
{
    if (c->phase == SW_H1_CLOSED) {
        free_conn(c);
        return;
    }
    c->base.is_idle = c->phase == SW_H1_HEAD && c->head_start_ns == 0 && !c->is_resting;
    if (c->base.is_idle && c->base.service->is_draining) {
        sw_h1_conn_cut(c, SW_HTTP_E_CONNECTION_TERMINATED);
        free_conn(c);
        return;
    }
    set_timers(c);
}

static void on_job(sw_loop_job *job)
{
    sw_h1_conn *c = SW_CONTAINER_OF(job, sw_h1_conn, job);
    sw_loop *loop = c->base.service->loop;
    c->is_resting = c->is_resting && c->turn_ns == sw_loop_now(loop);
    if (c->is_resting) {
        sw_loop_defer_next(loop, job);
    }
    sw_h1_conn_pump_out(c);
    sw_h1_conn_settle(c);
    sw_h1_conn_pump_in(c);
    finish_turn(c);
}

static void on_event(sw_watch *w, uint32_t events)
{
    sw_h1_conn *c = SW_CONTAINER_OF(w, sw_h1_conn, watch);
    sw_http_service *s = c->base.service;
    if (c->phase == SW_H1_HANDSHAKE) {
        shake_hands(c);
    }
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        sw_count(&s->counters.resets, c->phase == SW_H1_EXCHANGE);
        sw_h1_conn_cut(c, SW_HTTP_E_CONNECTION_TERMINATED);
    }
    if ((events & EPOLLRDHUP) != 0 && !c->has_finished) {
        c->has_finished = true;
        c->since_ns = c->phase == SW_H1_EXCHANGE ? sw_loop_now(s->loop) : c->since_ns;
    }
    /* TLS may have to read in order to write, and the other way round. */
    bool is_any = c->io != NULL && c->io->is_secure;
    c->may_read |= is_any || (events & (EPOLLIN | EPOLLRDHUP)) != 0;
    if ((is_any || (events & EPOLLOUT) != 0) && !c->may_write) {
        c->may_write = true;
        sw_loop_defer(s->loop, &c->job);
    }
    sw_h1_conn_pump_in(c);
    finish_turn(c);
}

static void on_time(sw_h1_conn *c)
{
    sw_http_service *s = c->base.service;
    sw_count(&s->counters.timeouts, 1);
    bool is_late = c->phase == SW_H1_HEAD && c->head_start_ns != 0;
    bool is_body = c->phase == SW_H1_EXCHANGE && !c->is_in_done;
    if (is_late || is_body) {
        sw_h1_conn_refuse(c, 408, SW_HTTP_E_CONNECTION_READ_TIMEOUT,
                          is_late ? "the head took too long" : "the body took too long");
    } else {
        sw_h1_conn_cut(c, SW_HTTP_E_CONNECTION_TERMINATED);
    }
    finish_turn(c);
}

static void on_out_timer(sw_loop_timer *t)
{
    sw_h1_conn *c = SW_CONTAINER_OF(t, sw_h1_conn, out_timer);
    sw_count(&c->base.service->counters.timeouts, 1);
    sw_h1_conn_cut(c, SW_HTTP_E_CONNECTION_WRITE_TIMEOUT);
    finish_turn(c);
}

static void drain(sw_http_conn *base)
{
    sw_h1_conn *c = of_base(base);
    c->keeps_alive = false;
    if (c->base.is_idle) {
        /* A request that is here already is answered; else its turn closes the connection. */
        c->may_read = c->phase != SW_H1_HANDSHAKE;
        sw_loop_defer(base->service->loop, &c->job);
    }
}

static void cut(sw_http_conn *base)
{
    sw_h1_conn_cut(of_base(base), SW_HTTP_E_CONNECTION_TERMINATED);
    sw_loop_defer(base->service->loop, &of_base(base)->job);
}

static const sw_http_conn_ops CONN_OPS = {.drain = drain, .cut = cut};

sw_status sw_http_serve(sw_http_service *s, sw_io *io, void *peer)
{
    sw_h1_conn *c = sw_alloc(s->budget, sizeof *c);
    if (c == NULL) {
        io->ops->close(io);
        return SW_NO_MEMORY;
    }
    c->base.ops = &CONN_OPS;
    c->base.peer = peer;
    c->base.is_idle = true;
    c->io = io;
    c->is_shaking = io->is_secure;
    c->phase = io->is_secure ? SW_H1_HANDSHAKE : SW_H1_HEAD;
    c->may_write = true;
    c->since_ns = sw_loop_now(s->loop);
    c->job.fn = on_job;
    sw_buf_init(&c->pending, s->budget, PENDING_MAX_BYTES);
    sw_buf_init(&c->out.text, s->budget, PENDING_MAX_BYTES);
    sw_status st = sw_loop_watch(s->loop, &c->watch, io->fd,
                                 EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, on_event);
    if (st != SW_OK) {
        sw_free(s->budget, c, sizeof *c);
        io->ops->close(io);
        return st;
    }
    sw_http_conn_link(s, &c->base);
    set_timers(c);
    return SW_OK;
}
