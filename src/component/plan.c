/* Running the definitions of components: instances, canonical definitions, steps. */
#include "component/decode.h"
#include "component/planner.h"

#include "component/check.h"

enum {
    MAX_PLAN_INSTANCES = 10000,
    SCRATCH_BYTES_PER_BYTE = 64,
    SCRATCH_BYTES = 64 << 20,
};

static sw_status run_component(sw_planner *p, sw_frame *f, const sw_ast_scope *scope);

/* ---- Core instances -------------------------------------------------------------------------- */

static sw_status fill_module_exports(sw_planner *p, uint32_t module)
{
    const sw_module *m = &p->ast->modules[module];
    bool inserted;
    if (p->has_module_exports[module]) {
        return SW_OK;
    }
    for (uint32_t i = 0; i < m->exports_count; i++) {
        if (sw_name_map_insert(p->scratch, &p->module_exports[module], m->exports[i].name, i,
                               &inserted) != SW_OK) {
            return sw_plan_no_memory(p);
        }
    }
    p->has_module_exports[module] = true;
    return SW_OK;
}

static sw_core_ref core_export(const sw_planner *p, const sw_pcore *from, sw_str name)
{
    if (from->module == NULL) {
        const uint32_t *at = sw_name_map_find(&from->names, name);
        SW_CHECK(at != NULL);
        return from->refs[*at];
    }
    const uint32_t *at = sw_name_map_find(&p->module_exports[from->module - p->ast->modules], name);
    SW_CHECK(at != NULL);
    return (sw_core_ref){SW_CORE_EXPORT, from->index, *at};
}

static sw_status run_core_bag(sw_planner *p, sw_frame *f, const sw_ast_instance *in)
{
    sw_pcore bag = {};
    sw_core_ref *refs = SW_NEW_ARRAY(p->scratch, sw_core_ref, in->args_count);
    bool inserted;
    if (refs == NULL) {
        return sw_plan_no_memory(p);
    }
    for (uint32_t i = 0; i < in->args_count; i++) {
        const sw_ast_arg *a = &in->args[i];
        refs[i] = f->core_items[a->sort].at[a->index];
        if (sw_name_map_insert(p->scratch, &bag.names, a->name.text, i, &inserted) != SW_OK) {
            return sw_plan_no_memory(p);
        }
    }
    bag.refs = refs;
    SW_PLAN_PUSH(p, &f->core_instances, bag);
    return SW_OK;
}

static sw_status add_core_args(sw_planner *p, const sw_frame *f, const sw_ast_instance *in,
                               const sw_module *m)
{
    sw_name_map args = {};
    bool inserted;
    for (uint32_t i = 0; i < in->args_count; i++) {
        if (sw_name_map_insert(p->scratch, &args, in->args[i].name.text, in->args[i].index,
                               &inserted) != SW_OK) {
            return sw_plan_no_memory(p);
        }
    }
    for (uint32_t i = 0; i < m->imports_count; i++) {
        const uint32_t *at = sw_name_map_find(&args, m->imports[i].module);
        SW_CHECK(at != NULL);
        sw_core_ref ref = core_export(p, &f->core_instances.at[*at], m->imports[i].name);
        SW_PLAN_PUSH(p, &p->core_args, ref);
    }
    return SW_OK;
}

static sw_status run_core_instance(sw_planner *p, sw_frame *f, const sw_ast_instance *in)
{
    SW_TRY(sw_plan_work(p, in->args_count + 1));
    if (in->target == SW_NO_INDEX) {
        return run_core_bag(p, f, in);
    }
    uint32_t module = f->modules.at[in->target];
    const sw_module *m = &p->ast->modules[module];
    sw_core_instance_plan plan = {.module = module,
                                  .args_first = p->core_args.count,
                                  .args_count = m->imports_count,
                                  .instance = f->instance};
    sw_pcore made = {.module = m, .index = p->core_instances.count};
    if (made.index >= MAX_PLAN_INSTANCES) {
        return sw_fail(p->diag, SW_LIMIT, p->offset, "component expands to too many instances");
    }
    SW_TRY(sw_plan_work(p, m->imports_count));
    SW_TRY(fill_module_exports(p, module));
    SW_TRY(add_core_args(p, f, in, m));
    SW_PLAN_PUSH(p, &p->core_instances, plan);
    SW_PLAN_PUSH(p, &p->steps, (sw_step){SW_STEP_INSTANTIATE, made.index});
    SW_PLAN_PUSH(p, &f->core_instances, made);
    return SW_OK;
}

/* ---- Component instances --------------------------------------------------------------------- */

