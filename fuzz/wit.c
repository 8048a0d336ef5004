/*
 * Any bytes as a WIT file: refused with a message, or resolved to type tables that hold together,
 * and bindings are written for every interface that C can express. What is printed and what is
 * encoded say the same as the file.
 */
#include "wit/bindgen.h"
#include "wit/decode.h"
#include "wit/print.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* What a def is made of comes before it, so that tables are made in one pass. */
static bool is_before(const sw_types *t, sw_vtype v, uint32_t def)
{
    (void)t;
    return v == SW_VT_NONE || (sw_vtype_is_prim(v) ? (v & ~SW_VT_PRIM) < SW_CT_RECORD : v < def);
}

static void check_types(const sw_types *t)
{
    for (uint32_t i = 0; i < t->defs_count; i++) {
        const sw_type_def *d = &t->defs[i];
        bool has_resource = d->kind == SW_CT_OWN || d->kind == SW_CT_BORROW;
        bool has_type = d->kind == SW_CT_RESULT || d->kind == SW_CT_MAP;
        check(d->first <= t->fields_count && d->count <= t->fields_count - d->first);
        check(is_before(t, d->element, i));
        check(!has_resource || d->other < t->resources_count);
        check(!has_type || is_before(t, d->other, i));
        for (uint32_t n = 0; n < d->count; n++) {
            check(is_before(t, t->fields[d->first + n].type, i));
        }
    }
    for (uint32_t i = 0; i < t->funcs_count; i++) {
        const sw_cfunc_type *f = &t->funcs[i];
        check(f->params_first <= t->fields_count &&
              f->params_count <= t->fields_count - f->params_first);
        check(is_before(t, f->result, t->defs_count));
    }
    for (uint32_t i = 0; i < t->fields_count; i++) {
        sw_text name = t->fields[i].name;
        check(name.offset <= t->strings_bytes && name.len <= t->strings_bytes - name.offset);
    }
}

static void check_interface(sw_wit *w, const sw_wit_interface *i)
{
    sw_wit_types types;
    sw_diag diag = {0};
    sw_buf header;
    sw_buf source;
    const sw_bindgen b = {.wit = w, .prefix = SW_STR("sw"), .diag = &diag};
    check(sw_wit_types_make(w, i, &diag, &types) == SW_OK);
    check_types(&types.types);
    sw_buf_init(&header, NULL, (size_t)64 << 20);
    sw_buf_init(&source, NULL, (size_t)64 << 20);
    sw_status st = sw_bindgen_write(&b, i, &header, &source);
    check(st == SW_OK || (st == SW_UNSUPPORTED && diag.text[0] != '\0'));
    sw_buf_clear(&header);
    sw_buf_clear(&source);
}

/* Reads what was written, and checks that it encodes to the same bytes. */
static void check_again(sw_bytes written, const sw_buf *bytes)
{
    sw_arena arena;
    sw_wit w;
    sw_buf again;
    sw_diag diag = {0};
    const sw_wit_features features = {.all = true};
    sw_arena_init(&arena, NULL, (size_t)512 << 20);
    sw_wit_init(&w, &arena);
    sw_buf_init(&again, NULL, (size_t)64 << 20);
    if (sw_wit_is_binary(written)) {
        check(sw_wit_decode(&w, SW_STR("x"), written, &diag) == SW_OK);
    } else {
        check(sw_wit_add_text(&w, SW_STR("x"), (sw_str){(const char *)written.ptr, written.len},
                              &diag) == SW_OK);
    }
    check(sw_wit_resolve(&w, &features, &diag) == SW_OK);
    check(sw_wit_encode_package(&w, w.last_root, &diag, &again) == SW_OK);
    check(again.len == bytes->len && memcmp(again.ptr, bytes->ptr, again.len) == 0);
    sw_buf_clear(&again);
    sw_arena_clear(&arena);
}

static void check_written(sw_wit *w)
{
    sw_buf bytes, text;
    sw_diag diag = {0};
    bool has_items = w->last_root->scopes->interfaces != NULL;
    sw_buf_init(&bytes, NULL, (size_t)64 << 20);
    sw_buf_init(&text, NULL, (size_t)64 << 20);
    has_items = has_items && w->last_root->scopes->interfaces->head.active;
    if (w->last_root->full_name.len > 0 && has_items &&
        sw_wit_encode_package(w, w->last_root, &diag, &bytes) == SW_OK &&
        sw_wit_print(w, NULL, &text) == SW_OK) {
        check_again(sw_buf_bytes(&bytes), &bytes);
        check_again(sw_buf_bytes(&text), &bytes);
    }
    sw_buf_clear(&bytes);
    sw_buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sw_arena arena;
    sw_wit w;
    sw_diag diag = {0};
    const sw_wit_features features = {.all = size % 2 == 0};
    sw_arena_init(&arena, NULL, (size_t)512 << 20);
    sw_wit_init(&w, &arena);
    sw_status st = sw_wit_add_text(&w, SW_STR("x"), (sw_str){(const char *)data, size}, &diag);
    if (st == SW_OK) {
        st = sw_wit_resolve(&w, &features, &diag);
    }
    check((st == SW_OK) == (diag.text[0] == '\0') && diag.status == st);
    for (const sw_wit_package *p = w.packages; p != NULL && st == SW_OK; p = p->next) {
        for (const sw_wit_scope *s = p->scopes; s != NULL; s = s->next) {
            for (const sw_wit_interface *i = s->interfaces; i != NULL; i = i->next) {
                check_interface(&w, i);
            }
        }
    }
    if (st == SW_OK) {
        check_written(&w);
    }
    sw_arena_clear(&arena);
    return 0;
}
