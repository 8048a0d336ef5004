/*
 * Opcodes: their table (opcodes.def) and the two ways to read an instruction.
 *
 * sw_op_read is for untrusted bytes: it checks the form and reports through the reader.
 * sw_op_next is for bodies that have passed validation: no checks, inline, a few nanoseconds an
 * instruction; the emitter, the layout scan and the printer walk bodies with it.
 */
#pragma once

#include "base/reader.h"
#include "wasm/types.h"

/* The code of a prefixed opcode: larger than any number that follows a prefix, so none collide. */
#define SW_OP_PREFIXED(prefix, number) ((uint32_t)(prefix) << 12 | (number))

typedef enum sw_opcode {
#define OP(code, name, text, immediate, signature, width) SW_OP_##name = (code),
#include "wasm/opcodes.def"
#undef OP
} sw_opcode;

/* What follows the opcode, and which fields of sw_instr hold it. */
#define SW_IMM_MAP(X)                                                                \
    X(NONE)                                                                          \
    X(BLOCK)         /* block */                                                     \
    X(LABEL)         /* index: relative depth */                                     \
    X(BR_TABLE)      /* targets */                                                   \
    X(FUNC)          /* index */                                                     \
    X(CALL_INDIRECT) /* index: type, index2: table */                                \
    X(SELECT)        /* types: a vector of value types; valid ones hold exactly 1 */ \
    X(LOCAL)         /* index */                                                     \
    X(GLOBAL)        /* index */                                                     \
    X(TABLE)         /* index */                                                     \
    X(MEMARG)        /* mem */                                                       \
    X(MEMORY)        /* index */                                                     \
    X(I32)           /* bits, zero-extended */                                       \
    X(I64)           /* bits */                                                      \
    X(F32)           /* bits, zero-extended */                                       \
    X(F64)           /* bits */                                                      \
    X(HEAP_TYPE)     /* type: the nullable reference to the heap type */             \
    X(DATA_MEMORY)   /* index: data segment, index2: memory */                       \
    X(DATA)          /* index */                                                     \
    X(MEMORY_MEMORY) /* index: destination, index2: source */                        \
    X(ELEM_TABLE)    /* index: element segment, index2: table */                     \
    X(ELEM)          /* index */                                                     \
    X(TABLE_TABLE)   /* index: destination, index2: source */

typedef enum sw_immediate {
#define X(name) SW_IMM_##name,
    SW_IMM_MAP(X)
#undef X
} sw_immediate;

/*
 * Signatures. X(name, "operands:result", operand count, result or SW_TYPE_BOTTOM for none,
 *               operand types, the bottommost first)
 * irregular: depends on the immediate or on the stack; the validator has a function for each.
 */
#define SW_SIG_MAP(X)                                          \
    X(irregular, "*", 0, SW_TYPE_BOTTOM, 0, 0)                 \
    X(none, ":", 0, SW_TYPE_BOTTOM, 0, 0)                      \
    X(_i, ":i", 0, SW_TYPE_I32, 0, 0)                          \
    X(_I, ":I", 0, SW_TYPE_I64, 0, 0)                          \
    X(_f, ":f", 0, SW_TYPE_F32, 0, 0)                          \
    X(_F, ":F", 0, SW_TYPE_F64, 0, 0)                          \
    X(i_i, "i:i", 1, SW_TYPE_I32, SW_TYPE_I32, 0)              \
    X(i_I, "i:I", 1, SW_TYPE_I64, SW_TYPE_I32, 0)              \
    X(i_f, "i:f", 1, SW_TYPE_F32, SW_TYPE_I32, 0)              \
    X(i_F, "i:F", 1, SW_TYPE_F64, SW_TYPE_I32, 0)              \
    X(I_i, "I:i", 1, SW_TYPE_I32, SW_TYPE_I64, 0)              \
    X(I_I, "I:I", 1, SW_TYPE_I64, SW_TYPE_I64, 0)              \
    X(I_f, "I:f", 1, SW_TYPE_F32, SW_TYPE_I64, 0)              \
    X(I_F, "I:F", 1, SW_TYPE_F64, SW_TYPE_I64, 0)              \
    X(f_i, "f:i", 1, SW_TYPE_I32, SW_TYPE_F32, 0)              \
    X(f_I, "f:I", 1, SW_TYPE_I64, SW_TYPE_F32, 0)              \
    X(f_f, "f:f", 1, SW_TYPE_F32, SW_TYPE_F32, 0)              \
    X(f_F, "f:F", 1, SW_TYPE_F64, SW_TYPE_F32, 0)              \
    X(F_i, "F:i", 1, SW_TYPE_I32, SW_TYPE_F64, 0)              \
    X(F_I, "F:I", 1, SW_TYPE_I64, SW_TYPE_F64, 0)              \
    X(F_f, "F:f", 1, SW_TYPE_F32, SW_TYPE_F64, 0)              \
    X(F_F, "F:F", 1, SW_TYPE_F64, SW_TYPE_F64, 0)              \
    X(ii_i, "ii:i", 2, SW_TYPE_I32, SW_TYPE_I32, SW_TYPE_I32)  \
    X(II_i, "II:i", 2, SW_TYPE_I32, SW_TYPE_I64, SW_TYPE_I64)  \
    X(II_I, "II:I", 2, SW_TYPE_I64, SW_TYPE_I64, SW_TYPE_I64)  \
    X(ff_i, "ff:i", 2, SW_TYPE_I32, SW_TYPE_F32, SW_TYPE_F32)  \
    X(ff_f, "ff:f", 2, SW_TYPE_F32, SW_TYPE_F32, SW_TYPE_F32)  \
    X(FF_i, "FF:i", 2, SW_TYPE_I32, SW_TYPE_F64, SW_TYPE_F64)  \
    X(FF_F, "FF:F", 2, SW_TYPE_F64, SW_TYPE_F64, SW_TYPE_F64)  \
    X(ii_, "ii:", 2, SW_TYPE_BOTTOM, SW_TYPE_I32, SW_TYPE_I32) \
    X(iI_, "iI:", 2, SW_TYPE_BOTTOM, SW_TYPE_I32, SW_TYPE_I64) \
    X(if_, "if:", 2, SW_TYPE_BOTTOM, SW_TYPE_I32, SW_TYPE_F32) \
    X(iF_, "iF:", 2, SW_TYPE_BOTTOM, SW_TYPE_I32, SW_TYPE_F64)

