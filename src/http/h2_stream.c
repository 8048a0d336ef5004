/* HTTP/2 streams as exchanges: requests in, answers out, windows by what the handler reads. */
#include "h2_internal.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

enum {
    LINGER_MAX_BYTES = 1024 * 1024,
    HEAD_EXCESS = 4, /* a head may be that many times too large before the connection is cut */
};

static sw_h2_stream *stream_of(const sw_exchange *x)
{
    return x->connection;
}

static nghttp2_session *ng_of(const sw_h2_stream *st)
{
    return st->conn->wire.ng;
}

static uint64_t now_of(const sw_h2_stream *st)
{
    return sw_loop_now(st->conn->wire.loop);
}

/* ---- Life -------------------------------------------------------------------------------------
 */

static const sw_exchange_ops OPS;

bool sw_h2_stream_open(sw_h2_conn *c, int32_t id)
{
    sw_http_service *s = c->base.service;
    sw_h2_stream *st = c->spare;
    c->spare = NULL;
    st = st != NULL ? st : sw_alloc(c->wire.budget, sizeof *st);
    sw_exchange *x = st == NULL ? NULL : sw_http_exchange_take(s);
    if (x == NULL) {
        sw_free(c->wire.budget, st, sizeof *st);
        return false;
    }
    *st = (sw_h2_stream){
        .flow = {.wire = &c->wire, .x = x, .id = id},
          .conn = c, .next = c->streams
    };
    if (c->streams != NULL) {
        c->streams->prev = st;
    }
    c->streams = st;
    c->stream_count++;
    c->base.is_idle = false;
    x->ops = &OPS;
    x->connection = st;
    x->peer = c->base.peer;
    x->request.version = 20;
    x->in_length = SW_HTTP_LENGTH_UNKNOWN;
    x->start_ns = st->flow.in_ns = st->flow.out_ns = now_of(st);
    nghttp2_session_set_stream_user_data(c->wire.ng, id, st);
    return true;
}

static void forget_due(sw_h2_stream *st)
{
    sw_h2_stream **at = &st->conn->due;
    while (st->is_due && *at != NULL) {
        if (*at == st) {
            *at = st->next_due;
            st->is_due = false;
        } else {
            at = &(*at)->next_due;
        }
    }
}

void sw_h2_stream_finish(sw_h2_stream *st, sw_http_error why)
{
    sw_exchange *x = st->flow.x;
    if (x == NULL) {
        return;
    }
    forget_due(st);
    x->is_released |= !st->has_begun; /* nobody knows of it */
    sw_h2_flow_finish(&st->flow, why);
}

void sw_h2_stream_cut(sw_h2_stream *st, uint32_t code, sw_http_error why)
{
    sw_h2_flow_reset(&st->flow, code);
    sw_h2_stream_finish(st, why);
}

void sw_h2_stream_close(sw_h2_stream *st, sw_http_error why)
{
    sw_h2_conn *c = st->conn;
    sw_h2_stream_finish(st, why);
    if (st->prev != NULL) {
        st->prev->next = st->next;
    } else {
        c->streams = st->next;
    }
    if (st->next != NULL) {
        st->next->prev = st->prev;
    }
    if (--c->stream_count == 0) {
        c->base.is_idle = true;
        c->idle_ns = sw_loop_now(c->wire.loop);
    }
    if (c->spare == NULL) {
        c->spare = st;
    } else {
        sw_free(c->wire.budget, st, sizeof *st);
    }
}

/* ---- The request ------------------------------------------------------------------------------
 */

static void refuse(sw_h2_stream *st, uint16_t status)
{
    st->refusal = st->refusal == 0 ? status : st->refusal;
}

static bool set_part(sw_h2_stream *st, sw_http_part part, sw_str text, bool is_good)
{
    if (!is_good) {
        refuse(st, 400);
    } else if (sw_http_head_set_part(&st->flow.x->request, part, text) != SW_OK) {
        refuse(st, 431);
    }
    return is_good;
}

