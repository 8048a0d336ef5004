/* Tokens: what a challenge asks for, got from the registry's token server and kept. */
#include "registry/call.h"

#include "registry/url.h"

#include <jansson.h>
#include <stdio.h>
#include <strings.h>

enum { TOKEN_ANSWER_MAX = 1 << 20, TOKEN_MAX = 32 << 10, SCOPE_MAX = 1024 };

/* An Authorization field for one origin and what is done there; in the client's arena. */
struct sw_token {
    sw_token *next;
    sw_str origin, scope;
    const char *authorization;
};

/* "repository:acme/hello:pull", and the one that is read from; "" for the registry itself. */
static void wanted_scope(const sw_call *call, char out[SCOPE_MAX])
{
    out[0] = '\0';
    if (call->repository != NULL) {
        (void)snprintf(out, SCOPE_MAX, "repository:%s%s:%s%s%s%s%s", call->at->prefix,
                       call->repository, call->actions, call->from == NULL ? "" : " repository:",
                       call->from == NULL ? "" : call->at->prefix,
                       call->from == NULL ? "" : call->from, call->from == NULL ? "" : ":pull");
    }
}

static sw_token *find_token(const sw_call *call, const char *scope)
{
    for (sw_token *t = call->client->cache; t != NULL; t = t->next) {
        if (sw_str_eq(t->origin, sw_str_of(call->at->origin)) &&
            sw_str_eq(t->scope, sw_str_of(scope))) {
            return t;
        }
    }
    return NULL;
}

void sw_call_use_token(sw_call *call)
{
    char scope[SCOPE_MAX];
    wanted_scope(call, scope);
    const sw_token *t = call->given != NULL ? NULL : find_token(call, scope);
    if (t != NULL) {
        call->transfer.authorization = t->authorization;
    }
}

static sw_status keep(sw_call *call, const char *authorization)
{
    char scope[SCOPE_MAX];
    sw_client *c = call->client;
    wanted_scope(call, scope);
    sw_token *t = find_token(call, scope);
    if (t == NULL) {
        t = SW_NEW(&c->arena, sw_token);
        if (t == NULL) {
            return SW_NO_MEMORY;
        }
        t->origin = sw_arena_str(&c->arena, sw_str_of(call->at->origin));
        t->scope = sw_arena_str(&c->arena, sw_str_of(scope));
        if (t->origin.ptr == NULL || t->scope.ptr == NULL) {
            return SW_NO_MEMORY;
        }
        t->next = c->cache;
        c->cache = t;
    }
    t->authorization = authorization;
    call->transfer.authorization = authorization;
    return SW_OK;
}

static sw_str basic(sw_call *call, const sw_credentials *who)
{
    sw_arena *a = &call->client->arena;
    sw_str pair = sw_arena_printf(a, "%.*s:%.*s", SW_STR_ARG(who->user), SW_STR_ARG(who->password));
    sw_str code = pair.ptr == NULL ? pair : sw_base64_encode(pair, a);
    return code.ptr == NULL ? code : sw_arena_printf(a, "Basic %.*s", SW_STR_ARG(code));
}

/* ---- The token server ------------------------------------------------------------------------ */

/* A field's value must not end the line. */
static bool is_token(const char *s)
{
    size_t len = s == NULL ? 0 : strlen(s);
    for (size_t i = 0; i < len; i++) {
        if (s[i] <= ' ' || s[i] > '~') {
            return false;
        }
    }
    return len != 0 && len <= TOKEN_MAX;
}

static sw_status read_token(sw_call *call, const sw_transfer *t, sw_diag *diag)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)t->answer.ptr, t->answer.len, 0, &error);
    const char *token = json_string_value(json_object_get(root, "token"));
    if (token == NULL || token[0] == '\0') {
        token = json_string_value(json_object_get(root, "access_token"));
    }
    bool ok = is_token(token);
    sw_str field = ok ? sw_arena_printf(&call->client->arena, "Bearer %s", token) : (sw_str){};
    json_decref(root);
    if (!ok) {
        return sw_fail(diag, SW_INVALID, SW_NO_OFFSET, "%s: its token server sends no token",
                       call->at->host);
    }
    return field.ptr == NULL ? SW_NO_MEMORY : keep(call, field.ptr);
}

/* Each scope is a parameter of its own. */
static bool add_scopes(char *to, size_t size, sw_str scopes)
{
    bool ok = true;
    while (scopes.len != 0 && ok) {
        size_t len = sw_str_find(scopes, ' ');
        ok = len == 0 || sw_url_add(to, size, "scope", sw_str_slice(scopes, 0, len));
        len += len < scopes.len;
        scopes = sw_str_slice(scopes, len, scopes.len - len);
    }
    return ok;
}

/* What the registry asks for, and what it cannot know that we want. */
static sw_str scopes_of(const sw_call *call, const sw_challenge *ch, sw_arena *arena)
{
    char wanted[SCOPE_MAX];
    wanted_scope(call, wanted);
    sw_str w = sw_str_of(wanted);
    if (ch->scope.len == 0 || (call->from == NULL && sw_str_eq(ch->scope, w))) {
        return ch->scope.len == 0 ? sw_arena_str(arena, w) : ch->scope;
    }
    return call->from == NULL
               ? ch->scope
               : sw_arena_printf(arena, "%.*s repository:%s%s:pull", SW_STR_ARG(ch->scope),
                                 call->at->prefix, call->from);
}

static sw_transfer_verdict done(void *env, sw_transfer *t)
{
    (void)env;
    (void)t;
    return SW_TRANSFER_DONE;
}

