/* The bindings generator: sources (tables and adapters), and both files together. */
#include "wit/bindgen_private.h"

#include "base/map.h"
#include "wit/report.h"

/* ---- Tables ---------------------------------------------------------------------------------- */

static const char *const KINDS[] = {
#define X(name, text) #name,
    SW_CTYPE_MAP(X)
#undef X
};

static void put_vtype(sw_buf *out, sw_vtype v)
{
    if (v == SW_VT_NONE) {
        sw_buf_printf(out, "SW_VT_NONE");
    } else if (sw_vtype_is_prim(v)) {
        sw_buf_printf(out, "SW_VT_PRIM | SW_CT_%s", KINDS[v & 0xff]);
    } else {
        sw_buf_printf(out, "%u", v);
    }
}

/* What `other` means depends on the kind. */
static void put_other(sw_buf *out, const sw_type_def *d)
{
    if (d->kind == SW_CT_RESULT || d->kind == SW_CT_MAP) {
        put_vtype(out, d->other);
    } else if (d->other == SW_VT_NONE) {
        sw_buf_printf(out, "SW_VT_NONE");
    } else {
        sw_buf_printf(out, "%u", d->other);
    }
}

static void put_defs(const sw_bindgen_unit *u, sw_buf *out)
{
    const sw_types *t = &u->t.types;
    if (t->defs_count == 0) {
        return;
    }
    sw_buf_printf(out, "\nstatic const sw_type_def DEFS[] = {\n");
    for (uint32_t i = 0; i < t->defs_count; i++) {
        const sw_type_def *d = &t->defs[i];
        sw_buf_printf(out, "    {SW_CT_%s, %u, %u, ", KINDS[d->kind], d->first, d->count);
        put_vtype(out, d->element);
        sw_buf_printf(out, ", ");
        put_other(out, d);
        sw_buf_printf(out, "}, /* %u: %s */\n", i, u->mangled[i]);
    }
    sw_buf_printf(out, "};\n");
}

static void put_fields(const sw_types *t, sw_buf *out)
{
    if (t->fields_count == 0) {
        return;
    }
    sw_buf_printf(out, "\nstatic const sw_type_field FIELDS[] = {\n");
    for (uint32_t i = 0; i < t->fields_count; i++) {
        sw_text name = t->fields[i].name;
        sw_buf_printf(out, "    {{%u, %u}, ", name.offset, name.len);
        put_vtype(out, t->fields[i].type);
        sw_buf_printf(out, "}, /* %.*s */\n", SW_STR_ARG(sw_types_str(t, name)));
    }
    sw_buf_printf(out, "};\n");
}

static void put_func_types(const sw_types *t, sw_buf *out)
{
    if (t->funcs_count == 0) {
        return;
    }
    sw_buf_printf(out, "\nstatic const sw_cfunc_type FUNC_TYPES[] = {\n");
    for (uint32_t i = 0; i < t->funcs_count; i++) {
        const sw_cfunc_type *f = &t->funcs[i];
        sw_buf_printf(out, "    {%u, %u, ", f->params_first, f->params_count);
        put_vtype(out, f->result);
        sw_buf_printf(out, ", %u},\n", f->is_async);
    }
    sw_buf_printf(out, "};\n");
}

static void put_strings(const sw_types *t, sw_buf *out)
{
    enum { LINE = 80 };
    sw_buf_printf(out, "\nstatic const char STRINGS[] =");
    for (uint32_t at = 0; at < t->strings_bytes; at += LINE) {
        int len = (int)SW_MIN((uint32_t)LINE, t->strings_bytes - at);
        sw_buf_printf(out, "\n    \"%.*s\"", len, t->strings + at);
    }
    sw_buf_printf(out, "%s;\n", t->strings_bytes == 0 ? " \"\"" : "");
}

static void put_types(const sw_bindgen_unit *u, sw_buf *out)
{
    const sw_types *t = &u->t.types;
    put_defs(u, out);
    put_fields(t, out);
    put_func_types(t, out);
    put_strings(t, out);
    sw_buf_printf(out,
                  "\nstatic const sw_types TYPES = {\n"
                  "    .defs = %s,\n    .fields = %s,\n    .funcs = %s,\n    .strings = STRINGS,\n"
                  "    .defs_count = %u,\n    .fields_count = %u,\n    .funcs_count = %u,\n"
                  "    .strings_bytes = %u,\n    .resources_count = %u,\n};\n",
                  t->defs_count == 0 ? "NULL" : "DEFS", t->fields_count == 0 ? "NULL" : "FIELDS",
                  t->funcs_count == 0 ? "NULL" : "FUNC_TYPES", t->defs_count, t->fields_count,
                  t->funcs_count, t->strings_bytes, t->resources_count);
}

/* ---- Functions and resources ----------------------------------------------------------------- */

/* The name within the file: without the base and its '_'. */
static const char *short_name(const sw_bindgen_unit *u, const sw_wit_func *f)
{
    const char *name = sw_bindgen_func_name(u, f);
    size_t skip = strlen(u->base) + 1;
    return strlen(name) > skip ? name + skip : name;
}

