/*
 * The parser of HTTP/1.1: what is refused, where and with which status; what is accepted, and as
 * what. Every row is also given in two pieces cut at every byte, and byte by byte.
 */
#include "http/h1_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { HEAD_MAX = 512, PATH_MAX_BYTES = 64, FIELDS_MAX = 8 };

static const sw_h1_limits LIMITS = {HEAD_MAX, FIELDS_MAX, PATH_MAX_BYTES};

/* What one reading gave, as text, so that two readings can be compared whole. */
typedef struct outcome {
    sw_h1_result result;
    char text[1024];
} outcome;

static void describe(outcome *o, const sw_http_head *h, const sw_h1_framing *f,
                     const sw_h1_error *e)
{
    if (o->result == SW_H1_REFUSED) {
        snprintf(o->text, sizeof o->text, "%u@%u %s", e->status, e->offset, e->text);
        return;
    }
    if (o->result != SW_H1_DONE) {
        snprintf(o->text, sizeof o->text, "more");
        return;
    }
    static const char *const BODY[] = {"none", "length", "chunked", "close"};
    sw_str method = sw_http_head_method(h);
    sw_str scheme = sw_http_head_part(h, SW_HTTP_SCHEME);
    sw_str authority = sw_http_head_part(h, SW_HTTP_AUTHORITY);
    sw_str path = sw_http_head_part(h, SW_HTTP_PATH);
    int n = snprintf(o->text, sizeof o->text, "%.*s|%.*s|%.*s|%.*s|%u|%s%s%s%s", SW_STR_ARG(method),
                     SW_STR_ARG(scheme), SW_STR_ARG(authority), SW_STR_ARG(path), h->version,
                     BODY[f->body], f->keeps_alive ? "" : " last",
                     f->expects_continue ? " expects" : "", f->wants_upgrade ? " upgrade" : "");
    if (h->status != 0) {
        n = snprintf(o->text, sizeof o->text, "%u|%u|%s%s", h->status, h->version, BODY[f->body],
                     f->keeps_alive ? "" : " last");
    }
    if (f->length != 0) {
        n += snprintf(o->text + n, sizeof o->text - (size_t)n, " %llu",
                      (unsigned long long)f->length);
    }
    for (uint32_t i = 0; i < h->fields.count; i++) {
        sw_str name = sw_http_field_name(&h->fields, i);
        sw_str value = sw_http_field_value(&h->fields, i);
        n += snprintf(o->text + n, sizeof o->text - (size_t)n, "|%.*s=%.*s", SW_STR_ARG(name),
                      SW_STR_ARG(value));
    }
}

typedef struct reading {
    sw_h1_scan scan;
    sw_http_head head;
    bool is_response;
    sw_http_method method; /* that is answered */
} reading;

/* The input is copied to a block of its own size, so that a sanitizer sees one byte too many. */
static outcome give(reading *r, sw_str in)
{
    outcome o = {0};
    sw_h1_framing framing = {};
    sw_h1_error error = {};
    uint8_t *copy = sw_alloc(NULL, in.len);
    memcpy(copy, in.ptr, in.len);
    const sw_bytes bytes = {copy, in.len};
    o.result =
        r->is_response
            ? sw_h1_read_response(&r->scan, bytes, &LIMITS, r->method, &r->head, &framing, &error)
            : sw_h1_read_request(&r->scan, bytes, &LIMITS, &r->head, &framing, &error);
    describe(&o, &r->head, &framing, &error);
    sw_free(NULL, copy, in.len);
    return o;
}

static outcome give_whole(reading *r, sw_str in)
{
    sw_http_head_init(&r->head, NULL, FIELDS_MAX, HEAD_MAX);
    r->scan = (sw_h1_scan){};
    outcome o = give(r, in);
    sw_http_head_clear(&r->head);
    return o;
}

/* Pieces end at the given length and at the end; a step of 1 gives every byte. What is refused
 * early must be refused for the same reason. */
static outcome give_in_pieces(reading *r, sw_str in, size_t first, size_t step)
{
    outcome o = {.result = SW_H1_MORE};
    sw_http_head_init(&r->head, NULL, FIELDS_MAX, HEAD_MAX);
    r->scan = (sw_h1_scan){};
    for (size_t len = first; o.result == SW_H1_MORE; len = SW_MIN(len + step, in.len)) {
        o = give(r, sw_str_slice(in, 0, len));
        if (len == in.len) {
            break;
        }
    }
    sw_http_head_clear(&r->head);
    return o;
}

