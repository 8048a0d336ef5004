/* Tasks: guests that are put aside in the middle, resumed, interrupted, made to yield. */
#include "harness.h"

#include "os/clock.h"
#include "os/thread.h"

#include <stdatomic.h>
#include <string.h>

static sw_loop *loop;
static sw_engine *engine;

/* One store with a guest:
 *   wait(x)   host.wait(x) + 1
 *   fault(x)  host.wait(x), then a load out of bounds
 *   spin(x)   counts until `stop` (memory, byte 0) is set; gives the count, at least 1
 *   again(x)  host.again(x) */
typedef struct guest {
    sw_store *store;
    sw_instance *instance;
    sw_host_func wait_func, again_func;
    bool may_go; /* what host.wait waits for */
    int waits;   /* times that host.wait suspended */
    const char *call;
    uint64_t param, result;
    sw_status status;
    int done, readies;
    bool last_was_yield;
    struct guest *other; /* host.again runs a task of it */
    uint64_t order;      /* when it was done */
} guest;

static uint64_t next_order;

static sw_trap host_wait(sw_host_func *self, sw_regs *regs)
{
    guest *g = self->env;
    (void)regs;
    while (!g->may_go) {
        sw_trap trap = sw_store_check(g->store);
        if (trap != SW_TRAP_NONE) {
            return trap;
        }
        g->waits++;
        trap = sw_store_suspend(g->store);
        if (trap != SW_TRAP_NONE) {
            return trap;
        }
    }
    return SW_TRAP_NONE;
}

static void run_call(sw_store *s, void *arg)
{
    guest *g = arg;
    sw_extern x;
    sw_value_slot in = {.i64 = g->param}, out = {.i64 = 0};
    assert_int_equal(sw_instance_find(g->instance, sw_str_of(g->call), &x), SW_OK);
    g->status = sw_call(s, x.func.cell, x.func.type, &in, &out);
    g->result = out.i64;
}

static void note_done(sw_store *s, void *arg)
{
    guest *g = arg;
    assert_ptr_equal(s, g->store);
    g->order = next_order++;
    g->done++;
}

static void start_call(guest *g, const char *name, uint64_t param)
{
    g->call = name;
    g->param = param;
    g->done = 0;
    const sw_store_task task = {.fn = run_call, .done = note_done, .arg = g};
    assert_int_equal(sw_store_run(g->store, &task), SW_OK);
}

/* In the middle of this guest's call, the other one's is started. */
static sw_trap host_again(sw_host_func *self, sw_regs *regs)
{
    guest *g = self->env;
    (void)regs;
    start_call(g->other, "wait", 7);
    assert_int_equal(g->other->done, 0);
    return SW_TRAP_NONE;
}

// clang-format off
#define SPIN                                                       \
    0x03, 0x40,                                                    \
        0x20, 1, 0x41, 1, 0x6a, 0x21, 1,                           \
        0x41, 0, 0x2d, 0, 0, 0x45, 0x0d, 0,                        \
    0x0b, 0x20, 1
// clang-format on

static sw_code *guest_code(void)
{
    harness h = {.engine = engine};
    builder b;
    builder_init(&b);
    uint32_t ii = builder_type(&b, "i:i");
    uint32_t wait = builder_import_func(&b, "host", "wait", ii);
    uint32_t again = builder_import_func(&b, "host", "again", ii);
    assert_int_equal(wait + 1, again);
    builder_memory(&b, 1, 1);
    builder_export(&b, "memory", 2, 0);
    builder_export(&b, "wait", 0, builder_func(&b, ii, "", CODE(0x20, 0, 0x10, 0, 0x41, 1, 0x6a)));
    builder_export(&b, "fault", 0,
                   builder_func(&b, ii, "", CODE(0x20, 0, 0x10, 0, 0x1a, 0x41, 0x7f, 0x28, 2, 0)));
    builder_export(&b, "spin", 0, builder_func(&b, ii, "i", CODE(SPIN)));
    builder_export(&b, "again", 0, builder_func(&b, ii, "", CODE(0x20, 0, 0x10, 1)));
    return harness_code(&h, &b);
}

