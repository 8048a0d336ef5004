/* From a script's files to instances, and the module they may import from. */
#include "code/compile.h"
#include "wast.h"

#include <stdlib.h>
#include <string.h>

static const sw_features FEATURES = {};

sw_bytes wast_read_file(const wast_script *s, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s%s", s->folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        wast_die("cannot read", path);
    }
    long size = ftell(f);
    rewind(f);
    uint8_t *p = malloc((size_t)size + 1);
    if (p == NULL || fread(p, 1, (size_t)size, f) != (size_t)size) {
        wast_die("cannot read", path);
    }
    (void)fclose(f);
    return (sw_bytes){p, (size_t)size};
}

static sw_status compile(wast_script *s, const sw_module *m, sw_diag *diag, sw_code **ret_code)
{
    const sw_compile_options options = {.features = FEATURES, .threads = 1};
    sw_buf image;
    sw_buf_init(&image, NULL, SIZE_MAX);
    sw_status st = sw_module_compile(m, &options, &image, diag, NULL);
    if (st == SW_OK) {
        const sw_image_source source = {.fd = -1, .bytes = sw_buf_bytes(&image)};
        st = sw_code_load(s->engine, &source, diag, ret_code);
    }
    sw_buf_clear(&image);
    return st;
}

sw_status wast_load(wast_script *s, const json_t *command, sw_diag *diag, sw_code **ret_code)
{
    sw_str binary = wast_str(command, "binary_filename");
    sw_bytes bytes =
        wast_read_file(s, (binary.len != 0 ? binary : wast_str(command, "filename")).ptr);
    sw_arena arena;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sw_module m;
    sw_status st = sw_module_read(&arena, bytes, 0, &FEATURES, diag, &m);
    if (st == SW_OK) {
        st = sw_module_validate(&m, &FEATURES, diag);
    }
    if (st == SW_OK) {
        st = ret_code == NULL ? sw_module_validate_bodies(&m, &FEATURES, diag)
                              : compile(s, &m, diag, ret_code);
    }
    sw_arena_clear(&arena);
    free((void *)(uintptr_t)bytes.ptr);
    return st;
}

static sw_status find_import(wast_script *s, const sw_code_import *import, sw_diag *diag,
                             sw_extern *ret_extern)
{
    if (sw_str_eq(import->module, SW_STR("spectest")) &&
        wast_spectest_find(s, import->name, ret_extern)) {
        return SW_OK;
    }
    for (unsigned i = s->registered_count; i-- > 0;) {
        if (!sw_str_eq(s->registered[i].name, import->module)) {
            continue;
        }
        if (s->registered[i].instance == NULL) {
            return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET, "imports what is not supported");
        }
        if (sw_instance_find(s->registered[i].instance, import->name, ret_extern) == SW_OK) {
            return SW_OK;
        }
    }
    return sw_fail(diag, SW_UNLINKABLE, SW_NO_OFFSET, "unknown import %.*s %.*s",
                   SW_STR_ARG(import->module), SW_STR_ARG(import->name));
}

sw_status wast_instantiate(wast_script *s, sw_code *code, sw_diag *diag, sw_instance **ret_instance)
{
    uint32_t count = sw_code_imports_count(code);
    sw_extern *imports = calloc(count + 1, sizeof *imports);
    sw_status st = imports == NULL ? SW_NO_MEMORY : SW_OK;
    for (uint32_t i = 0; i < count && st == SW_OK; i++) {
        sw_code_import import;
        sw_code_get_import(code, i, &import);
        st = find_import(s, &import, diag, &imports[i]);
    }
    if (st == SW_OK) {
        st = sw_instance_new(s->store, code, imports, diag, ret_instance);
    }
    free(imports);
    return st;
}

/* ---- The module "spectest" ------------------------------------------------------------------- */

static sw_trap print_nothing(sw_host_func *, sw_regs *)
{
    return SW_TRAP_NONE;
}

typedef struct spectest_func {
    const char *name;
    uint32_t count;
    sw_valtype params[2];
} spectest_func;

static const spectest_func FUNCS[WAST_SPECTEST_FUNCS] = {
    {"print",         0, {}                        },
    {"print_i32",     1, {SW_TYPE_I32}             },
    {"print_i64",     1, {SW_TYPE_I64}             },
    {"print_f32",     1, {SW_TYPE_F32}             },
    {"print_f64",     1, {SW_TYPE_F64}             },
    {"print_i32_f32", 2, {SW_TYPE_I32, SW_TYPE_F32}},
    {"print_f64_f64", 2, {SW_TYPE_F64, SW_TYPE_F64}},
};

static sw_functype func_types[WAST_SPECTEST_FUNCS];

static const char *const GLOBALS[WAST_SPECTEST_GLOBALS] = {"global_i32", "global_i64", "global_f32",
                                                           "global_f64"};

static void make_objects(wast_script *s, wast_spectest *t, sw_diag *diag)
{
    const sw_value_slot values[] = {{.i64 = 666}, {.i64 = 666}, {.f32 = 666.6f}, {.f64 = 666.6}};
    sw_status st = SW_OK;
    for (unsigned i = 0; i < WAST_SPECTEST_GLOBALS && st == SW_OK; i++) {
        const sw_globaltype type = {.type = SW_TYPE_I32 - i};
        st = sw_global_new(s->store, &type, values[i], diag, &t->globals[i]);
    }
    const sw_tabletype table = {
        SW_TYPE_FUNCREF, {.min = 10, .max = 20, .has_max = true}
    };
    const sw_memtype memory = {
        {.min = 1, .max = 2, .has_max = true, .page_log2 = 16}
    };
    if (st == SW_OK) {
        st = sw_table_new(s->store, &table, diag, &t->table);
    }
    if (st == SW_OK) {
        st = sw_memory_new(s->store, &memory, diag, &t->memory);
    }
    if (st != SW_OK) {
        wast_die("spectest", diag->text);
    }
}

void wast_spectest_init(wast_script *s)
{
    sw_diag diag = {};
    for (unsigned i = 0; i < WAST_SPECTEST_FUNCS; i++) {
        func_types[i] = (sw_functype){.params = FUNCS[i].params, .params_count = FUNCS[i].count};
        if (sw_host_func_init(&s->spectest.funcs[i], s->store, &func_types[i], print_nothing,
                              NULL) != SW_OK) {
            wast_die("spectest", FUNCS[i].name);
        }
    }
    make_objects(s, &s->spectest, &diag);
}

bool wast_spectest_find(wast_script *s, sw_str name, sw_extern *ret_extern)
{
    wast_spectest *t = &s->spectest;
    for (unsigned i = 0; i < WAST_SPECTEST_FUNCS; i++) {
        if (sw_str_eq(name, sw_str_of(FUNCS[i].name))) {
            *ret_extern = sw_host_func_extern(&t->funcs[i]);
            return true;
        }
    }
    for (unsigned i = 0; i < WAST_SPECTEST_GLOBALS; i++) {
        if (sw_str_eq(name, sw_str_of(GLOBALS[i]))) {
            *ret_extern = (sw_extern){.kind = SW_EXTERN_GLOBAL, .global = t->globals[i]};
            return true;
        }
    }
    if (sw_str_eq(name, SW_STR("table"))) {
        *ret_extern = (sw_extern){.kind = SW_EXTERN_TABLE, .table = t->table};
        return true;
    }
    *ret_extern = (sw_extern){.kind = SW_EXTERN_MEMORY, .memory = t->memory};
    return sw_str_eq(name, SW_STR("memory"));
}
