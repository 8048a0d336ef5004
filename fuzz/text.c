/*
 * The small parsers of base on arbitrary text: numbers come back as they were encoded, valid UTF-8
 * is the encoding of what it decodes to, versions have one order, quoted JSON is printable.
 */
#include "base/json.h"
#include "base/reader.h"
#include "base/semver.h"
#include "base/suggest.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_utf8(sw_bytes in)
{
    bool valid = true;
    for (size_t at = 0; at < in.len;) {
        uint32_t scalar;
        uint8_t again[4];
        sw_bytes left = sw_bytes_slice(in, at, in.len - at);
        size_t len = sw_utf8_decode(left, &scalar);
        SW_CHECK(len == 0 ||
                 (sw_utf8_encode(scalar, again) == len && memcmp(again, left.ptr, len) == 0));
        valid = valid && len != 0;
        at += len == 0 ? 1 : len;
    }
    SW_CHECK(sw_utf8_valid(in) == valid);
}

static void check_numbers(sw_bytes in)
{
    sw_buf out;
    sw_reader r = sw_reader_make(in, 0, NULL);
    uint64_t u = sw_reader_leb_u64(&r);
    int64_t s = sw_reader_leb_s64(&r);
    if (!sw_reader_ok(&r)) {
        return;
    }
    sw_buf_init(&out, NULL, 100);
    sw_buf_leb_u64(&out, u);
    sw_buf_leb_s64(&out, s);
    sw_reader again = sw_reader_make(sw_buf_bytes(&out), 0, NULL);
    SW_CHECK(sw_reader_leb_u64(&again) == u);
    SW_CHECK(sw_reader_leb_s64(&again) == s);
    SW_CHECK(sw_reader_ok(&again) && sw_reader_at_end(&again));
    sw_buf_clear(&out);
}

static void check_versions(sw_str a, sw_str b)
{
    sw_semver va, vb;
    if (!sw_semver_parse(a, &va) || !sw_semver_parse(b, &vb)) {
        return;
    }
    int order = sw_semver_compare(&va, &vb), reverse = sw_semver_compare(&vb, &va);
    SW_CHECK((order > 0) == (reverse < 0) && (order == 0) == (reverse == 0));
    SW_CHECK(sw_semver_compare(&va, &va) == 0);
    SW_CHECK(sw_semver_compatible(&va, &vb) == sw_semver_compatible(&vb, &va));
}

static void check_quoting(sw_str s)
{
    sw_buf out;
    sw_buf_init(&out, NULL, SIZE_MAX);
    sw_json_quote(&out, s);
    sw_bytes quoted = sw_buf_bytes(&out);
    SW_CHECK(sw_buf_status(&out) == SW_OK && sw_utf8_valid(quoted));
    for (size_t i = 0; i < quoted.len; i++) {
        SW_CHECK(quoted.ptr[i] >= 0x20);
    }
    sw_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sw_bytes in = {data, size};
    sw_str text = {(const char *)data, size};
    size_t middle = sw_str_find(text, '\n');
    sw_str first = sw_str_slice(text, 0, middle);
    sw_str second = middle == size ? text : sw_str_slice(text, middle + 1, size - middle - 1);
    check_utf8(in);
    check_numbers(in);
    check_versions(first, second);
    check_quoting(text);
    size_t distance = sw_suggest_distance(first, second);
    SW_CHECK((distance == 0) == (sw_str_eq(first, second) && first.len <= SW_SUGGEST_MAX_BYTES));
    return 0;
}
