/*
 * Components at run time, inside: what loading, linking, instantiating and calling share.
 *
 * A sw_component_instance is the whole tree that one root instantiation makes. The component
 * instances in it are its NODES, which all live and die together. A core function that a guest
 * imports is a TRAMPOLINE; a core function behind a component function is a LIFT.
 *
 * Entering. A node's may_enter is false while code of it or of a descendant runs, and for good once
 * a trap has left it: nothing puts the flags of an interrupted call back. The root's `is_poisoned`
 * says the same for the whole tree, which a trap anywhere in it makes unusable.
 */
#pragma once

#include "component/canon_run.h"
#include "component/component.h"

/* ---- Components and bindings -------------------------------------------------------------------
 */

struct sw_component {
    _Atomic uint32_t refs;
    uint64_t serial; /* never used twice */
    sw_engine *engine;
    sw_arena arena; /* the canonical ABI's plans */
    sw_plan plan;   /* view of a borrowed block */
    sw_canon canon;
    sw_code **codes;    /* plan.modules_count references, in the arena */
    uint32_t *type_ids; /* of the trampolines' core types, in the arena */
};

/* Where the imports of one component lead in one linker. Immutable, counted. */
typedef struct sw_binding {
    _Atomic uint32_t refs;
    uint64_t component; /* serial */
    size_t bytes;       /* of this block */
    sw_budget *budget;
    const sw_host_iface_func **funcs; /* by import_funcs */
    uint32_t *resource_ids;           /* by import_resources: a resources index, shared by equals */
    const sw_host_iface_resource **resources; /* by import_resources */
} sw_binding;

/* The binding of a component, from the linker's cache or made now. The caller's reference. */
SW_NODISCARD sw_status sw_linker_bind(const sw_linker *l, const sw_component *c, sw_diag *diag,
                                      sw_binding **ret_binding);
void sw_binding_unref(sw_binding *b);

/* ---- Instances ---------------------------------------------------------------------------------
 */

typedef struct sw_node {
    uint32_t parent; /* SW_PLAN_NONE: the root */
    bool may_enter, may_leave;
    sw_handles handles;
} sw_node;

/* Canonical options, found in the instances. */
typedef struct sw_options {
    sw_component_instance *owner;
    uint32_t node;
    const sw_func_cell *realloc, *post_return; /* or NULL */
    sw_canon_guest guest;                      /* a guest's side, to be copied for each call */
} sw_options;

typedef struct sw_lift {
    const sw_func_cell *func;
    const sw_canon_func *type;
    uint32_t node;
    sw_options options;
} sw_lift;

typedef struct sw_trampoline {
    sw_gate gate; /* first: what the guest imports; usually only its host function */
    sw_component_instance *owner;
    uint32_t node; /* who calls */
    uint32_t resource;
    const sw_canon_func *type;
    const sw_host_iface_func *func; /* LOWER_IMPORT */
    const sw_lift *lift;            /* LOWER_LIFT */
    uint32_t enter_until;           /* LOWER_LIFT: the first ancestor that is not entered anew */
    bool is_idle;                   /* LOWER_LIFT through a gate that enters no other instance */
    sw_options options;
} sw_trampoline;

/* Arenas of calls, kept for the next one. */
typedef struct sw_call_arena {
    struct sw_call_arena *next;
    sw_arena arena;
} sw_call_arena;

struct sw_component_instance {
    sw_store *store;
    sw_component *component; /* owned reference */
    sw_binding *binding;     /* owned reference */
    void *env;
    sw_arena arena; /* everything below */
    sw_node *nodes;
    sw_instance **cores;
    sw_trampoline *trampolines;
    sw_lift *lifts;
    sw_resource *resources;
    sw_handles host_handles; /* resources of guests that the host holds */
    sw_call_arena *call_arenas;
    bool is_poisoned;
};

/* ---- Entering and leaving ----------------------------------------------------------------------
 */

/* The first node on the way from `from` to the root that is also `of` or above it. */
uint32_t sw_node_common(const sw_node *nodes, uint32_t from, uint32_t of);

/* Marks the nodes from `node` up to, not including, `until`: false if one may not be entered. */
bool sw_node_enter(sw_node *nodes, uint32_t node, uint32_t until);
void sw_node_leave(sw_node *nodes, uint32_t node, uint32_t until);

/* ---- Calls -------------------------------------------------------------------------------------
 */

/* Calls core code; the reason if it did not return. */
SW_NODISCARD sw_trap sw_call_core(sw_component_instance *i, const sw_func_cell *cell,
                                  sw_regs *regs);
/* The same while the node may not leave: realloc and post-return. */
SW_NODISCARD sw_trap sw_call_closed(sw_component_instance *i, uint32_t node,
                                    const sw_func_cell *cell, sw_regs *regs);

/* Not zeroed on entry to the function: for large locals of calls. */
#define SW_UNINITIALIZED __attribute__((uninitialized))

/* Whether a function's values need neither memory nor handles. */
static inline bool sw_canon_is_simple(const sw_canon_func *f)
{
    return f->params.is_simple && f->result.is_simple;
}

/* Zeroes the part of a frame that a call of this function uses. */
static inline void sw_canon_frame_init(sw_canon_frame *frame, const sw_canon_func *f)
{
    memset(&frame->regs, 0, sizeof frame->regs);
    if (SW_UNLIKELY(f->overflow != 0)) {
        memset(frame->extra, 0, sizeof frame->extra);
    }
}

/* A guest's side for one call. */
sw_canon_guest sw_guest_make(const sw_options *o, sw_task *task, sw_subtask *subtask);
sw_handle_side sw_host_side(sw_component_instance *i, sw_subtask *subtask);

/* Fills the options of a lift or lower. o->owner and o->node are set. */
SW_NODISCARD sw_status sw_options_bind(sw_options *o, const sw_canon_options *plan);

/* The cell of a core function, NULL for none; needs memory when first asked. */
SW_NODISCARD sw_status sw_core_func_find(sw_component_instance *i, const sw_core_ref *ref,
                                         const sw_func_cell **ret_cell);

/* Tells the host that a handle of its resource is gone. */
void sw_resource_drop_host(sw_component_instance *i, const sw_resource *r, uint32_t rep);

/* Runs a resource's destructor or the host's callback. from: who drops it, or SW_PLAN_NONE. */
SW_NODISCARD sw_trap sw_resource_destroy(sw_component_instance *i, const sw_resource *r,
                                         uint32_t rep, uint32_t from);

/* The core type of a trampoline. */
const sw_functype *sw_trampoline_type(const sw_component *c, uint32_t index);

/* Makes trampoline `index` callable. */
SW_NODISCARD sw_status sw_trampoline_bind(sw_component_instance *i, uint32_t index);

sw_call_arena *sw_call_arena_take(sw_component_instance *i); /* NULL: no memory */
void sw_call_arena_give(sw_component_instance *i, sw_call_arena *a);
