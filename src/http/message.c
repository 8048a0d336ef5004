#include "message.h"

#include "base/utf8.h"

#include <string.h>

enum {
    METHOD_MAX = 32,
    ITEMS_FIRST = 16, /* what a list begins with */
    TEXT_FIRST = 512,
    GARBAGE_MIN = 1024 /* less is not worth tidying */
};

// clang-format off
const uint8_t sw_http_class[256] = {
     0,  0,  0,  0,  0,  0,  0,  0,  0,  2,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     2, 15,  6,  3, 15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15,  6,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6, 14,  6, 14,  6,  6,
     6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  6,  6,  7, 15,
     7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  7,  6, 15,  0,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
};

const uint8_t sw_http_lower[256] = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
    0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
    0x40, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
    0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f,
    0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
    0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
    0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f,
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
    0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf,
    0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf,
    0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
    0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef,
    0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
};
// clang-format on

/*
 * Fields.
 */

void sw_http_fields_init(sw_http_fields *f, sw_budget *budget, uint32_t max_count,
                         uint32_t max_bytes)
{
    assert(max_bytes <= SW_HTTP_TEXT_MAX);
    *f = (sw_http_fields){.budget = budget, .max_count = max_count, .max_bytes = max_bytes};
}

void sw_http_fields_clear(sw_http_fields *f)
{
    sw_free(f->budget, f->text, f->text_capacity);
    sw_free(f->budget, f->items, f->capacity * sizeof *f->items);
    sw_http_fields_init(f, f->budget, f->max_count, f->max_bytes);
}

void sw_http_fields_reset(sw_http_fields *f)
{
    f->text_len = 0;
    f->garbage_bytes = 0;
    f->count = 0;
    f->field_bytes = 0;
    memset(f->parts, 0, sizeof f->parts);
}

static uint32_t move_text(char *to, uint32_t at, const char *from, uint32_t *text, uint32_t len)
{
    memcpy(to + at, from + *text, len);
    *text = at;
    return at + len;
}

/* Copies what is alive to another block. */
static void tidy(sw_http_fields *f, char *to)
{
    uint32_t at = 0;
    for (size_t i = 0; i < SW_HTTP_PARTS; i++) {
        at = move_text(to, at, f->text, &f->parts[i].at, f->parts[i].len);
    }
    for (uint32_t i = 0; i < f->count; i++) {
        sw_http_field *item = &f->items[i];
        at = move_text(to, at, f->text, &item->name, item->name_len);
        at = move_text(to, at, f->text, &item->value, item->value_len);
    }
    f->text_len = at;
    f->garbage_bytes = 0;
}

static bool grow_text(sw_http_fields *f, uint64_t need_bytes)
{
    bool is_untidy = f->garbage_bytes >= GARBAGE_MIN && f->garbage_bytes >= f->text_len / 2;
    uint64_t live = need_bytes - (is_untidy ? f->garbage_bytes : 0);
    uint64_t capacity = SW_MAX(live + live / 2, TEXT_FIRST);
    if (capacity > UINT32_MAX) {
        return false;
    }
    char *text = is_untidy ? sw_alloc(f->budget, capacity)
                           : sw_realloc(f->budget, f->text, f->text_capacity, capacity);
    if (text == NULL) {
        return false;
    }
    if (is_untidy) {
        tidy(f, text);
        sw_free(f->budget, f->text, f->text_capacity);
    }
    f->text = text;
    f->text_capacity = (uint32_t)capacity;
    return true;
}

static bool grow_items(sw_http_fields *f, uint64_t need)
{
    uint64_t capacity = SW_MAX(need + need / 2, ITEMS_FIRST);
    if (capacity > UINT32_MAX / sizeof *f->items) {
        return false;
    }
    sw_http_field *items =
        sw_realloc(f->budget, f->items, f->capacity * sizeof *items, capacity * sizeof *items);
    if (items == NULL) {
        return false;
    }
    f->items = items;
    f->capacity = (uint32_t)capacity;
    return true;
}

bool sw_http_fields_reserve(sw_http_fields *f, uint32_t text_bytes, uint32_t items)
{
    uint64_t text_need = (uint64_t)f->text_len + text_bytes;
    uint64_t items_need = (uint64_t)f->count + items;
    return (text_need <= f->text_capacity || grow_text(f, text_need)) &&
           (items_need <= f->capacity || grow_items(f, items_need));
}

