/*
 * Programs at run time: core and component functions, host functions by signature, traps and their
 * frames, deadlines, interruption, exit codes, threads, calls inside calls, orders of freeing, and
 * every allocation failing once.
 */
#include "world.h"

#include "../support/builder.h"
#include "base/memory.h"
#include "echo.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static const char *const TYPES[] = {"string"};

/* ---- A core module ----------------------------------------------------------------------------
 */

/* Exports: add (i32 i32) -> i32; mix (i64 f32 f64) -> f64; ask () -> i32, which calls host.ask;
 * spin; boom, which traps in a function that it calls; pair () -> i32 i32; ref () -> funcref. */
static sw_bytes build_core(sw_builder *b)
{
    sw_builder_init(b);
    uint32_t ask_type = sw_builder_type(b, ":i");
    uint32_t ask = sw_builder_import_func(b, "host", "ask", ask_type);
    uint32_t add = sw_builder_func(b, sw_builder_type(b, "ii:i"), "");
    sw_builder_op_u32(b, SW_OP_LOCAL_GET, 0);
    sw_builder_op_u32(b, SW_OP_LOCAL_GET, 1);
    sw_builder_op(b, SW_OP_I32_ADD);
    sw_builder_end_func(b);
    uint32_t mix = sw_builder_func(b, sw_builder_type(b, "IfF:F"), "");
    sw_builder_op_u32(b, SW_OP_LOCAL_GET, 2);
    sw_builder_end_func(b);
    uint32_t calls_ask = sw_builder_func(b, ask_type, "");
    sw_builder_op_u32(b, SW_OP_CALL, ask);
    sw_builder_end_func(b);
    uint32_t nothing = sw_builder_type(b, ":");
    uint32_t spin = sw_builder_func(b, nothing, "");
    sw_builder_block(b, SW_OP_LOOP, 0);
    sw_builder_op_u32(b, SW_OP_BR, 0);
    sw_builder_op(b, SW_OP_END);
    sw_builder_end_func(b);
    uint32_t inner = sw_builder_func(b, nothing, "");
    sw_builder_op(b, SW_OP_UNREACHABLE);
    sw_builder_end_func(b);
    uint32_t boom = sw_builder_func(b, nothing, "");
    sw_builder_op_u32(b, SW_OP_CALL, inner);
    sw_builder_end_func(b);
    uint32_t pair = sw_builder_func(b, sw_builder_type(b, ":ii"), "");
    sw_builder_i32(b, 1);
    sw_builder_i32(b, 2);
    sw_builder_end_func(b);
    uint32_t ref = sw_builder_func(b, sw_builder_type(b, ":r"), "");
    sw_builder_op_u32(b, SW_OP_REF_NULL, 0x70);
    sw_builder_end_func(b);
    sw_builder_export(b, "add", SW_EXTERN_FUNC, add);
    sw_builder_export(b, "mix", SW_EXTERN_FUNC, mix);
    sw_builder_export(b, "ask", SW_EXTERN_FUNC, calls_ask);
    sw_builder_export(b, "spin", SW_EXTERN_FUNC, spin);
    sw_builder_export(b, "boom", SW_EXTERN_FUNC, boom);
    sw_builder_export(b, "pair", SW_EXTERN_FUNC, pair);
    sw_builder_export(b, "ref", SW_EXTERN_FUNC, ref);
    sw_builder_export(b, "_start", SW_EXTERN_FUNC, boom);
    return sw_builder_finish(b);
}

/* What host.ask does. */
typedef enum ask_mode { ASK_ANSWERS, ASK_FAILS, ASK_SAYS_NOTHING, ASK_GIVES_TEXT } ask_mode;

static swell_status host_ask(void *env, swell_call *call, const swell_value *params, size_t count,
                             swell_value *ret_result)
{
    const ask_mode *mode = env;
    (void)params;
    assert_int_equal(count, 0);
    switch (*mode) {
    case ASK_ANSWERS: *ret_result = (swell_value){.kind = SWELL_S32, .s32 = 42}; return SWELL_OK;
    case ASK_FAILS: return swell_call_fail(call, "no %s today, %d times", "answer", 3);
    case ASK_SAYS_NOTHING: return SWELL_DENIED;
    case ASK_GIVES_TEXT: *ret_result = (swell_value){.kind = SWELL_STRING}; return SWELL_OK;
    }
    return SWELL_OK;
}

