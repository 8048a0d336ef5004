/* Diagnostics: the first report wins, context goes in front, nothing overflows. */
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void every_status_has_a_text(void **state)
{
    (void)state;
    for (int st = SW_OK; st <= SW_EXIT; st++) {
        assert_true(strlen(sw_status_text((sw_status)st)) > 1);
        assert_string_not_equal(sw_status_text((sw_status)st), "unknown status");
    }
    assert_string_equal(sw_status_text((sw_status)1000), "unknown status");
}

static void the_first_report_wins(void **state)
{
    (void)state;
    sw_diag d = {};
    assert_int_equal(sw_fail(&d, SW_MALFORMED, 7, "byte %d", 3), SW_MALFORMED);
    assert_int_equal(sw_fail(&d, SW_LIMIT, 8, "later"), SW_LIMIT);
    assert_int_equal(d.status, SW_MALFORMED);
    assert_int_equal(d.offset, 7);
    assert_string_equal(d.text, "byte 3");
    assert_int_equal(sw_fail_context(&d, SW_MALFORMED, "function %d", 12), SW_MALFORMED);
    assert_string_equal(d.text, "function 12: byte 3");
    assert_int_equal(d.used, strlen(d.text));
    assert_int_equal(sw_fail(NULL, SW_IO, 0, "nowhere"), SW_IO);
    assert_int_equal(sw_fail_context(NULL, SW_IO, "nowhere"), SW_IO);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    sw_diag d = {};
    (void)sw_fail(&d, SW_IO, SW_NO_OFFSET, "%s", longer);
    assert_int_equal(strlen(d.text), sizeof d.text - 1);
    for (int i = 0; i < 10; i++) {
        (void)sw_fail_context(&d, SW_IO, "%s", longer);
        assert_int_equal(strlen(d.text), sizeof d.text - 1);
        assert_int_equal(d.used, sizeof d.text - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_text),
        cmocka_unit_test(the_first_report_wins),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
