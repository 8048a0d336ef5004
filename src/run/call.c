/*
 * Calls into wasm code, and the host functions it calls.
 *
 * The outermost call of a store runs the store's fiber, whose body makes the call; the next one
 * runs it again. A call made by a host function or a task is already on that stack and goes ahead.
 */
#include "run/internal.h"

#include "os/signals.h"

/* A nested call needs room for its own C frames before guest code can reach the guard. */
#define NESTED_CALL_BYTES ((uintptr_t)32 * 1024)

static sw_trap enter(sw_store *s, const sw_func_cell *cell, sw_regs *regs)
{
    sw_activation a = {.prev = s->activation, .outer_fp = s->host_fp};
    s->activation = &a;
    sw_trap trap = (sw_trap)sw_enter(&a, cell, regs);
    s->activation = a.prev;
    s->host_fp = a.outer_fp;
    s->passing_fp = trap == SW_TRAP_NONE ? NULL : a.outer_fp;
    return trap;
}

static sw_status status_of(sw_trap trap)
{
    return trap == SW_TRAP_NONE ? SW_OK : trap == SW_TRAP_EXIT ? SW_EXIT : SW_TRAP;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

void *sw_store_fiber_body(void *arg)
{
    sw_store_job *j = arg;
    if (SW_LIKELY(j->cell != NULL)) {
        j->trap = enter(j->store, j->cell, j->regs);
    } else {
        j->store->task.fn(j->store, j->store->task.arg);
    }
    return NULL;
}

static sw_status call_outermost(sw_store *s, const sw_func_cell *cell, sw_regs *regs)
{
    if (SW_UNLIKELY(s->fiber == NULL)) {
        SW_TRY(sw_store_need_fiber(s));
    }
    SW_TRY(sw_signals_enter_thread());
    s->trap.reason = SW_TRAP_NONE;
    sw_store_job job = {s, cell, regs, SW_TRAP_NONE};
    if (SW_UNLIKELY(!sw_store_enter_fiber(s, &job))) {
        sw_store_finish_fiber(s);
    }
    return status_of(job.trap);
}

static sw_status call_nested(sw_store *s, const sw_func_cell *cell, sw_regs *regs)
{
    if (sw_fiber_current() != s->fiber) {
        sw_trap_set(s, SW_TRAP_CANNOT_ENTER, "the store is running another call");
        return SW_TRAP;
    }
    if (s->activation == &s->task_base) {
        s->trap.reason = SW_TRAP_NONE;
    }
    if ((uintptr_t)__builtin_frame_address(0) < s->stack_limit + NESTED_CALL_BYTES) {
        sw_trap_set(s, SW_TRAP_STACK_EXHAUSTED, "%s", sw_trap_text(SW_TRAP_STACK_EXHAUSTED));
        s->passing_fp = s->host_fp;
        return SW_TRAP;
    }
    return status_of(enter(s, cell, regs));
}

const sw_store *sw_cell_store(const sw_func_cell *cell)
{
    return sw_cell_is_host(cell) ? ((const sw_host_func *)cell->base)->store
                                 : sw_instance_of(cell->base)->store;
}

sw_status sw_call_regs(sw_store *s, const sw_func_cell *cell, sw_regs *regs)
{
    SW_CHECK(sw_cell_store(cell) == s);
    return s->activation == NULL ? call_outermost(s, cell, regs) : call_nested(s, cell, regs);
}

sw_status sw_call(sw_store *s, const sw_func_cell *cell, const sw_functype *type,
                  const sw_value_slot *params, sw_value_slot *results)
{
    sw_regs regs;
    sw_regs_set_params(type, params, &regs, s->args);
    SW_TRY(sw_call_regs(s, cell, &regs));
    sw_regs_get_results(type, &regs, s->args, results);
    return SW_OK;
}

/* ---- Host functions -------------------------------------------------------------------------- */

static bool uses_vectors(const sw_functype *t)
{
    bool uses = false;
    for (uint32_t i = 0; i < t->params_count; i++) {
        uses |= sw_valtype_is_vector(t->params[i]);
    }
    for (uint32_t i = 0; i < t->results_count; i++) {
        uses |= sw_valtype_is_vector(t->results[i]);
    }
    return uses;
}

sw_status sw_host_func_init(sw_host_func *f, sw_store *s, const sw_functype *type,
                            sw_host_entry_fn *entry, void *env)
{
    uint32_t id = sw_engine_functype_id(s->engine, type);
    *f = (sw_host_func){.entry = entry, .env = env, .type = type};
    return id == 0 ? SW_NO_MEMORY : sw_host_func_init_typed(f, s, id);
}

sw_status sw_host_func_init_typed(sw_host_func *f, sw_store *s, uint32_t type_id)
{
    SW_TRY(sw_store_need_args(s, sw_functype_area_bytes(f->type)));
    void (*code)(void) = uses_vectors(f->type) ? sw_host_entry : sw_host_entry_ints;
    f->store = s;
    f->cell = (sw_func_cell){.code = (const void *)code,
                             .base = f,
                             .type_id = type_id,
                             .local_type = SW_NO_INDEX,
                             .func = SW_NO_INDEX};
    return SW_OK;
}

void sw_gate_init(sw_gate *g)
{
    g->host.cell.code = (const void *)sw_gate_entry;
}