static void open_core(world *w, ask_mode *mode)
{
    sw_builder b;
    sw_bytes wasm = build_core(&b);
    world_open(w, (swell_bytes){wasm.ptr, wasm.len});
    sw_builder_clear(&b);
    assert_int_equal(
        swell_linker_define_core(w->linker, "host", "ask", ":i", host_ask, mode, &w->error),
        SWELL_OK);
    world_start(w);
}

/* ---- Core functions ---------------------------------------------------------------------------
 */

static void core_calls(void **)
{
    world w;
    ask_mode mode = ASK_ANSWERS;
    swell_value result;
    swell_value two[2] = {
        {.kind = SWELL_S32, .s32 = -1   },
        {.kind = SWELL_U32, .u32 = 1000u}
    };
    swell_value three[3] = {
        {.kind = SWELL_U64, .u64 = 1   },
        {.kind = SWELL_F32, .f32 = 0.5F},
        {.kind = SWELL_F64, .f64 = 2.5 }
    };
    open_core(&w, &mode);
    assert_int_equal(swell_program_kind(w.program), SWELL_KIND_MODULE);
    assert_int_equal(swell_func_call(world_find(&w, "add"), two, 2, &w.error, &result), SWELL_OK);
    assert_int_equal(result.kind, SWELL_S32);
    assert_int_equal(result.s32, 999);
    assert_int_equal(swell_func_call(world_find(&w, "mix"), three, 3, &w.error, &result), SWELL_OK);
    assert_true(result.kind == SWELL_F64 && result.f64 == 2.5);
    assert_int_equal(swell_func_call(world_find(&w, "ask"), NULL, 0, &w.error, &result), SWELL_OK);
    assert_int_equal(result.s32, 42);
    world_close(&w);
}

typedef struct refusal {
    const char *func;
    size_t count;
    swell_status status;
    const char *says;
} refusal;

static void core_refusals(void **)
{
    static const refusal ROWS[] = {
        {"add",  1, SWELL_ARGUMENT,    "1 arguments for 2 parameters"},
        {"add",  2, SWELL_ARGUMENT,    "core type i32"               },
        {"pair", 0, SWELL_UNSUPPORTED, "2 results"                   },
        {"ref",  0, SWELL_UNSUPPORTED, "funcref"                     },
    };
    world w;
    ask_mode mode = ASK_ANSWERS;
    swell_value text[2] = {{.kind = SWELL_STRING}, {.kind = SWELL_STRING}};
    open_core(&w, &mode);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        swell_error error = {};
        swell_value result;
        assert_int_equal(
            swell_func_call(world_find(&w, ROWS[i].func), text, ROWS[i].count, &error, &result),
            ROWS[i].status);
        world_says(&error, ROWS[i].says);
    }
    swell_func *f = NULL;
    assert_int_equal(swell_instance_find(w.instance, swell_str_of("none"), &w.error, &f),
                     SWELL_NOT_FOUND);
    world_says(&w.error, "'none'");
    assert_null(f);
    world_close(&w);
}

static void host_functions_fail(void **)
{
    static const struct {
        ask_mode mode;
        const char *says;
    } ROWS[] = {
        {ASK_FAILS,        "no answer today, 3 times"},
        {ASK_SAYS_NOTHING, "host"                    },
        {ASK_GIVES_TEXT,   "ask: value does not fit" },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        world w;
        ask_mode mode = ROWS[i].mode;
        swell_value result;
        open_core(&w, &mode);
        assert_int_equal(swell_func_call(world_find(&w, "ask"), NULL, 0, &w.error, &result),
                         SWELL_TRAP);
        if (strstr(swell_store_trap_text(w.store), ROWS[i].says) == NULL) {
            print_error("'%s' lacks '%s'\n", swell_store_trap_text(w.store), ROWS[i].says);
            fail();
        }
        world_close(&w);
    }
}

/* ---- Linking ----------------------------------------------------------------------------------
 */

