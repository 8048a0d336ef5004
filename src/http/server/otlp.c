#include "http/server/otlp.h"

#include "http/client.h"
#include "http/server/internal.h"
#include "http/server/log.h"
#include "os/clock.h"
#include "wasi/core/names.h"
#include "wasi/core/pipe.h"

#include <stdio.h>

enum {
    BATCH_SPANS = 512,
    BATCH_MAX_BYTES = 4 << 20,
    BUDGET_BYTES = 32 << 20,
    URL_MAX_BYTES = 1024,
    LIST_MAX_BYTES = 4096,
    TRIES = 6, /* 1, 2, 4, 8, 16 seconds between them */
    FIELDS_MAX = 64
};

#define TICK_NS    SW_NS_PER_S
#define FLUSH_NS   (3 * SW_NS_PER_S)
#define REQUEST_NS (10 * SW_NS_PER_S)

struct sw_otlp {
    sw_server *server; /* borrowed */
    pthread_t thread;
    bool has_started;
    sw_loop *loop;
    sw_budget budget;
    sw_names *names;
    sw_http_client *client;
    sw_http_target target; /* points into url and path */
    sw_str authority;
    char path[URL_MAX_BYTES];

    sw_buf batch; /* a request's body, to be sent, maybe again */
    uint32_t batch_count;
    unsigned tries;
    sw_exchange *x;      /* on its way */
    sw_loop_timer timer; /* the next look, or the next try */
    sw_loop_timer last;  /* when it must have ended */
    sw_loop_job look, done, end;
    bool waits;      /* to try again */
    bool ends;       /* there will be no more spans */
    bool is_failing; /* and the log says so */
    sw_otlp_counters counters;
};

/* ---- Gathering ------------------------------------------------------------------------------- */

static void gather(sw_otlp *o)
{
    sw_server *s = o->server;
    sw_json j = sw_json_make(&o->batch, false);
    o->batch.len = 0;
    o->batch.status = SW_OK;
    sw_otlp_write_begin(&j, &s->config.otlp);
    for (unsigned i = 0; i < s->workers_count; i++) {
        sw_span_ring *ring = &s->workers[i].spans;
        const sw_span *span;
        while (o->batch_count < BATCH_SPANS && (span = sw_span_ring_oldest(ring)) != NULL) {
            sw_otlp_write_span(&j, span);
            sw_span_ring_pop(ring);
            o->batch_count++;
        }
    }
    sw_otlp_write_end(&j);
    if (sw_buf_status(&o->batch) != SW_OK) {
        sw_count(&o->counters.lost, o->batch_count);
        o->batch_count = 0;
    }
}

/* ---- Sending --------------------------------------------------------------------------------- */

static void step(sw_otlp *o);

static void on_timer(sw_loop_timer *t)
{
    sw_otlp *o = SW_CONTAINER_OF(t, sw_otlp, timer);
    o->waits = false;
    step(o);
}

static void look_later(sw_otlp *o, uint64_t wait_ns)
{
    sw_loop_timer_start(o->loop, &o->timer, sw_loop_now(o->loop) + wait_ns, on_timer);
}