static sw_status refused(const sw_call *call, const sw_transfer *t, sw_diag *diag)
{
    if (t->status == 401 || t->status == 403) {
        return sw_fail(diag, SW_DENIED, SW_NO_OFFSET,
                       "%s: its token server refuses the credentials", call->at->host);
    }
    return sw_fail(diag, SW_IO, SW_NO_OFFSET, "%s: its token server answers %u", call->at->host,
                   t->status);
}

static sw_status exchange(sw_call *call, sw_transfer *t, sw_diag *diag)
{
    sw_transfer *all[] = {t};
    t->max_bytes = TOKEN_ANSWER_MAX;
    SW_TRY(sw_transfers_run(&call->client->tokens, all, 1, 1, done, NULL, diag));
    if (t->st != SW_OK) {
        *diag = t->diag;
        return sw_fail_context(diag, t->st, "%s: its token server", call->at->host);
    }
    return t->status == 200 ? read_token(call, t, diag) : refused(call, t, diag);
}

static bool fill_query(sw_transfer *t, const sw_challenge *ch, sw_str scopes)
{
    return (ch->service.len == 0 || sw_url_add(t->url, sizeof t->url, "service", ch->service)) &&
           add_scopes(t->url, sizeof t->url, scopes);
}

/* An identity token is exchanged by a form (the OAuth 2 flow of Docker's registries). */
static bool fill_form(sw_transfer *t, const sw_challenge *ch, sw_str scopes, sw_str identity,
                      char form[SW_TRANSFER_URL_MAX])
{
    form[0] = '\0';
    if (!sw_url_add(form, SW_TRANSFER_URL_MAX, "grant_type", SW_STR("refresh_token")) ||
        !sw_url_add(form, SW_TRANSFER_URL_MAX, "service", ch->service) ||
        !sw_url_add(form, SW_TRANSFER_URL_MAX, "client_id", SW_STR("swell")) ||
        !sw_url_add(form, SW_TRANSFER_URL_MAX, "scope", scopes) ||
        !sw_url_add(form, SW_TRANSFER_URL_MAX, "refresh_token", identity)) {
        return false;
    }
    t->method = "POST";
    t->content_type = "application/x-www-form-urlencoded";
    t->body = (sw_bytes){(const uint8_t *)form + 1, strlen(form) - 1}; /* without the '?' */
    return true;
}

static sw_status ask(sw_call *call, const sw_challenge *ch, const sw_credentials *who,
                     sw_transfer *t, sw_diag *diag)
{
    char *form = sw_arena_alloc(&t->arena, SW_TRANSFER_URL_MAX, 1);
    sw_str scopes = scopes_of(call, ch, &t->arena);
    if (form == NULL || scopes.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    t->method = "GET";
    (void)snprintf(t->url, sizeof t->url, "%.*s", SW_STR_ARG(ch->realm));
    bool fits = ch->realm.len < sizeof t->url;
    if (who->identity_token.len != 0) {
        fits = fits && fill_form(t, ch, scopes, who->identity_token, form);
    } else {
        fits = fits && fill_query(t, ch, scopes);
    }
    if (!fits) {
        return sw_fail(diag, SW_LIMIT, SW_NO_OFFSET, "%s: its challenge is too long",
                       call->at->host);
    }
    if (who->user.len != 0) {
        sw_str field = basic(call, who);
        if (field.ptr == NULL) {
            return SW_NO_MEMORY;
        }
        t->authorization = field.ptr;
    }
    return exchange(call, t, diag);
}

/* Credentials do not go where they could be read on the way, unless the registry is asked so. */
static sw_status check_realm(const sw_call *call, const sw_challenge *ch, sw_diag *diag)
{
    sw_str origin = sw_url_origin(ch->realm);
    bool is_plain = origin.len != 0 && strncasecmp(origin.ptr, "http:", 5) == 0;
    if (origin.len == 0 || (is_plain && strncmp(call->at->origin, "http:", 5) != 0)) {
        return sw_fail(diag, SW_DENIED, SW_NO_OFFSET,
                       "%s: its token server is not asked by HTTPS: "
                       "'%.*s'",
                       call->at->host, (int)SW_MIN(ch->realm.len, 200), ch->realm.ptr);
    }
    return SW_OK;
}

static sw_status get_bearer(sw_call *call, const sw_challenge *ch, const sw_credentials *who,
                            sw_diag *diag)
{
    sw_transfer *t;
    if (who->registry_token.len != 0) {
        sw_str field =
            sw_arena_printf(&call->client->arena, "Bearer %.*s", SW_STR_ARG(who->registry_token));
        return field.ptr == NULL ? SW_NO_MEMORY : keep(call, field.ptr);
    }
    SW_TRY(check_realm(call, ch, diag));
    t = sw_alloc(NULL, sizeof *t);
    if (t == NULL) {
        return SW_NO_MEMORY;
    }
    sw_transfer_init(t);
    sw_status st = ask(call, ch, who, t, diag);
    sw_transfer_clear(t);
    sw_free(NULL, t, sizeof *t);
    return st;
}

sw_status sw_call_authorize(sw_call *call, sw_diag *diag)
{
    sw_arena *arena = &call->client->arena;
    sw_challenge ch;
    sw_credentials who = {};
    if (!sw_challenge_parse(call->transfer.fields[SW_ANSWER_AUTHENTICATE], arena, &ch)) {
        return SW_NO_MEMORY;
    }
    if (call->given != NULL) {
        who = *call->given;
    } else {
        SW_TRY(sw_credentials_find(call->at->host, call->repository, arena, diag, &who));
    }
    if (ch.has_bearer) {
        return get_bearer(call, &ch, &who, diag);
    }
    if (!ch.has_basic || who.user.len == 0 || call->challenges > 1) {
        return sw_call_refused(call, diag);
    }
    sw_str field = basic(call, &who);
    return field.ptr == NULL ? SW_NO_MEMORY : keep(call, field.ptr);
}
