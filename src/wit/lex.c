/* Tokens of WIT text. */
#include "wit/lex.h"

#include "base/utf8.h"
#include "wit/report.h"

#include <stdio.h>

static const sw_str KEYWORDS[] = {
#define X(name, text) SW_STR_INIT(text),
    SW_WIT_KEYWORD_MAP(X)
#undef X
};

const char *sw_wit_word_text(sw_wit_word w)
{
    return w < SW_WIT_W_NONE ? KEYWORDS[w].ptr : "";
}

bool sw_wit_is_keyword(sw_str name)
{
    for (size_t i = 0; i < SW_COUNTOF(KEYWORDS); i++) {
        if (sw_str_eq(name, KEYWORDS[i])) {
            return true;
        }
    }
    return false;
}

sw_status sw_wit_lexer_fail(sw_wit_lexer *l, const char *fmt, ...)
{
    if (l->status == SW_OK) {
        va_list args;
        va_start(args, fmt);
        l->status = sw_wit_failv(l->wit, SW_MALFORMED, sw_wit_token_loc(l), fmt, args);
        va_end(args);
    }
    l->token.kind = SW_WIT_END;
    l->token.word = SW_WIT_W_NONE;
    l->token.punct = '\0';
    return l->status;
}

static void fail_at(sw_wit_lexer *l, uint32_t offset, uint32_t len, const char *what)
{
    l->token.offset = offset;
    l->token.len = len;
    (void)sw_wit_lexer_fail(l, "%s", what);
}

/* ---- Characters ------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_name_char(char c)
{
    return is_digit(c) || is_lower(c) || is_upper(c) || c == '-';
}

/* NULL: allowed. Control codes, bidirectional overrides, and what Unicode deprecates. */
static const char *character_problem(uint32_t c)
{
    static const uint32_t deprecated[] = {0x149,  0x673,  0xf77,  0xf79,
                                          0x17a3, 0x17a4, 0x17b4, 0x17b5};
    if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || (c >= 0x7f && c < 0xa0)) {
        return "control code in the text";
    }
    if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) {
        return "bidirectional override in the text";
    }
    for (size_t i = 0; i < SW_COUNTOF(deprecated); i++) {
        if (c == deprecated[i]) {
            return "deprecated character in the text";
        }
    }
    return NULL;
}

bool sw_wit_text_is_allowed(sw_str text)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t c = 0;
        size_t len = sw_utf8_decode(sw_str_bytes(sw_str_slice(text, at, text.len - at)), &c);
        if (len == 0 || character_problem(c) != NULL) {
            return false;
        }
        at += len;
    }
    return true;
}

static void check_characters(sw_wit_lexer *l)
{
    for (uint32_t at = 0; at < l->text.len;) {
        uint32_t c = (uint8_t)l->text.ptr[at];
        size_t len = 1;
        if (c >= 0x80) {
            len = sw_utf8_decode(sw_str_bytes(sw_str_slice(l->text, at, l->text.len - at)), &c);
        }
        const char *problem = len == 0 ? "the text is not UTF-8" : character_problem(c);
        if (problem != NULL) {
            fail_at(l, at, 1, problem);
            return;
        }
        at += (uint32_t)len;
    }
}

/* ---- White space ----------------------------------------------------------------------------- */

static bool looking_at(const sw_wit_lexer *l, const char *what)
{
    return sw_str_starts(sw_str_slice(l->text, l->at, l->text.len - l->at), sw_str_of(what));
}

static void skip_line(sw_wit_lexer *l)
{
    while (l->at < l->text.len && l->text.ptr[l->at] != '\n') {
        l->at++;
    }
}

static void skip_block(sw_wit_lexer *l)
{
    uint32_t start = l->at;
    uint32_t depth = 0;
    do {
        if (looking_at(l, "/*")) {
            depth++;
            l->at += 2;
        } else if (looking_at(l, "*/")) {
            depth--;
            l->at += 2;
        } else if (l->at >= l->text.len) {
            fail_at(l, start, 2, "comment is not closed");
            return;
        } else {
            l->at++;
        }
    } while (depth > 0);
}

/* Skips white space and comments; returns the span of the comments. */
static sw_str skip_blank(sw_wit_lexer *l)
{
    uint32_t docs_start = UINT32_MAX;
    uint32_t docs_end = 0;
    while (l->at < l->text.len && l->status == SW_OK) {
        uint32_t start = l->at;
        char c = l->text.ptr[l->at];
        bool is_comment = looking_at(l, "//") || looking_at(l, "/*");
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            l->at++;
        } else if (looking_at(l, "//")) {
            skip_line(l);
        } else if (looking_at(l, "/*")) {
            skip_block(l);
        } else {
            break;
        }
        if (is_comment) {
            docs_start = SW_MIN(docs_start, start);
            docs_end = l->at;
        }
    }
    return docs_end == 0 ? (sw_str){"", 0}
                         : sw_str_slice(l->text, docs_start, docs_end - docs_start);
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

