/*
 * Equality and subtyping.
 *
 * Value and function types must be equal; modules, instances and components may offer more and
 * ask for less. Resources that a type binds are compared by binding them to what stands in their
 * place on the other side.
 */
#include "component/check.h"

/* ---- Bindings -------------------------------------------------------------------------------- */

uint32_t sw_check_resolve(const sw_checker *c, uint32_t resource)
{
    while (c->binding.at[resource] < SW_BINDING_OPEN) {
        resource = c->binding.at[resource];
    }
    return resource;
}

sw_status sw_check_open(sw_checker *c, uint32_t resource)
{
    if (c->binding.at[resource] != SW_BINDING_RIGID) {
        return SW_OK;
    }
    c->binding.at[resource] = SW_BINDING_OPEN;
    return sw_avec_push(c->arena, &c->opened, resource) == SW_OK ? SW_OK : sw_check_no_memory(c);
}

static sw_status open_all(sw_checker *c, sw_uint_list list)
{
    for (uint32_t i = 0; i < list.count; i++) {
        SW_TRY(sw_check_open(c, list.at[i]));
    }
    return SW_OK;
}

void sw_check_close(sw_checker *c, uint32_t mark)
{
    while (c->opened.count > mark) {
        c->binding.at[c->opened.at[--c->opened.count]] = SW_BINDING_RIGID;
    }
}

/* ---- Values and functions -------------------------------------------------------------------- */

static bool equal_fields(sw_checker *c, const sw_type_def *a, const sw_type_def *b)
{
    sw_types t = sw_checker_types(c);
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const sw_type_field *fa = &t.fields[a->first + i], *fb = &t.fields[b->first + i];
        if (!sw_str_eq(sw_types_str(&t, fa->name), sw_types_str(&t, fb->name)) ||
            !sw_check_equal_values(c, fa->type, fb->type)) {
            return false;
        }
    }
    return true;
}

bool sw_check_equal_values(sw_checker *c, sw_vtype a, sw_vtype b)
{
    if (a == b) {
        return true;
    }
    c->work++;
    if (a == SW_VT_NONE || b == SW_VT_NONE || sw_vtype_is_prim(a) || sw_vtype_is_prim(b)) {
        return false;
    }
    const sw_type_def *da = &c->defs.at[a], *db = &c->defs.at[b];
    if (da->kind != db->kind) {
        return false;
    }
    if (da->kind == SW_CT_OWN || da->kind == SW_CT_BORROW) {
        return sw_check_resolve(c, c->rrefs.at[da->other]) ==
               sw_check_resolve(c, c->rrefs.at[db->other]);
    }
    bool others = da->kind == SW_CT_RESULT || da->kind == SW_CT_MAP
                      ? sw_check_equal_values(c, da->other, db->other)
                      : da->other == db->other;
    return others && equal_fields(c, da, db) && sw_check_equal_values(c, da->element, db->element);
}

static sw_status equal_funcs(sw_checker *c, uint32_t a, uint32_t b)
{
    const sw_cfunc_type *fa = &c->funcs.at[a], *fb = &c->funcs.at[b];
    sw_types t = sw_checker_types(c);
    if (a == b) {
        return SW_OK;
    }
    if (fa->params_count != fb->params_count) {
        return sw_check_fail(c, "expected %u parameters, found %u", fb->params_count,
                             fa->params_count);
    }
    for (uint32_t i = 0; i < fa->params_count; i++) {
        const sw_type_field *pa = &t.fields[fa->params_first + i];
        const sw_type_field *pb = &t.fields[fb->params_first + i];
        sw_str na = sw_types_str(&t, pa->name), nb = sw_types_str(&t, pb->name);
        if (!sw_str_eq(na, nb)) {
            return sw_check_fail(c, "expected parameter named `%.*s`, found `%.*s`", SW_STR_ARG(nb),
                                 SW_STR_ARG(na));
        }
        if (!sw_check_equal_values(c, pa->type, pb->type)) {
            return sw_check_fail(c, "type mismatch in function parameter `%.*s`", SW_STR_ARG(na));
        }
    }
    if (!sw_check_equal_values(c, fa->result, fb->result) || fa->is_async != fb->is_async) {
        return sw_check_fail(c, "type mismatch with result type");
    }
    return sw_check_work(c, fa->params_count + 1);
}

/* ---- Instances and components ---------------------------------------------------------------- */

static const sw_cextern *find_extern(const sw_cexterns *externs, sw_str name)
{
    const uint32_t *at = sw_name_map_find(&externs->names, name);
    return at == NULL ? NULL : &externs->at[*at];
}

