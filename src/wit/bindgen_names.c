/* The bindings generator's names and layouts. */
#include "wit/bindgen_private.h"

#include "wit/report.h"

/* ---- Names ----------------------------------------------------------------------------------- */

/* Words that are no member names in C, or macros of the usual headers. */
static const char *const RESERVED[] = {
    "alignas",   "alignof",      "asm",      "auto",          "bool",
    "break",     "case",         "char",     "const",         "continue",
    "constexpr", "default",      "do",       "double",        "else",
    "enum",      "errno",        "extern",   "false",         "float",
    "for",       "goto",         "if",       "inline",        "int",
    "linux",     "long",         "nullptr",  "register",      "restrict",
    "return",    "short",        "signed",   "sizeof",        "static",
    "stderr",    "stdin",        "stdout",   "struct",        "switch",
    "tag",       "thread_local", "true",     "typedef",       "typeof",
    "union",     "unix",         "unsigned", "void",          "volatile",
    "while",     "assert",       "offsetof", "static_assert", "typeof_unqual",
};

static char to_c(char c)
{
    return c == '-' ? '_' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static const char *snake(const sw_bindgen *b, sw_str name, bool escape)
{
    char *out = sw_arena_alloc(b->wit->arena, name.len + 2, 1);
    if (out == NULL) {
        return "";
    }
    for (size_t i = 0; i < name.len; i++) {
        out[i] = to_c(name.ptr[i]);
    }
    for (size_t i = 0; escape && i < SW_COUNTOF(RESERVED); i++) {
        if (strcmp(out, RESERVED[i]) == 0) {
            out[name.len] = '_';
        }
    }
    return out;
}

/* A printed name; the empty string when out of memory, which sw_bindgen_write notices. */
#define NAME(b, ...) name_or_empty(sw_arena_printf((b)->wit->arena, __VA_ARGS__))

static const char *name_or_empty(sw_str s)
{
    return s.ptr == NULL ? "" : s.ptr;
}

const char *sw_bindgen_field_name(const sw_bindgen *b, sw_str name)
{
    return snake(b, name, true);
}

const char *sw_bindgen_upper(const sw_bindgen *b, const char *name)
{
    size_t len = strlen(name);
    char *out = sw_arena_alloc(b->wit->arena, len + 1, 1);
    if (out == NULL) {
        return "";
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i];
    }
    return out;
}

const char *sw_bindgen_base(const sw_bindgen *b, const sw_wit_interface *i)
{
    const sw_wit_package *p = i->scope->package;
    return NAME(b, "%.*s_%s_%s_%s", SW_STR_ARG(b->prefix), snake(b, p->ns.text, false),
                snake(b, p->name.text, false), snake(b, i->name.text, false));
}

const char *sw_bindgen_file_base(const sw_bindgen *b, const sw_wit_interface *i)
{
    const char *base = sw_bindgen_base(b, i);
    if (base[0] == '\0') {
        return NULL;
    }
    return strncmp(base, "sw_", 3) == 0 ? base + 3 : base;
}

const char *sw_bindgen_resource_name(const sw_bindgen *b, const sw_wit_typedef *d)
{
    return NAME(b, "%s_%s", sw_bindgen_base(b, d->owner), snake(b, d->name.text, false));
}

const char *sw_bindgen_typedef_name(const sw_bindgen *b, const sw_wit_typedef *d)
{
    return NAME(b, "%s_t", sw_bindgen_resource_name(b, d));
}

const char *sw_bindgen_func_name(const sw_bindgen_unit *u, const sw_wit_func *f)
{
    if (f->kind == SW_WIT_FREE) {
        return NAME(u->b, "%s_%s", u->base, snake(u->b, f->name.text, false));
    }
    return NAME(u->b, "%s_%s_%s", u->base, snake(u->b, f->resource->name.text, false),
                f->kind == SW_WIT_CONSTRUCTOR ? "new" : snake(u->b, f->name.text, false));
}

/* ---- Types' names ---------------------------------------------------------------------------- */

