#include "harness.h"

#include "code/compile.h"

#include <signal.h>
#include <stdio.h>

static const int FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
static struct sigaction ours[SW_COUNTOF(FAULTS)];

/* The first engine has just installed its handlers, which later ones do not do again. */
static void keep_signals(void)
{
    static bool kept;
    for (size_t i = 0; !kept && i < SW_COUNTOF(FAULTS); i++) {
        assert_int_equal(sigaction(FAULTS[i], NULL, &ours[i]), 0);
    }
    kept = true;
}

void harness_take_signals(void)
{
    for (size_t i = 0; i < SW_COUNTOF(FAULTS); i++) {
        assert_int_equal(sigaction(FAULTS[i], &ours[i], NULL), 0);
    }
}

int harness_setup(void **state)
{
    harness *h = sw_alloc(NULL, sizeof(*h));
    assert_non_null(h);
    assert_int_equal(sw_engine_new(&h->diag, &h->engine), SW_OK);
    keep_signals();
    assert_int_equal(sw_store_new(h->engine, &SW_STORE_LIMITS_DEFAULT, &h->diag, &h->store), SW_OK);
    *state = h;
    return 0;
}

int harness_teardown(void **state)
{
    harness *h = *state;
    sw_store_free(h->store);
    sw_engine_free(h->engine);
    sw_free(NULL, h, sizeof(*h));
    return 0;
}

void harness_restart(harness *h, const sw_store_limits *limits)
{
    sw_store_free(h->store);
    h->store = NULL;
    assert_int_equal(sw_store_new(h->engine, limits, &h->diag, &h->store), SW_OK);
}

void harness_image(builder *b, sw_buf *ret_image)
{
    sw_diag diag = {};
    sw_arena arena;
    sw_module module;
    sw_compile_options options = {};
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sw_buf_init(ret_image, NULL, SIZE_MAX);
    sw_status st = sw_module_read(&arena, builder_finish(b), 0, &options.features, &diag, &module);
    if (st == SW_OK) {
        st = sw_module_validate(&module, &options.features, &diag);
    }
    if (st == SW_OK) {
        st = sw_module_compile(&module, &options, ret_image, &diag, NULL);
    }
    if (st != SW_OK) {
        print_error("compile: %s at %#x\n", diag.text, diag.offset);
    }
    assert_int_equal(st, SW_OK);
    sw_arena_clear(&arena);
}

sw_code *harness_code(harness *h, builder *b)
{
    sw_buf image;
    sw_code *code = NULL;
    harness_image(b, &image);
    sw_image_source source = {.fd = -1, .bytes = sw_buf_bytes(&image)};
    assert_int_equal(sw_code_load(h->engine, &source, &h->diag, &code), SW_OK);
    sw_buf_clear(&image);
    builder_clear(b);
    return code;
}

sw_instance *harness_instance(harness *h, builder *b, const sw_extern *imports)
{
    harness_take_signals();
    sw_code *code = harness_code(h, b);
    sw_instance *i = NULL;
    sw_diag diag = {};
    sw_status st = sw_instance_new(h->store, code, imports, &diag, &i);
    if (st != SW_OK) {
        print_error("instance: %s\n", diag.text);
    }
    assert_int_equal(st, SW_OK);
    sw_code_unref(code);
    return i;
}

sw_extern harness_export(sw_instance *i, const char *name)
{
    sw_extern x;
    assert_int_equal(sw_instance_find(i, sw_str_of(name), &x), SW_OK);
    return x;
}

sw_status harness_call(harness *h, sw_instance *i, const char *name, const uint64_t *params,
                       uint64_t *results)
{
    sw_extern x = harness_export(i, name);
    sw_value_slot in[64] = {}, out[64] = {};
    for (uint32_t k = 0; k < x.func.type->params_count; k++) {
        in[k].i64 = params[k];
    }
    sw_status st = sw_call(h->store, x.func.cell, x.func.type, in, out);
    for (uint32_t k = 0; st == SW_OK && k < x.func.type->results_count; k++) {
        results[k] = out[k].i64;
    }
    return st;
}

uint64_t harness_get(harness *h, sw_instance *i, const char *name, uint64_t param)
{
    uint64_t result = 0;
    sw_status st = harness_call(h, i, name, &param, &result);
    if (st != SW_OK) {
        print_error("%s(%#llx): %s\n", name, (unsigned long long)param,
                    sw_store_trap(h->store)->text);
    }
    assert_int_equal(st, SW_OK);
    return result;
}

void harness_expect_trap(harness *h, sw_instance *i, const char *name, uint64_t param,
                         sw_trap reason)
{
    uint64_t result;
    assert_int_equal(harness_call(h, i, name, &param, &result), SW_TRAP);
    if (sw_store_trap(h->store)->reason != reason) {
        print_error("%s(%#llx): %s\n", name, (unsigned long long)param,
                    sw_store_trap(h->store)->text);
    }
    assert_int_equal(sw_store_trap(h->store)->reason, reason);
}
