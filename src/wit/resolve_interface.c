/* The resolver's middle: uses, types and functions of one interface. */
#include "wit/resolve.h"

#include <stdlib.h>

/* ---- Names ----------------------------------------------------------------------------------- */

static sw_wit_typedef **name_slot(const sw_wit_interface *i, sw_str name)
{
    uint32_t at = (uint32_t)sw_hash(sw_str_bytes(name)) & (i->names_slots - 1);
    while (i->names[at] != NULL && !sw_str_eq(i->names[at]->name.text, name)) {
        at = (at + 1) & (i->names_slots - 1);
    }
    return &i->names[at];
}

sw_wit_typedef *sw_wit_find_typedef(const sw_wit_interface *i, sw_str name)
{
    return i->names_slots == 0 ? NULL : *name_slot(i, name);
}

/* Enters a name where it must be unique but for case. */
static sw_status add_unique(const sw_wit_resolver *r, sw_map *names, sw_str key,
                            const sw_wit_name *name, const char *what)
{
    sw_str lower = sw_wit_lower(r->wit, key);
    uint32_t *place;
    bool inserted;
    if (lower.ptr == NULL || sw_map_insert(names, lower, 0, &place, &inserted) != SW_OK) {
        return sw_wit_no_memory(r->wit);
    }
    if (!inserted) {
        return sw_wit_fail(r->wit, SW_INVALID, name->loc, "%s `%.*s` is defined more than once",
                           what, SW_STR_ARG(name->text));
    }
    return SW_OK;
}

/* A method and a static function of a resource share their names. */
static sw_str func_key(const sw_wit_func *f)
{
    bool in_resource = f->kind == SW_WIT_METHOD || f->kind == SW_WIT_STATIC;
    size_t skip = in_resource ? sw_str_find(f->full_name, ']') + 1 : 0;
    return sw_str_slice(f->full_name, skip, f->full_name.len - skip);
}

static sw_status add_names(sw_wit_resolver *r, sw_wit_interface *i, sw_map *names)
{
    uint32_t count = 0;
    for (const sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        SW_TRY(add_unique(r, names, d->name.text, &d->name, "name"));
        count++;
    }
    for (const sw_wit_func *f = i->funcs; f != NULL; f = f->next) {
        SW_TRY(add_unique(r, names, func_key(f), &f->name, "name"));
    }
    i->names_slots = 4;
    while (i->names_slots < 2 * count) {
        i->names_slots *= 2;
    }
    i->names = SW_NEW_ARRAY(r->wit->arena, sw_wit_typedef *, i->names_slots);
    if (i->names == NULL) {
        i->names_slots = 0;
        return sw_wit_no_memory(r->wit);
    }
    for (sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        *name_slot(i, d->name.text) = d;
    }
    return SW_OK;
}

static sw_status check_fields(const sw_wit_resolver *r, const sw_wit_field *fields,
                              const char *what)
{
    sw_status st = SW_OK;
    sw_map names;
    sw_map_init(&names, NULL);
    for (const sw_wit_field *f = fields; f != NULL && st == SW_OK; f = f->next) {
        st = add_unique(r, &names, f->name.text, &f->name, what);
    }
    sw_map_clear(&names);
    return st;
}

static const sw_wit_func *find_func(const sw_wit_interface *i, sw_str name)
{
    for (const sw_wit_func *f = i->funcs; f != NULL; f = f->next) {
        if (f->kind == SW_WIT_FREE && sw_str_eq(f->name.text, name)) {
            return f;
        }
    }
    return NULL;
}

static sw_status fail_no_type(const sw_wit_resolver *r, const sw_wit_interface *i,
                              const sw_wit_name *name)
{
    if (find_func(i, name->text) != NULL) {
        return sw_wit_fail(r->wit, SW_INVALID, name->loc, "`%.*s` is a function, not a type",
                           SW_STR_ARG(name->text));
    }
    SW_VEC(sw_str) known = {0};
    for (const sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        (void)!sw_vec_push(&known, d->name.text);
    }
    sw_status st = sw_wit_fail_unknown(r->wit, "type", name, known.at, known.count);
    sw_vec_clear(&known);
    return st;
}

