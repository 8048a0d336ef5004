/*
 * wasi:http 0.2 for guests in C, without a C library: the imports as the canonical ABI flattens
 * them, and the few helpers that the guests beside this file share.
 *
 * Memory comes from a bump allocator that is never emptied: a request is short, and its instance
 * ends with it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int32_t handle;

typedef struct text {
    const char *ptr;
    uint32_t len;
} text;

#define TEXT(literal) ((text){literal, sizeof(literal) - 1})

/* ---- Imports --------------------------------------------------------------------------------- */

#define IMPORT(interface, item) __attribute__((import_module(interface), import_name(item)))
#define POLL(item)              IMPORT("wasi:io/poll@0.2.12", item)
#define STREAMS(item)           IMPORT("wasi:io/streams@0.2.12", item)
#define ERROR(item)             IMPORT("wasi:io/error@0.2.12", item)
#define CLOCK(item)             IMPORT("wasi:clocks/monotonic-clock@0.2.12", item)
#define TYPES(item)             IMPORT("wasi:http/types@0.2.12", item)

/* `ret` is where the result goes: its layout is given beside each. */
POLL("[method]pollable.block") void pollable_block(handle self);
POLL("[method]pollable.ready") int32_t pollable_ready(handle self);
POLL("poll") void poll_list(const handle *list, uint32_t len, uint32_t *ret /* ptr, len */);
POLL("[resource-drop]pollable") void pollable_drop(handle self);

CLOCK("now") int64_t clock_now(void);
CLOCK("subscribe-duration") handle clock_after(int64_t ns);

/* result<T, stream-error>: 0 ok; 4 or 8: the value. An error: 4: 0 failed, 1 closed; 8: error. */
STREAMS("[method]input-stream.read") void input_read(handle self, int64_t len, uint32_t *ret);
STREAMS("[method]input-stream.blocking-read")
void input_blocking_read(handle self, int64_t len, uint32_t *ret);
STREAMS("[method]input-stream.subscribe") handle input_subscribe(handle self);
STREAMS("[resource-drop]input-stream") void input_drop(handle self);
STREAMS("[method]output-stream.check-write") void output_check_write(handle self, uint64_t *ret);
STREAMS("[method]output-stream.write")
void output_write(handle self, const char *ptr, uint32_t len, uint32_t *ret);
STREAMS("[method]output-stream.flush") void output_flush(handle self, uint32_t *ret);
STREAMS("[method]output-stream.blocking-flush")
void output_blocking_flush(handle self, uint32_t *ret);
STREAMS("[method]output-stream.blocking-write-and-flush")
void output_blocking_write(handle self, const char *ptr, uint32_t len, uint32_t *ret);
STREAMS("[method]output-stream.blocking-splice")
void output_blocking_splice(handle self, handle source, int64_t len, uint64_t *ret);
STREAMS("[method]output-stream.subscribe") handle output_subscribe(handle self);
STREAMS("[resource-drop]output-stream") void output_drop(handle self);
ERROR("[method]error.to-debug-string") void error_text(handle self, uint32_t *ret /* ptr, len */);
ERROR("[resource-drop]error") void error_drop(handle self);

TYPES("http-error-code") void http_error_code(handle error, uint64_t *ret /* 1, 8: tag, 16: */);
TYPES("[constructor]fields") handle fields_new(void);
TYPES("[static]fields.from-list")
void fields_from_list(const void *list, uint32_t len, uint32_t *ret /* 0: ok, 4 */);
TYPES("[method]fields.get")
void fields_get(handle self, const char *name, uint32_t len, uint32_t *ret /* ptr, len */);
TYPES("[method]fields.has") int32_t fields_has(handle self, const char *name, uint32_t len);
TYPES("[method]fields.set")
void fields_set(handle self, const char *name, uint32_t len, const void *values, uint32_t count,
                uint8_t *ret /* 0: ok; 1: header-error */);
TYPES("[method]fields.delete")
void fields_delete(handle self, const char *name, uint32_t len, uint8_t *ret);
TYPES("[method]fields.append")
void fields_append(handle self, const char *name, uint32_t len, const char *value,
                   uint32_t value_len, uint8_t *ret);
TYPES("[method]fields.entries") void fields_entries(handle self, uint32_t *ret /* ptr, len */);
TYPES("[method]fields.clone") handle fields_clone(handle self);
TYPES("[resource-drop]fields") void fields_drop(handle self);

TYPES("[method]incoming-request.method")
void request_method(handle self, uint32_t *ret /* tag, ptr, len */);
TYPES("[method]incoming-request.path-with-query")
void request_path(handle self, uint32_t *ret /* some, ptr, len */);
TYPES("[method]incoming-request.scheme")
void request_scheme(handle self, uint32_t *ret /* some, tag, ptr, len */);
TYPES("[method]incoming-request.authority")
void request_authority(handle self, uint32_t *ret /* some, ptr, len */);
TYPES("[method]incoming-request.headers") handle request_headers(handle self);
TYPES("[method]incoming-request.consume") void request_consume(handle self, uint32_t *ret);
TYPES("[resource-drop]incoming-request") void request_drop(handle self);

