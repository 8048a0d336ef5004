#include "h1_client.h"

#include "http/h1_write.h"
#include "os/clock.h"
#include "wasi/core/pipe.h"

#include <errno.h>

enum { READ_BYTES = 16 * 1024, PENDING_MAX_BYTES = 1024 * 1024, TEXT_MAX_BYTES = 1024 * 1024 };

static void defer(sw_h1_client *c)
{
    sw_loop_defer(c->loop, &c->job);
}

/* ---- The exchange's end ---------------------------------------------------------------------- */

/* The exchange is over; it may be gone after this. */
static void end_exchange(sw_h1_client *c, sw_http_error why)
{
    sw_exchange *x = c->x;
    c->x = NULL;
    if (x != NULL) {
        sw_exchange_end(x, why, sw_loop_now(c->loop));
    }
}

/* The connection is over, and the exchange if there is one. */
static void fail(sw_h1_client *c, sw_http_error why)
{
    c->is_over = true;
    defer(c);
    end_exchange(c, why);
}

static void op_none(sw_exchange *x)
{
    (void)x;
}

static void op_informational(sw_exchange *x, uint16_t status, const sw_http_fields *fields)
{
    (void)x;
    (void)status;
    (void)fields;
}

static void op_abort(sw_exchange *x, sw_http_error why)
{
    fail(x->connection, why);
}

/* Nobody waits for what is still to come. What has come whole may stay. */
static void op_release(sw_exchange *x)
{
    fail(x->connection, SW_HTTP_E_INTERNAL_ERROR);
}

static const sw_exchange_ops OPS = {.respond = op_none,
                                    .informational = op_informational,
                                    .want_body = op_none,
                                    .abort = op_abort,
                                    .release = op_release};

/* Requests that mean the same when they are received twice. */
static bool is_idempotent(sw_http_method m)
{
    return m == SW_HTTP_GET || m == SW_HTTP_HEAD || m == SW_HTTP_OPTIONS || m == SW_HTTP_TRACE ||
           m == SW_HTTP_PUT || m == SW_HTTP_DELETE;
}

/* The server closed. On a connection that was kept it may have done so before it saw the request,
 * which then is as good as not sent. */
static void lose(sw_h1_client *c, sw_http_error why)
{
    const sw_exchange *x = c->x;
    bool is_untouched = x != NULL && c->requests > 1 && !c->has_answer && x->out_bytes == 0 &&
                        is_idempotent(x->request.method);
    if (is_untouched) {
        c->is_over = true;
        defer(c);
    } else {
        fail(c, why);
    }
}

/* ---- The request ----------------------------------------------------------------------------- */

static bool has_usual_body(sw_http_method m)
{
    return m == SW_HTTP_POST || m == SW_HTTP_PUT || m == SW_HTTP_PATCH;
}

/* How the body goes out (RFC 9112, 6). False: a Content-Length that is none. */
static bool plan_body(const sw_exchange *x, sw_h1_write *w, sw_h1_body *ret_body)
{
    sw_str given;
    *ret_body = SW_H1_BODY_LENGTH;
    if (sw_http_fields_get(&x->request.fields, SW_STR("content-length"), &given)) {
        return sw_http_read_length(given, &w->length);
    }
    if (x->out->state == SW_PIPE_FINISHED && x->out_trailers.count == 0) {
        w->length = x->out->used;
        if (w->length == 0 && !has_usual_body(x->request.method)) {
            *ret_body = SW_H1_BODY_NONE;
            w->length = SW_H1_NO_LENGTH;
        }
        return true;
    }
    w->is_chunked = true;
    w->length = SW_H1_NO_LENGTH;
    *ret_body = SW_H1_BODY_CHUNKED;
    return true;
}

static bool write_head(sw_h1_client *c)
{
    sw_exchange *x = c->x;
    sw_h1_write w = {};
    sw_h1_body body;
    if (!plan_body(x, &w, &body)) {
        fail(c, SW_HTTP_E_REQUEST_BODY_SIZE);
        return false;
    }
    sw_h1_write_request(&c->out.text, &x->request, &w);
    sw_h1_out_start(&c->out, body, w.length);
    return true;
}

