#include "http/server/metrics.h"

#include <inttypes.h>

static const uint64_t BOUNDS_US[] = SW_METRICS_BOUNDS;
static_assert(sizeof BOUNDS_US / sizeof BOUNDS_US[0] == SW_METRICS_BUCKETS - 1, "one has no bound");

void sw_metrics_answer(sw_metrics *m, unsigned status, uint64_t time_ns)
{
    uint64_t us = time_ns / 1000;
    unsigned bucket = 0;
    while (bucket < SW_METRICS_BUCKETS - 1 && us > BOUNDS_US[bucket]) {
        bucket++;
    }
    sw_count(&m->answers[status < 600 ? status / 100 : 0], 1);
    sw_count(&m->buckets[bucket], 1);
    sw_count(&m->time_us, us);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static uint64_t sum(const sw_metrics *const *workers, unsigned count, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        const sw_counter *c = (const void *)((const char *)workers[i] + offset);
        total += atomic_load_explicit(c, memory_order_relaxed);
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
};

static void write_head(sw_buf *out, const char *key, const char *type, const char *help)
{
    sw_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", key, help, key, type);
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

static void write_times(const sw_metrics *const *workers, unsigned count, sw_buf *out)
{
    static const char *const KEY = "swell_request_seconds";
    uint64_t total = 0;
    write_head(out, KEY, "histogram", "Time from the first byte of a request to its end.");
    for (unsigned i = 0; i < SW_METRICS_BUCKETS; i++) {
        total += sum(workers, count, offsetof(sw_metrics, buckets) + i * sizeof(sw_counter));
        if (i < SW_METRICS_BUCKETS - 1) {
            sw_buf_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", KEY,
                          (double)BOUNDS_US[i] / 1e6, total);
        } else {
            sw_buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", KEY, total);
        }
    }
    sw_buf_printf(out, "%s_sum %.6f\n%s_count %" PRIu64 "\n", KEY,
                  (double)sum(workers, count, offsetof(sw_metrics, time_us)) / 1e6, KEY, total);
}

void sw_metrics_write(const sw_metrics *const *workers, unsigned count, sw_buf *out)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        write_head(out, ROWS[i].key, ROWS[i].type, ROWS[i].help);
        sw_buf_printf(out, "%s %" PRIu64 "\n", ROWS[i].key, sum(workers, count, ROWS[i].offset));
    }
    write_answers(workers, count, out);
    write_times(workers, count, out);
}