static bool may_try_again(uint16_t status)
{
    return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

static void say(sw_otlp *o, bool is_failing, uint16_t status)
{
    char text[160];
    if (o->is_failing == is_failing) {
        return;
    }
    o->is_failing = is_failing;
    const char *url = o->server->config.otlp.url;
    if (!is_failing) {
        (void)snprintf(text, sizeof text, "spans are exported again");
    } else if (status == 0) {
        (void)snprintf(text, sizeof text, "spans are lost: nobody answers at %.100s", url);
    } else {
        (void)snprintf(text, sizeof text, "spans are lost: %.100s answers %u", url, status);
    }
    sw_log_notice(o->server, "otlp", sw_str_of(text));
}

static void give_up(sw_otlp *o, uint16_t status)
{
    sw_count(&o->counters.lost, o->batch_count);
    o->batch_count = 0;
    o->tries = 0;
    say(o, true, status);
    if (o->ends) {
        sw_loop_stop(o->loop);
    } else {
        look_later(o, TICK_NS);
    }
}

static void judge(sw_otlp *o, uint16_t status)
{
    if (status >= 200 && status < 300) {
        sw_count(&o->counters.exported, o->batch_count);
        o->batch_count = 0;
        o->tries = 0;
        say(o, false, status);
        step(o);
    } else if (may_try_again(status) && !o->ends && ++o->tries < TRIES) {
        o->waits = true;
        look_later(o, SW_NS_PER_S << (o->tries - 1));
    } else {
        give_up(o, status);
    }
}

static void on_done(sw_loop_job *job)
{
    sw_otlp *o = SW_CONTAINER_OF(job, sw_otlp, done);
    uint16_t status = o->x->has_responded ? o->x->response.status : 0;
    sw_exchange_release(o->x);
    o->x = NULL;
    judge(o, status);
}

static void on_exchange_end(sw_exchange *x)
{
    sw_otlp *o = x->arg;
    sw_loop_defer(o->loop, &o->done);
}

static sw_status add_headers(const char *text, sw_http_fields *fields)
{
    char value[LIST_MAX_BYTES];
    sw_str key, of, list = sw_str_of(text == NULL ? "" : text);
    int got = list.len > sizeof value ? -1 : 1;
    while (got > 0 && (got = sw_otlp_next_pair(&list, &key, value, &of)) > 0) {
        if (sw_http_is_forbidden(key)) {
            return SW_ARGUMENT;
        }
        SW_TRY(sw_http_fields_append(fields, key, of));
    }
    return got < 0 ? SW_ARGUMENT : SW_OK;
}

static sw_status fill(const sw_otlp *o, sw_http_head *h)
{
    h->method = SW_HTTP_POST;
    SW_TRY(sw_http_head_set_part(h, SW_HTTP_SCHEME,
                                 o->target.is_secure ? SW_STR("https") : SW_STR("http")));
    SW_TRY(sw_http_head_set_part(h, SW_HTTP_AUTHORITY, o->authority));
    SW_TRY(sw_http_head_set_part(h, SW_HTTP_PATH, o->target.path));
    SW_TRY(sw_http_fields_append(&h->fields, SW_STR("content-type"), SW_STR("application/json")));
    SW_TRY(sw_http_fields_append(&h->fields, SW_STR("user-agent"), SW_STR("swell")));
    return add_headers(o->server->config.otlp.headers, &h->fields);
}

static void send_batch(sw_otlp *o)
{
    static const sw_exchange_events EVENTS = {.on_end = on_exchange_end};
    sw_http_send how = {.target = o->target};
    size_t written = 0;
    sw_exchange *x = sw_http_client_take(o->client, &o->budget);
    if (x == NULL) {
        give_up(o, 0);
        return;
    }
    x->events = &EVENTS;
    x->arg = o;
    sw_status st = fill(o, &x->request);
    st = st != SW_OK ? st : sw_pipe_write(x->out, sw_buf_bytes(&o->batch), &written);
    if (st != SW_OK || written < o->batch.len) {
        x->events = NULL;
        sw_exchange_release(x);
        give_up(o, 0);
        return;
    }
    sw_pipe_finish(x->out);
    sw_pipe_close(x->in);
    o->x = x;
    sw_http_client_send(o->client, x, &how);
}

static void step(sw_otlp *o)
{
    if (o->x != NULL || o->waits) {
        return;
    }
    if (o->batch_count == 0) {
        gather(o);
    }
    if (o->batch_count != 0) {
        send_batch(o);
    } else if (o->ends) {
        sw_loop_stop(o->loop);
    } else {
        look_later(o, TICK_NS);
    }
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void on_look(sw_loop_job *job)
{
    sw_otlp *o = SW_CONTAINER_OF(job, sw_otlp, look);
    if (!o->is_failing) {
        step(o);
    }
}

void sw_otlp_wake(sw_otlp *o)
{
    sw_loop_post(o->loop, &o->look);
}

static void on_last(sw_loop_timer *t)
{
    sw_loop_stop(SW_CONTAINER_OF(t, sw_otlp, last)->loop);
}

static void on_end(sw_loop_job *job)
{
    sw_otlp *o = SW_CONTAINER_OF(job, sw_otlp, end);
    o->ends = true;
    o->waits = false;
    sw_loop_timer_stop(o->loop, &o->timer);
    sw_loop_timer_start(o->loop, &o->last, sw_loop_now(o->loop) + FLUSH_NS, on_last);
    step(o);
}

static void *run(void *arg)
{
    sw_otlp *o = arg;
    look_later(o, TICK_NS);
    sw_loop_run(o->loop);
    return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static sw_status read_url(sw_otlp *o, const char *text, sw_diag *diag)
{
    sw_str url = sw_str_of(text);
    bool is_secure = sw_str_starts(url, SW_STR("https://"));
    if (!is_secure && !sw_str_starts(url, SW_STR("http://"))) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "OTLP: '%.100s' does not begin with http:// or https://", text);
    }
    size_t at = is_secure ? 8 : 7;
    sw_str rest = sw_str_slice(url, at, url.len - at);
    size_t slash = sw_str_find(rest, '/');
    sw_str base = sw_str_slice(rest, slash, rest.len - slash);
    base.len -= base.len != 0 && base.ptr[base.len - 1] == '/';
    o->authority = sw_str_slice(rest, 0, slash);
    int len = snprintf(o->path, sizeof o->path, "%.*s/v1/traces", SW_STR_ARG(base));
    sw_str path = {o->path, (size_t)len};
    if (url.len > URL_MAX_BYTES / 2 || !sw_http_is_authority(o->authority) ||
        !sw_http_is_path(path) || !sw_http_target_of(is_secure, o->authority, path, &o->target)) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "OTLP: malformed URL '%.100s'", text);
    }
    return SW_OK;
}

