#include "h1_parse.h"

#include "base/utf8.h"
#include "http/h1_scan.h"

#include <string.h>

enum {
    METHOD_MAX = 32,
    FIELDS_MAX = 1000,
    BIG_BYTES = 2048, /* more than this is searched for its end before room is made for it */
    VERSION_BYTES = 8 /* "HTTP/1.1" */
};

static const sw_str CHUNKED = SW_STR_INIT("chunked");

/*
 * A head that is being read. Text is copied to the list at the offset that it has in the input, so
 * offsets mean both.
 */
typedef struct reader {
    const uint8_t *in, *at, *end;
    char *text; /* of the list */
    sw_http_fields *fields;
    sw_http_head *head;
    const sw_h1_limits *limits;
    sw_h1_error *error;
    bool in_start_line;

    /* Of the fields that matter here: index + 1, 0 if there was none. */
    uint32_t host, length, coding, expect;
    uint64_t length_value;
    bool is_chunked, says_close, says_keep_alive, says_upgrade;
} reader;

static sw_h1_result refuse(reader *r, uint16_t status, const uint8_t *at, const char *text)
{
    *r->error = (sw_h1_error){status, (uint32_t)(at - r->in), text};
    return SW_H1_REFUSED;
}

static uint32_t offset_of(const reader *r, const uint8_t *p)
{
    return (uint32_t)(p - r->in);
}

static sw_str text_of(const reader *r, sw_http_text t)
{
    return (sw_str){r->text + t.at, t.len};
}

/* CR and LF, or a refusal with the text for another byte. */
static sw_h1_result read_line_end(reader *r, const char *text)
{
    if (r->at == r->end) {
        return SW_H1_MORE;
    }
    if (*r->at != '\r') {
        return refuse(r, 400, r->at, *r->at == '\n' ? "a line ends with LF alone" : text);
    }
    if (r->end - r->at < 2) {
        return SW_H1_MORE;
    }
    if (r->at[1] != '\n') {
        return refuse(r, 400, r->at, "CR without LF");
    }
    r->at += 2;
    return SW_H1_DONE;
}

/*
 * Fields.
 */

/* Whether a list of tokens has this one. Elements that are no tokens are passed over. */
static bool list_has(sw_str list, sw_str token)
{
    while (list.len > 0) {
        size_t end = sw_str_find(list, ',');
        sw_str item = sw_str_slice(list, 0, end);
        while (item.len > 0 && (item.ptr[0] == ' ' || item.ptr[0] == '\t')) {
            item = sw_str_slice(item, 1, item.len - 1);
        }
        while (item.len > 0 && (item.ptr[item.len - 1] == ' ' || item.ptr[item.len - 1] == '\t')) {
            item.len--;
        }
        if (sw_http_eq_lower(item, token)) {
            return true;
        }
        size_t next = SW_MIN(end + 1, list.len);
        list = sw_str_slice(list, next, list.len - next);
    }
    return false;
}

static sw_h1_result read_host(reader *r, uint32_t index, const uint8_t *at)
{
    if (r->host != 0) {
        return refuse(r, 400, at, "more than one Host");
    }
    if (!sw_http_is_authority(sw_http_field_value(r->fields, index))) {
        return refuse(r, 400, at, "Host is not a host");
    }
    r->host = index + 1;
    return SW_H1_DONE;
}

static sw_h1_result read_length(reader *r, uint32_t index, const uint8_t *at)
{
    if (r->length != 0) {
        return refuse(r, 400, at, "more than one Content-Length");
    }
    if (r->coding != 0) {
        return refuse(r, 400, at, "both Transfer-Encoding and Content-Length");
    }
    if (!sw_http_read_length(sw_http_field_value(r->fields, index), &r->length_value)) {
        return refuse(r, 400, at, "Content-Length is not a count");
    }
    r->length = index + 1;
    return SW_H1_DONE;
}

