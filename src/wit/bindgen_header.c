/* The bindings generator: headers. */
#include "wit/bindgen_private.h"

#include <stdarg.h>

/* ---- Members --------------------------------------------------------------------------------- */

typedef struct member {
    const char *name;
    sw_vtype type;
} member;

/* Prints the members that take room, and proves their offsets afterwards. */
static void put_member(const sw_bindgen_unit *u, sw_buf *out, const char *indent, member m)
{
    if (sw_bindgen_layout_of(u, m.type).size > 0) {
        sw_buf_printf(out, "%s%s %s;\n", indent, sw_bindgen_type_name(u, m.type), m.name);
    }
}

static void put_size(sw_buf *out, const char *name, sw_bindgen_layout l)
{
    sw_buf_printf(out, "_Static_assert(sizeof(%s) == %u && _Alignof(%s) == %u, \"layout\");\n",
                  name, l.size, name, l.align);
}

static void put_offset(sw_buf *out, const char *name, const char *field, uint32_t offset)
{
    sw_buf_printf(out, "_Static_assert(offsetof(%s, %s) == %u, \"layout\");\n", name, field,
                  offset);
}

static const char *member_name(const sw_bindgen_unit *u, const sw_type_def *d, uint32_t i)
{
    if (d->kind == SW_CT_TUPLE) {
        sw_str name = sw_arena_printf(u->b->wit->arena, "f%u", i);
        return name.ptr == NULL ? "" : name.ptr;
    }
    const sw_type_field *f = &u->t.types.fields[d->first + i];
    return sw_bindgen_field_name(u->b, sw_types_str(&u->t.types, f->name));
}

/* ---- Type definitions ------------------------------------------------------------------------ */

static void put_record(const sw_bindgen_unit *u, sw_buf *out, const char *name,
                       const sw_type_def *d)
{
    uint32_t offset = 0;
    sw_buf_printf(out, "typedef struct %s {\n", name);
    for (uint32_t i = 0; i < d->count; i++) {
        sw_vtype type = u->t.types.fields[d->first + i].type;
        put_member(u, out, "    ", (member){member_name(u, d, i), type});
    }
    sw_buf_printf(out, "} %s;\n", name);
    for (uint32_t i = 0; i < d->count; i++) {
        sw_bindgen_layout l = sw_bindgen_layout_of(u, u->t.types.fields[d->first + i].type);
        offset = (uint32_t)sw_align_up(offset, l.align);
        if (l.size > 0) {
            put_offset(out, name, member_name(u, d, i), offset);
        }
        offset += l.size;
    }
}

static void put_constants(const sw_bindgen_unit *u, sw_buf *out, uint32_t index)
{
    const sw_type_def *d = &u->t.types.defs[index];
    const char *upper = sw_bindgen_upper(u->b, sw_bindgen_resource_name(u->b, u->t.origins[index]));
    sw_buf_printf(out, "enum {\n");
    for (uint32_t i = 0; i < d->count; i++) {
        const sw_type_field *f = &u->t.types.fields[d->first + i];
        sw_str text = sw_types_str(&u->t.types, f->name);
        const char *constant = sw_bindgen_upper(u->b, sw_bindgen_field_name(u->b, text));
        size_t len = strlen(constant);
        len -= len > text.len; /* capitals need no escape */
        if (d->kind == SW_CT_FLAGS) {
            sw_buf_printf(out, "    %s_%.*s = 1%s << %u,\n", upper, (int)len, constant,
                          i == 31 ? "u" : "", i);
        } else {
            sw_buf_printf(out, "    %s_%.*s = %u,\n", upper, (int)len, constant, i);
        }
    }
    sw_buf_printf(out, "};\n");
}

/* An enum or flags: constants and an integer that holds them. */
static void put_integer(const sw_bindgen_unit *u, sw_buf *out, uint32_t index)
{
    const sw_type_def *d = &u->t.types.defs[index];
    if (d->count > 0) {
        put_constants(u, out, index);
    }
    sw_buf_printf(out, "typedef uint%u_t %s;\n", u->layouts[index].size * 8, u->names[index]);
}

/* The union of the members that take room; nothing if none does. */
static void put_union(const sw_bindgen_unit *u, sw_buf *out, const member *members, uint32_t count)
{
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        any = any || sw_bindgen_layout_of(u, members[i].type).size > 0;
    }
    if (!any) {
        return;
    }
    sw_buf_printf(out, "    union {\n");
    for (uint32_t i = 0; i < count; i++) {
        put_member(u, out, "        ", members[i]);
    }
    sw_buf_printf(out, "    };\n");
}

