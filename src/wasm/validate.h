/*
 * Validation of one function body, and the facts about it that the compiler needs.
 *
 * Bodies are independent: many threads validate (and then compile) different functions of one
 * module, each with a scratch of its own.
 */
#pragma once

#include "wasm/module.h"

enum {
    /* Bodies are validated and compiled in ranges of consecutive functions, of about so many bytes:
     * small enough to keep all cores busy to the end, large enough that handing out costs nothing.
     */
    SW_BODIES_RANGE_BYTES = 64 * 1024,
    /* Calls, blocks and branches of two bytes may move 1,000 values each. So many for each byte of
     * a body are free, and so many more for all bodies of a range: programs need far less, and time
     * and memory are bounded by the size of the input. */
    SW_MOVED_PER_BYTE = 4,
    SW_MOVED_EXCESS = 64 * 1024,
};

/* Facts about a body. Arrays belong to the scratch and are good until its next use. */
typedef struct sw_func_facts {
    const sw_valtype *local_types; /* by index, params first; only of the locals that are used */
    /* Uses of each local, each counted 8 times per enclosing loop up to 4096, saturating; zero: no
     * instruction names it. */
    const uint32_t *local_weights;
    const uint32_t *used_locals; /* those with a weight, in ascending order */
    uint32_t used_count;
    uint32_t locals_count, params_count;
    uint32_t moved_excess; /* values moved beyond those that are free */
    uint32_t max_stack;    /* most values on the operand stack at once */
    uint32_t max_labels;   /* deepest control nesting, the body itself counted */
    uint32_t code_start;   /* offset in m->bytes of the first instruction, after the locals */
    uint32_t call_weight;  /* calls of any kind (helpers too), weighted like local uses */
    bool is_leaf;          /* calls nothing, neither functions nor runtime helpers */
    bool has_loop, has_call_in_loop, uses_memory, uses_indirect_call;
} sw_func_facts;

typedef struct sw_validate_scratch sw_validate_scratch;

/* One a thread. NULL when out of memory. budget is borrowed, may be NULL. */
sw_validate_scratch *sw_validate_scratch_new(sw_budget *budget);
void sw_validate_scratch_free(sw_validate_scratch *s); /* s may be NULL */

/* The module must have passed sw_module_validate. Fails with SW_INVALID or SW_MALFORMED (immediates
 * that cannot be decoded) with the absolute offset of the instruction. */
SW_NODISCARD sw_status sw_func_validate(const sw_module *m, const sw_features *features,
                                        uint32_t func, sw_validate_scratch *scratch, sw_diag *diag,
                                        sw_func_facts *ret_facts);

/* The end of the range of bodies that begins with function `first`. */
uint32_t sw_bodies_range_end(const sw_module *m, uint32_t first);

/* Adds to the sum for a range what one of its functions took beyond what is free. Fails with
 * SW_LIMIT when that exceeds the limit; what: "many values moved". */
SW_NODISCARD sw_status sw_bodies_add_excess(const sw_module *m, uint32_t func, uint64_t more,
                                            uint64_t limit, const char *what, sw_diag *diag,
                                            uint64_t *sum);

/* All bodies on the calling thread: `swell validate`. */
SW_NODISCARD sw_status sw_module_validate_bodies(const sw_module *m, const sw_features *features,
                                                 sw_diag *diag);
