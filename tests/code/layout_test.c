/* What lies where in a context, which tables are closed, which functions have cells. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "code/abi.h"
#include "support/builder.h"
#include "wasm/validate.h"

/* What touches table 0 besides call_indirect and an active segment. */
typedef enum touch {
    NOTHING,
    BY_EXPORT,
    BY_IMPORT, /* the table is imported */
    BY_GET,
    BY_SET,
    BY_GROW,
    BY_FILL,
    BY_COPY_TO,
    BY_COPY_FROM,
    BY_SIZE,
    BY_INIT,
    TOUCHES,
} touch;

static const bool stays_closed[TOUCHES] = {
    [NOTHING] = true,
    [BY_SIZE] = true,
    [BY_INIT] = true,
};

static void write_touch(sw_builder *b, touch t)
{
    static const struct {
        uint32_t operands, opcode, first, second;
        bool has_value, has_result;
    } rows[TOUCHES] = {
        [BY_GET] = {1, SW_OP_TABLE_GET,  0, SW_NO_INDEX, false, true },
        [BY_SET] = {2, SW_OP_TABLE_SET,  0, SW_NO_INDEX, true,  false},
        [BY_GROW] = {2, SW_OP_TABLE_GROW, 0, SW_NO_INDEX, true,  true },
        [BY_FILL] = {3, SW_OP_TABLE_FILL, 0, SW_NO_INDEX, true,  false},
        [BY_COPY_TO] = {3, SW_OP_TABLE_COPY, 0, 1,           false, false},
        [BY_COPY_FROM] = {3, SW_OP_TABLE_COPY, 1, 0,           false, false},
        [BY_SIZE] = {0, SW_OP_TABLE_SIZE, 0, SW_NO_INDEX, false, true },
        [BY_INIT] = {3, SW_OP_TABLE_INIT, 1, 0,           false, false},
    };
    if (rows[t].opcode == 0) {
        return;
    }
    uint32_t value_at = t == BY_GROW ? 0 : 1;
    for (uint32_t i = 0; i < rows[t].operands; i++) {
        if (rows[t].has_value && i == value_at) {
            sw_builder_op_u32(b, SW_OP_REF_NULL, 0x70);
        } else {
            sw_builder_i32(b, 0);
        }
    }
    sw_builder_op_u32(b, rows[t].opcode, rows[t].first);
    if (rows[t].second != SW_NO_INDEX) {
        sw_buf_leb_u32(&b->body, rows[t].second);
    }
    if (rows[t].has_result) {
        sw_builder_op(b, SW_OP_DROP);
    }
}

/*
 * Functions: 0, 1 imported; 2 exported; 3 named by ref.func; 4 nowhere; 5 the one that does things.
 * Table 0 gets functions 0 and 4 by segment 0, and in BY_INIT function 1 by segment 1.
 */
static void build(sw_builder *b, touch t)
{
    static const uint32_t active[] = {0, 4}, passive[] = {1}, named[] = {3};
    uint32_t none = sw_builder_type(b, ":");
    sw_builder_import_func(b, "m", "a", none);
    sw_builder_import_func(b, "m", "b", none);
    if (t == BY_IMPORT) {
        sw_builder_import_table(b, "m", "t", 'r', 10);
    } else {
        sw_builder_table(b, 'r', 10, UINT32_MAX);
    }
    sw_builder_table(b, 'r', 10, UINT32_MAX);
    for (uint32_t i = 2; i < 5; i++) {
        sw_builder_func(b, none, "");
        sw_builder_end_func(b);
    }
    sw_builder_func(b, none, "");
    sw_builder_op_u32(b, SW_OP_REF_FUNC, 3);
    sw_builder_op(b, SW_OP_DROP);
    sw_builder_i32(b, 0);
    sw_builder_op_u32x2(b, SW_OP_CALL_INDIRECT, none, 0);
    write_touch(b, t);
    sw_builder_end_func(b);
    sw_builder_export(b, "f", SW_EXTERN_FUNC, 2);
    if (t == BY_EXPORT) {
        sw_builder_export(b, "t", SW_EXTERN_TABLE, 0);
    }
    sw_builder_elem(b, 0, 0, active, 2);
    sw_builder_elem(b, SW_NO_INDEX, 0, passive, 1);
    sw_builder_declare(b, named, 1);
}

