/* Sending a request and receiving its response, for the guests that do. */
#pragma once

#include "http.h"

/* Names of error-code's cases, by tag. */
static const text ERROR_CODES[] = {
    TEXT("DNS-timeout"),
    TEXT("DNS-error"),
    TEXT("destination-not-found"),
    TEXT("destination-unavailable"),
    TEXT("destination-IP-prohibited"),
    TEXT("destination-IP-unroutable"),
    TEXT("connection-refused"),
    TEXT("connection-terminated"),
    TEXT("connection-timeout"),
    TEXT("connection-read-timeout"),
    TEXT("connection-write-timeout"),
    TEXT("connection-limit-reached"),
    TEXT("TLS-protocol-error"),
    TEXT("TLS-certificate-error"),
    TEXT("TLS-alert-received"),
    TEXT("HTTP-request-denied"),
    TEXT("HTTP-request-length-required"),
    TEXT("HTTP-request-body-size"),
    TEXT("HTTP-request-method-invalid"),
    TEXT("HTTP-request-URI-invalid"),
    TEXT("HTTP-request-URI-too-long"),
    TEXT("HTTP-request-header-section-size"),
    TEXT("HTTP-request-header-size"),
    TEXT("HTTP-request-trailer-section-size"),
    TEXT("HTTP-request-trailer-size"),
    TEXT("HTTP-response-incomplete"),
    TEXT("HTTP-response-header-section-size"),
    TEXT("HTTP-response-header-size"),
    TEXT("HTTP-response-body-size"),
    TEXT("HTTP-response-trailer-section-size"),
    TEXT("HTTP-response-trailer-size"),
    TEXT("HTTP-response-transfer-coding"),
    TEXT("HTTP-response-content-coding"),
    TEXT("HTTP-response-timeout"),
    TEXT("HTTP-upgrade-failed"),
    TEXT("HTTP-protocol-error"),
    TEXT("loop-detected"),
    TEXT("configuration-error"),
    TEXT("internal-error"),
};

static inline text error_name(uint64_t tag)
{
    tag &= 0xff;
    return tag < sizeof ERROR_CODES / sizeof ERROR_CODES[0] ? ERROR_CODES[tag] : TEXT("?");
}

typedef struct target {
    int32_t scheme; /* 0: http, 1: https */
    text authority, path;
} target;

/* "http://host:port/path" */
static inline target target_of(text url)
{
    target t = {.scheme = text_starts(url, TEXT("https:"))};
    text rest = text_from(url, t.scheme ? 8 : 7);
    uint32_t slash = text_find(rest, '/');
    t.authority = (text){rest.ptr, slash};
    t.path = text_from(rest, slash);
    return t;
}

static inline void aim(handle request, target t)
{
    (void)outgoing_set_scheme(request, 1, t.scheme, NULL, 0);
    (void)outgoing_set_authority(request, 1, t.authority.ptr, t.authority.len);
    (void)outgoing_set_path(request, t.path.len != 0, t.path.ptr, t.path.len);
}

/* The response, or 0 and the name of the error. Takes the future. */
static inline handle await_reply(handle future, text *ret_error)
{
    uint64_t ret[9] = {};
    handle ready = future_subscribe(future);
    pollable_block(ready);
    pollable_drop(ready);
    future_get(future, ret);
    handle reply = (handle)ret[3];
    if ((ret[2] & 0xff) != 0) {
        *ret_error = error_name(ret[3]);
        reply = 0;
    }
    future_drop(future);
    return reply;
}
