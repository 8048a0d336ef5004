#include "wasi/core/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A guest's path as the kernel wants it. */
typedef struct c_path {
    char text[PATH_MAX];
} c_path;

static int copy_path(sw_str path, c_path *ret)
{
    if (path.len == 0) {
        return ENOENT;
    }
    if (path.len >= sizeof ret->text) {
        return ENAMETOOLONG;
    }
    if (memchr(path.ptr, '\0', path.len) != NULL) {
        return EINVAL;
    }
    memcpy(ret->text, path.ptr, path.len);
    ret->text[path.len] = '\0';
    return 0;
}

static int open_beneath(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | ((flags & O_PATH) != 0 ? 0 : O_NOCTTY)),
        .mode = (flags & O_CREAT) != 0 ? mode & 07777 : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd;
    do {
        fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    if (fd < 0) {
        return errno == EXDEV ? EPERM : errno;
    }
    *ret_fd = (int)fd;
    return 0;
}

int sw_fs_open(int dir_fd, sw_str path, int flags, mode_t mode, int *ret_fd)
{
    c_path p;
    int err = copy_path(path, &p);
    return err != 0 ? err : open_beneath(dir_fd, p.text, flags, mode, ret_fd);
}

/* The open parent of a path and the name in it. */
typedef struct parent {
    int fd;         /* owned */
    bool wants_dir; /* the path ended with a slash */
    char name[NAME_MAX + 1];
} parent;

static void parent_clear(parent *p)
{
    if (p->fd >= 0) {
        (void)close(p->fd);
    }
}

static bool is_dots(sw_str name)
{
    return sw_str_eq(name, SW_STR(".")) || sw_str_eq(name, SW_STR(".."));
}

/* Splits "a/b/c//" into "a/b" and "c". */
static int split_last(sw_str path, sw_str *ret_dir, sw_str *ret_name, bool *ret_wants_dir)
{
    size_t end = path.len;
    while (end > 0 && path.ptr[end - 1] == '/') {
        end--;
    }
    if (end == 0) {
        return path.len == 0 ? ENOENT : EPERM;
    }
    size_t start = end;
    while (start > 0 && path.ptr[start - 1] != '/') {
        start--;
    }
    *ret_name = sw_str_slice(path, start, end - start);
    *ret_dir = start == 0 ? SW_STR(".") : sw_str_slice(path, 0, start);
    *ret_wants_dir = end != path.len;
    if (ret_name->len > NAME_MAX) {
        return ENAMETOOLONG;
    }
    return is_dots(*ret_name) ? EINVAL : 0;
}

static int parent_open(int dir_fd, sw_str path, parent *ret)
{
    sw_str dir;
    sw_str name;
    c_path whole;
    ret->fd = -1;
    int err = copy_path(path, &whole);
    if (err == 0) {
        err = split_last(path, &dir, &name, &ret->wants_dir);
    }
    if (err != 0) {
        return err;
    }
    memcpy(ret->name, name.ptr, name.len);
    ret->name[name.len] = '\0';
    return sw_fs_open(dir_fd, dir, O_PATH | O_DIRECTORY, 0, &ret->fd);
}

