/*
 * Any bytes, cut anyhow, as what a server answers to a client of HTTP/1.1: every exchange ends
 * once, a connection that is over is closed, and nothing of either is left. The first byte chooses
 * what is asked and how the answer is cut.
 */
#include "http/h1_client.h"
#include "http/exchange.h"
#include "wasi/core/pipe.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const sw_h1_limits LIMITS = {.head_bytes = 2048, .fields = 16};
static const sw_exchange_limits SIZES = {.fields = 16, .head_bytes = 4096, .pipe_bytes = 1024};

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static sw_loop *loop;
static sw_budget budget;
static sw_h1_client client;
static sw_exchange *asked;  /* not released yet */
static sw_exchange *unsent; /* given back by a connection that did not send it */
static bool is_closed;
static uint32_t begun, ended;
static sw_loop_job taker;

static void on_end(sw_exchange *x)
{
    ended++;
    check(x == asked);
    check(x->error != SW_HTTP_E_NONE || x->has_responded);
    asked = NULL;
    sw_exchange_release(x);
}

/* Reads what has come, as a guest would. */
static void on_take(sw_loop_job *job)
{
    uint8_t bytes[512];
    (void)job;
    while (asked != NULL && sw_pipe_read(asked->in, bytes, sizeof bytes) > 0) {
    }
}

static void on_readable(sw_pipe *p, void *arg)
{
    (void)p;
    (void)arg;
    sw_loop_defer(loop, &taker);
}

static void on_idle(sw_h1_client *c)
{
    check(sw_h1_client_is_idle(c) && asked == NULL);
}

static void on_closed(sw_h1_client *c, sw_exchange *x)
{
    check(c == &client && !is_closed && (x == NULL || x == asked));
    is_closed = true;
    unsent = x;
}

static void ask(uint8_t how)
{
    static const sw_exchange_events EVENTS = {.on_end = on_end};
    static const sw_http_method METHODS[] = {SW_HTTP_GET, SW_HTTP_HEAD, SW_HTTP_POST,
                                             SW_HTTP_CONNECT};
    static const sw_str NAMES[] = {SW_STR_INIT("GET"), SW_STR_INIT("HEAD"), SW_STR_INIT("POST"),
                                   SW_STR_INIT("CONNECT")};
    const sw_h1_client_times times = {};
    sw_exchange *x = sw_exchange_new(&budget, &SIZES);
    size_t written;
    check(x != NULL);
    x->events = &EVENTS;
    x->request.method = METHODS[how & 3];
    check(sw_http_head_set_part(&x->request, SW_HTTP_METHOD, NAMES[how & 3]) == SW_OK);
    check(sw_http_head_set_part(&x->request, SW_HTTP_AUTHORITY, SW_STR("a:1")) == SW_OK);
    check(sw_http_head_set_part(&x->request, SW_HTTP_PATH, SW_STR("/")) == SW_OK);
    x->in->on_readable = on_readable;
    if ((how & 4) != 0) {
        check(sw_pipe_write(x->out, sw_str_bytes(SW_STR("body")), &written) == SW_OK);
    }
    if ((how & 8) == 0) { /* else it is sent for ever */
        sw_pipe_finish(x->out);
    }
    asked = x;
    begun++;
    sw_h1_client_send(&client, x, &times);
}

static void turn(int fd)
{
    uint8_t bytes[4096];
    for (int i = 0; i < 4; i++) {
        sw_loop_turn(loop, 0);
    }
    while (fd >= 0 && recv(fd, bytes, sizeof bytes, 0) > 0) {
    }
}

static void start(sw_io_plain *io, int fd)
{
    static const sw_h1_client_events EVENTS = {.on_idle = on_idle, .on_closed = on_closed};
    if (loop == NULL) {
        sw_budget_init(&budget, SIZE_MAX);
        check(sw_loop_new(&loop, NULL) == SW_OK);
        taker.fn = on_take;
    }
    is_closed = false;
    unsent = NULL;
    begun = ended = 0;
    sw_io_plain_init(io, fd, NULL, NULL);
    check(sw_h1_client_init(&client, loop, &budget, &LIMITS, &io->io, &EVENTS) == SW_OK);
}

static void end(void)
{
    if (!is_closed) {
        sw_h1_client_clear(&client, SW_HTTP_E_CONNECTION_TERMINATED);
    }
    if (unsent != NULL) {
        sw_exchange_end(unsent, SW_HTTP_E_CONNECTION_TERMINATED, 0);
    }
    turn(-1);
    check(asked == NULL && begun == ended && atomic_load(&budget.used_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fds[2];
    sw_io_plain io;
    if (size < 2) {
        return 0;
    }
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    start(&io, fds[1]);
    uint32_t step = data[0];
    ask(data[0]);
    for (size_t at = 1; at < size && !is_closed;) {
        size_t want = data[0] < 128 ? size : (step >> 16) % 100 + 1;
        ssize_t n = send(fds[0], data + at, SW_MIN(want, size - at), MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
        at += (size_t)n;
        step = step * 1103515245U + 12345;
        turn(fds[0]);
        if (!is_closed && sw_h1_client_is_idle(&client)) {
            ask((uint8_t)(step >> 20));
            turn(fds[0]);
        }
    }
    if ((data[0] & 64) != 0) { /* the server goes first */
        close(fds[0]);
        turn(-1);
        end();
    } else {
        end();
        close(fds[0]);
    }
    return 0;
}
