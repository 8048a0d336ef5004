#include "h2_wire.h"

#include <errno.h>
#include <string.h>

enum {
    FRAME_HEADER_BYTES = 9,
    READS_MAX = 4,          /* of a full buffer, before others have their turn */
    OUTBOUND_ACKS_MAX = 100 /* of a peer who asks and does not read */
};

/* ---- Memory: a block knows its size, as sw_free wants to be told ------------------------------
 */

typedef struct block {
    _Alignas(16) size_t size;
} block;

static void *ng_malloc(size_t size, void *arg)
{
    size_t all;
    block *b = ckd_add(&all, size, sizeof *b) ? NULL : sw_alloc(arg, all);
    if (b == NULL) {
        return NULL;
    }
    b->size = all;
    return b + 1;
}

static void ng_free(void *p, void *arg)
{
    if (p != NULL) {
        block *b = (block *)p - 1;
        sw_free(arg, b, b->size);
    }
}

static void *ng_calloc(size_t count, size_t size, void *arg)
{
    size_t all;
    return ckd_mul(&all, count, size) ? NULL : ng_malloc(all, arg);
}

static void *ng_realloc(void *p, size_t size, void *arg)
{
    size_t all;
    if (p == NULL) {
        return ng_malloc(size, arg);
    }
    block *b = (block *)p - 1;
    b = ckd_add(&all, size, sizeof *b) ? NULL : sw_realloc(arg, b, b->size, all);
    if (b == NULL) {
        return NULL;
    }
    b->size = all;
    return b + 1;
}

/* ---- The end ----------------------------------------------------------------------------------
 */

static void end_now(sw_h2_wire *w)
{
    sw_loop_unwatch(w->loop, &w->watch);
    sw_loop_cancel(w->loop, &w->job);
    w->events->on_end(w, w->end_why);
}

void sw_h2_wire_end(sw_h2_wire *w, int why)
{
    if (w->is_ended) {
        return;
    }
    w->is_ended = true;
    w->end_why = why;
    if (!w->is_busy) {
        end_now(w);
    }
}

