#include "h2_peer.h"

#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

bool peer_acknowledges = true;

const sw_http_limits peer_limits = {
    .head_bytes = 16384,
    .head_fields = 100,
    .path_bytes = 2048,
    .trailer_bytes = 4096,
    .body_bytes = 10 << 20,
    .pipe_bytes = 65536,
    .drain_bytes = 65536,
    .streams = 100,
    .head_ns = 60 * SW_NS_PER_S,
    .body_idle_ns = 60 * SW_NS_PER_S,
    .keep_alive_ns = 60 * SW_NS_PER_S,
    .write_stall_ns = 60 * SW_NS_PER_S,
};

/* ---- The handler ------------------------------------------------------------------------------
 */

static peer *peer_of(sw_exchange *x)
{
    return x->peer;
}

static void on_end(sw_exchange *x)
{
    peer *p = peer_of(x);
    p->ended[x->error]++;
    for (size_t i = 0; i < p->held_count; i++) {
        if (p->held[i] == x) {
            p->held[i] = p->held[--p->held_count];
            sw_exchange_release(x);
            return;
        }
    }
    if (!x->is_released) {
        sw_exchange_release(x);
    }
}

static const sw_exchange_events EVENTS = {.on_end = on_end};

static void put(sw_exchange *x, const char *text)
{
    size_t n;
    (void)!sw_pipe_write(x->out, sw_str_bytes(sw_str_of(text)), &n);
}

static void add(sw_exchange *x, const char *name, const char *value)
{
    (void)!sw_http_fields_append(&x->response.fields, sw_str_of(name), sw_str_of(value));
}

static void answer(sw_exchange *x, uint16_t status, const char *text)
{
    x->response.status = status;
    put(x, text);
    sw_pipe_finish(x->out);
    sw_exchange_respond(x);
}

static void echo(sw_pipe *unused, void *arg)
{
    (void)unused;
    sw_exchange *x = arg;
    uint8_t bytes[4096];
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

static void do_echo(sw_exchange *x)
{
    x->response.status = 200;
    sw_exchange_respond(x);
    sw_exchange_want_body(x);
    x->in->on_readable = x->out->on_writable = echo;
    x->in->on_readable_arg = x->out->on_writable_arg = x;
    echo(NULL, x);
}

static void count(sw_pipe *unused, void *arg)
{
    (void)unused;
    sw_exchange *x = arg;
    char bytes[4096];
    while (sw_pipe_read(x->in, (uint8_t *)bytes, sizeof bytes) != 0) {
    }
    if (x->in->state == SW_PIPE_FINISHED && !x->has_responded) {
        (void)snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)x->in_bytes);
        answer(x, 200, bytes);
    } else if (x->in->state == SW_PIPE_FAILED && !x->has_responded && !x->is_released &&
               !x->has_ended) {
        sw_exchange_release(x);
    }
}

static void do_count(sw_exchange *x)
{
    x->in->on_readable = count;
    x->in->on_readable_arg = x;
    count(NULL, x);
}

static void do_want(sw_exchange *x)
{
    sw_exchange_want_body(x);
    sw_exchange_want_body(x);
    do_count(x);
}

static void fill(sw_pipe *p, void *arg)
{
    static const uint8_t BYTES[8192];
    sw_exchange *x = arg;
    sw_str path = sw_http_head_part(&x->request, SW_HTTP_PATH);
    uint64_t want = 0, n;
    size_t written;
    (void)!sw_http_read_length(sw_str_slice(path, 5, path.len - 5), &want);
    while ((n = SW_MIN(want - p->total_bytes, sw_pipe_room(p))) != 0) {
        (void)!sw_pipe_write(p, (sw_bytes){BYTES, SW_MIN(n, sizeof BYTES)}, &written);
    }
    if (p->total_bytes == want && p->state == SW_PIPE_OPEN) {
        sw_pipe_finish(p);
    }
}

static void do_big(sw_exchange *x)
{
    x->response.status = 200;
    sw_exchange_respond(x);
    x->out->on_writable = fill;
    x->out->on_writable_arg = x;
    fill(x->out, x);
}

static void do_hello(sw_exchange *x)
{
    answer(x, 200, "hello\n");
}

static void do_half(sw_exchange *x)
{
    add(x, "content-length", "10");
    answer(x, 200, "hello");
}

static void do_long(sw_exchange *x)
{
    add(x, "content-length", "3");
    answer(x, 200, "hello");
}

static void do_cut(sw_exchange *x)
{
    x->response.status = 200;
    put(x, "some");
    sw_exchange_respond(x);
    sw_exchange_release(x);
}

static void do_deaf(sw_exchange *x)
{
    sw_pipe_close(x->in);
    answer(x, 200, "no need");
}

static void do_early(sw_exchange *x)
{
    sw_http_fields f;
    sw_http_fields_init(&f, NULL, 10, 1000);
    (void)!sw_http_fields_append(&f, SW_STR("link"), SW_STR("</a.css>"));
    sw_exchange_informational(x, 103, &f);
    sw_http_fields_clear(&f);
    do_hello(x);
}

