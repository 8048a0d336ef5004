/* HTTP/2 connections of a client: against our own server, and against one played by hand that does
 * what servers should not. */
#include "h2_peer.h"
#include "http/h2_client.h"

#include "os/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    END_STREAM = NGHTTP2_FLAG_END_STREAM,
    END_HEADERS = NGHTTP2_FLAG_END_HEADERS,
    STILL_GOING = SW_HTTP_E_COUNT + 1
};

/* What became of an exchange. */
typedef struct outcome {
    int status, informational;
    uint64_t length, bytes;
    char text[64];     /* the first bytes of the body */
    char trailers[64]; /* values */
    bool has_ended, is_done, is_unsent;
    unsigned error;
    sw_exchange *x;
} outcome;

typedef struct client {
    peer *p;
    sw_io_plain io;
    sw_h2_client h2;
    uint8_t scratch[SW_H2_SCRATCH_BYTES];
    bool is_closed;
} client;

static const sw_h2_client_limits LIMITS = {
    .streams = 100, .head_bytes = 16384, .head_fields = 100, .pipe_bytes = 65536};
static const sw_exchange_limits EXCHANGE = {100, 65536, 65536};

static void on_done(sw_h2_client *h2, void *tag)
{
    (void)h2;
    ((outcome *)tag)->is_done = true;
}

static void on_unsent(sw_h2_client *h2, sw_exchange *x, void *tag)
{
    (void)h2;
    ((outcome *)tag)->is_unsent = true;
    x->is_released = true;
    sw_exchange_end(x, SW_HTTP_E_NONE, 0);
}

static void on_closed(sw_h2_client *h2)
{
    SW_CONTAINER_OF(h2, client, h2)->is_closed = true;
}

static const sw_h2_client_events CLIENT_EVENTS = {
    .on_done = on_done, .on_unsent = on_unsent, .on_closed = on_closed};

static client *connect_to(peer *p, bool is_raw)
{
    client *c = test_calloc(1, sizeof *c);
    c->p = p;
    if (!is_raw) {
        sw_io_plain_init(&c->io, p->fd, NULL, NULL);
        p->fd = -1;
    }
    assert_int_equal(sw_h2_client_init(&c->h2, p->loop, &p->budget, &LIMITS,
                                       is_raw ? &p->io.io : &c->io.io, c->scratch, &CLIENT_EVENTS),
                     SW_OK);
    return c;
}

static void disconnect(client *c)
{
    peer *p = c->p;
    if (!c->is_closed) {
        sw_h2_client_clear(&c->h2, SW_HTTP_E_CONNECTION_TERMINATED);
    }
    test_free(c);
    peer_turn(p);
    peer_free(p);
}

static void read_body(sw_pipe *in, void *arg)
{
    outcome *o = arg;
    uint8_t bytes[4096];
    size_t n;
    while ((n = sw_pipe_read(in, bytes, sizeof bytes)) != 0) {
        size_t take = o->bytes >= 63 ? 0 : SW_MIN(n, 63 - o->bytes);
        memcpy(o->text + o->bytes * (take != 0), bytes, take);
        o->bytes += n;
    }
}

static void on_head(sw_exchange *x)
{
    outcome *o = x->arg;
    o->status = x->response.status;
    o->length = x->in_length;
    x->in->on_readable = read_body;
    x->in->on_readable_arg = o;
    read_body(x->in, o);
}

static void on_informational(sw_exchange *x)
{
    ((outcome *)x->arg)->informational = x->response.status;
}

static void on_end(sw_exchange *x)
{
    outcome *o = x->arg;
    size_t used = 0;
    o->has_ended = true;
    o->error = x->error;
    for (uint32_t i = 0; i < x->in_trailers.count; i++) {
        used += (size_t)snprintf(o->trailers + used, sizeof o->trailers - used, "%.*s;",
                                 SW_STR_ARG(sw_http_field_value(&x->in_trailers, i)));
    }
    if (!x->is_released) {
        sw_exchange_release(x);
    }
}

static const sw_exchange_events EVENTS = {
    .on_head = on_head, .on_informational = on_informational, .on_end = on_end};

static const sw_h2_client_times NO_TIMES;

