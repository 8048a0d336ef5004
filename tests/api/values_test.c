/*
 * Typed values in both directions: what goes into a guest comes back the same, through the guest's
 * memory and through a host function; what does not fit its type is refused with a sentence.
 */
#include "world.h"

#include "echo.h"

#include <stdio.h>

// clang-format off
static const char *const TYPES[] = {
    "bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string",
    "list<u32>", "list<u8>", "list<string>", "list<rec>", "list<list<u16>>",
    "rec", "tuple<s16, string>", "var", "en", "fl",
    "option<u32>", "option<option<string>>", "result<u32, string>", "result", "result<_, en>",
    "result<rec>",
};

#define KIDS(...) .children = {(const swell_value[]){__VA_ARGS__}, \
                               sizeof((swell_value[]){__VA_ARGS__}) / sizeof(swell_value)}
#define TEXT(s) {.kind = SWELL_STRING, .string = {s, sizeof(s) - 1}}
#define REC(n, s, d) {.kind = SWELL_RECORD, KIDS({.kind = SWELL_U8, .u8 = n}, TEXT(s), {.kind = SWELL_F64, .f64 = d})}
#define NUM(n) {.kind = SWELL_U32, .u32 = n}
#define U16(n) {.kind = SWELL_U16, .u16 = n}

typedef struct good {
    const char *type;
    swell_value value;
} good;

static const good GOOD[] = {
    {"bool", {.kind = SWELL_BOOL, .boolean = true}},
    {"s8", {.kind = SWELL_S8, .s8 = -128}},
    {"u8", {.kind = SWELL_U8, .u8 = 255}},
    {"s16", {.kind = SWELL_S16, .s16 = -32768}},
    {"u16", {.kind = SWELL_U16, .u16 = 65535}},
    {"s32", {.kind = SWELL_S32, .s32 = INT32_MIN}},
    {"u32", {.kind = SWELL_U32, .u32 = UINT32_MAX}},
    {"s64", {.kind = SWELL_S64, .s64 = INT64_MIN}},
    {"u64", {.kind = SWELL_U64, .u64 = UINT64_MAX}},
    {"f32", {.kind = SWELL_F32, .f32 = -0.5F}},
    {"f64", {.kind = SWELL_F64, .f64 = 1e300}},
    {"char", {.kind = SWELL_CHAR, .character = 0x10ffff}},
    {"char", {.kind = SWELL_CHAR, .character = 0}},
    {"string", TEXT("")},
    {"string", TEXT("gr\xc3\xbc\xc3\x9f")},
    {"string", TEXT("a\0b")},
    {"list<u32>", {.kind = SWELL_LIST}},
    {"list<u32>", {.kind = SWELL_LIST, KIDS(NUM(1), NUM(2), NUM(3))}},
    {"list<u8>", {.kind = SWELL_BYTES, .bytes = {(const uint8_t *)"\0\xff", 2}}},
    {"list<u8>", {.kind = SWELL_BYTES}},
    {"list<string>", {.kind = SWELL_LIST, KIDS(TEXT("one"), TEXT(""), TEXT("three"))}},
    {"list<rec>", {.kind = SWELL_LIST, KIDS(REC(1, "a", 1.5), REC(2, "b", -1.5))}},
    {"list<list<u16>>", {.kind = SWELL_LIST, KIDS({.kind = SWELL_LIST, KIDS(U16(1), U16(2))},
                                                  {.kind = SWELL_LIST})}},
    {"rec", REC(7, "seven", 7.25)},
    {"tuple<s16, string>", {.kind = SWELL_TUPLE, KIDS({.kind = SWELL_S16, .s16 = -2}, TEXT("two"))}},
    {"var", {.kind = SWELL_VARIANT, .index = 0}},
    {"var", {.kind = SWELL_VARIANT, .index = 1, KIDS({.kind = SWELL_U64, .u64 = 1ULL << 63})}},
    {"var", {.kind = SWELL_VARIANT, .index = 2, KIDS(TEXT("words"))}},
    {"var", {.kind = SWELL_VARIANT, .index = 3, KIDS(REC(9, "in", 0.0))}},
    {"en", {.kind = SWELL_ENUM, .index = 2}},
    {"fl", {.kind = SWELL_FLAGS, .flags = 5}},
    {"fl", {.kind = SWELL_FLAGS, .flags = 0}},
    {"option<u32>", {.kind = SWELL_OPTION, .index = 0}},
    {"option<u32>", {.kind = SWELL_OPTION, .index = 1, KIDS(NUM(5))}},
    {"option<option<string>>", {.kind = SWELL_OPTION, .index = 1, KIDS({.kind = SWELL_OPTION})}},
    {"option<option<string>>",
     {.kind = SWELL_OPTION, .index = 1, KIDS({.kind = SWELL_OPTION, .index = 1, KIDS(TEXT("x"))})}},
    {"result<u32, string>", {.kind = SWELL_RESULT, .index = 0, KIDS(NUM(6))}},
    {"result<u32, string>", {.kind = SWELL_RESULT, .index = 1, KIDS(TEXT("no"))}},
    {"result", {.kind = SWELL_RESULT, .index = 0}},
    {"result", {.kind = SWELL_RESULT, .index = 1}},
    {"result<_, en>", {.kind = SWELL_RESULT, .index = 0}},
    {"result<_, en>", {.kind = SWELL_RESULT, .index = 1, KIDS({.kind = SWELL_ENUM, .index = 1})}},
    {"result<rec>", {.kind = SWELL_RESULT, .index = 0, KIDS(REC(3, "r", 3.0))}},
    {"result<rec>", {.kind = SWELL_RESULT, .index = 1}},
};

