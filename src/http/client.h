/*
 * The HTTP client: sends exchanges to other servers and keeps connections for the next ones.
 *
 * One client is what one owner of stores (a component on a worker, or a single store) may have
 * open: connections are shared by its requests and by nobody else's. It lives on its loop's thread.
 *
 *     x = sw_http_client_take(client, budget);         an empty exchange
 *     ... fill x->request: method, scheme, authority, path, fields; x->events, x->arg ...
 *     sw_http_client_send(client, x, &how);
 *     ... write x->out, hear on_head, read x->in, hear on_end ...
 *     sw_exchange_release(x);
 *
 * Names are looked up beside the loop (wasi/core/names.h), and each address is asked for permission
 * before it is connected to. HTTP/2 is spoken with https servers that choose it. Connections are
 * kept by scheme, host and port for a while; a request whose kept connection turns out to be dead
 * before a byte of answer came is sent once more on a fresh one, if nothing of its body has been
 * sent. HTTPS servers must prove their names.
 */
#pragma once

#include "base/counter.h"
#include "http/exchange.h"
#include "os/loop.h"
#include "wasi/egress.h"

typedef struct sw_http_client sw_http_client;
typedef struct sw_tls sw_tls;
typedef struct sw_names sw_names;

typedef struct sw_http_client_limits {
    uint32_t connections;      /* at a time, idle ones too */
    uint32_t host_connections; /* of them to one scheme, host and port */
    uint32_t waiting;          /* requests that wait for a connection; more are refused */
    uint32_t head_bytes;       /* of a response */
    uint32_t head_fields;
    uint32_t pipe_bytes;       /* of body held, each way */
    uint64_t connect_ns;       /* name, connection and TLS together */
    uint64_t first_byte_ns;    /* from the request's end to the response's head */
    uint64_t between_bytes_ns; /* of a body that is wanted */
    uint64_t idle_ns;          /* that a connection is kept without a request */
} sw_http_client_limits;

extern const sw_http_client_limits sw_http_client_limits_default;

/* May be read by any thread; several clients of one thread may share them. */
typedef struct sw_http_client_counters {
    sw_counter requests, failures; /* refused ones are among both */
    sw_counter refused;            /* for want of a connection */
    sw_counter opened, reused;     /* connections */
    sw_counter connections;        /* now */
} sw_http_client_counters;

typedef struct sw_http_client_options {
    sw_loop *loop;
    sw_budget *budget;                   /* charged for connections; outlives the client */
    const sw_http_client_limits *limits; /* copied */
    sw_names *names;                     /* borrowed */
    sw_tls
        *tls; /* a reference is taken; NULL: made by the system's certificates when it is needed */
    sw_http_client_counters *counters; /* borrowed; NULL: the client's own */
} sw_http_client_options;

SW_NODISCARD sw_status sw_http_client_new(const sw_http_client_options *options,
                                          sw_http_client **ret_client);
/* Cuts what is under way; exchanges that are not released yet live on until they are. */
void sw_http_client_free(sw_http_client *c); /* c may be NULL */

/* How one request is sent. Times of 0 are the client's limits, and are never longer than those. */
typedef struct sw_http_send {
    sw_http_target target; /* copied */
    uint64_t connect_ns, first_byte_ns, between_bytes_ns;
    /* Whether the address may be connected to; is_last: none is left after this one. NULL: all. */
    bool (*allows)(void *env, const sw_http_target *target, const sw_ip *ip, bool is_last);
    void *env; /* good until on_end or release */
} sw_http_send;

/* The exchange's lists and pipes are charged to the budget. NULL: no memory. */
sw_exchange *sw_http_client_take(sw_http_client *c, sw_budget *budget);

/* Failures come as on_end, which may be called before this returns. */
void sw_http_client_send(sw_http_client *c, sw_exchange *x, const sw_http_send *how);

const sw_http_client_counters *sw_http_client_counts(const sw_http_client *c);
/* Counts an exchange that ended with an error: its handler is told of that, not the client. */
void sw_http_client_failed(sw_http_client *c);
