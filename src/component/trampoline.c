/*
 * The core functions that guests import: lowered functions of the host and of other component
 * instances, and what resources are made and dropped with.
 */
#include "component/runtime.h"

static sw_trap cannot_leave(const sw_trampoline *t)
{
    return sw_canon_trap(t->owner->store, SW_TRAP_CANNOT_LEAVE, "cannot leave component instance");
}

/* ---- The caller's side of a lowered function ---------------------------------------------------
 */

/* Where the caller's flat values are: its registers, or a copy with what overflowed them. */
static uint8_t *caller_frame(const sw_trampoline *t, sw_regs *regs, sw_canon_frame *room)
{
    if (SW_LIKELY(t->type->lower_overflow == 0)) {
        return (uint8_t *)regs;
    }
    room->regs = *regs;
    memcpy(room->extra, sw_store_args_area(t->owner->store), (size_t)16 * t->type->lower_overflow);
    return (uint8_t *)room;
}

/* Where the parameters are read. */
static sw_trap open_params(const sw_canon_call *c, const sw_trampoline *t, uint8_t *frame,
                           sw_canon_place *ret_place)
{
    if (t->type->params.is_flat) {
        *ret_place = (sw_canon_place){.frame = frame};
        return SW_TRAP_NONE;
    }
    *ret_place = (sw_canon_place){.address = sw_load_u32(frame)};
    return sw_canon_check_tuple(c, c->from, &t->type->params, ret_place->address);
}

/* Results are written into registers that are zero. */
static void clear_result(sw_regs *regs)
{
    regs->ints[0] = 0;
    memset(regs->vectors[0], 0, sizeof regs->vectors[0]);
}

/* Where the result is written: the registers, then zero, or the address that the caller gave. */
static sw_trap open_result(const sw_canon_call *c, const sw_trampoline *t, const uint8_t *frame,
                           sw_regs *regs, sw_canon_place *ret_place)
{
    if (!t->type->result.is_flat) {
        *ret_place = (sw_canon_place){.address = sw_load_u32(frame + t->type->out_pointer)};
        return sw_canon_check_tuple(c, c->to, &t->type->result, ret_place->address);
    }
    clear_result(regs);
    *ret_place = (sw_canon_place){.frame = (uint8_t *)regs};
    return SW_TRAP_NONE;
}

/* ---- Functions of the host ---------------------------------------------------------------------
 */

/* Room for values in host layout; larger ones go to the arena. */
enum { SMALL_BYTES = SW_CANON_SIMPLE_BYTES };

typedef union small_values {
    uint8_t bytes[SMALL_BYTES];
    uint64_t align;
} small_values;

static uint8_t *host_values(const sw_canon_values *v, small_values *room, sw_arena *arena)
{
    return v->host_bytes <= SMALL_BYTES ? room->bytes
                                        : sw_arena_alloc(arena, v->host_bytes, v->host_align);
}