/* ---- Types ----------------------------------------------------------------------------------- */

sw_wit_typedef *sw_wit_typedef_root(sw_wit_typedef *d)
{
    for (;;) {
        if (d->kind == SW_WIT_USE && d->target != NULL) {
            d = d->target;
        } else if (d->kind == SW_WIT_ALIAS && d->alias->kind == SW_WIT_NAMED &&
                   d->alias->def != NULL) {
            d = d->alias->def;
        } else {
            return d;
        }
    }
}

static bool has_borrow(const sw_wit_type *t)
{
    if (t == NULL) {
        return false;
    }
    if (t->kind == SW_CT_BORROW) {
        return true;
    }
    if (t->kind == SW_WIT_NAMED) {
        return t->def->has_borrow;
    }
    for (const sw_wit_type *item = t->first; item != NULL; item = item->next) {
        if (has_borrow(item)) {
            return true;
        }
    }
    return has_borrow(t->other);
}

static sw_status visit_typedef(sw_wit_resolver *r, sw_wit_typedef *d);

/* A name in a type of interface i, written in an item with that head. */
static sw_status visit_name(sw_wit_resolver *r, const sw_wit_interface *i, const sw_wit_head *user,
                            sw_wit_type *t)
{
    sw_wit_typedef *d = sw_wit_find_typedef(i, t->name.text);
    if (d == NULL) {
        return fail_no_type(r, i, &t->name);
    }
    if (d->state == 1) {
        return sw_wit_fail(r->wit, SW_INVALID, t->name.loc, "type `%.*s` depends on itself",
                           SW_STR_ARG(t->name.text));
    }
    SW_TRY(visit_typedef(r, d));
    SW_TRY(sw_wit_check_gate(r, user, &d->head, t->name.loc, "this type"));
    if (t->kind != SW_WIT_NAMED && sw_wit_typedef_root(d)->kind != SW_WIT_RESOURCE) {
        return sw_wit_fail(r->wit, SW_INVALID, t->name.loc,
                           "`%.*s` is used in a handle but is no resource",
                           SW_STR_ARG(t->name.text));
    }
    t->def = d;
    return SW_OK;
}

static sw_status visit_type(sw_wit_resolver *r, const sw_wit_interface *i, const sw_wit_head *user,
                            sw_wit_type *t)
{
    if (t == NULL) {
        return SW_OK;
    }
    if (t->kind == SW_WIT_NAMED || t->kind == SW_CT_OWN || t->kind == SW_CT_BORROW) {
        return visit_name(r, i, user, t);
    }
    for (sw_wit_type *item = t->first; item != NULL; item = item->next) {
        SW_TRY(visit_type(r, i, user, item));
    }
    return visit_type(r, i, user, t->other);
}

static sw_status visit_use(sw_wit_resolver *r, sw_wit_typedef *d)
{
    const sw_wit_interface *from = d->use->target;
    sw_wit_typedef *target = sw_wit_find_typedef(from, d->used.text);
    if (target == NULL) {
        return fail_no_type(r, from, &d->used);
    }
    SW_TRY(visit_typedef(r, target));
    SW_TRY(sw_wit_check_gate(r, &d->head, &target->head, d->used.loc, "this type"));
    d->target = target;
    d->has_borrow = target->has_borrow;
    return SW_OK;
}

