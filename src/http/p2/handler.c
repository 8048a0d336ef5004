/* wasi:http 0.2: incoming-handler, the answer through response-outparam, and what all share. */
#include "http/p2/types.h"
#include "wasi_http_incoming_handler.h"
#include "wasi_http_outgoing_handler.h"

enum { CALL_MAX_BYTES = 1 << 20 };

sw_status sw_http_define_p2(sw_linker *l, sw_diag *diag)
{
    SW_TRY(sw_linker_define(l, &sw_wasi_http_types_iface, diag));
    return sw_linker_define(l, &sw_wasi_http_outgoing_handler_iface, diag);
}

sw_trap http_no_memory(sw_host_call *call)
{
    return sw_p2_no_memory(call);
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static_assert((int)SW_HTTP_E_COUNT == SW_WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR + 1,
              "the error codes are those of the variant");

const char *http_describe_error(uint32_t code)
{
    return sw_http_error_name((sw_http_error)code).ptr;
}

http_error_code http_error_code_of(uint32_t code)
{
    http_error_code error = {.tag = SW_WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR};
    if (code < SW_HTTP_E_COUNT) {
        error.tag = (uint8_t)code;
    }
    return error;
}

HTTP_FN(http_error_code)
{
    const sw_p2_error *e;
    P2_TRY(sw_p2_get_error(call, params->err, &e));
    ret->is_some = e->describe == http_describe_error;
    if (ret->is_some) {
        ret->value = http_error_code_of(e->code);
    }
    return SW_TRAP_NONE;
}

/* The answer to a guest's error, where it is not 502: what it names is mostly another server. */
static const struct {
    sw_http_error error;
    uint16_t status;
} STATUSES[] = {
    {SW_HTTP_E_DNS_TIMEOUT,              504},
    {SW_HTTP_E_CONNECTION_TIMEOUT,       504},
    {SW_HTTP_E_CONNECTION_READ_TIMEOUT,  504},
    {SW_HTTP_E_CONNECTION_WRITE_TIMEOUT, 504},
    {SW_HTTP_E_RESPONSE_TIMEOUT,         504},
    {SW_HTTP_E_CONNECTION_LIMIT_REACHED, 503},
    {SW_HTTP_E_REQUEST_DENIED,           403},
    {SW_HTTP_E_REQUEST_LENGTH_REQUIRED,  411},
    {SW_HTTP_E_REQUEST_BODY_SIZE,        413},
    {SW_HTTP_E_REQUEST_METHOD_INVALID,   405},
    {SW_HTTP_E_REQUEST_URI_INVALID,      400},
    {SW_HTTP_E_REQUEST_URI_TOO_LONG,     414},
    {SW_HTTP_E_REQUEST_HEAD_SIZE,        431},
    {SW_HTTP_E_REQUEST_FIELD_SIZE,       431},
    {SW_HTTP_E_REQUEST_TRAILERS_SIZE,    431},
    {SW_HTTP_E_REQUEST_TRAILER_SIZE,     431},
    {SW_HTTP_E_LOOP_DETECTED,            508},
    {SW_HTTP_E_CONFIGURATION_ERROR,      500},
    {SW_HTTP_E_INTERNAL_ERROR,           500},
};

static uint16_t status_of(sw_http_error error)
{
    for (size_t i = 0; i < SW_COUNTOF(STATUSES); i++) {
        if (STATUSES[i].error == error) {
            return STATUSES[i].status;
        }
    }
    return 502;
}

/* ---- The answer ------------------------------------------------------------------------------ */

static void drop_outparam(sw_p2 *p, void *body)
{
    (void)p;
    http_incoming_unref(body);
}

const sw_p2_type HTTP_OUTPARAM = {"response-outparam", drop_outparam};
HTTP_DROP(response_outparam, HTTP_OUTPARAM)

static void refuse(sw_exchange *x, sw_http_error error)
{
    char text[64];
    sw_str name = sw_http_error_name(error);
    size_t len = SW_MIN(name.len, sizeof text - 1);
    memcpy(text, name.ptr, len);
    text[len] = '\n';
    sw_exchange_respond_text(x, status_of(error), (sw_str){text, len + 1});
}

static sw_trap respond(sw_host_call *call, http_incoming *in, http_outgoing *out)
{
    sw_exchange *x = in->x;
    sw_http_fields *fields = &x->response.fields;
    fields->max_count = SW_MAX(fields->max_count, out->head.fields.max_count);
    fields->max_bytes = SW_MAX(fields->max_bytes, out->head.fields.max_bytes);
    if (sw_http_fields_copy(fields, &out->head.fields) != SW_OK) {
        return http_no_memory(call);
    }
    x->response.status = out->head.status;
    sw_exchange_respond(x);
    return http_outgoing_attach(call, out, in);
}

/* 101 would hand the connection over, which no guest can want. */
HTTP_FN(response_outparam_send_informational)
{
    void *body;
    sw_http_fields fields;
    P2_TRY(sw_p2_get_other(call, params->self, &HTTP_OUTPARAM, &body));
    sw_exchange *x = ((http_incoming *)body)->x;
    sw_http_fields_init(&fields, sw_store_budget(call->store), HTTP_FIELDS_MAX,
                        HTTP_FIELDS_MAX_BYTES);
    sw_trap trap = http_fields_take(call, params->headers, &fields);
    ret->is_err = params->status < 100 || params->status > 199 || params->status == 101;
    if (trap == SW_TRAP_NONE && ret->is_err) {
        ret->err = http_error_code_of(SW_HTTP_E_PROTOCOL_ERROR);
    } else if (trap == SW_TRAP_NONE) {
        sw_exchange_informational(x, params->status, &fields);
    }
    sw_http_fields_clear(&fields);
    return trap;
}

sw_trap sw_wasi_http_types_response_outparam_set(
    sw_host_call *call, const sw_wasi_http_types_response_outparam_set_params *params)
{
    void *body;
    P2_TRY(sw_p2_take_other(call, params->param, &HTTP_OUTPARAM, &body));
    http_incoming *in = body;
    sw_trap trap = SW_TRAP_NONE;
    in->has_answer = true;
    if (params->response.is_err) {
        refuse(in->x, (sw_http_error)params->response.err.tag);
    } else {
        trap = sw_p2_take_other(call, params->response.ok, &HTTP_OUTGOING_RESPONSE, &body);
        if (trap == SW_TRAP_NONE) {
            trap = respond(call, in, body);
            http_outgoing_unref(body);
        }
    }
    http_incoming_unref(in);
    return trap;
}

/* ---- The request ----------------------------------------------------------------------------- */

static const sw_str HANDLER = SW_STR_INIT("wasi:http/incoming-handler@0.2.0");

sw_status sw_http_p2_find_handler(sw_component_instance *i, sw_diag *diag,
                                  sw_component_func *ret_handle)
{
    return sw_component_find_func(i, HANDLER, SW_STR("handle"), diag, ret_handle);
}

void http_remove_forbidden(sw_http_fields *fields)
{
    for (uint32_t i = 0; i < fields->count;) {
        sw_str name = sw_http_field_name(fields, i);
        if (sw_http_is_forbidden(name)) {
            (void)sw_http_fields_remove(fields, name);
        } else {
            i++;
        }
    }
}

static sw_status call_handler(sw_p2 *p, const sw_component_func *handle, http_incoming *in,
                              sw_diag *diag)
{
    sw_wasi_http_incoming_handler_handle_params params;
    sw_arena arena;
    sw_trap trap =
        sw_p2_add_other(p, &HTTP_INCOMING_REQUEST, http_incoming_ref(in), &params.request);
    if (trap == SW_TRAP_NONE) {
        trap = sw_p2_add_other(p, &HTTP_OUTPARAM, http_incoming_ref(in), &params.response_out);
    }
    if (trap != SW_TRAP_NONE) {
        return sw_store_raise(p->store, trap);
    }
    sw_arena_init(&arena, p->budget, CALL_MAX_BYTES);
    sw_status st = sw_component_call(handle, &params, &arena, diag, NULL);
    sw_arena_clear(&arena);
    return st;
}

/* Nothing of the guest runs after handle: a body that is not finished by now will not be, and what
 * has not been read of the request's is not wanted, even if handles are left that could. */
static void settle(const http_incoming *in)
{
    sw_exchange *x = in->x;
    sw_pipe_close(x->in);
    if (in->has_answer && x->out->state == SW_PIPE_OPEN) {
        sw_exchange_abort(x, SW_HTTP_E_RESPONSE_INCOMPLETE);
    }
}

sw_status sw_http_p2_handle(sw_wasi *w, const sw_component_func *handle, sw_exchange *x,
                            sw_diag *diag)
{
    sw_p2 *p;
    http_incoming *in;
    sw_trap trap = sw_p2_of(w, &p);
    if (trap != SW_TRAP_NONE) {
        sw_exchange_release(x);
        return sw_store_raise(sw_wasi_store(w), trap);
    }
    trap = http_incoming_new(p, x, false, &in);
    if (trap != SW_TRAP_NONE) {
        return sw_store_raise(p->store, trap);
    }
    http_remove_forbidden(&x->request.fields);
    sw_status st = call_handler(p, handle, in, diag);
    if (st == SW_OK) {
        settle(in);
    }
    http_incoming_unref(in);
    return st;
}
