/*
 * Making an instance: everything that may fail first, then the context, then the instance becomes
 * part of its store. From there on its functions may get into other instances, so it stays, even
 * if its initialisation traps.
 */
#include "run/internal.h"

/* ---- Reading --------------------------------------------------------------------------------- */

sw_code *sw_instance_code(const sw_instance *i)
{
    return i->code;
}

sw_store *sw_instance_store(const sw_instance *i)
{
    return i->store;
}

sw_value_slot *sw_instance_global(const sw_instance *i, uint32_t global)
{
    void *at = sw_instance_at(i, i->code->layout.globals[global]);
    return global < i->code->image->imported_globals ? *(sw_value_slot **)at : at;
}

const sw_func_cell *sw_instance_cell(const sw_instance *i, uint32_t func)
{
    uint32_t distance = i->code->layout.cells[func];
    if (func < i->code->image->imported_funcs) {
        distance = i->code->layout.imports[func];
    }
    SW_CHECK(distance != 0);
    return sw_instance_at(i, distance);
}

static bool bit_is_set(const sw_instance *i, uint64_t bit)
{
    return (i->dropped[bit / 64] >> (bit % 64) & 1) != 0;
}

/* Only passive segments outlive instantiation. */
bool sw_instance_elem_is_dropped(const sw_instance *i, uint32_t elem)
{
    return i->code->elems[elem].mode != SW_SEGMENT_PASSIVE || bit_is_set(i, elem);
}

bool sw_instance_data_is_dropped(const sw_instance *i, uint32_t data)
{
    return i->code->datas[data].mode != SW_SEGMENT_PASSIVE ||
           bit_is_set(i, (uint64_t)i->code->elems_count + data);
}

void sw_instance_drop_elem(sw_instance *i, uint32_t elem)
{
    i->dropped[elem / 64] |= UINT64_C(1) << (elem % 64);
}

void sw_instance_drop_data(sw_instance *i, uint32_t data)
{
    uint64_t bit = (uint64_t)i->code->elems_count + data;
    i->dropped[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* ---- Taking what it needs -------------------------------------------------------------------- */

static void *front_at(const sw_instance *i, uint32_t offset)
{
    return i->base - i->code->front_bytes + offset;
}

static sw_memory_object *own_memory(const sw_instance *i, uint32_t memory)
{
    sw_memory_object *own = front_at(i, i->code->own_memories_at);
    return &own[memory - i->code->image->imported_memories];
}

static sw_table_object *own_table(const sw_instance *i, uint32_t table)
{
    sw_table_object *own = front_at(i, i->code->own_tables_at);
    return &own[table - i->code->image->imported_tables];
}

/* What all own memories and tables together take from the store's limits. */
static sw_status take_limits(sw_store *s, const sw_code *c, sw_diag *diag)
{
    for (uint32_t m = c->image->imported_memories; m < c->memories_count; m++) {
        sw_memtype type = sw_code_memory_type(c, m);
        SW_TRY(sw_memory_check_type(&type.limits, diag));
        if (!sw_store_take_memory(s, type.limits.min << type.limits.page_log2)) {
            return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "the store's memory limit is reached");
        }
    }
    for (uint32_t t = c->image->imported_tables; t < c->tables_count; t++) {
        if (c->tables[t].is_64 != 0) {
            return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET, "64-bit tables");
        }
        if (!sw_store_take_elements(s, c->tables[t].min)) {
            return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "the store's table limit is reached");
        }
    }
    return SW_OK;
}

/* Room in the store's lists, so that linking the instance in cannot fail. */
static sw_status reserve_lists(sw_store *s, const sw_code *c)
{
    uint32_t slots = c->memories_count - c->image->imported_memories;
    SW_TRY(sw_vec_reserve(&s->reservations, s->reservations.count + slots));
    SW_TRY(sw_vec_reserve(&s->codes, s->codes.count + 1));
    return sw_store_need_args(s, c->args_bytes);
}

