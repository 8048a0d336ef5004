/*
 * WIT to component types.
 *
 * Two kinds of scopes are written: component types, in which interfaces are imported and exported,
 * and instance types inside them, one per interface. Each scope knows the index of every definition
 * that has a name in it, and shares anonymous types by their bytes.
 */
#include "wit/encode.h"

#include "component/collect.h"
#include "component/write.h"
#include "wit/order.h"
#include "wit/report.h"

#define MAX_BYTES ((size_t)256 << 20)

typedef struct scope {
    sw_cwriter writer;
    sw_name_map types; /* bytes of an anonymous type -> index */
    sw_id_map defs;    /* typedef -> type index; see def_key */
} scope;

typedef struct encoder {
    sw_arena arena;
    scope outer;                /* the component type */
    scope *inner;               /* the instance type being written, or NULL */
    bool is_export;             /* it is one that is exported */
    sw_id_map imports, exports; /* interface -> instance of the component type */
    const sw_wit *wit;
    sw_status status; /* sticky */
} encoder;

/* ---- Tables ---------------------------------------------------------------------------------- */

static void note(encoder *e, sw_status st)
{
    if (e->status == SW_OK) {
        e->status = st;
    }
}

/* By what a definition is known in a scope. */
typedef enum def_role {
    BY_ITSELF,
    BY_EXPORT, /* of an exported interface, seen from outside */
    BY_ROOT,   /* under another name in the scope */
} def_role;

static uint64_t def_key(const sw_wit_typedef *d, def_role role)
{
    return (uint64_t)(uintptr_t)d | (uint64_t)role;
}

static void know_def(encoder *e, scope *s, const sw_wit_typedef *d, def_role role, uint32_t index)
{
    note(e, sw_id_map_set(&e->arena, &s->defs, def_key(d, role), index));
}

static void scope_init(scope *s, sw_scope_kind kind)
{
    *s = (scope){0};
    sw_cwriter_init(&s->writer, kind, NULL, MAX_BYTES);
}

/* ---- Types ----------------------------------------------------------------------------------- */

static uint32_t def_index(const scope *s, sw_wit_typedef *d);
static uint32_t valtype(encoder *e, scope *s, const sw_wit_type *t);

/* An anonymous type: the one of those bytes, or a new one. */
static uint32_t intern(encoder *e, scope *s, const sw_buf *type)
{
    sw_bytes bytes = sw_buf_bytes(type);
    bool inserted = true;
    note(e, sw_buf_status(type));
    const uint32_t *prior = sw_name_map_find(
        &s->types, (sw_str){bytes.len == 0 ? "" : (const char *)bytes.ptr, bytes.len});
    if (prior != NULL) {
        return *prior;
    }
    sw_bytes kept = sw_arena_bytes(&e->arena, bytes);
    if (kept.ptr == NULL) {
        note(e, SW_NO_MEMORY);
        return 0;
    }
    uint32_t index = sw_cwriter_type(&s->writer, kept);
    note(e, sw_name_map_insert(&e->arena, &s->types, (sw_str){(const char *)kept.ptr, kept.len},
                               index, &inserted));
    return index;
}

static uint32_t intern_handle(encoder *e, scope *s, sw_ctype_kind kind, sw_wit_typedef *resource)
{
    sw_buf b;
    sw_buf_init(&b, NULL, MAX_BYTES);
    uint32_t index = def_index(s, resource);
    sw_buf_u8(&b, sw_cwrite_kind_byte(kind));
    sw_buf_leb_u32(&b, index);
    index = intern(e, s, &b);
    sw_buf_clear(&b);
    return index;
}

static uint32_t optional_valtype(encoder *e, scope *s, const sw_wit_type *t)
{
    return t == NULL ? SW_VT_NONE : valtype(e, s, t);
}

/* The items of a tuple: their types first, for these may write to the scope. */
static void write_tuple(encoder *e, scope *s, const sw_wit_type *t, sw_buf *out)
{
    uint32_t count = 0;
    sw_buf items;
    sw_buf_init(&items, NULL, MAX_BYTES);
    for (const sw_wit_type *item = t->first; item != NULL; item = item->next) {
        sw_cwrite_valtype(&items, valtype(e, s, item));
        count++;
    }
    sw_buf_leb_u32(out, count);
    sw_buf_write(out, items.ptr, items.len);
    note(e, sw_buf_status(&items));
    sw_buf_clear(&items);
}

