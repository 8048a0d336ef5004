/*
 * Manifests, indexes and configurations of OCI images and artifacts: read from hostile JSON,
 * written to the byte.
 *
 * What a WebAssembly artifact is (the layout that the CNCF's working group wrote down):
 *
 *     manifest  application/vnd.oci.image.manifest.v1+json
 *       config  application/vnd.wasm.config.v0+json    architecture, os, imports and exports
 *       layer   application/wasm                        exactly one: the component or module
 *
 * What else is read: the layer types of older tools (SW_PROGRAM_TYPES), and images that have a root
 * file system with the program in it, as builders of containers make them for platform wasi/wasm.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "registry/store.h"

#define SW_TYPE_MANIFEST        "application/vnd.oci.image.manifest.v1+json"
#define SW_TYPE_INDEX           "application/vnd.oci.image.index.v1+json"
#define SW_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define SW_TYPE_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define SW_TYPE_WASM_CONFIG     "application/vnd.wasm.config.v0+json"
#define SW_TYPE_IMAGE_CONFIG    "application/vnd.oci.image.config.v1+json"
#define SW_TYPE_WASM            "application/wasm"

enum {
    SW_MANIFEST_MAX_BYTES = 4 << 20, /* the specification's own bound */
    SW_CONFIG_MAX_BYTES = 8 << 20,
    SW_MANIFEST_MAX_LAYERS = 1000,
};

typedef struct sw_annotation {
    sw_str key, value;
} sw_annotation;

/* A layer, or an entry of an index. */
typedef struct sw_part {
    sw_content content;
    sw_str title;            /* annotation org.opencontainers.image.title */
    sw_str os, architecture; /* of an index's entry */
    sw_str artifact_type;
} sw_part;

typedef struct sw_manifest {
    bool is_index;
    sw_content config; /* of a manifest */
    sw_part *parts;    /* layers, or entries of an index */
    size_t parts_count;
    sw_annotation *annotations;
    size_t annotations_count;
} sw_manifest;

/* Texts lie in the arena, with NULs after them. media_type is what the registry said it is, or "".
 * SW_MALFORMED, SW_INVALID, SW_LIMIT. */
SW_NODISCARD sw_status sw_manifest_read(sw_bytes json, const char *media_type, sw_arena *arena,
                                        sw_diag *diag, sw_manifest *ret);

/* The entry of an index that is for wasm. */
SW_NODISCARD sw_status sw_manifest_choose(const sw_manifest *index, sw_diag *diag,
                                          const sw_part **ret);

/* Where the program is: a layer, or NULL when the layers are a root file system. */
SW_NODISCARD sw_status sw_manifest_program(const sw_manifest *m, sw_diag *diag,
                                           const sw_part **ret_layer);

/* The path of the entry point in an image's configuration, "" when there is none. */
SW_NODISCARD sw_status sw_image_entry(sw_bytes config_json, sw_arena *arena, sw_diag *diag,
                                      sw_str *ret_path);

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct sw_wasm_info {
    uint64_t created_s; /* since 1970 */
    sw_str author;      /* may be empty */
    bool is_component;
    const sw_str *imports, *exports; /* names of a component's */
    size_t imports_count, exports_count;
    sw_str target; /* the world, may be empty */
} sw_wasm_info;

/* "2026-01-02T03:04:05Z" */
void sw_time_print(uint64_t seconds, char out[32]);

void sw_wasm_config_write(sw_buf *out, const sw_wasm_info *info, const sw_digest *layer);
/* For registries that refuse the other: an ordinary image's configuration, platform wasi/wasm. */
void sw_image_config_write(sw_buf *out, const sw_wasm_info *info, const sw_digest *layer);
void sw_manifest_write(sw_buf *out, const sw_content *config, const sw_part *layers,
                       size_t layers_count, const sw_annotation *annotations,
                       size_t annotations_count);
