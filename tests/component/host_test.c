/*
 * Components with a host: linking by version and type, calls in both directions, resources on both
 * sides, what a trap leaves behind, and every allocation failing once. The component is host.wat.
 */
#include "wat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- The host ----------------------------------------------------------------------------------
 */

typedef struct host {
    uint32_t next_rep, dropped_count, dropped_sum;
    sw_component_instance *instance;
    sw_status again; /* what calling the component back gave */
} host;

static sw_trap host_add(sw_host_call *, const void *params, void *ret)
{
    const uint32_t *p = params;
    *(uint32_t *)ret = p[0] + p[1];
    return SW_TRAP_NONE;
}

static sw_trap host_greet(sw_host_call *call, const void *params, void *ret)
{
    const sw_str *name = params;
    sw_str s = sw_arena_printf(call->arena, "hello %.*s", SW_STR_ARG(*name));
    *(sw_str *)ret = s;
    return s.ptr == NULL ? SW_TRAP_OUT_OF_HOST_MEMORY : SW_TRAP_NONE;
}

static sw_trap host_sum(sw_host_call *, const void *params, void *ret)
{
    const struct {
        const uint32_t *ptr;
        size_t len;
    } *xs = params;
    uint64_t sum = 0;
    for (size_t i = 0; i < xs->len; i++) {
        sum += xs->ptr[i];
    }
    *(uint64_t *)ret = sum;
    return SW_TRAP_NONE;
}

typedef struct many_params {
    uint32_t a;
    uint64_t b;
    float c;
    double d;
    int8_t e;
    sw_str f;
    uint32_t g;
    struct {
        bool is_some;
        uint16_t value;
    } h;
    bool i;
} many_params;

typedef struct many_result {
    uint32_t f0;
    sw_str f1;
} many_result;

static sw_trap host_many(sw_host_call *call, const void *params, void *ret)
{
    const many_params *p = params;
    sw_str text = sw_arena_printf(call->arena, "%u %llu %g %g %d %.*s %x %d %u %d", p->a,
                                  (unsigned long long)p->b, (double)p->c, p->d, p->e,
                                  SW_STR_ARG(p->f), p->g, p->h.is_some, p->h.value, p->i);
    *(many_result *)ret = (many_result){p->a + 1, text};
    return text.ptr == NULL ? SW_TRAP_OUT_OF_HOST_MEMORY : SW_TRAP_NONE;
}

static sw_trap host_fail(sw_host_call *call, const void *, void *)
{
    sw_store_explain_trap(call->store, "the host says no");
    return SW_TRAP_HOST;
}

/* Calls the component that is calling. */
static sw_trap host_again(sw_host_call *call, const void *, void *ret)
{
    host *h = call->env;
    sw_component_func f;
    uint32_t params[2] = {1, 2}, result = 0;
    sw_diag diag = {};
    h->again = sw_component_find_func(h->instance, SW_STR(""), SW_STR("add"), &diag, &f);
    if (h->again == SW_OK) {
        h->again = sw_component_call(&f, params, call->arena, &diag, &result);
    }
    *(uint32_t *)ret = 77;
    return SW_TRAP_NONE;
}

/* Representations count up from 100 * n. */
static sw_trap host_make(sw_host_call *call, const void *params, void *ret)
{
    host *h = call->env;
    *(uint32_t *)ret = *(const uint32_t *)params * 100 + ++h->next_rep;
    return SW_TRAP_NONE;
}

static sw_trap host_get(sw_host_call *, const void *params, void *ret)
{
    *(uint32_t *)ret = *(const uint32_t *)params;
    return SW_TRAP_NONE;
}

static void host_drop(void *env, uint32_t rep)
{
    host *h = env;
    h->dropped_count++;
    h->dropped_sum += rep;
}

/* ---- Its tables, as a bindings generator would write them --------------------------------------
 */

#define PRIM(kind) (SW_VT_PRIM | SW_CT_##kind)

static const char STRINGS[] = "nselfrabnamexscdefghi";
#define N_        {0, 1}
#define SELF_     {1, 4}
#define R_        {5, 1}
#define A_        {6, 1}
#define B_        {7, 1}
#define NAME_     {8, 4}
#define XS_       {12, 2}
#define LETTER(i) {14 + (i), 1} /* c to i */

