#include "arena.h"

#include <stdarg.h>
#include <stdio.h>

struct sw_arena_block {
    sw_arena_block *older;
    size_t size_bytes; /* with this header */
};

enum { FIRST_BLOCK_BYTES = 4096, LARGEST_STEP_BYTES = 1 << 20 };

void sw_arena_init(sw_arena *a, sw_budget *budget, size_t cap_bytes)
{
    *a = (sw_arena){.budget = budget, .cap_bytes = cap_bytes};
}

static void free_blocks(sw_arena *a, sw_arena_block *first)
{
    while (first != NULL) {
        sw_arena_block *older = first->older;
        a->total_bytes -= first->size_bytes;
        sw_free(a->budget, first, first->size_bytes);
        first = older;
    }
}

void sw_arena_clear(sw_arena *a)
{
    free_blocks(a, a->blocks);
    sw_arena_init(a, a->budget, a->cap_bytes);
}

void sw_arena_reset(sw_arena *a)
{
    if (a->blocks == NULL) {
        return;
    }
    free_blocks(a, a->blocks->older);
    a->blocks->older = NULL;
    uint8_t *start = (uint8_t *)(a->blocks + 1);
    memset(start, 0, (size_t)(a->next - start));
    a->next = start;
}

static bool add_block(sw_arena *a, size_t need_bytes)
{
    size_t step = a->blocks == NULL ? FIRST_BLOCK_BYTES : a->blocks->size_bytes;
    step = SW_MIN(step * 2, (size_t)LARGEST_STEP_BYTES);
    size_t size;
    if (ckd_add(&size, need_bytes, sizeof(sw_arena_block) + 16)) {
        return false;
    }
    size_t room = a->cap_bytes - a->total_bytes;
    size = SW_MAX(size, SW_MIN(step, room));
    if (size > room) {
        return false;
    }
    sw_arena_block *block = sw_alloc(a->budget, size);
    if (block == NULL) {
        return false;
    }
    *block = (sw_arena_block){.older = a->blocks, .size_bytes = size};
    a->blocks = block;
    a->total_bytes += size;
    a->next = (uint8_t *)(block + 1);
    a->end = (uint8_t *)block + size;
    return true;
}

static uint8_t *aligned_next(const sw_arena *a, size_t align)
{
    return a->next + (-(uintptr_t)a->next & (align - 1));
}

static bool has_room(const sw_arena *a, size_t size_bytes, size_t align)
{
    if (a->next == NULL) {
        return false;
    }
    size_t left = (size_t)(a->end - a->next);
    size_t skip = (size_t)(aligned_next(a, align) - a->next);
    return skip <= left && size_bytes <= left - skip;
}

void *sw_arena_alloc(sw_arena *a, size_t size_bytes, size_t align)
{
    assert(align != 0 && align <= 16 && (align & (align - 1)) == 0);
    if (!has_room(a, size_bytes, align) && !add_block(a, size_bytes)) {
        return NULL;
    }
    uint8_t *p = aligned_next(a, align);
    a->next = p + size_bytes;
    return p;
}

void *sw_arena_alloc_array(sw_arena *a, size_t count, size_t size_bytes, size_t align)
{
    size_t total;
    return ckd_mul(&total, count, size_bytes) ? NULL : sw_arena_alloc(a, total, align);
}

sw_str sw_arena_str(sw_arena *a, sw_str s)
{
    char *p = s.len == SIZE_MAX ? NULL : sw_arena_alloc(a, s.len + 1, 1);
    if (p == NULL) {
        return (sw_str){};
    }
    if (s.len != 0) {
        memcpy(p, s.ptr, s.len);
    }
    return (sw_str){p, s.len};
}

sw_bytes sw_arena_bytes(sw_arena *a, sw_bytes b)
{
    sw_str copy = sw_arena_str(a, (sw_str){(const char *)b.ptr, b.len});
    return (sw_bytes){(const uint8_t *)copy.ptr, copy.len};
}

sw_str sw_arena_printf(sw_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = len < 0 ? NULL : sw_arena_alloc(a, (size_t)len + 1, 1);
    if (p == NULL) {
        return (sw_str){};
    }
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)len + 1, fmt, ap);
    va_end(ap);
    return (sw_str){p, (size_t)len};
}
