/*
 * Host functions for components, and the layout in which C sees component values.
 *
 * A host interface is a static table (usually written by the bindings generator from WIT): types,
 * functions, resources. The canonical ABI converts between a guest's flat values and memory and
 * the HOST LAYOUT of the same type, which is what a C compiler makes of these declarations:
 *
 *     bool -> bool; s8..u64 -> intN_t/uintN_t; f32 f64 -> float double; char -> uint32_t
 *     string -> sw_str (UTF-8, whatever the guest's encoding)
 *     list<T> -> struct { T *ptr; size_t len; }     map<K,V> -> list<tuple<K,V>>
 *     list<T, N> -> T[N]
 *     record -> struct of the fields in order       tuple -> struct { f0, f1, ... }
 *     enum -> uint8_t/uint16_t/uint32_t by number of cases (<= 256, <= 65536)
 *     flags -> uint8_t/uint16_t/uint32_t by number of flags (<= 8, <= 16, <= 32)
 *     variant -> struct { <tag as enum>; union of the payloads; }
 *     option<T> -> struct { bool is_some; T value; }
 *     result<T, E> -> struct { bool is_err; union { T ok; E err; }; }
 *     own<R>, borrow<R> -> uint32_t: the representation the host chose (host's resources), or a
 *                          store handle (resources that a guest implements)
 *
 *   Parameters of a function are one struct of them in order; the result is one value. Empty
 *   structs and unions take no room.
 *
 * Pointers inside parameters are good until the host function returns (bytes of lists of plain
 * numbers may point into guest memory); those inside results must stay good until it has returned
 * and been lowered: the call's arena is the place for them.
 */
#pragma once

#include "component/type.h"
#include "run/run.h"

typedef struct sw_host_iface_func sw_host_iface_func;

typedef struct sw_host_call {
    void *env; /* as given to sw_component_instance_new */
    sw_store *store;
    sw_arena *arena;                /* for results; emptied after the call; charged to the store */
    const sw_host_iface_func *func; /* the row that is called: for functions that serve many */
} sw_host_call;

/* Returns SW_TRAP_NONE, or the reason to trap (after sw_store_explain_trap). */
typedef sw_trap sw_host_iface_fn(sw_host_call *call, const void *params, void *ret_result);

struct sw_host_iface_func {
    sw_str name; /* "[method]descriptor.read" */
    uint32_t func_type;
    sw_host_iface_fn *fn;
    const void *data; /* for the function's use; NULL in generated tables */
};

typedef struct sw_host_iface_resource {
    sw_str name;
    uint32_t resource; /* index in types */
    /* Called when the guest drops its own handle; rep is what the host chose. May be NULL. */
    void (*drop)(void *env, uint32_t rep);
    /* Resources that another interface defines ("use"): its full name, else empty. */
    sw_str owner_interface;
    /* What drop is given in place of the instance's env, if has_drop_env. */
    void *drop_env;
    bool has_drop_env;
} sw_host_iface_resource;

typedef struct sw_host_iface {
    sw_str name; /* "wasi:filesystem/types@0.2.12"; "" for functions at the root */
    const sw_types *types;
    const sw_host_iface_func *funcs;
    const sw_host_iface_resource *resources;
    uint32_t funcs_count, resources_count;
} sw_host_iface;
