#include "h2_client.h"

#include "http/h2_flow.h"
#include "os/clock.h"

#include <errno.h>
#include <stdio.h>

enum { CONNECTION_WINDOW_STREAMS = 16 };

struct sw_h2_call {
    sw_h2_flow flow; /* first; its x is NULL once the exchange has ended or was given back */
    sw_h2_client *client;
    sw_h2_client_times times;
    void *tag;
    bool is_due, has_head, head_is_bad;
    uint64_t head_bytes; /* of the head or the trailers that are coming */
    sw_h2_call *next, *prev;
    sw_h2_call *next_due;
};

static sw_h2_client *client_of(void *wire)
{
    return SW_CONTAINER_OF((sw_h2_wire *)wire, sw_h2_client, wire);
}

static sw_h2_call *find_call(sw_h2_client *c, int32_t id)
{
    return nghttp2_session_get_stream_user_data(c->wire.ng, id);
}

/* ---- The end of calls -------------------------------------------------------------------------
 */

static void leave_due(sw_h2_call *call)
{
    sw_h2_client *c = call->client;
    for (sw_h2_call **at = &c->due; call->is_due && *at != NULL; at = &(*at)->next_due) {
        if (*at == call) {
            *at = call->next_due;
            c->due_end = call->next_due == NULL ? at : c->due_end;
            call->is_due = false;
            return;
        }
    }
}

static void free_call(sw_h2_call *call)
{
    sw_h2_client *c = call->client;
    leave_due(call);
    *(call->prev == NULL ? &c->calls : &call->prev->next) = call->next;
    if (call->next != NULL) {
        call->next->prev = call->prev;
    }
    c->call_count--;
    sw_free(c->wire.budget, call, sizeof *call);
}

/* Ends the exchange; the call stays while nghttp2 has its stream. */
static void finish(sw_h2_call *call, sw_http_error why, bool tells)
{
    sw_h2_client *c = call->client;
    void *tag = call->tag;
    if (call->flow.x == NULL) {
        return;
    }
    if (why == SW_HTTP_E_NONE) {
        sw_pipe_close(call->flow.x->out);
    }
    bool is_ours_alone = call->is_due;
    sw_h2_flow_finish(&call->flow, why);
    if (is_ours_alone) {
        free_call(call);
    }
    if (tells) {
        c->events->on_done(c, tag);
    }
}

static void cut(sw_h2_call *call, uint32_t code, sw_http_error why)
{
    if (!call->is_due) {
        sw_h2_flow_reset(&call->flow, code);
    }
    finish(call, why, true);
}

/* The exchange leaves the call, as it was before. */
static void give_back(sw_h2_call *call)
{
    sw_h2_client *c = call->client;
    sw_exchange *x = call->flow.x;
    void *tag = call->tag;
    call->flow.x = NULL;
    x->connection = NULL;
    x->in->on_writable = x->out->on_readable = NULL;
    leave_due(call);
    c->events->on_unsent(c, x, tag);
}

/* ---- Requests ---------------------------------------------------------------------------------
 */

static bool may_lack_length(const sw_exchange *x)
{
    return x->request.method == SW_HTTP_GET || x->request.method == SW_HTTP_HEAD ||
           x->request.method == SW_HTTP_DELETE || x->request.method == SW_HTTP_OPTIONS;
}

static void list_head(sw_h2_list *l, const sw_exchange *x, bool is_secure)
{
    const sw_http_head *head = &x->request;
    sw_str scheme = sw_http_head_part(head, SW_HTTP_SCHEME);
    sw_str path = sw_http_head_part(head, SW_HTTP_PATH);
    sw_str host;
    sw_str authority = sw_http_head_part(head, SW_HTTP_AUTHORITY);
    if (authority.len == 0 && sw_http_fields_get(&head->fields, SW_STR("host"), &host)) {
        authority = host;
    }
    sw_h2_list_add(l, SW_STR(":method"), sw_http_head_method(head));
    sw_h2_list_add(l, SW_STR(":scheme"),
                   scheme.len != 0 ? scheme
                   : is_secure     ? SW_STR("https")
                                   : SW_STR("http"));
    if (authority.len != 0) {
        sw_h2_list_add(l, SW_STR(":authority"), authority);
    }
    sw_h2_list_add(l, SW_STR(":path"), path.len != 0 ? path : SW_STR("/"));
    sw_h2_list_add_fields(l, &head->fields);
}

