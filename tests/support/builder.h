/*
 * Builds core modules in memory, for tests that need a certain one.
 *
 *     sw_builder b;
 *     sw_builder_init(&b);
 *     uint32_t type = sw_builder_type(&b, "ii:i");      i I f F v r e: i32 i64 f32 f64 v128
 *     uint32_t f = sw_builder_func(&b, type, "I");      funcref externref; "I": one i64 local more
 *     sw_builder_op_u32(&b, SW_OP_LOCAL_GET, 0);        instructions of f
 *     ...
 *     sw_builder_end_func(&b);                          writes the final end
 *     sw_builder_export(&b, "run", SW_EXTERN_FUNC, f);
 *     sw_bytes wasm = sw_builder_finish(&b);            good until clear
 *
 * Imports come first, as in every module. Nothing is checked: wrong modules can be built too. Out
 * of memory aborts the test program.
 */
#pragma once

#include "base/buf.h"
#include "wasm/module.h"
#include "wasm/opcodes.h"

typedef struct sw_builder {
    sw_buf sections[14]; /* items of each section, by its id */
    uint32_t counts[14];
    uint32_t funcs, tables, memories, globals; /* sizes of the index spaces */
    uint32_t body_start;                       /* of the function being written */
    sw_buf body;
    sw_buf out;
} sw_builder;

void sw_builder_init(sw_builder *b);
void sw_builder_clear(sw_builder *b);

/* "params:results"; equal types are not merged. */
uint32_t sw_builder_type(sw_builder *b, const char *signature);

uint32_t sw_builder_import_func(sw_builder *b, const char *module, const char *name, uint32_t type);
uint32_t sw_builder_import_global(sw_builder *b, const char *module, const char *name, char type,
                                  bool is_mutable);
uint32_t sw_builder_import_memory(sw_builder *b, const char *module, const char *name,
                                  uint32_t min_pages);
uint32_t sw_builder_import_table(sw_builder *b, const char *module, const char *name, char type,
                                 uint32_t min);

/* max UINT32_MAX: none. */
uint32_t sw_builder_memory(sw_builder *b, uint32_t min_pages, uint32_t max_pages);
uint32_t sw_builder_table(sw_builder *b, char type, uint32_t min, uint32_t max);
/* init: i32 and i64 by value, f32 and f64 by bits, references null. */
uint32_t sw_builder_global(sw_builder *b, char type, bool is_mutable, uint64_t init);
void sw_builder_export(sw_builder *b, const char *name, sw_extern_kind kind, uint32_t index);
/* Active when table is not SW_NO_INDEX, else passive. */
uint32_t sw_builder_elem(sw_builder *b, uint32_t table, uint32_t offset, const uint32_t *funcs,
                         uint32_t count);
uint32_t sw_builder_data(sw_builder *b, uint32_t memory, uint32_t offset, const void *bytes,
                         uint32_t count);
/* A declarative segment: makes ref.func of these valid. */
void sw_builder_declare(sw_builder *b, const uint32_t *funcs, uint32_t count);

/* Starts a function and gives its index. */
uint32_t sw_builder_func(sw_builder *b, uint32_t type, const char *locals);
/* The same with `count` locals of one type. */
uint32_t sw_builder_func_many(sw_builder *b, uint32_t type, char local_type, uint32_t count);
void sw_builder_end_func(sw_builder *b);

/* Instructions. */
void sw_builder_op(sw_builder *b, uint32_t opcode);
void sw_builder_op_u32(sw_builder *b, uint32_t opcode, uint32_t immediate);
void sw_builder_op_u32x2(sw_builder *b, uint32_t opcode, uint32_t first, uint32_t second);
void sw_builder_mem(sw_builder *b, uint32_t opcode, uint32_t memory, uint64_t offset);
/* block, loop or if; type: 0 for none, a letter for one result. */
void sw_builder_block(sw_builder *b, uint32_t opcode, char type);
void sw_builder_block_type(sw_builder *b, uint32_t opcode, uint32_t type);
/* depths: count + 1 of them, the default last. */
void sw_builder_br_table(sw_builder *b, const uint32_t *depths, uint32_t count);
/* Any numeric type, by letter; bits as in memory. */
void sw_builder_const(sw_builder *b, char type, uint64_t bits);
void sw_builder_i32(sw_builder *b, uint32_t value);

sw_bytes sw_builder_finish(sw_builder *b);
