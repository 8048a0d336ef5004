/*
 * The resolver's end: worlds.
 *
 * A world's imports and exports are two lists without doubles: its own items, its types (which are
 * imports), the items of included worlds, and the interfaces that others use. Items are known by
 * their label or by the full name of their interface; a label never contains a ':'.
 */
#include "wit/resolve.h"

typedef struct side {
    sw_map keys; /* label in small letters, or full name -> index in items */
    SW_VEC(sw_wit_item *) items;
    sw_wit_item **end;
    const char *word;
} side;

typedef struct world_resolver {
    sw_wit_resolver *r;
    sw_wit_world *world;
    side sides[2]; /* imports, exports */
} world_resolver;

static const char *item_word(const sw_wit_item *it)
{
    static const char *const words[] = {[SW_WIT_ITEM_FUNC] = "function",
                                        [SW_WIT_ITEM_INTERFACE] = "interface",
                                        [SW_WIT_ITEM_INLINE] = "interface",
                                        [SW_WIT_ITEM_LABELLED] = "interface",
                                        [SW_WIT_ITEM_TYPE] = "type"};
    return words[it->kind];
}

static bool is_same_type(const sw_wit_item *a, const sw_wit_item *b)
{
    return a->kind == SW_WIT_ITEM_TYPE && b->kind == SW_WIT_ITEM_TYPE &&
           sw_wit_typedef_root(a->type) == sw_wit_typedef_root(b->type);
}

static bool is_same(const sw_wit_type *a, const sw_wit_type *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    if (a->def != NULL && b->def != NULL) {
        return sw_wit_typedef_root(a->def) == sw_wit_typedef_root(b->def) &&
               (a->kind == SW_CT_BORROW) == (b->kind == SW_CT_BORROW);
    }
    const sw_wit_type *x = a->first;
    const sw_wit_type *y = b->first;
    while (x != NULL && y != NULL && is_same(x, y)) {
        x = x->next;
        y = y->next;
    }
    return x == NULL && y == NULL && a->kind == b->kind && a->length == b->length &&
           is_same(a->other, b->other);
}

/* Worlds in the metadata of one module may ask for the same function, which in text is an error. */
static bool is_same_func(const world_resolver *wr, const sw_wit_item *a, const sw_wit_item *b)
{
    if (!wr->world->scope->package->is_binary || a->func == NULL || b->func == NULL) {
        return false;
    }
    const sw_wit_field *x = a->func->params;
    const sw_wit_field *y = b->func->params;
    while (x != NULL && y != NULL && sw_str_eq(x->name.text, y->name.text) &&
           is_same(x->type, y->type)) {
        x = x->next;
        y = y->next;
    }
    return x == NULL && y == NULL && a->func->is_async == b->func->is_async &&
           is_same(a->func->result, b->func->result);
}

/* Adds a copy of the item. included: it comes from another world, or is implied; an interface that
 * is there already is then no error. */
static sw_status add(world_resolver *wr, const sw_wit_item *it, bool included)
{
    const sw_wit *w = wr->r->wit;
    side *s = &wr->sides[it->is_export];
    bool by_label = it->kind != SW_WIT_ITEM_INTERFACE;
    sw_str key = by_label ? sw_wit_lower(w, it->label.text) : it->interface->full_name;
    uint32_t *place;
    bool inserted;
    sw_wit_item *copy = SW_NEW(w->arena, sw_wit_item);
    if (key.ptr == NULL || copy == NULL ||
        sw_map_insert(&s->keys, key, (uint32_t)s->items.count, &place, &inserted) != SW_OK) {
        return sw_wit_no_memory(w);
    }
    if (!inserted) {
        const sw_wit_item *prior = s->items.at[*place];
        if (by_label && (is_same_type(prior, it) || is_same_func(wr, prior, it))) {
            return SW_OK;
        }
        if (!by_label) {
            return included ? SW_OK
                            : sw_wit_fail(w, SW_INVALID, it->label.loc,
                                          "interface `%.*s` cannot be %sed more than once",
                                          SW_STR_ARG(key), s->word);
        }
        return sw_wit_fail(w, SW_INVALID, it->label.loc,
                           "%s `%.*s` conflicts with a prior %s of that name", s->word,
                           SW_STR_ARG(it->label.text), item_word(prior));
    }
    *copy = *it;
    copy->next = NULL;
    SW_WIT_APPEND(s->end, copy);
    return sw_vec_push(&s->items, copy) == SW_OK ? SW_OK : sw_wit_no_memory(w);
}

