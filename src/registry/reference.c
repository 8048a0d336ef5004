#include "registry/reference.h"

#include "os/cpu.h"

#include <stdio.h>

/* ---- Digests --------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool sw_digest_parse(sw_str text, sw_digest *ret)
{
    sw_digest d;
    if (text.len != SW_DIGEST_TEXT || !sw_str_starts(text, SW_STR("sha256:"))) {
        return false;
    }
    for (size_t i = 0; i < SW_SHA256_BYTES; i++) {
        int high = hex_value(text.ptr[7 + 2 * i]), low = hex_value(text.ptr[8 + 2 * i]);
        if (high < 0 || low < 0) {
            return false;
        }
        d.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret = d;
    return true;
}

void sw_digest_print(const sw_digest *d, char out[SW_DIGEST_TEXT + 1])
{
    memcpy(out, "sha256:", 7);
    sw_sha256_hex(d->bytes, out + 7);
}

sw_digest sw_digest_of(sw_bytes bytes)
{
    sw_digest d;
    sw_sha256_of(bytes, (sw_cpu_features() & SW_CPU_SHA) != 0, d.bytes);
    return d;
}

bool sw_digest_eq(const sw_digest *a, const sw_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* ---- The parts of a reference ---------------------------------------------------------------- */

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* Letters and digits, single dots and underscores, two underscores, any number of dashes between.
 */
static bool is_component(sw_str s)
{
    size_t i = 0;
    while (i < s.len) {
        size_t start = i;
        while (i < s.len && is_lower_alnum(s.ptr[i])) {
            i++;
        }
        if (i == start) {
            return false;
        }
        if (i == s.len) {
            return true;
        }
        char c = s.ptr[i];
        size_t run = 0;
        while (i < s.len && s.ptr[i] == c) {
            i++;
            run++;
        }
        if (c != '-' && !(c == '.' && run == 1) && !(c == '_' && run <= 2)) {
            return false;
        }
    }
    return false;
}

static bool is_repository(sw_str s)
{
    if (s.len > SW_REF_REPOSITORY_MAX) {
        return false;
    }
    for (;;) {
        size_t len = sw_str_find(s, '/');
        if (!is_component(sw_str_slice(s, 0, len))) {
            return false;
        }
        if (len == s.len) {
            return true;
        }
        s = sw_str_slice(s, len + 1, s.len - len - 1);
    }
}

static bool is_tag(sw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_alnum(c) && c != '_' && (i == 0 || (c != '.' && c != '-'))) {
            return false;
        }
    }
    return s.len != 0 && s.len <= SW_REF_TAG_MAX;
}

static bool is_port(sw_str s)
{
    unsigned value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || i == 5) {
            return false;
        }
        value = 10 * value + (unsigned)(s.ptr[i] - '0');
    }
    return s.len != 0 && value != 0 && value <= 65535;
}

static bool is_domain(sw_str s)
{
    for (;;) {
        size_t len = sw_str_find(s, '.');
        for (size_t i = 0; i < len; i++) {
            if (!is_alnum(s.ptr[i]) && (s.ptr[i] != '-' || i == 0 || i + 1 == len)) {
                return false;
            }
        }
        if (len == 0 || len > 63) {
            return false;
        }
        if (len == s.len) {
            return true;
        }
        s = sw_str_slice(s, len + 1, s.len - len - 1);
    }
}

static bool is_ipv6(sw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (hex_value(c) < 0 && !(c >= 'A' && c <= 'F') && c != ':' && c != '.') {
            return false;
        }
    }
    return s.len >= 2 && s.len <= 45;
}

/* "name", "name:port", "[address]:port". */
static bool is_host(sw_str s)
{
    size_t len = 0;
    if (s.len == 0 || s.len > SW_REF_HOST_MAX) {
        return false;
    }
    if (s.ptr[0] == '[') {
        len = sw_str_find(s, ']');
        if (len == s.len || !is_ipv6(sw_str_slice(s, 1, len - 1))) {
            return false;
        }
        len++;
    } else {
        len = sw_str_find(s, ':');
        if (!is_domain(sw_str_slice(s, 0, len))) {
            return false;
        }
    }
    return len == s.len ||
           (s.ptr[len] == ':' && is_port(sw_str_slice(s, len + 1, s.len - len - 1)));
}

static void copy_lower(char *out, sw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[s.len] = '\0';
}

static void copy(char *out, sw_str s)
{
    if (s.len != 0) {
        memcpy(out, s.ptr, s.len);
    }
    out[s.len] = '\0';
}

/* The first part of a reference is a host if it could not be a part of a repository's name. */
static bool has_host(sw_str text)
{
    size_t slash = sw_str_find(text, '/');
    sw_str first = sw_str_slice(text, 0, slash);
    return slash != text.len &&
           (sw_str_find(first, '.') != first.len || sw_str_find(first, ':') != first.len ||
            sw_str_eq(first, SW_STR("localhost")));
}

static sw_str without_scheme(sw_str text)
{
    return sw_str_starts(text, SW_STR("oci://")) ? sw_str_slice(text, 6, text.len - 6) : text;
}

static sw_status fail(sw_diag *diag, sw_str text, const char *what)
{
    return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "'%.*s' is no reference: %s",
                   (int)SW_MIN(text.len, 200), text.ptr, what);
}

