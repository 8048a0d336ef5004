/*
 * Calls: entering nodes, running core code, and the call of a lifted function with values in host
 * layout.
 */
#include "component/runtime.h"

static const sw_memory_view NO_MEMORY_VIEW = {};

/* ---- Entering and leaving ----------------------------------------------------------------------
 */

static bool is_self_or_ancestor(const sw_node *nodes, uint32_t node, uint32_t of)
{
    while (of != SW_PLAN_NONE && of != node) {
        of = nodes[of].parent;
    }
    return of == node;
}

uint32_t sw_node_common(const sw_node *nodes, uint32_t from, uint32_t of)
{
    while (from != SW_PLAN_NONE && !is_self_or_ancestor(nodes, from, of)) {
        from = nodes[from].parent;
    }
    return from;
}

bool sw_node_enter(sw_node *nodes, uint32_t node, uint32_t until)
{
    for (uint32_t i = node; i != until; i = nodes[i].parent) {
        if (!nodes[i].may_enter) {
            return false;
        }
    }
    for (uint32_t i = node; i != until; i = nodes[i].parent) {
        nodes[i].may_enter = false;
    }
    return true;
}

void sw_node_leave(sw_node *nodes, uint32_t node, uint32_t until)
{
    for (uint32_t i = node; i != until; i = nodes[i].parent) {
        nodes[i].may_enter = true;
    }
}

/* ---- Core calls --------------------------------------------------------------------------------
 */

static sw_trap trap_of(const sw_store *s, sw_status st)
{
    if (st == SW_TRAP) {
        return sw_store_trap_reason(s);
    }
    return st == SW_EXIT ? SW_TRAP_EXIT : SW_TRAP_OUT_OF_HOST_MEMORY;
}

sw_trap sw_call_core(sw_component_instance *i, const sw_func_cell *cell, sw_regs *regs)
{
    sw_status st = sw_call_regs(i->store, cell, regs);
    return SW_LIKELY(st == SW_OK) ? SW_TRAP_NONE : trap_of(i->store, st);
}

sw_trap sw_call_closed(sw_component_instance *i, uint32_t node, const sw_func_cell *cell,
                       sw_regs *regs)
{
    i->nodes[node].may_leave = false;
    sw_trap trap = sw_call_core(i, cell, regs);
    i->nodes[node].may_leave = true;
    return trap;
}

static sw_trap call_realloc(sw_canon_guest *g, uint32_t old, uint32_t old_bytes, uint32_t align,
                            uint32_t new_bytes, uint32_t *ret_address)
{
    const sw_options *o = g->realloc_env;
    sw_regs regs;
    regs.ints[0] = old;
    regs.ints[1] = old_bytes;
    regs.ints[2] = align;
    regs.ints[3] = new_bytes;
    sw_trap trap = sw_call_closed(o->owner, o->node, o->realloc, &regs);
    g->memory = sw_memory_get_view(g->memory_object);
    *ret_address = (uint32_t)regs.ints[0];
    return trap;
}

/* ---- A guest's side ----------------------------------------------------------------------------
 */

sw_canon_guest sw_guest_make(const sw_options *o, sw_task *task, sw_subtask *subtask)
{
    sw_canon_guest g = o->guest;
    if (g.memory_object != NULL) {
        g.memory = sw_memory_get_view(g.memory_object);
    }
    g.handles.task = task;
    g.handles.subtask = subtask;
    return g;
}

sw_handle_side sw_host_side(sw_component_instance *i, sw_subtask *subtask)
{
    return (sw_handle_side){.store = i->store,
                            .resources = i->resources,
                            .handles = &i->host_handles,
                            .instance = SW_PLAN_NONE,
                            .subtask = subtask};
}

sw_status sw_core_func_find(sw_component_instance *i, const sw_core_ref *ref,
                            const sw_func_cell **ret_cell)
{
    if (ref->source == SW_CORE_TRAMPOLINE) {
        *ret_cell = &i->trampolines[ref->index].gate.host.cell;
        return SW_OK;
    }
    *ret_cell = NULL;
    if (ref->source == SW_CORE_EXPORT) {
        sw_extern e;
        SW_TRY(sw_instance_export(i->cores[ref->index], ref->item, &e));
        assert(e.kind == SW_EXTERN_FUNC);
        *ret_cell = e.func.cell;
    }
    return SW_OK;
}

