/*
 * Growable arrays on the heap.
 *
 *     SW_VEC(uint32_t) offsets = {.budget = b};
 *     SW_TRY(sw_vec_push(&offsets, x));   NO_MEMORY when the budget or the system is exhausted
 *     ... offsets.at[i], offsets.count ...
 *     sw_vec_clear(&offsets);
 *
 * A vector that lives as long as an arena is built here and copied there when its size is known.
 */
#pragma once

#include "memory.h"
#include "status.h"

#define SW_VEC(T)                                  \
    struct {                                       \
        T *at;             /* owned */             \
        size_t count;      /* items in use */      \
        size_t capacity;   /* items allocated */   \
        sw_budget *budget; /* borrowed, or NULL */ \
    }

/* Makes room for count items; pointers into the vector die. */
#define sw_vec_reserve(v, want) \
    sw_vec_grow_((void **)&(v)->at, &(v)->capacity, (want), sizeof *(v)->at, (v)->budget)

/* Appends by value. */
#define sw_vec_push(v, ...)                                                                   \
    (SW_UNLIKELY((v)->count == (v)->capacity) && sw_vec_reserve((v), (v)->count + 1) != SW_OK \
         ? SW_NO_MEMORY                                                                       \
         : ((v)->at[(v)->count++] = (__VA_ARGS__), SW_OK))

#define sw_vec_clear(v)                                                              \
    (sw_free((v)->budget, (v)->at, (v)->capacity * sizeof *(v)->at), (v)->at = NULL, \
     (v)->count = 0, (v)->capacity = 0, (void)0)

SW_NODISCARD sw_status sw_vec_grow_(void **at, size_t *capacity, size_t want, size_t item_bytes,
                                    sw_budget *budget);
