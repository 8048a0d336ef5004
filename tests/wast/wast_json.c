/*
 * wast_json [-v] SCRIPT.json: runs a test script of the WebAssembly standard.
 *
 * Prints a line `file:line: message` for each failure and ends with `N passed, N failed, N
 * skipped`. -v tells of skipped commands too. Exit code 1 when anything failed.
 */
#include "wast.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 64 };

wast_result wast_because(wast_script *s, wast_result r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(s->why, sizeof s->why, fmt, ap);
    va_end(ap);
    return r;
}

void wast_die(const char *what, const char *name)
{
    (void)fprintf(stderr, "wast_json: %s: %s\n", what, name);
    exit(2);
}

sw_str wast_str(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return (sw_str){json_string_value(value), json_string_length(value)};
}

static bool is_text_only(const json_t *command)
{
    return sw_str_eq(wast_str(command, "module_type"), SW_STR("text")) &&
           json_object_get(command, "binary_filename") == NULL;
}

/* ---- Modules --------------------------------------------------------------------------------- */

/* What came of something that should have ended in `want`. */
static wast_result judge(wast_script *s, const json_t *command, sw_status want, sw_status st,
                         const sw_diag *diag)
{
    if (st == want) {
        return WAST_PASSED;
    }
    if (st == SW_UNSUPPORTED) {
        return wast_because(s, WAST_SKIPPED, "%s", diag->text);
    }
    const char *detail = st == SW_TRAP ? sw_store_trap(s->store)->text : diag->text;
    return wast_because(s, WAST_FAILED, "expected: %s (%.*s); got: %s: %s", sw_status_text(want),
                        SW_STR_ARG(wast_str(command, "text")), sw_status_text(st), detail);
}

static wast_result expect_load(wast_script *s, const json_t *command, sw_status want)
{
    if (is_text_only(command)) {
        return wast_because(s, WAST_SKIPPED, "text format");
    }
    sw_diag diag = {};
    sw_status st = wast_load(s, command, &diag, NULL);
    return judge(s, command, want, st, &diag);
}

static wast_result run_assert_malformed(wast_script *s, const json_t *command)
{
    return expect_load(s, command, SW_MALFORMED);
}

static wast_result run_assert_invalid(wast_script *s, const json_t *command)
{
    return expect_load(s, command, SW_INVALID);
}

/* Loads and instantiates; *ret_instance stays when that fails. */
static wast_result expect_instance(wast_script *s, const json_t *command, sw_status want,
                                   sw_instance **ret_instance)
{
    sw_diag diag = {};
    sw_code *code = NULL;
    if (is_text_only(command)) {
        return wast_because(s, WAST_SKIPPED, "text format");
    }
    sw_status st = wast_load(s, command, &diag, &code);
    if (st == SW_OK) {
        st = wast_instantiate(s, code, &diag, ret_instance);
    }
    sw_code_unref(code);
    s->has_skipped_module |= st == SW_UNSUPPORTED;
    return judge(s, command, want, st, &diag);
}

static wast_result run_assert_unlinkable(wast_script *s, const json_t *command)
{
    sw_instance *instance = NULL;
    return expect_instance(s, command, SW_UNLINKABLE, &instance);
}

static wast_result run_assert_uninstantiable(wast_script *s, const json_t *command)
{
    sw_instance *instance = NULL;
    return expect_instance(s, command, SW_TRAP, &instance);
}

static void add_name(wast_name *names, unsigned *count, sw_str name, sw_instance *instance)
{
    if (*count == WAST_MAX_NAMES) {
        wast_die("too many names", name.ptr);
    }
    names[(*count)++] = (wast_name){name, instance};
}

static wast_result run_module(wast_script *s, const json_t *command)
{
    sw_instance *instance = NULL;
    wast_result r = expect_instance(s, command, SW_OK, &instance);
    sw_str name = wast_str(command, "name");
    s->current = instance;
    if (name.len != 0) {
        add_name(s->modules, &s->modules_count, name, instance);
    }
    return r;
}

static wast_result run_module_definition(wast_script *s, const json_t *command)
{
    sw_diag diag = {};
    sw_code *code = NULL;
    sw_status st = wast_load(s, command, &diag, &code);
    if (s->definitions_count == WAST_MAX_NAMES) {
        wast_die("too many definitions", s->source);
    }
    s->definitions[s->definitions_count++] = (wast_definition){wast_str(command, "name"), code};
    return judge(s, command, SW_OK, st, &diag);
}

static wast_result run_module_instance(wast_script *s, const json_t *command)
{
    sw_str module = wast_str(command, "module");
    sw_code *code = NULL;
    for (unsigned i = 0; i < s->definitions_count; i++) {
        if (sw_str_eq(s->definitions[i].name, module)) {
            code = s->definitions[i].code;
        }
    }
    sw_diag diag = {};
    sw_instance *instance = NULL;
    sw_status st = SW_UNSUPPORTED;
    if (code != NULL) {
        st = wast_instantiate(s, code, &diag, &instance);
    }
    s->current = instance;
    add_name(s->modules, &s->modules_count, wast_str(command, "instance"), instance);
    return judge(s, command, SW_OK, st, &diag);
}

