/* The items of a package in the order in which they are printed and encoded. */
#include "wit/order.h"

#include "component/collect.h"

typedef struct orderer {
    const sw_wit_package *package;
    sw_id_map placed; /* addresses of interfaces and worlds */
    sw_arena *arena;
    sw_wit_order order;
    sw_status status;
} orderer;

/* Whether the item was met before; it is from now on. */
static bool meet(orderer *o, const void *item)
{
    uint64_t key = (uint64_t)(uintptr_t)item;
    if (sw_id_map_find(&o->placed, key) != NULL) {
        return true;
    }
    sw_status st = sw_id_map_set(o->arena, &o->placed, key, 0);
    if (st != SW_OK) {
        o->status = st;
    }
    return st != SW_OK;
}

/* Uses and includes have no cycles, and chains of bounded length. */
static void place_interface(orderer *o, sw_wit_interface *i)
{
    if (i->scope->package != o->package || !i->head.active || i->is_world || meet(o, i)) {
        return;
    }
    for (const sw_wit_use *u = i->uses; u != NULL; u = u->next) {
        if (u->head.active && u->target != NULL) {
            place_interface(o, u->target);
        }
    }
    o->order.interfaces[o->order.interfaces_count++] = i;
}

static void place_world(orderer *o, sw_wit_world *w)
{
    if (w->scope->package != o->package || !w->head.active || meet(o, w)) {
        return;
    }
    for (const sw_wit_include *inc = w->includes; inc != NULL; inc = inc->next) {
        if (inc->head.active && inc->target != NULL) {
            place_world(o, inc->target);
        }
    }
    o->order.worlds[o->order.worlds_count++] = w;
}

sw_status sw_wit_order_make(sw_arena *arena, const sw_wit_package *p, sw_wit_order *ret_order)
{
    orderer o = {.package = p, .arena = arena};
    size_t interfaces = 0;
    size_t worlds = 0;
    for (const sw_wit_scope *s = p->scopes; s != NULL; s = s->next) {
        for (const sw_wit_interface *i = s->interfaces; i != NULL; i = i->next) {
            interfaces++;
        }
        for (const sw_wit_world *w = s->worlds; w != NULL; w = w->next) {
            worlds++;
        }
    }
    o.order.interfaces = SW_NEW_ARRAY(arena, sw_wit_interface *, interfaces);
    o.order.worlds = SW_NEW_ARRAY(arena, sw_wit_world *, worlds);
    if (o.order.interfaces == NULL || o.order.worlds == NULL) {
        return SW_NO_MEMORY;
    }
    for (const sw_wit_scope *s = p->scopes; s != NULL; s = s->next) {
        for (sw_wit_interface *i = s->interfaces; i != NULL; i = i->next) {
            place_interface(&o, i);
        }
        for (sw_wit_world *w = s->worlds; w != NULL; w = w->next) {
            place_world(&o, w);
        }
    }
    *ret_order = o.order;
    return o.status;
}

sw_str sw_wit_item_func_name(sw_arena *arena, const sw_wit_item *it, const sw_wit_func *f)
{
    sw_str name = f->full_name;
    if (sw_str_eq(it->label.text, it->type->name.text)) {
        return name;
    }
    size_t kind = sw_str_find(name, ']') + 1;
    size_t rest = kind + it->type->name.text.len;
    return sw_arena_printf(arena, "%.*s%.*s%.*s", (int)kind, name.ptr, SW_STR_ARG(it->label.text),
                           (int)(name.len - rest), name.ptr + rest);
}

sw_str sw_wit_world_type_name(const sw_wit_world *w, sw_wit_typedef *d)
{
    for (const sw_wit_item *it = w->imports; it != NULL && d->owner != w->own; it = it->next) {
        if (it->kind == SW_WIT_ITEM_TYPE && it->type == d) {
            return it->label.text;
        }
    }
    for (const sw_wit_item *it = w->imports; it != NULL && d->owner != w->own; it = it->next) {
        if (it->kind == SW_WIT_ITEM_TYPE &&
            sw_wit_typedef_root(it->type) == sw_wit_typedef_root(d)) {
            return it->label.text;
        }
    }
    return d->name.text;
}
