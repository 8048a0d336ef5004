/* Borrowed views. A span never owns; it is passed by value (two registers on x86-64 and aarch64).
 */
#pragma once

#include "base.h"

#include <string.h>

typedef struct sw_bytes {
    const uint8_t *ptr;
    size_t len;
} sw_bytes;

typedef struct sw_str {
    const char *ptr; /* UTF-8 unless said otherwise, not NUL-terminated */
    size_t len;
} sw_str;

#define SW_STR(lit)      ((sw_str){"" lit, sizeof(lit) - 1})
#define SW_STR_ARG(s)    (int)(s).len, (s).ptr     /* for "%.*s" */
#define SW_STR_INIT(lit) {"" lit, sizeof(lit) - 1} /* in static tables */

static inline sw_bytes sw_bytes_slice(sw_bytes b, size_t from, size_t len)
{
    assert(from <= b.len && len <= b.len - from);
    return (sw_bytes){b.ptr + from, len};
}

static inline bool sw_str_eq(sw_str a, sw_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* From a NUL-terminated string; NULL gives the empty span. */
static inline sw_str sw_str_of(const char *s)
{
    return (sw_str){s, s == NULL ? 0 : strlen(s)};
}

static inline bool sw_str_starts(sw_str s, sw_str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool sw_str_ends(sw_str s, sw_str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

static inline sw_str sw_str_slice(sw_str s, size_t from, size_t len)
{
    assert(from <= s.len && len <= s.len - from);
    return (sw_str){s.ptr + from, len};
}

/* Position of the first c, or s.len. */
static inline size_t sw_str_find(sw_str s, char c)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);
    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

/* Lexicographic by bytes, then by length: <0, 0, >0. */
static inline int sw_str_compare(sw_str a, sw_str b)
{
    int order =
        memcmp(a.ptr == NULL ? "" : a.ptr, b.ptr == NULL ? "" : b.ptr, SW_MIN(a.len, b.len));
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline sw_bytes sw_str_bytes(sw_str s)
{
    return (sw_bytes){(const uint8_t *)s.ptr, s.len};
}
