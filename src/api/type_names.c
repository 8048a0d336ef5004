/* Types called by their names; see type_names.h. */
#include "api/type_names.h"

#include "base/buf.h"

/* Types can be far larger than the file that declares them: beyond this they are cut. */
enum { MAX_TYPE_BYTES = 1 << 20, MAX_ITEM_BYTES = 4 << 20 };

/* ---- Names ----------------------------------------------------------------------------------- */

static bool find_name(const sw_type_namer *namer, bool is_resource, uint32_t index,
                      sw_str *ret_interface, sw_str *ret_name)
{
    const sw_type_names *n = (const sw_type_names *)(const void *)namer;
    const sw_type_name *name = is_resource ? &n->resources[index] : &n->values[index];
    bool is_here = name->here.len != 0 && name->scope == n->scope;
    *ret_interface = is_here ? (sw_str){} : name->interface;
    *ret_name = is_here ? name->here : name->name;
    return ret_name->len != 0;
}

sw_status sw_type_names_make(sw_arena *arena, const sw_plan *plan, sw_type_names *ret_names)
{
    *ret_names = (sw_type_names){
        .namer = {find_name},
        .plan = plan,
        .values = SW_NEW_ARRAY(arena, sw_type_name, plan->types.defs_count),
        .resources = SW_NEW_ARRAY(arena, sw_type_name, plan->resources_count),
        .scope = SW_PLAN_NONE,
    };
    return ret_names->values == NULL || ret_names->resources == NULL ? SW_NO_MEMORY : SW_OK;
}

