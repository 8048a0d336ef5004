/*
 * Strings as guests encode them: measuring and converting between UTF-8, UTF-16 (little-endian)
 * and Latin-1. All functions take any bytes and touch nothing outside the ranges they are given,
 * even when the bytes change between two calls.
 */
#pragma once

#include "base/span.h"

typedef enum sw_text_form {
    SW_TEXT_UTF8,
    SW_TEXT_UTF16,
    SW_TEXT_LATIN1,
} sw_text_form;

/* Bytes of a code unit. */
static inline uint32_t sw_text_unit_bytes(sw_text_form form)
{
    return form == SW_TEXT_UTF16 ? 2 : 1;
}

typedef struct sw_text_measure {
    uint32_t utf8_bytes, utf16_units;
    uint32_t ascii_units;  /* leading code units that are ASCII */
    uint32_t latin1_units; /* leading code units of scalars up to U+00FF */
    uint32_t latin1_chars; /* how many scalars these are */
} sw_text_measure;

/* False if the bytes are no text of this form. At most 2^28 - 1 bytes. */
bool sw_text_measure_bytes(sw_text_form form, sw_bytes src, sw_text_measure *ret_measure);

/* As sw_text_measure_bytes, without the measure: faster for UTF-8. */
bool sw_text_valid(sw_text_form form, sw_bytes src);

/* Writes src in another form (or the same). The bytes written, or SIZE_MAX if src is malformed, has
 * a scalar that `to` lacks, or needs more than room bytes. src and dst may overlap: then what is
 * written is unspecified. */
size_t sw_text_convert(sw_text_form from, sw_bytes src, sw_text_form to, uint8_t *dst, size_t room);
