/* Core modules, their types and instances, as components see them. */
#include "component/check.h"

/* ---- Types of core items --------------------------------------------------------------------- */

bool sw_core_functype_is(const sw_functype *t, const sw_valtype *params, uint32_t params_count,
                         const sw_valtype *results, uint32_t results_count)
{
    return t->params_count == params_count && t->results_count == results_count &&
           (params_count == 0 || memcmp(t->params, params, params_count * sizeof *params) == 0) &&
           (results_count == 0 ||
            memcmp(t->results, results, results_count * sizeof *results) == 0);
}

static bool mentions_index(const sw_valtype *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (sw_valtype_is_ref(types[i]) && sw_heap_is_index(sw_valtype_heap(types[i]))) {
            return true;
        }
    }
    return false;
}

static bool equal_functypes(const sw_core_item *a, const sw_core_item *b)
{
    if (a->func == b->func) {
        return true;
    }
    if (a->origin != b->origin && (mentions_index(a->func->params, a->func->params_count) ||
                                   mentions_index(a->func->results, a->func->results_count))) {
        return false;
    }
    return sw_core_functype_is(a->func, b->func->params, b->func->params_count, b->func->results,
                               b->func->results_count);
}

static bool limits_fit(const sw_limits *offered, const sw_limits *wanted)
{
    return offered->is_64 == wanted->is_64 && offered->is_shared == wanted->is_shared &&
           offered->page_log2 == wanted->page_log2 && offered->min >= wanted->min &&
           (!wanted->has_max || (offered->has_max && offered->max <= wanted->max));
}

static const char *const EXTERN_TEXT[] = {
    [SW_EXTERN_FUNC] = "function", [SW_EXTERN_TABLE] = "table", [SW_EXTERN_MEMORY] = "memory",
    [SW_EXTERN_GLOBAL] = "global", [SW_EXTERN_TAG] = "tag",
};

static bool item_fits(const sw_core_item *offered, const sw_core_item *wanted)
{
    switch (wanted->kind) {
    case SW_EXTERN_FUNC:
    case SW_EXTERN_TAG: return equal_functypes(offered, wanted);
    case SW_EXTERN_TABLE:
        return offered->table.element == wanted->table.element &&
               limits_fit(&offered->table.limits, &wanted->table.limits);
    case SW_EXTERN_MEMORY: return limits_fit(&offered->memory.limits, &wanted->memory.limits);
    case SW_EXTERN_GLOBAL: break;
    }
    return offered->global.type == wanted->global.type &&
           offered->global.is_mutable == wanted->global.is_mutable;
}

static sw_status check_item(sw_checker *c, const sw_core_item *offered, const sw_core_item *wanted,
                            sw_str module, sw_str name)
{
    if (offered->kind != wanted->kind) {
        return sw_check_fail(c, "type mismatch for `%.*s` `%.*s`: expected %s, found %s",
                             SW_STR_ARG(module), SW_STR_ARG(name), EXTERN_TEXT[wanted->kind],
                             EXTERN_TEXT[offered->kind]);
    }
    if (!item_fits(offered, wanted)) {
        return sw_check_fail(c, "type mismatch for `%.*s` `%.*s`: the %s has another type",
                             SW_STR_ARG(module), SW_STR_ARG(name), EXTERN_TEXT[wanted->kind]);
    }
    return SW_OK;
}

/* ---- Static modules -------------------------------------------------------------------------- */

static sw_core_item item_of(const sw_module *m, sw_extern_kind kind, uint32_t index)
{
    sw_core_item item = {.kind = kind, .origin = m};
    switch (kind) {
    case SW_EXTERN_FUNC: item.func = sw_module_functype(m, index); break;
    case SW_EXTERN_TABLE: item.table = m->tables[index].type; break;
    case SW_EXTERN_MEMORY: item.memory = m->memories[index]; break;
    case SW_EXTERN_GLOBAL: item.global = m->globals[index].type; break;
    case SW_EXTERN_TAG: item.func = &m->types[m->tags[index]].func; break;
    }
    return item;
}

