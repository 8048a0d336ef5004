#include "http/server/metrics.h"

#include <inttypes.h>

static const uint64_t BOUNDS_US[] = SW_METRICS_BOUNDS;
static_assert(sizeof BOUNDS_US / sizeof BOUNDS_US[0] == SW_METRICS_BUCKETS - 1, "one has no bound");

void sw_metrics_note(sw_histogram *h, uint64_t time_ns)
{
    uint64_t us = time_ns / 1000;
    unsigned bucket = 0;
    while (bucket < SW_METRICS_BUCKETS - 1 && us > BOUNDS_US[bucket]) {
        bucket++;
    }
    sw_count(&h->buckets[bucket], 1);
    sw_count(&h->sum_us, us);
}

void sw_metrics_answer(sw_metrics *m, unsigned status, uint64_t time_ns)
{
    sw_count(&m->answers[status < 600 ? status / 100 : 0], 1);
    sw_metrics_note(&m->times, time_ns);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static uint64_t sum(const sw_metrics *const *workers, unsigned count, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        const sw_counter *c = (const void *)((const char *)workers[i] + offset);
        total += sw_counter_get(c);
    }
    return total;
}

typedef struct row {
    const char *key, *type, *help;
    size_t offset;
} row;

static const row ROWS[] = {
#define X(name, key, help) {key, "counter", help, offsetof(sw_metrics, name)},
    SW_METRICS_MAP(X)
#undef X
        {"swell_received_bytes_total", "counter", "Bytes of request bodies.",
         offsetof(sw_metrics, bytes_in)},
    {"swell_sent_bytes_total", "counter", "Bytes of response bodies.",
     offsetof(sw_metrics, bytes_out)},
    {"swell_requests_running", "gauge", "Requests whose guest runs or waits.",
     offsetof(sw_metrics, running)},
    {"swell_requests_waiting", "gauge", "Requests in the queue.", offsetof(sw_metrics, waiting)},
    {"swell_connections", "gauge", "Open connections.", offsetof(sw_metrics, connections)},
    {"swell_seats", "gauge", "Seats kept for the next requests.", offsetof(sw_metrics, seats)},
    {"swell_guest_descriptors", "gauge", "Files and sockets that guests have open.",
     offsetof(sw_metrics, descriptors.open)},
    {"swell_guest_descriptors_refused_total", "counter",
     "Files and sockets that were not opened because there were too many.",
     offsetof(sw_metrics, descriptors.refused)},
    {"swell_outgoing_requests_total", "counter", "Requests that guests sent.",
     offsetof(sw_metrics, outgoing.requests)},
    {"swell_outgoing_failures_total", "counter", "Those that ended with an error.",
     offsetof(sw_metrics, outgoing.failures)},
    {"swell_outgoing_refused_total", "counter", "Those for which there was no connection left.",
     offsetof(sw_metrics, outgoing.refused)},
    {"swell_outgoing_opened_total", "counter", "Connections made to other servers.",
     offsetof(sw_metrics, outgoing.opened)},
    {"swell_outgoing_reused_total", "counter", "Requests sent on a connection that was kept.",
     offsetof(sw_metrics, outgoing.reused)},
    {"swell_outgoing_connections", "gauge", "Connections to other servers, idle ones too.",
     offsetof(sw_metrics, outgoing.connections)},
};

static void write_head(sw_buf *out, const char *key, const char *type, const char *help)
{
    sw_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", key, help, key, type);
}

/* What connections count, before and beside requests. */
static uint64_t sum_http(const sw_metrics *const *workers, unsigned count, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        const char *counters = (const char *)workers[i]->http;
        total += counters == NULL ? 0 : sw_counter_get((const void *)(counters + offset));
    }
    return total;
}

static const row HTTP_ROWS[] = {
    {"swell_http_timeouts_total", "counter",
     "Connections and streams closed because their peer was slow or idle.",
     offsetof(sw_http_counters, timeouts)},
    {"swell_http_resets_total", "counter", "Peers that went in the middle of a request.",
     offsetof(sw_http_counters, resets)},
    {"swell_http_cut_total", "counter", "Answers ended before they were whole.",
     offsetof(sw_http_counters, cut)},
    {"swell_tls_handshakes_total", "counter", "TLS handshakes.",
     offsetof(sw_http_counters, handshakes)},
    {"swell_tls_handshakes_failed_total", "counter",
     "TLS handshakes that failed, were given up or took too long.",
     offsetof(sw_http_counters, handshakes_failed)},
    {"swell_http2_connections_total", "counter", "Connections that spoke HTTP/2.",
     offsetof(sw_http_counters, h2_connections)},
    {"swell_http2_floods_total", "counter",
     "Connections of HTTP/2 closed because they made work and carried nothing.",
     offsetof(sw_http_counters, floods)},
};

