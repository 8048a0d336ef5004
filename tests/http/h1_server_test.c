/*
 * The server of HTTP/1.1: what comes back for what is sent, whole and byte by byte, and how the
 * handler's exchanges end.
 */
#include "serving.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

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
    {SW_STR_INIT("POST /stream HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"),
     "HTTP/1.1 100 Continue\n\n" OK5 "transfer-encoding: chunked\n\n", false, ""},
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
    serving f;
    const sw_http_limits limits = small_limits();
    serving_set_up(&f, &limits);
    serving_give(&f, c->sent, step);
    bool is_closed = f.is_closed;
    if (c->closes) {
        /* Lingering ends when the client closes its side. */
        shutdown(f.fd, SHUT_WR);
        serving_turn(&f);
    }
    bool holds = is_closed == c->closes && (c->got == NULL || strcmp(f.got, c->got) == 0) &&
                 (c->log == NULL || strcmp(f.log, c->log) == 0);
    if (!holds) {
        fail_msg("row %zu in steps of %zu:\n%.*s\ngave:\n%s\nnot:\n%s\nclosed %d, log \"%s\"", row,
                 step, SW_STR_ARG(c->sent), f.got, c->got, is_closed, f.log);
    }
    serving_tear_down(&f);
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
