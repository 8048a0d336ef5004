/*
 * Requests: admission, the queue, running on a seat, and the end.
 *
 * The guest runs as a task of the seat's store: until it returns, or waits, or has to give way.
 * What waited goes on at the end of the turn in which it was woken, unless it has computed for long
 * before; that, and what gave way, is for hogs.c.
 */
#include "http/server/internal.h"
#include "http/server/log.h"
#include "http/server/tracing.h"

#include "os/clock.h"
#include "wasi/core/pipe.h"

/* Seats that a worker keeps at most. */
enum { SPARE_SEATS = 256 };

/* Memory in them from which on instances are not rewound, but go. */
#define HELD_BYTES_MAX ((size_t)64 << 20)

/* ---- Lists ----------------------------------------------------------------------------------- */

void sw_requests_push(sw_request_list *l, sw_request *r)
{
    r->next = NULL;
    r->prev = l->last;
    *(l->last == NULL ? &l->first : &l->last->next) = r;
    l->last = r;
    l->count++;
}

void sw_requests_push_front(sw_request_list *l, sw_request *r)
{
    r->next = l->first;
    r->prev = NULL;
    *(l->first == NULL ? &l->last : &l->first->prev) = r;
    l->first = r;
    l->count++;
}

void sw_requests_remove(sw_request_list *l, sw_request *r)
{
    *(r->prev == NULL ? &l->first : &r->prev->next) = r->next;
    *(r->next == NULL ? &l->last : &r->next->prev) = r->prev;
    r->next = r->prev = NULL;
    l->count--;
}

static sw_request *take_request(sw_worker *w)
{
    sw_request *r = w->spare_requests;
    if (r != NULL) {
        w->spare_requests = r->next;
        *r = (sw_request){.worker = w};
    } else {
        r = sw_alloc(&w->budget, sizeof *r);
    }
    if (r != NULL) {
        r->worker = w;
        r->number = ++w->requests_count;
    }
    return r;
}

static void set_queue_timer(sw_worker *w);

static void give_request(sw_request *r)
{
    r->next = r->worker->spare_requests;
    r->worker->spare_requests = r;
}

/* ---- Seats ----------------------------------------------------------------------------------- */

static void report_denial(void *arg, const char *asked, const char *option)
{
    const sw_seat *seat = arg;
    sw_request *r = seat->owner;
    sw_count(&r->worker->metrics.denials, 1);
    if (seat->app->parts.reports_denials) {
        sw_log_denial(r, asked, option);
    }
}

static void on_line(sw_seat *seat, unsigned stream, sw_str line)
{
    sw_log_guest(seat->owner, stream == 1 ? "stdout" : "stderr", line);
}

/* What the app's seats here share; only for one that may reach anything. */
static sw_status need_outlet(sw_worker *w)
{
    const sw_app_parts *p = &w->app->parts;
    if (w->outlet != NULL || (p->grants->http.count == 0 && p->grants->net.count == 0)) {
        return SW_OK;
    }
    const sw_http_client_options options = {.loop = w->loop,
                                            .budget = &w->budget,
                                            .limits = &w->server->worker_outgoing,
                                            .tls = p->client_tls,
                                            .counters = &w->metrics.outgoing};
    return sw_outlet_new(&options, &w->outlet);
}

static sw_seat *take_seat(sw_worker *w, sw_diag *diag)
{
    sw_seat *seat = w->seats;
    if (seat != NULL) {
        w->seats = seat->next;
        w->seats_count--;
        w->held_bytes -= sw_seat_held_bytes(seat);
        return seat;
    }
    if (need_outlet(w) != SW_OK) {
        return NULL;
    }
    sw_seat_need need = {.engine = w->server->engine,
                         .app = w->app,
                         .outlet = w->outlet,
                         .descriptors = &w->metrics.descriptors,
                         .limits = &w->server->config.store,
                         .loop = w->loop,
                         .denial = report_denial,
                         .on_line = on_line,
                         .on_outgoing = sw_tracing_on_outgoing};
    return sw_seat_new(&need, diag, &seat) == SW_OK ? seat : NULL;
}

