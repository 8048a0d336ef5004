/* WIT to binary and back: bytes and text come out equal, and broken binaries are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "component/decode.h"
#include "wit/decode.h"
#include "wit/print.h"

#include <stdio.h>
#include <string.h>

static const sw_wit_features ALL = {.all = true};

typedef struct model {
    sw_arena arena;
    sw_wit wit;
    sw_diag diag;
    sw_status status;
} model;

static void model_init(model *m)
{
    m->diag = (sw_diag){0};
    sw_arena_init(&m->arena, NULL, (size_t)256 << 20);
    sw_wit_init(&m->wit, &m->arena);
}

static void finish(model *m)
{
    if (m->status == SW_OK) {
        m->status = sw_wit_resolve(&m->wit, &ALL, &m->diag);
    }
}

static void read_text(model *m, const char *text)
{
    model_init(m);
    m->status = sw_wit_add_text(&m->wit, SW_STR("t.wit"), sw_str_of(text), &m->diag);
    finish(m);
}

static void read_binary(model *m, sw_bytes bytes)
{
    model_init(m);
    m->status = sw_wit_decode(&m->wit, SW_STR("t.wasm"), bytes, &m->diag);
    finish(m);
}

static void assert_ok(const model *m, const char *text)
{
    if (m->status != SW_OK) {
        fail_msg("%s\n%s", text, m->diag.text);
    }
}

static void encode(model *m, sw_buf *out)
{
    sw_buf_init(out, NULL, (size_t)16 << 20);
    assert_int_equal(sw_wit_encode_package(&m->wit, m->wit.last_root, &m->diag, out), SW_OK);
}

static void print(const model *m, sw_buf *out)
{
    sw_buf_init(out, NULL, (size_t)16 << 20);
    assert_int_equal(sw_wit_print(&m->wit, NULL, out), SW_OK);
    sw_buf_u8(out, 0);
}

/* In canonical form, so that what is printed is the text itself. */
static const char *const TEXTS[] = {
    "/// of the package\n"
    "package a:b@1.2.0;\n"
    "\n"
    "/// lines\n"
    "///\n"
    "///   with a blank one\n"
    "@since(version = 1.0.0)\n"
    "interface i {\n"
    "  /// a record\n"
    "  record r {\n"
    "    /// a field\n"
    "    x: u8,\n"
    "    %type: list<string>,\n"
    "  }\n"
    "\n"
    "  variant v {\n"
    "    none,\n"
    "    some(r),\n"
    "  }\n"
    "\n"
    "  enum e {\n"
    "    a,\n"
    "    b,\n"
    "  }\n"
    "\n"
    "  flags f {\n"
    "    a,\n"
    "  }\n"
    "\n"
    "  resource res {\n"
    "    constructor(a: r) -> result<res, string>;\n"
    "    @unstable(feature = %type)\n"
    "    m: func(x: borrow<res>) -> result<res>;\n"
    "    s: static func() -> option<e>;\n"
    "  }\n"
    "\n"
    "  type l = list<u8>;\n"
    "\n"
    "  type l2 = l;\n"
    "\n"
    "  type h = own<res>;\n"
    "\n"
    "  g: func(a: tuple<l, l2, r>, b: list<u8, 4>, c: map<string, v>) -> result<_, f>;\n"
    "}\n"
    "\n"
    "interface j {\n"
    "  use i.{r as rr, res};\n"
    "\n"
    "  type again = rr;\n"
    "\n"
    "  f: func(a: rr, b: res) -> again;\n"
    "}\n",

    "package a:b;\n"
    "\n"
    "interface i {\n"
    "  resource r;\n"
    "}\n"
    "\n"
    "world w {\n"
    "  import i;\n"
    "  import x: interface {\n"
    "    use i.{r};\n"
    "\n"
    "    f: func(a: r);\n"
    "  }\n"
    "  use i.{r as s};\n"
    "  type t = u32;\n"
    "  resource own-one {\n"
    "    constructor();\n"
    "  }\n"
    "  @external-id(\"abc\")\n"
    "  import f: func(a: t, b: s, c: own-one);\n"
    "\n"
    "  export f: func();\n"
    "  export i;\n"
    "}\n"
    "\n"
    "world wider {\n"
    "  import i;\n"
    "  import x: interface {\n"
    "    use i.{r};\n"
    "\n"
    "    f: func(a: r);\n"
    "  }\n"
    "  use i.{r as s};\n"
    "  type t = u32;\n"
    "  resource own-one {\n"
    "    constructor();\n"
    "  }\n"
    "  @external-id(\"abc\")\n"
    "  import f: func(a: t, b: s, c: own-one);\n"
    "}\n",

    "package a:b;\n"
    "\n"
    "interface i {\n"
    "  use c:d/e@0.2.1.{t};\n"
    "\n"
    "  f: func(a: t);\n"
    "}\n"
    "\n"
    "package c:d@0.2.1 {\n"
    "  interface e {\n"
    "    record t {\n"
    "      x: u8,\n"
    "    }\n"
    "  }\n"
    "}\n",
};

