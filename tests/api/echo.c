#include "echo.h"

#include "../support/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECTION_MODULE = 1,
    SECTION_CORE_INSTANCE = 2,
    SECTION_INSTANCE = 5,
    SECTION_ALIAS = 6,
    SECTION_TYPE = 7,
    SECTION_CANON = 8,
    SECTION_IMPORT = 10,
    SECTION_EXPORT = 11,
};

enum { SORT_CORE = 0, SORT_FUNC = 1, SORT_TYPE = 3, SORT_INSTANCE = 5, CORE_INSTANCE = 0x12 };
enum { RESULT_AT = 64, HEAP_AT = 4096 };

/* ---- Pieces ---------------------------------------------------------------------------------- */

static void check(const sw_buf *b)
{
    if (sw_buf_status(b) != SW_OK) {
        abort();
    }
}

static void put_name(sw_buf *b, const char *name)
{
    sw_buf_leb_u32(b, (uint32_t)strlen(name));
    sw_buf_write(b, name, strlen(name));
}

/* Appends a section and empties the body. */
static void put_section(sw_buf *out, uint8_t id, sw_buf *body)
{
    check(body);
    sw_buf_u8(out, id);
    sw_buf_leb_u32(out, (uint32_t)body->len);
    sw_buf_write(out, body->ptr, body->len);
    sw_buf_clear(body);
    sw_buf_init(body, NULL, SIZE_MAX);
}

/* An index space of types: of the component, or of the instance type that is being written. */
typedef struct scope {
    sw_buf *out; /* instance type: its declarations */
    bool is_instance_type;
    uint32_t types, decls;
    uint32_t named[4]; /* rec, var, en, fl */
} scope;

static uint32_t define(scope *s, sw_buf *def)
{
    check(def);
    if (s->is_instance_type) {
        sw_buf_u8(s->out, 0x01);
        sw_buf_write(s->out, def->ptr, def->len);
        s->decls++;
        sw_buf_clear(def);
    } else {
        sw_buf one;
        sw_buf_init(&one, NULL, SIZE_MAX);
        sw_buf_leb_u32(&one, 1);
        sw_buf_write(&one, def->ptr, def->len);
        put_section(s->out, SECTION_TYPE, &one);
        sw_buf_clear(&one);
        sw_buf_clear(def);
    }
    return s->types++;
}

/* ---- Types ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint8_t code;
} PRIMS[] = {
    {"bool",   0x7f},
    {"s8",     0x7e},
    {"u8",     0x7d},
    {"s16",    0x7c},
    {"u16",    0x7b},
    {"s32",    0x7a},
    {"u32",    0x79},
    {"s64",    0x78},
    {"u64",    0x77},
    {"f32",    0x76},
    {"f64",    0x75},
    {"char",   0x74},
    {"string", 0x73},
};

static const char *const NAMED[] = {"rec", "var", "en", "fl"};

/* A type expression: what is left of it. */
typedef struct expr {
    const char *p;
} expr;

enum { NOTHING = -1, MAX_PARTS = 20 };

static int parse(scope *s, expr *e);

static size_t word_len(const char *p)
{
    return strcspn(p, "<>, ");
}

static bool is_word(const char *p, const char *word)
{
    return word_len(p) == strlen(word) && strncmp(p, word, strlen(word)) == 0;
}

/* The parts between angle brackets, if there are any. */
static size_t parse_parts(scope *s, expr *e, int *parts)
{
    size_t count = 0;
    if (*e->p != '<') {
        return 0;
    }
    do {
        e->p++;
        e->p += strspn(e->p, " ");
        parts[count++] = parse(s, e);
    } while (*e->p == ',');
    e->p++;
    return count;
}

/* A type as an operand: a primitive's code as it is, an index as LEB128. */
static void put_type(sw_buf *b, int type)
{
    if (type >= 0x1000) {
        sw_buf_u8(b, (uint8_t)type);
    } else {
        sw_buf_leb_s64(b, type);
    }
}

