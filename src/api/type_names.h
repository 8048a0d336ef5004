/*
 * Items of a component's imports and exports as text, with types called by their names, as in WIT.
 *
 * The plan keeps equal types once, and names only where an interface gives one. So a type is called
 * what the interface at hand calls it, else what the first one did, with that one's name in front.
 * Items must be asked for in the order of the plan: an interface names its types before its
 * functions use them.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "component/plan.h"

/* What one type or resource is called. */
typedef struct sw_type_name {
    sw_str interface, name; /* by who was first; no name: nobody */
    sw_str here;            /* in the interface `scope` */
    uint32_t scope;
} sw_type_name;

typedef struct sw_type_names {
    sw_type_namer namer; /* first: it is what writing a type gets */
    const sw_plan *plan;
    sw_type_name *values;    /* by types.defs */
    sw_type_name *resources; /* by resources */
    uint32_t scope;          /* the interface at hand */
    sw_str interface;
} sw_type_names;

/* Arrays go to the arena. */
SW_NODISCARD sw_status sw_type_names_make(sw_arena *arena, const sw_plan *plan,
                                          sw_type_names *ret_names);

/*
 * "func(self: borrow<descriptor>) -> result<descriptor-flags, error-code>", "resource",
 * "record { seconds: u64, nanoseconds: u32 }", "type list<u8>", "use wasi:io/error@0.2.12.{error}",
 * "instance". In the arena.
 */
SW_NODISCARD sw_status sw_type_names_import(sw_type_names *n, sw_arena *arena, uint32_t import,
                                            sw_str *ret_text);
SW_NODISCARD sw_status sw_type_names_export(sw_type_names *n, sw_arena *arena, uint32_t export,
                                            sw_str *ret_text);
