#include "builder.h"

#include <stdlib.h>

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
    CODE,
    DATAS,
    DATA_COUNT,
};

/* Sections in the order they must have. */
static const uint8_t order[] = {TYPES,   IMPORTS, FUNCS,      TABLES, MEMORIES, GLOBALS,
                                EXPORTS, ELEMS,   DATA_COUNT, CODE,   DATAS};

static uint8_t type_byte(char letter)
{
    switch (letter) {
    case 'i': return SW_TYPE_I32;
    case 'I': return SW_TYPE_I64;
    case 'f': return SW_TYPE_F32;
    case 'F': return SW_TYPE_F64;
    case 'v': return SW_TYPE_V128;
    case 'r': return 0x70;
    case 'e': return 0x6f;
    default: abort();
    }
}

void sw_builder_init(sw_builder *b)
{
    *b = (sw_builder){};
    for (size_t i = 0; i < SW_COUNTOF(b->sections); i++) {
        sw_buf_init(&b->sections[i], NULL, INT32_MAX);
    }
    sw_buf_init(&b->body, NULL, INT32_MAX);
    sw_buf_init(&b->out, NULL, INT32_MAX);
}

void sw_builder_clear(sw_builder *b)
{
    for (size_t i = 0; i < SW_COUNTOF(b->sections); i++) {
        sw_buf_clear(&b->sections[i]);
    }
    sw_buf_clear(&b->body);
    sw_buf_clear(&b->out);
}

static sw_buf *item(sw_builder *b, unsigned section)
{
    b->counts[section]++;
    return &b->sections[section];
}

static void put_name(sw_buf *out, const char *name)
{
    sw_buf_leb_u32(out, (uint32_t)strlen(name));
    sw_buf_str(out, sw_str_of(name));
}

static const char *put_types(sw_buf *out, const char *letters)
{
    uint32_t count = 0;
    while (letters[count] != 0 && letters[count] != ':') {
        count++;
    }
    sw_buf_leb_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        sw_buf_u8(out, type_byte(letters[i]));
    }
    return letters + count;
}

uint32_t sw_builder_type(sw_builder *b, const char *signature)
{
    sw_buf *out = item(b, TYPES);
    sw_buf_u8(out, 0x60);
    const char *rest = put_types(out, signature);
    put_types(out, rest + 1);
    return b->counts[TYPES] - 1;
}

static sw_buf *import(sw_builder *b, const char *module, const char *name, sw_extern_kind kind)
{
    sw_buf *out = item(b, IMPORTS);
    put_name(out, module);
    put_name(out, name);
    sw_buf_u8(out, (uint8_t)kind);
    return out;
}

static void put_limits(sw_buf *out, uint32_t min, uint32_t max)
{
    sw_buf_u8(out, max != UINT32_MAX);
    sw_buf_leb_u32(out, min);
    if (max != UINT32_MAX) {
        sw_buf_leb_u32(out, max);
    }
}

uint32_t sw_builder_import_func(sw_builder *b, const char *module, const char *name, uint32_t type)
{
    sw_buf_leb_u32(import(b, module, name, SW_EXTERN_FUNC), type);
    return b->funcs++;
}

uint32_t sw_builder_import_global(sw_builder *b, const char *module, const char *name, char type,
                                  bool is_mutable)
{
    sw_buf *out = import(b, module, name, SW_EXTERN_GLOBAL);
    sw_buf_u8(out, type_byte(type));
    sw_buf_u8(out, is_mutable);
    return b->globals++;
}

uint32_t sw_builder_import_memory(sw_builder *b, const char *module, const char *name,
                                  uint32_t min_pages)
{
    put_limits(import(b, module, name, SW_EXTERN_MEMORY), min_pages, UINT32_MAX);
    return b->memories++;
}

uint32_t sw_builder_import_table(sw_builder *b, const char *module, const char *name, char type,
                                 uint32_t min)
{
    sw_buf *out = import(b, module, name, SW_EXTERN_TABLE);
    sw_buf_u8(out, type_byte(type));
    put_limits(out, min, UINT32_MAX);
    return b->tables++;
}