static void signatures(void **)
{
    static const char *const BAD[] = {"", "i", "x:", "i:ii", "i:x", "iiiiiiiiiiiiiiiii:", "i::"};
    static const char *const GOOD[] = {":", "iIfF:F", "iiiiiiiiiiiiiiii:i"};
    swell_engine *engine;
    swell_linker *linker;
    swell_error error = {};
    assert_int_equal(swell_engine_new(NULL, &error, &engine), SWELL_OK);
    assert_int_equal(swell_linker_new(engine, &linker), SWELL_OK);
    for (size_t i = 0; i < SW_COUNTOF(BAD); i++) {
        error = (swell_error){};
        assert_int_equal(
            swell_linker_define_core(linker, "m", "bad", BAD[i], host_ask, NULL, &error),
            SWELL_ARGUMENT);
        world_says(&error, "signature");
    }
    for (size_t i = 0; i < SW_COUNTOF(GOOD); i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "g%zu", i);
        assert_int_equal(
            swell_linker_define_core(linker, "m", name, GOOD[i], host_ask, NULL, &error), SWELL_OK);
    }
    assert_int_equal(swell_linker_define_core(linker, "m", "g0", ":", host_ask, NULL, &error),
                     SWELL_ARGUMENT);
    world_says(&error, "defined twice");
    swell_linker_free(linker);
    swell_engine_free(engine);
}

static void core_imports_must_fit(void **)
{
    sw_builder b;
    world w;
    sw_bytes wasm = build_core(&b);
    world_open(&w, (swell_bytes){wasm.ptr, wasm.len});
    sw_builder_clear(&b);
    assert_int_equal(swell_instance_new(w.store, w.program, w.linker, &w.error, &w.instance),
                     SWELL_UNLINKABLE);
    world_says(&w.error, "'host' 'ask'");
    assert_int_equal(
        swell_linker_define_core(w.linker, "host", "ask", "i:i", host_ask, NULL, &w.error),
        SWELL_OK);
    w.error = (swell_error){};
    assert_int_equal(swell_instance_new(w.store, w.program, w.linker, &w.error, &w.instance),
                     SWELL_UNLINKABLE);
    world_says(&w.error, "ask");
    world_close(&w);
}

static swell_status define(world *w, const char *wit, const char *name, const char *func)
{
    static ask_mode mode;
    swell_host_func row = {func, host_ask, &mode};
    w->error = (swell_error){};
    return swell_linker_define_interface(w->linker, swell_str_of(wit), swell_str_of(name), &row, 1,
                                         &w->error);
}

static void interfaces_must_fit(void **)
{
    static const struct {
        const char *wit, *name, *func;
        swell_status status;
        const char *says;
    } ROWS[] = {
        {"package test:host@1.0.0; interface api { f: func( }",      "test:host/api@1.0.0",   "f",
         SWELL_MALFORMED, ""                        },
        {"package test:host@1.0.0; interface api { f: func(); }",    "test:host/other@1.0.0", "f",
         SWELL_NOT_FOUND, "test:host/other@1.0.0"   },
        {"package test:host@1.0.0; interface api { f: func(); }",    "test:host/api@1.0.0",   "g",
         SWELL_ARGUMENT,  "no host function for 'f'"},
        {"package test:host@1.0.0; interface api { f-x0: func(); }", "test:host/api@1.0.0",   "f-x0",
         SWELL_OK,        ""                        },
        {"package test:host@1.0.0; interface api { f-x0: func(); }", "test:host/api@1.0.0",   "f-x0",
         SWELL_ARGUMENT,  "defined twice"           },
    };
    sw_buf binary;
    world w;
    echo_build(&binary, TYPES, 1);
    world_open(&w, world_bytes(&binary));
    sw_buf_clear(&binary);
    assert_int_equal(swell_instance_new(w.store, w.program, w.linker, &w.error, &w.instance),
                     SWELL_UNLINKABLE);
    world_says(&w.error, "test:host/api@1.0.0");
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        swell_status st = define(&w, ROWS[i].wit, ROWS[i].name, ROWS[i].func);
        if (st != ROWS[i].status) {
            print_error("row %zu: %d %s\n", i, st, w.error.text);
        }
        assert_int_equal(st, ROWS[i].status);
        world_says(&w.error, ROWS[i].says);
    }
    /* Defined by now, but of another type. */
    assert_int_equal(swell_instance_new(w.store, w.program, w.linker, &w.error, &w.instance),
                     SWELL_UNLINKABLE);
    world_says(&w.error, "f-x0");
    world_close(&w);
}

