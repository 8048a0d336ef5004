/* Linear memories: limits, growth, and objects of their own for memories and globals. */
#include "run/internal.h"

#define WASM_PAGE_LOG2 16u
#define SPACE_32_BYTES (UINT64_C(1) << 32)

uint64_t sw_memory_max_pages(const sw_limits *l)
{
    uint64_t space = SPACE_32_BYTES >> l->page_log2;
    return l->has_max ? SW_MIN(l->max, space) : space;
}

sw_status sw_memory_check_type(const sw_limits *l, sw_diag *diag)
{
    if (l->is_64 || l->is_shared || l->page_log2 != WASM_PAGE_LOG2) {
        return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET,
                       "64-bit, shared and custom-page memories");
    }
    if (l->min > SPACE_32_BYTES >> l->page_log2) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "memory of more than 4 GiB");
    }
    return SW_OK;
}

uint64_t sw_memory_grow(sw_memory_object *m, uint64_t delta_pages)
{
    uint64_t old = sw_memory_pages(m);
    uint64_t pages;
    if (ckd_add(&pages, old, delta_pages) || pages > m->max_pages) {
        return UINT64_MAX;
    }
    uint64_t delta_bytes = delta_pages << m->type.limits.page_log2;
    if (delta_bytes == 0) {
        return old;
    }
    uint64_t before = m->store->memory_bytes;
    if (!sw_store_take_memory(m->store, delta_bytes)) {
        return UINT64_MAX;
    }
    if (sw_slot_grow(m->slot, (size_t)(m->view->size_bytes + delta_bytes)) != SW_OK) {
        m->store->memory_bytes = before;
        return UINT64_MAX;
    }
    m->view->size_bytes += delta_bytes;
    return old;
}

static sw_status take_slot(sw_store *s, sw_memory_object *m, sw_diag *diag)
{
    uint64_t bytes = m->type.limits.min << m->type.limits.page_log2;
    SW_TRY(sw_vec_reserve(&s->reservations, s->reservations.count + 1));
    if (!sw_store_take_memory(s, bytes)) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "the store's memory limit is reached");
    }
    sw_slot_need need = {.memory_bytes = (size_t)bytes};
    SW_TRY(sw_slot_acquire(&s->engine->slots, &need, &m->slot));
    m->own_view = (sw_memory_view){m->slot->base, bytes};
    uintptr_t base = (uintptr_t)m->slot->base;
    s->reservations.at[s->reservations.count++] =
        (sw_store_range){base, base + SW_SLOT_SPACE_BYTES};
    return SW_OK;
}

sw_status sw_memory_new(sw_store *s, const sw_memtype *type, sw_diag *diag,
                        sw_memory_object **ret_memory)
{
    SW_TRY(sw_memory_check_type(&type->limits, diag));
    sw_memory_object *m = sw_alloc(&s->budget, sizeof(*m));
    if (m == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "memory");
    }
    m->view = &m->own_view;
    m->store = s;
    m->type = *type;
    m->max_pages = sw_memory_max_pages(&type->limits);
    sw_status st = take_slot(s, m, diag);
    if (st != SW_OK) {
        sw_free(&s->budget, m, sizeof(*m));
        return sw_fail(diag, st, SW_NO_OFFSET, "memory");
    }
    m->next = s->memories;
    s->memories = m;
    *ret_memory = m;
    return SW_OK;
}

const sw_memory_view *sw_memory_get_view(const sw_memory_object *m)
{
    return m->view;
}

/* ---- Globals that belong to no instance ------------------------------------------------------ */

sw_status sw_global_new(sw_store *s, const sw_globaltype *type, sw_value_slot value, sw_diag *diag,
                        sw_global_object **ret_global)
{
    sw_global_object *g = sw_alloc(&s->budget, sizeof(*g));
    if (g == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "global");
    }
    g->value = &g->own_value;
    g->store = s;
    g->type = *type;
    g->own_value = value;
    g->next = s->globals;
    s->globals = g;
    *ret_global = g;
    return SW_OK;
}

sw_value_slot *sw_global_get_value(sw_global_object *g)
{
    return g->value;
}

const sw_globaltype *sw_global_get_type(const sw_global_object *g)
{
    return &g->type;
}
