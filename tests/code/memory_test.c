/* Memories, globals, tables, references and the helpers: places and bounds. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "build.h"

#include <sys/mman.h>

enum { PAGE = 65536 };

#define RUN1(f, a)       machine_run(m, (f), (a), 0, 0)
#define RUN2(f, a, b)    machine_run(m, (f), (a), (b), 0)
#define RUN3(f, a, b, c) machine_run(m, (f), (a), (b), (c))

/* ---- Loads and stores ------------------------------------------------------------------------ */

typedef struct access_row {
    uint32_t opcode;
    char type;
    uint8_t bytes;
    bool is_store, is_signed;
} access_row;

static const access_row accesses[] = {
    {SW_OP_I32_LOAD,     'i', 4, false, false},
    {SW_OP_I64_LOAD,     'I', 8, false, false},
    {SW_OP_F32_LOAD,     'f', 4, false, false},
    {SW_OP_F64_LOAD,     'F', 8, false, false},
    {SW_OP_I32_LOAD8_S,  'i', 1, false, true },
    {SW_OP_I32_LOAD8_U,  'i', 1, false, false},
    {SW_OP_I32_LOAD16_S, 'i', 2, false, true },
    {SW_OP_I32_LOAD16_U, 'i', 2, false, false},
    {SW_OP_I64_LOAD8_S,  'I', 1, false, true },
    {SW_OP_I64_LOAD8_U,  'I', 1, false, false},
    {SW_OP_I64_LOAD16_S, 'I', 2, false, true },
    {SW_OP_I64_LOAD16_U, 'I', 2, false, false},
    {SW_OP_I64_LOAD32_S, 'I', 4, false, true },
    {SW_OP_I64_LOAD32_U, 'I', 4, false, false},
    {SW_OP_I32_STORE,    'i', 4, true,  false},
    {SW_OP_I64_STORE,    'I', 8, true,  false},
    {SW_OP_F32_STORE,    'f', 4, true,  false},
    {SW_OP_F64_STORE,    'F', 8, true,  false},
    {SW_OP_I32_STORE8,   'i', 1, true,  false},
    {SW_OP_I32_STORE16,  'i', 2, true,  false},
    {SW_OP_I64_STORE8,   'I', 1, true,  false},
    {SW_OP_I64_STORE16,  'I', 2, true,  false},
    {SW_OP_I64_STORE32,  'I', 4, true,  false},
};

/* How the address is made. */
typedef enum addressing {
    BY_LOCAL,
    BY_TEMP,
    BY_LOCAL_WITH_OFFSET, /* 16 */
    BY_TEMP_WITH_BIG,     /* 2^31 + 8 */
    BY_CONST,             /* the address is constant */
    BY_CONST_WITH_OFFSET,
    ADDRESSINGS,
} addressing;

static const uint64_t offsets[ADDRESSINGS] = {0, 0, 16, 0x80000008, 0, 16};

#define CONST_ADDRESS (PAGE - 24)
/* Recognizable from its bytes; sign bits at every width. */
#define PATTERN       UINT64_C(0x8899aabbccddeeff)

static void push_address(sw_builder *b, addressing how)
{
    if (how == BY_CONST || how == BY_CONST_WITH_OFFSET) {
        I32(CONST_ADDRESS);
        return;
    }
    GET(0);
    if (how == BY_TEMP || how == BY_TEMP_WITH_BIG) {
        I32(3);
        OP(I32_ADD);
        I32(3);
        OP(I32_SUB);
    }
}

/* (address) -> bits of the loaded value, or stores PATTERN; in memory `memory`. value_const: the
 * stored value is a constant. */
static void build_access(sw_builder *b, const access_row *row, uint32_t type, addressing how,
                         uint32_t memory, bool value_const)
{
    sw_builder_func(b, type, "");
    push_address(b, how);
    if (row->is_store) {
        bool is_32 = row->type == 'i' || row->type == 'f';
        if (value_const) {
            sw_builder_const(b, row->type, is_32 ? (uint32_t)PATTERN : PATTERN);
        } else {
            I64(PATTERN);
            if (is_32) {
                OP(I32_WRAP_I64);
            }
            if (row->type == 'f') {
                OP(F32_REINTERPRET_I32);
            } else if (row->type == 'F') {
                OP(F64_REINTERPRET_I64);
            }
        }
    }
    sw_builder_mem(b, row->opcode, memory, offsets[how]);
    if (row->is_store) {
        I64(0);
    } else if (row->type == 'i') {
        OP(I64_EXTEND_I32_U);
    } else if (row->type == 'f') {
        OP(I32_REINTERPRET_F32);
        OP(I64_EXTEND_I32_U);
    } else if (row->type == 'F') {
        OP(I64_REINTERPRET_F64);
    }
    END_FUNC();
}

