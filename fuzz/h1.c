/*
 * Any bytes as HTTP/1.1: what is accepted, refused and why does not depend on how the bytes are
 * cut; an accepted head, written again from what was understood, is understood the same; bytes that
 * could end a line for somebody else are in no part of it.
 *
 * The first byte chooses what the rest is, the second how it is cut.
 */
#include "http/h1_parse.h"
#include "http/h1_write.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD_MAX = 4096 };

static const sw_h1_limits LIMITS = {HEAD_MAX, 32, 512};

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

typedef struct reading {
    sw_h1_result result;
    sw_http_head head;
    sw_h1_framing framing;
    sw_h1_error error;
    bool is_response;
} reading;

static void read_head(reading *r, sw_h1_scan *scan, sw_bytes in)
{
    r->result =
        r->is_response
            ? sw_h1_read_response(scan, in, &LIMITS, SW_HTTP_GET, &r->head, &r->framing, &r->error)
            : sw_h1_read_request(scan, in, &LIMITS, &r->head, &r->framing, &r->error);
}

/* In pieces of 1 to 64 bytes; at the end all of it is looked at once more. */
static void read_in_pieces(reading *r, sw_bytes in, uint8_t seed)
{
    sw_h1_scan scan = {};
    uint32_t step = seed;
    size_t len = 0;
    r->result = SW_H1_MORE;
    while (r->result == SW_H1_MORE && len < in.len) {
        step = step * 1103515245U + 12345;
        len = SW_MIN(len + (step >> 16) % 64 + 1, in.len);
        uint8_t *copy = malloc(len);
        memcpy(copy, in.ptr, len);
        read_head(r, &scan, (sw_bytes){copy, len});
        free(copy);
    }
    if (r->result == SW_H1_MORE) {
        scan = (sw_h1_scan){};
        read_head(r, &scan, in);
    }
}

static bool is_clean(sw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static uint32_t count_of(const sw_http_fields *f, sw_str name)
{
    uint32_t count = 0;
    for (uint32_t i = sw_http_fields_find(f, name, 0); i < f->count;
         i = sw_http_fields_find(f, name, i + 1)) {
        count++;
    }
    return count;
}

static void check_fields(const sw_http_fields *f)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        sw_str name = sw_http_field_name(f, i);
        sw_str value = sw_http_field_value(f, i);
        check(sw_http_is_name(name) && sw_http_is_value(value));
        check(value.len == 0 || (value.ptr[0] != ' ' && value.ptr[value.len - 1] != ' '));
        for (size_t c = 0; c < name.len; c++) {
            check(name.ptr[c] < 'A' || name.ptr[c] > 'Z');
        }
        bytes += name.len + value.len + SW_HTTP_FIELD_COST;
    }
    check(bytes == f->field_bytes);
}

static void check_accepted(const reading *r, sw_bytes in)
{
    const sw_http_fields *f = &r->head.fields;
    uint32_t lengths = count_of(f, SW_STR("content-length"));
    uint32_t codings = count_of(f, SW_STR("transfer-encoding"));
    uint32_t hosts = count_of(f, SW_STR("host"));
    check(r->framing.head_bytes <= in.len && r->framing.head_bytes <= HEAD_MAX);
    check(memcmp(in.ptr + r->framing.head_bytes - 4, "\r\n\r\n", 4) == 0);
    check(lengths + codings <= 1);
    check((r->framing.body == SW_H1_BODY_CHUNKED) <= (codings == 1));
    check(f->count <= LIMITS.fields);
    for (int part = 0; part < SW_HTTP_PARTS; part++) {
        check(is_clean(sw_http_head_part(&r->head, (sw_http_part)part)));
    }
    check_fields(f);
    if (!r->is_response) {
        sw_str path = sw_http_head_part(&r->head, SW_HTTP_PATH);
        check(hosts == 1 || (hosts == 0 && r->head.version == 10));
        check(r->head.method == SW_HTTP_CONNECT ? path.len == 0 : sw_http_is_path(path));
        check(sw_http_is_method(sw_http_head_method(&r->head)));
    }
}

