/*
 * Strings between guests of every pair of encodings: the sequence of reallocs that the receiving
 * guest sees, what it then holds, and what traps.
 */
#include "canon_gen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MEMORY_BYTES = 4096, SOURCE_AT = 1024, TAG_BIT = 31 };

#define TAG ((uint32_t)1 << TAG_BIT)

#define U8  SW_ENCODING_UTF8
#define U16 SW_ENCODING_UTF16
#define LU  SW_ENCODING_LATIN1_UTF16

/* Reallocs are written down: "old,old_bytes,align,bytes " with addresses as the number of the call
 * that gave them. */
typedef struct recorder {
    fake_guest fake;
    char log[200];
    uint32_t given[8], count;
    uint32_t answer; /* what the last call answers instead, if wrong_at is it */
    uint32_t wrong_at;
} recorder;

static sw_trap record(sw_canon_guest *g, uint32_t old, uint32_t old_bytes, uint32_t align,
                      uint32_t bytes, uint32_t *ret_address)
{
    recorder *r = g->realloc_env;
    uint32_t which = 0;
    for (uint32_t i = 0; i < r->count && old != 0; i++) {
        which = r->given[i] == old ? i + 1 : which;
    }
    size_t at = strlen(r->log);
    (void)snprintf(r->log + at, sizeof r->log - at, "%u,%u,%u,%u ", which, old_bytes, align, bytes);
    g->realloc_env = &r->fake;
    sw_trap trap = fake_realloc(g, old, old_bytes, align, bytes, ret_address);
    g->realloc_env = r;
    r->given[r->count++] = *ret_address;
    if (r->wrong_at == r->count) {
        *ret_address = r->answer;
    }
    return trap;
}

typedef struct pair {
    uint8_t memories[2][MEMORY_BYTES];
    fake_guest from;
    recorder to;
    sw_canon_call call;
} pair;

static void pair_init(pair *p, uint32_t from, uint32_t to)
{
    memset(p, 0, sizeof *p);
    fake_guest_init(&p->from, p->memories[0], MEMORY_BYTES, NULL);
    fake_guest_init(&p->to.fake, p->memories[1], MEMORY_BYTES, NULL);
    p->from.guest.encoding = from;
    p->to.fake.guest.encoding = to;
    p->to.fake.guest.realloc = record;
    p->to.fake.guest.realloc_env = &p->to;
    p->call = (sw_canon_call){
        .from = &p->from.guest, .to = &p->to.fake.guest, .bytes_left = SW_CANON_CALL_BYTES};
}

static sw_trap pass(pair *p, const void *bytes, size_t len, uint32_t units, uint32_t *ret_address,
                    uint32_t *ret_units)
{
    memcpy(p->memories[0] + SOURCE_AT, bytes, len);
    sw_canon_string s;
    sw_trap trap = sw_canon_open_string(&p->call, SOURCE_AT, units, &s);
    return trap != SW_TRAP_NONE ? trap
                                : sw_canon_store_string(&p->call, &s, ret_address, ret_units);
}

#define BYTES(lit) (lit), sizeof(lit) - 1

typedef struct string_case {
    uint32_t from, to;
    const char *in;
    size_t in_len;
    uint32_t units;
    const char *log;
    const char *out;
    size_t out_len;
    uint32_t out_units;
} string_case;

