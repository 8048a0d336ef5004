#include "api/describe.h"

#include "api/type_names.h"
#include "base/reader.h"

#include <stdio.h>

/* ---- Types as text --------------------------------------------------------------------------- */

static sw_str text_of(sw_arena *a, const sw_buf *b)
{
    return sw_buf_status(b) == SW_OK ? sw_arena_str(a, (sw_str){(const char *)b->ptr, b->len})
                                     : (sw_str){};
}

static void append_valtypes(sw_buf *out, const sw_valtype *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char text[32];
        sw_buf_printf(out, "%s%s", i == 0 ? "" : ", ",
                      sw_valtype_text(types[i], text, sizeof text));
    }
}

static void append_functype(sw_buf *out, const sw_functype *t)
{
    sw_buf_printf(out, "func(");
    append_valtypes(out, t->params, t->params_count);
    sw_buf_printf(out, ")");
    if (t->results_count != 0) {
        sw_buf_printf(out, " -> ");
        append_valtypes(out, t->results, t->results_count);
    }
}

static void append_limits(sw_buf *out, const char *what, const sw_limits *l)
{
    sw_buf_printf(out, "%s %llu", what, (unsigned long long)l->min);
    if (l->has_max) {
        sw_buf_printf(out, "..%llu", (unsigned long long)l->max);
    }
}

static void append_extern(sw_buf *out, const sw_module *m, sw_extern_kind kind, uint32_t index)
{
    char text[32];
    switch (kind) {
    case SW_EXTERN_FUNC: append_functype(out, sw_module_functype(m, index)); return;
    case SW_EXTERN_TABLE: append_limits(out, "table", &m->tables[index].type.limits); return;
    case SW_EXTERN_MEMORY: append_limits(out, "memory", &m->memories[index].limits); return;
    case SW_EXTERN_GLOBAL:
        sw_buf_printf(out, "global %s%s", m->globals[index].type.is_mutable ? "mut " : "",
                      sw_valtype_text(m->globals[index].type.type, text, sizeof text));
        return;
    case SW_EXTERN_TAG: sw_buf_printf(out, "tag"); return;
    }
}

static sw_status add_core_item(sw_arena *a, const sw_module *m, sw_extern_kind kind, uint32_t index,
                               sw_item_text *item)
{
    sw_buf out;
    sw_buf_init(&out, NULL, 1 << 20);
    append_extern(&out, m, kind, index);
    item->type = text_of(a, &out);
    sw_buf_clear(&out);
    return item->type.ptr == NULL ? SW_NO_MEMORY : SW_OK;
}

/* ---- Imports and exports --------------------------------------------------------------------- */

static sw_status describe_module(sw_input *in, sw_description *d)
{
    const sw_module *m = &in->module;
    for (uint32_t i = 0; i < m->imports_count; i++) {
        const sw_import *import = &m->imports[i];
        sw_item_text item = {.name = sw_arena_printf(&in->arena, "%.*s#%.*s",
                                                     SW_STR_ARG(import->module),
                                                     SW_STR_ARG(import->name))};
        SW_TRY(add_core_item(&in->arena, m, import->kind, import->index, &item));
        SW_TRY(sw_vec_push(&d->imports, item));
    }
    for (uint32_t i = 0; i < m->exports_count; i++) {
        sw_item_text item = {.name = m->exports[i].name};
        SW_TRY(add_core_item(&in->arena, m, m->exports[i].kind, m->exports[i].index, &item));
        SW_TRY(sw_vec_push(&d->exports, item));
    }
    return SW_OK;
}

static sw_status describe_imports(sw_arena *a, const sw_plan *p, sw_type_names *names,
                                  sw_description *d)
{
    for (uint32_t i = 0; i < p->imports_count; i++) {
        const sw_import_plan *import = &p->imports[i];
        sw_item_text item = {.name = sw_types_str(&p->types, import->name),
                             .depth = import->parent != SW_PLAN_NONE};
        SW_TRY(sw_type_names_import(names, a, i, &item.type));
        SW_TRY(sw_vec_push(&d->imports, item));
    }
    return SW_OK;
}

static sw_status describe_exports(sw_arena *a, const sw_plan *p, sw_type_names *names,
                                  uint32_t parent, uint32_t depth, sw_description *d)
{
    bool is_top = parent == SW_PLAN_NONE;
    uint32_t first = is_top ? 0 : p->exports[parent].first;
    uint32_t count = is_top ? p->exports_top_count : p->exports[parent].count;
    for (uint32_t i = first; i < first + count; i++) {
        const sw_export_plan *e = &p->exports[i];
        sw_item_text item = {.name = sw_types_str(&p->types, e->name), .depth = depth};
        SW_TRY(sw_type_names_export(names, a, i, &item.type));
        SW_TRY(sw_vec_push(&d->exports, item));
        if (e->kind == SW_ITEM_INSTANCE) {
            SW_TRY(describe_exports(a, p, names, i, depth + 1, d));
        }
    }
    return SW_OK;
}

