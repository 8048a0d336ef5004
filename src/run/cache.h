/*
 * The compile cache: compiled programs on disk, by what they were compiled from.
 *
 * An entry's key is the SHA-256 of the input together with this build's hash, which says what code
 * is made of it, on whatever processor; so an entry never needs to be invalidated. Entries appear
 * whole (written beside and renamed) and carry a checksum that is verified when they are opened: a
 * damaged one is removed and reported as missing. The directory is private (mode 0700) and must
 * belong to the user; anything else is refused. Processes may share it without further ado. When it
 * outgrows its cap, the entries used longest ago go first.
 *
 * A cache may be used from any thread.
 */
#pragma once

#include "code/image_file.h"

typedef struct sw_cache sw_cache;

typedef struct sw_cache_key {
    uint8_t bytes[32];
} sw_cache_key;

/* Makes the directory when missing. max_bytes 0: 1 GiB. Fails with SW_IO or SW_DENIED. */
SW_NODISCARD sw_status sw_cache_open(const char *dir, uint64_t max_bytes, sw_diag *diag,
                                     sw_cache **ret_cache);
void sw_cache_close(sw_cache *c); /* c may be NULL */

sw_cache_key sw_cache_key_of(sw_bytes input);

/* SW_NOT_FOUND when there is none that can be used. The file is the caller's to close. */
SW_NODISCARD sw_status sw_cache_find(sw_cache *c, const sw_cache_key *key, sw_image_file *ret_file);

/* Stores a whole file (as sw_image_file_end left it) and opens what was stored: mapping it is
 * cheaper than copying the bytes. Failing is no loss but time. */
SW_NODISCARD sw_status sw_cache_store(sw_cache *c, const sw_cache_key *key, sw_bytes file,
                                      sw_diag *diag, sw_image_file *ret_file);