/* 0, or an error of nghttp2's. */
static int submit(sw_h2_call *call)
{
    sw_h2_flow *f = &call->flow;
    const sw_http_fields *fields = &f->x->request.fields;
    char digits[24];
    bool is_declared;
    uint64_t length = sw_h2_flow_length(f, fields, &is_declared);
    sw_h2_list l;
    if (!sw_h2_list_init(&l, f->wire->budget, (size_t)fields->count + 5)) {
        return NGHTTP2_ERR_NOMEM;
    }
    list_head(&l, f->x, f->wire->io->is_secure);
    if (!is_declared && length != SW_HTTP_LENGTH_UNKNOWN &&
        (length != 0 || !may_lack_length(f->x))) {
        int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)length);
        sw_h2_list_add(&l, SW_STR("content-length"), (sw_str){digits, (size_t)n});
    }
    bool has_no_body = sw_h2_flow_is_empty(f) && f->x->out->state == SW_PIPE_FINISHED &&
                       (length == 0 || !is_declared);
    nghttp2_data_provider body = sw_h2_flow_body(f);
    f->left_bytes = length;
    f->id =
        nghttp2_submit_request(f->wire->ng, NULL, l.at, l.count, has_no_body ? NULL : &body, call);
    sw_h2_list_clear(&l);
    return f->id < 0 ? f->id : 0;
}

static void before_send(sw_h2_wire *w)
{
    sw_h2_client *c = client_of(w);
    sw_h2_call *call;
    while ((call = c->due) != NULL) {
        if (nghttp2_session_check_request_allowed(w->ng) == 0) {
            c->is_leaving = true;
            give_back(call);
            free_call(call);
            continue;
        }
        bool was_failed = call->flow.x->out->state == SW_PIPE_FAILED;
        int result = was_failed ? NGHTTP2_ERR_INVALID_STATE : submit(call);
        if (result != 0) {
            finish(call, was_failed ? SW_HTTP_E_REQUEST_BODY_SIZE : SW_HTTP_E_INTERNAL_ERROR, true);
            continue;
        }
        leave_due(call);
        call->flow.is_submitted = true;
        call->flow.out_ns = call->flow.in_ns = sw_h2_flow_now(&call->flow);
    }
}

/* ---- Responses --------------------------------------------------------------------------------
 */

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    (void)ng;
    sw_h2_call *call = find_call(client_of(arg), frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_PUSH_PROMISE) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (call != NULL) {
        call->head_bytes = 0;
        if (call->flow.x != NULL && !call->has_head) {
            sw_http_head_reset(&call->flow.x->response);
        }
    }
    return 0;
}

static sw_status add_field(sw_h2_call *call, sw_str name, sw_str value)
{
    const sw_h2_client_limits *limits = &call->client->limits;
    sw_exchange *x = call->flow.x;
    uint64_t status;
    call->head_bytes += name.len + value.len + SW_HTTP_FIELD_COST;
    if (call->head_bytes > limits->head_bytes || x->response.fields.count >= limits->head_fields) {
        return SW_LIMIT;
    }
    if (call->has_head) {
        return sw_http_fields_append(&x->in_trailers, name, value);
    }
    if (!sw_str_eq(name, SW_STR(":status"))) {
        return sw_http_fields_append(&x->response.fields, name, value);
    }
    if (value.len != 3 || !sw_http_read_length(value, &status) || status < 100) {
        return SW_MALFORMED;
    }
    x->response.status = (uint16_t)status;
    x->response.version = 20;
    return SW_OK;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
    (void)ng, (void)flags;
    sw_h2_call *call = find_call(client_of(arg), frame->hd.stream_id);
    if (call == NULL || call->flow.x == NULL || frame->hd.type != NGHTTP2_HEADERS) {
        return 0;
    }
    sw_status st = add_field(call, (sw_str){(const char *)name, name_len},
                             (sw_str){(const char *)value, value_len});
    if (st != SW_OK) {
        bool has_head = call->has_head;
        cut(call, NGHTTP2_CANCEL,
            st == SW_LIMIT
                ? has_head ? SW_HTTP_E_RESPONSE_TRAILERS_SIZE : SW_HTTP_E_RESPONSE_HEAD_SIZE
            : st == SW_NO_MEMORY ? SW_HTTP_E_INTERNAL_ERROR
                                 : SW_HTTP_E_PROTOCOL_ERROR);
    }
    return 0;
}