uint32_t sw_builder_memory(sw_builder *b, uint32_t min_pages, uint32_t max_pages)
{
    put_limits(item(b, MEMORIES), min_pages, max_pages);
    return b->memories++;
}

uint32_t sw_builder_table(sw_builder *b, char type, uint32_t min, uint32_t max)
{
    sw_buf *out = item(b, TABLES);
    sw_buf_u8(out, type_byte(type));
    put_limits(out, min, max);
    return b->tables++;
}

static void put_const(sw_buf *out, char type, uint64_t bits)
{
    switch (type) {
    case 'i':
        sw_buf_u8(out, SW_OP_I32_CONST);
        sw_buf_leb_s64(out, (int32_t)bits);
        break;
    case 'I':
        sw_buf_u8(out, SW_OP_I64_CONST);
        sw_buf_leb_s64(out, (int64_t)bits);
        break;
    case 'f':
        sw_buf_u8(out, SW_OP_F32_CONST);
        sw_buf_u32_le(out, (uint32_t)bits);
        break;
    case 'F':
        sw_buf_u8(out, SW_OP_F64_CONST);
        sw_buf_u64_le(out, bits);
        break;
    default: sw_buf_u8(out, SW_OP_REF_NULL); sw_buf_u8(out, type_byte(type));
    }
}

uint32_t sw_builder_global(sw_builder *b, char type, bool is_mutable, uint64_t init)
{
    sw_buf *out = item(b, GLOBALS);
    sw_buf_u8(out, type_byte(type));
    sw_buf_u8(out, is_mutable);
    put_const(out, type, init);
    sw_buf_u8(out, SW_OP_END);
    return b->globals++;
}

void sw_builder_export(sw_builder *b, const char *name, sw_extern_kind kind, uint32_t index)
{
    sw_buf *out = item(b, EXPORTS);
    put_name(out, name);
    sw_buf_u8(out, (uint8_t)kind);
    sw_buf_leb_u32(out, index);
}

static void put_offset(sw_buf *out, uint32_t offset)
{
    put_const(out, 'i', offset);
    sw_buf_u8(out, SW_OP_END);
}

static void put_funcs(sw_buf *out, const uint32_t *funcs, uint32_t count)
{
    sw_buf_u8(out, 0); /* elemkind: funcref */
    sw_buf_leb_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        sw_buf_leb_u32(out, funcs[i]);
    }
}

uint32_t sw_builder_elem(sw_builder *b, uint32_t table, uint32_t offset, const uint32_t *funcs,
                         uint32_t count)
{
    sw_buf *out = item(b, ELEMS);
    if (table == SW_NO_INDEX) {
        sw_buf_u8(out, 1);
    } else {
        sw_buf_u8(out, 2);
        sw_buf_leb_u32(out, table);
        put_offset(out, offset);
    }
    put_funcs(out, funcs, count);
    return b->counts[ELEMS] - 1;
}

void sw_builder_declare(sw_builder *b, const uint32_t *funcs, uint32_t count)
{
    sw_buf *out = item(b, ELEMS);
    sw_buf_u8(out, 3);
    put_funcs(out, funcs, count);
}

uint32_t sw_builder_data(sw_builder *b, uint32_t memory, uint32_t offset, const void *bytes,
                         uint32_t count)
{
    sw_buf *out = item(b, DATAS);
    if (memory == SW_NO_INDEX) {
        sw_buf_u8(out, 1);
    } else {
        sw_buf_u8(out, 2);
        sw_buf_leb_u32(out, memory);
        put_offset(out, offset);
    }
    sw_buf_leb_u32(out, count);
    sw_buf_write(out, bytes, count);
    return b->counts[DATAS] - 1;
}

static uint32_t begin_func(sw_builder *b, uint32_t type)
{
    sw_buf_leb_u32(item(b, FUNCS), type);
    b->body.len = 0;
    return b->funcs++;
}

uint32_t sw_builder_func(sw_builder *b, uint32_t type, const char *locals)
{
    uint32_t index = begin_func(b, type);
    uint32_t count = (uint32_t)strlen(locals);
    sw_buf_leb_u32(&b->body, count);
    for (uint32_t i = 0; i < count; i++) {
        sw_buf_leb_u32(&b->body, 1);
        sw_buf_u8(&b->body, type_byte(locals[i]));
    }
    return index;
}

