/* Concrete types of a plan, each kept once, and the frames' component-level items. */
#include "component/planner.h"

#include <stdio.h>

enum { MAX_PLAN_WORK = 20000000 };

sw_status sw_plan_no_memory(sw_planner *p)
{
    return sw_fail(p->diag, SW_NO_MEMORY, p->offset, "out of memory while planning a component");
}

sw_status sw_plan_work(sw_planner *p, uint64_t steps)
{
    p->work += steps;
    return p->work <= MAX_PLAN_WORK
               ? SW_OK
               : sw_fail(p->diag, SW_LIMIT, p->offset, "component expands to too many definitions");
}

/* ---- Strings and shapes ---------------------------------------------------------------------- */

sw_status sw_plan_text(sw_planner *p, sw_str s, sw_text *ret_text)
{
    bool inserted;
    uint32_t at = p->strings.count;
    if (s.len == 0) {
        *ret_text = (sw_text){};
        return SW_OK;
    }
    if (sw_name_map_insert(p->scratch, &p->texts, s, at, &inserted) != SW_OK) {
        return sw_plan_no_memory(p);
    }
    if (!inserted) {
        at = *sw_name_map_find(&p->texts, s);
    }
    for (size_t i = 0; inserted && i < s.len; i++) {
        SW_PLAN_PUSH(p, &p->strings, s.ptr[i]);
    }
    *ret_text = (sw_text){at, (uint32_t)s.len};
    return SW_OK;
}

/* The words of a type and of its fields: types with equal words are one type. */
typedef SW_AVEC(uint32_t) shape;

