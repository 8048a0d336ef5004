/* Instantiating a component: going through its plan's steps. Looking up its exports. Freeing it. */
#include "component/runtime.h"

#include "base/semver.h"

/* ---- Making ------------------------------------------------------------------------------------
 */

static sw_status alloc_tables(sw_component_instance *i)
{
    const sw_plan *p = &i->component->plan;
    sw_arena *a = &i->arena;
    i->nodes = SW_NEW_ARRAY(a, sw_node, p->instances_count);
    i->cores = SW_NEW_ARRAY(a, sw_instance *, p->core_instances_count);
    i->trampolines = SW_NEW_ARRAY(a, sw_trampoline, p->trampolines_count);
    i->lifts = SW_NEW_ARRAY(a, sw_lift, p->lifts_count);
    i->resources = SW_NEW_ARRAY(a, sw_resource, p->resources_count);
    bool ok = i->nodes != NULL && i->cores != NULL && i->trampolines != NULL && i->lifts != NULL &&
              i->resources != NULL;
    return ok ? SW_OK : SW_NO_MEMORY;
}

static void init_nodes(sw_component_instance *i)
{
    const sw_plan *p = &i->component->plan;
    sw_budget *budget = sw_store_budget(i->store);
    for (uint32_t k = 0; k < p->instances_count; k++) {
        i->nodes[k] = (sw_node){.parent = p->instances[k].parent,
                                .may_enter = true,
                                .may_leave = true,
                                .handles = {.budget = budget}};
    }
    i->host_handles.budget = budget;
}

static void init_resources(sw_component_instance *i)
{
    const sw_plan *p = &i->component->plan;
    for (uint32_t k = 0; k < p->resources_count; k++) {
        uint32_t import = p->resources[k].import_resource;
        bool is_host = import != SW_PLAN_NONE;
        i->resources[k] =
            (sw_resource){.id = is_host ? i->binding->resource_ids[import] : k,
                          .instance = is_host ? SW_PLAN_NONE : p->resources[k].instance,
                          .host = is_host ? i->binding->resources[import] : NULL};
    }
}

static sw_status core_arg(sw_component_instance *i, const sw_core_ref *ref, sw_extern *ret)
{
    if (ref->source == SW_CORE_TRAMPOLINE) {
        *ret = sw_host_func_extern(&i->trampolines[ref->index].gate.host);
        return SW_OK;
    }
    return sw_instance_export(i->cores[ref->index], ref->item, ret);
}

static sw_status instantiate(sw_component_instance *i, uint32_t index, sw_diag *diag)
{
    const sw_plan *p = &i->component->plan;
    const sw_core_instance_plan *c = &p->core_instances[index];
    sw_extern *args = SW_NEW_ARRAY(&i->arena, sw_extern, c->args_count);
    if (args == NULL) {
        return SW_NO_MEMORY;
    }
    for (uint32_t k = 0; k < c->args_count; k++) {
        SW_TRY(core_arg(i, &p->core_args[c->args_first + k], &args[k]));
    }
    /* Its start function runs inside the component instance. */
    (void)sw_node_enter(i->nodes, c->instance, SW_PLAN_NONE);
    sw_status st =
        sw_instance_new(i->store, i->component->codes[c->module], args, diag, &i->cores[index]);
    sw_node_leave(i->nodes, c->instance, SW_PLAN_NONE);
    return st;
}

static sw_status bind_lift(sw_component_instance *i, uint32_t index)
{
    const sw_plan *plan = &i->component->plan;
    const sw_lift_plan *p = &plan->lifts[index];
    sw_lift *l = &i->lifts[index];
    l->type = &i->component->canon.funcs[p->func_type];
    l->node = p->instance;
    l->options.owner = i;
    l->options.node = p->instance;
    SW_TRY(sw_options_bind(&l->options,
                           p->options == SW_PLAN_NONE ? NULL : &plan->options[p->options]));
    return sw_core_func_find(i, &p->core_func, &l->func);
}

static sw_status run_step(sw_component_instance *i, const sw_step *s, sw_diag *diag)
{
    switch (s->kind) {
    case SW_STEP_INSTANTIATE: return instantiate(i, s->index, diag);
    case SW_STEP_TRAMPOLINE: return sw_trampoline_bind(i, s->index);
    case SW_STEP_LIFT: return bind_lift(i, s->index);
    default:
        return sw_core_func_find(i, &i->component->plan.resources[s->index].destructor,
                                 &i->resources[s->index].destructor);
    }
}

static sw_status run_steps(sw_component_instance *i, sw_diag *diag)
{
    const sw_plan *p = &i->component->plan;
    SW_TRY(alloc_tables(i));
    init_nodes(i);
    init_resources(i);
    for (uint32_t k = 0; k < p->steps_count; k++) {
        SW_TRY(run_step(i, &p->steps[k], diag));
    }
    return SW_OK;
}