static void put_optional(sw_buf *b, int type)
{
    sw_buf_u8(b, type != NOTHING);
    if (type != NOTHING) {
        put_type(b, type);
    }
}

static int parse_compound(scope *s, expr *e, const char *word)
{
    int parts[MAX_PARTS] = {NOTHING, NOTHING};
    sw_buf def;
    sw_buf_init(&def, NULL, SIZE_MAX);
    size_t count = parse_parts(s, e, parts);
    if (is_word(word, "tuple")) {
        sw_buf_u8(&def, 0x6f);
        sw_buf_leb_u32(&def, (uint32_t)count);
        for (size_t i = 0; i < count; i++) {
            put_type(&def, parts[i]);
        }
    } else if (is_word(word, "result")) {
        sw_buf_u8(&def, 0x6a);
        put_optional(&def, parts[0]);
        put_optional(&def, parts[1]);
    } else {
        sw_buf_u8(&def, is_word(word, "list") ? 0x70 : 0x6b);
        put_type(&def, parts[0]);
    }
    return (int)define(s, &def);
}

/* An index, 0x1000 + code of a primitive, or NOTHING for "_". */
static int parse(scope *s, expr *e)
{
    const char *word = e->p;
    e->p += word_len(word);
    if (is_word(word, "_")) {
        return NOTHING;
    }
    for (size_t i = 0; i < SW_COUNTOF(PRIMS); i++) {
        if (is_word(word, PRIMS[i].name)) {
            return 0x1000 | PRIMS[i].code;
        }
    }
    for (size_t i = 0; i < SW_COUNTOF(NAMED); i++) {
        if (is_word(word, NAMED[i])) {
            return (int)s->named[i];
        }
    }
    return parse_compound(s, e, word);
}

static int type_of(scope *s, const char *text)
{
    expr e = {text};
    return parse(s, &e);
}

/* func(v: T, pad: tuple<u32 x 16>) -> tuple<T, u32> */
static uint32_t echo_func_type(scope *s, const char *text)
{
    char result[256];
    int v = type_of(s, text);
    int pad = type_of(s, "tuple<u32,u32,u32,u32,u32,u32,u32,u32,u32,u32,u32,u32,u32,u32,u32,u32>");
    (void)snprintf(result, sizeof result, "tuple<%s, u32>", text);
    int both = type_of(s, result);
    sw_buf def;
    sw_buf_init(&def, NULL, SIZE_MAX);
    sw_buf_write(&def, "\x40\x02\x01v", 4);
    put_type(&def, v);
    put_name(&def, "pad");
    put_type(&def, pad);
    sw_buf_u8(&def, 0);
    put_type(&def, both);
    return define(s, &def);
}

/* ---- The imported interface ------------------------------------------------------------------ */

/* Exports a type from the instance type, which gives it its name and another index. */
static uint32_t declare_type(scope *s, const char *name, uint32_t index)
{
    sw_buf_write(s->out, "\x04\x00", 2);
    put_name(s->out, name);
    sw_buf_write(s->out, "\x03\x00", 2);
    sw_buf_leb_u32(s->out, index);
    s->decls++;
    return s->types++;
}

