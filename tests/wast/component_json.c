/*
 * component_json [-v] SCRIPT.json...: runs test scripts of the component model.
 *
 * Prints a line `file:line: message` for each failure and ends with `N passed, N failed, N
 * skipped`. -v tells of skipped commands too. Exit code 1 when anything failed.
 */
#include "component_exec.h"

#include "component/decode.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

wast_result wast_because(wast_script *s, wast_result r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(s->why, sizeof s->why, fmt, ap);
    va_end(ap);
    return r;
}

static _Noreturn void die(const char *what, const char *name)
{
    (void)fprintf(stderr, "component_json: %s: %s\n", what, name);
    exit(2);
}

sw_bytes wast_read_file(const wast_script *s, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s%s", s->folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        die("cannot read", path);
    }
    long size = ftell(f);
    rewind(f);
    uint8_t *p = malloc((size_t)size + 1);
    if (p == NULL || fread(p, 1, (size_t)size, f) != (size_t)size) {
        die("cannot read", path);
    }
    (void)fclose(f);
    return (sw_bytes){p, (size_t)size};
}

static const char *text_of(const json_t *command, const char *key)
{
    const char *text = json_string_value(json_object_get(command, key));
    return text == NULL ? "" : text;
}

/* What reading and validating the command's component gives, bodies of its modules included. */
static sw_status check_component(wast_script *s, const json_t *command, sw_diag *diag)
{
    static const sw_features FEATURES = {.simd = true, .multi_memory = true};
    sw_bytes bytes = wast_read_file(s, text_of(command, "filename"));
    sw_arena arena;
    sw_component_binary c;
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sw_status st = sw_component_read(&arena, bytes, &FEATURES, diag, &c);
    for (uint32_t i = 0; st == SW_OK && i < c.plan.modules_count; i++) {
        st = sw_module_validate_bodies(&c.modules[i], &FEATURES, diag);
    }
    sw_arena_clear(&arena);
    free((void *)(uintptr_t)bytes.ptr);
    return st;
}

static wast_result expect_status(wast_script *s, const json_t *command, sw_status want)
{
    if (strcmp(text_of(command, "module_type"), "text") == 0) {
        return wast_because(s, WAST_SKIPPED, "text format");
    }
    sw_diag diag = {};
    sw_status st = check_component(s, command, &diag);
    if (st == want) {
        return wast_because(s, WAST_PASSED, "%s: %s", text_of(command, "text"), diag.text);
    }
    if (st == SW_UNSUPPORTED) {
        return wast_because(s, WAST_SKIPPED, "%s", diag.text);
    }
    return wast_because(s, WAST_FAILED, "%s: expected %s (%s), got %s: %s at 0x%x",
                        text_of(command, "filename"), sw_status_text(want),
                        text_of(command, "text"), sw_status_text(st), diag.text, diag.offset);
}

static wast_result run_assert_malformed(wast_script *s, const json_t *command)
{
    return expect_status(s, command, SW_MALFORMED);
}

static wast_result run_assert_invalid(wast_script *s, const json_t *command)
{
    return expect_status(s, command, SW_INVALID);
}

/* ---- Execution ---------------------------------------------------------------------------------
 */

static component_exec *exec;  /* of the script at hand */
static char unsupported[256]; /* why the last component cannot be run; empty if it can */

/* A command that should succeed and counts only when it does not. */
static wast_result expect_done(wast_script *s, sw_status st, const sw_diag *diag)
{
    if (st == SW_UNSUPPORTED) {
        (void)snprintf(unsupported, sizeof unsupported, "%.255s", diag->text);
        return wast_because(s, WAST_SKIPPED, "%s", diag->text);
    }
    return st == SW_OK ? wast_because(s, WAST_PASSED, "done")
                       : wast_because(s, WAST_FAILED, "%s: %s", sw_status_text(st), diag->text);
}

static wast_result run_definition(wast_script *s, const json_t *command)
{
    sw_diag diag = {};
    unsupported[0] = 0;
    return expect_done(s, component_exec_define(exec, s, command, &diag), &diag);
}

static wast_result run_instance(wast_script *s, const json_t *command)
{
    if (unsupported[0] != 0) {
        return wast_because(s, WAST_SKIPPED, "%s", unsupported);
    }
    sw_diag diag = {};
    return expect_done(s, component_exec_instantiate(exec, command, &diag), &diag);
}

static wast_result run_module(wast_script *s, const json_t *command)
{
    wast_result r = run_definition(s, command);
    return r == WAST_PASSED ? run_instance(s, command) : r;
}

static wast_result run_assert_return(wast_script *s, const json_t *command)
{
    char text[256];
    bool same = false;
    if (unsupported[0] != 0) {
        return wast_because(s, WAST_SKIPPED, "%s", unsupported);
    }
    sw_status st = component_exec_invoke(exec, json_object_get(command, "action"),
                                         json_object_get(command, "expected"), &same, text);
    if (st != SW_OK) {
        return wast_because(s, WAST_FAILED, "%s: %s", sw_status_text(st), text);
    }
    return wast_because(s, same ? WAST_PASSED : WAST_FAILED, "another result");
}

