/*
 * Names to addresses, without stopping the loop.
 *
 * getaddrinfo knows the system's ways (hosts file, resolver options, other sources), but it blocks;
 * so it runs on a few threads of the process, which come when they are needed and go when they are
 * not. Literals and names of localhost are answered at once and asked of nobody. Nothing is cached
 * here: what one tenant has asked must not show in another's times.
 */
#pragma once

#include "base/span.h"
#include "os/loop.h"
#include "wasi/egress.h"

enum { SW_RESOLVE_MAX = 8 }; /* addresses of an answer */

typedef enum sw_resolve_result {
    SW_RESOLVED,
    SW_RESOLVE_NOT_FOUND, /* there is no such name, or it has no address */
    SW_RESOLVE_AGAIN,     /* the name servers did not answer */
    SW_RESOLVE_FAILED,
} sw_resolve_result;

typedef struct sw_resolve_answer {
    sw_resolve_result result;
    uint32_t count;
    sw_ip ips[SW_RESOLVE_MAX]; /* in the order in which they should be tried */
} sw_resolve_answer;

typedef struct sw_resolve sw_resolve;
typedef void sw_resolve_fn(void *arg, const sw_resolve_answer *answer);

/* What needs no question: literals (brackets allowed) and localhost. */
bool sw_resolve_locally(sw_str host, sw_resolve_answer *ret_answer);

/* Asks; fn is called once, on the loop's thread, from the loop. SW_NO_MEMORY; SW_LIMIT: too many
 * questions wait; SW_ARGUMENT: not a name. */
SW_NODISCARD sw_status sw_resolve_start(sw_loop *loop, sw_str host, sw_resolve_fn *fn, void *arg,
                                        sw_resolve **ret_resolve);

/* On the loop's thread, before fn has been called: it will not be. */
void sw_resolve_cancel(sw_resolve *r);
