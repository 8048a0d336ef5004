/*
 * Layouts: on the host's side what a C compiler makes of the same declarations, on the guest's side
 * the sizes, alignments and flat types of the standard.
 */
#include "component/canon.h"
#include "component/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PRIM(kind) (SW_VT_PRIM | SW_CT_##kind)

/* The types, and what C makes of them. */
enum {
    POINT,
    LIST,
    SHAPE,
    MAYBE_U16,
    MAYBE_STRING,
    RESULT,
    RESULT_UNIT,
    FLAGS9,
    FLAGS32,
    ENUM300,
    FIXED,
    PAIR,
    NESTED,
    OWN,
    MAP,
    NUMBERS,
    WIDE,
    DEFS,
};

typedef struct point {
    uint8_t x;
    uint32_t y;
    sw_str name;
} point;

typedef struct list {
    point *ptr;
    size_t len;
} list;

typedef struct shape {
    uint8_t tag;
    union {
        point dot;
        uint64_t code;
        float size;
    };
} shape;

typedef struct maybe_u16 {
    bool is_some;
    uint16_t value;
} maybe_u16;

typedef struct maybe_string {
    bool is_some;
    sw_str value;
} maybe_string;

typedef struct result {
    bool is_err;
    union {
        uint8_t ok;
        double err;
    };
} result;

typedef struct result_unit {
    bool is_err;
} result_unit;

typedef struct pair {
    maybe_u16 f0;
    uint8_t f1;
} pair;

typedef struct nested {
    bool is_some;
    shape value;
} nested;

typedef struct numbers {
    uint32_t f0;
    float f1;
    uint64_t f2;
} numbers;

static const sw_type_field FIELDS[] = {
    {{}, PRIM(U8)    },
    {{}, PRIM(U32)   },
    {{}, PRIM(STRING)}, /* 0: point */
    {{}, SW_VT_NONE  },
    {{}, POINT       },
    {{}, PRIM(U64)   },
    {{}, PRIM(F32)   }, /* 3: shape */
    {{}, MAYBE_U16   },
    {{}, PRIM(U8)    }, /* 7: pair */
    {{}, PRIM(U32)   },
    {{}, PRIM(F32)   },
    {{}, PRIM(U64)   }, /* 9: numbers */
};

static const sw_type_def TYPE_DEFS[DEFS] = {
    [POINT] = {.kind = SW_CT_RECORD, .first = 0, .count = 3},
    [LIST] = {.kind = SW_CT_LIST, .element = POINT},
    [SHAPE] = {.kind = SW_CT_VARIANT, .first = 3, .count = 4},
    [MAYBE_U16] = {.kind = SW_CT_OPTION, .element = PRIM(U16)},
    [MAYBE_STRING] = {.kind = SW_CT_OPTION, .element = PRIM(STRING)},
    [RESULT] = {.kind = SW_CT_RESULT, .element = PRIM(U8), .other = PRIM(F64)},
    [RESULT_UNIT] = {.kind = SW_CT_RESULT, .element = SW_VT_NONE, .other = SW_VT_NONE},
    [FLAGS9] = {.kind = SW_CT_FLAGS, .count = 9},
    [FLAGS32] = {.kind = SW_CT_FLAGS, .count = 32},
    [ENUM300] = {.kind = SW_CT_ENUM, .count = 300},
    [FIXED] = {.kind = SW_CT_FIXED_LIST, .element = MAYBE_U16, .other = 3},
    [PAIR] = {.kind = SW_CT_TUPLE, .first = 7, .count = 2},
    [NESTED] = {.kind = SW_CT_OPTION, .element = SHAPE},
    [OWN] = {.kind = SW_CT_OWN},
    [MAP] = {.kind = SW_CT_MAP, .element = PRIM(STRING), .other = PRIM(U8)},
    [NUMBERS] = {.kind = SW_CT_RECORD, .first = 9, .count = 3},
    [WIDE] = {.kind = SW_CT_FIXED_LIST, .element = PRIM(U8), .other = 17},
};

static const sw_types TYPES = {.defs = TYPE_DEFS,
                               .fields = FIELDS,
                               .strings = "",
                               .defs_count = DEFS,
                               .fields_count = SW_COUNTOF(FIELDS),
                               .resources_count = 1};

typedef struct layout_case {
    sw_vtype type;
    uint32_t host_bytes, host_align, guest_bytes, guest_align;
    const char *flats; /* i: i32, I: i64, f: f32, F: f64; NULL: more than sixteen */
} layout_case;

#define C(T) sizeof(T), _Alignof(T)

