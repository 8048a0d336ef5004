/*
 * The server of HTTP/1.1 over a pair of sockets: what comes back for what is sent, whole and byte
 * by byte, and how the handler's exchanges end. What the handler does is chosen by the path.
 */
#include "http/service.h"
#include "os/clock.h"
#include "os/loop.h"
#include "wasi/core/pipe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TURNS = 12, TEXT_MAX = 256 * 1024 };

typedef struct handler handler;

typedef struct fixture {
    sw_loop *loop;
    sw_budget budget;
    sw_http_service service;
    sw_io_plain io;
    int fd;    /* the client's end */
    char *got; /* what came back, without dates */
    size_t got_len;
    bool is_closed; /* by the server */
    char log[512];  /* "path error " for each exchange that ended */
    handler *handlers;
    bool is_h2;
} fixture;

/* One exchange's handler. */
struct handler {
    fixture *f;
    sw_exchange *x;
    sw_loop_job job;
    int step;
    bool echoes;
    handler *next;
};

static void log_text(fixture *f, const char *text)
{
    size_t at = strlen(f->log);
    snprintf(f->log + at, sizeof f->log - at, "%s ", text);
}

static void on_end(sw_exchange *x)
{
    handler *h = x->arg;
    log_text(h->f, sw_http_error_name(x->error).ptr);
    sw_exchange_release(x);
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
    assert_int_equal(sw_pipe_write(h->x->out, sw_str_bytes(sw_str_of(text)), &n), SW_OK);
}

static void add(handler *h, const char *name, const char *value)
{
    assert_int_equal(
        sw_http_fields_append(&h->x->response.fields, sw_str_of(name), sw_str_of(value)), SW_OK);
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
    assert_int_equal(sw_http_fields_append(&h->x->out_trailers, SW_STR("T"), SW_STR("v")), SW_OK);
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
    sw_exchange_release(h->x);
}

static void unavailable(handler *h)
{
    h->x->fallback_status = 503;
    sw_exchange_release(h->x);
}

