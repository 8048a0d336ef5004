/*
 * WASI 0.1 inside: the descriptor table and what its functions share. The public part is in
 * wasi/wasi.h.
 *
 * Each of the 46 functions is one row of a table (table.c) and one C function that takes its
 * parameters as slots and returns an errno of WASI 0.1. Guest structures are C structs whose
 * layout the compiler checks, copied with memcpy, never cast.
 */
#pragma once

#include "base/vec.h"
#include "wasi/core/fs.h"
#include "wasi/wasi.h"

typedef uint16_t p1_errno;

// clang-format off
#define SW_P1_ERRNO_MAP(X) \
    X(SUCCESS, 0) X(2BIG, 1) X(ACCES, 2) X(AGAIN, 6) X(ALREADY, 7) X(BADF, 8) X(BUSY, 10) \
    X(CANCELED, 11) X(DOM, 18) X(DQUOT, 19) X(EXIST, 20) X(FAULT, 21) X(FBIG, 22) X(ILSEQ, 25) \
    X(INTR, 27) X(INVAL, 28) X(IO, 29) X(ISDIR, 31) X(LOOP, 32) X(MFILE, 33) X(MLINK, 34) \
    X(NAMETOOLONG, 37) X(NFILE, 41) X(NODEV, 43) X(NOENT, 44) X(NOLCK, 46) X(NOMEM, 48) \
    X(NOSPC, 51) X(NOSYS, 52) X(NOTCONN, 53) X(NOTDIR, 54) X(NOTEMPTY, 55) X(NOTSOCK, 57) \
    X(NOTSUP, 58) X(NOTTY, 59) X(NXIO, 60) X(OVERFLOW, 61) X(PERM, 63) X(PIPE, 64) \
    X(RANGE, 68) X(ROFS, 69) X(SPIPE, 70) X(STALE, 72) X(TXTBSY, 74) X(XDEV, 75) \
    X(NOTCAPABLE, 76)
// clang-format on

enum {
#define X(name, value) P1_##name = value,
    SW_P1_ERRNO_MAP(X)
#undef X
};

/* Linux errno to WASI 0.1. */
p1_errno sw_p1_errno_of(int err);

enum {
    P1_FILETYPE_UNKNOWN,
    P1_FILETYPE_BLOCK_DEVICE,
    P1_FILETYPE_CHARACTER_DEVICE,
    P1_FILETYPE_DIRECTORY,
    P1_FILETYPE_REGULAR_FILE,
    P1_FILETYPE_SOCKET_DGRAM,
    P1_FILETYPE_SOCKET_STREAM,
    P1_FILETYPE_SYMBOLIC_LINK,
};

uint8_t sw_p1_filetype_of(mode_t mode);
uint8_t sw_p1_filetype_of_dirent(uint8_t type);

#define P1_RIGHT_FD_DATASYNC        (UINT64_C(1) << 0)
#define P1_RIGHT_FD_READ            (UINT64_C(1) << 1)
#define P1_RIGHT_FD_SEEK            (UINT64_C(1) << 2)
#define P1_RIGHT_FD_TELL            (UINT64_C(1) << 5)
#define P1_RIGHT_FD_WRITE           (UINT64_C(1) << 6)
#define P1_RIGHT_FD_ALLOCATE        (UINT64_C(1) << 8)
#define P1_RIGHT_PATH_CREATE_DIR    (UINT64_C(1) << 9)
#define P1_RIGHT_PATH_CREATE_FILE   (UINT64_C(1) << 10)
#define P1_RIGHT_PATH_LINK_SOURCE   (UINT64_C(1) << 11)
#define P1_RIGHT_PATH_LINK_TARGET   (UINT64_C(1) << 12)
#define P1_RIGHT_PATH_OPEN          (UINT64_C(1) << 13)
#define P1_RIGHT_FD_READDIR         (UINT64_C(1) << 14)
#define P1_RIGHT_PATH_READLINK      (UINT64_C(1) << 15)
#define P1_RIGHT_PATH_RENAME_SOURCE (UINT64_C(1) << 16)
#define P1_RIGHT_PATH_RENAME_TARGET (UINT64_C(1) << 17)
#define P1_RIGHT_PATH_FILESTAT_GET  (UINT64_C(1) << 18)
#define P1_RIGHT_PATH_SET_SIZE      (UINT64_C(1) << 19)
#define P1_RIGHT_PATH_SET_TIMES     (UINT64_C(1) << 20)
#define P1_RIGHT_PATH_SYMLINK       (UINT64_C(1) << 24)
#define P1_RIGHT_PATH_REMOVE_DIR    (UINT64_C(1) << 25)
#define P1_RIGHT_PATH_UNLINK        (UINT64_C(1) << 26)
#define P1_RIGHT_FILESTAT_SET_SIZE  (UINT64_C(1) << 22)
#define P1_RIGHTS_ALL               ((UINT64_C(1) << 30) - 1)

enum {
    P1_FDFLAG_APPEND = 1,
    P1_FDFLAG_DSYNC = 2,
    P1_FDFLAG_NONBLOCK = 4,
    P1_FDFLAG_RSYNC = 8,
    P1_FDFLAG_SYNC = 16,
    P1_OFLAG_CREAT = 1,
    P1_OFLAG_DIRECTORY = 2,
    P1_OFLAG_EXCL = 4,
    P1_OFLAG_TRUNC = 8,
    P1_LOOKUP_SYMLINK_FOLLOW = 1,
};

typedef enum p1_kind { P1_FREE, P1_STDIO, P1_FILE, P1_DIR, P1_EMPTY_ROOT } p1_kind;

