/*
 * HTTP messages without a protocol: fields, heads and what may stand in them (RFC 9110).
 *
 * A list of fields is two blocks: one of text, one of items that are offsets into it. So a parsed
 * head costs one copy of its bytes, nothing points anywhere, growing moves freely, and an exchange
 * that is used again allocates nothing. Order is kept; names are stored in lower case; values are
 * bytes without surrounding white space. The request's method, scheme, authority and path, where
 * they are text, live in the same block ("parts").
 *
 * A span from here is good until the next change of the list it came from.
 * Memory is charged to the list's budget. One thread at a time.
 */
#pragma once

#include "base/memory.h"
#include "base/span.h"
#include "base/status.h"

typedef struct sw_http_field {
    uint32_t name, name_len;
    uint32_t value, value_len;
} sw_http_field;

typedef struct sw_http_text {
    uint32_t at, len;
} sw_http_text;

typedef enum sw_http_part {
    SW_HTTP_METHOD, /* text only of a method that sw_http_method does not list */
    SW_HTTP_SCHEME,
    SW_HTTP_AUTHORITY,
    SW_HTTP_PATH, /* with the query, as it came: no decoding, no normalisation */
    SW_HTTP_PARTS
} sw_http_part;

typedef struct sw_http_fields {
    char *text; /* owned, followed by items in no order */
    sw_http_field *items;
    uint32_t text_len, text_capacity, garbage_bytes;
    uint32_t count, capacity;
    uint32_t max_count;
    uint32_t max_bytes;   /* of names and values, and SW_HTTP_FIELD_COST for each field */
    uint32_t field_bytes; /* that sum now */
    sw_http_text parts[SW_HTTP_PARTS];
    sw_budget *budget; /* borrowed, may be NULL */
} sw_http_fields;

enum {
    SW_HTTP_FIELD_COST = 4,             /* ": " and CRLF */
    SW_HTTP_TEXT_MAX = 64 * 1024 * 1024 /* of any list: what max_bytes may be */
};

void sw_http_fields_init(sw_http_fields *f, sw_budget *budget, uint32_t max_count,
                         uint32_t max_bytes);
void sw_http_fields_clear(sw_http_fields *f); /* gives back everything; may be used again */
void sw_http_fields_reset(sw_http_fields *f); /* empties, keeps the blocks, forgets the parts */

/* Adds at the end. SW_ARGUMENT: name or value is not one of HTTP; SW_LIMIT: too many or too long;
 * SW_NO_MEMORY. Nothing has changed then. White space around the value is dropped. */
SW_NODISCARD sw_status sw_http_fields_append(sw_http_fields *f, sw_str name, sw_str value);
/* Removes all of that name (in any case) and returns how many they were. */
uint32_t sw_http_fields_remove(sw_http_fields *f, sw_str name);
/* The first field of that name (in any case) at or after index `from`; f->count if there is none.
 */
uint32_t sw_http_fields_find(const sw_http_fields *f, sw_str name, uint32_t from);
/* All of `from`, parts too, in place of what was in f. SW_LIMIT or SW_NO_MEMORY: f is empty. */
SW_NODISCARD sw_status sw_http_fields_copy(sw_http_fields *f, const sw_http_fields *from);

static inline sw_str sw_http_field_name(const sw_http_fields *f, uint32_t index)
{
    assert(index < f->count);
    return (sw_str){f->text + f->items[index].name, f->items[index].name_len};
}

static inline sw_str sw_http_field_value(const sw_http_fields *f, uint32_t index)
{
    assert(index < f->count);
    return (sw_str){f->text + f->items[index].value, f->items[index].value_len};
}

/* The value of the first field of that name; false, and an empty value, if there is none. */
bool sw_http_fields_get(const sw_http_fields *f, sw_str name, sw_str *ret_value);

/* For parsers: makes room, so that text and items may be written without a check. */
SW_NODISCARD bool sw_http_fields_reserve(sw_http_fields *f, uint32_t text_bytes, uint32_t items);

/* In the order of wasi:http's variant. */
typedef enum sw_http_method {
    SW_HTTP_GET,
    SW_HTTP_HEAD,
    SW_HTTP_POST,
    SW_HTTP_PUT,
    SW_HTTP_DELETE,
    SW_HTTP_CONNECT,
    SW_HTTP_OPTIONS,
    SW_HTTP_TRACE,
    SW_HTTP_PATCH,
    SW_HTTP_OTHER
} sw_http_method;

typedef struct sw_http_head {
    sw_http_fields fields;
    sw_http_method method; /* of a request */
    uint16_t status;       /* of a response: 100 to 999 */
    uint8_t version;       /* as it came: 10, 11, 20 */
} sw_http_head;

void sw_http_head_init(sw_http_head *h, sw_budget *budget, uint32_t max_count, uint32_t max_bytes);
void sw_http_head_clear(sw_http_head *h);
void sw_http_head_reset(sw_http_head *h);
SW_NODISCARD sw_status sw_http_head_copy(sw_http_head *h, const sw_http_head *from);

/* Empty if the head has no such part. */
static inline sw_str sw_http_head_part(const sw_http_head *h, sw_http_part part)
{
    return (sw_str){h->fields.text + h->fields.parts[part].at, h->fields.parts[part].len};
}

/* Stores a copy, without looking at it. */
SW_NODISCARD sw_status sw_http_head_set_part(sw_http_head *h, sw_http_part part, sw_str text);

/* Sets method, and its text if it is none of the listed. SW_ARGUMENT: not a token. */
SW_NODISCARD sw_status sw_http_head_set_method(sw_http_head *h, sw_str name);

/* The method's name, whichever it is. */
sw_str sw_http_head_method(const sw_http_head *h);

sw_http_method sw_http_method_of(sw_str name); /* methods are case-sensitive */
sw_str sw_http_method_name(sw_http_method m);  /* empty for SW_HTTP_OTHER */
sw_str sw_http_reason(uint16_t status);        /* "Not Found"; empty if unknown */

/*
 * What may stand where. All take any bytes.
 */
bool sw_http_is_name(sw_str s);      /* a field's name, in any case: a token */
bool sw_http_is_value(sw_str s);     /* no control character but tab; bytes above 0x7f are let be */
bool sw_http_is_method(sw_str s);    /* a token of at most 32 bytes */
bool sw_http_is_path(sw_str s);      /* "/..." visible, UTF-8, no '#', or "*" */
bool sw_http_is_authority(sw_str s); /* host or host:port; no user; host is not empty */
bool sw_http_is_scheme(sw_str s);

/* Fields of the connection, which wasi:http keeps from guests both ways: connection, keep-alive,
 * host, transfer-encoding, upgrade and their kin. In any case. */
bool sw_http_is_forbidden(sw_str name);

/* One byte, as in a table: what classes it belongs to. */
enum {
    SW_HTTP_CLASS_TOKEN = 1,
    SW_HTTP_CLASS_VALUE = 2,
    SW_HTTP_CLASS_PATH = 4,
    SW_HTTP_CLASS_HOST = 8 /* of a registered name: unreserved, sub-delims, '%' */
};

extern const uint8_t sw_http_class[256];
extern const uint8_t sw_http_lower[256];

/* Equal but for the case of ASCII letters; b is in lower case. */
bool sw_http_eq_lower(sw_str a, sw_str b);

/* A count of bytes as Content-Length has it: digits only, at most 18 of them after zeros. */
SW_NODISCARD bool sw_http_read_length(sw_str s, uint64_t *ret_length);
