/* Accepting connections, as many as there may be. */
#include "http/server/app.h"
#include "http/server/internal.h"

#include "os/clock.h"

#include <errno.h>
#include <unistd.h>

/* Accepted at most before others have their turn; how long to wait when descriptors run out. */
enum { ACCEPT_BATCH = 64 };
#define RETRY_NS (100 * SW_NS_PER_MS)

/* ---- Peers ----------------------------------------------------------------------------------- */

static sw_peer *take_peer(sw_worker *w)
{
    sw_peer *p = w->spare_peers;
    if (p != NULL) {
        w->spare_peers = p->next;
    } else {
        p = sw_alloc(&w->budget, sizeof *p);
    }
    if (p != NULL) {
        p->worker = w;
    }
    return p;
}

static void give_peer(sw_peer *p)
{
    p->next = p->worker->spare_peers;
    p->worker->spare_peers = p;
}

void sw_worker_free_peers(sw_worker *w)
{
    while (w->spare_peers != NULL) {
        sw_peer *p = w->spare_peers;
        w->spare_peers = p->next;
        sw_free(&w->budget, p, sizeof *p);
    }
}

/* ---- Accepting ------------------------------------------------------------------------------- */

static void on_connection(sw_watch *watch, uint32_t events);

static bool want_connections(sw_worker *w, bool wants)
{
    bool ok = true;
    for (uint32_t i = 0; i < w->listeners_count; i++) {
        ok &= sw_loop_rewatch(w->loop, &w->listeners[i].watch, wants ? EPOLLIN : 0);
    }
    w->is_accepting = wants && ok;
    return ok;
}

static void on_accept_again(sw_loop_timer *t);

/* New peers wait in the kernel until a connection ends, or for some time. */
static void pause_accepting(sw_worker *w)
{
    (void)want_connections(w, false);
    sw_loop_timer_start(w->loop, &w->accept_again, sw_loop_now(w->loop) + RETRY_NS,
                        on_accept_again);
}

static void resume_accepting(sw_worker *w)
{
    if (w->is_accepting || w->phase != SW_WORKER_SERVES) {
        return;
    }
    sw_loop_timer_stop(w->loop, &w->accept_again);
    if (!want_connections(w, true)) {
        pause_accepting(w);
    }
}

static void on_accept_again(sw_loop_timer *t)
{
    resume_accepting(SW_CONTAINER_OF(t, sw_worker, accept_again));
}

/* OpenSSL's memory is taken in one piece, so that the end of it can be seen coming. */
static bool has_memory(const sw_worker *w)
{
    size_t used = atomic_load_explicit(&w->budget.used_bytes, memory_order_relaxed);
    return w->app->parts.tls == NULL || used + 2 * SW_TLS_CONNECTION_BYTES <= w->budget.limit_bytes;
}

static bool is_full(const sw_worker *w)
{
    return w->service.connections_count >= w->server->worker_connections || !has_memory(w);
}

/* Of the connections that nobody asks anything on, the one that has been there longest goes. */
static void cut_idle(sw_worker *w)
{
    sw_http_conn *idle = NULL;
    for (sw_http_conn *c = w->service.connections; c != NULL; c = c->next) {
        idle = c->is_idle ? c : idle;
    }
    if (idle != NULL) {
        sw_count(&w->metrics.refused, 1);
        idle->ops->cut(idle);
    }
}

static sw_status open_io(sw_worker *w, int fd, sw_peer *p, sw_io **ret_io)
{
    sw_tls *tls = w->app->parts.tls;
    if (tls != NULL) {
        sw_status st = sw_tls_accept(tls, fd, &w->budget, ret_io);
        if (st != SW_OK) {
            (void)close(fd);
        }
        return st;
    }
    sw_io_plain_init(&p->io, fd, NULL, NULL);
    *ret_io = &p->io.io;
    return SW_OK;
}

static void serve(sw_worker *w, int fd, sw_peer *p)
{
    sw_io *io;
    sw_count(&w->metrics.accepted, 1);
    if (open_io(w, fd, p, &io) != SW_OK || sw_http_serve(&w->service, io, p) != SW_OK) {
        sw_count(&w->metrics.no_memory, 1);
        give_peer(p);
    }
    sw_gauge(&w->metrics.connections, w->service.connections_count);
}

/* False: there is nobody, or no more can be taken. */
static bool accept_one(sw_worker *w, int listener)
{
    if (is_full(w)) {
        cut_idle(w);
    }
    if (is_full(w)) { /* until somebody has closed: see sw_worker_closed */
        pause_accepting(w);
        return false;
    }
    sw_peer *p = take_peer(w);
    if (p == NULL) {
        pause_accepting(w);
        return false;
    }
    p->address.len = sizeof p->address.storage;
    int fd = accept4(listener, (struct sockaddr *)&p->address.storage, &p->address.len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        serve(w, fd, p);
        return true;
    }
    int error = errno;
    give_peer(p);
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
        pause_accepting(w);
        return false;
    }
    return error == EINTR || error == ECONNABORTED;
}

static void on_connection(sw_watch *watch, uint32_t events)
{
    (void)events;
    sw_listener *l = SW_CONTAINER_OF(watch, sw_listener, watch);
    for (int i = 0; i < ACCEPT_BATCH && accept_one(l->worker, l->fd); i++) {
    }
}

void sw_worker_closed(sw_http_service *s, void *peer)
{
    sw_worker *w = s->arg;
    give_peer(peer);
    sw_gauge(&w->metrics.connections, s->connections_count);
    resume_accepting(w);
    sw_worker_look_for_end(w);
}

sw_status sw_worker_accept(sw_worker *w)
{
    for (uint32_t i = 0; i < w->listeners_count; i++) {
        sw_listener *l = &w->listeners[i];
        l->worker = w;
        SW_TRY(sw_loop_watch(w->loop, &l->watch, l->fd, EPOLLIN, on_connection));
    }
    w->is_accepting = true;
    return SW_OK;
}

/* Who has connected already is let in first: closing the socket would reset him. */
void sw_worker_stop_accepting(sw_worker *w)
{
    sw_loop_timer_stop(w->loop, &w->accept_again);
    for (uint32_t i = 0; i < w->listeners_count; i++) {
        sw_listener *l = &w->listeners[i];
        while (!l->is_shared && !is_full(w) && accept_one(w, l->fd)) {
        }
    }
    for (uint32_t i = 0; i < w->listeners_count; i++) {
        sw_loop_unwatch(w->loop, &w->listeners[i].watch);
        if (!w->listeners[i].is_shared) {
            (void)close(w->listeners[i].fd);
        }
        w->listeners[i].fd = -1;
    }
}
