/*
 * Who one is at a registry: the files and helpers that other tools have filled.
 *
 * Looked at in this order; the first that knows the registry counts:
 *
 *     $REGISTRY_AUTH_FILE                          if it is set
 *     $XDG_RUNTIME_DIR/containers/auth.json        podman, skopeo, buildah
 *     ~/.config/containers/auth.json
 *     $DOCKER_CONFIG/config.json, else ~/.docker/config.json
 *
 * In a file: credHelpers of the registry, then `auths`, from the whole name up to the host, then
 * credsStore. A helper is the program docker-credential-NAME, which gets the host on its standard
 * input and 30 seconds. "Docker Hub" is https://index.docker.io/v1/ in all of them.
 */
#pragma once

#include "base/arena.h"
#include "registry/reference.h"

typedef struct sw_credentials {
    bool is_found;
    sw_str user, password; /* "" where there is only a token */
    sw_str identity_token; /* to be exchanged for others; "" */
    sw_str registry_token; /* to be sent as it is; "" */
} sw_credentials;

/* repository may be NULL. Not to find any is SW_OK. Texts lie in the arena, with NULs after them.
 */
SW_NODISCARD sw_status sw_credentials_find(const char *host, const char *repository,
                                           sw_arena *arena, sw_diag *diag, sw_credentials *ret);

/* Writes where Docker would: to the helper that its configuration names, or into the file (mode
 * 0600, replaced atomically, everything else in it kept); or into $REGISTRY_AUTH_FILE. *ret_where,
 * in the arena, names the file or helper. */
SW_NODISCARD sw_status sw_credentials_save(const char *host, sw_str user, sw_str password,
                                           sw_arena *arena, sw_diag *diag, sw_str *ret_where);

/* SW_NOT_FOUND when no file has any. All files are looked at. */
SW_NODISCARD sw_status sw_credentials_remove(const char *host, sw_arena *arena, sw_diag *diag);

/* Base 64 (RFC 4648, padded), in the arena; ptr NULL: out of memory, or for decode: malformed. */
sw_str sw_base64_encode(sw_str s, sw_arena *arena);
sw_str sw_base64_decode(sw_str s, sw_arena *arena);
