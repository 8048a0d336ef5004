/*
 * Resolved WIT as JSON: four arrays that refer to each other by position.
 *
 *     {"worlds": [{"name", "imports": {...}, "exports": {...}, "package"}],
 *      "interfaces": [{"name", "types": {name: type}, "functions": {...}, "package"}],
 *      "types": [{"name", "kind", "owner"}],
 *      "packages": [{"name", "interfaces": {...}, "worlds": {...}}]}
 *
 * "docs" and "stability" stand where there are comments and gates. A type is the name of a
 * primitive or a position in "types". Only what is active is written; packages come before those
 * that depend on them.
 */
#pragma once

#include "base/buf.h"
#include "wit/wit.h"

SW_NODISCARD sw_status sw_wit_write_json(sw_wit *w, sw_buf *out);
