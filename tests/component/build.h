/* Binaries for tests, written section by section; the lengths are counted here. */
#pragma once

#include "base/buf.h"

typedef struct part {
    uint8_t section;
    const char *bytes;
    size_t len;
} part;

/* A section from a string literal. */
#define PART(section, text) {section, text, sizeof(text) - 1}

static inline void build_preamble(sw_buf *b, bool is_component)
{
    sw_buf_write(b, is_component ? "\0asm\x0d\0\x01\0" : "\0asm\x01\0\0\0", 8);
}

static inline void build_section(sw_buf *b, uint8_t section, sw_bytes body)
{
    sw_buf_u8(b, section);
    sw_buf_leb_u32(b, (uint32_t)body.len);
    sw_buf_write(b, body.ptr, body.len);
}

static inline void build_parts(sw_buf *b, const part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        build_section(b, parts[i].section,
                      (sw_bytes){(const uint8_t *)parts[i].bytes, parts[i].len});
    }
}

/* A module (section 1) or component (section 4) inside another. */
static inline void build_nested(sw_buf *b, uint8_t section, const part *parts, size_t count)
{
    sw_buf inner;
    sw_buf_init(&inner, NULL, SIZE_MAX);
    build_preamble(&inner, section == 4);
    build_parts(&inner, parts, count);
    build_section(b, section, sw_buf_bytes(&inner));
    sw_buf_clear(&inner);
}
