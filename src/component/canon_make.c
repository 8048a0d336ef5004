/*
 * From function types to programs.
 *
 * Values in registers are written out in full (there are at most sixteen). In memory, a type whose
 * program would be long becomes a program of its own that others run in place, so that types which
 * share parts do not multiply them.
 */
#include "component/canon.h"

#include "base/vec.h"

enum { INLINE_OPS = 24 };

#define NO_PROGRAM  UINT32_MAX
#define MAP_ELEMENT 0x40000000u

typedef struct maker {
    sw_arena *arena;
    const sw_types *types;
    sw_canon_layouts layouts;
    SW_VEC(sw_canon_op) ops;
    SW_VEC(uint32_t) cases;
    SW_VEC(sw_canon_list) lists;
    SW_VEC(sw_vtype) elements; /* of lists; MAP_ELEMENT | definition for the pairs of a map */
    uint32_t *list_of_def;     /* lists index of a definition as element, or NO_PROGRAM */
    uint32_t *list_of_map;     /* the same for the pairs of a map */
    uint32_t list_of_prim[32];
    uint32_t barrier;                   /* ops before it may not be merged with */
    uint16_t places[SW_CANON_MAX_FLAT]; /* of the present values in the frame */
    uint8_t flats[SW_CANON_MAX_FLAT];   /* their types */
    uint32_t flats_count;
    sw_status status;
} maker;

/* Where a value lies: in memory from an offset on, or from a flat value on. */
typedef struct place {
    bool is_flat;
    uint32_t guest, host;
} place;

static void make_value(maker *m, sw_vtype v, place at);
static uint32_t make_list(maker *m, sw_vtype element);
static uint32_t make_map_list(maker *m, uint32_t def);

static uint32_t push(maker *m, sw_canon_op op)
{
    if (m->status == SW_OK && m->ops.count >= SW_CANON_MAX_OPS) {
        m->status = SW_LIMIT;
    }
    if (m->status == SW_OK) {
        m->status = sw_vec_push(&m->ops, op);
    }
    return (uint32_t)m->ops.count - (m->ops.count != 0);
}

/* A position that a jump may lead to. */
static uint32_t label(maker *m)
{
    m->barrier = (uint32_t)m->ops.count;
    return m->barrier;
}

static uint32_t guest_place(const maker *m, place at, uint32_t flat_index, uint32_t offset)
{
    return at.is_flat ? m->places[at.guest + flat_index] : at.guest + offset;
}

static void make_copy(maker *m, place at, uint32_t bytes)
{
    uint32_t guest = guest_place(m, at, 0, 0);
    if (m->status == SW_OK && m->ops.count > m->barrier) {
        sw_canon_op *last = &m->ops.at[m->ops.count - 1];
        if (last->kind == SW_CANON_COPY && last->guest + last->a == guest &&
            last->host + last->a == at.host) {
            last->a += bytes;
            return;
        }
    }
    push(m, (sw_canon_op){.kind = SW_CANON_COPY, .guest = guest, .host = at.host, .a = bytes});
}

/* Copies of the usual sizes get ops of their own once nothing can be merged into them. */
static void settle_copies(maker *m)
{
    static const uint8_t BY_BYTES[9] = {
        [1] = SW_CANON_COPY1, [2] = SW_CANON_COPY2, [4] = SW_CANON_COPY4, [8] = SW_CANON_COPY8};
    for (size_t i = 0; i < m->ops.count; i++) {
        sw_canon_op *op = &m->ops.at[i];
        if (op->kind == SW_CANON_COPY && op->a < SW_COUNTOF(BY_BYTES) && BY_BYTES[op->a] != 0) {
            op->kind = BY_BYTES[op->a];
        }
    }
}

static void make_sized(maker *m, sw_canon_op_kind kind, place at, uint32_t bytes, uint32_t b)
{
    push(m, (sw_canon_op){.kind = (uint8_t)kind,
                          .guest_bytes = at.is_flat ? 4 : (uint8_t)bytes,
                          .host_bytes = (uint8_t)bytes,
                          .guest = guest_place(m, at, 0, 0),
                          .host = at.host,
                          .b = b});
}

