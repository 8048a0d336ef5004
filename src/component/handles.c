/* Handle tables and the rules for moving handles; see handles.h. */
#include "component/handles.h"

#include <stdarg.h>
#include <stdio.h>

#define TEMPORARY 0x80000000u /* no index has this bit */

/* ---- Tables ------------------------------------------------------------------------------------
 */

static bool grow(sw_handles *t)
{
    uint32_t want = t->capacity == 0 ? 8 : t->capacity * 2;
    sw_handle *at = sw_realloc(t->budget, t->at, t->capacity * sizeof *at, want * sizeof *at);
    if (at == NULL) {
        return false;
    }
    t->at = at;
    t->capacity = want;
    t->count = SW_MAX(t->count, 1);
    return true;
}

void sw_handles_clear(sw_handles *t)
{
    sw_free(t->budget, t->at, t->capacity * sizeof *t->at);
    *t = (sw_handles){.budget = t->budget};
}

sw_trap sw_handles_add(sw_handles *t, sw_handle h, uint32_t *ret_index)
{
    uint32_t index = t->free;
    if (index != 0) {
        t->free = t->at[index].lends;
    } else {
        if (t->count > SW_HANDLES_MAX) {
            return SW_TRAP_CANONICAL_ABI;
        }
        if (t->count == t->capacity && !grow(t)) {
            return SW_TRAP_OUT_OF_HOST_MEMORY;
        }
        index = t->count++;
    }
    t->at[index] = h;
    *ret_index = index;
    return SW_TRAP_NONE;
}

sw_handle *sw_handles_find(const sw_handles *t, uint32_t index)
{
    if (index == 0 || index >= t->count || t->at[index].kind == SW_HANDLE_FREE) {
        return NULL;
    }
    return &t->at[index];
}

void sw_handles_remove(sw_handles *t, uint32_t index)
{
    assert(sw_handles_find(t, index) != NULL);
    t->at[index] = (sw_handle){.lends = t->free};
    t->free = index;
}

/* ---- Traps -------------------------------------------------------------------------------------
 */

sw_trap sw_canon_trap(sw_store *store, sw_trap reason, const char *fmt, ...)
{
    if (store != NULL) {
        char text[160];
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        sw_store_explain_trap(store, "%s", text);
    }
    return reason;
}

static const char *origin(const sw_resource *r)
{
    return r->instance == SW_PLAN_NONE ? "host-defined" : "guest-defined";
}

sw_handle *sw_handle_check(const sw_handle_side *s, uint32_t resource, uint32_t index)
{
    sw_handle *h = sw_handles_find(s->handles, index);
    if (h == NULL) {
        (void)sw_canon_trap(s->store, SW_TRAP_CANONICAL_ABI, "unknown handle index %u", index);
        return NULL;
    }
    const sw_resource *want = &s->resources[resource];
    if (h->resource != want->id) {
        const sw_resource *have = &s->resources[h->resource];
        bool same_origin = (want->instance == SW_PLAN_NONE) == (have->instance == SW_PLAN_NONE);
        (void)sw_canon_trap(s->store, SW_TRAP_CANONICAL_ABI,
                            "handle index %u used with the wrong type, expected %s resource but "
                            "found a %s%s resource",
                            index, origin(want), same_origin ? "different " : "", origin(have));
        return NULL;
    }
    return h;
}

/* ---- Lends -------------------------------------------------------------------------------------
 */

static bool lend_more(sw_subtask *s)
{
    uint32_t want = s->capacity == 0 ? 4 * SW_SUBTASK_INLINE : s->capacity * 2;
    uint32_t *more =
        sw_realloc(s->table->budget, s->more, s->capacity * sizeof *more, want * sizeof *more);
    if (more == NULL) {
        return false;
    }
    s->more = more;
    s->capacity = want;
    return true;
}

