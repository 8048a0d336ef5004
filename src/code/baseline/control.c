/*
 * Blocks, branches and conditions.
 *
 * There is nothing to merge where control meets: pinned locals stay where they are, the others are
 * at home, temporaries below a block are flushed at its start. A label takes one result in rax or
 * xmm0, more of them (and a loop its parameters) in the canonical slots above the label's height.
 */
#include "code/baseline/emitter.h"

enum { SHORT_TABLE = 3 /* targets, above which a table pays */ };

static sw_label *label_at(sw_emitter *e, uint32_t depth)
{
    assert(depth < e->labels_count);
    return &e->labels[e->labels_count - 1 - depth];
}

/* Number of values that a branch to the label carries. */
static uint32_t arity(const sw_label *t)
{
    return t->kind == SW_LABEL_LOOP ? t->params_count : t->results_count;
}

/* The label takes nothing, or one value in rax or xmm0. */
static bool is_simple(const sw_label *t)
{
    return arity(t) == 0 || (arity(t) == 1 && t->kind != SW_LABEL_LOOP);
}

/* ---- Jumps ----------------------------------------------------------------------------------- */

uint32_t sw_bl_add_patch(sw_emitter *e, uint32_t head, uint32_t at, uint32_t origin)
{
    sw_patch p = {.at = at, .origin = origin, .next = head};
    if (sw_vec_push(&e->patches, p) != SW_OK) {
        sw_bl_fail(e, SW_NO_MEMORY);
        return head;
    }
    return (uint32_t)e->patches.count;
}

static void patch_here(sw_emitter *e, uint32_t head)
{
    uint32_t target = sw_bl_pos(e);
    while (head != 0) {
        const sw_patch *p = &e->patches.at[head - 1];
        uint32_t distance = target - p->origin;
        memcpy(e->code->ptr + p->at, &distance, 4);
        head = p->next;
    }
}

static uint32_t emit_rel32(sw_emitter *e, uint32_t head)
{
    uint32_t at = sw_bl_pos(e);
    sw_x64_u32(&e->as, 0);
    return sw_bl_add_patch(e, head, at, at + 4);
}

/* A jump backwards; opcode is that of the short form, jmp or jcc. */
static void jump_back(sw_emitter *e, unsigned opcode, uint32_t target)
{
    uint32_t distance = sw_bl_pos(e) + 2 - target;
    if (distance <= 128) {
        sw_x64_u8(&e->as, opcode);
        sw_x64_u8(&e->as, (uint8_t)-distance);
        return;
    }
    if (opcode == 0xeb) {
        sw_x64_u8(&e->as, 0xe9);
    } else {
        sw_x64_u8(&e->as, 0x0f);
        sw_x64_u8(&e->as, opcode + 0x10);
    }
    sw_x64_u32(&e->as, target - (sw_bl_pos(e) + 4));
}

uint8_t *sw_bl_short_jump(sw_emitter *e, sw_x64_cc cc)
{
    assert(cc < SW_CC_FLOAT_EQ);
    sw_x64_u8(&e->as, 0x70 | cc);
    sw_x64_u8(&e->as, 0);
    return e->as.at - 1;
}

uint8_t *sw_bl_short_jump_always(sw_emitter *e)
{
    sw_x64_u8(&e->as, 0xeb);
    sw_x64_u8(&e->as, 0);
    return e->as.at - 1;
}

void sw_bl_land(sw_emitter *e, uint8_t *at)
{
    ptrdiff_t distance = e->as.at - (at + 1);
    SW_CHECK(distance >= 0 && distance <= INT8_MAX);
    *at = (uint8_t)distance;
}

unsigned sw_bl_short_jumps(sw_emitter *e, sw_x64_cc cc, uint8_t *at[2])
{
    if (cc == SW_CC_FLOAT_NE) {
        at[0] = sw_bl_short_jump(e, SW_CC_P);
        at[1] = sw_bl_short_jump(e, SW_CC_NE);
        return 2;
    }
    if (cc == SW_CC_FLOAT_EQ) {
        uint8_t *unordered = sw_bl_short_jump(e, SW_CC_P);
        at[0] = sw_bl_short_jump(e, SW_CC_E);
        sw_bl_land(e, unordered);
    } else {
        at[0] = sw_bl_short_jump(e, cc);
    }
    return 1;
}