static void make_pointer(maker *m, sw_canon_op_kind kind, place at, uint32_t list)
{
    push(m, (sw_canon_op){.kind = (uint8_t)kind,
                          .guest = guest_place(m, at, 0, 0),
                          .guest_len = guest_place(m, at, 1, 4),
                          .host = at.host,
                          .a = list});
}

static void make_prim(maker *m, uint32_t kind, place at)
{
    switch (kind) {
    case SW_CT_BOOL: make_sized(m, SW_CANON_BOOL, at, 1, 0); break;
    case SW_CT_S8:
    case SW_CT_S16:
        if (at.is_flat) {
            make_sized(m, kind == SW_CT_S8 ? SW_CANON_SIGN1 : SW_CANON_SIGN2, at, 4, 0);
            break;
        }
        make_copy(m, at, kind == SW_CT_S8 ? 1 : 2);
        break;
    case SW_CT_CHAR: make_sized(m, SW_CANON_CHAR, at, 4, 0); break;
    case SW_CT_STRING: make_pointer(m, SW_CANON_STRING, at, 0); break;
    case SW_CT_ERROR_CONTEXT: m->status = SW_UNSUPPORTED; break;
    default:
        make_copy(m, at, sw_canon_layout_get(&m->layouts, SW_VT_PRIM | kind).host_bytes);
        break;
    }
}

static void make_record(maker *m, const sw_type_field *fields, uint32_t count, place at)
{
    for (uint32_t i = 0; i < count; i++) {
        sw_vtype v = fields[i].type;
        sw_canon_layout l = sw_canon_layout_get(&m->layouts, v);
        if (!at.is_flat) {
            at.guest = (uint32_t)sw_align_up(at.guest, l.guest_align);
        }
        at.host = (uint32_t)sw_align_up(at.host, l.host_align);
        make_value(m, v, at);
        at.guest += at.is_flat ? l.flats_count : l.guest_bytes;
        at.host += l.host_bytes;
    }
}

static void make_array(maker *m, sw_vtype element, uint32_t count, place at)
{
    uint32_t list = make_list(m, element);
    push(m, (sw_canon_op){
                .kind = SW_CANON_ARRAY, .guest = at.guest, .host = at.host, .a = list, .b = count});
}

static void make_fixed_list(maker *m, const sw_type_def *d, place at)
{
    sw_canon_layout e = sw_canon_layout_get(&m->layouts, d->element);
    if (!at.is_flat) {
        make_array(m, d->element, d->other, at);
        return;
    }
    for (uint32_t i = 0; i < d->other; i++) {
        make_value(m, d->element, at);
        at.guest += e.flats_count;
        at.host += e.host_bytes;
    }
}

static void make_variant(maker *m, const sw_type_def *d, place at)
{
    sw_canon_variant v = sw_canon_variant_get(&m->layouts, d);
    bool has_payload = false;
    for (uint32_t i = 0; i < v.cases; i++) {
        has_payload = has_payload || sw_canon_case_type(m->types, d, i) != SW_VT_NONE;
    }
    make_sized(m, has_payload ? SW_CANON_VARIANT : SW_CANON_ENUM, at, v.tag_bytes, v.cases);
    if (!has_payload || m->status != SW_OK) {
        return;
    }
    uint32_t first = (uint32_t)m->cases.count;
    m->ops.at[m->ops.count - 1].a = first;
    m->status = sw_vec_reserve(&m->cases, (size_t)first + v.cases);
    if (m->status != SW_OK) {
        return;
    }
    m->cases.count += v.cases;
    at.guest += at.is_flat ? 1 : v.payload_offset;
    at.host += v.host_payload;
    uint32_t jumps = NO_PROGRAM; /* chained through their `a` until the end is known */
    for (uint32_t i = 0; i < v.cases && m->status == SW_OK; i++) {
        sw_vtype payload = sw_canon_case_type(m->types, d, i);
        m->cases.at[first + i] = payload == SW_VT_NONE ? NO_PROGRAM : label(m);
        if (payload != SW_VT_NONE) {
            make_value(m, payload, at);
            jumps = push(m, (sw_canon_op){.kind = SW_CANON_JUMP, .a = jumps});
        }
    }
    uint32_t end = label(m);
    for (uint32_t i = 0; i < v.cases && m->status == SW_OK; i++) {
        if (m->cases.at[first + i] == NO_PROGRAM) {
            m->cases.at[first + i] = end;
        }
    }
    while (m->status == SW_OK && jumps != NO_PROGRAM) {
        uint32_t next = m->ops.at[jumps].a;
        m->ops.at[jumps].a = end;
        jumps = next;
    }
}

