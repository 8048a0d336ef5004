/*
 * Programs from bytes and files: what is refused with which status and where, formats, compiled
 * files and who accepts them, the cache, descriptions.
 */
#include "world.h"

#include "../support/builder.h"
#include "base/memory.h"
#include "echo.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* (module (func (export "f") (result i32) i32.const 5)) */
static const uint8_t GOOD[] = "\0asm\1\0\0\0"
                              "\1\5\1\x60\0\1\x7f"
                              "\3\2\1\0"
                              "\7\5\1\1f\0\0"
                              "\xa\6\1\4\0\x41\5\xb";
/* The same without the constant: nothing is left to return. */
static const uint8_t INVALID[] = "\0asm\1\0\0\0"
                                 "\1\5\1\x60\0\1\x7f"
                                 "\3\2\1\0"
                                 "\xa\4\1\2\0\xb";

static char dir[] = "/tmp/swell-api-XXXXXX";
static char path[64], out_path[64], cache_path[64];
static swell_engine *engine;

static void write_file(const char *name, const void *bytes, size_t len)
{
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **)
{
    swell_error error = {};
    if (mkdtemp(dir) == NULL || swell_engine_new(NULL, &error, &engine) != SWELL_OK) {
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/in.wasm", dir);
    (void)snprintf(out_path, sizeof out_path, "%s/out.swell", dir);
    (void)snprintf(cache_path, sizeof cache_path, "%s/cache", dir);
    write_file(path, GOOD, sizeof GOOD - 1);
    return 0;
}

static int teardown(void **)
{
    char command[96];
    swell_engine_free(engine);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

/* ---- Refused bytes -----------------------------------------------------------------------------
 */

typedef struct refused {
    const uint8_t *bytes;
    size_t len;
    swell_status status;
    uint32_t offset;
} refused;

static void refused_bytes(void **)
{
    const refused ROWS[] = {
        {NULL,                    0,                  SWELL_MALFORMED, 0                 },
        {(const uint8_t *)"text", 4,                  SWELL_MALFORMED, 0                 },
        {GOOD,                    7,                  SWELL_MALFORMED, 0                 },
        {GOOD,                    12,                 SWELL_MALFORMED, 8                 },
        {GOOD,                    sizeof GOOD - 2,    SWELL_MALFORMED, SWELL_NO_OFFSET   },
        {INVALID,                 sizeof INVALID - 1, SWELL_INVALID,   sizeof INVALID - 2},
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        swell_error error = {};
        swell_program *program = NULL;
        swell_bytes bytes = {ROWS[i].bytes, ROWS[i].len};
        swell_status st = swell_program_from_bytes(engine, bytes, &error, &program);
        if (st != ROWS[i].status ||
            (ROWS[i].offset != SWELL_NO_OFFSET && error.offset != ROWS[i].offset)) {
            print_error("row %zu: %d, %s at %u\n", i, st, error.text, error.offset);
            fail();
        }
        assert_null(program);
        assert_int_equal(error.status, st);
        assert_int_equal(error.used, strlen(error.text));
        assert_true(error.used > 5);
        swell_error again = {};
        assert_int_equal(swell_validate(engine, bytes, &again), st);
        assert_string_equal(again.text, error.text);
        assert_int_equal(swell_program_from_bytes(engine, bytes, NULL, &program), st);
    }
}

static void formats(void **)
{
    sw_buf component;
    echo_build(&component, (const char *const[]){"u8"}, 1);
    assert_int_equal(swell_format_of((swell_bytes){GOOD, sizeof GOOD - 1}), SWELL_FORMAT_MODULE);
    assert_int_equal(swell_format_of(world_bytes(&component)), SWELL_FORMAT_COMPONENT);
    assert_int_equal(swell_format_of((swell_bytes){GOOD, 3}), SWELL_FORMAT_UNKNOWN);
    assert_int_equal(swell_format_of((swell_bytes){}), SWELL_FORMAT_UNKNOWN);
    swell_error error = {};
    assert_int_equal(swell_validate(engine, world_bytes(&component), &error), SWELL_OK);
    for (size_t len = 0; len < component.len; len++) {
        swell_bytes part = {component.ptr, len};
        swell_status st = swell_validate(engine, part, &error);
        assert_true(st == SWELL_MALFORMED || st == SWELL_INVALID || st == SWELL_OK);
    }
    sw_buf_clear(&component);
}

/* ---- Files -------------------------------------------------------------------------------------
 */

static swell_status open_file(swell_engine *e, const char *name, bool allow, swell_error *error)
{
    swell_program_options options = {.allow_compiled = allow};
    swell_program *program = NULL;
    *error = (swell_error){};
    swell_status st = swell_program_open(e, name, &options, error, &program);
    if (st == SWELL_OK) {
        swell_store *store;
        swell_linker *linker;
        swell_instance *instance;
        swell_func *f;
        swell_value result = {};
        assert_int_equal(swell_linker_new(e, &linker), SWELL_OK);
        assert_int_equal(swell_store_new(e, NULL, NULL, error, &store), SWELL_OK);
        assert_int_equal(swell_instance_new(store, program, linker, error, &instance), SWELL_OK);
        assert_int_equal(swell_instance_find(instance, swell_str_of("f"), error, &f), SWELL_OK);
        assert_int_equal(swell_func_call(f, NULL, 0, error, &result), SWELL_OK);
        assert_int_equal(result.s32, 5);
        swell_store_free(store);
        swell_linker_free(linker);
    }
    swell_program_free(program);
    return st;
}

static void files(void **)
{
    swell_error error;
    assert_int_equal(open_file(engine, path, false, &error), SWELL_OK);
    assert_int_equal(open_file(engine, dir, false, &error), SWELL_IO);
    world_says(&error, "directory");
    assert_int_equal(open_file(engine, "/nonexistent/x", false, &error), SWELL_NOT_FOUND);
    world_says(&error, "/nonexistent/x");
}

static void compiled(void **)
{
    swell_error error = {};
    swell_compile_stats stats;
    assert_int_equal(swell_compile_file(engine, path, out_path, &error, &stats), SWELL_OK);
    assert_int_equal(stats.functions, 1);
    assert_int_equal(stats.modules, 1);
    assert_true(stats.machine_code_bytes > 0);
    assert_int_equal(open_file(engine, out_path, true, &error), SWELL_OK);
    assert_int_equal(open_file(engine, out_path, false, &error), SWELL_DENIED);
    assert_int_equal(swell_program_open(engine, out_path, NULL, &error, &(swell_program *){NULL}),
                     SWELL_DENIED);
    assert_int_equal(swell_compile_file(engine, path, "/nonexistent/x", &error, NULL),
                     SWELL_NOT_FOUND);
    assert_int_equal(swell_compile_file(engine, path, "/dev/null", &error, NULL), SWELL_OK);
    error = (swell_error){};
    assert_int_equal(swell_compile_file(engine, path, "/dev/full", &error, NULL), SWELL_IO);
    world_says(&error, "No space");
    assert_int_equal(swell_compile_file(engine, out_path, out_path, &error, NULL), SWELL_MALFORMED);
}

/* Any byte of the part that says which build made it. */
static void stale(void **)
{
    uint8_t head[64];
    swell_error error = {};
    assert_int_equal(swell_compile_file(engine, path, out_path, &error, NULL), SWELL_OK);
    FILE *f = fopen(out_path, "r+b");
    assert_non_null(f);
    assert_int_equal(fread(head, 1, sizeof head, f), sizeof head);
    size_t stale_count = 0;
    for (size_t i = 0; i < sizeof head; i++) {
        uint8_t other = head[i] ^ 0xff;
        (void)fseek(f, (long)i, SEEK_SET);
        (void)fwrite(&other, 1, 1, f);
        (void)fflush(f);
        swell_program *program = NULL;
        swell_program_options options = {.allow_compiled = true};
        swell_status st = swell_program_open(engine, out_path, &options, &error, &program);
        swell_program_free(program);
        stale_count += st == SWELL_STALE;
        (void)fseek(f, (long)i, SEEK_SET);
        (void)fwrite(&head[i], 1, 1, f);
    }
    (void)fclose(f);
    assert_true(stale_count > 8);
    assert_int_equal(open_file(engine, out_path, true, &error), SWELL_OK);
}

static size_t count_files(const char *name)
{
    size_t count = 0;
    DIR *d = opendir(name);
    if (d == NULL) {
        return 0;
    }
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        count += e->d_name[0] != '.';
    }
    (void)closedir(d);
    return count;
}

static void cache(void **)
{
    swell_error error = {};
    size_t count = 0;
    for (int i = 0; i < 3; i++) {
        swell_engine *e;
        swell_engine_config config = {.cache_dir = cache_path, .threads = 1};
        assert_int_equal(swell_engine_new(&config, &error, &e), SWELL_OK);
        assert_int_equal(open_file(e, path, false, &error), SWELL_OK);
        assert_int_equal(open_file(e, path, false, &error), SWELL_OK);
        swell_engine_free(e);
        count = i == 0 ? count_files(cache_path) : count;
        assert_true(count > 0);
        assert_int_equal(count_files(cache_path), count);
    }
}

/* A cache that cannot be made costs time, not correctness. */
static void no_cache(void **)
{
    swell_error error = {};
    swell_engine *e;
    swell_engine_config config = {.cache_dir = "/proc/none"};
    assert_int_equal(swell_engine_new(&config, &error, &e), SWELL_OK);
    assert_int_equal(open_file(e, path, false, &error), SWELL_OK);
    swell_engine_free(e);
}

/* ---- Memory ------------------------------------------------------------------------------------
 */

/* Everything that a program goes through but running. */
static swell_status whole_life(swell_bytes component)
{
    swell_engine *e = NULL;
    swell_error error = {};
    swell_program *program = NULL;
    swell_str text = {};
    swell_engine_config config = {.cache_dir = cache_path, .threads = 1};
    swell_program_options options = {.allow_compiled = true};
    swell_status st = swell_engine_new(&config, &error, &e);
    st = st != SWELL_OK ? st : swell_validate(e, component, &error);
    st = st != SWELL_OK ? st : swell_program_from_bytes(e, component, &error, &program);
    swell_program_free(program);
    program = NULL;
    st = st != SWELL_OK ? st : swell_compile_file(e, path, out_path, &error, NULL);
    st = st != SWELL_OK ? st : swell_program_open(e, out_path, &options, &error, &program);
    swell_program_free(program);
    st = st != SWELL_OK ? st : swell_inspect_json(e, component, &error, &text);
    swell_text_free(text);
    text = (swell_str){};
    st = st != SWELL_OK ? st : swell_inspect_text(e, component, &error, &text);
    swell_text_free(text);
    swell_engine_free(e);
    return st;
}

/* A failure may also only cost the cache. */
static void no_memory(void **)
{
    sw_buf component;
    echo_build(&component, (const char *const[]){"list<rec>"}, 1);
    bool has_failed = true;
    for (uint64_t nth = 1; has_failed; nth++) {
        assert_true(nth < 100000);
        sw_memory_fail_at(nth);
        swell_status st = whole_life(world_bytes(&component));
        has_failed = sw_memory_failed();
        sw_memory_fail_at(0);
        if (st != SWELL_OK && st != SWELL_NO_MEMORY) {
            print_error("allocation %zu: %s\n", (size_t)nth, swell_status_text(st));
            fail();
        }
    }
    sw_buf_clear(&component);
}

/* ---- Descriptions ------------------------------------------------------------------------------
 */

static void descriptions(void **)
{
    swell_error error = {};
    swell_str text;
    sw_buf component;
    echo_build(&component, (const char *const[]){"u8"}, 1);
    assert_int_equal(swell_inspect_text(engine, world_bytes(&component), &error, &text), SWELL_OK);
    assert_non_null(memmem(text.ptr, text.len, "test:host/api@1.0.0", 19));
    assert_non_null(memmem(text.ptr, text.len, "more: func(n: u32) -> u32\n", 26));
    assert_null(memmem(text.ptr, text.len, " \n", 2));
    swell_text_free(text);
    assert_int_equal(swell_inspect_json(engine, world_bytes(&component), &error, &text), SWELL_OK);
    assert_memory_equal(text.ptr, "{", 1);
    swell_text_free(text);
    sw_buf_clear(&component);
    assert_int_equal(swell_inspect_json(engine, (swell_bytes){GOOD, 9}, &error, &text),
                     SWELL_MALFORMED);
}

/* Names that would move a terminal's cursor, or turn the direction of its text, are spelled out. */
static void names_are_shown_plain(void **)
{
    static const char NAME[] = "a\x1b[2J\xc2\x9b\xe2\x80\xae\xc3\xbc";
    static const char SHOWN[] = "a\\x1b[2J\\xc2\\x9b\\xe2\\x80\\xae\xc3\xbc: func()";
    sw_builder b;
    swell_error error = {};
    swell_str text;
    sw_builder_init(&b);
    uint32_t f = sw_builder_func(&b, sw_builder_type(&b, ":"), "");
    sw_builder_end_func(&b);
    sw_builder_export(&b, NAME, SW_EXTERN_FUNC, f);
    sw_bytes wasm = sw_builder_finish(&b);
    assert_int_equal(swell_inspect_text(engine, (swell_bytes){wasm.ptr, wasm.len}, &error, &text),
                     SWELL_OK);
    assert_non_null(memmem(text.ptr, text.len, SHOWN, sizeof SHOWN - 1));
    swell_text_free(text);
    sw_builder_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_bytes), cmocka_unit_test(formats),
        cmocka_unit_test(files),         cmocka_unit_test(compiled),
        cmocka_unit_test(stale),         cmocka_unit_test(cache),
        cmocka_unit_test(no_cache),      cmocka_unit_test(no_memory),
        cmocka_unit_test(descriptions),  cmocka_unit_test(names_are_shown_plain),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
