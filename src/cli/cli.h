/*
 * The command line: one table of verbs and options feeds the parser, --help, the man pages and the
 * shell completions.
 *
 * A verb is a file: it defines one cli_verb and gets its parsed arguments. Verbs use the public API
 * (include/swell) and small helpers of the base room, nothing else of the library.
 *
 * There are two programs of these files. `swell` is static, small and starts at once. `swell-full`
 * is dynamic and has the network: it is linked with serve.c and full.c instead of handover.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swell/registry.h>
#include <swell/swell.h>

/* Exit codes. A guest's own code passes through. */
enum {
    CLI_OK = 0,
    CLI_FAILURE = 1, /* anything that is not listed below */
    CLI_USAGE = 2,   /* wrong command line; malformed or invalid input */
    CLI_TIMEOUT = 124,
    CLI_TRAP = 134,
};

typedef struct cli_option {
    const char *name;  /* "--dir" without the dashes */
    char letter;       /* or 0 */
    const char *value; /* "HOST[::GUEST][:ro]", or NULL for a flag */
    const char *help;  /* one sentence, without the full stop */
    bool many;         /* may be given more than once */
} cli_option;

typedef struct cli_example {
    const char *command, *what;
} cli_example;

typedef struct cli_args cli_args;

typedef struct cli_verb {
    const char *name;
    const char *operands;    /* "FILE [ARGS...]" */
    const char *summary;     /* "run a component or module" */
    const char *description; /* paragraphs for help and man page, wrapped by hand at 80 columns */
    const cli_option *options;
    size_t options_count;
    const cli_example *examples;
    size_t examples_count;
    int operands_min, operands_max; /* max -1: any number */
    /* Everything after the first operand belongs to the guest, options too. */
    bool passes_rest;
    int (*run)(const cli_args *args);
} cli_verb;

/* What a verb was given. Strings are argv's. */
typedef struct cli_given {
    const cli_option *option;
    const char *value; /* NULL for a flag */
} cli_given;

struct cli_args {
    const cli_verb *verb;
    cli_given *given;
    size_t given_count;
    char *const *operands;
    int operands_count;
    char *const *argv; /* the program's own, for handing over */
};

extern const cli_verb CLI_RUN, CLI_SERVE, CLI_COMPILE, CLI_INSPECT, CLI_VALIDATE, CLI_WIT,
    CLI_COMPONENT, CLI_PUSH, CLI_PULL, CLI_COPY, CLI_LOGIN, CLI_LOGOUT, CLI_HELP, CLI_COMPLETION;
extern const cli_verb *const CLI_VERBS[];
extern const size_t CLI_VERBS_COUNT;

/* The verb, or NULL. */
const cli_verb *cli_find_verb(const char *name);

/*
 * What needs the network calls this before it begins. In the full program it returns CLI_OK. In the
 * small one it becomes the full one, which starts over with the same words, or prints why that is
 * not possible and returns an exit code.
 */
int cli_need_full(const cli_args *args);
/* Functions of verbs that only the full program has. */
int cli_serve(const cli_args *args);
int cli_wit(const cli_args *args);
int cli_component(const cli_args *args);
int cli_push(const cli_args *args);
int cli_pull(const cli_args *args);
int cli_copy(const cli_args *args);
int cli_login(const cli_args *args);
int cli_logout(const cli_args *args);

/* Offers guests the interfaces of the network. The small program has none. */
swell_status cli_define_network(swell_linker *linker, swell_error *error);

/* Options by name. */
bool cli_has(const cli_args *args, const char *name);
const char *cli_value(const cli_args *args, const char *name); /* the last one, or NULL */

/*
 * Parses the words after the verb. On an error it prints what is wrong, with a suggestion, and
 * returns CLI_USAGE. --help prints the verb's help and sets *ret_is_done. given has room for count
 * entries. Operands of a verb that passes nothing on are gathered at the front of words.
 */
int cli_parse(const cli_verb *verb, int count, char **words, cli_given *given, cli_args *ret_args,
              bool *ret_is_done);

