/* The type section and everything inside types. */
#include "component/decode_parts.h"

#include "wasm/types_read.h"

/* ---- Names and sorts ------------------------------------------------------------------------- */

static const char *const SORT_TEXT[SW_SORTS_COUNT] = {
    [SW_SORT_CORE_FUNC] = "core function",
    [SW_SORT_CORE_TABLE] = "core table",
    [SW_SORT_CORE_MEMORY] = "core memory",
    [SW_SORT_CORE_GLOBAL] = "core global",
    [SW_SORT_CORE_TAG] = "core tag",
    [SW_SORT_CORE_TYPE] = "core type",
    [SW_SORT_CORE_MODULE] = "core module",
    [SW_SORT_CORE_INSTANCE] = "core instance",
    [SW_SORT_FUNC] = "function",
    [SW_SORT_VALUE] = "value",
    [SW_SORT_TYPE] = "type",
    [SW_SORT_COMPONENT] = "component",
    [SW_SORT_INSTANCE] = "instance",
};

const char *sw_sort_text(sw_sort sort)
{
    return SORT_TEXT[sort];
}

uint32_t sw_core_sort_of(uint8_t byte)
{
    switch (byte) {
    case 0x00: return SW_SORT_CORE_FUNC;
    case 0x01: return SW_SORT_CORE_TABLE;
    case 0x02: return SW_SORT_CORE_MEMORY;
    case 0x03: return SW_SORT_CORE_GLOBAL;
    case 0x04: return SW_SORT_CORE_TAG;
    case 0x10: return SW_SORT_CORE_TYPE;
    case 0x11: return SW_SORT_CORE_MODULE;
    case 0x12: return SW_SORT_CORE_INSTANCE;
    default: return SW_SORTS_COUNT;
    }
}

uint32_t sw_decode_sort(sw_reader *r)
{
    static const uint8_t SORTS[] = {
        0, SW_SORT_FUNC, SW_SORT_VALUE, SW_SORT_TYPE, SW_SORT_COMPONENT, SW_SORT_INSTANCE};
    uint32_t at = sw_reader_offset(r);
    uint8_t byte = sw_reader_u8(r);
    if (byte == 0) {
        uint32_t core_at = sw_reader_offset(r);
        byte = sw_reader_u8(r);
        if (byte != 0x11) {
            sw_decoder_bad_byte(r, core_at, byte, "core sort of a component item");
        }
        return SW_SORT_CORE_MODULE;
    }
    if (byte >= SW_COUNTOF(SORTS)) {
        sw_decoder_bad_byte(r, at, byte, "sort of a component item");
        return SW_SORT_FUNC;
    }
    if (byte == 2) {
        sw_decoder_unsupported(r, at, "component values");
    }
    return SORTS[byte];
}

static void read_attribute(sw_reader *r, sw_ast_name *name, uint8_t *seen)
{
    uint32_t at = sw_reader_offset(r);
    uint8_t kind = sw_reader_u8(r);
    if (kind > 2) {
        sw_decoder_bad_byte(r, at, kind, "attribute");
        return;
    }
    if (*seen & 1u << kind) {
        (void)sw_reader_fail_at(r, SW_INVALID, at, "attribute given twice");
    }
    *seen |= (uint8_t)(1u << kind);
    sw_str text = sw_reader_name(r);
    if (kind == 0) {
        name->implements = text;
    } else if (kind == 1) {
        name->version_suffix = text;
    } else {
        name->external_id = text;
    }
}

sw_ast_name sw_decode_extern_name(sw_decoder *d, sw_reader *r)
{
    (void)d;
    uint32_t at = sw_reader_offset(r);
    uint8_t form = sw_reader_u8(r);
    if (form > 2) {
        sw_decoder_bad_byte(r, at, form, "name of an import or export");
    }
    sw_ast_name name = {.text = sw_reader_name(r)};
    if (form == 2) {
        uint32_t count = sw_reader_leb_u32(r);
        uint8_t seen = 0;
        for (uint32_t i = 0; i < count && sw_reader_ok(r); i++) {
            read_attribute(r, &name, &seen);
        }
    }
    return name;
}

/* ---- Value types ----------------------------------------------------------------------------- */

