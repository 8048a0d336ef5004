/*
 * Stress settings of the baseline compiler, for its own tests and the fuzzers: they change how
 * code is made, never what it means. The defaults are what products use.
 */
#pragma once

#include "code/emit.h"

typedef struct sw_baseline_knobs {
    uint8_t max_int_pins, max_float_pins; /* pinned locals at most; 255: as many as fit */
    uint8_t max_int_temps;                /* at least 4; 255: all */
    bool prefer_high; /* temporaries are taken from the high end: more prefixes are tried */
    bool
        check_indices; /* every memory access traps (SW_TRAP_HOST) unless its index is below 2^32 */
} sw_baseline_knobs;

#define SW_BASELINE_KNOBS_DEFAULT \
    ((sw_baseline_knobs){.max_int_pins = 255, .max_float_pins = 255, .max_int_temps = 255})

void sw_baseline_set_knobs(sw_emitter *e, sw_baseline_knobs knobs);
