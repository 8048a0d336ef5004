/* A binary as it was read: decoded and validated, function bodies not yet looked at. */
#pragma once

#include "api/api.h"

typedef struct sw_input {
    sw_arena arena; /* holds the rest */
    bool is_component;
    sw_component_binary component; /* when is_component */
    sw_module module;              /* else */
} sw_input;

/* bytes stay borrowed. To be cleared also after a failure. */
SW_NODISCARD sw_status sw_input_read(sw_input *in, sw_bytes bytes, sw_diag *diag);
void sw_input_clear(sw_input *in);

/* All core modules. */
const sw_module *sw_input_modules(const sw_input *in, uint32_t *ret_count);
