/* Addresses: literals, networks, and which of them are nobody's business from outside. */
#include "wasi/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

typedef struct class_row {
    uint8_t bytes[16];
    uint8_t bits;
    sw_ip_class class;
} class_row;

/* The first match counts. */
static const class_row ROWS_V4[] = {
    {{127},              8,  SW_IP_LOOPBACK  },
    {{169, 254},         16, SW_IP_LINK_LOCAL},
    {{10},               8,  SW_IP_PRIVATE   },
    {{172, 16},          12, SW_IP_PRIVATE   },
    {{192, 168},         16, SW_IP_PRIVATE   },
    {{100, 64},          10, SW_IP_PRIVATE   }, /* shared by a provider's customers */
    {{0},                8,  SW_IP_SPECIAL   }, /* "this" network: means loopback on Linux */
    {{192, 0, 0},        24, SW_IP_SPECIAL   }, /* protocol assignments */
    {{192, 0, 2},        24, SW_IP_SPECIAL   }, /* documentation, as the next two */
    {{198, 51, 100},     24, SW_IP_SPECIAL   },
    {{203, 0, 113},      24, SW_IP_SPECIAL   },
    {{192, 88, 99},      24, SW_IP_SPECIAL   }, /* relays of 6to4 */
    {{198, 18},          15, SW_IP_SPECIAL   }, /* benchmarks */
    {{224},              4,  SW_IP_SPECIAL   }, /* multicast */
    {{240},              4,  SW_IP_SPECIAL   }, /* reserved, broadcast */
    {{168, 63, 129, 16}, 32, SW_IP_SPECIAL   }, /* a cloud's own service, on every host in it */
};

static const class_row ROWS_V6[] = {
    {{[15] = 1},               128, SW_IP_LOOPBACK  },
    {{0xfe, 0x80},             10,  SW_IP_LINK_LOCAL},
    {{0xfc},                   7,   SW_IP_PRIVATE   },
    {{0xfe, 0xc0},             10,  SW_IP_PRIVATE   }, /* site-local */
    {{0xff},                   8,   SW_IP_SPECIAL   }, /* multicast */
    {{0x20, 0x01, 0x0d, 0xb8}, 32,  SW_IP_SPECIAL   }, /* documentation */
    {{0x3f, 0xff},             20,  SW_IP_SPECIAL   }, /* documentation */
    {{0x20, 0x01},             23,  SW_IP_SPECIAL   }, /* protocol assignments, Teredo */
    {{0x20},                   3,   SW_IP_PUBLIC    },
    {{0},                      0,   SW_IP_SPECIAL   }, /* translated, discarded, not assigned */
};

static bool has_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    if (memcmp(a, b, whole) != 0) {
        return false;
    }
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static sw_ip_class find_class(const class_row *rows, size_t count, const uint8_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (has_prefix(bytes, rows[i].bytes, rows[i].bits)) {
            return rows[i].class;
        }
    }
    return SW_IP_PUBLIC;
}

/* Addresses that carry one of version 4: where it begins in them. */
static const struct {
    uint8_t bytes[16];
    uint8_t bits, at;
} CARRIERS[] = {
    {{[10] = 0xff, [11] = 0xff}, 96, 12}, /* mapped */
    {{0x00, 0x64, 0xff, 0x9b},   96, 12}, /* NAT64 */
    {{0x20, 0x02},               16, 2 }, /* 6to4 */
};

sw_ip_class sw_ip_classify(const sw_ip *ip)
{
    if (!ip->is_v6) {
        return find_class(ROWS_V4, SW_COUNTOF(ROWS_V4), ip->bytes);
    }
    for (size_t i = 0; i < SW_COUNTOF(CARRIERS); i++) {
        if (has_prefix(ip->bytes, CARRIERS[i].bytes, CARRIERS[i].bits)) {
            return find_class(ROWS_V4, SW_COUNTOF(ROWS_V4), ip->bytes + CARRIERS[i].at);
        }
    }
    return find_class(ROWS_V6, SW_COUNTOF(ROWS_V6), ip->bytes);
}

const char *sw_ip_class_name(sw_ip_class class)
{
    static const char *const NAMES[] = {
        [SW_IP_PUBLIC] = "a public",         [SW_IP_LOOPBACK] = "a loopback",
        [SW_IP_LINK_LOCAL] = "a link-local", [SW_IP_PRIVATE] = "a private",
        [SW_IP_SPECIAL] = "a special",
    };
    return NAMES[class];
}

bool sw_ip_parse(sw_str text, sw_ip *ret_ip)
{
    char literal[SW_IP_TEXT_BYTES];
    sw_ip ip = {};
    if (text.len == 0 || text.len >= sizeof literal || memchr(text.ptr, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(literal, text.ptr, text.len);
    literal[text.len] = '\0';
    ip.is_v6 = sw_str_find(text, ':') < text.len;
    if (inet_pton(ip.is_v6 ? AF_INET6 : AF_INET, literal, ip.bytes) != 1) {
        return false;
    }
    *ret_ip = ip;
    return true;
}

bool sw_ip_of_sockaddr(const struct sockaddr *address, sw_ip *ret_ip)
{
    if (address->sa_family == AF_INET) {
        *ret_ip = (sw_ip){};
        memcpy(ret_ip->bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        *ret_ip = (sw_ip){.is_v6 = true};
        memcpy(ret_ip->bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
        return true;
    }
    return false;
}

bool sw_ip_net_has(const sw_ip_net *net, const sw_ip *ip)
{
    return net->ip.is_v6 == ip->is_v6 && has_prefix(net->ip.bytes, ip->bytes, net->bits);
}

sw_str sw_ip_text(const sw_ip *ip, char out[SW_IP_TEXT_BYTES])
{
    char literal[INET6_ADDRSTRLEN] = "?";
    (void)inet_ntop(ip->is_v6 ? AF_INET6 : AF_INET, ip->bytes, literal, sizeof literal);
    (void)snprintf(out, SW_IP_TEXT_BYTES, ip->is_v6 ? "[%s]" : "%s", literal);
    return sw_str_of(out);
}
