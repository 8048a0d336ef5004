/*
 * Lines for the owner of the server: accesses, failures, what guests say.
 *
 *     127.0.0.1 - - [22/Nov/2026:19:26:25 +0000] "GET / HTTP/1.1" 200 13 0.000187
 *     {"time":"2026-11-22T19:26:25.123Z","peer":"127.0.0.1","method":"GET",...}
 *     hello[0-17] stderr: what the guest wrote
 *     hello[0-17] error: trap: unreachable
 *
 * 0-17 is worker and number of the request. Lines are gathered in the worker and handed on at the
 * end of the loop's turn. Bytes that came from outside and are not plain text are escaped.
 */
#pragma once

#include "http/server/worker.h"

void sw_log_access(const sw_request *r);
/* Why a guest did not answer. */
void sw_log_failure(const sw_request *r);
void sw_log_denial(const sw_request *r, const char *asked, const char *option);
/* One line of a guest's stream, without its end. */
void sw_log_guest(const sw_request *r, const char *stream, sw_str line);

void sw_log_init(sw_worker *w);
/* Hands on what is there. */
void sw_log_flush(sw_worker *w);
