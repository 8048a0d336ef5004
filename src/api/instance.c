/* Instances and calls, of modules and of components. */
#include "api/api.h"

/* The store keeps each program once in a row: a loop of instances of one program costs nothing. */
static sw_status keep_program(swell_store *s, swell_program *program)
{
    if (s->programs.count != 0 && s->programs.at[s->programs.count - 1] == program) {
        return SW_OK;
    }
    SW_TRY(sw_vec_push(&s->programs, program));
    (void)sw_api_program_ref(program);
    return SW_OK;
}

static sw_status new_instance(swell_store *s, swell_program *program, swell_instance **ret)
{
    swell_instance *i = SW_NEW(&s->arena, swell_instance);
    SW_TRY(keep_program(s, program));
    if (i == NULL) {
        return SW_NO_MEMORY;
    }
    *i = (swell_instance){.next = s->instances, .store = s, .program = program};
    s->instances = i;
    *ret = i;
    return SW_OK;
}

/* ---- Core modules ---------------------------------------------------------------------------- */

static sw_status bind_core_func(swell_instance *i, const api_core_func *f, sw_extern *ret)
{
    sw_host_func *host = SW_NEW(&i->store->arena, sw_host_func);
    if (host == NULL) {
        return SW_NO_MEMORY;
    }
    SW_TRY(sw_host_func_init(host, i->store->store, &f->type, sw_api_core_entry,
                             (void *)(uintptr_t)f));
    *ret = sw_host_func_extern(host);
    return SW_OK;
}

static sw_status find_import(swell_instance *i, const swell_linker *l, const sw_code_import *import,
                             sw_diag *diag, sw_extern *ret)
{
    const api_core_func *f = sw_api_find_core_func(l, import->module, import->name);
    if (f != NULL) {
        return bind_core_func(i, f, ret);
    }
    sw_status st =
        i->p1 == NULL ? SW_NOT_FOUND : sw_p1_find(i->p1, import->module, import->name, ret);
    if (st == SW_NOT_FOUND) {
        return sw_fail(diag, SW_UNLINKABLE, SW_NO_OFFSET, "nothing offers the import '%.*s' '%.*s'",
                       SW_STR_ARG(import->module), SW_STR_ARG(import->name));
    }
    return st;
}

static sw_status gather_imports(swell_instance *i, const swell_linker *l, sw_diag *diag,
                                sw_extern **ret_imports)
{
    const sw_code *code = i->program->code;
    uint32_t count = sw_code_imports_count(code);
    sw_extern *imports = SW_NEW_ARRAY(&i->store->arena, sw_extern, count);
    if (imports == NULL) {
        return SW_NO_MEMORY;
    }
    for (uint32_t k = 0; k < count; k++) {
        sw_code_import import;
        sw_code_get_import(code, k, &import);
        SW_TRY(find_import(i, l, &import, diag, &imports[k]));
    }
    *ret_imports = imports;
    return SW_OK;
}

static sw_status start_module(swell_instance *i, const swell_linker *l, sw_diag *diag)
{
    sw_extern *imports;
    sw_extern memory;
    if (l->has_wasi) {
        SW_TRY(sw_p1_new(i->store->wasi, &i->p1));
    }
    SW_TRY(gather_imports(i, l, diag, &imports));
    SW_TRY(sw_instance_new(i->store->store, i->program->code, imports, diag, &i->core));
    if (i->p1 != NULL && sw_instance_find(i->core, SW_STR("memory"), &memory) == SW_OK &&
        memory.kind == SW_EXTERN_MEMORY) {
        sw_p1_set_memory(i->p1, memory.memory);
    }
    return SW_OK;
}

swell_status swell_instance_new(swell_store *store, swell_program *program, swell_linker *linker,
                                swell_error *error, swell_instance **ret_instance)
{
    sw_diag diag = {};
    swell_instance *i;
    sw_status st = new_instance(store, program, &i);
    if (st == SW_OK) {
        st = program->component == NULL
                 ? start_module(i, linker, &diag)
                 : sw_component_instance_new(store->store, program->component, linker->linker,
                                             store->wasi, &diag, &i->component);
    }
    if (st == SW_OK) {
        *ret_instance = i;
    }
    return sw_api_result(st, &diag, error);
}

/* ---- Running a command ----------------------------------------------------------------------- */

