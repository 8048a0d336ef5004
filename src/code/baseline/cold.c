/* Code that is seldom run: traps, the interruption check's call, the hard cases of conversions. */
#include "code/baseline/emitter.h"

uint32_t sw_bl_cold_if(sw_emitter *e, sw_x64_cc cc, sw_cold c)
{
    assert(cc < SW_CC_FLOAT_EQ);
    sw_x64_u8(&e->as, 0x0f);
    sw_x64_u8(&e->as, 0x80 | cc);
    c.jump_at = sw_bl_pos(e);
    c.wasm_offset = (uint32_t)(e->instruction - e->m->bytes.ptr);
    sw_x64_u32(&e->as, 0);
    c.return_to = sw_bl_pos(e);
    if (sw_vec_push(&e->cold, c) != SW_OK) {
        sw_bl_fail(e, SW_NO_MEMORY);
        return 0;
    }
    return (uint32_t)(e->cold.count - 1);
}

void sw_bl_cold_return_here(sw_emitter *e, uint32_t cold)
{
    if (e->status == SW_OK) {
        e->cold.at[cold].return_to = sw_bl_pos(e);
    }
}

void sw_bl_trap_if(sw_emitter *e, sw_x64_cc cc, sw_trap reason)
{
    (void)sw_bl_cold_if(e, cc, (sw_cold){.kind = SW_COLD_TRAP, .reason = (uint8_t)reason});
}

static void jump_back(sw_emitter *e, const sw_cold *c)
{
    sw_x64_u8(&e->as, 0xe9);
    sw_x64_u32(&e->as, c->return_to - (sw_bl_pos(e) + 4));
}

static void emit_interrupt(sw_emitter *e, const sw_cold *c)
{
    sw_bl_save_pins(e);
    sw_x64_rr(&e->as, SW_X64_MOV | SW_X64_W, SW_RDI, SW_BASE);
    sw_bl_load(e, SW_KIND_I64, SW_RAX, sw_x64_at(SW_BASE, -SW_CTX_HELPERS));
    sw_x64_rm(&e->as, 0xff, 2, sw_x64_at(SW_RAX, 8 * SW_HELPER_INTERRUPT));
    sw_bl_restore_pins(e);
    sw_bl_reload_loop_pins(e, c->loop_pins_start, c->loop_pins_count);
    jump_back(e, c);
}

/* Compares the source with a float constant, given as the int64_t it equals. */
static void compare_float(sw_emitter *e, const sw_cold *c, int64_t with)
{
    union {
        float f;
        uint32_t u;
    } f32 = {.f = (float)with};
    union {
        double f;
        uint64_t u;
    } f64 = {.f = (double)with};
    sw_bl_load_const(e, c->from, SW_XSCRATCH, c->from == SW_KIND_F32 ? f32.u : f64.u);
    sw_x64_vrr(&e->as, SW_X64_UCOMISS | sw_kind_packed(c->from), c->source, 0, SW_XSCRATCH);
}

/* A trapping conversion has failed, except that -2^63 to i64 only looks like a failure. */
static void emit_trunc(sw_emitter *e, const sw_cold *c)
{
    sw_x64_vrr(&e->as, SW_X64_UCOMISS | sw_kind_packed(c->from), c->source, 0, c->source);
    uint8_t *ordered = sw_bl_short_jump(e, SW_CC_NP);
    sw_x64_trap(&e->as, SW_TRAP_INVALID_CONVERSION);
    sw_bl_land(e, ordered);
    if (c->to == SW_KIND_I64 && c->is_signed) {
        compare_float(e, c, INT64_MIN);
        uint8_t *differs = sw_bl_short_jump(e, SW_CC_NE);
        jump_back(e, c);
        sw_bl_land(e, differs);
    }
    sw_x64_trap(&e->as, SW_TRAP_INTEGER_OVERFLOW);
}

/* A saturating conversion has failed: 0 for NaN, the least value for negative ones, else the
 * greatest. For i64 the processor's answer for -2^63 is right and the same as the least value. */
