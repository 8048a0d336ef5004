/* Versions: strict parsing, precedence (the order of semver.org clause 11) and tracks. */
#include "base/semver.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct parse_case {
    const char *text;
    bool valid;
    uint64_t major, minor, patch;
    const char *prerelease, *build;
} parse_case;

// clang-format off
static const parse_case PARSE_CASES[] = {
    {"0.2.3",                      true,  0, 2, 3, "", ""},
    {"1.0.0-alpha.1",              true,  1, 0, 0, "alpha.1", ""},
    {"1.0.0-0A.is.legal",          true,  1, 0, 0, "0A.is.legal", ""},
    {"1.0.0--",                    true,  1, 0, 0, "-", ""},
    {"1.0.0+001",                  true,  1, 0, 0, "", "001"},
    {"1.0.0-rc.1+exp.sha-5",       true,  1, 0, 0, "rc.1", "exp.sha-5"},
    {"18446744073709551615.0.0",   true,  UINT64_MAX, 0, 0, "", ""},
    {"18446744073709551616.0.0",   false, 0, 0, 0, "", ""},
    {"",                           false, 0, 0, 0, "", ""},
    {"1",                          false, 0, 0, 0, "", ""},
    {"1.2",                        false, 0, 0, 0, "", ""},
    {"1.2.3.4",                    false, 0, 0, 0, "", ""},
    {"01.2.3",                     false, 0, 0, 0, "", ""},
    {"1.2.03",                     false, 0, 0, 0, "", ""},
    {"1..3",                       false, 0, 0, 0, "", ""},
    {"v1.2.3",                     false, 0, 0, 0, "", ""},
    {" 1.2.3",                     false, 0, 0, 0, "", ""},
    {"1.2.3 ",                     false, 0, 0, 0, "", ""},
    {"1.2.-3",                     false, 0, 0, 0, "", ""},
    {"1.2.3-",                     false, 0, 0, 0, "", ""},
    {"1.2.3+",                     false, 0, 0, 0, "", ""},
    {"1.2.3-a..b",                 false, 0, 0, 0, "", ""},
    {"1.2.3-a.",                   false, 0, 0, 0, "", ""},
    {"1.2.3-01",                   false, 0, 0, 0, "", ""},
    {"1.2.3-a_b",                  false, 0, 0, 0, "", ""},
    {"1.2.3+a+b",                  false, 0, 0, 0, "", ""},
};

/* Each is less than the next. */
static const char *const ASCENDING[] = {
    "0.0.1", "0.1.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
    "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
};
// clang-format on

static sw_semver version(const char *text)
{
    sw_semver v;
    if (!sw_semver_parse(sw_str_of(text), &v)) {
        fail_msg("%s is no version", text);
    }
    return v;
}

static void parsing_is_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(PARSE_CASES); i++) {
        const parse_case *c = &PARSE_CASES[i];
        sw_semver v = {};
        if (sw_semver_parse(sw_str_of(c->text), &v) != c->valid) {
            fail_msg("%s", c->text);
        }
        if (c->valid) {
            assert_true(v.major == c->major && v.minor == c->minor && v.patch == c->patch);
            assert_true(sw_str_eq(v.prerelease, sw_str_of(c->prerelease)));
            assert_true(sw_str_eq(v.build, sw_str_of(c->build)));
        }
    }
}

static void order_is_by_precedence(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(ASCENDING); i++) {
        for (size_t k = 0; k < SW_COUNTOF(ASCENDING); k++) {
            sw_semver a = version(ASCENDING[i]), b = version(ASCENDING[k]);
            int order = sw_semver_compare(&a, &b);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
    sw_semver a = version("1.0.0+a"), b = version("1.0.0+b");
    assert_int_equal(sw_semver_compare(&a, &b), 0);
}

typedef struct track_case {
    const char *text, *track;
} track_case;

static const track_case TRACK_CASES[] = {
    {"0.2.0",                    "0.2"                   },
    {"0.2.12+meta",              "0.2"                   },
    {"1.4.9",                    "1"                     },
    {"12.0.0",                   "12"                    },
    {"0.0.3",                    ""                      },
    {"0.3.0-rc-1",               ""                      },
    {"1.0.0-x",                  ""                      },
    {"0.18446744073709551615.0", "0.18446744073709551615"},
};

static void tracks_group_compatible_versions(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(TRACK_CASES); i++) {
        char out[SW_SEMVER_TRACK_BYTES];
        sw_semver v = version(TRACK_CASES[i].text);
        sw_str track = {out, sw_semver_track(&v, out)};
        assert_true(sw_str_eq(track, sw_str_of(TRACK_CASES[i].track)));
    }
}

typedef struct pair_case {
    const char *a, *b;
    bool compatible;
} pair_case;

static const pair_case PAIR_CASES[] = {
    {"0.2.0",      "0.2.9",      true },
    {"0.2.0",      "0.3.0",      false},
    {"1.0.0",      "1.9.0",      true },
    {"1.0.0",      "2.0.0",      false},
    {"0.1.0",      "1.1.0",      false},
    {"0.0.1",      "0.0.1",      true },
    {"0.0.1",      "0.0.2",      false},
    {"0.3.0-rc.1", "0.3.0-rc.1", true },
    {"0.3.0-rc.1", "0.3.0",      false},
};

static void compatibility_is_symmetric(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(PAIR_CASES); i++) {
        sw_semver a = version(PAIR_CASES[i].a), b = version(PAIR_CASES[i].b);
        assert_int_equal(sw_semver_compatible(&a, &b), PAIR_CASES[i].compatible);
        assert_int_equal(sw_semver_compatible(&b, &a), PAIR_CASES[i].compatible);
    }
}

static void names_split_at_their_version(void **state)
{
    (void)state;
    sw_str name;
    sw_semver v;
    assert_true(sw_semver_split(SW_STR("wasi:io/streams@0.2.3"), &name, &v));
    assert_true(sw_str_eq(name, SW_STR("wasi:io/streams")));
    assert_true(v.minor == 2 && v.patch == 3);
    assert_false(sw_semver_split(SW_STR("wasi:io/streams"), &name, &v));
    assert_true(sw_str_eq(name, SW_STR("wasi:io/streams")));
    assert_false(sw_semver_split(SW_STR("wasi:io/streams@0.2"), &name, &v));
    assert_true(sw_str_eq(name, SW_STR("wasi:io/streams@0.2")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing_is_strict),
        cmocka_unit_test(order_is_by_precedence),
        cmocka_unit_test(tracks_group_compatible_versions),
        cmocka_unit_test(compatibility_is_symmetric),
        cmocka_unit_test(names_split_at_their_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
