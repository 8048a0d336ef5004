/* Integer arithmetic and comparison. */
#include "code/baseline/emitter.h"

static void swap(sw_value *a, sw_value *b)
{
    sw_value v = *a;
    *a = *b;
    *b = v;
}

/* op reg, v. digit is that of the immediate form. */
static void apply(sw_emitter *e, const sw_row *row, unsigned reg, sw_value *v)
{
    sw_x64_op op = row->op | sw_kind_w(row->kind);
    sw_x64_mem m;
    if (row->op != SW_X64_IMUL && sw_bl_is_imm(v)) {
        sw_x64_group_imm(&e->as, sw_kind_w(row->kind), row->to, reg, (int32_t)v->bits);
    } else if (sw_bl_in_memory(e, v, &m)) {
        sw_x64_rm(&e->as, op, reg, m);
    } else {
        sw_x64_rr(&e->as, op, reg, sw_bl_use(e, v));
    }
}

/* The general two-operand form: a into the result's register, then op. */
static void binary(sw_emitter *e, const sw_row *row, sw_value *a, sw_value *b)
{
    bool commutes = row->op != SW_X64_SUB;
    sw_dest d = sw_bl_dest(e, row->kind);
    if (sw_bl_is_dest(&d, b) && !sw_bl_is_dest(&d, a)) {
        if (commutes) {
            swap(a, b);
        } else {
            sw_bl_dest_decline(&d);
        }
    }
    if (d.is_local) {
        sw_bl_load_value(e, a, d.reg);
        sw_bl_release(e, a);
    } else {
        if (commutes && a->where != SW_IN_REG && b->where == SW_IN_REG) {
            swap(a, b);
        }
        d.reg = (uint8_t)sw_bl_own(e, a);
    }
    apply(e, row, d.reg, b);
    sw_bl_release(e, b);
    sw_bl_finish(e, &d);
}

/* An addition whose operands are both to be kept, or the subtraction of a constant: lea. False: not
 * the case. */
static bool add_by_lea(sw_emitter *e, const sw_row *row, sw_value *a, sw_value *b)
{
    bool is_imm = sw_bl_is_imm(b) && (int32_t)b->bits != INT32_MIN;
    if (!sw_bl_has_reg(e, a) || !(is_imm || (row->op == SW_X64_ADD && sw_bl_has_reg(e, b)))) {
        return false;
    }
    sw_dest d = sw_bl_dest(e, row->kind);
    bool in_place = d.is_local ? sw_bl_is_dest(&d, a) || sw_bl_is_dest(&d, b)
                               : a->where == SW_IN_REG || b->where == SW_IN_REG;
    if (in_place) {
        return false;
    }
    unsigned base = sw_bl_use(e, a);
    int32_t bits = (int32_t)(uint32_t)b->bits;
    int32_t imm = !is_imm ? 0 : row->op == SW_X64_ADD ? bits : -bits;
    sw_x64_mem m = is_imm ? sw_x64_at(base, imm) : sw_x64_at_index(base, sw_bl_use(e, b), 0, 0);
    unsigned reg = sw_bl_dest_reg(e, &d, a, b);
    sw_x64_rm(&e->as, SW_X64_LEA | sw_kind_w(row->kind), reg, m);
    sw_bl_finish(e, &d);
    return true;
}

/* A one-operand instruction with a register or memory source. */
static void unary(sw_emitter *e, unsigned kind, sw_x64_op op, sw_value *v)
{
    sw_dest d = sw_bl_dest(e, kind);
    sw_x64_mem m;
    if (sw_bl_in_memory(e, v, &m)) {
        unsigned reg = sw_bl_dest_reg(e, &d, v, NULL);
        sw_x64_rm(&e->as, op & ~SW_X64_BYTE, reg, m);
    } else {
        unsigned from = sw_bl_use(e, v);
        unsigned reg = sw_bl_dest_reg(e, &d, v, NULL);
        sw_x64_rr(&e->as, op, reg, from);
    }
    sw_bl_finish(e, &d);
}

/* And with a mask that is a zero extension. False: it is not one. */
static bool and_by_extension(sw_emitter *e, unsigned kind, sw_value *a, const sw_value *b)
{
    sw_x64_op op;
    if (b->where != SW_IN_CONST) {
        return false;
    }
    switch (b->bits) {
    case UINT8_MAX: op = SW_X64_MOVZX8 | SW_X64_BYTE; break;
    case UINT16_MAX: op = SW_X64_MOVZX16; break;
    case UINT32_MAX: op = SW_X64_MOV; break;
    default: return false;
    }
    unary(e, kind, op, a);
    return true;
}

