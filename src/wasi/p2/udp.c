/*
 * WASI 0.2: wasi:sockets/udp.
 *
 * Streams with a remote address are connected in the kernel, which then chooses the local address
 * and tells of refusals; what had arrived from elsewhere before is dropped here. So is what comes
 * from where the grants do not reach, unless the socket was bound to an address that it may listen
 * at. Such a socket hears everybody, and may answer whom it has heard.
 *
 * Only the streams that were made last are of use; the others get invalid-state.
 */
#include "wasi/p2/net.h"
#include "wasi_sockets_udp.h"
#include "wasi_sockets_udp_create_socket.h"

#include <errno.h>
#include <poll.h>

enum {
    RECEIVED_MAX = 16,  /* datagrams of one call */
    LOOKED_AT_MAX = 64, /* with those that are dropped */
    SENT_MAX = 16,
    DATAGRAM_MAX_BYTES = 65536,
    PEERS_MAX = 256, /* that a socket remembers having heard */
};

typedef enum udp_state { UDP_UNBOUND, UDP_BINDING, UDP_BOUND } udp_state;

typedef struct udp_peer {
    sw_ip ip;
    uint16_t port;
} udp_peer;

typedef struct udp_peers {
    uint32_t count, next; /* the oldest, if all are used */
    udp_peer at[PEERS_MAX];
} udp_peers;

typedef struct udp_socket {
    uint32_t references;
    p2_file *file; /* a reference */
    udp_state state;
    bool is_v6, has_remote;
    net_sockaddr local, remote;
    udp_peers *heard; /* NULL: it is not bound where it may listen */
    uint32_t streams; /* how often they were made */
    int error;        /* an errno that receive still has to tell */
} udp_socket;

typedef struct udp_stream {
    udp_socket *socket; /* a reference */
    uint32_t number;    /* of the socket's streams */
    uint64_t permit;    /* datagrams that the guest may send without asking again */
} udp_stream;

/* Functions of wasi:sockets/udp, as its header has them. */
#define UDP_FN(name)                                                                      \
    sw_trap sw_wasi_sockets_udp_##name(sw_host_call *call,                                \
                                       const sw_wasi_sockets_udp_##name##_params *params, \
                                       sw_wasi_sockets_udp_##name##_result *ret)

static void unref(sw_p2 *p, udp_socket *s)
{
    if (--s->references == 0) {
        sw_p2_file_unref(p, s->file);
        sw_free(p->budget, s->heard, sizeof *s->heard);
        sw_free(p->budget, s, sizeof *s);
    }
}

static void drop_socket(sw_p2 *p, void *body)
{
    unref(p, body);
}

static void drop_stream(sw_p2 *p, void *body)
{
    udp_stream *s = body;
    unref(p, s->socket);
    sw_free(p->budget, s, sizeof *s);
}

static const sw_p2_type UDP_SOCKET = {"udp-socket", drop_socket};
static const sw_p2_type UDP_INCOMING = {"incoming-datagram-stream", drop_stream};
static const sw_p2_type UDP_OUTGOING = {"outgoing-datagram-stream", drop_stream};

void sw_wasi_sockets_udp_udp_socket_drop(void *env, uint32_t rep)
{
    sw_p2_drop_other(env, rep, &UDP_SOCKET);
}

void sw_wasi_sockets_udp_incoming_datagram_stream_drop(void *env, uint32_t rep)
{
    sw_p2_drop_other(env, rep, &UDP_INCOMING);
}

void sw_wasi_sockets_udp_outgoing_datagram_stream_drop(void *env, uint32_t rep)
{
    sw_p2_drop_other(env, rep, &UDP_OUTGOING);
}

static sw_trap get(sw_host_call *call, uint32_t rep, udp_socket **ret)
{
    void *body;
    P2_TRY(sw_p2_get_other(call, rep, &UDP_SOCKET, &body));
    *ret = body;
    return SW_TRAP_NONE;
}

