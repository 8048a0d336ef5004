/*
 * Calls: of functions, imports, table elements and runtime helpers; and what the ABI says about
 * parameters and results. See code/abi.h.
 */
#include "code/baseline/emitter.h"

/* Holds the cell of an indirect call while arguments are placed; never an argument register. */
#define CELL_REG SW_R11

static const uint8_t int_args[SW_INT_ARGS] = {SW_RDI, SW_RSI, SW_RDX, SW_RCX, SW_R8, SW_R9};
static const uint8_t int_results[SW_INT_RESULTS] = {SW_RAX, SW_RDX, SW_RCX, SW_R8};
/* After the context, which is always first. */
static const uint8_t helper_args[] = {SW_RSI, SW_RDX, SW_RCX, SW_R8, SW_R9};

/* ---- Placing arguments ----------------------------------------------------------------------- */

typedef struct move {
    sw_value value;
    uint8_t to;
} move;

/* The registers that are sources. */
static uint32_t sources_of(const move *moves, unsigned count)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < count; i++) {
        mask |= moves[i].value.where == SW_IN_REG ? sw_bl_bit(moves[i].value.reg) : 0;
    }
    return mask;
}

/* What was in `from` now is in `to`. */
static void rename_source(move *moves, unsigned count, unsigned from, unsigned to)
{
    for (unsigned i = 0; i < count; i++) {
        if (moves[i].value.where == SW_IN_REG && moves[i].value.reg == from) {
            moves[i].value.reg = (uint8_t)to;
        }
    }
}

/* Only cycles of registers are left: brings the first of them to its place, exchanging. */
static void break_cycle(sw_emitter *e, move *moves, unsigned count)
{
    const move m = moves[0];
    if (sw_kind_is_float(m.value.kind)) {
        sw_bl_move(e, SW_KIND_F64, SW_XSCRATCH, m.to);
        sw_bl_move(e, SW_KIND_F64, m.to, m.value.reg);
        rename_source(moves, count, m.to, SW_XSCRATCH);
        return;
    }
    sw_x64_rr(&e->as, SW_X64_XCHG | SW_X64_W, m.to, m.value.reg);
    for (unsigned i = 1; i < count; i++) {
        sw_value *v = &moves[i].value;
        if (v->where == SW_IN_REG && (v->reg == m.to || v->reg == m.value.reg)) {
            v->reg = v->reg == m.to ? m.value.reg : m.to;
        }
    }
}

/* Does all moves as if at once. They are of one class; targets differ; no target is a pin. The
 * scratch register may be a target, but is never a source. */
static void move_all(sw_emitter *e, move *moves, unsigned count)
{
    uint32_t sources = sources_of(moves, count);
    while (count != 0) {
        unsigned i = 0;
        while (i < count) {
            move m = moves[i];
            uint32_t own = m.value.where == SW_IN_REG ? sw_bl_bit(m.value.reg) : 0;
            if ((sources & ~own & sw_bl_bit(m.to)) != 0) {
                i++;
                continue;
            }
            sw_bl_load_value(e, &m.value, m.to);
            sources &= ~own;
            moves[i] = moves[--count];
            i = 0;
        }
        if (count != 0) {
            break_cycle(e, moves, count);
            moves[0] = moves[--count];
            sources = sources_of(moves, count);
        }
    }
}

typedef struct placement {
    move ints[SW_INT_ARGS], floats[SW_VECTOR_ARGS];
    unsigned ints_count, floats_count, overflow_count;
} placement;

static void place_overflow(sw_emitter *e, const sw_value *v, unsigned overflow)
{
    if (overflow == 0) {
        sw_bl_take(e, SW_KIND_I64, SW_RAX);
        sw_bl_load(e, SW_KIND_I64, SW_RAX, sw_x64_at(SW_BASE, -SW_CTX_ARGS));
    }
    sw_x64_mem to = sw_x64_at(SW_RAX, 16 * (int32_t)overflow);
    if (v->kind == SW_KIND_I32) {
        sw_bl_load_value(e, v, SW_SCRATCH); /* an i32 is zero-extended there, too */
        sw_bl_store(e, SW_KIND_I64, SW_SCRATCH, to);
    } else {
        sw_bl_store_value(e, v, to);
    }
}

/*
 * Puts the top values of the stack where a callee of type t finds them and pops them. Afterwards
 * no temporary below holds a live register; those of the arguments are not free yet.
 */
