/* What the tests of this room share: an engine, a store, and short ways from a builder to a call.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builder.h"
#include "run/run.h"

typedef struct harness {
    sw_engine *engine;
    sw_store *store;
    sw_diag diag;
} harness;

/* For cmocka: state is a harness. */
int harness_setup(void **state);
int harness_teardown(void **state);

/* cmocka puts its own signal handlers in place for each test: puts the engine's back. Called by
 * harness_instance; tests that load code in other ways call it themselves. */
void harness_take_signals(void);

/* A fresh store instead of the present one. */
void harness_restart(harness *h, const sw_store_limits *limits);

/* The image of what the builder has, which is finished here. */
void harness_image(builder *b, sw_buf *ret_image);

/* Compiles and loads; clears the builder. */
sw_code *harness_code(harness *h, builder *b);

/* The same and instantiates; fails the test if that fails. The store keeps the code alive. */
sw_instance *harness_instance(harness *h, builder *b, const sw_extern *imports);

sw_extern harness_export(sw_instance *i, const char *name);

/* Calls an export with integer parameters; results as 64 bits. */
sw_status harness_call(harness *h, sw_instance *i, const char *name, const uint64_t *params,
                       uint64_t *results);

/* The same for functions of at most one parameter and result that must not trap. */
uint64_t harness_get(harness *h, sw_instance *i, const char *name, uint64_t param);

/* Calls and expects a trap of this kind. */
void harness_expect_trap(harness *h, sw_instance *i, const char *name, uint64_t param,
                         sw_trap reason);