/* The bytes of a type that is no name and no handle. */
static void write_type(encoder *e, scope *s, const sw_wit_type *t, sw_buf *out)
{
    sw_buf_u8(out, sw_cwrite_kind_byte((sw_ctype_kind)t->kind));
    switch (t->kind) {
    case SW_CT_TUPLE: write_tuple(e, s, t, out); break;
    case SW_CT_LIST:
    case SW_CT_OPTION: sw_cwrite_valtype(out, valtype(e, s, t->first)); break;
    case SW_CT_FIXED_LIST:
        sw_cwrite_valtype(out, valtype(e, s, t->first));
        sw_buf_leb_u32(out, t->length);
        break;
    case SW_CT_MAP:
        sw_cwrite_valtype(out, valtype(e, s, t->first));
        sw_cwrite_valtype(out, valtype(e, s, t->other));
        break;
    case SW_CT_RESULT:
        sw_cwrite_optional_valtype(out, optional_valtype(e, s, t->first));
        sw_cwrite_optional_valtype(out, optional_valtype(e, s, t->other));
        break;
    case SW_CT_STREAM:
    case SW_CT_FUTURE: sw_cwrite_optional_valtype(out, optional_valtype(e, s, t->first)); break;
    default: break; /* primitives */
    }
}

static uint32_t valtype(encoder *e, scope *s, const sw_wit_type *t)
{
    if (t->kind < SW_CT_RECORD) {
        return sw_vtype_prim((sw_ctype_kind)t->kind);
    }
    if (t->kind == SW_WIT_NAMED) {
        bool is_resource = sw_wit_typedef_root(t->def)->kind == SW_WIT_RESOURCE;
        return is_resource ? intern_handle(e, s, SW_CT_OWN, t->def) : def_index(s, t->def);
    }
    if (t->kind == SW_CT_OWN || t->kind == SW_CT_BORROW) {
        return intern_handle(e, s, (sw_ctype_kind)t->kind, t->def);
    }
    sw_buf b;
    sw_buf_init(&b, NULL, MAX_BYTES);
    write_type(e, s, t, &b);
    uint32_t index = intern(e, s, &b);
    sw_buf_clear(&b);
    return index;
}

/* ---- Definitions ----------------------------------------------------------------------------- */

static void write_fields(encoder *e, scope *s, const sw_wit_typedef *d, sw_buf *out)
{
    static const sw_ctype_kind KINDS[] = {[SW_WIT_RECORD] = SW_CT_RECORD,
                                          [SW_WIT_VARIANT] = SW_CT_VARIANT,
                                          [SW_WIT_ENUM] = SW_CT_ENUM,
                                          [SW_WIT_FLAGS] = SW_CT_FLAGS};
    sw_buf_u8(out, sw_cwrite_kind_byte(KINDS[d->kind]));
    sw_buf_leb_u32(out, d->fields_count);
    if (d->fields_count == 0) {
        note(e, sw_wit_fail(e->wit, SW_INVALID, d->name.loc,
                            "`%.*s` is empty, which the binary format does not allow",
                            SW_STR_ARG(d->name.text)));
    }
    for (const sw_wit_field *f = d->fields; f != NULL; f = f->next) {
        sw_cwrite_name(out, f->name.text);
        if (d->kind == SW_WIT_RECORD) {
            sw_cwrite_valtype(out, valtype(e, s, f->type));
        } else if (d->kind == SW_WIT_VARIANT) {
            sw_cwrite_optional_valtype(out, optional_valtype(e, s, f->type));
            sw_buf_u8(out, 0x00);
        }
    }
}

/* The type in the component type that stands for one of an interface imported or exported there. */
static uint32_t outer_index(encoder *e, sw_wit_typedef *d)
{
    const sw_wit_interface *owner = d->owner;
    uint64_t key = (uint64_t)(uintptr_t)owner;
    const uint32_t *instance = e->is_export ? sw_id_map_find(&e->exports, key) : NULL;
    def_role role = instance != NULL ? BY_EXPORT : BY_ITSELF;
    const uint32_t *known = sw_id_map_find(&e->outer.defs, def_key(d, role));
    if (known != NULL) {
        return *known;
    }
    instance = role == BY_EXPORT ? instance : sw_id_map_find(&e->imports, key);
    uint32_t index = sw_cwriter_alias_export(&e->outer.writer, SW_SORT_TYPE,
                                             instance == NULL ? 0 : *instance, d->name.text);
    know_def(e, &e->outer, d, role, index);
    return index;
}

