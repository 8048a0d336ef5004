/* The bindings generator: its layouts are those of the canonical ABI, its output is what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "component/canon.h"
#include "wit/bindgen_private.h"

#include <string.h>

typedef struct fixture {
    sw_arena arena;
    sw_wit wit;
    sw_bindgen b;
    sw_diag diag;
} fixture;

static void start(fixture *f, const char *text)
{
    memset(f, 0, sizeof *f);
    sw_arena_init(&f->arena, NULL, (size_t)64 << 20);
    sw_wit_init(&f->wit, &f->arena);
    f->b = (sw_bindgen){.wit = &f->wit, .prefix = SW_STR("sw"), .diag = &f->diag};
    sw_status st = sw_wit_add_text(&f->wit, SW_STR("t.wit"), sw_str_of(text), &f->diag);
    if (st == SW_OK) {
        st = sw_wit_resolve(&f->wit, NULL, &f->diag);
    }
    if (st != SW_OK) {
        fail_msg("%s", f->diag.text);
    }
}

/* One def of every kind, with payloads of all alignments. */
static const char ZOO[] =
    "package a:b;\n"
    "interface i {\n"
    "  resource r;\n"
    "  record empty {}\n"
    "  record pair { a: u8, b: empty, c: u64, d: char }\n"
    "  flags f8 { a, b }\n"
    "  flags f16 { a1, a2, a3, a4, a5, a6, a7, a8, a9 }\n"
    "  flags f-32 { a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17 }\n"
    "  enum e { x, y }\n"
    "  variant none { x, y }\n"
    "  variant mixed { x(u8), y(pair), z, w(list<string>), v(f32) }\n"
    "  type t1 = option<u8>; type t2 = option<u64>; type t3 = option<option<string>>;\n"
    "  type t4 = result; type t5 = result<u16>; type t6 = result<_, mixed>;\n"
    "  type t7 = result<empty, s16>; type t8 = tuple<u8, u16, f64, bool>; type t9 = tuple<>;\n"
    "  type t10 = list<mixed>; type t11 = option<r>; type t12 = tuple<f8, f16, f-32, none, e>;\n"
    "  f: func(a: borrow<r>, b: t9, c: s8) -> result<t12, t3>;\n"
    "}\n";

static void test_layout(void **state)
{
    (void)state;
    fixture f;
    sw_bindgen_unit u;
    start(&f, ZOO);
    const sw_wit_interface *i = sw_wit_find_interface(&f.wit, SW_STR("a:b/i"));
    assert_int_equal(sw_bindgen_unit_init(&u, &f.b, i), SW_OK);
    assert_true(u.t.types.defs_count > 20);
    sw_canon_layouts layouts;
    assert_int_equal(sw_canon_layouts_make(&f.arena, &u.t.types, NULL, &layouts), SW_OK);
    for (uint32_t n = 0; n < u.t.types.defs_count; n++) {
        sw_canon_layout l = sw_canon_layout_get(&layouts, n);
        if (l.host_bytes != u.layouts[n].size || l.host_align != u.layouts[n].align) {
            fail_msg("%s: canonical ABI %u/%u, bindings %u/%u", u.mangled[n], l.host_bytes,
                     l.host_align, u.layouts[n].size, u.layouts[n].align);
        }
    }
    sw_arena_clear(&f.arena);
}

static bool holds(const sw_buf *b, const char *what)
{
    return memmem(b->ptr, b->len, what, strlen(what)) != NULL;
}

static void test_output(void **state)
{
    (void)state;
    static const char *const header_parts[] = {
        "typedef struct sw_a_b_i_pair_t {\n    uint8_t a;\n    uint64_t c;\n    uint32_t d;\n}",
        "sw_trap sw_a_b_i_f(sw_host_call *call,\n    const sw_a_b_i_f_params *params,",
        "void sw_a_b_i_r_drop(void *env, uint32_t rep);",
        "    SW_A_B_I_F8_B = 1 << 1,\n",
        "extern const sw_host_iface sw_a_b_i_iface;",
    };
    fixture f;
    sw_buf header;
    sw_buf source;
    start(&f, ZOO);
    sw_buf_init(&header, NULL, (size_t)1 << 20);
    sw_buf_init(&source, NULL, (size_t)1 << 20);
    const sw_wit_interface *i = sw_wit_find_interface(&f.wit, SW_STR("a:b/i"));
    assert_string_equal(sw_bindgen_file_base(&f.b, i), "a_b_i");
    assert_int_equal(sw_bindgen_write(&f.b, i, &header, &source), SW_OK);
    for (size_t n = 0; n < SW_COUNTOF(header_parts); n++) {
        if (!holds(&header, header_parts[n])) {
            fail_msg("not in the header: %s\n%.*s", header_parts[n], (int)header.len, header.ptr);
        }
    }
    assert_true(holds(&source, "    {SW_STR_INIT(\"f\"), 0, call_f, NULL},\n"));
    assert_true(holds(
        &source, "    {SW_STR_INIT(\"r\"), 0, sw_a_b_i_r_drop, SW_STR_INIT(\"\"), NULL, false},"));
    sw_buf_clear(&header);
    sw_buf_clear(&source);
    sw_arena_clear(&f.arena);
}

/* clang-format off */
static const struct {
    const char *text, *message;
} REFUSED[] = {
    {"package a:b; interface i { f: func() -> list<u8, 4>; }",
     "a:b/i: lists of fixed length and maps have no C bindings"},
    {"package a:b; interface i { r-m: func(); resource r { m: func(); } }",
     "t.wit:1:28: `r-m` and `[method]r.m` have the same name in C"},
};
/* clang-format on */

static void test_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < SW_COUNTOF(REFUSED); n++) {
        fixture f;
        sw_buf out;
        start(&f, REFUSED[n].text);
        sw_buf_init(&out, NULL, (size_t)1 << 20);
        const sw_wit_interface *i = sw_wit_find_interface(&f.wit, SW_STR("a:b/i"));
        assert_int_equal(sw_bindgen_write(&f.b, i, &out, &out), SW_UNSUPPORTED);
        if (strncmp(f.diag.text, REFUSED[n].message, strlen(REFUSED[n].message)) != 0) {
            fail_msg("%s", f.diag.text);
        }
        sw_buf_clear(&out);
        sw_arena_clear(&f.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