static void place_arguments(sw_emitter *e, const sw_functype *t)
{
    placement p;
    p.ints_count = p.floats_count = p.overflow_count = 0;
    uint32_t first = e->height - t->params_count;
    sw_bl_spill_regs(e, first);
    for (uint32_t i = 0; t->params_count > SW_INT_ARGS && i < t->params_count; i++) {
        bool is_float = sw_valtype_is_vector(t->params[i]);
        if (is_float && p.floats_count < SW_VECTOR_ARGS) {
            p.floats_count++;
        } else if (!is_float && p.ints_count < SW_INT_ARGS) {
            p.ints_count++;
        } else {
            place_overflow(e, &e->stack[first + i], p.overflow_count++);
        }
    }
    if (p.overflow_count != 0) {
        sw_bl_free_reg(e, SW_KIND_I64, SW_RAX);
    }
    p.ints_count = p.floats_count = 0;
    for (uint32_t i = 0; i < t->params_count; i++) {
        const sw_value *v = &e->stack[first + i];
        if (sw_kind_is_float(v->kind) && p.floats_count < SW_VECTOR_ARGS) {
            p.floats[p.floats_count] = (move){*v, (uint8_t)p.floats_count};
            p.floats_count++;
        } else if (!sw_kind_is_float(v->kind) && p.ints_count < SW_INT_ARGS) {
            p.ints[p.ints_count] = (move){*v, int_args[p.ints_count]};
            p.ints_count++;
        }
    }
    move_all(e, p.floats, p.floats_count); /* may use the scratch register, so they go first */
    move_all(e, p.ints, p.ints_count);
    sw_bl_drop_to(e, first);
}

/* ---- Results --------------------------------------------------------------------------------- */

/* Copies overflowing results into their slots; base_reg and the scratch register are free. */
static void take_overflow_result(sw_emitter *e, unsigned kind, unsigned overflow, unsigned base_reg)
{
    if (overflow == 0) {
        sw_bl_load(e, SW_KIND_I64, base_reg, sw_x64_at(SW_BASE, -SW_CTX_ARGS));
    }
    sw_bl_load(e, kind & 1, SW_SCRATCH, sw_x64_at(base_reg, 16 * (int32_t)overflow));
    sw_bl_store(e, kind & 1, SW_SCRATCH, sw_bl_slot(e, e->height));
    sw_bl_push_slot(e, kind);
}

/* The registers of results, marked as taken; the third integer result leaves the scratch register
 * for rdi. */
static void push_result_reg(sw_emitter *e, unsigned kind, unsigned n)
{
    unsigned reg = sw_kind_is_float(kind) ? n : int_results[n];
    if (reg == SW_SCRATCH) {
        reg = SW_RDI;
        sw_bl_move(e, kind, reg, SW_SCRATCH);
    }
    sw_bl_take(e, kind, reg);
    sw_bl_push_reg(e, kind, reg);
}

static void push_call_results(sw_emitter *e, const sw_functype *t)
{
    if (t->results_count <= 1) {
        if (t->results_count != 0) {
            push_result_reg(e, sw_kind_of(t->results[0]), 0);
        }
        return;
    }
    unsigned ints = 0, floats = 0, overflow = 0;
    for (uint32_t i = 0; i < t->results_count; i++) {
        unsigned kind = sw_kind_of(t->results[i]);
        if (sw_kind_is_float(kind) && floats < SW_VECTOR_RESULTS) {
            push_result_reg(e, kind, floats++);
        } else if (!sw_kind_is_float(kind) && ints < SW_INT_RESULTS) {
            push_result_reg(e, kind, ints++);
        } else {
            /* rcx may still hold a result that comes later, so the copies wait. */
            sw_bl_push_slot(e, kind);
        }
    }
    e->height -= t->results_count;
    uint32_t first = e->height;
    ints = floats = 0;
    for (uint32_t i = 0; i < t->results_count; i++) {
        unsigned kind = sw_kind_of(t->results[i]);
        if (e->stack[first + i].where == SW_IN_SLOT) {
            take_overflow_result(e, kind, overflow++, SW_RSI);
        } else {
            e->height++;
        }
    }
}

