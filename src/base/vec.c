#include "vec.h"

sw_status sw_vec_grow_(void **at, size_t *capacity, size_t want, size_t item_bytes,
                       sw_budget *budget)
{
    if (want <= *capacity) {
        return SW_OK;
    }
    size_t count = SW_MAX(*capacity < SIZE_MAX / 2 ? *capacity * 2 : want, (size_t)8);
    count = SW_MAX(count, want);
    size_t bytes;
    if (ckd_mul(&bytes, count, item_bytes)) {
        return SW_NO_MEMORY;
    }
    void *grown = sw_realloc(budget, *at, *capacity * item_bytes, bytes);
    if (grown == NULL) {
        return SW_NO_MEMORY;
    }
    *at = grown;
    *capacity = count;
    return SW_OK;
}
