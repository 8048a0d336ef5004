#include "registry/challenge.h"

#include <strings.h>

typedef struct cursor {
    sw_str left;
    sw_arena *arena;
    bool is_out_of_memory;
} cursor;

static void skip(cursor *c, const char *set)
{
    while (c->left.len != 0 && strchr(set, c->left.ptr[0]) != NULL) {
        c->left = sw_str_slice(c->left, 1, c->left.len - 1);
    }
}

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~/:", c) != NULL);
}

static sw_str take_token(cursor *c)
{
    size_t len = 0;
    while (len < c->left.len && is_token_char(c->left.ptr[len])) {
        len++;
    }
    sw_str token = sw_str_slice(c->left, 0, len);
    c->left = sw_str_slice(c->left, len, c->left.len - len);
    return token;
}

/* A quoted string, or a token. */
static sw_str take_value(cursor *c)
{
    if (c->left.len == 0 || c->left.ptr[0] != '"') {
        sw_str s = sw_arena_str(c->arena, take_token(c));
        c->is_out_of_memory = c->is_out_of_memory || s.ptr == NULL;
        return s;
    }
    char *out = sw_arena_alloc(c->arena, c->left.len + 1, 1);
    size_t used = 0, i = 1;
    for (; out != NULL && i < c->left.len && c->left.ptr[i] != '"'; i++) {
        i += c->left.ptr[i] == '\\' && i + 1 < c->left.len;
        out[used++] = c->left.ptr[i];
    }
    c->is_out_of_memory = c->is_out_of_memory || out == NULL;
    i = SW_MIN(i + 1, c->left.len);
    c->left = sw_str_slice(c->left, i, c->left.len - i);
    return (sw_str){out, used};
}

static bool is_word(sw_str s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

static void take_parameter(cursor *c, sw_str name, bool is_bearer, sw_challenge *ret)
{
    sw_str value = take_value(c);
    sw_str *to = is_word(name, "realm")     ? &ret->realm
                 : is_word(name, "service") ? &ret->service
                 : is_word(name, "scope")   ? &ret->scope
                                            : NULL;
    if (is_bearer && to != NULL) {
        *to = value;
    }
}

bool sw_challenge_parse(sw_str field, sw_arena *arena, sw_challenge *ret)
{
    cursor c = {field, arena, false};
    sw_challenge out = {.realm = SW_STR(""), .service = SW_STR(""), .scope = SW_STR("")};
    bool is_bearer = false;
    for (;;) {
        skip(&c, ", \t");
        sw_str word = take_token(&c);
        if (word.len == 0) {
            break;
        }
        skip(&c, " \t");
        if (c.left.len != 0 && c.left.ptr[0] == '=') {
            c.left = sw_str_slice(c.left, 1, c.left.len - 1);
            skip(&c, " \t");
            take_parameter(&c, word, is_bearer, &out);
        } else {
            is_bearer = is_word(word, "bearer") && !out.has_bearer;
            out.has_bearer = out.has_bearer || is_bearer;
            out.has_basic = out.has_basic || is_word(word, "basic");
        }
    }
    *ret = out;
    return !c.is_out_of_memory;
}
