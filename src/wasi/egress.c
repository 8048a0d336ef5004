#include "wasi/egress.h"

#include "wasi/wasi.h"

#include <stdio.h>

enum { HTTP_PORT = 80, HTTPS_PORT = 443, NAME_MAX_BYTES = 253 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool eq_any_case(sw_str a, sw_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool ends_any_case(sw_str s, sw_str suffix)
{
    return s.len >= suffix.len &&
           eq_any_case(sw_str_slice(s, s.len - suffix.len, suffix.len), suffix);
}

/* A number of at most five digits, without a sign; false if it is not one up to max. */
static bool parse_number(sw_str s, uint32_t max, uint32_t *ret)
{
    uint32_t n = 0;
    if (s.len == 0 || s.len > 5) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        n = n * 10 + (uint32_t)(s.ptr[i] - '0');
    }
    *ret = n;
    return n <= max;
}

static bool is_name(sw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = lower(s.ptr[i]);
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                    (c == '.' && i > 0 && s.ptr[i - 1] != '.');
        if (!fits) {
            return false;
        }
    }
    return s.len > 0 && s.len <= NAME_MAX_BYTES;
}

/* A name may be written with the root's dot at its end. */
static sw_str without_dot(sw_str s)
{
    return s.len > 1 && s.ptr[s.len - 1] == '.' ? sw_str_slice(s, 0, s.len - 1) : s;
}

static sw_str without_brackets(sw_str s)
{
    bool has = s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']';
    return has ? sw_str_slice(s, 1, s.len - 2) : s;
}

/* ---- Hosts ----------------------------------------------------------------------------------- */

static bool parse_net(sw_str text, sw_ip_net *ret_net)
{
    size_t slash = sw_str_find(text, '/');
    uint32_t bits;
    if (!sw_ip_parse(sw_str_slice(text, 0, slash), &ret_net->ip)) {
        return false;
    }
    uint32_t most = ret_net->ip.is_v6 ? 128 : 32;
    bits = most;
    if (slash < text.len &&
        !parse_number(sw_str_slice(text, slash + 1, text.len - slash - 1), most, &bits)) {
        return false;
    }
    ret_net->bits = (uint8_t)bits;
    return true;
}

static sw_status copy_name(sw_str name, sw_arena *arena, sw_str *ret)
{
    name = without_dot(name);
    char *copy = sw_arena_alloc(arena, name.len, 1);
    if (copy == NULL) {
        return SW_NO_MEMORY;
    }
    for (size_t i = 0; i < name.len; i++) {
        copy[i] = lower(name.ptr[i]);
    }
    *ret = (sw_str){copy, name.len};
    return SW_OK;
}

sw_status sw_host_pattern_parse(sw_str text, sw_arena *arena, sw_diag *diag,
                                sw_host_pattern *ret_pattern)
{
    sw_host_pattern p = {};
    if (sw_str_eq(text, SW_STR("*"))) {
        p.kind = SW_HOST_ANY;
    } else if (parse_net(without_brackets(text), &p.net)) {
        p.kind = SW_HOST_NET;
    } else {
        bool is_below = sw_str_starts(text, SW_STR("*."));
        sw_str name = is_below ? sw_str_slice(text, 2, text.len - 2) : text;
        p.kind = is_below ? SW_HOST_BELOW : SW_HOST_NAME;
        if (!is_name(name)) {
            return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                           "host '%.*s': expected a name, *.NAME, *, an address, or a network in "
                           "brackets",
                           SW_STR_ARG(text));
        }
        SW_TRY(copy_name(name, arena, &p.name));
    }
    *ret_pattern = p;
    return SW_OK;
}

bool sw_host_pattern_matches(const sw_host_pattern *p, sw_str host)
{
    sw_ip ip;
    bool is_literal = sw_ip_parse(without_brackets(host), &ip);
    if (p->kind == SW_HOST_ANY) {
        return true;
    }
    if (p->kind == SW_HOST_NET || is_literal) {
        return p->kind == SW_HOST_NET && is_literal && sw_ip_net_has(&p->net, &ip);
    }
    host = without_dot(host);
    if (p->kind == SW_HOST_NAME) {
        return eq_any_case(host, p->name);
    }
    return host.len > p->name.len + 1 && host.ptr[host.len - p->name.len - 1] == '.' &&
           ends_any_case(host, p->name);
}

