/*
 * Names of artifacts in registries.
 *
 *     [oci://]HOST[:PORT]/NAME[/NAME...][:TAG][@sha256:HEX]
 *
 *     ghcr.io/acme/hello:1.0      a tag
 *     ghcr.io/acme/hello@sha256:...   a pin: the bytes are named, nobody can exchange them
 *     localhost:5000/hello        tag "latest"
 *     docker.io/nginx             "docker.io/library/nginx:latest", asked of registry-1.docker.io
 *
 * The host is never left out: a short name would mean another thing to another tool. The grammar is
 * the one of the OCI distribution specification 1.1; what it does not allow cannot leave the path
 * of a URL or of a file.
 */
#pragma once

#include "base/arena.h"
#include "base/sha256.h"
#include "base/status.h"

enum {
    SW_REF_HOST_MAX = 255,
    SW_REF_REPOSITORY_MAX = 255,
    SW_REF_TAG_MAX = 128,
    SW_REF_TEXT_MAX = 768, /* a whole reference with its NUL */
    SW_DIGEST_HEX = 2 * SW_SHA256_BYTES,
    SW_DIGEST_TEXT = 7 + SW_DIGEST_HEX, /* "sha256:" and the digits */
};

/* Of 32 bytes, always SHA-256: whatever else a registry offers is refused. */
typedef struct sw_digest {
    uint8_t bytes[SW_SHA256_BYTES];
} sw_digest;

typedef struct sw_reference {
    char host[SW_REF_HOST_MAX + 1];             /* in lower case, with ":PORT" where it was given */
    char repository[SW_REF_REPOSITORY_MAX + 1]; /* "acme/hello" */
    char tag[SW_REF_TAG_MAX + 1];               /* "" only where there is a digest */
    bool has_digest;
    sw_digest digest;
} sw_reference;

/* SW_ARGUMENT with what is wrong. */
SW_NODISCARD sw_status sw_reference_parse(sw_str text, sw_diag *diag, sw_reference *ret);

/* A host alone, as `login` takes it; "https://" and a trailing slash are put up with. */
SW_NODISCARD sw_status sw_reference_parse_host(sw_str text, sw_diag *diag,
                                               char ret_host[SW_REF_HOST_MAX + 1]);

/* The canonical form with a NUL, tag and digest as given. */
void sw_reference_print(const sw_reference *r, char out[SW_REF_TEXT_MAX]);

/* Whether a word that is no file stands for a reference: it begins with "oci://", or with a host
 * (that has a dot or a port, or is "localhost") and a slash, and parses. A name that ends like a
 * file of ours and has neither tag nor digest is a misspelt file. */
bool sw_reference_looks(sw_str text);

/* The machine itself: "localhost", 127.0.0.0/8, ::1, whatever the port. Plain HTTP is fine there.
 */
bool sw_reference_is_loopback(const char *host);

/* "sha256:..." in lower case, whole. False: another algorithm, or malformed. */
bool sw_digest_parse(sw_str text, sw_digest *ret);
void sw_digest_print(const sw_digest *d, char out[SW_DIGEST_TEXT + 1]);
sw_digest sw_digest_of(sw_bytes bytes);
bool sw_digest_eq(const sw_digest *a, const sw_digest *b);
