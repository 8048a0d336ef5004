/* The server as its parts see it. */
#pragma once

#include "http/server/watchdog.h"
#include "http/server/worker.h"
#include "os/thread.h"

enum { SW_WORKERS_MAX = SW_PARALLEL_MAX, SW_SERVER_URL_BYTES = SW_LISTEN_TEXT_BYTES + 9 };

struct sw_server {
    sw_engine *engine; /* borrowed */
    sw_server_config config;
    sw_worker *workers; /* owned */
    unsigned workers_count;
    uint32_t worker_connections, worker_requests, worker_queue; /* shares of the limits */
    sw_http_client_limits worker_outgoing;
    char urls[SW_LISTENERS_MAX][SW_SERVER_URL_BYTES];
    size_t urls_count;
    sw_watchdog watchdog;
    struct sw_admin *admin; /* owned; NULL: none */
    struct sw_otlp *otlp;   /* owned; NULL: spans are not exported */
    pthread_mutex_t log_lock;
    atomic_uint workers_left; /* that have not ended */
    atomic_uint stops;        /* how often it was told to */
    int ended_fd;
    bool has_started;
    uint64_t start_ns;
};

/* Whether nobody has told it to stop. */
bool sw_server_is_ready(const sw_server *s);

/* Gives lines to the owner. */
void sw_server_log(sw_server *s, sw_str lines);
