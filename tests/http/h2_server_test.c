/* HTTP/2 connections of a server, spoken to frame by frame: what is answered, what is refused, and
 * what a hostile peer can and cannot make the server do. */
#include "h2_peer.h"

#include "os/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { END_STREAM = NGHTTP2_FLAG_END_STREAM, END_HEADERS = NGHTTP2_FLAG_END_HEADERS };

static void the_preface_is_answered(void **state)
{
    (void)state;
    peer *p = peer_new(&peer_limits);
    frame f;
    peer_turn(p);
    assert_true(peer_next(p, &f));
    assert_int_equal(f.type, NGHTTP2_SETTINGS);
    assert_int_equal(f.length, 18);
    assert_int_equal(be32(f.payload + 2), peer_limits.streams);
    assert_int_equal(be32(f.payload + 8), peer_limits.pipe_bytes);
    assert_int_equal(be32(f.payload + 14), peer_limits.head_bytes);
    assert_true(peer_next(p, &f));
    assert_int_equal(f.type, NGHTTP2_SETTINGS);
    assert_int_equal(f.flags, NGHTTP2_FLAG_ACK);
    assert_true(peer_next(p, &f));
    assert_int_equal(f.type, NGHTTP2_WINDOW_UPDATE);
    assert_int_equal(be32(f.payload), 16 * 65536 - 65535);
    assert_false(peer_next(p, &f));
    peer_free(p);
}

static void requests_are_answered(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *lines;
        const char *fields; /* part of the answer's */
        const char *body;
    } ROWS[] = {
        {"GET",     "/hello",   "",                                                        ":status: 200\ncontent-length: 6\ndate: ",      "hello\n"              },
        {"HEAD",    "/hello",   "",                                                        "content-length: 6\n",                          ""                     },
        {"GET",     "/nowhere", "",                                                        ":status: 404\n",                               "no such thing"        },
        {"GET",     "/empty",   "",                                                        ":status: 204\ndate: ",                         ""                     },
        {"GET",     "/chatty",  "",                                                        ":status: 200\nx-mine: 1\ncontent-length: 0\n", ""                     },
        {"GET",     "/nothing", "",                                                        ":status: 500\n",                               "Internal Server Error"},
        {"GET",     "/hello",   "te: trailers\naccept: */*",                               ":status: 200\n",                               "hello\n"              },
        {"PURGE",   "/hello",   "",                                                        ":status: 200\n",                               "hello\n"              },
        {"OPTIONS", "*",        "",                                                        ":status: 404\n",                               "no such thing"        },
        {"GET",     "/hello",   ":method: GET\n:scheme: https\n:path: /hello\nhost: here",
         ":status: 200\n",                                                                                                                 "hello\n"              },
    };
    peer *p = peer_new(&peer_limits);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        frame f;
        int32_t stream = (int32_t)(2 * i + 1);
        peer_request(p, stream, ROWS[i].method, ROWS[i].path, ROWS[i].lines, true);
        peer_turn(p);
        assert_true(peer_find(p, NGHTTP2_HEADERS, stream, &f));
        const char *fields = peer_fields(p, &f);
        if (strstr(fields, ROWS[i].fields) == NULL) {
            fail_msg("%s", fields);
        }
        assert_int_equal((f.flags & END_STREAM) != 0, ROWS[i].body[0] == '\0');
        if (ROWS[i].body[0] != '\0') {
            assert_true(peer_next(p, &f));
            assert_int_equal(f.type, NGHTTP2_DATA);
            assert_int_equal(f.flags, END_STREAM);
            assert_int_equal(f.length, strlen(ROWS[i].body));
            assert_memory_equal(f.payload, ROWS[i].body, f.length);
        }
        assert_int_equal(p->ended[SW_HTTP_E_NONE], i + 1 - (i >= 5)); /* one had let go */
    }
    peer_free(p);
}