/* ---- A component that is called ----------------------------------------------------------------
 */

static swell_status host_string(void *env, swell_call *call, const swell_value *params,
                                size_t count, swell_value *ret_result)
{
    swell_value *both = swell_call_alloc(call, 2 * sizeof *both);
    swell_func **inner = env;
    swell_error error = {};
    swell_value three = {.kind = SWELL_U32, .u32 = 3};
    swell_value four = {};
    (void)count;
    if (both == NULL) {
        return SWELL_NO_MEMORY;
    }
    if (inner != NULL && *inner != NULL &&
        swell_func_call(*inner, &three, 1, &error, &four) != SWELL_OK) {
        return swell_call_fail(call, "inner: %s", error.text);
    }
    both[0] = params[0];
    both[1] = (swell_value){.kind = SWELL_U32, .u32 = four.u32};
    *ret_result = (swell_value){
        .kind = SWELL_TUPLE, .children = {both, 2}
    };
    return SWELL_OK;
}

/* The same text for all tests: made before any allocation is made to fail. */
static sw_buf string_wit;

static swell_status define_string(swell_linker *linker, swell_func **inner, swell_error *error)
{
    swell_host_func row = {"f-x0", host_string, inner};
    swell_str wit = {(const char *)string_wit.ptr, string_wit.len};
    return swell_linker_define_interface(linker, wit, swell_str_of("test:host/api@1.0.0"), &row, 1,
                                         error);
}

static void open_echo(world *w, swell_func **inner)
{
    sw_buf binary;
    echo_build(&binary, TYPES, 1);
    world_open(w, world_bytes(&binary));
    sw_buf_clear(&binary);
    assert_int_equal(define_string(w->linker, inner, &w->error), SWELL_OK);
    world_start(w);
}

static swell_status call_string(swell_func *f, swell_str text, swell_error *error, swell_value *ret)
{
    swell_value pad[ECHO_PAD];
    for (size_t i = 0; i < ECHO_PAD; i++) {
        pad[i] = (swell_value){.kind = SWELL_U32};
    }
    swell_value params[2] = {
        {.kind = SWELL_STRING, .string = text             },
        {.kind = SWELL_TUPLE,  .children = {pad, ECHO_PAD}}
    };
    return swell_func_call(f, params, 2, error, ret);
}

/* A host function calls another instance of the same store; the outer call's values stay whole. */
static void calls_inside_calls(void **)
{
    static char text[10000];
    world w;
    swell_func *inner = NULL;
    swell_value result;
    memset(text, 'x', sizeof text);
    open_echo(&w, &inner);
    swell_func *outer = world_find(&w, "host-x0");
    world_start(&w);
    inner = world_find(&w, "more");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(call_string(outer, (swell_str){text, sizeof text}, &w.error, &result),
                         SWELL_OK);
        assert_int_equal(result.children.at[0].string.len, sizeof text);
        assert_memory_equal(result.children.at[0].string.ptr, text, sizeof text);
        assert_int_equal(result.children.at[1].u32, 4);
    }
    /* Into the instance that is calling: refused, and the guest traps. */
    inner = outer;
    assert_int_equal(call_string(outer, swell_str_of("x"), &w.error, &result), SWELL_TRAP);
    world_close(&w);
}

/* ---- Traps ------------------------------------------------------------------------------------
 */

static void check_frames(world *w)
{
    swell_frame frames[8];
    assert_int_equal(swell_store_trap_frames(w->store, 0, frames), 0);
    assert_int_equal(swell_store_trap_frames(w->store, 1, frames), 1);
    size_t count = swell_store_trap_frames(w->store, 8, frames);
    assert_int_equal(count, 2);
    assert_int_equal(frames[1].func_index, frames[0].func_index + 1);
    assert_true(frames[0].offset < frames[1].offset);
    assert_non_null(strstr(swell_store_trap_text(w->store), "unreachable"));
    assert_false(swell_store_trap_was_deadline(w->store));
}

