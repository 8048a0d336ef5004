/* Programs that keep credentials: docker-credential-NAME. */
#pragma once

#include "base/buf.h"

/* Runs `docker-credential-NAME VERB` with the input on its standard input, and gives what it writes
 * to its standard output. SW_NOT_FOUND when it says that it knows none; SW_IO when it is not there,
 * fails otherwise or takes longer than 30 seconds, after which it is killed. */
SW_NODISCARD sw_status sw_helper_run(sw_str name, const char *verb, sw_str input, sw_diag *diag,
                                     sw_buf *out);