/* The interface at hand calls it so. */
static void give_name(const sw_type_names *n, sw_type_name *to, sw_str name)
{
    if (to->name.len == 0) {
        to->name = name;
        to->interface = n->interface;
    }
    if (to->here.len == 0 || to->scope != n->scope) {
        to->here = name;
        to->scope = n->scope;
    }
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static void append_type(const sw_type_names *n, sw_vtype v, bool is_definition, sw_buf *out)
{
    const sw_types *t = &n->plan->types;
    size_t len = sw_vtype_write(t, v, &n->namer, is_definition, NULL, MAX_TYPE_BYTES);
    uint8_t *to = sw_buf_reserve(out, len + 1);
    if (to != NULL) {
        (void)sw_vtype_write(t, v, &n->namer, is_definition, (char *)to, len + 1);
        out->len += len;
    }
}

static void append_func(const sw_type_names *n, uint32_t func_type, sw_buf *out)
{
    const sw_types *t = &n->plan->types;
    const sw_cfunc_type *f = &t->funcs[func_type];
    sw_buf_str(out, SW_STR("func("));
    for (uint32_t i = 0; i < f->params_count; i++) {
        const sw_type_field *p = &t->fields[f->params_first + i];
        sw_buf_printf(out, "%s%.*s: ", i == 0 ? "" : ", ", SW_STR_ARG(sw_types_str(t, p->name)));
        append_type(n, p->type, false, out);
    }
    sw_buf_str(out, SW_STR(")"));
    if (f->result != SW_VT_NONE) {
        sw_buf_str(out, SW_STR(" -> "));
        append_type(n, f->result, false, out);
    }
}

/* Another interface's, under its own name or another. */
static void append_use(const sw_type_name *of, sw_str name, sw_buf *out)
{
    sw_buf_printf(out, "use %.*s%s{%.*s", SW_STR_ARG(of->interface),
                  of->interface.len == 0 ? "" : ".", SW_STR_ARG(of->name));
    if (!sw_str_eq(of->name, name)) {
        sw_buf_printf(out, " as %.*s", SW_STR_ARG(name));
    }
    sw_buf_str(out, SW_STR("}"));
}

static bool is_from_elsewhere(const sw_type_names *n, const sw_type_name *name)
{
    return name->name.len != 0 && !sw_str_eq(name->interface, n->interface);
}

static void append_resource(const sw_type_names *n, uint32_t resource, sw_str name, sw_buf *out)
{
    sw_type_name *entry = &n->resources[resource];
    if (is_from_elsewhere(n, entry)) {
        append_use(entry, name, out);
    } else if (entry->name.len != 0) {
        sw_buf_printf(out, "type %.*s", SW_STR_ARG(entry->name));
    } else {
        sw_buf_str(out, SW_STR("resource"));
    }
    give_name(n, entry, name);
}

/* Records of equal fields are one type: only one of the same name is taken for the other's. */
static void append_value(const sw_type_names *n, sw_vtype v, sw_str name, sw_buf *out)
{
    const sw_types *t = &n->plan->types;
    if (v == SW_VT_NONE || !sw_ctype_has_name(sw_vtype_kind(t, v))) {
        sw_buf_str(out, v == SW_VT_NONE ? SW_STR("type") : SW_STR("type "));
        if (v != SW_VT_NONE) {
            append_type(n, v, false, out);
        }
        return;
    }
    sw_type_name *entry = &n->values[v];
    if (is_from_elsewhere(n, entry) && sw_str_eq(entry->name, name)) {
        append_use(entry, name, out);
    } else {
        append_type(n, v, true, out);
    }
    give_name(n, entry, name);
}

/* An import or export: what it is, by kind. */
typedef struct item {
    sw_str name;
    uint32_t kind; /* sw_item_kind */
    uint32_t func_type, resource;
    sw_vtype type;
} item;

static void append_item(const sw_type_names *n, const item *i, sw_buf *out)
{
    static const char *const TEXT[] = {[SW_ITEM_INSTANCE] = "instance",
                                       [SW_ITEM_MODULE] = "module",
                                       [SW_ITEM_COMPONENT] = "component"};
    if (i->kind == SW_ITEM_FUNC) {
        append_func(n, i->func_type, out);
    } else if (i->resource != SW_PLAN_NONE) {
        append_resource(n, i->resource, i->name, out);
    } else if (i->kind == SW_ITEM_TYPE) {
        append_value(n, i->type, i->name, out);
    } else {
        sw_buf_str(out, sw_str_of(TEXT[i->kind]));
    }
}

static sw_status text_of(const sw_type_names *n, sw_arena *arena, const item *i, sw_str *ret)
{
    sw_buf out;
    sw_buf_init(&out, NULL, MAX_ITEM_BYTES);
    append_item(n, i, &out);
    sw_status st = sw_buf_status(&out);
    if (st == SW_OK) {
        *ret = sw_arena_str(arena, (sw_str){(const char *)out.ptr, out.len});
        st = ret->ptr == NULL ? SW_NO_MEMORY : SW_OK;
    }
    sw_buf_clear(&out);
    return st;
}

/* ---- Items ----------------------------------------------------------------------------------- */

sw_status sw_type_names_import(sw_type_names *n, sw_arena *arena, uint32_t import, sw_str *ret_text)
{
    const sw_plan *p = n->plan;
    const sw_import_plan *m = &p->imports[import];
    item i = {sw_types_str(&p->types, m->name), m->kind, 0, m->resource, m->index};
    if (m->kind == SW_ITEM_FUNC) {
        i.func_type = p->import_funcs[m->index].func_type;
    } else if (m->kind == SW_ITEM_RESOURCE) {
        i.resource = p->import_resources[m->index].resource;
    }
    n->scope = m->parent;
    n->interface = m->parent == SW_PLAN_NONE ? (sw_str){}
                                             : sw_types_str(&p->types, p->imports[m->parent].name);
    return text_of(n, arena, &i, ret_text);
}

sw_status sw_type_names_export(sw_type_names *n, sw_arena *arena, uint32_t export, sw_str *ret_text)
{
    const sw_plan *p = n->plan;
    const sw_export_plan *e = &p->exports[export];
    item i = {sw_types_str(&p->types, e->name), e->kind, 0, SW_PLAN_NONE, e->index};
    if (e->kind == SW_ITEM_FUNC) {
        i.func_type =
            e->is_import != 0 ? p->import_funcs[e->index].func_type : p->lifts[e->index].func_type;
    } else if (e->kind == SW_ITEM_RESOURCE) {
        i.resource = e->index;
    }
    n->scope = e->parent == SW_PLAN_NONE ? SW_PLAN_NONE : p->imports_count + e->parent;
    n->interface = e->parent == SW_PLAN_NONE ? (sw_str){}
                                             : sw_types_str(&p->types, p->exports[e->parent].name);
    return text_of(n, arena, &i, ret_text);
}
