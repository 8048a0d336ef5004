/*
 * From a validated module, its layout and the places of its code to an image.
 *
 * Sections are written in the order of SW_IMAGE_SECTION_MAP, each by one function; what two of them
 * need (strings, segments' initial values) is collected in the writer.
 */
#include "code/image.h"
#include "code/image_bake.h"
#include "os/vm.h"
#include "wasm/const_expr.h"

typedef struct writer {
    const sw_image_input *in;
    const sw_module *m;
    sw_arena *scratch;
    sw_buf *out;
    sw_buf strings;
    sw_diag *diag;
    sw_image_header header;
    size_t start; /* of the image in out */
    sw_image_table *tables;
    sw_image_elem *elems;
    sw_image_data *datas;
    uint32_t *items;
    uint32_t items_count;
    sw_baked_memory memory;
    sw_baked_tables baked;
} writer;

static sw_status no_memory(writer *w)
{
    return sw_fail(w->diag, SW_NO_MEMORY, SW_NO_OFFSET, "compiled image");
}

static void section_begin(writer *w, sw_image_section s, uint64_t count)
{
    sw_buf_align(w->out, s == SW_IMAGE_CODE ? SW_IMAGE_PAGE_BYTES : 16);
    w->header.sections[s] = (sw_image_range){w->out->len - w->start, count};
}

static void section_write(writer *w, sw_image_section s, const void *items, size_t item_bytes,
                          uint32_t count)
{
    section_begin(w, s, count);
    sw_buf_write(w->out, items, item_bytes * count);
}

static sw_image_str add_str(writer *w, sw_str s)
{
    sw_image_str ref = {(uint32_t)w->strings.len, (uint32_t)s.len};
    sw_buf_str(&w->strings, s);
    return ref;
}

/* ---- Types, imports, exports, names ---------------------------------------------------------- */

static void write_types(writer *w)
{
    uint32_t at = 0;
    section_begin(w, SW_IMAGE_TYPES, w->m->types_count);
    for (uint32_t i = 0; i < w->m->types_count; i++) {
        const sw_deftype *d = &w->m->types[i];
        sw_image_type t = {.canonical = d->canonical};
        if (d->composite == SW_COMPOSITE_FUNC) {
            t = (sw_image_type){at,
                                d->func.params_count,
                                at + d->func.params_count,
                                d->func.results_count,
                                d->canonical,
                                1};
            at += d->func.params_count + d->func.results_count;
        }
        sw_buf_write(w->out, &t, sizeof(t));
    }
    section_begin(w, SW_IMAGE_VALTYPES, at);
    for (uint32_t i = 0; i < w->m->types_count; i++) {
        const sw_deftype *d = &w->m->types[i];
        if (d->composite == SW_COMPOSITE_FUNC) {
            sw_buf_write(w->out, d->func.params, d->func.params_count * sizeof(sw_valtype));
            sw_buf_write(w->out, d->func.results, d->func.results_count * sizeof(sw_valtype));
        }
    }
}

static void write_imports(writer *w)
{
    section_begin(w, SW_IMAGE_IMPORTS, w->m->imports_count);
    for (uint32_t i = 0; i < w->m->imports_count; i++) {
        const sw_import *m = &w->m->imports[i];
        sw_image_import out = {.kind = m->kind, .index = m->index};
        out.module = add_str(w, m->module);
        out.name = add_str(w, m->name);
        sw_buf_write(w->out, &out, sizeof(out));
    }
}

static void sift_down(const sw_export *exports, uint32_t *order, uint32_t root, uint32_t count)
{
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count &&
            sw_str_compare(exports[order[child]].name, exports[order[child + 1]].name) < 0) {
            child++;
        }
        if (sw_str_compare(exports[order[root]].name, exports[order[child]].name) >= 0) {
            return;
        }
        uint32_t swap = order[root];
        order[root] = order[child];
        order[child] = swap;
        root = child;
    }
}

