/*
 * Resolved WIT as JSON.
 *
 * Everything gets its position first: packages, interfaces, worlds, named types, then the anonymous
 * types that something mentions, equal ones once. Then it is written.
 */
#include "wit/json.h"

#include "base/json.h"
#include "component/collect.h"
#include "wit/docs.h"
#include "wit/order.h"

typedef struct type_entry {
    sw_wit_typedef *def;     /* or NULL: anonymous */
    const sw_wit_type *type; /* an anonymous one */
    uint32_t kind;           /* of the latter: a name of a resource counts as OWN */
    uint32_t owner;          /* of def: position of the interface or world */
} type_entry;

typedef struct package_entry {
    const sw_wit_package *package;
    sw_wit_order order;
} package_entry;

typedef struct interface_entry {
    const sw_wit_interface *interface;
    uint32_t package;
} interface_entry;

typedef struct writer {
    sw_json json;
    sw_wit *wit;
    sw_arena arena;
    SW_AVEC(package_entry) packages;
    SW_AVEC(interface_entry) interfaces;
    SW_AVEC(const sw_wit_world *) worlds;
    SW_AVEC(type_entry) types;
    sw_id_map positions;   /* address of a node -> where it is in its array */
    sw_name_map anonymous; /* bytes that describe a type -> position */
    sw_status status;      /* sticky */
} writer;

/* ---- Positions ------------------------------------------------------------------------------- */

static void note(writer *w, sw_status st)
{
    if (w->status == SW_OK) {
        w->status = st;
    }
}

static void set_position(writer *w, const void *node, uint32_t position)
{
    note(w, sw_id_map_set(&w->arena, &w->positions, (uint64_t)(uintptr_t)node, position));
}

static uint32_t position(const writer *w, const void *node)
{
    const uint32_t *found = sw_id_map_find(&w->positions, (uint64_t)(uintptr_t)node);
    return found == NULL ? 0 : *found;
}

static bool has_position(const writer *w, const void *node)
{
    return sw_id_map_find(&w->positions, (uint64_t)(uintptr_t)node) != NULL;
}

/* A type as one word: SW_VT_PRIM | kind or a position; an anonymous one gets its position here. */
static uint32_t type_word(writer *w, const sw_wit_type *t)
{
    uint32_t words[4] = {t->kind, 0, 0, t->length};
    uint32_t kind = t->kind;
    bool inserted = false;
    sw_buf key;
    if (t->kind < SW_CT_RECORD) {
        return sw_vtype_prim((sw_ctype_kind)t->kind);
    }
    if (t->kind == SW_WIT_NAMED && sw_wit_typedef_root(t->def)->kind != SW_WIT_RESOURCE) {
        return position(w, t->def);
    }
    if (t->kind == SW_WIT_NAMED || t->kind == SW_CT_OWN || t->kind == SW_CT_BORROW) {
        kind = t->kind == SW_CT_BORROW ? SW_CT_BORROW : SW_CT_OWN;
        words[1] = position(w, t->def);
    }
    words[0] = kind;
    words[2] = t->other == NULL ? SW_VT_NONE : type_word(w, t->other);
    sw_buf_init(&key, NULL, (size_t)16 << 20);
    sw_buf_write(&key, words, sizeof words);
    for (const sw_wit_type *item = t->first; item != NULL; item = item->next) {
        uint32_t word = type_word(w, item);
        sw_buf_write(&key, &word, sizeof word);
    }
    note(w, sw_buf_status(&key));
    sw_bytes kept = sw_arena_bytes(&w->arena, sw_buf_bytes(&key));
    sw_buf_clear(&key);
    if (kept.ptr == NULL) {
        note(w, SW_NO_MEMORY);
        return 0;
    }
    sw_str text = {(const char *)kept.ptr, kept.len};
    const uint32_t *prior = sw_name_map_find(&w->anonymous, text);
    if (prior != NULL) {
        return *prior;
    }
    note(w, sw_name_map_insert(&w->arena, &w->anonymous, text, w->types.count, &inserted));
    note(w, sw_avec_push(&w->arena, &w->types, (type_entry){.type = t, .kind = kind}));
    return w->types.count - 1;
}

