/* HTTP/2 connections of a server: what nghttp2 tells, what a peer has left to waste, time-outs,
 * going away. */
#include "h2_internal.h"

#include "os/clock.h"

#include <errno.h>

enum {
    CONNECTION_WINDOW_STREAMS = 16, /* the connection's window, in windows of a stream */
    TICK_MAX_MS = 1000,
    TICK_MIN_MS = 5,
    RATE_AFTER_S = 5, /* a body is judged by its rate after so long */
    DRAIN_WAIT_S = 1, /* for a peer that does not answer the ping */
};

static sw_h2_conn *conn_of(void *arg)
{
    return SW_CONTAINER_OF((sw_h2_wire *)arg, sw_h2_conn, wire);
}

static void on_timer(sw_loop_timer *timer);

/* While there are streams, their times are looked at once in a while. */
static void start_ticking(sw_h2_conn *c)
{
    const sw_http_limits *l = &c->base.service->limits;
    uint64_t shortest =
        SW_MIN(SW_MIN(l->head_ns, l->body_idle_ns), SW_MIN(l->write_stall_ns, l->keep_alive_ns));
    uint64_t tick = SW_MIN(shortest / 4, TICK_MAX_MS * SW_NS_PER_MS);
    c->is_ticking = true;
    sw_loop_timer_start(c->wire.loop, &c->timer,
                        sw_loop_now(c->wire.loop) + SW_MAX(tick, TICK_MIN_MS * SW_NS_PER_MS),
                        on_timer);
}

static sw_h2_stream *find_stream(sw_h2_conn *c, int32_t id)
{
    return nghttp2_session_get_stream_user_data(c->wire.ng, id);
}

static const sw_http_limits *limits_of(const sw_h2_conn *c)
{
    return &c->base.service->limits;
}

/* ---- Credit -----------------------------------------------------------------------------------
 */

static void gain(sw_h2_conn *c, int64_t n)
{
    c->credit = SW_MIN(c->credit + n, (int64_t)SW_H2_CREDIT_MAX);
}

static void terminate(sw_h2_conn *c, uint32_t code)
{
    c->is_closing = true;
    (void)nghttp2_session_terminate_session(c->wire.ng, code);
}

static void calm_down(sw_h2_conn *c)
{
    if (!c->is_closing) {
        sw_count(&c->base.service->counters.floods, 1);
        terminate(c, NGHTTP2_ENHANCE_YOUR_CALM);
    }
}

static void charge(sw_h2_conn *c, int64_t cost)
{
    uint64_t now = sw_loop_now(c->wire.loop);
    uint64_t earned = (now - c->credit_ns) / (SW_NS_PER_S / SW_H2_CREDIT_PER_S);
    c->credit_ns += earned * (SW_NS_PER_S / SW_H2_CREDIT_PER_S);
    gain(c, (int64_t)SW_MIN(earned, (uint64_t)SW_H2_CREDIT_MAX));
    c->credit -= cost;
    if (c->credit < 0) {
        calm_down(c);
    }
}

static void charge_frame(sw_h2_conn *c, const nghttp2_frame_hd *hd)
{
    switch (hd->type) {
    case NGHTTP2_HEADERS: break;
    case NGHTTP2_DATA:
        if (hd->length != 0) {
            gain(c, SW_H2_GAIN_DATA);
        } else if ((hd->flags & NGHTTP2_FLAG_END_STREAM) == 0) {
            charge(c, SW_H2_COST_FRAME);
        }
        break;
    case NGHTTP2_RST_STREAM: charge(c, SW_H2_COST_RESET); break;
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
        charge(c, (hd->flags & NGHTTP2_FLAG_ACK) != 0 ? SW_H2_COST_FRAME : SW_H2_COST_PING);
        break;
    default: charge(c, SW_H2_COST_FRAME); break;
    }
}

/* ---- Frames in --------------------------------------------------------------------------------
 */

/* Of a stream that the peer should know to be closed. nghttp2 forgets streams when they end; what
 * comes for one that we have reset may have been sent before the peer knew. */
static bool is_late(const sw_h2_conn *c, const nghttp2_frame_hd *hd)
{
    return (hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_DATA) && hd->stream_id % 2 != 0 &&
           hd->stream_id <= c->last_id && hd->stream_id > c->reset_id &&
           nghttp2_session_find_stream(c->wire.ng, hd->stream_id) == NULL;
}

