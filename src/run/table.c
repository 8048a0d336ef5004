/*
 * Tables: growing arrays of 64-bit entries. A new one starts in its instance's front when it is
 * small, or shows the entries that lie ready in the code when it is closed; it moves to a heap
 * block of the store's when it must.
 */
#include "run/internal.h"

/* The heap block as it is now. */
static uint64_t *heap_block(const sw_table_object *t)
{
    return t->heap_count != 0 ? t->view->entries : NULL;
}

static sw_status move_to_heap(sw_table_object *t, uint64_t capacity)
{
    uint64_t *block;
    uint64_t count = SW_MAX(capacity, (uint64_t)1);
    if (t->heap_count != 0) {
        block = sw_realloc(&t->store->budget, t->view->entries, t->heap_count * sizeof(uint64_t),
                           count * sizeof(uint64_t));
    } else {
        block = sw_alloc_array(&t->store->budget, count, sizeof(uint64_t));
    }
    if (block == NULL) {
        return SW_NO_MEMORY;
    }
    if (t->heap_count == 0 && t->view->count != 0) {
        memcpy(block, t->view->entries, t->view->count * sizeof(uint64_t));
    }
    t->view->entries = block;
    t->heap_count = count;
    t->capacity = count;
    t->is_shared = false;
    return SW_OK;
}

sw_status sw_table_alloc(sw_table_object *t, uint64_t count)
{
    t->view->count = 0;
    SW_TRY(move_to_heap(t, count));
    t->view->count = count;
    return SW_OK;
}

sw_status sw_table_unshare(sw_table_object *t)
{
    return t->is_shared ? move_to_heap(t, t->view->count) : SW_OK;
}

void sw_table_free_entries(sw_table_object *t)
{
    sw_free(&t->store->budget, heap_block(t), t->heap_count * sizeof(uint64_t));
    t->heap_count = 0;
}

static uint64_t max_elements(const sw_table_object *t)
{
    const sw_limits *l = &t->type.limits;
    return l->has_max ? SW_MIN(l->max, (uint64_t)UINT32_MAX) : UINT32_MAX;
}

uint64_t sw_table_grow(sw_table_object *t, uint64_t value, uint64_t delta)
{
    uint64_t old = t->view->count;
    uint64_t count;
    if (ckd_add(&count, old, delta) || count > max_elements(t)) {
        return UINT64_MAX;
    }
    uint64_t before = t->store->table_elements;
    if (!sw_store_take_elements(t->store, delta)) {
        return UINT64_MAX;
    }
    if (count > t->capacity || t->is_shared) {
        uint64_t wanted = SW_MAX(count, SW_MIN(2 * old, max_elements(t)));
        if (move_to_heap(t, wanted) != SW_OK && move_to_heap(t, count) != SW_OK) {
            t->store->table_elements = before;
            return UINT64_MAX;
        }
    }
    for (uint64_t i = old; i < count; i++) {
        t->view->entries[i] = value;
    }
    t->view->count = count;
    return old;
}

sw_status sw_table_new(sw_store *s, const sw_tabletype *type, sw_diag *diag,
                       sw_table_object **ret_table)
{
    if (!sw_store_take_elements(s, type->limits.min)) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "the store's table limit is reached");
    }
    sw_table_object *t = sw_alloc(&s->budget, sizeof(*t));
    if (t == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "table");
    }
    t->view = &t->own_view;
    t->store = s;
    t->type = *type;
    if (sw_table_alloc(t, type->limits.min) != SW_OK) {
        sw_free(&s->budget, t, sizeof(*t));
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "table");
    }
    t->next = s->tables;
    s->tables = t;
    *ret_table = t;
    return SW_OK;
}

const sw_table_view *sw_table_get_view(const sw_table_object *t)
{
    return t->view;
}