static sw_status describe_ends(sw_arena *a, const sw_plan *p, sw_description *d)
{
    sw_type_names names;
    SW_TRY(sw_type_names_make(a, p, &names));
    SW_TRY(describe_imports(a, p, &names, d));
    return describe_exports(a, p, &names, SW_PLAN_NONE, 0, d);
}

/* ---- Capabilities ---------------------------------------------------------------------------- */

typedef struct capability_row {
    sw_str prefix; /* of an import's name */
    const char *name, *detail, *option;
} capability_row;

#define FILES  "files", "in the directories that are granted", "--dir"
#define ENV    "environment", "the variables that are granted, and its arguments", "--env"
#define STDIO  "streams", "standard input, output and error", ""
#define CLOCKS "clocks", "the time of day, and waiting", ""
#define RANDOM "random", "random numbers", ""
#define TCP    "tcp", "connections where they are granted", "--allow-tcp"
#define UDP    "udp", "datagrams to where they are granted", "--allow-udp"
#define NAMES  "dns", "the names that are granted", "--allow-dns"
#define NET    "network", "addresses and errors of sockets", ""
#define SOCK01 "network", "sockets: not offered by this build", ""
#define SEND   "requests", "HTTP requests to where they are granted", "--allow-http"
#define HTTP   "http", "requests and responses", ""
#define EXIT   "exit", "ending itself with a code", ""

/* The first row that fits counts. */
static const capability_row CAPABILITIES[] = {
    {SW_STR_INIT("wasi:filesystem/"),                  FILES },
    {SW_STR_INIT("wasi:cli/environment"),              ENV   },
    {SW_STR_INIT("wasi:cli/exit"),                     EXIT  },
    {SW_STR_INIT("wasi:cli/"),                         STDIO },
    {SW_STR_INIT("wasi:io/"),                          STDIO },
    {SW_STR_INIT("wasi:clocks/"),                      CLOCKS},
    {SW_STR_INIT("wasi:random/"),                      RANDOM},
    {SW_STR_INIT("wasi:sockets/tcp"),                  TCP   },
    {SW_STR_INIT("wasi:sockets/udp"),                  UDP   },
    {SW_STR_INIT("wasi:sockets/ip-name-lookup"),       NAMES },
    {SW_STR_INIT("wasi:sockets/"),                     NET   },
    {SW_STR_INIT("wasi:http/outgoing-handler"),        SEND  },
    {SW_STR_INIT("wasi:http/"),                        HTTP  },
    {SW_STR_INIT("wasi_snapshot_preview1#path_"),      FILES },
    {SW_STR_INIT("wasi_snapshot_preview1#fd_prestat"), FILES },
    {SW_STR_INIT("wasi_snapshot_preview1#fd_readdir"), FILES },
    {SW_STR_INIT("wasi_snapshot_preview1#fd_"),        STDIO },
    {SW_STR_INIT("wasi_snapshot_preview1#environ_"),   ENV   },
    {SW_STR_INIT("wasi_snapshot_preview1#args_"),      ENV   },
    {SW_STR_INIT("wasi_snapshot_preview1#clock_"),     CLOCKS},
    {SW_STR_INIT("wasi_snapshot_preview1#poll_"),      CLOCKS},
    {SW_STR_INIT("wasi_snapshot_preview1#sched_"),     CLOCKS},
    {SW_STR_INIT("wasi_snapshot_preview1#random_"),    RANDOM},
    {SW_STR_INIT("wasi_snapshot_preview1#sock_"),      SOCK01},
    {SW_STR_INIT("wasi_snapshot_preview1#proc_"),      EXIT  },
};

static sw_capability capability_of(sw_str import)
{
    for (size_t i = 0; i < SW_COUNTOF(CAPABILITIES); i++) {
        const capability_row *row = &CAPABILITIES[i];
        if (sw_str_starts(import, row->prefix)) {
            return (sw_capability){sw_str_of(row->name), sw_str_of(row->detail),
                                   sw_str_of(row->option)};
        }
    }
    return (sw_capability){import, SW_STR("whatever the host offers under this name"), SW_STR("")};
}

static sw_status add_capability(sw_description *d, sw_str import)
{
    sw_capability c = capability_of(import);
    for (size_t i = 0; i < d->capabilities.count; i++) {
        if (sw_str_eq(d->capabilities.at[i].name, c.name)) {
            return SW_OK;
        }
    }
    return sw_vec_push(&d->capabilities, c);
}

