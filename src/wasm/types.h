/*
 * Types of core WebAssembly, as one module spells them.
 *
 * A value type is one 32-bit word, compared with ==. Type indices inside it are the module's own;
 * equality across modules goes through canonical type ids (run room). The representation holds
 * all of Wasm 3.0 (recursive groups, typed references, 64-bit limits, tags), so that later
 * features add rows, not shapes.
 */
#pragma once

#include "base/span.h"

/* Low byte: the kind. For references the upper 24 bits hold the heap type. */
typedef uint32_t sw_valtype;

#define SW_TYPE_I32      0x7fu
#define SW_TYPE_I64      0x7eu
#define SW_TYPE_F32      0x7du
#define SW_TYPE_F64      0x7cu
#define SW_TYPE_V128     0x7bu
#define SW_TYPE_REF_NULL 0x63u
#define SW_TYPE_REF      0x64u
#define SW_TYPE_BOTTOM   0x00u /* what an unreachable stack yields; never in a module */

/* Heap types: a type index below SW_HEAP_ABSTRACT, or SW_HEAP_ABSTRACT | the format's byte. */
#define SW_HEAP_ABSTRACT 0xffff00u
#define SW_HEAP_FUNC     (SW_HEAP_ABSTRACT | 0x70u)
#define SW_HEAP_EXTERN   (SW_HEAP_ABSTRACT | 0x6fu)
#define SW_HEAP_ANY      (SW_HEAP_ABSTRACT | 0x6eu)
#define SW_HEAP_EQ       (SW_HEAP_ABSTRACT | 0x6du)
#define SW_HEAP_I31      (SW_HEAP_ABSTRACT | 0x6cu)
#define SW_HEAP_STRUCT   (SW_HEAP_ABSTRACT | 0x6bu)
#define SW_HEAP_ARRAY    (SW_HEAP_ABSTRACT | 0x6au)
#define SW_HEAP_EXN      (SW_HEAP_ABSTRACT | 0x69u)
#define SW_HEAP_NONE     (SW_HEAP_ABSTRACT | 0x71u)
#define SW_HEAP_NOEXTERN (SW_HEAP_ABSTRACT | 0x72u)
#define SW_HEAP_NOFUNC   (SW_HEAP_ABSTRACT | 0x73u)
#define SW_HEAP_NOEXN    (SW_HEAP_ABSTRACT | 0x74u)

#define SW_TYPE_FUNCREF   (SW_TYPE_REF_NULL | SW_HEAP_FUNC << 8)
#define SW_TYPE_EXTERNREF (SW_TYPE_REF_NULL | SW_HEAP_EXTERN << 8)

static inline uint8_t sw_valtype_kind(sw_valtype t)
{
    return (uint8_t)t;
}

static inline bool sw_valtype_is_ref(sw_valtype t)
{
    return sw_valtype_kind(t) == SW_TYPE_REF || sw_valtype_kind(t) == SW_TYPE_REF_NULL;
}

static inline uint32_t sw_valtype_heap(sw_valtype t)
{
    return t >> 8;
}

static inline sw_valtype sw_valtype_ref(uint32_t heap, bool nullable)
{
    return (nullable ? SW_TYPE_REF_NULL : SW_TYPE_REF) | heap << 8;
}

static inline bool sw_heap_is_index(uint32_t heap)
{
    return heap < SW_HEAP_ABSTRACT;
}

/* f32, f64 and v128 live in vector registers, everything else in integer registers. */
static inline bool sw_valtype_is_vector(sw_valtype t)
{
    return t == SW_TYPE_F32 || t == SW_TYPE_F64 || t == SW_TYPE_V128;
}

/* Bytes of a stored value in contexts, globals and argument areas: 16 for v128, else 8. */
static inline uint32_t sw_valtype_slot_bytes(sw_valtype t)
{
    return t == SW_TYPE_V128 ? 16 : 8;
}

/* The heap type that the binary format writes as n: an index, or a one-byte code seen as negative.
 * For validated bytes; n is cut to 24 bits. */
static inline uint32_t sw_heaptype_from_s33(int64_t n)
{
    return n < 0 ? SW_HEAP_ABSTRACT | (0x7fu & (uint32_t)n) : (uint32_t)n;
}

/* "i32", "funcref", "(ref null 3)": for messages. Writes at most size bytes with the NUL. */
const char *sw_valtype_text(sw_valtype t, char *out, size_t size);

typedef struct sw_functype {
    const sw_valtype *params; /* in the module's arena */
    const sw_valtype *results;
    uint32_t params_count, results_count;
} sw_functype;

typedef enum sw_composite {
    SW_COMPOSITE_FUNC,
    SW_COMPOSITE_STRUCT,
    SW_COMPOSITE_ARRAY,
} sw_composite;

/* A field of a struct or the element of an array: a value type, or packed i8 / i16. */
typedef struct sw_fieldtype {
    sw_valtype type;     /* SW_TYPE_I32 for packed ones */
    uint8_t packed_bits; /* 0, 8 or 16 */
    bool is_mutable;
} sw_fieldtype;

/* One entry of the type index space: a subtype inside its recursive group. */
typedef struct sw_deftype {
    sw_composite composite;
    bool is_final;
    uint32_t super;       /* type index, or SW_NO_INDEX */
    uint32_t group_start; /* first type index of its recursive group */
    uint32_t group_count;
    uint32_t canonical; /* the first type index in this module that is equal; itself if none */
    union {
        sw_functype func;
        struct {
            const sw_fieldtype *fields;
            uint32_t fields_count; /* 1 for an array */
        } aggregate;
    };
} sw_deftype;

#define SW_NO_INDEX UINT32_MAX

/* Limits of a memory (unit: pages) or table (unit: elements). */
typedef struct sw_limits {
    uint64_t min, max; /* max is UINT64_MAX when absent */
    bool has_max, is_64, is_shared;
    uint8_t page_log2; /* 16 unless custom page sizes are on; memories only */
} sw_limits;

typedef struct sw_tabletype {
    sw_valtype element;
    sw_limits limits;
} sw_tabletype;

typedef struct sw_memtype {
    sw_limits limits;
} sw_memtype;

typedef struct sw_globaltype {
    sw_valtype type;
    bool is_mutable;
} sw_globaltype;

typedef enum sw_extern_kind {
    SW_EXTERN_FUNC,
    SW_EXTERN_TABLE,
    SW_EXTERN_MEMORY,
    SW_EXTERN_GLOBAL,
    SW_EXTERN_TAG,
} sw_extern_kind;
