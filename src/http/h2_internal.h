/* Inside of the HTTP/2 server: connections (h2_server.c), what is done with a stream's request and
 * answer (h2_stream.c). */
#pragma once

#include "http/h2.h"
#include "http/h2_flow.h"

typedef struct sw_h2_conn sw_h2_conn;
typedef struct sw_h2_stream sw_h2_stream;

struct sw_h2_stream {
    sw_h2_flow flow; /* first */
    sw_h2_conn *conn;
    uint16_t refusal;        /* the status to answer with, instead of the handler; 0: none */
    bool has_begun;          /* the handler, or a refusal, has the exchange */
    bool is_due;             /* in the list of those that have an answer to submit */
    bool has_continued;      /* "100 Continue" was sent */
    uint32_t lingered_bytes; /* that came after the answer, for nobody */
    uint64_t head_bytes;     /* of all the fields that came in */
    sw_h2_stream *next, *prev;
    sw_h2_stream *next_due;
};

struct sw_h2_conn {
    sw_http_conn base; /* first */
    sw_h2_wire wire;
    sw_loop_timer timer;
    sw_h2_stream *streams; /* doubly linked */
    sw_h2_stream *due;     /* singly linked */
    sw_h2_stream *spare;   /* one, to be used again */
    uint32_t stream_count;
    uint32_t request_count;
    int32_t last_id;  /* the highest stream that the peer has opened */
    int32_t reset_id; /* the highest that we have reset, for which more may be on its way */
    int64_t credit;
    uint64_t credit_ns;
    uint64_t head_ns;  /* since when a stream's head is incomplete; 0: none is */
    uint64_t idle_ns;  /* since when there is no stream */
    uint64_t drain_ns; /* when the peer was told to go; 0: it was not */
    bool is_closing;   /* the last stream has been named */
    bool is_ticking;   /* the timer looks at the streams; else it waits for idleness to end */
};

/* A new request; false: no memory. */
bool sw_h2_stream_open(sw_h2_conn *c, int32_t id);

/* One field of the request's head or trailers. False: the connection is not worth keeping. */
bool sw_h2_stream_field(sw_h2_stream *st, sw_str name, sw_str value, bool is_trailer);

/* The head is complete: the handler gets it, or the refusal is answered. */
void sw_h2_stream_begin(sw_h2_stream *st, bool has_ended);

void sw_h2_stream_data(sw_h2_stream *st, sw_bytes bytes);

/* Submits the answers that have come together. */
void sw_h2_submit_due(sw_h2_conn *c);

/* The exchange is over; its stream may stay. */
void sw_h2_stream_finish(sw_h2_stream *st, sw_http_error why);

/* The same with a reset for the peer. */
void sw_h2_stream_cut(sw_h2_stream *st, uint32_t code, sw_http_error why);

/* Ends what is left of it, takes it out of the connection and frees it. */
void sw_h2_stream_close(sw_h2_stream *st, sw_http_error why);
