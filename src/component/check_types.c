/* Making types: definitions, imports and exports of types, and what they bind. */
#include "component/check.h"

/* ---- Tables ---------------------------------------------------------------------------------- */

sw_types sw_checker_types(const sw_checker *c)
{
    return (sw_types){.defs = c->defs.at,
                      .fields = c->fields.at,
                      .funcs = c->funcs.at,
                      .strings = (const char *)c->bytes.ptr,
                      .defs_count = c->defs.count,
                      .fields_count = c->fields.count,
                      .funcs_count = c->funcs.count,
                      .strings_bytes = (uint32_t)c->bytes.len,
                      .resources_count = c->rrefs.count};
}

sw_status sw_check_new_rref(sw_checker *c, uint32_t resource, uint32_t *ret_rref)
{
    if (sw_avec_push(c->arena, &c->rrefs, resource) != SW_OK) {
        return sw_check_no_memory(c);
    }
    *ret_rref = c->rrefs.count - 1;
    return SW_OK;
}

sw_status sw_check_new_resource(sw_checker *c, const sw_cscope *owner, uint32_t *ret_rref)
{
    if (sw_avec_push(c->arena, &c->resources, (sw_cresource){owner}) != SW_OK ||
        sw_avec_push(c->arena, &c->binding, SW_BINDING_RIGID) != SW_OK) {
        return sw_check_no_memory(c);
    }
    return sw_check_new_rref(c, c->resources.count - 1, ret_rref);
}

static void add_extent(const sw_checker *c, sw_vtype v, sw_extent *e)
{
    if (v == SW_VT_NONE) {
        return;
    }
    sw_extent part = sw_vtype_is_prim(v) ? (sw_extent){1, 1} : c->extents.at[v];
    e->size = ckd_add(&e->size, e->size, part.size) ? UINT32_MAX : e->size;
    e->depth = SW_MAX(e->depth, part.depth + 1);
}

static sw_extent extent_of(const sw_checker *c, const sw_type_def *d)
{
    sw_extent e = {1, 1};
    for (uint32_t i = 0; i < d->count; i++) {
        add_extent(c, c->fields.at[d->first + i].type, &e);
    }
    if (d->kind != SW_CT_OWN && d->kind != SW_CT_BORROW) {
        add_extent(c, d->element, &e);
    }
    if (d->kind == SW_CT_RESULT || d->kind == SW_CT_MAP) {
        add_extent(c, d->other, &e);
    }
    return e;
}

sw_status sw_check_add_def(sw_checker *c, const sw_type_def *def, sw_vtype *ret_type)
{
    sw_extent e = extent_of(c, def);
    if (e.size > SW_MAX_TYPE_SIZE || e.depth > SW_MAX_TYPE_DEPTH) {
        return sw_fail(c->diag, SW_LIMIT, c->offset, "type is too large or nests too deeply");
    }
    if (sw_avec_push(c->arena, &c->defs, *def) != SW_OK ||
        sw_avec_push(c->arena, &c->extents, e) != SW_OK) {
        return sw_check_no_memory(c);
    }
    sw_types t = sw_checker_types(c);
    sw_type_facts facts = sw_type_facts_compute(&t, c->facts.at, c->defs.count - 1);
    if (facts.size64 >= SW_MAX_VALUE_BYTES) {
        return sw_check_fail(c, "values of the type exceed the maximum of %d bytes",
                             SW_MAX_VALUE_BYTES);
    }
    if (sw_avec_push(c->arena, &c->facts, facts) != SW_OK) {
        return sw_check_no_memory(c);
    }
    *ret_type = c->defs.count - 1;
    return SW_OK;
}

/* ---- Value types ----------------------------------------------------------------------------- */

static sw_status value_type(sw_checker *c, const sw_cscope *s, uint32_t ast_type, sw_vtype *ret)
{
    if (ast_type == SW_VT_NONE || (ast_type & SW_VT_PRIM) != 0) {
        *ret = ast_type;
        return SW_OK;
    }
    if (ast_type >= s->types.count) {
        return sw_check_fail(c, "unknown type %u: type index out of bounds", ast_type);
    }
    sw_ent e = s->types.at[ast_type];
    if (e.kind != SW_ENT_TYPE_VALUE) {
        return sw_check_fail(c, "type index %u is not a defined type", ast_type);
    }
    *ret = e.index;
    return SW_OK;
}