/* And whose result is only compared with zero. */
static void test(sw_emitter *e, unsigned kind, sw_value *a, sw_value *b)
{
    unsigned reg = sw_bl_use(e, a);
    if (sw_bl_is_imm(b)) {
        sw_x64_rr(&e->as, 0xf7 | sw_kind_w(kind), 0, reg);
        sw_x64_u32(&e->as, (uint32_t)b->bits);
    } else {
        sw_x64_rr(&e->as, SW_X64_TEST | sw_kind_w(kind), sw_bl_use(e, b), reg);
    }
    sw_bl_release(e, a);
    sw_bl_release(e, b);
    if (kind == SW_KIND_I64) {
        e->pos++; /* i64.eqz */
        sw_bl_consume_condition(e, SW_CC_E);
    } else {
        sw_bl_consume_condition(e, SW_CC_NE);
    }
}

void sw_lower_alu(sw_emitter *e, const sw_row *row)
{
    sw_value b = sw_bl_pop(e), a = sw_bl_pop(e);
    if (row->op != SW_X64_SUB && a.where == SW_IN_CONST) {
        swap(&a, &b);
    }
    if (row->op == SW_X64_ADD || row->op == SW_X64_SUB) {
        if (add_by_lea(e, row, &a, &b)) {
            return;
        }
    } else if (row->op == SW_X64_AND) {
        if (sw_bl_next_takes_flags(e, row->kind)) {
            test(e, row->kind, &a, &b);
            return;
        }
        if (and_by_extension(e, row->kind, &a, &b)) {
            return;
        }
    }
    binary(e, row, &a, &b);
}

void sw_lower_mul(sw_emitter *e, const sw_row *row)
{
    sw_value b = sw_bl_pop(e), a = sw_bl_pop(e);
    if (a.where == SW_IN_CONST) {
        swap(&a, &b);
    }
    if (!sw_bl_is_imm(&b)) {
        binary(e, row, &a, &b);
        return;
    }
    sw_x64_op op = SW_X64_IMUL_IMM | sw_kind_w(row->kind);
    sw_dest d = sw_bl_dest(e, row->kind);
    sw_x64_mem m;
    if (sw_bl_in_memory(e, &a, &m)) {
        sw_x64_rm(&e->as, op, sw_bl_dest_reg(e, &d, &a, NULL), m);
    } else {
        unsigned from = sw_bl_use(e, &a);
        sw_x64_rr(&e->as, op, sw_bl_dest_reg(e, &d, &a, NULL), from);
    }
    sw_x64_u32(&e->as, (uint32_t)b.bits);
    sw_bl_finish(e, &d);
}

/* ---- Division -------------------------------------------------------------------------------- */

/* cdq or cqo; idiv rcx */
static void signed_divide(sw_emitter *e, unsigned w)
{
    sw_x64_opcode(&e->as, 0x99 | w, 0, 0, 0, false);
    sw_x64_rr(&e->as, 0xf7 | w, 7, SW_SCRATCH);
}

/* The processor faults for the least number divided by -1, which is right for the quotient; the
 * remainder must be 0. */
static void signed_remainder(sw_emitter *e, unsigned w)
{
    sw_x64_group_imm(&e->as, w, SW_DIGIT_CMP, SW_SCRATCH, -1);
    uint8_t *usual = sw_bl_short_jump(e, SW_CC_NE);
    sw_x64_rr(&e->as, SW_X64_XOR, SW_RDX, SW_RDX);
    uint8_t *done = sw_bl_short_jump_always(e);
    sw_bl_land(e, usual);
    signed_divide(e, w);
    sw_bl_land(e, done);
}

/* row->to: signed; row->detail: the remainder. */
void sw_lower_div(sw_emitter *e, const sw_row *row)
{
    sw_value b = sw_bl_pop(e), a = sw_bl_pop(e);
    unsigned w = sw_kind_w(row->kind);
    bool is_signed = row->to != 0, is_remainder = row->detail != 0;
    bool is_minus_one =
        b.where == SW_IN_CONST && (w != 0 ? (int64_t)b.bits : (int32_t)b.bits) == -1;
    sw_bl_load_value(e, &b, SW_SCRATCH);
    sw_bl_release(e, &b);
    if (a.where != SW_IN_REG || a.reg != SW_RAX) {
        sw_bl_take(e, row->kind, SW_RAX);
        sw_bl_load_value(e, &a, SW_RAX);
        sw_bl_release(e, &a);
    }
    sw_bl_take(e, row->kind, SW_RDX);
    if (b.where != SW_IN_CONST || b.bits == 0) {
        sw_x64_rr(&e->as, SW_X64_TEST | w, SW_SCRATCH, SW_SCRATCH);
        sw_bl_trap_if(e, SW_CC_E, SW_TRAP_DIVISION_BY_ZERO);
    }
    if (!is_signed) {
        sw_x64_rr(&e->as, SW_X64_XOR, SW_RDX, SW_RDX);
        sw_x64_rr(&e->as, 0xf7 | w, 6, SW_SCRATCH);
    } else if (is_remainder && (b.where != SW_IN_CONST || is_minus_one)) {
        signed_remainder(e, w);
    } else {
        signed_divide(e, w);
    }
    sw_bl_free_reg(e, row->kind, is_remainder ? SW_RAX : SW_RDX);
    sw_bl_push_reg(e, row->kind, is_remainder ? SW_RDX : SW_RAX);
}