static sw_str trim(sw_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = sw_str_slice(s, 1, s.len - 1);
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

/* The text's end, where the room has been reserved. */
static uint32_t put(sw_http_fields *f, sw_str s)
{
    uint32_t at = f->text_len;
    if (s.len > 0) {
        memcpy(f->text + at, s.ptr, s.len);
    }
    f->text_len += (uint32_t)s.len;
    return at;
}

sw_status sw_http_fields_append(sw_http_fields *f, sw_str name, sw_str value)
{
    if (!sw_http_is_name(name) || !sw_http_is_value(value)) {
        return SW_ARGUMENT;
    }
    value = trim(value);
    uint64_t cost = (uint64_t)name.len + value.len + SW_HTTP_FIELD_COST;
    if (f->count >= f->max_count || cost > f->max_bytes - f->field_bytes) {
        return SW_LIMIT;
    }
    if (!sw_http_fields_reserve(f, (uint32_t)(name.len + value.len), 1)) {
        return SW_NO_MEMORY;
    }
    sw_http_field *item = &f->items[f->count++];
    item->name_len = (uint32_t)name.len;
    item->value_len = (uint32_t)value.len;
    item->name = put(f, name);
    for (size_t i = 0; i < name.len; i++) {
        char *c = &f->text[item->name + i];
        *c = (char)sw_http_lower[(uint8_t)*c];
    }
    item->value = put(f, value);
    f->field_bytes += (uint32_t)cost;
    return SW_OK;
}

static bool eq_any_case(sw_str a, sw_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (sw_http_lower[(uint8_t)a.ptr[i]] != sw_http_lower[(uint8_t)b.ptr[i]]) {
            return false;
        }
    }
    return true;
}

uint32_t sw_http_fields_remove(sw_http_fields *f, sw_str name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        const sw_http_field item = f->items[i];
        if (eq_any_case(sw_http_field_name(f, i), name)) {
            f->garbage_bytes += item.name_len + item.value_len;
            f->field_bytes -= item.name_len + item.value_len + SW_HTTP_FIELD_COST;
        } else {
            f->items[kept++] = item;
        }
    }
    uint32_t removed = f->count - kept;
    f->count = kept;
    return removed;
}

uint32_t sw_http_fields_find(const sw_http_fields *f, sw_str name, uint32_t from)
{
    uint32_t i = from;
    while (i < f->count && !eq_any_case(sw_http_field_name(f, i), name)) {
        i++;
    }
    return SW_MIN(i, f->count);
}

bool sw_http_fields_get(const sw_http_fields *f, sw_str name, sw_str *ret_value)
{
    uint32_t i = sw_http_fields_find(f, name, 0);
    *ret_value = i < f->count ? sw_http_field_value(f, i) : (sw_str){};
    return i < f->count;
}

sw_status sw_http_fields_copy(sw_http_fields *f, const sw_http_fields *from)
{
    sw_http_fields_reset(f);
    if (from->count > f->max_count || from->field_bytes > f->max_bytes) {
        return SW_LIMIT;
    }
    if (!sw_http_fields_reserve(f, from->text_len, from->count)) {
        return SW_NO_MEMORY;
    }
    if (from->text_len > 0) {
        memcpy(f->text, from->text, from->text_len);
    }
    if (from->count > 0) {
        memcpy(f->items, from->items, from->count * sizeof *f->items);
    }
    memcpy(f->parts, from->parts, sizeof f->parts);
    f->text_len = from->text_len;
    f->garbage_bytes = from->garbage_bytes;
    f->count = from->count;
    f->field_bytes = from->field_bytes;
    return SW_OK;
}

/*
 * Heads.
 */

void sw_http_head_init(sw_http_head *h, sw_budget *budget, uint32_t max_count, uint32_t max_bytes)
{
    *h = (sw_http_head){};
    sw_http_fields_init(&h->fields, budget, max_count, max_bytes);
}

void sw_http_head_clear(sw_http_head *h)
{
    sw_http_fields_clear(&h->fields);
    sw_http_head_reset(h);
}

void sw_http_head_reset(sw_http_head *h)
{
    sw_http_fields_reset(&h->fields);
    h->method = SW_HTTP_GET;
    h->status = 0;
    h->version = 0;
}

sw_status sw_http_head_copy(sw_http_head *h, const sw_http_head *from)
{
    h->method = from->method;
    h->status = from->status;
    h->version = from->version;
    return sw_http_fields_copy(&h->fields, &from->fields);
}

sw_status sw_http_head_set_part(sw_http_head *h, sw_http_part part, sw_str text)
{
    if (text.len > SW_HTTP_TEXT_MAX) {
        return SW_LIMIT;
    }
    if (!sw_http_fields_reserve(&h->fields, (uint32_t)text.len, 0)) {
        return SW_NO_MEMORY;
    }
    h->fields.garbage_bytes += h->fields.parts[part].len;
    h->fields.parts[part] = (sw_http_text){put(&h->fields, text), (uint32_t)text.len};
    return SW_OK;
}

