/* Text to loaded components; see wat.h. */
#include "wat.h"

#include "component/decode.h"

#include <stdio.h>
#include <stdlib.h>

static const char *wasm_tools(void)
{
    const char *path = getenv("SWELL_WASM_TOOLS");
    return path == NULL || path[0] == 0 ? "wasm-tools" : path;
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "wat: %s\n", what);
        abort();
    }
}

bool wat_is_available(void)
{
    char command[4096];
    (void)snprintf(command, sizeof command, "'%s' --version >/dev/null 2>&1", wasm_tools());
    return system(command) == 0; /* NOLINT(cert-env33-c): a test runs a tool */
}

sw_bytes wat_assemble(const char *path)
{
    char command[4096];
    (void)snprintf(command, sizeof command, "'%s' parse '%s'", wasm_tools(), path);
    FILE *out = popen(command, "r"); /* NOLINT(cert-env33-c) */
    enum { MOST = 1 << 20 };
    uint8_t *bytes = malloc(MOST);
    must(out != NULL && bytes != NULL, "cannot run wasm-tools");
    size_t len = fread(bytes, 1, MOST, out);
    must(pclose(out) == 0 && len < MOST, path);
    return (sw_bytes){bytes, len};
}

static sw_code *load_module(sw_engine *e, const sw_module *m, const sw_features *features)
{
    sw_buf image;
    sw_diag diag = {};
    sw_code *code = NULL;
    sw_buf_init(&image, NULL, SIZE_MAX);
    sw_compile_options options = {.features = *features, .threads = 1};
    sw_status st = sw_module_compile(m, &options, &image, &diag, NULL);
    sw_image_source source = {.fd = -1, .bytes = sw_buf_bytes(&image)};
    must(st == SW_OK && sw_code_load(e, &source, &diag, &code) == SW_OK, diag.text);
    sw_buf_clear(&image);
    return code;
}

void wat_load(sw_engine *e, const char *path, wat_component *ret)
{
    static const sw_features FEATURES = {};
    sw_bytes bytes = wat_assemble(path);
    sw_arena arena;
    sw_component_binary c;
    sw_diag diag = {};
    sw_code *codes[16];
    *ret = (wat_component){};
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sw_buf_init(&ret->plan, NULL, SIZE_MAX);
    must(sw_component_read(&arena, bytes, &FEATURES, &diag, &c) == SW_OK, diag.text);
    must(sw_plan_write(&c.plan, &ret->plan) == SW_OK, "no memory for the plan");
    must(c.plan.modules_count <= SW_COUNTOF(codes), "too many modules");
    for (uint32_t i = 0; i < c.plan.modules_count; i++) {
        codes[i] = load_module(e, &c.modules[i], &FEATURES);
    }
    must(sw_component_new(e, sw_buf_bytes(&ret->plan), codes, &diag, &ret->component) == SW_OK,
         diag.text);
    sw_arena_clear(&arena);
    free((void *)(uintptr_t)bytes.ptr);
}

void wat_free(wat_component *c)
{
    sw_component_unref(c->component);
    sw_buf_clear(&c->plan);
}