static sw_h1_result read_coding(reader *r, uint32_t index, const uint8_t *at)
{
    sw_str value = sw_http_field_value(r->fields, index);
    if (r->coding != 0) {
        return refuse(r, 400, at, "more than one Transfer-Encoding");
    }
    if (r->length != 0) {
        return refuse(r, 400, at, "both Transfer-Encoding and Content-Length");
    }
    r->coding = index + 1;
    r->is_chunked = sw_http_eq_lower(value, CHUNKED);
    if (!r->is_chunked) {
        bool is_coding = sw_http_is_name(value);
        return refuse(r, is_coding ? 501 : 400, at, "Transfer-Encoding is not \"chunked\"");
    }
    return SW_H1_DONE;
}

static sw_h1_result read_connection(reader *r, uint32_t index, const uint8_t *at)
{
    sw_str value = sw_http_field_value(r->fields, index);
    (void)at;
    r->says_close |= list_has(value, SW_STR("close"));
    r->says_keep_alive |= list_has(value, SW_STR("keep-alive"));
    r->says_upgrade |= list_has(value, SW_STR("upgrade"));
    return SW_H1_DONE;
}

static sw_h1_result read_expect(reader *r, uint32_t index, const uint8_t *at)
{
    (void)at;
    r->expect = index + 1;
    return SW_H1_DONE;
}

typedef struct known_field {
    sw_str name;
    sw_h1_result (*read)(reader *r, uint32_t index, const uint8_t *at);
} known_field;

/* By the length of the name, which is different for each. */
enum { KNOWN_MAX = 17 };
static const known_field KNOWN[KNOWN_MAX + 1] = {
    [4] = {SW_STR_INIT("host"),              read_host      },
    [6] = {SW_STR_INIT("expect"),            read_expect    },
    [10] = {SW_STR_INIT("connection"),        read_connection},
    [14] = {SW_STR_INIT("content-length"),    read_length    },
    [17] = {SW_STR_INIT("transfer-encoding"), read_coding    },
};

static sw_h1_result read_known(reader *r, uint32_t index, const uint8_t *at)
{
    sw_str name = sw_http_field_name(r->fields, index);
    const known_field *k = &KNOWN[name.len > KNOWN_MAX ? 0 : name.len];
    if (k->read == NULL || memcmp(k->name.ptr, name.ptr, name.len) != 0) {
        return SW_H1_DONE;
    }
    return k->read(r, index, at);
}

