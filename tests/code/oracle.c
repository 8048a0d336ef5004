#include "oracle.h"

#include "wasm/opcodes.h"

#include <math.h>

#define QUIET32 UINT32_C(0x00400000)
#define QUIET64 UINT64_C(0x0008000000000000)

static float f32_of(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float f;
    memcpy(&f, &low, 4);
    return f;
}

static double f64_of(uint64_t bits)
{
    double f;
    memcpy(&f, &bits, 8);
    return f;
}

static uint64_t bits_of_f32(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, 4);
    return bits;
}

static uint64_t bits_of_f64(double f)
{
    uint64_t bits;
    memcpy(&bits, &f, 8);
    return bits;
}

/* ---- Definitions by type --------------------------------------------------------------------- */

#define FN(name) static sw_trap fn_##name(uint64_t x, uint64_t y, uint64_t *ret)

/* u and v are the operands unsigned, s and t signed. */
#define INT_FN(name, U, S, R, expr)         \
    FN(name)                                \
    {                                       \
        U u = (U)x, v = (U)y;               \
        S s = (S)u, t = (S)v;               \
        (void)u, (void)v, (void)s, (void)t; \
        *ret = (R)(expr);                   \
        return SW_TRAP_NONE;                \
    }
#define DIV_FN(name, U, S, overflow, expr)   \
    FN(name)                                 \
    {                                        \
        U u = (U)x, v = (U)y;                \
        S s = (S)u, t = (S)v;                \
        (void)u, (void)v, (void)s, (void)t;  \
        if (v == 0) {                        \
            return SW_TRAP_DIVISION_BY_ZERO; \
        }                                    \
        if (overflow) {                      \
            return SW_TRAP_INTEGER_OVERFLOW; \
        }                                    \
        *ret = (U)(expr);                    \
        return SW_TRAP_NONE;                 \
    }

