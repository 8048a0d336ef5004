/*
 * Where heap memory comes from.
 *
 * Every allocation of the library goes through these functions: it may fail, and it is charged to
 * a budget (a store, a compilation, a request). Sizes are given back on release, so that a budget
 * is exact. malloc and its kin are used nowhere else; CI looks for them.
 *
 * For tests: sw_memory_fail_at(n) makes the n-th allocation from now fail (1 is the next one), on
 * this thread, so that a test can walk every out-of-memory path until the operation succeeds.
 */
#pragma once

#include "base.h"

#include <stdatomic.h>

typedef struct sw_budget {
    size_t limit_bytes; /* SIZE_MAX: no limit */
    atomic_size_t used_bytes;
    atomic_size_t peak_bytes;
    atomic_size_t refusals; /* charges that were over the limit */
} sw_budget;

void sw_budget_init(sw_budget *b, size_t limit_bytes);

/* Takes bytes that are not heap memory (a mapping, a descriptor's kernel cost). False: over limit.
 */
SW_NODISCARD bool sw_budget_charge(sw_budget *b, size_t size_bytes);
void sw_budget_release(sw_budget *b, size_t size_bytes);

/* Zeroed memory, aligned for any type; NULL when the budget or the system has no more. A NULL
 * budget charges nobody (process-wide structures). A size of 0 gives a valid pointer. */
void *sw_alloc(sw_budget *b, size_t size_bytes);

/* As sw_alloc for count items; NULL also when the product wraps. */
void *sw_alloc_array(sw_budget *b, size_t count, size_t size_bytes);

/* Grows or shrinks; the part beyond the old size is zero. On failure the old block stays. */
void *sw_realloc(sw_budget *b, void *p, size_t old_bytes, size_t new_bytes);

/* The same, but what is in the part beyond the old size is not determined: for large buffers that
 * are about to be written. */
void *sw_resize(sw_budget *b, void *p, size_t old_bytes, size_t new_bytes);

/* p may be NULL. */
void sw_free(sw_budget *b, void *p, size_t size_bytes);

void sw_memory_fail_at(uint64_t nth); /* 0 turns it off */

/* Whether the armed failure has happened since it was armed. */
bool sw_memory_failed(void);
