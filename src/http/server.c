/* The server: its sockets, its workers, and what reaches all of them. */
#include "http/server.h"

#include "http/server/admin.h"
#include "http/server/internal.h"
#include "os/clock.h"
#include "os/thread.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

const sw_server_config SW_SERVER_CONFIG_DEFAULT = {
    .store =
        {
                .memory_bytes = UINT64_C(256) << 20,
                .table_elements = 1000000,
                .host_bytes = UINT64_C(64) << 20,
                .stack_bytes = UINT64_C(8) << 20,
                .instances = 1000,
                },
    .timeout_ns = 30 * SW_NS_PER_S,
    .queue_ns = 5 * SW_NS_PER_S,
    .drain_ns = 30 * SW_NS_PER_S,
    .connections = 20000,
    .requests = 1000,
    .queue = 1000,
    .buffers_bytes = UINT64_C(512) << 20,
    .descriptors = 4096,
    .outgoing =
        {
                .connections = 1000,
                .host_connections = 1000,
                .waiting = 1000,
                .head_bytes = 64 * 1024,
                .head_fields = 256,
                .pipe_bytes = 64 * 1024,
                .connect_ns = 10 * SW_NS_PER_S,
                .first_byte_ns = 60 * SW_NS_PER_S,
                .between_bytes_ns = 60 * SW_NS_PER_S,
                .idle_ns = 30 * SW_NS_PER_S,
                },
    .reuse = 1,
    .log_bytes = UINT64_C(256) << 10,
    .trace_one_in = 1,
};

/* ---- Sockets --------------------------------------------------------------------------------- */

static sw_status add_listener(sw_worker *w, int fd, bool is_shared, sw_diag *diag)
{
    if (w->listeners_count == SW_LISTENERS_MAX) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "more than %d addresses", SW_LISTENERS_MAX);
    }
    w->listeners[w->listeners_count++] = (sw_listener){.fd = fd, .is_shared = is_shared};
    return SW_OK;
}

static void add_url(sw_server *s, const sw_address *a)
{
    char text[SW_LISTEN_TEXT_BYTES];
    sw_address_write(a, text);
    (void)snprintf(s->urls[s->urls_count++], SW_SERVER_URL_BYTES, "http%s://%s",
                   s->config.has_tls ? "s" : "", text);
}

static sw_status listen_on(sw_server *s, const char *text, sw_diag *diag)
{
    sw_address address;
    int fds[SW_WORKERS_MAX];
    SW_TRY(sw_address_read(text, diag, &address));
    SW_TRY(sw_listen(&address, s->workers_count, diag, fds));
    sw_status st = SW_OK;
    for (unsigned i = 0; i < s->workers_count; i++) {
        sw_status one = add_listener(&s->workers[i], fds[i], false, diag);
        if (one != SW_OK) {
            (void)close(fds[i]);
            st = one;
        }
    }
    if (st == SW_OK) {
        add_url(s, &address);
    }
    return st;
}

static sw_status adopt(sw_server *s, int fd, sw_diag *diag)
{
    sw_address address;
    SW_TRY(sw_listen_adopt(fd, diag, &address));
    for (unsigned i = 0; i < s->workers_count; i++) {
        SW_TRY(add_listener(&s->workers[i], fd, true, diag));
    }
    add_url(s, &address);
    return SW_OK;
}

static sw_status open_sockets(sw_server *s, sw_diag *diag)
{
    for (size_t i = 0; i < s->config.listen_fds_count; i++) {
        SW_TRY(adopt(s, s->config.listen_fds[i], diag));
    }
    for (size_t i = 0; i < s->config.listen_count; i++) {
        SW_TRY(listen_on(s, s->config.listen[i], diag));
    }
    return s->config.admin == NULL ? SW_OK : sw_admin_new(s, diag, &s->admin);
}

/* ---- Making ---------------------------------------------------------------------------------- */

static uint32_t share(uint32_t whole, unsigned workers)
{
    return whole == 0 ? 0 : (whole + workers - 1) / workers;
}

/* Guests get a quarter of what the process may have open at most: connections need some, too. */
static uint32_t descriptors_of(const sw_server *s)
{
    struct rlimit limit;
    uint64_t most = s->config.descriptors;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        most = SW_MIN(most, (uint64_t)limit.rlim_cur / 4);
    }
    return (uint32_t)most;
}

static void share_outgoing(sw_server *s, unsigned count)
{
    sw_http_client_limits *l = &s->worker_outgoing;
    *l = s->config.outgoing;
    l->connections = share(l->connections, count);
    l->host_connections = l->connections;
    l->waiting = share(l->waiting, count);
}