static void read_pseudo(sw_h2_stream *st, sw_str name, sw_str value)
{
    sw_http_head *head = &st->flow.x->request;
    if (sw_str_eq(name, SW_STR(":method"))) {
        if (sw_http_head_set_method(head, value) != SW_OK) {
            refuse(st, 400);
        } else if (head->method == SW_HTTP_CONNECT) {
            refuse(st, 501);
        }
    } else if (sw_str_eq(name, SW_STR(":scheme"))) {
        (void)set_part(st, SW_HTTP_SCHEME, value, sw_http_is_scheme(value));
    } else if (sw_str_eq(name, SW_STR(":authority"))) {
        (void)set_part(st, SW_HTTP_AUTHORITY, value, sw_http_is_authority(value));
    } else if (value.len > st->conn->base.service->limits.path_bytes) {
        refuse(st, 414);
    } else {
        (void)set_part(st, SW_HTTP_PATH, value, sw_http_is_path(value));
    }
}

/* Must be the authority's, if there is one; is it, if there is none. */
static void read_host(sw_h2_stream *st, sw_str value)
{
    sw_str authority = sw_http_head_part(&st->flow.x->request, SW_HTTP_AUTHORITY);
    if (authority.len == 0) {
        (void)set_part(st, SW_HTTP_AUTHORITY, value, sw_http_is_authority(value));
    } else if (authority.len != value.len ||
               strncasecmp(authority.ptr, value.ptr, value.len) != 0) {
        refuse(st, 400);
    }
}

static void read_length(sw_h2_stream *st, sw_str value)
{
    if (!sw_http_read_length(value, &st->flow.x->in_length)) {
        refuse(st, 400);
    } else if (st->flow.x->in_length > st->conn->base.service->limits.body_bytes) {
        refuse(st, 413);
    }
}

static void add_field(sw_h2_stream *st, sw_str name, sw_str value)
{
    sw_status status = sw_http_fields_append(&st->flow.x->request.fields, name, value);
    if (status != SW_OK) {
        refuse(st, status == SW_ARGUMENT ? 400 : status == SW_LIMIT ? 431 : 503);
    }
}

bool sw_h2_stream_field(sw_h2_stream *st, sw_str name, sw_str value, bool is_trailer)
{
    const sw_http_limits *limits = &st->conn->base.service->limits;
    st->head_bytes += name.len + value.len + SW_HTTP_FIELD_COST;
    if (st->head_bytes > (uint64_t)limits->head_bytes * HEAD_EXCESS) {
        return false;
    }
    if (st->flow.x == NULL) {
        return true;
    }
    if (is_trailer) {
        if (st->head_bytes > limits->trailer_bytes ||
            sw_http_fields_append(&st->flow.x->in_trailers, name, value) != SW_OK) {
            sw_pipe_fail(st->flow.x->in, SW_HTTP_E_REQUEST_TRAILERS_SIZE);
        }
        return true;
    }
    if (st->head_bytes > limits->head_bytes ||
        st->flow.x->request.fields.count >= limits->head_fields) {
        refuse(st, 431);
    }
    if (st->refusal != 0) {
        return true;
    }
    if (name.len != 0 && name.ptr[0] == ':') {
        read_pseudo(st, name, value);
        return true;
    }
    if (sw_str_eq(name, SW_STR("host"))) {
        read_host(st, value);
    } else if (sw_str_eq(name, SW_STR("content-length"))) {
        read_length(st, value);
    }
    add_field(st, name, value);
    return true;
}

