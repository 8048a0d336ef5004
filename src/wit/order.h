/* The items of a package in the order in which they are printed and encoded. */
#pragma once

#include "wit/wit.h"

typedef struct sw_wit_order {
    sw_wit_interface **interfaces; /* active ones; those that others use before these */
    sw_wit_world **worlds;         /* active ones; those that others include before these */
    uint32_t interfaces_count, worlds_count;
} sw_wit_order;

/* The arrays lie in the arena. Fails only for want of memory. */
SW_NODISCARD sw_status sw_wit_order_make(sw_arena *arena, const sw_wit_package *p,
                                         sw_wit_order *ret_order);

/* The full name of a function of a resource that a world imports: "[method]LABEL.m", for a world
 * that includes another may call the resource something else. ptr NULL when out of memory. */
sw_str sw_wit_item_func_name(sw_arena *arena, const sw_wit_item *it, const sw_wit_func *f);

/* What a world calls a type that a function out of an included world mentions. */
sw_str sw_wit_world_type_name(const sw_wit_world *w, sw_wit_typedef *d);
