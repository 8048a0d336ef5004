/*
 * The HTTP server: components answer requests, each in a fresh instance.
 *
 * A server has WORKERS, one thread each, which share nothing on the path of a request: every worker
 * has its own listening sockets (the kernel spreads connections over them), event loop,
 * connections, seats and counters. A request stays where its connection was accepted.
 *
 *     accepted -> head read -> admitted -> a SEAT is taken -> instance made -> guest runs ->
 * answered |                                             | queued, or 503 waits on its own stack
 *
 * A SEAT is a store with its stack that serves one request after the other; what a guest leaves in
 * it is wiped in between, so that keeping seats is a matter of time only. An APP is what seats are
 * made for: a component, what it is linked with and granted. A reload gives the server another app;
 * requests that run keep theirs.
 *
 * Guests that compute for long (HOGS) run in slices, when nothing else could be done: see
 * server/schedule.h.
 */
#pragma once

#include "component/component.h"
#include "http/client.h"
#include "http/server/otlp.h"
#include "http/service.h"
#include "http/tls.h"
#include "wasi/wasi.h"

#include <stdatomic.h>

typedef struct sw_server sw_server;
typedef struct sw_app sw_app;

/* ---- Apps ------------------------------------------------------------------------------------ */

typedef struct sw_app_parts {
    sw_component *component; /* a reference, taken over; exports an incoming-handler */
    const sw_linker *linker; /* borrowed until on_free, as the rest */
    const sw_grants *grants; /* streams 1 and 2 are the server's, whatever is in here */
    sw_tls *tls;             /* connections that are accepted while the app is served speak TLS;
                              * NULL: cleartext */
    sw_tls *client_tls;      /* for requests to https servers; NULL: made when it is needed */
    bool reports_denials;    /* as log lines */
    void (*on_free)(void *arg);
    void *arg;
} sw_app_parts;

/* Counted; any thread. */
SW_NODISCARD sw_status sw_app_new(const sw_app_parts *parts, sw_app **ret_app);
sw_app *sw_app_ref(sw_app *a);
void sw_app_unref(sw_app *a); /* a may be NULL */

/* ---- Servers --------------------------------------------------------------------------------- */

typedef enum sw_access_log { SW_ACCESS_OFF, SW_ACCESS_TEXT, SW_ACCESS_JSON } sw_access_log;

/* Whole lines, each with its newline. From any worker's thread, one call at a time. */
typedef void sw_server_log_fn(void *env, sw_str lines);

typedef struct sw_server_config {
    const char *const
        *listen; /* "127.0.0.1:8080", "[::1]:0"; a port of 0 is chosen by the system */
    size_t listen_count;
    const int *listen_fds; /* listening sockets, taken over; shared by the workers */
    size_t listen_fds_count;
    const char *admin; /* address of /metrics, /healthz and /readyz, or NULL */
    bool has_tls;      /* apps have certificates */
    unsigned workers;  /* 0: one a core */
    sw_http_limits http;
    sw_store_limits store;  /* of a request */
    uint64_t timeout_ns;    /* of a request, from the end of its head to the guest's return */
    uint64_t queue_ns;      /* longest wait for a place among the running */
    uint64_t drain_ns;      /* after a stop, until what still runs is cut */
    uint32_t connections;   /* these four are for the whole server */
    uint32_t requests;      /* running */
    uint32_t queue;         /* waiting to run */
    uint64_t buffers_bytes; /* of connections and bodies */
    uint32_t descriptors;   /* files and sockets of guests */
    sw_http_client_limits outgoing; /* of all together; the times of each */
    uint32_t reuse;                 /* requests an instance serves one after the other: 1 */
    const char *name;               /* of what is served, for log lines */
    sw_access_log access;
    bool logs_json;        /* all lines but accesses, too */
    uint64_t log_bytes;    /* that the guest of a request may log */
    sw_server_log_fn *log; /* NULL: no log */
    void *log_env;
    sw_otlp_config otlp;   /* where spans go */
    uint32_t trace_one_in; /* of the requests that bring no context, this share is sampled */
} sw_server_config;

extern const sw_server_config SW_SERVER_CONFIG_DEFAULT;

/* Binds the addresses; from here on peers can connect, and wait. config is copied, but for what its
 * pointers show; app: the caller's reference is taken over, also on failure; NULL: one comes by
 * sw_server_reload, before the start. */
SW_NODISCARD sw_status sw_server_new(sw_engine *e, const sw_server_config *config, sw_app *app,
                                     sw_diag *diag, sw_server **ret_server);
/* "http://127.0.0.1:8080"; NULL beyond the last. */
const char *sw_server_url(const sw_server *s, size_t index);
const char *sw_server_admin_url(const sw_server *s); /* or NULL */

/* Starts the threads. */
SW_NODISCARD sw_status sw_server_start(sw_server *s, sw_diag *diag);

/* From any thread or signal handler: no new connections; what runs is finished, for drain_ns at
 * most. The second call cuts what is left. */
void sw_server_stop(sw_server *s);

/* Becomes readable when all workers have ended. */
int sw_server_ended_fd(const sw_server *s);

/* Requests that come after this are served by another app, whose reference is taken over. Any
 * thread, one at a time. */
void sw_server_reload(sw_server *s, sw_app *app);

/* Stops at once, waits for the threads, closes everything. s may be NULL. */
void sw_server_free(sw_server *s);
