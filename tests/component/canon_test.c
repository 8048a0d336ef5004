/*
 * The canonical ABI against guests made of bytes: random types and values go from the host to a
 * guest, to another guest with another string encoding, and back, and are the same; every bad value
 * traps; hostile reallocs neither crash nor write outside.
 */
#include "canon_gen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MEMORY_BYTES = 1 << 18, DATA_BYTES = 2048 };

static const sw_resource RESOURCES[GEN_RESOURCES] = {
    {.id = 0, .instance = SW_PLAN_NONE},
    {.id = 1, .instance = SW_PLAN_NONE},
    {.id = 2, .instance = SW_PLAN_NONE},
};

typedef struct round_trip {
    sw_arena arena;
    gen_types t;
    sw_canon canon;
    sw_subtask subtask;
    uint8_t *memories[2];
    fake_guest guests[2];
    sw_handles host_table;
    sw_handle_side host;
    sw_canon_call call;
    sw_canon_frame frames[2];
    sw_canon_place places[2];
} round_trip;

static bool trip_init(round_trip *r, gen *g)
{
    *r = (round_trip){};
    sw_arena_init(&r->arena, NULL, 64 << 20);
    gen_types_make(g, &r->t);
    sw_diag diag = {};
    bool used = true;
    sw_status st = sw_canon_make(&r->arena, &r->t.types, &used, &diag, &r->canon);
    assert_true(st == SW_OK);
    for (int i = 0; i < 2; i++) {
        r->memories[i] = malloc(MEMORY_BYTES);
        fake_guest_init(&r->guests[i], r->memories[i], MEMORY_BYTES, RESOURCES);
        r->guests[i].guest.encoding = gen_below(g, 3);
        r->guests[i].guest.handles.subtask = &r->subtask;
        r->guests[i].guest.handles.instance = (uint32_t)i;
        r->subtask.table = &r->guests[i].table;
    }
    r->host = (sw_handle_side){.resources = RESOURCES,
                               .handles = &r->host_table,
                               .instance = SW_PLAN_NONE,
                               .subtask = &r->subtask};
    r->call = (sw_canon_call){.canon = &r->canon,
                              .host = &r->host,
                              .arena = &r->arena,
                              .bytes_left = SW_CANON_CALL_BYTES};
    return true;
}

static void trip_clear(round_trip *r)
{
    sw_subtask_end(&r->subtask);
    for (int i = 0; i < 2; i++) {
        sw_handles_clear(&r->guests[i].table);
        free(r->memories[i]);
    }
    sw_handles_clear(&r->host_table);
    sw_arena_clear(&r->arena);
}

static sw_canon_values values_of(const round_trip *r, bool result)
{
    return result ? r->canon.funcs[0].result : r->canon.funcs[0].params;
}

/* Room for a tuple in a guest. */
static sw_trap open_place(round_trip *r, int guest, const sw_canon_values *v)
{
    r->places[guest] = (sw_canon_place){.frame = (uint8_t *)&r->frames[guest]};
    memset(&r->frames[guest], 0, sizeof r->frames[guest]);
    if (v->is_flat) {
        return SW_TRAP_NONE;
    }
    r->call.to = &r->guests[guest].guest;
    r->places[guest].frame = NULL;
    return sw_canon_allocate(&r->call, SW_CANON_LIST_CONTENT, (const uint32_t[2]){}, v->guest_align,
                             v->guest_bytes, &r->places[guest].address);
}

/* Host to guest 0, guest 0 to guest 1, guest 1 to host. */
static sw_trap trip(round_trip *r, bool result, const uint8_t *in, uint8_t *out)
{
    sw_canon_values v = values_of(r, result);
    sw_trap trap = open_place(r, 0, &v);
    r->call.from = NULL;
    r->call.to = &r->guests[0].guest;
    trap = trap != SW_TRAP_NONE ? trap : sw_canon_lower(&r->call, v.program, in, r->places[0]);
    trap = trap != SW_TRAP_NONE ? trap : open_place(r, 1, &v);
    r->call.from = &r->guests[0].guest;
    r->call.to = &r->guests[1].guest;
    trap = trap != SW_TRAP_NONE ? trap
                                : sw_canon_pass(&r->call, v.program, r->places[0], r->places[1]);
    r->call.from = &r->guests[1].guest;
    r->call.to = NULL;
    r->call.may_alias = !r->call.may_alias;
    return trap != SW_TRAP_NONE ? trap : sw_canon_lift(&r->call, v.program, r->places[1], out);
}

static void check_trip(round_trip *r, gen *g, bool result)
{
    sw_canon_values v = values_of(r, result);
    const sw_cfunc_type *f = &r->t.func;
    sw_type_field field = {.type = f->result};
    const sw_type_field *fields = result ? &field : r->t.fields + f->params_first;
    uint32_t count = result ? 1 : f->params_count, align;
    assert_int_equal(gen_struct_size(&r->canon.layouts, fields, count, &align), v.host_bytes);
    assert_int_equal(align, v.host_align);
    uint8_t *in = sw_arena_alloc(&r->arena, v.host_bytes, 16);
    uint8_t *out = sw_arena_alloc(&r->arena, v.host_bytes, 16);
    walk w = {.layouts = &r->canon.layouts, .g = g, .arena = &r->arena, .budget = 200};
    gen_struct(&w, fields, count, in);
    sw_trap trap = trip(r, result, in, out);
    assert_int_equal(trap, SW_TRAP_NONE);
    assert_true(same_struct(&r->canon.layouts, fields, count, in, out));
}

static void fill(uint8_t *data, uint64_t seed)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < DATA_BYTES; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        data[i] = (uint8_t)(x >> 24);
    }
}

static void values_come_back(void **state)
{
    (void)state;
    uint8_t data[DATA_BYTES];
    for (uint64_t seed = 0; seed < 3000; seed++) {
        fill(data, seed);
        gen g = {data, sizeof data, 0};
        round_trip r;
        trip_init(&r, &g);
        check_trip(&r, &g, false);
        sw_subtask_end(&r.subtask);
        check_trip(&r, &g, true);
        trip_clear(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
