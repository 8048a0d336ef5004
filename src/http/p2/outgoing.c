/* wasi:http 0.2: what a guest makes: requests for a client, responses on a server, their bodies. */
#include "http/p2/types.h"

#include "wasi/core/poll.h"

#include <errno.h>
#include <poll.h>

/* ---- The body as a stream -------------------------------------------------------------------- */

static http_outgoing *of_body(const sw_p2_io *io)
{
    return SW_CONTAINER_OF(io, http_outgoing, body);
}

/* Where the guest's bytes go now. */
static sw_pipe *pipe_of(http_outgoing *out)
{
    return out->other != NULL ? out->other->x->out : &out->early;
}

/* Asks for room, and so hears of it when there is none now. */
static bool is_writable(const sw_source *source, short events)
{
    http_outgoing *out = SW_CONTAINER_OF(source, http_outgoing, writable);
    sw_pipe *pipe = pipe_of(out);
    bool has_early = out->other != NULL && out->has_early && out->early.used != 0;
    bool has_room = sw_pipe_room(pipe) != 0;
    return (events & POLLOUT) != 0 && (pipe->state != SW_PIPE_OPEN || (!has_early && has_room));
}

/* What was written before the message was sent goes first. */
static sw_status move_early(http_outgoing *out)
{
    struct iovec pieces[2];
    sw_pipe *to = out->other->x->out;
    while (out->has_early && out->early.used != 0 && sw_pipe_room(to) != 0) {
        size_t written;
        (void)sw_pipe_peek(&out->early, pieces);
        SW_TRY(sw_pipe_write(to, (sw_bytes){pieces[0].iov_base, pieces[0].iov_len}, &written));
        sw_pipe_consume(&out->early, written);
    }
    return SW_OK;
}

/* There is room in the exchange's pipe, or it has ended. */
static void on_writable(sw_pipe *pipe, void *arg)
{
    http_outgoing *out = arg;
    if (move_early(out) != SW_OK) {
        sw_pipe_fail(pipe, SW_HTTP_E_INTERNAL_ERROR);
    }
    sw_source_notify(&out->writable);
}

static int fail_body(sw_p2_io *io, uint32_t code)
{
    io->error.code = code;
    return SW_P2_FAILED;
}

static uint32_t size_error(const http_outgoing *out)
{
    return out->is_response ? SW_HTTP_E_RESPONSE_BODY_SIZE : SW_HTTP_E_REQUEST_BODY_SIZE;
}

static int room(sw_p2_io *io, size_t *ret_len)
{
    http_outgoing *out = of_body(io);
    sw_pipe *pipe = pipe_of(out);
    if (out->is_finished || pipe->state == SW_PIPE_CLOSED || pipe->state == SW_PIPE_FINISHED) {
        return SW_P2_CLOSED;
    }
    if (pipe->state == SW_PIPE_FAILED) {
        return fail_body(io, pipe->code);
    }
    bool has_early = out->other != NULL && out->has_early && out->early.used != 0;
    *ret_len = has_early ? 0 : sw_pipe_room(pipe);
    return SW_P2_DONE;
}

static int write_body(sw_p2_io *io, const uint8_t *from, size_t len, size_t *ret_len)
{
    http_outgoing *out = of_body(io);
    size_t most;
    int outcome = room(io, &most);
    if (outcome != SW_P2_DONE) {
        return outcome;
    }
    if (out->length != SW_HTTP_LENGTH_UNKNOWN && len > out->length - out->written) {
        return fail_body(io, size_error(out));
    }
    sw_status st = sw_pipe_write(pipe_of(out), (sw_bytes){from, SW_MIN(len, most)}, ret_len);
    if (st != SW_OK) {
        return ENOMEM;
    }
    out->written += *ret_len;
    return SW_P2_DONE;
}

static void free_body(sw_p2 *p, sw_p2_io *io)
{
    (void)p;
    http_outgoing_unref(of_body(io));
}

static const sw_p2_io_ops BODY = {.room = room, .write = write_body, .free = free_body};

/* ---- Life ------------------------------------------------------------------------------------ */

http_outgoing *http_outgoing_ref(http_outgoing *out)
{
    out->references++;
    return out;
}

void http_outgoing_unref(http_outgoing *out)
{
    if (--out->references != 0) {
        return;
    }
    sw_p2 *p = out->p2;
    if (out->other != NULL) {
        out->other->x->out->on_writable = NULL;
        http_incoming_unref(out->other);
    }
    if (out->has_early) {
        sw_pipe_unref(&out->early);
    }
    sw_http_fields_clear(&out->trailers);
    sw_http_head_clear(&out->head);
    sw_free(p->budget, out, sizeof *out);
}