typedef enum sw_signature {
#define X(name, text, operands, result, first, second) SW_SIG_##name,
    SW_SIG_MAP(X)
#undef X
} sw_signature;

/* A row of the table, ready for use. A row that stands for no opcode has the name NULL. */
typedef struct sw_opcode_info {
    const char *name;      /* "i32.add" */
    const char *signature; /* "ii:i"; "*" is irregular */
    uint8_t immediate;     /* sw_immediate */
    uint8_t signature_id;  /* sw_signature */
    uint8_t width;         /* bytes of the memory access, its natural alignment; or 0 */
    uint8_t operands_count;
    uint8_t operands[2]; /* sw_valtype kinds, the bottommost first */
    uint8_t result;      /* sw_valtype kind, SW_TYPE_BOTTOM: none */
} sw_opcode_info;

enum { SW_OPCODE_SLOTS = 256 + 32 };
extern const sw_opcode_info sw_opcode_infos[SW_OPCODE_SLOTS];

/* The table slot of a code; every code has one, unknown ones share the empty slot 255. */
static inline uint32_t sw_opcode_slot(uint32_t code)
{
    if (SW_LIKELY(code < 256)) {
        return code;
    }
    return code - SW_OP_PREFIXED(0xfc, 0) < 32 ? 256 + (code & 31) : 255;
}

/* The row of a code that is known to exist, as in validated bodies. */
static inline const sw_opcode_info *sw_opcode_info_get(uint32_t code)
{
    return &sw_opcode_infos[sw_opcode_slot(code)];
}

/* The row, or NULL when there is no such opcode. */
const sw_opcode_info *sw_opcode_info_find(uint32_t code);

/* The parameters and results of a block: a type index, or at most one result. */
typedef struct sw_blocktype {
    uint32_t type;     /* SW_NO_INDEX: none, see result */
    sw_valtype result; /* SW_TYPE_BOTTOM: none */
} sw_blocktype;

/* An instruction; which member of the union counts is said by SW_IMM_MAP. */
typedef struct sw_instr {
    uint32_t code; /* sw_opcode */
    union {
        struct {
            uint32_t index, index2;
        };
        struct {
            uint32_t align_log2, memory;
            uint64_t offset;
        } mem;
        struct {
            uint32_t count;    /* without the default, which follows the others */
            const uint8_t *at; /* count + 1 relative depths in LEB128, in the input */
        } targets;
        struct {
            uint32_t count;
            sw_valtype first; /* SW_TYPE_BOTTOM when count is 0 */
        } types;
        uint64_t bits;
        sw_valtype type;
        sw_blocktype block;
    };
} sw_instr;

/*
 * Reads one instruction with its immediates, checking their form only: indices, alignments and
 * features are the validator's business. Fails (sticky, in the reader) with SW_MALFORMED, or with
 * SW_UNSUPPORTED for an opcode of a feature that is not built, naming it.
 */
sw_status sw_op_read(sw_reader *r, sw_instr *ret_instr);

/* The feature of the language that an opcode unknown to the table belongs to, or NULL. */
const char *sw_opcode_feature(uint32_t code);