bool sw_host_is_name(sw_str host)
{
    return is_name(without_dot(host));
}

bool sw_host_is_localhost(sw_str host)
{
    host = without_dot(host);
    return eq_any_case(host, SW_STR("localhost")) || ends_any_case(host, SW_STR(".localhost"));
}

/* ---- Patterns of HTTP ------------------------------------------------------------------------ */

static sw_status malformed(sw_diag *diag, sw_str pattern)
{
    return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                   "HTTP grant '%.*s': expected [http[s]://]HOST[:PORT][/PATH]",
                   SW_STR_ARG(pattern));
}

/* Cuts the scheme off; false for another one than HTTP's. */
static bool take_scheme(sw_str *s, sw_grant_http *g)
{
    g->has_http = g->has_https = true;
    if (sw_str_starts(*s, SW_STR("http://"))) {
        g->has_https = false;
        *s = sw_str_slice(*s, 7, s->len - 7);
    } else if (sw_str_starts(*s, SW_STR("https://"))) {
        g->has_http = false;
        *s = sw_str_slice(*s, 8, s->len - 8);
    }
    for (size_t i = 0; i + 2 < s->len && s->ptr[i] != '/'; i++) {
        if (s->ptr[i] == ':' && s->ptr[i + 1] == '/' && s->ptr[i + 2] == '/') {
            return false;
        }
    }
    return true;
}

/* Splits "host:port/path": brackets may hold colons and slashes. */
static bool split(sw_str s, sw_str *ret_host, sw_str *ret_port, sw_str *ret_path)
{
    size_t at = s.len > 0 && s.ptr[0] == '[' ? sw_str_find(s, ']') : 0;
    if (at == s.len) {
        return false;
    }
    while (at < s.len && s.ptr[at] != ':' && s.ptr[at] != '/') {
        at++;
    }
    *ret_host = sw_str_slice(s, 0, at);
    sw_str rest = sw_str_slice(s, at, s.len - at);
    size_t slash = sw_str_find(rest, '/');
    *ret_port = sw_str_slice(rest, 0, slash);
    *ret_path = sw_str_slice(rest, slash, rest.len - slash);
    return ret_host->len != 0;
}

static bool parse_port(sw_str s, sw_grant_http *g)
{
    uint32_t port;
    if (s.len == 0) {
        return true;
    }
    s = sw_str_slice(s, 1, s.len - 1);
    if (sw_str_eq(s, SW_STR("*"))) {
        g->has_any_port = true;
        return true;
    }
    if (!parse_number(s, UINT16_MAX, &port) || port == 0) {
        return false;
    }
    g->port = (uint16_t)port;
    return true;
}

static bool parse_path(sw_str s, sw_grant_http *g)
{
    g->is_prefix = s.len > 0 && s.ptr[s.len - 1] == '*';
    g->path = g->is_prefix ? sw_str_slice(s, 0, s.len - 1) : s;
    for (size_t i = 0; i < g->path.len; i++) {
        char c = g->path.ptr[i];
        if (c <= ' ' || c == '*' || c == '?' || c == '#' || c == '\x7f') {
            return false;
        }
    }
    return true;
}

sw_status sw_grant_http_parse(sw_str pattern, sw_arena *arena, sw_diag *diag,
                              sw_grant_http *ret_grant)
{
    sw_grant_http g = {};
    sw_str rest = pattern, host, port, path;
    if (!take_scheme(&rest, &g) || !split(rest, &host, &port, &path) || !parse_port(port, &g) ||
        !parse_path(path, &g)) {
        return malformed(diag, pattern);
    }
    sw_status st = sw_host_pattern_parse(host, arena, diag, &g.host);
    if (st != SW_OK) {
        return sw_fail_context(diag, st, "HTTP grant '%.*s'", SW_STR_ARG(pattern));
    }
    g.path = sw_arena_str(arena, g.path);
    if (g.path.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    *ret_grant = g;
    return SW_OK;
}

/* ---- Patterns of sockets --------------------------------------------------------------------- */

static sw_status malformed_net(sw_diag *diag, sw_net_use use, sw_str pattern)
{
    static const struct {
        const char *name, *form;
    } ROWS[] = {
        [SW_NET_TCP] = {"TCP",       "HOST:PORT"                             },
        [SW_NET_UDP] = {"UDP",       "HOST:PORT"                             },
        [SW_NET_LISTEN] = {"listening", "ADDRESS:PORT, localhost:PORT or *:PORT"},
        [SW_NET_DNS] = {"name",      "NAME, *.NAME or *"                     },
    };
    return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "%s grant '%.*s': expected %s", ROWS[use].name,
                   SW_STR_ARG(pattern), ROWS[use].form);
}

