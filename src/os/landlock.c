#include "os/landlock.h"

#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface, which headers of older systems have only in part. */
enum { RULE_PATH = 1, RULE_PORT = 2, ASK_VERSION = 1 };

typedef struct ruleset {
    uint64_t files, tcp, scopes;
} ruleset;

typedef struct __attribute__((packed)) path_rule {
    uint64_t access;
    int32_t fd;
} path_rule;

typedef struct port_rule {
    uint64_t access, port;
} port_rule;

/* Rights to files, by bit. */
enum {
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_DIR = 1 << 3,
    REMOVE_DIR = 1 << 4,
    REMOVE_FILE = 1 << 5,
    MAKE_DIR = 1 << 7,
    MAKE_FILE = 1 << 8,
    MAKE_LINK = 1 << 12,
    REFER = 1 << 13,    /* rename and link from one directory to another: since 2 */
    TRUNCATE = 1 << 14, /* since 3 */

    OF_FILES = WRITE_FILE | READ_FILE | TRUNCATE,
    READING = READ_FILE | READ_DIR,
    CHANGING = READING | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_FILE | MAKE_LINK |
               REFER | TRUNCATE,
};

/* What each version of the interface can limit. */
typedef struct version {
    uint64_t files;
    bool has_tcp;
    size_t bytes; /* of a ruleset */
    uint64_t scopes;
} version;

static const version VERSIONS[] = {
    [1] = {0x1fff, false, 8,  0},
      [2] = {0x3fff, false, 8,  0},
      [3] = {0x7fff, false, 8,  0},
    [4] = {0x7fff, true,  16, 0},
      [5] = {0xffff, true,  16, 0}, /* and ioctl on devices */
    [6] = {0xffff, true,  24, 3}, /* and abstract sockets and signals of others */
};

static const version *version_of(const sw_landlock *l)
{
    return &VERSIONS[SW_MIN(l->abi, SW_COUNTOF(VERSIONS) - 1)];
}

static sw_status fail_errno(sw_diag *diag, const char *what)
{
    return sw_fail(diag, errno == ENOENT || errno == ENOTDIR ? SW_NOT_FOUND : SW_IO, SW_NO_OFFSET,
                   "landlock: %s: %m", what);
}

sw_status sw_landlock_begin(bool limits_tcp, sw_diag *diag, sw_landlock *ret)
{
    sw_landlock l = {.fd = -1};
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
    if (abi <= 0) {
        *ret = l;
        return SW_OK;
    }
    l.abi = (unsigned)abi;
    const version *v = version_of(&l);
    l.limits_tcp = limits_tcp && v->has_tcp;
    ruleset rules = {.files = v->files,
                     .tcp = l.limits_tcp ? SW_LANDLOCK_BIND | SW_LANDLOCK_CONNECT : 0,
                     .scopes = v->scopes};
    l.fd = (int)syscall(SYS_landlock_create_ruleset, &rules, v->bytes, 0);
    if (l.fd < 0) {
        return fail_errno(diag, "rules");
    }
    *ret = l;
    return SW_OK;
}

void sw_landlock_clear(sw_landlock *l)
{
    sw_fd_close(l->fd);
    l->fd = -1;
}

sw_status sw_landlock_add_path(sw_landlock *l, const char *path, bool changes, sw_diag *diag)
{
    struct stat st;
    if (l->fd < 0) {
        return SW_OK;
    }
    SW_AUTO(sw_fd_close) int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return fail_errno(diag, path);
    }
    uint64_t access = (changes ? CHANGING : READING) & version_of(l)->files;
    path_rule rule = {S_ISDIR(st.st_mode) ? access : access & OF_FILES, fd};
    return syscall(SYS_landlock_add_rule, l->fd, RULE_PATH, &rule, 0) == 0 ? SW_OK
                                                                           : fail_errno(diag, path);
}

sw_status sw_landlock_add_port(sw_landlock *l, uint16_t port, sw_landlock_port use, sw_diag *diag)
{
    port_rule rule = {use, port};
    if (l->fd < 0 || !l->limits_tcp) {
        return SW_OK;
    }
    return syscall(SYS_landlock_add_rule, l->fd, RULE_PORT, &rule, 0) == 0
               ? SW_OK
               : fail_errno(diag, "port");
}

sw_status sw_landlock_enter(sw_landlock *l, sw_diag *diag)
{
    if (l->fd < 0) {
        return SW_OK;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_landlock_restrict_self, l->fd, 0) != 0) {
        return fail_errno(diag, "cannot be entered");
    }
    sw_landlock_clear(l);
    return SW_OK;
}