static void declare_named(scope *s)
{
    static const char REC[] = "\x72\x03\x01"
                              "a\x7d\x01"
                              "b\x73\x01"
                              "c\x75";
    static const char VAR[] = "\x71\x04\x04none\0\0\x03num\x01\x77\0\x04text\x01\x73\0\x01r\x01";
    static const char EN[] = "\x6d\x03\x03red\x05green\x04"
                             "blue";
    static const char FL[] = "\x6e\x03\x04read\x05write\x03run";
    sw_buf def;
    sw_buf_init(&def, NULL, SIZE_MAX);
    sw_buf_write(&def, REC, sizeof REC - 1);
    s->named[0] = declare_type(s, "rec", define(s, &def));
    sw_buf_init(&def, NULL, SIZE_MAX);
    sw_buf_write(&def, VAR, sizeof VAR - 1);
    sw_buf_leb_u32(&def, s->named[0]);
    sw_buf_u8(&def, 0);
    s->named[1] = declare_type(s, "var", define(s, &def));
    sw_buf_init(&def, NULL, SIZE_MAX);
    sw_buf_write(&def, EN, sizeof EN - 1);
    s->named[2] = declare_type(s, "en", define(s, &def));
    sw_buf_init(&def, NULL, SIZE_MAX);
    sw_buf_write(&def, FL, sizeof FL - 1);
    s->named[3] = declare_type(s, "fl", define(s, &def));
}

static void put_interface(sw_buf *out, const char *const *types, size_t count)
{
    sw_buf decls, body;
    sw_buf_init(&decls, NULL, SIZE_MAX);
    sw_buf_init(&body, NULL, SIZE_MAX);
    scope s = {.out = &decls, .is_instance_type = true};
    declare_named(&s);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        uint32_t type = echo_func_type(&s, types[i]);
        (void)snprintf(name, sizeof name, "f-x%zu", i);
        sw_buf_write(&decls, "\x04\x00", 2);
        put_name(&decls, name);
        sw_buf_u8(&decls, 1);
        sw_buf_leb_u32(&decls, type);
        s.decls++;
    }
    sw_buf_write(&body, "\x01\x42", 2);
    sw_buf_leb_u32(&body, s.decls);
    sw_buf_write(&body, decls.ptr, decls.len);
    put_section(out, SECTION_TYPE, &body);
    sw_buf_write(&body, "\x01\x00", 2);
    put_name(&body, "test:host/api@1.0.0");
    sw_buf_write(&body, "\x05\x00", 2);
    put_section(out, SECTION_IMPORT, &body);
    sw_buf_clear(&decls);
    sw_buf_clear(&body);
}

/* Alias section with one entry: sort, then 0 (export of an instance) or 1 (of a core instance). */
static void put_alias(sw_buf *out, const char *sort, uint8_t target, uint32_t instance,
                      const char *name)
{
    sw_buf body;
    sw_buf_init(&body, NULL, SIZE_MAX);
    sw_buf_u8(&body, 1);
    sw_buf_write(&body, sort, sort[0] == SORT_CORE ? 2 : 1);
    sw_buf_u8(&body, target);
    sw_buf_leb_u32(&body, instance);
    put_name(&body, name);
    put_section(out, SECTION_ALIAS, &body);
    sw_buf_clear(&body);
}

/* ---- Core modules ---------------------------------------------------------------------------- */

static void put_module(sw_buf *out, sw_builder *b)
{
    sw_bytes wasm = sw_builder_finish(b);
    sw_buf_u8(out, SECTION_MODULE);
    sw_buf_leb_u32(out, (uint32_t)wasm.len);
    sw_buf_write(out, wasm.ptr, wasm.len);
    sw_builder_clear(b);
}

/* Memory and a realloc that takes what is next; nothing is given back. */
static void put_memory_module(sw_buf *out)
{
    sw_builder b;
    sw_builder_init(&b);
    uint32_t type = sw_builder_type(&b, "iiii:i");
    uint32_t memory = sw_builder_memory(&b, 16, 16);
    uint32_t next = sw_builder_global(&b, 'i', true, HEAP_AT);
    uint32_t f = sw_builder_func(&b, type, "i");
    sw_builder_op_u32(&b, SW_OP_GLOBAL_GET, next);
    sw_builder_i32(&b, 15);
    sw_builder_op(&b, SW_OP_I32_ADD);
    sw_builder_i32(&b, (uint32_t)-16);
    sw_builder_op(&b, SW_OP_I32_AND);
    sw_builder_op_u32(&b, SW_OP_LOCAL_TEE, 4);
    sw_builder_op_u32(&b, SW_OP_LOCAL_GET, 3);
    sw_builder_op(&b, SW_OP_I32_ADD);
    sw_builder_op_u32(&b, SW_OP_GLOBAL_SET, next);
    sw_builder_op_u32(&b, SW_OP_LOCAL_GET, 4);
    sw_builder_end_func(&b);
    sw_builder_export(&b, "realloc", SW_EXTERN_FUNC, f);
    sw_builder_export(&b, "memory", SW_EXTERN_MEMORY, memory);
    put_module(out, &b);
}

