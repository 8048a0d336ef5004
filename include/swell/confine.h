/*
 * swell: a second wall. A process that runs guests gives up all that it and they do not need, so
 * that a fault of swell's own, in the hands of a guest, is not worth the machine.
 *
 *     open listening sockets, read certificates     with all rights
 *     swell_confine(&confinement, &error, &report)  another user, seccomp, Landlock
 *     open and compile programs, start threads      with the few that are left
 *
 * It is for good, and for the whole process: call it before there are other threads. Afterwards the
 * process can start no programs, make no sockets unless the grants have a network, open no files
 * but below the directories that were granted or named; what it has open it may use. Compiled
 * code can still be loaded, but no memory be written and executed at once.
 */
#pragma once

#include <swell/grants.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct swell_confinement {
    /* Who to become: "NAME", "NAME:GROUP", or numbers. NULL: for the superuser "nobody" (65534),
     * for others nobody else. */
    const char *user;
    const swell_grants *grants;     /* of all guests to come; borrowed */
    const char *const *write_paths; /* files and directories that the process itself changes */
    size_t write_paths_count;
    const char *const *urls; /* http[s]://HOST[:PORT]: what the process itself sends requests to */
    size_t urls_count;
    /* Told which system call ends the process, from a signal handler; may be NULL. */
    void (*on_violation)(const char *call);
} swell_confinement;

/* What is in force. */
typedef struct swell_confined {
    char user[64];     /* the user now; empty: the one from before */
    bool has_seccomp;  /* system calls are filtered */
    unsigned landlock; /* version of the kernel's interface; 0: files are not limited */
    bool has_tcp;      /* Landlock limits TCP ports to those of the grants */
} swell_confined;

/* On a failure some of it may be in force: the process should end. What the kernel does not have is
 * no failure, and left out of the report. SWELL_DENIED when the user cannot be changed, or may
 * not read a granted directory. */
SWELL_API swell_status swell_confine(const swell_confinement *confinement, swell_error *error,
                                     swell_confined *ret_report);

#ifdef __cplusplus
}
#endif
