/*
 * Runs all exported functions of modules without imports and prints what they gave, for
 * tools/differential to compare with another engine.
 *
 *     differential FILE...        for each file: a line "file NAME", then one line a call
 *
 * Every function is called three times with fixed arguments, under each of several register
 * settings; the settings must agree, or "differs" is printed and the exit code is 1.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "machine.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALLS = 3, MAX_FILE_BYTES = 1 << 24 };

static const sw_baseline_knobs settings[] = {
    {.max_int_pins = 255, .max_float_pins = 255, .max_int_temps = 255},
    {.max_int_temps = 255, .check_indices = true, .prefer_high = true},
    {.max_int_pins = 1, .max_float_pins = 1, .max_int_temps = 4, .check_indices = true},
    {.max_int_pins = 3, .max_float_pins = 255, .max_int_temps = 5, .prefer_high = true},
};

static const uint64_t ints[] = {0, 1, 7, UINT64_MAX, 0x80000000, 0x7fffffffffffffff, 0x123456789};
static const double floats[] = {0, 1, -1.5, 1e10, -1e300, 0.1, 4294967296.0};

static sw_value_slot argument(sw_valtype type, uint32_t n)
{
    sw_value_slot v = {.i64 = 0};
    switch (type) {
    case SW_TYPE_I32: v.i32 = (uint32_t)ints[n % SW_COUNTOF(ints)]; break;
    case SW_TYPE_F32: v.f32 = (float)floats[n % SW_COUNTOF(floats)]; break;
    case SW_TYPE_F64: v.f64 = floats[n % SW_COUNTOF(floats)]; break;
    default: v.i64 = ints[n % SW_COUNTOF(ints)];
    }
    return v;
}

static void print_value(sw_buf *out, sw_valtype type, const sw_value_slot *v)
{
    if (type == SW_TYPE_F32) {
        if (v->f32 != v->f32) {
            sw_buf_printf(out, " nan");
        } else {
            sw_buf_printf(out, " %x", v->i32);
        }
    } else if (type == SW_TYPE_F64 && v->f64 != v->f64) {
        sw_buf_printf(out, " nan");
    } else {
        sw_buf_printf(out, " %llx", (unsigned long long)(type == SW_TYPE_I32 ? v->i32 : v->i64));
    }
}

static uint32_t memory_hash(const machine *m)
{
    uint32_t hash = 2166136261u;
    if (m->module.memories_count != 0) {
        const sw_memory_view *view = (const sw_memory_view *)(m->base - m->layout.memories[0]);
        for (uint64_t i = 0; i < view->size_bytes; i++) {
            hash = (hash ^ view->base[i]) * 16777619u;
        }
    }
    return hash;
}

static void call(machine *m, const sw_export *export, uint32_t round, sw_buf *out)
{
    const sw_functype *t = sw_module_functype(&m->module, export->index);
    sw_value_slot params[64], results[64];
    for (uint32_t i = 0; i < t->params_count; i++) {
        params[i] = argument(t->params[i], round * 3 + i);
    }
    sw_buf_printf(out, "%.*s", SW_STR_ARG(export->name));
    sw_trap trap = machine_call(m, export->index, params, results);
    if (trap != SW_TRAP_NONE) {
        sw_buf_printf(out, " trap %s\n", sw_trap_text(trap));
        return;
    }
    for (uint32_t i = 0; i < t->results_count; i++) {
        print_value(out, t->results[i], &results[i]);
    }
    sw_buf_printf(out, "\n");
}

static void run(sw_bytes wasm, sw_baseline_knobs knobs, sw_buf *out)
{
    machine m;
    machine_init(&m, wasm, knobs);
    machine_start(&m);
    for (uint32_t round = 0; round < CALLS; round++) {
        for (uint32_t i = 0; i < m.module.exports_count; i++) {
            if (m.module.exports[i].kind == SW_EXTERN_FUNC) {
                call(&m, &m.module.exports[i], round, out);
            }
        }
        sw_buf_printf(out, "memory %x\n", memory_hash(&m));
    }
    machine_clear(&m);
}

static bool run_file(const char *name)
{
    static uint8_t bytes[MAX_FILE_BYTES];
    FILE *f = fopen(name, "rb");
    size_t len = f == NULL ? 0 : fread(bytes, 1, sizeof bytes, f);
    bool agree = true;
    sw_buf outs[SW_COUNTOF(settings)];
    if (f != NULL) {
        (void)fclose(f);
    }
    for (size_t i = 0; i < SW_COUNTOF(settings); i++) {
        sw_buf_init(&outs[i], NULL, 1 << 24);
        run((sw_bytes){bytes, len}, settings[i], &outs[i]);
        agree = agree && outs[i].len == outs[0].len &&
                memcmp(outs[i].ptr, outs[0].ptr, outs[0].len) == 0;
    }
    printf("file %s\n%.*s%s", name, (int)outs[0].len, (const char *)outs[0].ptr,
           agree ? "" : "differs\n");
    for (size_t i = 0; i < SW_COUNTOF(settings); i++) {
        sw_buf_clear(&outs[i]);
    }
    return agree;
}

static char **files;

static void run_files(void **state)
{
    bool agree = true;
    (void)state;
    for (char **f = files; *f != NULL; f++) {
        agree = run_file(*f) && agree;
    }
    assert_true(agree);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_files)};
    (void)argc;
    files = argv + 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
