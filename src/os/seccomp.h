/*
 * A filter of system calls: the kernel refuses what a server of guests has no use for.
 *
 * What can never be meant (running programs, tracing, mounting, changing the user) ends the
 * process; the rest fails with an error: EACCES for uses that were not asked for and for memory to
 * be written and executed, ENOSYS for calls that are not in the table. The table is in seccomp.c.
 */
#pragma once

#include "base/status.h"

typedef enum sw_seccomp_use {
    SW_SECCOMP_READ = 1,     /* files are opened to be read, directories listed */
    SW_SECCOMP_CHANGE = 2,   /* files are made, changed, removed */
    SW_SECCOMP_NETWORK = 4,  /* sockets are made; accepting and using open ones is always allowed */
    SW_SECCOMP_THREADS = 8,  /* threads are started */
    SW_SECCOMP_BENEATH = 16, /* files are opened beneath a directory (openat2), for whatever use */
} sw_seccomp_use;

/* Told the name of the call, or its number, before the process ends by SIGSYS. It runs in a signal
 * handler. */
typedef void sw_seccomp_killed_fn(const char *call);

/* For all threads of the process, for good. uses: of sw_seccomp_use, or-ed. killed may be NULL.
 * SW_UNSUPPORTED when the kernel has no such filters, or a container forbids them. */
SW_NODISCARD sw_status sw_seccomp_enter(unsigned uses, sw_seccomp_killed_fn *killed, sw_diag *diag);

/* Of the table; NULL for a call that is not in it. */
const char *sw_seccomp_name(int call);
