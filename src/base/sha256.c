#include "sha256.h"

#if defined(__x86_64__)
#    include <immintrin.h>
#endif

// clang-format off
static const uint32_t K[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
// clang-format on

static uint32_t rotate(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

static uint32_t load_be(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return __builtin_bswap32(x);
}

/* Word i of the schedule, which keeps only the last sixteen. */
static inline uint32_t next_word(uint32_t w[16], unsigned i)
{
    uint32_t a = w[(i + 1) % 16], b = w[(i + 14) % 16];
    uint32_t s0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3;
    uint32_t s1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
    return w[i % 16] += s0 + w[(i + 9) % 16] + s1;
}

/* Round i. Instead of moving the eight variables along, their names rotate: V(0) is a, V(7) h. */
static inline void one_round(uint32_t v[8], unsigned i, uint32_t kw)
{
#define V(n) v[((n) - i) % 8]
    uint32_t s1 = rotate(V(4), 6) ^ rotate(V(4), 11) ^ rotate(V(4), 25);
    uint32_t choice = V(6) ^ (V(4) & (V(5) ^ V(6)));
    uint32_t t1 = V(7) + s1 + choice + kw;
    uint32_t s0 = rotate(V(0), 2) ^ rotate(V(0), 13) ^ rotate(V(0), 22);
    uint32_t majority = (V(0) & V(1)) ^ (V(2) & (V(0) ^ V(1)));
    V(3) += t1;
    V(7) = t1 + s0 + majority;
#undef V
}

static void portable_blocks(uint32_t h[8], const uint8_t *p, size_t count)
{
    for (; count != 0; count--, p += 64) {
        uint32_t w[16], v[8];
        memcpy(v, h, sizeof v);
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++) {
            w[i] = load_be(p + (size_t)4 * i);
            one_round(v, i, K[i] + w[i]);
        }
        for (unsigned from = 16; from < 64; from += 16) {
#pragma GCC unroll 16
            for (unsigned i = 0; i < 16; i++) {
                one_round(v, i, K[from + i] + next_word(w, i));
            }
        }
        for (unsigned i = 0; i < 8; i++) {
            h[i] += v[i];
        }
    }
}

#if defined(__x86_64__)
/* The instructions keep the eight words as two vectors, {a, b, e, f} and {c, d, g, h}, high lane
 * first, and do four rounds a step; the next four words of the schedule replace the oldest. */
__attribute__((target("sha,sse4.1"))) static void sha_blocks(uint32_t h[8], const uint8_t *p,
                                                             size_t count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)h);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(h + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; count != 0; count--, p += 64) {
        __m128i abef_before = abef, cdgh_before = cdgh, w[4];
        for (unsigned i = 0; i < 4; i++) {
            const void *at = p + (size_t)16 * i;
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)at), swap);
        }
#    pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++) {
            __m128i k = _mm_load_si128((const __m128i *)(const void *)(K + (size_t)4 * i));
            __m128i wk = _mm_add_epi32(w[i % 4], k);
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
            if (i < 12) {
                __m128i next = _mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]);
                next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4));
                w[i % 4] = _mm_sha256msg2_epu32(next, w[(i + 3) % 4]);
            }
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#endif

static void blocks(sw_sha256 *s, const uint8_t *p, size_t count)
{
#if defined(__x86_64__)
    if (s->accelerated) {
        sha_blocks(s->h, p, count);
        return;
    }
#endif
    portable_blocks(s->h, p, count);
}

void sw_sha256_init(sw_sha256 *s, bool accelerated)
{
    *s = (sw_sha256){
        .h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
              0x5be0cd19},
        .accelerated = accelerated
    };
}

void sw_sha256_write(sw_sha256 *s, sw_bytes bytes)
{
    size_t used = s->total_bytes % 64;
    s->total_bytes += bytes.len;
    if (used != 0) {
        size_t part = SW_MIN(64 - used, bytes.len);
        memcpy(s->block + used, bytes.ptr, part);
        bytes = sw_bytes_slice(bytes, part, bytes.len - part);
        if (used + part < 64) {
            return;
        }
        blocks(s, s->block, 1);
    }
    size_t whole = bytes.len & ~(size_t)63;
    if (whole != 0) {
        blocks(s, bytes.ptr, whole / 64);
        bytes = sw_bytes_slice(bytes, whole, bytes.len - whole);
    }
    if (bytes.len != 0) {
        memcpy(s->block, bytes.ptr, bytes.len);
    }
}

void sw_sha256_finish(sw_sha256 *s, uint8_t ret_digest[SW_SHA256_BYTES])
{
    uint8_t tail[128] = {};
    size_t used = s->total_bytes % 64;
    size_t len = used < 56 ? 64 : 128;
    memcpy(tail, s->block, used);
    tail[used] = 0x80;
    uint64_t bits = __builtin_bswap64(s->total_bytes * 8);
    memcpy(tail + len - 8, &bits, sizeof bits);
    blocks(s, tail, len / 64);
    for (unsigned i = 0; i < 8; i++) {
        uint32_t word = __builtin_bswap32(s->h[i]);
        memcpy(ret_digest + (size_t)4 * i, &word, sizeof word);
    }
}

void sw_sha256_hex(const uint8_t digest[SW_SHA256_BYTES], char out[2 * SW_SHA256_BYTES + 1])
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < SW_SHA256_BYTES; i++) {
        out[2 * i] = DIGITS[digest[i] >> 4];
        out[2 * i + 1] = DIGITS[digest[i] & 15];
    }
    out[2 * SW_SHA256_BYTES] = '\0';
}