/* Two-level names of imports must differ: they stand for one-level ones. */
static sw_status import_is_unique(sw_checker *c, sw_name_map *seen, sw_str module, sw_str name)
{
    sw_str key = sw_arena_printf(c->arena, "%zu:%.*s:%.*s", module.len, SW_STR_ARG(module),
                                 SW_STR_ARG(name));
    bool inserted;
    if (key.ptr == NULL || sw_name_map_insert(c->arena, seen, key, 0, &inserted) != SW_OK) {
        return sw_check_no_memory(c);
    }
    return inserted ? SW_OK
                    : sw_check_fail(c, "duplicate import name `%.*s:%.*s`", SW_STR_ARG(module),
                                    SW_STR_ARG(name));
}

static sw_status module_imports(sw_checker *c, const sw_module *m, sw_core_module *mod)
{
    sw_core_named *imports = SW_NEW_ARRAY(c->arena, sw_core_named, m->imports_count);
    sw_name_map seen = {};
    if (imports == NULL) {
        return sw_check_no_memory(c);
    }
    for (uint32_t i = 0; i < m->imports_count; i++) {
        const sw_import *import = &m->imports[i];
        SW_TRY(import_is_unique(c, &seen, import->module, import->name));
        imports[i] =
            (sw_core_named){import->module, import->name, item_of(m, import->kind, import->index)};
    }
    mod->imports = imports;
    mod->imports_count = m->imports_count;
    return SW_OK;
}

sw_status sw_check_module(sw_checker *c, const sw_module *m, uint32_t *ret_mod)
{
    sw_core_module mod = {.exports_count = m->exports_count};
    SW_TRY(module_imports(c, m, &mod));
    sw_core_named *exports = SW_NEW_ARRAY(c->arena, sw_core_named, m->exports_count);
    if (exports == NULL) {
        return sw_check_no_memory(c);
    }
    for (uint32_t i = 0; i < m->exports_count; i++) {
        const sw_export *x = &m->exports[i];
        bool inserted;
        exports[i] = (sw_core_named){.name = x->name, .item = item_of(m, x->kind, x->index)};
        if (sw_name_map_insert(c->arena, &mod.export_names, x->name, i, &inserted) != SW_OK) {
            return sw_check_no_memory(c);
        }
    }
    mod.exports = exports;
    if (sw_avec_push(c->arena, &c->mods, mod) != SW_OK) {
        return sw_check_no_memory(c);
    }
    *ret_mod = c->mods.count - 1;
    return SW_OK;
}

sw_status sw_check_module_subtype(sw_checker *c, uint32_t sub, uint32_t super)
{
    const sw_core_module *a = &c->mods.at[sub], *b = &c->mods.at[super];
    for (uint32_t i = 0; i < b->exports_count; i++) {
        const sw_core_named *wanted = &b->exports[i];
        const uint32_t *at = sw_name_map_find(&a->export_names, wanted->name);
        if (at == NULL) {
            return sw_check_fail(c, "missing expected export `%.*s` of the module",
                                 SW_STR_ARG(wanted->name));
        }
        SW_TRY(check_item(c, &a->exports[*at].item, &wanted->item, SW_STR("export"), wanted->name));
    }
    for (uint32_t i = 0; i < a->imports_count; i++) {
        const sw_core_named *wanted = &a->imports[i], *offered = NULL;
        for (uint32_t j = 0; j < b->imports_count && offered == NULL; j++) {
            bool same = sw_str_eq(b->imports[j].module, wanted->module) &&
                        sw_str_eq(b->imports[j].name, wanted->name);
            offered = same ? &b->imports[j] : NULL;
        }
        SW_TRY(sw_check_work(c, b->imports_count));
        if (offered == NULL) {
            return sw_check_fail(c, "missing expected import `%.*s::%.*s`",
                                 SW_STR_ARG(wanted->module), SW_STR_ARG(wanted->name));
        }
        SW_TRY(check_item(c, &offered->item, &wanted->item, wanted->module, wanted->name));
    }
    return SW_OK;
}

