/* Suggestions: what is near enough, what is not, and the weights. */
#include "base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const sw_str VERBS[] = {
    SW_STR_INIT("run"),      SW_STR_INIT("compile"),          SW_STR_INIT("inspect"),
    SW_STR_INIT("validate"), SW_STR_INIT("--allow-compiled"), SW_STR_INIT("--max-memory"),
};

typedef struct suggest_case {
    const char *typed, *nearest; /* NULL: none */
} suggest_case;

static const suggest_case SUGGEST_CASES[] = {
    {"rnu",              "run"             },
    {"runn",             "run"             },
    {"RUN",              "run"             },
    {"complie",          "compile"         },
    {"inspct",           "inspect"         },
    {"valid",            "validate"        },
    {"--max_memory",     "--max-memory"    },
    {"--allow-compield", "--allow-compiled"},
    {"",                 NULL              },
    {"xyz",              NULL              },
    {"publish",          NULL              },
};

static void the_nearest_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(SUGGEST_CASES); i++) {
        const suggest_case *c = &SUGGEST_CASES[i];
        const sw_str *got = sw_suggest(sw_str_of(c->typed), VERBS, SW_COUNTOF(VERBS));
        bool right = c->nearest == NULL ? got == NULL
                                        : got != NULL && sw_str_eq(*got, sw_str_of(c->nearest));
        if (!right) {
            fail_msg("%s gave %.*s", c->typed, got == NULL ? 4 : (int)got->len,
                     got == NULL ? "none" : got->ptr);
        }
    }
    assert_null(sw_suggest(SW_STR("run"), NULL, 0));
}

typedef struct distance_case {
    const char *a, *b;
    size_t distance;
} distance_case;

static const distance_case DISTANCE_CASES[] = {
    {"",    "",    0},
    {"abc", "abc", 0},
    {"abc", "acb", 1},
    {"abc", "Abc", 1},
    {"ac",  "abc", 2},
    {"abc", "ac",  3},
    {"abc", "axc", 3},
    {"",    "abc", 6},
    {"abc", "",    9},
};

static void distances_are_weighted(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(DISTANCE_CASES); i++) {
        const distance_case *c = &DISTANCE_CASES[i];
        assert_int_equal(sw_suggest_distance(sw_str_of(c->a), sw_str_of(c->b)), c->distance);
    }
    char longest[SW_SUGGEST_MAX_BYTES + 1];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(sw_suggest_distance((sw_str){longest, SW_SUGGEST_MAX_BYTES}, SW_STR("")),
                     3 * SW_SUGGEST_MAX_BYTES);
    assert_true(sw_suggest_distance((sw_str){longest, sizeof longest}, SW_STR("a")) == SIZE_MAX);
    assert_null(sw_suggest((sw_str){longest, sizeof longest}, VERBS, SW_COUNTOF(VERBS)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_is_found),
        cmocka_unit_test(distances_are_weighted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
