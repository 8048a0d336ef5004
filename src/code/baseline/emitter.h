/*
 * The baseline compiler's state, shared by its files.
 *
 * One pass over a validated body. Instructions push operands onto a stack of descriptions of
 * where a value is (sw_value) and code is made only when a value is consumed:
 *
 *   local.get pushes "local 3", i32.const "the constant 7"; i32.add of both becomes one
 *   `lea reg, [local's register + 7]`, or, when local.set follows, the same straight into the
 *   register of that local.
 *
 * The locals used most, by the weights that validation counted, live in registers for the whole
 * function (they are pinned); the others in memory, in their homes in the frame. There is no merge
 * state: at the start of a block every temporary goes to its canonical slot in the frame (slot i
 * for the i-th value of the operand stack; constants stay constants), and the values a branch
 * carries travel in rax or xmm0 when there is one, in canonical slots when there are more.
 *
 * INVARIANTS
 *   - A value of type i32 in a register, home or pinned register that is read as 64 bits has its
 *     upper half zero: all code for i32 uses 32-bit forms. Memory accesses rely on it.
 *   - A temporary register is either in the free mask, or owned by exactly one stack entry or by
 *     the operands that a lowering has popped.
 *   - lazies of a local counts its LOCAL entries on the stack; whoever writes a local first calls
 *     sw_bl_flush_local.
 *   - Entries below `flushed` are in their slots or constants.
 *   - Between a compare and its consumer nothing touches the flags: moves and spills do not.
 *
 * Registers: r13 base, rbp frame, rcx scratch, xmm15 scratch. Pinned locals: rbx r14 r15 r12, in
 * leaf functions also r8-r11; xmm9-xmm14. Everything else holds temporaries.
 */
#pragma once

#include "base/vec.h"
#include "code/baseline/knobs.h"
#include "code/baseline/x64.h"
#include "code/emit.h"
#include "wasm/opcodes.h"

#define SW_BASE     SW_R13
#define SW_SCRATCH  SW_RCX
#define SW_XSCRATCH 15u
#define SW_NO_REG   0xffu

/* Room for the code of one instruction: what 1,000 moved values and a full flush need. */
#define SW_EMIT_ROOM   (64u * 1024)
/* Entries above `flushed` that an instruction may find; more are flushed before it. */
#define SW_LAZY_WINDOW 128u

/* Types as code sees them; bit 0: 64 bits wide, bit 1: in a vector register. */
typedef enum sw_kind {
    SW_KIND_I32,
    SW_KIND_I64, /* and references */
    SW_KIND_F32,
    SW_KIND_F64,
} sw_kind;

static inline bool sw_kind_is_float(unsigned kind)
{
    return (kind & 2) != 0;
}

/* SW_X64_W for 64-bit kinds. */
static inline unsigned sw_kind_w(unsigned kind)
{
    return (kind & 1) << 8;
}

/* The prefix of scalar float instructions: f3 or f2. */
static inline unsigned sw_kind_scalar(unsigned kind)
{
    return (2 | (kind & 1)) << 11;
}

/* The prefix of packed float instructions and ucomis: none or 66. */
static inline unsigned sw_kind_packed(unsigned kind)
{
    return (kind & 1) << 11;
}

static inline sw_kind sw_kind_of(sw_valtype t)
{
    switch (t) {
    case SW_TYPE_I32: return SW_KIND_I32;
    case SW_TYPE_F32: return SW_KIND_F32;
    case SW_TYPE_F64: return SW_KIND_F64;
    default: return SW_KIND_I64;
    }
}

typedef enum sw_where {
    SW_IN_SLOT,  /* canonical slot `index` of the frame */
    SW_IN_REG,   /* temporary register `reg`, owned by this entry */
    SW_IN_CONST, /* `bits` */
    SW_IN_LOCAL, /* still in local `index` */
} sw_where;

typedef struct sw_value {
    uint8_t where; /* sw_where */
    uint8_t kind;  /* sw_kind */
    uint8_t reg;
    uint32_t index;
    uint64_t bits;
} sw_value;

typedef struct sw_local {
    uint8_t kind;
    uint8_t pin;      /* register, or SW_NO_REG */
    uint8_t survey;   /* loops.c, while it looks through a loop; else 0 */
    bool is_mirrored; /* pinned for a loop: every write goes to its home, too */
    uint32_t lazies;  /* LOCAL entries of it on the stack */
    int32_t home;     /* distance from rbp; 0: none */
} sw_local;