/* ---- Module types ---------------------------------------------------------------------------- */

typedef struct module_type {
    sw_core_module mod;
    SW_AVEC(const sw_functype *) types;
    SW_AVEC(sw_core_named) imports, exports;
    sw_name_map seen_imports;
} module_type;

static sw_status limits_are_valid(sw_checker *c, const sw_limits *l, uint64_t bound,
                                  const char *what)
{
    if (l->min > bound || (l->has_max && l->max > bound)) {
        return sw_check_fail(c, "%s size must be at most %llu", what, (unsigned long long)bound);
    }
    if (l->has_max && l->max < l->min) {
        return sw_check_fail(c, "size minimum must not be greater than maximum");
    }
    return SW_OK;
}

static sw_status type_item(sw_checker *c, const module_type *t, const sw_ast_core_extern *e,
                           sw_core_item *ret_item)
{
    sw_core_item item = {.kind = (sw_extern_kind)e->kind,
                         .origin = t,
                         .table = e->table,
                         .memory = e->memory,
                         .global = e->global};
    if (item.kind == SW_EXTERN_FUNC || item.kind == SW_EXTERN_TAG) {
        if (e->type >= t->types.count) {
            return sw_check_fail(c, "unknown type %u: type index out of bounds", e->type);
        }
        item.func = t->types.at[e->type];
    }
    if (item.kind == SW_EXTERN_TAG && item.func->results_count != 0) {
        return sw_check_fail(c, "invalid result type of an exception: expected none");
    }
    if (item.kind == SW_EXTERN_MEMORY) {
        uint64_t bound = item.memory.limits.is_64 ? (uint64_t)1 << 48 : 65536;
        SW_TRY(limits_are_valid(c, &item.memory.limits, bound, "memory"));
    }
    if (item.kind == SW_EXTERN_TABLE) {
        SW_TRY(limits_are_valid(c, &item.table.limits, UINT64_MAX, "table"));
    }
    *ret_item = item;
    return SW_OK;
}

static sw_status alias_core_type(sw_checker *c, const sw_cscope *s, const sw_ast_module_decl *d,
                                 module_type *t)
{
    const sw_cscope *from = s;
    const sw_functype *func;
    if (d->outer == 0) {
        if (d->index >= t->types.count) {
            return sw_check_fail(c, "unknown type %u: type index out of bounds", d->index);
        }
        func = t->types.at[d->index];
    } else {
        for (uint32_t i = 1; i < d->outer && from != NULL; i++) {
            from = from->parent;
        }
        if (from == NULL) {
            return sw_check_fail(c, "invalid outer alias count of %u", d->outer);
        }
        if (d->index >= from->core_types.count) {
            return sw_check_fail(c, "unknown core type %u: type index out of bounds", d->index);
        }
        func = from->core_types.at[d->index].func;
        if (func == NULL) {
            return sw_check_fail(c, "a module type cannot alias another module type");
        }
    }
    return sw_avec_push(c->arena, &t->types, func) == SW_OK ? SW_OK : sw_check_no_memory(c);
}

static sw_status add_type_export(sw_checker *c, module_type *t, const sw_ast_module_decl *d)
{
    sw_core_named x = {.name = d->name};
    bool inserted;
    SW_TRY(type_item(c, t, &d->type, &x.item));
    if (sw_name_map_insert(c->arena, &t->mod.export_names, d->name, t->exports.count, &inserted) !=
            SW_OK ||
        sw_avec_push(c->arena, &t->exports, x) != SW_OK) {
        return sw_check_no_memory(c);
    }
    return inserted ? SW_OK
                    : sw_check_fail(c, "export name `%.*s` already defined", SW_STR_ARG(d->name));
}

