#include "memory.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local uint64_t fail_countdown;
static _Thread_local bool fail_happened;

void sw_memory_fail_at(uint64_t nth)
{
    fail_countdown = nth;
    fail_happened = false;
}

bool sw_memory_failed(void)
{
    return fail_happened;
}

static bool fails_now(void)
{
    if (SW_LIKELY(fail_countdown == 0) || --fail_countdown != 0) {
        return false;
    }
    fail_happened = true;
    return true;
}

void sw_budget_init(sw_budget *b, size_t limit_bytes)
{
    b->limit_bytes = limit_bytes;
    atomic_init(&b->used_bytes, 0);
    atomic_init(&b->peak_bytes, 0);
    atomic_init(&b->refusals, 0);
}

bool sw_budget_charge(sw_budget *b, size_t size_bytes)
{
    if (b == NULL) {
        return true;
    }
    size_t used = atomic_load_explicit(&b->used_bytes, memory_order_relaxed);
    size_t sum;
    do {
        if (ckd_add(&sum, used, size_bytes) || sum > b->limit_bytes) {
            (void)atomic_fetch_add_explicit(&b->refusals, 1, memory_order_relaxed);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&b->used_bytes, &used, sum,
                                                    memory_order_relaxed, memory_order_relaxed));
    size_t peak = atomic_load_explicit(&b->peak_bytes, memory_order_relaxed);
    while (peak < sum &&
           !atomic_compare_exchange_weak_explicit(&b->peak_bytes, &peak, sum, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
    return true;
}

void sw_budget_release(sw_budget *b, size_t size_bytes)
{
    if (b != NULL) {
        size_t before = atomic_fetch_sub_explicit(&b->used_bytes, size_bytes, memory_order_relaxed);
        assert(before >= size_bytes);
        (void)before;
    }
}

/* The C library has small blocks at hand for malloc, in a list of the thread, but not for calloc,
 * which on the other hand knows large ones that are zero already. */
enum { SMALL_BYTES = 1024 };

static void *alloc_zeroed(size_t size_bytes)
{
    if (size_bytes > SMALL_BYTES) {
        return calloc(1, size_bytes);
    }
    void *p = malloc(SW_MAX(size_bytes, (size_t)1));
    return p == NULL ? NULL : memset(p, 0, size_bytes);
}

void *sw_alloc(sw_budget *b, size_t size_bytes)
{
    if (fails_now() || !sw_budget_charge(b, size_bytes)) {
        return NULL;
    }
    void *p = alloc_zeroed(size_bytes);
    if (p == NULL) {
        sw_budget_release(b, size_bytes);
    }
    return p;
}

void *sw_alloc_array(sw_budget *b, size_t count, size_t size_bytes)
{
    size_t total;
    return ckd_mul(&total, count, size_bytes) ? NULL : sw_alloc(b, total);
}

void *sw_resize(sw_budget *b, void *p, size_t old_bytes, size_t new_bytes)
{
    if (fails_now()) {
        return NULL;
    }
    if (new_bytes > old_bytes && !sw_budget_charge(b, new_bytes - old_bytes)) {
        return NULL;
    }
    void *q = realloc(p, new_bytes == 0 ? 1 : new_bytes);
    if (q == NULL) {
        if (new_bytes > old_bytes) {
            sw_budget_release(b, new_bytes - old_bytes);
        }
        return NULL;
    }
    if (new_bytes < old_bytes) {
        sw_budget_release(b, old_bytes - new_bytes);
    }
    return q;
}

void *sw_realloc(sw_budget *b, void *p, size_t old_bytes, size_t new_bytes)
{
    uint8_t *q = sw_resize(b, p, old_bytes, new_bytes);
    if (q != NULL && new_bytes > old_bytes) {
        memset(q + old_bytes, 0, new_bytes - old_bytes);
    }
    return q;
}

void sw_free(sw_budget *b, void *p, size_t size_bytes)
{
    if (p != NULL) {
        free(p);
        sw_budget_release(b, size_bytes);
    }
}
