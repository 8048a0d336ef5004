/*
 * An x86-64 assembler: bytes of single instructions, nothing remembered.
 *
 * An instruction is an op word: opcode byte, opcode map, mandatory prefix and operand width in one
 * integer, so that the tables of the lowering hold an instruction in one cell. The same word serves
 * the legacy and the VEX form. The caller guarantees room: 16 bytes for each instruction.
 *
 * Operand order is Intel's: the first register is the one that the ModRM byte names "reg", which
 * is the destination of all forms but stores.
 */
#pragma once

#include "base/base.h"

#include <string.h>

typedef enum sw_x64_reg {
    SW_RAX,
    SW_RCX,
    SW_RDX,
    SW_RBX,
    SW_RSP,
    SW_RBP,
    SW_RSI,
    SW_RDI,
    SW_R8,
    SW_R9,
    SW_R10,
    SW_R11,
    SW_R12,
    SW_R13,
    SW_R14,
    SW_R15,
} sw_x64_reg;

/* Condition codes as encoded; the last two are pairs of tests for unordered floats, for which the
 * helpers of the condition lowering emit two instructions. Flipping bit 0 negates. */
typedef enum sw_x64_cc {
    SW_CC_O,
    SW_CC_NO,
    SW_CC_B,
    SW_CC_AE,
    SW_CC_E,
    SW_CC_NE,
    SW_CC_BE,
    SW_CC_A,
    SW_CC_S,
    SW_CC_NS,
    SW_CC_P,
    SW_CC_NP,
    SW_CC_L,
    SW_CC_GE,
    SW_CC_LE,
    SW_CC_G,
    SW_CC_FLOAT_EQ, /* ZF and not PF */
    SW_CC_FLOAT_NE, /* not ZF or PF */
} sw_x64_cc;

typedef uint32_t sw_x64_op;

#define SW_X64_W    (1u << 8)  /* 64-bit operands */
#define SW_X64_0F   (1u << 9)  /* opcode map 0f */
#define SW_X64_0F38 (2u << 9)  /* opcode map 0f 38 */
#define SW_X64_0F3A (3u << 9)  /* opcode map 0f 3a */
#define SW_X64_66   (1u << 11) /* mandatory prefixes, numbered as in VEX */
#define SW_X64_F3   (2u << 11)
#define SW_X64_F2   (3u << 11)
#define SW_X64_BYTE (1u << 13) /* a register operand is a byte: spl..dil need a REX prefix */

static inline unsigned sw_x64_map(sw_x64_op op)
{
    return op >> 9 & 3;
}

static inline unsigned sw_x64_prefix(sw_x64_op op)
{
    return op >> 11 & 3;
}

/* Instructions by name, as far as they are used in more than one place. */
enum {
    SW_X64_ADD = 0x03,
    SW_X64_OR = 0x0b,
    SW_X64_AND = 0x23,
    SW_X64_SUB = 0x2b,
    SW_X64_XOR = 0x33,
    SW_X64_CMP = 0x3b,
    SW_X64_CMP_STORE8 = 0x38 | SW_X64_BYTE, /* memory with a register */
    SW_X64_TEST = 0x85,
    SW_X64_XCHG = 0x87,
    SW_X64_MOV = 0x8b,
    SW_X64_MOV_STORE = 0x89,
    SW_X64_MOV_STORE8 = 0x88 | SW_X64_BYTE,
    SW_X64_LEA = 0x8d,
    SW_X64_MOVSXD = 0x63 | SW_X64_W,
    SW_X64_IMUL = 0xaf | SW_X64_0F,
    SW_X64_IMUL_IMM = 0x69,
    SW_X64_MOVZX8 = 0xb6 | SW_X64_0F,
    SW_X64_MOVZX16 = 0xb7 | SW_X64_0F,
    SW_X64_MOVSX8 = 0xbe | SW_X64_0F,
    SW_X64_MOVSX16 = 0xbf | SW_X64_0F,
    SW_X64_CMOV = 0x40 | SW_X64_0F,
    SW_X64_SETCC = 0x90 | SW_X64_0F | SW_X64_BYTE,
    SW_X64_MOVSS = 0x10 | SW_X64_0F | SW_X64_F3,
    SW_X64_MOVSD = 0x10 | SW_X64_0F | SW_X64_F2,
    SW_X64_MOVSS_STORE = 0x11 | SW_X64_0F | SW_X64_F3,
    SW_X64_MOVSD_STORE = 0x11 | SW_X64_0F | SW_X64_F2,
    SW_X64_MOVAPS = 0x28 | SW_X64_0F,
    SW_X64_MOVUPS_STORE = 0x11 | SW_X64_0F,
    SW_X64_UCOMISS = 0x2e | SW_X64_0F,
    SW_X64_ANDPS = 0x54 | SW_X64_0F,
    SW_X64_ANDNPS = 0x55 | SW_X64_0F,
    SW_X64_ORPS = 0x56 | SW_X64_0F,
    SW_X64_XORPS = 0x57 | SW_X64_0F,
    SW_X64_PCMPEQD = 0x76 | SW_X64_0F | SW_X64_66,
    SW_X64_MOVD_TO_XMM = 0x6e | SW_X64_0F | SW_X64_66,
    SW_X64_MOVD_FROM_XMM = 0x7e | SW_X64_0F | SW_X64_66,
};

