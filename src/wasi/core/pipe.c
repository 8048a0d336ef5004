#include "wasi/core/pipe.h"

#include <poll.h>
#include <string.h>

enum { RING_MIN_BYTES = 1024, RING_MAX_BYTES = 16 << 20 };

static bool is_readable(const sw_source *source, short events)
{
    const sw_pipe *p = SW_CONTAINER_OF(source, sw_pipe, readable);
    return (events & POLLIN) != 0 && (p->used != 0 || p->state != SW_PIPE_OPEN);
}

static bool is_writable(const sw_source *source, short events)
{
    const sw_pipe *p = SW_CONTAINER_OF(source, sw_pipe, writable);
    return (events & POLLOUT) != 0 && (p->used < p->capacity || p->state != SW_PIPE_OPEN);
}

void sw_pipe_init(sw_pipe *p, sw_budget *budget, size_t capacity_bytes)
{
    uint32_t capacity = RING_MIN_BYTES;
    while (capacity < capacity_bytes && capacity < RING_MAX_BYTES) {
        capacity *= 2;
    }
    *p = (sw_pipe){.references = 1, .capacity = capacity, .budget = budget};
    sw_source_init(&p->readable, is_readable);
    sw_source_init(&p->writable, is_writable);
}

static void drop_bytes(sw_pipe *p)
{
    sw_free(p->budget, p->ring, p->ring_bytes);
    p->ring = NULL;
    p->ring_bytes = p->head = p->used = 0;
}

sw_pipe *sw_pipe_ref(sw_pipe *p)
{
    p->references++;
    return p;
}

void sw_pipe_unref(sw_pipe *p)
{
    if (p == NULL || --p->references != 0) {
        return;
    }
    assert(p->readable.waiters == NULL && p->writable.waiters == NULL);
    drop_bytes(p);
    if (p->on_release != NULL) {
        p->on_release(p, p->on_release_arg);
    }
}

static void tell_reader(sw_pipe *p)
{
    sw_source_notify(&p->readable);
    if (p->on_readable != NULL) {
        p->on_readable(p, p->on_readable_arg);
    }
}

static void tell_writer(sw_pipe *p)
{
    p->is_stalled = false;
    sw_source_notify(&p->writable);
    if (p->on_writable != NULL) {
        p->on_writable(p, p->on_writable_arg);
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

size_t sw_pipe_room(sw_pipe *p)
{
    if (p->state != SW_PIPE_OPEN) {
        return 0;
    }
    p->is_stalled |= p->used == p->capacity;
    return p->capacity - p->used;
}

/* Makes the ring large enough for so many bytes in all, moving those in it to its beginning. */
static sw_status grow(sw_pipe *p, uint32_t bytes)
{
    uint32_t wanted = SW_MAX(p->ring_bytes, (uint32_t)RING_MIN_BYTES);
    while (wanted < bytes) {
        wanted *= 2;
    }
    uint8_t *ring = sw_alloc(p->budget, wanted);
    if (ring == NULL) {
        return SW_NO_MEMORY;
    }
    struct iovec pieces[2];
    int count = sw_pipe_peek(p, pieces);
    uint8_t *to = ring;
    for (int i = 0; i < count; i++) {
        memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
        to += pieces[i].iov_len;
    }
    sw_free(p->budget, p->ring, p->ring_bytes);
    p->ring = ring;
    p->ring_bytes = wanted;
    p->head = 0;
    return SW_OK;
}

/* A run of the ring from `at` on, which may go round its end. */
static int split(const sw_pipe *p, uint32_t at, size_t bytes, struct iovec pieces[2])
{
    if (bytes == 0) {
        return 0;
    }
    uint32_t start = at & (p->ring_bytes - 1);
    size_t first = SW_MIN(bytes, (size_t)(p->ring_bytes - start));
    pieces[0] = (struct iovec){p->ring + start, first};
    pieces[1] = (struct iovec){p->ring, bytes - first};
    return first == bytes ? 1 : 2;
}

sw_status sw_pipe_reserve(sw_pipe *p, size_t want_bytes, struct iovec ret_pieces[2], int *ret_count)
{
    size_t bytes = SW_MIN(want_bytes, sw_pipe_room(p));
    if (p->ring_bytes - p->used < bytes) {
        SW_TRY(grow(p, p->used + (uint32_t)bytes));
    }
    p->is_stalled |= bytes < want_bytes;
    *ret_count = split(p, p->head + p->used, bytes, ret_pieces);
    return SW_OK;
}

void sw_pipe_commit(sw_pipe *p, size_t bytes)
{
    if (p->state != SW_PIPE_OPEN || bytes == 0) {
        return;
    }
    SW_CHECK(bytes <= p->ring_bytes - p->used);
    p->used += (uint32_t)bytes;
    p->total_bytes += bytes;
    p->is_stalled |= p->used == p->capacity; /* a writer may wait without having asked */
    tell_reader(p);
}

sw_status sw_pipe_write(sw_pipe *p, sw_bytes bytes, size_t *ret_written)
{
    struct iovec pieces[2];
    int count;
    size_t done = 0;
    SW_TRY(sw_pipe_reserve(p, bytes.len, pieces, &count));
    for (int i = 0; i < count; i++) {
        memcpy(pieces[i].iov_base, bytes.ptr + done, pieces[i].iov_len);
        done += pieces[i].iov_len;
    }
    *ret_written = done;
    sw_pipe_commit(p, done);
    return SW_OK;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

void sw_pipe_finish(sw_pipe *p)
{
    if (p->state == SW_PIPE_OPEN) {
        p->state = SW_PIPE_FINISHED;
        tell_reader(p);
    }
}

static bool may_break(const sw_pipe *p)
{
    return p->state == SW_PIPE_OPEN || (p->state == SW_PIPE_FINISHED && p->used != 0);
}

void sw_pipe_fail(sw_pipe *p, uint32_t code)
{
    if (!may_break(p)) {
        return;
    }
    p->state = SW_PIPE_FAILED;
    p->code = code;
    drop_bytes(p);
    sw_source_notify(&p->writable);
    tell_reader(p);
}

void sw_pipe_close(sw_pipe *p)
{
    if (!may_break(p)) {
        return;
    }
    p->state = SW_PIPE_CLOSED;
    drop_bytes(p);
    sw_source_notify(&p->readable);
    tell_writer(p);
}

/* ---- Reading --------------------------------------------------------------------------------- */

int sw_pipe_peek(const sw_pipe *p, struct iovec ret_pieces[2])
{
    return split(p, p->head, p->used, ret_pieces);
}

/* A writer who met a lack of room is told when a quarter of it is free, so that the two ends do not
 * take turns over each byte. */
void sw_pipe_consume(sw_pipe *p, size_t bytes)
{
    assert(bytes <= p->used);
    p->used -= (uint32_t)bytes;
    p->head = p->used == 0 ? 0 : p->head + (uint32_t)bytes;
    bool is_awaited = p->is_stalled || p->writable.waiters != NULL;
    if (is_awaited && p->state == SW_PIPE_OPEN && p->used <= p->capacity - p->capacity / 4) {
        tell_writer(p);
    }
}

size_t sw_pipe_read(sw_pipe *p, uint8_t *to, size_t bytes)
{
    struct iovec pieces[2];
    size_t done = 0;
    int count = sw_pipe_peek(p, pieces);
    for (int i = 0; i < count && done < bytes; i++) {
        size_t n = SW_MIN(pieces[i].iov_len, bytes - done);
        memcpy(to + done, pieces[i].iov_base, n);
        done += n;
    }
    sw_pipe_consume(p, done);
    return done;
}
