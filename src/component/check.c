/* The definitions of a component, in their order. */
#include "component/check.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_WORK = 30000000 };

/* ---- Failures -------------------------------------------------------------------------------- */

sw_status sw_check_fail(sw_checker *c, const char *fmt, ...)
{
    char text[320];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return sw_fail(c->diag, SW_INVALID, c->offset, "%s", text);
}

sw_status sw_check_no_memory(sw_checker *c)
{
    return sw_fail(c->diag, SW_NO_MEMORY, c->offset, "out of memory while checking a component");
}

sw_status sw_check_work(sw_checker *c, uint64_t steps)
{
    c->work += steps;
    return c->work <= MAX_WORK
               ? SW_OK
               : sw_fail(c->diag, SW_LIMIT, c->offset, "component is too complex to check");
}

const char *sw_ent_text(sw_ent_kind kind)
{
    static const char *const TEXT[] = {
        [SW_ENT_NONE] = "nothing",
        [SW_ENT_MODULE] = "module",
        [SW_ENT_FUNC] = "func",
        [SW_ENT_COMPONENT] = "component",
        [SW_ENT_INSTANCE] = "instance",
        [SW_ENT_TYPE_VALUE] = "type",
        [SW_ENT_TYPE_FUNC] = "type of a func",
        [SW_ENT_TYPE_COMPONENT] = "type of a component",
        [SW_ENT_TYPE_INSTANCE] = "type of an instance",
        [SW_ENT_TYPE_RESOURCE] = "resource",
    };
    return TEXT[kind];
}

/* ---- Index spaces ---------------------------------------------------------------------------- */

sw_status sw_check_push(sw_checker *c, sw_cscope *s, sw_ent e)
{
    sw_status st = SW_OK;
    switch ((sw_ent_kind)e.kind) {
    case SW_ENT_NONE: break;
    case SW_ENT_MODULE: st = sw_avec_push(c->arena, &s->core_modules, e.index); break;
    case SW_ENT_FUNC: st = sw_avec_push(c->arena, &s->funcs, e.index); break;
    case SW_ENT_COMPONENT: st = sw_avec_push(c->arena, &s->components, e.index); break;
    case SW_ENT_INSTANCE: st = sw_avec_push(c->arena, &s->instances, e.index); break;
    case SW_ENT_TYPE_VALUE:
    case SW_ENT_TYPE_FUNC:
    case SW_ENT_TYPE_COMPONENT:
    case SW_ENT_TYPE_INSTANCE:
    case SW_ENT_TYPE_RESOURCE: st = sw_avec_push(c->arena, &s->types, e); break;
    }
    return st == SW_OK ? SW_OK : sw_check_no_memory(c);
}

/* The entity at an index, of one of the sorts that can be exported. */
static sw_status entity_at(sw_checker *c, const sw_cscope *s, uint32_t sort, uint32_t index,
                           sw_ent *ret_ent)
{
    static const uint8_t KINDS[SW_SORTS_COUNT] = {
        [SW_SORT_CORE_MODULE] = SW_ENT_MODULE,
        [SW_SORT_FUNC] = SW_ENT_FUNC,
        [SW_SORT_COMPONENT] = SW_ENT_COMPONENT,
        [SW_SORT_INSTANCE] = SW_ENT_INSTANCE,
    };
    if (sort == SW_SORT_TYPE) {
        if (index >= s->types.count) {
            return sw_check_fail(c, "unknown type %u: type index out of bounds", index);
        }
        *ret_ent = s->types.at[index];
        return SW_OK;
    }
    uint32_t count = sort == SW_SORT_CORE_MODULE ? s->core_modules.count
                     : sort == SW_SORT_FUNC      ? s->funcs.count
                     : sort == SW_SORT_COMPONENT ? s->components.count
                                                 : s->instances.count;
    const uint32_t *at = sort == SW_SORT_CORE_MODULE ? s->core_modules.at
                         : sort == SW_SORT_FUNC      ? s->funcs.at
                         : sort == SW_SORT_COMPONENT ? s->components.at
                                                     : s->instances.at;
    if (index >= count) {
        return sw_check_fail(c, "unknown %s %u: %s index out of bounds",
                             sw_sort_text((sw_sort)sort), index, sw_sort_text((sw_sort)sort));
    }
    *ret_ent = (sw_ent){KINDS[sort], at[index]};
    return SW_OK;
}

/* ---- Aliases --------------------------------------------------------------------------------- */

