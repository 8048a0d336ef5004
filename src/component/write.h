/*
 * Writes component binaries, item by item.
 *
 * A writer is one scope: a component, a component type or an instance type. It counts the index
 * spaces of its scope, so that every call that defines something returns the new item's index. In a
 * component, items of the same kind that follow each other share a section.
 *
 *     sw_cwriter outer, inner;
 *     sw_cwriter_init(&outer, SW_SCOPE_COMPONENT, NULL, max_bytes);
 *     sw_cwriter_init(&inner, SW_SCOPE_INSTANCE_TYPE, NULL, max_bytes);
 *     sw_cwriter_export_type(&inner, SW_STR("r"), (sw_cextern_type){.sort = SW_SORT_TYPE, ...});
 *     uint32_t type = sw_cwriter_scope_type(&outer, &inner);
 *     sw_cwriter_import(&outer, (sw_ast_name){.text = SW_STR("a:b/c")},
 *                       (sw_ast_extern){.sort = SW_SORT_INSTANCE, .index = type});
 *     SW_TRY(sw_cwriter_finish(&outer, &out));
 *     sw_cwriter_clear(&inner); sw_cwriter_clear(&outer);
 *
 * What is written is not checked: indices, names and types are the caller's. Errors (want of
 * memory, the size limit) are sticky in the buffers and come out of sw_cwriter_finish.
 */
#pragma once

#include "base/buf.h"
#include "component/ast.h"

typedef struct sw_cwriter {
    sw_scope_kind kind;
    sw_buf out;     /* closed sections; in type scopes all declarations */
    sw_buf section; /* items of the open section */
    uint32_t section_id, section_items;
    uint32_t decls;                  /* of a type scope */
    uint32_t counts[SW_SORTS_COUNT]; /* index spaces */
} sw_cwriter;

void sw_cwriter_init(sw_cwriter *w, sw_scope_kind kind, sw_budget *budget, size_t max_bytes);
void sw_cwriter_clear(sw_cwriter *w);

/* Appends the scope: of a component the whole binary, of a type scope the type (0x41 or 0x42, count
 * and declarations). Nothing may be added afterwards. */
SW_NODISCARD sw_status sw_cwriter_finish(sw_cwriter *w, sw_buf *out);

/* ---- Types ----------------------------------------------------------------------------------- */

/* A type given by its bytes: a value, function or resource type. */
uint32_t sw_cwriter_type(sw_cwriter *w, sw_bytes type);
/* The type that a scope is. Closes inner. */
uint32_t sw_cwriter_scope_type(sw_cwriter *w, sw_cwriter *inner);
uint32_t sw_cwriter_core_type(sw_cwriter *w, sw_bytes type);

/* A value type within a type: SW_VT_PRIM | kind, or an index. */
void sw_cwrite_valtype(sw_buf *out, uint32_t type);
/* The same with a byte in front that says whether there is one (SW_VT_NONE: no). */
void sw_cwrite_optional_valtype(sw_buf *out, uint32_t type);
void sw_cwrite_name(sw_buf *out, sw_str name); /* length and bytes */
/* The leading byte of a type of that kind, primitives included. */
uint8_t sw_cwrite_kind_byte(sw_ctype_kind kind);

/* ---- Imports, exports, aliases --------------------------------------------------------------- */

/* Returns the index in the sort's space. */
uint32_t sw_cwriter_import(sw_cwriter *w, sw_ast_name name, sw_ast_extern type);
/* In a type scope. */
uint32_t sw_cwriter_export_type(sw_cwriter *w, sw_ast_name name, sw_ast_extern type);
/* In a component; type NULL: that of what is exported. */
uint32_t sw_cwriter_export(sw_cwriter *w, sw_ast_name name, sw_sort sort, uint32_t index,
                           const sw_ast_extern *type);
uint32_t sw_cwriter_alias_export(sw_cwriter *w, sw_sort sort, uint32_t instance, sw_str name);
uint32_t sw_cwriter_alias_core_export(sw_cwriter *w, sw_sort sort, uint32_t instance, sw_str name);
uint32_t sw_cwriter_alias_outer(sw_cwriter *w, sw_sort sort, uint32_t outer, uint32_t index);

/* ---- Components only ------------------------------------------------------------------------- */

uint32_t sw_cwriter_core_module(sw_cwriter *w, sw_bytes module);
uint32_t sw_cwriter_component(sw_cwriter *w, sw_bytes component);
/* target SW_NO_INDEX: the arguments are the exports. Core names are their texts alone. */
uint32_t sw_cwriter_core_instance(sw_cwriter *w, const sw_ast_instance *instance);
uint32_t sw_cwriter_instance(sw_cwriter *w, const sw_ast_instance *instance);
/* A canonical definition by its bytes; sort says what it makes: SW_SORT_FUNC or
 * SW_SORT_CORE_FUNC. */
uint32_t sw_cwriter_canon(sw_cwriter *w, sw_sort sort, sw_bytes canon);
void sw_cwriter_custom(sw_cwriter *w, sw_str name, sw_bytes contents);
