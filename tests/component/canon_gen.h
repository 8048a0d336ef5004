/*
 * Random component types, random values of them in host layout, and guests that are an array of
 * bytes: for the property that what is lowered, passed on and lifted again is the same value.
 *
 * Everything is drawn from a string of bytes, so that the same functions serve a seeded test and a
 * fuzzer. When the bytes are used up, draws give zero: generation ends.
 */
#pragma once

#include "base/utf8.h"
#include "component/canon_run.h"
#include "component/host.h"

typedef struct gen {
    const uint8_t *bytes;
    size_t len, at;
} gen;

static inline uint32_t gen_u8(gen *g)
{
    return g->at < g->len ? g->bytes[g->at++] : 0;
}

static inline uint32_t gen_u32(gen *g)
{
    uint32_t v = gen_u8(g);
    v |= gen_u8(g) << 8;
    v |= gen_u8(g) << 16;
    return v | gen_u8(g) << 24;
}

/* 0 to below */
static inline uint32_t gen_below(gen *g, uint32_t below)
{
    return (below <= 256 ? gen_u8(g) : gen_u32(g)) % below;
}

/* ---- Types -------------------------------------------------------------------------------------
 */

enum { GEN_DEFS = 64, GEN_FIELDS = 512, GEN_RESOURCES = 3 };

typedef struct gen_types {
    sw_type_def defs[GEN_DEFS];
    sw_type_field fields[GEN_FIELDS];
    sw_cfunc_type func;
    sw_types types;
    uint32_t defs_count, fields_count;
} gen_types;

static inline sw_vtype gen_prim(gen *g)
{
    return sw_vtype_prim((sw_ctype_kind)gen_below(g, SW_CT_STRING + 1));
}

/* A primitive or an earlier definition. */
static inline sw_vtype gen_vtype(gen *g, const gen_types *t)
{
    uint32_t pick = gen_u8(g);
    return t->defs_count != 0 && (pick & 1) != 0 ? (pick >> 1) % t->defs_count : gen_prim(g);
}

static inline sw_vtype gen_optional(gen *g, const gen_types *t)
{
    return (gen_u8(g) & 3) == 0 ? SW_VT_NONE : gen_vtype(g, t);
}

static inline void gen_fields(gen *g, gen_types *t, sw_type_def *d, uint32_t count, bool optional)
{
    d->first = t->fields_count;
    d->count = SW_MIN(count, GEN_FIELDS - t->fields_count);
    for (uint32_t i = 0; i < d->count; i++) {
        t->fields[t->fields_count++].type = optional ? gen_optional(g, t) : gen_vtype(g, t);
    }
}

static inline void gen_def(gen *g, gen_types *t)
{
    static const uint8_t KINDS[] = {SW_CT_RECORD, SW_CT_VARIANT, SW_CT_LIST,   SW_CT_FIXED_LIST,
                                    SW_CT_TUPLE,  SW_CT_FLAGS,   SW_CT_ENUM,   SW_CT_OPTION,
                                    SW_CT_RESULT, SW_CT_OWN,     SW_CT_BORROW, SW_CT_MAP};
    sw_type_def d = {.kind = KINDS[gen_below(g, SW_COUNTOF(KINDS))], .element = SW_VT_NONE};
    switch (d.kind) {
    case SW_CT_RECORD:
    case SW_CT_TUPLE: gen_fields(g, t, &d, 1 + gen_below(g, 6), false); break;
    case SW_CT_VARIANT: gen_fields(g, t, &d, 1 + gen_below(g, 5), true); break;
    case SW_CT_FLAGS: d.count = 1 + gen_below(g, 32); break;
    case SW_CT_ENUM: d.count = 1 + gen_u32(g) % 70000; break;
    case SW_CT_LIST: d.element = gen_vtype(g, t); break;
    case SW_CT_OPTION: d.element = gen_vtype(g, t); break;
    case SW_CT_FIXED_LIST:
        d.element = gen_vtype(g, t);
        d.other = 1 + gen_below(g, 4);
        break;
    case SW_CT_RESULT:
        d.element = gen_optional(g, t);
        d.other = gen_optional(g, t);
        break;
    case SW_CT_MAP:
        d.element = gen_prim(g);
        d.other = gen_vtype(g, t);
        break;
    default: d.other = gen_below(g, GEN_RESOURCES); break;
    }
    bool is_empty = (d.kind == SW_CT_RECORD || d.kind == SW_CT_TUPLE || d.kind == SW_CT_VARIANT) &&
                    d.count == 0;
    if (!is_empty) {
        t->defs[t->defs_count++] = d;
    }
}