static const sw_str METHODS[] = {
    [SW_HTTP_GET] = SW_STR_INIT("GET"),         [SW_HTTP_HEAD] = SW_STR_INIT("HEAD"),
    [SW_HTTP_POST] = SW_STR_INIT("POST"),       [SW_HTTP_PUT] = SW_STR_INIT("PUT"),
    [SW_HTTP_DELETE] = SW_STR_INIT("DELETE"),   [SW_HTTP_CONNECT] = SW_STR_INIT("CONNECT"),
    [SW_HTTP_OPTIONS] = SW_STR_INIT("OPTIONS"), [SW_HTTP_TRACE] = SW_STR_INIT("TRACE"),
    [SW_HTTP_PATCH] = SW_STR_INIT("PATCH"),
};

sw_http_method sw_http_method_of(sw_str name)
{
    for (size_t i = 0; i < SW_COUNTOF(METHODS); i++) {
        if (sw_str_eq(METHODS[i], name)) {
            return (sw_http_method)i;
        }
    }
    return SW_HTTP_OTHER;
}

sw_str sw_http_method_name(sw_http_method m)
{
    return (size_t)m < SW_COUNTOF(METHODS) ? METHODS[m] : (sw_str){};
}

sw_status sw_http_head_set_method(sw_http_head *h, sw_str name)
{
    sw_http_method m = sw_http_method_of(name);
    if (!sw_http_is_method(name)) {
        return SW_ARGUMENT;
    }
    SW_TRY(sw_http_head_set_part(h, SW_HTTP_METHOD, m == SW_HTTP_OTHER ? name : (sw_str){}));
    h->method = m;
    return SW_OK;
}

sw_str sw_http_head_method(const sw_http_head *h)
{
    return h->method == SW_HTTP_OTHER ? sw_http_head_part(h, SW_HTTP_METHOD)
                                      : sw_http_method_name(h->method);
}

typedef struct status_reason {
    uint16_t status;
    sw_str text;
} status_reason;

static const status_reason REASONS[] = {
    {100, SW_STR_INIT("Continue")                       },
    {101, SW_STR_INIT("Switching Protocols")            },
    {102, SW_STR_INIT("Processing")                     },
    {103, SW_STR_INIT("Early Hints")                    },
    {200, SW_STR_INIT("OK")                             },
    {201, SW_STR_INIT("Created")                        },
    {202, SW_STR_INIT("Accepted")                       },
    {203, SW_STR_INIT("Non-Authoritative Information")  },
    {204, SW_STR_INIT("No Content")                     },
    {205, SW_STR_INIT("Reset Content")                  },
    {206, SW_STR_INIT("Partial Content")                },
    {300, SW_STR_INIT("Multiple Choices")               },
    {301, SW_STR_INIT("Moved Permanently")              },
    {302, SW_STR_INIT("Found")                          },
    {303, SW_STR_INIT("See Other")                      },
    {304, SW_STR_INIT("Not Modified")                   },
    {307, SW_STR_INIT("Temporary Redirect")             },
    {308, SW_STR_INIT("Permanent Redirect")             },
    {400, SW_STR_INIT("Bad Request")                    },
    {401, SW_STR_INIT("Unauthorized")                   },
    {402, SW_STR_INIT("Payment Required")               },
    {403, SW_STR_INIT("Forbidden")                      },
    {404, SW_STR_INIT("Not Found")                      },
    {405, SW_STR_INIT("Method Not Allowed")             },
    {406, SW_STR_INIT("Not Acceptable")                 },
    {408, SW_STR_INIT("Request Timeout")                },
    {409, SW_STR_INIT("Conflict")                       },
    {410, SW_STR_INIT("Gone")                           },
    {411, SW_STR_INIT("Length Required")                },
    {412, SW_STR_INIT("Precondition Failed")            },
    {413, SW_STR_INIT("Content Too Large")              },
    {414, SW_STR_INIT("URI Too Long")                   },
    {415, SW_STR_INIT("Unsupported Media Type")         },
    {416, SW_STR_INIT("Range Not Satisfiable")          },
    {417, SW_STR_INIT("Expectation Failed")             },
    {418, SW_STR_INIT("I'm a Teapot")                   },
    {421, SW_STR_INIT("Misdirected Request")            },
    {422, SW_STR_INIT("Unprocessable Content")          },
    {425, SW_STR_INIT("Too Early")                      },
    {426, SW_STR_INIT("Upgrade Required")               },
    {428, SW_STR_INIT("Precondition Required")          },
    {429, SW_STR_INIT("Too Many Requests")              },
    {431, SW_STR_INIT("Request Header Fields Too Large")},
    {451, SW_STR_INIT("Unavailable For Legal Reasons")  },
    {500, SW_STR_INIT("Internal Server Error")          },
    {501, SW_STR_INIT("Not Implemented")                },
    {502, SW_STR_INIT("Bad Gateway")                    },
    {503, SW_STR_INIT("Service Unavailable")            },
    {504, SW_STR_INIT("Gateway Timeout")                },
    {505, SW_STR_INIT("HTTP Version Not Supported")     },
    {507, SW_STR_INIT("Insufficient Storage")           },
    {508, SW_STR_INIT("Loop Detected")                  },
};

