/*
 * Initialising an instance in the standard's order: globals, tables, element segments, data
 * segments, start function. Segments that the compiler has baked in are there already.
 */
#include "run/internal.h"

#include "wasm/const_expr.h"

/* ---- Values ---------------------------------------------------------------------------------- */

static bool get_global(void *ctx, uint32_t global, uint64_t *ret_bits)
{
    const sw_instance *i = ctx;
    *ret_bits = sw_instance_global(i, global)->i64;
    return true;
}

static bool get_func(void *ctx, uint32_t func, uint64_t *ret_bits)
{
    *ret_bits = (uint64_t)(uintptr_t)sw_instance_cell(ctx, func);
    return true;
}

uint64_t sw_instance_eval(const sw_instance *i, const sw_image_init *init)
{
    uint64_t bits = init->bits[0];
    switch ((sw_init_kind)init->kind) {
    case SW_INIT_BITS: break;
    case SW_INIT_GLOBAL: bits = sw_instance_global(i, init->index)->i64; break;
    case SW_INIT_FUNC: bits = (uint64_t)(uintptr_t)sw_instance_cell(i, init->index); break;
    case SW_INIT_EXPR: {
        sw_const_env env = {get_global, get_func, (void *)(uintptr_t)i};
        bool known = sw_const_expr_eval(i->code->module + init->index, &env, &bits);
        SW_CHECK(known);
        break;
    }
    }
    return bits;
}

/* The value of an item as the entry of a closed or an open table. */
static uint64_t eval_item(const sw_instance *i, uint32_t item, bool is_closed)
{
    uint32_t index = item & ~SW_ELEM_ITEM_KIND_MASK;
    switch (item & SW_ELEM_ITEM_KIND_MASK) {
    case SW_ELEM_ITEM_FUNC: {
        const sw_func_cell *cell =
            is_closed ? sw_code_closed_cell(i->code, index) : sw_instance_cell(i, index);
        SW_CHECK(cell != NULL);
        return (uint64_t)(uintptr_t)cell;
    }
    case SW_ELEM_ITEM_GLOBAL: return sw_instance_global(i, index)->i64;
    default: return 0;
    }
}

static void init_globals(sw_instance *i)
{
    const sw_code *c = i->code;
    for (uint32_t g = c->image->imported_globals; g < c->globals_count; g++) {
        const sw_image_global *global = &c->globals[g];
        sw_value_slot *to = sw_instance_global(i, g);
        if (global->type == SW_TYPE_V128) {
            const void *from = global->init.kind == SW_INIT_GLOBAL
                                   ? (const void *)sw_instance_global(i, global->init.index)
                                   : (const void *)global->init.bits;
            memcpy(to->v128, from, sizeof(to->v128));
        } else {
            uint64_t bits = sw_instance_eval(i, &global->init);
            memcpy(to, &bits, sizeof(bits));
        }
    }
}

static void init_tables(sw_instance *i)
{
    const sw_code *c = i->code;
    for (uint32_t t = c->image->imported_tables; t < c->tables_count; t++) {
        const sw_image_init *init = &c->tables[t].init;
        sw_table_view *view = i->tables[t]->view;
        uint64_t bits = i->tables[t]->is_closed && init->kind == SW_INIT_FUNC
                            ? eval_item(i, SW_ELEM_ITEM_FUNC | init->index, true)
                            : sw_instance_eval(i, init);
        for (uint64_t k = 0; bits != 0 && k < view->count; k++) {
            view->entries[k] = bits;
        }
    }
}

/* ---- Segments -------------------------------------------------------------------------------- */

static bool in_range(uint64_t at, uint64_t len, uint64_t size)
{
    return at <= size && len <= size - at;
}

/* Entries or bytes moved between two looks at the deadline. */
#define CHUNK_ENTRIES ((uint64_t)64 * 1024)
#define CHUNK_BYTES   ((uint64_t)4 << 20)

static sw_trap copy_items(sw_instance *i, sw_table_object *t, const uint32_t *items, uint64_t dst,
                          uint64_t len)
{
    uint64_t *to = t->view->entries + dst;
    for (uint64_t k = 0; k < len; k++) {
        if (k % CHUNK_ENTRIES == CHUNK_ENTRIES - 1) {
            sw_trap stop = sw_store_poll(i->store);
            if (stop != SW_TRAP_NONE) {
                return stop;
            }
        }
        to[k] = eval_item(i, items[k], t->is_closed);
    }
    return SW_TRAP_NONE;
}

