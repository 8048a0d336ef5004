/*
 * A server's connection over HTTP/1.1, as h1_server.c (life, time), h1_server_in.c (requests) and
 * h1_server_out.c (answers) see it.
 *
 * The events of the loop, the handler's calls and the pipes' callbacks only set flags and, where
 * something can be done, defer the one job; what they lead to is done in sw_h1_conn_turn. So a
 * connection is never freed under somebody's feet.
 */
#pragma once

#include "http/h1_body.h"
#include "http/service.h"
#include "os/loop.h"

typedef enum sw_h1_phase {
    SW_H1_HANDSHAKE,
    SW_H1_HEAD,     /* no exchange that anybody knows of; x may be the one being filled */
    SW_H1_EXCHANGE, /* x is the handler's and ours */
    SW_H1_ANSWER,   /* an answer of our own is being written; then LINGER */
    SW_H1_LINGER,   /* everything is said; reading until the peer has heard it */
    SW_H1_CLOSED    /* to be freed at the end of the turn */
} sw_h1_phase;

typedef struct sw_h1_conn {
    sw_http_conn base; /* first */
    sw_io *io;         /* owned */
    sw_watch watch;
    sw_loop_timer in_timer, out_timer;
    sw_loop_job job;
    sw_exchange *x;
    sw_h1_phase phase;

    sw_buf pending; /* bytes that were read and not used: part of a head, or of what comes after */
    sw_h1_scan scan;
    sw_h1_in in;
    sw_h1_out out;

    uint64_t since_ns;      /* what the time-out of input counts from */
    uint64_t head_start_ns; /* first byte of this head; 0: none yet */
    uint32_t requests;
    uint32_t turn_requests; /* ended in the turn of turn_ns */
    uint64_t turn_ns;
    uint32_t lingered_bytes;
    bool may_read;       /* the socket may have something */
    bool may_write;      /* and may take something */
    bool has_finished;   /* the peer has closed its side */
    bool is_in_done;     /* the request's body has been read */
    bool is_out_done;    /* the answer has been written */
    bool keeps_alive;    /* after this exchange */
    bool wants_continue; /* the peer waits for 100 */
    bool is_old;         /* HTTP/1.0 */
    bool is_in_full;     /* the pipe has no room */
    bool has_moved;      /* of the last write: something went out */
    bool is_shaking;     /* the handshake has not succeeded yet */
    bool is_resting;     /* it has had its share of this turn */
} sw_h1_conn;

/* Reads what there is to read and uses it: requests begin in here. */
void sw_h1_conn_pump_in(sw_h1_conn *c);

/* Writes what there is to write: exchanges end in here. */
void sw_h1_conn_pump_out(sw_h1_conn *c);

/* The other protocol takes over the io and the bytes that have come; this connection closes. */
void sw_h1_conn_become_h2(sw_h1_conn *c, sw_bytes bytes);

/* The exchange goes, with an answer if none has begun, else with the connection. */
void sw_h1_conn_refuse(sw_h1_conn *c, uint16_t status, sw_http_error why, const char *text);

/* The exchange, if there is one, ends with `why`, and the connection closes. */
void sw_h1_conn_cut(sw_h1_conn *c, sw_http_error why);

/* After a body's end or an answer's: ends the exchange if both are there. */
void sw_h1_conn_settle(sw_h1_conn *c);

extern const sw_exchange_ops sw_h1_server_ops;
