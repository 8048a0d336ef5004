#include "run/slot.h"

#include "base/memory.h"
#include "os/residency.h"
#include "run/internal.h"

/* Slots kept at most, and of those looked at for one that fits best. */
#define POOL_MAX  128u
#define POOL_LOOK 8u

/*
 * A touched page costs 1.6 us when it has to be faulted in again after it was given back, and 0.1
 * us when it is kept and overwritten. So pages are kept, up to some number in a slot and in the
 * pool, and those that hold memory are restored one by one; larger memories are not even looked at.
 */
#define LOOK_PAGES ((size_t)4096)
#define SLOT_PAGES ((size_t)1024)
#define POOL_PAGES ((size_t)16 * 1024)

/* Where the system does not tell which pages those are: memories up to this size are overwritten.
 */
#define BLIND_BYTES ((size_t)128 * 1024)

sw_status sw_slot_pool_init(sw_slot_pool *p)
{
    *p = (sw_slot_pool){};
    return pthread_mutex_init(&p->lock, NULL) == 0 ? SW_OK : SW_NO_MEMORY;
}

static void destroy(sw_slot *s)
{
    sw_vm_release(&s->vm);
    sw_free(NULL, s, sizeof(*s));
}

void sw_slot_pool_clear(sw_slot_pool *p)
{
    while (p->clean != NULL) {
        sw_slot *s = p->clean;
        p->clean = s->next;
        destroy(s);
    }
    (void)pthread_mutex_destroy(&p->lock);
}

static size_t base_offset(const sw_slot *s)
{
    return (size_t)(s->base - s->vm.base);
}

/* ---- Making and wiping ----------------------------------------------------------------------- */

static sw_status make(size_t front_bytes, sw_slot **ret_slot)
{
    size_t front;
    if (!sw_vm_round(SW_MAX((uint64_t)front_bytes, SW_SLOT_FRONT_BYTES), &front)) {
        return SW_NO_MEMORY;
    }
    sw_slot *s = sw_alloc(NULL, sizeof(*s));
    if (s == NULL) {
        return SW_NO_MEMORY;
    }
    sw_status st = sw_vm_reserve(&s->vm, SW_SLOT_GUARD_BYTES + front + SW_SLOT_SPACE_BYTES);
    if (st != SW_OK) {
        sw_free(NULL, s, sizeof(*s));
        return st;
    }
    s->base = s->vm.base + SW_SLOT_GUARD_BYTES + front;
    s->front_capacity = front;
    *ret_slot = s;
    return SW_OK;
}

/* What a page shows before anybody writes to it: a page of a run that is mapped, or zeroes. The
 * runs ascend, and so do the pages asked for: *run is where the search goes on. */
static void restore_page(uint8_t *page, uint64_t offset, const sw_code *runs, uint32_t *run)
{
    while (runs != NULL && *run < runs->runs_count &&
           runs->runs[*run].memory_offset + runs->runs[*run].len <= offset) {
        ++*run;
    }
    if (runs != NULL && *run < runs->runs_count && runs->runs[*run].memory_offset <= offset) {
        const sw_image_run *r = &runs->runs[*run];
        memcpy(page, (const uint8_t *)runs->image + r->image_offset + (offset - r->memory_offset),
               SW_IMAGE_PAGE_BYTES);
    } else {
        memset(page, 0, SW_IMAGE_PAGE_BYTES);
    }
}

/* Restores the pages that hold memory of their own and counts them. False: unknown, or too many. */
static bool restore_pages(sw_slot *s, const sw_code *mapped)
{
    size_t pages = s->accessible / SW_IMAGE_PAGE_BYTES;
    size_t own = 0;
    uint32_t run = 0;
    if (sw_vm_page_bytes() != SW_IMAGE_PAGE_BYTES || pages > LOOK_PAGES) {
        return false;
    }
    for (size_t from = 0; from < pages; from += SW_RESIDENCY_MAX) {
        uint8_t kinds[SW_RESIDENCY_MAX];
        size_t count = SW_MIN(pages - from, (size_t)SW_RESIDENCY_MAX);
        if (!sw_residency_of(s->base + from * SW_IMAGE_PAGE_BYTES, count, kinds)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (kinds[i] == SW_PAGE_OWN) {
                uint64_t offset = (from + i) * SW_IMAGE_PAGE_BYTES;
                restore_page(s->base + offset, offset, mapped, &run);
                own++;
            }
        }
        if (own > SLOT_PAGES) {
            return false;
        }
    }
    s->own_pages = own;
    return true;
}