static void give_seat(sw_worker *w, sw_seat *seat, bool succeeded)
{
    sw_seat_reset(seat, succeeded, w->server->config.reuse, w->held_bytes < HELD_BYTES_MAX);
    if (seat->app != w->app || w->seats_count >= SPARE_SEATS) {
        sw_seat_free(seat);
    } else {
        seat->next = w->seats;
        w->seats = seat;
        w->seats_count++;
        w->held_bytes += sw_seat_held_bytes(seat);
    }
    sw_gauge(&w->metrics.seats, w->seats_count);
}

void sw_worker_drop_seats(sw_worker *w)
{
    while (w->seats != NULL) {
        sw_seat *seat = w->seats;
        w->seats = seat->next;
        sw_seat_free(seat);
    }
    w->seats_count = 0;
    w->held_bytes = 0;
    sw_outlet_unref(w->outlet);
    w->outlet = NULL;
}

/* ---- The end of a request -------------------------------------------------------------------- */

/* The loop's own clock stands still for a turn. */
static uint64_t time_of(const sw_exchange *x)
{
    return sw_clock_monotonic_ns() - x->start_ns;
}

/* Once, while the exchange is whole. A guest that keeps handles keeps the exchange for as long as
 * its instance lives; so this comes as soon as both the guest has returned and the peer has all. */
static void account(sw_request *r)
{
    const sw_exchange *x = r->exchange;
    sw_metrics *m = &r->worker->metrics;
    if (r->is_accounted) {
        return;
    }
    r->is_accounted = true;
    if (r->time_ns == 0) {
        r->time_ns = time_of(x);
    }
    sw_metrics_answer(m, x->has_responded ? x->response.status : 0, r->time_ns);
    sw_count(&m->bytes_in, x->in_bytes);
    sw_count(&m->bytes_out, x->out_bytes);
    sw_log_access(r);
    sw_tracing_end(r);
}

/* Both sides have let go of the exchange. */
static void on_over(sw_exchange *x)
{
    sw_request *r = x->arg;
    if (r == NULL) {
        return;
    }
    account(r);
    if (r->state == SW_REQUEST_RUNNING) { /* what its guest still logs has the trace, too */
        (void)sw_tracing_of(r);
    }
    r->is_over = true;
    if (r->state == SW_REQUEST_SENDING) {
        give_request(r);
    }
}

static void await_end(sw_request *r)
{
    if (r->is_over) {
        give_request(r);
        return;
    }
    r->state = SW_REQUEST_SENDING;
    if (r->has_ended) {
        account(r);
    }
}

static void on_end(sw_exchange *x)
{
    sw_request *r = x->arg;
    if (r == NULL) {
        return;
    }
    sw_worker *w = r->worker;
    r->has_ended = true;
    r->is_gone = x->error != SW_HTTP_E_NONE;
    r->time_ns = time_of(x);
    if (r->state == SW_REQUEST_RUNNING && r->is_gone) {
        sw_store_interrupt(r->seat->store);
    } else if (r->state == SW_REQUEST_SENDING) {
        account(r);
    } else if (r->state == SW_REQUEST_QUEUED) {
        sw_requests_remove(&w->queue, r);
        sw_gauge(&w->metrics.waiting, w->queue.count);
        set_queue_timer(w);
        r->state = SW_REQUEST_ENDING;
        sw_exchange_release(x);
        await_end(r);
    }
}

/* An answer to an exchange that no guest has. */
static void refuse(sw_request *r, uint16_t status, sw_str text)
{
    r->state = SW_REQUEST_ENDING;
    if (!r->has_ended) {
        sw_exchange_respond_text(r->exchange, status, text);
    }
    sw_exchange_release(r->exchange);
    await_end(r);
}

/* ---- Running --------------------------------------------------------------------------------- */

static void count_outcome(sw_request *r)
{
    sw_metrics *m = &r->worker->metrics;
    bool failed = r->status != SW_OK && r->status != SW_EXIT;
    bool is_silent = !r->is_over && !r->is_gone && !r->exchange->has_responded;
    if (r->timed_out) {
        sw_count(&m->deadlines, 1);
    } else if (r->is_gone && failed) {
        sw_count(&m->cancelled, 1);
    } else if (failed) {
        sw_count(&m->traps, 1);
    } else if (is_silent) {
        sw_count(&m->no_answers, 1);
    }
    if (!r->is_gone && (failed || is_silent)) {
        sw_log_failure(r);
    }
}