static sw_trap get_stream(sw_host_call *call, uint32_t rep, const sw_p2_type *type,
                          udp_stream **ret)
{
    void *body;
    P2_TRY(sw_p2_get_other(call, rep, type, &body));
    *ret = body;
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_sockets_udp_create_socket_create_udp_socket(
    sw_host_call *call, const sw_wasi_sockets_udp_create_socket_create_udp_socket_params *params,
    sw_wasi_sockets_udp_create_socket_create_udp_socket_result *ret)
{
    int code;
    sw_p2 *p;
    p2_file *file = NULL;
    bool is_v6 = params->address_family == SW_WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV6;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(net_new_file(call, is_v6, SOCK_DGRAM, -1, &file, &code));
    NET_FINISH(code, ret);
    udp_socket *s = sw_alloc(p->budget, sizeof *s);
    if (s == NULL) {
        sw_p2_file_unref(p, file);
        return sw_p2_no_memory(call);
    }
    *s = (udp_socket){.references = 1, .file = file, .is_v6 = is_v6};
    return sw_p2_add_other(p, &UDP_SOCKET, s, &ret->ok);
}

/* ---- Whom it has heard ----------------------------------------------------------------------- */

static bool is_peer(const udp_peer *peer, const sw_ip *ip, uint16_t port)
{
    return peer->port == port && memcmp(&peer->ip, ip, sizeof *ip) == 0;
}

static bool has_heard(const udp_socket *s, const net_sockaddr *who)
{
    sw_ip ip = net_ip_of(who);
    uint32_t count = s->heard == NULL ? 0 : s->heard->count;
    for (uint32_t i = 0; i < count; i++) {
        if (is_peer(&s->heard->at[i], &ip, net_port_of(who))) {
            return true;
        }
    }
    return false;
}

static void note_heard(const udp_socket *s, const net_sockaddr *who)
{
    udp_peers *heard = s->heard;
    if (heard != NULL && !has_heard(s, who)) {
        heard->at[heard->next] = (udp_peer){net_ip_of(who), net_port_of(who)};
        heard->next = (heard->next + 1) % PEERS_MAX;
        heard->count = SW_MIN(heard->count + 1, (uint32_t)PEERS_MAX);
    }
}

static bool may_send_to(sw_p2 *p, const udp_socket *s, const net_sockaddr *to)
{
    return has_heard(s, to) || net_allows(p, SW_NET_UDP, to);
}

/* ---- Binding --------------------------------------------------------------------------------- */

/* Any port of any address: from there it may send, and hear only whom it may send to. */
static bool is_anywhere(const net_sockaddr *local)
{
    return net_is_unspecified(local) && net_port_of(local) == 0;
}

/* *ret_code: NET_OK or why not. */
static sw_trap start_bind(sw_host_call *call, sw_p2 *p, udp_socket *s, const net_address *address,
                          int *ret_code)
{
    net_sockaddr local;
    if (s->state != UDP_UNBOUND) {
        *ret_code = s->state == UDP_BINDING ? NET(CONCURRENCY_CONFLICT) : NET(INVALID_STATE);
        return SW_TRAP_NONE;
    }
    *ret_code = net_read_address(address, s->is_v6, NET_LOCAL | NET_DATAGRAMS, &local);
    if (*ret_code == NET_OK && !is_anywhere(&local) && !net_allows(p, SW_NET_LISTEN, &local)) {
        *ret_code = NET(ACCESS_DENIED);
    }
    if (*ret_code == NET_OK && net_would_allow(p, SW_NET_LISTEN, &local) && s->heard == NULL) {
        s->heard = sw_alloc(p->budget, sizeof *s->heard);
        if (s->heard == NULL) {
            return sw_p2_no_memory(call);
        }
    }
    *ret_code = *ret_code == NET_OK ? net_bind(s->file, &local) : *ret_code;
    if (*ret_code == NET_OK) {
        s->state = UDP_BINDING;
    }
    return SW_TRAP_NONE;
}

UDP_FN(udp_socket_start_bind)
{
    sw_p2 *p;
    udp_socket *s;
    int code;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get(call, params->self, &s));
    P2_TRY(start_bind(call, p, s, &params->local_address, &code));
    NET_FINISH(code, ret);
    return SW_TRAP_NONE;
}

static int finish_bind(udp_socket *s)
{
    if (s->state != UDP_BINDING) {
        return NET(NOT_IN_PROGRESS);
    }
    int code = net_name_of(s->file, &s->local);
    s->state = code == NET_OK ? UDP_BOUND : s->state;
    return code;
}

