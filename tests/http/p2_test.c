/*
 * wasi:http 0.2 called as the canonical ABI calls it, without a guest and without a network: an
 * exchange whose protocol only notes what is asked of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/p2/types.h"
#include "wasi_http_outgoing_handler.h"
#include "wasi_io_error.h"
#include "wasi_io_poll.h"
#include "wasi_io_streams.h"

#include <stdio.h>
#include <string.h>

typedef struct world {
    sw_engine *engine;
    sw_store *store;
    sw_wasi *wasi;
    sw_p2 *p2;
    sw_arena arena;
    sw_host_call call;
    size_t used_before;
    char asked[512]; /* the last denial */
    sw_exchange x;
    sw_pipe in, out;
    int responses, wants, aborts, releases;
    sw_http_error why;
} world;

/* ---- A protocol ------------------------------------------------------------------------------ */

static world *of(sw_exchange *x)
{
    return x->connection;
}

static void respond(sw_exchange *x)
{
    of(x)->responses++;
}

static void informational(sw_exchange *x, uint16_t status, const sw_http_fields *fields)
{
    (void)x;
    (void)status;
    (void)fields;
}

static void want_body(sw_exchange *x)
{
    of(x)->wants++;
}

static void abort_it(sw_exchange *x, sw_http_error why)
{
    of(x)->aborts++;
    of(x)->why = why;
}

static void release(sw_exchange *x)
{
    of(x)->releases++;
}

static const sw_exchange_ops OPS = {respond, informational, want_body, abort_it, release};

static void append_to(sw_http_fields *fields, const char *name, const char *value)
{
    assert_int_equal(sw_http_fields_append(fields, sw_str_of(name), sw_str_of(value)), SW_OK);
}

static void start_exchange(world *w)
{
    sw_exchange *x = &w->x;
    sw_http_head_init(&x->request, NULL, 100, 65536);
    sw_http_head_init(&x->response, NULL, 100, 65536);
    sw_http_fields_init(&x->in_trailers, NULL, 100, 65536);
    sw_http_fields_init(&x->out_trailers, NULL, 100, 65536);
    sw_pipe_init(&w->in, NULL, 65536);
    sw_pipe_init(&w->out, NULL, 65536);
    x->in = &w->in;
    x->out = &w->out;
    x->ops = &OPS;
    x->connection = w;
    x->error = SW_HTTP_E_NONE;
    x->fallback_status = 500;
    x->request.method = SW_HTTP_POST;
    assert_int_equal(sw_http_head_set_part(&x->request, SW_HTTP_PATH, SW_STR("/a?b")), SW_OK);
    assert_int_equal(sw_http_head_set_part(&x->request, SW_HTTP_SCHEME, SW_STR("https")), SW_OK);
    assert_int_equal(sw_http_head_set_part(&x->request, SW_HTTP_AUTHORITY, SW_STR("a.example")),
                     SW_OK);
    append_to(&x->request.fields, "x-one", "1");
}

static void end_exchange(world *w)
{
    sw_http_head_clear(&w->x.request);
    sw_http_head_clear(&w->x.response);
    sw_http_fields_clear(&w->x.in_trailers);
    sw_http_fields_clear(&w->x.out_trailers);
    sw_pipe_unref(&w->in);
    sw_pipe_unref(&w->out);
}

/* ---- The world ------------------------------------------------------------------------------- */

static void note_denial(void *env, const char *asked, const char *option)
{
    world *w = env;
    (void)snprintf(w->asked, sizeof w->asked, "%s [%s]", asked, option);
}

static void start(world *w)
{
    sw_grants g;
    sw_diag diag = {};
    memset(w, 0, sizeof *w);
    assert_int_equal(sw_engine_new(&diag, &w->engine), SW_OK);
    assert_int_equal(sw_store_new(w->engine, &SW_STORE_LIMITS_DEFAULT, &diag, &w->store), SW_OK);
    sw_grants_init(&g, NULL);
    assert_int_equal(sw_grants_add_http(&g, SW_STR("https://granted.example/v1/*"), &diag), SW_OK);
    w->used_before = sw_store_budget(w->store)->used_bytes;
    assert_int_equal(sw_wasi_new(w->store, &g, note_denial, w, &diag, &w->wasi), SW_OK);
    sw_grants_clear(&g);
    sw_arena_init(&w->arena, NULL, (size_t)64 << 20);
    w->call = (sw_host_call){.env = w->wasi, .store = w->store, .arena = &w->arena};
    assert_int_equal(sw_p2_of(w->wasi, &w->p2), SW_TRAP_NONE);
    start_exchange(w);
}

