/* The client: making a connection, from a name to a protocol. */
#include "http/client/internal.h"

#include "os/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ATTEMPT_SECONDS = 3, H2_STREAMS_MAX = 100 };

static void try_next(client_conn *conn);

/* ---- Life ------------------------------------------------------------------------------------ */

static client_conn *new_conn(sw_http_client *c, client_call *call)
{
    client_conn *conn = sw_alloc(c->budget, sizeof *conn);
    if (conn == NULL) {
        return NULL;
    }
    client_origin *o = call->origin;
    *conn = (client_conn){.client = c,
                          .origin = o,
                          .call = call,
                          .fd = -1,
                          .error = SW_HTTP_E_NONE,
                          .next = o->conns};
    if (o->conns != NULL) {
        o->conns->prev = conn;
    }
    o->conns = conn;
    o->conns_count++;
    c->conns_count++;
    sw_count(&c->counters->connections, 1);
    return conn;
}

/* Whatever the attempt at the present address has. */
static void end_attempt(client_conn *conn)
{
    sw_loop *loop = conn->client->loop;
    sw_loop_unwatch(loop, &conn->watch);
    sw_loop_timer_stop(loop, &conn->timer);
    if (conn->io != NULL) {
        conn->io->ops->close(conn->io);
    } else if (conn->fd >= 0) {
        (void)close(conn->fd);
    }
    conn->io = NULL;
    conn->fd = -1;
}

void sw_client_conn_free(client_conn *conn)
{
    sw_http_client *c = conn->client;
    client_origin *o = conn->origin;
    sw_names_leave(&conn->query);
    end_attempt(conn);
    bool is_made = conn->state == CONN_BUSY || conn->state == CONN_IDLE;
    if (is_made && conn->is_h2) {
        sw_h2_client_clear(&conn->h2, SW_HTTP_E_CONNECTION_TERMINATED);
    } else if (is_made) {
        sw_h1_client_clear(&conn->h1, SW_HTTP_E_CONNECTION_TERMINATED);
    }
    *(conn->prev == NULL ? &o->conns : &conn->prev->next) = conn->next;
    if (conn->next != NULL) {
        conn->next->prev = conn->prev;
    }
    o->conns_count--;
    c->conns_count--;
    sw_count(&c->counters->connections, UINT64_MAX); /* one less */
    sw_free(c->budget, conn, sizeof *conn);
}

/* ---- The protocol ---------------------------------------------------------------------------- */

/* Each takes the io over, also when it fails. */
static sw_status begin_h1(client_conn *conn, sw_io *io)
{
    sw_http_client *c = conn->client;
    const sw_h1_limits limits = {c->limits.head_bytes, c->limits.head_fields, 0};
    return sw_h1_client_init(&conn->h1, c->loop, c->budget, &limits, io, &sw_client_h1_events);
}

static sw_status begin_h2(client_conn *conn, sw_io *io)
{
    sw_http_client *c = conn->client;
    const sw_h2_client_limits limits = {H2_STREAMS_MAX, c->limits.head_bytes, c->limits.head_fields,
                                        c->limits.pipe_bytes};
    c->scratch = c->scratch == NULL ? sw_alloc(c->budget, SW_H2_SCRATCH_BYTES) : c->scratch;
    if (c->scratch == NULL) {
        io->ops->close(io);
        return SW_NO_MEMORY;
    }
    return sw_h2_client_init(&conn->h2, c->loop, c->budget, &limits, io, c->scratch,
                             &sw_client_h2_events);
}

static void begin_protocol(client_conn *conn, sw_io *io)
{
    sw_http_client *c = conn->client;
    sw_loop_unwatch(c->loop, &conn->watch);
    sw_loop_timer_stop(c->loop, &conn->timer);
    conn->io = NULL;
    conn->fd = -1;
    conn->is_h2 = conn->origin->has_h2 = sw_str_eq(io->alpn, SW_STR("h2"));
    if ((conn->is_h2 ? begin_h2 : begin_h1)(conn, io) != SW_OK) {
        sw_client_not_connected(conn, SW_HTTP_E_INTERNAL_ERROR);
        return;
    }
    sw_count(&c->counters->opened, 1);
    sw_client_connected(conn);
}