/* "error: ...", and a second line "hint: ..." when hint is not NULL. Returns CLI_USAGE. */
int cli_usage_error(const char *hint, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints to stderr what may come from a guest: control characters as \xNN. */
void cli_print_foreign(const char *text, size_t len);

/* Prints "error: FILE: text (at byte N)" and returns the exit code that fits the status. */
int cli_report(const char *file, const swell_error *error);
int cli_exit_code(const swell_error *error);

/* "64KiB", "1GiB", "4096"; "250ms", "10s", "5m". False when malformed or too large. */
bool cli_parse_size(const char *text, uint64_t *ret_bytes);
bool cli_parse_duration(const char *text, uint64_t *ret_ns);
bool cli_parse_count(const char *text, uint64_t *ret_count); /* digits only */

/* Adds what --dir, --env and the other granting options say, and the operands as arguments. */
swell_status cli_add_grants(const cli_args *args, swell_grants *grants, swell_error *error);

/* Grants for sockets, of verbs that run guests with a network. */
// clang-format off
#define CLI_NETWORK_OPTIONS                                                                           \
    {"allow-tcp",    0, "HOST:PORT",    "let its TCP sockets connect there; PORT may be '*'", true},  \
    {"allow-udp",    0, "HOST:PORT",    "let its UDP sockets send there; PORT may be '*'", true},     \
    {"allow-listen", 0, "ADDRESS:PORT", "let its sockets listen and be bound there", true},           \
    {"allow-dns",    0, "NAME",         "let it look up NAME, names below with '*.NAME', all with '*'", true}
// clang-format on

/* The options that every verb which opens programs shares. */
#define CLI_CACHE_OPTIONS                                                                         \
    {"cache-dir", 0, "DIR", "keep compiled code in DIR instead of $XDG_CACHE_HOME/swell", false}, \
    {                                                                                             \
        "no-cache", 0, NULL, "neither read nor write compiled code", false                        \
    }

/* The directory of the cache that the options ask for; false: none. */
bool cli_cache_dir(const cli_args *args, char *out, size_t size);
enum { CLI_PATH_BYTES = 4096 };

/* An engine with this cache, or NULL. On failure it has printed why. */
int cli_open_engine(const char *cache_dir, swell_engine **ret_engine);

/* What FILE says: a file, or a reference that has been pulled. */
typedef struct cli_source {
    const char *path;         /* to be opened */
    swell_registry *registry; /* owned; keeps the store's file; NULL for a file */
    char fetched[4096];
} cli_source;

/* A word that names no file may be a reference: it is pulled as --pull and the registry's options
 * say, by the full program. On failure it has printed why. */
int cli_source_open(const cli_args *args, const char *word, cli_source *ret_source);
/* The file stays where it is; from now on it may be cleared out. */
void cli_source_close(cli_source *source);

/* The part of it that only the full program has. */
int cli_fetch(const cli_args *args, const char *reference, cli_source *ret_source);
void cli_fetch_end(cli_source *source);

/* Runs the action with a registry of the options. */
int cli_with_registry(const cli_args *args,
                      int (*action)(const cli_args *args, swell_registry *registry));

/* The options of verbs that ask registries. */
#define CLI_REGISTRY_OPTIONS                                                                     \
    {"ca", 0, "FILE", "trust these certificates of registries, instead of the system's", false}, \
        {"insecure", 0, NULL, "do not verify certificates of registries", false},                \
        {"plain-http", 0, NULL, "ask registries without TLS", false},                            \
        {"mirror", 0, "REGISTRY=HOST[/PREFIX]", "where to look first for what is read", true},   \
    {                                                                                            \
        "store", 0, "DIR", "keep what is pulled in DIR instead of $XDG_DATA_HOME/swell/store",   \
            false                                                                                \
    }
#define CLI_PULL_OPTION \
    {"pull", 0, "WHEN", "ask the registry: always, for what is missing, or never", false}

/* The contents of a file, a pipe, or standard input for "-": mapped or read. */
typedef struct cli_file {
    swell_bytes bytes;
    size_t owned_bytes; /* of a block that was read; 0: mapped */
} cli_file;

/* On failure it has printed why. */
int cli_read_file(const char *path, cli_file *ret_file);
void cli_release_file(cli_file *file);

/* Help, man page, completion of one verb, or of the program when verb is NULL. */
void cli_print_help(const cli_verb *verb);
void cli_print_man(const cli_verb *verb);
bool cli_print_completion(const char *shell); /* false: no such shell */