// clang-format off
static const layout_case CASES[] = {
    {PRIM(BOOL),   C(bool),          1, 1, "i"},
    {PRIM(S16),    C(int16_t),       2, 2, "i"},
    {PRIM(CHAR),   C(uint32_t),      4, 4, "i"},
    {PRIM(F64),    C(double),        8, 8, "F"},
    {PRIM(STRING), C(sw_str),        8, 4, "ii"},
    {POINT,        C(point),        16, 4, "iiii"},
    {LIST,         C(list),          8, 4, "ii"},
    {SHAPE,        C(shape),        24, 8, "iIiii"},
    {MAYBE_U16,    C(maybe_u16),     4, 2, "ii"},
    {MAYBE_STRING, C(maybe_string), 12, 4, "iii"},
    {RESULT,       C(result),       16, 8, "iI"},
    {RESULT_UNIT,  C(result_unit),   1, 1, "i"},
    {FLAGS9,       C(uint16_t),      2, 2, "i"},
    {FLAGS32,      C(uint32_t),      4, 4, "i"},
    {ENUM300,      C(uint16_t),      2, 2, "i"},
    {FIXED,        C(maybe_u16[3]), 12, 2, "iiiiii"},
    {PAIR,         C(pair),          6, 2, "iii"},
    {NESTED,       C(nested),       32, 8, "iiIiii"},
    {OWN,          C(uint32_t),      4, 4, "i"},
    {MAP,          C(list),          8, 4, "ii"},
    {NUMBERS,      C(numbers),      16, 8, "ifI"},
    {WIDE,         C(uint8_t[17]),  17, 1, NULL},
};
// clang-format on

static void layouts_are_those_of_both_sides(void **state)
{
    (void)state;
    static const char LETTERS[] = "iIfF";
    sw_arena arena;
    sw_canon_layouts layouts;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    assert_int_equal(sw_canon_layouts_make(&arena, &TYPES, NULL, &layouts), SW_OK);
    for (size_t i = 0; i < SW_COUNTOF(CASES); i++) {
        const layout_case *c = &CASES[i];
        sw_canon_layout l = sw_canon_layout_get(&layouts, c->type);
        assert_int_equal(l.host_bytes, c->host_bytes);
        assert_int_equal(l.host_align, c->host_align);
        assert_int_equal(l.guest_bytes, c->guest_bytes);
        assert_int_equal(l.guest_align, c->guest_align);
        assert_int_equal(l.flats_count,
                         c->flats == NULL ? SW_CANON_MAX_FLAT + 1 : strlen(c->flats));
        for (size_t k = 0; c->flats != NULL && c->flats[k] != 0; k++) {
            assert_int_equal(LETTERS[l.flats[k]], c->flats[k]);
        }
    }
    sw_arena_clear(&arena);
}

static void payloads_lie_where_the_compiler_puts_them(void **state)
{
    (void)state;
    sw_arena arena;
    sw_canon_layouts layouts;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    assert_int_equal(sw_canon_layouts_make(&arena, &TYPES, NULL, &layouts), SW_OK);
    sw_canon_variant v = sw_canon_variant_get(&layouts, &TYPE_DEFS[SHAPE]);
    assert_int_equal(v.host_payload, offsetof(shape, dot));
    assert_int_equal(v.payload_offset, 8);
    v = sw_canon_variant_get(&layouts, &TYPE_DEFS[MAYBE_U16]);
    assert_int_equal(v.host_payload, offsetof(maybe_u16, value));
    assert_int_equal(v.payload_offset, 2);
    v = sw_canon_variant_get(&layouts, &TYPE_DEFS[MAYBE_STRING]);
    assert_int_equal(v.host_payload, offsetof(maybe_string, value));
    assert_int_equal(v.payload_offset, 4);
    sw_arena_clear(&arena);
}

/* Padding never crosses: a type with any of it is not copied as a whole. */
static void only_what_has_no_padding_is_plain(void **state)
{
    (void)state;
    static const struct {
        sw_vtype type;
        bool is_plain;
    } ROWS[] = {
        {NUMBERS,    true },
        {WIDE,       true },
        {FLAGS32,    true },
        {PRIM(F32),  true },
        {POINT,      false},
        {PAIR,       false},
        {FLAGS9,     false},
        {PRIM(BOOL), false},
        {ENUM300,    false},
        {PRIM(CHAR), false},
        {OWN,        false},
        {FIXED,      false},
    };
    sw_arena arena;
    sw_canon_layouts layouts;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    assert_int_equal(sw_canon_layouts_make(&arena, &TYPES, NULL, &layouts), SW_OK);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        assert_int_equal(sw_canon_layout_get(&layouts, ROWS[i].type).is_plain, ROWS[i].is_plain);
    }
    sw_arena_clear(&arena);
}