UDP_FN(udp_socket_finish_bind)
{
    udp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(finish_bind(s), ret);
    return SW_TRAP_NONE;
}

/* ---- Streams --------------------------------------------------------------------------------- */

static sw_trap add_stream(sw_host_call *call, const sw_p2_type *type, udp_socket *s,
                          uint32_t *ret_rep)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    udp_stream *stream = sw_alloc(p->budget, sizeof *stream);
    if (stream == NULL) {
        return sw_p2_no_memory(call);
    }
    *stream = (udp_stream){.socket = s, .number = s->streams};
    s->references++;
    return sw_p2_add_other(p, type, stream, ret_rep);
}

/* With the remote address goes a port that the system had chosen: it is taken again. One that the
 * guest chose is still there, and bind says EINVAL. */
static int leave_remote(udp_socket *s)
{
    const struct sockaddr none = {.sa_family = AF_UNSPEC};
    if (!s->has_remote) {
        return NET_OK;
    }
    s->has_remote = false;
    if (connect(s->file->fd, &none, sizeof none) != 0) {
        return net_error_of(errno);
    }
    int code = net_bind(s->file, &s->local);
    return code == NET(INVALID_ARGUMENT) ? NET_OK : code;
}

static int take_remote(udp_socket *s, const net_sockaddr *remote)
{
    if (connect(s->file->fd, (const struct sockaddr *)&remote->storage, remote->size) != 0) {
        bool is_full = errno == EADDRNOTAVAIL || errno == EAGAIN;
        return is_full ? NET(ADDRESS_IN_USE) : net_error_of(errno);
    }
    s->has_remote = true;
    s->remote = *remote;
    return NET_OK;
}

/* address: NULL for none. */
static int choose_remote(sw_p2 *p, udp_socket *s, const net_address *address)
{
    net_sockaddr remote;
    int code = s->state == UDP_BOUND ? NET_OK : NET(INVALID_STATE);
    if (code == NET_OK && address != NULL) {
        code = net_read_address(address, s->is_v6, NET_REMOTE | NET_DATAGRAMS, &remote);
        if (code == NET_OK && !may_send_to(p, s, &remote)) {
            code = NET(ACCESS_DENIED);
        }
    }
    if (code == NET_OK) {
        s->streams++;
        s->error = 0;
        code = leave_remote(s);
    }
    return code == NET_OK && address != NULL ? take_remote(s, &remote) : code;
}

UDP_FN(udp_socket_stream)
{
    sw_p2 *p;
    udp_socket *s;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get(call, params->self, &s));
    const net_address *address =
        params->remote_address.is_some ? &params->remote_address.value : NULL;
    NET_FINISH(choose_remote(p, s, address), ret);
    P2_TRY(add_stream(call, &UDP_INCOMING, s, &ret->ok.f0));
    return add_stream(call, &UDP_OUTGOING, s, &ret->ok.f1);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

/* flow-info is not part of who somebody is. */
static bool is_same(const net_sockaddr *a, const net_sockaddr *b)
{
    sw_ip x = net_ip_of(a), y = net_ip_of(b);
    return memcmp(&x, &y, sizeof x) == 0 && net_port_of(a) == net_port_of(b);
}

static bool is_wanted(sw_p2 *p, const udp_socket *s, const net_sockaddr *from)
{
    if (s->has_remote) {
        return is_same(&s->remote, from);
    }
    return s->heard != NULL || net_would_allow(p, SW_NET_UDP, from);
}

static bool is_current(const udp_stream *s)
{
    return s->number == s->socket->streams;
}

/* Who sent the first one that waits, and its length; 0 or an errno. */
static int peek(int fd, net_sockaddr *ret_from, size_t *ret_len)
{
    uint8_t none;
    ret_from->size = sizeof ret_from->storage;
    ssize_t len = recvfrom(fd, &none, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT,
                           (struct sockaddr *)&ret_from->storage, &ret_from->size);
    *ret_len = len < 0 ? 0 : (size_t)len;
    return len < 0 ? errno : 0;
}

