/* What the two halves of the decoder share: definitions (decode.c) and types (decode_types.c). */
#pragma once

#include "base/reader.h"
#include "component/ast.h"
#include "component/collect.h"

typedef SW_AVEC(sw_ast_def) sw_ast_defs;

typedef struct sw_decoder {
    sw_arena *arena;
    const sw_features *features;
    sw_diag *diag;
    SW_AVEC(sw_module) modules;
    uint32_t components_count;
    bool types_only; /* see sw_ast_read_types */
} sw_decoder;

/* Room for count items, or the reader fails with SW_NO_MEMORY and the result is NULL. */
void *sw_decoder_array(sw_decoder *d, sw_reader *r, size_t count, size_t item_bytes);
/* "asynchronous functions are not supported yet", at the offset. */
void sw_decoder_unsupported(sw_reader *r, uint32_t offset, const char *what);
/* The same unless only types are wanted. */
void sw_decoder_asynchronous(const sw_decoder *d, sw_reader *r, uint32_t offset, const char *what);
/* "invalid leading byte (0x7) for alias". */
void sw_decoder_bad_byte(sw_reader *r, uint32_t offset, uint8_t byte, const char *what);
/* Appends; on failure the reader fails. */
void sw_decoder_add(sw_decoder *d, sw_reader *r, sw_ast_defs *defs, sw_ast_def def);

sw_ast_name sw_decode_extern_name(sw_decoder *d, sw_reader *r);
sw_ast_extern sw_decode_extern(sw_reader *r);
void sw_decode_skip_valtype(const sw_decoder *d, sw_reader *r);
sw_ast_alias sw_decode_alias(sw_reader *r);
const sw_ast_type *sw_decode_type(sw_decoder *d, sw_reader *r, uint32_t depth);
const sw_ast_core_type *sw_decode_core_type(sw_decoder *d, sw_reader *r);
/* A sort of a definition that has instances: export aliases, arguments, exports. */
uint32_t sw_decode_sort(sw_reader *r);
/* The byte after core's 0x00. SW_SORTS_COUNT when there is none such; the byte is not checked. */
uint32_t sw_core_sort_of(uint8_t byte);
