/* Decoding, checking and planning of components that are written by hand. */
#include "build.h"
#include "plan_invariants.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const sw_features FEATURES = {.simd = true};

static sw_status read_component(sw_arena *arena, sw_bytes bytes, sw_diag *diag,
                                sw_component_binary *ret)
{
    *diag = (sw_diag){};
    return sw_component_read(arena, bytes, &FEATURES, diag, ret);
}

/* ---- A component with a bit of everything ---------------------------------------------------- */

/* Exports memory "m", "r": [i32 i32 i32 i32] -> [i32] and "g": [] -> [i32]. */
static const part LIBC[] = {
    PART(1, "\x02\x60\x04\x7f\x7f\x7f\x7f\x01\x7f\x60\x00\x01\x7f"),
    PART(3, "\x02\x00\x01"),
    PART(5, "\x01\x00\x01"),
    PART(7, "\x03\x01m\x02\x00\x01r\x00\x00\x01g\x00\x01"),
    PART(10, "\x02\x04\x00\x41\x00\x0b\x04\x00\x41\x00\x0b"),
};
/* Imports "i" "f": [i32 i32] -> [i32] and "i" "d": [i32] -> []. */
static const part USER[] = {
    PART(1, "\x02\x60\x02\x7f\x7f\x01\x7f\x60\x01\x7f\x00"),
    PART(2, "\x02\x01i\x01"
            "f\x00\x00\x01i\x01"
            "d\x00\x01"),
};
/* Imports the function "k" and exports it as "l". */
static const part PASS_ON[] = {
    PART(7, "\x01\x40\x00\x00\x79"),
    PART(10, "\x01\x00\x01k\x01\x00"),
    PART(11, "\x01\x00\x01l\x01\x00\x00"),
};
static const part IMPORTS[] = {
    /* (instance (export "r" (type (sub resource))) (type (own 0))
     *           (type (func (param "x" string) (result 1))) (export "f" (func (type 2)))) */
    PART(7, "\x01\x42\x04\x04\x00\x01r\x03\x01\x01\x69\x00\x01\x40\x01\x01x\x73\x00\x01\x04\x00\x01"
            "f\x01\x02"),
    PART(10, "\x01\x00\x05"
             "a:b/c\x05\x00"),
};
static const part LOWER[] = {
    PART(2, "\x01\x00\x00\x00"),
    PART(6, "\x05\x00\x02\x01\x00\x01m\x00\x00\x01\x00\x01r\x00\x00\x01\x00\x01g\x01\x00\x00\x01"
            "f\x03\x00\x00\x01r"),
    PART(8, "\x02\x01\x00\x00\x02\x03\x00\x04\x00\x03\x01"),
};
static const part LIFT[] = {
    PART(2, "\x02\x01\x02\x01"
            "f\x00\x02\x01"
            "d\x00\x03\x00\x01\x01\x01i\x12\x01"),
    PART(7, "\x01\x40\x00\x00\x79"),
    PART(8, "\x01\x00\x00\x01\x00\x02"),
};
static const part EXPORTS[] = {
    PART(5, "\x01\x00\x00\x01\x01k\x01\x01"),
    PART(11, "\x01\x00\x03out\x05\x01\x00"),
};

/* Also notes where sections end: a component cut there is a component. */
static void build_sample(sw_buf *b, size_t *ends, size_t *ends_count)
{
    sw_buf_init(b, NULL, SIZE_MAX);
    build_preamble(b, true);
    size_t n = 0;
#define ADD(parts)                                   \
    for (size_t i = 0; i < SW_COUNTOF(parts); i++) { \
        ends[n++] = b->len;                          \
        build_parts(b, &(parts)[i], 1);              \
    }
    ADD(IMPORTS)
    ends[n++] = b->len;
    build_nested(b, 1, LIBC, SW_COUNTOF(LIBC));
    ADD(LOWER)
    ends[n++] = b->len;
    build_nested(b, 1, USER, SW_COUNTOF(USER));
    ADD(LIFT)
    ends[n++] = b->len;
    build_nested(b, 4, PASS_ON, SW_COUNTOF(PASS_ON));
    ADD(EXPORTS)
#undef ADD
    *ends_count = n;
}

static void assert_text(const sw_plan *p, sw_text t, const char *text)
{
    sw_str s = sw_types_str(&p->types, t);
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.ptr, text, s.len);
}