void sw_bl_short_land(sw_emitter *e, uint8_t *const *at, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        sw_bl_land(e, at[i]);
    }
}

/* jcc into a patch list; gives the list's new head. */
static uint32_t jump_if_list(sw_emitter *e, sw_x64_cc cc, uint32_t head)
{
    if (cc == SW_CC_FLOAT_NE) {
        return jump_if_list(e, SW_CC_NE, jump_if_list(e, SW_CC_P, head));
    }
    if (cc == SW_CC_FLOAT_EQ) {
        uint8_t *unordered = sw_bl_short_jump(e, SW_CC_P);
        head = jump_if_list(e, SW_CC_E, head);
        sw_bl_land(e, unordered);
        return head;
    }
    sw_x64_u8(&e->as, 0x0f);
    sw_x64_u8(&e->as, 0x80 | cc);
    return emit_rel32(e, head);
}

static void jump_if(sw_emitter *e, sw_x64_cc cc, sw_label *t)
{
    if (t->kind != SW_LABEL_LOOP) {
        t->patches = jump_if_list(e, cc, t->patches);
    } else if (cc == SW_CC_FLOAT_NE) {
        jump_back(e, 0x70 | SW_CC_P, t->loop_at);
        jump_back(e, 0x70 | SW_CC_NE, t->loop_at);
    } else if (cc == SW_CC_FLOAT_EQ) {
        uint8_t *unordered = sw_bl_short_jump(e, SW_CC_P);
        jump_back(e, 0x70 | SW_CC_E, t->loop_at);
        sw_bl_land(e, unordered);
    } else {
        jump_back(e, 0x70 | cc, t->loop_at);
    }
}

static void jump(sw_emitter *e, sw_label *t)
{
    if (t->kind == SW_LABEL_LOOP) {
        jump_back(e, 0xeb, t->loop_at);
    } else {
        sw_x64_u8(&e->as, 0xe9);
        t->patches = emit_rel32(e, t->patches);
    }
}

/* ---- Values that branches carry -------------------------------------------------------------- */

/* Copies the top values to where the label wants them; the stack stays as it is. Slots are written
 * in ascending order and never above the one that is read, so no value is lost. */
static void move_to_label(sw_emitter *e, const sw_label *t)
{
    uint32_t count = arity(t);
    if (count == 0) {
        return;
    }
    if (is_simple(t)) {
        sw_bl_load_value(e, &e->stack[e->height - 1], 0);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const sw_value *v = &e->stack[e->height - count + i];
        uint32_t slot = t->height + i;
        if (v->where != SW_IN_SLOT || v->index != slot) {
            sw_bl_store_value(e, v, sw_bl_slot(e, slot));
        }
    }
}

/* Makes the top value live in rax or xmm0; keeps the flags. */
static void bring_to_result_reg(sw_emitter *e)
{
    const sw_value *top = &e->stack[e->height - 1];
    if (top->where == SW_IN_REG && top->reg == 0) {
        return;
    }
    sw_value v = sw_bl_pop(e);
    sw_bl_take(e, v.kind, 0);
    sw_bl_load_value(e, &v, 0);
    sw_bl_release(e, &v);
    sw_bl_push_reg(e, v.kind, 0);
}

static void push_results(sw_emitter *e, const sw_label *t)
{
    if (t->results_count == 1) {
        unsigned kind = sw_kind_of(t->results[0]);
        sw_bl_take(e, kind, 0);
        sw_bl_push_reg(e, kind, 0);
        return;
    }
    for (uint32_t i = 0; i < t->results_count; i++) {
        sw_bl_push_slot(e, sw_kind_of(t->results[i]));
    }
}