typedef struct bad {
    const char *type;
    const char *says;
    swell_value value;
} bad;

static const bad BAD[] = {
    {"bool", "bool", {.kind = SWELL_U8, .u8 = 1}},
    {"s8", "s8", {.kind = SWELL_U8, .u8 = 1}},
    {"u32", "u32", {.kind = SWELL_S32}},
    {"u32", "another kind", {.kind = SWELL_STRING}},
    {"u64", "u64", {.kind = SWELL_U32}},
    {"f64", "f64", {.kind = SWELL_F32}},
    {"char", "Unicode scalar value", {.kind = SWELL_CHAR, .character = 0xd800}},
    {"char", "Unicode scalar value", {.kind = SWELL_CHAR, .character = 0x110000}},
    {"string", "not a string", {.kind = SWELL_BYTES}},
    {"string", "not UTF-8", {.kind = SWELL_STRING, .string = {"\xff", 1}}},
    {"string", "not UTF-8", {.kind = SWELL_STRING, .string = {"\xed\xa0\x80", 3}}},
    {"list<u32>", "not a list", {.kind = SWELL_TUPLE}},
    {"list<u32>", "list<u8>", {.kind = SWELL_BYTES}},
    {"list<u32>", "u32", {.kind = SWELL_LIST, KIDS(NUM(1), TEXT("2"))}},
    {"list<u8>", "list<u8>", {.kind = SWELL_STRING}},
    {"list<string>", "not UTF-8", {.kind = SWELL_LIST, KIDS(TEXT("a"), TEXT("\xc0\x80"))}},
    {"rec", "another kind", {.kind = SWELL_TUPLE}},
    {"rec", "number of fields", {.kind = SWELL_RECORD}},
    {"rec", "number of fields", {.kind = SWELL_RECORD, KIDS(NUM(1), NUM(2), NUM(3), NUM(4))}},
    {"rec", "u8", {.kind = SWELL_RECORD, KIDS(NUM(1), TEXT(""), {.kind = SWELL_F64})}},
    {"tuple<s16, string>", "number of fields", {.kind = SWELL_TUPLE, KIDS(NUM(1))}},
    {"tuple<s16, string>", "another kind", {.kind = SWELL_RECORD}},
    {"var", "no such case", {.kind = SWELL_VARIANT, .index = 4}},
    {"var", "no such case", {.kind = SWELL_VARIANT, .index = 256}},
    {"var", "has a payload", {.kind = SWELL_VARIANT, .index = 1}},
    {"var", "no payload", {.kind = SWELL_VARIANT, .index = 0, KIDS(NUM(1))}},
    {"var", "u64", {.kind = SWELL_VARIANT, .index = 1, KIDS(NUM(1))}},
    {"var", "another kind", {.kind = SWELL_ENUM}},
    {"en", "no such case", {.kind = SWELL_ENUM, .index = 3}},
    {"en", "another kind", {.kind = SWELL_U32}},
    {"fl", "no such flag", {.kind = SWELL_FLAGS, .flags = 8}},
    {"fl", "another kind", {.kind = SWELL_U8}},
    {"option<u32>", "has a payload", {.kind = SWELL_OPTION, .index = 1}},
    {"option<u32>", "no payload", {.kind = SWELL_OPTION, .index = 0, KIDS(NUM(1))}},
    {"option<u32>", "no such case", {.kind = SWELL_OPTION, .index = 2, KIDS(NUM(1))}},
    {"option<u32>", "another kind", NUM(1)},
    {"result<u32, string>", "has a payload", {.kind = SWELL_RESULT, .index = 0}},
    {"result<u32, string>", "not a string", {.kind = SWELL_RESULT, .index = 1, KIDS(NUM(1))}},
    {"result", "no payload", {.kind = SWELL_RESULT, .index = 1, KIDS(NUM(1))}},
    {"result", "no such case", {.kind = SWELL_RESULT, .index = 2}},
    {"result<_, en>", "no such case",
     {.kind = SWELL_RESULT, .index = 1, KIDS({.kind = SWELL_ENUM, .index = 7})}},
};
// clang-format on