/* ---- Own items ------------------------------------------------------------------------------- */

static sw_status resolve_item(world_resolver *wr, sw_wit_item *it)
{
    sw_wit_resolver *r = wr->r;
    sw_wit_world *w = wr->world;
    if (it->kind == SW_WIT_ITEM_FUNC) {
        return sw_wit_resolve_func(r, w->own, it->func);
    }
    if (it->kind == SW_WIT_ITEM_INLINE) {
        return it->head.active ? sw_wit_resolve_interface(r, it->interface) : SW_OK;
    }
    SW_TRY(sw_wit_resolve_interface_path(r, w->scope, &it->path, &it->interface));
    return sw_wit_check_gate(r, &it->head, &it->interface->head, it->path.loc, "this interface");
}

static sw_status add_own_items(world_resolver *wr)
{
    sw_wit_world *w = wr->world;
    for (sw_wit_typedef *d = w->own->typedefs; d != NULL; d = d->next) {
        sw_wit_item it = {.kind = SW_WIT_ITEM_TYPE, .head = d->head, .label = d->name, .type = d};
        if (d->head.active) {
            SW_TRY(add(wr, &it, false));
        }
    }
    for (sw_wit_item *it = w->items; it != NULL; it = it->next) {
        SW_TRY(resolve_item(wr, it));
        if (it->head.active) {
            SW_TRY(add(wr, it, false));
        }
    }
    return SW_OK;
}

/* ---- Includes -------------------------------------------------------------------------------- */

static sw_status add_included(world_resolver *wr, sw_wit_include *inc, const sw_wit_item *items)
{
    for (const sw_wit_item *it = items; it != NULL; it = it->next) {
        sw_wit_item copy = *it;
        copy.label.loc = inc->path.loc;
        if (inc->target->scope->package != wr->world->scope->package &&
            copy.head.gate.since.len > 0) {
            copy.head.gate = (sw_wit_gate){0}; /* a version of the other package */
        }
        for (sw_wit_rename *n = inc->renames; n != NULL; n = n->next) {
            if (it->kind != SW_WIT_ITEM_INTERFACE && sw_str_eq(n->from.text, it->label.text)) {
                copy.label = n->to;
                n->is_used = true;
            }
        }
        SW_TRY(add(wr, &copy, true));
    }
    return SW_OK;
}

static sw_status resolve_include(world_resolver *wr, sw_wit_include *inc)
{
    sw_wit_resolver *r = wr->r;
    sw_wit_target target;
    SW_TRY(sw_wit_resolve_path(r, wr->world->scope, &inc->path, &target));
    if (target.world == NULL) {
        return sw_wit_fail(r->wit, SW_INVALID, inc->path.loc, "`%.*s` is an interface, not a world",
                           SW_STR_ARG(inc->path.name.text));
    }
    inc->target = target.world;
    if (target.world->state == 1) {
        return sw_wit_fail(r->wit, SW_INVALID, inc->path.loc, "world `%.*s` includes itself",
                           SW_STR_ARG(target.world->full_name));
    }
    SW_TRY(sw_wit_resolve_world(r, target.world));
    SW_TRY(sw_wit_check_gate(r, &inc->head, &target.world->head, inc->path.loc, "this world"));
    if (!inc->head.active) {
        return SW_OK;
    }
    SW_TRY(add_included(wr, inc, target.world->imports));
    SW_TRY(add_included(wr, inc, target.world->exports));
    for (const sw_wit_rename *n = inc->renames; n != NULL; n = n->next) {
        if (!n->is_used) {
            return sw_wit_fail(r->wit, SW_INVALID, n->from.loc,
                               "the included world has no import or export labelled `%.*s` "
                               "(interface names cannot be renamed)",
                               SW_STR_ARG(n->from.text));
        }
    }
    return SW_OK;
}

