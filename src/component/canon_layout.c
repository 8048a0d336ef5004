/*
 * Sizes, alignments and flat types of component values, on the guest's side and in C. A
 * discriminant has the same size on both sides; only strings and lists differ (8 bytes against 16).
 */
#include "component/canon.h"
#include "component/host.h"

#define PLAIN  1
#define SCALAR 2

typedef struct prim_layout {
    uint8_t guest_bytes, host_bytes, host_align, flats[2], flats_count, flags;
} prim_layout;

// clang-format off
static const prim_layout PRIMS[] = {
    [SW_CT_BOOL]   = {1, 1, 1, {SW_FLAT_I32}, 1, SCALAR},
    [SW_CT_S8]     = {1, 1, 1, {SW_FLAT_I32}, 1, PLAIN | SCALAR},
    [SW_CT_U8]     = {1, 1, 1, {SW_FLAT_I32}, 1, PLAIN | SCALAR},
    [SW_CT_S16]    = {2, 2, 2, {SW_FLAT_I32}, 1, PLAIN | SCALAR},
    [SW_CT_U16]    = {2, 2, 2, {SW_FLAT_I32}, 1, PLAIN | SCALAR},
    [SW_CT_S32]    = {4, 4, 4, {SW_FLAT_I32}, 1, PLAIN | SCALAR},
    [SW_CT_U32]    = {4, 4, 4, {SW_FLAT_I32}, 1, PLAIN | SCALAR},
    [SW_CT_S64]    = {8, 8, 8, {SW_FLAT_I64}, 1, PLAIN | SCALAR},
    [SW_CT_U64]    = {8, 8, 8, {SW_FLAT_I64}, 1, PLAIN | SCALAR},
    [SW_CT_F32]    = {4, 4, 4, {SW_FLAT_F32}, 1, PLAIN | SCALAR},
    [SW_CT_F64]    = {8, 8, 8, {SW_FLAT_F64}, 1, PLAIN | SCALAR},
    [SW_CT_CHAR]   = {4, 4, 4, {SW_FLAT_I32}, 1, SCALAR},
    [SW_CT_STRING] = {8, 16, 8, {SW_FLAT_I32, SW_FLAT_I32}, 2, 0},
    [SW_CT_ERROR_CONTEXT] = {4, 4, 4, {SW_FLAT_I32}, 1, 0},
    [SW_CT_OWN]    = {4, 4, 4, {SW_FLAT_I32}, 1, 0},
    [SW_CT_BORROW] = {4, 4, 4, {SW_FLAT_I32}, 1, 0},
    [SW_CT_LIST]   = {8, 16, 8, {SW_FLAT_I32, SW_FLAT_I32}, 2, 0},
    [SW_CT_MAP]    = {8, 16, 8, {SW_FLAT_I32, SW_FLAT_I32}, 2, 0},
    [SW_CT_STREAM] = {4, 4, 4, {SW_FLAT_I32}, 1, 0},
    [SW_CT_FUTURE] = {4, 4, 4, {SW_FLAT_I32}, 1, 0},
};
// clang-format on

/* Types are below 2^28 bytes by validation; this bounds what arithmetic here can meet. */
static const uint64_t MAX_BYTES = (uint64_t)1 << 30;

uint32_t sw_canon_tag_bytes(uint32_t cases)
{
    return cases <= 256 ? 1 : cases <= 65536 ? 2 : 4;
}

uint32_t sw_canon_flags_bytes(uint32_t flags)
{
    return flags <= 8 ? 1 : flags <= 16 ? 2 : 4;
}

static sw_canon_layout layout_prim(sw_ctype_kind kind)
{
    assert((size_t)kind < SW_COUNTOF(PRIMS) && PRIMS[kind].guest_bytes != 0);
    const prim_layout *p = &PRIMS[kind];
    sw_canon_layout l = {
        .guest_bytes = p->guest_bytes,
        .guest_align = SW_MIN(p->guest_bytes, p->host_align),
        .host_bytes = p->host_bytes,
        .host_align = p->host_align,
        .ops = 1,
        .flats_count = p->flats_count,
        .flats = {p->flats[0], p->flats[1]},
        .is_plain = (p->flags & PLAIN) != 0,
        .is_scalar = (p->flags & SCALAR) != 0
    };
    if (p->host_bytes == 16) {
        l.guest_align = 4;
    }
    return l;
}

static sw_canon_layout layout_bits(uint32_t bytes, bool is_plain)
{
    return (sw_canon_layout){.guest_bytes = bytes,
                             .guest_align = bytes,
                             .host_bytes = bytes,
                             .host_align = bytes,
                             .ops = 1,
                             .flats_count = 1,
                             .flats = {SW_FLAT_I32},
                             .is_plain = is_plain,
                             .is_scalar = true};
}

/* ---- Aggregates: where the two walks (with and without a table of results) meet ----------------
 */

typedef struct layout_source {
    const sw_types *types;
    sw_canon_layout *defs; /* results so far, or NULL: compute each time */
    uint8_t *done;
    uint32_t depth;
    bool failed;
} layout_source;

