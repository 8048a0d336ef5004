/*
 * Which locals are pinned, how the frame is laid out, how a function begins and ends.
 *
 *     [rbp + 8]  return address
 *     [rbp]      caller's rbp
 *                callee-saved registers in use, r13 (functions that call), homes of locals,
 *                slots of the operand stack
 */
#include "code/baseline/emitter.h"

enum {
    MAX_INT_PINS = 8,
    MAX_FLOAT_PINS = 6,
    HIGHEST_FLOAT_PIN = 14,
    ZERO_BY_LOOP_FROM = 32, /* homes */
    PAGE_BYTES = 4096,
};

static const uint8_t int_args[SW_INT_ARGS] = {SW_RDI, SW_RSI, SW_RDX, SW_RCX, SW_R8, SW_R9};

static const uint8_t leaf_pins[MAX_INT_PINS] = {SW_R11, SW_R10, SW_RBX, SW_R14,
                                                SW_R15, SW_R12, SW_R9,  SW_R8};
static const uint8_t call_pins[] = {SW_RBX, SW_R14, SW_R15, SW_R12};

static const uint8_t temp_order[] = {SW_RAX, SW_RDX, SW_RSI, SW_RDI, SW_R8, SW_R9, SW_R10, SW_R11};

static bool is_callee_saved(unsigned reg)
{
    return reg == SW_RBX || reg >= SW_R12;
}

/* The heaviest locals of one class, by falling weight. */
typedef struct ranking {
    uint32_t locals[MAX_INT_PINS];
    uint32_t count, max;
} ranking;

static void rank(ranking *r, const uint32_t *weights, uint32_t local)
{
    uint32_t i = r->count;
    if (i == r->max) {
        if (i == 0 || weights[r->locals[i - 1]] >= weights[local]) {
            return;
        }
        i--;
    } else {
        r->count++;
    }
    while (i > 0 && weights[r->locals[i - 1]] < weights[local]) {
        r->locals[i] = r->locals[i - 1];
        i--;
    }
    r->locals[i] = local;
}

static void pin(sw_emitter *e, uint32_t local, unsigned reg)
{
    sw_local *l = &e->locals[local];
    l->pin = (uint8_t)reg;
    if (sw_kind_is_float(l->kind)) {
        e->temp_floats &= ~sw_bl_bit(reg);
        e->pinned_floats |= sw_bl_bit(reg);
        e->caller_saved[e->caller_saved_count++] = local;
    } else {
        e->temp_ints &= ~sw_bl_bit(reg);
        if (is_callee_saved(reg)) {
            e->saved[e->saved_count++] = (uint8_t)reg;
        } else {
            e->caller_saved[e->caller_saved_count++] = local;
        }
    }
}

static void pin_ints(sw_emitter *e, const ranking *r)
{
    const uint8_t *pins = e->facts->is_leaf ? leaf_pins : call_pins;
    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t weight = e->facts->local_weights[r->locals[i]];
        if (weight >= (is_callee_saved(pins[i]) ? 3 : 2)) {
            pin(e, r->locals[i], pins[i]);
        }
    }
}

/* A pinned float costs a store and a load at every call. */
static void pin_floats(sw_emitter *e, const ranking *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        uint64_t weight = e->facts->local_weights[r->locals[i]];
        if (weight >= 2 && weight > UINT64_C(2) * e->facts->call_weight) {
            pin(e, r->locals[i], HIGHEST_FLOAT_PIN - i);
        }
    }
}

static void choose_pins(sw_emitter *e)
{
    const sw_func_facts *f = e->facts;
    uint32_t int_pins = f->is_leaf ? SW_COUNTOF(leaf_pins) : SW_COUNTOF(call_pins);
    ranking ints = {.max = SW_MIN(int_pins, e->knobs.max_int_pins)};
    ranking floats = {.max = SW_MIN(MAX_FLOAT_PINS, e->knobs.max_float_pins)};
    for (uint32_t i = 0; i < e->type->params_count; i++) { /* the unused ones take places, too */
        e->locals[i] =
            (sw_local){.kind = (uint8_t)sw_kind_of(e->type->params[i]), .pin = SW_NO_REG};
    }
    for (uint32_t i = 0; i < f->used_count; i++) {
        uint32_t local = f->used_locals[i];
        sw_kind kind = sw_kind_of(f->local_types[local]);
        e->locals[local] = (sw_local){.kind = (uint8_t)kind, .pin = SW_NO_REG};
        if (f->local_weights[local] >= 2) {
            rank(sw_kind_is_float(kind) ? &floats : &ints, f->local_weights, local);
        }
    }
    pin_ints(e, &ints);
    pin_floats(e, &floats);
}

/* Of the pinned locals only those in caller-saved registers have a home, where something may
 * destroy them. */
static bool needs_home(const sw_emitter *e, const sw_local *l)
{
    if (l->pin == SW_NO_REG) {
        return true;
    }
    bool survives = !sw_kind_is_float(l->kind) && is_callee_saved(l->pin);
    return !survives && (!e->facts->is_leaf || e->facts->has_loop);
}

