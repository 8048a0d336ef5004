/*
 * swell: strings, statuses and errors of the public API.
 *
 * Conventions of all headers in this directory
 * - Everything is opaque except small structs that are passed by value or filled by the caller.
 * - A function that can fail returns a swell_status and takes a swell_error *, which may be NULL.
 *   Results come back through parameters named ret_x, last, which are set only on success.
 * - swell_X_new / swell_X_free are a pair; free accepts NULL. What a call borrows it says.
 * - Strings are spans in UTF-8, not NUL-terminated; swell_str_of makes one from a C string.
 * - Thread rules: an engine and a program may be used from any thread at once; a store, and all
 *   that is made from it, belongs to one thread at a time. swell_store_interrupt is the exception.
 * - The library never prints and never exits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SWELL_API __attribute__((visibility("default")))

/* "0.1.0" */
SWELL_API const char *swell_version(void);

typedef struct swell_str {
    const char *ptr;
    size_t len;
} swell_str;

static inline swell_str swell_str_of(const char *s)
{
    swell_str span = {s, s == NULL ? 0 : strlen(s)};
    return span;
}

typedef struct swell_bytes {
    const uint8_t *ptr;
    size_t len;
} swell_bytes;

typedef enum swell_status {
    SWELL_OK,
    SWELL_NO_MEMORY,   /* a budget or the system is exhausted */
    SWELL_MALFORMED,   /* not a WebAssembly binary, or a damaged one */
    SWELL_INVALID,     /* well-formed, but breaks a rule of the language */
    SWELL_LIMIT,       /* beyond what this implementation takes */
    SWELL_UNSUPPORTED, /* a feature that is not there (yet) */
    SWELL_UNLINKABLE,  /* an import that nobody satisfies, or with another type */
    SWELL_NOT_FOUND,   /* no such file, export, function */
    SWELL_DENIED,      /* not granted */
    SWELL_IO,          /* the operating system said no */
    SWELL_ARGUMENT,    /* a wrong argument to this API */
    SWELL_STALE,       /* compiled by another build or for another processor */
    SWELL_TRAP,        /* the guest trapped: see swell_store_trap */
    SWELL_EXIT,        /* the guest asked to end: see swell_store_exit_code */
} swell_status;

/* "out of memory" and the like; never NULL. */
SWELL_API const char *swell_status_text(swell_status status);

#define SWELL_NO_OFFSET UINT32_MAX

/* Filled by the call that fails; lives where the caller puts it, owns nothing. Zero it before. */
typedef struct swell_error {
    swell_status status;
    uint32_t offset; /* byte in the input, or SWELL_NO_OFFSET */
    uint16_t used;   /* bytes of text */
    char text[498];  /* one sentence for a person, NUL-terminated */
} swell_error;

#ifdef __cplusplus
}
#endif
