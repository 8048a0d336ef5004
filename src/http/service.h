/*
 * What all server connections of one loop share: limits, the handler, exchanges to use again,
 * counters. One per worker thread; nothing in it is locked.
 */
#pragma once

#include "base/buf.h"
#include "base/counter.h"
#include "http/exchange.h"
#include "http/io.h"

typedef struct sw_loop sw_loop;
typedef struct sw_http_conn sw_http_conn;

/* Every limit is on: sw_http_limits_default gives the values of the documentation. */
typedef struct sw_http_limits {
    uint32_t head_bytes;     /* of a head, start line included: 431 */
    uint32_t head_fields;    /* 431 */
    uint32_t path_bytes;     /* 414 */
    uint32_t trailer_bytes;  /* of a trailer section */
    uint64_t body_bytes;     /* of a request's body: 413 */
    uint32_t pipe_bytes;     /* of body held between peer and guest, each way */
    uint32_t drain_bytes;    /* of a body nobody reads, before the connection is closed instead */
    uint32_t requests;       /* per connection, then it is closed; 0: no limit */
    uint32_t streams;        /* h2: at a time per connection */
    uint64_t head_ns;        /* from the first byte of a head to its last: 408 */
    uint64_t body_idle_ns;   /* between two reads of a body that is being waited for: 408 */
    uint64_t keep_alive_ns;  /* idle between requests, and before the first */
    uint64_t write_stall_ns; /* without progress while there is something to write */
    uint32_t body_min_rate;  /* bytes per second that a body's time-out allows for; 0: none. Each
                              * byte puts it off by so much, at most to body_idle_ns from now */
    uint64_t half_close_ns;  /* what is left to an exchange whose peer has closed its side */
} sw_http_limits;

extern const sw_http_limits sw_http_limits_default;

/* Refused before a handler heard of them, by the status of the answer. */
typedef enum sw_http_refusal {
    SW_HTTP_REFUSED_4XX, /* those that are not below */
    SW_HTTP_REFUSED_408,
    SW_HTTP_REFUSED_413,
    SW_HTTP_REFUSED_414,
    SW_HTTP_REFUSED_431,
    SW_HTTP_REFUSED_5XX,
    SW_HTTP_REFUSED_COUNT
} sw_http_refusal;

sw_http_refusal sw_http_refusal_of(uint16_t status);

/* The loop's thread counts, any thread may read. */
typedef struct sw_http_counters {
    sw_counter requests, informational;
    sw_counter refused[SW_HTTP_REFUSED_COUNT];
    sw_counter timeouts; /* connections and streams ended because their peer was slow or idle */
    sw_counter resets;   /* and because their peer had gone in the middle */
    sw_counter cut;      /* answers ended by their handlers or by us before they were whole */
    sw_counter handshakes, handshakes_failed; /* of TLS; given up and timed out ones are failed */
    sw_counter h2_connections;
    sw_counter floods; /* connections of HTTP/2 ended because they made work and carried nothing */
} sw_http_counters;

/* Base of a connection of any protocol: what the service needs to know of it. */
typedef struct sw_http_conn_ops {
    void (*drain)(sw_http_conn *c); /* finish what runs, accept nothing, then close */
    void (*cut)(sw_http_conn *c);   /* close now; exchanges end with CONNECTION_TERMINATED */
} sw_http_conn_ops;

struct sw_http_conn {
    const sw_http_conn_ops *ops;
    sw_http_service *service;
    sw_http_conn *next, *prev;
    void *peer;
    bool is_idle; /* no exchange: the first to go when there are too many */
};

struct sw_http_service {
    sw_loop *loop;     /* borrowed */
    sw_budget *budget; /* borrowed: connections, buffers, exchanges, bodies */
    sw_http_limits limits;
    void *arg; /* the owner's */

    /* A request's head is complete. The handler sets x->events and x->arg; it may respond at once
     * or later. */
    void (*on_request)(sw_http_service *s, sw_exchange *x);
    /* A connection has ended; its io is closed already. May be NULL. */
    void (*on_closed)(sw_http_service *s, void *peer);
    /* Takes over a connection whose protocol is HTTP/2: by ALPN, or by the preface, which is in
     * `early`. False: it could not, the caller closes. NULL: HTTP/2 is not spoken. */
    bool (*serve_h2)(sw_http_service *s, sw_io *io, void *peer, sw_bytes early);

    sw_http_counters counters;
    uint32_t connections_count, exchanges_count; /* now */
    bool is_draining;

    sw_http_conn *connections; /* doubly linked */
    sw_exchange *spare;        /* to be used again */
    sw_buf spare_buf;          /* the same, of output */
    uint32_t spare_count;
    uint8_t *scratch; /* SW_HTTP_SCRATCH_BYTES: what one read fills, shared by all connections */
    char date[32];    /* "Sun, 06 Nov 1994 08:49:37 GMT", of date_second */
    int64_t date_second;
};

enum { SW_HTTP_SCRATCH_BYTES = 64 * 1024 };

/* The rest (arg, callbacks) is the caller's to set. SW_NO_MEMORY. */
SW_NODISCARD sw_status sw_http_service_init(sw_http_service *s, sw_loop *loop, sw_budget *budget,
                                            const sw_http_limits *limits);
/* No connection is left (see cut), and no exchange. */
void sw_http_service_clear(sw_http_service *s);

/* Idle connections close now, the others after their exchange. connections_count says when all
 * have. */
void sw_http_service_drain(sw_http_service *s);
void sw_http_service_cut(sw_http_service *s);

/* Takes over an accepted connection, and the io with it, also on failure (SW_NO_MEMORY, SW_IO:
 * closed, on_closed is not called). `peer` goes into every exchange. */
SW_NODISCARD sw_status sw_http_serve(sw_http_service *s, sw_io *io, void *peer);

/* For protocols: an exchange that comes back by itself. The caller sets ops, connection and peer.
 * NULL: no memory. */
sw_exchange *sw_http_exchange_take(sw_http_service *s);
void sw_http_conn_link(sw_http_service *s, sw_http_conn *c);
void sw_http_conn_unlink(sw_http_conn *c); /* on_closed is the caller's to call, after it */
void sw_http_conn_closed(sw_http_service *s, void *peer);
/* Of the current second, 29 bytes. */
sw_str sw_http_service_date(sw_http_service *s);