/* By opcode from 0x63; 0 is none of them. */
static const uint8_t PRIMITIVES[] = {
    [0x7f - 0x73] = SW_CT_BOOL + 1,   [0x7e - 0x73] = SW_CT_S8 + 1,  [0x7d - 0x73] = SW_CT_U8 + 1,
    [0x7c - 0x73] = SW_CT_S16 + 1,    [0x7b - 0x73] = SW_CT_U16 + 1, [0x7a - 0x73] = SW_CT_S32 + 1,
    [0x79 - 0x73] = SW_CT_U32 + 1,    [0x78 - 0x73] = SW_CT_S64 + 1, [0x77 - 0x73] = SW_CT_U64 + 1,
    [0x76 - 0x73] = SW_CT_F32 + 1,    [0x75 - 0x73] = SW_CT_F64 + 1, [0x74 - 0x73] = SW_CT_CHAR + 1,
    [0x73 - 0x73] = SW_CT_STRING + 1,
};

static bool is_primitive(uint8_t byte)
{
    return byte >= 0x73 && byte <= 0x7f;
}

static uint32_t primitive_of(uint8_t byte)
{
    return sw_vtype_prim((sw_ctype_kind)(PRIMITIVES[byte - 0x73] - 1));
}

/* Indices that no index space can have become one that surely is out of bounds. */
static uint32_t clamp_index(int64_t n)
{
    return (uint32_t)SW_MIN(n, (int64_t)SW_VT_PRIM - 1);
}

static uint32_t read_valtype(const sw_decoder *d, sw_reader *r)
{
    uint32_t at = sw_reader_offset(r);
    uint8_t byte = sw_reader_peek_u8(r);
    if (is_primitive(byte)) {
        (void)sw_reader_u8(r);
        return primitive_of(byte);
    }
    if (byte == 0x64) {
        (void)sw_reader_u8(r);
        sw_decoder_asynchronous(d, r, at, "error contexts");
        return sw_vtype_prim(SW_CT_ERROR_CONTEXT);
    }
    int64_t n = sw_reader_leb_s33(r);
    if (n < 0) {
        sw_decoder_bad_byte(r, at, byte, "value type");
        n = 0;
    }
    return clamp_index(n);
}

void sw_decode_skip_valtype(const sw_decoder *d, sw_reader *r)
{
    (void)read_valtype(d, r);
}

static uint32_t read_optional_valtype(const sw_decoder *d, sw_reader *r)
{
    uint32_t at = sw_reader_offset(r);
    uint8_t byte = sw_reader_u8(r);
    if (byte > 1) {
        sw_decoder_bad_byte(r, at, byte, "optional type");
    }
    return byte == 1 ? read_valtype(d, r) : SW_VT_NONE;
}

static uint32_t read_index(sw_reader *r)
{
    return clamp_index(sw_reader_leb_u32(r));
}

typedef enum field_form {
    FIELD_NAMED,   /* name and type */
    FIELD_CASE,    /* name, optional type and 0x00 */
    FIELD_LABEL,   /* name */
    FIELD_UNNAMED, /* type */
} field_form;

static sw_ast_field read_field(const sw_decoder *d, sw_reader *r, field_form form)
{
    sw_ast_field f = {.type = SW_VT_NONE};
    if (form != FIELD_UNNAMED) {
        f.name = sw_reader_name(r);
    }
    if (form == FIELD_NAMED || form == FIELD_UNNAMED) {
        f.type = read_valtype(d, r);
    } else if (form == FIELD_CASE) {
        f.type = read_optional_valtype(d, r);
        uint32_t at = sw_reader_offset(r);
        uint8_t byte = sw_reader_u8(r);
        if (byte != 0) {
            sw_decoder_bad_byte(r, at, byte, "refinement of a case");
        }
    }
    return f;
}

static void read_fields(sw_decoder *d, sw_reader *r, field_form form, uint32_t limit,
                        sw_ast_type *t)
{
    uint32_t count = sw_reader_count(r, limit, "fields of a type");
    sw_ast_field *fields = sw_decoder_array(d, r, count, sizeof *fields);
    for (uint32_t i = 0; i < count && sw_reader_ok(r); i++) {
        fields[i] = read_field(d, r, form);
    }
    t->fields = fields;
    t->fields_count = count;
}

