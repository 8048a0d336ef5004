#include "semver.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_identifier_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/* Takes a number off the front of *s: no sign, no leading zero, fits. */
static bool take_number(sw_str *s, uint64_t *ret)
{
    uint64_t value = 0;
    size_t len = 0;
    for (; len < s->len && is_digit(s->ptr[len]); len++) {
        if (ckd_mul(&value, value, (uint64_t)10) ||
            ckd_add(&value, value, (uint64_t)(s->ptr[len] - '0'))) {
            return false;
        }
    }
    if (len == 0 || (len > 1 && s->ptr[0] == '0')) {
        return false;
    }
    *s = sw_str_slice(*s, len, s->len - len);
    *ret = value;
    return true;
}

static bool take_char(sw_str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c) {
        return false;
    }
    *s = sw_str_slice(*s, 1, s->len - 1);
    return true;
}

static bool is_number(sw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i])) {
            return false;
        }
    }
    return s.len != 0;
}

/* Takes the identifier before the next '.' off the front of *s. */
static sw_str take_identifier(sw_str *s)
{
    size_t len = sw_str_find(*s, '.');
    sw_str identifier = sw_str_slice(*s, 0, len);
    *s = len == s->len ? (sw_str){} : sw_str_slice(*s, len + 1, s->len - len - 1);
    return identifier;
}

/* Identifiers separated by dots; numeric ones have no leading zero in a prerelease. */
static bool identifiers_valid(sw_str s, bool leading_zeroes)
{
    bool more = true;
    while (more) {
        more = sw_str_find(s, '.') != s.len;
        sw_str id = take_identifier(&s);
        if (id.len == 0 || (!leading_zeroes && id.len > 1 && id.ptr[0] == '0' && is_number(id))) {
            return false;
        }
        for (size_t i = 0; i < id.len; i++) {
            if (!is_identifier_char(id.ptr[i])) {
                return false;
            }
        }
    }
    return true;
}

bool sw_semver_parse(sw_str text, sw_semver *ret_version)
{
    sw_semver v = {};
    sw_str s = text;
    if (!take_number(&s, &v.major) || !take_char(&s, '.') || !take_number(&s, &v.minor) ||
        !take_char(&s, '.') || !take_number(&s, &v.patch)) {
        return false;
    }
    if (take_char(&s, '-')) {
        size_t len = sw_str_find(s, '+');
        v.prerelease = sw_str_slice(s, 0, len);
        s = sw_str_slice(s, len, s.len - len);
        if (!identifiers_valid(v.prerelease, false)) {
            return false;
        }
    }
    if (take_char(&s, '+')) {
        v.build = s;
        s.len = 0;
        if (!identifiers_valid(v.build, true)) {
            return false;
        }
    }
    if (s.len != 0) {
        return false;
    }
    *ret_version = v;
    return true;
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Numbers before words; numbers by value (no leading zeroes: by length, then digits). */
static int compare_identifiers(sw_str a, sw_str b)
{
    bool a_number = is_number(a), b_number = is_number(b);
    if (a_number != b_number) {
        return a_number ? -1 : 1;
    }
    if (a_number && a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return sw_str_compare(a, b);
}

static int compare_prereleases(sw_str a, sw_str b)
{
    if (a.len == 0 || b.len == 0) {
        return compare_u64(a.len == 0, b.len == 0);
    }
    while (a.len != 0 && b.len != 0) {
        int order = compare_identifiers(take_identifier(&a), take_identifier(&b));
        if (order != 0) {
            return order;
        }
    }
    return compare_u64(a.len != 0, b.len != 0);
}

int sw_semver_compare(const sw_semver *a, const sw_semver *b)
{
    int order = compare_u64(a->major, b->major);
    order = order != 0 ? order : compare_u64(a->minor, b->minor);
    order = order != 0 ? order : compare_u64(a->patch, b->patch);
    return order != 0 ? order : compare_prereleases(a->prerelease, b->prerelease);
}

static size_t write_number(char *out, uint64_t value)
{
    char digits[20];
    size_t len = 0;
    do {
        digits[len++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < len; i++) {
        out[i] = digits[len - 1 - i];
    }
    return len;
}

size_t sw_semver_track(const sw_semver *v, char out[SW_SEMVER_TRACK_BYTES])
{
    if (v->prerelease.len != 0 || (v->major == 0 && v->minor == 0)) {
        return 0;
    }
    if (v->major != 0) {
        return write_number(out, v->major);
    }
    out[0] = '0';
    out[1] = '.';
    return 2 + write_number(out + 2, v->minor);
}

bool sw_semver_compatible(const sw_semver *a, const sw_semver *b)
{
    char track_a[SW_SEMVER_TRACK_BYTES], track_b[SW_SEMVER_TRACK_BYTES];
    size_t len_a = sw_semver_track(a, track_a), len_b = sw_semver_track(b, track_b);
    if (len_a == 0 || len_b == 0) {
        return sw_semver_compare(a, b) == 0;
    }
    return sw_str_eq((sw_str){track_a, len_a}, (sw_str){track_b, len_b});
}

bool sw_semver_split(sw_str text, sw_str *ret_name, sw_semver *ret_version)
{
    size_t at = sw_str_find(text, '@');
    *ret_name = text;
    if (at == text.len ||
        !sw_semver_parse(sw_str_slice(text, at + 1, text.len - at - 1), ret_version)) {
        return false;
    }
    *ret_name = sw_str_slice(text, 0, at);
    return true;
}