static sw_text text_of(const sw_checker *c, sw_str s)
{
    if (s.len == 0) {
        return (sw_text){};
    }
    return (sw_text){(uint32_t)(s.ptr - (const char *)c->bytes.ptr), (uint32_t)s.len};
}

static sw_status check_labels(sw_checker *c, const sw_ast_type *t, const char *what)
{
    sw_name_map keys = {};
    for (uint32_t i = 0; i < t->fields_count; i++) {
        sw_str name = t->fields[i].name;
        if (!sw_label_is_valid(name)) {
            return name.len == 0
                       ? sw_check_fail(c, "%s name cannot be empty: `` is not in kebab case", what)
                       : sw_check_fail(c, "%s name `%.*s` is not in kebab case", what,
                                       SW_STR_ARG(name));
        }
        sw_str key = sw_label_key(c->arena, name);
        bool inserted;
        if (key.ptr == NULL || sw_name_map_insert(c->arena, &keys, key, i, &inserted) != SW_OK) {
            return sw_check_no_memory(c);
        }
        if (!inserted) {
            return sw_check_fail(c, "%s name `%.*s` conflicts with a previous %s name", what,
                                 SW_STR_ARG(name), what);
        }
    }
    return SW_OK;
}

static sw_status add_fields(sw_checker *c, const sw_cscope *s, const sw_ast_type *t,
                            uint32_t *ret_first)
{
    uint32_t first = c->fields.count;
    for (uint32_t i = 0; i < t->fields_count; i++) {
        sw_type_field f = {.name = text_of(c, t->fields[i].name)};
        SW_TRY(value_type(c, s, t->fields[i].type, &f.type));
        if (sw_avec_push(c->arena, &c->fields, f) != SW_OK) {
            return sw_check_no_memory(c);
        }
    }
    *ret_first = first;
    return SW_OK;
}

static sw_status resource_ref(sw_checker *c, const sw_cscope *s, uint32_t index, uint32_t *ret_rref)
{
    if (index >= s->types.count) {
        return sw_check_fail(c, "unknown type %u: type index out of bounds", index);
    }
    if (s->types.at[index].kind != SW_ENT_TYPE_RESOURCE) {
        return sw_check_fail(c, "type index %u is not a resource type", index);
    }
    *ret_rref = s->types.at[index].index;
    return SW_OK;
}

static sw_status check_counts(sw_checker *c, const sw_ast_type *t)
{
    static const struct {
        uint8_t kind;
        const char *type, *field;
    } AGGREGATES[] = {
        {SW_CT_RECORD,  "record",  "record field"},
        {SW_CT_VARIANT, "variant", "variant case"},
        {SW_CT_TUPLE,   "tuple",   NULL          },
        {SW_CT_FLAGS,   "flags",   "flag"        },
        {SW_CT_ENUM,    "enum",    "enum tag"    },
    };
    for (size_t i = 0; i < SW_COUNTOF(AGGREGATES); i++) {
        if (t->kind != AGGREGATES[i].kind) {
            continue;
        }
        if (t->fields_count == 0) {
            return sw_check_fail(c, "%s type must have at least one part", AGGREGATES[i].type);
        }
        if (t->kind == SW_CT_FLAGS && t->fields_count > SW_MAX_TYPE_FLAGS) {
            return sw_check_fail(c, "cannot have more than %d flags", SW_MAX_TYPE_FLAGS);
        }
        return AGGREGATES[i].field == NULL ? SW_OK : check_labels(c, t, AGGREGATES[i].field);
    }
    return SW_OK;
}

static bool is_key_type(const sw_vtype v)
{
    if (!sw_vtype_is_prim(v)) {
        return false;
    }
    sw_ctype_kind k = (sw_ctype_kind)(v & 0xff);
    return k != SW_CT_F32 && k != SW_CT_F64 && k != SW_CT_ERROR_CONTEXT;
}

static sw_status check_value(sw_checker *c, const sw_cscope *s, const sw_ast_type *t, sw_ent *ret)
{
    if (t->kind < SW_CT_RECORD) {
        *ret = (sw_ent){SW_ENT_TYPE_VALUE, sw_vtype_prim((sw_ctype_kind)t->kind)};
        return SW_OK;
    }
    sw_type_def d = {.kind = t->kind, .count = t->fields_count, .element = SW_VT_NONE};
    d.other = SW_VT_NONE;
    SW_TRY(check_counts(c, t));
    SW_TRY(add_fields(c, s, t, &d.first));
    SW_TRY(value_type(c, s, t->element, &d.element));
    if (t->kind == SW_CT_OWN || t->kind == SW_CT_BORROW) {
        SW_TRY(resource_ref(c, s, t->other, &d.other));
    } else if (t->kind == SW_CT_FIXED_LIST) {
        d.other = t->other;
        if (d.other == 0) {
            return sw_check_fail(c, "fixed-length lists must have more than zero elements");
        }
    } else {
        SW_TRY(value_type(c, s, t->other, &d.other));
    }
    if (t->kind == SW_CT_MAP && !is_key_type(d.element)) {
        return sw_check_fail(c, "invalid map key type");
    }
    ret->kind = SW_ENT_TYPE_VALUE;
    return sw_check_add_def(c, &d, &ret->index);
}