static bool is_of_sort(sw_ent e, uint32_t sort)
{
    switch (sort) {
    case SW_SORT_CORE_MODULE: return e.kind == SW_ENT_MODULE;
    case SW_SORT_FUNC: return e.kind == SW_ENT_FUNC;
    case SW_SORT_COMPONENT: return e.kind == SW_ENT_COMPONENT;
    case SW_SORT_INSTANCE: return e.kind == SW_ENT_INSTANCE;
    case SW_SORT_TYPE: return e.kind >= SW_ENT_TYPE_VALUE;
    default: return false;
    }
}

static sw_status alias_export(sw_checker *c, sw_cscope *s, const sw_ast_alias *a)
{
    if (a->index >= s->instances.count) {
        return sw_check_fail(c, "unknown instance %u: instance index out of bounds", a->index);
    }
    const sw_cexterns *exports = &c->insts.at[s->instances.at[a->index]].exports;
    const uint32_t *at = sw_name_map_find(&exports->names, a->name);
    if (at == NULL) {
        return sw_check_fail(c, "instance %u has no export named `%.*s`", a->index,
                             SW_STR_ARG(a->name));
    }
    if (!is_of_sort(exports->at[*at].ent, a->sort)) {
        return sw_check_fail(c, "export `%.*s` for instance %u is not a %s", SW_STR_ARG(a->name),
                             a->index, sw_sort_text((sw_sort)a->sort));
    }
    return sw_check_push(c, s, exports->at[*at].ent);
}

static sw_status alias_outer(sw_checker *c, sw_cscope *s, const sw_ast_alias *a)
{
    const sw_cscope *from = s;
    bool leaves_component = false;
    for (uint32_t i = 0; i < a->outer && from != NULL; i++) {
        leaves_component |= from->kind == SW_SCOPE_COMPONENT;
        from = from->parent;
    }
    if (from == NULL) {
        return sw_check_fail(c, "invalid outer alias count of %u", a->outer);
    }
    if (a->sort == SW_SORT_CORE_TYPE) {
        if (a->index >= from->core_types.count) {
            return sw_check_fail(c, "unknown core type %u: type index out of bounds", a->index);
        }
        return sw_avec_push(c->arena, &s->core_types, from->core_types.at[a->index]) == SW_OK
                   ? SW_OK
                   : sw_check_no_memory(c);
    }
    sw_ent e;
    bool has_free = false;
    SW_TRY(entity_at(c, from, a->sort, a->index, &e));
    if (leaves_component && a->sort == SW_SORT_TYPE) {
        SW_TRY(sw_check_has_free(c, e, &has_free));
    }
    if (has_free) {
        return sw_check_fail(c, "cannot alias outer type which transitively refers to resources "
                                "not defined in the current component");
    }
    return sw_check_push(c, s, e);
}

sw_status sw_check_alias(sw_checker *c, sw_cscope *s, const sw_ast_alias *a)
{
    switch ((sw_alias_kind)a->kind) {
    case SW_ALIAS_EXPORT: return alias_export(c, s, a);
    case SW_ALIAS_CORE_EXPORT: return sw_check_core_alias(c, s, a);
    case SW_ALIAS_OUTER: break;
    }
    return alias_outer(c, s, a);
}

/* ---- Instances ------------------------------------------------------------------------------- */

static sw_status push_instance(sw_checker *c, sw_cscope *s, sw_cinst in)
{
    uint32_t inst;
    SW_TRY(sw_check_add_inst(c, in, &inst));
    return sw_check_push(c, s, (sw_ent){SW_ENT_INSTANCE, inst});
}

static sw_status bag_of_exports(sw_checker *c, sw_cscope *s, const sw_ast_instance *in)
{
    sw_cside *side = SW_NEW(c->arena, sw_cside);
    if (side == NULL) {
        return sw_check_no_memory(c);
    }
    for (uint32_t i = 0; i < in->args_count; i++) {
        sw_ent e;
        SW_TRY(entity_at(c, s, in->args[i].sort, in->args[i].index, &e));
        SW_TRY(sw_check_copy_type(c, e, &e));
        SW_TRY(sw_check_add_name(c, side, &in->args[i].name, e, false));
    }
    return push_instance(c, s,
                         (sw_cinst){
                             .exports = {side->items.at, side->items.count, side->names}
    });
}

static sw_status collect_args(sw_checker *c, const sw_cscope *s, const sw_ast_instance *in,
                              sw_name_map *args)
{
    for (uint32_t i = 0; i < in->args_count; i++) {
        bool inserted;
        sw_ent e;
        SW_TRY(entity_at(c, s, in->args[i].sort, in->args[i].index, &e));
        if (sw_name_map_insert(c->arena, args, in->args[i].name.text, i, &inserted) != SW_OK) {
            return sw_check_no_memory(c);
        }
        if (!inserted) {
            return sw_check_fail(c,
                                 "instantiation argument `%.*s` conflicts with previous argument",
                                 SW_STR_ARG(in->args[i].name.text));
        }
    }
    return SW_OK;
}

