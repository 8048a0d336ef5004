/* The program: finds the verb, parses its words, runs it. */
#include "cli/cli.h"

#include "base/memory.h"
#include "base/suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const cli_verb *const CLI_VERBS[] = {
    &CLI_RUN,  &CLI_SERVE, &CLI_COMPILE, &CLI_INSPECT, &CLI_VALIDATE, &CLI_WIT,  &CLI_COMPONENT,
    &CLI_PUSH, &CLI_PULL,  &CLI_COPY,    &CLI_LOGIN,   &CLI_LOGOUT,   &CLI_HELP, &CLI_COMPLETION,
};
const size_t CLI_VERBS_COUNT = sizeof CLI_VERBS / sizeof CLI_VERBS[0];

const cli_verb *cli_find_verb(const char *name)
{
    for (size_t i = 0; i < CLI_VERBS_COUNT; i++) {
        if (strcmp(CLI_VERBS[i]->name, name) == 0) {
            return CLI_VERBS[i];
        }
    }
    return NULL;
}

static int unknown_verb(const char *name)
{
    sw_str names[64];
    size_t count = 0;
    for (size_t i = 0; i < CLI_VERBS_COUNT && count < SW_COUNTOF(names); i++) {
        names[count++] = sw_str_of(CLI_VERBS[i]->name);
    }
    char hint[128];
    const sw_str *best = sw_suggest(sw_str_of(name), names, count);
    if (best == NULL) {
        (void)snprintf(hint, sizeof hint, "'swell help' lists the commands");
    } else {
        (void)snprintf(hint, sizeof hint, "did you mean 'swell %s'?", best->ptr);
    }
    return cli_usage_error(hint, "no command '%s'", name);
}

/* The parser moves the words of its copy, so that argv can be handed over as it was given. */
static int run_verb(const cli_verb *verb, size_t count, char *const *argv)
{
    cli_args args;
    bool is_done = false;
    cli_given *given = sw_alloc_array(NULL, count, sizeof *given);
    char **words = sw_alloc_array(NULL, count, sizeof *words);
    int code = CLI_FAILURE;
    if (given == NULL || words == NULL) {
        (void)fprintf(stderr, "error: out of memory\n");
    } else {
        memcpy(words, argv + 2, count * sizeof *words);
        code = cli_parse(verb, (int)count, words, given, &args, &is_done);
        args.argv = argv;
        if (code == CLI_OK && !is_done) {
            code = verb->run(&args);
        }
    }
    sw_free(NULL, words, count * sizeof *words);
    sw_free(NULL, given, count * sizeof *given);
    return code;
}

/* What was printed must have arrived: a full disk is an error, not a shorter report. */
static int finish_output(int code)
{
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) != 0 || failed) {
        (void)fprintf(stderr, "error: standard output: %s\n", strerror(errno));
        return code == CLI_OK ? CLI_FAILURE : code;
    }
    return code;
}

/* A standard stream that is closed would be the next file that is opened, and a guest's output
 * would land in it: what stands in refuses every use in the stream's direction. */
static void hold_streams(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        }
    }
}

static int run_program(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_print_help(NULL);
        return argc < 2 ? CLI_USAGE : CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        (void)printf("swell %s\n", swell_version());
        return CLI_OK;
    }
    const cli_verb *verb = cli_find_verb(argv[1]);
    return verb == NULL ? unknown_verb(argv[1]) : run_verb(verb, (size_t)argc - 2, argv);
}

int main(int argc, char **argv)
{
    hold_streams();
    return finish_output(run_program(argc, argv));
}