/* A local that is pinned for one loop. */
typedef struct sw_loop_pin {
    uint32_t local;
    int32_t home;
    uint8_t reg, kind;
} sw_loop_pin;

typedef enum sw_label_kind {
    SW_LABEL_BLOCK,
    SW_LABEL_LOOP,
    SW_LABEL_IF,   /* before its else */
    SW_LABEL_ELSE, /* after it */
    SW_LABEL_FUNC,
} sw_label_kind;

typedef struct sw_label {
    uint8_t kind;
    bool is_dead;      /* control cannot reach the present instruction */
    sw_valtype single; /* the type of a block type that is one */
    uint32_t height;   /* of the stack below its parameters */
    uint32_t patches;  /* jumps to its end: 1 + index of the newest in e->patches */
    uint32_t to_else;  /* the same of jumps to the else branch */
    uint32_t loop_at;  /* code position of a loop's head */
    uint32_t table_at; /* code position of the last br_table that has a stub for this label */
    uint32_t stub_at;  /* code position of that stub */
    uint32_t params_count, results_count;
    const sw_valtype *params, *results;
} sw_label;

/* A 32-bit field at `at` that must become target - origin. */
typedef struct sw_patch {
    uint32_t at, origin;
    uint32_t next; /* 1 + index in e->patches, or 0 */
} sw_patch;

/* Code that is seldom run, emitted after the function's end. */
typedef enum sw_cold_kind {
    SW_COLD_TRAP,      /* reason */
    SW_COLD_INTERRUPT, /* the loop head's call of the helper */
    SW_COLD_TRUNC,     /* a failed float to integer conversion: which trap is it? */
    SW_COLD_TRUNC_SAT, /* the same: which bound is it? */
    SW_COLD_U64_FLOAT, /* u64 with the top bit set to float */
    SW_COLD_FLOAT_U64, /* float of 2^63 or more to u64 */
} sw_cold_kind;

typedef struct sw_cold {
    uint8_t kind;
    uint8_t reason;                            /* sw_trap */
    uint8_t from, to;                          /* kinds of a conversion */
    uint8_t is_signed;                         /* of a conversion */
    uint8_t is_saturating;                     /* of a conversion */
    uint8_t source, dest;                      /* registers of a conversion */
    uint32_t jump_at;                          /* the rel32 that leads here */
    uint32_t return_to;                        /* code position to go on at */
    uint32_t wasm_offset;                      /* of the instruction, in m->bytes */
    uint32_t loop_pins_start, loop_pins_count; /* of an interruption: what to load again */
} sw_cold;

typedef struct sw_row sw_row;
typedef void sw_lower_fn(sw_emitter *e, const sw_row *row);

/* How one opcode is lowered. */
struct sw_row {
    sw_lower_fn *lower;
    uint8_t kind;   /* of the operands */
    uint8_t to;     /* kind of the result where it differs, or a digit, condition or mode */
    uint8_t detail; /* one more of these */
    sw_x64_op op;
};

struct sw_emitter {
    sw_x64 as;
    const uint8_t *pos;   /* in the body: after the opcode being lowered */
    const uint8_t *limit; /* code must not be written past it; after a failure there is no room */
    sw_value *stack;      /* stack_capacity of them */
    uint32_t height;      /* of the stack */
    uint32_t flushed;
    uint32_t free_ints, free_floats; /* masks of temporaries */
    sw_local *locals;
    sw_label *labels;
    uint32_t labels_count;

    const sw_module *m;
    const sw_layout *layout;
    bool is_memory0_direct; /* the base is that of memory 0, which needs no checks */
    sw_budget *budget;
    sw_buf *code;
    const sw_func_facts *facts;
    const sw_functype *type;
    const uint8_t *instruction; /* the opcode being lowered */
    uint32_t func;
    uint32_t start;     /* code position of the function */
    uint64_t max_bytes; /* of its code */
    sw_status status;   /* the first failure */

    uint32_t temp_ints, temp_floats; /* masks of all temporaries of this function */
    uint32_t pinned_floats;          /* mask */
    uint32_t caller_saved[16];       /* pinned locals that calls destroy */
    uint32_t caller_saved_count;
    uint8_t saved[4]; /* callee-saved registers in use, as pushed */
    uint32_t saved_count;
    int32_t base_disp;    /* where r13 is kept around calls */
    int32_t slots_disp;   /* slot i is at slots_disp - 8 * i */
    uint32_t frame_bytes; /* below the pushed registers */