static void read_defvaltype(sw_decoder *d, sw_reader *r, uint32_t at, uint8_t byte, sw_ast_type *t)
{
    static const uint8_t KINDS[] = {
        [0x72 - 0x63] = SW_CT_RECORD,        [0x71 - 0x63] = SW_CT_VARIANT,
        [0x70 - 0x63] = SW_CT_LIST,          [0x6f - 0x63] = SW_CT_TUPLE,
        [0x6e - 0x63] = SW_CT_FLAGS,         [0x6d - 0x63] = SW_CT_ENUM,
        [0x6b - 0x63] = SW_CT_OPTION,        [0x6a - 0x63] = SW_CT_RESULT,
        [0x69 - 0x63] = SW_CT_OWN,           [0x68 - 0x63] = SW_CT_BORROW,
        [0x67 - 0x63] = SW_CT_FIXED_LIST,    [0x63 - 0x63] = SW_CT_MAP,
        [0x66 - 0x63] = SW_CT_STREAM,        [0x65 - 0x63] = SW_CT_FUTURE,
        [0x64 - 0x63] = SW_CT_ERROR_CONTEXT,
    };
    t->element = t->other = SW_VT_NONE;
    if (is_primitive(byte)) {
        t->kind = primitive_of(byte) & 0xff;
        return;
    }
    t->kind = byte >= 0x63 && byte <= 0x72 ? KINDS[byte - 0x63] : 0;
    switch (byte) {
    case 0x72: read_fields(d, r, FIELD_NAMED, SW_MAX_TYPE_FIELDS, t); break;
    case 0x71: read_fields(d, r, FIELD_CASE, SW_MAX_TYPE_FIELDS, t); break;
    case 0x6f: read_fields(d, r, FIELD_UNNAMED, SW_MAX_TYPE_FIELDS, t); break;
    case 0x6e:
    case 0x6d: read_fields(d, r, FIELD_LABEL, SW_MAX_TYPE_FIELDS, t); break;
    case 0x70:
    case 0x6b: t->element = read_valtype(d, r); break;
    case 0x67:
        t->element = read_valtype(d, r);
        t->other = sw_reader_leb_u32(r);
        break;
    case 0x6a:
        t->element = read_optional_valtype(d, r);
        t->other = read_optional_valtype(d, r);
        break;
    case 0x63:
        t->element = read_valtype(d, r);
        t->other = read_valtype(d, r);
        break;
    case 0x69:
    case 0x68: t->other = read_index(r); break;
    case 0x66:
    case 0x65:
        sw_decoder_asynchronous(d, r, at, byte == 0x66 ? "streams" : "futures");
        t->element = read_optional_valtype(d, r);
        break;
    case 0x64: sw_decoder_asynchronous(d, r, at, "error contexts"); break;
    default: sw_decoder_bad_byte(r, at, byte, "type"); break;
    }
}

static void read_functype(sw_decoder *d, sw_reader *r, sw_ast_type *t)
{
    t->form = SW_FORM_FUNC;
    read_fields(d, r, FIELD_NAMED, SW_MAX_COMPONENT_PARAMS, t);
    uint32_t at = sw_reader_offset(r);
    uint8_t byte = sw_reader_u8(r);
    t->element = SW_VT_NONE;
    if (byte == 0) {
        t->element = read_valtype(d, r);
    } else if (byte == 1) {
        at = sw_reader_offset(r);
        byte = sw_reader_u8(r);
        if (byte != 0) {
            sw_decoder_bad_byte(r, at, byte, "empty result list");
        }
    } else {
        sw_decoder_bad_byte(r, at, byte, "result list");
    }
}

static void read_resourcetype(sw_reader *r, sw_ast_type *t)
{
    t->form = SW_FORM_RESOURCE;
    t->rep = sw_valtype_read(r);
    uint32_t at = sw_reader_offset(r);
    uint8_t has_destructor = sw_reader_u8(r);
    if (has_destructor > 1) {
        sw_decoder_bad_byte(r, at, has_destructor, "destructor");
    }
    t->other = has_destructor ? sw_reader_leb_u32(r) : SW_NO_INDEX;
}

/* ---- Extern types and aliases ---------------------------------------------------------------- */

sw_ast_extern sw_decode_extern(sw_reader *r)
{
    sw_ast_extern e = {.sort = sw_decode_sort(r)};
    if (e.sort != SW_SORT_TYPE) {
        e.index = read_index(r);
        return e;
    }
    uint32_t at = sw_reader_offset(r);
    uint8_t bound = sw_reader_u8(r);
    if (bound > 1) {
        sw_decoder_bad_byte(r, at, bound, "bound of a type");
    }
    e.is_sub = bound == 1;
    e.index = e.is_sub ? 0 : read_index(r);
    return e;
}