static sw_status check_module_decl(sw_checker *c, const sw_cscope *s, const sw_ast_module_decl *d,
                                   module_type *t)
{
    c->offset = d->offset;
    switch ((sw_module_decl_kind)d->kind) {
    case SW_MODULE_IMPORT: {
        sw_core_named import = {.module = d->module, .name = d->name};
        SW_TRY(type_item(c, t, &d->type, &import.item));
        SW_TRY(import_is_unique(c, &t->seen_imports, d->module, d->name));
        return sw_avec_push(c->arena, &t->imports, import) == SW_OK ? SW_OK : sw_check_no_memory(c);
    }
    case SW_MODULE_TYPE:
        return sw_avec_push(c->arena, &t->types, &d->core_type->func) == SW_OK
                   ? SW_OK
                   : sw_check_no_memory(c);
    case SW_MODULE_ALIAS: return alias_core_type(c, s, d, t);
    case SW_MODULE_EXPORT: break;
    }
    return add_type_export(c, t, d);
}

sw_status sw_check_core_type(sw_checker *c, sw_cscope *s, const sw_ast_core_type *t,
                             sw_core_typedef *ret_type)
{
    if (!t->is_module) {
        *ret_type = (sw_core_typedef){.func = &t->func};
        return SW_OK;
    }
    module_type *m = SW_NEW(c->arena, module_type);
    if (m == NULL) {
        return sw_check_no_memory(c);
    }
    uint32_t offset = c->offset;
    for (uint32_t i = 0; i < t->decls_count; i++) {
        SW_TRY(check_module_decl(c, s, &t->decls[i], m));
    }
    c->offset = offset;
    m->mod.imports = m->imports.at;
    m->mod.imports_count = m->imports.count;
    m->mod.exports = m->exports.at;
    m->mod.exports_count = m->exports.count;
    if (sw_avec_push(c->arena, &c->mods, m->mod) != SW_OK) {
        return sw_check_no_memory(c);
    }
    *ret_type = (sw_core_typedef){.mod = c->mods.count - 1};
    return SW_OK;
}

/* ---- Core instances -------------------------------------------------------------------------- */

static sw_status find_core_export(sw_checker *c, const sw_core_inst *in, sw_str name,
                                  const sw_core_item **ret_item)
{
    const uint32_t *at = sw_name_map_find(&in->names, name);
    if (at == NULL) {
        return sw_check_fail(c, "core instance has no export named `%.*s`", SW_STR_ARG(name));
    }
    *ret_item = &in->exports[*at].item;
    return SW_OK;
}

static sw_status collect_args(sw_checker *c, const sw_cscope *s, const sw_ast_instance *in,
                              sw_name_map *args)
{
    for (uint32_t i = 0; i < in->args_count; i++) {
        const sw_ast_arg *a = &in->args[i];
        bool inserted;
        if (a->index >= s->core_instances.count) {
            return sw_check_fail(c, "unknown core instance %u: index out of bounds", a->index);
        }
        if (sw_name_map_insert(c->arena, args, a->name.text, a->index, &inserted) != SW_OK) {
            return sw_check_no_memory(c);
        }
        if (!inserted) {
            return sw_check_fail(c, "duplicate module instantiation argument named `%.*s`",
                                 SW_STR_ARG(a->name.text));
        }
    }
    return SW_OK;
}

