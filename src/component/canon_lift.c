/* Lifting: from a guest's place to the host layout. No guest code runs meanwhile. */
#include "component/canon_run.h"

static sw_trap run(sw_canon_call *c, uint32_t program, const uint8_t *from, uint8_t *host);

static sw_trap no_memory(sw_canon_call *c)
{
    return sw_canon_trap(c->store, SW_TRAP_OUT_OF_HOST_MEMORY,
                         "no host memory for the values of a call");
}

static sw_trap lift_string(sw_canon_call *c, uint32_t address, uint32_t units, sw_str *ret)
{
    sw_canon_string s;
    sw_trap trap = sw_canon_open_string(c, address, units, &s);
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    sw_bytes src = sw_canon_string_bytes(c, &s);
    sw_text_measure m = {.utf8_bytes = (uint32_t)src.len};
    bool is_utf8 = s.form == SW_TEXT_UTF8;
    if (is_utf8 ? !sw_text_valid(s.form, src) : !sw_text_measure_bytes(s.form, src, &m)) {
        return sw_canon_bad_text(c, &s);
    }
    if (is_utf8 && c->may_alias) {
        *ret = (sw_str){(const char *)src.ptr, src.len};
        return SW_TRAP_NONE;
    }
    /* One more byte: a copied string is followed by a NUL. */
    uint8_t *out = sw_arena_alloc(c->arena, (size_t)m.utf8_bytes + 1, 1);
    if (out == NULL) {
        return no_memory(c);
    }
    if (is_utf8) {
        memcpy(out, src.ptr, src.len);
    } else if (sw_text_convert(s.form, src, SW_TEXT_UTF8, out, m.utf8_bytes) == SIZE_MAX) {
        return sw_canon_bad_text(c, &s);
    }
    *ret = (sw_str){(const char *)out, m.utf8_bytes};
    return SW_TRAP_NONE;
}

/* A list in host layout: every struct { T *ptr; size_t len; } looks like this. */
typedef struct host_list {
    void *ptr;
    size_t len;
} host_list;

static sw_trap lift_items(sw_canon_call *c, const sw_canon_list *l, const uint8_t *from,
                          uint8_t *host, uint32_t count)
{
    if (l->is_plain) {
        memcpy(host, from, (size_t)count * l->guest_bytes);
        return SW_TRAP_NONE;
    }
    for (uint32_t i = 0; i < count; i++) {
        sw_trap trap = run(c, l->program, from, host);
        if (trap != SW_TRAP_NONE) {
            return trap;
        }
        from += l->guest_bytes;
        host += l->host_bytes;
    }
    return SW_TRAP_NONE;
}

static sw_trap lift_list(sw_canon_call *c, const sw_canon_list *l, uint32_t address, uint32_t count,
                         uint8_t *host)
{
    sw_trap trap = sw_canon_check_list(c, l, address, count);
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    uint8_t *from = c->from->memory->base + address;
    host_list out = {from, count};
    if (!l->is_plain || !c->may_alias) {
        out.ptr = sw_arena_alloc_array(c->arena, count, l->host_bytes, l->host_align);
        if (out.ptr == NULL) {
            return no_memory(c);
        }
        trap = count == 0 ? SW_TRAP_NONE : lift_items(c, l, from, out.ptr, count);
    }
    memcpy(host, &out, sizeof out);
    return trap;
}

/* The host sees its own representation of its resources, and handles of its table for others. */
static sw_trap lift_handle(sw_canon_call *c, const sw_canon_op *op, uint32_t index, uint8_t *host)
{
    uint32_t rep = 0;
    bool is_own = op->kind == SW_CANON_OWN;
    const sw_handle_side *from = &c->from->handles;
    sw_trap trap = is_own ? sw_handle_lift_own(from, op->a, index, &rep)
                          : sw_handle_lift_borrow(from, op->a, index, &rep);
    if (trap == SW_TRAP_NONE && from->resources[op->a].instance != SW_PLAN_NONE) {
        trap = is_own ? sw_handle_lower_own(c->host, op->a, rep, &rep)
                      : sw_handle_lower_borrow(c->host, op->a, rep, &rep);
    }
    sw_store_u32(host, rep);
    return trap;
}