static void pump_out(sw_h1_client *c)
{
    sw_exchange *x = c->x;
    bool wrote = false;
    if (x == NULL || c->is_out_done || !c->may_write || c->is_over) {
        return;
    }
    if (!c->out.is_started && !write_head(c)) {
        return;
    }
    sw_h1_out_result result = sw_h1_out_step(&c->out, x, c->io, &wrote);
    if (c->x == NULL) { /* whoever was told of room has let go */
        return;
    }
    if (wrote) {
        c->since_ns = sw_loop_now(c->loop);
    }
    switch (result) {
    case SW_H1_OUT_WAIT: return;
    case SW_H1_OUT_BLOCKED: c->may_write = false; return;
    case SW_H1_OUT_DONE:
        c->is_out_done = true;
        c->since_ns = sw_loop_now(c->loop);
        return;
    case SW_H1_OUT_SHORT: fail(c, SW_HTTP_E_REQUEST_BODY_SIZE); return;
    /* There may be an answer all the same: it is read first. */
    case SW_H1_OUT_GONE: c->may_write = false; return;
    case SW_H1_OUT_NO_MEMORY: fail(c, SW_HTTP_E_INTERNAL_ERROR); return;
    }
}

/* ---- The response ---------------------------------------------------------------------------- */

static sw_http_error error_of(const sw_h1_error *e)
{
    return e->status == 431 || e->status == 414 ? SW_HTTP_E_RESPONSE_HEAD_SIZE
           : e->status == 413                   ? SW_HTTP_E_RESPONSE_BODY_SIZE
                                                : SW_HTTP_E_PROTOCOL_ERROR;
}

static void take_head(sw_h1_client *c, const sw_h1_framing *f)
{
    sw_exchange *x = c->x;
    if (x->response.status < 200) {
        c->scan = (sw_h1_scan){};
        if (x->response.status == 101) {
            fail(c, SW_HTTP_E_UPGRADE_FAILED);
            return;
        }
        if (x->events != NULL && x->events->on_informational != NULL) {
            x->events->on_informational(x);
        }
        if (c->x != NULL) {
            sw_http_head_reset(&x->response);
        }
        return;
    }
    c->has_head = true;
    c->keeps_alive = f->keeps_alive && f->body != SW_H1_BODY_CLOSE;
    c->since_ns = x->head_ns = sw_loop_now(c->loop);
    x->has_responded = true;
    x->in_length = f->body == SW_H1_BODY_LENGTH || f->body == SW_H1_BODY_NONE
                       ? f->length
                       : SW_HTTP_LENGTH_UNKNOWN;
    sw_h1_in_start(&c->in, f, UINT64_MAX, &c->limits);
    c->is_in_done = f->body == SW_H1_BODY_NONE;
    if (c->is_in_done) {
        sw_pipe_finish(x->in);
    }
    if (x->events != NULL && x->events->on_head != NULL) {
        x->events->on_head(x);
    }
}

/* False: more bytes are needed, or nothing can go on. */
static bool use_head(sw_h1_client *c, sw_bytes *bytes)
{
    sw_h1_framing framing;
    sw_h1_error error;
    sw_exchange *x = c->x;
    switch (sw_h1_read_response(&c->scan, *bytes, &c->limits, x->request.method, &x->response,
                                &framing, &error)) {
    case SW_H1_MORE: return false;
    case SW_H1_DONE:
        *bytes = sw_bytes_slice(*bytes, framing.head_bytes, bytes->len - framing.head_bytes);
        take_head(c, &framing);
        return true;
    case SW_H1_REFUSED:
        x->response.status = 0;
        fail(c, error_of(&error));
        return false;
    case SW_H1_NO_MEMORY: break;
    }
    x->response.status = 0;
    fail(c, SW_HTTP_E_INTERNAL_ERROR);
    return false;
}