static sw_pitem item_at(const sw_frame *f, uint32_t sort, uint32_t index)
{
    switch (sort) {
    case SW_SORT_CORE_MODULE: return (sw_pitem){SW_PITEM_MODULE, f->modules.at[index]};
    case SW_SORT_FUNC: return (sw_pitem){SW_PITEM_FUNC, f->funcs.at[index]};
    case SW_SORT_COMPONENT: return (sw_pitem){SW_PITEM_COMPONENT, f->components.at[index]};
    case SW_SORT_INSTANCE: return (sw_pitem){SW_PITEM_INSTANCE, f->instances.at[index]};
    default: return f->types.at[index];
    }
}

static sw_status new_frame(sw_planner *p, sw_frame *lexical, uint32_t parent_instance,
                           sw_frame **ret_frame)
{
    sw_frame *f = SW_NEW(p->scratch, sw_frame);
    if (f == NULL) {
        return sw_plan_no_memory(p);
    }
    if (p->instances.count >= MAX_PLAN_INSTANCES) {
        return sw_fail(p->diag, SW_LIMIT, p->offset, "component expands to too many instances");
    }
    f->parent = lexical;
    f->instance = p->instances.count;
    SW_PLAN_PUSH(p, &p->instances, (sw_instance_plan){parent_instance});
    *ret_frame = f;
    return SW_OK;
}

static sw_status run_bag(sw_planner *p, sw_frame *f, const sw_ast_instance *in)
{
    sw_pnamed *items = SW_NEW_ARRAY(p->scratch, sw_pnamed, in->args_count);
    uint32_t inst;
    if (items == NULL) {
        return sw_plan_no_memory(p);
    }
    for (uint32_t i = 0; i < in->args_count; i++) {
        const sw_ast_arg *a = &in->args[i];
        items[i] = (sw_pnamed){a->name.text, item_at(f, a->sort, a->index)};
    }
    SW_TRY(sw_plan_new_inst(p, items, in->args_count, &inst));
    SW_PLAN_PUSH(p, &f->instances, inst);
    return SW_OK;
}

static sw_status run_instance(sw_planner *p, sw_frame *f, const sw_ast_instance *in)
{
    SW_TRY(sw_plan_work(p, in->args_count + 1));
    if (in->target == SW_NO_INDEX) {
        return run_bag(p, f, in);
    }
    sw_closure closure = p->closures.at[f->components.at[in->target]];
    sw_frame *inner;
    SW_TRY(new_frame(p, closure.frame, f->instance, &inner));
    sw_pitem *args = SW_NEW_ARRAY(p->scratch, sw_pitem, in->args_count);
    bool inserted;
    if (args == NULL) {
        return sw_plan_no_memory(p);
    }
    for (uint32_t i = 0; i < in->args_count; i++) {
        args[i] = item_at(f, in->args[i].sort, in->args[i].index);
        if (sw_name_map_insert(p->scratch, &inner->args, in->args[i].name.text, i, &inserted) !=
            SW_OK) {
            return sw_plan_no_memory(p);
        }
    }
    inner->arg_items = args;
    SW_TRY(run_component(p, inner, closure.scope));
    uint32_t inst;
    SW_TRY(sw_plan_new_inst(p, inner->exports.at, inner->exports.count, &inst));
    SW_PLAN_PUSH(p, &f->instances, inst);
    return SW_OK;
}

/* ---- Canonical definitions ------------------------------------------------------------------- */

static sw_core_ref core_item(const sw_frame *f, sw_sort sort, uint32_t index)
{
    return index == SW_NO_INDEX ? (sw_core_ref){} : f->core_items[sort].at[index];
}

static sw_status add_options(sw_planner *p, const sw_frame *f, const sw_ast_canon *c,
                             uint32_t *ret_options)
{
    sw_canon_options o = {.encoding = c->encoding,
                          .memory = core_item(f, SW_SORT_CORE_MEMORY, c->memory),
                          .realloc = core_item(f, SW_SORT_CORE_FUNC, c->realloc),
                          .post_return = core_item(f, SW_SORT_CORE_FUNC, c->post_return)};
    if (p->options.count > 0) {
        const sw_canon_options *last = &p->options.at[p->options.count - 1];
        if (memcmp(last, &o, sizeof o) == 0) {
            *ret_options = p->options.count - 1;
            return SW_OK;
        }
    }
    *ret_options = p->options.count;
    SW_PLAN_PUSH(p, &p->options, o);
    return SW_OK;
}

