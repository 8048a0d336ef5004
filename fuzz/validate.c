/*
 * Any bytes as the body of a function, in a module that has something of everything to refer to. So
 * the fuzzer spends its time in the validator of instructions, not in making sections.
 *
 * An accepted body has facts that fit it, and the same body with its last byte gone is refused.
 */
#include "wasm/validate.h"
#include "base/buf.h"
#include "wasm/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sections before the code section: types () -> (), (i32 i32) -> i32, (i64 f32) -> (f64 i32); an
 * imported function; three functions, the last of which gets the input; a table of functions and
 * one of externs; a memory; mutable globals of each number type and an immutable one; segments. */
// clang-format off
static const uint8_t BEFORE[] = {
    0, 'a', 's', 'm', 1, 0, 0, 0,
    1, 17, 3, 0x60, 0, 0, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 0x60, 2, 0x7e, 0x7d, 2, 0x7c, 0x7f,
    2, 7, 1, 1, 'm', 1, 'f', 0, 1,
    3, 4, 3, 0, 1, 2,
    4, 8, 2, 0x70, 1, 4, 8, 0x6f, 0, 2,
    5, 3, 1, 0, 1,
    6, 36, 5,
        0x7f, 1, 0x41, 0, 0x0b,
        0x7e, 1, 0x42, 0, 0x0b,
        0x7d, 1, 0x43, 0, 0, 0, 0, 0x0b,
        0x7c, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b,
        0x70, 0, 0xd0, 0x70, 0x0b,
    9, 11, 2, 0, 0x41, 0, 0x0b, 1, 1, 1, 0, 1, 2,
    12, 1, 1,
};
// clang-format on
static const uint8_t SMALL_BODIES[] = {2, 0, 0x0b, 4, 0, 0x20, 0, 0x0b};
static const uint8_t DATA[] = {11, 3, 1, 1, 0};

enum { INPUT_FUNC = 3, MAX_INPUT_BYTES = 1 << 16 };

static void write_module(sw_buf *out, sw_bytes body)
{
    sw_buf code;
    sw_buf_init(&code, NULL, SIZE_MAX);
    sw_buf_u8(&code, 3);
    sw_buf_write(&code, SMALL_BODIES, sizeof SMALL_BODIES);
    sw_buf_leb_u32(&code, (uint32_t)body.len);
    sw_buf_write(&code, body.ptr, body.len);
    sw_buf_write(out, BEFORE, sizeof BEFORE);
    sw_buf_u8(out, 10);
    sw_buf_leb_u32(out, (uint32_t)code.len);
    sw_buf_write(out, code.ptr, code.len);
    sw_buf_write(out, DATA, sizeof DATA);
    sw_buf_clear(&code);
}

static void check_facts(const sw_module *m, const sw_func_facts *f)
{
    sw_range body = m->funcs[INPUT_FUNC].body;
    SW_CHECK(f->params_count == 2 && f->locals_count >= f->params_count);
    SW_CHECK(f->max_stack <= body.len && f->max_labels >= 1 && f->max_labels <= body.len);
    SW_CHECK(f->code_start > body.start && f->code_start < body.start + body.len);
    SW_CHECK(!f->is_leaf || (f->call_weight == 0 && !f->has_call_in_loop));
    SW_CHECK(!f->has_call_in_loop || f->has_loop);
    for (uint32_t i = 0; i < f->locals_count; i++) {
        SW_CHECK(f->local_weights[i] == 0 || body.len > 4);
    }
}

static sw_status validate(sw_bytes body, bool accepted_before)
{
    static const sw_features FEATURES;
    sw_buf bytes;
    sw_arena arena;
    sw_module m;
    sw_diag diag = {};
    sw_func_facts facts;
    sw_buf_init(&bytes, NULL, SIZE_MAX);
    sw_arena_init(&arena, NULL, (size_t)16 << 20);
    write_module(&bytes, body);
    sw_validate_scratch *scratch = sw_validate_scratch_new(NULL);
    SW_CHECK(scratch != NULL);
    sw_status st = sw_module_read(&arena, sw_buf_bytes(&bytes), 0, &FEATURES, &diag, &m);
    SW_CHECK(body.len == 0 || st == SW_OK);
    if (st == SW_OK) {
        SW_CHECK(sw_module_validate(&m, &FEATURES, &diag) == SW_OK);
        st = sw_func_validate(&m, &FEATURES, INPUT_FUNC, scratch, &diag, &facts);
    }
    if (st == SW_OK) {
        SW_CHECK(!accepted_before);
        check_facts(&m, &facts);
    } else {
        SW_CHECK(diag.status == st && diag.used != 0 && diag.offset <= bytes.len);
    }
    sw_validate_scratch_free(scratch);
    sw_arena_clear(&arena);
    sw_buf_clear(&bytes);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sw_bytes body = {data, size};
    if (size > MAX_INPUT_BYTES) {
        return 0;
    }
    if (validate(body, false) == SW_OK) {
        (void)validate(sw_bytes_slice(body, 0, size - 1), true);
    }
    return 0;
}
