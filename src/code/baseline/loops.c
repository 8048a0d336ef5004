/*
 * Locals that live in registers for one loop.
 *
 * A function that calls has four registers for locals, whatever it does; large ones, into which
 * others were inlined, have loops whose locals all lie in memory. An outermost loop without calls
 * is therefore looked through when it begins, and the locals it reads most get the registers of
 * temporaries that it can spare. Stores still go to the home, too (such a local is mirrored), so
 * that nothing needs to be done where control leaves the loop; and it enters only at the head.
 */
#include "code/baseline/emitter.h"

enum {
    MAX_SEEN = 96,  /* different locals that one loop's count keeps; others stay in memory */
    MAX_DEPTH = 64, /* of blocks in the loop, above which it stays as it is */
    MAX_WEIGHT_LOG2 = 12,
    WEIGHT_PER_LOOP_LOG2 = 3,
    MIN_WEIGHT = 2,
    SPARE_FLOAT_FROM = 6,
};

/* Integer temporaries for loops, and what must be left for values. */
static const uint8_t spare_ints[] = {SW_R8, SW_R9, SW_R10, SW_R11, SW_RDI};

typedef struct local_count {
    uint32_t local, weight;
} local_count;

/* Reads of locals in a loop, weighted like those that validation counts. */
typedef struct survey {
    local_count seen[MAX_SEEN];
    uint32_t seen_count;
    uint32_t weight_log2;
    uint32_t depth;
    uint64_t loops; /* bit i: the block i levels out from the innermost is a loop */
} survey;

static inline void count_read(sw_emitter *e, survey *s, uint32_t local)
{
    sw_local *l = &e->locals[local];
    if (l->pin != SW_NO_REG || l->home == 0) {
        return;
    }
    if (l->survey == 0) {
        if (s->seen_count == MAX_SEEN) {
            return;
        }
        s->seen[s->seen_count++] = (local_count){.local = local};
        l->survey = (uint8_t)s->seen_count;
    }
    local_count *c = &s->seen[l->survey - 1];
    uint32_t more = 1u << SW_MIN(s->weight_log2, (uint32_t)MAX_WEIGHT_LOG2);
    c->weight = c->weight > UINT32_MAX - more ? UINT32_MAX : c->weight + more;
}

/* Functions and runtime helpers; table.size, too, does no harm. */
static inline bool is_call(uint32_t code)
{
    return code == SW_OP_CALL || code == SW_OP_CALL_INDIRECT || code == SW_OP_MEMORY_GROW ||
           code >= SW_OP_MEMORY_INIT;
}

/* One more block, or one less. False: too deep. */
static inline bool nest(survey *s, uint32_t code)
{
    if (code == SW_OP_END) {
        s->weight_log2 -= (s->loops & 1) != 0 ? WEIGHT_PER_LOOP_LOG2 : 0;
        s->loops >>= 1;
        s->depth--;
        return true;
    }
    bool is_loop = code == SW_OP_LOOP;
    s->weight_log2 += is_loop ? WEIGHT_PER_LOOP_LOG2 : 0;
    s->loops = s->loops << 1 | is_loop;
    return ++s->depth <= MAX_DEPTH;
}

/* Arithmetic, comparisons, conversions: no immediates. */
static inline bool is_plain(uint32_t code)
{
    return code - SW_OP_I32_EQZ <= SW_OP_I64_EXTEND32_S - SW_OP_I32_EQZ;
}

static inline bool is_access(uint32_t code)
{
    return code - SW_OP_I32_LOAD <= SW_OP_I64_STORE32 - SW_OP_I32_LOAD;
}

static inline bool opens_block(uint32_t code)
{
    return code - SW_OP_BLOCK <= SW_OP_IF - SW_OP_BLOCK;
}

/* Reads as far as the loop's end. False: it calls, or it is no loop to be looked through. */
static bool look_through(sw_emitter *e, survey *s)
{
    const uint8_t *p = e->pos;
    const uint8_t *limit = p + SW_MIN(e->survey_left, (size_t)(e->body_end - p));
    bool is_fit = true;
    while (is_fit && s->depth != UINT32_MAX) {
        sw_instr in;
        in.code = sw_opcode_next(&p);
        if (in.code == SW_OP_LOCAL_GET) {
            count_read(e, s, sw_leb_next_u32(&p));
        } else if (is_access(in.code)) {
            sw_memarg_next(&p, &in);
        } else if (!is_plain(in.code)) {
            if (opens_block(in.code) || in.code == SW_OP_END) {
                is_fit = nest(s, in.code);
            }
            is_fit = is_fit && !is_call(in.code) && (p < limit || s->depth == UINT32_MAX);
            sw_immediates_next(&p, &in);
        }
    }
    e->survey_left -= SW_MIN(e->survey_left, (size_t)(p - e->pos));
    return is_fit;
}