/* Nothing can reach what follows: goes on at the end or else of the innermost block. */
static void die(sw_emitter *e)
{
    if (e->labels_count == 0) {
        return;
    }
    sw_label *t = label_at(e, 0);
    t->is_dead = true;
    sw_bl_drop_to(e, t->height);
    uint32_t depth = 0;
    for (;;) {
        const uint8_t *next = e->pos;
        sw_instr in = {.code = sw_opcode_next(&next)};
        bool closes = in.code == SW_OP_END || in.code == SW_OP_ELSE;
        if (depth == 0 && closes) {
            return;
        }
        sw_immediates_next(&next, &in);
        if (in.code == SW_OP_BLOCK || in.code == SW_OP_LOOP || in.code == SW_OP_IF) {
            depth++;
        } else if (in.code == SW_OP_END) {
            depth--;
        }
        e->pos = next;
    }
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* Where every guest that runs for long must come by. */
static void check_interrupt(sw_emitter *e)
{
    /* The low byte of the base is 0, and unlike an immediate a register fuses with the jump. */
    sw_x64_rm(&e->as, SW_X64_CMP_STORE8, SW_BASE, sw_x64_at(SW_BASE, -SW_CTX_INTERRUPT));
    uint32_t start = e->loop_pins_start;
    uint32_t count = e->loop_region != 0 ? (uint32_t)e->loop_pins.count - start : 0;
    (void)sw_bl_cold_if(
        e, SW_CC_NE,
        (sw_cold){.kind = SW_COLD_INTERRUPT, .loop_pins_start = start, .loop_pins_count = count});
}

void sw_bl_enter_func(sw_emitter *e)
{
    if (!e->facts->is_leaf) {
        check_interrupt(e);
    }
    e->labels[0] = (sw_label){.kind = SW_LABEL_FUNC,
                              .results_count = e->type->results_count,
                              .results = e->type->results};
    e->labels_count = 1;
}

static void read_block_type(sw_emitter *e, sw_label *t)
{
    sw_blocktype b = sw_blocktype_next(&e->pos);
    if (b.type != SW_NO_INDEX) {
        const sw_functype *f = &e->m->types[b.type].func;
        t->params_count = f->params_count;
        t->params = f->params;
        t->results_count = f->results_count;
        t->results = f->results;
    } else if (b.result != SW_TYPE_BOTTOM) {
        t->single = b.result;
        t->results_count = 1;
        t->results = &t->single;
    }
}

/* Opens a label. Emits moves only: a condition may be in the flags. */
static sw_label *enter(sw_emitter *e, sw_label_kind kind)
{
    assert(e->labels_count <= e->facts->max_labels);
    sw_label *t = &e->labels[e->labels_count++];
    *t = (sw_label){.kind = (uint8_t)kind};
    read_block_type(e, t);
    t->height = e->height - t->params_count;
    if (kind == SW_LABEL_BLOCK) {
        sw_bl_flush(e, t->height);
        return t;
    }
    sw_bl_flush(e, e->height);
    for (uint32_t i = t->height; i < e->height; i++) {
        sw_bl_spill(e, i); /* the parameters that are constants, too */
    }
    return t;
}

void sw_lower_block(sw_emitter *e, const sw_row *row)
{
    (void)row;
    (void)enter(e, SW_LABEL_BLOCK);
}

void sw_lower_loop(sw_emitter *e, const sw_row *row)
{
    (void)row;
    sw_label *t = enter(e, SW_LABEL_LOOP);
    sw_bl_enter_loop(e);
    t->loop_at = sw_bl_pos(e);
    check_interrupt(e);
}

static void begin_if(sw_emitter *e, sw_x64_cc cc)
{
    sw_label *t = enter(e, SW_LABEL_IF);
    t->to_else = jump_if_list(e, cc ^ 1, 0);
}

void sw_lower_else(sw_emitter *e, const sw_row *row)
{
    (void)row;
    sw_label *t = label_at(e, 0);
    if (!t->is_dead) {
        move_to_label(e, t);
        jump(e, t);
    }
    sw_bl_drop_to(e, t->height);
    patch_here(e, t->to_else);
    t->kind = SW_LABEL_ELSE;
    t->is_dead = false;
    for (uint32_t i = 0; i < t->params_count; i++) {
        sw_bl_push_slot(e, sw_kind_of(t->params[i]));
    }
}

/* The missing else of an if passes its parameters on: they lie in the slots. */
static void end_missing_else(sw_emitter *e, sw_label *t)
{
    if (t->results_count == 1) {
        uint8_t *over = t->is_dead ? NULL : sw_bl_short_jump_always(e);
        patch_here(e, t->to_else);
        unsigned kind = sw_kind_of(t->results[0]);
        sw_bl_load(e, kind, 0, sw_bl_slot(e, t->height));
        if (over != NULL) {
            sw_bl_land(e, over);
        }
    } else {
        patch_here(e, t->to_else);
    }
}

void sw_lower_end(sw_emitter *e, const sw_row *row)
{
    (void)row;
    sw_label *t = label_at(e, 0);
    bool flows = !t->is_dead;
    if (t->kind == SW_LABEL_LOOP) {
        sw_bl_leave_loop(e);
        e->labels_count--;
        if (!flows) {
            die(e);
        }
        return;
    }
    if (flows) {
        move_to_label(e, t);
    }
    sw_bl_drop_to(e, t->height);
    if (t->kind == SW_LABEL_IF) {
        end_missing_else(e, t);
        flows = true;
    }
    flows = flows || t->patches != 0;
    patch_here(e, t->patches);
    e->labels_count--;
    if (t->kind == SW_LABEL_FUNC) {
        if (flows) {
            sw_bl_return(e);
        }
    } else if (flows) {
        push_results(e, t);
    } else {
        die(e);
    }
}

/* ---- Branches -------------------------------------------------------------------------------- */

void sw_lower_unreachable(sw_emitter *e, const sw_row *row)
{
    (void)row;
    sw_x64_trap(&e->as, SW_TRAP_UNREACHABLE);
    die(e);
}

void sw_lower_nop(sw_emitter *e, const sw_row *row)
{
    (void)e;
    (void)row;
}

static void branch(sw_emitter *e, sw_label *t)
{
    move_to_label(e, t);
    jump(e, t);
    die(e);
}

void sw_lower_br(sw_emitter *e, const sw_row *row)
{
    (void)row;
    branch(e, label_at(e, sw_leb_next_u32(&e->pos)));
}

void sw_lower_return(sw_emitter *e, const sw_row *row)
{
    (void)row;
    branch(e, &e->labels[0]);
}

static void branch_if(sw_emitter *e, sw_x64_cc cc, sw_label *t)
{
    if (is_simple(t)) {
        if (arity(t) != 0) {
            bring_to_result_reg(e);
        }
        jump_if(e, cc, t);
        return;
    }
    uint32_t over = jump_if_list(e, cc ^ 1, 0);
    move_to_label(e, t);
    jump(e, t);
    patch_here(e, over);
}

/* Pops an i32 and tests it: the condition is NE. */
static sw_x64_cc pop_condition(sw_emitter *e)
{
    sw_value v = sw_bl_pop(e);
    sw_x64_mem m;
    if (sw_bl_in_memory(e, &v, &m)) {
        sw_x64_group_imm_mem(&e->as, 0, SW_DIGIT_CMP, m, 0);
    } else {
        unsigned reg = sw_bl_use(e, &v);
        sw_x64_rr(&e->as, SW_X64_TEST, reg, reg);
        sw_bl_release(e, &v);
    }
    return SW_CC_NE;
}

void sw_lower_br_if(sw_emitter *e, const sw_row *row)
{
    (void)row;
    sw_label *t = label_at(e, sw_leb_next_u32(&e->pos));
    branch_if(e, pop_condition(e), t);
}

void sw_lower_if(sw_emitter *e, const sw_row *row)
{
    (void)row;
    begin_if(e, pop_condition(e));
}

/* A register with the popped index that is not the result register. */
static unsigned table_index(sw_emitter *e, sw_value *v)
{
    unsigned reg = sw_bl_use(e, v);
    if (reg == SW_RAX) {
        v->reg = (uint8_t)sw_bl_alloc(e, SW_KIND_I32);
        sw_bl_move(e, SW_KIND_I32, v->reg, SW_RAX);
        sw_bl_free_reg(e, SW_KIND_I32, SW_RAX);
    }
    return v->where == SW_IN_REG ? v->reg : reg;
}

static bool all_simple(sw_emitter *e, const uint8_t *at, uint32_t count)
{
    for (uint32_t i = 0; i <= count; i++) {
        if (!is_simple(label_at(e, sw_leb_next_u32(&at)))) {
            return false;
        }
    }
    return true;
}

static void compare_chain(sw_emitter *e, const uint8_t *at, uint32_t count, unsigned index)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0) {
            sw_x64_rr(&e->as, SW_X64_TEST, index, index);
        } else {
            sw_x64_group_imm(&e->as, 0, SW_DIGIT_CMP, index, (int32_t)i);
        }
        jump_if(e, SW_CC_E, label_at(e, sw_leb_next_u32(&at)));
    }
    jump(e, label_at(e, sw_leb_next_u32(&at)));
}

