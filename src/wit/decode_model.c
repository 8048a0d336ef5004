/*
 * What evaluation finds, as a model like the parser's: names and paths, to be resolved.
 *
 * A type that is mentioned in an interface must have a name there. Usually the binary has given it
 * one, for the format demands it; else a `use` is added.
 */
#include "wit/decode_private.h"

#include <stdarg.h>
#include <stdio.h>

static const sw_str EMPTY = SW_STR_INIT("");

sw_status sw_wit_decode_fail(decoder *d, sw_status st, const char *fmt, ...)
{
    char words[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(words, sizeof words, fmt, args);
    va_end(args);
    return sw_fail(d->diag, st, d->offset, "%.*s: %s", SW_STR_ARG(d->wit->sources[d->source].path),
                   words);
}

sw_status sw_wit_decode_no_memory(decoder *d)
{
    return sw_fail(d->diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
}

static sw_wit_name name_of(const decoder *d, sw_str text)
{
    return (sw_wit_name){text, {.source = d->source}};
}

static sw_status check_label(decoder *d, sw_str label)
{
    return sw_label_is_valid(label)
               ? SW_OK
               : sw_wit_decode_fail(d, SW_INVALID, "`%.*s` is not a name", SW_STR_ARG(label));
}

static sw_status new_node(decoder *d, size_t size, void **ret_node)
{
    *ret_node = sw_arena_alloc(d->arena, size, 16);
    return *ret_node == NULL ? sw_wit_decode_no_memory(d) : SW_OK;
}

#define NEW(d, place) new_node((d), sizeof **(place), (void **)(place))

/* ---- Tables ---------------------------------------------------------------------------------- */

static sw_status insert(decoder *d, sw_name_map *m, sw_str key, uint32_t value, bool *ret_inserted)
{
    return sw_name_map_insert(d->arena, m, key, value, ret_inserted) == SW_OK
               ? SW_OK
               : sw_wit_decode_no_memory(d);
}

static sw_status hold_interface(decoder *d, sw_wit_interface *i, holder **ret_holder)
{
    holder *h;
    bool inserted;
    SW_TRY(NEW(d, &h));
    *h = (holder){
        i, &i->typedefs, &i->funcs, &i->uses, {0},
            {0},
            {{0}, {0}}
    };
    for (; *h->typedefs_end != NULL; h->typedefs_end = &(*h->typedefs_end)->next) {
        SW_TRY(
            insert(d, &h->typedefs, (*h->typedefs_end)->name.text, d->typedefs.count, &inserted));
        if (sw_avec_push(d->arena, &d->typedefs, *h->typedefs_end) != SW_OK) {
            return sw_wit_decode_no_memory(d);
        }
    }
    for (; *h->funcs_end != NULL; h->funcs_end = &(*h->funcs_end)->next) {
        SW_TRY(insert(d, &h->funcs, (*h->funcs_end)->full_name, 0, &inserted));
    }
    while (*h->uses_end != NULL) {
        h->uses_end = &(*h->uses_end)->next;
    }
    if (sw_id_map_set(d->arena, &d->holder_of, (uint64_t)(uintptr_t)i, d->holders.count) != SW_OK ||
        sw_avec_push(d->arena, &d->holders, h) != SW_OK) {
        return sw_wit_decode_no_memory(d);
    }
    *ret_holder = h;
    return SW_OK;
}

static sw_status holder_of(decoder *d, sw_wit_interface *i, holder **ret_holder)
{
    const uint32_t *index = sw_id_map_find(&d->holder_of, (uint64_t)(uintptr_t)i);
    if (index == NULL) {
        return hold_interface(d, i, ret_holder);
    }
    *ret_holder = d->holders.at[*index];
    return SW_OK;
}

static sw_status hold_package(decoder *d, sw_wit_package *p, sw_str full_name)
{
    package_holder *h;
    bool inserted;
    SW_TRY(NEW(d, &h));
    *h = (package_holder){p, &p->scopes->interfaces, &p->scopes->worlds};
    SW_TRY(insert(d, &d->package_of, full_name, d->packages.count, &inserted));
    for (; *h->interfaces_end != NULL; h->interfaces_end = &(*h->interfaces_end)->next) {
        sw_wit_interface *i = *h->interfaces_end;
        sw_str full = sw_arena_printf(d->arena, "%.*s:%.*s/%.*s%s%.*s", SW_STR_ARG(p->ns.text),
                                      SW_STR_ARG(p->name.text), SW_STR_ARG(i->name.text),
                                      p->version.len > 0 ? "@" : "", SW_STR_ARG(p->version));
        if (full.ptr == NULL || sw_avec_push(d->arena, &d->interfaces, i) != SW_OK) {
            return sw_wit_decode_no_memory(d);
        }
        SW_TRY(insert(d, &d->interface_of, full, d->interfaces.count - 1, &inserted));
    }
    while (*h->worlds_end != NULL) {
        h->worlds_end = &(*h->worlds_end)->next;
    }
    return sw_avec_push(d->arena, &d->packages, h) == SW_OK ? SW_OK : sw_wit_decode_no_memory(d);
}

static sw_str package_text(decoder *d, sw_str ns, sw_str name, sw_str version)
{
    return sw_arena_printf(d->arena, "%.*s:%.*s%s%.*s", SW_STR_ARG(ns), SW_STR_ARG(name),
                           version.len > 0 ? "@" : "", SW_STR_ARG(version));
}

sw_status sw_wit_model_begin(decoder *d)
{
    for (sw_wit_package *p = d->wit->packages; p != NULL; p = p->next) {
        if (p->is_binary) {
            sw_str text = package_text(d, p->ns.text, p->name.text, p->version);
            SW_TRY(text.ptr == NULL ? sw_wit_decode_no_memory(d) : hold_package(d, p, text));
        }
    }
    return SW_OK;
}

/* ---- Packages -------------------------------------------------------------------------------- */

bool sw_wit_model_is_path(sw_str name)
{
    return sw_str_find(name, '/') < name.len;
}

static sw_status parse_path(decoder *d, sw_str full, sw_wit_path *ret_path)
{
    size_t version = sw_str_find(full, '@');
    size_t colon = sw_str_find(full, ':');
    size_t slash = sw_str_find(full, '/');
    sw_semver semver;
    if (colon >= slash || slash >= version) {
        return sw_wit_decode_fail(d, SW_INVALID, "`%.*s` is no name of an interface or world",
                                  SW_STR_ARG(full));
    }
    sw_wit_path path = {
        .ns = name_of(d, sw_str_slice(full, 0, colon)),
        .package = name_of(d, sw_str_slice(full, colon + 1, slash - colon - 1)),
        .name = name_of(d, sw_str_slice(full, slash + 1, version - slash - 1)),
        .version = EMPTY,
        .loc = {.source = d->source},
    };
    if (version < full.len) {
        path.version = sw_str_slice(full, version + 1, full.len - version - 1);
        if (!sw_semver_parse(path.version, &semver)) {
            return sw_wit_decode_fail(d, SW_INVALID, "`%.*s` is not a version",
                                      SW_STR_ARG(path.version));
        }
    }
    SW_TRY(check_label(d, path.ns.text));
    SW_TRY(check_label(d, path.package.text));
    SW_TRY(check_label(d, path.name.text));
    *ret_path = path;
    return SW_OK;
}

/* As it is seen from a package: within itself the bare name. */
static void shorten(const sw_wit_package *from, sw_wit_path *path)
{
    if (sw_str_eq(path->ns.text, from->ns.text) && sw_str_eq(path->package.text, from->name.text) &&
        sw_str_eq(path->version, from->version)) {
        path->ns.text = EMPTY;
        path->package.text = EMPTY;
        path->version = EMPTY;
    }
}

static sw_status package_of(decoder *d, const sw_wit_path *path, package_holder **ret_holder)
{
    sw_str text = package_text(d, path->ns.text, path->package.text, path->version);
    if (text.ptr == NULL) {
        return sw_wit_decode_no_memory(d);
    }
    const uint32_t *index = sw_name_map_find(&d->package_of, text);
    if (index == NULL) {
        sw_wit_package *p;
        SW_TRY(NEW(d, &p));
        SW_TRY(NEW(d, &p->scopes));
        p->scopes->package = p;
        p->ns = path->ns;
        p->name = path->package;
        p->version = path->version;
        p->docs = EMPTY;
        p->is_binary = true;
        p->is_partial = true;
        p->root = d->wit->roots_count;
        if (p->version.len > 0) {
            (void)!sw_semver_parse(p->version, &p->semver);
        }
        SW_WIT_APPEND(d->wit->packages_end, p);
        SW_TRY(hold_package(d, p, text));
        index = sw_name_map_find(&d->package_of, text);
    }
    *ret_holder = d->packages.at[*index];
    return SW_OK;
}

sw_status sw_wit_model_set_main(decoder *d, sw_wit_package *p)
{
    if (d->main != NULL && d->main != p) {
        return sw_wit_decode_fail(d, SW_INVALID, "the binary is about more than one package");
    }
    d->main = p;
    p->is_partial = false;
    return SW_OK;
}

static sw_status new_interface(decoder *d, sw_wit_scope *scope, sw_str name,
                               sw_wit_interface **ret_interface)
{
    sw_wit_interface *i;
    SW_TRY(NEW(d, &i));
    i->scope = scope;
    i->name = name_of(d, name);
    i->head.docs = EMPTY;
    *ret_interface = i;
    return SW_OK;
}

sw_status sw_wit_model_interface(decoder *d, sw_str full_name, sw_wit_interface **ret_interface)
{
    const uint32_t *index = sw_name_map_find(&d->interface_of, full_name);
    sw_wit_path path;
    package_holder *h;
    bool inserted;
    if (index != NULL) {
        *ret_interface = d->interfaces.at[*index];
        return SW_OK;
    }
    SW_TRY(parse_path(d, full_name, &path));
    SW_TRY(package_of(d, &path, &h));
    SW_TRY(new_interface(d, h->package->scopes, path.name.text, ret_interface));
    SW_WIT_APPEND(h->interfaces_end, *ret_interface);
    SW_TRY(insert(d, &d->interface_of, full_name, d->interfaces.count, &inserted));
    return sw_avec_push(d->arena, &d->interfaces, *ret_interface) == SW_OK
               ? SW_OK
               : sw_wit_decode_no_memory(d);
}

sw_status sw_wit_model_new_interface(decoder *d, const sw_wit_world *w, sw_str label,
                                     sw_wit_interface **ret_interface)
{
    SW_TRY(check_label(d, label));
    SW_TRY(new_interface(d, w->scope, EMPTY, ret_interface));
    (*ret_interface)->full_name = label;
    return SW_OK;
}

sw_status sw_wit_model_new_world(decoder *d, sw_str full_name, sw_wit_world **ret_world)
{
    sw_wit_path path;
    package_holder *h;
    sw_wit_world *w;
    SW_TRY(parse_path(d, full_name, &path));
    SW_TRY(package_of(d, &path, &h));
    for (w = h->package->scopes->worlds; w != NULL; w = w->next) {
        if (sw_str_eq(w->name.text, path.name.text)) {
            *ret_world = w;
            return SW_OK;
        }
    }
    SW_TRY(NEW(d, &w));
    w->scope = h->package->scopes;
    w->name = path.name;
    w->head.docs = EMPTY;
    SW_TRY(new_interface(d, w->scope, w->name.text, &w->own));
    w->own->is_world = true;
    SW_WIT_APPEND(h->worlds_end, w);
    *ret_world = w;
    return SW_OK;
}

/* ---- Names of types -------------------------------------------------------------------------- */

static bool is_nominal(const tnode *root)
{
    return root->is_resource || sw_ctype_has_name((sw_ctype_kind)root->type->kind);
}

/* The name of a type in an interface, else one elsewhere, else NULL. */
static sw_status find_name(decoder *d, tnode *n, const sw_wit_interface *i,
                           sw_wit_typedef **ret_def)
{
    tnode *root = sw_wit_tnode_root(n);
    sw_wit_typedef *elsewhere = NULL;
    for (tnode *t = n; t != NULL; t = t->base) {
        if (t->def != NULL && t->def->owner == i) {
            *ret_def = t->def;
            return SW_OK;
        }
        elsewhere = elsewhere == NULL ? t->def : elsewhere;
    }
    for (const type_name *t = is_nominal(root) ? root->names : NULL; t != NULL; t = t->next) {
        SW_TRY(sw_wit_decode_work(d, 1));
        if (t->def->owner == i) {
            *ret_def = t->def;
            return SW_OK;
        }
        elsewhere = elsewhere == NULL ? t->def : elsewhere;
    }
    *ret_def = elsewhere;
    return SW_OK;
}

static sw_status note_name(decoder *d, tnode *n, sw_wit_typedef *def)
{
    type_name *name;
    tnode *root = sw_wit_tnode_root(n);
    SW_TRY(NEW(d, &name));
    *name = (type_name){root->names, def};
    root->names = name;
    n->def = def;
    return SW_OK;
}

/* The use item for what comes from an interface; only those of packages have a path. */
static sw_status use_of(decoder *d, holder *h, const sw_wit_interface *from, sw_wit_use **ret_use)
{
    const sw_wit_package *p = from->scope->package;
    for (sw_wit_use *u = h->interface->uses; u != NULL; u = u->next) {
        SW_TRY(sw_wit_decode_work(d, 1));
        if (u->decoded == from) {
            *ret_use = u;
            return SW_OK;
        }
    }
    if (from->is_world || from->name.text.len == 0) {
        return sw_wit_decode_fail(
            d, SW_UNSUPPORTED,
            "a type of an interface without a name is used outside, which WIT cannot say");
    }
    SW_TRY(NEW(d, ret_use));
    sw_wit_use *u = *ret_use;
    u->decoded = from;
    u->head.docs = EMPTY;
    u->path =
        (sw_wit_path){.ns = p->ns, .package = p->name, .name = from->name, .version = p->version};
    u->path.loc.source = d->source;
    shorten(h->interface->scope->package, &u->path);
    SW_WIT_APPEND(h->uses_end, u);
    return SW_OK;
}

static sw_status add_typedef(decoder *d, holder *h, sw_wit_typedef_kind kind, sw_str label,
                             sw_wit_typedef **ret_def)
{
    sw_wit_typedef *def;
    bool inserted;
    SW_TRY(check_label(d, label));
    SW_TRY(NEW(d, &def));
    def->kind = kind;
    def->name = name_of(d, label);
    def->owner = h->interface;
    def->head.docs = EMPTY;
    SW_TRY(insert(d, &h->typedefs, label, d->typedefs.count, &inserted));
    if (sw_avec_push(d->arena, &d->typedefs, def) != SW_OK) {
        return sw_wit_decode_no_memory(d);
    }
    SW_WIT_APPEND(h->typedefs_end, def);
    *ret_def = def;
    return SW_OK;
}

static sw_status make_use(decoder *d, holder *h, const sw_wit_typedef *from, sw_wit_typedef *def)
{
    def->kind = SW_WIT_USE;
    def->used = from->name;
    return use_of(d, h, from->owner, &def->use);
}

/* A name in an interface for a type that has one elsewhere only. */
static sw_status borrow_name(decoder *d, holder *h, tnode *n, const sw_wit_typedef *from,
                             sw_wit_typedef **ret_def)
{
    sw_str label = from->name.text;
    for (unsigned i = 2; sw_name_map_find(&h->typedefs, label) != NULL; i++) {
        SW_TRY(sw_wit_decode_work(d, 1));
        label = sw_arena_printf(d->arena, "%.*s-x%u", SW_STR_ARG(from->name.text), i);
        if (label.ptr == NULL) {
            return sw_wit_decode_no_memory(d);
        }
    }
    SW_TRY(add_typedef(d, h, SW_WIT_USE, label, ret_def));
    SW_TRY(make_use(d, h, from, *ret_def));
    return note_name(d, n, *ret_def);
}

/* ---- Types ----------------------------------------------------------------------------------- */

static sw_status make_type(decoder *d, holder *h, frame *f, uint32_t vt, sw_wit_type **ret_type);

static sw_status make_optional(decoder *d, holder *h, frame *f, uint32_t vt, sw_wit_type **ret_type)
{
    *ret_type = NULL;
    return vt == SW_VT_NONE ? SW_OK : make_type(d, h, f, vt, ret_type);
}

/* A type by its local name; NULL if it is anonymous and has none. */
static sw_status name_type(decoder *d, holder *h, tnode *n, uint32_t kind, sw_wit_type *t)
{
    sw_wit_typedef *def;
    SW_TRY(find_name(d, n, h->interface, &def));
    if (def == NULL) {
        return SW_OK;
    }
    if (def->owner != h->interface) {
        SW_TRY(borrow_name(d, h, n, def, &def));
    }
    t->kind = kind;
    t->name = def->name;
    return SW_OK;
}

static sw_status make_handle(decoder *d, holder *h, frame *f, const sw_ast_type *type,
                             sw_wit_type *t)
{
    tnode *n;
    SW_TRY(sw_wit_eval_type_at(d, f, type->other, &n));
    if (!sw_wit_tnode_root(n)->is_resource) {
        return sw_wit_decode_fail(d, SW_INVALID, "a handle to what is no resource");
    }
    SW_TRY(
        name_type(d, h, n, type->kind == SW_CT_BORROW ? (uint32_t)SW_CT_BORROW : SW_WIT_NAMED, t));
    return t->name.text.len > 0 ? SW_OK
                                : sw_wit_decode_fail(d, SW_UNSUPPORTED,
                                                     "a resource without a name, which WIT "
                                                     "cannot say");
}

static sw_status make_tuple(decoder *d, holder *h, frame *f, const sw_ast_type *type,
                            sw_wit_type *t)
{
    sw_wit_type **end = &t->first;
    for (uint32_t i = 0; i < type->fields_count; i++) {
        sw_wit_type *item;
        SW_TRY(make_type(d, h, f, type->fields[i].type, &item));
        SW_WIT_APPEND(end, item);
    }
    return SW_OK;
}

/* A type as it was defined, for those without a name. */
static sw_status make_anonymous(decoder *d, holder *h, frame *f, const sw_ast_type *type,
                                sw_wit_type *t)
{
    t->kind = type->kind;
    switch (type->kind) {
    case SW_CT_TUPLE: return make_tuple(d, h, f, type, t);
    case SW_CT_OWN:
    case SW_CT_BORROW: return make_handle(d, h, f, type, t);
    case SW_CT_LIST:
    case SW_CT_OPTION: return make_type(d, h, f, type->element, &t->first);
    case SW_CT_FIXED_LIST:
        t->length = type->other;
        return make_type(d, h, f, type->element, &t->first);
    case SW_CT_MAP:
        SW_TRY(make_type(d, h, f, type->element, &t->first));
        return make_type(d, h, f, type->other, &t->other);
    case SW_CT_RESULT:
        SW_TRY(make_optional(d, h, f, type->element, &t->first));
        return make_optional(d, h, f, type->other, &t->other);
    case SW_CT_STREAM:
    case SW_CT_FUTURE: return make_optional(d, h, f, type->element, &t->first);
    case SW_CT_RECORD:
    case SW_CT_VARIANT:
    case SW_CT_FLAGS:
    case SW_CT_ENUM:
        return sw_wit_decode_fail(d, SW_UNSUPPORTED,
                                  "a type of the kind `%s` without a name, which WIT cannot "
                                  "say",
                                  type->kind == SW_CT_RECORD ? "record" : "variant, enum or flags");
    default: return SW_OK; /* a primitive */
    }
}

static sw_status make_node(decoder *d, holder *h, tnode *n, sw_wit_type *t)
{
    SW_TRY(name_type(d, h, n, SW_WIT_NAMED, t));
    tnode *root = sw_wit_tnode_root(n);
    if (t->name.text.len > 0) {
        return SW_OK;
    }
    return root->is_resource
               ? sw_wit_decode_fail(d, SW_INVALID, "a resource where a value type is expected")
               : make_anonymous(d, h, root->frame, root->type, t);
}

static sw_status make_type(decoder *d, holder *h, frame *f, uint32_t vt, sw_wit_type **ret_type)
{
    tnode *n;
    sw_wit_type *t;
    SW_TRY(sw_wit_decode_work(d, 1));
    SW_TRY(NEW(d, &t));
    t->loc.source = d->source;
    *ret_type = t;
    if (sw_vtype_is_prim(vt)) {
        t->kind = vt & ~SW_VT_PRIM;
        return SW_OK;
    }
    if (++d->depth > SW_WIT_MAX_DEPTH) {
        return sw_wit_decode_fail(d, SW_LIMIT, "types nest too deeply");
    }
    SW_TRY(sw_wit_eval_type_at(d, f, vt, &n));
    SW_TRY(make_node(d, h, n, t));
    d->depth--;
    return SW_OK;
}

/* ---- Definitions ----------------------------------------------------------------------------- */

static sw_status make_fields(decoder *d, holder *h, frame *f, const sw_ast_type *type,
                             sw_wit_field **ret_fields)
{
    sw_wit_field **end = ret_fields;
    for (uint32_t i = 0; i < type->fields_count; i++) {
        sw_wit_field *field;
        SW_TRY(check_label(d, type->fields[i].name));
        SW_TRY(NEW(d, &field));
        field->name = name_of(d, type->fields[i].name);
        field->docs = EMPTY;
        SW_TRY(make_optional(d, h, f, type->fields[i].type, &field->type));
        SW_WIT_APPEND(end, field);
    }
    return SW_OK;
}

/* A new definition of a type that has no name yet. */
static sw_status make_definition(decoder *d, holder *h, const tnode *root, sw_wit_typedef *def)
{
    static const sw_wit_typedef_kind KINDS[] = {[SW_CT_RECORD] = SW_WIT_RECORD,
                                                [SW_CT_VARIANT] = SW_WIT_VARIANT,
                                                [SW_CT_ENUM] = SW_WIT_ENUM,
                                                [SW_CT_FLAGS] = SW_WIT_FLAGS};
    if (root->is_resource) {
        def->kind = SW_WIT_RESOURCE;
        return SW_OK;
    }
    if (is_nominal(root)) {
        def->kind = KINDS[root->type->kind];
        def->fields_count = root->type->fields_count;
        return make_fields(d, h, root->frame, root->type, &def->fields);
    }
    def->kind = SW_WIT_ALIAS;
    SW_TRY(NEW(d, &def->alias));
    def->alias->loc.source = d->source;
    SW_TRY(make_anonymous(d, h, root->frame, root->type, def->alias));
    if (root->type->kind == SW_CT_OWN) {
        def->alias->kind = SW_CT_OWN;
    }
    return SW_OK;
}

static void set_external_id(sw_wit_head *head, const sw_ast_name *name)
{
    if (name->external_id.ptr != NULL) {
        head->external_id = name->external_id;
    }
}

sw_status sw_wit_model_add_type(decoder *d, sw_wit_interface *i, const sw_ast_name *name, tnode *n)
{
    holder *h;
    sw_wit_typedef *known = NULL;
    sw_wit_typedef *def = NULL;
    SW_TRY(holder_of(d, i, &h));
    const uint32_t *prior = sw_name_map_find(&h->typedefs, name->text);
    if (prior != NULL) {
        return note_name(d, n, d->typedefs.at[*prior]);
    }
    for (const tnode *t = n; t != NULL && known == NULL; t = t->base) {
        known = t->def;
    }
    if (known == NULL) {
        SW_TRY(find_name(d, n, i, &known));
    }
    SW_TRY(add_typedef(d, h, SW_WIT_ALIAS, name->text, &def));
    set_external_id(&def->head, name);
    if (known == NULL) {
        SW_TRY(make_definition(d, h, sw_wit_tnode_root(n), def));
    } else if (known->owner != i) {
        SW_TRY(make_use(d, h, known, def));
    } else {
        SW_TRY(NEW(d, &def->alias));
        def->alias->kind = SW_WIT_NAMED;
        def->alias->name = known->name;
        def->alias->loc.source = d->source;
    }
    return note_name(d, n, def);
}

/* ---- Functions ------------------------------------------------------------------------------- */

/* The resource in whose braces a function is written. */
static sw_status find_resource(decoder *d, holder *h, sw_str label, sw_wit_typedef **ret_def)
{
    const uint32_t *index = sw_name_map_find(&h->typedefs, label);
    if (index == NULL || d->typedefs.at[*index]->kind != SW_WIT_RESOURCE) {
        return sw_wit_decode_fail(d, SW_INVALID, "`%.*s` is no resource of this interface",
                                  SW_STR_ARG(label));
    }
    *ret_def = d->typedefs.at[*index];
    return SW_OK;
}

static sw_status set_func_name(decoder *d, holder *h, sw_wit_func *f, sw_str text)
{
    static const sw_wit_func_kind KINDS[] = {[SW_NAME_LABEL] = SW_WIT_FREE,
                                             [SW_NAME_CONSTRUCTOR] = SW_WIT_CONSTRUCTOR,
                                             [SW_NAME_METHOD] = SW_WIT_METHOD,
                                             [SW_NAME_STATIC] = SW_WIT_STATIC};
    sw_extern_name parsed;
    SW_TRY(sw_extern_name_parse(text, d->offset, d->diag, &parsed));
    if (parsed.form == SW_NAME_INTERFACE) {
        return sw_wit_decode_fail(d, SW_INVALID, "`%.*s` is no name of a function",
                                  SW_STR_ARG(text));
    }
    f->kind = KINDS[parsed.form];
    f->full_name = text;
    f->name = name_of(d, f->kind == SW_WIT_FREE          ? text
                         : f->kind == SW_WIT_CONSTRUCTOR ? parsed.resource
                                                         : parsed.member);
    if (f->kind != SW_WIT_FREE) {
        SW_TRY(find_resource(d, h, parsed.resource, &f->resource));
        f->resource->has_constructor =
            f->resource->has_constructor || f->kind == SW_WIT_CONSTRUCTOR;
    }
    return SW_OK;
}

static bool is_resource(const sw_wit_type *t, uint32_t kind, const sw_wit_func *f)
{
    return t != NULL && t->kind == kind && sw_str_eq(t->name.text, f->resource->name.text);
}

/* What text leaves out must be what it stands for. */
static sw_status check_implied(decoder *d, const sw_wit_func *f)
{
    const sw_wit_field *self = f->params;
    if (f->kind == SW_WIT_METHOD && (self == NULL || !sw_str_eq(self->name.text, SW_STR("self")) ||
                                     !is_resource(self->type, SW_CT_BORROW, f))) {
        return sw_wit_decode_fail(d, SW_INVALID,
                                  "`%.*s` must have a parameter `self`, which is "
                                  "its resource, borrowed",
                                  SW_STR_ARG(f->full_name));
    }
    const sw_wit_type *made = f->result;
    if (made != NULL && made->kind == SW_CT_RESULT) {
        made = made->first;
    }
    if (f->kind == SW_WIT_CONSTRUCTOR && (f->is_async || !is_resource(made, SW_WIT_NAMED, f))) {
        return sw_wit_decode_fail(d, SW_INVALID, "`%.*s` must return its resource",
                                  SW_STR_ARG(f->full_name));
    }
    return SW_OK;
}

static sw_status make_func(decoder *d, holder *h, const sw_ast_name *name, const ent *func,
                           sw_wit_func **ret_func)
{
    sw_wit_func *f;
    SW_TRY(NEW(d, &f));
    f->head.docs = EMPTY;
    set_external_id(&f->head, name);
    SW_TRY(set_func_name(d, h, f, name->text));
    f->is_async = func->type->is_async;
    f->params_count = func->type->fields_count;
    SW_TRY(make_fields(d, h, func->frame, func->type, &f->params));
    SW_TRY(make_optional(d, h, func->frame, func->type->element, &f->result));
    *ret_func = f;
    return check_implied(d, f);
}

sw_status sw_wit_model_add_func(decoder *d, sw_wit_interface *i, const sw_ast_name *name,
                                const ent *func)
{
    holder *h;
    sw_wit_func *f;
    bool inserted;
    SW_TRY(holder_of(d, i, &h));
    if (sw_name_map_find(&h->funcs, name->text) != NULL) {
        return SW_OK;
    }
    SW_TRY(make_func(d, h, name, func, &f));
    SW_TRY(insert(d, &h->funcs, name->text, 0, &inserted));
    SW_WIT_APPEND(h->funcs_end, f);
    return SW_OK;
}

/* ---- Worlds ---------------------------------------------------------------------------------- */

static sw_status append_item(decoder *d, sw_wit_world *w, sw_wit_item *it)
{
    sw_wit_item **end = d->items_world == w ? d->items_end : &w->items;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    SW_WIT_APPEND(end, it);
    d->items_world = w;
    d->items_end = end;
    return SW_OK;
}

static sw_status fill_instance(decoder *d, const sw_wit_package *from, const sw_ast_name *name,
                               sw_wit_interface *i, sw_wit_item *it)
{
    bool by_label = name->implements.ptr != NULL;
    if (by_label || sw_wit_model_is_path(name->text)) {
        it->kind = by_label ? SW_WIT_ITEM_LABELLED : SW_WIT_ITEM_INTERFACE;
        SW_TRY(by_label ? check_label(d, name->text) : SW_OK);
        SW_TRY(parse_path(d, by_label ? name->implements : name->text, &it->path));
        shorten(from, &it->path);
        return SW_OK;
    }
    it->kind = SW_WIT_ITEM_INLINE;
    it->interface = i;
    return SW_OK;
}

sw_status sw_wit_model_add_item(decoder *d, sw_wit_world *w, const sw_ast_name *name,
                                const ent *func, sw_wit_interface *i, bool is_export)
{
    sw_wit_item *it;
    holder *h;
    bool inserted;
    bool in_resource = func != NULL && name->text.len > 0 && name->text.ptr[0] == '[';
    if (in_resource && !is_export) {
        return sw_wit_model_add_func(d, w->own, name, func);
    }
    SW_TRY(holder_of(d, w->own, &h));
    SW_TRY(insert(d, &h->items[is_export], name->text, 0, &inserted));
    if (!inserted) {
        return SW_OK;
    }
    SW_TRY(NEW(d, &it));
    it->is_export = is_export;
    it->label = name_of(d, name->text);
    it->head.docs = EMPTY;
    set_external_id(&it->head, name);
    if (func == NULL) {
        SW_TRY(fill_instance(d, w->scope->package, name, i, it));
        return append_item(d, w, it);
    }
    SW_TRY(check_label(d, name->text));
    it->kind = SW_WIT_ITEM_FUNC;
    SW_TRY(make_func(d, h, name, func, &it->func));
    return append_item(d, w, it);
}