/* What a peer gets whom the guest has not answered. */
static uint16_t status_of_failure(const sw_request *r)
{
    if (r->timed_out) {
        return 504;
    }
    return r->status == SW_NO_MEMORY || r->status == SW_LIMIT ? 503 : 500;
}

/* Whether an instance that is used again may keep what it still holds. */
static bool is_whole(const sw_request *r)
{
    return r->status == SW_OK && (r->is_over || r->exchange->out->state != SW_PIPE_OPEN);
}

static void note_usage(const sw_request *r, sw_store *s)
{
    sw_metrics *m = &r->worker->metrics;
    sw_store_usage u = sw_store_take_usage(s);
    sw_metrics_note(&m->guest_times, sw_clock_monotonic_ns() - r->guest_ns);
    sw_metrics_raise(&m->memory_peak, u.memory_bytes);
    sw_metrics_raise(&m->host_memory_peak, u.host_peak_bytes);
    sw_count(&m->memory_refused, u.memory_refusals);
    sw_count(&m->host_memory_refused, u.host_refusals);
    sw_count(&m->stacks_exhausted,
             r->status == SW_TRAP && sw_store_trap_reason(s) == SW_TRAP_STACK_EXHAUSTED);
}

/* Giving the seat back drops what the guest still has, and so lets go of the exchange. */
static void finish(sw_store *s, void *arg)
{
    sw_request *r = arg;
    sw_worker *w = r->worker;
    sw_seat *seat = r->seat;
    r->timed_out = r->status == SW_TRAP && sw_store_trap_reason(s) == SW_TRAP_DEADLINE;
    count_outcome(r);
    note_usage(r, s);
    r->state = SW_REQUEST_ENDING;
    r->seat = NULL;
    w->resumed = w->resumed == r ? NULL : w->resumed;
    if (!r->is_over) {
        r->exchange->fallback_status = status_of_failure(r);
    }
    give_seat(w, seat, is_whole(r));
    sw_log_guest_end(r);
    w->running--;
    sw_gauge(&w->metrics.running, w->running);
    if (w->queue.first != NULL) {
        sw_loop_defer(w->loop, &w->start_queued);
    }
    sw_worker_look_for_end(w);
    if (r->is_taken) {
        await_end(r);
    } else {
        refuse(r, status_of_failure(r), SW_STR("the program could not be started\n"));
    }
}

static void run_guest(sw_store *s, void *arg)
{
    sw_request *r = arg;
    (void)s;
    if (r->seat->served == 0) {
        sw_count(&r->worker->metrics.instances, 1);
        r->status = sw_seat_start(r->seat, &r->diag);
    }
    if (r->status == SW_OK) {
        r->is_taken = true;
        r->status = sw_seat_serve(r->seat, r->exchange, &r->diag);
    }
}

static void on_resume(sw_loop_job *job)
{
    sw_request *r = SW_CONTAINER_OF(job, sw_request, resume);
    sw_worker *w = r->worker;
    sw_worker_begin_slice(w);
    sw_worker_go_on(w, r);
    sw_worker_end_slice(w);
}

static void on_ready(sw_store *s, void *arg, bool has_yielded)
{
    sw_request *r = arg;
    sw_worker *w = r->worker;
    (void)s;
    if (has_yielded) {
        sw_count(&w->metrics.yields, 1);
    }
    if (has_yielded || sw_request_is_hog(r)) {
        sw_worker_add_hog(w, r);
    } else {
        sw_loop_defer(w->loop, &r->resume);
    }
}

