#include "exchange.h"

sw_str sw_http_error_name(sw_http_error e)
{
    static const sw_str NAMES[] = {
#define X(name, text) SW_STR_INIT(text),
        SW_HTTP_ERROR_MAP(X)
#undef X
    };
    return (size_t)e < SW_COUNTOF(NAMES) ? NAMES[e] : SW_STR("none");
}

void sw_exchange_respond(sw_exchange *x)
{
    assert(!x->has_responded && x->response.status >= 200);
    x->has_responded = true;
    if (!x->has_ended) {
        x->ops->respond(x);
    }
}

void sw_exchange_informational(sw_exchange *x, uint16_t status, const sw_http_fields *fields)
{
    assert(!x->has_responded && status >= 100 && status < 200 && status != 101);
    if (!x->has_ended) {
        x->ops->informational(x, status, fields);
    }
}

void sw_exchange_want_body(sw_exchange *x)
{
    if (!x->has_ended) {
        x->ops->want_body(x);
    }
}

void sw_exchange_abort(sw_exchange *x, sw_http_error why)
{
    if (!x->has_ended) {
        x->ops->abort(x, why);
    }
}

void sw_exchange_release(sw_exchange *x)
{
    assert(!x->is_released);
    x->is_released = true;
    x->ops->release(x);
}
