/* WIT text: what is accepted, what is refused and where, type tables, want of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wit/wit.h"

#include <stdio.h>
#include <string.h>

/* Parses, resolves and makes all tables of one text. */
static sw_status try_text(const char *text, sw_diag *diag)
{
    sw_arena arena;
    sw_wit w;
    sw_arena_init(&arena, NULL, (size_t)64 << 20);
    sw_wit_init(&w, &arena);
    sw_status st = sw_wit_add_text(&w, SW_STR("t.wit"), sw_str_of(text), diag);
    if (st == SW_OK) {
        st = sw_wit_resolve(&w, NULL, diag);
    }
    for (const sw_wit_package *p = w.packages; p != NULL && st == SW_OK; p = p->next) {
        for (const sw_wit_interface *i = p->scopes->interfaces; i != NULL && st == SW_OK;
             i = i->next) {
            sw_wit_types types;
            st = sw_wit_types_make(&w, i, diag, &types);
        }
    }
    sw_arena_clear(&arena);
    return st;
}

static const char *const GOOD[] = {
    "package a:b;",
    "package a:b@1.0.0-rc.1+x;",
    "package a:b; interface i { f: func(%func: u8) -> result<_, string>; }",
    "package a:b; interface i { type a-1 = u8; type B-XY-z = list<a-1, 4>; }",
    "package a:b; /* a /* nested */ comment */ interface i { }",
    "package a:b; interface i { use j.{t as u,}; f: func(x: u); } interface j { type t = u8; }",
    "package a:b; use j as k; interface i { use k.{}; } interface j { }",
    "package a:b; interface i { resource r { constructor() -> result<r>; s: static func(); } }",
    "package a:b; interface i { variant v { a, b(tuple<u8, map<string, char>>) } }",
    "package a:b; world w { import a: b; import c: func(); } interface b { }",
    "package a:b; world w { @external-id(\"x\") import c: func(); }",
    "package a:b@1.0.0; @deprecated(version = 1.0.0) @since(version = 1.0.0) interface i { }",
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(GOOD); i++) {
        sw_diag diag = {0};
        sw_status st = try_text(GOOD[i], &diag);
        if (st != SW_OK) {
            fail_msg("%s\n%s", GOOD[i], diag.text);
        }
    }
}

/* clang-format off */
static const struct {
    const char *text;
    sw_status status;
    const char *message; /* the start of it */
} BAD[] = {
    {"interface i { }", SW_INVALID, "t.wit: no `package` header"},
    {"package a:b\n", SW_MALFORMED, "t.wit:2:1: expected '{', found the end of the file"},
    {"package a:b; interface i { f: func() -> strem; type stream-x = u8; type strem-x = u8; }",
     SW_INVALID, "t.wit:1:41: type `strem` does not exist; did you mean `strem-x`?\n"
                 "    1 | package a:b; interface i { f: func() -> strem;"},
    {"package a:b; interface i { type a = func; }", SW_MALFORMED,
     "t.wit:1:37: expected a type, found the keyword `func`"},
    {"package a:b; interface i { type func = u8; }", SW_MALFORMED,
     "t.wit:1:33: expected a name, found the keyword `func`; as a name it is written `%func`"},
    {"package a:b; interface i { type aB = u8; }", SW_MALFORMED, "t.wit:1:33: `aB` is not a name"},
    {"package a:b; interface i { type a- = u8; }", SW_MALFORMED, "t.wit:1:33: `a-` is not a name"},
    {"package a:b; interface i { type a = b; type b = a; }", SW_INVALID,
     "t.wit:1:49: type `a` depends on itself"},
    {"package a:b; interface i { type a = u8; A: func(); }", SW_INVALID,
     "t.wit:1:41: name `A` is defined more than once"},
    {"package a:b; interface i { enum e { } }", SW_INVALID, "t.wit:1:33: `e` has no cases"},
    {"package a:b; interface i { type a = list<u8, 0>; }", SW_MALFORMED,
     "t.wit:1:46: expected a length of at least 1"},
    {"package a:b; interface i { type a = map<f32, u8>; }", SW_INVALID,
     "t.wit:1:41: the key of a map"},
    {"package a:b; interface i { f: func(a: u8, A: u8); }", SW_INVALID,
     "t.wit:1:43: parameter `A` is defined more than once"},
    {"package a:b; interface i { resource r; f: func() -> list<borrow<r>>; }", SW_INVALID,
     "t.wit:1:40: function `f` returns a type that contains a `borrow`"},
    {"package a:b; interface i { @since(version = 1.0.0) f: func(); }", SW_INVALID,
     "t.wit:1:29: a version gate needs a package with a version"},
    {"package a:b; interface i { @unstable(feature = x) type a = u8; f: func() -> a; }", SW_INVALID,
     "t.wit:1:77: this type is @unstable(feature = x), which is not enabled"},
    {"package a:b; world w { import a:b; }", SW_MALFORMED, "t.wit:1:34: expected '/', found `;`"},
    {"package a:b; world w { include w; }", SW_INVALID,
     "t.wit:1:32: world `a:b/w` includes itself"},
    {"package a:b; interface i { use c:d/e@1.0.0.{x}; }", SW_INVALID,
     "t.wit:1:32: package `c:d@1.0.0` does not exist"},
    {"package a:b; /* open", SW_MALFORMED, "t.wit:1:14: comment is not closed"},
    {"package a:b; // \xe2\x80\xae", SW_MALFORMED, "t.wit:1:17: bidirectional override"},
    {"package a:b; // \xff", SW_MALFORMED, "t.wit:1:17: the text is not UTF-8"},
};
/* clang-format on */

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(BAD); i++) {
        sw_diag diag = {0};
        sw_status st = try_text(BAD[i].text, &diag);
        if (st != BAD[i].status ||
            strncmp(diag.text, BAD[i].message, strlen(BAD[i].message)) != 0) {
            fail_msg("%s\ngot %d: %s\nwanted %d: %s", BAD[i].text, st, diag.text, BAD[i].status,
                     BAD[i].message);
        }
    }
}

