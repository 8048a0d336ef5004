#include "code/image_bake.h"

#include <stdlib.h>

/* Runs closer than this become one: a mapping costs more than the zeroes between them. */
#define MERGE_GAP_BYTES 65536u
#define MAX_RUNS        64u

/* A small module must not become a huge image: pages may be this many times its size. */
#define MAX_GROWTH 4u
#define FREE_BYTES (1u << 20)

#define BAKED_ENTRIES_FREE 65536u

static sw_status no_memory(sw_diag *diag)
{
    return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "compiled image");
}

static uint64_t page_start(uint64_t offset)
{
    return offset & ~(uint64_t)(SW_IMAGE_PAGE_BYTES - 1);
}

static bool data_is_constant(const sw_module *m, const sw_image_data *d)
{
    uint64_t bytes = m->memories[0].limits.min << m->memories[0].limits.page_log2;
    return d->memory == 0 && d->offset.kind == SW_INIT_BITS && d->offset.bits[0] <= bytes &&
           d->len <= bytes - d->offset.bits[0];
}

static int by_offset(const void *a, const void *b)
{
    const sw_image_run *x = a, *y = b;
    return (x->memory_offset > y->memory_offset) - (x->memory_offset < y->memory_offset);
}

/* One run a segment, then those that touch or nearly touch are merged. */
static uint32_t merge_runs(sw_image_run *runs, uint32_t count)
{
    qsort(runs, count, sizeof(*runs), by_offset);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t end = runs[i].memory_offset + runs[i].len;
        sw_image_run *last = kept == 0 ? NULL : &runs[kept - 1];
        if (last != NULL &&
            runs[i].memory_offset <= last->memory_offset + last->len + MERGE_GAP_BYTES) {
            last->len = SW_MAX(last->len, end - last->memory_offset);
        } else {
            runs[kept++] = runs[i];
        }
    }
    return kept;
}

static bool is_reasonable(const sw_module *m, const sw_image_run *runs, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += runs[i].len;
    }
    return count <= MAX_RUNS && sum <= MAX_GROWTH * (uint64_t)m->bytes.len + FREE_BYTES;
}

static uint32_t first_active(const sw_image_data *datas, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && datas[i].mode != SW_SEGMENT_ACTIVE) {
        i++;
    }
    return i;
}

sw_status sw_bake_memory(const sw_module *m, const sw_layout *layout, const sw_image_data *datas,
                         sw_arena *scratch, sw_diag *diag, sw_baked_memory *ret_baked)
{
    sw_baked_memory baked = {.runs = SW_NEW_ARRAY(scratch, sw_image_run, m->datas_count)};
    if (baked.runs == NULL) {
        return no_memory(diag);
    }
    uint32_t i = 0;
    for (; layout->owns_memory0 && i < m->datas_count; i++) {
        const sw_image_data *d = &datas[i];
        if (d->mode == SW_SEGMENT_ACTIVE && !data_is_constant(m, d)) {
            break;
        }
        if (d->mode == SW_SEGMENT_ACTIVE && d->len != 0) {
            uint64_t start = page_start(d->offset.bits[0]);
            uint64_t end = sw_align_up(d->offset.bits[0] + d->len, SW_IMAGE_PAGE_BYTES);
            baked.runs[baked.runs_count++] = (sw_image_run){start, 0, end - start};
        }
    }
    baked.first_data = i;
    baked.runs_count = merge_runs(baked.runs, baked.runs_count);
    if (!is_reasonable(m, baked.runs, baked.runs_count)) {
        baked.runs_count = 0;
        baked.first_data = first_active(datas, m->datas_count);
    }
    *ret_baked = baked;
    return SW_OK;
}

void sw_bake_run(const sw_module *m, const sw_image_data *datas, uint32_t first_data,
                 const sw_image_run *run, uint8_t *pages)
{
    for (uint32_t i = 0; i < first_data; i++) {
        const sw_image_data *d = &datas[i];
        uint64_t at = d->offset.bits[0];
        if (d->mode == SW_SEGMENT_ACTIVE && d->len != 0 && at >= run->memory_offset &&
            at < run->memory_offset + run->len) {
            memcpy(pages + (at - run->memory_offset), m->bytes.ptr + d->start, d->len);
        }
    }
}

/* Whether a table's entries are kept in the image: not if they are far more than what fills them.
 */
static bool is_bakeable(const sw_image_table *t, bool is_closed, uint64_t room)
{
    return is_closed && t->init.kind == SW_INIT_BITS && t->init.bits[0] == 0 && t->min <= room;
}