static void start(sw_request *r)
{
    sw_worker *w = r->worker;
    sw_store_task task = {.fn = run_guest, .done = finish, .ready = on_ready, .arg = r};
    r->state = SW_REQUEST_RUNNING;
    r->resume.fn = on_resume;
    r->seat = take_seat(w, &r->diag);
    sw_status st = r->seat == NULL ? SW_NO_MEMORY : SW_OK;
    if (st == SW_OK) {
        r->seat->owner = r;
        r->guest_ns = sw_clock_monotonic_ns();
        sw_store_set_deadline_at_yield(r->seat->store,
                                       sw_loop_now(w->loop) + w->server->config.timeout_ns);
        w->running++;
        sw_gauge(&w->metrics.running, w->running);
        sw_worker_begin_slice(w);
        st = sw_store_run(r->seat->store, &task);
        sw_worker_end_slice(w);
        w->running -= st != SW_OK;
    }
    if (st != SW_OK) {
        r->status = st;
        sw_count(&w->metrics.no_memory, 1);
        sw_log_failure(r);
        sw_seat_free(r->seat);
        refuse(r, 503, SW_STR("no room for this request\n"));
    }
}

/* ---- Admission ------------------------------------------------------------------------------- */

static bool has_place(const sw_worker *w)
{
    return w->running < w->server->worker_requests;
}

static sw_request *take_queued(sw_worker *w)
{
    sw_request *r = w->queue.first;
    sw_requests_remove(&w->queue, r);
    sw_gauge(&w->metrics.waiting, w->queue.count);
    sw_metrics_note(&w->metrics.waits, sw_loop_now(w->loop) - r->queued_ns);
    return r;
}

static void on_queue_timer(sw_loop_timer *t)
{
    sw_worker *w = SW_CONTAINER_OF(t, sw_worker, queue_timer);
    uint64_t oldest = sw_loop_now(w->loop) - w->server->config.queue_ns;
    while (w->queue.first != NULL && w->queue.first->queued_ns <= oldest) {
        sw_count(&w->metrics.queue_timeouts, 1);
        refuse(take_queued(w), 503, SW_STR("the server is busy\n"));
    }
    set_queue_timer(w);
}

static void set_queue_timer(sw_worker *w)
{
    uint64_t deadline =
        w->queue.first == NULL ? SW_NEVER : w->queue.first->queued_ns + w->server->config.queue_ns;
    sw_loop_timer_start(w->loop, &w->queue_timer, deadline, on_queue_timer);
}

static void on_start_queued(sw_loop_job *job)
{
    sw_worker *w = SW_CONTAINER_OF(job, sw_worker, start_queued);
    while (w->queue.first != NULL && has_place(w)) {
        start(take_queued(w));
    }
    set_queue_timer(w);
}

static void enqueue(sw_worker *w, sw_request *r)
{
    r->state = SW_REQUEST_QUEUED;
    r->queued_ns = sw_loop_now(w->loop);
    sw_requests_push(&w->queue, r);
    sw_count(&w->metrics.queued, 1);
    sw_gauge(&w->metrics.waiting, w->queue.count);
    set_queue_timer(w);
}

void sw_worker_on_request(sw_http_service *s, sw_exchange *x)
{
    static const sw_exchange_events EVENTS = {.on_end = on_end, .on_over = on_over};
    sw_worker *w = s->arg;
    sw_request *r = take_request(w);
    x->events = &EVENTS;
    x->arg = r;
    if (r == NULL) {
        sw_count(&w->metrics.no_memory, 1);
        sw_exchange_respond_text(x, 503, SW_STR("no room for this request\n"));
        sw_exchange_release(x);
        return;
    }
    r->exchange = x;
    sw_tracing_begin(r);
    if (has_place(w) && w->queue.first == NULL) {
        start(r);
    } else if (w->queue.count < w->server->worker_queue) {
        enqueue(w, r);
    } else {
        sw_count(&w->metrics.queue_full, 1);
        refuse(r, 503, SW_STR("the server is busy\n"));
    }
}

/* ---- The worker's part ----------------------------------------------------------------------- */

void sw_worker_requests_init(sw_worker *w)
{
    sw_worker_hogs_init(w);
    w->start_queued.fn = on_start_queued;
}

void sw_worker_requests_clear(sw_worker *w)
{
    sw_worker_drop_seats(w);
    while (w->spare_requests != NULL) {
        sw_request *r = w->spare_requests;
        w->spare_requests = r->next;
        sw_free(&w->budget, r, sizeof *r);
    }
}
