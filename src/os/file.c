#include "file.h"

#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

void sw_fd_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

static sw_status fail_errno(sw_diag *diag, const char *path)
{
    sw_status st = errno == ENOENT || errno == ENOTDIR ? SW_NOT_FOUND
                   : errno == ENOMEM                   ? SW_NO_MEMORY
                                                       : SW_IO;
    return sw_fail(diag, st, SW_NO_OFFSET, "%s: %m", path);
}

static sw_status fail_size(sw_diag *diag, const char *path, size_t max_bytes)
{
    return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "%s: larger than %zu bytes", path, max_bytes);
}

static sw_status stat_opened(int fd, uint64_t *ret_size_bytes, const char *path, sw_diag *diag)
{
    struct stat s;
    if (fstat(fd, &s) != 0) {
        return fail_errno(diag, path);
    }
    if (S_ISDIR(s.st_mode)) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s: is a directory", path);
    }
    *ret_size_bytes = S_ISREG(s.st_mode) ? (uint64_t)s.st_size : 0;
    return SW_OK;
}

sw_status sw_file_open(int *ret_fd, uint64_t *ret_size_bytes, const char *path, sw_diag *diag)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return fail_errno(diag, path);
    }
    sw_status st = stat_opened(fd, ret_size_bytes, path, diag);
    if (st != SW_OK) {
        sw_fd_close(fd);
        return st;
    }
    *ret_fd = fd;
    return SW_OK;
}

/* Makes room for at least one more byte, up to max_bytes + 1: the byte too many shows the excess.
 */
static sw_status grow(sw_file_data *d, size_t max_bytes)
{
    size_t most = max_bytes == SIZE_MAX ? SIZE_MAX : max_bytes + 1;
    size_t doubled;
    if (ckd_mul(&doubled, d->owned_bytes, 2)) {
        return SW_NO_MEMORY;
    }
    size_t size = SW_MIN(SW_MAX(doubled, (size_t)16 << 10), most);
    uint8_t *p = sw_realloc(d->budget, (void *)(uintptr_t)d->bytes.ptr, d->owned_bytes, size);
    if (p == NULL) {
        return SW_NO_MEMORY;
    }
    d->bytes.ptr = p;
    d->owned_bytes = size;
    return SW_OK;
}

static sw_status read_all(sw_file_data *d, int fd, const char *path, size_t max_bytes,
                          sw_diag *diag)
{
    for (;;) {
        if (d->bytes.len == d->owned_bytes && grow(d, max_bytes) != SW_OK) {
            return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "%s: no memory for its contents",
                           path);
        }
        uint8_t *to = (uint8_t *)(uintptr_t)d->bytes.ptr + d->bytes.len;
        ssize_t n = read(fd, to, d->owned_bytes - d->bytes.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail_errno(diag, path);
        }
        if (n == 0) {
            return SW_OK;
        }
        d->bytes.len += (size_t)n;
        if (d->bytes.len > max_bytes) {
            return fail_size(diag, path, max_bytes);
        }
    }
}

static sw_status read_fd(sw_file_data *ret_data, int fd, uint64_t size_bytes, const char *path,
                         size_t max_bytes, sw_diag *diag)
{
    sw_file_data d = {.budget = ret_data->budget};
    if (size_bytes > max_bytes) {
        return fail_size(diag, path, max_bytes);
    }
    /* One byte more than the size, so that the read that finds the end needs no larger block. */
    size_t first = size_bytes == 0 ? 0 : (size_t)size_bytes + 1;
    if (first != 0) {
        d.bytes.ptr = sw_alloc(d.budget, first);
        d.owned_bytes = d.bytes.ptr == NULL ? 0 : first;
    }
    sw_status st =
        first != 0 && d.bytes.ptr == NULL
            ? sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "%s: no memory for its contents", path)
            : read_all(&d, fd, path, max_bytes, diag);
    if (st != SW_OK) {
        sw_file_data_clear(&d);
        return st;
    }
    *ret_data = d;
    return SW_OK;
}

sw_status sw_file_read(sw_file_data *ret_data, const char *path, sw_budget *budget,
                       size_t max_bytes, sw_diag *diag)
{
    sw_file_data d = {.budget = budget};
    if (sw_str_eq(sw_str_of(path), SW_STR("-"))) {
        SW_TRY(read_fd(&d, STDIN_FILENO, 0, "standard input", max_bytes, diag));
    } else {
        SW_AUTO(sw_fd_close) int fd = -1;
        uint64_t size_bytes = 0;
        SW_TRY(sw_file_open(&fd, &size_bytes, path, diag));
        SW_TRY(read_fd(&d, fd, size_bytes, path, max_bytes, diag));
    }
    *ret_data = d;
    return SW_OK;
}

sw_status sw_file_read_fd(sw_file_data *ret_data, int fd, const char *name, sw_budget *budget,
                          size_t max_bytes, sw_diag *diag)
{
    sw_file_data d = {.budget = budget};
    uint64_t size_bytes = 0;
    SW_TRY(stat_opened(fd, &size_bytes, name, diag));
    SW_TRY(read_fd(&d, fd, size_bytes, name, max_bytes, diag));
    *ret_data = d;
    return SW_OK;
}

