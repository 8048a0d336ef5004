/* Calls between host and guest, in both directions. */
#include "harness.h"

static sw_trap add_entry(sw_host_func *self, sw_regs *regs)
{
    int *calls = self->env;
    (*calls)++;
    regs->ints[0] = (uint32_t)(regs->ints[0] + regs->ints[1]);
    return SW_TRAP_NONE;
}

static const sw_valtype II[] = {SW_TYPE_I32, SW_TYPE_I32};
static const sw_functype II_I = {II, II, 2, 1};
static const sw_functype I_I = {II, II, 1, 1};

static void test_add(void **state)
{
    harness *h = *state;
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "ii:i");
    builder_export(&b, "add", 0, builder_func(&b, t, "", CODE(0x20, 0, 0x20, 1, 0x6a)));
    sw_instance *i = harness_instance(h, &b, NULL);
    uint64_t result = 0;
    assert_int_equal(harness_call(h, i, "add", (uint64_t[]){40, 2}, &result), SW_OK);
    assert_int_equal(result, 42);
    assert_int_equal(harness_call(h, i, "add", (uint64_t[]){UINT32_MAX, 1}, &result), SW_OK);
    assert_int_equal(result, 0);
}

static void test_host_function(void **state)
{
    harness *h = *state;
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "ii:i");
    uint32_t add = builder_import_func(&b, "env", "add", t);
    uint32_t twice = builder_func(&b, t, "", CODE(0x20, 0, 0x20, 1, 0x10, 0, 0x41, 1, 0x10, 0));
    builder_export(&b, "twice", 0, twice);
    builder_export(&b, "add", 0, add);
    int calls = 0;
    sw_host_func f;
    assert_int_equal(sw_host_func_init(&f, h->store, &II_I, add_entry, &calls), SW_OK);
    sw_extern import = sw_host_func_extern(&f);
    sw_instance *i = harness_instance(h, &b, &import);
    uint64_t result = 0;
    assert_int_equal(harness_call(h, i, "twice", (uint64_t[]){40, 1}, &result), SW_OK);
    assert_int_equal(result, 42);
    assert_int_equal(calls, 2);
    /* The host function itself, through the instance that exports it again. */
    assert_int_equal(harness_call(h, i, "add", (uint64_t[]){3, 4}, &result), SW_OK);
    assert_int_equal(result, 7);
    assert_int_equal(calls, 3);
}

/* Every parameter but the first few goes through the overflow area, in both directions. */
#define MANY 20u

static sw_trap reverse_entry(sw_host_func *self, sw_regs *regs)
{
    sw_value_slot in[MANY], out[MANY];
    sw_regs_get_params(self->type, regs, sw_store_args_area(self->store), in);
    for (uint32_t i = 0; i < MANY; i++) {
        out[i] = in[MANY - 1 - i];
    }
    sw_regs_set_results(self->type, out, regs, sw_store_args_area(self->store));
    return SW_TRAP_NONE;
}

static void test_many_values(void **state)
{
    harness *h = *state;
    sw_valtype types[MANY];
    char signature[2 * MANY + 2] = {};
    uint8_t code[2 * MANY + 2];
    size_t len = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        types[i] = SW_TYPE_I64;
        signature[i] = signature[MANY + 1 + i] = 'I';
        code[len++] = 0x20;
        code[len++] = (uint8_t)i;
    }
    signature[MANY] = ':';
    code[len++] = 0x10;
    code[len++] = 0;
    sw_functype type = {types, types, MANY, MANY};
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, signature);
    (void)builder_import_func(&b, "env", "reverse", t);
    builder_export(&b, "f", 0, builder_func(&b, t, "", (sw_bytes){code, len}));
    sw_host_func f;
    assert_int_equal(sw_host_func_init(&f, h->store, &type, reverse_entry, NULL), SW_OK);
    sw_extern import = sw_host_func_extern(&f);
    sw_instance *i = harness_instance(h, &b, &import);
    uint64_t in[MANY], out[MANY];
    for (uint32_t k = 0; k < MANY; k++) {
        in[k] = UINT64_C(0x100000000) * k + k;
    }
    assert_int_equal(harness_call(h, i, "f", in, out), SW_OK);
    for (uint32_t k = 0; k < MANY; k++) {
        assert_int_equal(out[k], in[MANY - 1 - k]);
    }
}

static sw_trap mix_entry(sw_host_func *self, sw_regs *regs)
{
    sw_value_slot in[4], out[2];
    sw_regs_get_params(self->type, regs, sw_store_args_area(self->store), in);
    out[0].f64 = in[0].f64 + in[1].f32;
    out[1].i64 = in[2].i32 + in[3].i64;
    sw_regs_set_results(self->type, out, regs, sw_store_args_area(self->store));
    return SW_TRAP_NONE;
}

static void test_floats(void **state)
{
    harness *h = *state;
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "FfiI:FI");
    (void)builder_import_func(&b, "env", "mix", t);
    builder_export(&b, "f", 0,
                   builder_func(&b, t, "", CODE(0x20, 0, 0x20, 1, 0x20, 2, 0x20, 3, 0x10, 0)));
    static const sw_valtype IN[] = {SW_TYPE_F64, SW_TYPE_F32, SW_TYPE_I32, SW_TYPE_I64};
    static const sw_valtype OUT[] = {SW_TYPE_F64, SW_TYPE_I64};
    sw_functype type = {IN, OUT, 4, 2};
    sw_host_func f;
    assert_int_equal(sw_host_func_init(&f, h->store, &type, mix_entry, NULL), SW_OK);
    sw_extern import = sw_host_func_extern(&f);
    sw_instance *i = harness_instance(h, &b, &import);
    sw_extern x = harness_export(i, "f");
    sw_value_slot in[4] = {{.f64 = 1.5}, {.f32 = 2.25f}, {.i32 = 7}, {.i64 = UINT64_C(1) << 40}};
    sw_value_slot out[2];
    assert_int_equal(sw_call(h->store, x.func.cell, x.func.type, in, out), SW_OK);
    assert_true(out[0].f64 == 3.75);
    assert_int_equal(out[1].i64, (UINT64_C(1) << 40) + 7);
}

