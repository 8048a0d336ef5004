/*
 * A connection to a server over HTTP/2: many exchanges at a time.
 *
 * It takes an io that is ready (connected, hands shaken), and exchanges while it has room for them.
 * What is sent goes out at the end of the turn. An exchange ends at once when it is aborted or
 * released; the server is told.
 *
 * Windows are the pipes, as on servers. Pushed streams are refused. A server that sends without end
 * what carries nothing, or heads that are too large, loses the exchange or the connection.
 */
#pragma once

#include "http/exchange.h"
#include "http/h2_wire.h"

typedef struct sw_h2_client sw_h2_client;
typedef struct sw_h2_call sw_h2_call;

/* `tag` is what was given with the exchange. Events may come from inside of sw_exchange_abort and
 * sw_exchange_release, but not from sw_h2_client_send. */
typedef struct sw_h2_client_events {
    /* The exchange has ended; it may be gone. */
    void (*on_done)(sw_h2_client *c, void *tag);
    /* The server has not begun to work on it: it may be sent on another connection, as it is. */
    void (*on_unsent)(sw_h2_client *c, sw_exchange *x, void *tag);
    /* The connection is over and its io closed, and no exchange is on it. It may be freed here. */
    void (*on_closed)(sw_h2_client *c);
} sw_h2_client_events;

typedef struct sw_h2_client_limits {
    uint32_t streams;    /* at a time; the server may allow fewer */
    uint32_t head_bytes; /* of a response, and of its trailers */
    uint32_t head_fields;
    uint32_t pipe_bytes; /* not more than the exchanges' pipes hold */
} sw_h2_client_limits;

/* Times of 0 are none. */
typedef struct sw_h2_client_times {
    uint64_t first_byte_ns;    /* from the last byte of the request to the head of the response */
    uint64_t between_bytes_ns; /* of the response's body that is wanted, and of the request's */
} sw_h2_client_times;

/* Lies in memory of the owner's. */
struct sw_h2_client {
    const sw_h2_client_events *events;
    sw_h2_wire wire;
    sw_h2_client_limits limits;
    sw_loop_timer timer; /* the first deadline of any exchange */
    sw_h2_call *calls;   /* doubly linked */
    sw_h2_call *due;     /* to be submitted, the first first */
    sw_h2_call **due_end;
    uint32_t call_count;
    bool is_leaving;      /* the server takes no more */
    bool server_is_wrong; /* it was told so: the protocol's rules */
};

/* Takes the io over, also when it fails: SW_NO_MEMORY, closed. scratch: SW_H2_SCRATCH_BYTES, may be
 * shared by all connections of the thread. */
SW_NODISCARD sw_status sw_h2_client_init(sw_h2_client *c, sw_loop *loop, sw_budget *budget,
                                         const sw_h2_client_limits *limits, sw_io *io,
                                         uint8_t *scratch, const sw_h2_client_events *events);

/* Whether it takes another exchange now. */
bool sw_h2_client_has_room(const sw_h2_client *c);

static inline bool sw_h2_client_is_idle(const sw_h2_client *c)
{
    return c->call_count == 0;
}

/* x->request is complete; x->out may be written already. SW_NO_MEMORY: x is as it was. */
SW_NODISCARD sw_status sw_h2_client_send(sw_h2_client *c, sw_exchange *x,
                                         const sw_h2_client_times *times, void *tag);

/* Ends it now, and its exchanges with `why`; no event is called. Not from inside of on_done,
 * on_unsent or an exchange's events. */
void sw_h2_client_clear(sw_h2_client *c, sw_http_error why);