static bool elem_is_constant(const sw_image_table *tables, const sw_image_elem *e)
{
    const sw_image_table *t = &tables[e->table];
    return t->baked_start != SW_NO_INDEX && e->offset.kind == SW_INIT_BITS &&
           e->offset.bits[0] <= t->min && e->items_count <= t->min - e->offset.bits[0];
}

/* 1 + rank of each function among those that elements may put into a closed table, else 0. */
static uint32_t *closed_ranks(const sw_module *m, const sw_layout *layout,
                              const sw_image_elem *elems, const uint32_t *items,
                              const sw_image_table *tables, sw_arena *scratch,
                              sw_baked_tables *baked)
{
    uint32_t *ranks = SW_NEW_ARRAY(scratch, uint32_t, m->funcs_count);
    uint32_t *funcs = SW_NEW_ARRAY(scratch, uint32_t, m->funcs_count);
    if (ranks == NULL || funcs == NULL) {
        return NULL;
    }
    bool any_closed = false;
    for (uint32_t t = 0; t < m->tables_count; t++) {
        any_closed |= layout->table_is_closed[t];
        if (layout->table_is_closed[t] && tables[t].init.kind == SW_INIT_FUNC) {
            ranks[tables[t].init.index] = 1;
        }
    }
    for (uint32_t i = 0; any_closed && i < m->elems_count; i++) {
        const sw_image_elem *e = &elems[i];
        bool reaches = e->mode == SW_SEGMENT_PASSIVE ||
                       (e->mode == SW_SEGMENT_ACTIVE && layout->table_is_closed[e->table]);
        for (uint32_t k = 0; reaches && k < e->items_count; k++) {
            uint32_t item = items[e->items_start + k];
            if ((item & SW_ELEM_ITEM_KIND_MASK) == SW_ELEM_ITEM_FUNC) {
                ranks[item] = 1;
            }
        }
    }
    for (uint32_t f = 0; f < m->funcs_count; f++) {
        if (ranks[f] != 0) {
            funcs[baked->closed_funcs_count++] = f;
            ranks[f] = baked->closed_funcs_count;
        }
    }
    baked->closed_funcs = funcs;
    return ranks;
}

static void bake_elem(const sw_image_elem *e, const uint32_t *items, const sw_image_table *t,
                      const uint32_t *ranks, uint32_t *entries)
{
    uint32_t *to = entries + t->baked_start + e->offset.bits[0];
    for (uint32_t k = 0; k < e->items_count; k++) {
        uint32_t item = items[e->items_start + k];
        to[k] = (item & SW_ELEM_ITEM_KIND_MASK) == SW_ELEM_ITEM_FUNC ? ranks[item] : 0;
    }
}

/* Gives each bakeable table its place among the entries. */
static void place_tables(const sw_module *m, const sw_layout *layout, const sw_image_elem *elems,
                         sw_image_table *tables, sw_baked_tables *baked)
{
    uint64_t room = BAKED_ENTRIES_FREE;
    for (uint32_t i = 0; i < m->elems_count; i++) {
        room += 2 * (uint64_t)elems[i].items_count;
    }
    for (uint32_t t = 0; t < m->tables_count; t++) {
        tables[t].baked_start = SW_NO_INDEX;
        if (is_bakeable(&tables[t], layout->table_is_closed[t], room)) {
            room -= tables[t].min;
            tables[t].baked_start = baked->entries_count;
            baked->entries_count += (uint32_t)tables[t].min;
        }
    }
}

sw_status sw_bake_tables(const sw_module *m, const sw_layout *layout, const sw_image_elem *elems,
                         const uint32_t *items, sw_image_table *tables, sw_arena *scratch,
                         sw_diag *diag, sw_baked_tables *ret_baked)
{
    sw_baked_tables baked = {};
    place_tables(m, layout, elems, tables, &baked);
    uint32_t *ranks = closed_ranks(m, layout, elems, items, tables, scratch, &baked);
    baked.entries = SW_NEW_ARRAY(scratch, uint32_t, baked.entries_count);
    if (ranks == NULL || baked.entries == NULL) {
        return no_memory(diag);
    }
    uint32_t i = 0;
    for (; i < m->elems_count; i++) {
        const sw_image_elem *e = &elems[i];
        if (e->mode != SW_SEGMENT_ACTIVE) {
            continue;
        }
        if (!elem_is_constant(tables, e)) {
            break;
        }
        bake_elem(e, items, &tables[e->table], ranks, baked.entries);
    }
    baked.first_elem = i;
    *ret_baked = baked;
    return SW_OK;
}