/* Cuts "@sha256:..." off. */
static sw_status take_digest(sw_str *text, sw_diag *diag, sw_reference *r)
{
    size_t at = sw_str_find(*text, '@');
    if (at == text->len) {
        return SW_OK;
    }
    if (!sw_digest_parse(sw_str_slice(*text, at + 1, text->len - at - 1), &r->digest)) {
        return fail(diag, *text, "a digest is '@sha256:' and 64 hexadecimal digits in lower case");
    }
    r->has_digest = true;
    *text = sw_str_slice(*text, 0, at);
    return SW_OK;
}

/* Cuts ":tag" off, which comes after the last slash. */
static sw_status take_tag(sw_str *text, sw_diag *diag, sw_reference *r)
{
    size_t colon = text->len;
    while (colon > 0 && text->ptr[colon - 1] != ':' && text->ptr[colon - 1] != '/') {
        colon--;
    }
    if (colon == 0 || text->ptr[colon - 1] == '/') {
        copy(r->tag, r->has_digest ? (sw_str){} : SW_STR("latest"));
        return SW_OK;
    }
    sw_str tag = sw_str_slice(*text, colon, text->len - colon);
    if (!is_tag(tag)) {
        return fail(diag, *text, "a tag has letters, digits, '_', '.', '-', at most 128");
    }
    copy(r->tag, tag);
    *text = sw_str_slice(*text, 0, colon - 1);
    return SW_OK;
}

sw_status sw_reference_parse(sw_str text, sw_diag *diag, sw_reference *ret)
{
    sw_reference r = {};
    sw_str left = without_scheme(text);
    if (!has_host(left)) {
        return fail(diag, text,
                    "it begins with a registry: ghcr.io/acme/hello:1.0, docker.io/library/nginx");
    }
    SW_TRY(take_digest(&left, diag, &r));
    SW_TRY(take_tag(&left, diag, &r));
    size_t slash = sw_str_find(left, '/');
    sw_str host = sw_str_slice(left, 0, slash);
    if (slash == left.len || !is_host(host)) {
        return fail(diag, text, "the registry is a host name and perhaps a port");
    }
    copy_lower(r.host, host);
    sw_str repository = sw_str_slice(left, slash + 1, left.len - slash - 1);
    if (!is_repository(repository)) {
        return fail(diag, text,
                    "a name has lower-case letters and digits, with '.', '_', '-' and '/' between");
    }
    copy(r.repository, repository);
    bool is_short = sw_str_find(repository, '/') == repository.len;
    if (strcmp(r.host, "docker.io") == 0 && is_short &&
        repository.len + 8 <= SW_REF_REPOSITORY_MAX) {
        (void)snprintf(r.repository, sizeof r.repository, "library/%.*s", SW_STR_ARG(repository));
    }
    *ret = r;
    return SW_OK;
}

sw_status sw_reference_parse_host(sw_str text, sw_diag *diag, char ret_host[SW_REF_HOST_MAX + 1])
{
    sw_str s = text;
    if (sw_str_starts(s, SW_STR("https://"))) {
        s = sw_str_slice(s, 8, s.len - 8);
    }
    s.len -= s.len != 0 && s.ptr[s.len - 1] == '/';
    if (!is_host(s)) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "'%.*s' is no registry: a host name, perhaps "
                       "with a port, like ghcr.io or localhost:5000",
                       (int)SW_MIN(text.len, 200), text.ptr);
    }
    copy_lower(ret_host, s);
    return SW_OK;
}

void sw_reference_print(const sw_reference *r, char out[SW_REF_TEXT_MAX])
{
    char digest[SW_DIGEST_TEXT + 1] = "";
    if (r->has_digest) {
        sw_digest_print(&r->digest, digest);
    }
    (void)snprintf(out, SW_REF_TEXT_MAX, "%s/%s%s%s%s%s", r->host, r->repository,
                   r->tag[0] != '\0' ? ":" : "", r->tag, r->has_digest ? "@" : "", digest);
}

/* ---- What words mean ------------------------------------------------------------------------- */

bool sw_reference_looks(sw_str text)
{
    static const sw_str FILES[] = {SW_STR_INIT(".wasm"), SW_STR_INIT(".wat"),
                                   SW_STR_INIT(".swell")};
    sw_reference r;
    if (sw_str_starts(text, SW_STR("oci://"))) {
        return true;
    }
    if (!has_host(text) || text.ptr[0] == '.' || sw_reference_parse(text, NULL, &r) != SW_OK) {
        return false;
    }
    for (size_t i = 0; i < SW_COUNTOF(FILES); i++) {
        if (sw_str_ends(sw_str_of(r.repository), FILES[i]) && sw_str_ends(text, FILES[i])) {
            return false;
        }
    }
    return true;
}

/* Four decimal numbers, the first one 127: a name that only begins so may lead anywhere. */
static bool is_ipv4_loopback(sw_str s)
{
    unsigned dots = 0, digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.') {
            dots++;
            digits = 0;
        } else if (s.ptr[i] < '0' || s.ptr[i] > '9' || ++digits > 3) {
            return false;
        }
    }
    return dots == 3 && sw_str_starts(s, SW_STR("127."));
}

bool sw_reference_is_loopback(const char *host)
{
    sw_str s = sw_str_of(host);
    if (sw_str_starts(s, SW_STR("["))) {
        return sw_str_eq(sw_str_slice(s, 0, SW_MIN(s.len, (size_t)5)), SW_STR("[::1]"));
    }
    s = sw_str_slice(s, 0, sw_str_find(s, ':'));
    return sw_str_eq(s, SW_STR("localhost")) || is_ipv4_loopback(s);
}
