/* WASI 0.1: operations on paths beneath a directory. */
#include "wasi/p1/p1.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A path and the directory it starts from, checked. */
typedef struct place {
    const p1_fd *dir;
    sw_str path;
    const char *action; /* for the denial, should it lead out */
} place;

/* What an operation does to the directory: decides who may do it, and words the denial. */
typedef struct intent {
    const char *action;
    bool writes;
    uint64_t rights; /* all of these */
} intent;

static p1_errno place_of(sw_p1 *p, uint32_t fd, uint32_t addr, uint32_t len, intent what,
                         place *ret)
{
    p1_fd *dir;
    P1_TRY(sw_p1_get_dir(p, fd, &dir));
    P1_TRY(sw_p1_path(p, addr, len, &ret->path));
    ret->dir = dir;
    ret->action = what.action;
    if (dir->kind == P1_EMPTY_ROOT) {
        int err = sw_wasi_refuse_reach(p->wasi, what.action, ret->path, what.writes);
        return err == EACCES ? P1_NOTCAPABLE : sw_p1_errno_of(err);
    }
    if ((dir->dropped & what.rights) != 0) {
        return P1_NOTCAPABLE;
    }
    return what.writes
               ? sw_p1_errno_of(sw_wasi_check_write(p->wasi, dir->root, what.action, ret->path))
               : P1_SUCCESS;
}

/* How an operation ended, as the guest sees it; a path that leads out is reported. */
static p1_errno outcome(sw_p1 *p, const place *at, int err)
{
    if (err == EPERM) {
        sw_wasi_report_escape(p->wasi, at->dir->root, at->action, at->path);
    }
    return sw_p1_errno_of(err);
}

p1_errno sw_p1_path_create_directory(sw_p1 *p, const sw_value_slot *a)
{
    place at;
    P1_TRY(place_of(p, a[0].i32, a[1].i32, a[2].i32,
                    (intent){"create directory", true, P1_RIGHT_PATH_CREATE_DIR}, &at));
    return outcome(p, &at, sw_fs_mkdir(at.dir->fd, at.path));
}

p1_errno sw_p1_path_remove_directory(sw_p1 *p, const sw_value_slot *a)
{
    place at;
    P1_TRY(place_of(p, a[0].i32, a[1].i32, a[2].i32,
                    (intent){"remove directory", true, P1_RIGHT_PATH_REMOVE_DIR}, &at));
    return outcome(p, &at, sw_fs_rmdir(at.dir->fd, at.path));
}

p1_errno sw_p1_path_unlink_file(sw_p1 *p, const sw_value_slot *a)
{
    place at;
    P1_TRY(place_of(p, a[0].i32, a[1].i32, a[2].i32, (intent){"remove", true, P1_RIGHT_PATH_UNLINK},
                    &at));
    return outcome(p, &at, sw_fs_unlink(at.dir->fd, at.path));
}

/* "." of the empty root is the one thing in it that can be looked at. */
static bool is_empty_root_itself(sw_p1 *p, uint32_t fd, sw_str path)
{
    p1_fd *dir;
    return sw_p1_get_dir(p, fd, &dir) == P1_SUCCESS && dir->kind == P1_EMPTY_ROOT &&
           (sw_str_eq(path, SW_STR(".")) || sw_str_eq(path, SW_STR("./")));
}

p1_errno sw_p1_path_filestat_get(sw_p1 *p, const sw_value_slot *a)
{
    place at;
    struct stat st;
    p1_filestat out = {.filetype = P1_FILETYPE_DIRECTORY};
    P1_TRY(sw_p1_path(p, a[2].i32, a[3].i32, &at.path));
    if (!is_empty_root_itself(p, a[0].i32, at.path)) {
        bool follow = (a[1].i32 & P1_LOOKUP_SYMLINK_FOLLOW) != 0;
        P1_TRY(place_of(p, a[0].i32, a[2].i32, a[3].i32,
                        (intent){"look at", false, P1_RIGHT_PATH_FILESTAT_GET}, &at));
        P1_TRY(outcome(p, &at, sw_fs_stat(at.dir->fd, at.path, follow, &st)));
        sw_p1_filestat_of(&st, &out);
    }
    return sw_p1_store_bytes(p, a[4].i32, &out, sizeof out);
}