static const struct {
    const char *c, *wit;
    sw_bindgen_layout layout;
} PRIMITIVES[] = {
    [SW_CT_BOOL] = {"bool",     "bool",          {1, 1} },
    [SW_CT_S8] = {"int8_t",   "s8",            {1, 1} },
    [SW_CT_U8] = {"uint8_t",  "u8",            {1, 1} },
    [SW_CT_S16] = {"int16_t",  "s16",           {2, 2} },
    [SW_CT_U16] = {"uint16_t", "u16",           {2, 2} },
    [SW_CT_S32] = {"int32_t",  "s32",           {4, 4} },
    [SW_CT_U32] = {"uint32_t", "u32",           {4, 4} },
    [SW_CT_S64] = {"int64_t",  "s64",           {8, 8} },
    [SW_CT_U64] = {"uint64_t", "u64",           {8, 8} },
    [SW_CT_F32] = {"float",    "f32",           {4, 4} },
    [SW_CT_F64] = {"double",   "f64",           {8, 8} },
    [SW_CT_CHAR] = {"uint32_t", "char",          {4, 4} },
    [SW_CT_STRING] = {"sw_str",   "string",        {16, 8}},
    [SW_CT_ERROR_CONTEXT] = {"uint32_t", "error_context", {4, 4} },
};

static const char *mangled(const sw_bindgen_unit *u, sw_vtype v)
{
    if (v == SW_VT_NONE) {
        return "none";
    }
    return sw_vtype_is_prim(v) ? PRIMITIVES[sw_vtype_kind(&u->t.types, v)].wit : u->mangled[v];
}

const char *sw_bindgen_type_name(const sw_bindgen_unit *u, sw_vtype v)
{
    return sw_vtype_is_prim(v) ? PRIMITIVES[sw_vtype_kind(&u->t.types, v)].c : u->names[v];
}

static const char *mangle_tuple(const sw_bindgen_unit *u, const sw_type_def *d)
{
    const char *name = NAME(u->b, "tuple%u", d->count);
    for (uint32_t i = 0; i < d->count; i++) {
        name = NAME(u->b, "%s_%s", name, mangled(u, u->t.types.fields[d->first + i].type));
    }
    return name;
}

static const char *mangle_def(const sw_bindgen_unit *u, const sw_type_def *d)
{
    switch ((int)d->kind) {
    case SW_CT_LIST: return NAME(u->b, "list_%s", mangled(u, d->element));
    case SW_CT_FIXED_LIST: return NAME(u->b, "list%u_%s", d->other, mangled(u, d->element));
    case SW_CT_OPTION: return NAME(u->b, "option_%s", mangled(u, d->element));
    case SW_CT_RESULT:
        return NAME(u->b, "result_%s_%s", mangled(u, d->element), mangled(u, d->other));
    case SW_CT_MAP: return NAME(u->b, "map_%s_%s", mangled(u, d->element), mangled(u, d->other));
    case SW_CT_TUPLE: return mangle_tuple(u, d);
    default: return "handle";
    }
}

static bool is_handle(const sw_type_def *d)
{
    return d->kind == SW_CT_OWN || d->kind == SW_CT_BORROW || d->kind == SW_CT_STREAM ||
           d->kind == SW_CT_FUTURE;
}

static void name_def(sw_bindgen_unit *u, uint32_t index)
{
    const sw_type_def *d = &u->t.types.defs[index];
    const sw_wit_typedef *origin = u->t.origins[index];
    if (origin != NULL) {
        const char *base = sw_bindgen_file_base(u->b, origin->owner);
        u->mangled[index] =
            NAME(u->b, "%s_%s", base == NULL ? "" : base, snake(u->b, origin->name.text, false));
        u->names[index] = sw_bindgen_typedef_name(u->b, origin);
        return;
    }
    u->mangled[index] = mangle_def(u, d);
    u->names[index] = is_handle(d) ? "uint32_t" : NAME(u->b, "sw_wit_%s", u->mangled[index]);
}

/* ---- Layout ---------------------------------------------------------------------------------- */

uint32_t sw_bindgen_tag_bytes(uint32_t cases)
{
    return cases <= 256 ? 1 : cases <= 65536 ? 2 : 4;
}

sw_bindgen_layout sw_bindgen_layout_of(const sw_bindgen_unit *u, sw_vtype v)
{
    if (v == SW_VT_NONE) {
        return (sw_bindgen_layout){0, 1};
    }
    return sw_vtype_is_prim(v) ? PRIMITIVES[sw_vtype_kind(&u->t.types, v)].layout : u->layouts[v];
}

static void append_member(sw_bindgen_layout *l, sw_bindgen_layout member)
{
    l->size = (uint32_t)sw_align_up(l->size, member.align) + member.size;
    l->align = SW_MAX(l->align, member.align);
}

static sw_bindgen_layout finish(sw_bindgen_layout l)
{
    l.size = (uint32_t)sw_align_up(l.size, l.align);
    return l;
}