enum { OWN_R, BORROW_R, LIST_U32, OPTION_U16, TUPLE };

static const sw_type_def DEFS[] = {
    [OWN_R] = {.kind = SW_CT_OWN, .other = 0},
    [BORROW_R] = {.kind = SW_CT_BORROW, .other = 0},
    [LIST_U32] = {.kind = SW_CT_LIST, .element = PRIM(U32)},
    [OPTION_U16] = {.kind = SW_CT_OPTION, .element = PRIM(U16)},
    [TUPLE] = {.kind = SW_CT_TUPLE, .first = 7, .count = 2},
};

static const sw_type_field FIELDS[] = {
    {N_,        PRIM(U32)   },
    {SELF_,     BORROW_R    },
    {R_,        OWN_R       },
    {A_,        PRIM(U32)   },
    {B_,        PRIM(U32)   },
    {NAME_,     PRIM(STRING)},
    {XS_,       LIST_U32    },
    {{},        PRIM(U32)   },
    {{},        PRIM(STRING)},
    {A_,        PRIM(U32)   },
    {B_,        PRIM(U64)   },
    {LETTER(0), PRIM(F32)   },
    {LETTER(1), PRIM(F64)   },
    {LETTER(2), PRIM(S8)    },
    {LETTER(3), PRIM(STRING)},
    {LETTER(4), PRIM(CHAR)  },
    {LETTER(5), OPTION_U16  },
    {LETTER(6), PRIM(BOOL)  },
};

enum { MAKE, GET, TAKE, ADD, GREET, SUM, MANY, FAIL, AGAIN, FUNC_TYPES };

static const sw_cfunc_type FUNC_ROWS[] = {
    [MAKE] = {0, 1, OWN_R,        0},
      [GET] = {1, 1, PRIM(U32),    0},
      [TAKE] = {2, 1, PRIM(U32),    0},
    [ADD] = {3, 2, PRIM(U32),    0},
      [GREET] = {5, 1, PRIM(STRING), 0},
      [SUM] = {6, 1, PRIM(U64),    0},
    [MANY] = {9, 9, TUPLE,        0},
      [FAIL] = {0, 0, SW_VT_NONE,   0},
      [AGAIN] = {0, 0, PRIM(U32),    0},
};

static const sw_types TYPES = {
    .defs = DEFS,
    .fields = FIELDS,
    .funcs = FUNC_ROWS,
    .strings = STRINGS,
    .defs_count = SW_COUNTOF(DEFS),
    .fields_count = SW_COUNTOF(FIELDS),
    .funcs_count = FUNC_TYPES,
    .strings_bytes = sizeof STRINGS - 1,
    .resources_count = 1,
};

static const sw_host_iface_resource RESOURCES[] = {
    {.name = SW_STR_INIT("r"), .resource = 0, .drop = host_drop}
};

static const sw_host_iface_func API_FUNCS[] = {
    {SW_STR_INIT("make"),          MAKE, host_make, NULL},
    {SW_STR_INIT("[method]r.get"), GET,  host_get,  NULL},
    {SW_STR_INIT("take"),          TAKE, host_get,  NULL},
};

static const sw_host_iface_func PLAIN_FUNCS[] = {
    {SW_STR_INIT("add"),   ADD,   host_add,   NULL},
    {SW_STR_INIT("greet"), GREET, host_greet, NULL},
    {SW_STR_INIT("sum"),   SUM,   host_sum,   NULL},
    {SW_STR_INIT("many"),  MANY,  host_many,  NULL},
    {SW_STR_INIT("fail"),  FAIL,  host_fail,  NULL},
    {SW_STR_INIT("again"), AGAIN, host_again, NULL},
};

static const sw_host_iface API_IFACE = {
    .name = SW_STR_INIT("test:host/api@1.0.9"),
    .types = &TYPES,
    .funcs = API_FUNCS,
    .resources = RESOURCES,
    .funcs_count = SW_COUNTOF(API_FUNCS),
    .resources_count = 1,
};

