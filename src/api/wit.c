/* WIT and the metadata of binaries, in public. */
#include <swell/wit.h>

#include "api/api.h"
#include "os/file.h"
#include "wit/decode.h"
#include "wit/json.h"
#include "wit/print.h"
#include "wit/sections.h"

#include <errno.h>
#include <unistd.h>

#define MAX_MODEL_BYTES  ((size_t)2 << 30)
#define MAX_OUTPUT_BYTES ((size_t)1 << 30)

struct swell_wit {
    sw_arena arena;
    sw_wit wit;
    sw_wit_package **packages; /* in the arena; the main one first */
    size_t packages_count;
};

void swell_wit_free(swell_wit *wit)
{
    if (wit != NULL) {
        sw_arena_clear(&wit->arena);
        sw_free(NULL, wit, sizeof *wit);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

static sw_status list_packages(swell_wit *w)
{
    size_t count = 0;
    for (const sw_wit_package *p = w->wit.packages; p != NULL; p = p->next) {
        count++;
    }
    w->packages = SW_NEW_ARRAY(&w->arena, sw_wit_package *, count + 1);
    if (w->packages == NULL) {
        return SW_NO_MEMORY;
    }
    for (sw_wit_package *p = w->wit.packages; p != NULL; p = p->next) {
        if (p == w->wit.last_root) {
            w->packages[w->packages_count++] = p;
        }
    }
    for (sw_wit_package *p = w->wit.packages; p != NULL; p = p->next) {
        if (p != w->wit.last_root) {
            w->packages[w->packages_count++] = p;
        }
    }
    return SW_OK;
}

static sw_status resolve(swell_wit *w, const swell_wit_options *options, sw_diag *diag)
{
    sw_wit_features features = {0};
    if (options != NULL) {
        sw_str *names = SW_NEW_ARRAY(&w->arena, sw_str, options->features_count + 1);
        if (names == NULL) {
            return SW_NO_MEMORY;
        }
        for (size_t i = 0; i < options->features_count; i++) {
            names[i] = sw_str_of(options->features[i]);
        }
        features = (sw_wit_features){names, options->features_count, options->all_features};
    }
    SW_TRY(sw_wit_resolve(&w->wit, &features, diag));
    return list_packages(w);
}

/* bytes.ptr NULL: from the path. */
static swell_status read_any(const char *path, swell_str name, swell_bytes bytes,
                             const swell_wit_options *options, swell_error *error,
                             swell_wit **ret_wit)
{
    sw_diag diag = {0};
    swell_wit *w = sw_alloc(NULL, sizeof *w);
    if (w == NULL) {
        return sw_api_result(SW_NO_MEMORY, &diag, error);
    }
    *w = (swell_wit){0};
    sw_arena_init(&w->arena, NULL, MAX_MODEL_BYTES);
    sw_wit_init(&w->wit, &w->arena);
    sw_wit_accept_binaries(&w->wit);
    sw_str text = {(const char *)bytes.ptr, bytes.len};
    sw_str label = {name.ptr, name.len};
    sw_bytes kept = {bytes.ptr, bytes.len};
    sw_status st;
    if (path != NULL) {
        st = sw_wit_add_path(&w->wit, path, &diag);
    } else if (sw_wit_is_binary(kept)) {
        kept = sw_arena_bytes(&w->arena, kept);
        st = kept.ptr == NULL ? SW_NO_MEMORY : sw_wit_decode(&w->wit, label, kept, &diag);
    } else {
        st = sw_wit_add_text(&w->wit, label, text, &diag);
    }
    st = st != SW_OK ? st : resolve(w, options, &diag);
    if (st != SW_OK) {
        swell_wit_free(w);
    } else {
        *ret_wit = w;
    }
    return sw_api_result(st, &diag, error);
}

swell_status swell_wit_read(const char *path, const swell_wit_options *options, swell_error *error,
                            swell_wit **ret_wit)
{
    return read_any(path, (swell_str){"", 0}, (swell_bytes){NULL, 0}, options, error, ret_wit);
}

swell_status swell_wit_read_bytes(swell_str name, swell_bytes bytes,
                                  const swell_wit_options *options, swell_error *error,
                                  swell_wit **ret_wit)
{
    return read_any(NULL, name, bytes, options, error, ret_wit);
}

size_t swell_wit_packages(const swell_wit *wit)
{
    return wit->packages_count;
}

swell_str swell_wit_package_name(const swell_wit *wit, size_t package)
{
    if (package >= wit->packages_count) {
        return (swell_str){"", 0};
    }
    sw_str name = wit->packages[package]->full_name;
    return (swell_str){name.ptr, name.len};
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Hands the buffer's bytes over as a block of exactly their length, and clears it. */
static swell_status deliver(sw_status st, sw_buf *out, const sw_diag *diag, swell_error *error,
                            swell_str *ret_text)
{
    if (st == SW_OK) {
        char *text = sw_alloc(NULL, out->len);
        if (text == NULL) {
            st = SW_NO_MEMORY;
        } else {
            memcpy(text, out->ptr, out->len);
            *ret_text = (swell_str){text, out->len};
        }
    }
    sw_buf_clear(out);
    return sw_api_result(st, diag, error);
}

swell_status swell_wit_print(const swell_wit *wit, size_t package, unsigned flags,
                             swell_error *error, swell_str *ret_text)
{
    sw_diag diag = {0};
    sw_buf out;
    const sw_wit_print_options options = {.no_docs = (flags & SWELL_WIT_NO_DOCS) != 0};
    sw_buf_init(&out, NULL, MAX_OUTPUT_BYTES);
    sw_status st = SW_ARGUMENT;
    if (package < wit->packages_count) {
        st = (flags & SWELL_WIT_ONE) != 0
                 ? sw_wit_print_package(&wit->wit, wit->packages[package], &options, &out)
                 : sw_wit_print(&wit->wit, &options, &out);
    }
    return deliver(st, &out, &diag, error, ret_text);
}

swell_status swell_wit_json(swell_wit *wit, swell_error *error, swell_str *ret_text)
{
    sw_diag diag = {0};
    sw_buf out;
    sw_buf_init(&out, NULL, MAX_OUTPUT_BYTES);
    return deliver(sw_wit_write_json(&wit->wit, &out), &out, &diag, error, ret_text);
}

swell_status swell_wit_encode(swell_wit *wit, swell_error *error, swell_str *ret_bytes)
{
    sw_diag diag = {0};
    sw_buf out;
    sw_buf_init(&out, NULL, MAX_OUTPUT_BYTES);
    sw_status st = wit->packages_count == 0
                       ? SW_ARGUMENT
                       : sw_wit_encode_package(&wit->wit, wit->packages[0], &diag, &out);
    return deliver(st, &out, &diag, error, ret_bytes);
}

/* ---- Metadata -------------------------------------------------------------------------------- */

swell_status swell_component_embed(swell_wit *wit, const char *world, swell_strings strings,
                                   swell_bytes module, swell_error *error, swell_str *ret_bytes)
{
    sw_diag diag = {0};
    sw_buf out;
    sw_wit_world *found = NULL;
    sw_bytes bytes = {module.ptr, module.len};
    sw_buf_init(&out, NULL, MAX_OUTPUT_BYTES);
    sw_status st = sw_wit_select_world(&wit->wit, sw_str_of(world), &diag, &found);
    if (st == SW_OK) {
        st = sw_wit_embed(&wit->wit, found, (sw_wit_strings)strings, bytes, &diag, &out);
    }
    return deliver(st, &out, &diag, error, ret_bytes);
}

swell_status swell_component_metadata(swell_bytes bytes, bool as_json, swell_error *error,
                                      swell_str *ret_text)
{
    sw_diag diag = {0};
    sw_buf out;
    sw_buf_init(&out, NULL, MAX_OUTPUT_BYTES);
    sw_status st = sw_wit_show_sections((sw_bytes){bytes.ptr, bytes.len}, as_json, &diag, &out);
    return deliver(st, &out, &diag, error, ret_text);
}

swell_status swell_component_strip(swell_bytes bytes, const char *name, bool everything,
                                   swell_error *error, swell_str *ret_bytes)
{
    sw_diag diag = {0};
    sw_buf out;
    const sw_wit_strip what = {.name = sw_str_of(name), .everything = everything};
    sw_buf_init(&out, NULL, MAX_OUTPUT_BYTES);
    sw_status st = sw_wit_strip_sections((sw_bytes){bytes.ptr, bytes.len}, &what, &diag, &out);
    return deliver(st, &out, &diag, error, ret_bytes);
}

typedef struct public_taker {
    swell_module_fn *take;
    void *env;
} public_taker;

static bool pass_on(void *env, size_t number, sw_bytes module)
{
    const public_taker *t = env;
    return t->take(t->env, number, (swell_bytes){module.ptr, module.len});
}

swell_status swell_component_unbundle(swell_bytes bytes, swell_module_fn *take, void *env,
                                      swell_error *error)
{
    sw_diag diag = {0};
    public_taker t = {take, env};
    sw_status st = sw_wit_unbundle((sw_bytes){bytes.ptr, bytes.len}, pass_on, &t, &diag);
    return sw_api_result(st, &diag, error);
}

swell_status swell_write_file(const char *path, swell_bytes contents, swell_error *error)
{
    sw_diag diag = {0};
    sw_bytes bytes = {contents.ptr, contents.len};
    sw_status st = SW_OK;
    if (strcmp(path, "-") != 0) {
        st = sw_file_write(path, bytes, 0644, false, &diag);
    } else if (!sw_fd_write(STDOUT_FILENO, bytes)) {
        st = sw_fail(&diag, SW_IO, SW_NO_OFFSET, "standard output: %s", strerror(errno));
    }
    return sw_api_result(st, &diag, error);
}
