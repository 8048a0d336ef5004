#include "json.h"

#include "utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

sw_json sw_json_make(sw_buf *out, bool pretty)
{
    return (sw_json){.out = out, .pretty = pretty};
}

static void line_break(sw_json *j)
{
    if (j->pretty) {
        sw_buf_u8(j->out, '\n');
        for (uint32_t i = 0; i < j->depth; i++) {
            sw_buf_str(j->out, SW_STR("  "));
        }
    }
}

/* What stands before an item: nothing after a key, else a comma and a new line as needed. */
static void separate(sw_json *j)
{
    uint64_t bit = UINT64_C(1) << j->depth;
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    if ((j->nonempty & bit) != 0) {
        sw_buf_u8(j->out, ',');
    }
    j->nonempty |= bit;
    if (j->depth != 0) {
        line_break(j);
    }
}

static void begin(sw_json *j, char bracket)
{
    separate(j);
    SW_CHECK(j->depth + 1 < SW_JSON_DEPTH_MAX);
    sw_buf_u8(j->out, (uint8_t)bracket);
    j->depth++;
    j->nonempty &= ~(UINT64_C(1) << j->depth);
}

static void end(sw_json *j, char bracket)
{
    SW_CHECK(j->depth != 0);
    bool nonempty = (j->nonempty >> j->depth & 1) != 0;
    j->depth--;
    if (nonempty) {
        line_break(j);
    }
    sw_buf_u8(j->out, (uint8_t)bracket);
}

void sw_json_object_begin(sw_json *j)
{
    begin(j, '{');
}

void sw_json_object_end(sw_json *j)
{
    end(j, '}');
}

void sw_json_array_begin(sw_json *j)
{
    begin(j, '[');
}

void sw_json_array_end(sw_json *j)
{
    end(j, ']');
}

void sw_json_key(sw_json *j, sw_str key)
{
    separate(j);
    sw_json_quote(j->out, key);
    sw_buf_str(j->out, j->pretty ? SW_STR(": ") : SW_STR(":"));
    j->after_key = true;
}

static void quote_control(sw_buf *out, uint8_t c)
{
    static const char SHORT[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c < sizeof SHORT && SHORT[c] != 0) {
        sw_buf_u8(out, '\\');
        sw_buf_u8(out, (uint8_t)SHORT[c]);
    } else {
        sw_buf_printf(out, "\\u%04x", c);
    }
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Writes what is at b.ptr and not plain; returns how many bytes that was. */
static size_t quote_one(sw_buf *out, sw_bytes b)
{
    uint8_t c = b.ptr[0];
    if (c == '"' || c == '\\') {
        sw_buf_u8(out, '\\');
        sw_buf_u8(out, c);
        return 1;
    }
    if (c < 0x20 || c == 0x7f) {
        quote_control(out, c);
        return 1;
    }
    uint32_t scalar;
    size_t len = sw_utf8_decode(b, &scalar);
    if (len == 0) {
        sw_buf_str(out, SW_STR("\\ufffd"));
        return 1;
    }
    if (sw_utf8_is_plain(scalar)) {
        sw_buf_write(out, b.ptr, len);
    } else { /* line ends and marks of direction, all below U+10000 */
        sw_buf_printf(out, "\\u%04x", scalar);
    }
    return len;
}

void sw_json_quote(sw_buf *out, sw_str value)
{
    sw_bytes left = sw_str_bytes(value);
    sw_buf_u8(out, '"');
    while (left.len != 0) {
        size_t len = 0;
        while (len < left.len && is_plain(left.ptr[len])) {
            len++;
        }
        sw_buf_write(out, left.ptr, len);
        left = sw_bytes_slice(left, len, left.len - len);
        if (left.len != 0) {
            len = quote_one(out, left);
            left = sw_bytes_slice(left, len, left.len - len);
        }
    }
    sw_buf_u8(out, '"');
}

void sw_json_str(sw_json *j, sw_str value)
{
    separate(j);
    sw_json_quote(j->out, value);
}

void sw_json_u64(sw_json *j, uint64_t value)
{
    separate(j);
    sw_buf_printf(j->out, "%llu", (unsigned long long)value);
}

void sw_json_s64(sw_json *j, int64_t value)
{
    separate(j);
    sw_buf_printf(j->out, "%lld", (long long)value);
}

void sw_json_f64(sw_json *j, double value)
{
    char text[40];
    if (!isfinite(value)) {
        sw_json_null(j);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    /* An embedder's locale may have another decimal point. */
    for (char *p = text; *p != '\0'; p++) {
        if ((*p < '0' || *p > '9') && *p != '-' && *p != '+' && *p != 'e') {
            *p = '.';
        }
    }
    separate(j);
    sw_buf_str(j->out, sw_str_of(text));
}

void sw_json_bool(sw_json *j, bool value)
{
    separate(j);
    sw_buf_str(j->out, value ? SW_STR("true") : SW_STR("false"));
}

void sw_json_null(sw_json *j)
{
    separate(j);
    sw_buf_str(j->out, SW_STR("null"));
}
