/* From the text of one file to nodes: packages with scopes, interfaces and worlds. */
#pragma once

#include "wit/wit.h"

/*
 * Parses a source. Its top-level items go to a new scope of `package`, which takes the name the
 * file gives it (all files of a directory must agree); nested packages are added to w->packages.
 */
SW_NODISCARD sw_status sw_wit_parse(sw_wit *w, uint32_t source, sw_wit_package *package);
