/*
 * swell-bindgen: C bindings from WIT, run while the project is built.
 *
 *     swell-bindgen --out DIR [--prefix sw] [--feature NAME]... --interface NAME... PATH...
 *
 * Every PATH is a package (a file, or a directory); every --interface, as "wasi:io/poll@0.2.12",
 * becomes DIR/wasi_io_poll.h and .c.
 */
#include "wit/bindgen.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_NAMES = 256 };

typedef struct arguments {
    const char *out;
    sw_str prefix;
    sw_str features[MAX_NAMES], interfaces[MAX_NAMES];
    const char *paths[MAX_NAMES];
    size_t features_count, interfaces_count, paths_count;
} arguments;

static bool take_option(arguments *a, const char *option, const char *value)
{
    if (strcmp(option, "--out") == 0) {
        a->out = value;
    } else if (strcmp(option, "--prefix") == 0) {
        a->prefix = sw_str_of(value);
    } else if (strcmp(option, "--feature") == 0 && a->features_count < MAX_NAMES) {
        a->features[a->features_count++] = sw_str_of(value);
    } else if (strcmp(option, "--interface") == 0 && a->interfaces_count < MAX_NAMES) {
        a->interfaces[a->interfaces_count++] = sw_str_of(value);
    } else {
        return false;
    }
    return true;
}

static bool parse_arguments(int argc, char **argv, arguments *a)
{
    *a = (arguments){.prefix = SW_STR("sw")};
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            if (i + 1 == argc || !take_option(a, argv[i], argv[i + 1])) {
                return false;
            }
            i++;
        } else if (a->paths_count < MAX_NAMES) {
            a->paths[a->paths_count++] = argv[i];
        }
    }
    return a->out != NULL && a->interfaces_count > 0 && a->paths_count > 0;
}

static sw_status write_file(const arguments *a, const char *base, const char *suffix,
                            const sw_buf *text, sw_diag *diag)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s%s", a->out, base, suffix);
    return sw_file_write(path, sw_buf_bytes(text), 0666, false, diag);
}

static sw_status write_interface(const arguments *a, const sw_bindgen *b, sw_str name)
{
    const sw_wit_interface *i = sw_wit_find_interface(b->wit, name);
    if (i == NULL) {
        return sw_fail(b->diag, SW_NOT_FOUND, SW_NO_OFFSET, "no interface %.*s", SW_STR_ARG(name));
    }
    const char *base = sw_bindgen_file_base(b, i);
    sw_buf header;
    sw_buf source;
    sw_buf_init(&header, NULL, (size_t)64 << 20);
    sw_buf_init(&source, NULL, (size_t)64 << 20);
    sw_status st = base == NULL ? SW_NO_MEMORY : sw_bindgen_write(b, i, &header, &source);
    if (st == SW_OK) {
        st = write_file(a, base, ".h", &header, b->diag);
    }
    if (st == SW_OK) {
        st = write_file(a, base, ".c", &source, b->diag);
    }
    sw_buf_clear(&header);
    sw_buf_clear(&source);
    return st;
}

static sw_status generate(const arguments *a, sw_wit *wit, sw_diag *diag)
{
    const sw_bindgen b = {.wit = wit, .prefix = a->prefix, .diag = diag};
    const sw_wit_features features = {.names = a->features, .count = a->features_count};
    for (size_t i = 0; i < a->paths_count; i++) {
        SW_TRY(sw_wit_add_path(wit, a->paths[i], diag));
    }
    SW_TRY(sw_wit_resolve(wit, &features, diag));
    for (size_t i = 0; i < a->interfaces_count; i++) {
        SW_TRY(write_interface(a, &b, a->interfaces[i]));
    }
    return SW_OK;
}

int main(int argc, char **argv)
{
    static arguments a;
    sw_diag diag = {0};
    sw_arena arena;
    sw_wit wit;
    if (!parse_arguments(argc, argv, &a)) {
        (void)fprintf(stderr, "usage: swell-bindgen --out DIR [--prefix sw] [--feature NAME]... "
                              "--interface NAME... PATH...\n");
        return 2;
    }
    sw_arena_init(&arena, NULL, (size_t)1 << 30);
    sw_wit_init(&wit, &arena);
    sw_status st = generate(&a, &wit, &diag);
    if (st != SW_OK) {
        (void)fprintf(stderr, "swell-bindgen: %s\n",
                      diag.text[0] != '\0' ? diag.text : sw_status_text(st));
    }
    sw_arena_clear(&arena);
    return st == SW_OK ? 0 : 1;
}