static sw_status add_trampoline(sw_planner *p, sw_frame *f, sw_trampoline_plan t)
{
    uint32_t index = p->trampolines.count;
    t.instance = f->instance;
    SW_PLAN_PUSH(p, &p->trampolines, t);
    SW_PLAN_PUSH(p, &p->steps, (sw_step){SW_STEP_TRAMPOLINE, index});
    SW_PLAN_PUSH(p, &f->core_items[SW_SORT_CORE_FUNC],
                 (sw_core_ref){.source = SW_CORE_TRAMPOLINE, .index = index});
    return SW_OK;
}

static sw_status run_lift(sw_planner *p, sw_frame *f, const sw_ast_canon *c)
{
    sw_lift_plan l = {.core_func = f->core_items[SW_SORT_CORE_FUNC].at[c->func],
                      .func_type = f->types.at[c->type].index,
                      .instance = f->instance};
    uint32_t index = p->lifts.count;
    SW_TRY(add_options(p, f, c, &l.options));
    SW_PLAN_PUSH(p, &p->lifts, l);
    SW_PLAN_PUSH(p, &p->steps, (sw_step){SW_STEP_LIFT, index});
    SW_PLAN_PUSH(p, &f->funcs, p->funcs.count);
    SW_PLAN_PUSH(p, &p->funcs, (sw_pfunc){l.func_type, index, false});
    return SW_OK;
}

static sw_status run_canon(sw_planner *p, sw_frame *f, const sw_ast_canon *c)
{
    if (c->op == SW_CANON_LIFT) {
        return run_lift(p, f, c);
    }
    sw_trampoline_plan t = {.options = SW_PLAN_NONE, .func_type = SW_PLAN_NONE};
    if (c->op == SW_CANON_LOWER) {
        const sw_pfunc *func = &p->funcs.at[f->funcs.at[c->func]];
        t.kind = func->is_import ? SW_TRAMPOLINE_LOWER_IMPORT : SW_TRAMPOLINE_LOWER_LIFT;
        t.target = func->index;
        t.func_type = func->func_type;
        SW_TRY(add_options(p, f, c, &t.options));
    } else {
        t.kind = SW_TRAMPOLINE_RESOURCE_NEW + c->op - SW_CANON_RESOURCE_NEW;
        t.target = f->types.at[c->type].index;
    }
    return add_trampoline(p, f, t);
}

/* ---- Definitions ----------------------------------------------------------------------------- */

static sw_status run_import(sw_planner *p, sw_frame *f, const sw_ast_import *import)
{
    sw_str name = import->name.text;
    sw_pitem item;
    if (f->parent == NULL) {
        SW_TRY(sw_plan_import(p, f, name, &import->type, SW_PLAN_NONE, &item));
    } else {
        const uint32_t *at = sw_name_map_find(&f->args, name);
        SW_CHECK(at != NULL);
        item = f->arg_items[*at];
        SW_TRY(sw_plan_restrict(p, f, &import->type, &item));
    }
    return sw_plan_push(p, f, item);
}

static sw_status run_export(sw_planner *p, sw_frame *f, const sw_ast_export *export)
{
    sw_pitem item = item_at(f, export->sort, export->index);
    if (export->has_type) {
        SW_TRY(sw_plan_restrict(p, f, &export->type, &item));
    }
    if (item.kind == SW_PITEM_RESOURCE && p->resources.at[item.index].name.len == 0) {
        SW_TRY(sw_plan_text(p, export->name.text, &p->resources.at[item.index].name));
    }
    SW_PLAN_PUSH(p, &f->exports, (sw_pnamed){export->name.text, item});
    return sw_plan_push(p, f, item);
}

static sw_status run_alias(sw_planner *p, sw_frame *f, const sw_ast_alias *a)
{
    if (a->kind != SW_ALIAS_CORE_EXPORT) {
        return sw_plan_alias(p, f, a);
    }
    sw_core_ref ref = core_export(p, &f->core_instances.at[a->index], a->name);
    SW_PLAN_PUSH(p, &f->core_items[a->sort], ref);
    return SW_OK;
}

static sw_status run_def(sw_planner *p, sw_frame *f, const sw_ast_def *d)
{
    sw_pitem item;
    p->offset = d->offset;
    SW_TRY(sw_plan_work(p, 1));
    switch ((sw_ast_kind)d->kind) {
    case SW_AST_CORE_MODULE: SW_PLAN_PUSH(p, &f->modules, d->module); return SW_OK;
    case SW_AST_CORE_INSTANCE: return run_core_instance(p, f, &d->instance);
    case SW_AST_CORE_TYPE: f->core_types++; return SW_OK;
    case SW_AST_COMPONENT:
        SW_PLAN_PUSH(p, &f->components, p->closures.count);
        SW_PLAN_PUSH(p, &p->closures, (sw_closure){d->component, f});
        return SW_OK;
    case SW_AST_INSTANCE: return run_instance(p, f, &d->instance);
    case SW_AST_ALIAS: return run_alias(p, f, &d->alias);
    case SW_AST_TYPE: SW_TRY(sw_plan_type(p, f, d->type, &item)); return sw_plan_push(p, f, item);
    case SW_AST_CANON: return run_canon(p, f, d->canon);
    case SW_AST_IMPORT: return run_import(p, f, d->import);
    case SW_AST_EXPORT: break;
    }
    return run_export(p, f, d->export);
}

