#include "registry/helper.h"

#include "os/clock.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { TIMEOUT_S = 30, NAME_MAX_BYTES = 64, CHUNK_BYTES = 4096 };

typedef struct child {
    pid_t pid;
    int in, out; /* our ends; -1: closed */
} child;

/* The name is a part of a program's, never of a path. */
static bool is_name(sw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || (c == '.' && i != 0))) {
            return false;
        }
    }
    return s.len != 0 && s.len <= NAME_MAX_BYTES;
}

/* The child has default signals, whatever this thread blocks. */
static int spawn(const char *program, const char *verb, const int in[2], const int out[2],
                 pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)verb, NULL};
    (void)sigemptyset(&none);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int error = posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    error = error != 0 ? error : posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    error = error != 0 ? error : posix_spawnattr_setsigmask(&attributes, &none);
    error = error != 0 ? error : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    error =
        error != 0 ? error : posix_spawnp(ret_pid, program, &actions, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

static sw_status start(const char *program, const char *verb, sw_diag *diag, child *ret)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s: %m", program);
    }
    if (pipe2(out, O_CLOEXEC) != 0) {
        sw_fd_close(in[0]);
        sw_fd_close(in[1]);
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s: %m", program);
    }
    child c = {0, in[1], out[0]};
    int error = spawn(program, verb, in, out, &c.pid);
    sw_fd_close(in[0]);
    sw_fd_close(out[1]);
    if (error != 0) {
        sw_fd_close(c.in);
        sw_fd_close(c.out);
        errno = error;
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "credential helper %s: %m", program);
    }
    *ret = c;
    return SW_OK;
}

/* Reads until the child closes its output. False: too long, or too much. */
static bool read_all(const child *c, uint64_t deadline_ns, sw_buf *out)
{
    for (;;) {
        uint64_t now = sw_clock_monotonic_ns();
        struct pollfd p = {c->out, POLLIN, 0};
        int ready =
            now >= deadline_ns ? 0 : poll(&p, 1, (int)((deadline_ns - now) / SW_NS_PER_MS) + 1);
        if (ready == 0) {
            return false;
        }
        uint8_t *room = sw_buf_reserve(out, CHUNK_BYTES);
        if (room == NULL) {
            return false;
        }
        ssize_t n = ready < 0 ? -1 : read(c->out, room, CHUNK_BYTES);
        if (n == 0) {
            return true;
        }
        if (n < 0 && errno != EINTR) {
            return false;
        }
        out->len += n < 0 ? 0 : (size_t)n;
    }
}

/* It may close its output and go on; it is given the rest of its time. */
static int wait_for(const child *c, uint64_t deadline_ns, bool is_killed)
{
    int status = 0;
    if (is_killed) {
        (void)kill(c->pid, SIGKILL);
    }
    for (;;) {
        pid_t got = waitpid(c->pid, &status, is_killed ? 0 : WNOHANG);
        if (got == c->pid || (got < 0 && errno != EINTR)) {
            return got < 0 ? -1 : status;
        }
        if (!is_killed && sw_clock_monotonic_ns() >= deadline_ns) {
            (void)kill(c->pid, SIGKILL);
            is_killed = true;
        } else if (!is_killed) {
            sw_clock_sleep_until(sw_clock_deadline(SW_NS_PER_MS));
        }
    }
}

sw_status sw_helper_run(sw_str name, const char *verb, sw_str input, sw_diag *diag, sw_buf *out)
{
    char program[NAME_MAX_BYTES + 32];
    child c = {};
    if (!is_name(name)) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "the name of a credential helper is malformed");
    }
    (void)snprintf(program, sizeof program, "docker-credential-%.*s", SW_STR_ARG(name));
    SW_TRY(start(program, verb, diag, &c));
    uint64_t deadline_ns = sw_clock_deadline(TIMEOUT_S * SW_NS_PER_S);
    (void)!sw_fd_write(c.in, sw_str_bytes(input)); /* it may not care to read */
    sw_fd_close(c.in);
    bool is_read = read_all(&c, deadline_ns, out);
    sw_fd_close(c.out);
    int status = wait_for(&c, deadline_ns, !is_read);
    if (!is_read) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "credential helper %s: no answer in %d s",
                       program, TIMEOUT_S);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return SW_OK;
    }
    sw_str text = {(const char *)out->ptr, out->len};
    if (sw_str_starts(text, SW_STR("credentials not found"))) {
        return SW_NOT_FOUND;
    }
    return sw_fail(diag, SW_IO, SW_NO_OFFSET, "credential helper %s %s: it failed", program, verb);
}
