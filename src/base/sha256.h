/*
 * SHA-256 (FIPS 180-4): names of artifacts and keys of the compile cache.
 *
 *     sw_sha256 s;
 *     sw_sha256_init(&s, (sw_cpu_features() & SW_CPU_SHA) != 0);
 *     sw_sha256_write(&s, bytes);                  as often as needed
 *     sw_sha256_finish(&s, digest);
 */
#pragma once

#include "span.h"

#define SW_SHA256_BYTES 32

typedef struct sw_sha256 {
    uint32_t h[8];
    uint64_t total_bytes;
    uint8_t block[64]; /* what does not fill a block yet: total_bytes % 64 of it */
    bool accelerated;
} sw_sha256;

/* accelerated: the processor has the SHA instructions; ignored where the code has none. */
void sw_sha256_init(sw_sha256 *s, bool accelerated);
void sw_sha256_write(sw_sha256 *s, sw_bytes bytes);
void sw_sha256_finish(sw_sha256 *s, uint8_t ret_digest[SW_SHA256_BYTES]);

/* Lower-case hexadecimal with a NUL. */
void sw_sha256_hex(const uint8_t digest[SW_SHA256_BYTES], char out[2 * SW_SHA256_BYTES + 1]);

static inline void sw_sha256_of(sw_bytes bytes, bool accelerated,
                                uint8_t ret_digest[SW_SHA256_BYTES])
{
    sw_sha256 s;
    sw_sha256_init(&s, accelerated);
    sw_sha256_write(&s, bytes);
    sw_sha256_finish(&s, ret_digest);
}
