/* Writing to a server's connection: what handlers ask for, answers, and the end of exchanges. */
#include "h1_conn.h"

#include "http/h1_write.h"
#include "wasi/core/pipe.h"

#include <sys/socket.h>

/*
 * What the handler asks for.
 */

static void wake(sw_h1_conn *c)
{
    sw_loop_defer(c->base.service->loop, &c->job);
}

static void op_respond(sw_exchange *x)
{
    sw_h1_conn *c = x->connection;
    x->head_ns = sw_loop_now(c->base.service->loop);
    wake(c);
}

static void op_informational(sw_exchange *x, uint16_t status, const sw_http_fields *fields)
{
    sw_h1_conn *c = x->connection;
    if (!c->is_old) {
        c->wants_continue = c->wants_continue && status != 100;
        sw_count(&c->base.service->counters.informational, 1);
        sw_h1_write_informational(&c->out.text, status, fields);
        c->out.tail_at = c->out.text.len;
        wake(c);
    }
}

static void op_want_body(sw_exchange *x)
{
    sw_h1_conn *c = x->connection;
    if (c->wants_continue && !c->out.is_started) {
        c->since_ns = sw_loop_now(c->base.service->loop);
        op_informational(x, 100, NULL);
    }
}

static void op_abort(sw_exchange *x, sw_http_error why)
{
    sw_h1_conn *c = x->connection;
    sw_count(&c->base.service->counters.cut, 1);
    sw_h1_conn_cut(c, why);
    wake(c);
}

/* The handler has let go, perhaps too early. */
static void op_release(sw_exchange *x)
{
    sw_h1_conn *c = x->connection;
    sw_pipe_close(x->in);
    if (!x->has_responded) {
        sw_str reason = sw_http_reason(x->fallback_status);
        sw_exchange_respond_text(x, x->fallback_status, reason);
    } else if (x->out->state == SW_PIPE_OPEN) {
        op_abort(x, SW_HTTP_E_INTERNAL_ERROR);
    } else {
        wake(c);
    }
}

const sw_exchange_ops sw_h1_server_ops = {
    .respond = op_respond,
    .informational = op_informational,
    .want_body = op_want_body,
    .abort = op_abort,
    .release = op_release,
};

/*
 * Buffers: a connection has one only while it has something to write.
 */

static void take_buffer(sw_h1_conn *c)
{
    sw_buf *spare = &c->base.service->spare_buf;
    if (c->out.text.capacity == 0 && spare->capacity != 0) {
        c->out.text = *spare;
        sw_buf_init(spare, spare->budget, spare->max_bytes);
    }
}

static void give_buffer(sw_h1_conn *c)
{
    enum { KEPT_BYTES = 16 * 1024 };
    sw_buf *text = &c->out.text;
    sw_buf *spare = &c->base.service->spare_buf;
    if (text->capacity == 0 || text->len != 0) {
        return;
    }
    if (spare->capacity == 0 && text->capacity <= KEPT_BYTES && text->status == SW_OK) {
        *spare = *text;
        sw_buf_init(text, spare->budget, spare->max_bytes);
    } else {
        sw_buf_clear(text);
    }
}

/*
 * Heads.
 */

typedef struct plan {
    sw_h1_body body;
    uint64_t length;
    bool is_valid;
} plan;

/* How the body goes out (RFC 9112, 6). */
static plan plan_body(const sw_h1_conn *c)
{
    const sw_exchange *x = c->x;
    uint16_t status = x->response.status;
    sw_str given;
    plan p = {.length = SW_H1_NO_LENGTH, .is_valid = true};
    if (sw_http_fields_get(&x->response.fields, SW_STR("content-length"), &given)) {
        p.is_valid = sw_http_read_length(given, &p.length);
    } else if (x->out->state == SW_PIPE_FINISHED && x->out_trailers.count == 0) {
        p.length = x->out->used;
    }
    if (status == 204 || status < 200) {
        p.length = SW_H1_NO_LENGTH;
    }
    if (status == 304 && given.len == 0) {
        p.length = SW_H1_NO_LENGTH;
    }
    if (x->request.method == SW_HTTP_HEAD || status == 204 || status == 304) {
        if (given.len == 0 && x->out->used == 0) {
            p.length = SW_H1_NO_LENGTH;
        }
        p.body = SW_H1_BODY_NONE;
    } else if (p.length != SW_H1_NO_LENGTH) {
        p.body = SW_H1_BODY_LENGTH;
    } else {
        p.body = c->is_old ? SW_H1_BODY_CLOSE : SW_H1_BODY_CHUNKED;
    }
    return p;
}

