#include "builder.h"

enum {
    TYPES = 1,
    IMPORTS,
    FUNCS,
    TABLES,
    MEMORIES,
    GLOBALS,
    EXPORTS,
    START,
    ELEMS,
    CODES,
    DATAS,
    DATA_COUNT
};

/* The order of sections in a module. */
static const uint8_t ORDER[] = {TYPES,   IMPORTS, FUNCS, TABLES,     MEMORIES, GLOBALS,
                                EXPORTS, START,   ELEMS, DATA_COUNT, CODES,    DATAS};

void builder_init(builder *b)
{
    *b = (builder){};
    for (size_t i = 0; i < SECTIONS; i++) {
        sw_buf_init(&b->sections[i], NULL, SIZE_MAX);
    }
    sw_buf_init(&b->out, NULL, SIZE_MAX);
}

void builder_clear(builder *b)
{
    for (size_t i = 0; i < SECTIONS; i++) {
        sw_buf_clear(&b->sections[i]);
    }
    sw_buf_clear(&b->out);
}

static uint8_t valtype(char c)
{
    switch (c) {
    case 'i': return 0x7f;
    case 'I': return 0x7e;
    case 'f': return 0x7d;
    case 'F': return 0x7c;
    case 'r': return 0x70;
    default: return 0x6f;
    }
}

static sw_buf *add(builder *b, unsigned section)
{
    b->counts[section]++;
    return &b->sections[section];
}

static void put_name(sw_buf *out, const char *name)
{
    sw_str s = sw_str_of(name);
    sw_buf_leb_u32(out, (uint32_t)s.len);
    sw_buf_str(out, s);
}

static void put_bytes(sw_buf *out, sw_bytes bytes)
{
    sw_buf_write(out, bytes.ptr, bytes.len);
}

static void put_limits(sw_buf *out, uint32_t min, uint32_t max)
{
    sw_buf_u8(out, max != 0);
    sw_buf_leb_u32(out, min);
    if (max != 0) {
        sw_buf_leb_u32(out, max);
    }
}

uint32_t builder_type(builder *b, const char *signature)
{
    sw_str s = sw_str_of(signature);
    size_t colon = sw_str_find(s, ':');
    sw_buf *out = add(b, TYPES);
    sw_buf_u8(out, 0x60);
    sw_buf_leb_u32(out, (uint32_t)colon);
    for (size_t i = 0; i < colon; i++) {
        sw_buf_u8(out, valtype(signature[i]));
    }
    sw_buf_leb_u32(out, (uint32_t)(s.len - colon - 1));
    for (size_t i = colon + 1; i < s.len; i++) {
        sw_buf_u8(out, valtype(signature[i]));
    }
    return b->counts[TYPES] - 1;
}

static sw_buf *import(builder *b, const char *module, const char *name, uint8_t kind)
{
    sw_buf *out = add(b, IMPORTS);
    put_name(out, module);
    put_name(out, name);
    sw_buf_u8(out, kind);
    return out;
}

uint32_t builder_import_func(builder *b, const char *module, const char *name, uint32_t type)
{
    sw_buf_leb_u32(import(b, module, name, 0), type);
    return b->funcs++;
}

uint32_t builder_import_table(builder *b, const char *module, const char *name, uint32_t min)
{
    sw_buf *out = import(b, module, name, 1);
    sw_buf_u8(out, 0x70);
    put_limits(out, min, 0);
    return b->tables++;
}

uint32_t builder_import_memory(builder *b, const char *module, const char *name, uint32_t min)
{
    put_limits(import(b, module, name, 2), min, 0);
    return b->memories++;
}

uint32_t builder_import_global(builder *b, const char *module, const char *name, char type,
                               bool is_mutable)
{
    sw_buf *out = import(b, module, name, 3);
    sw_buf_u8(out, valtype(type));
    sw_buf_u8(out, is_mutable);
    return b->globals++;
}

uint32_t builder_func(builder *b, uint32_t type, const char *locals, sw_bytes code)
{
    sw_buf body;
    sw_buf_init(&body, NULL, SIZE_MAX);
    sw_buf_leb_u32(&body, (uint32_t)strlen(locals));
    for (const char *l = locals; *l != 0; l++) {
        sw_buf_leb_u32(&body, 1);
        sw_buf_u8(&body, valtype(*l));
    }
    put_bytes(&body, code);
    sw_buf_u8(&body, 0x0b);
    sw_buf_leb_u32(add(b, FUNCS), type);
    sw_buf *out = add(b, CODES);
    sw_buf_leb_u32(out, (uint32_t)body.len);
    put_bytes(out, sw_buf_bytes(&body));
    sw_buf_clear(&body);
    return b->funcs++;
}

