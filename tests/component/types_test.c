/* Type tables: text, equality, sizes and flat forms. */
#include "component/flatten.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define P(kind) (SW_VT_PRIM | (uint32_t)SW_CT_##kind)
#define NONE    SW_VT_NONE

static const char STRINGS[] = "abc";

#define NAMED(at, type) \
    {                   \
        {at, 1}, \
        type \
}

static const sw_type_field FIELDS[] = {
    NAMED(0, P(U8)),  NAMED(1, P(U64)), NAMED(2, P(STRING)), /* 0: a record */
    NAMED(0, NONE),   NAMED(1, P(F32)), NAMED(2, P(U32)), /* 3: a variant */
    NAMED(0, P(F32)), NAMED(1, P(F64)), /* 6: a variant */
    {{}, P(BOOL)},
        {{}, P(S16) }, /* 8: a tuple */
    NAMED(0, NONE),   NAMED(1, NONE), /* 10: flags, enum */
};

/* Every def and what it must be: size and alignment in 32-bit memory, in 64-bit memory, flat. */
typedef struct def_case {
    sw_type_def def;
    uint32_t size, align, size64, align64;
    const char *flat; /* one letter a value: i I f F */
    const char *text;
} def_case;

// clang-format off
static const def_case DEFS[] = {
    {{SW_CT_RECORD, 0, 3, NONE, NONE}, 24, 8, 32, 8, "iIii", "record { a: u8, b: u64, c: string }"},
    {{SW_CT_VARIANT, 3, 3, NONE, NONE}, 8, 4, 8, 4, "ii", "variant { a, b(f32), c(u32) }"},
    {{SW_CT_VARIANT, 6, 2, NONE, NONE}, 16, 8, 16, 8, "iI", "variant { a(f32), b(f64) }"},
    {{SW_CT_TUPLE, 8, 2, NONE, NONE}, 4, 2, 4, 2, "ii", "tuple<bool, s16>"},
    {{SW_CT_FLAGS, 10, 2, NONE, NONE}, 1, 1, 1, 1, "i", "flags { a, b }"},
    {{SW_CT_ENUM, 10, 2, NONE, NONE}, 1, 1, 1, 1, "i", "enum { a, b }"},
    {{SW_CT_LIST, 0, 0, 0, NONE}, 8, 4, 16, 8, "ii", "list<record { a: u8, b: u64, c: string }>"},
    {{SW_CT_FIXED_LIST, 0, 0, 3, 5}, 20, 2, 20, 2, "iiiiiiiiii", "list<tuple<bool, s16>, 5>"},
    {{SW_CT_FIXED_LIST, 0, 0, 3, 9}, 36, 2, 36, 2, NULL, "list<tuple<bool, s16>, 9>"},
    {{SW_CT_OPTION, 0, 0, P(U64), NONE}, 16, 8, 16, 8, "iI", "option<u64>"},
    {{SW_CT_RESULT, 0, 0, NONE, NONE}, 1, 1, 1, 1, "i", "result"},
    {{SW_CT_RESULT, 0, 0, NONE, P(STRING)}, 12, 4, 24, 8, "iii", "result<_, string>"},
    {{SW_CT_RESULT, 0, 0, P(F64), P(STRING)}, 16, 8, 24, 8, "iIi", "result<f64, string>"},
    {{SW_CT_OWN, 0, 0, NONE, 4}, 4, 4, 4, 4, "i", "own<resource 4>"},
    {{SW_CT_BORROW, 0, 0, NONE, 4}, 4, 4, 4, 4, "i", "borrow<resource 4>"},
    {{SW_CT_MAP, 0, 0, P(CHAR), 1}, 8, 4, 16, 8, "ii", "map<char, variant { a, b(f32), c(u32) }>"},
};
// clang-format on

enum { DEFS_COUNT = SW_COUNTOF(DEFS) };

static sw_type_def defs[DEFS_COUNT];
static sw_type_facts facts[DEFS_COUNT];

static sw_types table(void)
{
    sw_types t = {.defs = defs,
                  .fields = FIELDS,
                  .strings = STRINGS,
                  .defs_count = DEFS_COUNT,
                  .fields_count = SW_COUNTOF(FIELDS),
                  .strings_bytes = sizeof STRINGS,
                  .resources_count = 5};
    for (uint32_t i = 0; i < DEFS_COUNT; i++) {
        defs[i] = DEFS[i].def;
        facts[i] = sw_type_facts_compute(&t, facts, i);
    }
    return t;
}

