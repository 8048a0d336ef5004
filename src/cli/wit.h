/* What the verbs about WIT and components share. Only the full program has it. */
#pragma once

#include <swell/wit.h>

#include "cli/cli.h"

/* As cli_report, for messages that name the file themselves and show the place. */
int cli_report_wit(const char *file, const swell_error *error);

/* Reads WIT in any form, with the features of the options; "-" is standard input. On failure it has
 * printed why. */
int cli_read_wit(const cli_args *args, const char *path, swell_wit **ret_wit);

/* Writes what a function of the library gave to a file (NULL: standard output) and frees it, or
 * reports that function's failure. Returns the exit code. */
int cli_deliver(const char *path, swell_status st, swell_str text, const swell_error *error);
