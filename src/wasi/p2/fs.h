/* What the two halves of wasi:filesystem 0.2 share: descriptor.c and path.c. */
#pragma once

#include "base/map.h"
#include "wasi/p2/p2.h"
#include "wasi_filesystem_types.h"

/* Fills the side of a result that needs no value: leaves the function when outcome, an errno, is
 * not 0. */
#define P2_FINISH(outcome, ret)                     \
    do {                                            \
        int p2_err_ = (outcome);                    \
        (ret)->is_err = p2_err_ != 0;               \
        if (p2_err_ != 0) {                         \
            (ret)->err = sw_p2_error_code(p2_err_); \
            return SW_TRAP_NONE;                    \
        }                                           \
    } while (0)

SW_NODISCARD sw_trap sw_p2_get_descriptor(sw_host_call *call, uint32_t rep, p2_object **ret);

/* 0 or an errno. The empty root is a directory without contents. */
SW_NODISCARD int sw_p2_stat(const p2_object *d, struct stat *ret);

uint8_t sw_p2_type_of(mode_t mode);
sw_wasi_filesystem_types_descriptor_stat_t sw_p2_stat_of(const struct stat *st);
sw_wasi_filesystem_types_metadata_hash_value_t sw_p2_hash_of(const struct stat *st);

/* 0, or EINVAL for a time that the system cannot express. */
SW_NODISCARD int sw_p2_times_from(const sw_wasi_filesystem_types_new_timestamp_t *access,
                                  const sw_wasi_filesystem_types_new_timestamp_t *modification,
                                  struct timespec ret[2]);
