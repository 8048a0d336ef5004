/*
 * The server of HTTP/1.1 under pressure: bodies larger than what may be held, peers that are slow,
 * stop or vanish, draining, and no memory.
 */
#include "serving.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define H "Host: a\r\n"

enum { BIG_BYTES = 1 << 20, SHORT_NS = 20 * 1000 * 1000 };

/* Turns, and waits for what is timed, until the server has closed; a client that hears the end
 * closes too, so that nobody lingers. */
static void wait_for_close(serving *f)
{
    while (f->service.connections_count != 0) {
        sw_loop_turn(f->loop, sw_loop_now(f->loop) + SHORT_NS);
        if (f->fd >= 0) {
            serving_receive(f);
        }
        if (f->is_closed) {
            shutdown(f->fd, SHUT_WR);
        }
    }
    serving_normalise(f);
}

static void assert_begins(const char *text, const char *with)
{
    if (strncmp(text, with, strlen(with)) != 0) {
        fail_msg("\"%s\" does not begin with \"%s\"", text, with);
    }
}

/* ---- Large bodies ---------------------------------------------------------------------------- */

typedef struct stream_case {
    const char *head;
    bool is_chunked;
} stream_case;

static const stream_case STREAMS[] = {
    {"POST /stream HTTP/1.1\r\n" H "Content-Length: 1048576\r\n\r\n",    false},
    {"POST /stream HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", true },
    {"POST /stream HTTP/1.0\r\nContent-Length: 1048576\r\n\r\n",         false},
};

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

/* The whole of what the client sends. */
static sw_buf make_upload(const stream_case *c)
{
    sw_buf b;
    sw_buf_init(&b, NULL, SIZE_MAX);
    sw_buf_str(&b, sw_str_of(c->head));
    for (size_t at = 0; at < BIG_BYTES;) {
        size_t n = c->is_chunked ? SW_MIN((at * 7) % 9000 + 1, BIG_BYTES - at) : BIG_BYTES;
        if (c->is_chunked) {
            sw_buf_printf(&b, "%zx\r\n", n);
        }
        for (size_t i = 0; i < n; i++) {
            sw_buf_u8(&b, byte_at(at + i));
        }
        at += n;
        if (c->is_chunked) {
            sw_buf_str(&b, SW_STR("\r\n"));
        }
    }
    if (c->is_chunked) {
        sw_buf_str(&b, SW_STR("0\r\n\r\n"));
    }
    assert_int_equal(sw_buf_status(&b), SW_OK);
    return b;
}

/* Where the body of an answer begins. */
static size_t body_of(const sw_buf *answer)
{
    const uint8_t *end = memmem(answer->ptr, answer->len, "\r\n\r\n", 4);
    assert_non_null(end);
    return (size_t)(end - answer->ptr) + 4;
}

/* Checks the body, which is chunked or goes to the end. */
static void check_download(const sw_buf *answer)
{
    size_t at = body_of(answer);
    bool is_chunked = memmem(answer->ptr, at, "transfer-encoding: chunked", 26) != NULL;
    size_t seen = 0;
    while (at < answer->len && seen < BIG_BYTES) {
        size_t n = answer->len - at;
        if (is_chunked) {
            unsigned long long size;
            assert_int_equal(sscanf((const char *)answer->ptr + at, "%llx", &size), 1);
            at = (size_t)((const uint8_t *)memchr(answer->ptr + at, '\n', n) - answer->ptr) + 1;
            n = size;
        }
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(answer->ptr[at + i], byte_at(seen + i));
        }
        seen += n;
        at += n + (is_chunked ? 2 : 0);
    }
    assert_int_equal(seen, BIG_BYTES);
}

/* The client reads only after the server has stopped taking bytes. */
static void large_bodies_stream(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(STREAMS); i++) {
        serving f;
        sw_buf upload = make_upload(&STREAMS[i]);
        sw_buf answer;
        size_t sent = 0;
        bool is_open = true;
        sw_http_limits limits = sw_http_limits_default;
        limits.pipe_bytes = 16 * 1024;
        sw_buf_init(&answer, NULL, SIZE_MAX);
        serving_set_up(&f, &limits);
        while (is_open && answer.len < BIG_BYTES + 100000 && f.log[0] == '\0') {
            ssize_t n = send(f.fd, upload.ptr + sent, upload.len - sent, MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
            serving_turn(&f);
            if (n <= 0 || sent == upload.len) {
                uint8_t *to = sw_buf_reserve(&answer, 30000);
                ssize_t got = recv(f.fd, to, 30000, 0);
                answer.len += got > 0 ? (size_t)got : 0;
                is_open = got != 0;
            }
        }
        ssize_t got = 1;
        while (got > 0) {
            got = recv(f.fd, sw_buf_reserve(&answer, 30000), 30000, 0);
            answer.len += got > 0 ? (size_t)got : 0;
            serving_turn(&f);
        }
        check_download(&answer);
        assert_begins(f.log, "none ");
        /* Two pipes, what one read may have left, the reading buffer, heads. */
        assert_in_range(f.budget.peak_bytes, 1, 400 * 1024);
        serving_tear_down(&f);
        sw_buf_clear(&upload);
        sw_buf_clear(&answer);
    }
}

