/* Reading from a server's connection: heads, bodies, and what may not be one. */
#include "h1_conn.h"

#include "wasi/core/pipe.h"

#include <errno.h>

enum { READ_MIN_BYTES = 4096, LINGER_MAX_BYTES = 1024 * 1024 };

static const sw_str PREFACE = SW_STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/* What became of bytes. */
typedef enum use {
    USE_MORE, /* all used that can be; more may be read */
    USE_STOP  /* what is left must wait, and so must the socket */
} use;

/*
 * Requests.
 */

static void on_pipe(sw_pipe *p, void *arg)
{
    sw_h1_conn *c = arg;
    (void)p;
    c->is_in_full = false;
    sw_loop_defer(c->base.service->loop, &c->job);
}

/* What a well-formed head can still be refused for. 0: nothing. */
static uint16_t judge(const sw_h1_conn *c, const sw_h1_framing *f, const char **ret_text)
{
    const sw_exchange *x = c->x;
    sw_str scheme = sw_http_head_part(&x->request, SW_HTTP_SCHEME);
    if (x->request.method == SW_HTTP_CONNECT) {
        *ret_text = "CONNECT is not served";
        return 501;
    }
    if (sw_str_eq(scheme, SW_STR("https")) && !c->io->is_secure) {
        *ret_text = "https is not served on this connection";
        return 421;
    }
    if (f->body == SW_H1_BODY_LENGTH && f->length > c->base.service->limits.body_bytes) {
        *ret_text = "the body is too long";
        return 413;
    }
    return 0;
}

static void begin_body(sw_h1_conn *c, const sw_h1_framing *f)
{
    const sw_http_limits *l = &c->base.service->limits;
    const sw_h1_limits trailers = {l->trailer_bytes, l->head_fields, 0};
    sw_exchange *x = c->x;
    sw_h1_in_start(&c->in, f, l->body_bytes, &trailers);
    x->in_length = f->body == SW_H1_BODY_CHUNKED ? SW_HTTP_LENGTH_UNKNOWN : f->length;
    c->is_in_done = f->body == SW_H1_BODY_NONE;
    c->wants_continue = f->expects_continue;
    if (c->is_in_done) {
        sw_pipe_finish(x->in);
    }
}

static void begin_exchange(sw_h1_conn *c, const sw_h1_framing *f)
{
    sw_http_service *s = c->base.service;
    sw_exchange *x = c->x;
    const char *text = NULL;
    uint16_t status = judge(c, f, &text);
    if (status != 0) {
        sw_h1_conn_refuse(c, status, SW_HTTP_E_REQUEST_DENIED, text);
        return;
    }
    if (sw_http_head_part(&x->request, SW_HTTP_SCHEME).len == 0) {
        sw_str scheme = c->io->is_secure ? SW_STR("https") : SW_STR("http");
        if (sw_http_head_set_part(&x->request, SW_HTTP_SCHEME, scheme) != SW_OK) {
            sw_h1_conn_refuse(c, 503, SW_HTTP_E_INTERNAL_ERROR, "no memory");
            return;
        }
    }
    c->phase = SW_H1_EXCHANGE;
    c->requests++;
    c->keeps_alive = f->keeps_alive && !s->is_draining &&
                     (s->limits.requests == 0 || c->requests < s->limits.requests);
    c->is_old = x->request.version == 10;
    c->is_out_done = c->out.is_started = false;
    c->since_ns = sw_loop_now(s->loop);
    x->start_ns = c->head_start_ns;
    x->in->on_writable = x->out->on_readable = on_pipe;
    x->in->on_writable_arg = x->out->on_readable_arg = c;
    begin_body(c, f);
    sw_count(&s->counters.requests, 1);
    s->on_request(s, x);
}

/* An exchange to be filled; it has no handler yet. */
static bool prepare(sw_h1_conn *c)
{
    sw_http_service *s = c->base.service;
    if (c->x != NULL) {
        return true;
    }
    c->x = sw_http_exchange_take(s);
    if (c->x == NULL) {
        return false;
    }
    c->x->ops = &sw_h1_server_ops;
    c->x->connection = c;
    c->x->peer = c->base.peer;
    return true;
}

void sw_h1_conn_become_h2(sw_h1_conn *c, sw_bytes bytes)
{
    sw_http_service *s = c->base.service;
    sw_io *io = c->io;
    c->io = NULL;
    sw_loop_unwatch(s->loop, &c->watch);
    c->phase = SW_H1_CLOSED;
    if (!s->serve_h2(s, io, c->base.peer, bytes)) {
        io->ops->close(io);
        sw_http_conn_closed(s, c->base.peer);
    }
}

static bool is_preface(const sw_h1_conn *c, sw_bytes bytes)
{
    return c->requests == 0 && c->base.service->serve_h2 != NULL && bytes.len > 0 &&
           c->io->alpn.len == 0 && /* else it was agreed on, or not */
           memcmp(bytes.ptr, PREFACE.ptr, SW_MIN(bytes.len, PREFACE.len)) == 0;
}