static void make_handle(maker *m, const sw_type_def *d, place at)
{
    push(m, (sw_canon_op){.kind = d->kind == SW_CT_OWN ? SW_CANON_OWN : SW_CANON_BORROW,
                          .guest = guest_place(m, at, 0, 0),
                          .host = at.host,
                          .a = d->other});
}

static void make_flags(maker *m, const sw_type_def *d, place at)
{
    uint32_t mask = d->count >= 32 ? UINT32_MAX : ((uint32_t)1 << d->count) - 1;
    make_sized(m, SW_CANON_FLAGS, at, sw_canon_flags_bytes(d->count), mask);
}

static void make_def(maker *m, uint32_t def, place at)
{
    const sw_type_def *d = &m->types->defs[def];
    switch (d->kind) {
    case SW_CT_RECORD:
    case SW_CT_TUPLE: make_record(m, m->types->fields + d->first, d->count, at); break;
    case SW_CT_VARIANT:
    case SW_CT_OPTION:
    case SW_CT_RESULT: make_variant(m, d, at); break;
    case SW_CT_FIXED_LIST: make_fixed_list(m, d, at); break;
    case SW_CT_LIST: make_pointer(m, SW_CANON_LIST, at, make_list(m, d->element)); break;
    case SW_CT_MAP: make_pointer(m, SW_CANON_LIST, at, make_map_list(m, def)); break;
    case SW_CT_FLAGS: make_flags(m, d, at); break;
    case SW_CT_ENUM:
        make_sized(m, SW_CANON_ENUM, at, sw_canon_tag_bytes(d->count), d->count);
        break;
    case SW_CT_OWN:
    case SW_CT_BORROW: make_handle(m, d, at); break;
    default: m->status = m->status == SW_OK ? SW_UNSUPPORTED : m->status; break;
    }
}

static void make_value(maker *m, sw_vtype v, place at)
{
    if (m->status != SW_OK) {
        return;
    }
    sw_canon_layout l = sw_canon_layout_get(&m->layouts, v);
    if (sw_vtype_is_prim(v)) {
        make_prim(m, v & 0xff, at);
    } else if (!at.is_flat && l.is_plain) {
        make_copy(m, at, l.guest_bytes);
    } else if (!at.is_flat && l.ops > INLINE_OPS) {
        make_array(m, v, 1, at);
    } else {
        make_def(m, v, at);
    }
}

/* ---- Programs of elements ----------------------------------------------------------------------
 */

/* The lists index of an element type; its program is made after the present one. */
static uint32_t make_list(maker *m, sw_vtype element)
{
    uint32_t *memo =
        sw_vtype_is_prim(element) ? &m->list_of_prim[element & 0x1f] : &m->list_of_def[element];
    if (*memo != NO_PROGRAM || m->status != SW_OK) {
        return *memo;
    }
    sw_canon_layout l = sw_canon_layout_get(&m->layouts, element);
    sw_canon_list list = {.program = NO_PROGRAM,
                          .guest_bytes = l.guest_bytes,
                          .guest_align = l.guest_align,
                          .host_bytes = l.host_bytes,
                          .host_align = l.host_align,
                          .is_plain = l.is_plain};
    m->status = sw_vec_push(&m->lists, list);
    if (m->status == SW_OK) {
        m->status = sw_vec_push(&m->elements, element);
    }
    *memo = (uint32_t)m->lists.count - (m->lists.count != 0);
    return *memo;
}

