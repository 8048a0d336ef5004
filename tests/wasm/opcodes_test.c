/* The opcode table, and that the checked and the unchecked reader agree. */
#include "wasm/opcodes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct sample {
    const char *bytes;
    size_t len;
    uint32_t code;
    uint64_t first, second; /* of the immediates, in the order of the format */
} sample;

#define BYTES(s) (s), sizeof(s) - 1

static const sample SAMPLES[] = {
    {BYTES("\x6a"),                                         SW_OP_I32_ADD,       0,                         0                   },
    {BYTES("\x41\x7f"),                                     SW_OP_I32_CONST,     0xffffffff,                0                   },
    {BYTES("\x41\x80\x80\x80\x80\x78"),                     SW_OP_I32_CONST,     0x80000000,                0                   },
    {BYTES("\x42\x7f"),                                     SW_OP_I64_CONST,     UINT64_MAX,                0                   },
    {BYTES("\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f"), SW_OP_I64_CONST,     1ull << 63,                0                   },
    {BYTES("\x43\x01\x02\x03\x84"),                         SW_OP_F32_CONST,     0x84030201,                0                   },
    {BYTES("\x44\x01\x02\x03\x04\x05\x06\x07\x88"),         SW_OP_F64_CONST,     0x8807060504030201,        0                   },
    {BYTES("\x28\x02\x80\x01"),                             SW_OP_I32_LOAD,      2,                         128                 },
    {BYTES("\x28\x42\x03\x05"),                             SW_OP_I32_LOAD,      2,                         5                   },
    {BYTES("\x10\xff\xff\xff\xff\x0f"),                     SW_OP_CALL,          0xffffffff,                0                   },
    {BYTES("\x11\x05\x06"),                                 SW_OP_CALL_INDIRECT, 5,                         6                   },
    {BYTES("\xfc\x0a\x01\x02"),                             SW_OP_MEMORY_COPY,   1,                         2                   },
    {BYTES("\xfc\x88\x80\x00\x03\x00"),                     SW_OP_MEMORY_INIT,   3,                         0                   },
    {BYTES("\x02\x40"),                                     SW_OP_BLOCK,         SW_NO_INDEX,               SW_TYPE_BOTTOM      },
    {BYTES("\x03\x7e"),                                     SW_OP_LOOP,          SW_NO_INDEX,               SW_TYPE_I64         },
    {BYTES("\x03\x6f"),                                     SW_OP_LOOP,          SW_NO_INDEX,               SW_TYPE_EXTERNREF   },
    {BYTES("\x04\xc0\x00"),                                 SW_OP_IF,            64,                        SW_TYPE_BOTTOM      },
    {BYTES("\x04\x64\x05"),                                 SW_OP_IF,            SW_NO_INDEX,               SW_TYPE_REF | 5 << 8},
    {BYTES("\xd0\x70"),                                     SW_OP_REF_NULL,      SW_TYPE_FUNCREF,           0                   },
    {BYTES("\xd0\x05"),                                     SW_OP_REF_NULL,      SW_TYPE_REF_NULL | 5 << 8, 0                   },
    {BYTES("\x1c\x01\x7d"),                                 SW_OP_SELECT_T,      1,                         SW_TYPE_F32         },
    {BYTES("\x1c\x02\x6f\x7d"),                             SW_OP_SELECT_T,      2,                         SW_TYPE_EXTERNREF   },
    {BYTES("\x0e\x02\x00\x81\x01\x03"),                     SW_OP_BR_TABLE,      2,                         2                   },
};

static void check_immediates(const sample *s, const sw_instr *in, const uint8_t *start)
{
    switch ((sw_immediate)sw_opcode_info_get(in->code)->immediate) {
    case SW_IMM_NONE: return;
    case SW_IMM_BLOCK:
        assert_int_equal(in->block.type, s->first);
        assert_int_equal(in->block.result, s->second);
        return;
    case SW_IMM_MEMARG:
        assert_int_equal(in->mem.align_log2, s->first);
        assert_int_equal(in->mem.offset, s->second);
        return;
    case SW_IMM_SELECT:
        assert_int_equal(in->types.count, s->first);
        assert_int_equal(in->types.first, s->second);
        return;
    case SW_IMM_BR_TABLE:
        assert_int_equal(in->targets.count, s->first);
        assert_int_equal(in->targets.at - start, s->second);
        return;
    case SW_IMM_HEAP_TYPE: assert_int_equal(in->type, s->first); return;
    case SW_IMM_I32:
    case SW_IMM_I64:
    case SW_IMM_F32:
    case SW_IMM_F64: assert_int_equal(in->bits, s->first); return;
    case SW_IMM_CALL_INDIRECT:
    case SW_IMM_DATA_MEMORY:
    case SW_IMM_MEMORY_MEMORY:
    case SW_IMM_ELEM_TABLE:
    case SW_IMM_TABLE_TABLE: assert_int_equal(in->index2, s->second); [[fallthrough]];
    case SW_IMM_LABEL:
    case SW_IMM_FUNC:
    case SW_IMM_LOCAL:
    case SW_IMM_GLOBAL:
    case SW_IMM_TABLE:
    case SW_IMM_MEMORY:
    case SW_IMM_DATA:
    case SW_IMM_ELEM: assert_int_equal(in->index, s->first); return;
    }
}