sw_str sw_http_reason(uint16_t status)
{
    size_t low = 0;
    size_t high = SW_COUNTOF(REASONS);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (REASONS[middle].status == status) {
            return REASONS[middle].text;
        }
        if (REASONS[middle].status < status) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (sw_str){};
}

/*
 * What may stand where.
 */

static bool all_of(sw_str s, uint8_t class)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((sw_http_class[(uint8_t)s.ptr[i]] & class) == 0) {
            return false;
        }
    }
    return true;
}

bool sw_http_is_name(sw_str s)
{
    return s.len > 0 && all_of(s, SW_HTTP_CLASS_TOKEN);
}

bool sw_http_is_value(sw_str s)
{
    return all_of(s, SW_HTTP_CLASS_VALUE);
}

bool sw_http_is_method(sw_str s)
{
    return s.len <= METHOD_MAX && sw_http_is_name(s);
}

bool sw_http_is_path(sw_str s)
{
    bool begins = s.len > 0 && (s.ptr[0] == '/' || (s.len == 1 && s.ptr[0] == '*'));
    return begins && all_of(s, SW_HTTP_CLASS_PATH) && sw_utf8_valid(sw_str_bytes(s));
}

bool sw_http_is_scheme(sw_str s)
{
    bool begins = s.len > 0 && sw_http_lower[(uint8_t)s.ptr[0]] >= 'a' &&
                  sw_http_lower[(uint8_t)s.ptr[0]] <= 'z';
    for (size_t i = 1; i < s.len; i++) {
        uint8_t c = sw_http_lower[(uint8_t)s.ptr[i]];
        bool fits =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!fits) {
            return false;
        }
    }
    return begins;
}

/* Empty, or ":" and at most 65535 in decimal. */
static bool is_port(sw_str s)
{
    uint32_t port = 0;
    if (s.len == 0) {
        return true;
    }
    if (s.ptr[0] != ':' || s.len > 6) {
        return false;
    }
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        port = port * 10 + (uint32_t)(s.ptr[i] - '0');
    }
    return port <= UINT16_MAX;
}

/* What stands in brackets: an IPv6 address by its alphabet, or a later version's ("v1.x"). */
static bool is_ip_literal(sw_str s)
{
    if (s.len > 0 && (s.ptr[0] == 'v' || s.ptr[0] == 'V')) {
        return s.len > 3 && all_of(s, SW_HTTP_CLASS_HOST) && sw_str_find(s, '%') == s.len;
    }
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = sw_http_lower[(uint8_t)s.ptr[i]];
        bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
        if (!fits) {
            return false;
        }
    }
    return s.len >= 2;
}

bool sw_http_is_authority(sw_str s)
{
    if (s.len > 0 && s.ptr[0] == '[') {
        size_t end = sw_str_find(s, ']');
        return end < s.len && is_ip_literal(sw_str_slice(s, 1, end - 1)) &&
               is_port(sw_str_slice(s, end + 1, s.len - end - 1));
    }
    size_t end = sw_str_find(s, ':');
    return end > 0 && all_of(sw_str_slice(s, 0, end), SW_HTTP_CLASS_HOST) &&
           is_port(sw_str_slice(s, end, s.len - end));
}

static const sw_str FORBIDDEN[] = {
    SW_STR_INIT("connection"),
    SW_STR_INIT("host"),
    SW_STR_INIT("http2-settings"),
    SW_STR_INIT("keep-alive"),
    SW_STR_INIT("proxy-authenticate"),
    SW_STR_INIT("proxy-authorization"),
    SW_STR_INIT("proxy-connection"),
    SW_STR_INIT("transfer-encoding"),
    SW_STR_INIT("upgrade"),
};

bool sw_http_is_forbidden(sw_str name)
{
    for (size_t i = 0; i < SW_COUNTOF(FORBIDDEN); i++) {
        if (sw_http_eq_lower(name, FORBIDDEN[i])) {
            return true;
        }
    }
    return false;
}

bool sw_http_eq_lower(sw_str a, sw_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (sw_http_lower[(uint8_t)a.ptr[i]] != (uint8_t)b.ptr[i]) {
            return false;
        }
    }
    return true;
}

bool sw_http_read_length(sw_str s, uint64_t *ret_length)
{
    uint64_t length = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || length > 99999999999999999U) {
            return false;
        }
        length = length * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    if (s.len == 0) {
        return false;
    }
    *ret_length = length;
    return true;
}