/* ---- Time ------------------------------------------------------------------------------------ */

typedef struct time_case {
    sw_str sent;
    const char *got, *log;
    bool shuts; /* the client closes its side */
} time_case;

// clang-format off
static const time_case TIMES[] = {
    {SW_STR_INIT(""), "", "closed ", false},
    {SW_STR_INIT("GET /hello HTTP/1.1\r\n"), "HTTP/1.1 408 ", "closed ", false},
    {SW_STR_INIT("GET /empty HTTP/1.1\r\n" H "\r\n"), "HTTP/1.1 200 ", "none closed ", false},
    {SW_STR_INIT("GET /empty HTTP/1.1\r\n" H "\r\nG"), "HTTP/1.1 200 OK\ncontent-length: 0\n\nHTTP/1.1 408 ", "none closed ", false},
    {SW_STR_INIT("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabc"), "HTTP/1.1 408 ", "connection-read-timeout closed ", false},
    {SW_STR_INIT("POST /stream HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabc"), "HTTP/1.1 200 ", "connection-read-timeout closed ", false},
    {SW_STR_INIT("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"),
     "HTTP/1.1 100 Continue\n\nHTTP/1.1 408 ", "connection-read-timeout closed ", false},
    {SW_STR_INIT("POST /hello HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n"), "HTTP/1.1 200 ", "connection-read-timeout closed ", false},
    /* Half closed: an answer that comes at once is heard, one that does not is not waited for. */
    {SW_STR_INIT("GET /late HTTP/1.1\r\n" H "\r\n"), "HTTP/1.1 200 ", "none closed ", true},
    {SW_STR_INIT("GET /never HTTP/1.1\r\n" H "\r\n"), "", "connection-terminated closed ", true},
    {SW_STR_INIT("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabc"), "", "connection-terminated closed ", true},
    {SW_STR_INIT("GET /hello"), "", "closed ", true},
};
// clang-format on

static void time_runs_out(void **state)
{
    (void)state;
    sw_http_limits limits = sw_http_limits_default;
    limits.head_ns = limits.body_idle_ns = limits.keep_alive_ns = SHORT_NS;
    limits.write_stall_ns = limits.half_close_ns = SHORT_NS;
    for (size_t i = 0; i < SW_COUNTOF(TIMES); i++) {
        const time_case *c = &TIMES[i];
        serving f;
        serving_set_up(&f, &limits);
        if (c->sent.len > 0) {
            assert_int_equal(send(f.fd, c->sent.ptr, c->sent.len, 0), c->sent.len);
        }
        if (c->shuts) {
            shutdown(f.fd, SHUT_WR);
        }
        wait_for_close(&f);
        assert_begins(f.got, c->got);
        assert_string_equal(f.log, c->log);
        serving_tear_down(&f);
    }
}