static const char SAMPLE[] = "package a:b@0.2.1;\n"
                             "interface e { resource error; }\n"
                             "interface i {\n"
                             "  use e.{error};\n"
                             "  variant v { last(error), closed }\n"
                             "  resource r { read: func(n: u64) -> result<list<u8>, v>; }\n"
                             "  f: func(a: borrow<r>, b: list<u8>) -> result<list<u8>, v>;\n"
                             "}\n"
                             "world w { export i; }\n";

static void test_types(void **state)
{
    (void)state;
    sw_arena arena;
    sw_wit w;
    sw_diag diag = {0};
    sw_wit_types t;
    sw_arena_init(&arena, NULL, (size_t)64 << 20);
    sw_wit_init(&w, &arena);
    assert_int_equal(sw_wit_add_text(&w, SW_STR("t.wit"), sw_str_of(SAMPLE), &diag), SW_OK);
    assert_int_equal(sw_wit_resolve(&w, NULL, &diag), SW_OK);
    const sw_wit_interface *i = sw_wit_find_interface(&w, SW_STR("a:b/i@0.2.1"));
    assert_non_null(i);
    assert_int_equal(sw_wit_types_make(&w, i, &diag, &t), SW_OK);
    assert_int_equal(t.types.resources_count, 2);
    assert_int_equal(t.types.funcs_count, 2);
    assert_string_equal(t.funcs[0]->full_name.ptr, "[method]r.read");
    /* Equal anonymous types are one. */
    assert_int_equal(t.types.funcs[0].result, t.types.funcs[1].result);
    const sw_type_def *result = &t.types.defs[t.types.funcs[0].result];
    assert_int_equal(result->kind, SW_CT_RESULT);
    assert_int_equal(t.types.defs[result->other].kind, SW_CT_VARIANT);
    assert_ptr_equal(t.origins[result->other], sw_wit_find_typedef(i, SW_STR("v")));
    assert_string_equal(t.resources[0]->owner->full_name.ptr, "a:b/e@0.2.1");
    /* The interface of the error is imported, since nobody exports it. */
    const sw_wit_world *world = sw_wit_find_world(&w, SW_STR("a:b/w@0.2.1"));
    assert_non_null(world);
    assert_non_null(world->imports);
    assert_string_equal(world->imports->interface->full_name.ptr, "a:b/e@0.2.1");
    assert_true(world->imports->is_implied);
    assert_null(world->imports->next);
    sw_arena_clear(&arena);
}

/* Chains that would make a walk recurse without end are refused. */
static void test_chain(void **state)
{
    (void)state;
    sw_arena arena;
    sw_diag diag = {0};
    sw_arena_init(&arena, NULL, (size_t)64 << 20);
    char *text = sw_arena_alloc(&arena, 100000, 1);
    size_t at = (size_t)snprintf(text, 100000, "package a:b; interface i { type t0 = u8; ");
    for (int n = 1; n < 2000; n++) {
        at += (size_t)snprintf(text + at, 100000 - at, "type t%d = list<t%d>; ", n, n - 1);
    }
    (void)snprintf(text + at, 100000 - at, "}");
    assert_int_equal(try_text(text, &diag), SW_LIMIT);
    sw_arena_clear(&arena);
}

/* Every allocation fails once; each time there is an error, and in the end success. */
static void test_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 10000; n++) {
        sw_diag diag = {0};
        sw_memory_fail_at(n);
        sw_status st = try_text(SAMPLE, &diag);
        bool failed = sw_memory_failed();
        sw_memory_fail_at(0);
        if (!failed) {
            assert_int_equal(st, SW_OK);
            return;
        }
        assert_int_equal(st, SW_NO_MEMORY);
    }
    fail_msg("never succeeded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_bad),    cmocka_unit_test(test_types),
        cmocka_unit_test(test_chain), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
