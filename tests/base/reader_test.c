/* The sticky-error reader: LEB128 limits, offsets, and that nothing is read after a failure. */
#include "base/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct leb_case {
    const char *bytes;
    size_t len;
    int64_t value;
    sw_status status;
} leb_case;

static const leb_case S32_CASES[] = {
    {"\x00",                     1, 0,         SW_OK       },
    {"\x7f",                     1, -1,        SW_OK       },
    {"\x80\x7f",                 2, -128,      SW_OK       },
    {"\xff\xff\xff\xff\x07",     5, INT32_MAX, SW_OK       },
    {"\x80\x80\x80\x80\x78",     5, INT32_MIN, SW_OK       },
    {"\x80\x80\x80\x80\x08",     5, 0,         SW_MALFORMED},
    {"\x80\x80\x80\x80\x80\x00", 6, 0,         SW_MALFORMED},
    {"\x80",                     1, 0,         SW_MALFORMED},
};

static void signed_leb(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(S32_CASES); i++) {
        const leb_case *c = &S32_CASES[i];
        sw_diag diag = {};
        sw_reader r = sw_reader_make((sw_bytes){(const uint8_t *)c->bytes, c->len}, 0, &diag);
        int32_t value = sw_reader_leb_s32(&r);
        assert_int_equal(r.status, c->status);
        if (c->status == SW_OK) {
            assert_int_equal(value, c->value);
            assert_true(sw_reader_at_end(&r));
        }
    }
}

static void failure_is_sticky_and_has_its_offset(void **state)
{
    (void)state;
    sw_diag diag = {};
    static const uint8_t IN[] = {1, 2, 0xff};
    sw_reader r = sw_reader_make((sw_bytes){IN, sizeof IN}, 100, &diag);
    assert_int_equal(sw_reader_u8(&r), 1);
    assert_int_equal(sw_reader_take(&r, 5).len, 0);
    assert_int_equal(sw_reader_u8(&r), 0);
    assert_int_equal(r.status, SW_MALFORMED);
    assert_int_equal(diag.offset, 101);
    assert_string_equal(diag.text, "unexpected end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_leb),
        cmocka_unit_test(failure_is_sticky_and_has_its_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
