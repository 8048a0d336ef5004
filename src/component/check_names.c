/* Names of imports and exports: agreement with their types, uniqueness, external visibility. */
#include "component/check.h"

/* ---- Annotated names ------------------------------------------------------------------------- */

static sw_status resource_is_named(sw_checker *c, const sw_cside *side, uint32_t rref, sw_str name)
{
    const uint32_t *known = sw_name_map_find(&side->resources, name);
    if (known != NULL && *known == rref) {
        return SW_OK;
    }
    for (uint32_t i = 0; i < side->resources.slots_count; i++) {
        const sw_name_slot *s = &side->resources.slots[i];
        if (s->key.ptr != NULL && s->value == rref) {
            return sw_check_fail(c, "function does not match expected resource name `%.*s`",
                                 SW_STR_ARG(s->key));
        }
    }
    return sw_check_fail(c, "resource used in function does not have a name in this context");
}

/* The resource reference of an own or borrow type, or UINT32_MAX. */
static uint32_t handle_rref(const sw_checker *c, sw_vtype v, sw_ctype_kind kind)
{
    bool fits = v != SW_VT_NONE && !sw_vtype_is_prim(v) && c->defs.at[v].kind == kind;
    return fits ? c->defs.at[v].other : UINT32_MAX;
}

static sw_status constructor_fits(sw_checker *c, const sw_cside *side, const sw_extern_name *n,
                                  const sw_cfunc_type *f)
{
    if (f->result == SW_VT_NONE) {
        return sw_check_fail(c, "function should return one value");
    }
    sw_vtype result = f->result;
    if (!sw_vtype_is_prim(result) && c->defs.at[result].kind == SW_CT_RESULT) {
        result = c->defs.at[result].element;
    }
    uint32_t rref = handle_rref(c, result, SW_CT_OWN);
    if (rref == UINT32_MAX) {
        return sw_check_fail(c, "function should return `(own $T)` or `(result (own $T))`");
    }
    return resource_is_named(c, side, rref, n->resource);
}

static sw_status method_fits(sw_checker *c, const sw_cside *side, const sw_extern_name *n,
                             const sw_cfunc_type *f)
{
    if (f->params_count == 0) {
        return sw_check_fail(c, "function should have at least one argument");
    }
    sw_types t = sw_checker_types(c);
    const sw_type_field *self = &t.fields[f->params_first];
    if (!sw_str_eq(sw_types_str(&t, self->name), SW_STR("self"))) {
        return sw_check_fail(c, "function should have a first argument called `self`");
    }
    uint32_t rref = handle_rref(c, self->type, SW_CT_BORROW);
    if (rref == UINT32_MAX) {
        return sw_check_fail(c, "function should take a first argument of `(borrow $T)`");
    }
    return resource_is_named(c, side, rref, n->resource);
}

static sw_status annotation_fits(sw_checker *c, const sw_cside *side, const sw_extern_name *n,
                                 sw_ent e)
{
    if (n->form != SW_NAME_CONSTRUCTOR && n->form != SW_NAME_METHOD && n->form != SW_NAME_STATIC) {
        return SW_OK;
    }
    if (e.kind != SW_ENT_FUNC) {
        return sw_check_fail(c, "item is not a func");
    }
    sw_cfunc_type f = c->funcs.at[e.index];
    if (n->form == SW_NAME_CONSTRUCTOR) {
        return constructor_fits(c, side, n, &f);
    }
    if (n->form == SW_NAME_METHOD) {
        return method_fits(c, side, n, &f);
    }
    if (sw_name_map_find(&side->resources, n->resource) == NULL) {
        return sw_check_fail(c, "static resource name is not known in this context");
    }
    return SW_OK;
}

/* ---- Adding ---------------------------------------------------------------------------------- */

static sw_status implements_fits(sw_checker *c, const sw_ast_name *name, const sw_extern_name *n,
                                 sw_ent e)
{
    if (name->implements.ptr == NULL) {
        return SW_OK;
    }
    sw_extern_name interface;
    if (e.kind != SW_ENT_INSTANCE) {
        return sw_check_fail(c, "only instances can have an `implements`");
    }
    if (n->form != SW_NAME_LABEL) {
        return sw_check_fail(c, "name `%.*s` is not valid with `implements`", SW_STR_ARG(n->text));
    }
    if (sw_extern_name_parse(name->implements, c->offset, c->diag, &interface) != SW_OK) {
        return sw_fail_context(c->diag, SW_INVALID, "`implements` is not a valid name");
    }
    if (interface.form != SW_NAME_INTERFACE) {
        return sw_check_fail(c, "`implements` must be an interface");
    }
    return SW_OK;
}

static sw_status add_unique(sw_checker *c, sw_cside *side, const sw_extern_name *n, bool is_import)
{
    sw_str key = sw_extern_name_key(c->arena, n);
    bool inserted;
    uint32_t at = side->items.count;
    if (key.ptr == NULL || sw_name_map_insert(c->arena, &side->keys, key, at, &inserted) != SW_OK) {
        return sw_check_no_memory(c);
    }
    if (!inserted) {
        uint32_t previous = *sw_name_map_find(&side->keys, key);
        return sw_check_fail(c, "%s name `%.*s` conflicts with previous name `%.*s`",
                             is_import ? "import" : "export", SW_STR_ARG(n->text),
                             SW_STR_ARG(side->items.at[previous].name));
    }
    return sw_name_map_insert(c->arena, &side->names, n->text, at, &inserted) == SW_OK
               ? SW_OK
               : sw_check_no_memory(c);
}

