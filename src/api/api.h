/*
 * Inside the public API: what its opaque types hold, and how internal statuses become public ones.
 *
 * The API adds ownership and conversion, no mechanism of its own.
 */
#pragma once

#include <swell/swell.h>

#include "base/buf.h"
#include "base/vec.h"
#include "code/compile.h"
#include "code/image_file.h"
#include "component/component.h"
#include "run/cache.h"
#include "run/run.h"
#include "wasi/wasi.h"

#include <pthread.h>
#include <stdatomic.h>

struct swell_engine {
    sw_engine *engine; /* owned */
    /* The cache is opened when it is first needed: a compiled program needs none. */
    pthread_mutex_t cache_mutex;
    sw_cache *cache; /* owned; NULL: none, or not yet */
    char *cache_dir; /* owned; NULL: none, or opened already */
    size_t cache_dir_bytes;
    uint64_t cache_max_bytes;
    unsigned threads;
};

/* Shared by its owner and the stores that run it: machine code and plan lie in the file's bytes. */
struct swell_program {
    atomic_uint refs;
    swell_engine *engine;    /* borrowed */
    sw_image_file file;      /* owned; what code and component point into */
    sw_buf bytes;            /* owned; the file's contents when it is not on disk */
    sw_code *code;           /* owned reference; a core module */
    sw_component *component; /* owned reference; a component */
};

struct swell_grants {
    sw_grants grants;
    swell_denial_fn *denial;
    void *denial_env;
};

/* A host function for core modules. */
typedef struct api_core_func {
    sw_str module, name; /* in the linker's arena */
    sw_functype type;
    swell_host_fn *fn;
    void *env;
} api_core_func;

/* An interface that the embedder has defined. */
typedef struct api_iface api_iface;
struct api_iface {
    api_iface *next;
    sw_str name;
    sw_host_iface_resource *resources;
    uint32_t resources_count;
};

struct swell_linker {
    swell_engine *engine; /* borrowed */
    sw_linker *linker;    /* owned */
    sw_arena arena;       /* WIT, tables, names */
    api_iface *ifaces;    /* the newest first */
    SW_VEC(const api_core_func *) core_funcs;
    bool has_wasi;
};

struct swell_store {
    swell_engine *engine;             /* borrowed */
    sw_store *store;                  /* owned */
    sw_wasi *wasi;                    /* owned */
    swell_grants grants_denial;       /* only the denial function and its env */
    swell_instance *instances;        /* list, the newest first */
    sw_arena arena;                   /* instances, functions, bindings */
    sw_arena results;                 /* parts of the last call's result */
    SW_VEC(swell_program *) programs; /* references, given back last */
    /* Calls in progress: a host function may call a guest of the same store, and what the outer
     * call put into `results` must outlive that. */
    uint32_t calls;
};

struct swell_instance {
    swell_instance *next;
    swell_store *store;
    swell_program *program;           /* borrowed from the store's references */
    sw_instance *core;                /* a module's, or */
    sw_component_instance *component; /* owned; a component's */
    sw_p1 *p1;                        /* owned; modules only */
};

struct swell_func {
    swell_instance *instance;
    sw_extern core; /* of a module, or */
    sw_component_func component;
    const sw_canon_layouts *layouts; /* of the component's types; NULL for a module */
};

struct swell_call {
    sw_store *store;
    sw_arena *arena;
};

/* The public error from the internal report; returns the status as a public one. A status without
 * a report gets the status's own text. */
swell_status sw_api_result(sw_status st, const sw_diag *diag, swell_error *error);

static inline sw_str sw_api_str(swell_str s)
{
    return (sw_str){s.ptr, s.len};
}

static inline swell_str sw_api_public_str(sw_str s)
{
    return (swell_str){s.ptr, s.len};
}

/* swell_program_free gives a reference back. */
swell_program *sw_api_program_ref(swell_program *p);

/* The language as this build takes it. */
extern const sw_features SW_API_FEATURES;

/* Most bytes of an input, and of what is made of it. */
enum { SW_API_MAX_INPUT_BYTES = 1 << 30 };

/* ---- values (value_write.c, value_read.c) ---------------------------------------------------- */

/* To host layout at `to`. Spans are borrowed from the value; arrays lie in the arena. SW_ARGUMENT
 * tells where the value does not fit the type. */
SW_NODISCARD sw_status sw_api_value_write(const sw_canon_layouts *l, sw_vtype type,
                                          const swell_value *value, sw_arena *arena, sw_diag *diag,
                                          void *to);

/* From host layout. Arrays lie in the arena; spans point where the host layout pointed. */
SW_NODISCARD sw_status sw_api_value_read(const sw_canon_layouts *l, sw_vtype type, const void *from,
                                         sw_arena *arena, swell_value *ret_value);

/* Offsets of a function's parameters in their struct; returns the struct's size. */
uint32_t sw_api_params_layout(const sw_canon_layouts *l, const sw_cfunc_type *f,
                              uint32_t *ret_offsets);

SW_NODISCARD sw_status sw_api_core_value_write(sw_valtype type, const swell_value *value,
                                               sw_diag *diag, sw_value_slot *ret_slot);
bool sw_api_core_type_is_value(sw_valtype type); /* a number: has a swell_value */
swell_value sw_api_core_value_read(sw_valtype type, const sw_value_slot *slot);

/* ---- shared by both value files -------------------------------------------------------------- */

/* A type as "one of several, each with at most one payload". */
typedef struct sw_api_choice {
    uint32_t count;          /* of cases */
    uint32_t tag_bytes;      /* of the tag in host layout */
    uint32_t payload_offset; /* in host layout */
} sw_api_choice;

sw_api_choice sw_api_choice_of(const sw_canon_layouts *l, sw_vtype type);
sw_vtype sw_api_choice_payload(const sw_types *t, const sw_type_def *d, uint32_t index);
uint32_t sw_api_tag_bytes(uint32_t cases);
uint32_t sw_api_flags_bytes(uint32_t flags);

typedef struct sw_api_list {
    void *ptr;
    size_t len;
} sw_api_list;

/* Primitives but strings: the public kind, and how many bytes to copy. */
typedef struct sw_api_prim {
    swell_value_kind kind;
    uint8_t size;
} sw_api_prim;
extern const sw_api_prim SW_API_PRIMS[SW_CT_CHAR + 1];

const api_core_func *sw_api_find_core_func(const swell_linker *l, sw_str module, sw_str name);

/* The entry of every core host function that a linker offers; env is its api_core_func. */
sw_host_entry_fn sw_api_core_entry;
