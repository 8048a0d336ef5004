/*
 * Component values between JSON, as wasm-tools writes them, and the host layout. Comparing is done
 * by writing the expected value too, and comparing the two.
 */
#include "component_exec.h"

#include "base/utf8.h"
#include "component/canon.h"

#include <stdlib.h>

typedef struct host_list {
    uint8_t *ptr;
    size_t len;
} host_list;

static const json_t *payload_of(const json_t *in)
{
    return json_object_get(in, "value");
}

static uint32_t size_of(const sw_canon_layouts *l, sw_vtype v, uint32_t *ret_align)
{
    sw_canon_layout layout = sw_canon_layout_get(l, v);
    *ret_align = layout.host_align;
    return layout.host_bytes;
}

static void put(uint8_t *out, uint64_t value, uint32_t bytes)
{
    memcpy(out, &value, bytes);
}

static bool read_number(const json_t *in, uint8_t *out, uint32_t bytes)
{
    const char *text = json_string_value(payload_of(in));
    if (text == NULL) {
        return false;
    }
    bool is_signed = text[0] == '-';
    put(out, is_signed ? (uint64_t)strtoll(text, NULL, 10) : strtoull(text, NULL, 10), bytes);
    return true;
}

static bool read_string(sw_arena *arena, const json_t *in, uint8_t *out)
{
    const json_t *text = payload_of(in);
    if (!json_is_string(text)) {
        return false;
    }
    sw_str s = sw_arena_str(arena, (sw_str){json_string_value(text), json_string_length(text)});
    memcpy(out, &s, sizeof s);
    return true;
}

static bool read_char(const json_t *in, uint8_t *out)
{
    const json_t *text = payload_of(in);
    uint32_t scalar = 0;
    sw_bytes b = {(const uint8_t *)json_string_value(text), json_string_length(text)};
    bool ok = json_is_string(text) && sw_utf8_decode(b, &scalar) == b.len;
    put(out, scalar, 4);
    return ok;
}

static bool read_items(sw_arena *arena, const sw_canon_layouts *l, sw_vtype element,
                       const json_t *items, uint8_t *out)
{
    uint32_t align, size = size_of(l, element, &align);
    for (size_t i = 0; i < json_array_size(items); i++) {
        if (!component_value_read(arena, l, element, json_array_get(items, i), out + i * size)) {
            return false;
        }
    }
    return true;
}

static bool read_list(sw_arena *arena, const sw_canon_layouts *l, const sw_type_def *d,
                      const json_t *in, uint8_t *out)
{
    const json_t *items = payload_of(in);
    uint32_t align, size = size_of(l, d->element, &align);
    host_list list = {.len = json_array_size(items)};
    list.ptr = sw_arena_alloc_array(arena, list.len, size, align);
    memcpy(out, &list, sizeof list);
    return json_is_array(items) && read_items(arena, l, d->element, items, list.ptr);
}

/* Items are values (tuples) or pairs of name and value (records). */
static bool read_fields(sw_arena *arena, const sw_canon_layouts *l, const sw_type_def *d,
                        const json_t *in, uint8_t *out)
{
    const json_t *items = payload_of(in);
    uint32_t at = 0;
    if (json_array_size(items) != d->count) {
        return false;
    }
    for (uint32_t i = 0; i < d->count; i++) {
        const json_t *item = json_array_get(items, i);
        sw_vtype v = l->types->fields[d->first + i].type;
        uint32_t align, size = size_of(l, v, &align);
        at = (uint32_t)sw_align_up(at, align);
        if (!component_value_read(arena, l, v, json_is_array(item) ? json_array_get(item, 1) : item,
                                  out + at)) {
            return false;
        }
        at += size;
    }
    return true;
}

static bool find_name(const sw_types *t, const sw_type_def *d, const char *name, uint32_t *ret)
{
    for (uint32_t i = 0; name != NULL && i < d->count; i++) {
        if (sw_str_eq(sw_types_str(t, t->fields[d->first + i].name), sw_str_of(name))) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool read_flags(const sw_canon_layouts *l, const sw_type_def *d, const json_t *in,
                       uint8_t *out)
{
    const json_t *names = payload_of(in);
    uint32_t bits = 0;
    for (size_t i = 0; i < json_array_size(names); i++) {
        uint32_t bit;
        if (!find_name(l->types, d, json_string_value(json_array_get(names, i)), &bit)) {
            return false;
        }
        bits |= (uint32_t)1 << bit;
    }
    put(out, bits, sw_canon_flags_bytes(d->count));
    return true;
}

static uint32_t payload_offset(const sw_canon_layouts *l, const sw_type_def *d, uint32_t cases)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < cases; i++) {
        sw_vtype v = sw_canon_case_type(l->types, d, i);
        uint32_t align = 1;
        if (v != SW_VT_NONE) {
            (void)size_of(l, v, &align);
        }
        most = SW_MAX(most, align);
    }
    return (uint32_t)sw_align_up(sw_canon_tag_bytes(cases), most);
}

/* The case that the JSON names, and its payload or NULL. */
static bool pick_case(const sw_canon_layouts *l, const sw_type_def *d, const json_t *in,
                      uint32_t *ret_case, const json_t **ret_payload)
{
    const json_t *value = payload_of(in);
    if (d->kind == SW_CT_OPTION) {
        bool is_some = value != NULL && !json_is_null(value);
        *ret_case = is_some;
        *ret_payload = is_some ? value : NULL;
        return true;
    }
    if (d->kind == SW_CT_RESULT) {
        *ret_payload = json_object_get(value, "Ok");
        *ret_case = *ret_payload == NULL;
        *ret_payload = *ret_case == 1 ? json_object_get(value, "Err") : *ret_payload;
        return true;
    }
    *ret_payload = json_object_get(value, "payload");
    return find_name(l->types, d, json_string_value(json_object_get(value, "case")), ret_case);
}

