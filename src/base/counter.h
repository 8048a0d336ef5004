/*
 * A number that one thread counts up and any thread may read, each number for itself.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

typedef atomic_uint_fast64_t sw_counter;

/* Only the thread that owns it. */
static inline void sw_count(sw_counter *c, uint64_t more)
{
    uint64_t value = atomic_load_explicit(c, memory_order_relaxed);
    atomic_store_explicit(c, value + more, memory_order_relaxed);
}

static inline void sw_gauge(sw_counter *c, uint64_t value)
{
    atomic_store_explicit(c, value, memory_order_relaxed);
}

static inline uint64_t sw_counter_get(const sw_counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}
