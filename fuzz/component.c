/*
 * Any bytes as a component: it is refused with an offset inside it, or its plan holds together and
 * survives writing and mapping.
 */
#include "../tests/component/plan_invariants.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const sw_features FEATURES = {.simd = true, .multi_memory = true};
    sw_arena arena;
    sw_diag diag = {};
    sw_component_binary c;
    sw_arena_init(&arena, NULL, 256u << 20);
    sw_status st = sw_component_read(&arena, (sw_bytes){data, size}, &FEATURES, &diag, &c);
    if (st == SW_OK) {
        if (!plan_holds(&c.plan) || !plan_survives_writing(&c.plan)) {
            abort();
        }
    } else if (diag.status != st || diag.text[0] == '\0' ||
               (st != SW_NO_MEMORY && (diag.offset == SW_NO_OFFSET || diag.offset > size))) {
        abort();
    }
    sw_arena_clear(&arena);
    return 0;
}
