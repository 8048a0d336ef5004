#include "h1_body.h"

#include "http/h1_write.h"
#include "wasi/core/pipe.h"

#include <errno.h>

enum { PLACE_MIN_BYTES = 4096, PLACE_MAX_BYTES = 64 * 1024 };

/*
 * In.
 */

void sw_h1_in_start(sw_h1_in *in, const sw_h1_framing *f, uint64_t max_bytes,
                    const sw_h1_limits *trailer_limits)
{
    *in = (sw_h1_in){.body = f->body,
                     .left = f->length,
                     .max_bytes = max_bytes,
                     .trailer_limits = *trailer_limits};
}

static sw_h1_in_result done(sw_exchange *x)
{
    sw_pipe_finish(x->in);
    return SW_H1_IN_DONE;
}

/* Bytes of the body, into the pipe or away; *ret_used says how many. */
static sw_h1_in_result put(sw_h1_in *in, sw_exchange *x, sw_bytes data, size_t *ret_used)
{
    *ret_used = data.len;
    if (x->in->state == SW_PIPE_OPEN) {
        if (sw_pipe_write(x->in, data, ret_used) != SW_OK) {
            *ret_used = 0;
            return SW_H1_IN_NO_MEMORY;
        }
    } else {
        in->dropped += data.len;
    }
    in->taken += *ret_used;
    x->in_bytes += *ret_used;
    return *ret_used < data.len && x->in->state == SW_PIPE_OPEN ? SW_H1_IN_FULL : SW_H1_IN_MORE;
}

static sw_h1_in_result take_length(sw_h1_in *in, sw_exchange *x, sw_bytes bytes, size_t *ret_used)
{
    bytes.len = (size_t)SW_MIN((uint64_t)bytes.len, in->left);
    sw_h1_in_result result = put(in, x, bytes, ret_used);
    in->left -= *ret_used;
    return in->left == 0 ? done(x) : result;
}

static sw_h1_in_result take_trailers(sw_h1_in *in, sw_exchange *x, sw_bytes bytes, size_t *ret_used,
                                     sw_h1_error *ret_error)
{
    uint32_t used = 0;
    sw_h1_result result = sw_h1_read_trailers(&in->scan, bytes, &in->trailer_limits,
                                              &x->in_trailers, &used, ret_error);
    *ret_used = result == SW_H1_DONE ? used : 0;
    switch (result) {
    case SW_H1_DONE: return done(x);
    case SW_H1_MORE: return SW_H1_IN_MORE;
    case SW_H1_REFUSED: return SW_H1_IN_REFUSED;
    case SW_H1_NO_MEMORY: break;
    }
    return SW_H1_IN_NO_MEMORY;
}

/* The size of a run that may be taken from a chunk now. */
static size_t room(sw_exchange *x)
{
    return x->in->state == SW_PIPE_OPEN ? sw_pipe_room(x->in) : SIZE_MAX;
}

static sw_h1_in_result take_chunks(sw_h1_in *in, sw_exchange *x, sw_bytes bytes, size_t *ret_used,
                                   sw_h1_error *ret_error)
{
    size_t at = 0;
    sw_h1_in_result result = SW_H1_IN_MORE;
    while (at < bytes.len && !in->in_trailers && result == SW_H1_IN_MORE) {
        size_t used = 0;
        size_t written = 0;
        sw_bytes data;
        size_t max_data = room(x);
        sw_h1_result chunk =
            sw_h1_read_chunk(&in->chunks, sw_bytes_slice(bytes, at, bytes.len - at), max_data,
                             &used, &data, ret_error);
        if (chunk == SW_H1_REFUSED) {
            ret_error->offset += (uint32_t)at;
            result = SW_H1_IN_REFUSED;
            break;
        }
        in->in_trailers = chunk == SW_H1_DONE;
        at += used;
        if (data.len > 0) {
            result = put(in, x, data, &written);
        } else if (used == 0) {
            result = SW_H1_IN_FULL;
        }
        if (in->taken > in->max_bytes) {
            *ret_error = (sw_h1_error){413, (uint32_t)at, "the body is too long"};
            result = SW_H1_IN_REFUSED;
        }
    }
    *ret_used = at;
    if (!in->in_trailers || result != SW_H1_IN_MORE) {
        return result;
    }
    size_t used;
    result = take_trailers(in, x, sw_bytes_slice(bytes, at, bytes.len - at), &used, ret_error);
    *ret_used = at + used;
    return result;
}