sw_status sw_file_map(sw_file_data *ret_data, const char *path, size_t max_bytes, sw_diag *diag)
{
    SW_AUTO(sw_fd_close) int fd = -1;
    uint64_t size_bytes = 0;
    SW_TRY(sw_file_open(&fd, &size_bytes, path, diag));
    if (size_bytes > max_bytes) {
        return fail_size(diag, path, max_bytes);
    }
    if (size_bytes == 0) {
        *ret_data = (sw_file_data){.mapped = true};
        return SW_OK;
    }
    size_t size = (size_t)size_bytes;
    void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        return fail_errno(diag, path);
    }
    *ret_data = (sw_file_data){
        .bytes = {p, size},
          .owned_bytes = size, .mapped = true
    };
    return SW_OK;
}

void sw_file_data_clear(sw_file_data *d)
{
    void *p = (void *)(uintptr_t)d->bytes.ptr;
    if (!d->mapped) {
        sw_free(d->budget, p, d->owned_bytes);
    } else if (p != NULL) {
        (void)munmap(p, d->owned_bytes);
    }
    *d = (sw_file_data){};
}

bool sw_fd_write(int fd, sw_bytes bytes)
{
    while (bytes.len != 0) {
        struct iovec part = {(void *)(uintptr_t)bytes.ptr, bytes.len};
        ssize_t n = sw_fd_writev_silent(fd, &part, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        bytes = sw_bytes_slice(bytes, (size_t)n, bytes.len - (size_t)n);
    }
    return true;
}

bool sw_fd_can_break(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* The signal that a write has just raised is pending for this thread; takes it away. */
static void take_signal(const sigset_t *set)
{
    const struct timespec none = {};
    while (sigtimedwait(set, NULL, &none) < 0 && errno == EINTR) {
    }
}

ssize_t sw_fd_writev_silent(int fd, const struct iovec *parts, int count)
{
    sigset_t broken, before, pending;
    (void)sigemptyset(&broken);
    (void)sigaddset(&broken, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &broken, &before);
    /* Only where it was blocked before can one be pending that is not ours. */
    bool was_pending = sigismember(&before, SIGPIPE) == 1 && sigpending(&pending) == 0 &&
                       sigismember(&pending, SIGPIPE) == 1;
    ssize_t done = writev(fd, parts, count);
    int err = errno;
    if (done < 0 && err == EPIPE && !was_pending) {
        take_signal(&broken);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = err;
    return done;
}

/* Waits for the rename itself to reach the disk. */
static bool sync_parent(const char *path)
{
    char dir[PATH_BYTES] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        (void)snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    }
    SW_AUTO(sw_fd_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

static bool fill_and_rename(int fd, const char *temp, const char *path, sw_bytes bytes,
                            bool durable)
{
    if (!sw_fd_write(fd, bytes) || (durable && fsync(fd) != 0) || rename(temp, path) != 0) {
        int saved = errno;
        (void)unlink(temp);
        errno = saved;
        return false;
    }
    return !durable || sync_parent(path);
}

sw_status sw_file_write(const char *path, sw_bytes bytes, unsigned mode, bool durable,
                        sw_diag *diag)
{
    char temp[PATH_BYTES];
    uint64_t unique;
    SW_TRY(sw_random_fill(&unique, sizeof unique));
    int len = snprintf(temp, sizeof temp, "%s.%016llx.tmp", path, (unsigned long long)unique);
    if (len < 0 || (size_t)len >= sizeof temp) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "%.200s...: path is too long", path);
    }
    SW_AUTO(sw_fd_close) int fd =
        open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
    if (fd < 0 || !fill_and_rename(fd, temp, path, bytes, durable)) {
        return fail_errno(diag, path);
    }
    return SW_OK;
}

static bool make_one(const char *path, unsigned mode)
{
    struct stat s;
    if (mkdir(path, (mode_t)mode) == 0) {
        return true;
    }
    int saved = errno;
    bool is_there = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
    errno = saved == EEXIST ? ENOTDIR : saved;
    return is_there;
}

sw_status sw_dir_make(const char *path, unsigned mode, sw_diag *diag)
{
    char part[PATH_BYTES];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "a directory's path is %s",
                       len == 0 ? "empty" : "too long");
    }
    if (make_one(path, mode)) {
        return SW_OK;
    }
    memcpy(part, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (part[i] == '/' && part[i - 1] != '/') {
            part[i] = '\0';
            if (!make_one(part, mode)) {
                return fail_errno(diag, part);
            }
            part[i] = '/';
        }
    }
    return make_one(path, mode) ? SW_OK : fail_errno(diag, path);
}

sw_status sw_file_lock(int *ret_fd, const char *path, bool exclusive, bool wait, sw_diag *diag)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return fail_errno(diag, path);
    }
    int how = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);
    int failed;
    do {
        failed = flock(fd, how);
    } while (failed != 0 && errno == EINTR);
    if (failed != 0) {
        sw_status st = errno == EWOULDBLOCK ? sw_fail(diag, SW_DENIED, SW_NO_OFFSET,
                                                      "%s: locked by another process", path)
                                            : fail_errno(diag, path);
        sw_fd_close(fd);
        return st;
    }
    *ret_fd = fd;
    return SW_OK;
}
