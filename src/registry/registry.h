/*
 * Programs from and for OCI registries: the store and the client brought together.
 *
 *     sw_registry reg;
 *     sw_registry_open(&reg, dir, 0, &options, &diag);
 *     sw_registry_pull(&reg, &reference, SW_PULL_MISSING, &diag, &program);
 *     ... program.path is a file of the store; as long as reg is open nobody clears it out ...
 *     sw_registry_close(&reg);
 *
 * What comes of a pull is verified, byte by byte, against digests from the manifest down; so is
 * what is in the store already, each time.
 */
#pragma once

#include "registry/client.h"

typedef struct sw_registry {
    sw_store_dir store;
    sw_client client;
    sw_arena arena; /* of one operation */
} sw_registry;

typedef enum sw_pull {
    SW_PULL_MISSING, /* the registry is asked only for what is not in the store */
    SW_PULL_ALWAYS,  /* where a tag leads to is asked each time; pins are as with MISSING */
    SW_PULL_NEVER,   /* SW_NOT_FOUND when it is not in the store */
} sw_pull;

typedef struct sw_pulled {
    sw_content image;   /* what the reference led to: a manifest, or an index */
    sw_content program; /* the type is the layer's; application/wasm from a root file system */
    char path[SW_STORE_PATH_MAX];
    bool was_fetched; /* anything came over the network */
} sw_pulled;

SW_NODISCARD sw_status sw_registry_open(sw_registry *r, const char *store_dir, uint64_t max_bytes,
                                        const sw_client_options *options, sw_diag *diag);
void sw_registry_close(sw_registry *r);

SW_NODISCARD sw_status sw_registry_pull(sw_registry *r, const sw_reference *from, sw_pull policy,
                                        sw_diag *diag, sw_pulled *ret);

/* Pushes a program as an artifact. title: of the layer, may be empty. Registries that refuse the
 * artifact's configuration get an ordinary image's. The reference has a tag and no digest. */
typedef struct sw_push {
    sw_bytes program;
    sw_wasm_info info;
    sw_str title;
    const sw_annotation *annotations;
    size_t annotations_count;
} sw_push;
SW_NODISCARD sw_status sw_registry_push(sw_registry *r, const sw_reference *to, const sw_push *what,
                                        sw_diag *diag, sw_content *ret_image, bool *ret_fell_back);

/* Copies an image with all that belongs to it, byte by byte, so that its digest stays: an index
 * with the images of all platforms. Within one registry, blobs are taken over rather than sent. */
SW_NODISCARD sw_status sw_registry_copy(sw_registry *r, const sw_reference *from,
                                        const sw_reference *to, sw_diag *diag,
                                        sw_content *ret_image);
