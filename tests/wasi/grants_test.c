/* The grammar of grants, and that every allocation in it may fail. */
#include "wasi/grants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct dir_case {
    const char *spec, *host, *guest;
    bool is_read_only;
    sw_status status;
} dir_case;

static const dir_case DIRS[] = {
    {".",               ".",      ".",    false, SW_OK      },
    {"data",            "data",   "data", false, SW_OK      },
    {"data:ro",         "data",   "data", true,  SW_OK      },
    {"/srv/x::/www",    "/srv/x", "/www", false, SW_OK      },
    {"/srv/x::/www:ro", "/srv/x", "/www", true,  SW_OK      },
    {"a:b::c",          "a:b",    "c",    false, SW_OK      },
    {"a::b::c",         "a",      "b::c", false, SW_OK      },
    {"a::ro",           "a",      "ro",   false, SW_OK      },
    {"",                NULL,     NULL,   false, SW_ARGUMENT},
    {":ro",             NULL,     NULL,   false, SW_ARGUMENT},
    {"::/www",          NULL,     NULL,   false, SW_ARGUMENT},
    {"data::",          NULL,     NULL,   false, SW_ARGUMENT},
};

static void directories(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(DIRS); i++) {
        const dir_case *c = &DIRS[i];
        sw_grants g;
        sw_diag diag = {};
        sw_grants_init(&g, NULL);
        assert_int_equal(sw_grants_add_dir(&g, sw_str_of(c->spec), &diag), c->status);
        if (c->status == SW_OK) {
            assert_int_equal(g.dirs.count, 1);
            assert_string_equal(g.dirs.at[0].host.ptr, c->host);
            assert_string_equal(g.dirs.at[0].guest.ptr, c->guest);
            assert_int_equal(g.dirs.at[0].is_read_only, c->is_read_only);
        } else {
            assert_int_equal(g.dirs.count, 0);
            assert_non_null(strstr(diag.text, "HOST[::GUEST][:ro]"));
        }
        sw_grants_clear(&g);
    }
}

static void environment(void **state)
{
    (void)state;
    sw_grants g;
    sw_diag diag = {};
    sw_grants_init(&g, NULL);
    assert_int_equal(setenv("SWELL_TEST_SET", "seen", 1), 0);
    assert_int_equal(unsetenv("SWELL_TEST_UNSET"), 0);
    assert_int_equal(sw_grants_add_env(&g, SW_STR("A=1=2"), &diag), SW_OK);
    assert_int_equal(sw_grants_add_env(&g, SW_STR("EMPTY="), &diag), SW_OK);
    assert_int_equal(sw_grants_add_env(&g, SW_STR("SWELL_TEST_SET"), &diag), SW_OK);
    assert_int_equal(sw_grants_add_env(&g, SW_STR("SWELL_TEST_UNSET"), &diag), SW_OK);
    assert_int_equal(sw_grants_add_env(&g, SW_STR("=x"), &diag), SW_ARGUMENT);
    assert_int_equal(g.env.count, 3);
    assert_string_equal(g.env.at[0].ptr, "A=1=2");
    assert_string_equal(g.env.at[1].ptr, "EMPTY=");
    assert_string_equal(g.env.at[2].ptr, "SWELL_TEST_SET=seen");
    sw_grants_clear(&g);
}

static sw_status add_some(sw_grants *g)
{
    sw_diag diag = {};
    SW_TRY(sw_grants_add_dir(g, SW_STR("host::guest"), &diag));
    SW_TRY(sw_grants_add_env(g, SW_STR("A=1"), &diag));
    SW_TRY(sw_grants_add_http(g, SW_STR("https://*.example.com/v1/*"), &diag));
    return sw_grants_add_arg(g, SW_STR("program"));
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        sw_grants g;
        sw_budget budget;
        sw_budget_init(&budget, SIZE_MAX);
        sw_grants_init(&g, &budget);
        sw_memory_fail_at(n);
        sw_status st = add_some(&g);
        bool failed = sw_memory_failed();
        sw_memory_fail_at(0);
        sw_grants_clear(&g);
        assert_int_equal(budget.used_bytes, 0);
        assert_int_equal(st, failed ? SW_NO_MEMORY : SW_OK);
        if (!failed) {
            assert_true(n > 4);
            return;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories),
        cmocka_unit_test(environment),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