static const char *const ASYNCHRONOUS[] = {
    "package a:b;\n"
    "\n"
    "interface i {\n"
    "  f: async func(s: stream<u8>, t: stream) -> future<error-context>;\n"
    "}\n"
    "\n"
    "world w {\n"
    "  import first: i;\n"
    "\n"
    "  export g: async func(f: future);\n"
    "}\n",
};

/* Text to binary to text to binary. */
static void round_trip(const char *text, bool is_checked)
{
    model a, b;
    sw_buf bytes, printed, again;
    read_text(&a, text);
    assert_ok(&a, text);
    encode(&a, &bytes);
    if (is_checked) {
        const sw_features features = {0};
        sw_component_binary c;
        sw_diag diag = {0};
        if (sw_component_read(&a.arena, sw_buf_bytes(&bytes), &features, &diag, &c) != SW_OK) {
            fail_msg("%s\n%s", text, diag.text);
        }
    }
    read_binary(&b, sw_buf_bytes(&bytes));
    assert_ok(&b, text);
    print(&b, &printed);
    assert_string_equal((const char *)printed.ptr, text);
    encode(&b, &again);
    assert_int_equal(bytes.len, again.len);
    assert_memory_equal(bytes.ptr, again.ptr, bytes.len);
    sw_buf_clear(&bytes);
    sw_buf_clear(&printed);
    sw_buf_clear(&again);
    sw_arena_clear(&a.arena);
    sw_arena_clear(&b.arena);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(TEXTS); i++) {
        round_trip(TEXTS[i], true);
    }
    for (size_t i = 0; i < SW_COUNTOF(ASYNCHRONOUS); i++) {
        round_trip(ASYNCHRONOUS[i], false);
    }
}

/* What is printed of the text on the left is the text on the right. */
static const char *const PRINTED[][2] = {
    /* imports that others imply, includes, order */
    {"package a:b; world w { export k; include v; } world v { import f: func(); }\n"
     "interface k { use i.{r}; } interface i { resource r; }", "package a:b;\n"
     "\n"
     "interface i {\n"
     "  resource r;\n"
     "}\n"
     "\n"
     "interface k {\n"
     "  use i.{r};\n"
     "}\n"
     "\n"
     "world v {\n"
     "  import f: func();\n"
     "}\n"
     "\n"
     "world w {\n"
     "  import i;\n"
     "  import f: func();\n"
     "\n"
     "  export k;\n"
     "}\n"},
    /* types that an include renames */
    {"package a:b; world v { type t = u8; resource r { m: func(a: t) -> r; } import f: func(a: t); "
     "}\n"
     "world w { include v with { t as u, r as s } }",          "package a:b;\n"
     "\n"
     "world v {\n"
     "  type t = u8;\n"
     "  resource r {\n"
     "    m: func(a: t) -> r;\n"
     "  }\n"
     "  import f: func(a: t);\n"
     "}\n"
     "\n"
     "world w {\n"
     "  type u = u8;\n"
     "  resource s {\n"
     "    m: func(a: u) -> s;\n"
     "  }\n"
     "  import f: func(a: u);\n"
     "}\n"         },
    /* comments of all kinds; a type behind one that is made of it */
    {"package a:b; // one\n//  two\n interface i { /** block */ f: func(); type b = a; type a = "
     "u8; }",                                                  "package a:b;\n"
     "\n"
     "/// one\n"
     "///  two\n"
     "interface i {\n"
     "  type a = u8;\n"
     "\n"
     "  type b = a;\n"
     "\n"
     "  /// block\n"
     "  f: func();\n"
     "}\n"                                                 },
};

static void test_print(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(PRINTED); i++) {
        model m;
        sw_buf printed;
        read_text(&m, PRINTED[i][0]);
        assert_ok(&m, PRINTED[i][0]);
        print(&m, &printed);
        assert_string_equal((const char *)printed.ptr, PRINTED[i][1]);
        round_trip(PRINTED[i][1], true);
        sw_buf_clear(&printed);
        sw_arena_clear(&m.arena);
    }
}

/* Every truncation and every change of one byte is read or refused with a message. */
static void test_damage(void **state)
{
    (void)state;
    model a, b;
    sw_buf bytes;
    read_text(&a, TEXTS[1]);
    assert_ok(&a, TEXTS[1]);
    encode(&a, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        read_binary(&b, (sw_bytes){bytes.ptr, i});
        assert_true(b.status == SW_OK || b.diag.text[0] != '\0');
        sw_arena_clear(&b.arena);
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes.ptr[i] ^= (uint8_t)(1u << bit);
            read_binary(&b, sw_buf_bytes(&bytes));
            assert_true(b.status == SW_OK || b.diag.text[0] != '\0');
            sw_arena_clear(&b.arena);
            bytes.ptr[i] ^= (uint8_t)(1u << bit);
        }
    }
    sw_buf_clear(&bytes);
    sw_arena_clear(&a.arena);
}

