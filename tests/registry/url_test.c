/* URLs of redirects and uploads; challenges; base 64. */
#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/url.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void locations_resolve(void **state)
{
    (void)state;
    static const struct {
        const char *at, *location, *to; /* NULL: refused */
    } ROWS[] = {
        {"https://a.io/v2/x/y?q", "/z?w",              "https://a.io/z?w"     },
        {"https://a.io/v2/x/y?q", "z",                 "https://a.io/v2/x/z"  },
        {"https://a.io/v2/x/y?q", "?w",                "https://a.io/v2/x/y?w"},
        {"https://a.io:1/v2/",    "https://b.io/c",    "https://b.io/c"       },
        {"https://a.io/v2/",      "//b.io/c",          "https://b.io/c"       },
        {"https://a.io/v2/",      "http://b.io/c",     "http://b.io/c"        },
        {"https://a.io/v2/",      "file:///etc/hosts", NULL                   },
        {"https://a.io/v2/",      "ftp://b.io/",       NULL                   },
        {"https://a.io/v2/",      "https://u:p@b.io/", NULL                   },
        {"https://a.io/v2/",      "https:///x",        NULL                   },
        {"https://a.io/v2/",      "/a b",              NULL                   },
        {"https://a.io/v2/",      "/a\nX: y",          NULL                   },
        {"https://a.io/v2/",      "https://b\\c.io/",  NULL                   },
        {"https://a.io/v2/",      "",                  NULL                   },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        char out[128] = "";
        bool ok =
            sw_url_resolve(sw_str_of(ROWS[i].at), sw_str_of(ROWS[i].location), out, sizeof out);
        assert_int_equal(ok, ROWS[i].to != NULL);
        if (ok) {
            assert_string_equal(out, ROWS[i].to);
        }
    }
    char tiny[8];
    assert_false(sw_url_resolve(SW_STR("https://a.io/"), SW_STR("/x"), tiny, sizeof tiny));
}

static void origins_are_compared(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } ROWS[] = {
        {"https://a.io/x",   "https://A.io/y",  true },
        {"https://a.io:1/x", "https://a.io:1",  true },
        {"https://a.io/",    "http://a.io/",    false},
        {"https://a.io/",    "https://a.io:1/", false},
        {"https://a.io/",    "https://a.io.b/", false},
        {"nonsense",         "nonsense",        false},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        assert_int_equal(sw_url_same_origin(sw_str_of(ROWS[i].a), sw_str_of(ROWS[i].b)),
                         ROWS[i].is_same);
    }
}

static void parameters_are_encoded(void **state)
{
    (void)state;
    char url[64] = "https://a.io/t";
    assert_true(sw_url_add(url, sizeof url, "scope", SW_STR("repository:a/b:pull")));
    assert_true(sw_url_add(url, sizeof url, "x", SW_STR("&")));
    assert_string_equal(url, "https://a.io/t?scope=repository%3Aa%2Fb%3Apull&x=%26");
    assert_false(sw_url_add(url, sizeof url, "y", SW_STR("a long value that does not fit")));
}

static void challenges_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        bool has_basic, has_bearer;
        const char *realm, *service, *scope;
    } ROWS[] = {
        {"Bearer realm=\"https://a.io/t\",service=\"a.io\",scope=\"repository:x:pull,push\"", false,
         true,                                                                                              "https://a.io/t", "a.io", "repository:x:pull,push"},
        {"bearer realm=https://a.io/t, error=\"invalid_token\"",                              false, true,  "https://a.io/t", "",
         ""                                                                                                                                                   },
        {"Basic realm=\"x\"",                                                                 true,  false, "",               "",     ""                      },
        {"Basic realm=\"x\", Bearer realm=\"y\"",                                             true,  true,  "y",              "",     ""                      },
        {"Bearer realm=\"y\", Basic realm=\"x\"",                                             true,  true,  "y",              "",     ""                      },
        {"Bearer realm=\"a\\\"b\"",                                                           false, true,  "a\"b",           "",     ""                      },
        {"Bearer realm=\"never ends",                                                         false, true,  "never ends",     "",     ""                      },
        {"Negotiate",                                                                         false, false, "",               "",     ""                      },
        {"Bearer",                                                                            false, true,  "",               "",     ""                      },
        {"",                                                                                  false, false, "",               "",     ""                      },
        {"\"=,,=",                                                                            false, false, "",               "",     ""                      },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_arena arena;
        sw_challenge c;
        sw_arena_init(&arena, NULL, 1 << 20);
        assert_true(sw_challenge_parse(sw_str_of(ROWS[i].field), &arena, &c));
        assert_int_equal(c.has_basic, ROWS[i].has_basic);
        assert_int_equal(c.has_bearer, ROWS[i].has_bearer);
        assert_true(sw_str_eq(c.realm, sw_str_of(ROWS[i].realm)));
        assert_true(sw_str_eq(c.service, sw_str_of(ROWS[i].service)));
        assert_true(sw_str_eq(c.scope, sw_str_of(ROWS[i].scope)));
        sw_arena_clear(&arena);
    }
}

static void base64_goes_both_ways(void **state)
{
    (void)state;
    static const char *const ROWS[][2] = {
        {"",                 ""                },
        {"f",                "Zg=="            },
        {"fo",               "Zm8="            },
        {"foo",              "Zm9v"            },
        {"foob",             "Zm9vYg=="        },
        {"user:p\xc3\xa4ss", "dXNlcjpww6Rzcw=="},
    };
    sw_arena arena;
    sw_arena_init(&arena, NULL, 1 << 20);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        assert_true(
            sw_str_eq(sw_base64_encode(sw_str_of(ROWS[i][0]), &arena), sw_str_of(ROWS[i][1])));
        assert_true(
            sw_str_eq(sw_base64_decode(sw_str_of(ROWS[i][1]), &arena), sw_str_of(ROWS[i][0])));
    }
    assert_null(sw_base64_decode(SW_STR("Z"), &arena).ptr);
    assert_null(sw_base64_decode(SW_STR("Zg=x"), &arena).ptr);
    assert_null(sw_base64_decode(SW_STR("Z\n=="), &arena).ptr);
    sw_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locations_resolve),      cmocka_unit_test(origins_are_compared),
        cmocka_unit_test(parameters_are_encoded), cmocka_unit_test(challenges_are_read),
        cmocka_unit_test(base64_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