/* Heap sort: the library's sort cannot be told where the names are. */
static void sort_exports(const sw_export *exports, uint32_t *order, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;) {
        sift_down(exports, order, i, count);
    }
    for (uint32_t end = count; end-- > 1;) {
        uint32_t swap = order[0];
        order[0] = order[end];
        order[end] = swap;
        sift_down(exports, order, 0, end);
    }
}

static sw_status write_exports(writer *w)
{
    uint32_t count = w->m->exports_count;
    uint32_t *order = SW_NEW_ARRAY(w->scratch, uint32_t, count);
    if (order == NULL) {
        return no_memory(w);
    }
    section_begin(w, SW_IMAGE_EXPORTS, count);
    for (uint32_t i = 0; i < count; i++) {
        const sw_export *m = &w->m->exports[i];
        sw_image_export out = {.kind = m->kind, .index = m->index};
        out.name = add_str(w, m->name);
        sw_buf_write(w->out, &out, sizeof(out));
        order[i] = i;
    }
    sort_exports(w->m->exports, order, count);
    section_write(w, SW_IMAGE_EXPORT_ORDER, order, sizeof(*order), count);
    return SW_OK;
}

static void write_names(writer *w)
{
    section_begin(w, SW_IMAGE_NAMES, w->m->func_names_count);
    for (uint32_t i = 0; i < w->m->func_names_count; i++) {
        sw_image_name out = {.func = w->m->func_names[i].func};
        out.name = add_str(w, w->m->func_names[i].name);
        sw_buf_write(w->out, &out, sizeof(out));
    }
    w->header.name = add_str(w, w->m->name);
}

/* ---- Functions ------------------------------------------------------------------------------- */

static void write_funcs(writer *w)
{
    section_begin(w, SW_IMAGE_FUNCS, w->m->funcs_count);
    for (uint32_t i = 0; i < w->m->funcs_count; i++) {
        const sw_code_place *p = &w->in->places[i];
        sw_image_func out = {p->start, p->len, w->m->funcs[i].type};
        sw_buf_write(w->out, &out, sizeof(out));
    }
    uint32_t cells = 0;
    section_begin(w, SW_IMAGE_CELLS, 0);
    for (uint32_t i = w->m->imported_funcs; i < w->m->funcs_count; i++) {
        if (w->in->layout->cells[i] != 0) {
            sw_image_cell out = {i, w->in->layout->cells[i]};
            sw_buf_write(w->out, &out, sizeof(out));
            cells++;
        }
    }
    w->header.sections[SW_IMAGE_CELLS].count = cells;
    section_write(w, SW_IMAGE_CLOSED_FUNCS, w->baked.closed_funcs, sizeof(uint32_t),
                  w->baked.closed_funcs_count);
}

/* ---- Tables, memories, globals, segments ----------------------------------------------------- */

/* Sorts a constant expression into the forms of sw_init_kind. */
static sw_image_init make_init(const writer *w, sw_range expr)
{
    sw_image_init init = {.kind = SW_INIT_BITS};
    if (expr.len == 0) {
        return init;
    }
    const uint8_t *bytes = sw_const_expr_bytes(w->m, expr);
    uint32_t func = sw_const_expr_func(bytes);
    uint32_t global = sw_const_expr_global(bytes);
    static const sw_const_env NOTHING_KNOWN = {};
    if (func != SW_NO_INDEX) {
        init = (sw_image_init){.kind = SW_INIT_FUNC, .index = func};
    } else if (global != SW_NO_INDEX) {
        init = (sw_image_init){.kind = SW_INIT_GLOBAL, .index = global};
    } else if (!sw_const_expr_eval(bytes, &NOTHING_KNOWN, &init.bits[0])) {
        init = (sw_image_init){.kind = SW_INIT_EXPR, .index = expr.start};
    }
    return init;
}

