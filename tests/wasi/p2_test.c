/*
 * WASI 0.2 called as the canonical ABI calls it, without a guest: resources, streams, files,
 * polling, and that nothing is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wasi/p2/p2.h"
#include "wasi_cli_environment.h"
#include "wasi_cli_exit.h"
#include "wasi_cli_stdin.h"
#include "wasi_cli_stdout.h"
#include "wasi_clocks_monotonic_clock.h"
#include "wasi_filesystem_preopens.h"
#include "wasi_filesystem_types.h"
#include "wasi_io_error.h"
#include "wasi_io_poll.h"
#include "wasi_io_streams.h"
#include "wasi_random_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct world {
    sw_engine *engine;
    sw_store *store;
    sw_wasi *wasi;
    sw_arena arena;
    sw_host_call call;
    size_t used_before; /* of the store's budget */
    char dir[32];
    int in[2], out[2]; /* pipes: what the guest reads and writes */
    char asked[256];   /* the last denial */
} world;

static void note_denial(void *env, const char *asked, const char *option)
{
    world *w = env;
    (void)snprintf(w->asked, sizeof w->asked, "%s [%s]", asked, option);
}

static void start(world *w, const char *dir_options)
{
    sw_grants g;
    sw_diag diag = {0};
    char spec[64];
    memset(w, 0, sizeof *w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/swell-p2-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    assert_int_equal(pipe(w->in), 0);
    assert_int_equal(pipe(w->out), 0);
    assert_int_equal(sw_engine_new(&diag, &w->engine), SW_OK);
    assert_int_equal(sw_store_new(w->engine, &SW_STORE_LIMITS_DEFAULT, &diag, &w->store), SW_OK);
    sw_grants_init(&g, NULL);
    (void)snprintf(spec, sizeof spec, "%s::/data%s", w->dir, dir_options);
    assert_int_equal(sw_grants_add_dir(&g, sw_str_of(spec), &diag), SW_OK);
    assert_int_equal(sw_grants_add_env(&g, SW_STR("A=b=c"), &diag), SW_OK);
    g.stdio[0] = w->in[0];
    g.stdio[1] = w->out[1];
    g.stdio[2] = -1;
    w->used_before = sw_store_budget(w->store)->used_bytes;
    assert_int_equal(sw_wasi_new(w->store, &g, note_denial, w, &diag, &w->wasi), SW_OK);
    sw_grants_clear(&g);
    sw_arena_init(&w->arena, NULL, (size_t)64 << 20);
    w->call = (sw_host_call){.env = w->wasi, .store = w->store, .arena = &w->arena};
}

static void end(world *w)
{
    char command[64];
    sw_wasi_free(w->wasi);
    assert_int_equal(sw_store_budget(w->store)->used_bytes, w->used_before);
    sw_arena_clear(&w->arena);
    sw_store_free(w->store);
    sw_engine_free(w->engine);
    for (int i = 0; i < 2; i++) {
        (void)close(w->in[i]);
        (void)close(w->out[i]);
    }
    (void)snprintf(command, sizeof command, "rm -rf %s", w->dir);
    assert_int_equal(system(command), 0);
}

#define OK(e)          assert_int_equal((e), SW_TRAP_NONE)
#define PARAMS(f, ...) &(sw_wasi_##f##_params){__VA_ARGS__}
#define ERROR(name)    SW_WASI_FILESYSTEM_TYPES_ERROR_CODE_##name
#define OPEN(name)     SW_WASI_FILESYSTEM_TYPES_OPEN_FLAGS_##name
#define DESC(name)     SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_##name

static uint32_t preopen(world *w, size_t index)
{
    sw_wasi_filesystem_preopens_get_directories_result dirs;
    OK(sw_wasi_filesystem_preopens_get_directories(&w->call, &dirs));
    assert_true(index < dirs.len);
    return dirs.ptr[index].f0;
}

static sw_wasi_filesystem_types_descriptor_open_at_result open_at(world *w, uint32_t dir,
                                                                  const char *path, uint8_t open,
                                                                  uint8_t flags)
{
    sw_wasi_filesystem_types_descriptor_open_at_result ret;
    OK(sw_wasi_filesystem_types_descriptor_open_at(&w->call,
                                                   PARAMS(filesystem_types_descriptor_open_at,
                                                          .self = dir, .path = sw_str_of(path),
                                                          .open_flags = open, .flags = flags),
                                                   &ret));
    return ret;
}

static uint32_t create(world *w, uint32_t dir, const char *path)
{
    sw_wasi_filesystem_types_descriptor_open_at_result ret =
        open_at(w, dir, path, OPEN(CREATE), DESC(READ) | DESC(WRITE));
    assert_false(ret.is_err);
    return ret.ok;
}

static void write_text(world *w, uint32_t stream, const char *text)
{
    sw_wasi_io_streams_output_stream_blocking_write_and_flush_result ret;
    OK(sw_wasi_io_streams_output_stream_blocking_write_and_flush(
        &w->call,
        PARAMS(io_streams_output_stream_blocking_write_and_flush, .self = stream,
               .contents = {(uint8_t *)(uintptr_t)text, strlen(text)}),
        &ret));
    assert_false(ret.is_err);
}

static sw_wasi_io_streams_input_stream_read_result read_some(world *w, uint32_t stream,
                                                             uint64_t len, bool blocking)
{
    sw_wasi_io_streams_input_stream_read_result ret;
    if (blocking) {
        OK(sw_wasi_io_streams_input_stream_blocking_read(
            &w->call, PARAMS(io_streams_input_stream_blocking_read, stream, len), &ret));
    } else {
        OK(sw_wasi_io_streams_input_stream_read(
            &w->call, PARAMS(io_streams_input_stream_read, stream, len), &ret));
    }
    return ret;
}

static void assert_bytes(const sw_wasi_io_streams_input_stream_read_result *r, const char *want)
{
    assert_false(r->is_err);
    assert_int_equal(r->ok.len, strlen(want));
    assert_memory_equal(r->ok.ptr, want, strlen(want));
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Streams keep the file when the descriptor is gone; all three kinds of positions. */
static void test_streams_over_files(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    uint32_t file = create(&w, preopen(&w, 0), "a");
    sw_wasi_filesystem_types_descriptor_write_via_stream_result out;
    sw_wasi_filesystem_types_descriptor_append_via_stream_result append;
    sw_wasi_filesystem_types_descriptor_read_via_stream_result in;
    OK(sw_wasi_filesystem_types_descriptor_write_via_stream(
        &w.call, PARAMS(filesystem_types_descriptor_write_via_stream, file, 2), &out));
    OK(sw_wasi_filesystem_types_descriptor_append_via_stream(
        &w.call, PARAMS(filesystem_types_descriptor_append_via_stream, file), &append));
    OK(sw_wasi_filesystem_types_descriptor_read_via_stream(
        &w.call, PARAMS(filesystem_types_descriptor_read_via_stream, file, 1), &in));
    sw_wasi_filesystem_types_descriptor_drop(w.wasi, file);
    write_text(&w, out.ok, "cd");
    write_text(&w, append.ok, "gh");
    write_text(&w, out.ok, "EF");
    sw_wasi_io_streams_input_stream_read_result r = read_some(&w, in.ok, 2, false);
    assert_false(r.is_err);
    assert_memory_equal(r.ok.ptr, "\0c", 2);
    r = read_some(&w, in.ok, 100, true);
    assert_bytes(&r, "dEF");
    r = read_some(&w, in.ok, 100, true);
    assert_true(r.is_err);
    assert_int_equal(r.err.tag, SW_WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
    end(&w);
}

static void test_read_write(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    uint32_t file = create(&w, preopen(&w, 0), "a");
    sw_wasi_filesystem_types_descriptor_write_result written;
    sw_wasi_filesystem_types_descriptor_read_result r;
    OK(sw_wasi_filesystem_types_descriptor_write(
        &w.call,
        PARAMS(filesystem_types_descriptor_write, file, {(uint8_t *)(uintptr_t)"hello", 5}, 0),
        &written));
    assert_int_equal(written.ok, 5);
    OK(sw_wasi_filesystem_types_descriptor_read(
        &w.call, PARAMS(filesystem_types_descriptor_read, file, 100, 1), &r));
    assert_false(r.is_err);
    assert_int_equal(r.ok.f0.len, 4);
    assert_false(r.ok.f1);
    OK(sw_wasi_filesystem_types_descriptor_read(
        &w.call, PARAMS(filesystem_types_descriptor_read, file, 100, 5), &r));
    assert_true(!r.is_err && r.ok.f1 && r.ok.f0.len == 0);
    OK(sw_wasi_filesystem_types_descriptor_read(
        &w.call, PARAMS(filesystem_types_descriptor_read, file, 1, UINT64_MAX), &r));
    assert_true(r.is_err && r.err == ERROR(INVALID));
    sw_wasi_filesystem_types_descriptor_stat_result st;
    OK(sw_wasi_filesystem_types_descriptor_stat(
        &w.call, PARAMS(filesystem_types_descriptor_stat, file), &st));
    assert_int_equal(st.ok.size, 5);
    assert_int_equal(st.ok.type, SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_REGULAR_FILE);
    assert_true(st.ok.data_modification_timestamp.is_some);
    end(&w);
}

// clang-format off
static const struct {
    const char *path;
    uint8_t open, flags, error;
} OPENS[] = {
    {"missing",  0,                             DESC(READ),               ERROR(NO_ENTRY)     },
    {"../x",     0,                             DESC(READ),               ERROR(NOT_PERMITTED)},
    {"/etc",     0,                             DESC(READ),               ERROR(NOT_PERMITTED)},
    {"",         0,                             DESC(READ),               ERROR(NO_ENTRY)     },
    {"a",        OPEN(DIRECTORY),               DESC(READ),               ERROR(NOT_DIRECTORY)},
    {"a",        OPEN(CREATE) | OPEN(EXCLUSIVE), DESC(WRITE),             ERROR(EXIST)        },
    {"a/b",      0,                             DESC(READ),               ERROR(NOT_DIRECTORY)},
    {".",        0,                             DESC(WRITE),              ERROR(IS_DIRECTORY) },
    {"d",        OPEN(DIRECTORY) | OPEN(CREATE), DESC(READ),              ERROR(INVALID)      },
};
// clang-format on

static void test_open_errors(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    uint32_t dir = preopen(&w, 0);
    (void)create(&w, dir, "a");
    for (size_t i = 0; i < SW_COUNTOF(OPENS); i++) {
        sw_wasi_filesystem_types_descriptor_open_at_result r =
            open_at(&w, dir, OPENS[i].path, OPENS[i].open, OPENS[i].flags);
        if (!r.is_err || r.err != OPENS[i].error) {
            fail_msg("%s: is_err %d, code %u, wanted %u", OPENS[i].path, r.is_err, r.err,
                     OPENS[i].error);
        }
    }
    end(&w);
}

static void test_read_only(void **state)
{
    (void)state;
    world w;
    start(&w, ":ro");
    sw_wasi_filesystem_types_descriptor_open_at_result r =
        open_at(&w, preopen(&w, 0), "new", OPEN(CREATE), DESC(WRITE));
    assert_true(r.is_err && r.err == ERROR(READ_ONLY));
    assert_non_null(
        strstr(w.asked, "open for writing 'new' under the read-only directory '/data'"));
    /* What is not granted at all is not in the empty root, or refused to a writer, with advice. */
    r = open_at(&w, preopen(&w, 1), "etc/passwd", 0, DESC(READ));
    assert_true(r.is_err && r.err == ERROR(NO_ENTRY));
    assert_non_null(strstr(w.asked, "--dir /etc:ro"));
    r = open_at(&w, preopen(&w, 1), "etc/new", OPEN(CREATE), DESC(WRITE));
    assert_true(r.is_err && r.err == ERROR(ACCESS));
    assert_non_null(strstr(w.asked, "--dir /etc"));
    end(&w);
}

static void test_directory(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    uint32_t dir = preopen(&w, 0);
    unsigned seen = 0;
    (void)create(&w, dir, "b");
    (void)create(&w, dir, "a");
    sw_wasi_filesystem_types_descriptor_read_directory_result entries;
    OK(sw_wasi_filesystem_types_descriptor_read_directory(
        &w.call, PARAMS(filesystem_types_descriptor_read_directory, dir), &entries));
    assert_false(entries.is_err);
    for (;;) {
        sw_wasi_filesystem_types_directory_entry_stream_read_directory_entry_result e;
        OK(sw_wasi_filesystem_types_directory_entry_stream_read_directory_entry(
            &w.call,
            PARAMS(filesystem_types_directory_entry_stream_read_directory_entry, entries.ok), &e));
        assert_false(e.is_err);
        if (!e.ok.is_some) {
            break;
        }
        seen |= sw_str_eq(e.ok.value.name, SW_STR("a")) ? 1 : 0;
        seen |= sw_str_eq(e.ok.value.name, SW_STR("b")) ? 2 : 0;
        assert_int_equal(e.ok.value.type, SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_REGULAR_FILE);
    }
    assert_int_equal(seen, 3);
    end(&w);
}

/* ---- Pipes and polling ----------------------------------------------------------------------- */

static uint32_t stdin_of(world *w)
{
    uint32_t rep;
    OK(sw_wasi_cli_stdin_get_stdin(&w->call, &rep));
    return rep;
}

static void test_pipes(void **state)
{
    (void)state;
    world w;
    char got[16];
    start(&w, "");
    uint32_t in = stdin_of(&w);
    uint32_t out;
    OK(sw_wasi_cli_stdout_get_stdout(&w.call, &out));
    write_text(&w, out, "hello");
    assert_int_equal(read(w.out[0], got, sizeof got), 5);
    sw_wasi_io_streams_input_stream_read_result r = read_some(&w, in, 10, false);
    assert_bytes(&r, "");
    assert_int_equal(write(w.in[1], "xyz", 3), 3);
    r = read_some(&w, in, 2, true);
    assert_bytes(&r, "xy");
    sw_wasi_io_streams_output_stream_splice_result spliced;
    OK(sw_wasi_io_streams_output_stream_blocking_splice(
        &w.call, PARAMS(io_streams_output_stream_blocking_splice, out, in, 100), &spliced));
    assert_true(!spliced.is_err && spliced.ok == 1);
    (void)close(w.in[1]);
    r = read_some(&w, in, 2, true);
    assert_true(r.is_err && r.err.tag == SW_WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
    w.in[1] = dup(0);
    end(&w);
}

/* Nobody reads what the guest writes: the stream is closed, and no signal ends the test. */
static void test_broken_pipe(void **state)
{
    world w;
    uint32_t out;
    (void)state;
    start(&w, "");
    OK(sw_wasi_cli_stdout_get_stdout(&w.call, &out));
    (void)close(w.out[0]);
    w.out[0] = -1;
    for (int i = 0; i < 2; i++) {
        sw_wasi_io_streams_output_stream_blocking_write_and_flush_result ret = {0};
        OK(sw_wasi_io_streams_output_stream_blocking_write_and_flush(
            &w.call,
            PARAMS(io_streams_output_stream_blocking_write_and_flush, .self = out,
                   .contents = {(uint8_t *)(uintptr_t)"hello", 5}),
            &ret));
        assert_true(ret.is_err);
        assert_int_equal(ret.err.tag, SW_WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
    }
    sw_wasi_io_streams_output_stream_drop(w.wasi, out);
    end(&w);
}

static void test_permit(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    uint32_t out;
    uint8_t byte = 'x';
    sw_wasi_io_streams_output_stream_write_result r;
    sw_wasi_io_streams_output_stream_check_write_result room;
    OK(sw_wasi_cli_stdout_get_stdout(&w.call, &out));
    const sw_wasi_io_streams_output_stream_write_params params = {
        out, {&byte, 1}
    };
    assert_int_equal(sw_wasi_io_streams_output_stream_write(&w.call, &params, &r), SW_TRAP_HOST);
    OK(sw_wasi_io_streams_output_stream_check_write(
        &w.call, PARAMS(io_streams_output_stream_check_write, out), &room));
    assert_true(!room.is_err && room.ok > 0);
    OK(sw_wasi_io_streams_output_stream_write(&w.call, &params, &r));
    assert_false(r.is_err);
    end(&w);
}

/* An error is a resource that explains itself; a stream that failed is closed. */
static void test_stream_error(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    uint32_t file = create(&w, preopen(&w, 0), "a");
    sw_wasi_filesystem_types_descriptor_write_via_stream_result out;
    OK(sw_wasi_filesystem_types_descriptor_write_via_stream(
        &w.call, PARAMS(filesystem_types_descriptor_write_via_stream, file, INT64_MAX), &out));
    sw_wasi_io_streams_output_stream_blocking_write_zeroes_and_flush_result r;
    OK(sw_wasi_io_streams_output_stream_blocking_write_zeroes_and_flush(
        &w.call, PARAMS(io_streams_output_stream_blocking_write_zeroes_and_flush, out.ok, 2), &r));
    assert_true(r.is_err);
    assert_int_equal(r.err.tag, SW_WASI_IO_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED);
    sw_wasi_io_error_error_to_debug_string_result text;
    OK(sw_wasi_io_error_error_to_debug_string(
        &w.call, PARAMS(io_error_error_to_debug_string, r.err.last_operation_failed), &text));
    assert_true(text.len > 0);
    sw_wasi_filesystem_types_filesystem_error_code_result code;
    OK(sw_wasi_filesystem_types_filesystem_error_code(
        &w.call, PARAMS(filesystem_types_filesystem_error_code, r.err.last_operation_failed),
        &code));
    assert_true(code.is_some);
    end(&w);
}

static void test_poll(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    uint32_t in = stdin_of(&w);
    uint32_t pollables[2];
    bool ready;
    sw_wasi_io_poll_poll_result r;
    OK(sw_wasi_io_streams_input_stream_subscribe(
        &w.call, PARAMS(io_streams_input_stream_subscribe, in), &pollables[0]));
    OK(sw_wasi_clocks_monotonic_clock_subscribe_duration(
        &w.call, PARAMS(clocks_monotonic_clock_subscribe_duration, 1000), &pollables[1]));
    /* The pollable keeps what it waits for. */
    sw_wasi_io_streams_input_stream_drop(w.wasi, in);
    OK(sw_wasi_io_poll_poll(&w.call, PARAMS(io_poll_poll, {pollables, 2}), &r));
    assert_true(r.len == 1 && r.ptr[0] == 1);
    OK(sw_wasi_io_poll_pollable_ready(&w.call, PARAMS(io_poll_pollable_ready, pollables[0]),
                                      &ready));
    assert_false(ready);
    assert_int_equal(write(w.in[1], "x", 1), 1);
    OK(sw_wasi_io_poll_pollable_block(&w.call, PARAMS(io_poll_pollable_block, pollables[0])));
    OK(sw_wasi_io_poll_poll(&w.call, PARAMS(io_poll_poll, {pollables, 2}), &r));
    assert_int_equal(r.len, 2);
    assert_int_equal(sw_wasi_io_poll_poll(&w.call, PARAMS(io_poll_poll, {NULL, 0}), &r),
                     SW_TRAP_HOST);
    end(&w);
}

/* ---- The rest -------------------------------------------------------------------------------- */

static void test_stale(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    uint32_t in = stdin_of(&w);
    sw_wasi_io_streams_input_stream_drop(w.wasi, in);
    sw_wasi_io_streams_input_stream_drop(w.wasi, in);
    uint32_t again = stdin_of(&w);
    assert_int_not_equal(in, again);
    sw_wasi_io_streams_input_stream_read_result r;
    const uint32_t bad[] = {in, UINT32_MAX, preopen(&w, 0)};
    for (size_t i = 0; i < SW_COUNTOF(bad); i++) {
        assert_int_equal(sw_wasi_io_streams_input_stream_read(
                             &w.call, PARAMS(io_streams_input_stream_read, bad[i], 1), &r),
                         SW_TRAP_HOST);
    }
    end(&w);
}

static void test_cli(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    sw_wasi_cli_environment_get_environment_result env;
    OK(sw_wasi_cli_environment_get_environment(&w.call, &env));
    assert_int_equal(env.len, 1);
    assert_true(sw_str_eq(env.ptr[0].f0, SW_STR("A")));
    assert_true(sw_str_eq(env.ptr[0].f1, SW_STR("b=c")));
    assert_int_equal(sw_wasi_cli_exit_exit_with_code(&w.call, PARAMS(cli_exit_exit_with_code, 42)),
                     SW_TRAP_EXIT);
    assert_int_equal(sw_store_exit_code(w.store), 42);
    assert_int_equal(sw_wasi_cli_exit_exit(&w.call, PARAMS(cli_exit_exit, .status = {true})),
                     SW_TRAP_EXIT);
    assert_int_equal(sw_store_exit_code(w.store), 1);
    end(&w);
}

/* More than the arena holds ends the guest, not the host. */
static void test_random_limit(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    sw_wasi_random_random_get_random_bytes_result r;
    assert_int_equal(sw_wasi_random_random_get_random_bytes(
                         &w.call, PARAMS(random_random_get_random_bytes, UINT64_MAX / 2), &r),
                     SW_TRAP_OUT_OF_HOST_MEMORY);
    OK(sw_wasi_random_random_get_random_bytes(&w.call, PARAMS(random_random_get_random_bytes, 1000),
                                              &r));
    assert_int_equal(r.len, 1000);
    end(&w);
}

/* Every allocation fails once: a trap each time, nothing lost. */
static void test_memory(void **state)
{
    (void)state;
    world w;
    start(&w, "");
    uint32_t dir = preopen(&w, 0);
    for (uint64_t n = 1; n < 100; n++) {
        sw_wasi_filesystem_types_descriptor_open_at_result r = {.is_err = true};
        const sw_wasi_filesystem_types_descriptor_open_at_params params = {
            .self = dir, .path = SW_STR("a"), .open_flags = OPEN(CREATE), .flags = DESC(WRITE)};
        sw_memory_fail_at(n);
        sw_trap trap = sw_wasi_filesystem_types_descriptor_open_at(&w.call, &params, &r);
        bool failed = sw_memory_failed();
        sw_memory_fail_at(0);
        if (!failed) {
            assert_int_equal(trap, SW_TRAP_NONE);
            end(&w);
            return;
        }
        assert_int_equal(trap, SW_TRAP_OUT_OF_HOST_MEMORY);
    }
    fail_msg("never succeeded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_over_files),
        cmocka_unit_test(test_read_write),
        cmocka_unit_test(test_open_errors),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_pipes),
        cmocka_unit_test(test_broken_pipe),
        cmocka_unit_test(test_permit),
        cmocka_unit_test(test_stream_error),
        cmocka_unit_test(test_poll),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_cli),
        cmocka_unit_test(test_random_limit),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