/* What the guest promises of the body's length. Two different promises are none. */
static uint64_t promised_length(const sw_http_fields *fields)
{
    sw_str value;
    uint64_t length;
    bool is_one = sw_http_fields_get(fields, SW_STR("content-length"), &value) &&
                  sw_http_read_length(value, &length);
    return is_one ? length : SW_HTTP_LENGTH_UNKNOWN;
}

sw_trap http_outgoing_new(sw_host_call *call, uint32_t fields, bool is_response,
                          http_outgoing **ret_out)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    http_outgoing *out = sw_alloc(p->budget, sizeof *out);
    if (out == NULL) {
        return http_no_memory(call);
    }
    out->references = 1;
    out->p2 = p;
    out->is_response = is_response;
    out->body =
        (sw_p2_io){.ops = &BODY, .source = &out->writable, .error.describe = http_describe_error};
    sw_source_init(&out->writable, is_writable);
    sw_http_head_init(&out->head, p->budget, HTTP_FIELDS_MAX, HTTP_FIELDS_MAX_BYTES);
    sw_http_fields_init(&out->trailers, p->budget, HTTP_FIELDS_MAX, HTTP_FIELDS_MAX_BYTES);
    out->head.status = 200;
    sw_trap trap = http_fields_take(call, fields, &out->head.fields);
    if (trap != SW_TRAP_NONE) {
        http_outgoing_unref(out);
        return trap;
    }
    out->length = promised_length(&out->head.fields);
    *ret_out = out;
    return SW_TRAP_NONE;
}

static void drop_reference(sw_p2 *p, void *body)
{
    (void)p;
    http_outgoing_unref(body);
}

const sw_p2_type HTTP_OUTGOING_REQUEST = {"outgoing-request", drop_reference};
const sw_p2_type HTTP_OUTGOING_RESPONSE = {"outgoing-response", drop_reference};
HTTP_DROP(outgoing_request, HTTP_OUTGOING_REQUEST)
HTTP_DROP(outgoing_response, HTTP_OUTGOING_RESPONSE)

/* ---- Sending --------------------------------------------------------------------------------- */

/* The end of a body that is being sent, once all of it is in the exchange's pipe. Waits for that.
 */
static sw_trap complete(sw_host_call *call, http_outgoing *out)
{
    sw_exchange *x = out->other->x;
    while (out->has_early && out->early.used != 0 && x->out->state == SW_PIPE_OPEN) {
        sw_poll_item item = {
            .fd = -1, .events = POLLOUT, .deadline_ns = UINT64_MAX, .source = &out->writable};
        P2_TRY(sw_poll_wait(call->store, &item, 1));
    }
    if (sw_http_fields_copy(&x->out_trailers, &out->trailers) != SW_OK) {
        sw_exchange_abort(x, SW_HTTP_E_INTERNAL_ERROR);
    }
    sw_pipe_finish(x->out);
    return SW_TRAP_NONE;
}

static void cut(http_outgoing *out, sw_http_error why)
{
    out->is_broken = true;
    if (out->other != NULL) {
        sw_exchange_abort(out->other->x, why);
    }
}

sw_trap http_outgoing_attach(sw_host_call *call, http_outgoing *out, http_incoming *in)
{
    out->other = http_incoming_ref(in);
    in->x->out->on_writable = on_writable;
    in->x->out->on_writable_arg = out;
    if (out->is_broken) {
        cut(out, SW_HTTP_E_INTERNAL_ERROR);
        return SW_TRAP_NONE;
    }
    if (move_early(out) != SW_OK) {
        return http_no_memory(call);
    }
    sw_source_notify(&out->writable);
    return out->is_finished || !out->has_body ? complete(call, out) : SW_TRAP_NONE;
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

static sw_trap get(sw_host_call *call, uint32_t rep, const sw_p2_type *type, http_outgoing **ret)
{
    void *body;
    P2_TRY(sw_p2_get_other(call, rep, type, &body));
    *ret = body;
    return SW_TRAP_NONE;
}

static sw_trap take_body(http_outgoing *out, sw_wit_result_handle_none *ret)
{
    ret->is_err = out->has_body;
    if (out->has_body) {
        return SW_TRAP_NONE;
    }
    out->has_body = true;
    return sw_p2_add_other(out->p2, &HTTP_OUTGOING_BODY, http_outgoing_ref(out), &ret->ok);
}

HTTP_FN(outgoing_request_body)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_REQUEST, &out));
    return take_body(out, ret);
}

