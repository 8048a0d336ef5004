/* The checksum: fixed values (files depend on them), and that every single change shows. */
#include "base/checksum.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t in[257];

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (uint8_t)(i * 31 + 5);
    }
    return 0;
}

typedef struct sum_case {
    size_t len;
    uint64_t sum;
} sum_case;

static const sum_case SUM_CASES[] = {
    {0,   UINT64_C(0x7ee295793d8e0585)},
    {1,   UINT64_C(0x0d06897c1fc706fd)},
    {32,  UINT64_C(0xf6b7c8bd37dee457)},
    {257, UINT64_C(0xdae73a55baa68bfc)},
};

static void values_stay(void **state)
{
    (void)state;
    for (size_t i = 0; i < SW_COUNTOF(SUM_CASES); i++) {
        assert_int_equal(sw_checksum((sw_bytes){in, SUM_CASES[i].len}), SUM_CASES[i].sum);
    }
}

static void every_bit_counts(void **state)
{
    (void)state;
    uint64_t sum = sw_checksum((sw_bytes){in, sizeof in});
    for (size_t bit = 0; bit < 8 * sizeof in; bit++) {
        in[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(sw_checksum((sw_bytes){in, sizeof in}), sum);
        in[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(sw_checksum((sw_bytes){in, sizeof in}), sum);
}

static void zeroes_of_different_length_differ(void **state)
{
    (void)state;
    static const uint8_t ZEROES[100];
    for (size_t a = 0; a < sizeof ZEROES; a++) {
        for (size_t b = 0; b < a; b++) {
            assert_int_not_equal(sw_checksum((sw_bytes){ZEROES, a}),
                                 sw_checksum((sw_bytes){ZEROES, b}));
        }
    }
}

static void blocks_that_change_places_show(void **state)
{
    (void)state;
    uint8_t swapped[sizeof in];
    uint64_t sum = sw_checksum((sw_bytes){in, sizeof in});
    for (size_t size = 8; size <= 64; size *= 2) {
        memcpy(swapped, in, sizeof in);
        memcpy(swapped, in + size, size);
        memcpy(swapped + size, in, size);
        assert_int_not_equal(sw_checksum((sw_bytes){swapped, sizeof swapped}), sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stay),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(zeroes_of_different_length_differ),
        cmocka_unit_test(blocks_that_change_places_show),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