static void bodies_and_trailers_go_both_ways(void **state)
{
    (void)state;
    peer *p = peer_new(&peer_limits);
    uint8_t block[200];
    frame f;
    peer_request(p, 1, "POST", "/echo", "trailer: x-sum", false);
    peer_turn(p);
    assert_int_equal(peer_status(p, 1), 200);
    peer_frame(p, NGHTTP2_DATA, 0, 1, "one", 3);
    peer_turn(p);
    assert_true(peer_find(p, NGHTTP2_DATA, 1, &f));
    assert_memory_equal(f.payload, "one", 3);
    assert_int_equal(f.flags, 0);
    peer_frame(p, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\x02two\0\0", 6);
    size_t n = peer_block(p, "x-sum: 42\nx-more: yes", block, sizeof block);
    peer_frame(p, NGHTTP2_HEADERS, END_STREAM | END_HEADERS, 1, block, n);
    peer_turn(p);
    assert_true(peer_find(p, NGHTTP2_DATA, 1, &f));
    assert_memory_equal(f.payload, "two", 3);
    assert_int_equal(f.flags, 0);
    assert_true(peer_find(p, NGHTTP2_HEADERS, 1, &f));
    assert_int_equal(f.flags, END_STREAM | END_HEADERS);
    assert_string_equal(peer_fields(p, &f), "x-sum: 42\nx-more: yes\n");
    assert_int_equal(p->ended[SW_HTTP_E_NONE], 1);
    peer_free(p);
}

static void crumbs_of_cookies_are_joined(void **state)
{
    (void)state;
    peer *p = peer_new(&peer_limits);
    peer_request(p, 1, "GET", "/hold", "cookie: a=1\nx: y\ncookie: b=2\ncookie: c=3", true);
    peer_turn(p);
    assert_int_equal(p->held_count, 1);
    const sw_http_fields *fields = &p->held[0]->request.fields;
    sw_str cookie;
    assert_int_equal(fields->count, 2);
    assert_true(sw_http_fields_get(fields, SW_STR("cookie"), &cookie));
    assert_true(sw_str_eq(cookie, SW_STR("a=1; b=2; c=3")));
    peer_free(p);
}

/* What the peer hears of a request that is not one: a status, or a reset, or the end of it all. */
static void bad_requests_are_refused(void **state)
{
    (void)state;
    static char path[3000], long_value[15000], long_field[18000];
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    memset(long_value, 'v', sizeof long_value - 1);
    (void)snprintf(long_field, sizeof long_field, "a: %s\nb: %.2000s", long_value, long_value);
#define PSEUDO ":method: GET\n:scheme: http\n:authority: a\n:path: /hello\n"
    const struct {
        const char *method, *path, *lines;
        int status; /* or: */
        uint32_t reset;
    } ROWS[] = {
        {"GET",  "/hello",       "connection: close",                                      0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       "keep-alive: 1",                                          0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       "proxy-connection: x",                                    0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       "transfer-encoding: chunked",                             0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       "upgrade: h2c",                                           0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       "te: gzip",                                               0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       "X-Upper: 1",                                             0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       "a b: 1",                                                 0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       ": 1",                                                    0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       "content-length: 1\ncontent-length: 2",                   0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       "content-length: 5",                                      0,   NGHTTP2_PROTOCOL_ERROR}, /* and no body */
        {"GET",  "/hello",       "content-length: +0",                                     0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello",       "x: 1\n:path: /other",                                    0,   NGHTTP2_PROTOCOL_ERROR},
        {"",     "",             PSEUDO ":path: /other",                                   0,   NGHTTP2_PROTOCOL_ERROR},
        {"",     "",             PSEUDO ":status: 200",                                    0,   NGHTTP2_PROTOCOL_ERROR},
        {"",     "",             PSEUDO ":unknown: 1",                                     0,   NGHTTP2_PROTOCOL_ERROR},
        {"",     "",             PSEUDO ":protocol: websocket",                            0,   NGHTTP2_PROTOCOL_ERROR},
        {"",     "",             ":method: GET\n:scheme: http\n:authority: a",             0,   NGHTTP2_PROTOCOL_ERROR},
        {"",     "",             ":method: GET\n:path: /hello\n:authority: a",             0,   NGHTTP2_PROTOCOL_ERROR},
        {"",     "",             ":scheme: http\n:path: /hello\n:authority: a",            0,   NGHTTP2_PROTOCOL_ERROR},
        {"",     "",             ":method: GET\n:scheme: http\n:path: \n:authority: a",    0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "hello",        "",                                                       0,   NGHTTP2_PROTOCOL_ERROR},
        {"G T",  "/hello",       "",                                                       0,   NGHTTP2_PROTOCOL_ERROR},
        {"GET",  "/hello#there", "",                                                       400, 0                     },
        {"GET",  "/hello",       "host: elsewhere",                                        400, 0                     },
        {"GET",  "/hello",       "host: localhost\nhost: localhost",                       0,   NGHTTP2_PROTOCOL_ERROR},
        {"",     "",             ":method: GET\n:scheme: http\n:path: /\n:authority: u@h", 400, 0                     },
        {"GET",  path,           "",                                                       414, 0                     },
        {"GET",  "/hello",       long_field,                                               431, 0                     },
        {"POST", "/count",       "content-length: 10485761",                               413, 0                     },
        {"",     "",             ":method: CONNECT\n:authority: a:443",                    501, 0                     },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        peer *p = peer_new(&peer_limits);
        frame f;
        peer_request(p, 1, ROWS[i].method, ROWS[i].path, ROWS[i].lines,
                     strcmp(ROWS[i].method, "POST") != 0);
        peer_turn(p);
        if (ROWS[i].status != 0) {
            int status = peer_status(p, 1);
            if (status != ROWS[i].status) {
                fail_msg("%s%s: %d", ROWS[i].path, ROWS[i].lines, status);
            }
        } else if (!peer_find(p, NGHTTP2_RST_STREAM, 1, &f)) {
            fail_msg("%s %s: no reset", ROWS[i].path, ROWS[i].lines);
        } else {
            assert_int_equal(be32(f.payload), ROWS[i].reset);
        }
        assert_int_equal(p->requests, 0);
        peer_request(p, 3, "GET", "/hello", "", true); /* the connection goes on */
        peer_turn(p);
        assert_int_equal(peer_status(p, 3), 200);
        peer_free(p);
    }
}

static void handlers_may_do_anything(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool has_body;
        uint32_t reset;
        unsigned error; /* as the handler hears, unless it has let go */
    } ROWS[] = {
        {"/half",    false, NGHTTP2_INTERNAL_ERROR, SW_HTTP_E_RESPONSE_INCOMPLETE},
        {"/long",    false, NGHTTP2_INTERNAL_ERROR, SW_HTTP_E_RESPONSE_INCOMPLETE},
        {"/cut",     false, NGHTTP2_INTERNAL_ERROR, SW_HTTP_E_COUNT + 1          },
        {"/deaf",    true,  NGHTTP2_NO_ERROR,       SW_HTTP_E_NONE               },
        {"/nothing", true,  NGHTTP2_NO_ERROR,       SW_HTTP_E_COUNT + 1          },
    };
    sw_http_limits limits = peer_limits;
    limits.half_close_ns = 10 * SW_NS_PER_MS;
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        peer *p = peer_new(&limits);
        frame f;
        peer_request(p, 1, "POST", ROWS[i].path, "", !ROWS[i].has_body);
        if (ROWS[i].has_body) {
            peer_frame(p, NGHTTP2_DATA, 0, 1, "some", 4);
        }
        peer_turn(p);
        assert_true(ROWS[i].has_body ? peer_wait(p, NGHTTP2_RST_STREAM, &f)
                                     : peer_find(p, NGHTTP2_RST_STREAM, 1, &f));
        assert_int_equal(be32(f.payload), ROWS[i].reset);
        assert_true(ROWS[i].error > SW_HTTP_E_COUNT || p->ended[ROWS[i].error] == 1);
        peer_request(p, 3, "GET", "/hello", "", true);
        peer_turn(p);
        assert_int_equal(peer_status(p, 3), 200);
        peer_free(p);
    }
}

