/* Spans as OTLP's JSON, with the attributes of the semantic conventions for HTTP. */
#include "http/server/otlp.h"

#include "base/base.h"

#include <inttypes.h>
#include <stdio.h>

enum { LIST_MAX_BYTES = 4096, FLAG_HAS_REMOTE = 0x100, FLAG_REMOTE = 0x200, STATUS_ERROR = 2 };

/* ---- Lists ----------------------------------------------------------------------------------- */

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool decode(sw_str text, char *to, sw_str *ret)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? digit_of(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? digit_of(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        to[len++] = c;
    }
    *ret = (sw_str){to, len};
    return true;
}

static sw_str trimmed(sw_str s)
{
    while (s.len != 0 && s.ptr[0] == ' ') {
        s = sw_str_slice(s, 1, s.len - 1);
    }
    while (s.len != 0 && s.ptr[s.len - 1] == ' ') {
        s.len--;
    }
    return s;
}

int sw_otlp_next_pair(sw_str *list, sw_str *ret_key, char *value, sw_str *ret_value)
{
    while (list->len != 0) {
        size_t comma = sw_str_find(*list, ',');
        size_t used = SW_MIN(comma + 1, list->len);
        sw_str pair = trimmed(sw_str_slice(*list, 0, comma));
        *list = sw_str_slice(*list, used, list->len - used);
        if (pair.len == 0) {
            continue;
        }
        size_t equals = sw_str_find(pair, '=');
        sw_str key = trimmed(sw_str_slice(pair, 0, equals));
        if (equals == pair.len || key.len == 0) {
            return -1;
        }
        *ret_key = key;
        sw_str text = trimmed(sw_str_slice(pair, equals + 1, pair.len - equals - 1));
        return decode(text, value, ret_value) ? 1 : -1;
    }
    return 0;
}

/* ---- Attributes ------------------------------------------------------------------------------ */

static void begin_attribute(sw_json *j, sw_str key, const char *type)
{
    sw_json_object_begin(j);
    sw_json_key(j, SW_STR("key"));
    sw_json_str(j, key);
    sw_json_key(j, SW_STR("value"));
    sw_json_object_begin(j);
    sw_json_key(j, sw_str_of(type));
}

static void end_attribute(sw_json *j)
{
    sw_json_object_end(j);
    sw_json_object_end(j);
}

static void write_text(sw_json *j, const char *key, sw_str value)
{
    if (value.len != 0) {
        begin_attribute(j, sw_str_of(key), "stringValue");
        sw_json_str(j, value);
        end_attribute(j);
    }
}

/* 64-bit numbers are text in protobuf's JSON. */
static void write_number(sw_json *j, const char *key, uint64_t value)
{
    char text[24];
    if (value != 0) {
        (void)snprintf(text, sizeof text, "%" PRIu64, value);
        begin_attribute(j, sw_str_of(key), "intValue");
        sw_json_str(j, sw_str_of(text));
        end_attribute(j);
    }
}

/* ---- Spans ----------------------------------------------------------------------------------- */

static void write_id(sw_json *j, const char *key, const uint8_t *bytes, size_t count)
{
    char text[2 * sizeof(sw_trace){}.id];
    sw_trace_write_hex(bytes, count, text);
    sw_json_key(j, sw_str_of(key));
    sw_json_str(j, (sw_str){text, 2 * count});
}

static void write_time(sw_json *j, const char *key, uint64_t ns)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, ns);
    sw_json_key(j, sw_str_of(key));
    sw_json_str(j, sw_str_of(text));
}

static bool has_failed(const sw_span *s)
{
    return s->lens[SW_SPAN_ERROR] != 0 || s->status >= 500 || (s->is_client && s->status >= 400);
}

static void write_error(sw_json *j, const sw_span *s)
{
    char text[8];
    (void)snprintf(text, sizeof text, "%u", s->status);
    sw_str error = sw_span_text(s, SW_SPAN_ERROR);
    write_text(j, "error.type", error.len != 0 ? error : sw_str_of(text));
}

static void write_url(sw_json *j, const sw_span *s)
{
    sw_buf b;
    sw_str query = sw_span_text(s, SW_SPAN_QUERY);
    if (!s->is_client) {
        write_text(j, "url.scheme", sw_span_text(s, SW_SPAN_SCHEME));
        write_text(j, "url.path", sw_span_text(s, SW_SPAN_PATH));
        write_text(j, "url.query", query);
        return;
    }
    sw_buf_init(&b, NULL, 2 * SW_SPAN_TEXT_BYTES);
    sw_buf_str(&b, sw_span_text(s, SW_SPAN_SCHEME));
    sw_buf_str(&b, SW_STR("://"));
    sw_buf_str(&b, sw_span_text(s, SW_SPAN_HOST));
    sw_buf_printf(&b, ":%u", s->port);
    sw_buf_str(&b, sw_span_text(s, SW_SPAN_PATH));
    sw_buf_str(&b, query.len == 0 ? SW_STR("") : SW_STR("?"));
    sw_buf_str(&b, query);
    write_text(j, "url.full", (sw_str){(const char *)b.ptr, b.len});
    sw_buf_clear(&b);
}

