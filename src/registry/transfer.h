/*
 * HTTP exchanges over libcurl, any number side by side. What an answer means is the client's
 * business (client.h); here are only bytes, their limits, and the failures of the network.
 *
 * Redirects are never followed here. Every answer is bounded: its head by 64 KiB, its body by what
 * the request says, and both by a time without progress.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "registry/curl.h"
#include "registry/store.h"

enum {
    SW_TRANSFER_HEAD_MAX = 64 << 10,
    SW_TRANSFER_ERROR_MAX = 64 << 10,
    SW_TRANSFER_URL_MAX = 8192
};

typedef struct sw_transfer_options {
    const char *ca_file; /* NULL: the system's; borrowed */
    bool insecure;       /* certificates are not verified */
    uint64_t stall_ns;   /* without progress */
    /* Called now and then with what has come and gone of one transfer. May be NULL. */
    void (*progress)(void *env, void *tag, uint64_t done_bytes);
    void *progress_env;
} sw_transfer_options;

typedef struct sw_transfers {
    const sw_curl *curl;
    sw_transfer_options options;
    CURLM *multi; /* owned; keeps connections */
} sw_transfers;

/* The fields of an answer that anybody here asks for. */
typedef enum sw_answer_field {
    SW_ANSWER_AUTHENTICATE, /* several are joined by ", " */
    SW_ANSWER_LOCATION,
    SW_ANSWER_DIGEST, /* Docker-Content-Digest */
    SW_ANSWER_TYPE,
    SW_ANSWER_RETRY_AFTER,
    SW_ANSWER_CONTENT_RANGE,
    SW_ANSWER_RANGE,
    SW_ANSWER_FIELDS,
} sw_answer_field;

typedef struct sw_transfer sw_transfer;
struct sw_transfer {
    /* What is asked: set by the caller, and borrowed until it is over. */
    const char *method; /* GET, HEAD, PUT, POST, PATCH */
    char url[SW_TRANSFER_URL_MAX];
    const char *authorization; /* "Basic ...", or NULL */
    const char *accept, *content_type, *content_range;
    sw_bytes body;          /* of PUT, POST and PATCH */
    size_t max_bytes;       /* of the answer's body in memory */
    sw_partial *sink;       /* where it goes instead when the status is 200 or 206; NULL: memory */
    void *tag;              /* for progress */
    uint64_t not_before_ns; /* monotonic: when to begin */

    /* The answer. */
    unsigned status;                 /* 0: none */
    sw_str fields[SW_ANSWER_FIELDS]; /* in the arena; empty: not there */
    sw_buf answer;                   /* owned */
    bool is_network_failure;         /* worth another attempt */
    sw_status st;                    /* SW_OK: there is an answer */
    sw_diag diag;

    /* Inside. */
    sw_transfers *all;
    sw_arena arena;
    CURL *easy;
    struct curl_slist *head;
    size_t head_bytes, sent_bytes;
    uint64_t reported_bytes;
    bool is_active, is_over;
    char error[CURL_ERROR_SIZE];
};

SW_NODISCARD sw_status sw_transfers_init(sw_transfers *t, const sw_transfer_options *options,
                                         sw_diag *diag);
void sw_transfers_clear(sw_transfers *t);

void sw_transfer_init(sw_transfer *t);
void sw_transfer_clear(sw_transfer *t);

/* What the caller makes of an answer: SW_TRANSFER_AGAIN after it has changed the request. */
typedef enum sw_transfer_verdict {
    SW_TRANSFER_DONE,
    SW_TRANSFER_AGAIN,
    SW_TRANSFER_STOP, /* this one failed, and nothing else matters any more */
} sw_transfer_verdict;
typedef sw_transfer_verdict sw_transfer_fn(void *env, sw_transfer *t);

/* Runs all, at most `parallel` of them at a time, until fn has called each done or one has stopped
 * them. fn may run others meanwhile, on another sw_transfers. */
SW_NODISCARD sw_status sw_transfers_run(sw_transfers *t, sw_transfer *const *all, size_t count,
                                        unsigned parallel, sw_transfer_fn *fn, void *env,
                                        sw_diag *diag);
