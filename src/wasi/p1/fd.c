/* WASI 0.1: operations on open descriptors. */
#include "wasi/p1/p1.h"

#include "os/file.h"
#include "wasi/core/poll.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

static p1_errno result_of(int value)
{
    return value < 0 ? sw_p1_errno_of(errno) : P1_SUCCESS;
}

/* ---- reading and writing --------------------------------------------------------------------- */

enum { MAX_IOVECS = 1024 }; /* IOV_MAX of Linux: what is beyond is left for the next call */

typedef struct guest_iovec {
    uint32_t addr, len;
} guest_iovec;

static p1_errno gather(sw_p1 *p, uint32_t addr, uint32_t count, struct iovec *out, int *ret_count)
{
    uint8_t *table;
    P1_TRY(sw_p1_slice(p, addr, (uint64_t)count * sizeof(guest_iovec), &table));
    count = SW_MIN(count, (uint32_t)MAX_IOVECS);
    for (uint32_t i = 0; i < count; i++) {
        guest_iovec v;
        uint8_t *at;
        memcpy(&v, table + (size_t)i * sizeof v, sizeof v);
        P1_TRY(sw_p1_slice(p, v.addr, v.len, &at));
        out[i] = (struct iovec){.iov_base = at, .iov_len = v.len};
    }
    *ret_count = (int)count;
    return P1_SUCCESS;
}

typedef struct transfer {
    uint32_t fd, iovecs, iovecs_count, ret_bytes;
    bool is_write, has_offset;
    uint64_t offset;
} transfer;

static bool is_silent(const sw_p1 *p, p1_fd *entry)
{
    if (!entry->is_silent_known) {
        bool raises = entry->kind == P1_STDIO && sw_wasi_raises_sigpipe(p->wasi);
        entry->is_silent = !raises && sw_fd_can_break(entry->fd);
        entry->is_silent_known = true;
    }
    return entry->is_silent;
}

static ssize_t write_once(const sw_p1 *p, const transfer *t, p1_fd *entry, const struct iovec *v,
                          int count)
{
    if (t->has_offset) {
        return pwritev(entry->fd, v, count, (off_t)t->offset);
    }
    return is_silent(p, entry) ? sw_fd_writev_silent(entry->fd, v, count)
                               : writev(entry->fd, v, count);
}

static ssize_t read_once(const transfer *t, int fd, const struct iovec *v, int count)
{
    return t->has_offset ? preadv(fd, v, count, (off_t)t->offset) : readv(fd, v, count);
}

static p1_errno run_transfer(sw_p1 *p, const transfer *t)
{
    p1_fd *entry;
    struct iovec v[MAX_IOVECS];
    int count;
    P1_TRY(sw_p1_get(p, t->fd, &entry));
    if ((entry->rights & (t->is_write ? P1_RIGHT_FD_WRITE : P1_RIGHT_FD_READ)) == 0) {
        return P1_BADF;
    }
    P1_TRY(gather(p, t->iovecs, t->iovecs_count, v, &count));
    sw_trap trap = sw_poll_wait_fd(p->store, entry->fd, t->is_write ? POLLOUT : POLLIN);
    if (trap != SW_TRAP_NONE) {
        sw_p1_end(p, trap);
        return P1_SUCCESS;
    }
    ssize_t done;
    do {
        done = t->is_write ? write_once(p, t, entry, v, count) : read_once(t, entry->fd, v, count);
    } while (done < 0 && errno == EINTR);
    if (done < 0) {
        return sw_p1_errno_of(errno);
    }
    return sw_p1_store_u32(p, t->ret_bytes, (uint32_t)done);
}

p1_errno sw_p1_fd_read(sw_p1 *p, const sw_value_slot *a)
{
    return run_transfer(p, &(transfer){a[0].i32, a[1].i32, a[2].i32, a[3].i32});
}

p1_errno sw_p1_fd_write(sw_p1 *p, const sw_value_slot *a)
{
    return run_transfer(p, &(transfer){a[0].i32, a[1].i32, a[2].i32, a[3].i32, .is_write = true});
}

