/*
 * Lines for the owner of the server: accesses, failures, what guests say.
 *
 *     127.0.0.1 - - [22/Nov/2026:19:26:25 +0000] "GET / HTTP/1.1" 200 13 0.000187
 *     {"time":"2026-11-22T19:26:25.123Z","peer":"127.0.0.1","method":"GET",...}
 *     hello[0-17] stderr: what the guest wrote
 *     hello[0-17 trace=4bf92f3577b34da6a3ce929d0e0e4736] error: trap: unreachable
 *     {"time":"...","event":"stderr","program":"hello","request":"0-17","text":"..."}
 *
 * 0-17 is worker and number of the request. Lines are gathered in the worker and handed on at the
 * end of the loop's turn. Bytes that came from outside and are not plain text are escaped, in JSON
 * they become U+FFFD, so that a line is one line and means what it says. What a request's guest may
 * log is bounded; so is what is gathered. Lines beyond that are dropped as a whole, and counted.
 */
#pragma once

#include "http/server/worker.h"

void sw_log_access(sw_request *r);
/* Why a guest did not answer. */
void sw_log_failure(sw_request *r);
void sw_log_denial(sw_request *r, const char *asked, const char *option);
/* One line of a guest's stream, without its end. */
void sw_log_guest(sw_request *r, const char *stream, sw_str line);
/* No more of them come: says how many were too many. */
void sw_log_guest_end(sw_request *r);

/* Of the server itself; any thread. */
void sw_log_notice(sw_server *s, const char *event, sw_str text);

void sw_log_init(sw_worker *w);
/* Hands on what is there. */
void sw_log_flush(sw_worker *w);
