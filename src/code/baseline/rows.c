/* How each opcode is lowered: one row an opcode. */
#include "code/baseline/emitter.h"

#define SLOT(name) [SW_OP_##name < 256 ? SW_OP_##name : 256 + (SW_OP_##name & 31)]

#define ROW(name, function, kind_, to_, detail_, op_) \
    SLOT(name) = {sw_lower_##function, SW_KIND_##kind_, (to_), (detail_), (op_)}

/* Kinds of results that differ from the operands. */
enum { TO_I32 = SW_KIND_I32, TO_I64 = SW_KIND_I64, TO_F32 = SW_KIND_F32, TO_F64 = SW_KIND_F64 };

#define SHLX (0xf7 | SW_X64_0F38 | SW_X64_66)
#define SARX (0xf7 | SW_X64_0F38 | SW_X64_F3)
#define SHRX (0xf7 | SW_X64_0F38 | SW_X64_F2)

// clang-format off

/* Integer arithmetic exists twice, with the same columns. */
#define INT_ROWS(K)                                                             \
    ROW(K##_EQZ,        eqz,            K, 0, 0, 0),                            \
    ROW(K##_EQ,         compare,        K, 0, SW_CC_E, 0),                      \
    ROW(K##_NE,         compare,        K, 0, SW_CC_NE, 0),                     \
    ROW(K##_LT_S,       compare,        K, 0, SW_CC_L, 0),                      \
    ROW(K##_LT_U,       compare,        K, 0, SW_CC_B, 0),                      \
    ROW(K##_GT_S,       compare,        K, 0, SW_CC_G, 0),                      \
    ROW(K##_GT_U,       compare,        K, 0, SW_CC_A, 0),                      \
    ROW(K##_LE_S,       compare,        K, 0, SW_CC_LE, 0),                     \
    ROW(K##_LE_U,       compare,        K, 0, SW_CC_BE, 0),                     \
    ROW(K##_GE_S,       compare,        K, 0, SW_CC_GE, 0),                     \
    ROW(K##_GE_U,       compare,        K, 0, SW_CC_AE, 0),                     \
    ROW(K##_CLZ,        count_bits,     K, 0, 0, 0xbd | SW_X64_0F | SW_X64_F3), \
    ROW(K##_CTZ,        count_bits,     K, 0, 0, 0xbc | SW_X64_0F | SW_X64_F3), \
    ROW(K##_POPCNT,     count_bits,     K, 0, 0, 0xb8 | SW_X64_0F | SW_X64_F3), \
    ROW(K##_ADD,        alu,            K, SW_DIGIT_ADD, 0, SW_X64_ADD),        \
    ROW(K##_SUB,        alu,            K, SW_DIGIT_SUB, 0, SW_X64_SUB),        \
    ROW(K##_MUL,        mul,            K, 0, 0, SW_X64_IMUL),                  \
    ROW(K##_DIV_S,      div,            K, true, false, 0),                     \
    ROW(K##_DIV_U,      div,            K, false, false, 0),                    \
    ROW(K##_REM_S,      div,            K, true, true, 0),                      \
    ROW(K##_REM_U,      div,            K, false, true, 0),                     \
    ROW(K##_AND,        alu,            K, SW_DIGIT_AND, 0, SW_X64_AND),        \
    ROW(K##_OR,         alu,            K, SW_DIGIT_OR, 0, SW_X64_OR),          \
    ROW(K##_XOR,        alu,            K, SW_DIGIT_XOR, 0, SW_X64_XOR),        \
    ROW(K##_SHL,        shift,          K, SW_DIGIT_SHL, 0, SHLX),              \
    ROW(K##_SHR_S,      shift,          K, SW_DIGIT_SAR, 0, SARX),              \
    ROW(K##_SHR_U,      shift,          K, SW_DIGIT_SHR, 0, SHRX),              \
    ROW(K##_ROTL,       rotate,         K, SW_DIGIT_ROL, 0, 0),                 \
    ROW(K##_ROTR,       rotate,         K, SW_DIGIT_ROR, 0, 0)

#define FLOAT_ROWS(K)                                               \
    ROW(K##_EQ,         float_compare,  K, 0, SW_CC_FLOAT_EQ, 0),   \
    ROW(K##_NE,         float_compare,  K, 0, SW_CC_FLOAT_NE, 0),   \
    ROW(K##_LT,         float_compare,  K, 1, SW_CC_A, 0),          \
    ROW(K##_GT,         float_compare,  K, 0, SW_CC_A, 0),          \
    ROW(K##_LE,         float_compare,  K, 1, SW_CC_AE, 0),         \
    ROW(K##_GE,         float_compare,  K, 0, SW_CC_AE, 0),         \
    ROW(K##_ABS,        float_sign,     K, 0, 0, SW_X64_ANDPS),     \
    ROW(K##_NEG,        float_sign,     K, 0, 0, SW_X64_XORPS),     \
    ROW(K##_CEIL,       float_round,    K, 0, 10, 0),               \
    ROW(K##_FLOOR,      float_round,    K, 0, 9, 0),                \
    ROW(K##_TRUNC,      float_round,    K, 0, 11, 0),               \
    ROW(K##_NEAREST,    float_round,    K, 0, 8, 0),                \
    ROW(K##_SQRT,       float_sqrt,     K, 0, 0, 0),                \
    ROW(K##_ADD,        float_binary,   K, 0, 1, 0x58 | SW_X64_0F), \
    ROW(K##_SUB,        float_binary,   K, 0, 0, 0x5c | SW_X64_0F), \
    ROW(K##_MUL,        float_binary,   K, 0, 1, 0x59 | SW_X64_0F), \
    ROW(K##_DIV,        float_binary,   K, 0, 0, 0x5e | SW_X64_0F), \
    ROW(K##_MIN,        float_min_max,  K, 0, 0x5d, SW_X64_ORPS),   \
    ROW(K##_MAX,        float_min_max,  K, 0, 0x5f, SW_X64_ANDPS),  \
    ROW(K##_COPYSIGN,   float_copysign, K, 0, 0, 0)

const sw_row sw_bl_rows[SW_OPCODE_SLOTS] = {
    ROW(UNREACHABLE,   unreachable,   I32, 0, 0, 0),
    ROW(NOP,           nop,           I32, 0, 0, 0),
    ROW(BLOCK,         block,         I32, 0, 0, 0),
    ROW(LOOP,          loop,          I32, 0, 0, 0),
    ROW(IF,            if,            I32, 0, 0, 0),
    ROW(ELSE,          else,          I32, 0, 0, 0),
    ROW(END,           end,           I32, 0, 0, 0),
    ROW(BR,            br,            I32, 0, 0, 0),
    ROW(BR_IF,         br_if,         I32, 0, 0, 0),
    ROW(BR_TABLE,      br_table,      I32, 0, 0, 0),
    ROW(RETURN,        return,        I32, 0, 0, 0),
    ROW(CALL,          call,          I32, 0, 0, 0),
    ROW(CALL_INDIRECT, call_indirect, I32, 0, 0, 0),
    ROW(DROP,          drop,          I32, 0, 0, 0),
    ROW(SELECT,        select,        I32, 0, 0, 0),
    ROW(SELECT_T,      select_typed,  I32, 0, 0, 0),
    ROW(LOCAL_GET,     local_get,     I32, 0, 0, 0),
    ROW(LOCAL_SET,     local_set,     I32, 0, 0, 0),
    ROW(LOCAL_TEE,     local_tee,     I32, 0, 0, 0),
    ROW(GLOBAL_GET,    global_get,    I32, 0, 0, 0),
    ROW(GLOBAL_SET,    global_set,    I32, 0, 0, 0),
    ROW(TABLE_GET,     table_get,     I64, 0, 0, 0),
    ROW(TABLE_SET,     table_set,     I64, 0, 0, 0),

    ROW(I32_LOAD,     load, I32, 0, 0, SW_X64_MOV),
    ROW(I64_LOAD,     load, I64, 0, 0, SW_X64_MOV | SW_X64_W),
    ROW(F32_LOAD,     load, F32, 0, 0, SW_X64_MOVSS),
    ROW(F64_LOAD,     load, F64, 0, 0, SW_X64_MOVSD),
    ROW(I32_LOAD8_S,  load, I32, 0, 0, SW_X64_MOVSX8),
    ROW(I32_LOAD8_U,  load, I32, 0, 0, SW_X64_MOVZX8),
    ROW(I32_LOAD16_S, load, I32, 0, 0, SW_X64_MOVSX16),
    ROW(I32_LOAD16_U, load, I32, 0, 0, SW_X64_MOVZX16),
    ROW(I64_LOAD8_S,  load, I64, 0, 0, SW_X64_MOVSX8 | SW_X64_W),
    ROW(I64_LOAD8_U,  load, I64, 0, 0, SW_X64_MOVZX8),
    ROW(I64_LOAD16_S, load, I64, 0, 0, SW_X64_MOVSX16 | SW_X64_W),
    ROW(I64_LOAD16_U, load, I64, 0, 0, SW_X64_MOVZX16),
    ROW(I64_LOAD32_S, load, I64, 0, 0, SW_X64_MOVSXD),
    ROW(I64_LOAD32_U, load, I64, 0, 0, SW_X64_MOV),

    ROW(I32_STORE,   store, I32, 0, 4, SW_X64_MOV_STORE),
    ROW(I64_STORE,   store, I64, 0, 8, SW_X64_MOV_STORE | SW_X64_W),
    ROW(F32_STORE,   store, F32, 0, 4, SW_X64_MOVSS_STORE),
    ROW(F64_STORE,   store, F64, 0, 8, SW_X64_MOVSD_STORE),
    ROW(I32_STORE8,  store, I32, 0, 1, SW_X64_MOV_STORE8),
    ROW(I32_STORE16, store, I32, 0, 2, SW_X64_MOV_STORE | SW_X64_66),
    ROW(I64_STORE8,  store, I64, 0, 1, SW_X64_MOV_STORE8),
    ROW(I64_STORE16, store, I64, 0, 2, SW_X64_MOV_STORE | SW_X64_66),
    ROW(I64_STORE32, store, I64, 0, 4, SW_X64_MOV_STORE),

    ROW(MEMORY_SIZE, memory_size, I32, 0, 0, 0),
    ROW(MEMORY_GROW, memory_grow, I32, 0, 0, 0),
    ROW(I32_CONST,   const,       I32, 0, 0, 0),
    ROW(I64_CONST,   const,       I64, 0, 0, 0),
    ROW(F32_CONST,   const,       F32, 0, 0, 0),
    ROW(F64_CONST,   const,       F64, 0, 0, 0),

    INT_ROWS(I32),
    INT_ROWS(I64),
    FLOAT_ROWS(F32),
    FLOAT_ROWS(F64),

    ROW(I32_WRAP_I64,     wrap,     I64, TO_I32, 0, 0),
    ROW(I64_EXTEND_I32_S, extend,   I32, TO_I64, 0, SW_X64_MOVSXD),
    ROW(I64_EXTEND_I32_U, extend_u, I32, TO_I64, 0, 0),
    ROW(I32_EXTEND8_S,    extend,   I32, TO_I32, 0, SW_X64_MOVSX8 | SW_X64_BYTE),
    ROW(I32_EXTEND16_S,   extend,   I32, TO_I32, 0, SW_X64_MOVSX16),
    ROW(I64_EXTEND8_S,    extend,   I64, TO_I64, 0, SW_X64_MOVSX8 | SW_X64_BYTE),
    ROW(I64_EXTEND16_S,   extend,   I64, TO_I64, 0, SW_X64_MOVSX16),
    ROW(I64_EXTEND32_S,   extend,   I64, TO_I64, 0, SW_X64_MOVSXD),

    ROW(I32_TRUNC_F32_S,     trunc,     F32, TO_I32, true,  0),
    ROW(I32_TRUNC_F32_U,     trunc,     F32, TO_I32, false, 0),
    ROW(I32_TRUNC_F64_S,     trunc,     F64, TO_I32, true,  0),
    ROW(I32_TRUNC_F64_U,     trunc,     F64, TO_I32, false, 0),
    ROW(I64_TRUNC_F32_S,     trunc,     F32, TO_I64, true,  0),
    ROW(I64_TRUNC_F32_U,     trunc,     F32, TO_I64, false, 0),
    ROW(I64_TRUNC_F64_S,     trunc,     F64, TO_I64, true,  0),
    ROW(I64_TRUNC_F64_U,     trunc,     F64, TO_I64, false, 0),
    ROW(I32_TRUNC_SAT_F32_S, trunc_sat, F32, TO_I32, true,  0),
    ROW(I32_TRUNC_SAT_F32_U, trunc_sat, F32, TO_I32, false, 0),
    ROW(I32_TRUNC_SAT_F64_S, trunc_sat, F64, TO_I32, true,  0),
    ROW(I32_TRUNC_SAT_F64_U, trunc_sat, F64, TO_I32, false, 0),
    ROW(I64_TRUNC_SAT_F32_S, trunc_sat, F32, TO_I64, true,  0),
    ROW(I64_TRUNC_SAT_F32_U, trunc_sat, F32, TO_I64, false, 0),
    ROW(I64_TRUNC_SAT_F64_S, trunc_sat, F64, TO_I64, true,  0),
    ROW(I64_TRUNC_SAT_F64_U, trunc_sat, F64, TO_I64, false, 0),

    ROW(F32_CONVERT_I32_S, to_float, I32, TO_F32, true,  0),
    ROW(F32_CONVERT_I32_U, to_float, I32, TO_F32, false, 0),
    ROW(F32_CONVERT_I64_S, to_float, I64, TO_F32, true,  0),
    ROW(F32_CONVERT_I64_U, to_float, I64, TO_F32, false, 0),
    ROW(F64_CONVERT_I32_S, to_float, I32, TO_F64, true,  0),
    ROW(F64_CONVERT_I32_U, to_float, I32, TO_F64, false, 0),
    ROW(F64_CONVERT_I64_S, to_float, I64, TO_F64, true,  0),
    ROW(F64_CONVERT_I64_U, to_float, I64, TO_F64, false, 0),
    ROW(F32_DEMOTE_F64,    float_to_float, F64, TO_F32, 0, 0),
    ROW(F64_PROMOTE_F32,   float_to_float, F32, TO_F64, 0, 0),

    ROW(I32_REINTERPRET_F32, reinterpret_to_int,   F32, TO_I32, 0, 0),
    ROW(I64_REINTERPRET_F64, reinterpret_to_int,   F64, TO_I64, 0, 0),
    ROW(F32_REINTERPRET_I32, reinterpret_to_float, I32, TO_F32, 0, 0),
    ROW(F64_REINTERPRET_I64, reinterpret_to_float, I64, TO_F64, 0, 0),

    ROW(REF_NULL,    ref_null, I64, 0, 0, 0),
    ROW(REF_IS_NULL, eqz,      I64, 0, 0, 0),
    ROW(REF_FUNC,    ref_func, I64, 0, 0, 0),

    ROW(MEMORY_INIT, memory_init,  I32, 0, 0, 0),
    ROW(MEMORY_COPY, memory_copy,  I32, 0, 0, 0),
    ROW(MEMORY_FILL, memory_fill,  I32, 0, 0, 0),
    ROW(DATA_DROP,   segment_drop, I32, 0, SW_HELPER_DATA_DROP, 0),
    ROW(TABLE_INIT,  table_init,   I32, 0, 0, 0),
    ROW(TABLE_COPY,  table_copy,   I32, 0, 0, 0),
    ROW(TABLE_GROW,  table_grow,   I32, 0, 0, 0),
    ROW(TABLE_SIZE,  table_size,   I32, 0, 0, 0),
    ROW(TABLE_FILL,  table_fill,   I32, 0, 0, 0),
    ROW(ELEM_DROP,   segment_drop, I32, 0, SW_HELPER_ELEM_DROP, 0),
};
// clang-format on
