/* Pipes: what goes in comes out, ends and failures, room, callbacks, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wasi/core/pipe.h"

#include <poll.h>

typedef struct world {
    sw_budget budget;
    sw_pipe pipe;
    int readable, writable, released;
} world;

static void count_readable(sw_pipe *p, void *arg)
{
    (void)p;
    ((world *)arg)->readable++;
}

static void count_writable(sw_pipe *p, void *arg)
{
    (void)p;
    ((world *)arg)->writable++;
}

static void count_release(sw_pipe *p, void *arg)
{
    (void)p;
    ((world *)arg)->released++;
}

static void start(world *w, size_t capacity)
{
    *w = (world){0};
    sw_budget_init(&w->budget, SIZE_MAX);
    sw_pipe_init(&w->pipe, &w->budget, capacity);
    w->pipe.on_readable = count_readable;
    w->pipe.on_writable = count_writable;
    w->pipe.on_release = count_release;
    w->pipe.on_readable_arg = w->pipe.on_writable_arg = w->pipe.on_release_arg = w;
}

static void end(world *w)
{
    sw_pipe_unref(&w->pipe);
    assert_int_equal(w->released, 1);
    assert_int_equal(w->budget.used_bytes, 0);
}

/* A run of a known sequence, so that each byte tells its place. */
static void fill(uint8_t *to, size_t len, uint64_t at)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)((at + i) * 2654435761u >> 13);
    }
}

static size_t write_run(sw_pipe *p, size_t len)
{
    static uint8_t bytes[1 << 17];
    size_t done = SIZE_MAX;
    fill(bytes, len, p->total_bytes);
    assert_int_equal(sw_pipe_write(p, (sw_bytes){bytes, len}, &done), SW_OK);
    return done;
}

static void expect_run(const uint8_t *got, size_t len, uint64_t at)
{
    static uint8_t bytes[1 << 17];
    fill(bytes, len, at);
    assert_memory_equal(got, bytes, len);
}

/* Pieces of all sizes through rings that grow and go round, read in three ways. */
static void test_bytes(void **state)
{
    (void)state;
    static uint8_t got[1 << 17];
    static const size_t capacities[] = {0, 1024, 4096, 65536};
    uint32_t random = 1;
    for (size_t c = 0; c < SW_COUNTOF(capacities); c++) {
        world w;
        start(&w, capacities[c]);
        uint64_t out = 0;
        for (int i = 0; i < 3000; i++) {
            random = random * 1664525 + 1013904223;
            (void)write_run(&w.pipe, (random >> 8) % (i % 10 == 0 ? 9000 : 600));
            assert_true(w.pipe.used <= w.pipe.capacity);
            size_t want = (random >> 20) % (i % 7 == 0 ? 9000 : 500);
            if (i % 3 == 0) {
                struct iovec pieces[2];
                int count = sw_pipe_peek(&w.pipe, pieces);
                size_t seen = 0;
                for (int k = 0; k < count; k++) {
                    expect_run(pieces[k].iov_base, pieces[k].iov_len, out + seen);
                    seen += pieces[k].iov_len;
                }
                assert_int_equal(seen, w.pipe.used);
                want = SW_MIN(want, seen);
                sw_pipe_consume(&w.pipe, want);
                out += want;
            } else {
                size_t n = sw_pipe_read(&w.pipe, got, want);
                expect_run(got, n, out);
                out += n;
            }
        }
        assert_int_equal(out + w.pipe.used, w.pipe.total_bytes);
        end(&w);
    }
}

/* Bytes put right into the pipe's memory. */
static void test_reserve(void **state)
{
    (void)state;
    world w;
    struct iovec pieces[2];
    int count;
    uint8_t got[4096];
    start(&w, 4096);
    for (int i = 0; i < 50; i++) {
        uint64_t at = w.pipe.total_bytes;
        assert_int_equal(sw_pipe_reserve(&w.pipe, 3000, pieces, &count), SW_OK);
        size_t filled = 0;
        for (int k = 0; k < count; k++) {
            fill(pieces[k].iov_base, pieces[k].iov_len, at + filled);
            filled += pieces[k].iov_len;
        }
        assert_int_equal(filled, SW_MIN((size_t)3000, 4096 - (size_t)w.pipe.used));
        sw_pipe_commit(&w.pipe, filled - SW_MIN(filled, (size_t)7));
        uint64_t first = w.pipe.total_bytes - w.pipe.used;
        size_t n = sw_pipe_read(&w.pipe, got, 1111);
        expect_run(got, n, first);
    }
    end(&w);
}

