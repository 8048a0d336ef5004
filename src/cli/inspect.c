/* swell inspect and swell validate: looking at a file without running it. */
#include "cli/cli.h"

#include <stdio.h>

/* What both do with the bytes of a file. */
typedef int file_action(const cli_args *args, swell_engine *engine, swell_bytes bytes);

static int with_file(const cli_args *args, file_action *action)
{
    cli_file file;
    cli_source source;
    swell_engine *engine;
    swell_error error = {};
    int code = cli_source_open(args, args->operands[0], &source);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_read_file(source.path, &file);
    cli_source_close(&source);
    if (code != CLI_OK) {
        return code;
    }
    if (swell_engine_new(NULL, &error, &engine) != SWELL_OK) {
        code = cli_report("swell", &error);
    } else {
        code = action(args, engine, file.bytes);
        swell_engine_free(engine);
    }
    cli_release_file(&file);
    return code;
}

static int inspect_bytes(const cli_args *args, swell_engine *engine, swell_bytes bytes)
{
    swell_error error = {};
    swell_str text;
    swell_status st = cli_has(args, "json") ? swell_inspect_json(engine, bytes, &error, &text)
                                            : swell_inspect_text(engine, bytes, &error, &text);
    if (st != SWELL_OK) {
        return cli_report(args->operands[0], &error);
    }
    (void)fwrite(text.ptr, 1, text.len, stdout);
    swell_text_free(text);
    return CLI_OK;
}

static int validate_bytes(const cli_args *args, swell_engine *engine, swell_bytes bytes)
{
    swell_error error = {};
    if (swell_validate(engine, bytes, &error) != SWELL_OK) {
        return cli_report(args->operands[0], &error);
    }
    return CLI_OK;
}

static int inspect(const cli_args *args)
{
    return with_file(args, inspect_bytes);
}

static int validate(const cli_args *args)
{
    return with_file(args, validate_bytes);
}

static const cli_option INSPECT_OPTIONS[] = {
    {"json", 0, NULL, "print JSON for programs", false},
    CLI_PULL_OPTION,
    CLI_REGISTRY_OPTIONS,
};

static const cli_example INSPECT_EXAMPLES[] = {
    {"swell inspect app.wasm",                      "What it imports, exports, and would be able to do."},
    {"swell inspect --json app.wasm | jq .imports", "The same for programs."                            },
};

const cli_verb CLI_INSPECT = {
    .name = "inspect",
    .operands = "FILE",
    .summary = "show what a component or module imports, exports and could do",
    .description = "Prints imports, exports with their types, the capabilities that the imports\n"
                   "amount to, the sizes of the parts and the tools that produced the file.",
    .options = INSPECT_OPTIONS,
    .options_count = sizeof INSPECT_OPTIONS / sizeof INSPECT_OPTIONS[0],
    .examples = INSPECT_EXAMPLES,
    .examples_count = sizeof INSPECT_EXAMPLES / sizeof INSPECT_EXAMPLES[0],
    .operands_min = 1,
    .operands_max = 1,
    .run = inspect,
};

static const cli_option VALIDATE_OPTIONS[] = {
    CLI_PULL_OPTION,
    CLI_REGISTRY_OPTIONS,
};

static const cli_example VALIDATE_EXAMPLES[] = {
    {"swell validate app.wasm && echo fine", "Silent when the file is valid."},
};

const cli_verb CLI_VALIDATE = {
    .name = "validate",
    .operands = "FILE",
    .summary = "check a component or module",
    .description =
        "Decodes and validates everything, function bodies too. Prints nothing and exits\n"
        "with 0 when the file is valid; else tells the first fault with its offset and\n"
        "exits with 2.",
    .options = VALIDATE_OPTIONS,
    .options_count = sizeof VALIDATE_OPTIONS / sizeof VALIDATE_OPTIONS[0],
    .examples = VALIDATE_EXAMPLES,
    .examples_count = sizeof VALIDATE_EXAMPLES / sizeof VALIDATE_EXAMPLES[0],
    .operands_min = 1,
    .operands_max = 1,
    .run = validate,
};
