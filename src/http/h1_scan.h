/*
 * Looking through bytes, sixteen at a time where the processor can: the inner loops of h1_parse.
 *
 * All take a position and an end; copying ones write the same count of bytes to `to`, which must
 * have SW_H1_SLACK bytes of room behind its end.
 */
#pragma once

#include "http/message.h"

#if defined(__SSE2__)
#    include <emmintrin.h>
#endif

enum { SW_H1_SLACK = 16 };

#if defined(__SSE2__)

static inline __m128i sw_h1_load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void sw_h1_store(char *to, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)to, v);
}

/* Bytes within [low, high], both below 0x80, as 0xff. */
static inline __m128i sw_h1_between(__m128i v, char low, char high)
{
    return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8((char)(low - 1))),
                         _mm_cmpgt_epi8(_mm_set1_epi8((char)(high + 1)), v));
}

/* Bytes below `limit` (unsigned), as 0xff. */
static inline __m128i sw_h1_below(__m128i v, char limit)
{
    return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8((char)(limit - 1))), v);
}

#endif

/* Copies a value: up to the first control character that is not a tab. */
static inline const uint8_t *sw_h1_copy_value(const uint8_t *p, const uint8_t *end, char *to)
{
#if defined(__SSE2__)
    while (end - p >= 16) {
        const __m128i v = sw_h1_load(p);
        const __m128i is_tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
        const __m128i is_low = _mm_andnot_si128(is_tab, sw_h1_below(v, 0x20));
        const __m128i stops = _mm_or_si128(is_low, _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
        unsigned mask = (unsigned)_mm_movemask_epi8(stops);
        sw_h1_store(to, v);
        if (mask != 0) {
            return p + __builtin_ctz(mask);
        }
        p += 16;
        to += 16;
    }
#endif
    while (p < end && (sw_http_class[*p] & SW_HTTP_CLASS_VALUE) != 0) {
        *to++ = (char)*p++;
    }
    return p;
}

/* Copies a token in lower case. */
static inline const uint8_t *sw_h1_copy_name(const uint8_t *p, const uint8_t *end, char *to)
{
#if defined(__SSE2__)
    /* Letters, digits and '-' at once; other characters of a token are rare. */
    while (end - p >= 16) {
        const __m128i v = sw_h1_load(p);
        const __m128i is_upper = sw_h1_between(v, 'A', 'Z');
        const __m128i lower = _mm_or_si128(v, _mm_and_si128(is_upper, _mm_set1_epi8(0x20)));
        const __m128i is_other =
            _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('-')), sw_h1_between(v, '0', '9'));
        const __m128i fits = _mm_or_si128(sw_h1_between(lower, 'a', 'z'), is_other);
        unsigned mask = ~(unsigned)_mm_movemask_epi8(fits) & 0xffff;
        sw_h1_store(to, lower);
        if (mask != 0) {
            p += __builtin_ctz(mask);
            to += __builtin_ctz(mask);
            break;
        }
        p += 16;
        to += 16;
    }
#endif
    while (p < end && (sw_http_class[*p] & SW_HTTP_CLASS_TOKEN) != 0) {
        *to++ = (char)sw_http_lower[*p++];
    }
    return p;
}

/* Copies a request's target: up to a byte that cannot stand in one. *ret_is_ascii: no byte was
 * above 0x7f. */
static inline const uint8_t *sw_h1_copy_target(const uint8_t *p, const uint8_t *end, char *to,
                                               bool *ret_is_ascii)
{
    uint8_t all = 0;
#if defined(__SSE2__)
    while (end - p >= 16) {
        const __m128i v = sw_h1_load(p);
        const __m128i is_odd = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('#')),
                                            _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
        const __m128i is_high = _mm_cmplt_epi8(v, _mm_setzero_si128());
        const __m128i stops = _mm_or_si128(_mm_or_si128(sw_h1_below(v, 0x21), is_odd), is_high);
        unsigned mask = (unsigned)_mm_movemask_epi8(stops);
        sw_h1_store(to, v);
        if (mask != 0) {
            p += __builtin_ctz(mask);
            to += __builtin_ctz(mask);
            break;
        }
        p += 16;
        to += 16;
    }
#endif
    while (p < end && (sw_http_class[*p] & SW_HTTP_CLASS_PATH) != 0) {
        all |= *p;
        *to++ = (char)*p++;
    }
    *ret_is_ascii = all < 0x80;
    return p;
}
