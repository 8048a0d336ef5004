/*
 * The component binary format: preamble, sections, definitions.
 *
 * Sections may come in any order and any number; each appends to the one list of definitions of
 * its component. Form only: what the indices mean is the validator's business.
 */
#include "component/decode.h"
#include "component/decode_parts.h"

/* ---- Helpers --------------------------------------------------------------------------------- */

void *sw_decoder_array(sw_decoder *d, sw_reader *r, size_t count, size_t item_bytes)
{
    if (!sw_reader_ok(r)) {
        return NULL;
    }
    void *p = sw_arena_alloc_array(d->arena, count, item_bytes, 8);
    if (p == NULL) {
        (void)sw_reader_fail(r, SW_NO_MEMORY, "out of memory");
    }
    return p;
}

void sw_decoder_unsupported(sw_reader *r, uint32_t offset, const char *what)
{
    (void)sw_reader_fail_at(r, SW_UNSUPPORTED, offset, "%s are not supported yet", what);
}

void sw_decoder_asynchronous(const sw_decoder *d, sw_reader *r, uint32_t offset, const char *what)
{
    if (!d->types_only) {
        sw_decoder_unsupported(r, offset, what);
    }
}

void sw_decoder_bad_byte(sw_reader *r, uint32_t offset, uint8_t byte, const char *what)
{
    (void)sw_reader_fail_at(r, SW_MALFORMED, offset, "invalid leading byte (0x%x) for %s", byte,
                            what);
}

void sw_decoder_add(sw_decoder *d, sw_reader *r, sw_ast_defs *defs, sw_ast_def def)
{
    if (sw_reader_ok(r) && sw_avec_push(d->arena, defs, def) != SW_OK) {
        (void)sw_reader_fail(r, SW_NO_MEMORY, "out of memory");
    }
}

/* An index; the value that means "none" becomes another that no index space has. */
static uint32_t read_index(sw_reader *r)
{
    uint32_t index = sw_reader_leb_u32(r);
    return SW_MIN(index, SW_NO_INDEX - 1);
}

/* ---- Instances ------------------------------------------------------------------------------- */

static sw_ast_arg read_core_arg(sw_reader *r, bool is_export)
{
    sw_ast_arg a = {.name = {.text = sw_reader_name(r)}};
    uint32_t at = sw_reader_offset(r);
    uint8_t sort = sw_reader_u8(r);
    a.sort = sw_core_sort_of(sort);
    a.index = sw_reader_leb_u32(r);
    if (is_export ? a.sort > SW_SORT_CORE_TAG : a.sort != SW_SORT_CORE_INSTANCE) {
        sw_decoder_bad_byte(r, at, sort,
                            is_export ? "core inline export" : "instantiation arg kind");
    }
    return a;
}

static sw_ast_arg read_arg(sw_decoder *d, sw_reader *r, bool is_export)
{
    sw_ast_arg a = {};
    if (is_export) {
        a.name = sw_decode_extern_name(d, r);
    } else {
        a.name.text = sw_reader_name(r);
    }
    a.sort = sw_decode_sort(r);
    a.index = sw_reader_leb_u32(r);
    return a;
}

static sw_ast_instance read_instance(sw_decoder *d, sw_reader *r, bool is_core)
{
    sw_ast_instance in = {.target = SW_NO_INDEX};
    uint32_t at = sw_reader_offset(r);
    uint8_t form = sw_reader_u8(r);
    if (form > 1) {
        sw_decoder_bad_byte(r, at, form, is_core ? "core instance" : "instance");
    }
    if (form == 0) {
        in.target = read_index(r);
    }
    in.args_count = sw_reader_count(r, SW_MAX_INSTANTIATION_ARGS, "arguments or exports");
    sw_ast_arg *args = sw_decoder_array(d, r, in.args_count, sizeof *args);
    for (uint32_t i = 0; i < in.args_count && sw_reader_ok(r); i++) {
        args[i] = is_core ? read_core_arg(r, form == 1) : read_arg(d, r, form == 1);
    }
    in.args = args;
    return in;
}

/* ---- Canonical definitions ------------------------------------------------------------------- */

static void set_index(sw_reader *r, uint32_t at, uint32_t *place, const char *what)
{
    if (*place != SW_NO_INDEX) {
        (void)sw_reader_fail_at(r, SW_INVALID, at,
                                "canonical option `%s` is specified more than once", what);
    }
    *place = read_index(r);
}

