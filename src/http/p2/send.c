/* wasi:http 0.2: outgoing-handler, over the client, as far as the grants go. */
#include "http/client.h"
#include "http/p2/types.h"
#include "wasi/core/names.h"
#include "wasi_http_outgoing_handler.h"

enum { DURATION_MAX_NS = INT64_MAX };

void sw_http_p2_set_client(sw_wasi *w, sw_http_client *client)
{
    sw_wasi_set_http(w, client, NULL);
}

void sw_http_p2_set_watcher(sw_wasi *w, const sw_http_p2_watcher *watcher)
{
    sw_wasi_set_http_watcher(w, watcher);
}

static void show(sw_wasi *w, sw_exchange *x, const sw_http_target *target)
{
    const sw_http_p2_watcher *watcher = sw_wasi_http_watcher(w);
    if (watcher != NULL) {
        watcher->on_outgoing(watcher->env, x, target);
    }
}

static void free_client(void *client)
{
    sw_http_client_free(client);
}

/* The context's client, or one for its store alone. */
static sw_trap need_client(sw_host_call *call, sw_http_client **ret)
{
    sw_loop *loop;
    sw_names *names;
    *ret = sw_wasi_http(call->env);
    if (*ret != NULL) {
        return SW_TRAP_NONE;
    }
    if (sw_store_need_loop(call->store, &loop) != SW_OK ||
        sw_names_of(call->env, &names) != SW_OK) {
        return http_no_memory(call);
    }
    const sw_http_client_options options = {.loop = loop,
                                            .budget = sw_store_budget(call->store),
                                            .limits = &sw_http_client_limits_default,
                                            .names = names};
    if (sw_http_client_new(&options, ret) != SW_OK) {
        return http_no_memory(call);
    }
    sw_wasi_set_http(call->env, *ret, free_client);
    return SW_TRAP_NONE;
}

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

static sw_status set_path(sw_http_head *head, sw_str path)
{
    if (path.len != 0 && path.ptr[0] != '?') {
        return SW_OK;
    }
    char *whole = sw_alloc(head->fields.budget, path.len + 1);
    if (whole == NULL) {
        return SW_NO_MEMORY;
    }
    whole[0] = '/';
    memcpy(whole + 1, path.ptr == NULL ? "" : path.ptr, path.len);
    sw_status st = sw_http_head_set_part(head, SW_HTTP_PATH, (sw_str){whole, path.len + 1});
    sw_free(head->fields.budget, whole, path.len + 1);
    return st;
}

static sw_status fill_request(sw_exchange *x, const http_outgoing *out,
                              const sw_http_target *target)
{
    x->request.fields.max_count = out->head.fields.max_count;
    x->request.fields.max_bytes = out->head.fields.max_bytes;
    SW_TRY(sw_http_head_copy(&x->request, &out->head));
    SW_TRY(sw_http_head_set_part(&x->request, SW_HTTP_SCHEME,
                                 target->is_secure ? SW_STR("https") : SW_STR("http")));
    return set_path(&x->request, target->path);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static void on_end(sw_exchange *x)
{
    http_incoming *in = x->arg;
    if (x->error != SW_HTTP_E_NONE) {
        sw_http_client_failed(sw_wasi_http(in->p2->wasi));
    }
    sw_source_notify(&in->arrival);
}

static void on_head(sw_exchange *x)
{
    http_incoming *in = x->arg;
    http_remove_forbidden(&x->response.fields);
    sw_source_notify(&in->arrival);
}

static const sw_exchange_events EVENTS = {.on_head = on_head, .on_end = on_end};

static bool allows(void *env, const sw_http_target *target, const sw_ip *ip, bool is_last)
{
    return sw_egress_allows_http_address(env, target, ip, is_last);
}

static uint64_t time_of(sw_wit_option_u64 duration)
{
    uint64_t ns = SW_MIN(duration.value, (uint64_t)DURATION_MAX_NS);
    return duration.is_some ? SW_MAX(ns, (uint64_t)1) : 0;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static sw_trap send_request(sw_host_call *call, http_outgoing *out, const http_options *options,
                            const sw_http_target *target, uint32_t *ret_future)
{
    sw_http_client *client;
    http_incoming *in;
    P2_TRY(need_client(call, &client));
    sw_exchange *x = sw_http_client_take(client, out->p2->budget);
    if (x == NULL) {
        return http_no_memory(call);
    }
    P2_TRY(http_incoming_new(out->p2, x, true, &in));
    sw_http_send how = {.target = *target, .allows = allows, .env = call->env};
    if (options != NULL) {
        how.connect_ns = time_of(options->connect);
        how.first_byte_ns = time_of(options->first_byte);
        how.between_bytes_ns = time_of(options->between_bytes);
    }
    x->events = &EVENTS;
    x->arg = in;
    sw_trap trap = fill_request(x, out, target) == SW_OK ? SW_TRAP_NONE : http_no_memory(call);
    if (trap == SW_TRAP_NONE) {
        show(call->env, x, target);
        sw_http_client_send(client, x, &how);
        trap = http_outgoing_attach(call, out, in);
    }
    if (trap != SW_TRAP_NONE) {
        http_incoming_unref(in);
        return trap;
    }
    return sw_p2_add_other(out->p2, &HTTP_FUTURE_RESPONSE, in, ret_future);
}

static sw_trap handle(sw_host_call *call, http_outgoing *out, const http_options *options,
                      sw_wasi_http_outgoing_handler_handle_result *ret)
{
    sw_http_target target;
    sw_http_error error = find_target(out, &target);
    if (error == SW_HTTP_E_NONE && !sw_egress_allows_http(call->env, &target)) {
        error = SW_HTTP_E_REQUEST_DENIED;
    }
    ret->is_err = error != SW_HTTP_E_NONE;
    if (ret->is_err) {
        ret->err = http_error_code_of(error);
        return SW_TRAP_NONE;
    }
    return send_request(call, out, options, &target, &ret->ok);
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
        trap = handle(call, request, options, ret);
    }
    sw_p2 *p = ((http_outgoing *)request)->p2;
    http_outgoing_unref(request);
    if (options != NULL) {
        HTTP_OPTIONS.drop(p, options);
    }
    return trap;
}
