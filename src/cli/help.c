/* Help, man pages and completions, all from the tables of the verbs. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static void print_overview(void)
{
    (void)printf("swell runs WebAssembly components with nothing granted that was not asked for\n"
                 "and given.\n\nusage: swell COMMAND [OPTIONS] ...\n\ncommands:\n");
    for (size_t i = 0; i < CLI_VERBS_COUNT; i++) {
        (void)printf("  %-12s %s\n", CLI_VERBS[i]->name, CLI_VERBS[i]->summary);
    }
    (void)printf("\nexamples:\n"
                 "  swell run app.wasm\n"
                 "  swell run --dir data::/data:ro --env LANG app.wasm ARG\n"
                 "  swell inspect app.wasm\n"
                 "\n'swell help COMMAND' tells more about one.\n");
}

/* "-o, --output FILE" */
static void option_head(const cli_option *o, char *out, size_t size)
{
    char letter[8] = "    ";
    if (o->letter != 0) {
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    }
    (void)snprintf(out, size, "%s--%s%s%s", letter, o->name, o->value == NULL ? "" : " ",
                   o->value == NULL ? "" : o->value);
}

enum { HEAD_COLUMNS = 32, COLUMNS = 80, LEFT = 2 };

/* Words from column HEAD_COLUMNS + LEFT on, which the first line has reached already. */
static void print_wrapped(const char *text)
{
    size_t column = HEAD_COLUMNS + LEFT;
    for (const char *p = text; *p != '\0';) {
        size_t len = strcspn(p, " ");
        if (p != text && column + 1 + len > COLUMNS) {
            (void)printf("\n%*s", HEAD_COLUMNS + LEFT, "");
            column = HEAD_COLUMNS + LEFT;
        } else if (p != text) {
            (void)printf(" ");
            column++;
        }
        (void)printf("%.*s", (int)len, p);
        column += len;
        p += len + strspn(p + len, " ");
    }
    (void)printf("\n");
}

static void print_options(const cli_verb *verb)
{
    (void)printf("\noptions:\n");
    for (size_t i = 0; i < verb->options_count; i++) {
        char head[96];
        option_head(&verb->options[i], head, sizeof head);
        if (strlen(head) >= HEAD_COLUMNS) {
            (void)printf("  %s\n  %*s", head, HEAD_COLUMNS, "");
        } else {
            (void)printf("  %-*s", HEAD_COLUMNS, head);
        }
        print_wrapped(verb->options[i].help);
    }
    (void)printf("  %-*s%s\n", HEAD_COLUMNS, "-h, --help", "this text");
}

void cli_print_help(const cli_verb *verb)
{
    if (verb == NULL) {
        print_overview();
        return;
    }
    (void)printf("swell %s: %s\n\nusage: swell %s [OPTIONS] %s\n\n%s\n", verb->name, verb->summary,
                 verb->name, verb->operands, verb->description);
    print_options(verb);
    if (verb->examples_count != 0) {
        (void)printf("\nexamples:\n");
    }
    for (size_t i = 0; i < verb->examples_count; i++) {
        (void)printf("  %s\n      %s\n", verb->examples[i].command, verb->examples[i].what);
    }
}

/* ---- man pages (mdoc) ------------------------------------------------------------------------ */

/* Each sentence on a line of its own: the formatter sets the space between them. */
static void man_line(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        (void)putchar(text[i]);
        if (text[i] == '.' && i + 2 < len && text[i + 1] == ' ') {
            (void)putchar('\n');
            i++;
        }
    }
    (void)putchar('\n');
}

static void man_paragraphs(const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        if (len == 0) {
            (void)printf(".Pp\n");
        } else {
            /* A leading dot or quote would be a request. */
            (void)printf("%s", *text == '.' || *text == '\'' ? "\\&" : "");
            man_line(text, len);
        }
        text += len + (text[len] == '\n');
    }
}

static void man_options(const cli_verb *verb)
{
    (void)printf(".Bl -tag -width Ds\n");
    for (size_t i = 0; i < verb->options_count; i++) {
        const cli_option *o = &verb->options[i];
        (void)printf(".It ");
        if (o->letter != 0) {
            (void)printf("Fl %c , ", o->letter);
        }
        (void)printf("Fl -%s", o->name);
        if (o->value != NULL) {
            (void)printf(" Ar %s", o->value);
        }
        (void)printf("\n%s.\n", o->help);
    }
    (void)printf(".It Fl h , Fl -help\nPrints a summary.\n.El\n");
}

static void man_program(void)
{
    (void)printf(".Dd $Mdocdate$\n.Dt SWELL 1\n.Os\n.Sh NAME\n.Nm swell\n"
                 ".Nd run WebAssembly components\n.Sh SYNOPSIS\n.Nm\n.Ar command\n"
                 ".Op Ar options\n.Sh COMMANDS\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < CLI_VERBS_COUNT; i++) {
        (void)printf(".It Xr swell-%s 1\n%s\n", CLI_VERBS[i]->name, CLI_VERBS[i]->summary);
    }
    (void)printf(".El\n.Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
                 ".It Ev XDG_CACHE_HOME\nCompiled code is kept in its subdirectory swell.\n"
                 ".It Ev SWELL_CACHE_MAX\nThe size that cache may grow to; default 1GiB.\n"
                 ".It Ev SWELL_STORE , SWELL_STORE_MAX , SWELL_MIRRORS\nWhere what comes from "
                 "registries is kept,\n"
                 "its size, and mirrors; see\n.Xr swell-pull 1 .\n.El\n");
}

