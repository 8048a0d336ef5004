/*
 * Substitution: an entity with other resources in the place of some.
 *
 * Every type is rewritten at most once a substitution and parts that do not change are shared, so
 * the cost is bounded by the number of distinct types that the entity reaches.
 */
#include "component/check.h"

static sw_status remember(sw_checker *c, sw_subst *s, sw_ent_kind kind, uint32_t from, uint32_t to)
{
    sw_status st = sw_id_map_set(c->arena, &s->types, sw_subst_key(kind, from), to);
    return st == SW_OK ? SW_OK : sw_check_no_memory(c);
}

sw_status sw_subst_freshen(sw_checker *c, sw_subst *s, sw_uint_list bound)
{
    for (uint32_t i = 0; i < bound.count; i++) {
        uint32_t rref;
        SW_TRY(sw_check_new_resource(c, NULL, &rref));
        if (sw_id_map_set(c->arena, &s->resources, bound.at[i], c->rrefs.at[rref]) != SW_OK) {
            return sw_check_no_memory(c);
        }
    }
    return SW_OK;
}

static sw_status subst_rref(sw_checker *c, sw_subst *s, uint32_t rref, uint32_t *ret_rref)
{
    const uint32_t *known = sw_id_map_find(&s->types, sw_subst_key(SW_ENT_TYPE_RESOURCE, rref));
    if (known != NULL) {
        *ret_rref = *known;
        return SW_OK;
    }
    const uint32_t *to = sw_id_map_find(&s->resources, c->rrefs.at[rref]);
    *ret_rref = rref;
    if (to != NULL) {
        SW_TRY(sw_check_new_rref(c, *to, ret_rref));
    }
    return remember(c, s, SW_ENT_TYPE_RESOURCE, rref, *ret_rref);
}

static sw_status subst_value(sw_checker *c, sw_subst *s, sw_vtype v, sw_vtype *ret);

/* Fields are copied only when one of them changes. */
static sw_status subst_fields(sw_checker *c, sw_subst *s, uint32_t *first, uint32_t count,
                              bool *changed)
{
    bool any = false;
    sw_vtype *types = SW_NEW_ARRAY(c->arena, sw_vtype, count);
    if (types == NULL) {
        return sw_check_no_memory(c);
    }
    for (uint32_t i = 0; i < count; i++) {
        sw_vtype old = c->fields.at[*first + i].type;
        SW_TRY(subst_value(c, s, old, &types[i]));
        any |= types[i] != old;
    }
    if (!any) {
        return SW_OK;
    }
    uint32_t copy = c->fields.count;
    for (uint32_t i = 0; i < count; i++) {
        sw_type_field f = {c->fields.at[*first + i].name, types[i]};
        if (sw_avec_push(c->arena, &c->fields, f) != SW_OK) {
            return sw_check_no_memory(c);
        }
    }
    *first = copy;
    *changed = true;
    return SW_OK;
}

static sw_status subst_def(sw_checker *c, sw_subst *s, sw_vtype v, sw_vtype *ret)
{
    sw_type_def d = c->defs.at[v];
    bool changed = false;
    if (d.kind == SW_CT_OWN || d.kind == SW_CT_BORROW) {
        SW_TRY(subst_rref(c, s, d.other, &d.other));
        changed = d.other != c->defs.at[v].other;
    } else {
        SW_TRY(subst_fields(c, s, &d.first, d.count, &changed));
        SW_TRY(subst_value(c, s, d.element, &d.element));
        if (d.kind == SW_CT_RESULT || d.kind == SW_CT_MAP) {
            SW_TRY(subst_value(c, s, d.other, &d.other));
        }
        changed |= d.element != c->defs.at[v].element || d.other != c->defs.at[v].other;
    }
    *ret = v;
    return changed ? sw_check_add_def(c, &d, ret) : SW_OK;
}

static sw_status subst_value(sw_checker *c, sw_subst *s, sw_vtype v, sw_vtype *ret)
{
    if (v == SW_VT_NONE || sw_vtype_is_prim(v)) {
        *ret = v;
        return SW_OK;
    }
    const uint32_t *known = sw_id_map_find(&s->types, sw_subst_key(SW_ENT_TYPE_VALUE, v));
    if (known != NULL) {
        *ret = *known;
        return SW_OK;
    }
    SW_TRY(sw_check_work(c, 1));
    SW_TRY(subst_def(c, s, v, ret));
    return remember(c, s, SW_ENT_TYPE_VALUE, v, *ret);
}