/* The port with its colon. Only who listens may mean port 0, a free one. */
static bool parse_net_port(sw_str s, sw_grant_net *g)
{
    uint32_t port;
    if (g->use == SW_NET_DNS || s.len < 2) {
        g->has_any_port = true;
        return g->use == SW_NET_DNS && s.len == 0;
    }
    s = sw_str_slice(s, 1, s.len - 1);
    g->has_any_port = sw_str_eq(s, SW_STR("*"));
    if (g->has_any_port) {
        return true;
    }
    if (!parse_number(s, UINT16_MAX, &port)) {
        return false;
    }
    g->port = (uint16_t)port;
    return port != 0 || g->use == SW_NET_LISTEN;
}

/* Names have nothing to do with where to listen, nor networks with names. */
static bool suits(const sw_grant_net *g)
{
    bool is_name = g->host.kind == SW_HOST_NAME || g->host.kind == SW_HOST_BELOW;
    if (g->use == SW_NET_LISTEN) {
        return !is_name || (g->host.kind == SW_HOST_NAME && sw_host_is_localhost(g->host.name));
    }
    return g->use != SW_NET_DNS || g->host.kind != SW_HOST_NET;
}

sw_status sw_grant_net_parse(sw_net_use use, sw_str pattern, sw_arena *arena, sw_diag *diag,
                             sw_grant_net *ret_grant)
{
    sw_grant_net g = {.use = use};
    sw_str host, port, path;
    if (!split(pattern, &host, &port, &path) || path.len != 0 || !parse_net_port(port, &g)) {
        return malformed_net(diag, use, pattern);
    }
    SW_TRY(sw_host_pattern_parse(host, arena, diag, &g.host));
    if (!suits(&g)) {
        return malformed_net(diag, use, pattern);
    }
    *ret_grant = g;
    return SW_OK;
}

/* ---- Targets --------------------------------------------------------------------------------- */

bool sw_http_target_of(bool is_secure, sw_str authority, sw_str path, sw_http_target *ret_target)
{
    sw_str host, port, none;
    uint32_t number = is_secure ? HTTPS_PORT : HTTP_PORT;
    if (!split(authority, &host, &port, &none) || none.len != 0) {
        return false;
    }
    if (port.len > 1 &&
        (!parse_number(sw_str_slice(port, 1, port.len - 1), UINT16_MAX, &number) || number == 0)) {
        return false;
    }
    *ret_target = (sw_http_target){is_secure, host, (uint16_t)number, path};
    return true;
}

/* One byte of a path, decoded if it is encoded; *at moves past it. */
static char decoded(sw_str path, size_t *at)
{
    static const char DIGITS[] = "0123456789abcdef";
    size_t i = *at;
    *at = i + 1;
    if (path.ptr[i] != '%' || path.len - i < 3) {
        return path.ptr[i];
    }
    const char *high = memchr(DIGITS, lower(path.ptr[i + 1]), 16);
    const char *low = memchr(DIGITS, lower(path.ptr[i + 2]), 16);
    if (high == NULL || low == NULL) {
        return path.ptr[i];
    }
    *at = i + 3;
    return (char)((high - DIGITS) << 4 | (low - DIGITS));
}

/* Whether a server might understand the path as another one: because of segments that are dots, of
 * slashes that are encoded, or of backslashes, which some take for slashes. */
static bool is_roundabout(sw_str path)
{
    size_t dots = 0, others = 0;
    for (size_t at = 0; at < path.len;) {
        bool is_plain = path.ptr[at] != '%';
        char c = decoded(path, &at);
        if (c == '\\' || (c == '/' && !is_plain)) {
            return true;
        }
        if (c == '/' && others == 0 && (dots == 1 || dots == 2)) {
            return true;
        }
        dots = c == '/' ? 0 : dots + (c == '.');
        others = c == '/' ? 0 : others + (c != '.');
    }
    return others == 0 && (dots == 1 || dots == 2);
}

