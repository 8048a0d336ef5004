/*
 * One worker: a thread with its own sockets, loop, connections, seats and counters.
 *
 * Everything in it belongs to its thread, except what is marked: the app that a reload brings, the
 * word that tells it to stop, the clock that the watchdog reads, and counters, which others may
 * read at any time.
 */
#pragma once

#include "base/buf.h"
#include "http/server/listen.h"
#include "http/server/metrics.h"
#include "http/server/seat.h"
#include "http/server/span.h"
#include "os/alarm.h"
#include "os/loop.h"

#include <pthread.h>

typedef struct sw_worker sw_worker;
typedef struct sw_request sw_request;

typedef enum sw_request_state {
    SW_REQUEST_QUEUED,
    SW_REQUEST_RUNNING, /* it has a seat */
    SW_REQUEST_ENDING,  /* the guest has done, or was never asked */
    SW_REQUEST_SENDING, /* waits for the exchange's end */
} sw_request_state;

/* A request from its head until everything is sent. */
struct sw_request {
    sw_worker *worker;
    sw_exchange *exchange;
    sw_seat *seat;           /* RUNNING */
    sw_request *next, *prev; /* in the queue, or among the hogs */
    sw_request_state state;
    bool has_ended;    /* the exchange, on the side of the peer */
    bool is_gone;      /* and not with a whole answer */
    bool is_accounted; /* counted and logged */
    bool is_over;      /* the exchange is nobody's any more and must not be touched */
    bool is_taken;     /* the guest has the exchange, and releases it */
    bool timed_out;    /* its deadline has passed */
    bool was_young;    /* among the hogs before */
    sw_loop_job resume;
    uint64_t number; /* in this worker */
    uint64_t queued_ns;
    uint64_t guest_ns; /* when its guest began */
    uint64_t used_ns;  /* computed, its first slice not counted */
    uint64_t time_ns;  /* it took, when it is over */
    sw_trace trace;    /* see sw_tracing_of; span: the one that stands for this request here */
    uint8_t parent[8];
    bool is_trace_known;
    uint64_t logged_bytes, lines_dropped; /* of what its guest writes */
    sw_status status;                     /* of the guest */
    sw_diag diag;
};

typedef struct sw_request_list {
    sw_request *first, *last;
    uint32_t count;
} sw_request_list;

void sw_requests_push(sw_request_list *l, sw_request *r);
void sw_requests_push_front(sw_request_list *l, sw_request *r);
void sw_requests_remove(sw_request_list *l, sw_request *r);

typedef struct sw_peer {
    sw_io_plain io; /* first */
    struct sw_peer *next;
    sw_worker *worker;
    sw_address address;
} sw_peer;

enum { SW_LISTENERS_MAX = 16 };

typedef struct sw_listener {
    sw_watch watch;
    sw_worker *worker;
    int fd; /* owned, or shared by all workers */
    bool is_shared;
} sw_listener;

typedef enum sw_worker_phase { SW_WORKER_SERVES, SW_WORKER_DRAINS, SW_WORKER_ENDS } sw_worker_phase;

struct sw_worker {
    sw_server *server;
    unsigned number;
    pthread_t thread;
    bool has_started, has_service;
    sw_loop *loop;
    sw_http_service service;
    sw_budget budget;

    sw_listener listeners[SW_LISTENERS_MAX];
    uint32_t listeners_count;
    bool is_accepting;
    sw_loop_timer accept_again;
    sw_peer *spare_peers;

    sw_app *app;       /* a reference */
    sw_outlet *outlet; /* a reference; of the app; NULL until it is needed */
    sw_seat *seats;    /* empty ones, the last used first */
    uint32_t seats_count;
    size_t held_bytes; /* in them */
    sw_request *spare_requests;
    uint32_t running;
    uint64_t requests_count;

    sw_request_list queue;
    sw_loop_timer queue_timer;
    sw_request_list young, hogs; /* may run, when nothing else does */
    sw_loop_job run_hog;
    uint32_t turns_of_young; /* since the last of another */
    bool has_alarm;          /* it goes off */
    sw_request *resumed;     /* that runs, and is accounted for */
    sw_alarm alarm;          /* of a hog's slice */
    sw_loop_job start_queued;

    sw_span_ring spans;
    sw_trace_ids trace_ids;

    sw_buf log; /* lines since the last turn */
    sw_loop_job flush_log;

    sw_worker_phase phase;
    sw_loop_timer drain_timer; /* until what is left is cut */
    sw_loop_job look_for_end;
    sw_metrics metrics;

    /* From other threads. */
    _Atomic(sw_app *) next_app; /* a reference */
    sw_loop_job take_app;
    sw_loop_job stop;
    atomic_uint_fast64_t slice; /* odd while a guest runs; no two slices have the same */
    uint32_t slice_depth;
    /* Which slice is meant by a signal of the watchdog and of the alarm: they may come late. */
    atomic_uint_fast64_t watched_slice, alarmed_slice;
};

SW_NODISCARD sw_status sw_worker_init(sw_worker *w, sw_server *server, unsigned number,
                                      sw_diag *diag);
void sw_worker_clear(sw_worker *w); /* its thread has ended */
SW_NODISCARD sw_status sw_worker_start(sw_worker *w, sw_diag *diag);

/* Any thread. */
void sw_worker_stop(sw_worker *w);
void sw_worker_reload(sw_worker *w, sw_app *app); /* the reference is taken over */

/* A connection has closed or a guest has ended: a worker that is to stop may do so now. */
void sw_worker_look_for_end(sw_worker *w);

/* ---- accept.c -------------------------------------------------------------------------------- */

SW_NODISCARD sw_status sw_worker_accept(sw_worker *w);
void sw_worker_stop_accepting(sw_worker *w);
void sw_worker_closed(sw_http_service *s, void *peer);
void sw_worker_free_peers(sw_worker *w);

/* ---- request.c ------------------------------------------------------------------------------- */

void sw_worker_on_request(sw_http_service *s, sw_exchange *x);
void sw_worker_requests_init(sw_worker *w);
void sw_worker_requests_clear(sw_worker *w);
/* Forgets seats of another app, and its outlet. */
void sw_worker_drop_seats(sw_worker *w);

/* ---- hogs.c ---------------------------------------------------------------------------------- */

/* The word `slice` is odd while a guest runs, and no two slices have the same. They nest: the end
 * of one request may be the beginning of the next. */
void sw_worker_begin_slice(sw_worker *w);
void sw_worker_end_slice(sw_worker *w);
/* In a slice: resumes the guest and accounts for its time. */
void sw_worker_go_on(sw_worker *w, sw_request *r);

/* A guest that may run and has computed for long. */
void sw_worker_add_hog(sw_worker *w, sw_request *r);
bool sw_request_is_hog(const sw_request *r);
void sw_worker_hogs_init(sw_worker *w);
