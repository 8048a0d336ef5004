/*
 * What compiled code calls through SW_CTX_HELPERS. Every range is checked as a whole before the
 * first byte moves; long moves go in chunks and look at the deadline between them.
 *
 * Each is reached through a stub that has made sure of the stack (enter_*.S).
 */
#include "run/internal.h"

/* Between two looks at the deadline: about a millisecond. */
#define CHUNK_BYTES   ((uint64_t)4 << 20)
#define CHUNK_ENTRIES ((uint64_t)512 * 1024)

#define RAISE(i, trap) sw_trap_raise((i)->store, (trap), __builtin_frame_address(0))

void sw_helper_interrupt(void *base);
uint64_t sw_helper_memory_grow(void *base, uint64_t memory, uint64_t delta);
void sw_helper_memory_init(void *base, uint64_t which, uint64_t dst, uint64_t src, uint64_t len);
void sw_helper_memory_copy(void *base, uint64_t which, uint64_t dst, uint64_t src, uint64_t len);
void sw_helper_memory_fill(void *base, uint64_t memory, uint64_t dst, uint64_t byte, uint64_t len);
void sw_helper_data_drop(void *base, uint64_t data);
uint64_t sw_helper_table_grow(void *base, uint64_t table, uint64_t value, uint64_t delta);
void sw_helper_table_init(void *base, uint64_t which, uint64_t dst, uint64_t src, uint64_t len);
void sw_helper_table_copy(void *base, uint64_t which, uint64_t dst, uint64_t src, uint64_t len);
void sw_helper_table_fill(void *base, uint64_t table, uint64_t dst, uint64_t value, uint64_t len);
void sw_helper_elem_drop(void *base, uint64_t elem);

static bool in_range(uint64_t at, uint64_t len, uint64_t size)
{
    return at <= size && len <= size - at;
}

/* A failed growth is -1 in the index type. */
static uint64_t grown(uint64_t old, bool is_64)
{
    return old == UINT64_MAX && !is_64 ? UINT32_MAX : old;
}

/* The byte may have been set for a reason that is gone: then it is cleared, and set again if a new
 * one has come meanwhile. */
void sw_helper_interrupt(void *base)
{
    sw_instance *i = sw_instance_of(base);
    sw_trap trap = sw_store_poll(i->store);
    if (trap != SW_TRAP_NONE) {
        RAISE(i, trap);
    }
    _Atomic uint8_t *byte = (_Atomic uint8_t *)((uint8_t *)base - SW_CTX_INTERRUPT);
    atomic_store(byte, 0);
    if (atomic_load(&i->store->pending) != 0) {
        atomic_store(byte, 1);
    }
}

/* ---- Memories -------------------------------------------------------------------------------- */

uint64_t sw_helper_memory_grow(void *base, uint64_t memory, uint64_t delta)
{
    sw_memory_object *m = sw_instance_of(base)->memories[memory];
    return grown(sw_memory_grow(m, delta), m->type.limits.is_64);
}

void sw_helper_memory_init(void *base, uint64_t which, uint64_t dst, uint64_t src, uint64_t len)
{
    sw_instance *i = sw_instance_of(base);
    sw_trap trap = sw_memory_init(i, (uint32_t)(which >> 32), (uint32_t)which, dst, src, len);
    if (trap != SW_TRAP_NONE) {
        RAISE(i, trap);
    }
}

/* memmove in chunks, from the end that keeps overlapping bytes whole. */
static sw_trap move_bytes(sw_store *s, uint8_t *dst, const uint8_t *src, uint64_t len)
{
    bool backwards = dst > src && dst < src + len;
    while (len > CHUNK_BYTES) {
        uint64_t at = backwards ? len - CHUNK_BYTES : 0;
        memmove(dst + at, src + at, CHUNK_BYTES);
        len -= CHUNK_BYTES;
        if (!backwards) {
            dst += CHUNK_BYTES;
            src += CHUNK_BYTES;
        }
        sw_trap stop = sw_store_poll(s);
        if (stop != SW_TRAP_NONE) {
            return stop;
        }
    }
    memmove(dst, src, (size_t)len);
    return SW_TRAP_NONE;
}

void sw_helper_memory_copy(void *base, uint64_t which, uint64_t dst, uint64_t src, uint64_t len)
{
    sw_instance *i = sw_instance_of(base);
    const sw_memory_view *to = i->memories[which >> 32]->view;
    const sw_memory_view *from = i->memories[(uint32_t)which]->view;
    if (!in_range(dst, len, to->size_bytes) || !in_range(src, len, from->size_bytes)) {
        RAISE(i, SW_TRAP_MEMORY_OUT_OF_BOUNDS);
    }
    sw_trap stop = move_bytes(i->store, to->base + dst, from->base + src, len);
    if (stop != SW_TRAP_NONE) {
        RAISE(i, stop);
    }
}