static sw_status check_lists(const sw_otlp_config *c, sw_diag *diag)
{
    const char *const LISTS[] = {c->attributes, c->headers};
    static const char *const NAMES[] = {"resource attributes", "headers"};
    for (size_t i = 0; i < SW_COUNTOF(LISTS); i++) {
        char value[LIST_MAX_BYTES];
        sw_str key, text, list = sw_str_of(LISTS[i] == NULL ? "" : LISTS[i]);
        int got = list.len > sizeof value ? -1 : 1;
        while (got > 0) {
            got = sw_otlp_next_pair(&list, &key, value, &text);
        }
        if (got < 0) {
            return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                           "OTLP: the list of %s is malformed: key=value,key=value", NAMES[i]);
        }
    }
    return SW_OK;
}

static sw_status check_headers(const char *text, sw_diag *diag)
{
    sw_http_fields fields;
    sw_http_fields_init(&fields, NULL, FIELDS_MAX, LIST_MAX_BYTES);
    sw_status st = add_headers(text, &fields);
    sw_http_fields_clear(&fields);
    return st == SW_OK ? st
                       : sw_fail(diag, st, SW_NO_OFFSET, "OTLP: the headers cannot be sent: %s",
                                 sw_status_text(st));
}

static sw_status set_up(sw_otlp *o, sw_diag *diag)
{
    const sw_otlp_config *c = &o->server->config.otlp;
    sw_http_client_limits limits = sw_http_client_limits_default;
    limits.pipe_bytes = BATCH_MAX_BYTES;
    limits.connect_ns = limits.first_byte_ns = limits.between_bytes_ns = REQUEST_NS;
    sw_budget_init(&o->budget, BUDGET_BYTES);
    sw_buf_init(&o->batch, &o->budget, BATCH_MAX_BYTES);
    o->look.fn = on_look;
    o->done.fn = on_done;
    o->end.fn = on_end;
    SW_TRY(read_url(o, c->url, diag));
    SW_TRY(check_lists(c, diag));
    SW_TRY(check_headers(c->headers, diag));
    SW_TRY(sw_loop_new(&o->loop, diag));
    SW_TRY(sw_names_new(o->loop, &o->budget, &o->names));
    return sw_http_client_new(
        &(sw_http_client_options){
            .loop = o->loop, .budget = &o->budget, .limits = &limits, .names = o->names},
        &o->client);
}

sw_status sw_otlp_new(sw_server *s, sw_diag *diag, sw_otlp **ret_otlp)
{
    sw_otlp *o = sw_alloc(NULL, sizeof *o);
    if (o == NULL) {
        return SW_NO_MEMORY;
    }
    o->server = s;
    sw_status st = set_up(o, diag);
    if (st != SW_OK) {
        sw_otlp_free(o);
        return st;
    }
    *ret_otlp = o;
    return SW_OK;
}

sw_status sw_otlp_start(sw_otlp *o, sw_diag *diag)
{
    if (sw_thread_start(&o->thread, run, o) != SW_OK) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "no thread for spans");
    }
    o->has_started = true;
    return SW_OK;
}

void sw_otlp_free(sw_otlp *o)
{
    if (o == NULL) {
        return;
    }
    if (o->has_started) {
        sw_loop_post(o->loop, &o->end);
        (void)pthread_join(o->thread, NULL);
        if (o->batch_count != 0) {
            say(o, true, 0);
        }
    }
    if (o->x != NULL) {
        o->x->events = NULL;
        sw_exchange_release(o->x);
    }
    sw_http_client_free(o->client);
    sw_names_free(o->names);
    sw_loop_free(o->loop);
    sw_buf_clear(&o->batch);
    sw_free(NULL, o, sizeof *o);
}

const sw_otlp_counters *sw_otlp_counts(const sw_otlp *o)
{
    return &o->counters;
}
