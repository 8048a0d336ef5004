/* Each kind of trap, with its frames; faults that are not the guest's; running on after a trap. */
#include "harness.h"

#include "os/clock.h"

#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

typedef struct row {
    const char *name;
    sw_trap reason;
    sw_bytes code; /* of a function (i32) -> i32 */
} row;

#define ROW(name, reason, ...) {name, SW_TRAP_##reason, CODE(__VA_ARGS__)}

/* Table 0: null, a function (i32) -> i32, one () -> (). */
// clang-format off
static const row ROWS[] = {
    ROW("unreachable", UNREACHABLE, 0x00),
    ROW("load at the end", MEMORY_OUT_OF_BOUNDS, 0x41, 0xfd, 0xff, 0x03, 0x28, 2, 0),
    ROW("load far out", MEMORY_OUT_OF_BOUNDS, 0x41, 0x7f, 0x28, 2, 0xff, 0xff, 0xff, 0xff, 0x0f),
    ROW("store", MEMORY_OUT_OF_BOUNDS, 0x41, 0x80, 0x80, 4, 0x41, 1, 0x36, 2, 0, 0x41, 0),
    ROW("fill", MEMORY_OUT_OF_BOUNDS, 0x41, 0, 0x41, 0, 0x41, 0x81, 0x80, 4, 0xfc, 11, 0, 0x41, 0),
    ROW("copy", MEMORY_OUT_OF_BOUNDS, 0x41, 1, 0x41, 0, 0x41, 0x80, 0x80, 4, 0xfc, 10, 0, 0, 0x41, 0),
    ROW("init", MEMORY_OUT_OF_BOUNDS, 0x41, 0, 0x41, 0, 0x41, 1, 0xfc, 8, 0, 0, 0x41, 0),
    ROW("table.init", TABLE_OUT_OF_BOUNDS, 0x41, 2, 0x41, 0, 0x41, 2, 0xfc, 12, 1, 0, 0x41, 0),
    ROW("call past the end", UNDEFINED_ELEMENT, 0x41, 0, 0x41, 3, 0x11, 0, 0),
    ROW("call of null", NULL_ELEMENT, 0x41, 0, 0x41, 0, 0x11, 0, 0),
    ROW("call of another type", INDIRECT_CALL_TYPE, 0x41, 0, 0x41, 2, 0x11, 0, 0),
    ROW("overflow", INTEGER_OVERFLOW, 0x41, 0x80, 0x80, 0x80, 0x80, 0x78, 0x20, 0, 0x6d),
    ROW("division by zero", DIVISION_BY_ZERO, 0x41, 1, 0x41, 0, 0x6d),
    ROW("remainder by zero", DIVISION_BY_ZERO, 0x41, 1, 0x41, 0, 0x70),
    ROW("conversion of a nan", INVALID_CONVERSION, 0x43, 0, 0, 0xc0, 0x7f, 0xa8),
    ROW("conversion of 2^40", INTEGER_OVERFLOW, 0x43, 0, 0, 0x80, 0x53, 0xa8),
};
// clang-format on

static uint32_t build_row(builder *b, const row *r)
{
    builder_init(b);
    uint32_t t = builder_type(b, "i:i");
    uint32_t nothing = builder_type(b, ":");
    uint32_t inner = builder_func(b, t, "", r->code);
    uint32_t outer = builder_func(b, t, "", CODE(0x20, 0, 0x10, 0, 0x41, 1, 0x6a));
    uint32_t other = builder_func(b, nothing, "", CODE(0x01));
    builder_table(b, 'r', 3, 3);
    builder_memory(b, 1, 1);
    builder_elem(b, 1, (uint32_t[]){inner, other}, 2);
    builder_passive_elem(b, (uint32_t[]){inner, other}, 2);
    builder_data(b, 0, SW_STR("x"));
    builder_export(b, "f", 0, outer);
    builder_names(b, inner, "inner");
    return inner;
}

static void test_kinds(void **state)
{
    harness *h = *state;
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        builder b;
        uint32_t inner = build_row(&b, &ROWS[i]);
        sw_instance *instance = harness_instance(h, &b, NULL);
        for (int repeat = 0; repeat < 2; repeat++) {
            harness_expect_trap(h, instance, "f", UINT32_MAX, ROWS[i].reason);
            const sw_trap_info *t = sw_store_trap(h->store);
            if (t->frames_count != 2) {
                print_error("%s: %u frames\n", ROWS[i].name, t->frames_count);
            }
            assert_int_equal(t->frames_count, 2);
            assert_int_equal(t->frames[0].func, inner);
            assert_int_equal(t->frames[1].func, inner + 1);
            assert_string_equal(t->text, sw_trap_text(ROWS[i].reason));
            assert_true(t->frames[0].module_offset != SW_NO_OFFSET);
            assert_true(t->frames[1].module_offset != SW_NO_OFFSET);
            assert_true(t->frames[0].module_offset < t->frames[1].module_offset);
            assert_true(sw_str_eq(sw_code_func_name(t->frames[0].code, inner), SW_STR("inner")));
            assert_true(sw_str_eq(sw_code_func_name(t->frames[1].code, inner + 1), SW_STR("f")));
        }
    }
}