static void make_guest(guest *g, sw_loop *on)
{
    static const sw_valtype i32 = SW_TYPE_I32;
    static const sw_functype ii = {
        .params = &i32, .params_count = 1, .results = &i32, .results_count = 1};
    sw_diag diag = {0};
    *g = (guest){0};
    harness_take_signals();
    assert_int_equal(sw_store_new(engine, &SW_STORE_LIMITS_DEFAULT, &diag, &g->store), SW_OK);
    sw_store_set_loop(g->store, on);
    assert_int_equal(sw_host_func_init(&g->wait_func, g->store, &ii, host_wait, g), SW_OK);
    assert_int_equal(sw_host_func_init(&g->again_func, g->store, &ii, host_again, g), SW_OK);
    sw_extern imports[] = {sw_host_func_extern(&g->wait_func), sw_host_func_extern(&g->again_func)};
    sw_code *code = guest_code();
    assert_int_equal(sw_instance_new(g->store, code, imports, &diag, &g->instance), SW_OK);
    sw_code_unref(code);
}

static void let_go(guest *g)
{
    g->may_go = true;
    sw_store_wake(g->store);
}

static int setup(void **state)
{
    int failed = harness_setup(state);
    if (failed == 0) {
        engine = ((harness *)*state)->engine;
        failed = sw_loop_new(&loop, NULL) != SW_OK;
        next_order = 0;
    }
    return failed;
}

static int teardown(void **state)
{
    sw_loop_free(loop);
    return harness_teardown(state);
}

/* ---- Running and waiting --------------------------------------------------------------------- */

static void test_without_waiting(void **state)
{
    (void)state;
    guest g;
    make_guest(&g, loop);
    g.may_go = true;
    for (int i = 0; i < 3; i++) {
        start_call(&g, "wait", 41);
        assert_int_equal(g.done, 1);
        assert_int_equal(g.status, SW_OK);
        assert_int_equal(g.result, 42);
        start_call(&g, "fault", 0);
        assert_int_equal(g.done, 1);
        assert_int_equal(g.status, SW_TRAP);
        assert_int_equal(sw_store_trap(g.store)->reason, SW_TRAP_MEMORY_OUT_OF_BOUNDS);
        assert_int_equal(sw_store_trap(g.store)->frames_count, 1);
    }
    assert_false(sw_loop_has_work(loop));
    sw_store_free(g.store);
}

enum { GUESTS = 20 };

/* Many guests wait on one thread; they end in the order they are let go. Faults are theirs. */
static void test_interleaved(void **state)
{
    (void)state;
    static guest g[GUESTS];
    for (int i = 0; i < GUESTS; i++) {
        make_guest(&g[i], loop);
        start_call(&g[i], i % 3 == 0 ? "fault" : "wait", (uint64_t)i);
        assert_int_equal(g[i].done, 0);
    }
    sw_loop_turn(loop, 0);
    for (int i = 0; i < GUESTS; i++) {
        let_go(&g[(i * 7) % GUESTS]);
        sw_store_wake(g[(i * 7) % GUESTS].store);
    }
    sw_loop_turn(loop, SW_NEVER);
    for (int i = 0; i < GUESTS; i++) {
        guest *at = &g[(i * 7) % GUESTS];
        assert_int_equal(at->done, 1);
        assert_int_equal(at->order, i);
        assert_int_equal(at->waits, 1);
        if (strcmp(at->call, "wait") == 0) {
            assert_int_equal(at->status, SW_OK);
            assert_int_equal(at->result, at->param + 1);
        } else {
            assert_int_equal(at->status, SW_TRAP);
            assert_int_equal(sw_store_trap(at->store)->reason, SW_TRAP_MEMORY_OUT_OF_BOUNDS);
        }
        sw_store_free(at->store);
    }
}

/* Woken for nothing, it waits on. */
static void test_early_wake(void **state)
{
    (void)state;
    guest g;
    make_guest(&g, loop);
    start_call(&g, "wait", 1);
    for (int i = 0; i < 3; i++) {
        sw_store_wake(g.store);
        sw_loop_turn(loop, 0);
        assert_int_equal(g.done, 0);
    }
    assert_int_equal(g.waits, 4);
    let_go(&g);
    sw_loop_turn(loop, 0);
    assert_int_equal(g.done, 1);
    sw_store_free(g.store);
}