/* ---- Function and resource types ------------------------------------------------------------- */

static bool has_borrow(const sw_checker *c, sw_vtype v)
{
    return v != SW_VT_NONE && !sw_vtype_is_prim(v) && c->facts.at[v].has_borrow;
}

static sw_status check_func(sw_checker *c, const sw_cscope *s, const sw_ast_type *t, sw_ent *ret)
{
    sw_cfunc_type f = {.params_count = t->fields_count};
    SW_TRY(check_labels(c, t, "function parameter"));
    SW_TRY(add_fields(c, s, t, &f.params_first));
    SW_TRY(value_type(c, s, t->element, &f.result));
    if (has_borrow(c, f.result)) {
        return sw_check_fail(c, "function result cannot contain a `borrow` type");
    }
    if (sw_avec_push(c->arena, &c->funcs, f) != SW_OK) {
        return sw_check_no_memory(c);
    }
    *ret = (sw_ent){SW_ENT_TYPE_FUNC, c->funcs.count - 1};
    return SW_OK;
}

static sw_status check_resource(sw_checker *c, const sw_cscope *s, const sw_ast_type *t,
                                sw_ent *ret)
{
    static const sw_valtype I32 = SW_TYPE_I32;
    if (s->kind != SW_SCOPE_COMPONENT) {
        return sw_check_fail(c, "resources can only be defined within a concrete component");
    }
    if (t->rep == SW_TYPE_I64) {
        return sw_fail(c->diag, SW_UNSUPPORTED, c->offset,
                       "resources represented by i64 are not supported yet");
    }
    if (t->rep != SW_TYPE_I32) {
        return sw_check_fail(c, "resources can only be represented by `i32`");
    }
    if (t->other != SW_NO_INDEX) {
        if (t->other >= s->core_items[SW_SORT_CORE_FUNC].count) {
            return sw_check_fail(c, "unknown core function %u: function index out of bounds",
                                 t->other);
        }
        const sw_functype *f = s->core_items[SW_SORT_CORE_FUNC].at[t->other].func;
        if (!sw_core_functype_is(f, &I32, 1, NULL, 0)) {
            return sw_check_fail(c, "core function %u has the wrong signature for a destructor",
                                 t->other);
        }
    }
    ret->kind = SW_ENT_TYPE_RESOURCE;
    return sw_check_new_resource(c, s, &ret->index);
}

/* ---- Component and instance types ------------------------------------------------------------ */

static sw_status check_type_alias(sw_checker *c, sw_cscope *s, const sw_ast_alias *a)
{
    bool fits = a->kind == SW_ALIAS_EXPORT ? a->sort == SW_SORT_TYPE || a->sort == SW_SORT_INSTANCE
                : a->kind == SW_ALIAS_OUTER
                    ? a->sort == SW_SORT_TYPE || a->sort == SW_SORT_CORE_TYPE
                    : false;
    if (!fits) {
        return sw_check_fail(c, "only types and instances can be aliased inside types");
    }
    return sw_check_alias(c, s, a);
}

static sw_status check_decl_import(sw_checker *c, sw_cscope *s, const sw_ast_name *name,
                                   const sw_ast_extern *type, bool is_import)
{
    sw_ent e;
    SW_TRY(sw_check_extern(c, s, type, &e));
    SW_TRY(sw_check_add_name(c, is_import ? &s->imports : &s->exports, name, e, is_import));
    SW_TRY(sw_check_visibility(c, s, e, is_import));
    return sw_check_push(c, s, e);
}