    uint32_t unpinned;        /* locals that are used and not pinned */
    uint32_t loop_region;     /* labels_count inside the loop that has pins; 0: there is none */
    uint32_t loop_pins_start; /* its pins in loop_pins */
    size_t survey_left;       /* bytes of code that loops may still be looked through for */
    const uint8_t *body_end;

    size_t stack_capacity, locals_capacity, labels_capacity;
    SW_VEC(sw_patch) patches;
    SW_VEC(sw_cold) cold;
    SW_VEC(sw_fixup) fixups;
    SW_VEC(sw_loop_pin) loop_pins;

    uint32_t find_pc; /* sw_baseline_find_offset: a code position, or UINT32_MAX */
    uint32_t found_offset;
    sw_baseline_knobs knobs;
};

extern const sw_row sw_bl_rows[SW_OPCODE_SLOTS]; /* by sw_opcode_slot */

/* ---- stack.c: values and registers ----------------------------------------------------------- */

static inline uint32_t sw_bl_pos(const sw_emitter *e)
{
    return (uint32_t)(e->as.at - e->code->ptr);
}

/* Records the first failure; emission goes on into the room that is left, and is thrown away. */
void sw_bl_fail(sw_emitter *e, sw_status st);

bool sw_bl_ensure_slow(sw_emitter *e, size_t size_bytes);

/* Makes room for so many bytes of code. False: that or anything before it failed, and the caller
 * must not write them. */
static inline bool sw_bl_ensure(sw_emitter *e, size_t size_bytes)
{
    return SW_LIKELY(e->limit - e->as.at >= (ptrdiff_t)size_bytes) ||
           sw_bl_ensure_slow(e, size_bytes);
}

static inline sw_x64_mem sw_bl_slot(const sw_emitter *e, uint32_t slot)
{
    return sw_x64_at(SW_RBP, e->slots_disp - 8 * (int32_t)slot);
}

static inline uint32_t sw_bl_bit(unsigned reg)
{
    return 1u << reg;
}

/* Writes the entry whole: it is read whole soon, and a processor makes that wait when it was
 * written in parts. */
static inline void sw_bl_push(sw_emitter *e, sw_value v)
{
    typedef uint64_t words __attribute__((vector_size(16)));
    static_assert(sizeof(words) == sizeof(sw_value) && offsetof(sw_value, kind) == 1 &&
                  offsetof(sw_value, reg) == 2 && offsetof(sw_value, index) == 4 &&
                  offsetof(sw_value, bits) == 8);
    assert(e->height < e->stack_capacity);
    uint64_t head =
        v.where | (uint64_t)v.kind << 8 | (uint64_t)v.reg << 16 | (uint64_t)v.index << 32;
    const words entry = {head, v.bits};
    memcpy(&e->stack[e->height++], &entry, sizeof entry);
}

static inline void sw_bl_push_reg(sw_emitter *e, unsigned kind, unsigned reg)
{
    sw_bl_push(e, (sw_value){.where = SW_IN_REG, .kind = (uint8_t)kind, .reg = (uint8_t)reg});
}

static inline void sw_bl_push_const(sw_emitter *e, unsigned kind, uint64_t bits)
{
    sw_bl_push(e, (sw_value){.where = SW_IN_CONST, .kind = (uint8_t)kind, .bits = bits});
}

static inline void sw_bl_push_local(sw_emitter *e, uint32_t local)
{
    sw_local *l = &e->locals[local];
    sw_bl_push(e, (sw_value){.where = SW_IN_LOCAL, .kind = l->kind, .index = local});
    l->lazies++;
}

/* The value is in the canonical slot of its place. */
static inline void sw_bl_push_slot(sw_emitter *e, unsigned kind)
{
    sw_bl_push(e, (sw_value){.where = SW_IN_SLOT, .kind = (uint8_t)kind, .index = e->height});
}

/* A popped value stays readable until its local is written, its slot is spilled to again or its
 * register is released; the popper owns the register. */
static inline sw_value sw_bl_pop(sw_emitter *e)
{
    assert(e->height > 0);
    sw_value v = e->stack[--e->height];
    if (v.where == SW_IN_LOCAL) {
        e->locals[v.index].lazies--;
    }
    if (e->flushed > e->height) {
        e->flushed = e->height;
    }
    return v;
}