/* The front and memory 0. */
static sw_status take_front(sw_store *s, sw_code *c, sw_instance **ret_instance)
{
    sw_slot *slot = NULL;
    uint8_t *block = NULL, *base;
    if (!sw_budget_charge(&s->budget, c->front_bytes)) {
        return SW_NO_MEMORY;
    }
    if (c->layout.owns_memory0) {
        const sw_image_memory *m = &c->memories[0];
        sw_slot_need need = {c->front_bytes, (size_t)(m->min << m->page_log2), c};
        sw_status st = sw_slot_acquire(&s->engine->slots, &need, &slot);
        if (st != SW_OK) {
            sw_budget_release(&s->budget, c->front_bytes);
            return st;
        }
        base = slot->base;
    } else {
        block = sw_alloc(NULL, c->front_bytes);
        if (block == NULL) {
            sw_budget_release(&s->budget, c->front_bytes);
            return SW_NO_MEMORY;
        }
        base = block + c->front_bytes;
    }
    sw_instance *i = (void *)(base - c->front_bytes + c->instance_at);
    *i = (sw_instance){.store = s, .code = c, .base = base, .block = block, .slot = slot};
    i->memories = front_at(i, c->memories_at);
    i->tables = front_at(i, c->tables_at);
    i->dropped = front_at(i, c->dropped_at);
    *ret_instance = i;
    return SW_OK;
}

void sw_instance_destroy(sw_instance *i)
{
    const sw_code *c = i->code;
    sw_store *s = i->store;
    for (uint32_t t = c->image->imported_tables; t < c->tables_count; t++) {
        if (own_table(i, t)->heap_count != 0) {
            sw_table_free_entries(own_table(i, t));
        }
    }
    for (uint32_t m = c->image->imported_memories; m < c->memories_count; m++) {
        sw_slot *slot = own_memory(i, m)->slot;
        if (slot != NULL && slot != i->slot) {
            sw_slot_release(&s->engine->slots, slot, NULL);
        }
    }
    uint32_t exports = sw_code_exports_count(c);
    for (uint32_t x = 0; i->exports != NULL && x < exports; x++) {
        sw_code_export e;
        sw_code_get_export(c, x, &e);
        if (e.type.kind == SW_EXTERN_GLOBAL) {
            sw_free(&s->budget, i->exports[x].global, sizeof(sw_global_object));
        }
    }
    sw_free(&s->budget, i->exports, exports * sizeof(*i->exports));
    sw_budget_release(&s->budget, c->front_bytes);
    if (i->slot != NULL) {
        sw_slot_release(&s->engine->slots, i->slot, c);
    } else {
        sw_free(NULL, i->block, c->front_bytes);
    }
}

/* ---- Own memories and tables ----------------------------------------------------------------- */

static sw_status make_memory(sw_instance *i, uint32_t memory)
{
    sw_memory_object *m = own_memory(i, memory);
    bool is_first = memory == 0 && i->slot != NULL;
    m->store = i->store;
    m->type = sw_code_memory_type(i->code, memory);
    m->max_pages = sw_memory_max_pages(&m->type.limits);
    uint64_t bytes = m->type.limits.min << m->type.limits.page_log2;
    m->view = sw_instance_at(i, is_first ? SW_CTX_MEMORY0 : i->code->layout.memories[memory]);
    if (is_first) {
        m->slot = i->slot;
    } else {
        sw_slot_need need = {.memory_bytes = (size_t)bytes};
        SW_TRY(sw_slot_acquire(&i->store->engine->slots, &need, &m->slot));
    }
    *m->view = (sw_memory_view){m->slot->base, bytes};
    i->memories[memory] = m;
    return SW_OK;
}

static sw_status make_table(sw_instance *i, uint32_t table, uint64_t **front_entries)
{
    const sw_image_table *type = &i->code->tables[table];
    sw_table_object *t = own_table(i, table);
    bool is_first = table == 0 && i->code->layout.owns_table0;
    t->store = i->store;
    t->type = sw_code_table_type(i->code, table);
    t->view = sw_instance_at(i, is_first ? SW_CTX_TABLE0 : i->code->layout.tables[table]);
    t->is_closed = type->is_closed != 0;
    i->tables[table] = t;
    if (type->baked_start != SW_NO_INDEX) {
        t->is_shared = true;
        *t->view = (sw_table_view){i->code->baked + type->baked_start, type->min};
    } else if (i->code->entries_in_front) {
        *t->view = (sw_table_view){*front_entries, type->min};
        *front_entries += type->min;
    } else {
        SW_TRY(sw_table_alloc(t, type->min));
    }
    t->capacity = SW_MAX(t->capacity, t->view->count);
    return SW_OK;
}

