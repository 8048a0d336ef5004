/*
 * A connection to a server over HTTP/1.1: one exchange at a time, one after the other.
 *
 * It takes an io that is ready (connected, hands shaken), an exchange when it is idle, and says
 * when it is idle again or gone. As on servers, events only set flags; what they lead to is done in
 * a job at the end of the turn. An exchange ends at once when it is aborted or released.
 *
 * A response that is complete before the request is sent ends the exchange, and the connection. One
 * that answers nothing of ours (bytes on an idle connection) ends the connection.
 */
#pragma once

#include "http/h1_body.h"
#include "os/loop.h"

typedef struct sw_h1_client sw_h1_client;

typedef struct sw_h1_client_events {
    /* The exchange has ended; the connection may take another. Comes from the job. */
    void (*on_idle)(sw_h1_client *c);
    /* The connection is over and its io closed. Nothing refers to it any more but the owner, who
     * may free it in here. x: an exchange that it has not begun to be answered, and that may be
     * sent on another connection as it is; NULL: none. */
    void (*on_closed)(sw_h1_client *c, sw_exchange *x);
} sw_h1_client_events;

/* Times of 0 are none. */
typedef struct sw_h1_client_times {
    uint64_t first_byte_ns;    /* from the last byte of the request to the head of the response */
    uint64_t between_bytes_ns; /* of the response's body that is wanted, and of the request's */
} sw_h1_client_times;

/* Lies in memory of the owner's. */
struct sw_h1_client {
    const sw_h1_client_events *events;
    sw_loop *loop;
    sw_io *io; /* owned; NULL: closed */
    sw_watch watch;
    sw_loop_timer timer;
    sw_loop_job job;
    sw_h1_limits limits; /* of responses */
    sw_h1_client_times times;
    sw_exchange *x; /* NULL: idle */

    sw_buf pending; /* bytes that were read and not used */
    sw_h1_scan scan;
    sw_h1_in in;
    sw_h1_out out;

    uint64_t since_ns; /* what the time-out counts from */
    uint32_t requests;
    bool may_read, may_write;
    bool has_finished; /* the server has closed its side */
    bool has_answer;   /* a byte of the response has come */
    bool has_head, is_in_done, is_out_done, is_in_full;
    bool keeps_alive;
    bool is_over; /* to be closed in the job */
};

/* Takes the io over, also when it fails: SW_NO_MEMORY, closed. */
SW_NODISCARD sw_status sw_h1_client_init(sw_h1_client *c, sw_loop *loop, sw_budget *budget,
                                         const sw_h1_limits *limits, sw_io *io,
                                         const sw_h1_client_events *events);

/* Idle, and not about to be closed. */
static inline bool sw_h1_client_is_idle(const sw_h1_client *c)
{
    return c->x == NULL && !c->is_over;
}

/* The connection is idle. x->request is complete; x->out may be written already. */
void sw_h1_client_send(sw_h1_client *c, sw_exchange *x, const sw_h1_client_times *times);

/* Ends it now, an exchange with `why`; on_closed is not called. */
void sw_h1_client_clear(sw_h1_client *c, sw_http_error why);