HTTP_FN(outgoing_response_body)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_RESPONSE, &out));
    return take_body(out, ret);
}

/* Dropped without finish: what was sent of it must not pass for the whole. */
static void drop_body(sw_p2 *p, void *body)
{
    (void)p;
    http_outgoing *out = body;
    if (!out->is_finished) {
        out->is_finished = true;
        cut(out, SW_HTTP_E_INTERNAL_ERROR);
    }
    http_outgoing_unref(out);
}

const sw_p2_type HTTP_OUTGOING_BODY = {"outgoing-body", drop_body};
HTTP_DROP(outgoing_body, HTTP_OUTGOING_BODY)

HTTP_FN(outgoing_body_write)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_BODY, &out));
    ret->is_err = out->has_stream;
    if (out->has_stream) {
        return SW_TRAP_NONE;
    }
    out->has_stream = true;
    if (out->other == NULL) {
        out->has_early = true;
        sw_pipe_init(&out->early, out->p2->budget, HTTP_EARLY_BYTES);
    }
    (void)http_outgoing_ref(out);
    return sw_p2_add_output(out->p2, sw_p2_io_ref(&out->body), &ret->ok);
}

/* Whether fewer bytes were written than promised, where a body belongs to the message. */
static bool is_short(const http_outgoing *out)
{
    if (out->length == SW_HTTP_LENGTH_UNKNOWN || out->written == out->length) {
        return false;
    }
    bool is_bodyless = out->is_response && out->other != NULL &&
                       (out->other->x->request.method == SW_HTTP_HEAD || out->head.status == 304);
    return !is_bodyless || out->written != 0;
}

static sw_trap finish_body(sw_host_call *call, http_outgoing *out, uint32_t trailers,
                           sw_wit_result_none_wasi_http_types_error_code *ret)
{
    if (trailers != 0) {
        P2_TRY(http_fields_take(call, trailers - 1, &out->trailers));
    }
    ret->is_err = is_short(out);
    if (ret->is_err) {
        ret->err = http_error_code_of(size_error(out));
        ret->err.http_request_body_size = (sw_wit_option_u64){true, out->written};
        cut(out, size_error(out));
        return SW_TRAP_NONE;
    }
    if (out->other == NULL) {
        return SW_TRAP_NONE;
    }
    P2_TRY(complete(call, out));
    const sw_exchange *x = out->other->x;
    ret->is_err = x->has_ended && x->error != SW_HTTP_E_NONE;
    if (ret->is_err) {
        ret->err = http_error_code_of(x->error);
    }
    return SW_TRAP_NONE;
}

HTTP_FN(outgoing_body_finish)
{
    void *body;
    P2_TRY(sw_p2_take_other(call, params->this, &HTTP_OUTGOING_BODY, &body));
    http_outgoing *out = body;
    sw_trap trap = SW_TRAP_HOST;
    out->is_finished = true;
    if (out->body.references != 0) {
        sw_store_explain_trap(call->store, "outgoing-body.finish while its stream is there");
    } else {
        /* A representation may be 0, so it is passed on plus one; the highest cannot occur. */
        trap =
            finish_body(call, out, params->trailers.is_some ? params->trailers.value + 1 : 0, ret);
    }
    http_outgoing_unref(out);
    return trap;
}

/* ---- Responses ------------------------------------------------------------------------------- */

HTTP_FN(outgoing_response_new)
{
    http_outgoing *out;
    P2_TRY(http_outgoing_new(call, params->headers, true, &out));
    return sw_p2_add_other(out->p2, &HTTP_OUTGOING_RESPONSE, out, ret);
}

HTTP_FN(outgoing_response_status_code)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_RESPONSE, &out));
    *ret = out->head.status;
    return SW_TRAP_NONE;
}

/* What is below 200 is no response, but an announcement of one. */
HTTP_FN(outgoing_response_set_status_code)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_RESPONSE, &out));
    ret->is_err = params->status_code < 200 || params->status_code > 999;
    if (!ret->is_err) {
        out->head.status = params->status_code;
    }
    return SW_TRAP_NONE;
}

HTTP_FN(outgoing_response_headers)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_RESPONSE, &out));
    return http_fields_view(out->p2, &out->head.fields, NULL, out, ret);
}

/* ---- Requests -------------------------------------------------------------------------------- */

HTTP_FN(outgoing_request_new)
{
    http_outgoing *out;
    P2_TRY(http_outgoing_new(call, params->headers, false, &out));
    return sw_p2_add_other(out->p2, &HTTP_OUTGOING_REQUEST, out, ret);
}

