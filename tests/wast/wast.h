/*
 * Running the official test scripts, as `wasm-tools json-from-wast` writes them: shared parts.
 *
 * A script is a list of commands. Each assertion passes, fails or is skipped; a module that should
 * simply load counts only when it does not. What needs a feature that is not supported is skipped,
 * and so is every later assertion about such a module.
 */
#pragma once

#include "wasm/validate.h"

#include <jansson.h>
#include <stdio.h>

typedef enum wast_result {
    WAST_PASSED,
    WAST_FAILED,
    WAST_SKIPPED,
} wast_result;

typedef struct wast_script {
    const char *source; /* for messages: file name of the script */
    const char *folder; /* of the modules, with a slash at the end */
    bool is_verbose;    /* tells of what is skipped, too */
    int line;           /* of the command at hand */
    unsigned passed, failed, skipped;
    char why[512]; /* the reason of the last failure or skip */
} wast_script;

/* Sets the reason and returns the result. */
wast_result wast_because(wast_script *s, wast_result r, const char *fmt, ...) SW_PRINTF(3, 4);

/* The bytes of a module of the script, in heap memory of the C library; exits when unreadable. */
sw_bytes wast_read_file(const wast_script *s, const char *name);
