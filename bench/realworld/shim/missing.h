/* Included before every file of a guest: what a POSIX program may name and WASI does not have. Each
 * does nothing or fails, as it would for a process without the rights. The names are changed, so
 * that it does no harm when the C library declares them. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct utimbuf;

#define chmod   guest_chmod
#define fchmod  guest_fchmod
#define chown   guest_chown
#define fchown  guest_fchown
#define geteuid guest_geteuid
#define umask   guest_umask
#define utime   guest_utime
#define system  guest_system
#define tmpfile guest_tmpfile
#define tmpnam  guest_tmpnam

static inline int chmod(const char *path, mode_t mode)
{
    (void)path, (void)mode;
    return 0;
}

static inline int fchmod(int fd, mode_t mode)
{
    (void)fd, (void)mode;
    return 0;
}

static inline int chown(const char *path, uid_t user, gid_t group)
{
    (void)path, (void)user, (void)group;
    return 0;
}

static inline int fchown(int fd, uid_t user, gid_t group)
{
    (void)fd, (void)user, (void)group;
    return 0;
}

static inline uid_t geteuid(void)
{
    return 0;
}

static inline mode_t umask(mode_t mode)
{
    return mode;
}

static inline int utime(const char *path, const struct utimbuf *times)
{
    (void)path, (void)times;
    errno = ENOSYS;
    return -1;
}

static inline int system(const char *command)
{
    (void)command;
    errno = ENOSYS;
    return -1;
}

static inline FILE *tmpfile(void)
{
    errno = ENOSYS;
    return NULL;
}

static inline char *tmpnam(char *name)
{
    (void)name;
    errno = ENOSYS;
    return NULL;
}

#ifndef L_tmpnam
#    define L_tmpnam 20
#endif

/* Locks on files: named by code that these programs do not run. */
#ifndef F_SETLK
#    define F_GETLK 5
#    define F_SETLK 6
#    define F_RDLCK 0
#    define F_WRLCK 1
#    define F_UNLCK 2
#endif