static void add_typedefs(writer *w, const sw_wit_interface *i, uint32_t owner)
{
    for (sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        if (d->head.active) {
            set_position(w, d, w->types.count);
            note(w, sw_avec_push(&w->arena, &w->types, (type_entry){.def = d, .owner = owner}));
        }
    }
}

static void add_interface(writer *w, const sw_wit_interface *i, uint32_t package)
{
    if (!has_position(w, i)) {
        set_position(w, i, w->interfaces.count);
        add_typedefs(w, i, w->interfaces.count);
        note(w, sw_avec_push(&w->arena, &w->interfaces, (interface_entry){i, package}));
    }
}

static void add_world(writer *w, const sw_wit_world *world, uint32_t package)
{
    const sw_wit_item *const sides[] = {world->imports, world->exports};
    set_position(w, world, w->worlds.count);
    add_typedefs(w, world->own, w->worlds.count);
    note(w, sw_avec_push(&w->arena, &w->worlds, world));
    for (size_t n = 0; n < SW_COUNTOF(sides); n++) {
        for (const sw_wit_item *it = sides[n]; it != NULL; it = it->next) {
            if (it->kind == SW_WIT_ITEM_INLINE) {
                add_interface(w, it->interface, package);
            }
        }
    }
}

static void visit_package(writer *w, const sw_wit_package *p);

static void visit_uses(writer *w, const sw_wit_interface *i)
{
    for (const sw_wit_use *u = i->uses; u != NULL; u = u->next) {
        if (u->target != NULL) {
            visit_package(w, u->target->scope->package);
        }
    }
}

static void visit_world(writer *w, const sw_wit_world *world)
{
    const sw_wit_item *const sides[] = {world->imports, world->exports};
    for (size_t n = 0; n < SW_COUNTOF(sides); n++) {
        for (const sw_wit_item *it = sides[n]; it != NULL; it = it->next) {
            if (it->interface != NULL) {
                visit_package(w, it->interface->scope->package);
            }
        }
    }
}

/* Packages before those that depend on them; the resolver has refused cycles and long chains. */
static void visit_package(writer *w, const sw_wit_package *p)
{
    package_entry e = {.package = p};
    if (has_position(w, p)) {
        return;
    }
    set_position(w, p, 0);
    note(w, sw_wit_order_make(&w->arena, p, &e.order));
    for (uint32_t n = 0; n < e.order.interfaces_count; n++) {
        visit_uses(w, e.order.interfaces[n]);
    }
    for (uint32_t n = 0; n < e.order.worlds_count; n++) {
        visit_world(w, e.order.worlds[n]);
    }
    set_position(w, p, w->packages.count);
    note(w, sw_avec_push(&w->arena, &w->packages, e));
}

static void visit_type(writer *w, const sw_wit_type *t)
{
    if (t != NULL) {
        (void)type_word(w, t);
    }
}

static void visit_func(writer *w, const sw_wit_func *f)
{
    for (const sw_wit_field *p = f->params; p != NULL; p = p->next) {
        visit_type(w, p->type);
    }
    visit_type(w, f->result);
}

static void visit_typedef(writer *w, const sw_wit_typedef *d)
{
    for (const sw_wit_field *f = d->fields; f != NULL; f = f->next) {
        visit_type(w, f->type);
    }
    /* The kind of an alias is written in its own place: only what it is made of needs a position.
     */
    if (d->kind == SW_WIT_ALIAS && d->alias->kind != SW_WIT_NAMED) {
        for (const sw_wit_type *item = d->alias->first; item != NULL; item = item->next) {
            visit_type(w, item);
        }
        visit_type(w, d->alias->other);
    }
}

static void visit_funcs(writer *w, const sw_wit_interface *i)
{
    for (const sw_wit_func *f = i->funcs; f != NULL; f = f->next) {
        if (f->head.active) {
            visit_func(w, f);
        }
    }
}

