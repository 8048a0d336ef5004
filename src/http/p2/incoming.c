/* wasi:http 0.2: what comes: requests on a server, responses on a client, their bodies. */
#include "http/p2/types.h"

#include <poll.h>

/* ---- The exchange ---------------------------------------------------------------------------- */

http_incoming *http_incoming_ref(http_incoming *in)
{
    in->references++;
    return in;
}

void http_incoming_unref(http_incoming *in)
{
    if (in == NULL || --in->references != 0) {
        return;
    }
    sw_p2 *p = in->p2;
    sw_exchange_release(in->x);
    sw_free(p->budget, in, sizeof *in);
}

/* ---- The body as a stream -------------------------------------------------------------------- */

static http_incoming *of_body(const sw_p2_io *io)
{
    return SW_CONTAINER_OF(io, http_incoming, body);
}

static int read_body(sw_p2_io *io, uint8_t *to, size_t len, size_t *ret_len)
{
    http_incoming *in = of_body(io);
    sw_pipe *pipe = in->x->in;
    if (!sw_pipe_is_drained(pipe)) {
        *ret_len = sw_pipe_read(pipe, to, len);
        return SW_P2_DONE;
    }
    if (pipe->state != SW_PIPE_FAILED || in->is_discarded) {
        return SW_P2_CLOSED;
    }
    io->error.code = pipe->code;
    return SW_P2_FAILED;
}

static size_t available(sw_p2_io *io)
{
    return of_body(io)->x->in->used;
}

static void free_body(sw_p2 *p, sw_p2_io *io)
{
    (void)p;
    http_incoming_unref(of_body(io));
}

static void free_answered(sw_p2 *p, sw_p2_io *io)
{
    (void)p;
    http_incoming_unref(SW_CONTAINER_OF(io, http_incoming, answered));
}

/* A response is there, or will never be. */
static bool has_arrived(const sw_source *source, short events)
{
    (void)events;
    const http_incoming *in = SW_CONTAINER_OF(source, http_incoming, arrival);
    return in->x->has_responded || in->x->has_ended;
}

static const sw_p2_io_ops BODY = {.read = read_body, .available = available, .free = free_body};
static const sw_p2_io_ops ANSWERED = {.free = free_answered};

sw_trap http_incoming_new(sw_p2 *p, sw_exchange *x, bool is_response, http_incoming **ret_in)
{
    http_incoming *in = sw_alloc(p->budget, sizeof *in);
    if (in == NULL) {
        sw_exchange_release(x);
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    *in = (http_incoming){.references = 1, .x = x, .p2 = p, .is_response = is_response};
    in->body =
        (sw_p2_io){.ops = &BODY, .source = &x->in->readable, .error.describe = http_describe_error};
    sw_source_init(&in->arrival, has_arrived);
    in->answered = (sw_p2_io){.ops = &ANSWERED, .source = &in->arrival};
    *ret_in = in;
    return SW_TRAP_NONE;
}

/* One more reference to the stream, or to the arrival: the first brings one to the whole. */
static sw_p2_io *use_io(http_incoming *in, sw_p2_io *io)
{
    if (io->references == 0) {
        (void)http_incoming_ref(in);
    }
    return sw_p2_io_ref(io);
}

sw_http_fields *http_incoming_fields(http_incoming *in)
{
    return in->is_response ? &in->x->response.fields : &in->x->request.fields;
}

/* The rest of a body that nobody wants is dropped as it comes, so that trailers get through. */
static void discard(sw_pipe *pipe, void *arg)
{
    (void)arg;
    sw_pipe_consume(pipe, pipe->used);
}

/* ---- Requests and responses ------------------------------------------------------------------ */

static void drop_message(sw_p2 *p, void *body)
{
    (void)p;
    http_incoming *in = body;
    if (!in->has_body) {
        sw_pipe_close(in->x->in);
    }
    http_incoming_unref(in);
}

static void drop_reference(sw_p2 *p, void *body)
{
    (void)p;
    http_incoming_unref(body);
}

const sw_p2_type HTTP_INCOMING_REQUEST = {"incoming-request", drop_message};
const sw_p2_type HTTP_INCOMING_RESPONSE = {"incoming-response", drop_message};
HTTP_DROP(incoming_request, HTTP_INCOMING_REQUEST)
HTTP_DROP(incoming_response, HTTP_INCOMING_RESPONSE)

static sw_trap get(sw_host_call *call, uint32_t rep, const sw_p2_type *type, http_incoming **ret)
{
    void *body;
    P2_TRY(sw_p2_get_other(call, rep, type, &body));
    *ret = body;
    return SW_TRAP_NONE;
}

HTTP_FN(incoming_request_method)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_INCOMING_REQUEST, &in));
    ret->tag = (uint8_t)in->x->request.method;
    if (in->x->request.method == SW_HTTP_OTHER) {
        ret->other = sw_http_head_part(&in->x->request, SW_HTTP_METHOD);
    }
    return SW_TRAP_NONE;
}

