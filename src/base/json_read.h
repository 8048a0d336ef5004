/*
 * Reads JSON (RFC 8259) into a tree in an arena.
 *
 *     const sw_json_value *v;
 *     SW_TRY(sw_json_parse(&arena, text, diag, &v));
 *     const sw_json_value *docs = sw_json_member(v, SW_STR("docs"));
 *     if (docs != NULL && docs->kind == SW_JSON_STRING) ... docs->text ...
 */
#pragma once

#include "arena.h"
#include "status.h"

typedef enum sw_json_kind {
    SW_JSON_NULL,
    SW_JSON_FALSE,
    SW_JSON_TRUE,
    SW_JSON_NUMBER, /* text: as written */
    SW_JSON_STRING, /* text: unescaped UTF-8 */
    SW_JSON_ARRAY,  /* items */
    SW_JSON_OBJECT, /* items with keys */
} sw_json_kind;

typedef struct sw_json_value {
    sw_json_kind kind;
    sw_str text;
    sw_str key;                  /* in an object */
    struct sw_json_value *items; /* ARRAY, OBJECT: the first */
    struct sw_json_value *next;  /* in the list it is in */
} sw_json_value;

/* Texts without escapes are views of the input, which must live as long as the tree. SW_MALFORMED
 * with the offset; SW_LIMIT beyond 64 levels. */
SW_NODISCARD sw_status sw_json_parse(sw_arena *arena, sw_str text, sw_diag *diag,
                                     sw_json_value **ret_value);

/* The member of that key, or NULL: also when v is NULL or no object. */
const sw_json_value *sw_json_member(const sw_json_value *v, sw_str key);

/* The text of a string member, or the empty string. */
sw_str sw_json_member_text(const sw_json_value *v, sw_str key);
