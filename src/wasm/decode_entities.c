/* Imports, functions, tables, memories, tags, globals, exports and start. */
#include "wasm/decode.h"

enum {
    LIMITS_HAS_MAX = 1,
    LIMITS_SHARED = 2,
    LIMITS_64 = 4,
};

static sw_limits read_limits(sw_decoder *d, bool is_memory)
{
    uint32_t at = sw_reader_offset(&d->r);
    uint8_t flags = sw_reader_u8(&d->r);
    sw_limits l = {
        .max = UINT64_MAX,
        .has_max = (flags & LIMITS_HAS_MAX) != 0,
        .is_64 = (flags & LIMITS_64) != 0,
        .is_shared = (flags & LIMITS_SHARED) != 0,
        .page_log2 = is_memory ? 16 : 0,
    };
    if (flags > 7 || (!is_memory && l.is_shared)) {
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "malformed limits flags 0x%02x", flags);
    } else if (l.is_64 && !d->features->memory64) {
        sw_decode_refuse(d, at, is_memory ? "a 64-bit memory" : "a 64-bit table", "memory64");
    } else if (l.is_shared && !d->features->threads) {
        sw_decode_refuse(d, at, "a shared memory", "threads");
    }
    l.min = sw_reader_leb_u64(&d->r);
    if (l.has_max) {
        l.max = sw_reader_leb_u64(&d->r);
    }
    return l;
}

static void add_func(sw_decoder *d)
{
    if (d->funcs.count == SW_MAX_FUNCTIONS) {
        (void)sw_reader_fail(&d->r, SW_LIMIT, "more than %d functions", SW_MAX_FUNCTIONS);
    }
    SW_DECODE_PUSH(d, &d->funcs, (sw_func){.type = sw_reader_leb_u32(&d->r)});
}

static sw_tabletype read_tabletype(sw_decoder *d)
{
    sw_tabletype t = {.element = sw_decode_reftype(d)};
    t.limits = read_limits(d, false);
    return t;
}

static void add_table(sw_decoder *d, sw_table t)
{
    if (d->tables.count == SW_MAX_TABLES) {
        (void)sw_reader_fail(&d->r, SW_LIMIT, "more than %d tables", SW_MAX_TABLES);
    }
    SW_DECODE_PUSH(d, &d->tables, t);
}

static void add_memory(sw_decoder *d)
{
    uint32_t at = sw_reader_offset(&d->r);
    if (d->memories.count == 1 && !d->features->multi_memory) {
        sw_decode_refuse(d, at, "a second memory", "multi-memory");
    }
    if (d->memories.count == SW_MAX_MEMORIES) {
        (void)sw_reader_fail(&d->r, SW_LIMIT, "more than %d memories", SW_MAX_MEMORIES);
    }
    SW_DECODE_PUSH(d, &d->memories, (sw_memtype){read_limits(d, true)});
}

static void add_global(sw_decoder *d, sw_global g)
{
    if (d->globals.count == SW_MAX_GLOBALS) {
        (void)sw_reader_fail(&d->r, SW_LIMIT, "more than %d globals", SW_MAX_GLOBALS);
    }
    SW_DECODE_PUSH(d, &d->globals, g);
}

static void add_tag(sw_decoder *d)
{
    uint32_t at = sw_reader_offset(&d->r);
    if (!d->features->exceptions) {
        sw_decode_refuse(d, at, "a tag", "exceptions");
    }
    if (sw_reader_u8(&d->r) != 0) {
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "malformed tag attribute");
    }
    SW_DECODE_PUSH(d, &d->tags, sw_reader_leb_u32(&d->r));
}