static void build_plain_funcs(sw_builder *b)
{
    uint32_t nothing = sw_builder_type(b, ":");
    uint32_t number = sw_builder_type(b, "i:i");
    uint32_t spin = sw_builder_func(b, nothing, "");
    sw_builder_block(b, SW_OP_LOOP, 0);
    sw_builder_op_u32(b, SW_OP_BR, 0);
    sw_builder_op(b, SW_OP_END);
    sw_builder_end_func(b);
    uint32_t inner = sw_builder_func(b, nothing, "");
    sw_builder_op(b, SW_OP_UNREACHABLE);
    sw_builder_end_func(b);
    uint32_t outer = sw_builder_func(b, nothing, "");
    sw_builder_op_u32(b, SW_OP_CALL, inner);
    sw_builder_end_func(b);
    uint32_t more = sw_builder_func(b, number, "");
    sw_builder_op_u32(b, SW_OP_LOCAL_GET, 0);
    sw_builder_i32(b, 1);
    sw_builder_op(b, SW_OP_I32_ADD);
    sw_builder_end_func(b);
    sw_builder_export(b, "spin", SW_EXTERN_FUNC, spin);
    sw_builder_export(b, "boom", SW_EXTERN_FUNC, outer);
    sw_builder_export(b, "more", SW_EXTERN_FUNC, more);
}

static void put_main_module(sw_buf *out, size_t count)
{
    sw_builder b;
    char name[32];
    sw_builder_init(&b);
    uint32_t lowered = sw_builder_type(&b, "ii:");
    uint32_t lifted = sw_builder_type(&b, "i:i");
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "f%zu", i);
        (void)sw_builder_import_func(&b, "host", name, lowered);
    }
    uint32_t same = sw_builder_func(&b, lifted, "");
    sw_builder_op_u32(&b, SW_OP_LOCAL_GET, 0);
    sw_builder_end_func(&b);
    sw_builder_export(&b, "same", SW_EXTERN_FUNC, same);
    for (size_t i = 0; i < count; i++) {
        uint32_t f = sw_builder_func(&b, lifted, "");
        sw_builder_op_u32(&b, SW_OP_LOCAL_GET, 0);
        sw_builder_i32(&b, RESULT_AT);
        sw_builder_op_u32(&b, SW_OP_CALL, (uint32_t)i);
        sw_builder_i32(&b, RESULT_AT);
        sw_builder_end_func(&b);
        (void)snprintf(name, sizeof name, "h%zu", i);
        sw_builder_export(&b, name, SW_EXTERN_FUNC, f);
    }
    build_plain_funcs(&b);
    put_module(out, &b);
}

/* ---- The component --------------------------------------------------------------------------- */

/* canon options: utf8, memory 0, realloc = core function 0 */
static void put_options(sw_buf *b)
{
    sw_buf_write(b, "\x03\x00\x03\x00\x04\x00", 6);
}

/* Core functions: 0 is realloc, 1.. the lowered ones. */
static void put_lowered(sw_buf *out, size_t count)
{
    sw_buf body;
    sw_buf_init(&body, NULL, SIZE_MAX);
    for (uint32_t i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "f-x%u", i);
        put_alias(out, "\x01", 0, 0, name);
        sw_buf_write(&body, "\x01\x01\x00", 3);
        sw_buf_leb_u32(&body, i);
        put_options(&body);
        put_section(out, SECTION_CANON, &body);
    }
    sw_buf_clear(&body);
}