static void do_empty(sw_exchange *x)
{
    answer(x, 204, "");
}

static void do_chatty(sw_exchange *x)
{
    static const char *const NAMES[] = {"connection", "keep-alive", "proxy-connection",
                                        "transfer-encoding", "upgrade"};
    for (size_t i = 0; i < SW_COUNTOF(NAMES); i++) {
        add(x, NAMES[i], "x");
    }
    add(x, "X-Mine", "1");
    answer(x, 200, "");
}

static void do_hold(sw_exchange *x)
{
    peer *p = peer_of(x);
    assert_true(p->held_count < SW_COUNTOF(p->held));
    p->held[p->held_count++] = x;
}

static void on_request(sw_http_service *s, sw_exchange *x)
{
    static const struct {
        const char *path;
        void (*act)(sw_exchange *x);
    } ACTS[] = {
        {"/hello",   do_hello           },
        {"/echo",    do_echo            },
        {"/count",   do_count           },
        {"/hold",    do_hold            },
        {"/big?",    do_big             },
        {"/half",    do_half            },
        {"/long",    do_long            },
        {"/cut",     do_cut             },
        {"/deaf",    do_deaf            },
        {"/early",   do_early           },
        {"/empty",   do_empty           },
        {"/chatty",  do_chatty          },
        {"/want",    do_want            },
        {"/nothing", sw_exchange_release},
    };
    sw_str path = sw_http_head_part(&x->request, SW_HTTP_PATH);
    (void)s;
    x->events = &EVENTS;
    peer_of(x)->requests++;
    for (size_t i = 0; i < SW_COUNTOF(ACTS); i++) {
        if (sw_str_starts(path, sw_str_of(ACTS[i].path))) {
            ACTS[i].act(x);
            return;
        }
    }
    answer(x, 404, "no such thing");
}

static void on_closed(sw_http_service *s, void *arg)
{
    (void)s;
    ((peer *)arg)->is_closed = true;
}

/* ---- The connection ---------------------------------------------------------------------------
 */