static void test_both_readers_agree(void **)
{
    for (size_t i = 0; i < SW_COUNTOF(SAMPLES); i++) {
        const sample *s = &SAMPLES[i];
        const uint8_t *start = (const uint8_t *)s->bytes;
        sw_reader r = sw_reader_make((sw_bytes){start, s->len}, 0, NULL);
        sw_instr checked = {}, unchecked = {};
        assert_int_equal(sw_op_read(&r, &checked), SW_OK);
        assert_true(sw_reader_at_end(&r));
        assert_int_equal(checked.code, s->code);
        check_immediates(s, &checked, start);
        assert_ptr_equal(sw_op_next(start, &unchecked), start + s->len);
        assert_int_equal(unchecked.code, s->code);
        check_immediates(s, &unchecked, start);
    }
}

static void test_truncated_is_malformed(void **)
{
    for (size_t i = 0; i < SW_COUNTOF(SAMPLES); i++) {
        for (size_t len = 0; len < SAMPLES[i].len; len++) {
            sw_diag diag = {};
            sw_bytes in = {(const uint8_t *)SAMPLES[i].bytes, len};
            sw_reader r = sw_reader_make(in, 100, &diag);
            sw_instr instr = {};
            assert_int_equal(sw_op_read(&r, &instr), SW_MALFORMED);
            assert_in_range(diag.offset, 100, 100 + len);
        }
    }
}

typedef struct refusal {
    const char *bytes;
    size_t len;
    sw_status status;
} refusal;

static const refusal REFUSALS[] = {
    {BYTES("\xff"),                         SW_MALFORMED  },
    {BYTES("\x27"),                         SW_MALFORMED  },
    {BYTES("\xc5"),                         SW_MALFORMED  },
    {BYTES("\xfc\x12"),                     SW_MALFORMED  },
    {BYTES("\xfd\x0c"),                     SW_UNSUPPORTED},
    {BYTES("\xfe\x00"),                     SW_UNSUPPORTED},
    {BYTES("\xfb\x01"),                     SW_UNSUPPORTED},
    {BYTES("\x12\x00"),                     SW_UNSUPPORTED},
    {BYTES("\x1f\x00"),                     SW_UNSUPPORTED},
    {BYTES("\x41\x80\x80\x80\x80\x80\x00"), SW_MALFORMED  },
    {BYTES("\x41\x80\x80\x80\x80\x70"),     SW_MALFORMED  },
    {BYTES("\x20\x80\x80\x80\x80\x10"),     SW_MALFORMED  },
    {BYTES("\x28\x80\x01\x00"),             SW_MALFORMED  },
    {BYTES("\x02\x45"),                     SW_MALFORMED  },
    {BYTES("\xd0\x7f"),                     SW_MALFORMED  },
};

static void test_refusals(void **)
{
    for (size_t i = 0; i < SW_COUNTOF(REFUSALS); i++) {
        sw_bytes in = {(const uint8_t *)REFUSALS[i].bytes, REFUSALS[i].len};
        sw_reader r = sw_reader_make(in, 0, NULL);
        sw_instr instr = {};
        assert_int_equal(sw_op_read(&r, &instr), REFUSALS[i].status);
    }
}

static void test_table_rows(void **)
{
    size_t rows = 0;
    for (size_t i = 0; i < SW_OPCODE_SLOTS; i++) {
        const sw_opcode_info *info = &sw_opcode_infos[i];
        rows += info->name != NULL;
        if (info->width != 0) {
            assert_int_equal(info->immediate, SW_IMM_MEMARG);
        }
    }
    assert_int_equal(rows, 201);
    assert_null(sw_opcode_info_find(SW_OP_PREFIXED(0xfc, 300)));
    assert_string_equal(sw_opcode_info_find(SW_OP_I64_STORE32)->signature, "iI:");
    assert_string_equal(sw_opcode_info_find(SW_OP_CALL)->signature, "*");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_readers_agree),
        cmocka_unit_test(test_truncated_is_malformed),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_table_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