sw_status sw_check_add_name(sw_checker *c, sw_cside *side, const sw_ast_name *name, sw_ent ent,
                            bool is_import)
{
    sw_extern_name n;
    bool inserted;
    SW_TRY(sw_extern_name_parse(name->text, c->offset, c->diag, &n));
    if (name->version_suffix.ptr != NULL) {
        return sw_fail(c->diag, SW_UNSUPPORTED, c->offset,
                       "canonical interface names are not supported yet: `%.*s`",
                       SW_STR_ARG(name->text));
    }
    SW_TRY(annotation_fits(c, side, &n, ent));
    SW_TRY(implements_fits(c, name, &n, ent));
    SW_TRY(add_unique(c, side, &n, is_import));
    if (ent.kind == SW_ENT_TYPE_RESOURCE &&
        sw_name_map_insert(c->arena, &side->resources, n.text, ent.index, &inserted) != SW_OK) {
        return sw_check_no_memory(c);
    }
    return sw_avec_push(c->arena, &side->items, (sw_cextern){name->text, ent}) == SW_OK
               ? SW_OK
               : sw_check_no_memory(c);
}

/* ---- External visibility --------------------------------------------------------------------- */

typedef struct visibility {
    sw_checker *c;
    sw_cscope *scope;
    bool is_import;
} visibility;

static bool is_visible(const visibility *v, sw_ent_kind kind, uint32_t index)
{
    const sw_id_map *set = v->is_import ? &v->scope->imports.visible : &v->scope->exports.visible;
    return sw_id_map_find(set, sw_subst_key(kind, index)) != NULL;
}

static bool parts_are_visible(const visibility *v, sw_vtype t);

static bool value_is_visible(const visibility *v, sw_vtype t)
{
    if (t == SW_VT_NONE || sw_vtype_is_prim(t)) {
        return true;
    }
    v->c->work++;
    switch (v->c->defs.at[t].kind) {
    case SW_CT_RECORD:
    case SW_CT_VARIANT:
    case SW_CT_FLAGS:
    case SW_CT_ENUM: return is_visible(v, SW_ENT_TYPE_VALUE, t);
    default: return parts_are_visible(v, t);
    }
}

/* What the type is made of, one level down. */
static bool parts_are_visible(const visibility *v, sw_vtype t)
{
    const sw_type_def *d = &v->c->defs.at[t];
    if (d->kind == SW_CT_OWN || d->kind == SW_CT_BORROW) {
        return is_visible(v, SW_ENT_TYPE_RESOURCE, d->other);
    }
    for (uint32_t i = 0; i < d->count; i++) {
        if (!value_is_visible(v, v->c->fields.at[d->first + i].type)) {
            return false;
        }
    }
    bool others = d->kind == SW_CT_RESULT || d->kind == SW_CT_MAP;
    return value_is_visible(v, d->element) && (!others || value_is_visible(v, d->other));
}

static bool func_is_visible(const visibility *v, uint32_t func)
{
    const sw_cfunc_type *f = &v->c->funcs.at[func];
    for (uint32_t i = 0; i < f->params_count; i++) {
        if (!value_is_visible(v, v->c->fields.at[f->params_first + i].type)) {
            return false;
        }
    }
    return value_is_visible(v, f->result);
}

static bool type_is_visible(const visibility *v, sw_ent e)
{
    switch (e.kind) {
    case SW_ENT_FUNC:
    case SW_ENT_TYPE_FUNC: return func_is_visible(v, e.index);
    case SW_ENT_TYPE_VALUE: return sw_vtype_is_prim(e.index) || parts_are_visible(v, e.index);
    case SW_ENT_INSTANCE:
    case SW_ENT_TYPE_INSTANCE: {
        const sw_cexterns *x = &v->c->insts.at[e.index].exports;
        for (uint32_t i = 0; i < x->count; i++) {
            if (!type_is_visible(v, x->at[i].ent)) {
                return false;
            }
        }
        return true;
    }
    default: return true;
    }
}

static sw_status make_visible(visibility *v, sw_ent e)
{
    uint64_t key = sw_subst_key((sw_ent_kind)e.kind, e.index);
    sw_status st = sw_id_map_set(v->c->arena, &v->scope->exports.visible, key, 0);
    if (st == SW_OK && v->is_import) {
        st = sw_id_map_set(v->c->arena, &v->scope->imports.visible, key, 0);
    }
    return st == SW_OK ? SW_OK : sw_check_no_memory(v->c);
}

static sw_status check_ent(visibility *v, sw_ent e, bool *ret_is_visible)
{
    SW_TRY(sw_check_work(v->c, 1));
    *ret_is_visible = true;
    if (e.kind == SW_ENT_INSTANCE) {
        sw_cexterns x = v->c->insts.at[e.index].exports;
        for (uint32_t i = 0; i < x.count && *ret_is_visible; i++) {
            SW_TRY(check_ent(v, x.at[i].ent, ret_is_visible));
        }
        return SW_OK;
    }
    *ret_is_visible = type_is_visible(v, e);
    bool is_type = e.kind >= SW_ENT_TYPE_VALUE;
    return *ret_is_visible && is_type ? make_visible(v, e) : SW_OK;
}

sw_status sw_check_visibility(sw_checker *c, sw_cscope *s, sw_ent ent, bool is_import)
{
    visibility v = {c, s, is_import};
    bool is_good = true;
    if (s->kind == SW_SCOPE_INSTANCE_TYPE) {
        return SW_OK;
    }
    SW_TRY(check_ent(&v, ent, &is_good));
    if (!is_good) {
        return sw_check_fail(c, "%s not valid to be used as %s", sw_ent_text((sw_ent_kind)ent.kind),
                             is_import ? "import" : "export");
    }
    return SW_OK;
}
