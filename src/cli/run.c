/* swell run: a command component or a WASI 0.1 module, under grants. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const cli_option OPTIONS[] = {
    {"dir",            0, "HOST[::GUEST][:ro]", "let the guest see directory HOST, as GUEST; ':ro' read-only",
     true                                                                                                            },
    {"env",            0, "NAME[=VALUE]",       "set an environment variable; without a value, the host's own",
     true                                                                                                            },
    {"allow-http",     0, "PATTERN",            "let it send requests to [http[s]://]HOST[:PORT][/PATH]",       true },
    CLI_NETWORK_OPTIONS,
    {"timeout",        0, "DURATION",           "stop the guest after 250ms, 10s, 5m; 0: never (the default)",
     false                                                                                                           },
    {"max-memory",     0, "SIZE",               "most linear memory of the guest, default 1GiB",                false},
    {"max-stack",      0, "SIZE",               "stack of the guest, default 8MiB",                             false},
    {"quiet-denials",  0, NULL,                 "do not tell on stderr what was refused",                       false},
    {"allow-compiled", 0, NULL,                 "accept a file made by 'swell compile'; its code is trusted",
     false                                                                                                           },
    CLI_CACHE_OPTIONS,
    CLI_PULL_OPTION,
    CLI_REGISTRY_OPTIONS,
};

static const cli_example EXAMPLES[] = {
    {"swell run hello.wasm",                                              "Run a program that needs nothing."},
    {"swell run --dir data::/data:ro --env LANG report.wasm --year 2026",
     "Let it read ./data as /data, see LANG, and pass it two arguments."                                     },
    {"swell run --allow-http 'https://api.example.com/v1/*' fetch.wasm",  "Let it ask one server."           },
    {"swell run --timeout 5s --max-memory 64MiB job.wasm < in > out",     "Bound what it may use."           },
    {"swell run --pull always ghcr.io/acme/hello:1.0",                    "Run what a registry has."         },
};

static void report_denial(void *env, const char *asked, const char *option)
{
    (void)env;
    (void)fprintf(stderr, "denied: ");
    cli_print_foreign(asked, strlen(asked));
    (void)fprintf(stderr, "\n  grant it with: ");
    cli_print_foreign(option, strlen(option));
    (void)fprintf(stderr, "\n");
}

static swell_status add_grants(const cli_args *args, swell_grants *grants, swell_error *error)
{
    swell_status st = cli_add_grants(args, grants, error);
    for (unsigned i = 0; i < 3; i++) {
        swell_grants_set_stdio(grants, i, (int)i);
    }
    swell_grants_raise_sigpipe(grants);
    if (!cli_has(args, "quiet-denials")) {
        swell_grants_on_denial(grants, report_denial, NULL);
    }
    return st;
}

enum { MAX_PRINTED_FRAMES = 32 };

static void print_frame(const swell_frame *f, size_t number)
{
    (void)fprintf(stderr, "  %2zu: ", number);
    if (f->func.len != 0) {
        cli_print_foreign(f->func.ptr, f->func.len);
    } else {
        (void)fprintf(stderr, "function %u", f->func_index);
    }
    if (f->module.len != 0) {
        (void)fprintf(stderr, " in ");
        cli_print_foreign(f->module.ptr, f->module.len);
    }
    if (f->offset != SWELL_NO_OFFSET) {
        (void)fprintf(stderr, " at 0x%x", f->offset);
    }
    (void)fprintf(stderr, "\n");
}

static int report_trap(const char *file, const swell_store *store)
{
    if (swell_store_trap_was_deadline(store)) {
        (void)fprintf(stderr, "error: %s: the time limit is over\n", file);
        return CLI_TIMEOUT;
    }
    const char *text = swell_store_trap_text(store);
    (void)fprintf(stderr, "error: %s: trap: ", file);
    cli_print_foreign(text, strlen(text));
    (void)fprintf(stderr, "\n");
    swell_frame frames[MAX_PRINTED_FRAMES];
    size_t count = swell_store_trap_frames(store, MAX_PRINTED_FRAMES, frames);
    for (size_t i = 0; i < count; i++) {
        print_frame(&frames[i], i);
    }
    return CLI_TRAP;
}

/* What one run holds; freed together. */
typedef struct execution {
    const char *file;
    swell_engine *engine;
    swell_program *program;
    swell_linker *linker;
    swell_grants *grants;
    swell_store *store;
    uint64_t timeout_ns;
    swell_store_config config;
} execution;

static int finish(const execution *s, swell_status st, const swell_error *error)
{
    if (st == SWELL_EXIT) {
        return swell_store_exit_code(s->store);
    }
    if (st == SWELL_TRAP) {
        return report_trap(s->file, s->store);
    }
    return st == SWELL_OK ? CLI_OK : cli_report(s->file, error);
}