sw_status sw_options_bind(sw_options *o, const sw_canon_options *plan)
{
    sw_component_instance *i = o->owner;
    o->guest = (sw_canon_guest){
        .memory = &NO_MEMORY_VIEW,
        .handles = {.store = i->store,
                    .resources = i->resources,
                    .handles = &i->nodes[o->node].handles,
                    .instance = o->node}
    };
    if (plan == NULL) {
        return SW_OK;
    }
    o->guest.encoding = plan->encoding;
    if (plan->memory.source == SW_CORE_EXPORT) {
        sw_extern e;
        SW_TRY(sw_instance_export(i->cores[plan->memory.index], plan->memory.item, &e));
        assert(e.kind == SW_EXTERN_MEMORY);
        o->guest.memory_object = e.memory;
    }
    SW_TRY(sw_core_func_find(i, &plan->realloc, &o->realloc));
    SW_TRY(sw_core_func_find(i, &plan->post_return, &o->post_return));
    if (o->realloc != NULL && o->guest.memory_object != NULL) {
        o->guest.realloc = call_realloc;
        o->guest.realloc_env = o;
    }
    return SW_OK;
}

/* ---- Arenas of calls ---------------------------------------------------------------------------
 */

enum { KEPT_ARENA_BYTES = 64 * 1024 };

sw_call_arena *sw_call_arena_take(sw_component_instance *i)
{
    sw_call_arena *a = i->call_arenas;
    if (a != NULL) {
        i->call_arenas = a->next;
        return a;
    }
    a = SW_NEW(&i->arena, sw_call_arena);
    if (a != NULL) {
        sw_arena_init(&a->arena, sw_store_budget(i->store), SIZE_MAX);
    }
    return a;
}

void sw_call_arena_give(sw_component_instance *i, sw_call_arena *a)
{
    if (a->arena.blocks != NULL) {
        if (a->arena.total_bytes > KEPT_ARENA_BYTES) {
            sw_arena_clear(&a->arena);
        } else {
            sw_arena_reset(&a->arena);
        }
    }
    a->next = i->call_arenas;
    i->call_arenas = a;
}

/* ---- Destroying resources ----------------------------------------------------------------------
 */

void sw_resource_drop_host(sw_component_instance *i, const sw_resource *r, uint32_t rep)
{
    const sw_host_iface_resource *host = r->host;
    if (host != NULL && host->drop != NULL) {
        host->drop(host->has_drop_env ? host->drop_env : i->env, rep);
    }
}

sw_trap sw_resource_destroy(sw_component_instance *i, const sw_resource *r, uint32_t rep,
                            uint32_t from)
{
    if (r->instance == SW_PLAN_NONE) {
        sw_resource_drop_host(i, r, rep);
        return SW_TRAP_NONE;
    }
    uint32_t until = sw_node_common(i->nodes, r->instance, from);
    if (!sw_node_enter(i->nodes, r->instance, until)) {
        return sw_canon_trap(i->store, SW_TRAP_CANNOT_ENTER, "cannot enter component instance");
    }
    sw_trap trap = SW_TRAP_NONE;
    if (r->destructor != NULL) {
        sw_regs regs;
        regs.ints[0] = rep;
        trap = sw_call_core(i, r->destructor, &regs);
    }
    if (trap == SW_TRAP_NONE) {
        sw_node_leave(i->nodes, r->instance, until);
    }
    return trap;
}

/* ---- Calling a lifted function -----------------------------------------------------------------
 */

typedef struct host_call {
    sw_component_instance *owner;
    const sw_lift *lift;
    sw_task task;
    sw_subtask subtask;
    sw_canon_guest guest;
    sw_handle_side host;
    sw_canon_call canon;
    sw_canon_frame frame;
} host_call;

