/* The context: grants turned into open directories, and denials turned into advice. */
#include "wasi/wasi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

struct sw_wasi {
    sw_store *store; /* borrowed */
    sw_arena arena;  /* this struct's strings and arrays */
    sw_preopen *preopens;
    size_t preopens_count;
    sw_str *env, *args;
    size_t env_count, args_count;
    sw_grant_http *http_grants;
    size_t http_grants_count;
    sw_grant_net *net_grants;
    size_t net_grants_count;
    int stdio[3];
    bool raises_sigpipe;
    sw_denial_fn *denial;
    void *denial_env;
    sw_wasi_sink_fn *sink;
    void *sink_env;
    sw_p2 *p2; /* owned; NULL until it is needed */
    void *http;
    void (*free_http)(void *http);
    const void *http_watcher;         /* borrowed */
    sw_wasi_descriptors *descriptors; /* borrowed, or NULL */
    struct sw_names *names;
    void (*free_names)(void *names);
};

enum { CONTEXT_MAX_BYTES = 32 << 20 };

static sw_status copy_strings(sw_arena *a, const sw_str *from, size_t count, sw_str **ret)
{
    sw_str *to = SW_NEW_ARRAY(a, sw_str, count);
    if (to == NULL) {
        return SW_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        to[i] = sw_arena_str(a, from[i]);
        if (to[i].ptr == NULL) {
            return SW_NO_MEMORY;
        }
    }
    *ret = to;
    return SW_OK;
}

static sw_status copy_http(sw_wasi *w, const sw_grants *g)
{
    if (g->http.count == 0) {
        return SW_OK;
    }
    w->http_grants = SW_NEW_ARRAY(&w->arena, sw_grant_http, g->http.count);
    if (w->http_grants == NULL) {
        return SW_NO_MEMORY;
    }
    for (size_t i = 0; i < g->http.count; i++) {
        sw_grant_http *to = &w->http_grants[i];
        *to = g->http.at[i];
        to->path = sw_arena_str(&w->arena, to->path);
        to->host.name = sw_arena_str(&w->arena, to->host.name);
        if (to->path.ptr == NULL || to->host.name.ptr == NULL) {
            return SW_NO_MEMORY;
        }
    }
    w->http_grants_count = g->http.count;
    return SW_OK;
}

static sw_status copy_net(sw_wasi *w, const sw_grants *g)
{
    if (g->net.count == 0) {
        return SW_OK;
    }
    w->net_grants = SW_NEW_ARRAY(&w->arena, sw_grant_net, g->net.count);
    if (w->net_grants == NULL) {
        return SW_NO_MEMORY;
    }
    for (size_t i = 0; i < g->net.count; i++) {
        sw_grant_net *to = &w->net_grants[i];
        *to = g->net.at[i];
        to->host.name = sw_arena_str(&w->arena, to->host.name);
        if (to->host.name.ptr == NULL) {
            return SW_NO_MEMORY;
        }
    }
    w->net_grants_count = g->net.count;
    return SW_OK;
}

