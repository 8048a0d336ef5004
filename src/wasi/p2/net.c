/* WASI 0.2: what sockets share: addresses, errors, options; wasi:sockets/network. */
#include "wasi/p2/net.h"

#include "wasi_sockets_instance_network.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

enum { BUFFER_MAX_BYTES = 4 << 20 };

/* ---- Errors ---------------------------------------------------------------------------------- */

static const struct {
    int err;
    uint8_t code;
} ERRORS[] = {
    {EACCES,          NET(ACCESS_DENIED)       },
    {EPERM,           NET(ACCESS_DENIED)       },
    {EAFNOSUPPORT,    NET(NOT_SUPPORTED)       },
    {EPROTONOSUPPORT, NET(NOT_SUPPORTED)       },
    {EOPNOTSUPP,      NET(NOT_SUPPORTED)       },
    {ENOPROTOOPT,     NET(NOT_SUPPORTED)       },
    {EINVAL,          NET(INVALID_ARGUMENT)    },
    {ENOMEM,          NET(OUT_OF_MEMORY)       },
    {ENOBUFS,         NET(OUT_OF_MEMORY)       },
    {ETIMEDOUT,       NET(TIMEOUT)             },
    {EALREADY,        NET(CONCURRENCY_CONFLICT)},
    {EAGAIN,          NET(WOULD_BLOCK)         },
    {EISCONN,         NET(INVALID_STATE)       },
    {ENOTCONN,        NET(INVALID_STATE)       },
    {EMFILE,          NET(NEW_SOCKET_LIMIT)    },
    {ENFILE,          NET(NEW_SOCKET_LIMIT)    },
    {EADDRNOTAVAIL,   NET(ADDRESS_NOT_BINDABLE)},
    {EADDRINUSE,      NET(ADDRESS_IN_USE)      },
    {ENETUNREACH,     NET(REMOTE_UNREACHABLE)  },
    {EHOSTUNREACH,    NET(REMOTE_UNREACHABLE)  },
    {EHOSTDOWN,       NET(REMOTE_UNREACHABLE)  },
    {ENETDOWN,        NET(REMOTE_UNREACHABLE)  },
    {ENONET,          NET(REMOTE_UNREACHABLE)  },
    {ECONNREFUSED,    NET(CONNECTION_REFUSED)  },
    {ECONNRESET,      NET(CONNECTION_RESET)    },
    {EPIPE,           NET(CONNECTION_RESET)    },
    {ECONNABORTED,    NET(CONNECTION_ABORTED)  },
    {EMSGSIZE,        NET(DATAGRAM_TOO_LARGE)  },
};

int net_error_of(int err)
{
    for (size_t i = 0; i < SW_COUNTOF(ERRORS); i++) {
        if (ERRORS[i].err == err) {
            return ERRORS[i].code;
        }
    }
    return NET(UNKNOWN);
}

sw_trap sw_wasi_sockets_network_network_error_code(
    sw_host_call *call, const sw_wasi_sockets_network_network_error_code_params *params,
    sw_wasi_sockets_network_network_error_code_result *ret)
{
    const sw_p2_error *e;
    P2_TRY(sw_p2_get_error(call, params->err, &e));
    int code = e->describe == NULL ? net_error_of(e->err) : NET(UNKNOWN);
    ret->is_some = code != NET(UNKNOWN);
    ret->value = (uint8_t)code;
    return SW_TRAP_NONE;
}

/* ---- The network ----------------------------------------------------------------------------- */

static void drop_nothing(sw_p2 *p, void *body)
{
    (void)p;
    (void)body;
}

static const sw_p2_type NETWORK = {"network", drop_nothing};

void sw_wasi_sockets_network_network_drop(void *env, uint32_t rep)
{
    sw_p2_drop_other(env, rep, &NETWORK);
}

sw_trap sw_wasi_sockets_instance_network_instance_network(
    sw_host_call *call, sw_wasi_sockets_instance_network_instance_network_result *ret)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    return sw_p2_add_other(p, &NETWORK, NULL, ret);
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static void read_v4(const net_address *a, net_sockaddr *ret)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&ret->storage;
    const sw_wit_tuple4_u8_u8_u8_u8 *t = &a->ipv4.address;
    const uint8_t bytes[4] = {t->f0, t->f1, t->f2, t->f3};
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->ipv4.port)};
    memcpy(&in->sin_addr, bytes, sizeof bytes);
    ret->size = sizeof *in;
}