/* A body that trickles is cut although bytes keep coming. */
static void trickles_are_cut(void **state)
{
    (void)state;
    serving f;
    sw_http_limits limits = sw_http_limits_default;
    limits.body_idle_ns = SHORT_NS;
    limits.body_min_rate = 100 * 1000 * 1000;
    serving_set_up(&f, &limits);
    serving_give(&f, SW_STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 100000000\r\n\r\n"), 1000);
    while (f.got_len == 0) {
        assert_int_equal(send(f.fd, "x", 1, MSG_NOSIGNAL), 1);
        sw_loop_turn(f.loop, 0);
        serving_receive(&f);
    }
    wait_for_close(&f);
    assert_begins(f.got, "HTTP/1.1 408 ");
    serving_tear_down(&f);
}

/* A peer that does not read its answer. */
static void stalled_writes_are_cut(void **state)
{
    (void)state;
    serving f;
    sw_http_limits limits = sw_http_limits_default;
    limits.write_stall_ns = SHORT_NS;
    serving_set_up(&f, &limits);
    const stream_case c = {"POST /stream HTTP/1.1\r\n" H "Content-Length: 1048576\r\n\r\n", false};
    sw_buf upload = make_upload(&c);
    size_t sent = 0;
    while (f.service.connections_count != 0) {
        ssize_t n = send(f.fd, upload.ptr + sent, upload.len - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        sw_loop_turn(f.loop, sw_loop_now(f.loop) + SHORT_NS);
    }
    assert_string_equal(f.log, "connection-write-timeout closed ");
    assert_true(sent < upload.len);
    sw_buf_clear(&upload);
    serving_tear_down(&f);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void vanished_peers_end_exchanges(void **state)
{
    (void)state;
    serving f;
    const sw_http_limits limits = sw_http_limits_default;
    serving_set_up(&f, &limits);
    serving_give(&f, SW_STR("GET /never HTTP/1.1\r\n" H "\r\n"), 1000);
    close(f.fd);
    f.fd = -1;
    wait_for_close(&f);
    assert_string_equal(f.log, "connection-terminated closed ");
    serving_tear_down(&f);
}

static void draining_finishes(void **state)
{
    (void)state;
    serving f;
    const sw_http_limits limits = sw_http_limits_default;
    /* Idle: at once. */
    serving_set_up(&f, &limits);
    serving_give(&f, SW_STR("GET /hello HTTP/1.1\r\n" H "\r\n"), 1000);
    assert_int_equal(f.service.connections_count, 1);
    sw_http_service_drain(&f.service);
    serving_turn(&f);
    assert_int_equal(f.service.connections_count, 0);
    serving_tear_down(&f);
    /* Busy: after the answer, which says so. */
    serving_set_up(&f, &limits);
    serving_give(&f, SW_STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\na"), 1000);
    sw_http_service_drain(&f.service);
    serving_turn(&f);
    assert_int_equal(f.service.connections_count, 1);
    serving_give(&f, SW_STR("b"), 1);
    assert_string_equal(f.got, "HTTP/1.1 200 OK\ncontent-length: 2\nconnection: close\n\nab");
    assert_int_equal(f.service.connections_count, 0);
    serving_tear_down(&f);
}

static void requests_are_counted(void **state)
{
    (void)state;
    serving f;
    sw_http_limits limits = sw_http_limits_default;
    limits.requests = 2;
    serving_set_up(&f, &limits);
    serving_give(&f,
                 SW_STR("GET /empty HTTP/1.1\r\n" H "\r\nGET /empty HTTP/1.1\r\n" H "\r\n"
                        "GET /empty HTTP/1.1\r\n" H "\r\n"),
                 1000);
    assert_string_equal(f.got, "HTTP/1.1 200 OK\ncontent-length: 0\n\n"
                               "HTTP/1.1 200 OK\ncontent-length: 0\nconnection: close\n\n");
    assert_true(f.is_closed);
    assert_int_equal(f.service.counters.requests, 2);
    serving_tear_down(&f);
}

/* Many requests at once do not keep others waiting: a few are answered in a turn. */
static void pipelining_is_fair(void **state)
{
    (void)state;
    enum { REQUESTS = 100 };
    serving f;
    const sw_http_limits limits = sw_http_limits_default;
    serving_set_up(&f, &limits);
    const sw_str one = SW_STR("GET /empty HTTP/1.1\r\n" H "\r\n");
    for (int i = 0; i < REQUESTS; i++) {
        assert_int_equal(send(f.fd, one.ptr, one.len, 0), one.len);
    }
    uint64_t before = 0;
    int turns = 0;
    for (; f.service.counters.requests < REQUESTS && turns < REQUESTS; turns++) {
        sw_loop_turn(f.loop, 0);
        assert_in_range(f.service.counters.requests - before, 0, 5);
        before = f.service.counters.requests;
    }
    assert_int_equal(before, REQUESTS);
    assert_true(turns >= REQUESTS / 5);
    serving_tear_down(&f);
}

/* A body that nobody wants is read if it is short; else the connection is given up. */
static void unwanted_bodies_are_dropped(void **state)
{
    (void)state;
    serving f;
    sw_http_limits limits = sw_http_limits_default;
    limits.drain_bytes = 10;
    serving_set_up(&f, &limits);
    serving_give(&f, SW_STR("POST /nothing HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\n"), 1000);
    serving_give(&f, SW_STR("0123456789GET /hello HTTP/1.1\r\n" H "\r\n"), 1000);
    assert_non_null(strstr(f.got, "hello"));
    assert_false(f.is_closed);
    serving_give(&f, SW_STR("POST /nothing HTTP/1.1\r\n" H "Content-Length: 11\r\n\r\n"), 1000);
    assert_non_null(strstr(f.got, "connection: close"));
    assert_true(f.is_closed);
    serving_tear_down(&f);
}

/* Every allocation fails once; the server answers, or closes, and gives everything back. */
static void no_memory_is_survived(void **state)
{
    (void)state;
    const sw_str talk = SW_STR("POST /echo HTTP/1.1\r\n" H
                               "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"
                               "GET /hints HTTP/1.1\r\n" H "\r\nGET /hello HTTP/1.1\r\n");
    const sw_http_limits limits = sw_http_limits_default;
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        serving f;
        serving_set_up(&f, &limits);
        f.is_forgiving = true;
        sw_memory_fail_at(n);
        serving_give(&f, talk, 40);
        has_failed = sw_memory_failed();
        sw_memory_fail_at(0);
        serving_tear_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_bodies_stream),
        cmocka_unit_test(time_runs_out),
        cmocka_unit_test(trickles_are_cut),
        cmocka_unit_test(stalled_writes_are_cut),
        cmocka_unit_test(vanished_peers_end_exchanges),
        cmocka_unit_test(draining_finishes),
        cmocka_unit_test(requests_are_counted),
        cmocka_unit_test(pipelining_is_fair),
        cmocka_unit_test(unwanted_bodies_are_dropped),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
