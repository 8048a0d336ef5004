/* UTF-8 (RFC 3629): shortest form only, no surrogates, at most U+10FFFF. */
#pragma once

#include "span.h"

bool sw_utf8_valid(sw_bytes b);

/* Decodes one scalar value at b.ptr; returns its length in bytes (1 to 4), 0 if malformed or
 * empty. */
size_t sw_utf8_decode(sw_bytes b, uint32_t *ret_scalar);

/* Encodes one scalar value (no surrogate, <= 0x10ffff); returns the length (1 to 4). */
size_t sw_utf8_encode(uint32_t scalar, uint8_t out[4]);

/* Whether showing the scalar on a terminal only adds a character: no control character of either
 * range, no line break, nothing that turns the direction of the text around it. */
bool sw_utf8_is_plain(uint32_t scalar);
