/*
 * Marking and rewinding: a store whose instances have been made, but have not run yet, is brought
 * back to that point after they have.
 *
 * What instances are made of lies in two places. The front, with context, globals, tables and the
 * objects for them, is a few KiB and is kept as a copy. Memory is as the image says, which is what
 * a slot is restored to page by page. Where more than that has happened before the mark (a start
 * function, data that was put in by running, tables on the heap) there is no mark.
 */
#include "run/internal.h"

#define COPIES_MAX ((size_t)256 * 1024)

struct sw_mark {
    size_t copies_bytes;
    uint64_t memory_bytes, table_elements; /* taken from the limits */
    uint8_t copies[];                      /* the fronts, in the order of the store's list */
};

void sw_mark_free(sw_mark *m)
{
    sw_free(NULL, m, m == NULL ? 0 : sizeof *m + m->copies_bytes);
}

static sw_instance *first_of(const sw_store *s)
{
    return atomic_load_explicit(&s->instances, memory_order_relaxed);
}

/* Whether it is as its image says, apart from the front. */
static bool is_plain(const sw_instance *i)
{
    const sw_code *c = i->code;
    bool runs = c->image->start != SW_NO_INDEX;
    for (uint32_t d = c->image->first_data; d < c->datas_count; d++) {
        runs = runs || c->datas[d].mode == SW_SEGMENT_ACTIVE;
    }
    for (uint32_t t = c->image->imported_tables; t < c->tables_count; t++) {
        runs = runs || i->tables[t]->heap_count != 0;
    }
    return !runs;
}

bool sw_store_mark(sw_store *s)
{
    size_t bytes = 0;
    bool fits = s->mark == NULL && s->memories == NULL && s->tables == NULL && s->globals == NULL;
    for (const sw_instance *i = first_of(s); i != NULL && fits; i = i->next) {
        fits = is_plain(i) && i->code->front_bytes <= COPIES_MAX - bytes;
        bytes += fits ? i->code->front_bytes : 0;
    }
    if (!fits) {
        return false;
    }
    sw_mark *m = sw_alloc(NULL, sizeof *m + bytes);
    if (m == NULL) {
        return false;
    }
    m->copies_bytes = bytes;
    m->memory_bytes = s->memory_bytes;
    m->table_elements = s->table_elements;
    uint8_t *to = m->copies;
    for (const sw_instance *i = first_of(s); i != NULL; i = i->next) {
        memcpy(to, i->base - i->code->front_bytes, i->code->front_bytes);
        to += i->code->front_bytes;
    }
    s->mark = m;
    return true;
}

static sw_status renew_memories(sw_instance *i, size_t *held_pages)
{
    const sw_code *c = i->code;
    for (uint32_t m = c->image->imported_memories; m < c->memories_count; m++) {
        sw_slot *slot = i->memories[m]->slot;
        sw_memtype type = i->memories[m]->type;
        SW_TRY(sw_slot_renew(slot, (size_t)(type.limits.min << type.limits.page_log2),
                             slot == i->slot ? c : NULL));
        *held_pages += slot->own_pages;
    }
    return SW_OK;
}

/* What the embedder was given of its exports stays. */
static void restore_front(sw_instance *i, const uint8_t *copy)
{
    const sw_code *c = i->code;
    sw_export_object *exports = i->exports;
    for (uint32_t t = c->image->imported_tables; t < c->tables_count; t++) {
        if (i->tables[t]->heap_count != 0) {
            sw_table_free_entries(i->tables[t]);
        }
    }
    memcpy(i->base - c->front_bytes, copy, c->front_bytes);
    i->exports = exports;
    *(i->base - SW_CTX_INTERRUPT) = 0;
}

bool sw_store_rewind(sw_store *s)
{
    const sw_mark *m = s->mark;
    if (m == NULL || s->memories != NULL || s->tables != NULL || s->globals != NULL) {
        return false;
    }
    sw_store_end_run(s);
    size_t held_pages = 0;
    const uint8_t *copy = m->copies;
    for (sw_instance *i = first_of(s); i != NULL; i = i->next) {
        if (renew_memories(i, &held_pages) != SW_OK) {
            return false;
        }
        restore_front(i, copy);
        copy += i->code->front_bytes;
    }
    s->held_bytes = held_pages * SW_IMAGE_PAGE_BYTES;
    s->memory_bytes = m->memory_bytes;
    s->table_elements = m->table_elements;
    return true;
}

size_t sw_store_held_bytes(const sw_store *s)
{
    return s->held_bytes;
}
