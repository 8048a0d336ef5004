/*
 * Egress: where a guest may connect to.
 *
 * Nothing is reachable that was not granted. A grant names hosts; what a name resolves to is judged
 * once more by its address: loopback, link-local (where clouds keep their metadata), private and
 * other special networks stay closed whatever the names say, unless an address in a grant opens
 * them. So neither a wide pattern nor somebody else's DNS leads into the machine or its network.
 *
 *     http     [SCHEME://]HOST[:PORT][/PATH]
 *
 *     SCHEME   http or https; both if there is none
 *     HOST     a name; *.NAME for the names below it; * for all names and public addresses;
 *              an address (127.0.0.1, [::1]) or a network in brackets ([10.0.0.0/8], [fd00::/8])
 *     PORT     a number, or * for all; the scheme's own if there is none
 *     PATH     exactly this path, with any query; with a * at the end all that begin like this; all
 *              paths if there is none
 *
 * "localhost" is never asked of a name server: it and the names below it mean the loopback address,
 * and a grant that names them opens it.
 *
 *     tcp, udp  HOST:PORT             where sockets may connect and send to; PORT: a number or *
 *     listen    HOST:PORT             where TCP may listen and UDP be bound: an address or network,
 *                                     localhost, or * for all of the machine's; 0: any free port
 *     dns       HOST                  names that may be looked up: a name, *.NAME, or *
 *
 * Sockets connect to addresses, so a name in a grant for them stands for what the guest was told
 * when it looked the name up, which such a grant allows; and here too only public addresses.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"

struct sockaddr; /* sys/socket.h */

/* ---- Addresses ------------------------------------------------------------------------------- */

typedef struct sw_ip {
    uint8_t bytes[16]; /* in network order; of version 4 the first four */
    bool is_v6;
} sw_ip;

typedef struct sw_ip_net {
    sw_ip ip;
    uint8_t bits;
} sw_ip_net;

/* What an address is for. Only public ones are reachable without being granted. Addresses of
 * version 6 that stand for one of version 4 are what that one is. */
typedef enum sw_ip_class {
    SW_IP_PUBLIC,
    SW_IP_LOOPBACK,
    SW_IP_LINK_LOCAL,
    SW_IP_PRIVATE,
    SW_IP_SPECIAL, /* unspecified, multicast, reserved, documentation */
} sw_ip_class;

sw_ip_class sw_ip_classify(const sw_ip *ip);
const char *sw_ip_class_name(sw_ip_class class); /* "a loopback" */

/* A literal: four decimal numbers, or version 6 without brackets and zone. */
bool sw_ip_parse(sw_str text, sw_ip *ret_ip);
/* False for other families. */
bool sw_ip_of_sockaddr(const struct sockaddr *address, sw_ip *ret_ip);
bool sw_ip_net_has(const sw_ip_net *net, const sw_ip *ip);

enum { SW_IP_TEXT_BYTES = 48 };
/* The literal, NUL-terminated, version 6 in brackets. */
sw_str sw_ip_text(const sw_ip *ip, char out[SW_IP_TEXT_BYTES]);

/* ---- Patterns -------------------------------------------------------------------------------- */

typedef enum sw_host_kind {
    SW_HOST_ANY,   /* "*" */
    SW_HOST_NAME,  /* "example.com" */
    SW_HOST_BELOW, /* "*.example.com": name is "example.com" */
    SW_HOST_NET,   /* an address or network */
} sw_host_kind;

typedef struct sw_host_pattern {
    sw_host_kind kind;
    sw_str name; /* lower case */
    sw_ip_net net;
} sw_host_pattern;

/* A HOST of the grammar; what the pattern keeps is copied into the arena. */
SW_NODISCARD sw_status sw_host_pattern_parse(sw_str text, sw_arena *arena, sw_diag *diag,
                                             sw_host_pattern *ret_pattern);

/* host: a name in any case, a literal, or a literal in brackets. */
bool sw_host_pattern_matches(const sw_host_pattern *p, sw_str host);

/* Whether the name is "localhost" or below it. */
bool sw_host_is_localhost(sw_str host);

typedef struct sw_grant_http {
    sw_host_pattern host;
    bool has_http, has_https;
    bool has_any_port;
    uint16_t port;  /* 0: the scheme's */
    sw_str path;    /* without the *; empty: all */
    bool is_prefix; /* path ended in * */
} sw_grant_http;

SW_NODISCARD sw_status sw_grant_http_parse(sw_str pattern, sw_arena *arena, sw_diag *diag,
                                           sw_grant_http *ret_grant);

/* Where a request goes. */
typedef struct sw_http_target {
    bool is_secure;
    sw_str host; /* name or literal, brackets allowed */
    uint16_t port;
    sw_str path; /* with the query */
} sw_http_target;

/* Takes "host:port" apart; without a port it is the scheme's. False: malformed. */
bool sw_http_target_of(bool is_secure, sw_str authority, sw_str path, sw_http_target *ret_target);

/* What a grant for sockets is for. */
typedef enum sw_net_use { SW_NET_TCP, SW_NET_UDP, SW_NET_LISTEN, SW_NET_DNS } sw_net_use;

typedef struct sw_grant_net {
    sw_net_use use;
    sw_host_pattern host;
    bool has_any_port;
    uint16_t port;
} sw_grant_net;

SW_NODISCARD sw_status sw_grant_net_parse(sw_net_use use, sw_str pattern, sw_arena *arena,
                                          sw_diag *diag, sw_grant_net *ret_grant);

/* An address that a guest was told for a name, and the grant (by its index) that has the name. */
typedef struct sw_net_known {
    sw_ip ip;
    uint32_t grant;
} sw_net_known;

/* ---- Decisions ------------------------------------------------------------------------------- */

/* Whether the request may be sent, and whether it may be sent to this address. */
bool sw_grant_http_allows(const sw_grant_http *grants, size_t count, const sw_http_target *target);
bool sw_grant_http_opens(const sw_grant_http *grants, size_t count, const sw_http_target *target,
                         const sw_ip *ip);

/* Whether the grants let a socket use the address like this. */
bool sw_grant_net_allows(const sw_grant_net *grants, size_t count, sw_net_use use, const sw_ip *ip,
                         uint16_t port, const sw_net_known *known, size_t known_count);
/* Whether the name may be looked up. */
bool sw_grant_net_allows_name(const sw_grant_net *grants, size_t count, sw_str name);
/* Whether an address that the name resolved to is one that the grant, which is one for names,
 * stands for. */
bool sw_grant_net_stands_for(const sw_grant_net *grant, sw_str name, const sw_ip *ip);

/* A host name: letters, digits, hyphens, underscores, dots. */
bool sw_host_is_name(sw_str host);

typedef struct sw_wasi sw_wasi;

/* Whether the context's grants allow the request. If not, the denial has been reported. */
bool sw_egress_allows_http(sw_wasi *w, const sw_http_target *target);

/* Whether this address may be used for a request that was allowed. If not, and `reports`, the
 * denial has been reported. */
bool sw_egress_allows_http_address(sw_wasi *w, const sw_http_target *target, const sw_ip *ip,
                                   bool reports);

/* Whether the context's grants allow the address; if not, the denial has been reported. */
bool sw_egress_allows_net(sw_wasi *w, sw_net_use use, const sw_ip *ip, uint16_t port,
                          const sw_net_known *known, size_t known_count);
bool sw_egress_allows_name(sw_wasi *w, sw_str name);
