/*
 * WASI 0.2: wasi:io/streams over files, pipes and terminals of the host, and over what other
 * rooms give (sw_p2_io).
 *
 * Nothing is buffered here: what a guest writes is handed on at once, so flushing has nothing to
 * do. Where the store has a deadline, a guest that would have to wait does so in the
 * host's poll, which knows it; a file that is not plain is then written in pieces that its
 * readiness promises room for.
 */
#include "os/file.h"
#include "wasi/core/poll.h"
#include "wasi/p2/p2.h"
#include "wasi_io_streams.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    READ_MAX_BYTES = 256 * 1024,
    WRITE_MAX_BYTES = 1024 * 1024, /* what a plain file permits at once */
    PIPE_MAX_BYTES = 64 * 1024,    /* what others permit, when they are ready */
    SOCKET_MAX_BYTES = 16 * 1024,  /* what a guest's socket permits, when it is ready */
    PIPE_PIECE_BYTES = 4096,       /* a pipe that is ready takes this much without blocking */
    FLUSHED_MAX_BYTES = 4096,      /* blocking-write-and-flush, by its definition */
};

typedef sw_wasi_io_streams_stream_error_t stream_error;

/* The error side of a result: closed, or an error resource. */
static sw_trap fail(sw_host_call *call, const p2_object *s, int outcome, bool *ret_is_err,
                    stream_error *ret_error)
{
    *ret_is_err = true;
    *ret_error = (stream_error){.tag = SW_WASI_IO_STREAMS_STREAM_ERROR_CLOSED};
    if (outcome == SW_P2_CLOSED) {
        return SW_TRAP_NONE;
    }
    sw_p2 *p;
    ret_error->tag = SW_WASI_IO_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED;
    P2_TRY(sw_p2_of(call->env, &p));
    p2_object error = {.kind = P2_ERROR, .error.err = outcome};
    if (outcome == SW_P2_FAILED) {
        error.error = s->io->error;
    }
    return sw_p2_add(p, &error, &ret_error->last_operation_failed);
}

/* Fills a result that is an error of the stream s; for the rest the caller has to set ok. */
#define FINISH(call, s, outcome, ret)                                        \
    do {                                                                     \
        int outcome_ = (outcome);                                            \
        (ret)->is_err = false;                                               \
        if (outcome_ != SW_P2_DONE) {                                        \
            return fail((call), (s), outcome_, &(ret)->is_err, &(ret)->err); \
        }                                                                    \
    } while (0)

/* Nothing behind it, and never was. */
static bool is_void(const p2_object *s)
{
    return s->io == NULL && s->file->fd < 0;
}

static bool never_waits(const p2_object *s)
{
    return s->file != NULL && s->file->is_plain;
}

/* Whether the file is ready now. An error of the poll counts as readiness: the operation tells. */
static bool is_ready(const p2_object *s, short events)
{
    if (s->io != NULL) {
        return s->io->source->is_ready(s->io->source, events);
    }
    struct pollfd one = {.fd = s->file->fd, .events = events};
    return s->file->is_plain || poll(&one, 1, 0) != 0;
}