static void put_adapter(const sw_bindgen_unit *u, sw_buf *out, uint32_t index)
{
    const sw_wit_func *f = u->t.funcs[index];
    const sw_cfunc_type *type = &u->t.types.funcs[index];
    bool has_params = type->params_count > 0;
    bool has_result = type->result != SW_VT_NONE;
    sw_buf_printf(
        out, "\nstatic sw_trap call_%s(sw_host_call *call, const void *params, void *ret)\n{\n",
        short_name(u, f));
    sw_buf_printf(out, "%s%s", has_params ? "" : "    (void)params;\n",
                  has_result ? "" : "    (void)ret;\n");
    sw_buf_printf(out, "    return %s(call%s%s);\n}\n", sw_bindgen_func_name(u, f),
                  has_params ? ", params" : "", has_result ? ", ret" : "");
}

static void put_funcs(const sw_bindgen_unit *u, sw_buf *out)
{
    if (u->t.types.funcs_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < u->t.types.funcs_count; i++) {
        put_adapter(u, out, i);
    }
    sw_buf_printf(out, "\nstatic const sw_host_iface_func FUNCS[] = {\n");
    for (uint32_t i = 0; i < u->t.types.funcs_count; i++) {
        const sw_wit_func *f = u->t.funcs[i];
        sw_buf_printf(out, "    {SW_STR_INIT(\"%.*s\"), %u, call_%s, NULL},\n",
                      SW_STR_ARG(f->full_name), i, short_name(u, f));
    }
    sw_buf_printf(out, "};\n");
}

static void put_resources(const sw_bindgen_unit *u, sw_buf *out)
{
    if (u->t.types.resources_count == 0) {
        return;
    }
    sw_buf_printf(out, "\nstatic const sw_host_iface_resource RESOURCES[] = {\n");
    for (uint32_t i = 0; i < u->t.types.resources_count; i++) {
        const sw_wit_typedef *r = u->t.resources[i];
        sw_buf_printf(out, "    {SW_STR_INIT(\"%.*s\"), %u, ", SW_STR_ARG(r->name.text), i);
        if (r->owner == u->interface) {
            sw_buf_printf(out, "%s_drop, SW_STR_INIT(\"\"), NULL, false},\n",
                          sw_bindgen_resource_name(u->b, r));
        } else {
            sw_buf_printf(out, "NULL, SW_STR_INIT(\"%.*s\"), NULL, false},\n",
                          SW_STR_ARG(r->owner->full_name));
        }
    }
    sw_buf_printf(out, "};\n");
}

void sw_bindgen_source(const sw_bindgen_unit *u, sw_buf *out)
{
    const sw_types *t = &u->t.types;
    sw_buf_printf(out, "/* %.*s: tables and adapters, made from its WIT. */\n#include \"%s.h\"\n",
                  SW_STR_ARG(u->interface->full_name), sw_bindgen_file_base(u->b, u->interface));
    put_types(u, out);
    put_funcs(u, out);
    put_resources(u, out);
    sw_buf_printf(
        out,
        "\nconst sw_host_iface %s_iface = {\n    .name = SW_STR_INIT(\"%.*s\"),\n"
        "    .types = &TYPES,\n    .funcs = %s,\n    .resources = %s,\n"
        "    .funcs_count = %u,\n    .resources_count = %u,\n};\n",
        u->base, SW_STR_ARG(u->interface->full_name), t->funcs_count == 0 ? "NULL" : "FUNCS",
        t->resources_count == 0 ? "NULL" : "RESOURCES", t->funcs_count, t->resources_count);
}

/* ---- All ------------------------------------------------------------------------------------- */

/* Functions that WIT tells apart may have the same name in C. */
static sw_status check_names(const sw_bindgen_unit *u, sw_map *names)
{
    for (uint32_t i = 0; i < u->t.types.funcs_count; i++) {
        uint32_t *place;
        bool inserted;
        const sw_wit_func *f = u->t.funcs[i];
        SW_TRY(sw_map_insert(names, sw_str_of(sw_bindgen_func_name(u, f)), i, &place, &inserted));
        if (!inserted) {
            return sw_wit_fail(u->b->wit, SW_UNSUPPORTED, f->name.loc,
                               "`%.*s` and `%.*s` have the same name in C",
                               SW_STR_ARG(f->full_name), SW_STR_ARG(u->t.funcs[*place]->full_name));
        }
    }
    return SW_OK;
}

sw_status sw_bindgen_write(const sw_bindgen *b, const sw_wit_interface *i, sw_buf *header,
                           sw_buf *source)
{
    sw_bindgen_unit u;
    sw_map names;
    SW_TRY(sw_bindgen_unit_init(&u, b, i));
    b->wit->diag = b->diag;
    sw_map_init(&names, NULL);
    sw_status st = check_names(&u, &names);
    sw_map_clear(&names);
    if (st == SW_OK) {
        sw_bindgen_header(&u, header);
        sw_bindgen_source(&u, source);
        /* A name that found no memory is empty; the arena is then full for one byte, too. */
        bool full = sw_arena_alloc(b->wit->arena, 1, 1) == NULL;
        st = full ? SW_NO_MEMORY : sw_buf_status(header);
        st = st == SW_OK ? sw_buf_status(source) : st;
    }
    b->wit->diag = NULL;
    return st == SW_NO_MEMORY ? sw_fail(b->diag, st, SW_NO_OFFSET, "out of memory") : st;
}