static sw_instance *find_module(const wast_script *s, sw_str name)
{
    if (name.len == 0) {
        return s->current;
    }
    for (unsigned i = s->modules_count; i-- > 0;) {
        if (sw_str_eq(s->modules[i].name, name)) {
            return s->modules[i].instance;
        }
    }
    return NULL;
}

static wast_result run_register(wast_script *s, const json_t *command)
{
    sw_instance *instance = find_module(s, wast_str(command, "name"));
    add_name(s->registered, &s->registered_count, wast_str(command, "as"), instance);
    return WAST_PASSED;
}

/* ---- Actions --------------------------------------------------------------------------------- */

/* What an action gave. */
typedef struct outcome {
    sw_status status; /* SW_UNSUPPORTED: could not be run */
    sw_valtype types[MAX_VALUES];
    sw_value_slot values[MAX_VALUES];
    uint32_t count;
} outcome;

static void get_global(const sw_extern *e, outcome *o)
{
    o->status = SW_OK;
    o->count = 1;
    o->types[0] = sw_global_get_type(e->global)->type;
    o->values[0] = *sw_global_get_value(e->global);
}

static void call_func(wast_script *s, const json_t *args, const sw_extern *e, outcome *o)
{
    sw_value_slot params[MAX_VALUES];
    const sw_functype *type = e->func.type;
    size_t count = json_array_size(args);
    if (count != type->params_count || count > MAX_VALUES || type->results_count > MAX_VALUES) {
        o->status = SW_ARGUMENT;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!wast_value_read(json_array_get(args, i), &params[i])) {
            o->status = SW_UNSUPPORTED;
            return;
        }
    }
    o->count = type->results_count;
    for (uint32_t i = 0; i < o->count; i++) {
        o->types[i] = type->results[i];
    }
    o->status = sw_call(s->store, e->func.cell, type, params, o->values);
}

static void run_action_on(wast_script *s, const json_t *action, outcome *o)
{
    sw_instance *instance = find_module(s, wast_str(action, "module"));
    sw_extern e;
    memset(o, 0, sizeof *o);
    if (instance == NULL) {
        o->status = SW_UNSUPPORTED;
        return;
    }
    o->status = sw_instance_find(instance, wast_str(action, "field"), &e);
    if (o->status != SW_OK) {
        return;
    }
    if (e.kind == SW_EXTERN_GLOBAL) {
        get_global(&e, o);
    } else if (e.kind == SW_EXTERN_FUNC) {
        call_func(s, json_object_get(action, "args"), &e, o);
    } else {
        o->status = SW_ARGUMENT;
    }
}

static wast_result judge_action(wast_script *s, const json_t *command, sw_status want,
                                const outcome *o)
{
    static const sw_diag NOT_THERE = {.text = "the module needs what is not supported"};
    wast_result r = judge(s, command, want, o->status, &NOT_THERE);
    if (r == WAST_FAILED) {
        char why[512];
        (void)snprintf(why, sizeof why, "%.500s", s->why);
        return wast_because(s, r, "%.*s: %s",
                            SW_STR_ARG(wast_str(json_object_get(command, "action"), "field")), why);
    }
    return r;
}

static wast_result run_action(wast_script *s, const json_t *command)
{
    outcome o;
    run_action_on(s, json_object_get(command, "action"), &o);
    return judge_action(s, command, SW_OK, &o);
}

static wast_result run_assert_return(wast_script *s, const json_t *command)
{
    const json_t *expected = json_object_get(command, "expected");
    sw_str field = wast_str(json_object_get(command, "action"), "field");
    outcome o;
    run_action_on(s, json_object_get(command, "action"), &o);
    wast_result r = judge_action(s, command, SW_OK, &o);
    if (r != WAST_PASSED) {
        return r;
    }
    if (o.count != json_array_size(expected)) {
        return wast_because(s, WAST_FAILED, "%.*s: %u results", SW_STR_ARG(field), o.count);
    }
    for (uint32_t i = 0; i < o.count; i++) {
        const json_t *want = json_array_get(expected, i);
        if (!wast_value_matches(want, o.values[i])) {
            char have[64];
            char *dump = json_dumps(want, JSON_COMPACT);
            r = wast_because(s, WAST_FAILED, "%.*s: expected %s, got %s", SW_STR_ARG(field), dump,
                             wast_value_text(o.types[i], o.values[i], have, sizeof have));
            free(dump);
            return r;
        }
    }
    return r;
}

/* The standard's words begin with ours, or ours with the standard's. */
static bool texts_agree(sw_str want, const char *have)
{
    size_t len = SW_MIN(want.len, strlen(have));
    return strncmp(want.ptr, have, len) == 0;
}

