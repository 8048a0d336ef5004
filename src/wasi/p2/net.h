/*
 * WASI 0.2 inside: sockets.
 *
 * A socket is a p2_file that is counted (P2_MAX_SOCKETS in a context) and never blocks: its streams
 * are those of other files, its pollables wait for the descriptor. What a socket's own pollable
 * waits for depends on its state: p2_file.awaited.
 *
 *     network                   nothing: what it opens, the grants say
 *     tcp-socket                tcp_socket
 *     udp-socket                udp_socket, counted: its datagram streams refer to it
 *     incoming-datagram-stream  udp_stream
 *     outgoing-datagram-stream
 *     resolve-address-stream    net_lookup, counted: its io's source tells that the answer is there
 *
 * What the kernel keeps for a socket is charged to the store: NET_BUFFER_BYTES each way, or what
 * the guest asked for.
 */
#pragma once

#include "wasi/p2/p2.h"
#include "wasi_sockets_network.h"

#include <sys/socket.h>

enum {
    P2_MAX_SOCKETS = 256,
    P2_MAX_LOOKUPS = 16, /* under way */
    P2_MAX_KNOWN = 256,  /* addresses that names in grants stand for */
};

enum { NET_BUFFER_BYTES = 32 * 1024 };

/* What operations return: an error-code of wasi:sockets, or this. */
enum { NET_OK = -1 };
#define NET(name) SW_WASI_SOCKETS_NETWORK_ERROR_CODE_##name

/* Fills a result that has nothing or an error. */
#define NET_FINISH(code, ret)                \
    do {                                     \
        int net_code_ = (code);              \
        (ret)->is_err = net_code_ >= 0;      \
        if ((ret)->is_err) {                 \
            (ret)->err = (uint8_t)net_code_; \
            return SW_TRAP_NONE;             \
        }                                    \
    } while (0)

typedef sw_wasi_sockets_network_ip_socket_address_t net_address;

typedef struct net_sockaddr {
    struct sockaddr_storage storage;
    socklen_t size;
} net_sockaddr;

/* An errno as an error-code; others than those of networks are "unknown". */
int net_error_of(int err);

/* ---- Addresses ------------------------------------------------------------------------------- */

/* What an address is to be used for. */
enum { NET_LOCAL = 0, NET_REMOTE = 1, NET_DATAGRAMS = 2 };

/* INVALID_ARGUMENT: of the other family, of version 4 in disguise, nobody's own but for datagrams;
 * as the remote one also without host or port. */
int net_read_address(const net_address *a, bool is_v6, unsigned role, net_sockaddr *ret);
void net_write_address(const net_sockaddr *s, net_address *ret);
sw_ip net_ip_of(const net_sockaddr *s);
uint16_t net_port_of(const net_sockaddr *s);
bool net_is_unspecified(const net_sockaddr *s);
void net_write_ip(const sw_ip *ip, sw_wasi_sockets_network_ip_address_t *ret);

/* Whether the grants let it be used so; else the denial has been reported. */
bool net_allows(sw_p2 *p, sw_net_use use, const net_sockaddr *s);
/* Without a report. */
bool net_would_allow(sw_p2 *p, sw_net_use use, const net_sockaddr *s);

/* ---- Sockets --------------------------------------------------------------------------------- */

/* An open socket as a file; *ret_code: NET_OK or why there is none. fd: -1 makes one. */
SW_NODISCARD sw_trap net_new_file(sw_host_call *call, bool is_v6, int type, int fd,
                                  p2_file **ret_file, int *ret_code);

int net_bind(const p2_file *f, const net_sockaddr *s);
int net_name_of(const p2_file *f, net_sockaddr *ret); /* the local address */
int net_local(const p2_file *f, net_address *ret);
int net_remote(const p2_file *f, net_address *ret);

int net_get_option(const p2_file *f, int level, int name, int *ret);
int net_set_option(const p2_file *f, int level, int name, int value);

/* Sizes of buffers and the hop limit: 0 is no value. Larger buffers than the budget has room for
 * stay as they are. */
int net_get_buffer(const p2_file *f, int name, uint64_t *ret);
int net_set_buffer(sw_p2 *p, p2_file *f, int name, uint64_t value);
int net_get_hops(const p2_file *f, bool is_v6, uint8_t *ret);
int net_set_hops(const p2_file *f, bool is_v6, uint8_t value);

/* A pollable for the file. */
SW_NODISCARD sw_trap net_subscribe(sw_host_call *call, p2_file *f, short events, uint32_t *ret_rep);