/* The digits of the 81/83 and c1/d3 groups. */
enum {
    SW_DIGIT_ADD = 0,
    SW_DIGIT_OR = 1,
    SW_DIGIT_AND = 4,
    SW_DIGIT_SUB = 5,
    SW_DIGIT_XOR = 6,
    SW_DIGIT_CMP = 7,
    SW_DIGIT_ROL = 0,
    SW_DIGIT_ROR = 1,
    SW_DIGIT_SHL = 4,
    SW_DIGIT_SHR = 5,
    SW_DIGIT_SAR = 7,
};

typedef struct sw_x64_mem {
    uint8_t base;
    uint8_t index; /* SW_X64_NO_INDEX: none */
    uint8_t scale; /* log2 */
    int32_t disp;
} sw_x64_mem;

#define SW_X64_NO_INDEX SW_RSP

static inline sw_x64_mem sw_x64_at(unsigned base, int32_t disp)
{
    return (sw_x64_mem){.base = (uint8_t)base, .index = SW_X64_NO_INDEX, .disp = disp};
}

static inline sw_x64_mem sw_x64_at_index(unsigned base, unsigned index, unsigned scale,
                                         int32_t disp)
{
    return (sw_x64_mem){
        .base = (uint8_t)base, .index = (uint8_t)index, .scale = (uint8_t)scale, .disp = disp};
}

/* Where bytes go. */
typedef struct sw_x64 {
    uint8_t *at;
} sw_x64;

static inline void sw_x64_u8(sw_x64 *a, unsigned value)
{
    uint8_t *p = a->at;
    a->at = p + 1;
    *p = (uint8_t)value;
}

static inline void sw_x64_u32(sw_x64 *a, uint32_t value)
{
    uint8_t *p = a->at;
    a->at = p + 4;
    memcpy(p, &value, 4);
}

static inline void sw_x64_u64(sw_x64 *a, uint64_t value)
{
    uint8_t *p = a->at;
    a->at = p + 8;
    memcpy(p, &value, 8);
}

/*
 * The encoders write every part that an instruction may have and step over those it has: what comes
 * next overwrites the others, and no branch depends on the instruction. Up to SW_X64_SLACK bytes
 * beyond its end may be written.
 */
#define SW_X64_SLACK 8

/* Prefixes and opcode; r, x, b are the register numbers of the fields reg, index and base/rm. */
static inline uint8_t *sw_x64_put_opcode(uint8_t *p, sw_x64_op op, unsigned r, unsigned x,
                                         unsigned b, bool force_rex)
{
    static const uint8_t prefixes[] = {0, 0x66, 0xf3, 0xf2};
    static const uint8_t maps[4][2] = {
        {0},
        {0x0f},
        {0x0f, 0x38},
        {0x0f, 0x3a}
    };
    static const uint8_t map_bytes[] = {0, 1, 2, 2};
    unsigned prefix = sw_x64_prefix(op), map = sw_x64_map(op);
    *p = prefixes[prefix];
    p += prefix != 0;
    unsigned rex = 0x40 | (op & SW_X64_W) >> 5 | (r >> 3) << 2 | (x >> 3) << 1 | b >> 3;
    *p = (uint8_t)rex;
    p += (rex != 0x40) | force_rex;
    memcpy(p, maps[map], 2);
    p += map_bytes[map];
    *p++ = (uint8_t)op;
    return p;
}

