/*
 * A decoded core module: the binary's sections as arrays, before any code is made.
 *
 * Decoding (sw_module_read) checks form; validation (sw_module_validate, sw_func_validate) checks
 * meaning; both work on bytes that stay borrowed. Everything else lies in the module's arena.
 * Once validated, a module is immutable and may be read from many threads.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "wasm/types.h"

/* Implementation limits every producer assumes (the JavaScript API's). */
enum {
    SW_MAX_TYPES = 1000000,
    SW_MAX_FUNCTIONS = 1000000,
    SW_MAX_IMPORTS = 1000000,
    SW_MAX_EXPORTS = 1000000,
    SW_MAX_GLOBALS = 1000000,
    SW_MAX_SEGMENTS = 100000,
    SW_MAX_BODY_BYTES = 7654321,
    SW_MAX_LOCALS = 50000,
    SW_MAX_OPERANDS = 1000000, /* on the stack at once: ours, since a call makes 1,000 of 2 bytes */
    SW_MAX_PARAMS = 1000,
    SW_MAX_RESULTS = 1000,
    SW_MAX_MEMORIES = 100,
    SW_MAX_TABLES = 100,
    SW_MAX_TABLE_ELEMENTS = 10000000,
    SW_MAX_NAME_BYTES = 100000,
};

/* Section ids are 1 to 13; 0 is a custom section. */
enum { SW_SECTIONS_COUNT = 14 };

/* What the language is taken to be: run-time flags. All false is Wasm 2.0 without SIMD, with
 * extended constant expressions. */
typedef struct sw_features {
    bool simd, threads, tail_calls, exceptions, gc, function_references, multi_memory, memory64;
} sw_features;

/* A byte range of the module, relative to bytes.ptr; a constant expression includes its end. */
typedef struct sw_range {
    uint32_t start, len;
} sw_range;

typedef struct sw_import {
    sw_str module, name;
    sw_extern_kind kind;
    uint32_t index; /* in the kind's index space */
} sw_import;

typedef struct sw_export {
    sw_str name;
    sw_extern_kind kind;
    uint32_t index;
} sw_export;

typedef struct sw_func {
    uint32_t type;    /* type index */
    sw_range body;    /* from the locals' declaration to the end opcode; empty for imports */
    bool is_declared; /* may be named by ref.func: in an element segment, a global or an export */
} sw_func;

typedef struct sw_table {
    sw_tabletype type;
    sw_range init; /* constant expression, or empty: null */
} sw_table;

typedef struct sw_global {
    sw_globaltype type;
    sw_range init; /* empty for imports */
} sw_global;

typedef enum sw_segment_mode {
    SW_SEGMENT_ACTIVE,
    SW_SEGMENT_PASSIVE,
    SW_SEGMENT_DECLARED,
} sw_segment_mode;

typedef struct sw_elem {
    sw_segment_mode mode;
    sw_valtype type;
    uint32_t table;
    sw_range offset; /* constant expression; active ones */
    uint32_t count;
    const uint32_t *funcs; /* count function indices, or NULL */
    const sw_range *exprs; /* count constant expressions, when funcs is NULL */
} sw_elem;

typedef struct sw_data {
    sw_segment_mode mode;
    uint32_t memory;
    sw_range offset; /* constant expression; active ones */
    sw_range bytes;
} sw_data;

typedef struct sw_custom {
    sw_str name;
    sw_range bytes; /* the payload after the name */
    uint32_t section_offset;
} sw_custom;

typedef struct sw_func_name {
    uint32_t func;
    sw_str name;
} sw_func_name;

typedef struct sw_module {
    sw_arena *arena; /* borrowed; holds every array below */
    sw_bytes bytes;  /* borrowed; the whole module */
    uint32_t origin; /* offset of bytes in the file that holds it */

    const sw_deftype *types;
    const sw_import *imports;
    const sw_func *funcs; /* imported ones first, as in every index space */
    const sw_table *tables;
    const sw_memtype *memories;
    const sw_global *globals;
    const uint32_t *tags; /* type indices */
    const sw_export *exports;
    const sw_elem *elems;
    const sw_data *datas;
    const sw_custom *customs;
    const sw_func_name *func_names; /* from the name section, by ascending index; may be empty */
    sw_str name;                    /* of the module, from the name section; may be empty */

    uint32_t types_count, imports_count, funcs_count, tables_count, memories_count;
    uint32_t globals_count, tags_count, exports_count, elems_count, datas_count, customs_count;
    uint32_t func_names_count;
    uint32_t imported_funcs, imported_tables, imported_memories, imported_globals, imported_tags;
    uint32_t start; /* function index, or SW_NO_INDEX */
    bool has_data_count;
    uint32_t section_offsets[SW_SECTIONS_COUNT]; /* by section id, absolute; 0: not there */
    uint32_t code_bytes;                         /* sum of all bodies */
} sw_module;

/* True for the preamble of a core module (not of a component). */
bool sw_module_is_binary(sw_bytes bytes);

/*
 * Decodes the sections. Form only: after SW_OK every index is still to be checked. Fails with
 * SW_MALFORMED, SW_LIMIT, SW_UNSUPPORTED (a feature that is off) or SW_NO_MEMORY. bytes and arena
 * must outlive the module. A malformed name section is ignored.
 */
SW_NODISCARD sw_status sw_module_read(sw_arena *arena, sw_bytes bytes, uint32_t origin,
                                      const sw_features *features, sw_diag *diag,
                                      sw_module *ret_module);

/* Everything but the bodies: indices, limits, constant expressions, export names, start. Sets
 * is_declared of functions and canonical of types, which is why it takes the module writable. */
SW_NODISCARD sw_status sw_module_validate(sw_module *m, const sw_features *features, sw_diag *diag);

static inline const sw_functype *sw_module_functype(const sw_module *m, uint32_t func)
{
    return &m->types[m->funcs[func].type].func;
}

/* The function's name from the name section, or the empty string. */
sw_str sw_module_func_name(const sw_module *m, uint32_t func);

/* The export, or NULL. Linear. */
const sw_export *sw_module_export(const sw_module *m, sw_str name);

/* The first custom section of that name, or NULL. */
const sw_custom *sw_module_custom(const sw_module *m, sw_str name);