TYPES("[method]incoming-body.stream") void incoming_stream(handle self, uint32_t *ret);
TYPES("[static]incoming-body.finish") handle incoming_finish(handle self);
TYPES("[resource-drop]incoming-body") void incoming_drop(handle self);
TYPES("[method]future-trailers.subscribe") handle trailers_subscribe(handle self);
/* 0: some; 8: first time; 16: ok; 24: some trailers, 28; or 24: error-code */
TYPES("[method]future-trailers.get") void trailers_get(handle self, uint64_t *ret);
TYPES("[resource-drop]future-trailers") void trailers_drop(handle self);

TYPES("[constructor]outgoing-response") handle response_new(handle headers);
TYPES("[method]outgoing-response.set-status-code")
int32_t response_set_status(handle self, int32_t status);
TYPES("[method]outgoing-response.body") void response_body(handle self, uint32_t *ret);
TYPES("[method]outgoing-response.headers") handle response_headers(handle self);
TYPES("[resource-drop]outgoing-response") void response_drop(handle self);
TYPES("[method]outgoing-body.write") void outgoing_write(handle self, uint32_t *ret);
TYPES("[static]outgoing-body.finish")
void outgoing_finish(handle self, int32_t has_trailers, handle trailers,
                     uint64_t *ret /* 0: ok; 8: error-code */);
TYPES("[resource-drop]outgoing-body") void outgoing_drop(handle self);
/* The response, or is_err with an error-code: its tag, and its payload flattened. */
TYPES("[static]response-outparam.set")
void outparam_set(handle self, int32_t is_err, int32_t ok_or_tag, int32_t a, int64_t b, int32_t c,
                  int32_t d, int32_t e, int32_t f);
TYPES("[resource-drop]response-outparam") void outparam_drop(handle self);

TYPES("[constructor]outgoing-request") handle outgoing_new(handle headers);
TYPES("[method]outgoing-request.body") void outgoing_body(handle self, uint32_t *ret);
TYPES("[method]outgoing-request.set-method")
int32_t outgoing_set_method(handle self, int32_t tag, const char *name, uint32_t len);
TYPES("[method]outgoing-request.set-path-with-query")
int32_t outgoing_set_path(handle self, int32_t some, const char *path, uint32_t len);
TYPES("[method]outgoing-request.set-scheme")
int32_t outgoing_set_scheme(handle self, int32_t some, int32_t tag, const char *name, uint32_t len);
TYPES("[method]outgoing-request.set-authority")
int32_t outgoing_set_authority(handle self, int32_t some, const char *authority, uint32_t len);
TYPES("[resource-drop]outgoing-request") void outgoing_request_drop(handle self);

TYPES("[constructor]request-options") handle options_new(void);
TYPES("[method]request-options.set-connect-timeout")
int32_t options_set_connect(handle self, int32_t some, int64_t ns);
TYPES("[method]request-options.set-first-byte-timeout")
int32_t options_set_first_byte(handle self, int32_t some, int64_t ns);
TYPES("[method]request-options.set-between-bytes-timeout")
int32_t options_set_between(handle self, int32_t some, int64_t ns);

/* 0: ok, 8: future; or 8: error-code */
IMPORT("wasi:http/outgoing-handler@0.2.12", "handle")
void outgoing_handle(handle request, int32_t has_options, handle options, uint64_t *ret);
TYPES("[method]future-incoming-response.subscribe") handle future_subscribe(handle self);
/* 0: some; 8: first time; 16: ok; 24: response, or error-code */
TYPES("[method]future-incoming-response.get") void future_get(handle self, uint64_t *ret);
TYPES("[resource-drop]future-incoming-response") void future_drop(handle self);
TYPES("[method]incoming-response.status") int32_t reply_status(handle self);
TYPES("[method]incoming-response.headers") handle reply_headers(handle self);
TYPES("[method]incoming-response.consume") void reply_consume(handle self, uint32_t *ret);
TYPES("[resource-drop]incoming-response") void reply_drop(handle self);

IMPORT("wasi:cli/stdout@0.2.12", "get-stdout") handle get_stdout(void);
IMPORT("wasi:cli/stderr@0.2.12", "get-stderr") handle get_stderr(void);
IMPORT("wasi:cli/environment@0.2.12", "get-environment") void get_environment(uint32_t *ret);
IMPORT("wasi:cli/environment@0.2.12", "get-arguments") void get_arguments(uint32_t *ret);

#define EXPORT_HANDLE __attribute__((export_name("wasi:http/incoming-handler@0.2.12#handle")))

/* ---- Memory ---------------------------------------------------------------------------------- */

#ifndef GUEST_USES_LIBC /* which has all of this, but for cabi_realloc */