/* What the export or import of a definition says about its type. */
static sw_ast_extern def_extern(encoder *e, scope *s, sw_wit_typedef *d)
{
    sw_ast_extern type = {.sort = SW_SORT_TYPE};
    sw_buf b;
    sw_buf_init(&b, NULL, MAX_BYTES);
    if (d->kind == SW_WIT_RESOURCE) {
        type.is_sub = true;
    } else if (d->kind == SW_WIT_USE) {
        type.index = outer_index(e, d->target);
        if (s == e->inner) {
            type.index = sw_cwriter_alias_outer(&s->writer, SW_SORT_TYPE, 1, type.index);
        }
    } else if (d->kind != SW_WIT_ALIAS) {
        write_fields(e, s, d, &b);
        type.index = sw_cwriter_type(&s->writer, sw_buf_bytes(&b));
    } else if (d->alias->kind == SW_WIT_NAMED) {
        type.index = def_index(s, d->alias->def);
    } else if (d->alias->kind == SW_CT_OWN || d->alias->kind == SW_CT_BORROW) {
        type.index = intern_handle(e, s, (sw_ctype_kind)d->alias->kind, d->alias->def);
    } else {
        write_type(e, s, d->alias, &b);
        type.index = sw_cwriter_type(&s->writer, sw_buf_bytes(&b));
    }
    note(e, sw_buf_status(&b));
    sw_buf_clear(&b);
    return type;
}

static sw_ast_name extern_name(sw_str text, const sw_wit_head *head)
{
    sw_ast_name name = {.text = text};
    if (head->external_id.len > 0) {
        name.external_id = head->external_id;
    }
    return name;
}

/* Defines under a name: an interface's type, or one that a world imports. */
static void define(encoder *e, scope *s, sw_wit_typedef *d, sw_str label)
{
    sw_ast_extern type = def_extern(e, s, d);
    sw_ast_name name = extern_name(label, &d->head);
    uint32_t index = s == e->inner ? sw_cwriter_export_type(&s->writer, name, type)
                                   : sw_cwriter_import(&s->writer, name, type);
    know_def(e, s, d, BY_ITSELF, index);
    sw_wit_typedef *root = sw_wit_typedef_root(d);
    if (s != e->inner && sw_id_map_find(&s->defs, def_key(root, BY_ROOT)) == NULL) {
        know_def(e, s, root, BY_ROOT, index);
    }
}

/* The index of a definition in the scope of those who mention it. */
static uint32_t def_index(const scope *s, sw_wit_typedef *d)
{
    const uint32_t *known = sw_id_map_find(&s->defs, def_key(d, BY_ITSELF));
    if (known == NULL) {
        known = sw_id_map_find(&s->defs, def_key(sw_wit_typedef_root(d), BY_ROOT));
    }
    return known == NULL ? 0 : *known;
}

/* ---- Functions ------------------------------------------------------------------------------- */

static uint32_t func_type(encoder *e, scope *s, const sw_wit_func *f)
{
    sw_buf b;
    sw_buf_init(&b, NULL, MAX_BYTES);
    sw_buf_u8(&b, f->is_async ? 0x43 : 0x40);
    sw_buf_leb_u32(&b, f->params_count);
    for (const sw_wit_field *p = f->params; p != NULL; p = p->next) {
        sw_cwrite_name(&b, p->name.text);
        sw_cwrite_valtype(&b, valtype(e, s, p->type));
    }
    if (f->result == NULL) {
        sw_buf_u8(&b, 0x01);
        sw_buf_u8(&b, 0x00);
    } else {
        sw_buf_u8(&b, 0x00);
        sw_cwrite_valtype(&b, valtype(e, s, f->result));
    }
    uint32_t index = intern(e, s, &b);
    sw_buf_clear(&b);
    return index;
}

static sw_ast_extern func_extern(encoder *e, scope *s, const sw_wit_func *f)
{
    return (sw_ast_extern){.sort = SW_SORT_FUNC, .index = func_type(e, s, f)};
}

/* ---- Interfaces ------------------------------------------------------------------------------ */

/* The instance type of an interface, in the component type. */
static uint32_t interface_type(encoder *e, const sw_wit_interface *i, bool with_funcs,
                               bool is_export)
{
    scope inner;
    scope_init(&inner, SW_SCOPE_INSTANCE_TYPE);
    e->inner = &inner;
    e->is_export = is_export;
    for (sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        if (d->head.active) {
            define(e, &inner, d, d->name.text);
        }
    }
    for (const sw_wit_func *f = i->funcs; f != NULL && with_funcs; f = f->next) {
        if (f->head.active) {
            sw_ast_extern type = func_extern(e, &inner, f);
            (void)sw_cwriter_export_type(&inner.writer, extern_name(f->full_name, &f->head), type);
        }
    }
    uint32_t index = sw_cwriter_scope_type(&e->outer.writer, &inner.writer);
    sw_cwriter_clear(&inner.writer);
    e->inner = NULL;
    e->is_export = false;
    return index;
}

