/*
 * HTTP/1.1 heads, chunks and trailers as bytes.
 *
 * The fields of the connection are the protocol's: those that sw_http_is_forbidden lists and
 * Content-Length are left out of what the handler gave and written as the framing says. Names and
 * values went through sw_http_fields_append, so nothing in them can end a line.
 * Errors are the buffer's (sticky).
 */
#pragma once

#include "base/buf.h"
#include "http/message.h"

typedef enum sw_h1_connection {
    SW_H1_CONNECTION_DEFAULT, /* no field */
    SW_H1_CONNECTION_CLOSE,
    SW_H1_CONNECTION_KEEP_ALIVE /* for HTTP/1.0 */
} sw_h1_connection;

typedef struct sw_h1_write {
    uint64_t length; /* Content-Length, unless SW_H1_NO_LENGTH */
    bool is_chunked;
    bool expects_continue; /* requests */
    sw_h1_connection connection;
    sw_str date; /* responses; not written if the handler gave one, or if it is empty */
} sw_h1_write;

#define SW_H1_NO_LENGTH UINT64_MAX

void sw_h1_write_response(sw_buf *b, const sw_http_head *head, const sw_h1_write *w);

/* Target in origin-form ("*" and CONNECT's authority as they are), Host from the authority. */
void sw_h1_write_request(sw_buf *b, const sw_http_head *head, const sw_h1_write *w);

/* Below 200 and not 101. fields may be NULL. */
void sw_h1_write_informational(sw_buf *b, uint16_t status, const sw_http_fields *fields);

enum { SW_H1_CHUNK_HEAD_MAX = 18 };
void sw_h1_write_chunk_head(sw_buf *b, uint64_t size_bytes);

/* "0", trailers, the empty line. Fields that frame or route are left out. */
void sw_h1_write_last_chunk(sw_buf *b, const sw_http_fields *trailers);
