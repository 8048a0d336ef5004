/* Validation of bodies: one row per rule, and the facts that the compiler relies on. */
#include "sample.h"
#include "wasm/opcodes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROW(s) (s), sizeof(s) - 1
#define NOL    "\0" /* no locals */

typedef struct row {
    const char *body;
    size_t len;
    sw_status status;
    uint32_t offset; /* of the report, in the body; 0: not looked at */
} row;

/* The body's function is [i32 i64] -> [i32]; see sample.h for what it can name. */
static const row ROWS[] = {
    {ROW(NOL "\x41\0\x0b"),                                     SW_OK,          0 },
    {ROW(NOL "\x20\0\x0b"),                                     SW_OK,          0 },
    {ROW(NOL "\x20\1\x0b"),                                     SW_INVALID,     3 },
    {ROW(NOL "\x20\2\x0b"),                                     SW_INVALID,     1 },
    {ROW(NOL "\x0b"),                                           SW_INVALID,     1 },
    {ROW(NOL "\x41\0\x41\0\x0b"),                               SW_INVALID,     5 },
    {ROW(NOL "\x41\0"),                                         SW_MALFORMED,   3 },
    {ROW(NOL "\x41\0\x0b\1"),                                   SW_MALFORMED,   4 },
    {ROW(NOL "\xc5\x0b"),                                       SW_MALFORMED,   1 },
    {ROW(NOL "\xfd\x0c\x0b"),                                   SW_UNSUPPORTED, 1 },
    {ROW(NOL "\xfc\x20\x0b"),                                   SW_MALFORMED,   1 },
    {ROW(NOL "\x12\0\x0b"),                                     SW_UNSUPPORTED, 1 },
    {ROW(NOL "\0\x0b"),                                         SW_OK,          0 },
    {ROW(NOL "\0\x6a\x0b"),                                     SW_OK,          0 },
    {ROW(NOL "\0\x42\0\x6a\x0b"),                               SW_INVALID,     4 },
    {ROW(NOL "\0\x41\0\x41\0\x0b"),                             SW_INVALID,     6 },
    /* locals */
    {ROW("\1\2\x7f\x20\3\x0b"),                                 SW_OK,          0 },
    {ROW("\1\2\x7f\x20\4\x0b"),                                 SW_INVALID,     3 },
    {ROW("\1\2\x7b\x20\3\x0b"),                                 SW_UNSUPPORTED, 1 },
    {ROW("\2\xff\xff\xff\xff\x0f\x7f\1\x7f\x20\3\x0b"),         SW_MALFORMED,   0 },
    {ROW("\1\xd0\x86\3\x7f\x20\3\x0b"),                         SW_LIMIT,       0 },
    {ROW("\1\xce\x86\3\x7f\x20\3\x0b"),                         SW_OK,          0 },
    {ROW(NOL "\x41\0\x21\0\x20\0\x0b"),                         SW_OK,          0 },
    {ROW(NOL "\x41\0\x21\1\x20\0\x0b"),                         SW_INVALID,     3 },
    {ROW(NOL "\x41\0\x22\0\x0b"),                               SW_OK,          0 },
    /* numbers */
    {ROW(NOL "\x20\0\x20\0\x6a\x0b"),                           SW_OK,          0 },
    {ROW(NOL "\x20\0\x20\1\x6a\x0b"),                           SW_INVALID,     5 },
    {ROW(NOL "\x20\0\x6a\x0b"),                                 SW_INVALID,     3 },
    {ROW(NOL "\x20\1\x50\x0b"),                                 SW_OK,          0 },
    {ROW(NOL "\x20\1\xa7\xc0\x0b"),                             SW_OK,          0 },
    {ROW(NOL "\x43\0\0\0\0\xfc\0\x0b"),                         SW_OK,          0 },
    {ROW(NOL "\x44\0\0\0\0\0\0\0\0\xfc\0\x0b"),                 SW_INVALID,     10},
    /* memory */
    {ROW(NOL "\x20\0\x28\2\0\x0b"),                             SW_OK,          0 },
    {ROW(NOL "\x20\0\x28\3\0\x0b"),                             SW_INVALID,     3 },
    {ROW(NOL "\x20\0\x28\x42\0\0\x0b"),                         SW_OK,          0 },
    {ROW(NOL "\x20\0\x28\x42\1\0\x0b"),                         SW_INVALID,     3 },
    {ROW(NOL "\x20\0\x28\2\xff\xff\xff\xff\x0f\x0b"),           SW_OK,          0 },
    {ROW(NOL "\x20\0\x28\2\x80\x80\x80\x80\x10\x0b"),           SW_INVALID,     3 },
    {ROW(NOL "\x20\0\x28\x80\1\0\x0b"),                         SW_MALFORMED,   0 },
    {ROW(NOL "\x20\0\x20\1\x37\3\0\x20\0\x0b"),                 SW_OK,          0 },
    {ROW(NOL "\x20\0\x20\0\x37\3\0\x20\0\x0b"),                 SW_INVALID,     5 },
    {ROW(NOL "\x3f\0\x40\0\x0b"),                               SW_OK,          0 },
    {ROW(NOL "\x3f\1\x0b"),                                     SW_INVALID,     1 },
    {ROW(NOL "\x41\0\x41\0\x41\0\xfc\x0a\0\0\x41\0\x0b"),       SW_OK,          0 },
    {ROW(NOL "\x41\0\x41\0\x41\0\xfc\x0a\0\1\x41\0\x0b"),       SW_INVALID,     7 },
    {ROW(NOL "\x41\0\x41\0\x41\0\xfc\x0b\0\x41\0\x0b"),         SW_OK,          0 },
    {ROW(NOL "\x41\0\x41\0\x41\0\xfc\x08\0\0\x41\0\x0b"),       SW_OK,          0 },
    {ROW(NOL "\x41\0\x41\0\x41\0\xfc\x08\1\0\x41\0\x0b"),       SW_INVALID,     7 },
    {ROW(NOL "\xfc\x09\0\x41\0\x0b"),                           SW_OK,          0 },
    {ROW(NOL "\xfc\x09\1\x41\0\x0b"),                           SW_INVALID,     1 },
    /* globals */
    {ROW(NOL "\x23\0\x0b"),                                     SW_OK,          0 },
    {ROW(NOL "\x23\3\x0b"),                                     SW_INVALID,     1 },
    {ROW(NOL "\x42\0\x24\1\x23\0\x0b"),                         SW_OK,          0 },
    {ROW(NOL "\x41\0\x24\0\x23\0\x0b"),                         SW_INVALID,     3 },
    /* tables and references */
    {ROW(NOL "\x41\0\x25\0\xd1\x0b"),                           SW_OK,          0 },
    {ROW(NOL "\x41\0\x25\2\xd1\x0b"),                           SW_INVALID,     3 },
    {ROW(NOL "\x41\0\xd0\x70\x26\0\x41\0\x0b"),                 SW_OK,          0 },
    {ROW(NOL "\x41\0\xd0\x70\x26\1\x41\0\x0b"),                 SW_INVALID,     5 },
    {ROW(NOL "\xd2\3\xd1\x0b"),                                 SW_OK,          0 },
    {ROW(NOL "\xd2\1\xd1\x0b"),                                 SW_INVALID,     1 },
    {ROW(NOL "\xd2\4\xd1\x0b"),                                 SW_INVALID,     1 },
    {ROW(NOL "\x41\0\xd1\x0b"),                                 SW_INVALID,     3 },
    {ROW(NOL "\xd0\x6e\xd1\x0b"),                               SW_UNSUPPORTED, 1 },
    {ROW(NOL "\xd0\x70\x41\0\xfc\x0f\0\x0b"),                   SW_OK,          0 },
    {ROW(NOL "\xd0\x6f\x41\0\xfc\x0f\0\x0b"),                   SW_INVALID,     5 },
    {ROW(NOL "\xfc\x10\1\x0b"),                                 SW_OK,          0 },
    {ROW(NOL "\x41\0\xd0\x6f\x41\0\xfc\x11\1\x41\0\x0b"),       SW_OK,          0 },
    {ROW(NOL "\x41\0\x41\0\x41\0\xfc\x0c\0\0\x41\0\x0b"),       SW_OK,          0 },
    {ROW(NOL "\x41\0\x41\0\x41\0\xfc\x0c\0\1\x41\0\x0b"),       SW_INVALID,     7 },
    {ROW(NOL "\x41\0\x41\0\x41\0\xfc\x0c\1\0\x41\0\x0b"),       SW_INVALID,     7 },
    {ROW(NOL "\xfc\x0d\0\x41\0\x0b"),                           SW_OK,          0 },
    {ROW(NOL "\x41\0\x41\0\x41\0\xfc\x0e\0\0\x41\0\x0b"),       SW_OK,          0 },
    {ROW(NOL "\x41\0\x41\0\x41\0\xfc\x0e\0\1\x41\0\x0b"),       SW_INVALID,     7 },
    /* parametric */
    {ROW(NOL "\x41\0\x42\0\x1a\x0b"),                           SW_OK,          0 },
    {ROW(NOL "\x1a\x41\0\x0b"),                                 SW_INVALID,     1 },
    {ROW(NOL "\x41\1\x41\2\x41\3\x1b\x0b"),                     SW_OK,          0 },
    {ROW(NOL "\x41\1\x42\2\x41\3\x1b\x0b"),                     SW_INVALID,     7 },
    {ROW(NOL "\xd0\x70\xd0\x70\x41\3\x1b\x1a\x41\0\x0b"),       SW_INVALID,     7 },
    {ROW(NOL "\xd0\x70\xd0\x70\x41\3\x1c\1\x70\x1a\x41\0\x0b"), SW_OK,          0 },
    {ROW(NOL "\x41\1\x41\2\x41\3\x1c\0\x0b"),                   SW_INVALID,     7 },
    {ROW(NOL "\x41\1\x41\2\x41\3\x1c\2\x7f\x7f\x0b"),           SW_INVALID,     7 },
    {ROW(NOL "\0\x1b\x0b"),                                     SW_OK,          0 },
    {ROW(NOL "\0\x42\0\x41\0\x1b\x0b"),                         SW_INVALID,     7 },
    /* blocks */
    {ROW(NOL "\2\x7f\x41\0\x0b\x0b"),                           SW_OK,          0 },
    {ROW(NOL "\2\x7f\x42\0\x0b\x0b"),                           SW_INVALID,     5 },
    {ROW(NOL "\2\x40\x41\0\x0b\x0b"),                           SW_INVALID,     5 },
    {ROW(NOL "\x20\0\2\3\x20\1\x0b\x1a\x0b"),                   SW_OK,          0 },
    {ROW(NOL "\2\3\x20\1\x0b\x1a\x0b"),                         SW_INVALID,     1 },
    {ROW(NOL "\2\5\x0b\x0b"),                                   SW_INVALID,     1 },
    {ROW(NOL "\x20\0\4\x7f\x41\0\5\x41\1\x0b\x0b"),             SW_OK,          0 },
    {ROW(NOL "\x20\0\4\x7f\x41\0\x0b\x0b"),                     SW_INVALID,     7 },
    {ROW(NOL "\x20\0\4\x40\x0b\x41\0\x0b"),                     SW_OK,          0 },
    {ROW(NOL "\x20\0\4\x7f\x41\0\5\x42\1\x0b\x0b"),             SW_INVALID,     10},
    {ROW(NOL "\2\x40\5\x0b\x41\0\x0b"),                         SW_MALFORMED,   3 },
    {ROW(NOL "\x20\1\4\x40\x0b\x41\0\x0b"),                     SW_INVALID,     3 },
    /* an operand of the outer block is out of reach */
    {ROW(NOL "\x41\0\2\x40\x1a\x0b\x0b"),                       SW_INVALID,     5 },
    /* branches */
    {ROW(NOL "\x41\0\x0c\0\x0b"),                               SW_OK,          0 },
    {ROW(NOL "\x0c\0\x0b"),                                     SW_INVALID,     1 },
    {ROW(NOL "\x41\0\x0c\1\x0b"),                               SW_INVALID,     3 },
    {ROW(NOL "\3\x7f\x0c\0\x0b\x0b"),                           SW_OK,          0 },
    {ROW(NOL "\x41\0\x41\1\x0d\0\x0b"),                         SW_OK,          0 },
    {ROW(NOL "\x41\1\x0d\0\x41\0\x0b"),                         SW_INVALID,     3 },
    {ROW(NOL "\x41\0\x41\1\x0e\1\0\0\x0b"),                     SW_OK,          0 },
    {ROW(NOL "\2\x40\x41\0\x41\1\x0e\1\0\1\x0b\x41\0\x0b"),     SW_INVALID,     7 },
    {ROW(NOL "\x41\0\x41\1\x0e\1\0\2\x0b"),                     SW_INVALID,     5 },
    {ROW(NOL "\x42\0\x41\1\x0e\1\0\0\x0b"),                     SW_INVALID,     5 },
    {ROW(NOL "\x41\0\x41\1\x0e\x7f\0\0\x0b"),                   SW_MALFORMED,   0 },
    {ROW(NOL "\x41\0\x0f\x0b"),                                 SW_OK,          0 },
    {ROW(NOL "\x0f\x0b"),                                       SW_INVALID,     1 },
    {ROW(NOL "\x41\0\x0f\x1a\x6a\x0b"),                         SW_OK,          0 },
    /* calls */
    {ROW(NOL "\x10\0\x41\0\x0b"),                               SW_OK,          0 },
    {ROW(NOL "\x20\0\x20\1\x10\1\x0b"),                         SW_OK,          0 },
    {ROW(NOL "\x20\1\x20\0\x10\1\x0b"),                         SW_INVALID,     5 },
    {ROW(NOL "\x10\4\x41\0\x0b"),                               SW_INVALID,     1 },
    {ROW(NOL "\x41\0\x11\1\0\x0b"),                             SW_OK,          0 },
    {ROW(NOL "\x41\0\x11\1\1\x0b"),                             SW_INVALID,     3 },
    {ROW(NOL "\x41\0\x11\1\2\x0b"),                             SW_INVALID,     3 },
    {ROW(NOL "\x41\0\x11\5\0\x0b"),                             SW_INVALID,     3 },
};

