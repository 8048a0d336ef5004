/* What lifting, lowering and passing share: checks, allocation in a guest, limits. */
#include "component/canon_run.h"

static sw_trap out_of_bounds(const sw_canon_call *c, sw_canon_what what)
{
    if (c->from == NULL) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI,
                             "realloc return: beyond end of memory");
    }
    return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "%s content out-of-bounds",
                         what == SW_CANON_STRING_CONTENT ? "string" : "list");
}

static sw_trap misaligned(const sw_canon_call *c)
{
    return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI,
                         c->from == NULL ? "realloc return: result not aligned"
                                         : "unaligned pointer");
}

static bool is_inside(const sw_canon_guest *g, uint32_t address, uint64_t bytes)
{
    uint8_t *ignored;
    return sw_memory_slice(g->memory, address, bytes, &ignored);
}

sw_trap sw_canon_check_tuple(const sw_canon_call *c, const sw_canon_guest *g,
                             const sw_canon_values *v, uint32_t address)
{
    if ((address & (v->guest_align - 1)) != 0) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "unaligned pointer");
    }
    if (!is_inside(g, address, v->guest_bytes)) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "pointer out of bounds of memory");
    }
    return SW_TRAP_NONE;
}

sw_trap sw_canon_allocate(sw_canon_call *c, sw_canon_what what, const uint32_t old[2],
                          uint32_t align, uint32_t bytes, uint32_t *ret_address)
{
    if (c->to->realloc == NULL) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "no realloc to lower values with");
    }
    uint32_t address = 0;
    sw_trap trap = c->to->realloc(c->to, old[0], old[1], align, bytes, &address);
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    if (c->from != NULL && c->from->memory_object != NULL) {
        c->from->memory = sw_memory_get_view(c->from->memory_object);
    }
    if ((address & (align - 1)) != 0) {
        return misaligned(c);
    }
    if (!is_inside(c->to, address, bytes)) {
        return out_of_bounds(c, what);
    }
    *ret_address = address;
    return SW_TRAP_NONE;
}

sw_trap sw_canon_spend(sw_canon_call *c, uint64_t bytes)
{
    c->bytes_left -= (int64_t)bytes;
    if (SW_UNLIKELY(c->bytes_left < 0)) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "one call passes more than %lld MiB",
                             (long long)(SW_CANON_CALL_BYTES >> 20));
    }
    return SW_TRAP_NONE;
}

sw_trap sw_canon_check_list(sw_canon_call *c, const sw_canon_list *l, uint32_t address,
                            uint32_t count)
{
    uint64_t bytes = (uint64_t)count * l->guest_bytes;
    if (bytes > SW_CANON_MAX_LIST_BYTES) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI,
                             "list content out-of-bounds: longer than 2^28-1 bytes");
    }
    if ((address & (l->guest_align - 1)) != 0) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI,
                             c->to == NULL ? "list pointer is not aligned" : "unaligned pointer");
    }
    if (!is_inside(c->from, address, bytes)) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI,
                             c->to == NULL ? "list pointer/length out of bounds of memory"
                                           : "list content out-of-bounds");
    }
    return sw_canon_spend(c, SW_MAX(bytes, (uint64_t)count * l->host_bytes) + 1);
}
