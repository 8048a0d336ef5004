/* Command lines, sizes and durations; errors on stderr. */
#include "cli/cli.h"

#include "base/suggest.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int cli_usage_error(const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)fprintf(stderr, "error: ");
    (void)vfprintf(stderr, fmt, ap);
    (void)fprintf(stderr, "\n");
    va_end(ap);
    if (hint != NULL) {
        (void)fprintf(stderr, "hint: %s\n", hint);
    }
    return CLI_USAGE;
}

void cli_print_foreign(const char *text, size_t len)
{
    while (len != 0) {
        uint32_t scalar = 0;
        size_t used = sw_utf8_decode((sw_bytes){(const uint8_t *)text, len}, &scalar);
        if (used != 0 && sw_utf8_is_plain(scalar)) {
            (void)fprintf(stderr, "%.*s", (int)used, text);
        } else {
            used = SW_MAX(used, (size_t)1);
            for (size_t i = 0; i < used; i++) {
                (void)fprintf(stderr, "\\x%02x", (uint8_t)text[i]);
            }
        }
        text += used;
        len -= used;
    }
}

int cli_exit_code(const swell_error *error)
{
    switch ((int)error->status) {
    case SWELL_MALFORMED:
    case SWELL_INVALID:
    case SWELL_ARGUMENT: return CLI_USAGE;
    case SWELL_LIMIT: return error->offset != SWELL_NO_OFFSET ? CLI_USAGE : CLI_FAILURE;
    default: return CLI_FAILURE;
    }
}

int cli_report(const char *file, const swell_error *error)
{
    const char *text = error->text[0] != '\0' ? error->text : swell_status_text(error->status);
    size_t len = strlen(file);
    bool is_named = strncmp(text, file, len) == 0 && text[len] == ':';
    (void)fprintf(stderr, "error: %s%s", is_named ? "" : file, is_named ? "" : ": ");
    cli_print_foreign(text, strlen(text));
    if (error->offset != SWELL_NO_OFFSET &&
        (error->status == SWELL_MALFORMED || error->status == SWELL_INVALID ||
         error->status == SWELL_LIMIT || error->status == SWELL_UNSUPPORTED)) {
        (void)fprintf(stderr, " (at byte %u, 0x%x)", error->offset, error->offset);
    }
    (void)fprintf(stderr, "\n");
    if (error->status == SWELL_STALE) {
        (void)fprintf(stderr, "hint: compile it again with 'swell compile'\n");
    }
    return cli_exit_code(error);
}

