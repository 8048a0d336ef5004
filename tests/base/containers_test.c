/* Vectors, maps and buffers: contents, limits, and every allocation failing once. */
#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { COUNT = 1000 };

static char keys[COUNT][8];

static int make_keys(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%d", i);
    }
    return 0;
}

static sw_status fill_vector(sw_budget *b)
{
    SW_VEC(uint64_t) v = {.budget = b};
    sw_status st = SW_OK;
    for (uint64_t i = 0; i < COUNT && st == SW_OK; i++) {
        st = sw_vec_push(&v, i * 3);
    }
    for (uint64_t i = 0; i < v.count; i++) {
        assert_int_equal(v.at[i], i * 3);
    }
    assert_true(st != SW_OK || v.count == COUNT);
    sw_vec_clear(&v);
    return st;
}

static sw_status fill_map(sw_budget *b)
{
    sw_map m;
    sw_map_init(&m, b);
    sw_status st = SW_OK;
    for (uint32_t i = 0; i < COUNT && st == SW_OK; i++) {
        uint32_t *place;
        bool inserted;
        st = sw_map_insert(&m, sw_str_of(keys[i]), i, &place, &inserted);
        assert_true(st != SW_OK || (inserted && *place == i));
    }
    for (uint32_t i = 0; i < m.count; i++) {
        uint32_t *found = sw_map_find(&m, sw_str_of(keys[i]));
        assert_non_null(found);
        assert_int_equal(*found, i);
        assert_true(sw_str_eq(m.entries[i].key, sw_str_of(keys[i])));
    }
    assert_null(sw_map_find(&m, SW_STR("absent")));
    sw_map_clear(&m);
    return st;
}

static sw_status fill_buffer(sw_budget *b)
{
    sw_buf out;
    sw_buf_init(&out, b, SIZE_MAX);
    for (int i = 0; i < COUNT; i++) {
        sw_buf_printf(&out, "%s;", keys[i]);
    }
    sw_status st = sw_buf_status(&out);
    assert_true(st != SW_OK || out.len > (size_t)2 * COUNT);
    sw_buf_clear(&out);
    return st;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static sw_status (*const FILLS[])(sw_budget *) = {fill_vector, fill_map, fill_buffer};
    for (size_t i = 0; i < SW_COUNTOF(FILLS); i++) {
        sw_budget b;
        bool failed = true;
        sw_budget_init(&b, SIZE_MAX);
        for (uint64_t n = 1; failed; n++) {
            sw_memory_fail_at(n);
            sw_status st = FILLS[i](&b);
            failed = sw_memory_failed();
            sw_memory_fail_at(0);
            assert_int_equal(st, failed ? SW_NO_MEMORY : SW_OK);
            assert_int_equal(atomic_load(&b.used_bytes), 0);
        }
        sw_budget_init(&b, 1000);
        assert_int_equal(FILLS[i](&b), SW_NO_MEMORY);
        assert_int_equal(atomic_load(&b.used_bytes), 0);
    }
}

static void a_present_key_is_not_inserted(void **state)
{
    (void)state;
    sw_map m;
    sw_map_init(&m, NULL);
    uint32_t *place;
    bool inserted;
    assert_null(sw_map_find(&m, SW_STR("")));
    assert_int_equal(sw_map_insert(&m, SW_STR(""), 1, &place, &inserted), SW_OK);
    assert_true(inserted);
    assert_int_equal(sw_map_insert(&m, SW_STR(""), 2, &place, &inserted), SW_OK);
    assert_false(inserted);
    assert_int_equal(*place, 1);
    *place = 3;
    assert_int_equal(*sw_map_find(&m, SW_STR("")), 3);
    assert_int_equal(m.count, 1);
    sw_map_clear(&m);
}

static void vectors_refuse_sizes_that_wrap(void **state)
{
    (void)state;
    SW_VEC(uint64_t) v = {};
    assert_int_equal(sw_vec_reserve(&v, SIZE_MAX / 4), SW_NO_MEMORY);
    assert_int_equal(sw_vec_reserve(&v, 10), SW_OK);
    assert_true(v.capacity >= 10);
    sw_vec_clear(&v);
}

static void buffers_encode(void **state)
{
    (void)state;
    static const uint8_t EXPECTED[] = {0xab, 1,    2,    3,    4,    8,    7,    6,   5,   4, 3, 2,
                                       1,    0xe5, 0x8e, 0x26, 0x7f, 0xc0, 0x00, 'o', 'k', 0, 0, 0};
    sw_buf b;
    sw_buf_init(&b, NULL, sizeof EXPECTED);
    sw_buf_u8(&b, 0xab);
    sw_buf_u32_le(&b, 0x04030201);
    sw_buf_u64_le(&b, UINT64_C(0x0102030405060708));
    sw_buf_leb_u32(&b, 624485);
    sw_buf_leb_s64(&b, -1);
    sw_buf_leb_s64(&b, 64);
    sw_buf_str(&b, SW_STR("ok"));
    sw_buf_align(&b, 8);
    assert_int_equal(sw_buf_status(&b), SW_OK);
    assert_int_equal(b.len, sizeof EXPECTED);
    assert_memory_equal(b.ptr, EXPECTED, sizeof EXPECTED);
    sw_buf_u8(&b, 1);
    assert_int_equal(sw_buf_status(&b), SW_LIMIT);
    assert_int_equal(b.len, sizeof EXPECTED);
    sw_buf_clear(&b);
    assert_int_equal(sw_buf_status(&b), SW_OK);
}

static void hashes_depend_on_every_byte(void **state)
{
    (void)state;
    uint8_t in[40] = {};
    uint64_t sum = sw_hash((sw_bytes){in, sizeof in});
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = 1;
        assert_int_not_equal(sw_hash((sw_bytes){in, sizeof in}), sum);
        in[i] = 0;
        assert_int_not_equal(sw_hash((sw_bytes){in, i}), sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_present_key_is_not_inserted),
        cmocka_unit_test(vectors_refuse_sizes_that_wrap),
        cmocka_unit_test(buffers_encode),
        cmocka_unit_test(hashes_depend_on_every_byte),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
