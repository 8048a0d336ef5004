/*
 * Value and function types of the component model, as flat tables.
 *
 * One representation serves everybody: the decoder's result, WIT after resolution, the tables the
 * bindings generator writes, the canonical ABI's plans, and the public API. All references are
 * indices or offsets, never pointers, so a table can be written to an image and mapped back.
 *
 * A sw_vtype is one word: a primitive (SW_VT_PRIM | kind) or an index into sw_types.defs.
 */
#pragma once

#include "base/span.h"

// clang-format off
#define SW_CTYPE_MAP(X) \
    X(BOOL, "bool") X(S8, "s8") X(U8, "u8") X(S16, "s16") X(U16, "u16") X(S32, "s32") \
    X(U32, "u32") X(S64, "s64") X(U64, "u64") X(F32, "f32") X(F64, "f64") X(CHAR, "char") \
    X(STRING, "string") X(ERROR_CONTEXT, "error-context") X(RECORD, "record") \
    X(VARIANT, "variant") X(LIST, "list") X(FIXED_LIST, "list") X(TUPLE, "tuple") \
    X(FLAGS, "flags") X(ENUM, "enum") X(OPTION, "option") X(RESULT, "result") X(OWN, "own") \
    X(BORROW, "borrow") X(STREAM, "stream") X(FUTURE, "future") X(MAP, "map")
// clang-format on

typedef enum sw_ctype_kind {
#define X(name, text) SW_CT_##name,
    SW_CTYPE_MAP(X)
#undef X
} sw_ctype_kind;

typedef uint32_t sw_vtype;
#define SW_VT_PRIM 0x80000000u
#define SW_VT_NONE 0xffffffffu /* no type: an empty result, a case without payload */

static inline sw_vtype sw_vtype_prim(sw_ctype_kind kind)
{
    return SW_VT_PRIM | (uint32_t)kind;
}

static inline bool sw_vtype_is_prim(sw_vtype t)
{
    return t != SW_VT_NONE && (t & SW_VT_PRIM) != 0;
}

/* Whether WIT has no way to write such a type without giving it a name. */
static inline bool sw_ctype_has_name(sw_ctype_kind kind)
{
    return kind == SW_CT_RECORD || kind == SW_CT_VARIANT || kind == SW_CT_FLAGS ||
           kind == SW_CT_ENUM;
}

/* A string in sw_types.strings. */
typedef struct sw_text {
    uint32_t offset, len;
} sw_text;

/*
 * kind        fields (first, count)            element     other
 * RECORD      fields: name and type
 * VARIANT     cases: name and type or NONE
 * TUPLE       fields: types, names empty
 * FLAGS       names
 * ENUM        names
 * LIST        -                                element
 * FIXED_LIST  -                                element     length in `other`
 * OPTION      -                                element
 * RESULT      -                                ok or NONE  error type or NONE in `other`
 * OWN BORROW  -                                -           resource index in `other`
 * STREAM FUTURE -                              element or NONE
 * MAP         -                                key         value type in `other`
 */
typedef struct sw_type_def {
    uint32_t kind; /* sw_ctype_kind, never a primitive */
    uint32_t first, count;
    sw_vtype element;
    uint32_t other;
} sw_type_def;

typedef struct sw_type_field {
    sw_text name;
    sw_vtype type;
} sw_type_field;

typedef struct sw_cfunc_type {
    uint32_t params_first, params_count; /* in fields */
    sw_vtype result;                     /* or NONE */
    uint32_t is_async;
} sw_cfunc_type;

/* A view: who owns the arrays is said where it comes from. */
typedef struct sw_types {
    const sw_type_def *defs;
    const sw_type_field *fields;
    const sw_cfunc_type *funcs;
    const char *strings;
    uint32_t defs_count, fields_count, funcs_count, strings_bytes;
    uint32_t resources_count; /* resource indices run from 0 to this */
} sw_types;

static inline sw_ctype_kind sw_vtype_kind(const sw_types *t, sw_vtype v)
{
    return sw_vtype_is_prim(v) ? (sw_ctype_kind)(v & 0xff) : (sw_ctype_kind)t->defs[v].kind;
}

static inline sw_str sw_types_str(const sw_types *t, sw_text s)
{
    return (sw_str){t->strings + s.offset, s.len};
}

/* Writes "list<tuple<string, u8>>" and the like; cut to size with "..." when longer. */
const char *sw_vtype_text(const sw_types *t, sw_vtype v, char *out, size_t size);

/* What types and resources are called in a text. */
typedef struct sw_type_namer sw_type_namer;
struct sw_type_namer {
    /* The name of a record, variant, enum, flags type (index in defs) or of a resource, and the
     * interface to be put before it, or none. False: it has no name. */
    bool (*find)(const sw_type_namer *n, bool is_resource, uint32_t index, sw_str *ret_interface,
                 sw_str *ret_name);
};

/*
 * The same with names, as WIT has it: "result<descriptor, error-code>", "borrow<descriptor>",
 * "wasi:io/error@0.2.12#error". is_definition: the outermost type is written out although it has a
 * name. Returns how many bytes the whole text has, as snprintf does, but never more than size where
 * it is larger than that; out may be NULL to measure.
 */
size_t sw_vtype_write(const sw_types *t, sw_vtype v, const sw_type_namer *n, bool is_definition,
                      char *out, size_t size);

/*
 * Structural equality across two tables. Resources are equal when pairs[index in a] == index in b;
 * an entry SW_VT_NONE is bound to b's index at its first meeting. pairs has a->resources_count
 * entries and may be NULL when a has no resources.
 */
bool sw_vtype_equal(const sw_types *a, sw_vtype va, const sw_types *b, sw_vtype vb,
                    uint32_t *pairs);
bool sw_cfunc_type_equal(const sw_types *a, uint32_t func_a, const sw_types *b, uint32_t func_b,
                         uint32_t *pairs);
