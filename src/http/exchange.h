/*
 * One request and its response, whatever the protocol, on either side of it.
 *
 *                 protocol (h1, h2)                         handler (guest glue, server, client)
 *   server   request, in, in_trailers   ------------>   reads
 *            writes to the peer         <------------   response, out, out_trailers
 *   client   writes to the peer         <------------   request, out, out_trailers
 *            response, in, in_trailers  ------------>   reads
 *
 * `in` holds body bytes from the peer, `out` body bytes to the peer; both are bounded, and that is
 * the back-pressure: the protocol reads from the socket only while `in` has room, a guest that
 * writes waits while `out` has none. Nothing is sent before the end of the loop's turn, so that
 * head and first body bytes go out in one system call; and a body that is complete by then gets a
 * Content-Length without the handler's doing.
 *
 * The life of an exchange on a server: the protocol takes one, fills `request` and calls the
 * service's on_request. The handler calls respond once (informational before it as often as it
 * likes), writes `out` and finishes it, and calls release when it will not touch the exchange
 * again. The protocol calls the event on_end exactly once, when it has done with it: `error` tells
 * whether the response was sent whole. The exchange is used again after both release and on_end, in
 * either order; until release, heads, pipes and counts stay as they are. A handler that has
 * released may hear no event any more.
 *
 *   - handler releases without having responded: the peer gets 500 (or `fallback_status`)
 *   - handler releases with `out` unfinished: the connection (h2: the stream) is cut
 *   - the peer goes, time runs out: `in` fails with the code, `out` is closed, then on_end
 *   - the handler is not interested in the body: it closes its end of `in`; the rest is dropped
 *
 * On a client the handler makes the exchange, fills `request`, hands it to a connection, and hears
 * on_head when `response` is there; everything else is the same.
 *
 * All calls and events are on the loop's thread. An event may come from inside a call. From inside
 * a pipe's callback neither abort nor release may be called: defer a job.
 */
#pragma once

#include "http/message.h"

typedef struct sw_pipe sw_pipe;
typedef struct sw_exchange sw_exchange;
typedef struct sw_http_service sw_http_service;

/* Why an exchange failed: wasi:http's error codes, in the order of its variant. */
#define SW_HTTP_ERROR_MAP(X)                                        \
    X(DNS_TIMEOUT, "DNS-timeout")                                   \
    X(DNS_ERROR, "DNS-error")                                       \
    X(DESTINATION_NOT_FOUND, "destination-not-found")               \
    X(DESTINATION_UNAVAILABLE, "destination-unavailable")           \
    X(DESTINATION_IP_PROHIBITED, "destination-IP-prohibited")       \
    X(DESTINATION_IP_UNROUTABLE, "destination-IP-unroutable")       \
    X(CONNECTION_REFUSED, "connection-refused")                     \
    X(CONNECTION_TERMINATED, "connection-terminated")               \
    X(CONNECTION_TIMEOUT, "connection-timeout")                     \
    X(CONNECTION_READ_TIMEOUT, "connection-read-timeout")           \
    X(CONNECTION_WRITE_TIMEOUT, "connection-write-timeout")         \
    X(CONNECTION_LIMIT_REACHED, "connection-limit-reached")         \
    X(TLS_PROTOCOL_ERROR, "TLS-protocol-error")                     \
    X(TLS_CERTIFICATE_ERROR, "TLS-certificate-error")               \
    X(TLS_ALERT_RECEIVED, "TLS-alert-received")                     \
    X(REQUEST_DENIED, "HTTP-request-denied")                        \
    X(REQUEST_LENGTH_REQUIRED, "HTTP-request-length-required")      \
    X(REQUEST_BODY_SIZE, "HTTP-request-body-size")                  \
    X(REQUEST_METHOD_INVALID, "HTTP-request-method-invalid")        \
    X(REQUEST_URI_INVALID, "HTTP-request-URI-invalid")              \
    X(REQUEST_URI_TOO_LONG, "HTTP-request-URI-too-long")            \
    X(REQUEST_HEAD_SIZE, "HTTP-request-header-section-size")        \
    X(REQUEST_FIELD_SIZE, "HTTP-request-header-size")               \
    X(REQUEST_TRAILERS_SIZE, "HTTP-request-trailer-section-size")   \
    X(REQUEST_TRAILER_SIZE, "HTTP-request-trailer-size")            \
    X(RESPONSE_INCOMPLETE, "HTTP-response-incomplete")              \
    X(RESPONSE_HEAD_SIZE, "HTTP-response-header-section-size")      \
    X(RESPONSE_FIELD_SIZE, "HTTP-response-header-size")             \
    X(RESPONSE_BODY_SIZE, "HTTP-response-body-size")                \
    X(RESPONSE_TRAILERS_SIZE, "HTTP-response-trailer-section-size") \
    X(RESPONSE_TRAILER_SIZE, "HTTP-response-trailer-size")          \
    X(RESPONSE_TRANSFER_CODING, "HTTP-response-transfer-coding")    \
    X(RESPONSE_CONTENT_CODING, "HTTP-response-content-coding")      \
    X(RESPONSE_TIMEOUT, "HTTP-response-timeout")                    \
    X(UPGRADE_FAILED, "HTTP-upgrade-failed")                        \
    X(PROTOCOL_ERROR, "HTTP-protocol-error")                        \
    X(LOOP_DETECTED, "loop-detected")                               \
    X(CONFIGURATION_ERROR, "configuration-error")                   \
    X(INTERNAL_ERROR, "internal-error")