static sw_canon_layout layout_of(layout_source *s, sw_vtype v);

static void add_flats(sw_canon_layout *l, const sw_canon_layout *field)
{
    for (uint32_t i = 0; i < field->flats_count; i++) {
        if (l->flats_count >= SW_CANON_MAX_FLAT) {
            l->flats_count = SW_CANON_MAX_FLAT + 1;
            return;
        }
        l->flats[l->flats_count++] = field->flats[SW_MIN(i, SW_CANON_MAX_FLAT - 1)];
    }
}

static uint32_t sum_saturated(uint32_t a, uint32_t b)
{
    return a > SW_CANON_MAX_OPS - SW_MIN(b, SW_CANON_MAX_OPS) ? SW_CANON_MAX_OPS : a + b;
}

/* Appends one field to a record under construction. */
static void add_field(layout_source *s, sw_canon_layout *l, const sw_canon_layout *field)
{
    uint64_t guest = sw_align_up(l->guest_bytes, field->guest_align);
    uint64_t host = sw_align_up(l->host_bytes, field->host_align);
    l->is_plain = l->is_plain && field->is_plain && guest == l->guest_bytes && guest == host;
    l->is_scalar = l->is_scalar && field->is_scalar;
    l->guest_align = SW_MAX(l->guest_align, field->guest_align);
    l->host_align = SW_MAX(l->host_align, field->host_align);
    s->failed =
        s->failed || guest + field->guest_bytes > MAX_BYTES || host + field->host_bytes > MAX_BYTES;
    if (!s->failed) {
        l->guest_bytes = (uint32_t)guest + field->guest_bytes;
        l->host_bytes = (uint32_t)host + field->host_bytes;
    }
    l->ops = sum_saturated(l->ops, field->ops);
    add_flats(l, field);
}

static void end_record(sw_canon_layout *l)
{
    uint32_t guest = (uint32_t)sw_align_up(l->guest_bytes, l->guest_align);
    uint32_t host = (uint32_t)sw_align_up(l->host_bytes, l->host_align);
    l->is_plain = l->is_plain && guest == l->guest_bytes && host == l->host_bytes;
    l->guest_bytes = guest;
    l->host_bytes = host;
}

static sw_canon_layout layout_record(layout_source *s, const sw_type_field *fields, uint32_t count)
{
    sw_canon_layout l = {.guest_align = 1, .host_align = 1, .is_plain = true, .is_scalar = true};
    for (uint32_t i = 0; i < count; i++) {
        sw_canon_layout field = layout_of(s, fields[i].type);
        add_field(s, &l, &field);
    }
    end_record(&l);
    return l;
}

static sw_canon_layout layout_fixed_list(layout_source *s, const sw_type_def *d)
{
    sw_canon_layout e = layout_of(s, d->element);
    sw_canon_layout l = e;
    uint64_t guest = (uint64_t)e.guest_bytes * d->other;
    uint64_t host = (uint64_t)e.host_bytes * d->other;
    s->failed = s->failed || guest > MAX_BYTES || host > MAX_BYTES;
    l.guest_bytes = s->failed ? 0 : (uint32_t)guest;
    l.host_bytes = s->failed ? 0 : (uint32_t)host;
    l.ops = 1;
    l.flats_count = 0;
    for (uint32_t i = 0; i < d->other && l.flats_count <= SW_CANON_MAX_FLAT; i++) {
        add_flats(&l, &e);
    }
    return l;
}

/* The tightest core type that holds both. */
static uint8_t join(uint8_t a, uint8_t b)
{
    if (a == b) {
        return a;
    }
    bool narrow = (a == SW_FLAT_I32 && b == SW_FLAT_F32) || (a == SW_FLAT_F32 && b == SW_FLAT_I32);
    return narrow ? SW_FLAT_I32 : SW_FLAT_I64;
}

static void join_flats(sw_canon_layout *l, const sw_canon_layout *payload)
{
    if (1 + payload->flats_count > SW_CANON_MAX_FLAT) {
        l->flats_count = SW_CANON_MAX_FLAT + 1;
    }
    for (uint32_t i = 0; i < payload->flats_count && 1 + i < SW_CANON_MAX_FLAT; i++) {
        bool is_first = l->flats_count <= 1 + i;
        l->flats[1 + i] = is_first ? payload->flats[i] : join(l->flats[1 + i], payload->flats[i]);
        l->flats_count = is_first ? (uint8_t)(2 + i) : l->flats_count;
    }
}

static uint32_t case_count(const sw_type_def *d)
{
    return d->kind == SW_CT_VARIANT ? d->count : 2;
}

sw_vtype sw_canon_case_type(const sw_types *t, const sw_type_def *d, uint32_t i)
{
    if (d->kind == SW_CT_VARIANT) {
        return t->fields[d->first + i].type;
    }
    if (d->kind == SW_CT_OPTION) {
        return i == 0 ? SW_VT_NONE : d->element;
    }
    return i == 0 ? d->element : d->other;
}

