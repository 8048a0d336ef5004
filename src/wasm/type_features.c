/* Which language feature a type needs. */
#include "wasm/type_features.h"

const char *sw_valtype_missing_feature(sw_valtype t, const sw_features *f)
{
    uint32_t heap = sw_valtype_heap(t);
    if (t == SW_TYPE_V128) {
        return f->simd ? NULL : "simd";
    }
    if (!sw_valtype_is_ref(t) || t == SW_TYPE_FUNCREF || t == SW_TYPE_EXTERNREF) {
        return NULL;
    }
    if (heap == SW_HEAP_EXN || heap == SW_HEAP_NOEXN) {
        return f->exceptions ? NULL : "exceptions";
    }
    if (sw_heap_is_index(heap) || heap == SW_HEAP_FUNC || heap == SW_HEAP_EXTERN) {
        return f->function_references || f->gc ? NULL : "function references";
    }
    return f->gc ? NULL : "gc";
}
