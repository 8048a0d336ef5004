/*
 * Constant expressions: initial values of globals and tables, offsets and items of segments.
 *
 * They are validated once with the module; then they can be run from their bytes alone, when an
 * image is made (what is known by then becomes data) and when an instance is made.
 */
#pragma once

#include "wasm/module.h"

/* Operands at once; deeper expressions are refused with SW_LIMIT. */
enum { SW_MAX_CONST_DEPTH = 128 };

/* Where the values come from that the expression does not hold. A function that is NULL or returns
 * false does not know the value, and the evaluation ends without a result. */
typedef struct sw_const_env {
    bool (*get_global)(void *ctx, uint32_t global, uint64_t *ret_bits);
    bool (*get_func)(void *ctx, uint32_t func, uint64_t *ret_bits);
    void *ctx;
} sw_const_env;

/*
 * Runs a validated expression, which ends itself. The result's bits are those of a 64-bit slot: i32
 * and f32 zero-extended; the null reference is 0. False: env did not know a value.
 */
bool sw_const_expr_eval(const uint8_t *expr, const sw_const_env *env, uint64_t *ret_bits);

/* The function that the validated expression names, if it is a lone ref.func; else SW_NO_INDEX. */
uint32_t sw_const_expr_func(const uint8_t *expr);

/* The global that the validated expression gets, if it is a lone global.get; else SW_NO_INDEX. */
uint32_t sw_const_expr_global(const uint8_t *expr);

/* Whether the validated expression is a lone ref.null. */
bool sw_const_expr_is_null(const uint8_t *expr);

static inline const uint8_t *sw_const_expr_bytes(const sw_module *m, sw_range expr)
{
    return m->bytes.ptr + expr.start;
}

/* What a constant expression is checked against. */
typedef struct sw_const_rule {
    sw_valtype type;        /* of the result */
    uint32_t globals_count; /* only globals below this may be read */
} sw_const_rule;

/* Checks the expression and marks the functions it names as declared. Part of
 * sw_module_validate. */
SW_NODISCARD sw_status sw_const_expr_validate(sw_module *m, sw_range expr,
                                              const sw_const_rule *rule,
                                              const sw_features *features, sw_diag *diag);