/* Copies the function's results from their slots to where the caller expects them. */
static void load_results(sw_emitter *e)
{
    const sw_functype *t = e->type;
    unsigned ints = 0, floats = 0, overflow = 0;
    for (uint32_t i = 0; i < t->results_count; i++) {
        unsigned kind = sw_kind_of(t->results[i]);
        if (sw_kind_is_float(kind) && floats < SW_VECTOR_RESULTS) {
            sw_bl_load(e, kind, floats++, sw_bl_slot(e, i));
        } else if (!sw_kind_is_float(kind) && ints < SW_INT_RESULTS) {
            sw_bl_load(e, kind, int_results[ints++], sw_bl_slot(e, i));
        } else {
            if (overflow == 0) {
                sw_bl_load(e, SW_KIND_I64, SW_R11, sw_x64_at(SW_BASE, -SW_CTX_ARGS));
            }
            sw_bl_load(e, kind & 1, SW_R10, sw_bl_slot(e, i));
            sw_bl_store(e, SW_KIND_I64, SW_R10, sw_x64_at(SW_R11, 16 * (int32_t)overflow++));
        }
    }
}

void sw_bl_return(sw_emitter *e)
{
    if (e->type->results_count > 1) {
        load_results(e);
    }
    sw_bl_epilogue(e);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* The validator says whether a function calls at all, loops.c where it does not; pins and frame
 * rely on it. */
static void check_may_call(sw_emitter *e)
{
    bool may_call = !e->facts->is_leaf && e->loop_region == 0;
    assert(may_call);
    if (!may_call) {
        sw_bl_fail(e, SW_INVALID);
    }
}

static sw_x64_mem base_home(const sw_emitter *e)
{
    return sw_x64_at(SW_RBP, e->base_disp);
}

static void after_call(sw_emitter *e, const sw_functype *t)
{
    sw_bl_restore_pins(e);
    push_call_results(e, t);
}

static void call_own(sw_emitter *e, uint32_t func)
{
    sw_x64_u8(&e->as, 0xe8);
    sw_fixup f = {.at = sw_bl_pos(e), .func = func};
    if (sw_vec_push(&e->fixups, f) != SW_OK) {
        sw_bl_fail(e, SW_NO_MEMORY);
    }
    sw_x64_u32(&e->as, 0);
}

static void call_import(sw_emitter *e, uint32_t func)
{
    int32_t cell = -(int32_t)e->layout->imports[func];
    sw_bl_store(e, SW_KIND_I64, SW_BASE, base_home(e));
    sw_bl_load(e, SW_KIND_I64, SW_RAX, sw_x64_at(SW_BASE, cell + SW_CELL_CODE));
    sw_bl_load(e, SW_KIND_I64, SW_BASE, sw_x64_at(SW_BASE, cell + SW_CELL_BASE));
    sw_x64_rr(&e->as, 0xff, 2, SW_RAX);
    sw_bl_load(e, SW_KIND_I64, SW_BASE, base_home(e));
}

void sw_lower_call(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t func = sw_leb_next_u32(&e->pos);
    const sw_functype *t = sw_module_functype(e->m, func);
    check_may_call(e);
    place_arguments(e, t);
    sw_bl_save_pins(e);
    if (func < e->m->imported_funcs) {
        call_import(e, func);
    } else {
        call_own(e, func);
    }
    after_call(e, t);
}

/* Pops the index and loads the cell's address, checked against the table's size. */
static void load_cell(sw_emitter *e, uint32_t table)
{
    sw_value v = sw_bl_pop(e);
    unsigned index = sw_bl_use(e, &v);
    sw_bl_take(e, SW_KIND_I64, CELL_REG);
    if (index == CELL_REG) { /* the index's own register */
        sw_bl_move(e, SW_KIND_I32, SW_SCRATCH, CELL_REG);
        index = SW_SCRATCH;
    }
    sw_x64_mem view = sw_bl_table_view(e, table, CELL_REG);
    sw_x64_mem count = view;
    count.disp += (int32_t)offsetof(sw_table_view, count);
    sw_x64_rm(&e->as, SW_X64_CMP | SW_X64_W, index, count);
    sw_bl_trap_if(e, SW_CC_AE, SW_TRAP_UNDEFINED_ELEMENT);
    sw_bl_load(e, SW_KIND_I64, CELL_REG, view);
    sw_bl_load(e, SW_KIND_I64, CELL_REG, sw_x64_at_index(CELL_REG, index, 3, 0));
    if (v.where == SW_IN_REG && v.reg != CELL_REG) {
        sw_bl_release(e, &v);
    }
}

/* A cell of a null element faults here: see SW_NULL_FAULT_LIMIT. */
static void check_cell_type(sw_emitter *e, uint32_t type, bool is_closed)
{
    if (is_closed) {
        uint32_t canonical = e->m->types[type].canonical;
        sw_x64_rm(&e->as, 0x81, SW_DIGIT_CMP, sw_x64_at(CELL_REG, SW_CELL_LOCAL_TYPE));
        sw_x64_u32(&e->as, canonical);
    } else {
        int32_t id = -(int32_t)e->layout->type_ids + 4 * (int32_t)type;
        sw_bl_load(e, SW_KIND_I32, SW_SCRATCH, sw_x64_at(SW_BASE, id));
        sw_x64_rm(&e->as, SW_X64_CMP, SW_SCRATCH, sw_x64_at(CELL_REG, SW_CELL_TYPE_ID));
    }
    sw_bl_trap_if(e, SW_CC_NE, SW_TRAP_INDIRECT_CALL_TYPE);
}

void sw_lower_call_indirect(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t type = sw_leb_next_u32(&e->pos);
    uint32_t table = sw_leb_next_u32(&e->pos);
    const sw_functype *t = &e->m->types[type].func;
    bool is_closed = e->layout->table_is_closed[table];
    check_may_call(e);
    load_cell(e, table);
    check_cell_type(e, type, is_closed);
    place_arguments(e, t);
    sw_bl_save_pins(e);
    if (!is_closed) {
        sw_bl_store(e, SW_KIND_I64, SW_BASE, base_home(e));
        sw_bl_load(e, SW_KIND_I64, SW_BASE, sw_x64_at(CELL_REG, SW_CELL_BASE));
    }
    sw_x64_rm(&e->as, 0xff, 2, sw_x64_at(CELL_REG, SW_CELL_CODE));
    if (!is_closed) {
        sw_bl_load(e, SW_KIND_I64, SW_BASE, base_home(e));
    }
    sw_bl_free_reg(e, SW_KIND_I64, CELL_REG);
    after_call(e, t);
}

void sw_bl_helper(sw_emitter *e, sw_helper helper, uint64_t first, unsigned count, unsigned result)
{
    move moves[SW_COUNTOF(helper_args)];
    bool has_first = first != UINT64_MAX;
    uint32_t from = e->height - count;
    check_may_call(e);
    sw_bl_spill_regs(e, from);
    for (unsigned i = 0; i < count; i++) {
        moves[i] = (move){e->stack[from + i], helper_args[i + has_first]};
    }
    move_all(e, moves, count);
    sw_bl_drop_to(e, from);
    sw_bl_save_pins(e);
    if (has_first) {
        sw_x64_mov_imm(&e->as, helper_args[0], first);
    }
    sw_x64_rr(&e->as, SW_X64_MOV | SW_X64_W, SW_RDI, SW_BASE);
    sw_bl_load(e, SW_KIND_I64, SW_RAX, sw_x64_at(SW_BASE, -SW_CTX_HELPERS));
    sw_x64_rm(&e->as, 0xff, 2, sw_x64_at(SW_RAX, 8 * (int32_t)helper));
    sw_bl_restore_pins(e);
    if (result != SW_NO_REG) {
        if (result == SW_KIND_I32) {
            sw_x64_rr(&e->as, SW_X64_MOV, SW_RAX, SW_RAX);
        }
        sw_bl_take(e, result, SW_RAX);
        sw_bl_push_reg(e, result, SW_RAX);
    }
}

/* ---- Thunks ---------------------------------------------------------------------------------- */

/* Arguments and results pass through untouched: neither goes over the stack. */
void sw_bl_thunk(sw_emitter *e, uint32_t import)
{
    sw_x64 *a = &e->as;
    int32_t cell = -(int32_t)e->layout->imports[import];
    sw_x64_push(a, SW_RBP);
    sw_x64_rr(a, SW_X64_MOV | SW_X64_W, SW_RBP, SW_RSP);
    sw_x64_push(a, SW_BASE);
    sw_x64_group_imm(a, SW_X64_W, SW_DIGIT_SUB, SW_RSP, 8);
    sw_bl_load(e, SW_KIND_I64, SW_RAX, sw_x64_at(SW_BASE, cell + SW_CELL_CODE));
    sw_bl_load(e, SW_KIND_I64, SW_BASE, sw_x64_at(SW_BASE, cell + SW_CELL_BASE));
    sw_x64_rr(a, 0xff, 2, SW_RAX);
    sw_bl_load(e, SW_KIND_I64, SW_BASE, sw_x64_at(SW_RBP, -8));
    sw_x64_u8(a, 0xc9); /* leave */
    sw_x64_u8(a, 0xc3);
}
