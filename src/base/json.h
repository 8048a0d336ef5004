/*
 * Writes JSON (RFC 8259) into a buffer, piece by piece, without building it in memory first.
 *
 *     sw_json j = sw_json_make(&buf, true);
 *     sw_json_object_begin(&j);
 *     sw_json_key(&j, SW_STR("size"));
 *     sw_json_u64(&j, 12);
 *     sw_json_object_end(&j);
 *     if (sw_buf_status(&buf) != SW_OK) ...
 *
 * Commas, indentation and escaping are the writer's business; that keys and values alternate and
 * that what begins also ends is the caller's. Running out of buffer is sticky in the buffer. Bytes
 * that are not UTF-8 become U+FFFD, since JSON has no way to say them; what is not plain text
 * (sw_utf8_is_plain) is escaped, so that a document stays on its line and reads as it is.
 */
#pragma once

#include "buf.h"

#define SW_JSON_DEPTH_MAX 64

typedef struct sw_json {
    sw_buf *out;       /* borrowed */
    uint64_t nonempty; /* by depth: something was written there, the next one needs a comma */
    uint32_t depth;
    bool pretty;    /* one item a line, two spaces a level */
    bool after_key; /* the next value follows its key */
} sw_json;

sw_json sw_json_make(sw_buf *out, bool pretty);

void sw_json_object_begin(sw_json *j);
void sw_json_object_end(sw_json *j);
void sw_json_array_begin(sw_json *j);
void sw_json_array_end(sw_json *j);
void sw_json_key(sw_json *j, sw_str key);

void sw_json_str(sw_json *j, sw_str value);
void sw_json_u64(sw_json *j, uint64_t value);
void sw_json_s64(sw_json *j, int64_t value);
void sw_json_f64(sw_json *j, double value); /* shortest that reads back; NaN, infinities: null */
void sw_json_bool(sw_json *j, bool value);
void sw_json_null(sw_json *j);

/* A quoted, escaped string by itself, for those who write JSON by other means. */
void sw_json_quote(sw_buf *out, sw_str value);