static peer *new_peer(int ret_fds[2])
{
    peer *p = test_calloc(1, sizeof *p);
    int size = 1 << 20;
    assert_int_equal(sw_loop_new(&p->loop, NULL), SW_OK);
    sw_budget_init(&p->budget, SIZE_MAX);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ret_fds), 0);
    setsockopt(ret_fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(ret_fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    p->fd = ret_fds[1];
    assert_int_equal(nghttp2_hd_deflate_new(&p->deflater, 4096), 0);
    assert_int_equal(nghttp2_hd_inflate_new(&p->inflater), 0);
    return p;
}

peer *peer_new_server(const sw_http_limits *limits)
{
    int fds[2];
    peer *p = new_peer(fds);
    assert_int_equal(sw_http_service_init(&p->service, p->loop, &p->budget, limits), SW_OK);
    p->service.on_request = on_request;
    p->service.on_closed = on_closed;
    sw_io_plain_init(&p->io, fds[0], NULL, NULL);
    assert_true(sw_h2_serve(&p->service, &p->io.io, p, (sw_bytes){}));
    return p;
}

peer *peer_new_raw(void)
{
    int fds[2];
    peer *p = new_peer(fds);
    sw_io_plain_init(&p->io, fds[0], NULL, NULL);
    p->is_closed = true;
    return p;
}

peer *peer_new(const sw_http_limits *limits)
{
    peer *p = peer_new_server(limits);
    peer_send(p, PREFACE, sizeof PREFACE - 1);
    peer_frame(p, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    peer_turn(p);
    if (peer_acknowledges) {
        peer_frame(p, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    }
    return p;
}

void peer_free(peer *p)
{
    if (p->fd >= 0) {
        close(p->fd);
    }
    for (int i = 0; i < 10; i++) {
        sw_loop_turn(p->loop, 0);
    }
    assert_true(p->is_closed);
    assert_int_equal(p->service.connections_count, 0);
    assert_int_equal(p->held_count, 0);
    if (p->service.loop != NULL) {
        sw_http_service_clear(&p->service);
    }
    assert_int_equal(p->service.exchanges_count, 0);
    assert_int_equal(p->budget.used_bytes, 0);
    sw_loop_free(p->loop);
    nghttp2_hd_deflate_del(p->deflater);
    nghttp2_hd_inflate_del(p->inflater);
    test_free(p);
}

void peer_send(peer *p, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; size != 0 && i < 100000; i++) {
        ssize_t n = send(p->fd, at, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            return; /* it was closed; the test will see */
        }
        at += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
        if (size != 0) {
            sw_loop_turn(p->loop, 0);
        }
    }
}

void peer_frame(peer *p, uint8_t type, uint8_t flags, int32_t stream, const void *payload,
                size_t size)
{
    uint8_t bytes[9 + 20000] = {(uint8_t)(size >> 16),
                                (uint8_t)(size >> 8),
                                (uint8_t)size,
                                type,
                                flags,
                                (uint8_t)(stream >> 24),
                                (uint8_t)(stream >> 16),
                                (uint8_t)(stream >> 8),
                                (uint8_t)stream};
    assert_true(size <= sizeof bytes - 9);
    if (size != 0) {
        memcpy(bytes + 9, payload, size);
    }
    peer_send(p, bytes, 9 + size);
}

size_t peer_block(peer *p, const char *lines, uint8_t *to, size_t max)
{
    nghttp2_nv nv[300];
    size_t count = 0;
    while (*lines != '\0') {
        const char *end = strchrnul(lines, '\n');
        const char *colon = memmem(lines, (size_t)(end - lines), ": ", 2);
        assert_non_null(colon);
        nv[count++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)lines,
                                   .namelen = (size_t)(colon - lines),
                                   .value = (uint8_t *)(uintptr_t)(colon + 2),
                                   .valuelen = (size_t)(end - colon - 2),
                                   .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME};
        lines = *end == '\0' ? end : end + 1;
    }
    ssize_t n = nghttp2_hd_deflate_hd(p->deflater, to, max, nv, count);
    assert_true(n >= 0);
    return (size_t)n;
}

void peer_request(peer *p, int32_t stream, const char *method, const char *path, const char *lines,
                  bool has_ended)
{
    static uint8_t block[20000];
    static char all[20000];
    (void)snprintf(all, sizeof all,
                   ":method: %s\n:scheme: http\n:authority: localhost\n:path: %s\n%s", method, path,
                   lines);
    size_t n = peer_block(p, lines[0] == ':' ? lines : all, block, sizeof block);
    size_t first = SW_MIN(n, 16384);
    uint8_t end = has_ended ? NGHTTP2_FLAG_END_STREAM : 0;
    peer_frame(p, NGHTTP2_HEADERS, end | (first == n ? NGHTTP2_FLAG_END_HEADERS : 0), stream, block,
               first);
    if (first != n) {
        peer_frame(p, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, stream, block + first,
                   n - first);
    }
}

static bool receive(peer *p)
{
    if (p->in_at == p->in_len) {
        p->in_at = p->in_len = 0;
    }
    ssize_t n = p->fd < 0 ? -1 : recv(p->fd, p->in + p->in_len, sizeof p->in - p->in_len, 0);
    p->heard_end |= n == 0;
    p->in_len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

void peer_turn(peer *p)
{
    for (int quiet = 0; quiet < 4; quiet++) {
        sw_loop_turn(p->loop, 0);
        quiet = receive(p) ? -1 : quiet;
    }
}

uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool peer_next(peer *p, frame *ret_frame)
{
    const uint8_t *at = p->in + p->in_at;
    size_t left = p->in_len - p->in_at;
    if (left < 9 || left < 9 + (be32(at) >> 8)) {
        return false;
    }
    *ret_frame = (frame){be32(at) >> 8, at[3], at[4], (int32_t)be32(at + 5), at + 9};
    p->in_at += 9 + ret_frame->length;
    return true;
}

bool peer_find(peer *p, uint8_t type, int32_t stream, frame *ret_frame)
{
    while (peer_next(p, ret_frame)) {
        if (ret_frame->type == type && ret_frame->stream == stream) {
            return true;
        }
        if (ret_frame->type == NGHTTP2_HEADERS) { /* keep the two tables alike */
            (void)peer_fields(p, ret_frame);
        }
    }
    return false;
}

bool peer_wait(peer *p, uint8_t type, frame *ret_frame)
{
    uint64_t until = sw_clock_deadline(10 * SW_NS_PER_S);
    do {
        peer_turn(p);
        while (peer_next(p, ret_frame)) {
            if (ret_frame->type == type) {
                return true;
            }
        }
        sw_loop_turn(p->loop, sw_clock_deadline(5 * SW_NS_PER_MS));
    } while (!p->heard_end && sw_clock_monotonic_ns() < until);
    return false;
}

const char *peer_fields(peer *p, const frame *f)
{
    static char text[8192];
    const uint8_t *at = f->payload;
    size_t left = f->length, used = 0;
    int flags = 0;
    text[0] = '\0';
    while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
        nghttp2_nv nv;
        ssize_t n = nghttp2_hd_inflate_hd2(p->inflater, &nv, &flags, at, left, 1);
        assert_true(n >= 0);
        at += n;
        left -= (size_t)n;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%.*s: %.*s\n",
                                     (int)nv.namelen, nv.name, (int)nv.valuelen, nv.value);
        }
    }
    nghttp2_hd_inflate_end_headers(p->inflater);
    return text;
}

int peer_status(peer *p, int32_t stream)
{
    frame f;
    if (!peer_find(p, NGHTTP2_HEADERS, stream, &f)) {
        return 0;
    }
    const char *text = peer_fields(p, &f);
    return strncmp(text, ":status: ", 9) == 0 ? atoi(text + 9) : 0;
}