static void visit_items(writer *w, const sw_wit_item *items)
{
    for (const sw_wit_item *it = items; it != NULL; it = it->next) {
        if (it->func != NULL) {
            visit_func(w, it->func);
        }
    }
}

static void collect(writer *w)
{
    for (const sw_wit_package *p = w->wit->packages; p != NULL; p = p->next) {
        visit_package(w, p);
    }
    for (uint32_t n = 0; n < w->packages.count; n++) {
        const sw_wit_order *o = &w->packages.at[n].order;
        for (uint32_t i = 0; i < o->interfaces_count; i++) {
            add_interface(w, o->interfaces[i], n);
        }
        for (uint32_t i = 0; i < o->worlds_count; i++) {
            add_world(w, o->worlds[i], n);
        }
    }
    uint32_t named = w->types.count;
    for (uint32_t n = 0; n < named; n++) {
        visit_typedef(w, w->types.at[n].def);
    }
    for (uint32_t n = 0; n < w->interfaces.count; n++) {
        visit_funcs(w, w->interfaces.at[n].interface);
    }
    for (uint32_t n = 0; n < w->worlds.count; n++) {
        const sw_wit_world *world = w->worlds.at[n];
        visit_funcs(w, world->own);
        visit_items(w, world->imports);
        visit_items(w, world->exports);
    }
}

/* ---- Members --------------------------------------------------------------------------------- */

static void key(writer *w, const char *name)
{
    sw_json_key(&w->json, sw_str_of(name));
}

static void string_member(writer *w, const char *name, sw_str value)
{
    key(w, name);
    sw_json_str(&w->json, value);
}

static void number_member(writer *w, const char *name, uint64_t value)
{
    key(w, name);
    sw_json_u64(&w->json, value);
}

static void docs_member(writer *w, sw_str raw)
{
    sw_str text = sw_wit_docs_text(&w->arena, raw);
    if (text.ptr == NULL) {
        note(w, SW_NO_MEMORY);
    } else if (text.len > 0) {
        key(w, "docs");
        sw_json_object_begin(&w->json);
        string_member(w, "contents", text);
        sw_json_object_end(&w->json);
    }
}

static void stability_member(writer *w, const sw_wit_gate *g)
{
    bool is_stable = g->feature.len == 0;
    if (!sw_wit_has_gate(g)) {
        return;
    }
    key(w, "stability");
    sw_json_object_begin(&w->json);
    key(w, is_stable ? "stable" : "unstable");
    sw_json_object_begin(&w->json);
    string_member(w, is_stable ? "since" : "feature", is_stable ? g->since : g->feature);
    if (g->deprecated.len > 0) {
        string_member(w, "deprecated", g->deprecated);
    }
    sw_json_object_end(&w->json);
    sw_json_object_end(&w->json);
}

static void head_members(writer *w, const sw_wit_head *h)
{
    docs_member(w, h->docs);
    stability_member(w, &h->gate);
    if (h->external_id.len > 0) {
        string_member(w, "external-id", h->external_id);
    }
}

/* ---- Types ----------------------------------------------------------------------------------- */

static const char *const KIND_TEXT[] = {
#define X(name, text) [SW_CT_##name] = (text),
    SW_CTYPE_MAP(X)
#undef X
};

static void type_value(writer *w, const sw_wit_type *t)
{
    uint32_t word = t == NULL ? SW_VT_NONE : type_word(w, t);
    if (word == SW_VT_NONE) {
        sw_json_null(&w->json);
    } else if (sw_vtype_is_prim(word)) {
        sw_json_str(&w->json, sw_str_of(KIND_TEXT[word & ~SW_VT_PRIM]));
    } else {
        sw_json_u64(&w->json, word);
    }
}

static void type_member(writer *w, const char *name, const sw_wit_type *t)
{
    key(w, name);
    type_value(w, t);
}

static void tuple_kind(writer *w, const sw_wit_type *t)
{
    key(w, "tuple");
    sw_json_object_begin(&w->json);
    key(w, "types");
    sw_json_array_begin(&w->json);
    for (const sw_wit_type *item = t->first; item != NULL; item = item->next) {
        type_value(w, item);
    }
    sw_json_array_end(&w->json);
    sw_json_object_end(&w->json);
}