/* Every extern of `wanted` must be offered. kind: "export" or "import". */
static sw_status all_offered(sw_checker *c, const sw_cexterns *offered, const sw_cexterns *wanted,
                             const char *kind)
{
    for (uint32_t i = 0; i < wanted->count; i++) {
        const sw_cextern *w = &wanted->at[i];
        const sw_cextern *o = find_extern(offered, w->name);
        if (o == NULL) {
            return sw_check_fail(c, "missing expected %s `%.*s`", kind, SW_STR_ARG(w->name));
        }
        sw_status st = sw_check_subtype(c, o->ent, w->ent);
        if (st != SW_OK) {
            return sw_fail_context(c->diag, st, "type mismatch in instance export `%.*s`",
                                   SW_STR_ARG(w->name));
        }
    }
    return SW_OK;
}

static sw_status component_subtype(sw_checker *c, uint32_t sub, uint32_t super)
{
    if (sub == super) {
        return SW_OK;
    }
    uint32_t mark = sw_check_mark(c);
    sw_ccomp a = c->comps.at[sub], b = c->comps.at[super];
    SW_TRY(open_all(c, a.bound_imports));
    SW_TRY(all_offered(c, &b.imports, &a.imports, "import"));
    SW_TRY(open_all(c, b.bound_exports));
    SW_TRY(all_offered(c, &a.exports, &b.exports, "export"));
    sw_check_close(c, mark);
    return SW_OK;
}

static sw_status instance_type_subtype(sw_checker *c, uint32_t sub, uint32_t super)
{
    uint32_t mark = sw_check_mark(c);
    sw_cinst a = c->insts.at[sub], b = c->insts.at[super];
    SW_TRY(open_all(c, b.bound));
    SW_TRY(all_offered(c, &a.exports, &b.exports, "export"));
    sw_check_close(c, mark);
    return SW_OK;
}

/* An open resource of the expected side is bound to what is offered at its first meeting. */
static sw_status resource_subtype(sw_checker *c, uint32_t sub, uint32_t super)
{
    uint32_t rs = sw_check_resolve(c, c->rrefs.at[sub]);
    uint32_t rw = sw_check_resolve(c, c->rrefs.at[super]);
    if (rs == rw) {
        return SW_OK;
    }
    if (c->binding.at[rw] != SW_BINDING_OPEN) {
        return sw_check_fail(c, "resource types are not the same");
    }
    c->binding.at[rw] = rs;
    return SW_OK;
}

static sw_status type_subtype(sw_checker *c, sw_ent sub, sw_ent super)
{
    switch (sub.kind) {
    case SW_ENT_TYPE_FUNC: return equal_funcs(c, sub.index, super.index);
    case SW_ENT_TYPE_RESOURCE: return resource_subtype(c, sub.index, super.index);
    case SW_ENT_TYPE_COMPONENT:
        SW_TRY(component_subtype(c, sub.index, super.index));
        return component_subtype(c, super.index, sub.index);
    case SW_ENT_TYPE_INSTANCE:
        SW_TRY(instance_type_subtype(c, sub.index, super.index));
        return instance_type_subtype(c, super.index, sub.index);
    default: break;
    }
    if (!sw_check_equal_values(c, sub.index, super.index)) {
        char a[96], b[96];
        sw_types t = sw_checker_types(c);
        return sw_check_fail(c, "type mismatch: expected %s, found %s",
                             sw_vtype_text(&t, super.index, b, sizeof b),
                             sw_vtype_text(&t, sub.index, a, sizeof a));
    }
    return SW_OK;
}

sw_status sw_check_subtype(sw_checker *c, sw_ent sub, sw_ent super)
{
    SW_TRY(sw_check_work(c, 1));
    if (sub.kind != super.kind) {
        return sw_check_fail(c, "expected %s, found %s", sw_ent_text((sw_ent_kind)super.kind),
                             sw_ent_text((sw_ent_kind)sub.kind));
    }
    switch (sub.kind) {
    case SW_ENT_MODULE: return sw_check_module_subtype(c, sub.index, super.index);
    case SW_ENT_FUNC: return equal_funcs(c, sub.index, super.index);
    case SW_ENT_COMPONENT: return component_subtype(c, sub.index, super.index);
    case SW_ENT_INSTANCE:
        return all_offered(c, &c->insts.at[sub.index].exports, &c->insts.at[super.index].exports,
                           "export");
    default: return type_subtype(c, sub, super);
    }
}
