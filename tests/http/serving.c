#include "serving.h"

#include "os/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Before cmocka.h. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* One exchange's handler. */
struct handler {
    serving *f;
    sw_exchange *x;
    sw_loop_job job;
    int step;
    bool echoes;
    handler *next;
};

static void log_text(serving *f, const char *text)
{
    size_t at = strlen(f->log);
    snprintf(f->log + at, sizeof f->log - at, "%s ", text);
}

/* The exchange may serve another request from now on. */
static void let_go(handler *h)
{
    sw_exchange *x = h->x;
    h->x = NULL;
    sw_loop_cancel(h->f->loop, &h->job);
    sw_exchange_release(x);
}

/* Out of memory is what some tests are about; then the answer is what it is. */
static void must(const handler *h, sw_status st)
{
    assert_true(st == SW_OK || (st == SW_NO_MEMORY && h->f->is_forgiving));
}

static void on_end(sw_exchange *x)
{
    handler *h = x->arg;
    log_text(h->f, sw_http_error_name(x->error).ptr);
    let_go(h);
}

static const sw_exchange_events EVENTS = {.on_end = on_end};

static void respond(handler *h, uint16_t status)
{
    h->x->response.status = status;
    sw_exchange_respond(h->x);
}

static void write_text(handler *h, const char *text)
{
    size_t n;
    must(h, sw_pipe_write(h->x->out, sw_str_bytes(sw_str_of(text)), &n));
}

static void add(handler *h, const char *name, const char *value)
{
    must(h, sw_http_fields_append(&h->x->response.fields, sw_str_of(name), sw_str_of(value)));
}

static void finish(handler *h)
{
    sw_pipe_finish(h->x->out);
}

static void hello(handler *h)
{
    add(h, "X-A", "1");
    respond(h, 200);
    write_text(h, "hello");
    finish(h);
}

/* In the next turn. */
static void late(handler *h)
{
    if (h->step++ == 0) {
        sw_loop_defer_next(h->f->loop, &h->job);
    } else {
        hello(h);
    }
}

static void again(handler *h)
{
    if (h->step++ < 3) {
        if (h->step == 1) {
            respond(h, 200);
        }
        write_text(h, "piece ");
        sw_loop_defer_next(h->f->loop, &h->job);
    } else {
        finish(h);
    }
}

static void trailers(handler *h)
{
    respond(h, 200);
    write_text(h, "x");
    must(h, sw_http_fields_append(&h->x->out_trailers, SW_STR("T"), SW_STR("v")));
    finish(h);
}

static void empty(handler *h)
{
    respond(h, 200);
    finish(h);
}

static void no_content(handler *h)
{
    respond(h, 204);
    finish(h);
}

static void not_modified(handler *h)
{
    respond(h, 304);
    finish(h);
}

static void sized(handler *h)
{
    add(h, "Content-Length", "5");
    respond(h, 200);
    if (h->x->request.method != SW_HTTP_HEAD) {
        write_text(h, "12345");
    }
    finish(h);
}

static void too_short(handler *h)
{
    add(h, "Content-Length", "10");
    respond(h, 200);
    write_text(h, "12345");
    finish(h);
}

static void too_long(handler *h)
{
    add(h, "Content-Length", "3");
    respond(h, 200);
    write_text(h, "12345");
    finish(h);
}

static void bad_length(handler *h)
{
    add(h, "Content-Length", "5x");
    respond(h, 200);
    sw_pipe_finish(h->x->out);
}

static void forbidden(handler *h)
{
    add(h, "Connection", "close");
    add(h, "Transfer-Encoding", "gzip");
    add(h, "Date", "never");
    add(h, "Y", "2");
    respond(h, 200);
    finish(h);
}

static void nothing(handler *h)
{
    let_go(h);
}

static void unavailable(handler *h)
{
    h->x->fallback_status = 503;
    let_go(h);
}

static void unfinished(handler *h)
{
    respond(h, 200);
    write_text(h, "x");
    let_go(h);
}

static void fails(handler *h)
{
    if (h->step++ == 0) {
        respond(h, 200);
        write_text(h, "some");
        sw_loop_defer_next(h->f->loop, &h->job);
    } else {
        sw_pipe_fail(h->x->out, 1);
    }
}