/* ---- Implied imports ------------------------------------------------------------------------- */

static bool is_exported(const world_resolver *wr, const sw_wit_interface *i)
{
    return sw_map_find(&wr->sides[1].keys, i->full_name) != NULL;
}

static sw_status add_implied(world_resolver *wr, sw_wit_interface *i, const sw_wit_gate *gate);

/* The interfaces whose types i uses; they get the gate of the item that needs them. */
static sw_status add_deps(world_resolver *wr, const sw_wit_interface *i, const sw_wit_gate *gate)
{
    for (const sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        if (d->kind == SW_WIT_USE && d->head.active) {
            SW_TRY(add_implied(wr, d->use->target, gate));
        }
    }
    return SW_OK;
}

static sw_status add_implied(world_resolver *wr, sw_wit_interface *i, const sw_wit_gate *gate)
{
    if (sw_map_find(&wr->sides[0].keys, i->full_name) != NULL) {
        return SW_OK;
    }
    sw_wit_item it = {
        .kind = SW_WIT_ITEM_INTERFACE,
        .head = {.gate = *gate, .active = true},
        .is_implied = true,
        .interface = i,
        .label = wr->world->name
    };
    SW_TRY(add_deps(wr, i, gate));
    return add(wr, &it, true);
}

static sw_status add_import_deps(world_resolver *wr)
{
    const side *s = &wr->sides[0];
    for (size_t n = 0; n < s->items.count; n++) {
        const sw_wit_item *it = s->items.at[n];
        if (it->kind == SW_WIT_ITEM_TYPE && it->type->kind == SW_WIT_USE) {
            SW_TRY(add_implied(wr, it->type->use->target, &it->head.gate));
        } else if (it->interface != NULL) {
            SW_TRY(add_deps(wr, it->interface, &it->head.gate));
        }
    }
    return SW_OK;
}

/* Whether i, or an interface that it needs, is exported. */
static bool needs_exported(const world_resolver *wr, sw_wit_interface *i)
{
    if (i->mark == wr->r->mark) {
        return false;
    }
    i->mark = wr->r->mark;
    if (is_exported(wr, i)) {
        return true;
    }
    for (const sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        if (d->kind == SW_WIT_USE && d->head.active && needs_exported(wr, d->use->target)) {
            return true;
        }
    }
    return false;
}

/* What an exported interface uses is imported unless it is exported, too; an imported one must not
 * lead back to an exported one. */
static sw_status add_export_deps(world_resolver *wr, const sw_wit_interface *i,
                                 const sw_wit_gate *gate)
{
    for (const sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        if (d->kind != SW_WIT_USE || !d->head.active || is_exported(wr, d->use->target)) {
            continue;
        }
        wr->r->mark++;
        if (needs_exported(wr, d->use->target)) {
            return sw_wit_fail(wr->r->wit, SW_INVALID, wr->world->name.loc,
                               "interface `%.*s` depends on an interface both as an import and "
                               "as an export",
                               SW_STR_ARG(i->full_name));
        }
        SW_TRY(add_implied(wr, d->use->target, gate));
    }
    return SW_OK;
}

/* ---- Order ----------------------------------------------------------------------------------- */

/* The items of one side once more: interfaces with what they use in front of them, types,
 * functions; exports begin with the functions. */
typedef struct sorter {
    const side *side;
    uint8_t *is_placed; /* per item */
    sw_wit_item *first, **end;
} sorter;