typedef enum sw_http_error {
#define X(name, text) SW_HTTP_E_##name,
    SW_HTTP_ERROR_MAP(X)
#undef X
        SW_HTTP_E_COUNT,
    SW_HTTP_E_NONE = SW_HTTP_E_COUNT
} sw_http_error;

sw_str sw_http_error_name(sw_http_error e);

#define SW_HTTP_LENGTH_UNKNOWN UINT64_MAX

/* What the handler wants to hear. Members may be NULL. */
typedef struct sw_exchange_events {
    void (*on_head)(sw_exchange *x);          /* client: `response` and in_length are there */
    void (*on_informational)(sw_exchange *x); /* client: `response` holds a status below 200 */
    void (*on_end)(sw_exchange *x);           /* the protocol has done; see `error` */
    /* Both sides have done, whoever released it: heads and counts may be read for the last time,
     * and nothing else done. Comes even to a handler that has released. */
    void (*on_over)(sw_exchange *x);
} sw_exchange_events;

/* Left with an exchange by somebody who is neither handler nor protocol: `over` is called once, at
 * the same time as on_over and after it. */
typedef struct sw_exchange_note {
    void (*over)(struct sw_exchange_note *note, const sw_exchange *x);
} sw_exchange_note;

/* What the protocol does. Handlers use the functions below. */
typedef struct sw_exchange_ops {
    void (*respond)(sw_exchange *x);
    void (*informational)(sw_exchange *x, uint16_t status, const sw_http_fields *fields);
    void (*want_body)(sw_exchange *x);
    void (*abort)(sw_exchange *x, sw_http_error why);
    void (*release)(sw_exchange *x); /* the handler has let go */
} sw_exchange_ops;

struct sw_exchange {
    const sw_exchange_ops *ops;
    const sw_exchange_events *events; /* the handler's; set in on_request, or before sending */
    void *arg;                        /* the handler's */
    sw_exchange_note *note;           /* NULL: none */
    sw_http_service *service;         /* NULL on a client */
    void *connection;                 /* the protocol's */
    void *peer;                       /* as given to sw_http_serve; NULL on a client */

    sw_http_head request, response;
    sw_http_fields in_trailers;  /* complete when `in` is finished */
    sw_http_fields out_trailers; /* the handler's, set before it finishes `out`; sent if not empty
                                  * and the protocol can */
    sw_pipe *in, *out;           /* never NULL while the handler holds the exchange */
    uint64_t in_length;          /* declared by the peer, or SW_HTTP_LENGTH_UNKNOWN */

    sw_http_error error;      /* the first; SW_HTTP_E_NONE: none */
    uint16_t fallback_status; /* of an answer that the handler did not give: 500 */
    bool has_responded;       /* the handler has called respond (h1 client: head was received) */
    bool has_ended;           /* on_end has been called */
    bool is_released;

    uint64_t start_ns, head_ns, end_ns; /* loop's clock: first byte read, responded, ended */
    uint64_t in_bytes, out_bytes;       /* body bytes so far */
    sw_exchange *next;                  /* of whoever holds it */
    void (*dispose)(sw_exchange *x);    /* its maker's: nobody uses it any more, nor its pipes */
    sw_budget *budget;                  /* borrowed */
};

/* What an exchange may hold. */
typedef struct sw_exchange_limits {
    uint32_t fields;     /* in each head, and in trailers */
    uint32_t head_bytes; /* of their text */
    uint32_t pipe_bytes; /* each way */
} sw_exchange_limits;

/* Empty, with pipes; `ops`, `events` and `arg` are the caller's to set. It frees itself when it is
 * disposed of. NULL: no memory. */
sw_exchange *sw_exchange_new(sw_budget *budget, const sw_exchange_limits *limits);

/* As new, for one that has been disposed of; its blocks are kept, unless they have grown large. */
void sw_exchange_renew(sw_exchange *x, const sw_exchange_limits *limits);

/* The end of one that has been disposed of, where dispose is not sw_exchange_new's own. */
void sw_exchange_free(sw_exchange *x);

/*
 * For the handler.
 */

/* Server: `response` is complete (status at least 200, fields without those of the connection; a
 * content-length is kept to). The body follows through `out`. Once. */
void sw_exchange_respond(sw_exchange *x);

/* Server: an answer in one call, for errors: text/plain, the body is `text`. Only before respond;
 * finishes `out`. Falls back to cutting the connection when there is no memory. */
void sw_exchange_respond_text(sw_exchange *x, uint16_t status, sw_str text);

/* Server, before respond: 100, 102, 103. fields may be NULL. Does nothing if the peer cannot have
 * it (HTTP/1.0). */
void sw_exchange_informational(sw_exchange *x, uint16_t status, const sw_http_fields *fields);

/* Server: the handler is about to read `in`. A peer that waits for "100 Continue" gets it now, also
 * in front of a response whose head has not left yet: handlers that answer while they read respond
 * first. Any number of times. */
void sw_exchange_want_body(sw_exchange *x);

/* Cuts the exchange: on_end comes (from inside), with `why`. Nothing after on_end. */
void sw_exchange_abort(sw_exchange *x, sw_http_error why);

void sw_exchange_release(sw_exchange *x);

/*
 * For protocols.
 */

/* Records the reason if it is the first and calls on_end; if there is a reason, `in` fails and
 * `out` is closed before. Once per exchange, by the protocol, which has forgotten it and its pipes
 * before the call: x may be gone after it. */
void sw_exchange_end(sw_exchange *x, sw_http_error why, uint64_t now_ns);
