/*
 * HTTP/2 (RFC 9113) for servers: connections whose streams are exchanges of a service. The framing,
 * header compression and its rules are nghttp2's; limits, flow control and life are here.
 *
 *     service.serve_h2 = sw_h2_serve;      sw_http_serve calls it by ALPN or by the preface
 *
 * Flow control is the pipes: a stream's window is as large as the pipe that a request's body goes
 * into, and is opened again only by what the handler has read. A body's bytes go from the pipe into
 * the buffer of frames, once.
 *
 * What a peer may not do, beyond what the protocol forbids and nghttp2 refuses:
 *
 *   - more streams than limits.streams: REFUSED_STREAM
 *   - a head over limits.head_bytes: 431; over four times that, or heads that never end: the
 *     connection is cut
 *   - frames that make work and carry nothing (resets, pings, settings, priorities, window updates,
 *     empty data): each takes from a credit that comes back with time and with useful work;
 *     without credit the connection ends with ENHANCE_YOUR_CALM
 *   - keep a body waiting, or an answer by a closed window: time-outs of the limits, a stream at a
 *     time
 *
 * A connection that is drained says so (GOAWAY without a bound), waits for one round trip, so that
 * requests on their way are served, then names the last stream and closes after it.
 */
#pragma once

#include "http/service.h"

/* Takes over a connection; early bytes were read from it already. False: no memory; the io is still
 * the caller's. */
bool sw_h2_serve(sw_http_service *s, sw_io *io, void *peer, sw_bytes early);

/* The credit for frames that carry nothing. */
enum {
    SW_H2_CREDIT_MAX = 1000,
    SW_H2_CREDIT_PER_S = 50,
    SW_H2_COST_RESET = 2, /* so 500 cancelled requests at once, then 25 a second */
    SW_H2_COST_PING = 2,  /* settings too */
    SW_H2_COST_FRAME = 1, /* window updates, priorities, empty data */
    SW_H2_COST_INVALID = 4,
    SW_H2_GAIN_DATA = 2, /* a DATA frame sent, or received with bytes in it */
    SW_H2_GAIN_ANSWER = 2
};