static sw_http_error tls_error(const sw_io *io)
{
    sw_tls_info info;
    sw_tls_get_info(io, &info);
    switch (info.failure) {
    case SW_TLS_FAILED_CERT: return SW_HTTP_E_TLS_CERTIFICATE_ERROR;
    case SW_TLS_FAILED_ALERT: return SW_HTTP_E_TLS_ALERT_RECEIVED;
    case SW_TLS_FINE: return SW_HTTP_E_CONNECTION_TERMINATED;
    case SW_TLS_FAILED: break;
    }
    return SW_HTTP_E_TLS_PROTOCOL_ERROR;
}

static void shake_hands(client_conn *conn)
{
    int result = conn->io->ops->handshake(conn->io);
    if (result == 0) {
        begin_protocol(conn, conn->io);
    } else if (result != -EAGAIN) {
        sw_client_not_connected(conn, tls_error(conn->io));
    }
}

static void on_handshake(sw_watch *w, uint32_t events)
{
    (void)events;
    shake_hands(SW_CONTAINER_OF(w, client_conn, watch));
}

static sw_str name_of(sw_str host)
{
    if (host.len > 2 && host.ptr[0] == '[') {
        return sw_str_slice(host, 1, host.len - 2);
    }
    bool has_dot = host.len > 1 && host.ptr[host.len - 1] == '.';
    return sw_str_slice(host, 0, host.len - has_dot);
}

static void begin_tls(client_conn *conn)
{
    sw_http_client *c = conn->client;
    sw_diag diag = {};
    const sw_tls_client_options options = {.offers_h2 = true};
    if (c->tls == NULL && sw_tls_client_new(&options, &c->tls, &diag) != SW_OK) {
        sw_client_not_connected(conn, SW_HTTP_E_CONFIGURATION_ERROR);
        return;
    }
    if (sw_tls_connect(c->tls, conn->fd, name_of(conn->origin->host), c->budget, &conn->io) !=
            SW_OK ||
        sw_loop_watch(c->loop, &conn->watch, conn->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                      on_handshake) != SW_OK) {
        sw_client_not_connected(conn, SW_HTTP_E_INTERNAL_ERROR);
        return;
    }
    conn->state = CONN_HANDSHAKE;
    shake_hands(conn);
}

/* ---- The connection -------------------------------------------------------------------------- */

static sw_http_error error_of(int err)
{
    switch (err) {
    case ECONNREFUSED: return SW_HTTP_E_CONNECTION_REFUSED;
    case ETIMEDOUT: return SW_HTTP_E_CONNECTION_TIMEOUT;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL: return SW_HTTP_E_DESTINATION_IP_UNROUTABLE;
    case EMFILE:
    case ENFILE: return SW_HTTP_E_CONNECTION_LIMIT_REACHED;
    case EACCES:
    case EPERM: return SW_HTTP_E_DESTINATION_IP_PROHIBITED;
    case ENOMEM:
    case ENOBUFS: return SW_HTTP_E_INTERNAL_ERROR;
    default: return SW_HTTP_E_DESTINATION_UNAVAILABLE;
    }
}

static void miss(client_conn *conn, sw_http_error why)
{
    end_attempt(conn);
    conn->error = why;
    conn->address++;
    try_next(conn);
}

static void on_connected(client_conn *conn)
{
    int err = 0;
    socklen_t size = sizeof err;
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &err, &size) != 0 || err != 0) {
        miss(conn, error_of(err));
        return;
    }
    sw_loop_unwatch(conn->client->loop, &conn->watch);
    sw_loop_timer_stop(conn->client->loop, &conn->timer);
    if (conn->origin->is_secure) {
        begin_tls(conn);
    } else {
        sw_io_plain_init(&conn->plain, conn->fd, NULL, NULL);
        begin_protocol(conn, &conn->plain.io);
    }
}

