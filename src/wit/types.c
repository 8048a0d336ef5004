/*
 * From a resolved interface to a sw_types table.
 *
 * Types enter the table when something active mentions them, elements before what contains them.
 * A definition with a name of its own (record, variant, enum, flags) enters once; anonymous types
 * are shared when they are equal. Aliases and uses leave no trace but in `named`.
 */
#include "base/map.h"
#include "base/vec.h"
#include "wit/report.h"
#include "wit/wit.h"

typedef struct table {
    sw_wit *wit;
    uint32_t id; /* marks typedefs that are in */
    sw_map texts;
    sw_map anonymous; /* bytes of a def and its fields -> index */
    SW_VEC(sw_type_def) defs;
    SW_VEC(sw_type_field) fields;
    SW_VEC(sw_cfunc_type) funcs;
    SW_VEC(char) strings;
    SW_VEC(sw_wit_typedef *) origins;
    SW_VEC(sw_wit_typedef *) resources;
    SW_VEC(sw_wit_func *) func_nodes;
    SW_VEC(sw_wit_typedef *) named;
    SW_VEC(sw_vtype) named_types;
} table;

static sw_status no_memory(const table *t)
{
    return sw_fail(t->wit->diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
}

static sw_status add_text(table *t, sw_str s, sw_text *ret_text)
{
    uint32_t *place;
    bool inserted;
    uint32_t offset = (uint32_t)t->strings.count;
    SW_TRY(sw_map_insert(&t->texts, s, offset, &place, &inserted));
    for (size_t i = 0; inserted && i < s.len; i++) {
        SW_TRY(sw_vec_push(&t->strings, s.ptr[i]));
    }
    *ret_text = (sw_text){*place, (uint32_t)s.len};
    return SW_OK;
}

static sw_status add_vtype(table *t, sw_wit_type *type, sw_vtype *ret_vtype);
static sw_status add_typedef(table *t, sw_wit_typedef *d, sw_vtype *ret_vtype);

/* Appends a def; fields are in place already. */
static sw_status push_def(table *t, const sw_type_def *def, sw_wit_typedef *origin,
                          sw_vtype *ret_vtype)
{
    *ret_vtype = (sw_vtype)t->defs.count;
    SW_TRY(sw_vec_push(&t->defs, *def));
    return sw_vec_push(&t->origins, origin);
}

/* An anonymous def with `items` as its fields' types: an equal one that is there, or a new one. */
static sw_status intern(table *t, sw_type_def *def, const sw_vtype *items, sw_vtype *ret_vtype)
{
    size_t words_count = 3 + (size_t)def->count;
    uint32_t *words = SW_NEW_ARRAY(t->wit->arena, uint32_t, words_count);
    uint32_t *place;
    bool inserted;
    if (words == NULL) {
        return SW_NO_MEMORY;
    }
    words[0] = def->kind;
    words[1] = def->element;
    words[2] = def->other;
    for (uint32_t i = 0; i < def->count; i++) {
        words[3 + i] = items[i];
    }
    sw_str key = {(const char *)words, words_count * sizeof *words};
    SW_TRY(sw_map_insert(&t->anonymous, key, (uint32_t)t->defs.count, &place, &inserted));
    *ret_vtype = *place;
    if (!inserted) {
        return SW_OK;
    }
    def->first = (uint32_t)t->fields.count;
    for (uint32_t i = 0; i < def->count; i++) {
        SW_TRY(sw_vec_push(&t->fields, (sw_type_field){.type = items[i]}));
    }
    return push_def(t, def, NULL, ret_vtype);
}

static sw_status resource_index(table *t, sw_wit_typedef *resource, uint32_t *ret_index)
{
    sw_wit_typedef *root = sw_wit_typedef_root(resource);
    if (root->table != t->id) {
        root->table = t->id;
        root->vtype = (uint32_t)t->resources.count;
        SW_TRY(sw_vec_push(&t->resources, root));
    }
    *ret_index = root->vtype;
    return SW_OK;
}

static sw_status add_handle(table *t, sw_wit_typedef *resource, sw_ctype_kind kind,
                            sw_vtype *ret_vtype)
{
    sw_type_def def = {.kind = kind, .element = SW_VT_NONE};
    SW_TRY(resource_index(t, resource, &def.other));
    return intern(t, &def, NULL, ret_vtype);
}

static sw_status add_tuple(table *t, const sw_wit_type *type, sw_vtype *ret_vtype)
{
    SW_VEC(sw_vtype) items = {0};
    sw_status st = SW_OK;
    for (sw_wit_type *item = type->first; item != NULL && st == SW_OK; item = item->next) {
        sw_vtype v;
        st = add_vtype(t, item, &v);
        if (st == SW_OK) {
            st = sw_vec_push(&items, v);
        }
    }
    sw_type_def def = {.kind = SW_CT_TUPLE,
                       .element = SW_VT_NONE,
                       .other = SW_VT_NONE,
                       .count = (uint32_t)items.count};
    if (st == SW_OK) {
        st = intern(t, &def, items.at, ret_vtype);
    }
    sw_vec_clear(&items);
    return st;
}

static sw_status add_optional(table *t, sw_wit_type *type, sw_vtype *ret_vtype)
{
    if (type == NULL) {
        *ret_vtype = SW_VT_NONE;
        return SW_OK;
    }
    return add_vtype(t, type, ret_vtype);
}

static sw_status add_vtype(table *t, sw_wit_type *type, sw_vtype *ret_vtype)
{
    if (type->kind < SW_CT_RECORD) {
        *ret_vtype = sw_vtype_prim((sw_ctype_kind)type->kind);
        return SW_OK;
    }
    if (type->kind == SW_WIT_NAMED) {
        return add_typedef(t, type->def, ret_vtype);
    }
    if (type->kind == SW_CT_OWN || type->kind == SW_CT_BORROW) {
        return add_handle(t, type->def, (sw_ctype_kind)type->kind, ret_vtype);
    }
    if (type->kind == SW_CT_TUPLE) {
        return add_tuple(t, type, ret_vtype);
    }
    sw_type_def def = {.kind = type->kind};
    SW_TRY(add_optional(t, type->first, &def.element));
    SW_TRY(add_optional(t, type->other, &def.other));
    if (type->kind == SW_CT_FIXED_LIST) {
        def.other = type->length;
    }
    return intern(t, &def, NULL, ret_vtype);
}

/* Fields in one run: their types first, since those may bring fields of their own. */
static sw_status add_fields(table *t, const sw_wit_field *fields, uint32_t count,
                            uint32_t *ret_first)
{
    SW_VEC(sw_type_field) run = {0};
    sw_status st = sw_vec_reserve(&run, count);
    for (const sw_wit_field *f = fields; f != NULL && st == SW_OK; f = f->next) {
        sw_type_field field;
        st = add_optional(t, f->type, &field.type);
        if (st == SW_OK) {
            st = add_text(t, f->name.text, &field.name);
        }
        if (st == SW_OK) {
            st = sw_vec_push(&run, field);
        }
    }
    *ret_first = (uint32_t)t->fields.count;
    for (size_t i = 0; i < run.count && st == SW_OK; i++) {
        st = sw_vec_push(&t->fields, run.at[i]);
    }
    sw_vec_clear(&run);
    return st;
}

static sw_status add_definition(table *t, sw_wit_typedef *d, sw_vtype *ret_vtype)
{
    static const sw_ctype_kind kinds[] = {[SW_WIT_RECORD] = SW_CT_RECORD,
                                          [SW_WIT_VARIANT] = SW_CT_VARIANT,
                                          [SW_WIT_ENUM] = SW_CT_ENUM,
                                          [SW_WIT_FLAGS] = SW_CT_FLAGS};
    if (d->table != t->id) {
        sw_type_def def = {.kind = kinds[d->kind],
                           .count = d->fields_count,
                           .element = SW_VT_NONE,
                           .other = SW_VT_NONE};
        SW_TRY(add_fields(t, d->fields, d->fields_count, &def.first));
        SW_TRY(push_def(t, &def, d, &d->vtype));
        d->table = t->id;
    }
    *ret_vtype = d->vtype;
    return SW_OK;
}

static sw_status add_typedef(table *t, sw_wit_typedef *d, sw_vtype *ret_vtype)
{
    d = sw_wit_typedef_root(d);
    switch (d->kind) {
    case SW_WIT_RESOURCE: return add_handle(t, d, SW_CT_OWN, ret_vtype);
    case SW_WIT_ALIAS: return add_vtype(t, d->alias, ret_vtype);
    case SW_WIT_RECORD:
    case SW_WIT_VARIANT:
    case SW_WIT_ENUM:
    case SW_WIT_FLAGS: return add_definition(t, d, ret_vtype);
    case SW_WIT_USE: break;
    }
    return SW_INVALID;
}

static sw_status add_func(table *t, sw_wit_func *f)
{
    sw_cfunc_type type = {.params_count = f->params_count, .is_async = f->is_async};
    SW_TRY(add_fields(t, f->params, f->params_count, &type.params_first));
    SW_TRY(add_optional(t, f->result, &type.result));
    SW_TRY(sw_vec_push(&t->funcs, type));
    return sw_vec_push(&t->func_nodes, f);
}

static sw_status add_interface(table *t, const sw_wit_interface *i)
{
    for (sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        sw_vtype v;
        if (d->head.active) {
            SW_TRY(add_typedef(t, d, &v));
            SW_TRY(sw_vec_push(&t->named, d));
            SW_TRY(sw_vec_push(&t->named_types, v));
        }
    }
    for (sw_wit_func *f = i->funcs; f != NULL; f = f->next) {
        if (f->head.active) {
            SW_TRY(add_func(t, f));
        }
    }
    return SW_OK;
}

/* ---- Into the arena -------------------------------------------------------------------------- */

static const void *keep(const table *t, const void *items, size_t count, size_t size)
{
    void *copy = sw_arena_alloc_array(t->wit->arena, count, size, 16);
    if (copy != NULL && count > 0) {
        memcpy(copy, items, count * size);
    }
    return copy;
}

#define KEEP(t, v) keep((t), (v).at, (v).count, sizeof *(v).at)

static sw_status finish(const table *t, sw_wit_types *ret_types)
{
    sw_wit_types out = {
        .types = {.defs = KEEP(t, t->defs),
                  .fields = KEEP(t, t->fields),
                  .funcs = KEEP(t, t->funcs),
                  .strings = KEEP(t, t->strings),
                  .defs_count = (uint32_t)t->defs.count,
                  .fields_count = (uint32_t)t->fields.count,
                  .funcs_count = (uint32_t)t->funcs.count,
                  .strings_bytes = (uint32_t)t->strings.count,
                  .resources_count = (uint32_t)t->resources.count},
        .origins = KEEP(t, t->origins),
        .resources = KEEP(t, t->resources),
        .funcs = KEEP(t, t->func_nodes),
        .named = KEEP(t, t->named),
        .named_types = KEEP(t, t->named_types),
        .named_count = (uint32_t)t->named.count,
    };
    const void *const all[] = {
        out.types.defs,          out.types.fields,          out.types.funcs,
        out.types.strings,       (const void *)out.origins, (const void *)out.resources,
        (const void *)out.funcs, (const void *)out.named,   out.named_types};
    for (size_t i = 0; i < SW_COUNTOF(all); i++) {
        if (all[i] == NULL) {
            return SW_NO_MEMORY;
        }
    }
    *ret_types = out;
    return SW_OK;
}

static void clear(table *t)
{
    sw_map_clear(&t->texts);
    sw_map_clear(&t->anonymous);
    sw_vec_clear(&t->defs);
    sw_vec_clear(&t->fields);
    sw_vec_clear(&t->funcs);
    sw_vec_clear(&t->strings);
    sw_vec_clear(&t->origins);
    sw_vec_clear(&t->resources);
    sw_vec_clear(&t->func_nodes);
    sw_vec_clear(&t->named);
    sw_vec_clear(&t->named_types);
}

sw_status sw_wit_types_make(sw_wit *w, const sw_wit_interface *i, sw_diag *diag,
                            sw_wit_types *ret_types)
{
    table t = {.wit = w, .id = ++w->tables_count};
    w->diag = diag;
    sw_map_init(&t.texts, NULL);
    sw_map_init(&t.anonymous, NULL);
    sw_status st = add_interface(&t, i);
    if (st == SW_OK) {
        st = finish(&t, ret_types);
    }
    if (st == SW_NO_MEMORY) {
        st = no_memory(&t);
    }
    clear(&t);
    w->diag = NULL;
    return st;
}
