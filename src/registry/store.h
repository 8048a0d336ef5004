/*
 * The content store: what has been pulled or pushed, on disk, shared by processes.
 *
 *     DIR/blobs/sha256/HEX        manifests, configurations, programs; named by what they are
 *     DIR/tags/HOST/NAME/:TAG     "sha256:HEX SIZE TYPE": where a tag led when it was last asked
 *     DIR/programs/HEX            digest of the program that was taken out of the image HEX
 *     DIR/partial/HEX             what has come of a blob so far
 *     DIR/lock                    shared by who uses the store, exclusive to who clears out
 *
 * A file appears whole by a rename, or not at all. What is read is verified against its name, and
 * removed when it does not match. Blobs that have not been used for longest go when the store has
 * grown past its size; a tag whose blob has gone is as good as not there.
 */
#pragma once

#include "os/file.h"
#include "registry/reference.h"

#define SW_STORE_MAX_DEFAULT (UINT64_C(4) << 30)
#define SW_BLOB_MAX_BYTES    (UINT64_C(1) << 30)

enum { SW_STORE_PATH_MAX = 4096, SW_MEDIA_TYPE_MAX = 127 };

typedef struct sw_store_dir {
    char path[SW_STORE_PATH_MAX - 1024];
    int lock_fd; /* -1: closed */
    uint64_t max_bytes;
} sw_store_dir;

/* What a descriptor of OCI says. */
typedef struct sw_content {
    sw_digest digest;
    uint64_t size_bytes;
    char media_type[SW_MEDIA_TYPE_MAX + 1];
} sw_content;

/* Makes the directory when it is not there. max_bytes 0: the default. */
SW_NODISCARD sw_status sw_store_dir_open(sw_store_dir *ret, const char *path, uint64_t max_bytes,
                                         sw_diag *diag);
void sw_store_dir_close(sw_store_dir *s);

/* Where a blob lies, or would. */
void sw_store_blob_path(const sw_store_dir *s, const sw_digest *d, char out[SW_STORE_PATH_MAX]);

/* Whether it is there with this size; nothing is read. */
bool sw_store_has(const sw_store_dir *s, const sw_digest *d, uint64_t size_bytes);

/* Maps a blob and verifies it. SW_NOT_FOUND when it is not there, or was damaged and is removed. */
SW_NODISCARD sw_status sw_store_read(const sw_store_dir *s, const sw_digest *d, uint64_t max_bytes,
                                     sw_file_data *ret, sw_diag *diag);

/* Puts bytes in under their digest. */
SW_NODISCARD sw_status sw_store_write(const sw_store_dir *s, sw_bytes bytes, sw_diag *diag,
                                      sw_digest *ret_digest);

/* Tags of references (their digests are ignored). */
SW_NODISCARD sw_status sw_store_tag_write(const sw_store_dir *s, const sw_reference *r,
                                          const sw_content *c, sw_diag *diag);
SW_NODISCARD sw_status sw_store_tag_read(const sw_store_dir *s, const sw_reference *r,
                                         sw_diag *diag, sw_content *ret);

/* The program of an image. */
SW_NODISCARD sw_status sw_store_program_write(const sw_store_dir *s, const sw_digest *image,
                                              const sw_content *program, sw_diag *diag);
bool sw_store_program_read(const sw_store_dir *s, const sw_digest *image, sw_content *ret);

/* ---- Blobs that arrive bit by bit ------------------------------------------------------------ */

typedef struct sw_partial {
    const sw_store_dir *store;
    sw_content want;
    int fd;         /* locked */
    uint64_t bytes; /* that have come */
    sw_sha256 hash; /* of them */
} sw_partial;

/* Waits for whoever fetches the same blob. SW_OK with *ret_is_there when it need not be fetched.
 * What an earlier attempt left is read again for the hash; go on behind it. */
SW_NODISCARD sw_status sw_partial_open(const sw_store_dir *s, const sw_content *want, sw_diag *diag,
                                       sw_partial *ret, bool *ret_is_there);
SW_NODISCARD sw_status sw_partial_write(sw_partial *p, sw_bytes bytes, sw_diag *diag);
/* Begins again. */
SW_NODISCARD sw_status sw_partial_reset(sw_partial *p, sw_diag *diag);
/* Verifies and moves it to its place; a wrong one is removed: SW_INVALID. Closes in any case. */
SW_NODISCARD sw_status sw_partial_finish(sw_partial *p, sw_diag *diag);
/* Leaves what has come, if anything, for another attempt. */
void sw_partial_close(sw_partial *p);

/* Removes what has not been used for longest until the store is 3/4 of its size, if it is beyond
 * that and no other process uses it, and what was left of transfers a day ago. ret_removed may be
 * NULL. The caller may have the store open; its lock is given up and taken again. */
SW_NODISCARD sw_status sw_store_collect(sw_store_dir *s, sw_diag *diag,
                                        uint64_t *ret_removed_bytes);
