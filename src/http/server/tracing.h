/*
 * Tracing: which trace a request belongs to, what its guest and those whom the guest asks are told
 * of it, and spans.
 *
 * Where spans are exported, this server takes part in traces: a request without a context begins a
 * trace, the guest sees a span of ours as its parent, and so do those it asks. Where they are not,
 * contexts only pass through: what came is what the guest sees, and what goes out with its
 * requests. A guest that sets a context itself is left alone in both cases.
 */
#pragma once

#include "http/server/worker.h"

/* Before a request's guest sees it. */
void sw_tracing_begin(sw_request *r);

/* The trace that a request belongs to, or NULL. While it is not over, or after it was asked once.
 */
const sw_trace *sw_tracing_of(sw_request *r);

/* The exchange is whole for the last time. */
void sw_tracing_end(sw_request *r);

/* For requests of guests; env is the seat. */
void sw_tracing_on_outgoing(void *env, sw_exchange *x, const sw_http_target *target);

SW_NODISCARD sw_status sw_tracing_init(sw_worker *w); /* if the server exports spans */
void sw_tracing_clear(sw_worker *w);
