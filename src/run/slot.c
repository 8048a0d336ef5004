#include "run/slot.h"

#include "base/memory.h"
#include "run/internal.h"

/* Slots kept at most, and of those looked at for one that fits best. */
#define POOL_MAX  128u
#define POOL_LOOK 8u

/* A memory up to this size is wiped by writing zeroes: cheaper than having its pages again. */
#define WIPE_BYTES ((size_t)128 * 1024)

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

/* Everything that is accessible becomes clean. */
static sw_status wipe(sw_slot *s)
{
    memset(s->base - s->front_used, 0, s->front_used);
    s->front_used = 0;
    sw_status st = SW_OK;
    if (s->mapped_code == 0 && s->was_used && s->accessible <= WIPE_BYTES) {
        memset(s->base, 0, s->accessible);
    } else {
        st = sw_vm_discard(&s->vm, base_offset(s), s->accessible);
    }
    s->was_used = true;
    return st;
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

void sw_slot_release(sw_slot_pool *p, sw_slot *s)
{
    if (s->front_capacity > SW_SLOT_FRONT_BYTES || wipe(s) != SW_OK) {
        destroy(s);
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    bool keeps = p->count < POOL_MAX;
    if (keeps) {
        s->next = p->clean;
        p->clean = s;
        p->count++;
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (!keeps) {
        destroy(s);
    }
}

sw_status sw_slot_grow(sw_slot *s, size_t memory_bytes)
{
    size_t from = s->accessible;
    SW_TRY(sw_vm_protect(&s->vm, base_offset(s) + from, memory_bytes - from, SW_VM_READ_WRITE));
    s->accessible = memory_bytes;
    return SW_OK;
}