/* A table of types and one function of them: params of all kinds, the first one's type the result.
 */
static inline void gen_types_make(gen *g, gen_types *t)
{
    uint32_t defs = gen_below(g, 14), params = 1 + gen_below(g, 5);
    for (uint32_t i = 0; i < defs; i++) {
        gen_def(g, t);
    }
    t->func.params_first = t->fields_count;
    for (uint32_t i = 0; i < params && t->fields_count < GEN_FIELDS; i++) {
        t->fields[t->fields_count++].type =
            t->defs_count != 0 && i == 0 ? t->defs_count - 1 : gen_vtype(g, t);
        t->func.params_count++;
    }
    t->func.result = t->func.params_count == 0 ? SW_VT_NONE : t->fields[t->func.params_first].type;
    t->types = (sw_types){.defs = t->defs,
                          .fields = t->fields,
                          .funcs = &t->func,
                          .strings = "",
                          .defs_count = t->defs_count,
                          .fields_count = t->fields_count,
                          .funcs_count = 1,
                          .resources_count = GEN_RESOURCES};
}

/* ---- Values ------------------------------------------------------------------------------------
 */

typedef struct gen_list {
    uint8_t *ptr;
    size_t len;
} gen_list;

/* What is being done to a value in host layout. */
typedef struct walk {
    const sw_canon_layouts *layouts;
    gen *g;                 /* making */
    sw_arena *arena;        /* making */
    uint32_t budget;        /* making: list elements that may still be made */
    bool has_guest_handles; /* made: a handle of a resource of the guests, which the host has none
                               of */
} walk;

static inline uint32_t gen_size(const sw_canon_layouts *l, sw_vtype v, uint32_t *ret_align)
{
    sw_canon_layout layout = sw_canon_layout_get(l, v);
    *ret_align = layout.host_align;
    return layout.host_bytes;
}

static inline uint32_t gen_char(gen *g)
{
    static const uint32_t SPANS[][2] = {
        {0x20,    0x5f    },
        {0x20,    0x5f    },
        {0x80,    0x7f    },
        {0x100,   0x700   },
        {0xe000,  0x1000  },
        {0x10000, 0x100000}
    };
    const uint32_t *span = SPANS[gen_below(g, SW_COUNTOF(SPANS))];
    return span[0] + gen_u32(g) % span[1];
}

static inline sw_str gen_string(walk *w)
{
    uint32_t chars = gen_below(w->g, 24), len = 0;
    uint32_t top = gen_below(w->g, 4); /* often all ASCII or all Latin-1 */
    uint8_t *out = sw_arena_alloc(w->arena, (size_t)4 * chars + 1, 1);
    SW_CHECK(out != NULL);
    for (uint32_t i = 0; i < chars; i++) {
        uint32_t c = gen_char(w->g);
        c = top == 0 ? c & 0x7f : top == 1 ? c & 0xff : c;
        len += (uint32_t)sw_utf8_encode(c, out + len);
    }
    return (sw_str){(const char *)out, len};
}

static inline void gen_value(walk *w, sw_vtype v, uint8_t *out);

static inline void gen_items(walk *w, sw_vtype element, uint8_t *out, size_t count)
{
    uint32_t align, size = gen_size(w->layouts, element, &align);
    for (size_t i = 0; i < count; i++) {
        gen_value(w, element, out + i * size);
    }
}

static inline void gen_struct(walk *w, const sw_type_field *fields, uint32_t count, uint8_t *out)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t align, size = gen_size(w->layouts, fields[i].type, &align);
        at = (uint32_t)sw_align_up(at, align);
        gen_value(w, fields[i].type, out + at);
        at += size;
    }
}

/* A map's pair, as a record. */
static inline void gen_pair(const sw_type_def *d, sw_type_field out[2])
{
    out[0].type = d->element;
    out[1].type = d->other;
}

static inline uint32_t gen_struct_size(const sw_canon_layouts *l, const sw_type_field *fields,
                                       uint32_t count, uint32_t *ret_align)
{
    uint32_t at = 0, most = 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t align, size = gen_size(l, fields[i].type, &align);
        at = (uint32_t)sw_align_up(at, align) + size;
        most = SW_MAX(most, align);
    }
    *ret_align = most;
    return (uint32_t)sw_align_up(at, most);
}