static void pair_kind(writer *w, const sw_wit_type *t)
{
    bool is_map = t->kind == SW_CT_MAP;
    key(w, is_map ? "map" : "fixed-length-list");
    sw_json_array_begin(&w->json);
    type_value(w, t->first);
    if (is_map) {
        type_value(w, t->other);
    } else {
        sw_json_u64(&w->json, t->length);
    }
    sw_json_array_end(&w->json);
}

static void result_kind(writer *w, const sw_wit_type *t)
{
    key(w, "result");
    sw_json_object_begin(&w->json);
    type_member(w, "ok", t->first);
    type_member(w, "err", t->other);
    sw_json_object_end(&w->json);
}

static void handle_kind(writer *w, const sw_wit_type *t, uint32_t kind)
{
    key(w, "handle");
    sw_json_object_begin(&w->json);
    number_member(w, KIND_TEXT[kind], position(w, t->def));
    sw_json_object_end(&w->json);
}

/* The one member of "kind" for a type as it is written. */
static void type_kind(writer *w, const sw_wit_type *t, uint32_t kind)
{
    switch (kind) {
    case SW_CT_TUPLE: tuple_kind(w, t); break;
    case SW_CT_MAP:
    case SW_CT_FIXED_LIST: pair_kind(w, t); break;
    case SW_CT_RESULT: result_kind(w, t); break;
    case SW_CT_OWN:
    case SW_CT_BORROW: handle_kind(w, t, kind); break;
    case SW_CT_LIST:
    case SW_CT_OPTION:
    case SW_CT_STREAM:
    case SW_CT_FUTURE: type_member(w, KIND_TEXT[kind], t->first); break;
    case SW_WIT_NAMED: number_member(w, "type", position(w, t->def)); break;
    default: type_member(w, "type", t); break;
    }
}

static void fields_kind(writer *w, const sw_wit_typedef *d)
{
    static const struct {
        const char *kind, *list;
    } TEXT[] = {
        [SW_WIT_RECORD] = {"record",  "fields"},
        [SW_WIT_VARIANT] = {"variant", "cases" },
        [SW_WIT_ENUM] = {"enum",    "cases" },
        [SW_WIT_FLAGS] = {"flags",   "flags" },
    };
    key(w, TEXT[d->kind].kind);
    sw_json_object_begin(&w->json);
    key(w, TEXT[d->kind].list);
    sw_json_array_begin(&w->json);
    for (const sw_wit_field *f = d->fields; f != NULL; f = f->next) {
        sw_json_object_begin(&w->json);
        string_member(w, "name", f->name.text);
        if (d->kind == SW_WIT_RECORD || d->kind == SW_WIT_VARIANT) {
            type_member(w, "type", f->type);
        }
        docs_member(w, f->docs);
        sw_json_object_end(&w->json);
    }
    sw_json_array_end(&w->json);
    sw_json_object_end(&w->json);
}

static void typedef_kind(writer *w, const sw_wit_typedef *d)
{
    if (d->kind == SW_WIT_RESOURCE) {
        sw_json_str(&w->json, SW_STR("resource"));
        return;
    }
    sw_json_object_begin(&w->json);
    if (d->kind == SW_WIT_USE) {
        number_member(w, "type", position(w, d->target));
    } else if (d->kind == SW_WIT_ALIAS) {
        type_kind(w, d->alias, d->alias->kind);
    } else {
        fields_kind(w, d);
    }
    sw_json_object_end(&w->json);
}

static void type_entry_value(writer *w, const type_entry *e)
{
    sw_json_object_begin(&w->json);
    if (e->def == NULL) {
        key(w, "name");
        sw_json_null(&w->json);
        key(w, "kind");
        sw_json_object_begin(&w->json);
        type_kind(w, e->type, e->kind);
        sw_json_object_end(&w->json);
        key(w, "owner");
        sw_json_null(&w->json);
    } else {
        string_member(w, "name", e->def->name.text);
        key(w, "kind");
        typedef_kind(w, e->def);
        key(w, "owner");
        sw_json_object_begin(&w->json);
        number_member(w, e->def->owner->is_world ? "world" : "interface", e->owner);
        sw_json_object_end(&w->json);
        head_members(w, &e->def->head);
    }
    sw_json_object_end(&w->json);
}

