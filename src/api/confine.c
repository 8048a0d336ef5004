/* The second wall: what the grants need of the system, and giving up the rest. */
#include <swell/confine.h>

#include "api/api.h"

#include "http/tls.h"
#include "os/landlock.h"
#include "os/residency.h"
#include "os/seccomp.h"
#include "os/user.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PORT_HTTP = 80, PORT_HTTPS = 443, PORT_DNS = 53 };

/* What the confinement is made from. */
typedef struct needs {
    const swell_confinement *c;
    const sw_grants *grants; /* of the guests */
    sw_grants own;           /* URLs of the process itself, as grants */
} needs;

/* ---- Files that a network needs ---------------------------------------------------------------
 *
 * The C library's ways to look up names, and the certificates of authorities. /etc as a whole,
 * because its files are replaced rather than written, and a rule holds for what is there now.
 */

static const char *const NETWORK_PATHS[] = {
    "/etc",
    "/run/systemd/resolve",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
};

static const char *const NETWORK_VARIABLES[] = {"SSL_CERT_FILE", "SSL_CERT_DIR"};

static sw_status add_if_there(sw_landlock *l, const char *path, sw_diag *diag)
{
    sw_diag own = {};
    sw_status st = sw_landlock_add_path(l, path, false, &own);
    if (st == SW_OK || st == SW_NOT_FOUND) {
        return SW_OK;
    }
    return sw_fail(diag, st, SW_NO_OFFSET, "%s", own.text);
}

/* /etc/resolv.conf may be a link to a file that is replaced, too. */
static sw_status add_resolver(sw_landlock *l, sw_diag *diag)
{
    char path[PATH_MAX];
    if (realpath("/etc/resolv.conf", path) == NULL) {
        return SW_OK;
    }
    *strrchr(path, '/') = '\0';
    return path[0] == '\0' ? SW_OK : add_if_there(l, path, diag);
}

static sw_status add_network_paths(sw_landlock *l, sw_diag *diag)
{
    for (size_t i = 0; i < SW_COUNTOF(NETWORK_PATHS); i++) {
        SW_TRY(add_if_there(l, NETWORK_PATHS[i], diag));
    }
    for (size_t i = 0; i < SW_COUNTOF(NETWORK_VARIABLES); i++) {
        const char *path = getenv(NETWORK_VARIABLES[i]);
        if (path != NULL) {
            SW_TRY(add_if_there(l, path, diag));
        }
    }
    return add_resolver(l, diag);
}

/* ---- TCP ports --------------------------------------------------------------------------------
 */

/* Whether the grants say where TCP may go; with "every port", limiting ports makes no sense. */
static bool names_ports(const sw_grants *g)
{
    for (size_t i = 0; i < g->http.count; i++) {
        if (g->http.at[i].has_any_port) {
            return false;
        }
    }
    for (size_t i = 0; i < g->net.count; i++) {
        if (g->net.at[i].has_any_port) {
            return false;
        }
    }
    return true;
}

static sw_status add_http_port(sw_landlock *l, const sw_grant_http *g, sw_diag *diag)
{
    if (g->port != 0) {
        return sw_landlock_add_port(l, g->port, SW_LANDLOCK_CONNECT, diag);
    }
    if (g->has_http) {
        SW_TRY(sw_landlock_add_port(l, PORT_HTTP, SW_LANDLOCK_CONNECT, diag));
    }
    return g->has_https ? sw_landlock_add_port(l, PORT_HTTPS, SW_LANDLOCK_CONNECT, diag) : SW_OK;
}

static sw_status add_net_port(sw_landlock *l, const sw_grant_net *g, sw_diag *diag)
{
    switch (g->use) {
    case SW_NET_TCP: return sw_landlock_add_port(l, g->port, SW_LANDLOCK_CONNECT, diag);
    case SW_NET_LISTEN: return sw_landlock_add_port(l, g->port, SW_LANDLOCK_BIND, diag);
    case SW_NET_UDP:
    case SW_NET_DNS: return SW_OK;
    }
    return SW_OK;
}

static sw_status add_ports(sw_landlock *l, const sw_grants *g, sw_diag *diag)
{
    for (size_t i = 0; i < g->http.count; i++) {
        SW_TRY(add_http_port(l, &g->http.at[i], diag));
    }
    for (size_t i = 0; i < g->net.count; i++) {
        SW_TRY(add_net_port(l, &g->net.at[i], diag));
    }
    /* A long answer of a name server comes by TCP. */
    return g->http.count + g->net.count == 0
               ? SW_OK
               : sw_landlock_add_port(l, PORT_DNS, SW_LANDLOCK_CONNECT, diag);
}

/* ---- Rules ------------------------------------------------------------------------------------
 */

static bool has_network(const needs *n)
{
    return n->own.http.count + n->grants->http.count + n->grants->net.count != 0;
}

/* Said now, and not by every request that fails. */
static sw_status check_directories(const sw_grants *g, int flags, sw_diag *diag)
{
    for (size_t i = 0; i < g->dirs.count; i++) {
        int fd = open(g->dirs.at[i].host.ptr, flags | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            return sw_fail(diag, errno == ENOENT ? SW_NOT_FOUND : SW_DENIED, SW_NO_OFFSET,
                           "granted directory '%s': %m", g->dirs.at[i].host.ptr);
        }
        (void)close(fd);
    }
    return SW_OK;
}

