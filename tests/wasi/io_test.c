/*
 * WASI 0.2 over things inside of the process: streams on pipes, waiting for them from inside of a
 * task and outside of one, resources of other rooms.
 *
 * A scenario is what a guest would call; beside it, a timer on the loop is the other end. Each runs
 * twice: as a task, which is suspended, and as plain calls, which turn the loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/clock.h"
#include "wasi/core/poll.h"
#include "wasi/p2/p2.h"
#include "wasi_clocks_monotonic_clock.h"
#include "wasi_filesystem_types.h"
#include "wasi_io_error.h"
#include "wasi_io_poll.h"
#include "wasi_io_streams.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { CAPACITY = 4096 };

typedef struct world world;
typedef void scenario(world *w);

struct world {
    sw_loop *loop; /* the task's, or the store's own */
    sw_loop_timer timer;
    sw_engine *engine;
    sw_store *store;
    sw_wasi *wasi;
    sw_p2 *p2;
    sw_arena arena;
    sw_host_call call;
    sw_pipe pipe;
    uint32_t in, out; /* streams over its ends */
    scenario *run;
    void (*other_end)(world *w); /* called by the timer, more than once if it starts it again */
    int calls;                   /* of other_end */
    bool is_done;
    uint8_t got[2 * CAPACITY];
    size_t got_len;
};

#define OK(e)          assert_int_equal((e), SW_TRAP_NONE)
#define PARAMS(f, ...) &(sw_wasi_##f##_params){__VA_ARGS__}

static const char *describe(uint32_t code)
{
    return code == 42 ? "the answer" : "something else";
}

static uint32_t add_end(world *w, bool writes)
{
    sw_p2_io *io;
    uint32_t rep;
    OK(sw_p2_pipe_io(w->p2, &w->pipe, writes, describe, &io));
    OK(writes ? sw_p2_add_output(w->p2, io, &rep) : sw_p2_add_input(w->p2, io, &rep));
    return rep;
}

static void start(world *w, sw_loop *loop)
{
    sw_grants g;
    sw_diag diag = {0};
    memset(w, 0, sizeof *w);
    assert_int_equal(sw_engine_new(&diag, &w->engine), SW_OK);
    assert_int_equal(sw_store_new(w->engine, &SW_STORE_LIMITS_DEFAULT, &diag, &w->store), SW_OK);
    sw_store_set_loop(w->store, loop);
    assert_int_equal(sw_store_need_loop(w->store, &w->loop), SW_OK);
    sw_grants_init(&g, NULL);
    assert_int_equal(sw_wasi_new(w->store, &g, NULL, NULL, &diag, &w->wasi), SW_OK);
    sw_grants_clear(&g);
    sw_arena_init(&w->arena, NULL, (size_t)64 << 20);
    w->call = (sw_host_call){.env = w->wasi, .store = w->store, .arena = &w->arena};
    OK(sw_p2_of(w->wasi, &w->p2));
    sw_pipe_init(&w->pipe, sw_store_budget(w->store), CAPACITY);
    w->in = add_end(w, false);
    w->out = add_end(w, true);
}

static void end(world *w)
{
    sw_wasi_free(w->wasi);
    assert_int_equal(w->pipe.references, 1);
    sw_pipe_unref(&w->pipe);
    assert_int_equal(sw_store_budget(w->store)->used_bytes, 0);
    sw_arena_clear(&w->arena);
    sw_store_free(w->store);
    sw_engine_free(w->engine);
}

static void on_timer(sw_loop_timer *t)
{
    world *w = SW_CONTAINER_OF(t, world, timer);
    w->calls++;
    w->other_end(w);
}

static void again(world *w)
{
    sw_loop_timer_start(w->loop, &w->timer, 1, on_timer);
}

static void run_scenario(sw_store *s, void *arg)
{
    world *w = arg;
    assert_ptr_equal(s, w->store);
    w->run(w);
}

static void note_done(sw_store *s, void *arg)
{
    (void)s;
    ((world *)arg)->is_done = true;
}

