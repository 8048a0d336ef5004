/*
 * What holds for every plan: all indices are in range, definitions come before their uses, and a
 * plan is the same after it was written and mapped back. For tests and the fuzz target.
 */
#pragma once

#include "component/component.h"

#include <stdio.h>

#define HOLDS(e)                                                    \
    do {                                                            \
        if (!(e)) {                                                 \
            (void)fprintf(stderr, "plan: does not hold: %s\n", #e); \
            return false;                                           \
        }                                                           \
    } while (0)

static bool type_in_range(const sw_types *t, sw_vtype v, uint32_t limit)
{
    (void)t;
    return v == SW_VT_NONE || sw_vtype_is_prim(v) || v < limit;
}

static bool text_in_range(const sw_types *t, sw_text s)
{
    return s.offset <= t->strings_bytes && s.len <= t->strings_bytes - s.offset;
}

static bool types_hold(const sw_types *t)
{
    for (uint32_t i = 0; i < t->defs_count; i++) {
        const sw_type_def *d = &t->defs[i];
        HOLDS(d->kind >= SW_CT_RECORD && d->kind <= SW_CT_MAP);
        HOLDS(d->first <= t->fields_count && d->count <= t->fields_count - d->first);
        HOLDS(type_in_range(t, d->element, i));
        for (uint32_t j = 0; j < d->count; j++) {
            HOLDS(type_in_range(t, t->fields[d->first + j].type, i));
        }
        if (d->kind == SW_CT_OWN || d->kind == SW_CT_BORROW) {
            HOLDS(d->other < t->resources_count);
        } else if (d->kind == SW_CT_RESULT || d->kind == SW_CT_MAP) {
            HOLDS(type_in_range(t, d->other, i));
        }
    }
    for (uint32_t i = 0; i < t->fields_count; i++) {
        HOLDS(text_in_range(t, t->fields[i].name));
    }
    for (uint32_t i = 0; i < t->funcs_count; i++) {
        const sw_cfunc_type *f = &t->funcs[i];
        HOLDS(f->params_first <= t->fields_count);
        HOLDS(f->params_count <= t->fields_count - f->params_first);
        HOLDS(type_in_range(t, f->result, t->defs_count));
    }
    return true;
}

/* What the steps so far have made. */
typedef struct made {
    uint32_t cores, trampolines, lifts;
} made;

static bool ref_holds(const made *m, sw_core_ref r)
{
    return r.source == SW_CORE_NONE || (r.source == SW_CORE_EXPORT && r.index < m->cores) ||
           (r.source == SW_CORE_TRAMPOLINE && r.index < m->trampolines);
}

static bool options_hold(const sw_plan *p, const made *m, uint32_t options)
{
    if (options == SW_PLAN_NONE) {
        return true;
    }
    HOLDS(options < p->options_count);
    const sw_canon_options *o = &p->options[options];
    return o->encoding <= SW_ENCODING_LATIN1_UTF16 && ref_holds(m, o->memory) &&
           ref_holds(m, o->realloc) && ref_holds(m, o->post_return);
}

static bool trampoline_holds(const sw_plan *p, const made *m, const sw_trampoline_plan *t)
{
    uint32_t limit = t->kind == SW_TRAMPOLINE_LOWER_IMPORT ? p->import_funcs_count
                     : t->kind == SW_TRAMPOLINE_LOWER_LIFT ? m->lifts
                                                           : p->resources_count;
    bool lowers = t->kind <= SW_TRAMPOLINE_LOWER_LIFT;
    HOLDS(t->target < limit);
    HOLDS(t->instance < p->instances_count);
    HOLDS(lowers ? t->func_type < p->types.funcs_count : t->func_type == SW_PLAN_NONE);
    return options_hold(p, m, t->options);
}

static bool step_holds(const sw_plan *p, sw_step s, made *m)
{
    switch (s.kind) {
    case SW_STEP_INSTANTIATE: {
        HOLDS(s.index == m->cores && s.index < p->core_instances_count);
        const sw_core_instance_plan *c = &p->core_instances[s.index];
        HOLDS(c->module < p->modules_count && c->instance < p->instances_count);
        HOLDS(c->args_first + c->args_count <= p->core_args_count);
        for (uint32_t i = 0; i < c->args_count; i++) {
            HOLDS(ref_holds(m, p->core_args[c->args_first + i]));
        }
        m->cores++;
        return true;
    }
    case SW_STEP_TRAMPOLINE:
        HOLDS(s.index == m->trampolines && s.index < p->trampolines_count);
        HOLDS(trampoline_holds(p, m, &p->trampolines[s.index]));
        m->trampolines++;
        return true;
    case SW_STEP_LIFT: {
        HOLDS(s.index == m->lifts && s.index < p->lifts_count);
        const sw_lift_plan *l = &p->lifts[s.index];
        HOLDS(ref_holds(m, l->core_func) && l->core_func.source != SW_CORE_NONE);
        HOLDS(l->func_type < p->types.funcs_count && l->instance < p->instances_count);
        HOLDS(options_hold(p, m, l->options));
        m->lifts++;
        return true;
    }
    default:
        HOLDS(s.kind == SW_STEP_RESOURCE && s.index < p->resources_count);
        HOLDS(ref_holds(m, p->resources[s.index].destructor));
        return true;
    }
}

static bool imports_hold(const sw_plan *p)
{
    for (uint32_t i = 0; i < p->imports_count; i++) {
        const sw_import_plan *m = &p->imports[i];
        HOLDS(text_in_range(&p->types, m->name));
        HOLDS(m->parent == SW_PLAN_NONE ||
              (m->parent < i && p->imports[m->parent].kind == SW_ITEM_INSTANCE));
        HOLDS(m->kind != SW_ITEM_FUNC ||
              (m->index < p->import_funcs_count && p->import_funcs[m->index].import == i &&
               p->import_funcs[m->index].func_type < p->types.funcs_count));
        HOLDS(m->kind != SW_ITEM_RESOURCE ||
              (m->index < p->import_resources_count && p->import_resources[m->index].import == i));
    }
    for (uint32_t i = 0; i < p->resources_count; i++) {
        const sw_resource_plan *r = &p->resources[i];
        HOLDS(r->import_resource == SW_PLAN_NONE
                  ? r->instance < p->instances_count
                  : r->import_resource < p->import_resources_count &&
                        p->import_resources[r->import_resource].resource == i);
        HOLDS(text_in_range(&p->types, r->name));
    }
    return true;
}

static bool exports_hold(const sw_plan *p)
{
    HOLDS(p->exports_top_count <= p->exports_count);
    for (uint32_t i = 0; i < p->exports_count; i++) {
        const sw_export_plan *x = &p->exports[i];
        HOLDS(text_in_range(&p->types, x->name));
        HOLDS((i < p->exports_top_count) == (x->parent == SW_PLAN_NONE));
        HOLDS(x->parent == SW_PLAN_NONE || x->parent < i);
        HOLDS(x->first + x->count <= p->exports_count);
        for (uint32_t j = 0; j < x->count; j++) {
            HOLDS(p->exports[x->first + j].parent == i);
        }
        HOLDS(x->kind != SW_ITEM_FUNC ||
              x->index < (x->is_import ? p->import_funcs_count : p->lifts_count));
        HOLDS(x->kind != SW_ITEM_RESOURCE || x->index < p->resources_count);
    }
    return true;
}

static bool plan_holds(const sw_plan *p)
{
    made m = {};
    HOLDS(types_hold(&p->types));
    HOLDS(p->types.resources_count == p->resources_count);
    for (uint32_t i = 0; i < p->steps_count; i++) {
        HOLDS(step_holds(p, p->steps[i], &m));
    }
    HOLDS(m.cores == p->core_instances_count && m.trampolines == p->trampolines_count);
    HOLDS(m.lifts == p->lifts_count);
    HOLDS(p->instances_count >= 1 && p->instances[0].parent == SW_PLAN_NONE);
    for (uint32_t i = 1; i < p->instances_count; i++) {
        HOLDS(p->instances[i].parent < i);
    }
    return imports_hold(p) && exports_hold(p);
}

/* Writing the mapped plan gives the same bytes: the map sees all that was written. */
static bool plan_survives_writing(const sw_plan *p)
{
    sw_buf first, second;
    sw_plan mapped;
    sw_buf_init(&first, NULL, SIZE_MAX);
    sw_buf_init(&second, NULL, SIZE_MAX);
    bool same = sw_plan_write(p, &first) == SW_OK &&
                sw_plan_map(sw_buf_bytes(&first), NULL, &mapped) == SW_OK && plan_holds(&mapped) &&
                sw_plan_write(&mapped, &second) == SW_OK && first.len == second.len &&
                memcmp(first.ptr, second.ptr, first.len) == 0;
    sw_buf_clear(&first);
    sw_buf_clear(&second);
    return same;
}
