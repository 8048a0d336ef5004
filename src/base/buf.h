/*
 * A byte buffer that grows to a maximum: what encoders, printers and the emitter write into.
 *
 * Errors are sticky: after a failed growth every write is dropped, and sw_buf_status() says so
 * once, at the end.
 */
#pragma once

#include "memory.h"
#include "span.h"
#include "status.h"

typedef struct sw_buf {
    uint8_t *ptr; /* owned */
    size_t len, capacity, max_bytes;
    sw_budget *budget; /* borrowed, may be NULL */
    sw_status status;
} sw_buf;

void sw_buf_init(sw_buf *b, sw_budget *budget, size_t max_bytes);
void sw_buf_clear(sw_buf *b);

/* Makes room for size more bytes, which hold anything, and returns where they go (not yet counted
 * in len), or NULL. */
uint8_t *sw_buf_reserve(sw_buf *b, size_t size_bytes);

void sw_buf_write(sw_buf *b, const void *p, size_t size_bytes);
void sw_buf_u8(sw_buf *b, uint8_t value);
void sw_buf_u32_le(sw_buf *b, uint32_t value);
void sw_buf_u64_le(sw_buf *b, uint64_t value);
void sw_buf_leb_u32(sw_buf *b, uint32_t value);
void sw_buf_leb_u64(sw_buf *b, uint64_t value);
void sw_buf_leb_s64(sw_buf *b, int64_t value);
void sw_buf_str(sw_buf *b, sw_str s); /* the bytes alone */
void sw_buf_printf(sw_buf *b, const char *fmt, ...) SW_PRINTF(2, 3);
void sw_buf_align(sw_buf *b, size_t align); /* pads with zeroes */

static inline sw_status sw_buf_status(const sw_buf *b)
{
    return b->status;
}

static inline sw_bytes sw_buf_bytes(const sw_buf *b)
{
    return (sw_bytes){b->ptr, b->len};
}
