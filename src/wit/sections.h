/*
 * Custom sections of modules and components: showing them, leaving them out, adding the metadata of
 * WIT; and taking the modules out of a component.
 *
 * Only the frame of the binary is read: sections and their sizes.
 */
#pragma once

#include "base/buf.h"
#include "wit/encode.h"

/* The module with one more section "component-type:NAME", which holds the encoded world. */
SW_NODISCARD sw_status sw_wit_embed(sw_wit *w, const sw_wit_world *world, sw_wit_strings strings,
                                    sw_bytes module, sw_diag *diag, sw_buf *out);

typedef struct sw_wit_strip {
    sw_str name;     /* this one alone; empty: all but `name`, metadata and what linkers need */
    bool everything; /* with name empty: really all */
} sw_wit_strip;

SW_NODISCARD sw_status sw_wit_strip_sections(sw_bytes bytes, const sw_wit_strip *what,
                                             sw_diag *diag, sw_buf *out);

/* A tree of modules and components with their names, sizes, custom sections and producers. */
SW_NODISCARD sw_status sw_wit_show_sections(sw_bytes bytes, bool as_json, sw_diag *diag,
                                            sw_buf *out);

/* Calls take for each core module in a component, until it returns false. */
typedef bool sw_wit_module_fn(void *env, size_t number, sw_bytes module);
SW_NODISCARD sw_status sw_wit_unbundle(sw_bytes bytes, sw_wit_module_fn *take, void *env,
                                       sw_diag *diag);
