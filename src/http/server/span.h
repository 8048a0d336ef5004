/*
 * Spans: what is told of a request, or of one that a guest sent, when it is over; and the way from
 * the worker that makes them to the thread that exports them.
 *
 * A ring holds spans by value, texts clipped, so that a worker neither allocates nor waits: one
 * that finds no room is dropped and counted. One thread writes, one reads, there is no lock.
 */
#pragma once

#include "base/counter.h"
#include "http/trace.h"

enum { SW_SPAN_TEXT_BYTES = 768, SW_SPAN_RING_COUNT = 2048, SW_SPAN_RING_FULL_ENOUGH = 512 };

/* Texts of a span, each of at most so many bytes. */
#define SW_SPAN_TEXTS(X) \
    X(METHOD, 32)        \
    X(SCHEME, 8)         \
    X(HOST, 128)         \
    X(PATH, 256)         \
    X(QUERY, 128)        \
    X(PEER, 48)          \
    X(AGENT, 128)        \
    X(ERROR, 40)

typedef enum sw_span_text_kind {
#define X(name, bytes) SW_SPAN_##name,
    SW_SPAN_TEXTS(X)
#undef X
        SW_SPAN_TEXTS_COUNT
} sw_span_text_kind;

typedef struct sw_span {
    sw_trace trace;    /* span: its own id */
    uint8_t parent[8]; /* all zero: none */
    bool is_client;    /* else a server's */
    bool is_known_method;
    uint8_t version;          /* 10, 11, 20; 0: not known */
    uint16_t status;          /* 0: there was no answer */
    uint16_t port, peer_port; /* of HOST and PEER; 0: not known */
    uint32_t worker;          /* with the number: as in log lines */
    uint64_t number;
    uint64_t start_ns, end_ns; /* since 1970 */
    uint16_t lens[SW_SPAN_TEXTS_COUNT];
    char text[SW_SPAN_TEXT_BYTES]; /* one behind the other */
} sw_span;

void sw_span_add(sw_span *s, sw_span_text_kind kind, sw_str text); /* in the order above, once */
sw_str sw_span_text(const sw_span *s, sw_span_text_kind kind);

typedef struct sw_span_ring {
    sw_span *spans;            /* owned; NULL: nobody wants any */
    atomic_uint written, read; /* ever */
    sw_counter dropped;
} sw_span_ring;

SW_NODISCARD sw_status sw_span_ring_init(sw_span_ring *r);
void sw_span_ring_clear(sw_span_ring *r);

/* The writer's: the place of the next span, emptied, or NULL; then push. True: it is time to read.
 */
sw_span *sw_span_ring_place(sw_span_ring *r);
bool sw_span_ring_push(sw_span_ring *r);

/* The reader's: the oldest span, or NULL; then pop. */
const sw_span *sw_span_ring_oldest(const sw_span_ring *r);
void sw_span_ring_pop(sw_span_ring *r);