static bool path_matches(const sw_grant_http *g, sw_str path)
{
    if (g->path.len == 0) {
        return true;
    }
    path = sw_str_slice(path, 0, sw_str_find(path, '?'));
    path = path.len == 0 ? SW_STR("/") : path;
    if (is_roundabout(path)) {
        return false;
    }
    return g->is_prefix ? sw_str_starts(path, g->path) : sw_str_eq(path, g->path);
}

static bool matches_but_host(const sw_grant_http *g, const sw_http_target *t)
{
    uint16_t port = g->port != 0 ? g->port : t->is_secure ? HTTPS_PORT : HTTP_PORT;
    return (t->is_secure ? g->has_https : g->has_http) && (g->has_any_port || port == t->port) &&
           path_matches(g, t->path);
}

/* ---- Decisions ------------------------------------------------------------------------------- */

bool sw_grant_http_allows(const sw_grant_http *grants, size_t count, const sw_http_target *target)
{
    for (size_t i = 0; i < count; i++) {
        if (sw_host_pattern_matches(&grants[i].host, target->host) &&
            matches_but_host(&grants[i], target)) {
            return true;
        }
    }
    return false;
}

/* A grant opens an address by naming it, or by naming localhost. */
static bool opens(const sw_grant_http *g, const sw_http_target *t, const sw_ip *ip)
{
    if (g->host.kind == SW_HOST_NET) {
        return sw_ip_net_has(&g->host.net, ip);
    }
    return g->host.kind != SW_HOST_ANY && sw_ip_classify(ip) == SW_IP_LOOPBACK &&
           sw_host_is_localhost(t->host) && sw_host_pattern_matches(&g->host, t->host);
}

bool sw_grant_http_opens(const sw_grant_http *grants, size_t count, const sw_http_target *target,
                         const sw_ip *ip)
{
    bool is_open = sw_ip_classify(ip) == SW_IP_PUBLIC;
    for (size_t i = 0; i < count && !is_open; i++) {
        is_open = opens(&grants[i], target, ip) && matches_but_host(&grants[i], target);
    }
    return is_open;
}

enum { OPTION_BYTES = 512 };

/* The option that would have allowed it: the origin, as the guest wrote it. */
static void write_option(char out[OPTION_BYTES], const sw_http_target *t, sw_str host)
{
    char port[8] = "";
    if (t->port != (t->is_secure ? HTTPS_PORT : HTTP_PORT)) {
        (void)snprintf(port, sizeof port, ":%u", t->port);
    }
    (void)snprintf(out, OPTION_BYTES, "--allow-http '%s://%.*s%s'", t->is_secure ? "https" : "http",
                   SW_STR_ARG(host), port);
}

bool sw_egress_allows_http(sw_wasi *w, const sw_http_target *target)
{
    size_t count;
    const sw_grant_http *grants = sw_wasi_http_grants(w, &count);
    if (sw_grant_http_allows(grants, count, target)) {
        return true;
    }
    char option[OPTION_BYTES];
    write_option(option, target, target->host);
    sw_wasi_deny(w, option, "request to '%s://%.*s:%u%.*s'", target->is_secure ? "https" : "http",
                 SW_STR_ARG(target->host), target->port, SW_STR_ARG(target->path));
    return false;
}

bool sw_egress_allows_http_address(sw_wasi *w, const sw_http_target *target, const sw_ip *ip,
                                   bool reports)
{
    size_t count;
    const sw_grant_http *grants = sw_wasi_http_grants(w, &count);
    bool is_open = sw_grant_http_opens(grants, count, target, ip);
    if (!is_open && reports) {
        char option[OPTION_BYTES];
        char address[SW_IP_TEXT_BYTES];
        sw_str text = sw_ip_text(ip, address);
        write_option(option, target, sw_host_is_localhost(target->host) ? target->host : text);
        sw_wasi_deny(w, option, "request to '%.*s', which is at %.*s, %s address",
                     SW_STR_ARG(target->host), SW_STR_ARG(text),
                     sw_ip_class_name(sw_ip_classify(ip)));
    }
    return is_open;
}

