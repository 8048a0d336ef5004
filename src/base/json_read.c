/* Reads JSON into a tree in an arena. */
#include "json_read.h"

#include "utf8.h"

enum { DEPTH_MAX = 64 };

typedef struct parser {
    sw_arena *arena;
    sw_diag *diag;
    sw_str text;
    size_t at;
    uint32_t depth;
} parser;

static sw_status bad(const parser *p, const char *what)
{
    return sw_fail(p->diag, SW_MALFORMED, (uint32_t)p->at, "JSON: %s", what);
}

static char peek(const parser *p)
{
    return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

static void skip_blank(parser *p)
{
    while (p->at < p->text.len && memchr(" \t\r\n", p->text.ptr[p->at], 4) != NULL) {
        p->at++;
    }
}

/* ---- Strings --------------------------------------------------------------------------------- */

static sw_status read_hex(parser *p, uint32_t *ret_unit)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++, p->at++) {
        char c = peek(p);
        char lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9') {
            unit = unit * 16 + (uint32_t)(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            unit = unit * 16 + (uint32_t)(lower - 'a') + 10;
        } else {
            return bad(p, "four hexadecimal digits expected");
        }
    }
    *ret_unit = unit;
    return SW_OK;
}

/* Behind "\u": one code unit, or two that make a scalar. */
static sw_status read_unicode(parser *p, char *out, size_t *len)
{
    uint32_t high = 0;
    uint32_t low = 0;
    SW_TRY(read_hex(p, &high));
    if (high >= 0xd800 && high < 0xdc00 && p->at + 1 < p->text.len && p->text.ptr[p->at] == '\\' &&
        p->text.ptr[p->at + 1] == 'u') {
        p->at += 2;
        SW_TRY(read_hex(p, &low));
        if (low < 0xdc00 || low > 0xdfff) {
            return bad(p, "half a surrogate pair");
        }
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    } else if (high >= 0xd800 && high < 0xe000) {
        return bad(p, "half a surrogate pair");
    }
    *len += sw_utf8_encode(high, (uint8_t *)out + *len);
    return SW_OK;
}

static sw_status read_escape(parser *p, char *out, size_t *len)
{
    static const char FROM[] = "\"\\/bfnrt";
    static const char TO[] = "\"\\/\b\f\n\r\t";
    char c = peek(p);
    const char *found = c == '\0' ? NULL : strchr(FROM, c);
    p->at++;
    if (c == 'u') {
        return read_unicode(p, out, len);
    }
    if (found == NULL) {
        return bad(p, "unknown escape");
    }
    out[(*len)++] = TO[found - FROM];
    return SW_OK;
}

/* The end of the string that starts behind p->at, and whether it has escapes. */
static sw_status scan_string(const parser *p, size_t *ret_end, bool *ret_escapes)
{
    size_t at = p->at;
    *ret_escapes = false;
    while (at < p->text.len && p->text.ptr[at] != '"') {
        if ((uint8_t)p->text.ptr[at] < 0x20) {
            return bad(p, "control character in a string");
        }
        bool is_escape = p->text.ptr[at] == '\\';
        *ret_escapes = *ret_escapes || is_escape;
        at += is_escape ? 2 : 1;
    }
    *ret_end = at;
    return at < p->text.len ? SW_OK : bad(p, "string is not closed");
}