static char letter(uint8_t type)
{
    return type == SW_TYPE_I32 ? 'i' : type == SW_TYPE_I64 ? 'I' : type == SW_TYPE_F32 ? 'f' : 'F';
}

static void facts_of_types(void **state)
{
    (void)state;
    (void)table();
    for (uint32_t i = 0; i < DEFS_COUNT; i++) {
        const def_case *c = &DEFS[i];
        assert_int_equal(facts[i].size, c->size);
        assert_int_equal(facts[i].align, c->align);
        assert_int_equal(facts[i].size64, c->size64);
        assert_int_equal(facts[i].align64, c->align64);
        size_t count = c->flat == NULL ? SW_MAX_FLAT_PARAMS + 1 : strlen(c->flat);
        assert_int_equal(facts[i].flat_count, count);
        for (size_t j = 0; c->flat != NULL && j < count; j++) {
            assert_int_equal(letter(facts[i].flat[j]), c->flat[j]);
        }
    }
    assert_true(facts[6].has_pointers);
    assert_false(facts[7].has_pointers);
    assert_true(facts[14].has_borrow);
    assert_false(facts[13].has_borrow);
}

static void text_of_types(void **state)
{
    (void)state;
    sw_types t = table();
    char out[100];
    for (uint32_t i = 0; i < DEFS_COUNT; i++) {
        assert_string_equal(sw_vtype_text(&t, i, out, sizeof out), DEFS[i].text);
    }
    assert_string_equal(sw_vtype_text(&t, 0, out, 16), "record { a: ...");
    assert_string_equal(sw_vtype_text(&t, P(CHAR), out, sizeof out), "char");
}

static void equality(void **state)
{
    (void)state;
    sw_types t = table();
    for (uint32_t i = 0; i < DEFS_COUNT; i++) {
        for (uint32_t j = 0; j < DEFS_COUNT; j++) {
            uint32_t pairs[5];
            memset(pairs, 0xff, sizeof pairs);
            assert_int_equal(sw_vtype_equal(&t, i, &t, j, pairs), i == j);
        }
    }
    uint32_t pairs[5] = {0, 1, 2, 3, 2};
    assert_false(sw_vtype_equal(&t, 13, &t, 13, pairs));
    assert_false(sw_vtype_equal(&t, P(U8), &t, P(S8), NULL));
    assert_true(sw_vtype_equal(&t, NONE, &t, NONE, NULL));
}

static const sw_type_field PARAMS[] = {
    NAMED(0, P(STRING)), NAMED(0, P(U64)), NAMED(0, P(U64)), NAMED(0, P(U64)),
    NAMED(0, P(U64)),    NAMED(0, P(U64)), NAMED(0, P(U64)), NAMED(0, P(U64)),
    NAMED(0, P(U64)),    NAMED(0, P(U64)), NAMED(0, P(U64)), NAMED(0, P(U64)),
    NAMED(0, P(U64)),    NAMED(0, P(U64)), NAMED(0, P(U64)), NAMED(0, P(U64)),
};

typedef struct func_case {
    sw_cfunc_type func;
    bool is_lower;
    uint32_t params, results;
    bool params_in_memory, results_in_memory;
} func_case;

static const func_case FUNCS[] = {
    {{0, 0, NONE, 0},       false, 0,  0, false, false},
    {{0, 1, P(U8), 0},      false, 2,  1, false, false},
    {{0, 15, NONE, 0},      false, 16, 0, false, false},
    {{0, 16, NONE, 0},      false, 1,  0, true,  false},
    {{0, 1, P(STRING), 0},  false, 2,  1, false, true },
    {{0, 1, P(STRING), 0},  true,  3,  0, false, true },
    {{0, 16, P(STRING), 0}, true,  2,  0, true,  true },
    {{0, 15, P(STRING), 0}, true,  17, 0, false, true },
};

static void flat_functions(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(FUNCS); i++) {
        const func_case *c = &FUNCS[i];
        sw_types t = {.fields = PARAMS, .funcs = &c->func, .strings = STRINGS, .funcs_count = 1};
        sw_flat_func flat;
        sw_flatten_func(&t, NULL, 0, c->is_lower, &flat);
        assert_int_equal(flat.params_count, c->params);
        assert_int_equal(flat.results_count, c->results);
        assert_int_equal(flat.params_in_memory, c->params_in_memory);
        assert_int_equal(flat.results_in_memory, c->results_in_memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_of_types),
        cmocka_unit_test(text_of_types),
        cmocka_unit_test(equality),
        cmocka_unit_test(flat_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