static void write_attributes(sw_json *j, const sw_span *s)
{
    char id[48];
    sw_str method = sw_span_text(s, SW_SPAN_METHOD);
    (void)snprintf(id, sizeof id, "%u-%" PRIu64, s->worker, s->number);
    sw_json_key(j, SW_STR("attributes"));
    sw_json_array_begin(j);
    write_text(j, "http.request.method", s->is_known_method ? method : SW_STR("_OTHER"));
    if (!s->is_known_method) {
        write_text(j, "http.request.method_original", method);
    }
    write_url(j, s);
    write_number(j, "http.response.status_code", s->status);
    write_text(j, "server.address", sw_span_text(s, SW_SPAN_HOST));
    write_number(j, "server.port", s->port);
    write_text(j, "client.address", sw_span_text(s, SW_SPAN_PEER));
    write_text(j, "network.peer.address", sw_span_text(s, SW_SPAN_PEER));
    write_number(j, "network.peer.port", s->peer_port);
    write_text(j, "network.protocol.version",
               s->version == 20   ? SW_STR("2")
               : s->version == 11 ? SW_STR("1.1")
               : s->version == 10 ? SW_STR("1.0")
                                  : (sw_str){});
    write_text(j, "user_agent.original", sw_span_text(s, SW_SPAN_AGENT));
    if (has_failed(s)) {
        write_error(j, s);
    }
    write_text(j, "swell.request", sw_str_of(id));
    sw_json_array_end(j);
}

void sw_otlp_write_span(sw_json *j, const sw_span *s)
{
    enum { SERVER = 2, CLIENT = 3 };
    static const uint8_t NONE[sizeof s->parent] = {};
    bool has_parent = memcmp(s->parent, NONE, sizeof NONE) != 0;
    bool is_remote = has_parent && !s->is_client;
    sw_json_object_begin(j);
    write_id(j, "traceId", s->trace.id, sizeof s->trace.id);
    write_id(j, "spanId", s->trace.span, sizeof s->trace.span);
    if (has_parent) {
        write_id(j, "parentSpanId", s->parent, sizeof s->parent);
    }
    sw_json_key(j, SW_STR("flags"));
    sw_json_u64(j, s->trace.flags | (has_parent ? FLAG_HAS_REMOTE : 0u) |
                       (is_remote ? FLAG_REMOTE : 0u));
    sw_json_key(j, SW_STR("name"));
    sw_json_str(j, s->is_known_method ? sw_span_text(s, SW_SPAN_METHOD) : SW_STR("HTTP"));
    sw_json_key(j, SW_STR("kind"));
    sw_json_u64(j, s->is_client ? CLIENT : SERVER);
    write_time(j, "startTimeUnixNano", s->start_ns);
    write_time(j, "endTimeUnixNano", s->end_ns);
    write_attributes(j, s);
    sw_json_key(j, SW_STR("status"));
    sw_json_object_begin(j);
    if (has_failed(s)) {
        sw_json_key(j, SW_STR("code"));
        sw_json_u64(j, STATUS_ERROR);
    }
    sw_json_object_end(j);
    sw_json_object_end(j);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Attributes of the resource; with or without the service's name. True: it is among them. */
static bool write_list(sw_json *j, const char *attributes, bool with_service)
{
    char value[LIST_MAX_BYTES];
    bool has_service = false;
    sw_str key, text, list = sw_str_of(attributes == NULL ? "" : attributes);
    list.len = SW_MIN(list.len, sizeof value);
    while (sw_otlp_next_pair(&list, &key, value, &text) > 0) {
        bool is_service = sw_str_eq(key, SW_STR("service.name"));
        has_service = has_service || is_service;
        if (with_service || !is_service) {
            begin_attribute(j, key, "stringValue");
            sw_json_str(j, text);
            end_attribute(j);
        }
    }
    return has_service;
}

static void write_resource(sw_json *j, const sw_otlp_config *config)
{
    sw_json_key(j, SW_STR("resource"));
    sw_json_object_begin(j);
    sw_json_key(j, SW_STR("attributes"));
    sw_json_array_begin(j);
    bool has_service = write_list(j, config->attributes, config->service == NULL);
    if (config->service != NULL || !has_service) {
        write_text(j, "service.name",
                   sw_str_of(config->service != NULL ? config->service : config->name));
    }
    write_text(j, "telemetry.sdk.name", SW_STR("swell"));
    write_text(j, "telemetry.sdk.language", SW_STR("c"));
    sw_json_array_end(j);
    sw_json_object_end(j);
}

void sw_otlp_write_begin(sw_json *j, const sw_otlp_config *config)
{
    sw_json_object_begin(j);
    sw_json_key(j, SW_STR("resourceSpans"));
    sw_json_array_begin(j);
    sw_json_object_begin(j);
    write_resource(j, config);
    sw_json_key(j, SW_STR("scopeSpans"));
    sw_json_array_begin(j);
    sw_json_object_begin(j);
    sw_json_key(j, SW_STR("scope"));
    sw_json_object_begin(j);
    sw_json_key(j, SW_STR("name"));
    sw_json_str(j, SW_STR("swell"));
    sw_json_object_end(j);
    sw_json_key(j, SW_STR("spans"));
    sw_json_array_begin(j);
}

void sw_otlp_write_end(sw_json *j)
{
    sw_json_array_end(j);
    sw_json_object_end(j);
    sw_json_array_end(j);
    sw_json_object_end(j);
    sw_json_array_end(j);
    sw_json_object_end(j);
}