typedef struct fixture {
    sw_buf bytes;
    sw_arena arena;
    sw_module m;
    sw_diag diag;
    sw_validate_scratch *scratch;
    sw_func_facts facts;
} fixture;

static const sw_features FEATURES = {};

static sw_status begin(fixture *f, const char *body, size_t len)
{
    memset(f, 0, sizeof *f);
    sw_buf_init(&f->bytes, NULL, SIZE_MAX);
    sw_arena_init(&f->arena, NULL, SIZE_MAX);
    sample_module(&f->bytes, body, len);
    f->scratch = sw_validate_scratch_new(NULL);
    assert_int_equal(
        sw_module_read(&f->arena, sw_buf_bytes(&f->bytes), 0, &FEATURES, &f->diag, &f->m), SW_OK);
    assert_int_equal(sw_module_validate(&f->m, &FEATURES, &f->diag), SW_OK);
    return sw_func_validate(&f->m, &FEATURES, 2, f->scratch, &f->diag, &f->facts);
}

static void end(fixture *f)
{
    sw_validate_scratch_free(f->scratch);
    sw_arena_clear(&f->arena);
    sw_buf_clear(&f->bytes);
}

static void test_rows(void **)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        const row *t = &ROWS[i];
        fixture f;
        sw_status st = begin(&f, t->body, t->len);
        uint32_t offset = f.diag.offset - f.m.funcs[2].body.start;
        if (st != t->status || (t->offset != 0 && offset != t->offset)) {
            print_message("row %zu: %s at %u: %s; expected %s at %u\n", i, sw_status_text(st),
                          offset, f.diag.text, sw_status_text(t->status), t->offset);
            wrong++;
        }
        end(&f);
    }
    assert_int_equal(wrong, 0);
}

