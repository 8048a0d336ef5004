/* Decoding of modules and validation of everything but bodies: one row per rule. */
#include "sample.h"
#include "wasm/const_expr.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define P      "\0asm\1\0\0\0"
#define ROW(s) (s), sizeof(s) - 1

typedef struct row {
    const char *bytes;
    size_t len;
    sw_status status; /* of reading, then of validating */
    uint32_t offset;  /* of the report; 0: not looked at */
} row;

static const row ROWS[] = {
    /* preamble */
    {ROW(""),                                            SW_MALFORMED,   0 },
    {ROW("\0asm"),                                       SW_MALFORMED,   0 },
    {ROW("\0asn\1\0\0\0"),                               SW_MALFORMED,   0 },
    {ROW("\0asm\2\0\0\0"),                               SW_MALFORMED,   0 },
    {ROW("\0asm\r\0\1\0"),                               SW_MALFORMED,   0 },
    {ROW(P),                                             SW_OK,          0 },
    /* sections */
    {ROW(P "\x0e\0"),                                    SW_MALFORMED,   8 },
    {ROW(P "\1\2\0"),                                    SW_MALFORMED,   8 },
    {ROW(P "\1\2\0\0"),                                  SW_MALFORMED,   11},
    {ROW(P "\1\1\0\1\1\0"),                              SW_MALFORMED,   11},
    {ROW(P "\3\1\0\1\1\0"),                              SW_MALFORMED,   11},
    {ROW(P "\1\x80\x80\x80\x80\x80\0\0"),                SW_MALFORMED,   14},
    {ROW(P "\1\1\0\0\2\1x\1\1\0"),                       SW_MALFORMED,   15},
    {ROW(P "\0\2\1x\1\1\0\0\3\1yz"),                     SW_OK,          0 },
    {ROW(P "\0\0"),                                      SW_MALFORMED,   10},
    {ROW(P "\0\2\2x"),                                   SW_MALFORMED,   0 },
    {ROW(P "\0\2\1\xff"),                                SW_MALFORMED,   11},
    /* types */
    {ROW(P "\1\4\1\x60\0\0"),                            SW_OK,          0 },
    {ROW(P "\1\4\1\x61\0\0"),                            SW_MALFORMED,   11},
    {ROW(P "\1\5\1\x60\1\x7a\0"),                        SW_MALFORMED,   13},
    {ROW(P "\1\5\1\x60\1\x7b\0"),                        SW_UNSUPPORTED, 13},
    {ROW(P "\1\6\1\x60\1\x63\x70\0"),                    SW_OK,          0 },
    {ROW(P "\1\6\1\x60\1\x63\0\0"),                      SW_UNSUPPORTED, 13},
    {ROW(P "\1\5\1\x60\1\x6e\0"),                        SW_UNSUPPORTED, 13},
    {ROW(P "\1\5\1\x60\1\x69\0"),                        SW_UNSUPPORTED, 13},
    {ROW(P "\1\3\1\x5f\0"),                              SW_UNSUPPORTED, 11},
    {ROW(P "\1\4\1\x5e\x7f\0"),                          SW_UNSUPPORTED, 11},
    {ROW(P "\1\6\1\x50\0\x60\0\0"),                      SW_UNSUPPORTED, 11},
    {ROW(P "\1\3\1\x4e\0"),                              SW_UNSUPPORTED, 11},
    {ROW(P "\1\3\xff\xff\3"),                            SW_MALFORMED,   10},
    {ROW(P "\1\5\xff\xff\xff\xff\x0f"),                  SW_LIMIT,       10},
    {ROW(P "\1\6\1\x60\xe9\7\0\0"),                      SW_LIMIT,       12},
    /* imports */
    {ROW(P "\1\4\1\x60\0\0\2\7\1\1a\1b\0\0"),            SW_OK,          0 },
    {ROW(P "\1\4\1\x60\0\0\2\7\1\1a\1b\0\1"),            SW_INVALID,     14},
    {ROW(P "\2\7\1\1a\1b\5\0"),                          SW_MALFORMED,   15},
    {ROW(P "\1\4\1\x60\0\0\2\x8\1\1a\1b\4\0\0"),         SW_UNSUPPORTED, 22},
    {ROW(P "\2\x8\1\1a\1b\3\x7f\2"),                     SW_MALFORMED,   17},
    {ROW(P "\2\x8\1\1a\1b\3\x7f\1"),                     SW_OK,          0 },
    {ROW(P "\2\x9\1\1a\1b\1\x70\0\1"),                   SW_OK,          0 },
    {ROW(P "\2\x9\1\1a\1b\1\x7f\0\1"),                   SW_MALFORMED,   16},
    {ROW(P "\2\7\1\1\xc0\1b\0\0"),                       SW_MALFORMED,   12},
    /* functions and code */
    {ROW(P "\1\4\1\x60\0\0\3\2\1\0"),                    SW_MALFORMED,   18},
    {ROW(P "\1\4\1\x60\0\0\3\2\1\0\x0a\4\1\2\0\x0b"),    SW_OK,          0 },
    {ROW(P "\1\4\1\x60\0\0\3\2\1\1\x0a\4\1\2\0\x0b"),    SW_INVALID,     14},
    {ROW(P "\1\4\1\x60\0\0\3\2\1\0\x0a\4\1\3\0\x0b"),    SW_MALFORMED,   0 },
    {ROW(P "\1\4\1\x60\0\0\3\2\1\0\x0a\4\1\1\0\x0b"),    SW_MALFORMED,   23},
    {ROW(P "\x0a\4\1\2\0\x0b"),                          SW_MALFORMED,   14},
    {ROW(P "\3\1\0\x0a\1\0"),                            SW_OK,          0 },
    /* tables and memories */
    {ROW(P "\4\4\1\x70\0\0"),                            SW_OK,          0 },
    {ROW(P "\4\5\1\x70\1\5\4"),                          SW_INVALID,     8 },
    {ROW(P "\4\4\1\x70\4\0"),                            SW_UNSUPPORTED, 12},
    {ROW(P "\4\4\1\x70\2\0"),                            SW_MALFORMED,   12},
    {ROW(P "\4\x9\1\x40\0\x70\0\0\xd0\x70\x0b"),         SW_UNSUPPORTED, 11},
    {ROW(P "\4\x8\1\x70\0\xff\xff\xff\xff\x0f"),         SW_OK,          0 },
    {ROW(P "\4\x8\1\x70\0\x80\x80\x80\x80\x10"),         SW_INVALID,     8 },
    {ROW(P "\5\3\1\0\1"),                                SW_OK,          0 },
    {ROW(P "\5\4\1\1\2\1"),                              SW_INVALID,     8 },
    {ROW(P "\5\5\1\0\x80\x80\4"),                        SW_OK,          0 },
    {ROW(P "\5\5\1\0\x81\x80\4"),                        SW_INVALID,     8 },
    {ROW(P "\5\6\1\1\0\x81\x80\4"),                      SW_INVALID,     8 },
    {ROW(P "\5\3\1\4\1"),                                SW_UNSUPPORTED, 11},
    {ROW(P "\5\4\1\3\1\1"),                              SW_UNSUPPORTED, 11},
    {ROW(P "\5\3\1\x10\1"),                              SW_MALFORMED,   11},
    {ROW(P "\5\5\2\0\1\0\1"),                            SW_UNSUPPORTED, 13},
    {ROW(P "\x0d\3\1\0\0"),                              SW_UNSUPPORTED, 11},
    /* globals and constant expressions */
    {ROW(P "\6\6\1\x7f\0\x41\0\x0b"),                    SW_OK,          0 },
    {ROW(P "\6\6\1\x7e\0\x41\0\x0b"),                    SW_INVALID,     15},
    {ROW(P "\6\4\1\x7f\0\x0b"),                          SW_INVALID,     13},
    {ROW(P "\6\x8\1\x7f\0\x41\0\x41\0\x0b"),             SW_INVALID,     17},
    {ROW(P "\6\7\1\x7f\0\x41\0\x45\x0b"),                SW_INVALID,     15},
    {ROW(P "\6\x9\1\x7f\0\x41\0\x41\1\x6a\x0b"),         SW_OK,          0 },
    {ROW(P "\6\x9\1\x7e\0\x42\0\x42\1\x7e\x0b"),         SW_OK,          0 },
    {ROW(P "\6\x9\1\x7e\0\x42\0\x41\1\x7e\x0b"),         SW_INVALID,     17},
    {ROW(P "\6\7\1\x7e\0\x42\0\x7c\x0b"),                SW_INVALID,     15},
    {ROW(P "\6\x9\1\x7f\0\x41\0\x41\1\x6d\x0b"),         SW_INVALID,     17},
    {ROW(P "\6\6\1\x7f\0\x23\0\x0b"),                    SW_INVALID,     13},
    {ROW(P "\6\x0b\2\x7f\0\x41\0\x0b\x7f\0\x23\0\x0b"),  SW_OK,          0 },
    {ROW(P "\6\x0b\2\x7f\1\x41\0\x0b\x7f\0\x23\0\x0b"),  SW_INVALID,     18},
    {ROW(P "\6\6\1\x70\0\xd0\x70\x0b"),                  SW_OK,          0 },
    {ROW(P "\6\6\1\x70\0\xd0\x6f\x0b"),                  SW_INVALID,     15},
    {ROW(P "\6\6\1\x70\0\xd0\0\x0b"),                    SW_UNSUPPORTED, 13},
    {ROW(P "\6\6\1\x70\0\xd2\0\x0b"),                    SW_INVALID,     13},
    {ROW(P "\6\5\1\x7f\0\x41\0"),                        SW_MALFORMED,   15},
    {ROW(P "\6\6\1\x7f\0\xc5\0\x0b"),                    SW_MALFORMED,   13},
    {ROW(P "\6\6\1\x7f\2\x41\0\x0b"),                    SW_MALFORMED,   12},
    /* exports and start */
    {ROW(P "\5\3\1\0\1\7\5\1\1x\2\0"),                   SW_OK,          0 },
    {ROW(P "\5\3\1\0\1\7\5\1\1x\2\1"),                   SW_INVALID,     13},
    {ROW(P "\5\3\1\0\1\7\5\1\1x\5\0"),                   SW_MALFORMED,   18},
    {ROW(P "\5\3\1\0\1\7\x9\2\1x\2\0\1x\2\0"),           SW_INVALID,     13},
    {ROW(P "\x8\1\0"),                                   SW_INVALID,     8 },
    {ROW(P "\1\4\1\x60\0\0\2\7\1\1a\1b\0\0\x8\1\0"),     SW_OK,          0 },
    {ROW(P "\1\5\1\x60\1\x7f\0\2\7\1\1a\1b\0\0\x8\1\0"), SW_INVALID,     24},
    /* segments */
    {ROW(P "\x9\6\1\0\x41\0\x0b\0"),                     SW_INVALID,     8 },
    {ROW(P "\4\4\1\x70\0\1\x9\6\1\0\x41\0\x0b\0"),       SW_OK,          0 },
    {ROW(P "\4\4\1\x6f\0\1\x9\6\1\0\x41\0\x0b\0"),       SW_INVALID,     14},
    {ROW(P "\4\4\1\x70\0\1\x9\6\1\0\x42\0\x0b\0"),       SW_INVALID,     20},
    {ROW(P "\4\4\1\x70\0\1\x9\7\1\0\x41\0\x0b\1\0"),     SW_INVALID,     14},
    {ROW(P "\x9\4\1\1\0\0"),                             SW_OK,          0 },
    {ROW(P "\x9\4\1\1\1\0"),                             SW_MALFORMED,   12},
    {ROW(P "\x9\4\1\3\0\0"),                             SW_OK,          0 },
    {ROW(P "\x9\4\1\x8\0\0"),                            SW_MALFORMED,   11},
    {ROW(P "\x9\7\1\5\x70\1\xd0\x70\x0b"),               SW_OK,          0 },
    {ROW(P "\x9\7\1\5\x70\1\xd0\x6f\x0b"),               SW_INVALID,     16},
    {ROW(P "\x0b\7\1\0\x41\0\x0b\1a"),                   SW_INVALID,     8 },
    {ROW(P "\5\3\1\0\1\x0b\7\1\0\x41\0\x0b\1a"),         SW_OK,          0 },
    {ROW(P "\5\3\1\0\1\x0b\x8\1\2\0\x41\0\x0b\1a"),      SW_OK,          0 },
    {ROW(P "\5\3\1\0\1\x0b\x8\1\2\1\x41\0\x0b\1a"),      SW_INVALID,     13},
    {ROW(P "\x0b\4\1\1\1a"),                             SW_OK,          0 },
    {ROW(P "\x0b\4\1\3\1a"),                             SW_MALFORMED,   11},
    {ROW(P "\x0c\1\1\x0b\4\1\1\1a"),                     SW_OK,          0 },
    {ROW(P "\x0c\1\2\x0b\4\1\1\1a"),                     SW_MALFORMED,   17},
    {ROW(P "\x0c\1\1"),                                  SW_MALFORMED,   11},
};