static inline void sw_bl_free_reg(sw_emitter *e, unsigned kind, unsigned reg)
{
    bool is_float = sw_kind_is_float(kind);
    uint32_t *mask = is_float ? &e->free_floats : &e->free_ints;
    assert((*mask & sw_bl_bit(reg)) == 0);
    *mask |= sw_bl_bit(reg) & (is_float ? e->temp_floats : e->temp_ints);
}

/* Gives back the register of a popped value, if it has one. */
static inline void sw_bl_release(sw_emitter *e, const sw_value *v)
{
    if (v->where == SW_IN_REG) {
        sw_bl_free_reg(e, v->kind, v->reg);
    }
}

unsigned sw_bl_alloc_slow(sw_emitter *e, unsigned kind);

/* A temporary for a value of this kind; spills the oldest one when there is none. */
static inline unsigned sw_bl_alloc(sw_emitter *e, unsigned kind)
{
    uint32_t *mask = sw_kind_is_float(kind) ? &e->free_floats : &e->free_ints;
    if (SW_UNLIKELY(*mask == 0)) {
        return sw_bl_alloc_slow(e, kind);
    }
    unsigned reg = (unsigned)__builtin_ctz(*mask);
    if (SW_UNLIKELY(e->knobs.prefer_high)) {
        reg = 31 - (unsigned)__builtin_clz(*mask);
    }
    *mask &= ~sw_bl_bit(reg);
    return reg;
}

/* Takes a certain temporary out of the free mask; what a stack entry has in it is moved away. No
 * popped operand may own it. */
void sw_bl_take(sw_emitter *e, unsigned kind, unsigned reg);

void sw_bl_load(sw_emitter *e, unsigned kind, unsigned reg, sw_x64_mem from);
void sw_bl_store(sw_emitter *e, unsigned kind, unsigned reg, sw_x64_mem to);
void sw_bl_store_const(sw_emitter *e, unsigned kind, uint64_t bits, sw_x64_mem to);
void sw_bl_move(sw_emitter *e, unsigned kind, unsigned to, unsigned from);
void sw_bl_load_const(sw_emitter *e, unsigned kind, unsigned reg, uint64_t bits);

/* Copies the value into reg, whoever owns that; keeps the flags. */
void sw_bl_load_value(sw_emitter *e, const sw_value *v, unsigned reg);
/* Copies the value to memory; may use the scratch register; keeps the flags. */
void sw_bl_store_value(sw_emitter *e, const sw_value *v, sw_x64_mem to);

/* A register with the value that may be overwritten; v owns it. */
unsigned sw_bl_own(sw_emitter *e, sw_value *v);

/* A register with the value, for reading only. Values in memory and constants are loaded into a
 * temporary, which v then owns. */
static inline unsigned sw_bl_use(sw_emitter *e, sw_value *v)
{
    if (v->where == SW_IN_REG) {
        return v->reg;
    }
    if (v->where == SW_IN_LOCAL && e->locals[v->index].pin != SW_NO_REG) {
        return e->locals[v->index].pin;
    }
    return sw_bl_own(e, v);
}

/* True for a value in the frame: *ret_mem is where. */
static inline bool sw_bl_in_memory(const sw_emitter *e, const sw_value *v, sw_x64_mem *ret_mem)
{
    if (v->where == SW_IN_SLOT) {
        *ret_mem = sw_bl_slot(e, v->index);
        return true;
    }
    if (v->where == SW_IN_LOCAL && e->locals[v->index].pin == SW_NO_REG) {
        *ret_mem = sw_x64_at(SW_RBP, e->locals[v->index].home);
        return true;
    }
    return false;
}

/* A constant that an instruction can hold as a sign-extended 32-bit immediate. */
static inline bool sw_bl_is_imm(const sw_value *v)
{
    return v->where == SW_IN_CONST &&
           (v->kind == SW_KIND_I32 || (int64_t)v->bits == (int32_t)v->bits);
}

static inline bool sw_bl_is_pinned(const sw_emitter *e, const sw_value *v)
{
    return v->where == SW_IN_LOCAL && e->locals[v->index].pin != SW_NO_REG;
}

/* In a register already, owned or pinned. */
static inline bool sw_bl_has_reg(const sw_emitter *e, const sw_value *v)
{
    return v->where == SW_IN_REG || sw_bl_is_pinned(e, v);
}

