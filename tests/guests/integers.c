/* Integer arithmetic that code generators like to get wrong, as one line a group. */
#include <stdint.h>
#include <stdio.h>

typedef uint32_t u32;
typedef uint64_t u64;

static volatile u32 words[] = {0, 1, 2, 31, 32, 33, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
static volatile u64 longs[] = {0,
                               1,
                               63,
                               64,
                               65,
                               0x7fffffff,
                               0x80000000,
                               0xffffffff,
                               0x100000000,
                               0x7fffffffffffffff,
                               0x8000000000000000,
                               0xffffffffffffffff};
enum { WORDS = sizeof words / sizeof words[0], LONGS = sizeof longs / sizeof longs[0] };

static u32 rotate_word(u32 value, u32 by)
{
    return value << (by & 31) | value >> (-by & 31);
}

static u64 rotate_long(u64 value, u64 by)
{
    return value << (by & 63) | value >> (-by & 63);
}

static u64 mix(u64 sum, u64 value)
{
    return rotate_long(sum ^ value, 7) * 0x9e3779b97f4a7c15u;
}

static u64 mix_words(u64 sum, u32 a, u32 b)
{
    sum = mix(sum, a + b);
    sum = mix(sum, a - b);
    sum = mix(sum, a * b);
    sum = mix(sum, a << (b & 31));
    sum = mix(sum, a >> (b & 31));
    sum = mix(sum, (u64)((int32_t)a >> (b & 31)));
    sum = mix(sum, rotate_word(a, b));
    sum = mix(sum, (u64)(a < b) | (u64)((int32_t)a < (int32_t)b) << 1 | (u64)(a == b) << 2);
    sum = mix(sum, b ? a / b : 7);
    sum = mix(sum, b ? a % b : 9);
    sum = mix(sum, b && b != 0xffffffff ? (u64)((int32_t)a / (int32_t)b) : 5);
    sum = mix(sum, b && b != 0xffffffff ? (u64)((int32_t)a % (int32_t)b) : 3);
    return sum;
}

static u64 mix_longs(u64 sum, u64 a, u64 b)
{
    sum = mix(sum, a + b);
    sum = mix(sum, a - b);
    sum = mix(sum, a * b);
    sum = mix(sum, a << (b & 63));
    sum = mix(sum, a >> (b & 63));
    sum = mix(sum, (u64)((int64_t)a >> (b & 63)));
    sum = mix(sum, rotate_long(a, b));
    sum = mix(sum, (u64)(a < b) | (u64)((int64_t)a < (int64_t)b) << 1 | (u64)(a == b) << 2);
    sum = mix(sum, b ? a / b : 7);
    sum = mix(sum, b ? a % b : 9);
    sum = mix(sum, b && b != ~(u64)0 ? (u64)((int64_t)a / (int64_t)b) : 5);
    sum = mix(sum, b && b != ~(u64)0 ? (u64)((int64_t)a % (int64_t)b) : 3);
    return sum;
}

int main(void)
{
    u64 sum = 1;
    for (int i = 0; i < WORDS; i++) {
        for (int j = 0; j < WORDS; j++) {
            sum = mix_words(sum, words[i], words[j]);
        }
    }
    printf("words %016llx\n", (unsigned long long)sum);

    sum = 1;
    for (int i = 0; i < LONGS; i++) {
        for (int j = 0; j < LONGS; j++) {
            sum = mix_longs(sum, longs[i], longs[j]);
        }
    }
    printf("longs %016llx\n", (unsigned long long)sum);

    sum = 1;
    for (int i = 1; i < WORDS; i++) {
        sum = mix(sum, (u64)__builtin_clz(words[i]) << 16 | (u64)__builtin_ctz(words[i]) << 8 |
                           (u64)__builtin_popcount(words[i]));
        sum =
            mix(sum, (u64)(int8_t)words[i] ^ (u64)(int16_t)words[i] << 1 ^ (u64)(int32_t)words[i]);
    }
    for (int i = 1; i < LONGS; i++) {
        sum = mix(sum, (u64)__builtin_clzll(longs[i]) << 16 | (u64)__builtin_ctzll(longs[i]) << 8 |
                           (u64)__builtin_popcountll(longs[i]));
        sum =
            mix(sum, (u64)(int8_t)longs[i] ^ (u64)(int16_t)longs[i] << 1 ^ (u64)(int32_t)longs[i]);
    }
    printf("bits %016llx\n", (unsigned long long)sum);
    return 0;
}
