/*
 * Active segments applied at compile time.
 *
 * Segments take effect in order and stop at the first that traps, so only a prefix of them can be
 * baked in: up to the first whose place depends on the instance, that does not fit, or whose target
 * other instances can see.
 */
#pragma once

#include "code/image.h"

/* Contents of memory 0 as runs of whole pages. Offsets in the image are set by the writer. */
typedef struct sw_baked_memory {
    sw_image_run *runs;
    uint32_t runs_count;
    uint32_t first_data; /* segments from here on run at instantiation, if they are active */
} sw_baked_memory;

SW_NODISCARD sw_status sw_bake_memory(const sw_module *m, const sw_layout *layout,
                                      const sw_image_data *datas, sw_arena *scratch, sw_diag *diag,
                                      sw_baked_memory *ret_baked);

/* Fills the pages of one run, len bytes that are zero. */
void sw_bake_run(const sw_module *m, const sw_image_data *datas, uint32_t first_data,
                 const sw_image_run *run, uint8_t *pages);

/* Entries of closed tables: 0 for null, else 1 + index in closed_funcs. */
typedef struct sw_baked_tables {
    uint32_t *entries;
    uint32_t entries_count;
    uint32_t first_elem;
    const uint32_t *closed_funcs; /* ascending: the functions that may be in a closed table */
    uint32_t closed_funcs_count;
} sw_baked_tables;

/* Sets baked_start of the tables. */
SW_NODISCARD sw_status sw_bake_tables(const sw_module *m, const sw_layout *layout,
                                      const sw_image_elem *elems, const uint32_t *items,
                                      sw_image_table *tables, sw_arena *scratch, sw_diag *diag,
                                      sw_baked_tables *ret_baked);