static void lay_out_frame(sw_emitter *e)
{
    int32_t disp = -8 * (int32_t)e->saved_count;
    e->unpinned = 0;
    if (!e->facts->is_leaf) {
        disp -= 8;
        e->base_disp = disp;
    }
    for (uint32_t i = 0; i < e->facts->used_count; i++) {
        sw_local *l = &e->locals[e->facts->used_locals[i]];
        if (needs_home(e, l)) {
            disp -= 8;
            l->home = disp;
            e->unpinned += l->pin == SW_NO_REG;
        }
    }
    e->slots_disp = disp - 8;
    int64_t bytes = -(int64_t)disp + INT64_C(8) * e->facts->max_stack;
    e->frame_bytes = (uint32_t)sw_align_up((uint64_t)bytes, 16) - 8 * e->saved_count;
}

static void allocate_frame(sw_emitter *e)
{
    sw_x64 *a = &e->as;
    int32_t bytes = (int32_t)e->frame_bytes;
    if (bytes == 0) {
        return;
    }
    if (bytes <= SW_FRAME_PROBE_BYTES) {
        sw_x64_group_imm(a, SW_X64_W, SW_DIGIT_SUB, SW_RSP, bytes);
        return;
    }
    sw_x64_rm(a, SW_X64_LEA | SW_X64_W, SW_R11, sw_x64_at(SW_RSP, -bytes));
    uint8_t *loop = a->at;
    sw_x64_group_imm(a, SW_X64_W, SW_DIGIT_SUB, SW_RSP, PAGE_BYTES);
    sw_x64_rm(a, SW_X64_TEST, SW_RAX, sw_x64_at(SW_RSP, 0));
    sw_x64_rr(a, SW_X64_CMP | SW_X64_W, SW_RSP, SW_R11);
    sw_x64_u8(a, 0x70 | SW_CC_A);
    sw_x64_u8(a, (uint8_t)(loop - (a->at + 1)));
    sw_x64_rr(a, SW_X64_MOV | SW_X64_W, SW_RSP, SW_R11);
}

/* Moves of parameters into r8 and r9, which bring parameters themselves. */
typedef struct late_moves {
    unsigned from[2]; /* to r8, to r9; SW_NO_REG: none */
    unsigned kind[2];
} late_moves;

static void finish_late_moves(sw_emitter *e, const late_moves *late)
{
    if (late->from[0] == SW_R9 && late->from[1] == SW_R8) {
        sw_x64_rr(&e->as, SW_X64_XCHG | SW_X64_W, SW_R8, SW_R9);
        return;
    }
    unsigned first = late->from[1] == SW_R8 ? 1 : 0;
    for (unsigned i = 0; i < 2; i++) {
        unsigned which = first ^ i;
        if (late->from[which] != SW_NO_REG) {
            sw_bl_move(e, late->kind[which], SW_R8 + which, late->from[which]);
        }
    }
}

static void take_register_param(sw_emitter *e, uint32_t local, unsigned reg, late_moves *late)
{
    const sw_local *l = &e->locals[local];
    bool is_late = !sw_kind_is_float(l->kind) && (l->pin == SW_R8 || l->pin == SW_R9);
    if (is_late) {
        late->from[l->pin - SW_R8] = reg;
        late->kind[l->pin - SW_R8] = l->kind;
    } else if (l->pin != SW_NO_REG) {
        sw_bl_move(e, l->kind, l->pin, reg);
    } else if (l->home != 0) {
        sw_bl_store(e, l->kind, reg, sw_x64_at(SW_RBP, l->home));
    }
}

/* Parameters that came through the overflow area; rax and rcx are free now. */
static void take_overflow_param(sw_emitter *e, uint32_t local, uint32_t overflow)
{
    const sw_local *l = &e->locals[local];
    sw_x64_mem from = sw_x64_at(SW_RAX, 16 * (int32_t)overflow);
    if (overflow == 0) {
        sw_bl_load(e, SW_KIND_I64, SW_RAX, sw_x64_at(SW_BASE, -SW_CTX_ARGS));
    }
    if (l->pin != SW_NO_REG) {
        sw_bl_load(e, l->kind, l->pin, from);
    } else if (l->home != 0) {
        sw_bl_load(e, l->kind & 1, SW_SCRATCH, from);
        sw_bl_store(e, l->kind & 1, SW_SCRATCH, sw_x64_at(SW_RBP, l->home));
    }
}

static void take_params(sw_emitter *e)
{
    late_moves late = {
        .from = {SW_NO_REG, SW_NO_REG}
    };
    uint32_t count = e->type->params_count, overflow = 0;
    uint32_t left[2] = {SW_INT_ARGS, SW_VECTOR_ARGS};
    for (uint32_t i = 0; i < count; i++) {
        bool is_float = sw_kind_is_float(e->locals[i].kind);
        if (left[is_float] != 0) {
            uint32_t n = (is_float ? SW_VECTOR_ARGS : SW_INT_ARGS) - left[is_float]--;
            take_register_param(e, i, is_float ? n : int_args[n], &late);
        }
    }
    finish_late_moves(e, &late);
    left[0] = SW_INT_ARGS;
    left[1] = SW_VECTOR_ARGS;
    for (uint32_t i = 0; i < count; i++) {
        bool is_float = sw_kind_is_float(e->locals[i].kind);
        if (left[is_float] != 0) {
            left[is_float]--;
        } else {
            take_overflow_param(e, i, overflow++);
        }
    }
}