/* The types that an argument brings in the place of an import's: exports of the instance that use
 * them then have the argument's external names. */
static sw_status rename_types(sw_checker *c, sw_subst *subst, sw_ent import, sw_ent arg)
{
    if (import.kind == SW_ENT_TYPE_VALUE || import.kind == SW_ENT_TYPE_RESOURCE) {
        uint64_t key = sw_subst_key((sw_ent_kind)import.kind, import.index);
        bool is_prim = import.kind == SW_ENT_TYPE_VALUE && sw_vtype_is_prim(import.index);
        return is_prim || sw_id_map_set(c->arena, &subst->types, key, arg.index) == SW_OK
                   ? SW_OK
                   : sw_check_no_memory(c);
    }
    if (import.kind != SW_ENT_INSTANCE) {
        return SW_OK;
    }
    sw_cexterns wanted = c->insts.at[import.index].exports;
    sw_cexterns offered = c->insts.at[arg.index].exports;
    SW_TRY(sw_check_work(c, wanted.count));
    for (uint32_t i = 0; i < wanted.count; i++) {
        const uint32_t *at = sw_name_map_find(&offered.names, wanted.at[i].name);
        SW_CHECK(at != NULL);
        SW_TRY(rename_types(c, subst, wanted.at[i].ent, offered.at[*at].ent));
    }
    return SW_OK;
}

static sw_status match_imports(sw_checker *c, const sw_cscope *s, const sw_ast_instance *in,
                               const sw_ccomp *comp, sw_subst *subst)
{
    sw_name_map args = {};
    SW_TRY(collect_args(c, s, in, &args));
    for (uint32_t i = 0; i < comp->bound_imports.count; i++) {
        SW_TRY(sw_check_open(c, comp->bound_imports.at[i]));
    }
    for (uint32_t i = 0; i < comp->imports.count; i++) {
        const sw_cextern *import = &comp->imports.at[i];
        const uint32_t *at = sw_name_map_find(&args, import->name);
        sw_ent arg;
        if (at == NULL) {
            return sw_check_fail(c, "missing import named `%.*s`", SW_STR_ARG(import->name));
        }
        SW_TRY(entity_at(c, s, in->args[*at].sort, in->args[*at].index, &arg));
        sw_status st = sw_check_subtype(c, arg, import->ent);
        if (st != SW_OK) {
            return sw_fail_context(c->diag, st, "type mismatch for import `%.*s`",
                                   SW_STR_ARG(import->name));
        }
        SW_TRY(rename_types(c, subst, import->ent, arg));
    }
    return SW_OK;
}

static sw_status instantiate(sw_checker *c, sw_cscope *s, const sw_ast_instance *in)
{
    if (in->target >= s->components.count) {
        return sw_check_fail(c, "unknown component %u: component index out of bounds", in->target);
    }
    sw_ccomp comp = c->comps.at[s->components.at[in->target]];
    uint32_t mark = sw_check_mark(c);
    sw_subst subst = {};
    sw_cinst made = {};
    SW_TRY(match_imports(c, s, in, &comp, &subst));
    for (uint32_t i = 0; i < comp.bound_imports.count; i++) {
        uint32_t r = comp.bound_imports.at[i];
        if (sw_id_map_set(c->arena, &subst.resources, r, sw_check_resolve(c, r)) != SW_OK) {
            return sw_check_no_memory(c);
        }
    }
    sw_check_close(c, mark);
    SW_TRY(sw_subst_freshen(c, &subst, comp.bound_exports));
    SW_TRY(sw_subst_externs(c, &subst, &comp.exports, &made.exports));
    return push_instance(c, s, made);
}

static sw_status check_instance(sw_checker *c, sw_cscope *s, const sw_ast_instance *in)
{
    if (s->instances.count + s->core_instances.count >= SW_MAX_COMPONENT_INSTANCES) {
        return sw_fail(c->diag, SW_LIMIT, c->offset, "more than %d instances in a component",
                       SW_MAX_COMPONENT_INSTANCES);
    }
    return in->target == SW_NO_INDEX ? bag_of_exports(c, s, in) : instantiate(c, s, in);
}

/* ---- Imports and exports --------------------------------------------------------------------- */

static sw_status check_import(sw_checker *c, sw_cscope *s, const sw_ast_import *import)
{
    sw_ent e;
    SW_TRY(sw_check_extern(c, s, &import->type, &e));
    SW_TRY(sw_check_add_name(c, &s->imports, &import->name, e, true));
    SW_TRY(sw_check_visibility(c, s, e, true));
    return sw_check_push(c, s, e);
}