/* f(n): n == 0 ? 0 : f(n - 1) + 1 */
static sw_instance *recursive(harness *h)
{
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "i:i");
    uint32_t f = builder_func(&b, t, "",
                              CODE(0x20, 0, 0x04, 0x7f, 0x20, 0, 0x41, 1, 0x6b, 0x10, 0, 0x41, 1,
                                   0x6a, 0x05, 0x41, 0, 0x0b));
    builder_export(&b, "f", 0, f);
    return harness_instance(h, &b, NULL);
}

static void test_stack_exhaustion(void **state)
{
    harness *h = *state;
    sw_instance *i = recursive(h);
    assert_int_equal(harness_get(h, i, "f", 1000), 1000);
    for (int repeat = 0; repeat < 3; repeat++) {
        harness_expect_trap(h, i, "f", UINT32_MAX, SW_TRAP_STACK_EXHAUSTED);
        const sw_trap_info *t = sw_store_trap(h->store);
        assert_int_equal(t->frames_count, SW_MAX_FRAMES);
        assert_true(t->frames_dropped > 1000);
        assert_int_equal(t->frames[SW_MAX_FRAMES - 1].func, 0);
    }
    assert_int_equal(harness_get(h, i, "f", 1000), 1000);
}

static void test_small_stack(void **state)
{
    harness *h = *state;
    sw_store_limits limits = SW_STORE_LIMITS_DEFAULT;
    limits.stack_bytes = 256 * 1024;
    harness_restart(h, &limits);
    harness_expect_trap(h, recursive(h), "f", UINT32_MAX, SW_TRAP_STACK_EXHAUSTED);
    assert_true(sw_store_trap(h->store)->frames_dropped < 16 * 1024);
}

/* ---- Interruption ---------------------------------------------------------------------------- */

static sw_instance *endless(harness *h)
{
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "i:i");
    uint32_t f = builder_func(&b, t, "", CODE(0x03, 0x40, 0x0c, 0, 0x0b, 0x00));
    builder_export(&b, "f", 0, f);
    return harness_instance(h, &b, NULL);
}

static void test_deadline(void **state)
{
    harness *h = *state;
    sw_instance *i = endless(h);
    uint64_t soon = sw_clock_monotonic_ns() + 10 * SW_NS_PER_MS;
    assert_int_equal(sw_store_set_deadline(h->store, soon), SW_OK);
    assert_int_equal(sw_store_deadline(h->store), soon);
    harness_expect_trap(h, i, "f", 0, SW_TRAP_DEADLINE);
    assert_true(sw_clock_monotonic_ns() >= soon);
    assert_int_equal(sw_store_trap(h->store)->frames_count, 1);
    /* It stays passed, for new instances too. */
    harness_expect_trap(h, i, "f", 0, SW_TRAP_DEADLINE);
    harness_expect_trap(h, endless(h), "f", 0, SW_TRAP_DEADLINE);
    assert_int_equal(sw_store_set_deadline(h->store, 0), SW_OK);
    sw_store_interrupt(h->store);
    harness_expect_trap(h, i, "f", 0, SW_TRAP_INTERRUPTED);
}

/* f(n): n == 0 ? 0 : f(n - 1) + f(n - 1): no loop, shallow, and longer than the world will last. */
static void test_deadline_without_loops(void **state)
{
    harness *h = *state;
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "i:i");
    uint32_t f = builder_func(&b, t, "",
                              CODE(0x20, 0, 0x04, 0x7f, 0x20, 0, 0x41, 1, 0x6b, 0x10, 0, 0x20, 0,
                                   0x41, 1, 0x6b, 0x10, 0, 0x6a, 0x05, 0x41, 1, 0x0b));
    builder_export(&b, "f", 0, f);
    sw_instance *i = harness_instance(h, &b, NULL);
    assert_int_equal(harness_get(h, i, "f", 10), 1024);
    uint64_t soon = sw_clock_monotonic_ns() + 10 * SW_NS_PER_MS;
    assert_int_equal(sw_store_set_deadline(h->store, soon), SW_OK);
    harness_expect_trap(h, i, "f", 100, SW_TRAP_DEADLINE);
    assert_true(sw_store_trap(h->store)->frames_count > 50);
    assert_int_equal(sw_store_set_deadline(h->store, 0), SW_OK);
    assert_int_equal(harness_get(h, i, "f", 10), 1024);
}

