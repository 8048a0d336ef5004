/* WASI 0.2: wasi:sockets/tcp. */
#include "wasi/p2/net.h"
#include "wasi_sockets_tcp.h"
#include "wasi_sockets_tcp_create_socket.h"

#include "os/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

enum {
    BACKLOG_DEFAULT = 128,
    BACKLOG_MAX = 4096,
    SECONDS_MAX = 32767, /* what the kernel takes for keep-alive */
    PROBES_MAX = 127,
};

/* In the order that is compared with; what is begun is ended by its finish function. */
typedef enum tcp_state {
    TCP_UNBOUND,
    TCP_BINDING,
    TCP_BOUND,
    TCP_LISTEN_BEGUN,
    TCP_IS_LISTENING,
    TCP_IS_CONNECTING,
    TCP_CONNECTED,
    TCP_FAILED, /* a connection that was not made: good for nothing */
} tcp_state;

typedef struct tcp_socket {
    p2_file *file; /* a reference */
    tcp_state state;
    bool is_v6;
    net_sockaddr asked; /* for, when it was bound */
    int backlog;
} tcp_socket;

/* A function of wasi:sockets/tcp, as its header has it. */
#define TCP_FN(name)                                                                      \
    sw_trap sw_wasi_sockets_tcp_tcp_socket_##name(                                        \
        sw_host_call *call, const sw_wasi_sockets_tcp_tcp_socket_##name##_params *params, \
        sw_wasi_sockets_tcp_tcp_socket_##name##_result *ret)

static void drop_socket(sw_p2 *p, void *body)
{
    tcp_socket *s = body;
    sw_p2_file_unref(p, s->file);
    sw_free(p->budget, s, sizeof *s);
}

static const sw_p2_type TCP_SOCKET = {"tcp-socket", drop_socket};

void sw_wasi_sockets_tcp_tcp_socket_drop(void *env, uint32_t rep)
{
    sw_p2_drop_other(env, rep, &TCP_SOCKET);
}

static sw_trap get(sw_host_call *call, uint32_t rep, tcp_socket **ret)
{
    void *body;
    P2_TRY(sw_p2_get_other(call, rep, &TCP_SOCKET, &body));
    *ret = body;
    return SW_TRAP_NONE;
}

/* Takes the file over, also when it fails. */
static sw_trap add_socket(sw_host_call *call, p2_file *file, bool is_v6, tcp_state state,
                          uint32_t *ret_rep)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    tcp_socket *s = sw_alloc(p->budget, sizeof *s);
    if (s == NULL) {
        sw_p2_file_unref(p, file);
        return sw_p2_no_memory(call);
    }
    *s = (tcp_socket){.file = file, .state = state, .is_v6 = is_v6, .backlog = BACKLOG_DEFAULT};
    return sw_p2_add_other(p, &TCP_SOCKET, s, ret_rep);
}

/* What is written is meant to go now: guests gather for themselves. */
static void hurry(const p2_file *file)
{
    (void)net_set_option(file, IPPROTO_TCP, TCP_NODELAY, 1);
}

sw_trap sw_wasi_sockets_tcp_create_socket_create_tcp_socket(
    sw_host_call *call, const sw_wasi_sockets_tcp_create_socket_create_tcp_socket_params *params,
    sw_wasi_sockets_tcp_create_socket_create_tcp_socket_result *ret)
{
    int code;
    p2_file *file = NULL;
    bool is_v6 = params->address_family == SW_WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV6;
    P2_TRY(net_new_file(call, is_v6, SOCK_STREAM, -1, &file, &code));
    NET_FINISH(code, ret);
    hurry(file);
    return add_socket(call, file, is_v6, TCP_UNBOUND, &ret->ok);
}

/* Why an operation that begins something cannot, when the state is not one that it begins from. */
static int wrong_state(const tcp_socket *s)
{
    bool is_busy =
        s->state == TCP_BINDING || s->state == TCP_LISTEN_BEGUN || s->state == TCP_IS_CONNECTING;
    return is_busy ? NET(CONCURRENCY_CONFLICT) : NET(INVALID_STATE);
}

/* ---- Binding --------------------------------------------------------------------------------- */