static sw_status add_rules(sw_landlock *l, const needs *n, sw_diag *diag)
{
    const sw_grants *g = n->grants;
    SW_TRY(check_directories(g, O_PATH, diag));
    for (size_t i = 0; i < g->dirs.count; i++) {
        SW_TRY(sw_landlock_add_path(l, g->dirs.at[i].host.ptr, !g->dirs.at[i].is_read_only, diag));
    }
    for (size_t i = 0; i < n->c->write_paths_count; i++) {
        SW_TRY(sw_landlock_add_path(l, n->c->write_paths[i], true, diag));
    }
    SW_TRY(add_ports(l, g, diag));
    SW_TRY(add_ports(l, &n->own, diag));
    return has_network(n) ? add_network_paths(l, diag) : SW_OK;
}

static unsigned uses_of(const needs *n)
{
    const sw_grants *g = n->grants;
    unsigned uses = SW_SECCOMP_THREADS;
    uses |= n->c->write_paths_count != 0 ? SW_SECCOMP_READ | SW_SECCOMP_CHANGE : 0u;
    uses |= g->dirs.count != 0 ? SW_SECCOMP_READ | SW_SECCOMP_BENEATH : 0u;
    for (size_t i = 0; i < g->dirs.count; i++) {
        uses |= g->dirs.at[i].is_read_only ? 0u : (unsigned)SW_SECCOMP_CHANGE;
    }
    return uses | (has_network(n) ? SW_SECCOMP_READ | SW_SECCOMP_NETWORK : 0u);
}

static bool has_https(const sw_grants *g)
{
    bool has = false;
    for (size_t i = 0; i < g->http.count; i++) {
        has = has || g->http.at[i].has_https;
    }
    return has;
}

/* What is otherwise opened when it is first needed. */
static void open_beforehand(const needs *n)
{
    uint8_t pages[SW_RESIDENCY_MAX];
    (void)sw_residency_of(n, 1, pages);
    if (has_https(n->grants) || has_https(&n->own)) {
        sw_diag diag = {};
        sw_status ignored = sw_tls_load(&diag); /* whoever uses it is told */
        (void)ignored;
    }
}

/* ---- The user ---------------------------------------------------------------------------------
 */

/* *ret_changes: whether there is anybody to become. */
static sw_status choose_user(const swell_confinement *c, sw_diag *diag, sw_user *ret_user,
                             bool *ret_changes)
{
    *ret_changes = c->user != NULL || geteuid() == 0;
    if (c->user == NULL) {
        *ret_user = SW_USER_NOBODY;
        return SW_OK;
    }
    return sw_user_find(c->user, diag, ret_user);
}

static sw_status change_user(const needs *n, const sw_user *user, bool changes, sw_diag *diag)
{
    sw_diag own = {};
    if (!changes) {
        return sw_capabilities_drop(diag);
    }
    bool is_same = user->uid == geteuid() && user->gid == getegid();
    sw_status st = is_same ? SW_OK : sw_user_become(user, diag);
    if (st != SW_OK) {
        return sw_fail_context(diag, st, "becoming user %s", user->name);
    }
    SW_TRY(sw_capabilities_drop(diag));
    st = check_directories(n->grants, O_RDONLY, &own);
    return st == SW_OK ? SW_OK
                       : sw_fail(diag, st, SW_NO_OFFSET, "%s, for user %s", own.text, user->name);
}

/* ---- All of it --------------------------------------------------------------------------------
 */

static sw_status filter_calls(const needs *n, sw_diag *diag, bool *ret_has)
{
    sw_diag own = {};
    sw_status st = sw_seccomp_enter(uses_of(n), n->c->on_violation, &own);
    *ret_has = st == SW_OK;
    return st == SW_OK || st == SW_UNSUPPORTED ? SW_OK
                                               : sw_fail(diag, st, SW_NO_OFFSET, "%s", own.text);
}

static sw_status confine(const needs *n, sw_landlock *l, sw_diag *diag, swell_confined *ret_report)
{
    sw_user user;
    bool changes;
    swell_confined report = {};
    SW_TRY(choose_user(n->c, diag, &user, &changes));
    open_beforehand(n);
    SW_TRY(sw_landlock_begin(names_ports(n->grants) && names_ports(&n->own), diag, l));
    SW_TRY(add_rules(l, n, diag));
    SW_TRY(change_user(n, &user, changes, diag));
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    SW_TRY(sw_landlock_enter(l, diag));
    SW_TRY(filter_calls(n, diag, &report.has_seccomp));
    if (changes) {
        (void)snprintf(report.user, sizeof report.user, "%s", user.name);
    }
    report.landlock = l->abi;
    report.has_tcp = l->limits_tcp;
    *ret_report = report;
    return SW_OK;
}

static sw_status take_urls(needs *n, sw_diag *diag)
{
    for (size_t i = 0; i < n->c->urls_count; i++) {
        SW_TRY(sw_grants_add_http(&n->own, sw_str_of(n->c->urls[i]), diag));
    }
    return SW_OK;
}

swell_status swell_confine(const swell_confinement *confinement, swell_error *error,
                           swell_confined *ret_report)
{
    sw_diag diag = {};
    sw_landlock l = {.fd = -1};
    needs n = {.c = confinement, .grants = &confinement->grants->grants};
    sw_grants_init(&n.own, NULL);
    sw_status st = take_urls(&n, &diag);
    if (st == SW_OK) {
        st = confine(&n, &l, &diag, ret_report);
    }
    sw_landlock_clear(&l);
    sw_grants_clear(&n.own);
    return sw_api_result(st, &diag, error);
}