static sw_status load(sw_bytes bytes, const sw_features *features, sw_arena *arena, sw_diag *diag,
                      sw_module *m)
{
    sw_status st = sw_module_read(arena, bytes, 0, features, diag, m);
    return st == SW_OK ? sw_module_validate(m, features, diag) : st;
}

static void test_rows(void **)
{
    static const sw_features FEATURES = {};
    unsigned wrong = 0;
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        const row *t = &ROWS[i];
        sw_arena arena;
        sw_arena_init(&arena, NULL, SIZE_MAX);
        sw_diag diag = {};
        sw_module m;
        sw_bytes bytes = {(const uint8_t *)t->bytes, t->len};
        sw_status st = load(bytes, &FEATURES, &arena, &diag, &m);
        if (st != t->status || (t->offset != 0 && diag.offset != t->offset)) {
            print_message("row %zu: %s at %u: %s; expected %s at %u\n", i, sw_status_text(st),
                          diag.offset, diag.text, sw_status_text(t->status), t->offset);
            wrong++;
        }
        sw_arena_clear(&arena);
    }
    assert_int_equal(wrong, 0);
}

/* With everything on, later features decode. */
static const row LATER_ROWS[] = {
    {ROW(P "\1\5\1\x60\1\x7b\0"),                                       SW_OK,      0},
    {ROW(P "\1\6\1\x60\1\x63\0\0"),                                     SW_OK,      0},
    {ROW(P "\1\6\1\x60\1\x64\1\0"),                                     SW_INVALID, 0},
    {ROW(P "\1\x12\1\x4e\2\x50\0\x5f\1\x64\1\1\x50\1\0\x5f\1\x64\1\1"), SW_OK,      0},
    {ROW(P "\1\x0c\2\x50\0\x5f\1\x78\0\x50\1\0\x5f\0"),                 SW_INVALID, 0},
    {ROW(P "\1\x0a\2\x5f\0\x50\1\0\x5f\1\x7f\0"),                       SW_INVALID, 0},
    {ROW(P "\5\3\1\4\1"),                                               SW_OK,      0},
    {ROW(P "\5\4\1\3\1\1"),                                             SW_OK,      0},
    {ROW(P "\5\3\1\2\1"),                                               SW_INVALID, 0},
    {ROW(P "\5\5\2\0\1\0\1"),                                           SW_OK,      0},
    {ROW(P "\1\4\1\x60\0\0\x0d\3\1\0\0"),                               SW_OK,      0},
    {ROW(P "\1\5\1\x60\0\1\x7f\x0d\3\1\0\0"),                           SW_INVALID, 0},
    {ROW(P "\4\x9\1\x40\0\x70\0\0\xd0\x70\x0b"),                        SW_OK,      0},
    {ROW(P "\4\5\1\x64\x70\0\0"),                                       SW_INVALID, 0},
};

