/*
 * What the parser makes of bytes, as lines of JSON, for comparing it with another parser.
 *
 * Standard input is a sequence of inputs, each a length in four bytes (little-endian) and so many
 * bytes of requests. For each there is a line: {"messages": [...], "end": "more" or "status text"}.
 */
#include "http/h1_parse.h"

#include <stdio.h>

static const sw_h1_limits LIMITS = {64 * 1024, 200, 16 * 1024};

typedef struct dump {
    sw_bytes in;
    size_t at;
    char end[128]; /* empty while all is well */
} dump;

static void put_bytes(sw_bytes b)
{
    putchar('"');
    for (size_t i = 0; i < b.len; i++) {
        printf("%02x", b.ptr[i]);
    }
    putchar('"');
}

static void put_fields(const sw_http_fields *f)
{
    putchar('[');
    for (uint32_t i = 0; i < f->count; i++) {
        printf("%s[", i == 0 ? "" : ",");
        put_bytes(sw_str_bytes(sw_http_field_name(f, i)));
        putchar(',');
        put_bytes(sw_str_bytes(sw_http_field_value(f, i)));
        putchar(']');
    }
    putchar(']');
}

static void stop(dump *d, sw_h1_result result, const sw_h1_error *e)
{
    if (result == SW_H1_REFUSED) {
        snprintf(d->end, sizeof d->end, "%u %s", e->status, e->text);
    } else if (result == SW_H1_MORE) {
        snprintf(d->end, sizeof d->end, "more");
    }
}

static sw_bytes rest(const dump *d)
{
    return sw_bytes_slice(d->in, d->at, d->in.len - d->at);
}

static void dump_chunks(dump *d)
{
    sw_h1_chunks chunks = {};
    sw_h1_result result = SW_H1_MORE;
    sw_h1_error e = {};
    printf("\"body\":\"");
    while (result == SW_H1_MORE && d->at < d->in.len) {
        size_t used = 0;
        sw_bytes data;
        result = sw_h1_read_chunk(&chunks, rest(d), SIZE_MAX, &used, &data, &e);
        for (size_t i = 0; i < data.len; i++) {
            printf("%02x", data.ptr[i]);
        }
        d->at += used;
    }
    printf("\"");
    sw_h1_scan scan = {};
    sw_http_fields f;
    uint32_t used = 0;
    sw_http_fields_init(&f, NULL, LIMITS.fields, LIMITS.head_bytes);
    if (result == SW_H1_DONE) {
        result = sw_h1_read_trailers(&scan, rest(d), &LIMITS, &f, &used, &e);
        d->at += result == SW_H1_DONE ? used : 0;
    }
    stop(d, result, &e);
    printf(",\"trailers\":");
    put_fields(&f);
    sw_http_fields_clear(&f);
}

static void dump_length(dump *d, uint64_t length)
{
    uint64_t there = SW_MIN(length, (uint64_t)(d->in.len - d->at));
    printf("\"body\":");
    put_bytes(sw_bytes_slice(d->in, d->at, (size_t)there));
    d->at += (size_t)there;
    if (there < length) {
        stop(d, SW_H1_MORE, NULL);
    }
}

static void dump_message(dump *d, bool is_first)
{
    sw_h1_scan scan = {};
    sw_http_head head;
    sw_h1_framing f;
    sw_h1_error e;
    sw_http_head_init(&head, NULL, LIMITS.fields, LIMITS.head_bytes);
    sw_h1_result result = sw_h1_read_request(&scan, rest(d), &LIMITS, &head, &f, &e);
    if (result == SW_H1_DONE) {
        d->at += f.head_bytes;
        printf("%s{\"method\":", is_first ? "" : ",");
        put_bytes(sw_str_bytes(sw_http_head_method(&head)));
        printf(",\"path\":");
        put_bytes(sw_str_bytes(sw_http_head_part(&head, SW_HTTP_PATH)));
        printf(",\"authority\":");
        put_bytes(sw_str_bytes(sw_http_head_part(&head, SW_HTTP_AUTHORITY)));
        printf(",\"version\":%u,\"keeps_alive\":%s,\"fields\":", head.version,
               f.keeps_alive ? "true" : "false");
        put_fields(&head.fields);
        putchar(',');
        if (f.body == SW_H1_BODY_CHUNKED) {
            dump_chunks(d);
        } else {
            dump_length(d, f.length);
        }
        putchar('}');
    }
    stop(d, result, &e);
    sw_http_head_clear(&head);
}

int main(void)
{
    uint8_t len[4];
    while (fread(len, 1, sizeof len, stdin) == sizeof len) {
        size_t size = len[0] | (size_t)len[1] << 8 | (size_t)len[2] << 16 | (size_t)len[3] << 24;
        uint8_t *bytes = sw_alloc(NULL, size);
        if (bytes == NULL || fread(bytes, 1, size, stdin) != size) {
            return 1;
        }
        dump d = {
            .in = {bytes, size}
        };
        printf("{\"messages\":[");
        for (bool is_first = true; d.end[0] == '\0' && d.at < size; is_first = false) {
            dump_message(&d, is_first);
        }
        printf("],\"end\":\"");
        for (const char *c = d.end; *c != '\0'; c++) {
            printf(*c == '"' ? "'" : "%c", *c);
        }
        printf("\"}\n");
        sw_free(NULL, bytes, size);
    }
    return 0;
}
