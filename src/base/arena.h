/*
 * Arena: memory that is given back all at once.
 *
 * One per module, component, compilation or call. Blocks are taken from sw_alloc with doubling
 * sizes and charged to the arena's budget; the cap bounds the sum of all blocks, so that a hostile
 * input cannot make a decoder eat the machine. Allocations are zeroed.
 * Not thread-safe: one arena belongs to one thread at a time.
 */
#pragma once

#include "memory.h"
#include "span.h"

typedef struct sw_arena_block sw_arena_block;

typedef struct sw_arena {
    sw_arena_block *blocks; /* owned; the newest first */
    uint8_t *next, *end;    /* free part of the newest block */
    size_t total_bytes;     /* of all blocks */
    size_t cap_bytes;
    sw_budget *budget; /* borrowed, may be NULL */
} sw_arena;

void sw_arena_init(sw_arena *a, sw_budget *budget, size_t cap_bytes);

/* Gives back everything; the arena may be used again. */
void sw_arena_clear(sw_arena *a);

/* Keeps the newest block for reuse and gives back the others: for arenas that live through many
 * calls. All pointers into the arena are dead. */
void sw_arena_reset(sw_arena *a);

/* Zeroed; NULL when the cap, the budget or the system is exhausted. align is a power of two up
 * to 16. Size 0 gives a valid pointer. */
void *sw_arena_alloc(sw_arena *a, size_t size_bytes, size_t align);
void *sw_arena_alloc_array(sw_arena *a, size_t count, size_t size_bytes, size_t align);

/* Copies; on failure ptr is NULL. A copied string is followed by a NUL that len does not count. */
sw_str sw_arena_str(sw_arena *a, sw_str s);
sw_bytes sw_arena_bytes(sw_arena *a, sw_bytes b);

/* snprintf into the arena; on failure ptr is NULL. */
sw_str sw_arena_printf(sw_arena *a, const char *fmt, ...) SW_PRINTF(2, 3);

#define SW_NEW(arena, T) ((T *)sw_arena_alloc((arena), sizeof(T), _Alignof(T)))
#define SW_NEW_ARRAY(arena, T, count) \
    ((T *)sw_arena_alloc_array((arena), (count), sizeof(T), _Alignof(T)))
