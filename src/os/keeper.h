/*
 * A keeper: a small process that opens files for one that can no longer do so itself.
 *
 * It is told the paths when it is started, and never gets another one: what it is asked for later
 * is a number. So a process that has given up its rights can read again the few files that it was
 * started with, also after they were replaced, and nothing else. The keeper opens for reading only,
 * keeps no rights but that to read any file (if it was there), and ends with the process that
 * started it.
 *
 * Start it before there are threads, and before there is anything in memory that it should not
 * have. One thread at a time may ask.
 */
#pragma once

#include "base/status.h"

#include <sys/types.h>

typedef struct sw_keeper {
    int fd; /* owned; -1: none */
    const char *const *paths;
    size_t count;
} sw_keeper;

/* paths are kept, and what they point to; relative ones are below the directory that is current
 * now. */
SW_NODISCARD sw_status sw_keeper_start(sw_keeper *ret_keeper, const char *const *paths,
                                       size_t count, sw_diag *diag);

/* Opens one of the paths, compared as text: as open(2) for reading, errno included. EACCES: a path
 * that was not among them; EOWNERDEAD: there is no keeper any more. */
int sw_keeper_open(const sw_keeper *k, const char *path);

/* The keeper ends. */
void sw_keeper_clear(sw_keeper *k);
