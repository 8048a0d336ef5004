/* What crossing between host and guest costs: call ROUNDS
 *
 * prints, in nanoseconds, the best of the rounds of
 *
 *     an empty call from the host, one from a host function on the guest's stack,
 *     a call of a host function by a guest (integers; floats), of a helper, of a function of the
 *     module (direct; through a table), loading an image, a trap.
 */
#include "code/compile.h"
#include "run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CALLS = 100000, LOADS = 200, TRAPS = 1000 };

/*
 * (module
 *   (import "" "h" (func $h (param i32) (result i32)))
 *   (import "" "v" (func $v (param f64) (result f64)))
 *   (memory 1)
 *   (func (export "empty"))
 *   and a loop around: "ints" call $h, "vectors" call $v, "direct" and "indirect" a call of
 *   (func (param i32) (result i32) local.get 0), "grow" memory.grow by 0)
 */
// clang-format off
static const uint8_t MODULE[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0e, 0x03, 0x60, 0x01, 0x7f, 0x01,
    0x7f, 0x60, 0x01, 0x7c, 0x01, 0x7c, 0x60, 0x00, 0x00, 0x02, 0x0b, 0x02, 0x00, 0x01, 0x68,
    0x00, 0x00, 0x00, 0x01, 0x76, 0x00, 0x01, 0x03, 0x08, 0x07, 0x02, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x04, 0x04, 0x01, 0x70, 0x00, 0x02, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x35,
    0x06, 0x05, 0x65, 0x6d, 0x70, 0x74, 0x79, 0x00, 0x02, 0x04, 0x69, 0x6e, 0x74, 0x73, 0x00,
    0x03, 0x07, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x73, 0x00, 0x04, 0x06, 0x64, 0x69, 0x72,
    0x65, 0x63, 0x74, 0x00, 0x06, 0x08, 0x69, 0x6e, 0x64, 0x69, 0x72, 0x65, 0x63, 0x74, 0x00,
    0x07, 0x04, 0x67, 0x72, 0x6f, 0x77, 0x00, 0x08, 0x09, 0x07, 0x01, 0x00, 0x41, 0x00, 0x0b,
    0x01, 0x05, 0x0a, 0x80, 0x01, 0x07, 0x02, 0x00, 0x0b, 0x18, 0x01, 0x01, 0x7f, 0x03, 0x40,
    0x20, 0x01, 0x10, 0x00, 0x21, 0x01, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00,
    0x0b, 0x20, 0x01, 0x0b, 0x18, 0x01, 0x01, 0x7c, 0x03, 0x40, 0x20, 0x01, 0x10, 0x01, 0x21,
    0x01, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x20, 0x00, 0x0b, 0x04,
    0x00, 0x20, 0x00, 0x0b, 0x15, 0x00, 0x03, 0x40, 0x20, 0x00, 0x10, 0x05, 0x1a, 0x20, 0x00,
    0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x20, 0x00, 0x0b, 0x18, 0x00, 0x03, 0x40,
    0x20, 0x00, 0x41, 0x00, 0x11, 0x00, 0x00, 0x1a, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00,
    0x0d, 0x00, 0x0b, 0x20, 0x00, 0x0b, 0x15, 0x00, 0x03, 0x40, 0x41, 0x00, 0x40, 0x00, 0x1a,
    0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x20, 0x00, 0x0b
};
// clang-format on

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void check(sw_status st, const sw_diag *diag)
{
    if (st != SW_OK) {
        (void)fprintf(stderr, "call: %s: %s\n", sw_status_text(st), diag->text);
        exit(1);
    }
}

typedef struct bench {
    sw_engine *engine;
    sw_store *store;
    sw_buf image;
    sw_code *code;
    sw_instance *instance;
    sw_host_func ints, vectors, nested;
    sw_diag diag;
} bench;

static sw_trap return_at_once(sw_host_func *self, sw_regs *regs)
{
    (void)self;
    (void)regs;
    return SW_TRAP_NONE;
}

static void compile(bench *b)
{
    sw_arena arena;
    sw_module module;
    sw_compile_options options = {};
    sw_arena_init(&arena, NULL, SIZE_MAX);
    sw_buf_init(&b->image, NULL, SIZE_MAX);
    check(sw_module_read(&arena, (sw_bytes){MODULE, sizeof(MODULE)}, 0, &options.features, &b->diag,
                         &module),
          &b->diag);
    check(sw_module_validate(&module, &options.features, &b->diag), &b->diag);
    check(sw_module_compile(&module, &options, &b->image, &b->diag, NULL), &b->diag);
    sw_arena_clear(&arena);
}

static void load(bench *b)
{
    sw_image_source source = {.fd = -1, .bytes = sw_buf_bytes(&b->image)};
    check(sw_code_load(b->engine, &source, &b->diag, &b->code), &b->diag);
}

