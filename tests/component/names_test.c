/* The grammar of labels and of names of imports and exports, and when two names are too alike. */
#include "component/names.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct name_case {
    const char *text;
    bool is_valid;
    sw_name_form form;
    const char *key;
} name_case;

static const name_case NAMES[] = {
    {"a",                       true,  SW_NAME_LABEL,       "a"                     },
    {"a-b-c",                   true,  SW_NAME_LABEL,       "a-b-c"                 },
    {"a1-2-3",                  true,  SW_NAME_LABEL,       "a1-2-3"                },
    {"A1-2-3",                  true,  SW_NAME_LABEL,       "a1-2-3"                },
    {"m1x3d-4CR0NYMS",          true,  SW_NAME_LABEL,       "m1x3d-4cr0nyms"        },
    {"1-2",                     false, SW_NAME_LABEL,       NULL                    },
    {"",                        false, SW_NAME_LABEL,       NULL                    },
    {"-a",                      false, SW_NAME_LABEL,       NULL                    },
    {"a-",                      false, SW_NAME_LABEL,       NULL                    },
    {"a--b",                    false, SW_NAME_LABEL,       NULL                    },
    {"aB",                      false, SW_NAME_LABEL,       NULL                    },
    {"a_b",                     false, SW_NAME_LABEL,       NULL                    },
    {"a b",                     false, SW_NAME_LABEL,       NULL                    },
    {"[constructor]FOO",        true,  SW_NAME_CONSTRUCTOR, "[constructor]foo"      },
    {"[constructor]",           false, SW_NAME_LABEL,       NULL                    },
    {"[method]foo.BAR",         true,  SW_NAME_METHOD,      "foo.bar"               },
    {"[method]foo.foo",         true,  SW_NAME_METHOD,      "foo"                   },
    {"[static]foo-BAR.FOO-bar", true,  SW_NAME_STATIC,      "foo-bar"               },
    {"[method]foo",             false, SW_NAME_LABEL,       NULL                    },
    {"[method]a.b.c",           false, SW_NAME_LABEL,       NULL                    },
    {"[other]a",                false, SW_NAME_LABEL,       NULL                    },
    {"wasi:io/streams",         true,  SW_NAME_INTERFACE,   "wasi:io/streams"       },
    {"wasi:io/STREAMS",         true,  SW_NAME_INTERFACE,   "wasi:io/streams"       },
    {"wasi:io/a@0.2.12",        true,  SW_NAME_INTERFACE,   "wasi:io/a@0.2.12"      },
    {"a:b/c@1.2.3-rc.1+b.007",  true,  SW_NAME_INTERFACE,   "a:b/c@1.2.3-rc.1+b.007"},
    {"a:b/c@1.2",               false, SW_NAME_LABEL,       NULL                    },
    {"a:b/c@01.2.3",            false, SW_NAME_LABEL,       NULL                    },
    {"a:b/c@",                  false, SW_NAME_LABEL,       NULL                    },
    {"ac/@:b0.0. $",            false, SW_NAME_LABEL,       NULL                    },
    {"a:b",                     false, SW_NAME_LABEL,       NULL                    },
    {"a:b/",                    false, SW_NAME_LABEL,       NULL                    },
    {"a:b/c/d",                 false, SW_NAME_LABEL,       NULL                    },
    {"a:b:c/d",                 false, SW_NAME_LABEL,       NULL                    },
    {"A:b/c",                   false, SW_NAME_LABEL,       NULL                    },
    {"a:B/c",                   false, SW_NAME_LABEL,       NULL                    },
    {"unlocked-dep=<a:b>",      false, SW_NAME_LABEL,       NULL                    },
    {"integrity=a",             false, SW_NAME_LABEL,       NULL                    },
};

static void grammar_and_keys(void **state)
{
    (void)state;
    sw_arena arena;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    for (size_t i = 0; i < SW_COUNTOF(NAMES); i++) {
        const name_case *c = &NAMES[i];
        sw_extern_name n;
        sw_diag diag = {};
        sw_status st = sw_extern_name_parse(sw_str_of(c->text), 7, &diag, &n);
        if ((st == SW_OK) != c->is_valid) {
            print_message("%s: %s\n", c->text, diag.text);
        }
        assert_int_equal(st, c->is_valid ? SW_OK : SW_INVALID);
        if (!c->is_valid) {
            assert_int_equal(diag.offset, 7);
            continue;
        }
        assert_int_equal(n.form, c->form);
        if (c->key != NULL) {
            sw_str key = sw_extern_name_key(&arena, &n);
            assert_int_equal(key.len, strlen(c->key));
            assert_memory_equal(key.ptr, c->key, key.len);
        }
    }
    sw_arena_clear(&arena);
}

static void maps_keep_what_they_are_given(void **state)
{
    (void)state;
    sw_arena arena;
    sw_name_map names = {};
    sw_id_map ids = {};
    bool inserted;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    for (uint32_t i = 0; i < 1000; i++) {
        sw_str key = sw_arena_printf(&arena, "n%u", i);
        assert_int_equal(sw_name_map_insert(&arena, &names, key, i, &inserted), SW_OK);
        assert_true(inserted);
        assert_int_equal(sw_name_map_insert(&arena, &names, key, 7, &inserted), SW_OK);
        assert_false(inserted);
        assert_int_equal(sw_id_map_set(&arena, &ids, (uint64_t)i << 32, i), SW_OK);
        assert_int_equal(sw_id_map_set(&arena, &ids, (uint64_t)i << 32, i + 1), SW_OK);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(*sw_name_map_find(&names, sw_arena_printf(&arena, "n%u", i)), i);
        assert_int_equal(*sw_id_map_find(&ids, (uint64_t)i << 32), i + 1);
    }
    assert_null(sw_name_map_find(&names, SW_STR("n1000")));
    assert_null(sw_id_map_find(&ids, 1));
    sw_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar_and_keys),
        cmocka_unit_test(maps_keep_what_they_are_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
