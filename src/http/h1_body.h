/*
 * The two bodies of an exchange over HTTP/1.1: from bytes that have come into its pipe `in`, and
 * from its pipe `out` to the peer. Servers and clients drive them alike.
 */
#pragma once

#include "base/buf.h"
#include "http/exchange.h"
#include "http/h1_parse.h"
#include "http/io.h"

/*
 * Coming in. Bytes nobody wants (the pipe is closed) are counted and dropped.
 */
typedef struct sw_h1_in {
    sw_h1_body body;
    uint64_t left;      /* SW_H1_BODY_LENGTH */
    uint64_t taken;     /* of the body so far */
    uint64_t dropped;   /* of those, the ones that nobody wanted */
    uint64_t max_bytes; /* of the body */
    sw_h1_limits trailer_limits;
    sw_h1_chunks chunks;
    sw_h1_scan scan;
    bool in_trailers;
} sw_h1_in;

typedef enum sw_h1_in_result {
    SW_H1_IN_MORE,    /* everything that can be used has been used */
    SW_H1_IN_FULL,    /* the pipe has no room; on_writable will tell */
    SW_H1_IN_DONE,    /* the body is whole and the pipe finished */
    SW_H1_IN_REFUSED, /* see the error: status 400, 413 */
    SW_H1_IN_NO_MEMORY
} sw_h1_in_result;

void sw_h1_in_start(sw_h1_in *in, const sw_h1_framing *f, uint64_t max_bytes,
                    const sw_h1_limits *trailer_limits);

/* *ret_used of the bytes need not be given again. */
SW_NODISCARD sw_h1_in_result sw_h1_in_take(sw_h1_in *in, sw_exchange *x, sw_bytes bytes,
                                           size_t *ret_used, sw_h1_error *ret_error);

/* The peer's end of stream: whether the body is whole with it; then the pipe is finished. */
bool sw_h1_in_end(sw_h1_in *in, sw_exchange *x);

/* Where a read may put bytes of the body without a copy: a piece of the pipe, to be committed with
 * sw_h1_in_commit; empty: read elsewhere and use sw_h1_in_take. */
struct iovec sw_h1_in_place(sw_h1_in *in, sw_exchange *x);
sw_h1_in_result sw_h1_in_commit(sw_h1_in *in, sw_exchange *x, size_t bytes);

/*
 * Going out, in segments: text, then bytes of the pipe, then text. A segment is what one system
 * call tries to write, and is kept until it has been written whole.
 */
typedef struct sw_h1_out {
    sw_buf text;        /* owned; the head and chunk's size at first, the tail behind */
    size_t text_at;     /* written */
    size_t tail_at;     /* where in text the part behind the data begins */
    uint64_t data_left; /* bytes of the pipe in this segment */
    sw_h1_body body;    /* NONE: the pipe is emptied, nothing is written */
    uint64_t left;      /* SW_H1_BODY_LENGTH: not yet in a segment */
    bool is_started;    /* the head is in a segment */
    bool has_ended;     /* the last segment has been made */
} sw_h1_out;

typedef enum sw_h1_out_result {
    SW_H1_OUT_WAIT,    /* all that is there has been written */
    SW_H1_OUT_BLOCKED, /* the peer takes no more now */
    SW_H1_OUT_DONE,    /* the body has been written whole */
    SW_H1_OUT_SHORT,   /* the handler ended it too early, or gave too little */
    SW_H1_OUT_GONE,    /* the peer */
    SW_H1_OUT_NO_MEMORY
} sw_h1_out_result;

/* Whatever goes before the body is in out->text by now. */
void sw_h1_out_start(sw_h1_out *out, sw_h1_body body, uint64_t length);

/* Writes what there is. *ret_wrote: at least one byte went out. */
SW_NODISCARD sw_h1_out_result sw_h1_out_step(sw_h1_out *out, sw_exchange *x, sw_io *io,
                                             bool *ret_wrote);

/* Text alone, without an exchange's body: BLOCKED, GONE, or WAIT when all of it has been written.
 */
SW_NODISCARD sw_h1_out_result sw_h1_out_text(sw_h1_out *out, sw_io *io, bool *ret_wrote);