static sw_h1_result refuse_name(reader *r)
{
    uint8_t c = *r->at;
    const char *text = c == ' ' || c == '\t' ? "white space in or before a field's name"
                       : c == ':'            ? "a field without a name"
                       : c == '\r'           ? "a line without a colon"
                                             : "a byte that cannot stand in a field's name";
    return refuse(r, 400, r->at, text);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* One line: name, colon, value, line end. r->at is at its first byte, which there is. */
static sw_h1_result read_field(reader *r)
{
    const uint8_t *name = r->at;
    r->at = sw_h1_copy_name(r->at, r->end, r->text + offset_of(r, r->at));
    const uint8_t *colon = r->at;
    if (colon == r->end) {
        return SW_H1_MORE;
    }
    if (*colon != ':' || colon == name) {
        return refuse_name(r);
    }
    r->at++;
    while (r->at < r->end && is_space(*r->at)) {
        r->at++;
    }
    const uint8_t *value = r->at;
    r->at = sw_h1_copy_value(r->at, r->end, r->text + offset_of(r, r->at));
    const uint8_t *value_end = r->at;
    sw_h1_result result = read_line_end(r, "a control character in a field's value");
    if (result != SW_H1_DONE) {
        return result;
    }
    if (r->fields->count >= r->limits->fields) {
        return refuse(r, 431, name, "too many fields");
    }
    while (value_end > value && is_space(value_end[-1])) {
        value_end--;
    }
    uint32_t index = r->fields->count++;
    r->fields->items[index] = (sw_http_field){offset_of(r, name), (uint32_t)(colon - name),
                                              offset_of(r, value), (uint32_t)(value_end - value)};
    r->fields->field_bytes += (uint32_t)(colon - name + value_end - value) + SW_HTTP_FIELD_COST;
    return read_known(r, index, name);
}

/* All lines up to the empty one. */
static sw_h1_result read_fields(reader *r)
{
    sw_h1_result result = SW_H1_DONE;
    while (result == SW_H1_DONE) {
        if (r->at == r->end) {
            return SW_H1_MORE;
        }
        if (*r->at == '\r' || *r->at == '\n') {
            return read_line_end(r, "");
        }
        if (r->fields->count == r->fields->capacity) {
            if (!sw_http_fields_reserve(r->fields, 0, 1)) {
                return SW_H1_NO_MEMORY;
            }
        }
        result = read_field(r);
    }
    return result;
}

/*
 * Start lines.
 */

/* "HTTP/1.0" or "HTTP/1.1" at r->at. */
static sw_h1_result read_version(reader *r)
{
    size_t there = (size_t)(r->end - r->at);
    static const char PREFIX[] = "HTTP/1.";
    if (there < VERSION_BYTES) {
        bool fits = memcmp(r->at, PREFIX, SW_MIN(there, 5U)) == 0;
        return fits ? SW_H1_MORE : refuse(r, 400, r->at, "not a version of HTTP");
    }
    const uint8_t *v = r->at;
    bool is_one = memcmp(v, PREFIX, sizeof PREFIX - 1) == 0;
    if (is_one && (v[7] == '0' || v[7] == '1')) {
        r->head->version = v[7] == '0' ? 10 : 11;
        r->at += VERSION_BYTES;
        return SW_H1_DONE;
    }
    bool is_version = memcmp(v, "HTTP/", 5) == 0 && v[5] >= '0' && v[5] <= '9' && v[6] == '.' &&
                      v[7] >= '0' && v[7] <= '9';
    return is_version ? refuse(r, 505, v, "a version of HTTP that is not 1.0 or 1.1")
                      : refuse(r, 400, v, "not a version of HTTP");
}

static sw_h1_result read_method(reader *r)
{
    const uint8_t *start = r->at;
    const uint8_t *end = r->at + SW_MIN(r->end - r->at, METHOD_MAX + 1);
    const uint8_t *p = start;
    while (p < end && (sw_http_class[*p] & SW_HTTP_CLASS_TOKEN) != 0) {
        r->text[offset_of(r, p)] = (char)*p;
        p++;
    }
    if (p - start > METHOD_MAX) {
        return refuse(r, 501, start, "a method that long is not known");
    }
    if (p == r->end) {
        return SW_H1_MORE;
    }
    if (*p != ' ' || p == start) {
        return refuse(r, 400, p, "a byte that cannot stand in a method");
    }
    const sw_http_text name = {offset_of(r, start), (uint32_t)(p - start)};
    r->head->method = sw_http_method_of(text_of(r, name));
    if (r->head->method == SW_HTTP_OTHER) {
        r->fields->parts[SW_HTTP_METHOD] = name;
    }
    r->at = p + 1;
    return SW_H1_DONE;
}

/* "http://host/path": parts. An empty path is noted with length 0 and made up later. */
static sw_h1_result split_uri(reader *r, sw_http_text target, const uint8_t *at)
{
    sw_str s = text_of(r, target);
    size_t colon = sw_str_find(s, ':');
    sw_str scheme = sw_str_slice(s, 0, colon);
    bool is_http =
        sw_http_eq_lower(scheme, SW_STR("http")) || sw_http_eq_lower(scheme, SW_STR("https"));
    size_t host = colon + 3;
    if (!is_http || s.len < host || memcmp(s.ptr + colon, "://", 3) != 0) {
        return refuse(r, 400, at, "a target that is neither a path nor a URI of http");
    }
    size_t end = host;
    while (end < s.len && s.ptr[end] != '/' && s.ptr[end] != '?') {
        end++;
    }
    if (!sw_http_is_authority(sw_str_slice(s, host, end - host))) {
        return refuse(r, 400, at + host, "a URI without a proper host");
    }
    for (size_t i = 0; i < colon; i++) {
        char *c = &r->text[target.at + i];
        *c = (char)sw_http_lower[(uint8_t)*c];
    }
    sw_http_text *parts = r->fields->parts;
    parts[SW_HTTP_SCHEME] = (sw_http_text){target.at, (uint32_t)colon};
    parts[SW_HTTP_AUTHORITY] = (sw_http_text){target.at + (uint32_t)host, (uint32_t)(end - host)};
    parts[SW_HTTP_PATH] = (sw_http_text){target.at + (uint32_t)end, (uint32_t)(s.len - end)};
    return SW_H1_DONE;
}

/* The four forms of a target (RFC 9112, 3.2). */
static sw_h1_result split_target(reader *r, sw_http_text target, const uint8_t *at)
{
    sw_str s = text_of(r, target);
    if (r->head->method == SW_HTTP_CONNECT) {
        size_t last = s.len;
        while (last > 0 && s.ptr[last - 1] >= '0' && s.ptr[last - 1] <= '9') {
            last--;
        }
        if (!sw_http_is_authority(s) || last == s.len || last == 0 || s.ptr[last - 1] != ':') {
            return refuse(r, 400, at, "the target of CONNECT is not host:port");
        }
        r->fields->parts[SW_HTTP_AUTHORITY] = target;
        return SW_H1_DONE;
    }
    if (s.ptr[0] == '/') {
        r->fields->parts[SW_HTTP_PATH] = target;
        return SW_H1_DONE;
    }
    if (s.ptr[0] == '*' && s.len == 1) {
        r->fields->parts[SW_HTTP_PATH] = target;
        return r->head->method == SW_HTTP_OPTIONS
                   ? SW_H1_DONE
                   : refuse(r, 400, at, "the target \"*\" is for OPTIONS only");
    }
    return split_uri(r, target, at);
}

static sw_h1_result read_target(reader *r)
{
    const uint8_t *start = r->at;
    bool is_ascii;
    r->at = sw_h1_copy_target(start, r->end, r->text + offset_of(r, start), &is_ascii);
    const sw_http_text target = {offset_of(r, start), (uint32_t)(r->at - start)};
    if (target.len > r->limits->path_bytes) {
        return refuse(r, 414, start + r->limits->path_bytes, "the target is too long");
    }
    if (r->at == r->end) {
        return SW_H1_MORE;
    }
    if (*r->at != ' ' || target.len == 0) {
        return refuse(r, 400, r->at, "a byte that cannot stand in a target");
    }
    if (!is_ascii && !sw_utf8_valid(sw_str_bytes(text_of(r, target)))) {
        return refuse(r, 400, start, "the target is not UTF-8");
    }
    r->at++;
    return split_target(r, target, start);
}

static sw_h1_result read_request_line(reader *r)
{
    r->in_start_line = true;
    if (r->at < r->end && *r->at == '\r') {
        sw_h1_result empty = read_line_end(r, "");
        if (empty != SW_H1_DONE) {
            return empty;
        }
    }
    sw_h1_result result = read_method(r);
    result = result == SW_H1_DONE ? read_target(r) : result;
    result = result == SW_H1_DONE ? read_version(r) : result;
    result = result == SW_H1_DONE ? read_line_end(r, "a byte after the version") : result;
    r->in_start_line = result != SW_H1_DONE;
    return result;
}

static sw_h1_result read_status_line(reader *r)
{
    r->in_start_line = true;
    sw_h1_result result = read_version(r);
    if (result != SW_H1_DONE) {
        return result;
    }
    const uint8_t *p = r->at;
    uint32_t status = 0;
    for (size_t i = 0; i < 4; i++, p++) {
        if (p == r->end) {
            return SW_H1_MORE;
        }
        bool fits = i == 0 ? *p == ' ' : *p >= (i == 1 ? '1' : '0') && *p <= '9';
        if (!fits) {
            return refuse(r, 400, p, "not a status of three digits");
        }
        status = i == 0 ? 0 : status * 10 + (uint32_t)(*p - '0');
    }
    r->at = p;
    if (p < r->end && *p == ' ') {
        r->at = sw_h1_copy_value(p, r->end, r->text + offset_of(r, p));
    }
    r->head->status = (uint16_t)status;
    result = read_line_end(r, "a byte that cannot stand in a status line");
    r->in_start_line = result != SW_H1_DONE;
    return result;
}

/*
 * Heads.
 */

/* Whether an end may have come since the last look: an empty line, or a line that ends wrongly. */
static bool has_end(const sw_h1_scan *scan, sw_bytes in)
{
    size_t from = scan->looked > 3 ? scan->looked - 3 : 0;
    while (from < in.len) {
        const uint8_t *lf = memchr(in.ptr + from, '\n', in.len - from);
        if (lf == NULL) {
            return false;
        }
        size_t at = (size_t)(lf - in.ptr);
        if (at < 1 || lf[-1] != '\r' || (at >= 2 && (lf[-2] == '\n' || lf[-2] == '\r'))) {
            return true;
        }
        from = at + 1;
    }
    return false;
}

/* Where the head ends, if it does within `in`: so that no room is made for the body behind it. */
static size_t find_end(sw_bytes in)
{
    const uint8_t *end = in.len <= BIG_BYTES ? NULL : memmem(in.ptr, in.len, "\r\n\r\n", 4);
    return end == NULL ? in.len : (size_t)(end - in.ptr) + 4;
}

/* False: nothing to do but wait. Else the reader is ready to read all that is there. */
static bool begin(reader *r, sw_h1_scan *scan, sw_bytes in, sw_h1_result *ret_result)
{
    size_t len = SW_MIN(in.len, r->limits->head_bytes);
    bool is_worth = scan->tried_at == 0 || len / 2 >= scan->tried_at || len < in.len ||
                    in.len == r->limits->head_bytes || has_end(scan, in);
    assert(r->limits->fields <= FIELDS_MAX && r->limits->head_bytes <= SW_HTTP_TEXT_MAX);
    *ret_result = SW_H1_MORE;
    scan->looked = (uint32_t)len;
    if (!is_worth || len == 0) {
        return false;
    }
    scan->tried_at = (uint32_t)len;
    len = find_end((sw_bytes){in.ptr, len});
    sw_http_fields_reset(r->fields);
    if (!sw_http_fields_reserve(r->fields, (uint32_t)len + SW_H1_SLACK, 1)) {
        *ret_result = SW_H1_NO_MEMORY;
        return false;
    }
    r->in = r->at = in.ptr;
    r->end = in.ptr + len;
    r->text = r->fields->text;
    return true;
}

/* What has been read is whole, or turns out to be too long. */
static sw_h1_result finish(reader *r, sw_h1_scan *scan, sw_h1_result result)
{
    if (result == SW_H1_MORE && offset_of(r, r->end) >= r->limits->head_bytes) {
        return refuse(r, r->in_start_line ? 414 : 431, r->end, "the head is too long");
    }
    if (result == SW_H1_DONE) {
        r->fields->text_len = offset_of(r, r->at);
        *scan = (sw_h1_scan){};
    }
    return result;
}

/* Host, and the target's own authority, which must be the same. */
static sw_h1_result check_authority(reader *r)
{
    sw_http_text *authority = &r->fields->parts[SW_HTTP_AUTHORITY];
    if (r->host == 0) {
        return r->head->version == 10 ? SW_H1_DONE : refuse(r, 400, r->at, "no Host");
    }
    const sw_http_field *host = &r->fields->items[r->host - 1];
    if (authority->len == 0) {
        *authority = (sw_http_text){host->value, host->value_len};
        return SW_H1_DONE;
    }
    sw_str a = text_of(r, *authority);
    sw_str b = sw_http_field_value(r->fields, r->host - 1);
    bool is_same = a.len == b.len;
    for (size_t i = 0; i < a.len && is_same; i++) {
        is_same = sw_http_lower[(uint8_t)a.ptr[i]] == sw_http_lower[(uint8_t)b.ptr[i]];
    }
    return is_same ? SW_H1_DONE
                   : refuse(r, 400, r->in + host->name, "Host is not the host of the target");
}

/* A URI without a path, or with only a query: the path begins with "/" (RFC 9112, 3.2.1);
 * for OPTIONS without either it is "*" (3.2.4). */
static sw_h1_result complete_path(reader *r)
{
    sw_http_text *path = &r->fields->parts[SW_HTTP_PATH];
    sw_str s = text_of(r, *path);
    if (r->head->method == SW_HTTP_CONNECT || (s.len > 0 && s.ptr[0] != '?')) {
        return SW_H1_DONE;
    }
    sw_http_fields *f = r->fields;
    if (!sw_http_fields_reserve(f, path->len + 1, 0)) {
        return SW_H1_NO_MEMORY;
    }
    char *to = f->text + f->text_len;
    to[0] = r->head->method == SW_HTTP_OPTIONS && path->len == 0 ? '*' : '/';
    memcpy(to + 1, f->text + path->at, path->len);
    *path = (sw_http_text){f->text_len, path->len + 1};
    f->text_len += path->len;
    return SW_H1_DONE;
}

static sw_h1_result check_request(reader *r, sw_h1_framing *ret)
{
    sw_str expect = r->expect == 0 ? (sw_str){} : sw_http_field_value(r->fields, r->expect - 1);
    bool is_new = r->head->version == 11;
    if (r->coding != 0 && !is_new) {
        return refuse(r, 400, r->in + r->fields->items[r->coding - 1].name,
                      "Transfer-Encoding in HTTP/1.0");
    }
    if (r->expect != 0 && is_new && !sw_http_eq_lower(expect, SW_STR("100-continue"))) {
        return refuse(r, 417, r->in + r->fields->items[r->expect - 1].name,
                      "Expect is not \"100-continue\"");
    }
    sw_h1_result result = check_authority(r);
    if (result != SW_H1_DONE) {
        return result;
    }
    *ret = (sw_h1_framing){
        .head_bytes = offset_of(r, r->at),
        .body = r->is_chunked          ? SW_H1_BODY_CHUNKED
                : r->length_value != 0 ? SW_H1_BODY_LENGTH
                                       : SW_H1_BODY_NONE,
        .length = r->length_value,
        .keeps_alive = !r->says_close && (is_new || r->says_keep_alive),
        .wants_upgrade = r->says_upgrade,
    };
    ret->expects_continue = r->expect != 0 && is_new && ret->body != SW_H1_BODY_NONE;
    return complete_path(r);
}

sw_h1_result sw_h1_read_request(sw_h1_scan *scan, sw_bytes in, const sw_h1_limits *limits,
                                sw_http_head *head, sw_h1_framing *ret_framing,
                                sw_h1_error *ret_error)
{
    reader r = {.limits = limits, .fields = &head->fields, .head = head, .error = ret_error};
    sw_h1_result result;
    if (!begin(&r, scan, in, &result)) {
        return result;
    }
    result = read_request_line(&r);
    result = result == SW_H1_DONE ? read_fields(&r) : result;
    result = finish(&r, scan, result);
    return result == SW_H1_DONE ? check_request(&r, ret_framing) : result;
}

/* RFC 9112, 6.3. */
static sw_h1_body body_of_response(const reader *r, sw_http_method method)
{
    uint16_t status = r->head->status;
    if (method == SW_HTTP_HEAD || status < 200 || status == 204 || status == 304) {
        return SW_H1_BODY_NONE;
    }
    if (r->is_chunked) {
        return SW_H1_BODY_CHUNKED;
    }
    if (r->length == 0) {
        return SW_H1_BODY_CLOSE;
    }
    return r->length_value == 0 ? SW_H1_BODY_NONE : SW_H1_BODY_LENGTH;
}

static sw_h1_result check_response(reader *r, sw_http_method method, sw_h1_framing *ret)
{
    bool is_new = r->head->version == 11;
    uint16_t status = r->head->status;
    if (r->coding != 0 && !is_new) {
        return refuse(r, 400, r->in + r->fields->items[r->coding - 1].name,
                      "Transfer-Encoding in HTTP/1.0");
    }
    /* A body where there cannot be one: nobody knows what the next bytes are. */
    bool has_no_body = status < 200 || status == 204;
    bool is_odd = has_no_body && (r->is_chunked || r->length_value != 0);
    *ret = (sw_h1_framing){
        .head_bytes = offset_of(r, r->at),
        .body = body_of_response(r, method),
        .length = r->length_value,
        .wants_upgrade = r->says_upgrade,
    };
    ret->keeps_alive = !r->says_close && (is_new || r->says_keep_alive) && !is_odd &&
                       ret->body != SW_H1_BODY_CLOSE;
    return SW_H1_DONE;
}

sw_h1_result sw_h1_read_response(sw_h1_scan *scan, sw_bytes in, const sw_h1_limits *limits,
                                 sw_http_method method, sw_http_head *head,
                                 sw_h1_framing *ret_framing, sw_h1_error *ret_error)
{
    reader r = {.limits = limits, .fields = &head->fields, .head = head, .error = ret_error};
    sw_h1_result result;
    if (!begin(&r, scan, in, &result)) {
        return result;
    }
    result = read_status_line(&r);
    result = result == SW_H1_DONE ? read_fields(&r) : result;
    result = finish(&r, scan, result);
    return result == SW_H1_DONE ? check_response(&r, method, ret_framing) : result;
}

sw_h1_result sw_h1_read_trailers(sw_h1_scan *scan, sw_bytes in, const sw_h1_limits *limits,
                                 sw_http_fields *fields, uint32_t *ret_used, sw_h1_error *ret_error)
{
    reader r = {.limits = limits, .fields = fields, .error = ret_error};
    sw_h1_result result;
    /* Mostly there are none, and "\r\n" alone is no end that has_end knows. */
    if (in.len >= 2 && in.ptr[0] == '\r' && in.ptr[1] == '\n') {
        sw_http_fields_reset(fields);
        *scan = (sw_h1_scan){};
        *ret_used = 2;
        return SW_H1_DONE;
    }
    if (!begin(&r, scan, in, &result)) {
        return result;
    }
    result = read_fields(&r);
    if (result == SW_H1_DONE && (r.host | r.length | r.coding) != 0) {
        return refuse(&r, 400, r.in, "a field that frames or routes among the trailers");
    }
    result = finish(&r, scan, result);
    *ret_used = offset_of(&r, r.at);
    return result;
}

/*
 * Chunks.
 */

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_NAME_FIRST, /* of an extension */
    CHUNK_NAME,
    CHUNK_VALUE_FIRST,
    CHUNK_VALUE,
    CHUNK_QUOTED,
    CHUNK_ESCAPED,
    CHUNK_VALUE_END,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_LAST
};

