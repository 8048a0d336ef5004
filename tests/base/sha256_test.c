/* SHA-256: the examples of FIPS 180-4, every split of the input, both implementations alike. */
#include "base/sha256.h"
#include "os/cpu.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct digest_case {
    const char *text;
    size_t repeat;
    const char *hex;
} digest_case;

// clang-format off
static const digest_case CASES[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopq"
     "rsmnopqrstnopqrstu", 1,
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};
// clang-format on

/* Without the instructions the second round tests the portable code again. */
static bool accelerated(unsigned round)
{
    return round == 1 && (sw_cpu_features() & SW_CPU_SHA) != 0;
}

static void the_standards_examples(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < SW_COUNTOF(CASES); i++) {
            sw_sha256 s;
            uint8_t digest[SW_SHA256_BYTES];
            char hex[2 * SW_SHA256_BYTES + 1];
            sw_sha256_init(&s, accelerated(round));
            for (size_t k = 0; k < CASES[i].repeat; k++) {
                sw_sha256_write(&s, sw_str_bytes(sw_str_of(CASES[i].text)));
            }
            sw_sha256_finish(&s, digest);
            sw_sha256_hex(digest, hex);
            assert_string_equal(hex, CASES[i].hex);
        }
    }
}

static void any_split_gives_the_same(void **state)
{
    (void)state;
    static uint8_t in[300];
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (uint8_t)(i * 7);
    }
    for (size_t len = 0; len <= sizeof in; len++) {
        uint8_t whole[SW_SHA256_BYTES], fast[SW_SHA256_BYTES], split[SW_SHA256_BYTES];
        sw_sha256_of((sw_bytes){in, len}, false, whole);
        sw_sha256_of((sw_bytes){in, len}, accelerated(1), fast);
        assert_memory_equal(whole, fast, sizeof whole);
        for (size_t cut = 0; cut <= len; cut += 13) {
            sw_sha256 s;
            sw_sha256_init(&s, accelerated(cut & 1));
            sw_sha256_write(&s, (sw_bytes){in, cut});
            sw_sha256_write(&s, (sw_bytes){in + cut, len - cut});
            sw_sha256_finish(&s, split);
            assert_memory_equal(whole, split, sizeof whole);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_examples),
        cmocka_unit_test(any_split_gives_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