static void test_later_features_decode(void **)
{
    static const sw_features ALL = {true, true, true, true, true, true, true, true};
    for (size_t i = 0; i < SW_COUNTOF(LATER_ROWS); i++) {
        sw_arena arena;
        sw_arena_init(&arena, NULL, SIZE_MAX);
        sw_diag diag = {};
        sw_module m;
        sw_bytes bytes = {(const uint8_t *)LATER_ROWS[i].bytes, LATER_ROWS[i].len};
        sw_status st = load(bytes, &ALL, &arena, &diag, &m);
        if (st != LATER_ROWS[i].status) {
            print_message("row %zu: %s\n", i, diag.text);
        }
        assert_int_equal(st, LATER_ROWS[i].status);
        sw_arena_clear(&arena);
    }
}

static void test_contents(void **)
{
    static const sw_features FEATURES = {};
    sw_buf b;
    sw_buf_init(&b, NULL, SIZE_MAX);
    sample_module(&b, ROW("\0\x41\0\x0b"));
    sw_buf_write(&b, ROW("\0\x17\4name\0\4\3mod\1\x0a\2\0\2f0\2\3run"));
    sw_arena arena;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sw_diag diag = {};
    sw_module m;
    assert_int_equal(load(sw_buf_bytes(&b), &FEATURES, &arena, &diag, &m), SW_OK);
    assert_int_equal(m.types_count, 5);
    assert_int_equal(m.funcs_count, 4);
    assert_int_equal(m.imported_funcs, 2);
    assert_int_equal(m.imported_globals, 1);
    assert_int_equal(m.tables[1].type.limits.max, 5);
    assert_int_equal(m.memories[0].limits.min, 1);
    assert_int_equal(m.elems[0].mode, SW_SEGMENT_PASSIVE);
    assert_int_equal(m.datas[0].bytes.len, 2);
    assert_true(m.funcs[3].is_declared);
    assert_false(m.funcs[0].is_declared);
    assert_true(sw_str_eq(m.name, SW_STR("mod")));
    assert_true(sw_str_eq(sw_module_func_name(&m, 0), SW_STR("f0")));
    assert_true(sw_str_eq(sw_module_func_name(&m, 2), SW_STR("run")));
    assert_int_equal(sw_module_func_name(&m, 3).len, 0);
    assert_non_null(sw_module_export(&m, SW_STR("x")));
    assert_null(sw_module_export(&m, SW_STR("y")));
    assert_non_null(sw_module_custom(&m, SW_STR("name")));
    sw_arena_clear(&arena);
    sw_buf_clear(&b);
}