typedef struct laid_out {
    sw_builder builder;
    sw_arena arena;
    sw_module module;
    sw_layout layout;
} laid_out;

static void lay_out(laid_out *l)
{
    const sw_features features = {.multi_memory = true};
    sw_diag diag = {};
    sw_bytes wasm = sw_builder_finish(&l->builder);
    sw_arena_init(&l->arena, NULL, SIZE_MAX);
    if (sw_module_read(&l->arena, wasm, 0, &features, &diag, &l->module) != SW_OK ||
        sw_module_validate(&l->module, &features, &diag) != SW_OK ||
        sw_module_validate_bodies(&l->module, &features, &diag) != SW_OK ||
        sw_layout_make(&l->arena, &l->module, &diag, &l->layout) != SW_OK) {
        fail_msg("%s", diag.text);
    }
}

static void clear(laid_out *l)
{
    sw_arena_clear(&l->arena);
    sw_builder_clear(&l->builder);
}

static void test_closed(void **state)
{
    (void)state;
    for (touch t = 0; t < TOUCHES; t++) {
        laid_out l;
        sw_builder_init(&l.builder);
        build(&l.builder, t);
        lay_out(&l);
        bool is_closed = stays_closed[t];
        assert_int_equal(l.layout.table_is_closed[0], is_closed);
        assert_int_equal(l.layout.needs_thunk[0], is_closed);
        assert_int_equal(l.layout.needs_thunk[1], t == BY_INIT);
        assert_int_equal(l.layout.cells[0] != 0, !is_closed);
        assert_true(l.layout.cells[2] != 0 && l.layout.cells[3] != 0);
        assert_int_equal(l.layout.cells[4] != 0, !is_closed);
        assert_int_equal(l.layout.cells[5], 0);
        bool other_is_open = t == BY_COPY_TO || t == BY_COPY_FROM;
        assert_int_equal(l.layout.type_ids != 0, !is_closed || other_is_open);
        assert_int_equal(l.layout.owns_table0, t != BY_IMPORT);
        clear(&l);
    }
}

/* A segment that two tables share, one of them open, another with an imported global's value. */
static void test_shared_segment(void **state)
{
    (void)state;
    static const uint32_t funcs[] = {0};
    laid_out l;
    sw_builder *b = &l.builder;
    sw_builder_init(b);
    uint32_t none = sw_builder_type(b, ":");
    sw_builder_import_func(b, "m", "f", none);
    sw_builder_table(b, 'r', 1, 1);
    sw_builder_table(b, 'r', 1, 1);
    sw_builder_table(b, 'e', 1, 1);
    uint32_t elem = sw_builder_elem(b, SW_NO_INDEX, 0, funcs, 1);
    sw_builder_export(b, "t", SW_EXTERN_TABLE, 1);
    sw_builder_func(b, none, "");
    for (uint32_t table = 0; table < 2; table++) {
        for (uint32_t i = 0; i < 3; i++) {
            sw_builder_i32(b, 0);
        }
        sw_builder_op_u32x2(b, SW_OP_TABLE_INIT, elem, table);
    }
    sw_builder_end_func(b);
    lay_out(&l);
    assert_true(l.layout.table_is_closed[0]);
    assert_false(l.layout.table_is_closed[1]);
    assert_false(l.layout.table_is_closed[2]); /* not of functions */
    assert_true(l.layout.needs_thunk[0]);
    assert_int_equal(l.layout.cells[0], l.layout.imports[0]);
    assert_true(l.layout.cells[0] != 0);
    clear(&l);
}