void sw_helper_memory_fill(void *base, uint64_t memory, uint64_t dst, uint64_t byte, uint64_t len)
{
    sw_instance *i = sw_instance_of(base);
    const sw_memory_view *view = i->memories[memory]->view;
    if (!in_range(dst, len, view->size_bytes)) {
        RAISE(i, SW_TRAP_MEMORY_OUT_OF_BOUNDS);
    }
    uint8_t *to = view->base + dst;
    while (len > CHUNK_BYTES) {
        memset(to, (int)(uint8_t)byte, CHUNK_BYTES);
        to += CHUNK_BYTES;
        len -= CHUNK_BYTES;
        sw_trap stop = sw_store_poll(i->store);
        if (stop != SW_TRAP_NONE) {
            RAISE(i, stop);
        }
    }
    memset(to, (int)(uint8_t)byte, (size_t)len);
}

void sw_helper_data_drop(void *base, uint64_t data)
{
    sw_instance_drop_data(sw_instance_of(base), (uint32_t)data);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

uint64_t sw_helper_table_grow(void *base, uint64_t table, uint64_t value, uint64_t delta)
{
    sw_table_object *t = sw_instance_of(base)->tables[table];
    return grown(sw_table_grow(t, value, delta), t->type.limits.is_64);
}

void sw_helper_table_init(void *base, uint64_t which, uint64_t dst, uint64_t src, uint64_t len)
{
    sw_instance *i = sw_instance_of(base);
    sw_trap trap = sw_table_init(i, (uint32_t)(which >> 32), (uint32_t)which, dst, src, len);
    if (trap != SW_TRAP_NONE) {
        RAISE(i, trap);
    }
}

void sw_helper_table_copy(void *base, uint64_t which, uint64_t dst, uint64_t src, uint64_t len)
{
    sw_instance *i = sw_instance_of(base);
    const sw_table_view *to = i->tables[which >> 32]->view;
    const sw_table_view *from = i->tables[(uint32_t)which]->view;
    if (!in_range(dst, len, to->count) || !in_range(src, len, from->count)) {
        RAISE(i, SW_TRAP_TABLE_OUT_OF_BOUNDS);
    }
    sw_trap stop = move_bytes(i->store, (uint8_t *)(to->entries + dst),
                              (const uint8_t *)(from->entries + src), len * sizeof(uint64_t));
    if (stop != SW_TRAP_NONE) {
        RAISE(i, stop);
    }
}

void sw_helper_table_fill(void *base, uint64_t table, uint64_t dst, uint64_t value, uint64_t len)
{
    sw_instance *i = sw_instance_of(base);
    const sw_table_view *view = i->tables[table]->view;
    if (!in_range(dst, len, view->count)) {
        RAISE(i, SW_TRAP_TABLE_OUT_OF_BOUNDS);
    }
    for (uint64_t k = 0; k < len; k++) {
        if (k % CHUNK_ENTRIES == CHUNK_ENTRIES - 1) {
            sw_trap stop = sw_store_poll(i->store);
            if (stop != SW_TRAP_NONE) {
                RAISE(i, stop);
            }
        }
        view->entries[dst + k] = value;
    }
}

void sw_helper_elem_drop(void *base, uint64_t elem)
{
    sw_instance_drop_elem(sw_instance_of(base), (uint32_t)elem);
}

/* ---- The table of them ----------------------------------------------------------------------- */

void sw_stub_interrupt(void);
void sw_stub_memory_grow(void);
void sw_stub_memory_init(void);
void sw_stub_memory_copy(void);
void sw_stub_memory_fill(void);
void sw_stub_data_drop(void);
void sw_stub_table_grow(void);
void sw_stub_table_init(void);
void sw_stub_table_copy(void);
void sw_stub_table_fill(void);
void sw_stub_elem_drop(void);

const void *const SW_HELPERS[SW_HELPER_COUNT] = {
    [SW_HELPER_INTERRUPT] = (const void *)sw_stub_interrupt,
    [SW_HELPER_MEMORY_GROW] = (const void *)sw_stub_memory_grow,
    [SW_HELPER_MEMORY_INIT] = (const void *)sw_stub_memory_init,
    [SW_HELPER_MEMORY_COPY] = (const void *)sw_stub_memory_copy,
    [SW_HELPER_MEMORY_FILL] = (const void *)sw_stub_memory_fill,
    [SW_HELPER_DATA_DROP] = (const void *)sw_stub_data_drop,
    [SW_HELPER_TABLE_GROW] = (const void *)sw_stub_table_grow,
    [SW_HELPER_TABLE_INIT] = (const void *)sw_stub_table_init,
    [SW_HELPER_TABLE_COPY] = (const void *)sw_stub_table_copy,
    [SW_HELPER_TABLE_FILL] = (const void *)sw_stub_table_fill,
    [SW_HELPER_ELEM_DROP] = (const void *)sw_stub_elem_drop,
};
