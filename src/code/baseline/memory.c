/*
 * Linear memory: loads, stores and the bulk instructions.
 *
 * Accesses to 32-bit memories have no checks: a base is followed by 4 GiB of addresses that an
 * index can reach and at least as much guard for the offset, so what is out of bounds faults. That
 * rests on indices being zero-extended; the knob check_indices proves it at run time.
 */
#include "code/baseline/emitter.h"

static sw_x64_mem memory_view(sw_emitter *e, uint32_t memory, unsigned through)
{
    sw_x64_mem m = sw_x64_at(SW_BASE, -(int32_t)e->layout->memories[memory]);
    if (memory >= e->m->imported_memories) {
        return m;
    }
    sw_bl_load(e, SW_KIND_I64, through, m);
    return sw_x64_at(through, 0);
}

static void check_index(sw_emitter *e, unsigned index)
{
    sw_x64_rr(&e->as, SW_X64_MOV, SW_SCRATCH, index);
    sw_x64_rr(&e->as, SW_X64_CMP | SW_X64_W, SW_SCRATCH, index);
    sw_bl_trap_if(e, SW_CC_NE, SW_TRAP_HOST);
}

typedef struct access {
    uint64_t offset;
    uint32_t memory;
} access;

/* Reads the memory argument. */
static inline access read_memarg(sw_emitter *e)
{
    uint32_t flags = sw_leb_next_u32(&e->pos);
    uint32_t memory = SW_UNLIKELY((flags & 0x40) != 0) ? sw_leb_next_u32(&e->pos) : 0;
    return (access){.offset = sw_leb_next_u64(&e->pos), .memory = memory};
}

/* The operand of the general case: an address that is constant, an offset that is no displacement,
 * a memory whose base must be loaded first. */
static sw_x64_mem hard_place(sw_emitter *e, access in, sw_value *address)
{
    unsigned base = SW_BASE, index = SW_X64_NO_INDEX;
    if (e->m->memories[in.memory].limits.is_64) {
        sw_bl_fail(e, SW_UNSUPPORTED);
    }
    if (address->where == SW_IN_CONST && in.offset + address->bits <= INT32_MAX) {
        in.offset += address->bits;
    } else {
        index = sw_bl_use(e, address);
        if (e->knobs.check_indices) {
            check_index(e, index);
        }
    }
    if (in.memory != 0 || !e->layout->owns_memory0) {
        base = SW_SCRATCH;
        sw_bl_load(e, SW_KIND_I64, base, memory_view(e, in.memory, SW_SCRATCH));
    }
    if (in.offset > INT32_MAX) { /* a displacement is signed */
        sw_bl_move(e, SW_KIND_I64, SW_SCRATCH, base);
        base = SW_SCRATCH;
        sw_x64_group_imm(&e->as, SW_X64_W, SW_DIGIT_SUB, SW_SCRATCH, INT32_MIN);
        in.offset -= UINT64_C(1) << 31;
    }
    return sw_x64_at_index(base, index, 0, (int32_t)in.offset);
}

/* The operand for an access at the popped address; may use the scratch register. */
static inline sw_x64_mem access_place(sw_emitter *e, access in, sw_value *address)
{
    if (SW_LIKELY(address->where != SW_IN_CONST && in.memory == 0 && in.offset <= INT32_MAX &&
                  e->is_memory0_direct)) {
        return sw_x64_at_index(SW_BASE, sw_bl_use(e, address), 0, (int32_t)in.offset);
    }
    return hard_place(e, in, address);
}

static inline void emit_access(sw_emitter *e, const sw_row *row, unsigned reg, sw_x64_mem m)
{
    if (sw_kind_is_float(row->kind)) {
        sw_x64_vrm(&e->as, row->op, reg, 0, m);
    } else if (SW_LIKELY(m.base == SW_BASE && m.index != SW_X64_NO_INDEX)) {
        sw_x64_r13_index(&e->as, row->op, reg, m.index, m.disp);
    } else {
        sw_x64_rm(&e->as, row->op, reg, m);
    }
}

void sw_lower_load(sw_emitter *e, const sw_row *row)
{
    access in = read_memarg(e);
    sw_value address = sw_bl_pop(e);
    sw_dest d = sw_bl_dest(e, row->kind);
    sw_x64_mem from = access_place(e, in, &address);
    unsigned reg = sw_bl_dest_reg(e, &d, &address, NULL);
    emit_access(e, row, reg, from);
    sw_bl_finish(e, &d);
}