extern char __heap_base;
static uintptr_t heap_next; /* may be set back to what it was, when nothing later is needed */

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, uint32_t old_bytes,
                                                                uint32_t align, uint32_t bytes)
{
    uintptr_t at = heap_next == 0 ? (uintptr_t)&__heap_base : heap_next;
    at = (at + align - 1) & ~(uintptr_t)(align - 1);
    heap_next = at + bytes;
    uintptr_t end = (uintptr_t)__builtin_wasm_memory_size(0) << 16;
    if (heap_next > end &&
        __builtin_wasm_memory_grow(0, (heap_next - end + 0xffff) >> 16) == SIZE_MAX) {
        __builtin_trap();
    }
    for (uint32_t i = 0; i < old_bytes; i++) {
        ((char *)at)[i] = ((const char *)old)[i];
    }
    return (void *)at;
}

/* With bulk memory instructions these are one each. */
void *memcpy(void *to, const void *from, size_t len)
{
    return __builtin_memcpy(to, from, len);
}

void *memset(void *to, int value, size_t len)
{
    return __builtin_memset(to, value, len);
}

#else

void *cabi_realloc(void *old, uint32_t old_bytes, uint32_t align, uint32_t bytes);

#endif

/* ---- Text ------------------------------------------------------------------------------------ */

static inline bool text_starts(text t, text prefix)
{
    if (t.len < prefix.len) {
        return false;
    }
    for (uint32_t i = 0; i < prefix.len; i++) {
        if (t.ptr[i] != prefix.ptr[i]) {
            return false;
        }
    }
    return true;
}

static inline bool text_is(text t, text other)
{
    return t.len == other.len && text_starts(t, other);
}

static inline uint32_t text_find(text t, char c)
{
    uint32_t i = 0;
    while (i < t.len && t.ptr[i] != c) {
        i++;
    }
    return i;
}

static inline text text_from(text t, uint32_t at)
{
    return at >= t.len ? (text){t.ptr, 0} : (text){t.ptr + at, t.len - at};
}

/* The number that the text begins with. */
static inline uint32_t text_number(text t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t.len && t.ptr[i] >= '0' && t.ptr[i] <= '9'; i++) {
        n = n * 10 + (uint32_t)(t.ptr[i] - '0');
    }
    return n;
}

static inline text number_text(uint64_t n)
{
    char *end = (char *)cabi_realloc(NULL, 0, 1, 20) + 20;
    char *at = end;
    do {
        *--at = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    return (text){at, (uint32_t)(end - at)};
}

static inline text joined(text a, text b)
{
    char *to = cabi_realloc(NULL, 0, 1, a.len + b.len);
    memcpy(to, a.ptr, a.len);
    memcpy(to + a.len, b.ptr, b.len);
    return (text){to, a.len + b.len};
}

/* ---- Streams --------------------------------------------------------------------------------- */

enum { FLUSHED_MAX = 4096 }; /* what one blocking write may bring */

/* False: the stream is closed. */
static inline bool write_text(handle out, text t)
{
    while (t.len > 0) {
        uint32_t ret[3] = {};
        uint32_t piece = t.len < FLUSHED_MAX ? t.len : FLUSHED_MAX;
        output_blocking_write(out, t.ptr, piece, ret);
        if ((ret[0] & 0xff) != 0) {
            return false;
        }
        t = text_from(t, piece);
    }
    return true;
}

/* The next bytes; len 0 at the end, *ret_failed when that was not the regular one. */
static inline text read_some(handle in, uint32_t most, bool *ret_failed)
{
    uint32_t ret[3] = {};
    do {
        input_blocking_read(in, most, ret);
        if ((ret[0] & 0xff) != 0) {
            *ret_failed = (ret[1] & 0xff) == 0;
            return (text){};
        }
    } while (ret[2] == 0);
    return (text){(const char *)ret[1], ret[2]};
}

static inline text path_of(handle request)
{
    uint32_t ret[3] = {};
    request_path(request, ret);
    return (ret[0] & 0xff) != 0 ? (text){(const char *)ret[1], ret[2]} : (text){};
}

/* ---- Responses ------------------------------------------------------------------------------- */

static inline void add_field(handle fields, text name, text value)
{
    uint8_t ret[2];
    fields_append(fields, name.ptr, name.len, value.ptr, value.len, ret);
}

/* Sends the head with these fields, which it takes; returns the body. */
static inline handle respond_with(handle outparam, int32_t status, handle fields)
{
    uint32_t ret[2] = {};
    handle response = response_new(fields);
    (void)response_set_status(response, status);
    response_body(response, ret);
    outparam_set(outparam, 0, response, 0, 0, 0, 0, 0, 0);
    return (handle)ret[1];
}

static inline handle stream_of(handle body)
{
    uint32_t ret[2] = {};
    outgoing_write(body, ret);
    return (handle)ret[1];
}

static inline void finish_body(handle body)
{
    uint64_t ret[7] = {};
    outgoing_finish(body, 0, 0, ret);
}

/* A whole response of plain text. */
static inline void answer(handle outparam, int32_t status, text content)
{
    handle fields = fields_new();
    add_field(fields, TEXT("content-type"), TEXT("text/plain"));
    add_field(fields, TEXT("content-length"), number_text(content.len));
    handle body = respond_with(outparam, status, fields);
    handle out = stream_of(body);
    (void)write_text(out, content);
    output_drop(out);
    finish_body(body);
}