/* Any port of any address: what a socket is bound to when nobody asks. It may not listen there. */
static bool is_anywhere(const net_sockaddr *local)
{
    return net_is_unspecified(local) && net_port_of(local) == 0;
}

static int start_bind(sw_p2 *p, tcp_socket *s, const net_address *address)
{
    net_sockaddr local;
    if (s->state != TCP_UNBOUND) {
        return wrong_state(s);
    }
    int code = net_read_address(address, s->is_v6, NET_LOCAL, &local);
    if (code != NET_OK) {
        return code;
    }
    if (!is_anywhere(&local) && !net_allows(p, SW_NET_LISTEN, &local)) {
        return NET(ACCESS_DENIED);
    }
    (void)net_set_option(s->file, SOL_SOCKET, SO_REUSEADDR, 1);
    code = net_bind(s->file, &local);
    if (code == NET_OK) {
        s->asked = local;
        s->state = TCP_BINDING;
    }
    return code;
}

TCP_FN(start_bind)
{
    sw_p2 *p;
    tcp_socket *s;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(start_bind(p, s, &params->local_address), ret);
    return SW_TRAP_NONE;
}

TCP_FN(finish_bind)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(s->state == TCP_BINDING ? NET_OK : NET(NOT_IN_PROGRESS), ret);
    s->state = TCP_BOUND;
    return SW_TRAP_NONE;
}

/* ---- Connecting ------------------------------------------------------------------------------ */

static int start_connect(sw_p2 *p, tcp_socket *s, const net_address *address)
{
    net_sockaddr remote;
    if (s->state != TCP_UNBOUND && s->state != TCP_BOUND) {
        return wrong_state(s);
    }
    int code = net_read_address(address, s->is_v6, NET_REMOTE, &remote);
    if (code != NET_OK) {
        return code;
    }
    if (!net_allows(p, SW_NET_TCP, &remote)) {
        return NET(ACCESS_DENIED);
    }
    if (connect(s->file->fd, (const struct sockaddr *)&remote.storage, remote.size) != 0 &&
        errno != EINPROGRESS && errno != EINTR) {
        s->state = TCP_FAILED;
        /* No port is left to connect from. */
        bool is_full = errno == EADDRNOTAVAIL || errno == EAGAIN;
        return is_full ? NET(ADDRESS_IN_USE) : net_error_of(errno);
    }
    s->state = TCP_IS_CONNECTING;
    s->file->awaited = POLLOUT;
    return NET_OK;
}

TCP_FN(start_connect)
{
    sw_p2 *p;
    tcp_socket *s;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(start_connect(p, s, &params->remote_address), ret);
    return SW_TRAP_NONE;
}

static int finish_connect(tcp_socket *s)
{
    int err = 0;
    struct pollfd one = {.fd = s->file->fd, .events = POLLOUT};
    if (s->state != TCP_IS_CONNECTING) {
        return NET(NOT_IN_PROGRESS);
    }
    if (poll(&one, 1, 0) == 0) {
        return NET(WOULD_BLOCK);
    }
    int code = net_get_option(s->file, SOL_SOCKET, SO_ERROR, &err);
    code = err == 0 ? code : net_error_of(err);
    s->state = code == NET_OK ? TCP_CONNECTED : TCP_FAILED;
    s->file->awaited = 0;
    return code;
}

static sw_trap add_streams(sw_host_call *call, p2_file *file, uint32_t *ret_in, uint32_t *ret_out)
{
    sw_p2 *p;
    p2_object in = {.kind = P2_INPUT_STREAM, .file = sw_p2_file_ref(file)};
    p2_object out = {.kind = P2_OUTPUT_STREAM, .file = file, .output.mode = P2_WRITE_HERE};
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(sw_p2_add(p, &in, ret_in));
    (void)sw_p2_file_ref(file);
    return sw_p2_add(p, &out, ret_out);
}

TCP_FN(finish_connect)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(finish_connect(s), ret);
    return add_streams(call, s->file, &ret->ok.f0, &ret->ok.f1);
}

/* ---- Listening ------------------------------------------------------------------------------- */