static bool use_body(sw_h1_client *c, sw_bytes *bytes)
{
    size_t used = 0;
    sw_h1_error error;
    sw_h1_in_result result = sw_h1_in_take(&c->in, c->x, *bytes, &used, &error);
    if (c->x == NULL) {
        return false;
    }
    *bytes = sw_bytes_slice(*bytes, used, bytes->len - used);
    c->since_ns = sw_loop_now(c->loop);
    switch (result) {
    case SW_H1_IN_MORE: return false;
    case SW_H1_IN_FULL: c->is_in_full = true; return false;
    case SW_H1_IN_DONE: c->is_in_done = true; return false;
    case SW_H1_IN_REFUSED: fail(c, error_of(&error)); return false;
    case SW_H1_IN_NO_MEMORY: break;
    }
    fail(c, SW_HTTP_E_INTERNAL_ERROR);
    return false;
}

/* Uses what is pending and keeps the rest. */
static void use_pending(sw_h1_client *c)
{
    sw_bytes bytes = sw_buf_bytes(&c->pending);
    bool goes_on = true;
    while (goes_on && c->x != NULL && bytes.len > 0 && !c->is_in_done && !c->is_in_full) {
        goes_on = c->has_head ? use_body(c, &bytes) : use_head(c, &bytes);
    }
    if (bytes.len > 0 && bytes.len < c->pending.len) {
        memmove(c->pending.ptr, bytes.ptr, bytes.len);
    }
    c->pending.len = bytes.len;
    if (bytes.len == 0) {
        sw_buf_clear(&c->pending);
    }
}

static void at_end(sw_h1_client *c)
{
    c->has_finished = true;
    if (c->x == NULL) {
        c->is_over = true;
        defer(c);
    } else if (!c->has_answer) {
        lose(c, SW_HTTP_E_CONNECTION_TERMINATED);
    } else if (c->has_head && !c->is_in_done && sw_h1_in_end(&c->in, c->x)) {
        c->is_in_done = true;
    } else if (!c->is_in_done) {
        fail(c, SW_HTTP_E_RESPONSE_INCOMPLETE);
    }
}

/* One read, used; false: there was nothing, or nothing may be read now. */
static bool pump_in(sw_h1_client *c)
{
    if (c->is_over || !c->may_read || c->is_in_full || (c->x != NULL && c->is_in_done)) {
        return false;
    }
    uint8_t *to = sw_buf_reserve(&c->pending, READ_BYTES);
    if (to == NULL) {
        fail(c, SW_HTTP_E_INTERNAL_ERROR);
        return false;
    }
    ssize_t n = sw_io_read(c->io, to, READ_BYTES);
    if (n == -EAGAIN) {
        c->may_read = false;
        return false;
    }
    if (n <= 0) {
        at_end(c);
        return false;
    }
    c->has_answer = true;
    c->pending.len += (size_t)n;
    if (c->x == NULL) { /* nothing was asked */
        c->is_over = true;
        defer(c);
        return false;
    }
    use_pending(c);
    return true;
}

/* ---- Turns ----------------------------------------------------------------------------------- */

static void on_timer(sw_loop_timer *t)
{
    fail(SW_CONTAINER_OF(t, sw_h1_client, timer), SW_HTTP_E_CONNECTION_READ_TIMEOUT);
}

static void on_write_timer(sw_loop_timer *t)
{
    fail(SW_CONTAINER_OF(t, sw_h1_client, timer), SW_HTTP_E_CONNECTION_WRITE_TIMEOUT);
}

/* Time runs while the server has to do something. */
static void set_timer(sw_h1_client *c)
{
    uint64_t wait = 0;
    bool is_stalled = !c->is_out_done && !c->may_write;
    if (c->x == NULL || c->is_over) {
        wait = 0;
    } else if (is_stalled) {
        wait = c->times.between_bytes_ns;
    } else if (!c->has_head) {
        wait = c->is_out_done ? c->times.first_byte_ns : 0;
    } else if (!c->is_in_done && !c->is_in_full) {
        wait = c->times.between_bytes_ns;
    }
    sw_loop_timer_start(c->loop, &c->timer, wait == 0 ? SW_NEVER : c->since_ns + wait,
                        is_stalled ? on_write_timer : on_timer);
}

