#include "wasi/grants.h"

#include <stdlib.h>

enum { GRANTS_MAX_BYTES = 16 << 20 };

void sw_grants_init(sw_grants *g, sw_budget *budget)
{
    *g = (sw_grants){
        .stdio = {0, 1, 2}
    };
    sw_arena_init(&g->arena, budget, GRANTS_MAX_BYTES);
    g->dirs.budget = budget;
    g->env.budget = budget;
    g->args.budget = budget;
    g->http.budget = budget;
    g->net.budget = budget;
}

void sw_grants_clear(sw_grants *g)
{
    sw_vec_clear(&g->dirs);
    sw_vec_clear(&g->env);
    sw_vec_clear(&g->args);
    sw_vec_clear(&g->http);
    sw_vec_clear(&g->net);
    sw_arena_clear(&g->arena);
}

/* Position of the first "::", or s.len. */
static size_t find_double_colon(sw_str s)
{
    for (size_t i = 0; i + 1 < s.len; i++) {
        if (s.ptr[i] == ':' && s.ptr[i + 1] == ':') {
            return i;
        }
    }
    return s.len;
}

static bool has_nul(sw_str s)
{
    return s.len != 0 && memchr(s.ptr, '\0', s.len) != NULL;
}

sw_status sw_grants_add_dir(sw_grants *g, sw_str spec, sw_diag *diag)
{
    sw_str rest = spec;
    sw_grant_dir dir = {};
    if (sw_str_ends(rest, SW_STR(":ro")) && !sw_str_ends(rest, SW_STR("::ro"))) {
        dir.is_read_only = true;
        rest.len -= 3;
    }
    size_t split = find_double_colon(rest);
    dir.host = sw_str_slice(rest, 0, split);
    dir.guest = split == rest.len ? dir.host : sw_str_slice(rest, split + 2, rest.len - split - 2);
    if (dir.host.len == 0 || dir.guest.len == 0 || has_nul(spec)) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET,
                       "directory '%.*s': expected HOST[::GUEST][:ro]", SW_STR_ARG(spec));
    }
    dir.host = sw_arena_str(&g->arena, dir.host);
    dir.guest = sw_arena_str(&g->arena, dir.guest);
    if (dir.host.ptr == NULL || dir.guest.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    return sw_vec_push(&g->dirs, dir);
}

/* A later value of the same name takes the earlier one's place. */
static sw_status set_env(sw_grants *g, sw_str entry)
{
    size_t name_len = sw_str_find(entry, '=') + 1;
    for (size_t i = 0; i < g->env.count; i++) {
        sw_str old = g->env.at[i];
        if (old.len >= name_len && memcmp(old.ptr, entry.ptr, name_len) == 0) {
            g->env.at[i] = entry;
            return SW_OK;
        }
    }
    return sw_vec_push(&g->env, entry);
}

sw_status sw_grants_add_env(sw_grants *g, sw_str spec, sw_diag *diag)
{
    size_t split = sw_str_find(spec, '=');
    if (split == 0 || has_nul(spec)) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "environment '%.*s': expected NAME[=VALUE]",
                       SW_STR_ARG(spec));
    }
    sw_str copy = sw_arena_str(&g->arena, spec);
    if (copy.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    if (split == spec.len) {
        const char *value = getenv(copy.ptr);
        if (value == NULL) {
            return SW_OK;
        }
        copy = sw_arena_printf(&g->arena, "%s=%s", copy.ptr, value);
        if (copy.ptr == NULL) {
            return SW_NO_MEMORY;
        }
    }
    return set_env(g, copy);
}

sw_status sw_grants_add_arg(sw_grants *g, sw_str arg)
{
    sw_str copy = sw_arena_str(&g->arena, arg);
    return copy.ptr == NULL ? SW_NO_MEMORY : sw_vec_push(&g->args, copy);
}

sw_status sw_grants_add_http(sw_grants *g, sw_str pattern, sw_diag *diag)
{
    sw_grant_http grant;
    SW_TRY(sw_grant_http_parse(pattern, &g->arena, diag, &grant));
    return sw_vec_push(&g->http, grant);
}

sw_status sw_grants_add_net(sw_grants *g, sw_net_use use, sw_str pattern, sw_diag *diag)
{
    sw_grant_net grant;
    SW_TRY(sw_grant_net_parse(use, pattern, &g->arena, diag, &grant));
    return sw_vec_push(&g->net, grant);
}