static bool subtask_add(sw_subtask *s, uint32_t entry)
{
    if (s->count < SW_SUBTASK_INLINE) {
        s->lent[s->count++] = entry;
        return true;
    }
    uint32_t at = s->count - SW_SUBTASK_INLINE;
    if (at == s->capacity && !lend_more(s)) {
        return false;
    }
    s->more[at] = entry;
    s->count++;
    return true;
}

void sw_subtask_end(sw_subtask *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t entry = i < SW_SUBTASK_INLINE ? s->lent[i] : s->more[i - SW_SUBTASK_INLINE];
        if ((entry & TEMPORARY) != 0) {
            uint32_t index = entry & ~TEMPORARY;
            if (sw_handles_find(s->temporary_table, index) != NULL) {
                sw_handles_remove(s->temporary_table, index);
            }
        } else {
            s->table->at[entry].lends--;
        }
    }
    if (s->more != NULL) {
        sw_free(s->table->budget, s->more, s->capacity * sizeof *s->more);
    }
    s->count = s->capacity = 0;
    s->more = NULL;
}

/* ---- Lifting and lowering ----------------------------------------------------------------------
 */

sw_trap sw_handle_lift_own(const sw_handle_side *s, uint32_t resource, uint32_t index,
                           uint32_t *ret_rep)
{
    sw_handle *h = sw_handle_check(s, resource, index);
    if (h == NULL) {
        return SW_TRAP_CANONICAL_ABI;
    }
    if (h->lends != 0) {
        return sw_canon_trap(s->store, SW_TRAP_CANONICAL_ABI,
                             "cannot remove owned resource while borrowed");
    }
    if (h->kind != SW_HANDLE_OWN) {
        return sw_canon_trap(s->store, SW_TRAP_CANONICAL_ABI,
                             "cannot lift own resource from a borrow");
    }
    *ret_rep = h->rep;
    sw_handles_remove(s->handles, index);
    return SW_TRAP_NONE;
}

sw_trap sw_handle_lift_borrow(const sw_handle_side *s, uint32_t resource, uint32_t index,
                              uint32_t *ret_rep)
{
    sw_handle *h = sw_handle_check(s, resource, index);
    if (h == NULL) {
        return SW_TRAP_CANONICAL_ABI;
    }
    if (!subtask_add(s->subtask, index)) {
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    h->lends++;
    *ret_rep = h->rep;
    return SW_TRAP_NONE;
}

static sw_trap add(const sw_handle_side *s, sw_handle h, uint32_t *ret_index)
{
    sw_trap trap = sw_handles_add(s->handles, h, ret_index);
    if (SW_LIKELY(trap == SW_TRAP_NONE)) {
        return trap;
    }
    return sw_canon_trap(s->store, trap, "%s",
                         trap == SW_TRAP_OUT_OF_HOST_MEMORY ? "no host memory for a handle"
                                                            : "resource table has no free keys");
}

sw_trap sw_handle_lower_own(const sw_handle_side *s, uint32_t resource, uint32_t rep,
                            uint32_t *ret_index)
{
    sw_handle h = {.kind = SW_HANDLE_OWN, .resource = s->resources[resource].id, .rep = rep};
    return add(s, h, ret_index);
}

sw_trap sw_handle_lower_borrow(const sw_handle_side *s, uint32_t resource, uint32_t rep,
                               uint32_t *ret_index)
{
    const sw_resource *r = &s->resources[resource];
    if (r->instance == s->instance && s->instance != SW_PLAN_NONE) {
        *ret_index = rep;
        return SW_TRAP_NONE;
    }
    sw_handle h = {.kind = SW_HANDLE_BORROW, .resource = r->id, .rep = rep, .task = s->task};
    sw_trap trap = add(s, h, ret_index);
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    if (s->task != NULL) {
        s->task->borrows++;
        return SW_TRAP_NONE;
    }
    if (!subtask_add(s->subtask, *ret_index | TEMPORARY)) {
        sw_handles_remove(s->handles, *ret_index);
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    return SW_TRAP_NONE;
}