static int on_begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *arg)
{
    (void)ng;
    sw_h2_conn *c = conn_of(arg);
    charge_frame(c, hd);
    if (!c->is_closing && is_late(c, hd)) {
        terminate(c, NGHTTP2_STREAM_CLOSED);
    }
    return 0;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    (void)ng;
    sw_h2_conn *c = conn_of(arg);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        sw_h2_stream *st = find_stream(c, frame->hd.stream_id);
        if (st != NULL) {
            st->head_bytes = 0;
        }
    } else {
        c->last_id = frame->hd.stream_id;
        if (!sw_h2_stream_open(c, frame->hd.stream_id)) {
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
    }
    c->head_ns = sw_loop_now(c->wire.loop);
    if (!c->is_ticking) {
        start_ticking(c);
    }
    return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
    (void)ng, (void)flags;
    sw_h2_conn *c = conn_of(arg);
    sw_h2_stream *st = find_stream(c, frame->hd.stream_id);
    sw_str n = {(const char *)name, name_len}, v = {(const char *)value, value_len};
    if (st == NULL || sw_h2_stream_field(st, n, v, frame->headers.cat != NGHTTP2_HCAT_REQUEST)) {
        return 0;
    }
    c->head_ns = 0;
    calm_down(c);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void begin(sw_h2_conn *c, sw_h2_stream *st, bool has_ended)
{
    uint32_t max = limits_of(c)->requests;
    c->request_count++;
    sw_h2_stream_begin(st, has_ended);
    if (max != 0 && c->request_count >= max && c->drain_ns == 0) {
        c->base.ops->drain(&c->base);
    }
}

/* Names the last stream that is served. */
static void close_for_good(sw_h2_conn *c)
{
    if (!c->is_closing) {
        c->is_closing = true;
        int32_t last = nghttp2_session_get_last_proc_stream_id(c->wire.ng);
        (void)nghttp2_submit_goaway(c->wire.ng, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
        sw_h2_wire_kick(&c->wire);
    }
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    (void)ng;
    sw_h2_conn *c = conn_of(arg);
    bool has_ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    sw_h2_stream *st;
    c->head_ns = 0;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        st = find_stream(c, frame->hd.stream_id);
        if (st != NULL && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
            begin(c, st, has_ended);
            break;
        }
        if (st != NULL && has_ended) {
            sw_h2_flow_end_in(&st->flow);
        }
        break;
    case NGHTTP2_DATA:
        st = find_stream(c, frame->hd.stream_id);
        if (st != NULL && has_ended) {
            sw_h2_flow_end_in(&st->flow);
        }
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && c->drain_ns != 0) {
            close_for_good(c);
        }
        break;
    default: break;
    }
    return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                   void *arg)
{
    (void)flags;
    sw_h2_conn *c = conn_of(arg);
    sw_h2_stream *st = find_stream(c, id);
    if (st == NULL) {
        (void)nghttp2_session_consume_connection(ng, len);
    } else {
        sw_h2_stream_data(st, (sw_bytes){data, len});
    }
    return 0;
}

static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int error, void *arg)
{
    (void)ng, (void)error;
    sw_h2_conn *c = conn_of(arg);
    c->reset_id = SW_MAX(c->reset_id, frame->hd.stream_id);
    charge(c, SW_H2_COST_INVALID);
    return 0;
}

/* The peer may send on for a moment, before it is told that nobody listens: there are clients that
 * lose an answer when they are told at once. */
static void linger(sw_h2_stream *st)
{
    uint64_t unread = st->flow.x->in->total_bytes - st->flow.accounted_bytes;
    sw_h2_stream_finish(st, SW_HTTP_E_NONE);
    (void)nghttp2_session_consume_stream(st->conn->wire.ng, st->flow.id, (size_t)unread);
}

static int on_frame_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    (void)ng;
    sw_h2_conn *c = conn_of(arg);
    bool is_answer = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        c->reset_id = SW_MAX(c->reset_id, frame->hd.stream_id);
    }
    if (frame->hd.type == NGHTTP2_DATA) {
        gain(c, SW_H2_GAIN_DATA);
    }
    if (!is_answer || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
        return 0;
    }
    sw_h2_stream *st = find_stream(c, frame->hd.stream_id);
    gain(c, SW_H2_GAIN_ANSWER);
    if (st != NULL) {
        st->flow.is_sent = true;
        st->flow.out_ns = sw_loop_now(c->wire.loop);
        if (!st->flow.has_ended_in) { /* the answer did not need the rest of the request */
            linger(st);
        }
    }
    return 0;
}

