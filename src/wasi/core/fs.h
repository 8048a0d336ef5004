/*
 * Files, with no way out of the directory they are asked under.
 *
 * Every path is resolved by openat2 with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, so that "..",
 * absolute paths, links and concurrent renames end in an error instead of an escape. Operations on
 * a name itself (unlink, rename, ...) open its parent that way and then act on the last component,
 * which is never "." or "..". There is no fallback for kernels without openat2 (Linux 5.6).
 *
 * All functions return 0 or an errno value (<errno.h>, Linux numbers). Paths are the guest's:
 * relative, not NUL-terminated, at most PATH_MAX - 1 bytes; a NUL inside is EINVAL. An attempt to
 * leave the directory is EPERM.
 */
#pragma once

#include "base/span.h"

#include <sys/stat.h>
#include <time.h>

/* Opens path under dir_fd with open(2)'s flags (O_CLOEXEC is added; O_NOFOLLOW as asked). */
SW_NODISCARD int sw_fs_open(int dir_fd, sw_str path, int flags, mode_t mode, int *ret_fd);

SW_NODISCARD int sw_fs_stat(int dir_fd, sw_str path, bool follow, struct stat *ret);
SW_NODISCARD int sw_fs_mkdir(int dir_fd, sw_str path);
SW_NODISCARD int sw_fs_rmdir(int dir_fd, sw_str path);
SW_NODISCARD int sw_fs_unlink(int dir_fd, sw_str path);
SW_NODISCARD int sw_fs_rename(int from_fd, sw_str from, int to_fd, sw_str to);
SW_NODISCARD int sw_fs_link(int from_fd, sw_str from, int to_fd, sw_str to);
/* An absolute target is EPERM. */
SW_NODISCARD int sw_fs_symlink(sw_str target, int dir_fd, sw_str path);
/* An absolute target is EPERM: it would tell the guest about the host. Writes at most size bytes,
 * sets *ret_len to the bytes written. */
SW_NODISCARD int sw_fs_readlink(int dir_fd, sw_str path, char *out, size_t size, size_t *ret_len);
/* times: [0] access, [1] modification, with UTIME_NOW and UTIME_OMIT. */
SW_NODISCARD int sw_fs_set_times(int dir_fd, sw_str path, bool follow,
                                 const struct timespec times[2]);

/* Directory entries: "." and ".." included, except that ".." has the directory's own inode. */
typedef struct sw_dirent {
    uint64_t next; /* cookie of the entry after this one */
    uint64_t inode;
    uint8_t type; /* DT_REG and kin */
    sw_str name;  /* in the caller's buffer */
} sw_dirent;

enum { SW_DIR_BUFFER_BYTES = 32 * 1024 };

/* A position in a directory. The buffer is the caller's. */
typedef struct sw_dir_reader {
    int fd; /* borrowed; its file position is used */
    uint64_t own_inode;
    uint8_t *buffer; /* SW_DIR_BUFFER_BYTES, aligned to 8 */
    size_t filled, at;
} sw_dir_reader;

/* Starts at a cookie (0: the beginning). */
SW_NODISCARD int sw_dir_reader_init(sw_dir_reader *r, int fd, uint8_t *buffer, uint64_t cookie);
/* The next entry; *ret_end at the end. The name is good until the next call. */
SW_NODISCARD int sw_dir_reader_next(sw_dir_reader *r, sw_dirent *ret_entry, bool *ret_end);
