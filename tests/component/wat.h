/*
 * Components for tests, written as text: wasm-tools ($SWELL_WASM_TOOLS, else on PATH) makes
 * binaries of them. Tests that need one are skipped where there is no such program.
 */
#pragma once

#include "code/compile.h"
#include "component/component.h"

/* A component loaded into an engine, and the block that its plan lies in. */
typedef struct wat_component {
    sw_buf plan;
    sw_component *component;
} wat_component;

/* Whether wasm-tools can be run. */
bool wat_is_available(void);

/* The binary of a file, in memory of the C library for the caller to free; aborts on any error. */
sw_bytes wat_assemble(const char *path);

/* Assembles a file, compiles and loads it. Prints to stderr and aborts on any error: the files are
 * the test's own. */
void wat_load(sw_engine *e, const char *path, wat_component *ret);
void wat_free(wat_component *c);
