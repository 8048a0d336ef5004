/* Helpers on type tables: text and structural equality. */
#include "component/type.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- Text ------------------------------------------------------------------------------------ */

typedef struct writer {
    const sw_type_namer *namer; /* or NULL */
    char *out;                  /* or NULL */
    size_t size, len;           /* len counts what did not fit, too */
} writer;

SW_PRINTF(2, 3) static void put(writer *w, const char *fmt, ...)
{
    va_list ap;
    size_t room = w->out != NULL && w->len < w->size ? w->size - w->len : 0;
    va_start(ap, fmt);
    int n = vsnprintf(room == 0 ? NULL : w->out + w->len, room, fmt, ap);
    va_end(ap);
    w->len += n < 0 ? 0 : (size_t)n;
}

static const char *kind_text(sw_ctype_kind kind)
{
    static const char *const TEXT[] = {
#define X(name, text) [SW_CT_##name] = (text),
        SW_CTYPE_MAP(X)
#undef X
    };
    return TEXT[kind];
}

static void put_type(writer *w, const sw_types *t, sw_vtype v);

static void put_optional(writer *w, const sw_types *t, sw_vtype v)
{
    if (v == SW_VT_NONE) {
        put(w, "_");
    } else {
        put_type(w, t, v);
    }
}

static void put_fields(writer *w, const sw_types *t, const sw_type_def *d)
{
    bool is_tuple = d->kind == SW_CT_TUPLE;
    put(w, is_tuple ? "<" : " {");
    for (uint32_t i = 0; i < d->count && w->len < w->size; i++) {
        const sw_type_field *f = &t->fields[d->first + i];
        put(w, "%s%s%.*s", i == 0 ? "" : ", ", i == 0 && !is_tuple ? " " : "",
            SW_STR_ARG(sw_types_str(t, f->name)));
        if (f->type != SW_VT_NONE) {
            put(w, is_tuple ? "" : d->kind == SW_CT_VARIANT ? "(" : ": ");
            put_type(w, t, f->type);
            put(w, d->kind == SW_CT_VARIANT ? ")" : "");
        }
    }
    put(w, is_tuple ? ">" : " }");
}

static bool put_name(writer *w, bool is_resource, uint32_t index)
{
    sw_str interface = {}, name;
    if (w->namer == NULL || !w->namer->find(w->namer, is_resource, index, &interface, &name)) {
        return false;
    }
    put(w, "%.*s%s%.*s", SW_STR_ARG(interface), interface.len == 0 ? "" : "#", SW_STR_ARG(name));
    return true;
}

/* An own handle of a resource with a name is that name. */
static void put_handle(writer *w, const sw_type_def *d)
{
    if (d->kind == SW_CT_OWN && put_name(w, true, d->other)) {
        return;
    }
    put(w, "%s<", kind_text((sw_ctype_kind)d->kind));
    if (!put_name(w, true, d->other)) {
        put(w, "resource %u", d->other);
    }
    put(w, ">");
}

static void put_def(writer *w, const sw_types *t, const sw_type_def *d)
{
    if (d->kind == SW_CT_OWN || d->kind == SW_CT_BORROW) {
        put_handle(w, d);
        return;
    }
    put(w, "%s", kind_text((sw_ctype_kind)d->kind));
    switch (d->kind) {
    case SW_CT_RECORD:
    case SW_CT_VARIANT:
    case SW_CT_TUPLE:
    case SW_CT_FLAGS:
    case SW_CT_ENUM: put_fields(w, t, d); return;
    default: break;
    }
    bool has_two = d->kind == SW_CT_RESULT || d->kind == SW_CT_MAP;
    if (d->element == SW_VT_NONE && !(has_two && d->other != SW_VT_NONE)) {
        return;
    }
    put(w, "<");
    put_optional(w, t, d->element);
    if (has_two && d->other != SW_VT_NONE) {
        put(w, ", ");
        put_optional(w, t, d->other);
    } else if (d->kind == SW_CT_FIXED_LIST) {
        put(w, ", %u", d->other);
    }
    put(w, ">");
}