static sw_status instantiate_module(sw_checker *c, sw_cscope *s, const sw_ast_instance *in)
{
    sw_name_map args = {};
    if (in->target >= s->core_modules.count) {
        return sw_check_fail(c, "unknown module %u: module index out of bounds", in->target);
    }
    const sw_core_module *m = &c->mods.at[s->core_modules.at[in->target]];
    SW_TRY(collect_args(c, s, in, &args));
    for (uint32_t i = 0; i < m->imports_count; i++) {
        const sw_core_named *import = &m->imports[i];
        const uint32_t *arg = sw_name_map_find(&args, import->module);
        if (arg == NULL) {
            return sw_check_fail(c, "missing module instantiation argument named `%.*s`",
                                 SW_STR_ARG(import->module));
        }
        const sw_core_inst *from = &s->core_instances.at[*arg];
        const uint32_t *at = sw_name_map_find(&from->names, import->name);
        if (at == NULL) {
            return sw_check_fail(c,
                                 "module instantiation argument `%.*s` does not export an item "
                                 "named `%.*s`",
                                 SW_STR_ARG(import->module), SW_STR_ARG(import->name));
        }
        SW_TRY(
            check_item(c, &from->exports[*at].item, &import->item, import->module, import->name));
    }
    SW_TRY(sw_check_work(c, m->imports_count));
    sw_core_inst made = {m->exports, m->export_names};
    return sw_avec_push(c->arena, &s->core_instances, made) == SW_OK ? SW_OK
                                                                     : sw_check_no_memory(c);
}

static sw_status bag_of_core_exports(sw_checker *c, sw_cscope *s, const sw_ast_instance *in)
{
    sw_core_named *exports = SW_NEW_ARRAY(c->arena, sw_core_named, in->args_count);
    sw_core_inst made = {.exports = exports};
    if (exports == NULL) {
        return sw_check_no_memory(c);
    }
    for (uint32_t i = 0; i < in->args_count; i++) {
        const sw_ast_arg *a = &in->args[i];
        bool inserted;
        if (a->index >= s->core_items[a->sort].count) {
            return sw_check_fail(c, "unknown %s %u: index out of bounds",
                                 sw_sort_text((sw_sort)a->sort), a->index);
        }
        exports[i] =
            (sw_core_named){.name = a->name.text, .item = s->core_items[a->sort].at[a->index]};
        if (sw_name_map_insert(c->arena, &made.names, a->name.text, i, &inserted) != SW_OK) {
            return sw_check_no_memory(c);
        }
        if (!inserted) {
            return sw_check_fail(c, "export name `%.*s` already defined", SW_STR_ARG(a->name.text));
        }
    }
    return sw_avec_push(c->arena, &s->core_instances, made) == SW_OK ? SW_OK
                                                                     : sw_check_no_memory(c);
}

sw_status sw_check_core_instance(sw_checker *c, sw_cscope *s, const sw_ast_instance *in)
{
    return in->target == SW_NO_INDEX ? bag_of_core_exports(c, s, in) : instantiate_module(c, s, in);
}

sw_status sw_check_core_alias(sw_checker *c, sw_cscope *s, const sw_ast_alias *a)
{
    static const uint8_t KINDS[] = {
        [SW_SORT_CORE_FUNC] = SW_EXTERN_FUNC,     [SW_SORT_CORE_TABLE] = SW_EXTERN_TABLE,
        [SW_SORT_CORE_MEMORY] = SW_EXTERN_MEMORY, [SW_SORT_CORE_GLOBAL] = SW_EXTERN_GLOBAL,
        [SW_SORT_CORE_TAG] = SW_EXTERN_TAG,
    };
    const sw_core_item *item;
    if (a->index >= s->core_instances.count) {
        return sw_check_fail(c, "unknown core instance %u: index out of bounds", a->index);
    }
    SW_TRY(find_core_export(c, &s->core_instances.at[a->index], a->name, &item));
    if (item->kind != KINDS[a->sort]) {
        return sw_check_fail(c, "export `%.*s` is not a %s", SW_STR_ARG(a->name),
                             sw_sort_text((sw_sort)a->sort));
    }
    return sw_avec_push(c->arena, &s->core_items[a->sort], *item) == SW_OK ? SW_OK
                                                                           : sw_check_no_memory(c);
}
