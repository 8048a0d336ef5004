/*
 * Sources: things inside of the process that a guest can wait for, like the body of a request.
 *
 * A source is embedded in the thing and knows how to tell whether it is ready. Whoever makes it
 * ready calls sw_source_notify; those who wait look again. Nothing is allocated, and waiting for a
 * source is no system call. A source is ready also when it has ended or failed: the operation
 * tells. It must outlive those who wait for it. One thread, that of the loop.
 */
#pragma once

#include "run/run.h"

typedef struct sw_source sw_source;
typedef struct sw_waiter sw_waiter;

struct sw_source {
    /* events: POLLIN, POLLOUT, as poll(2) has them; what a source means by them is its own. */
    bool (*is_ready)(const sw_source *source, short events);
    sw_waiter *waiters; /* NULL: nobody waits */
    bool are_awake;     /* all of them have been woken and not looked again since */
};

/* One wait of one store for one source; sw_poll_wait keeps them. */
struct sw_waiter {
    sw_store *store;
    sw_source *source; /* NULL: not waiting */
    sw_waiter *next, *prev;
};

void sw_source_init(sw_source *source, bool (*is_ready)(const sw_source *source, short events));

/* Wakes whoever waits; cheap if nobody does. The stores run later, not in here. */
void sw_source_notify(sw_source *source);

void sw_source_wait(sw_source *source, sw_waiter *w, sw_store *store);
void sw_source_wait_on(sw_source *source); /* a waiter has looked, and goes on waiting */
void sw_source_leave(sw_waiter *w);        /* w may be zero */
