/* The stack of value descriptions and the registers they own; see emitter.h for the invariants. */
#include "code/baseline/emitter.h"

void sw_bl_fail(sw_emitter *e, sw_status st)
{
    if (e->status == SW_OK) {
        e->status = st;
    }
    e->limit = e->as.at;
}

bool sw_bl_ensure_slow(sw_emitter *e, size_t size_bytes)
{
    if (e->status != SW_OK) {
        return false;
    }
    sw_buf *code = e->code;
    code->len = sw_bl_pos(e);
    if (code->len - e->start > e->max_bytes) {
        sw_bl_fail(e, SW_LIMIT);
        return false;
    }
    if (sw_buf_reserve(code, size_bytes) == NULL) {
        sw_bl_fail(e, sw_buf_status(code));
        return false;
    }
    e->as.at = code->ptr + code->len;
    e->limit = code->ptr + code->capacity;
    return true;
}

void sw_bl_load(sw_emitter *e, unsigned kind, unsigned reg, sw_x64_mem from)
{
    if (sw_kind_is_float(kind)) {
        sw_x64_vrm(&e->as, 0x10 | SW_X64_0F | sw_kind_scalar(kind), reg, 0, from);
    } else {
        sw_x64_rm(&e->as, SW_X64_MOV | sw_kind_w(kind), reg, from);
    }
}

void sw_bl_store(sw_emitter *e, unsigned kind, unsigned reg, sw_x64_mem to)
{
    if (sw_kind_is_float(kind)) {
        sw_x64_vrm(&e->as, 0x11 | SW_X64_0F | sw_kind_scalar(kind), reg, 0, to);
    } else {
        sw_x64_rm(&e->as, SW_X64_MOV_STORE | sw_kind_w(kind), reg, to);
    }
}

void sw_bl_store_const(sw_emitter *e, unsigned kind, uint64_t bits, sw_x64_mem to)
{
    if (sw_kind_w(kind) == 0 || (int64_t)bits == (int32_t)bits) {
        sw_x64_rm(&e->as, 0xc7 | sw_kind_w(kind), 0, to);
        sw_x64_u32(&e->as, (uint32_t)bits);
        return;
    }
    sw_x64_mov_imm(&e->as, SW_SCRATCH, bits);
    sw_x64_rm(&e->as, SW_X64_MOV_STORE | SW_X64_W, SW_SCRATCH, to);
}

void sw_bl_move(sw_emitter *e, unsigned kind, unsigned to, unsigned from)
{
    if (to == from) {
        return;
    }
    if (sw_kind_is_float(kind)) {
        sw_x64_vrr(&e->as, SW_X64_MOVAPS, to, 0, from);
    } else {
        sw_x64_rr(&e->as, SW_X64_MOV | sw_kind_w(kind), to, from);
    }
}

void sw_bl_load_const(sw_emitter *e, unsigned kind, unsigned reg, uint64_t bits)
{
    if (!sw_kind_is_float(kind)) {
        sw_x64_mov_imm(&e->as, reg, bits);
    } else if (bits == 0) {
        sw_x64_vrr(&e->as, SW_X64_XORPS, reg, reg, reg);
    } else {
        sw_x64_mov_imm(&e->as, SW_SCRATCH, bits);
        sw_x64_vrr(&e->as, SW_X64_MOVD_TO_XMM | sw_kind_w(kind), reg, 0, SW_SCRATCH);
    }
}

void sw_bl_load_value(sw_emitter *e, const sw_value *v, unsigned reg)
{
    sw_x64_mem m;
    if (sw_bl_in_memory(e, v, &m)) {
        sw_bl_load(e, v->kind, reg, m);
    } else if (v->where == SW_IN_REG) {
        sw_bl_move(e, v->kind, reg, v->reg);
    } else if (v->where == SW_IN_CONST) {
        sw_bl_load_const(e, v->kind, reg, v->bits);
    } else {
        sw_bl_move(e, v->kind, reg, e->locals[v->index].pin);
    }
}

void sw_bl_store_value(sw_emitter *e, const sw_value *v, sw_x64_mem to)
{
    sw_x64_mem from;
    if (sw_bl_in_memory(e, v, &from)) {
        unsigned kind = v->kind & 1;
        sw_bl_load(e, kind, SW_SCRATCH, from);
        sw_bl_store(e, kind, SW_SCRATCH, to);
    } else if (v->where == SW_IN_CONST) {
        sw_bl_store_const(e, v->kind, v->bits, to);
    } else {
        unsigned reg = v->where == SW_IN_REG ? v->reg : e->locals[v->index].pin;
        sw_bl_store(e, v->kind, reg, to);
    }
}

void sw_bl_spill(sw_emitter *e, uint32_t entry)
{
    sw_value *v = &e->stack[entry];
    if (v->where == SW_IN_SLOT) {
        return;
    }
    sw_bl_store_value(e, v, sw_bl_slot(e, entry));
    if (v->where == SW_IN_LOCAL) {
        e->locals[v->index].lazies--;
    }
    sw_bl_release(e, v);
    v->where = SW_IN_SLOT;
    v->index = entry;
}