bool cli_has(const cli_args *args, const char *name)
{
    for (size_t i = 0; i < args->given_count; i++) {
        if (strcmp(args->given[i].option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char *cli_value(const cli_args *args, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < args->given_count; i++) {
        if (strcmp(args->given[i].option->name, name) == 0) {
            value = args->given[i].value;
        }
    }
    return value;
}

static const cli_option *find_long(const cli_verb *verb, const char *name, size_t len)
{
    for (size_t i = 0; i < verb->options_count; i++) {
        const cli_option *o = &verb->options[i];
        if (strlen(o->name) == len && strncmp(o->name, name, len) == 0) {
            return o;
        }
    }
    return NULL;
}

static const cli_option *find_letter(const cli_verb *verb, char letter)
{
    for (size_t i = 0; i < verb->options_count; i++) {
        if (verb->options[i].letter == letter && letter != 0) {
            return &verb->options[i];
        }
    }
    return NULL;
}

/* word begins with a dash. */
static int unknown_option(const cli_verb *verb, const char *word, size_t len)
{
    sw_str names[64];
    size_t count = 0;
    for (size_t i = 0; i < verb->options_count && count < SW_COUNTOF(names); i++) {
        names[count++] = sw_str_of(verb->options[i].name);
    }
    char hint[160];
    size_t dashes = SW_MIN(strspn(word, "-"), len);
    const sw_str *best = sw_suggest((sw_str){word + dashes, len - dashes}, names, count);
    if (best != NULL) {
        (void)snprintf(hint, sizeof hint, "did you mean '--%s'?", best->ptr);
    } else {
        (void)snprintf(hint, sizeof hint, "'swell %s --help' lists the options", verb->name);
    }
    return cli_usage_error(hint, "swell %s: no option '%.*s'", verb->name, (int)len, word);
}

/* The parser's place in the words. */
typedef struct cursor {
    const cli_verb *verb;
    char **words;
    int at, count;
    cli_args *args;
} cursor;

static int take_option(cursor *c, const cli_option *o, const char *inline_value)
{
    const char *value = inline_value;
    if (o->value == NULL && inline_value != NULL) {
        return cli_usage_error(NULL, "option '--%s' takes no value", o->name);
    }
    if (o->value != NULL && value == NULL) {
        if (c->at >= c->count) {
            return cli_usage_error(NULL, "option '--%s' needs a value: --%s %s", o->name, o->name,
                                   o->value);
        }
        value = c->words[c->at++];
    }
    if (!o->many && cli_has(c->args, o->name)) {
        return cli_usage_error(NULL, "option '--%s' is given twice", o->name);
    }
    c->args->given[c->args->given_count++] = (cli_given){o, value};
    return CLI_OK;
}

static int parse_option(cursor *c, const char *word)
{
    if (word[1] != '-') {
        const cli_option *o = word[2] == '\0' ? find_letter(c->verb, word[1]) : NULL;
        return o == NULL ? unknown_option(c->verb, word, strlen(word)) : take_option(c, o, NULL);
    }
    const char *equals = strchr(word, '=');
    size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);
    const cli_option *o = find_long(c->verb, word + 2, len - 2);
    if (o == NULL) {
        return unknown_option(c->verb, word, len);
    }
    return take_option(c, o, equals == NULL ? NULL : equals + 1);
}

static int check_operands(const cursor *c)
{
    int count = c->args->operands_count;
    if (count < c->verb->operands_min) {
        return cli_usage_error(NULL, "usage: swell %s [OPTIONS] %s", c->verb->name,
                               c->verb->operands);
    }
    if (c->verb->operands_max >= 0 && count > c->verb->operands_max) {
        return cli_usage_error(NULL, "swell %s: unexpected argument '%s'", c->verb->name,
                               c->args->operands[c->verb->operands_max]);
    }
    return CLI_OK;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Options come before the operands of a guest, which may have some of its own; where nothing
 * belongs to a guest, anywhere: inspect FILE --json. "--" ends them. */
int cli_parse(const cli_verb *verb, int count, char **words, cli_given *given, cli_args *ret_args,
              bool *ret_is_done)
{
    *ret_args = (cli_args){.verb = verb, .given = given, .operands = words};
    cursor c = {.verb = verb, .words = words, .count = count, .args = ret_args};
    bool takes_options = true;
    while (c.at < count) {
        char *word = words[c.at++];
        if (!takes_options || word[0] != '-' || word[1] == '\0') {
            takes_options = takes_options && !verb->passes_rest;
            words[ret_args->operands_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            takes_options = false;
        } else if (is_help(word)) {
            cli_print_help(verb);
            *ret_is_done = true;
            return CLI_OK;
        } else {
            int code = parse_option(&c, word);
            if (code != CLI_OK) {
                return code;
            }
        }
    }
    return check_operands(&c);
}

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

/* A decimal number and one of the units. */
static bool parse_number(const char *text, const unit *units, size_t count, uint64_t *ret)
{
    uint64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (ckd_mul(&value, value, 10u) || ckd_add(&value, value, (uint64_t)(*p - '0'))) {
            return false;
        }
    }
    if (p == text) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(units[i].name, p) == 0) {
            return !ckd_mul(ret, value, units[i].factor);
        }
    }
    return false;
}

bool cli_parse_size(const char *text, uint64_t *ret_bytes)
{
    static const unit UNITS[] = {
        {"",    1         },
        {"B",   1         },
        {"K",   1u << 10  },
        {"KiB", 1u << 10  },
        {"M",   1u << 20  },
        {"MiB", 1u << 20  },
        {"G",   1u << 30  },
        {"GiB", 1u << 30  },
        {"kB",  1000      },
        {"MB",  1000000   },
        {"GB",  1000000000},
    };
    return parse_number(text, UNITS, SW_COUNTOF(UNITS), ret_bytes);
}

bool cli_parse_duration(const char *text, uint64_t *ret_ns)
{
    static const unit UNITS[] = {
        {"ns", 1                          },
        {"us", 1000                       },
        {"ms", 1000000                    },
        {"s",  1000000000                 },
        {"",   1000000000                 },
        {"m",  UINT64_C(60) * 1000000000  },
        {"h",  UINT64_C(3600) * 1000000000},
    };
    return parse_number(text, UNITS, SW_COUNTOF(UNITS), ret_ns);
}

bool cli_parse_count(const char *text, uint64_t *ret_count)
{
    static const unit NONE[] = {
        {"", 1}
    };
    return parse_number(text, NONE, SW_COUNTOF(NONE), ret_count);
}
