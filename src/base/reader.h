/*
 * A byte reader with a sticky error: the only code that touches untrusted binaries.
 *
 * After the first failure every read returns zero and leaves the position alone, so a decoder
 * reads a whole item and asks sw_reader_ok() once, instead of testing each field. Offsets in
 * reports are absolute: `origin` is the offset of `base` in the whole file, so that a nested
 * module's errors point into the component that holds it.
 */
#pragma once

#include "span.h"
#include "status.h"

typedef struct sw_reader {
    const uint8_t *base, *pos, *end;
    sw_diag *diag;   /* borrowed, may be NULL */
    uint32_t origin; /* offset of base in the file */
    sw_status status;
} sw_reader;

sw_reader sw_reader_make(sw_bytes in, uint32_t origin, sw_diag *diag);

/* Records the failure at the present position; returns the (first) status. */
sw_status sw_reader_fail(sw_reader *r, sw_status st, const char *fmt, ...) SW_PRINTF(3, 4);

/* As sw_reader_fail, at an absolute offset taken before. */
sw_status sw_reader_fail_at(sw_reader *r, sw_status st, uint32_t offset, const char *fmt, ...)
    SW_PRINTF(4, 5);

uint8_t sw_reader_u8(sw_reader *r);
uint8_t sw_reader_peek_u8(const sw_reader *r); /* 0 at the end */
uint32_t sw_reader_u32_le(sw_reader *r);       /* fixed width, as in the preamble */
uint64_t sw_reader_u64_le(sw_reader *r);
uint32_t sw_reader_leb_u32(sw_reader *r);
uint64_t sw_reader_leb_u64(sw_reader *r);
int32_t sw_reader_leb_s32(sw_reader *r);
int64_t sw_reader_leb_s33(sw_reader *r);
int64_t sw_reader_leb_s64(sw_reader *r);

/* The next len bytes, borrowed from the input. */
sw_bytes sw_reader_take(sw_reader *r, uint64_t len);

/* A length-prefixed name; checked to be UTF-8. */
sw_str sw_reader_name(sw_reader *r);

/* A reader over the next len bytes, which this reader skips. It starts failed if there are fewer.
 */
sw_reader sw_reader_sub(sw_reader *r, uint64_t len);

/* A count of items of at least one byte each: fails when it exceeds limit (SW_LIMIT) or the bytes
 * left (SW_MALFORMED), so that a small file cannot ask for a large array. */
uint32_t sw_reader_count(sw_reader *r, uint32_t limit, const char *what);

static inline bool sw_reader_ok(const sw_reader *r)
{
    return r->status == SW_OK;
}

static inline uint32_t sw_reader_offset(const sw_reader *r)
{
    return r->origin + (uint32_t)(r->pos - r->base);
}

static inline size_t sw_reader_left(const sw_reader *r)
{
    return (size_t)(r->end - r->pos);
}

static inline bool sw_reader_at_end(const sw_reader *r)
{
    return r->pos == r->end;
}