/* ---- Shifts ---------------------------------------------------------------------------------- */

static unsigned count_mask(unsigned kind)
{
    return sw_kind_w(kind) != 0 ? 63 : 31;
}

/* A shift to the left by 1 to 3 that is added to the value below it: lea. False: not the case. */
static bool add_scaled(sw_emitter *e, unsigned kind, sw_value *a, unsigned count)
{
    if (*e->pos != (kind == SW_KIND_I32 ? SW_OP_I32_ADD : SW_OP_I64_ADD) || count - 1 > 2 ||
        e->stack[e->height - 1].where == SW_IN_CONST) {
        return false;
    }
    e->pos++;
    sw_value b = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, kind);
    unsigned base = sw_bl_use(e, &b), index = sw_bl_use(e, a);
    unsigned reg = sw_bl_dest_reg(e, &d, a, &b);
    sw_x64_rm(&e->as, SW_X64_LEA | sw_kind_w(kind), reg, sw_x64_at_index(base, index, count, 0));
    sw_bl_finish(e, &d);
    return true;
}

/* row->to: the digit for a constant count; row->op: shlx, sarx or shrx. */
void sw_lower_shift(sw_emitter *e, const sw_row *row)
{
    sw_value b = sw_bl_pop(e), a = sw_bl_pop(e);
    if (row->to == SW_DIGIT_SHL && b.where == SW_IN_CONST &&
        add_scaled(e, row->kind, &a, (unsigned)b.bits & count_mask(row->kind))) {
        return;
    }
    sw_dest d = sw_bl_dest(e, row->kind);
    unsigned w = sw_kind_w(row->kind);
    if (b.where == SW_IN_CONST) {
        if (d.is_local) {
            sw_bl_load_value(e, &a, d.reg);
            sw_bl_release(e, &a);
        } else {
            d.reg = (uint8_t)sw_bl_own(e, &a);
        }
        sw_x64_shift_imm(&e->as, w, row->to, d.reg, (unsigned)b.bits & count_mask(row->kind));
        sw_bl_finish(e, &d);
        return;
    }
    unsigned count = sw_bl_use(e, &b);
    sw_x64_mem m;
    if (sw_bl_in_memory(e, &a, &m)) {
        sw_x64_vrm(&e->as, row->op | w, sw_bl_dest_reg(e, &d, &a, &b), count, m);
    } else {
        unsigned from = sw_bl_use(e, &a);
        sw_x64_vrr(&e->as, row->op | w, sw_bl_dest_reg(e, &d, &a, &b), count, from);
    }
    sw_bl_finish(e, &d);
}

static void rotate_by_const(sw_emitter *e, const sw_row *row, sw_value *a, unsigned count)
{
    sw_x64_op rorx = 0xf0 | SW_X64_0F3A | SW_X64_F2 | sw_kind_w(row->kind);
    sw_dest d = sw_bl_dest(e, row->kind);
    sw_x64_mem m;
    if (sw_bl_in_memory(e, a, &m)) {
        sw_x64_vrm(&e->as, rorx, sw_bl_dest_reg(e, &d, a, NULL), 0, m);
    } else {
        unsigned from = sw_bl_use(e, a);
        sw_x64_vrr(&e->as, rorx, sw_bl_dest_reg(e, &d, a, NULL), 0, from);
    }
    unsigned right = row->to == SW_DIGIT_ROL ? 0 - count : count;
    sw_x64_u8(&e->as, right & count_mask(row->kind));
    sw_bl_finish(e, &d);
}