static void traps(void **)
{
    world w;
    ask_mode mode = ASK_ANSWERS;
    swell_value result;
    open_core(&w, &mode);
    assert_int_equal(swell_func_call(world_find(&w, "boom"), NULL, 0, &w.error, NULL), SWELL_TRAP);
    check_frames(&w);
    assert_int_equal(swell_instance_run(w.instance, &w.error), SWELL_TRAP);
    check_frames(&w);
    assert_int_equal(swell_func_call(world_find(&w, "ask"), NULL, 0, &w.error, &result), SWELL_OK);
    world_close(&w);

    open_echo(&w, NULL);
    assert_int_equal(swell_func_call(world_find(&w, "boom"), NULL, 0, &w.error, NULL), SWELL_TRAP);
    world_says(&w.error, "unreachable");
    check_frames(&w);
    /* A component that has trapped cannot be entered again; another instance can. */
    swell_func *more = world_find(&w, "more");
    swell_value one = {.kind = SWELL_U32, .u32 = 1};
    assert_int_equal(swell_func_call(more, &one, 1, &w.error, &result), SWELL_TRAP);
    world_start(&w);
    assert_int_equal(swell_func_call(world_find(&w, "more"), &one, 1, &w.error, &result), SWELL_OK);
    assert_int_equal(result.u32, 2);
    world_close(&w);
}

static void deadlines(void **)
{
    for (int i = 0; i < 2; i++) {
        world w;
        ask_mode mode = ASK_ANSWERS;
        swell_value result;
        if (i == 0) {
            open_core(&w, &mode);
        } else {
            open_echo(&w, NULL);
        }
        assert_int_equal(swell_store_set_timeout(w.store, 20 * 1000 * 1000), SWELL_OK);
        assert_int_equal(swell_func_call(world_find(&w, "spin"), NULL, 0, &w.error, NULL),
                         SWELL_TRAP);
        assert_true(swell_store_trap_was_deadline(w.store));
        assert_int_equal(swell_store_set_timeout(w.store, 0), SWELL_OK);
        world_start(&w);
        swell_value two[2] = {{.kind = i == 0 ? SWELL_S32 : SWELL_U32}, {.kind = SWELL_S32}};
        assert_int_equal(swell_func_call(world_find(&w, i == 0 ? "add" : "more"), two,
                                         i == 0 ? 2 : 1, &w.error, &result),
                         SWELL_OK);
        world_close(&w);
    }
}

static void *interrupt_soon(void *store)
{
    (void)usleep(20 * 1000);
    swell_store_interrupt(store);
    return NULL;
}

static void interruption(void **)
{
    world w;
    pthread_t thread;
    swell_value result;
    ask_mode mode = ASK_ANSWERS;
    open_core(&w, &mode);
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, w.store), 0);
    assert_int_equal(swell_func_call(world_find(&w, "spin"), NULL, 0, &w.error, NULL), SWELL_TRAP);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(swell_store_trap_was_deadline(w.store));
    assert_int_equal(swell_func_call(world_find(&w, "ask"), NULL, 0, &w.error, &result), SWELL_OK);
    world_close(&w);
}

/* ---- Commands ---------------------------------------------------------------------------------
 */

static sw_bytes build_exit(sw_builder *b, bool calls_exit)
{
    sw_builder_init(b);
    uint32_t exit_func =
        sw_builder_import_func(b, "wasi_snapshot_preview1", "proc_exit", sw_builder_type(b, "i:"));
    uint32_t start = sw_builder_func(b, sw_builder_type(b, ":"), "");
    if (calls_exit) {
        sw_builder_i32(b, 7);
        sw_builder_op_u32(b, SW_OP_CALL, exit_func);
    }
    sw_builder_end_func(b);
    sw_builder_export(b, "memory", SW_EXTERN_MEMORY, sw_builder_memory(b, 1, 1));
    sw_builder_export(b, "_start", SW_EXTERN_FUNC, start);
    return sw_builder_finish(b);
}

static void exit_codes(void **)
{
    for (int i = 0; i < 2; i++) {
        world w;
        sw_builder b;
        sw_bytes wasm = build_exit(&b, i == 1);
        world_open(&w, (swell_bytes){wasm.ptr, wasm.len});
        sw_builder_clear(&b);
        assert_int_equal(swell_linker_define_wasi(w.linker, &w.error), SWELL_OK);
        world_start(&w);
        assert_int_equal(swell_instance_run(w.instance, &w.error), SWELL_EXIT);
        assert_int_equal(swell_store_exit_code(w.store), i == 1 ? 7 : 0);
        world_close(&w);
    }
}