static void place(sorter *s, size_t n)
{
    if (!s->is_placed[n]) {
        s->is_placed[n] = 1;
        s->side->items.at[n]->next = NULL;
        SW_WIT_APPEND(s->end, s->side->items.at[n]);
    }
}

/* Interfaces use each other without cycles, in chains of bounded length. */
static void place_deps(sorter *s, const sw_wit_interface *i)
{
    for (const sw_wit_use *u = i->uses; u != NULL; u = u->next) {
        const uint32_t *n =
            u->head.active ? sw_map_find(&s->side->keys, u->target->full_name) : NULL;
        if (n != NULL && !s->is_placed[*n]) {
            place_deps(s, u->target);
            place(s, *n);
        }
    }
}

static void place_interfaces(sorter *s)
{
    for (size_t n = 0; n < s->side->items.count; n++) {
        const sw_wit_interface *i = s->side->items.at[n]->interface;
        if (i != NULL) {
            place_deps(s, i);
            place(s, n);
        }
    }
}

static void place_kind(sorter *s, sw_wit_item_kind kind)
{
    for (size_t n = 0; n < s->side->items.count; n++) {
        if (s->side->items.at[n]->kind == kind) {
            place(s, n);
        }
    }
}

static sw_status sort_side(world_resolver *wr, bool is_export, sw_wit_item **ret_items)
{
    const side *sd = &wr->sides[is_export];
    sorter s = {.side = sd};
    s.is_placed = SW_NEW_ARRAY(wr->r->wit->arena, uint8_t, sd->items.count);
    if (s.is_placed == NULL) {
        return sw_wit_no_memory(wr->r->wit);
    }
    s.end = &s.first;
    if (is_export) {
        place_kind(&s, SW_WIT_ITEM_FUNC);
    }
    place_interfaces(&s);
    place_kind(&s, SW_WIT_ITEM_TYPE);
    place_kind(&s, SW_WIT_ITEM_FUNC);
    *ret_items = s.first;
    return SW_OK;
}

/* ---- All ------------------------------------------------------------------------------------- */

static sw_status resolve_sides(world_resolver *wr)
{
    sw_wit_world *w = wr->world;
    SW_TRY(sw_wit_resolve_interface(wr->r, w->own));
    SW_TRY(add_own_items(wr));
    for (sw_wit_include *inc = w->includes; inc != NULL; inc = inc->next) {
        SW_TRY(resolve_include(wr, inc));
    }
    SW_TRY(add_import_deps(wr));
    for (size_t n = 0; n < wr->sides[1].items.count; n++) {
        const sw_wit_item *it = wr->sides[1].items.at[n];
        if (it->interface != NULL) {
            SW_TRY(add_export_deps(wr, it->interface, &it->head.gate));
        }
    }
    SW_TRY(sort_side(wr, false, &w->imports));
    return sort_side(wr, true, &w->exports);
}

sw_status sw_wit_resolve_world(sw_wit_resolver *r, sw_wit_world *w)
{
    if (w->state == 2) {
        return SW_OK;
    }
    if (r->depth >= SW_WIT_MAX_CHAIN) {
        return sw_wit_fail(r->wit, SW_LIMIT, w->name.loc, "chain of worlds is too long");
    }
    world_resolver wr = {
        .r = r, .world = w, .sides = {{.word = "import"}, {.word = "export"}}
    };
    wr.sides[0].end = &w->imports;
    wr.sides[1].end = &w->exports;
    w->state = 1;
    r->depth++;
    for (int i = 0; i < 2; i++) {
        sw_map_init(&wr.sides[i].keys, NULL);
    }
    sw_status st = resolve_sides(&wr);
    for (int i = 0; i < 2; i++) {
        sw_map_clear(&wr.sides[i].keys);
        sw_vec_clear(&wr.sides[i].items);
    }
    r->depth--;
    w->state = 2;
    return st;
}