static uint32_t access_index(uint32_t row, uint32_t how, uint32_t memory, bool value_const)
{
    return ((row * ADDRESSINGS + how) * 2 + memory) * 2 + value_const;
}

static void build_accesses_of(sw_builder *b, bool is_imported)
{
    uint32_t t = sw_builder_type(b, "i:I");
    if (is_imported) {
        sw_builder_import_memory(b, "other", "memory", 1);
    } else {
        sw_builder_memory(b, 1, 1);
    }
    sw_builder_memory(b, 1, 1);
    for (uint32_t i = 0; i < SW_COUNTOF(accesses); i++) {
        for (uint32_t how = 0; how < ADDRESSINGS; how++) {
            for (uint32_t k = 0; k < 4; k++) {
                build_access(b, &accesses[i], t, how, k >> 1, k & 1);
            }
        }
    }
}

static uint64_t expected_load(const access_row *row, uint64_t bits)
{
    unsigned width = row->bytes * 8u;
    if (width == 64) {
        return bits;
    }
    bits &= (UINT64_C(1) << width) - 1;
    if (row->is_signed && (bits >> (width - 1)) != 0) {
        bits |= ~UINT64_C(0) << width;
    }
    return row->type == 'i' ? (uint32_t)bits : bits;
}

enum { FAR_SLACK = 8 /* what the far offset is past a page's start */ };

/* A page far from the others is there for a moment; page is its start. */
static void check_far_access(machine *m, uint32_t func, const access_row *row, uint8_t *page)
{
    uint64_t pattern = PATTERN;
    assert_int_equal(mprotect(page, PAGE, PROT_READ | PROT_WRITE), 0);
    memset(page, 0, PAGE);
    if (!row->is_store) {
        memcpy(page + FAR_SLACK + 100, &pattern, row->bytes);
        assert_int_equal(RUN1(func, 100), expected_load(row, pattern));
    } else {
        (void)RUN1(func, 100);
        assert_memory_equal(page + FAR_SLACK + 100, &pattern, row->bytes);
        assert_int_equal(page[FAR_SLACK + 99], 0);
        assert_int_equal(page[FAR_SLACK + 100 + row->bytes], 0);
    }
    assert_int_equal(mprotect(page, PAGE, PROT_NONE), 0);
}

/* The access of `bytes` at the end of memory, one that is a byte too far, and one that is all out.
 */
static void check_access(machine *m, uint32_t func, const access_row *row, addressing how,
                         uint8_t *memory)
{
    bool is_const = how == BY_CONST || how == BY_CONST_WITH_OFFSET;
    uint64_t at = is_const ? CONST_ADDRESS + offsets[how] : (uint64_t)PAGE - row->bytes;
    uint64_t pattern = PATTERN, seen = 0;
    if (at < offsets[how]) {
        /* The offset alone is past the end. */
        assert_int_equal(machine_trap(m, func, 0, 0), SW_TRAP_MEMORY_OUT_OF_BOUNDS);
        assert_int_equal(machine_trap(m, func, UINT32_MAX, 0), SW_TRAP_MEMORY_OUT_OF_BOUNDS);
        check_far_access(m, func, row, memory + offsets[how] - FAR_SLACK);
        return;
    }
    uint64_t address = is_const ? 0 : at - offsets[how];
    memset(memory, 0, PAGE);
    if (!row->is_store) {
        memcpy(memory + at, &pattern, row->bytes);
        assert_int_equal(RUN1(func, address), expected_load(row, pattern));
    } else {
        (void)RUN1(func, address);
        memcpy(&seen, memory + at, row->bytes);
        assert_memory_equal(&seen, &pattern, row->bytes);
        assert_int_equal(memory[at - 1], 0);
        assert_true(at + row->bytes >= PAGE || memory[at + row->bytes] == 0);
    }
    if (!is_const) {
        assert_int_equal(machine_trap(m, func, address + 1, 0), SW_TRAP_MEMORY_OUT_OF_BOUNDS);
        assert_int_equal(machine_trap(m, func, UINT32_MAX, 0), SW_TRAP_MEMORY_OUT_OF_BOUNDS);
    }
}