static void end(world *w)
{
    sw_wasi_free(w->wasi);
    assert_int_equal(sw_store_budget(w->store)->used_bytes, w->used_before);
    sw_arena_clear(&w->arena);
    sw_store_free(w->store);
    sw_engine_free(w->engine);
    end_exchange(w);
}

#define OK(e) assert_int_equal((e), SW_TRAP_NONE)
/* Calls a function of wasi:http/types: CALL(&ret, fields_has, .self = f, .name = n). */
#define CALL(ret, f, ...) \
    sw_wasi_http_types_##f(&w->call, &(sw_wasi_http_types_##f##_params){__VA_ARGS__}, (ret))
#define RET(f) sw_wasi_http_types_##f##_result

typedef struct sides {
    uint32_t request, outparam;
} sides;

/* What handle is called with. */
static sides begin(world *w)
{
    sides s;
    http_incoming *in;
    OK(http_incoming_new(w->p2, &w->x, false, &in));
    OK(sw_p2_add_other(w->p2, &HTTP_INCOMING_REQUEST, in, &s.request));
    OK(sw_p2_add_other(w->p2, &HTTP_OUTPARAM, http_incoming_ref(in), &s.outparam));
    return s;
}

static void feed(world *w, const char *text)
{
    size_t written;
    assert_int_equal(sw_pipe_write(&w->in, sw_str_bytes(sw_str_of(text)), &written), SW_OK);
    assert_int_equal(written, strlen(text));
}