/* Kebab-case: words of lower-case letters or of capitals, joined by single dashes. */
static bool is_label(sw_str s)
{
    bool lower = false;
    bool upper = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '-') {
            if (i == 0 || s.ptr[i - 1] == '-') {
                return false;
            }
            lower = false;
            upper = false;
            continue;
        }
        lower = lower || is_lower(c);
        upper = upper || is_upper(c);
        if (lower && upper) {
            return false;
        }
    }
    return s.len > 0 && !is_digit(s.ptr[0]) && s.ptr[s.len - 1] != '-';
}

static void lex_name(sw_wit_lexer *l, bool escaped)
{
    sw_wit_token *t = &l->token;
    uint32_t start = l->at;
    while (l->at < l->text.len && is_name_char(l->text.ptr[l->at])) {
        l->at++;
    }
    t->text = sw_str_slice(l->text, start, l->at - start);
    t->len = l->at - t->offset;
    t->kind = SW_WIT_ID;
    if (!is_label(t->text)) {
        (void)sw_wit_lexer_fail(l,
                                "`%.*s` is not a name: names are words of small letters, or of "
                                "capitals, joined by dashes",
                                SW_STR_ARG(t->text));
        return;
    }
    for (uint32_t i = 0; !escaped && i < SW_COUNTOF(KEYWORDS); i++) {
        if (sw_str_eq(t->text, KEYWORDS[i])) {
            t->kind = SW_WIT_KEYWORD;
            t->word = (sw_wit_word)i;
        }
    }
}

static void lex_integer(sw_wit_lexer *l)
{
    uint32_t start = l->at;
    while (l->at < l->text.len && is_digit(l->text.ptr[l->at])) {
        l->at++;
    }
    l->token.kind = SW_WIT_INTEGER;
    l->token.len = l->at - start;
    l->token.text = sw_str_slice(l->text, start, l->at - start);
}

static void lex_string(sw_wit_lexer *l)
{
    uint32_t start = ++l->at;
    while (l->at < l->text.len && l->text.ptr[l->at] != '"' && l->text.ptr[l->at] != '\n') {
        l->at += l->text.ptr[l->at] == '\\' && l->at + 1 < l->text.len ? 2 : 1;
    }
    if (l->at >= l->text.len || l->text.ptr[l->at] != '"') {
        fail_at(l, start - 1, 1, "string is not closed");
        return;
    }
    l->token.kind = SW_WIT_STRING;
    l->token.text = sw_str_slice(l->text, start, l->at - start);
    l->at++;
    l->token.len = l->at - l->token.offset;
}

static void lex_punct(sw_wit_lexer *l)
{
    char c = l->text.ptr[l->at];
    l->token.len = 1;
    if (looking_at(l, "->")) {
        l->token.kind = SW_WIT_ARROW;
        l->token.len = 2;
    } else if (memchr("=,:;(){}<>*/.@_", c, 15) != NULL) {
        l->token.kind = SW_WIT_PUNCT;
        l->token.punct = c;
    } else {
        (void)sw_wit_lexer_fail(l, "character has no meaning here");
        return;
    }
    l->token.text = sw_str_slice(l->text, l->at, l->token.len);
    l->at += l->token.len;
}

void sw_wit_lexer_next(sw_wit_lexer *l)
{
    if (l->status != SW_OK) {
        return;
    }
    l->token = (sw_wit_token){.word = SW_WIT_W_NONE};
    l->token.docs = skip_blank(l);
    if (l->status != SW_OK) {
        return;
    }
    l->token.offset = l->at;
    if (l->at == l->text.len) {
        l->token.kind = SW_WIT_END;
        l->token.text = (sw_str){"", 0};
        return;
    }
    char c = l->text.ptr[l->at];
    if (c == '%') {
        l->at++;
        lex_name(l, true);
    } else if (is_lower(c) || is_upper(c)) {
        lex_name(l, false);
    } else if (is_digit(c)) {
        lex_integer(l);
    } else if (c == '"') {
        lex_string(l);
    } else {
        lex_punct(l);
    }
}

sw_str sw_wit_lexer_version(sw_wit_lexer *l)
{
    if (l->status != SW_OK) {
        return (sw_str){"", 0};
    }
    uint32_t start = l->token.offset;
    uint32_t end = start;
    while (end < l->text.len &&
           (is_name_char(l->text.ptr[end]) || l->text.ptr[end] == '.' || l->text.ptr[end] == '+')) {
        end++;
    }
    /* "@1.0.0.{...}": the last point belongs to the use. */
    end -= end > start && l->text.ptr[end - 1] == '.';
    sw_str text = sw_str_slice(l->text, start, end - start);
    sw_semver version;
    l->token.len = SW_MAX(end - start, 1u);
    if (!sw_semver_parse(text, &version)) {
        (void)sw_wit_lexer_fail(l, "expected a version such as 1.0.0");
        return (sw_str){"", 0};
    }
    l->at = end;
    sw_wit_lexer_next(l);
    return text;
}

void sw_wit_lexer_init(sw_wit_lexer *l, sw_wit *w, uint32_t source)
{
    *l = (sw_wit_lexer){.wit = w, .source = source, .text = w->sources[source].text};
    check_characters(l);
    if (l->status != SW_OK) {
        return;
    }
    if (looking_at(l, "\xef\xbb\xbf")) {
        l->at = 3;
    }
    sw_wit_lexer_next(l);
}
