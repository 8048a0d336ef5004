/* swell compile: a program to machine code, ahead of time. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const cli_option OPTIONS[] = {
    {"output", 'o', "FILE", "where to write; default: the input with .swell for .wasm", false},
    {"json",   0,   NULL,   "print what was done as JSON",                              false},
    CLI_PULL_OPTION,
    CLI_REGISTRY_OPTIONS,
};

static const cli_example EXAMPLES[] = {
    {"swell compile app.wasm -o app.swell",  "Compile once."                        },
    {"swell run --allow-compiled app.swell", "Start it in well under a millisecond."},
};

static bool default_output(const char *input, bool is_reference, char *out, size_t size)
{
    size_t len = strlen(input);
    if (is_reference) { /* the last part of the name */
        const char *slash = strrchr(input, '/');
        input = slash == NULL ? input : slash + 1;
        len = strcspn(input, ":@");
    }
    if (len > 5 && strcmp(input + len - 5, ".wasm") == 0) {
        len -= 5;
    }
    int written = snprintf(out, size, "%.*s.swell", (int)len, input);
    return written > 0 && (size_t)written < size;
}

static void print_stats(const char *out, const swell_compile_stats *s, bool json)
{
    if (json) {
        (void)printf("{\"modules\":%u,\"functions\":%u,\"wasm_code_bytes\":%" PRIu64
                     ",\"machine_code_bytes\":%" PRIu64 ",\"validate_ns\":%" PRIu64
                     ",\"emit_ns\":%" PRIu64 ",\"wall_ns\":%" PRIu64 "}\n",
                     s->modules, s->functions, s->wasm_code_bytes, s->machine_code_bytes,
                     s->validate_ns, s->emit_ns, s->wall_ns);
    } else {
        (void)printf("%s: %u functions, %" PRIu64 " bytes of code in %.1f ms\n", out, s->functions,
                     s->machine_code_bytes, (double)s->wall_ns / 1e6);
    }
}

static int compile(const cli_args *args, const char *path, const char *output)
{
    swell_engine *engine;
    swell_error error = {};
    swell_compile_stats stats;
    if (swell_engine_new(NULL, &error, &engine) != SWELL_OK) {
        return cli_report("swell", &error);
    }
    int code = CLI_OK;
    if (swell_compile_file(engine, path, output, &error, &stats) != SWELL_OK) {
        code = cli_report(args->operands[0], &error);
    } else {
        print_stats(output, &stats, cli_has(args, "json"));
    }
    swell_engine_free(engine);
    return code;
}

static int run(const cli_args *args)
{
    const char *input = args->operands[0];
    const char *output = cli_value(args, "output");
    char path[4096];
    cli_source source;
    if (output == NULL && strcmp(input, "-") == 0) {
        return cli_usage_error("name the output: swell compile -o FILE -",
                               "standard input has no name to make the output's of");
    }
    int code = cli_source_open(args, input, &source);
    if (code != CLI_OK) {
        return code;
    }
    if (output == NULL) {
        output = path;
        if (!default_output(input, source.registry != NULL, path, sizeof path)) {
            code = cli_usage_error(NULL, "the file name is too long");
        }
    }
    code = code != CLI_OK ? code : compile(args, source.path, output);
    cli_source_close(&source);
    return code;
}

const cli_verb CLI_COMPILE = {
    .name = "compile",
    .operands = "FILE",
    .summary = "compile a component or module ahead of time",
    .description =
        "Writes machine code, data and metadata into one file that is mapped, not parsed,\n"
        "when it runs. The file fits this build of swell and processors like this one;\n"
        "'swell run' refuses it elsewhere. Since it holds machine code, it runs only with\n"
        "--allow-compiled: treat it as you treat a native program.",
    .options = OPTIONS,
    .options_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .examples = EXAMPLES,
    .examples_count = sizeof EXAMPLES / sizeof EXAMPLES[0],
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
