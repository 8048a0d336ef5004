/* WASI 0.1: errors, file types, file status and times, from Linux's. */
#include "wasi/p1/p1.h"

#include <dirent.h>
#include <errno.h>

typedef struct errno_row {
    int linux_errno;
    p1_errno wasi;
} errno_row;

// clang-format off
static const errno_row ERRNOS[] = {
    {E2BIG, P1_2BIG}, {EACCES, P1_ACCES}, {EAGAIN, P1_AGAIN}, {EALREADY, P1_ALREADY},
    {EBADF, P1_BADF}, {EBUSY, P1_BUSY}, {ECANCELED, P1_CANCELED}, {EDOM, P1_DOM},
    {EDQUOT, P1_DQUOT}, {EEXIST, P1_EXIST}, {EFAULT, P1_FAULT}, {EFBIG, P1_FBIG},
    {EILSEQ, P1_ILSEQ}, {EINTR, P1_INTR}, {EINVAL, P1_INVAL}, {EIO, P1_IO}, {EISDIR, P1_ISDIR},
    {ELOOP, P1_LOOP}, {EMFILE, P1_MFILE}, {EMLINK, P1_MLINK}, {ENAMETOOLONG, P1_NAMETOOLONG},
    {ENFILE, P1_NFILE}, {ENODEV, P1_NODEV}, {ENOENT, P1_NOENT}, {ENOLCK, P1_NOLCK},
    {ENOMEM, P1_NOMEM}, {ENOSPC, P1_NOSPC}, {ENOSYS, P1_NOSYS}, {ENOTCONN, P1_NOTCONN},
    {ENOTDIR, P1_NOTDIR}, {ENOTEMPTY, P1_NOTEMPTY}, {ENOTSOCK, P1_NOTSOCK}, {ENOTSUP, P1_NOTSUP},
    {ENOTTY, P1_NOTTY}, {ENXIO, P1_NXIO}, {EOVERFLOW, P1_OVERFLOW}, {EPERM, P1_PERM},
    {EPIPE, P1_PIPE}, {ERANGE, P1_RANGE}, {EROFS, P1_ROFS}, {ESPIPE, P1_SPIPE},
    {ESTALE, P1_STALE}, {ETXTBSY, P1_TXTBSY}, {EXDEV, P1_XDEV},
};
// clang-format on

p1_errno sw_p1_errno_of(int err)
{
    if (err == 0) {
        return P1_SUCCESS;
    }
    for (size_t i = 0; i < SW_COUNTOF(ERRNOS); i++) {
        if (ERRNOS[i].linux_errno == err) {
            return ERRNOS[i].wasi;
        }
    }
    return P1_IO;
}

typedef struct filetype_row {
    mode_t mode;
    uint8_t dirent;
    uint8_t wasi;
} filetype_row;

static const filetype_row FILETYPES[] = {
    {S_IFBLK,  DT_BLK,  P1_FILETYPE_BLOCK_DEVICE    },
    {S_IFCHR,  DT_CHR,  P1_FILETYPE_CHARACTER_DEVICE},
    {S_IFDIR,  DT_DIR,  P1_FILETYPE_DIRECTORY       },
    {S_IFREG,  DT_REG,  P1_FILETYPE_REGULAR_FILE    },
    {S_IFLNK,  DT_LNK,  P1_FILETYPE_SYMBOLIC_LINK   },
    {S_IFSOCK, DT_SOCK, P1_FILETYPE_SOCKET_STREAM   },
};

uint8_t sw_p1_filetype_of(mode_t mode)
{
    for (size_t i = 0; i < SW_COUNTOF(FILETYPES); i++) {
        if ((mode & S_IFMT) == FILETYPES[i].mode) {
            return FILETYPES[i].wasi;
        }
    }
    return P1_FILETYPE_UNKNOWN;
}

uint8_t sw_p1_filetype_of_dirent(uint8_t type)
{
    for (size_t i = 0; i < SW_COUNTOF(FILETYPES); i++) {
        if (type == FILETYPES[i].dirent) {
            return FILETYPES[i].wasi;
        }
    }
    return P1_FILETYPE_UNKNOWN;
}

/* Times before 1970 are 0: the format has no sign. */
static uint64_t ns_of(struct timespec t)
{
    return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void sw_p1_filestat_of(const struct stat *st, p1_filestat *ret)
{
    *ret = (p1_filestat){
        .device = st->st_dev,
        .inode = st->st_ino,
        .filetype = sw_p1_filetype_of(st->st_mode),
        .links = st->st_nlink,
        .size = (uint64_t)st->st_size,
        .access_ns = ns_of(st->st_atim),
        .modified_ns = ns_of(st->st_mtim),
        .changed_ns = ns_of(st->st_ctim),
    };
}

enum { SET_ACCESS = 1, SET_ACCESS_NOW = 2, SET_MODIFIED = 4, SET_MODIFIED_NOW = 8 };

static p1_errno time_of(uint64_t ns, bool set, bool now, struct timespec *ret)
{
    if (set && now) {
        return P1_INVAL;
    }
    *ret = (struct timespec){.tv_nsec = now ? UTIME_NOW : UTIME_OMIT};
    if (set) {
        *ret = (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                                 .tv_nsec = (long)(ns % 1000000000)};
    }
    return P1_SUCCESS;
}

p1_errno sw_p1_times_of(uint64_t access_ns, uint64_t modified_ns, uint32_t flags,
                        struct timespec ret[2])
{
    P1_TRY(time_of(access_ns, (flags & SET_ACCESS) != 0, (flags & SET_ACCESS_NOW) != 0, &ret[0]));
    return time_of(modified_ns, (flags & SET_MODIFIED) != 0, (flags & SET_MODIFIED_NOW) != 0,
                   &ret[1]);
}