static sw_trap call_host(const sw_trampoline *t, sw_canon_call *c, uint8_t *frame, sw_regs *regs)
{
    SW_UNINITIALIZED small_values small_params, small_result;
    const sw_canon_func *f = t->type;
    uint8_t *params = host_values(&f->params, &small_params, c->arena);
    uint8_t *result = host_values(&f->result, &small_result, c->arena);
    if (params == NULL || result == NULL) {
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    sw_canon_place place;
    sw_trap trap = open_params(c, t, frame, &place);
    if (trap == SW_TRAP_NONE) {
        trap = sw_canon_lift(c, f->params.program, place, params);
    }
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    memset(result, 0, f->result.host_bytes);
    sw_host_call call = {t->owner->env, t->owner->store, c->arena, t->func};
    trap = t->func->fn(&call, params, result);
    if (SW_UNLIKELY(trap != SW_TRAP_NONE)) {
        return trap;
    }
    c->to = c->from;
    c->from = NULL;
    if (c->to->memory_object != NULL) {
        c->to->memory = sw_memory_get_view(c->to->memory_object);
    }
    trap = open_result(c, t, frame, regs, &place);
    return trap != SW_TRAP_NONE ? trap : sw_canon_lower(c, f->result.program, result, place);
}

/* A function of numbers and the like. */
static sw_trap call_host_simple(const sw_trampoline *t, sw_arena *arena, sw_regs *regs)
{
    SW_UNINITIALIZED sw_canon_frame room;
    SW_UNINITIALIZED small_values params, result;
    const sw_canon_func *f = t->type;
    sw_canon_call c = {.canon = &t->owner->component->canon, .store = t->owner->store};
    sw_canon_place place = {.frame = caller_frame(t, regs, &room)};
    sw_trap trap = sw_canon_lift(&c, f->params.program, place, params.bytes);
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    memset(result.bytes, 0, f->result.host_bytes);
    sw_host_call call = {t->owner->env, t->owner->store, arena, t->func};
    trap = t->func->fn(&call, params.bytes, result.bytes);
    if (SW_UNLIKELY(trap != SW_TRAP_NONE)) {
        return trap;
    }
    clear_result(regs);
    return sw_canon_lower(&c, f->result.program, result.bytes,
                          (sw_canon_place){.frame = (uint8_t *)regs});
}

static sw_trap call_host_with_values(const sw_trampoline *t, sw_arena *arena, sw_regs *regs)
{
    SW_UNINITIALIZED sw_canon_frame room;
    sw_component_instance *i = t->owner;
    uint8_t *frame = caller_frame(t, regs, &room);
    sw_subtask subtask = {.table = &i->nodes[t->node].handles, .temporary_table = &i->host_handles};
    sw_canon_guest guest = sw_guest_make(&t->options, NULL, &subtask);
    sw_handle_side host = sw_host_side(i, &subtask);
    sw_canon_call c = {.canon = &i->component->canon,
                       .from = &guest,
                       .host = &host,
                       .store = i->store,
                       .arena = arena,
                       .may_alias = true,
                       .bytes_left = SW_CANON_CALL_BYTES};
    sw_trap trap = call_host(t, &c, frame, regs);
    sw_subtask_end(&subtask);
    return trap;
}

static sw_trap lower_import(sw_host_func *self, sw_regs *regs)
{
    const sw_trampoline *t = (const sw_trampoline *)self;
    sw_component_instance *i = t->owner;
    if (SW_UNLIKELY(!i->nodes[t->node].may_leave)) {
        return cannot_leave(t);
    }
    sw_call_arena *arena = sw_call_arena_take(i);
    if (SW_UNLIKELY(arena == NULL)) {
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    sw_trap trap = sw_canon_is_simple(t->type) ? call_host_simple(t, &arena->arena, regs)
                                               : call_host_with_values(t, &arena->arena, regs);
    sw_call_arena_give(i, arena);
    return trap;
}

/* ---- Functions of other component instances ----------------------------------------------------
 */

static sw_trap pass_params(const sw_trampoline *t, sw_canon_call *c, uint8_t *frame,
                           sw_canon_frame *callee)
{
    const sw_canon_func *f = t->type;
    sw_canon_place from, to = {.frame = (uint8_t *)callee};
    sw_trap trap = open_params(c, t, frame, &from);
    if (trap == SW_TRAP_NONE && !f->params.is_flat) {
        trap = sw_canon_allocate(c, SW_CANON_LIST_CONTENT, (const uint32_t[2]){},
                                 f->params.guest_align, f->params.guest_bytes, &to.address);
        callee->regs.ints[0] = to.address;
        to.frame = NULL;
    }
    if (trap == SW_TRAP_NONE) {
        trap = sw_canon_pass(c, f->params.program, from, to);
    }
    if (trap == SW_TRAP_NONE && f->overflow != 0) {
        memcpy(sw_store_args_area(t->owner->store), callee->extra, (size_t)16 * f->overflow);
    }
    return trap;
}

static sw_trap pass_result(const sw_trampoline *t, sw_canon_call *c, const uint8_t *frame,
                           sw_canon_frame *callee, sw_regs *regs)
{
    const sw_canon_func *f = t->type;
    sw_canon_guest *caller = c->from;
    c->from = c->to;
    c->to = caller;
    if (c->from->memory_object != NULL) {
        c->from->memory = sw_memory_get_view(c->from->memory_object);
    }
    if (c->to->memory_object != NULL) {
        c->to->memory = sw_memory_get_view(c->to->memory_object);
    }
    sw_canon_place from = {.frame = (uint8_t *)callee}, to;
    sw_trap trap = SW_TRAP_NONE;
    if (!f->result.is_flat) {
        from = (sw_canon_place){.address = (uint32_t)callee->regs.ints[0]};
        trap = sw_canon_check_tuple(c, c->from, &f->result, from.address);
    }
    if (trap == SW_TRAP_NONE) {
        trap = open_result(c, t, frame, regs, &to);
    }
    return trap != SW_TRAP_NONE ? trap : sw_canon_pass(c, f->result.program, from, to);
}

static sw_trap call_and_pass(const sw_trampoline *t, sw_canon_call *c, uint8_t *frame,
                             sw_regs *regs)
{
    const sw_lift *l = t->lift;
    SW_UNINITIALIZED sw_canon_frame callee;
    sw_canon_frame_init(&callee, t->type);
    sw_trap trap = pass_params(t, c, frame, &callee);
    if (trap == SW_TRAP_NONE) {
        trap = sw_call_core(t->owner, l->func, &callee.regs);
    }
    if (trap == SW_TRAP_NONE && c->to->handles.task->borrows != 0) {
        trap = sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI,
                             "borrow handles still remain at the end of the call");
    }
    if (trap == SW_TRAP_NONE) {
        trap = pass_result(t, c, frame, &callee, regs);
    }
    if (trap == SW_TRAP_NONE && l->options.post_return != NULL) {
        trap = sw_call_closed(t->owner, l->node, l->options.post_return, &callee.regs);
    }
    return trap;
}

static sw_trap call_with_values(const sw_trampoline *t, sw_regs *regs)
{
    sw_component_instance *i = t->owner;
    SW_UNINITIALIZED sw_canon_frame room;
    uint8_t *frame = caller_frame(t, regs, &room);
    sw_task task = {.instance = t->lift->node};
    sw_subtask subtask = {.table = &i->nodes[t->node].handles};
    /* Borrows pass only as parameters: the callee's side never lends, the caller's is no scope. */
    sw_canon_guest caller = sw_guest_make(&t->options, NULL, &subtask);
    sw_canon_guest callee = sw_guest_make(&t->lift->options, &task, NULL);
    sw_canon_call c = {.canon = &i->component->canon,
                       .from = &caller,
                       .to = &callee,
                       .store = i->store,
                       .bytes_left = SW_CANON_CALL_BYTES};
    sw_trap trap = call_and_pass(t, &c, frame, regs);
    sw_subtask_end(&subtask);
    return trap;
}

/* A function of numbers and the like. */
static sw_trap call_simple(const sw_trampoline *t, sw_regs *regs)
{
    const sw_lift *l = t->lift;
    SW_UNINITIALIZED sw_canon_frame room, callee;
    sw_canon_frame_init(&callee, t->type);
    sw_canon_call c = {.canon = &t->owner->component->canon, .store = t->owner->store};
    sw_canon_place from = {.frame = caller_frame(t, regs, &room)};
    sw_canon_place to = {.frame = (uint8_t *)&callee};
    sw_trap trap = sw_canon_pass(&c, t->type->params.program, from, to);
    if (trap == SW_TRAP_NONE && t->type->overflow != 0) {
        memcpy(sw_store_args_area(t->owner->store), callee.extra, (size_t)16 * t->type->overflow);
    }
    if (trap == SW_TRAP_NONE) {
        trap = sw_call_core(t->owner, l->func, &callee.regs);
    }
    if (trap == SW_TRAP_NONE) {
        clear_result(regs);
        trap = sw_canon_pass(&c, t->type->result.program, to,
                             (sw_canon_place){.frame = (uint8_t *)regs});
    }
    if (trap == SW_TRAP_NONE && l->options.post_return != NULL) {
        trap = sw_call_closed(t->owner, l->node, l->options.post_return, &callee.regs);
    }
    return trap;
}

/* Every register is already what the callee may see, and what the caller may see of the result. */
static sw_trap call_direct(const sw_trampoline *t, sw_regs *regs)
{
    const sw_lift *l = t->lift;
    sw_trap trap = sw_call_core(t->owner, l->func, regs);
    if (SW_LIKELY(trap != SW_TRAP_NONE || l->options.post_return == NULL)) {
        return trap;
    }
    sw_regs result = *regs;
    return sw_call_closed(t->owner, l->node, l->options.post_return, &result);
}

static sw_trap lower_lift(sw_host_func *self, sw_regs *regs)
{
    const sw_trampoline *t = (const sw_trampoline *)self;
    sw_node *nodes = t->owner->nodes;
    if (SW_UNLIKELY(!nodes[t->node].may_leave)) {
        return cannot_leave(t);
    }
    if (SW_UNLIKELY(!sw_node_enter(nodes, t->lift->node, t->enter_until))) {
        return sw_canon_trap(t->owner->store, SW_TRAP_CANNOT_ENTER,
                             "cannot enter component instance");
    }
    bool is_direct = t->type->params.is_direct && t->type->result.is_direct;
    sw_trap trap = is_direct                     ? call_direct(t, regs)
                   : sw_canon_is_simple(t->type) ? call_simple(t, regs)
                                                 : call_with_values(t, regs);
    if (SW_LIKELY(trap == SW_TRAP_NONE)) {
        sw_node_leave(nodes, t->lift->node, t->enter_until);
    }
    return trap;
}

/* ---- Resources ---------------------------------------------------------------------------------
 */

static sw_trap resource_new(sw_host_func *self, sw_regs *regs)
{
    const sw_trampoline *t = (const sw_trampoline *)self;
    if (SW_UNLIKELY(!t->owner->nodes[t->node].may_leave)) {
        return cannot_leave(t);
    }
    uint32_t index = 0;
    sw_trap trap = sw_handle_lower_own(&t->options.guest.handles, t->resource,
                                       (uint32_t)regs->ints[0], &index);
    regs->ints[0] = index;
    return trap;
}

static sw_trap resource_rep(sw_host_func *self, sw_regs *regs)
{
    const sw_trampoline *t = (const sw_trampoline *)self;
    const sw_handle *h =
        sw_handle_check(&t->options.guest.handles, t->resource, (uint32_t)regs->ints[0]);
    if (h == NULL) {
        return SW_TRAP_CANONICAL_ABI;
    }
    regs->ints[0] = h->rep;
    return SW_TRAP_NONE;
}

static sw_trap resource_drop(sw_host_func *self, sw_regs *regs)
{
    const sw_trampoline *t = (const sw_trampoline *)self;
    sw_component_instance *i = t->owner;
    if (SW_UNLIKELY(!i->nodes[t->node].may_leave)) {
        return cannot_leave(t);
    }
    const sw_handle_side *side = &t->options.guest.handles;
    uint32_t index = (uint32_t)regs->ints[0];
    const sw_handle *found = sw_handle_check(side, t->resource, index);
    if (found == NULL) {
        return SW_TRAP_CANONICAL_ABI;
    }
    if (found->lends != 0) {
        return sw_canon_trap(i->store, SW_TRAP_CANONICAL_ABI,
                             "cannot remove owned resource while borrowed");
    }
    sw_handle h = *found;
    sw_handles_remove(side->handles, index);
    if (h.kind == SW_HANDLE_BORROW) {
        h.task->borrows--;
        return SW_TRAP_NONE;
    }
    return sw_resource_destroy(i, &i->resources[h.resource], h.rep, t->node);
}

/* ---- Binding -----------------------------------------------------------------------------------
 */

static const sw_valtype I32 = SW_TYPE_I32;
static const sw_functype I32_TO_I32 = {&I32, &I32, 1, 1};
static const sw_functype I32_TO_NONE = {&I32, NULL, 1, 0};

typedef struct trampoline_kind {
    sw_host_entry_fn *entry;
    const sw_functype *type; /* NULL: the lowered function's */
} trampoline_kind;

static const trampoline_kind KINDS[] = {
    [SW_TRAMPOLINE_LOWER_IMPORT] = {lower_import,  NULL        },
    [SW_TRAMPOLINE_LOWER_LIFT] = {lower_lift,    NULL        },
    [SW_TRAMPOLINE_RESOURCE_NEW] = {resource_new,  &I32_TO_I32 },
    [SW_TRAMPOLINE_RESOURCE_DROP] = {resource_drop, &I32_TO_NONE},
    [SW_TRAMPOLINE_RESOURCE_REP] = {resource_rep,  &I32_TO_I32 },
};

const sw_functype *sw_trampoline_type(const sw_component *c, uint32_t index)
{
    const sw_trampoline_plan *p = &c->plan.trampolines[index];
    const sw_functype *type = KINDS[p->kind].type;
    return type != NULL ? type : &c->canon.funcs[p->func_type].lower_type;
}

/* Calls that need nothing done to their values go straight to the callee. */
static void open_gate(sw_trampoline *t)
{
    sw_node *nodes = t->owner->nodes;
    uint32_t callee = t->lift->node;
    bool enters_one = callee != t->enter_until && nodes[callee].parent == t->enter_until;
    if (!t->type->params.is_direct || !t->type->result.is_direct || t->lift->func == NULL ||
        t->lift->options.post_return != NULL || (callee != t->enter_until && !enters_one)) {
        return;
    }
    t->is_idle = true;
    t->gate.target = t->lift->func;
    t->gate.open = &nodes[t->node].may_leave;
    t->gate.idle = enters_one ? &nodes[callee].may_enter : &t->is_idle;
    sw_gate_init(&t->gate);
}

sw_status sw_trampoline_bind(sw_component_instance *i, uint32_t index)
{
    const sw_plan *plan = &i->component->plan;
    const sw_trampoline_plan *p = &plan->trampolines[index];
    const trampoline_kind *kind = &KINDS[p->kind];
    sw_trampoline *t = &i->trampolines[index];
    t->owner = i;
    t->node = p->instance;
    if (kind->type == NULL) {
        t->type = &i->component->canon.funcs[p->func_type];
    } else {
        t->resource = p->target;
    }
    if (p->kind == SW_TRAMPOLINE_LOWER_IMPORT) {
        t->func = i->binding->funcs[p->target];
    } else if (p->kind == SW_TRAMPOLINE_LOWER_LIFT) {
        t->lift = &i->lifts[p->target];
        t->enter_until = sw_node_common(i->nodes, plan->lifts[p->target].instance, p->instance);
    }
    t->options.owner = i;
    t->options.node = p->instance;
    SW_TRY(sw_options_bind(&t->options,
                           p->options == SW_PLAN_NONE ? NULL : &plan->options[p->options]));
    t->gate.host.entry = kind->entry;
    t->gate.host.type = sw_trampoline_type(i->component, index);
    SW_TRY(sw_host_func_init_typed(&t->gate.host, i->store, i->component->type_ids[index]));
    if (p->kind == SW_TRAMPOLINE_LOWER_LIFT) {
        open_gate(t);
    }
    return SW_OK;
}