static void write_head(sw_h1_conn *c)
{
    sw_exchange *x = c->x;
    const plan p = plan_body(c);
    if (!p.is_valid) {
        sw_h1_conn_refuse(c, 502, SW_HTTP_E_PROTOCOL_ERROR, "Content-Length is not a count");
        return;
    }
    /* A body that the peer may still be holding back, or that is too long to wait for. */
    bool is_long =
        c->in.body != SW_H1_BODY_LENGTH || c->in.left > c->base.service->limits.drain_bytes;
    bool is_unread =
        !c->is_in_done && (c->wants_continue || (is_long && x->in->state != SW_PIPE_OPEN));
    if (p.body == SW_H1_BODY_CLOSE || is_unread || c->base.service->is_draining) {
        c->keeps_alive = false;
    }
    const sw_h1_write w = {
        .length = p.length,
        .is_chunked = p.body == SW_H1_BODY_CHUNKED,
        .connection = !c->keeps_alive ? SW_H1_CONNECTION_CLOSE
                      : c->is_old     ? SW_H1_CONNECTION_KEEP_ALIVE
                                      : SW_H1_CONNECTION_DEFAULT,
        .date = sw_http_service_date(c->base.service),
    };
    take_buffer(c);
    sw_h1_write_response(&c->out.text, &x->response, &w);
    sw_h1_out_start(&c->out, p.body, p.length);
}

/* An answer of the connection's own, after which it closes. */
static void answer(sw_h1_conn *c, uint16_t status, const char *text)
{
    sw_buf *b = &c->out.text;
    sw_http_service *s = c->base.service;
    sw_str reason = sw_http_reason(status);
    sw_count(&s->counters.refused[sw_http_refusal_of(status)], 1);
    take_buffer(c);
    sw_buf_printf(b, "HTTP/1.1 %u %.*s\r\ncontent-type: text/plain\r\n", status,
                  SW_STR_ARG(reason));
    sw_buf_printf(b, "date: %.*s\r\ncontent-length: %zu\r\nconnection: close\r\n\r\n%s\n",
                  SW_STR_ARG(sw_http_service_date(s)), strlen(text) + 1, text);
    c->out.tail_at = b->len;
    c->out.data_left = 0;
    c->out.is_started = true;
    c->phase = b->status == SW_OK ? SW_H1_ANSWER : SW_H1_CLOSED;
    wake(c);
}

/*
 * Ends.
 */

/* The exchange is over for us; one without a handler goes back at once. */
static void end_exchange(sw_h1_conn *c, sw_http_error why)
{
    sw_exchange *x = c->x;
    if (x == NULL) {
        return;
    }
    c->x = NULL;
    if (c->phase == SW_H1_HEAD) {
        x->is_released = true;
    }
    sw_exchange_end(x, why, sw_loop_now(c->base.service->loop));
}

void sw_h1_conn_refuse(sw_h1_conn *c, uint16_t status, sw_http_error why, const char *text)
{
    bool can_answer = c->phase == SW_H1_HEAD || !c->out.is_started;
    end_exchange(c, why);
    if (c->phase == SW_H1_CLOSED) {
        return;
    }
    if (can_answer) {
        answer(c, status, text);
    } else {
        c->phase = SW_H1_CLOSED;
    }
}

/* A body that ends with the connection must not look as if it had ended. */
static void reset_at_close(const sw_h1_conn *c)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->io->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void sw_h1_conn_cut(sw_h1_conn *c, sw_http_error why)
{
    if (c->phase == SW_H1_CLOSED) {
        return;
    }
    if (c->phase == SW_H1_EXCHANGE && c->out.is_started && c->out.body == SW_H1_BODY_CLOSE &&
        !c->is_out_done) {
        reset_at_close(c);
    }
    end_exchange(c, why);
    c->phase = SW_H1_CLOSED;
}

/* Everything has been said. What the peer still sends must not make the kernel drop what it has
 * not read: so wait for its end. */
