/*
 * A peer that speaks HTTP/2 by hand, frame by frame, against a server in the same thread; and the
 * server's handler, which does what the request's path says:
 *
 *   /hello          200, "hello\n"
 *   /echo           the body as it comes, then its trailers
 *   /count          reads everything, answers with how many bytes there were
 *   /hold           nothing; it is in held[]
 *   /big?N          N bytes, as there is room
 *   /nothing        lets go without an answer
 *   /half           answers with half of the declared length, and finishes
 *   /long           answers with more than the declared length
 *   /cut            some body, then lets go
 *   /deaf           answers at once, does not want the body
 *   /early          103 with a link, then 200
 *   /empty          204
 *   /chatty         200 with fields that only HTTP/1.1 knows
 *   /want           says that it wants the body, then as /count
 */
#pragma once

#include "http/h2.h"
#include "wasi/core/pipe.h"

#include <nghttp2/nghttp2.h>

typedef struct frame {
    uint32_t length;
    uint8_t type, flags;
    int32_t stream;
    const uint8_t *payload; /* good until the next peer_turn */
} frame;

typedef struct peer {
    sw_loop *loop;
    sw_budget budget;
    sw_http_service service;
    sw_io_plain io;
    int fd;         /* the test's end; -1: closed */
    bool is_closed; /* the server closed the connection */
    bool heard_end; /* end of stream at fd */
    nghttp2_hd_deflater *deflater;
    nghttp2_hd_inflater *inflater;
    uint8_t in[1 << 20]; /* received and not read by peer_next yet */
    size_t in_len, in_at;
    sw_exchange *held[256];
    size_t held_count;
    uint32_t ended[SW_HTTP_E_COUNT + 1]; /* exchanges by their error */
    uint32_t requests;
} peer;

extern const sw_http_limits peer_limits;
extern bool peer_acknowledges; /* the server's settings */

/* A connection with prior knowledge; the preface and empty settings are on their way. */
peer *peer_new(const sw_http_limits *limits);
/* The server alone: the test speaks at fd as it likes. */
peer *peer_new_server(const sw_http_limits *limits);
/* No server at all: `io` is for a client, the test plays the server at fd. */
peer *peer_new_raw(void);
/* Everything must have been given back. */
void peer_free(peer *p);

void peer_send(peer *p, const void *bytes, size_t size);
void peer_frame(peer *p, uint8_t type, uint8_t flags, int32_t stream, const void *payload,
                size_t size);
/* "name: value" lines; the first three are the pseudo-fields unless `lines` has some itself. */
void peer_request(peer *p, int32_t stream, const char *method, const char *path, const char *lines,
                  bool has_ended);
/* The block of fields alone, without pseudo-fields of its own. */
size_t peer_block(peer *p, const char *lines, uint8_t *to, size_t max);

/* Turns the loop until nothing happens. */
void peer_turn(peer *p);
/* Waits for a frame of that type (by turning), at most some seconds; the others are dropped. */
bool peer_wait(peer *p, uint8_t type, frame *ret_frame);
/* The next frame that is there. */
bool peer_next(peer *p, frame *ret_frame);
/* The next one of that type and stream. */
bool peer_find(peer *p, uint8_t type, int32_t stream, frame *ret_frame);

/* Decodes a HEADERS frame: "name: value\n" lines. */
const char *peer_fields(peer *p, const frame *f);
/* Of the next HEADERS of that stream; 0: there is none. */
int peer_status(peer *p, int32_t stream);
uint32_t be32(const uint8_t *p);