/* Traps of core code are worded in more than one way. */
static bool is_same_trap(const char *text, const char *want)
{
    static const char PREFIX[] = "wasm trap: ";
    want += strncmp(want, PREFIX, sizeof PREFIX - 1) == 0 ? sizeof PREFIX - 1 : 0;
    return strstr(text, want) != NULL ||
           (strstr(text, "unreachable") != NULL && strstr(want, "unreachable") != NULL);
}

static wast_result run_assert_trap(wast_script *s, const json_t *command)
{
    char text[256];
    bool same = false;
    if (unsupported[0] != 0) {
        return wast_because(s, WAST_SKIPPED, "%s", unsupported);
    }
    sw_status st =
        component_exec_invoke(exec, json_object_get(command, "action"), NULL, &same, text);
    bool ok = st == SW_TRAP && is_same_trap(text, text_of(command, "text"));
    return wast_because(s, ok ? WAST_PASSED : WAST_FAILED, "%s: %s, expected: %s",
                        sw_status_text(st), text, text_of(command, "text"));
}

static wast_result run_assert_unlinkable(wast_script *s, const json_t *command)
{
    sw_diag diag = {};
    sw_status st = component_exec_define(exec, s, command, &diag);
    st = st == SW_OK ? component_exec_instantiate(exec, command, &diag) : st;
    if (st == SW_UNSUPPORTED) {
        return wast_because(s, WAST_SKIPPED, "%s", diag.text);
    }
    return wast_because(s, st == SW_UNLINKABLE || st == SW_TRAP ? WAST_PASSED : WAST_FAILED,
                        "%s: %s", sw_status_text(st), diag.text);
}

static wast_result run_later(wast_script *s, const json_t *command)
{
    return wast_because(s, WAST_SKIPPED, "command %s", text_of(command, "type"));
}

typedef struct command_kind {
    const char *type;
    wast_result (*run)(wast_script *s, const json_t *command);
} command_kind;

static const command_kind KINDS[] = {
    {"module",                run_module           },
    {"module_definition",     run_definition       },
    {"module_instance",       run_instance         },
    {"assert_return",         run_assert_return    },
    {"assert_trap",           run_assert_trap      },
    {"assert_unlinkable",     run_assert_unlinkable},
    {"assert_uninstantiable", run_assert_unlinkable},
    {"assert_malformed",      run_assert_malformed },
    {"assert_invalid",        run_assert_invalid   },
};

static void run_command(wast_script *s, const json_t *command)
{
    const char *type = text_of(command, "type");
    wast_result (*run)(wast_script *s, const json_t *command) = run_later;
    for (size_t i = 0; i < SW_COUNTOF(KINDS); i++) {
        if (strcmp(KINDS[i].type, type) == 0) {
            run = KINDS[i].run;
        }
    }
    s->line = (int)json_integer_value(json_object_get(command, "line"));
    s->why[0] = '\0';
    wast_result r = run(s, command);
    s->passed += r == WAST_PASSED;
    s->failed += r == WAST_FAILED;
    s->skipped += r == WAST_SKIPPED;
    if (r == WAST_FAILED) {
        printf("%s:%d: %s\n", s->source, s->line, s->why);
    } else if (s->is_verbose) {
        printf("%s:%d: %s: %s\n", s->source, s->line, r == WAST_PASSED ? "passed" : "skipped",
               s->why);
    }
}

/* The path up to and with its last slash; in heap memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup("") : strndup(path, (size_t)(slash + 1 - path));
    if (folder == NULL) {
        die("out of memory", path);
    }
    return folder;
}

static void run_script(const char *path, bool is_verbose, unsigned totals[3])
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        die(error.text, path);
    }
    const char *source = text_of(root, "source_filename");
    const char *slash = strrchr(source, '/');
    char *folder = folder_of(path);
    wast_script s = {
        .source = slash == NULL ? source : slash + 1, .folder = folder, .is_verbose = is_verbose};
    exec = component_exec_new();
    unsupported[0] = 0;
    size_t i = 0;
    const json_t *command = NULL;
    json_array_foreach(json_object_get(root, "commands"), i, command)
    {
        run_command(&s, command);
    }
    component_exec_free(exec);
    totals[0] += s.passed;
    totals[1] += s.failed;
    totals[2] += s.skipped;
    json_decref(root);
    free(folder);
}

int main(int argc, char **argv)
{
    bool is_verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    unsigned totals[3] = {};
    if (argc < 2 + is_verbose) {
        die("usage", "component_json [-v] SCRIPT.json...");
    }
    for (int i = 1 + is_verbose; i < argc; i++) {
        run_script(argv[i], is_verbose, totals);
    }
    printf("%u passed, %u failed, %u skipped\n", totals[0], totals[1], totals[2]);
    return totals[1] != 0;
}
