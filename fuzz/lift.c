/*
 * The canonical ABI on arbitrary types, values and guests: what is lowered, passed on and lifted is
 * the same value; a guest whose memory, registers and reallocs are arbitrary is refused or lifted,
 * and what was lifted can be lowered again.
 */
#include "../tests/component/canon_gen.h"

#include <stdlib.h>

enum { MEMORY_BYTES = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const sw_resource RESOURCES[GEN_RESOURCES] = {
    {.id = 0, .instance = SW_PLAN_NONE},
    {.id = 1, .instance = 1           },
    {.id = 2, .instance = SW_PLAN_NONE},
};

typedef struct world {
    sw_arena arena;
    sw_canon canon;
    sw_subtask subtask;
    uint8_t *memories[2]; /* heap blocks, so that one byte outside is seen */
    fake_guest guests[2];
    sw_handles host_table;
    sw_handle_side host;
    sw_canon_call call;
    sw_canon_frame frames[2];
} world;

static bool world_init(world *w, gen *g, const gen_types *t)
{
    sw_arena_init(&w->arena, NULL, 64 << 20);
    bool used = true;
    if (sw_canon_make(&w->arena, &t->types, &used, NULL, &w->canon) != SW_OK) {
        return false;
    }
    for (uint32_t i = 0; i < 2; i++) {
        w->memories[i] = malloc(MEMORY_BYTES);
        SW_CHECK(w->memories[i] != NULL);
        memset(w->memories[i], 0, MEMORY_BYTES);
        fake_guest_init(&w->guests[i], w->memories[i], MEMORY_BYTES, RESOURCES);
        w->guests[i].guest.encoding = gen_below(g, 3);
        w->guests[i].guest.handles.subtask = &w->subtask;
        w->guests[i].guest.handles.instance = i;
    }
    w->subtask.table = &w->guests[0].table;
    w->subtask.temporary_table = &w->host_table;
    w->host = (sw_handle_side){.resources = RESOURCES,
                               .handles = &w->host_table,
                               .instance = SW_PLAN_NONE,
                               .subtask = &w->subtask};
    w->call = (sw_canon_call){
        .canon = &w->canon, .host = &w->host, .arena = &w->arena, .bytes_left = 1 << 22};
    return true;
}

static void world_clear(world *w)
{
    sw_subtask_end(&w->subtask);
    for (uint32_t i = 0; i < 2; i++) {
        sw_handles_clear(&w->guests[i].table);
        free(w->memories[i]);
    }
    sw_handles_clear(&w->host_table);
    sw_arena_clear(&w->arena);
}

static sw_trap place_values(world *w, uint32_t guest, const sw_canon_values *v,
                            sw_canon_place *ret_place)
{
    memset(&w->frames[guest], 0, sizeof w->frames[guest]);
    *ret_place = (sw_canon_place){.frame = (uint8_t *)&w->frames[guest]};
    if (v->is_flat) {
        return SW_TRAP_NONE;
    }
    ret_place->frame = NULL;
    w->call.to = &w->guests[guest].guest;
    return sw_canon_allocate(&w->call, SW_CANON_LIST_CONTENT, (const uint32_t[2]){}, v->guest_align,
                             v->guest_bytes, &ret_place->address);
}

/* Fills a guest with arbitrary bytes and lifts; then lowers into the other one. */
static void lift_anything(world *w, gen *g, const sw_canon_values *v)
{
    size_t left = SW_MIN(g->len - g->at, (size_t)MEMORY_BYTES / 2);
    for (size_t at = 0; left != 0 && at + left <= MEMORY_BYTES; at += left) {
        memcpy(w->memories[0] + at, g->bytes + g->at, left);
    }
    for (size_t i = 0; i < sizeof w->frames[0]; i++) {
        ((uint8_t *)&w->frames[0])[i] = (uint8_t)gen_u8(g);
    }
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t index;
        SW_CHECK(sw_handles_add(&w->guests[0].table,
                                (sw_handle){.kind = SW_HANDLE_OWN, .resource = i % GEN_RESOURCES},
                                &index) == SW_TRAP_NONE);
    }
    uint32_t address = gen_u32(g) % MEMORY_BYTES;
    sw_canon_place from = {.frame = v->is_flat ? (uint8_t *)&w->frames[0] : NULL,
                           .address = address};
    w->call.from = &w->guests[0].guest;
    w->call.to = NULL;
    w->call.may_alias = (gen_u8(g) & 1) != 0;
    uint8_t *host = sw_arena_alloc(&w->arena, v->host_bytes, 16);
    if (host == NULL ||
        (!v->is_flat && sw_canon_check_tuple(&w->call, w->call.from, v, address) != 0) ||
        sw_canon_lift(&w->call, v->program, from, host) != SW_TRAP_NONE) {
        return;
    }
    sw_canon_place to;
    w->call.from = NULL;
    w->guests[1].hostile = (gen_u8(g) & 1) != 0 ? g : NULL;
    if (place_values(w, 1, v, &to) == SW_TRAP_NONE) {
        w->call.to = &w->guests[1].guest;
        sw_trap trap = sw_canon_lower(&w->call, v->program, host, to);
        SW_CHECK(trap != SW_TRAP_HOST);
    }
}

/* Lists of fixed length in each other outgrow the guests' memory: their realloc traps then, and
 * that is the one failure allowed to a value on its way. */
static bool has_room(sw_trap trap)
{
    SW_CHECK(trap == SW_TRAP_NONE || trap == SW_TRAP_UNREACHABLE);
    return trap == SW_TRAP_NONE;
}

static void come_back(world *w, gen *g, const gen_types *t, const sw_canon_values *v)
{
    const sw_type_field *fields = t->fields + t->func.params_first;
    uint8_t *in = sw_arena_alloc(&w->arena, v->host_bytes, 16);
    uint8_t *out = sw_arena_alloc(&w->arena, v->host_bytes, 16);
    walk making = {.layouts = &w->canon.layouts, .g = g, .arena = &w->arena, .budget = 200};
    sw_canon_place first, second;
    SW_CHECK(in != NULL && out != NULL);
    gen_struct(&making, fields, t->func.params_count, in);
    if (making.has_guest_handles) {
        return;
    }
    w->call.to = &w->guests[0].guest;
    if (!has_room(place_values(w, 0, v, &first)) ||
        !has_room(sw_canon_lower(&w->call, v->program, in, first)) ||
        !has_room(place_values(w, 1, v, &second))) {
        return;
    }
    w->call.from = &w->guests[0].guest;
    w->call.to = &w->guests[1].guest;
    if (!has_room(sw_canon_pass(&w->call, v->program, first, second))) {
        return;
    }
    sw_subtask_end(&w->subtask);
    w->subtask.table = &w->guests[1].table;
    w->call.from = &w->guests[1].guest;
    w->call.to = NULL;
    SW_CHECK(sw_canon_lift(&w->call, v->program, second, out) == SW_TRAP_NONE);
    SW_CHECK(same_struct(&w->canon.layouts, fields, t->func.params_count, in, out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gen g = {data, size, 0};
    gen_types t = {};
    world w = {};
    bool is_round_trip = (gen_u8(&g) & 1) != 0;
    gen_types_make(&g, &t);
    if (!world_init(&w, &g, &t)) {
        sw_arena_clear(&w.arena);
        return 0;
    }
    const sw_canon_values *v = &w.canon.funcs[0].params;
    if (is_round_trip) {
        come_back(&w, &g, &t, v);
    } else {
        lift_anything(&w, &g, v);
    }
    world_clear(&w);
    return 0;
}