static bool read_variant(sw_arena *arena, const sw_canon_layouts *l, const sw_type_def *d,
                         const json_t *in, uint8_t *out)
{
    uint32_t cases = d->kind == SW_CT_VARIANT ? d->count : 2, index = 0;
    const json_t *payload = NULL;
    if (!pick_case(l, d, in, &index, &payload)) {
        return false;
    }
    put(out, index, sw_canon_tag_bytes(cases));
    sw_vtype v = sw_canon_case_type(l->types, d, index);
    return v == SW_VT_NONE ||
           component_value_read(arena, l, v, payload, out + payload_offset(l, d, cases));
}

static bool read_prim(sw_arena *arena, const sw_canon_layouts *l, sw_vtype v, const json_t *in,
                      uint8_t *out)
{
    sw_ctype_kind kind = sw_vtype_kind(l->types, v);
    uint32_t align, size = size_of(l, v, &align);
    if (kind == SW_CT_STRING) {
        return read_string(arena, in, out);
    }
    if (kind == SW_CT_CHAR) {
        return read_char(in, out);
    }
    if (kind == SW_CT_BOOL) {
        *out = json_is_true(payload_of(in));
        return json_is_boolean(payload_of(in));
    }
    return read_number(in, out, size);
}

bool component_value_read(sw_arena *arena, const sw_canon_layouts *l, sw_vtype v, const json_t *in,
                          uint8_t *out)
{
    if (sw_vtype_is_prim(v)) {
        return read_prim(arena, l, v, in, out);
    }
    const sw_type_def *d = &l->types->defs[v];
    uint32_t index = 0;
    switch (d->kind) {
    case SW_CT_RECORD:
    case SW_CT_TUPLE: return read_fields(arena, l, d, in, out);
    case SW_CT_LIST: return read_list(arena, l, d, in, out);
    case SW_CT_FIXED_LIST: return read_items(arena, l, d->element, payload_of(in), out);
    case SW_CT_FLAGS: return read_flags(l, d, in, out);
    case SW_CT_VARIANT:
    case SW_CT_OPTION:
    case SW_CT_RESULT: return read_variant(arena, l, d, in, out);
    case SW_CT_ENUM:
        if (!find_name(l->types, d, json_string_value(payload_of(in)), &index)) {
            return false;
        }
        put(out, index, sw_canon_tag_bytes(d->count));
        return true;
    default: return false;
    }
}

/* ---- Comparing ---------------------------------------------------------------------------------
 */

static bool same(const sw_canon_layouts *l, sw_vtype v, const uint8_t *a, const uint8_t *b);

static bool same_items(const sw_canon_layouts *l, sw_vtype element, const host_list *a,
                       const host_list *b)
{
    uint32_t align, size = size_of(l, element, &align);
    bool ok = a->len == b->len;
    for (size_t i = 0; ok && i < a->len; i++) {
        ok = same(l, element, a->ptr + i * size, b->ptr + i * size);
    }
    return ok;
}

static bool same_fields(const sw_canon_layouts *l, const sw_type_def *d, const uint8_t *a,
                        const uint8_t *b)
{
    uint32_t at = 0;
    bool ok = true;
    for (uint32_t i = 0; ok && i < d->count; i++) {
        sw_vtype v = l->types->fields[d->first + i].type;
        uint32_t align, size = size_of(l, v, &align);
        at = (uint32_t)sw_align_up(at, align);
        ok = same(l, v, a + at, b + at);
        at += size;
    }
    return ok;
}

static bool same_variant(const sw_canon_layouts *l, const sw_type_def *d, const uint8_t *a,
                         const uint8_t *b)
{
    uint32_t cases = d->kind == SW_CT_VARIANT ? d->count : 2;
    uint32_t tag = 0;
    memcpy(&tag, a, sw_canon_tag_bytes(cases));
    if (memcmp(a, b, sw_canon_tag_bytes(cases)) != 0) {
        return false;
    }
    sw_vtype v = sw_canon_case_type(l->types, d, tag);
    uint32_t at = payload_offset(l, d, cases);
    return v == SW_VT_NONE || same(l, v, a + at, b + at);
}

static bool same(const sw_canon_layouts *l, sw_vtype v, const uint8_t *a, const uint8_t *b)
{
    uint32_t align, size = size_of(l, v, &align);
    host_list la, lb;
    if (size >= sizeof la) {
        memcpy(&la, a, sizeof la);
        memcpy(&lb, b, sizeof lb);
    }
    switch ((uint32_t)sw_vtype_kind(l->types, v)) {
    case SW_CT_STRING:
        return sw_str_eq((sw_str){(char *)la.ptr, la.len}, (sw_str){(char *)lb.ptr, lb.len});
    case SW_CT_LIST: return same_items(l, l->types->defs[v].element, &la, &lb);
    case SW_CT_RECORD:
    case SW_CT_TUPLE: return same_fields(l, &l->types->defs[v], a, b);
    case SW_CT_VARIANT:
    case SW_CT_OPTION:
    case SW_CT_RESULT: return same_variant(l, &l->types->defs[v], a, b);
    default: return memcmp(a, b, size) == 0;
    }
}

bool component_value_same(const sw_canon_layouts *l, sw_vtype v, const uint8_t *value,
                          const json_t *want)
{
    sw_arena arena;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    uint32_t align, size = size_of(l, v, &align);
    uint8_t *expected = sw_arena_alloc(&arena, size, 16);
    bool ok = expected != NULL && component_value_read(&arena, l, v, want, expected) &&
              same(l, v, value, expected);
    sw_arena_clear(&arena);
    return ok;
}