/* A task is started from inside of another one's host function; each waits for itself. */
static void test_nested(void **state)
{
    (void)state;
    guest outer, inner;
    make_guest(&outer, loop);
    make_guest(&inner, loop);
    outer.other = &inner;
    start_call(&outer, "again", 3);
    assert_int_equal(outer.done, 1);
    assert_int_equal(outer.status, SW_OK);
    assert_int_equal(inner.done, 0);
    let_go(&inner);
    sw_loop_turn(loop, 0);
    assert_int_equal(inner.done, 1);
    assert_int_equal(inner.result, 8);
    sw_store_free(outer.store);
    sw_store_free(inner.store);
}

static void free_store(sw_store *s, void *arg)
{
    note_done(s, arg);
    sw_store_free(s);
}

static void test_freed_when_done(void **state)
{
    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        guest g;
        make_guest(&g, loop);
        g.call = "wait";
        g.may_go = waits == 0;
        const sw_store_task task = {.fn = run_call, .done = free_store, .arg = &g};
        assert_int_equal(sw_store_run(g.store, &task), SW_OK);
        assert_int_equal(g.done, !waits);
        if (waits) {
            let_go(&g);
            sw_loop_turn(loop, 0);
        }
        assert_int_equal(g.done, 1);
    }
}

static void note_ready(sw_store *s, void *arg, bool has_yielded)
{
    guest *g = arg;
    assert_ptr_equal(s, g->store);
    g->readies++;
    g->last_was_yield = has_yielded;
}

/* An owner that resumes by itself. */
static void test_own_resuming(void **state)
{
    (void)state;
    guest g;
    make_guest(&g, loop);
    g.call = "wait";
    const sw_store_task task = {.fn = run_call, .done = note_done, .ready = note_ready, .arg = &g};
    assert_int_equal(sw_store_run(g.store, &task), SW_OK);
    let_go(&g);
    let_go(&g);
    sw_loop_turn(loop, 0);
    assert_int_equal(g.readies, 1);
    assert_false(g.last_was_yield);
    assert_int_equal(g.done, 0);
    sw_store_resume(g.store);
    assert_int_equal(g.done, 1);
    sw_store_free(g.store);
}

/* What a suspended store refuses. */
static void test_busy(void **state)
{
    (void)state;
    guest g;
    make_guest(&g, loop);
    start_call(&g, "wait", 5);
    const sw_store_task task = {.fn = run_call, .arg = &g};
    assert_int_equal(sw_store_run(g.store, &task), SW_ARGUMENT);
    sw_extern x;
    sw_value_slot in = {.i64 = 0}, out;
    assert_int_equal(sw_instance_find(g.instance, SW_STR("wait"), &x), SW_OK);
    assert_int_equal(sw_call(g.store, x.func.cell, x.func.type, &in, &out), SW_TRAP);
    assert_int_equal(sw_store_trap(g.store)->reason, SW_TRAP_CANNOT_ENTER);
    let_go(&g);
    sw_loop_turn(loop, 0);
    assert_int_equal(g.done, 1);
    assert_int_equal(g.result, 6);
    sw_store_free(g.store);
}

/* ---- Calls without a task -------------------------------------------------------------------- */

typedef struct delayed {
    sw_loop_timer timer;
    guest *guest;
    sw_status status;
} delayed;

static void let_go_later(sw_loop_timer *t)
{
    let_go(SW_CONTAINER_OF(t, delayed, timer)->guest);
}

/* It turns a loop of the store's own. */
static void test_plain_call(void **state)
{
    (void)state;
    guest g;
    sw_loop *own;
    make_guest(&g, NULL);
    assert_int_equal(sw_store_need_loop(g.store, &own), SW_OK);
    for (int i = 0; i < 2; i++) {
        delayed d = {.guest = &g};
        g.may_go = false;
        g.call = i == 0 ? "wait" : "fault";
        sw_loop_timer_start(own, &d.timer, 1, let_go_later);
        run_call(g.store, &g);
        assert_int_equal(g.status, i == 0 ? SW_OK : SW_TRAP);
        assert_int_equal(g.waits, i + 1);
    }
    assert_int_equal(sw_store_trap(g.store)->reason, SW_TRAP_MEMORY_OUT_OF_BOUNDS);
    sw_store_free(g.store);
}

static void call_here(sw_loop_timer *t)
{
    delayed *d = SW_CONTAINER_OF(t, delayed, timer);
    run_call(d->guest->store, d->guest);
}

