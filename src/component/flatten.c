#include "component/flatten.h"

typedef struct layout {
    uint64_t size, size64;
    uint32_t align, align64;
} layout;

static uint32_t saturate(uint64_t n)
{
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static sw_type_facts primitive(sw_ctype_kind kind)
{
    static const struct {
        uint8_t bytes, flat;
    } PRIMS[] = {
        [SW_CT_BOOL] = {1, SW_TYPE_I32},
          [SW_CT_S8] = {1, SW_TYPE_I32},
        [SW_CT_U8] = {1, SW_TYPE_I32},
          [SW_CT_S16] = {2, SW_TYPE_I32},
        [SW_CT_U16] = {2, SW_TYPE_I32},
          [SW_CT_S32] = {4, SW_TYPE_I32},
        [SW_CT_U32] = {4, SW_TYPE_I32},
          [SW_CT_S64] = {8, SW_TYPE_I64},
        [SW_CT_U64] = {8, SW_TYPE_I64},
          [SW_CT_F32] = {4, SW_TYPE_F32},
        [SW_CT_F64] = {8, SW_TYPE_F64},
          [SW_CT_CHAR] = {4, SW_TYPE_I32},
        [SW_CT_STRING] = {4, SW_TYPE_I32},
          [SW_CT_ERROR_CONTEXT] = {4, SW_TYPE_I32},
    };
    uint32_t bytes = PRIMS[kind].bytes;
    sw_type_facts f = {.size = bytes,
                       .align = bytes,
                       .size64 = bytes,
                       .align64 = bytes,
                       .flat_count = 1,
                       .flat = {PRIMS[kind].flat}};
    if (kind == SW_CT_STRING) {
        f = (sw_type_facts){
            .size = 8,
            .align = 4,
            .size64 = 16,
            .align64 = 8,
            .flat_count = 2,
            .flat = {SW_TYPE_I32, SW_TYPE_I32},
            .has_pointers = true
        };
    }
    return f;
}

sw_type_facts sw_type_facts_of(const sw_types *t, const sw_type_facts *facts, sw_vtype v)
{
    (void)t;
    return sw_vtype_is_prim(v) ? primitive((sw_ctype_kind)(v & 0xff)) : facts[v];
}

/* ---- Products -------------------------------------------------------------------------------- */

static void append_flat(sw_type_facts *f, const sw_type_facts *part)
{
    if (f->flat_count + part->flat_count > SW_MAX_FLAT_PARAMS) {
        f->flat_count = SW_MAX_FLAT_PARAMS + 1;
        return;
    }
    memcpy(f->flat + f->flat_count, part->flat, part->flat_count);
    f->flat_count = (uint8_t)(f->flat_count + part->flat_count);
}

static void inherit(sw_type_facts *f, const sw_type_facts *part)
{
    f->has_pointers |= part->has_pointers;
    f->has_borrow |= part->has_borrow;
    f->has_resource |= part->has_resource;
}

static void append_field(sw_type_facts *f, layout *l, const sw_type_facts *part)
{
    l->size = sw_align_up(l->size, part->align) + part->size;
    l->size64 = sw_align_up(l->size64, part->align64) + part->size64;
    l->align = SW_MAX(l->align, part->align);
    l->align64 = SW_MAX(l->align64, part->align64);
    append_flat(f, part);
    inherit(f, part);
}

static void finish(sw_type_facts *f, const layout *l)
{
    f->align = l->align;
    f->align64 = l->align64;
    f->size = saturate(sw_align_up(l->size, l->align));
    f->size64 = saturate(sw_align_up(l->size64, l->align64));
}

static sw_type_facts product(const sw_types *t, const sw_type_facts *facts, const sw_type_def *d)
{
    sw_type_facts f = {};
    layout l = {.align = 1, .align64 = 1};
    for (uint32_t i = 0; i < d->count; i++) {
        sw_type_facts part = sw_type_facts_of(t, facts, t->fields[d->first + i].type);
        append_field(&f, &l, &part);
    }
    finish(&f, &l);
    return f;
}

static sw_type_facts fixed_list(const sw_type_facts *element, uint32_t length)
{
    sw_type_facts f = {};
    inherit(&f, element);
    layout l = {.align = element->align,
                .align64 = element->align64,
                .size = (uint64_t)element->size * length,
                .size64 = (uint64_t)element->size64 * length};
    finish(&f, &l);
    for (uint32_t i = 0; i < length && f.flat_count <= SW_MAX_FLAT_PARAMS; i++) {
        append_flat(&f, element);
    }
    return f;
}

/* ---- Sums ------------------------------------------------------------------------------------ */

static uint8_t join(uint8_t a, uint8_t b)
{
    if (a == b) {
        return a;
    }
    bool both_32 = (a == SW_TYPE_I32 && b == SW_TYPE_F32) || (a == SW_TYPE_F32 && b == SW_TYPE_I32);
    return both_32 ? SW_TYPE_I32 : SW_TYPE_I64;
}

typedef struct sum {
    sw_type_facts facts; /* flat: without the discriminant */
    layout payload;
} sum;

static void add_case(sum *s, const sw_types *t, const sw_type_facts *facts, sw_vtype v)
{
    if (v == SW_VT_NONE) {
        return;
    }
    sw_type_facts part = sw_type_facts_of(t, facts, v);
    inherit(&s->facts, &part);
    s->payload.size = SW_MAX(s->payload.size, part.size);
    s->payload.size64 = SW_MAX(s->payload.size64, part.size64);
    s->payload.align = SW_MAX(s->payload.align, part.align);
    s->payload.align64 = SW_MAX(s->payload.align64, part.align64);
    uint32_t common = SW_MIN(s->facts.flat_count, part.flat_count);
    for (uint32_t i = 0; i < SW_MIN(part.flat_count, SW_MAX_FLAT_PARAMS); i++) {
        s->facts.flat[i] = i < common ? join(s->facts.flat[i], part.flat[i]) : part.flat[i];
    }
    s->facts.flat_count = SW_MAX(s->facts.flat_count, part.flat_count);
}

static sw_type_facts finish_sum(sum *s, uint32_t cases)
{
    uint32_t tag = sw_discriminant_bytes(cases);
    sw_type_facts f = {.flat_count = 1, .flat = {SW_TYPE_I32}};
    inherit(&f, &s->facts);
    append_flat(&f, &s->facts);
    layout l = {.align = SW_MAX(tag, s->payload.align), .align64 = SW_MAX(tag, s->payload.align64)};
    l.size = sw_align_up(tag, SW_MAX(1, s->payload.align)) + s->payload.size;
    l.size64 = sw_align_up(tag, SW_MAX(1, s->payload.align64)) + s->payload.size64;
    finish(&f, &l);
    return f;
}

static sw_type_facts variant(const sw_types *t, const sw_type_facts *facts, const sw_type_def *d)
{
    sum s = {};
    for (uint32_t i = 0; i < d->count; i++) {
        add_case(&s, t, facts, t->fields[d->first + i].type);
    }
    return finish_sum(&s, d->count);
}

static sw_type_facts option_or_result(const sw_types *t, const sw_type_facts *facts,
                                      const sw_type_def *d)
{
    sum s = {};
    add_case(&s, t, facts, d->element);
    if (d->kind == SW_CT_RESULT) {
        add_case(&s, t, facts, d->other);
    }
    return finish_sum(&s, 2);
}

/* ---- All ------------------------------------------------------------------------------------- */

static sw_type_facts list_of(const sw_types *t, const sw_type_facts *facts, const sw_type_def *d)
{
    sw_type_facts f = primitive(SW_CT_STRING);
    sw_type_facts part = sw_type_facts_of(t, facts, d->element);
    inherit(&f, &part);
    if (d->kind == SW_CT_MAP) {
        part = sw_type_facts_of(t, facts, d->other);
        inherit(&f, &part);
    }
    return f;
}

static sw_type_facts handle(const sw_type_def *d)
{
    sw_type_facts f = primitive(SW_CT_U32);
    f.has_resource = d->kind == SW_CT_OWN || d->kind == SW_CT_BORROW;
    f.has_borrow = d->kind == SW_CT_BORROW;
    return f;
}

static sw_type_facts small_integer(uint32_t bytes)
{
    return primitive(bytes == 1 ? SW_CT_U8 : bytes == 2 ? SW_CT_U16 : SW_CT_U32);
}

sw_type_facts sw_type_facts_compute(const sw_types *t, const sw_type_facts *facts, uint32_t index)
{
    const sw_type_def *d = &t->defs[index];
    switch (d->kind) {
    case SW_CT_RECORD:
    case SW_CT_TUPLE: return product(t, facts, d);
    case SW_CT_VARIANT: return variant(t, facts, d);
    case SW_CT_ENUM: return small_integer(sw_discriminant_bytes(d->count));
    case SW_CT_FLAGS: return small_integer(d->count <= 8 ? 1 : d->count <= 16 ? 2 : 4);
    case SW_CT_OPTION:
    case SW_CT_RESULT: return option_or_result(t, facts, d);
    case SW_CT_FIXED_LIST: {
        sw_type_facts element = sw_type_facts_of(t, facts, d->element);
        return fixed_list(&element, d->other);
    }
    case SW_CT_LIST:
    case SW_CT_MAP: return list_of(t, facts, d);
    default: return handle(d);
    }
}

void sw_flatten_func(const sw_types *t, const sw_type_facts *facts, uint32_t func, bool is_lower,
                     sw_flat_func *ret_flat)
{
    const sw_cfunc_type *f = &t->funcs[func];
    sw_type_facts params = {};
    layout ignored = {.align = 1, .align64 = 1};
    for (uint32_t i = 0; i < f->params_count; i++) {
        sw_type_facts part = sw_type_facts_of(t, facts, t->fields[f->params_first + i].type);
        append_field(&params, &ignored, &part);
    }
    sw_flat_func flat = {.params_have_pointers = params.has_pointers,
                         .params_in_memory = params.flat_count > SW_MAX_FLAT_PARAMS};
    if (flat.params_in_memory) {
        flat.params[flat.params_count++] = SW_TYPE_I32;
    } else {
        for (uint32_t i = 0; i < params.flat_count; i++) {
            flat.params[flat.params_count++] = params.flat[i];
        }
    }
    if (f->result != SW_VT_NONE) {
        sw_type_facts result = sw_type_facts_of(t, facts, f->result);
        flat.results_have_pointers = result.has_pointers;
        flat.results_in_memory = result.flat_count > SW_MAX_FLAT_RESULTS;
        if (flat.results_in_memory && is_lower) {
            flat.params[flat.params_count++] = SW_TYPE_I32;
        } else {
            flat.results[flat.results_count++] =
                flat.results_in_memory ? SW_TYPE_I32 : result.flat[0];
        }
    }
    *ret_flat = flat;
}