static void aborts(handler *h)
{
    sw_exchange_abort(h->x, SW_HTTP_E_LOOP_DETECTED);
}

static void hints(handler *h)
{
    sw_http_fields f;
    sw_http_fields_init(&f, NULL, 5, 100);
    must(h, sw_http_fields_append(&f, SW_STR("Link"), SW_STR("a")));
    sw_exchange_informational(h->x, 103, &f);
    sw_http_fields_clear(&f);
    hello(h);
}

static void never(handler *h)
{
    (void)h;
}

static void text(handler *h)
{
    sw_exchange_respond_text(h->x, 404, SW_STR("no such thing"));
}

/* Copies `in` to `out` as far as it goes. */
static void pump_echo(handler *h)
{
    sw_exchange *x = h->x;
    char buffer[4096];
    size_t room = sw_pipe_room(x->out);
    while (x->in->used > 0 && room > 0) {
        size_t n = sw_pipe_read(x->in, (uint8_t *)buffer, SW_MIN(room, sizeof buffer));
        must(h, sw_pipe_write(x->out, (sw_bytes){(uint8_t *)buffer, n}, &n));
        room = sw_pipe_room(x->out);
    }
    if (sw_pipe_is_drained(x->in) && x->out->state == SW_PIPE_OPEN) {
        if (x->in->state != SW_PIPE_FINISHED) {
            return;
        }
        if (x->in_trailers.count > 0) {
            must(h, sw_http_fields_copy(&x->out_trailers, &x->in_trailers));
        }
        if (!x->has_responded) {
            respond(h, 200);
        }
        finish(h);
    }
}

static void on_pipe(sw_pipe *p, void *arg)
{
    handler *h = arg;
    (void)p;
    sw_loop_defer(h->f->loop, &h->job);
}

/* The answer begins when the body is there, or at once ("/stream"). */
static void echo(handler *h)
{
    sw_exchange_want_body(h->x);
    h->x->in->on_readable = h->x->out->on_writable = on_pipe;
    h->x->in->on_readable_arg = h->x->out->on_writable_arg = h;
    h->echoes = true;
    pump_echo(h);
}

static void stream(handler *h)
{
    respond(h, 200);
    echo(h);
}

typedef struct route {
    sw_str path;
    void (*run)(handler *h);
} route;

static const route ROUTES[] = {
    {SW_STR_INIT("/hello"),      hello       },
    {SW_STR_INIT("/late"),       late        },
    {SW_STR_INIT("/again"),      again       },
    {SW_STR_INIT("/trailers"),   trailers    },
    {SW_STR_INIT("/empty"),      empty       },
    {SW_STR_INIT("/204"),        no_content  },
    {SW_STR_INIT("/304"),        not_modified},
    {SW_STR_INIT("/sized"),      sized       },
    {SW_STR_INIT("/short"),      too_short   },
    {SW_STR_INIT("/long"),       too_long    },
    {SW_STR_INIT("/badlength"),  bad_length  },
    {SW_STR_INIT("/forbidden"),  forbidden   },
    {SW_STR_INIT("/nothing"),    nothing     },
    {SW_STR_INIT("/503"),        unavailable },
    {SW_STR_INIT("/unfinished"), unfinished  },
    {SW_STR_INIT("/fails"),      fails       },
    {SW_STR_INIT("/aborts"),     aborts      },
    {SW_STR_INIT("/hints"),      hints       },
    {SW_STR_INIT("/never"),      never       },
    {SW_STR_INIT("/text"),       text        },
    {SW_STR_INIT("/echo"),       echo        },
    {SW_STR_INIT("/stream"),     stream      },
};

static void run_handler(handler *h)
{
    sw_str path = sw_http_head_part(&h->x->request, SW_HTTP_PATH);
    for (size_t i = 0; i < SW_COUNTOF(ROUTES); i++) {
        if (sw_str_eq(ROUTES[i].path, path)) {
            ROUTES[i].run(h);
            return;
        }
    }
    fail_msg("no route for %.*s", SW_STR_ARG(path));
}

static void on_job(sw_loop_job *job)
{
    handler *h = SW_CONTAINER_OF(job, handler, job);
    if (h->echoes) {
        pump_echo(h);
    } else {
        run_handler(h);
    }
}

