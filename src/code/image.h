/*
 * The image: everything a run needs of one module, as one position-independent block of bytes.
 *
 *     header | sections: arrays of the structs below | code | memory pages
 *            ^ each aligned to 16                    ^ page  ^ page
 *
 * An image is mapped, not parsed: the structs are used where they lie, and all references are
 * indices or offsets. It is made by sw_module_compile and trusted: machine code cannot be checked,
 * so whoever opens an image knows where it came from (a compilation a moment ago, the cache, a file
 * that the user vouches for). What is checked is that it fits: the build that made it, by a hash
 * over the sources that give an image its meaning, and the processor's features.
 *
 * Active segments whose outcome does not depend on the instance are applied at compile time, in
 * order, as far as the first one that does depend: data into the memory pages, function references
 * into the baked entries of closed tables. The rest runs at instantiation (first_elem, first_data).
 */
#pragma once

#include "base/buf.h"
#include "code/abi.h"

#define SW_IMAGE_MAGIC      "\0swimage"
#define SW_IMAGE_FORMAT     1u
#define SW_IMAGE_PAGE_BYTES 4096u
#define SW_BUILD_HASH_BYTES 32u

/* The hash of this build. */
extern const uint8_t SW_BUILD_HASH[SW_BUILD_HASH_BYTES];

typedef struct sw_image_str {
    uint32_t start, len; /* in STRINGS */
} sw_image_str;

typedef struct sw_image_type {
    uint32_t params_start, params_count; /* in VALTYPES */
    uint32_t results_start, results_count;
    uint32_t canonical;
    uint32_t is_func; /* 0: another composite type; no params and results */
} sw_image_type;

typedef struct sw_image_import {
    sw_image_str module, name;
    uint32_t kind; /* sw_extern_kind */
    uint32_t index;
} sw_image_import;

typedef struct sw_image_export {
    sw_image_str name;
    uint32_t kind;
    uint32_t index;
} sw_image_export;

/* A function; an imported one has the code of its thunk, or none (code_len 0). */
typedef struct sw_image_func {
    uint32_t code_start, code_len; /* in CODE; own functions ascend */
    uint32_t type;
} sw_image_func;

/* A function that has a cell in every instance: its place is base - distance. */
typedef struct sw_image_cell {
    uint32_t func;
    uint32_t distance;
} sw_image_cell;

typedef struct sw_image_name {
    uint32_t func; /* ascending */
    sw_image_str name;
} sw_image_name;

/* What a constant expression gives. */
typedef enum sw_init_kind {
    SW_INIT_BITS,   /* bits; a null reference is 0 */
    SW_INIT_GLOBAL, /* the value of global `index` */
    SW_INIT_FUNC,   /* a reference to function `index` */
    SW_INIT_EXPR,   /* must be evaluated: the expression at `index` of MODULE */
} sw_init_kind;

typedef struct sw_image_init {
    uint32_t kind;
    uint32_t index;
    uint64_t bits[2];
} sw_image_init;

typedef struct sw_image_table {
    uint64_t min, max;
    sw_image_init init; /* of every entry */
    uint32_t element;
    uint32_t has_max, is_64;
    uint32_t is_closed;
    uint32_t baked_start; /* in BAKED, min entries, or SW_NO_INDEX; closed tables only */
    uint32_t reserved;
} sw_image_table;

typedef struct sw_image_memory {
    uint64_t min, max; /* pages */
    uint32_t has_max, is_64, is_shared, page_log2;
} sw_image_memory;

typedef struct sw_image_global {
    sw_image_init init; /* own ones */
    uint32_t type;
    uint32_t is_mutable;
    uint64_t reserved;
} sw_image_global;

typedef struct sw_image_elem {
    sw_image_init offset; /* active ones */
    uint32_t mode;        /* sw_segment_mode */
    uint32_t type;
    uint32_t table;
    uint32_t items_start, items_count; /* in ITEMS */
    uint32_t reserved;
} sw_image_elem;

/* An item of an element segment: a kind in the top two bits, an index below. */
#define SW_ELEM_ITEM_FUNC      0x00000000u
#define SW_ELEM_ITEM_GLOBAL    0x40000000u
#define SW_ELEM_ITEM_NULL      0x80000000u
#define SW_ELEM_ITEM_KIND_MASK 0xc0000000u

typedef struct sw_image_data {
    sw_image_init offset; /* active ones */
    uint32_t mode;
    uint32_t memory;
    uint32_t start, len; /* in MODULE */
} sw_image_data;

/* Initial contents of own memory 0: whole pages; what no run covers is zero. */
typedef struct sw_image_run {
    uint64_t memory_offset;
    uint64_t image_offset;
    uint64_t len;
} sw_image_run;

/* X(section, item type). MODULE is the module itself up to the end of its last section that is not
 * a custom one: segments' bytes, constant expressions, and what backtraces are made from. */
