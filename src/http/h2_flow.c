#include "h2_flow.h"

#include <string.h>

/* ---- In ---------------------------------------------------------------------------------------
 */

/* Bytes that nobody will read any more still count in the connection's window. */
static void give_back_window(sw_h2_flow *f, const sw_pipe *in)
{
    if (in->total_bytes > f->accounted_bytes) {
        size_t n = (size_t)(in->total_bytes - f->accounted_bytes);
        f->accounted_bytes = in->total_bytes;
        (void)nghttp2_session_consume_connection(f->wire->ng, n);
        sw_h2_wire_kick(f->wire);
    }
}

/* What has been read, the peer may send again. */
static void account(sw_h2_flow *f)
{
    const sw_pipe *in = f->x->in;
    uint64_t read = in->total_bytes - in->used;
    if (in->state != SW_PIPE_CLOSED && read > f->accounted_bytes) {
        size_t n = (size_t)(read - f->accounted_bytes);
        f->accounted_bytes = read;
        (void)nghttp2_session_consume(f->wire->ng, f->id, n);
        sw_h2_wire_kick(f->wire);
    }
}

static void on_room(sw_pipe *p, void *arg)
{
    sw_h2_flow *f = arg;
    if (p->state == SW_PIPE_CLOSED) {
        /* The stream's window stays as it is, so that no more than one of it comes. */
        give_back_window(f, p);
        return;
    }
    account(f);
    p->is_stalled = p->used != 0; /* tell of what is read next, too */
}

static void on_body(sw_pipe *p, void *arg);

void sw_h2_flow_begin(sw_h2_flow *f)
{
    sw_exchange *x = f->x;
    x->in->on_writable = on_room;
    x->out->on_readable = on_body;
    x->in->on_writable_arg = x->out->on_readable_arg = f;
}

sw_status sw_h2_flow_receive(sw_h2_flow *f, sw_bytes bytes, uint64_t max_bytes,
                             sw_http_error too_large)
{
    sw_exchange *x = f->x;
    nghttp2_session *ng = f->wire->ng;
    size_t n = 0;
    if (x == NULL || x->in->state != SW_PIPE_OPEN || bytes.len > max_bytes - x->in_bytes) {
        (void)nghttp2_session_consume_connection(ng, bytes.len);
        sw_h2_wire_kick(f->wire);
        if (x != NULL && x->in->state == SW_PIPE_OPEN) {
            give_back_window(f, x->in);
            sw_pipe_fail(x->in, too_large);
        }
        return SW_OK;
    }
    f->in_ns = sw_h2_flow_now(f);
    x->in_bytes += bytes.len;
    if (sw_pipe_write(x->in, bytes, &n) != SW_OK) {
        (void)nghttp2_session_consume_connection(ng, bytes.len);
        return SW_NO_MEMORY;
    }
    if (f->x == NULL || x->in->state != SW_PIPE_OPEN) { /* the reader, told of them, has closed */
        (void)nghttp2_session_consume_connection(ng, bytes.len - n);
        return SW_OK;
    }
    account(f);
    x->in->is_stalled = x->in->used != 0;
    return n == bytes.len ? SW_OK : SW_NO_MEMORY;
}

void sw_h2_flow_end_in(sw_h2_flow *f)
{
    f->has_ended_in = true;
    if (f->x != NULL && f->x->in->state == SW_PIPE_OPEN) {
        sw_pipe_finish(f->x->in);
    }
}

/* ---- The end ----------------------------------------------------------------------------------
 */

void sw_h2_flow_reset(sw_h2_flow *f, uint32_t code)
{
    (void)nghttp2_submit_rst_stream(f->wire->ng, NGHTTP2_FLAG_NONE, f->id, code);
    sw_h2_wire_kick(f->wire);
}

void sw_h2_flow_finish(sw_h2_flow *f, sw_http_error why)
{
    sw_exchange *x = f->x;
    f->x = NULL;
    x->connection = NULL;
    give_back_window(f, x->in);
    sw_exchange_end(x, why, sw_h2_flow_now(f));
}

/* ---- Out --------------------------------------------------------------------------------------
 */