sw_status sw_component_instance_new(sw_store *s, sw_component *c, const sw_linker *l, void *env,
                                    sw_diag *diag, sw_component_instance **ret_instance)
{
    sw_binding *binding;
    SW_TRY(sw_linker_bind(l, c, diag, &binding));
    sw_budget *budget = sw_store_budget(s);
    sw_component_instance *i = sw_alloc(budget, sizeof *i);
    if (i == NULL) {
        sw_binding_unref(binding);
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "no memory for a component instance");
    }
    i->store = s;
    i->component = sw_component_ref(c);
    i->binding = binding;
    i->env = env;
    sw_arena_init(&i->arena, budget, SIZE_MAX);
    sw_status st = run_steps(i, diag);
    if (st != SW_OK) {
        sw_component_instance_free(i);
        return sw_fail_context(diag,
                               sw_fail(diag, st, SW_NO_OFFSET, "%s",
                                       st == SW_TRAP ? sw_store_trap_text(s) : sw_status_text(st)),
                               "instantiating a component");
    }
    *ret_instance = i;
    return SW_OK;
}

/* ---- Freeing -----------------------------------------------------------------------------------
 */

/* The host's objects that handles of this table own. Guests' destructors do not run. */
static void drop_host_resources(sw_component_instance *i, sw_handles *t)
{
    for (uint32_t k = 1; k < t->count; k++) {
        const sw_handle *h = sw_handles_find(t, k);
        if (h != NULL && h->kind == SW_HANDLE_OWN) {
            sw_resource_drop_host(i, &i->resources[h->resource], h->rep);
        }
    }
    sw_handles_clear(t);
}

static void drop_handles(sw_component_instance *i)
{
    for (uint32_t k = 0; i->nodes != NULL && k < i->component->plan.instances_count; k++) {
        drop_host_resources(i, &i->nodes[k].handles);
    }
    sw_handles_clear(&i->host_handles);
}

bool sw_component_instance_renew(sw_component_instance *i)
{
    bool is_at_rest = !i->is_poisoned;
    for (uint32_t k = 0; k < i->component->plan.instances_count; k++) {
        is_at_rest = is_at_rest && i->nodes[k].may_enter && i->nodes[k].may_leave;
    }
    if (is_at_rest) {
        drop_handles(i);
    }
    return is_at_rest;
}

void sw_component_instance_free(sw_component_instance *i)
{
    if (i == NULL) {
        return;
    }
    drop_handles(i);
    for (sw_call_arena *a = i->call_arenas; a != NULL; a = a->next) {
        sw_arena_clear(&a->arena);
    }
    sw_binding_unref(i->binding);
    sw_component_unref(i->component);
    sw_arena_clear(&i->arena);
    sw_free(sw_store_budget(i->store), i, sizeof *i);
}

/* ---- Exports -----------------------------------------------------------------------------------
 */

/* 2: the name itself; 1: another version on its track; 0: something else. */
static int match(sw_str have, sw_str want)
{
    if (sw_str_eq(have, want)) {
        return 2;
    }
    sw_str have_name, want_name;
    sw_semver have_version, want_version;
    return sw_semver_split(have, &have_name, &have_version) &&
           sw_semver_split(want, &want_name, &want_version) && sw_str_eq(have_name, want_name) &&
           sw_semver_compatible(&have_version, &want_version);
}

static const sw_export_plan *find_export(const sw_plan *p, sw_str interface)
{
    const sw_export_plan *best = NULL;
    int best_match = 0;
    for (uint32_t k = 0; k < p->exports_top_count; k++) {
        const sw_export_plan *e = &p->exports[k];
        int m =
            e->kind == SW_ITEM_INSTANCE ? match(sw_types_str(&p->types, e->name), interface) : 0;
        if (m > best_match) {
            best = e;
            best_match = m;
        }
    }
    return best;
}

sw_status sw_component_find_func(sw_component_instance *i, sw_str interface, sw_str name,
                                 sw_diag *diag, sw_component_func *ret_func)
{
    const sw_plan *p = &i->component->plan;
    uint32_t first = 0, count = p->exports_top_count;
    if (interface.len != 0) {
        const sw_export_plan *e = find_export(p, interface);
        if (e == NULL) {
            return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "the component exports no %.*s",
                           SW_STR_ARG(interface));
        }
        first = e->first;
        count = e->count;
    }
    for (uint32_t k = first; k < first + count; k++) {
        const sw_export_plan *e = &p->exports[k];
        if (e->kind == SW_ITEM_FUNC && sw_str_eq(sw_types_str(&p->types, e->name), name)) {
            *ret_func = e->is_import != 0
                            ? (sw_component_func){i, p->lifts_count + e->index,
                                                  p->import_funcs[e->index].func_type}
                            : (sw_component_func){i, e->index, p->lifts[e->index].func_type};
            return SW_OK;
        }
    }
    return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "the component exports no function %.*s%s%.*s",
                   SW_STR_ARG(interface), interface.len == 0 ? "" : "#", SW_STR_ARG(name));
}