static sw_status check_decl(sw_checker *c, sw_cscope *s, const sw_ast_def *d)
{
    c->offset = d->offset;
    switch (d->kind) {
    case SW_AST_CORE_TYPE: {
        sw_core_typedef t;
        SW_TRY(sw_check_core_type(c, s, d->core_type, &t));
        return sw_avec_push(c->arena, &s->core_types, t) == SW_OK ? SW_OK : sw_check_no_memory(c);
    }
    case SW_AST_TYPE: {
        sw_ent e;
        SW_TRY(sw_check_type(c, s, d->type, &e));
        return sw_check_push(c, s, e);
    }
    case SW_AST_ALIAS: return check_type_alias(c, s, &d->alias);
    case SW_AST_IMPORT: return check_decl_import(c, s, &d->import->name, &d->import->type, true);
    default: return check_decl_import(c, s, &d->export->name, &d->export->type, false);
    }
}

static sw_status check_scope_type(sw_checker *c, sw_cscope *parent, const sw_ast_type *t,
                                  sw_ent *ret)
{
    sw_cscope *s = SW_NEW(c->arena, sw_cscope);
    if (s == NULL) {
        return sw_check_no_memory(c);
    }
    uint32_t offset = c->offset;
    s->parent = parent;
    s->kind = t->scope->kind;
    s->first_resource = c->resources.count;
    for (uint32_t i = 0; i < t->scope->defs_count; i++) {
        SW_TRY(check_decl(c, s, &t->scope->defs[i]));
    }
    c->offset = offset;
    if (s->kind == SW_SCOPE_INSTANCE_TYPE) {
        ret->kind = SW_ENT_TYPE_INSTANCE;
        return sw_check_close_instance(c, s, &ret->index);
    }
    ret->kind = SW_ENT_TYPE_COMPONENT;
    return sw_check_close_component(c, s, &ret->index);
}

static uint32_t depth_of(const sw_checker *c, const sw_cexterns *externs)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < externs->count; i++) {
        sw_ent e = externs->at[i].ent;
        if (e.kind == SW_ENT_INSTANCE || e.kind == SW_ENT_TYPE_INSTANCE) {
            depth = SW_MAX(depth, c->insts.at[e.index].depth);
        } else if (e.kind == SW_ENT_COMPONENT || e.kind == SW_ENT_TYPE_COMPONENT) {
            depth = SW_MAX(depth, c->comps.at[e.index].depth);
        }
    }
    return depth + 1;
}

static sw_status check_depth(sw_checker *c, uint32_t depth)
{
    return depth <= SW_MAX_TYPE_DEPTH
               ? SW_OK
               : sw_fail(c->diag, SW_LIMIT, c->offset,
                         "instances and components nest more than %d deep", SW_MAX_TYPE_DEPTH);
}

sw_status sw_check_add_inst(sw_checker *c, sw_cinst in, uint32_t *ret_inst)
{
    in.depth = depth_of(c, &in.exports);
    SW_TRY(check_depth(c, in.depth));
    SW_TRY(sw_check_work(c, in.exports.count));
    if (sw_avec_push(c->arena, &c->insts, in) != SW_OK) {
        return sw_check_no_memory(c);
    }
    *ret_inst = c->insts.count - 1;
    return SW_OK;
}

sw_status sw_check_add_comp(sw_checker *c, sw_ccomp comp, uint32_t *ret_comp)
{
    uint32_t imports = depth_of(c, &comp.imports), exports = depth_of(c, &comp.exports);
    comp.depth = SW_MAX(imports, exports);
    SW_TRY(check_depth(c, comp.depth));
    SW_TRY(sw_check_work(c, comp.imports.count + comp.exports.count));
    if (sw_avec_push(c->arena, &c->comps, comp) != SW_OK) {
        return sw_check_no_memory(c);
    }
    *ret_comp = c->comps.count - 1;
    return SW_OK;
}

static sw_cexterns externs_of(const sw_cside *side)
{
    return (sw_cexterns){side->items.at, side->items.count, side->names};
}

sw_status sw_check_close_instance(sw_checker *c, sw_cscope *s, uint32_t *ret_inst)
{
    sw_id_map known = {};
    sw_cinst in = {.exports = externs_of(&s->exports)};
    SW_TRY(sw_check_collect_bound(c, &in.exports, s->first_resource, &known, &in.bound));
    return sw_check_add_inst(c, in, ret_inst);
}

sw_status sw_check_close_component(sw_checker *c, sw_cscope *s, uint32_t *ret_comp)
{
    sw_id_map known = {};
    sw_ccomp comp = {.imports = externs_of(&s->imports), .exports = externs_of(&s->exports)};
    SW_TRY(
        sw_check_collect_bound(c, &comp.imports, s->first_resource, &known, &comp.bound_imports));
    SW_TRY(
        sw_check_collect_bound(c, &comp.exports, s->first_resource, &known, &comp.bound_exports));
    return sw_check_add_comp(c, comp, ret_comp);
}

