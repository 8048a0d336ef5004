/*
 * Any bytes as a reference, a URL's location and a challenge: refused, or what comes out reads back
 * as the same, and can neither leave a path nor end a line.
 */
#include "registry/reference.h"
#include "registry/challenge.h"
#include "registry/url.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_plain(sw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

static void check_reference(sw_str s)
{
    sw_reference r, again;
    sw_diag diag = {};
    char text[SW_REF_TEXT_MAX], text2[SW_REF_TEXT_MAX];
    if (sw_reference_parse(s, &diag, &r) != SW_OK) {
        check(diag.text[0] != '\0');
        return;
    }
    sw_reference_print(&r, text);
    check(is_plain(sw_str_of(text)) && strstr(text, "//") == NULL && strstr(text, "/.") == NULL);
    check(strchr(text, '@') == NULL || r.has_digest);
    check(sw_reference_parse(sw_str_of(text), NULL, &again) == SW_OK);
    sw_reference_print(&again, text2);
    check(strcmp(text, text2) == 0);
}

static void check_url(sw_str s)
{
    char out[512];
    if (sw_url_resolve(SW_STR("https://a.io/v2/x?y"), s, out, sizeof out)) {
        sw_str origin = sw_url_origin(sw_str_of(out));
        check(is_plain(sw_str_of(out)) && origin.len != 0);
        check(sw_str_find(origin, '@') == origin.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sw_str s = {(const char *)data, size};
    sw_arena arena;
    sw_challenge c;
    sw_arena_init(&arena, NULL, (size_t)1 << 24);
    if (size != 0) {
        check_reference(s);
        check_url(s);
        check(sw_challenge_parse(s, &arena, &c) || size > 1000);
    }
    sw_arena_clear(&arena);
    return 0;
}