static void unfinished(handler *h)
{
    respond(h, 200);
    write_text(h, "x");
    sw_exchange_release(h->x);
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
    assert_int_equal(sw_http_fields_append(&f, SW_STR("Link"), SW_STR("a")), SW_OK);
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
        assert_int_equal(sw_pipe_write(x->out, (sw_bytes){(uint8_t *)buffer, n}, &n), SW_OK);
        room = sw_pipe_room(x->out);
    }
    if (sw_pipe_is_drained(x->in) && x->out->state == SW_PIPE_OPEN) {
        if (x->in->state != SW_PIPE_FINISHED) {
            return;
        }
        if (x->in_trailers.count > 0) {
            assert_int_equal(sw_http_fields_copy(&x->out_trailers, &x->in_trailers), SW_OK);
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
    if (h->x->is_released || h->x->has_ended) {
        return;
    }
    if (h->echoes) {
        pump_echo(h);
    } else {
        run_handler(h);
    }
}

static void on_request(sw_http_service *s, sw_exchange *x)
{
    fixture *f = s->arg;
    handler *h = sw_alloc(NULL, sizeof *h);
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
    fixture *f = s->arg;
    assert_ptr_equal(peer, f);
    assert_true(early.len >= 24 && memcmp(early.ptr, "PRI * HTTP/2.0", 14) == 0);
    f->is_h2 = true;
    io->ops->close(io);
    return true;
}

static void set_up(fixture *f, const sw_http_limits *limits)
{
    int fds[2];
    *f = (fixture){.got = sw_alloc(NULL, TEXT_MAX)};
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

static void turn(fixture *f)
{
    for (int i = 0; i < TURNS; i++) {
        sw_loop_turn(f->loop, 0);
    }
}

static void tear_down(fixture *f)
{
    for (handler *h = f->handlers; h != NULL; h = h->next) {
        if (!h->x->is_released && !h->x->has_ended) {
            sw_exchange_abort(h->x, SW_HTTP_E_INTERNAL_ERROR);
        }
    }
    close(f->fd);
    sw_http_service_cut(&f->service);
    turn(f);
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

static void receive(fixture *f)
{
    ssize_t n;
    while ((n = recv(f->fd, f->got + f->got_len, TEXT_MAX - 1 - f->got_len, 0)) > 0) {
        f->got_len += (size_t)n;
    }
    f->is_closed |= n == 0 || errno == ECONNRESET;
    f->got[f->got_len] = '\0';
}

/* Removes what is different each time, and the line ends, for the sake of the tables. */
static void normalise(fixture *f)
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

static void give(fixture *f, sw_str bytes, size_t step)
{
    for (size_t at = 0; at < bytes.len; at += step) {
        size_t n = SW_MIN(step, bytes.len - at);
        ssize_t sent = send(f->fd, bytes.ptr + at, n, MSG_NOSIGNAL);
        if (sent < 0) {
            break;
        }
        turn(f);
    }
    turn(f);
    receive(f);
    turn(f);
    receive(f);
    normalise(f);
}

typedef struct talk_case {
    sw_str sent;
    const char *got;
    bool closes;
    const char *log;
} talk_case;

#define OK5    "HTTP/1.1 200 OK\n"
#define HELLO  OK5 "x-a: 1\ncontent-length: 5\n\nhello"
#define H      "Host: a\r\n"
#define GET(p) "GET " p " HTTP/1.1\r\n" H "\r\n"
#define REFUSED(status, length, text)                                        \
    "HTTP/1.1 " status "\ncontent-type: text/plain\ncontent-length: " length \
    "\nconnection: close\n\n" text "\n"

// clang-format off
static const talk_case TALKS[] = {
    {SW_STR_INIT(GET("/hello")), HELLO, false, "none "},
    {SW_STR_INIT(GET("/hello") GET("/late") GET("/hello")), HELLO HELLO HELLO, false, "none none none "},
    {SW_STR_INIT("GET /hello HTTP/1.1\r\n" H "Connection: close\r\n\r\n"),
     OK5 "x-a: 1\ncontent-length: 5\nconnection: close\n\nhello", true, "none closed "},
    {SW_STR_INIT("GET /hello HTTP/1.0\r\n\r\n"), OK5 "x-a: 1\ncontent-length: 5\nconnection: close\n\nhello", true, "none closed "},
    {SW_STR_INIT("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
     OK5 "x-a: 1\ncontent-length: 5\nconnection: keep-alive\n\nhello", false, "none "},
    {SW_STR_INIT("GET /again HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
     OK5 "connection: close\n\npiece piece piece ", true, "none closed "},
    {SW_STR_INIT(GET("/again") GET("/hello")),
     OK5 "transfer-encoding: chunked\n\n6\npiece \n6\npiece \n6\npiece \n0\n\n" HELLO, false, "none none "},
    {SW_STR_INIT(GET("/trailers")), OK5 "transfer-encoding: chunked\n\n1\nx\n0\nt: v\n\n", false, "none "},
    {SW_STR_INIT("GET /trailers HTTP/1.0\r\n\r\n"), OK5 "connection: close\n\nx", true, "none closed "},
    {SW_STR_INIT(GET("/empty")), OK5 "content-length: 0\n\n", false, "none "},
    {SW_STR_INIT(GET("/204") GET("/304")), "HTTP/1.1 204 No Content\n\nHTTP/1.1 304 Not Modified\n\n", false, "none none "},
    {SW_STR_INIT("HEAD /hello HTTP/1.1\r\n" H "\r\n"), OK5 "x-a: 1\ncontent-length: 5\n\n", false, "none "},
    {SW_STR_INIT("HEAD /again HTTP/1.1\r\n" H "\r\n" GET("/hello")), OK5 "\n" HELLO, false, "none none "},
    {SW_STR_INIT("HEAD /empty HTTP/1.1\r\n" H "\r\n"), OK5 "\n", false, "none "},
    {SW_STR_INIT("HEAD /sized HTTP/1.1\r\n" H "\r\n"), OK5 "content-length: 5\n\n", false, "none "},
    {SW_STR_INIT(GET("/sized")), OK5 "content-length: 5\n\n12345", false, "none "},
    {SW_STR_INIT(GET("/long") GET("/hello")), OK5 "content-length: 3\n\n123" HELLO, false, "none none "},
    {SW_STR_INIT(GET("/short") GET("/hello")), OK5 "content-length: 10\n\n12345", true, "HTTP-response-incomplete closed "},
    {SW_STR_INIT(GET("/badlength")), REFUSED("502 Bad Gateway", "30", "Content-Length is not a count"), true, "HTTP-protocol-error closed "},
    {SW_STR_INIT(GET("/forbidden")), OK5 "date: never\ny: 2\ncontent-length: 0\n\n", false, "none "},
    {SW_STR_INIT(GET("/nothing") GET("/hello")),
     "HTTP/1.1 500 Internal Server Error\ncontent-type: text/plain; charset=utf-8\ncontent-length: 21\n\nInternal Server Error" HELLO,
     false, "none "},
    {SW_STR_INIT(GET("/503")),
     "HTTP/1.1 503 Service Unavailable\ncontent-type: text/plain; charset=utf-8\ncontent-length: 19\n\nService Unavailable", false, ""},
    {SW_STR_INIT(GET("/text")),
     "HTTP/1.1 404 Not Found\ncontent-type: text/plain; charset=utf-8\ncontent-length: 13\n\nno such thing", false, "none "},
    {SW_STR_INIT(GET("/unfinished")), "", true, "closed "},
    {SW_STR_INIT(GET("/fails")), OK5 "transfer-encoding: chunked\n\n4\nsome\n", true, "HTTP-response-incomplete closed "},
    {SW_STR_INIT(GET("/aborts")), "", true, "loop-detected closed "},
    {SW_STR_INIT(GET("/hints")), "HTTP/1.1 103 Early Hints\nlink: a\n\n" HELLO, false, "none "},
    {SW_STR_INIT("GET /hints HTTP/1.0\r\n\r\n"), OK5 "x-a: 1\ncontent-length: 5\nconnection: close\n\nhello", true, "none closed "},
    /* Bodies. */
    {SW_STR_INIT("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabcde" GET("/hello")),
     OK5 "content-length: 5\n\nabcde" HELLO, false, "none none "},
    {SW_STR_INIT("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n" GET("/hello")),
     OK5 "content-length: 5\n\nabcde" HELLO, false, "none none "},
    {SW_STR_INIT("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n" GET("/hello")),
     OK5 "transfer-encoding: chunked\n\n3\nabc\n0\nx: y\n\n" HELLO, false, "none none "},
    {SW_STR_INIT("POST /echo HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"), OK5 "content-length: 0\n\n", false, "none "},
    {SW_STR_INIT("POST /hello HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabcde" GET("/hello")), HELLO HELLO, false, "none none "},
    {SW_STR_INIT("POST /hello HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nx"), NULL, true, NULL},
    {SW_STR_INIT("POST /never HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5 \r\n"),
     REFUSED("400 Bad Request", "43", "a byte that cannot stand in a chunk's size"), true, "HTTP-protocol-error closed "},
    {SW_STR_INIT("POST /never HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2000\r\n"), "", false, ""},
    /* Expect. */
    {SW_STR_INIT("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"), "HTTP/1.1 100 Continue\n\n", false, ""},
    {SW_STR_INIT("POST /hello HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"),
     OK5 "x-a: 1\ncontent-length: 5\nconnection: close\n\nhello", true, "none closed "},
    {SW_STR_INIT("POST /hello HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: odd\r\n\r\n"),
     REFUSED("417 Expectation Failed", "29", "Expect is not \"100-continue\""), true, "closed "},
    /* Upgrades are not taken; CONNECT is refused; HTTP/2 is another's. */
    {SW_STR_INIT("GET /hello HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), HELLO, false, "none "},
    {SW_STR_INIT("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"), REFUSED("501 Not Implemented", "22", "CONNECT is not served"), true, "closed "},
    {SW_STR_INIT("GET https://a/hello HTTP/1.1\r\n" H "\r\n"),
     REFUSED("421 Misdirected Request", "39", "https is not served on this connection"), true, "closed "},
    {SW_STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "", true, ""},
    /* Refused. */
    {SW_STR_INIT("GET / HTTP/1.1\r\n\r\n" GET("/hello")), REFUSED("400 Bad Request", "8", "no Host"), true, "closed "},
    {SW_STR_INIT(GET("/hello") "G@T / HTTP/1.1\r\n"),
     HELLO REFUSED("400 Bad Request", "37", "a byte that cannot stand in a method"), true, "none closed "},
    {SW_STR_INIT("GET / HTTP/1.2\r\n" H "\r\n"),
     REFUSED("505 HTTP Version Not Supported", "41", "a version of HTTP that is not 1.0 or 1.1"), true, "closed "},
    {SW_STR_INIT("POST /echo HTTP/1.1\r\n" H "Content-Length: 5000\r\n\r\n"), REFUSED("413 Content Too Large", "21", "the body is too long"), true, "closed "},
    {SW_STR_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
     REFUSED("400 Bad Request", "37", "a byte that cannot stand in a method"), true, "closed "},
};
// clang-format on

static sw_http_limits small_limits(void)
{
    sw_http_limits l = sw_http_limits_default;
    l.body_bytes = 4096;
    return l;
}

static void check_talk(const talk_case *c, size_t row, size_t step)
{
    fixture f;
    const sw_http_limits limits = small_limits();
    set_up(&f, &limits);
    give(&f, c->sent, step);
    bool is_closed = f.is_closed;
    if (c->closes) {
        /* Lingering ends when the client closes its side. */
        shutdown(f.fd, SHUT_WR);
        turn(&f);
    }
    bool holds = is_closed == c->closes && (c->got == NULL || strcmp(f.got, c->got) == 0) &&
                 (c->log == NULL || strcmp(f.log, c->log) == 0);
    if (!holds) {
        fail_msg("row %zu in steps of %zu:\n%.*s\ngave:\n%s\nnot:\n%s\nclosed %d, log \"%s\"", row,
                 step, SW_STR_ARG(c->sent), f.got, c->got, is_closed, f.log);
    }
    tear_down(&f);
}

static void talks(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(TALKS); i++) {
        check_talk(&TALKS[i], i, TALKS[i].sent.len);
    }
}

static void talks_in_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(TALKS); i++) {
        check_talk(&TALKS[i], i, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks),
        cmocka_unit_test(talks_in_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
