/*
 * A client of the OCI distribution API (specification 1.1).
 *
 * Credentials are looked up once a registry asks for them (credentials.h), and tokens are kept as
 * long as the client. They go to the registry's own origin only, and to the token server that it
 * names: a redirect to another host is followed without them, one to another scheme never. Failures
 * of the network and the statuses 408, 429 and 5xx are tried again with growing pauses, or when
 * Retry-After says; what has come of a blob is kept, and only the rest is asked for.
 *
 * Mirrors are asked first where something is read, in their order, then the registry itself.
 */
#pragma once

#include "registry/manifest.h"
#include "registry/transfer.h"

typedef struct sw_client_options {
    const char *ca_file; /* NULL: the system's */
    bool insecure;       /* TLS certificates are not verified */
    bool plain_http;     /* HTTP without TLS; the machine itself is always asked so, unless there
                            is a ca_file, or insecure */
    const char *const *mirrors; /* "REGISTRY=HOST[:PORT][/PREFIX]" */
    size_t mirrors_count;
    unsigned attempts;  /* for each request; 0: 5 */
    uint64_t stall_ns;  /* without progress; 0: 30 s */
    size_t chunk_bytes; /* larger blobs are sent in such pieces; 0: 32 MiB */
    unsigned parallel;  /* blobs that are fetched at once; 0: 4 */
    void (*progress)(void *env, const sw_content *what, uint64_t done_bytes);
    void *progress_env;
} sw_client_options;

typedef struct sw_token sw_token;

typedef struct sw_client {
    sw_client_options options; /* what it points to is borrowed */
    sw_transfers transfers;    /* opened when the first request is made */
    sw_transfers tokens;       /* token servers, asked while others wait */
    sw_token *cache;           /* the newest first */
    sw_arena arena;            /* tokens */
    bool is_open;
} sw_client;

SW_NODISCARD sw_status sw_client_init(sw_client *c, const sw_client_options *options,
                                      sw_diag *diag);
void sw_client_clear(sw_client *c);

/* The manifest that a reference names (its digest, else its tag), verified. Bytes lie in the arena.
 */
SW_NODISCARD sw_status sw_client_get_manifest(sw_client *c, const sw_reference *r, sw_arena *arena,
                                              sw_diag *diag, sw_bytes *ret_bytes, sw_content *ret);

/* Brings blobs of a repository into the store, each verified. */
SW_NODISCARD sw_status sw_client_get_blobs(sw_client *c, const sw_reference *r,
                                           const sw_store_dir *store, const sw_content *blobs,
                                           size_t count, sw_diag *diag);

/* Sends a blob unless it is there. from, or NULL: a repository of the same registry that has it. */
SW_NODISCARD sw_status sw_client_put_blob(sw_client *c, const sw_reference *r,
                                          const sw_content *blob, sw_bytes bytes, const char *from,
                                          sw_diag *diag);

/* Whether a blob need not be sent: it is there, or could be taken over from another repository. */
SW_NODISCARD sw_status sw_client_has_blob(sw_client *c, const sw_reference *r,
                                          const sw_content *blob, const char *from, sw_diag *diag,
                                          bool *ret_has);

/* Under the tag, or its digest when the reference has no tag. *ret_is_refused: the registry does
 * not take such a manifest (MANIFEST_INVALID and the like), as distinct from any other failure; may
 * be NULL. */
SW_NODISCARD sw_status sw_client_put_manifest(sw_client *c, const sw_reference *r,
                                              const char *media_type, sw_bytes bytes, sw_diag *diag,
                                              bool *ret_is_refused);

/* Whether the registry takes these credentials. SW_DENIED: it does not. */
SW_NODISCARD sw_status sw_client_check_login(sw_client *c, const char *host, sw_str user,
                                             sw_str password, sw_diag *diag);