static sw_status make_tables(writer *w)
{
    w->tables = SW_NEW_ARRAY(w->scratch, sw_image_table, w->m->tables_count);
    if (w->tables == NULL) {
        return no_memory(w);
    }
    for (uint32_t i = 0; i < w->m->tables_count; i++) {
        const sw_tabletype *t = &w->m->tables[i].type;
        w->tables[i] = (sw_image_table){
            .min = t->limits.min,
            .max = t->limits.max,
            .element = t->element,
            .has_max = t->limits.has_max,
            .is_64 = t->limits.is_64,
            .is_closed = w->in->layout->table_is_closed[i],
        };
        w->tables[i].init = make_init(w, w->m->tables[i].init);
    }
    return SW_OK;
}

static sw_status make_item(writer *w, const sw_elem *e, uint32_t k, uint32_t *ret_item)
{
    if (e->funcs != NULL) {
        *ret_item = SW_ELEM_ITEM_FUNC | e->funcs[k];
        return SW_OK;
    }
    sw_image_init init = make_init(w, e->exprs[k]);
    switch (init.kind) {
    case SW_INIT_FUNC: *ret_item = SW_ELEM_ITEM_FUNC | init.index; return SW_OK;
    case SW_INIT_GLOBAL: *ret_item = SW_ELEM_ITEM_GLOBAL | init.index; return SW_OK;
    case SW_INIT_BITS: *ret_item = SW_ELEM_ITEM_NULL; return SW_OK;
    default:
        return sw_fail(w->diag, SW_UNSUPPORTED, w->m->origin + e->exprs[k].start,
                       "element expression");
    }
}

static sw_status make_elems(writer *w)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < w->m->elems_count; i++) {
        if (ckd_add(&total, total, w->m->elems[i].count)) {
            return sw_fail(w->diag, SW_LIMIT, SW_NO_OFFSET, "too many elements");
        }
    }
    w->elems = SW_NEW_ARRAY(w->scratch, sw_image_elem, w->m->elems_count);
    w->items = SW_NEW_ARRAY(w->scratch, uint32_t, total);
    if (w->elems == NULL || w->items == NULL) {
        return no_memory(w);
    }
    for (uint32_t i = 0; i < w->m->elems_count; i++) {
        const sw_elem *e = &w->m->elems[i];
        w->elems[i] = (sw_image_elem){
            .mode = e->mode,
            .type = e->type,
            .table = e->table,
            .items_start = w->items_count,
            .items_count = e->count,
        };
        w->elems[i].offset = make_init(w, e->offset);
        for (uint32_t k = 0; k < e->count; k++) {
            SW_TRY(make_item(w, e, k, &w->items[w->items_count++]));
        }
    }
    return SW_OK;
}

static sw_status make_datas(writer *w)
{
    w->datas = SW_NEW_ARRAY(w->scratch, sw_image_data, w->m->datas_count);
    if (w->datas == NULL) {
        return no_memory(w);
    }
    for (uint32_t i = 0; i < w->m->datas_count; i++) {
        const sw_data *d = &w->m->datas[i];
        w->datas[i] = (sw_image_data){
            .mode = d->mode, .memory = d->memory, .start = d->bytes.start, .len = d->bytes.len};
        w->datas[i].offset = make_init(w, d->offset);
    }
    return SW_OK;
}

static void write_memories(writer *w)
{
    section_begin(w, SW_IMAGE_MEMORIES, w->m->memories_count);
    for (uint32_t i = 0; i < w->m->memories_count; i++) {
        const sw_limits *l = &w->m->memories[i].limits;
        sw_image_memory out = {l->min, l->max, l->has_max, l->is_64, l->is_shared, l->page_log2};
        sw_buf_write(w->out, &out, sizeof(out));
    }
}

static void write_globals(writer *w)
{
    section_begin(w, SW_IMAGE_GLOBALS, w->m->globals_count);
    for (uint32_t i = 0; i < w->m->globals_count; i++) {
        const sw_global *g = &w->m->globals[i];
        sw_image_global out = {
            .init = make_init(w, g->init), .type = g->type.type, .is_mutable = g->type.is_mutable};
        sw_buf_write(w->out, &out, sizeof(out));
    }
}