uint32_t builder_table(builder *b, char type, uint32_t min, uint32_t max)
{
    sw_buf *out = add(b, TABLES);
    sw_buf_u8(out, valtype(type));
    put_limits(out, min, max);
    return b->tables++;
}

uint32_t builder_memory(builder *b, uint32_t min, uint32_t max)
{
    put_limits(add(b, MEMORIES), min, max);
    return b->memories++;
}

uint32_t builder_global(builder *b, char type, bool is_mutable, sw_bytes init)
{
    sw_buf *out = add(b, GLOBALS);
    sw_buf_u8(out, valtype(type));
    sw_buf_u8(out, is_mutable);
    put_bytes(out, init);
    sw_buf_u8(out, 0x0b);
    return b->globals++;
}

void builder_export(builder *b, const char *name, uint8_t kind, uint32_t index)
{
    sw_buf *out = add(b, EXPORTS);
    put_name(out, name);
    sw_buf_u8(out, kind);
    sw_buf_leb_u32(out, index);
}

void builder_start(builder *b, uint32_t func)
{
    sw_buf_leb_u32(&b->sections[START], func);
}

static void put_const(sw_buf *out, uint32_t value)
{
    sw_buf_u8(out, 0x41);
    sw_buf_leb_s64(out, (int32_t)value);
    sw_buf_u8(out, 0x0b);
}

static void put_funcs(sw_buf *out, const uint32_t *funcs, uint32_t count)
{
    sw_buf_leb_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        sw_buf_leb_u32(out, funcs[i]);
    }
}

void builder_elem(builder *b, uint32_t offset, const uint32_t *funcs, uint32_t count)
{
    sw_buf *out = add(b, ELEMS);
    sw_buf_u8(out, 0);
    put_const(out, offset);
    put_funcs(out, funcs, count);
}

void builder_passive_elem(builder *b, const uint32_t *funcs, uint32_t count)
{
    sw_buf *out = add(b, ELEMS);
    sw_buf_u8(out, 1);
    sw_buf_u8(out, 0);
    put_funcs(out, funcs, count);
}

static void put_data(sw_buf *out, sw_str bytes)
{
    sw_buf_leb_u32(out, (uint32_t)bytes.len);
    sw_buf_str(out, bytes);
}

void builder_data(builder *b, uint32_t offset, sw_str bytes)
{
    sw_buf *out = add(b, DATAS);
    sw_buf_u8(out, 0);
    put_const(out, offset);
    put_data(out, bytes);
}

void builder_data_at(builder *b, sw_bytes offset, sw_str bytes)
{
    sw_buf *out = add(b, DATAS);
    sw_buf_u8(out, 0);
    put_bytes(out, offset);
    sw_buf_u8(out, 0x0b);
    put_data(out, bytes);
}

void builder_passive_data(builder *b, sw_str bytes)
{
    sw_buf *out = add(b, DATAS);
    sw_buf_u8(out, 1);
    put_data(out, bytes);
}

void builder_names(builder *b, uint32_t func, const char *name)
{
    sw_buf map;
    sw_buf_init(&map, NULL, SIZE_MAX);
    sw_buf_leb_u32(&map, 1);
    sw_buf_leb_u32(&map, func);
    put_name(&map, name);
    sw_buf *out = &b->sections[0];
    put_name(out, "name");
    sw_buf_u8(out, 1);
    sw_buf_leb_u32(out, (uint32_t)map.len);
    put_bytes(out, sw_buf_bytes(&map));
    sw_buf_clear(&map);
}

static void put_section(builder *b, uint8_t id)
{
    sw_buf content;
    sw_buf_init(&content, NULL, SIZE_MAX);
    if (id != START && id != 0) {
        sw_buf_leb_u32(&content, b->counts[id]);
    }
    put_bytes(&content, sw_buf_bytes(&b->sections[id]));
    sw_buf_u8(&b->out, id);
    sw_buf_leb_u32(&b->out, (uint32_t)content.len);
    put_bytes(&b->out, sw_buf_bytes(&content));
    sw_buf_clear(&content);
}

sw_bytes builder_finish(builder *b)
{
    static const uint8_t PREAMBLE[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    sw_buf_write(&b->out, PREAMBLE, sizeof(PREAMBLE));
    b->counts[DATA_COUNT] = b->counts[DATAS];
    for (size_t i = 0; i < SW_COUNTOF(ORDER); i++) {
        if (b->sections[ORDER[i]].len != 0 || (ORDER[i] == DATA_COUNT && b->counts[DATAS] != 0)) {
            put_section(b, ORDER[i]);
        }
    }
    if (b->sections[0].len != 0) {
        put_section(b, 0);
    }
    return sw_buf_bytes(&b->out);
}