/* body NULL: none yet; else it is all of it. */
static sw_exchange *ask(client *c, const char *method, const char *path, const char *body,
                        const sw_h2_client_times *times, outcome *o)
{
    sw_exchange *x = sw_exchange_new(&c->p->budget, &EXCHANGE);
    size_t n;
    *o = (outcome){.x = x, .error = STILL_GOING};
    x->events = &EVENTS;
    x->arg = o;
    assert_int_equal(sw_http_head_set_method(&x->request, sw_str_of(method)), SW_OK);
    assert_int_equal(sw_http_head_set_part(&x->request, SW_HTTP_AUTHORITY, SW_STR("localhost")),
                     SW_OK);
    assert_int_equal(sw_http_head_set_part(&x->request, SW_HTTP_PATH, sw_str_of(path)), SW_OK);
    if (body != NULL) {
        assert_int_equal(sw_pipe_write(x->out, sw_str_bytes(sw_str_of(body)), &n), SW_OK);
        sw_pipe_finish(x->out);
    }
    assert_true(sw_h2_client_has_room(&c->h2));
    assert_int_equal(sw_h2_client_send(&c->h2, x, times, o), SW_OK);
    return x;
}

static void requests_are_answered(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *body;
        int status, informational;
        uint64_t length;
        const char *text;
        sw_http_error error;
    } ROWS[] = {
        {"GET",  "/hello",  "",      200, 0,   6,                      "hello\n", SW_HTTP_E_NONE                 },
        {"HEAD", "/hello",  "",      200, 0,   0,                      "",        SW_HTTP_E_NONE                 },
        {"POST", "/count",  "12345", 200, 0,   1,                      "5",       SW_HTTP_E_NONE                 },
        {"POST", "/echo",   "12345", 200, 0,   5,                      "12345",   SW_HTTP_E_NONE                 },
        {"GET",  "/empty",  "",      204, 0,   0,                      "",        SW_HTTP_E_NONE                 },
        {"GET",  "/early",  "",      200, 103, 6,                      "hello\n", SW_HTTP_E_NONE                 },
        {"GET",  "/chatty", "",      200, 0,   0,                      "",        SW_HTTP_E_NONE                 },
        {"GET",  "/half",   "",      200, 0,   10,                     "",        SW_HTTP_E_RESPONSE_INCOMPLETE  },
        {"GET",  "/cut",    "",      200, 0,   SW_HTTP_LENGTH_UNKNOWN, NULL,      SW_HTTP_E_CONNECTION_TERMINATED},
        {"POST", "/deaf",   NULL,    200, 0,   7,                      "no need", SW_HTTP_E_NONE                 },
    };
    client *c = connect_to(peer_new_server(&peer_limits), false);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        outcome o;
        (void)ask(c, ROWS[i].method, ROWS[i].path, ROWS[i].body, &NO_TIMES, &o);
        peer_turn(c->p);
        assert_true(o.has_ended && o.is_done);
        if (o.error != ROWS[i].error) {
            fail_msg("%s: %d", ROWS[i].path, o.error);
        }
        assert_true(o.status == ROWS[i].status || ROWS[i].text == NULL);
        assert_int_equal(o.informational, ROWS[i].informational);
        assert_true(o.length == ROWS[i].length || ROWS[i].error != SW_HTTP_E_NONE);
        assert_true(ROWS[i].error != SW_HTTP_E_NONE || strcmp(o.text, ROWS[i].text) == 0);
        assert_true(sw_h2_client_is_idle(&c->h2));
    }
    disconnect(c);
}

static void bodies_and_trailers_go_both_ways(void **state)
{
    (void)state;
    client *c = connect_to(peer_new_server(&peer_limits), false);
    outcome o;
    size_t n;
    sw_exchange *x = ask(c, "POST", "/echo", NULL, &NO_TIMES, &o);
    peer_turn(c->p);
    assert_int_equal(o.status, 200);
    assert_int_equal(sw_pipe_write(x->out, sw_str_bytes(SW_STR("one")), &n), SW_OK);
    peer_turn(c->p);
    assert_string_equal(o.text, "one");
    assert_int_equal(sw_pipe_write(x->out, sw_str_bytes(SW_STR("two")), &n), SW_OK);
    assert_int_equal(sw_http_fields_append(&x->out_trailers, SW_STR("x-sum"), SW_STR("42")), SW_OK);
    sw_pipe_finish(x->out);
    peer_turn(c->p);
    assert_string_equal(o.text, "onetwo");
    assert_string_equal(o.trailers, "42;");
    assert_int_equal(o.error, SW_HTTP_E_NONE);
    disconnect(c);
}