static const sw_host_iface PLAIN_IFACE = {
    .name = SW_STR_INIT("test:host/plain@0.2.7"),
    .types = &TYPES,
    .funcs = PLAIN_FUNCS,
    .funcs_count = SW_COUNTOF(PLAIN_FUNCS),
};

/* ---- One instance ------------------------------------------------------------------------------
 */

typedef struct world {
    sw_engine *engine;
    wat_component component;
    sw_linker *linker;
    sw_store *store;
    sw_arena arena;
    host host;
    sw_diag diag;
} world;

static const char *component_path;
static world *shared; /* engine and component: made once */

static int open_engine(void **)
{
    if (!wat_is_available()) {
        return 0;
    }
    shared = calloc(1, sizeof *shared);
    assert_int_equal(sw_engine_new(NULL, &shared->engine), SW_OK);
    wat_load(shared->engine, component_path, &shared->component);
    return 0;
}

static int close_engine(void **)
{
    if (shared != NULL) {
        wat_free(&shared->component);
        sw_engine_free(shared->engine);
        free(shared);
    }
    return 0;
}

static void world_open(world *w)
{
    if (shared == NULL) {
        skip();
    }
    *w = (world){.engine = shared->engine, .component = shared->component};
    sw_arena_init(&w->arena, NULL, SIZE_MAX);
    assert_int_equal(sw_linker_new(w->engine, NULL, &w->linker), SW_OK);
    assert_int_equal(sw_linker_define(w->linker, &API_IFACE, &w->diag), SW_OK);
    assert_int_equal(sw_linker_define(w->linker, &PLAIN_IFACE, &w->diag), SW_OK);
    assert_int_equal(sw_store_new(w->engine, &SW_STORE_LIMITS_DEFAULT, &w->diag, &w->store), SW_OK);
}

static sw_status world_start(world *w)
{
    sw_status st = sw_component_instance_new(w->store, w->component.component, w->linker, &w->host,
                                             &w->diag, &w->host.instance);
    if (st != SW_OK && !sw_memory_failed()) {
        print_message("%s\n", w->diag.text);
    }
    return st;
}

static void world_close(world *w)
{
    sw_component_instance_free(w->host.instance);
    sw_store_free(w->store);
    sw_linker_free(w->linker);
    sw_arena_clear(&w->arena);
}

static sw_status call(world *w, const char *name, const void *params, void *result)
{
    sw_component_func f;
    w->diag = (sw_diag){};
    SW_TRY(sw_component_find_func(w->host.instance, SW_STR(""), sw_str_of(name), &w->diag, &f));
    return sw_component_call(&f, params, &w->arena, &w->diag, result);
}

static uint32_t call_u32(world *w, const char *name, uint32_t param)
{
    uint32_t result = 0;
    assert_int_equal(call(w, name, &param, &result), SW_OK);
    return result;
}

/* ---- Tests -------------------------------------------------------------------------------------
 */

static void values_cross_in_both_directions(void **)
{
    world w;
    world_open(&w);
    assert_int_equal(world_start(&w), SW_OK);
    uint32_t pair[2] = {40, 2}, number = 0;
    assert_int_equal(call(&w, "add", pair, &number), SW_OK);
    assert_int_equal(number, 42);
    assert_int_equal(call(&w, "passed-on", pair, &number), SW_OK);
    assert_int_equal(number, 42);
    sw_str name = SW_STR("\xc3\xa9t\xc3\xa9"), greeting = {};
    assert_int_equal(call(&w, "greet", &name, &greeting), SW_OK);
    assert_true(sw_str_eq(greeting, SW_STR("hello \xc3\xa9t\xc3\xa9")));
    uint32_t items[] = {1, 2, UINT32_MAX};
    struct {
        uint32_t *ptr;
        size_t len;
    } list = {items, 3};
    uint64_t sum = 0;
    assert_int_equal(call(&w, "sum", &list, &sum), SW_OK);
    assert_true(sum == UINT64_C(3) + UINT32_MAX);
    many_params many = {
        7, UINT64_C(1) << 40, 0.5F, -2.25, -3, SW_STR("text"), 0x1f600, {true, 65535},
                 true
    };
    many_result result = {};
    assert_int_equal(call(&w, "many", &many, &result), SW_OK);
    assert_int_equal(result.f0, 8);
    assert_true(sw_str_eq(result.f1, SW_STR("7 1099511627776 0.5 -2.25 -3 text 1f600 1 65535 1")));
    world_close(&w);
}