/* Imports or exports an interface in the component type. */
static void add_interface(encoder *e, const sw_wit_interface *i, const sw_ast_name *name,
                          bool with_funcs, bool is_export)
{
    sw_ast_extern type = {.sort = SW_SORT_INSTANCE,
                          .index = interface_type(e, i, with_funcs, is_export)};
    uint32_t index = is_export ? sw_cwriter_export_type(&e->outer.writer, *name, type)
                               : sw_cwriter_import(&e->outer.writer, *name, type);
    if (name->implements.ptr == NULL) {
        note(e, sw_id_map_set(&e->arena, is_export ? &e->exports : &e->imports,
                              (uint64_t)(uintptr_t)i, index));
    }
}

/* Imports what an interface uses, types only. Chains of uses are of bounded length. */
static void import_deps(encoder *e, const sw_wit_interface *i)
{
    for (const sw_wit_typedef *d = i->typedefs; d != NULL; d = d->next) {
        const sw_wit_interface *target =
            d->kind == SW_WIT_USE && d->head.active ? d->target->owner : NULL;
        if (target != NULL && sw_id_map_find(&e->imports, (uint64_t)(uintptr_t)target) == NULL) {
            import_deps(e, target);
            add_interface(e, target, &(sw_ast_name){.text = target->full_name}, false, false);
        }
    }
}

/* ---- Worlds ---------------------------------------------------------------------------------- */

static void import_func(encoder *e, sw_str name, const sw_wit_func *f, const sw_wit_head *head)
{
    sw_ast_extern type = func_extern(e, &e->outer, f);
    (void)sw_cwriter_import(&e->outer.writer, extern_name(name, head), type);
}

/* The functions of a resource that a world imports under a label. */
static void import_resource_funcs(encoder *e, const sw_wit_item *it)
{
    for (const sw_wit_func *f = it->type->owner->funcs; f != NULL; f = f->next) {
        if (f->resource != it->type || !f->head.active) {
            continue;
        }
        sw_str name = sw_wit_item_func_name(&e->arena, it, f);
        note(e, name.ptr == NULL ? SW_NO_MEMORY : SW_OK);
        import_func(e, name, f, &f->head);
    }
}

static sw_ast_name item_name(const sw_wit_item *it)
{
    bool by_label = it->kind != SW_WIT_ITEM_INTERFACE;
    sw_ast_name name = extern_name(by_label ? it->label.text : it->interface->full_name, &it->head);
    if (it->kind == SW_WIT_ITEM_LABELLED) {
        name.implements = it->interface->full_name;
    }
    return name;
}

static void import_item(encoder *e, const sw_wit_item *it)
{
    sw_ast_name name = item_name(it);
    if (it->kind == SW_WIT_ITEM_TYPE) {
        define(e, &e->outer, it->type, it->label.text);
    } else if (it->kind == SW_WIT_ITEM_FUNC) {
        import_func(e, it->label.text, it->func, &it->head);
    } else {
        add_interface(e, it->interface, &name, true, false);
    }
}

static void export_item(encoder *e, const sw_wit_item *it)
{
    sw_ast_name name = item_name(it);
    if (it->kind == SW_WIT_ITEM_FUNC) {
        sw_ast_extern type = func_extern(e, &e->outer, it->func);
        (void)sw_cwriter_export_type(&e->outer.writer, name, type);
    } else {
        add_interface(e, it->interface, &name, true, true);
    }
}

static void add_world(encoder *e, const sw_wit_world *w)
{
    for (const sw_wit_item *it = w->imports; it != NULL; it = it->next) {
        import_item(e, it);
    }
    for (const sw_wit_item *it = w->imports; it != NULL; it = it->next) {
        if (it->kind == SW_WIT_ITEM_TYPE && it->type->kind == SW_WIT_RESOURCE) {
            import_resource_funcs(e, it);
        }
    }
    for (const sw_wit_item *it = w->exports; it != NULL; it = it->next) {
        export_item(e, it);
    }
}

/* ---- Components ------------------------------------------------------------------------------ */

typedef void (*filler)(encoder *e, const void *item);

/* A component type filled by a function, as a type of w. */
static sw_status add_component_type(const sw_wit *wit, sw_cwriter *w, filler fill, const void *item,
                                    uint32_t *ret_type)
{
    encoder e = {.wit = wit};
    sw_arena_init(&e.arena, NULL, MAX_BYTES);
    scope_init(&e.outer, SW_SCOPE_COMPONENT_TYPE);
    fill(&e, item);
    *ret_type = sw_cwriter_scope_type(w, &e.outer.writer);
    sw_cwriter_clear(&e.outer.writer);
    sw_arena_clear(&e.arena);
    return e.status;
}

