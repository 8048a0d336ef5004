/*
 * Resources through the public API: the host's, which guests hold and drop, and a guest's, which
 * the host holds and gives back.
 */
#include "world.h"

#include "../component/wat.h"

#include <stdio.h>
#include <stdlib.h>

static const char WIT[] = "package test:host@1.0.0;\n"
                          "interface things {\n"
                          "    resource thing { constructor(n: u32); get: func() -> u32; }\n"
                          "    take: func(t: thing) -> u32;\n"
                          "}\n"
                          "interface more {\n"
                          "    use things.{thing};\n"
                          "    peek: func(t: borrow<thing>) -> u32;\n"
                          "    busy: func();\n"
                          "}\n";

static const char *component_path;

/* The host's things are numbers; what became of them. */
typedef struct host {
    world w;
    uint32_t drops, dropped_sum;
    uint32_t handle; /* of the guest's resource: what "busy" tries to drop */
    swell_status busy_status;
    char busy_text[256];
} host;

static void thing_dropped(void *env, uint32_t rep)
{
    host *h = env;
    h->drops++;
    h->dropped_sum += rep;
}

static swell_status give_number(void *env, swell_call *call, const swell_value *params,
                                size_t count, swell_value *ret_result)
{
    (void)env;
    (void)call;
    assert_int_equal(count, 1);
    assert_int_equal(params[0].kind, SWELL_HANDLE);
    *ret_result = (swell_value){.kind = SWELL_U32, .u32 = params[0].handle};
    return SWELL_OK;
}

static swell_status make_thing(void *env, swell_call *call, const swell_value *params, size_t count,
                               swell_value *ret_result)
{
    (void)env;
    (void)call;
    assert_int_equal(count, 1);
    *ret_result = (swell_value){.kind = SWELL_HANDLE, .handle = params[0].u32};
    return SWELL_OK;
}

static swell_status be_busy(void *env, swell_call *call, const swell_value *params, size_t count,
                            swell_value *ret_result)
{
    host *h = env;
    swell_error error = {};
    (void)call;
    (void)params;
    (void)count;
    (void)ret_result;
    h->busy_status = swell_instance_drop(h->w.instance, h->handle, &error);
    memcpy(h->busy_text, error.text, sizeof h->busy_text);
    return SWELL_OK;
}

static swell_status on_drop(host *h, const char *interface, const char *resource)
{
    h->w.error = (swell_error){};
    return swell_linker_on_drop(h->w.linker, swell_str_of(interface), resource, thing_dropped, h,
                                &h->w.error);
}

static void define(host *h)
{
    swell_host_func things[] = {
        {"[constructor]thing", make_thing,  h},
        {"[method]thing.get",  give_number, h},
        {"take",               give_number, h},
    };
    swell_host_func more[] = {
        {"peek", give_number, h},
        {"busy", be_busy,     h},
    };
    assert_int_equal(on_drop(h, "test:host/things@1.0.0", "thing"), SWELL_NOT_FOUND);
    assert_int_equal(swell_linker_define_interface(h->w.linker, swell_str_of(WIT),
                                                   swell_str_of("test:host/things@1.0.0"), things,
                                                   SW_COUNTOF(things), &h->w.error),
                     SWELL_OK);
    assert_int_equal(swell_linker_define_interface(h->w.linker, swell_str_of(WIT),
                                                   swell_str_of("test:host/more@1.0.0"), more,
                                                   SW_COUNTOF(more), &h->w.error),
                     SWELL_OK);
}

static void open_host(host *h)
{
    *h = (host){};
    sw_bytes wasm = wat_assemble(component_path);
    world_open(&h->w, (swell_bytes){wasm.ptr, wasm.len});
    free((void *)(uintptr_t)wasm.ptr);
    define(h);
    assert_int_equal(on_drop(h, "test:host/things@1.0.0", "thing"), SWELL_OK);
    world_start(&h->w);
}

static swell_value call(host *h, const char *name, swell_value *param)
{
    swell_value result = {};
    swell_func *f = world_find(&h->w, name);
    swell_status st = swell_func_call(f, param, param == NULL ? 0 : 1, &h->w.error,
                                      swell_func_has_result(f) ? &result : NULL);
    if (st != SWELL_OK) {
        print_error("%s: %s\n", name, h->w.error.text);
    }
    assert_int_equal(st, SWELL_OK);
    return result;
}

static swell_value call_with(host *h, const char *name, uint32_t n)
{
    swell_value param = {.kind = SWELL_U32, .u32 = n};
    return call(h, name, &param);
}

