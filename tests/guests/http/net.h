/* What the guests of wasi:sockets share: addresses, errors, printing them. */
#pragma once

#include "http.h"

#define NETWORK(item) IMPORT("wasi:sockets/network@0.2.12", item)

/* An address, flattened: for version 4 port and four numbers. */
#define ADDRESS_PARAMS                                                                   \
    int32_t family, int32_t port, int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, \
        int32_t f, int32_t g, int32_t h, int32_t i, int32_t j
#define LOOPBACK(port) 0, (int32_t)(port), 127, 0, 0, 1, 0, 0, 0, 0, 0, 0

IMPORT("wasi:sockets/instance-network@0.2.12", "instance-network") handle network(void);
NETWORK("[resource-drop]network") void network_drop(handle self);

enum { WOULD_BLOCK = 8 };

static const text CODES[] = {
    TEXT("unknown"),
    TEXT("access-denied"),
    TEXT("not-supported"),
    TEXT("invalid-argument"),
    TEXT("out-of-memory"),
    TEXT("timeout"),
    TEXT("concurrency-conflict"),
    TEXT("not-in-progress"),
    TEXT("would-block"),
    TEXT("invalid-state"),
    TEXT("new-socket-limit"),
    TEXT("address-not-bindable"),
    TEXT("address-in-use"),
    TEXT("remote-unreachable"),
    TEXT("connection-refused"),
    TEXT("connection-reset"),
    TEXT("connection-aborted"),
    TEXT("datagram-too-large"),
    TEXT("name-unresolvable"),
    TEXT("temporary-resolver-failure"),
    TEXT("permanent-resolver-failure"),
};

static handle out;

/* Prints "WHAT: CODE" for a result; false for an error. */
static inline bool told(text what, bool is_err, uint32_t code)
{
    if (is_err) {
        text name = joined(joined(what, TEXT(": ")), CODES[code & 0xff]);
        (void)write_text(out, joined(name, TEXT("\n")));
    }
    return !is_err;
}

static inline bool is_fine(text what, const uint8_t ret[2])
{
    return told(what, ret[0] != 0, ret[1]);
}