static sw_status open_preopen(sw_wasi *w, const sw_grant_dir *dir, sw_diag *diag)
{
    sw_preopen *p = &w->preopens[w->preopens_count];
    p->guest = sw_arena_str(&w->arena, dir->guest);
    p->host = sw_arena_str(&w->arena, dir->host);
    p->is_read_only = dir->is_read_only;
    if (p->guest.ptr == NULL || p->host.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    p->fd = open(p->host.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->fd < 0) {
        return sw_fail(diag, errno == ENOENT ? SW_NOT_FOUND : SW_IO, SW_NO_OFFSET,
                       "granted directory '%s': %s", p->host.ptr, strerror(errno));
    }
    w->preopens_count++;
    return SW_OK;
}

/* C libraries take "." for the root too, so beside it the empty root would only be in the way. */
static bool is_root(sw_str guest)
{
    return sw_str_eq(guest, SW_STR("/")) || sw_str_eq(guest, SW_STR(".")) ||
           sw_str_eq(guest, SW_STR("./"));
}

static sw_status open_preopens(sw_wasi *w, const sw_grants *g, sw_diag *diag)
{
    w->preopens = SW_NEW_ARRAY(&w->arena, sw_preopen, g->dirs.count + 1);
    if (w->preopens == NULL) {
        return SW_NO_MEMORY;
    }
    bool has_root = false;
    for (size_t i = 0; i < g->dirs.count; i++) {
        SW_TRY(open_preopen(w, &g->dirs.at[i], diag));
        has_root = has_root || is_root(g->dirs.at[i].guest);
    }
    if (!has_root) {
        w->preopens[w->preopens_count++] = (sw_preopen){.fd = -1, .guest = SW_STR("/")};
    }
    return SW_OK;
}

static sw_status fill(sw_wasi *w, const sw_grants *g, sw_diag *diag)
{
    w->env_count = g->env.count;
    w->args_count = g->args.count;
    memcpy(w->stdio, g->stdio, sizeof w->stdio);
    w->raises_sigpipe = g->raises_sigpipe;
    SW_TRY(copy_strings(&w->arena, g->env.at, g->env.count, &w->env));
    SW_TRY(copy_strings(&w->arena, g->args.at, g->args.count, &w->args));
    SW_TRY(copy_http(w, g));
    SW_TRY(copy_net(w, g));
    return open_preopens(w, g, diag);
}

sw_status sw_wasi_new(sw_store *s, const sw_grants *grants, sw_denial_fn *denial, void *denial_env,
                      sw_diag *diag, sw_wasi **ret_wasi)
{
    sw_wasi *w = sw_alloc(sw_store_budget(s), sizeof *w);
    if (w == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "no memory for the WASI context");
    }
    w->store = s;
    w->denial = denial;
    w->denial_env = denial_env;
    sw_arena_init(&w->arena, sw_store_budget(s), CONTEXT_MAX_BYTES);
    sw_status st = fill(w, grants, diag);
    if (st != SW_OK) {
        sw_wasi_free(w);
        return sw_fail(diag, st, SW_NO_OFFSET, "%s", sw_status_text(st));
    }
    *ret_wasi = w;
    return SW_OK;
}

void sw_wasi_free(sw_wasi *w)
{
    if (w == NULL) {
        return;
    }
    sw_p2_free(w->p2);
    sw_wasi_set_http(w, NULL, NULL);
    sw_wasi_set_names(w, NULL, NULL);
    for (size_t i = 0; i < w->preopens_count; i++) {
        if (w->preopens[i].fd >= 0) {
            (void)close(w->preopens[i].fd);
        }
    }
    sw_arena_clear(&w->arena);
    sw_free(sw_store_budget(w->store), w, sizeof *w);
}

void sw_wasi_set_sink(sw_wasi *w, sw_wasi_sink_fn *sink, void *env)
{
    w->sink = sink;
    w->sink_env = env;
}

bool sw_wasi_has_sink(const sw_wasi *w)
{
    return w->sink != NULL;
}

void sw_wasi_sink(const sw_wasi *w, unsigned stream, sw_bytes bytes)
{
    w->sink(w->sink_env, stream, bytes);
}

void sw_wasi_reset(sw_wasi *w)
{
    sw_p2_free(w->p2);
    w->p2 = NULL;
}

void sw_wasi_share_descriptors(sw_wasi *w, sw_wasi_descriptors *shared)
{
    w->descriptors = shared;
}

bool sw_wasi_may_open(const sw_wasi *w)
{
    sw_wasi_descriptors *d = w->descriptors;
    if (d == NULL || sw_counter_get(&d->open) < d->limit) {
        return true;
    }
    sw_count(&d->refused, 1);
    return false;
}

void sw_wasi_opened(const sw_wasi *w)
{
    if (w->descriptors != NULL) {
        sw_count(&w->descriptors->open, 1);
    }
}

void sw_wasi_closed(const sw_wasi *w)
{
    if (w->descriptors != NULL) {
        sw_count(&w->descriptors->open, UINT64_MAX); /* one less */
    }
}

sw_store *sw_wasi_store(const sw_wasi *w)
{
    return w->store;
}

const sw_preopen *sw_wasi_preopens(const sw_wasi *w, size_t *ret_count)
{
    *ret_count = w->preopens_count;
    return w->preopens;
}

const sw_str *sw_wasi_env(const sw_wasi *w, size_t *ret_count)
{
    *ret_count = w->env_count;
    return w->env;
}

const sw_str *sw_wasi_args(const sw_wasi *w, size_t *ret_count)
{
    *ret_count = w->args_count;
    return w->args;
}

const sw_grant_http *sw_wasi_http_grants(const sw_wasi *w, size_t *ret_count)
{
    *ret_count = w->http_grants_count;
    return w->http_grants;
}

