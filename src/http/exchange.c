#include "exchange.h"

#include "wasi/core/pipe.h"

/* Blocks larger than this are not kept for the next request. */
enum { KEPT_TEXT_BYTES = 16 * 1024 };

/* An exchange and what it points to. */
typedef struct exchange {
    sw_exchange x; /* first */
    sw_pipe in, out;
    uint32_t pipes_in_use;
} exchange;

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

void sw_exchange_respond_text(sw_exchange *x, uint16_t status, sw_str text)
{
    size_t written;
    sw_http_head *h = &x->response;
    sw_http_head_reset(h);
    h->status = status;
    sw_status st = sw_http_fields_append(&h->fields, SW_STR("content-type"),
                                         SW_STR("text/plain; charset=utf-8"));
    sw_pipe_consume(x->out, x->out->used);
    if (st == SW_OK) {
        st = sw_pipe_write(x->out, sw_str_bytes(text), &written);
    }
    if (st != SW_OK || (written < text.len && x->out->state == SW_PIPE_OPEN)) {
        sw_exchange_abort(x, SW_HTTP_E_INTERNAL_ERROR);
        return;
    }
    sw_pipe_finish(x->out);
    sw_exchange_respond(x);
}

/*
 * Lives.
 */

/* The last reference to a pipe is gone; guests may have had some. */
static void on_pipe_released(sw_pipe *p, void *arg)
{
    exchange *e = arg;
    (void)p;
    if (--e->pipes_in_use == 0) {
        e->x.dispose(&e->x);
    }
}

static void make_pipes(exchange *e, const sw_exchange_limits *limits)
{
    sw_pipe *const pipes[] = {&e->in, &e->out};
    for (size_t i = 0; i < SW_COUNTOF(pipes); i++) {
        sw_pipe_init(pipes[i], e->x.budget, limits->pipe_bytes);
        pipes[i]->on_release = on_pipe_released;
        pipes[i]->on_release_arg = e;
    }
    e->pipes_in_use = SW_COUNTOF(pipes);
    e->x.in = &e->in;
    e->x.out = &e->out;
    e->x.in_length = SW_HTTP_LENGTH_UNKNOWN;
    e->x.error = SW_HTTP_E_NONE;
    e->x.fallback_status = 500;
}

sw_exchange *sw_exchange_new(sw_budget *budget, const sw_exchange_limits *limits)
{
    exchange *e = sw_alloc(budget, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    sw_exchange *x = &e->x;
    x->budget = budget;
    x->dispose = sw_exchange_free;
    sw_http_head_init(&x->request, budget, limits->fields, limits->head_bytes);
    sw_http_head_init(&x->response, budget, limits->fields, limits->head_bytes);
    sw_http_fields_init(&x->in_trailers, budget, limits->fields, limits->head_bytes);
    sw_http_fields_init(&x->out_trailers, budget, limits->fields, limits->head_bytes);
    make_pipes(e, limits);
    return x;
}

static void renew_fields(sw_http_fields *f)
{
    if (f->text_capacity > KEPT_TEXT_BYTES) {
        sw_http_fields_clear(f);
    } else {
        sw_http_fields_reset(f);
    }
}

void sw_exchange_renew(sw_exchange *x, const sw_exchange_limits *limits)
{
    sw_exchange old = *x;
    renew_fields(&old.request.fields);
    renew_fields(&old.response.fields);
    renew_fields(&old.in_trailers);
    renew_fields(&old.out_trailers);
    *x = (sw_exchange){
        .request = {.fields = old.request.fields},
        .response = {.fields = old.response.fields},
        .in_trailers = old.in_trailers,
        .out_trailers = old.out_trailers,
        .dispose = old.dispose,
        .budget = old.budget,
        .service = old.service,
    };
    make_pipes((exchange *)x, limits);
}

void sw_exchange_free(sw_exchange *x)
{
    exchange *e = (exchange *)x;
    assert(e->pipes_in_use == 0);
    sw_http_head_clear(&x->request);
    sw_http_head_clear(&x->response);
    sw_http_fields_clear(&x->in_trailers);
    sw_http_fields_clear(&x->out_trailers);
    sw_free(x->budget, e, sizeof *e);
}

/* Both sides have done: what is left are guests' references to the pipes. */
static void let_go(sw_exchange *x)
{
    if (x->events != NULL && x->events->on_over != NULL) {
        x->events->on_over(x);
    }
    if (x->note != NULL) {
        x->note->over(x->note, x);
    }
    sw_pipe *in = x->in;
    sw_pipe *out = x->out;
    in->on_readable = in->on_writable = out->on_readable = out->on_writable = NULL;
    sw_pipe_unref(in);
    sw_pipe_unref(out);
}

void sw_exchange_release(sw_exchange *x)
{
    assert(!x->is_released);
    x->is_released = true;
    if (x->has_ended) {
        let_go(x);
    } else {
        x->ops->release(x);
    }
}

void sw_exchange_end(sw_exchange *x, sw_http_error why, uint64_t now_ns)
{
    assert(!x->has_ended);
    x->has_ended = true;
    x->end_ns = now_ns;
    x->in->on_writable = NULL;
    x->out->on_readable = NULL;
    if (x->error == SW_HTTP_E_NONE) {
        x->error = why;
    }
    if (x->error != SW_HTTP_E_NONE) {
        sw_pipe_fail(x->in, x->error);
        sw_pipe_close(x->out);
    }
    if (x->is_released) {
        let_go(x);
    } else if (x->events != NULL && x->events->on_end != NULL) {
        x->events->on_end(x);
    }
}
