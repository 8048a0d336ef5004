/*
 * Evaluation of component definitions, as far as types are concerned.
 *
 * Scopes are evaluated in order: an import of an instance evaluates its type into an interface of
 * the model, an instantiation evaluates the nested component once more with its imports bound to
 * the arguments. So the types of what a component exports come out with their identities, without a
 * type checker. Indices are checked here; what else is wrong with an invalid component shows in the
 * model or not at all.
 */
#include "wit/decode_private.h"

enum { MAX_DEPTH = 100, MAX_WORK = 8 << 20 };

typedef enum place {
    IN_PACKAGE,   /* the root of a package */
    IN_ITEM,      /* the component type around one of its interfaces or worlds */
    IN_WORLD,     /* a world, as a component type */
    IN_ROOT,      /* a component, which is its own world */
    IN_NESTED,    /* a component in a component */
    IN_INTERFACE, /* an instance type */
} place;

typedef struct context {
    place place;
    frame *frame;
    sw_wit_world *world;         /* IN_WORLD, IN_ROOT */
    sw_wit_interface *interface; /* IN_INTERFACE; NULL: of no interest */
    const sw_ast_instance *args; /* IN_NESTED, indices are those of: */
    const frame *args_frame;
} context;

static sw_status eval_scope(decoder *d, const sw_ast_scope *s, context *c);

/* ---- Small things ---------------------------------------------------------------------------- */

sw_status sw_wit_decode_work(decoder *d, uint64_t steps)
{
    d->work += steps;
    return d->work > MAX_WORK
               ? sw_wit_decode_fail(d, SW_LIMIT, "the types take too long to evaluate")
               : SW_OK;
}

tnode *sw_wit_tnode_root(tnode *n)
{
    while (n->base != NULL) {
        n = n->base;
    }
    return n;
}

static frame *new_frame(decoder *d, frame *parent)
{
    frame *f = SW_NEW(d->arena, frame);
    if (f != NULL) {
        f->parent = parent;
    }
    return f;
}

/* A type equal to base (NULL: a fresh resource). */
static sw_status new_tnode(decoder *d, tnode *base, tnode **ret_node)
{
    tnode *n = SW_NEW(d->arena, tnode);
    if (n == NULL) {
        return sw_wit_decode_no_memory(d);
    }
    n->base = base;
    n->is_resource = base == NULL;
    *ret_node = n;
    return SW_OK;
}

#define PUSH(d, v, e) \
    (sw_avec_push((d)->arena, (v), (e)) == SW_OK ? SW_OK : sw_wit_decode_no_memory(d))

static sw_status push(decoder *d, frame *f, uint32_t sort, ent e)
{
    switch (sort) {
    case SW_SORT_TYPE: return PUSH(d, &f->types, e);
    case SW_SORT_FUNC: return PUSH(d, &f->funcs, e);
    case SW_SORT_INSTANCE: return PUSH(d, &f->instances, e);
    case SW_SORT_COMPONENT: return PUSH(d, &f->components, e);
    default: return SW_OK;
    }
}

static sw_status at(decoder *d, const frame *f, uint32_t sort, uint32_t index, ent *ret_ent)
{
    uint32_t count = sort == SW_SORT_TYPE        ? f->types.count
                     : sort == SW_SORT_FUNC      ? f->funcs.count
                     : sort == SW_SORT_INSTANCE  ? f->instances.count
                     : sort == SW_SORT_COMPONENT ? f->components.count
                                                 : 0;
    const ent *ents = sort == SW_SORT_TYPE        ? f->types.at
                      : sort == SW_SORT_FUNC      ? f->funcs.at
                      : sort == SW_SORT_INSTANCE  ? f->instances.at
                      : sort == SW_SORT_COMPONENT ? f->components.at
                                                  : NULL;
    if (sort < SW_SORT_FUNC) {
        *ret_ent = (ent){ENT_NONE};
        return SW_OK;
    }
    if (index >= count) {
        return sw_wit_decode_fail(d, SW_INVALID, "unknown %s %u", sw_sort_text((sw_sort)sort),
                                  index);
    }
    *ret_ent = ents[index];
    return SW_OK;
}