static void versions_of_a_package_share_its_resource(void **)
{
    world w;
    world_open(&w);
    assert_int_equal(world_start(&w), SW_OK);
    /* make of 1.0.2; get, take and drop of 1.0.5 */
    assert_int_equal(call_u32(&w, "handles", 5), 501 + 501 + 102);
    assert_int_equal(w.host.dropped_count, 1);
    assert_int_equal(w.host.dropped_sum, 501);
    assert_int_equal(call_u32(&w, "leak", 3), 1);
    assert_int_equal(call_u32(&w, "leak", 4), 2);
    assert_int_equal(w.host.dropped_count, 1);
    world_close(&w);
    assert_int_equal(w.host.dropped_count, 3);
    assert_int_equal(w.host.dropped_sum, 501 + 303 + 404);
}

static void guests_resources_are_handles_of_the_host(void **)
{
    world w;
    world_open(&w);
    assert_int_equal(world_start(&w), SW_OK);
    uint32_t first = call_u32(&w, "make-g", 11), second = call_u32(&w, "make-g", 22);
    assert_int_not_equal(first, second);
    assert_int_equal(call_u32(&w, "rep-g", first), 11);
    assert_int_equal(call_u32(&w, "rep-g", second), 22);
    assert_int_equal(call_u32(&w, "live-g", 0), 2);
    assert_int_equal(sw_component_drop(w.host.instance, first, &w.diag), SW_OK);
    assert_int_equal(call_u32(&w, "live-g", 0), 1);
    assert_int_equal(sw_component_drop(w.host.instance, first, &w.diag), SW_ARGUMENT);
    assert_int_equal(sw_component_drop(w.host.instance, 99, &w.diag), SW_ARGUMENT);
    uint32_t result;
    assert_int_equal(call(&w, "rep-g", &first, &result), SW_TRAP);
    assert_string_equal(w.diag.text, "unknown handle index 1");
    world_close(&w);
}

static void a_trap_poisons(void **)
{
    world w;
    world_open(&w);
    assert_int_equal(world_start(&w), SW_OK);
    assert_int_equal(call(&w, "fail", NULL, NULL), SW_TRAP);
    assert_string_equal(w.diag.text, "the host says no");
    assert_int_equal(sw_store_trap(w.store)->reason, SW_TRAP_HOST);
    uint32_t pair[2] = {1, 2}, number;
    assert_int_equal(call(&w, "add", pair, &number), SW_TRAP);
    assert_string_equal(w.diag.text, "cannot enter component instance");
    assert_int_equal(sw_store_trap(w.store)->reason, SW_TRAP_CANNOT_ENTER);
    world_close(&w);
}

static void a_destructor_that_traps_poisons(void **)
{
    world w;
    world_open(&w);
    assert_int_equal(world_start(&w), SW_OK);
    uint32_t handle = call_u32(&w, "make-g", 666), result;
    assert_int_equal(sw_component_drop(w.host.instance, handle, &w.diag), SW_TRAP);
    assert_int_equal(call(&w, "live-g", NULL, &result), SW_TRAP);
    world_close(&w);
}

static void the_host_cannot_enter_again(void **)
{
    world w;
    world_open(&w);
    assert_int_equal(world_start(&w), SW_OK);
    assert_int_equal(call_u32(&w, "again", 0), 77);
    assert_int_equal(w.host.again, SW_TRAP);
    world_close(&w);
}

typedef struct link_case {
    sw_host_iface api, plain;
    const char *message;
} link_case;

static const sw_host_iface_func WRONG_FUNCS[] = {
    {SW_STR_INIT("add"), GREET, host_add, NULL}
};