sw_status sw_check_type(sw_checker *c, sw_cscope *s, const sw_ast_type *t, sw_ent *ret_ent)
{
    switch ((sw_ast_form)t->form) {
    case SW_FORM_VALUE: return check_value(c, s, t, ret_ent);
    case SW_FORM_FUNC: return check_func(c, s, t, ret_ent);
    case SW_FORM_RESOURCE: return check_resource(c, s, t, ret_ent);
    case SW_FORM_COMPONENT:
    case SW_FORM_INSTANCE: break;
    }
    return check_scope_type(c, s, t, ret_ent);
}

/* ---- Imports and exports --------------------------------------------------------------------- */

sw_status sw_check_copy_type(sw_checker *c, sw_ent type, sw_ent *ret_copy)
{
    *ret_copy = type;
    if (type.kind == SW_ENT_TYPE_RESOURCE) {
        return sw_check_new_rref(c, c->rrefs.at[type.index], &ret_copy->index);
    }
    if (type.kind == SW_ENT_TYPE_VALUE && !sw_vtype_is_prim(type.index)) {
        sw_type_def d = c->defs.at[type.index];
        return sw_check_add_def(c, &d, &ret_copy->index);
    }
    return SW_OK;
}

static sw_status open_instance(sw_checker *c, uint32_t inst, sw_ent *ret)
{
    sw_cinst in = c->insts.at[inst];
    *ret = (sw_ent){SW_ENT_INSTANCE, inst};
    if (in.bound.count == 0) {
        return SW_OK;
    }
    sw_subst subst = {};
    sw_cinst opened = {};
    SW_TRY(sw_subst_freshen(c, &subst, in.bound));
    SW_TRY(sw_subst_externs(c, &subst, &in.exports, &opened.exports));
    return sw_check_add_inst(c, opened, &ret->index);
}

sw_status sw_check_extern(sw_checker *c, sw_cscope *s, const sw_ast_extern *e, sw_ent *ret_ent)
{
    if (e->sort == SW_SORT_CORE_MODULE) {
        if (e->index >= s->core_types.count) {
            return sw_check_fail(c, "unknown core type %u: type index out of bounds", e->index);
        }
        if (s->core_types.at[e->index].func != NULL) {
            return sw_check_fail(c, "core type index %u is not a module type", e->index);
        }
        *ret_ent = (sw_ent){SW_ENT_MODULE, s->core_types.at[e->index].mod};
        return SW_OK;
    }
    if (e->sort == SW_SORT_TYPE && e->is_sub) {
        ret_ent->kind = SW_ENT_TYPE_RESOURCE;
        return sw_check_new_resource(c, NULL, &ret_ent->index);
    }
    if (e->index >= s->types.count) {
        return sw_check_fail(c, "unknown type %u: type index out of bounds", e->index);
    }
    sw_ent type = s->types.at[e->index];
    if (e->sort == SW_SORT_TYPE) {
        return sw_check_copy_type(c, type, ret_ent);
    }
    if (e->sort == SW_SORT_FUNC && type.kind == SW_ENT_TYPE_FUNC) {
        *ret_ent = (sw_ent){SW_ENT_FUNC, type.index};
        return SW_OK;
    }
    if (e->sort == SW_SORT_COMPONENT && type.kind == SW_ENT_TYPE_COMPONENT) {
        *ret_ent = (sw_ent){SW_ENT_COMPONENT, type.index};
        return SW_OK;
    }
    if (e->sort == SW_SORT_INSTANCE && type.kind == SW_ENT_TYPE_INSTANCE) {
        return open_instance(c, type.index, ret_ent);
    }
    return sw_check_fail(c, "type index %u is not a %s type", e->index,
                         sw_sort_text((sw_sort)e->sort));
}

/* ---- Bound and free resources ---------------------------------------------------------------- */

typedef SW_AVEC(uint32_t) uint_vec;

static sw_status collect(sw_checker *c, const sw_cexterns *externs, uint32_t first,
                         sw_id_map *known, uint_vec *out)
{
    SW_TRY(sw_check_work(c, externs->count));
    for (uint32_t i = 0; i < externs->count; i++) {
        sw_ent e = externs->at[i].ent;
        if (e.kind == SW_ENT_INSTANCE) {
            SW_TRY(collect(c, &c->insts.at[e.index].exports, first, known, out));
            continue;
        }
        if (e.kind != SW_ENT_TYPE_RESOURCE) {
            continue;
        }
        uint32_t resource = c->rrefs.at[e.index];
        if (resource < first || sw_id_map_find(known, resource) != NULL) {
            continue;
        }
        if (sw_id_map_set(c->arena, known, resource, 0) != SW_OK ||
            sw_avec_push(c->arena, out, resource) != SW_OK) {
            return sw_check_no_memory(c);
        }
    }
    return SW_OK;
}