static sw_status describe_capabilities(sw_description *d)
{
    for (size_t i = 0; i < d->imports.count; i++) {
        if (d->imports.at[i].depth == 0) {
            SW_TRY(add_capability(d, d->imports.at[i].name));
        }
    }
    return SW_OK;
}

/* ---- Sizes and producers --------------------------------------------------------------------- */

/* The "producers" custom section: fields of (name, version) pairs. A malformed one is ignored: it
 * means nothing to the program. */
static sw_status read_producers(sw_bytes payload, sw_description *d)
{
    sw_reader r = sw_reader_make(payload, 0, NULL);
    uint32_t fields = sw_reader_count(&r, 100, "fields");
    for (uint32_t i = 0; i < fields && sw_reader_ok(&r); i++) {
        sw_str field = sw_reader_name(&r);
        uint32_t values = sw_reader_count(&r, 1000, "values");
        for (uint32_t k = 0; k < values && sw_reader_ok(&r); k++) {
            sw_producer p = {.field = field, .name = sw_reader_name(&r)};
            p.version = sw_reader_name(&r);
            if (sw_reader_ok(&r)) {
                SW_TRY(sw_vec_push(&d->producers, p));
            }
        }
    }
    return SW_OK;
}

static bool has_producer(const sw_description *d, const sw_producer *p, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        const sw_producer *o = &d->producers.at[i];
        if (sw_str_eq(o->field, p->field) && sw_str_eq(o->name, p->name) &&
            sw_str_eq(o->version, p->version)) {
            return true;
        }
    }
    return false;
}

static void merge_producers(sw_description *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->producers.count; i++) {
        if (!has_producer(d, &d->producers.at[i], kept)) {
            d->producers.at[kept++] = d->producers.at[i];
        }
    }
    d->producers.count = kept;
}

static sw_status describe_core(const sw_module *m, sw_description *d)
{
    sw_module_text text = {.name = m->name,
                           .size_bytes = m->bytes.len,
                           .code_bytes = m->code_bytes,
                           .functions = m->funcs_count - m->imported_funcs};
    for (uint32_t i = 0; i < m->datas_count; i++) {
        text.data_bytes += m->datas[i].bytes.len;
    }
    for (uint32_t i = 0; i < m->customs_count; i++) {
        const sw_custom *c = &m->customs[i];
        text.custom_bytes += c->bytes.len;
        if (sw_str_eq(c->name, SW_STR("producers"))) {
            SW_TRY(read_producers(sw_bytes_slice(m->bytes, c->bytes.start, c->bytes.len), d));
        }
    }
    return sw_vec_push(&d->modules, text);
}

enum { PREAMBLE_BYTES = 8, SECTION_CUSTOM = 0 };

/* Custom sections of the outermost component; the binary has been validated before. */
static sw_status describe_component_customs(sw_bytes bytes, sw_description *d)
{
    sw_reader r = sw_reader_make(bytes, 0, NULL);
    (void)sw_reader_take(&r, PREAMBLE_BYTES);
    while (sw_reader_ok(&r) && !sw_reader_at_end(&r)) {
        uint8_t id = sw_reader_u8(&r);
        sw_reader section = sw_reader_sub(&r, sw_reader_leb_u32(&r));
        if (id == SECTION_CUSTOM && sw_str_eq(sw_reader_name(&section), SW_STR("producers"))) {
            SW_TRY(read_producers(sw_reader_take(&section, sw_reader_left(&section)), d));
        }
    }
    return SW_OK;
}

sw_status sw_describe(sw_input *in, sw_bytes bytes, sw_description *ret)
{
    uint32_t count;
    const sw_module *modules = sw_input_modules(in, &count);
    *ret = (sw_description){.is_component = in->is_component, .size_bytes = bytes.len};
    if (in->is_component) {
        const sw_plan *plan = &in->component.plan;
        SW_TRY(describe_ends(&in->arena, plan, ret));
        SW_TRY(describe_component_customs(bytes, ret));
    } else {
        SW_TRY(describe_module(in, ret));
    }
    for (uint32_t i = 0; i < count; i++) {
        SW_TRY(describe_core(&modules[i], ret));
    }
    merge_producers(ret);
    return describe_capabilities(ret);
}

void sw_description_clear(sw_description *d)
{
    sw_vec_clear(&d->imports);
    sw_vec_clear(&d->exports);
    sw_vec_clear(&d->capabilities);
    sw_vec_clear(&d->producers);
    sw_vec_clear(&d->modules);
}
