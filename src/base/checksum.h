/*
 * A fast 64-bit checksum: tells a damaged file of the compile cache from a whole one. It is no
 * protection against somebody who wants to make two files with the same sum; that is sha256.h.
 * The sum is the same on every little-endian machine and is stored in files: it does not change.
 */
#pragma once

#include "span.h"

uint64_t sw_checksum(sw_bytes bytes);