void cli_print_man(const cli_verb *verb)
{
    if (verb == NULL) {
        man_program();
        return;
    }
    (void)printf(".Dd $Mdocdate$\n.Dt SWELL-%s 1\n.Os\n.Sh NAME\n.Nm swell-%s\n.Nd %s\n"
                 ".Sh SYNOPSIS\n.Nm swell %s\n.Op Ar options\n.Ar %s\n.Sh DESCRIPTION\n",
                 verb->name, verb->name, verb->summary, verb->name, verb->operands);
    man_paragraphs(verb->description);
    (void)printf(".Sh OPTIONS\n");
    man_options(verb);
    (void)printf(".Sh EXAMPLES\n");
    for (size_t i = 0; i < verb->examples_count; i++) {
        (void)printf("%s\n.Dl %s\n", verb->examples[i].what, verb->examples[i].command);
    }
    (void)printf(".Sh SEE ALSO\n.Xr swell 1\n");
}

/* ---- completions ----------------------------------------------------------------------------- */

static void words_of(const cli_verb *verb, const char *separator)
{
    for (size_t i = 0; i < verb->options_count; i++) {
        (void)printf("%s--%s", i == 0 ? "" : separator, verb->options[i].name);
    }
    (void)printf("%s--help", verb->options_count == 0 ? "" : separator);
}

static void complete_bash(void)
{
    (void)printf("_swell() {\n    local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
                 "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words='");
    for (size_t i = 0; i < CLI_VERBS_COUNT; i++) {
        (void)printf("%s%s", i == 0 ? "" : " ", CLI_VERBS[i]->name);
    }
    (void)printf("'\n    else\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < CLI_VERBS_COUNT; i++) {
        (void)printf("        %s) words='", CLI_VERBS[i]->name);
        words_of(CLI_VERBS[i], " ");
        (void)printf("' ;;\n");
    }
    (void)printf("        esac\n    fi\n    case $cur in\n"
                 "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
                 "    *) [ \"$COMP_CWORD\" -eq 1 ] && COMPREPLY=($(compgen -W \"$words\" -- "
                 "\"$cur\")) || COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
                 "    esac\n}\ncomplete -o filenames -F _swell swell\n");
}

static void complete_zsh(void)
{
    (void)printf("#compdef swell\nlocal -a commands\ncommands=(\n");
    for (size_t i = 0; i < CLI_VERBS_COUNT; i++) {
        (void)printf("    '%s:%s'\n", CLI_VERBS[i]->name, CLI_VERBS[i]->summary);
    }
    (void)printf(")\nif (( CURRENT == 2 )); then\n    _describe command commands\n    return\nfi\n"
                 "case $words[2] in\n");
    for (size_t i = 0; i < CLI_VERBS_COUNT; i++) {
        (void)printf("%s) [[ $PREFIX == -* ]] && compadd -- ", CLI_VERBS[i]->name);
        words_of(CLI_VERBS[i], " ");
        (void)printf(" || _files ;;\n");
    }
    (void)printf("esac\n");
}

static void complete_fish(void)
{
    for (size_t i = 0; i < CLI_VERBS_COUNT; i++) {
        const cli_verb *v = CLI_VERBS[i];
        (void)printf("complete -c swell -n __fish_use_subcommand -f -a %s -d '%s'\n", v->name,
                     v->summary);
        for (size_t k = 0; k < v->options_count; k++) {
            (void)printf("complete -c swell -n '__fish_seen_subcommand_from %s' -l %s%s\n", v->name,
                         v->options[k].name, v->options[k].value == NULL ? "" : " -r");
        }
    }
}

bool cli_print_completion(const char *shell)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } SHELLS[] = {
        {"bash", complete_bash},
        {"zsh",  complete_zsh },
        {"fish", complete_fish},
    };
    for (size_t i = 0; i < sizeof SHELLS / sizeof SHELLS[0]; i++) {
        if (strcmp(SHELLS[i].name, shell) == 0) {
            SHELLS[i].print();
            return true;
        }
    }
    return false;
}

/* ---- the verbs ------------------------------------------------------------------------------- */

static int help(const cli_args *args)
{
    const cli_verb *verb = NULL;
    if (args->operands_count == 1) {
        verb = cli_find_verb(args->operands[0]);
        if (verb == NULL) {
            return cli_usage_error("'swell help' lists the commands", "no command '%s'",
                                   args->operands[0]);
        }
    }
    if (cli_has(args, "man")) {
        cli_print_man(verb);
    } else {
        cli_print_help(verb);
    }
    return CLI_OK;
}

static const cli_option HELP_OPTIONS[] = {
    {"man", 0, NULL, "print the manual page's source (mdoc)", false},
};

static const cli_example HELP_EXAMPLES[] = {
    {"swell help run",                  "What 'run' does and takes."},
    {"swell help --man run | man -l -", "The manual page."          },
};

const cli_verb CLI_HELP = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "tell about the commands",
    .description = "Prints the list of commands, or one command's description and options.",
    .options = HELP_OPTIONS,
    .options_count = 1,
    .examples = HELP_EXAMPLES,
    .examples_count = 2,
    .operands_min = 0,
    .operands_max = 1,
    .run = help,
};

static int completion(const cli_args *args)
{
    if (!cli_print_completion(args->operands[0])) {
        return cli_usage_error("the shells are bash, zsh and fish", "no completion for '%s'",
                               args->operands[0]);
    }
    return CLI_OK;
}

static const cli_example COMPLETION_EXAMPLES[] = {
    {"swell completion bash > /etc/bash_completion.d/swell", "Install it for bash."},
};

const cli_verb CLI_COMPLETION = {
    .name = "completion",
    .operands = "SHELL",
    .summary = "print a completion script for bash, zsh or fish",
    .description = "Prints a script that completes commands, options and file names.",
    .examples = COMPLETION_EXAMPLES,
    .examples_count = 1,
    .operands_min = 1,
    .operands_max = 1,
    .run = completion,
};
