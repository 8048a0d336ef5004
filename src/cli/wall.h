/*
 * The wall around `swell serve`: another user, seccomp, Landlock; and what has to be opened through
 * it later.
 *
 *     cli_wall_begin   before anything is opened: the keeper of files, the cache's directory
 *     ...              sockets and certificates are opened
 *     cli_wall_enter   from here on the process is confined, for good
 */
#pragma once

#include "base/json.h"
#include "cli/cli.h"
#include "os/keeper.h"

#include <swell/confine.h>

enum { CLI_WALL_PATHS = 192 };

typedef struct cli_wall {
    bool is_on, has_entered;
    sw_keeper keeper;
    const char *paths[CLI_WALL_PATHS]; /* that are read again by a reload */
    size_t paths_count;
    char cache[CLI_PATH_BYTES]; /* directory of the cache; empty: none */
    int cache_fd;               /* the same, held open where its path is not for the user; or 0 */
    swell_confined report;
} cli_wall;

/* All of these print what went wrong, and return exit codes. url: what the server itself sends
 * requests to, or NULL. */
int cli_wall_begin(cli_wall *w, const cli_args *args);
int cli_wall_enter(cli_wall *w, const cli_args *args, const swell_grants *grants, const char *url);
void cli_wall_end(cli_wall *w);

/* For cli_open_engine. */
const char *cli_wall_cache(const cli_wall *w);

/* As open(2) for reading, errno included; once confined, only the files of the command line. */
int cli_wall_open(void *wall, const char *path);

/* What is in force: words, or a JSON object (null: nothing). */
void cli_wall_write(const cli_wall *w, sw_buf *out);
void cli_wall_write_json(const cli_wall *w, sw_json *out);