static void check_accesses_with(machine *m, uint8_t *first)
{
    for (uint32_t i = 0; i < SW_COUNTOF(accesses); i++) {
        for (uint32_t how = 0; how < ADDRESSINGS; how++) {
            for (uint32_t k = 0; k < 4; k++) {
                uint8_t *memory = k >> 1 == 0 ? first : m->memory_bases[1];
                check_access(m, access_index(i, how, k >> 1, k & 1), &accesses[i], how, memory);
            }
        }
    }
}

static void build_own(sw_builder *b)
{
    build_accesses_of(b, false);
}

static void check_own(machine *m)
{
    check_accesses_with(m, m->base);
}

static void build_imported(sw_builder *b)
{
    build_accesses_of(b, true);
}

static void check_imported(machine *m)
{
    size_t bytes = (size_t)9 << 30;
    uint8_t *other =
        mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(other != MAP_FAILED);
    assert_int_equal(mprotect(other, PAGE, PROT_READ | PROT_WRITE), 0);
    sw_memory_view view = {.base = other, .size_bytes = PAGE};
    machine_link_memory(m, 0, &view);
    m->memory_bases[0] = other;
    check_accesses_with(m, other);
    munmap(other, bytes);
}

static void test_accesses(void **state)
{
    (void)state;
    with_module(build_own, check_own);
    with_module(build_imported, check_imported);
}

/* ---- Size, growth, bulk ---------------------------------------------------------------------- */

static void build_bulk(sw_builder *b)
{
    uint32_t none_i = sw_builder_type(b, ":i"), i_i = sw_builder_type(b, "i:i");
    uint32_t iii_i = sw_builder_type(b, "iii:i"), iri_i = sw_builder_type(b, "iri:i");
    uint32_t ri_i = sw_builder_type(b, "ri:i");
    static const uint32_t funcs[] = {0};
    sw_builder_memory(b, 1, 10);
    sw_builder_memory(b, 2, 10);
    sw_builder_table(b, 'r', 3, UINT32_MAX);
    sw_builder_table(b, 'r', 4, UINT32_MAX);
    sw_builder_elem(b, SW_NO_INDEX, 0, funcs, 1);
    sw_builder_elem(b, SW_NO_INDEX, 0, funcs, 1);
    sw_builder_data(b, SW_NO_INDEX, 0, "abc", 3);
    sw_builder_data(b, SW_NO_INDEX, 0, "de", 2);
    /* 0, 1: sizes */
    for (uint32_t i = 0; i < 2; i++) {
        sw_builder_func(b, none_i, "");
        sw_builder_op_u32(b, SW_OP_MEMORY_SIZE, i);
        END_FUNC();
    }
    /* 2, 3: growth */
    for (uint32_t i = 0; i < 2; i++) {
        sw_builder_func(b, i_i, "");
        GET(0);
        sw_builder_op_u32(b, SW_OP_MEMORY_GROW, i);
        END_FUNC();
    }
    /* 4 to 8: three operands each */
    static const struct {
        uint32_t opcode, first, second;
    } bulk[] = {
        {SW_OP_MEMORY_INIT, 1, 1          },
        {SW_OP_MEMORY_COPY, 1, 0          },
        {SW_OP_MEMORY_FILL, 1, SW_NO_INDEX},
        {SW_OP_TABLE_INIT,  1, 1          },
        {SW_OP_TABLE_COPY,  1, 0          },
    };
    for (uint32_t i = 0; i < SW_COUNTOF(bulk); i++) {
        sw_builder_func(b, iii_i, "");
        I32(9); /* lives across the call */
        GET(0);
        GET(1);
        GET(2);
        sw_builder_op_u32(b, bulk[i].opcode, bulk[i].first);
        if (bulk[i].second != SW_NO_INDEX) {
            sw_buf_leb_u32(&b->body, bulk[i].second);
        }
        END_FUNC();
    }
    /* 9: table.fill, 10: table.grow, 11: table.size, 12: both drops */
    sw_builder_func(b, iri_i, "");
    GET(0);
    GET(1);
    GET(2);
    sw_builder_op_u32(b, SW_OP_TABLE_FILL, 1);
    I32(1);
    END_FUNC();
    sw_builder_func(b, ri_i, "");
    GET(0);
    GET(1);
    sw_builder_op_u32(b, SW_OP_TABLE_GROW, 1);
    END_FUNC();
    sw_builder_func(b, none_i, "");
    sw_builder_op_u32(b, SW_OP_TABLE_SIZE, 1);
    END_FUNC();
    sw_builder_func(b, none_i, "");
    sw_builder_op_u32(b, SW_OP_DATA_DROP, 1);
    sw_builder_op_u32(b, SW_OP_ELEM_DROP, 1);
    I32(2);
    END_FUNC();
}

