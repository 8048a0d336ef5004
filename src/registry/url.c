#include "registry/url.h"

#include <stdio.h>
#include <strings.h>

static size_t scheme_len(sw_str url)
{
    if (url.len > 8 && strncasecmp(url.ptr, "https://", 8) == 0) {
        return 8;
    }
    return url.len > 7 && strncasecmp(url.ptr, "http://", 7) == 0 ? 7 : 0;
}

sw_str sw_url_origin(sw_str url)
{
    size_t start = scheme_len(url), end = start;
    while (start != 0 && end < url.len && strchr("/?#", url.ptr[end]) == NULL) {
        char c = url.ptr[end];
        if (c <= ' ' || c >= 0x7f || c == '@' || c == '\\') {
            return (sw_str){};
        }
        end++;
    }
    return end == start ? (sw_str){} : sw_str_slice(url, 0, end);
}

bool sw_url_same_origin(sw_str a, sw_str b)
{
    sw_str x = sw_url_origin(a), y = sw_url_origin(b);
    return x.len != 0 && x.len == y.len && strncasecmp(x.ptr, y.ptr, x.len) == 0;
}

bool sw_url_same_scheme(sw_str a, sw_str b)
{
    return scheme_len(a) != 0 && scheme_len(a) == scheme_len(b);
}

static bool is_plain(sw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return s.len != 0;
}

bool sw_url_resolve(sw_str at, sw_str location, char *out, size_t size)
{
    sw_str origin = sw_url_origin(at), before = {};
    if (origin.len == 0 || !is_plain(location)) {
        return false;
    }
    sw_str path = sw_str_slice(at, origin.len, at.len - origin.len);
    path.len = SW_MIN(sw_str_find(path, '?'), sw_str_find(path, '#'));
    if (sw_str_starts(location, SW_STR("//"))) {
        before = sw_str_slice(at, 0, sw_str_find(at, ':') + 1);
    } else if (location.ptr[0] == '/') {
        before = origin;
    } else if (location.ptr[0] == '?') {
        before = sw_str_slice(at, 0, origin.len + path.len);
    } else if (scheme_len(location) == 0) {
        if (sw_str_find(sw_str_slice(location, 0, sw_str_find(location, '/')), ':') <
            sw_str_find(location, '/')) {
            return false; /* another scheme */
        }
        while (path.len != 0 && path.ptr[path.len - 1] != '/') {
            path.len--;
        }
        before = sw_str_slice(at, 0, origin.len + path.len);
    }
    int len = snprintf(out, size, "%.*s%.*s", SW_STR_ARG(before), SW_STR_ARG(location));
    return len > 0 && (size_t)len < size && sw_url_origin(sw_str_of(out)).len != 0;
}

bool sw_url_add(char *url, size_t size, const char *name, sw_str value)
{
    static const char HEX[] = "0123456789ABCDEF";
    size_t used = strlen(url);
    int len =
        snprintf(url + used, size - used, "%c%s=", strchr(url, '?') == NULL ? '?' : '&', name);
    if (len < 0 || (size_t)len >= size - used) {
        return false;
    }
    used += (size_t)len;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.ptr[i];
        bool is_safe = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       (c != 0 && strchr("-._~", c) != NULL);
        if (used + 4 > size) {
            return false;
        }
        if (is_safe) {
            url[used++] = (char)c;
        } else {
            url[used++] = '%';
            url[used++] = HEX[c >> 4];
            url[used++] = HEX[c & 15];
        }
    }
    url[used] = '\0';
    return used < size;
}