/* Types that double at each level: programs stay linear in the number of definitions. */
static void programs_do_not_multiply(void **state)
{
    (void)state;
    enum { LEVELS = 20 };
    sw_type_field fields[2 * LEVELS + 1];
    sw_type_def defs[LEVELS + 1] = {};
    for (uint32_t i = 0; i < LEVELS; i++) {
        sw_vtype below = i == 0 ? PRIM(BOOL) : i - 1;
        fields[2 * i] = fields[2 * i + 1] = (sw_type_field){.type = below};
        defs[i] = (sw_type_def){.kind = SW_CT_TUPLE, .first = 2 * i, .count = 2};
    }
    defs[LEVELS] = (sw_type_def){.kind = SW_CT_LIST, .element = LEVELS - 1};
    fields[2 * LEVELS] = (sw_type_field){.type = LEVELS};
    sw_cfunc_type func = {2 * LEVELS, 1, SW_VT_NONE, 0};
    sw_types types = {.defs = defs,
                      .fields = fields,
                      .funcs = &func,
                      .strings = "",
                      .defs_count = LEVELS + 1,
                      .fields_count = 2 * LEVELS + 1,
                      .funcs_count = 1};
    sw_arena arena;
    sw_canon canon;
    bool used = true;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    assert_int_equal(sw_canon_make(&arena, &types, &used, NULL, &canon), SW_OK);
    assert_true(canon.ops_count < 400);
    sw_arena_clear(&arena);
}

/* Sixty levels of tuple<list<T>, list<T>>: 2^60 types if they were written out. */
static void layouts_do_not_multiply(void **state)
{
    (void)state;
    enum { LEVELS = 60 };
    sw_type_field fields[2 * LEVELS];
    sw_type_def defs[2 * LEVELS] = {};
    for (uint32_t i = 0; i < LEVELS; i++) {
        sw_vtype below = i == 0 ? PRIM(BOOL) : 2 * i - 1;
        defs[2 * i] = (sw_type_def){.kind = SW_CT_LIST, .element = below};
        defs[2 * i + 1] = (sw_type_def){.kind = SW_CT_TUPLE, .first = 2 * i, .count = 2};
        fields[2 * i] = fields[2 * i + 1] = (sw_type_field){.type = 2 * i};
    }
    sw_cfunc_type func = {2 * LEVELS - 2, 1, 2 * LEVELS - 1, 0};
    sw_types types = {.defs = defs,
                      .fields = fields,
                      .funcs = &func,
                      .strings = "",
                      .defs_count = 2 * LEVELS,
                      .fields_count = 2 * LEVELS,
                      .funcs_count = 1};
    sw_arena arena;
    sw_canon canon;
    bool used = true;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    assert_int_equal(sw_canon_make(&arena, &types, &used, NULL, &canon), SW_OK);
    sw_canon_layout l = sw_canon_layout_get(&canon.layouts, 2 * LEVELS - 1);
    assert_int_equal(l.host_bytes, 32);
    assert_int_equal(l.guest_bytes, 16);
    assert_true(canon.ops_count < 1000);
    sw_arena_clear(&arena);
}

/* Planning runs out of memory at every place where it can. */
static void planning_may_fail(void **state)
{
    (void)state;
    static const sw_type_field PARAMS[] = {
        {{}, NESTED},
        {{}, LIST  },
        {{}, FIXED },
        {{}, MAP   },
        {{}, RESULT}
    };
    sw_type_field fields[SW_COUNTOF(FIELDS) + SW_COUNTOF(PARAMS)];
    memcpy(fields, FIELDS, sizeof FIELDS);
    memcpy(fields + SW_COUNTOF(FIELDS), PARAMS, sizeof PARAMS);
    sw_cfunc_type func = {SW_COUNTOF(FIELDS), SW_COUNTOF(PARAMS), SHAPE, 0};
    sw_types types = TYPES;
    types.fields = fields;
    types.fields_count = SW_COUNTOF(fields);
    types.funcs = &func;
    types.funcs_count = 1;
    bool used = true, done = false;
    for (uint64_t nth = 1; !done; nth++) {
        sw_arena arena;
        sw_canon canon;
        sw_arena_init(&arena, NULL, SIZE_MAX);
        sw_memory_fail_at(nth);
        sw_status st = sw_canon_make(&arena, &types, &used, NULL, &canon);
        done = !sw_memory_failed();
        sw_memory_fail_at(0);
        assert_int_equal(st, done ? SW_OK : SW_NO_MEMORY);
        sw_arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_are_those_of_both_sides),
        cmocka_unit_test(payloads_lie_where_the_compiler_puts_them),
        cmocka_unit_test(only_what_has_no_padding_is_plain),
        cmocka_unit_test(programs_do_not_multiply),
        cmocka_unit_test(layouts_do_not_multiply),
        cmocka_unit_test(planning_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