static sw_status run_component(sw_planner *p, sw_frame *f, const sw_ast_scope *scope)
{
    for (uint32_t i = 0; i < scope->defs_count; i++) {
        SW_TRY(run_def(p, f, &scope->defs[i]));
    }
    return SW_OK;
}

/* ---- The result ------------------------------------------------------------------------------ */

static void *copied(sw_planner *p, const void *from, uint32_t count, size_t item_bytes,
                    sw_status *st)
{
    void *to = sw_arena_alloc_array(p->arena, count, item_bytes, 8);
    if (to == NULL) {
        *st = SW_NO_MEMORY;
    } else if (count > 0) {
        memcpy(to, from, count * item_bytes);
    }
    return to;
}

#define COPIED(vec) copied(p, (vec).at, (vec).count, sizeof *(vec).at, &st)

static sw_status finish(sw_planner *p, const sw_frame *root, sw_plan *ret_plan)
{
    sw_status st = SW_OK;
    SW_TRY(sw_plan_exports(p, root));
    sw_plan plan = {
        .types = {.defs = COPIED(p->defs),
                  .fields = COPIED(p->fields),
                  .funcs = COPIED(p->func_types),
                  .strings = COPIED(p->strings),
                  .defs_count = p->defs.count,
                  .fields_count = p->fields.count,
                  .funcs_count = p->func_types.count,
                  .strings_bytes = p->strings.count,
                  .resources_count = p->resources.count},
        .exports_top_count = root->exports.count,
        .modules_count = p->ast->modules_count,
    };
    // clang-format off
#define X(name) plan.name = COPIED(p->name); plan.name##_count = p->name.count;
    X(steps) X(core_instances) X(core_args) X(trampolines) X(lifts) X(options) X(resources)
    X(instances) X(imports) X(import_funcs) X(import_resources) X(exports)
#undef X
        // clang-format on
        if (st != SW_OK)
    {
        return sw_plan_no_memory(p);
    }
    *ret_plan = plan;
    return SW_OK;
}

sw_status sw_plan_make(sw_arena *arena, sw_arena *scratch, const sw_ast *ast, sw_diag *diag,
                       sw_plan *ret_plan)
{
    sw_planner *p = SW_NEW(scratch, sw_planner);
    if (p == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
    }
    *p = (sw_planner){.arena = arena, .scratch = scratch, .diag = diag, .ast = ast};
    p->module_exports = SW_NEW_ARRAY(scratch, sw_name_map, ast->modules_count);
    p->has_module_exports = SW_NEW_ARRAY(scratch, bool, ast->modules_count);
    if (p->module_exports == NULL || p->has_module_exports == NULL) {
        return sw_plan_no_memory(p);
    }
    sw_frame *root;
    SW_TRY(new_frame(p, NULL, SW_PLAN_NONE, &root));
    SW_TRY(run_component(p, root, ast->root));
    return finish(p, root, ret_plan);
}

static sw_status read_with(sw_arena *arena, sw_arena *scratch, sw_bytes bytes,
                           const sw_features *features, sw_diag *diag,
                           sw_component_binary *ret_component)
{
    sw_ast ast;
    sw_plan plan;
    SW_TRY(sw_ast_read(arena, bytes, features, diag, &ast));
    SW_TRY(sw_check_component(scratch, bytes, &ast, diag));
    sw_arena_reset(scratch);
    SW_TRY(sw_plan_make(arena, scratch, &ast, diag, &plan));
    *ret_component = (sw_component_binary){plan, ast.modules};
    return SW_OK;
}

sw_status sw_component_read(sw_arena *arena, sw_bytes bytes, const sw_features *features,
                            sw_diag *diag, sw_component_binary *ret_component)
{
    sw_arena scratch;
    size_t cap;
    if (ckd_mul(&cap, bytes.len, SCRATCH_BYTES_PER_BYTE) || ckd_add(&cap, cap, SCRATCH_BYTES)) {
        cap = SIZE_MAX;
    }
    sw_arena_init(&scratch, arena->budget, cap);
    sw_status st = read_with(arena, &scratch, bytes, features, diag, ret_component);
    sw_arena_clear(&scratch);
    return st;
}
