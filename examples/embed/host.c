/*
 * A C program that embeds swell: it loads a component, offers it an interface, calls it.
 *
 *     host PLUGIN.wasm WORD < TEXT
 *
 * The plugin gets nothing but the interface acme:editor/log: no files, no streams, no clock beyond
 * what it imports, 16 MiB of memory and one second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <swell/swell.h>

static const char WIT[] = "package acme:editor@1.0.0;\n"
                          "interface log {\n"
                          "    enum level { note, warning }\n"
                          "    write: func(level: level, message: string);\n"
                          "}\n";

/* write: func(level: level, message: string) */
static swell_status log_write(void *env, swell_call *call, const swell_value *params,
                              size_t params_count, swell_value *ret_result)
{
    static const char *const LEVELS[] = {"note", "warning"};
    (void)call;
    (void)params_count;
    (void)ret_result;
    fprintf(env, "%s: %.*s\n", LEVELS[params[0].index], (int)params[1].string.len,
            params[1].string.ptr);
    return SWELL_OK;
}

static int fail(const char *what, const swell_error *error)
{
    fprintf(stderr, "%s: %s\n", what,
            error->text[0] != '\0' ? error->text : swell_status_text(error->status));
    return EXIT_FAILURE;
}

static swell_linker *make_linker(swell_engine *engine, swell_error *error)
{
    swell_host_func funcs[] = {
        {"write", log_write, stderr}
    };
    swell_linker *linker;
    if (swell_linker_new(engine, &linker) != SWELL_OK) {
        return NULL;
    }
    if (swell_linker_define_interface(linker, swell_str_of(WIT),
                                      swell_str_of("acme:editor/log@1.0.0"), funcs, 1,
                                      error) != SWELL_OK) {
        swell_linker_free(linker);
        return NULL;
    }
    return linker;
}

/* result<list<line>, string> */
static void print_found(const swell_value *result)
{
    const swell_value *payload = &result->children.at[0];
    if (result->index != 0) {
        printf("error: %.*s\n", (int)payload->string.len, payload->string.ptr);
        return;
    }
    for (size_t i = 0; i < payload->children.count; i++) {
        const swell_value *line = payload->children.at[i].children.at;
        printf("%u: %.*s\n", line[0].u32, (int)line[1].string.len, line[1].string.ptr);
    }
}

static int call_find(swell_instance *instance, swell_store *store, const char *text,
                     const char *word)
{
    swell_error error = {0};
    swell_func *find;
    swell_value params[2] = {
        {.kind = SWELL_STRING, .string = swell_str_of(text)},
        {.kind = SWELL_STRING, .string = swell_str_of(word)}
    };
    swell_value result;
    if (swell_instance_find(instance, swell_str_of("acme:editor/lines@1.0.0#find"), &error,
                            &find) != SWELL_OK) {
        return fail("plugin", &error);
    }
    swell_status st = swell_func_call(find, params, 2, &error, &result);
    if (st == SWELL_TRAP) {
        fprintf(stderr, "the plugin trapped: %s\n", swell_store_trap_text(store));
        return EXIT_FAILURE;
    }
    if (st != SWELL_OK) {
        return fail("find", &error);
    }
    print_found(&result);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static char text[1 << 16];
    swell_error error = {0};
    swell_engine *engine = NULL;
    swell_program *program = NULL;
    swell_linker *linker = NULL;
    swell_store *store = NULL;
    swell_instance *instance;
    swell_store_config config = {.max_memory_bytes = 16 << 20};
    int code;
    if (argc != 3) {
        fprintf(stderr, "usage: host PLUGIN.wasm WORD < TEXT\n");
        return 2;
    }
    text[fread(text, 1, sizeof text - 1, stdin)] = '\0';
    if (swell_engine_new(NULL, &error, &engine) != SWELL_OK ||
        swell_program_open(engine, argv[1], NULL, &error, &program) != SWELL_OK ||
        (linker = make_linker(engine, &error)) == NULL ||
        swell_store_new(engine, &config, NULL, &error, &store) != SWELL_OK ||
        swell_store_set_timeout(store, 1000000000) != SWELL_OK ||
        swell_instance_new(store, program, linker, &error, &instance) != SWELL_OK) {
        code = fail(argv[1], &error);
    } else {
        code = call_find(instance, store, text, argv[2]);
    }
    swell_store_free(store);
    swell_linker_free(linker);
    swell_program_free(program);
    swell_engine_free(engine);
    return code;
}