// clang-format off
static const string_case CASES[] = {
    /* the same form: one call */
    {U8,  U8,  BYTES("ab"),             2, "0,0,1,2 ", BYTES("ab"), 2},
    {U8,  U8,  BYTES("\xc3\xa9"),       2, "0,0,1,2 ", BYTES("\xc3\xa9"), 2},
    {U8,  U8,  BYTES(""),               0, "0,0,1,0 ", BYTES(""), 0},
    {U16, U16, BYTES("a\0\xac\x20"),    2, "0,0,2,4 ", BYTES("a\0\xac\x20"), 2},
    {LU,  LU,  BYTES("a\xe9"),          2, "0,0,2,2 ", BYTES("a\xe9"), 2},
    /* to UTF-8: ASCII at first, the worst case at the first other scalar, then what it took */
    {U16, U8,  BYTES("a\0b\0"),         2, "0,0,1,2 ", BYTES("ab"), 2},
    {U16, U8,  BYTES("a\0\xe9\0"),      2, "0,0,1,2 1,2,1,6 2,6,1,3 ", BYTES("a\xc3\xa9"), 3},
    {U16, U8,  BYTES("\xac\x20\xac\x20"), 2, "0,0,1,2 1,2,1,6 ", BYTES("\xe2\x82\xac\xe2\x82\xac"), 6},
    {U16, U8,  BYTES("\x3d\xd8\x00\xde"), 2, "0,0,1,2 1,2,1,6 2,6,1,4 ", BYTES("\xf0\x9f\x98\x80"), 4},
    {LU,  U8,  BYTES("ab"),             2, "0,0,1,2 ", BYTES("ab"), 2},
    {LU,  U8,  BYTES("a\xe9"),          2, "0,0,1,2 1,2,1,4 2,4,1,3 ", BYTES("a\xc3\xa9"), 3},
    {LU,  U8,  BYTES("\xe9\xe9"),       2, "0,0,1,2 1,2,1,4 ", BYTES("\xc3\xa9\xc3\xa9"), 4},
    {LU,  U8,  BYTES("\xac\x20"),  TAG | 1, "0,0,1,1 1,1,1,3 ", BYTES("\xe2\x82\xac"), 3},
    /* to UTF-16: two bytes for each at first */
    {U8,  U16, BYTES("ab"),             2, "0,0,2,4 ", BYTES("a\0b\0"), 2},
    {U8,  U16, BYTES("a\xc3\xa9"),      3, "0,0,2,6 1,6,2,4 ", BYTES("a\0\xe9\0"), 2},
    {U8,  U16, BYTES("\xf0\x9f\x98\x80"), 4, "0,0,2,8 1,8,2,4 ", BYTES("\x3d\xd8\x00\xde"), 2},
    {U8,  U16, BYTES(""),               0, "0,0,2,0 ", BYTES(""), 0},
    {LU,  U16, BYTES("a\xe9"),          2, "0,0,2,4 ", BYTES("a\0\xe9\0"), 2},
    {LU,  U16, BYTES("\xac\x20"),  TAG | 1, "0,0,2,2 ", BYTES("\xac\x20"), 1},
    /* to Latin-1 or UTF-16: Latin-1 at first, inflated in place at the first scalar beyond */
    {U8,  LU,  BYTES("ab"),             2, "0,0,2,2 ", BYTES("ab"), 2},
    {U8,  LU,  BYTES("a\xc3\xa9"),      3, "0,0,2,3 1,3,2,2 ", BYTES("a\xe9"), 2},
    {U8,  LU,  BYTES("a\xe2\x82\xac"),  4, "0,0,2,4 1,4,2,8 2,8,2,4 ", BYTES("a\0\xac\x20"), TAG | 2},
    {U8,  LU,  BYTES("\xc3\xa9\xe2\x82\xac"), 5, "0,0,2,5 1,5,2,10 2,10,2,4 ", BYTES("\xe9\0\xac\x20"), TAG | 2},
    {U16, LU,  BYTES("a\0\xe9\0"),      2, "0,0,2,2 ", BYTES("a\xe9"), 2},
    {U16, LU,  BYTES("a\0\xac\x20"),    2, "0,0,2,2 1,2,2,4 ", BYTES("a\0\xac\x20"), TAG | 2},
    {U16, LU,  BYTES(""),               0, "0,0,2,0 ", BYTES(""), 0},
    /* from UTF-16 that its guest chose over Latin-1 */
    {LU,  LU,  BYTES("a\0\xac\x20"), TAG | 2, "0,0,2,4 ", BYTES("a\0\xac\x20"), TAG | 2},
    {LU,  LU,  BYTES("a\0\xe9\0"),   TAG | 2, "0,0,2,4 1,4,1,2 ", BYTES("a\xe9"), 2},
    {LU,  LU,  BYTES(""),                TAG, "0,0,2,0 1,0,1,0 ", BYTES(""), 0},
};
// clang-format on

static void reallocs_are_as_prescribed(void **state)
{
    (void)state;
    pair *p = malloc(sizeof *p);
    for (size_t i = 0; i < SW_COUNTOF(CASES); i++) {
        const string_case *c = &CASES[i];
        pair_init(p, c->from, c->to);
        uint32_t address = 0, units = 0;
        sw_trap trap = pass(p, c->in, c->in_len, c->units, &address, &units);
        assert_int_equal(trap, SW_TRAP_NONE);
        assert_string_equal(p->to.log, c->log);
        assert_int_equal(units, c->out_units);
        assert_memory_equal(p->memories[1] + address, c->out, c->out_len);
    }
    free(p);
}

typedef struct bad_case {
    uint32_t from;
    const char *in;
    size_t in_len;
    uint32_t address, units;
} bad_case;

