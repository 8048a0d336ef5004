/* Linkers: host functions typed through WIT for components, by signature for core modules. */
#include "api/api.h"

#include "wit/wit.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINKER_MAX_BYTES = 256 << 20, CORE_MAX_PARAMS = 16, COMPONENT_MAX_PARAMS = 64 };

swell_status swell_linker_new(swell_engine *engine, swell_linker **ret_linker)
{
    swell_linker *l = sw_alloc(NULL, sizeof *l);
    if (l == NULL) {
        return SWELL_NO_MEMORY;
    }
    *l = (swell_linker){.engine = engine};
    sw_arena_init(&l->arena, NULL, LINKER_MAX_BYTES);
    sw_status st = sw_linker_new(engine->engine, NULL, &l->linker);
    if (st != SW_OK) {
        swell_linker_free(l);
        return (swell_status)st;
    }
    *ret_linker = l;
    return SWELL_OK;
}

void swell_linker_free(swell_linker *linker)
{
    if (linker == NULL) {
        return;
    }
    sw_linker_free(linker->linker);
    sw_vec_clear(&linker->core_funcs);
    sw_arena_clear(&linker->arena);
    sw_free(NULL, linker, sizeof *linker);
}

swell_status swell_linker_define_wasi(swell_linker *linker, swell_error *error)
{
    sw_diag diag = {};
    linker->has_wasi = true;
    return sw_api_result(sw_wasi_define_p2(linker->linker, &diag), &diag, error);
}

void *swell_call_alloc(swell_call *call, size_t size_bytes)
{
    return sw_arena_alloc(call->arena, size_bytes, 16);
}

swell_status swell_call_fail(swell_call *call, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sw_store_explain_trap(call->store, "%s", text);
    return SWELL_TRAP;
}

static sw_trap trap_of(swell_status st)
{
    return st == SWELL_OK ? SW_TRAP_NONE : SW_TRAP_HOST;
}

/* ---- Interfaces ------------------------------------------------------------------------------ */

/* What stands behind a row of an interface table. */
typedef struct iface_func {
    const sw_canon_layouts *layouts;
    const sw_cfunc_type *type;
    swell_host_fn *fn;
    void *env;
    const uint32_t *offsets; /* of the parameters in their struct */
} iface_func;

static sw_trap write_result(sw_host_call *host, const iface_func *f, const swell_value *result,
                            void *to)
{
    sw_diag diag = {};
    sw_status st = sw_api_value_write(f->layouts, f->type->result, result, host->arena, &diag, to);
    if (st == SW_OK) {
        return SW_TRAP_NONE;
    }
    sw_store_explain_trap(host->store, "%.*s: result: %s", SW_STR_ARG(host->func->name),
                          diag.status == SW_OK ? sw_status_text(st) : diag.text);
    return SW_TRAP_HOST;
}

static sw_trap call_iface(sw_host_call *host, const void *params, void *ret_result)
{
    const iface_func *f = host->func->data;
    swell_call call = {.store = host->store, .arena = host->arena};
    swell_value args[COMPONENT_MAX_PARAMS];
    swell_value result = {};
    for (uint32_t i = 0; i < f->type->params_count; i++) {
        sw_vtype type = f->layouts->types->fields[f->type->params_first + i].type;
        const uint8_t *from = (const uint8_t *)params + f->offsets[i];
        sw_status st = sw_api_value_read(f->layouts, type, from, host->arena, &args[i]);
        if (st != SW_OK) {
            sw_store_explain_trap(host->store, "%.*s: parameter %u: %s",
                                  SW_STR_ARG(host->func->name), i, sw_status_text(st));
            return st == SW_NO_MEMORY ? SW_TRAP_OUT_OF_HOST_MEMORY : SW_TRAP_HOST;
        }
    }
    sw_trap trap = trap_of(f->fn(f->env, &call, args, f->type->params_count, &result));
    if (trap != SW_TRAP_NONE || f->type->result == SW_VT_NONE) {
        return trap;
    }
    return write_result(host, f, &result, ret_result);
}