static sw_status shape_of(sw_planner *p, const uint32_t head[4], const sw_type_field *fields,
                          uint32_t count, shape *ret)
{
    for (int i = 0; i < 4; i++) {
        SW_PLAN_PUSH(p, ret, head[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        SW_PLAN_PUSH(p, ret, fields[i].name.offset);
        SW_PLAN_PUSH(p, ret, fields[i].name.len);
        SW_PLAN_PUSH(p, ret, fields[i].type);
    }
    return SW_OK;
}

/* The index of a type seen before, or `next` for one that is not. */
static sw_status intern(sw_planner *p, const uint32_t head[4], const sw_type_field *fields,
                        uint32_t count, uint32_t *next, bool *ret_is_fresh)
{
    shape s = {};
    SW_TRY(sw_plan_work(p, count + 1));
    SW_TRY(shape_of(p, head, fields, count, &s));
    sw_str key = {(const char *)s.at, s.count * sizeof *s.at};
    if (sw_name_map_insert(p->scratch, &p->shapes, key, *next, ret_is_fresh) != SW_OK) {
        return sw_plan_no_memory(p);
    }
    if (!*ret_is_fresh) {
        *next = *sw_name_map_find(&p->shapes, key);
    }
    return SW_OK;
}

static sw_status add_fields(sw_planner *p, const sw_type_field *fields, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        SW_PLAN_PUSH(p, &p->fields, fields[i]);
    }
    return SW_OK;
}

static sw_status add_def(sw_planner *p, sw_type_def d, const sw_type_field *fields,
                         sw_vtype *ret_type)
{
    const uint32_t head[4] = {d.kind, d.count, d.element, d.other};
    bool is_fresh;
    uint32_t index = p->defs.count;
    SW_TRY(intern(p, head, fields, d.count, &index, &is_fresh));
    if (is_fresh) {
        d.first = p->fields.count;
        SW_TRY(add_fields(p, fields, d.count));
        SW_PLAN_PUSH(p, &p->defs, d);
    }
    *ret_type = index;
    return SW_OK;
}

static sw_status add_func_type(sw_planner *p, sw_cfunc_type t, const sw_type_field *fields,
                               uint32_t *ret_func)
{
    const uint32_t head[4] = {UINT32_MAX, t.params_count, t.result, t.is_async};
    bool is_fresh;
    uint32_t index = p->func_types.count;
    SW_TRY(intern(p, head, fields, t.params_count, &index, &is_fresh));
    if (is_fresh) {
        t.params_first = p->fields.count;
        SW_TRY(add_fields(p, fields, t.params_count));
        SW_PLAN_PUSH(p, &p->func_types, t);
    }
    *ret_func = index;
    return SW_OK;
}

/* ---- Types in a frame ------------------------------------------------------------------------ */

static sw_vtype value_in(const sw_frame *f, uint32_t ast_type)
{
    if (ast_type == SW_VT_NONE || (ast_type & SW_VT_PRIM) != 0) {
        return ast_type;
    }
    assert(f->types.at[ast_type].kind == SW_PITEM_VALUE);
    return f->types.at[ast_type].index;
}

static sw_status fields_in(sw_planner *p, const sw_frame *f, const sw_ast_type *t,
                           sw_type_field **ret_fields)
{
    sw_type_field *fields = SW_NEW_ARRAY(p->scratch, sw_type_field, t->fields_count);
    if (fields == NULL) {
        return sw_plan_no_memory(p);
    }
    for (uint32_t i = 0; i < t->fields_count; i++) {
        SW_TRY(sw_plan_text(p, t->fields[i].name, &fields[i].name));
        fields[i].type = value_in(f, t->fields[i].type);
    }
    *ret_fields = fields;
    return SW_OK;
}

static sw_status plan_value(sw_planner *p, const sw_frame *f, const sw_ast_type *t, sw_pitem *ret)
{
    sw_type_field *fields;
    ret->kind = SW_PITEM_VALUE;
    if (t->kind < SW_CT_RECORD) {
        ret->index = sw_vtype_prim((sw_ctype_kind)t->kind);
        return SW_OK;
    }
    sw_type_def d = {.kind = t->kind,
                     .count = t->fields_count,
                     .element = value_in(f, t->element),
                     .other = t->other};
    if (t->kind == SW_CT_OWN || t->kind == SW_CT_BORROW) {
        d.other = f->types.at[t->other].index;
    } else if (t->kind == SW_CT_RESULT || t->kind == SW_CT_MAP) {
        d.other = value_in(f, t->other);
    }
    SW_TRY(fields_in(p, f, t, &fields));
    return add_def(p, d, fields, &ret->index);
}

static sw_status plan_func(sw_planner *p, const sw_frame *f, const sw_ast_type *t, sw_pitem *ret)
{
    sw_type_field *fields;
    sw_cfunc_type func = {.params_count = t->fields_count, .result = value_in(f, t->element)};
    ret->kind = SW_PITEM_FUNC_TYPE;
    SW_TRY(fields_in(p, f, t, &fields));
    return add_func_type(p, func, fields, &ret->index);
}

static sw_status plan_resource(sw_planner *p, const sw_frame *f, const sw_ast_type *t,
                               sw_pitem *ret)
{
    sw_resource_plan r = {.import_resource = SW_PLAN_NONE, .instance = f->instance};
    if (t->other != SW_NO_INDEX) {
        r.destructor = f->core_items[SW_SORT_CORE_FUNC].at[t->other];
    }
    *ret = (sw_pitem){SW_PITEM_RESOURCE, p->resources.count};
    SW_PLAN_PUSH(p, &p->resources, r);
    SW_PLAN_PUSH(p, &p->steps, (sw_step){SW_STEP_RESOURCE, ret->index});
    return SW_OK;
}

sw_status sw_plan_type(sw_planner *p, sw_frame *f, const sw_ast_type *t, sw_pitem *ret_item)
{
    switch ((sw_ast_form)t->form) {
    case SW_FORM_VALUE: return plan_value(p, f, t, ret_item);
    case SW_FORM_FUNC: return plan_func(p, f, t, ret_item);
    case SW_FORM_RESOURCE: return plan_resource(p, f, t, ret_item);
    case SW_FORM_COMPONENT:
    case SW_FORM_INSTANCE: break;
    }
    *ret_item = (sw_pitem){SW_PITEM_SCOPE, p->closures.count};
    SW_PLAN_PUSH(p, &p->closures, (sw_closure){t->scope, f});
    return SW_OK;
}

/* ---- Items ----------------------------------------------------------------------------------- */

sw_status sw_plan_push(sw_planner *p, sw_frame *f, sw_pitem item)
{
    switch ((sw_pitem_kind)item.kind) {
    case SW_PITEM_FUNC: SW_PLAN_PUSH(p, &f->funcs, item.index); break;
    case SW_PITEM_INSTANCE: SW_PLAN_PUSH(p, &f->instances, item.index); break;
    case SW_PITEM_COMPONENT: SW_PLAN_PUSH(p, &f->components, item.index); break;
    case SW_PITEM_MODULE: SW_PLAN_PUSH(p, &f->modules, item.index); break;
    case SW_PITEM_VALUE:
    case SW_PITEM_FUNC_TYPE:
    case SW_PITEM_RESOURCE:
    case SW_PITEM_SCOPE: SW_PLAN_PUSH(p, &f->types, item); break;
    }
    return SW_OK;
}

sw_pitem sw_plan_export(const sw_planner *p, uint32_t inst, sw_str name)
{
    const sw_pinst *in = &p->insts.at[inst];
    const uint32_t *at = sw_name_map_find(&in->names, name);
    SW_CHECK(at != NULL);
    return in->items[*at].item;
}

sw_status sw_plan_new_inst(sw_planner *p, const sw_pnamed *items, uint32_t count,
                           uint32_t *ret_inst)
{
    sw_pinst in = {.items = items, .count = count};
    bool inserted;
    SW_TRY(sw_plan_work(p, count));
    for (uint32_t i = 0; i < count; i++) {
        if (sw_name_map_insert(p->scratch, &in.names, items[i].name, i, &inserted) != SW_OK) {
            return sw_plan_no_memory(p);
        }
    }
    *ret_inst = p->insts.count;
    SW_PLAN_PUSH(p, &p->insts, in);
    return SW_OK;
}

static sw_pitem outer_item(const sw_frame *f, const sw_ast_alias *a)
{
    switch (a->sort) {
    case SW_SORT_CORE_MODULE: return (sw_pitem){SW_PITEM_MODULE, f->modules.at[a->index]};
    case SW_SORT_COMPONENT: return (sw_pitem){SW_PITEM_COMPONENT, f->components.at[a->index]};
    default: return f->types.at[a->index];
    }
}

sw_status sw_plan_alias(sw_planner *p, sw_frame *f, const sw_ast_alias *a)
{
    if (a->kind == SW_ALIAS_EXPORT) {
        return sw_plan_push(p, f, sw_plan_export(p, f->instances.at[a->index], a->name));
    }
    const sw_frame *from = f;
    for (uint32_t i = 0; i < a->outer; i++) {
        from = from->parent;
    }
    if (a->sort == SW_SORT_CORE_TYPE) {
        f->core_types++;
        return SW_OK;
    }
    return sw_plan_push(p, f, outer_item(from, a));
}
