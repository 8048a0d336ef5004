/*
 * Makes core modules for tests, section by section.
 *
 *     builder b;
 *     builder_init(&b);
 *     uint32_t t = builder_type(&b, "ii:i");
 *     uint32_t f = builder_func(&b, t, "", CODE(0x20, 0, 0x20, 1, 0x6a));
 *     builder_export(&b, "add", 0, f);
 *     sw_bytes module = builder_finish(&b);
 *     ... builder_clear(&b);
 *
 * Types are letters: i i32, I i64, f f32, F f64, r funcref, x externref. Imports come before what
 * the module defines. Nothing is checked: validation will.
 */
#pragma once

#include "base/buf.h"

#define CODE(...) ((sw_bytes){(const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})})

enum { SECTIONS = 13 };

typedef struct builder {
    sw_buf sections[SECTIONS];
    uint32_t counts[SECTIONS];
    uint32_t funcs, tables, memories, globals;
    sw_buf out;
} builder;

void builder_init(builder *b);
void builder_clear(builder *b);

uint32_t builder_type(builder *b, const char *signature); /* "params:results" */
uint32_t builder_import_func(builder *b, const char *module, const char *name, uint32_t type);
uint32_t builder_import_memory(builder *b, const char *module, const char *name, uint32_t min);
uint32_t builder_import_table(builder *b, const char *module, const char *name, uint32_t min);
uint32_t builder_import_global(builder *b, const char *module, const char *name, char type,
                               bool is_mutable);
/* The body without its end. */
uint32_t builder_func(builder *b, uint32_t type, const char *locals, sw_bytes code);
uint32_t builder_table(builder *b, char type, uint32_t min, uint32_t max); /* max 0: none */
uint32_t builder_memory(builder *b, uint32_t min, uint32_t max);
/* init: a constant expression without its end. */
uint32_t builder_global(builder *b, char type, bool is_mutable, sw_bytes init);
void builder_export(builder *b, const char *name, uint8_t kind, uint32_t index);
void builder_start(builder *b, uint32_t func);
/* Active segments at a constant offset of table 0 or memory 0; passive ones. */
void builder_elem(builder *b, uint32_t offset, const uint32_t *funcs, uint32_t count);
void builder_passive_elem(builder *b, const uint32_t *funcs, uint32_t count);
void builder_data(builder *b, uint32_t offset, sw_str bytes);
void builder_data_at(builder *b, sw_bytes offset, sw_str bytes); /* offset: an expression */
void builder_passive_data(builder *b, sw_str bytes);
void builder_names(builder *b, uint32_t func, const char *name); /* one name, at the end */

sw_bytes builder_finish(builder *b);
