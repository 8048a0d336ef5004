/*
 * The interface of a compiler tier: one function body in, machine code out.
 *
 * An emitter belongs to one thread and is used for many functions of one module. Calls to other
 * functions of the module are left as fixups, because their addresses are known only when all are
 * emitted.
 */
#pragma once

#include "base/buf.h"
#include "code/abi.h"
#include "wasm/validate.h"

enum {
    /* Machine code that a byte of wasm may become, and what the bodies of a range may take beyond
     * that. Programs take 1.5, and 4 in their worst functions of more than 300 bytes; but a few
     * bytes can ask for thousands, which must not fill the memory. */
    SW_CODE_PER_BYTE = 16,
    SW_CODE_EXCESS = 512 * 1024,
};

/* A rel32 at `at` (offset in the code buffer, of the 4 bytes) that must reach `func`'s entry. */
typedef struct sw_fixup {
    uint32_t at;
    uint32_t func;
} sw_fixup;

/* One emitted function, relative to the code buffer it was appended to. */
typedef struct sw_emitted {
    uint32_t start; /* aligned to 16 */
    uint32_t len;
    uint32_t fixups_start, fixups_count; /* in the emitter's fixups */
} sw_emitted;

typedef struct sw_emitter sw_emitter;

/* m, layout and budget are borrowed for the emitter's life. NULL when out of memory. */
sw_emitter *sw_baseline_new(const sw_module *m, const sw_layout *layout, sw_budget *budget);
void sw_baseline_free(sw_emitter *e); /* e may be NULL */

/* Appends the code of a validated body to code (max 2 GiB), and its fixups to the emitter's list.
 * Fails with SW_LIMIT when that is more than SW_CODE_PER_BYTE for each byte and SW_CODE_EXCESS. */
SW_NODISCARD sw_status sw_baseline_emit(sw_emitter *e, uint32_t func, const sw_func_facts *facts,
                                        sw_buf *code, sw_diag *diag, sw_emitted *ret_emitted);

/* The thunk of an imported function that is in a closed table. */
SW_NODISCARD sw_status sw_baseline_emit_thunk(sw_emitter *e, uint32_t import, sw_buf *code,
                                              sw_diag *diag, sw_emitted *ret_emitted);

/* All fixups since the emitter was made. Good until the next emit. */
const sw_fixup *sw_baseline_fixups(const sw_emitter *e, size_t *ret_count);

/*
 * Which instruction a machine address belongs to: emits the function again (emission is
 * deterministic) and notes where each instruction's code begins. Gives the offset in m->bytes of
 * the instruction that covers code offset `pc_offset` (relative to the function's start).
 */
SW_NODISCARD sw_status sw_baseline_find_offset(sw_emitter *e, uint32_t func,
                                               const sw_func_facts *facts, uint32_t pc_offset,
                                               sw_diag *diag, uint32_t *ret_wasm_offset);