static sw_status wipe_memory(sw_slot *s, const sw_code *code, bool keeps_pages)
{
    bool was_used = s->was_used;
    s->was_used = true;
    s->own_pages = 0;
    SW_CHECK(s->mapped_code == 0 || (code != NULL && code->id == s->mapped_code));
    if (was_used && keeps_pages) {
        if (restore_pages(s, s->mapped_code == 0 ? NULL : code)) {
            return SW_OK;
        }
        if (s->mapped_code == 0 && s->accessible <= BLIND_BYTES) {
            memset(s->base, 0, s->accessible);
            s->own_pages = s->accessible / SW_IMAGE_PAGE_BYTES;
            return SW_OK;
        }
    }
    return sw_vm_discard(&s->vm, base_offset(s), s->accessible);
}

/* Everything that is accessible becomes clean. */
static sw_status wipe(sw_slot *s, const sw_code *code, bool keeps_pages)
{
    memset(s->base - s->front_used, 0, s->front_used);
    s->front_used = 0;
    return wipe_memory(s, code, keeps_pages);
}

/* ---- Giving out ------------------------------------------------------------------------------ */

static bool copies_runs(const sw_code *code)
{
    return code != NULL && code->fd < 0;
}

/* How much work the slot would save: more is better. */
static unsigned fitness(const sw_slot *s, const sw_slot_need *need)
{
    bool maps = need->code != NULL && need->code->runs_count != 0 && !copies_runs(need->code);
    uint64_t wanted = maps ? need->code->id : 0;
    return (s->mapped_code == wanted ? 2u : 0u) + (s->accessible == need->memory_bytes ? 1u : 0u);
}

