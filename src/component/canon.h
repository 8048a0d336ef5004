/*
 * The canonical ABI, planned: what it takes to move the values of a function type.
 *
 * A function type becomes two PROGRAMS, one for its parameters and one for its result. A program
 * is a run of ops that is read forward; an op names a place on the guest's side and a place on the
 * host's side, and the same program is run in three ways: to lift (guest to host layout), to lower
 * (host layout to guest) and to pass (guest to guest: both sides are laid out alike, only memories,
 * encodings and handle tables differ).
 *
 *     place on the host's side   byte offset in the struct of the parameters, or in the result
 *     place on the guest's side  flat: byte offset in a sw_canon_frame: registers, then the values
 *                                that found none; else byte offset from an address in memory
 *
 * Frames are little-endian and a value lies in the low bytes of its register, so that the flat
 * representation of a variant, whose registers are shared by payloads of different types, needs no
 * conversion: a payload reads or writes its own bytes of a register that was zero.
 *
 * Elements of lists have programs of their own, run once per element; a list whose elements are
 * the same plain bytes on both sides is one copy. A large type that is used inside others is a
 * program of its own too, so that the size of all programs is linear in the size of the types.
 *
 * Immutable once made, shared by all instances and threads.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "code/abi.h"
#include "component/type.h"

enum {
    SW_CANON_MAX_FLAT = 16,     /* parameters in registers; one result */
    SW_CANON_FRAME_EXTRA = 12,  /* overflowing values of a call: 17 integers at most, 6 registers */
    SW_CANON_MAX_OPS = 1 << 20, /* of one component: SW_LIMIT */
    SW_CANON_SIMPLE_BYTES = 256, /* host layout of simple values, at most */
};

#define SW_CANON_MAX_STRING_BYTES ((1u << 28) - 1)
#define SW_CANON_MAX_LIST_BYTES   ((1u << 28) - 1)

/* Bytes that one call may move, aliased data counted again and again: some seconds at most. */
#define SW_CANON_CALL_BYTES (INT64_C(1) << 30)

/* ---- Layout ---------------------------------------------------------------------------------- */

typedef enum sw_canon_flat {
    SW_FLAT_I32,
    SW_FLAT_I64,
    SW_FLAT_F32,
    SW_FLAT_F64,
} sw_canon_flat;

/* Of one type, on both sides. Guest sizes are those of a 32-bit memory. */
typedef struct sw_canon_layout {
    uint32_t guest_bytes, guest_align;
    uint32_t host_bytes, host_align;
    uint32_t ops;                     /* of its program in memory, written out; saturates */
    uint8_t flats_count;              /* SW_CANON_MAX_FLAT + 1: more than fit */
    uint8_t flats[SW_CANON_MAX_FLAT]; /* sw_canon_flat */
    bool is_plain;  /* same bytes on both sides, no padding, every bit pattern a value */
    bool is_scalar; /* nothing but numbers and the like: no strings, lists or handles */
} sw_canon_layout;

/* Layouts of every definition of a table, by index. */
typedef struct sw_canon_layouts {
    const sw_types *types;
    sw_canon_layout *defs;
} sw_canon_layouts;

SW_NODISCARD sw_status sw_canon_layouts_make(sw_arena *arena, const sw_types *t, sw_diag *diag,
                                             sw_canon_layouts *ret_layouts);

sw_canon_layout sw_canon_layout_get(const sw_canon_layouts *l, sw_vtype v);

/* Where the payloads of a variant, option or result lie. */
typedef struct sw_canon_variant {
    uint32_t cases;
    uint32_t tag_bytes;      /* on both sides, in memory */
    uint32_t payload_offset; /* of the guest's payload */
    uint32_t host_payload;
} sw_canon_variant;

sw_canon_variant sw_canon_variant_get(const sw_canon_layouts *l, const sw_type_def *d);
/* Type of a case's payload, or SW_VT_NONE. */
sw_vtype sw_canon_case_type(const sw_types *t, const sw_type_def *d, uint32_t i);

