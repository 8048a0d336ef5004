/* Fibers: values cross, registers survive, fibers nest, the guard faults, stacks are reused. */
#include "os/fiber.h"
#include "os/signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void *adds_up(void *arg)
{
    uintptr_t sum = (uintptr_t)arg;
    for (int i = 0; i < 3; i++) {
        sum += (uintptr_t)sw_fiber_suspend((void *)sum);
    }
    return (void *)sum;
}

static void values_cross_both_ways(void **state)
{
    (void)state;
    sw_fiber *f;
    assert_int_equal(sw_fiber_new(&f, 0, adds_up), SW_OK);
    assert_int_equal((uintptr_t)sw_fiber_resume(f, (void *)1), 1);
    assert_int_equal((uintptr_t)sw_fiber_resume(f, (void *)10), 11);
    assert_int_equal((uintptr_t)sw_fiber_resume(f, (void *)100), 111);
    assert_false(sw_fiber_done(f));
    assert_int_equal((uintptr_t)sw_fiber_resume(f, (void *)1000), 1111);
    assert_true(sw_fiber_done(f));
    assert_null(sw_fiber_current());
    sw_fiber_free(f);
}

static void *resumes_another(void *arg)
{
    sw_fiber *inner;
    assert_int_equal(sw_fiber_new(&inner, 0, adds_up), SW_OK);
    uintptr_t first = (uintptr_t)sw_fiber_resume(inner, arg);
    uintptr_t got = (uintptr_t)sw_fiber_suspend((void *)(first + 1));
    uintptr_t second = (uintptr_t)sw_fiber_resume(inner, (void *)got);
    sw_fiber_free(inner);
    return (void *)second;
}

static void fibers_nest(void **state)
{
    (void)state;
    sw_fiber *f;
    assert_int_equal(sw_fiber_new(&f, 0, resumes_another), SW_OK);
    assert_int_equal((uintptr_t)sw_fiber_resume(f, (void *)5), 6);
    assert_int_equal((uintptr_t)sw_fiber_resume(f, (void *)20), 25);
    assert_true(sw_fiber_done(f));
    sw_fiber_free(f);
}

static void *measures_stack(void *arg)
{
    sw_stack_limits *ret = arg;
    *ret = sw_stack_here();
    assert_true(sw_stack_headroom() > 0);
    assert_true(sw_stack_headroom() < ret->top - ret->limit);
    return sw_fiber_current();
}

static void limits_describe_the_stack(void **state)
{
    (void)state;
    static const size_t SIZES[] = {0, 1, 100000, (size_t)1 << 20};
    for (size_t i = 0; i < SW_COUNTOF(SIZES); i++) {
        sw_fiber *f;
        sw_stack_limits l;
        assert_int_equal(sw_fiber_new(&f, SIZES[i], measures_stack), SW_OK);
        assert_ptr_equal(sw_fiber_resume(f, &l), f);
        size_t least = SIZES[i] == 0 ? SW_FIBER_STACK_BYTES : SW_MAX(SIZES[i], SW_FIBER_STACK_MIN);
        assert_true(l.top - l.limit >= least);
        assert_true(l.limit - l.guard >= SW_FIBER_GUARD_BYTES);
        assert_int_equal(l.top % 16, 0);
        sw_fiber_free(f);
    }
    sw_stack_limits own = sw_stack_here();
    assert_true(own.limit < own.top);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    sw_fiber *f;
    assert_int_equal(sw_fiber_new(&f, SIZE_MAX, adds_up), SW_NO_MEMORY);
    assert_int_equal(sw_fiber_new(&f, SIZE_MAX / 4, adds_up), SW_NO_MEMORY);
}

static void stacks_are_reused(void **state)
{
    (void)state;
    sw_fiber *a, *b, *other;
    sw_fiber_cache_clear();
    assert_int_equal(sw_fiber_new(&a, 0, adds_up), SW_OK);
    sw_fiber_free(a);
    assert_int_equal(sw_fiber_new(&other, (size_t)1 << 20, adds_up), SW_OK);
    assert_int_equal(sw_fiber_new(&b, 0, adds_up), SW_OK);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(other, b);
    sw_fiber_free(b);
    sw_fiber_free(other);
    sw_fiber *many[SW_FIBER_CACHE_MAX + 4];
    for (size_t i = 0; i < SW_COUNTOF(many); i++) {
        assert_int_equal(sw_fiber_new(&many[i], 0, adds_up), SW_OK);
    }
    for (size_t i = 0; i < SW_COUNTOF(many); i++) {
        sw_fiber_free(many[i]);
    }
    sw_fiber_cache_clear();
}

static void a_suspended_fiber_may_be_dropped(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        sw_fiber *f;
        assert_int_equal(sw_fiber_new(&f, 0, adds_up), SW_OK);
        (void)sw_fiber_resume(f, NULL);
        sw_fiber_free(f);
    }
}

static sw_stack_limits full_stack;

/* The child's verdict: 42 if the fault lies in the guard of the fiber's stack. */
static bool judges_fault(int signo, siginfo_t *info, void *context)
{
    (void)context;
    uintptr_t at = (uintptr_t)info->si_addr;
    _exit(signo == SIGSEGV && at >= full_stack.guard && at < full_stack.limit ? 42 : 43);
}

static __attribute__((noinline)) uintptr_t recurses(uintptr_t depth)
{
    volatile char frame[1024];
    frame[depth % sizeof frame] = (char)depth;
    return depth == UINTPTR_MAX ? 0 : recurses(depth + 1) + (uintptr_t)frame[depth % sizeof frame];
}

static void *exhausts_stack(void *arg)
{
    full_stack = sw_stack_here();
    return (void *)recurses((uintptr_t)arg);
}

static void the_end_of_the_stack_faults_in_the_guard(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sw_fiber *f;
        if (sw_signals_install(judges_fault) != SW_OK || sw_signals_enter_thread() != SW_OK ||
            sw_fiber_new(&f, 256 << 10, exhausts_stack) != SW_OK) {
            _exit(1);
        }
        (void)sw_fiber_resume(f, NULL);
        _exit(2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void *keeps_floats(void *arg)
{
    double x = *(double *)arg;
    double y = x * 2.0;
    (void)sw_fiber_suspend(NULL);
    *(double *)arg = x + y;
    return NULL;
}

static void locals_survive_interleaving(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    sw_fiber *f[COUNT];
    double value[COUNT];
    for (int i = 0; i < COUNT; i++) {
        value[i] = i;
        assert_int_equal(sw_fiber_new(&f[i], 0, keeps_floats), SW_OK);
        (void)sw_fiber_resume(f[i], &value[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        (void)sw_fiber_resume(f[i], NULL);
        assert_true(sw_fiber_done(f[i]));
        assert_true(value[i] == 3.0 * i);
        sw_fiber_free(f[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_cross_both_ways),
        cmocka_unit_test(fibers_nest),
        cmocka_unit_test(limits_describe_the_stack),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(stacks_are_reused),
        cmocka_unit_test(a_suspended_fiber_may_be_dropped),
        cmocka_unit_test(the_end_of_the_stack_faults_in_the_guard),
        cmocka_unit_test(locals_survive_interleaving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