const sw_grant_net *sw_wasi_net_grants(const sw_wasi *w, size_t *ret_count)
{
    *ret_count = w->net_grants_count;
    return w->net_grants;
}

int sw_wasi_stdio(const sw_wasi *w, unsigned stream)
{
    assert(stream < 3);
    return w->stdio[stream];
}

bool sw_wasi_raises_sigpipe(const sw_wasi *w)
{
    return w->raises_sigpipe;
}

sw_p2 **sw_wasi_p2(sw_wasi *w)
{
    return &w->p2;
}

void *sw_wasi_http(const sw_wasi *w)
{
    return w->http;
}

void sw_wasi_set_http(sw_wasi *w, void *http, void (*free)(void *http))
{
    if (w->free_http != NULL) {
        w->free_http(w->http);
    }
    w->http = http;
    w->free_http = free;
}

struct sw_names *sw_wasi_names(const sw_wasi *w)
{
    return w->names;
}

void sw_wasi_set_names(sw_wasi *w, struct sw_names *names, void (*free)(void *names))
{
    if (w->free_names != NULL) {
        w->free_names(w->names);
    }
    w->names = names;
    w->free_names = free;
}

const void *sw_wasi_http_watcher(const sw_wasi *w)
{
    return w->http_watcher;
}

void sw_wasi_set_http_watcher(sw_wasi *w, const void *watcher)
{
    w->http_watcher = watcher;
}

enum { DENIAL_TEXT_BYTES = 1024 };

void sw_wasi_deny(sw_wasi *w, const char *option, const char *fmt, ...)
{
    if (w->denial == NULL) {
        return;
    }
    char asked[DENIAL_TEXT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(asked, sizeof asked, fmt, ap);
    va_end(ap);
    w->denial(w->denial_env, asked, option);
}

int sw_wasi_check_write(sw_wasi *w, const sw_preopen *root, const char *action, sw_str path)
{
    if (!root->is_read_only) {
        return 0;
    }
    char option[DENIAL_TEXT_BYTES];
    if (sw_str_eq(root->host, root->guest)) {
        (void)snprintf(option, sizeof option, "--dir %.*s", SW_STR_ARG(root->host));
    } else {
        (void)snprintf(option, sizeof option, "--dir %.*s::%.*s", SW_STR_ARG(root->host),
                       SW_STR_ARG(root->guest));
    }
    sw_wasi_deny(w, option, "%s '%.*s' under the read-only directory '%.*s'", action,
                 SW_STR_ARG(path), SW_STR_ARG(root->guest));
    return EROFS;
}

/* The directory to suggest for a path that nothing grants: its own if the host has it, else the
 * current one. What is looked at is told to the operator, never to the guest. */
static sw_str suggested_dir(sw_str path, char *out, size_t size)
{
    while (path.len > 0 && path.ptr[0] == '/') {
        path = sw_str_slice(path, 1, path.len - 1);
    }
    while (path.len > 0 && path.ptr[path.len - 1] != '/') {
        path.len--;
    }
    while (path.len > 0 && path.ptr[path.len - 1] == '/') {
        path.len--;
    }
    (void)snprintf(out, size, "/%.*s", SW_STR_ARG(path));
    if (path.len != 0 && access(out, F_OK) == 0) {
        return sw_str_of(out);
    }
    (void)snprintf(out, size, "%.*s", SW_STR_ARG(path));
    return path.len != 0 && access(out, F_OK) == 0 ? sw_str_of(out) : SW_STR(".");
}

void sw_wasi_report_escape(sw_wasi *w, const sw_preopen *root, const char *action, sw_str path)
{
    if (root != NULL) {
        sw_wasi_deny(w, "--dir HOST::GUEST, with the directory that it leads to",
                     "%s '%.*s': it leads out of the directory '%.*s'", action, SW_STR_ARG(path),
                     SW_STR_ARG(root->guest));
    }
}

int sw_wasi_refuse_reach(sw_wasi *w, const char *action, sw_str path, bool wants_write)
{
    char dir[DENIAL_TEXT_BYTES];
    char option[DENIAL_TEXT_BYTES + 16];
    sw_str host = suggested_dir(path, dir, sizeof dir);
    (void)snprintf(option, sizeof option, "--dir %.*s%s", SW_STR_ARG(host),
                   wants_write ? "" : ":ro");
    sw_wasi_deny(w, option, "%s '%.*s'", action, SW_STR_ARG(path));
    return wants_write ? EACCES : ENOENT;
}