static void on_body(sw_pipe *p, void *arg)
{
    sw_h2_flow *f = arg;
    if (!f->is_submitted) {
        return;
    }
    if (p->state == SW_PIPE_FAILED) {
        sw_h2_flow_reset(f, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    (void)nghttp2_session_resume_data(f->wire->ng, f->id);
    sw_h2_wire_kick(f->wire);
}

/* Sends the trailers that have been set, if any. */
static bool submit_trailers(sw_h2_flow *f)
{
    const sw_http_fields *fields = &f->x->out_trailers;
    sw_h2_list l;
    if (fields->count == 0 || !sw_h2_list_init(&l, f->wire->budget, fields->count)) {
        return false;
    }
    sw_h2_list_add_fields(&l, fields);
    bool is_done = l.count != 0 && nghttp2_submit_trailer(f->wire->ng, f->id, l.at, l.count) == 0;
    sw_h2_list_clear(&l);
    return is_done;
}

/* The end of the body: with trailers, or with the last DATA frame. One that was declared longer has
 * not ended. */
static ssize_t end_body(sw_h2_flow *f, size_t n, uint32_t *flags)
{
    if (f->left_bytes != SW_HTTP_LENGTH_UNKNOWN && f->left_bytes != n) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (submit_trailers(f)) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    return (ssize_t)n;
}

/* How much goes into the next frame; send_data copies it. */
static ssize_t next_data(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t max, uint32_t *flags,
                         nghttp2_data_source *source, void *arg)
{
    (void)ng, (void)id, (void)buf, (void)arg;
    sw_h2_flow *f = source->ptr;
    if (f->x == NULL || f->x->out->state == SW_PIPE_FAILED) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    const sw_pipe *out = f->x->out;
    size_t n = SW_MIN(max, out->used);
    if (n > f->left_bytes) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n == out->used && out->state != SW_PIPE_OPEN) {
        return end_body(f, n, flags);
    }
    return n == 0 ? NGHTTP2_ERR_DEFERRED : (ssize_t)n;
}

int sw_h2_flow_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *header,
                         size_t length, nghttp2_data_source *source, void *arg)
{
    (void)ng, (void)frame;
    sw_h2_flow *f = source->ptr;
    if (f->x == NULL || f->x->out->used < length) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    uint8_t *to = sw_h2_wire_data(arg, header, length);
    if (to == NULL) {
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    f->x->out_bytes += length;
    f->left_bytes -= f->left_bytes == SW_HTTP_LENGTH_UNKNOWN ? 0 : length;
    f->out_ns = sw_h2_flow_now(f);
    sw_pipe_read(f->x->out, to, length);
    return 0;
}

nghttp2_data_provider sw_h2_flow_body(sw_h2_flow *f)
{
    return (nghttp2_data_provider){.source.ptr = f, .read_callback = next_data};
}

uint64_t sw_h2_flow_length(const sw_h2_flow *f, const sw_http_fields *head, bool *ret_is_declared)
{
    const sw_exchange *x = f->x;
    sw_str text;
    uint64_t length;
    *ret_is_declared = sw_http_fields_get(head, SW_STR("content-length"), &text);
    if (*ret_is_declared) {
        return sw_http_read_length(text, &length) ? length : SW_HTTP_LENGTH_UNKNOWN;
    }
    bool is_complete = x->out->state == SW_PIPE_FINISHED && x->out_trailers.count == 0;
    return is_complete ? x->out->used : SW_HTTP_LENGTH_UNKNOWN;
}

bool sw_h2_flow_is_empty(const sw_h2_flow *f)
{
    return sw_pipe_is_drained(f->x->out) && f->x->out_trailers.count == 0;
}

/* ---- Fields -----------------------------------------------------------------------------------
 */

bool sw_h2_list_init(sw_h2_list *l, sw_budget *budget, size_t capacity)
{
    l->at = l->on_stack;
    l->count = 0;
    l->capacity = capacity;
    l->budget = budget;
    if (capacity > SW_H2_NV_ON_STACK) {
        l->at = sw_alloc_array(budget, capacity, sizeof *l->at);
    }
    return l->at != NULL;
}

void sw_h2_list_clear(sw_h2_list *l)
{
    if (l->at != l->on_stack) {
        sw_free(l->budget, l->at, l->capacity * sizeof *l->at);
    }
}

static void add(sw_h2_list *l, sw_str name, sw_str value, uint8_t flags)
{
    assert(l->count < l->capacity);
    l->at[l->count++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name.ptr,
                                     .value = (uint8_t *)(uintptr_t)value.ptr,
                                     .namelen = name.len,
                                     .valuelen = value.len,
                                     .flags = flags};
}

void sw_h2_list_add(sw_h2_list *l, sw_str name, sw_str value)
{
    add(l, name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME);
}

static bool is_of_connection(sw_str name)
{
    static const sw_str NAMES[] = {SW_STR_INIT("connection"),
                                   SW_STR_INIT("host"),
                                   SW_STR_INIT("keep-alive"),
                                   SW_STR_INIT("proxy-connection"),
                                   SW_STR_INIT("te"),
                                   SW_STR_INIT("upgrade"),
                                   SW_STR_INIT("transfer-encoding"),
                                   SW_STR_INIT("http2-settings")};
    for (size_t i = 0; i < SW_COUNTOF(NAMES); i++) {
        if (sw_str_eq(name, NAMES[i])) {
            return true;
        }
    }
    return false;
}

void sw_h2_list_add_fields(sw_h2_list *l, const sw_http_fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        sw_str name = sw_http_field_name(fields, i);
        if (!is_of_connection(name)) {
            add(l, name, sw_http_field_value(fields, i), NGHTTP2_NV_FLAG_NONE);
        }
    }
}