static use use_head(sw_h1_conn *c, sw_bytes *bytes)
{
    const sw_http_limits *l = &c->base.service->limits;
    const sw_h1_limits limits = {l->head_bytes, l->head_fields, l->path_bytes};
    sw_h1_framing framing;
    sw_h1_error error;
    if (c->head_start_ns == 0) {
        c->head_start_ns = c->since_ns = sw_loop_now(c->base.service->loop);
    }
    if (is_preface(c, *bytes)) {
        if (bytes->len >= PREFACE.len) {
            sw_h1_conn_become_h2(c, *bytes);
            bytes->len = 0;
            return USE_MORE;
        }
        return USE_STOP;
    }
    if (!prepare(c)) {
        sw_h1_conn_refuse(c, 503, SW_HTTP_E_INTERNAL_ERROR, "no memory");
        return USE_MORE;
    }
    switch (sw_h1_read_request(&c->scan, *bytes, &limits, &c->x->request, &framing, &error)) {
    case SW_H1_MORE: return USE_STOP;
    case SW_H1_DONE:
        *bytes = sw_bytes_slice(*bytes, framing.head_bytes, bytes->len - framing.head_bytes);
        begin_exchange(c, &framing);
        return USE_MORE;
    case SW_H1_REFUSED:
        sw_h1_conn_refuse(c, error.status, SW_HTTP_E_PROTOCOL_ERROR, error.text);
        return USE_MORE;
    case SW_H1_NO_MEMORY: break;
    }
    sw_h1_conn_refuse(c, 503, SW_HTTP_E_INTERNAL_ERROR, "no memory");
    return USE_MORE;
}

/* A time-out that moves on with the bytes that come, but no faster than the rate allows for. */
static void note_progress(sw_h1_conn *c, size_t bytes)
{
    sw_http_service *s = c->base.service;
    uint64_t now = sw_loop_now(s->loop);
    uint32_t rate = s->limits.body_min_rate;
    uint64_t earned = rate == 0 ? UINT64_MAX : bytes * (UINT64_C(1000000000) / rate);
    c->since_ns = now - c->since_ns <= earned ? now : c->since_ns + earned;
}

static void take_result(sw_h1_conn *c, sw_h1_in_result result, const sw_h1_error *error)
{
    switch (result) {
    case SW_H1_IN_MORE: return;
    case SW_H1_IN_FULL: c->is_in_full = true; return;
    case SW_H1_IN_DONE:
        c->is_in_done = true;
        c->since_ns = sw_loop_now(c->base.service->loop);
        sw_h1_conn_settle(c);
        return;
    case SW_H1_IN_REFUSED:
        sw_h1_conn_refuse(c, error->status,
                          error->status == 413 ? SW_HTTP_E_REQUEST_BODY_SIZE
                                               : SW_HTTP_E_PROTOCOL_ERROR,
                          error->text);
        return;
    case SW_H1_IN_NO_MEMORY:
        sw_h1_conn_refuse(c, 503, SW_HTTP_E_INTERNAL_ERROR, "no memory");
        return;
    }
}

static use use_body(sw_h1_conn *c, sw_bytes *bytes)
{
    size_t used;
    sw_h1_error error;
    if (c->is_in_done) {
        return USE_STOP;
    }
    c->wants_continue = false;
    sw_h1_in_result result = sw_h1_in_take(&c->in, c->x, *bytes, &used, &error);
    *bytes = sw_bytes_slice(*bytes, used, bytes->len - used);
    note_progress(c, used);
    take_result(c, result, &error);
    if (c->phase == SW_H1_EXCHANGE && c->in.dropped > c->base.service->limits.drain_bytes) {
        c->keeps_alive = false;
        sw_h1_conn_settle(c);
    }
    bool is_stuck = result == SW_H1_IN_FULL || (used == 0 && result == SW_H1_IN_MORE);
    return is_stuck ? USE_STOP : USE_MORE;
}

/* Uses what can be used; the rest stays in *bytes. */
static use use_bytes(sw_h1_conn *c, sw_bytes *bytes)
{
    use result = USE_MORE;
    while (bytes->len > 0 && result == USE_MORE) {
        switch (c->phase) {
        case SW_H1_HEAD: result = c->is_resting ? USE_STOP : use_head(c, bytes); break;
        case SW_H1_EXCHANGE: result = use_body(c, bytes); break;
        case SW_H1_LINGER:
            c->lingered_bytes += (uint32_t)bytes->len;
            *bytes = (sw_bytes){};
            break;
        case SW_H1_HANDSHAKE:
        case SW_H1_ANSWER: result = USE_STOP; break;
        case SW_H1_CLOSED: *bytes = (sw_bytes){}; break;
        }
    }
    return result;
}

