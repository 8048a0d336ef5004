/*
 * swell: linkers, what a host offers to guests. One linker may serve many stores and programs.
 */
#pragma once

#include <swell/engine.h>
#include <swell/value.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct swell_linker swell_linker;

SWELL_API swell_status swell_linker_new(swell_engine *engine, swell_linker **ret_linker);
SWELL_API void swell_linker_free(swell_linker *linker); /* after the instances made with it */

/* Everything of WASI that this build has: 0.1 for modules, 0.2 for components. What a guest can do
 * with it, the store's grants say. */
SWELL_API swell_status swell_linker_define_wasi(swell_linker *linker, swell_error *error);

/* wasi:http for components: types and outgoing-handler. Where requests may go, the store's grants
 * say. A store opens connections of its own and closes them with its end. */
SWELL_API swell_status swell_linker_define_http(swell_linker *linker, swell_error *error);

/* wasi:sockets for components. Where they may connect, send and listen, and which names they may
 * look up, the store's grants say. */
SWELL_API swell_status swell_linker_define_sockets(swell_linker *linker, swell_error *error);

typedef struct swell_call swell_call;

/* A host function. params: as many values as the function has parameters. A function with a result
 * sets *ret_result (it starts zeroed); parts of it come from swell_call_alloc. Anything but
 * SWELL_OK traps the guest; the reason is what swell_call_fail said.
 *
 * It runs on the guest's stack, not the thread's: host_stack_bytes of the store's configuration are
 * free, or the guest traps (stack exhausted) instead of calling it. It must return: leaving by
 * longjmp or an exception is not allowed. */
typedef swell_status swell_host_fn(void *env, swell_call *call, const swell_value *params,
                                   size_t params_count, swell_value *ret_result);

/* Memory that lasts until the result has reached the guest; NULL when the store has no more. */
SWELL_API void *swell_call_alloc(swell_call *call, size_t size_bytes);
/* Words the reason; returns SWELL_TRAP, for `return swell_call_fail(...)`. */
SWELL_API swell_status swell_call_fail(swell_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

typedef struct swell_host_func {
    const char *name; /* "log", "[method]counter.get" */
    swell_host_fn *fn;
    void *env;
} swell_host_func;

/*
 * Offers an interface to components. wit is the text of a WIT package that declares it, interface
 * its full name ("acme:host/log@1.0.0"); each function of the interface must be among funcs. The
 * text and the table are copied. A component that imports the interface with other types is
 * refused when it is instantiated.
 */
SWELL_API swell_status swell_linker_define_interface(swell_linker *linker, swell_str wit,
                                                     swell_str interface,
                                                     const swell_host_func *funcs,
                                                     size_t funcs_count, swell_error *error);

/* Told that a guest has dropped its own handle of a resource, or has been freed while it held one;
 * rep is the number that the host gave. It must not call guests. */
typedef void swell_drop_fn(void *env, uint32_t rep);

/*
 * What to do when a resource is dropped that an interface defines: after the interface has been
 * defined and before an instance is made with the linker. A resource of the host is to guests a
 * number of the host's choice: a constructor returns it, methods get it as their first parameter
 * (SWELL_HANDLE). With an own handle that a guest passes to a host function the resource is the
 * host's again, and nobody is told. SWELL_NOT_FOUND: no such interface or resource; one that it
 * takes from another interface ("use") belongs to that one.
 */
SWELL_API swell_status swell_linker_on_drop(swell_linker *linker, swell_str interface,
                                            const char *resource, swell_drop_fn *fn, void *env,
                                            swell_error *error);

/* Offers a function to core modules. signature: letters of the parameters, a colon, letters of the
 * results: i: i32, I: i64, f: f32, F: f64; "iI:i". At most 16 parameters and one result.
 * SWELL_ARGUMENT for any other text, and for a function that is offered already. */
SWELL_API swell_status swell_linker_define_core(swell_linker *linker, const char *module,
                                                const char *name, const char *signature,
                                                swell_host_fn *fn, void *env, swell_error *error);

#ifdef __cplusplus
}
#endif