static void read_option(const sw_decoder *d, sw_reader *r, sw_ast_canon *c, bool *has_encoding)
{
    uint32_t at = sw_reader_offset(r);
    uint8_t option = sw_reader_u8(r);
    switch (option) {
    case 0x00:
    case 0x01:
    case 0x02:
        if (*has_encoding) {
            (void)sw_reader_fail_at(r, SW_INVALID, at,
                                    "canonical encoding option conflicts with an earlier one");
        }
        *has_encoding = true;
        c->encoding = option;
        break;
    case 0x03: set_index(r, at, &c->memory, "memory"); break;
    case 0x04: set_index(r, at, &c->realloc, "realloc"); break;
    case 0x05: set_index(r, at, &c->post_return, "post-return"); break;
    case 0x06: sw_decoder_asynchronous(d, r, at, "asynchronous lifts and lowers"); break;
    case 0x07:
        sw_decoder_asynchronous(d, r, at, "asynchronous callbacks");
        (void)sw_reader_leb_u32(r);
        break;
    default: sw_decoder_bad_byte(r, at, option, "canonical option"); break;
    }
}

static void read_options(const sw_decoder *d, sw_reader *r, sw_ast_canon *c)
{
    uint32_t count = sw_reader_count(r, SW_MAX_CANON_OPTIONS, "canonical options");
    bool has_encoding = false;
    c->memory = c->realloc = c->post_return = SW_NO_INDEX;
    for (uint32_t i = 0; i < count && sw_reader_ok(r); i++) {
        read_option(d, r, c, &has_encoding);
    }
}

static void expect_func_sort(sw_reader *r)
{
    uint32_t at = sw_reader_offset(r);
    uint8_t byte = sw_reader_u8(r);
    if (byte != 0) {
        sw_decoder_bad_byte(r, at, byte, "canonical function");
    }
}

/* The built-ins of asynchronous components, by opcode, and what follows it: b a byte, i an index, o
 * options, r a result list. */
static const struct {
    const char *name, *immediates;
} ASYNC_BUILTINS[] = {
    [0x05] = {"task.cancel",                  ""   },
    [0x06] = {"subtask.cancel",               "b"  },
    [0x09] = {"task.return",                  "ro" },
    [0x0a] = {"context.get",                  "bi" },
    [0x0b] = {"context.set",                  "bi" },
    [0x0c] = {"thread.yield",                 "b"  },
    [0x0d] = {"subtask.drop",                 ""   },
    [0x0e] = {"stream.new",                   "i"  },
    [0x0f] = {"stream.read",                  "io" },
    [0x10] = {"stream.write",                 "io" },
    [0x11] = {"stream.cancel-read",           "ib" },
    [0x12] = {"stream.cancel-write",          "ib" },
    [0x13] = {"stream.drop-readable",         "i"  },
    [0x14] = {"stream.drop-writable",         "i"  },
    [0x15] = {"future.new",                   "i"  },
    [0x16] = {"future.read",                  "io" },
    [0x17] = {"future.write",                 "io" },
    [0x18] = {"future.cancel-read",           "ib" },
    [0x19] = {"future.cancel-write",          "ib" },
    [0x1a] = {"future.drop-readable",         "i"  },
    [0x1b] = {"future.drop-writable",         "i"  },
    [0x1c] = {"error-context.new",            "o"  },
    [0x1d] = {"error-context.debug-message",  "o"  },
    [0x1e] = {"error-context.drop",           ""   },
    [0x1f] = {"waitable-set.new",             ""   },
    [0x20] = {"waitable-set.wait",            "bi" },
    [0x21] = {"waitable-set.poll",            "bi" },
    [0x22] = {"waitable-set.drop",            ""   },
    [0x23] = {"waitable.join",                ""   },
    [0x24] = {"backpressure.inc",             ""   },
    [0x25] = {"backpressure.dec",             ""   },
    [0x26] = {"thread.index",                 ""   },
    [0x27] = {"thread.new-indirect",          "ii" },
    [0x28] = {"thread.resume-later",          ""   },
    [0x29] = {"thread.suspend",               "b"  },
    [0x2a] = {"thread.suspend-then-resume",   "b"  },
    [0x2b] = {"thread.yield-then-resume",     "b"  },
    [0x2c] = {"thread.suspend-then-promote",  "b"  },
    [0x2d] = {"thread.yield-then-promote",    "b"  },
    [0x40] = {"thread.spawn-ref",             "bi" },
    [0x41] = {"thread.spawn-indirect",        "bii"},
    [0x42] = {"thread.available-parallelism", "b"  },
};