/* The declared type of an export stands for the definition from here on. */
static sw_status ascribe(sw_checker *c, sw_cscope *s, const sw_ast_extern *type, sw_ent *e)
{
    uint32_t mark = sw_check_mark(c), first = c->resources.count;
    sw_ent declared;
    SW_TRY(sw_check_extern(c, s, type, &declared));
    for (uint32_t i = first; i < c->resources.count; i++) {
        SW_TRY(sw_check_open(c, i));
    }
    sw_status st = sw_check_subtype(c, *e, declared);
    if (st != SW_OK) {
        return sw_fail_context(c->diag, st, "ascribed type of export is not compatible");
    }
    sw_check_close(c, mark);
    *e = declared;
    return SW_OK;
}

static sw_status check_export(sw_checker *c, sw_cscope *s, const sw_ast_export *export)
{
    sw_ent e;
    SW_TRY(entity_at(c, s, export->sort, export->index, &e));
    if (export->has_type) {
        SW_TRY(ascribe(c, s, &export->type, &e));
    } else {
        SW_TRY(sw_check_copy_type(c, e, &e));
    }
    SW_TRY(sw_check_add_name(c, &s->exports, &export->name, e, false));
    SW_TRY(sw_check_visibility(c, s, e, false));
    return sw_check_push(c, s, e);
}

/* ---- Components ------------------------------------------------------------------------------ */

static sw_status check_component(sw_checker *c, sw_cscope *parent, const sw_ast_scope *ast,
                                 uint32_t *ret_comp);

static sw_status check_core_instance(sw_checker *c, sw_cscope *s, const sw_ast_instance *in)
{
    if (s->instances.count + s->core_instances.count >= SW_MAX_COMPONENT_INSTANCES) {
        return sw_fail(c->diag, SW_LIMIT, c->offset, "more than %d instances in a component",
                       SW_MAX_COMPONENT_INSTANCES);
    }
    return sw_check_core_instance(c, s, in);
}

static sw_status check_core_type(sw_checker *c, sw_cscope *s, const sw_ast_core_type *type)
{
    sw_core_typedef t;
    SW_TRY(sw_check_core_type(c, s, type, &t));
    return sw_avec_push(c->arena, &s->core_types, t) == SW_OK ? SW_OK : sw_check_no_memory(c);
}

static sw_status check_def(sw_checker *c, sw_cscope *s, const sw_ast_def *d)
{
    sw_ent e;
    c->offset = d->offset;
    switch ((sw_ast_kind)d->kind) {
    case SW_AST_CORE_MODULE:
        e.kind = SW_ENT_MODULE;
        SW_TRY(sw_check_module(c, &c->ast->modules[d->module], &e.index));
        return sw_check_push(c, s, e);
    case SW_AST_CORE_INSTANCE: return check_core_instance(c, s, &d->instance);
    case SW_AST_CORE_TYPE: return check_core_type(c, s, d->core_type);
    case SW_AST_COMPONENT:
        e.kind = SW_ENT_COMPONENT;
        SW_TRY(check_component(c, s, d->component, &e.index));
        return sw_check_push(c, s, e);
    case SW_AST_INSTANCE: return check_instance(c, s, &d->instance);
    case SW_AST_ALIAS: return sw_check_alias(c, s, &d->alias);
    case SW_AST_TYPE: SW_TRY(sw_check_type(c, s, d->type, &e)); return sw_check_push(c, s, e);
    case SW_AST_CANON: return sw_check_canon(c, s, d->canon);
    case SW_AST_IMPORT: return check_import(c, s, d->import);
    case SW_AST_EXPORT: break;
    }
    return check_export(c, s, d->export);
}

static sw_status check_component(sw_checker *c, sw_cscope *parent, const sw_ast_scope *ast,
                                 uint32_t *ret_comp)
{
    sw_cscope *s = SW_NEW(c->arena, sw_cscope);
    if (s == NULL) {
        return sw_check_no_memory(c);
    }
    s->parent = parent;
    s->kind = SW_SCOPE_COMPONENT;
    s->first_resource = c->resources.count;
    for (uint32_t i = 0; i < ast->defs_count; i++) {
        SW_TRY(check_def(c, s, &ast->defs[i]));
    }
    c->offset = ast->end;
    return sw_check_close_component(c, s, ret_comp);
}

sw_status sw_check_component(sw_arena *scratch, sw_bytes bytes, const sw_ast *ast, sw_diag *diag)
{
    sw_checker *c = SW_NEW(scratch, sw_checker);
    uint32_t comp;
    if (c == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
    }
    c->arena = scratch;
    c->diag = diag;
    c->ast = ast;
    c->bytes = bytes;
    return check_component(c, NULL, ast->root, &comp);
}