/* The globals used most are within reach of a short displacement; nothing overlaps. */
static void test_places(void **state)
{
    (void)state;
    laid_out l;
    sw_builder *b = &l.builder;
    sw_builder_init(b);
    uint32_t none = sw_builder_type(b, ":");
    sw_builder_import_func(b, "m", "f", none);
    sw_builder_import_global(b, "m", "g", 'i', false);
    sw_builder_import_memory(b, "m", "m", 1);
    sw_builder_memory(b, 1, 1);
    sw_builder_memory(b, 1, 1);
    for (uint32_t i = 0; i < 50; i++) {
        sw_builder_global(b, i % 2 == 0 ? 'i' : 'F', true, 0);
    }
    sw_builder_func(b, none, "");
    for (uint32_t i = 0; i < 30; i++) {
        sw_builder_op_u32(b, SW_OP_GLOBAL_GET, 43);
        sw_builder_op_u32(b, SW_OP_GLOBAL_SET, 43);
    }
    sw_builder_end_func(b);
    lay_out(&l);
    uint32_t used[100], count = 0;
    assert_in_range(l.layout.globals[43], SW_CTX_FIXED + 8, 128);
    assert_false(l.layout.owns_memory0);
    for (uint32_t i = 0; i < 51; i++) {
        used[count++] = l.layout.globals[i];
    }
    for (uint32_t i = 0; i < 3; i++) {
        used[count++] = l.layout.memories[i];
    }
    used[count++] = l.layout.imports[0];
    for (uint32_t i = 0; i < count; i++) {
        assert_in_range(used[i], SW_CTX_FIXED + 8, l.layout.context_bytes);
        assert_int_equal(used[i] % 8, 0);
        for (uint32_t k = 0; k < i; k++) {
            assert_int_not_equal(used[i], used[k]);
        }
    }
    clear(&l);
}

/* ---- Registers ------------------------------------------------------------------------------- */

static void test_regs(void **state)
{
    (void)state;
    sw_valtype types[40];
    sw_value_slot in[40], out[40];
    static const sw_valtype kinds[] = {SW_TYPE_I32,  SW_TYPE_F64, SW_TYPE_I64,
                                       SW_TYPE_V128, SW_TYPE_F32, SW_TYPE_FUNCREF};
    uint8_t area[16 * 40];
    for (uint32_t i = 0; i < 40; i++) {
        types[i] = kinds[i % SW_COUNTOF(kinds)];
        memset(&in[i], 0, sizeof in[i]);
        size_t bytes = types[i] == SW_TYPE_V128                             ? 16
                       : types[i] == SW_TYPE_I32 || types[i] == SW_TYPE_F32 ? 4
                                                                            : 8;
        memset(&in[i], (int)(0x81 + i), bytes);
    }
    sw_functype t = {.params = types, .params_count = 40, .results = types, .results_count = 40};
    sw_regs regs;
    memset(&regs, 0xee, sizeof regs);
    sw_regs_set_params(&t, in, &regs, area);
    sw_regs_get_params(&t, &regs, area, out);
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(regs.ints[0], 0x81818181); /* zero-extended */
    assert_int_equal(regs.ints[1], UINT64_C(0x8383838383838383));
    memset(&regs, 0xee, sizeof regs);
    sw_regs_set_results(&t, in, &regs, area);
    sw_regs_get_results(&t, &regs, area, out);
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(regs.ints[SW_INT_RESULTS], UINT64_C(0xeeeeeeeeeeeeeeee));
}

static void test_trap_texts(void **state)
{
    (void)state;
    for (sw_trap t = SW_TRAP_NONE; t < SW_TRAP_COUNT; t++) {
        assert_true(strlen(sw_trap_text(t)) > 3);
    }
    assert_string_equal(sw_trap_text(SW_TRAP_UNREACHABLE), "unreachable executed");
    assert_string_equal(sw_trap_text((sw_trap)200), "unknown trap");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed),     cmocka_unit_test(test_shared_segment),
        cmocka_unit_test(test_places),     cmocka_unit_test(test_regs),
        cmocka_unit_test(test_trap_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