static sw_status make_objects(sw_instance *i)
{
    const sw_code *c = i->code;
    for (uint32_t m = c->image->imported_memories; m < c->memories_count; m++) {
        SW_TRY(make_memory(i, m));
    }
    uint64_t *front_entries = front_at(i, c->entries_at);
    for (uint32_t t = c->image->imported_tables; t < c->tables_count; t++) {
        SW_TRY(make_table(i, t, &front_entries));
    }
    return SW_OK;
}

/* ---- The context ----------------------------------------------------------------------------- */

static void put_pointer(const sw_instance *i, uint32_t distance, const void *p)
{
    memcpy(sw_instance_at(i, distance), &p, sizeof(p));
}

static void put_import(sw_instance *i, const sw_image_import *m, const sw_extern *x)
{
    const sw_layout *l = &i->code->layout;
    switch (x->kind) {
    case SW_EXTERN_FUNC:
        memcpy(sw_instance_at(i, l->imports[m->index]), x->func.cell, sizeof(sw_func_cell));
        break;
    case SW_EXTERN_TABLE:
        i->tables[m->index] = x->table;
        put_pointer(i, l->tables[m->index], x->table->view);
        break;
    case SW_EXTERN_MEMORY:
        i->memories[m->index] = x->memory;
        put_pointer(i, l->memories[m->index], x->memory->view);
        break;
    case SW_EXTERN_GLOBAL: put_pointer(i, l->globals[m->index], x->global->value); break;
    case SW_EXTERN_TAG: break;
    }
}

static sw_func_cell make_cell(const sw_instance *i, uint32_t func)
{
    const sw_code *c = i->code;
    uint32_t type = c->funcs[func].type;
    return (sw_func_cell){
        .code = c->text + c->funcs[func].code_start,
        .base = i->base,
        .type_id = c->type_ids[type],
        .local_type = c->image_types[type].canonical,
        .func = func,
    };
}

static void fill_context(sw_instance *i, const sw_extern *imports)
{
    const sw_code *c = i->code;
    put_pointer(i, SW_CTX_ARGS, i->store->args);
    put_pointer(i, SW_CTX_INSTANCE, i);
    put_pointer(i, SW_CTX_HELPERS, SW_HELPERS);
    for (uint32_t k = 0; k < c->imports_count; k++) {
        put_import(i, &c->imports[k], &imports[k]);
    }
    for (uint32_t k = 0; k < c->cells_count; k++) {
        sw_func_cell *cell = sw_instance_at(i, c->cells[k].distance);
        *cell = make_cell(i, c->cells[k].func);
    }
    if (c->layout.type_ids != 0) {
        memcpy(sw_instance_at(i, c->layout.type_ids), c->type_ids,
               c->types_count * sizeof(uint32_t));
    }
}

/* ---- Becoming part of the store -------------------------------------------------------------- */

static void add_code(sw_store *s, sw_code *c)
{
    uintptr_t start = (uintptr_t)c->text;
    size_t at = s->codes.count;
    while (at > 0 && s->codes.at[at - 1].start > start) {
        at--;
    }
    if (at > 0 && s->codes.at[at - 1].code == c) {
        return;
    }
    memmove(&s->codes.at[at + 1], &s->codes.at[at], (s->codes.count - at) * sizeof(*s->codes.at));
    s->codes.at[at] = (sw_store_code){start, start + c->text_bytes, sw_code_ref(c)};
    s->codes.count++;
}

static void link_in(sw_instance *i)
{
    sw_store *s = i->store;
    add_code(s, i->code);
    for (uint32_t m = i->code->image->imported_memories; m < i->code->memories_count; m++) {
        uintptr_t base = (uintptr_t)own_memory(i, m)->slot->base;
        s->reservations.at[s->reservations.count++] =
            (sw_store_range){base, base + SW_SLOT_SPACE_BYTES};
    }
    s->instances_count++;
    i->next = atomic_load_explicit(&s->instances, memory_order_relaxed);
    atomic_store(&s->instances, i);
    if (atomic_load(&s->pending) != 0) {
        atomic_store((_Atomic uint8_t *)(i->base - SW_CTX_INTERRUPT), 1);
    }
}

