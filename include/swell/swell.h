/*
 * swell: run WebAssembly components from C.
 *
 *     swell_engine *engine;
 *     swell_program *program;
 *     swell_linker *linker;
 *     swell_store *store;
 *     swell_instance *instance;
 *     swell_error error = {0};
 *
 *     swell_engine_new(NULL, &error, &engine);
 *     swell_program_open(engine, "plugin.wasm", NULL, &error, &program);
 *     swell_linker_new(engine, &linker);
 *     swell_linker_define_wasi(linker, &error);
 *     swell_store_new(engine, NULL, NULL, &error, &store);
 *     swell_instance_new(store, program, linker, &error, &instance);
 *     ... swell_instance_find, swell_func_call ...
 *
 * examples/embed shows the whole, with a host interface of its own.
 */
#pragma once

#include <swell/base.h>
#include <swell/engine.h>
#include <swell/grants.h>
#include <swell/link.h>
#include <swell/store.h>
#include <swell/value.h>
