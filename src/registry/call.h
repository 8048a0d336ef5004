/* One request to a registry with all its attempts: authentication, redirects, pauses. */
#pragma once

#include "registry/challenge.h"
#include "registry/client.h"
#include "registry/credentials.h"

enum { SW_ENDPOINT_PREFIX_MAX = 255 };

/* Where a registry, or a mirror of it, is asked. */
typedef struct sw_endpoint {
    char host[SW_REF_HOST_MAX + 1];          /* as in references: what credentials are for */
    char origin[SW_REF_HOST_MAX + 16];       /* "https://registry-1.docker.io" */
    char prefix[SW_ENDPOINT_PREFIX_MAX + 2]; /* "cache/" before the names of repositories */
} sw_endpoint;

typedef struct sw_call {
    sw_transfer transfer;
    sw_client *client;
    const sw_endpoint *at;
    const char *repository;      /* NULL: of the registry itself */
    const char *actions;         /* "pull", "pull,push" */
    const char *from;            /* another repository to be read, or NULL */
    const sw_credentials *given; /* instead of looking them up */
    unsigned attempts_max, attempts, redirects, challenges;
    bool has_left;                 /* the origin: no credentials */
    char url[SW_TRANSFER_URL_MAX]; /* where it begins */
    char error_code[64];           /* of the registry's answer, "MANIFEST_UNKNOWN" */
    /* The end of a download: SW_TRANSFER_AGAIN for another attempt. May be NULL. */
    sw_transfer_verdict (*finish)(struct sw_call *call);
    void *finish_env;
    sw_status st; /* of the whole; the diag is the transfer's */
} sw_call;

/* To be cleared. The URL is the endpoint's, "/v2/", prefix, repository and the path that follows.
 */
SW_NODISCARD sw_status sw_call_init(sw_call *call, sw_client *c, const sw_endpoint *at,
                                    const char *repository, const char *actions, const char *method,
                                    const char *path, sw_diag *diag);
void sw_call_clear(sw_call *call);

/* Runs all side by side. A call that got an answer which is no reason to try again is SW_OK: its
 * status is the caller's to judge. The first failure ends all, and is returned. */
SW_NODISCARD sw_status sw_calls_run(sw_client *c, sw_call *const *calls, size_t count,
                                    sw_diag *diag);
SW_NODISCARD sw_status sw_call_run(sw_call *call, sw_diag *diag);

/* The failure that an unexpected answer is: its status, and the registry's words. */
sw_status sw_call_refused(sw_call *call, sw_diag *diag);

/* token.c: gets what the challenge of a 401 asks for, and sets the transfer's authorization. */
SW_NODISCARD sw_status sw_call_authorize(sw_call *call, sw_diag *diag);
/* What is known already; may set nothing. */
void sw_call_use_token(sw_call *call);