static int start_listen(sw_p2 *p, tcp_socket *s)
{
    if (s->state != TCP_BOUND) {
        return wrong_state(s);
    }
    if (!net_allows(p, SW_NET_LISTEN, &s->asked)) {
        return NET(ACCESS_DENIED);
    }
    if (listen(s->file->fd, s->backlog) != 0) {
        return net_error_of(errno);
    }
    s->state = TCP_LISTEN_BEGUN;
    return NET_OK;
}

TCP_FN(start_listen)
{
    sw_p2 *p;
    tcp_socket *s;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(start_listen(p, s), ret);
    return SW_TRAP_NONE;
}

TCP_FN(finish_listen)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(s->state == TCP_LISTEN_BEGUN ? NET_OK : NET(NOT_IN_PROGRESS), ret);
    s->state = TCP_IS_LISTENING;
    s->file->awaited = POLLIN;
    return SW_TRAP_NONE;
}

/* A connection that was lost before it was accepted shows as one of many errors. */
static int accept_error(int err)
{
    bool is_own = err == EAGAIN || err == EMFILE || err == ENFILE || err == ENOBUFS ||
                  err == ENOMEM || err == EPERM;
    return is_own ? net_error_of(err) : NET(CONNECTION_ABORTED);
}

TCP_FN(accept)
{
    sw_p2 *p;
    tcp_socket *s;
    int code;
    p2_file *file = NULL;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(s->state == TCP_IS_LISTENING ? NET_OK : NET(INVALID_STATE), ret);
    bool has_place = p->sockets_count < P2_MAX_SOCKETS && sw_wasi_may_open(p->wasi);
    NET_FINISH(has_place ? NET_OK : NET(NEW_SOCKET_LIMIT), ret);
    int fd = accept4(s->file->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    NET_FINISH(fd >= 0 ? NET_OK : accept_error(errno), ret);
    P2_TRY(net_new_file(call, s->is_v6, SOCK_STREAM, fd, &file, &code));
    hurry(file);
    P2_TRY(add_socket(call, file, s->is_v6, TCP_CONNECTED, &ret->ok.f0));
    return add_streams(call, file, &ret->ok.f1, &ret->ok.f2);
}

/* ---- What it is ------------------------------------------------------------------------------ */

TCP_FN(local_address)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    bool has_one = s->state != TCP_UNBOUND && s->state != TCP_BINDING && s->state != TCP_FAILED;
    NET_FINISH(has_one ? net_local(s->file, &ret->ok) : NET(INVALID_STATE), ret);
    return SW_TRAP_NONE;
}

TCP_FN(remote_address)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    bool has_one = s->state == TCP_CONNECTED;
    NET_FINISH(has_one ? net_remote(s->file, &ret->ok) : NET(INVALID_STATE), ret);
    return SW_TRAP_NONE;
}

TCP_FN(is_listening)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    *ret = s->state == TCP_IS_LISTENING;
    return SW_TRAP_NONE;
}

TCP_FN(address_family)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    *ret = s->is_v6 ? SW_WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV6
                    : SW_WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4;
    return SW_TRAP_NONE;
}

TCP_FN(subscribe)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    return net_subscribe(call, s->file, 0, ret);
}

TCP_FN(shutdown)
{
    static const int HOW[] = {
        [SW_WASI_SOCKETS_TCP_SHUTDOWN_TYPE_RECEIVE] = SHUT_RD,
        [SW_WASI_SOCKETS_TCP_SHUTDOWN_TYPE_SEND] = SHUT_WR,
        [SW_WASI_SOCKETS_TCP_SHUTDOWN_TYPE_BOTH] = SHUT_RDWR,
    };
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(s->state == TCP_CONNECTED ? NET_OK : NET(INVALID_STATE), ret);
    bool is_done = shutdown(s->file->fd, HOW[params->shutdown_type]) == 0;
    NET_FINISH(is_done ? NET_OK : net_error_of(errno), ret);
    return SW_TRAP_NONE;
}

/* ---- Options --------------------------------------------------------------------------------- */