/* The description of an import goes to its index space. */
static uint32_t read_import_entity(sw_decoder *d, uint8_t kind, uint32_t at)
{
    sw_module *m = d->m;
    switch (kind) {
    case SW_EXTERN_FUNC: add_func(d); return m->imported_funcs++;
    case SW_EXTERN_TABLE:
        add_table(d, (sw_table){.type = read_tabletype(d)});
        return m->imported_tables++;
    case SW_EXTERN_MEMORY: add_memory(d); return m->imported_memories++;
    case SW_EXTERN_GLOBAL:
        add_global(d, (sw_global){.type = sw_decode_globaltype(d)});
        return m->imported_globals++;
    case SW_EXTERN_TAG: add_tag(d); return m->imported_tags++;
    default:
        (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "malformed import kind 0x%02x", kind);
        return 0;
    }
}

void sw_decode_imports(sw_decoder *d)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_IMPORTS, "imports");
    sw_import *imports = SW_DECODE_ARRAY(d, sw_import, count);
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        imports[i].module = sw_reader_name(&d->r);
        imports[i].name = sw_reader_name(&d->r);
        uint32_t at = sw_reader_offset(&d->r);
        uint8_t kind = sw_reader_u8(&d->r);
        imports[i].kind = (sw_extern_kind)kind;
        if (sw_reader_ok(&d->r)) {
            imports[i].index = read_import_entity(d, kind, at);
        }
    }
    d->m->imports = imports;
    d->m->imports_count = count;
}

void sw_decode_functions(sw_decoder *d)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_FUNCTIONS, "functions");
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        add_func(d);
    }
}

/* 0x40 0x00 in front of a table's type announces an initial value. */
static void read_table(sw_decoder *d)
{
    enum { WITH_INIT = 0x40 };
    sw_table t = {};
    uint32_t at = sw_reader_offset(&d->r);
    bool has_init = sw_reader_peek_u8(&d->r) == WITH_INIT;
    if (has_init) {
        (void)sw_reader_u8(&d->r);
        if (sw_reader_u8(&d->r) != 0) {
            (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "malformed table");
        }
        if (!d->features->function_references && !d->features->gc) {
            sw_decode_refuse(d, at, "a table with an initial value", "function references");
        }
    }
    t.type = read_tabletype(d);
    if (has_init) {
        t.init = sw_decode_expr(d);
    }
    add_table(d, t);
}

void sw_decode_tables(sw_decoder *d)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_TABLES, "tables");
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        read_table(d);
    }
}

void sw_decode_memories(sw_decoder *d)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_MEMORIES, "memories");
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        add_memory(d);
    }
}

void sw_decode_tags(sw_decoder *d)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_GLOBALS, "tags");
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        add_tag(d);
    }
}

void sw_decode_globals(sw_decoder *d)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_GLOBALS, "globals");
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        sw_global g = {.type = sw_decode_globaltype(d)};
        g.init = sw_decode_expr(d);
        add_global(d, g);
    }
}

void sw_decode_exports(sw_decoder *d)
{
    uint32_t count = sw_reader_count(&d->r, SW_MAX_EXPORTS, "exports");
    sw_export *exports = SW_DECODE_ARRAY(d, sw_export, count);
    for (uint32_t i = 0; i < count && sw_reader_ok(&d->r); i++) {
        exports[i].name = sw_reader_name(&d->r);
        uint32_t at = sw_reader_offset(&d->r);
        uint8_t kind = sw_reader_u8(&d->r);
        if (kind > SW_EXTERN_TAG) {
            (void)sw_reader_fail_at(&d->r, SW_MALFORMED, at, "malformed export kind 0x%02x", kind);
        }
        exports[i].kind = (sw_extern_kind)kind;
        exports[i].index = sw_reader_leb_u32(&d->r);
    }
    d->m->exports = exports;
    d->m->exports_count = count;
}

void sw_decode_start(sw_decoder *d)
{
    uint32_t at = sw_reader_offset(&d->r);
    d->m->start = sw_reader_leb_u32(&d->r);
    if (d->m->start == SW_NO_INDEX) {
        (void)sw_reader_fail_at(&d->r, SW_INVALID, at, "unknown function");
    }
}