static wast_result run_assert_trap(wast_script *s, const json_t *command)
{
    outcome o;
    run_action_on(s, json_object_get(command, "action"), &o);
    wast_result r = judge_action(s, command, SW_TRAP, &o);
    if (r != WAST_PASSED) {
        return r;
    }
    const char *have = sw_trap_text(sw_store_trap(s->store)->reason);
    sw_str want = wast_str(command, "text");
    if (!texts_agree(want, have)) {
        return wast_because(s, WAST_FAILED, "%.*s: expected trap: %.*s, got: %s",
                            SW_STR_ARG(wast_str(json_object_get(command, "action"), "field")),
                            SW_STR_ARG(want), have);
    }
    return r;
}

static wast_result run_unsupported(wast_script *s, const json_t *)
{
    return wast_because(s, WAST_SKIPPED, "not supported");
}

/* ---- The script ------------------------------------------------------------------------------ */

typedef struct command_kind {
    const char *type;
    wast_result (*run)(wast_script *s, const json_t *command);
} command_kind;

static const command_kind KINDS[] = {
    {"module",                  run_module               },
    {"module_definition",       run_module_definition    },
    {"module_instance",         run_module_instance      },
    {"register",                run_register             },
    {"action",                  run_action               },
    {"assert_return",           run_assert_return        },
    {"assert_trap",             run_assert_trap          },
    {"assert_exhaustion",       run_assert_trap          },
    {"assert_malformed",        run_assert_malformed     },
    {"assert_invalid",          run_assert_invalid       },
    {"assert_unlinkable",       run_assert_unlinkable    },
    {"assert_uninstantiable",   run_assert_uninstantiable},
    {"assert_malformed_custom", run_unsupported          },
    {"assert_invalid_custom",   run_unsupported          },
    {"assert_exception",        run_unsupported          },
};

static wast_result run_kind(wast_script *s, const json_t *command, sw_str type)
{
    for (size_t i = 0; i < SW_COUNTOF(KINDS); i++) {
        if (sw_str_eq(type, sw_str_of(KINDS[i].type))) {
            return KINDS[i].run(s, command);
        }
    }
    return wast_because(s, WAST_FAILED, "unknown command %.*s", SW_STR_ARG(type));
}

static void run_command(wast_script *s, const json_t *command)
{
    sw_str type = wast_str(command, "type");
    s->line = (int)json_integer_value(json_object_get(command, "line"));
    s->why[0] = '\0';
    wast_result r = run_kind(s, command, type);
    bool is_named = wast_str(json_object_get(command, "action"), "module").len != 0;
    if (r == WAST_FAILED && s->has_skipped_module && is_named) {
        r = WAST_SKIPPED; /* the missing module would have changed the named one */
    }
    bool counts = sw_str_starts(type, SW_STR("assert")) || r == WAST_FAILED;
    s->passed += counts && r == WAST_PASSED;
    s->failed += counts && r == WAST_FAILED;
    s->skipped += counts && r == WAST_SKIPPED;
    if (r == WAST_FAILED) {
        printf("%s:%d: %s\n", s->source, s->line, s->why);
    } else if (r == WAST_SKIPPED && s->is_verbose) {
        printf("%s:%d: skipped: %s\n", s->source, s->line, s->why);
    }
    (void)fflush(stdout);
}

/* The path up to and with its last slash; in heap memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup("") : strndup(path, (size_t)(slash + 1 - path));
    if (folder == NULL) {
        wast_die("out of memory", path);
    }
    return folder;
}

static void begin(wast_script *s, const char *path)
{
    sw_diag diag = {};
    s->folder = folder_of(path);
    if (sw_engine_new(&diag, &s->engine) != SW_OK ||
        sw_store_new(s->engine, &SW_STORE_LIMITS_DEFAULT, &diag, &s->store) != SW_OK) {
        wast_die("cannot start", diag.text);
    }
    wast_spectest_init(s);
}

static void end(wast_script *s)
{
    sw_store_free(s->store);
    for (unsigned i = 0; i < s->definitions_count; i++) {
        sw_code_unref(s->definitions[i].code);
    }
    sw_engine_free(s->engine);
    free((void *)(uintptr_t)s->folder);
}

int main(int argc, char **argv)
{
    static wast_script s;
    s.is_verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    if (argc != 2 + s.is_verbose) {
        wast_die("usage", "wast_json [-v] SCRIPT.json");
    }
    const char *path = argv[1 + s.is_verbose];
    json_error_t error;
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        wast_die(error.text, path);
    }
    sw_str source = wast_str(root, "source_filename");
    const char *slash = source.ptr == NULL ? NULL : strrchr(source.ptr, '/');
    s.source = slash == NULL ? source.ptr : slash + 1;
    begin(&s, path);
    size_t i = 0;
    const json_t *command = NULL;
    json_array_foreach(json_object_get(root, "commands"), i, command)
    {
        run_command(&s, command);
    }
    end(&s);
    printf("%u passed, %u failed, %u skipped\n", s.passed, s.failed, s.skipped);
    json_decref(root);
    return s.failed != 0;
}
