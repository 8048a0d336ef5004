/* Messages about WIT text: place, words, and a picture of the line. */
#pragma once

#include "wit/wit.h"

#include <stdarg.h>

/* Reports to w->diag and returns st. */
sw_status sw_wit_fail(const sw_wit *w, sw_status st, sw_wit_loc loc, const char *fmt, ...)
    SW_PRINTF(4, 5);
sw_status sw_wit_failv(const sw_wit *w, sw_status st, sw_wit_loc loc, const char *fmt, va_list args)
    SW_PRINTF(4, 0);

/* As sw_wit_fail with SW_INVALID, for a name that is not among the candidates: "<what> `name` does
 * not exist", with the nearest candidate if there is one. */
sw_status sw_wit_fail_unknown(const sw_wit *w, const char *what, const sw_wit_name *name,
                              const sw_str *candidates, size_t count);
