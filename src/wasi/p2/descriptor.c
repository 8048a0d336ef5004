/* WASI 0.2: wasi:filesystem, what concerns an open descriptor itself. */
#include "wasi/p2/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- Errors ---------------------------------------------------------------------------------- */

#define CODE(name) SW_WASI_FILESYSTEM_TYPES_ERROR_CODE_##name

typedef struct error_row {
    int err;
    uint8_t code;
} error_row;

// clang-format off
static const error_row ERRORS[] = {
    {EACCES, CODE(ACCESS)}, {EAGAIN, CODE(WOULD_BLOCK)}, {EALREADY, CODE(ALREADY)},
    {EBADF, CODE(BAD_DESCRIPTOR)}, {EBUSY, CODE(BUSY)}, {EDEADLK, CODE(DEADLOCK)},
    {EDQUOT, CODE(QUOTA)}, {EEXIST, CODE(EXIST)}, {EFBIG, CODE(FILE_TOO_LARGE)},
    {EILSEQ, CODE(ILLEGAL_BYTE_SEQUENCE)}, {EINPROGRESS, CODE(IN_PROGRESS)},
    {EINTR, CODE(INTERRUPTED)}, {EINVAL, CODE(INVALID)}, {EIO, CODE(IO)},
    {EISDIR, CODE(IS_DIRECTORY)}, {ELOOP, CODE(LOOP)}, {EMLINK, CODE(TOO_MANY_LINKS)},
    {EMSGSIZE, CODE(MESSAGE_SIZE)}, {ENAMETOOLONG, CODE(NAME_TOO_LONG)},
    {ENODEV, CODE(NO_DEVICE)}, {ENOENT, CODE(NO_ENTRY)}, {ENOLCK, CODE(NO_LOCK)},
    {ENOMEM, CODE(INSUFFICIENT_MEMORY)}, {EMFILE, CODE(INSUFFICIENT_MEMORY)},
    {ENFILE, CODE(INSUFFICIENT_MEMORY)}, {ENOSPC, CODE(INSUFFICIENT_SPACE)},
    {ENOTDIR, CODE(NOT_DIRECTORY)}, {ENOTEMPTY, CODE(NOT_EMPTY)},
    {ENOTRECOVERABLE, CODE(NOT_RECOVERABLE)}, {ENOTSUP, CODE(UNSUPPORTED)},
    {ENOSYS, CODE(UNSUPPORTED)}, {ENOTTY, CODE(NO_TTY)}, {ENXIO, CODE(NO_SUCH_DEVICE)},
    {EOVERFLOW, CODE(OVERFLOW)}, {EPERM, CODE(NOT_PERMITTED)}, {EPIPE, CODE(PIPE)},
    {EROFS, CODE(READ_ONLY)}, {ESPIPE, CODE(INVALID_SEEK)}, {ETXTBSY, CODE(TEXT_FILE_BUSY)},
    {EXDEV, CODE(CROSS_DEVICE)},
};
// clang-format on

uint8_t sw_p2_error_code(int err)
{
    for (size_t i = 0; i < SW_COUNTOF(ERRORS); i++) {
        if (ERRORS[i].err == err) {
            return ERRORS[i].code;
        }
    }
    return CODE(IO);
}

sw_trap sw_wasi_filesystem_types_filesystem_error_code(
    sw_host_call *call, const sw_wasi_filesystem_types_filesystem_error_code_params *params,
    sw_wasi_filesystem_types_filesystem_error_code_result *ret)
{
    const sw_p2_error *e;
    P2_TRY(sw_p2_get_error(call, params->err, &e));
    ret->is_some = e->describe == NULL;
    ret->value = sw_p2_error_code(e->err);
    return SW_TRAP_NONE;
}

/* ---- Getting at descriptors ------------------------------------------------------------------ */

sw_trap sw_p2_get_descriptor(sw_host_call *call, uint32_t rep, p2_object **ret)
{
    return sw_p2_get(call, rep, P2_DESCRIPTOR, ret);
}

/* 0 or an errno: what is done to contents needs a file, opened for it. */
static int check_file(const p2_object *d, bool reads, bool writes)
{
    if (d->descriptor.is_directory) {
        return EBADF;
    }
    bool lacks = (reads && !d->descriptor.reads) || (writes && !d->descriptor.writes);
    return lacks ? EBADF : 0;
}

