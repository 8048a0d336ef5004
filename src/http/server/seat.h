/*
 * Seats: stores that serve one request after the other, each with a fresh instance.
 *
 * What is kept between requests is what a guest cannot see or change: the store and its lists, its
 * stack, the granted directories. What a guest can see is made anew: its memory, tables and
 * globals, which are rewound to how the instance began (sw_store_rewind) or come with a new
 * instance from a slot that was wiped (run/slot.h), its handles, descriptors and streams, its
 * limits and deadline. With `reuse` an instance stays as it is for that many requests.
 */
#pragma once

#include "http/p2/p2.h"
#include "http/server/app.h"
#include "http/server/outlet.h"

enum { SW_SEAT_LINE_BYTES = 1000 };

/* What a guest has written since its last newline. */
typedef struct sw_seat_line {
    uint32_t len;
    char text[SW_SEAT_LINE_BYTES];
} sw_seat_line;

typedef struct sw_seat {
    struct sw_seat *next;
    sw_app *app;       /* a reference */
    sw_outlet *outlet; /* a reference, or NULL */
    sw_store *store;
    sw_wasi *wasi;
    sw_component_instance *instance; /* NULL between requests, unless it is reused or rewound */
    sw_component_func handle;        /* of the last instance */
    uint32_t served;                 /* requests, by this instance */
    void *owner;                     /* the request that runs */
    void (*on_line)(struct sw_seat *seat, unsigned stream, sw_str line);
    sw_seat_line lines[2]; /* of streams 1 and 2 */
    sw_http_p2_watcher watcher;
} sw_seat;

typedef struct sw_seat_need {
    sw_engine *engine;
    sw_app *app;
    sw_outlet *outlet; /* NULL: the app may reach nothing */
    sw_wasi_descriptors *descriptors;
    const sw_store_limits *limits;
    sw_loop *loop;
    sw_denial_fn *denial; /* its env is the seat; may be NULL */
    /* A line that the guest has written to stream 1 or 2; longer ones come in pieces. */
    void (*on_line)(sw_seat *seat, unsigned stream, sw_str line);
    /* Of the guest's requests; env is the seat. */
    void (*on_outgoing)(void *env, sw_exchange *x, const sw_http_target *target);
} sw_seat_need;

SW_NODISCARD sw_status sw_seat_new(const sw_seat_need *need, sw_diag *diag, sw_seat **ret_seat);
void sw_seat_free(sw_seat *seat); /* may be NULL */

/* These two on the store's stack. Start makes the instance; serve lets it answer an exchange, which
 * it takes over. */
SW_NODISCARD sw_status sw_seat_start(sw_seat *seat, sw_diag *diag);
SW_NODISCARD sw_status sw_seat_serve(sw_seat *seat, sw_exchange *x, sw_diag *diag);

/* Off its stack: everything of the request goes, unless the instance may serve another. holds:
 * whether an instance may be rewound, and keep memory; else its slot goes back to the pool. */
void sw_seat_reset(sw_seat *seat, bool succeeded, uint32_t reuse, bool holds);
size_t sw_seat_held_bytes(const sw_seat *seat);