/* Core instance 0: the memory; 1: the lowered functions; 2: main. */
static void put_instances(sw_buf *out, size_t count)
{
    sw_buf body;
    sw_buf_init(&body, NULL, SIZE_MAX);
    sw_buf_write(&body, "\x02\x01", 2);
    sw_buf_leb_u32(&body, (uint32_t)count);
    for (uint32_t i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "f%u", i);
        put_name(&body, name);
        sw_buf_u8(&body, 0);
        sw_buf_leb_u32(&body, i + 1);
    }
    sw_buf_write(&body, "\x00\x01\x01", 3);
    put_name(&body, "host");
    sw_buf_u8(&body, CORE_INSTANCE);
    sw_buf_leb_u32(&body, 1);
    put_section(out, SECTION_CORE_INSTANCE, &body);
    sw_buf_clear(&body);
}

/* What the outer scope counts while exports are written. */
typedef struct exporter {
    scope types;
    uint32_t core_funcs, funcs;
} exporter;

static void export_func(exporter *x, const char *core_name, const char *name, uint32_t type,
                        bool has_options)
{
    sw_buf *out = x->types.out;
    sw_buf body;
    sw_buf_init(&body, NULL, SIZE_MAX);
    put_alias(out, "\0\0", 1, 2, core_name);
    sw_buf_write(&body, "\x01\x00\x00", 3);
    sw_buf_leb_u32(&body, x->core_funcs++);
    if (has_options) {
        put_options(&body);
    } else {
        sw_buf_u8(&body, 0);
    }
    sw_buf_leb_u32(&body, type);
    put_section(out, SECTION_CANON, &body);
    sw_buf_write(&body, "\x01\x00", 2);
    put_name(&body, name);
    sw_buf_u8(&body, SORT_FUNC);
    sw_buf_leb_u32(&body, x->funcs);
    sw_buf_u8(&body, 0);
    put_section(out, SECTION_EXPORT, &body);
    x->funcs += 2; /* the export is a function too */
    sw_buf_clear(&body);
}

static uint32_t define_bytes(scope *s, const char *bytes, size_t len)
{
    sw_buf def;
    sw_buf_init(&def, NULL, SIZE_MAX);
    sw_buf_write(&def, bytes, len);
    return define(s, &def);
}

static void put_exports(exporter *x, const char *const *types, size_t count)
{
    char core_name[32], name[32];
    for (size_t i = 0; i < count; i++) {
        uint32_t type = echo_func_type(&x->types, types[i]);
        (void)snprintf(name, sizeof name, "same-x%zu", i);
        export_func(x, "same", name, type, true);
        (void)snprintf(core_name, sizeof core_name, "h%zu", i);
        (void)snprintf(name, sizeof name, "host-x%zu", i);
        export_func(x, core_name, name, type, true);
    }
    uint32_t nothing = define_bytes(&x->types, "\x40\x00\x01\x00", 4);
    uint32_t number = define_bytes(&x->types, "\x40\x01\x01n\x79\x00\x79", 7);
    export_func(x, "spin", "spin", nothing, false);
    export_func(x, "boom", "boom", nothing, false);
    export_func(x, "more", "more", number, false);
}