void sw_lower_rotate(sw_emitter *e, const sw_row *row)
{
    sw_value b = sw_bl_pop(e), a = sw_bl_pop(e);
    if (b.where == SW_IN_CONST) {
        rotate_by_const(e, row, &a, (unsigned)b.bits);
        return;
    }
    sw_dest d = sw_bl_dest(e, row->kind);
    sw_bl_load_value(e, &b, SW_SCRATCH);
    sw_bl_release(e, &b);
    if (d.is_local) {
        sw_bl_load_value(e, &a, d.reg);
        sw_bl_release(e, &a);
    } else {
        d.reg = (uint8_t)sw_bl_own(e, &a);
    }
    sw_x64_rr(&e->as, 0xd3 | sw_kind_w(row->kind), row->to, d.reg);
    sw_bl_finish(e, &d);
}

/* ---- Comparison ------------------------------------------------------------------------------ */

/* The condition for exchanged operands. */
static sw_x64_cc exchanged(sw_x64_cc cc)
{
    static const uint8_t table[16] = {
        [SW_CC_E] = SW_CC_E,   [SW_CC_NE] = SW_CC_NE, [SW_CC_L] = SW_CC_G, [SW_CC_G] = SW_CC_L,
        [SW_CC_LE] = SW_CC_GE, [SW_CC_GE] = SW_CC_LE, [SW_CC_B] = SW_CC_A, [SW_CC_A] = SW_CC_B,
        [SW_CC_BE] = SW_CC_AE, [SW_CC_AE] = SW_CC_BE,
    };
    return table[cc];
}

static void compare(sw_emitter *e, unsigned kind, sw_value *a, sw_value *b)
{
    unsigned w = sw_kind_w(kind);
    sw_x64_mem m;
    if (sw_bl_is_imm(b) && sw_bl_in_memory(e, a, &m)) {
        sw_x64_group_imm_mem(&e->as, w, SW_DIGIT_CMP, m, (int32_t)b->bits);
        return;
    }
    unsigned reg = sw_bl_use(e, a);
    if (b->where == SW_IN_CONST && b->bits == 0) {
        sw_x64_rr(&e->as, SW_X64_TEST | w, reg, reg);
    } else if (sw_bl_is_imm(b)) {
        sw_x64_group_imm(&e->as, w, SW_DIGIT_CMP, reg, (int32_t)b->bits);
    } else if (sw_bl_in_memory(e, b, &m)) {
        sw_x64_rm(&e->as, SW_X64_CMP | w, reg, m);
    } else {
        sw_x64_rr(&e->as, SW_X64_CMP | w, reg, sw_bl_use(e, b));
    }
    sw_bl_release(e, a);
    sw_bl_release(e, b);
}

/* row->detail: the condition. */
void sw_lower_compare(sw_emitter *e, const sw_row *row)
{
    sw_value b = sw_bl_pop(e), a = sw_bl_pop(e);
    sw_x64_cc cc = (sw_x64_cc)row->detail;
    if (a.where == SW_IN_CONST) {
        swap(&a, &b);
        cc = exchanged(cc);
    }
    compare(e, row->kind, &a, &b);
    sw_bl_consume_condition(e, cc);
}

void sw_lower_eqz(sw_emitter *e, const sw_row *row)
{
    sw_value v = sw_bl_pop(e), zero = {.where = SW_IN_CONST, .kind = row->kind};
    compare(e, row->kind, &v, &zero);
    sw_bl_consume_condition(e, SW_CC_E);
}

/* ---- One operand ----------------------------------------------------------------------------- */

void sw_lower_count_bits(sw_emitter *e, const sw_row *row)
{
    sw_value v = sw_bl_pop(e);
    unary(e, row->kind, row->op | sw_kind_w(row->kind), &v);
}

/* Sign extensions; row->to: kind of the result. */
void sw_lower_extend(sw_emitter *e, const sw_row *row)
{
    sw_value v = sw_bl_pop(e);
    unary(e, row->to, row->op | sw_kind_w(row->to), &v);
}

void sw_lower_wrap(sw_emitter *e, const sw_row *row)
{
    (void)row;
    sw_value v = sw_bl_pop(e);
    if (v.where == SW_IN_CONST) {
        sw_bl_push_const(e, SW_KIND_I32, (uint32_t)v.bits);
        return;
    }
    unary(e, SW_KIND_I32, SW_X64_MOV, &v);
}

/* The upper half is zero already; what is in a register of its own only changes its name. */
void sw_lower_extend_u(sw_emitter *e, const sw_row *row)
{
    (void)row;
    sw_value v = sw_bl_pop(e);
    if (v.where == SW_IN_CONST) {
        sw_bl_push_const(e, SW_KIND_I64, v.bits);
    } else if (v.where == SW_IN_REG) {
        sw_bl_push_reg(e, SW_KIND_I64, v.reg);
    } else {
        unary(e, SW_KIND_I64, SW_X64_MOV, &v);
    }
}