static inline void gen_list_value(walk *w, const sw_type_def *d, uint8_t *out)
{
    sw_type_field pair[2];
    gen_pair(d, pair);
    bool is_map = d->kind == SW_CT_MAP;
    uint32_t align, size = is_map ? gen_struct_size(w->layouts, pair, 2, &align)
                                  : gen_size(w->layouts, d->element, &align);
    gen_list list = {.len = SW_MIN(gen_below(w->g, 8), w->budget)};
    w->budget -= (uint32_t)list.len;
    list.ptr = sw_arena_alloc_array(w->arena, list.len, size, align);
    SW_CHECK(list.ptr != NULL);
    for (size_t i = 0; is_map && i < list.len; i++) {
        gen_struct(w, pair, 2, list.ptr + i * size);
    }
    if (!is_map) {
        gen_items(w, d->element, list.ptr, list.len);
    }
    memcpy(out, &list, sizeof list);
}

typedef struct variant_place {
    uint32_t tag_bytes, payload, cases;
} variant_place;

static inline variant_place place_variant(const sw_canon_layouts *l, const sw_type_def *d)
{
    variant_place p = {.cases = d->kind == SW_CT_VARIANT ? d->count : 2};
    p.tag_bytes = sw_canon_tag_bytes(p.cases);
    uint32_t most = 1;
    for (uint32_t i = 0; i < p.cases; i++) {
        sw_vtype v = sw_canon_case_type(l->types, d, i);
        uint32_t align = 1;
        if (v != SW_VT_NONE) {
            (void)gen_size(l, v, &align);
        }
        most = SW_MAX(most, align);
    }
    p.payload = (uint32_t)sw_align_up(p.tag_bytes, most);
    return p;
}

static inline void gen_variant(walk *w, const sw_type_def *d, uint8_t *out)
{
    variant_place p = place_variant(w->layouts, d);
    uint32_t tag = gen_below(w->g, p.cases);
    sw_store_tag(out, p.tag_bytes, tag);
    sw_vtype v = sw_canon_case_type(w->layouts->types, d, tag);
    if (v != SW_VT_NONE) {
        gen_value(w, v, out + p.payload);
    }
}

static inline void gen_prim_value(walk *w, sw_vtype v, uint8_t *out)
{
    sw_ctype_kind kind = sw_vtype_kind(w->layouts->types, v);
    uint32_t align, size = gen_size(w->layouts, v, &align);
    if (kind == SW_CT_STRING) {
        sw_str s = gen_string(w);
        memcpy(out, &s, sizeof s);
    } else if (kind == SW_CT_BOOL) {
        *out = gen_u8(w->g) & 1;
    } else if (kind == SW_CT_CHAR) {
        sw_store_u32(out, gen_char(w->g));
    } else {
        for (uint32_t i = 0; i < size; i++) {
            out[i] = (uint8_t)gen_u8(w->g);
        }
    }
}

static inline void gen_value(walk *w, sw_vtype v, uint8_t *out)
{
    if (sw_vtype_is_prim(v)) {
        gen_prim_value(w, v, out);
        return;
    }
    const sw_type_def *d = &w->layouts->types->defs[v];
    switch (d->kind) {
    case SW_CT_RECORD:
    case SW_CT_TUPLE: gen_struct(w, w->layouts->types->fields + d->first, d->count, out); break;
    case SW_CT_FIXED_LIST: gen_items(w, d->element, out, d->other); break;
    case SW_CT_MAP:
    case SW_CT_LIST: gen_list_value(w, d, out); break;
    case SW_CT_VARIANT:
    case SW_CT_OPTION:
    case SW_CT_RESULT: gen_variant(w, d, out); break;
    case SW_CT_ENUM:
        sw_store_tag(out, sw_canon_tag_bytes(d->count), gen_u32(w->g) % d->count);
        break;
    case SW_CT_FLAGS:
        sw_store_tag(out, sw_canon_flags_bytes(d->count),
                     gen_u32(w->g) & (d->count == 32 ? UINT32_MAX : ((uint32_t)1 << d->count) - 1));
        break;
    default:
        w->has_guest_handles = w->has_guest_handles || d->other == 1;
        sw_store_u32(out, gen_u32(w->g));
        break;
    }
}

/* ---- Comparing ---------------------------------------------------------------------------------
 */

static inline bool same_value(const sw_canon_layouts *l, sw_vtype v, const uint8_t *a,
                              const uint8_t *b);

static inline bool same_struct(const sw_canon_layouts *l, const sw_type_field *fields,
                               uint32_t count, const uint8_t *a, const uint8_t *b)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t align, size = gen_size(l, fields[i].type, &align);
        at = (uint32_t)sw_align_up(at, align);
        if (!same_value(l, fields[i].type, a + at, b + at)) {
            return false;
        }
        at += size;
    }
    return true;
}