static sw_status make(sw_store *s, sw_code *code, const sw_extern *imports,
                      sw_instance **ret_instance)
{
    sw_instance *i;
    SW_TRY(reserve_lists(s, code));
    SW_TRY(take_front(s, code, &i));
    sw_status st = make_objects(i);
    if (st != SW_OK) {
        sw_instance_destroy(i);
        return st;
    }
    fill_context(i, imports);
    link_in(i);
    *ret_instance = i;
    return SW_OK;
}

sw_status sw_instance_new(sw_store *s, sw_code *code, const sw_extern *imports, sw_diag *diag,
                          sw_instance **ret_instance)
{
    if (s->engine != code->engine) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "the code belongs to another engine");
    }
    if (s->instances_count >= s->limits.instances) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "the store's instance limit is reached");
    }
    SW_TRY(sw_link_check(s, code, imports, diag));
    uint64_t memory_bytes = s->memory_bytes, table_elements = s->table_elements;
    sw_instance *i;
    sw_status st = take_limits(s, code, diag);
    if (st == SW_OK) {
        st = make(s, code, imports, &i);
    }
    if (st != SW_OK) {
        s->memory_bytes = memory_bytes;
        s->table_elements = table_elements;
        return sw_fail(diag, st, SW_NO_OFFSET, "instance");
    }
    SW_TRY(sw_instance_initialize(i, diag));
    *ret_instance = i;
    return SW_OK;
}

/* ---- Exports --------------------------------------------------------------------------------- */

static sw_status need_exports(sw_instance *i)
{
    if (i->exports == NULL) {
        i->exports =
            sw_alloc_array(&i->store->budget, sw_code_exports_count(i->code), sizeof(*i->exports));
    }
    return i->exports == NULL ? SW_NO_MEMORY : SW_OK;
}

static sw_status export_func(sw_instance *i, uint32_t x, uint32_t func,
                             const sw_func_cell **ret_cell)
{
    if (func < i->code->image->imported_funcs || i->code->layout.cells[func] != 0) {
        *ret_cell = sw_instance_cell(i, func);
        return SW_OK;
    }
    SW_TRY(need_exports(i));
    sw_func_cell *cell = &i->exports[x].cell;
    if (cell->code == NULL) {
        *cell = make_cell(i, func);
    }
    *ret_cell = cell;
    return SW_OK;
}

static sw_status export_global(sw_instance *i, uint32_t x, uint32_t global,
                               sw_global_object **ret_global)
{
    SW_TRY(need_exports(i));
    sw_global_object *g = i->exports[x].global;
    if (g == NULL) {
        g = sw_alloc(&i->store->budget, sizeof(*g));
        if (g == NULL) {
            return SW_NO_MEMORY;
        }
        const sw_image_global *type = &i->code->globals[global];
        g->value = sw_instance_global(i, global);
        g->store = i->store;
        g->type = (sw_globaltype){type->type, type->is_mutable != 0};
        i->exports[x].global = g;
    }
    *ret_global = g;
    return SW_OK;
}

sw_status sw_instance_export(sw_instance *i, uint32_t index, sw_extern *ret_extern)
{
    const sw_image_export *exports = sw_image_get(i->code->image, SW_IMAGE_EXPORTS, NULL);
    const sw_image_export *x = &exports[index];
    sw_extern result = {.kind = (sw_extern_kind)x->kind};
    switch (result.kind) {
    case SW_EXTERN_FUNC:
        SW_TRY(export_func(i, index, x->index, &result.func.cell));
        result.func.type = &i->code->types[i->code->funcs[x->index].type];
        break;
    case SW_EXTERN_TABLE: result.table = i->tables[x->index]; break;
    case SW_EXTERN_MEMORY: result.memory = i->memories[x->index]; break;
    case SW_EXTERN_GLOBAL: SW_TRY(export_global(i, index, x->index, &result.global)); break;
    case SW_EXTERN_TAG: return SW_UNSUPPORTED;
    }
    *ret_extern = result;
    return SW_OK;
}

sw_status sw_instance_find(sw_instance *i, sw_str name, sw_extern *ret_extern)
{
    uint32_t index = sw_code_find_export(i->code, name);
    return index == SW_NO_INDEX ? SW_NOT_FOUND : sw_instance_export(i, index, ret_extern);
}
