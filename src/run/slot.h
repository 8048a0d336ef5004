/*
 * Slots: the address space of one instance or memory, kept for reuse.
 *
 *     | guard 64 KiB | front ... | memory: accessible | none up to 8 GiB + 64 KiB |
 *                                ^ base
 *
 * A guest address is base + u32 + u32, so nothing it can name lies outside of the slot. A slot in
 * the pool is CLEAN: every accessible byte is zero, or as the image says that is mapped there; what
 * it lets the next user see is decided when it is given out, never left from the one before.
 */
#pragma once

#include "base/status.h"
#include "os/vm.h"

#include <pthread.h>

#define SW_SLOT_GUARD_BYTES ((uint64_t)64 * 1024)
#define SW_SLOT_FRONT_BYTES ((uint64_t)1024 * 1024)
#define SW_SLOT_SPACE_BYTES ((UINT64_C(8) << 30) + 64 * 1024) /* from base on */

typedef struct sw_slot {
    sw_vm vm;                /* owned */
    uint8_t *base;           /* address 0 of the memory */
    size_t front_capacity;   /* bytes below base that may be made accessible */
    size_t front_accessible; /* of them, next to base */
    size_t front_used;       /* of them, not clean */
    size_t accessible;       /* bytes from base */
    uint64_t mapped_code;    /* id of the code whose memory runs are mapped here, 0: none */
    size_t own_pages;        /* of the memory, at most, while it is in the pool */
    bool was_used;           /* at least once before: its pages are likely to be there */
    struct sw_slot *next;    /* in the pool */
} sw_slot;

typedef struct sw_slot_pool {
    pthread_mutex_t lock;
    sw_slot *clean; /* owned */
    unsigned count;
    size_t own_pages; /* that all of them keep */
} sw_slot_pool;

struct sw_code;

typedef struct sw_slot_need {
    size_t front_bytes;         /* zeroed, below base */
    size_t memory_bytes;        /* accessible from base; everything after it faults */
    const struct sw_code *code; /* whose memory runs fill the memory; NULL: zero */
} sw_slot_need;

SW_NODISCARD sw_status sw_slot_pool_init(sw_slot_pool *p);
void sw_slot_pool_clear(sw_slot_pool *p);

SW_NODISCARD sw_status sw_slot_acquire(sw_slot_pool *p, const sw_slot_need *need,
                                       sw_slot **ret_slot);
/* Wipes the slot and keeps it, or gives it back to the system. code: what it was acquired for. */
void sw_slot_release(sw_slot_pool *p, sw_slot *slot, const struct sw_code *code);

/* The memory, while the slot is in use, becomes clean and of this size; the front stays. code: what
 * the slot was acquired for. After a failure it can only be released. */
SW_NODISCARD sw_status sw_slot_renew(sw_slot *slot, size_t memory_bytes,
                                     const struct sw_code *code);

/* Makes more of the memory accessible; the new part is zero. */
SW_NODISCARD sw_status sw_slot_grow(sw_slot *slot, size_t memory_bytes);

/* Makes all of the memory zero, whatever is mapped there. */
SW_NODISCARD sw_status sw_slot_blank(sw_slot *slot);
