#include "api/input.h"

static sw_status read_module(sw_input *in, sw_bytes bytes, sw_diag *diag)
{
    SW_TRY(sw_module_read(&in->arena, bytes, 0, &SW_API_FEATURES, diag, &in->module));
    return sw_module_validate(&in->module, &SW_API_FEATURES, diag);
}

static sw_status not_a_binary(sw_bytes bytes, sw_diag *diag)
{
    if (bytes.len == 0) {
        return sw_fail(diag, SW_MALFORMED, 0, "the file is empty");
    }
    return sw_fail(diag, SW_MALFORMED, 0, "neither a WebAssembly module nor a component");
}

sw_status sw_input_read(sw_input *in, sw_bytes bytes, sw_diag *diag)
{
    *in = (sw_input){};
    sw_arena_init(&in->arena, NULL, SW_API_MAX_INPUT_BYTES);
    if (sw_component_is_binary(bytes)) {
        in->is_component = true;
        return sw_component_read(&in->arena, bytes, &SW_API_FEATURES, diag, &in->component);
    }
    return sw_module_is_binary(bytes) ? read_module(in, bytes, diag) : not_a_binary(bytes, diag);
}

void sw_input_clear(sw_input *in)
{
    sw_arena_clear(&in->arena);
}

const sw_module *sw_input_modules(const sw_input *in, uint32_t *ret_count)
{
    *ret_count = in->is_component ? in->component.plan.modules_count : 1;
    return in->is_component ? in->component.modules : &in->module;
}