/* Dispatches through a table of distances that follows the jump, with a free register; returns the
 * table's position. */
static uint32_t table_jump(sw_emitter *e, uint32_t count, unsigned index, unsigned table)
{
    sw_x64 *a = &e->as;
    sw_x64_opcode(a, SW_X64_LEA | SW_X64_W, table, 0, 0, false);
    sw_x64_u8(a, (table & 7) << 3 | 5); /* [rip + disp32] */
    uint32_t lea_at = sw_bl_pos(e);
    sw_x64_u32(a, 0);
    sw_x64_rm(a, SW_X64_MOVSXD, SW_SCRATCH, sw_x64_at_index(table, index, 2, 0));
    sw_x64_rr(a, SW_X64_ADD | SW_X64_W, SW_SCRATCH, table);
    sw_x64_rr(a, 0xff, 4, SW_SCRATCH); /* jmp rcx */
    uint32_t origin = sw_bl_pos(e);
    uint32_t distance = origin - (lea_at + 4);
    memcpy(e->code->ptr + lea_at, &distance, 4);
    a->at += 4 * (size_t)count;
    return origin;
}

static void set_entry(sw_emitter *e, uint32_t at, uint32_t distance)
{
    memcpy(e->code->ptr + at, &distance, 4);
}

/* Where the values of a branch are moved to a label that is not simple, once for each table. */
static uint32_t stub_of(sw_emitter *e, sw_label *t, uint32_t origin)
{
    if (t->table_at != origin && sw_bl_ensure(e, SW_EMIT_ROOM)) {
        t->table_at = origin;
        t->stub_at = sw_bl_pos(e);
        move_to_label(e, t);
        jump(e, t);
    }
    return t->stub_at;
}