static void not_commands(void **)
{
    sw_buf binary;
    world w;
    open_echo(&w, NULL);
    assert_int_equal(swell_instance_run(w.instance, &w.error), SWELL_NOT_FOUND);
    world_says(&w.error, "wasi:cli/run");
    world_close(&w);
    echo_build_false_command(&binary);
    world_open(&w, world_bytes(&binary));
    sw_buf_clear(&binary);
    world_start(&w);
    assert_int_equal(swell_instance_run(w.instance, &w.error), SWELL_UNLINKABLE);
    world_says(&w.error, "func() -> result");
    world_close(&w);
}

/* ---- Grants ------------------------------------------------------------------------------------
 */

static void grants(void **)
{
    static const struct {
        const char *spec;
        swell_status status;
    } DIRS[] = {
        {"/tmp",           SWELL_OK      },
        {"/tmp::/data:ro", SWELL_OK      },
        {"",               SWELL_ARGUMENT},
        {"::/data",        SWELL_ARGUMENT},
    };
    static const struct {
        const char *spec;
        swell_status status;
    } ENVS[] = {
        {"NAME=value",               SWELL_OK      },
        {"NAME=",                    SWELL_OK      },
        {"A_NAME_THAT_NOBODY_TAKES", SWELL_OK      },
        {"=value",                   SWELL_ARGUMENT},
        {"",                         SWELL_ARGUMENT},
    };
    swell_grants *g;
    assert_int_equal(swell_grants_new(&g), SWELL_OK);
    for (size_t i = 0; i < SW_COUNTOF(DIRS); i++) {
        swell_error error = {};
        swell_status st = swell_grants_add_dir(g, swell_str_of(DIRS[i].spec), &error);
        if (st != DIRS[i].status) {
            print_error("'%s': %d %s\n", DIRS[i].spec, st, error.text);
        }
        assert_int_equal(st, DIRS[i].status);
        assert_int_equal(error.used != 0, st != SWELL_OK);
    }
    for (size_t i = 0; i < SW_COUNTOF(ENVS); i++) {
        swell_error error = {};
        swell_status st = swell_grants_add_env(g, swell_str_of(ENVS[i].spec), &error);
        if (st != ENVS[i].status) {
            print_error("'%s': %d %s\n", ENVS[i].spec, st, error.text);
        }
        assert_int_equal(st, ENVS[i].status);
    }
    assert_int_equal(swell_grants_add_arg(g, swell_str_of("program")), SWELL_OK);
    swell_grants_set_stdio(g, 9, 1); /* there is no such stream */
    swell_grants_free(g);
}

/* A directory is opened when a store is made with the grant. */
static void granted_directories_must_be_there(void **)
{
    static const char *const PLACES[] = {"/nonexistent/x", "/proc/self/stat"};
    swell_engine *engine;
    assert_int_equal(swell_engine_new(NULL, NULL, &engine), SWELL_OK);
    for (size_t i = 0; i < SW_COUNTOF(PLACES); i++) {
        swell_grants *g;
        swell_store *store = NULL;
        swell_error error = {};
        assert_int_equal(swell_grants_new(&g), SWELL_OK);
        assert_int_equal(swell_grants_add_dir(g, swell_str_of("/tmp"), &error), SWELL_OK);
        assert_int_equal(swell_grants_add_dir(g, swell_str_of(PLACES[i]), &error), SWELL_OK);
        assert_int_not_equal(swell_store_new(engine, NULL, g, &error, &store), SWELL_OK);
        world_says(&error, PLACES[i]);
        assert_null(store);
        swell_grants_free(g);
    }
    swell_engine_free(engine);
}

/* ---- Threads, orders, memory -------------------------------------------------------------------
 */

enum { THREADS = 4, ROUNDS = 25 };