static sw_status make_workers(sw_server *s, sw_app *app, sw_diag *diag)
{
    unsigned count = s->config.workers == 0 ? sw_os_cores() : s->config.workers;
    count = SW_MIN(count, (unsigned)SW_WORKERS_MAX);
    s->workers = sw_alloc_array(NULL, count, sizeof *s->workers);
    if (s->workers == NULL) {
        return SW_NO_MEMORY;
    }
    s->workers_count = count;
    s->worker_connections = share(s->config.connections, count);
    s->worker_requests = SW_MAX(share(s->config.requests, count), 1u);
    s->worker_queue = share(s->config.queue, count);
    share_outgoing(s, count);
    for (unsigned i = 0; i < count; i++) {
        s->workers[i].app = app == NULL ? NULL : sw_app_ref(app);
        s->workers[i].metrics.descriptors.limit = share(descriptors_of(s), count);
        SW_TRY(sw_worker_init(&s->workers[i], s, i, diag));
    }
    return SW_OK;
}

sw_status sw_server_new(sw_engine *e, const sw_server_config *config, sw_app *app, sw_diag *diag,
                        sw_server **ret_server)
{
    sw_server *s = sw_alloc(NULL, sizeof *s);
    if (s == NULL) {
        sw_app_unref(app);
        return SW_NO_MEMORY;
    }
    s->engine = e;
    s->config = *config;
    s->start_ns = sw_clock_monotonic_ns();
    (void)pthread_mutex_init(&s->log_lock, NULL);
    s->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sw_status st = s->ended_fd < 0 ? SW_IO : make_workers(s, app, diag);
    sw_app_unref(app);
    if (st == SW_OK && config->otlp.url != NULL) {
        st = sw_otlp_new(s, diag, &s->otlp);
    }
    if (st == SW_OK) {
        st = open_sockets(s, diag);
    }
    if (st != SW_OK) {
        sw_server_free(s);
        return sw_fail(diag, st, SW_NO_OFFSET, "server: %s", sw_status_text(st));
    }
    *ret_server = s;
    return SW_OK;
}

const char *sw_server_url(const sw_server *s, size_t index)
{
    return index < s->urls_count ? s->urls[index] : NULL;
}

const char *sw_server_admin_url(const sw_server *s)
{
    return s->admin == NULL ? NULL : sw_admin_url(s->admin);
}

/* ---- Running --------------------------------------------------------------------------------- */

sw_status sw_server_start(sw_server *s, sw_diag *diag)
{
    if (s->workers[0].app == NULL) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "server: there is nothing to serve");
    }
    SW_TRY(sw_watchdog_start(&s->watchdog, s->workers, s->workers_count, diag));
    if (s->otlp != NULL) {
        SW_TRY(sw_otlp_start(s->otlp, diag));
    }
    for (unsigned i = 0; i < s->workers_count; i++) {
        (void)atomic_fetch_add(&s->workers_left, 1);
        sw_status st = sw_worker_start(&s->workers[i], diag);
        if (st != SW_OK) {
            (void)atomic_fetch_sub(&s->workers_left, 1);
            return st;
        }
    }
    return s->admin == NULL ? SW_OK : sw_admin_start(s->admin, diag);
}

void sw_server_stop(sw_server *s)
{
    (void)atomic_fetch_add(&s->stops, 1);
    for (unsigned i = 0; i < s->workers_count; i++) {
        if (s->workers[i].loop != NULL) {
            sw_worker_stop(&s->workers[i]);
        }
    }
}

bool sw_server_is_ready(const sw_server *s)
{
    return atomic_load(&s->stops) == 0;
}

int sw_server_ended_fd(const sw_server *s)
{
    return s->ended_fd;
}

void sw_server_reload(sw_server *s, sw_app *app)
{
    for (unsigned i = 0; i < s->workers_count; i++) {
        sw_worker_reload(&s->workers[i], sw_app_ref(app));
    }
    sw_app_unref(app);
}

void sw_server_log(sw_server *s, sw_str lines)
{
    if (s->config.log != NULL) {
        (void)pthread_mutex_lock(&s->log_lock);
        s->config.log(s->config.log_env, lines);
        (void)pthread_mutex_unlock(&s->log_lock);
    }
}

void sw_server_free(sw_server *s)
{
    if (s == NULL) {
        return;
    }
    (void)atomic_fetch_add(&s->stops, 1);
    sw_server_stop(s);
    for (unsigned i = 0; i < s->workers_count; i++) {
        if (s->workers[i].has_started) {
            (void)pthread_join(s->workers[i].thread, NULL);
        }
    }
    sw_watchdog_end(&s->watchdog);
    sw_otlp_free(s->otlp);
    sw_admin_free(s->admin);
    for (unsigned i = 0; i < s->workers_count; i++) {
        sw_worker_clear(&s->workers[i]);
    }
    for (size_t i = 0; i < s->config.listen_fds_count; i++) {
        (void)close(s->config.listen_fds[i]);
    }
    if (s->ended_fd >= 0) {
        (void)close(s->ended_fd);
    }
    (void)pthread_mutex_destroy(&s->log_lock);
    sw_free(NULL, s->workers, s->workers_count * sizeof *s->workers);
    sw_free(NULL, s, sizeof *s);
}
