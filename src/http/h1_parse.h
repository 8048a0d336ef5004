/*
 * HTTP/1.1 messages, strictly (RFC 9112). No input or output; memory only for the head's own lists.
 *
 * What two parsers could understand differently is refused, for that is how requests are smuggled:
 * no folded lines, no CR or LF alone, no white space before a colon or in a chunk's size, one
 * Content-Length of digits, one Transfer-Encoding and only "chunked", never both, exactly one Host
 * (HTTP/1.1), which agrees with the target where that names one.
 *
 * A head is given from its first byte, as much as has come; the reader either takes it whole or
 * asks for more. It remembers in sw_h1_scan how far it has looked, so that a head that comes byte
 * by byte costs little more than one that comes at once. What it refuses and why does not depend on
 * how the bytes were cut; an incomplete head may be refused later than it could be.
 *
 * Bodies are not copied: the reader of chunks tells where their bytes lie.
 */
#pragma once

#include "http/message.h"

typedef enum sw_h1_result {
    SW_H1_DONE,
    SW_H1_MORE,    /* all right as far as it goes */
    SW_H1_REFUSED, /* see the error */
    SW_H1_NO_MEMORY
} sw_h1_result;

typedef struct sw_h1_error {
    uint16_t status;  /* what a server answers: 400, 413, 414, 417, 431, 501, 505 */
    uint32_t offset;  /* of the byte, from the beginning of the head or of this call's bytes */
    const char *text; /* static */
} sw_h1_error;

typedef struct sw_h1_limits {
    uint32_t head_bytes; /* start line to empty line: 431 */
    uint32_t fields;     /* 431; at most 1000 */
    uint32_t path_bytes; /* of the target: 414 */
} sw_h1_limits;

/* How far an incomplete head has been looked at. Zero before the first byte. */
typedef struct sw_h1_scan {
    uint32_t looked;   /* no end before here */
    uint32_t tried_at; /* length at the last full attempt */
} sw_h1_scan;

typedef enum sw_h1_body {
    SW_H1_BODY_NONE,
    SW_H1_BODY_LENGTH,
    SW_H1_BODY_CHUNKED,
    SW_H1_BODY_CLOSE /* until the connection ends; responses only */
} sw_h1_body;

/* What a head says about the connection and the bytes after it. */
typedef struct sw_h1_framing {
    uint32_t head_bytes; /* where the body begins */
    sw_h1_body body;
    uint64_t length; /* SW_H1_BODY_LENGTH: of the body, above 0 */
    bool keeps_alive;
    bool expects_continue;
    bool wants_upgrade;
} sw_h1_framing;

/*
 * Reads a request's head into an initialised head: method, path, authority (from the target, else
 * Host; empty if HTTP/1.0 gave none), scheme (only if the target is a whole URI), version, fields.
 * One empty line before it is allowed.
 */
SW_NODISCARD sw_h1_result sw_h1_read_request(sw_h1_scan *scan, sw_bytes in,
                                             const sw_h1_limits *limits, sw_http_head *head,
                                             sw_h1_framing *ret_framing, sw_h1_error *ret_error);

/* Reads a response's head. What follows it depends on the method it answers. */
SW_NODISCARD sw_h1_result sw_h1_read_response(sw_h1_scan *scan, sw_bytes in,
                                              const sw_h1_limits *limits, sw_http_method method,
                                              sw_http_head *head, sw_h1_framing *ret_framing,
                                              sw_h1_error *ret_error);

/* Reads what follows the last chunk, the empty line included. */
SW_NODISCARD sw_h1_result sw_h1_read_trailers(sw_h1_scan *scan, sw_bytes in,
                                              const sw_h1_limits *limits, sw_http_fields *fields,
                                              uint32_t *ret_used, sw_h1_error *ret_error);

/* Between the chunks. Zero before the first byte of the body. */
typedef struct sw_h1_chunks {
    uint64_t left;            /* of this chunk */
    uint32_t extension_bytes; /* of all chunks */
    uint8_t state, digits;
} sw_h1_chunks;

enum { SW_H1_EXTENSION_BYTES = 4096 }; /* of all chunks of a body */

/*
 * Takes framing, then at most one run of the body's bytes: *ret_data, within `in`, of at most
 * max_data bytes. *ret_used counts both. MORE: call again with what is behind, or with more; DONE:
 * the trailers begin behind. An error's offset counts from in.ptr.
 */
SW_NODISCARD sw_h1_result sw_h1_read_chunk(sw_h1_chunks *c, sw_bytes in, size_t max_data,
                                           size_t *ret_used, sw_bytes *ret_data,
                                           sw_h1_error *ret_error);