/* Everything but engine, program and linker belongs to the thread. */
static void *many_stores(void *arg)
{
    const world *shared = arg;
    size_t good = 0;
    for (int i = 0; i < ROUNDS; i++) {
        swell_store *store;
        swell_instance *instance;
        swell_func *f;
        swell_error error = {};
        swell_value result;
        if (swell_store_new(shared->engine, NULL, NULL, &error, &store) != SWELL_OK) {
            break;
        }
        good += swell_instance_new(store, shared->program, shared->linker, &error, &instance) ==
                    SWELL_OK &&
                swell_instance_find(instance, swell_str_of("host-x0"), &error, &f) == SWELL_OK &&
                call_string(f, swell_str_of("words"), &error, &result) == SWELL_OK &&
                result.children.at[0].string.len == 5;
        swell_store_free(store);
    }
    return (void *)good;
}

static void threads(void **)
{
    world w;
    pthread_t thread[THREADS];
    open_echo(&w, NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, many_stores, &w), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *good;
        assert_int_equal(pthread_join(thread[i], &good), 0);
        assert_int_equal((size_t)good, ROUNDS);
    }
    world_close(&w);
}

/* A program may be freed as soon as it has been instantiated. */
static void program_goes_first(void **)
{
    world w;
    swell_value result;
    open_echo(&w, NULL);
    swell_program_free(w.program);
    w.program = NULL;
    assert_int_equal(call_string(world_find(&w, "host-x0"), swell_str_of("abc"), &w.error, &result),
                     SWELL_OK);
    assert_memory_equal(result.children.at[0].string.ptr, "abc", 3);
    assert_int_equal(swell_func_call(world_find(&w, "boom"), NULL, 0, &w.error, NULL), SWELL_TRAP);
    check_frames(&w);
    world_close(&w);
    swell_store_free(NULL);
    swell_linker_free(NULL);
    swell_program_free(NULL);
    swell_engine_free(NULL);
    swell_grants_free(NULL);
}

/* Opens, links, instantiates, calls; returns the first status that is not OK. */
static swell_status whole_life(swell_bytes bytes)
{
    world w = {};
    swell_func *f;
    swell_value result;
    swell_status st = swell_engine_new(NULL, &w.error, &w.engine);
    st = st != SWELL_OK ? st : swell_program_from_bytes(w.engine, bytes, &w.error, &w.program);
    st = st != SWELL_OK ? st : swell_linker_new(w.engine, &w.linker);
    st = st != SWELL_OK ? st : define_string(w.linker, NULL, &w.error);
    st = st != SWELL_OK ? st : swell_store_new(w.engine, NULL, NULL, &w.error, &w.store);
    st = st != SWELL_OK ? st
                        : swell_instance_new(w.store, w.program, w.linker, &w.error, &w.instance);
    st = st != SWELL_OK ? st
                        : swell_instance_find(w.instance, swell_str_of("host-x0"), &w.error, &f);
    st = st != SWELL_OK ? st : call_string(f, swell_str_of("words"), &w.error, &result);
    world_close(&w);
    return st;
}

static void no_memory(void **)
{
    sw_buf binary;
    echo_build(&binary, TYPES, 1);
    bool has_failed = true;
    for (uint64_t nth = 1; has_failed; nth++) {
        assert_true(nth < 100000);
        sw_memory_fail_at(nth);
        swell_status st = whole_life(world_bytes(&binary));
        has_failed = sw_memory_failed();
        sw_memory_fail_at(0);
        if (st != SWELL_NO_MEMORY && st != SWELL_TRAP && has_failed) {
            print_error("allocation %zu: %s\n", (size_t)nth, swell_status_text(st));
        }
        assert_true(has_failed ? st == SWELL_NO_MEMORY || st == SWELL_TRAP : st == SWELL_OK);
    }
    sw_buf_clear(&binary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(core_calls),
        cmocka_unit_test(core_refusals),
        cmocka_unit_test(host_functions_fail),
        cmocka_unit_test(signatures),
        cmocka_unit_test(core_imports_must_fit),
        cmocka_unit_test(interfaces_must_fit),
        cmocka_unit_test(calls_inside_calls),
        cmocka_unit_test(traps),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(interruption),
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(not_commands),
        cmocka_unit_test(grants),
        cmocka_unit_test(granted_directories_must_be_there),
        cmocka_unit_test(threads),
        cmocka_unit_test(program_goes_first),
        cmocka_unit_test(no_memory),
    };
    world_keep_signals();
    echo_wit(&string_wit, TYPES, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sw_buf_clear(&string_wit);
    return failed;
}