static void the_host_is_told(void **)
{
    host h;
    open_host(&h);
    assert_int_equal(call_with(&h, "use-it", 7).u32, 7007);
    assert_int_equal(h.drops, 1);
    assert_int_equal(h.dropped_sum, 7);
    /* These become the host's own again: it knows. */
    assert_int_equal(call_with(&h, "hand-over", 20).u32, 20);
    swell_value given = call_with(&h, "give", 30);
    assert_int_equal(given.kind, SWELL_HANDLE);
    assert_int_equal(given.handle, 30);
    assert_int_equal(h.drops, 1);
    /* What a guest keeps is dropped with it. */
    (void)call_with(&h, "keep", 400);
    (void)call_with(&h, "keep", 5000);
    assert_int_equal(h.drops, 1);
    swell_store_free(h.w.store);
    h.w.store = NULL;
    assert_int_equal(h.drops, 3);
    assert_int_equal(h.dropped_sum, 5407);
    world_close(&h.w);
}

static void only_resources_that_are_there(void **)
{
    static const char *const ROWS[][2] = {
        {"test:host/things@1.0.0", "other"},
        {"test:host/things",       "thing"},
        {"test:host/more@1.0.0",   "thing"}, /* used, not its own */
        {"test:host/none@1.0.0",   "thing"},
    };
    host h;
    open_host(&h);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        assert_int_equal(on_drop(&h, ROWS[i][0], ROWS[i][1]), SWELL_NOT_FOUND);
        world_says(&h.w.error, ROWS[i][0]);
        world_says(&h.w.error, ROWS[i][1]);
    }
    world_close(&h.w);
}

static swell_status drop(host *h, uint32_t handle)
{
    h->w.error = (swell_error){};
    return swell_instance_drop(h->w.instance, handle, &h->w.error);
}

static void a_guests_resource_is_given_back(void **)
{
    host h;
    open_host(&h);
    swell_value one = call_with(&h, "make-g", 11), two = call_with(&h, "make-g", 22);
    assert_int_equal(one.kind, SWELL_HANDLE);
    assert_int_not_equal(one.handle, two.handle);
    assert_int_equal(call(&h, "rep-g", &one).u32, 11);
    assert_int_equal(call(&h, "live-g", NULL).u32, 2);
    assert_int_equal(drop(&h, one.handle), SWELL_OK);
    assert_int_equal(call(&h, "live-g", NULL).u32, 1);
    assert_int_equal(call(&h, "rep-g", &two).u32, 22);
    assert_int_equal(drop(&h, one.handle), SWELL_ARGUMENT);
    world_says(&h.w.error, "no resource handle");
    assert_int_equal(drop(&h, 99), SWELL_ARGUMENT);
    assert_int_equal(drop(&h, 0), SWELL_ARGUMENT);
    assert_int_equal(h.drops, 0);
    world_close(&h.w);
}

/* A host function wants to drop what the guest that called it implements. */
static void not_while_it_runs(void **)
{
    host h;
    open_host(&h);
    swell_value g = call_with(&h, "make-g", 33);
    h.handle = g.handle;
    (void)call(&h, "busy", NULL);
    assert_int_equal(h.busy_status, SWELL_ARGUMENT);
    assert_non_null(strstr(h.busy_text, "in progress"));
    assert_int_equal(call(&h, "rep-g", &g).u32, 33);
    assert_int_equal(drop(&h, g.handle), SWELL_OK);
    assert_int_equal(call(&h, "live-g", NULL).u32, 0);
    world_close(&h.w);
}

static void a_destructor_may_trap(void **)
{
    host h;
    open_host(&h);
    swell_value bad = call_with(&h, "make-g", 666), good = call_with(&h, "make-g", 1);
    assert_int_equal(drop(&h, bad.handle), SWELL_TRAP);
    assert_non_null(strstr(swell_store_trap_text(h.w.store), "unreachable"));
    assert_int_equal(drop(&h, good.handle), SWELL_TRAP);
    world_says(&h.w.error, "cannot enter");
    world_close(&h.w);
}

static void modules_have_none(void **)
{
    static const uint8_t MODULE[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    world w;
    world_open(&w, (swell_bytes){MODULE, sizeof MODULE});
    world_start(&w);
    assert_int_equal(swell_instance_drop(w.instance, 1, &w.error), SWELL_ARGUMENT);
    world_says(&w.error, "module");
    world_close(&w);
}

int main(int argc, char **argv)
{
    component_path = argc > 1 ? argv[1] : "";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_is_told),
        cmocka_unit_test(only_resources_that_are_there),
        cmocka_unit_test(a_guests_resource_is_given_back),
        cmocka_unit_test(not_while_it_runs),
        cmocka_unit_test(a_destructor_may_trap),
        cmocka_unit_test(modules_have_none),
    };
    if (!wat_is_available()) {
        (void)fprintf(stderr, "skipped: wasm-tools is needed\n");
        return 77;
    }
    world_keep_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