static void fill_entry(sw_emitter *e, sw_label *t, uint32_t at, uint32_t origin, bool by_stub)
{
    if (by_stub) {
        set_entry(e, at, stub_of(e, t, origin) - origin);
    } else if (t->kind == SW_LABEL_LOOP) {
        set_entry(e, at, t->loop_at - origin);
    } else {
        t->patches = sw_bl_add_patch(e, t->patches, at, origin);
    }
}

static void table_of_targets(sw_emitter *e, const uint8_t *at, uint32_t count, unsigned index,
                             bool is_simple_only)
{
    unsigned table = sw_bl_alloc(e, SW_KIND_I64); /* may spill, so it comes before any jump */
    sw_x64_rr(&e->as, 0x81, SW_DIGIT_CMP, index);
    sw_x64_u32(&e->as, count);
    uint32_t to_default = jump_if_list(e, SW_CC_AE, 0);
    uint32_t origin = table_jump(e, count, index, table);
    sw_bl_free_reg(e, SW_KIND_I64, table);
    for (uint32_t i = 0; i < count && e->status == SW_OK; i++) {
        sw_label *t = label_at(e, sw_leb_next_u32(&at));
        fill_entry(e, t, origin + 4 * i, origin, !is_simple_only);
    }
    if (!sw_bl_ensure(e, SW_EMIT_ROOM)) {
        return;
    }
    patch_here(e, to_default);
    sw_label *t = label_at(e, sw_leb_next_u32(&at));
    move_to_label(e, t);
    jump(e, t);
}

void sw_lower_br_table(sw_emitter *e, const sw_row *row)
{
    (void)row;
    sw_instr in;
    sw_targets_next(&e->pos, &in);
    uint32_t count = in.targets.count;
    if (!sw_bl_ensure(e, SW_EMIT_ROOM + 4 * (size_t)count)) {
        return;
    }
    sw_value v = sw_bl_pop(e);
    unsigned index = table_index(e, &v);
    bool is_simple_only = all_simple(e, in.targets.at, count);
    const uint8_t *first = in.targets.at;
    if (is_simple_only && arity(label_at(e, sw_leb_next_u32(&first))) != 0) {
        bring_to_result_reg(e);
    }
    if (is_simple_only && count <= SHORT_TABLE) {
        compare_chain(e, in.targets.at, count, index);
    } else {
        table_of_targets(e, in.targets.at, count, index, is_simple_only);
    }
    sw_bl_release(e, &v);
    die(e);
}

/* ---- Conditions ------------------------------------------------------------------------------ */

bool sw_bl_next_takes_flags(const sw_emitter *e, unsigned kind)
{
    uint8_t op = *e->pos;
    if (kind == SW_KIND_I64) {
        return op == SW_OP_I64_EQZ;
    }
    return op == SW_OP_BR_IF || op == SW_OP_IF || op == SW_OP_I32_EQZ || op == SW_OP_SELECT;
}

