/* Bytes, hashes and unpredictable branches: a Lempel-Ziv packer and unpacker with a checksum over
 * what comes out. */
#include "kernel.h"

#include <string.h>

enum { SIZE = 1 << 20, ROUNDS = 4, HASH_BITS = 15, SHORTEST = 4, LONGEST = 255, REACH = 65535 };

static uint8_t text[SIZE], packed[SIZE * 2], unpacked[SIZE];
static uint32_t last_place[1 << HASH_BITS];
static uint32_t table[256];

static void make_text(uint32_t seed)
{
    static const char *const words[] = {"the ",   "component ", "model ",   "is ",    "a ",
                                        "small ", "world ",     "of ",      "typed ", "calls ",
                                        "and ",   "memory ",    "that ",    "never ", "leak",
                                        ". ",     "Nothing ",   "is given "};
    uint32_t state = seed;
    for (size_t at = 0; at < SIZE;) {
        const char *word = words[next_random(&state) % (sizeof words / sizeof words[0])];
        for (; *word && at < SIZE; word++) {
            text[at++] = (uint8_t)*word;
        }
        if (next_random(&state) % 16 == 0 && at < SIZE) {
            text[at++] = (uint8_t)next_random(&state);
        }
    }
}

static uint32_t hash(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word * 2654435761u >> (32 - HASH_BITS);
}

static uint32_t match_length(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
    uint32_t length = 0;
    while (length < LONGEST && b + length < end && a[length] == b[length]) {
        length++;
    }
    return length;
}

/* A match is 0, length, two bytes of distance; a literal is itself, a literal 0 is 0 0. */
static size_t pack(void)
{
    const uint8_t *at = text, *end = text + SIZE;
    uint8_t *out = packed;
    memset(last_place, 0, sizeof last_place);
    while (at < end) {
        uint32_t length = 0, distance = 0;
        if (at + SHORTEST <= end) {
            uint32_t slot = hash(at);
            distance = (uint32_t)(at - text) - last_place[slot];
            if (distance != 0 && distance <= REACH) {
                length = match_length(at - distance, at, end);
            }
            last_place[slot] = (uint32_t)(at - text);
        }
        if (length >= SHORTEST) {
            *out++ = 0;
            *out++ = (uint8_t)length;
            *out++ = (uint8_t)distance;
            *out++ = (uint8_t)(distance >> 8);
            at += length;
        } else {
            if (*at == 0) {
                *out++ = 0;
            }
            *out++ = *at++;
        }
    }
    return (size_t)(out - packed);
}

static size_t unpack(size_t size)
{
    const uint8_t *at = packed, *end = packed + size;
    uint8_t *out = unpacked;
    while (at < end) {
        uint8_t byte = *at++;
        if (byte != 0) {
            *out++ = byte;
            continue;
        }
        uint32_t length = *at++;
        if (length == 0) {
            *out++ = 0;
            continue;
        }
        uint32_t distance = at[0] | (uint32_t)at[1] << 8;
        at += 2;
        for (; length; length--, out++) {
            *out = out[-(int32_t)distance];
        }
    }
    return (size_t)(out - unpacked);
}

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) {
            value = value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
        }
        table[i] = value;
    }
}

static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    uint32_t value = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        value = table[(value ^ bytes[i]) & 255] ^ value >> 8;
    }
    return ~value;
}

static uint64_t kernel(void)
{
    uint64_t sum = 0;
    make_table();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        make_text(round + 1);
        size_t size = unpack(pack());
        sum = sum * 31 + checksum(unpacked, size);
    }
    return sum;
}
