/*
 * A server of HTTP/1.1 at one end of a pair of sockets, for tests that hold the other. What the
 * handler does is chosen by the path: "/hello", "/echo" and so on, a table in serving.c.
 */
#pragma once

#include "http/service.h"
#include "os/loop.h"
#include "wasi/core/pipe.h"

enum { TURNS = 12, TEXT_MAX = 256 * 1024 };

typedef struct handler handler;

typedef struct serving {
    sw_loop *loop;
    sw_budget budget;
    sw_http_service service;
    sw_io_plain io;
    int fd;    /* the client's end */
    char *got; /* what came back, without dates */
    size_t got_len;
    bool is_closed; /* by the server */
    char log[512];  /* "path error " for each exchange that ended */
    handler *handlers;
    bool is_h2;
    bool is_forgiving; /* the handler takes it that there is no memory */
} serving;

void serving_set_up(serving *f, const sw_http_limits *limits);
/* Everything must have been given back. */
void serving_tear_down(serving *f);

/* As many turns as anything takes that does not wait for the other end or for time. */
void serving_turn(serving *f);

/* Appends what has come back to `got`. */
void serving_receive(serving *f);
/* Removes from `got` what is different each time: dates; and carriage returns, for the tables. */
void serving_normalise(serving *f);
/* Sends in steps, with turns between them, and receives. */
void serving_give(serving *f, sw_str bytes, size_t step);