static const bad_case BAD[] = {
    {U8,  BYTES("\xff"),             SOURCE_AT,        1               },
    {U8,  BYTES("\xc3"),             SOURCE_AT,        1               },
    {U8,  BYTES("\xed\xa0\x80"),     SOURCE_AT,        3               },
    {U8,  BYTES("\xf4\x90\x80\x80"), SOURCE_AT,        4               },
    {U8,  BYTES(""),                 MEMORY_BYTES,     1               },
    {U8,  BYTES(""),                 MEMORY_BYTES + 1, 0               },
    {U8,  BYTES(""),                 0xffffffff,       1               },
    {U8,  BYTES(""),                 0,                MEMORY_BYTES + 1},
    {U8,  BYTES(""),                 0,                1u << 28        },
    {U16, BYTES("\x00\xd8"),         SOURCE_AT,        1               },
    {U16, BYTES("\x00\xdc"),         SOURCE_AT,        1               },
    {U16, BYTES("\x00\xd8\x61\x00"), SOURCE_AT,        2               },
    {U16, BYTES(""),                 SOURCE_AT + 1,    0               },
    {U16, BYTES(""),                 0,                0x80000000u     },
    {U16, BYTES(""),                 0,                1u << 27        },
    {LU,  BYTES(""),                 SOURCE_AT + 1,    0               },
    {LU,  BYTES("\x00\xd8"),         SOURCE_AT,        TAG | 1         },
    {LU,  BYTES(""),                 0,                TAG | 0x7fffffff},
};

static void bad_strings_trap(void **state)
{
    (void)state;
    pair *p = malloc(sizeof *p);
    for (size_t i = 0; i < SW_COUNTOF(BAD); i++) {
        for (uint32_t to = U8; to <= LU; to++) {
            pair_init(p, BAD[i].from, to);
            memcpy(p->memories[0] + SOURCE_AT, BAD[i].in, BAD[i].in_len);
            sw_canon_string s;
            uint32_t address, units;
            sw_trap trap = sw_canon_open_string(&p->call, BAD[i].address, BAD[i].units, &s);
            if (trap == SW_TRAP_NONE) {
                trap = sw_canon_store_string(&p->call, &s, &address, &units);
            }
            assert_int_equal(trap, SW_TRAP_CANONICAL_ABI);
        }
    }
    free(p);
}

/* Every realloc of every case answers something wrong once. */
static void wrong_answers_trap(void **state)
{
    (void)state;
    static const uint32_t ANSWERS[] = {0xffffffff, MEMORY_BYTES + 1, MEMORY_BYTES + 2, 0xfffffffe};
    pair *p = malloc(sizeof *p);
    for (size_t i = 0; i < SW_COUNTOF(CASES); i++) {
        for (uint32_t k = 0; k < SW_COUNTOF(ANSWERS); k++) {
            for (uint32_t at = 1; at <= 3; at++) {
                const string_case *c = &CASES[i];
                pair_init(p, c->from, c->to);
                p->to.wrong_at = at;
                p->to.answer = ANSWERS[k];
                uint32_t address, units;
                sw_trap trap = pass(p, c->in, c->in_len, c->units, &address, &units);
                assert_int_equal(trap, p->to.count < at ? SW_TRAP_NONE : SW_TRAP_CANONICAL_ABI);
            }
        }
    }
    free(p);
}

/* An aligned, valid place is used even when it is a strange one. */
static void overlapping_answers_are_harmless(void **state)
{
    (void)state;
    pair *p = malloc(sizeof *p);
    for (size_t i = 0; i < SW_COUNTOF(CASES); i++) {
        for (uint32_t at = 1; at <= 3; at++) {
            const string_case *c = &CASES[i];
            pair_init(p, c->from, c->to);
            p->to.fake.view = p->from.view; /* both live in one memory */
            p->to.wrong_at = at;
            p->to.answer = SOURCE_AT;
            uint32_t address, units;
            (void)pass(p, c->in, c->in_len, c->units, &address, &units);
        }
    }
    free(p);
}

static void conversions_stop_at_the_room(void **state)
{
    (void)state;
    static const uint8_t TEXT[] = "abcdefghijklmnop\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    sw_bytes src = {TEXT, sizeof TEXT - 1};
    sw_text_measure m;
    assert_true(sw_text_measure_bytes(SW_TEXT_UTF8, src, &m));
    assert_int_equal(m.utf8_bytes, src.len);
    assert_int_equal(m.utf16_units, 20);
    assert_int_equal(m.ascii_units, 16);
    assert_int_equal(m.latin1_units, 18);
    assert_int_equal(m.latin1_chars, 17);
    for (size_t room = 0; room <= 40; room++) {
        uint8_t *dst = malloc(room + 1);
        size_t put = sw_text_convert(SW_TEXT_UTF8, src, SW_TEXT_UTF16, dst, room);
        assert_int_equal(put, room < 40 ? SIZE_MAX : 40);
        free(dst);
    }
    uint8_t latin1[32];
    assert_int_equal(sw_text_convert(SW_TEXT_UTF8, src, SW_TEXT_LATIN1, latin1, 32), SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reallocs_are_as_prescribed),
        cmocka_unit_test(bad_strings_trap),
        cmocka_unit_test(wrong_answers_trap),
        cmocka_unit_test(overlapping_answers_are_harmless),
        cmocka_unit_test(conversions_stop_at_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