/* Cookies may come in crumbs, which those who know only HTTP/1.1 want as one field. */
static sw_status join_cookies(sw_h2_stream *st)
{
    sw_http_fields *f = &st->flow.x->request.fields;
    const sw_str name = SW_STR("cookie");
    uint32_t at = sw_http_fields_find(f, name, 0);
    if (at == f->count || sw_http_fields_find(f, name, at + 1) == f->count) {
        return SW_OK;
    }
    sw_buf all;
    sw_buf_init(&all, st->conn->wire.budget, f->max_bytes);
    for (; at < f->count; at = sw_http_fields_find(f, name, at + 1)) {
        sw_buf_str(&all, all.len == 0 ? SW_STR("") : SW_STR("; "));
        sw_buf_str(&all, sw_http_field_value(f, at));
    }
    sw_status status = sw_buf_status(&all);
    if (status == SW_OK) {
        sw_http_fields_remove(f, name);
        status = sw_http_fields_append(f, name, (sw_str){(const char *)all.ptr, all.len});
    }
    sw_buf_clear(&all);
    return status;
}

void sw_h2_stream_begin(sw_h2_stream *st, bool has_ended)
{
    sw_exchange *x = st->flow.x;
    sw_http_service *s = st->conn->base.service;
    if (x == NULL) {
        return;
    }
    if (st->refusal == 0 && join_cookies(st) != SW_OK) {
        refuse(st, 431);
    }
    st->has_begun = true;
    sw_h2_flow_begin(&st->flow);
    if (has_ended) {
        x->in_length = 0;
        sw_h2_flow_end_in(&st->flow);
    }
    sw_count(&s->counters.requests, 1);
    if (st->refusal == 0) {
        s->on_request(s, x);
        return;
    }
    uint16_t status = st->refusal;
    sw_pipe_close(x->in);
    sw_exchange_respond_text(x, status, sw_http_reason(status));
    sw_exchange_release(x);
}

void sw_h2_stream_data(sw_h2_stream *st, sw_bytes bytes)
{
    uint64_t max = st->conn->base.service->limits.body_bytes;
    sw_exchange *x = st->flow.x;
    if (x == NULL && st->flow.is_sent && st->lingered_bytes < LINGER_MAX_BYTES) {
        st->lingered_bytes += (uint32_t)bytes.len;
        (void)nghttp2_session_consume(ng_of(st), st->flow.id, bytes.len);
        return;
    }
    if (x != NULL && bytes.len > max - x->in_bytes) {
        x->fallback_status = 413;
    }
    if (sw_h2_flow_receive(&st->flow, bytes, max, SW_HTTP_E_REQUEST_BODY_SIZE) != SW_OK) {
        sw_h2_stream_cut(st, NGHTTP2_INTERNAL_ERROR, SW_HTTP_E_INTERNAL_ERROR);
    }
}

/* ---- The answer -------------------------------------------------------------------------------
 */

/* The head, and the body if there is one. 0, or an error of nghttp2's. */
static int submit(sw_h2_stream *st)
{
    sw_exchange *x = st->flow.x;
    const sw_http_fields *f = &x->response.fields;
    char status[8], digits[24];
    bool is_declared, may_have_body = x->response.status != 204 && x->response.status != 304;
    uint64_t length = sw_h2_flow_length(&st->flow, f, &is_declared);
    sw_h2_list l;
    if (!sw_h2_list_init(&l, st->conn->wire.budget, (size_t)f->count + 3)) {
        return NGHTTP2_ERR_NOMEM;
    }
    int n = snprintf(status, sizeof status, "%u", (unsigned)x->response.status);
    sw_h2_list_add(&l, SW_STR(":status"), (sw_str){status, (size_t)n});
    sw_h2_list_add_fields(&l, f);
    if (!is_declared && may_have_body && length != SW_HTTP_LENGTH_UNKNOWN) {
        n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)length);
        sw_h2_list_add(&l, SW_STR("content-length"), (sw_str){digits, (size_t)n});
    }
    if (sw_http_fields_find(f, SW_STR("date"), 0) == f->count) {
        sw_h2_list_add(&l, SW_STR("date"), sw_http_service_date(st->conn->base.service));
    }
    st->flow.left_bytes = length;
    bool is_head_only = !may_have_body || x->request.method == SW_HTTP_HEAD;
    if (is_head_only) {
        sw_pipe_close(x->out);
    }
    bool has_no_body = is_head_only || (length == 0 && sw_h2_flow_is_empty(&st->flow));
    nghttp2_data_provider body = sw_h2_flow_body(&st->flow);
    int result =
        nghttp2_submit_response(ng_of(st), st->flow.id, l.at, l.count, has_no_body ? NULL : &body);
    sw_h2_list_clear(&l);
    return result;
}

