/* Instances of components in test scripts; see component_exec.h. Each has a store of its own. */
#include "component_exec.h"

#include "code/compile.h"
#include "component/decode.h"

#include <stdlib.h>

static const sw_features FEATURES = {.simd = true, .multi_memory = true};

typedef struct definition {
    struct definition *next;
    char name[64];
    sw_buf plan;
    sw_component *component;
} definition;

typedef struct instance {
    struct instance *next;
    char name[64];
    const definition *definition;
    sw_store *store;
    sw_component_instance *component;
} instance;

struct component_exec {
    sw_engine *engine;
    sw_linker *linker;
    definition *definitions; /* the last one first */
    instance *instances;
};

static void *must(void *p)
{
    if (p == NULL) {
        (void)fprintf(stderr, "component_json: out of memory\n");
        exit(2);
    }
    return p;
}

component_exec *component_exec_new(void)
{
    component_exec *e = must(calloc(1, sizeof *e));
    if (sw_engine_new(NULL, &e->engine) != SW_OK ||
        sw_linker_new(e->engine, NULL, &e->linker) != SW_OK) {
        must(NULL);
    }
    return e;
}

void component_exec_free(component_exec *e)
{
    while (e->instances != NULL) {
        instance *i = e->instances;
        e->instances = i->next;
        sw_component_instance_free(i->component);
        sw_store_free(i->store);
        free(i);
    }
    while (e->definitions != NULL) {
        definition *d = e->definitions;
        e->definitions = d->next;
        sw_component_unref(d->component);
        sw_buf_clear(&d->plan);
        free(d);
    }
    sw_linker_free(e->linker);
    sw_engine_free(e->engine);
    free(e);
}

static const char *text_of(const json_t *command, const char *key)
{
    const char *text = json_string_value(json_object_get(command, key));
    return text == NULL ? "" : text;
}

/* ---- Definitions -------------------------------------------------------------------------------
 */

static sw_status load_module(component_exec *e, const sw_module *m, sw_diag *diag,
                             sw_code **ret_code)
{
    sw_buf image;
    sw_buf_init(&image, NULL, SIZE_MAX);
    sw_compile_options options = {.features = FEATURES, .threads = 1};
    sw_status st = sw_module_compile(m, &options, &image, diag, NULL);
    if (st == SW_OK) {
        sw_image_source source = {.fd = -1, .bytes = sw_buf_bytes(&image)};
        st = sw_code_load(e->engine, &source, diag, ret_code);
    }
    sw_buf_clear(&image);
    return st;
}

static sw_status load_component(component_exec *e, definition *d, const sw_component_binary *c,
                                sw_diag *diag)
{
    uint32_t count = c->plan.modules_count, loaded = 0;
    sw_code **codes = must(calloc(count + 1, sizeof(sw_code *)));
    sw_status st = sw_plan_write(&c->plan, &d->plan);
    while (st == SW_OK && loaded < count) {
        st = load_module(e, &c->modules[loaded], diag, &codes[loaded]);
        loaded += st == SW_OK;
    }
    if (st == SW_OK) {
        st = sw_component_new(e->engine, sw_buf_bytes(&d->plan), codes, diag, &d->component);
    }
    for (uint32_t i = 0; st != SW_OK && i < loaded; i++) {
        sw_code_unref(codes[i]);
    }
    free(codes);
    return st;
}

sw_status component_exec_define(component_exec *e, wast_script *s, const json_t *command,
                                sw_diag *diag)
{
    sw_bytes bytes = wast_read_file(s, text_of(command, "filename"));
    definition *d = must(calloc(1, sizeof *d));
    (void)snprintf(d->name, sizeof d->name, "%s", text_of(command, "name"));
    sw_buf_init(&d->plan, NULL, SIZE_MAX);
    sw_arena arena;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sw_component_binary c;
    sw_status st = sw_component_read(&arena, bytes, &FEATURES, diag, &c);
    if (st == SW_OK) {
        st = load_component(e, d, &c, diag);
    }
    sw_arena_clear(&arena);
    free((void *)(uintptr_t)bytes.ptr);
    d->next = e->definitions;
    e->definitions = d;
    return st;
}

