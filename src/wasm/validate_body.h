/*
 * Inside of body validation: the state that the steps of all opcodes share.
 *
 * One step function per opcode or family reads its immediates and changes the stack of types. The
 * state's reader is used in place for the common short forms; everything else, and every failure,
 * goes through sw_reader, whose first error stands. After a failure steps go on harmlessly until
 * the loop notices: the reader is at its end then.
 */
#pragma once

#include "base/vec.h"
#include "wasm/opcodes.h"
#include "wasm/subtype.h"
#include "wasm/validate.h"

/* An open block. */
typedef struct sw_label {
    uint32_t code;   /* SW_OP_BLOCK, LOOP, IF, ELSE; the body itself is a BLOCK */
    uint32_t floor;  /* height of the operand stack below the block's own values */
    uint32_t weight; /* what a use inside counts */
    uint32_t table;  /* offset of the last br_table that this label was checked for */
    bool is_unreachable;
    sw_blocktype type; /* result when type is SW_NO_INDEX */
} sw_label;

/* Locals that were declared together. */
typedef struct sw_local_group {
    uint32_t end; /* index of the first local after them */
    sw_valtype type;
} sw_local_group;

/* Declaring locals costs a few bytes however many they are, so nothing is done for one that no
 * instruction names: types and weights are good for the locals whose bit is set, and the weights of
 * the others are zero, as they were before. */
struct sw_validate_scratch {
    SW_VEC(sw_valtype) stack;
    SW_VEC(sw_label) labels;
    SW_VEC(sw_local_group) groups;
    SW_VEC(sw_valtype) locals;
    SW_VEC(uint32_t) weights;
    SW_VEC(uint64_t) used; /* one bit a local */
    SW_VEC(uint32_t) used_list;
};

typedef struct sw_types {
    const sw_valtype *at;
    uint32_t count;
} sw_types;

typedef struct sw_body {
    sw_reader r;
    sw_valtype *top;   /* one past the topmost operand */
    sw_valtype *floor; /* operands of the innermost block begin here */
    sw_valtype *high;  /* the highest top so far; also bounds what is allocated */
    const sw_valtype *locals;
    uint32_t *weights;
    uint32_t locals_count;
    uint32_t used_count;
    uint32_t weight; /* what a use counts here */
    uint32_t moved;  /* values that groups of types took from the stack or put there */
    uint32_t moved_limit;
    uint32_t labels_count; /* open blocks; 0 at the end of the body */
    bool is_unreachable;   /* of the innermost block */
    uint32_t code;         /* of the instruction at hand */
    const uint8_t *instruction;
    const sw_module *m;
    sw_valtype memory0; /* what addresses the first memory; SW_TYPE_BOTTOM: there is none */
    const sw_features *features;
    sw_validate_scratch *scratch;
    const sw_functype *type;
    sw_func_facts facts;
} sw_body;

typedef void sw_step_fn(sw_body *b);

/* By slot (sw_opcode_slot); NULL: no such opcode. */
extern sw_step_fn *const sw_body_steps[SW_OPCODE_SLOTS];

/* ---- Failures -------------------------------------------------------------------------------- */

/* The absolute offset of the instruction at hand. */
static inline uint32_t sw_body_at(const sw_body *b)
{
    return b->r.origin + (uint32_t)(b->instruction - b->r.base);
}

#define SW_BODY_FAIL(b, ...) \
    ((void)sw_reader_fail_at(&(b)->r, SW_INVALID, sw_body_at(b), __VA_ARGS__))

void sw_body_pop_slow(sw_body *b, sw_valtype want);
sw_valtype sw_body_pop_any_slow(sw_body *b);
void sw_body_push_slow(sw_body *b);

/* ---- Operands -------------------------------------------------------------------------------- */

static inline void sw_body_pop(sw_body *b, sw_valtype want)
{
    if (SW_LIKELY(b->top > b->floor && b->top[-1] == want)) {
        b->top--;
        return;
    }
    sw_body_pop_slow(b, want);
}

static inline sw_valtype sw_body_pop_any(sw_body *b)
{
    return SW_LIKELY(b->top > b->floor) ? *--b->top : sw_body_pop_any_slow(b);
}

static inline void sw_body_push(sw_body *b, sw_valtype t)
{
    if (SW_UNLIKELY(b->top == b->high)) {
        sw_body_push_slow(b); /* makes room, or fails and leaves a place to write to */
    }
    *b->top++ = t;
}

void sw_body_pop_some(sw_body *b, sw_types types);
void sw_body_push_some(sw_body *b, sw_types types);

/* Most blocks and branches bring nothing. */
static inline void sw_body_pop_types(sw_body *b, sw_types types)
{
    if (types.count != 0) {
        sw_body_pop_some(b, types);
    }
}

static inline void sw_body_push_types(sw_body *b, sw_types types)
{
    if (types.count != 0) {
        sw_body_push_some(b, types);
    }
}

/* A few bytes can ask for 1,000 values to be moved, again and again: counts them, and fails when
 * they are too many for a function of this length. */
void sw_body_note_moved(sw_body *b, uint32_t count);

/* ---- Immediates ------------------------------------------------------------------------------ */

static inline uint32_t sw_body_u32(sw_body *b)
{
    if (SW_LIKELY(b->r.pos < b->r.end && *b->r.pos < 0x80)) {
        return *b->r.pos++;
    }
    return sw_reader_leb_u32(&b->r);
}

/* Makes the type of a local known that no instruction has named yet. */
void sw_body_first_use(sw_body *b, uint32_t local);

/* ---- Facts ----------------------------------------------------------------------------------- */

static inline uint32_t sw_body_add_weight(const sw_body *b, uint32_t sum)
{
    uint32_t more = sum + b->weight;
    return SW_LIKELY(more >= sum) ? more : UINT32_MAX;
}

/* The instruction calls a function or a runtime helper. */
void sw_body_note_call(sw_body *b);

/* ---- Control --------------------------------------------------------------------------------- */

sw_step_fn sw_step_block, sw_step_else, sw_step_end, sw_step_unreachable, sw_step_br, sw_step_br_if,
    sw_step_br_table, sw_step_return, sw_step_call, sw_step_call_indirect;

/* Opens a block whose parameters are already popped and are to be pushed again. */
void sw_body_push_label(sw_body *b, uint32_t code, sw_blocktype type);

/* Fails unless the features allow t and its index exists. */
void sw_body_check_type(sw_body *b, sw_valtype t);