/* A map is a list of pairs, for which there is no type definition. */
static uint32_t make_map_list(maker *m, uint32_t def)
{
    const sw_type_def *d = &m->types->defs[def];
    uint32_t *memo = &m->list_of_map[def];
    if (*memo != NO_PROGRAM || m->status != SW_OK) {
        return *memo;
    }
    sw_canon_layout k = sw_canon_layout_get(&m->layouts, d->element);
    sw_canon_layout v = sw_canon_layout_get(&m->layouts, d->other);
    uint32_t guest_value = (uint32_t)sw_align_up(k.guest_bytes, v.guest_align);
    uint32_t host_value = (uint32_t)sw_align_up(k.host_bytes, v.host_align);
    sw_canon_list list = {.program = NO_PROGRAM,
                          .guest_align = SW_MAX(k.guest_align, v.guest_align),
                          .host_align = SW_MAX(k.host_align, v.host_align)};
    list.guest_bytes = (uint32_t)sw_align_up(guest_value + v.guest_bytes, list.guest_align);
    list.host_bytes = (uint32_t)sw_align_up(host_value + v.host_bytes, list.host_align);
    m->status = sw_vec_push(&m->lists, list);
    if (m->status == SW_OK) {
        m->status = sw_vec_push(&m->elements, def | MAP_ELEMENT);
    }
    *memo = (uint32_t)m->lists.count - (m->lists.count != 0);
    return *memo;
}

static void make_pair(maker *m, const sw_type_def *d)
{
    sw_canon_layout k = sw_canon_layout_get(&m->layouts, d->element);
    sw_canon_layout v = sw_canon_layout_get(&m->layouts, d->other);
    make_value(m, d->element, (place){});
    make_value(m, d->other,
               (place){.guest = (uint32_t)sw_align_up(k.guest_bytes, v.guest_align),
                       .host = (uint32_t)sw_align_up(k.host_bytes, v.host_align)});
}

static void make_element(maker *m, uint32_t index)
{
    sw_vtype v = m->elements.at[index];
    m->lists.at[index].program = label(m);
    if (sw_vtype_is_prim(v)) {
        make_prim(m, v & 0xff, (place){});
    } else if ((v & MAP_ELEMENT) != 0) {
        make_pair(m, &m->types->defs[v & ~MAP_ELEMENT]);
    } else if (m->lists.at[index].is_plain) {
        make_copy(m, (place){}, m->lists.at[index].guest_bytes);
    } else {
        make_def(m, v, (place){});
    }
    push(m, (sw_canon_op){.kind = SW_CANON_END});
}

/* ---- Functions ---------------------------------------------------------------------------------
 */

/* Counts registers as calls do: integers and vectors apart, the rest in order of position. */
typedef struct placer {
    uint32_t ints, vectors, extra;
} placer;

static uint16_t next_place(placer *p, uint8_t flat)
{
    bool is_vector = flat == SW_FLAT_F32 || flat == SW_FLAT_F64;
    uint32_t *used = is_vector ? &p->vectors : &p->ints;
    if (*used >= (is_vector ? SW_VECTOR_ARGS : SW_INT_ARGS)) {
        return (uint16_t)(offsetof(sw_canon_frame, extra) + 16 * (size_t)p->extra++);
    }
    size_t index = (*used)++;
    return (uint16_t)(is_vector ? offsetof(sw_regs, vectors) + 16 * index
                                : offsetof(sw_regs, ints) + 8 * index);
}

static sw_valtype core_type(uint8_t flat)
{
    static const sw_valtype TYPES[] = {[SW_FLAT_I32] = SW_TYPE_I32,
                                       [SW_FLAT_I64] = SW_TYPE_I64,
                                       [SW_FLAT_F32] = SW_TYPE_F32,
                                       [SW_FLAT_F64] = SW_TYPE_F64};
    return TYPES[flat];
}

