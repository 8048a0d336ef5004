/*
 * Validation of one body, inside a module that has one of everything. Properties: no crash; a
 * failure points into the body; a valid body can be walked without checks.
 */
#include "../tests/wasm/sample.h"
#include "walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const sw_features FEATURES = {};
    sw_buf bytes;
    sw_arena arena;
    sw_module m;
    sw_diag diag = {};
    sw_buf_init(&bytes, NULL, SIZE_MAX);
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sample_module(&bytes, (const char *)data, size);
    SW_CHECK(sw_module_read(&arena, sw_buf_bytes(&bytes), 0, &FEATURES, &diag, &m) == SW_OK);
    SW_CHECK(sw_module_validate(&m, &FEATURES, &diag) == SW_OK);
    sw_validate_scratch *s = sw_validate_scratch_new(NULL);
    sw_func_facts facts;
    sw_status st = sw_func_validate(&m, &FEATURES, 2, s, &diag, &facts);
    if (st == SW_OK) {
        walk_body(&m, 2, &facts);
    } else {
        sw_range body = m.funcs[2].body;
        SW_CHECK(st == diag.status);
        SW_CHECK(diag.offset >= body.start && diag.offset <= body.start + body.len);
    }
    sw_validate_scratch_free(s);
    sw_arena_clear(&arena);
    sw_buf_clear(&bytes);
    return 0;
}
