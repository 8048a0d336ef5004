/*
 * Any bytes as WIT in binary form: refused with a message, or a model whose encoding decodes to the
 * same, and whose text parses to it again.
 */
#include "wit/decode.h"
#include "wit/json.h"
#include "wit/print.h"
#include "wit/sections.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

typedef struct model {
    sw_arena arena;
    sw_wit wit;
    sw_diag diag;
    sw_status status;
} model;

static void model_init(model *m)
{
    m->diag = (sw_diag){0};
    sw_arena_init(&m->arena, NULL, (size_t)512 << 20);
    sw_wit_init(&m->wit, &m->arena);
}

static void finish(model *m)
{
    const sw_wit_features all = {.all = true};
    if (m->status == SW_OK) {
        m->status = sw_wit_resolve(&m->wit, &all, &m->diag);
    }
    check((m->status == SW_OK) == (m->diag.text[0] == '\0'));
}

static void read_binary(model *m, sw_bytes bytes)
{
    model_init(m);
    m->status = sw_wit_decode(&m->wit, SW_STR("x"), bytes, &m->diag);
    finish(m);
}

static sw_status encode(model *m, sw_buf *out)
{
    sw_buf_init(out, NULL, (size_t)64 << 20);
    return sw_wit_encode_package(&m->wit, m->wit.last_root, &m->diag, out);
}

static void check_equal(const sw_buf *a, const sw_buf *b)
{
    check(a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0));
}

/* What is printed parses, and encodes to the same bytes. */
static void check_text(model *m, const sw_buf *bytes)
{
    model again;
    sw_buf text, bytes_again;
    sw_buf_init(&text, NULL, (size_t)256 << 20);
    if (sw_wit_print(&m->wit, NULL, &text) == SW_OK) {
        model_init(&again);
        again.status = sw_wit_add_text(&again.wit, SW_STR("x"),
                                       (sw_str){(const char *)text.ptr, text.len}, &again.diag);
        finish(&again);
        check(again.status == SW_OK);
        if (encode(&again, &bytes_again) == SW_OK) {
            check_equal(bytes, &bytes_again);
        }
        sw_buf_clear(&bytes_again);
        sw_arena_clear(&again.arena);
    }
    sw_buf_clear(&text);
}

static void check_model(model *m)
{
    model again;
    sw_buf bytes, bytes_again, json;
    sw_status st = encode(m, &bytes);
    sw_buf_init(&json, NULL, (size_t)256 << 20);
    check(sw_wit_write_json(&m->wit, &json) == SW_OK);
    sw_buf_clear(&json);
    /* An empty package says nothing of its name. */
    bool is_empty =
        m->wit.last_root->scopes->interfaces == NULL && m->wit.last_root->scopes->worlds == NULL;
    if (st == SW_OK && !is_empty) {
        read_binary(&again, sw_buf_bytes(&bytes));
        check(again.status == SW_OK);
        check(encode(&again, &bytes_again) == SW_OK);
        check_equal(&bytes, &bytes_again);
        sw_buf_clear(&bytes_again);
        sw_arena_clear(&again.arena);
        check_text(m, &bytes);
    }
    sw_buf_clear(&bytes);
}

static bool take(void *env, size_t number, sw_bytes module)
{
    sw_bytes all = *(const sw_bytes *)env;
    check(module.ptr >= all.ptr && module.ptr + module.len <= all.ptr + all.len);
    return number < 100;
}

/* Custom sections: what is stripped has nothing more to strip. */
static void check_sections(sw_bytes bytes)
{
    const sw_wit_strip what = {.everything = true};
    sw_buf once, twice;
    sw_diag diag = {0};
    for (int i = 0; i < 2; i++) {
        sw_buf_init(&once, NULL, (size_t)64 << 20);
        (void)!sw_wit_show_sections(bytes, i == 1, &diag, &once);
        sw_buf_clear(&once);
    }
    (void)!sw_wit_unbundle(bytes, take, &bytes, &diag);
    diag = (sw_diag){0};
    sw_buf_init(&once, NULL, (size_t)64 << 20);
    sw_buf_init(&twice, NULL, (size_t)64 << 20);
    if (sw_wit_strip_sections(bytes, &what, &diag, &once) == SW_OK) {
        check(sw_wit_strip_sections(sw_buf_bytes(&once), &what, &diag, &twice) == SW_OK);
        check_equal(&once, &twice);
    }
    sw_buf_clear(&once);
    sw_buf_clear(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model m;
    sw_bytes bytes = {data, size};
    check_sections(bytes);
    read_binary(&m, bytes);
    if (m.status == SW_OK) {
        check_model(&m);
    }
    sw_arena_clear(&m.arena);
    return 0;
}
