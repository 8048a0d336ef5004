/* Constants, locals, globals, tables and references. */
#include "code/baseline/emitter.h"

void sw_lower_drop(sw_emitter *e, const sw_row *row)
{
    (void)row;
    sw_value v = sw_bl_pop(e);
    sw_bl_release(e, &v);
}

void sw_lower_const(sw_emitter *e, const sw_row *row)
{
    uint64_t bits = 0;
    switch ((sw_kind)row->kind) {
    case SW_KIND_I32: bits = (uint32_t)sw_leb_next_s32(&e->pos); break;
    case SW_KIND_I64: bits = (uint64_t)sw_leb_next_s64(&e->pos); break;
    case SW_KIND_F32:
        memcpy(&bits, e->pos, 4);
        e->pos += 4;
        break;
    case SW_KIND_F64:
        memcpy(&bits, e->pos, 8);
        e->pos += 8;
        break;
    }
    sw_bl_push_const(e, row->kind, bits);
}

/* ---- Locals ---------------------------------------------------------------------------------- */

/* The local's index. Validation has counted this use of it; without that it would have no place,
 * and code for it would reach whatever is where another function had one. */
static uint32_t next_local(sw_emitter *e)
{
    uint32_t local = sw_leb_next_u32(&e->pos);
    SW_CHECK(e->facts->local_weights[local] != 0);
    return local;
}

void sw_lower_local_get(sw_emitter *e, const sw_row *row)
{
    (void)row;
    sw_bl_push_local(e, next_local(e));
}

static void write_local(sw_emitter *e, uint32_t local, const sw_value *v)
{
    const sw_local *l = &e->locals[local];
    if (l->pin != SW_NO_REG) {
        sw_bl_load_value(e, v, l->pin);
        sw_bl_mirror(e, local);
    } else {
        sw_bl_store_value(e, v, sw_x64_at(SW_RBP, l->home));
    }
}

void sw_lower_local_set(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t local = next_local(e);
    sw_value v = sw_bl_pop(e);
    if (v.where == SW_IN_LOCAL && v.index == local) {
        return;
    }
    sw_bl_flush_local(e, local);
    write_local(e, local, &v);
    sw_bl_release(e, &v);
}

void sw_lower_local_tee(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t local = next_local(e);
    sw_value v = sw_bl_pop(e);
    if (v.where == SW_IN_LOCAL && v.index == local) {
        sw_bl_push_local(e, local);
        return;
    }
    sw_bl_flush_local(e, local);
    write_local(e, local, &v);
    if (v.where == SW_IN_CONST) {
        sw_bl_push_const(e, v.kind, v.bits);
    } else if (v.where == SW_IN_REG && e->locals[local].pin == SW_NO_REG) {
        sw_bl_push_reg(e, v.kind, v.reg);
    } else {
        sw_bl_release(e, &v);
        sw_bl_push_local(e, local);
    }
}

/* ---- Globals --------------------------------------------------------------------------------- */

/* Where the global is; loads the address of an imported one into the register `through`. */
static sw_x64_mem global_place(sw_emitter *e, uint32_t global, unsigned through)
{
    sw_x64_mem m = sw_x64_at(SW_BASE, -(int32_t)e->layout->globals[global]);
    if (global >= e->m->imported_globals) {
        return m;
    }
    sw_bl_load(e, SW_KIND_I64, through, m);
    return sw_x64_at(through, 0);
}

void sw_lower_global_get(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t global = sw_leb_next_u32(&e->pos);
    sw_dest d = sw_bl_dest(e, sw_kind_of(e->m->globals[global].type.type));
    unsigned reg = sw_bl_dest_fresh(e, &d);
    sw_bl_load(e, d.kind, reg, global_place(e, global, SW_SCRATCH));
    sw_bl_finish(e, &d);
}

void sw_lower_global_set(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t global = sw_leb_next_u32(&e->pos);
    sw_value v = sw_bl_pop(e);
    if (global < e->m->imported_globals) {
        unsigned reg = sw_bl_use(e, &v); /* the scratch register is needed for the address */
        sw_bl_store(e, v.kind, reg, global_place(e, global, SW_SCRATCH));
    } else {
        sw_bl_store_value(e, &v, global_place(e, global, SW_SCRATCH));
    }
    sw_bl_release(e, &v);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

sw_x64_mem sw_bl_table_view(sw_emitter *e, uint32_t t, unsigned through)
{
    sw_x64_mem m = sw_x64_at(SW_BASE, -(int32_t)e->layout->tables[t]);
    if (t >= e->m->imported_tables) {
        return m;
    }
    sw_bl_load(e, SW_KIND_I64, through, m);
    return sw_x64_at(through, 0);
}

static sw_x64_mem count_of(sw_x64_mem view)
{
    view.disp += (int32_t)offsetof(sw_table_view, count);
    return view;
}

/* The place of an element, whose index is checked; uses the scratch register. */
static sw_x64_mem element_place(sw_emitter *e, uint32_t table, unsigned index)
{
    sw_x64_mem view = sw_bl_table_view(e, table, SW_SCRATCH);
    sw_x64_rm(&e->as, SW_X64_CMP | SW_X64_W, index, count_of(view));
    sw_bl_trap_if(e, SW_CC_AE, SW_TRAP_TABLE_OUT_OF_BOUNDS);
    sw_bl_load(e, SW_KIND_I64, SW_SCRATCH, view);
    return sw_x64_at_index(SW_SCRATCH, index, 3, 0);
}

void sw_lower_table_get(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t table = sw_leb_next_u32(&e->pos);
    sw_value v = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, SW_KIND_I64);
    sw_x64_mem from = element_place(e, table, sw_bl_use(e, &v));
    unsigned reg = sw_bl_dest_reg(e, &d, &v, NULL);
    sw_bl_load(e, SW_KIND_I64, reg, from);
    sw_bl_finish(e, &d);
}

void sw_lower_table_set(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t table = sw_leb_next_u32(&e->pos);
    sw_value v = sw_bl_pop(e), at = sw_bl_pop(e);
    unsigned reg = sw_bl_use(e, &v);
    sw_bl_store(e, SW_KIND_I64, reg, element_place(e, table, sw_bl_use(e, &at)));
    sw_bl_release(e, &v);
    sw_bl_release(e, &at);
}

void sw_lower_table_size(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t table = sw_leb_next_u32(&e->pos);
    sw_dest d = sw_bl_dest(e, SW_KIND_I32);
    unsigned reg = sw_bl_dest_fresh(e, &d);
    sw_bl_load(e, SW_KIND_I32, reg, count_of(sw_bl_table_view(e, table, SW_SCRATCH)));
    sw_bl_finish(e, &d);
}

/* ---- References ------------------------------------------------------------------------------ */

void sw_lower_ref_null(sw_emitter *e, const sw_row *row)
{
    (void)row;
    (void)sw_leb_next_s64(&e->pos);
    sw_bl_push_const(e, SW_KIND_I64, 0);
}

void sw_lower_ref_func(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t func = sw_leb_next_u32(&e->pos);
    uint32_t cell = e->layout->cells[func];
    SW_CHECK(cell != 0);
    sw_dest d = sw_bl_dest(e, SW_KIND_I64);
    unsigned reg = sw_bl_dest_fresh(e, &d);
    sw_x64_rm(&e->as, SW_X64_LEA | SW_X64_W, reg, sw_x64_at(SW_BASE, -(int32_t)cell));
    sw_bl_finish(e, &d);
}
