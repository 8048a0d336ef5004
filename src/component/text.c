/*
 * Transcoding. One loop serves all pairs: it runs over ASCII in blocks, and decodes and encodes
 * scalar by scalar what is between. The compiler makes a copy of it for every pair.
 */
#include "component/text.h"

#include "base/utf8.h"

#define ALWAYS_INLINE __attribute__((always_inline)) static inline

enum { BLOCK = 8 };

ALWAYS_INLINE uint32_t load_unit(sw_text_form form, const uint8_t *p)
{
    return form == SW_TEXT_UTF16 ? (uint32_t)p[0] | (uint32_t)p[1] << 8 : p[0];
}

/* Length in bytes of the scalar at p, 0 if malformed. left is not 0. */
ALWAYS_INLINE size_t next_scalar(sw_text_form form, const uint8_t *p, size_t left, uint32_t *ret)
{
    if (form == SW_TEXT_LATIN1) {
        *ret = *p;
        return 1;
    }
    if (form == SW_TEXT_UTF8) {
        if (*p < 0x80) {
            *ret = *p;
            return 1;
        }
        return sw_utf8_decode((sw_bytes){p, left}, ret);
    }
    if (left < 2) {
        return 0;
    }
    uint32_t unit = load_unit(SW_TEXT_UTF16, p);
    if (unit < 0xd800 || unit > 0xdfff) {
        *ret = unit;
        return 2;
    }
    if (left < 4 || unit > 0xdbff) {
        return 0;
    }
    uint32_t low = load_unit(SW_TEXT_UTF16, p + 2);
    if (low < 0xdc00 || low > 0xdfff) {
        return 0;
    }
    *ret = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    return 4;
}

ALWAYS_INLINE size_t put_utf16(uint32_t c, uint8_t *dst, size_t room)
{
    uint32_t units = c > 0xffff ? 2 : 1;
    uint32_t first = c > 0xffff ? 0xd800 + ((c - 0x10000) >> 10) : c;
    uint32_t second = 0xdc00 + ((c - 0x10000) & 0x3ff);
    if (room < (size_t)2 * units) {
        return 0;
    }
    dst[0] = (uint8_t)first;
    dst[1] = (uint8_t)(first >> 8);
    if (units == 2) {
        dst[2] = (uint8_t)second;
        dst[3] = (uint8_t)(second >> 8);
    }
    return (size_t)2 * units;
}

/* Bytes written, 0 if the scalar does not fit. */
ALWAYS_INLINE size_t put_scalar(sw_text_form form, uint32_t c, uint8_t *dst, size_t room)
{
    if (form == SW_TEXT_UTF16) {
        return put_utf16(c, dst, room);
    }
    if (form == SW_TEXT_LATIN1) {
        if (c > 0xff || room == 0) {
            return 0;
        }
        *dst = (uint8_t)c;
        return 1;
    }
    uint8_t utf8[4];
    size_t len = sw_utf8_encode(c, utf8);
    if (len > room) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        dst[i] = utf8[i];
    }
    return len;
}

/* Whether the next BLOCK code units are ASCII. */
ALWAYS_INLINE bool is_ascii_block(sw_text_form form, const uint8_t *p)
{
    uint64_t a, b = 0;
    memcpy(&a, p, sizeof a);
    if (form == SW_TEXT_UTF16) {
        memcpy(&b, p + sizeof a, sizeof b);
        return ((a | b) & UINT64_C(0xff80ff80ff80ff80)) == 0;
    }
    return (a & UINT64_C(0x8080808080808080)) == 0;
}

ALWAYS_INLINE void put_ascii_block(sw_text_form from, const uint8_t *p, sw_text_form to,
                                   uint8_t *dst)
{
    size_t step = from == SW_TEXT_UTF16 ? 2 : 1;
    for (size_t i = 0; i < BLOCK; i++) {
        if (to == SW_TEXT_UTF16) {
            dst[2 * i] = p[i * step];
            dst[2 * i + 1] = 0;
        } else {
            dst[i] = p[i * step];
        }
    }
}

ALWAYS_INLINE size_t convert(sw_text_form from, sw_bytes src, sw_text_form to, uint8_t *dst,
                             size_t room)
{
    const size_t in_block = BLOCK * (size_t)sw_text_unit_bytes(from);
    const size_t out_block = BLOCK * (size_t)sw_text_unit_bytes(to);
    size_t in = 0, out = 0;
    while (in < src.len) {
        while (src.len - in >= in_block && room - out >= out_block &&
               is_ascii_block(from, src.ptr + in)) {
            put_ascii_block(from, src.ptr + in, to, dst + out);
            in += in_block;
            out += out_block;
        }
        uint32_t c = 0;
        size_t took = in < src.len ? next_scalar(from, src.ptr + in, src.len - in, &c) : 0;
        size_t put = took == 0 ? 0 : put_scalar(to, c, dst + out, room - out);
        if (put == 0) {
            return in == src.len ? out : SIZE_MAX;
        }
        in += took;
        out += put;
    }
    return out;
}

