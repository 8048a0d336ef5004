/* Allocation: zeroed, charged exactly, failing where told to; arenas with their cap. */
#include "base/arena.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool is_zero(const void *p, size_t size)
{
    const uint8_t *at = p;
    for (size_t i = 0; i < size; i++) {
        if (at[i] != 0) {
            return false;
        }
    }
    return true;
}

static void budgets_are_exact(void **state)
{
    (void)state;
    sw_budget b;
    sw_budget_init(&b, 1000);
    uint8_t *p = sw_alloc(&b, 600);
    assert_non_null(p);
    assert_true(is_zero(p, 600));
    assert_null(sw_alloc(&b, 401));
    memset(p, 0xff, 600);
    p = sw_realloc(&b, p, 600, 1000);
    assert_non_null(p);
    assert_true(is_zero(p + 600, 400));
    assert_int_equal(p[599], 0xff);
    assert_null(sw_realloc(&b, p, 1000, 1001));
    assert_null(sw_alloc(&b, 1));
    p = sw_realloc(&b, p, 1000, 10);
    assert_int_equal(atomic_load(&b.used_bytes), 10);
    assert_int_equal(atomic_load(&b.peak_bytes), 1000);
    sw_free(&b, p, 10);
    sw_free(&b, NULL, 0);
    assert_int_equal(atomic_load(&b.used_bytes), 0);
    assert_false(sw_budget_charge(&b, SIZE_MAX));
    assert_null(sw_alloc_array(&b, SIZE_MAX / 2, 3));
    assert_int_equal(atomic_load(&b.used_bytes), 0);
}

static void size_zero_is_a_pointer(void **state)
{
    (void)state;
    void *p = sw_alloc(NULL, 0);
    assert_non_null(p);
    p = sw_realloc(NULL, p, 0, 0);
    assert_non_null(p);
    sw_free(NULL, p, 0);
}

static void the_nth_allocation_fails(void **state)
{
    (void)state;
    sw_memory_fail_at(2);
    void *first = sw_alloc(NULL, 1);
    assert_non_null(first);
    assert_false(sw_memory_failed());
    assert_null(sw_realloc(NULL, first, 1, 2));
    assert_true(sw_memory_failed());
    void *third = sw_alloc(NULL, 1);
    assert_non_null(third);
    sw_free(NULL, first, 1);
    sw_free(NULL, third, 1);
    sw_memory_fail_at(0);
    assert_false(sw_memory_failed());
}

static void arenas_align_and_zero(void **state)
{
    (void)state;
    sw_budget b;
    sw_arena a;
    sw_budget_init(&b, SIZE_MAX);
    sw_arena_init(&a, &b, SIZE_MAX);
    for (size_t i = 0; i < 5000; i++) {
        size_t align = (size_t)1 << i % 5, size = i % 97;
        uint8_t *p = sw_arena_alloc(&a, size, align);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p & (align - 1), 0);
        assert_true(is_zero(p, size));
        memset(p, 0xee, size);
    }
    assert_int_equal(atomic_load(&b.used_bytes), a.total_bytes);
    sw_arena_reset(&a);
    uint8_t *again = sw_arena_alloc(&a, 1000, 16);
    assert_non_null(again);
    assert_true(is_zero(again, 1000));
    sw_arena_clear(&a);
    assert_int_equal(atomic_load(&b.used_bytes), 0);
    sw_arena_clear(&a);
}

static void arenas_have_a_cap(void **state)
{
    (void)state;
    static const size_t CAPS[] = {0, 10, 100, 5000, 100000};
    for (size_t i = 0; i < SW_COUNTOF(CAPS); i++) {
        sw_arena a;
        sw_arena_init(&a, NULL, CAPS[i]);
        size_t got = 0;
        while (sw_arena_alloc(&a, 16, 8) != NULL) {
            got += 16;
            assert_true(got <= CAPS[i]);
        }
        assert_true(a.total_bytes <= CAPS[i]);
        assert_true(CAPS[i] < 1000 || got > CAPS[i] / 2);
        assert_null(sw_arena_alloc(&a, SIZE_MAX, 1));
        assert_null(sw_arena_alloc(&a, SIZE_MAX - 8, 16));
        assert_null(sw_arena_alloc_array(&a, SIZE_MAX / 4, 5, 1));
        sw_arena_clear(&a);
    }
}

static void arenas_copy_text(void **state)
{
    (void)state;
    sw_arena a;
    sw_arena_init(&a, NULL, 10000);
    sw_str s = sw_arena_str(&a, SW_STR("hello"));
    assert_string_equal(s.ptr, "hello");
    assert_string_equal(sw_arena_printf(&a, "%d-%s", 5, "x").ptr, "5-x");
    assert_int_equal(sw_arena_str(&a, (sw_str){}).len, 0);
    assert_non_null(sw_arena_bytes(&a, (sw_bytes){}).ptr);
    sw_memory_fail_at(1);
    char big[20000];
    memset(big, 'x', sizeof big);
    assert_null(sw_arena_str(&a, (sw_str){big, sizeof big}).ptr);
    sw_memory_fail_at(0);
    sw_arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budgets_are_exact),        cmocka_unit_test(size_zero_is_a_pointer),
        cmocka_unit_test(the_nth_allocation_fails), cmocka_unit_test(arenas_align_and_zero),
        cmocka_unit_test(arenas_have_a_cap),        cmocka_unit_test(arenas_copy_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
