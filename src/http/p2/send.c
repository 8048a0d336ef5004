/* wasi:http 0.2: outgoing-handler, over the client, as far as the grants go. */
#include "http/p2/types.h"
#include "wasi_http_outgoing_handler.h"

/* ---- The request ----------------------------------------------------------------------------- */

/* Where the guest's request goes; SW_HTTP_E_NONE or why it goes nowhere. */
static sw_http_error find_target(const http_outgoing *out, sw_http_target *ret)
{
    bool is_secure = !out->has_scheme || out->scheme == SW_WASI_HTTP_TYPES_SCHEME_HTTPS;
    sw_str path = sw_http_head_part(&out->head, SW_HTTP_PATH);
    if (out->has_scheme && out->scheme == SW_WASI_HTTP_TYPES_SCHEME_OTHER) {
        return SW_HTTP_E_PROTOCOL_ERROR;
    }
    if (out->head.method == SW_HTTP_CONNECT) {
        return SW_HTTP_E_REQUEST_METHOD_INVALID;
    }
    if (!out->has_authority ||
        !sw_http_target_of(is_secure, sw_http_head_part(&out->head, SW_HTTP_AUTHORITY), path,
                           ret)) {
        return SW_HTTP_E_REQUEST_URI_INVALID;
    }
    return SW_HTTP_E_NONE;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static sw_trap handle(sw_host_call *call, const http_outgoing *out,
                      sw_wasi_http_outgoing_handler_handle_result *ret)
{
    sw_http_target target;
    sw_http_error error = find_target(out, &target);
    if (error == SW_HTTP_E_NONE && !sw_egress_allows_http(call->env, &target)) {
        error = SW_HTTP_E_REQUEST_DENIED;
    }
    ret->is_err = true;
    ret->err = http_error_code_of(error == SW_HTTP_E_NONE ? SW_HTTP_E_CONFIGURATION_ERROR : error);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_http_outgoing_handler_handle(
    sw_host_call *call, const sw_wasi_http_outgoing_handler_handle_params *params,
    sw_wasi_http_outgoing_handler_handle_result *ret)
{
    void *request, *options = NULL;
    P2_TRY(sw_p2_take_other(call, params->request, &HTTP_OUTGOING_REQUEST, &request));
    sw_trap trap = params->options.is_some
                       ? sw_p2_take_other(call, params->options.value, &HTTP_OPTIONS, &options)
                       : SW_TRAP_NONE;
    if (trap == SW_TRAP_NONE) {
        trap = handle(call, request, ret);
    }
    sw_p2 *p = ((http_outgoing *)request)->p2;
    http_outgoing_unref(request);
    if (options != NULL) {
        HTTP_OPTIONS.drop(p, options);
    }
    return trap;
}