static void assert_helper(sw_helper helper, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const helper_call *h = &machine_last_helper;
    assert_int_equal(h->helper, helper);
    assert_int_equal(h->args[0], a);
    assert_int_equal(h->args[1], b);
    assert_int_equal(h->args[2], c);
    assert_int_equal(h->args[3], d);
}

static void check_bulk(machine *m)
{
    const uint64_t one = UINT64_C(1) << 32, big = UINT32_MAX;
    assert_int_equal(RUN1(0, 0), 1);
    assert_int_equal(RUN1(1, 0), 2);
    assert_int_equal(RUN1(2, 3), 1);
    assert_int_equal(RUN1(3, 4), 2);
    assert_int_equal(RUN1(0, 0), 4);
    assert_int_equal(RUN1(1, 0), 6);
    assert_int_equal(RUN1(2, UINT32_MAX), UINT32_MAX);
    assert_int_equal(RUN3(4, 1, big, 3), 9);
    assert_helper(SW_HELPER_MEMORY_INIT, one | 1, 1, big, 3);
    assert_int_equal(RUN3(5, big, 2, 3), 9);
    assert_helper(SW_HELPER_MEMORY_COPY, one, big, 2, 3);
    assert_int_equal(RUN3(6, 1, 2, big), 9);
    assert_helper(SW_HELPER_MEMORY_FILL, 1, 1, 2, big);
    assert_int_equal(RUN3(7, 1, 2, 3), 9);
    assert_helper(SW_HELPER_TABLE_INIT, one | 1, 1, 2, 3);
    assert_int_equal(RUN3(8, 1, 2, 3), 9);
    assert_helper(SW_HELPER_TABLE_COPY, one, 1, 2, 3);
    assert_int_equal(RUN3(9, 1, UINT64_C(0x123456789abc), 3), 1);
    assert_helper(SW_HELPER_TABLE_FILL, 1, 1, UINT64_C(0x123456789abc), 3);
    machine_helper_result = UINT64_MAX;
    assert_int_equal(RUN2(10, UINT64_C(0x123456789abc), 7), UINT32_MAX);
    assert_int_equal(machine_last_helper.args[1], UINT64_C(0x123456789abc));
    assert_int_equal(machine_last_helper.args[2], 7);
    machine_helper_result = 0;
    assert_int_equal(RUN1(11, 0), 4);
    assert_int_equal(RUN1(12, 0), 2);
    assert_int_equal(machine_last_helper.helper, SW_HELPER_ELEM_DROP);
    assert_int_equal(machine_last_helper.args[0], 1);
}

static void test_bulk(void **state)
{
    (void)state;
    with_module(build_bulk, check_bulk);
}

/* ---- Globals --------------------------------------------------------------------------------- */

static const char global_types[] = "iIfFr";

/* Two functions for each global: set it and get it back; the first five are imported. */
static void build_globals(sw_builder *b)
{
    uint32_t types[5];
    for (uint32_t i = 0; i < 5; i++) {
        const char text[] = {global_types[i], ':', global_types[i], 0};
        types[i] = sw_builder_type(b, text);
        sw_builder_import_global(b, "host", "g", global_types[i], true);
    }
    for (uint32_t i = 0; i < 20; i++) {
        sw_builder_global(b, global_types[i % 5], true, 0);
    }
    for (uint32_t i = 0; i < 25; i++) {
        sw_builder_func(b, types[i % 5], "");
        GET(0);
        GLOBAL_SET(i);
        GLOBAL_GET(i);
        END_FUNC();
    }
    /* 25: constants that need a register each, to an imported and an own one */
    sw_builder_func(b, sw_builder_type(b, ":I"), "");
    I64(0x123456789abcdef0);
    GLOBAL_SET(1);
    I64(0x0fedcba987654321);
    GLOBAL_SET(6);
    GLOBAL_GET(1);
    GLOBAL_GET(6);
    OP(I64_XOR);
    END_FUNC();
}