static sw_ast_alias read_outer_alias(sw_reader *r, uint32_t at, uint8_t sort, uint8_t core_sort)
{
    uint32_t s = sort == 0   ? sw_core_sort_of(core_sort)
                 : sort == 3 ? SW_SORT_TYPE
                 : sort == 4 ? SW_SORT_COMPONENT
                             : SW_SORTS_COUNT;
    if (s != SW_SORT_CORE_MODULE && s != SW_SORT_CORE_TYPE && s != SW_SORT_TYPE &&
        s != SW_SORT_COMPONENT) {
        sw_decoder_bad_byte(r, at, sort == 0 ? core_sort : sort, "outer alias kind");
    }
    sw_ast_alias a = {.kind = SW_ALIAS_OUTER, .sort = s};
    a.outer = sw_reader_leb_u32(r);
    a.index = sw_reader_leb_u32(r);
    return a;
}

sw_ast_alias sw_decode_alias(sw_reader *r)
{
    static const uint8_t SORTS[] = {
        0, SW_SORT_FUNC, SW_SORT_VALUE, SW_SORT_TYPE, SW_SORT_COMPONENT, SW_SORT_INSTANCE};
    uint32_t at = sw_reader_offset(r);
    uint8_t sort = sw_reader_u8(r);
    uint8_t core_sort = sort == 0 ? sw_reader_u8(r) : 0;
    uint32_t kind_at = sw_reader_offset(r);
    uint8_t kind = sw_reader_u8(r);
    if (kind == 2) {
        return read_outer_alias(r, at, sort, core_sort);
    }
    sw_ast_alias a = {.kind = kind};
    if (kind > 2) {
        sw_decoder_bad_byte(r, kind_at, kind, "alias");
        return a;
    }
    if (sort == 2) {
        sw_decoder_unsupported(r, at, "component values");
    }
    a.sort = sort == 0                       ? sw_core_sort_of(core_sort)
             : sort < (int)SW_COUNTOF(SORTS) ? SORTS[sort]
                                             : (uint32_t)SW_SORTS_COUNT;
    bool is_core = a.sort <= SW_SORT_CORE_TAG;
    bool fits = kind == 1 ? is_core : a.sort == SW_SORT_CORE_MODULE || a.sort >= SW_SORT_FUNC;
    if (a.sort == SW_SORTS_COUNT || !fits) {
        sw_decoder_bad_byte(r, at, sort == 0 ? core_sort : sort, "sort of an alias");
        a.sort = SW_SORT_FUNC;
    }
    a.index = sw_reader_leb_u32(r);
    a.name = sw_reader_name(r);
    return a;
}

/* ---- Component and instance types ------------------------------------------------------------ */

static sw_ast_def read_import_decl(sw_decoder *d, sw_reader *r, uint32_t at)
{
    sw_ast_import *import = sw_decoder_array(d, r, 1, sizeof *import);
    sw_ast_import read = {.name = sw_decode_extern_name(d, r)};
    read.type = sw_decode_extern(r);
    if (import != NULL) {
        *import = read;
    }
    return (sw_ast_def){.kind = SW_AST_IMPORT, .offset = at, .import = import};
}

static sw_ast_def read_export_decl(sw_decoder *d, sw_reader *r, uint32_t at)
{
    sw_ast_export *export = sw_decoder_array(d, r, 1, sizeof *export);
    sw_ast_export read = {
        .name = sw_decode_extern_name(d, r), .sort = SW_SORTS_COUNT, .has_type = true};
    read.type = sw_decode_extern(r);
    if (export != NULL) {
        *export = read;
    }
    return (sw_ast_def){.kind = SW_AST_EXPORT, .offset = at, .export = export};
}

static sw_ast_def read_decl(sw_decoder *d, sw_reader *r, sw_scope_kind kind, uint32_t depth)
{
    uint32_t at = sw_reader_offset(r);
    uint8_t byte = sw_reader_u8(r);
    switch (byte) {
    case 0x00:
        return (sw_ast_def){
            .kind = SW_AST_CORE_TYPE, .offset = at, .core_type = sw_decode_core_type(d, r)};
    case 0x01:
        return (sw_ast_def){
            .kind = SW_AST_TYPE, .offset = at, .type = sw_decode_type(d, r, depth + 1)};
    case 0x02: return (sw_ast_def){.kind = SW_AST_ALIAS, .offset = at, .alias = sw_decode_alias(r)};
    case 0x03:
        if (kind == SW_SCOPE_COMPONENT_TYPE) {
            return read_import_decl(d, r, at);
        }
        break;
    case 0x04: return read_export_decl(d, r, at);
    default: break;
    }
    sw_decoder_bad_byte(r, at, byte,
                        kind == SW_SCOPE_COMPONENT_TYPE ? "component type declaration"
                                                        : "instance type declaration");
    return (sw_ast_def){.kind = SW_AST_ALIAS};
}