static void sample_is_planned(void **state)
{
    (void)state;
    size_t ends[32], ends_count;
    sw_buf b;
    sw_arena arena;
    sw_diag diag;
    sw_component_binary c;
    build_sample(&b, ends, &ends_count);
    sw_arena_init(&arena, NULL, SIZE_MAX);
    assert_int_equal(read_component(&arena, sw_buf_bytes(&b), &diag, &c), SW_OK);
    const sw_plan *p = &c.plan;
    assert_true(plan_holds(p));
    assert_true(plan_survives_writing(p));
    static const uint32_t STEPS[] = {SW_STEP_INSTANTIATE, SW_STEP_TRAMPOLINE, SW_STEP_TRAMPOLINE,
                                     SW_STEP_INSTANTIATE, SW_STEP_LIFT};
    assert_int_equal(p->modules_count, 2);
    assert_int_equal(p->steps_count, SW_COUNTOF(STEPS));
    for (size_t i = 0; i < SW_COUNTOF(STEPS); i++) {
        assert_int_equal(p->steps[i].kind, STEPS[i]);
    }
    assert_int_equal(p->core_instances[1].args_count, 2);
    assert_int_equal(p->core_args[0].source, SW_CORE_TRAMPOLINE);
    assert_int_equal(p->core_args[1].index, 1);
    assert_int_equal(p->trampolines[0].kind, SW_TRAMPOLINE_LOWER_IMPORT);
    assert_int_equal(p->options[p->trampolines[0].options].realloc.item, 1);
    assert_int_equal(p->trampolines[1].kind, SW_TRAMPOLINE_RESOURCE_DROP);
    assert_int_equal(p->imports_count, 3);
    assert_text(p, p->imports[0].name, "a:b/c");
    assert_int_equal(p->imports[1].kind, SW_ITEM_RESOURCE);
    assert_text(p, p->resources[0].name, "r");
    assert_text(p, p->imports[2].name, "f");
    assert_int_equal(p->instances_count, 2);
    assert_int_equal(p->exports_top_count, 1);
    assert_text(p, p->exports[0].name, "out");
    assert_text(p, p->exports[1].name, "l");
    assert_int_equal(p->exports[1].index, 0);
    assert_int_equal(p->exports[1].is_import, 0);
    sw_arena_clear(&arena);
    sw_buf_clear(&b);
}

static void every_truncation_fails_at_an_offset(void **state)
{
    (void)state;
    size_t ends[32], ends_count, end = 0;
    sw_buf b;
    sw_arena arena;
    sw_diag diag;
    sw_component_binary c;
    build_sample(&b, ends, &ends_count);
    sw_arena_init(&arena, NULL, SIZE_MAX);
    for (size_t len = 0; len < b.len; len++) {
        sw_status st = read_component(&arena, (sw_bytes){b.ptr, len}, &diag, &c);
        if (end < ends_count && len == ends[end]) {
            end++;
            assert_int_equal(st, SW_OK);
        } else {
            assert_int_equal(st, SW_MALFORMED);
            assert_true(diag.offset <= len);
            assert_true(diag.used > 0);
        }
        sw_arena_clear(&arena);
    }
    assert_int_equal(end, ends_count);
    sw_buf_clear(&b);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    size_t ends[32], ends_count;
    sw_buf b;
    sw_arena arena;
    sw_diag diag;
    sw_component_binary c;
    build_sample(&b, ends, &ends_count);
    uint64_t n = 1;
    for (;; n++) {
        sw_arena_init(&arena, NULL, SIZE_MAX);
        sw_memory_fail_at(n);
        sw_status st = read_component(&arena, sw_buf_bytes(&b), &diag, &c);
        bool failed = sw_memory_failed();
        sw_memory_fail_at(0);
        sw_arena_clear(&arena);
        if (!failed) {
            assert_int_equal(st, SW_OK);
            break;
        }
        assert_int_equal(st, SW_NO_MEMORY);
    }
    assert_true(n > 2);
    sw_buf_clear(&b);
}

static void small_arenas_fail_cleanly(void **state)
{
    (void)state;
    size_t ends[32], ends_count;
    sw_buf b;
    sw_diag diag;
    sw_component_binary c;
    build_sample(&b, ends, &ends_count);
    for (size_t cap = 0; cap < 4096; cap += 256) {
        sw_arena arena;
        sw_arena_init(&arena, NULL, cap);
        assert_int_equal(read_component(&arena, sw_buf_bytes(&b), &diag, &c), SW_NO_MEMORY);
        sw_arena_clear(&arena);
    }
    sw_buf_clear(&b);
}