static void fill_interface(encoder *e, const void *item)
{
    const sw_wit_interface *i = item;
    import_deps(e, i);
    sw_ast_name name = extern_name(i->full_name, &i->head);
    sw_ast_extern type = {.sort = SW_SORT_INSTANCE, .index = interface_type(e, i, true, false)};
    (void)sw_cwriter_export_type(&e->outer.writer, name, type);
}

static void fill_world_inner(encoder *e, const void *item)
{
    add_world(e, item);
}

static void fill_world(encoder *e, const void *item)
{
    const sw_wit_world *w = item;
    sw_ast_extern type = {.sort = SW_SORT_COMPONENT};
    note(e, add_component_type(e->wit, &e->outer.writer, fill_world_inner, w, &type.index));
    (void)sw_cwriter_export_type(&e->outer.writer, extern_name(w->full_name, &w->head), type);
}

static sw_status add_item(const sw_wit *wit, sw_cwriter *w, filler fill, const void *item,
                          sw_str name)
{
    uint32_t type;
    SW_TRY(add_component_type(wit, w, fill, item, &type));
    (void)sw_cwriter_export(w, (sw_ast_name){.text = name}, SW_SORT_TYPE, type, NULL);
    return SW_OK;
}

static void add_producers(sw_cwriter *w)
{
    sw_buf b;
    sw_buf_init(&b, NULL, 4096);
    sw_buf_leb_u32(&b, 1);
    sw_cwrite_name(&b, SW_STR("processed-by"));
    sw_buf_leb_u32(&b, 1);
    sw_cwrite_name(&b, SW_STR("swell"));
    sw_cwrite_name(&b, SW_STR(SW_VERSION));
    sw_cwriter_custom(w, SW_STR("producers"), sw_buf_bytes(&b));
    sw_buf_clear(&b);
}

static sw_status add_docs(const sw_wit *w, const sw_wit_package *p, sw_cwriter *writer)
{
    sw_buf b;
    sw_buf_init(&b, NULL, MAX_BYTES);
    sw_buf_u8(&b, 1);
    sw_status st = sw_wit_encode_docs(w, p, &b);
    if (st == SW_OK) {
        sw_cwriter_custom(writer, SW_STR("package-docs"), sw_buf_bytes(&b));
    }
    sw_buf_clear(&b);
    return st;
}

static sw_status write_package(const sw_wit *wit, const sw_wit_package *p, sw_cwriter *w)
{
    sw_wit_order order;
    SW_TRY(sw_wit_order_make(wit->arena, p, &order));
    for (uint32_t n = 0; n < order.interfaces_count; n++) {
        const sw_wit_interface *i = order.interfaces[n];
        SW_TRY(add_item(wit, w, fill_interface, i, i->name.text));
    }
    for (uint32_t n = 0; n < order.worlds_count; n++) {
        const sw_wit_world *world = order.worlds[n];
        SW_TRY(add_item(wit, w, fill_world, world, world->name.text));
    }
    return add_docs(wit, p, w);
}

static sw_status finish(sw_cwriter *w, sw_status st, sw_diag *diag, sw_buf *out)
{
    if (st == SW_OK) {
        add_producers(w);
        st = sw_cwriter_finish(w, out);
    }
    sw_cwriter_clear(w);
    return st == SW_OK ? SW_OK
                       : sw_fail(diag, st, SW_NO_OFFSET, "encoding WIT: %s", sw_status_text(st));
}

sw_status sw_wit_encode_package(sw_wit *w, const sw_wit_package *p, sw_diag *diag, sw_buf *out)
{
    sw_cwriter writer;
    w->diag = diag;
    sw_cwriter_init(&writer, SW_SCOPE_COMPONENT, NULL, MAX_BYTES);
    return finish(&writer, write_package(w, p, &writer), diag, out);
}

sw_status sw_wit_encode_world(sw_wit *w, const sw_wit_world *world, sw_wit_strings strings,
                              sw_diag *diag, sw_buf *out)
{
    const uint8_t encoding[] = {0x04, (uint8_t)strings};
    sw_cwriter writer;
    w->diag = diag;
    sw_cwriter_init(&writer, SW_SCOPE_COMPONENT, NULL, MAX_BYTES);
    sw_cwriter_custom(&writer, SW_STR("wit-component-encoding"),
                      (sw_bytes){encoding, sizeof encoding});
    return finish(&writer, add_item(w, &writer, fill_world, world, world->name.text), diag, out);
}