sw_status sw_check_collect_bound(sw_checker *c, const sw_cexterns *externs, uint32_t first_resource,
                                 sw_id_map *known, sw_uint_list *ret_bound)
{
    uint_vec out = {};
    SW_TRY(collect(c, externs, first_resource, known, &out));
    *ret_bound = (sw_uint_list){out.at, out.count};
    return SW_OK;
}

typedef struct free_walk {
    sw_checker *c;
    sw_id_map bound; /* resources bound on the way, to how often */
    bool found;
} free_walk;

static sw_status walk_externs(free_walk *w, const sw_cexterns *externs);

static sw_status bind_all(free_walk *w, sw_uint_list list)
{
    for (uint32_t i = 0; i < list.count; i++) {
        if (sw_id_map_set(w->c->arena, &w->bound, list.at[i], 0) != SW_OK) {
            return sw_check_no_memory(w->c);
        }
    }
    return SW_OK;
}

static sw_status walk_value(free_walk *w, sw_vtype v)
{
    if (v == SW_VT_NONE || sw_vtype_is_prim(v) || !w->c->facts.at[v].has_resource || w->found) {
        return SW_OK;
    }
    SW_TRY(sw_check_work(w->c, 1));
    sw_type_def d = w->c->defs.at[v];
    if (d.kind == SW_CT_OWN || d.kind == SW_CT_BORROW) {
        w->found |= sw_id_map_find(&w->bound, w->c->rrefs.at[d.other]) == NULL;
        return SW_OK;
    }
    for (uint32_t i = 0; i < d.count; i++) {
        SW_TRY(walk_value(w, w->c->fields.at[d.first + i].type));
    }
    SW_TRY(walk_value(w, d.element));
    return d.kind == SW_CT_RESULT || d.kind == SW_CT_MAP ? walk_value(w, d.other) : SW_OK;
}

static sw_status walk_func(free_walk *w, uint32_t func)
{
    sw_cfunc_type f = w->c->funcs.at[func];
    for (uint32_t i = 0; i < f.params_count; i++) {
        SW_TRY(walk_value(w, w->c->fields.at[f.params_first + i].type));
    }
    return walk_value(w, f.result);
}

static sw_status walk_ent(free_walk *w, sw_ent e)
{
    SW_TRY(sw_check_work(w->c, 1));
    switch ((sw_ent_kind)e.kind) {
    case SW_ENT_FUNC:
    case SW_ENT_TYPE_FUNC: return walk_func(w, e.index);
    case SW_ENT_COMPONENT:
    case SW_ENT_TYPE_COMPONENT: {
        sw_ccomp comp = w->c->comps.at[e.index];
        SW_TRY(bind_all(w, comp.bound_imports));
        SW_TRY(bind_all(w, comp.bound_exports));
        SW_TRY(walk_externs(w, &comp.imports));
        return walk_externs(w, &comp.exports);
    }
    case SW_ENT_INSTANCE:
    case SW_ENT_TYPE_INSTANCE: {
        sw_cinst in = w->c->insts.at[e.index];
        SW_TRY(bind_all(w, in.bound));
        return walk_externs(w, &in.exports);
    }
    case SW_ENT_TYPE_VALUE: return walk_value(w, e.index);
    case SW_ENT_TYPE_RESOURCE:
        w->found |= sw_id_map_find(&w->bound, w->c->rrefs.at[e.index]) == NULL;
        return SW_OK;
    case SW_ENT_NONE:
    case SW_ENT_MODULE: break;
    }
    return SW_OK;
}

static sw_status walk_externs(free_walk *w, const sw_cexterns *externs)
{
    for (uint32_t i = 0; i < externs->count && !w->found; i++) {
        SW_TRY(walk_ent(w, externs->at[i].ent));
    }
    return SW_OK;
}

sw_status sw_check_has_free(sw_checker *c, sw_ent e, bool *ret_has_free)
{
    free_walk w = {.c = c};
    SW_TRY(walk_ent(&w, e));
    *ret_has_free = w.found;
    return SW_OK;
}