/* From inside of a callback of the loop that it would have to turn, a plain call cannot wait. */
static void test_plain_call_in_callback(void **state)
{
    (void)state;
    guest g;
    make_guest(&g, loop);
    g.call = "wait";
    delayed d = {.guest = &g};
    sw_loop_timer_start(loop, &d.timer, 1, call_here);
    sw_loop_turn(loop, 0);
    assert_int_equal(g.status, SW_TRAP);
    assert_int_equal(sw_store_trap(g.store)->reason, SW_TRAP_HOST);
    assert_non_null(strstr(sw_store_trap(g.store)->text, "event loop"));
    sw_store_free(g.store);
}

/* ---- Interruption ---------------------------------------------------------------------------- */

typedef struct meddler {
    guest *guests[2];
    bool interrupts; /* the first one; else makes all yield until told to stop */
    atomic_bool stop, has_stopped;
} meddler;

static void *meddle(void *arg)
{
    meddler *m = arg;
    do {
        sw_clock_sleep_until(sw_clock_deadline(SW_NS_PER_MS / 2));
        if (m->interrupts) {
            sw_store_interrupt(m->guests[0]->store);
            break;
        }
        for (int i = 0; i < 2 && m->guests[i] != NULL; i++) {
            sw_store_yield_soon(m->guests[i]->store);
        }
    } while (!atomic_load(&m->stop));
    atomic_store(&m->has_stopped, true);
    return NULL;
}

static void start_meddling(meddler *m)
{
    assert_int_equal(sw_thread_start_detached(meddle, m), SW_OK);
}

static void stop_meddling(meddler *m)
{
    atomic_store(&m->stop, true);
    while (!atomic_load(&m->has_stopped)) {
        sw_clock_sleep_until(sw_clock_deadline(SW_NS_PER_MS / 10));
    }
}

static void turn_until_done(guest *g)
{
    while (g->done == 0) {
        sw_loop_turn(loop, SW_NEVER);
    }
}

/* Waiting or spinning, in a task or not. */
static void test_interrupted(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        guest g;
        bool is_task = i % 2 == 0;
        make_guest(&g, is_task ? loop : NULL);
        meddler m = {.guests = {&g}, .interrupts = true};
        start_meddling(&m);
        g.call = i < 2 ? "wait" : "spin";
        if (is_task) {
            start_call(&g, g.call, 0);
            turn_until_done(&g);
        } else {
            run_call(g.store, &g);
        }
        assert_int_equal(g.status, SW_TRAP);
        assert_int_equal(sw_store_trap(g.store)->reason, SW_TRAP_INTERRUPTED);
        stop_meddling(&m);
        sw_store_free(g.store);
    }
}

static void test_deadline(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        guest g;
        bool is_task = i % 2 == 0;
        make_guest(&g, is_task ? loop : NULL);
        assert_int_equal(sw_store_set_deadline(g.store, sw_clock_deadline(2 * SW_NS_PER_MS)),
                         SW_OK);
        g.call = i < 2 ? "wait" : "spin";
        if (is_task) {
            start_call(&g, g.call, 0);
            turn_until_done(&g);
        } else {
            run_call(g.store, &g);
        }
        assert_int_equal(g.status, SW_TRAP);
        assert_int_equal(sw_store_trap(g.store)->reason, SW_TRAP_DEADLINE);
        sw_store_free(g.store);
    }
}

/* ---- Yielding -------------------------------------------------------------------------------- */

static uint8_t *stop_byte(guest *g)
{
    sw_extern x;
    assert_int_equal(sw_instance_find(g->instance, SW_STR("memory"), &x), SW_OK);
    return sw_memory_get_view(x.memory)->base;
}

typedef struct rounds {
    sw_loop_job job;
    guest *guests[2];
    int left;
} rounds;

/* Runs once a turn, between the guests; then stops them. */
static void count_round(sw_loop_job *job)
{
    rounds *r = SW_CONTAINER_OF(job, rounds, job);
    if (--r->left > 0) {
        sw_loop_defer_next(loop, job);
        return;
    }
    for (int i = 0; i < 2; i++) {
        *stop_byte(r->guests[i]) = 1;
    }
}

