/* Unpacks gzip and zstd as a stream; what is neither goes through as it is. */
#pragma once

#include "base/span.h"
#include "base/status.h"

/* Takes pieces of what is unpacked; a failure ends the unpacking. */
typedef sw_status sw_unpack_fn(void *env, sw_bytes bytes);

/* The format is told by the first bytes. SW_LIMIT when more than 64 MiB and 200 times the packed
 * size come out, or 4 GiB. */
SW_NODISCARD sw_status sw_unpack(sw_bytes packed, sw_unpack_fn *fn, void *env, sw_diag *diag);