/* All that the guest has written. */
static const char *sent(world *w)
{
    static char text[256];
    size_t len = sw_pipe_read(&w->out, (uint8_t *)text, sizeof text - 1);
    text[len] = '\0';
    return text;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

enum { FINE = -1, INVALID, FORBIDDEN, IMMUTABLE };

static uint32_t new_fields(world *w)
{
    uint32_t f;
    OK(sw_wasi_http_types_fields_new(&w->call, &f));
    return f;
}

static sw_wit_list_u8 bytes(const char *text)
{
    return (sw_wit_list_u8){(uint8_t *)(uintptr_t)text, strlen(text)};
}

static int append(world *w, uint32_t f, const char *name, const char *value)
{
    RET(fields_append) ret;
    OK(CALL(&ret, fields_append, .self = f, .name = sw_str_of(name), .value = bytes(value)));
    return ret.is_err ? ret.err.tag : FINE;
}

static const struct {
    const char *name, *value;
    int error;
} FIELDS[] = {
    {"x-name",              "value",         FINE     },
    {"X-Name",              "",              FINE     },
    {"x",                   "a\tb \xc3\xa9", FINE     },
    {"",                    "v",             INVALID  },
    {"x y",                 "v",             INVALID  },
    {"x:",                  "v",             INVALID  },
    {"x\n",                 "v",             INVALID  },
    {"x\xc3\xa9",           "v",             INVALID  },
    {"x",                   "a\nb",          INVALID  },
    {"x",                   "a\r\nb: c",     INVALID  },
    {"x",                   "a\x01",         INVALID  },
    {"connection",          "close",         FORBIDDEN},
    {"Connection",          "close",         FORBIDDEN},
    {"keep-alive",          "1",             FORBIDDEN},
    {"host",                "h",             FORBIDDEN},
    {"http2-settings",      "s",             FORBIDDEN},
    {"proxy-authenticate",  "x",             FORBIDDEN},
    {"proxy-authorization", "x",             FORBIDDEN},
    {"proxy-connection",    "x",             FORBIDDEN},
    {"TRANSFER-ENCODING",   "chunked",       FORBIDDEN},
    {"upgrade",             "h2c",           FORBIDDEN},
    {"content-length",      "1",             FINE     },
    {"te",                  "trailers",      FINE     },
};

static void what_fields_take(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    for (size_t i = 0; i < SW_COUNTOF(FIELDS); i++) {
        uint32_t f = new_fields(w);
        if (append(w, f, FIELDS[i].name, FIELDS[i].value) != FIELDS[i].error) {
            fail_msg("append of '%s: %s'", FIELDS[i].name, FIELDS[i].value);
        }
        sw_wit_list_u8 value = bytes(FIELDS[i].value);
        sw_wit_tuple2_string_list_u8 entry = {sw_str_of(FIELDS[i].name), value};
        RET(fields_from_list) list;
        OK(CALL(&list, fields_from_list, .entries = {&entry, 1}));
        assert_int_equal(list.is_err ? list.err.tag : FINE, FIELDS[i].error);
        RET(fields_set) set;
        OK(CALL(&set, fields_set, .self = f, .name = entry.f0, .value = {&value, 1}));
        assert_int_equal(set.is_err ? set.err.tag : FINE, FIELDS[i].error);
    }
    end(w);
}

static size_t count_of(world *w, uint32_t f, const char *name)
{
    RET(fields_get) ret;
    OK(CALL(&ret, fields_get, .self = f, .name = sw_str_of(name)));
    return ret.len;
}

static void fields_as_a_list(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    uint32_t f = new_fields(w);
    assert_int_equal(append(w, f, "A", "1"), FINE);
    assert_int_equal(append(w, f, "b", "2"), FINE);
    assert_int_equal(append(w, f, "a", "3"), FINE);
    assert_int_equal(count_of(w, f, "a"), 2);
    assert_int_equal(count_of(w, f, "A"), 2);
    assert_int_equal(count_of(w, f, "c"), 0);
    assert_int_equal(count_of(w, f, "no name"), 0);
    RET(fields_entries) entries;
    OK(CALL(&entries, fields_entries, .self = f));
    assert_int_equal(entries.len, 3);
    assert_true(sw_str_eq(entries.ptr[1].f0, SW_STR("b")));
    assert_memory_equal(entries.ptr[2].f1.ptr, "3", 1);
    RET(fields_clone) copy;
    OK(CALL(&copy, fields_clone, .self = f));
    RET(fields_delete) deleted;
    OK(CALL(&deleted, fields_delete, .self = f, .name = SW_STR("a")));
    assert_false(deleted.is_err);
    assert_int_equal(count_of(w, f, "a"), 0);
    assert_int_equal(count_of(w, copy, "a"), 2);
    RET(fields_set) set;
    OK(CALL(&set, fields_set, .self = copy, .name = SW_STR("a"), .value = {NULL, 0}));
    assert_int_equal(count_of(w, copy, "a"), 0);
    end(w);
}

static void fields_have_a_limit(void **state)
{
    (void)state;
    world here, *w = &here;
    static char long_value[100001];
    memset(long_value, 'v', sizeof long_value - 1);
    start(w);
    uint32_t f = new_fields(w);
    assert_int_equal(append(w, f, "a", long_value), FINE);
    RET(fields_append) ret;
    assert_int_equal(
        CALL(&ret, fields_append, .self = f, .name = SW_STR("b"), .value = bytes(long_value)),
        SW_TRAP_HOST);
    end(w);
}

static void views_are_immutable(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    uint32_t theirs, response, mine;
    OK(CALL(&theirs, incoming_request_headers, .self = s.request));
    assert_int_equal(append(w, theirs, "a", "b"), IMMUTABLE);
    assert_int_equal(count_of(w, theirs, "x-one"), 1);
    OK(CALL(&response, outgoing_response_new, .headers = new_fields(w)));
    OK(CALL(&mine, outgoing_response_headers, .self = response));
    assert_int_equal(append(w, mine, "a", "b"), IMMUTABLE);
    /* In the wrong order, which must not matter. */
    sw_wasi_http_types_outgoing_response_drop(w->wasi, response);
    sw_wasi_http_types_incoming_request_drop(w->wasi, s.request);
    assert_int_equal(count_of(w, theirs, "x-one"), 1);
    assert_int_equal(count_of(w, mine, "x-one"), 0);
    RET(fields_delete) deleted;
    OK(CALL(&deleted, fields_delete, .self = theirs, .name = SW_STR("x-one")));
    assert_true(deleted.is_err);
    /* A view may become the fields of a message of one's own: a copy. */
    OK(CALL(&response, outgoing_response_new, .headers = theirs));
    assert_int_equal(w->x.request.fields.count, 1);
    end(w);
    assert_int_equal(w->releases, 1);
}

/* ---- Incoming -------------------------------------------------------------------------------- */

static void what_a_request_says(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    RET(incoming_request_method) method;
    RET(incoming_request_path_with_query) path;
    RET(incoming_request_scheme) scheme;
    RET(incoming_request_authority) authority;
    OK(CALL(&method, incoming_request_method, .self = s.request));
    OK(CALL(&path, incoming_request_path_with_query, .self = s.request));
    OK(CALL(&scheme, incoming_request_scheme, .self = s.request));
    OK(CALL(&authority, incoming_request_authority, .self = s.request));
    assert_int_equal(method.tag, SW_WASI_HTTP_TYPES_METHOD_POST);
    assert_true(path.is_some && sw_str_eq(path.value, SW_STR("/a?b")));
    assert_true(scheme.is_some && scheme.value.tag == SW_WASI_HTTP_TYPES_SCHEME_HTTPS);
    assert_true(authority.is_some && sw_str_eq(authority.value, SW_STR("a.example")));
    end(w);
}

static uint32_t body_of(world *w, uint32_t request)
{
    RET(incoming_request_consume) ret;
    OK(CALL(&ret, incoming_request_consume, .self = request));
    assert_false(ret.is_err);
    return ret.ok;
}

static sw_wasi_io_streams_input_stream_read_result read_some(world *w, uint32_t stream)
{
    sw_wasi_io_streams_input_stream_read_result ret;
    OK(sw_wasi_io_streams_input_stream_read(
        &w->call, &(sw_wasi_io_streams_input_stream_read_params){stream, 100}, &ret));
    return ret;
}

static void a_body_and_its_trailers(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    uint32_t body = body_of(w, s.request);
    RET(incoming_request_consume) again;
    OK(CALL(&again, incoming_request_consume, .self = s.request));
    assert_true(again.is_err);
    assert_int_equal(w->wants, 0);
    RET(incoming_body_stream) stream, second;
    OK(CALL(&stream, incoming_body_stream, .self = body));
    OK(CALL(&second, incoming_body_stream, .self = body));
    assert_true(!stream.is_err && second.is_err);
    assert_int_equal(w->wants, 1);
    assert_int_equal(read_some(w, stream.ok).ok.len, 0);
    feed(w, "hello");
    assert_int_equal(read_some(w, stream.ok).ok.len, 5);
    feed(w, "never read");
    sw_wasi_io_streams_input_stream_drop(w->wasi, stream.ok);
    uint32_t future, pollable;
    OK(CALL(&future, incoming_body_finish, .this = body));
    OK(CALL(&pollable, future_trailers_subscribe, .self = future));
    RET(future_trailers_get) got;
    OK(CALL(&got, future_trailers_get, .self = future));
    assert_false(got.is_some);
    feed(w, "nor this");
    assert_int_equal(w->in.used, 0);
    append_to(&w->x.in_trailers, "x-sum", "42");
    sw_pipe_finish(&w->in);
    bool is_ready;
    OK(sw_wasi_io_poll_pollable_ready(&w->call, &(sw_wasi_io_poll_pollable_ready_params){pollable},
                                      &is_ready));
    assert_true(is_ready);
    OK(CALL(&got, future_trailers_get, .self = future));
    assert_true(got.is_some && !got.value.is_err && !got.value.ok.is_err);
    assert_true(got.value.ok.ok.is_some);
    assert_int_equal(count_of(w, got.value.ok.ok.value, "x-sum"), 1);
    assert_int_equal(append(w, got.value.ok.ok.value, "a", "b"), IMMUTABLE);
    OK(CALL(&got, future_trailers_get, .self = future));
    assert_true(got.is_some && got.value.is_err);
    end(w);
}

static void finishing_needs_the_stream_dropped(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    uint32_t body = body_of(w, s.request), future;
    RET(incoming_body_stream) stream;
    OK(CALL(&stream, incoming_body_stream, .self = body));
    assert_int_equal(CALL(&future, incoming_body_finish, .this = body), SW_TRAP_HOST);
    end(w);
}

static void a_body_that_fails(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    uint32_t body = body_of(w, s.request), future;
    RET(incoming_body_stream) stream;
    OK(CALL(&stream, incoming_body_stream, .self = body));
    feed(w, "some");
    sw_pipe_fail(&w->in, SW_HTTP_E_CONNECTION_READ_TIMEOUT);
    sw_wasi_io_streams_input_stream_read_result got = read_some(w, stream.ok);
    assert_true(got.is_err);
    assert_int_equal(got.err.tag, SW_WASI_IO_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED);
    RET(http_error_code) code;
    OK(CALL(&code, http_error_code, .err = got.err.last_operation_failed));
    assert_true(code.is_some);
    assert_int_equal(code.value.tag, SW_WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_READ_TIMEOUT);
    sw_wasi_io_streams_input_stream_drop(w->wasi, stream.ok);
    OK(CALL(&future, incoming_body_finish, .this = body));
    RET(future_trailers_get) trailers;
    OK(CALL(&trailers, future_trailers_get, .self = future));
    assert_true(trailers.is_some && !trailers.value.is_err && trailers.value.ok.is_err);
    assert_int_equal(trailers.value.ok.err.tag,
                     SW_WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_READ_TIMEOUT);
    end(w);
}

static void a_body_that_nobody_wants(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    feed(w, "ignored");
    sw_wasi_http_types_incoming_request_drop(w->wasi, s.request);
    assert_int_equal(w->in.state, SW_PIPE_CLOSED);
    end(w);
}

/* ---- Responses ------------------------------------------------------------------------------- */

static uint32_t take_body(world *w, uint32_t response)
{
    RET(outgoing_response_body) body;
    OK(CALL(&body, outgoing_response_body, .self = response));
    assert_false(body.is_err);
    return body.ok;
}

static uint32_t take_stream(world *w, uint32_t body)
{
    RET(outgoing_body_write) stream;
    OK(CALL(&stream, outgoing_body_write, .self = body));
    assert_false(stream.is_err);
    return stream.ok;
}

static uint32_t new_response(world *w, const char *length)
{
    uint32_t response, fields = new_fields(w);
    if (length != NULL) {
        assert_int_equal(append(w, fields, "content-length", length), FINE);
    }
    OK(CALL(&response, outgoing_response_new, .headers = fields));
    return response;
}

static void set_response(world *w, uint32_t outparam, uint32_t response)
{
    sw_wasi_http_types_response_outparam_set_params p = {.param = outparam,
                                                         .response.ok = response};
    OK(sw_wasi_http_types_response_outparam_set(&w->call, &p));
}

/* The tag of the stream's error, or FINE. */
static int write_text(world *w, uint32_t stream, const char *text)
{
    sw_wasi_io_streams_output_stream_blocking_write_and_flush_result ret;
    OK(sw_wasi_io_streams_output_stream_blocking_write_and_flush(
        &w->call,
        &(sw_wasi_io_streams_output_stream_blocking_write_and_flush_params){stream, bytes(text)},
        &ret));
    return ret.is_err ? ret.err.tag : FINE;
}

static RET(outgoing_body_finish) finish(world *w, uint32_t body, uint32_t stream)
{
    RET(outgoing_body_finish) ret;
    sw_wasi_io_streams_output_stream_drop(w->wasi, stream);
    OK(CALL(&ret, outgoing_body_finish, .this = body));
    return ret;
}

static void a_body_written_after_the_head(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    uint32_t response = new_response(w, NULL);
    uint32_t body = take_body(w, response);
    set_response(w, s.outparam, response);
    assert_int_equal(w->responses, 1);
    assert_int_equal(w->x.response.status, 200);
    assert_int_equal(w->out.state, SW_PIPE_OPEN);
    uint32_t stream = take_stream(w, body);
    assert_int_equal(write_text(w, stream, "hello"), FINE);
    assert_string_equal(sent(w), "hello");
    assert_false(finish(w, body, stream).is_err);
    assert_int_equal(w->out.state, SW_PIPE_FINISHED);
    end(w);
    assert_int_equal(w->aborts, 0);
    assert_int_equal(w->releases, 1);
}

static void a_body_written_before_the_head(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    uint32_t response = new_response(w, "11");
    uint32_t body = take_body(w, response);
    uint32_t stream = take_stream(w, body);
    assert_int_equal(write_text(w, stream, "hello"), FINE);
    assert_int_equal(w->out.used, 0);
    set_response(w, s.outparam, response);
    assert_string_equal(sent(w), "hello");
    assert_int_equal(write_text(w, stream, " world"), FINE);
    assert_false(finish(w, body, stream).is_err);
    assert_string_equal(sent(w), " world");
    assert_int_equal(w->out.state, SW_PIPE_FINISHED);
    end(w);
    assert_int_equal(w->aborts, 0);
}

static void a_body_finished_before_the_head(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    uint32_t response = new_response(w, NULL), trailers = new_fields(w);
    uint32_t body = take_body(w, response);
    uint32_t stream = take_stream(w, body);
    assert_int_equal(write_text(w, stream, "hello"), FINE);
    sw_wasi_io_streams_output_stream_drop(w->wasi, stream);
    assert_int_equal(append(w, trailers, "x-sum", "42"), FINE);
    RET(outgoing_body_finish) ret;
    OK(CALL(&ret, outgoing_body_finish, .this = body, .trailers = {true, trailers}));
    assert_false(ret.is_err);
    set_response(w, s.outparam, response);
    assert_string_equal(sent(w), "hello");
    assert_int_equal(w->out.state, SW_PIPE_FINISHED);
    assert_int_equal(w->x.out_trailers.count, 1);
    end(w);
}

static void a_response_without_a_body(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    uint32_t response = new_response(w, NULL);
    RET(outgoing_response_set_status_code) set;
    static const uint16_t BAD[] = {0, 99, 100, 199, 1000, 65535};
    for (size_t i = 0; i < SW_COUNTOF(BAD); i++) {
        OK(CALL(&set, outgoing_response_set_status_code, .self = response, .status_code = BAD[i]));
        assert_true(set.is_err);
    }
    OK(CALL(&set, outgoing_response_set_status_code, .self = response, .status_code = 404));
    assert_false(set.is_err);
    set_response(w, s.outparam, response);
    assert_int_equal(w->x.response.status, 404);
    assert_int_equal(w->out.state, SW_PIPE_FINISHED);
    end(w);
}

static void lengths_are_kept_to(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    uint32_t response = new_response(w, "5");
    uint32_t body = take_body(w, response);
    set_response(w, s.outparam, response);
    uint32_t stream = take_stream(w, body);
    assert_int_equal(write_text(w, stream, "123456"),
                     SW_WASI_IO_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED);
    assert_int_equal(write_text(w, stream, "123"), SW_WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
    RET(outgoing_body_finish) ret = finish(w, body, stream);
    assert_true(ret.is_err);
    assert_int_equal(ret.err.tag, SW_WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_BODY_SIZE);
    assert_int_equal(w->aborts, 1);
    end(w);
}

static void a_promise_to_head_is_none(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    w->x.request.method = SW_HTTP_HEAD;
    sides s = begin(w);
    uint32_t response = new_response(w, "5");
    uint32_t body = take_body(w, response);
    set_response(w, s.outparam, response);
    uint32_t stream = take_stream(w, body);
    assert_false(finish(w, body, stream).is_err);
    end(w);
    assert_int_equal(w->aborts, 0);
}

static void a_body_dropped_is_cut(void **state)
{
    (void)state;
    for (int is_early = 0; is_early < 2; is_early++) {
        world here, *w = &here;
        start(w);
        sides s = begin(w);
        uint32_t response = new_response(w, NULL);
        uint32_t body = take_body(w, response);
        if (is_early) {
            sw_wasi_http_types_outgoing_body_drop(w->wasi, body);
        }
        set_response(w, s.outparam, response);
        if (!is_early) {
            sw_wasi_http_types_outgoing_body_drop(w->wasi, body);
        }
        assert_int_equal(w->responses, 1);
        assert_int_equal(w->aborts, 1);
        end(w);
    }
}

static void streams_of_a_peer_that_went(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    sides s = begin(w);
    uint32_t response = new_response(w, NULL);
    uint32_t body = take_body(w, response);
    set_response(w, s.outparam, response);
    uint32_t stream = take_stream(w, body);
    sw_pipe_close(&w->out);
    assert_int_equal(write_text(w, stream, "x"), SW_WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
    RET(outgoing_body_finish) ret;
    assert_int_equal(CALL(&ret, outgoing_body_finish, .this = body), SW_TRAP_HOST);
    end(w);
}

static const struct {
    uint8_t tag;
    uint16_t status;
} REFUSALS[] = {
    {SW_WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED,          403},
    {SW_WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR,               500},
    {SW_WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_REFUSED,           502},
    {SW_WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_TIMEOUT,        504},
    {SW_WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_BODY_SIZE,       413},
    {SW_WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_LENGTH_REQUIRED, 411},
};

static void errors_become_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(REFUSALS); i++) {
        world here, *w = &here;
        start(w);
        sides s = begin(w);
        sw_wasi_http_types_response_outparam_set_params p = {.param = s.outparam};
        p.response.is_err = true;
        p.response.err.tag = REFUSALS[i].tag;
        OK(sw_wasi_http_types_response_outparam_set(&w->call, &p));
        assert_int_equal(w->x.response.status, REFUSALS[i].status);
        assert_int_equal(sw_wasi_http_types_response_outparam_set(&w->call, &p), SW_TRAP_HOST);
        end(w);
    }
}

/* ---- Requests -------------------------------------------------------------------------------- */

static uint32_t new_request(world *w)
{
    uint32_t request;
    OK(CALL(&request, outgoing_request_new, .headers = new_fields(w)));
    return request;
}

static const struct {
    const char *text;
    bool path, authority, scheme, method;
} PARTS[] = {
    {"/",                true,  false, false, false},
    {"",                 true,  false, false, false},
    {"?a=b",             true,  false, false, false},
    {"/a b",             false, false, false, false},
    {"/a\r\nx: y",       false, false, false, false},
    {"/#f",              false, false, false, false},
    {"?a b",             false, false, false, false},
    {"*",                true,  true,  false, true },
    {"example.com",      false, true,  true,  true },
    {"example.com:80",   false, true,  false, false},
    {"example.com:8080", false, true,  false, false},
    {"a:b",              false, false, false, false},
    {"user@example.com", false, false, false, false},
    {"[::1]:80",         false, true,  false, false},
    {"[::1",             false, false, false, false},
    {"http",             false, true,  true,  true },
    {"ftp+x",            false, true,  true,  true },
    {"1http",            false, true,  false, true },
};

static void what_a_request_takes(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    uint32_t r = new_request(w);
    for (size_t i = 0; i < SW_COUNTOF(PARTS); i++) {
        sw_wit_option_string some = {true, sw_str_of(PARTS[i].text)};
        sw_wit_result_none_none ret[4];
        OK(CALL(&ret[0], outgoing_request_set_path_with_query, .self = r, .path_with_query = some));
        OK(CALL(&ret[1], outgoing_request_set_authority, .self = r, .authority = some));
        OK(CALL(&ret[2], outgoing_request_set_scheme, .self = r,
                .scheme = {
                    true, {.tag = 2, .other = some.value}
        }));
        OK(CALL(&ret[3], outgoing_request_set_method, .self = r,
                .method = {.tag = 9, .other = some.value}));
        if (ret[0].is_err == PARTS[i].path || ret[1].is_err == PARTS[i].authority ||
            ret[2].is_err == PARTS[i].scheme || ret[3].is_err == PARTS[i].method) {
            fail_msg("'%s': %d %d %d %d", PARTS[i].text, !ret[0].is_err, !ret[1].is_err,
                     !ret[2].is_err, !ret[3].is_err);
        }
    }
    RET(outgoing_request_set_path_with_query) set;
    RET(outgoing_request_path_with_query) path;
    OK(CALL(&set, outgoing_request_set_path_with_query, .self = r, .path_with_query = {false}));
    OK(CALL(&path, outgoing_request_path_with_query, .self = r));
    assert_false(path.is_some);
    end(w);
}

static void request_options(void **state)
{
    (void)state;
    world here, *w = &here;
    start(w);
    uint32_t o;
    sw_wit_option_u64 got;
    sw_wit_result_none_none set;
    OK(sw_wasi_http_types_request_options_new(&w->call, &o));
    OK(CALL(&got, request_options_connect_timeout, .self = o));
    assert_false(got.is_some);
    OK(CALL(&set, request_options_set_connect_timeout, .self = o, .duration = {true, 1}));
    OK(CALL(&set, request_options_set_first_byte_timeout, .self = o, .duration = {true, 2}));
    OK(CALL(&set, request_options_set_between_bytes_timeout, .self = o, .duration = {true, 3}));
    OK(CALL(&got, request_options_connect_timeout, .self = o));
    assert_true(got.is_some && got.value == 1);
    OK(CALL(&got, request_options_first_byte_timeout, .self = o));
    assert_true(got.is_some && got.value == 2);
    OK(CALL(&got, request_options_between_bytes_timeout, .self = o));
    assert_true(got.is_some && got.value == 3);
    OK(CALL(&set, request_options_set_connect_timeout, .self = o, .duration = {false}));
    OK(CALL(&got, request_options_connect_timeout, .self = o));
    assert_false(got.is_some);
    end(w);
}

static const struct {
    int scheme; /* -1: none */
    const char *authority, *path;
    uint8_t error;
    const char *denial;
} SENDS[] = {
    {1,  "other.example",        "/v1/x", SW_WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED,
     "request to 'https://other.example:443/v1/x' [--allow-http 'https://other.example']"           },
    {-1, "granted.example",      "/v2",   SW_WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED,
     "request to 'https://granted.example:443/v2' [--allow-http 'https://granted.example']"         },
    {0,  "granted.example:8080", "/v1/x", SW_WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED,
     "request to 'http://granted.example:8080/v1/x' [--allow-http 'http://granted.example:8080']"   },
    {1,  NULL,                   "/",     SW_WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_URI_INVALID, ""},
    {2,  "granted.example",      "/v1/x", SW_WASI_HTTP_TYPES_ERROR_CODE_HTTP_PROTOCOL_ERROR,      ""},
};

static void requests_that_are_not_sent(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(SENDS); i++) {
        world here, *w = &here;
        start(w);
        uint32_t r = new_request(w);
        sw_wit_result_none_none set;
        sw_wit_option_string authority = {SENDS[i].authority != NULL,
                                          sw_str_of(SENDS[i].authority)};
        OK(CALL(
            &set, outgoing_request_set_scheme, .self = r,
            .scheme = {
                SENDS[i].scheme >= 0, {.tag = (uint8_t)SENDS[i].scheme, .other = SW_STR("ftp")}
        }));
        OK(CALL(&set, outgoing_request_set_authority, .self = r, .authority = authority));
        OK(CALL(&set, outgoing_request_set_path_with_query, .self = r,
                .path_with_query = {true, sw_str_of(SENDS[i].path)}));
        sw_wasi_http_outgoing_handler_handle_result ret;
        OK(sw_wasi_http_outgoing_handler_handle(
            &w->call, &(sw_wasi_http_outgoing_handler_handle_params){.request = r}, &ret));
        assert_true(ret.is_err);
        assert_int_equal(ret.err.tag, SENDS[i].error);
        assert_string_equal(w->asked, SENDS[i].denial);
        end(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fields_take),
        cmocka_unit_test(fields_as_a_list),
        cmocka_unit_test(fields_have_a_limit),
        cmocka_unit_test(views_are_immutable),
        cmocka_unit_test(what_a_request_says),
        cmocka_unit_test(a_body_and_its_trailers),
        cmocka_unit_test(finishing_needs_the_stream_dropped),
        cmocka_unit_test(a_body_that_fails),
        cmocka_unit_test(a_body_that_nobody_wants),
        cmocka_unit_test(a_body_written_after_the_head),
        cmocka_unit_test(a_body_written_before_the_head),
        cmocka_unit_test(a_body_finished_before_the_head),
        cmocka_unit_test(a_response_without_a_body),
        cmocka_unit_test(lengths_are_kept_to),
        cmocka_unit_test(a_promise_to_head_is_none),
        cmocka_unit_test(a_body_dropped_is_cut),
        cmocka_unit_test(streams_of_a_peer_that_went),
        cmocka_unit_test(errors_become_answers),
        cmocka_unit_test(what_a_request_takes),
        cmocka_unit_test(request_options),
        cmocka_unit_test(requests_that_are_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
