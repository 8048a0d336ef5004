/*
 * swell: stores and instances. A store is one tenant: its instances, limits, deadline, grants and
 * last trap. Freeing it frees all of that.
 */
#pragma once

#include <swell/grants.h>
#include <swell/link.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct swell_store swell_store;
typedef struct swell_instance swell_instance;
typedef struct swell_func swell_func;

typedef struct swell_store_config {
    uint64_t max_memory_bytes; /* linear memories together; 0: 1 GiB */
    uint64_t max_host_bytes;   /* what the host allocates for the guest; 0: 256 MiB */
    uint64_t stack_bytes;      /* of the guest; 0: 8 MiB */
    uint64_t host_stack_bytes; /* what a host function finds free at least; 0: 256 KiB */
} swell_store_config;

/* config and grants may be NULL (defaults; nothing granted, standard streams closed). grants is
 * copied. */
SWELL_API swell_status swell_store_new(swell_engine *engine, const swell_store_config *config,
                                       const swell_grants *grants, swell_error *error,
                                       swell_store **ret_store);
SWELL_API void swell_store_free(swell_store *store);

/* The guest traps when this much time has passed from now; 0 lifts the deadline. */
SWELL_API swell_status swell_store_set_timeout(swell_store *store, uint64_t timeout_ns);
/* From any thread or a signal handler: the guest traps at its next check. */
SWELL_API void swell_store_interrupt(swell_store *store);

SWELL_API int swell_store_exit_code(const swell_store *store); /* after SWELL_EXIT */

typedef struct swell_frame {
    swell_str module; /* names may be empty */
    swell_str func;
    uint32_t func_index;
    uint32_t offset; /* byte in the module, or SWELL_NO_OFFSET */
} swell_frame;

/* After SWELL_TRAP: one sentence, and the guest's stack, innermost frame first. Good until the next
 * call on this store. */
SWELL_API const char *swell_store_trap_text(const swell_store *store);
SWELL_API bool swell_store_trap_was_deadline(const swell_store *store);
SWELL_API size_t swell_store_trap_frames(const swell_store *store, size_t max,
                                         swell_frame *frames); /* returns how many were written */

/* ---- Instances ------------------------------------------------------------------------------- */

/* Lives as long as the store. */
SWELL_API swell_status swell_instance_new(swell_store *store, swell_program *program,
                                          swell_linker *linker, swell_error *error,
                                          swell_instance **ret_instance);

/* Runs a command: `wasi:cli/run` of a component, `_start` of a module. SWELL_EXIT with the guest's
 * code in swell_store_exit_code, also when it simply returns (0, or 1 for a component's error). */
SWELL_API swell_status swell_instance_run(swell_instance *instance, swell_error *error);

/* An exported function: name is "fn" at the top, "ns:pkg/iface@1.0.0#fn" in an interface, or the
 * export of a core module. Freed with the store. */
SWELL_API swell_status swell_instance_find(swell_instance *instance, swell_str name,
                                           swell_error *error, swell_func **ret_func);

SWELL_API size_t swell_func_params_count(const swell_func *func);
SWELL_API bool swell_func_has_result(const swell_func *func);

/* Calls it. Values are converted and checked against the function's type: SWELL_ARGUMENT where one
 * does not fit, and the guest has not run. Parts of the result live until the next call on this
 * store that a host function did not make. ret_result may be NULL. SWELL_UNSUPPORTED: a core
 * function with several results, or one that is no number. */
SWELL_API swell_status swell_func_call(swell_func *func, const swell_value *params,
                                       size_t params_count, swell_error *error,
                                       swell_value *ret_result);

/* Gives back a resource that the guest implements: an own handle out of a result of this instance.
 * Its destructor runs. SWELL_ARGUMENT: no such handle, or not now, since a call of this instance is
 * in progress. SWELL_TRAP: the destructor trapped, or an earlier call had. Handles that are not
 * given back go with the store, and no destructor runs. */
SWELL_API swell_status swell_instance_drop(swell_instance *instance, uint32_t handle,
                                           swell_error *error);

#ifdef __cplusplus
}
#endif