static bool is_same_text(sw_str a, sw_str b)
{
    return sw_str_eq(a, b);
}

static void check_same(const reading *a, const reading *b)
{
    check(a->result == b->result);
    if (a->result == SW_H1_REFUSED) {
        check(a->error.status == b->error.status && a->error.offset == b->error.offset &&
              a->error.text == b->error.text);
    }
    if (a->result != SW_H1_DONE) {
        return;
    }
    check(a->head.method == b->head.method && a->head.status == b->head.status &&
          a->head.version == b->head.version);
    check(a->framing.body == b->framing.body && a->framing.length == b->framing.length &&
          a->framing.keeps_alive == b->framing.keeps_alive &&
          a->framing.expects_continue == b->framing.expects_continue);
    check(a->head.fields.count == b->head.fields.count);
    for (int part = 0; part < SW_HTTP_PARTS; part++) {
        check(is_same_text(sw_http_head_part(&a->head, (sw_http_part)part),
                           sw_http_head_part(&b->head, (sw_http_part)part)));
    }
    for (uint32_t i = 0; i < a->head.fields.count; i++) {
        check(is_same_text(sw_http_field_name(&a->head.fields, i),
                           sw_http_field_name(&b->head.fields, i)));
        check(is_same_text(sw_http_field_value(&a->head.fields, i),
                           sw_http_field_value(&b->head.fields, i)));
    }
}

/* As it was understood. */
static void write_start(sw_buf *b, const reading *r)
{
    const sw_http_head *h = &r->head;
    sw_str scheme = sw_http_head_part(h, SW_HTTP_SCHEME);
    if (r->is_response) {
        sw_buf_printf(b, "HTTP/1.%u %u ", h->version % 10U, h->status);
        return;
    }
    sw_buf_str(b, sw_http_head_method(h));
    sw_buf_u8(b, ' ');
    if (scheme.len > 0) {
        sw_buf_str(b, scheme);
        sw_buf_str(b, SW_STR("://"));
    }
    if (scheme.len > 0 || h->method == SW_HTTP_CONNECT) {
        sw_buf_str(b, sw_http_head_part(h, SW_HTTP_AUTHORITY));
    }
    sw_str path = sw_http_head_part(h, SW_HTTP_PATH);
    if (scheme.len == 0 || !sw_str_eq(path, SW_STR("*"))) {
        sw_buf_str(b, path);
    }
    sw_buf_printf(b, " HTTP/1.%u", h->version % 10U);
}

static void check_again(const reading *r)
{
    sw_buf b;
    reading again = {.is_response = r->is_response};
    sw_h1_scan scan = {};
    sw_buf_init(&b, NULL, SIZE_MAX);
    write_start(&b, r);
    sw_buf_str(&b, SW_STR("\r\n"));
    for (uint32_t i = 0; i < r->head.fields.count; i++) {
        sw_buf_str(&b, sw_http_field_name(&r->head.fields, i));
        sw_buf_str(&b, SW_STR(": "));
        sw_buf_str(&b, sw_http_field_value(&r->head.fields, i));
        sw_buf_str(&b, SW_STR("\r\n"));
    }
    sw_buf_str(&b, SW_STR("\r\n"));
    sw_http_head_init(&again.head, NULL, 32, 2 * HEAD_MAX);
    if (b.len <= HEAD_MAX) {
        read_head(&again, &scan, sw_buf_bytes(&b));
        check_same(&again, r);
        check(again.framing.head_bytes == b.len);
    }
    sw_http_head_clear(&again.head);
    sw_buf_clear(&b);
}

static void test_head(sw_bytes in, uint8_t seed, bool is_response)
{
    reading whole = {.is_response = is_response};
    reading pieces = {.is_response = is_response};
    sw_h1_scan scan = {};
    sw_http_head_init(&whole.head, NULL, 32, HEAD_MAX);
    sw_http_head_init(&pieces.head, NULL, 32, HEAD_MAX);
    read_head(&whole, &scan, in);
    read_in_pieces(&pieces, in, seed);
    check_same(&whole, &pieces);
    check(whole.result != SW_H1_REFUSED || (whole.error.offset <= in.len && whole.error.text[0]));
    check(whole.result != SW_H1_MORE || in.len < HEAD_MAX);
    if (whole.result == SW_H1_DONE) {
        check(whole.framing.head_bytes == pieces.framing.head_bytes);
        check_accepted(&whole, in);
        check_again(&whole);
    }
    sw_http_head_clear(&whole.head);
    sw_http_head_clear(&pieces.head);
}

