/*
 * Names of imports and exports: their grammar and when two of them are too alike.
 *
 *     label            get-JSON
 *     annotated        [constructor]r   [method]r.m   [static]r.m
 *     interface        ns:pkg/iface@1.2.3
 */
#pragma once

#include "component/collect.h"

typedef enum sw_name_form {
    SW_NAME_LABEL,
    SW_NAME_CONSTRUCTOR,
    SW_NAME_METHOD,
    SW_NAME_STATIC,
    SW_NAME_INTERFACE,
} sw_name_form;

typedef struct sw_extern_name {
    sw_name_form form;
    sw_str text;
    sw_str resource; /* CONSTRUCTOR, METHOD, STATIC */
    sw_str member;   /* METHOD, STATIC */
} sw_extern_name;

/* "a", "is-XML", "a1-2": words or acronyms joined by dashes, a letter first. */
bool sw_label_is_valid(sw_str label);

/* On failure records SW_INVALID at the offset. */
SW_NODISCARD sw_status sw_extern_name_parse(sw_str text, uint32_t offset, sw_diag *diag,
                                            sw_extern_name *ret_name);

/* The string by which names must differ within a scope: lower case, without [method] and [static],
 * and `a` for `[method]a.a`. ptr NULL when out of memory. */
sw_str sw_extern_name_key(sw_arena *arena, const sw_extern_name *name);
/* The same for labels of fields, cases and parameters. */
sw_str sw_label_key(sw_arena *arena, sw_str label);
