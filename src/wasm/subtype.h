/* Subtyping inside one module. The types' canonical indices must be set. */
#pragma once

#include "wasm/module.h"

/* The general case of sw_valtype_matches. */
bool sw_valtype_matches_slow(const sw_module *m, sw_valtype sub, sw_valtype super);

/* Whether a value of type `sub` may stand where `super` is expected. SW_TYPE_BOTTOM fits anywhere.
 * Type indices in both must be in bounds. */
static inline bool sw_valtype_matches(const sw_module *m, sw_valtype sub, sw_valtype super)
{
    return sub == super || sw_valtype_matches_slow(m, sub, super);
}