/* The writer is told of room only after it met a lack of it, and then once. */
static void test_back_pressure(void **state)
{
    (void)state;
    world w;
    start(&w, 1024);
    assert_int_equal(sw_pipe_room(&w.pipe), 1024);
    assert_int_equal(write_run(&w.pipe, 1000), 1000);
    sw_pipe_consume(&w.pipe, 900);
    assert_int_equal(w.writable, 0);
    assert_int_equal(write_run(&w.pipe, 1000), 924);
    assert_int_equal(sw_pipe_room(&w.pipe), 0);
    assert_false(w.pipe.writable.is_ready(&w.pipe.writable, POLLOUT));
    sw_pipe_consume(&w.pipe, 255);
    assert_int_equal(w.writable, 0);
    assert_true(w.pipe.writable.is_ready(&w.pipe.writable, POLLOUT));
    sw_pipe_consume(&w.pipe, 1);
    assert_int_equal(w.writable, 1);
    sw_pipe_consume(&w.pipe, 500);
    assert_int_equal(w.writable, 1);
    assert_int_equal(w.readable, 2);
    end(&w);
}

/* A writer may fill the pipe to the byte, and wait without having asked whether it is full. */
static void test_filled(void **state)
{
    (void)state;
    world w;
    start(&w, 1024);
    assert_int_equal(write_run(&w.pipe, 1024), 1024);
    sw_pipe_consume(&w.pipe, 1024);
    assert_int_equal(w.writable, 1);
    end(&w);
}

typedef enum step {
    FINISH,
    FAIL,
    CLOSE,
} step;

static void take(sw_pipe *p, step s)
{
    if (s == FINISH) {
        sw_pipe_finish(p);
    } else if (s == FAIL) {
        sw_pipe_fail(p, 7);
    } else {
        sw_pipe_close(p);
    }
}

typedef struct ending {
    size_t bytes; /* written before */
    step first, second;
    sw_pipe_state state;
    size_t left;
    int readable, writable; /* calls by the two steps */
} ending;

static const ending ENDINGS[] = {
    {0, FINISH, FAIL,   SW_PIPE_FINISHED, 0, 1, 0},
    {0, FINISH, CLOSE,  SW_PIPE_FINISHED, 0, 1, 0},
    {5, FINISH, FINISH, SW_PIPE_FINISHED, 5, 1, 0},
    {5, FINISH, FAIL,   SW_PIPE_FAILED,   0, 2, 0},
    {5, FINISH, CLOSE,  SW_PIPE_CLOSED,   0, 1, 1},
    {5, FAIL,   FINISH, SW_PIPE_FAILED,   0, 1, 0},
    {5, FAIL,   CLOSE,  SW_PIPE_FAILED,   0, 1, 0},
    {5, CLOSE,  FINISH, SW_PIPE_CLOSED,   0, 0, 1},
    {5, CLOSE,  FAIL,   SW_PIPE_CLOSED,   0, 0, 1},
    {5, CLOSE,  CLOSE,  SW_PIPE_CLOSED,   0, 0, 1},
};

static void test_endings(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(ENDINGS); i++) {
        const ending *e = &ENDINGS[i];
        world w;
        start(&w, 1024);
        assert_false(w.pipe.readable.is_ready(&w.pipe.readable, POLLIN));
        if (e->bytes != 0) {
            (void)write_run(&w.pipe, e->bytes);
        }
        w.readable = 0;
        take(&w.pipe, e->first);
        take(&w.pipe, e->second);
        assert_int_equal(w.pipe.state, e->state);
        assert_int_equal(w.pipe.used, e->left);
        assert_int_equal(w.pipe.code, e->state == SW_PIPE_FAILED ? 7 : 0);
        assert_int_equal(w.readable, e->readable);
        assert_int_equal(w.writable, e->writable);
        assert_int_equal(sw_pipe_is_drained(&w.pipe), e->left == 0);
        assert_true(w.pipe.readable.is_ready(&w.pipe.readable, POLLIN));
        assert_true(w.pipe.writable.is_ready(&w.pipe.writable, POLLOUT));
        assert_int_equal(sw_pipe_room(&w.pipe), 0);
        assert_int_equal(write_run(&w.pipe, 10), 0);
        end(&w);
    }
}

static void test_memory(void **state)
{
    (void)state;
    world w;
    start(&w, 65536);
    w.budget.limit_bytes = 3000;
    assert_int_equal(write_run(&w.pipe, 1000), 1000);
    size_t done = 99;
    uint8_t bytes[2000] = {0};
    assert_int_equal(sw_pipe_write(&w.pipe, (sw_bytes){bytes, sizeof bytes}, &done), SW_NO_MEMORY);
    assert_int_equal(w.pipe.used, 1000);
    assert_int_equal(write_run(&w.pipe, 24), 24);
    uint8_t got[1024];
    assert_int_equal(sw_pipe_read(&w.pipe, got, sizeof got), 1024);
    expect_run(got, 1024, 0);
    (void)sw_pipe_ref(&w.pipe);
    sw_pipe_unref(&w.pipe);
    assert_int_equal(w.released, 0);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),         cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_back_pressure), cmocka_unit_test(test_endings),
        cmocka_unit_test(test_memory),        cmocka_unit_test(test_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
