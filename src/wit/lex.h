/*
 * Tokens of WIT text.
 *
 * The lexer looks one token ahead and no further; comments before a token are its docs. Versions
 * ("1.0.0-rc.1") are no tokens: the parser asks for one where the grammar wants it.
 */
#pragma once

#include "wit/wit.h"

typedef enum sw_wit_token_kind {
    SW_WIT_END,
    SW_WIT_ID,      /* text without '%' */
    SW_WIT_KEYWORD, /* word tells which */
    SW_WIT_INTEGER,
    SW_WIT_STRING, /* text between the quotes, escapes checked but left */
    SW_WIT_ARROW,
    SW_WIT_PUNCT, /* a single character: punct */
} sw_wit_token_kind;

// clang-format off
#define SW_WIT_KEYWORD_MAP(X) \
    X(AS, "as") X(ASYNC, "async") X(BOOL, "bool") X(BORROW, "borrow") X(CHAR, "char") \
    X(CONSTRUCTOR, "constructor") X(ENUM, "enum") X(ERROR_CONTEXT, "error-context") \
    X(EXPORT, "export") X(F32, "f32") X(F64, "f64") X(FLAGS, "flags") X(FROM, "from") \
    X(FUNC, "func") X(FUTURE, "future") X(IMPORT, "import") X(INCLUDE, "include") \
    X(INTERFACE, "interface") X(LIST, "list") X(MAP, "map") X(OPTION, "option") X(OWN, "own") \
    X(PACKAGE, "package") X(RECORD, "record") X(RESOURCE, "resource") X(RESULT, "result") \
    X(S16, "s16") X(S32, "s32") X(S64, "s64") X(S8, "s8") X(STATIC, "static") \
    X(STREAM, "stream") X(STRING, "string") X(TUPLE, "tuple") X(TYPE, "type") X(U16, "u16") \
    X(U32, "u32") X(U64, "u64") X(U8, "u8") X(USE, "use") X(VARIANT, "variant") \
    X(WITH, "with") X(WORLD, "world")
// clang-format on

typedef enum sw_wit_word {
#define X(name, text) SW_WIT_W_##name,
    SW_WIT_KEYWORD_MAP(X)
#undef X
        SW_WIT_W_NONE,
} sw_wit_word;

typedef struct sw_wit_token {
    sw_wit_token_kind kind;
    sw_wit_word word;
    char punct;
    sw_str text;
    uint32_t offset, len;
    sw_str docs; /* the comments in front, with whatever lies between them */
} sw_wit_token;

typedef struct sw_wit_lexer {
    sw_wit *wit;
    uint32_t source;
    sw_str text;
    uint32_t at;        /* just behind token */
    sw_wit_token token; /* the next one, not yet consumed */
    sw_status status;   /* sticky; the token is END after a failure */
} sw_wit_lexer;

/* Checks the whole text's characters and reads the first token. */
void sw_wit_lexer_init(sw_wit_lexer *l, sw_wit *w, uint32_t source);

void sw_wit_lexer_next(sw_wit_lexer *l);

/* Reads a version that starts where the present token starts, then the token behind it. */
sw_str sw_wit_lexer_version(sw_wit_lexer *l);

/* The text of a keyword. */
const char *sw_wit_word_text(sw_wit_word w);
bool sw_wit_is_keyword(sw_str name);

/* Whether a comment may hold this text. */
bool sw_wit_text_is_allowed(sw_str text);

/* Records the failure at the present token. Returns the first status. */
sw_status sw_wit_lexer_fail(sw_wit_lexer *l, const char *fmt, ...) SW_PRINTF(2, 3);

static inline sw_wit_loc sw_wit_token_loc(const sw_wit_lexer *l)
{
    return (sw_wit_loc){l->source, l->token.offset, l->token.len};
}