/* The long forms of the functions below. */
uint64_t sw_leb_next_u64_long(const uint8_t **p);
int64_t sw_leb_next_s64_long(const uint8_t **p);
sw_valtype sw_valtype_next(const uint8_t **p);
sw_blocktype sw_blocktype_next(const uint8_t **p);

/* LEB128 from validated bytes. */
static inline uint32_t sw_leb_next_u32(const uint8_t **p)
{
    uint8_t byte = **p;
    if (SW_LIKELY(byte < 0x80)) {
        ++*p;
        return byte;
    }
    return (uint32_t)sw_leb_next_u64_long(p);
}

static inline uint64_t sw_leb_next_u64(const uint8_t **p)
{
    uint8_t byte = **p;
    if (SW_LIKELY(byte < 0x80)) {
        ++*p;
        return byte;
    }
    return sw_leb_next_u64_long(p);
}

static inline int64_t sw_leb_next_s64(const uint8_t **p)
{
    uint8_t byte = **p;
    if (SW_LIKELY(byte < 0x80)) {
        ++*p;
        return (int64_t)(byte ^ 0x40) - 0x40;
    }
    return sw_leb_next_s64_long(p);
}

static inline int32_t sw_leb_next_s32(const uint8_t **p)
{
    return (int32_t)sw_leb_next_s64(p);
}

/* The opcode alone, from validated bytes; the immediates follow. */
static inline uint32_t sw_opcode_next(const uint8_t **p)
{
    uint8_t byte = *(*p)++;
    return SW_LIKELY(byte < 0xfb) || byte == 0xff ? byte : SW_OP_PREFIXED(byte, sw_leb_next_u32(p));
}

static inline void sw_memarg_next(const uint8_t **p, sw_instr *ret)
{
    uint32_t flags = sw_leb_next_u32(p);
    ret->mem.align_log2 = flags & 0x3f;
    ret->mem.memory = (flags & 0x40) != 0 ? sw_leb_next_u32(p) : 0;
    ret->mem.offset = sw_leb_next_u64(p);
}

static inline void sw_targets_next(const uint8_t **p, sw_instr *ret)
{
    ret->targets.count = sw_leb_next_u32(p);
    ret->targets.at = *p;
    for (uint32_t i = 0; i <= ret->targets.count; i++) {
        (void)sw_leb_next_u32(p);
    }
}

static inline void sw_types_next(const uint8_t **p, sw_instr *ret)
{
    ret->types.count = sw_leb_next_u32(p);
    ret->types.first = SW_TYPE_BOTTOM;
    for (uint32_t i = 0; i < ret->types.count; i++) {
        sw_valtype t = sw_valtype_next(p);
        ret->types.first = i == 0 ? t : ret->types.first;
    }
}

/* The immediates of ret->code, from validated bytes. */
static inline void sw_immediates_next(const uint8_t **p, sw_instr *ret)
{
    switch ((sw_immediate)sw_opcode_info_get(ret->code)->immediate) {
    case SW_IMM_NONE: break;
    case SW_IMM_BLOCK: ret->block = sw_blocktype_next(p); break;
    case SW_IMM_BR_TABLE: sw_targets_next(p, ret); break;
    case SW_IMM_SELECT: sw_types_next(p, ret); break;
    case SW_IMM_MEMARG: sw_memarg_next(p, ret); break;
    case SW_IMM_I32: ret->bits = (uint32_t)sw_leb_next_s32(p); break;
    case SW_IMM_I64: ret->bits = (uint64_t)sw_leb_next_s64(p); break;
    case SW_IMM_F32:
        ret->bits = 0;
        memcpy(&ret->bits, *p, 4);
        *p += 4;
        break;
    case SW_IMM_F64:
        memcpy(&ret->bits, *p, 8);
        *p += 8;
        break;
    case SW_IMM_HEAP_TYPE:
        ret->type = sw_valtype_ref(sw_heaptype_from_s33(sw_leb_next_s64(p)), true);
        break;
    case SW_IMM_LABEL:
    case SW_IMM_FUNC:
    case SW_IMM_LOCAL:
    case SW_IMM_GLOBAL:
    case SW_IMM_TABLE:
    case SW_IMM_MEMORY:
    case SW_IMM_DATA:
    case SW_IMM_ELEM: ret->index = sw_leb_next_u32(p); break;
    case SW_IMM_CALL_INDIRECT:
    case SW_IMM_DATA_MEMORY:
    case SW_IMM_MEMORY_MEMORY:
    case SW_IMM_ELEM_TABLE:
    case SW_IMM_TABLE_TABLE:
        ret->index = sw_leb_next_u32(p);
        ret->index2 = sw_leb_next_u32(p);
        break;
    }
}

/* One whole instruction from validated bytes; returns the address of the next one. */
static inline const uint8_t *sw_op_next(const uint8_t *p, sw_instr *ret_instr)
{
    ret_instr->code = sw_opcode_next(&p);
    sw_immediates_next(&p, ret_instr);
    return p;
}