void sw_bl_flush(sw_emitter *e, uint32_t height)
{
    for (uint32_t i = e->flushed; i < height; i++) {
        if (e->stack[i].where != SW_IN_CONST) {
            sw_bl_spill(e, i);
        }
    }
    e->flushed = SW_MAX(e->flushed, height);
}

void sw_bl_spill_regs(sw_emitter *e, uint32_t height)
{
    if (e->free_ints == e->temp_ints && e->free_floats == e->temp_floats) {
        return;
    }
    for (uint32_t i = e->flushed; i < height; i++) {
        if (e->stack[i].where == SW_IN_REG) {
            sw_bl_spill(e, i);
        }
    }
}

unsigned sw_bl_alloc_slow(sw_emitter *e, unsigned kind)
{
    uint32_t *mask = sw_kind_is_float(kind) ? &e->free_floats : &e->free_ints;
    for (uint32_t i = e->flushed; i < e->height && *mask == 0; i++) {
        const sw_value *v = &e->stack[i];
        if (v->where == SW_IN_REG && sw_kind_is_float(v->kind) == sw_kind_is_float(kind)) {
            sw_bl_spill(e, i);
        }
    }
    if (*mask == 0) {
        assert(false);
        sw_bl_fail(e, SW_UNSUPPORTED);
        return SW_RAX;
    }
    return sw_bl_alloc(e, kind);
}

void sw_bl_take(sw_emitter *e, unsigned kind, unsigned reg)
{
    bool is_float = sw_kind_is_float(kind);
    uint32_t *mask = is_float ? &e->free_floats : &e->free_ints;
    if ((*mask & sw_bl_bit(reg)) != 0) {
        *mask &= ~sw_bl_bit(reg);
        return;
    }
    for (uint32_t i = e->flushed; i < e->height; i++) {
        sw_value *v = &e->stack[i];
        if (v->where != SW_IN_REG || v->reg != reg || sw_kind_is_float(v->kind) != is_float) {
            continue;
        }
        if (*mask != 0) {
            v->reg = (uint8_t)sw_bl_alloc(e, kind);
            sw_bl_move(e, v->kind, v->reg, reg);
        } else {
            sw_bl_spill(e, i);
            *mask &= ~sw_bl_bit(reg);
        }
        return;
    }
}

unsigned sw_bl_own(sw_emitter *e, sw_value *v)
{
    if (v->where != SW_IN_REG) {
        unsigned reg = sw_bl_alloc(e, v->kind);
        sw_bl_load_value(e, v, reg);
        v->where = SW_IN_REG;
        v->reg = (uint8_t)reg;
    }
    return v->reg;
}

void sw_bl_flush_local_slow(sw_emitter *e, uint32_t local)
{
    sw_local *l = &e->locals[local];
    uint32_t free_regs = sw_kind_is_float(l->kind) ? e->free_floats : e->free_ints;
    for (uint32_t i = e->height; l->lazies != 0; i--) {
        assert(i > e->flushed);
        sw_value *v = &e->stack[i - 1];
        if (v->where != SW_IN_LOCAL || v->index != local) {
            continue;
        }
        if (free_regs != 0) {
            (void)sw_bl_own(e, v);
            l->lazies--;
        } else {
            sw_bl_spill(e, i - 1);
        }
        free_regs = sw_kind_is_float(l->kind) ? e->free_floats : e->free_ints;
    }
}

void sw_bl_drop_to(sw_emitter *e, uint32_t height)
{
    while (e->height > height) {
        sw_value v = sw_bl_pop(e);
        sw_bl_release(e, &v);
    }
}

sw_dest sw_bl_dest_local(sw_emitter *e, unsigned kind)
{
    const uint8_t *next = e->pos + 1;
    uint32_t local = sw_leb_next_u32(&next);
    const sw_local *l = &e->locals[local];
    if (l->pin == SW_NO_REG) {
        return (sw_dest){.kind = (uint8_t)kind, .reg = SW_NO_REG};
    }
    assert(l->kind == kind);
    sw_bl_flush_local(e, local);
    return (sw_dest){
        .kind = (uint8_t)kind,
        .reg = l->pin,
        .is_local = true,
        .is_tee = *e->pos == SW_OP_LOCAL_TEE,
        .local = local,
        .next = next,
    };
}

unsigned sw_bl_dest_reg(sw_emitter *e, sw_dest *d, const sw_value *a, const sw_value *b)
{
    bool is_float = sw_kind_is_float(d->kind);
    const sw_value *reused = NULL;
    if (!d->is_local) {
        if (a->where == SW_IN_REG && sw_kind_is_float(a->kind) == is_float) {
            reused = a;
        } else if (b != NULL && b->where == SW_IN_REG && sw_kind_is_float(b->kind) == is_float) {
            reused = b;
        }
    }
    if (a != reused) {
        sw_bl_release(e, a);
    }
    if (b != NULL && b != reused) {
        sw_bl_release(e, b);
    }
    if (!d->is_local) {
        d->reg = reused != NULL ? reused->reg : (uint8_t)sw_bl_alloc(e, d->kind);
    }
    return d->reg;
}

void sw_bl_mirror_slow(sw_emitter *e, uint32_t local)
{
    const sw_local *l = &e->locals[local];
    sw_bl_store(e, l->kind, l->pin, sw_x64_at(SW_RBP, l->home));
}