/* An error behind datagrams is told the next time. */
static int note_error(udp_socket *s, int err, bool has_some)
{
    if (err == EAGAIN) {
        return NET_OK;
    }
    s->error = has_some ? err : 0;
    return has_some ? NET_OK : net_error_of(err);
}

/* Fills datagrams; *ret_code as of operations. */
static sw_trap receive(sw_host_call *call, udp_socket *s, size_t most,
                       sw_wit_list_wasi_sockets_udp_incoming_datagram *list, int *ret_code)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    *ret_code = NET_OK;
    for (size_t looked_at = 0; list->len < most && looked_at < LOOKED_AT_MAX; looked_at++) {
        net_sockaddr from = {};
        size_t len = 0;
        int err = s->error != 0 ? s->error : peek(s->file->fd, &from, &len);
        if (err != 0) {
            *ret_code = note_error(s, err, list->len != 0);
            break;
        }
        uint8_t *bytes = NULL;
        bool takes = is_wanted(p, s, &from);
        if (takes) {
            P2_TRY(sw_p2_bytes(call, len, &bytes));
        }
        ssize_t got = recv(s->file->fd, bytes, takes ? len : 0, MSG_DONTWAIT);
        if (takes && got >= 0) {
            note_heard(s, &from);
            list->ptr[list->len].data = (sw_wit_list_u8){bytes, (size_t)got};
            net_write_address(&from, &list->ptr[list->len++].remote_address);
        }
    }
    return SW_TRAP_NONE;
}

UDP_FN(incoming_datagram_stream_receive)
{
    udp_stream *s;
    int code;
    P2_TRY(get_stream(call, params->self, &UDP_INCOMING, &s));
    NET_FINISH(is_current(s) ? NET_OK : NET(INVALID_STATE), ret);
    size_t most = (size_t)SW_MIN(params->max_results, (uint64_t)RECEIVED_MAX);
    sw_wit_list_wasi_sockets_udp_incoming_datagram list = {
        .ptr = SW_NEW_ARRAY(call->arena, sw_wasi_sockets_udp_incoming_datagram_t, RECEIVED_MAX)};
    if (list.ptr == NULL) {
        return sw_p2_no_memory(call);
    }
    P2_TRY(receive(call, s->socket, most, &list, &code));
    NET_FINISH(code, ret);
    ret->ok = list;
    return SW_TRAP_NONE;
}

UDP_FN(incoming_datagram_stream_subscribe)
{
    udp_stream *s;
    P2_TRY(get_stream(call, params->self, &UDP_INCOMING, &s));
    return net_subscribe(call, s->socket->file, POLLIN, ret);
}

/* ---- Sending --------------------------------------------------------------------------------- */

UDP_FN(outgoing_datagram_stream_check_send)
{
    udp_stream *s;
    P2_TRY(get_stream(call, params->self, &UDP_OUTGOING, &s));
    NET_FINISH(is_current(s) ? NET_OK : NET(INVALID_STATE), ret);
    struct pollfd one = {.fd = s->socket->file->fd, .events = POLLOUT};
    ret->ok = s->permit = poll(&one, 1, 0) != 0 ? SENT_MAX : 0;
    return SW_TRAP_NONE;
}

/* Where it goes: size 0 to the remote address of the streams. */
static int find_remote(sw_p2 *p, const udp_socket *s,
                       const sw_wasi_sockets_udp_outgoing_datagram_t *d, net_sockaddr *ret)
{
    *ret = (net_sockaddr){};
    if (!d->remote_address.is_some) {
        return s->has_remote ? NET_OK : NET(INVALID_ARGUMENT);
    }
    int code =
        net_read_address(&d->remote_address.value, s->is_v6, NET_REMOTE | NET_DATAGRAMS, ret);
    if (code == NET_OK && s->has_remote) {
        code = is_same(ret, &s->remote) ? NET_OK : NET(INVALID_ARGUMENT);
        *ret = (net_sockaddr){};
    } else if (code == NET_OK && !may_send_to(p, s, ret)) {
        code = NET(ACCESS_DENIED);
    }
    return code;
}

