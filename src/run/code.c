/* Loaded images: mapping them, their instances' fronts, and what an image says about itself. */
#include "run/internal.h"

#include "os/file.h"

#include <fcntl.h>
#include <unistd.h>

/* Memory runs up to this sum are copied into a new memory; more are mapped copy-on-write. */
#define COPY_BYTES ((uint64_t)64 * 1024)

/* Entries of all own tables together that an instance has room for in its front. */
#define FRONT_ENTRIES 1024u

/* ---- Mapping --------------------------------------------------------------------------------- */

static bool read_all(int fd, uint64_t offset, uint8_t *to, size_t len)
{
    while (len != 0) {
        ssize_t n = pread(fd, to, len, (off_t)offset);
        if (n <= 0) {
            return false;
        }
        to += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

static size_t text_offset(const sw_image_header *h)
{
    return (size_t)h->sections[SW_IMAGE_CODE].start;
}

static size_t text_pages(const sw_image_header *h)
{
    return (size_t)sw_align_up(h->sections[SW_IMAGE_CODE].count, SW_IMAGE_PAGE_BYTES);
}

/* Makes the code executable. Where the file system forbids that (noexec), the code is copied into
 * memory of our own. */
static sw_status map_text(sw_code *c, const sw_image_source *source)
{
    const sw_image_header *h = (const void *)c->map.base;
    size_t at = text_offset(h), size = text_pages(h);
    sw_status st = sw_vm_protect(&c->map, at, size, SW_VM_READ_EXECUTE);
    if (st == SW_OK || source->fd < 0) {
        return st;
    }
    SW_TRY(sw_vm_map_zero(&c->map, at, size, SW_VM_READ_WRITE));
    if (!read_all(source->fd, source->offset + at, c->map.base + at, size)) {
        return SW_IO;
    }
    return sw_vm_protect(&c->map, at, size, SW_VM_READ_EXECUTE);
}

static sw_status map_file(sw_code *c, const sw_image_source *source)
{
    return sw_vm_map_file(&c->map, 0, c->map.size_bytes, source->fd, source->offset, SW_VM_READ);
}

static sw_status copy_bytes(sw_code *c, const sw_image_source *source)
{
    SW_TRY(sw_vm_map_zero(&c->map, 0, c->map.size_bytes, SW_VM_READ_WRITE));
    memcpy(c->map.base, source->bytes.ptr, source->bytes.len);
    return sw_vm_protect(&c->map, 0, c->map.size_bytes, SW_VM_READ);
}

static sw_status map_image(sw_code *c, const sw_image_source *source, sw_diag *diag)
{
    sw_status st = sw_vm_reserve(&c->map, source->bytes.len);
    if (st == SW_OK) {
        st = source->fd >= 0 ? map_file(c, source) : copy_bytes(c, source);
    }
    if (st != SW_OK) {
        return sw_fail(diag, st, SW_NO_OFFSET, "compiled code cannot be mapped");
    }
    SW_TRY(sw_image_check(c->map.base, source->bytes.len, diag));
    c->image = (const void *)c->map.base;
    st = map_text(c, source);
    return st == SW_OK ? SW_OK : sw_fail(diag, st, SW_NO_OFFSET, "compiled code cannot be mapped");
}

/* Large memory contents are mapped into each instance: from the image's file, or from an anonymous
 * file when it has none. */
static sw_status open_runs(sw_code *c, const sw_image_source *source, sw_diag *diag)
{
    if (sw_image_run_bytes(c->image) <= COPY_BYTES) {
        return SW_OK;
    }
    if (source->fd >= 0) {
        c->fd = fcntl(source->fd, F_DUPFD_CLOEXEC, 3);
        c->fd_offset = source->offset;
        return c->fd >= 0 ? SW_OK : sw_fail(diag, SW_IO, SW_NO_OFFSET, "too many open files");
    }
    sw_bytes all = {c->map.base, (size_t)c->image->size_bytes};
    sw_status st = sw_vm_memfd(&c->fd, "swell-image", all);
    return st == SW_OK ? SW_OK : sw_fail(diag, st, SW_NO_OFFSET, "memory image");
}

/* ---- What depends on this process ------------------------------------------------------------ */

static void find_sections(sw_code *c)
{
    const sw_image_header *h = c->image;
    c->layout = sw_image_layout(h);
    c->text = sw_image_get(h, SW_IMAGE_CODE, NULL);
    c->text_bytes = h->sections[SW_IMAGE_CODE].count;
    c->image_types = sw_image_get(h, SW_IMAGE_TYPES, &c->types_count);
    c->imports = sw_image_get(h, SW_IMAGE_IMPORTS, &c->imports_count);
    c->funcs = sw_image_get(h, SW_IMAGE_FUNCS, &c->funcs_count);
    c->cells = sw_image_get(h, SW_IMAGE_CELLS, &c->cells_count);
    c->closed_funcs = sw_image_get(h, SW_IMAGE_CLOSED_FUNCS, &c->closed_funcs_count);
    c->tables = sw_image_get(h, SW_IMAGE_TABLES, &c->tables_count);
    c->memories = sw_image_get(h, SW_IMAGE_MEMORIES, &c->memories_count);
    c->globals = sw_image_get(h, SW_IMAGE_GLOBALS, &c->globals_count);
    c->elems = sw_image_get(h, SW_IMAGE_ELEMS, &c->elems_count);
    c->items = sw_image_get(h, SW_IMAGE_ITEMS, NULL);
    c->datas = sw_image_get(h, SW_IMAGE_DATAS, &c->datas_count);
    c->runs = sw_image_get(h, SW_IMAGE_RUNS, &c->runs_count);
    c->module = sw_image_get(h, SW_IMAGE_MODULE, NULL);
}

static size_t round16(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

/* One block: types | type ids | closed cells | baked entries. */
static sw_status alloc_block(sw_code *c, uint32_t baked_count)
{
    size_t types = round16(c->types_count * sizeof(sw_functype));
    size_t ids = round16(c->types_count * sizeof(uint32_t));
    size_t cells = c->closed_funcs_count * sizeof(sw_func_cell);
    c->block_bytes = types + ids + cells + baked_count * sizeof(uint64_t);
    uint8_t *block = sw_alloc(NULL, c->block_bytes);
    if (block == NULL) {
        return SW_NO_MEMORY;
    }
    c->block = block;
    c->types = (void *)block;
    c->type_ids = (void *)(block + types);
    c->closed_cells = (void *)(block + types + ids);
    c->baked = (void *)(block + types + ids + cells);
    return SW_OK;
}

uint32_t sw_functype_area_bytes(const sw_functype *t)
{
    uint32_t vectors = 0, vector_results = 0;
    for (uint32_t i = 0; i < t->params_count; i++) {
        vectors += sw_valtype_is_vector(t->params[i]);
    }
    for (uint32_t i = 0; i < t->results_count; i++) {
        vector_results += sw_valtype_is_vector(t->results[i]);
    }
    bool overflows = vectors > SW_VECTOR_ARGS || t->params_count - vectors > SW_INT_ARGS ||
                     vector_results > SW_VECTOR_RESULTS ||
                     t->results_count - vector_results > SW_INT_RESULTS;
    uint64_t values = (uint64_t)SW_MAX(t->params_count, t->results_count);
    return overflows ? (uint32_t)SW_MIN(values * 16, (uint64_t)SW_ARGS_AREA_BYTES) : 0;
}

static sw_status make_types(sw_code *c)
{
    const sw_valtype *values = sw_image_get(c->image, SW_IMAGE_VALTYPES, NULL);
    for (uint32_t i = 0; i < c->types_count; i++) {
        const sw_image_type *t = &c->image_types[i];
        if (t->is_func == 0) {
            continue;
        }
        c->types[i] = (sw_functype){values + t->params_start, values + t->results_start,
                                    t->params_count, t->results_count};
        c->args_bytes = SW_MAX(c->args_bytes, sw_functype_area_bytes(&c->types[i]));
        c->type_ids[i] = sw_type_registry_acquire(&c->engine->types, &c->types[i], false);
        if (c->type_ids[i] == 0) {
            return SW_NO_MEMORY;
        }
    }
    return SW_OK;
}

static void release_types(sw_code *c)
{
    for (uint32_t i = 0; c->block != NULL && i < c->types_count; i++) {
        if (c->type_ids[i] != 0) {
            sw_type_registry_release(&c->engine->types, &c->types[i]);
        }
    }
}

static void make_closed_cells(sw_code *c, uint32_t baked_count)
{
    const uint32_t *baked = sw_image_get(c->image, SW_IMAGE_BAKED, NULL);
    for (uint32_t i = 0; i < c->closed_funcs_count; i++) {
        uint32_t func = c->closed_funcs[i];
        uint32_t type = c->funcs[func].type;
        c->closed_cells[i] = (sw_func_cell){
            .code = c->text + c->funcs[func].code_start,
            .type_id = c->type_ids[type],
            .local_type = c->image_types[type].canonical,
            .func = func,
        };
    }
    for (uint32_t i = 0; i < baked_count; i++) {
        c->baked[i] = baked[i] == 0 ? 0 : (uint64_t)(uintptr_t)&c->closed_cells[baked[i] - 1];
    }
}

const sw_func_cell *sw_code_closed_cell(const sw_code *c, uint32_t func)
{
    uint32_t low = 0, high = c->closed_funcs_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->closed_funcs[middle] < func) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < c->closed_funcs_count && c->closed_funcs[low] == func ? &c->closed_cells[low]
                                                                       : NULL;
}

/* ---- The front of an instance ---------------------------------------------------------------- */

static uint64_t own_entries(const sw_code *c)
{
    uint64_t sum = 0;
    for (uint32_t t = c->image->imported_tables; t < c->tables_count; t++) {
        if (c->tables[t].baked_start == SW_NO_INDEX && ckd_add(&sum, sum, c->tables[t].min)) {
            return UINT64_MAX;
        }
    }
    return sum;
}

static uint32_t take(uint64_t *at, uint64_t bytes)
{
    uint32_t start = (uint32_t)*at;
    *at = sw_align_up(*at + bytes, 16);
    return start;
}

static sw_status plan_front(sw_code *c)
{
    const sw_image_header *h = c->image;
    uint64_t entries = own_entries(c);
    c->entries_in_front = entries <= FRONT_ENTRIES;
    uint64_t at = 0;
    c->entries_at = take(&at, c->entries_in_front ? entries * sizeof(uint64_t) : 0);
    c->instance_at = take(&at, sizeof(sw_instance));
    c->tables_at = take(&at, c->tables_count * sizeof(void *));
    c->memories_at = take(&at, c->memories_count * sizeof(void *));
    c->own_tables_at = take(&at, (c->tables_count - h->imported_tables) * sizeof(sw_table_object));
    c->own_memories_at =
        take(&at, (c->memories_count - h->imported_memories) * sizeof(sw_memory_object));
    c->dropped_at = take(&at, ((uint64_t)c->elems_count + c->datas_count + 63) / 64 * 8);
    uint64_t end = at + h->context_bytes;
    uint64_t total = sw_align_up(end, 64);
    if (total > INT32_MAX) {
        return SW_LIMIT;
    }
    /* The context ends at the base: what rounding adds goes to the front's start. */
    uint32_t shift = (uint32_t)(total - end) & ~15u;
    c->entries_at += shift;
    c->instance_at += shift;
    c->tables_at += shift;
    c->memories_at += shift;
    c->own_tables_at += shift;
    c->own_memories_at += shift;
    c->dropped_at += shift;
    c->front_bytes = (uint32_t)total;
    return SW_OK;
}

/* ---- Loading --------------------------------------------------------------------------------- */

static sw_status load(sw_code *c, const sw_image_source *source, sw_diag *diag)
{
    SW_TRY(map_image(c, source, diag));
    SW_TRY(open_runs(c, source, diag));
    find_sections(c);
    uint32_t baked_count;
    (void)sw_image_get(c->image, SW_IMAGE_BAKED, &baked_count);
    sw_status st = alloc_block(c, baked_count);
    if (st == SW_OK) {
        st = make_types(c);
    }
    if (st == SW_OK) {
        st = plan_front(c);
    }
    if (st != SW_OK) {
        return sw_fail(diag, st, SW_NO_OFFSET, "compiled code");
    }
    make_closed_cells(c, baked_count);
    return SW_OK;
}

sw_status sw_code_load(sw_engine *e, const sw_image_source *source, sw_diag *diag,
                       sw_code **ret_code)
{
    sw_code *c = sw_alloc(NULL, sizeof(*c));
    if (c == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "compiled code");
    }
    atomic_init(&c->refs, 1);
    c->engine = e;
    c->fd = -1;
    c->id = atomic_fetch_add(&e->next_code_id, 1);
    sw_status st = load(c, source, diag);
    if (st != SW_OK) {
        sw_code_unref(c);
        return st;
    }
    *ret_code = c;
    return SW_OK;
}

sw_code *sw_code_ref(sw_code *c)
{
    unsigned before = atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    SW_CHECK(before != 0 && before < INT32_MAX);
    return c;
}

void sw_code_unref(sw_code *c)
{
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    release_types(c);
    sw_free(NULL, c->block, c->block_bytes);
    sw_vm_release(&c->map);
    sw_fd_close(c->fd);
    sw_free(NULL, c, sizeof(*c));
}

/* ---- Imports and exports --------------------------------------------------------------------- */

static sw_limits memory_limits(const sw_image_memory *m)
{
    return (sw_limits){.min = m->min,
                       .max = m->max,
                       .has_max = m->has_max != 0,
                       .is_64 = m->is_64 != 0,
                       .is_shared = m->is_shared != 0,
                       .page_log2 = (uint8_t)m->page_log2};
}

sw_memtype sw_code_memory_type(const sw_code *c, uint32_t memory)
{
    return (sw_memtype){memory_limits(&c->memories[memory])};
}

sw_tabletype sw_code_table_type(const sw_code *c, uint32_t table)
{
    const sw_image_table *t = &c->tables[table];
    return (sw_tabletype){
        t->element,
        {.min = t->min, .max = t->max, .has_max = t->has_max != 0, .is_64 = t->is_64 != 0}
    };
}

static sw_extern_type extern_type(const sw_code *c, uint32_t kind, uint32_t index)
{
    sw_extern_type type = {.kind = (sw_extern_kind)kind};
    const uint32_t *tags = sw_image_get(c->image, SW_IMAGE_TAGS, NULL);
    switch ((sw_extern_kind)kind) {
    case SW_EXTERN_FUNC: type.func = c->types[c->funcs[index].type]; break;
    case SW_EXTERN_TABLE: type.table = sw_code_table_type(c, index); break;
    case SW_EXTERN_MEMORY: type.memory = sw_code_memory_type(c, index); break;
    case SW_EXTERN_GLOBAL:
        type.global = (sw_globaltype){c->globals[index].type, c->globals[index].is_mutable != 0};
        break;
    case SW_EXTERN_TAG: type.tag = c->types[tags[index]]; break;
    }
    return type;
}

uint32_t sw_code_imports_count(const sw_code *c)
{
    return c->imports_count;
}

void sw_code_get_import(const sw_code *c, uint32_t i, sw_code_import *ret_import)
{
    const sw_image_import *m = &c->imports[i];
    *ret_import =
        (sw_code_import){sw_image_get_str(c->image, m->module), sw_image_get_str(c->image, m->name),
                         extern_type(c, m->kind, m->index)};
}

uint32_t sw_code_exports_count(const sw_code *c)
{
    return (uint32_t)c->image->sections[SW_IMAGE_EXPORTS].count;
}

static const sw_image_export *exports_of(const sw_code *c)
{
    return sw_image_get(c->image, SW_IMAGE_EXPORTS, NULL);
}

void sw_code_get_export(const sw_code *c, uint32_t i, sw_code_export *ret_export)
{
    const sw_image_export *x = &exports_of(c)[i];
    *ret_export =
        (sw_code_export){sw_image_get_str(c->image, x->name), extern_type(c, x->kind, x->index)};
}

uint32_t sw_code_find_export(const sw_code *c, sw_str name)
{
    uint32_t low = 0, high;
    const uint32_t *order = sw_image_get(c->image, SW_IMAGE_EXPORT_ORDER, &high);
    const sw_image_export *exports = exports_of(c);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int difference =
            sw_str_compare(sw_image_get_str(c->image, exports[order[middle]].name), name);
        if (difference == 0) {
            return order[middle];
        }
        if (difference < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return SW_NO_INDEX;
}

sw_str sw_code_func_name(const sw_code *c, uint32_t func)
{
    sw_str name = sw_image_func_name(c->image, func);
    const sw_image_export *exports = exports_of(c);
    for (uint32_t i = 0; name.len == 0 && i < sw_code_exports_count(c); i++) {
        if (exports[i].kind == SW_EXTERN_FUNC && exports[i].index == func) {
            name = sw_image_get_str(c->image, exports[i].name);
        }
    }
    return name;
}

sw_str sw_code_name(const sw_code *c)
{
    return sw_image_get_str(c->image, c->image->name);
}