/*
 * Reading.
 */

/* Whether bytes would be of use now. */
static bool wants_bytes(const sw_h1_conn *c)
{
    switch (c->phase) {
    case SW_H1_HEAD: return !c->is_resting;
    case SW_H1_LINGER: return true;
    case SW_H1_EXCHANGE: return !c->is_in_done && !c->is_in_full;
    case SW_H1_HANDSHAKE:
    case SW_H1_ANSWER:
    case SW_H1_CLOSED: break;
    }
    return false;
}

static void on_stream_end(sw_h1_conn *c)
{
    c->has_finished = true;
    c->may_read = false;
    if (c->phase == SW_H1_EXCHANGE && c->is_in_done) {
        return;
    }
    sw_count(&c->base.service->counters.resets, c->phase == SW_H1_EXCHANGE);
    sw_h1_conn_cut(c, SW_HTTP_E_CONNECTION_TERMINATED);
}

/* One read. 0: nothing has come, or the stream has ended. */
static size_t read_into(sw_h1_conn *c, void *to, size_t size_bytes)
{
    ssize_t n = sw_io_read(c->io, to, size_bytes);
    if (n > 0) {
        /* A socket that gave less than was asked for is empty; a new edge tells of more. */
        bool is_empty = (size_t)n < size_bytes && !c->io->is_secure && !c->has_finished;
        c->may_read = !is_empty;
        return (size_t)n;
    }
    if (n == 0) {
        on_stream_end(c);
    } else if (n == -EAGAIN) {
        c->may_read = false;
    } else {
        sw_count(&c->base.service->counters.resets, 1);
        sw_h1_conn_cut(c, SW_HTTP_E_CONNECTION_TERMINATED);
    }
    return 0;
}

/* Drops what has been used from the front of the pending bytes. */
static void keep_rest(sw_h1_conn *c, sw_bytes rest)
{
    sw_buf *p = &c->pending;
    if (rest.len == 0) {
        sw_buf_clear(p);
    } else if (rest.ptr != p->ptr) {
        memmove(p->ptr, rest.ptr, rest.len);
        p->len = rest.len;
    }
}

static use use_pending(sw_h1_conn *c)
{
    sw_bytes bytes = sw_buf_bytes(&c->pending);
    use result = use_bytes(c, &bytes);
    keep_rest(c, bytes);
    return result;
}

/* More behind what is pending: a head that comes in pieces must be in one. */
static bool read_behind(sw_h1_conn *c)
{
    size_t room = SW_MAX(c->pending.len, (size_t)READ_MIN_BYTES);
    uint8_t *to = sw_buf_reserve(&c->pending, room);
    if (to == NULL) {
        sw_h1_conn_refuse(c, 503, SW_HTTP_E_INTERNAL_ERROR, "no memory");
        return false;
    }
    size_t n = read_into(c, to, room);
    c->pending.len += n;
    return n > 0;
}

/* Into the pipe itself. */
static bool read_in_place(sw_h1_conn *c, struct iovec place)
{
    size_t n = read_into(c, place.iov_base, place.iov_len);
    if (n > 0) {
        c->wants_continue = false;
        note_progress(c, n);
        const sw_h1_error error = {413, 0, "the body is too long"};
        take_result(c, sw_h1_in_commit(&c->in, c->x, n), &error);
    }
    return n > 0;
}

static bool read_scratch(sw_h1_conn *c)
{
    sw_http_service *s = c->base.service;
    size_t n = read_into(c, s->scratch, SW_HTTP_SCRATCH_BYTES);
    if (n == 0) {
        return false;
    }
    sw_bytes bytes = {s->scratch, n};
    use_bytes(c, &bytes);
    if (bytes.len > 0) {
        sw_buf_write(&c->pending, bytes.ptr, bytes.len);
        if (c->pending.status != SW_OK) {
            sw_h1_conn_cut(c, SW_HTTP_E_INTERNAL_ERROR);
        }
    }
    return true;
}

void sw_h1_conn_pump_in(sw_h1_conn *c)
{
    bool moves = true;
    if (c->pending.len > 0 && wants_bytes(c)) {
        use_pending(c);
    }
    while (moves && c->may_read && wants_bytes(c)) {
        struct iovec place = {};
        if (c->pending.len > 0) {
            moves = read_behind(c);
            if (moves) {
                use_pending(c);
            }
            continue;
        }
        if (c->phase == SW_H1_EXCHANGE) {
            place = sw_h1_in_place(&c->in, c->x);
        }
        moves = place.iov_len > 0 ? read_in_place(c, place) : read_scratch(c);
    }
    if (c->phase == SW_H1_LINGER && c->lingered_bytes > LINGER_MAX_BYTES) {
        sw_h1_conn_cut(c, SW_HTTP_E_CONNECTION_TERMINATED);
    }
}