/* Two guests that never wait, and a job, share a thread. */
static void test_yielding(void **state)
{
    (void)state;
    guest a, b;
    make_guest(&a, loop);
    make_guest(&b, loop);
    rounds r = {
        .job.fn = count_round, .guests = {&a, &b},
             .left = 20
    };
    meddler m = {
        .guests = {&a, &b}
    };
    sw_loop_defer(loop, &r.job);
    start_meddling(&m);
    start_call(&a, "spin", 0);
    assert_int_equal(a.done, 0);
    start_call(&b, "spin", 0);
    assert_int_equal(b.done, 0);
    turn_until_done(&a);
    turn_until_done(&b);
    stop_meddling(&m);
    assert_int_equal(r.left, 0);
    assert_int_equal(a.status, SW_OK);
    assert_int_equal(b.status, SW_OK);
    assert_true(a.result > 0 && b.result > 0);
    sw_store_free(a.store);
    sw_store_free(b.store);
}

/* With nobody else to run, a guest asked to yield runs on: until its deadline here, which nothing
 * but the asking makes it notice. A guest outside of a task takes no notice of being asked. */
static void test_deadline_at_yield(void **state)
{
    (void)state;
    guest g;
    make_guest(&g, loop);
    meddler m = {.guests = {&g}};
    start_meddling(&m);
    sw_store_set_deadline_at_yield(g.store, sw_clock_deadline(3 * SW_NS_PER_MS));
    start_call(&g, "spin", 0);
    assert_int_equal(g.done, 1);
    assert_int_equal(g.status, SW_TRAP);
    assert_int_equal(sw_store_trap(g.store)->reason, SW_TRAP_DEADLINE);
    sw_store_set_deadline_at_yield(g.store, 0);
    *stop_byte(&g) = 1;
    start_call(&g, "spin", 0);
    assert_int_equal(g.status, SW_OK);
    g.call = "spin";
    run_call(g.store, &g);
    assert_int_equal(g.status, SW_OK);
    stop_meddling(&m);
    sw_store_free(g.store);
}

/* Asked by the thread itself, as a signal's handler would. */
static sw_trap yields_here(sw_host_func *self, sw_regs *regs)
{
    (void)self;
    (void)regs;
    sw_store_yield_here();
    return SW_TRAP_NONE;
}

static void stop_spinning(sw_loop_job *job)
{
    rounds *r = SW_CONTAINER_OF(job, rounds, job);
    *stop_byte(r->guests[0]) = 1;
}

static void test_yield_here(void **state)
{
    (void)state;
    guest g;
    make_guest(&g, loop);
    sw_store_yield_here();
    g.wait_func.entry = yields_here;
    rounds r = {.job.fn = stop_spinning, .guests = {&g}};
    sw_loop_defer(loop, &r.job);
    const sw_store_task task = {.fn = run_call, .done = note_done, .ready = note_ready, .arg = &g};
    g.call = "wait";
    assert_int_equal(sw_store_run(g.store, &task), SW_OK);
    assert_int_equal(g.done, 1);
    g.call = "spin";
    assert_int_equal(sw_store_run(g.store, &task), SW_OK);
    assert_int_equal(g.readies, 1);
    assert_true(g.last_was_yield);
    assert_int_equal(g.done, 1);
    sw_loop_turn(loop, 0);
    sw_store_resume(g.store);
    assert_int_equal(g.done, 2);
    sw_store_free(g.store);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void test_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 20; n++) {
        guest g;
        make_guest(&g, NULL);
        g.may_go = true;
        g.call = "wait";
        const sw_store_task task = {.fn = run_call, .done = note_done, .arg = &g};
        sw_memory_fail_at(n);
        sw_status st = sw_store_run(g.store, &task);
        bool failed = sw_memory_failed();
        sw_memory_fail_at(0);
        assert_int_equal(st, failed ? SW_NO_MEMORY : SW_OK);
        assert_int_equal(g.done, !failed);
        sw_store_free(g.store);
        if (!failed) {
            return;
        }
    }
    fail_msg("never succeeded");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_without_waiting),
        TEST(test_interleaved),
        TEST(test_early_wake),
        TEST(test_nested),
        TEST(test_freed_when_done),
        TEST(test_own_resuming),
        TEST(test_busy),
        TEST(test_plain_call),
        TEST(test_plain_call_in_callback),
        TEST(test_interrupted),
        TEST(test_deadline),
        TEST(test_yielding),
        TEST(test_deadline_at_yield),
        TEST(test_yield_here),
        TEST(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