/* Whole and in pieces; fails the test if they differ. */
static outcome read_all_ways(reading *r, sw_str in)
{
    outcome whole = give_whole(r, in);
    for (size_t cut = 1; cut < in.len; cut++) {
        outcome cut_once = give_in_pieces(r, in, cut, in.len);
        if (strcmp(cut_once.text, whole.text) != 0) {
            fail_msg("\"%.*s\" cut at %zu: %s, not %s", SW_STR_ARG(in), cut, cut_once.text,
                     whole.text);
        }
    }
    outcome bytes = give_in_pieces(r, in, 1, 1);
    if (strcmp(bytes.text, whole.text) != 0 && bytes.result != SW_H1_MORE) {
        fail_msg("\"%.*s\" in bytes: %s, not %s", SW_STR_ARG(in), bytes.text, whole.text);
    }
    return whole;
}

typedef struct head_case {
    sw_str head;
    const char *outcome; /* "status@offset" if it is refused */
} head_case;

static bool check_rows(reading *r, const head_case *rows, size_t count)
{
    bool holds = true;
    for (size_t i = 0; i < count; i++) {
        outcome o = read_all_ways(r, rows[i].head);
        size_t len = strlen(rows[i].outcome);
        bool is_right = o.result == SW_H1_REFUSED
                            ? strncmp(o.text, rows[i].outcome, len) == 0 && o.text[len] == ' '
                            : strcmp(o.text, rows[i].outcome) == 0;
        if (!is_right) {
            print_message("row %zu \"%.*s\": %s, not %s\n", i, SW_STR_ARG(rows[i].head), o.text,
                          rows[i].outcome);
            holds = false;
        }
    }
    return holds;
}

#define H "Host: a\r\n"

// clang-format off