static sw_trap lower_params(host_call *h, const uint8_t *params)
{
    const sw_canon_func *f = h->lift->type;
    h->canon.to = &h->guest;
    h->canon.from = NULL;
    sw_canon_place to = {.frame = (uint8_t *)&h->frame};
    if (!f->params.is_flat) {
        uint32_t address = 0;
        sw_trap trap = sw_canon_allocate(&h->canon, SW_CANON_LIST_CONTENT, (const uint32_t[2]){},
                                         f->params.guest_align, f->params.guest_bytes, &address);
        if (trap != SW_TRAP_NONE) {
            return trap;
        }
        h->frame.regs.ints[0] = address;
        to = (sw_canon_place){.address = address};
    }
    sw_trap trap = sw_canon_lower(&h->canon, f->params.program, params, to);
    if (trap == SW_TRAP_NONE && f->overflow != 0) {
        memcpy(sw_store_args_area(h->owner->store), h->frame.extra, (size_t)16 * f->overflow);
    }
    return trap;
}

static sw_trap lift_result(host_call *h, uint8_t *result)
{
    const sw_canon_func *f = h->lift->type;
    h->canon.to = NULL;
    h->canon.from = &h->guest;
    if (h->guest.memory_object != NULL) {
        h->guest.memory = sw_memory_get_view(h->guest.memory_object);
    }
    sw_canon_place from = {.frame = (uint8_t *)&h->frame};
    if (!f->result.is_flat) {
        uint32_t address = (uint32_t)h->frame.regs.ints[0];
        sw_trap trap = sw_canon_check_tuple(&h->canon, &h->guest, &f->result, address);
        if (trap != SW_TRAP_NONE) {
            return trap;
        }
        from = (sw_canon_place){.address = address};
    }
    return sw_canon_lift(&h->canon, f->result.program, from, result);
}

static sw_trap call_lifted(host_call *h, const uint8_t *params, uint8_t *result)
{
    const sw_lift *l = h->lift;
    sw_trap trap = lower_params(h, params);
    if (trap == SW_TRAP_NONE) {
        trap = sw_call_core(h->owner, l->func, &h->frame.regs);
    }
    if (trap == SW_TRAP_NONE) {
        trap = lift_result(h, result);
    }
    if (trap == SW_TRAP_NONE && h->task.borrows != 0) {
        trap = sw_canon_trap(h->owner->store, SW_TRAP_CANONICAL_ABI,
                             "borrow handles still remain at the end of the call");
    }
    if (trap == SW_TRAP_NONE && l->options.post_return != NULL) {
        trap = sw_call_closed(h->owner, l->node, l->options.post_return, &h->frame.regs);
    }
    return trap;
}

/* A function of numbers and the like. */
static sw_trap call_simple(sw_component_instance *i, const sw_lift *l, const uint8_t *params,
                           uint8_t *result)
{
    SW_UNINITIALIZED sw_canon_frame frame;
    sw_canon_frame_init(&frame, l->type);
    sw_canon_call c = {.canon = &i->component->canon, .store = i->store};
    sw_canon_place place = {.frame = (uint8_t *)&frame};
    sw_trap trap = sw_canon_lower(&c, l->type->params.program, params, place);
    if (trap == SW_TRAP_NONE && l->type->overflow != 0) {
        memcpy(sw_store_args_area(i->store), frame.extra, (size_t)16 * l->type->overflow);
    }
    if (trap == SW_TRAP_NONE) {
        trap = sw_call_core(i, l->func, &frame.regs);
    }
    if (trap == SW_TRAP_NONE) {
        trap = sw_canon_lift(&c, l->type->result.program, place, result);
    }
    if (trap == SW_TRAP_NONE && l->options.post_return != NULL) {
        trap = sw_call_closed(i, l->node, l->options.post_return, &frame.regs);
    }
    return trap;
}

