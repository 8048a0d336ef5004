#include "http/server/tracing.h"

#include "http/server/internal.h"
#include "http/server/otlp.h"
#include "os/clock.h"

#include <string.h>

/* ---- Contexts -------------------------------------------------------------------------------- */

/* By 56 bits of the id that are random in all traces, so that all who decide by the same share
 * decide the same. */
static bool is_chosen(const sw_trace *t, uint32_t one_in)
{
    uint64_t bits = 0;
    for (size_t i = sizeof t->id - 7; i < sizeof t->id; i++) {
        bits = bits << 8 | t->id[i];
    }
    return bits < (UINT64_C(1) << 56) / SW_MAX(one_in, 1u);
}

void sw_tracing_begin(sw_request *r)
{
    sw_worker *w = r->worker;
    sw_http_fields *fields = &r->exchange->request.fields;
    if (w->spans.spans == NULL) {
        return;
    }
    if (sw_trace_get(fields, &r->trace)) {
        memcpy(r->parent, r->trace.span, sizeof r->parent);
    } else {
        sw_trace_ids_take(&w->trace_ids, r->trace.id, sizeof r->trace.id);
        r->trace.flags = SW_TRACE_RANDOM;
        r->trace.flags |=
            is_chosen(&r->trace, w->server->config.trace_one_in) ? SW_TRACE_SAMPLED : 0;
    }
    sw_trace_ids_take(&w->trace_ids, r->trace.span, sizeof r->trace.span);
    r->is_trace_known = true;
    if (sw_trace_set(fields, &r->trace) != SW_OK) {
        sw_count(&w->metrics.no_memory, 1);
    }
}

const sw_trace *sw_tracing_of(sw_request *r)
{
    if (!r->is_trace_known && !r->is_over) {
        r->is_trace_known = true;
        (void)!sw_trace_get(&r->exchange->request.fields, &r->trace);
    }
    return sw_trace_is_set(&r->trace) ? &r->trace : NULL;
}

/* ---- Spans ----------------------------------------------------------------------------------- */

/* What both kinds tell of their request, but for texts that come behind these. */
static void describe(sw_span *s, const sw_exchange *x)
{
    sw_str scheme = sw_http_head_part(&x->request, SW_HTTP_SCHEME);
    sw_str path = sw_http_head_part(&x->request, SW_HTTP_PATH);
    size_t question = sw_str_find(path, '?');
    sw_http_target target = {};
    (void)!sw_http_target_of(sw_http_eq_lower(scheme, SW_STR("https")),
                             sw_http_head_part(&x->request, SW_HTTP_AUTHORITY), path, &target);
    s->is_known_method = x->request.method != SW_HTTP_OTHER;
    s->port = target.port;
    s->status = x->has_responded ? x->response.status : 0;
    s->version = s->is_client ? x->response.version : x->request.version;
    sw_span_add(s, SW_SPAN_METHOD, sw_http_head_method(&x->request));
    sw_span_add(s, SW_SPAN_SCHEME, scheme);
    sw_span_add(s, SW_SPAN_HOST, target.host);
    sw_span_add(s, SW_SPAN_PATH, sw_str_slice(path, 0, question));
    if (question < path.len) {
        sw_span_add(s, SW_SPAN_QUERY, sw_str_slice(path, question + 1, path.len - question - 1));
    }
}

static void push(sw_worker *w)
{
    if (sw_span_ring_push(&w->spans)) {
        sw_otlp_wake(w->server->otlp);
    }
}

/* Both from the monotonic clock. */
static void set_times(sw_span *s, uint64_t start_ns, uint64_t end_ns)
{
    uint64_t offset = sw_clock_realtime_ns() - sw_clock_monotonic_ns();
    s->start_ns = start_ns + offset;
    s->end_ns = SW_MAX(start_ns, end_ns) + offset;
}

static sw_str error_of(const sw_request *r)
{
    return r->timed_out                                 ? SW_STR("timeout")
           : r->exchange->error != SW_HTTP_E_NONE       ? sw_http_error_name(r->exchange->error)
           : r->status == SW_TRAP                       ? SW_STR("trap")
           : r->status != SW_OK && r->status != SW_EXIT ? sw_str_of(sw_status_text(r->status))
                                                        : (sw_str){};
}

static void add_peer(sw_span *s, const sw_peer *peer)
{
    char text[SW_LISTEN_TEXT_BYTES];
    sw_address_write(&peer->address, text);
    char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? strlen(text) : (size_t)(colon - text);
    bool has_brackets = len > 2 && text[0] == '[';
    sw_span_add(s, SW_SPAN_PEER, has_brackets ? (sw_str){text + 1, len - 2} : (sw_str){text, len});
    s->peer_port = sw_address_port(&peer->address);
}

