/* inspect: a description as JSON for programs, as text for people. */
#include "api/describe.h"

#include "base/json.h"
#include "base/utf8.h"

enum { MAX_TEXT_BYTES = 256 << 20 };

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_pair(sw_json *j, const char *key, sw_str value)
{
    sw_json_key(j, sw_str_of(key));
    sw_json_str(j, value);
}

static void json_number(sw_json *j, const char *key, uint64_t value)
{
    sw_json_key(j, sw_str_of(key));
    sw_json_u64(j, value);
}

/* Items of an interface become its "items". */
static void json_items(sw_json *j, const char *key, const sw_item_text *items, size_t count)
{
    uint32_t depth = 0;
    sw_json_key(j, sw_str_of(key));
    sw_json_array_begin(j);
    for (size_t i = 0; i < count; i++) {
        for (; depth > items[i].depth; depth--) {
            sw_json_array_end(j);
            sw_json_object_end(j);
        }
        sw_json_object_begin(j);
        json_pair(j, "name", items[i].name);
        json_pair(j, "type", items[i].type);
        if (i + 1 < count && items[i + 1].depth > items[i].depth) {
            sw_json_key(j, SW_STR("items"));
            sw_json_array_begin(j);
            depth++;
        } else {
            sw_json_object_end(j);
        }
    }
    for (; depth > 0; depth--) {
        sw_json_array_end(j);
        sw_json_object_end(j);
    }
    sw_json_array_end(j);
}

static void json_capabilities(sw_json *j, const sw_description *d)
{
    sw_json_key(j, SW_STR("capabilities"));
    sw_json_array_begin(j);
    for (size_t i = 0; i < d->capabilities.count; i++) {
        const sw_capability *c = &d->capabilities.at[i];
        sw_json_object_begin(j);
        json_pair(j, "name", c->name);
        json_pair(j, "detail", c->detail);
        if (c->option.len != 0) {
            json_pair(j, "option", c->option);
        }
        sw_json_object_end(j);
    }
    sw_json_array_end(j);
}

static void json_producers(sw_json *j, const sw_description *d)
{
    sw_json_key(j, SW_STR("producers"));
    sw_json_array_begin(j);
    for (size_t i = 0; i < d->producers.count; i++) {
        sw_json_object_begin(j);
        json_pair(j, "field", d->producers.at[i].field);
        json_pair(j, "name", d->producers.at[i].name);
        json_pair(j, "version", d->producers.at[i].version);
        sw_json_object_end(j);
    }
    sw_json_array_end(j);
}

static void json_modules(sw_json *j, const sw_description *d)
{
    sw_json_key(j, SW_STR("modules"));
    sw_json_array_begin(j);
    for (size_t i = 0; i < d->modules.count; i++) {
        const sw_module_text *m = &d->modules.at[i];
        sw_json_object_begin(j);
        json_pair(j, "name", m->name);
        json_number(j, "size_bytes", m->size_bytes);
        json_number(j, "functions", m->functions);
        json_number(j, "code_bytes", m->code_bytes);
        json_number(j, "data_bytes", m->data_bytes);
        json_number(j, "custom_bytes", m->custom_bytes);
        sw_json_object_end(j);
    }
    sw_json_array_end(j);
}