static inline void sw_x64_opcode(sw_x64 *a, sw_x64_op op, unsigned r, unsigned x, unsigned b,
                                 bool force_rex)
{
    a->at = sw_x64_put_opcode(a->at, op, r, x, b, force_rex);
}

static inline uint8_t *sw_x64_put_modrm_reg(uint8_t *p, unsigned reg, unsigned rm)
{
    *p++ = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
    return p;
}

static inline uint8_t *sw_x64_put_modrm_mem(uint8_t *p, unsigned reg, sw_x64_mem m)
{
    static const uint8_t disp_bytes[] = {0, 1, 4};
    bool has_sib = m.index != SW_X64_NO_INDEX || (m.base & 7) == 4;
    bool has_disp = m.disp != 0 || (m.base & 7) == 5;
    unsigned mod = m.disp != (int8_t)m.disp ? 2 : has_disp;
    p[0] = (uint8_t)(mod << 6 | (reg & 7) << 3 | (has_sib ? 4 : m.base & 7));
    p[1] = (uint8_t)((unsigned)m.scale << 6 | (m.index & 7u) << 3 | (m.base & 7));
    p += 1 + has_sib;
    memcpy(p, &m.disp, 4);
    return p + disp_bytes[mod];
}

/* op reg, rm */
static inline void sw_x64_rr(sw_x64 *a, sw_x64_op op, unsigned reg, unsigned rm)
{
    bool force_rex = (op & SW_X64_BYTE) != 0 && (reg >= 4 || rm >= 4);
    a->at = sw_x64_put_modrm_reg(sw_x64_put_opcode(a->at, op, reg, 0, rm, force_rex), reg, rm);
}

/* op reg, [m] (or op [m], reg for stores) */
static inline void sw_x64_rm(sw_x64 *a, sw_x64_op op, unsigned reg, sw_x64_mem m)
{
    unsigned index = m.index == SW_X64_NO_INDEX ? 0 : m.index;
    bool force_rex = (op & SW_X64_BYTE) != 0 && reg >= 4;
    a->at =
        sw_x64_put_modrm_mem(sw_x64_put_opcode(a->at, op, reg, index, m.base, force_rex), reg, m);
}

/* op reg, [r13 + index + disp], or the store: what nearly all accesses to memory are. There always
 * are a REX prefix, a SIB byte and a displacement. */
static inline void sw_x64_r13_index(sw_x64 *a, sw_x64_op op, unsigned reg, unsigned index,
                                    int32_t disp)
{
    uint8_t *p = a->at;
    unsigned rex = 0x41 | (op & SW_X64_W) >> 5 | (reg >> 3) << 2 | (index >> 3) << 1;
    unsigned mod = disp == (int8_t)disp ? 1 : 2;
    assert(sw_x64_map(op) <= 1 && (sw_x64_prefix(op) == 0 || sw_x64_prefix(op) == 1));
    *p = 0x66;
    p += sw_x64_prefix(op);
    *p++ = (uint8_t)rex;
    *p = 0x0f;
    p += sw_x64_map(op);
    uint64_t rest = (op & 0xff) | (uint64_t)(mod << 6 | (reg & 7) << 3 | 4) << 8 |
                    (uint64_t)((index & 7) << 3 | 5) << 16 | (uint64_t)(uint32_t)disp << 24;
    memcpy(p, &rest, sizeof rest);
    a->at = p + 4 + 3 * (mod - 1);
}