/* Bytes of a discriminant or of flags. */
uint32_t sw_canon_tag_bytes(uint32_t cases);
uint32_t sw_canon_flags_bytes(uint32_t flags);

/* ---- Programs -------------------------------------------------------------------------------- */

typedef enum sw_canon_op_kind {
    SW_CANON_END,
    SW_CANON_COPY1, /* bytes as they are */
    SW_CANON_COPY2,
    SW_CANON_COPY4,
    SW_CANON_COPY8,
    SW_CANON_COPY,  /* a: how many */
    SW_CANON_SIGN1, /* flat s8, s16: as copy, but lowered with the sign extended to 32 bits */
    SW_CANON_SIGN2,
    SW_CANON_BOOL, /* guest_bytes tested */
    SW_CANON_CHAR,
    SW_CANON_FLAGS,   /* host_bytes; b: mask of the flags there are */
    SW_CANON_ENUM,    /* b: how many cases */
    SW_CANON_VARIANT, /* a: first of b entries in cases */
    SW_CANON_JUMP,    /* a: op */
    SW_CANON_STRING,
    SW_CANON_LIST,   /* a: lists index */
    SW_CANON_ARRAY,  /* a: lists index, b elements in place: fixed-length lists, large types */
    SW_CANON_OWN,    /* a: resource */
    SW_CANON_BORROW, /* a: resource */
} sw_canon_op_kind;

typedef struct sw_canon_op {
    uint8_t kind;
    uint8_t guest_bytes, host_bytes; /* of tags, flags and booleans */
    uint8_t reserved;
    uint32_t guest;     /* place */
    uint32_t guest_len; /* place of a string's or list's length */
    uint32_t host;      /* place */
    uint32_t a, b;
} sw_canon_op;

typedef struct sw_canon_list {
    uint32_t program; /* of one element in memory */
    uint32_t guest_bytes, guest_align;
    uint32_t host_bytes, host_align;
    bool is_plain;
} sw_canon_list;

/* Parameters or result of a function. */
typedef struct sw_canon_values {
    uint32_t program;
    uint32_t host_bytes, host_align;
    uint32_t guest_bytes, guest_align; /* as a tuple in memory */
    bool is_flat;                      /* else behind a pointer */
    bool is_direct; /* flat, and every register already holds what the other side may see: a call
                       between guests passes it on untouched */
    bool is_simple; /* flat and scalar: programs that need neither memory nor handles */
} sw_canon_values;

typedef struct sw_canon_func {
    sw_canon_values params, result;
    sw_functype lift_type, lower_type; /* core signatures; the callee's and the caller's */
    uint16_t overflow;                 /* parameters of lift_type that lie behind the registers */
    uint16_t lower_overflow;           /* of lower_type */
    uint16_t out_pointer; /* place of the result's address in lower_type, when !is_flat */
    bool is_used;         /* the others are not planned */
} sw_canon_func;

typedef struct sw_canon {
    const sw_canon_op *ops;
    const uint32_t *cases; /* op index where a case begins */
    const sw_canon_list *lists;
    const sw_canon_func *funcs; /* one per types.funcs */
    uint32_t ops_count, cases_count, lists_count, funcs_count;
    sw_canon_layouts layouts;
} sw_canon;

/* used[i]: plan types.funcs[i]. Everything goes to the arena; types is borrowed. */
SW_NODISCARD sw_status sw_canon_make(sw_arena *arena, const sw_types *types, const bool *used,
                                     sw_diag *diag, sw_canon *ret_canon);

/* ---- Frames ---------------------------------------------------------------------------------- */

/* Registers of a call and what overflows them, as places count. */
typedef struct sw_canon_frame {
    sw_regs regs;
    uint8_t extra[SW_CANON_FRAME_EXTRA][16];
} sw_canon_frame;

static_assert(offsetof(sw_canon_frame, extra) == sizeof(sw_regs), "extra follows the registers");
