#include "http/server/admin.h"

#include "http/server/internal.h"
#include "os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { BUDGET_BYTES = 32 << 20, CONNECTIONS_MAX = 64, PAGE_MAX_BYTES = 1 << 20 };

struct sw_admin {
    sw_server *server; /* borrowed */
    pthread_t thread;
    bool has_started, has_service;
    sw_loop *loop;
    sw_budget budget;
    sw_http_service service;
    sw_watch watch;
    sw_loop_job end;
    int fd;
    char url[SW_SERVER_URL_BYTES];
};

/* ---- Pages ----------------------------------------------------------------------------------- */

static void write_process(const sw_server *s, sw_buf *out)
{
    sw_buf_printf(out,
                  "# HELP swell_uptime_seconds Since the server was made.\n"
                  "# TYPE swell_uptime_seconds gauge\nswell_uptime_seconds %.3f\n"
                  "# HELP swell_workers Threads that serve.\n# TYPE swell_workers gauge\n"
                  "swell_workers %u\n"
                  "# HELP process_cpu_seconds_total Processor time of the process.\n"
                  "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.3f\n",
                  (double)(sw_clock_monotonic_ns() - s->start_ns) / 1e9, s->workers_count,
                  (double)sw_clock_process_cpu_ns() / 1e9);
}

static void write_counter(sw_buf *out, const char *key, const char *help, uint64_t value)
{
    sw_buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n%s %" PRIu64 "\n", key, help, key, key,
                  value);
}

static void write_spans(const sw_server *s, sw_buf *out)
{
    uint64_t dropped = 0;
    if (s->otlp == NULL) {
        return;
    }
    for (unsigned i = 0; i < s->workers_count; i++) {
        dropped += sw_counter_get(&s->workers[i].spans.dropped);
    }
    const sw_otlp_counters *c = sw_otlp_counts(s->otlp);
    write_counter(out, "swell_spans_exported_total", "Spans that the collector has taken.",
                  sw_counter_get(&c->exported));
    write_counter(out, "swell_spans_dropped_total", "Spans for which there was no room.", dropped);
    write_counter(out, "swell_spans_lost_total", "Spans that the collector did not take.",
                  sw_counter_get(&c->lost));
}

static void answer_metrics(sw_admin *a, sw_exchange *x)
{
    const sw_metrics *all[SW_WORKERS_MAX];
    sw_buf page;
    sw_buf_init(&page, &a->budget, PAGE_MAX_BYTES);
    for (unsigned i = 0; i < a->server->workers_count; i++) {
        all[i] = &a->server->workers[i].metrics;
    }
    sw_metrics_write(all, a->server->workers_count, &page);
    write_process(a->server, &page);
    write_spans(a->server, &page);
    if (sw_buf_status(&page) == SW_OK) {
        sw_exchange_respond_text(x, 200, (sw_str){(const char *)page.ptr, page.len});
    } else {
        sw_exchange_respond_text(x, 503, SW_STR("no memory\n"));
    }
    sw_buf_clear(&page);
}

static void answer_health(sw_admin *a, sw_exchange *x)
{
    (void)a;
    sw_exchange_respond_text(x, 200, SW_STR("ok\n"));
}

static void answer_ready(sw_admin *a, sw_exchange *x)
{
    if (sw_server_is_ready(a->server)) {
        sw_exchange_respond_text(x, 200, SW_STR("ready\n"));
    } else {
        sw_exchange_respond_text(x, 503, SW_STR("stopping\n"));
    }
}