static sw_slot *take(sw_slot_pool *p, const sw_slot_need *need)
{
    if (need->front_bytes > SW_SLOT_FRONT_BYTES) {
        return NULL;
    }
    (void)pthread_mutex_lock(&p->lock);
    sw_slot **best = &p->clean;
    unsigned best_fitness = 0;
    sw_slot **at = &p->clean;
    for (unsigned i = 0; *at != NULL && i < POOL_LOOK && best_fitness < 3; i++) {
        unsigned f = fitness(*at, need);
        if (f > best_fitness) {
            best = at;
            best_fitness = f;
        }
        at = &(*at)->next;
    }
    sw_slot *s = *best;
    if (s != NULL) {
        *best = s->next;
        p->count--;
        p->own_pages -= s->own_pages;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return s;
}

static sw_status set_front(sw_slot *s, size_t front_bytes)
{
    size_t rounded;
    if (!sw_vm_round(front_bytes, &rounded) || rounded > s->front_capacity) {
        return SW_NO_MEMORY;
    }
    s->front_used = front_bytes;
    return SW_OK;
}

/* Makes exactly the front and the memory accessible that are needed. A new slot gets both by one
 * change, since they touch. */
static sw_status set_access(sw_slot *s, size_t front, size_t memory)
{
    size_t at = base_offset(s);
    sw_status st = SW_OK;
    if (s->accessible > memory) {
        st = sw_vm_protect(&s->vm, at + memory, s->accessible - memory, SW_VM_NONE);
        if (st == SW_OK) {
            s->accessible = memory;
        }
    }
    size_t more_front = front > s->front_accessible ? front : 0;
    size_t more_memory = memory > s->accessible ? memory : 0;
    if (st == SW_OK && (more_front != 0 || more_memory != 0)) {
        size_t from = at - more_front + (more_front == 0 ? s->accessible : 0);
        size_t to = at + more_memory - (more_memory == 0 ? s->front_accessible : 0);
        st = sw_vm_protect(&s->vm, from, to - from, SW_VM_READ_WRITE);
        if (st == SW_OK) {
            s->front_accessible = SW_MAX(s->front_accessible, front);
            s->accessible = memory;
        }
    }
    return st;
}

static sw_status map_runs(sw_slot *s, const sw_code *c)
{
    for (uint32_t i = 0; i < c->runs_count; i++) {
        const sw_image_run *r = &c->runs[i];
        SW_TRY(sw_vm_map_file(&s->vm, base_offset(s) + (size_t)r->memory_offset, (size_t)r->len,
                              c->fd, c->fd_offset + r->image_offset, SW_VM_READ_WRITE));
    }
    s->mapped_code = c->runs_count == 0 ? 0 : c->id;
    return SW_OK;
}

static void copy_runs(sw_slot *s, const sw_code *c)
{
    for (uint32_t i = 0; i < c->runs_count; i++) {
        const sw_image_run *r = &c->runs[i];
        memcpy(s->base + r->memory_offset, (const uint8_t *)c->image + r->image_offset,
               (size_t)r->len);
    }
}

sw_status sw_slot_blank(sw_slot *s)
{
    s->mapped_code = 0;
    return sw_vm_map_zero(&s->vm, base_offset(s), s->accessible, SW_VM_READ_WRITE);
}

static sw_status prepare(sw_slot *s, const sw_slot_need *need)
{
    const sw_code *c = need->code;
    uint64_t wanted = c == NULL || copies_runs(c) || c->runs_count == 0 ? 0 : c->id;
    if (s->mapped_code != 0 && s->mapped_code != wanted) {
        SW_TRY(sw_slot_blank(s));
    }
    size_t front;
    SW_TRY(set_front(s, need->front_bytes));
    SW_CHECK(sw_vm_round(need->front_bytes, &front));
    SW_TRY(set_access(s, front, need->memory_bytes));
    if (c != NULL && copies_runs(c)) {
        copy_runs(s, c);
    } else if (wanted != 0 && s->mapped_code != wanted) {
        SW_TRY(map_runs(s, c));
    }
    return SW_OK;
}

sw_status sw_slot_acquire(sw_slot_pool *p, const sw_slot_need *need, sw_slot **ret_slot)
{
    sw_slot *s = take(p, need);
    if (s == NULL) {
        SW_TRY(make(need->front_bytes, &s));
    }
    sw_status st = prepare(s, need);
    if (st != SW_OK) {
        destroy(s);
        return st;
    }
    *ret_slot = s;
    return SW_OK;
}

void sw_slot_release(sw_slot_pool *p, sw_slot *s, const sw_code *code)
{
    (void)pthread_mutex_lock(&p->lock);
    bool keeps = p->count < POOL_MAX && s->front_capacity <= SW_SLOT_FRONT_BYTES;
    bool keeps_pages = p->own_pages <= POOL_PAGES - SLOT_PAGES;
    (void)pthread_mutex_unlock(&p->lock);
    if (!keeps || wipe(s, code, keeps_pages) != SW_OK) {
        destroy(s);
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    s->next = p->clean;
    p->clean = s;
    p->count++;
    p->own_pages += s->own_pages;
    (void)pthread_mutex_unlock(&p->lock);
}

sw_status sw_slot_grow(sw_slot *s, size_t memory_bytes)
{
    size_t from = s->accessible;
    SW_TRY(sw_vm_protect(&s->vm, base_offset(s) + from, memory_bytes - from, SW_VM_READ_WRITE));
    s->accessible = memory_bytes;
    return SW_OK;
}

sw_status sw_slot_renew(sw_slot *s, size_t memory_bytes, const sw_code *code)
{
    SW_TRY(wipe_memory(s, code, true));
    SW_TRY(set_access(s, 0, memory_bytes));
    if (code != NULL && copies_runs(code)) {
        copy_runs(s, code);
    }
    return SW_OK;
}
