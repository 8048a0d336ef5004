/*
 * Inside of module decoding: what the section readers share.
 *
 * Every section is read by one function from a reader over exactly its payload. Index spaces grow
 * while imports and sections add to them and are copied to the arena when all is read.
 */
#pragma once

#include "base/vec.h"
#include "wasm/module.h"
#include "wasm/types_read.h"

typedef struct sw_decoder {
    sw_module *m; /* being filled */
    sw_arena *arena;
    const sw_features *features;
    sw_reader r; /* over the section at hand; its base is that of the module */
    SW_VEC(sw_deftype) types;
    SW_VEC(sw_func) funcs;
    SW_VEC(sw_table) tables;
    SW_VEC(sw_memtype) memories;
    SW_VEC(sw_global) globals;
    SW_VEC(uint32_t) tags;
    SW_VEC(sw_custom) customs;
    uint32_t declared_datas; /* by the data count section */
    uint32_t bodies_count;
} sw_decoder;

/* Payload readers; errors stick to d->r. */
void sw_decode_types(sw_decoder *d);
void sw_decode_imports(sw_decoder *d);
void sw_decode_functions(sw_decoder *d);
void sw_decode_tables(sw_decoder *d);
void sw_decode_memories(sw_decoder *d);
void sw_decode_tags(sw_decoder *d);
void sw_decode_globals(sw_decoder *d);
void sw_decode_exports(sw_decoder *d);
void sw_decode_start(sw_decoder *d);
void sw_decode_elems(sw_decoder *d);
void sw_decode_data_count(sw_decoder *d);
void sw_decode_code(sw_decoder *d);
void sw_decode_datas(sw_decoder *d);

/* Reads the first custom section called "name" into func_names and name. Only a lack of memory is
 * an error: a malformed one counts as absent. */
SW_NODISCARD sw_status sw_decode_names(sw_module *m);

/* A value type that the features allow. */
sw_valtype sw_decode_valtype(sw_decoder *d);
sw_valtype sw_decode_reftype(sw_decoder *d);
sw_globaltype sw_decode_globaltype(sw_decoder *d);

/* The range of a constant expression, which is skipped with its end. */
sw_range sw_decode_expr(sw_decoder *d);

/* Zeroed array in the arena; reports SW_NO_MEMORY through the reader. */
#define SW_DECODE_ARRAY(d, T, count) ((T *)sw_decode_array((d), (count), sizeof(T), _Alignof(T)))
void *sw_decode_array(sw_decoder *d, size_t count, size_t size_bytes, size_t align);

/* Records that the system or the budget is out of memory. */
void sw_decode_no_memory(sw_decoder *d);

/* Records an item of a language feature that is off. */
void sw_decode_refuse(sw_decoder *d, uint32_t at, const char *what, const char *feature);

/* Pushes onto one of the decoder's index spaces. */
#define SW_DECODE_PUSH(d, vec, ...)                     \
    do {                                                \
        if (sw_vec_push((vec), __VA_ARGS__) != SW_OK) { \
            sw_decode_no_memory(d);                     \
        }                                               \
    } while (0)

/* Offset of the next byte, relative to the module. */
static inline uint32_t sw_decode_position(const sw_decoder *d)
{
    return (uint32_t)(d->r.pos - d->r.base);
}