enum { TYPES_COUNT = SW_COUNTOF(TYPES) };

/* ---- The host -------------------------------------------------------------------------------- */

static world w;

/* What the host's functions give instead of their parameter; NULL: their parameter. */
static const swell_value *answer;

static swell_status host_echo(void *env, swell_call *call, const swell_value *params, size_t count,
                              swell_value *ret_result)
{
    swell_value *both = swell_call_alloc(call, 2 * sizeof *both);
    (void)env;
    assert_int_equal(count, 2);
    assert_int_equal(params[1].kind, SWELL_TUPLE);
    assert_int_equal(params[1].children.count, ECHO_PAD);
    if (both == NULL) {
        return SWELL_NO_MEMORY;
    }
    both[0] = answer == NULL ? params[0] : *answer;
    both[1] = params[1].children.at[0];
    *ret_result = (swell_value){
        .kind = SWELL_TUPLE, .children = {both, 2}
    };
    return SWELL_OK;
}

static int setup(void **)
{
    static char names[TYPES_COUNT][16];
    swell_host_func funcs[TYPES_COUNT];
    sw_buf binary, wit;
    echo_build(&binary, TYPES, TYPES_COUNT);
    echo_wit(&wit, TYPES, TYPES_COUNT);
    world_open(&w, world_bytes(&binary));
    for (size_t i = 0; i < TYPES_COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "f-x%zu", i);
        funcs[i] = (swell_host_func){names[i], host_echo, NULL};
    }
    swell_status st = swell_linker_define_interface(
        w.linker, (swell_str){(const char *)wit.ptr, wit.len}, swell_str_of("test:host/api@1.0.0"),
        funcs, TYPES_COUNT, &w.error);
    if (st != SWELL_OK) {
        print_error("%s\n", w.error.text);
    }
    assert_int_equal(st, SWELL_OK);
    world_start(&w);
    sw_buf_clear(&binary);
    sw_buf_clear(&wit);
    return 0;
}

static int teardown(void **)
{
    world_close(&w);
    return 0;
}

static swell_func *func_of(const char *prefix, const char *type)
{
    char name[32];
    size_t i = 0;
    while (strcmp(TYPES[i], type) != 0) {
        i++;
        assert_true(i < TYPES_COUNT);
    }
    (void)snprintf(name, sizeof name, "%s-x%zu", prefix, i);
    return world_find(&w, name);
}

static swell_status call(swell_func *f, const swell_value *value, uint32_t token,
                         swell_error *error, swell_value *ret)
{
    swell_value pad[ECHO_PAD] = {};
    for (size_t i = 0; i < ECHO_PAD; i++) {
        pad[i] = (swell_value)NUM(token);
    }
    swell_value params[2] = {
        *value, {.kind = SWELL_TUPLE, .children = {pad, ECHO_PAD}}
    };
    return swell_func_call(f, params, 2, error, ret);
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static bool same(const swell_value *a, const swell_value *b);

static bool same_children(const swell_value *a, const swell_value *b)
{
    if (a->children.count != b->children.count || a->index != b->index) {
        return false;
    }
    for (size_t i = 0; i < a->children.count; i++) {
        if (!same(&a->children.at[i], &b->children.at[i])) {
            return false;
        }
    }
    return true;
}

static size_t number_bytes(swell_value_kind kind)
{
    static const uint8_t SIZES[] = {
        [SWELL_BOOL] = 1, [SWELL_S8] = 1,  [SWELL_U8] = 1,  [SWELL_S16] = 2,
        [SWELL_U16] = 2,  [SWELL_S32] = 4, [SWELL_U32] = 4, [SWELL_S64] = 8,
        [SWELL_U64] = 8,  [SWELL_F32] = 4, [SWELL_F64] = 8, [SWELL_CHAR] = 4,
    };
    return SIZES[kind];
}

static bool same(const swell_value *a, const swell_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind <= SWELL_CHAR) {
        return memcmp(&a->u64, &b->u64, number_bytes(a->kind)) == 0;
    }
    if (a->kind == SWELL_STRING || a->kind == SWELL_BYTES) {
        return a->string.len == b->string.len &&
               (a->string.len == 0 || memcmp(a->string.ptr, b->string.ptr, a->string.len) == 0);
    }
    if (a->kind == SWELL_ENUM) {
        return a->index == b->index;
    }
    return a->kind == SWELL_FLAGS ? a->flags == b->flags : same_children(a, b);
}

