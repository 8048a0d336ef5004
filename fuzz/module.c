/*
 * Decoding and validation of whole modules. Properties: no crash under any features; reading twice
 * gives the same; a failure says where; what is valid can be walked without checks.
 */
#include "walk.h"

static void check_valid(const sw_module *m, const sw_features *features)
{
    sw_validate_scratch *s = sw_validate_scratch_new(NULL);
    walk_exprs(m);
    for (uint32_t i = m->imported_funcs; i < m->funcs_count; i++) {
        sw_func_facts facts;
        sw_diag diag = {};
        sw_status st = sw_func_validate(m, features, i, s, &diag, &facts);
        SW_CHECK(st == diag.status);
        if (st == SW_OK) {
            walk_body(m, i, &facts);
        } else {
            sw_range body = m->funcs[i].body;
            SW_CHECK(diag.offset >= body.start && diag.offset <= body.start + body.len);
        }
    }
    sw_validate_scratch_free(s);
}

static void check(sw_bytes bytes, const sw_features *features)
{
    sw_arena a, b;
    sw_module m, again;
    sw_diag diag = {};
    sw_arena_init(&a, NULL, 64 << 20);
    sw_arena_init(&b, NULL, 64 << 20);
    sw_status st = sw_module_read(&a, bytes, 0, features, &diag, &m);
    SW_CHECK(st == diag.status);
    SW_CHECK(sw_module_read(&b, bytes, 0, features, NULL, &again) == st);
    SW_CHECK(st == SW_OK || st == SW_NO_MEMORY || diag.offset <= bytes.len);
    if (st == SW_OK) {
        SW_CHECK(m.funcs_count == again.funcs_count && m.code_bytes == again.code_bytes);
        SW_CHECK(m.types_count == again.types_count && m.customs_count == again.customs_count);
        if (sw_module_validate(&m, features, &diag) == SW_OK) {
            check_valid(&m, features);
        }
    }
    sw_arena_clear(&a);
    sw_arena_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const sw_features NONE = {};
    static const sw_features ALL = {true, true, true, true, true, true, true, true};
    check((sw_bytes){data, size}, &NONE);
    check((sw_bytes){data, size}, &ALL);
    return 0;
}
