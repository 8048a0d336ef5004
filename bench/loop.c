/* What waiting costs: loop ROUNDS
 *
 * prints, in nanoseconds, the best of the rounds of
 *
 *     a task that ends at once; one that suspends (suspend, wake, resume by a job of the loop);
 *     a wait for a pipe and for a socket through sw_poll_wait, the other end's part included;
 *     an empty turn of the loop, and one with 1, 16, 256 ready sockets: each socket's share;
 *     putting off a timer among 10,000; a job deferred; one posted.
 */
#include "os/clock.h"
#include "wasi/core/pipe.h"
#include "wasi/core/poll.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMES = 20000, SOCKETS = 256, TIMERS = 10000 };

typedef struct bench {
    sw_loop *loop;
    sw_engine *engine;
    sw_store *store;
    sw_loop_job job;
    sw_pipe pipe;
    int fds[2];
    bool is_done;
} bench;

static bench b;

static void check(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "loop: %s failed\n", what);
        exit(1);
    }
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

static void nothing(sw_store *s, void *arg)
{
    (void)s;
    (void)arg;
}

static void run_empty_tasks(void)
{
    for (int i = 0; i < TIMES; i++) {
        check(sw_store_run(b.store, &(sw_store_task){.fn = nothing}) == SW_OK, "task");
    }
}

static void wake_store(sw_loop_job *job)
{
    (void)job;
    sw_store_wake(b.store);
}

static void suspend_often(sw_store *s, void *arg)
{
    (void)arg;
    for (int i = 0; i < TIMES; i++) {
        sw_loop_defer(b.loop, &b.job);
        check(sw_store_suspend(s) == SW_TRAP_NONE, "suspending");
    }
}

static void fill_pipe(sw_loop_job *job)
{
    (void)job;
    size_t done;
    check(sw_pipe_write(&b.pipe, (sw_bytes){(const uint8_t *)"x", 1}, &done) == SW_OK, "pipe");
}

static void wait_for_pipe(sw_store *s, void *arg)
{
    (void)arg;
    for (int i = 0; i < TIMES; i++) {
        uint8_t byte;
        sw_poll_item item = {
            .fd = -1, .source = &b.pipe.readable, .events = POLLIN, .deadline_ns = UINT64_MAX};
        sw_loop_defer(b.loop, &b.job);
        check(sw_poll_wait(s, &item, 1) == SW_TRAP_NONE, "waiting");
        check(sw_pipe_read(&b.pipe, &byte, 1) == 1, "reading");
    }
}

static void fill_socket(sw_loop_job *job)
{
    (void)job;
    check(write(b.fds[1], "x", 1) == 1, "socket");
}

static void wait_for_socket(sw_store *s, void *arg)
{
    (void)arg;
    for (int i = 0; i < TIMES; i++) {
        uint8_t byte;
        sw_poll_item item = {.fd = b.fds[0], .events = POLLIN, .deadline_ns = UINT64_MAX};
        sw_loop_defer(b.loop, &b.job);
        check(sw_poll_wait(s, &item, 1) == SW_TRAP_NONE, "waiting");
        check(read(b.fds[0], &byte, 1) == 1, "reading");
    }
}

static void note_done(sw_store *s, void *arg)
{
    (void)s;
    (void)arg;
    b.is_done = true;
}

static void run_task(void (*fn)(sw_store *s, void *arg), sw_loop_job_fn job)
{
    b.job = (sw_loop_job){.fn = job};
    b.is_done = false;
    check(sw_store_run(b.store, &(sw_store_task){.fn = fn, .done = note_done}) == SW_OK, "task");
    while (!b.is_done) {
        sw_loop_turn(b.loop, SW_NEVER);
    }
}

static void run_suspensions(void)
{
    run_task(suspend_often, wake_store);
}

static void run_pipe_waits(void)
{
    run_task(wait_for_pipe, fill_pipe);
}