/* Whether the type's flat value is the value itself, so that nothing is to be done between guests.
 */
static bool is_direct(const sw_types *t, const sw_type_field *fields, uint32_t count)
{
    static const bool DIRECT[] = {[SW_CT_S32] = true, [SW_CT_U32] = true, [SW_CT_S64] = true,
                                  [SW_CT_U64] = true, [SW_CT_F32] = true, [SW_CT_F64] = true};
    for (uint32_t i = 0; i < count; i++) {
        sw_ctype_kind kind = sw_vtype_kind(t, fields[i].type);
        if (kind >= SW_COUNTOF(DIRECT) || !DIRECT[kind]) {
            return false;
        }
    }
    return true;
}

/* A program for values that are a record's fields, in registers if they fit. */
static sw_canon_values make_values(maker *m, const sw_type_field *fields, uint32_t count,
                                   uint32_t max_flat)
{
    sw_canon_values out = {
        .guest_align = 1, .host_align = 1, .program = label(m), .is_simple = true};
    m->flats_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        sw_canon_layout l = sw_canon_layout_get(&m->layouts, fields[i].type);
        out.guest_align = SW_MAX(out.guest_align, l.guest_align);
        out.host_align = SW_MAX(out.host_align, l.host_align);
        uint64_t guest = sw_align_up(out.guest_bytes, l.guest_align) + l.guest_bytes;
        uint64_t host = sw_align_up(out.host_bytes, l.host_align) + l.host_bytes;
        if (guest > INT32_MAX || host > INT32_MAX) {
            m->status = SW_LIMIT;
            return out;
        }
        out.guest_bytes = (uint32_t)guest;
        out.host_bytes = (uint32_t)host;
        out.is_simple = out.is_simple && l.is_scalar;
        for (uint32_t k = 0; k < l.flats_count && m->flats_count <= max_flat; k++) {
            if (m->flats_count < max_flat) {
                m->flats[m->flats_count] = l.flats[k];
            }
            m->flats_count++;
        }
    }
    out.guest_bytes = (uint32_t)sw_align_up(out.guest_bytes, out.guest_align);
    out.host_bytes = (uint32_t)sw_align_up(out.host_bytes, out.host_align);
    out.is_flat = m->flats_count <= max_flat;
    out.is_simple = out.is_simple && out.is_flat && out.host_bytes <= SW_CANON_SIMPLE_BYTES;
    out.is_direct = out.is_flat && is_direct(m->types, fields, count);
    placer p = {};
    for (uint32_t k = 0; out.is_flat && k < m->flats_count; k++) {
        m->places[k] = next_place(&p, m->flats[k]);
    }
    make_record(m, fields, count, (place){.is_flat = out.is_flat});
    push(m, (sw_canon_op){.kind = SW_CANON_END});
    return out;
}

/* The core signature's part that comes from values. */
static uint32_t add_core_types(const maker *m, const sw_canon_values *v, sw_valtype *types)
{
    if (!v->is_flat) {
        types[0] = SW_TYPE_I32;
        return 1;
    }
    for (uint32_t i = 0; i < m->flats_count; i++) {
        types[i] = core_type(m->flats[i]);
    }
    return m->flats_count;
}

static void make_func(maker *m, const sw_cfunc_type *type, sw_canon_func *f)
{
    sw_valtype *core = SW_NEW_ARRAY(m->arena, sw_valtype, SW_CANON_MAX_FLAT + 2);
    if (core == NULL) {
        m->status = SW_NO_MEMORY;
        return;
    }
    f->params = make_values(m, m->types->fields + type->params_first, type->params_count,
                            SW_CANON_MAX_FLAT);
    if (m->status != SW_OK) {
        return;
    }
    uint32_t params = add_core_types(m, &f->params, core);
    placer p = {};
    for (uint32_t i = 0; i < params; i++) {
        (void)next_place(&p, core[i] == SW_TYPE_F32 || core[i] == SW_TYPE_F64 ? SW_FLAT_F64
                                                                              : SW_FLAT_I64);
    }
    f->overflow = (uint16_t)p.extra;
    sw_type_field field = {.type = type->result};
    f->result = make_values(m, &field, type->result != SW_VT_NONE, 1);
    if (m->status != SW_OK) {
        return;
    }
    sw_valtype *result = core + SW_CANON_MAX_FLAT + 1;
    uint32_t results = add_core_types(m, &f->result, result);
    f->lift_type = (sw_functype){core, result, params, results};
    f->lower_type = f->lift_type;
    if (!f->result.is_flat) {
        f->out_pointer = next_place(&p, SW_FLAT_I32);
        core[params] = SW_TYPE_I32;
        f->lower_type = (sw_functype){core, NULL, params + 1, 0};
    }
    f->lower_overflow = (uint16_t)p.extra;
    f->is_used = true;
}