/* A broken name section never makes a module wrong. */
static void test_names_are_optional(void **)
{
    static const row NAMES[] = {
        {ROW(P "\0\7\4name\0\xff"),           SW_OK, 0},
        {ROW(P "\0\x8\4name\1\1\5"),          SW_OK, 0},
        {ROW(P "\0\x0b\4name\1\4\1\0\1x"),    SW_OK, 0},
        {ROW(P "\0\x0a\4name\0\3\2\xff\xff"), SW_OK, 0},
    };
    static const sw_features FEATURES = {};
    for (size_t i = 0; i < SW_COUNTOF(NAMES); i++) {
        sw_arena arena;
        sw_arena_init(&arena, NULL, SIZE_MAX);
        sw_module m;
        sw_diag diag = {};
        sw_bytes bytes = {(const uint8_t *)NAMES[i].bytes, NAMES[i].len};
        assert_int_equal(load(bytes, &FEATURES, &arena, &diag, &m), SW_OK);
        assert_int_equal(m.func_names_count, 0);
        assert_int_equal(m.name.len, 0);
        sw_arena_clear(&arena);
    }
}

/* Equal function types share a canonical index. */
static void test_canonical_types(void **)
{
    static const char BYTES[] = P "\1\x0f\4\x60\0\0\x60\1\x7f\0\x60\0\0\x60\0\1\x7f";
    static const sw_features FEATURES = {};
    sw_arena arena;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sw_module m;
    sw_diag diag = {};
    sw_bytes bytes = {(const uint8_t *)BYTES, sizeof BYTES - 1};
    assert_int_equal(load(bytes, &FEATURES, &arena, &diag, &m), SW_OK);
    assert_int_equal(m.types[0].canonical, 0);
    assert_int_equal(m.types[1].canonical, 1);
    assert_int_equal(m.types[2].canonical, 0);
    assert_int_equal(m.types[3].canonical, 3);
    sw_arena_clear(&arena);
}