static void read_v6(const net_address *a, net_sockaddr *ret)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->storage;
    const sw_wit_tuple8_u16_u16_u16_u16_u16_u16_u16_u16 *t = &a->ipv6.address;
    const uint16_t words[8] = {htons(t->f0), htons(t->f1), htons(t->f2), htons(t->f3),
                               htons(t->f4), htons(t->f5), htons(t->f6), htons(t->f7)};
    *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
                                 .sin6_port = htons(a->ipv6.port),
                                 .sin6_flowinfo = a->ipv6.flow_info,
                                 .sin6_scope_id = a->ipv6.scope_id};
    memcpy(&in6->sin6_addr, words, sizeof words);
    ret->size = sizeof *in6;
}

sw_ip net_ip_of(const net_sockaddr *s)
{
    sw_ip ip = {};
    (void)sw_ip_of_sockaddr((const struct sockaddr *)&s->storage, &ip);
    return ip;
}

uint16_t net_port_of(const net_sockaddr *s)
{
    return ntohs(s->storage.ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)&s->storage)->sin6_port
                     : ((const struct sockaddr_in *)&s->storage)->sin_port);
}

bool net_is_unspecified(const net_sockaddr *s)
{
    sw_ip ip = net_ip_of(s), zero = {.is_v6 = ip.is_v6};
    return memcmp(&ip, &zero, sizeof ip) == 0;
}

/* An address of version 4 within one of version 6. */
static bool is_mapped(const sw_ip *ip)
{
    static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    return ip->is_v6 && memcmp(ip->bytes, MAPPED, sizeof MAPPED) == 0;
}

/* Multicast or broadcast. */
static bool is_group(const sw_ip *ip)
{
    static const uint8_t EVERYBODY[4] = {255, 255, 255, 255};
    if (ip->is_v6) {
        return ip->bytes[0] == 0xff;
    }
    return (ip->bytes[0] & 0xf0) == 0xe0 || memcmp(ip->bytes, EVERYBODY, sizeof EVERYBODY) == 0;
}

int net_read_address(const net_address *a, bool is_v6, unsigned role, net_sockaddr *ret)
{
    net_sockaddr s = {};
    if ((a->tag == SW_WASI_SOCKETS_NETWORK_IP_SOCKET_ADDRESS_IPV6) != is_v6) {
        return NET(INVALID_ARGUMENT);
    }
    (is_v6 ? read_v6 : read_v4)(a, &s);
    sw_ip ip = net_ip_of(&s);
    bool is_nowhere = net_is_unspecified(&s) || net_port_of(&s) == 0;
    bool is_odd = is_mapped(&ip) || ((role & NET_DATAGRAMS) == 0 && is_group(&ip));
    if (is_odd || ((role & NET_REMOTE) != 0 && is_nowhere)) {
        return NET(INVALID_ARGUMENT);
    }
    *ret = s;
    return NET_OK;
}

void net_write_ip(const sw_ip *ip, sw_wasi_sockets_network_ip_address_t *ret)
{
    const uint8_t *b = ip->bytes;
    *ret = (sw_wasi_sockets_network_ip_address_t){};
    if (!ip->is_v6) {
        ret->tag = SW_WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV4;
        ret->ipv4 = (sw_wit_tuple4_u8_u8_u8_u8){b[0], b[1], b[2], b[3]};
        return;
    }
    uint16_t w[8];
    for (size_t i = 0; i < SW_COUNTOF(w); i++) {
        w[i] = (uint16_t)(b[2 * i] << 8 | b[2 * i + 1]);
    }
    ret->tag = SW_WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV6;
    ret->ipv6 = (sw_wit_tuple8_u16_u16_u16_u16_u16_u16_u16_u16){w[0], w[1], w[2], w[3],
                                                                w[4], w[5], w[6], w[7]};
}

void net_write_address(const net_sockaddr *s, net_address *ret)
{
    sw_ip ip = net_ip_of(s);
    sw_wasi_sockets_network_ip_address_t address;
    net_write_ip(&ip, &address);
    *ret = (net_address){.tag = address.tag};
    if (ip.is_v6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&s->storage;
        ret->ipv6.port = net_port_of(s);
        ret->ipv6.flow_info = in6->sin6_flowinfo;
        ret->ipv6.scope_id = in6->sin6_scope_id;
        ret->ipv6.address = address.ipv6;
    } else {
        ret->ipv4.port = net_port_of(s);
        ret->ipv4.address = address.ipv4;
    }
}

bool net_allows(sw_p2 *p, sw_net_use use, const net_sockaddr *s)
{
    sw_ip ip = net_ip_of(s);
    return sw_egress_allows_net(p->wasi, use, &ip, net_port_of(s), p->known.at, p->known.count);
}

bool net_would_allow(sw_p2 *p, sw_net_use use, const net_sockaddr *s)
{
    size_t count;
    sw_ip ip = net_ip_of(s);
    const sw_grant_net *grants = sw_wasi_net_grants(p->wasi, &count);
    return sw_grant_net_allows(grants, count, use, &ip, net_port_of(s), p->known.at,
                               p->known.count);
}