static int errno_of(int value)
{
    return value < 0 ? errno : 0;
}

static int check_offset(uint64_t offset)
{
    return offset > INT64_MAX ? EINVAL : 0;
}

void sw_wasi_filesystem_types_descriptor_drop(void *env, uint32_t rep)
{
    sw_p2_drop(env, rep, P2_DESCRIPTOR);
}

/* ---- State ----------------------------------------------------------------------------------- */

sw_trap sw_wasi_filesystem_types_descriptor_get_flags(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_get_flags_params *params,
    sw_wasi_filesystem_types_descriptor_get_flags_result *ret)
{
    p2_object *d;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    int flags = d->file->fd < 0 ? 0 : fcntl(d->file->fd, F_GETFL);
    P2_FINISH(errno_of(flags), ret);
    bool may_change = d->descriptor.is_directory && !d->descriptor.root->is_read_only;
    ret->ok = 0;
    ret->ok |= d->descriptor.reads ? SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_READ : 0;
    ret->ok |= d->descriptor.writes ? SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_WRITE : 0;
    ret->ok |= may_change ? SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_MUTATE_DIRECTORY : 0;
    if ((flags & O_SYNC) == O_SYNC) {
        ret->ok |= SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_FILE_INTEGRITY_SYNC;
    } else if ((flags & O_DSYNC) != 0) {
        ret->ok |= SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_DATA_INTEGRITY_SYNC;
    }
    return SW_TRAP_NONE;
}

int sw_p2_stat(const p2_object *d, struct stat *ret)
{
    if (d->file->fd < 0) {
        *ret = (struct stat){.st_mode = S_IFDIR, .st_nlink = 1};
        return 0;
    }
    return errno_of(fstat(d->file->fd, ret));
}

uint8_t sw_p2_type_of(mode_t mode)
{
    static const struct {
        mode_t mode;
        uint8_t type;
    } rows[] = {
        {S_IFBLK,  SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_BLOCK_DEVICE    },
        {S_IFCHR,  SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_CHARACTER_DEVICE},
        {S_IFDIR,  SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_DIRECTORY       },
        {S_IFIFO,  SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_FIFO            },
        {S_IFLNK,  SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_SYMBOLIC_LINK   },
        {S_IFREG,  SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_REGULAR_FILE    },
        {S_IFSOCK, SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_SOCKET          },
    };
    for (size_t i = 0; i < SW_COUNTOF(rows); i++) {
        if ((mode & S_IFMT) == rows[i].mode) {
            return rows[i].type;
        }
    }
    return SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_UNKNOWN;
}

sw_trap sw_wasi_filesystem_types_descriptor_get_type(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_get_type_params *params,
    sw_wasi_filesystem_types_descriptor_get_type_result *ret)
{
    p2_object *d;
    struct stat st;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    P2_FINISH(sw_p2_stat(d, &st), ret);
    ret->ok = sw_p2_type_of(st.st_mode);
    return SW_TRAP_NONE;
}

/* The format knows no time before 1970. */
static sw_wit_option_wasi_clocks_wall_clock_datetime time_of(struct timespec t)
{
    sw_wit_option_wasi_clocks_wall_clock_datetime out = {.is_some = t.tv_sec >= 0};
    if (out.is_some) {
        out.value.seconds = (uint64_t)t.tv_sec;
        out.value.nanoseconds = (uint32_t)t.tv_nsec;
    }
    return out;
}

sw_wasi_filesystem_types_descriptor_stat_t sw_p2_stat_of(const struct stat *st)
{
    return (sw_wasi_filesystem_types_descriptor_stat_t){
        .type = sw_p2_type_of(st->st_mode),
        .link_count = st->st_nlink,
        .size = (uint64_t)st->st_size,
        .data_access_timestamp = time_of(st->st_atim),
        .data_modification_timestamp = time_of(st->st_mtim),
        .status_change_timestamp = time_of(st->st_ctim),
    };
}

