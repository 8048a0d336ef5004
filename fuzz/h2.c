/*
 * HTTP/2 frames of any kind against a server connection. The first byte chooses whether the preface
 * and settings are put in front, and how the rest is cut into reads and how much is written at a
 * time. Properties: no crash, every exchange that was begun ends once, everything is given back,
 * and memory stays within what one connection may have.
 */
#include "http/h2.h"
#include "os/clock.h"
#include "wasi/core/pipe.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MEMORY_MAX = 32 << 20 };

static const uint8_t PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                 "\0\0\0\4\0\0\0\0\0"
                                 "\0\0\0\4\1\0\0\0\0";

/* The peer: bytes to read, room to write. */
typedef struct peer {
    sw_io io; /* first */
    sw_bytes in;
    size_t step, room;
    bool is_closed;
    uint32_t begun, ended;
} peer;

static int io_handshake(sw_io *io)
{
    (void)io;
    return 0;
}

static ssize_t io_read(sw_io *io, void *to, size_t size)
{
    peer *p = (peer *)io;
    size_t n = SW_MIN(SW_MIN(size, p->step), p->in.len);
    if (n == 0) {
        return -EAGAIN;
    }
    memcpy(to, p->in.ptr, n);
    p->in = sw_bytes_slice(p->in, n, p->in.len - n);
    return (ssize_t)n;
}

static ssize_t io_writev(sw_io *io, const struct iovec *parts, int count)
{
    peer *p = (peer *)io;
    size_t n = 0;
    for (int i = 0; i < count; i++) {
        n += parts[i].iov_len;
    }
    n = SW_MIN(n, p->room);
    p->room -= n;
    return n == 0 ? -EAGAIN : (ssize_t)n;
}

static size_t io_pending(const sw_io *io)
{
    return ((const peer *)io)->in.len;
}

static void io_close(sw_io *io)
{
    ((peer *)io)->is_closed = true;
}

static const sw_io_ops IO_OPS = {.handshake = io_handshake,
                                 .read = io_read,
                                 .writev = io_writev,
                                 .pending = io_pending,
                                 .shutdown = io_handshake,
                                 .close = io_close};

static void on_end(sw_exchange *x)
{
    ((peer *)x->peer)->ended++;
    sw_exchange_release(x);
}

static void echo(sw_pipe *unused, void *arg)
{
    (void)unused;
    sw_exchange *x = arg;
    uint8_t bytes[2048];
    size_t n, room;
    while ((room = sw_pipe_room(x->out)) != 0 &&
           (n = sw_pipe_read(x->in, bytes, SW_MIN(room, sizeof bytes))) != 0) {
        (void)!sw_pipe_write(x->out, (sw_bytes){bytes, n}, &n);
    }
    if (x->in->state == SW_PIPE_FINISHED && x->in->used == 0 && x->out->state == SW_PIPE_OPEN) {
        (void)!sw_http_fields_copy(&x->out_trailers, &x->in_trailers);
        sw_pipe_finish(x->out);
    }
}

/* By the length of the path: an echo, a refusal, an answer with fields of the request, nothing. */
static void on_request(sw_http_service *s, sw_exchange *x)
{
    static const sw_exchange_events EVENTS = {.on_end = on_end};
    (void)s;
    x->events = &EVENTS;
    ((peer *)x->peer)->begun++;
    x->response.status = 200;
    switch (sw_http_head_part(&x->request, SW_HTTP_PATH).len % 4) {
    case 0: sw_exchange_respond_text(x, 404, SW_STR("no")); break;
    case 1:
        sw_exchange_respond(x);
        x->in->on_readable = x->out->on_writable = echo;
        x->in->on_readable_arg = x->out->on_writable_arg = x;
        echo(NULL, x);
        break;
    case 2:
        (void)!sw_http_fields_copy(&x->response.fields, &x->request.fields);
        sw_exchange_respond(x);
        sw_pipe_close(x->in);
        break;
    default: break;
    }
}

static void talk(sw_loop *loop, peer *p, uint8_t how)
{
    for (int quiet = 0; quiet < 4 && !p->is_closed; quiet++) {
        size_t before = p->in.len + p->room;
        sw_loop_turn(loop, 0);
        p->room += (how & 0x40) != 0 ? 7000 : 0;
        quiet = p->in.len + p->room != before && p->in.len != 0 ? -1 : quiet;
    }
}

static void serve(sw_bytes input, uint8_t how, bool has_preface)
{
    sw_loop *loop;
    sw_budget budget;
    sw_http_service service;
    sw_http_limits limits = sw_http_limits_default;
    peer p = {
        .io = {.ops = &IO_OPS, .fd = eventfd(0, EFD_NONBLOCK)},
        .in = input,
        .step = (how & 0x3f) == 0 ? SIZE_MAX : how & 0x3f,
        .room = (how & 0x40) != 0 ? 100 : 1 << 20
    };
    SW_CHECK(sw_loop_new(&loop, NULL) == SW_OK);
    sw_budget_init(&budget, MEMORY_MAX);
    limits.body_bytes = 1 << 20;
    SW_CHECK(sw_http_service_init(&service, loop, &budget, &limits) == SW_OK);
    service.on_request = on_request;
    sw_bytes early = has_preface ? (sw_bytes){PREFACE, sizeof PREFACE - 1} : (sw_bytes){};
    SW_CHECK(sw_h2_serve(&service, &p.io, &p, early));
    talk(loop, &p, how);
    sw_http_service_cut(&service);
    SW_CHECK(p.is_closed && p.begun == p.ended && service.exchanges_count == 0);
    sw_http_service_clear(&service);
    SW_CHECK(budget.used_bytes == 0);
    sw_loop_free(loop);
    close(p.io.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size != 0) {
        serve((sw_bytes){data + 1, size - 1}, data[0], (data[0] & 0x80) == 0);
    }
    return 0;
}