/* ---- Sockets --------------------------------------------------------------------------------- */

sw_trap net_new_file(sw_host_call *call, bool is_v6, int type, int fd, p2_file **ret_file,
                     int *ret_code)
{
    sw_p2 *p;
    int on = 1;
    P2_TRY(sw_p2_of(call->env, &p));
    if (p->sockets_count >= P2_MAX_SOCKETS || (fd < 0 && !sw_wasi_may_open(p->wasi))) {
        *ret_code = NET(NEW_SOCKET_LIMIT);
        return SW_TRAP_NONE;
    }
    if (fd < 0) {
        fd = socket(is_v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            *ret_code = net_error_of(errno);
            return SW_TRAP_NONE;
        }
        if (is_v6) {
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        }
    }
    P2_TRY(sw_p2_file_new(p, fd, true, ret_file));
    if (!sw_budget_charge(p->budget, 2 * NET_BUFFER_BYTES)) {
        sw_p2_file_unref(p, *ret_file);
        *ret_code = NET(NEW_SOCKET_LIMIT);
        return SW_TRAP_NONE;
    }
    (*ret_file)->buffers[0] = (*ret_file)->buffers[1] = NET_BUFFER_BYTES;
    (*ret_file)->is_counted = true;
    p->sockets_count++;
    *ret_code = NET_OK;
    return SW_TRAP_NONE;
}

int net_bind(const p2_file *f, const net_sockaddr *s)
{
    int result = bind(f->fd, (const struct sockaddr *)&s->storage, s->size);
    return result == 0 ? NET_OK : net_error_of(errno);
}

int net_name_of(const p2_file *f, net_sockaddr *ret)
{
    net_sockaddr s = {.size = sizeof s.storage};
    if (getsockname(f->fd, (struct sockaddr *)&s.storage, &s.size) != 0) {
        return net_error_of(errno);
    }
    *ret = s;
    return NET_OK;
}

int net_local(const p2_file *f, net_address *ret)
{
    net_sockaddr s;
    int code = net_name_of(f, &s);
    if (code == NET_OK) {
        net_write_address(&s, ret);
    }
    return code;
}

int net_remote(const p2_file *f, net_address *ret)
{
    net_sockaddr s = {.size = sizeof s.storage};
    if (getpeername(f->fd, (struct sockaddr *)&s.storage, &s.size) != 0) {
        return net_error_of(errno);
    }
    net_write_address(&s, ret);
    return NET_OK;
}

sw_trap net_subscribe(sw_host_call *call, p2_file *f, short events, uint32_t *ret_rep)
{
    return sw_p2_pollable(call, &(p2_object){.file = f}, events, UINT64_MAX, ret_rep);
}

/* ---- Options --------------------------------------------------------------------------------- */

int net_get_option(const p2_file *f, int level, int name, int *ret)
{
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(f->fd, level, name, &value, &size) != 0) {
        return net_error_of(errno);
    }
    *ret = value;
    return NET_OK;
}

int net_set_option(const p2_file *f, int level, int name, int value)
{
    int result = setsockopt(f->fd, level, name, &value, sizeof value);
    return result == 0 ? NET_OK : net_error_of(errno);
}

/* The kernel keeps as much again for its own books and tells both together. */
int net_get_buffer(const p2_file *f, int name, uint64_t *ret)
{
    int value = 0;
    int code = net_get_option(f, SOL_SOCKET, name, &value);
    *ret = (uint64_t)value / 2;
    return code;
}

int net_set_buffer(sw_p2 *p, p2_file *f, int name, uint64_t value)
{
    uint32_t *charged = &f->buffers[name == SO_SNDBUF];
    uint32_t bytes = (uint32_t)SW_MIN(value, (uint64_t)BUFFER_MAX_BYTES);
    if (value == 0) {
        return NET(INVALID_ARGUMENT);
    }
    if (bytes > *charged) {
        if (!sw_budget_charge(p->budget, bytes - *charged)) {
            return NET_OK;
        }
        *charged = bytes;
    }
    return net_set_option(f, SOL_SOCKET, name, (int)bytes);
}

int net_get_hops(const p2_file *f, bool is_v6, uint8_t *ret)
{
    int value = 0;
    int code = is_v6 ? net_get_option(f, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &value)
                     : net_get_option(f, IPPROTO_IP, IP_TTL, &value);
    *ret = (uint8_t)value;
    return code;
}

int net_set_hops(const p2_file *f, bool is_v6, uint8_t value)
{
    if (value == 0) {
        return NET(INVALID_ARGUMENT);
    }
    return is_v6 ? net_set_option(f, IPPROTO_IPV6, IPV6_UNICAST_HOPS, value)
                 : net_set_option(f, IPPROTO_IP, IP_TTL, value);
}