/* Imports an instance "a" with "x" and "y"; exports it as "o", declared to have only "x". */
static const part ASCRIBED[] = {
    PART(7, "\x01\x42\x03\x01\x40\x00\x01\x00\x04\x00\x01x\x01\x00\x04\x00\x01y\x01\x00"),
    PART(10, "\x01\x00\x01\x61\x05\x00"),
    PART(7, "\x01\x42\x02\x01\x40\x00\x01\x00\x04\x00\x01x\x01\x00"),
    PART(11, "\x01\x00\x01o\x05\x00\x01\x05\x01"),
};

static void declared_types_hide_the_rest(void **state)
{
    (void)state;
    sw_buf b;
    sw_arena arena;
    sw_diag diag;
    sw_component_binary c;
    sw_buf_init(&b, NULL, SIZE_MAX);
    sw_arena_init(&arena, NULL, SIZE_MAX);
    build_preamble(&b, true);
    build_parts(&b, ASCRIBED, SW_COUNTOF(ASCRIBED));
    assert_int_equal(read_component(&arena, sw_buf_bytes(&b), &diag, &c), SW_OK);
    assert_int_equal(c.plan.imports_count, 3);
    assert_int_equal(c.plan.exports_count, 2);
    assert_int_equal(c.plan.exports[0].count, 1);
    assert_text(&c.plan, c.plan.exports[1].name, "x");
    assert_true(c.plan.exports[1].is_import);
    sw_arena_clear(&arena);
    sw_buf_clear(&b);
}

/* ---- Refusals -------------------------------------------------------------------------------- */

typedef struct refusal {
    part parts[3];
    sw_status status;
    uint32_t offset;
    const char *text; /* found in the message */
} refusal;

// clang-format off
static const refusal REFUSALS[] = {
    {{PART(7, "\x01\x43\x00\x01\x00")}, SW_UNSUPPORTED, 11, "asynchronous functions are not supported yet"},
    {{PART(7, "\x01\x66\x01\x7d")}, SW_UNSUPPORTED, 11, "streams are not supported yet"},
    {{PART(7, "\x01\x65\x00")}, SW_UNSUPPORTED, 11, "futures"},
    {{PART(7, "\x01\x64")}, SW_UNSUPPORTED, 11, "error contexts"},
    {{PART(7, "\x01\x70\x64")}, SW_UNSUPPORTED, 12, "error contexts"},
    {{PART(8, "\x01\x24")}, SW_UNSUPPORTED, 11, "backpressure.inc"},
    {{PART(8, "\x01\x1f")}, SW_UNSUPPORTED, 11, "waitable-set.new"},
    {{PART(8, "\x01\x01\x00\x00\x01\x06")}, SW_UNSUPPORTED, 15, "asynchronous lifts and lowers"},
    {{PART(8, "\x01\x00\x00\x00\x01\x07\x00\x00")}, SW_UNSUPPORTED, 15, "callbacks"},
    {{PART(9, "\x00\x00\x00")}, SW_UNSUPPORTED, 10, "start functions"},
    {{PART(12, "\x00")}, SW_UNSUPPORTED, 10, "component values"},
    {{PART(7, "\x01\x3f\x7e\x00")}, SW_UNSUPPORTED, 11, "represented by i64"},
    {{PART(3, "\x01\x50\x00"), PART(10, "\x01\x00\x01m\x00\x11\x00")}, SW_UNSUPPORTED, 16, "core modules are not supported yet: `m`"},
    {{PART(7, "\x01\x41\x00"), PART(10, "\x01\x00\x01m\x04\x00")}, SW_UNSUPPORTED, 16, "components are not supported yet: `m`"},
    {{PART(7, "\x01\x41\x00\x00")}, SW_MALFORMED, 13, "longer than its contents"},
    {{PART(7, "\x01\x60")}, SW_MALFORMED, 11, "invalid leading byte (0x60) for type"},
    {{PART(7, "\x01\x71\x01\x01x\x00\x07")}, SW_MALFORMED, 16, "refinement of a case"},
    {{PART(8, "\x01\x30")}, SW_MALFORMED, 11, "canonical function"},
    {{PART(10, "\x01\x03\x01x\x03\x01")}, SW_MALFORMED, 11, "name of an import"},
    {{PART(11, "\x01\x00\x01x\x00\x00\x00\x00")}, SW_MALFORMED, 15, "core sort"},
    {{PART(7, "\x01\x70\x00")}, SW_INVALID, 11, "type index out of bounds"},
    {{PART(7, "\x01\x72\x00")}, SW_INVALID, 11, "at least one"},
    {{PART(7, "\x01\x6e\x02\x01x\x01X")}, SW_INVALID, 11, "conflicts"},
    {{PART(7, "\x01\x67\x7d\x00")}, SW_INVALID, 11, "more than zero"},
    {{PART(7, "\x01\x67\x7d\x80\x80\x80\x80\x01")}, SW_INVALID, 11, "maximum"},
    {{PART(7, "\x01\x63\x76\x7d")}, SW_INVALID, 11, "map key"},
    {{PART(7, "\x03\x3f\x7f\x00\x68\x00\x40\x00\x00\x01")}, SW_INVALID, 16, "`borrow`"},
    {{PART(7, "\x01\x3f\x7f\x00"), PART(11, "\x01\x00\x01r\x03\x00\x00"), PART(11, "\x01\x00\x01R\x03\x00\x00")}, SW_INVALID, 26, "conflicts"},
    {{PART(7, "\x01\x42\x01\x01\x3f\x7f\x00")}, SW_INVALID, 13, "concrete component"},
    {{PART(6, "\x01\x03\x02\x01\x00")}, SW_INVALID, 11, "outer alias count"},
    {{PART(10, "\x01\x00\x01x\x03\x01"), PART(8, "\x01\x02\x00")}, SW_INVALID, 19, "not a local resource"},
    {{PART(10, "\x01\x02\x01x\x02\x02\x00\x02\x00\x03\x01")}, SW_INVALID, 17, "twice"},
};
// clang-format on