static const sw_ast_scope *read_type_scope(sw_decoder *d, sw_reader *r, sw_scope_kind kind,
                                           uint32_t depth)
{
    uint32_t at = sw_reader_offset(r);
    if (depth > SW_MAX_COMPONENT_DEPTH) {
        (void)sw_reader_fail(r, SW_LIMIT, "types nest too deeply");
        return NULL;
    }
    uint32_t count = sw_reader_count(r, SW_MAX_INSTANTIATION_ARGS, "declarations of a type");
    sw_ast_defs defs = {};
    for (uint32_t i = 0; i < count && sw_reader_ok(r); i++) {
        sw_decoder_add(d, r, &defs, read_decl(d, r, kind, depth));
    }
    sw_ast_scope *scope = sw_decoder_array(d, r, 1, sizeof *scope);
    if (scope != NULL) {
        *scope = (sw_ast_scope){.kind = kind,
                                .offset = at,
                                .end = sw_reader_offset(r),
                                .defs = defs.at,
                                .defs_count = defs.count};
    }
    return scope;
}

const sw_ast_type *sw_decode_type(sw_decoder *d, sw_reader *r, uint32_t depth)
{
    sw_ast_type t = {.form = SW_FORM_VALUE};
    uint32_t at = sw_reader_offset(r);
    uint8_t byte = sw_reader_u8(r);
    switch (byte) {
    case 0x43:
        sw_decoder_asynchronous(d, r, at, "asynchronous functions");
        t.is_async = true;
        read_functype(d, r, &t);
        break;
    case 0x42:
    case 0x41:
        t.form = byte == 0x41 ? SW_FORM_COMPONENT : SW_FORM_INSTANCE;
        t.scope = read_type_scope(
            d, r, byte == 0x41 ? SW_SCOPE_COMPONENT_TYPE : SW_SCOPE_INSTANCE_TYPE, depth);
        break;
    case 0x40: read_functype(d, r, &t); break;
    case 0x3f: read_resourcetype(r, &t); break;
    default: read_defvaltype(d, r, at, byte, &t); break;
    }
    sw_ast_type *type = sw_decoder_array(d, r, 1, sizeof *type);
    if (type != NULL) {
        *type = t;
    }
    return type;
}

/* ---- Core types ------------------------------------------------------------------------------ */

static sw_limits read_limits(sw_reader *r, bool is_memory)
{
    uint32_t at = sw_reader_offset(r);
    uint8_t flags = sw_reader_u8(r);
    if (flags > (is_memory ? 15 : 5)) {
        (void)sw_reader_fail_at(r, SW_MALFORMED, at, "malformed limits flags");
    }
    sw_limits l = {.has_max = flags & 1,
                   .is_shared = flags & 2,
                   .is_64 = flags & 4,
                   .page_log2 = is_memory ? 16 : 0,
                   .max = UINT64_MAX};
    l.min = l.is_64 ? sw_reader_leb_u64(r) : sw_reader_leb_u32(r);
    if (l.has_max) {
        l.max = l.is_64 ? sw_reader_leb_u64(r) : sw_reader_leb_u32(r);
    }
    if (flags & 8) {
        l.page_log2 = (uint8_t)sw_reader_leb_u32(r);
    }
    return l;
}

static sw_ast_core_extern read_core_extern(sw_reader *r)
{
    uint32_t at = sw_reader_offset(r);
    sw_ast_core_extern e = {.kind = sw_reader_u8(r)};
    switch (e.kind) {
    case SW_EXTERN_FUNC: e.type = sw_reader_leb_u32(r); break;
    case SW_EXTERN_TABLE:
        e.table.element = sw_reftype_read(r);
        e.table.limits = read_limits(r, false);
        break;
    case SW_EXTERN_MEMORY: e.memory.limits = read_limits(r, true); break;
    case SW_EXTERN_GLOBAL:
        e.global.type = sw_valtype_read(r);
        at = sw_reader_offset(r);
        e.global.is_mutable = sw_reader_u8(r);
        break;
    case SW_EXTERN_TAG:
        at = sw_reader_offset(r);
        if (sw_reader_u8(r) != 0) {
            (void)sw_reader_fail_at(r, SW_MALFORMED, at, "malformed tag attribute");
        }
        e.type = sw_reader_leb_u32(r);
        break;
    default: sw_decoder_bad_byte(r, at, (uint8_t)e.kind, "external kind"); break;
    }
    return e;
}

