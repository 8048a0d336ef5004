/*
 * swell: the HTTP server. It runs a component that exports wasi:http/incoming-handler, a fresh
 * instance for every request, on one thread a core.
 *
 *     swell_server_new(engine, program, grants, &config, &error, &server);
 *     puts(swell_server_url(server, 0));
 *     swell_server_start(server, &error);
 *     poll(swell_server_ended_fd(server)) ...       swell_server_stop(server) from anywhere
 *     swell_server_free(server);
 *
 * Every limit is on unless it says otherwise; a member that is 0 stands for its default. While a
 * server runs, the signal SIGURG is its own.
 */
#pragma once

#include <swell/engine.h>
#include <swell/grants.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct swell_server swell_server;

typedef enum swell_access_log {
    SWELL_ACCESS_OFF,
    SWELL_ACCESS_TEXT, /* the common log format, and the time in seconds */
    SWELL_ACCESS_JSON, /* an object a line */
} swell_access_log;

/* Whole lines of accesses, failures, denials and of what guests write to their standard streams.
 * From any thread of the server, one call at a time; what it does, requests wait for. */
typedef void swell_server_log_fn(void *env, swell_str lines);

/* PEM files: the certificate with its chain after it; its key, without a passphrase. */
typedef struct swell_tls_cert {
    const char *cert_file;
    const char *key_file;
} swell_tls_cert;

typedef enum swell_tls_clients {
    SWELL_TLS_CLIENTS_ANY, /* are not asked for a certificate */
    SWELL_TLS_CLIENTS_MAY, /* show one, which must verify then */
    SWELL_TLS_CLIENTS_MUST,
} swell_tls_clients;

typedef struct swell_server_config {
    /* Where to listen. With neither addresses nor descriptors: 127.0.0.1:8080. */
    const char *const *listen; /* "127.0.0.1:8080", "[::1]:8080", "*:80"; port 0: any */
    size_t listen_count;
    const int *listen_fds; /* sockets that listen already; taken over */
    size_t listen_fds_count;
    const char *admin; /* where /metrics, /healthz and /readyz are answered; NULL: nowhere */
    unsigned workers;  /* threads; 0: one a core */

    /* TLS 1.2 and 1.3 on all of the above but admin, HTTP/2 and 1.1 in it; none without
     * certificates. A client gets the certificate for the name it asks for, else the first. The
     * files are read again by a reload; all of this must outlive the server. */
    const swell_tls_cert *tls_certs;
    size_t tls_certs_count;
    const char *tls_client_ca_file; /* who may have issued clients' certificates */
    swell_tls_clients tls_clients;
    /* How these files are opened, as open(2) for reading, errno included; NULL: by just that. For
     * processes that may not open them any more when they are reloaded. */
    int (*open_file)(void *env, const char *path);
    void *open_file_env;

    /* A request's guest. */
    uint64_t timeout_ns;       /* 30 s from the end of the head to the guest's return */
    uint64_t max_memory_bytes; /* 256 MiB */
    uint64_t max_host_bytes;   /* 64 MiB, what the host allocates for it */
    uint64_t stack_bytes;      /* 8 MiB */
    uint32_t reuse;            /* 1; requests that an instance serves, one after the other */

    /* All requests together. */
    uint32_t max_connections;   /* 20,000 */
    uint32_t max_requests;      /* 1,000 at a time */
    uint32_t max_queue;         /* 1,000 more wait; others get 503 */
    uint64_t queue_timeout_ns;  /* 5 s */
    uint64_t max_buffers_bytes; /* 512 MiB for connections and bodies */
    uint64_t drain_timeout_ns;  /* 30 s for what runs when the server is stopped */

    /* A peer. */
    uint32_t max_head_bytes;      /* of a request's head; 431 */
    uint32_t max_fields;          /* 431 */
    uint32_t max_streams;         /* 128; requests at a time on a connection of HTTP/2 */
    uint64_t max_body_bytes;      /* of a request's body; 413 */
    uint64_t head_timeout_ns;     /* from a head's first byte to its last; 408 */
    uint64_t body_timeout_ns;     /* between two reads of a body; 408 */
    uint64_t idle_timeout_ns;     /* of a connection between requests */
    uint64_t write_timeout_ns;    /* without any progress of an answer */
    uint32_t connection_requests; /* on one connection, then it is closed; 0: no limit */

    uint32_t max_descriptors; /* 4,096 files and sockets of guests; at most a quarter of what the
                               * process may open */

    /* Requests that guests send. What a guest asks for can be shorter, not longer. */
    uint32_t max_outgoing;                 /* 1,000 connections, kept ones too */
    uint32_t max_outgoing_queue;           /* 1,000 requests that wait for one */
    uint64_t outgoing_connect_timeout_ns;  /* 10 s: name, connection and TLS */
    uint64_t outgoing_response_timeout_ns; /* 60 s from the request's end to the first byte */
    uint64_t outgoing_body_timeout_ns;     /* 60 s between two bytes of a body */
    uint64_t outgoing_idle_timeout_ns;     /* 30 s that a connection is kept */

    const char *name; /* of the program, for log lines; NULL: "guest"; must outlive the server */
    swell_access_log access_log;
    swell_server_log_fn *log; /* may be NULL */
    void *log_env;
    bool log_json;          /* what is not an access is an object a line, too */
    uint64_t max_log_bytes; /* 256 KiB that the guest of a request may log */

    /* Spans of requests, for a collector that speaks OTLP over HTTP. Without a URL there are none,
     * and W3C trace contexts only pass through. Lists are "key=value,key=value", values may be
     * percent-encoded. All must outlive the server. */
    const char *otlp_url;        /* "http://127.0.0.1:4318": they go to /v1/traces below it */
    const char *otlp_service;    /* service.name; NULL: that of the attributes, or name */
    const char *otlp_attributes; /* of the resource; may be NULL */
    const char *otlp_headers;    /* of requests to the collector; may be NULL */
    uint32_t trace_one_in;       /* 1; of the requests that bring no trace context one in so many is
                                  * sampled */
} swell_server_config;

/* Binds the addresses and makes the server, which does not run yet. grants are taken over, also on
 * failure; the streams in them are not used. The program is kept. config may be NULL. So may
 * program (and then grants): a process that gives up its rights in between brings one by
 * swell_server_reload before swell_server_start. */
SWELL_API swell_status swell_server_new(swell_engine *engine, swell_program *program,
                                        swell_grants *grants, const swell_server_config *config,
                                        swell_error *error, swell_server **ret_server);

/* "http://127.0.0.1:8080": the index-th place where it listens, NULL beyond the last. */
SWELL_API const char *swell_server_url(const swell_server *server, size_t index);
SWELL_API const char *swell_server_admin_url(const swell_server *server); /* NULL: none */

SWELL_API swell_status swell_server_start(swell_server *server, swell_error *error);

/* From any thread or signal handler. The first call lets what runs finish, for drain_timeout at
 * most; the second ends it. */
SWELL_API void swell_server_stop(swell_server *server);

/* A descriptor that becomes readable when a stopped server has ended. */
SWELL_API int swell_server_ended_fd(const swell_server *server);

/* Requests from now on run another program or have other grants (taken over, also on failure), new
 * connections get the certificates that the files hold now; no request is dropped. From one thread
 * at a time. */
SWELL_API swell_status swell_server_reload(swell_server *server, swell_program *program,
                                           swell_grants *grants, swell_error *error);

/* Stops at once what still runs. server may be NULL. */
SWELL_API void swell_server_free(swell_server *server);

#ifdef __cplusplus
}
#endif