enum { SIZE_DIGITS = 15 };

static int hex_digit(uint8_t c)
{
    uint8_t low = sw_http_lower[c];
    return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The state after a whole name or value, or -1. */
static int after_value(uint8_t byte)
{
    return byte == ';' ? CHUNK_NAME_FIRST : byte == '\r' ? CHUNK_SIZE_LF : -1;
}

/* These take one byte each and return what is wrong with it, or NULL. */
static const char *take_size(sw_h1_chunks *c, uint8_t byte)
{
    int digit = hex_digit(byte);
    if (digit >= 0) {
        c->left = c->left << 4 | (uint64_t)digit;
        return ++c->digits <= SIZE_DIGITS ? NULL : "a chunk's size has too many digits";
    }
    if (c->digits == 0) {
        return "a chunk without a size";
    }
    c->state = byte == '\r' ? CHUNK_SIZE_LF : CHUNK_NAME_FIRST;
    return byte == '\r' || byte == ';' ? NULL : "a byte that cannot stand in a chunk's size";
}

/* ";name", ";name=token" and ";name=\"text\"": what each byte of it may be. White space, which the
 * grammar allows but asks not to send, is refused. */
static const char *take_extension(sw_h1_chunks *c, uint8_t byte)
{
    bool is_token = (sw_http_class[byte] & SW_HTTP_CLASS_TOKEN) != 0;
    bool is_text = (sw_http_class[byte] & SW_HTTP_CLASS_VALUE) != 0;
    int next = -1;
    switch (c->state) {
    case CHUNK_NAME_FIRST: next = is_token ? CHUNK_NAME : -1; break;
    case CHUNK_NAME:
        next = is_token ? CHUNK_NAME : byte == '=' ? CHUNK_VALUE_FIRST : after_value(byte);
        break;
    case CHUNK_VALUE_FIRST: next = is_token ? CHUNK_VALUE : byte == '"' ? CHUNK_QUOTED : -1; break;
    case CHUNK_VALUE: next = is_token ? CHUNK_VALUE : after_value(byte); break;
    case CHUNK_QUOTED:
        next = byte == '"'    ? CHUNK_VALUE_END
               : byte == '\\' ? CHUNK_ESCAPED
               : is_text      ? CHUNK_QUOTED
                              : -1;
        break;
    case CHUNK_ESCAPED: next = is_text ? CHUNK_QUOTED : -1; break;
    default: /* CHUNK_VALUE_END */ next = after_value(byte); break;
    }
    if (next < 0) {
        return "a byte that cannot stand in a chunk's extension";
    }
    c->state = (uint8_t)next;
    return ++c->extension_bytes <= SW_H1_EXTENSION_BYTES ? NULL : "too much in chunks' extensions";
}

static const char *take_size_lf(sw_h1_chunks *c, uint8_t byte)
{
    c->state = c->left == 0 ? CHUNK_LAST : CHUNK_DATA;
    return byte == '\n' ? NULL : "CR without LF after a chunk's size";
}

static const char *take_data_cr(sw_h1_chunks *c, uint8_t byte)
{
    c->state = CHUNK_DATA_LF;
    return byte == '\r' ? NULL : "a chunk is longer than its size";
}

static const char *take_data_lf(sw_h1_chunks *c, uint8_t byte)
{
    c->state = CHUNK_SIZE;
    c->digits = 0;
    return byte == '\n' ? NULL : "CR without LF after a chunk";
}

static const char *(*const TAKE[])(sw_h1_chunks *c, uint8_t byte) = {
    [CHUNK_SIZE] = take_size,         [CHUNK_NAME_FIRST] = take_extension,
    [CHUNK_NAME] = take_extension,    [CHUNK_VALUE_FIRST] = take_extension,
    [CHUNK_VALUE] = take_extension,   [CHUNK_QUOTED] = take_extension,
    [CHUNK_ESCAPED] = take_extension, [CHUNK_VALUE_END] = take_extension,
    [CHUNK_SIZE_LF] = take_size_lf,   [CHUNK_DATA_CR] = take_data_cr,
    [CHUNK_DATA_LF] = take_data_lf,
};

sw_h1_result sw_h1_read_chunk(sw_h1_chunks *c, sw_bytes in, size_t max_data, size_t *ret_used,
                              sw_bytes *ret_data, sw_h1_error *ret_error)
{
    size_t at = 0;
    *ret_data = (sw_bytes){};
    while (at < in.len && c->state != CHUNK_DATA && c->state != CHUNK_LAST) {
        const char *wrong = TAKE[c->state](c, in.ptr[at]);
        if (wrong != NULL) {
            *ret_error = (sw_h1_error){400, (uint32_t)at, wrong};
            return SW_H1_REFUSED;
        }
        at++;
    }
    if (c->state == CHUNK_DATA) {
        size_t len = (size_t)SW_MIN((uint64_t)SW_MIN(in.len - at, max_data), c->left);
        *ret_data = sw_bytes_slice(in, at, len);
        at += len;
        c->left -= len;
        if (c->left == 0) {
            c->state = CHUNK_DATA_CR;
        }
    }
    *ret_used = at;
    return c->state == CHUNK_LAST ? SW_H1_DONE : SW_H1_MORE;
}
