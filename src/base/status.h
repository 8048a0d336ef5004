/*
 * Errors.
 *
 * Every function that can fail returns sw_status and is SW_NODISCARD. The status says what a
 * program may branch on; the diag says what a person should read. A diag has a fixed size, lives
 * on the caller's stack and never allocates, so reporting out-of-memory cannot itself fail.
 * The first report wins; callers add context on the way up.
 *
 * A guest's trap is SW_TRAP; its details (reason, backtrace) are in the store, not in the diag.
 */
#pragma once

#include "base.h"

#define SW_STATUS_MAP(X)                                       \
    X(OK, "ok")                                                \
    X(NO_MEMORY, "out of memory")                              \
    X(MALFORMED, "malformed binary")                           \
    X(INVALID, "validation failed")                            \
    X(LIMIT, "implementation limit exceeded")                  \
    X(UNSUPPORTED, "not supported")                            \
    X(UNLINKABLE, "import cannot be satisfied")                \
    X(NOT_FOUND, "not found")                                  \
    X(DENIED, "not granted")                                   \
    X(IO, "input/output error")                                \
    X(ARGUMENT, "wrong argument")                              \
    X(STALE, "made by another build or for another processor") \
    X(TRAP, "guest trapped")                                   \
    X(EXIT, "guest asked to exit")

typedef enum sw_status {
#define X(name, text) SW_##name,
    SW_STATUS_MAP(X)
#undef X
} sw_status;

#define SW_NO_OFFSET UINT32_MAX

typedef struct sw_diag {
    sw_status status;
    uint32_t offset; /* byte offset in the input, SW_NO_OFFSET if none */
    uint16_t used;
    char text[498]; /* "function 12: limits: min exceeds max" */
} sw_diag;

/* Short English name of a status, for a status without a diag. Never NULL. */
const char *sw_status_text(sw_status st);

/* Records the first error and returns st, so that `return sw_fail(...)` is the whole error path.
 * d may be NULL. */
sw_status sw_fail(sw_diag *d, sw_status st, uint32_t offset, const char *fmt, ...) SW_PRINTF(4, 5);

/* Puts "fmt: " in front of the text; returns st unchanged. d may be NULL. */
sw_status sw_fail_context(sw_diag *d, sw_status st, const char *fmt, ...) SW_PRINTF(3, 4);

/* Allowed only where a plain return is safe: everything owned is in an arena or in SW_AUTO. */
#define SW_TRY(expr)                        \
    do {                                    \
        sw_status sw_st_ = (expr);          \
        if (SW_UNLIKELY(sw_st_ != SW_OK)) { \
            return sw_st_;                  \
        }                                   \
    } while (0)