static int on_stream_closed(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
    (void)ng;
    sw_h2_conn *c = conn_of(arg);
    sw_h2_stream *st = find_stream(c, id);
    if (st == NULL) {
        return 0;
    }
    sw_http_error why = st->flow.is_sent                 ? SW_HTTP_E_NONE
                        : code == NGHTTP2_INTERNAL_ERROR ? SW_HTTP_E_RESPONSE_INCOMPLETE
                        : code == NGHTTP2_PROTOCOL_ERROR ? SW_HTTP_E_PROTOCOL_ERROR
                                                         : SW_HTTP_E_CONNECTION_TERMINATED;
    if (st->flow.x != NULL && !st->flow.is_sent) {
        sw_count(&c->base.service->counters.resets, 1);
    }
    sw_h2_stream_close(st, why);
    return 0;
}

/* ---- Time -------------------------------------------------------------------------------------
 */

static bool is_over(uint64_t since, uint64_t allowed, uint64_t now)
{
    return now > since && now - since >= allowed;
}

static bool in_is_slow(const sw_h2_conn *c, const sw_h2_stream *st, uint64_t now)
{
    const sw_http_limits *l = limits_of(c);
    const sw_exchange *x = st->flow.x;
    if (st->flow.has_ended_in || x->in->state != SW_PIPE_OPEN ||
        x->in->used >= x->in->capacity / 2) {
        return false;
    }
    uint64_t seconds = (now - x->start_ns) / SW_NS_PER_S;
    return is_over(st->flow.in_ns, l->body_idle_ns, now) ||
           (seconds >= RATE_AFTER_S && x->in_bytes / seconds < l->body_min_rate);
}

/* The answer waits for a window, and for nothing else. */
static bool out_is_stalled(const sw_h2_conn *c, const sw_h2_stream *st, uint64_t now)
{
    return st->flow.is_submitted && !st->flow.is_sent && c->wire.rest == NULL &&
           (st->flow.x->out->used != 0 || st->flow.x->out->state != SW_PIPE_OPEN) &&
           is_over(st->flow.out_ns, limits_of(c)->write_stall_ns, now);
}

static bool has_lingered(const sw_h2_conn *c, const sw_h2_stream *st, uint64_t now)
{
    return st->flow.is_sent && !st->flow.has_ended_in &&
           is_over(st->flow.out_ns, limits_of(c)->half_close_ns, now);
}

static void check_streams(sw_h2_conn *c, uint64_t now)
{
    for (sw_h2_stream *st = c->streams; st != NULL; st = st->next) {
        if (has_lingered(c, st, now)) {
            sw_h2_flow_reset(&st->flow, NGHTTP2_NO_ERROR);
        }
        if (st->flow.x == NULL) {
            continue;
        }
        if (in_is_slow(c, st, now)) {
            sw_count(&c->base.service->counters.timeouts, 1);
            sw_h2_stream_cut(st, NGHTTP2_CANCEL, SW_HTTP_E_CONNECTION_READ_TIMEOUT);
        } else if (out_is_stalled(c, st, now)) {
            sw_count(&c->base.service->counters.timeouts, 1);
            sw_h2_stream_cut(st, NGHTTP2_CANCEL, SW_HTTP_E_CONNECTION_WRITE_TIMEOUT);
        }
    }
}

static void on_timer(sw_loop_timer *timer)
{
    sw_h2_conn *c = SW_CONTAINER_OF(timer, sw_h2_conn, timer);
    const sw_http_limits *l = limits_of(c);
    uint64_t now = sw_loop_now(c->wire.loop);
    if (c->stream_count != 0 || c->wire.rest != NULL || c->drain_ns != 0) {
        start_ticking(c);
    } else {
        c->is_ticking = false;
        sw_loop_timer_start(c->wire.loop, timer, c->idle_ns + l->keep_alive_ns, on_timer);
    }
    bool is_stalled = c->wire.rest != NULL && is_over(c->wire.written_ns, l->write_stall_ns, now);
    if (is_stalled || (c->head_ns != 0 && is_over(c->head_ns, l->head_ns, now))) {
        sw_count(&c->base.service->counters.timeouts, 1);
        sw_h2_wire_end(&c->wire, -ETIMEDOUT);
        return;
    }
    if (c->drain_ns != 0 && is_over(c->drain_ns, DRAIN_WAIT_S * SW_NS_PER_S, now)) {
        close_for_good(c);
    }
    if (c->stream_count == 0 && is_over(c->idle_ns, l->keep_alive_ns, now)) {
        if (c->is_closing) {
            sw_h2_wire_end(&c->wire, 0);
            return;
        }
        close_for_good(c);
        c->idle_ns = now;
        start_ticking(c);
    }
    check_streams(c, now);
}

