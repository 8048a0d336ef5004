/*
 * The client inside: origins, calls and connections.
 *
 * An ORIGIN is a scheme, host and port: it has connections and the calls that wait for one. A CALL
 * is one exchange on its way to a connection; once it is on one, it stays until the exchange ends,
 * since it may have to be sent again. A CONNECTION is made for a call (connect.c) and then serves
 * whichever comes (client.c): over HTTP/1.1 one call at a time, over HTTP/2 many.
 */
#pragma once

#include "http/client.h"
#include "http/h1_client.h"
#include "http/h2_client.h"
#include "http/tls.h"
#include "wasi/core/names.h"

typedef struct client_origin client_origin;
typedef struct client_call client_call;
typedef struct client_conn client_conn;

typedef enum call_state {
    CALL_WAITING,    /* for a connection to become free */
    CALL_CONNECTING, /* one is being made for it */
    CALL_SENT,
} call_state;

struct client_call {
    sw_http_client *client;
    sw_exchange *x; /* not looked at once it is on a connection: that knows whether it has ended */
    client_origin *origin;
    client_conn *conn; /* CONNECTING, SENT */
    call_state state;
    uint8_t returns;          /* how often a connection has given it back */
    sw_http_send how;         /* its target points into text */
    sw_loop_timer timer;      /* until it is sent */
    client_call *next, *prev; /* of the origin's that wait, or of those on an HTTP/2 connection */
    char *text;
    size_t text_bytes;
};

typedef enum conn_state {
    CONN_RESOLVING,
    CONN_CONNECTING,
    CONN_HANDSHAKE,
    CONN_BUSY, /* has calls */
    CONN_IDLE,
} conn_state;

struct client_conn {
    sw_http_client *client;
    client_origin *origin;
    client_call *call;  /* that it is made for, or that is on it over HTTP/1.1; NULL: none */
    client_call *calls; /* on it over HTTP/2 */
    conn_state state;
    sw_name_query query; /* RESOLVING */
    sw_resolve_answer addresses;
    uint32_t address;    /* the one that is being tried, or is connected */
    sw_http_error error; /* of the last attempt */
    int fd;              /* CONNECTING */
    sw_watch watch;      /* CONNECTING, HANDSHAKE */
    sw_io_plain plain;
    sw_io *io; /* HANDSHAKE */
    bool is_h2;
    union {
        sw_h1_client h1;
        sw_h2_client h2;
    };
    sw_loop_timer timer;      /* CONNECTING: of this address; IDLE */
    client_conn *next, *prev; /* of the origin's */
};

struct client_origin {
    client_origin *next;
    bool is_secure;
    uint16_t port;
    sw_str host; /* owned */
    client_conn *conns;
    bool has_h2; /* the server spoke it the last time */
    client_call *first_waiting, *last_waiting;
    uint32_t conns_count;
};

struct sw_http_client {
    sw_loop *loop;
    sw_budget *budget;
    sw_http_client_limits limits;
    sw_names *names;  /* borrowed */
    sw_tls *tls;      /* a reference; NULL: not made yet */
    uint8_t *scratch; /* SW_H2_SCRATCH_BYTES, or NULL: of all HTTP/2 connections */
    sw_loop_job job;  /* looks after those who wait */
    client_origin *origins;
    uint32_t origins_count, conns_count, waiting_count;
    sw_http_client_counters *counters; /* own_counters, or borrowed */
    sw_http_client_counters own_counters;
};

/* connect.c: makes a connection for the call; failures end the call, maybe at once. */
void sw_client_connect(sw_http_client *c, client_call *call);
/* The connection is being made, or is idle: it is given up, its call (if any) is not touched. */
void sw_client_conn_free(client_conn *conn);

/* client.c: the connection is ready for its call. */
void sw_client_connected(client_conn *conn);
/* It could not be made: it and its call end. */
void sw_client_not_connected(client_conn *conn, sw_http_error why);

extern const sw_h1_client_events sw_client_h1_events;
extern const sw_h2_client_events sw_client_h2_events;