HTTP_FN(outgoing_request_headers)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_REQUEST, &out));
    return http_fields_view(out->p2, &out->head.fields, NULL, out, ret);
}

HTTP_FN(outgoing_request_method)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_REQUEST, &out));
    ret->tag = (uint8_t)out->head.method;
    if (out->head.method == SW_HTTP_OTHER) {
        ret->other = sw_http_head_part(&out->head, SW_HTTP_METHOD);
    }
    return SW_TRAP_NONE;
}

HTTP_FN(outgoing_request_set_method)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_REQUEST, &out));
    sw_str name = params->method.tag == SW_WASI_HTTP_TYPES_METHOD_OTHER
                      ? params->method.other
                      : sw_http_method_name((sw_http_method)params->method.tag);
    sw_status st = sw_http_head_set_method(&out->head, name);
    ret->is_err = st == SW_ARGUMENT;
    return st == SW_OK || ret->is_err ? SW_TRAP_NONE : http_no_memory(call);
}

static sw_trap set_part(sw_host_call *call, http_outgoing *out, sw_http_part part, sw_str text,
                        bool is_valid, sw_wit_result_none_none *ret)
{
    ret->is_err = !is_valid || text.len > HTTP_FIELDS_MAX_BYTES;
    if (ret->is_err || sw_http_head_set_part(&out->head, part, text) == SW_OK) {
        return SW_TRAP_NONE;
    }
    return http_no_memory(call);
}

static sw_wit_option_string get_part(const http_outgoing *out, bool is_some, sw_http_part part)
{
    return (sw_wit_option_string){is_some, sw_http_head_part(&out->head, part)};
}

/* Also a query alone, and nothing: what is sent begins with a slash all the same. */
static bool is_path(sw_str s)
{
    bool is_short_form = s.len > 0 && s.ptr[0] == '?';
    for (size_t i = 0; i < s.len && is_short_form; i++) {
        is_short_form = (sw_http_class[(uint8_t)s.ptr[i]] & SW_HTTP_CLASS_PATH) != 0;
    }
    return s.len == 0 || is_short_form || sw_http_is_path(s);
}

HTTP_FN(outgoing_request_path_with_query)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_REQUEST, &out));
    *ret = get_part(out, out->has_path, SW_HTTP_PATH);
    return SW_TRAP_NONE;
}

HTTP_FN(outgoing_request_set_path_with_query)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_REQUEST, &out));
    sw_str text = params->path_with_query.is_some ? params->path_with_query.value : (sw_str){};
    P2_TRY(set_part(call, out, SW_HTTP_PATH, text, is_path(text), ret));
    out->has_path = ret->is_err ? out->has_path : params->path_with_query.is_some;
    return SW_TRAP_NONE;
}

HTTP_FN(outgoing_request_authority)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_REQUEST, &out));
    *ret = get_part(out, out->has_authority, SW_HTTP_AUTHORITY);
    return SW_TRAP_NONE;
}

HTTP_FN(outgoing_request_set_authority)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_REQUEST, &out));
    bool is_some = params->authority.is_some;
    sw_str text = is_some ? params->authority.value : (sw_str){};
    P2_TRY(
        set_part(call, out, SW_HTTP_AUTHORITY, text, !is_some || sw_http_is_authority(text), ret));
    out->has_authority = ret->is_err ? out->has_authority : is_some;
    return SW_TRAP_NONE;
}

HTTP_FN(outgoing_request_scheme)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_REQUEST, &out));
    ret->is_some = out->has_scheme;
    ret->value.tag = out->scheme;
    ret->value.other = sw_http_head_part(&out->head, SW_HTTP_SCHEME);
    return SW_TRAP_NONE;
}

HTTP_FN(outgoing_request_set_scheme)
{
    http_outgoing *out;
    P2_TRY(get(call, params->self, &HTTP_OUTGOING_REQUEST, &out));
    static const sw_str NAMES[] = {SW_STR_INIT("http"), SW_STR_INIT("https")};
    bool is_some = params->scheme.is_some;
    uint8_t tag = is_some ? params->scheme.value.tag : 0;
    sw_str text = !is_some ? (sw_str){} : tag < 2 ? NAMES[tag] : params->scheme.value.other;
    P2_TRY(set_part(call, out, SW_HTTP_SCHEME, text, !is_some || sw_http_is_scheme(text), ret));
    if (!ret->is_err) {
        out->has_scheme = is_some;
        out->scheme = tag;
    }
    return SW_TRAP_NONE;
}