uint32_t sw_builder_func_many(sw_builder *b, uint32_t type, char local_type, uint32_t count)
{
    uint32_t index = begin_func(b, type);
    sw_buf_leb_u32(&b->body, 1);
    sw_buf_leb_u32(&b->body, count);
    sw_buf_u8(&b->body, type_byte(local_type));
    return index;
}

void sw_builder_end_func(sw_builder *b)
{
    sw_builder_op(b, SW_OP_END);
    sw_buf *out = item(b, CODE);
    sw_buf_leb_u32(out, (uint32_t)b->body.len);
    sw_buf_write(out, b->body.ptr, b->body.len);
}

void sw_builder_op(sw_builder *b, uint32_t opcode)
{
    if (opcode < 256) {
        sw_buf_u8(&b->body, (uint8_t)opcode);
    } else {
        sw_buf_u8(&b->body, (uint8_t)(opcode >> 12));
        sw_buf_leb_u32(&b->body, opcode & 0xfff);
    }
}

void sw_builder_op_u32(sw_builder *b, uint32_t opcode, uint32_t immediate)
{
    sw_builder_op(b, opcode);
    sw_buf_leb_u32(&b->body, immediate);
}

void sw_builder_op_u32x2(sw_builder *b, uint32_t opcode, uint32_t first, uint32_t second)
{
    sw_builder_op_u32(b, opcode, first);
    sw_buf_leb_u32(&b->body, second);
}

void sw_builder_mem(sw_builder *b, uint32_t opcode, uint32_t memory, uint64_t offset)
{
    sw_builder_op(b, opcode);
    sw_buf_u8(&b->body, memory != 0 ? 0x40 : 0);
    if (memory != 0) {
        sw_buf_leb_u32(&b->body, memory);
    }
    sw_buf_leb_u64(&b->body, offset);
}

void sw_builder_block(sw_builder *b, uint32_t opcode, char type)
{
    sw_builder_op(b, opcode);
    sw_buf_u8(&b->body, type == 0 ? 0x40 : type_byte(type));
}

void sw_builder_block_type(sw_builder *b, uint32_t opcode, uint32_t type)
{
    sw_builder_op(b, opcode);
    sw_buf_leb_s64(&b->body, type);
}

void sw_builder_br_table(sw_builder *b, const uint32_t *depths, uint32_t count)
{
    sw_builder_op_u32(b, SW_OP_BR_TABLE, count);
    for (uint32_t i = 0; i <= count; i++) {
        sw_buf_leb_u32(&b->body, depths[i]);
    }
}

void sw_builder_const(sw_builder *b, char type, uint64_t bits)
{
    put_const(&b->body, type, bits);
}

void sw_builder_i32(sw_builder *b, uint32_t value)
{
    put_const(&b->body, 'i', value);
}

static void put_section(sw_builder *b, unsigned id)
{
    sw_buf_u8(&b->out, (uint8_t)id);
    if (id == DATA_COUNT) {
        sw_buf_u8(&b->out, b->counts[DATAS] < 128 ? 1 : 2);
        sw_buf_leb_u32(&b->out, b->counts[DATAS]);
        return;
    }
    sw_buf head;
    sw_buf_init(&head, NULL, 16);
    sw_buf_leb_u32(&head, b->counts[id]);
    sw_buf_leb_u32(&b->out, (uint32_t)(head.len + b->sections[id].len));
    sw_buf_write(&b->out, head.ptr, head.len);
    sw_buf_write(&b->out, b->sections[id].ptr, b->sections[id].len);
    sw_buf_clear(&head);
}

sw_bytes sw_builder_finish(sw_builder *b)
{
    static const uint8_t preamble[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    b->out.len = 0;
    sw_buf_write(&b->out, preamble, sizeof preamble);
    for (size_t i = 0; i < SW_COUNTOF(order); i++) {
        unsigned id = order[i];
        if (b->counts[id == DATA_COUNT ? DATAS : id] != 0) {
            put_section(b, id);
        }
    }
    SW_CHECK(sw_buf_status(&b->out) == SW_OK);
    return sw_buf_bytes(&b->out);
}