static const swell_host_func *find_host_func(const swell_host_func *funcs, size_t count,
                                             sw_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (sw_str_eq(sw_str_of(funcs[i].name), name)) {
            return &funcs[i];
        }
    }
    return NULL;
}

static sw_status bind_row(swell_linker *l, const sw_canon_layouts *layouts, uint32_t func_type,
                          const swell_host_func *host, sw_host_iface_func *ret_row)
{
    const sw_cfunc_type *type = &layouts->types->funcs[func_type];
    iface_func *f = SW_NEW(&l->arena, iface_func);
    uint32_t *offsets = SW_NEW_ARRAY(&l->arena, uint32_t, type->params_count);
    if (f == NULL || offsets == NULL) {
        return SW_NO_MEMORY;
    }
    if (type->params_count > COMPONENT_MAX_PARAMS) {
        return SW_LIMIT;
    }
    (void)sw_api_params_layout(layouts, type, offsets);
    *f = (iface_func){layouts, type, host->fn, host->env, offsets};
    ret_row->func_type = func_type;
    ret_row->fn = call_iface;
    ret_row->data = f;
    return SW_OK;
}

/* The rows, for swell_linker_on_drop to find. */
static sw_status keep_resources(swell_linker *l, const sw_host_iface *iface,
                                sw_host_iface_resource *rows)
{
    api_iface *kept = SW_NEW(&l->arena, api_iface);
    if (kept == NULL) {
        return SW_NO_MEMORY;
    }
    *kept = (api_iface){l->ifaces, iface->name, rows, iface->resources_count};
    l->ifaces = kept;
    return SW_OK;
}

static sw_status fill_resources(swell_linker *l, const sw_wit_types *t, sw_host_iface *iface)
{
    uint32_t count = t->types.resources_count;
    sw_host_iface_resource *rows = SW_NEW_ARRAY(&l->arena, sw_host_iface_resource, count);
    if (rows == NULL) {
        return SW_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        const sw_wit_typedef *r = t->resources[i];
        bool is_used = r->owner != NULL && !sw_str_eq(r->owner->full_name, iface->name);
        rows[i] =
            (sw_host_iface_resource){.name = r->name.text,
                                     .resource = i,
                                     .owner_interface = is_used ? r->owner->full_name : (sw_str){}};
    }
    iface->resources = rows;
    iface->resources_count = count;
    return keep_resources(l, iface, rows);
}

static sw_status fill_funcs(swell_linker *l, const sw_wit_types *t, const swell_host_func *funcs,
                            size_t funcs_count, sw_diag *diag, sw_host_iface *iface)
{
    uint32_t count = t->types.funcs_count;
    sw_host_iface_func *rows = SW_NEW_ARRAY(&l->arena, sw_host_iface_func, count);
    sw_canon_layouts *layouts = SW_NEW(&l->arena, sw_canon_layouts);
    if (rows == NULL || layouts == NULL) {
        return SW_NO_MEMORY;
    }
    SW_TRY(sw_canon_layouts_make(&l->arena, iface->types, diag, layouts));
    for (uint32_t i = 0; i < count; i++) {
        rows[i].name = t->funcs[i]->full_name;
        const swell_host_func *host = find_host_func(funcs, funcs_count, rows[i].name);
        if (host == NULL) {
            return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "%.*s: no host function for '%.*s'",
                           SW_STR_ARG(iface->name), SW_STR_ARG(rows[i].name));
        }
        SW_TRY(bind_row(l, layouts, i, host, &rows[i]));
    }
    iface->funcs = rows;
    iface->funcs_count = count;
    return SW_OK;
}