static void write_refusals(const sw_metrics *const *workers, unsigned count, sw_buf *out)
{
    static const char *const KEY = "swell_http_refused_total";
    static const char *const STATUS[SW_HTTP_REFUSED_COUNT] = {
        [SW_HTTP_REFUSED_4XX] = "4xx", [SW_HTTP_REFUSED_408] = "408", [SW_HTTP_REFUSED_413] = "413",
        [SW_HTTP_REFUSED_414] = "414", [SW_HTTP_REFUSED_431] = "431", [SW_HTTP_REFUSED_5XX] = "5xx",
    };
    write_head(out, KEY, "counter",
               "Requests refused before a guest heard of them, by status; 4xx: all others.");
    for (size_t i = 0; i < SW_HTTP_REFUSED_COUNT; i++) {
        size_t offset = offsetof(sw_http_counters, refused) + i * sizeof(sw_counter);
        sw_buf_printf(out, "%s{status=\"%s\"} %" PRIu64 "\n", KEY, STATUS[i],
                      sum_http(workers, count, offset));
    }
}

static void write_answers(const sw_metrics *const *workers, unsigned count, sw_buf *out)
{
    static const char *const KEY = "swell_responses_total";
    write_head(out, KEY, "counter", "Answers, by the first digit of their status.");
    for (unsigned i = 0; i < SW_METRICS_CLASSES; i++) {
        uint64_t n = sum(workers, count, offsetof(sw_metrics, answers) + i * sizeof(sw_counter));
        if (i == 0) {
            sw_buf_printf(out, "%s{class=\"none\"} %" PRIu64 "\n", KEY, n);
        } else {
            sw_buf_printf(out, "%s{class=\"%uxx\"} %" PRIu64 "\n", KEY, i, n);
        }
    }
}

/* Of the workers' highest values the highest. */
static void write_peaks(const sw_metrics *const *workers, unsigned count, sw_buf *out)
{
    static const row PEAKS[] = {
        {"swell_guest_memory_peak_bytes", "gauge",
         "The most linear memory that one request's guest has had.",
         offsetof(sw_metrics, memory_peak)},
        {"swell_guest_host_memory_peak_bytes", "gauge",
         "The most memory that the host has needed for one guest.",
         offsetof(sw_metrics, host_memory_peak)},
    };
    for (size_t i = 0; i < sizeof PEAKS / sizeof PEAKS[0]; i++) {
        uint64_t peak = 0;
        for (unsigned k = 0; k < count; k++) {
            uint64_t value = sum(&workers[k], 1, PEAKS[i].offset);
            peak = SW_MAX(peak, value);
        }
        write_head(out, PEAKS[i].key, PEAKS[i].type, PEAKS[i].help);
        sw_buf_printf(out, "%s %" PRIu64 "\n", PEAKS[i].key, peak);
    }
}

static const row HISTOGRAMS[] = {
    {"swell_request_seconds", "histogram", "Time from the first byte of a request to its end.",
     offsetof(sw_metrics, times)},
    {"swell_guest_seconds", "histogram",
     "Time from the start of a request's guest to its return, waiting included.",
     offsetof(sw_metrics, guest_times)},
    {"swell_queue_seconds", "histogram", "Time that requests waited for a place among the running.",
     offsetof(sw_metrics, waits)},
};

static void write_histogram(const sw_metrics *const *workers, unsigned count, const row *r,
                            sw_buf *out)
{
    uint64_t total = 0;
    size_t buckets = r->offset + offsetof(sw_histogram, buckets);
    write_head(out, r->key, r->type, r->help);
    for (unsigned i = 0; i < SW_METRICS_BUCKETS; i++) {
        total += sum(workers, count, buckets + i * sizeof(sw_counter));
        if (i < SW_METRICS_BUCKETS - 1) {
            sw_buf_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", r->key,
                          (double)BOUNDS_US[i] / 1e6, total);
        } else {
            sw_buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", r->key, total);
        }
    }
    uint64_t us = sum(workers, count, r->offset + offsetof(sw_histogram, sum_us));
    sw_buf_printf(out, "%s_sum %.6f\n%s_count %" PRIu64 "\n", r->key, (double)us / 1e6, r->key,
                  total);
}

void sw_metrics_write(const sw_metrics *const *workers, unsigned count, sw_buf *out)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        write_head(out, ROWS[i].key, ROWS[i].type, ROWS[i].help);
        sw_buf_printf(out, "%s %" PRIu64 "\n", ROWS[i].key, sum(workers, count, ROWS[i].offset));
    }
    for (size_t i = 0; i < sizeof HTTP_ROWS / sizeof HTTP_ROWS[0]; i++) {
        const row *r = &HTTP_ROWS[i];
        write_head(out, r->key, r->type, r->help);
        sw_buf_printf(out, "%s %" PRIu64 "\n", r->key, sum_http(workers, count, r->offset));
    }
    write_refusals(workers, count, out);
    write_answers(workers, count, out);
    write_peaks(workers, count, out);
    for (size_t i = 0; i < sizeof HISTOGRAMS / sizeof HISTOGRAMS[0]; i++) {
        write_histogram(workers, count, &HISTOGRAMS[i], out);
    }
}