static void *interrupt_soon(void *store)
{
    sw_clock_sleep_until(sw_clock_monotonic_ns() + 5 * SW_NS_PER_MS);
    sw_store_interrupt(store);
    return NULL;
}

static void test_interrupt(void **state)
{
    harness *h = *state;
    sw_instance *i = endless(h);
    for (int repeat = 0; repeat < 3; repeat++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, h->store), 0);
        harness_expect_trap(h, i, "f", 0, SW_TRAP_INTERRUPTED);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    /* Once answered, it is gone. */
    sw_instance *r = recursive(h);
    assert_int_equal(harness_get(h, r, "f", 10), 10);
}

/* A loop of memory.fill of 1 GiB ends soon after the deadline, and no byte is half done. */
static void test_deadline_in_bulk(void **state)
{
    harness *h = *state;
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "i:i");
    uint32_t f = builder_func(
        &b, t, "", CODE(0x41, 0, 0x20, 0, 0x41, 0x80, 0x80, 0x80, 0x80, 1, 0xfc, 11, 0, 0x41, 0));
    builder_memory(&b, 4096, 4096);
    builder_export(&b, "f", 0, f);
    sw_instance *i = harness_instance(h, &b, NULL);
    assert_int_equal(sw_store_set_deadline(h->store, 1), SW_OK);
    harness_expect_trap(h, i, "f", 7, SW_TRAP_DEADLINE);
    assert_int_equal(sw_store_set_deadline(h->store, 0), SW_OK);
}

/* ---- Faults of the host ---------------------------------------------------------------------- */

static sw_trap crash_entry(sw_host_func *self, sw_regs *regs)
{
    (void)self;
    *(volatile uint64_t *)(uintptr_t)regs->ints[0] = 1;
    return SW_TRAP_NONE;
}

/* Runs alone in a process (cmocka has its own handler): 3 if the fault passes for a trap. */
static int crash(void)
{
    void *state;
    (void)harness_setup(&state);
    harness *h = state;
    builder b;
    builder_init(&b);
    uint32_t t = builder_type(&b, "i:");
    (void)builder_import_func(&b, "env", "f", t);
    builder_export(&b, "f", 0, builder_func(&b, t, "", CODE(0x20, 0, 0x10, 0)));
    static const sw_valtype I32 = SW_TYPE_I32;
    static const sw_functype TYPE = {&I32, NULL, 1, 0};
    sw_host_func f;
    sw_status st = sw_host_func_init(&f, h->store, &TYPE, crash_entry, NULL);
    sw_extern import = sw_host_func_extern(&f);
    sw_instance *i = harness_instance(h, &b, &import);
    uint64_t result, address = 64;
    return st == SW_OK && harness_call(h, i, "f", &address, &result) == SW_TRAP ? 3 : 4;
}

/* A fault in a host function is the program's own: the process dies of it. */
static void test_host_fault(void **state)
{
    (void)state;
    char *const arguments[] = {(char *)(uintptr_t)"trap_test", (char *)(uintptr_t)"crash", NULL};
    char *const environment[] = {NULL};
    pid_t child;
    assert_int_equal(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environment), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) < 3 || WEXITSTATUS(status) > 4);
}

/* ---- Many threads ---------------------------------------------------------------------------- */

static void *trap_often(void *engine)
{
    sw_diag diag = {};
    harness h = {.engine = engine};
    if (sw_store_new(engine, &SW_STORE_LIMITS_DEFAULT, &diag, &h.store) != SW_OK) {
        return NULL;
    }
    sw_instance *i = recursive(&h);
    for (int k = 0; k < 20; k++) {
        harness_expect_trap(&h, i, "f", UINT32_MAX, SW_TRAP_STACK_EXHAUSTED);
        assert_int_equal(harness_get(&h, i, "f", 100), 100);
    }
    sw_store_free(h.store);
    return engine;
}

static void test_threads(void **state)
{
    harness *h = *state;
    pthread_t threads[4];
    harness_take_signals();
    for (size_t i = 0; i < SW_COUNTOF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, trap_often, h->engine), 0);
    }
    for (size_t i = 0; i < SW_COUNTOF(threads); i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, h->engine);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "crash") == 0) {
        return crash();
    }
#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_kinds),
        TEST(test_stack_exhaustion),
        TEST(test_small_stack),
        TEST(test_deadline),
        TEST(test_deadline_without_loops),
        TEST(test_interrupt),
        TEST(test_deadline_in_bulk),
        TEST(test_host_fault),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