/* ---- Sockets --------------------------------------------------------------------------------- */

static bool has_name(const sw_grant_net *g)
{
    return g->host.kind == SW_HOST_NAME || g->host.kind == SW_HOST_BELOW;
}

static bool is_known(const sw_net_known *known, size_t count, uint32_t grant, const sw_ip *ip)
{
    for (size_t i = 0; i < count; i++) {
        if (known[i].grant == grant && memcmp(&known[i].ip, ip, sizeof *ip) == 0) {
            return true;
        }
    }
    return false;
}

/* But for names that have to be looked up. */
static bool covers(const sw_grant_net *g, const sw_ip *ip)
{
    switch (g->host.kind) {
    case SW_HOST_ANY: return g->use == SW_NET_LISTEN || sw_ip_classify(ip) == SW_IP_PUBLIC;
    case SW_HOST_NET: return sw_ip_net_has(&g->host.net, ip);
    case SW_HOST_NAME:
        return sw_host_is_localhost(g->host.name) && sw_ip_classify(ip) == SW_IP_LOOPBACK;
    case SW_HOST_BELOW: break;
    }
    return false;
}

bool sw_grant_net_allows(const sw_grant_net *grants, size_t count, sw_net_use use, const sw_ip *ip,
                         uint16_t port, const sw_net_known *known, size_t known_count)
{
    for (size_t i = 0; i < count; i++) {
        const sw_grant_net *g = &grants[i];
        if (g->use == use && (g->has_any_port || g->port == port) &&
            (covers(g, ip) || is_known(known, known_count, (uint32_t)i, ip))) {
            return true;
        }
    }
    return false;
}

bool sw_grant_net_allows_name(const sw_grant_net *grants, size_t count, sw_str name)
{
    for (size_t i = 0; i < count; i++) {
        if ((grants[i].use == SW_NET_DNS || has_name(&grants[i])) &&
            sw_host_pattern_matches(&grants[i].host, name)) {
            return true;
        }
    }
    return false;
}

bool sw_grant_net_stands_for(const sw_grant_net *grant, sw_str name, const sw_ip *ip)
{
    sw_ip_class class = sw_ip_classify(ip);
    return (grant->use == SW_NET_TCP || grant->use == SW_NET_UDP) && has_name(grant) &&
           sw_host_pattern_matches(&grant->host, name) &&
           (class == SW_IP_PUBLIC || (class == SW_IP_LOOPBACK && sw_host_is_localhost(name)));
}

bool sw_egress_allows_net(sw_wasi *w, sw_net_use use, const sw_ip *ip, uint16_t port,
                          const sw_net_known *known, size_t known_count)
{
    static const struct {
        const char *action, *option;
    } ROWS[] = {
        [SW_NET_TCP] = {"connect to",            "--allow-tcp"   },
        [SW_NET_UDP] = {"send to",               "--allow-udp"   },
        [SW_NET_LISTEN] = {"listen or be bound at", "--allow-listen"},
    };
    size_t count;
    const sw_grant_net *grants = sw_wasi_net_grants(w, &count);
    if (sw_grant_net_allows(grants, count, use, ip, port, known, known_count)) {
        return true;
    }
    char option[OPTION_BYTES];
    char address[SW_IP_TEXT_BYTES];
    sw_str text = sw_ip_text(ip, address);
    (void)snprintf(option, sizeof option, "%s '%.*s:%u'", ROWS[use].option, SW_STR_ARG(text), port);
    sw_wasi_deny(w, option, "%s %.*s:%u, %s address", ROWS[use].action, SW_STR_ARG(text), port,
                 sw_ip_class_name(sw_ip_classify(ip)));
    return false;
}

bool sw_egress_allows_name(sw_wasi *w, sw_str name)
{
    size_t count;
    const sw_grant_net *grants = sw_wasi_net_grants(w, &count);
    if (sw_grant_net_allows_name(grants, count, name)) {
        return true;
    }
    char option[OPTION_BYTES];
    (void)snprintf(option, sizeof option, "--allow-dns '%.*s'", SW_STR_ARG(name));
    sw_wasi_deny(w, option, "look up '%.*s'", SW_STR_ARG(name));
    return false;
}