sw_h1_in_result sw_h1_in_take(sw_h1_in *in, sw_exchange *x, sw_bytes bytes, size_t *ret_used,
                              sw_h1_error *ret_error)
{
    *ret_used = 0;
    switch (in->body) {
    case SW_H1_BODY_NONE: return done(x);
    case SW_H1_BODY_LENGTH: return take_length(in, x, bytes, ret_used);
    case SW_H1_BODY_CHUNKED: return take_chunks(in, x, bytes, ret_used, ret_error);
    case SW_H1_BODY_CLOSE: break;
    }
    sw_h1_in_result result = put(in, x, bytes, ret_used);
    if (in->taken > in->max_bytes) {
        *ret_error = (sw_h1_error){413, 0, "the body is too long"};
        return SW_H1_IN_REFUSED;
    }
    return result;
}

bool sw_h1_in_end(sw_h1_in *in, sw_exchange *x)
{
    bool is_whole = in->body == SW_H1_BODY_CLOSE || in->body == SW_H1_BODY_NONE;
    if (is_whole) {
        sw_pipe_finish(x->in);
    }
    return is_whole;
}

struct iovec sw_h1_in_place(sw_h1_in *in, sw_exchange *x)
{
    struct iovec pieces[2];
    int count = 0;
    bool is_plain = in->body == SW_H1_BODY_CLOSE || in->body == SW_H1_BODY_LENGTH;
    uint64_t want = in->body == SW_H1_BODY_LENGTH ? in->left : PLACE_MAX_BYTES;
    if (!is_plain || want < PLACE_MIN_BYTES || x->in->state != SW_PIPE_OPEN) {
        return (struct iovec){};
    }
    want = SW_MIN(want, (uint64_t)PLACE_MAX_BYTES);
    if (sw_pipe_reserve(x->in, (size_t)want, pieces, &count) != SW_OK || count == 0) {
        return (struct iovec){};
    }
    return pieces[0];
}

sw_h1_in_result sw_h1_in_commit(sw_h1_in *in, sw_exchange *x, size_t bytes)
{
    in->taken += bytes;
    x->in_bytes += bytes;
    sw_pipe_commit(x->in, bytes);
    if (in->body != SW_H1_BODY_LENGTH) {
        return in->taken > in->max_bytes ? SW_H1_IN_REFUSED : SW_H1_IN_MORE;
    }
    in->left -= bytes;
    return in->left == 0 ? done(x) : SW_H1_IN_MORE;
}

/*
 * Out.
 */

void sw_h1_out_start(sw_h1_out *out, sw_h1_body body, uint64_t length)
{
    out->body = body;
    out->left = length;
    out->is_started = true;
    out->has_ended = false;
    out->tail_at = out->text.len;
    out->data_left = 0;
}

/* Makes a segment of what the pipe holds, behind text that has not been written yet. */
static void make_segment(sw_h1_out *out, sw_exchange *x)
{
    sw_pipe *p = x->out;
    uint64_t there = p->used;
    bool is_last = p->state == SW_PIPE_FINISHED;
    if (out->body == SW_H1_BODY_LENGTH) {
        there = SW_MIN(there, out->left);
        out->left -= there;
        is_last = out->left == 0;
    }
    bool is_chunk = out->body == SW_H1_BODY_CHUNKED;
    if (is_chunk && there > 0) {
        sw_h1_write_chunk_head(&out->text, there);
    }
    out->tail_at = out->text.len;
    out->data_left = there;
    if (is_chunk && there > 0) {
        sw_buf_str(&out->text, SW_STR("\r\n"));
    }
    if (is_chunk && is_last) {
        sw_h1_write_last_chunk(&out->text, &x->out_trailers);
    }
    out->has_ended = is_last;
}

static int add_piece(struct iovec *pieces, int count, const uint8_t *p, size_t len)
{
    if (len != 0) {
        pieces[count++] = (struct iovec){(void *)(uintptr_t)p, len};
    }
    return count;
}