static void read_valtypes(sw_decoder *d, sw_reader *r, uint32_t limit, const sw_valtype **ret_types,
                          uint32_t *ret_count)
{
    uint32_t count = sw_reader_count(r, limit, "types of a core function");
    sw_valtype *types = sw_decoder_array(d, r, count, sizeof *types);
    for (uint32_t i = 0; i < count && sw_reader_ok(r); i++) {
        types[i] = sw_valtype_read(r);
    }
    *ret_types = types;
    *ret_count = count;
}

static void read_core_functype(sw_decoder *d, sw_reader *r, sw_functype *t)
{
    read_valtypes(d, r, SW_MAX_PARAMS, &t->params, &t->params_count);
    read_valtypes(d, r, SW_MAX_RESULTS, &t->results, &t->results_count);
}

static void read_core_deftype(sw_decoder *d, sw_reader *r, uint32_t at, uint8_t byte,
                              sw_functype *t)
{
    if (byte == 0x4f || byte == 0x50) {
        if (sw_reader_leb_u32(r) != 0) {
            sw_decoder_unsupported(r, at, "core supertypes in components");
        }
        at = sw_reader_offset(r);
        byte = sw_reader_u8(r);
    }
    if (byte == 0x60) {
        read_core_functype(d, r, t);
    } else if (byte == 0x5e || byte == 0x5f || byte == 0x4e) {
        sw_decoder_unsupported(r, at, "core garbage-collected types in components");
    } else {
        sw_decoder_bad_byte(r, at, byte, "core type");
    }
}

static sw_ast_module_decl read_module_decl(sw_decoder *d, sw_reader *r)
{
    sw_ast_module_decl m = {.offset = sw_reader_offset(r), .kind = sw_reader_u8(r)};
    switch (m.kind) {
    case SW_MODULE_IMPORT:
        m.module = sw_reader_name(r);
        m.name = sw_reader_name(r);
        m.type = read_core_extern(r);
        break;
    case SW_MODULE_TYPE: {
        uint32_t at = sw_reader_offset(r);
        uint8_t byte = sw_reader_u8(r);
        if (byte == 0) {
            byte = sw_reader_u8(r);
        } else if (byte == 0x50) {
            (void)sw_reader_fail_at(r, SW_INVALID, at, "module types cannot define module types");
        }
        sw_ast_core_type *t = sw_decoder_array(d, r, 1, sizeof *t);
        if (t != NULL) {
            read_core_deftype(d, r, at, byte, &t->func);
        }
        m.core_type = t;
        break;
    }
    case SW_MODULE_ALIAS: {
        uint32_t at = sw_reader_offset(r);
        uint8_t sort = sw_reader_u8(r), target = sw_reader_u8(r);
        if (sort != 0x10 || target != 0x01) {
            sw_decoder_bad_byte(r, at, sort != 0x10 ? sort : target, "outer alias");
        }
        m.outer = sw_reader_leb_u32(r);
        m.index = sw_reader_leb_u32(r);
        break;
    }
    case SW_MODULE_EXPORT:
        m.name = sw_reader_name(r);
        m.type = read_core_extern(r);
        break;
    default: sw_decoder_bad_byte(r, m.offset, (uint8_t)m.kind, "module type declaration"); break;
    }
    return m;
}

const sw_ast_core_type *sw_decode_core_type(sw_decoder *d, sw_reader *r)
{
    sw_ast_core_type *t = sw_decoder_array(d, r, 1, sizeof *t);
    uint32_t at = sw_reader_offset(r);
    uint8_t byte = sw_reader_u8(r);
    if (t == NULL) {
        return NULL;
    }
    if (byte != 0x50) {
        if (byte == 0) {
            byte = sw_reader_u8(r);
        }
        read_core_deftype(d, r, at, byte, &t->func);
        return t;
    }
    t->is_module = true;
    uint32_t count = sw_reader_count(r, SW_MAX_INSTANTIATION_ARGS, "declarations of a module type");
    sw_ast_module_decl *decls = sw_decoder_array(d, r, count, sizeof *decls);
    for (uint32_t i = 0; i < count && sw_reader_ok(r); i++) {
        decls[i] = read_module_decl(d, r);
    }
    t->decls = decls;
    t->decls_count = count;
    return t;
}