static bool needs_network(const swell_program *program)
{
    return swell_program_imports(program, swell_str_of("wasi:http/")) ||
           swell_program_imports(program, swell_str_of("wasi:sockets/"));
}

static swell_status start(execution *s, const cli_args *args, swell_error *error)
{
    swell_instance *instance;
    swell_status st = swell_linker_new(s->engine, &s->linker);
    st = st != SWELL_OK ? st : swell_linker_define_wasi(s->linker, error);
    st = st != SWELL_OK ? st : cli_define_network(s->linker, error);
    st = st != SWELL_OK ? st : swell_grants_new(&s->grants);
    st = st != SWELL_OK ? st : add_grants(args, s->grants, error);
    st = st != SWELL_OK ? st : swell_store_new(s->engine, &s->config, s->grants, error, &s->store);
    if (st == SWELL_OK && s->timeout_ns != 0) {
        st = swell_store_set_timeout(s->store, s->timeout_ns);
    }
    st =
        st != SWELL_OK ? st : swell_instance_new(s->store, s->program, s->linker, error, &instance);
    return st != SWELL_OK ? st : swell_instance_run(instance, error);
}

static void release(execution *s)
{
    swell_store_free(s->store);
    swell_grants_free(s->grants);
    swell_linker_free(s->linker);
    swell_program_free(s->program);
    swell_engine_free(s->engine);
}

static int parse_limits(const cli_args *args, execution *s)
{
    const char *timeout = cli_value(args, "timeout");
    const char *memory = cli_value(args, "max-memory");
    const char *stack = cli_value(args, "max-stack");
    if (timeout != NULL && !cli_parse_duration(timeout, &s->timeout_ns)) {
        return cli_usage_error("a duration is a number and ms, s, m or h: 250ms, 10s",
                               "--timeout: malformed duration '%s'", timeout);
    }
    if (memory != NULL && !cli_parse_size(memory, &s->config.max_memory_bytes)) {
        return cli_usage_error("a size is a number and KiB, MiB or GiB: 64MiB",
                               "--max-memory: malformed size '%s'", memory);
    }
    if (stack != NULL && !cli_parse_size(stack, &s->config.stack_bytes)) {
        return cli_usage_error("a size is a number and KiB, MiB or GiB: 8MiB",
                               "--max-stack: malformed size '%s'", stack);
    }
    return CLI_OK;
}

static int run(const cli_args *args)
{
    char cache[CLI_PATH_BYTES];
    execution s = {.file = args->operands[0]};
    cli_source source;
    swell_error error = {};
    int code = parse_limits(args, &s);
    code = code != CLI_OK ? code : cli_source_open(args, s.file, &source);
    if (code == CLI_OK) {
        code = cli_open_engine(cli_cache_dir(args, cache, sizeof cache) ? cache : NULL, &s.engine);
    }
    if (code != CLI_OK) {
        return code;
    }
    swell_program_options options = {.allow_compiled = cli_has(args, "allow-compiled")};
    swell_status st = swell_program_open(s.engine, source.path, &options, &error, &s.program);
    cli_source_close(&source);
    if (st == SWELL_OK && needs_network(s.program)) {
        code = cli_need_full(args);
    }
    if (code == CLI_OK) {
        st = st != SWELL_OK ? st : start(&s, args, &error);
        if (error.status == SWELL_OK) {
            error.status = st;
            error.offset = SWELL_NO_OFFSET;
        }
        code = finish(&s, st, &error);
    }
    release(&s);
    return code;
}

const cli_verb CLI_RUN = {
    .name = "run",
    .operands = "FILE [ARGS...]",
    .summary = "run a component or module",
    .description =
        "Runs a command: a component that exports wasi:cli/run, or a core module that\n"
        "exports _start (WASI 0.1). The guest gets standard streams, clocks, randomness\n"
        "and exit; everything else must be granted with the options below. What it tries\n"
        "and may not do is told on stderr with the option that would allow it.\n"
        "\n"
        "FILE may also be a reference into an OCI registry, like ghcr.io/acme/hello:1.0,\n"
        "which is pulled into the store when it is not there ('swell help pull').\n"
        "\n"
        "Words after FILE are the guest's arguments.\n"
        "\n"
        "Exit codes: the guest's own; 134 when it traps, 124 when its time is over, 2 for\n"
        "a wrong command line or a malformed file, 1 for other failures.",
    .options = OPTIONS,
    .options_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .examples = EXAMPLES,
    .examples_count = sizeof EXAMPLES / sizeof EXAMPLES[0],
    .operands_min = 1,
    .operands_max = -1,
    .passes_rest = true,
    .run = run,
};