#define SW_IMAGE_SECTION_MAP(X)  \
    X(TYPES, sw_image_type)      \
    X(VALTYPES, sw_valtype)      \
    X(IMPORTS, sw_image_import)  \
    X(EXPORTS, sw_image_export)  \
    X(EXPORT_ORDER, uint32_t)    \
    X(FUNCS, sw_image_func)      \
    X(CELLS, sw_image_cell)      \
    X(CLOSED_FUNCS, uint32_t)    \
    X(TABLES, sw_image_table)    \
    X(BAKED, uint32_t)           \
    X(MEMORIES, sw_image_memory) \
    X(GLOBALS, sw_image_global)  \
    X(ELEMS, sw_image_elem)      \
    X(ITEMS, uint32_t)           \
    X(DATAS, sw_image_data)      \
    X(TAGS, uint32_t)            \
    X(NAMES, sw_image_name)      \
    X(STRINGS, char)             \
    X(LAYOUT_GLOBALS, uint32_t)  \
    X(LAYOUT_IMPORTS, uint32_t)  \
    X(LAYOUT_CELLS, uint32_t)    \
    X(LAYOUT_TABLES, uint32_t)   \
    X(LAYOUT_MEMORIES, uint32_t) \
    X(LAYOUT_CLOSED, bool)       \
    X(LAYOUT_THUNKS, bool)       \
    X(MODULE, uint8_t)           \
    X(CODE, uint8_t)             \
    X(RUNS, sw_image_run)

typedef enum sw_image_section {
#define X(name, type) SW_IMAGE_##name,
    SW_IMAGE_SECTION_MAP(X)
#undef X
        SW_IMAGE_SECTIONS_COUNT,
} sw_image_section;

typedef struct sw_image_range {
    uint64_t start; /* bytes from the header; CODE is page-aligned, the others to 16 */
    uint64_t count; /* items */
} sw_image_range;

typedef struct sw_image_header {
    uint8_t magic[8];
    uint32_t format;
    uint32_t cpu_features; /* sw_cpu_features that the code needs */
    uint8_t build_hash[SW_BUILD_HASH_BYTES];
    uint64_t size_bytes; /* of the whole image, a multiple of the page */
    sw_image_range sections[SW_IMAGE_SECTIONS_COUNT];
    uint32_t imported_funcs, imported_tables, imported_memories, imported_globals, imported_tags;
    uint32_t start;                  /* function index, or SW_NO_INDEX */
    uint32_t first_elem, first_data; /* segments before these are baked in, or not active */
    uint32_t context_bytes;          /* of sw_layout, as the next three */
    uint32_t type_ids;
    uint32_t owns_memory0, owns_table0;
    uint32_t features; /* bits of sw_features in its order */
    sw_image_str name; /* of the module */
    uint32_t reserved;
} sw_image_header;

/*
 * Checks the header against this build, this processor and the bytes there are: SW_STALE if it
 * does not fit. Looks at nothing but the header.
 */
SW_NODISCARD sw_status sw_image_check(const void *image, uint64_t size_bytes, sw_diag *diag);

/* The processor's part of it, for images and the files they are in: bits of os/cpu.h. */
SW_NODISCARD sw_status sw_image_check_cpu(uint32_t needed, uint32_t has, sw_diag *diag);

/* The items of a section where they lie; ret_count may be NULL. */
static inline const void *sw_image_get(const sw_image_header *h, sw_image_section s,
                                       uint32_t *ret_count)
{
    if (ret_count != NULL) {
        *ret_count = (uint32_t)h->sections[s].count;
    }
    return (const uint8_t *)h + h->sections[s].start;
}

static inline sw_str sw_image_get_str(const sw_image_header *h, sw_image_str s)
{
    return (sw_str){(const char *)sw_image_get(h, SW_IMAGE_STRINGS, NULL) + s.start, s.len};
}

/* The function whose code covers the offset in CODE, or SW_NO_INDEX (padding, thunks). */
uint32_t sw_image_find_func(const sw_image_header *h, uint32_t code_offset);

/* The name section's name of the function, or empty. */
sw_str sw_image_func_name(const sw_image_header *h, uint32_t func);

/* The layout the code was made for; its arrays lie in the image. */
sw_layout sw_image_layout(const sw_image_header *h);

sw_features sw_image_features(const sw_image_header *h);

/* Total bytes of the memory pages. */
uint64_t sw_image_run_bytes(const sw_image_header *h);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Where the compiler put a function. */
typedef struct sw_code_place {
    uint32_t start, len; /* in the code */
} sw_code_place;

typedef struct sw_image_input {
    const sw_module *module;
    const sw_layout *layout;
    const sw_features *features;
    const sw_code_place *places; /* one per function */
    uint64_t code_bytes;         /* the code's whole size */
    uint32_t cpu_features;
} sw_image_input;

/* Appends the image of the module to out, which holds a multiple of the page. The code is room that
 * the caller has to fill, every byte of it: *ret_code_at is its offset in out. scratch holds
 * temporary arrays. */
SW_NODISCARD sw_status sw_image_write(const sw_image_input *in, sw_arena *scratch, sw_buf *out,
                                      sw_diag *diag, size_t *ret_code_at);