sw_trap sw_wasi_filesystem_types_descriptor_stat(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_stat_params *params,
    sw_wasi_filesystem_types_descriptor_stat_result *ret)
{
    p2_object *d;
    struct stat st;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    P2_FINISH(sw_p2_stat(d, &st), ret);
    ret->ok = sw_p2_stat_of(&st);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_set_size(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_set_size_params *params,
    sw_wasi_filesystem_types_descriptor_set_size_result *ret)
{
    p2_object *d;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    int err = check_file(d, false, true);
    err = err == 0 ? check_offset(params->size) : err;
    P2_FINISH(err != 0 ? err : errno_of(ftruncate(d->file->fd, (off_t)params->size)), ret);
    return SW_TRAP_NONE;
}

static int time_from(const sw_wasi_filesystem_types_new_timestamp_t *t, struct timespec *ret)
{
    *ret = (struct timespec){.tv_nsec = UTIME_OMIT};
    if (t->tag == SW_WASI_FILESYSTEM_TYPES_NEW_TIMESTAMP_NOW) {
        ret->tv_nsec = UTIME_NOW;
    } else if (t->tag == SW_WASI_FILESYSTEM_TYPES_NEW_TIMESTAMP_TIMESTAMP) {
        if (t->timestamp.seconds > INT64_MAX || t->timestamp.nanoseconds >= 1000000000) {
            return EINVAL;
        }
        ret->tv_sec = (time_t)t->timestamp.seconds;
        ret->tv_nsec = (long)t->timestamp.nanoseconds;
    }
    return 0;
}

int sw_p2_times_from(const sw_wasi_filesystem_types_new_timestamp_t *access,
                     const sw_wasi_filesystem_types_new_timestamp_t *modification,
                     struct timespec ret[2])
{
    int err = time_from(access, &ret[0]);
    return err != 0 ? err : time_from(modification, &ret[1]);
}

sw_trap sw_wasi_filesystem_types_descriptor_set_times(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_set_times_params *params,
    sw_wasi_filesystem_types_descriptor_set_times_result *ret)
{
    p2_object *d;
    struct timespec times[2];
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    int err = sw_p2_times_from(&params->data_access_timestamp, &params->data_modification_timestamp,
                               times);
    if (err == 0 && d->descriptor.is_directory) {
        err = sw_wasi_check_write(call->env, d->descriptor.root, "set times of", SW_STR("."));
    } else if (err == 0) {
        err = check_file(d, false, true);
    }
    P2_FINISH(err != 0 ? err : errno_of(futimens(d->file->fd, times)), ret);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_advise(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_advise_params *params,
    sw_wasi_filesystem_types_descriptor_advise_result *ret)
{
    static const int advice[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                                 POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
    p2_object *d;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    int err = check_file(d, false, false);
    err = err == 0 ? check_offset(params->offset) : err;
    err = err == 0 ? check_offset(params->length) : err;
    assert(params->advice < SW_COUNTOF(advice));
    P2_FINISH(err != 0 ? err
                       : posix_fadvise(d->file->fd, (off_t)params->offset, (off_t)params->length,
                                       advice[params->advice]),
              ret);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_sync(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_sync_params *params,
    sw_wasi_filesystem_types_descriptor_sync_result *ret)
{
    p2_object *d;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    P2_FINISH(errno_of(fsync(d->file->fd)), ret);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_sync_data(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_sync_data_params *params,
    sw_wasi_filesystem_types_descriptor_sync_data_result *ret)
{
    p2_object *d;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    P2_FINISH(errno_of(fdatasync(d->file->fd)), ret);
    return SW_TRAP_NONE;
}

/* ---- Identity -------------------------------------------------------------------------------- */

sw_trap sw_wasi_filesystem_types_descriptor_is_same_object(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_is_same_object_params *params,
    sw_wasi_filesystem_types_descriptor_is_same_object_result *ret)
{
    p2_object *a;
    p2_object *b;
    struct stat st_a;
    struct stat st_b;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &a));
    P2_TRY(sw_p2_get_descriptor(call, params->other, &b));
    *ret = sw_p2_stat(a, &st_a) == 0 && sw_p2_stat(b, &st_b) == 0 && st_a.st_dev == st_b.st_dev &&
           st_a.st_ino == st_b.st_ino;
    return SW_TRAP_NONE;
}

/* Keyed with the process's secret, so that it says nothing about the numbers behind it. */
sw_wasi_filesystem_types_metadata_hash_value_t sw_p2_hash_of(const struct stat *st)
{
    uint64_t words[] = {st->st_dev,
                        st->st_ino,
                        (uint64_t)st->st_size,
                        (uint64_t)st->st_mtim.tv_sec,
                        (uint64_t)st->st_mtim.tv_nsec,
                        0};
    sw_bytes bytes = {(const uint8_t *)words, sizeof words};
    sw_wasi_filesystem_types_metadata_hash_value_t hash = {.lower = sw_hash(bytes)};
    words[5] = 1;
    hash.upper = sw_hash(bytes);
    return hash;
}

sw_trap sw_wasi_filesystem_types_descriptor_metadata_hash(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_metadata_hash_params *params,
    sw_wasi_filesystem_types_descriptor_metadata_hash_result *ret)
{
    p2_object *d;
    struct stat st;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    P2_FINISH(sw_p2_stat(d, &st), ret);
    ret->ok = sw_p2_hash_of(&st);
    return SW_TRAP_NONE;
}

/* ---- Contents -------------------------------------------------------------------------------- */

enum { READ_MAX_BYTES = 256 * 1024 };

sw_trap sw_wasi_filesystem_types_descriptor_read(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_read_params *params,
    sw_wasi_filesystem_types_descriptor_read_result *ret)
{
    p2_object *d;
    uint8_t *to;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    size_t len = (size_t)SW_MIN(params->length, (uint64_t)READ_MAX_BYTES);
    int err = check_file(d, true, false);
    P2_FINISH(err == 0 ? check_offset(params->offset) : err, ret);
    P2_TRY(sw_p2_bytes(call, len, &to));
    ssize_t got;
    do {
        got = pread(d->file->fd, to, len, (off_t)params->offset);
    } while (got < 0 && errno == EINTR);
    P2_FINISH(errno_of((int)SW_MIN(got, 0)), ret);
    ret->ok.f0.ptr = to;
    ret->ok.f0.len = (size_t)got;
    ret->ok.f1 = got == 0 && len > 0;
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_write(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_write_params *params,
    sw_wasi_filesystem_types_descriptor_write_result *ret)
{
    p2_object *d;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    int err = check_file(d, false, true);
    P2_FINISH(err == 0 ? check_offset(params->offset) : err, ret);
    ssize_t done;
    do {
        done = pwrite(d->file->fd, params->buffer.ptr, params->buffer.len, (off_t)params->offset);
    } while (done < 0 && errno == EINTR);
    P2_FINISH(errno_of((int)SW_MIN(done, 0)), ret);
    ret->ok = (uint64_t)done;
    return SW_TRAP_NONE;
}

/* ---- Streams --------------------------------------------------------------------------------- */

static sw_trap add_stream(sw_host_call *call, const p2_object *d, p2_object stream,
                          uint32_t *ret_rep)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    stream.file = sw_p2_file_ref(d->file);
    return sw_p2_add(p, &stream, ret_rep);
}

sw_trap sw_wasi_filesystem_types_descriptor_read_via_stream(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_read_via_stream_params *params,
    sw_wasi_filesystem_types_descriptor_read_via_stream_result *ret)
{
    p2_object *d;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    int err = check_file(d, true, false);
    P2_FINISH(err == 0 ? check_offset(params->offset) : err, ret);
    p2_object stream = {
        .kind = P2_INPUT_STREAM,
        .input = {.offset = params->offset, .has_offset = d->file->is_plain}
    };
    return add_stream(call, d, stream, &ret->ok);
}

sw_trap sw_wasi_filesystem_types_descriptor_write_via_stream(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_write_via_stream_params *params,
    sw_wasi_filesystem_types_descriptor_write_via_stream_result *ret)
{
    p2_object *d;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    int err = check_file(d, false, true);
    P2_FINISH(err == 0 ? check_offset(params->offset) : err, ret);
    p2_object stream = {
        .kind = P2_OUTPUT_STREAM,
        .output = {.mode = d->file->is_plain ? P2_WRITE_AT : P2_WRITE_HERE,
                   .offset = params->offset}
    };
    return add_stream(call, d, stream, &ret->ok);
}

sw_trap sw_wasi_filesystem_types_descriptor_append_via_stream(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_append_via_stream_params *params,
    sw_wasi_filesystem_types_descriptor_append_via_stream_result *ret)
{
    p2_object *d;
    P2_TRY(sw_p2_get_descriptor(call, params->self, &d));
    P2_FINISH(check_file(d, false, true), ret);
    p2_object stream = {.kind = P2_OUTPUT_STREAM,
                        .output = {.mode = d->file->is_plain ? P2_WRITE_APPEND : P2_WRITE_HERE}};
    return add_stream(call, d, stream, &ret->ok);
}