static sw_canon_layout layout_variant(layout_source *s, const sw_type_def *d)
{
    uint32_t count = case_count(d);
    uint32_t tag = sw_canon_tag_bytes(count);
    sw_canon_layout l = layout_bits(tag, false);
    sw_canon_layout union_ = {.guest_align = 1, .host_align = 1};
    for (uint32_t i = 0; i < count; i++) {
        sw_vtype v = sw_canon_case_type(s->types, d, i);
        l.ops = sum_saturated(l.ops, 1);
        if (v == SW_VT_NONE) {
            continue;
        }
        sw_canon_layout p = layout_of(s, v);
        union_.guest_bytes = SW_MAX(union_.guest_bytes, p.guest_bytes);
        union_.guest_align = SW_MAX(union_.guest_align, p.guest_align);
        union_.host_bytes = SW_MAX(union_.host_bytes, p.host_bytes);
        union_.host_align = SW_MAX(union_.host_align, p.host_align);
        l.is_scalar = l.is_scalar && p.is_scalar;
        l.ops = sum_saturated(l.ops, p.ops);
        join_flats(&l, &p);
    }
    l.guest_align = SW_MAX(tag, union_.guest_align);
    l.host_align = SW_MAX(tag, union_.host_align);
    uint64_t guest = sw_align_up(tag, union_.guest_align) + union_.guest_bytes;
    uint64_t host = sw_align_up(tag, union_.host_align) + union_.host_bytes;
    l.guest_bytes = (uint32_t)sw_align_up(guest, l.guest_align);
    l.host_bytes = (uint32_t)sw_align_up(host, l.host_align);
    return l;
}

static sw_canon_layout layout_def(layout_source *s, const sw_type_def *d)
{
    switch (d->kind) {
    case SW_CT_RECORD:
    case SW_CT_TUPLE: return layout_record(s, s->types->fields + d->first, d->count);
    case SW_CT_FIXED_LIST: return layout_fixed_list(s, d);
    case SW_CT_VARIANT:
    case SW_CT_OPTION:
    case SW_CT_RESULT: return layout_variant(s, d);
    case SW_CT_ENUM: return layout_bits(sw_canon_tag_bytes(d->count), false);
    case SW_CT_FLAGS:
        return layout_bits(sw_canon_flags_bytes(d->count),
                           d->count == 8 * sw_canon_flags_bytes(d->count));
    default: return layout_prim((sw_ctype_kind)d->kind);
    }
}

static sw_canon_layout layout_of(layout_source *s, sw_vtype v)
{
    enum { MAX_DEPTH = 200 };
    if (sw_vtype_is_prim(v)) {
        return layout_prim((sw_ctype_kind)(v & 0xff));
    }
    if (s->done[v] != 0) {
        return s->defs[v];
    }
    if (s->depth >= MAX_DEPTH || s->failed) {
        s->failed = true;
        return layout_bits(1, false);
    }
    s->depth++;
    sw_canon_layout l = layout_def(s, &s->types->defs[v]);
    s->depth--;
    s->defs[v] = l;
    s->done[v] = 1;
    return l;
}

/* ---- The interface -----------------------------------------------------------------------------
 */

sw_status sw_canon_layouts_make(sw_arena *arena, const sw_types *t, sw_diag *diag,
                                sw_canon_layouts *ret_layouts)
{
    layout_source s = {.types = t,
                       .defs = SW_NEW_ARRAY(arena, sw_canon_layout, t->defs_count),
                       .done = SW_NEW_ARRAY(arena, uint8_t, t->defs_count)};
    if (s.defs == NULL || s.done == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "no memory for the layouts of types");
    }
    for (uint32_t i = 0; i < t->defs_count; i++) {
        (void)layout_of(&s, i);
    }
    if (s.failed) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "a type is too large or too deep");
    }
    *ret_layouts = (sw_canon_layouts){t, s.defs};
    return SW_OK;
}

sw_canon_layout sw_canon_layout_get(const sw_canon_layouts *l, sw_vtype v)
{
    return sw_vtype_is_prim(v) ? layout_prim((sw_ctype_kind)(v & 0xff)) : l->defs[v];
}

sw_canon_variant sw_canon_variant_get(const sw_canon_layouts *l, const sw_type_def *d)
{
    sw_canon_variant out = {.cases = case_count(d)};
    out.tag_bytes = sw_canon_tag_bytes(out.cases);
    uint32_t guest_align = 1, host_align = 1;
    for (uint32_t i = 0; i < out.cases; i++) {
        sw_vtype v = sw_canon_case_type(l->types, d, i);
        if (v != SW_VT_NONE) {
            sw_canon_layout p = sw_canon_layout_get(l, v);
            guest_align = SW_MAX(guest_align, p.guest_align);
            host_align = SW_MAX(host_align, p.host_align);
        }
    }
    out.payload_offset = (uint32_t)sw_align_up(out.tag_bytes, guest_align);
    out.host_payload = (uint32_t)sw_align_up(out.tag_bytes, host_align);
    return out;
}