static sw_status visit_fields(sw_wit_resolver *r, sw_wit_typedef *d)
{
    static const char *const words[] = {[SW_WIT_RECORD] = "field",
                                        [SW_WIT_VARIANT] = "case",
                                        [SW_WIT_ENUM] = "case",
                                        [SW_WIT_FLAGS] = "flag"};
    SW_TRY(check_fields(r, d->fields, words[d->kind]));
    for (sw_wit_field *f = d->fields; f != NULL; f = f->next) {
        SW_TRY(visit_type(r, d->owner, &d->head, f->type));
        d->has_borrow = d->has_borrow || has_borrow(f->type);
    }
    return SW_OK;
}

static sw_status fail_long(const sw_wit_resolver *r, const sw_wit_name *name)
{
    return sw_wit_fail(r->wit, SW_LIMIT, name->loc, "chain of definitions is too long");
}

static sw_status visit_typedef_body(sw_wit_resolver *r, sw_wit_typedef *d)
{
    switch (d->kind) {
    case SW_WIT_ALIAS:
        SW_TRY(visit_type(r, d->owner, &d->head, d->alias));
        d->has_borrow = has_borrow(d->alias);
        return SW_OK;
    case SW_WIT_USE: return visit_use(r, d);
    case SW_WIT_RECORD:
    case SW_WIT_VARIANT:
    case SW_WIT_ENUM:
    case SW_WIT_FLAGS: return visit_fields(r, d);
    case SW_WIT_RESOURCE: break;
    }
    return SW_OK;
}

static sw_status visit_typedef(sw_wit_resolver *r, sw_wit_typedef *d)
{
    if (d->state == 0) {
        uint32_t level_around = r->typedef_level;
        r->typedef_level = 0;
        d->state = 1;
        r->depth++;
        if (r->depth > SW_WIT_MAX_CHAIN) {
            return fail_long(r, &d->name);
        }
        SW_TRY(visit_typedef_body(r, d));
        r->depth--;
        d->state = 2;
        d->order = ++r->typedefs_done;
        d->level = r->typedef_level + 1;
        r->typedef_level = level_around;
        if (d->level > SW_WIT_MAX_CHAIN) {
            return fail_long(r, &d->name);
        }
    }
    r->typedef_level = SW_MAX(r->typedef_level, d->level);
    return SW_OK;
}

/* ---- Functions ------------------------------------------------------------------------------- */

sw_status sw_wit_resolve_func(sw_wit_resolver *r, sw_wit_interface *own, sw_wit_func *f)
{
    SW_TRY(check_fields(r, f->params, "parameter"));
    for (sw_wit_field *p = f->params; p != NULL; p = p->next) {
        SW_TRY(visit_type(r, own, &f->head, p->type));
    }
    SW_TRY(visit_type(r, own, &f->head, f->result));
    if (has_borrow(f->result)) {
        return sw_wit_fail(r->wit, SW_INVALID, f->name.loc,
                           "function `%.*s` returns a type that contains a `borrow`",
                           SW_STR_ARG(f->full_name));
    }
    return SW_OK;
}

/* ---- Interfaces ------------------------------------------------------------------------------ */

static sw_status resolve_uses(sw_wit_resolver *r, sw_wit_interface *i)
{
    for (sw_wit_use *u = i->uses; u != NULL; u = u->next) {
        SW_TRY(sw_wit_resolve_interface_path(r, i->scope, &u->path, &u->target));
        if (u->target->state == 1) {
            return sw_wit_fail(r->wit, SW_INVALID, u->path.loc,
                               "interface `%.*s` depends on itself",
                               SW_STR_ARG(u->target->full_name));
        }
        SW_TRY(sw_wit_resolve_interface(r, u->target));
        SW_TRY(sw_wit_check_gate(r, &u->head, &u->target->head, u->path.loc, "this interface"));
    }
    return SW_OK;
}

/* Uses first, then definitions behind those they are made of. */
static int compare_typedefs(const void *a, const void *b)
{
    const sw_wit_typedef *x = *(sw_wit_typedef *const *)a;
    const sw_wit_typedef *y = *(sw_wit_typedef *const *)b;
    bool x_used = x->kind == SW_WIT_USE;
    bool y_used = y->kind == SW_WIT_USE;
    return x_used != y_used ? y_used - x_used : (x->order > y->order) - (x->order < y->order);
}