static sw_status expect(decoder *d, const ent *e, ent_kind kind)
{
    static const char *const TEXT[] = {
        [ENT_NONE] = "nothing",
        [ENT_TYPE] = "value or resource type",
        [ENT_FUNC] = "function type",
        [ENT_INSTANCE_TYPE] = "instance type",
        [ENT_COMPONENT_TYPE] = "component type",
        [ENT_INSTANCE] = "instance",
        [ENT_COMPONENT] = "component",
    };
    return e->kind == kind ? SW_OK
                           : sw_wit_decode_fail(d, SW_INVALID, "expected a %s, found a %s",
                                                TEXT[kind], TEXT[e->kind]);
}

sw_status sw_wit_eval_type_at(decoder *d, const frame *f, uint32_t index, tnode **ret_node)
{
    ent e = {ENT_NONE};
    SW_TRY(at(d, f, SW_SORT_TYPE, index, &e));
    SW_TRY(expect(d, &e, ENT_TYPE));
    *ret_node = e.node;
    return SW_OK;
}

/* ---- Definitions ----------------------------------------------------------------------------- */

static sw_status eval_type(decoder *d, frame *f, const sw_ast_type *t)
{
    ent e = {.type = t, .scope = t->scope, .frame = f};
    switch (t->form) {
    case SW_FORM_FUNC: e.kind = ENT_FUNC; break;
    case SW_FORM_INSTANCE: e.kind = ENT_INSTANCE_TYPE; break;
    case SW_FORM_COMPONENT: e.kind = ENT_COMPONENT_TYPE; break;
    default:
        e.kind = ENT_TYPE;
        SW_TRY(new_tnode(d, NULL, &e.node));
        e.node->is_resource = t->form == SW_FORM_RESOURCE;
        e.node->type = t;
        e.node->frame = f;
        break;
    }
    return push(d, f, SW_SORT_TYPE, e);
}

static const ent *find_export(const named_ents *exports, sw_str name)
{
    for (uint32_t i = 0; i < exports->count; i++) {
        if (sw_str_eq(exports->at[i].name.text, name)) {
            return &exports->at[i].ent;
        }
    }
    return NULL;
}

static sw_status eval_alias(decoder *d, frame *f, const sw_ast_alias *a)
{
    ent e = {ENT_NONE};
    if (a->kind == SW_ALIAS_CORE_EXPORT || a->sort < SW_SORT_FUNC) {
        return SW_OK;
    }
    if (a->kind == SW_ALIAS_OUTER) {
        const frame *from = f;
        for (uint32_t i = 0; i < a->outer && from != NULL; i++) {
            from = from->parent;
        }
        if (from == NULL) {
            return sw_wit_decode_fail(d, SW_INVALID, "alias leaves more scopes than there are");
        }
        SW_TRY(at(d, from, a->sort, a->index, &e));
        return push(d, f, a->sort, e);
    }
    SW_TRY(at(d, f, SW_SORT_INSTANCE, a->index, &e));
    SW_TRY(expect(d, &e, ENT_INSTANCE));
    SW_TRY(sw_wit_decode_work(d, e.exports->count));
    const ent *found = find_export(e.exports, a->name);
    if (found == NULL) {
        return sw_wit_decode_fail(d, SW_INVALID, "instance %u has no export `%.*s`", a->index,
                                  SW_STR_ARG(a->name));
    }
    return push(d, f, a->sort, *found);
}

/* Instantiates a component, or gathers exports. */
static sw_status eval_instance(decoder *d, frame *f, const sw_ast_instance *in)
{
    ent made = {.kind = ENT_INSTANCE};
    frame *inner = new_frame(d, NULL);
    if (inner == NULL) {
        return sw_wit_decode_no_memory(d);
    }
    if (in->target == SW_NO_INDEX) {
        for (uint32_t i = 0; i < in->args_count; i++) {
            named_ent n = {.name = in->args[i].name};
            SW_TRY(at(d, f, in->args[i].sort, in->args[i].index, &n.ent));
            SW_TRY(PUSH(d, &inner->exports, n));
        }
    } else {
        ent component = {ENT_NONE};
        SW_TRY(at(d, f, SW_SORT_COMPONENT, in->target, &component));
        SW_TRY(expect(d, &component, ENT_COMPONENT));
        inner->parent = component.frame;
        context c = {.place = IN_NESTED, .frame = inner, .args = in, .args_frame = f};
        SW_TRY(eval_scope(d, component.scope, &c));
    }
    made.exports = &inner->exports;
    return push(d, f, SW_SORT_INSTANCE, made);
}