static void emit_trunc_sat(sw_emitter *e, const sw_cold *c)
{
    bool is_wide = c->to == SW_KIND_I64;
    uint64_t least = !c->is_signed ? 0 : is_wide ? (uint64_t)INT64_MIN : (uint32_t)INT32_MIN;
    uint64_t greatest = is_wide ? UINT64_MAX : UINT32_MAX;
    if (c->is_signed) {
        greatest >>= 1;
    }
    compare_float(e, c, 0);
    sw_x64_mov_imm(&e->as, c->dest, 0);
    uint8_t *is_nan = sw_bl_short_jump(e, SW_CC_P);
    sw_x64_mov_imm(&e->as, c->dest, least);
    uint8_t *is_negative = sw_bl_short_jump(e, SW_CC_B);
    sw_x64_mov_imm(&e->as, c->dest, greatest);
    sw_bl_land(e, is_nan);
    sw_bl_land(e, is_negative);
    jump_back(e, c);
}

/* u64 with the top bit set: half of it, the lost bit kept sticky for the rounding, then doubled. */
static void emit_u64_float(sw_emitter *e, const sw_cold *c)
{
    sw_x64 *a = &e->as;
    sw_x64_rr(a, SW_X64_MOV | SW_X64_W, SW_SCRATCH, c->source);
    sw_x64_shift_imm(a, SW_X64_W, SW_DIGIT_SHR, SW_SCRATCH, 1);
    uint8_t *no_carry = sw_bl_short_jump(e, SW_CC_AE);
    sw_x64_group_imm(a, SW_X64_W, SW_DIGIT_OR, SW_SCRATCH, 1);
    sw_bl_land(e, no_carry);
    unsigned scalar = SW_X64_0F | sw_kind_scalar(c->to);
    sw_x64_vrr(a, SW_X64_XORPS, c->dest, c->dest, c->dest);
    sw_x64_vrr(a, 0x2a | SW_X64_W | scalar, c->dest, c->dest, SW_SCRATCH);
    sw_x64_vrr(a, 0x58 | scalar, c->dest, c->dest, c->dest);
    jump_back(e, c);
}

/* Float to u64 did not fit i64: take 2^63 away, convert, put it back. What still does not fit was
 * negative, too large or NaN. */
static void emit_float_u64(sw_emitter *e, const sw_cold *c)
{
    sw_x64 *a = &e->as;
    unsigned scalar = SW_X64_0F | sw_kind_scalar(c->from);
    uint64_t two_63 = c->from == SW_KIND_F32 ? UINT64_C(0x5f000000) : UINT64_C(0x43e0) << 48;
    sw_bl_load_const(e, c->from, SW_XSCRATCH, two_63);
    sw_x64_vrr(a, 0x5c | scalar, SW_XSCRATCH, c->source, SW_XSCRATCH);
    sw_x64_vrr(a, 0x2c | SW_X64_W | scalar, c->dest, 0, SW_XSCRATCH);
    sw_x64_rr(a, SW_X64_TEST | SW_X64_W, c->dest, c->dest);
    uint8_t *failed = sw_bl_short_jump(e, SW_CC_S);
    sw_x64_mov_imm(a, SW_SCRATCH, (uint64_t)INT64_MIN);
    sw_x64_rr(a, SW_X64_XOR | SW_X64_W, c->dest, SW_SCRATCH);
    jump_back(e, c);
    sw_bl_land(e, failed);
    if (c->is_saturating) {
        emit_trunc_sat(e, c);
    } else {
        emit_trunc(e, c);
    }
}

static void emit_one(sw_emitter *e, const sw_cold *c)
{
    switch ((sw_cold_kind)c->kind) {
    case SW_COLD_TRAP: sw_x64_trap(&e->as, c->reason); break;
    case SW_COLD_INTERRUPT: emit_interrupt(e, c); break;
    case SW_COLD_TRUNC: emit_trunc(e, c); break;
    case SW_COLD_TRUNC_SAT: emit_trunc_sat(e, c); break;
    case SW_COLD_U64_FLOAT: emit_u64_float(e, c); break;
    case SW_COLD_FLOAT_U64: emit_float_u64(e, c); break;
    }
}

void sw_bl_emit_cold(sw_emitter *e)
{
    for (size_t i = 0; i < e->cold.count && sw_bl_ensure(e, SW_EMIT_ROOM); i++) {
        const sw_cold *c = &e->cold.at[i];
        uint32_t at = sw_bl_pos(e);
        uint32_t distance = at - (c->jump_at + 4);
        memcpy(e->code->ptr + c->jump_at, &distance, 4);
        if (at <= e->find_pc) {
            e->found_offset = c->wasm_offset;
        }
        emit_one(e, c);
    }
}