/* Stores the entry in its slot. */
void sw_bl_spill(sw_emitter *e, uint32_t entry);
/* Everything below `height` that is not constant goes to its slot. */
void sw_bl_flush(sw_emitter *e, uint32_t height);
/* Temporaries below `height` go to their slots: a call is coming. */
void sw_bl_spill_regs(sw_emitter *e, uint32_t height);
void sw_bl_flush_local_slow(sw_emitter *e, uint32_t local);

/* The local is about to be written: entries that still mean its old value get a copy. */
static inline void sw_bl_flush_local(sw_emitter *e, uint32_t local)
{
    if (SW_UNLIKELY(e->locals[local].lazies != 0)) {
        sw_bl_flush_local_slow(e, local);
    }
}

void sw_bl_mirror_slow(sw_emitter *e, uint32_t local);

/* The local has been written to its pin: to its home, too, if it is mirrored. Keeps the flags. */
static inline void sw_bl_mirror(sw_emitter *e, uint32_t local)
{
    if (SW_UNLIKELY(e->locals[local].is_mirrored)) {
        sw_bl_mirror_slow(e, local);
    }
}

/* Pops down to height. */
void sw_bl_drop_to(sw_emitter *e, uint32_t height);

/*
 * Where a result goes. When the next instruction is local.set or local.tee of a pinned local, the
 * result is computed in that local's register and the instruction is consumed by sw_bl_finish.
 */
typedef struct sw_dest {
    uint8_t kind;
    uint8_t reg; /* SW_NO_REG: not chosen */
    bool is_local, is_tee;
    uint32_t local;
    const uint8_t *next; /* the instruction after the consumed one */
} sw_dest;

sw_dest sw_bl_dest_local(sw_emitter *e, unsigned kind);

/* Call it when all operands are popped. */
static inline sw_dest sw_bl_dest(sw_emitter *e, unsigned kind)
{
    if (*e->pos == SW_OP_LOCAL_SET || *e->pos == SW_OP_LOCAL_TEE) {
        return sw_bl_dest_local(e, kind);
    }
    return (sw_dest){.kind = (uint8_t)kind, .reg = SW_NO_REG};
}

/* The operand is the very local that the result goes to. */
static inline bool sw_bl_is_dest(const sw_dest *d, const sw_value *v)
{
    return d->is_local && v->where == SW_IN_LOCAL && v->index == d->local;
}

/* Gives up the local: the result goes to a temporary. */
static inline void sw_bl_dest_decline(sw_dest *d)
{
    d->is_local = false;
    d->reg = SW_NO_REG;
}

/* Chooses a register for a result whose code reads all operands before it writes: that of the
 * local, else that of an operand, else a new one. Releases the operands' registers; b may be
 * NULL. */
unsigned sw_bl_dest_reg(sw_emitter *e, sw_dest *d, const sw_value *a, const sw_value *b);

/* A register that no operand has. Releases nothing. */
static inline unsigned sw_bl_dest_fresh(sw_emitter *e, sw_dest *d)
{
    if (!d->is_local) {
        d->reg = (uint8_t)sw_bl_alloc(e, d->kind);
    }
    return d->reg;
}

/* Pushes the result, or consumes the local.set or local.tee. */
static inline void sw_bl_finish(sw_emitter *e, const sw_dest *d)
{
    if (!d->is_local) {
        sw_bl_push_reg(e, d->kind, d->reg);
        return;
    }
    e->pos = d->next;
    sw_bl_mirror(e, d->local);
    if (d->is_tee) {
        sw_bl_push_local(e, d->local);
    }
}

/* ---- frame.c --------------------------------------------------------------------------------- */

/* Chooses pins, lays out the frame, emits the prologue. */
void sw_bl_prologue(sw_emitter *e);
/* Restores and returns; results are where the function's label wants them. */
void sw_bl_epilogue(sw_emitter *e);
/* Around calls: pinned locals in caller-saved registers. */
void sw_bl_save_pins(sw_emitter *e);
void sw_bl_restore_pins(sw_emitter *e);

/* ---- loops.c --------------------------------------------------------------------------------- */

/* At the head of a loop whose label is open and before which all is flushed: pins what pays. */
void sw_bl_enter_loop(sw_emitter *e);
/* At the loop's end, its label still open. */
void sw_bl_leave_loop(sw_emitter *e);
/* Loads these of e->loop_pins from their homes. */
void sw_bl_reload_loop_pins(sw_emitter *e, uint32_t start, uint32_t count);

/* ---- cold.c ---------------------------------------------------------------------------------- */