static bool is_directory_at(const parent *p)
{
    struct stat st;
    return fstatat(p->fd, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int result_of(int value)
{
    return value < 0 ? errno : 0;
}

int sw_fs_stat(int dir_fd, sw_str path, bool follow, struct stat *ret)
{
    int fd;
    int err = sw_fs_open(dir_fd, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, &fd);
    if (err != 0) {
        return err;
    }
    err = result_of(fstatat(fd, "", ret, AT_EMPTY_PATH));
    (void)close(fd);
    return err;
}

int sw_fs_mkdir(int dir_fd, sw_str path)
{
    parent p;
    int err = parent_open(dir_fd, path, &p);
    if (err == EINVAL) {
        return EEXIST; /* "." and ".." are there already */
    }
    if (err == 0) {
        err = result_of(mkdirat(p.fd, p.name, 0777));
        parent_clear(&p);
    }
    return err;
}

int sw_fs_rmdir(int dir_fd, sw_str path)
{
    parent p;
    int err = parent_open(dir_fd, path, &p);
    if (err == 0) {
        err = result_of(unlinkat(p.fd, p.name, AT_REMOVEDIR));
        parent_clear(&p);
    }
    return err;
}

int sw_fs_unlink(int dir_fd, sw_str path)
{
    parent p;
    int err = parent_open(dir_fd, path, &p);
    if (err != 0) {
        return err;
    }
    if (is_directory_at(&p)) {
        err = EISDIR;
    } else if (p.wants_dir) {
        err = ENOTDIR;
    } else {
        err = result_of(unlinkat(p.fd, p.name, 0));
    }
    parent_clear(&p);
    return err;
}

/* rename(2) accepts trailing slashes for directories only; so do we, by looking first. */
static int rename_between(const parent *from, const parent *to)
{
    if ((from->wants_dir || to->wants_dir) && !is_directory_at(from)) {
        return ENOTDIR;
    }
    return result_of(renameat(from->fd, from->name, to->fd, to->name));
}

int sw_fs_rename(int from_fd, sw_str from, int to_fd, sw_str to)
{
    parent a;
    parent b;
    int err = parent_open(from_fd, from, &a);
    if (err != 0) {
        return err;
    }
    err = parent_open(to_fd, to, &b);
    if (err == 0) {
        err = rename_between(&a, &b);
        parent_clear(&b);
    }
    parent_clear(&a);
    return err;
}

int sw_fs_link(int from_fd, sw_str from, int to_fd, sw_str to)
{
    parent a;
    parent b;
    int err = parent_open(from_fd, from, &a);
    if (err != 0) {
        return err;
    }
    err = parent_open(to_fd, to, &b);
    if (err == 0) {
        if (a.wants_dir || b.wants_dir) {
            err = is_directory_at(&a) ? EPERM : a.wants_dir ? ENOTDIR : ENOENT;
        } else {
            err = result_of(linkat(a.fd, a.name, b.fd, b.name, 0));
        }
        parent_clear(&b);
    }
    parent_clear(&a);
    return err;
}

int sw_fs_symlink(sw_str target, int dir_fd, sw_str path)
{
    c_path t;
    int err = copy_path(target, &t);
    if (err != 0) {
        return err;
    }
    if (t.text[0] == '/') {
        return EPERM;
    }
    parent p;
    err = parent_open(dir_fd, path, &p);
    if (err == EINVAL) {
        return EEXIST;
    }
    if (err == 0) {
        if (p.wants_dir) {
            struct stat st;
            err = fstatat(p.fd, p.name, &st, 0) == 0 ? EEXIST : ENOENT;
        } else {
            err = result_of(symlinkat(t.text, p.fd, p.name));
        }
        parent_clear(&p);
    }
    return err;
}

int sw_fs_readlink(int dir_fd, sw_str path, char *out, size_t size, size_t *ret_len)
{
    parent p;
    int err = parent_open(dir_fd, path, &p);
    if (err != 0) {
        return err;
    }
    char target[PATH_MAX];
    ssize_t len = readlinkat(p.fd, p.name, target, sizeof target);
    err = len < 0 ? errno : 0;
    parent_clear(&p);
    if (err == 0 && len > 0 && target[0] == '/') {
        err = EPERM;
    }
    if (err == 0) {
        *ret_len = SW_MIN((size_t)len, size);
        memcpy(out, target, *ret_len);
    }
    return err;
}

int sw_fs_set_times(int dir_fd, sw_str path, bool follow, const struct timespec times[2])
{
    int fd;
    int err = sw_fs_open(dir_fd, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, &fd);
    if (err != 0) {
        return err;
    }
    /* An O_PATH descriptor takes no futimens; its /proc name leads to the same file, or, for a
     * link, AT_EMPTY_PATH to the link itself. */
    err = result_of(utimensat(fd, "", times, AT_EMPTY_PATH));
    if (err == EINVAL || err == EBADF || err == ENOENT) {
        char name[32];
        (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        err = result_of(utimensat(AT_FDCWD, name, times, 0));
    }
    (void)close(fd);
    return err;
}

/* The kernel's record; see getdents64(2). */
typedef struct kernel_dirent {
    uint64_t inode;
    int64_t next;
    uint16_t record_bytes;
    uint8_t type;
    char name[];
} kernel_dirent;

int sw_dir_reader_init(sw_dir_reader *r, int fd, uint8_t *buffer, uint64_t cookie)
{
    struct stat st;
    *r = (sw_dir_reader){.fd = fd, .buffer = buffer};
    if (fstat(fd, &st) < 0) {
        return errno;
    }
    if (!S_ISDIR(st.st_mode)) {
        return ENOTDIR;
    }
    r->own_inode = st.st_ino;
    return result_of(lseek(fd, (off_t)cookie, SEEK_SET) < 0 ? -1 : 0);
}

int sw_dir_reader_next(sw_dir_reader *r, sw_dirent *ret_entry, bool *ret_end)
{
    *ret_end = false;
    if (r->at == r->filled) {
        long got = syscall(SYS_getdents64, r->fd, r->buffer, (unsigned)SW_DIR_BUFFER_BYTES);
        if (got < 0) {
            return errno;
        }
        r->filled = (size_t)got;
        r->at = 0;
        if (got == 0) {
            *ret_end = true;
            return 0;
        }
    }
    const kernel_dirent *d = (const kernel_dirent *)(const void *)(r->buffer + r->at);
    r->at += d->record_bytes;
    sw_str name = sw_str_of(d->name);
    *ret_entry = (sw_dirent){
        .next = (uint64_t)d->next,
        .inode = sw_str_eq(name, SW_STR("..")) ? r->own_inode : d->inode,
        .type = d->type,
        .name = name,
    };
    return 0;
}