/* ---- Nesting --------------------------------------------------------------------------------- */

typedef struct nest {
    harness *h;
    sw_instance *i;
    uint32_t deepest;
} nest;

/* f(n): n == 0 ? 0 : host(n - 1) + 1, and host(n) calls f(n). */
static sw_trap nest_entry(sw_host_func *self, sw_regs *regs)
{
    nest *n = self->env;
    n->deepest++;
    uint64_t result = 0;
    sw_status st = harness_call(n->h, n->i, "f", &regs->ints[0], &result);
    regs->ints[0] = result;
    return st == SW_OK ? SW_TRAP_NONE : sw_store_trap(self->store)->reason;
}

static void build_nest(builder *b)
{
    builder_init(b);
    uint32_t t = builder_type(b, "i:i");
    (void)builder_import_func(b, "env", "host", t);
    uint32_t f = builder_func(b, t, "",
                              CODE(0x20, 0, 0x04, 0x7f, 0x20, 0, 0x41, 1, 0x6b, 0x10, 0, 0x41, 1,
                                   0x6a, 0x05, 0x41, 0, 0x0b));
    builder_export(b, "f", 0, f);
}

static void test_nested_calls(void **state)
{
    harness *h = *state;
    builder b;
    build_nest(&b);
    nest n = {.h = h};
    sw_host_func f;
    assert_int_equal(sw_host_func_init(&f, h->store, &I_I, nest_entry, &n), SW_OK);
    sw_extern import = sw_host_func_extern(&f);
    n.i = harness_instance(h, &b, &import);
    assert_int_equal(harness_get(h, n.i, "f", 100), 100);
    assert_int_equal(n.deepest, 100);
    /* Without end: the stack ends, every level is left, and the store works on. */
    harness_expect_trap(h, n.i, "f", 100000, SW_TRAP_STACK_EXHAUSTED);
    assert_true(sw_store_trap(h->store)->frames_count == SW_MAX_FRAMES);
    assert_int_equal(harness_get(h, n.i, "f", 10), 10);
}

static sw_trap trap_entry(sw_host_func *self, sw_regs *regs)
{
    (void)regs;
    sw_store_explain_trap(self->store, "the disk is full of %d things", 7);
    return SW_TRAP_HOST;
}

static sw_trap exit_entry(sw_host_func *self, sw_regs *regs)
{
    sw_store_set_exit(self->store, (int)regs->ints[0]);
    return SW_TRAP_EXIT;
}

static void test_host_traps(void **state)
{
    harness *h = *state;
    builder b;
    build_nest(&b);
    sw_host_func f;
    assert_int_equal(sw_host_func_init(&f, h->store, &I_I, trap_entry, NULL), SW_OK);
    sw_extern import = sw_host_func_extern(&f);
    sw_instance *i = harness_instance(h, &b, &import);
    harness_expect_trap(h, i, "f", 3, SW_TRAP_HOST);
    assert_string_equal(sw_store_trap(h->store)->text, "the disk is full of 7 things");
    assert_int_equal(sw_store_trap(h->store)->frames_count, 1);
    assert_int_equal(sw_store_trap(h->store)->frames[0].func, 1);
}

static void test_exit(void **state)
{
    harness *h = *state;
    builder b;
    build_nest(&b);
    sw_host_func f;
    assert_int_equal(sw_host_func_init(&f, h->store, &I_I, exit_entry, NULL), SW_OK);
    sw_extern import = sw_host_func_extern(&f);
    sw_instance *i = harness_instance(h, &b, &import);
    uint64_t result;
    assert_int_equal(harness_call(h, i, "f", (uint64_t[]){43}, &result), SW_EXIT);
    assert_int_equal(sw_store_exit_code(h->store), 42);
}

static void test_exports(void **state)
{
    harness *h = *state;
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "ii:i");
    uint32_t f = builder_func(&b, t, "", CODE(0x20, 0));
    builder_memory(&b, 1, 3);
    static const char *const NAMES[] = {"zz", "a", "", "mm", "zy", "b"};
    for (size_t i = 0; i < SW_COUNTOF(NAMES); i++) {
        builder_export(&b, NAMES[i], i == 3 ? 2 : 0, i == 3 ? 0 : f);
    }
    sw_code *c = harness_code(h, &b);
    assert_int_equal(sw_code_exports_count(c), SW_COUNTOF(NAMES));
    for (uint32_t i = 0; i < SW_COUNTOF(NAMES); i++) {
        assert_int_equal(sw_code_find_export(c, sw_str_of(NAMES[i])), i);
        sw_code_export x;
        sw_code_get_export(c, i, &x);
        assert_true(sw_str_eq(x.name, sw_str_of(NAMES[i])));
        assert_int_equal(x.type.kind, i == 3 ? SW_EXTERN_MEMORY : SW_EXTERN_FUNC);
    }
    assert_int_equal(sw_code_find_export(c, SW_STR("nope")), SW_NO_INDEX);
    sw_code_unref(c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_add),    TEST(test_host_function), TEST(test_many_values),
        TEST(test_floats), TEST(test_nested_calls),  TEST(test_host_traps),
        TEST(test_exit),   TEST(test_exports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