/* Whether the length is that of the preamble or ends a section. */
static bool ends_section(sw_bytes b, size_t len)
{
    size_t at = 8;
    while (at < len) {
        sw_reader r = sw_reader_make(sw_bytes_slice(b, at + 1, b.len - at - 1), 0, NULL);
        uint32_t size = sw_reader_leb_u32(&r);
        at += 1 + (size_t)(r.pos - r.base) + size;
    }
    return at == len;
}

static void test_truncations(void **)
{
    static const sw_features FEATURES = {};
    sw_buf b;
    sw_buf_init(&b, NULL, SIZE_MAX);
    sample_module(&b, ROW("\0\x41\0\x0b"));
    unsigned refused = 0;
    for (size_t len = 0; len < b.len; len++) {
        sw_arena arena;
        sw_arena_init(&arena, NULL, SIZE_MAX);
        sw_module m;
        sw_diag diag = {};
        sw_bytes cut = {b.ptr, len};
        sw_status st = load(cut, &FEATURES, &arena, &diag, &m);
        assert_true(st == SW_OK || st == SW_MALFORMED || st == SW_INVALID);
        if (!ends_section(sw_buf_bytes(&b), len)) {
            assert_int_equal(st, SW_MALFORMED);
            assert_in_range(diag.offset, 0, len);
            refused++;
        }
        sw_arena_clear(&arena);
    }
    assert_in_range(refused, b.len - 20, b.len);
    sw_buf_clear(&b);
}