/* Leaves a part in which nothing may be freed; false: the wire is dead now. */
static bool leave(sw_h2_wire *w)
{
    w->is_busy = false;
    if (w->is_ended) {
        end_now(w);
        return false;
    }
    return true;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static void feed(sw_h2_wire *w, const uint8_t *p, size_t n)
{
    ssize_t taken = nghttp2_session_mem_recv(w->ng, p, n);
    if (taken < 0) {
        sw_h2_wire_end(w, taken == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPROTO);
    }
}

/* False: the wire is dead now. */
static bool read_some(sw_h2_wire *w)
{
    w->is_busy = true;
    w->reads_on = true;
    for (int i = 0; i < READS_MAX && w->reads_on && !w->is_ended; i++) {
        ssize_t n = sw_io_read(w->io, w->scratch, SW_H2_SCRATCH_BYTES);
        if (n > 0) {
            feed(w, w->scratch, (size_t)n);
        } else if (n == -EAGAIN) {
            w->reads_on = false;
        } else {
            sw_h2_wire_end(w, (int)n);
        }
    }
    return leave(w);
}

void sw_h2_wire_feed(sw_h2_wire *w, sw_bytes bytes)
{
    if (bytes.len == 0 || w->is_ended) {
        return;
    }
    w->is_busy = true;
    feed(w, bytes.ptr, bytes.len);
    if (leave(w)) {
        sw_h2_wire_kick(w);
    }
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

static ssize_t collect(nghttp2_session *ng, const uint8_t *p, size_t size, int flags, void *arg)
{
    (void)ng, (void)flags;
    sw_h2_wire *w = arg;
    size_t n = SW_MIN(size, SW_H2_SCRATCH_BYTES - w->scratch_len);
    if (n == 0) {
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    memcpy(w->scratch + w->scratch_len, p, n);
    w->scratch_len += n;
    return (ssize_t)n;
}

uint8_t *sw_h2_wire_data(sw_h2_wire *w, const uint8_t *header, size_t length)
{
    if (SW_H2_SCRATCH_BYTES - w->scratch_len < FRAME_HEADER_BYTES + length) {
        return NULL;
    }
    uint8_t *to = w->scratch + w->scratch_len;
    memcpy(to, header, FRAME_HEADER_BYTES);
    w->scratch_len += FRAME_HEADER_BYTES + length;
    return to + FRAME_HEADER_BYTES;
}

/* Writes; whatever is not taken is counted. False: the connection is over, or blocked. */
static bool write_out(sw_h2_wire *w, const uint8_t *p, size_t size, size_t *ret_written)
{
    *ret_written = 0;
    while (*ret_written < size) {
        struct iovec part = {(void *)(uintptr_t)(p + *ret_written), size - *ret_written};
        ssize_t n = sw_io_writev(w->io, &part, 1);
        if (n < 0) {
            if (n != -EAGAIN) {
                sw_h2_wire_end(w, (int)n);
            }
            return false;
        }
        *ret_written += (size_t)n;
        w->written_ns = sw_loop_now(w->loop);
    }
    return true;
}

static void drop_rest(sw_h2_wire *w)
{
    sw_free(w->budget, w->rest, w->rest_len);
    w->rest = NULL;
    w->rest_at = w->rest_len = 0;
}

static bool write_rest(sw_h2_wire *w)
{
    size_t n;
    if (w->rest == NULL) {
        return true;
    }
    bool all = write_out(w, w->rest + w->rest_at, w->rest_len - w->rest_at, &n);
    w->rest_at += n;
    if (all) {
        drop_rest(w);
    }
    return all;
}

static void keep_rest(sw_h2_wire *w, size_t from)
{
    w->rest_len = w->scratch_len - from;
    w->rest = sw_alloc(w->budget, w->rest_len);
    if (w->rest == NULL) {
        w->rest_len = 0;
        sw_h2_wire_end(w, -ENOMEM);
        return;
    }
    memcpy(w->rest, w->scratch + from, w->rest_len);
    w->rest_at = 0;
    w->written_ns = sw_loop_now(w->loop);
}

/* Collects and writes until there is nothing left or the socket takes no more. */
static void write_some(sw_h2_wire *w)
{
    bool goes_on = write_rest(w);
    while (goes_on && !w->is_ended) {
        size_t n;
        w->scratch_len = 0;
        int result = nghttp2_session_send(w->ng);
        if (result != 0) {
            sw_h2_wire_end(w, result == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPROTO);
        }
        if (w->scratch_len == 0) {
            break;
        }
        goes_on = write_out(w, w->scratch, w->scratch_len, &n);
        if (!goes_on && !w->is_ended) {
            keep_rest(w, n);
        }
    }
}

static void run(sw_loop_job *job)
{
    sw_h2_wire *w = SW_CONTAINER_OF(job, sw_h2_wire, job);
    if (w->reads_on && !read_some(w)) {
        return;
    }
    w->is_busy = true;
    w->events->before_send(w);
    write_some(w);
    if (w->events->after != NULL) {
        w->events->after(w);
    }
    if (!w->is_ended && w->rest == NULL && nghttp2_session_want_read(w->ng) == 0 &&
        nghttp2_session_want_write(w->ng) == 0) {
        sw_h2_wire_end(w, 0);
    }
    if (leave(w) && w->reads_on) {
        sw_loop_defer_next(w->loop, &w->job);
    }
}

static void on_socket(sw_watch *watch, uint32_t events)
{
    sw_h2_wire *w = SW_CONTAINER_OF(watch, sw_h2_wire, watch);
    (void)events;
    if (read_some(w)) {
        sw_h2_wire_kick(w);
    }
}

/* ---- Life -------------------------------------------------------------------------------------
 */

sw_status sw_h2_wire_setup(nghttp2_option **ret_option, nghttp2_session_callbacks **ret_callbacks)
{
    nghttp2_option *option = NULL;
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_option_new(&option) != 0 || nghttp2_session_callbacks_new(&callbacks) != 0) {
        nghttp2_option_del(option);
        return SW_NO_MEMORY;
    }
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_outbound_ack(option, OUTBOUND_ACKS_MAX);
    nghttp2_session_callbacks_set_send_callback(callbacks, collect);
    *ret_option = option;
    *ret_callbacks = callbacks;
    return SW_OK;
}

sw_status sw_h2_wire_init(sw_h2_wire *w, bool is_server, const nghttp2_session_callbacks *callbacks,
                          const nghttp2_option *option)
{
    nghttp2_mem memory = {.mem_user_data = w->budget,
                          .malloc = ng_malloc,
                          .free = ng_free,
                          .calloc = ng_calloc,
                          .realloc = ng_realloc};
    int (*make)(nghttp2_session **, const nghttp2_session_callbacks *, void *,
                const nghttp2_option *, nghttp2_mem *) =
        is_server ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
    w->job.fn = run;
    return make(&w->ng, callbacks, w, option, &memory) == 0 ? SW_OK : SW_NO_MEMORY;
}

sw_status sw_h2_wire_start(sw_h2_wire *w)
{
    w->written_ns = sw_loop_now(w->loop);
    return sw_loop_watch(w->loop, &w->watch, w->io->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                         on_socket);
}

void sw_h2_wire_clear(sw_h2_wire *w)
{
    bool was_started = w->watch.fn != NULL || w->is_ended;
    sw_loop_unwatch(w->loop, &w->watch);
    sw_loop_cancel(w->loop, &w->job);
    nghttp2_session_del(w->ng);
    w->ng = NULL;
    drop_rest(w);
    if (was_started && w->io != NULL) {
        if (w->is_ended && w->end_why == 0) {
            (void)w->io->ops->shutdown(w->io);
        }
        w->io->ops->close(w->io);
        w->io = NULL;
    }
}