static const sw_valtype I32 = SW_TYPE_I32, F64 = SW_TYPE_F64;
static const sw_functype INTS = {&I32, &I32, 1, 1}, VECTORS = {&F64, &F64, 1, 1}, NOTHING = {};

static void instantiate(bench *b)
{
    check(sw_host_func_init(&b->ints, b->store, &INTS, return_at_once, NULL), &b->diag);
    check(sw_host_func_init(&b->vectors, b->store, &VECTORS, return_at_once, NULL), &b->diag);
    sw_extern imports[] = {sw_host_func_extern(&b->ints), sw_host_func_extern(&b->vectors)};
    check(sw_instance_new(b->store, b->code, imports, &b->diag, &b->instance), &b->diag);
}

static const sw_func_cell *find(bench *b, const char *name)
{
    sw_extern x;
    check(sw_instance_find(b->instance, sw_str_of(name), &x), &b->diag);
    return x.func.cell;
}

/* A loop inside the guest. */
static double loop(bench *b, const char *name)
{
    sw_regs regs = {.ints = {CALLS}};
    const sw_func_cell *cell = find(b, name);
    uint64_t start = now_ns();
    check(sw_call_regs(b->store, cell, &regs), &b->diag);
    return (double)(now_ns() - start) / (double)CALLS;
}

static double call_empty(bench *b)
{
    const sw_func_cell *cell = find(b, "empty");
    uint64_t start = now_ns();
    for (int i = 0; i < CALLS; i++) {
        sw_regs regs;
        check(sw_call_regs(b->store, cell, &regs), &b->diag);
    }
    return (double)(now_ns() - start) / (double)CALLS;
}

static sw_trap call_nested(sw_host_func *self, sw_regs *regs)
{
    bench *b = self->env;
    regs->ints[0] = (uint64_t)call_empty(b);
    return SW_TRAP_NONE;
}

static double nested(bench *b)
{
    sw_regs regs = {};
    check(sw_host_func_init(&b->nested, b->store, &NOTHING, call_nested, b), &b->diag);
    check(sw_call_regs(b->store, &b->nested.cell, &regs), &b->diag);
    return (double)regs.ints[0];
}

static double load_image(bench *b)
{
    sw_code *code = b->code;
    uint64_t start = now_ns();
    for (int i = 0; i < LOADS; i++) {
        load(b);
        sw_code_unref(b->code);
    }
    b->code = code;
    return (double)(now_ns() - start) / (double)LOADS;
}

static sw_trap fail(sw_host_func *self, sw_regs *regs)
{
    (void)self;
    (void)regs;
    return SW_TRAP_HOST;
}

static double trap(bench *b)
{
    sw_host_func f;
    check(sw_host_func_init(&f, b->store, &NOTHING, fail, NULL), &b->diag);
    uint64_t start = now_ns();
    for (int i = 0; i < TRAPS; i++) {
        sw_regs regs;
        if (sw_call_regs(b->store, &f.cell, &regs) != SW_TRAP) {
            exit(1);
        }
    }
    return (double)(now_ns() - start) / (double)TRAPS;
}

static double ints(bench *b)
{
    return loop(b, "ints");
}

static double vectors(bench *b)
{
    return loop(b, "vectors");
}

static double helper(bench *b)
{
    return loop(b, "grow");
}

static double direct(bench *b)
{
    return loop(b, "direct");
}

static double indirect(bench *b)
{
    return loop(b, "indirect");
}

static const struct {
    const char *name;
    double (*measure)(bench *b);
} ROWS[] = {
    {"host to guest",             call_empty},
    {"host to guest, nested",     nested    },
    {"guest to host",             ints      },
    {"guest to host with floats", vectors   },
    {"guest to helper",           helper    },
    {"direct call",               direct    },
    {"indirect call",             indirect  },
    {"loading an image",          load_image},
    {"trap",                      trap      },
};

int main(int argc, char **argv)
{
    bench b = {};
    int rounds = argc == 2 ? atoi(argv[1]) : 5;
    check(sw_engine_new(&b.diag, &b.engine), &b.diag);
    check(sw_store_new(b.engine, &SW_STORE_LIMITS_DEFAULT, &b.diag, &b.store), &b.diag);
    compile(&b);
    load(&b);
    instantiate(&b);
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        double best = 1e18;
        for (int k = 0; k < rounds; k++) {
            double ns = ROWS[i].measure(&b);
            best = ns < best ? ns : best;
        }
        (void)printf("%s: %.1f ns\n", ROWS[i].name, best);
    }
    sw_store_free(b.store);
    sw_code_unref(b.code);
    sw_buf_clear(&b.image);
    sw_engine_free(b.engine);
    return 0;
}