p1_errno sw_p1_path_filestat_set_times(sw_p1 *p, const sw_value_slot *a)
{
    place at;
    struct timespec times[2];
    bool follow = (a[1].i32 & P1_LOOKUP_SYMLINK_FOLLOW) != 0;
    P1_TRY(place_of(p, a[0].i32, a[2].i32, a[3].i32,
                    (intent){"set times of", true, P1_RIGHT_PATH_SET_TIMES}, &at));
    P1_TRY(sw_p1_times_of(a[4].i64, a[5].i64, a[6].i32, times));
    return outcome(p, &at, sw_fs_set_times(at.dir->fd, at.path, follow, times));
}

p1_errno sw_p1_path_link(sw_p1 *p, const sw_value_slot *a)
{
    place from;
    place to;
    if ((a[1].i32 & P1_LOOKUP_SYMLINK_FOLLOW) != 0) {
        return P1_INVAL;
    }
    P1_TRY(place_of(p, a[0].i32, a[2].i32, a[3].i32,
                    (intent){"link", true, P1_RIGHT_PATH_LINK_SOURCE}, &from));
    P1_TRY(place_of(p, a[4].i32, a[5].i32, a[6].i32,
                    (intent){"create link", true, P1_RIGHT_PATH_LINK_TARGET}, &to));
    return outcome(p, &from, sw_fs_link(from.dir->fd, from.path, to.dir->fd, to.path));
}

p1_errno sw_p1_path_rename(sw_p1 *p, const sw_value_slot *a)
{
    place from;
    place to;
    P1_TRY(place_of(p, a[0].i32, a[1].i32, a[2].i32,
                    (intent){"rename", true, P1_RIGHT_PATH_RENAME_SOURCE}, &from));
    P1_TRY(place_of(p, a[3].i32, a[4].i32, a[5].i32,
                    (intent){"rename to", true, P1_RIGHT_PATH_RENAME_TARGET}, &to));
    return outcome(p, &from, sw_fs_rename(from.dir->fd, from.path, to.dir->fd, to.path));
}

p1_errno sw_p1_path_symlink(sw_p1 *p, const sw_value_slot *a)
{
    place at;
    sw_str target;
    P1_TRY(sw_p1_path(p, a[0].i32, a[1].i32, &target));
    P1_TRY(place_of(p, a[2].i32, a[3].i32, a[4].i32,
                    (intent){"create link", true, P1_RIGHT_PATH_SYMLINK}, &at));
    return outcome(p, &at, sw_fs_symlink(target, at.dir->fd, at.path));
}

p1_errno sw_p1_path_readlink(sw_p1 *p, const sw_value_slot *a)
{
    place at;
    uint8_t *out;
    size_t len;
    P1_TRY(place_of(p, a[0].i32, a[1].i32, a[2].i32,
                    (intent){"read link", false, P1_RIGHT_PATH_READLINK}, &at));
    P1_TRY(sw_p1_slice(p, a[3].i32, a[4].i32, &out));
    P1_TRY(outcome(p, &at, sw_fs_readlink(at.dir->fd, at.path, (char *)out, a[4].i32, &len)));
    return sw_p1_store_u32(p, a[5].i32, (uint32_t)len);
}

/* ---- path_open ------------------------------------------------------------------------------- */

typedef struct open_call {
    bool follow, reads, writes;
    uint32_t oflags, fdflags;
    uint64_t rights, rights_inheriting;
} open_call;

static open_call open_call_of(const sw_value_slot *a)
{
    open_call c = {.follow = (a[1].i32 & P1_LOOKUP_SYMLINK_FOLLOW) != 0,
                   .oflags = a[4].i32,
                   .rights = a[5].i64,
                   .rights_inheriting = a[6].i64,
                   .fdflags = a[7].i32};
    c.reads = (c.rights & (P1_RIGHT_FD_READ | P1_RIGHT_FD_READDIR)) != 0;
    c.writes =
        (c.rights & (P1_RIGHT_FD_WRITE | P1_RIGHT_FD_ALLOCATE | P1_RIGHT_FILESTAT_SET_SIZE)) != 0;
    return c;
}

