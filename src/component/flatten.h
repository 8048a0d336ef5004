/*
 * How the canonical ABI represents types in core WebAssembly: sizes in linear memory and the flat
 * sequences of core values.
 *
 * Facts are computed bottom up, one step a type, from the facts of its parts: a table of types
 * lists every type after its parts, so one pass over defs gives the facts of all, and types that
 * share parts many times over cost nothing extra.
 */
#pragma once

#include "component/type.h"
#include "wasm/types.h"

enum {
    SW_MAX_FLAT_PARAMS = 16,
    SW_MAX_FLAT_RESULTS = 1,
};

typedef struct sw_type_facts {
    uint32_t size, align;             /* in a 32-bit memory; sizes saturate at UINT32_MAX */
    uint32_t size64, align64;         /* in a 64-bit one */
    uint8_t flat_count;               /* up to SW_MAX_FLAT_PARAMS + 1, which means "more" */
    uint8_t flat[SW_MAX_FLAT_PARAMS]; /* SW_TYPE_I32 .. SW_TYPE_F64, flat_count of them */
    bool has_pointers;                /* strings and lists anywhere inside */
    bool has_borrow, has_resource;
} sw_type_facts;

/* Facts of a primitive or of defs[v], whose parts' facts are facts[] of lower indices. */
sw_type_facts sw_type_facts_of(const sw_types *t, const sw_type_facts *facts, sw_vtype v);
/* Computes those of defs[index]. */
sw_type_facts sw_type_facts_compute(const sw_types *t, const sw_type_facts *facts, uint32_t index);

/* 1, 2 or 4: the discriminant of a variant of that many cases. */
static inline uint32_t sw_discriminant_bytes(uint32_t cases)
{
    return cases <= 0x100 ? 1 : cases <= 0x10000 ? 2 : 4;
}

/* The core signature of a function type. */
typedef struct sw_flat_func {
    sw_valtype params[SW_MAX_FLAT_PARAMS + 1];
    sw_valtype results[SW_MAX_FLAT_RESULTS];
    uint32_t params_count, results_count;
    bool params_in_memory;  /* one parameter points to all of them */
    bool results_in_memory; /* lift: the result is a pointer; lower: the last parameter is one */
    bool params_have_pointers, results_have_pointers;
} sw_flat_func;

/* facts: of all defs of t. */
void sw_flatten_func(const sw_types *t, const sw_type_facts *facts, uint32_t func, bool is_lower,
                     sw_flat_func *ret_flat);