static inline bool same_list(const sw_canon_layouts *l, const sw_type_def *d, const uint8_t *a,
                             const uint8_t *b)
{
    gen_list la, lb;
    sw_type_field pair[2];
    gen_pair(d, pair);
    bool is_map = d->kind == SW_CT_MAP;
    memcpy(&la, a, sizeof la);
    memcpy(&lb, b, sizeof lb);
    uint32_t align,
        size = is_map ? gen_struct_size(l, pair, 2, &align) : gen_size(l, d->element, &align);
    bool same = la.len == lb.len;
    for (size_t i = 0; same && i < la.len; i++) {
        const uint8_t *ea = la.ptr + i * size, *eb = lb.ptr + i * size;
        same = is_map ? same_struct(l, pair, 2, ea, eb) : same_value(l, d->element, ea, eb);
    }
    return same;
}

static inline bool same_variant(const sw_canon_layouts *l, const sw_type_def *d, const uint8_t *a,
                                const uint8_t *b)
{
    variant_place p = place_variant(l, d);
    uint32_t tag = sw_load_tag(a, p.tag_bytes);
    if (tag != sw_load_tag(b, p.tag_bytes)) {
        return false;
    }
    sw_vtype v = sw_canon_case_type(l->types, d, tag);
    return v == SW_VT_NONE || same_value(l, v, a + p.payload, b + p.payload);
}

static inline bool same_value(const sw_canon_layouts *l, sw_vtype v, const uint8_t *a,
                              const uint8_t *b)
{
    uint32_t align, size = gen_size(l, v, &align);
    if (sw_vtype_kind(l->types, v) == SW_CT_STRING) {
        sw_str sa, sb;
        memcpy(&sa, a, sizeof sa);
        memcpy(&sb, b, sizeof sb);
        return sw_str_eq(sa, sb);
    }
    if (sw_vtype_is_prim(v)) {
        return memcmp(a, b, size) == 0;
    }
    const sw_type_def *d = &l->types->defs[v];
    switch (d->kind) {
    case SW_CT_RECORD:
    case SW_CT_TUPLE: return same_struct(l, l->types->fields + d->first, d->count, a, b);
    case SW_CT_MAP:
    case SW_CT_LIST: return same_list(l, d, a, b);
    case SW_CT_VARIANT:
    case SW_CT_OPTION:
    case SW_CT_RESULT: return same_variant(l, d, a, b);
    case SW_CT_FIXED_LIST: {
        uint32_t ignored, step = gen_size(l, d->element, &ignored);
        for (uint32_t i = 0; i < d->other; i++) {
            if (!same_value(l, d->element, a + (size_t)i * step, b + (size_t)i * step)) {
                return false;
            }
        }
        return true;
    }
    default: return memcmp(a, b, size) == 0;
    }
}

/* ---- Guests that are bytes ---------------------------------------------------------------------
 */

typedef struct fake_guest {
    sw_canon_guest guest;
    sw_memory_view view;
    sw_handles table;
    sw_task task;
    uint32_t next;  /* free memory */
    gen *hostile;   /* draws what realloc answers; NULL: honest */
    uint32_t calls; /* of realloc */
} fake_guest;

static inline sw_trap fake_realloc(sw_canon_guest *g, uint32_t old, uint32_t old_bytes,
                                   uint32_t align, uint32_t new_bytes, uint32_t *ret_address)
{
    fake_guest *f = g->realloc_env;
    f->calls++;
    if (f->hostile != NULL && gen_below(f->hostile, 4) == 0) {
        *ret_address = gen_u32(f->hostile);
        return SW_TRAP_NONE;
    }
    uint64_t at = sw_align_up(f->next, align);
    if (at + new_bytes > f->view.size_bytes) {
        return SW_TRAP_UNREACHABLE;
    }
    f->next = (uint32_t)(at + new_bytes);
    memmove(f->view.base + at, f->view.base + old, SW_MIN(old_bytes, new_bytes));
    *ret_address = (uint32_t)at;
    return SW_TRAP_NONE;
}

static inline void fake_guest_init(fake_guest *f, uint8_t *memory, uint32_t bytes,
                                   const sw_resource *resources)
{
    *f = (fake_guest){
        .view = {memory, bytes},
          .next = 64, .table = {.budget = NULL}
    };
    f->guest = (sw_canon_guest){
        .memory = &f->view,
        .realloc = fake_realloc,
        .realloc_env = f,
        .handles = {.resources = resources, .handles = &f->table, .task = &f->task}
    };
}
