/*
 * Passing: from one guest's place straight into another's. Both sides are laid out alike; every
 * value is checked as if it were lifted and written as if it were lowered.
 */
#include "component/canon_run.h"

static sw_trap run(sw_canon_call *c, uint32_t program, sw_canon_place from, sw_canon_place to);

static sw_trap pass_string(sw_canon_call *c, uint32_t address, uint32_t units,
                           uint32_t ret_words[2])
{
    sw_canon_string s;
    sw_trap trap = sw_canon_open_string(c, address, units, &s);
    return trap != SW_TRAP_NONE ? trap : sw_canon_store_string(c, &s, &ret_words[0], &ret_words[1]);
}

static sw_trap pass_items(sw_canon_call *c, const sw_canon_list *l, sw_canon_place from,
                          sw_canon_place to, uint32_t count)
{
    if (l->is_plain) {
        memmove(sw_canon_at(c->to, to), sw_canon_at(c->from, from), (size_t)count * l->guest_bytes);
        return SW_TRAP_NONE;
    }
    for (uint32_t i = 0; i < count; i++) {
        sw_trap trap = run(c, l->program, from, to);
        if (trap != SW_TRAP_NONE) {
            return trap;
        }
        from.address += l->guest_bytes;
        to.address += l->guest_bytes;
    }
    return SW_TRAP_NONE;
}

static sw_trap pass_list(sw_canon_call *c, const sw_canon_list *l, uint32_t address, uint32_t count,
                         uint32_t ret_words[2])
{
    sw_trap trap = sw_canon_check_list(c, l, address, count);
    if (trap == SW_TRAP_NONE) {
        trap = sw_canon_allocate(c, SW_CANON_LIST_CONTENT, (const uint32_t[2]){}, l->guest_align,
                                 count * l->guest_bytes, &ret_words[0]);
    }
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    ret_words[1] = count;
    return pass_items(c, l, (sw_canon_place){.address = address},
                      (sw_canon_place){.address = ret_words[0]}, count);
}

static sw_trap pass_handle(sw_canon_call *c, const sw_canon_op *op, uint32_t index,
                           uint32_t *ret_index)
{
    uint32_t rep = 0;
    bool is_own = op->kind == SW_CANON_OWN;
    sw_trap trap = is_own ? sw_handle_lift_own(&c->from->handles, op->a, index, &rep)
                          : sw_handle_lift_borrow(&c->from->handles, op->a, index, &rep);
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    return is_own ? sw_handle_lower_own(&c->to->handles, op->a, rep, ret_index)
                  : sw_handle_lower_borrow(&c->to->handles, op->a, rep, ret_index);
}

/* Ops that call into the receiving guest or touch handles. */
static sw_trap pass_op(sw_canon_call *c, const sw_canon_op *op, sw_canon_place from,
                       sw_canon_place to)
{
    if (op->kind == SW_CANON_ARRAY) {
        from.address += op->guest;
        to.address += op->guest;
        return pass_items(c, &c->canon->lists[op->a], from, to, op->b);
    }
    const uint8_t *in = sw_canon_at(c->from, from);
    bool has_len = op->kind == SW_CANON_STRING || op->kind == SW_CANON_LIST;
    uint32_t first = sw_load_u32(in + op->guest);
    uint32_t len = has_len ? sw_load_u32(in + op->guest_len) : 0;
    uint32_t words[2] = {};
    sw_trap trap = op->kind == SW_CANON_STRING ? pass_string(c, first, len, words)
                   : op->kind == SW_CANON_LIST
                       ? pass_list(c, &c->canon->lists[op->a], first, len, words)
                       : pass_handle(c, op, first, &words[0]);
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    uint8_t *out = sw_canon_at(c->to, to);
    sw_store_u32(out + op->guest, words[0]);
    if (has_len) {
        sw_store_u32(out + op->guest_len, words[1]);
    }
    return SW_TRAP_NONE;
}

static sw_trap pass_char(const sw_canon_call *c, const uint8_t *in, uint8_t *out)
{
    uint32_t value = sw_load_u32(in);
    if (!sw_is_scalar_value(value)) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "invalid `char` bit pattern");
    }
    sw_store_u32(out, value);
    return SW_TRAP_NONE;
}

static sw_trap pass_tag(const sw_canon_call *c, const sw_canon_op *op, uint32_t tag, uint8_t *out)
{
    if (tag >= op->b) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "invalid variant discriminant");
    }
    sw_store_tag(out, op->guest_bytes, tag);
    return SW_TRAP_NONE;
}

static void pass_signed(const sw_canon_op *op, const uint8_t *in, uint8_t *out)
{
    uint32_t value = sw_load_tag(in, op->kind == SW_CANON_SIGN1 ? 1 : 2);
    sw_store_u32(out, (uint32_t)(op->kind == SW_CANON_SIGN1 ? (int8_t)value : (int16_t)value));
}

static sw_trap run(sw_canon_call *c, uint32_t program, sw_canon_place from, sw_canon_place to)
{
    const sw_canon_op *ops = c->canon->ops;
    const uint8_t *in = sw_canon_at(c->from, from);
    uint8_t *out = sw_canon_at(c->to, to);
    for (const sw_canon_op *op = ops + program;; op++) {
        const uint8_t *i = in + op->guest;
        uint8_t *o = out + op->guest;
        sw_trap trap = SW_TRAP_NONE;
        switch (op->kind) {
        case SW_CANON_END: return SW_TRAP_NONE;
        case SW_CANON_COPY1: *o = *i; break;
        case SW_CANON_COPY2: memmove(o, i, 2); break;
        case SW_CANON_COPY4: memmove(o, i, 4); break;
        case SW_CANON_COPY8: memmove(o, i, 8); break;
        case SW_CANON_COPY: memmove(o, i, op->a); break;
        case SW_CANON_SIGN1:
        case SW_CANON_SIGN2: pass_signed(op, i, o); break;
        case SW_CANON_BOOL: *o = sw_load_tag(i, op->guest_bytes) != 0; break;
        case SW_CANON_CHAR: trap = pass_char(c, i, o); break;
        case SW_CANON_FLAGS:
            sw_store_tag(o, op->guest_bytes, sw_load_tag(i, op->guest_bytes) & op->b);
            break;
        case SW_CANON_ENUM: trap = pass_tag(c, op, sw_load_tag(i, op->guest_bytes), o); break;
        case SW_CANON_VARIANT: {
            uint32_t tag = sw_load_tag(i, op->guest_bytes);
            trap = pass_tag(c, op, tag, o);
            op = trap != SW_TRAP_NONE ? op : ops + c->canon->cases[op->a + tag] - 1;
            break;
        }
        case SW_CANON_JUMP: op = ops + op->a - 1; break;
        default:
            trap = pass_op(c, op, from, to);
            in = sw_canon_at(c->from, from);
            out = sw_canon_at(c->to, to);
            break;
        }
        if (SW_UNLIKELY(trap != SW_TRAP_NONE)) {
            return trap;
        }
    }
}

sw_trap sw_canon_pass(sw_canon_call *c, uint32_t program, sw_canon_place from, sw_canon_place to)
{
    return run(c, program, from, to);
}
