/*
 * Running the official test scripts, as `wasm-tools json-from-wast` writes them: shared parts.
 *
 * A script is a list of commands. Each assertion passes, fails or is skipped; a module that should
 * simply load counts only when it does not. What needs a feature that is not supported is skipped,
 * and so is every later assertion about such a module.
 */
#pragma once

#include "run/run.h"
#include "wasm/validate.h"

#include <jansson.h>
#include <stdio.h>

typedef enum wast_result {
    WAST_PASSED,
    WAST_FAILED,
    WAST_SKIPPED,
} wast_result;

/* An instance under a name. */
typedef struct wast_name {
    sw_str name;           /* in the JSON document */
    sw_instance *instance; /* NULL: needs what is not supported */
} wast_name;

/* A module that may be instantiated later. */
typedef struct wast_definition {
    sw_str name;
    sw_code *code; /* owned */
} wast_definition;

enum { WAST_MAX_NAMES = 256, WAST_SPECTEST_FUNCS = 7, WAST_SPECTEST_GLOBALS = 4 };

/* The module "spectest" that scripts may import from. */
typedef struct wast_spectest {
    sw_host_func funcs[WAST_SPECTEST_FUNCS];
    sw_global_object *globals[WAST_SPECTEST_GLOBALS];
    sw_table_object *table;
    sw_memory_object *memory;
} wast_spectest;

typedef struct wast_script {
    const char *source; /* for messages: file name of the script */
    const char *folder; /* of the modules, with a slash at the end */
    bool is_verbose;    /* tells of what is skipped, too */
    int line;           /* of the command at hand */
    unsigned passed, failed, skipped;
    char why[768]; /* the reason of the last failure or skip */

    sw_engine *engine;
    sw_store *store;
    wast_spectest spectest;
    bool has_skipped_module; /* whose effects on earlier modules are missing */
    sw_instance *current;    /* of the last module; NULL: needs what is not supported */
    wast_name modules[WAST_MAX_NAMES];
    wast_name registered[WAST_MAX_NAMES];
    wast_definition definitions[WAST_MAX_NAMES];
    unsigned modules_count, registered_count, definitions_count;
} wast_script;

/* Sets the reason and returns the result. */
wast_result wast_because(wast_script *s, wast_result r, const char *fmt, ...) SW_PRINTF(3, 4);

/* Ends the program: the test itself cannot run. */
SW_NORETURN void wast_die(const char *what, const char *name);

/* A member that is a string; empty when it is missing. */
sw_str wast_str(const json_t *object, const char *key);

/* A file of the script's folder, in heap memory of the C library; ends the program when that cannot
 * be read. */
sw_bytes wast_read_file(const wast_script *s, const char *name);

/* ---- Modules --------------------------------------------------------------------------------- */

/* Reads and validates the command's module; compiles and loads it when ret_code is not NULL. */
sw_status wast_load(wast_script *s, const json_t *command, sw_diag *diag, sw_code **ret_code);

/* SW_UNSUPPORTED when it imports from a module that needs what is not supported. */
sw_status wast_instantiate(wast_script *s, sw_code *code, sw_diag *diag,
                           sw_instance **ret_instance);

void wast_spectest_init(wast_script *s);
bool wast_spectest_find(wast_script *s, sw_str name, sw_extern *ret_extern);

/* ---- Values ---------------------------------------------------------------------------------- */

/* The argument; false when its type is not supported. */
bool wast_value_read(const json_t *value, sw_value_slot *ret_slot);

/* Whether a result is as expected. */
bool wast_value_matches(const json_t *expected, sw_value_slot have);

/* "i32:5" */
const char *wast_value_text(sw_valtype t, sw_value_slot v, char *out, size_t size);