/* An instance of an instance type; what it exports goes to the interface, too. */
static sw_status eval_instance_type(decoder *d, const ent *type, sw_wit_interface *i, ent *ret_ent)
{
    SW_TRY(expect(d, type, ENT_INSTANCE_TYPE));
    frame *inner = new_frame(d, type->frame);
    if (inner == NULL) {
        return sw_wit_decode_no_memory(d);
    }
    context c = {.place = IN_INTERFACE, .frame = inner, .interface = i};
    SW_TRY(eval_scope(d, type->scope, &c));
    *ret_ent = (ent){.kind = ENT_INSTANCE, .exports = &inner->exports};
    return SW_OK;
}

/* ---- Imports --------------------------------------------------------------------------------- */

/* The argument an import of a nested component is bound to; ENT_NONE if there is none. */
static sw_status find_arg(decoder *d, const context *c, sw_str name, ent *ret_ent)
{
    *ret_ent = (ent){ENT_NONE};
    SW_TRY(sw_wit_decode_work(d, c->args->args_count));
    for (uint32_t i = 0; i < c->args->args_count; i++) {
        const sw_ast_arg *a = &c->args->args[i];
        if (sw_str_eq(a->name.text, name)) {
            return at(d, c->args_frame, a->sort, a->index, ret_ent);
        }
    }
    return SW_OK;
}

/* What an import or export of a type scope introduces, apart from instances. */
static sw_status make_extern(decoder *d, const frame *f, const sw_ast_extern *type, ent *ret_ent)
{
    ent e = {ENT_NONE};
    if (type->sort == SW_SORT_TYPE && type->is_sub) {
        *ret_ent = (ent){.kind = ENT_TYPE};
        return new_tnode(d, NULL, &ret_ent->node);
    }
    if (type->sort < SW_SORT_FUNC) {
        *ret_ent = (ent){ENT_NONE};
        return SW_OK;
    }
    SW_TRY(at(d, f, SW_SORT_TYPE, type->index, &e));
    if (type->sort == SW_SORT_TYPE && e.kind == ENT_TYPE) {
        *ret_ent = e;
        return new_tnode(d, e.node, &ret_ent->node);
    }
    if (type->sort == SW_SORT_FUNC) {
        SW_TRY(expect(d, &e, ENT_FUNC));
    }
    *ret_ent = e;
    return SW_OK;
}

/* The interface that an instance under that name is in the model. */
static sw_status interface_of(decoder *d, const sw_wit_world *w, const sw_ast_name *name,
                              sw_wit_interface **ret_interface)
{
    if (name->implements.ptr != NULL) {
        return sw_wit_model_interface(d, name->implements, ret_interface);
    }
    if (sw_wit_model_is_path(name->text)) {
        return sw_wit_model_interface(d, name->text, ret_interface);
    }
    if (w == NULL) {
        return sw_wit_decode_fail(d, SW_INVALID, "`%.*s` is no name of an interface",
                                  SW_STR_ARG(name->text));
    }
    return sw_wit_model_new_interface(d, w, name->text, ret_interface);
}

static sw_status add_to_world(decoder *d, const context *c, const sw_ast_name *name, const ent *e,
                              sw_wit_interface *i, bool is_export)
{
    if (c->world == NULL) {
        return SW_OK;
    }
    if (e->kind == ENT_TYPE) {
        return is_export ? SW_OK : sw_wit_model_add_type(d, c->world->own, name, e->node);
    }
    if (e->kind == ENT_FUNC || e->kind == ENT_INSTANCE) {
        return sw_wit_model_add_item(d, c->world, name, e->kind == ENT_FUNC ? e : NULL, i,
                                     is_export);
    }
    return sw_wit_decode_fail(d, SW_UNSUPPORTED,
                              "`%.*s` is a core module or a component, for which WIT has no "
                              "words",
                              SW_STR_ARG(name->text));
}

static sw_status eval_import(decoder *d, context *c, const sw_ast_import *import)
{
    ent e = {ENT_NONE};
    sw_wit_interface *i = NULL;
    if (c->place == IN_NESTED) {
        SW_TRY(find_arg(d, c, import->name.text, &e));
        if (e.kind == ENT_NONE && import->type.sort >= SW_SORT_FUNC) {
            return sw_wit_decode_fail(d, SW_INVALID, "no argument for import `%.*s`",
                                      SW_STR_ARG(import->name.text));
        }
        return push(d, c->frame, import->type.sort, e);
    }
    SW_TRY(make_extern(d, c->frame, &import->type, &e));
    if (import->type.sort == SW_SORT_INSTANCE) {
        ent type = e;
        SW_TRY(interface_of(d, c->world, &import->name, &i));
        SW_TRY(eval_instance_type(d, &type, i, &e));
    }
    SW_TRY(add_to_world(d, c, &import->name, &e, i, false));
    return push(d, c->frame, import->type.sort, e);
}

