#include "reader.h"

#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>

sw_reader sw_reader_make(sw_bytes in, uint32_t origin, sw_diag *diag)
{
    static const uint8_t NOTHING[1];
    const uint8_t *base = in.ptr == NULL ? NOTHING : in.ptr;
    return (sw_reader){
        .base = base, .pos = base, .end = base + in.len, .diag = diag, .origin = origin};
}

SW_PRINTF(4, 0) static void record(sw_reader *r, sw_status st, uint32_t offset, const char *fmt,
                                   va_list ap)
{
    if (r->status != SW_OK) {
        return;
    }
    char text[256];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    r->status = sw_fail(r->diag, st, offset, "%s", text);
    r->end = r->pos; /* every later read fails cheaply */
}

sw_status sw_reader_fail(sw_reader *r, sw_status st, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    record(r, st, sw_reader_offset(r), fmt, ap);
    va_end(ap);
    return r->status;
}

sw_status sw_reader_fail_at(sw_reader *r, sw_status st, uint32_t offset, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    record(r, st, offset, fmt, ap);
    va_end(ap);
    return r->status;
}

uint8_t sw_reader_u8(sw_reader *r)
{
    if (SW_UNLIKELY(r->pos == r->end)) {
        (void)sw_reader_fail(r, SW_MALFORMED, "unexpected end");
        return 0;
    }
    return *r->pos++;
}

uint8_t sw_reader_peek_u8(const sw_reader *r)
{
    return r->pos == r->end ? 0 : *r->pos;
}

static uint64_t fixed_le(sw_reader *r, size_t size)
{
    sw_bytes b = sw_reader_take(r, size);
    uint64_t value = 0;
    for (size_t i = 0; i < b.len; i++) {
        value |= (uint64_t)b.ptr[i] << (8 * i);
    }
    return value;
}

uint32_t sw_reader_u32_le(sw_reader *r)
{
    return (uint32_t)fixed_le(r, 4);
}

uint64_t sw_reader_u64_le(sw_reader *r)
{
    return fixed_le(r, 8);
}

static uint64_t leb_unsigned(sw_reader *r, unsigned bits)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = sw_reader_u8(r);
        uint8_t payload = byte & 0x7f;
        if (shift + 7 >= bits && (byte & 0x80) != 0) {
            (void)sw_reader_fail(r, SW_MALFORMED, "integer representation too long");
            return 0;
        }
        if (shift + 7 > bits && (payload >> (bits - shift)) != 0) {
            (void)sw_reader_fail(r, SW_MALFORMED, "integer too large");
            return 0;
        }
        value |= (uint64_t)payload << shift;
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
}

/* The unused bits of the last byte must all equal the sign bit. */
static bool sign_bits_agree(uint8_t payload, unsigned used_bits)
{
    uint8_t tail = (uint8_t)(payload >> (used_bits - 1));
    return tail == 0 || tail == (0x7f >> (used_bits - 1));
}

static int64_t leb_signed(sw_reader *r, unsigned bits)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = sw_reader_u8(r);
        uint8_t payload = byte & 0x7f;
        if (shift + 7 >= bits && (byte & 0x80) != 0) {
            (void)sw_reader_fail(r, SW_MALFORMED, "integer representation too long");
            return 0;
        }
        if (shift + 7 > bits && !sign_bits_agree(payload, bits - shift)) {
            (void)sw_reader_fail(r, SW_MALFORMED, "integer too large");
            return 0;
        }
        value |= (uint64_t)payload << shift;
        if ((byte & 0x80) == 0) {
            unsigned used = shift + 7;
            return used < 64 && (payload & 0x40) != 0 ? (int64_t)(value | (UINT64_MAX << used))
                                                      : (int64_t)value;
        }
    }
}

uint32_t sw_reader_leb_u32(sw_reader *r)
{
    if (SW_LIKELY(r->pos != r->end && *r->pos < 0x80)) {
        return *r->pos++;
    }
    return (uint32_t)leb_unsigned(r, 32);
}

uint64_t sw_reader_leb_u64(sw_reader *r)
{
    return leb_unsigned(r, 64);
}

int32_t sw_reader_leb_s32(sw_reader *r)
{
    return (int32_t)leb_signed(r, 32);
}

int64_t sw_reader_leb_s33(sw_reader *r)
{
    return leb_signed(r, 33);
}

int64_t sw_reader_leb_s64(sw_reader *r)
{
    return leb_signed(r, 64);
}

sw_bytes sw_reader_take(sw_reader *r, uint64_t len)
{
    if (SW_UNLIKELY(len > sw_reader_left(r))) {
        (void)sw_reader_fail(r, SW_MALFORMED, "unexpected end");
        return (sw_bytes){};
    }
    sw_bytes b = {r->pos, (size_t)len};
    r->pos += len;
    return b;
}

sw_str sw_reader_name(sw_reader *r)
{
    uint32_t len = sw_reader_leb_u32(r);
    uint32_t at = sw_reader_offset(r);
    sw_bytes b = sw_reader_take(r, len);
    if (!sw_utf8_valid(b)) {
        (void)sw_reader_fail_at(r, SW_MALFORMED, at, "name is not UTF-8");
        return (sw_str){};
    }
    return (sw_str){(const char *)b.ptr, b.len};
}

sw_reader sw_reader_sub(sw_reader *r, uint64_t len)
{
    uint32_t origin = sw_reader_offset(r);
    sw_reader sub = sw_reader_make(sw_reader_take(r, len), origin, r->diag);
    sub.status = r->status;
    return sub;
}

uint32_t sw_reader_count(sw_reader *r, uint32_t limit, const char *what)
{
    uint32_t at = sw_reader_offset(r);
    uint32_t count = sw_reader_leb_u32(r);
    if (count > limit) {
        (void)sw_reader_fail_at(r, SW_LIMIT, at, "%u %s: at most %u are supported", count, what,
                                limit);
        return 0;
    }
    if (count > sw_reader_left(r)) {
        (void)sw_reader_fail_at(r, SW_MALFORMED, at, "%u %s do not fit in the section", count,
                                what);
        return 0;
    }
    return count;
}
