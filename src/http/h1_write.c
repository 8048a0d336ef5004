#include "h1_write.h"

#include <string.h>

/* Appends to room that has been reserved. */
static uint8_t *put(uint8_t *to, sw_str s)
{
    if (s.len > 0) {
        memcpy(to, s.ptr, s.len);
    }
    return to + s.len;
}

/* Written by the framing, or not at all. Sorted by what is most likely to be there. */
static bool is_ours(sw_str name)
{
    static const sw_str LENGTH = SW_STR_INIT("content-length");
    switch (name.len) {
    case 4:
    case 7:
    case 10:
    case 16:
    case 17:
    case 18:
    case 19: return sw_http_is_forbidden(name);
    case 14: return memcmp(name.ptr, LENGTH.ptr, LENGTH.len) == 0 || sw_http_is_forbidden(name);
    default: return false;
    }
}

static void write_fields(sw_buf *b, const sw_http_fields *f)
{
    uint8_t *to = sw_buf_reserve(b, f->field_bytes);
    if (to == NULL) {
        return;
    }
    const uint8_t *start = to;
    for (uint32_t i = 0; i < f->count; i++) {
        sw_str name = sw_http_field_name(f, i);
        if (!is_ours(name)) {
            to = put(to, name);
            to = put(to, SW_STR(": "));
            to = put(to, sw_http_field_value(f, i));
            to = put(to, SW_STR("\r\n"));
        }
    }
    b->len += (size_t)(to - start);
}

static void write_decimal(sw_buf *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    sw_buf_write(b, digits + at, sizeof digits - at);
}

static void write_framing(sw_buf *b, const sw_h1_write *w)
{
    static const sw_str CONNECTION[] = {
        [SW_H1_CONNECTION_DEFAULT] = {NULL, 0},
        [SW_H1_CONNECTION_CLOSE] = SW_STR_INIT("connection: close\r\n"),
        [SW_H1_CONNECTION_KEEP_ALIVE] = SW_STR_INIT("connection: keep-alive\r\n"),
    };
    if (w->length != SW_H1_NO_LENGTH) {
        sw_buf_str(b, SW_STR("content-length: "));
        write_decimal(b, w->length);
        sw_buf_str(b, SW_STR("\r\n"));
    }
    if (w->is_chunked) {
        sw_buf_str(b, SW_STR("transfer-encoding: chunked\r\n"));
    }
    sw_buf_str(b, CONNECTION[w->connection]);
}

static void write_status_line(sw_buf *b, uint16_t status)
{
    char line[] = "HTTP/1.1 000 ";
    assert(status >= 100 && status <= 999);
    line[9] = (char)('0' + status / 100);
    line[10] = (char)('0' + status / 10 % 10);
    line[11] = (char)('0' + status % 10);
    sw_buf_write(b, line, sizeof line - 1);
    sw_buf_str(b, sw_http_reason(status));
    sw_buf_str(b, SW_STR("\r\n"));
}

void sw_h1_write_response(sw_buf *b, const sw_http_head *head, const sw_h1_write *w)
{
    const sw_http_fields *f = &head->fields;
    write_status_line(b, head->status);
    write_fields(b, f);
    if (w->date.len > 0 && sw_http_fields_find(f, SW_STR("date"), 0) == f->count) {
        sw_buf_str(b, SW_STR("date: "));
        sw_buf_str(b, w->date);
        sw_buf_str(b, SW_STR("\r\n"));
    }
    write_framing(b, w);
    sw_buf_str(b, SW_STR("\r\n"));
}

void sw_h1_write_request(sw_buf *b, const sw_http_head *head, const sw_h1_write *w)
{
    sw_http_part target = head->method == SW_HTTP_CONNECT ? SW_HTTP_AUTHORITY : SW_HTTP_PATH;
    sw_buf_str(b, sw_http_head_method(head));
    sw_buf_str(b, SW_STR(" "));
    sw_buf_str(b, sw_http_head_part(head, target));
    sw_buf_str(b, SW_STR(" HTTP/1.1\r\nhost: "));
    sw_buf_str(b, sw_http_head_part(head, SW_HTTP_AUTHORITY));
    sw_buf_str(b, SW_STR("\r\n"));
    write_fields(b, &head->fields);
    write_framing(b, w);
    if (w->expects_continue) {
        sw_buf_str(b, SW_STR("expect: 100-continue\r\n"));
    }
    sw_buf_str(b, SW_STR("\r\n"));
}

void sw_h1_write_informational(sw_buf *b, uint16_t status, const sw_http_fields *fields)
{
    write_status_line(b, status);
    if (fields != NULL) {
        write_fields(b, fields);
    }
    sw_buf_str(b, SW_STR("\r\n"));
}

void sw_h1_write_chunk_head(sw_buf *b, uint64_t size_bytes)
{
    static const char HEX[] = "0123456789abcdef";
    char digits[SW_H1_CHUNK_HEAD_MAX];
    size_t at = sizeof digits;
    digits[--at] = '\n';
    digits[--at] = '\r';
    do {
        digits[--at] = HEX[size_bytes & 15];
        size_bytes >>= 4;
    } while (size_bytes != 0);
    sw_buf_write(b, digits + at, sizeof digits - at);
}

void sw_h1_write_last_chunk(sw_buf *b, const sw_http_fields *trailers)
{
    sw_buf_str(b, SW_STR("0\r\n"));
    write_fields(b, trailers);
    sw_buf_str(b, SW_STR("\r\n"));
}