static void put_payload_offsets(const sw_bindgen_unit *u, sw_buf *out, const char *name,
                                const member *members, uint32_t count, uint32_t tag_bytes)
{
    uint32_t align = 1;
    for (uint32_t i = 0; i < count; i++) {
        align = SW_MAX(align, sw_bindgen_layout_of(u, members[i].type).align);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (sw_bindgen_layout_of(u, members[i].type).size > 0) {
            put_offset(out, name, members[i].name, (uint32_t)sw_align_up(tag_bytes, align));
        }
    }
}

static void put_variant(const sw_bindgen_unit *u, sw_buf *out, uint32_t index)
{
    const sw_type_def *d = &u->t.types.defs[index];
    const char *name = u->names[index];
    uint32_t tag_bytes = sw_bindgen_tag_bytes(d->count);
    member *members = SW_NEW_ARRAY(u->b->wit->arena, member, d->count);
    for (uint32_t i = 0; members != NULL && i < d->count; i++) {
        members[i] = (member){member_name(u, d, i), u->t.types.fields[d->first + i].type};
    }
    uint32_t count = members == NULL ? 0 : d->count;
    put_constants(u, out, index);
    sw_buf_printf(out, "typedef struct %s {\n    uint%u_t tag;\n", name, tag_bytes * 8);
    put_union(u, out, members, count);
    sw_buf_printf(out, "} %s;\n", name);
    put_payload_offsets(u, out, name, members, count, tag_bytes);
}

static void put_result(const sw_bindgen_unit *u, sw_buf *out, const char *name,
                       const sw_type_def *d)
{
    const member members[] = {
        {"ok",  d->element},
        {"err", d->other  }
    };
    sw_buf_printf(out, "typedef struct %s {\n    bool is_err;\n", name);
    put_union(u, out, members, 2);
    sw_buf_printf(out, "} %s;\n", name);
    put_payload_offsets(u, out, name, members, 2, 1);
}

static void put_option(const sw_bindgen_unit *u, sw_buf *out, const char *name,
                       const sw_type_def *d)
{
    sw_bindgen_layout l = sw_bindgen_layout_of(u, d->element);
    sw_buf_printf(out, "typedef struct %s {\n    bool is_some;\n", name);
    put_member(u, out, "    ", (member){"value", d->element});
    sw_buf_printf(out, "} %s;\n", name);
    if (l.size > 0) {
        put_offset(out, name, "value", l.align);
    }
}

static void put_list(const sw_bindgen_unit *u, sw_buf *out, const char *name, const sw_type_def *d)
{
    sw_buf_printf(out, "typedef struct %s {\n    %s *ptr;\n    size_t len;\n} %s;\n", name,
                  sw_bindgen_type_name(u, d->element), name);
}

static void put_type(const sw_bindgen_unit *u, sw_buf *out, uint32_t index)
{
    const sw_type_def *d = &u->t.types.defs[index];
    const char *name = u->names[index];
    switch ((int)d->kind) {
    case SW_CT_RECORD:
    case SW_CT_TUPLE: put_record(u, out, name, d); break;
    case SW_CT_VARIANT: put_variant(u, out, index); break;
    case SW_CT_ENUM:
    case SW_CT_FLAGS: put_integer(u, out, index); break;
    case SW_CT_RESULT: put_result(u, out, name, d); break;
    case SW_CT_OPTION: put_option(u, out, name, d); break;
    case SW_CT_LIST: put_list(u, out, name, d); break;
    default: return;
    }
    put_size(out, name, u->layouts[index]);
}

static bool has_c_type(const sw_bindgen_unit *u, uint32_t index)
{
    return strcmp(u->names[index], "uint32_t") != 0 && u->layouts[index].size > 0;
}

/* An anonymous type of that name has come before: handles to different resources are one in C. */
static bool is_repeated(const sw_bindgen_unit *u, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(u->names[i], u->names[index]) == 0) {
            return true;
        }
    }
    return false;
}

static void put_types(const sw_bindgen_unit *u, sw_buf *out)
{
    for (uint32_t i = 0; i < u->t.types.defs_count; i++) {
        const sw_wit_typedef *origin = u->t.origins[i];
        if (!has_c_type(u, i) || is_repeated(u, i) ||
            (origin != NULL && origin->owner != u->interface)) {
            continue;
        }
        if (origin == NULL) {
            const char *guard = sw_bindgen_upper(u->b, u->names[i]);
            sw_buf_printf(out, "\n#ifndef %s_DEFINED\n#    define %s_DEFINED\n", guard, guard);
            put_type(u, out, i);
            sw_buf_printf(out, "#endif\n");
        } else {
            sw_buf_printf(out, "\n/* %.*s */\n", SW_STR_ARG(origin->name.text));
            put_type(u, out, i);
        }
    }
}

