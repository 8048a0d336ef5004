/* swell wit: WIT in any form to WIT in another. */
#include <swell/wit.h>

#include "cli/wit.h"

#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_FEATURES = 64, FEATURE_BYTES = 64, PATH_BYTES = 4096 };

/* Messages about WIT have several lines, which show the place. */
int cli_report_wit(const char *file, const swell_error *error)
{
    size_t len = strcspn(error->text, "\n");
    if (len == 0) {
        return cli_report(file, error);
    }
    (void)fprintf(stderr, "error: ");
    cli_print_foreign(error->text, len);
    if (error->text[len] == '\0' && error->offset != SWELL_NO_OFFSET) {
        (void)fprintf(stderr, " (at byte %u, 0x%x)", error->offset, error->offset);
    }
    (void)fprintf(stderr, "\n");
    for (const char *line = error->text + len; *line == '\n'; line += len) {
        line++;
        len = strcspn(line, "\n");
        for (size_t i = 0; i < len; i++) {
            bool is_tab = line[i] == '\t';
            size_t run = is_tab ? 1 : strcspn(line + i, "\t\n");
            cli_print_foreign(is_tab ? " " : line + i, run);
            i += run - 1;
        }
        (void)fprintf(stderr, "\n");
    }
    return cli_exit_code(error);
}

/* ---- Features -------------------------------------------------------------------------------- */

typedef struct feature_list {
    char text[MAX_FEATURES][FEATURE_BYTES];
    const char *names[MAX_FEATURES];
    size_t count;
} feature_list;

static bool add_features(feature_list *l, const char *value)
{
    while (*value != '\0') {
        size_t len = strcspn(value, ",");
        if (l->count == MAX_FEATURES || len >= FEATURE_BYTES) {
            return false;
        }
        memcpy(l->text[l->count], value, len);
        l->text[l->count][len] = '\0';
        l->names[l->count] = l->text[l->count];
        l->count += len > 0;
        value += len + (value[len] == ',');
    }
    return true;
}

int cli_read_wit(const cli_args *args, const char *path, swell_wit **ret_wit)
{
    static feature_list features;
    swell_error error = {0};
    features.count = 0;
    for (size_t i = 0; i < args->given_count; i++) {
        if (strcmp(args->given[i].option->name, "features") == 0 &&
            !add_features(&features, args->given[i].value)) {
            return cli_usage_error(NULL, "--features: too many or too long");
        }
    }
    const swell_wit_options options = {features.names, features.count,
                                       cli_has(args, "all-features")};
    if (strcmp(path, "-") != 0) {
        return swell_wit_read(path, &options, &error, ret_wit) == SWELL_OK
                   ? CLI_OK
                   : cli_report_wit(path, &error);
    }
    cli_file file;
    int code = cli_read_file(path, &file);
    if (code == CLI_OK) {
        swell_status st = swell_wit_read_bytes(swell_str_of("standard input"), file.bytes, &options,
                                               &error, ret_wit);
        code = st == SWELL_OK ? CLI_OK : cli_report_wit("standard input", &error);
        cli_release_file(&file);
    }
    return code;
}

/* ---- Writing --------------------------------------------------------------------------------- */

int cli_deliver(const char *path, swell_status st, swell_str text, const swell_error *error)
{
    swell_error failed = {0};
    if (st != SWELL_OK) {
        return cli_report_wit("swell", error);
    }
    st = swell_write_file(path == NULL ? "-" : path,
                          (swell_bytes){(const uint8_t *)text.ptr, text.len}, &failed);
    swell_text_free(text);
    return st == SWELL_OK ? CLI_OK : cli_report(path == NULL ? "swell" : path, &failed);
}

/* "wasi:io@0.2.0" as "wasi-io@0.2.0". */
static void file_name(swell_str package, char *out, size_t size)
{
    size_t len = package.len < size - 1 ? package.len : size - 1;
    for (size_t i = 0; i < len; i++) {
        out[i] = package.ptr[i] == ':' ? '-' : package.ptr[i];
    }
    out[len] = '\0';
}

static int make_folder(const char *path)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST) {
        return CLI_OK;
    }
    (void)fprintf(stderr, "error: %s: %s\n", path, strerror(errno));
    return CLI_FAILURE;
}

static int write_folder(const swell_wit *wit, const char *folder, unsigned flags)
{
    char path[PATH_BYTES], name[256];
    int code = make_folder(folder);
    (void)snprintf(path, sizeof path, "%s/deps", folder);
    if (code == CLI_OK && swell_wit_packages(wit) > 1) {
        code = make_folder(path);
    }
    for (size_t i = 0; i < swell_wit_packages(wit) && code == CLI_OK; i++) {
        swell_error error = {0};
        swell_str text = {0};
        file_name(swell_wit_package_name(wit, i), name, sizeof name);
        (void)snprintf(path, sizeof path, "%s/%s%s.wit", folder, i == 0 ? "" : "deps/", name);
        swell_status st = swell_wit_print(wit, i, flags | SWELL_WIT_ONE, &error, &text);
        code = cli_deliver(path, st, text, &error);
    }
    return code;
}

static int write_wit(const cli_args *args, swell_wit *wit)
{
    swell_error error = {0};
    swell_str text = {0};
    swell_status st;
    unsigned flags = cli_has(args, "no-docs") ? SWELL_WIT_NO_DOCS : 0;
    if (cli_has(args, "out-dir")) {
        return write_folder(wit, cli_value(args, "out-dir"), flags);
    }
    if (cli_has(args, "json")) {
        st = swell_wit_json(wit, &error, &text);
    } else if (cli_has(args, "wasm")) {
        st = swell_wit_encode(wit, &error, &text);
    } else {
        st = swell_wit_print(wit, 0, flags, &error, &text);
    }
    return cli_deliver(cli_value(args, "output"), st, text, &error);
}

int cli_wit(const cli_args *args)
{
    bool is_check = strcmp(args->operands[0], "check") == 0;
    swell_wit *wit = NULL;
    if (args->operands_count == 2 && !is_check) {
        return cli_usage_error("see 'swell wit --help'", "swell wit: too many operands");
    }
    if (cli_has(args, "wasm") && !cli_has(args, "output")) {
        return cli_usage_error("'-o -' is standard output",
                               "swell wit --wasm: give a file with --output");
    }
    const char *path = !is_check                   ? args->operands[0]
                       : args->operands_count == 2 ? args->operands[1]
                                                   : "wit";
    int code = cli_read_wit(args, path, &wit);
    if (code == CLI_OK && !is_check) {
        code = write_wit(args, wit);
    }
    swell_wit_free(wit);
    return code;
}