static int send_one(sw_p2 *p, const udp_socket *s, const sw_wasi_sockets_udp_outgoing_datagram_t *d)
{
    net_sockaddr to;
    int code = find_remote(p, s, d, &to);
    if (code != NET_OK) {
        return code;
    }
    if (d->data.len > DATAGRAM_MAX_BYTES) {
        return NET(DATAGRAM_TOO_LARGE);
    }
    const struct sockaddr *address = to.size == 0 ? NULL : (const struct sockaddr *)&to.storage;
    ssize_t sent = sendto(s->file->fd, d->data.ptr, d->data.len, MSG_DONTWAIT | MSG_NOSIGNAL,
                          address, to.size);
    return sent >= 0 ? NET_OK : net_error_of(errno);
}

UDP_FN(outgoing_datagram_stream_send)
{
    sw_p2 *p;
    udp_stream *s;
    size_t done = 0;
    int code = NET_OK;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get_stream(call, params->self, &UDP_OUTGOING, &s));
    if (params->datagrams.len > s->permit) {
        sw_store_explain_trap(call->store, "send of %zu datagrams where check-send permitted %llu",
                              (size_t)params->datagrams.len, (unsigned long long)s->permit);
        return SW_TRAP_HOST;
    }
    NET_FINISH(is_current(s) ? NET_OK : NET(INVALID_STATE), ret);
    s->permit -= params->datagrams.len;
    while (done < params->datagrams.len && code == NET_OK) {
        code = send_one(p, s->socket, &params->datagrams.ptr[done]);
        done += code == NET_OK;
    }
    /* An error is told when nothing was sent before it; that there is no room is none. */
    NET_FINISH(done == 0 && code != NET(WOULD_BLOCK) ? code : NET_OK, ret);
    ret->ok = done;
    return SW_TRAP_NONE;
}

UDP_FN(outgoing_datagram_stream_subscribe)
{
    udp_stream *s;
    P2_TRY(get_stream(call, params->self, &UDP_OUTGOING, &s));
    return net_subscribe(call, s->socket->file, POLLOUT, ret);
}

/* ---- What it is ------------------------------------------------------------------------------ */

UDP_FN(udp_socket_local_address)
{
    udp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(s->state == UDP_BOUND ? net_local(s->file, &ret->ok) : NET(INVALID_STATE), ret);
    return SW_TRAP_NONE;
}

UDP_FN(udp_socket_remote_address)
{
    udp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(s->has_remote ? NET_OK : NET(INVALID_STATE), ret);
    net_write_address(&s->remote, &ret->ok);
    return SW_TRAP_NONE;
}

UDP_FN(udp_socket_address_family)
{
    udp_socket *s;
    P2_TRY(get(call, params->self, &s));
    *ret = s->is_v6 ? SW_WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV6
                    : SW_WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4;
    return SW_TRAP_NONE;
}

UDP_FN(udp_socket_subscribe)
{
    udp_socket *s;
    P2_TRY(get(call, params->self, &s));
    return net_subscribe(call, s->file, 0, ret);
}

UDP_FN(udp_socket_unicast_hop_limit)
{
    udp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_get_hops(s->file, s->is_v6, &ret->ok), ret);
    return SW_TRAP_NONE;
}

UDP_FN(udp_socket_set_unicast_hop_limit)
{
    udp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_set_hops(s->file, s->is_v6, params->value), ret);
    return SW_TRAP_NONE;
}

UDP_FN(udp_socket_receive_buffer_size)
{
    udp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_get_buffer(s->file, SO_RCVBUF, &ret->ok), ret);
    return SW_TRAP_NONE;
}

UDP_FN(udp_socket_set_receive_buffer_size)
{
    sw_p2 *p;
    udp_socket *s;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_set_buffer(p, s->file, SO_RCVBUF, params->value), ret);
    return SW_TRAP_NONE;
}

UDP_FN(udp_socket_send_buffer_size)
{
    udp_socket *s;
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_get_buffer(s->file, SO_SNDBUF, &ret->ok), ret);
    return SW_TRAP_NONE;
}

UDP_FN(udp_socket_set_send_buffer_size)
{
    sw_p2 *p;
    udp_socket *s;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get(call, params->self, &s));
    NET_FINISH(net_set_buffer(p, s->file, SO_SNDBUF, params->value), ret);
    return SW_TRAP_NONE;
}