static void print_json(const sw_description *d, sw_buf *out)
{
    sw_json j = sw_json_make(out, true);
    sw_json_object_begin(&j);
    json_pair(&j, "kind", d->is_component ? SW_STR("component") : SW_STR("module"));
    json_number(&j, "size_bytes", d->size_bytes);
    json_items(&j, "imports", d->imports.at, d->imports.count);
    json_items(&j, "exports", d->exports.at, d->exports.count);
    json_capabilities(&j, d);
    json_modules(&j, d);
    json_producers(&j, d);
    sw_json_object_end(&j);
    sw_buf_u8(out, '\n');
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* Names come from the file: control characters would reach the terminal. */
static void print_name(sw_buf *out, sw_str s)
{
    sw_bytes left = {(const uint8_t *)s.ptr, s.len};
    while (left.len != 0) {
        uint32_t scalar = 0;
        size_t len = sw_utf8_decode(left, &scalar);
        if (len != 0 && sw_utf8_is_plain(scalar)) {
            sw_buf_write(out, left.ptr, len);
        } else {
            len = SW_MAX(len, (size_t)1);
            for (size_t i = 0; i < len; i++) {
                sw_buf_printf(out, "\\x%02x", left.ptr[i]);
            }
        }
        left = sw_bytes_slice(left, len, left.len - len);
    }
}

static void print_items(sw_buf *out, const char *title, const sw_item_text *items, size_t count)
{
    if (count != 0) {
        sw_buf_printf(out, "\n%s:\n", title);
    }
    for (size_t i = 0; i < count; i++) {
        sw_buf_printf(out, "%*s", 2 + 2 * (int)items[i].depth, "");
        print_name(out, items[i].name);
        if (!sw_str_eq(items[i].type, SW_STR("instance"))) {
            sw_buf_printf(out, ": ");
            print_name(out, items[i].type);
        }
        sw_buf_u8(out, '\n');
    }
}

static void print_capabilities(sw_buf *out, const sw_description *d)
{
    sw_buf_printf(out, "\ncapabilities:\n");
    if (d->capabilities.count == 0) {
        sw_buf_printf(out, "  none: it can only compute\n");
    }
    for (size_t i = 0; i < d->capabilities.count; i++) {
        const sw_capability *c = &d->capabilities.at[i];
        sw_buf_printf(out, "  ");
        print_name(out, c->name);
        sw_buf_printf(out, ": %.*s", SW_STR_ARG(c->detail));
        if (c->option.len != 0) {
            sw_buf_printf(out, " (%.*s)", SW_STR_ARG(c->option));
        }
        sw_buf_u8(out, '\n');
    }
}

static void print_modules(sw_buf *out, const sw_description *d)
{
    sw_buf_printf(out, "\ncore modules:\n");
    for (size_t i = 0; i < d->modules.count; i++) {
        const sw_module_text *m = &d->modules.at[i];
        sw_buf_printf(out, "  ");
        print_name(out, m->name.len == 0 ? SW_STR("(unnamed)") : m->name);
        sw_buf_printf(out, ": %llu bytes: %u functions in %llu, data %llu, custom sections %llu\n",
                      (unsigned long long)m->size_bytes, m->functions,
                      (unsigned long long)m->code_bytes, (unsigned long long)m->data_bytes,
                      (unsigned long long)m->custom_bytes);
    }
}

static void print_producers(sw_buf *out, const sw_description *d)
{
    if (d->producers.count != 0) {
        sw_buf_printf(out, "\nproducers:\n");
    }
    for (size_t i = 0; i < d->producers.count; i++) {
        const sw_producer *p = &d->producers.at[i];
        sw_buf_printf(out, "  ");
        print_name(out, p->field);
        sw_buf_printf(out, ": ");
        print_name(out, p->name);
        if (p->version.len != 0) {
            sw_buf_u8(out, ' ');
            print_name(out, p->version);
        }
        sw_buf_u8(out, '\n');
    }
}

static void print_text(const sw_description *d, sw_buf *out)
{
    sw_buf_printf(out, "%s, %llu bytes\n", d->is_component ? "component" : "core module",
                  (unsigned long long)d->size_bytes);
    print_items(out, "imports", d->imports.at, d->imports.count);
    print_items(out, "exports", d->exports.at, d->exports.count);
    print_capabilities(out, d);
    print_modules(out, d);
    print_producers(out, d);
}

/* ---- The API --------------------------------------------------------------------------------- */

typedef void printer(const sw_description *d, sw_buf *out);

static sw_status print_to(sw_input *in, sw_bytes bytes, printer *print, sw_buf *out)
{
    sw_description d;
    sw_status st = sw_describe(in, bytes, &d);
    if (st == SW_OK) {
        print(&d, out);
        st = sw_buf_status(out);
    }
    sw_description_clear(&d);
    return st;
}

/* The text is a block of exactly its length. */
static sw_status take_text(const sw_buf *out, swell_str *ret)
{
    char *text = sw_alloc(NULL, out->len);
    if (text == NULL) {
        return SW_NO_MEMORY;
    }
    memcpy(text, out->ptr, out->len);
    *ret = (swell_str){text, out->len};
    return SW_OK;
}

static swell_status inspect(swell_bytes bytes, printer *print, swell_error *error, swell_str *ret)
{
    sw_diag diag = {};
    sw_input in;
    sw_buf out;
    sw_bytes b = {bytes.ptr, bytes.len};
    sw_buf_init(&out, NULL, MAX_TEXT_BYTES);
    sw_status st = sw_input_read(&in, b, &diag);
    st = st != SW_OK ? st : print_to(&in, b, print, &out);
    st = st != SW_OK ? st : take_text(&out, ret);
    sw_input_clear(&in);
    sw_buf_clear(&out);
    return sw_api_result(st, &diag, error);
}

swell_status swell_inspect_json(swell_engine *engine, swell_bytes bytes, swell_error *error,
                                swell_str *ret_json)
{
    (void)engine;
    return inspect(bytes, print_json, error, ret_json);
}

swell_status swell_inspect_text(swell_engine *engine, swell_bytes bytes, swell_error *error,
                                swell_str *ret_text)
{
    (void)engine;
    return inspect(bytes, print_text, error, ret_text);
}

void swell_text_free(swell_str text)
{
    sw_free(NULL, (void *)(uintptr_t)text.ptr, text.len);
}