static sw_trap wait_for(sw_host_call *call, const p2_object *s, short events)
{
    if (never_waits(s) || is_void(s)) {
        return SW_TRAP_NONE;
    }
    sw_poll_item item = {.fd = s->io == NULL ? s->file->fd : -1,
                         .source = s->io == NULL ? NULL : s->io->source,
                         .events = events,
                         .deadline_ns = UINT64_MAX};
    return sw_poll_wait(call->store, &item, 1);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* One read of a ready stream; *ret_len is 0 only if len is, or nothing was there after all. */
static int read_file(p2_object *s, uint8_t *to, size_t len, size_t *ret_len)
{
    ssize_t got;
    do {
        got = s->input.has_offset ? pread(s->file->fd, to, len, (off_t)s->input.offset)
                                  : read(s->file->fd, to, len);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return errno == EAGAIN ? SW_P2_DONE : errno;
    }
    if (got == 0 && len > 0) {
        s->input.is_closed = true;
        return SW_P2_CLOSED;
    }
    s->input.offset += (uint64_t)got;
    *ret_len = (size_t)got;
    return SW_P2_DONE;
}

static int read_io(p2_object *s, uint8_t *to, size_t len, size_t *ret_len)
{
    int outcome = s->io->ops->read(s->io, to, len, ret_len);
    s->input.is_closed = outcome != SW_P2_DONE;
    return outcome;
}

/* Room to read so many bytes into, if they were there. */
static size_t reading_room(const p2_object *s, size_t want)
{
    if (s->io == NULL || s->io->ops->available == NULL) {
        return want;
    }
    return SW_MIN(want, SW_MAX(s->io->ops->available(s->io), (size_t)1));
}

/* Reads up to len bytes into the call's arena. blocking: at least one, if there is no error. */
static sw_trap read_bytes(sw_host_call *call, p2_object *s, uint64_t len, bool blocking,
                          sw_wit_list_u8 *ret_bytes, int *ret_outcome)
{
    size_t want = (size_t)SW_MIN(len, (uint64_t)READ_MAX_BYTES);
    *ret_bytes = (sw_wit_list_u8){0};
    *ret_outcome = s->input.is_closed || is_void(s) ? SW_P2_CLOSED : SW_P2_DONE;
    P2_TRY(sw_p2_bytes(call, 0, &ret_bytes->ptr));
    if (*ret_outcome != SW_P2_DONE || want == 0) {
        return SW_TRAP_NONE;
    }
    do {
        if (blocking) {
            P2_TRY(wait_for(call, s, POLLIN));
        } else if (!is_ready(s, POLLIN)) {
            return SW_TRAP_NONE;
        }
        size_t room = reading_room(s, want);
        P2_TRY(sw_p2_bytes(call, room, &ret_bytes->ptr));
        *ret_outcome = s->io != NULL ? read_io(s, ret_bytes->ptr, room, &ret_bytes->len)
                                     : read_file(s, ret_bytes->ptr, room, &ret_bytes->len);
    } while (blocking && *ret_outcome == SW_P2_DONE && ret_bytes->len == 0);
    return SW_TRAP_NONE;
}

static sw_trap get_input(sw_host_call *call, uint32_t rep, p2_object **ret)
{
    return sw_p2_get(call, rep, P2_INPUT_STREAM, ret);
}

static sw_trap do_read(sw_host_call *call, uint32_t self, uint64_t len, bool blocking,
                       sw_wit_result_list_u8_wasi_io_streams_stream_error *ret)
{
    p2_object *s;
    sw_wit_list_u8 bytes;
    int outcome;
    P2_TRY(get_input(call, self, &s));
    P2_TRY(read_bytes(call, s, len, blocking, &bytes, &outcome));
    FINISH(call, s, outcome, ret);
    ret->ok = bytes;
    return SW_TRAP_NONE;
}

static sw_trap do_skip(sw_host_call *call, uint32_t self, uint64_t len, bool blocking,
                       sw_wit_result_u64_wasi_io_streams_stream_error *ret)
{
    p2_object *s;
    sw_wit_list_u8 bytes;
    int outcome;
    P2_TRY(get_input(call, self, &s));
    P2_TRY(read_bytes(call, s, len, blocking, &bytes, &outcome));
    FINISH(call, s, outcome, ret);
    ret->ok = bytes.len;
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_io_streams_input_stream_read(
    sw_host_call *call, const sw_wasi_io_streams_input_stream_read_params *params,
    sw_wasi_io_streams_input_stream_read_result *ret)
{
    return do_read(call, params->self, params->len, false, ret);
}

sw_trap sw_wasi_io_streams_input_stream_blocking_read(
    sw_host_call *call, const sw_wasi_io_streams_input_stream_blocking_read_params *params,
    sw_wasi_io_streams_input_stream_blocking_read_result *ret)
{
    return do_read(call, params->self, params->len, true, ret);
}

sw_trap sw_wasi_io_streams_input_stream_skip(
    sw_host_call *call, const sw_wasi_io_streams_input_stream_skip_params *params,
    sw_wasi_io_streams_input_stream_skip_result *ret)
{
    return do_skip(call, params->self, params->len, false, ret);
}

sw_trap sw_wasi_io_streams_input_stream_blocking_skip(
    sw_host_call *call, const sw_wasi_io_streams_input_stream_blocking_skip_params *params,
    sw_wasi_io_streams_input_stream_blocking_skip_result *ret)
{
    return do_skip(call, params->self, params->len, true, ret);
}

sw_trap sw_wasi_io_streams_input_stream_subscribe(
    sw_host_call *call, const sw_wasi_io_streams_input_stream_subscribe_params *params,
    sw_wasi_io_streams_input_stream_subscribe_result *ret)
{
    p2_object *s;
    P2_TRY(get_input(call, params->self, &s));
    return sw_p2_pollable(call, s, POLLIN, UINT64_MAX, ret);
}

void sw_wasi_io_streams_input_stream_drop(void *env, uint32_t rep)
{
    sw_p2_drop(env, rep, P2_INPUT_STREAM);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static ssize_t write_once(const p2_object *s, const uint8_t *from, size_t len)
{
    struct iovec v = {(void *)(uintptr_t)from, len};
    switch (s->output.mode) {
    case P2_WRITE_AT: return pwritev(s->file->fd, &v, 1, (off_t)s->output.offset);
    case P2_WRITE_APPEND: return pwritev2(s->file->fd, &v, 1, 0, RWF_APPEND);
    case P2_WRITE_HERE: break;
    }
    return s->file->is_silent ? sw_fd_writev_silent(s->file->fd, &v, 1)
                              : writev(s->file->fd, &v, 1);
}

/* Writes something, or waits. */
static sw_trap write_file(sw_host_call *call, p2_object *s, const uint8_t *from, size_t len,
                          size_t *ret_done, int *ret_outcome)
{
    bool may_block = s->file->is_plain || s->file->is_counted || sw_store_may_block(call->store);
    if (!may_block) {
        P2_TRY(wait_for(call, s, POLLOUT));
    }
    ssize_t done = write_once(s, from, may_block ? len : SW_MIN(len, (size_t)PIPE_PIECE_BYTES));
    if (done >= 0) {
        s->output.offset += (uint64_t)done;
        *ret_done = (size_t)done;
    } else if (errno == EAGAIN) {
        return wait_for(call, s, POLLOUT);
    } else if (errno != EINTR) {
        *ret_outcome = errno == EPIPE ? SW_P2_CLOSED : errno;
    }
    return SW_TRAP_NONE;
}

static sw_trap write_io(sw_host_call *call, p2_object *s, const uint8_t *from, size_t len,
                        size_t *ret_done, int *ret_outcome)
{
    *ret_outcome = s->io->ops->write(s->io, from, len, ret_done);
    if (*ret_outcome == SW_P2_DONE && *ret_done == 0) {
        return wait_for(call, s, POLLOUT);
    }
    return SW_TRAP_NONE;
}

/* Writes everything, waiting as often as it takes. */
static sw_trap write_all(sw_host_call *call, p2_object *s, const uint8_t *from, size_t len,
                         int *ret_outcome)
{
    *ret_outcome = s->output.is_closed || is_void(s) ? SW_P2_CLOSED : SW_P2_DONE;
    while (len > 0 && *ret_outcome == SW_P2_DONE) {
        size_t done = 0;
        P2_TRY(s->io != NULL ? write_io(call, s, from, len, &done, ret_outcome)
                             : write_file(call, s, from, len, &done, ret_outcome));
        from += done;
        len -= done;
    }
    s->output.is_closed |= *ret_outcome != SW_P2_DONE;
    return SW_TRAP_NONE;
}

/* How much may be written now without waiting. */
static int get_room(p2_object *s, uint64_t *ret_room)
{
    *ret_room = 0;
    if (s->output.is_closed || is_void(s)) {
        return SW_P2_CLOSED;
    }
    if (s->io != NULL) {
        size_t room = 0;
        int outcome = s->io->ops->room(s->io, &room);
        s->output.is_closed = outcome != SW_P2_DONE;
        *ret_room = room;
        return outcome;
    }
    if (s->file->is_plain) {
        *ret_room = WRITE_MAX_BYTES;
    } else if (is_ready(s, POLLOUT)) {
        *ret_room = s->file->is_counted ? SOCKET_MAX_BYTES : PIPE_MAX_BYTES;
    }
    return SW_P2_DONE;
}

static sw_trap get_output(sw_host_call *call, uint32_t rep, p2_object **ret)
{
    return sw_p2_get(call, rep, P2_OUTPUT_STREAM, ret);
}

sw_trap sw_wasi_io_streams_output_stream_check_write(
    sw_host_call *call, const sw_wasi_io_streams_output_stream_check_write_params *params,
    sw_wasi_io_streams_output_stream_check_write_result *ret)
{
    p2_object *s;
    P2_TRY(get_output(call, params->self, &s));
    uint64_t room;
    FINISH(call, s, get_room(s, &room), ret);
    ret->ok = s->output.permit = room;
    return SW_TRAP_NONE;
}

/* A guest that writes more than check-write allowed breaks the contract of the interface. */
static sw_trap use_permit(sw_host_call *call, p2_object *s, uint64_t len)
{
    if (len > s->output.permit) {
        sw_store_explain_trap(call->store, "write of %llu bytes where check-write permitted %llu",
                              (unsigned long long)len, (unsigned long long)s->output.permit);
        return SW_TRAP_HOST;
    }
    s->output.permit -= len;
    return SW_TRAP_NONE;
}

static sw_trap check_flushed(sw_host_call *call, uint64_t len)
{
    if (len > FLUSHED_MAX_BYTES) {
        sw_store_explain_trap(call->store, "blocking write of %llu bytes; %d are allowed",
                              (unsigned long long)len, FLUSHED_MAX_BYTES);
        return SW_TRAP_HOST;
    }
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_io_streams_output_stream_write(
    sw_host_call *call, const sw_wasi_io_streams_output_stream_write_params *params,
    sw_wasi_io_streams_output_stream_write_result *ret)
{
    p2_object *s;
    int outcome;
    P2_TRY(get_output(call, params->self, &s));
    P2_TRY(use_permit(call, s, params->contents.len));
    P2_TRY(write_all(call, s, params->contents.ptr, params->contents.len, &outcome));
    FINISH(call, s, outcome, ret);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_io_streams_output_stream_blocking_write_and_flush(
    sw_host_call *call,
    const sw_wasi_io_streams_output_stream_blocking_write_and_flush_params *params,
    sw_wasi_io_streams_output_stream_blocking_write_and_flush_result *ret)
{
    p2_object *s;
    int outcome;
    P2_TRY(get_output(call, params->self, &s));
    P2_TRY(check_flushed(call, params->contents.len));
    P2_TRY(write_all(call, s, params->contents.ptr, params->contents.len, &outcome));
    FINISH(call, s, outcome, ret);
    return SW_TRAP_NONE;
}

/* What is written is on its way. An io may be asked to wait until it takes more. */
static sw_trap do_flush(sw_host_call *call, uint32_t self, bool blocking,
                        sw_wit_result_none_wasi_io_streams_stream_error *ret)
{
    p2_object *s;
    P2_TRY(get_output(call, self, &s));
    if (blocking && s->io != NULL && !s->output.is_closed) {
        P2_TRY(wait_for(call, s, POLLOUT));
    }
    uint64_t room;
    FINISH(call, s, get_room(s, &room), ret);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_io_streams_output_stream_flush(
    sw_host_call *call, const sw_wasi_io_streams_output_stream_flush_params *params,
    sw_wasi_io_streams_output_stream_flush_result *ret)
{
    return do_flush(call, params->self, false, ret);
}

sw_trap sw_wasi_io_streams_output_stream_blocking_flush(
    sw_host_call *call, const sw_wasi_io_streams_output_stream_blocking_flush_params *params,
    sw_wasi_io_streams_output_stream_blocking_flush_result *ret)
{
    return do_flush(call, params->self, true, ret);
}

sw_trap sw_wasi_io_streams_output_stream_subscribe(
    sw_host_call *call, const sw_wasi_io_streams_output_stream_subscribe_params *params,
    sw_wasi_io_streams_output_stream_subscribe_result *ret)
{
    p2_object *s;
    P2_TRY(get_output(call, params->self, &s));
    return sw_p2_pollable(call, s, POLLOUT, UINT64_MAX, ret);
}

static sw_trap write_zeroes(sw_host_call *call, p2_object *s, uint64_t len, int *ret_outcome)
{
    static const uint8_t zeroes[4096];
    do {
        size_t piece = (size_t)SW_MIN(len, (uint64_t)sizeof zeroes);
        P2_TRY(write_all(call, s, zeroes, piece, ret_outcome));
        len -= piece;
    } while (len > 0 && *ret_outcome == SW_P2_DONE);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_io_streams_output_stream_write_zeroes(
    sw_host_call *call, const sw_wasi_io_streams_output_stream_write_zeroes_params *params,
    sw_wasi_io_streams_output_stream_write_zeroes_result *ret)
{
    p2_object *s;
    int outcome;
    P2_TRY(get_output(call, params->self, &s));
    P2_TRY(use_permit(call, s, params->len));
    P2_TRY(write_zeroes(call, s, params->len, &outcome));
    FINISH(call, s, outcome, ret);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_io_streams_output_stream_blocking_write_zeroes_and_flush(
    sw_host_call *call,
    const sw_wasi_io_streams_output_stream_blocking_write_zeroes_and_flush_params *params,
    sw_wasi_io_streams_output_stream_blocking_write_zeroes_and_flush_result *ret)
{
    p2_object *s;
    int outcome;
    P2_TRY(get_output(call, params->self, &s));
    P2_TRY(check_flushed(call, params->len));
    P2_TRY(write_zeroes(call, s, params->len, &outcome));
    FINISH(call, s, outcome, ret);
    return SW_TRAP_NONE;
}

/* ---- Splicing -------------------------------------------------------------------------------- */

static sw_trap do_splice(sw_host_call *call, uint32_t self, uint32_t src, uint64_t len,
                         bool blocking, sw_wit_result_u64_wasi_io_streams_stream_error *ret)
{
    p2_object *in;
    p2_object *out;
    sw_wit_list_u8 bytes;
    int outcome;
    P2_TRY(get_output(call, self, &out));
    P2_TRY(get_input(call, src, &in));
    if (blocking && !out->output.is_closed) {
        P2_TRY(wait_for(call, out, POLLOUT));
    }
    uint64_t room;
    FINISH(call, out, get_room(out, &room), ret);
    P2_TRY(read_bytes(call, in, SW_MIN(len, room), blocking, &bytes, &outcome));
    FINISH(call, in, outcome, ret);
    P2_TRY(write_all(call, out, bytes.ptr, bytes.len, &outcome));
    FINISH(call, out, outcome, ret);
    ret->ok = bytes.len;
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_io_streams_output_stream_splice(
    sw_host_call *call, const sw_wasi_io_streams_output_stream_splice_params *params,
    sw_wasi_io_streams_output_stream_splice_result *ret)
{
    return do_splice(call, params->self, params->src, params->len, false, ret);
}

sw_trap sw_wasi_io_streams_output_stream_blocking_splice(
    sw_host_call *call, const sw_wasi_io_streams_output_stream_blocking_splice_params *params,
    sw_wasi_io_streams_output_stream_blocking_splice_result *ret)
{
    return do_splice(call, params->self, params->src, params->len, true, ret);
}

void sw_wasi_io_streams_output_stream_drop(void *env, uint32_t rep)
{
    sw_p2_drop(env, rep, P2_OUTPUT_STREAM);
}
