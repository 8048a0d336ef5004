#include "buf.h"

#include <stdarg.h>
#include <stdio.h>

void sw_buf_init(sw_buf *b, sw_budget *budget, size_t max_bytes)
{
    *b = (sw_buf){.budget = budget, .max_bytes = max_bytes};
}

void sw_buf_clear(sw_buf *b)
{
    sw_free(b->budget, b->ptr, b->capacity);
    sw_buf_init(b, b->budget, b->max_bytes);
}

static bool grow(sw_buf *b, size_t size_bytes)
{
    size_t need;
    if (b->status != SW_OK) {
        return false;
    }
    if (ckd_add(&need, b->len, size_bytes) || need > b->max_bytes) {
        b->status = SW_LIMIT;
        return false;
    }
    size_t capacity = SW_MIN(SW_MAX(need, SW_MAX(b->capacity * 2, (size_t)256)), b->max_bytes);
    uint8_t *p = sw_resize(b->budget, b->ptr, b->capacity, capacity);
    if (p == NULL) {
        b->status = SW_NO_MEMORY;
        return false;
    }
    b->ptr = p;
    b->capacity = capacity;
    return true;
}

uint8_t *sw_buf_reserve(sw_buf *b, size_t size_bytes)
{
    if (SW_UNLIKELY(size_bytes > b->capacity - b->len) && !grow(b, size_bytes)) {
        return NULL;
    }
    return b->ptr + b->len;
}

void sw_buf_write(sw_buf *b, const void *p, size_t size_bytes)
{
    uint8_t *to = sw_buf_reserve(b, size_bytes);
    if (to != NULL && size_bytes != 0) {
        memcpy(to, p, size_bytes);
        b->len += size_bytes;
    }
}

void sw_buf_u8(sw_buf *b, uint8_t value)
{
    sw_buf_write(b, &value, 1);
}

void sw_buf_u32_le(sw_buf *b, uint32_t value)
{
    sw_buf_write(b, &value, sizeof value);
}

void sw_buf_u64_le(sw_buf *b, uint64_t value)
{
    sw_buf_write(b, &value, sizeof value);
}

void sw_buf_leb_u64(sw_buf *b, uint64_t value)
{
    do {
        uint8_t byte = value & 0x7f;
        value >>= 7;
        sw_buf_u8(b, value != 0 ? byte | 0x80 : byte);
    } while (value != 0);
}

void sw_buf_leb_u32(sw_buf *b, uint32_t value)
{
    sw_buf_leb_u64(b, value);
}

void sw_buf_leb_s64(sw_buf *b, int64_t value)
{
    for (;;) {
        uint8_t byte = value & 0x7f;
        value >>= 7;
        bool done = (value == 0 && (byte & 0x40) == 0) || (value == -1 && (byte & 0x40) != 0);
        sw_buf_u8(b, done ? byte : byte | 0x80);
        if (done) {
            return;
        }
    }
}

void sw_buf_str(sw_buf *b, sw_str s)
{
    sw_buf_write(b, s.ptr, s.len);
}

void sw_buf_printf(sw_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    uint8_t *to = len < 0 ? NULL : sw_buf_reserve(b, (size_t)len + 1);
    if (to == NULL) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf((char *)to, (size_t)len + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)len;
}

void sw_buf_align(sw_buf *b, size_t align)
{
    static const uint8_t ZEROES[4096];
    size_t pad = (size_t)(sw_align_up(b->len, align) - b->len);
    while (pad != 0) {
        size_t step = SW_MIN(pad, sizeof ZEROES);
        sw_buf_write(b, ZEROES, step);
        pad -= step;
    }
}
