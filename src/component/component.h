/*
 * Components at run time: load, link with host interfaces, instantiate, call.
 */
#pragma once

#include "base/buf.h"
#include "component/canon.h"
#include "component/decode.h"
#include "component/host.h"
#include "run/run.h"

typedef struct sw_component sw_component;
typedef struct sw_linker sw_linker;
typedef struct sw_component_instance sw_component_instance;

/* ---- Loading --------------------------------------------------------------------------------- */

/* Appends the plan to out as a position-independent block (a part of an image file). */
SW_NODISCARD sw_status sw_plan_write(const sw_plan *plan, sw_buf *out);
/* The view of such a block, which is trusted and stays borrowed (mapped). Copies nothing. */
SW_NODISCARD sw_status sw_plan_map(sw_bytes block, sw_diag *diag, sw_plan *ret_plan);

/* plan_block stays borrowed for the component's life; codes: plan.modules_count references, taken
 * over. Makes the canonical ABI's plans, one per function type in use. */
SW_NODISCARD sw_status sw_component_new(sw_engine *e, sw_bytes plan_block, sw_code *const *codes,
                                        sw_diag *diag, sw_component **ret_component);
sw_component *sw_component_ref(sw_component *c);
void sw_component_unref(sw_component *c);
const sw_plan *sw_component_plan(const sw_component *c);
const sw_canon_layouts *sw_component_layouts(const sw_component *c); /* of the plan's types */

/* ---- Linking --------------------------------------------------------------------------------- */

/* A linker holds what a host offers; it may serve many instances of many components. */
SW_NODISCARD sw_status sw_linker_new(sw_engine *e, sw_budget *budget, sw_linker **ret_linker);
void sw_linker_free(sw_linker *l);

/* The interface table is borrowed. Imports find it by exact name, else by semver track (highest
 * registered version; functions it lacks are reported when a component needs them). */
SW_NODISCARD sw_status sw_linker_define(sw_linker *l, const sw_host_iface *iface, sw_diag *diag);

/* Whether every import of the component is satisfied: SW_UNLINKABLE names the first that is not,
 * as "wasi:sockets/tcp@0.2.0 (imported by the component)". */
SW_NODISCARD sw_status sw_linker_check(const sw_linker *l, const sw_component *c, sw_diag *diag);

/* ---- Instances and calls --------------------------------------------------------------------- */

/* env: passed to all host functions of this instance. */
SW_NODISCARD sw_status sw_component_instance_new(sw_store *s, sw_component *c, const sw_linker *l,
                                                 void *env, sw_diag *diag,
                                                 sw_component_instance **ret_instance);

/* Drops what the instance still owns (the host's drop callbacks run with its env), so it comes
 * before the env and the store are freed. i may be NULL. */
void sw_component_instance_free(sw_component_instance *i);

/* For an instance whose store is going to be rewound (run.h), after calls that all returned: drops
 * what its handles own, as above, and is as new. False: it has trapped. */
bool sw_component_instance_renew(sw_component_instance *i);

typedef struct sw_component_func {
    sw_component_instance *instance;
    uint32_t lift; /* plan.lifts index; from lifts_count on: an imported function passed on */
    uint32_t func_type;
} sw_component_func;

/* interface: "wasi:cli/run@0.2.0", matched exactly or by semver track; empty for a function at the
 * top. SW_NOT_FOUND. */
SW_NODISCARD sw_status sw_component_find_func(sw_component_instance *i, sw_str interface,
                                              sw_str name, sw_diag *diag,
                                              sw_component_func *ret_func);

/*
 * Calls with values in host layout: params is the struct of the parameters, ret_result room for
 * the result (sizes: sw_component_layouts). Strings and lists of the result lie in arena. Runs
 * post-return. SW_TRAP, SW_EXIT as sw_call; after a trap the instance cannot be entered again.
 */
SW_NODISCARD sw_status sw_component_call(const sw_component_func *f, const void *params,
                                         sw_arena *arena, sw_diag *diag, void *ret_result);

/* Drops a resource that a guest implements and the host holds: a handle from a result. Its
 * destructor runs. SW_ARGUMENT: no such handle, or lent to a call in progress, or the instance that
 * implements it has a call in progress. */
SW_NODISCARD sw_status sw_component_drop(sw_component_instance *i, uint32_t handle, sw_diag *diag);