static sw_bindgen_layout unite(sw_bindgen_layout a, sw_bindgen_layout b)
{
    return finish((sw_bindgen_layout){SW_MAX(a.size, b.size), SW_MAX(a.align, b.align)});
}

static sw_bindgen_layout layout_fields(const sw_bindgen_unit *u, const sw_type_def *d)
{
    sw_bindgen_layout l = {0, 1};
    for (uint32_t i = 0; i < d->count; i++) {
        append_member(&l, sw_bindgen_layout_of(u, u->t.types.fields[d->first + i].type));
    }
    return finish(l);
}

static sw_bindgen_layout layout_tagged(uint32_t tag_bytes, sw_bindgen_layout payload)
{
    sw_bindgen_layout l = {tag_bytes, tag_bytes};
    append_member(&l, payload);
    return finish(l);
}

static sw_bindgen_layout layout_variant(const sw_bindgen_unit *u, const sw_type_def *d)
{
    sw_bindgen_layout payload = {0, 1};
    for (uint32_t i = 0; i < d->count; i++) {
        payload = unite(payload, sw_bindgen_layout_of(u, u->t.types.fields[d->first + i].type));
    }
    return layout_tagged(sw_bindgen_tag_bytes(d->count), payload);
}

static sw_bindgen_layout layout_def(const sw_bindgen_unit *u, const sw_type_def *d)
{
    uint32_t flag_bytes = d->count <= 8 ? 1 : d->count <= 16 ? 2 : 4;
    uint32_t tag_bytes = sw_bindgen_tag_bytes(d->count);
    sw_bindgen_layout element;
    switch ((int)d->kind) {
    case SW_CT_RECORD:
    case SW_CT_TUPLE: return layout_fields(u, d);
    case SW_CT_VARIANT: return layout_variant(u, d);
    case SW_CT_ENUM: return (sw_bindgen_layout){tag_bytes, tag_bytes};
    case SW_CT_FLAGS: return (sw_bindgen_layout){flag_bytes, flag_bytes};
    case SW_CT_LIST:
    case SW_CT_MAP: return (sw_bindgen_layout){16, 8};
    case SW_CT_FIXED_LIST:
        element = sw_bindgen_layout_of(u, d->element);
        return (sw_bindgen_layout){element.size * d->other, element.align};
    case SW_CT_OPTION: return layout_tagged(1, sw_bindgen_layout_of(u, d->element));
    case SW_CT_RESULT:
        return layout_tagged(
            1, unite(sw_bindgen_layout_of(u, d->element), sw_bindgen_layout_of(u, d->other)));
    default: return (sw_bindgen_layout){4, 4};
    }
}

/* ---- A unit ---------------------------------------------------------------------------------- */

/* What C bindings do not express. */
static sw_status check_def(const sw_bindgen_unit *u, uint32_t index)
{
    const sw_type_def *d = &u->t.types.defs[index];
    const char *problem = NULL;
    if (d->kind == SW_CT_FLAGS && d->count > 32) {
        problem = "more than 32 flags";
    } else if (d->kind == SW_CT_FIXED_LIST || d->kind == SW_CT_MAP) {
        problem = "lists of fixed length and maps";
    }
    if (problem == NULL) {
        return SW_OK;
    }
    return sw_fail(u->b->diag, SW_UNSUPPORTED, SW_NO_OFFSET, "%.*s: %s have no C bindings",
                   SW_STR_ARG(u->interface->full_name), problem);
}

sw_status sw_bindgen_unit_init(sw_bindgen_unit *u, const sw_bindgen *b, const sw_wit_interface *i)
{
    *u = (sw_bindgen_unit){.b = b, .interface = i, .base = sw_bindgen_base(b, i)};
    SW_TRY(sw_wit_types_make(b->wit, i, b->diag, &u->t));
    uint32_t count = u->t.types.defs_count;
    u->names = SW_NEW_ARRAY(b->wit->arena, const char *, count);
    u->mangled = SW_NEW_ARRAY(b->wit->arena, const char *, count);
    u->layouts = SW_NEW_ARRAY(b->wit->arena, sw_bindgen_layout, count);
    if (u->names == NULL || u->mangled == NULL || u->layouts == NULL) {
        return sw_fail(b->diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
    }
    for (uint32_t n = 0; n < count; n++) {
        SW_TRY(check_def(u, n));
        name_def(u, n);
        u->layouts[n] = layout_def(u, &u->t.types.defs[n]);
    }
    return SW_OK;
}