static void refusals_name_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(REFUSALS); i++) {
        const refusal *x = &REFUSALS[i];
        sw_buf b;
        sw_arena arena;
        sw_diag diag;
        sw_component_binary c;
        sw_buf_init(&b, NULL, SIZE_MAX);
        sw_arena_init(&arena, NULL, SIZE_MAX);
        build_preamble(&b, true);
        for (size_t j = 0; j < SW_COUNTOF(x->parts) && x->parts[j].bytes != NULL; j++) {
            build_parts(&b, &x->parts[j], 1);
        }
        sw_status st = read_component(&arena, sw_buf_bytes(&b), &diag, &c);
        if (st != x->status || diag.offset != x->offset || strstr(diag.text, x->text) == NULL) {
            print_message("row %zu: %s at %u: %s\n", i, sw_status_text(st), diag.offset, diag.text);
        }
        assert_int_equal(st, x->status);
        assert_int_equal(diag.offset, x->offset);
        assert_non_null(strstr(diag.text, x->text));
        sw_arena_clear(&arena);
        sw_buf_clear(&b);
    }
}

/* ---- Limits ---------------------------------------------------------------------------------- */

/* Components in one another, each of which instantiates the one inside twice. */
static void build_doubling(sw_buf *b, unsigned depth)
{
    sw_buf inner;
    build_preamble(b, true);
    if (depth == 0) {
        return;
    }
    sw_buf_init(&inner, NULL, SIZE_MAX);
    build_doubling(&inner, depth - 1);
    build_section(b, 4, sw_buf_bytes(&inner));
    build_parts(b, &(part)PART(5, "\x02\x00\x00\x00\x00\x00\x00"), 1);
    sw_buf_clear(&inner);
}

/* Tuples of the tuple before, twice. */
static void build_doubling_types(sw_buf *b, unsigned depth)
{
    build_preamble(b, true);
    build_parts(b, &(part)PART(7, "\x01\x6f\x01\x7d"), 1);
    for (unsigned i = 0; i < depth; i++) {
        char type[] = {1, 0x6f, 2, (char)i, (char)i};
        build_section(b, 7, (sw_bytes){(const uint8_t *)type, sizeof type});
    }
}

static void build_deep_types(sw_buf *b, unsigned depth)
{
    build_preamble(b, true);
    build_parts(b, &(part)PART(7, "\x01\x6b\x7d"), 1);
    for (unsigned i = 0; i < depth; i++) {
        char type[] = {1, 0x70, (char)((i & 0x7f) | (i > 63 ? 0x80 : 0)), (char)(i >> 7)};
        build_section(b, 7, (sw_bytes){(const uint8_t *)type, i > 63 ? 4u : 3u});
    }
}