static void put_aliases(const sw_bindgen_unit *u, sw_buf *out)
{
    for (uint32_t i = 0; i < u->t.named_count; i++) {
        const sw_wit_typedef *d = u->t.named[i];
        if (d->kind == SW_WIT_ALIAS && sw_bindgen_layout_of(u, u->t.named_types[i]).size > 0) {
            sw_buf_printf(out, "\n/* %.*s */\ntypedef %s %s;\n", SW_STR_ARG(d->name.text),
                          sw_bindgen_type_name(u, u->t.named_types[i]),
                          sw_bindgen_typedef_name(u->b, d));
        }
    }
}

/* ---- Functions ------------------------------------------------------------------------------- */

static void put_params(const sw_bindgen_unit *u, sw_buf *out, const char *name,
                       const sw_cfunc_type *type)
{
    uint32_t offset = 0;
    if (type->params_count == 0) {
        return;
    }
    sw_buf_printf(out, "typedef struct %s_params {\n", name);
    for (uint32_t i = 0; i < type->params_count; i++) {
        const sw_type_field *f = &u->t.types.fields[type->params_first + i];
        const char *field = sw_bindgen_field_name(u->b, sw_types_str(&u->t.types, f->name));
        put_member(u, out, "    ", (member){field, f->type});
    }
    sw_buf_printf(out, "} %s_params;\n", name);
    for (uint32_t i = 0; i < type->params_count; i++) {
        const sw_type_field *f = &u->t.types.fields[type->params_first + i];
        const char *field = sw_bindgen_field_name(u->b, sw_types_str(&u->t.types, f->name));
        sw_bindgen_layout l = sw_bindgen_layout_of(u, f->type);
        offset = (uint32_t)sw_align_up(offset, l.align);
        sw_buf_printf(out, "_Static_assert(offsetof(%s_params, %s) == %u, \"layout\");\n", name,
                      field, offset);
        offset += l.size;
    }
}

static void put_func(const sw_bindgen_unit *u, sw_buf *out, uint32_t index)
{
    const sw_wit_func *f = u->t.funcs[index];
    const sw_cfunc_type *type = &u->t.types.funcs[index];
    const char *name = sw_bindgen_func_name(u, f);
    sw_buf_printf(out, "\n/* %.*s */\n", SW_STR_ARG(f->full_name));
    put_params(u, out, name, type);
    if (type->result != SW_VT_NONE) {
        sw_buf_printf(out, "typedef %s %s_result;\n", sw_bindgen_type_name(u, type->result), name);
    }
    sw_buf_printf(out, "sw_trap %s(sw_host_call *call", name);
    if (type->params_count > 0) {
        sw_buf_printf(out, ",\n    const %s_params *params", name);
    }
    if (type->result != SW_VT_NONE) {
        sw_buf_printf(out, ",\n    %s_result *ret", name);
    }
    sw_buf_printf(out, ");\n");
}

static void put_drops(const sw_bindgen_unit *u, sw_buf *out)
{
    for (uint32_t i = 0; i < u->t.types.resources_count; i++) {
        const sw_wit_typedef *r = u->t.resources[i];
        if (r->owner == u->interface) {
            sw_buf_printf(out, "\n/* The guest drops its %.*s. */\n", SW_STR_ARG(r->name.text));
            sw_buf_printf(out, "void %s_drop(void *env, uint32_t rep);\n",
                          sw_bindgen_resource_name(u->b, r));
        }
    }
}

/* ---- The file -------------------------------------------------------------------------------- */

/* Headers of the interfaces whose named types this one mentions. */
static void put_includes(const sw_bindgen_unit *u, sw_buf *out)
{
    for (uint32_t i = 0; i < u->t.types.defs_count; i++) {
        const sw_wit_typedef *d = u->t.origins[i];
        bool again = d == NULL || d->owner == u->interface;
        for (uint32_t n = 0; n < i && !again; n++) {
            again = u->t.origins[n] != NULL && u->t.origins[n]->owner == d->owner;
        }
        if (!again) {
            sw_buf_printf(out, "#include \"%s.h\"\n", sw_bindgen_file_base(u->b, d->owner));
        }
    }
}

void sw_bindgen_header(const sw_bindgen_unit *u, sw_buf *out)
{
    sw_buf_printf(out,
                  "/* %.*s: made from its WIT, in the host layout of component/host.h. */\n"
                  "#pragma once\n\n#include \"component/host.h\"\n",
                  SW_STR_ARG(u->interface->full_name));
    put_includes(u, out);
    put_types(u, out);
    put_aliases(u, out);
    for (uint32_t i = 0; i < u->t.types.funcs_count; i++) {
        put_func(u, out, i);
    }
    put_drops(u, out);
    sw_buf_printf(out, "\nextern const sw_host_iface %s_iface;\n", u->base);
}
