/*
 * Growable collections that live in an arena.
 *
 * Decoding, checking and planning build tables whose sizes are not known before; all of them die
 * together. Growing leaves the smaller copy behind in the arena, so a table costs at most twice
 * its size, and no path has anything to give back.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"

#define SW_AVEC(T)                         \
    struct {                               \
        T *at;                             \
        uint32_t count;    /* in use */    \
        uint32_t capacity; /* allocated */ \
    }

/* Appends by value; SW_NO_MEMORY when the arena is full. Pointers into the vector die. */
#define sw_avec_push(arena, v, ...)                                          \
    (SW_UNLIKELY((v)->count == (v)->capacity) && !sw_avec_grow((arena), (v)) \
         ? SW_NO_MEMORY                                                      \
         : ((v)->at[(v)->count++] = (__VA_ARGS__), SW_OK))

#define sw_avec_grow(arena, v) \
    sw_avec_grow_((arena), (void **)&(v)->at, &(v)->capacity, sizeof *(v)->at)

SW_NODISCARD bool sw_avec_grow_(sw_arena *arena, void **at, uint32_t *capacity, size_t item_bytes);

/* Strings to words. Keys are borrowed. A zeroed one is empty. */
typedef struct sw_name_slot {
    sw_str key; /* ptr NULL: empty */
    uint32_t value, hash;
} sw_name_slot;

typedef struct sw_name_map {
    sw_name_slot *slots;
    uint32_t count, slots_count; /* a power of two, or 0 */
} sw_name_map;

/* The value's place or NULL; good until the next insertion. */
uint32_t *sw_name_map_find(const sw_name_map *m, sw_str key);

/* Inserts if absent; *ret_inserted tells whether it was. */
SW_NODISCARD sw_status sw_name_map_insert(sw_arena *arena, sw_name_map *m, sw_str key,
                                          uint32_t value, bool *ret_inserted);

/* Numbers to words: keys are made by the program (never UINT64_MAX), so the hash is a plain mix. */
typedef struct sw_id_slot {
    uint64_t key; /* plus 1; 0 is empty */
    uint32_t value;
} sw_id_slot;

typedef struct sw_id_map {
    sw_id_slot *slots;
    uint32_t count, slots_count; /* a power of two, or 0 */
} sw_id_map;

const uint32_t *sw_id_map_find(const sw_id_map *m, uint64_t key);
/* Inserts or replaces. */
SW_NODISCARD sw_status sw_id_map_set(sw_arena *arena, sw_id_map *m, uint64_t key, uint32_t value);