/* jcc to a trap. cc is none of the float pairs. */
void sw_bl_trap_if(sw_emitter *e, sw_x64_cc cc, sw_trap reason);
/* jcc to code that is described by c; returns its index in e->cold, for return_to. */
uint32_t sw_bl_cold_if(sw_emitter *e, sw_x64_cc cc, sw_cold c);
/* The present position is where the cold code goes on. */
void sw_bl_cold_return_here(sw_emitter *e, uint32_t cold);
void sw_bl_emit_cold(sw_emitter *e);

/* ---- control.c ------------------------------------------------------------------------------- */

/* Uses a condition that is in the flags: by the branch, if or select that follows, else as an
 * i32. */
void sw_bl_consume_condition(sw_emitter *e, sw_x64_cc cc);
/* Whether the next instruction can use the flags (for kind I64: i64.eqz only). */
bool sw_bl_next_takes_flags(const sw_emitter *e, unsigned kind);
/* A jcc or two over a short stretch: returns the number of rel8 fields left in at[]. */
unsigned sw_bl_short_jumps(sw_emitter *e, sw_x64_cc cc, uint8_t *at[2]);
void sw_bl_short_land(sw_emitter *e, uint8_t *const *at, unsigned count);
/* One forward jump over a short stretch. */
uint8_t *sw_bl_short_jump(sw_emitter *e, sw_x64_cc cc);
uint8_t *sw_bl_short_jump_always(sw_emitter *e);
void sw_bl_land(sw_emitter *e, uint8_t *at);
/* The function's own label. */
void sw_bl_enter_func(sw_emitter *e);
/* Adds a patch to a list; gives its new head. */
uint32_t sw_bl_add_patch(sw_emitter *e, uint32_t head, uint32_t at, uint32_t origin);

/* ---- call.c ---------------------------------------------------------------------------------- */

/* Calls a helper with `first` (when not UINT64_MAX) and the top `count` values as arguments, which
 * are popped; pushes a result of this kind unless it is SW_NO_REG. */
void sw_bl_helper(sw_emitter *e, sw_helper helper, uint64_t first, unsigned count, unsigned result);

/* The code of sw_baseline_emit_thunk. */
void sw_bl_thunk(sw_emitter *e, uint32_t import);
/* The end of the function: its label's values become results as the ABI has them. */
void sw_bl_return(sw_emitter *e);

/* ---- vars.c ---------------------------------------------------------------------------------- */

/* Where table t's view is. May load its address into the register `through`. */
sw_x64_mem sw_bl_table_view(sw_emitter *e, uint32_t t, unsigned through);

/* ---- lowerings, by file ---------------------------------------------------------------------- */

sw_lower_fn sw_lower_unreachable, sw_lower_nop, sw_lower_block, sw_lower_loop, sw_lower_if,
    sw_lower_else, sw_lower_end, sw_lower_br, sw_lower_br_if, sw_lower_br_table, sw_lower_return,
    sw_lower_select, sw_lower_select_typed;
sw_lower_fn sw_lower_call, sw_lower_call_indirect;
sw_lower_fn sw_lower_drop, sw_lower_local_get, sw_lower_local_set, sw_lower_local_tee,
    sw_lower_global_get, sw_lower_global_set, sw_lower_table_get, sw_lower_table_set,
    sw_lower_table_size, sw_lower_ref_null, sw_lower_ref_is_null, sw_lower_ref_func, sw_lower_const;
sw_lower_fn sw_lower_load, sw_lower_store, sw_lower_memory_size, sw_lower_memory_grow,
    sw_lower_memory_init, sw_lower_memory_copy, sw_lower_memory_fill, sw_lower_table_init,
    sw_lower_table_copy, sw_lower_table_grow, sw_lower_table_fill, sw_lower_segment_drop;
sw_lower_fn sw_lower_alu, sw_lower_mul, sw_lower_div, sw_lower_shift, sw_lower_rotate,
    sw_lower_compare, sw_lower_eqz, sw_lower_count_bits, sw_lower_extend, sw_lower_wrap,
    sw_lower_extend_u;
sw_lower_fn sw_lower_float_binary, sw_lower_float_min_max, sw_lower_float_compare,
    sw_lower_float_sqrt, sw_lower_float_round, sw_lower_float_sign, sw_lower_float_copysign,
    sw_lower_trunc, sw_lower_trunc_sat, sw_lower_to_float, sw_lower_float_to_float,
    sw_lower_reinterpret_to_int, sw_lower_reinterpret_to_float;
