/* Control flow through the baseline compiler: blocks, loops, branches, calls, in generated code
 * that runs. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "machine.h"

#define GET(n)       sw_builder_op_u32(b, SW_OP_LOCAL_GET, (n))
#define SET(n)       sw_builder_op_u32(b, SW_OP_LOCAL_SET, (n))
#define TEE(n)       sw_builder_op_u32(b, SW_OP_LOCAL_TEE, (n))
#define OP(op)       sw_builder_op(b, SW_OP_##op)
#define I32(n)       sw_builder_i32(b, (uint32_t)(n))
#define BR(n)        sw_builder_op_u32(b, SW_OP_BR, (n))
#define BRIF(n)      sw_builder_op_u32(b, SW_OP_BR_IF, (n))
#define CALL(n)      sw_builder_op_u32(b, SW_OP_CALL, (n))
#define BLOCK(op, t) sw_builder_block(b, SW_OP_##op, (t))

static const sw_baseline_knobs knob_sets[] = {
    {.max_int_pins = 255, .max_float_pins = 255, .max_int_temps = 255},
    {.max_int_pins = 0, .max_float_pins = 0, .max_int_temps = 255, .check_indices = true},
    {.max_int_pins = 1, .max_float_pins = 1, .max_int_temps = 4, .check_indices = true},
};

/* Builds a module once for each knob set and runs a check on it. */
static void with_module(void (*build)(sw_builder *b), void (*check)(machine *m))
{
    sw_builder b;
    sw_builder_init(&b);
    build(&b);
    sw_bytes wasm = sw_builder_finish(&b);
    for (size_t i = 0; i < SW_COUNTOF(knob_sets); i++) {
        machine m;
        machine_init(&m, wasm, knob_sets[i]);
        machine_start(&m);
        check(&m);
        machine_clear(&m);
    }
    sw_builder_clear(&b);
}

static void build_fib(sw_builder *b)
{
    uint32_t t = sw_builder_type(b, "i:i");
    sw_builder_func(b, t, "");
    GET(0);
    I32(2);
    OP(I32_LT_S);
    BLOCK(IF, 'i');
    GET(0);
    OP(ELSE);
    GET(0);
    I32(1);
    OP(I32_SUB);
    CALL(0);
    GET(0);
    I32(2);
    OP(I32_SUB);
    CALL(0);
    OP(I32_ADD);
    OP(END);
    sw_builder_end_func(b);
}

static void check_fib(machine *m)
{
    assert_int_equal(machine_run(m, 0, 20, 0, 0), 6765);
}

static void test_fib(void **state)
{
    (void)state;
    with_module(build_fib, check_fib);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fib)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
