/* Float arithmetic and comparison, in VEX forms throughout. */
#include "code/baseline/emitter.h"

static void swap(sw_value *a, sw_value *b)
{
    sw_value v = *a;
    *a = *b;
    *b = v;
}

void sw_lower_float_binary(sw_emitter *e, const sw_row *row)
{
    sw_value b = sw_bl_pop(e), a = sw_bl_pop(e);
    sw_x64_op op = row->op | sw_kind_scalar(row->kind);
    bool commutes = row->detail != 0;
    sw_x64_mem m;
    sw_dest d = sw_bl_dest(e, row->kind);
    if (commutes && sw_bl_in_memory(e, &a, &m) && sw_bl_has_reg(e, &b)) {
        swap(&a, &b);
    }
    unsigned first = sw_bl_use(e, &a);
    if (sw_bl_in_memory(e, &b, &m)) {
        sw_x64_vrm(&e->as, op, sw_bl_dest_reg(e, &d, &a, &b), first, m);
    } else {
        unsigned second = sw_bl_use(e, &b);
        sw_x64_vrr(&e->as, op, sw_bl_dest_reg(e, &d, &a, &b), first, second);
    }
    sw_bl_finish(e, &d);
}

/*
 * min and max. minsd gives its second operand for NaN and for two zeroes, so equal operands go
 * through or (min) and and (max), which is right for -0, and NaN through an addition, which makes
 * it quiet. Each path writes the result once, so it may share a register with an operand.
 */
void sw_lower_float_min_max(sw_emitter *e, const sw_row *row)
{
    sw_x64 *as = &e->as;
    sw_value b = sw_bl_pop(e), a = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, row->kind);
    unsigned scalar = SW_X64_0F | sw_kind_scalar(row->kind);
    unsigned first = sw_bl_use(e, &a), second = sw_bl_use(e, &b);
    unsigned reg = sw_bl_dest_reg(e, &d, &a, &b);
    sw_x64_vrr(as, SW_X64_UCOMISS | sw_kind_packed(row->kind), first, 0, second);
    uint8_t *differs = sw_bl_short_jump(e, SW_CC_NE);
    uint8_t *is_nan = sw_bl_short_jump(e, SW_CC_P);
    sw_x64_vrr(as, row->op, reg, first, second);
    uint8_t *done = sw_bl_short_jump_always(e);
    sw_bl_land(e, is_nan);
    sw_x64_vrr(as, 0x58 | scalar, reg, first, second);
    uint8_t *done_nan = sw_bl_short_jump_always(e);
    sw_bl_land(e, differs);
    sw_x64_vrr(as, row->detail | scalar, reg, first, second);
    sw_bl_land(e, done);
    sw_bl_land(e, done_nan);
    sw_bl_finish(e, &d);
}

/* row->detail: the condition; row->to: the operands are exchanged, so that "below", which is true
 * for NaN, need not be used. */
void sw_lower_float_compare(sw_emitter *e, const sw_row *row)
{
    sw_value b = sw_bl_pop(e), a = sw_bl_pop(e);
    sw_x64_op op = SW_X64_UCOMISS | sw_kind_packed(row->kind);
    sw_x64_mem m;
    if (row->to != 0) {
        swap(&a, &b);
    }
    unsigned first = sw_bl_use(e, &a);
    if (sw_bl_in_memory(e, &b, &m)) {
        sw_x64_vrm(&e->as, op, first, 0, m);
    } else {
        sw_x64_vrr(&e->as, op, first, 0, sw_bl_use(e, &b));
    }
    sw_bl_release(e, &a);
    sw_bl_release(e, &b);
    sw_bl_consume_condition(e, (sw_x64_cc)row->detail);
}

void sw_lower_float_sqrt(sw_emitter *e, const sw_row *row)
{
    sw_value v = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, row->kind);
    unsigned from = sw_bl_use(e, &v);
    unsigned reg = sw_bl_dest_reg(e, &d, &v, NULL);
    sw_x64_vrr(&e->as, 0x51 | SW_X64_0F | sw_kind_scalar(row->kind), reg, from, from);
    sw_bl_finish(e, &d);
}

/* row->detail: the rounding mode, without the inexact exception. */
void sw_lower_float_round(sw_emitter *e, const sw_row *row)
{
    sw_value v = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, row->kind);
    unsigned from = sw_bl_use(e, &v);
    unsigned reg = sw_bl_dest_reg(e, &d, &v, NULL);
    sw_x64_op op = (row->kind == SW_KIND_F64 ? 0x0b : 0x0a) | SW_X64_0F3A | SW_X64_66;
    sw_x64_vrr(&e->as, op, reg, from, from);
    sw_x64_u8(&e->as, row->detail);
    sw_bl_finish(e, &d);
}

/* Fills the scratch register with ones and shifts them: digit 2 right, 6 left. */
static void make_mask(sw_emitter *e, unsigned kind, unsigned digit, unsigned count)
{
    sw_x64_op op = (kind == SW_KIND_F64 ? 0x73 : 0x72) | SW_X64_0F | SW_X64_66;
    sw_x64_vrr(&e->as, SW_X64_PCMPEQD, SW_XSCRATCH, SW_XSCRATCH, SW_XSCRATCH);
    sw_x64_vrr(&e->as, op, digit, SW_XSCRATCH, SW_XSCRATCH);
    sw_x64_u8(&e->as, count);
}

static void make_magnitude_mask(sw_emitter *e, unsigned kind)
{
    make_mask(e, kind, 2, 1);
}

static void make_sign_mask(sw_emitter *e, unsigned kind)
{
    make_mask(e, kind, 6, kind == SW_KIND_F64 ? 63 : 31);
}

/* abs and neg: row->op is and or xor. */
void sw_lower_float_sign(sw_emitter *e, const sw_row *row)
{
    sw_value v = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, row->kind);
    unsigned from = sw_bl_use(e, &v);
    if (row->op == SW_X64_ANDPS) {
        make_magnitude_mask(e, row->kind);
    } else {
        make_sign_mask(e, row->kind);
    }
    sw_x64_vrr(&e->as, row->op, sw_bl_dest_reg(e, &d, &v, NULL), from, SW_XSCRATCH);
    sw_bl_finish(e, &d);
}

void sw_lower_float_copysign(sw_emitter *e, const sw_row *row)
{
    sw_value b = sw_bl_pop(e), a = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, row->kind);
    unsigned magnitude = sw_bl_use(e, &a), sign = sw_bl_use(e, &b);
    unsigned part = sw_bl_alloc(e, row->kind);
    make_magnitude_mask(e, row->kind);
    sw_x64_vrr(&e->as, SW_X64_ANDPS, part, magnitude, SW_XSCRATCH);
    sw_x64_vrr(&e->as, SW_X64_ANDNPS, SW_XSCRATCH, SW_XSCRATCH, sign);
    sw_x64_vrr(&e->as, SW_X64_ORPS, sw_bl_dest_reg(e, &d, &a, &b), part, SW_XSCRATCH);
    sw_bl_free_reg(e, row->kind, part);
    sw_bl_finish(e, &d);
}