static void many_and_large_ones_share_the_connection(void **state)
{
    (void)state;
    enum { CALLS = 60, SIZE = 500000 };
    static outcome o[CALLS];
    client *c = connect_to(peer_new_server(&peer_limits), false);
    for (int i = 0; i < CALLS; i++) {
        (void)ask(c, "GET", "/big?500000", "", &NO_TIMES, &o[i]);
    }
    for (int i = 0; i < 5000 && !sw_h2_client_is_idle(&c->h2); i++) {
        peer_turn(c->p);
        assert_true(c->p->budget.used_bytes < CALLS * (size_t)150000);
    }
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(o[i].error, SW_HTTP_E_NONE);
        assert_int_equal(o[i].bytes, SIZE);
    }
    disconnect(c);
}

static void a_reader_that_stops_stops_the_server(void **state)
{
    (void)state;
    client *c = connect_to(peer_new_server(&peer_limits), false);
    outcome o;
    sw_exchange *x = ask(c, "GET", "/big?10000000", "", &NO_TIMES, &o);
    static const sw_exchange_events NOTHING = {.on_end = on_end};
    x->events = &NOTHING;
    for (int i = 0; i < 100; i++) {
        peer_turn(c->p);
    }
    assert_int_equal(x->in->used, 65535 + 1 - (x->in->total_bytes == 65535));
    assert_int_equal(o.has_ended, false);
    o.x = x;
    on_head(x);
    for (int i = 0; i < 1000 && !o.has_ended; i++) {
        peer_turn(c->p);
    }
    assert_int_equal(o.bytes, 10000000);
    disconnect(c);
}

static void exchanges_can_be_cut(void **state)
{
    (void)state;
    static const char *const WAYS[] = {"abort", "release", "before it is sent", "clear"};
    for (size_t i = 0; i < SW_COUNTOF(WAYS); i++) {
        client *c = connect_to(peer_new_server(&peer_limits), false);
        outcome o, other;
        sw_exchange *x = ask(c, "POST", "/hold", NULL, &NO_TIMES, &o);
        (void)ask(c, "GET", "/hold", "", &NO_TIMES, &other);
        if (i != 2) {
            peer_turn(c->p);
            assert_int_equal(c->p->held_count, 2);
        }
        if (i == 3) {
            sw_h2_client_clear(&c->h2, SW_HTTP_E_CONFIGURATION_ERROR);
            c->is_closed = true;
            assert_int_equal(o.error, SW_HTTP_E_CONFIGURATION_ERROR);
            assert_int_equal(other.error, SW_HTTP_E_CONFIGURATION_ERROR);
            assert_false(o.is_done);
        } else if (i == 1) {
            sw_exchange_release(x);
            assert_false(o.has_ended);
            assert_true(o.is_done);
        } else {
            sw_exchange_abort(x, SW_HTTP_E_LOOP_DETECTED);
            assert_int_equal(o.error, SW_HTTP_E_LOOP_DETECTED);
            assert_true(o.is_done);
        }
        peer_turn(c->p);
        assert_int_equal(c->p->held_count, i == 3 ? 0 : 1);
        disconnect(c);
    }
}