/* The body's bytes, and how it ended. */
typedef struct unchunked {
    sw_buf data;
    sw_h1_result result;
    size_t at; /* where it ended, or what was refused */
} unchunked;

static unchunked read_chunks(sw_bytes in, uint8_t seed)
{
    unchunked u = {.result = SW_H1_MORE};
    sw_h1_chunks chunks = {};
    uint32_t step = seed;
    size_t len = seed == 0 ? in.len : 0;
    sw_buf_init(&u.data, NULL, SIZE_MAX);
    while (u.result == SW_H1_MORE) {
        size_t before = u.at;
        while (u.result == SW_H1_MORE && u.at < len) {
            size_t used = 0;
            sw_bytes data;
            sw_h1_error error;
            size_t max_data = seed == 0 ? SIZE_MAX : step % 7 + 1;
            u.result = sw_h1_read_chunk(&chunks, sw_bytes_slice(in, u.at, len - u.at), max_data,
                                        &used, &data, &error);
            u.at += u.result == SW_H1_REFUSED ? error.offset : used;
            sw_buf_write(&u.data, data.ptr, data.len);
            check(u.result != SW_H1_MORE || used > 0);
        }
        if (len == in.len && (u.at == len || u.at == before)) {
            break;
        }
        step = step * 1103515245U + 12345;
        len = SW_MIN(len + (step >> 16) % 16 + 1, in.len);
    }
    return u;
}

static void test_chunks(sw_bytes in, uint8_t seed)
{
    unchunked whole = read_chunks(in, 0);
    unchunked pieces = read_chunks(in, (uint8_t)(seed | 1));
    check(whole.result == pieces.result && whole.at == pieces.at);
    check(whole.data.len == pieces.data.len && whole.data.len <= in.len);
    check(whole.data.len == 0 || memcmp(whole.data.ptr, pieces.data.ptr, whole.data.len) == 0);
    sw_buf_clear(&whole.data);
    sw_buf_clear(&pieces.data);
}

static void test_trailers(sw_bytes in)
{
    sw_http_fields whole;
    sw_http_fields bytes;
    sw_h1_scan scan = {};
    sw_h1_error error = {};
    sw_h1_error late = {};
    uint32_t used = 0;
    uint32_t used_late = 0;
    sw_h1_result result = SW_H1_MORE;
    sw_http_fields_init(&whole, NULL, 32, HEAD_MAX);
    sw_http_fields_init(&bytes, NULL, 32, HEAD_MAX);
    sw_h1_result expected = sw_h1_read_trailers(&scan, in, &LIMITS, &whole, &used, &error);
    scan = (sw_h1_scan){};
    for (size_t len = 1; len <= in.len && result == SW_H1_MORE; len++) {
        result =
            sw_h1_read_trailers(&scan, (sw_bytes){in.ptr, len}, &LIMITS, &bytes, &used_late, &late);
    }
    check(result == expected || (result == SW_H1_MORE && expected == SW_H1_REFUSED));
    if (result == SW_H1_DONE) {
        check(used == used_late && used <= in.len && whole.count == bytes.count);
        check_fields(&whole);
        check(sw_http_fields_find(&whole, SW_STR("content-length"), 0) == whole.count);
    } else if (result == SW_H1_REFUSED) {
        check(error.offset == late.offset && error.status == late.status);
    }
    sw_http_fields_clear(&whole);
    sw_http_fields_clear(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    const sw_bytes in = {data + 2, size - 2};
    switch (data[0] % 4) {
    case 0: test_head(in, data[1], false); break;
    case 1: test_head(in, data[1], true); break;
    case 2: test_chunks(in, data[1]); break;
    default: test_trailers(in); break;
    }
    return 0;
}