static void check_globals(machine *m)
{
    uint64_t values[5] = {0};
    for (uint32_t i = 0; i < 5; i++) {
        machine_link_global(m, i, &values[i]);
    }
    for (uint32_t i = 0; i < 25; i++) {
        bool is_32 = global_types[i % 5] == 'i' || global_types[i % 5] == 'f';
        uint64_t bits = UINT64_C(0x7ff4000000000100) + i; /* a signalling NaN, too */
        sw_value_slot param = {.i64 = is_32 ? 0x7fa00000 + i : bits}, result = {};
        assert_int_equal(machine_call(m, i, &param, &result), SW_TRAP_NONE);
        assert_int_equal(result.i64, param.i64);
    }
    for (uint32_t i = 0; i < 5; i++) {
        bool is_32 = global_types[i] == 'i' || global_types[i] == 'f';
        uint64_t expected = is_32 ? 0x7fa00000 + i : UINT64_C(0x7ff4000000000100) + i;
        assert_int_equal(values[i], expected);
    }
    assert_int_equal(RUN1(25, 0), UINT64_C(0x123456789abcdef0) ^ UINT64_C(0x0fedcba987654321));
}

static void test_globals(void **state)
{
    (void)state;
    with_module(build_globals, check_globals);
}

/* ---- Tables and references ------------------------------------------------------------------- */

static void build_refs(sw_builder *b)
{
    uint32_t i_e = sw_builder_type(b, "i:e"), ie_i = sw_builder_type(b, "ie:i");
    uint32_t none_r = sw_builder_type(b, ":r"), r_i = sw_builder_type(b, "r:i");
    static const uint32_t funcs[] = {2};
    sw_builder_import_table(b, "host", "t", 'e', 4);
    sw_builder_table(b, 'e', 4, UINT32_MAX);
    sw_builder_declare(b, funcs, 1);
    /* 0 and 1: get; 2: ref.func; 3: is_null; 4, 5: set; 6: set null */
    for (uint32_t i = 0; i < 2; i++) {
        sw_builder_func(b, i_e, "");
        GET(0);
        sw_builder_op_u32(b, SW_OP_TABLE_GET, i);
        END_FUNC();
    }
    sw_builder_func(b, none_r, "");
    sw_builder_op_u32(b, SW_OP_REF_FUNC, 2);
    END_FUNC();
    sw_builder_func(b, r_i, "");
    GET(0);
    OP(REF_IS_NULL);
    END_FUNC();
    for (uint32_t i = 0; i < 2; i++) {
        sw_builder_func(b, ie_i, "");
        GET(0);
        GET(1);
        sw_builder_op_u32(b, SW_OP_TABLE_SET, i);
        I32(1);
        END_FUNC();
    }
    sw_builder_func(b, ie_i, "");
    GET(0);
    sw_builder_op_u32(b, SW_OP_REF_NULL, 0x6f);
    sw_builder_op_u32(b, SW_OP_TABLE_SET, 1);
    I32(1);
    END_FUNC();
}

static void check_refs(machine *m)
{
    uint64_t entries[4] = {0};
    sw_table_view view = {.entries = entries, .count = 4};
    machine_link_table(m, 0, &view);
    for (uint32_t t = 0; t < 2; t++) {
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(RUN2(4 + t, i, UINT64_C(0xaaaabbbbcccc0000) + i), 1);
            assert_int_equal(RUN1(t, i), UINT64_C(0xaaaabbbbcccc0000) + i);
        }
        assert_int_equal(machine_trap(m, t, 4, 0), SW_TRAP_TABLE_OUT_OF_BOUNDS);
        assert_int_equal(machine_trap(m, t, UINT32_MAX, 0), SW_TRAP_TABLE_OUT_OF_BOUNDS);
        assert_int_equal(machine_trap(m, 4 + t, 4, 0), SW_TRAP_TABLE_OUT_OF_BOUNDS);
    }
    assert_int_equal(entries[3], UINT64_C(0xaaaabbbbcccc0003));
    assert_int_equal(RUN2(6, 2, 0), 1);
    assert_int_equal(RUN1(1, 2), 0);
    assert_int_equal(RUN1(2, 0), (uint64_t)(uintptr_t)(m->base - m->layout.cells[2]));
    assert_int_equal(RUN1(3, 0), 1);
    assert_int_equal(RUN1(3, UINT64_C(1) << 40), 0);
}

static void test_refs(void **state)
{
    (void)state;
    with_module(build_refs, check_refs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accesses),
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_globals),
        cmocka_unit_test(test_refs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