/* Every regular opcode takes exactly its operands and gives its result. */
static void test_signatures(void **)
{
    for (uint32_t code = SW_OP_I32_EQZ; code <= SW_OP_I64_EXTEND32_S; code++) {
        const sw_opcode_info *info = sw_opcode_info_find(code);
        assert_non_null(info);
        for (unsigned given = 0; given <= info->operands_count; given++) {
            char body[32] = {0};
            size_t len = 1;
            static const char ZEROES[4][9] = {"\x41", "\x42", "\x43", "\x44"};
            for (unsigned i = 0; i < given; i++) {
                unsigned kind = SW_TYPE_I32 - info->operands[i];
                body[len] = ZEROES[kind][0];
                len += kind == 0 || kind == 1 ? 2 : kind == 2 ? 5 : 9;
            }
            body[len++] = (char)code;
            body[len++] = 0x1a;
            memcpy(body + len, "\x41\0\x0b", 3);
            fixture f;
            sw_status want = given == info->operands_count ? SW_OK : SW_INVALID;
            assert_int_equal(begin(&f, body, len + 3), want);
            end(&f);
        }
    }
}

static void test_facts(void **)
{
    fixture f;
    /* one i32 local; a loop in a loop that calls and uses local 2 three times */
    assert_int_equal(begin(&f, ROW("\1\1\x7f\x20\2\x1a\3\x40\x20\2\x1a\3\x40\x20\2\x1a\x20\0\x20\1"
                                   "\x10\1\x1a\x0b\x0b\x20\0\x28\2\0\x0b")),
                     SW_OK);
    assert_int_equal(f.facts.locals_count, 3);
    assert_int_equal(f.facts.params_count, 2);
    assert_int_equal(f.facts.local_types[2], SW_TYPE_I32);
    assert_int_equal(f.facts.local_weights[2], 1 + 8 + 64);
    assert_int_equal(f.facts.local_weights[0], 64 + 1);
    assert_int_equal(f.facts.local_weights[1], 64);
    assert_int_equal(f.facts.max_stack, 2);
    assert_int_equal(f.facts.max_labels, 3);
    assert_int_equal(f.facts.call_weight, 64);
    assert_int_equal(f.facts.code_start, f.m.funcs[2].body.start + 3);
    assert_true(f.facts.has_loop && f.facts.has_call_in_loop && f.facts.uses_memory);
    assert_false(f.facts.is_leaf || f.facts.uses_indirect_call);
    end(&f);
    assert_int_equal(begin(&f, ROW(NOL "\x20\0\x0b")), SW_OK);
    assert_true(f.facts.is_leaf);
    assert_false(f.facts.has_loop || f.facts.has_call_in_loop || f.facts.uses_memory);
    assert_int_equal(f.facts.max_stack, 1);
    assert_int_equal(f.facts.max_labels, 1);
    assert_int_equal(f.facts.call_weight, 0);
    end(&f);
    /* a helper call makes no leaf */
    assert_int_equal(begin(&f, ROW(NOL "\x20\0\x40\0\x0b")), SW_OK);
    assert_false(f.facts.is_leaf);
    end(&f);
}

