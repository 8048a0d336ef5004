/* The loop: descriptors, timers, jobs, and what callbacks may do to each other. */
#include "os/clock.h"
#include "os/loop.h"
#include "os/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { COUNT = 300 };

static sw_loop *loop;

static int setup(void **state)
{
    (void)state;
    sw_diag diag = {0};
    return sw_loop_new(&loop, &diag) == SW_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    sw_loop_free(loop);
    return 0;
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

typedef struct socket_end {
    sw_watch watch;
    int calls;
    uint32_t events; /* of the last call */
    struct socket_end *removes[2];
} socket_end;

static void note(sw_watch *w, uint32_t events)
{
    socket_end *s = SW_CONTAINER_OF(w, socket_end, watch);
    s->calls++;
    s->events = events;
    for (int i = 0; i < 2; i++) {
        if (s->removes[i] != NULL) {
            sw_loop_unwatch(loop, &s->removes[i]->watch);
        }
    }
}

static void make_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

static void close_pair(const int fds[2])
{
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void send_byte(int fd)
{
    assert_int_equal(write(fd, "x", 1), 1);
}

static void receive_byte(int fd)
{
    char byte;
    assert_int_equal(read(fd, &byte, 1), 1);
}

static void levels_and_edges(void **state)
{
    (void)state;
    int fds[2];
    socket_end level = {0}, edge = {0};
    make_pair(fds);
    assert_int_equal(sw_loop_watch(loop, &level.watch, fds[0], EPOLLIN, note), SW_OK);
    sw_loop_turn(loop, 0);
    assert_int_equal(level.calls, 0);
    send_byte(fds[1]);
    sw_loop_turn(loop, SW_NEVER);
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(level.calls, 2);
    assert_int_equal(level.events, EPOLLIN);
    sw_loop_unwatch(loop, &level.watch);
    sw_loop_unwatch(loop, &level.watch);

    assert_int_equal(sw_loop_watch(loop, &edge.watch, fds[0], EPOLLIN | EPOLLOUT | EPOLLET, note),
                     SW_OK);
    sw_loop_turn(loop, SW_NEVER);
    sw_loop_turn(loop, 0);
    assert_int_equal(edge.calls, 1);
    assert_int_equal(edge.events, EPOLLIN | EPOLLOUT);
    assert_true(sw_loop_rewatch(loop, &edge.watch, EPOLLIN | EPOLLET));
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(edge.calls, 2);
    sw_loop_unwatch(loop, &edge.watch);
    close_pair(fds);
}

/* A watch may ask for nothing, from the start or for a while. */
static void no_events_for_a_while(void **state)
{
    (void)state;
    int fds[2];
    make_pair(fds);
    send_byte(fds[1]);
    for (uint32_t first = 0; first <= EPOLLIN; first += EPOLLIN) {
        socket_end s = {0};
        assert_int_equal(sw_loop_watch(loop, &s.watch, fds[0], first, note), SW_OK);
        for (int i = 1; i <= 3; i++) {
            assert_true(sw_loop_rewatch(loop, &s.watch, 0));
            sw_loop_turn(loop, 0);
            assert_int_equal(s.calls, i - 1);
            assert_true(sw_loop_rewatch(loop, &s.watch, EPOLLIN));
            sw_loop_turn(loop, 0);
            assert_int_equal(s.calls, i);
        }
        sw_loop_unwatch(loop, &s.watch);
    }
    close_pair(fds);
}

/* Each watch of a descriptor hears what it asked for. */
static void several_watches(void **state)
{
    (void)state;
    int fds[2];
    socket_end in = {0}, out = {0};
    make_pair(fds);
    assert_int_equal(sw_loop_watch(loop, &in.watch, fds[0], EPOLLIN, note), SW_OK);
    assert_int_equal(sw_loop_watch(loop, &out.watch, fds[0], EPOLLOUT, note), SW_OK);
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(in.calls, 0);
    assert_int_equal(out.calls, 1);
    sw_loop_unwatch(loop, &out.watch);
    send_byte(fds[1]);
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(in.calls, 1);
    assert_int_equal(out.calls, 1);
    (void)close(fds[1]);
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(in.events, EPOLLIN | EPOLLHUP);
    sw_loop_unwatch(loop, &in.watch);
    (void)close(fds[0]);
}

/* Of two watches that are ready at once, the one called first takes the other one away: those of
 * one descriptor, and of two. */
static void unwatched_in_a_callback(void **state)
{
    (void)state;
    for (int same = 0; same < 2; same++) {
        int fds[2], others[2];
        socket_end a = {0}, b = {0};
        make_pair(fds);
        make_pair(others);
        a.removes[0] = b.removes[0] = &a;
        a.removes[1] = b.removes[1] = &b;
        send_byte(fds[1]);
        send_byte(others[1]);
        assert_int_equal(sw_loop_watch(loop, &a.watch, fds[0], EPOLLIN, note), SW_OK);
        assert_int_equal(sw_loop_watch(loop, &b.watch, same ? fds[0] : others[0], EPOLLIN, note),
                         SW_OK);
        sw_loop_turn(loop, SW_NEVER);
        sw_loop_turn(loop, 0);
        assert_int_equal(a.calls + b.calls, 1);
        close_pair(fds);
        close_pair(others);
    }
}

typedef struct replacer {
    sw_watch watch;
    int fd; /* of the other one; a quiet descriptor takes its number */
    int quiet;
    sw_watch *other;
    socket_end *fresh;
} replacer;

static void replace(sw_watch *w, uint32_t events)
{
    (void)events;
    replacer *r = SW_CONTAINER_OF(w, replacer, watch);
    sw_loop_unwatch(loop, r->other);
    assert_int_equal(dup2(r->quiet, r->fd), r->fd);
    assert_int_equal(sw_loop_watch(loop, &r->fresh->watch, r->fd, EPOLLIN, note), SW_OK);
    sw_loop_unwatch(loop, w);
}

/* An event that was fetched for a descriptor is not told to who reuses its number. */
static void a_reused_number(void **state)
{
    (void)state;
    int first[2], second[2], quiet[2];
    socket_end fresh = {0};
    make_pair(first);
    make_pair(second);
    make_pair(quiet);
    replacer a = {.fd = second[0], .quiet = quiet[0], .fresh = &fresh};
    replacer b = {.fd = first[0], .quiet = quiet[0], .fresh = &fresh};
    a.other = &b.watch;
    b.other = &a.watch;
    send_byte(first[1]);
    send_byte(second[1]);
    assert_int_equal(sw_loop_watch(loop, &a.watch, first[0], EPOLLIN, replace), SW_OK);
    assert_int_equal(sw_loop_watch(loop, &b.watch, second[0], EPOLLIN, replace), SW_OK);
    sw_loop_turn(loop, SW_NEVER);
    sw_loop_turn(loop, 0);
    assert_non_null(fresh.watch.fn);
    assert_int_equal(fresh.calls, 0);
    send_byte(quiet[1]);
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(fresh.calls, 1);
    sw_loop_unwatch(loop, &fresh.watch);
    close_pair(first);
    close_pair(second);
    close_pair(quiet);
}

static void what_cannot_be_polled(void **state)
{
    (void)state;
    char path[] = "/tmp/swell-loop-XXXXXX";
    int fd = mkstemp(path);
    socket_end s = {0}, t = {0};
    assert_true(fd >= 0);
    (void)unlink(path);
    assert_int_equal(sw_loop_watch(loop, &s.watch, fd, EPOLLIN, note), SW_OK);
    sw_loop_turn(loop, SW_NEVER);
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(s.calls, 2);
    assert_true(sw_loop_has_work(loop));
    sw_loop_unwatch(loop, &s.watch);
    assert_false(sw_loop_has_work(loop));
    (void)close(fd);
    assert_int_equal(sw_loop_watch(loop, &t.watch, fd, EPOLLIN, note), SW_IO);
    assert_int_equal(sw_loop_watch(loop, &t.watch, -1, EPOLLIN, note), SW_IO);
    assert_null(t.watch.fn);
}

/* More ready descriptors than one fetch holds. */
static void many_descriptors(void **state)
{
    (void)state;
    static int fds[COUNT][2];
    static socket_end ends[COUNT];
    for (int i = 0; i < COUNT; i++) {
        make_pair(fds[i]);
        assert_int_equal(sw_loop_watch(loop, &ends[i].watch, fds[i][0], EPOLLIN | EPOLLET, note),
                         SW_OK);
        send_byte(fds[i][1]);
    }
    sw_loop_turn(loop, 0);
    sw_loop_turn(loop, 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(ends[i].calls, 1);
        sw_loop_unwatch(loop, &ends[i].watch);
        close_pair(fds[i]);
    }
}

/* ---- Timers ---------------------------------------------------------------------------------- */

typedef struct wakeup {
    sw_loop_timer timer;
    int rank, calls;
    uint64_t again_ns; /* restarts for this long after now; 0: does not */
} wakeup;

static int next_rank;

static void on_alarm(sw_loop_timer *t)
{
    wakeup *a = SW_CONTAINER_OF(t, wakeup, timer);
    assert_true(sw_loop_now(loop) >= t->deadline_ns);
    assert_int_equal(a->rank, next_rank);
    next_rank++;
    a->calls++;
}

static void run_until_calls(const int *calls, int wanted)
{
    while (*calls < wanted) {
        sw_loop_turn(loop, SW_NEVER);
    }
}

static void timers_in_order(void **state)
{
    (void)state;
    static wakeup alarms[COUNT];
    uint64_t start = sw_clock_deadline(3 * SW_NS_PER_MS);
    next_rank = 0;
    for (int i = 0; i < COUNT; i++) {
        alarms[i].rank = (i * 37) % COUNT;
        uint64_t due = start + (uint64_t)alarms[i].rank * 10000;
        uint64_t first = i % 3 == 0 ? due : i % 3 == 1 ? start - SW_NS_PER_MS : due + SW_NS_PER_S;
        sw_loop_timer_start(loop, &alarms[i].timer, first, on_alarm);
        sw_loop_timer_start(loop, &alarms[i].timer, due, on_alarm);
    }
    run_until_calls(&next_rank, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(alarms[i].calls, 1);
    }
    assert_false(sw_loop_has_work(loop));
}

static void stopped_timers(void **state)
{
    (void)state;
    wakeup a = {0}, b = {0}, c = {.rank = 0};
    next_rank = 0;
    sw_loop_timer_stop(loop, &a.timer);
    sw_loop_timer_start(loop, &a.timer, 1, on_alarm);
    sw_loop_timer_start(loop, &b.timer, 2, on_alarm);
    sw_loop_timer_start(loop, &c.timer, 3, on_alarm);
    assert_true(sw_loop_has_work(loop));
    sw_loop_timer_stop(loop, &a.timer);
    sw_loop_timer_start(loop, &b.timer, SW_NEVER, on_alarm);
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(a.calls + b.calls, 0);
    assert_int_equal(c.calls, 1);
}

static void restart(sw_loop_timer *t)
{
    wakeup *a = SW_CONTAINER_OF(t, wakeup, timer);
    a->calls++;
    sw_loop_timer_start(loop, t, 1, restart);
}

/* A timer that starts itself for a time that has passed does not hold the turn. */
static void restarting_timer(void **state)
{
    (void)state;
    wakeup a = {0};
    sw_loop_timer_start(loop, &a.timer, 1, restart);
    sw_loop_turn(loop, SW_NEVER);
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(a.calls, 2);
    sw_loop_timer_stop(loop, &a.timer);
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

typedef struct task {
    sw_loop_job job;
    int calls, order;
    struct task *defers, *defers_next, *cancels;
} task;

static int next_order;

static void run_task(sw_loop_job *job)
{
    task *t = SW_CONTAINER_OF(job, task, job);
    t->calls++;
    t->order = next_order++;
    if (t->defers != NULL) {
        sw_loop_defer(loop, &t->defers->job);
    }
    if (t->defers_next != NULL) {
        sw_loop_defer_next(loop, &t->defers_next->job);
    }
    if (t->cancels != NULL) {
        sw_loop_cancel(loop, &t->cancels->job);
    }
}

#define TASK(...) {.job.fn = run_task, __VA_ARGS__}

static void jobs_in_order(void **state)
{
    (void)state;
    task cancelled = TASK(), last = TASK(), later = TASK();
    task first = TASK(.defers = &last, .defers_next = &later, .cancels = &cancelled);
    task second = TASK(), posted = TASK(), unposted = TASK(), unnexted = TASK();
    next_order = 0;
    later.defers_next = &later;
    sw_loop_defer(loop, &first.job);
    sw_loop_defer(loop, &first.job);
    sw_loop_defer(loop, &second.job);
    sw_loop_defer(loop, &cancelled.job);
    sw_loop_post(loop, &posted.job);
    sw_loop_post(loop, &unposted.job);
    sw_loop_defer_next(loop, &unnexted.job);
    sw_loop_cancel(loop, &unposted.job);
    sw_loop_cancel(loop, &unnexted.job);
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(first.order, 0);
    assert_int_equal(second.order, 1);
    assert_int_equal(posted.order, 2);
    assert_int_equal(last.order, 3);
    assert_int_equal(next_order, 4);
    assert_int_equal(cancelled.calls + unposted.calls + unnexted.calls + later.calls, 0);
    sw_loop_turn(loop, SW_NEVER);
    assert_int_equal(later.calls, 1);
    sw_loop_cancel(loop, &later.job);
    sw_loop_turn(loop, 0);
    assert_int_equal(later.calls, 1);
}

enum { POSTS = 20000, POSTERS = 4 };

typedef struct poster {
    sw_loop_job job;
    atomic_int wanted; /* written before each post */
    int seen;
} poster;

static poster posters[POSTERS];
static atomic_int posters_done;

static void on_post(sw_loop_job *job)
{
    poster *p = SW_CONTAINER_OF(job, poster, job);
    p->seen = atomic_load_explicit(&p->wanted, memory_order_relaxed);
}

/* The loop must outlive whoever is inside of sw_loop_post. */
static void await_posters(int count)
{
    while (atomic_load(&posters_done) != count) {
        sw_clock_sleep_until(sw_clock_deadline(SW_NS_PER_MS));
    }
    atomic_store(&posters_done, 0);
}

static void *post_often(void *arg)
{
    poster *p = arg;
    for (int i = 1; i <= POSTS; i++) {
        atomic_store_explicit(&p->wanted, i, memory_order_relaxed);
        sw_loop_post(loop, &p->job);
    }
    atomic_fetch_add(&posters_done, 1);
    return NULL;
}

/* No post is lost: after the last one its job runs. */
static void posts_from_threads(void **state)
{
    (void)state;
    for (int i = 0; i < POSTERS; i++) {
        posters[i].job.fn = on_post;
        assert_int_equal(sw_thread_start_detached(post_often, &posters[i]), SW_OK);
    }
    bool all;
    do {
        sw_loop_turn(loop, SW_NEVER);
        all = true;
        for (int i = 0; i < POSTERS; i++) {
            all = all && posters[i].seen == POSTS;
        }
    } while (!all);
    await_posters(POSTERS);
}

static void stop(sw_loop_job *job)
{
    (void)job;
    assert_true(sw_loop_is_turning(loop));
    sw_loop_stop(loop);
}

static void *post_once(void *arg)
{
    sw_loop_post(loop, arg);
    atomic_fetch_add(&posters_done, 1);
    return NULL;
}

static void run_until_stopped(void **state)
{
    (void)state;
    sw_loop_job job = {.fn = stop};
    assert_int_equal(sw_thread_start_detached(post_once, &job), SW_OK);
    sw_loop_run(loop);
    await_posters(1);
    assert_false(sw_loop_is_turning(loop));
}

/* ---- Looking ahead --------------------------------------------------------------------------- */

typedef struct looker {
    sw_watch watch;
    int peer, calls;
    bool before, after;
} looker;

static void look_ahead(sw_watch *w, uint32_t events)
{
    (void)events;
    looker *l = SW_CONTAINER_OF(w, looker, watch);
    l->calls++;
    receive_byte(w->fd);
    l->before = sw_loop_has_work(loop);
    if (l->calls == 1) {
        send_byte(l->peer);
    }
    l->after = sw_loop_has_work(loop);
}

/* What has_work has fetched in the middle of a turn is told in that turn or the next. */
static void looking_ahead(void **state)
{
    (void)state;
    int fds[2];
    make_pair(fds);
    looker l = {.peer = fds[1]};
    assert_int_equal(sw_loop_watch(loop, &l.watch, fds[0], EPOLLIN | EPOLLET, look_ahead), SW_OK);
    send_byte(fds[1]);
    assert_true(sw_loop_has_work(loop));
    sw_loop_turn(loop, 0);
    assert_int_equal(l.calls, 1);
    assert_false(l.before);
    assert_true(l.after);
    sw_loop_turn(loop, 0);
    assert_int_equal(l.calls, 2);
    assert_false(l.after);
    sw_loop_unwatch(loop, &l.watch);
    close_pair(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(levels_and_edges, setup, teardown),
        cmocka_unit_test_setup_teardown(no_events_for_a_while, setup, teardown),
        cmocka_unit_test_setup_teardown(several_watches, setup, teardown),
        cmocka_unit_test_setup_teardown(unwatched_in_a_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reused_number, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_polled, setup, teardown),
        cmocka_unit_test_setup_teardown(many_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(timers_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_timers, setup, teardown),
        cmocka_unit_test_setup_teardown(restarting_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(jobs_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(posts_from_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(run_until_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(looking_ahead, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
