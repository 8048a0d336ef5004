/* What the parts of the resolver share. Internal to src/wit. */
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "wit/report.h"
#include "wit/wit.h"

/* What a name at the top of a package stands for: exactly one of the two. */
typedef struct sw_wit_target {
    sw_wit_interface *interface;
    sw_wit_world *world;
} sw_wit_target;

typedef struct sw_wit_resolver {
    sw_wit *wit;
    const sw_wit_features *features;
    sw_map packages; /* full name -> index in package_list */
    sw_map items;    /* full name of interface or world -> index in targets */
    SW_VEC(sw_wit_package *) package_list;
    SW_VEC(sw_wit_target) targets;
    uint32_t mark;
    uint32_t depth;
    uint32_t typedefs_done;
    uint32_t typedef_level, interface_level; /* highest met below the present one */
} sw_wit_resolver;

/* Chains of definitions (types, uses, includes) longer than this are refused, so that whoever walks
 * them may recurse. */
enum { SW_WIT_MAX_CHAIN = 1000 };

sw_status sw_wit_no_memory(const sw_wit *w);

/* A copy in small letters, in the arena; ptr is NULL when out of memory. */
sw_str sw_wit_lower(const sw_wit *w, sw_str s);

/* Finds what a path means at its place. */
SW_NODISCARD sw_status sw_wit_resolve_path(sw_wit_resolver *r, const sw_wit_scope *scope,
                                           const sw_wit_path *path, sw_wit_target *ret_target);
/* The same, when it must be an interface. */
SW_NODISCARD sw_status sw_wit_resolve_interface_path(sw_wit_resolver *r, const sw_wit_scope *scope,
                                                     const sw_wit_path *path,
                                                     sw_wit_interface **ret_interface);

/* Fails if an active item refers to one whose gate is closed. */
SW_NODISCARD sw_status sw_wit_check_gate(const sw_wit_resolver *r, const sw_wit_head *user,
                                         const sw_wit_head *target, sw_wit_loc loc,
                                         const char *what);

/* Sets head->active. container: the head of what the item is in, or NULL. */
SW_NODISCARD sw_status sw_wit_apply_gate(const sw_wit_resolver *r, const sw_wit_package *package,
                                         sw_wit_head *head, const sw_wit_head *container,
                                         sw_wit_loc loc);

/* Gates of everything inside. */
SW_NODISCARD sw_status sw_wit_apply_body_gates(const sw_wit_resolver *r, sw_wit_interface *i);

/* Uses, types and functions of an interface. Does nothing the second time. */
SW_NODISCARD sw_status sw_wit_resolve_interface(sw_wit_resolver *r, sw_wit_interface *i);

/* A function outside interfaces: its types are those of `own`. */
SW_NODISCARD sw_status sw_wit_resolve_func(sw_wit_resolver *r, sw_wit_interface *own,
                                           sw_wit_func *f);

/* Items, includes and implied imports of a world, with its types. */
SW_NODISCARD sw_status sw_wit_resolve_world(sw_wit_resolver *r, sw_wit_world *w);