void sw_tracing_end(sw_request *r)
{
    sw_worker *w = r->worker;
    const sw_exchange *x = r->exchange;
    sw_str agent = {};
    if (w->spans.spans == NULL || (r->trace.flags & SW_TRACE_SAMPLED) == 0) {
        return;
    }
    sw_span *s = sw_span_ring_place(&w->spans);
    if (s == NULL) {
        return;
    }
    s->trace = r->trace;
    memcpy(s->parent, r->parent, sizeof s->parent);
    s->worker = w->number;
    s->number = r->number;
    set_times(s, x->start_ns, x->start_ns + r->time_ns);
    describe(s, x);
    if (x->peer != NULL) {
        add_peer(s, x->peer);
    }
    (void)sw_http_fields_get(&x->request.fields, SW_STR("user-agent"), &agent);
    sw_span_add(s, SW_SPAN_AGENT, agent);
    sw_span_add(s, SW_SPAN_ERROR, error_of(r));
    push(w);
}

/* ---- Requests of guests ---------------------------------------------------------------------- */

typedef struct outgoing_note {
    sw_exchange_note note; /* first */
    sw_worker *worker;
    sw_trace trace;
    uint8_t parent[8];
    uint64_t number;
    uint64_t start_ns;
} outgoing_note;

static void on_outgoing_over(sw_exchange_note *note, const sw_exchange *x)
{
    outgoing_note *n = (outgoing_note *)note;
    sw_worker *w = n->worker;
    sw_span *s = sw_span_ring_place(&w->spans);
    if (s != NULL) {
        s->is_client = true;
        s->trace = n->trace;
        memcpy(s->parent, n->parent, sizeof s->parent);
        s->worker = w->number;
        s->number = n->number;
        set_times(s, n->start_ns, x->end_ns);
        describe(s, x);
        sw_span_add(s, SW_SPAN_ERROR,
                    x->error == SW_HTTP_E_NONE ? (sw_str){} : sw_http_error_name(x->error));
        push(w);
    }
    sw_free(&w->budget, n, sizeof *n);
}

/* Its id in *t. For want of memory there is none. */
static void begin_span(sw_request *r, sw_exchange *x, sw_trace *t)
{
    sw_worker *w = r->worker;
    outgoing_note *n = sw_alloc(&w->budget, sizeof *n);
    if (n == NULL) {
        sw_count(&w->spans.dropped, 1);
        return;
    }
    sw_trace_ids_take(&w->trace_ids, t->span, sizeof t->span);
    *n = (outgoing_note){.note.over = on_outgoing_over,
                         .worker = w,
                         .trace = *t,
                         .number = r->number,
                         .start_ns = sw_clock_monotonic_ns()};
    memcpy(n->parent, r->trace.span, sizeof n->parent);
    x->note = &n->note;
}

static void copy_state(sw_http_fields *to, const sw_http_fields *from)
{
    static const sw_str STATE = SW_STR_INIT("tracestate");
    if (!sw_trace_state_is_valid(from)) {
        return;
    }
    for (uint32_t i = sw_http_fields_find(from, STATE, 0); i < from->count;
         i = sw_http_fields_find(from, STATE, i + 1)) {
        if (sw_http_fields_append(to, STATE, sw_http_field_value(from, i)) != SW_OK) {
            return; /* a part of the list, from its front, is as good as any */
        }
    }
}

void sw_tracing_on_outgoing(void *env, sw_exchange *x, const sw_http_target *target)
{
    const sw_seat *seat = env;
    sw_request *r = seat->owner;
    sw_http_fields *fields = &x->request.fields;
    (void)target;
    const sw_trace *known = sw_tracing_of(r);
    if (known == NULL || sw_http_fields_find(fields, SW_STR("traceparent"), 0) < fields->count) {
        return;
    }
    sw_trace t = *known;
    if (r->worker->spans.spans != NULL && (t.flags & SW_TRACE_SAMPLED) != 0) {
        begin_span(r, x, &t);
    }
    if (sw_trace_set(fields, &t) == SW_OK && !r->is_over) {
        copy_state(fields, &r->exchange->request.fields);
    }
}

/* ---- Workers --------------------------------------------------------------------------------- */

sw_status sw_tracing_init(sw_worker *w)
{
    if (w->server->config.otlp.url == NULL) {
        return SW_OK;
    }
    SW_TRY(sw_trace_ids_init(&w->trace_ids));
    return sw_span_ring_init(&w->spans);
}

void sw_tracing_clear(sw_worker *w)
{
    sw_span_ring_clear(&w->spans);
}
