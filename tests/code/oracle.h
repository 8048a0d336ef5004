/* What every numeric instruction must compute, in plain C. */
#pragma once

#include "code/abi.h"

/* Operands and result as bits, i32 and f32 in the low half. */
typedef sw_trap oracle_fn(uint64_t x, uint64_t y, uint64_t *ret);

typedef struct oracle_row {
    uint32_t opcode;
    const char *name;
    const char *signature; /* as in the opcode table: "ii:i" */
    oracle_fn *compute;
    bool keeps_bits; /* a NaN result is exact, not any NaN */
} oracle_row;

extern const oracle_row oracle_rows[];
extern const size_t oracle_rows_count;

/* Edge values of a type, by its letter. */
const uint64_t *oracle_values(char type, size_t *ret_count);

/* Whether the result is what the instruction may give; for floats a NaN may be one of many. */
bool oracle_accepts(const oracle_row *row, uint64_t x, uint64_t y, uint64_t expected,
                    uint64_t result);
