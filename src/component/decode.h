/*
 * From a component binary to a plan and its core modules.
 *
 * sw_component_read decodes and validates everything (nested modules and components too) except
 * core function bodies, which the compiler validates; then it plans. Asynchronous features are
 * refused with SW_UNSUPPORTED and a message that names them.
 */
#pragma once

#include "component/plan.h"
#include "wasm/module.h"

typedef struct sw_component_binary {
    sw_plan plan; /* arrays in the arena */
    const sw_module
        *modules; /* plan.modules_count core modules, decoded and validated but bodies */
} sw_component_binary;

/* True for the preamble of a component. */
bool sw_component_is_binary(sw_bytes bytes);

/* bytes and arena must outlive the result. */
SW_NODISCARD sw_status sw_component_read(sw_arena *arena, sw_bytes bytes,
                                         const sw_features *features, sw_diag *diag,
                                         sw_component_binary *ret_component);
