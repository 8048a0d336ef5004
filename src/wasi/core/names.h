/*
 * What an owner of stores (a component on a worker, or a single store) has looked up.
 *
 * Questions for one name are asked once, answers are kept for a while: an address for 30 seconds
 * at most (the system's resolver does not tell how long it holds), that there is none for 5. What
 * an owner can cause is bounded: names kept, and questions on the way to the system's resolver at a
 * time, so that one whose names nobody answers does not take every thread from the others. Nothing
 * is shared between owners.
 *
 * On the loop's thread. A query lies in the caller's memory.
 */
#pragma once

#include "wasi/core/resolve.h"

typedef struct sw_names sw_names;
typedef struct sw_name_query sw_name_query;
typedef struct sw_name sw_name;
typedef void sw_name_fn(sw_name_query *q, const sw_resolve_answer *answer);

struct sw_name_query {
    sw_name_fn *fn;
    sw_name *name; /* NULL: nothing is asked */
    sw_name_query *next, *prev;
};

enum {
    SW_NAMES_MAX = 128,     /* kept, with those that are asked for */
    SW_NAMES_ASKED_MAX = 4, /* by the system's resolver at a time */
    SW_NAMES_FOUND_S = 30,  /* how long answers are kept */
    SW_NAMES_NOT_FOUND_S = 5,
    SW_NAMES_FAILED_S = 1,
};

/* budget is charged for what is kept. */
SW_NODISCARD sw_status sw_names_new(sw_loop *loop, sw_budget *budget, sw_names **ret_names);
/* Nobody asks any more. n may be NULL. */
void sw_names_free(sw_names *n);

/* The context's (sw_wasi_set_names), or one that is made for it, over the loop of its store. */
SW_NODISCARD sw_status sw_names_of(sw_wasi *w, sw_names **ret_names);

/* Literals, localhost (resolve.h), and what is kept. */
bool sw_names_find(sw_names *n, sw_str host, sw_resolve_answer *ret_answer);

/* Asks; fn is called once, from the loop. SW_ARGUMENT: not a name; SW_LIMIT: too many are asked
 * for; SW_NO_MEMORY. */
SW_NODISCARD sw_status sw_names_ask(sw_names *n, sw_str host, sw_name_query *q, sw_name_fn *fn);

/* fn is not called any more. q may be zero, or have been answered. */
void sw_names_leave(sw_name_query *q);
