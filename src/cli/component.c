/* swell component: metadata and parts of modules and components. */
#include "cli/wit.h"

#include "base/suggest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 4096 };

/* What is done with the bytes of a file. */
typedef int action(const cli_args *args, swell_bytes bytes);

static int with_file(const cli_args *args, const char *path, action *act)
{
    cli_file file;
    int code = cli_read_file(path, &file);
    if (code == CLI_OK) {
        code = act(args, file.bytes);
        cli_release_file(&file);
    }
    return code;
}

static int need_output(const cli_args *args)
{
    return cli_has(args, "output") ? CLI_OK
                                   : cli_usage_error("'-o -' is standard output",
                                                     "swell component %s: give a file with "
                                                     "--output",
                                                     args->operands[0]);
}

/* ---- embed ----------------------------------------------------------------------------------- */

static bool parse_strings(const char *text, swell_strings *ret_strings)
{
    static const char *const NAMES[] = {"utf8", "utf16", "latin1+utf16"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (text == NULL || strcmp(text, NAMES[i]) == 0) {
            *ret_strings = (swell_strings)i;
            return true;
        }
    }
    return false;
}

static int embed_bytes(const cli_args *args, swell_bytes bytes)
{
    swell_strings strings;
    swell_wit *wit = NULL;
    swell_error error = {0};
    swell_str text = {0};
    if (!parse_strings(cli_value(args, "string-encoding"), &strings)) {
        return cli_usage_error("there are utf8, utf16 and latin1+utf16",
                               "--string-encoding: no encoding '%s'",
                               cli_value(args, "string-encoding"));
    }
    int code = cli_read_wit(args, args->operands[1], &wit);
    if (code == CLI_OK) {
        swell_status st =
            swell_component_embed(wit, cli_value(args, "world"), strings, bytes, &error, &text);
        code = cli_deliver(cli_value(args, "output"), st, text, &error);
    }
    swell_wit_free(wit);
    return code;
}

static int embed(const cli_args *args)
{
    int code = need_output(args);
    return code == CLI_OK ? with_file(args, args->operands[2], embed_bytes) : code;
}

/* ---- metadata, strip ------------------------------------------------------------------------- */

static int metadata_bytes(const cli_args *args, swell_bytes bytes)
{
    swell_error error = {0};
    swell_str text = {0};
    if (swell_component_metadata(bytes, cli_has(args, "json"), &error, &text) != SWELL_OK) {
        return cli_report(args->operands[1], &error);
    }
    return cli_deliver(cli_value(args, "output"), SWELL_OK, text, &error);
}

static int metadata(const cli_args *args)
{
    return with_file(args, args->operands[1], metadata_bytes);
}

static int strip_bytes(const cli_args *args, swell_bytes bytes)
{
    swell_error error = {0};
    swell_str text = {0};
    if (swell_component_strip(bytes, cli_value(args, "delete"), cli_has(args, "all"), &error,
                              &text) != SWELL_OK) {
        return cli_report(args->operands[1], &error);
    }
    return cli_deliver(cli_value(args, "output"), SWELL_OK, text, &error);
}

static int strip(const cli_args *args)
{
    int code = need_output(args);
    return code == CLI_OK ? with_file(args, args->operands[1], strip_bytes) : code;
}

/* ---- unbundle -------------------------------------------------------------------------------- */

typedef struct unbundler {
    const char *folder;
    int code;
} unbundler;

static bool write_module(void *env, size_t number, swell_bytes module)
{
    unbundler *u = env;
    char path[PATH_BYTES];
    swell_error error = {0};
    (void)snprintf(path, sizeof path, "%s/module%zu.wasm", u->folder, number);
    if (swell_write_file(path, module, &error) != SWELL_OK) {
        u->code = cli_report(path, &error);
    } else {
        (void)printf("%s\n", path);
    }
    return u->code == CLI_OK;
}

static int unbundle_bytes(const cli_args *args, swell_bytes bytes)
{
    swell_error error = {0};
    unbundler u = {.folder = cli_value(args, "out-dir")};
    if (swell_component_unbundle(bytes, write_module, &u, &error) != SWELL_OK) {
        return cli_report(args->operands[1], &error);
    }
    return u.code;
}

static int unbundle(const cli_args *args)
{
    const char *folder = cli_value(args, "out-dir");
    if (folder == NULL) {
        return cli_usage_error(NULL, "swell component unbundle: give a folder with --out-dir");
    }
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        (void)fprintf(stderr, "error: %s: %s\n", folder, strerror(errno));
        return CLI_FAILURE;
    }
    return with_file(args, args->operands[1], unbundle_bytes);
}

typedef struct component_action {
    const char *name;
    const char *operands;
    int operands_count; /* with the action's name */
    int (*run)(const cli_args *args);
} component_action;

static const component_action ACTIONS[] = {
    {"embed",    "WIT MODULE", 3, embed   },
    {"metadata", "FILE",       2, metadata},
    {"strip",    "FILE",       2, strip   },
    {"unbundle", "FILE",       2, unbundle},
};

static int unknown_action(const char *name)
{
    sw_str names[SW_COUNTOF(ACTIONS)];
    char hint[64] = "there are embed, metadata, strip and unbundle";
    for (size_t i = 0; i < SW_COUNTOF(ACTIONS); i++) {
        names[i] = sw_str_of(ACTIONS[i].name);
    }
    const sw_str *best = sw_suggest(sw_str_of(name), names, SW_COUNTOF(names));
    if (best != NULL) {
        (void)snprintf(hint, sizeof hint, "did you mean 'swell component %s'?", best->ptr);
    }
    return cli_usage_error(hint, "swell component: nothing is called '%s'", name);
}

int cli_component(const cli_args *args)
{
    for (size_t i = 0; i < SW_COUNTOF(ACTIONS); i++) {
        const component_action *a = &ACTIONS[i];
        if (strcmp(args->operands[0], a->name) == 0) {
            return args->operands_count == a->operands_count
                       ? a->run(args)
                       : cli_usage_error("'swell component --help' has examples",
                                         "swell component %s takes %s", a->name, a->operands);
        }
    }
    return unknown_action(args->operands[0]);
}