static void on_request(sw_http_service *s, sw_exchange *x)
{
    static const struct {
        const char *path;
        void (*answer)(sw_admin *a, sw_exchange *x);
    } PAGES[] = {
        {"/metrics", answer_metrics},
        {"/healthz", answer_health },
        {"/readyz",  answer_ready  },
    };
    static const sw_exchange_events NONE = {};
    sw_str path = sw_http_head_part(&x->request, SW_HTTP_PATH);
    bool reads = x->request.method == SW_HTTP_GET || x->request.method == SW_HTTP_HEAD;
    x->events = &NONE;
    path = sw_str_slice(path, 0, sw_str_find(path, '?'));
    for (size_t i = 0; i < SW_COUNTOF(PAGES); i++) {
        if (reads && sw_str_eq(path, sw_str_of(PAGES[i].path))) {
            PAGES[i].answer(s->arg, x);
            sw_exchange_release(x);
            return;
        }
    }
    sw_exchange_respond_text(x, reads ? 404 : 405,
                             SW_STR("there are /metrics, /healthz and /readyz\n"));
    sw_exchange_release(x);
}

/* ---- Connections ----------------------------------------------------------------------------- */

static void on_close(sw_io_plain *io, void *arg)
{
    sw_admin *a = arg;
    sw_free(&a->budget, io, sizeof *io);
}

static void on_connection(sw_watch *watch, uint32_t events)
{
    sw_admin *a = SW_CONTAINER_OF(watch, sw_admin, watch);
    (void)events;
    int fd = accept4(a->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    sw_io_plain *io =
        a->service.connections_count >= CONNECTIONS_MAX ? NULL : sw_alloc(&a->budget, sizeof *io);
    if (io == NULL) {
        (void)close(fd);
        return;
    }
    sw_io_plain_init(io, fd, on_close, a);
    sw_status st = sw_http_serve(&a->service, &io->io, NULL);
    (void)st; /* the io was closed then */
}

static void on_end(sw_loop_job *job)
{
    sw_admin *a = SW_CONTAINER_OF(job, sw_admin, end);
    sw_loop_unwatch(a->loop, &a->watch);
    sw_http_service_cut(&a->service);
    sw_loop_stop(a->loop);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void *run(void *arg)
{
    sw_admin *a = arg;
    sw_loop_run(a->loop);
    return NULL;
}

static sw_status set_up(sw_admin *a, sw_diag *diag)
{
    sw_address address;
    char text[SW_LISTEN_TEXT_BYTES];
    sw_http_limits limits = sw_http_limits_default;
    limits.body_bytes = 0;
    sw_budget_init(&a->budget, BUDGET_BYTES);
    a->end.fn = on_end;
    SW_TRY(sw_address_read(a->server->config.admin, diag, &address));
    SW_TRY(sw_loop_new(&a->loop, diag));
    SW_TRY(sw_http_service_init(&a->service, a->loop, &a->budget, &limits));
    a->has_service = true;
    a->service.arg = a;
    a->service.on_request = on_request;
    SW_TRY(sw_listen(&address, 1, diag, &a->fd));
    sw_address_write(&address, text);
    (void)snprintf(a->url, sizeof a->url, "http://%s", text);
    return sw_loop_watch(a->loop, &a->watch, a->fd, EPOLLIN, on_connection);
}

sw_status sw_admin_new(sw_server *s, sw_diag *diag, sw_admin **ret_admin)
{
    sw_admin *a = sw_alloc(NULL, sizeof *a);
    if (a == NULL) {
        return SW_NO_MEMORY;
    }
    a->server = s;
    a->fd = -1;
    sw_status st = set_up(a, diag);
    if (st != SW_OK) {
        sw_admin_free(a);
        return st;
    }
    *ret_admin = a;
    return SW_OK;
}

sw_status sw_admin_start(sw_admin *a, sw_diag *diag)
{
    if (sw_thread_start(&a->thread, run, a) != SW_OK) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "no thread for the admin address");
    }
    a->has_started = true;
    return SW_OK;
}

void sw_admin_free(sw_admin *a)
{
    if (a == NULL) {
        return;
    }
    if (a->has_started) {
        sw_loop_post(a->loop, &a->end);
        (void)pthread_join(a->thread, NULL);
    }
    if (a->has_service) {
        sw_http_service_clear(&a->service);
    }
    sw_loop_free(a->loop);
    if (a->fd >= 0) {
        (void)close(a->fd);
    }
    sw_free(NULL, a, sizeof *a);
}

const char *sw_admin_url(const sw_admin *a)
{
    return a->url;
}
