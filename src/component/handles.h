/*
 * Handle tables, resources at run time, and what a call owes for the handles it moves.
 *
 * Every component instance has one table; the host side of a component has one more, for resources
 * that guests implement and the host holds. Index 0 is never a handle; indices freed last are given
 * out first (guests can see that). A table is charged to its store's budget.
 *
 * An own handle that is lent (as the source of a borrow) cannot be dropped or given away before the
 * call returns: the SUBTASK remembers what it lent. A borrow handle that a call received must be
 * dropped before the call returns: the TASK counts them.
 */
#pragma once

#include "base/memory.h"
#include "code/abi.h"
#include "component/host.h"
#include "component/plan.h"
#include "run/run.h"

#define SW_HANDLES_MAX ((1u << 28) - 1)

/* A call into a component instance. One lives on the C stack of each synchronous call. */
typedef struct sw_task {
    uint32_t instance;
    uint32_t borrows; /* handles received as borrows and not yet dropped */
} sw_task;

typedef enum sw_handle_kind {
    SW_HANDLE_FREE,
    SW_HANDLE_OWN,
    SW_HANDLE_BORROW,
} sw_handle_kind;

typedef struct sw_handle {
    uint32_t kind;     /* sw_handle_kind */
    uint32_t resource; /* sw_resource.id */
    uint32_t rep;
    uint32_t lends; /* FREE: the next free index, 0 for none */
    sw_task *task;  /* BORROW: who must drop it; NULL in the host's table */
} sw_handle;

typedef struct sw_handles {
    sw_handle *at; /* owned; [0] is never used */
    uint32_t count, capacity;
    uint32_t free;     /* freed last, 0 for none */
    sw_budget *budget; /* borrowed */
} sw_handles;

void sw_handles_clear(sw_handles *t);
/* SW_TRAP_OUT_OF_HOST_MEMORY, or SW_TRAP_CANONICAL_ABI when the table is full. */
SW_NODISCARD sw_trap sw_handles_add(sw_handles *t, sw_handle h, uint32_t *ret_index);
/* NULL if there is no such handle. Good until the next addition. */
sw_handle *sw_handles_find(const sw_handles *t, uint32_t index);
/* The handle exists. */
void sw_handles_remove(sw_handles *t, uint32_t index);

/* A resource type of a component at run time. */
typedef struct sw_resource {
    uint32_t id;       /* equal for two that the host says are one; an index of this table */
    uint32_t instance; /* the component instance that implements it; SW_PLAN_NONE: the host */
    const sw_func_cell *destructor;     /* or NULL */
    const sw_host_iface_resource *host; /* whose drop is called; NULL: a guest's */
} sw_resource;

/* A call out of a component instance, or of the host: the handles it lent. */
enum { SW_SUBTASK_INLINE = 6 };

typedef struct sw_subtask {
    sw_handles *table;                /* of those who lend */
    sw_handles *temporary_table;      /* where handles for this call alone were made, or NULL */
    uint32_t *more;                   /* owned, when the inline ones are used up */
    uint32_t count, capacity;         /* capacity of more */
    uint32_t lent[SW_SUBTASK_INLINE]; /* index; with the top bit set: to be removed at the end */
} sw_subtask;

/* What one side of a call needs for handles. */
typedef struct sw_handle_side {
    sw_store *store;              /* for messages; may be NULL */
    const sw_resource *resources; /* by index in the plan */
    sw_handles *handles;
    uint32_t instance;   /* SW_PLAN_NONE: the host's side */
    sw_task *task;       /* whom borrows are lowered for; NULL on the host's side */
    sw_subtask *subtask; /* what lends are recorded in */
} sw_handle_side;

/* Out of a table, as the canonical ABI lifts: own handles leave it, borrowed ones are lent. */
SW_NODISCARD sw_trap sw_handle_lift_own(const sw_handle_side *s, uint32_t resource, uint32_t index,
                                        uint32_t *ret_rep);
SW_NODISCARD sw_trap sw_handle_lift_borrow(const sw_handle_side *s, uint32_t resource,
                                           uint32_t index, uint32_t *ret_rep);
/* Into a table. A borrow that reaches the instance that implements the resource is its rep. */
SW_NODISCARD sw_trap sw_handle_lower_own(const sw_handle_side *s, uint32_t resource, uint32_t rep,
                                         uint32_t *ret_index);
SW_NODISCARD sw_trap sw_handle_lower_borrow(const sw_handle_side *s, uint32_t resource,
                                            uint32_t rep, uint32_t *ret_index);

/* The call has returned: what it lent is whole again. */
void sw_subtask_end(sw_subtask *s);

/* A trap with an explanation, for the function that is about to return it. store may be NULL. */
sw_trap sw_canon_trap(sw_store *store, sw_trap reason, const char *fmt, ...) SW_PRINTF(3, 4);

/* The handle, checked to be one of this resource type; else NULL after an explanation. */
sw_handle *sw_handle_check(const sw_handle_side *s, uint32_t resource, uint32_t index);