static sw_trap call_with_values(sw_component_instance *i, const sw_lift *l, const uint8_t *params,
                                sw_arena *arena, uint8_t *result)
{
    SW_UNINITIALIZED host_call h;
    h.owner = i;
    h.lift = l;
    h.task = (sw_task){.instance = l->node};
    h.subtask = (sw_subtask){.table = &i->host_handles, .temporary_table = &i->host_handles};
    h.guest = sw_guest_make(&l->options, &h.task, &h.subtask);
    h.host = sw_host_side(i, &h.subtask);
    h.canon = (sw_canon_call){.canon = &i->component->canon,
                              .host = &h.host,
                              .store = i->store,
                              .arena = arena,
                              .bytes_left = SW_CANON_CALL_BYTES};
    sw_canon_frame_init(&h.frame, l->type);
    sw_trap trap = call_lifted(&h, params, result);
    sw_subtask_end(&h.subtask);
    return trap;
}

static sw_trap enter_and_call(const sw_component_func *f, const void *params, sw_arena *arena,
                              void *ret_result)
{
    sw_component_instance *i = f->instance;
    const sw_lift *l = &i->lifts[f->lift];
    if (SW_UNLIKELY(i->is_poisoned || !sw_node_enter(i->nodes, l->node, SW_PLAN_NONE))) {
        return sw_canon_trap(i->store, SW_TRAP_CANNOT_ENTER, "cannot enter component instance");
    }
    sw_trap trap = sw_canon_is_simple(l->type) ? call_simple(i, l, params, ret_result)
                                               : call_with_values(i, l, params, arena, ret_result);
    if (SW_LIKELY(trap == SW_TRAP_NONE)) {
        sw_node_leave(i->nodes, l->node, SW_PLAN_NONE);
    } else {
        i->is_poisoned = true;
    }
    return trap;
}

/* An import that the component exports again: the host calls itself. */
static sw_trap call_import(const sw_component_func *f, const void *params, sw_arena *arena,
                           void *ret_result)
{
    sw_component_instance *i = f->instance;
    const sw_host_iface_func *func = i->binding->funcs[f->lift - i->component->plan.lifts_count];
    sw_host_call call = {i->env, i->store, arena, func};
    return func->fn(&call, params, ret_result);
}

static sw_status report(sw_component_instance *i, sw_trap trap, sw_diag *diag)
{
    sw_status st = sw_store_raise(i->store, trap);
    return st == SW_EXIT ? st : sw_fail(diag, st, SW_NO_OFFSET, "%s", sw_store_trap_text(i->store));
}

sw_status sw_component_call(const sw_component_func *f, const void *params, sw_arena *arena,
                            sw_diag *diag, void *ret_result)
{
    sw_component_instance *i = f->instance;
    sw_trap trap = f->lift < i->component->plan.lifts_count
                       ? enter_and_call(f, params, arena, ret_result)
                       : call_import(f, params, arena, ret_result);
    return SW_LIKELY(trap == SW_TRAP_NONE) ? SW_OK : report(i, trap, diag);
}

static bool is_running(const sw_component_instance *i, uint32_t node)
{
    for (; node != SW_PLAN_NONE; node = i->nodes[node].parent) {
        if (!i->nodes[node].may_enter) {
            return true;
        }
    }
    return false;
}

sw_status sw_component_drop(sw_component_instance *i, uint32_t handle, sw_diag *diag)
{
    const sw_handle *h = sw_handles_find(&i->host_handles, handle);
    if (h == NULL || h->kind != SW_HANDLE_OWN || h->lends != 0) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "%u is no resource handle to drop", handle);
    }
    sw_handle copy = *h;
    if (!i->is_poisoned && is_running(i, i->resources[copy.resource].instance)) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "resource %u cannot be dropped while a call of its instance is in progress",
                       handle);
    }
    sw_handles_remove(&i->host_handles, handle);
    if (i->is_poisoned) {
        (void)sw_canon_trap(i->store, SW_TRAP_CANNOT_ENTER, "cannot enter component instance");
        return report(i, SW_TRAP_CANNOT_ENTER, diag);
    }
    sw_trap trap = sw_resource_destroy(i, &i->resources[copy.resource], copy.rep, SW_PLAN_NONE);
    if (trap == SW_TRAP_NONE) {
        return SW_OK;
    }
    i->is_poisoned = true;
    return report(i, trap, diag);
}