/* The VEX prefix and opcode; v is the register of the extra operand, 0 when the form has none. */
static inline uint8_t *sw_x64_put_vex(uint8_t *p, sw_x64_op op, unsigned r, unsigned v, unsigned x,
                                      unsigned b)
{
    unsigned tail = (~v & 15) << 3 | sw_x64_prefix(op);
    unsigned not_r = (~r >> 3 & 1) << 7;
    if (sw_x64_map(op) == 1 && (op & SW_X64_W) == 0 && x < 8 && b < 8) {
        *p++ = 0xc5;
        *p++ = (uint8_t)(not_r | tail);
    } else {
        *p++ = 0xc4;
        *p++ = (uint8_t)(not_r | (~x >> 3 & 1) << 6 | (~b >> 3 & 1) << 5 | sw_x64_map(op));
        *p++ = (uint8_t)((op & SW_X64_W) >> 1 | tail);
    }
    *p++ = (uint8_t)op;
    return p;
}

/* vop reg, v, rm */
static inline void sw_x64_vrr(sw_x64 *a, sw_x64_op op, unsigned reg, unsigned v, unsigned rm)
{
    a->at = sw_x64_put_modrm_reg(sw_x64_put_vex(a->at, op, reg, v, 0, rm), reg, rm);
}

/* vop reg, v, [m] */
static inline void sw_x64_vrm(sw_x64 *a, sw_x64_op op, unsigned reg, unsigned v, sw_x64_mem m)
{
    unsigned index = m.index == SW_X64_NO_INDEX ? 0 : m.index;
    a->at = sw_x64_put_modrm_mem(sw_x64_put_vex(a->at, op, reg, v, index, m.base), reg, m);
}

/* mov reg, value; leaves the flags alone. */
static inline void sw_x64_mov_imm(sw_x64 *a, unsigned reg, uint64_t value)
{
    if (value <= UINT32_MAX) {
        sw_x64_opcode(a, 0xb8 | (reg & 7), 0, 0, reg, false);
        sw_x64_u32(a, (uint32_t)value);
    } else if ((int64_t)value == (int32_t)value) {
        sw_x64_rr(a, 0xc7 | SW_X64_W, 0, reg);
        sw_x64_u32(a, (uint32_t)value);
    } else {
        sw_x64_opcode(a, SW_X64_W | 0xb8 | (reg & 7), 0, 0, reg, false);
        sw_x64_u64(a, value);
    }
}

/* One of the 81/83 group: op reg, imm. w is 0 or SW_X64_W. */
static inline void sw_x64_group_imm(sw_x64 *a, unsigned w, unsigned digit, unsigned reg,
                                    int32_t imm)
{
    bool is_small = imm == (int8_t)imm;
    sw_x64_rr(a, (is_small ? 0x83 : 0x81) | w, digit, reg);
    if (is_small) {
        sw_x64_u8(a, (uint8_t)imm);
    } else {
        sw_x64_u32(a, (uint32_t)imm);
    }
}

/* The same on memory. */
static inline void sw_x64_group_imm_mem(sw_x64 *a, unsigned w, unsigned digit, sw_x64_mem m,
                                        int32_t imm)
{
    bool is_small = imm == (int8_t)imm;
    sw_x64_rm(a, (is_small ? 0x83 : 0x81) | w, digit, m);
    if (is_small) {
        sw_x64_u8(a, (uint8_t)imm);
    } else {
        sw_x64_u32(a, (uint32_t)imm);
    }
}

/* One of the c1 group: shift reg by a constant. */
static inline void sw_x64_shift_imm(sw_x64 *a, unsigned w, unsigned digit, unsigned reg,
                                    unsigned count)
{
    sw_x64_rr(a, 0xc1 | w, digit, reg);
    sw_x64_u8(a, count);
}

static inline void sw_x64_push(sw_x64 *a, unsigned reg)
{
    sw_x64_opcode(a, 0x50 | (reg & 7), 0, 0, reg, false);
}

static inline void sw_x64_pop(sw_x64 *a, unsigned reg)
{
    sw_x64_opcode(a, 0x58 | (reg & 7), 0, 0, reg, false);
}

/* ud1 reason(%eax), %eax: an explicit trap. */
static inline void sw_x64_trap(sw_x64 *a, unsigned reason)
{
    static const uint8_t head[] = {0x67, 0x0f, 0xb9, 0x40};
    memcpy(a->at, head, sizeof head);
    a->at += sizeof head;
    sw_x64_u8(a, reason);
}
