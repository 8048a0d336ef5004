/*
 * WIT from binaries: packages, worlds in custom sections of core modules, and the types of any
 * component.
 *
 * Each function adds packages to a sw_wit as if text had been parsed, so that the resolver, the
 * printer and everybody else need not know where a package comes from:
 *
 *     sw_wit_init(&w, &arena);
 *     SW_TRY(sw_wit_decode(&w, SW_STR("hello.wasm"), bytes, diag));
 *     SW_TRY(sw_wit_resolve(&w, NULL, diag));
 *     ... w.last_root, sw_wit_find_world(&w, SW_STR("root:component/root")) ...
 *
 * bytes must live as long as the arena: names are views of them. What a binary says about an
 * interface of another package is merged with what other binaries said about it; such packages
 * (is_partial) give way to complete ones. Gates in binaries are open.
 */
#pragma once

#include "wit/encode.h"
#include "wit/wit.h"

/* A package as sw_wit_encode_package makes it, a component (the package root:component with the
 * world `root`), or a core module with "component-type" sections (the package root:module with the
 * world `root`, which includes those of all sections). SW_NOT_FOUND: a core module without. */
SW_NODISCARD sw_status sw_wit_decode(sw_wit *w, sw_str path, sw_bytes bytes, sw_diag *diag);

/* From now on files that sw_wit_add_path meets (roots, dependencies) may be binaries. */
void sw_wit_accept_binaries(sw_wit *w);

/* Whether sw_wit_decode is for these bytes: any WebAssembly binary. */
bool sw_wit_is_binary(sw_bytes bytes);

/* The payload of one "component-type" section. */
typedef struct sw_wit_metadata {
    sw_wit_world *world;
    sw_wit_strings strings;
    sw_bytes producers; /* contents of the section of that name; may be empty */
} sw_wit_metadata;

SW_NODISCARD sw_status sw_wit_decode_metadata(sw_wit *w, sw_str path, sw_bytes payload,
                                              sw_diag *diag, sw_wit_metadata *ret_metadata);

/* A new world of that full name ("root:component/root") that includes the given ones: what several
 * modules and adapters ask for together. The same function in two of them is one. To be called
 * before the WIT is resolved; afterwards its imports and exports are what counts. */
SW_NODISCARD sw_status sw_wit_unite(sw_wit *w, sw_str full_name, sw_wit_world *const *worlds,
                                    size_t count, sw_diag *diag, sw_wit_world **ret_world);