static definition *find_definition(const component_exec *e, const char *name)
{
    definition *d = e->definitions;
    while (d != NULL && name[0] != 0 && strcmp(d->name, name) != 0) {
        d = d->next;
    }
    return d;
}

/* ---- Instances ---------------------------------------------------------------------------------
 */

sw_status component_exec_instantiate(component_exec *e, const json_t *command, sw_diag *diag)
{
    const definition *d = find_definition(e, text_of(command, "module"));
    instance *i = must(calloc(1, sizeof *i));
    bool is_named = json_object_get(command, "instance") != NULL;
    (void)snprintf(i->name, sizeof i->name, "%s", text_of(command, is_named ? "instance" : "name"));
    i->definition = d;
    i->next = e->instances;
    e->instances = i;
    if (d == NULL || d->component == NULL) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "no definition to instantiate");
    }
    sw_status st = sw_store_new(e->engine, &SW_STORE_LIMITS_DEFAULT, diag, &i->store);
    return st != SW_OK ? st
                       : sw_component_instance_new(i->store, d->component, e->linker, NULL, diag,
                                                   &i->component);
}

static const instance *find_instance(const component_exec *e, const char *name)
{
    const instance *i = e->instances;
    while (i != NULL && name[0] != 0 && strcmp(i->name, name) != 0) {
        i = i->next;
    }
    return i;
}

/* ---- Calls -------------------------------------------------------------------------------------
 */

static uint8_t *read_params(sw_arena *arena, const sw_canon_layouts *l, const sw_cfunc_type *f,
                            const json_t *args)
{
    uint8_t *out = must(sw_arena_alloc(arena, (size_t)64 * (f->params_count + 1), 16));
    uint32_t at = 0;
    if (json_array_size(args) != f->params_count) {
        return NULL;
    }
    for (uint32_t i = 0; i < f->params_count; i++) {
        sw_vtype v = l->types->fields[f->params_first + i].type;
        sw_canon_layout p = sw_canon_layout_get(l, v);
        at = (uint32_t)sw_align_up(at, p.host_align);
        if (p.host_bytes > 64 ||
            !component_value_read(arena, l, v, json_array_get(args, i), out + at)) {
            return NULL;
        }
        at += p.host_bytes;
    }
    return out;
}

static sw_status call(const sw_component_func *f, const sw_canon_layouts *l, sw_arena *arena,
                      const json_t *action, uint8_t *result, sw_diag *diag)
{
    const uint8_t *params =
        read_params(arena, l, &l->types->funcs[f->func_type], json_object_get(action, "args"));
    if (params == NULL) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "arguments do not fit the function");
    }
    return sw_component_call(f, params, arena, diag, result);
}

sw_status component_exec_invoke(component_exec *e, const json_t *action, const json_t *expected,
                                bool *ret_same, char text[256])
{
    const instance *i = find_instance(e, text_of(action, "module"));
    sw_diag diag = {};
    sw_component_func f;
    text[0] = 0;
    if (i == NULL || i->component == NULL) {
        (void)snprintf(text, 256, "no such instance");
        return SW_NOT_FOUND;
    }
    sw_status st = sw_component_find_func(i->component, SW_STR(""),
                                          sw_str_of(text_of(action, "field")), &diag, &f);
    sw_arena arena;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    if (st == SW_OK) {
        const sw_canon_layouts *l = sw_component_layouts(i->definition->component);
        sw_vtype v = l->types->funcs[f.func_type].result;
        uint32_t size = v == SW_VT_NONE ? 0 : sw_canon_layout_get(l, v).host_bytes;
        uint8_t *result = must(sw_arena_alloc(&arena, size, 16));
        st = call(&f, l, &arena, action, result, &diag);
        *ret_same =
            st == SW_OK &&
            (v == SW_VT_NONE ? json_array_size(expected) == 0
                             : component_value_same(l, v, result, json_array_get(expected, 0)));
    }
    (void)snprintf(text, 256, "%.255s", diag.text);
    sw_arena_clear(&arena);
    return st;
}
