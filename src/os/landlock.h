/*
 * Landlock: the kernel lets the process, and what comes of it, reach only the files and TCP ports
 * that were listed. It needs no rights. Kernels differ in what they can limit; what one cannot is
 * not limited, and said to be so.
 *
 *     SW_TRY(sw_landlock_begin(true, diag, &l));
 *     SW_TRY(sw_landlock_add_path(&l, "/srv/site", false, diag));
 *     SW_TRY(sw_landlock_enter(&l, diag));
 *
 * It holds for the calling thread and the threads it makes from then on: call it before there are
 * any. Files that are open already stay usable.
 */
#pragma once

#include "base/status.h"

typedef struct sw_landlock {
    int fd;          /* owned; -1: there is none */
    unsigned abi;    /* what this kernel can do; 0: nothing */
    bool limits_tcp; /* bind and connect */
} sw_landlock;

/* limits_tcp: whether ports are wanted to be limited; ret->limits_tcp says if they will be. A
 * kernel without Landlock is no failure. */
SW_NODISCARD sw_status sw_landlock_begin(bool limits_tcp, sw_diag *diag, sw_landlock *ret);
void sw_landlock_clear(sw_landlock *l);

/* A file, or a directory with all below it, to be read, or changed too (no device files, sockets or
 * named pipes can be made, and nothing be run). SW_NOT_FOUND when it is not there. */
SW_NODISCARD sw_status sw_landlock_add_path(sw_landlock *l, const char *path, bool changes,
                                            sw_diag *diag);

typedef enum sw_landlock_port { SW_LANDLOCK_BIND = 1, SW_LANDLOCK_CONNECT = 2 } sw_landlock_port;

/* Binding to port 0 stands for any free port. */
SW_NODISCARD sw_status sw_landlock_add_port(sw_landlock *l, uint16_t port, sw_landlock_port use,
                                            sw_diag *diag);

/* From here on. Clears l's descriptor; abi and limits_tcp stay to be read. */
SW_NODISCARD sw_status sw_landlock_enter(sw_landlock *l, sw_diag *diag);