/* mov [to], constant; bytes are 1, 2, 4 or 8. */
static void store_imm(sw_emitter *e, unsigned bytes, uint32_t bits, sw_x64_mem to)
{
    sw_x64 *a = &e->as;
    switch (bytes) {
    case 1:
        sw_x64_rm(a, 0xc6, 0, to);
        sw_x64_u8(a, bits);
        break;
    case 2:
        sw_x64_rm(a, 0xc7 | SW_X64_66, 0, to);
        sw_x64_u8(a, bits);
        sw_x64_u8(a, bits >> 8);
        break;
    default: sw_x64_rm(a, 0xc7 | (bytes == 8 ? SW_X64_W : 0), 0, to); sw_x64_u32(a, bits);
    }
}

/* row->detail is the number of bytes. */
void sw_lower_store(sw_emitter *e, const sw_row *row)
{
    access in = read_memarg(e);
    sw_value v = sw_bl_pop(e), address = sw_bl_pop(e);
    bool is_imm = v.where == SW_IN_CONST && (row->detail < 8 || (int64_t)v.bits == (int32_t)v.bits);
    if (is_imm) {
        store_imm(e, row->detail, (uint32_t)v.bits, access_place(e, in, &address));
        sw_bl_release(e, &address);
        return;
    }
    unsigned reg = sw_bl_use(e, &v);
    sw_x64_mem to = access_place(e, in, &address);
    emit_access(e, row, reg, to);
    sw_bl_release(e, &v);
    sw_bl_release(e, &address);
}

void sw_lower_memory_size(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t memory = sw_leb_next_u32(&e->pos);
    sw_dest d = sw_bl_dest(e, SW_KIND_I32);
    unsigned reg = sw_bl_dest_fresh(e, &d);
    sw_x64_mem view = memory_view(e, memory, SW_SCRATCH);
    view.disp += (int32_t)offsetof(sw_memory_view, size_bytes);
    sw_bl_load(e, SW_KIND_I64, reg, view);
    sw_x64_shift_imm(&e->as, SW_X64_W, SW_DIGIT_SHR, reg, e->m->memories[memory].limits.page_log2);
    sw_bl_finish(e, &d);
}

/* ---- Bulk instructions, by helpers ----------------------------------------------------------- */

static uint64_t pair(uint32_t high, uint32_t low)
{
    return (uint64_t)high << 32 | low;
}

void sw_lower_memory_grow(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t memory = sw_leb_next_u32(&e->pos);
    sw_bl_helper(e, SW_HELPER_MEMORY_GROW, memory, 1, SW_KIND_I32);
}

void sw_lower_memory_fill(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t memory = sw_leb_next_u32(&e->pos);
    sw_bl_helper(e, SW_HELPER_MEMORY_FILL, memory, 3, SW_NO_REG);
}

void sw_lower_memory_init(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t data = sw_leb_next_u32(&e->pos);
    uint32_t memory = sw_leb_next_u32(&e->pos);
    sw_bl_helper(e, SW_HELPER_MEMORY_INIT, pair(memory, data), 3, SW_NO_REG);
}

void sw_lower_memory_copy(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t to = sw_leb_next_u32(&e->pos);
    uint32_t from = sw_leb_next_u32(&e->pos);
    sw_bl_helper(e, SW_HELPER_MEMORY_COPY, pair(to, from), 3, SW_NO_REG);
}

void sw_lower_table_init(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t elem = sw_leb_next_u32(&e->pos);
    uint32_t table = sw_leb_next_u32(&e->pos);
    sw_bl_helper(e, SW_HELPER_TABLE_INIT, pair(table, elem), 3, SW_NO_REG);
}

void sw_lower_table_copy(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t to = sw_leb_next_u32(&e->pos);
    uint32_t from = sw_leb_next_u32(&e->pos);
    sw_bl_helper(e, SW_HELPER_TABLE_COPY, pair(to, from), 3, SW_NO_REG);
}

void sw_lower_table_grow(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t table = sw_leb_next_u32(&e->pos);
    sw_bl_helper(e, SW_HELPER_TABLE_GROW, table, 2, SW_KIND_I32);
}

void sw_lower_table_fill(sw_emitter *e, const sw_row *row)
{
    (void)row;
    uint32_t table = sw_leb_next_u32(&e->pos);
    sw_bl_helper(e, SW_HELPER_TABLE_FILL, table, 3, SW_NO_REG);
}

/* data.drop and elem.drop: row->detail is the helper. */
void sw_lower_segment_drop(sw_emitter *e, const sw_row *row)
{
    uint32_t segment = sw_leb_next_u32(&e->pos);
    sw_bl_helper(e, (sw_helper)row->detail, segment, 0, SW_NO_REG);
}