static void write_state(writer *w)
{
    section_write(w, SW_IMAGE_TABLES, w->tables, sizeof(*w->tables), w->m->tables_count);
    section_write(w, SW_IMAGE_BAKED, w->baked.entries, sizeof(uint32_t), w->baked.entries_count);
    write_memories(w);
    write_globals(w);
    section_write(w, SW_IMAGE_ELEMS, w->elems, sizeof(*w->elems), w->m->elems_count);
    section_write(w, SW_IMAGE_ITEMS, w->items, sizeof(*w->items), w->items_count);
    section_write(w, SW_IMAGE_DATAS, w->datas, sizeof(*w->datas), w->m->datas_count);
    section_write(w, SW_IMAGE_TAGS, w->m->tags, sizeof(uint32_t), w->m->tags_count);
}

/* ---- The rest -------------------------------------------------------------------------------- */

static void write_layout(writer *w)
{
    const sw_layout *l = w->in->layout;
    const sw_module *m = w->m;
    section_write(w, SW_IMAGE_LAYOUT_GLOBALS, l->globals, 4, m->globals_count);
    section_write(w, SW_IMAGE_LAYOUT_IMPORTS, l->imports, 4, m->imported_funcs);
    section_write(w, SW_IMAGE_LAYOUT_CELLS, l->cells, 4, m->funcs_count);
    section_write(w, SW_IMAGE_LAYOUT_TABLES, l->tables, 4, m->tables_count);
    section_write(w, SW_IMAGE_LAYOUT_MEMORIES, l->memories, 4, m->memories_count);
    section_write(w, SW_IMAGE_LAYOUT_CLOSED, l->table_is_closed, 1, m->tables_count);
    section_write(w, SW_IMAGE_LAYOUT_THUNKS, l->needs_thunk, 1, m->imported_funcs);
}

/* Where the last section that is not a custom one ends. */
static uint32_t module_end(const sw_module *m)
{
    uint32_t end = (uint32_t)m->bytes.len;
    for (uint32_t i = m->customs_count; i-- > 0;) {
        const sw_custom *c = &m->customs[i];
        if (c->bytes.start + c->bytes.len != end) {
            break;
        }
        end = c->section_offset;
    }
    return end;
}

static void write_runs(writer *w)
{
    section_begin(w, SW_IMAGE_RUNS, w->memory.runs_count);
    size_t list_at = w->out->len;
    sw_buf_write(w->out, w->memory.runs, w->memory.runs_count * sizeof(sw_image_run));
    for (uint32_t i = 0; i < w->memory.runs_count; i++) {
        sw_image_run *run = &w->memory.runs[i];
        sw_buf_align(w->out, SW_IMAGE_PAGE_BYTES);
        run->image_offset = w->out->len - w->start;
        uint8_t *pages = sw_buf_reserve(w->out, (size_t)run->len);
        if (pages == NULL) {
            return;
        }
        memset(pages, 0, (size_t)run->len);
        sw_bake_run(w->m, w->datas, w->memory.first_data, run, pages);
        w->out->len += (size_t)run->len;
    }
    sw_buf_align(w->out, SW_IMAGE_PAGE_BYTES);
    if (sw_buf_status(w->out) == SW_OK && w->memory.runs_count != 0) {
        memcpy(w->out->ptr + list_at, w->memory.runs, w->memory.runs_count * sizeof(sw_image_run));
    }
}

static uint32_t feature_bits(const sw_features *f)
{
    return (uint32_t)f->simd | (uint32_t)f->threads << 1 | (uint32_t)f->tail_calls << 2 |
           (uint32_t)f->exceptions << 3 | (uint32_t)f->gc << 4 |
           (uint32_t)f->function_references << 5 | (uint32_t)f->multi_memory << 6 |
           (uint32_t)f->memory64 << 7;
}

