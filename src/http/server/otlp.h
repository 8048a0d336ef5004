/*
 * Exports spans: OTLP over HTTP, in its JSON form, from a thread of its own.
 *
 * The thread looks at the workers' rings each second, or when one of them is filled to a quarter,
 * and sends what is there in requests of at most so many spans, one at a time. A collector that is
 * away or busy is asked again for half a minute; what comes meanwhile waits in the rings, and is
 * dropped and counted when they are full. So nothing on the path of a request waits for it.
 */
#pragma once

#include "base/json.h"
#include "http/server/span.h"

typedef struct sw_server sw_server;
typedef struct sw_otlp sw_otlp;

/* All of it borrowed. Lists are as in the OTEL_... variables: "key=value,key=value", values may be
 * percent-encoded; NULL: empty. */
typedef struct sw_otlp_config {
    const char *url;     /* "http://127.0.0.1:4318": /v1/traces below it; NULL: none */
    const char *service; /* the attribute service.name; NULL: that of the list below, or name */
    const char *name;
    const char *attributes; /* of the resource */
    const char *headers;    /* of requests */
} sw_otlp_config;

/* Server with its workers. SW_ARGUMENT: what in the configuration is malformed. */
SW_NODISCARD sw_status sw_otlp_new(sw_server *s, sw_diag *diag, sw_otlp **ret_otlp);
SW_NODISCARD sw_status sw_otlp_start(sw_otlp *o, sw_diag *diag);

/* Sends what is left, for some seconds at most, and ends. The workers have ended. May be NULL. */
void sw_otlp_free(sw_otlp *o);

/* From any thread: there is much to send. */
void sw_otlp_wake(sw_otlp *o);

typedef struct sw_otlp_counters {
    sw_counter exported, lost;
} sw_otlp_counters;

const sw_otlp_counters *sw_otlp_counts(const sw_otlp *o);

/* ---- The text (otlp_json.c) ------------------------------------------------------------------ */

/* A request's body: begin, spans, end. */
void sw_otlp_write_begin(sw_json *j, const sw_otlp_config *config);
void sw_otlp_write_span(sw_json *j, const sw_span *s);
void sw_otlp_write_end(sw_json *j);

/* The next "key=value" of a list, its value decoded into `value` (room for the whole list). 1: got
 * one; 0: the end; -1: malformed. */
int sw_otlp_next_pair(sw_str *list, sw_str *ret_key, char *value, sw_str *ret_value);