void sw_h2_submit_due(sw_h2_conn *c)
{
    sw_h2_stream *st;
    while ((st = c->due) != NULL) {
        c->due = st->next_due;
        st->is_due = false;
        st->flow.is_submitted = true;
        if (st->flow.x->out->state == SW_PIPE_FAILED || submit(st) != 0) {
            sw_h2_stream_cut(st, NGHTTP2_INTERNAL_ERROR, SW_HTTP_E_RESPONSE_INCOMPLETE);
        }
    }
}

/* ---- What the handler does --------------------------------------------------------------------
 */

static void op_respond(sw_exchange *x)
{
    sw_h2_stream *st = stream_of(x);
    x->head_ns = st->flow.out_ns = now_of(st);
    st->is_due = true;
    st->next_due = st->conn->due;
    st->conn->due = st;
    sw_h2_wire_kick(&st->conn->wire);
}

static void op_informational(sw_exchange *x, uint16_t status, const sw_http_fields *fields)
{
    sw_h2_stream *st = stream_of(x);
    char text[8];
    sw_h2_list l;
    if (!sw_h2_list_init(&l, st->conn->wire.budget, (fields == NULL ? 0 : fields->count) + 1ul)) {
        return;
    }
    int n = snprintf(text, sizeof text, "%u", (unsigned)status);
    sw_h2_list_add(&l, SW_STR(":status"), (sw_str){text, (size_t)n});
    if (fields != NULL) {
        sw_h2_list_add_fields(&l, fields);
    }
    if (nghttp2_submit_headers(ng_of(st), NGHTTP2_FLAG_NONE, st->flow.id, NULL, l.at, l.count,
                               NULL) == 0) {
        sw_count(&st->conn->base.service->counters.informational, 1);
        sw_h2_wire_kick(&st->conn->wire);
    }
    sw_h2_list_clear(&l);
}

static void op_want_body(sw_exchange *x)
{
    sw_h2_stream *st = stream_of(x);
    sw_str expect;
    if (!st->has_continued && !st->flow.is_submitted && x->in_bytes == 0 &&
        !st->flow.has_ended_in &&
        sw_http_fields_get(&x->request.fields, SW_STR("expect"), &expect) &&
        sw_http_eq_lower(expect, SW_STR("100-continue"))) {
        st->has_continued = true;
        op_informational(x, 100, NULL);
    }
}

static void op_abort(sw_exchange *x, sw_http_error why)
{
    sw_h2_stream *st = stream_of(x);
    sw_count(&st->conn->base.service->counters.cut, 1);
    sw_h2_stream_cut(st, NGHTTP2_INTERNAL_ERROR, why);
}

static void op_release(sw_exchange *x)
{
    if (!x->has_responded) {
        uint16_t status = x->fallback_status == 0 ? 500 : x->fallback_status;
        sw_exchange_respond_text(x, status, sw_http_reason(status));
    } else if (x->out->state == SW_PIPE_OPEN) {
        op_abort(x, SW_HTTP_E_RESPONSE_INCOMPLETE);
    }
}

static const sw_exchange_ops OPS = {
    .respond = op_respond,
    .informational = op_informational,
    .want_body = op_want_body,
    .abort = op_abort,
    .release = op_release,
};