static void make_all(maker *m, const bool *used, sw_canon_func *funcs)
{
    for (uint32_t i = 0; i < m->types->funcs_count && m->status == SW_OK; i++) {
        if (used[i]) {
            make_func(m, &m->types->funcs[i], &funcs[i]);
        }
    }
    for (uint32_t i = 0; i < m->lists.count && m->status == SW_OK; i++) {
        make_element(m, i);
    }
    settle_copies(m);
}

static void *copy_out(maker *m, const void *items, size_t count, size_t item_bytes)
{
    void *out = sw_arena_alloc_array(m->arena, count, item_bytes, 8);
    if (out == NULL) {
        m->status = m->status == SW_OK ? SW_NO_MEMORY : m->status;
    } else if (count != 0) {
        memcpy(out, items, count * item_bytes);
    }
    return out;
}

static bool maker_init(maker *m)
{
    uint32_t defs = m->types->defs_count;
    m->list_of_def = SW_NEW_ARRAY(m->arena, uint32_t, defs);
    m->list_of_map = SW_NEW_ARRAY(m->arena, uint32_t, defs);
    if (m->list_of_def == NULL || m->list_of_map == NULL) {
        return false;
    }
    memset(m->list_of_prim, 0xff, sizeof m->list_of_prim);
    memset(m->list_of_def, 0xff, defs * sizeof *m->list_of_def);
    memset(m->list_of_map, 0xff, defs * sizeof *m->list_of_map);
    return true;
}

sw_status sw_canon_make(sw_arena *arena, const sw_types *types, const bool *used, sw_diag *diag,
                        sw_canon *ret_canon)
{
    maker m = {.arena = arena, .types = types};
    m.ops.budget = m.cases.budget = m.lists.budget = m.elements.budget = arena->budget;
    SW_TRY(sw_canon_layouts_make(arena, types, diag, &m.layouts));
    sw_canon_func *funcs = SW_NEW_ARRAY(arena, sw_canon_func, types->funcs_count);
    if (funcs == NULL || !maker_init(&m)) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "no memory for the canonical ABI's plans");
    }
    make_all(&m, used, funcs);
    sw_canon out = {.ops = copy_out(&m, m.ops.at, m.ops.count, sizeof *m.ops.at),
                    .cases = copy_out(&m, m.cases.at, m.cases.count, sizeof *m.cases.at),
                    .lists = copy_out(&m, m.lists.at, m.lists.count, sizeof *m.lists.at),
                    .funcs = funcs,
                    .ops_count = (uint32_t)m.ops.count,
                    .cases_count = (uint32_t)m.cases.count,
                    .lists_count = (uint32_t)m.lists.count,
                    .funcs_count = types->funcs_count,
                    .layouts = m.layouts};
    sw_vec_clear(&m.ops);
    sw_vec_clear(&m.cases);
    sw_vec_clear(&m.lists);
    sw_vec_clear(&m.elements);
    if (m.status != SW_OK) {
        return sw_fail(diag, m.status, SW_NO_OFFSET, "planning the canonical ABI: %s",
                       m.status == SW_LIMIT ? "a function type is too complex"
                                            : sw_status_text(m.status));
    }
    *ret_canon = out;
    return SW_OK;
}