/* Takes the local of this class that is read most out of the survey; SW_NO_INDEX: none is left. */
static uint32_t take_heaviest(sw_emitter *e, survey *s, bool is_float)
{
    local_count *best = NULL;
    for (uint32_t i = 0; i < s->seen_count; i++) {
        local_count *c = &s->seen[i];
        if (c->weight >= MIN_WEIGHT && sw_kind_is_float(e->locals[c->local].kind) == is_float &&
            (best == NULL || c->weight > best->weight)) {
            best = c;
        }
    }
    if (best == NULL) {
        return SW_NO_INDEX;
    }
    best->weight = 0;
    return best->local;
}

static bool pin_for_loop(sw_emitter *e, uint32_t local, unsigned reg)
{
    sw_local *l = &e->locals[local];
    sw_loop_pin p = {.local = local, .reg = (uint8_t)reg, .kind = l->kind, .home = l->home};
    if (sw_vec_push(&e->loop_pins, p) != SW_OK) {
        sw_bl_fail(e, SW_NO_MEMORY);
        return false;
    }
    uint32_t bit = sw_bl_bit(reg);
    if (sw_kind_is_float(l->kind)) {
        e->temp_floats &= ~bit;
        e->free_floats &= ~bit;
    } else {
        e->temp_ints &= ~bit;
        e->free_ints &= ~bit;
    }
    l->pin = (uint8_t)reg;
    l->is_mirrored = true;
    sw_bl_load(e, l->kind, reg, sw_x64_at(SW_RBP, l->home));
    return true;
}

static void pin_survey(sw_emitter *e, survey *s)
{
    for (unsigned i = 0; i < SW_COUNTOF(spare_ints); i++) {
        if ((e->free_ints & sw_bl_bit(spare_ints[i])) == 0) {
            continue;
        }
        uint32_t local = take_heaviest(e, s, false);
        if (local == SW_NO_INDEX || !pin_for_loop(e, local, spare_ints[i])) {
            break;
        }
    }
    for (unsigned reg = SPARE_FLOAT_FROM; reg < SW_XSCRATCH; reg++) {
        if ((e->free_floats & sw_bl_bit(reg)) == 0) {
            continue;
        }
        uint32_t local = take_heaviest(e, s, true);
        if (local == SW_NO_INDEX || !pin_for_loop(e, local, reg)) {
            break;
        }
    }
}

void sw_bl_enter_loop(sw_emitter *e)
{
    survey s;
    if (e->loop_region != 0 || e->unpinned == 0 || e->survey_left == 0) {
        return;
    }
    s.seen_count = s.weight_log2 = s.depth = 0;
    s.loops = 0;
    bool is_fit = look_through(e, &s);
    for (uint32_t i = 0; i < s.seen_count; i++) {
        e->locals[s.seen[i].local].survey = 0;
    }
    if (is_fit && s.seen_count != 0) {
        e->loop_pins_start = (uint32_t)e->loop_pins.count;
        e->loop_region = e->labels_count;
        pin_survey(e, &s);
    }
}

void sw_bl_leave_loop(sw_emitter *e)
{
    if (e->loop_region != e->labels_count) {
        return;
    }
    for (size_t i = e->loop_pins_start; i < e->loop_pins.count; i++) {
        const sw_loop_pin *p = &e->loop_pins.at[i];
        sw_local *l = &e->locals[p->local];
        l->pin = SW_NO_REG;
        l->is_mirrored = false;
        if (sw_kind_is_float(p->kind)) {
            e->temp_floats |= sw_bl_bit(p->reg);
            e->free_floats |= sw_bl_bit(p->reg);
        } else {
            e->temp_ints |= sw_bl_bit(p->reg);
            e->free_ints |= sw_bl_bit(p->reg);
        }
    }
    e->loop_region = 0;
}

void sw_bl_reload_loop_pins(sw_emitter *e, uint32_t start, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const sw_loop_pin *p = &e->loop_pins.at[start + i];
        sw_bl_load(e, p->kind, p->reg, sw_x64_at(SW_RBP, p->home));
    }
}