static void linger(sw_h1_conn *c)
{
    bool is_unread = !c->is_in_done || c->pending.len > 0 || c->may_read;
    if (!is_unread || c->has_finished || c->io->ops->shutdown(c->io) != 0) {
        c->phase = SW_H1_CLOSED;
        return;
    }
    sw_buf_clear(&c->pending);
    c->phase = SW_H1_LINGER;
    c->since_ns = sw_loop_now(c->base.service->loop);
}

/* The next request: in this turn, if the connection has not had many; other connections' requests
 * may have come, and the system is not asked for them before the next. */
static void go_on(sw_h1_conn *c)
{
    enum { TURN_REQUESTS = 4 };
    sw_loop *loop = c->base.service->loop;
    uint64_t now = sw_loop_now(loop);
    c->turn_requests = c->turn_ns == now ? c->turn_requests + 1 : 1;
    c->turn_ns = now;
    c->is_resting = c->turn_requests >= TURN_REQUESTS;
    if (c->is_resting) {
        sw_loop_defer_next(loop, &c->job);
    } else {
        wake(c);
    }
}

void sw_h1_conn_settle(sw_h1_conn *c)
{
    if (c->phase != SW_H1_EXCHANGE || !c->is_out_done) {
        return;
    }
    /* A peer that was not asked for its body does not send it any more. */
    bool is_wanted = c->x->in->state == SW_PIPE_OPEN && !c->x->is_released && !c->wants_continue;
    if (!c->is_in_done && (is_wanted || c->keeps_alive)) {
        return;
    }
    if (!c->is_in_done) {
        sw_pipe_fail(c->x->in, SW_HTTP_E_CONNECTION_TERMINATED);
    }
    c->phase = SW_H1_LINGER; /* no handler's call may find an exchange half ended */
    end_exchange(c, SW_HTTP_E_NONE);
    give_buffer(c);
    if (!c->keeps_alive || c->base.service->is_draining) {
        linger(c);
        return;
    }
    c->phase = SW_H1_HEAD;
    c->scan = (sw_h1_scan){};
    c->head_start_ns = 0;
    c->since_ns = sw_loop_now(c->base.service->loop);
    go_on(c);
}

/*
 * Writing.
 */

static void step_exchange(sw_h1_conn *c)
{
    if (!c->out.is_started && c->x->has_responded) {
        write_head(c);
    }
    if (c->phase != SW_H1_EXCHANGE) {
        return;
    }
    sw_h1_out_result result = c->out.is_started
                                  ? sw_h1_out_step(&c->out, c->x, c->io, &c->has_moved)
                                  : sw_h1_out_text(&c->out, c->io, &c->has_moved);
    if (c->phase != SW_H1_EXCHANGE) {
        return;
    }
    switch (result) {
    case SW_H1_OUT_WAIT: give_buffer(c); return;
    case SW_H1_OUT_BLOCKED: c->may_write = false; return;
    case SW_H1_OUT_DONE:
        c->is_out_done = true;
        sw_pipe_close(c->x->out);
        sw_h1_conn_settle(c);
        return;
    case SW_H1_OUT_SHORT:
        sw_count(&c->base.service->counters.cut, 1);
        sw_h1_conn_cut(c, SW_HTTP_E_RESPONSE_INCOMPLETE);
        return;
    case SW_H1_OUT_GONE:
        sw_count(&c->base.service->counters.resets, 1);
        sw_h1_conn_cut(c, SW_HTTP_E_CONNECTION_TERMINATED);
        return;
    case SW_H1_OUT_NO_MEMORY: sw_h1_conn_cut(c, SW_HTTP_E_INTERNAL_ERROR); return;
    }
}

static void step_answer(sw_h1_conn *c)
{
    sw_h1_out_result result = sw_h1_out_text(&c->out, c->io, &c->has_moved);
    if (result == SW_H1_OUT_BLOCKED) {
        c->may_write = false;
    } else if (result == SW_H1_OUT_WAIT) {
        c->is_in_done = false;
        linger(c);
    } else {
        c->phase = SW_H1_CLOSED;
    }
}

void sw_h1_conn_pump_out(sw_h1_conn *c)
{
    c->has_moved = false;
    if (!c->may_write) {
        return;
    }
    if (c->phase == SW_H1_EXCHANGE && !c->is_out_done) {
        step_exchange(c);
    }
    if (c->phase == SW_H1_ANSWER) {
        step_answer(c);
    }
}
