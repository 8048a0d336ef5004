/* The worker's life: setting up, the thread, another app, draining, the end. */
#include "http/server/worker.h"

#include "http/h2.h"
#include "http/server/internal.h"
#include "http/server/log.h"
#include "http/server/tracing.h"
#include "os/clock.h"
#include "os/thread.h"

#include <signal.h>
#include <unistd.h>

/* ---- The end --------------------------------------------------------------------------------- */

static bool is_idle(const sw_worker *w)
{
    return w->service.connections_count == 0 && w->running == 0 && w->queue.first == NULL;
}

static void on_look(sw_loop_job *job)
{
    sw_worker *w = SW_CONTAINER_OF(job, sw_worker, look_for_end);
    if (is_idle(w)) {
        sw_loop_stop(w->loop);
    }
}

void sw_worker_look_for_end(sw_worker *w)
{
    if (w->phase != SW_WORKER_SERVES) {
        sw_loop_defer(w->loop, &w->look_for_end);
    }
}

/* Connections go now, and their guests as soon as they notice. */
static void cut(sw_worker *w)
{
    w->phase = SW_WORKER_ENDS;
    sw_loop_timer_stop(w->loop, &w->drain_timer);
    sw_http_service_cut(&w->service);
}

static void on_drain_timer(sw_loop_timer *t)
{
    cut(SW_CONTAINER_OF(t, sw_worker, drain_timer));
}

static void on_stop(sw_loop_job *job)
{
    sw_worker *w = SW_CONTAINER_OF(job, sw_worker, stop);
    if (w->phase == SW_WORKER_SERVES) {
        w->phase = SW_WORKER_DRAINS;
        sw_worker_stop_accepting(w);
        sw_http_service_drain(&w->service);
        sw_loop_timer_start(w->loop, &w->drain_timer,
                            sw_loop_now(w->loop) + w->server->config.drain_ns, on_drain_timer);
    }
    if (atomic_load(&w->server->stops) > 1) {
        cut(w);
    }
    sw_worker_look_for_end(w);
}

void sw_worker_stop(sw_worker *w)
{
    sw_loop_post(w->loop, &w->stop);
}

/* ---- Another app ----------------------------------------------------------------------------- */

static void on_take_app(sw_loop_job *job)
{
    sw_worker *w = SW_CONTAINER_OF(job, sw_worker, take_app);
    sw_app *app = atomic_exchange(&w->next_app, NULL);
    if (app != NULL) {
        sw_app_unref(w->app);
        w->app = app;
        sw_worker_drop_seats(w);
        sw_count(&w->metrics.reloads, 1);
    }
}

void sw_worker_reload(sw_worker *w, sw_app *app)
{
    if (!w->has_started) {
        sw_app_unref(w->app);
        w->app = app;
        return;
    }
    sw_app_unref(atomic_exchange(&w->next_app, app));
    sw_loop_post(w->loop, &w->take_app);
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void report_end(sw_server *s)
{
    if (atomic_fetch_sub(&s->workers_left, 1) == 1) {
        uint64_t one = 1;
        ssize_t written = write(s->ended_fd, &one, sizeof one);
        (void)written;
    }
}

static void *run(void *arg)
{
    sw_worker *w = arg;
    sw_watchdog_enter(w);
    sw_alarm_init(&w->alarm, SIGURG);
    sw_loop_run(w->loop);
    sw_alarm_clear(&w->alarm);
    sw_log_flush(w);
    sw_worker_requests_clear(w);
    report_end(w->server);
    return NULL;
}

sw_status sw_worker_start(sw_worker *w, sw_diag *diag)
{
    SW_TRY(sw_worker_accept(w));
    if (sw_thread_start(&w->thread, run, w) != SW_OK) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "no thread for a worker");
    }
    w->has_started = true;
    return SW_OK;
}

/* ---- Making and freeing ---------------------------------------------------------------------- */

sw_status sw_worker_init(sw_worker *w, sw_server *server, unsigned number, sw_diag *diag)
{
    w->server = server;
    w->number = number;
    w->stop.fn = on_stop;
    w->look_for_end.fn = on_look;
    w->take_app.fn = on_take_app;
    sw_budget_init(&w->budget, (size_t)(server->config.buffers_bytes / server->workers_count));
    sw_log_init(w);
    sw_worker_requests_init(w);
    SW_TRY(sw_tracing_init(w));
    SW_TRY(sw_loop_new(&w->loop, diag));
    SW_TRY(sw_http_service_init(&w->service, w->loop, &w->budget, &server->config.http));
    w->has_service = true;
    w->metrics.http = &w->service.counters;
    w->service.arg = w;
    w->service.on_request = sw_worker_on_request;
    w->service.on_closed = sw_worker_closed;
    w->service.serve_h2 = sw_h2_serve;
    return SW_OK;
}

void sw_worker_clear(sw_worker *w)
{
    for (uint32_t i = 0; i < w->listeners_count; i++) {
        if (!w->listeners[i].is_shared && w->listeners[i].fd >= 0) {
            (void)close(w->listeners[i].fd);
        }
    }
    if (w->has_service) {
        sw_http_service_clear(&w->service);
    }
    sw_worker_requests_clear(w);
    sw_worker_free_peers(w);
    sw_loop_free(w->loop);
    sw_app_unref(w->app);
    sw_app_unref(atomic_load(&w->next_app));
    sw_tracing_clear(w);
    sw_buf_clear(&w->log);
}