/* ---- Functions ------------------------------------------------------------------------------- */

static void func_kind(writer *w, const sw_wit_func *f)
{
    static const char *const TEXT[][2] = {
        [SW_WIT_FREE] = {"freestanding", "async-freestanding"},
        [SW_WIT_METHOD] = {"method",       "async-method"      },
        [SW_WIT_STATIC] = {"static",       "async-static"      },
        [SW_WIT_CONSTRUCTOR] = {"constructor",  "constructor"       },
    };
    const char *text = TEXT[f->kind][f->is_async];
    key(w, "kind");
    if (f->kind == SW_WIT_FREE) {
        sw_json_str(&w->json, sw_str_of(text));
        return;
    }
    sw_json_object_begin(&w->json);
    number_member(w, text, position(w, f->resource));
    sw_json_object_end(&w->json);
}

static void func_value(writer *w, const sw_wit_func *f, sw_str name, const sw_wit_head *head)
{
    sw_json_object_begin(&w->json);
    string_member(w, "name", name);
    func_kind(w, f);
    key(w, "params");
    sw_json_array_begin(&w->json);
    for (const sw_wit_field *p = f->params; p != NULL; p = p->next) {
        sw_json_object_begin(&w->json);
        string_member(w, "name", p->name.text);
        type_member(w, "type", p->type);
        sw_json_object_end(&w->json);
    }
    sw_json_array_end(&w->json);
    if (f->result != NULL) {
        type_member(w, "result", f->result);
    }
    head_members(w, head);
    sw_json_object_end(&w->json);
}

/* ---- Interfaces, worlds, packages ------------------------------------------------------------ */

static void interface_value(writer *w, const interface_entry *e)
{
    const sw_wit_interface *i = e->interface;
    sw_json_object_begin(&w->json);
    key(w, "name");
    if (i->name.text.len > 0) {
        sw_json_str(&w->json, i->name.text);
    } else {
        sw_json_null(&w->json);
    }
    key(w, "types");
    sw_json_object_begin(&w->json);
    for (const sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        if (d->head.active) {
            sw_json_key(&w->json, d->name.text);
            sw_json_u64(&w->json, position(w, d));
        }
    }
    sw_json_object_end(&w->json);
    key(w, "functions");
    sw_json_object_begin(&w->json);
    for (const sw_wit_func *f = i->funcs; f != NULL; f = f->next) {
        if (f->head.active) {
            sw_json_key(&w->json, f->full_name);
            func_value(w, f, f->full_name, &f->head);
        }
    }
    sw_json_object_end(&w->json);
    head_members(w, &i->head);
    number_member(w, "package", e->package);
    sw_json_object_end(&w->json);
}

static void func_member(writer *w, const sw_wit_func *f, sw_str name, const sw_wit_head *head)
{
    sw_json_key(&w->json, name);
    sw_json_object_begin(&w->json);
    key(w, "function");
    func_value(w, f, name, head);
    sw_json_object_end(&w->json);
}

static void interface_member(writer *w, const sw_wit_item *it)
{
    uint32_t id = position(w, it->interface);
    if (it->kind == SW_WIT_ITEM_INTERFACE) {
        sw_json_key(&w->json, sw_arena_printf(&w->arena, "interface-%u", id));
    } else {
        sw_json_key(&w->json, it->label.text);
    }
    sw_json_object_begin(&w->json);
    key(w, "interface");
    sw_json_object_begin(&w->json);
    number_member(w, "id", id);
    head_members(w, &it->head);
    sw_json_object_end(&w->json);
    sw_json_object_end(&w->json);
}

