/* What `swell serve` says on standard error beside the log: as text, or with --json an object a
 * line, each in one write so that nothing of the log comes between. */
#pragma once

#include "cli/cli.h"
#include "cli/wall.h"

#include <swell/server.h>

/* "serving http://127.0.0.1:8080": peers can connect; what the sandbox is. */
void serve_say_ready(const swell_server *server, const cli_wall *wall, bool is_json);
void serve_say_reloaded(const char *file, bool is_json);

/* Why it does not start, or, `reloads`, why the program from before stays. Returns the exit code
 * that fits. */
int serve_report(const char *about, const swell_error *error, bool reloads, bool is_json);
