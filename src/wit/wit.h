/*
 * WIT: the text format of interfaces (WIT.md of the component model).
 *
 *     sw_wit w;
 *     sw_wit_init(&w, &arena);
 *     SW_TRY(sw_wit_add_path(&w, "wit/io", diag));     a file, or a directory with its deps
 *     SW_TRY(sw_wit_resolve(&w, &features, diag));     names, gates, worlds
 *     ... w.packages, sw_wit_find_interface, sw_wit_types_make ...
 *
 * Messages show the place:
 *
 *     types.wit:12:24: type `strem` does not exist; did you mean `stream`?
 *        12 |     read: func() -> strem;
 *           |                     ^----
 *
 * Syntax errors are SW_MALFORMED, all others SW_INVALID. Nothing needs to be given back but the
 * arena.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "wit/model.h"

#define SW_WIT_MAX_SOURCE_BYTES ((size_t)16 << 20)
#define SW_WIT_MAX_DEPTH        100 /* of types in types */

typedef struct sw_wit_source {
    sw_str path; /* as shown in messages */
    sw_str text;
} sw_wit_source;

typedef struct sw_wit {
    sw_arena *arena; /* borrowed */
    sw_diag *diag;   /* of the call in progress */
    sw_wit_source *sources;
    uint32_t sources_count, sources_capacity;
    uint32_t roots_count;
    uint32_t tables_count;
    sw_wit_package *packages; /* dependencies in no particular order */
    sw_wit_package **packages_end;
    sw_wit_package *last_root; /* the package of the root added last */
    /* Reads packages in binary form where files may be such; see sw_wit_accept_binaries. */
    sw_status (*decode)(struct sw_wit *w, sw_str path, sw_bytes bytes, sw_wit_package **ret_main);
} sw_wit;

typedef struct sw_wit_features {
    const sw_str *names; /* features whose @unstable items are wanted */
    size_t count;
    bool all;
} sw_wit_features;

void sw_wit_init(sw_wit *w, sw_arena *arena);

/* Adds a root package from memory: one file. path is for messages. */
SW_NODISCARD sw_status sw_wit_add_text(sw_wit *w, sw_str path, sw_str text, sw_diag *diag);

/* Adds a root package from disk: a file, or a directory of files with an optional "deps" folder,
 * in which packages may be files, directories or binaries. Packages that several roots bring along
 * must be the same text. */
SW_NODISCARD sw_status sw_wit_add_path(sw_wit *w, const char *path, sw_diag *diag);

/* Once, after all roots are added. features may be NULL: stable items only. */
SW_NODISCARD sw_status sw_wit_resolve(sw_wit *w, const sw_wit_features *features, sw_diag *diag);

/* "wasi:io/poll@0.2.12"; NULL if there is none. */
sw_wit_interface *sw_wit_find_interface(const sw_wit *w, sw_str full_name);
sw_wit_world *sw_wit_find_world(const sw_wit *w, sw_str full_name);

/* The world of that name in the main package, or of that full name anywhere; an empty name stands
 * for the only world of the main package. SW_NOT_FOUND, with what there is. */
SW_NODISCARD sw_status sw_wit_select_world(const sw_wit *w, sw_str name, sw_diag *diag,
                                           sw_wit_world **ret_world);

/* The typedef of that name, or NULL. */
sw_wit_typedef *sw_wit_find_typedef(const sw_wit_interface *i, sw_str name);

/* Through uses and aliases of plain names to the definition. */
sw_wit_typedef *sw_wit_typedef_root(sw_wit_typedef *d);

/* ---- Types as tables ------------------------------------------------------------------------- */

/* The type table of an interface: all that its functions and named types need, gates applied. */
typedef struct sw_wit_types {
    sw_types types;
    sw_wit_typedef *const *origins;   /* per def: record, variant, enum or flags; NULL: anonymous */
    sw_wit_typedef *const *resources; /* per resource index: its definition */
    sw_wit_func *const *funcs;        /* per function type */
    sw_wit_typedef *const *named;     /* active typedefs of the interface itself, in order */
    const sw_vtype *named_types;      /* theirs; for a resource its own<> */
    uint32_t named_count;
} sw_wit_types;

/* For a resolved interface (or world's own types). All arrays lie in the arena. */
SW_NODISCARD sw_status sw_wit_types_make(sw_wit *w, const sw_wit_interface *i, sw_diag *diag,
                                         sw_wit_types *ret_types);