static void time_runs_out(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *body;
        sw_h2_client_times times;
        bool sleeps; /* nobody reads the answer */
        sw_http_error error;
    } ROWS[] = {
        {"GET",
         "/hold", "",
         {.first_byte_ns = 20 * SW_NS_PER_MS},
         false, SW_HTTP_E_CONNECTION_READ_TIMEOUT },
        {"POST",
         "/echo", NULL,
         {.between_bytes_ns = 20 * SW_NS_PER_MS},
         false, SW_HTTP_E_CONNECTION_READ_TIMEOUT },
        {"POST",
         "/hold", NULL,
         {.between_bytes_ns = 20 * SW_NS_PER_MS},
         true,  SW_HTTP_E_CONNECTION_WRITE_TIMEOUT},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        static const uint8_t BYTES[65536];
        client *c = connect_to(peer_new_server(&peer_limits), false);
        outcome o;
        size_t n;
        sw_exchange *x = ask(c, ROWS[i].method, ROWS[i].path, ROWS[i].body, &ROWS[i].times, &o);
        uint64_t until = sw_clock_deadline(10 * SW_NS_PER_S);
        while (!o.has_ended && sw_clock_monotonic_ns() < until) {
            if (ROWS[i].sleeps && !o.has_ended && x->out->total_bytes < 3 * sizeof BYTES) {
                (void)!sw_pipe_write(x->out, (sw_bytes){BYTES, sizeof BYTES}, &n);
            }
            sw_loop_turn(c->p->loop, sw_clock_deadline(2 * SW_NS_PER_MS));
        }
        assert_int_equal(o.error, ROWS[i].error);
        assert_true(o.is_done);
        disconnect(c);
    }
}

static void a_server_that_goes_is_left(void **state)
{
    (void)state;
    client *c = connect_to(peer_new_server(&peer_limits), false);
    outcome first, second;
    (void)ask(c, "GET", "/hold", "", &NO_TIMES, &first);
    peer_turn(c->p);
    sw_http_service_drain(&c->p->service);
    peer_turn(c->p);
    assert_false(sw_h2_client_has_room(&c->h2));
    assert_false(first.has_ended);
    sw_exchange *x = c->p->held[0];
    x->response.status = 200;
    sw_pipe_finish(x->out);
    sw_exchange_respond(x);
    peer_turn(c->p);
    assert_int_equal(first.error, SW_HTTP_E_NONE);
    assert_true(c->is_closed);
    disconnect(c);
    c = connect_to(peer_new_server(&peer_limits), false);
    (void)ask(c, "GET", "/hold", "", &NO_TIMES, &first);
    peer_turn(c->p);
    (void)ask(c, "GET", "/hello", "", &NO_TIMES, &second);
    sw_http_service_cut(&c->p->service);
    peer_turn(c->p);
    assert_true(c->is_closed);
    assert_int_equal(first.error, SW_HTTP_E_CONNECTION_TERMINATED);
    assert_true(second.is_unsent || second.has_ended);
    disconnect(c);
}

/* What the server answers to one request on stream 1, and what becomes of it. */
typedef struct reply {
    const char *name;
    const char *lines; /* of HEADERS; NULL: none */
    uint8_t flags;     /* of it */
    uint8_t type;      /* of a frame after it; 0 with no payload: none (an empty DATA) */
    const char *payload;
    size_t size;
    int status;
    unsigned error;
    bool is_unsent;
} reply;