void echo_build(sw_buf *out, const char *const *types, size_t count)
{
    exporter x = {
        .types = {.out = out, .types = 1},
        .core_funcs = (uint32_t)count + 1,
        .funcs = (uint32_t)count
    };
    sw_buf body;
    sw_buf_init(&body, NULL, SIZE_MAX);
    sw_buf_init(out, NULL, SIZE_MAX);
    sw_buf_write(out, "\0asm\x0d\0\x01\0", 8);
    put_interface(out, types, count);
    for (size_t i = 0; i < SW_COUNTOF(NAMED); i++) {
        put_alias(out, "\x03", 0, 0, NAMED[i]);
        x.types.named[i] = x.types.types++;
    }
    put_memory_module(out);
    put_main_module(out, count);
    sw_buf_write(&body, "\x01\x00\x00\x00", 4);
    put_section(out, SECTION_CORE_INSTANCE, &body);
    put_alias(out, "\0\x02", 1, 0, "memory");
    put_alias(out, "\0\0", 1, 0, "realloc");
    put_lowered(out, count);
    put_instances(out, count);
    put_exports(&x, types, count);
    sw_buf_clear(&body);
    check(out);
}

void echo_wit(sw_buf *out, const char *const *types, size_t count)
{
    sw_buf_init(out, NULL, SIZE_MAX);
    sw_buf_printf(out, "package test:host@1.0.0;\ninterface api {\n"
                       "  record rec { a: u8, b: string, c: f64 }\n"
                       "  variant var { none, num(u64), text(string), r(rec) }\n"
                       "  enum en { red, green, blue }\n"
                       "  flags fl { read, write, run }\n");
    for (size_t i = 0; i < count; i++) {
        sw_buf_printf(out,
                      "  f-x%zu: func(v: %s, pad: tuple<u32, u32, u32, u32, u32, u32, u32, u32,"
                      " u32, u32, u32, u32, u32, u32, u32, u32>) -> tuple<%s, u32>;\n",
                      i, types[i], types[i]);
    }
    sw_buf_printf(out, "}\n");
    check(out);
}

/* ---- A command that is none ------------------------------------------------------------------ */

void echo_build_false_command(sw_buf *out)
{
    static const char INLINE_EXPORT[] = "\x01\x01\x01\x00\x03run\x01\x00";
    sw_buf body;
    sw_builder b;
    sw_buf_init(&body, NULL, SIZE_MAX);
    sw_buf_init(out, NULL, SIZE_MAX);
    sw_buf_write(out, "\0asm\x0d\0\x01\0", 8);
    sw_builder_init(&b);
    uint32_t type = sw_builder_type(&b, ":i");
    (void)sw_builder_export(&b, "memory", SW_EXTERN_MEMORY, sw_builder_memory(&b, 1, 1));
    uint32_t f = sw_builder_func(&b, type, "");
    sw_builder_i32(&b, RESULT_AT);
    sw_builder_end_func(&b);
    sw_builder_export(&b, "run", SW_EXTERN_FUNC, f);
    put_module(out, &b);
    sw_buf_write(&body, "\x01\x00\x00\x00", 4);
    put_section(out, SECTION_CORE_INSTANCE, &body);
    put_alias(out, "\0\x02", 1, 0, "memory");
    put_alias(out, "\0\0", 1, 0, "run");
    scope s = {.out = out};
    int many = type_of(&s, "tuple<u64,u64,u64,u64,u64,u64,u64,u64,u64,u64,u64,u64,u64,u64,u64>");
    sw_buf_write(&body, "\x40\x00\x00", 3);
    put_type(&body, many);
    uint32_t func = define(&s, &body);
    sw_buf_init(&body, NULL, SIZE_MAX);
    sw_buf_write(&body, "\x01\x00\x00\x00\x01\x03\x00", 7);
    sw_buf_leb_u32(&body, func);
    put_section(out, SECTION_CANON, &body);
    sw_buf_write(&body, INLINE_EXPORT, sizeof INLINE_EXPORT - 1);
    put_section(out, SECTION_INSTANCE, &body);
    sw_buf_write(&body, "\x01\x00", 2);
    put_name(&body, "wasi:cli/run@0.2.0");
    sw_buf_write(&body, "\x05\x00\x00", 3);
    put_section(out, SECTION_EXPORT, &body);
    sw_buf_clear(&body);
    check(out);
}
