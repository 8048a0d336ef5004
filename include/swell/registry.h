/*
 * swell: programs in OCI registries.
 *
 *     swell_registry *registry;
 *     swell_registry_new(&config, &error, &registry);
 *     swell_registry_pull(registry, swell_str_of("ghcr.io/acme/hello:1.0"), SWELL_PULL_MISSING,
 *                         &error, &pulled);
 *     swell_program_open(engine, pulled.path, NULL, &error, &program);
 *     swell_registry_free(registry);
 *
 * A reference is HOST[:PORT]/NAME[:TAG][@sha256:DIGEST], perhaps with "oci://" before it. The host
 * is never left out. Pulled programs are kept in a store on disk that processes share; every byte
 * is verified against its digest, each time. Credentials are those of Docker and Podman: their
 * files and helpers. Registries are asked over HTTPS, except for the machine itself.
 *
 * libcurl is loaded when a registry is asked for the first time: SWELL_UNSUPPORTED where it is not
 * installed. A registry belongs to one thread at a time.
 */
#pragma once

#include <swell/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct swell_registry swell_registry;

/* What goes on while blobs come and go: digest is "sha256:...". */
typedef struct swell_transfer {
    const char *digest;
    const char *media_type;
    uint64_t done_bytes, total_bytes;
} swell_transfer;
typedef void swell_transfer_fn(void *env, const swell_transfer *transfer);

/* Everything may be zero but the store. What is pointed to stays borrowed. */
typedef struct swell_registry_config {
    const char *store_dir;      /* made when missing */
    uint64_t store_max_bytes;   /* what was not used for longest goes beyond that; 0: 4 GiB */
    const char *ca_file;        /* certificates to trust instead of the system's */
    bool insecure;              /* do not verify certificates */
    bool plain_http;            /* HTTP without TLS, to any host */
    const char *const *mirrors; /* "REGISTRY=HOST[:PORT][/PREFIX]", asked first for what is read */
    size_t mirrors_count;
    unsigned attempts;    /* of each request; 0: 5 */
    uint64_t stall_ns;    /* without progress; 0: 30 s */
    uint64_t chunk_bytes; /* larger blobs are sent in such pieces; 0: 32 MiB */
    swell_transfer_fn *progress;
    void *progress_env;
} swell_registry_config;

SWELL_API swell_status swell_registry_new(const swell_registry_config *config, swell_error *error,
                                          swell_registry **ret_registry);
SWELL_API void swell_registry_free(swell_registry *registry);

/* Whether a word that names no file would be a reference: it begins with "oci://", or with a host
 * that has a dot or a port, or is "localhost". */
SWELL_API bool swell_is_reference(swell_str word);

typedef enum swell_pull {
    SWELL_PULL_MISSING, /* ask the registry only for what is not in the store */
    SWELL_PULL_ALWAYS,  /* ask where a tag leads to; a digest needs no asking once it is there */
    SWELL_PULL_NEVER,   /* SWELL_NOT_FOUND when it is not in the store */
} swell_pull;

typedef struct swell_pulled {
    char reference[768];  /* in full */
    char digest[72];      /* of the manifest or index: "sha256:..." */
    char program[72];     /* of the program */
    char media_type[128]; /* of the layer it was in */
    uint64_t size_bytes;  /* of the program */
    bool was_fetched;     /* anything came over the network */
    char path[4096];      /* of the program in the store: there while the registry is open */
} swell_pulled;

SWELL_API swell_status swell_registry_pull(swell_registry *registry, swell_str reference,
                                           swell_pull policy, swell_error *error,
                                           swell_pulled *ret_pulled);

typedef struct swell_annotation {
    swell_str key, value;
} swell_annotation;

/* Everything may be zero. */
typedef struct swell_push_options {
    swell_str title; /* of the layer: a file's name */
    swell_str author;
    uint64_t created_s; /* seconds since 1970; 0: now */
    const swell_annotation *annotations;
    size_t annotations_count;
} swell_push_options;

typedef struct swell_pushed {
    char reference[768];
    char digest[72];
    uint64_t size_bytes; /* of the program */
    bool fell_back;      /* the registry takes only ordinary images: pushed as one */
} swell_pushed;

/* Pushes a valid module or component as an artifact (config application/vnd.wasm.config.v0+json,
 * one layer application/wasm). options may be NULL. */
SWELL_API swell_status swell_registry_push(swell_registry *registry, swell_str reference,
                                           swell_bytes program, const swell_push_options *options,
                                           swell_error *error, swell_pushed *ret_pushed);

/* Copies an artifact or image with all it refers to; the digest stays. ret_digest has room for 72.
 */
SWELL_API swell_status swell_registry_copy(swell_registry *registry, swell_str from, swell_str to,
                                           swell_error *error, char *ret_digest);

/* Asks the registry whether it takes the credentials, then keeps them where Docker does, or in
 * $REGISTRY_AUTH_FILE. ret_where, with room for 4096, names the file or helper. */
SWELL_API swell_status swell_registry_login(swell_registry *registry, swell_str host,
                                            swell_str user, swell_str password, swell_error *error,
                                            char *ret_where);
SWELL_API swell_status swell_registry_logout(swell_registry *registry, swell_str host,
                                             swell_error *error);

#ifdef __cplusplus
}
#endif