/* Stores zeroes to count homes; lowest is the distance of the one with the lowest address. */
static void zero_homes(sw_emitter *e, int32_t lowest, uint32_t count)
{
    sw_x64 *a = &e->as;
    if (count >= ZERO_BY_LOOP_FROM) {
        sw_x64_rm(a, SW_X64_LEA | SW_X64_W, SW_RDI, sw_x64_at(SW_RBP, lowest));
        sw_x64_rr(a, SW_X64_XOR, SW_RAX, SW_RAX);
        sw_x64_mov_imm(a, SW_RCX, count);
        sw_x64_u8(a, 0xf3); /* rep stosq */
        sw_x64_u8(a, 0x48);
        sw_x64_u8(a, 0xab);
        return;
    }
    if (count > 1) {
        sw_x64_vrr(a, SW_X64_XORPS, SW_XSCRATCH, SW_XSCRATCH, SW_XSCRATCH);
    }
    for (; count > 1; count -= 2, lowest += 16) {
        sw_x64_vrm(a, SW_X64_MOVUPS_STORE, SW_XSCRATCH, 0, sw_x64_at(SW_RBP, lowest));
    }
    if (count != 0) {
        sw_bl_store_const(e, SW_KIND_I64, 0, sw_x64_at(SW_RBP, lowest));
    }
}

/* Homes follow the order of locals, so those to be cleared lie together. Locals that are not used
 * have none, and cost nothing. */
static void zero_locals(sw_emitter *e)
{
    const uint32_t *used = e->facts->used_locals;
    uint32_t count = e->facts->used_count, first = 0;
    int32_t lowest = 0;
    uint32_t homes = 0;
    while (first < count && used[first] < e->type->params_count) {
        first++;
    }
    for (uint32_t i = first; i < count; i++) {
        const sw_local *l = &e->locals[used[i]];
        if (l->home != 0) {
            lowest = l->home;
            homes++;
        }
    }
    zero_homes(e, lowest, homes);
    for (uint32_t i = first; i < count; i++) {
        const sw_local *l = &e->locals[used[i]];
        if (l->pin == SW_NO_REG) {
            continue;
        }
        if (sw_kind_is_float(l->kind)) {
            sw_bl_load_const(e, l->kind, l->pin, 0);
        } else {
            sw_x64_rr(&e->as, SW_X64_XOR, l->pin, l->pin);
        }
    }
}

static uint32_t int_temps(const sw_emitter *e)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < SW_COUNTOF(temp_order) && i < e->knobs.max_int_temps; i++) {
        mask |= sw_bl_bit(temp_order[i]);
    }
    return mask;
}

void sw_bl_prologue(sw_emitter *e)
{
    e->temp_ints = int_temps(e);
    e->temp_floats = 0x7fff; /* all but the scratch register */
    e->pinned_floats = 0;
    e->saved_count = 0;
    e->caller_saved_count = 0;
    choose_pins(e);
    lay_out_frame(e);
    e->free_ints = e->temp_ints;
    e->free_floats = e->temp_floats;

    sw_x64_push(&e->as, SW_RBP);
    sw_x64_rr(&e->as, SW_X64_MOV | SW_X64_W, SW_RBP, SW_RSP);
    for (uint32_t i = 0; i < e->saved_count; i++) {
        sw_x64_push(&e->as, e->saved[i]);
    }
    allocate_frame(e);
    take_params(e);
    zero_locals(e);
}

void sw_bl_epilogue(sw_emitter *e)
{
    sw_x64 *a = &e->as;
    if (e->saved_count == 0) {
        sw_x64_u8(a, 0xc9); /* leave */
    } else {
        if (e->frame_bytes != 0) {
            sw_x64_rm(a, SW_X64_LEA | SW_X64_W, SW_RSP,
                      sw_x64_at(SW_RBP, -8 * (int32_t)e->saved_count));
        }
        for (uint32_t i = e->saved_count; i > 0; i--) {
            sw_x64_pop(a, e->saved[i - 1]);
        }
        sw_x64_pop(a, SW_RBP);
    }
    sw_x64_u8(a, 0xc3);
}

void sw_bl_save_pins(sw_emitter *e)
{
    for (uint32_t i = 0; i < e->caller_saved_count; i++) {
        const sw_local *l = &e->locals[e->caller_saved[i]];
        sw_bl_store(e, l->kind, l->pin, sw_x64_at(SW_RBP, l->home));
    }
}

void sw_bl_restore_pins(sw_emitter *e)
{
    for (uint32_t i = 0; i < e->caller_saved_count; i++) {
        const sw_local *l = &e->locals[e->caller_saved[i]];
        sw_bl_load(e, l->kind, l->pin, sw_x64_at(SW_RBP, l->home));
    }
}