/* What two parsers could take for two things. */
static const head_case SMUGGLING[] = {
    /* Both lengths, or more than one. */
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), "400@45"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), "400@54"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), "400@45"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), "400@45"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\ncontent-length: 5\r\n\r\n"), "400@45"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\nContent-Length: 5\r\n\r\n"), "400@45"},
    /* Lengths that are no lengths. */
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5a\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5 5\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5.0\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 1e1\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: \"5\"\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: ,\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551621\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5\0\r\n\r\n"), "400@43"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5\v\r\n\r\n"), "400@43"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: \xc2\xb2\r\n\r\n"), "400@26"},
    /* Codings. */
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), "400@54"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"), "400@54"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n"), "501@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked,\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: ,chunked\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n"), "501@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n"), "501@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n"), "501@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunkedx\r\n\r\n"), "501@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;q=1\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\nContent-Length: 5\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b""chunked\r\n\r\n"), "400@45"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\0\r\n\r\n"), "400@52"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chun\xc4\xb1ked\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), "400@26"},
    /* Names that another parser trims, folds or forgives. */
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n"), "400@43"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding\t: chunked\r\n\r\n"), "400@43"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H " Transfer-Encoding: chunked\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "\tTransfer-Encoding: chunked\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length : 5\r\n\r\n"), "400@40"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length\0: 5\r\n\r\n"), "400@40"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content Length: 5\r\n\r\n"), "400@33"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "\x7fTransfer-Encoding: chunked\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding\r\n\r\n"), "400@43"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding\r\n: chunked\r\n\r\n"), "400@43"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding;: chunked\r\n\r\n"), "400@43"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H ": chunked\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "\xef\xbb\xbfTransfer-Encoding: chunked\r\n\r\n"), "400@26"},
    /* Folded lines, and lines that end otherwise. */
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n"), "400@26"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "X: a\r\n Transfer-Encoding: chunked\r\n\r\n"), "400@32"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n"), "400@32"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "X: a\rTransfer-Encoding: chunked\r\n\r\n"), "400@30"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "X:\rTransfer-Encoding: chunked\r\n\r\n"), "400@28"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "X: a\nTransfer-Encoding: chunked\r\n\r\n"), "400@30"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "X: a\r\r\nTransfer-Encoding: chunked\r\n\r\n"), "400@30"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "X: a\n\rTransfer-Encoding: chunked\r\n\r\n"), "400@30"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n"), "400@30"},
    {SW_STR_INIT("GET / HTTP/1.1\n" "Host: a\n\n"), "400@14"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" "Host: a\n\r\n"), "400@23"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" "Host: a\r\n\n"), "400@25"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" "Host: a\r\n\r\r\n"), "400@25"},
    {SW_STR_INIT("GET / HTTP/1.1\r" "Host: a\r\n\r\n"), "400@14"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n \r\n" "Host: a\r\n\r\n"), "400@16"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), "400@16"},
    /* Whom it is for. */
    {SW_STR_INIT("GET / HTTP/1.1\r\n\r\n"), "400@18"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "400@25"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), "400@25"},
    {SW_STR_INIT("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), "400@25"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "400@16"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "400@16"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "400@16"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), "400@16"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"), "400@16"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"), "400@16"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n"), "400@16"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), "400@16"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: a#b\r\n\r\n"), "400@16"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), "400@20"},
    {SW_STR_INIT("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), "400@24"},
    {SW_STR_INIT("GET http://b/ HTTP/1.1\r\n\r\n"), "400@26"},
    {SW_STR_INIT("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), "400@11"},
    {SW_STR_INIT("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), "400@11"},
    {SW_STR_INIT("GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n"), "400@4"},
    {SW_STR_INIT("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), "400@4"},
    {SW_STR_INIT("GET a/b HTTP/1.1\r\nHost: a\r\n\r\n"), "400@4"},
    /* Start lines. */
    {SW_STR_INIT("GET / HTTP/1.1 \r\n" H "\r\n"), "400@14"},
    {SW_STR_INIT("GET  / HTTP/1.1\r\n" H "\r\n"), "400@4"},
    {SW_STR_INIT("GET /  HTTP/1.1\r\n" H "\r\n"), "400@6"},
    {SW_STR_INIT("GET /a b HTTP/1.1\r\n" H "\r\n"), "400@7"},
    {SW_STR_INIT("GET\t/ HTTP/1.1\r\n" H "\r\n"), "400@3"},
    {SW_STR_INIT("GET /\tHTTP/1.1\r\n" H "\r\n"), "400@5"},
    {SW_STR_INIT(" GET / HTTP/1.1\r\n" H "\r\n"), "400@0"},
    {SW_STR_INIT("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), "400@2"},
    {SW_STR_INIT("\nGET / HTTP/1.1\r\n" H "\r\n"), "400@0"},
    {SW_STR_INIT("GET / HTTP/1.1\0\r\n" H "\r\n"), "400@14"},
    {SW_STR_INIT("GET /\0 HTTP/1.1\r\n" H "\r\n"), "400@5"},
    {SW_STR_INIT("GET /#a HTTP/1.1\r\n" H "\r\n"), "400@5"},
    {SW_STR_INIT("GET /\xff HTTP/1.1\r\n" H "\r\n"), "400@4"},
    {SW_STR_INIT("GET /\r\n" H "\r\n"), "400@5"},
    {SW_STR_INIT("GET / HTTP/1.1HTTP/1.1\r\n" H "\r\n"), "400@14"},
    {SW_STR_INIT("GET / http/1.1\r\n" H "\r\n"), "400@6"},
    {SW_STR_INIT("GET / HTTP/1.10\r\n" H "\r\n"), "400@14"},
    {SW_STR_INIT("GET / HTTP/11\r\n" H "\r\n"), "400@6"},
    {SW_STR_INIT("GET / HTTP/1.2\r\n" H "\r\n"), "505@6"},
    {SW_STR_INIT("GET / HTTP/0.9\r\n" H "\r\n"), "505@6"},
    {SW_STR_INIT("GET / HTTP/2.0\r\n" H "\r\n"), "505@6"},
    {SW_STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "400@4"},
    {SW_STR_INIT("GET * HTTP/1.1\r\n" H "\r\n"), "400@4"},
    {SW_STR_INIT("OPTIONS ** HTTP/1.1\r\n" H "\r\n"), "400@8"},
    {SW_STR_INIT("G(T / HTTP/1.1\r\n" H "\r\n"), "400@1"},
    {SW_STR_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "400@0"},
    {SW_STR_INIT("CONNECT / HTTP/1.1\r\n" H "\r\n"), "400@8"},
    {SW_STR_INIT("CONNECT a HTTP/1.1\r\n" H "\r\n"), "400@8"},
    {SW_STR_INIT("CONNECT a: HTTP/1.1\r\n" H "\r\n"), "400@8"},
    {SW_STR_INIT("CONNECT b:80 HTTP/1.1\r\n" H "\r\n"), "400@23"},
    {SW_STR_INIT("CONNECT http://a:80 HTTP/1.1\r\n" H "\r\n"), "400@8"},
};

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10

static const head_case LIMITED[] = {
    {SW_STR_INIT("GET /" A60 "aaa HTTP/1.0\r\n\r\n"), "GET|||/" A60 "aaa|10|none last"},
    {SW_STR_INIT("GET /" A60 "aaaa HTTP/1.0\r\n\r\n"), "414@68"},
    {SW_STR_INIT("GET /" A60 A60 A60), "414@68"},
    {SW_STR_INIT("GET / HTTP/1.0\r\n1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n8:\r\n\r\n"),
     "GET|||/|10|none last|1=|2=|3=|4=|5=|6=|7=|8="},
    {SW_STR_INIT("GET / HTTP/1.0\r\n1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n8:\r\n9:\r\n\r\n"), "431@48"},
    {SW_STR_INIT("GET / HTTP/1.0\r\nX:" A60 A60 A60 A60 A60 A60 A60 A60 A10 "\r\n\r\n"),
     "GET|||/|10|none last|x=" A60 A60 A60 A60 A60 A60 A60 A60 A10}, /* 512 bytes */
    {SW_STR_INIT("GET / HTTP/1.0\r\nX:" A60 A60 A60 A60 A60 A60 A60 A60 A10 "a\r\n\r\n"), "431@512"},
    {SW_STR_INIT("GET / HTTP/1.0\r\nX:" A60 A60 A60 A60 A60 A60 A60 A60 A60 A60 A60), "431@512"},
    {SW_STR_INIT("GET / HTTP/1.0\r\n" A60 A60 A60 A60 A60 A60 A60 A60 A60 A60 A60), "431@512"},
    {SW_STR_INIT(A60 " / HTTP/1.1\r\n" H "\r\n"), "501@0"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n"), "417@26"},
};

static const head_case REQUESTS[] = {
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "GET||a|/|11|none|host=a"},
    {SW_STR_INIT("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "GET||a|/|11|none|host=a"},
    {SW_STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next"), "GET||a|/|11|none|host=a"},
    {SW_STR_INIT("GET /a?b=c&d=%20 HTTP/1.1\r\nHost:a:8080\r\n\r\n"), "GET||a:8080|/a?b=c&d=%20|11|none|host=a:8080"},
    {SW_STR_INIT("GET /\xc3\xa4 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), "GET||[::1]:80|/\xc3\xa4|11|none|host=[::1]:80"},
    {SW_STR_INIT("GET //a//../b HTTP/1.1\r\nHost: a\r\n\r\n"), "GET||a|//a//../b|11|none|host=a"},
    {SW_STR_INIT("GET / HTTP/1.0\r\n\r\n"), "GET|||/|10|none last"},
    {SW_STR_INIT("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "GET|||/|10|none|connection=Keep-Alive"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" H "Connection: x , CLOSE\r\n\r\n"), "GET||a|/|11|none last|host=a|connection=x , CLOSE"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: close\r\n\r\n"), "GET||a|/|11|none last|host=a|connection=keep-alive|connection=close"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" H "Connection: closer\r\n\r\n"), "GET||a|/|11|none|host=a|connection=closer"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), "GET||a|/|11|none upgrade|host=a|connection=Upgrade|upgrade=websocket"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello"), "POST||a|/|11|length 5|host=a|content-length=5"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: \t 5 \t\r\n\r\nhello"), "POST||a|/|11|length 5|host=a|content-length=5"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"), "POST||a|/|11|none|host=a|content-length=0"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" H "TRANSFER-ENCODING: Chunked\r\n\r\n"), "GET||a|/|11|chunked|host=a|transfer-encoding=Chunked"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"), "POST||a|/|11|length expects 1|host=a|expect=100-Continue|content-length=1"},
    {SW_STR_INIT("POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n"), "POST||a|/|11|none|host=a|expect=100-continue"},
    {SW_STR_INIT("POST / HTTP/1.0\r\nExpect: odd\r\nContent-Length: 1\r\n\r\n"), "POST|||/|10|length last 1|expect=odd|content-length=1"},
    {SW_STR_INIT("PURGE /x HTTP/1.1\r\n" H "\r\n"), "PURGE||a|/x|11|none|host=a"},
    {SW_STR_INIT("get / HTTP/1.1\r\n" H "\r\n"), "get||a|/|11|none|host=a"},
    {SW_STR_INIT("OPTIONS * HTTP/1.1\r\n" H "\r\n"), "OPTIONS||a|*|11|none|host=a"},
    {SW_STR_INIT("OPTIONS http://a HTTP/1.1\r\n" H "\r\n"), "OPTIONS|http|a|*|11|none|host=a"},
    {SW_STR_INIT("GET HTTP://A HTTP/1.1\r\n" H "\r\n"), "GET|http|A|/|11|none|host=a"},
    {SW_STR_INIT("GET https://a:1?q HTTP/1.1\r\nHost: a:1\r\n\r\n"), "GET|https|a:1|/?q|11|none|host=a:1"},
    {SW_STR_INIT("GET http://a/b?c HTTP/1.0\r\n\r\n"), "GET|http|a|/b?c|10|none last"},
    {SW_STR_INIT("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"), "CONNECT||a:80||11|none|host=a:80"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" H "X-Long-Name_With.16+Bytes: a\tb  c\r\nempty:\r\nspace: \t \r\n\r\n"),
     "GET||a|/|11|none|host=a|x-long-name_with.16+bytes=a\tb  c|empty=|space="},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" H "X: caf\xe9 \xf0\x9f\x98\x80\r\n\r\n"), "GET||a|/|11|none|host=a|x=caf\xe9 \xf0\x9f\x98\x80"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" H "X: a:b:c\r\n\r\n"), "GET||a|/|11|none|host=a|x=a:b:c"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" H), "more"},
    {SW_STR_INIT("GET / HTTP/1.1\r\n" H "\r"), "more"},
    {SW_STR_INIT("GET / HT"), "more"},
    {SW_STR_INIT("\r"), "more"},
    {SW_STR_INIT("GE"), "more"},
};

static const head_case RESPONSES[] = {
    {SW_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), "200|11|length 5|content-length=5"},
    {SW_STR_INIT("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), "200|11|none|content-length=0"},
    {SW_STR_INIT("HTTP/1.1 404\r\nTransfer-Encoding: chunked\r\n\r\n"), "404|11|chunked|transfer-encoding=chunked"},
    {SW_STR_INIT("HTTP/1.1 200 OK\r\n\r\n"), "200|11|close last"},
    {SW_STR_INIT("HTTP/1.0 200 A lot of words \xe9\r\n\r\n"), "200|10|close last"},
    {SW_STR_INIT("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n"), "200|10|length last 1|content-length=1"},
    {SW_STR_INIT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n"), "200|10|length 1|connection=keep-alive|content-length=1"},
    {SW_STR_INIT("HTTP/1.1 204 No Content\r\n\r\n"), "204|11|none"},
    {SW_STR_INIT("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), "304|11|none 5|content-length=5"},
    {SW_STR_INIT("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"), "204|11|none last 5|content-length=5"},
    {SW_STR_INIT("HTTP/1.1 100 Continue\r\n\r\n"), "100|11|none"},
    {SW_STR_INIT("HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n"), "999|11|none|content-length=0"},
    {SW_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), "400@36"},
    {SW_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"), "400@36"},
    {SW_STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), "501@17"},
    {SW_STR_INIT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "400@17"},
    {SW_STR_INIT("HTTP/1.1 200 OK\nX: a\r\n\r\n"), "400@15"},
    {SW_STR_INIT("HTTP/1.1 200 O\rK\r\n\r\n"), "400@14"},
    {SW_STR_INIT("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"), "400@23"},
    {SW_STR_INIT("HTTP/1.1 20 OK\r\n\r\n"), "400@11"},
    {SW_STR_INIT("HTTP/1.1 099 OK\r\n\r\n"), "400@9"},
    {SW_STR_INIT("HTTP/1.1 2000 OK\r\n\r\n"), "400@12"},
    {SW_STR_INIT("HTTP/1.1  200 OK\r\n\r\n"), "400@9"},
    {SW_STR_INIT("HTTP/1.1200 OK\r\n\r\n"), "400@8"},
    {SW_STR_INIT("HTTP/2.0 200 OK\r\n\r\n"), "505@0"},
    {SW_STR_INIT("\r\nHTTP/1.1 200 OK\r\n\r\n"), "400@0"},
    {SW_STR_INIT("ICY 200 OK\r\n\r\n"), "400@0"},
    {SW_STR_INIT("HTTP/1.1 2"), "more"},
};
// clang-format on

static void smuggling_is_refused(void **state)
{
    (void)state;
    reading r = {};
    static_assert(SW_COUNTOF(SMUGGLING) >= 60, "the table has shrunk");
    assert_true(check_rows(&r, SMUGGLING, SW_COUNTOF(SMUGGLING)));
}

static void limits_hold(void **state)
{
    (void)state;
    reading r = {};
    assert_true(check_rows(&r, LIMITED, SW_COUNTOF(LIMITED)));
}

static void requests_are_read(void **state)
{
    (void)state;
    reading r = {};
    assert_true(check_rows(&r, REQUESTS, SW_COUNTOF(REQUESTS)));
}

static void responses_are_read(void **state)
{
    (void)state;
    reading r = {.is_response = true};
    assert_true(check_rows(&r, RESPONSES, SW_COUNTOF(RESPONSES)));
    const head_case to_head = {SW_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
                               "200|11|none 5|content-length=5"};
    r.method = SW_HTTP_HEAD;
    assert_true(check_rows(&r, &to_head, 1));
}

/* A head that comes byte by byte is looked at whole only a few times. */
static void dripping_costs_little(void **state)
{
    (void)state;
    const sw_str head = SW_STR("GET / HTTP/1.1\r\n" H "X: " A60 A60 A60 A60 A60 "\r\n\r\n");
    reading r = {};
    uint32_t tries = 0;
    uint32_t tried_at = 0;
    sw_http_head_init(&r.head, NULL, FIELDS_MAX, HEAD_MAX);
    for (size_t len = 1; len < head.len; len++) {
        outcome o = give(&r, sw_str_slice(head, 0, len));
        assert_int_equal(o.result, SW_H1_MORE);
        tries += r.scan.tried_at != tried_at;
        tried_at = r.scan.tried_at;
    }
    assert_true(tries < 12);
    assert_int_equal(give(&r, head).result, SW_H1_DONE);
    sw_http_head_clear(&r.head);
}

static void no_memory_is_said(void **state)
{
    (void)state;
    const sw_str head = SW_STR("GET http://a?b HTTP/1.1\r\n" H "1:\r\n2:\r\n3:\r\n4:\r\n\r\n");
    sw_h1_result result = SW_H1_NO_MEMORY;
    for (uint64_t n = 1; result != SW_H1_DONE; n++) {
        sw_http_head h;
        sw_h1_scan scan = {};
        sw_h1_framing framing;
        sw_h1_error error;
        sw_http_head_init(&h, NULL, FIELDS_MAX, HEAD_MAX);
        sw_memory_fail_at(n);
        result = sw_h1_read_request(&scan, sw_str_bytes(head), &LIMITS, &h, &framing, &error);
        assert_int_equal(result, sw_memory_failed() ? SW_H1_NO_MEMORY : SW_H1_DONE);
        sw_memory_fail_at(0);
        sw_http_head_clear(&h);
    }
}

/*
 * Chunks.
 */

typedef struct chunk_case {
    sw_str body;
    const char *outcome; /* the data, then "." if it is whole; or "!offset" of what was refused */
} chunk_case;

// clang-format off
static const chunk_case CHUNKS[] = {
    {SW_STR_INIT("5\r\nhello\r\n0\r\n\r\n"), "hello."},
    {SW_STR_INIT("0\r\n\r\n"), "."},
    {SW_STR_INIT("000\r\n\r\n"), "."},
    {SW_STR_INIT("1\r\na\r\n00002\r\nbc\r\n0\r\n\r\n"), "abc."},
    {SW_STR_INIT("A\r\n0123456789\r\n0\r\n\r\n"), "0123456789."},
    {SW_STR_INIT("a\r\n0123456789\r\n0\r\n\r\n"), "0123456789."},
    {SW_STR_INIT("1;a\r\na\r\n0;b=c;d=\"e;\\\"f\"\r\n\r\n"), "a."},
    {SW_STR_INIT("0\r\nX: y\r\nZ:\r\n\r\n"), "x=y|z=|."},
    {SW_STR_INIT("2\r\n\r\n\r\n0\r\n\r\n"), "\r\n."},
    {SW_STR_INIT("5\r\nhello\r\n"), "hello"},
    {SW_STR_INIT("5\r\nhel"), "hel"},
    {SW_STR_INIT("fffffffffffffff\r\nhel"), "hel"},
    {SW_STR_INIT("5"), ""},
    {SW_STR_INIT("0\r\nX: y\r\n"), ""},
    {SW_STR_INIT("5\nhello\r\n0\r\n\r\n"), "!1"},
    {SW_STR_INIT("5\rhello\r\n0\r\n\r\n"), "!2"},
    {SW_STR_INIT("5\r\nhello\n0\r\n\r\n"), "hello!8"},
    {SW_STR_INIT("5\r\nhello\r0\r\n\r\n"), "hello!9"},
    {SW_STR_INIT("5\r\nhello0\r\n\r\n"), "hello!8"},
    {SW_STR_INIT("5\r\nhello!\r\n0\r\n\r\n"), "hello!8"},
    {SW_STR_INIT("5 \r\nhello\r\n0\r\n\r\n"), "!1"},
    {SW_STR_INIT(" 5\r\nhello\r\n0\r\n\r\n"), "!0"},
    {SW_STR_INIT("5\t;a\r\nhello\r\n0\r\n\r\n"), "!1"},
    {SW_STR_INIT("+5\r\nhello\r\n0\r\n\r\n"), "!0"},
    {SW_STR_INIT("-5\r\nhello\r\n0\r\n\r\n"), "!0"},
    {SW_STR_INIT("0x5\r\nhello\r\n0\r\n\r\n"), "!1"},
    {SW_STR_INIT("5h\r\nhello\r\n0\r\n\r\n"), "!1"},
    {SW_STR_INIT("\r\n5\r\nhello\r\n0\r\n\r\n"), "!0"},
    {SW_STR_INIT(";a\r\nhello\r\n"), "!0"},
    {SW_STR_INIT("1000000000000000\r\n"), "!15"},
    {SW_STR_INIT("0000000000000005\r\n"), "!15"},
    {SW_STR_INIT("5;a\nhello\r\n0\r\n\r\n"), "!3"},
    {SW_STR_INIT("5;a\rX\r\nhello\r\n0\r\n\r\n"), "!4"},
    {SW_STR_INIT("5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n"), "!5"},
    {SW_STR_INIT("5;\r\nhello\r\n0\r\n\r\n"), "!2"},
    {SW_STR_INIT("5;;a\r\nhello\r\n0\r\n\r\n"), "!2"},
    {SW_STR_INIT("5; a\r\nhello\r\n0\r\n\r\n"), "!2"},
    {SW_STR_INIT("5;a=\r\nhello\r\n0\r\n\r\n"), "!4"},
    {SW_STR_INIT("5;a=\"b\"c\r\nhello\r\n0\r\n\r\n"), "!7"},
    {SW_STR_INIT("5;a=b=c\r\nhello\r\n0\r\n\r\n"), "!5"},
    {SW_STR_INIT("5;a\0\r\nhello\r\n0\r\n\r\n"), "!3"},
    {SW_STR_INIT("0\r\nX: y\n\r\n"), "!7"},
    {SW_STR_INIT("0\r\n X: y\r\n\r\n"), "!3"},
    {SW_STR_INIT("0\r\nX : y\r\n\r\n"), "!4"},
    {SW_STR_INIT("0\r\nContent-Length: 5\r\n\r\n"), "!3"},
    {SW_STR_INIT("0\r\nTransfer-Encoding: chunked\r\n\r\n"), "!3"},
    {SW_STR_INIT("0\r\nHost: b\r\n\r\n"), "!3"},
    {SW_STR_INIT("0\r\n\n"), "!3"},
    {SW_STR_INIT("0\r\n\rX"), "!3"},
};
// clang-format on

static void append(char out[256], const char *text, size_t len)
{
    size_t at = strlen(out);
    assert_true(at + len < 256);
    if (len > 0) {
        memcpy(out + at, text, len);
    }
    out[at + len] = '\0';
}

/* Reads trailers that are given whole, from `at`. */
static void read_trailers(sw_bytes in, size_t at, sw_h1_scan *scan, char out[256], bool *ret_ends)
{
    sw_http_fields f;
    sw_h1_error error;
    uint32_t used;
    sw_http_fields_init(&f, NULL, FIELDS_MAX, HEAD_MAX);
    sw_h1_result result =
        sw_h1_read_trailers(scan, sw_bytes_slice(in, at, in.len - at), &LIMITS, &f, &used, &error);
    *ret_ends = result != SW_H1_MORE;
    if (result == SW_H1_REFUSED) {
        char text[32];
        append(out, text, (size_t)snprintf(text, sizeof text, "!%zu", at + error.offset));
    } else if (result == SW_H1_DONE) {
        for (uint32_t i = 0; i < f.count; i++) {
            append(out, sw_http_field_name(&f, i).ptr, sw_http_field_name(&f, i).len);
            append(out, "=", 1);
            append(out, sw_http_field_value(&f, i).ptr, sw_http_field_value(&f, i).len);
            append(out, "|", 1);
        }
        append(out, ".", 1);
    }
    sw_http_fields_clear(&f);
}

/* Bytes come in steps; at most max_data are taken at a time. */
static void read_body(sw_str body, size_t step, size_t max_data, char out[256])
{
    sw_h1_chunks chunks = {};
    sw_h1_scan scan = {};
    size_t at = 0;
    bool ends = false;
    bool in_trailers = false;
    out[0] = '\0';
    for (size_t len = SW_MIN(step, body.len); !ends; len = SW_MIN(len + step, body.len)) {
        const sw_bytes in = sw_str_bytes(sw_str_slice(body, 0, len));
        while (at < len && !ends && !in_trailers) {
            sw_h1_error error;
            size_t used;
            sw_bytes data;
            sw_h1_result result = sw_h1_read_chunk(&chunks, sw_bytes_slice(in, at, len - at),
                                                   max_data, &used, &data, &error);
            if (result == SW_H1_REFUSED) {
                char text[32];
                append(out, text, (size_t)snprintf(text, sizeof text, "!%zu", at + error.offset));
                ends = true;
                break;
            }
            append(out, (const char *)data.ptr, data.len);
            at += used;
            in_trailers = result == SW_H1_DONE;
        }
        if (in_trailers) {
            read_trailers(in, at, &scan, out, &ends);
        }
        if (len == body.len) {
            break;
        }
    }
}

static void chunks_are_read(void **state)
{
    (void)state;
    char out[256];
    for (size_t i = 0; i < SW_COUNTOF(CHUNKS); i++) {
        const chunk_case *c = &CHUNKS[i];
        for (size_t step = 1; step <= c->body.len; step++) {
            read_body(c->body, step, step % 2 == 0 ? 1 : SIZE_MAX, out);
            if (strcmp(out, c->outcome) != 0) {
                fail_msg("row %zu \"%.*s\" in steps of %zu: \"%s\", not \"%s\"", i,
                         SW_STR_ARG(c->body), step, out, c->outcome);
            }
        }
    }
}

static void extensions_are_limited(void **state)
{
    (void)state;
    sw_h1_chunks c = {};
    sw_h1_error error = {};
    sw_h1_result result = SW_H1_MORE;
    size_t given = 0;
    while (result == SW_H1_MORE && given < (size_t)10 * SW_H1_EXTENSION_BYTES) {
        const sw_str chunk = SW_STR("1;" A60 "\r\na\r\n");
        for (size_t at = 0, used = 0; at < chunk.len && result == SW_H1_MORE; at += used) {
            sw_bytes data;
            result = sw_h1_read_chunk(&c, sw_str_bytes(sw_str_slice(chunk, at, chunk.len - at)),
                                      SIZE_MAX, &used, &data, &error);
            given += used;
        }
    }
    assert_int_equal(result, SW_H1_REFUSED);
    assert_in_range(given, SW_H1_EXTENSION_BYTES, 2 * SW_H1_EXTENSION_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smuggling_is_refused),  cmocka_unit_test(limits_hold),
        cmocka_unit_test(requests_are_read),     cmocka_unit_test(responses_are_read),
        cmocka_unit_test(dripping_costs_little), cmocka_unit_test(no_memory_is_said),
        cmocka_unit_test(chunks_are_read),       cmocka_unit_test(extensions_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