static void skip_results(const sw_decoder *d, sw_reader *r)
{
    if (sw_reader_u8(r) == 0) {
        sw_decode_skip_valtype(d, r);
    } else {
        (void)sw_reader_u8(r);
    }
}

static void read_async_builtin(const sw_decoder *d, sw_reader *r, uint32_t at, uint8_t opcode,
                               sw_ast_canon *c)
{
    if (!d->types_only) {
        (void)sw_reader_fail_at(r, SW_UNSUPPORTED, at,
                                "asynchronous built-ins are not supported yet: %s",
                                ASYNC_BUILTINS[opcode].name);
    }
    c->op = SW_CANON_OTHER;
    for (const char *p = ASYNC_BUILTINS[opcode].immediates; *p != '\0'; p++) {
        switch (*p) {
        case 'b': (void)sw_reader_u8(r); break;
        case 'i': (void)sw_reader_leb_u32(r); break;
        case 'o': read_options(d, r, c); break;
        default: skip_results(d, r); break;
        }
    }
}

static void read_canon_body(const sw_decoder *d, sw_reader *r, uint32_t at, uint8_t opcode,
                            sw_ast_canon *c)
{
    switch (opcode) {
    case 0x00:
        expect_func_sort(r);
        c->op = SW_CANON_LIFT;
        c->func = sw_reader_leb_u32(r);
        read_options(d, r, c);
        c->type = sw_reader_leb_u32(r);
        break;
    case 0x01:
        expect_func_sort(r);
        c->op = SW_CANON_LOWER;
        c->func = sw_reader_leb_u32(r);
        read_options(d, r, c);
        break;
    case 0x02:
    case 0x03:
    case 0x04:
        c->op = (uint32_t)SW_CANON_RESOURCE_NEW + opcode - 2;
        c->type = sw_reader_leb_u32(r);
        break;
    default:
        if (opcode < SW_COUNTOF(ASYNC_BUILTINS) && ASYNC_BUILTINS[opcode].name != NULL) {
            read_async_builtin(d, r, at, opcode, c);
        } else {
            sw_decoder_bad_byte(r, at, opcode, "canonical function");
        }
        break;
    }
}

static const sw_ast_canon *read_canon(sw_decoder *d, sw_reader *r)
{
    sw_ast_canon *c = sw_decoder_array(d, r, 1, sizeof *c);
    if (c != NULL) {
        uint32_t at = sw_reader_offset(r);
        read_canon_body(d, r, at, sw_reader_u8(r), c);
    }
    return c;
}

/* ---- Imports and exports --------------------------------------------------------------------- */

static const sw_ast_import *read_import(sw_decoder *d, sw_reader *r)
{
    sw_ast_import *import = sw_decoder_array(d, r, 1, sizeof *import);
    if (import != NULL) {
        import->name = sw_decode_extern_name(d, r);
        import->type = sw_decode_extern(r);
    }
    return import;
}

static const sw_ast_export *read_export(sw_decoder *d, sw_reader *r)
{
    sw_ast_export *export = sw_decoder_array(d, r, 1, sizeof *export);
    if (export == NULL) {
        return NULL;
    }
    export->name = sw_decode_extern_name(d, r);
    export->sort = sw_decode_sort(r);
    export->index = sw_reader_leb_u32(r);
    uint32_t at = sw_reader_offset(r);
    uint8_t has_type = sw_reader_u8(r);
    if (has_type > 1) {
        sw_decoder_bad_byte(r, at, has_type, "optional type of an export");
    }
    export->has_type = has_type == 1;
    if (export->has_type) {
        export->type = sw_decode_extern(r);
    }
    return export;
}

/* ---- Sections -------------------------------------------------------------------------------- */

enum {
    SECTION_CUSTOM,
    SECTION_CORE_MODULE,
    SECTION_CORE_INSTANCE,
    SECTION_CORE_TYPE,
    SECTION_COMPONENT,
    SECTION_INSTANCE,
    SECTION_ALIAS,
    SECTION_TYPE,
    SECTION_CANON,
    SECTION_START,
    SECTION_IMPORT,
    SECTION_EXPORT,
    SECTION_VALUE,
    SECTIONS_COUNT,
};