/* A core module with two component-type sections: one world with what both ask for. */
static void test_module(void **state)
{
    (void)state;
    static const char *const WORLDS[] = {
        "package a:b; world one { import f: func(); import i; } interface i { g: func(); }",
        "package a:b; world two { export h: func(); import f: func(); import i; } interface i { k: "
        "func(); }"};
    model m;
    sw_buf module, printed;
    sw_buf_init(&module, NULL, (size_t)1 << 20);
    sw_buf_write(&module, "\0asm\1\0\0\0", 8);
    for (size_t i = 0; i < SW_COUNTOF(WORLDS); i++) {
        model w;
        sw_buf payload;
        read_text(&w, WORLDS[i]);
        assert_ok(&w, WORLDS[i]);
        sw_buf_init(&payload, NULL, (size_t)1 << 20);
        assert_int_equal(sw_wit_encode_world(&w.wit, w.wit.packages->scopes->worlds, SW_WIT_UTF8,
                                             &w.diag, &payload),
                         SW_OK);
        sw_buf_u8(&module, 0);
        sw_buf_leb_u32(&module, (uint32_t)payload.len + 17);
        sw_buf_u8(&module, 16);
        sw_buf_str(&module, i == 0 ? SW_STR("component-type:a") : SW_STR("component-type:b"));
        sw_buf_write(&module, payload.ptr, payload.len);
        sw_buf_clear(&payload);
        sw_arena_clear(&w.arena);
    }
    read_binary(&m, sw_buf_bytes(&module));
    assert_ok(&m, "module");
    print(&m, &printed);
    const char *want = "package root:module;\n"
                       "\n"
                       "world root {\n"
                       "  import a:b/i;\n"
                       "  import f: func();\n"
                       "\n"
                       "  export h: func();\n"
                       "}\n";
    assert_memory_equal(printed.ptr, want, strlen(want));
    assert_non_null(strstr((const char *)printed.ptr, "    g: func();\n\n    k: func();\n"));
    sw_buf_clear(&module);
    sw_buf_clear(&printed);
    sw_arena_clear(&m.arena);
}

/* The worlds of two payloads, read on their own. */
static void test_unite(void **state)
{
    (void)state;
    static const char *const WORLDS[] = {
        "package a:b; world one { import f: func(a: u8); }",
        "package c:d; world two { import f: func(a: u8); export g: func(); }"};
    model m, w[2];
    sw_buf payload[2], printed;
    sw_wit_world *worlds[2], *all;
    model_init(&m);
    for (size_t i = 0; i < SW_COUNTOF(WORLDS); i++) {
        sw_wit_metadata metadata;
        read_text(&w[i], WORLDS[i]);
        assert_ok(&w[i], WORLDS[i]);
        sw_buf_init(&payload[i], NULL, (size_t)1 << 20);
        assert_int_equal(sw_wit_encode_world(&w[i].wit, w[i].wit.packages->scopes->worlds,
                                             SW_WIT_UTF16, &w[i].diag, &payload[i]),
                         SW_OK);
        m.status = sw_wit_decode_metadata(&m.wit, SW_STR("m"), sw_buf_bytes(&payload[i]), &m.diag,
                                          &metadata);
        assert_ok(&m, "metadata");
        assert_int_equal(metadata.strings, SW_WIT_UTF16);
        assert_true(metadata.producers.len > 0);
        worlds[i] = metadata.world;
    }
    m.status = sw_wit_unite(&m.wit, SW_STR("root:component/root"), worlds, 2, &m.diag, &all);
    finish(&m);
    assert_ok(&m, "unite");
    sw_buf_init(&printed, NULL, (size_t)1 << 20);
    assert_int_equal(sw_wit_print_package(&m.wit, m.wit.last_root, NULL, &printed), SW_OK);
    sw_buf_u8(&printed, 0);
    assert_string_equal((const char *)printed.ptr, "package root:component;\n"
                                                   "\n"
                                                   "world root {\n"
                                                   "  import f: func(a: u8);\n"
                                                   "\n"
                                                   "  export g: func();\n"
                                                   "}\n");
    sw_buf_clear(&printed);
    for (size_t i = 0; i < SW_COUNTOF(WORLDS); i++) {
        sw_buf_clear(&payload[i]);
        sw_arena_clear(&w[i].arena);
    }
    sw_arena_clear(&m.arena);
}

/* Whatever the arena runs out of, the failure is reported. */
static void test_no_memory(void **state)
{
    (void)state;
    model a, b;
    sw_buf bytes;
    read_text(&a, TEXTS[0]);
    assert_ok(&a, TEXTS[0]);
    encode(&a, &bytes);
    for (size_t cap = 0; cap < 1 << 17; cap += 1000) {
        model_init(&b);
        b.arena.cap_bytes = cap;
        b.status = sw_wit_decode(&b.wit, SW_STR("t.wasm"), sw_buf_bytes(&bytes), &b.diag);
        finish(&b);
        assert_true(b.status == SW_OK || b.status == SW_NO_MEMORY);
        sw_arena_clear(&b.arena);
    }
    assert_int_equal(b.status, SW_OK);
    sw_buf_clear(&bytes);
    sw_arena_clear(&a.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_print),
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_module),
        cmocka_unit_test(test_unite),      cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
