/*
 * A guest that writes to a standard stream nobody reads: it gets an error and the process lives,
 * unless its grants let the signal be raised.
 */
#include "world.h"

#include "../support/builder.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WASI_PIPE = 64 };

/* write() -> errno: fd_write(1, one piece of 5 bytes). */
static sw_bytes build(sw_builder *b)
{
    sw_builder_init(b);
    uint32_t fd_write = sw_builder_import_func(b, "wasi_snapshot_preview1", "fd_write",
                                               sw_builder_type(b, "iiii:i"));
    uint32_t f = sw_builder_func(b, sw_builder_type(b, ":i"), "");
    static const uint32_t ARGS[] = {1, 0, 1, 8};
    for (size_t i = 0; i < SW_COUNTOF(ARGS); i++) {
        sw_builder_i32(b, ARGS[i]);
    }
    sw_builder_op_u32(b, SW_OP_CALL, fd_write);
    sw_builder_end_func(b);
    (void)sw_builder_memory(b, 1, 1);
    static const uint8_t DATA[] = {12, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'};
    (void)sw_builder_data(b, 0, 0, DATA, sizeof(DATA));
    sw_builder_export(b, "memory", SW_EXTERN_MEMORY, 0);
    sw_builder_export(b, "write", SW_EXTERN_FUNC, f);
    return sw_builder_finish(b);
}

static void open_world(world *w, int fd, bool raises)
{
    sw_builder b;
    swell_grants *grants;
    sw_bytes wasm = build(&b);
    world_open(w, (swell_bytes){wasm.ptr, wasm.len});
    sw_builder_clear(&b);
    swell_store_free(w->store);
    assert_int_equal(swell_grants_new(&grants), SWELL_OK);
    swell_grants_set_stdio(grants, 1, fd);
    if (raises) {
        swell_grants_raise_sigpipe(grants);
    }
    assert_int_equal(swell_store_new(w->engine, NULL, grants, &w->error, &w->store), SWELL_OK);
    swell_grants_free(grants);
    assert_int_equal(swell_linker_define_wasi(w->linker, &w->error), SWELL_OK);
    world_start(w);
}

static uint32_t write_once(world *w)
{
    swell_value result = {};
    assert_int_equal(swell_func_call(world_find(w, "write"), NULL, 0, &w->error, &result),
                     SWELL_OK);
    return result.u32;
}

/* The writing end of a pipe or socket after one write has been read; then nobody reads. */
static uint32_t write_to_nobody(bool is_socket, bool raises)
{
    world w;
    int fds[2];
    char got[8];
    assert_int_equal(is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds), 0);
    open_world(&w, fds[1], raises);
    assert_int_equal(write_once(&w), 0);
    assert_int_equal(read(fds[0], got, sizeof got), 5);
    assert_memory_equal(got, "hello", 5);
    (void)close(fds[0]);
    uint32_t err = write_once(&w);
    assert_int_equal(write_once(&w), err);
    world_close(&w);
    (void)close(fds[1]);
    return err;
}

static void the_guest_is_told(void **)
{
    assert_int_equal(write_to_nobody(false, false), WASI_PIPE);
    assert_int_equal(write_to_nobody(true, false), WASI_PIPE);
}

static void or_the_process_ends(void **)
{
    for (int is_socket = 0; is_socket < 2; is_socket++) {
        int status = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            _exit(write_to_nobody(is_socket != 0, true) == WASI_PIPE ? 1 : 2);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGPIPE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guest_is_told),
        cmocka_unit_test(or_the_process_ends),
    };
    world_keep_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
