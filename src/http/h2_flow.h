/*
 * One HTTP/2 stream as the pipes of an exchange, the same for both sides: bodies, windows,
 * trailers, lists of fields.
 *
 * A stream's window is as large as the pipe that bytes go into, and is opened again only by what
 * has been read from it; bytes that nobody will read are given back to the connection's window.
 * What goes out is copied once, from the pipe into the buffer of frames.
 */
#pragma once

#include "http/exchange.h"
#include "http/h2_wire.h"
#include "wasi/core/pipe.h"

typedef struct sw_h2_flow {
    sw_h2_wire *wire;
    sw_exchange *x; /* NULL after its end; the stream stays until nghttp2 has closed it */
    int32_t id;
    bool is_submitted;        /* our head is nghttp2's, the body may follow */
    bool is_sent;             /* our head and body have been sent whole */
    bool has_ended_in;        /* the peer sends no more */
    uint64_t accounted_bytes; /* of what came: given back to the peer's windows */
    uint64_t left_bytes;      /* of what goes: of its Content-Length, or SW_HTTP_LENGTH_UNKNOWN */
    uint64_t in_ns, out_ns;   /* last progress of the two bodies */
} sw_h2_flow;

static inline uint64_t sw_h2_flow_now(const sw_h2_flow *f)
{
    return sw_loop_now(f->wire->loop);
}

/* Listens to the exchange's pipes. */
void sw_h2_flow_begin(sw_h2_flow *f);

/* Body bytes of the peer. Over max_bytes `in` fails with too_large. SW_NO_MEMORY: the stream is to
 * be cut. x may have ended when this returns. */
SW_NODISCARD sw_status sw_h2_flow_receive(sw_h2_flow *f, sw_bytes bytes, uint64_t max_bytes,
                                          sw_http_error too_large);
void sw_h2_flow_end_in(sw_h2_flow *f);

/* Resets the stream; sw_h2_flow_finish is still to come. */
void sw_h2_flow_reset(sw_h2_flow *f, uint32_t code);

/* Ends the exchange. */
void sw_h2_flow_finish(sw_h2_flow *f, sw_http_error why);

/* The length of our body: as declared in the head, or as it is if it is complete already, or
 * SW_HTTP_LENGTH_UNKNOWN. */
uint64_t sw_h2_flow_length(const sw_h2_flow *f, const sw_http_fields *head, bool *ret_is_declared);

/* Whether `out` is known to stay without a byte, and without trailers. */
bool sw_h2_flow_is_empty(const sw_h2_flow *f);

/* Gives nghttp2 our body; f must live until nghttp2 has closed the stream. */
nghttp2_data_provider sw_h2_flow_body(sw_h2_flow *f);

/* nghttp2's callback that sends its frames. */
int sw_h2_flow_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *header,
                         size_t length, nghttp2_data_source *source, void *arg);

/* Fields for nghttp2, which copies them. */
enum { SW_H2_NV_ON_STACK = 32 };

typedef struct sw_h2_list {
    nghttp2_nv on_stack[SW_H2_NV_ON_STACK];
    nghttp2_nv *at;
    size_t count, capacity;
    sw_budget *budget;
} sw_h2_list;

/* False: no memory. */
bool sw_h2_list_init(sw_h2_list *l, sw_budget *budget, size_t capacity);
void sw_h2_list_clear(sw_h2_list *l);

/* The name is a literal; the value lives until the list has been submitted. */
void sw_h2_list_add(sw_h2_list *l, sw_str name, sw_str value);

/* All but those that only HTTP/1.1 has, which a peer would take for an error. */
void sw_h2_list_add_fields(sw_h2_list *l, const sw_http_fields *fields);
