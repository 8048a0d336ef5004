/* UTF-8: the edges of RFC 3629's syntax table; decoding undoes encoding for every scalar value. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct utf8_case {
    sw_str text;
    bool valid;
} utf8_case;

// clang-format off
static const utf8_case CASES[] = {
    {SW_STR_INIT(""),                 true},
    {SW_STR_INIT("\0a\x7f"),          true},
    {SW_STR_INIT("\xc2\x80"),         true},
    {SW_STR_INIT("\xdf\xbf"),         true},
    {SW_STR_INIT("\xe0\xa0\x80"),     true},
    {SW_STR_INIT("\xed\x9f\xbf"),     true},
    {SW_STR_INIT("\xee\x80\x80"),     true},
    {SW_STR_INIT("\xf0\x90\x80\x80"), true},
    {SW_STR_INIT("\xf4\x8f\xbf\xbf"), true},
    {SW_STR_INIT("\x80"),             false}, /* continuation first */
    {SW_STR_INIT("\xbf"),             false},
    {SW_STR_INIT("\xc0\x80"),         false}, /* overlong */
    {SW_STR_INIT("\xc1\xbf"),         false},
    {SW_STR_INIT("\xe0\x9f\xbf"),     false},
    {SW_STR_INIT("\xf0\x8f\xbf\xbf"), false},
    {SW_STR_INIT("\xed\xa0\x80"),     false}, /* surrogate */
    {SW_STR_INIT("\xed\xbf\xbf"),     false},
    {SW_STR_INIT("\xf4\x90\x80\x80"), false}, /* beyond the last */
    {SW_STR_INIT("\xf5\x80\x80\x80"), false},
    {SW_STR_INIT("\xff"),             false},
    {SW_STR_INIT("\xc2"),             false}, /* cut short */
    {SW_STR_INIT("\xe1\x80"),         false},
    {SW_STR_INIT("\xf1\x80\x80"),     false},
    {SW_STR_INIT("\xe1\x80" "a"),     false},
    {SW_STR_INIT("sixteen letters.\xff"), false}, /* after the fast run */
    {SW_STR_INIT("seven..\xc3\xa9 and more than eight"), true},
};
// clang-format on

static void the_syntax_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(CASES); i++) {
        assert_int_equal(sw_utf8_valid(sw_str_bytes(CASES[i].text)), CASES[i].valid);
    }
}

static void every_scalar_round_trips(void **state)
{
    (void)state;
    for (uint32_t scalar = 0; scalar <= 0x10ffff; scalar++) {
        if (scalar == 0xd800) {
            scalar = 0xe000;
        }
        uint8_t out[4];
        uint32_t back = UINT32_MAX;
        size_t len = sw_utf8_encode(scalar, out);
        if (sw_utf8_decode((sw_bytes){out, len}, &back) != len || back != scalar ||
            !sw_utf8_valid((sw_bytes){out, len})) {
            fail_msg("U+%04X", scalar);
        }
    }
    uint32_t unused;
    assert_int_equal(sw_utf8_decode((sw_bytes){}, &unused), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_syntax_table),
        cmocka_unit_test(every_scalar_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