static sw_status sort_typedefs(const sw_wit_resolver *r, sw_wit_interface *i)
{
    SW_VEC(sw_wit_typedef *) all = {0};
    sw_status st = SW_OK;
    for (sw_wit_typedef *d = i->typedefs; d != NULL && st == SW_OK; d = d->next) {
        st = sw_vec_push(&all, d);
    }
    if (st == SW_OK && all.count > 0) {
        qsort((void *)all.at, all.count, sizeof *all.at, compare_typedefs);
        sw_wit_typedef **end = &i->typedefs;
        for (size_t n = 0; n < all.count; n++) {
            all.at[n]->next = NULL;
            SW_WIT_APPEND(end, all.at[n]);
        }
    }
    sw_vec_clear(&all);
    return st == SW_OK ? SW_OK : sw_wit_no_memory(r->wit);
}

/* Functions of resources first, in the order of these. */
static int compare_funcs(const void *a, const void *b)
{
    const sw_wit_func *x = *(sw_wit_func *const *)a;
    const sw_wit_func *y = *(sw_wit_func *const *)b;
    uint32_t x_order = x->resource == NULL ? UINT32_MAX : x->resource->order;
    uint32_t y_order = y->resource == NULL ? UINT32_MAX : y->resource->order;
    if (x_order == y_order) {
        return (x->order > y->order) - (x->order < y->order);
    }
    return x_order < y_order ? -1 : 1;
}

static sw_status sort_funcs(const sw_wit_resolver *r, sw_wit_interface *i)
{
    SW_VEC(sw_wit_func *) all = {0};
    sw_status st = SW_OK;
    for (sw_wit_func *f = i->funcs; f != NULL && st == SW_OK; f = f->next) {
        f->order = (uint32_t)all.count;
        st = sw_vec_push(&all, f);
    }
    if (st == SW_OK && all.count > 0) {
        qsort((void *)all.at, all.count, sizeof *all.at, compare_funcs);
        sw_wit_func **end = &i->funcs;
        for (size_t n = 0; n < all.count; n++) {
            all.at[n]->next = NULL;
            SW_WIT_APPEND(end, all.at[n]);
        }
    }
    sw_vec_clear(&all);
    return st == SW_OK ? SW_OK : sw_wit_no_memory(r->wit);
}

static sw_status resolve_body(sw_wit_resolver *r, sw_wit_interface *i)
{
    sw_map names;
    sw_map_init(&names, NULL);
    sw_status st = add_names(r, i, &names);
    sw_map_clear(&names);
    SW_TRY(st);
    SW_TRY(resolve_uses(r, i));
    for (sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        SW_TRY(visit_typedef(r, d));
    }
    SW_TRY(sort_typedefs(r, i));
    SW_TRY(sort_funcs(r, i));
    for (sw_wit_func *f = i->funcs; f != NULL; f = f->next) {
        SW_TRY(sw_wit_resolve_func(r, i, f));
    }
    return SW_OK;
}

sw_status sw_wit_resolve_interface(sw_wit_resolver *r, sw_wit_interface *i)
{
    if (i->state == 0) {
        uint32_t level_around = r->interface_level;
        r->interface_level = 0;
        i->state = 1;
        r->depth++;
        if (r->depth > SW_WIT_MAX_CHAIN) {
            return fail_long(r, &i->name);
        }
        SW_TRY(resolve_body(r, i));
        r->depth--;
        i->state = 2;
        i->level = r->interface_level + 1;
        r->interface_level = level_around;
        if (i->level > SW_WIT_MAX_CHAIN) {
            return fail_long(r, &i->name);
        }
    }
    r->interface_level = SW_MAX(r->interface_level, i->level);
    return SW_OK;
}