static const uint8_t ITEM_KIND[SECTIONS_COUNT] = {
    [SECTION_CORE_INSTANCE] = SW_AST_CORE_INSTANCE,
    [SECTION_CORE_TYPE] = SW_AST_CORE_TYPE,
    [SECTION_INSTANCE] = SW_AST_INSTANCE,
    [SECTION_ALIAS] = SW_AST_ALIAS,
    [SECTION_TYPE] = SW_AST_TYPE,
    [SECTION_CANON] = SW_AST_CANON,
    [SECTION_IMPORT] = SW_AST_IMPORT,
    [SECTION_EXPORT] = SW_AST_EXPORT,
};

static const char *const SECTION_TEXT[SECTIONS_COUNT] = {
    [SECTION_CORE_INSTANCE] = "core instances",
    [SECTION_CORE_TYPE] = "core types",
    [SECTION_INSTANCE] = "instances",
    [SECTION_ALIAS] = "aliases",
    [SECTION_TYPE] = "types",
    [SECTION_CANON] = "canonical functions",
    [SECTION_IMPORT] = "imports",
    [SECTION_EXPORT] = "exports",
};

static sw_ast_def read_item(sw_decoder *d, sw_reader *r, uint8_t section, uint32_t depth)
{
    sw_ast_def def = {.kind = ITEM_KIND[section], .offset = sw_reader_offset(r)};
    switch (section) {
    case SECTION_CORE_INSTANCE: def.instance = read_instance(d, r, true); break;
    case SECTION_CORE_TYPE: def.core_type = sw_decode_core_type(d, r); break;
    case SECTION_INSTANCE: def.instance = read_instance(d, r, false); break;
    case SECTION_ALIAS: def.alias = sw_decode_alias(r); break;
    case SECTION_TYPE: def.type = sw_decode_type(d, r, depth); break;
    case SECTION_CANON: def.canon = read_canon(d, r); break;
    case SECTION_IMPORT: def.import = read_import(d, r); break;
    default: def.export = read_export(d, r); break;
    }
    return def;
}

static void read_module(sw_decoder *d, sw_reader *r, sw_ast_defs *defs)
{
    uint32_t at = sw_reader_offset(r);
    sw_bytes bytes = sw_reader_take(r, sw_reader_left(r));
    sw_module m;
    if (d->types_only) {
        sw_decoder_add(d, r, defs, (sw_ast_def){.kind = SW_AST_CORE_MODULE, .offset = at});
        return;
    }
    if (d->modules.count == SW_MAX_COMPONENT_MODULES) {
        (void)sw_reader_fail_at(r, SW_LIMIT, at, "more than %d core modules",
                                SW_MAX_COMPONENT_MODULES);
        return;
    }
    sw_status st = sw_module_read(d->arena, bytes, at, d->features, d->diag, &m);
    if (st == SW_OK) {
        st = sw_module_validate(&m, d->features, d->diag);
    }
    if (st == SW_OK) {
        st = sw_avec_push(d->arena, &d->modules, m);
    }
    if (st != SW_OK) {
        (void)sw_reader_fail_at(r, st, at, "core module %u", d->modules.count);
        return;
    }
    sw_decoder_add(
        d, r, defs,
        (sw_ast_def){.kind = SW_AST_CORE_MODULE, .offset = at, .module = d->modules.count - 1});
}

static const sw_ast_scope *read_component(sw_decoder *d, sw_reader *r, uint32_t depth);

static void read_section(sw_decoder *d, sw_reader *r, uint8_t section, sw_ast_defs *defs,
                         uint32_t depth)
{
    uint32_t at = sw_reader_offset(r);
    switch (section) {
    case SECTION_CUSTOM:
        (void)sw_reader_name(r);
        (void)sw_reader_take(r, sw_reader_left(r));
        return;
    case SECTION_CORE_MODULE: read_module(d, r, defs); return;
    case SECTION_COMPONENT:
        sw_decoder_add(d, r, defs,
                       (sw_ast_def){.kind = SW_AST_COMPONENT,
                                    .offset = at,
                                    .component = read_component(d, r, depth + 1)});
        return;
    case SECTION_START: sw_decoder_unsupported(r, at, "start functions of components"); return;
    case SECTION_VALUE: sw_decoder_unsupported(r, at, "component values"); return;
    default: break;
    }
    uint32_t count = sw_reader_count(r, SW_MAX_TYPES, SECTION_TEXT[section]);
    for (uint32_t i = 0; i < count && sw_reader_ok(r); i++) {
        sw_decoder_add(d, r, defs, read_item(d, r, section, depth));
    }
    if (!sw_reader_at_end(r)) {
        (void)sw_reader_fail(r, SW_MALFORMED, "section is longer than its contents");
    }
}

