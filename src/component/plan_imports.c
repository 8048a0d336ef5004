/* The two ends of the root component: what it imports from the host and what it exports to it. */
#include "component/planner.h"

/* ---- Imports --------------------------------------------------------------------------------- */

static sw_status unsupported_import(sw_planner *p, sw_str name, uint32_t parent, const char *what)
{
    if (parent == SW_PLAN_NONE) {
        return sw_fail(p->diag, SW_UNSUPPORTED, p->offset,
                       "imports of %s are not supported yet: `%.*s`", what, SW_STR_ARG(name));
    }
    sw_text t = p->imports.at[parent].name;
    return sw_fail(p->diag, SW_UNSUPPORTED, p->offset,
                   "imports of %s are not supported yet: `%.*s` of `%.*s`", what, SW_STR_ARG(name),
                   (int)t.len, p->strings.at + t.offset);
}

/* Where the exports of an instance type come from: new imports below `parent`, or `inst`. */
typedef struct export_source {
    bool is_import;
    uint32_t parent, inst;
} export_source;

static sw_status add_type_export(sw_planner *p, sw_frame *f, const sw_ast_export *export,
                                 const export_source *from)
{
    sw_str name = export->name.text;
    sw_pitem item;
    if (from->is_import) {
        SW_TRY(sw_plan_import(p, f, name, &export->type, from->parent, &item));
    } else {
        item = sw_plan_export(p, from->inst, name);
        SW_TRY(sw_plan_restrict(p, f, &export->type, &item));
    }
    SW_PLAN_PUSH(p, &f->exports, (sw_pnamed){name, item});
    return sw_plan_push(p, f, item);
}

/* Runs the declarations of an instance type; the instance has exactly what it exports. */
static sw_status run_instance_type(sw_planner *p, sw_closure type, const export_source *from,
                                   uint32_t *ret_inst)
{
    sw_frame *f = SW_NEW(p->scratch, sw_frame);
    if (f == NULL) {
        return sw_plan_no_memory(p);
    }
    f->parent = type.frame;
    SW_TRY(sw_plan_work(p, type.scope->defs_count));
    for (uint32_t i = 0; i < type.scope->defs_count; i++) {
        const sw_ast_def *d = &type.scope->defs[i];
        sw_pitem item;
        if (d->kind == SW_AST_CORE_TYPE) {
            f->core_types++;
        } else if (d->kind == SW_AST_ALIAS) {
            SW_TRY(sw_plan_alias(p, f, &d->alias));
        } else if (d->kind == SW_AST_TYPE) {
            SW_TRY(sw_plan_type(p, f, d->type, &item));
            SW_TRY(sw_plan_push(p, f, item));
        } else {
            SW_TRY(add_type_export(p, f, d->export, from));
        }
    }
    return sw_plan_new_inst(p, f->exports.at, f->exports.count, ret_inst);
}

sw_status sw_plan_restrict(sw_planner *p, const sw_frame *f, const sw_ast_extern *type,
                           sw_pitem *item)
{
    if (item->kind != SW_PITEM_INSTANCE) {
        return SW_OK;
    }
    export_source from = {.inst = item->index};
    return run_instance_type(p, p->closures.at[f->types.at[type->index].index], &from,
                             &item->index);
}

static sw_status import_func(sw_planner *p, uint32_t import, uint32_t func_type, sw_pitem *ret_item)
{
    p->imports.at[import].index = p->import_funcs.count;
    *ret_item = (sw_pitem){SW_PITEM_FUNC, p->funcs.count};
    SW_PLAN_PUSH(p, &p->funcs, (sw_pfunc){func_type, p->import_funcs.count, true});
    SW_PLAN_PUSH(p, &p->import_funcs, (sw_import_func_plan){import, func_type});
    return SW_OK;
}

static sw_status import_resource(sw_planner *p, uint32_t import, sw_pitem *ret_item)
{
    sw_resource_plan r = {.import_resource = p->import_resources.count,
                          .instance = SW_PLAN_NONE,
                          .name = p->imports.at[import].name};
    p->imports.at[import].index = p->import_resources.count;
    *ret_item = (sw_pitem){SW_PITEM_RESOURCE, p->resources.count};
    SW_PLAN_PUSH(p, &p->import_resources, (sw_import_resource_plan){import, ret_item->index});
    SW_PLAN_PUSH(p, &p->resources, r);
    return SW_OK;
}

