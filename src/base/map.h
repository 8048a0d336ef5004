/*
 * A hash map from strings to 32-bit values, in insertion order.
 *
 * Keys are borrowed and must outlive the map. The hash is SipHash-1-3 with a process-wide random
 * key, so that a hostile file cannot make lookups slow. Nothing is ever removed.
 */
#pragma once

#include "memory.h"
#include "span.h"
#include "status.h"

typedef struct sw_map_entry {
    sw_str key; /* borrowed */
    uint32_t value;
    uint32_t hash;
} sw_map_entry;

typedef struct sw_map {
    sw_map_entry *entries; /* owned, in insertion order */
    uint32_t *slots;       /* owned; 1 + index into entries, 0 is empty; a power of two of them */
    uint32_t count, capacity, slots_count;
    sw_budget *budget; /* borrowed, may be NULL */
} sw_map;

void sw_map_init(sw_map *m, sw_budget *budget);
void sw_map_clear(sw_map *m);

/* The value's place, or NULL. It stays good until the next insertion. */
uint32_t *sw_map_find(const sw_map *m, sw_str key);

/* Inserts if absent. *ret_place is the value's place in both cases; *ret_inserted tells which. */
SW_NODISCARD sw_status sw_map_insert(sw_map *m, sw_str key, uint32_t value, uint32_t **ret_place,
                                     bool *ret_inserted);

/* SipHash-1-3 of the bytes under the process-wide key. */
uint64_t sw_hash(sw_bytes b);
