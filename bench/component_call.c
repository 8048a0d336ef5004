/* What calls through the canonical ABI cost: component_call COMPONENT_CALL.WAT prints one line per
 * kind of call, its name and nanoseconds (the least of several rounds). */
#include "../tests/component/wat.h"

#include "os/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 200, CALLS = 20000 };

static sw_trap host_add(sw_host_call *, const void *params, void *ret)
{
    const uint32_t *p = params;
    *(uint32_t *)ret = p[0] + p[1];
    return SW_TRAP_NONE;
}

static sw_trap host_length(sw_host_call *, const void *params, void *ret)
{
    *(uint32_t *)ret = (uint32_t)((const sw_str *)params)->len;
    return SW_TRAP_NONE;
}

#define PRIM(kind) (SW_VT_PRIM | SW_CT_##kind)

static const char STRINGS[] = "abtext";
static const sw_type_field FIELDS[] = {
    {{0, 1}, PRIM(U32)   },
    {{1, 1}, PRIM(U32)   },
    {{2, 4}, PRIM(STRING)}
};
static const sw_cfunc_type FUNC_TYPES[] = {
    {0, 2, PRIM(U32), 0},
    {2, 1, PRIM(U32), 0}
};
static const sw_types TYPES = {
    .fields = FIELDS, .funcs = FUNC_TYPES, .strings = STRINGS, .fields_count = 3, .funcs_count = 2};
static const sw_host_iface_func FUNCS[] = {
    {SW_STR_INIT("add"),    0, host_add,    NULL},
    {SW_STR_INIT("length"), 1, host_length, NULL}
};
static const sw_host_iface IFACE = {.types = &TYPES, .funcs = FUNCS, .funcs_count = 2};

static void must(sw_status st, const sw_diag *diag)
{
    if (st != SW_OK) {
        (void)fprintf(stderr, "component_call: %s: %s\n", sw_status_text(st), diag->text);
        exit(1);
    }
}

/* Of `times` calls from outside, each told to make `inner` calls inside. */
static double time_calls(sw_component_instance *i, const char *name, uint32_t times, uint32_t inner)
{
    sw_diag diag = {};
    sw_component_func f;
    sw_arena arena;
    double best = 1e18;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    must(sw_component_find_func(i, SW_STR(""), sw_str_of(name), &diag, &f), &diag);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t start = sw_clock_thread_cpu_ns();
        for (uint32_t k = 0; k < times; k++) {
            uint32_t result;
            must(sw_component_call(&f, &inner, &arena, &diag, &result), &diag);
        }
        double ns = (double)(sw_clock_thread_cpu_ns() - start) / times / inner;
        best = ns < best ? ns : best;
    }
    sw_arena_clear(&arena);
    return best;
}

int main(int argc, char **argv)
{
    sw_diag diag = {};
    sw_engine *engine;
    sw_linker *linker;
    sw_store *store;
    sw_component_instance *i;
    wat_component c;
    must(sw_engine_new(&diag, &engine), &diag);
    wat_load(engine, argc > 1 ? argv[1] : "", &c);
    must(sw_linker_new(engine, NULL, &linker), &diag);
    must(sw_linker_define(linker, &IFACE, &diag), &diag);
    must(sw_store_new(engine, &SW_STORE_LIMITS_DEFAULT, &diag, &store), &diag);
    must(sw_component_instance_new(store, c.component, linker, NULL, &diag, &i), &diag);
    printf("host-to-component %.1f\n", time_calls(i, "nop", CALLS, 1));
    printf("component-to-host %.1f\n", time_calls(i, "to-host", 1, CALLS));
    printf("component-to-component %.1f\n", time_calls(i, "to-component", 1, CALLS));
    printf("component-to-component-u8 %.1f\n", time_calls(i, "to-component-u8", 1, CALLS));
    printf("text-to-host %.1f\n", time_calls(i, "text-to-host", 1, CALLS));
    printf("text-to-component %.1f\n", time_calls(i, "text-to-component", 1, CALLS));
    sw_component_instance_free(i);
    sw_store_free(store);
    sw_linker_free(linker);
    wat_free(&c);
    sw_engine_free(engine);
    return 0;
}