static void servers_can_be_wrong(void **state)
{
    (void)state;
    enum { HEAD = END_HEADERS, ALL = END_HEADERS | END_STREAM, RST = NGHTTP2_RST_STREAM };
    static char large[20000] = ":status: 200\nx: ";
    memset(large + 16, 'l', 16384);
    const reply ROWS[] = {
        {"fine",       ":status: 200",                    ALL,  0,                    NULL,           0, 200, SW_HTTP_E_NONE,                     false},
        {"no status",  "x: y",                            ALL,  0,                    NULL,           0, 0,   SW_HTTP_E_PROTOCOL_ERROR,           false},
        {"status",     ":status: 20",                     ALL,  0,                    NULL,           0, 0,   SW_HTTP_E_PROTOCOL_ERROR,           false},
        {"words",      ":status: abc",                    ALL,  0,                    NULL,           0, 0,   SW_HTTP_E_PROTOCOL_ERROR,           false},
        {"switching",  ":status: 101",                    HEAD, 0,                    NULL,           0, 0,   SW_HTTP_E_PROTOCOL_ERROR,           false},
        {"only 100",   ":status: 100",                    ALL,  0,                    NULL,           0, 0,   SW_HTTP_E_PROTOCOL_ERROR,           false},
        {"connection", ":status: 200\nconnection: x",     ALL,  0,                    NULL,           0, 0,   SW_HTTP_E_PROTOCOL_ERROR,
         false                                                                                                                                         },
        {"upper case", ":status: 200\nX: x",              ALL,  0,                    NULL,           0, 0,   SW_HTTP_E_PROTOCOL_ERROR,           false},
        {"large head", large,                             ALL,  0,                    NULL,           0, 0,   SW_HTTP_E_RESPONSE_HEAD_SIZE,       false},
        {"short",      ":status: 200\ncontent-length: 5", HEAD, NGHTTP2_DATA,         "abc",          3, 200, STILL_GOING,
         false                                                                                                                                         },
        {"long",       ":status: 200\ncontent-length: 2", HEAD, NGHTTP2_DATA,         "abc",          3, 200,
         SW_HTTP_E_PROTOCOL_ERROR,                                                                                                                false},
        {"refused",    NULL,                              0,    RST,                  "\0\0\0\7",     4, 0,   STILL_GOING,                        true },
        {"cancelled",  NULL,                              0,    RST,                  "\0\0\0\x08",   4, 0,   SW_HTTP_E_CONNECTION_TERMINATED,    false},
        {"broken off", ":status: 200",                    HEAD, RST,                  "\0\0\0\2",     4, 200, SW_HTTP_E_RESPONSE_INCOMPLETE,
         false                                                                                                                                         },
        {"calm",       NULL,                              0,    RST,                  "\0\0\0\x0b",   4, 0,   SW_HTTP_E_CONNECTION_LIMIT_REACHED, false},
        {"push",       NULL,                              0,    NGHTTP2_PUSH_PROMISE, "\0\0\0\2\x82", 5, 0,   STILL_GOING,                        false},
        {"data first", NULL,                              0,    NGHTTP2_DATA,         "abc",          3, 0,   SW_HTTP_E_PROTOCOL_ERROR,           false},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        static uint8_t block[20000];
        client *c = connect_to(peer_new_raw(), true);
        outcome o;
        peer_frame(c->p, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
        (void)ask(c, "GET", "/", "", &NO_TIMES, &o);
        peer_turn(c->p);
        c->p->in_at = c->p->in_len; /* the preface, settings, the request */
        if (ROWS[i].lines != NULL) {
            size_t n = peer_block(c->p, ROWS[i].lines, block, sizeof block);
            peer_frame(c->p, NGHTTP2_HEADERS, ROWS[i].flags, 1, block, n);
        }
        if (ROWS[i].payload != NULL) {
            peer_frame(c->p, ROWS[i].type, ROWS[i].type == NGHTTP2_PUSH_PROMISE ? END_HEADERS : 0,
                       1, ROWS[i].payload, ROWS[i].size);
        }
        peer_turn(c->p);
        if (o.error != ROWS[i].error || o.status != ROWS[i].status) {
            fail_msg("%s: error %d, status %d", ROWS[i].name, o.error, o.status);
        }
        assert_int_equal(o.is_unsent, ROWS[i].is_unsent);
        frame f;
        if (ROWS[i].type == NGHTTP2_PUSH_PROMISE) {
            assert_true(peer_find(c->p, NGHTTP2_RST_STREAM, 2, &f) || c->is_closed);
        }
        disconnect(c);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool has_failed = true;
    for (uint64_t nth = 1; has_failed; nth++) {
        client *c = connect_to(peer_new_server(&peer_limits), false);
        outcome o;
        peer_turn(c->p);
        (void)ask(c, "POST", "/count", "12345", &NO_TIMES, &o);
        sw_memory_fail_at(nth);
        peer_turn(c->p);
        has_failed = sw_memory_failed();
        sw_memory_fail_at(0);
        assert_true(o.has_ended || o.is_unsent || !c->is_closed);
        assert_true(has_failed || o.error == SW_HTTP_E_NONE);
        disconnect(c);
        assert_true(nth < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered),
        cmocka_unit_test(bodies_and_trailers_go_both_ways),
        cmocka_unit_test(many_and_large_ones_share_the_connection),
        cmocka_unit_test(a_reader_that_stops_stops_the_server),
        cmocka_unit_test(exchanges_can_be_cut),
        cmocka_unit_test(time_runs_out),
        cmocka_unit_test(a_server_that_goes_is_left),
        cmocka_unit_test(servers_can_be_wrong),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