static void on_request(sw_http_service *s, sw_exchange *x)
{
    serving *f = s->arg;
    handler *h = sw_alloc(NULL, sizeof *h);
    if (h == NULL) {
        sw_exchange_release(x);
        return;
    }
    *h = (handler){.f = f, .x = x, .job = {.fn = on_job}, .next = f->handlers};
    f->handlers = h;
    x->arg = h;
    x->events = &EVENTS;
    assert_ptr_equal(x->peer, f);
    run_handler(h);
}

static void on_closed(sw_http_service *s, void *peer)
{
    assert_ptr_equal(peer, s->arg);
    log_text(s->arg, "closed");
}

static bool serve_h2(sw_http_service *s, sw_io *io, void *peer, sw_bytes early)
{
    serving *f = s->arg;
    assert_ptr_equal(peer, f);
    assert_true(early.len >= 24 && memcmp(early.ptr, "PRI * HTTP/2.0", 14) == 0);
    f->is_h2 = true;
    io->ops->close(io);
    return true;
}

void serving_set_up(serving *f, const sw_http_limits *limits)
{
    int fds[2];
    *f = (serving){.got = sw_alloc(NULL, TEXT_MAX)};
    sw_budget_init(&f->budget, SIZE_MAX);
    assert_int_equal(sw_loop_new(&f->loop, NULL), SW_OK);
    assert_int_equal(sw_http_service_init(&f->service, f->loop, &f->budget, limits), SW_OK);
    f->service.arg = f;
    f->service.on_request = on_request;
    f->service.on_closed = on_closed;
    f->service.serve_h2 = serve_h2;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    f->fd = fds[0];
    sw_io_plain_init(&f->io, fds[1], NULL, NULL);
    assert_int_equal(sw_http_serve(&f->service, &f->io.io, f), SW_OK);
}

void serving_turn(serving *f)
{
    for (int i = 0; i < TURNS; i++) {
        sw_loop_turn(f->loop, 0);
    }
}

void serving_tear_down(serving *f)
{
    for (handler *h = f->handlers; h != NULL; h = h->next) {
        if (h->x != NULL) {
            sw_exchange_abort(h->x, SW_HTTP_E_INTERNAL_ERROR);
        }
    }
    if (f->fd >= 0) {
        close(f->fd);
    }
    sw_http_service_cut(&f->service);
    serving_turn(f);
    assert_int_equal(f->service.connections_count, 0);
    while (f->handlers != NULL) {
        handler *h = f->handlers;
        f->handlers = h->next;
        sw_loop_cancel(f->loop, &h->job);
        sw_free(NULL, h, sizeof *h);
    }
    assert_int_equal(f->service.exchanges_count, 0);
    sw_http_service_clear(&f->service);
    sw_loop_free(f->loop);
    sw_free(NULL, f->got, TEXT_MAX);
    assert_int_equal(f->budget.used_bytes, 0);
}

void serving_receive(serving *f)
{
    ssize_t n;
    while ((n = recv(f->fd, f->got + f->got_len, TEXT_MAX - 1 - f->got_len, 0)) > 0) {
        f->got_len += (size_t)n;
    }
    f->is_closed |= n == 0 || errno == ECONNRESET;
    f->got[f->got_len] = '\0';
}

/* Removes what is different each time, and the line ends, for the sake of the tables. */
void serving_normalise(serving *f)
{
    char *to = f->got;
    for (char *from = f->got; *from != '\0';) {
        if (strncmp(from, "date: ", 6) == 0 && strncmp(from, "date: never", 11) != 0) {
            from = strchr(from, '\n') + 1;
        } else if (*from == '\r') {
            from++;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    f->got_len = (size_t)(to - f->got);
}

void serving_give(serving *f, sw_str bytes, size_t step)
{
    for (size_t at = 0; at < bytes.len; at += step) {
        size_t n = SW_MIN(step, bytes.len - at);
        ssize_t sent = send(f->fd, bytes.ptr + at, n, MSG_NOSIGNAL);
        if (sent < 0) {
            break;
        }
        serving_turn(f);
    }
    serving_turn(f);
    serving_receive(f);
    serving_turn(f);
    serving_receive(f);
    serving_normalise(f);
}