/* A segment's items [src, src + len), whether it is dropped or not. */
static sw_trap put_elem(sw_instance *i, uint32_t table, const sw_image_elem *e, uint64_t count,
                        const uint64_t range[3])
{
    sw_table_object *t = i->tables[table];
    uint64_t dst = range[0], src = range[1], len = range[2];
    if (!in_range(src, len, count) || !in_range(dst, len, t->view->count)) {
        return SW_TRAP_TABLE_OUT_OF_BOUNDS;
    }
    if (len != 0 && sw_table_unshare(t) != SW_OK) {
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    return copy_items(i, t, i->code->items + e->items_start + src, dst, len);
}

sw_trap sw_table_init(sw_instance *i, uint32_t table, uint32_t elem, uint64_t dst, uint64_t src,
                      uint64_t len)
{
    const sw_image_elem *e = &i->code->elems[elem];
    uint64_t count = sw_instance_elem_is_dropped(i, elem) ? 0 : e->items_count;
    return put_elem(i, table, e, count, (const uint64_t[]){dst, src, len});
}

static sw_trap put_data(sw_instance *i, uint32_t memory, const sw_image_data *d, uint64_t count,
                        const uint64_t range[3])
{
    const sw_memory_view *view = i->memories[memory]->view;
    uint64_t dst = range[0], src = range[1], len = range[2];
    if (!in_range(src, len, count) || !in_range(dst, len, view->size_bytes)) {
        return SW_TRAP_MEMORY_OUT_OF_BOUNDS;
    }
    const uint8_t *from = i->code->module + d->start + src;
    for (uint64_t done = 0; done < len; done += CHUNK_BYTES) {
        sw_trap stop = done == 0 ? SW_TRAP_NONE : sw_store_poll(i->store);
        if (stop != SW_TRAP_NONE) {
            return stop;
        }
        memcpy(view->base + dst + done, from + done, (size_t)SW_MIN(len - done, CHUNK_BYTES));
    }
    return SW_TRAP_NONE;
}

sw_trap sw_memory_init(sw_instance *i, uint32_t memory, uint32_t data, uint64_t dst, uint64_t src,
                       uint64_t len)
{
    const sw_image_data *d = &i->code->datas[data];
    uint64_t count = sw_instance_data_is_dropped(i, data) ? 0 : d->len;
    return put_data(i, memory, d, count, (const uint64_t[]){dst, src, len});
}

static sw_trap init_elems(sw_instance *i)
{
    const sw_code *c = i->code;
    for (uint32_t e = c->image->first_elem; e < c->elems_count; e++) {
        const sw_image_elem *elem = &c->elems[e];
        if (elem->mode != SW_SEGMENT_ACTIVE) {
            continue;
        }
        uint64_t range[] = {sw_instance_eval(i, &elem->offset), 0, elem->items_count};
        sw_trap trap = put_elem(i, elem->table, elem, elem->items_count, range);
        if (trap != SW_TRAP_NONE) {
            sw_trap_set(i->store, trap, "%s: element segment %u", sw_trap_text(trap), e);
            return trap;
        }
    }
    return SW_TRAP_NONE;
}

static sw_trap init_datas(sw_instance *i)
{
    const sw_code *c = i->code;
    for (uint32_t d = c->image->first_data; d < c->datas_count; d++) {
        const sw_image_data *data = &c->datas[d];
        if (data->mode != SW_SEGMENT_ACTIVE) {
            continue;
        }
        uint64_t range[] = {sw_instance_eval(i, &data->offset), 0, data->len};
        sw_trap trap = put_data(i, data->memory, data, data->len, range);
        if (trap != SW_TRAP_NONE) {
            sw_trap_set(i->store, trap, "%s: data segment %u", sw_trap_text(trap), d);
            return trap;
        }
    }
    return SW_TRAP_NONE;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static sw_status run_start(sw_instance *i)
{
    const sw_code *c = i->code;
    uint32_t func = c->image->start;
    if (func == SW_NO_INDEX) {
        return SW_OK;
    }
    sw_func_cell cell =
        func < c->image->imported_funcs
            ? *sw_instance_cell(i, func)
            : (sw_func_cell){.code = c->text + c->funcs[func].code_start, .base = i->base};
    sw_regs regs;
    return sw_call_regs(i->store, &cell, &regs);
}

sw_status sw_instance_initialize(sw_instance *i, sw_diag *diag)
{
    sw_trap trap = SW_TRAP_NONE;
    init_globals(i);
    init_tables(i);
    if (i->code->image->first_elem < i->code->elems_count) {
        trap = init_elems(i);
        /* The data that is baked in must not be there: another instance may look, through what
         * earlier segments have put into its tables. */
        if (trap != SW_TRAP_NONE && i->slot != NULL && i->code->runs_count != 0) {
            sw_status st = sw_slot_blank(i->slot);
            SW_CHECK(st == SW_OK);
        }
    }
    if (trap == SW_TRAP_NONE && i->code->image->first_data < i->code->datas_count) {
        trap = init_datas(i);
    }
    if (trap != SW_TRAP_NONE) {
        return sw_fail(diag, SW_TRAP, SW_NO_OFFSET, "%s", i->store->trap.text);
    }
    sw_status st = run_start(i);
    return st == SW_TRAP
               ? sw_fail(diag, st, SW_NO_OFFSET, "start function: %s", i->store->trap.text)
               : st;
}