static int host_flags_of(const open_call *c)
{
    static const struct {
        uint32_t oflag;
        int host;
    } OFLAGS[] = {
        {P1_OFLAG_CREAT,     O_CREAT    },
        {P1_OFLAG_DIRECTORY, O_DIRECTORY},
        {P1_OFLAG_EXCL,      O_EXCL     },
        {P1_OFLAG_TRUNC,     O_TRUNC    }
    };
    static const struct {
        uint32_t fdflag;
        int host;
    } FDFLAGS[] = {
        {P1_FDFLAG_APPEND,                 O_APPEND  },
        {P1_FDFLAG_DSYNC,                  O_DSYNC   },
        {P1_FDFLAG_NONBLOCK,               O_NONBLOCK},
        {P1_FDFLAG_RSYNC | P1_FDFLAG_SYNC, O_SYNC    }
    };
    int flags = c->writes ? (c->reads ? O_RDWR : O_WRONLY) : O_RDONLY;
    for (size_t i = 0; i < SW_COUNTOF(OFLAGS); i++) {
        flags |= (c->oflags & OFLAGS[i].oflag) != 0 ? OFLAGS[i].host : 0;
    }
    for (size_t i = 0; i < SW_COUNTOF(FDFLAGS); i++) {
        flags |= (c->fdflags & FDFLAGS[i].fdflag) != 0 ? FDFLAGS[i].host : 0;
    }
    return flags | (c->follow ? 0 : O_NOFOLLOW);
}

/* What the directory must still allow. */
static uint64_t open_rights(const open_call *c)
{
    return P1_RIGHT_PATH_OPEN |
           ((c->oflags & P1_OFLAG_CREAT) != 0 ? P1_RIGHT_PATH_CREATE_FILE : 0) |
           ((c->oflags & P1_OFLAG_TRUNC) != 0 ? P1_RIGHT_PATH_SET_SIZE : 0);
}

/* As the rights ask; but a guest that wants to read directories and to write files does not know
 * which of the two it will get, and a directory is opened for reading then. */
static p1_errno open_host(sw_p1 *p, const place *at, open_call *c, int *ret_fd)
{
    static const uint32_t MAKING = P1_OFLAG_CREAT | P1_OFLAG_EXCL | P1_OFLAG_TRUNC;
    if ((c->oflags & P1_OFLAG_DIRECTORY) != 0 && (c->oflags & MAKING) != 0) {
        return P1_INVAL;
    }
    int err = sw_fs_open(at->dir->fd, at->path, host_flags_of(c), 0666, ret_fd);
    if (err == EISDIR && (c->rights & P1_RIGHT_FD_READDIR) != 0 && (c->oflags & MAKING) == 0) {
        c->writes = false;
        err = sw_fs_open(at->dir->fd, at->path, host_flags_of(c), 0666, ret_fd);
    }
    return outcome(p, at, err);
}

static p1_errno describe(const place *at, const open_call *c, int fd, p1_fd *ret)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return sw_p1_errno_of(errno);
    }
    uint64_t rights = c->rights & at->dir->rights_inheriting;
    *ret = (p1_fd){.kind = S_ISDIR(st.st_mode) ? P1_DIR : P1_FILE,
                   .fd = fd,
                   .is_owned = true,
                   .root = at->dir->root,
                   .rights = rights,
                   .rights_inheriting = c->rights_inheriting & at->dir->rights_inheriting,
                   .dropped = at->dir->dropped};
    if (ret->kind == P1_DIR) {
        ret->rights &= ~(P1_RIGHT_FD_SEEK | P1_RIGHT_FD_WRITE);
    }
    return P1_SUCCESS;
}

p1_errno sw_p1_path_open(sw_p1 *p, const sw_value_slot *a)
{
    place at;
    int fd;
    uint32_t number;
    open_call c = open_call_of(a);
    bool changes = c.writes || (c.oflags & (P1_OFLAG_CREAT | P1_OFLAG_TRUNC)) != 0;
    intent what = {changes ? "open for writing" : "open for reading", changes, open_rights(&c)};
    P1_TRY(place_of(p, a[0].i32, a[2].i32, a[3].i32, what, &at));
    P1_TRY(open_host(p, &at, &c, &fd));
    p1_fd entry;
    p1_errno err = describe(&at, &c, fd, &entry);
    err = err == P1_SUCCESS ? sw_p1_insert(p, &entry, &number) : err;
    if (err != P1_SUCCESS) {
        (void)close(fd);
        return err;
    }
    return sw_p1_store_u32(p, a[8].i32, number);
}
