#include "build.h"

static const sw_baseline_knobs settings[] = {
    {.max_int_pins = 255, .max_float_pins = 255, .max_int_temps = 255},
    {.max_int_temps = 255, .check_indices = true, .prefer_high = true},
    {.max_int_pins = 1, .max_float_pins = 1, .max_int_temps = 4, .check_indices = true},
    {.max_int_pins = 2, .max_float_pins = 255, .max_int_temps = 4, .prefer_high = true},
};

void with_module(build_fn *build, check_fn *check)
{
    sw_builder b;
    sw_builder_init(&b);
    build(&b);
    sw_bytes wasm = sw_builder_finish(&b);
    for (size_t i = 0; i < SW_COUNTOF(settings); i++) {
        machine m;
        machine_init(&m, wasm, settings[i]);
        check(&m);
        machine_clear(&m);
    }
    sw_builder_clear(&b);
}