static void end_in(sw_h2_call *call)
{
    sw_h2_flow_end_in(&call->flow);
    if (call->flow.x != NULL &&
        !call->flow.is_sent) { /* it needs the rest of the request no more */
        cut(call, NGHTTP2_NO_ERROR, SW_HTTP_E_NONE);
    }
}

static void read_length(sw_exchange *x, bool has_ended)
{
    sw_str text;
    x->in_length = has_ended ? 0 : SW_HTTP_LENGTH_UNKNOWN;
    if (!has_ended && sw_http_fields_get(&x->response.fields, SW_STR("content-length"), &text)) {
        (void)!sw_http_read_length(text, &x->in_length);
    }
}

static void head_is_there(sw_h2_call *call, bool has_ended)
{
    sw_exchange *x = call->flow.x;
    if (x->response.status < 200) {
        if (x->response.status == 101 || has_ended) {
            cut(call, NGHTTP2_PROTOCOL_ERROR, SW_HTTP_E_PROTOCOL_ERROR);
        } else if (x->events != NULL && x->events->on_informational != NULL) {
            x->events->on_informational(x);
        }
        return;
    }
    call->has_head = true;
    x->has_responded = true;
    x->head_ns = call->flow.in_ns = sw_h2_flow_now(&call->flow);
    read_length(x, has_ended);
    if (has_ended && x->in->state == SW_PIPE_OPEN) {
        sw_pipe_finish(x->in);
    }
    if (x->events != NULL && x->events->on_head != NULL) {
        x->events->on_head(x);
    }
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    (void)ng;
    sw_h2_client *c = client_of(arg);
    bool is_stream = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    bool has_ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    c->is_leaving |= frame->hd.type == NGHTTP2_GOAWAY;
    sw_h2_call *call = is_stream ? find_call(c, frame->hd.stream_id) : NULL;
    if (call == NULL) {
        return 0;
    }
    if (frame->hd.type == NGHTTP2_HEADERS && call->flow.x != NULL && !call->has_head) {
        head_is_there(call, has_ended);
    }
    if (has_ended) {
        end_in(call);
    }
    return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                   void *arg)
{
    (void)flags;
    sw_h2_call *call = find_call(client_of(arg), id);
    if (call == NULL) {
        (void)nghttp2_session_consume_connection(ng, len);
    } else if (sw_h2_flow_receive(&call->flow, (sw_bytes){data, len}, UINT64_MAX,
                                  SW_HTTP_E_RESPONSE_BODY_SIZE) != SW_OK) {
        cut(call, NGHTTP2_CANCEL, SW_HTTP_E_INTERNAL_ERROR);
    }
    return 0;
}

static int on_frame_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    (void)ng;
    bool is_ours = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
        client_of(arg)->server_is_wrong = true;
    }
    if (is_ours && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        sw_h2_call *call = find_call(client_of(arg), frame->hd.stream_id);
        if (call != NULL) {
            call->flow.is_sent = true;
            call->flow.out_ns = sw_h2_flow_now(&call->flow);
        }
    }
    return 0;
}

static sw_http_error error_of(const sw_h2_call *call, uint32_t code)
{
    const sw_pipe *out = call->flow.x->out;
    if (code == NGHTTP2_NO_ERROR && call->flow.has_ended_in) {
        return SW_HTTP_E_NONE;
    }
    if (call->flow.is_submitted && !call->flow.is_sent && code == NGHTTP2_INTERNAL_ERROR &&
        out->state != SW_PIPE_OPEN) { /* our own doing: the body was not as declared */
        return SW_HTTP_E_REQUEST_BODY_SIZE;
    }
    switch (code) {
    case NGHTTP2_REFUSED_STREAM:
    case NGHTTP2_ENHANCE_YOUR_CALM: return SW_HTTP_E_CONNECTION_LIMIT_REACHED;
    case NGHTTP2_PROTOCOL_ERROR:
    case NGHTTP2_FLOW_CONTROL_ERROR: return SW_HTTP_E_PROTOCOL_ERROR;
    default:
        return call->has_head ? SW_HTTP_E_RESPONSE_INCOMPLETE : SW_HTTP_E_CONNECTION_TERMINATED;
    }
}

