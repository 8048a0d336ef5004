/*
 * Progress bars of transfers, on a terminal: a line each, redrawn a few times a second, and all
 * gone when they are done.
 */
#pragma once

#include <swell/registry.h>

enum { CLI_BARS_MAX = 8 };

typedef struct cli_bar {
    char digest[20]; /* the beginning of it */
    uint64_t done_bytes, total_bytes;
} cli_bar;

typedef struct cli_progress {
    bool is_on;
    cli_bar bars[CLI_BARS_MAX]; /* those that come after go without */
    size_t count, drawn;        /* lines on the screen */
    uint64_t last_ns;
} cli_progress;

/* On when standard error is a terminal. */
cli_progress cli_progress_make(bool is_wanted);
void cli_progress_update(void *env, const swell_transfer *t); /* env: the cli_progress */
void cli_progress_end(cli_progress *p);                       /* wipes the lines */
