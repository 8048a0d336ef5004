/*
 * Any bytes as a core module: decoded, validated, every body too. Nothing may crash; a refusal has
 * a reason, a text and an offset inside the file; what is accepted refers only to what is there;
 * and a second reading comes to the same verdict, also when memory runs out in the middle of the
 * first.
 */
#include "wasm/module.h"
#include "wasm/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(sw_status st, const sw_diag *diag, size_t size)
{
    SW_CHECK(st == SW_MALFORMED || st == SW_INVALID || st == SW_LIMIT || st == SW_UNSUPPORTED ||
             st == SW_NO_MEMORY);
    SW_CHECK(st == SW_NO_MEMORY || (diag->status == st && diag->used != 0));
    SW_CHECK(diag->status == SW_OK || diag->offset == SW_NO_OFFSET || diag->offset <= size);
}

static void check_range(const sw_module *m, sw_range r)
{
    SW_CHECK(r.start <= m->bytes.len && r.len <= m->bytes.len - r.start);
}

static void check_module(const sw_module *m)
{
    for (uint32_t i = 0; i < m->funcs_count; i++) {
        SW_CHECK(m->funcs[i].type < m->types_count);
        check_range(m, m->funcs[i].body);
        SW_CHECK((m->funcs[i].body.len == 0) == (i < m->imported_funcs));
    }
    for (uint32_t i = 0; i < m->globals_count; i++) {
        check_range(m, m->globals[i].init);
    }
    for (uint32_t i = 0; i < m->datas_count; i++) {
        check_range(m, m->datas[i].bytes);
        check_range(m, m->datas[i].offset);
    }
    SW_CHECK(m->start == SW_NO_INDEX || m->start < m->funcs_count);
}

static sw_status examine(sw_arena *arena, sw_bytes in, const sw_features *features, sw_diag *diag)
{
    sw_module m;
    SW_TRY(sw_module_read(arena, in, 0, features, diag, &m));
    SW_TRY(sw_module_validate(&m, features, diag));
    check_module(&m);
    return sw_module_validate_bodies(&m, features, diag);
}

static sw_status examine_fresh(sw_bytes in, const sw_features *features, uint64_t fail_at)
{
    sw_arena arena;
    sw_diag diag = {};
    sw_arena_init(&arena, NULL, (size_t)64 << 20);
    sw_memory_fail_at(fail_at);
    sw_status st = examine(&arena, in, features, &diag);
    sw_memory_fail_at(0);
    if (st != SW_OK) {
        check_refusal(st, &diag, in.len);
    }
    sw_arena_clear(&arena);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const sw_features FEATURES;
    sw_bytes in = {data, size};
    sw_status first = examine_fresh(in, &FEATURES, 0);
    sw_status starved = examine_fresh(in, &FEATURES, 1 + size % 7);
    SW_CHECK(starved == first || starved == SW_NO_MEMORY);
    SW_CHECK(examine_fresh(in, &FEATURES, 0) == first);
    return 0;
}