#define INT_FNS(P, U, S, BITS, MIN)                                              \
    INT_FN(P##_EQZ, U, S, uint32_t, u == 0)                                      \
    INT_FN(P##_EQ, U, S, uint32_t, u == v)                                       \
    INT_FN(P##_NE, U, S, uint32_t, u != v)                                       \
    INT_FN(P##_LT_S, U, S, uint32_t, s < t)                                      \
    INT_FN(P##_LT_U, U, S, uint32_t, u < v)                                      \
    INT_FN(P##_GT_S, U, S, uint32_t, s > t)                                      \
    INT_FN(P##_GT_U, U, S, uint32_t, u > v)                                      \
    INT_FN(P##_LE_S, U, S, uint32_t, s <= t)                                     \
    INT_FN(P##_LE_U, U, S, uint32_t, u <= v)                                     \
    INT_FN(P##_GE_S, U, S, uint32_t, s >= t)                                     \
    INT_FN(P##_GE_U, U, S, uint32_t, u >= v)                                     \
    INT_FN(P##_ADD, U, S, U, u + v)                                              \
    INT_FN(P##_SUB, U, S, U, u - v)                                              \
    INT_FN(P##_MUL, U, S, U, u *v)                                               \
    INT_FN(P##_AND, U, S, U, u &v)                                               \
    INT_FN(P##_OR, U, S, U, u | v)                                               \
    INT_FN(P##_XOR, U, S, U, u ^ v)                                              \
    INT_FN(P##_SHL, U, S, U, u << (v % BITS))                                    \
    INT_FN(P##_SHR_S, U, S, U, s >> (v % BITS))                                  \
    INT_FN(P##_SHR_U, U, S, U, u >> (v % BITS))                                  \
    INT_FN(P##_ROTL, U, S, U, u << (v % BITS) | u >> ((BITS - v % BITS) % BITS)) \
    INT_FN(P##_ROTR, U, S, U, u >> (v % BITS) | u << ((BITS - v % BITS) % BITS)) \
    DIV_FN(P##_DIV_S, U, S, u == (MIN) && t == -1, s / t)                        \
    DIV_FN(P##_DIV_U, U, S, false, u / v)                                        \
    DIV_FN(P##_REM_S, U, S, false, t == -1 ? 0 : s % t)                          \
    DIV_FN(P##_REM_U, U, S, false, u % v)

INT_FNS(I32, uint32_t, int32_t, 32, UINT32_C(1) << 31)
INT_FNS(I64, uint64_t, int64_t, 64, UINT64_C(1) << 63)
INT_FN(I32_CLZ, uint32_t, int32_t, uint32_t, u == 0 ? 32 : __builtin_clz(u))
INT_FN(I32_CTZ, uint32_t, int32_t, uint32_t, u == 0 ? 32 : __builtin_ctz(u))
INT_FN(I32_POPCNT, uint32_t, int32_t, uint32_t, __builtin_popcount(u))
INT_FN(I64_CLZ, uint64_t, int64_t, uint64_t, u == 0 ? 64 : __builtin_clzll(u))
INT_FN(I64_CTZ, uint64_t, int64_t, uint64_t, u == 0 ? 64 : __builtin_ctzll(u))
INT_FN(I64_POPCNT, uint64_t, int64_t, uint64_t, __builtin_popcountll(u))
INT_FN(I32_WRAP_I64, uint64_t, int64_t, uint32_t, u)
INT_FN(I64_EXTEND_I32_S, uint32_t, int32_t, uint64_t, (int64_t)s)
INT_FN(I64_EXTEND_I32_U, uint32_t, int32_t, uint64_t, u)
INT_FN(I32_EXTEND8_S, uint32_t, int32_t, uint32_t, (int8_t)u)
INT_FN(I32_EXTEND16_S, uint32_t, int32_t, uint32_t, (int16_t)u)
INT_FN(I64_EXTEND8_S, uint64_t, int64_t, uint64_t, (int8_t)u)
INT_FN(I64_EXTEND16_S, uint64_t, int64_t, uint64_t, (int16_t)u)
INT_FN(I64_EXTEND32_S, uint64_t, int64_t, uint64_t, (int32_t)u)
INT_FN(F32_CONVERT_I32_S, uint32_t, int32_t, uint64_t, bits_of_f32((float)s))
INT_FN(F32_CONVERT_I32_U, uint32_t, int32_t, uint64_t, bits_of_f32((float)u))
INT_FN(F32_CONVERT_I64_S, uint64_t, int64_t, uint64_t, bits_of_f32((float)s))
INT_FN(F32_CONVERT_I64_U, uint64_t, int64_t, uint64_t, bits_of_f32((float)u))
INT_FN(F64_CONVERT_I32_S, uint32_t, int32_t, uint64_t, bits_of_f64((double)s))
INT_FN(F64_CONVERT_I32_U, uint32_t, int32_t, uint64_t, bits_of_f64((double)u))
INT_FN(F64_CONVERT_I64_S, uint64_t, int64_t, uint64_t, bits_of_f64((double)s))
INT_FN(F64_CONVERT_I64_U, uint64_t, int64_t, uint64_t, bits_of_f64((double)u))
INT_FN(I32_REINTERPRET_F32, uint32_t, int32_t, uint32_t, u)
INT_FN(F32_REINTERPRET_I32, uint32_t, int32_t, uint32_t, u)
INT_FN(I64_REINTERPRET_F64, uint64_t, int64_t, uint64_t, u)
INT_FN(F64_REINTERPRET_I64, uint64_t, int64_t, uint64_t, u)
INT_FN(F32_ABS, uint32_t, int32_t, uint32_t, u & 0x7fffffff)
INT_FN(F32_NEG, uint32_t, int32_t, uint32_t, u ^ 0x80000000)
INT_FN(F32_COPYSIGN, uint32_t, int32_t, uint32_t, (u & 0x7fffffff) | (v & 0x80000000))
INT_FN(F64_ABS, uint64_t, int64_t, uint64_t, u & ~(UINT64_C(1) << 63))
INT_FN(F64_NEG, uint64_t, int64_t, uint64_t, u ^ UINT64_C(1) << 63)
INT_FN(F64_COPYSIGN, uint64_t, int64_t, uint64_t,
       (u & ~(UINT64_C(1) << 63)) | (v & UINT64_C(1) << 63))

#define FLOAT_FN(name, T, of, to, expr)  \
    FN(name)                             \
    {                                    \
        volatile T a = of(x), b = of(y); \
        (void)b;                         \
        *ret = to(expr);                 \
        return SW_TRAP_NONE;             \
    }

static double min_of(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return NAN;
    }
    return a == b ? (signbit(a) ? a : b) : a < b ? a : b;
}

static double max_of(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return NAN;
    }
    return a == b ? (signbit(a) ? b : a) : a > b ? a : b;
}

#define TO_BOOL(e) ((uint64_t)(e))
#define FLOAT_FNS(P, T, of, to, suffix)                 \
    FLOAT_FN(P##_EQ, T, of, TO_BOOL, a == b)            \
    FLOAT_FN(P##_NE, T, of, TO_BOOL, a != b)            \
    FLOAT_FN(P##_LT, T, of, TO_BOOL, a < b)             \
    FLOAT_FN(P##_GT, T, of, TO_BOOL, a > b)             \
    FLOAT_FN(P##_LE, T, of, TO_BOOL, a <= b)            \
    FLOAT_FN(P##_GE, T, of, TO_BOOL, a >= b)            \
    FLOAT_FN(P##_ADD, T, of, to, a + b)                 \
    FLOAT_FN(P##_SUB, T, of, to, a - b)                 \
    FLOAT_FN(P##_MUL, T, of, to, a *b)                  \
    FLOAT_FN(P##_DIV, T, of, to, a / b)                 \
    FLOAT_FN(P##_MIN, T, of, to, (T)min_of(a, b))       \
    FLOAT_FN(P##_MAX, T, of, to, (T)max_of(a, b))       \
    FLOAT_FN(P##_SQRT, T, of, to, (T)sqrt##suffix(a))   \
    FLOAT_FN(P##_CEIL, T, of, to, (T)ceil##suffix(a))   \
    FLOAT_FN(P##_FLOOR, T, of, to, (T)floor##suffix(a)) \
    FLOAT_FN(P##_TRUNC, T, of, to, (T)trunc##suffix(a)) \
    FLOAT_FN(P##_NEAREST, T, of, to, (T)nearbyint##suffix(a))

FLOAT_FNS(F32, float, f32_of, bits_of_f32, f)
FLOAT_FNS(F64, double, f64_of, bits_of_f64, )
FLOAT_FN(F32_DEMOTE_F64, double, f64_of, bits_of_f32, (float)a)
FLOAT_FN(F64_PROMOTE_F32, float, f32_of, bits_of_f64, (double)a)

/* Truncation towards the integers in (low, high): the bounds themselves do not fit. */
#define TRUNC_FN(name, of, low_test, high_test, T, U, MIN, MAX)                           \
    FN(name)                                                                              \
    {                                                                                     \
        double a = of(x);                                                                 \
        (void)y;                                                                          \
        if (isnan(a)) {                                                                   \
            return SW_TRAP_INVALID_CONVERSION;                                            \
        }                                                                                 \
        if (!(low_test) || !(high_test)) {                                                \
            return SW_TRAP_INTEGER_OVERFLOW;                                              \
        }                                                                                 \
        *ret = (U)(T)a;                                                                   \
        return SW_TRAP_NONE;                                                              \
    }                                                                                     \
    FN(SAT_##name)                                                                        \
    {                                                                                     \
        double a = of(x);                                                                 \
        (void)y;                                                                          \
        *ret = isnan(a) ? 0 : !(low_test) ? (U)(MIN) : !(high_test) ? (U)(MAX) : (U)(T)a; \
        return SW_TRAP_NONE;                                                              \
    }
#define TRUNC_FNS(F, of)                                                                         \
    TRUNC_FN(I32_##F##_S, of, a > -2147483649.0, a < 2147483648.0, int32_t, uint32_t, INT32_MIN, \
             INT32_MAX)                                                                          \
    TRUNC_FN(I32_##F##_U, of, a > -1.0, a < 4294967296.0, uint32_t, uint32_t, 0, UINT32_MAX)     \
    TRUNC_FN(I64_##F##_S, of, a >= -9223372036854775808.0, a < 9223372036854775808.0, int64_t,   \
             uint64_t, INT64_MIN, INT64_MAX)                                                     \
    TRUNC_FN(I64_##F##_U, of, a > -1.0, a < 18446744073709551616.0, uint64_t, uint64_t, 0,       \
             UINT64_MAX)
TRUNC_FNS(F32, f32_of)
TRUNC_FNS(F64, f64_of)

/* ---- The table ------------------------------------------------------------------------------- */

#define ROW(name, signature)   {SW_OP_##name, #name, signature, fn_##name, false}
#define EXACT(name, signature) {SW_OP_##name, #name, signature, fn_##name, true}
#define TRUNC_ROW(I, F, sign, signature)                                                        \
    {SW_OP_##I##_TRUNC_##F##_##sign, #I "_TRUNC_" #F, signature, fn_##I##_##F##_##sign, false}, \
    {                                                                                           \
        SW_OP_##I##_TRUNC_SAT_##F##_##sign, #I "_TRUNC_SAT_" #F, signature,                     \
            fn_SAT_##I##_##F##_##sign, false                                                    \
    }
#define INT_ROWS(P, t)                                                                           \
    ROW(P##_EQZ, t ":i"), ROW(P##_EQ, t t ":i"), ROW(P##_NE, t t ":i"), ROW(P##_LT_S, t t ":i"), \
        ROW(P##_LT_U, t t ":i"), ROW(P##_GT_S, t t ":i"), ROW(P##_GT_U, t t ":i"),               \
        ROW(P##_LE_S, t t ":i"), ROW(P##_LE_U, t t ":i"), ROW(P##_GE_S, t t ":i"),               \
        ROW(P##_GE_U, t t ":i"), ROW(P##_ADD, t t ":" t), ROW(P##_SUB, t t ":" t),               \
        ROW(P##_MUL, t t ":" t), ROW(P##_AND, t t ":" t), ROW(P##_OR, t t ":" t),                \
        ROW(P##_XOR, t t ":" t), ROW(P##_SHL, t t ":" t), ROW(P##_SHR_S, t t ":" t),             \
        ROW(P##_SHR_U, t t ":" t), ROW(P##_ROTL, t t ":" t), ROW(P##_ROTR, t t ":" t),           \
        ROW(P##_DIV_S, t t ":" t), ROW(P##_DIV_U, t t ":" t), ROW(P##_REM_S, t t ":" t),         \
        ROW(P##_REM_U, t t ":" t), ROW(P##_CLZ, t ":" t), ROW(P##_CTZ, t ":" t),                 \
        ROW(P##_POPCNT, t ":" t)
#define FLOAT_ROWS(P, t)                                                                        \
    ROW(P##_EQ, t t ":i"), ROW(P##_NE, t t ":i"), ROW(P##_LT, t t ":i"), ROW(P##_GT, t t ":i"), \
        ROW(P##_LE, t t ":i"), ROW(P##_GE, t t ":i"), ROW(P##_ADD, t t ":" t),                  \
        ROW(P##_SUB, t t ":" t), ROW(P##_MUL, t t ":" t), ROW(P##_DIV, t t ":" t),              \
        ROW(P##_MIN, t t ":" t), ROW(P##_MAX, t t ":" t), ROW(P##_SQRT, t ":" t),               \
        ROW(P##_CEIL, t ":" t), ROW(P##_FLOOR, t ":" t), ROW(P##_TRUNC, t ":" t),               \
        ROW(P##_NEAREST, t ":" t), EXACT(P##_ABS, t ":" t), EXACT(P##_NEG, t ":" t),            \
        EXACT(P##_COPYSIGN, t t ":" t)

// clang-format off
const oracle_row oracle_rows[] = {
    INT_ROWS(I32, "i"),
    INT_ROWS(I64, "I"),
    FLOAT_ROWS(F32, "f"),
    FLOAT_ROWS(F64, "F"),
    ROW(I32_WRAP_I64, "I:i"), ROW(I64_EXTEND_I32_S, "i:I"), ROW(I64_EXTEND_I32_U, "i:I"),
    ROW(I32_EXTEND8_S, "i:i"), ROW(I32_EXTEND16_S, "i:i"), ROW(I64_EXTEND8_S, "I:I"),
    ROW(I64_EXTEND16_S, "I:I"), ROW(I64_EXTEND32_S, "I:I"),
    ROW(F32_CONVERT_I32_S, "i:f"), ROW(F32_CONVERT_I32_U, "i:f"), ROW(F32_CONVERT_I64_S, "I:f"),
    ROW(F32_CONVERT_I64_U, "I:f"), ROW(F64_CONVERT_I32_S, "i:F"), ROW(F64_CONVERT_I32_U, "i:F"),
    ROW(F64_CONVERT_I64_S, "I:F"), ROW(F64_CONVERT_I64_U, "I:F"),
    ROW(F32_DEMOTE_F64, "F:f"), ROW(F64_PROMOTE_F32, "f:F"),
    EXACT(I32_REINTERPRET_F32, "f:i"), EXACT(F32_REINTERPRET_I32, "i:f"),
    EXACT(I64_REINTERPRET_F64, "F:I"), EXACT(F64_REINTERPRET_I64, "I:F"),
    TRUNC_ROW(I32, F32, S, "f:i"), TRUNC_ROW(I32, F32, U, "f:i"),
    TRUNC_ROW(I32, F64, S, "F:i"), TRUNC_ROW(I32, F64, U, "F:i"),
    TRUNC_ROW(I64, F32, S, "f:I"), TRUNC_ROW(I64, F32, U, "f:I"),
    TRUNC_ROW(I64, F64, S, "F:I"), TRUNC_ROW(I64, F64, U, "F:I"),
};
// clang-format on
const size_t oracle_rows_count = SW_COUNTOF(oracle_rows);

static const uint64_t i32_values[] = {
    0,          1,          2,          7,          31,         32,         33,
    0x7f,       0x80,       0xff,       0x8000,     0xffff,     0x12345678, 0x7fffffff,
    0x80000000, 0x80000001, 0xfffffff9, 0xfffffffe, 0xffffffff,
};

static const uint64_t i64_values[] = {
    0,
    1,
    3,
    63,
    64,
    0x80,
    0xff,
    0x8000,
    0xffff,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x100000000,
    0x123456789abcdef0,
    0x7fffffffffffffff,
    0x8000000000000000,
    0x8000000000000001,
    0x8000000000000401,
    0x8000008000000001,
    0xffffffff80000000,
    0xffffffff7fffffff,
    0xffffffffffffffff,
};

static const uint64_t f32_values[] = {
    0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x3fc00000, 0x40200000, 0xbf000000,
    0x3f000000, 0x3f7fffff, 0xbf7fffff, 0x00000001, 0x80000001, 0x7f7fffff, 0x7f800000,
    0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffa00000, 0x7fd55555, 0x4effffff,
    0x4f000000, 0xcf000000, 0xcf000001, 0x4f7fffff, 0x4f800000, 0x5effffff, 0x5f000000,
    0xdf000000, 0xdf000001, 0x5f7fffff, 0x5f800000, 0x4b000001,
};

static const uint64_t f64_values[] = {
    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000,
    0x3ff8000000000000, 0x4004000000000000, 0xbfe0000000000000, 0x3fe0000000000000,
    0x3fefffffffffffff, 0xbfefffffffffffff, 0x0000000000000001, 0x7fefffffffffffff,
    0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000000,
    0x7ff0000000000001, 0xfff4000000000000, 0x7ffaaaaaaaaaaaaa, 0x41dfffffffc00000,
    0x41dfffffffffffff, 0x41e0000000000000, 0xc1e0000000000000, 0xc1e00000001fffff,
    0xc1e0000000200000, 0x41efffffffffffff, 0x41f0000000000000, 0x43dfffffffffffff,
    0x43e0000000000000, 0xc3e0000000000000, 0xc3e0000000000001, 0x43efffffffffffff,
    0x43f0000000000000, 0x4330000000000001, 0x47efffffe0000000, 0x36a0000000000000,
};

const uint64_t *oracle_values(char type, size_t *ret_count)
{
    switch (type) {
    case 'i': *ret_count = SW_COUNTOF(i32_values); return i32_values;
    case 'I': *ret_count = SW_COUNTOF(i64_values); return i64_values;
    case 'f': *ret_count = SW_COUNTOF(f32_values); return f32_values;
    default: *ret_count = SW_COUNTOF(f64_values); return f64_values;
    }
}

/* ---- NaN ------------------------------------------------------------------------------------- */

static bool is_nan(char type, uint64_t bits)
{
    return type == 'f' ? isnan(f32_of(bits)) : type == 'F' && isnan(f64_of(bits));
}

static bool is_canonical(char type, uint64_t bits)
{
    return type == 'f' ? (bits & 0x7fffffff) == 0x7fc00000
                       : (bits & INT64_MAX) == UINT64_C(0x7ff8000000000000);
}

/* Not a NaN, or the canonical one. */
static bool is_plain(char type, uint64_t bits)
{
    return !is_nan(type, bits) || is_canonical(type, bits);
}

bool oracle_accepts(const oracle_row *row, uint64_t x, uint64_t y, uint64_t expected,
                    uint64_t result)
{
    const char *colon = strchr(row->signature, ':');
    char type = colon[1];
    if (row->keeps_bits || !is_nan(type, expected)) {
        return expected == result;
    }
    bool is_binary = colon - row->signature == 2;
    if (is_plain(row->signature[0], x) && (!is_binary || is_plain(row->signature[1], y))) {
        return is_nan(type, result) && is_canonical(type, result);
    }
    return is_nan(type, result) && (result & (type == 'f' ? QUIET32 : QUIET64)) != 0;
}
