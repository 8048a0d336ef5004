#include "http/trace.h"

#include "os/random.h"

enum { KEY_MAX_BYTES = 256, TENANT_MAX_BYTES = 241, SYSTEM_MAX_BYTES = 14, VALUE_MAX_BYTES = 256 };

static const sw_str PARENT = SW_STR_INIT("traceparent");
static const sw_str STATE = SW_STR_INIT("tracestate");

/* ---- Hexadecimal ----------------------------------------------------------------------------- */

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Lower case only. The caller has looked at the length. */
static bool read_hex(const char *text, uint8_t *to, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void sw_trace_write_hex(const uint8_t *bytes, size_t count, char *text)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = DIGITS[bytes[i] >> 4];
        text[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
}

/* ---- traceparent ----------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *bytes, size_t count)
{
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

bool sw_trace_read(sw_str text, sw_trace *ret_trace)
{
    sw_trace t;
    uint8_t version;
    if (text.len < SW_TRACE_TEXT_BYTES || text.ptr[2] != '-' || text.ptr[35] != '-' ||
        text.ptr[52] != '-') {
        return false;
    }
    if (!read_hex(text.ptr, &version, 1) || !read_hex(text.ptr + 3, t.id, sizeof t.id) ||
        !read_hex(text.ptr + 36, t.span, sizeof t.span) || !read_hex(text.ptr + 53, &t.flags, 1)) {
        return false;
    }
    bool is_longer = text.len > SW_TRACE_TEXT_BYTES;
    if (version == 0xff || is_zero(t.id, sizeof t.id) || is_zero(t.span, sizeof t.span) ||
        (is_longer && (version == 0 || text.ptr[SW_TRACE_TEXT_BYTES] != '-'))) {
        return false;
    }
    t.flags &= version == 0 ? SW_TRACE_SAMPLED | SW_TRACE_RANDOM : SW_TRACE_SAMPLED;
    *ret_trace = t;
    return true;
}

void sw_trace_write(const sw_trace *t, char text[SW_TRACE_TEXT_BYTES])
{
    memcpy(text, "00-", 3);
    sw_trace_write_hex(t->id, sizeof t->id, text + 3);
    text[35] = '-';
    sw_trace_write_hex(t->span, sizeof t->span, text + 36);
    text[52] = '-';
    sw_trace_write_hex(&t->flags, 1, text + 53);
}

/* ---- tracestate ------------------------------------------------------------------------------ */

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_number(char c)
{
    return c >= '0' && c <= '9';
}

/* What both halves of a key are made of. */
static bool is_key_part(sw_str s, size_t max, bool may_begin_with_digit)
{
    if (s.len == 0 || s.len > max ||
        !(is_small(s.ptr[0]) || (may_begin_with_digit && is_number(s.ptr[0])))) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_small(c) && !is_number(c) && c != '_' && c != '-' && c != '*' && c != '/') {
            return false;
        }
    }
    return true;
}

static bool is_key(sw_str key)
{
    size_t at = sw_str_find(key, '@');
    if (at >= key.len) {
        return is_key_part(key, KEY_MAX_BYTES, false);
    }
    return is_key_part(sw_str_slice(key, 0, at), TENANT_MAX_BYTES, true) &&
           is_key_part(sw_str_slice(key, at + 1, key.len - at - 1), SYSTEM_MAX_BYTES, false);
}

static bool is_state_value(sw_str value)
{
    if (value.len == 0 || value.len > VALUE_MAX_BYTES || value.ptr[value.len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c < ' ' || c > '~' || c == ',' || c == '=') {
            return false;
        }
    }
    return true;
}

static sw_str trimmed(sw_str s)
{
    while (s.len != 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = sw_str_slice(s, 1, s.len - 1);
    }
    while (s.len != 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

typedef struct state_keys {
    sw_str keys[SW_TRACE_STATE_MEMBERS];
    size_t count;
} state_keys;

/* One entry of the list, which may be empty. */
static bool take_member(state_keys *k, sw_str member)
{
    sw_str text = trimmed(member);
    if (text.len == 0) {
        return true;
    }
    size_t equals = sw_str_find(text, '=');
    if (equals >= text.len || k->count == SW_TRACE_STATE_MEMBERS) {
        return false;
    }
    sw_str key = sw_str_slice(text, 0, equals);
    if (!is_key(key) || !is_state_value(sw_str_slice(text, equals + 1, text.len - equals - 1))) {
        return false;
    }
    for (size_t i = 0; i < k->count; i++) {
        if (sw_str_eq(k->keys[i], key)) {
            return false;
        }
    }
    k->keys[k->count++] = key;
    return true;
}

static bool take_line(state_keys *k, sw_str line)
{
    while (line.len != 0) {
        size_t comma = SW_MIN(sw_str_find(line, ','), line.len);
        if (!take_member(k, sw_str_slice(line, 0, comma))) {
            return false;
        }
        size_t used = SW_MIN(comma + 1, line.len);
        line = sw_str_slice(line, used, line.len - used);
    }
    return true;
}

bool sw_trace_state_is_valid(const sw_http_fields *fields)
{
    state_keys keys = {};
    bool ok = true;
    uint32_t at = sw_http_fields_find(fields, STATE, 0);
    while (at < fields->count && ok) {
        ok = take_line(&keys, sw_http_field_value(fields, at));
        at = sw_http_fields_find(fields, STATE, at + 1);
    }
    return ok;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

bool sw_trace_get(const sw_http_fields *fields, sw_trace *ret_trace)
{
    uint32_t at = sw_http_fields_find(fields, PARENT, 0);
    return at < fields->count && sw_http_fields_find(fields, PARENT, at + 1) == fields->count &&
           sw_trace_read(sw_http_field_value(fields, at), ret_trace);
}

sw_status sw_trace_set(sw_http_fields *fields, const sw_trace *t)
{
    char text[SW_TRACE_TEXT_BYTES];
    sw_trace before;
    const uint32_t max_count = fields->max_count, max_bytes = fields->max_bytes;
    if (!sw_trace_get(fields, &before) || !sw_trace_state_is_valid(fields)) {
        (void)sw_http_fields_remove(fields, STATE);
    }
    (void)sw_http_fields_remove(fields, PARENT);
    sw_trace_write(t, text);
    /* The limits are for what others send. */
    fields->max_count = SW_MAX(max_count, fields->count + 1);
    fields->max_bytes = UINT32_MAX;
    sw_status st = sw_http_fields_append(fields, PARENT, (sw_str){text, sizeof text});
    fields->max_count = max_count;
    fields->max_bytes = max_bytes;
    return st;
}

/* ---- Ids ------------------------------------------------------------------------------------- */

sw_status sw_trace_ids_init(sw_trace_ids *ids)
{
    return sw_random_fill(ids->state, sizeof ids->state);
}

static uint64_t rotated(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* xoshiro256++ of Blackman and Vigna. */
static uint64_t next_random(sw_trace_ids *ids)
{
    uint64_t *s = ids->state;
    uint64_t result = rotated(s[0] + s[3], 23) + s[0];
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotated(s[3], 45);
    return result;
}

void sw_trace_ids_take(sw_trace_ids *ids, uint8_t *to, size_t count)
{
    for (size_t done = 0; done < count; done += sizeof(uint64_t)) {
        uint64_t bits = next_random(ids);
        bits += bits == 0;
        memcpy(to + done, &bits, SW_MIN(count - done, sizeof bits));
    }
}