typedef struct p1_fd {
    p1_kind kind;
    int fd;                 /* the host's; -1 for the empty root */
    bool is_owned;          /* closed with this entry */
    const sw_preopen *root; /* where it was reached from; NULL for stdio */
    bool is_preopen;
    uint64_t rights, rights_inheriting;
    /* Rights the guest gave up by fd_fdstat_set_rights, here or in a parent: these are enforced.
     * Rights that were merely not asked for are not, because toolchains ask for too few. */
    uint64_t dropped;
    /* Whether writing must be kept from raising SIGPIPE: found out by the first write. */
    bool is_silent, is_silent_known;
} p1_fd;

typedef struct p1_func p1_func;
typedef struct p1_binding p1_binding;

struct sw_p1 {
    sw_wasi *wasi;
    sw_store *store;
    sw_budget *budget;
    const sw_memory_object *memory; /* NULL before instantiation is done */
    SW_VEC(p1_fd) fds;
    sw_arena arena;       /* bindings */
    p1_binding *bindings; /* one a function, made when first imported */
    uint8_t *dir_buffer;  /* SW_DIR_BUFFER_BYTES, made when first needed */
    sw_trap trap;         /* set by a function that ends the guest instead of returning */
};

/* A function: its slots are the parameters in order. */
typedef p1_errno p1_fn(sw_p1 *p, const sw_value_slot *args);

/* Guest memory. All give P1_FAULT when a byte lies outside. */
SW_NODISCARD p1_errno sw_p1_slice(sw_p1 *p, uint32_t addr, uint64_t len, uint8_t **ret);
SW_NODISCARD p1_errno sw_p1_path(sw_p1 *p, uint32_t addr, uint32_t len, sw_str *ret);
SW_NODISCARD p1_errno sw_p1_store_u32(sw_p1 *p, uint32_t addr, uint32_t value);
SW_NODISCARD p1_errno sw_p1_store_u64(sw_p1 *p, uint32_t addr, uint64_t value);
SW_NODISCARD p1_errno sw_p1_store_bytes(sw_p1 *p, uint32_t addr, const void *from, size_t size);

#define P1_TRY(e)                               \
    do {                                        \
        p1_errno p1_err_ = (e);                 \
        if (SW_UNLIKELY(p1_err_ != P1_SUCCESS)) \
            return p1_err_;                     \
    } while (0)

/* Descriptors. */
SW_NODISCARD p1_errno sw_p1_get_any(sw_p1 *p, uint32_t fd, p1_fd **ret); /* the empty root too */
SW_NODISCARD p1_errno sw_p1_get(sw_p1 *p, uint32_t fd, p1_fd **ret);     /* has a host fd */
SW_NODISCARD p1_errno sw_p1_get_dir(sw_p1 *p, uint32_t fd, p1_fd **ret); /* NOTDIR otherwise */
SW_NODISCARD p1_errno sw_p1_insert(sw_p1 *p, const p1_fd *entry, uint32_t *ret_fd);

/* Ends the guest: the function returns P1_SUCCESS after this, and the trap is raised. */
void sw_p1_end(sw_p1 *p, sw_trap trap);

/* The functions, by file. */
p1_fn sw_p1_args_get, sw_p1_args_sizes_get, sw_p1_environ_get, sw_p1_environ_sizes_get;
p1_fn sw_p1_clock_res_get, sw_p1_clock_time_get, sw_p1_poll_oneoff, sw_p1_proc_exit;
p1_fn sw_p1_proc_raise, sw_p1_sched_yield, sw_p1_random_get, sw_p1_sock_accept, sw_p1_sock_recv;
p1_fn sw_p1_sock_send, sw_p1_sock_shutdown;
p1_fn sw_p1_fd_advise, sw_p1_fd_allocate, sw_p1_fd_close, sw_p1_fd_datasync, sw_p1_fd_fdstat_get;
p1_fn sw_p1_fd_fdstat_set_flags, sw_p1_fd_fdstat_set_rights, sw_p1_fd_filestat_get;
p1_fn sw_p1_fd_filestat_set_size, sw_p1_fd_filestat_set_times, sw_p1_fd_pread;
p1_fn sw_p1_fd_prestat_get, sw_p1_fd_prestat_dir_name, sw_p1_fd_pwrite, sw_p1_fd_read;
p1_fn sw_p1_fd_readdir, sw_p1_fd_renumber, sw_p1_fd_seek, sw_p1_fd_sync, sw_p1_fd_tell;
p1_fn sw_p1_fd_write;
p1_fn sw_p1_path_create_directory, sw_p1_path_filestat_get, sw_p1_path_filestat_set_times;
p1_fn sw_p1_path_link, sw_p1_path_open, sw_p1_path_readlink, sw_p1_path_remove_directory;
p1_fn sw_p1_path_rename, sw_p1_path_symlink, sw_p1_path_unlink_file;

/* Guest structures. */
typedef struct p1_filestat {
    uint64_t device, inode;
    uint8_t filetype, pad[7];
    uint64_t links, size, access_ns, modified_ns, changed_ns;
} p1_filestat;
static_assert(sizeof(p1_filestat) == 64 && offsetof(p1_filestat, links) == 24, "WASI 0.1");

void sw_p1_filestat_of(const struct stat *st, p1_filestat *ret);
/* Times of fd_filestat_set_times and its kin; INVAL for contradicting flags. */
SW_NODISCARD p1_errno sw_p1_times_of(uint64_t access_ns, uint64_t modified_ns, uint32_t flags,
                                     struct timespec ret[2]);
