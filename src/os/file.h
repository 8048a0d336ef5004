/*
 * Files of the host: what the program itself reads and writes (modules, images, the cache). Guests'
 * files are the business of src/wasi.
 *
 * Paths are NUL-terminated and used as they are. Errors carry the path and the system's words;
 * a file that is not there is SW_NOT_FOUND, one over the given size is SW_LIMIT, the rest SW_IO.
 */
#pragma once

#include "base/memory.h"
#include "base/span.h"
#include "base/status.h"

#include <sys/uio.h>

/* The contents of a file, read or mapped. */
typedef struct sw_file_data {
    sw_bytes bytes;
    size_t owned_bytes; /* heap: size of the block; mapping: size of the mapping */
    sw_budget *budget;  /* borrowed; who was charged, NULL for nobody */
    bool mapped;
} sw_file_data;

/* Reads everything into memory charged to the budget. Works for pipes too; "-" is standard input.
 * max_bytes bounds what is read. Use it for input that others might change meanwhile. */
SW_NODISCARD sw_status sw_file_read(sw_file_data *ret_data, const char *path, sw_budget *budget,
                                    size_t max_bytes, sw_diag *diag);

/* The same from an open file, from where it stands; name is for errors. */
SW_NODISCARD sw_status sw_file_read_fd(sw_file_data *ret_data, int fd, const char *name,
                                       sw_budget *budget, size_t max_bytes, sw_diag *diag);

/* Maps a regular file read-only and private. If it is truncated later, an access faults: only for
 * files that are ours. An empty file gives an empty span. */
SW_NODISCARD sw_status sw_file_map(sw_file_data *ret_data, const char *path, size_t max_bytes,
                                   sw_diag *diag);

void sw_file_data_clear(sw_file_data *d);

/* Opens read-only, close-on-exec. *ret_size_bytes is the size of a regular file, else 0. */
SW_NODISCARD sw_status sw_file_open(int *ret_fd, uint64_t *ret_size_bytes, const char *path,
                                    sw_diag *diag);

/* Writes a temporary file beside path and renames it: readers see the old contents or all of the
 * new ones. durable: also waits until the disk has it. mode as for open, before the umask. */
SW_NODISCARD sw_status sw_file_write(const char *path, sw_bytes bytes, unsigned mode, bool durable,
                                     sw_diag *diag);

/* Makes the directory and its parents; one that exists is fine. */
SW_NODISCARD sw_status sw_dir_make(const char *path, unsigned mode, sw_diag *diag);

/* Opens (makes) the file and takes an advisory lock on it, which lasts until the descriptor is
 * closed or the process ends. Without wait, SW_DENIED when somebody else holds it. */
SW_NODISCARD sw_status sw_file_lock(int *ret_fd, const char *path, bool exclusive, bool wait,
                                    sw_diag *diag);

/* fd may be -1. */
void sw_fd_close(int fd);

/* Writes everything, through interruptions and partial writes, without a SIGPIPE. False: see
 * errno. */
SW_NODISCARD bool sw_fd_write(int fd, sw_bytes bytes);

/* Whether a write can raise SIGPIPE: a pipe or a socket. */
bool sw_fd_can_break(int fd);

/* writev(2) that raises no SIGPIPE when the reader has gone, only EPIPE. The price is two more
 * system calls, which keep the signal from this thread meanwhile; one that was pending before stays
 * so. */
ssize_t sw_fd_writev_silent(int fd, const struct iovec *parts, int count);

SW_DEFINE_AUTO(int, sw_fd_close)

static inline void sw_file_data_clear_p(sw_file_data *d)
{
    sw_file_data_clear(d);
}
