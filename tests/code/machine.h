/*
 * Runs compiled functions without a runtime: a context, a memory with its guard, tables, cells and
 * signal handlers that turn faults into traps. Just enough to test machine code by itself.
 */
#pragma once

#include "code/abi.h"
#include "code/baseline/knobs.h"
#include "code/emit.h"
#include "support/builder.h"

/* What the code called the last helper with. */
typedef struct helper_call {
    sw_helper helper;
    unsigned count; /* calls of all helpers */
    uint64_t args[5];
} helper_call;

typedef struct machine {
    sw_arena arena;
    sw_module module;
    sw_layout layout;
    sw_emitter *emitter;
    sw_validate_scratch *scratch;
    uint8_t *code;
    size_t code_bytes;
    uint32_t *starts, *lengths; /* by function */
    uint8_t *reservation, *base;
    sw_func_cell *closed_cells; /* by function */
    uint64_t memory_pages[8];
    uint8_t *memory_bases[8];
    uint32_t trap_offset; /* where in the module the last trap was, by sw_baseline_find_offset */
} machine;

extern helper_call machine_last_helper;
extern uint64_t machine_helper_result;
/* Called by the interrupt helper, unless NULL. */
extern void (*machine_on_interrupt)(machine *m);

/* Compiles and prepares; fails the test when anything goes wrong. bytes must outlive the machine.
 */
void machine_init(machine *m, sw_bytes wasm, sw_baseline_knobs knobs);
void machine_clear(machine *m);

/* Connects an import; before the first call. A cell's base is NULL for C functions, which may take
 * up to six integers. */
void machine_link_func(machine *m, uint32_t import, sw_func_cell cell);
void machine_link_global(machine *m, uint32_t import, void *value);
void machine_link_memory(machine *m, uint32_t import, sw_memory_view *view);
void machine_link_table(machine *m, uint32_t import, sw_table_view *view);

/* Applies active segments of elements and data. */
void machine_start(machine *m);

/* A cell for another instance's import or table. */
sw_func_cell machine_cell(const machine *m, uint32_t func);

/* The reason of the trap, or SW_TRAP_NONE and the results. */
sw_trap machine_call(machine *m, uint32_t func, const sw_value_slot *params,
                     sw_value_slot *results);

/* For functions of up to three integer parameters and one integer result. */
uint64_t machine_run(machine *m, uint32_t func, uint64_t a, uint64_t b, uint64_t c);
/* The trap of such a call. */
sw_trap machine_trap(machine *m, uint32_t func, uint64_t a, uint64_t b);