sw_status sw_plan_import(sw_planner *p, sw_frame *f, sw_str name, const sw_ast_extern *type,
                         uint32_t parent, sw_pitem *ret_item)
{
    uint32_t import = p->imports.count;
    sw_import_plan plan = {.parent = parent, .index = SW_PLAN_NONE, .resource = SW_PLAN_NONE};
    if (type->sort == SW_SORT_CORE_MODULE) {
        return unsupported_import(p, name, parent, "core modules");
    }
    if (type->sort == SW_SORT_COMPONENT) {
        return unsupported_import(p, name, parent, "components");
    }
    plan.kind = type->sort == SW_SORT_FUNC       ? SW_ITEM_FUNC
                : type->sort == SW_SORT_INSTANCE ? SW_ITEM_INSTANCE
                : type->is_sub                   ? SW_ITEM_RESOURCE
                                                 : SW_ITEM_TYPE;
    SW_TRY(sw_plan_text(p, name, &plan.name));
    SW_PLAN_PUSH(p, &p->imports, plan);
    if (plan.kind == SW_ITEM_RESOURCE) {
        return import_resource(p, import, ret_item);
    }
    sw_pitem of = f->types.at[type->index];
    switch (plan.kind) {
    case SW_ITEM_FUNC: return import_func(p, import, of.index, ret_item);
    case SW_ITEM_INSTANCE: {
        export_source from = {.is_import = true, .parent = import};
        ret_item->kind = SW_PITEM_INSTANCE;
        return run_instance_type(p, p->closures.at[of.index], &from, &ret_item->index);
    }
    default:
        p->imports.at[import].index = of.kind == SW_PITEM_VALUE ? of.index : SW_PLAN_NONE;
        p->imports.at[import].resource = of.kind == SW_PITEM_RESOURCE ? of.index : SW_PLAN_NONE;
        *ret_item = of;
        return SW_OK;
    }
}

/* ---- Exports --------------------------------------------------------------------------------- */

static sw_status add_export(sw_planner *p, const sw_pnamed *n, uint32_t parent)
{
    sw_export_plan x = {.parent = parent, .index = SW_PLAN_NONE};
    SW_TRY(sw_plan_text(p, n->name, &x.name));
    switch ((sw_pitem_kind)n->item.kind) {
    case SW_PITEM_FUNC: {
        const sw_pfunc *f = &p->funcs.at[n->item.index];
        x.kind = SW_ITEM_FUNC;
        x.index = f->index;
        x.is_import = f->is_import;
        break;
    }
    case SW_PITEM_INSTANCE: x.kind = SW_ITEM_INSTANCE; break;
    case SW_PITEM_COMPONENT: x.kind = SW_ITEM_COMPONENT; break;
    case SW_PITEM_MODULE:
        x.kind = SW_ITEM_MODULE;
        x.index = n->item.index;
        break;
    case SW_PITEM_VALUE:
        x.kind = SW_ITEM_TYPE;
        x.index = n->item.index;
        break;
    case SW_PITEM_RESOURCE:
        x.kind = SW_ITEM_RESOURCE;
        x.index = n->item.index;
        break;
    case SW_PITEM_FUNC_TYPE:
    case SW_PITEM_SCOPE: x.kind = SW_ITEM_TYPE; break;
    }
    SW_PLAN_PUSH(p, &p->exports, x);
    return SW_OK;
}

/* Breadth first: an instance's items lie together, after all items of the levels above. */
sw_status sw_plan_exports(sw_planner *p, const sw_frame *root)
{
    SW_AVEC(sw_pitem) items = {};
    for (uint32_t i = 0; i < root->exports.count; i++) {
        SW_TRY(add_export(p, &root->exports.at[i], SW_PLAN_NONE));
        SW_PLAN_PUSH(p, &items, root->exports.at[i].item);
    }
    for (uint32_t i = 0; i < items.count; i++) {
        if (items.at[i].kind != SW_PITEM_INSTANCE) {
            continue;
        }
        sw_pinst in = p->insts.at[items.at[i].index];
        SW_TRY(sw_plan_work(p, in.count + 1));
        p->exports.at[i].first = p->exports.count;
        p->exports.at[i].count = in.count;
        for (uint32_t j = 0; j < in.count; j++) {
            SW_TRY(add_export(p, &in.items[j], i));
            SW_PLAN_PUSH(p, &items, in.items[j].item);
        }
    }
    return SW_OK;
}
