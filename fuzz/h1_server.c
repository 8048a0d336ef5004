/*
 * Any bytes, cut anyhow, as what a client sends to a server of HTTP/1.1: every exchange ends once,
 * and after the client has gone neither a connection nor a byte of memory is left. The second byte
 * of the path chooses what the handler does.
 */
#include "http/service.h"
#include "os/loop.h"
#include "wasi/core/pipe.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

typedef struct handler {
    sw_exchange *x;
    sw_loop_job job;
    struct handler *next;
} handler;

static sw_loop *loop;
static sw_http_service service;
static sw_budget budget;
static handler *handlers;
static uint64_t begun, ended;

static void let_go(handler *h)
{
    sw_exchange *x = h->x;
    h->x = NULL;
    sw_loop_cancel(loop, &h->job);
    sw_exchange_release(x);
}

static void on_end(sw_exchange *x)
{
    ended++;
    let_go(x->arg);
}

/* Copies what has come to the answer, which begins when the body has ended. */
static void on_job(sw_loop_job *job)
{
    handler *h = SW_CONTAINER_OF(job, handler, job);
    sw_exchange *x = h->x;
    uint8_t buffer[512];
    size_t room = sw_pipe_room(x->out);
    while (x->in->used > 0 && room > 0) {
        size_t n = sw_pipe_read(x->in, buffer, SW_MIN(room, sizeof buffer));
        check(sw_pipe_write(x->out, (sw_bytes){buffer, n}, &n) == SW_OK);
        room = sw_pipe_room(x->out);
    }
    if (x->in->state == SW_PIPE_FINISHED && x->in->used == 0 && x->out->state == SW_PIPE_OPEN) {
        check(sw_http_fields_copy(&x->out_trailers, &x->in_trailers) == SW_OK);
        sw_pipe_finish(x->out);
    }
    if ((x->out->state != SW_PIPE_OPEN || room == 0) && !x->has_responded) {
        x->response.status = 200;
        sw_exchange_respond(x);
    }
}

static void on_pipe(sw_pipe *p, void *arg)
{
    handler *h = arg;
    (void)p;
    sw_loop_defer(loop, &h->job);
}

static void on_request(sw_http_service *s, sw_exchange *x)
{
    static const sw_exchange_events EVENTS = {.on_end = on_end};
    handler *h = calloc(1, sizeof *h);
    sw_str path = sw_http_head_part(&x->request, SW_HTTP_PATH);
    char what = path.len > 1 ? path.ptr[1] : '\0';
    (void)s;
    *h = (handler){.x = x, .job = {.fn = on_job}, .next = handlers};
    handlers = h;
    x->events = &EVENTS;
    x->arg = h;
    begun++;
    if (what == 'n') {
        ended++;
        let_go(h);
    } else if (what == 'a') {
        sw_exchange_abort(x, SW_HTTP_E_INTERNAL_ERROR);
    } else if (what == 't') {
        sw_exchange_respond_text(x, 404, SW_STR("nothing"));
    } else {
        if (what != 'w') {
            sw_exchange_want_body(x);
        }
        x->in->on_readable = x->out->on_writable = on_pipe;
        x->in->on_readable_arg = x->out->on_writable_arg = h;
        sw_loop_defer(loop, &h->job);
    }
}

static void start(void)
{
    sw_http_limits limits = sw_http_limits_default;
    limits.head_bytes = 2048;
    limits.head_fields = 16;
    limits.path_bytes = 256;
    limits.body_bytes = 8192;
    limits.pipe_bytes = 1024;
    limits.drain_bytes = 100;
    sw_budget_init(&budget, SIZE_MAX);
    check(sw_loop_new(&loop, NULL) == SW_OK);
    check(sw_http_service_init(&service, loop, &budget, &limits) == SW_OK);
    service.on_request = on_request;
}

static void turn(int fd)
{
    char answer[4096];
    for (int i = 0; i < 3; i++) {
        sw_loop_turn(loop, 0);
    }
    while (fd >= 0 && recv(fd, answer, sizeof answer, 0) > 0) {
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fds[2];
    sw_io_plain io;
    if (size < 2) {
        return 0;
    }
    if (loop == NULL) {
        start();
    }
    uint32_t step = data[0];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    sw_io_plain_init(&io, fds[1], NULL, NULL);
    check(sw_http_serve(&service, &io.io, NULL) == SW_OK);
    for (size_t at = 1; at < size;) {
        size_t want = data[0] < 128 ? size : (step >> 16) % 100 + 1;
        ssize_t n = send(fds[0], data + at, SW_MIN(want, size - at), MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
        at += (size_t)n;
        step = step * 1103515245U + 12345;
        turn(fds[0]);
    }
    turn(fds[0]);
    close(fds[0]);
    turn(-1);
    sw_http_service_cut(&service);
    service.is_draining = false;
    turn(-1);
    check(service.connections_count == 0 && service.exchanges_count == 0 && begun == ended);
    while (handlers != NULL) {
        handler *h = handlers;
        check(h->x == NULL);
        handlers = h->next;
        free(h);
    }
    return 0;
}
