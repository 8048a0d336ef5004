/* A module's bytes into its sections, in their order; and look-ups in the result. */
#include "wasm/module.h"

#include "wasm/decode.h"

static const uint8_t PREAMBLE[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};

bool sw_module_is_binary(sw_bytes bytes)
{
    return bytes.len >= sizeof PREAMBLE && memcmp(bytes.ptr, PREAMBLE, sizeof PREAMBLE) == 0;
}

typedef struct section_kind {
    const char *name;
    void (*read)(sw_decoder *d);
    uint8_t order; /* sections come by ascending order, each at most once */
} section_kind;

static const section_kind SECTIONS[SW_SECTIONS_COUNT] = {
    [1] = {"type",       sw_decode_types,      1 },
      [2] = {"import",     sw_decode_imports,    2 },
    [3] = {"function",   sw_decode_functions,  3 },
      [4] = {"table",      sw_decode_tables,     4 },
    [5] = {"memory",     sw_decode_memories,   5 },
      [6] = {"global",     sw_decode_globals,    7 },
    [7] = {"export",     sw_decode_exports,    8 },
      [8] = {"start",      sw_decode_start,      9 },
    [9] = {"element",    sw_decode_elems,      10},
      [10] = {"code",       sw_decode_code,       12},
    [11] = {"data",       sw_decode_datas,      13},
      [12] = {"data count", sw_decode_data_count, 11},
    [13] = {"tag",        sw_decode_tags,       6 },
};

void *sw_decode_array(sw_decoder *d, size_t count, size_t size_bytes, size_t align)
{
    void *p = sw_reader_ok(&d->r) ? sw_arena_alloc_array(d->arena, count, size_bytes, align) : NULL;
    if (p == NULL) {
        sw_decode_no_memory(d);
    }
    return p;
}

void sw_decode_no_memory(sw_decoder *d)
{
    (void)sw_reader_fail(&d->r, SW_NO_MEMORY, "out of memory while reading the module");
}

void sw_decode_refuse(sw_decoder *d, uint32_t at, const char *what, const char *feature)
{
    (void)sw_reader_fail_at(&d->r, SW_UNSUPPORTED, at, "%s needs %s, which is off", what, feature);
}

static void read_custom(sw_decoder *d, uint32_t section_offset)
{
    sw_custom c = {.name = sw_reader_name(&d->r), .section_offset = section_offset};
    c.bytes = (sw_range){sw_decode_position(d), (uint32_t)sw_reader_left(&d->r)};
    (void)sw_reader_take(&d->r, c.bytes.len);
    if (sw_reader_ok(&d->r)) {
        SW_DECODE_PUSH(d, &d->customs, c);
    }
}

/* Reads the payload of a known section, which must use all of it. */
static void read_payload(sw_decoder *d, const section_kind *kind, uint32_t last_order, uint32_t at)
{
    if (kind->order <= last_order) {
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "%s section is repeated or out of order",
                                kind->name);
        return;
    }
    kind->read(d);
    if (sw_reader_ok(&d->r) && !sw_reader_at_end(&d->r)) {
        (void)sw_reader_fail(&d->r, SW_MALFORMED, "%s section is longer than its content",
                             kind->name);
    }
    if (!sw_reader_ok(&d->r)) {
        (void)sw_fail_context(d->r.diag, d->r.status, "%s section", kind->name);
    }
}

/* One section; d->r spans the module, and is narrowed to the payload meanwhile. */
static void read_section(sw_decoder *d, uint32_t *last_order)
{
    uint32_t at = sw_decode_position(d);
    uint32_t offset = sw_reader_offset(&d->r);
    uint8_t id = sw_reader_u8(&d->r);
    if (id >= SW_SECTIONS_COUNT) {
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, offset, "unknown section %u", id);
    }
    uint32_t len = sw_reader_leb_u32(&d->r);
    if (len > sw_reader_left(&d->r)) {
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, offset, "section exceeds the module");
    }
    if (!sw_reader_ok(&d->r)) {
        return;
    }
    const uint8_t *module_end = d->r.end;
    d->r.end = d->r.pos + len;
    if (id == 0) {
        read_custom(d, at);
    } else {
        d->m->section_offsets[id] = offset;
        read_payload(d, &SECTIONS[id], *last_order, offset);
        *last_order = SECTIONS[id].order;
    }
    if (sw_reader_ok(&d->r)) {
        d->r.end = module_end;
    }
}