/* What of the segment is left to write: text, data in two pieces, text. */
static int collect(const sw_h1_out *out, const sw_exchange *x, struct iovec pieces[4])
{
    int count = 0;
    if (out->text_at < out->tail_at) {
        count = add_piece(pieces, 0, out->text.ptr + out->text_at, out->tail_at - out->text_at);
    }
    if (out->data_left > 0) {
        struct iovec data[2];
        uint64_t left = out->data_left;
        int there = sw_pipe_peek(x->out, data);
        for (int i = 0; i < there; i++) {
            size_t len = (size_t)SW_MIN((uint64_t)data[i].iov_len, left);
            count = add_piece(pieces, count, data[i].iov_base, len);
            left -= len;
        }
    }
    size_t tail = SW_MAX(out->text_at, out->tail_at);
    return add_piece(pieces, count, out->text.ptr + tail, out->text.len - tail);
}

/* So many bytes of the segment have been written. */
static void advance(sw_h1_out *out, sw_exchange *x, size_t bytes)
{
    if (out->text_at < out->tail_at) {
        size_t head = SW_MIN(bytes, out->tail_at - out->text_at);
        out->text_at += head;
        bytes -= head;
    }
    size_t data = (size_t)SW_MIN((uint64_t)bytes, out->data_left);
    if (data > 0) {
        out->data_left -= data;
        x->out_bytes += data;
        sw_pipe_consume(x->out, data);
    }
    out->text_at += bytes - data;
    if (out->text_at == out->text.len && out->data_left == 0) {
        out->text.len = out->text_at = out->tail_at = 0;
    }
}

static bool is_written(const sw_h1_out *out)
{
    return out->text.len == 0 && out->data_left == 0;
}

/* Writes the segment: WAIT when it is written whole. */
static sw_h1_out_result write_segment(sw_h1_out *out, sw_exchange *x, sw_io *io, bool *ret_wrote)
{
    while (!is_written(out)) {
        /* Whoever was told of room in the pipe may have ended it. */
        if (out->data_left > 0 && x->out->used < out->data_left) {
            return SW_H1_OUT_SHORT;
        }
        struct iovec pieces[4];
        int count = collect(out, x, pieces);
        ssize_t n = sw_io_writev(io, pieces, count);
        if (n <= 0) {
            return n == -EAGAIN ? SW_H1_OUT_BLOCKED : SW_H1_OUT_GONE;
        }
        *ret_wrote = true;
        advance(out, x, (size_t)n);
    }
    return SW_H1_OUT_WAIT;
}

sw_h1_out_result sw_h1_out_text(sw_h1_out *out, sw_io *io, bool *ret_wrote)
{
    assert(out->data_left == 0);
    *ret_wrote = false;
    return write_segment(out, NULL, io, ret_wrote);
}

/* A body that is not sent: its bytes are dropped until it ends. */
static sw_h1_out_result drop(sw_h1_out *out, sw_exchange *x)
{
    sw_pipe *p = x->out;
    sw_pipe_consume(p, p->used);
    out->has_ended = p->state != SW_PIPE_OPEN;
    return out->has_ended ? SW_H1_OUT_DONE : SW_H1_OUT_WAIT;
}

sw_h1_out_result sw_h1_out_step(sw_h1_out *out, sw_exchange *x, sw_io *io, bool *ret_wrote)
{
    sw_pipe *p = x->out;
    *ret_wrote = false;
    for (;;) {
        bool is_new = out->data_left == 0 && out->text_at == 0 && !out->has_ended;
        if (is_new && p->state == SW_PIPE_FAILED) {
            return SW_H1_OUT_SHORT;
        }
        if (is_new && out->body != SW_H1_BODY_NONE) {
            make_segment(out, x);
        }
        if (out->text.status != SW_OK) {
            return SW_H1_OUT_NO_MEMORY;
        }
        sw_h1_out_result result = write_segment(out, x, io, ret_wrote);
        if (result != SW_H1_OUT_WAIT) {
            return result;
        }
        if (out->has_ended) {
            return SW_H1_OUT_DONE;
        }
        if (out->body == SW_H1_BODY_NONE) {
            return drop(out, x);
        }
        if (p->used == 0 && p->state != SW_PIPE_FINISHED) {
            return p->state == SW_PIPE_OPEN ? SW_H1_OUT_WAIT : SW_H1_OUT_SHORT;
        }
        if (p->used == 0 && out->body == SW_H1_BODY_LENGTH && out->left > 0) {
            return SW_H1_OUT_SHORT;
        }
    }
}
