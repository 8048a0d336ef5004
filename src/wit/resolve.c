/*
 * The resolver: packages, top-level names, gates; interfaces and worlds have files of their own.
 *
 * Order: every package gets its full name and its items enter one table; then gates are applied
 * everywhere, so that later steps know what is active; then dependencies between packages are
 * checked for cycles; then interfaces, then worlds.
 */
#include "wit/resolve.h"

sw_status sw_wit_no_memory(const sw_wit *w)
{
    return sw_fail(w->diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
}

sw_str sw_wit_lower(const sw_wit *w, sw_str s)
{
    char *out = sw_arena_alloc(w->arena, s.len + 1, 1);
    for (size_t i = 0; out != NULL && i < s.len; i++) {
        char c = s.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return (sw_str){out, s.len};
}

/* ---- Full names ------------------------------------------------------------------------------ */

/* "ns:package@version" or "ns:package/item@version"; ptr is NULL when out of memory. */
static sw_str full_name(const sw_wit *w, sw_str ns, sw_str package, sw_str item, sw_str version)
{
    return sw_arena_printf(w->arena, "%.*s:%.*s%s%.*s%s%.*s", SW_STR_ARG(ns), SW_STR_ARG(package),
                           item.len > 0 ? "/" : "", SW_STR_ARG(item), version.len > 0 ? "@" : "",
                           SW_STR_ARG(version));
}

static sw_status add_item(sw_wit_resolver *r, const sw_wit_package *p, const sw_wit_name *name,
                          sw_wit_target target, sw_str *ret_full_name)
{
    sw_str full = full_name(r->wit, p->ns.text, p->name.text, name->text, p->version);
    uint32_t *place;
    bool inserted;
    if (full.ptr == NULL ||
        sw_map_insert(&r->items, full, (uint32_t)r->targets.count, &place, &inserted) != SW_OK) {
        return sw_wit_no_memory(r->wit);
    }
    if (!inserted) {
        return sw_wit_fail(r->wit, SW_INVALID, name->loc, "duplicate item named `%.*s`",
                           SW_STR_ARG(name->text));
    }
    *ret_full_name = full;
    return sw_vec_push(&r->targets, target) == SW_OK ? SW_OK : sw_wit_no_memory(r->wit);
}

static sw_status add_items(sw_wit_resolver *r, sw_wit_package *p)
{
    for (sw_wit_scope *s = p->scopes; s != NULL; s = s->next) {
        for (sw_wit_interface *i = s->interfaces; i != NULL; i = i->next) {
            SW_TRY(add_item(r, p, &i->name, (sw_wit_target){.interface = i}, &i->full_name));
        }
        for (sw_wit_world *w = s->worlds; w != NULL; w = w->next) {
            SW_TRY(add_item(r, p, &w->name, (sw_wit_target){.world = w}, &w->full_name));
            w->own->full_name = w->full_name;
        }
    }
    return SW_OK;
}

/* Enters a package; one that another root has brought already is dropped, and so is one that is
 * partly known when a whole one is there. */
static sw_status add_package(sw_wit_resolver *r, sw_wit_package *p, bool *ret_kept)
{
    p->full_name = full_name(r->wit, p->ns.text, p->name.text, (sw_str){"", 0}, p->version);
    uint32_t *place;
    bool inserted;
    if (p->full_name.ptr == NULL ||
        sw_map_insert(&r->packages, p->full_name, (uint32_t)r->package_list.count, &place,
                      &inserted) != SW_OK) {
        return sw_wit_no_memory(r->wit);
    }
    *ret_kept = inserted;
    if (!inserted && !p->is_partial && r->package_list.at[*place]->root == p->root) {
        return sw_wit_fail(r->wit, SW_INVALID, p->name.loc,
                           "package `%.*s` is defined in two places", SW_STR_ARG(p->full_name));
    }
    if (!inserted) {
        return SW_OK;
    }
    if (sw_vec_push(&r->package_list, p) != SW_OK) {
        return sw_wit_no_memory(r->wit);
    }
    return add_items(r, p);
}

/* Adds the packages of one sort, and takes those that are not needed out of the list. */
static sw_status add_packages_of(sw_wit_resolver *r, bool is_partial)
{
    sw_wit_package **link = &r->wit->packages;
    while (*link != NULL) {
        sw_wit_package *p = *link;
        bool kept = true;
        if (p->is_partial == is_partial) {
            SW_TRY(add_package(r, p, &kept));
        }
        if (kept) {
            link = &p->next;
        } else {
            *link = p->next;
        }
    }
    r->wit->packages_end = link;
    return SW_OK;
}

/* A file, or all files of a folder, without a name for what they are. */
static sw_status fail_nameless(const sw_wit *w)
{
    static const char TEXT[] = "no `package` header was found in any WIT file for this package";
    return w->sources_count == 1
               ? sw_fail(w->diag, SW_INVALID, SW_NO_OFFSET, "%.*s: no `package` header was found",
                         SW_STR_ARG(w->sources[0].path))
               : sw_fail(w->diag, SW_INVALID, SW_NO_OFFSET, "%s", TEXT);
}

static sw_status add_packages(sw_wit_resolver *r)
{
    for (const sw_wit_package *p = r->wit->packages; p != NULL; p = p->next) {
        if (p->name.text.len == 0) {
            return fail_nameless(r->wit);
        }
    }
    SW_TRY(add_packages_of(r, false));
    return add_packages_of(r, true);
}

/* ---- Paths ----------------------------------------------------------------------------------- */

static sw_status fail_no_package(const sw_wit_resolver *r, const sw_wit_path *path)
{
    sw_str full =
        full_name(r->wit, path->ns.text, path->package.text, (sw_str){"", 0}, path->version);
    if (full.ptr == NULL) {
        return sw_wit_no_memory(r->wit);
    }
    SW_VEC(sw_str) known = {0};
    for (size_t i = 0; i < r->package_list.count; i++) {
        (void)!sw_vec_push(&known, r->package_list.at[i]->full_name);
    }
    sw_wit_name name = {full, path->loc};
    sw_status st = sw_wit_fail_unknown(r->wit, "package", &name, known.at, known.count);
    sw_vec_clear(&known);
    return st;
}

/* The name of a package's item that does not exist. */
static sw_status fail_no_item(const sw_wit_resolver *r, const sw_wit_package *p,
                              const sw_wit_name *name)
{
    SW_VEC(sw_str) known = {0};
    for (const sw_wit_scope *s = p->scopes; s != NULL; s = s->next) {
        for (const sw_wit_interface *i = s->interfaces; i != NULL; i = i->next) {
            (void)!sw_vec_push(&known, i->name.text);
        }
        for (const sw_wit_world *w = s->worlds; w != NULL; w = w->next) {
            (void)!sw_vec_push(&known, w->name.text);
        }
    }
    sw_status st = sw_wit_fail_unknown(r->wit, "interface or world", name, known.at, known.count);
    sw_vec_clear(&known);
    return st;
}

static sw_wit_package *find_package(const sw_wit_resolver *r, const sw_wit_path *path)
{
    sw_str full =
        full_name(r->wit, path->ns.text, path->package.text, (sw_str){"", 0}, path->version);
    const uint32_t *place = full.ptr == NULL ? NULL : sw_map_find(&r->packages, full);
    return place == NULL ? NULL : r->package_list.at[*place];
}

static sw_status find_in_package(sw_wit_resolver *r, const sw_wit_package *p,
                                 const sw_wit_name *name, sw_wit_target *ret_target)
{
    sw_str full = full_name(r->wit, p->ns.text, p->name.text, name->text, p->version);
    if (full.ptr == NULL) {
        return sw_wit_no_memory(r->wit);
    }
    const uint32_t *place = sw_map_find(&r->items, full);
    if (place == NULL) {
        return fail_no_item(r, p, name);
    }
    *ret_target = r->targets.at[*place];
    return SW_OK;
}

sw_status sw_wit_resolve_path(sw_wit_resolver *r, const sw_wit_scope *scope,
                              const sw_wit_path *path, sw_wit_target *ret_target)
{
    if (path->package.text.len > 0) {
        const sw_wit_package *p = find_package(r, path);
        return p == NULL ? fail_no_package(r, path)
                         : find_in_package(r, p, &path->name, ret_target);
    }
    for (sw_wit_alias *a = scope->aliases; a != NULL; a = a->next) {
        /* An alias that is being resolved is skipped: it may rename something of its own name. */
        if (a->state == 0 && sw_str_eq(a->name.text, path->name.text)) {
            a->state = 1;
            sw_status st = sw_wit_resolve_path(r, scope, &a->path, ret_target);
            a->state = 0;
            return st;
        }
    }
    return find_in_package(r, scope->package, &path->name, ret_target);
}

sw_status sw_wit_resolve_interface_path(sw_wit_resolver *r, const sw_wit_scope *scope,
                                        const sw_wit_path *path, sw_wit_interface **ret_interface)
{
    sw_wit_target target;
    SW_TRY(sw_wit_resolve_path(r, scope, path, &target));
    if (target.interface == NULL) {
        return sw_wit_fail(r->wit, SW_INVALID, path->loc, "`%.*s` is a world, not an interface",
                           SW_STR_ARG(path->name.text));
    }
    *ret_interface = target.interface;
    return SW_OK;
}

/* ---- Top-level uses -------------------------------------------------------------------------- */

/* Top-level uses must mean an interface or (in the own package) a world, and names of a file must
 * differ. */
static sw_status check_scope(sw_wit_resolver *r, sw_wit_scope *s, sw_map *names)
{
    uint32_t *place;
    bool inserted;
    for (const sw_wit_interface *i = s->interfaces; i != NULL; i = i->next) {
        SW_TRY(sw_map_insert(names, i->name.text, 0, &place, &inserted));
    }
    for (const sw_wit_world *w = s->worlds; w != NULL; w = w->next) {
        SW_TRY(sw_map_insert(names, w->name.text, 0, &place, &inserted));
    }
    for (sw_wit_alias *a = s->aliases; a != NULL; a = a->next) {
        sw_wit_target target;
        SW_TRY(sw_map_insert(names, a->name.text, 0, &place, &inserted));
        if (!inserted) {
            return sw_wit_fail(r->wit, SW_INVALID, a->name.loc,
                               "duplicate name `%.*s` in this file", SW_STR_ARG(a->name.text));
        }
        SW_TRY(sw_wit_resolve_path(r, s, &(sw_wit_path){.name = a->name, .loc = a->name.loc},
                                   &target));
        if (a->path.package.text.len > 0 && target.interface == NULL) {
            return sw_wit_fail(r->wit, SW_INVALID, a->path.loc,
                               "`%.*s` is a world, not an interface",
                               SW_STR_ARG(a->path.name.text));
        }
    }
    return SW_OK;
}

static sw_status check_scopes(sw_wit_resolver *r)
{
    for (size_t i = 0; i < r->package_list.count; i++) {
        for (sw_wit_scope *s = r->package_list.at[i]->scopes; s != NULL; s = s->next) {
            sw_map names;
            sw_map_init(&names, NULL);
            sw_status st = check_scope(r, s, &names);
            sw_map_clear(&names);
            if (st == SW_NO_MEMORY) {
                return sw_wit_no_memory(r->wit);
            }
            SW_TRY(st);
        }
    }
    return SW_OK;
}

/* ---- Gates ----------------------------------------------------------------------------------- */

static bool has_feature(const sw_wit_features *features, sw_str name)
{
    if (features == NULL) {
        return false;
    }
    for (size_t i = 0; i < features->count; i++) {
        if (sw_str_eq(features->names[i], name)) {
            return true;
        }
    }
    return features->all;
}

static sw_status check_since(const sw_wit_resolver *r, const sw_wit_package *p,
                             const sw_wit_gate *g)
{
    sw_semver since = {0};
    (void)!sw_semver_parse(g->since, &since);
    if (p->version.len == 0) {
        return sw_wit_fail(r->wit, SW_INVALID, g->loc,
                           "a version gate needs a package with a version");
    }
    if (sw_semver_compare(&since, &p->semver) > 0) {
        return sw_wit_fail(r->wit, SW_INVALID, g->loc,
                           "gate names version %.*s, which is beyond that of the package, %.*s",
                           SW_STR_ARG(g->since), SW_STR_ARG(p->version));
    }
    return SW_OK;
}

sw_status sw_wit_apply_gate(const sw_wit_resolver *r, const sw_wit_package *package,
                            sw_wit_head *head, const sw_wit_head *container, sw_wit_loc loc)
{
    head->active = true;
    if (head->gate.since.len > 0) {
        SW_TRY(check_since(r, package, &head->gate));
    } else if (head->gate.feature.len > 0) {
        head->active = package->is_binary || has_feature(r->features, head->gate.feature);
    }
    if (head->active && container != NULL && !container->active) {
        return sw_wit_fail(r->wit, SW_INVALID, loc,
                           "this item is not gated, but what contains it is @unstable(feature = "
                           "%.*s), which is not enabled",
                           SW_STR_ARG(container->gate.feature));
    }
    return SW_OK;
}

sw_status sw_wit_check_gate(const sw_wit_resolver *r, const sw_wit_head *user,
                            const sw_wit_head *target, sw_wit_loc loc, const char *what)
{
    if (!user->active || target->active) {
        return SW_OK;
    }
    return sw_wit_fail(r->wit, SW_INVALID, loc,
                       "%s is @unstable(feature = %.*s), which is not enabled", what,
                       SW_STR_ARG(target->gate.feature));
}

sw_status sw_wit_apply_body_gates(const sw_wit_resolver *r, sw_wit_interface *i)
{
    const sw_wit_package *p = i->scope->package;
    for (sw_wit_use *u = i->uses; u != NULL; u = u->next) {
        SW_TRY(sw_wit_apply_gate(r, p, &u->head, &i->head, u->path.loc));
    }
    for (sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        SW_TRY(sw_wit_apply_gate(r, p, &d->head, &i->head, d->name.loc));
    }
    for (sw_wit_func *f = i->funcs; f != NULL; f = f->next) {
        const sw_wit_head *container = f->resource != NULL ? &f->resource->head : &i->head;
        SW_TRY(sw_wit_apply_gate(r, p, &f->head, container, f->name.loc));
    }
    return SW_OK;
}

static sw_status apply_world_gates(sw_wit_resolver *r, sw_wit_world *w)
{
    const sw_wit_package *p = w->scope->package;
    SW_TRY(sw_wit_apply_gate(r, p, &w->head, NULL, w->name.loc));
    w->own->head = w->head;
    SW_TRY(sw_wit_apply_body_gates(r, w->own));
    for (sw_wit_item *it = w->items; it != NULL; it = it->next) {
        SW_TRY(sw_wit_apply_gate(r, p, &it->head, &w->head, it->label.loc));
        if (it->func != NULL) {
            it->func->head = it->head;
        }
        if (it->kind == SW_WIT_ITEM_INLINE && it->head.active) {
            it->interface->head = it->head;
            SW_TRY(sw_wit_apply_body_gates(r, it->interface));
        }
    }
    for (sw_wit_include *inc = w->includes; inc != NULL; inc = inc->next) {
        SW_TRY(sw_wit_apply_gate(r, p, &inc->head, &w->head, inc->path.loc));
    }
    return SW_OK;
}

static sw_status apply_gates(sw_wit_resolver *r)
{
    for (size_t n = 0; n < r->targets.count; n++) {
        sw_wit_interface *i = r->targets.at[n].interface;
        if (i == NULL) {
            SW_TRY(apply_world_gates(r, r->targets.at[n].world));
            continue;
        }
        SW_TRY(sw_wit_apply_gate(r, i->scope->package, &i->head, NULL, i->name.loc));
        SW_TRY(sw_wit_apply_body_gates(r, i));
    }
    return SW_OK;
}

/* ---- Dependencies between packages ----------------------------------------------------------- */

static sw_status visit_package(sw_wit_resolver *r, sw_wit_package *p);

static sw_status visit_path(sw_wit_resolver *r, const sw_wit_path *path)
{
    if (path->package.text.len == 0) {
        return SW_OK;
    }
    sw_wit_package *p = find_package(r, path);
    if (p == NULL) {
        return fail_no_package(r, path);
    }
    if (p->state == 1) {
        return sw_wit_fail(r->wit, SW_INVALID, path->loc, "package `%.*s` depends on itself",
                           SW_STR_ARG(p->full_name));
    }
    return visit_package(r, p);
}

static sw_status visit_uses(sw_wit_resolver *r, const sw_wit_interface *i)
{
    for (const sw_wit_use *u = i->uses; u != NULL; u = u->next) {
        SW_TRY(visit_path(r, &u->path));
    }
    return SW_OK;
}

static sw_status visit_world(sw_wit_resolver *r, const sw_wit_world *w)
{
    SW_TRY(visit_uses(r, w->own));
    for (const sw_wit_item *it = w->items; it != NULL; it = it->next) {
        SW_TRY(visit_path(r, &it->path));
        if (it->interface != NULL) {
            SW_TRY(visit_uses(r, it->interface));
        }
    }
    for (const sw_wit_include *inc = w->includes; inc != NULL; inc = inc->next) {
        SW_TRY(visit_path(r, &inc->path));
    }
    return SW_OK;
}

static sw_status visit_scope(sw_wit_resolver *r, const sw_wit_scope *s)
{
    for (const sw_wit_alias *a = s->aliases; a != NULL; a = a->next) {
        SW_TRY(visit_path(r, &a->path));
    }
    for (const sw_wit_interface *i = s->interfaces; i != NULL; i = i->next) {
        SW_TRY(visit_uses(r, i));
    }
    for (const sw_wit_world *w = s->worlds; w != NULL; w = w->next) {
        SW_TRY(visit_world(r, w));
    }
    return SW_OK;
}

static sw_status visit_package(sw_wit_resolver *r, sw_wit_package *p)
{
    if (p->state == 2) {
        return SW_OK;
    }
    if (r->depth >= SW_WIT_MAX_CHAIN) {
        return sw_wit_fail(r->wit, SW_LIMIT, p->name.loc, "chain of packages is too long");
    }
    p->state = 1;
    r->depth++;
    for (const sw_wit_scope *s = p->scopes; s != NULL; s = s->next) {
        SW_TRY(visit_scope(r, s));
    }
    r->depth--;
    p->state = 2;
    return SW_OK;
}

/* ---- All ------------------------------------------------------------------------------------- */

static sw_status resolve_all(sw_wit_resolver *r)
{
    SW_TRY(add_packages(r));
    SW_TRY(apply_gates(r));
    for (size_t i = 0; i < r->package_list.count; i++) {
        SW_TRY(visit_package(r, r->package_list.at[i]));
    }
    SW_TRY(check_scopes(r));
    for (size_t i = 0; i < r->targets.count; i++) {
        if (r->targets.at[i].interface != NULL) {
            SW_TRY(sw_wit_resolve_interface(r, r->targets.at[i].interface));
        }
    }
    for (size_t i = 0; i < r->targets.count; i++) {
        if (r->targets.at[i].world != NULL) {
            SW_TRY(sw_wit_resolve_world(r, r->targets.at[i].world));
        }
    }
    return SW_OK;
}

sw_status sw_wit_resolve(sw_wit *w, const sw_wit_features *features, sw_diag *diag)
{
    sw_wit_resolver r = {.wit = w, .features = features};
    w->diag = diag;
    sw_map_init(&r.packages, NULL);
    sw_map_init(&r.items, NULL);
    sw_status st = resolve_all(&r);
    sw_map_clear(&r.packages);
    sw_map_clear(&r.items);
    sw_vec_clear(&r.package_list);
    sw_vec_clear(&r.targets);
    w->diag = NULL;
    return st;
}