p1_errno sw_p1_fd_pread(sw_p1 *p, const sw_value_slot *a)
{
    return run_transfer(p, &(transfer){a[0].i32, a[1].i32, a[2].i32, a[4].i32, .has_offset = true,
                                       .offset = a[3].i64});
}

p1_errno sw_p1_fd_pwrite(sw_p1 *p, const sw_value_slot *a)
{
    return run_transfer(p, &(transfer){a[0].i32, a[1].i32, a[2].i32, a[4].i32, .is_write = true,
                                       .has_offset = true, .offset = a[3].i64});
}

/* ---- position -------------------------------------------------------------------------------- */

p1_errno sw_p1_fd_seek(sw_p1 *p, const sw_value_slot *a)
{
    static const int WHENCE[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    p1_fd *entry;
    P1_TRY(sw_p1_get(p, a[0].i32, &entry));
    if (entry->kind == P1_DIR) {
        return P1_BADF;
    }
    if (a[2].i32 >= SW_COUNTOF(WHENCE)) {
        return P1_INVAL;
    }
    off_t at = lseek(entry->fd, (off_t)a[1].i64, WHENCE[a[2].i32]);
    P1_TRY(result_of(at < 0 ? -1 : 0));
    return sw_p1_store_u64(p, a[3].i32, (uint64_t)at);
}

p1_errno sw_p1_fd_tell(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    P1_TRY(sw_p1_get(p, a[0].i32, &entry));
    if (entry->kind == P1_DIR) {
        return P1_BADF;
    }
    off_t at = lseek(entry->fd, 0, SEEK_CUR);
    P1_TRY(result_of(at < 0 ? -1 : 0));
    return sw_p1_store_u64(p, a[1].i32, (uint64_t)at);
}

/* ---- state of a descriptor ------------------------------------------------------------------- */

typedef struct fdstat {
    uint8_t filetype, pad;
    uint16_t flags;
    uint32_t pad2;
    uint64_t rights, rights_inheriting;
} fdstat;
static_assert(sizeof(fdstat) == 24 && offsetof(fdstat, rights) == 8, "WASI 0.1");

static uint16_t fdflags_of(int flags)
{
    return (uint16_t)(((flags & O_APPEND) != 0 ? P1_FDFLAG_APPEND : 0) |
                      ((flags & O_DSYNC) != 0 ? P1_FDFLAG_DSYNC : 0) |
                      ((flags & O_NONBLOCK) != 0 ? P1_FDFLAG_NONBLOCK : 0) |
                      ((flags & O_SYNC) == O_SYNC ? P1_FDFLAG_SYNC | P1_FDFLAG_RSYNC : 0));
}

p1_errno sw_p1_fd_fdstat_get(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    struct stat st;
    P1_TRY(sw_p1_get_any(p, a[0].i32, &entry));
    fdstat out = {.rights = entry->rights, .rights_inheriting = entry->rights_inheriting};
    if (entry->kind == P1_EMPTY_ROOT) {
        out.filetype = P1_FILETYPE_DIRECTORY;
        return sw_p1_store_bytes(p, a[1].i32, &out, sizeof out);
    }
    P1_TRY(result_of(fstat(entry->fd, &st)));
    int flags = fcntl(entry->fd, F_GETFL);
    P1_TRY(result_of(flags));
    out.filetype = sw_p1_filetype_of(st.st_mode);
    out.flags = fdflags_of(flags);
    if (entry->kind == P1_STDIO && S_ISCHR(st.st_mode) && isatty(entry->fd)) {
        /* How libcs tell a terminal from a file. */
        out.rights &= ~(P1_RIGHT_FD_SEEK | P1_RIGHT_FD_TELL);
    }
    return sw_p1_store_bytes(p, a[1].i32, &out, sizeof out);
}

p1_errno sw_p1_fd_fdstat_set_flags(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    uint32_t flags = a[1].i32;
    P1_TRY(sw_p1_get(p, a[0].i32, &entry));
    if ((flags & (P1_FDFLAG_DSYNC | P1_FDFLAG_SYNC | P1_FDFLAG_RSYNC)) != 0) {
        return P1_INVAL; /* Linux cannot change these on an open file */
    }
    int host = ((flags & P1_FDFLAG_APPEND) != 0 ? O_APPEND : 0) |
               ((flags & P1_FDFLAG_NONBLOCK) != 0 ? O_NONBLOCK : 0);
    return result_of(fcntl(entry->fd, F_SETFL, host));
}

p1_errno sw_p1_fd_fdstat_set_rights(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    P1_TRY(sw_p1_get_any(p, a[0].i32, &entry));
    if ((a[1].i64 & ~entry->rights) != 0 || (a[2].i64 & ~entry->rights_inheriting) != 0) {
        return P1_NOTCAPABLE;
    }
    entry->dropped |= entry->rights & ~a[1].i64;
    entry->rights = a[1].i64;
    entry->rights_inheriting = a[2].i64;
    return P1_SUCCESS;
}

p1_errno sw_p1_fd_filestat_get(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    struct stat st;
    p1_filestat out = {.filetype = P1_FILETYPE_DIRECTORY};
    P1_TRY(sw_p1_get_any(p, a[0].i32, &entry));
    if (entry->kind != P1_EMPTY_ROOT) {
        P1_TRY(result_of(fstat(entry->fd, &st)));
        sw_p1_filestat_of(&st, &out);
    }
    return sw_p1_store_bytes(p, a[1].i32, &out, sizeof out);
}

/* A file may be changed when it was opened for writing; the kernel checks the rest. */
static p1_errno get_writable(sw_p1 *p, uint32_t fd, uint64_t right, p1_fd **ret)
{
    P1_TRY(sw_p1_get(p, fd, ret));
    if (((*ret)->rights & right) == 0) {
        return P1_BADF;
    }
    return (*ret)->root != NULL && (*ret)->root->is_read_only ? P1_ROFS : P1_SUCCESS;
}

p1_errno sw_p1_fd_filestat_set_size(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    P1_TRY(get_writable(p, a[0].i32, P1_RIGHT_FILESTAT_SET_SIZE, &entry));
    if (a[1].i64 > INT64_MAX) {
        return P1_INVAL;
    }
    return result_of(ftruncate(entry->fd, (off_t)a[1].i64));
}

p1_errno sw_p1_fd_filestat_set_times(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    struct timespec times[2];
    P1_TRY(get_writable(p, a[0].i32, UINT64_MAX, &entry));
    P1_TRY(sw_p1_times_of(a[1].i64, a[2].i64, a[3].i32, times));
    return result_of(futimens(entry->fd, times));
}

p1_errno sw_p1_fd_advise(sw_p1 *p, const sw_value_slot *a)
{
    static const int ADVICE[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                                 POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
    p1_fd *entry;
    P1_TRY(sw_p1_get(p, a[0].i32, &entry));
    if (entry->kind == P1_DIR) {
        return P1_BADF;
    }
    if (a[3].i32 >= SW_COUNTOF(ADVICE) || a[1].i64 > INT64_MAX || a[2].i64 > INT64_MAX) {
        return P1_INVAL;
    }
    return sw_p1_errno_of(
        posix_fadvise(entry->fd, (off_t)a[1].i64, (off_t)a[2].i64, ADVICE[a[3].i32]));
}

p1_errno sw_p1_fd_allocate(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    P1_TRY(get_writable(p, a[0].i32, P1_RIGHT_FD_ALLOCATE, &entry));
    if (a[1].i64 > INT64_MAX || a[2].i64 > INT64_MAX) {
        return P1_INVAL;
    }
    return sw_p1_errno_of(posix_fallocate(entry->fd, (off_t)a[1].i64, (off_t)a[2].i64));
}

p1_errno sw_p1_fd_sync(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    P1_TRY(sw_p1_get(p, a[0].i32, &entry));
    return result_of(fsync(entry->fd));
}

p1_errno sw_p1_fd_datasync(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    P1_TRY(sw_p1_get(p, a[0].i32, &entry));
    return result_of(fdatasync(entry->fd));
}

/* ---- the table itself ------------------------------------------------------------------------ */

static void release(p1_fd *entry)
{
    if (entry->is_owned) {
        (void)close(entry->fd);
    }
    *entry = (p1_fd){.kind = P1_FREE};
}

p1_errno sw_p1_fd_close(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    P1_TRY(sw_p1_get_any(p, a[0].i32, &entry));
    release(entry);
    return P1_SUCCESS;
}

p1_errno sw_p1_fd_renumber(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *from;
    p1_fd *to;
    P1_TRY(sw_p1_get_any(p, a[0].i32, &from));
    P1_TRY(sw_p1_get_any(p, a[1].i32, &to));
    if (from != to) {
        release(to);
        *to = *from;
        *from = (p1_fd){.kind = P1_FREE};
    }
    return P1_SUCCESS;
}

typedef struct prestat {
    uint8_t tag, pad[3];
    uint32_t name_len;
} prestat;
static_assert(sizeof(prestat) == 8, "WASI 0.1");

static p1_errno get_preopen(sw_p1 *p, uint32_t fd, p1_fd **ret)
{
    P1_TRY(sw_p1_get_any(p, fd, ret));
    return (*ret)->is_preopen ? P1_SUCCESS : P1_BADF;
}

p1_errno sw_p1_fd_prestat_get(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    P1_TRY(get_preopen(p, a[0].i32, &entry));
    prestat out = {.name_len = (uint32_t)entry->root->guest.len};
    return sw_p1_store_bytes(p, a[1].i32, &out, sizeof out);
}

p1_errno sw_p1_fd_prestat_dir_name(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    P1_TRY(get_preopen(p, a[0].i32, &entry));
    sw_str name = entry->root->guest;
    if (a[2].i32 < name.len) {
        return P1_NAMETOOLONG;
    }
    return sw_p1_store_bytes(p, a[1].i32, name.ptr, name.len);
}

/* ---- directories ----------------------------------------------------------------------------- */

typedef struct dirent_head {
    uint64_t next, inode;
    uint32_t name_len;
    uint8_t type, pad[3];
} dirent_head;
static_assert(sizeof(dirent_head) == 24, "WASI 0.1");

/* Appends what fits: the last entry may be cut, which tells the guest to ask again. */
static size_t append_cut(uint8_t *out, size_t size, size_t at, const void *from, size_t len)
{
    size_t take = SW_MIN(len, size - at);
    memcpy(out + at, from, take);
    return at + take;
}

static p1_errno fill_entries(sw_dir_reader *r, uint8_t *out, size_t size, size_t *ret_used)
{
    size_t at = 0;
    while (at < size) {
        sw_dirent d;
        bool end;
        P1_TRY(sw_p1_errno_of(sw_dir_reader_next(r, &d, &end)));
        if (end) {
            break;
        }
        dirent_head head = {.next = d.next,
                            .inode = d.inode,
                            .name_len = (uint32_t)d.name.len,
                            .type = sw_p1_filetype_of_dirent(d.type)};
        at = append_cut(out, size, at, &head, sizeof head);
        at = append_cut(out, size, at, d.name.ptr, d.name.len);
    }
    *ret_used = at;
    return P1_SUCCESS;
}

p1_errno sw_p1_fd_readdir(sw_p1 *p, const sw_value_slot *a)
{
    p1_fd *entry;
    uint8_t *out;
    size_t used = 0;
    P1_TRY(sw_p1_get_dir(p, a[0].i32, &entry));
    P1_TRY(sw_p1_slice(p, a[1].i32, a[2].i32, &out));
    if (entry->kind == P1_DIR) {
        sw_dir_reader r;
        if (p->dir_buffer == NULL) {
            p->dir_buffer = sw_alloc(p->budget, SW_DIR_BUFFER_BYTES);
        }
        if (p->dir_buffer == NULL) {
            return P1_NOMEM;
        }
        P1_TRY(sw_p1_errno_of(sw_dir_reader_init(&r, entry->fd, p->dir_buffer, a[3].i64)));
        P1_TRY(fill_entries(&r, out, a[2].i32, &used));
    }
    return sw_p1_store_u32(p, a[4].i32, (uint32_t)used);
}
