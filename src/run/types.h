/*
 * Function types of one engine: equal types have equal ids, in all modules and for all threads.
 *
 * Types that loaded code uses are counted and go with the last code; those that hosts ask for stay.
 * Ids are never used twice, so a stale one can never mean another type.
 */
#pragma once

#include "wasm/types.h"

#include <pthread.h>

typedef struct sw_type_node sw_type_node;

typedef struct sw_type_registry {
    pthread_mutex_t lock;
    sw_type_node **buckets; /* owned; a power of two of them */
    uint32_t buckets_count, count;
    uint32_t last_id;
} sw_type_registry;

void sw_type_registry_init(sw_type_registry *r);
void sw_type_registry_clear(sw_type_registry *r);

/* The type's id; counted until it is released, or kept forever. 0: out of memory. */
uint32_t sw_type_registry_acquire(sw_type_registry *r, const sw_functype *type, bool forever);

/* type is what the id was acquired for. */
void sw_type_registry_release(sw_type_registry *r, const sw_functype *type);