static void informational_answers_come_first(void **state)
{
    (void)state;
    static const struct {
        const char *path, *lines;
        int first;
    } ROWS[] = {
        {"/early", "",                     103},
        {"/want",  "expect: 100-continue", 100},
        {"/want",  "",                     200},
        {"/echo",  "expect: 100-continue", 100}, /* it responds first */
        {"/count", "expect: 100-continue", 200}, /* the handler did not say that it wants it */
    };
    peer *p = peer_new(&peer_limits);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        int32_t stream = (int32_t)(2 * i + 1);
        peer_request(p, stream, "POST", ROWS[i].path, ROWS[i].lines, false);
        peer_turn(p);
        if (ROWS[i].first == 100) {
            assert_int_equal(peer_status(p, stream), 100);
        }
        peer_frame(p, NGHTTP2_DATA, END_STREAM, stream, NULL, 0);
        peer_turn(p);
        assert_int_equal(peer_status(p, stream), ROWS[i].first == 100 ? 200 : ROWS[i].first);
        if (ROWS[i].first == 103) {
            assert_int_equal(peer_status(p, stream), 200);
        }
    }
    peer_free(p);
}

static void streams_are_limited(void **state)
{
    (void)state;
    sw_http_limits limits = peer_limits;
    limits.streams = 2;
    peer_acknowledges = false;
    peer *p = peer_new(&limits);
    peer_acknowledges = true;
    frame f;
    for (int32_t i = 0; i < 3; i++) {
        peer_request(p, 2 * i + 1, "GET", "/hold", "", true);
    }
    peer_turn(p);
    assert_int_equal(p->held_count, 2);
    assert_true(peer_find(p, NGHTTP2_RST_STREAM, 5, &f));
    assert_int_equal(be32(f.payload), NGHTTP2_REFUSED_STREAM);
    peer_frame(p, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    peer_turn(p);
    assert_int_equal(p->held_count, 1);
    assert_int_equal(p->ended[SW_HTTP_E_CONNECTION_TERMINATED], 1);
    peer_request(p, 7, "GET", "/hello", "", true);
    peer_turn(p);
    assert_int_equal(peer_status(p, 7), 200);
    peer_frame(p, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0); /* from now on it knows */
    peer_request(p, 9, "GET", "/hold", "", true);
    peer_request(p, 11, "GET", "/hold", "", true);
    peer_turn(p);
    assert_true(p->is_closed);
    peer_free(p);
}

/* Rounds of one frame after the other, until the server has had enough. */
typedef struct flood {
    const char *name;
    uint8_t type, flags;
    int32_t stream; /* -1: a new one each time, after a request on it */
    const char *payload;
    size_t size;
    unsigned good; /* so many are no offence */
} flood;

static void floods_end_the_connection(void **state)
{
    (void)state;
    static const flood ROWS[] = {
        {"ping",                   NGHTTP2_PING,          0,                   0,  "12345678",       8, 300},
        {"settings",               NGHTTP2_SETTINGS,      0,                   0,  "",               0, 300},
        {"settings with an entry", NGHTTP2_SETTINGS,      0,                   0,  "\0\4\0\0\x40\0", 6, 300},
        {"priority",               NGHTTP2_PRIORITY,      0,                   9,  "\0\0\0\0\x10",   5, 500},
        {"window",                 NGHTTP2_WINDOW_UPDATE, 0,                   0,  "\0\0\0\1",       4, 500},
        {"nothing",                NGHTTP2_DATA,          0,                   1,  "",               0, 500},
        {"padding",                NGHTTP2_DATA,          NGHTTP2_FLAG_PADDED, 1,  "\0",             1, 0  },
        {"rapid reset",            NGHTTP2_RST_STREAM,    0,                   -1, "\0\0\0\x08",     4, 200},
        {"self-dependent",         NGHTTP2_PRIORITY,      0,                   9,  "\0\0\0\x09\x10", 5, 0  },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        peer *p = peer_new(&peer_limits);
        frame f;
        bool has_ended = false;
        int32_t stream = ROWS[i].stream;
        unsigned n;
        peer_request(p, 1, "POST", "/hold", "", false);
        for (n = 0; n < 4000 && !has_ended; n++) {
            if (ROWS[i].stream < 0) {
                stream = (int32_t)(2 * n + 3);
                peer_request(p, stream, "GET", "/hold", "", true);
            }
            peer_frame(p, ROWS[i].type, ROWS[i].flags, stream, ROWS[i].payload, ROWS[i].size);
            if (n % 50 == 49) {
                peer_turn(p);
                has_ended = peer_find(p, NGHTTP2_GOAWAY, 0, &f);
            }
        }
        if (!has_ended || n < ROWS[i].good) {
            /* padding counts as bytes: the window ends it */
            assert_string_equal(ROWS[i].name, "padding");
            assert_int_equal(p->ended[SW_HTTP_E_NONE], 0);
        } else {
            assert_true(be32(f.payload + 4) == NGHTTP2_ENHANCE_YOUR_CALM ||
                        be32(f.payload + 4) == NGHTTP2_PROTOCOL_ERROR);
            peer_turn(p);
            assert_true(p->is_closed);
            assert_int_equal(p->held_count, 0);
        }
        peer_free(p);
    }
}

static void useful_work_pays_for_the_rest(void **state)
{
    (void)state;
    peer *p = peer_new(&peer_limits);
    for (int32_t i = 0; i < 3000; i++) {
        peer_request(p, 2 * i + 1, "GET", "/hello", "", true);
        peer_frame(p, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\6", 4);
        peer_frame(p, NGHTTP2_PING, 0, 0, "12345678", 8);
        peer_turn(p);
        p->in_at = p->in_len;
    }
    assert_false(p->is_closed);
    assert_int_equal(p->ended[SW_HTTP_E_NONE], 3000);
    peer_free(p);
}

static void endless_heads_are_cut(void **state)
{
    (void)state;
    peer *p = peer_new(&peer_limits);
    uint8_t block[16000];
    size_t n = peer_block(p, ":method: GET\n:scheme: http\n:path: /hello\n:authority: a", block,
                          sizeof block);
    peer_frame(p, NGHTTP2_HEADERS, 0, 1, block, n);
    for (int i = 0; i < 3000 && !p->is_closed; i++) { /* each: a field with an empty value */
        peer_frame(p, NGHTTP2_CONTINUATION, 0, 1, "\x10\x01x\0", 4);
        peer_turn(p);
    }
    assert_true(p->is_closed);
    assert_int_equal(p->requests, 0);
    peer_free(p);
}

/* One large field in the table of the compression, and then only references to it. */
static void a_bomb_of_fields_is_cut(void **state)
{
    (void)state;
    peer *p = peer_new(&peer_limits);
    static uint8_t block[16000];
    char line[3000] = "bomb: ";
    frame f;
    memset(line + 6, 'b', 2900);
    peer_request(p, 1, "GET", "/hello", line, true);
    peer_turn(p);
    assert_int_equal(peer_status(p, 1), 200);
    size_t n = peer_block(p, ":method: GET\n:scheme: http\n:path: /hello\n:authority: localhost",
                          block, 100);
    memset(block + n, 0x80 | 62, sizeof block - n); /* the newest entry, 16,000 times: 45 MB */
    peer_frame(p, NGHTTP2_HEADERS, END_STREAM | END_HEADERS, 3, block, sizeof block);
    size_t before = p->budget.used_bytes;
    peer_turn(p);
    assert_true(p->budget.peak_bytes < before + (1 << 20));
    assert_true(peer_find(p, NGHTTP2_GOAWAY, 0, &f));
    assert_int_equal(be32(f.payload + 4), NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(p->is_closed);
    assert_int_equal(p->requests, 1);
    peer_free(p);
}

/* Many answers asked for and none read: the pipes are full, and that is all. */
static void slow_readers_cost_their_pipes(void **state)
{
    (void)state;
    enum { STREAMS = 50 };
    sw_http_limits limits = peer_limits;
    limits.write_stall_ns = 2000 * SW_NS_PER_MS;
    peer *p = peer_new(&limits);
    frame f;
    peer_frame(p, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\0", 6); /* no window at all */
    for (int32_t i = 0; i < STREAMS; i++) {
        peer_request(p, 2 * i + 1, "GET", "/big?100000000", "", true);
    }
    peer_turn(p);
    size_t per_stream = p->budget.used_bytes / STREAMS;
    assert_true(per_stream >= 65536 && per_stream < 65536 + 8192);
    for (int i = 0; i < STREAMS; i++) {
        assert_true(peer_wait(p, NGHTTP2_RST_STREAM, &f));
        assert_int_equal(be32(f.payload), NGHTTP2_CANCEL);
    }
    assert_int_equal(p->ended[SW_HTTP_E_CONNECTION_WRITE_TIMEOUT], STREAMS);
    assert_int_equal(p->service.counters.timeouts, STREAMS);
    peer_free(p);
}

/* The windows are open, but nobody empties the socket. */
static void a_socket_that_is_not_read_is_closed(void **state)
{
    (void)state;
    sw_http_limits limits = peer_limits;
    limits.write_stall_ns = 50 * SW_NS_PER_MS;
    peer *p = peer_new(&limits);
    peer_frame(p, NGHTTP2_SETTINGS, 0, 0, "\0\4\x7f\xff\xff\xff", 6);
    peer_frame(p, NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\0\0\0", 4);
    peer_request(p, 1, "GET", "/big?100000000", "", true);
    for (int i = 0; i < 1000 && !p->is_closed; i++) {
        sw_loop_turn(p->loop, sw_clock_deadline(10 * SW_NS_PER_MS));
        assert_true(p->budget.used_bytes < 1 << 20);
    }
    assert_true(p->is_closed);
    assert_int_equal(p->ended[SW_HTTP_E_CONNECTION_TERMINATED], 1);
    peer_free(p);
}

static void large_bodies_flow(void **state)
{
    (void)state;
    enum { SIZE = 1000000 };
    static const uint8_t BYTES[16384];
    peer *p = peer_new(&peer_limits);
    frame f;
    size_t sent = 0, window = 65536, connection = 1 << 20;
    peer_request(p, 1, "POST", "/count", "", false);
    while (sent < SIZE) {
        size_t n = SW_MIN(SW_MIN(window, connection), SW_MIN(SIZE - sent, sizeof BYTES));
        assert_true(n != 0);
        sent += n;
        window -= n;
        connection -= n;
        peer_frame(p, NGHTTP2_DATA, sent == SIZE ? END_STREAM : 0, 1, BYTES, n);
        peer_turn(p);
        while (sent < SIZE && peer_next(p, &f)) {
            if (f.type == NGHTTP2_WINDOW_UPDATE) {
                *(f.stream == 0 ? &connection : &window) += be32(f.payload);
            }
        }
    }
    assert_int_equal(peer_status(p, 1), 200);
    assert_true(peer_find(p, NGHTTP2_DATA, 1, &f));
    assert_memory_equal(f.payload, "1000000", 7);
    size_t got = 0;
    peer_frame(p, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\1\0\0", 6);
    peer_request(p, 3, "GET", "/big?1000000", "", true);
    do {
        peer_turn(p);
        assert_true(peer_find(p, NGHTTP2_DATA, 3, &f));
        got += f.length;
        uint8_t more[4] = {0, 0, (uint8_t)(f.length >> 8), (uint8_t)f.length};
        if (f.length != 0) {
            peer_frame(p, NGHTTP2_WINDOW_UPDATE, 0, 3, more, 4);
            peer_frame(p, NGHTTP2_WINDOW_UPDATE, 0, 0, more, 4);
        }
    } while ((f.flags & END_STREAM) == 0);
    assert_int_equal(got, SIZE);
    assert_int_equal(p->ended[SW_HTTP_E_NONE], 2);
    peer_free(p);
}

/* A handler that does not read gets one window of bytes, and no more can be sent. */
static void the_window_is_what_the_handler_reads(void **state)
{
    (void)state;
    static const uint8_t BYTES[16384];
    peer *p = peer_new(&peer_limits);
    frame f;
    peer_request(p, 1, "POST", "/hold", "", false);
    for (int i = 0; i < 4; i++) {
        peer_frame(p, NGHTTP2_DATA, 0, 1, BYTES, sizeof BYTES);
    }
    peer_turn(p);
    assert_int_equal(p->held[0]->in->used, 65536);
    assert_false(peer_find(p, NGHTTP2_WINDOW_UPDATE, 1, &f));
    sw_pipe_consume(p->held[0]->in, 40000);
    peer_turn(p);
    assert_true(peer_find(p, NGHTTP2_WINDOW_UPDATE, 1, &f));
    assert_int_equal(be32(f.payload), 40000);
    peer_frame(p, NGHTTP2_DATA, 0, 1, BYTES, sizeof BYTES);
    peer_turn(p);
    sw_pipe_consume(p->held[0]->in, 65536 - 40000 + 16384); /* all: told without new data */
    peer_turn(p);
    assert_true(peer_find(p, NGHTTP2_WINDOW_UPDATE, 1, &f));
    for (int i = 0; i < 5 && !p->is_closed; i++) {
        peer_frame(p, NGHTTP2_DATA, 0, 1, BYTES, sizeof BYTES);
        peer_turn(p);
    }
    assert_true(peer_find(p, NGHTTP2_RST_STREAM, 1, &f) || p->is_closed);
    assert_int_equal(p->held_count, 0);
    peer_free(p);
}

/* Streams that end with bytes nobody read do not use up the connection's window. */
static void unread_bytes_leave_the_window(void **state)
{
    (void)state;
    static const uint8_t BYTES[16384];
    static const char *const PATHS[] = {"/deaf", "/hold", "/nothing"};
    for (size_t i = 0; i < SW_COUNTOF(PATHS); i++) {
        peer *p = peer_new(&peer_limits);
        int64_t window = 1 << 20;
        frame f;
        for (int32_t k = 0; k < 60; k++) {
            int32_t stream = 2 * k + 1;
            peer_request(p, stream, "POST", PATHS[i], "", false);
            for (int n = 0; n < 3; n++) {
                window -= sizeof BYTES;
                assert_true(window >= 0);
                peer_frame(p, NGHTTP2_DATA, 0, stream, BYTES, sizeof BYTES);
            }
            peer_frame(p, NGHTTP2_RST_STREAM, 0, stream, "\0\0\0\x08", 4);
            peer_turn(p);
            while (peer_next(p, &f)) {
                window += f.type == NGHTTP2_WINDOW_UPDATE && f.stream == 0 ? be32(f.payload) : 0;
            }
        }
        assert_false(p->is_closed);
        peer_free(p);
    }
}

static void bodies_are_limited(void **state)
{
    (void)state;
    sw_http_limits limits = peer_limits;
    limits.body_bytes = 20000;
    peer *p = peer_new(&limits);
    static const uint8_t BYTES[16384];
    peer_request(p, 1, "POST", "/count", "", false);
    peer_frame(p, NGHTTP2_DATA, 0, 1, BYTES, sizeof BYTES);
    peer_turn(p);
    assert_int_equal(p->ended[SW_HTTP_E_NONE], 0);
    peer_frame(p, NGHTTP2_DATA, 0, 1, BYTES, sizeof BYTES);
    peer_turn(p);
    assert_int_equal(peer_status(p, 1), 413);
    peer_free(p);
}

static void going_away_is_graceful(void **state)
{
    (void)state;
    peer *p = peer_new(&peer_limits);
    frame f;
    peer_request(p, 1, "GET", "/hold", "", true);
    peer_turn(p);
    p->service.connections->ops->drain(p->service.connections);
    peer_turn(p);
    assert_true(peer_find(p, NGHTTP2_PING, 0, &f));
    const uint8_t *ping = f.payload;
    assert_true(peer_find(p, NGHTTP2_GOAWAY, 0, &f));
    assert_int_equal(be32(f.payload), INT32_MAX);
    assert_int_equal(be32(f.payload + 4), NGHTTP2_NO_ERROR);
    peer_request(p, 3, "GET", "/hello", "", true); /* was on its way */
    peer_frame(p, NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, ping, 8);
    peer_turn(p);
    assert_true(peer_find(p, NGHTTP2_GOAWAY, 0, &f));
    assert_int_equal(be32(f.payload), 3);
    assert_int_equal(peer_status(p, 3), 200);
    peer_request(p, 5, "GET", "/hello", "", true); /* too late */
    peer_turn(p);
    assert_int_equal(peer_status(p, 5), 0);
    assert_false(p->is_closed);
    sw_exchange *x = p->held[0];
    x->response.status = 200;
    sw_pipe_finish(x->out);
    sw_exchange_respond(x);
    peer_turn(p);
    assert_true(p->is_closed);
    assert_int_equal(p->ended[SW_HTTP_E_NONE], 2);
    peer_free(p);
}

static void a_drained_peer_need_not_answer(void **state)
{
    (void)state;
    sw_http_limits limits = peer_limits;
    limits.requests = 2;
    peer *p = peer_new(&limits);
    frame f;
    peer_request(p, 1, "GET", "/hello", "", true);
    peer_turn(p);
    assert_false(peer_find(p, NGHTTP2_GOAWAY, 0, &f));
    peer_request(p, 3, "GET", "/hello", "", true);
    assert_true(peer_wait(p, NGHTTP2_GOAWAY, &f));
    assert_true(peer_wait(p, NGHTTP2_GOAWAY, &f)); /* after a second */
    assert_int_equal(be32(f.payload), 3);
    peer_turn(p);
    assert_true(p->is_closed);
    peer_free(p);
}

static void who_goes_takes_his_requests_along(void **state)
{
    (void)state;
    static const char *const WAYS[] = {"close", "cut", "garbage", "goaway"};
    for (size_t i = 0; i < SW_COUNTOF(WAYS); i++) {
        peer *p = peer_new(&peer_limits);
        peer_request(p, 1, "POST", "/hold", "", false);
        peer_request(p, 3, "GET", "/big?10000000", "", true);
        peer_turn(p);
        assert_int_equal(p->held_count, 1);
        switch (i) {
        case 0:
            close(p->fd);
            p->fd = -1;
            break;
        case 1: p->service.connections->ops->cut(p->service.connections); break;
        case 2: peer_send(p, "\0\0\1\5\0\0\0\0\0x", 10); break;
        default:
            peer_frame(p, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
            peer_frame(p, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
            peer_frame(p, NGHTTP2_RST_STREAM, 0, 3, "\0\0\0\x08", 4);
            break;
        }
        peer_turn(p);
        assert_true(p->is_closed);
        assert_int_equal(p->held_count, 0);
        assert_int_equal(p->ended[SW_HTTP_E_CONNECTION_TERMINATED], 2);
        peer_free(p);
    }
}

static void time_runs_out(void **state)
{
    (void)state;
    sw_http_limits limits = peer_limits;
    frame f;
    limits.body_idle_ns = 50 * SW_NS_PER_MS;
    peer *p = peer_new(&limits);
    peer_request(p, 1, "POST", "/count", "", false);
    assert_true(peer_wait(p, NGHTTP2_RST_STREAM, &f));
    assert_int_equal(p->ended[SW_HTTP_E_CONNECTION_READ_TIMEOUT], 1);
    peer_free(p);
    limits = peer_limits;
    limits.keep_alive_ns = 50 * SW_NS_PER_MS;
    p = peer_new(&limits);
    assert_true(peer_wait(p, NGHTTP2_GOAWAY, &f));
    assert_int_equal(be32(f.payload + 4), NGHTTP2_NO_ERROR);
    peer_turn(p);
    assert_true(p->is_closed);
    peer_free(p);
    limits = peer_limits;
    limits.head_ns = 50 * SW_NS_PER_MS;
    p = peer_new(&limits);
    peer_frame(p, NGHTTP2_HEADERS, 0, 1, "\x82", 1);
    assert_false(peer_wait(p, NGHTTP2_GOAWAY, &f));
    assert_true(p->is_closed);
    assert_int_equal(p->service.counters.timeouts, 1);
    peer_free(p);
}

static void what_is_not_the_preface_ends_it(void **state)
{
    (void)state;
    sw_http_limits limits = peer_limits;
    peer *p = peer_new(&limits);
    peer_turn(p);
    peer_free(p);
    int fds[2];
    p = peer_new(&limits);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    sw_io_plain io;
    sw_io_plain_init(&io, fds[0], NULL, NULL);
    assert_true(sw_h2_serve(&p->service, &io.io, p, (sw_bytes){(const uint8_t *)"PRI * ", 6}));
    assert_int_equal(write(fds[1], "HTTP/1.1\r\n\r\n", 12), 12);
    assert_int_equal(p->service.connections_count, 2);
    peer_turn(p);
    assert_int_equal(p->service.connections_count, 1);
    close(fds[1]);
    peer_free(p);
}

/* Memory that does not come: whatever is cut, nothing is lost. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool has_failed = true;
    for (uint64_t nth = 1; has_failed; nth++) {
        peer *p = peer_new(&peer_limits);
        peer_turn(p);
        sw_memory_fail_at(nth);
        peer_request(p, 1, "POST", "/echo", "cookie: a\ncookie: b", false);
        peer_frame(p, NGHTTP2_DATA, END_STREAM, 1, "hello", 5);
        peer_request(p, 3, "GET", "/hello", "", true);
        peer_turn(p);
        has_failed = sw_memory_failed();
        sw_memory_fail_at(0);
        if (!has_failed) {
            assert_int_equal(p->ended[SW_HTTP_E_NONE], 2);
        }
        peer_free(p);
        assert_true(nth < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_preface_is_answered),
        cmocka_unit_test(requests_are_answered),
        cmocka_unit_test(bodies_and_trailers_go_both_ways),
        cmocka_unit_test(crumbs_of_cookies_are_joined),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(handlers_may_do_anything),
        cmocka_unit_test(informational_answers_come_first),
        cmocka_unit_test(streams_are_limited),
        cmocka_unit_test(floods_end_the_connection),
        cmocka_unit_test(useful_work_pays_for_the_rest),
        cmocka_unit_test(endless_heads_are_cut),
        cmocka_unit_test(a_bomb_of_fields_is_cut),
        cmocka_unit_test(slow_readers_cost_their_pipes),
        cmocka_unit_test(a_socket_that_is_not_read_is_closed),
        cmocka_unit_test(large_bodies_flow),
        cmocka_unit_test(the_window_is_what_the_handler_reads),
        cmocka_unit_test(unread_bytes_leave_the_window),
        cmocka_unit_test(bodies_are_limited),
        cmocka_unit_test(going_away_is_graceful),
        cmocka_unit_test(a_drained_peer_need_not_answer),
        cmocka_unit_test(who_goes_takes_his_requests_along),
        cmocka_unit_test(time_runs_out),
        cmocka_unit_test(what_is_not_the_preface_ends_it),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
