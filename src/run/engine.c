/* The engine: what a process has once. */
#include "os/signals.h"
#include "run/internal.h"

sw_status sw_engine_new(sw_diag *diag, sw_engine **ret_engine)
{
    sw_status st = sw_signals_install(sw_trap_on_fault);
    if (st != SW_OK) {
        return sw_fail(diag, st, SW_NO_OFFSET, "signal handlers cannot be installed");
    }
    sw_engine *e = sw_alloc(NULL, sizeof(*e));
    if (e == NULL || sw_slot_pool_init(&e->slots) != SW_OK) {
        sw_free(NULL, e, sizeof(*e));
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "engine");
    }
    sw_type_registry_init(&e->types);
    atomic_init(&e->next_code_id, 1);
    *ret_engine = e;
    return SW_OK;
}

void sw_engine_free(sw_engine *e)
{
    if (e != NULL) {
        sw_slot_pool_clear(&e->slots);
        sw_type_registry_clear(&e->types);
        sw_free(NULL, e, sizeof(*e));
    }
}

uint32_t sw_engine_functype_id(sw_engine *e, const sw_functype *type)
{
    return sw_type_registry_acquire(&e->types, type, true);
}