static void settle(sw_h1_client *c)
{
    if (c->x != NULL && c->has_head && c->is_in_done && !c->is_over) {
        c->is_over = !c->keeps_alive || !c->is_out_done || c->pending.len != 0 || c->has_finished;
        end_exchange(c, SW_HTTP_E_NONE);
    }
}

static void close_io(sw_h1_client *c)
{
    sw_loop_unwatch(c->loop, &c->watch);
    sw_loop_timer_stop(c->loop, &c->timer);
    sw_loop_cancel(c->loop, &c->job);
    sw_buf_clear(&c->pending);
    sw_buf_clear(&c->out.text);
    if (c->io != NULL) {
        c->io->ops->close(c->io);
        c->io = NULL;
    }
}

static void turn(sw_h1_client *c)
{
    bool was_busy = c->x != NULL;
    pump_out(c);
    if (c->x != NULL && c->pending.len != 0 && !c->is_over) {
        use_pending(c);
    }
    while (pump_in(c)) {
    }
    settle(c);
    if (c->is_over) {
        sw_exchange *x = c->x;
        c->x = NULL;
        close_io(c);
        c->events->on_closed(c, x);
        return;
    }
    set_timer(c);
    if (was_busy && c->x == NULL) {
        c->events->on_idle(c);
    }
}

static void on_job(sw_loop_job *job)
{
    turn(SW_CONTAINER_OF(job, sw_h1_client, job));
}

static void on_event(sw_watch *w, uint32_t events)
{
    sw_h1_client *c = SW_CONTAINER_OF(w, sw_h1_client, watch);
    bool is_any = c->io->is_secure || (events & (EPOLLERR | EPOLLHUP)) != 0;
    c->may_read |= is_any || (events & (EPOLLIN | EPOLLRDHUP)) != 0;
    c->may_write |= is_any || (events & EPOLLOUT) != 0;
    defer(c);
}

/* ---- Life ------------------------------------------------------------------------------------ */

sw_status sw_h1_client_init(sw_h1_client *c, sw_loop *loop, sw_budget *budget,
                            const sw_h1_limits *limits, sw_io *io,
                            const sw_h1_client_events *events)
{
    *c = (sw_h1_client){.events = events, .loop = loop, .io = io, .limits = *limits};
    c->job.fn = on_job;
    c->may_read = c->may_write = true;
    sw_buf_init(&c->pending, budget, PENDING_MAX_BYTES);
    sw_buf_init(&c->out.text, budget, TEXT_MAX_BYTES);
    sw_status st =
        sw_loop_watch(loop, &c->watch, io->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, on_event);
    if (st != SW_OK) {
        close_io(c);
    }
    return st;
}

static void on_pipe(sw_pipe *p, void *arg)
{
    sw_h1_client *c = arg;
    (void)p;
    c->is_in_full = false;
    defer(c);
}

void sw_h1_client_send(sw_h1_client *c, sw_exchange *x, const sw_h1_client_times *times)
{
    assert(sw_h1_client_is_idle(c));
    c->x = x;
    c->times = *times;
    c->requests++;
    c->since_ns = sw_loop_now(c->loop);
    c->scan = (sw_h1_scan){};
    c->has_answer = c->has_head = c->is_in_done = c->is_out_done = c->is_in_full = false;
    c->out.is_started = false;
    x->ops = &OPS;
    x->connection = c;
    x->in->on_writable = x->out->on_readable = on_pipe;
    x->in->on_writable_arg = x->out->on_readable_arg = c;
    defer(c);
}

void sw_h1_client_clear(sw_h1_client *c, sw_http_error why)
{
    c->is_over = true;
    close_io(c);
    end_exchange(c, why);
}