static void check_counts(sw_decoder *d)
{
    sw_module *m = d->m;
    size_t declared = d->funcs.count - m->imported_funcs;
    if (declared != d->bodies_count) {
        (void)sw_reader_fail(&d->r, SW_MALFORMED, "%zu functions are declared, %u have bodies",
                             declared, d->bodies_count);
    }
    if (m->has_data_count && d->declared_datas != m->datas_count) {
        (void)sw_reader_fail(&d->r, SW_MALFORMED, "%u data segments are declared, %u are there",
                             d->declared_datas, m->datas_count);
    }
}

/* Copies the index space to the arena as member `field` of the module. */
#define SEAL(d, field)                                                                  \
    do {                                                                                \
        void *copy_ = sw_decode_array((d), (d)->field.count, sizeof *(d)->field.at, 8); \
        if (copy_ != NULL && (d)->field.count != 0) {                                   \
            memcpy(copy_, (d)->field.at, (d)->field.count * sizeof *(d)->field.at);     \
        }                                                                               \
        (d)->m->field = copy_;                                                          \
        (d)->m->field##_count = (uint32_t)(d)->field.count;                             \
    } while (0)

static void seal(sw_decoder *d)
{
    SEAL(d, types);
    SEAL(d, funcs);
    SEAL(d, tables);
    SEAL(d, memories);
    SEAL(d, globals);
    SEAL(d, tags);
    SEAL(d, customs);
}

static void read_all(sw_decoder *d)
{
    sw_bytes preamble = sw_reader_take(&d->r, sizeof PREAMBLE);
    if (sw_reader_ok(&d->r) && !sw_module_is_binary(preamble)) {
        const char *what = memcmp(preamble.ptr, PREAMBLE, 4) != 0 ? "magic number" : "version";
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, d->r.origin, "no core module: wrong %s", what);
    }
    uint32_t last_order = 0;
    while (sw_reader_ok(&d->r) && !sw_reader_at_end(&d->r)) {
        read_section(d, &last_order);
    }
    if (sw_reader_ok(&d->r)) {
        check_counts(d);
        seal(d);
    }
}

static void clear(sw_decoder *d)
{
    sw_vec_clear(&d->types);
    sw_vec_clear(&d->funcs);
    sw_vec_clear(&d->tables);
    sw_vec_clear(&d->memories);
    sw_vec_clear(&d->globals);
    sw_vec_clear(&d->tags);
    sw_vec_clear(&d->customs);
}

sw_status sw_module_read(sw_arena *arena, sw_bytes bytes, uint32_t origin,
                         const sw_features *features, sw_diag *diag, sw_module *ret_module)
{
    if (bytes.len >= UINT32_MAX - origin) {
        return sw_fail(diag, SW_LIMIT, origin, "the module is larger than 4 GiB");
    }
    sw_module m = {.arena = arena, .bytes = bytes, .origin = origin, .start = SW_NO_INDEX};
    sw_budget *b = arena->budget;
    sw_decoder d = {
        .m = &m,
        .arena = arena,
        .features = features,
        .r = sw_reader_make(bytes, origin, diag),
        .types.budget = b,
        .funcs.budget = b,
        .tables.budget = b,
        .memories.budget = b,
        .globals.budget = b,
        .tags.budget = b,
        .customs.budget = b,
    };
    read_all(&d);
    clear(&d);
    SW_TRY(d.r.status);
    sw_status st = sw_decode_names(&m);
    if (st != SW_OK) {
        return sw_fail(diag, st, SW_NO_OFFSET, "out of memory while reading the name section");
    }
    *ret_module = m;
    return SW_OK;
}

sw_str sw_module_func_name(const sw_module *m, uint32_t func)
{
    size_t low = 0, high = m->func_names_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->func_names[middle].func < func) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < m->func_names_count && m->func_names[low].func == func;
    return found ? m->func_names[low].name : (sw_str){};
}

const sw_export *sw_module_export(const sw_module *m, sw_str name)
{
    for (uint32_t i = 0; i < m->exports_count; i++) {
        if (sw_str_eq(m->exports[i].name, name)) {
            return &m->exports[i];
        }
    }
    return NULL;
}

const sw_custom *sw_module_custom(const sw_module *m, sw_str name)
{
    for (uint32_t i = 0; i < m->customs_count; i++) {
        if (sw_str_eq(m->customs[i].name, name)) {
            return &m->customs[i];
        }
    }
    return NULL;
}