static sw_trap lift_char(sw_canon_call *c, uint32_t value, uint8_t *host)
{
    if (!sw_is_scalar_value(value)) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "invalid `char` bit pattern");
    }
    sw_store_u32(host, value);
    return SW_TRAP_NONE;
}

static sw_trap lift_tag(sw_canon_call *c, const sw_canon_op *op, uint32_t tag, uint8_t *host)
{
    if (tag >= op->b) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "invalid variant discriminant");
    }
    sw_store_tag(host, op->host_bytes, tag);
    return SW_TRAP_NONE;
}

/* Ops that can fail, but variants. */
static sw_trap lift_op(sw_canon_call *c, const sw_canon_op *op, const uint8_t *from, uint8_t *host)
{
    const uint8_t *g = from + op->guest;
    uint8_t *h = host + op->host;
    switch (op->kind) {
    case SW_CANON_CHAR: return lift_char(c, sw_load_u32(g), h);
    case SW_CANON_ENUM: return lift_tag(c, op, sw_load_tag(g, op->guest_bytes), h);
    case SW_CANON_STRING: {
        sw_str s = {};
        sw_trap trap = lift_string(c, sw_load_u32(g), sw_load_u32(from + op->guest_len), &s);
        memcpy(h, &s, sizeof s);
        return trap;
    }
    case SW_CANON_LIST:
        return lift_list(c, &c->canon->lists[op->a], sw_load_u32(g),
                         sw_load_u32(from + op->guest_len), h);
    case SW_CANON_ARRAY: return lift_items(c, &c->canon->lists[op->a], g, h, op->b);
    default: return lift_handle(c, op, sw_load_u32(g), h);
    }
}

static sw_trap run(sw_canon_call *c, uint32_t program, const uint8_t *from, uint8_t *host)
{
    const sw_canon_op *ops = c->canon->ops;
    for (const sw_canon_op *op = ops + program;; op++) {
        const uint8_t *g = from + op->guest;
        uint8_t *h = host + op->host;
        sw_trap trap = SW_TRAP_NONE;
        switch (op->kind) {
        case SW_CANON_END: return SW_TRAP_NONE;
        case SW_CANON_SIGN1:
        case SW_CANON_COPY1: *h = *g; break;
        case SW_CANON_SIGN2:
        case SW_CANON_COPY2: memcpy(h, g, 2); break;
        case SW_CANON_COPY4: memcpy(h, g, 4); break;
        case SW_CANON_COPY8: memcpy(h, g, 8); break;
        case SW_CANON_COPY: memcpy(h, g, op->a); break;
        case SW_CANON_BOOL: *h = sw_load_tag(g, op->guest_bytes) != 0; break;
        case SW_CANON_FLAGS:
            sw_store_tag(h, op->host_bytes, sw_load_tag(g, op->host_bytes) & op->b);
            break;
        case SW_CANON_VARIANT: {
            uint32_t tag = sw_load_tag(g, op->guest_bytes);
            trap = lift_tag(c, op, tag, h);
            op = trap != SW_TRAP_NONE ? op : ops + c->canon->cases[op->a + tag] - 1;
            break;
        }
        case SW_CANON_JUMP: op = ops + op->a - 1; break;
        default: trap = lift_op(c, op, from, host); break;
        }
        if (SW_UNLIKELY(trap != SW_TRAP_NONE)) {
            return trap;
        }
    }
}

sw_trap sw_canon_lift(sw_canon_call *c, uint32_t program, sw_canon_place from, uint8_t *host)
{
    return run(c, program, sw_canon_at(c->from, from), host);
}