/* other_end may be NULL: then nothing may have to wait. */
static void play(scenario *run, void (*other_end)(world *w))
{
    for (int is_task = 0; is_task < 2; is_task++) {
        static world w;
        sw_loop *loop = NULL;
        assert_int_equal(sw_loop_new(&loop, NULL), SW_OK);
        start(&w, is_task ? loop : NULL);
        w.run = run;
        w.other_end = other_end;
        if (other_end != NULL) {
            again(&w);
        }
        if (is_task) {
            const sw_store_task task = {.fn = run_scenario, .done = note_done, .arg = &w};
            assert_int_equal(sw_store_run(w.store, &task), SW_OK);
            assert_int_equal(w.is_done, other_end == NULL);
            while (!w.is_done) {
                sw_loop_turn(loop, SW_NEVER);
            }
        } else {
            run_scenario(w.store, &w);
        }
        assert_null(w.pipe.readable.waiters);
        assert_null(w.pipe.writable.waiters);
        sw_loop_timer_stop(w.loop, &w.timer);
        end(&w);
        sw_loop_free(loop);
    }
}

static void put(world *w, const char *text)
{
    size_t done;
    sw_bytes bytes = {(const uint8_t *)text, strlen(text)};
    assert_int_equal(sw_pipe_write(&w->pipe, bytes, &done), SW_OK);
    assert_int_equal(done, bytes.len);
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef sw_wasi_io_streams_input_stream_read_result read_result;

static read_result read_some(world *w, uint64_t len, bool blocking)
{
    read_result r;
    if (blocking) {
        OK(sw_wasi_io_streams_input_stream_blocking_read(
            &w->call, PARAMS(io_streams_input_stream_blocking_read, w->in, len), &r));
    } else {
        OK(sw_wasi_io_streams_input_stream_read(
            &w->call, PARAMS(io_streams_input_stream_read, w->in, len), &r));
    }
    return r;
}

static void expect_read(world *w, uint64_t len, bool blocking, const char *want)
{
    read_result r = read_some(w, len, blocking);
    assert_false(r.is_err);
    assert_int_equal(r.ok.len, strlen(want));
    assert_memory_equal(r.ok.ptr, want, strlen(want));
}

static void expect_closed(world *w)
{
    read_result r = read_some(w, 1, true);
    assert_true(r.is_err);
    assert_int_equal(r.err.tag, SW_WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
}

static void reads_at_once(world *w)
{
    expect_read(w, 10, false, "");
    put(w, "abcdef");
    expect_read(w, 0, true, "");
    expect_read(w, 2, false, "ab");
    expect_read(w, 2, true, "cd");
    sw_wasi_io_streams_input_stream_skip_result skipped;
    OK(sw_wasi_io_streams_input_stream_skip(
        &w->call, PARAMS(io_streams_input_stream_skip, w->in, 1), &skipped));
    assert_true(!skipped.is_err && skipped.ok == 1);
    sw_pipe_finish(&w->pipe);
    expect_read(w, UINT64_MAX, true, "f");
    expect_closed(w);
    expect_closed(w);
}

/* Two bytes at a time, then the end. */
static void feeds(world *w)
{
    if (w->calls <= 3) {
        put(w, "xy");
        again(w);
    } else {
        sw_pipe_finish(&w->pipe);
    }
}

static void reads_and_waits(world *w)
{
    for (int i = 0; i < 3; i++) {
        expect_read(w, 10, true, "xy");
        assert_int_equal(w->calls, i + 1);
    }
    expect_closed(w);
}

static void feeds_and_fails(world *w)
{
    if (w->calls == 1) {
        put(w, "xy");
        again(w);
    } else {
        sw_pipe_fail(&w->pipe, 42);
    }
}

/* The failure is told once, with its code and text; after it the stream is closed. */
static void reads_until_failure(world *w)
{
    expect_read(w, 10, true, "xy");
    read_result r = read_some(w, 10, true);
    assert_true(r.is_err);
    assert_int_equal(r.err.tag, SW_WASI_IO_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED);
    uint32_t error = r.err.last_operation_failed;
    const sw_p2_error *e;
    OK(sw_p2_get_error(&w->call, error, &e));
    assert_int_equal(e->code, 42);
    assert_ptr_equal(e->describe, describe);
    sw_wasi_io_error_error_to_debug_string_result text;
    OK(sw_wasi_io_error_error_to_debug_string(
        &w->call, PARAMS(io_error_error_to_debug_string, error), &text));
    assert_int_equal(text.len, strlen("the answer"));
    sw_wasi_filesystem_types_filesystem_error_code_result code;
    OK(sw_wasi_filesystem_types_filesystem_error_code(
        &w->call, PARAMS(filesystem_types_filesystem_error_code, error), &code));
    assert_false(code.is_some);
    expect_closed(w);
}

static void test_reading(void **state)
{
    (void)state;
    play(reads_at_once, NULL);
    play(reads_and_waits, feeds);
    play(reads_until_failure, feeds_and_fails);
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef sw_wasi_io_streams_output_stream_write_result write_result;

static uint64_t check_write(world *w)
{
    sw_wasi_io_streams_output_stream_check_write_result r;
    OK(sw_wasi_io_streams_output_stream_check_write(
        &w->call, PARAMS(io_streams_output_stream_check_write, w->out), &r));
    assert_false(r.is_err);
    return r.ok;
}

static sw_wit_list_u8 pattern(size_t len, uint8_t first)
{
    static uint8_t bytes[CAPACITY];
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(first + i * 7);
    }
    return (sw_wit_list_u8){bytes, len};
}

static write_result write_blocking(world *w, size_t len, uint8_t first)
{
    write_result r;
    OK(sw_wasi_io_streams_output_stream_blocking_write_and_flush(
        &w->call,
        PARAMS(io_streams_output_stream_blocking_write_and_flush, .self = w->out,
               .contents = pattern(len, first)),
        &r));
    return r;
}

static void writes_at_once(world *w)
{
    write_result r;
    assert_int_equal(check_write(w), CAPACITY);
    OK(sw_wasi_io_streams_output_stream_write(
        &w->call,
        PARAMS(io_streams_output_stream_write, .self = w->out, .contents = pattern(CAPACITY, 0)),
        &r));
    assert_false(r.is_err);
    assert_int_equal(check_write(w), 0);
    OK(sw_wasi_io_streams_output_stream_flush(&w->call,
                                              PARAMS(io_streams_output_stream_flush, w->out), &r));
    assert_false(r.is_err);
    assert_int_equal(sw_pipe_read(&w->pipe, w->got, CAPACITY), CAPACITY);
    assert_memory_equal(w->got, pattern(CAPACITY, 0).ptr, CAPACITY);
    assert_int_equal(check_write(w), CAPACITY);
    sw_pipe_close(&w->pipe);
    r = write_blocking(w, 1, 0);
    assert_true(r.is_err);
    assert_int_equal(r.err.tag, SW_WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
}

static void drains(world *w)
{
    w->got_len += sw_pipe_read(&w->pipe, w->got + w->got_len, 1500);
    again(w);
}

static void writes_and_waits(world *w)
{
    assert_false(write_blocking(w, CAPACITY, 1).is_err);
    assert_false(write_blocking(w, CAPACITY, 2).is_err);
    assert_true(w->calls > 1);
    w->got_len += sw_pipe_read(&w->pipe, w->got + w->got_len, sizeof w->got - w->got_len);
    assert_int_equal(w->got_len, 2 * CAPACITY);
    assert_memory_equal(w->got, pattern(CAPACITY, 1).ptr, CAPACITY);
    assert_memory_equal(w->got + CAPACITY, pattern(CAPACITY, 2).ptr, CAPACITY);
}

static void closes(world *w)
{
    sw_pipe_close(&w->pipe);
}

static void writes_until_closed(world *w)
{
    assert_false(write_blocking(w, CAPACITY, 1).is_err);
    write_result r = write_blocking(w, 10, 2);
    assert_true(r.is_err);
    assert_int_equal(r.err.tag, SW_WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
}

static void test_writing(void **state)
{
    (void)state;
    play(writes_at_once, NULL);
    play(writes_and_waits, drains);
    play(writes_until_closed, closes);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static uint32_t subscribe_in(world *w)
{
    uint32_t pollable;
    OK(sw_wasi_io_streams_input_stream_subscribe(
        &w->call, PARAMS(io_streams_input_stream_subscribe, w->in), &pollable));
    return pollable;
}

static uint32_t subscribe_time(world *w, uint64_t ns)
{
    uint32_t pollable;
    OK(sw_wasi_clocks_monotonic_clock_subscribe_duration(
        &w->call, PARAMS(clocks_monotonic_clock_subscribe_duration, ns), &pollable));
    return pollable;
}

/* More than fit on the stack: the pipe's end among far points in time. */
static void polls_many(world *w)
{
    enum { COUNT = 40, AT = 17 };
    uint32_t pollables[COUNT];
    sw_wasi_io_poll_poll_result r;
    for (int i = 0; i < COUNT; i++) {
        pollables[i] = i == AT ? subscribe_in(w) : subscribe_time(w, SW_NS_PER_S * 1000);
    }
    sw_wasi_io_streams_input_stream_drop(w->wasi, w->in);
    OK(sw_wasi_io_poll_poll(&w->call, PARAMS(io_poll_poll, {pollables, COUNT}), &r));
    assert_true(r.len == 1 && r.ptr[0] == AT);
}

static void polls_time(world *w)
{
    uint32_t pollables[2] = {subscribe_in(w), subscribe_time(w, SW_NS_PER_MS)};
    sw_wasi_io_poll_poll_result r;
    bool ready = true;
    OK(sw_wasi_io_poll_pollable_ready(&w->call, PARAMS(io_poll_pollable_ready, pollables[0]),
                                      &ready));
    assert_false(ready);
    OK(sw_wasi_io_poll_poll(&w->call, PARAMS(io_poll_poll, {pollables, 2}), &r));
    assert_true(r.len == 1 && r.ptr[0] == 1);
    OK(sw_wasi_io_poll_pollable_block(&w->call, PARAMS(io_poll_pollable_block, pollables[1])));
}

static int fds[2];

static void writes_to_fd(world *w)
{
    (void)w;
    assert_int_equal(write(fds[1], "x", 1), 1);
}

/* A descriptor of the system beside a source. */
static void polls_fd(world *w)
{
    char byte;
    sw_poll_item items[] = {
        {.fd = -1, .source = &w->pipe.readable, .events = POLLIN, .deadline_ns = UINT64_MAX},
        {.fd = fds[0], .events = POLLIN, .deadline_ns = UINT64_MAX},
    };
    OK(sw_poll_wait(w->store, items, 2));
    assert_false(items[0].is_ready);
    assert_true(items[1].is_ready);
    assert_int_equal(items[1].ret_events, POLLIN);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    /* Outside of a task only a deadline keeps it from blocking the thread. */
    sw_store_set_deadline_at_yield(w->store, sw_clock_deadline(SW_NS_PER_S * 1000));
    again(w);
    OK(sw_poll_wait_fd(w->store, fds[0], POLLIN));
    assert_int_equal(read(fds[0], &byte, 1), 1);
}

static void interrupts(world *w)
{
    sw_store_interrupt(w->store);
}

static void is_interrupted(world *w)
{
    sw_poll_item item = {
        .fd = -1, .source = &w->pipe.readable, .events = POLLIN, .deadline_ns = UINT64_MAX};
    assert_int_equal(sw_poll_wait(w->store, &item, 1), SW_TRAP_INTERRUPTED);
    sw_store_set_deadline_at_yield(w->store, sw_clock_deadline(SW_NS_PER_MS));
    assert_int_equal(sw_poll_wait(w->store, &item, 1), SW_TRAP_DEADLINE);
    assert_int_equal(sw_poll_wait(w->store, &item, 1), SW_TRAP_DEADLINE);
    put(w, "x");
    OK(sw_poll_wait(w->store, &item, 1));
}

/* Asked to yield while others could run: what comes just then is not missed. */
static void waits_when_asked_to_yield(world *w)
{
    for (int i = 0; i < 3; i++) {
        sw_store_yield_soon(w->store);
        expect_read(w, 10, true, "xy");
    }
    expect_closed(w);
}

static void nothing(world *w)
{
    (void)w;
}

static void test_waiting(void **state)
{
    (void)state;
    assert_int_equal(pipe(fds), 0);
    play(polls_many, feeds);
    play(polls_time, nothing);
    play(polls_fd, writes_to_fd);
    play(is_interrupted, interrupts);
    play(waits_when_asked_to_yield, feeds);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* ---- Resources of other rooms ---------------------------------------------------------------- */

typedef struct body {
    int drops;
} body;

static void drop_body(sw_p2 *p, void *arg)
{
    (void)p;
    ((body *)arg)->drops++;
}

static const sw_p2_type FRUIT = {"fruit", drop_body}, STONE = {"stone", drop_body};

static void test_other_resources(void **state)
{
    (void)state;
    world w;
    body b[3] = {0};
    uint32_t reps[3];
    void *got;
    start(&w, NULL);
    for (int i = 0; i < 3; i++) {
        OK(sw_p2_add_other(w.p2, i == 0 ? &STONE : &FRUIT, &b[i], &reps[i]));
    }
    OK(sw_p2_get_other(&w.call, reps[1], &FRUIT, &got));
    assert_ptr_equal(got, &b[1]);
    assert_int_equal(sw_p2_get_other(&w.call, reps[0], &FRUIT, &got), SW_TRAP_HOST);
    assert_int_equal(sw_p2_get_other(&w.call, w.in, &FRUIT, &got), SW_TRAP_HOST);
    p2_object *o;
    assert_int_equal(sw_p2_get(&w.call, reps[1], P2_INPUT_STREAM, &o), SW_TRAP_HOST);
    sw_p2_drop_other(w.wasi, reps[0], &FRUIT);
    assert_int_equal(b[0].drops, 0);
    sw_p2_drop_other(w.wasi, reps[0], &STONE);
    sw_p2_drop_other(w.wasi, reps[0], &STONE);
    assert_int_equal(b[0].drops, 1);
    OK(sw_p2_take_other(&w.call, reps[1], &FRUIT, &got));
    assert_ptr_equal(got, &b[1]);
    assert_int_equal(sw_p2_take_other(&w.call, reps[1], &FRUIT, &got), SW_TRAP_HOST);
    end(&w);
    assert_int_equal(b[1].drops, 0);
    assert_int_equal(b[2].drops, 1);
}

/* Each allocation fails once: nothing lost. */
static void test_memory(void **state)
{
    (void)state;
    world w;
    body b = {0};
    start(&w, NULL);
    for (uint64_t n = 1; n < 20; n++) {
        sw_p2_io *io = NULL;
        uint32_t rep, references = w.pipe.references;
        b.drops = 0;
        sw_memory_fail_at(n);
        sw_trap trap = sw_p2_pipe_io(w.p2, &w.pipe, false, describe, &io);
        if (trap == SW_TRAP_NONE) {
            trap = sw_p2_add_input(w.p2, io, &rep);
        }
        bool stream = trap == SW_TRAP_NONE;
        trap = sw_p2_add_other(w.p2, &FRUIT, &b, &rep);
        bool failed = sw_memory_failed();
        sw_memory_fail_at(0);
        assert_int_equal(w.pipe.references, references + stream);
        assert_int_equal(b.drops, trap != SW_TRAP_NONE);
        if (!failed) {
            end(&w);
            return;
        }
        sw_p2_drop_other(w.wasi, rep, &FRUIT);
    }
    fail_msg("never succeeded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading), cmocka_unit_test(test_writing),
        cmocka_unit_test(test_waiting), cmocka_unit_test(test_other_resources),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