/* The cap of the weight, and that depth costs nothing but labels. */
static void test_deep_nesting(void **)
{
    enum { DEPTH = 20000 };
    static char body[1 + 2 * DEPTH + 3 + DEPTH + 4];
    size_t len = 1;
    for (int i = 0; i < DEPTH; i++) {
        body[len++] = 3;
        body[len++] = 0x40;
    }
    memcpy(body + len, "\x20\0\x1a", 3);
    len += 3;
    memset(body + len, 0x0b, DEPTH);
    len += DEPTH;
    memcpy(body + len, "\x20\0\x0b", 3);
    fixture f;
    assert_int_equal(begin(&f, body, len + 3), SW_OK);
    assert_int_equal(f.facts.local_weights[0], 4096 + 1);
    assert_int_equal(f.facts.max_labels, DEPTH + 1);
    end(&f);
}

/* Many operands make the stack grow. */
static void test_high_stack(void **)
{
    enum { COUNT = 5000 };
    static char body[1 + 2 * COUNT + COUNT];
    size_t len = 1;
    for (int i = 0; i < COUNT; i++) {
        body[len++] = 0x41;
        body[len++] = 0;
    }
    memset(body + len, 0x6a, COUNT - 1);
    body[len + COUNT - 1] = 0x0b;
    fixture f;
    assert_int_equal(begin(&f, body, sizeof body), SW_OK);
    assert_int_equal(f.facts.max_stack, COUNT);
    end(&f);
}

static void test_operands_are_limited(void **)
{
    static char body[1 + 2 * (SW_MAX_OPERANDS + 1) + 2];
    for (size_t i = 1; i + 2 < sizeof body; i += 2) {
        body[i] = 0x41;
    }
    body[sizeof body - 2] = 0x0f;
    body[sizeof body - 1] = 0x0b;
    fixture f;
    assert_int_equal(begin(&f, body, sizeof body), SW_LIMIT);
    end(&f);
}

static void test_truncations(void **)
{
    static const char BODY[] = "\1\1\x7f\x20\2\x1a\3\x40\x20\2\x1a\2\x40\x20\0\x0e\2\0\1\2\x0b\x20"
                               "\0\x20\1\x10\1\x1a\x0b\x43\0\0\0\0\x1a\xfc\x10\0\x0b";
    fixture f;
    assert_int_equal(begin(&f, BODY, sizeof BODY - 1), SW_INVALID); /* the branch needs a value */
    end(&f);
    for (size_t len = 0; len < sizeof BODY - 1; len++) {
        sw_status st = begin(&f, BODY, len);
        assert_true(st == SW_MALFORMED || st == SW_INVALID);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_high_stack),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_operands_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