/* Every allocation fails once; nothing leaks, and the report is honest. */
static void test_out_of_memory(void **)
{
    static const sw_features FEATURES = {};
    sw_buf b;
    sw_buf_init(&b, NULL, SIZE_MAX);
    sample_module(&b, ROW("\2\1\x7f\1\x7e\x02\x40\x03\x40\x0b\x0b\x41\0\x0b"));
    sw_buf_write(&b, ROW("\0\x17\4name\0\4\3mod\1\x0a\2\0\2f0\2\3run"));
    for (uint64_t nth = 1;; nth++) {
        sw_budget budget;
        sw_budget_init(&budget, SIZE_MAX);
        sw_arena arena;
        sw_arena_init(&arena, &budget, SIZE_MAX);
        sw_module m;
        sw_diag diag = {};
        sw_memory_fail_at(nth);
        sw_status st = load(sw_buf_bytes(&b), &FEATURES, &arena, &diag, &m);
        if (st == SW_OK) {
            st = sw_module_validate_bodies(&m, &FEATURES, &diag);
        }
        bool failed = sw_memory_failed();
        sw_memory_fail_at(0);
        sw_arena_clear(&arena);
        assert_int_equal(atomic_load(&budget.used_bytes), 0);
        assert_int_equal(st, failed ? SW_NO_MEMORY : SW_OK);
        if (!failed) {
            assert_true(nth > 10);
            break;
        }
    }
    sw_buf_clear(&b);
}

static bool twice(void *, uint32_t global, uint64_t *ret_bits)
{
    *ret_bits = 2 * (uint64_t)global;
    return true;
}

static void test_const_expr(void **)
{
    static const struct {
        const char *expr;
        bool known; /* without an environment */
        uint64_t value;
    } CASES[] = {
        {"\x41\x7f\x0b",                             true,  0xffffffff},
        {"\x42\x7f\x0b",                             true,  UINT64_MAX},
        {"\x43\1\2\3\4\x0b",                         true,  0x04030201},
        {"\x41\1\x41\2\x6b\x0b",                     true,  0xffffffff},
        {"\x42\7\x42\6\x7e\x42\1\x7c\x0b",           true,  43        },
        {"\xd0\x70\x0b",                             true,  0         },
        {"\x23\5\x0b",                               false, 10        },
        {"\x23\5\x41\3\x6c\x0b",                     false, 30        },
        {"\xd2\4\x0b",                               false, 8         },
        {"\x41\x80\x80\x80\x80\x78\x41\x7f\x6a\x0b", true,  0x7fffffff},
    };
    const sw_const_env nothing = {};
    const sw_const_env doubles = {.get_global = twice, .get_func = twice};
    for (size_t i = 0; i < SW_COUNTOF(CASES); i++) {
        const uint8_t *expr = (const uint8_t *)CASES[i].expr;
        uint64_t bits = 0;
        assert_int_equal(sw_const_expr_eval(expr, &nothing, &bits), CASES[i].known);
        assert_true(sw_const_expr_eval(expr, &doubles, &bits));
        assert_int_equal(bits, CASES[i].value);
    }
    assert_int_equal(sw_const_expr_func((const uint8_t *)"\xd2\4\x0b"), 4);
    assert_int_equal(sw_const_expr_func((const uint8_t *)"\x23\4\x0b"), SW_NO_INDEX);
    assert_int_equal(sw_const_expr_global((const uint8_t *)"\x23\4\x0b"), 4);
    assert_true(sw_const_expr_is_null((const uint8_t *)"\xd0\x70\x0b"));
    assert_false(sw_const_expr_is_null((const uint8_t *)"\x41\0\x0b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_later_features_decode),
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_names_are_optional),
        cmocka_unit_test(test_canonical_types),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_const_expr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
