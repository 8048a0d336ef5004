/*
 * What a worker counts. Only its thread writes; any thread may read, each number for itself.
 */
#pragma once

#include "base/buf.h"
#include "http/client.h"
#include "http/service.h"
#include "wasi/wasi.h"

/* Upper bounds of histograms of times, in microseconds; the last bucket has none. */
#define SW_METRICS_BOUNDS                                                      \
    {50,    100,    250,    500,    1000,    2500,    5000,    10000,   25000, \
     50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000}

enum { SW_METRICS_BUCKETS = 18, SW_METRICS_CLASSES = 6 };

/* X(name, text for Prometheus) */
#define SW_METRICS_MAP(X)                                                                       \
    X(accepted, "swell_connections_accepted_total", "Connections accepted.")                    \
    X(refused, "swell_connections_refused_total",                                               \
      "Connections closed because there were too many.")                                        \
    X(queued, "swell_requests_queued_total", "Requests that waited for others to end.")         \
    X(queue_full, "swell_requests_refused_queue_full_total",                                    \
      "Requests refused: the queue was full.")                                                  \
    X(queue_timeouts, "swell_requests_refused_queue_timeout_total",                             \
      "Requests refused: they waited too long.")                                                \
    X(no_memory, "swell_requests_refused_memory_total", "Requests refused for want of memory.") \
    X(traps, "swell_guest_traps_total", "Guests that trapped, deadlines not counted.")          \
    X(deadlines, "swell_guest_deadlines_total", "Guests stopped at their deadline.")            \
    X(cancelled, "swell_guest_cancelled_total", "Guests stopped because their peer had gone.")  \
    X(no_answers, "swell_guest_no_answer_total", "Guests that returned without an answer.")     \
    X(yields, "swell_guest_yields_total", "Slices of guests that compute for long.")            \
    X(denials, "swell_guest_denials_total", "Things that guests asked for and may not have.")   \
    X(instances, "swell_instances_total", "Instances made.")                                    \
    X(memory_refused, "swell_guest_memory_refused_total",                                       \
      "Growths of linear memory beyond the limit.")                                             \
    X(host_memory_refused, "swell_guest_host_memory_refused_total",                             \
      "Allocations of the host for a guest beyond the limit.")                                  \
    X(stacks_exhausted, "swell_guest_stacks_exhausted_total",                                   \
      "Guests that trapped because their stack was full.")                                      \
    X(log_dropped, "swell_log_dropped_lines_total", "Lines that were too many for the log.")    \
    X(reloads, "swell_reloads_total", "Programs taken over by a worker.")

typedef struct sw_histogram {
    sw_counter buckets[SW_METRICS_BUCKETS];
    sw_counter sum_us;
} sw_histogram;

typedef struct sw_metrics {
#define X(name, key, help) sw_counter name;
    SW_METRICS_MAP(X)
#undef X
    sw_counter answers[SW_METRICS_CLASSES];   /* by the first digit of the status; 0: none */
    sw_histogram times;                       /* of requests, from their first byte */
    sw_histogram guest_times;                 /* of them, from the guest's start to its return */
    sw_histogram waits;                       /* in the queue */
    sw_counter memory_peak, host_memory_peak; /* the most that one request has needed */
    /* Now. */
    sw_counter running, waiting, connections, seats, bytes_in, bytes_out;
    sw_http_client_counters outgoing;
    sw_wasi_descriptors descriptors; /* of guests */
    const sw_http_counters *http;    /* of the worker's connections; NULL: has none yet */
} sw_metrics;

void sw_metrics_answer(sw_metrics *m, unsigned status, uint64_t time_ns);
void sw_metrics_note(sw_histogram *h, uint64_t time_ns);

/* A gauge that only rises. */
static inline void sw_metrics_raise(sw_counter *c, uint64_t value)
{
    if (value > sw_counter_get(c)) {
        sw_gauge(c, value);
    }
}

/* The sum of all workers in Prometheus' text form. */
void sw_metrics_write(const sw_metrics *const *workers, unsigned count, sw_buf *out);