/* ---- Exports --------------------------------------------------------------------------------- */

static sw_status eval_world(decoder *d, const ent *type, sw_str full_name)
{
    SW_TRY(expect(d, type, ENT_COMPONENT_TYPE));
    context c = {.place = IN_WORLD, .frame = new_frame(d, type->frame)};
    if (c.frame == NULL) {
        return sw_wit_decode_no_memory(d);
    }
    SW_TRY(sw_wit_model_new_world(d, full_name, &c.world));
    SW_TRY(sw_wit_model_set_main(d, c.world->scope->package));
    d->world = c.world;
    return eval_scope(d, type->scope, &c);
}

/* The one export of the component type around an interface or a world. */
static sw_status eval_item_export(decoder *d, const context *c, const sw_ast_export *export)
{
    ent type = {ENT_NONE};
    ent instance = {ENT_NONE};
    sw_wit_interface *i;
    SW_TRY(at(d, c->frame, SW_SORT_TYPE, export->type.index, &type));
    if (export->type.sort == SW_SORT_COMPONENT) {
        return eval_world(d, &type, export->name.text);
    }
    if (export->type.sort != SW_SORT_INSTANCE) {
        return sw_wit_decode_fail(d, SW_INVALID, "`%.*s` is neither an interface nor a world",
                                  SW_STR_ARG(export->name.text));
    }
    SW_TRY(sw_wit_model_interface(d, export->name.text, &i));
    SW_TRY(sw_wit_model_set_main(d, i->scope->package));
    return eval_instance_type(d, &type, i, &instance);
}

/* An export in a type scope. */
static sw_status eval_export_type(decoder *d, context *c, const sw_ast_export *export)
{
    ent e = {ENT_NONE};
    sw_wit_interface *i = NULL;
    if (c->place == IN_ITEM) {
        return eval_item_export(d, c, export);
    }
    SW_TRY(make_extern(d, c->frame, &export->type, &e));
    if (export->type.sort == SW_SORT_INSTANCE) {
        ent type = e;
        if (c->place == IN_INTERFACE && c->interface != NULL) {
            return sw_wit_decode_fail(d, SW_UNSUPPORTED,
                                      "an interface in an interface, for which WIT has no "
                                      "words");
        }
        if (c->world != NULL) {
            SW_TRY(interface_of(d, c->world, &export->name, &i));
        }
        SW_TRY(eval_instance_type(d, &type, i, &e));
    }
    if (c->interface != NULL && e.kind == ENT_TYPE) {
        SW_TRY(sw_wit_model_add_type(d, c->interface, &export->name, e.node));
    } else if (c->interface != NULL && e.kind == ENT_FUNC) {
        SW_TRY(sw_wit_model_add_func(d, c->interface, &export->name, &e));
    }
    SW_TRY(add_to_world(d, c, &export->name, &e, i, true));
    SW_TRY(PUSH(d, &c->frame->exports, ((named_ent){export->name, e})));
    return push(d, c->frame, export->type.sort, e);
}

/* Puts the exports of an instance into an interface: types first, for functions mention them. */
static sw_status add_exports(decoder *d, sw_wit_interface *i, const named_ents *exports)
{
    for (uint32_t n = 0; n < exports->count; n++) {
        if (exports->at[n].ent.kind == ENT_TYPE) {
            SW_TRY(sw_wit_model_add_type(d, i, &exports->at[n].name, exports->at[n].ent.node));
        }
    }
    for (uint32_t n = 0; n < exports->count; n++) {
        if (exports->at[n].ent.kind == ENT_FUNC) {
            SW_TRY(sw_wit_model_add_func(d, i, &exports->at[n].name, &exports->at[n].ent));
        }
    }
    return SW_OK;
}