static size_t from_utf8(sw_bytes src, sw_text_form to, uint8_t *dst, size_t room)
{
    return to == SW_TEXT_UTF16 ? convert(SW_TEXT_UTF8, src, SW_TEXT_UTF16, dst, room)
                               : convert(SW_TEXT_UTF8, src, SW_TEXT_LATIN1, dst, room);
}

static size_t from_utf16(sw_bytes src, sw_text_form to, uint8_t *dst, size_t room)
{
    return to == SW_TEXT_UTF8 ? convert(SW_TEXT_UTF16, src, SW_TEXT_UTF8, dst, room)
                              : convert(SW_TEXT_UTF16, src, SW_TEXT_LATIN1, dst, room);
}

static size_t from_latin1(sw_bytes src, sw_text_form to, uint8_t *dst, size_t room)
{
    return to == SW_TEXT_UTF8 ? convert(SW_TEXT_LATIN1, src, SW_TEXT_UTF8, dst, room)
                              : convert(SW_TEXT_LATIN1, src, SW_TEXT_UTF16, dst, room);
}

size_t sw_text_convert(sw_text_form from, sw_bytes src, sw_text_form to, uint8_t *dst, size_t room)
{
    if (from == to) {
        if (src.len > room || !sw_text_valid(from, src)) {
            return SIZE_MAX;
        }
        if (src.len != 0) {
            memmove(dst, src.ptr, src.len);
        }
        return src.len;
    }
    switch (from) {
    case SW_TEXT_UTF8: return from_utf8(src, to, dst, room);
    case SW_TEXT_UTF16: return from_utf16(src, to, dst, room);
    case SW_TEXT_LATIN1: return from_latin1(src, to, dst, room);
    }
    return SIZE_MAX;
}

/* ---- Measuring ---------------------------------------------------------------------------------
 */

/* Bytes of the next BLOCK code units if they are ASCII, else 0. */
ALWAYS_INLINE size_t ascii_block_bytes(sw_text_form form, sw_bytes left)
{
    size_t bytes = BLOCK * (size_t)sw_text_unit_bytes(form);
    return left.len >= bytes && is_ascii_block(form, left.ptr) ? bytes : 0;
}

ALWAYS_INLINE bool measure(sw_text_form form, sw_bytes src, sw_text_measure *out)
{
    const uint32_t unit = sw_text_unit_bytes(form);
    sw_text_measure m = {};
    bool is_ascii = true, is_latin1 = true;
    for (size_t in = 0; in < src.len;) {
        uint32_t c = 0, chars = 1;
        size_t took = ascii_block_bytes(form, (sw_bytes){src.ptr + in, src.len - in});
        if (took != 0) {
            chars = BLOCK;
        } else {
            took = next_scalar(form, src.ptr + in, src.len - in, &c);
        }
        if (took == 0) {
            return false;
        }
        in += took;
        is_ascii = is_ascii && c < 0x80;
        is_latin1 = is_latin1 && c < 0x100;
        m.ascii_units += is_ascii ? (uint32_t)took / unit : 0;
        m.latin1_units += is_latin1 ? (uint32_t)took / unit : 0;
        m.latin1_chars += is_latin1 ? chars : 0;
        m.utf16_units += c > 0xffff ? 2 : chars;
        m.utf8_bytes += c < 0x80 ? chars : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    }
    *out = m;
    return true;
}

bool sw_text_measure_bytes(sw_text_form form, sw_bytes src, sw_text_measure *ret_measure)
{
    switch (form) {
    case SW_TEXT_UTF8: return measure(SW_TEXT_UTF8, src, ret_measure);
    case SW_TEXT_UTF16: return measure(SW_TEXT_UTF16, src, ret_measure);
    case SW_TEXT_LATIN1: return measure(SW_TEXT_LATIN1, src, ret_measure);
    }
    return false;
}

bool sw_text_valid(sw_text_form form, sw_bytes src)
{
    sw_text_measure m;
    switch (form) {
    case SW_TEXT_UTF8: return sw_utf8_valid(src);
    case SW_TEXT_UTF16: return measure(SW_TEXT_UTF16, src, &m);
    case SW_TEXT_LATIN1: return true;
    }
    return false;
}
