/* wasi:http 0.2: request-options. */
#include "http/p2/types.h"

static void drop_options(sw_p2 *p, void *body)
{
    sw_free(p->budget, body, sizeof(http_options));
}

const sw_p2_type HTTP_OPTIONS = {"request-options", drop_options};
HTTP_DROP(request_options, HTTP_OPTIONS)

sw_trap sw_wasi_http_types_request_options_new(sw_host_call *call,
                                               sw_wasi_http_types_request_options_new_result *ret)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    http_options *options = sw_alloc(p->budget, sizeof *options);
    return options == NULL ? http_no_memory(call) : sw_p2_add_other(p, &HTTP_OPTIONS, options, ret);
}

static sw_trap get(sw_host_call *call, uint32_t rep, http_options **ret)
{
    void *body;
    P2_TRY(sw_p2_get_other(call, rep, &HTTP_OPTIONS, &body));
    *ret = body;
    return SW_TRAP_NONE;
}

HTTP_FN(request_options_connect_timeout)
{
    http_options *options;
    P2_TRY(get(call, params->self, &options));
    *ret = options->connect;
    return SW_TRAP_NONE;
}

HTTP_FN(request_options_set_connect_timeout)
{
    http_options *options;
    P2_TRY(get(call, params->self, &options));
    options->connect = params->duration;
    ret->is_err = false;
    return SW_TRAP_NONE;
}

HTTP_FN(request_options_first_byte_timeout)
{
    http_options *options;
    P2_TRY(get(call, params->self, &options));
    *ret = options->first_byte;
    return SW_TRAP_NONE;
}

HTTP_FN(request_options_set_first_byte_timeout)
{
    http_options *options;
    P2_TRY(get(call, params->self, &options));
    options->first_byte = params->duration;
    ret->is_err = false;
    return SW_TRAP_NONE;
}

HTTP_FN(request_options_between_bytes_timeout)
{
    http_options *options;
    P2_TRY(get(call, params->self, &options));
    *ret = options->between_bytes;
    return SW_TRAP_NONE;
}

HTTP_FN(request_options_set_between_bytes_timeout)
{
    http_options *options;
    P2_TRY(get(call, params->self, &options));
    options->between_bytes = params->duration;
    ret->is_err = false;
    return SW_TRAP_NONE;
}