static void read_preamble(sw_reader *r)
{
    static const uint8_t MAGIC[] = {0x00, 'a', 's', 'm'};
    uint32_t at = sw_reader_offset(r);
    sw_bytes magic = sw_reader_take(r, sizeof MAGIC);
    if (sw_reader_ok(r) && memcmp(magic.ptr, MAGIC, sizeof MAGIC) != 0) {
        (void)sw_reader_fail_at(r, SW_MALFORMED, at, "magic header not found");
    }
    at = sw_reader_offset(r);
    uint32_t version = sw_reader_u32_le(r);
    if (version != 0x0001000d) {
        (void)sw_reader_fail_at(r, SW_MALFORMED, at, "unknown component version or layer 0x%x",
                                version);
    }
}

static const sw_ast_scope *read_component(sw_decoder *d, sw_reader *r, uint32_t depth)
{
    uint32_t at = sw_reader_offset(r);
    sw_ast_defs defs = {};
    if (depth > SW_MAX_COMPONENT_DEPTH || ++d->components_count > SW_MAX_COMPONENTS) {
        (void)sw_reader_fail(r, SW_LIMIT, "too many or too deeply nested components");
    }
    read_preamble(r);
    while (sw_reader_ok(r) && !sw_reader_at_end(r)) {
        uint32_t section_at = sw_reader_offset(r);
        uint8_t section = sw_reader_u8(r);
        if (section >= SECTIONS_COUNT) {
            (void)sw_reader_fail_at(r, SW_MALFORMED, section_at, "malformed section id: %u",
                                    section);
            break;
        }
        sw_reader body = sw_reader_sub(r, sw_reader_leb_u32(r));
        read_section(d, &body, section, &defs, depth);
        if (!sw_reader_ok(&body)) {
            r->status = body.status;
        }
    }
    sw_ast_scope *scope = sw_decoder_array(d, r, 1, sizeof *scope);
    if (scope != NULL) {
        *scope = (sw_ast_scope){.kind = SW_SCOPE_COMPONENT,
                                .offset = at,
                                .end = sw_reader_offset(r),
                                .defs = defs.at,
                                .defs_count = defs.count};
    }
    return scope;
}

bool sw_component_is_binary(sw_bytes bytes)
{
    static const uint8_t PREAMBLE[] = {0x00, 'a', 's', 'm', 0x0d, 0x00, 0x01, 0x00};
    return bytes.len >= sizeof PREAMBLE && memcmp(bytes.ptr, PREAMBLE, sizeof PREAMBLE) == 0;
}

static sw_status read_all(sw_decoder *d, sw_bytes bytes, sw_ast *ret_ast)
{
    if (bytes.len >= UINT32_MAX) {
        return sw_fail(d->diag, SW_LIMIT, SW_NO_OFFSET, "components of 4 GiB or more");
    }
    sw_reader r = sw_reader_make(bytes, 0, d->diag);
    const sw_ast_scope *root = read_component(d, &r, 0);
    if (!sw_reader_ok(&r)) {
        return r.status;
    }
    *ret_ast = (sw_ast){root, d->modules.at, d->modules.count};
    return SW_OK;
}

sw_status sw_ast_read(sw_arena *arena, sw_bytes bytes, const sw_features *features, sw_diag *diag,
                      sw_ast *ret_ast)
{
    sw_decoder d = {.arena = arena, .features = features, .diag = diag};
    return read_all(&d, bytes, ret_ast);
}

sw_status sw_ast_read_types(sw_arena *arena, sw_bytes bytes, sw_diag *diag, sw_ast *ret_ast)
{
    sw_decoder d = {.arena = arena, .diag = diag, .types_only = true};
    return read_all(&d, bytes, ret_ast);
}
