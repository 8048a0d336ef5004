/*
 * Pipes: a bounded queue of bytes inside of the process, with a writing and a reading end.
 *
 * It carries the body of a request into a guest and that of the answer out of it. Its capacity is
 * the back-pressure: who writes faster than the other end reads finds no room. Either end may be a
 * guest's, which waits on a source, or the host's, which is called back.
 *
 *     writer                                   reader
 *     sw_pipe_room, write / reserve+commit     sw_pipe_peek+consume / read
 *     sw_pipe_finish: the end, as planned      reads what is left, then sees FINISHED
 *     sw_pipe_fail(code): the end, too early   sees FAILED at once; bytes are dropped
 *     sees CLOSED                              sw_pipe_close: wants no more; bytes are dropped
 *
 * The first of finish, fail and close holds, except that what has finished may still be closed or
 * fail while bytes are left in it. `code` is the business of those who use it.
 *
 * Callbacks and sources tell changes, on the loop's thread; they may come from inside of a
 * function called by the other end, so a callback does little, like deferring a job.
 *
 * The bytes are a ring that grows as needed from 1 KiB to the capacity, charged to the budget.
 */
#pragma once

#include "base/span.h"
#include "wasi/core/source.h"

#include <sys/uio.h>

typedef struct sw_pipe sw_pipe;

typedef enum sw_pipe_state {
    SW_PIPE_OPEN,
    SW_PIPE_FINISHED,
    SW_PIPE_FAILED,
    SW_PIPE_CLOSED,
} sw_pipe_state;

typedef void sw_pipe_fn(sw_pipe *p, void *arg);

struct sw_pipe {
    sw_pipe_state state;
    uint32_t code;           /* of FAILED */
    sw_source readable;      /* bytes or an end to read: POLLIN */
    sw_source writable;      /* room, or nothing to be written any more: POLLOUT */
    uint64_t total_bytes;    /* ever written */
    sw_pipe_fn *on_readable; /* bytes came, or the writer's end. Both may be NULL. */
    sw_pipe_fn *on_writable; /* there is room again after it was full, or the reader's end */
    void *on_readable_arg, *on_writable_arg;
    sw_pipe_fn *on_release; /* the last reference is gone: may free the struct p lies in */
    void *on_release_arg;
    uint32_t references;
    bool is_stalled; /* there was a lack of room, and the writer was not told of new room since */
    uint32_t capacity;
    uint32_t ring_bytes; /* a power of two, or 0 */
    uint32_t head, used; /* where the oldest byte is; how many there are */
    uint8_t *ring;       /* owned */
    sw_budget *budget;   /* borrowed */
};

/* An empty open pipe with one reference. The capacity is rounded up to a power of two, at least
 * 1 KiB, at most 16 MiB. The callbacks are set by the caller. */
void sw_pipe_init(sw_pipe *p, sw_budget *budget, size_t capacity_bytes);

sw_pipe *sw_pipe_ref(sw_pipe *p);
/* The last one frees the bytes, then calls on_release. p may be NULL. */
void sw_pipe_unref(sw_pipe *p);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Bytes that can be written at once; 0 unless OPEN. Whoever has filled the pipe, or asked for
 * more than there was room for, is told of room later. */
size_t sw_pipe_room(sw_pipe *p);

/* Copies as many bytes as there is room for. NO_MEMORY: none were written. */
SW_NODISCARD sw_status sw_pipe_write(sw_pipe *p, sw_bytes bytes, size_t *ret_written);

/* The same without a copy: up to two free pieces of at most want_bytes together, to be filled from
 * the front and committed before anything else is written. *ret_count 0: no room. */
SW_NODISCARD sw_status sw_pipe_reserve(sw_pipe *p, size_t want_bytes, struct iovec ret_pieces[2],
                                       int *ret_count);
void sw_pipe_commit(sw_pipe *p, size_t bytes);

void sw_pipe_finish(sw_pipe *p);
void sw_pipe_fail(sw_pipe *p, uint32_t code);

/* ---- Reading --------------------------------------------------------------------------------- */

/* The bytes that are there, in up to two pieces, which stay valid until something is consumed or
 * written; returns the count of pieces. */
int sw_pipe_peek(const sw_pipe *p, struct iovec ret_pieces[2]);

/* Drops the oldest bytes: at most those that are there. */
void sw_pipe_consume(sw_pipe *p, size_t bytes);

/* Copies and consumes up to so many bytes; returns how many. */
size_t sw_pipe_read(sw_pipe *p, uint8_t *to, size_t bytes);

void sw_pipe_close(sw_pipe *p);

/* Whether nothing comes any more: it has ended and no byte is left. */
static inline bool sw_pipe_is_drained(const sw_pipe *p)
{
    return p->state != SW_PIPE_OPEN && p->used == 0;
}