static sw_status run_module(swell_instance *i, sw_diag *diag)
{
    static const char *const ENTRIES[] = {"_start", ""};
    sw_extern entry;
    for (size_t k = 0; k < SW_COUNTOF(ENTRIES); k++) {
        sw_status st = sw_instance_find(i->core, sw_str_of(ENTRIES[k]), &entry);
        if (st == SW_OK && entry.kind == SW_EXTERN_FUNC && entry.func.type->params_count == 0 &&
            entry.func.type->results_count == 0) {
            return sw_call(i->store->store, entry.func.cell, entry.func.type, NULL, NULL);
        }
    }
    return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET,
                   "not a command: the module exports no function '_start'");
}

/* "func() -> result": what is called with nothing and gives one byte in host layout. */
static bool is_run_type(const sw_types *t, uint32_t func_type)
{
    const sw_cfunc_type *f = &t->funcs[func_type];
    if (f->params_count != 0 || f->result == SW_VT_NONE || sw_vtype_is_prim(f->result)) {
        return false;
    }
    const sw_type_def *d = &t->defs[f->result];
    return d->kind == SW_CT_RESULT && d->element == SW_VT_NONE && d->other == SW_VT_NONE;
}

static sw_status run_component(swell_instance *i, sw_diag *diag)
{
    sw_component_func run;
    bool is_error = false;
    sw_diag lookup = {};
    if (sw_component_find_func(i->component, SW_STR("wasi:cli/run@0.2.0"), SW_STR("run"), &lookup,
                               &run) != SW_OK) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET,
                       "not a command: the component exports no 'wasi:cli/run'");
    }
    if (!is_run_type(&sw_component_plan(i->program->component)->types, run.func_type)) {
        return sw_fail(diag, SW_UNLINKABLE, SW_NO_OFFSET,
                       "not a command: 'run' of 'wasi:cli/run' is not a 'func() -> result'");
    }
    SW_TRY(sw_component_call(&run, NULL, &i->store->results, diag, &is_error));
    if (is_error) {
        sw_store_set_exit(i->store->store, 1);
    }
    return SW_OK;
}

swell_status swell_instance_run(swell_instance *instance, swell_error *error)
{
    sw_diag diag = {};
    sw_store_set_exit(instance->store->store, 0);
    instance->store->calls++;
    sw_status st =
        instance->core != NULL ? run_module(instance, &diag) : run_component(instance, &diag);
    instance->store->calls--;
    return sw_api_result(st == SW_OK ? SW_EXIT : st, &diag, error);
}

/* ---- Functions ------------------------------------------------------------------------------- */

static sw_status find_in_module(swell_instance *i, sw_str name, sw_diag *diag, swell_func *f)
{
    sw_status st = sw_instance_find(i->core, name, &f->core);
    if (st == SW_NOT_FOUND || (st == SW_OK && f->core.kind != SW_EXTERN_FUNC)) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "the module exports no function '%.*s'",
                       SW_STR_ARG(name));
    }
    return st;
}

static sw_status find_in_component(swell_instance *i, sw_str name, sw_diag *diag, swell_func *f)
{
    size_t hash = sw_str_find(name, '#');
    sw_str interface = hash == name.len ? (sw_str){} : sw_str_slice(name, 0, hash);
    sw_str rest = hash == name.len ? name : sw_str_slice(name, hash + 1, name.len - hash - 1);
    f->layouts = sw_component_layouts(i->program->component);
    return sw_component_find_func(i->component, interface, rest, diag, &f->component);
}

swell_status swell_instance_find(swell_instance *instance, swell_str name, swell_error *error,
                                 swell_func **ret_func)
{
    sw_diag diag = {};
    swell_func *f = SW_NEW(&instance->store->arena, swell_func);
    sw_status st = SW_NO_MEMORY;
    if (f != NULL) {
        f->instance = instance;
        st = instance->core != NULL ? find_in_module(instance, sw_api_str(name), &diag, f)
                                    : find_in_component(instance, sw_api_str(name), &diag, f);
    }
    if (st == SW_OK) {
        *ret_func = f;
    }
    return sw_api_result(st, &diag, error);
}

static const sw_cfunc_type *component_type(const swell_func *f)
{
    return &f->layouts->types->funcs[f->component.func_type];
}

size_t swell_func_params_count(const swell_func *func)
{
    return func->layouts == NULL ? func->core.func.type->params_count
                                 : component_type(func)->params_count;
}

bool swell_func_has_result(const swell_func *func)
{
    return func->layouts == NULL ? func->core.func.type->results_count != 0
                                 : component_type(func)->result != SW_VT_NONE;
}

