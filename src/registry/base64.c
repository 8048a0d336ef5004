/* Base 64, as credentials are kept and sent. */
#include "registry/credentials.h"

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

sw_str sw_base64_encode(sw_str s, sw_arena *arena)
{
    size_t len = (s.len + 2) / 3 * 4, used = 0;
    char *out = sw_arena_alloc(arena, len + 1, 1);
    if (out == NULL) {
        return (sw_str){};
    }
    for (size_t i = 0; i < s.len; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++) {
            bits = bits << 8 | (i + k < s.len ? (uint8_t)s.ptr[i + k] : 0u);
        }
        for (size_t k = 0; k < 4; k++) {
            out[used++] = i + k <= s.len ? DIGITS[bits >> (18 - 6 * k) & 63] : '=';
        }
    }
    return (sw_str){out, len};
}

sw_str sw_base64_decode(sw_str s, sw_arena *arena)
{
    uint32_t bits = 0;
    size_t used = 0, digits = 0;
    char *out = sw_arena_alloc(arena, s.len / 4 * 3 + 4, 1);
    while (s.len != 0 && s.ptr[s.len - 1] == '=') {
        s.len--;
    }
    for (size_t i = 0; i < s.len && out != NULL; i++) {
        const char *at = memchr(DIGITS, s.ptr[i], 64);
        if (at == NULL) {
            return (sw_str){};
        }
        bits = bits << 6 | (uint32_t)(at - DIGITS);
        if (++digits % 4 != 1) {
            out[used++] = (char)(bits >> (6 - 2 * ((digits - 1) % 4)));
        }
    }
    if (out == NULL || digits % 4 == 1) {
        return (sw_str){};
    }
    out[used] = '\0';
    return (sw_str){out, used};
}
