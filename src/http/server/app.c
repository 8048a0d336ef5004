#include "http/server/app.h"

sw_status sw_app_new(const sw_app_parts *parts, sw_app **ret_app)
{
    sw_app *a = sw_alloc(NULL, sizeof *a);
    if (a == NULL) {
        return SW_NO_MEMORY;
    }
    atomic_init(&a->refs, 1);
    a->parts = *parts;
    *ret_app = a;
    return SW_OK;
}

sw_app *sw_app_ref(sw_app *a)
{
    (void)atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
    return a;
}

void sw_app_unref(sw_app *a)
{
    if (a == NULL || atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    sw_component_unref(a->parts.component);
    if (a->parts.on_free != NULL) {
        a->parts.on_free(a->parts.arg);
    }
    sw_free(NULL, a, sizeof *a);
}