static int set_backlog(tcp_socket *s, uint64_t value)
{
    if (value == 0) {
        return NET(INVALID_ARGUMENT);
    }
    if (s->state > TCP_IS_LISTENING) {
        return NET(INVALID_STATE);
    }
    s->backlog = (int)SW_MIN(value, (uint64_t)BACKLOG_MAX);
    bool is_done = s->state < TCP_LISTEN_BEGUN || listen(s->file->fd, s->backlog) == 0;
    return is_done ? NET_OK : net_error_of(errno);
}

TCP_FN(set_listen_backlog_size)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(set_backlog(s, params->value), ret);
    return SW_TRAP_NONE;
}

TCP_FN(keep_alive_enabled)
{
    tcp_socket *s;
    int value;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_get_option(s->file, SOL_SOCKET, SO_KEEPALIVE, &value), ret);
    ret->ok = value != 0;
    return SW_TRAP_NONE;
}

TCP_FN(set_keep_alive_enabled)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_set_option(s->file, SOL_SOCKET, SO_KEEPALIVE, params->value), ret);
    return SW_TRAP_NONE;
}

static int get_seconds(const tcp_socket *s, int name, uint64_t *ret_ns)
{
    int value = 0;
    int code = net_get_option(s->file, IPPROTO_TCP, name, &value);
    *ret_ns = (uint64_t)value * SW_NS_PER_S;
    return code;
}

/* Rounded up to what the kernel takes. */
static int set_seconds(const tcp_socket *s, int name, uint64_t ns)
{
    uint64_t seconds = ns / SW_NS_PER_S + (ns % SW_NS_PER_S != 0);
    if (ns == 0) {
        return NET(INVALID_ARGUMENT);
    }
    return net_set_option(s->file, IPPROTO_TCP, name, (int)SW_MIN(seconds, (uint64_t)SECONDS_MAX));
}

TCP_FN(keep_alive_idle_time)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(get_seconds(s, TCP_KEEPIDLE, &ret->ok), ret);
    return SW_TRAP_NONE;
}

TCP_FN(set_keep_alive_idle_time)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(set_seconds(s, TCP_KEEPIDLE, params->value), ret);
    return SW_TRAP_NONE;
}

TCP_FN(keep_alive_interval)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(get_seconds(s, TCP_KEEPINTVL, &ret->ok), ret);
    return SW_TRAP_NONE;
}

TCP_FN(set_keep_alive_interval)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(set_seconds(s, TCP_KEEPINTVL, params->value), ret);
    return SW_TRAP_NONE;
}

TCP_FN(keep_alive_count)
{
    tcp_socket *s;
    int value = 0;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_get_option(s->file, IPPROTO_TCP, TCP_KEEPCNT, &value), ret);
    ret->ok = (uint32_t)value;
    return SW_TRAP_NONE;
}

TCP_FN(set_keep_alive_count)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    int count = (int)SW_MIN(params->value, (uint32_t)PROBES_MAX);
    NET_FINISH(count == 0 ? NET(INVALID_ARGUMENT)
                          : net_set_option(s->file, IPPROTO_TCP, TCP_KEEPCNT, count),
               ret);
    return SW_TRAP_NONE;
}

TCP_FN(hop_limit)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_get_hops(s->file, s->is_v6, &ret->ok), ret);
    return SW_TRAP_NONE;
}

TCP_FN(set_hop_limit)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_set_hops(s->file, s->is_v6, params->value), ret);
    return SW_TRAP_NONE;
}

TCP_FN(receive_buffer_size)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_get_buffer(s->file, SO_RCVBUF, &ret->ok), ret);
    return SW_TRAP_NONE;
}

TCP_FN(set_receive_buffer_size)
{
    sw_p2 *p;
    tcp_socket *s;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_set_buffer(p, s->file, SO_RCVBUF, params->value), ret);
    return SW_TRAP_NONE;
}

TCP_FN(send_buffer_size)
{
    tcp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_get_buffer(s->file, SO_SNDBUF, &ret->ok), ret);
    return SW_TRAP_NONE;
}

TCP_FN(set_send_buffer_size)
{
    sw_p2 *p;
    tcp_socket *s;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_set_buffer(p, s->file, SO_SNDBUF, params->value), ret);
    return SW_TRAP_NONE;
}
