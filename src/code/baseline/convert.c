/*
 * Conversions between integers and floats. The common case is inline; what does not fit goes to
 * code after the function, which traps, saturates or does it the long way (cold.c).
 */
#include "code/baseline/emitter.h"

/* The hot part of both kinds of truncation: dest, or a jump to the cold code. */
static void truncate(sw_emitter *e, sw_cold c)
{
    sw_x64 *a = &e->as;
    sw_x64_op convert = 0x2c | SW_X64_0F | SW_X64_W | sw_kind_scalar(c.from);
    sw_x64_vrr(a, convert, c.dest, 0, c.source);
    if (c.to == SW_KIND_I64 && c.is_signed) {
        sw_x64_group_imm(a, SW_X64_W, SW_DIGIT_CMP, c.dest, 1); /* overflows for -2^63 only */
        (void)sw_bl_cold_if(e, SW_CC_O, c);
    } else if (c.to == SW_KIND_I64) {
        c.kind = SW_COLD_FLOAT_U64;
        sw_x64_rr(a, SW_X64_TEST | SW_X64_W, c.dest, c.dest);
        (void)sw_bl_cold_if(e, SW_CC_S, c);
    } else {
        sw_x64_rr(a, c.is_signed ? SW_X64_MOVSXD : SW_X64_MOV, SW_SCRATCH, c.dest);
        sw_x64_rr(a, SW_X64_CMP | SW_X64_W, SW_SCRATCH, c.dest);
        (void)sw_bl_cold_if(e, SW_CC_NE, c);
        if (c.is_signed) {
            sw_x64_rr(a, SW_X64_MOV, c.dest, c.dest);
        }
    }
}

/* row->kind: of the float, row->to: of the integer, row->detail: signed. */
static void lower_truncation(sw_emitter *e, const sw_row *row, bool is_saturating)
{
    sw_value v = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, row->to);
    unsigned source = sw_bl_use(e, &v);
    unsigned dest = sw_bl_dest_fresh(e, &d);
    truncate(e, (sw_cold){.kind = is_saturating ? SW_COLD_TRUNC_SAT : SW_COLD_TRUNC,
                          .from = row->kind,
                          .to = row->to,
                          .is_signed = row->detail,
                          .is_saturating = is_saturating,
                          .source = (uint8_t)source,
                          .dest = (uint8_t)dest});
    sw_bl_release(e, &v);
    sw_bl_finish(e, &d);
}

void sw_lower_trunc(sw_emitter *e, const sw_row *row)
{
    lower_truncation(e, row, false);
}

void sw_lower_trunc_sat(sw_emitter *e, const sw_row *row)
{
    lower_truncation(e, row, true);
}

/* row->kind: of the integer, row->to: of the float, row->detail: signed. The result's register is
 * cleared first, because the instruction keeps its upper part and would wait for it. */
void sw_lower_to_float(sw_emitter *e, const sw_row *row)
{
    sw_x64 *a = &e->as;
    sw_value v = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, row->to);
    unsigned source = sw_bl_use(e, &v);
    unsigned dest = sw_bl_dest_fresh(e, &d);
    bool is_u64 = row->kind == SW_KIND_I64 && !row->detail;
    bool is_wide = row->kind == SW_KIND_I64 || !row->detail;
    uint32_t cold = 0;
    sw_x64_vrr(a, SW_X64_XORPS, dest, dest, dest);
    if (is_u64) {
        sw_x64_rr(a, SW_X64_TEST | SW_X64_W, source, source);
        cold = sw_bl_cold_if(e, SW_CC_S,
                             (sw_cold){.kind = SW_COLD_U64_FLOAT,
                                       .to = row->to,
                                       .source = (uint8_t)source,
                                       .dest = (uint8_t)dest});
    }
    sw_x64_op op = 0x2a | SW_X64_0F | sw_kind_scalar(row->to) | (is_wide ? SW_X64_W : 0);
    sw_x64_vrr(a, op, dest, dest, source);
    if (is_u64) {
        sw_bl_cold_return_here(e, cold);
    }
    sw_bl_release(e, &v);
    sw_bl_finish(e, &d);
}

void sw_lower_float_to_float(sw_emitter *e, const sw_row *row)
{
    sw_value v = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, row->to);
    unsigned from = sw_bl_use(e, &v);
    unsigned reg = sw_bl_dest_reg(e, &d, &v, NULL);
    sw_x64_vrr(&e->as, 0x5a | SW_X64_0F | sw_kind_scalar(row->kind), reg, from, from);
    sw_bl_finish(e, &d);
}

/* Constants and values in memory only change their name. */
static bool reinterpret_in_place(sw_emitter *e, const sw_row *row, const sw_value *v)
{
    sw_x64_mem m;
    if (v->where == SW_IN_CONST) {
        sw_bl_push_const(e, row->to, v->bits);
        return true;
    }
    if (!sw_bl_in_memory(e, v, &m)) {
        return false;
    }
    sw_dest d = sw_bl_dest(e, row->to);
    sw_bl_load(e, row->to, sw_bl_dest_fresh(e, &d), m);
    sw_bl_finish(e, &d);
    return true;
}

void sw_lower_reinterpret_to_int(sw_emitter *e, const sw_row *row)
{
    sw_value v = sw_bl_pop(e);
    if (reinterpret_in_place(e, row, &v)) {
        return;
    }
    sw_dest d = sw_bl_dest(e, row->to);
    unsigned from = sw_bl_use(e, &v);
    sw_x64_op op = SW_X64_MOVD_FROM_XMM | sw_kind_w(row->to);
    sw_x64_vrr(&e->as, op, from, 0, sw_bl_dest_fresh(e, &d));
    sw_bl_release(e, &v);
    sw_bl_finish(e, &d);
}

void sw_lower_reinterpret_to_float(sw_emitter *e, const sw_row *row)
{
    sw_value v = sw_bl_pop(e);
    if (reinterpret_in_place(e, row, &v)) {
        return;
    }
    sw_dest d = sw_bl_dest(e, row->to);
    unsigned from = sw_bl_use(e, &v);
    sw_x64_op op = SW_X64_MOVD_TO_XMM | sw_kind_w(row->kind);
    sw_x64_vrr(&e->as, op, sw_bl_dest_fresh(e, &d), 0, from);
    sw_bl_release(e, &v);
    sw_bl_finish(e, &d);
}