static sw_wit_option_string part_of(const sw_exchange *x, sw_http_part part)
{
    sw_str text = sw_http_head_part(&x->request, part);
    return (sw_wit_option_string){.is_some = text.len != 0, .value = text};
}

HTTP_FN(incoming_request_path_with_query)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_INCOMING_REQUEST, &in));
    *ret = part_of(in->x, SW_HTTP_PATH);
    return SW_TRAP_NONE;
}

HTTP_FN(incoming_request_authority)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_INCOMING_REQUEST, &in));
    *ret = part_of(in->x, SW_HTTP_AUTHORITY);
    return SW_TRAP_NONE;
}

HTTP_FN(incoming_request_scheme)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_INCOMING_REQUEST, &in));
    sw_str text = sw_http_head_part(&in->x->request, SW_HTTP_SCHEME);
    ret->is_some = text.len != 0;
    ret->value.tag = SW_WASI_HTTP_TYPES_SCHEME_OTHER;
    ret->value.other = text;
    if (sw_http_eq_lower(text, SW_STR("http"))) {
        ret->value.tag = SW_WASI_HTTP_TYPES_SCHEME_HTTP;
    } else if (sw_http_eq_lower(text, SW_STR("https"))) {
        ret->value.tag = SW_WASI_HTTP_TYPES_SCHEME_HTTPS;
    }
    return SW_TRAP_NONE;
}

HTTP_FN(incoming_request_headers)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_INCOMING_REQUEST, &in));
    return http_fields_view(in->p2, http_incoming_fields(in), in, NULL, ret);
}

HTTP_FN(incoming_response_headers)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_INCOMING_RESPONSE, &in));
    return http_fields_view(in->p2, http_incoming_fields(in), in, NULL, ret);
}

HTTP_FN(incoming_response_status)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_INCOMING_RESPONSE, &in));
    *ret = in->x->response.status;
    return SW_TRAP_NONE;
}

static sw_trap consume(http_incoming *in, sw_wit_result_handle_none *ret)
{
    ret->is_err = in->has_body;
    if (in->has_body) {
        return SW_TRAP_NONE;
    }
    in->has_body = true;
    return sw_p2_add_other(in->p2, &HTTP_INCOMING_BODY, http_incoming_ref(in), &ret->ok);
}

HTTP_FN(incoming_request_consume)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_INCOMING_REQUEST, &in));
    return consume(in, ret);
}

HTTP_FN(incoming_response_consume)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_INCOMING_RESPONSE, &in));
    return consume(in, ret);
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

static void drop_body(sw_p2 *p, void *body)
{
    (void)p;
    http_incoming *in = body;
    in->is_discarded = true;
    sw_pipe_close(in->x->in);
    http_incoming_unref(in);
}

const sw_p2_type HTTP_INCOMING_BODY = {"incoming-body", drop_body};
HTTP_DROP(incoming_body, HTTP_INCOMING_BODY)