/* ---- Resources ------------------------------------------------------------------------------- */

swell_status swell_instance_drop(swell_instance *instance, uint32_t handle, swell_error *error)
{
    sw_diag diag = {};
    if (instance->component == NULL) {
        (void)sw_fail(&diag, SW_ARGUMENT, SW_NO_OFFSET, "a module has no resources");
        return sw_api_result(SW_ARGUMENT, &diag, error);
    }
    instance->store->calls++;
    sw_status st = sw_component_drop(instance->component, handle, &diag);
    instance->store->calls--;
    return sw_api_result(st, &diag, error);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static sw_status check_results(const sw_functype *type, sw_diag *diag)
{
    char text[32];
    if (type->results_count > 1) {
        return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET, "a core function with %u results",
                       type->results_count);
    }
    if (type->results_count == 1 && !sw_api_core_type_is_value(type->results[0])) {
        return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET, "a core function that returns %s",
                       sw_valtype_text(type->results[0], text, sizeof text));
    }
    return SW_OK;
}

static sw_status call_core(const swell_func *f, const swell_value *params, sw_diag *diag,
                           swell_value *ret_result)
{
    const sw_functype *type = f->core.func.type;
    SW_TRY(check_results(type, diag));
    sw_arena *arena = &f->instance->store->results;
    sw_value_slot *slots = SW_NEW_ARRAY(arena, sw_value_slot, type->params_count);
    sw_value_slot *results = SW_NEW_ARRAY(arena, sw_value_slot, type->results_count);
    if (slots == NULL || results == NULL) {
        return SW_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->params_count; i++) {
        SW_TRY(sw_api_core_value_write(type->params[i], &params[i], diag, &slots[i]));
    }
    SW_TRY(sw_call(f->instance->store->store, f->core.func.cell, type, slots, results));
    if (type->results_count != 0 && ret_result != NULL) {
        *ret_result = sw_api_core_value_read(type->results[0], &results[0]);
    }
    return SW_OK;
}

static sw_status write_params(const swell_func *f, const swell_value *params, sw_arena *arena,
                              sw_diag *diag, uint8_t **ret_struct)
{
    const sw_cfunc_type *type = component_type(f);
    uint32_t *offsets = SW_NEW_ARRAY(arena, uint32_t, type->params_count);
    if (offsets == NULL) {
        return SW_NO_MEMORY;
    }
    uint8_t *to = sw_arena_alloc(arena, sw_api_params_layout(f->layouts, type, offsets), 16);
    if (to == NULL) {
        return SW_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->params_count; i++) {
        sw_type_field param = f->layouts->types->fields[type->params_first + i];
        SW_TRY(
            sw_api_value_write(f->layouts, param.type, &params[i], arena, diag, to + offsets[i]));
    }
    *ret_struct = to;
    return SW_OK;
}

static sw_status call_component(const swell_func *f, const swell_value *params, sw_diag *diag,
                                swell_value *ret_result)
{
    const sw_cfunc_type *type = component_type(f);
    sw_arena *arena = &f->instance->store->results;
    uint8_t *args;
    uint8_t *result = NULL;
    SW_TRY(write_params(f, params, arena, diag, &args));
    if (type->result != SW_VT_NONE) {
        result =
            sw_arena_alloc(arena, sw_canon_layout_get(f->layouts, type->result).host_bytes, 16);
        if (result == NULL) {
            return SW_NO_MEMORY;
        }
    }
    SW_TRY(sw_component_call(&f->component, args, arena, diag, result));
    if (result == NULL || ret_result == NULL) {
        return SW_OK;
    }
    return sw_api_value_read(f->layouts, type->result, result, arena, ret_result);
}

swell_status swell_func_call(swell_func *func, const swell_value *params, size_t params_count,
                             swell_error *error, swell_value *ret_result)
{
    sw_diag diag = {};
    swell_store *store = func->instance->store;
    if (store->calls == 0) {
        sw_arena_reset(&store->results);
    }
    if (params_count != swell_func_params_count(func)) {
        (void)sw_fail(&diag, SW_ARGUMENT, SW_NO_OFFSET, "%zu arguments for %zu parameters",
                      params_count, swell_func_params_count(func));
        return sw_api_result(SW_ARGUMENT, &diag, error);
    }
    store->calls++;
    sw_status st = func->layouts == NULL ? call_core(func, params, &diag, ret_result)
                                         : call_component(func, params, &diag, ret_result);
    store->calls--;
    return sw_api_result(st, &diag, error);
}