static void expect_echo(const char *prefix, const good *g, uint32_t token)
{
    swell_error error = {};
    swell_value result;
    swell_status st = call(func_of(prefix, g->type), &g->value, token, &error, &result);
    if (st != SWELL_OK) {
        print_error("%s %s: %s\n", prefix, g->type, error.text);
    }
    assert_int_equal(st, SWELL_OK);
    assert_int_equal(result.kind, SWELL_TUPLE);
    assert_int_equal(result.children.count, 2);
    assert_int_equal(result.children.at[1].u32, token);
    if (!same(&result.children.at[0], &g->value)) {
        print_error("%s %s: another value came back\n", prefix, g->type);
        fail();
    }
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void through_the_guest(void **)
{
    for (uint32_t i = 0; i < SW_COUNTOF(GOOD); i++) {
        expect_echo("same", &GOOD[i], i);
    }
}

static void through_the_host(void **)
{
    answer = NULL;
    for (uint32_t i = 0; i < SW_COUNTOF(GOOD); i++) {
        expect_echo("host", &GOOD[i], i);
    }
}

/* A list<u8> may also be given element by element; it comes back as bytes. */
static void bytes_as_list(void **)
{
    swell_error error = {};
    swell_value result;
    swell_value items[2] = {
        {.kind = SWELL_U8, .u8 = 1},
        {.kind = SWELL_U8, .u8 = 2}
    };
    swell_value list = {
        .kind = SWELL_LIST, .children = {items, 2}
    };
    assert_int_equal(call(func_of("same", "list<u8>"), &list, 0, &error, &result), SWELL_OK);
    assert_int_equal(result.children.at[0].kind, SWELL_BYTES);
    assert_int_equal(result.children.at[0].bytes.len, 2);
    assert_memory_equal(result.children.at[0].bytes.ptr, "\1\2", 2);
}

static void wrong_arguments(void **)
{
    for (size_t i = 0; i < SW_COUNTOF(BAD); i++) {
        swell_error error = {};
        swell_value result = {.kind = SWELL_HANDLE};
        swell_status st = call(func_of("same", BAD[i].type), &BAD[i].value, 0, &error, &result);
        if (st != SWELL_ARGUMENT) {
            print_error("row %zu, %s (%s)\n", i, BAD[i].type, BAD[i].says);
        }
        assert_int_equal(st, SWELL_ARGUMENT);
        assert_int_equal(error.status, SWELL_ARGUMENT);
        assert_int_equal(error.offset, SWELL_NO_OFFSET);
        world_says(&error, BAD[i].says);
        assert_int_equal(result.kind, SWELL_HANDLE);
    }
    expect_echo("same", &GOOD[0], 1); /* the instance is none the worse */
}

static void wrong_counts(void **)
{
    swell_func *f = func_of("same", "u32");
    swell_value params[3] = {};
    for (size_t count = 0; count <= 3; count++) {
        swell_error error = {};
        swell_value result;
        swell_status st = swell_func_call(f, params, count, &error, &result);
        assert_int_equal(st, SWELL_ARGUMENT);
        world_says(&error, count == 2 ? "value for" : "for 2 parameters");
    }
    assert_int_equal(swell_func_params_count(f), 2);
    assert_true(swell_func_has_result(f));
    assert_int_equal(swell_func_params_count(world_find(&w, "spin")), 0);
    assert_false(swell_func_has_result(world_find(&w, "spin")));
}

/* What a host function gives must fit too; else the guest traps and the sentence says where. A trap
 * ends an instance, so each row has one of its own. */
static void wrong_results(void **)
{
    for (size_t i = 0; i < SW_COUNTOF(BAD); i++) {
        swell_error error = {};
        swell_value result;
        const good *right = GOOD;
        while (strcmp(right->type, BAD[i].type) != 0) {
            right++;
        }
        world_start(&w);
        answer = &BAD[i].value;
        swell_status st = call(func_of("host", BAD[i].type), &right->value, 0, &error, &result);
        assert_int_equal(st, SWELL_TRAP);
        world_says(&error, BAD[i].says);
        world_says(&error, "f-x");
        assert_non_null(strstr(swell_store_trap_text(w.store), BAD[i].says));
    }
    answer = NULL;
    world_start(&w);
}

static void result_may_be_ignored(void **)
{
    swell_error error = {};
    assert_int_equal(call(func_of("host", "string"), &GOOD[14].value, 0, &error, NULL), SWELL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through_the_guest), cmocka_unit_test(through_the_host),
        cmocka_unit_test(bytes_as_list),     cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(wrong_counts),      cmocka_unit_test(result_may_be_ignored),
        cmocka_unit_test(wrong_results),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