/* Instance types that export an instance of the type before: no scope is nested in another. */
static void build_deep_instances(sw_buf *b, unsigned depth)
{
    build_preamble(b, true);
    build_parts(b, &(part)PART(7, "\x01\x42\x00"), 1);
    for (unsigned i = 0; i < depth; i++) {
        sw_buf type;
        sw_buf_init(&type, NULL, SIZE_MAX);
        sw_buf_write(&type, "\x01\x42\x02\x02\x03\x02\x01", 7);
        sw_buf_leb_u32(&type, i);
        sw_buf_write(&type, "\x04\x00\x01x\x05\x00", 6);
        build_section(b, 7, sw_buf_bytes(&type));
        sw_buf_clear(&type);
    }
}

/* The same for components: each instantiates the one before. */
static void build_chain(sw_buf *b, unsigned length)
{
    build_preamble(b, true);
    build_nested(b, 4, NULL, 0);
    for (unsigned i = 0; i < length; i++) {
        char alias[] = {1, 4, 2, 1, (char)((i & 0x7f) | 0x80), (char)(i >> 7)};
        part parts[] = {
            {6, alias, sizeof alias},
            PART(5, "\x01\x00\x00\x00")
        };
        build_nested(b, 4, parts, SW_COUNTOF(parts));
    }
    char instance[] = {1, 0, (char)((length & 0x7f) | 0x80), (char)(length >> 7), 0};
    build_section(b, 5, (sw_bytes){(const uint8_t *)instance, sizeof instance});
}

typedef struct limit_case {
    void (*build)(sw_buf *b, unsigned n);
    unsigned n;
    sw_status status;
} limit_case;

static const limit_case LIMITS[] = {
    {build_doubling,       10,     SW_OK   },
    {build_doubling,       40,     SW_LIMIT},
    {build_doubling,       101,    SW_LIMIT},
    {build_doubling_types, 10,     SW_OK   },
    {build_doubling_types, 40,     SW_LIMIT},
    {build_deep_types,     90,     SW_OK   },
    {build_deep_types,     120,    SW_LIMIT},
    {build_deep_instances, 90,     SW_OK   },
    {build_deep_instances, 100000, SW_LIMIT},
    {build_chain,          990,    SW_OK   },
    {build_chain,          1000,   SW_LIMIT},
};

static void growth_is_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(LIMITS); i++) {
        sw_buf b;
        sw_arena arena;
        sw_diag diag;
        sw_component_binary c;
        sw_buf_init(&b, NULL, SIZE_MAX);
        sw_arena_init(&arena, NULL, SIZE_MAX);
        LIMITS[i].build(&b, LIMITS[i].n);
        assert_int_equal(read_component(&arena, sw_buf_bytes(&b), &diag, &c), LIMITS[i].status);
        sw_arena_clear(&arena);
        sw_buf_clear(&b);
    }
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static void damaged_blocks_are_stale(void **state)
{
    (void)state;
    size_t ends[32], ends_count;
    sw_buf b, block;
    sw_arena arena;
    sw_diag diag;
    sw_component_binary c;
    sw_plan mapped;
    build_sample(&b, ends, &ends_count);
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sw_buf_init(&block, NULL, SIZE_MAX);
    assert_int_equal(read_component(&arena, sw_buf_bytes(&b), &diag, &c), SW_OK);
    assert_int_equal(sw_plan_write(&c.plan, &block), SW_OK);
    for (size_t len = 0; len < block.len; len++) {
        assert_int_equal(sw_plan_map((sw_bytes){block.ptr, len}, NULL, &mapped), SW_STALE);
    }
    block.ptr[0] ^= 1;
    assert_int_equal(sw_plan_map(sw_buf_bytes(&block), NULL, &mapped), SW_STALE);
    sw_arena_clear(&arena);
    sw_buf_clear(&block);
    sw_buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_is_planned),
        cmocka_unit_test(every_truncation_fails_at_an_offset),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(small_arenas_fail_cleanly),
        cmocka_unit_test(declared_types_hide_the_rest),
        cmocka_unit_test(refusals_name_their_place),
        cmocka_unit_test(growth_is_bounded),
        cmocka_unit_test(damaged_blocks_are_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