static void run_socket_waits(void)
{
    run_task(wait_for_socket, fill_socket);
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void turn_often(void)
{
    for (int i = 0; i < TIMES; i++) {
        sw_loop_turn(b.loop, 0);
    }
}

static void ignore(sw_watch *w, uint32_t events)
{
    (void)w;
    (void)events;
}

static sw_watch watches[SOCKETS];
static int sockets[SOCKETS][2];

static void ready_sockets(int count)
{
    for (int i = 0; i < count; i++) {
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[i]) == 0, "socketpair");
        check(sw_loop_watch(b.loop, &watches[i], sockets[i][0], EPOLLOUT, ignore) == SW_OK,
              "watching");
    }
}

static void close_sockets(int count)
{
    for (int i = 0; i < count; i++) {
        sw_loop_unwatch(b.loop, &watches[i]);
        (void)close(sockets[i][0]);
        (void)close(sockets[i][1]);
    }
}

static void ring(sw_loop_timer *t)
{
    (void)t;
}

static void put_off_timers(void)
{
    static sw_loop_timer timers[TIMERS];
    uint64_t now = sw_clock_deadline(60 * SW_NS_PER_S);
    for (uint64_t i = 0; i < TIMES; i++) {
        sw_loop_timer_start(b.loop, &timers[i * 7919 % TIMERS], now + i, ring);
    }
}

static void ignore_job(sw_loop_job *job)
{
    (void)job;
}

static void defer_jobs(void)
{
    sw_loop_job job = {.fn = ignore_job};
    for (int i = 0; i < TIMES; i++) {
        sw_loop_defer(b.loop, &job);
        sw_loop_cancel(b.loop, &job);
    }
}

static void post_jobs(void)
{
    sw_loop_job job = {.fn = ignore_job};
    for (int i = 0; i < TIMES; i++) {
        sw_loop_post(b.loop, &job);
        sw_loop_turn(b.loop, SW_NEVER);
    }
}

/* ---------------------------------------------------------------------------------------------- */

static void measure(const char *name, void (*run)(void), int rounds, double share)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < rounds; i++) {
        uint64_t start = sw_clock_monotonic_ns();
        run();
        best = SW_MIN(best, sw_clock_monotonic_ns() - start);
    }
    (void)printf("%s: %.1f ns\n", name, (double)best / (double)TIMES / share);
}

int main(int argc, char **argv)
{
    static const int counts[] = {1, 16, SOCKETS};
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 5;
    sw_diag diag = {0};
    check(sw_loop_new(&b.loop, &diag) == SW_OK, "loop");
    check(sw_engine_new(&diag, &b.engine) == SW_OK, "engine");
    check(sw_store_new(b.engine, &SW_STORE_LIMITS_DEFAULT, &diag, &b.store) == SW_OK, "store");
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, b.fds) == 0, "socketpair");
    sw_store_set_loop(b.store, b.loop);
    sw_pipe_init(&b.pipe, NULL, 4096);
    measure("empty task", run_empty_tasks, rounds, 1);
    measure("suspend, wake, resume", run_suspensions, rounds, 1);
    measure("wait for a pipe", run_pipe_waits, rounds, 1);
    measure("wait for a socket", run_socket_waits, rounds, 1);
    measure("empty turn", turn_often, rounds, 1);
    for (size_t i = 0; i < SW_COUNTOF(counts); i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "turn with %d ready sockets, each", counts[i]);
        ready_sockets(counts[i]);
        measure(name, turn_often, rounds, counts[i]);
        close_sockets(counts[i]);
    }
    measure("putting off a timer", put_off_timers, rounds, 1);
    measure("deferring a job, cancelling it", defer_jobs, rounds, 1);
    measure("posting a job, a turn", post_jobs, rounds, 1);
    sw_store_free(b.store);
    sw_engine_free(b.engine);
    sw_loop_free(b.loop);
    return 0;
}