static sw_status subst_func(sw_checker *c, sw_subst *s, uint32_t func, uint32_t *ret)
{
    sw_cfunc_type f = c->funcs.at[func];
    bool changed = false;
    SW_TRY(subst_fields(c, s, &f.params_first, f.params_count, &changed));
    SW_TRY(subst_value(c, s, f.result, &f.result));
    *ret = func;
    if (!changed && f.result == c->funcs.at[func].result) {
        return SW_OK;
    }
    if (sw_avec_push(c->arena, &c->funcs, f) != SW_OK) {
        return sw_check_no_memory(c);
    }
    *ret = c->funcs.count - 1;
    return SW_OK;
}

sw_status sw_subst_externs(sw_checker *c, sw_subst *s, const sw_cexterns *externs,
                           sw_cexterns *ret_externs)
{
    sw_cextern *copy = SW_NEW_ARRAY(c->arena, sw_cextern, externs->count);
    if (copy == NULL) {
        return sw_check_no_memory(c);
    }
    bool changed = false;
    for (uint32_t i = 0; i < externs->count; i++) {
        copy[i].name = externs->at[i].name;
        SW_TRY(sw_subst_ent(c, s, externs->at[i].ent, &copy[i].ent));
        changed |= copy[i].ent.index != externs->at[i].ent.index;
    }
    *ret_externs = *externs;
    if (changed) {
        ret_externs->at = copy;
    }
    return SW_OK;
}

static sw_status subst_inst(sw_checker *c, sw_subst *s, uint32_t inst, uint32_t *ret)
{
    sw_cinst in = c->insts.at[inst];
    const sw_cextern *old = in.exports.at;
    SW_TRY(sw_subst_externs(c, s, &in.exports, &in.exports));
    *ret = inst;
    if (in.exports.at == old) {
        return SW_OK;
    }
    return sw_check_add_inst(c, in, ret);
}

static sw_status subst_comp(sw_checker *c, sw_subst *s, uint32_t comp, uint32_t *ret)
{
    sw_ccomp co = c->comps.at[comp];
    const sw_cextern *imports = co.imports.at, *exports = co.exports.at;
    SW_TRY(sw_subst_externs(c, s, &co.imports, &co.imports));
    SW_TRY(sw_subst_externs(c, s, &co.exports, &co.exports));
    *ret = comp;
    if (co.imports.at == imports && co.exports.at == exports) {
        return SW_OK;
    }
    return sw_check_add_comp(c, co, ret);
}

/* Instances and components are remembered too: a type may be reached on many paths. */
static sw_status subst_scope(sw_checker *c, sw_subst *s, sw_ent e, sw_ent *ret)
{
    bool is_inst = e.kind == SW_ENT_INSTANCE || e.kind == SW_ENT_TYPE_INSTANCE;
    sw_ent_kind kind = is_inst ? SW_ENT_TYPE_INSTANCE : SW_ENT_TYPE_COMPONENT;
    const uint32_t *known = sw_id_map_find(&s->types, sw_subst_key(kind, e.index));
    if (known != NULL) {
        ret->index = *known;
        return SW_OK;
    }
    SW_TRY(is_inst ? subst_inst(c, s, e.index, &ret->index)
                   : subst_comp(c, s, e.index, &ret->index));
    return remember(c, s, kind, e.index, ret->index);
}

sw_status sw_subst_ent(sw_checker *c, sw_subst *s, sw_ent e, sw_ent *ret_ent)
{
    SW_TRY(sw_check_work(c, 1));
    *ret_ent = e;
    switch ((sw_ent_kind)e.kind) {
    case SW_ENT_FUNC:
    case SW_ENT_TYPE_FUNC: return subst_func(c, s, e.index, &ret_ent->index);
    case SW_ENT_TYPE_VALUE: return subst_value(c, s, e.index, &ret_ent->index);
    case SW_ENT_TYPE_RESOURCE: return subst_rref(c, s, e.index, &ret_ent->index);
    case SW_ENT_COMPONENT:
    case SW_ENT_TYPE_COMPONENT:
    case SW_ENT_INSTANCE:
    case SW_ENT_TYPE_INSTANCE: return subst_scope(c, s, e, ret_ent);
    case SW_ENT_NONE:
    case SW_ENT_MODULE: break;
    }
    return SW_OK;
}
