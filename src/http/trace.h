/*
 * Trace contexts: which trace a request belongs to, as W3C "Trace Context" (levels 1 and 2) has it.
 *
 *     traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *                  |  trace                            span of the sender  flags: sampled
 *                  version
 *     tracestate:  vendor=opaque,tenant@system=opaque
 *
 * What is not exactly so is nobody's context, and its state is worth nothing either.
 */
#pragma once

#include "http/message.h"

enum {
    SW_TRACE_TEXT_BYTES = 55, /* of a traceparent that is written */
    SW_TRACE_SAMPLED = 1,
    SW_TRACE_RANDOM = 2, /* the trace's id was made at random */
    SW_TRACE_STATE_MEMBERS = 32
};

typedef struct sw_trace {
    uint8_t id[16]; /* all zero: none */
    uint8_t span[8];
    uint8_t flags; /* those above; others are dropped */
} sw_trace;

static inline bool sw_trace_is_set(const sw_trace *t)
{
    static const uint8_t NONE[sizeof t->id] = {};
    return memcmp(t->id, NONE, sizeof NONE) != 0;
}

/* A traceparent's value. Versions to come are read as far as this one goes. False: malformed. */
SW_NODISCARD bool sw_trace_read(sw_str text, sw_trace *ret_trace);
void sw_trace_write(const sw_trace *t, char text[SW_TRACE_TEXT_BYTES]);

/* Whether all of a tracestate's lines together are well formed: keys, values, no key twice, not too
 * many. */
SW_NODISCARD bool sw_trace_state_is_valid(const sw_http_fields *fields);

/* The context that came with a request: exactly one traceparent, well formed. Otherwise false, and
 * *ret_trace is not set. */
SW_NODISCARD bool sw_trace_get(const sw_http_fields *fields, sw_trace *ret_trace);

/* Puts a context in place of whatever stands in the fields; a state that is malformed, or whose
 * parent was, goes. The list's limits are no hindrance. SW_NO_MEMORY: there is none then. */
SW_NODISCARD sw_status sw_trace_set(sw_http_fields *fields, const sw_trace *t);

/* Lower-case hexadecimal digits, two for each byte. */
void sw_trace_write_hex(const uint8_t *bytes, size_t count, char *text);

/*
 * Where ids come from: random enough that no two are the same, and quick; nothing secret depends on
 * them.
 */
typedef struct sw_trace_ids {
    uint64_t state[4];
} sw_trace_ids;

SW_NODISCARD sw_status sw_trace_ids_init(sw_trace_ids *ids);
void sw_trace_ids_take(sw_trace_ids *ids, uint8_t *to, size_t count); /* never all zero */