/* The interface's types from WIT text; everything goes to the linker's arena. */
static sw_status read_wit(swell_linker *l, sw_str text, sw_str name, sw_diag *diag,
                          sw_wit_types **ret_types)
{
    sw_wit *wit = SW_NEW(&l->arena, sw_wit);
    *ret_types = SW_NEW(&l->arena, sw_wit_types);
    sw_str copy = sw_arena_str(&l->arena, text);
    if (wit == NULL || *ret_types == NULL || copy.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    sw_wit_init(wit, &l->arena);
    SW_TRY(sw_wit_add_text(wit, SW_STR("wit"), copy, diag));
    SW_TRY(sw_wit_resolve(wit, NULL, diag));
    const sw_wit_interface *found = sw_wit_find_interface(wit, name);
    if (found == NULL) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "the WIT text declares no '%.*s'",
                       SW_STR_ARG(name));
    }
    return sw_wit_types_make(wit, found, diag, *ret_types);
}

static sw_status define_interface(swell_linker *l, sw_str text, sw_str name,
                                  const swell_host_func *funcs, size_t funcs_count, sw_diag *diag)
{
    sw_wit_types *types;
    SW_TRY(read_wit(l, text, name, diag, &types));
    sw_host_iface *iface = SW_NEW(&l->arena, sw_host_iface);
    if (iface == NULL) {
        return SW_NO_MEMORY;
    }
    iface->name = sw_arena_str(&l->arena, name);
    iface->types = &types->types;
    if (iface->name.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    SW_TRY(fill_funcs(l, types, funcs, funcs_count, diag, iface));
    SW_TRY(fill_resources(l, types, iface));
    return sw_linker_define(l->linker, iface, diag);
}

swell_status swell_linker_define_interface(swell_linker *linker, swell_str wit, swell_str interface,
                                           const swell_host_func *funcs, size_t funcs_count,
                                           swell_error *error)
{
    sw_diag diag = {};
    return sw_api_result(
        define_interface(linker, sw_api_str(wit), sw_api_str(interface), funcs, funcs_count, &diag),
        &diag, error);
}

static sw_host_iface_resource *find_resource(const swell_linker *l, sw_str interface, sw_str name)
{
    for (const api_iface *i = l->ifaces; i != NULL; i = i->next) {
        for (uint32_t k = 0; sw_str_eq(i->name, interface) && k < i->resources_count; k++) {
            sw_host_iface_resource *r = &i->resources[k];
            if (r->owner_interface.len == 0 && sw_str_eq(r->name, name)) {
                return r;
            }
        }
    }
    return NULL;
}

swell_status swell_linker_on_drop(swell_linker *linker, swell_str interface, const char *resource,
                                  swell_drop_fn *fn, void *env, swell_error *error)
{
    sw_diag diag = {};
    sw_host_iface_resource *r = find_resource(linker, sw_api_str(interface), sw_str_of(resource));
    if (r == NULL) {
        (void)sw_fail(&diag, SW_NOT_FOUND, SW_NO_OFFSET,
                      "no interface '%.*s' with a resource '%s' of its own has been defined",
                      SW_STR_ARG(sw_api_str(interface)), resource);
        return sw_api_result(SW_NOT_FOUND, &diag, error);
    }
    r->drop = fn;
    r->drop_env = env;
    r->has_drop_env = true;
    return SWELL_OK;
}

/* ---- Core functions -------------------------------------------------------------------------- */

static sw_valtype type_of_letter(char letter)
{
    static const struct {
        char letter;
        sw_valtype type;
    } LETTERS[] = {
        {'i', SW_TYPE_I32},
        {'I', SW_TYPE_I64},
        {'f', SW_TYPE_F32},
        {'F', SW_TYPE_F64}
    };
    for (size_t i = 0; i < SW_COUNTOF(LETTERS); i++) {
        if (LETTERS[i].letter == letter) {
            return LETTERS[i].type;
        }
    }
    return SW_TYPE_BOTTOM;
}

static sw_status parse_types(sw_arena *arena, sw_str letters, const sw_valtype **ret_types)
{
    sw_valtype *types = SW_NEW_ARRAY(arena, sw_valtype, letters.len);
    if (types == NULL) {
        return SW_NO_MEMORY;
    }
    for (size_t i = 0; i < letters.len; i++) {
        types[i] = type_of_letter(letters.ptr[i]);
        if (types[i] == SW_TYPE_BOTTOM) {
            return SW_ARGUMENT;
        }
    }
    *ret_types = types;
    return SW_OK;
}

static sw_status parse_signature(sw_arena *arena, sw_str s, sw_functype *ret)
{
    size_t colon = sw_str_find(s, ':');
    if (colon == s.len || colon > CORE_MAX_PARAMS || s.len - colon > 2) {
        return SW_ARGUMENT;
    }
    ret->params_count = (uint32_t)colon;
    ret->results_count = (uint32_t)(s.len - colon - 1);
    SW_TRY(parse_types(arena, sw_str_slice(s, 0, colon), &ret->params));
    return parse_types(arena, sw_str_slice(s, colon + 1, ret->results_count), &ret->results);
}

const api_core_func *sw_api_find_core_func(const swell_linker *l, sw_str module, sw_str name)
{
    for (size_t i = 0; i < l->core_funcs.count; i++) {
        const api_core_func *f = l->core_funcs.at[i];
        if (sw_str_eq(f->module, module) && sw_str_eq(f->name, name)) {
            return f;
        }
    }
    return NULL;
}

swell_status swell_linker_define_core(swell_linker *linker, const char *module, const char *name,
                                      const char *signature, swell_host_fn *fn, void *env,
                                      swell_error *error)
{
    sw_diag diag = {};
    if (sw_api_find_core_func(linker, sw_str_of(module), sw_str_of(name)) != NULL) {
        (void)sw_fail(&diag, SW_ARGUMENT, SW_NO_OFFSET, "function '%s' '%s' is defined twice",
                      module, name);
        return sw_api_result(SW_ARGUMENT, &diag, error);
    }
    api_core_func *f = SW_NEW(&linker->arena, api_core_func);
    if (f == NULL) {
        return sw_api_result(SW_NO_MEMORY, &diag, error);
    }
    *f = (api_core_func){.module = sw_arena_str(&linker->arena, sw_str_of(module)),
                         .name = sw_arena_str(&linker->arena, sw_str_of(name)),
                         .fn = fn,
                         .env = env};
    sw_status st = parse_signature(&linker->arena, sw_str_of(signature), &f->type);
    if (st == SW_ARGUMENT) {
        (void)sw_fail(&diag, st, SW_NO_OFFSET,
                      "signature '%s': expected letters iIfF, a colon, and at most one result",
                      signature);
    } else if (st == SW_OK) {
        st = f->name.ptr == NULL || f->module.ptr == NULL ? SW_NO_MEMORY
                                                          : sw_vec_push(&linker->core_funcs, f);
    }
    return sw_api_result(st, &diag, error);
}

sw_trap sw_api_core_entry(sw_host_func *self, sw_regs *regs)
{
    const api_core_func *f = self->env;
    sw_value_slot slots[CORE_MAX_PARAMS];
    swell_value args[CORE_MAX_PARAMS];
    swell_value result = {};
    uint8_t *area = sw_store_args_area(self->store);
    sw_arena arena;
    sw_arena_init(&arena, sw_store_budget(self->store), SIZE_MAX);
    swell_call call = {.store = self->store, .arena = &arena};
    sw_regs_get_params(&f->type, regs, area, slots);
    for (uint32_t i = 0; i < f->type.params_count; i++) {
        args[i] = sw_api_core_value_read(f->type.params[i], &slots[i]);
    }
    sw_trap trap = trap_of(f->fn(f->env, &call, args, f->type.params_count, &result));
    sw_diag diag = {};
    if (trap == SW_TRAP_NONE && f->type.results_count == 1) {
        if (sw_api_core_value_write(f->type.results[0], &result, &diag, slots) == SW_OK) {
            sw_regs_set_results(&f->type, slots, regs, area);
        } else {
            sw_store_explain_trap(self->store, "%.*s: %s", SW_STR_ARG(f->name), diag.text);
            trap = SW_TRAP_HOST;
        }
    }
    sw_arena_clear(&arena);
    return trap;
}
