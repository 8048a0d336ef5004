#include "utf8.h"

/* One row per lead byte class: RFC 3629 table "Syntax of UTF-8 Byte Sequences". */
typedef struct lead {
    uint8_t first, last;            /* range of the lead byte */
    uint8_t length;                 /* of the sequence */
    uint8_t second_min, second_max; /* range of the second byte */
    uint8_t mask;                   /* payload bits of the lead byte */
} lead;

static const lead LEADS[] = {
    {0xc2, 0xdf, 2, 0x80, 0xbf, 0x1f},
    {0xe0, 0xe0, 3, 0xa0, 0xbf, 0x0f},
    {0xe1, 0xec, 3, 0x80, 0xbf, 0x0f},
    {0xed, 0xed, 3, 0x80, 0x9f, 0x0f},
    {0xee, 0xef, 3, 0x80, 0xbf, 0x0f},
    {0xf0, 0xf0, 4, 0x90, 0xbf, 0x07},
    {0xf1, 0xf3, 4, 0x80, 0xbf, 0x07},
    {0xf4, 0xf4, 4, 0x80, 0x8f, 0x07},
};

static const lead *lead_of(uint8_t byte)
{
    for (size_t i = 0; i < SW_COUNTOF(LEADS); i++) {
        if (byte >= LEADS[i].first && byte <= LEADS[i].last) {
            return &LEADS[i];
        }
    }
    return NULL;
}

size_t sw_utf8_decode(sw_bytes b, uint32_t *ret_scalar)
{
    if (b.len == 0) {
        return 0;
    }
    if (b.ptr[0] < 0x80) {
        *ret_scalar = b.ptr[0];
        return 1;
    }
    const lead *l = lead_of(b.ptr[0]);
    if (l == NULL || b.len < l->length || b.ptr[1] < l->second_min || b.ptr[1] > l->second_max) {
        return 0;
    }
    uint32_t scalar = b.ptr[0] & l->mask;
    for (size_t i = 1; i < l->length; i++) {
        if ((b.ptr[i] & 0xc0) != 0x80) {
            return 0;
        }
        scalar = scalar << 6 | (b.ptr[i] & 0x3f);
    }
    *ret_scalar = scalar;
    return l->length;
}

/* Skips ASCII eight bytes at a time: most text is. */
static size_t ascii_run(sw_bytes b, size_t from)
{
    uint64_t word;
    while (b.len - from >= sizeof word) {
        memcpy(&word, b.ptr + from, sizeof word);
        if ((word & 0x8080808080808080u) != 0) {
            break;
        }
        from += sizeof word;
    }
    while (from < b.len && b.ptr[from] < 0x80) {
        from++;
    }
    return from;
}

bool sw_utf8_valid(sw_bytes b)
{
    for (size_t i = ascii_run(b, 0); i < b.len; i = ascii_run(b, i)) {
        uint32_t scalar;
        size_t len = sw_utf8_decode(sw_bytes_slice(b, i, b.len - i), &scalar);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}

size_t sw_utf8_encode(uint32_t scalar, uint8_t out[4])
{
    assert(scalar <= 0x10ffff && (scalar < 0xd800 || scalar > 0xdfff));
    if (scalar < 0x80) {
        out[0] = (uint8_t)scalar;
        return 1;
    }
    size_t len = scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;
    static const uint8_t LEAD_BITS[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (scalar & 0x3f));
        scalar >>= 6;
    }
    out[0] = (uint8_t)(LEAD_BITS[len] | scalar);
    return len;
}

bool sw_utf8_is_plain(uint32_t scalar)
{
    static const struct {
        uint32_t first, last;
    } OTHERS[] = {
        {0x00,   0x1f  },
        {0x7f,   0x9f  },
        {0x200e, 0x200f},
        {0x2028, 0x202e},
        {0x2066, 0x2069},
    };
    for (size_t i = 0; i < SW_COUNTOF(OTHERS); i++) {
        if (scalar >= OTHERS[i].first && scalar <= OTHERS[i].last) {
            return false;
        }
    }
    return true;
}