/* An export of a component: of something that is there, perhaps with another type. */
static sw_status eval_export(decoder *d, context *c, const sw_ast_export *export)
{
    ent e = {ENT_NONE};
    sw_wit_interface *i = NULL;
    SW_TRY(at(d, c->frame, export->sort, export->index, &e));
    if (c->place == IN_PACKAGE) {
        SW_TRY(expect(d, &e, ENT_COMPONENT_TYPE));
        context item = {.place = IN_ITEM, .frame = new_frame(d, e.frame)};
        SW_TRY(item.frame == NULL ? sw_wit_decode_no_memory(d) : eval_scope(d, e.scope, &item));
        return push(d, c->frame, export->sort, e);
    }
    if (export->sort == SW_SORT_TYPE && e.kind == ENT_TYPE) {
        SW_TRY(new_tnode(d, e.node, &e.node));
    } else if (export->sort == SW_SORT_FUNC && export->has_type) {
        SW_TRY(make_extern(d, c->frame, &export->type, &e));
    }
    if (c->place == IN_ROOT && e.kind == ENT_INSTANCE) {
        SW_TRY(interface_of(d, c->world, &export->name, &i));
        SW_TRY(add_exports(d, i, e.exports));
    }
    SW_TRY(add_to_world(d, c, &export->name, &e, i, true));
    SW_TRY(PUSH(d, &c->frame->exports, ((named_ent){export->name, e})));
    return push(d, c->frame, export->sort, e);
}

/* ---- Scopes ---------------------------------------------------------------------------------- */

static sw_status eval_canon(decoder *d, frame *f, const sw_ast_canon *canon)
{
    ent e = {ENT_NONE};
    if (canon->op != SW_CANON_LIFT) {
        return SW_OK;
    }
    SW_TRY(at(d, f, SW_SORT_TYPE, canon->type, &e));
    SW_TRY(expect(d, &e, ENT_FUNC));
    return push(d, f, SW_SORT_FUNC, e);
}

static sw_status eval_def(decoder *d, context *c, const sw_ast_def *def)
{
    frame *f = c->frame;
    switch (def->kind) {
    case SW_AST_TYPE: return eval_type(d, f, def->type);
    case SW_AST_ALIAS: return eval_alias(d, f, &def->alias);
    case SW_AST_INSTANCE: return eval_instance(d, f, &def->instance);
    case SW_AST_CANON: return eval_canon(d, f, def->canon);
    case SW_AST_IMPORT: return eval_import(d, c, def->import);
    case SW_AST_COMPONENT:
        return push(d, f, SW_SORT_COMPONENT,
                    (ent){.kind = ENT_COMPONENT, .scope = def->component, .frame = f});
    case SW_AST_EXPORT:
        return def->export->sort == SW_SORTS_COUNT ? eval_export_type(d, c, def->export)
                                                   : eval_export(d, c, def->export);
    default: return SW_OK; /* core definitions */
    }
}

static sw_status eval_scope(decoder *d, const sw_ast_scope *s, context *c)
{
    if (++d->depth > MAX_DEPTH) {
        return sw_wit_decode_fail(d, SW_LIMIT, "components nest too deeply");
    }
    for (uint32_t i = 0; i < s->defs_count; i++) {
        d->offset = s->defs[i].offset;
        SW_TRY(sw_wit_decode_work(d, 1));
        SW_TRY(eval_def(d, c, &s->defs[i]));
    }
    d->depth--;
    return SW_OK;
}

bool sw_wit_eval_is_package(const sw_ast_scope *root)
{
    bool has_export = false;
    for (uint32_t i = 0; i < root->defs_count; i++) {
        const sw_ast_def *def = &root->defs[i];
        bool is_type = def->kind == SW_AST_TYPE && def->type->form == SW_FORM_COMPONENT;
        bool is_export = def->kind == SW_AST_EXPORT && def->export->sort == SW_SORT_TYPE;
        has_export = has_export || is_export;
        if (!is_type && !is_export) {
            return false;
        }
    }
    return has_export;
}

sw_status sw_wit_eval_package(decoder *d, const sw_ast_scope *root)
{
    context c = {.place = IN_PACKAGE, .frame = new_frame(d, NULL)};
    return c.frame == NULL ? sw_wit_decode_no_memory(d) : eval_scope(d, root, &c);
}

sw_status sw_wit_eval_component(decoder *d, const sw_ast_scope *root)
{
    context c = {.place = IN_ROOT, .frame = new_frame(d, NULL)};
    if (c.frame == NULL) {
        return sw_wit_decode_no_memory(d);
    }
    SW_TRY(sw_wit_model_new_world(d, SW_STR("root:component/root"), &c.world));
    SW_TRY(sw_wit_model_set_main(d, c.world->scope->package));
    d->world = c.world;
    return eval_scope(d, root, &c);
}