/* Makes 0 or 1 of the flags. */
static void materialize(sw_emitter *e, sw_x64_cc cc)
{
    sw_x64 *a = &e->as;
    sw_dest d = sw_bl_dest(e, SW_KIND_I32);
    unsigned reg = sw_bl_dest_fresh(e, &d);
    if (cc < SW_CC_FLOAT_EQ) {
        sw_x64_rr(a, SW_X64_SETCC | cc, 0, reg);
    } else {
        bool is_eq = cc == SW_CC_FLOAT_EQ;
        sw_x64_rr(a, SW_X64_SETCC | (is_eq ? SW_CC_NP : SW_CC_P), 0, SW_SCRATCH);
        sw_x64_rr(a, SW_X64_SETCC | (is_eq ? SW_CC_E : SW_CC_NE), 0, reg);
        sw_x64_rr(a, is_eq ? SW_X64_AND : SW_X64_OR, reg, SW_SCRATCH);
    }
    sw_x64_rr(a, SW_X64_MOVZX8 | SW_X64_BYTE, reg, reg);
    sw_bl_finish(e, &d);
}

/* second into reg unless the condition holds. */
static void move_unless(sw_emitter *e, sw_x64_cc cc, unsigned reg, sw_value *second)
{
    unsigned kind = second->kind;
    if (sw_kind_is_float(kind) || cc == SW_CC_FLOAT_NE) {
        uint8_t *over[2];
        unsigned count = sw_bl_short_jumps(e, cc, over);
        sw_bl_load_value(e, second, reg);
        sw_bl_short_land(e, over, count);
        return;
    }
    sw_x64_op op = SW_X64_CMOV | sw_kind_w(kind) | (cc == SW_CC_FLOAT_EQ ? SW_CC_NE : cc ^ 1);
    sw_x64_mem m;
    if (sw_bl_in_memory(e, second, &m)) {
        sw_x64_rm(&e->as, op, reg, m);
        if (cc == SW_CC_FLOAT_EQ) {
            sw_x64_rm(&e->as, SW_X64_CMOV | sw_kind_w(kind) | SW_CC_P, reg, m);
        }
        return;
    }
    unsigned from = SW_SCRATCH;
    if (second->where == SW_IN_CONST) {
        sw_x64_mov_imm(&e->as, SW_SCRATCH, second->bits);
    } else {
        from = sw_bl_use(e, second);
    }
    sw_x64_rr(&e->as, op, reg, from);
    if (cc == SW_CC_FLOAT_EQ) {
        sw_x64_rr(&e->as, SW_X64_CMOV | sw_kind_w(kind) | SW_CC_P, reg, from);
    }
}

/* The second topmost value if the condition holds, else the topmost. */
static void select_value(sw_emitter *e, sw_x64_cc cc)
{
    sw_value second = sw_bl_pop(e), first = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, first.kind);
    if (sw_bl_is_dest(&d, &second)) {
        sw_value swap = first;
        first = second;
        second = swap;
        cc ^= 1;
    }
    if (!d.is_local) {
        d.reg = (uint8_t)sw_bl_own(e, &first);
    } else {
        sw_bl_load_value(e, &first, d.reg);
        sw_bl_release(e, &first);
    }
    move_unless(e, cc, d.reg, &second);
    sw_bl_release(e, &second);
    sw_bl_finish(e, &d);
}

void sw_lower_select(sw_emitter *e, const sw_row *row)
{
    (void)row;
    select_value(e, pop_condition(e));
}

void sw_lower_select_typed(sw_emitter *e, const sw_row *row)
{
    sw_instr in;
    sw_types_next(&e->pos, &in);
    sw_lower_select(e, row);
}

void sw_bl_consume_condition(sw_emitter *e, sw_x64_cc cc)
{
    while (*e->pos == SW_OP_I32_EQZ) {
        e->pos++;
        cc ^= 1;
    }
    switch (*e->pos) {
    case SW_OP_BR_IF:
        e->pos++;
        branch_if(e, cc, label_at(e, sw_leb_next_u32(&e->pos)));
        break;
    case SW_OP_IF:
        e->pos++;
        begin_if(e, cc);
        break;
    case SW_OP_SELECT:
        e->pos++;
        select_value(e, cc);
        break;
    default: materialize(e, cc);
    }
}
