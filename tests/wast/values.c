/* Arguments and expected results of the scripts. */
#include "wast.h"

#include <stdlib.h>
#include <string.h>

static bool is(const json_t *value, const char *key, const char *text)
{
    const char *have = json_string_value(json_object_get(value, key));
    return have != NULL && strcmp(have, text) == 0;
}

/* A decimal number, signed or unsigned, of at most 64 bits. */
static uint64_t number(const json_t *value)
{
    const char *text = json_string_value(json_object_get(value, "value"));
    if (text == NULL) {
        return 0;
    }
    return *text == '-' ? (uint64_t)strtoll(text, NULL, 10) : strtoull(text, NULL, 10);
}

static bool is_32(const json_t *value)
{
    return is(value, "type", "i32") || is(value, "type", "f32");
}

static bool is_64(const json_t *value)
{
    return is(value, "type", "i64") || is(value, "type", "f64");
}

bool wast_value_read(const json_t *value, sw_value_slot *ret_slot)
{
    *ret_slot = (sw_value_slot){};
    if (is_32(value)) {
        ret_slot->i64 = (uint32_t)number(value);
    } else if (is_64(value)) {
        ret_slot->i64 = number(value);
    } else if (is(value, "type", "externref")) {
        ret_slot->ref = is(value, "value", "null") ? 0 : number(value) + 1;
    } else {
        return is(value, "type", "funcref") && is(value, "value", "null");
    }
    return true;
}

/* A NaN of the class: canonical is the lone top bit of the mantissa, arithmetic has it set. */
static bool is_nan_of(uint64_t bits, unsigned mantissa_bits, uint64_t exponent, bool canonical)
{
    uint64_t quiet = UINT64_C(1) << (mantissa_bits - 1);
    uint64_t mantissa = bits & (2 * quiet - 1);
    bool is_nan = (bits >> mantissa_bits & exponent) == exponent;
    return is_nan && (canonical ? mantissa == quiet : (mantissa & quiet) != 0);
}

static bool number_matches(const json_t *expected, uint64_t bits)
{
    bool canonical = is(expected, "value", "nan:canonical");
    if (!canonical && !is(expected, "value", "nan:arithmetic")) {
        return is_32(expected) ? (uint32_t)bits == (uint32_t)number(expected)
                               : bits == number(expected);
    }
    return is_32(expected) ? is_nan_of((uint32_t)bits, 23, 0xff, canonical)
                           : is_nan_of(bits, 52, 0x7ff, canonical);
}

static bool either_matches(const json_t *expected, sw_value_slot have)
{
    size_t i = 0;
    const json_t *choice = NULL;
    json_array_foreach(json_object_get(expected, "values"), i, choice)
    {
        if (wast_value_matches(choice, have)) {
            return true;
        }
    }
    return false;
}

bool wast_value_matches(const json_t *expected, sw_value_slot have)
{
    if (is(expected, "type", "either")) {
        return either_matches(expected, have);
    }
    if (is_32(expected) || is_64(expected)) {
        return number_matches(expected, have.i64);
    }
    bool null = is(expected, "type", "refnull") || is(expected, "value", "null");
    if (null || json_object_get(expected, "value") == NULL) {
        return (have.ref == 0) == null;
    }
    return is(expected, "type", "externref") && have.ref == number(expected) + 1;
}

const char *wast_value_text(sw_valtype t, sw_value_slot v, char *out, size_t size)
{
    char type[32];
    (void)sw_valtype_text(t, type, sizeof type);
    (void)snprintf(out, size, "%s:%llu", type, (unsigned long long)v.i64);
    return out;
}