static sw_status read_string(parser *p, sw_str *ret_text)
{
    size_t end = 0;
    bool has_escapes = false;
    p->at++;
    SW_TRY(scan_string(p, &end, &has_escapes));
    if (!has_escapes) {
        *ret_text = sw_str_slice(p->text, p->at, end - p->at);
        p->at = end + 1;
        return SW_OK;
    }
    char *out = sw_arena_alloc(p->arena, end - p->at + 1, 1);
    size_t len = 0;
    if (out == NULL) {
        return sw_fail(p->diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
    }
    while (p->at < end) {
        char c = p->text.ptr[p->at++];
        if (c == '\\') {
            SW_TRY(read_escape(p, out, &len));
        } else {
            out[len++] = c;
        }
    }
    p->at = end + 1;
    *ret_text = (sw_str){out, len};
    return SW_OK;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static sw_status read_value(parser *p, sw_json_value *v);

static sw_status read_word(parser *p, sw_json_value *v)
{
    static const struct {
        sw_str word;
        sw_json_kind kind;
    } WORDS[] = {
        {SW_STR_INIT("null"),  SW_JSON_NULL },
        {SW_STR_INIT("false"), SW_JSON_FALSE},
        {SW_STR_INIT("true"),  SW_JSON_TRUE },
    };
    sw_str rest = sw_str_slice(p->text, p->at, p->text.len - p->at);
    for (size_t i = 0; i < SW_COUNTOF(WORDS); i++) {
        if (sw_str_starts(rest, WORDS[i].word)) {
            v->kind = WORDS[i].kind;
            p->at += WORDS[i].word.len;
            return SW_OK;
        }
    }
    size_t start = p->at;
    while (p->at < p->text.len && memchr("+-.0123456789eE", p->text.ptr[p->at], 15) != NULL) {
        p->at++;
    }
    v->kind = SW_JSON_NUMBER;
    v->text = sw_str_slice(p->text, start, p->at - start);
    return v->text.len > 0 ? SW_OK : bad(p, "a value expected");
}

static sw_status read_key(parser *p, sw_json_value *item)
{
    if (peek(p) != '"') {
        return bad(p, "a key expected");
    }
    SW_TRY(read_string(p, &item->key));
    skip_blank(p);
    if (peek(p) != ':') {
        return bad(p, "':' expected");
    }
    p->at++;
    return SW_OK;
}

static sw_status read_items(parser *p, sw_json_value *v, char close)
{
    sw_json_value **end = &v->items;
    p->at++;
    skip_blank(p);
    while (peek(p) != close) {
        sw_json_value *item = SW_NEW(p->arena, sw_json_value);
        if (item == NULL) {
            return sw_fail(p->diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
        }
        if (v->kind == SW_JSON_OBJECT) {
            SW_TRY(read_key(p, item));
        }
        SW_TRY(read_value(p, item));
        *end = item;
        end = &item->next;
        skip_blank(p);
        if (peek(p) == ',') {
            p->at++;
            skip_blank(p);
            if (peek(p) == close) {
                return bad(p, "a value expected");
            }
        } else if (peek(p) != close) {
            return bad(p, "',' or the end of the list expected");
        }
    }
    p->at++;
    return SW_OK;
}

static sw_status read_value(parser *p, sw_json_value *v)
{
    skip_blank(p);
    if (++p->depth > DEPTH_MAX) {
        return sw_fail(p->diag, SW_LIMIT, (uint32_t)p->at, "JSON: nested too deeply");
    }
    sw_status st;
    switch (peek(p)) {
    case '"':
        v->kind = SW_JSON_STRING;
        st = read_string(p, &v->text);
        break;
    case '[':
        v->kind = SW_JSON_ARRAY;
        st = read_items(p, v, ']');
        break;
    case '{':
        v->kind = SW_JSON_OBJECT;
        st = read_items(p, v, '}');
        break;
    default: st = read_word(p, v); break;
    }
    p->depth--;
    return st;
}

sw_status sw_json_parse(sw_arena *arena, sw_str text, sw_diag *diag, sw_json_value **ret_value)
{
    parser p = {.arena = arena, .diag = diag, .text = text};
    sw_json_value *v = SW_NEW(arena, sw_json_value);
    if (v == NULL) {
        return sw_fail(diag, SW_NO_MEMORY, SW_NO_OFFSET, "out of memory");
    }
    if (!sw_utf8_valid(sw_str_bytes(text))) {
        return bad(&p, "the text is not UTF-8");
    }
    SW_TRY(read_value(&p, v));
    skip_blank(&p);
    if (p.at != text.len) {
        return bad(&p, "text behind the value");
    }
    *ret_value = v;
    return SW_OK;
}

const sw_json_value *sw_json_member(const sw_json_value *v, sw_str key)
{
    bool is_object = v != NULL && v->kind == SW_JSON_OBJECT;
    for (const sw_json_value *i = is_object ? v->items : NULL; i != NULL; i = i->next) {
        if (sw_str_eq(i->key, key)) {
            return i;
        }
    }
    return NULL;
}

sw_str sw_json_member_text(const sw_json_value *v, sw_str key)
{
    const sw_json_value *m = sw_json_member(v, key);
    return m != NULL && m->kind == SW_JSON_STRING ? m->text : (sw_str){"", 0};
}