HTTP_FN(incoming_body_stream)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_INCOMING_BODY, &in));
    ret->is_err = in->has_stream;
    if (in->has_stream) {
        return SW_TRAP_NONE;
    }
    in->has_stream = true;
    if (!in->is_response) {
        sw_exchange_want_body(in->x);
    }
    return sw_p2_add_input(in->p2, use_io(in, &in->body), &ret->ok);
}

HTTP_FN(incoming_body_finish)
{
    void *body;
    P2_TRY(sw_p2_take_other(call, params->this, &HTTP_INCOMING_BODY, &body));
    http_incoming *in = body;
    if (in->body.references != 0) {
        http_incoming_unref(in);
        sw_store_explain_trap(call->store, "incoming-body.finish while its stream is there");
        return SW_TRAP_HOST;
    }
    in->is_discarded = true;
    if (!in->is_response && in->x->in->state == SW_PIPE_OPEN) {
        sw_exchange_want_body(in->x);
    }
    in->x->in->on_readable = discard;
    sw_pipe_consume(in->x->in, in->x->in->used);
    return sw_p2_add_other(in->p2, &HTTP_FUTURE_TRAILERS, in, ret);
}

const sw_p2_type HTTP_FUTURE_TRAILERS = {"future-trailers", drop_reference};
HTTP_DROP(future_trailers, HTTP_FUTURE_TRAILERS)

HTTP_FN(future_trailers_subscribe)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_FUTURE_TRAILERS, &in));
    return sw_p2_add_pollable(in->p2, use_io(in, &in->body), POLLIN, ret);
}

HTTP_FN(future_trailers_get)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_FUTURE_TRAILERS, &in));
    const sw_pipe *pipe = in->x->in;
    ret->is_some = sw_pipe_is_drained(pipe);
    if (!ret->is_some) {
        return SW_TRAP_NONE;
    }
    ret->value.is_err = in->has_trailers;
    if (in->has_trailers) {
        return SW_TRAP_NONE;
    }
    in->has_trailers = true;
    ret->value.ok.is_err = pipe->state == SW_PIPE_FAILED;
    if (pipe->state == SW_PIPE_FAILED) {
        ret->value.ok.err = http_error_code_of(pipe->code);
        return SW_TRAP_NONE;
    }
    ret->value.ok.ok.is_some = in->x->in_trailers.count != 0;
    return in->x->in_trailers.count == 0
               ? SW_TRAP_NONE
               : http_fields_view(in->p2, &in->x->in_trailers, in, NULL, &ret->value.ok.ok.value);
}

/* ---- Responses that are awaited -------------------------------------------------------------- */

/* A guest that drops the future of a request takes it back. */
static void drop_future(sw_p2 *p, void *body)
{
    (void)p;
    http_incoming *in = body;
    if (!in->has_answer) {
        sw_exchange_abort(in->x, SW_HTTP_E_INTERNAL_ERROR);
    }
    http_incoming_unref(in);
}

const sw_p2_type HTTP_FUTURE_RESPONSE = {"future-incoming-response", drop_future};
HTTP_DROP(future_incoming_response, HTTP_FUTURE_RESPONSE)

HTTP_FN(future_incoming_response_subscribe)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_FUTURE_RESPONSE, &in));
    return sw_p2_add_pollable(in->p2, use_io(in, &in->answered), POLLIN, ret);
}

HTTP_FN(future_incoming_response_get)
{
    http_incoming *in;
    P2_TRY(get(call, params->self, &HTTP_FUTURE_RESPONSE, &in));
    ret->is_some = has_arrived(&in->arrival, POLLIN);
    if (!ret->is_some) {
        return SW_TRAP_NONE;
    }
    ret->value.is_err = in->has_answer;
    if (in->has_answer) {
        return SW_TRAP_NONE;
    }
    in->has_answer = true;
    ret->value.ok.is_err = !in->x->has_responded;
    if (ret->value.ok.is_err) {
        ret->value.ok.err = http_error_code_of(in->x->error);
        return SW_TRAP_NONE;
    }
    return sw_p2_add_other(in->p2, &HTTP_INCOMING_RESPONSE, http_incoming_ref(in),
                           &ret->value.ok.ok);
}