static void on_writable(sw_watch *w, uint32_t events)
{
    (void)events;
    on_connected(SW_CONTAINER_OF(w, client_conn, watch));
}

static void on_attempt_timer(sw_loop_timer *t)
{
    miss(SW_CONTAINER_OF(t, client_conn, timer), SW_HTTP_E_CONNECTION_TIMEOUT);
}

static socklen_t address_of(const sw_ip *ip, uint16_t port, struct sockaddr_storage *ret)
{
    *ret = (struct sockaddr_storage){};
    if (ip->is_v6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        memcpy(&in6->sin6_addr, ip->bytes, sizeof in6->sin6_addr);
        return sizeof *in6;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)ret;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    memcpy(&in->sin_addr, ip->bytes, sizeof in->sin_addr);
    return sizeof *in;
}

/* Begins to connect; 0 or an errno. */
static int start_attempt(client_conn *conn, const sw_ip *ip)
{
    sw_loop *loop = conn->client->loop;
    struct sockaddr_storage to;
    socklen_t size = address_of(ip, conn->origin->port, &to);
    int on = 1;
    conn->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0) {
        return errno;
    }
    (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(conn->fd, (const struct sockaddr *)&to, size) != 0 && errno != EINPROGRESS) {
        return errno;
    }
    if (sw_loop_watch(loop, &conn->watch, conn->fd, EPOLLOUT, on_writable) != SW_OK) {
        return ENOMEM;
    }
    conn->state = CONN_CONNECTING;
    if (conn->address + 1 < conn->addresses.count) {
        sw_loop_timer_start(loop, &conn->timer, sw_loop_now(loop) + ATTEMPT_SECONDS * SW_NS_PER_S,
                            on_attempt_timer);
    }
    return 0;
}

/* The next address that may be connected to and does not fail at once. */
static void try_next(client_conn *conn)
{
    const sw_http_send *how = &conn->call->how;
    for (; conn->address < conn->addresses.count; conn->address++) {
        const sw_ip *ip = &conn->addresses.ips[conn->address];
        bool is_last = conn->address + 1 == conn->addresses.count;
        if (how->allows != NULL && !how->allows(how->env, &how->target, ip, is_last)) {
            conn->error =
                conn->error == SW_HTTP_E_NONE ? SW_HTTP_E_DESTINATION_IP_PROHIBITED : conn->error;
            continue;
        }
        int err = start_attempt(conn, ip);
        if (err == 0) {
            return;
        }
        end_attempt(conn);
        conn->error = error_of(err);
    }
    sw_client_not_connected(conn, conn->error);
}

/* ---- The name -------------------------------------------------------------------------------- */

static void begin_attempts(client_conn *conn, const sw_resolve_answer *answer)
{
    if (answer->result != SW_RESOLVED) {
        sw_client_not_connected(conn, answer->result == SW_RESOLVE_AGAIN ? SW_HTTP_E_DNS_TIMEOUT
                                                                         : SW_HTTP_E_DNS_ERROR);
        return;
    }
    conn->addresses = *answer;
    try_next(conn);
}

static void on_resolved(sw_name_query *q, const sw_resolve_answer *answer)
{
    begin_attempts(SW_CONTAINER_OF(q, client_conn, query), answer);
}

void sw_client_connect(sw_http_client *c, client_call *call)
{
    sw_resolve_answer answer;
    client_conn *conn = new_conn(c, call);
    call->conn = conn;
    if (conn == NULL) {
        sw_exchange_abort(call->x, SW_HTTP_E_INTERNAL_ERROR);
        return;
    }
    sw_str name = name_of(call->origin->host);
    if (sw_names_find(c->names, name, &answer)) {
        begin_attempts(conn, &answer);
    } else if (sw_names_ask(c->names, name, &conn->query, on_resolved) != SW_OK) {
        sw_client_not_connected(conn, SW_HTTP_E_DNS_ERROR);
    }
}