static void item_member(writer *w, const sw_wit_item *it)
{
    if (it->kind == SW_WIT_ITEM_FUNC) {
        func_member(w, it->func, it->label.text, &it->head);
    } else if (it->kind == SW_WIT_ITEM_TYPE) {
        sw_json_key(&w->json, it->label.text);
        sw_json_object_begin(&w->json);
        number_member(w, "type", position(w, it->type));
        sw_json_object_end(&w->json);
    } else {
        interface_member(w, it);
    }
}

static void side_member(writer *w, const char *name, const sw_wit_item *items)
{
    key(w, name);
    sw_json_object_begin(&w->json);
    for (const sw_wit_item *it = items; it != NULL; it = it->next) {
        item_member(w, it);
    }
    for (const sw_wit_item *it = items; it != NULL; it = it->next) {
        bool is_resource = it->kind == SW_WIT_ITEM_TYPE && it->type->kind == SW_WIT_RESOURCE;
        for (const sw_wit_func *f = is_resource ? it->type->owner->funcs : NULL; f != NULL;
             f = f->next) {
            if (f->resource == it->type && f->head.active) {
                sw_str full = sw_wit_item_func_name(&w->arena, it, f);
                note(w, full.ptr == NULL ? SW_NO_MEMORY : SW_OK);
                func_member(w, f, full, &f->head);
            }
        }
    }
    sw_json_object_end(&w->json);
}

static void world_value(writer *w, const sw_wit_world *world)
{
    sw_json_object_begin(&w->json);
    string_member(w, "name", world->name.text);
    side_member(w, "imports", world->imports);
    side_member(w, "exports", world->exports);
    number_member(w, "package", position(w, world->scope->package));
    head_members(w, &world->head);
    sw_json_object_end(&w->json);
}

static void package_value(writer *w, const package_entry *e)
{
    sw_json_object_begin(&w->json);
    string_member(w, "name", e->package->full_name);
    docs_member(w, e->package->docs);
    key(w, "interfaces");
    sw_json_object_begin(&w->json);
    for (uint32_t n = 0; n < e->order.interfaces_count; n++) {
        sw_json_key(&w->json, e->order.interfaces[n]->name.text);
        sw_json_u64(&w->json, position(w, e->order.interfaces[n]));
    }
    sw_json_object_end(&w->json);
    key(w, "worlds");
    sw_json_object_begin(&w->json);
    for (uint32_t n = 0; n < e->order.worlds_count; n++) {
        sw_json_key(&w->json, e->order.worlds[n]->name.text);
        sw_json_u64(&w->json, position(w, e->order.worlds[n]));
    }
    sw_json_object_end(&w->json);
    sw_json_object_end(&w->json);
}

#define WRITE_ARRAY(w, name, list, value)                   \
    do {                                                    \
        key((w), (name));                                   \
        sw_json_array_begin(&(w)->json);                    \
        for (uint32_t n_ = 0; n_ < (w)->list.count; n_++) { \
            value;                                          \
        }                                                   \
        sw_json_array_end(&(w)->json);                      \
    } while (0)

static void write_all(writer *w)
{
    sw_json_object_begin(&w->json);
    WRITE_ARRAY(w, "worlds", worlds, world_value(w, w->worlds.at[n_]));
    WRITE_ARRAY(w, "interfaces", interfaces, interface_value(w, &w->interfaces.at[n_]));
    WRITE_ARRAY(w, "types", types, type_entry_value(w, &w->types.at[n_]));
    WRITE_ARRAY(w, "packages", packages, package_value(w, &w->packages.at[n_]));
    sw_json_object_end(&w->json);
    sw_buf_u8(w->json.out, '\n');
}

sw_status sw_wit_write_json(sw_wit *w, sw_buf *out)
{
    writer wr = {.json = sw_json_make(out, true), .wit = w};
    sw_arena_init(&wr.arena, NULL, (size_t)512 << 20);
    collect(&wr);
    if (wr.status == SW_OK) {
        write_all(&wr);
    }
    sw_arena_clear(&wr.arena);
    return wr.status != SW_OK ? wr.status : sw_buf_status(out);
}