/* ---- Life -------------------------------------------------------------------------------------
 */

static void before_send(sw_h2_wire *w)
{
    sw_h2_submit_due(conn_of(w));
}

static void free_conn(sw_h2_conn *c)
{
    sw_budget *budget = c->wire.budget;
    sw_free(budget, c->spare, sizeof *c->spare);
    sw_free(budget, c, sizeof *c);
}

static void on_end(sw_h2_wire *w, int why)
{
    sw_h2_conn *c = conn_of(w);
    (void)why;
    sw_loop_timer_stop(w->loop, &c->timer);
    while (c->streams != NULL) {
        sw_h2_stream_close(c->streams, SW_HTTP_E_CONNECTION_TERMINATED);
    }
    sw_h2_wire_clear(w);
    sw_http_service *s = c->base.service;
    void *peer = c->base.peer;
    sw_http_conn_unlink(&c->base);
    free_conn(c);
    sw_http_conn_closed(s, peer);
}

static void drain(sw_http_conn *base)
{
    sw_h2_conn *c = SW_CONTAINER_OF(base, sw_h2_conn, base);
    if (c->drain_ns == 0 && !c->is_closing) {
        c->drain_ns = sw_loop_now(c->wire.loop);
        (void)nghttp2_submit_shutdown_notice(c->wire.ng);
        (void)nghttp2_submit_ping(c->wire.ng, NGHTTP2_FLAG_NONE, NULL);
        start_ticking(c);
        sw_h2_wire_kick(&c->wire);
    }
}

static void cut(sw_http_conn *base)
{
    sw_h2_conn *c = SW_CONTAINER_OF(base, sw_h2_conn, base);
    sw_count(&c->base.service->counters.cut, 1);
    sw_h2_wire_end(&c->wire, -ECANCELED);
}

static const sw_http_conn_ops CONN_OPS = {.drain = drain, .cut = cut};
static const sw_h2_wire_events EVENTS = {.before_send = before_send, .on_end = on_end};

static sw_status make_ng(sw_h2_conn *c)
{
    nghttp2_option *option;
    nghttp2_session_callbacks *callbacks;
    SW_TRY(sw_h2_wire_setup(&option, &callbacks));
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, sw_h2_flow_send_data);
    sw_status status = sw_h2_wire_init(&c->wire, true, callbacks, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return status;
}

/* What the peer is told at the beginning. */
static bool introduce(sw_h2_conn *c)
{
    const sw_http_limits *l = limits_of(c);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, l->streams   },
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,    l->pipe_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,   l->head_bytes},
    };
    int32_t window =
        (int32_t)SW_MIN((uint64_t)l->pipe_bytes * CONNECTION_WINDOW_STREAMS, (uint64_t)1 << 30);
    return nghttp2_submit_settings(c->wire.ng, NGHTTP2_FLAG_NONE, settings, SW_COUNTOF(settings)) ==
               0 &&
           nghttp2_session_set_local_window_size(c->wire.ng, NGHTTP2_FLAG_NONE, 0, window) == 0;
}

bool sw_h2_serve(sw_http_service *s, sw_io *io, void *peer, sw_bytes early)
{
    sw_h2_conn *c = sw_alloc(s->budget, sizeof *c);
    if (c == NULL) {
        return false;
    }
    uint64_t now = sw_loop_now(s->loop);
    c->base = (sw_http_conn){.ops = &CONN_OPS, .service = s, .peer = peer, .is_idle = true};
    c->wire = (sw_h2_wire){
        .events = &EVENTS, .io = io, .loop = s->loop, .budget = s->budget, .scratch = s->scratch};
    c->credit = SW_H2_CREDIT_MAX;
    c->credit_ns = c->idle_ns = now;
    if (make_ng(c) != SW_OK || !introduce(c) || sw_h2_wire_start(&c->wire) != SW_OK) {
        sw_h2_wire_clear(&c->wire);
        free_conn(c);
        return false;
    }
    sw_http_conn_link(s, &c->base);
    sw_count(&s->counters.h2_connections, 1);
    start_ticking(c);
    if (s->is_draining) {
        drain(&c->base);
    }
    sw_h2_wire_kick(&c->wire);
    sw_h2_wire_feed(&c->wire, early);
    return true;
}
