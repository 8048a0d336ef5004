/* Sources, for those who add packages. Internal to src/wit. */
#pragma once

#include "wit/wit.h"

/* Adds a source; path and text are copied. */
SW_NODISCARD sw_status sw_wit_add_source(sw_wit *w, sw_str path, sw_str text, uint32_t *ret_source);
