/*
 * Lowering: from the host layout to a guest's place. Frames are zero before. Strings and lists call
 * the guest's realloc, after which addresses become pointers anew.
 */
#include "component/canon_run.h"

static sw_trap run(sw_canon_call *c, uint32_t program, const uint8_t *host, sw_canon_place to);

static sw_trap lower_string(sw_canon_call *c, const uint8_t *host, uint32_t ret_words[2])
{
    sw_canon_string s = {.form = SW_TEXT_UTF8};
    memcpy(&s.host, host, sizeof s.host);
    if (s.host.len > SW_CANON_MAX_STRING_BYTES) {
        return sw_canon_trap(c->store, SW_TRAP_HOST, "the host gave a string that is too long");
    }
    s.units = (uint32_t)s.host.len;
    return sw_canon_store_string(c, &s, &ret_words[0], &ret_words[1]);
}

static sw_trap lower_items(sw_canon_call *c, const sw_canon_list *l, const uint8_t *host,
                           sw_canon_place to, uint32_t count)
{
    if (l->is_plain) {
        if (count != 0) {
            memcpy(sw_canon_at(c->to, to), host, (size_t)count * l->host_bytes);
        }
        return SW_TRAP_NONE;
    }
    for (uint32_t i = 0; i < count; i++) {
        sw_trap trap = run(c, l->program, host, to);
        if (trap != SW_TRAP_NONE) {
            return trap;
        }
        host += l->host_bytes;
        to.address += l->guest_bytes;
    }
    return SW_TRAP_NONE;
}

static sw_trap lower_list(sw_canon_call *c, const sw_canon_list *l, const uint8_t *host,
                          uint32_t ret_words[2])
{
    struct {
        const uint8_t *ptr;
        size_t len;
    } in;
    memcpy(&in, host, sizeof in);
    uint64_t bytes = 0;
    if (ckd_mul(&bytes, in.len, l->guest_bytes) || bytes > SW_CANON_MAX_LIST_BYTES) {
        return sw_canon_trap(c->store, SW_TRAP_HOST, "the host gave a list that is too long");
    }
    sw_trap trap = sw_canon_allocate(c, SW_CANON_LIST_CONTENT, (const uint32_t[2]){},
                                     l->guest_align, (uint32_t)bytes, &ret_words[0]);
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    ret_words[1] = (uint32_t)in.len;
    return lower_items(c, l, in.ptr, (sw_canon_place){.address = ret_words[0]}, ret_words[1]);
}

static sw_trap lower_handle(sw_canon_call *c, const sw_canon_op *op, uint32_t rep,
                            uint32_t *ret_index)
{
    bool is_own = op->kind == SW_CANON_OWN;
    sw_trap trap = SW_TRAP_NONE;
    if (c->host->resources[op->a].instance != SW_PLAN_NONE) {
        trap = is_own ? sw_handle_lift_own(c->host, op->a, rep, &rep)
                      : sw_handle_lift_borrow(c->host, op->a, rep, &rep);
    }
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    return is_own ? sw_handle_lower_own(&c->to->handles, op->a, rep, ret_index)
                  : sw_handle_lower_borrow(&c->to->handles, op->a, rep, ret_index);
}

static sw_trap bad_value(const sw_canon_call *c, const char *what)
{
    return sw_canon_trap(c->store, SW_TRAP_HOST, "the host gave an invalid %s", what);
}

static sw_trap lower_tag(const sw_canon_call *c, const sw_canon_op *op, uint32_t tag, uint8_t *g)
{
    sw_store_tag(g, op->guest_bytes, tag);
    return SW_LIKELY(tag < op->b) ? SW_TRAP_NONE : bad_value(c, "variant");
}

/* Ops that call into the guest or touch handles. */
static sw_trap lower_op(sw_canon_call *c, const sw_canon_op *op, const uint8_t *host,
                        sw_canon_place to)
{
    const uint8_t *h = host + op->host;
    uint32_t words[2] = {};
    sw_trap trap = SW_TRAP_NONE;
    switch (op->kind) {
    case SW_CANON_ARRAY:
        to.address += op->guest;
        return lower_items(c, &c->canon->lists[op->a], h, to, op->b);
    case SW_CANON_STRING: trap = lower_string(c, h, words); break;
    case SW_CANON_LIST: trap = lower_list(c, &c->canon->lists[op->a], h, words); break;
    default: trap = lower_handle(c, op, sw_load_u32(h), &words[0]); break;
    }
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    uint8_t *g = sw_canon_at(c->to, to);
    sw_store_u32(g + op->guest, words[0]);
    if (op->kind == SW_CANON_STRING || op->kind == SW_CANON_LIST) {
        sw_store_u32(g + op->guest_len, words[1]);
    }
    return SW_TRAP_NONE;
}

static void lower_signed(const sw_canon_op *op, const uint8_t *h, uint8_t *g)
{
    int16_t half;
    memcpy(&half, h, op->kind == SW_CANON_SIGN1 ? 1 : 2);
    sw_store_u32(g, (uint32_t)(op->kind == SW_CANON_SIGN1 ? (int8_t)*h : half));
}

static sw_trap run(sw_canon_call *c, uint32_t program, const uint8_t *host, sw_canon_place to)
{
    const sw_canon_op *ops = c->canon->ops;
    uint8_t *base = sw_canon_at(c->to, to);
    for (const sw_canon_op *op = ops + program;; op++) {
        const uint8_t *h = host + op->host;
        uint8_t *g = base + op->guest;
        sw_trap trap = SW_TRAP_NONE;
        switch (op->kind) {
        case SW_CANON_END: return SW_TRAP_NONE;
        case SW_CANON_COPY1: *g = *h; break;
        case SW_CANON_COPY2: memcpy(g, h, 2); break;
        case SW_CANON_COPY4: memcpy(g, h, 4); break;
        case SW_CANON_COPY8: memcpy(g, h, 8); break;
        case SW_CANON_COPY: memcpy(g, h, op->a); break;
        case SW_CANON_SIGN1:
        case SW_CANON_SIGN2: lower_signed(op, h, g); break;
        case SW_CANON_BOOL: *g = *h != 0; break;
        case SW_CANON_CHAR:
            trap = sw_is_scalar_value(sw_load_u32(h)) ? trap : bad_value(c, "char");
            memcpy(g, h, 4);
            break;
        case SW_CANON_FLAGS:
            sw_store_tag(g, op->guest_bytes, sw_load_tag(h, op->host_bytes) & op->b);
            break;
        case SW_CANON_ENUM: trap = lower_tag(c, op, sw_load_tag(h, op->host_bytes), g); break;
        case SW_CANON_VARIANT: {
            uint32_t tag = sw_load_tag(h, op->host_bytes);
            trap = lower_tag(c, op, tag, g);
            op = trap != SW_TRAP_NONE ? op : ops + c->canon->cases[op->a + tag] - 1;
            break;
        }
        case SW_CANON_JUMP: op = ops + op->a - 1; break;
        default:
            trap = lower_op(c, op, host, to);
            base = sw_canon_at(c->to, to);
            break;
        }
        if (SW_UNLIKELY(trap != SW_TRAP_NONE)) {
            return trap;
        }
    }
}

sw_trap sw_canon_lower(sw_canon_call *c, uint32_t program, const uint8_t *host, sw_canon_place to)
{
    return run(c, program, host, to);
}