static const link_case LINKS[] = {
    {{.name = SW_STR_INIT("test:host/api@2.0.0"), .types = &TYPES},
     {.name = SW_STR_INIT("test:host/plain@0.2.0"), .types = &TYPES},
     "test:host/api@1.0.2 (imported by the component)"},
    {{.name = SW_STR_INIT("test:host/api@1.9.0"), .types = &TYPES},
     {.name = SW_STR_INIT("test:host/plain@0.2.0"), .types = &TYPES},
     "test:host/api@1.0.2#r (imported by the component): the host's test:host/api@1.9.0 has no "
     "such resource"                                  },
    {{.name = SW_STR_INIT("test:host/api@1.9.0"),
      .types = &TYPES,
      .funcs = API_FUNCS,
      .resources = RESOURCES,
      .funcs_count = 2,
      .resources_count = 1},
     {.name = SW_STR_INIT("test:host/plain@0.2.0"), .types = &TYPES},
     "test:host/api@1.0.2#take (imported by the component): the host's test:host/api@1.9.0 has no "
     "such function"                                  },
    {{.name = SW_STR_INIT("test:host/api@1.9.0"),
      .types = &TYPES,
      .funcs = API_FUNCS,
      .resources = RESOURCES,
      .funcs_count = 3,
      .resources_count = 1},
     {.name = SW_STR_INIT("test:host/plain@0.2.0"),
      .types = &TYPES,
      .funcs = WRONG_FUNCS,
      .funcs_count = 1},
     "test:host/plain@0.2.0#add: the component expects func(a: u32, b: u32) -> u32, the host has "
     "func(name: string) -> string"                   },
};

static void what_does_not_link_is_named(void **)
{
    if (shared == NULL) {
        skip();
    }
    for (size_t i = 0; i < SW_COUNTOF(LINKS); i++) {
        sw_linker *l;
        sw_diag diag = {};
        assert_int_equal(sw_linker_new(shared->engine, NULL, &l), SW_OK);
        assert_int_equal(sw_linker_define(l, &LINKS[i].api, &diag), SW_OK);
        assert_int_equal(sw_linker_define(l, &LINKS[i].plain, &diag), SW_OK);
        assert_int_equal(sw_linker_define(l, &LINKS[i].plain, &diag), SW_ARGUMENT);
        diag = (sw_diag){};
        assert_int_equal(sw_linker_check(l, shared->component.component, &diag), SW_UNLINKABLE);
        assert_string_equal(diag.text, LINKS[i].message);
        sw_linker_free(l);
    }
}

static sw_status everything(world *w)
{
    SW_TRY(world_start(w));
    sw_str name = SW_STR("world"), greeting = {};
    SW_TRY(call(w, "greet", &name, &greeting));
    uint32_t n = 5, result = 0;
    SW_TRY(call(w, "handles", &n, &result));
    SW_TRY(call(w, "make-g", &n, &result));
    return sw_component_drop(w->host.instance, result, &w->diag);
}

/* Every allocation fails once: an error each time, and nothing stays behind. */
static void allocations_may_fail(void **)
{
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        world w;
        world_open(&w);
        size_t before = sw_store_budget(w.store)->used_bytes;
        sw_memory_fail_at(nth);
        sw_status st = everything(&w);
        done = !sw_memory_failed();
        sw_memory_fail_at(0);
        assert_true(done ? st == SW_OK : st == SW_NO_MEMORY || st == SW_TRAP);
        sw_component_instance_free(w.host.instance);
        w.host.instance = NULL;
        assert_true(!done || sw_store_budget(w.store)->used_bytes >= before);
        world_close(&w);
        assert_true(nth < 10000);
    }
}

int main(int argc, char **argv)
{
    component_path = argc > 1 ? argv[1] : "";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_cross_in_both_directions),
        cmocka_unit_test(versions_of_a_package_share_its_resource),
        cmocka_unit_test(guests_resources_are_handles_of_the_host),
        cmocka_unit_test(a_trap_poisons),
        cmocka_unit_test(a_destructor_that_traps_poisons),
        cmocka_unit_test(the_host_cannot_enter_again),
        cmocka_unit_test(what_does_not_link_is_named),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