static void put_type(writer *w, const sw_types *t, sw_vtype v)
{
    if (w->len >= w->size) {
        return;
    }
    if (sw_vtype_is_prim(v)) {
        put(w, "%s", kind_text((sw_ctype_kind)(v & 0xff)));
    } else if (!sw_ctype_has_name((sw_ctype_kind)t->defs[v].kind) || !put_name(w, false, v)) {
        put_def(w, t, &t->defs[v]);
    }
}

static void cut(const writer *w)
{
    if (w->out != NULL && w->len >= w->size && w->size > 3) {
        memcpy(w->out + w->size - 4, "...", 4);
    }
}

const char *sw_vtype_text(const sw_types *t, sw_vtype v, char *out, size_t size)
{
    writer w = {.out = out, .size = size};
    put_optional(&w, t, v);
    cut(&w);
    return out;
}

size_t sw_vtype_write(const sw_types *t, sw_vtype v, const sw_type_namer *n, bool is_definition,
                      char *out, size_t size)
{
    writer w = {.namer = n, .out = out, .size = size};
    if (is_definition && v != SW_VT_NONE && !sw_vtype_is_prim(v)) {
        put_def(&w, t, &t->defs[v]);
    } else {
        put_optional(&w, t, v);
    }
    cut(&w);
    return SW_MIN(w.len, size);
}

/* ---- Equality -------------------------------------------------------------------------------- */

typedef struct comparison {
    const sw_types *a, *b;
    uint32_t *pairs;
} comparison;

static bool equal(const comparison *c, sw_vtype va, sw_vtype vb);

static bool equal_resources(const comparison *c, uint32_t ra, uint32_t rb)
{
    if (c->pairs[ra] == SW_VT_NONE) {
        c->pairs[ra] = rb;
    }
    return c->pairs[ra] == rb;
}

static bool equal_fields(const comparison *c, uint32_t first_a, uint32_t first_b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const sw_type_field *fa = &c->a->fields[first_a + i], *fb = &c->b->fields[first_b + i];
        if (!sw_str_eq(sw_types_str(c->a, fa->name), sw_types_str(c->b, fb->name)) ||
            !equal(c, fa->type, fb->type)) {
            return false;
        }
    }
    return true;
}

static bool equal(const comparison *c, sw_vtype va, sw_vtype vb)
{
    if (va == SW_VT_NONE || vb == SW_VT_NONE || sw_vtype_is_prim(va) || sw_vtype_is_prim(vb)) {
        return va == vb;
    }
    const sw_type_def *da = &c->a->defs[va], *db = &c->b->defs[vb];
    if (da->kind != db->kind || da->count != db->count) {
        return false;
    }
    switch (da->kind) {
    case SW_CT_OWN:
    case SW_CT_BORROW: return equal_resources(c, da->other, db->other);
    case SW_CT_RESULT:
    case SW_CT_MAP: return equal(c, da->element, db->element) && equal(c, da->other, db->other);
    case SW_CT_FIXED_LIST: return da->other == db->other && equal(c, da->element, db->element);
    case SW_CT_LIST:
    case SW_CT_OPTION:
    case SW_CT_STREAM:
    case SW_CT_FUTURE: return equal(c, da->element, db->element);
    default: return equal_fields(c, da->first, db->first, da->count);
    }
}

bool sw_vtype_equal(const sw_types *a, sw_vtype va, const sw_types *b, sw_vtype vb, uint32_t *pairs)
{
    comparison c = {a, b, pairs};
    return equal(&c, va, vb);
}

bool sw_cfunc_type_equal(const sw_types *a, uint32_t func_a, const sw_types *b, uint32_t func_b,
                         uint32_t *pairs)
{
    comparison c = {a, b, pairs};
    const sw_cfunc_type *fa = &a->funcs[func_a], *fb = &b->funcs[func_b];
    return fa->params_count == fb->params_count && fa->is_async == fb->is_async &&
           equal_fields(&c, fa->params_first, fb->params_first, fa->params_count) &&
           equal(&c, fa->result, fb->result);
}