static int on_stream_closed(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
    (void)ng;
    sw_h2_call *call = find_call(client_of(arg), id);
    if (call == NULL) {
        return 0;
    }
    const sw_exchange *x = call->flow.x;
    if (x != NULL && code == NGHTTP2_REFUSED_STREAM && !call->has_head && x->out_bytes == 0) {
        give_back(call);
    } else if (x != NULL) {
        finish(call, error_of(call, code), true);
    }
    free_call(call);
    return 0;
}

/* ---- What the handler does --------------------------------------------------------------------
 */

static void op_none(sw_exchange *x)
{
    (void)x;
}

static void op_informational(sw_exchange *x, uint16_t status, const sw_http_fields *fields)
{
    (void)x, (void)status, (void)fields;
}

static void op_abort(sw_exchange *x, sw_http_error why)
{
    cut(x->connection, NGHTTP2_CANCEL, why);
}

static void op_release(sw_exchange *x)
{
    cut(x->connection, NGHTTP2_CANCEL, SW_HTTP_E_INTERNAL_ERROR);
}

static const sw_exchange_ops OPS = {.respond = op_none,
                                    .informational = op_informational,
                                    .want_body = op_none,
                                    .abort = op_abort,
                                    .release = op_release};

bool sw_h2_client_has_room(const sw_h2_client *c)
{
    if (c->is_leaving || c->wire.is_ended) {
        return false;
    }
    uint32_t theirs =
        nghttp2_session_get_remote_settings(c->wire.ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return c->call_count < SW_MIN(c->limits.streams, theirs) &&
           nghttp2_session_check_request_allowed(c->wire.ng) != 0;
}

sw_status sw_h2_client_send(sw_h2_client *c, sw_exchange *x, const sw_h2_client_times *times,
                            void *tag)
{
    sw_h2_call *call = sw_alloc(c->wire.budget, sizeof *call);
    if (call == NULL) {
        return SW_NO_MEMORY;
    }
    *call = (sw_h2_call){
        .flow = {.wire = &c->wire, .x = x},
        .client = c,
        .times = *times,
        .tag = tag,
        .next = c->calls
    };
    if (c->calls != NULL) {
        c->calls->prev = call;
    }
    c->calls = call;
    c->call_count++;
    call->is_due = true;
    *c->due_end = call;
    c->due_end = &call->next_due;
    x->ops = &OPS;
    x->connection = call;
    x->in_length = SW_HTTP_LENGTH_UNKNOWN;
    sw_h2_flow_begin(&call->flow);
    sw_h2_wire_kick(&c->wire);
    return SW_OK;
}

/* ---- Time -------------------------------------------------------------------------------------
 */

/* When the exchange will have waited too long, and what to call it. */
static uint64_t deadline_of(const sw_h2_call *call, sw_http_error *ret_why)
{
    const sw_h2_flow *f = &call->flow;
    uint64_t since = SW_NEVER, wait = 0;
    if (f->x == NULL || !f->is_submitted) {
        return SW_NEVER;
    }
    if (!f->is_sent && f->x->out->used != 0) {
        *ret_why = SW_HTTP_E_CONNECTION_WRITE_TIMEOUT;
        since = f->out_ns;
        wait = call->times.between_bytes_ns;
    } else if (f->is_sent && !call->has_head) {
        *ret_why = SW_HTTP_E_CONNECTION_READ_TIMEOUT;
        since = f->out_ns;
        wait = call->times.first_byte_ns;
    } else if (call->has_head && !f->has_ended_in && f->x->in->used == 0) {
        *ret_why = SW_HTTP_E_CONNECTION_READ_TIMEOUT;
        since = f->in_ns;
        wait = call->times.between_bytes_ns;
    }
    return wait == 0 || wait > SW_NEVER - since ? SW_NEVER : since + wait;
}

static void on_timer(sw_loop_timer *timer);

static void set_timer(sw_h2_client *c)
{
    uint64_t first = SW_NEVER;
    sw_http_error why;
    for (const sw_h2_call *call = c->calls; call != NULL; call = call->next) {
        first = SW_MIN(first, deadline_of(call, &why));
    }
    sw_loop_timer_start(c->wire.loop, &c->timer, first, on_timer);
}

static sw_h2_call *find_overdue(const sw_h2_client *c, uint64_t now, sw_http_error *ret_why)
{
    for (sw_h2_call *call = c->calls; call != NULL; call = call->next) {
        if (deadline_of(call, ret_why) <= now) {
            return call;
        }
    }
    return NULL;
}

static void on_timer(sw_loop_timer *timer)
{
    sw_h2_client *c = SW_CONTAINER_OF(timer, sw_h2_client, timer);
    sw_http_error why = SW_HTTP_E_NONE;
    sw_h2_call *call;
    while ((call = find_overdue(c, sw_loop_now(c->wire.loop), &why)) != NULL) {
        cut(call, NGHTTP2_CANCEL, why);
    }
    sw_h2_wire_kick(&c->wire); /* sets the timer anew */
}

/* ---- Life -------------------------------------------------------------------------------------
 */

static void after(sw_h2_wire *w)
{
    set_timer(client_of(w));
}

static void drop_calls(sw_h2_client *c, sw_http_error why, bool tells)
{
    while (c->calls != NULL) {
        sw_h2_call *call = c->calls;
        bool was_due = call->is_due;
        if (was_due && tells) {
            give_back(call);
        } else {
            finish(call, why, tells);
            if (was_due) {
                continue; /* finish has freed it */
            }
        }
        free_call(call);
    }
}

static void on_end(sw_h2_wire *w, int why)
{
    sw_h2_client *c = client_of(w);
    c->is_leaving = true;
    sw_loop_timer_stop(w->loop, &c->timer);
    drop_calls(c,
               why == -EPROTO || c->server_is_wrong ? SW_HTTP_E_PROTOCOL_ERROR
                                                    : SW_HTTP_E_CONNECTION_TERMINATED,
               true);
    sw_h2_wire_clear(w);
    c->events->on_closed(c);
}

static const sw_h2_wire_events EVENTS = {
    .before_send = before_send, .after = after, .on_end = on_end};

static sw_status make_ng(sw_h2_client *c)
{
    nghttp2_option *option;
    nghttp2_session_callbacks *callbacks;
    SW_TRY(sw_h2_wire_setup(&option, &callbacks));
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, sw_h2_flow_send_data);
    sw_status status = sw_h2_wire_init(&c->wire, false, callbacks, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return status;
}

static bool introduce(sw_h2_client *c)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH,          0                   },
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,  c->limits.pipe_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, c->limits.head_bytes},
    };
    int32_t window = (int32_t)SW_MIN((uint64_t)c->limits.pipe_bytes * CONNECTION_WINDOW_STREAMS,
                                     (uint64_t)1 << 30);
    return nghttp2_submit_settings(c->wire.ng, NGHTTP2_FLAG_NONE, settings, SW_COUNTOF(settings)) ==
               0 &&
           nghttp2_session_set_local_window_size(c->wire.ng, NGHTTP2_FLAG_NONE, 0, window) == 0;
}

sw_status sw_h2_client_init(sw_h2_client *c, sw_loop *loop, sw_budget *budget,
                            const sw_h2_client_limits *limits, sw_io *io, uint8_t *scratch,
                            const sw_h2_client_events *events)
{
    *c = (sw_h2_client){
        .events = events,
        .limits = *limits,
        .wire = {.events = &EVENTS, .io = io, .loop = loop, .budget = budget, .scratch = scratch}
    };
    c->due_end = &c->due;
    if (make_ng(c) != SW_OK || !introduce(c) || sw_h2_wire_start(&c->wire) != SW_OK) {
        sw_h2_wire_clear(&c->wire);
        io->ops->close(io);
        return SW_NO_MEMORY;
    }
    sw_h2_wire_kick(&c->wire);
    return SW_OK;
}

void sw_h2_client_clear(sw_h2_client *c, sw_http_error why)
{
    sw_loop_timer_stop(c->wire.loop, &c->timer);
    drop_calls(c, why, false);
    sw_h2_wire_clear(&c->wire);
}
