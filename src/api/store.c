/* Stores: limits, deadline, traps; and what belongs to one. */
#include "api/api.h"

#include "os/clock.h"

enum { STORE_ARENA_MAX_BYTES = 64 << 20 };

static void report_denial(void *env, const char *asked, const char *option)
{
    const swell_grants *g = env;
    g->denial(g->denial_env, asked, option);
}

static sw_store_limits limits_of(const swell_store_config *config)
{
    sw_store_limits limits = SW_STORE_LIMITS_DEFAULT;
    if (config == NULL) {
        return limits;
    }
    if (config->max_memory_bytes != 0) {
        limits.memory_bytes = config->max_memory_bytes;
    }
    if (config->max_host_bytes != 0) {
        limits.host_bytes = config->max_host_bytes;
    }
    if (config->stack_bytes != 0) {
        limits.stack_bytes = config->stack_bytes;
    }
    if (config->host_stack_bytes != 0) {
        limits.host_stack_bytes = config->host_stack_bytes;
    }
    return limits;
}

static sw_status make_wasi(swell_store *s, const swell_grants *grants, sw_diag *diag)
{
    if (grants == NULL) {
        sw_grants nothing;
        sw_grants_init(&nothing, NULL);
        memset(nothing.stdio, -1, sizeof nothing.stdio);
        sw_status st = sw_wasi_new(s->store, &nothing, NULL, NULL, diag, &s->wasi);
        sw_grants_clear(&nothing);
        return st;
    }
    s->grants_denial = (swell_grants){.denial = grants->denial, .denial_env = grants->denial_env};
    return sw_wasi_new(s->store, &grants->grants, grants->denial == NULL ? NULL : report_denial,
                       &s->grants_denial, diag, &s->wasi);
}

swell_status swell_store_new(swell_engine *engine, const swell_store_config *config,
                             const swell_grants *grants, swell_error *error,
                             swell_store **ret_store)
{
    sw_diag diag = {};
    sw_store_limits limits = limits_of(config);
    swell_store *s = sw_alloc(NULL, sizeof *s);
    if (s == NULL) {
        return sw_api_result(SW_NO_MEMORY, &diag, error);
    }
    s->engine = engine;
    sw_status st = sw_store_new(engine->engine, &limits, &diag, &s->store);
    if (st == SW_OK) {
        sw_arena_init(&s->arena, sw_store_budget(s->store), STORE_ARENA_MAX_BYTES);
        sw_arena_init(&s->results, sw_store_budget(s->store), SIZE_MAX);
        st = make_wasi(s, grants, &diag);
    }
    if (st != SW_OK) {
        swell_store_free(s);
        return sw_api_result(st, &diag, error);
    }
    *ret_store = s;
    return SWELL_OK;
}

void swell_store_free(swell_store *store)
{
    if (store == NULL) {
        return;
    }
    for (swell_instance *i = store->instances; i != NULL; i = i->next) {
        sw_component_instance_free(i->component);
        sw_p1_free(i->p1);
    }
    sw_wasi_free(store->wasi);
    if (store->store != NULL) {
        sw_arena_clear(&store->arena);
        sw_arena_clear(&store->results);
    }
    sw_store_free(store->store);
    for (size_t i = 0; i < store->programs.count; i++) {
        swell_program_free(store->programs.at[i]);
    }
    sw_vec_clear(&store->programs);
    sw_free(NULL, store, sizeof *store);
}

swell_status swell_store_set_timeout(swell_store *store, uint64_t timeout_ns)
{
    uint64_t deadline = timeout_ns == 0 ? 0 : sw_clock_deadline(timeout_ns);
    return (swell_status)sw_store_set_deadline(store->store, deadline);
}

void swell_store_interrupt(swell_store *store)
{
    sw_store_interrupt(store->store);
}

int swell_store_exit_code(const swell_store *store)
{
    return sw_store_exit_code(store->store);
}

const char *swell_store_trap_text(const swell_store *store)
{
    const char *text = sw_store_trap_text(store->store);
    return text[0] != '\0' ? text : sw_trap_text(sw_store_trap_reason(store->store));
}

bool swell_store_trap_was_deadline(const swell_store *store)
{
    return sw_store_trap_reason(store->store) == SW_TRAP_DEADLINE;
}

size_t swell_store_trap_frames(const swell_store *store, size_t max, swell_frame *frames)
{
    const sw_trap_info *trap = sw_store_trap(store->store);
    size_t count = SW_MIN((size_t)trap->frames_count, max);
    for (size_t i = 0; i < count; i++) {
        const sw_frame *f = &trap->frames[i];
        frames[i] = (swell_frame){
            .module = sw_api_public_str(sw_code_name(f->code)),
            .func = sw_api_public_str(sw_code_func_name(f->code, f->func)),
            .func_index = f->func,
            .offset = f->module_offset,
        };
    }
    return count;
}
