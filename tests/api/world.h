/* What most tests of the API hold: an engine, a program, a linker, a store and an instance. */
#pragma once

#include <swell/swell.h>

#include "base/buf.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct world {
    swell_engine *engine;
    swell_program *program;
    swell_linker *linker;
    swell_store *store;
    swell_instance *instance;
    swell_error error;
} world;

static inline swell_bytes world_bytes(const sw_buf *b)
{
    return (swell_bytes){b->ptr, b->len};
}

/* cmocka puts its own handlers in place for each test: the engine's are kept before the first one
 * and put back by world_open. */
static struct sigaction world_handlers[5];
static const int WORLD_FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

static inline void world_keep_signals(void)
{
    swell_engine *engine = NULL;
    if (swell_engine_new(NULL, NULL, &engine) == SWELL_OK) {
        for (size_t i = 0; i < 5; i++) {
            (void)sigaction(WORLD_FAULTS[i], NULL, &world_handlers[i]);
        }
    }
    swell_engine_free(engine);
}

static inline void world_take_signals(void)
{
    for (size_t i = 0; i < 5 && world_handlers[i].sa_sigaction != NULL; i++) {
        (void)sigaction(WORLD_FAULTS[i], &world_handlers[i], NULL);
    }
}

/* Engine, linker and store; the program from bytes. */
static inline void world_open(world *w, swell_bytes bytes)
{
    *w = (world){};
    world_take_signals();
    assert_int_equal(swell_engine_new(NULL, &w->error, &w->engine), SWELL_OK);
    assert_int_equal(swell_linker_new(w->engine, &w->linker), SWELL_OK);
    assert_int_equal(swell_store_new(w->engine, NULL, NULL, &w->error, &w->store), SWELL_OK);
    swell_status st = swell_program_from_bytes(w->engine, bytes, &w->error, &w->program);
    if (st != SWELL_OK) {
        print_error("%s (at %#x)\n", w->error.text, w->error.offset);
    }
    assert_int_equal(st, SWELL_OK);
}

static inline void world_start(world *w)
{
    swell_status st = swell_instance_new(w->store, w->program, w->linker, &w->error, &w->instance);
    if (st != SWELL_OK) {
        print_error("%s\n", w->error.text);
    }
    assert_int_equal(st, SWELL_OK);
}

static inline swell_func *world_find(world *w, const char *name)
{
    swell_func *f = NULL;
    assert_int_equal(swell_instance_find(w->instance, swell_str_of(name), &w->error, &f), SWELL_OK);
    return f;
}

static inline void world_close(world *w)
{
    swell_store_free(w->store);
    swell_linker_free(w->linker);
    swell_program_free(w->program);
    swell_engine_free(w->engine);
}

/* The error holds these words. */
static inline void world_says(const swell_error *error, const char *words)
{
    if (strstr(error->text, words) == NULL) {
        print_error("'%s' lacks '%s'\n", error->text, words);
    }
    assert_non_null(strstr(error->text, words));
    assert_int_equal(error->used, strlen(error->text));
}