static void fill_header(writer *w)
{
    sw_image_header *h = &w->header;
    memcpy(h->magic, SW_IMAGE_MAGIC, sizeof(h->magic));
    h->format = SW_IMAGE_FORMAT;
    h->cpu_features = w->in->cpu_features;
    memcpy(h->build_hash, SW_BUILD_HASH, SW_BUILD_HASH_BYTES);
    h->imported_funcs = w->m->imported_funcs;
    h->imported_tables = w->m->imported_tables;
    h->imported_memories = w->m->imported_memories;
    h->imported_globals = w->m->imported_globals;
    h->imported_tags = w->m->imported_tags;
    h->start = w->m->start;
    h->first_elem = w->baked.first_elem;
    h->first_data = w->memory.first_data;
    h->context_bytes = w->in->layout->context_bytes;
    h->type_ids = w->in->layout->type_ids;
    h->owns_memory0 = w->in->layout->owns_memory0;
    h->owns_table0 = w->in->layout->owns_table0;
    h->features = feature_bits(w->in->features);
}

static sw_status make_segments(writer *w)
{
    SW_TRY(make_tables(w));
    SW_TRY(make_elems(w));
    SW_TRY(make_datas(w));
    SW_TRY(sw_bake_tables(w->m, w->in->layout, w->elems, w->items, w->tables, w->scratch, w->diag,
                          &w->baked));
    return sw_bake_memory(w->m, w->in->layout, w->datas, w->scratch, w->diag, &w->memory);
}

/* Room for nearly all of it at once: growing by doubling would touch every page twice. The sum is
 * an estimate from above, so it must not be what fails. */
static void reserve_all(writer *w)
{
    uint64_t runs = 0;
    for (uint32_t i = 0; i < w->memory.runs_count; i++) {
        runs += w->memory.runs[i].len;
    }
    uint64_t items = (uint64_t)w->m->types_count + w->m->imports_count + w->m->funcs_count +
                     w->m->exports_count + w->m->globals_count + w->m->elems_count +
                     w->m->datas_count + w->baked.entries_count + w->items_count;
    uint64_t total = w->in->code_bytes + module_end(w->m) + runs + items * 64;
    if (total <= w->out->max_bytes - w->out->len && sw_buf_reserve(w->out, total) != NULL) {
        sw_vm_prefer_large(w->out->ptr + w->out->len, total);
    }
}

static sw_status write_sections(writer *w, size_t *ret_code_at)
{
    reserve_all(w);
    sw_buf_write(w->out, &w->header, sizeof(w->header));
    write_types(w);
    write_imports(w);
    SW_TRY(write_exports(w));
    write_funcs(w);
    write_state(w);
    write_names(w);
    section_write(w, SW_IMAGE_STRINGS, w->strings.ptr, 1, (uint32_t)w->strings.len);
    write_layout(w);
    section_write(w, SW_IMAGE_MODULE, w->m->bytes.ptr, 1, module_end(w->m));
    section_begin(w, SW_IMAGE_CODE, w->in->code_bytes);
    size_t code_at = w->out->len;
    if (sw_buf_reserve(w->out, (size_t)w->in->code_bytes) != NULL) {
        w->out->len += (size_t)w->in->code_bytes;
    }
    sw_buf_align(w->out, SW_IMAGE_PAGE_BYTES);
    write_runs(w);
    if (sw_buf_status(w->out) != SW_OK || sw_buf_status(&w->strings) != SW_OK) {
        return no_memory(w);
    }
    fill_header(w);
    w->header.size_bytes = w->out->len - w->start;
    memcpy(w->out->ptr + w->start, &w->header, sizeof(w->header));
    *ret_code_at = code_at;
    return SW_OK;
}

sw_status sw_image_write(const sw_image_input *in, sw_arena *scratch, sw_buf *out, sw_diag *diag,
                         size_t *ret_code_at)
{
    assert(out->len % SW_IMAGE_PAGE_BYTES == 0);
    writer w = {.in = in, .m = in->module, .scratch = scratch, .out = out, .diag = diag};
    w.start = out->len;
    sw_buf_init(&w.strings, out->budget, UINT32_MAX);
    sw_status st = make_segments(&w);
    if (st == SW_OK) {
        st = write_sections(&w, ret_code_at);
    }
    sw_buf_clear(&w.strings);
    return st;
}
