/*
 * A decoded component: its definitions in order, as the binary spells them.
 *
 * Indices are those of the file's index spaces and are unchecked until the validator has walked
 * the tree; strings are borrowed from the binary. A component, a component type and an instance
 * type are all scopes: lists of definitions that open index spaces of their own.
 */
#pragma once

#include "component/plan.h"
#include "wasm/module.h"

/* Limits shared with the other tools of the ecosystem, so that what they make is accepted. */
enum {
    SW_MAX_COMPONENT_DEPTH = 100,
    SW_MAX_COMPONENT_MODULES = 1000,
    SW_MAX_COMPONENTS = 1000,
    SW_MAX_COMPONENT_INSTANCES = 1000,
    SW_MAX_TYPE_DEPTH = 100,
    SW_MAX_TYPE_SIZE = 1000000, /* nodes of one type, its parts counted each time they occur */
    SW_MAX_TYPE_FIELDS = 10000,
    SW_MAX_TYPE_FLAGS = 32,
    SW_MAX_COMPONENT_PARAMS = 1000,
    SW_MAX_INSTANTIATION_ARGS = 100000,
    SW_MAX_CANON_OPTIONS = 16,
    SW_MAX_VALUE_BYTES = 1 << 28,
};

/* The index spaces. */
typedef enum sw_sort {
    SW_SORT_CORE_FUNC,
    SW_SORT_CORE_TABLE,
    SW_SORT_CORE_MEMORY,
    SW_SORT_CORE_GLOBAL,
    SW_SORT_CORE_TAG,
    SW_SORT_CORE_TYPE,
    SW_SORT_CORE_MODULE,
    SW_SORT_CORE_INSTANCE,
    SW_SORT_FUNC,
    SW_SORT_VALUE,
    SW_SORT_TYPE,
    SW_SORT_COMPONENT,
    SW_SORT_INSTANCE,
    SW_SORTS_COUNT,
} sw_sort;

/* "core func", "instance": for messages. */
const char *sw_sort_text(sw_sort sort);

/* An import's or export's name; the attributes matter to nobody but the validator. */
typedef struct sw_ast_name {
    sw_str text;
    sw_str implements, version_suffix, external_id; /* ptr NULL when absent */
} sw_ast_name;

typedef struct sw_ast_extern {
    uint32_t sort; /* CORE_MODULE, FUNC, TYPE, COMPONENT or INSTANCE */
    bool is_sub;   /* TYPE: a fresh resource instead of `index` */
    uint32_t index;
} sw_ast_extern;

/* An argument of an instantiation, or an inline export. */
typedef struct sw_ast_arg {
    sw_ast_name name;
    uint32_t sort, index;
} sw_ast_arg;

typedef struct sw_ast_instance {
    uint32_t target; /* module or component index; SW_NO_INDEX: args are inline exports */
    const sw_ast_arg *args;
    uint32_t args_count;
} sw_ast_instance;

typedef enum sw_alias_kind {
    SW_ALIAS_EXPORT,
    SW_ALIAS_CORE_EXPORT,
    SW_ALIAS_OUTER,
} sw_alias_kind;

typedef struct sw_ast_alias {
    uint32_t kind, sort;
    uint32_t index; /* the instance; OUTER: the definition in the outer scope */
    uint32_t outer; /* OUTER: scopes to leave */
    sw_str name;
} sw_ast_alias;

/* A field, case, label or parameter. type: SW_VT_PRIM | kind, a type index, or SW_VT_NONE. */
typedef struct sw_ast_field {
    sw_str name;
    uint32_t type;
} sw_ast_field;

typedef struct sw_ast_scope sw_ast_scope;

typedef enum sw_ast_form {
    SW_FORM_VALUE,
    SW_FORM_FUNC,
    SW_FORM_COMPONENT,
    SW_FORM_INSTANCE,
    SW_FORM_RESOURCE,
} sw_ast_form;

typedef struct sw_ast_type {
    uint32_t form;
    uint32_t kind;              /* VALUE: sw_ctype_kind; a primitive has nothing else */
    const sw_ast_field *fields; /* VALUE; FUNC: parameters */
    uint32_t fields_count;
    uint32_t element; /* VALUE: as in sw_type_def; FUNC: result; types as in sw_ast_field */
    uint32_t other;   /* VALUE: as in sw_type_def; RESOURCE: destructor or SW_NO_INDEX */
    bool is_async;    /* FUNC */
    sw_valtype rep;   /* RESOURCE */
    const sw_ast_scope *scope; /* COMPONENT, INSTANCE */
} sw_ast_type;

/* Core types at component level: functions and modules; the type declarator of a module type uses
 * the same. */
typedef struct sw_ast_core_extern {
    uint32_t kind; /* sw_extern_kind */
    uint32_t type; /* FUNC, TAG: type index */
    sw_tabletype table;
    sw_memtype memory;
    sw_globaltype global;
} sw_ast_core_extern;

typedef enum sw_module_decl_kind {
    SW_MODULE_IMPORT,
    SW_MODULE_TYPE,
    SW_MODULE_ALIAS,
    SW_MODULE_EXPORT,
} sw_module_decl_kind;

typedef struct sw_ast_core_type sw_ast_core_type;

typedef struct sw_ast_module_decl {
    uint32_t kind, offset;
    sw_str module, name;
    sw_ast_core_extern type;
    const sw_ast_core_type *core_type; /* TYPE */
    uint32_t outer, index;             /* ALIAS */
} sw_ast_module_decl;

struct sw_ast_core_type {
    bool is_module;
    sw_functype func;
    const sw_ast_module_decl *decls; /* is_module */
    uint32_t decls_count;
};

typedef enum sw_canon_op {
    SW_CANON_LIFT,
    SW_CANON_LOWER,
    SW_CANON_RESOURCE_NEW,
    SW_CANON_RESOURCE_DROP,
    SW_CANON_RESOURCE_REP,
    SW_CANON_OTHER, /* of asynchronous components: sw_ast_read_types only */
} sw_canon_op;

typedef struct sw_ast_canon {
    uint32_t op;
    uint32_t func; /* LIFT: core function; LOWER: function */
    uint32_t type; /* LIFT: function type; RESOURCE_*: resource type */
    uint32_t encoding;
    uint32_t memory, realloc, post_return; /* or SW_NO_INDEX */
} sw_ast_canon;

typedef enum sw_ast_kind {
    SW_AST_CORE_MODULE,
    SW_AST_CORE_INSTANCE,
    SW_AST_CORE_TYPE,
    SW_AST_COMPONENT,
    SW_AST_INSTANCE,
    SW_AST_ALIAS,
    SW_AST_TYPE,
    SW_AST_CANON,
    SW_AST_IMPORT,
    SW_AST_EXPORT, /* of a definition, or in a type scope of a type */
} sw_ast_kind;

typedef struct sw_ast_import {
    sw_ast_name name;
    sw_ast_extern type;
} sw_ast_import;

typedef struct sw_ast_export {
    sw_ast_name name;
    uint32_t sort, index; /* what is exported; in a type scope SW_SORTS_COUNT */
    bool has_type;
    sw_ast_extern type;
} sw_ast_export;

typedef struct sw_ast_def {
    uint32_t kind, offset;
    union {
        uint32_t module; /* in sw_ast.modules */
        sw_ast_instance instance;
        const sw_ast_core_type *core_type;
        const sw_ast_scope *component;
        sw_ast_alias alias;
        const sw_ast_type *type;
        const sw_ast_canon *canon;
        const sw_ast_import *import;
        const sw_ast_export *export;
    };
} sw_ast_def;

typedef enum sw_scope_kind {
    SW_SCOPE_COMPONENT,
    SW_SCOPE_COMPONENT_TYPE,
    SW_SCOPE_INSTANCE_TYPE,
} sw_scope_kind;

struct sw_ast_scope {
    sw_scope_kind kind;
    uint32_t offset, end; /* in the file */
    const sw_ast_def *defs;
    uint32_t defs_count;
};

typedef struct sw_ast {
    const sw_ast_scope *root;
    sw_module *modules; /* all core modules of the file, nested components' included */
    uint32_t modules_count;
} sw_ast;

/* Form only. Core modules are decoded and validated but for their bodies. */
SW_NODISCARD sw_status sw_ast_read(sw_arena *arena, sw_bytes bytes, const sw_features *features,
                                   sw_diag *diag, sw_ast *ret_ast);

/* For those who want to know the types of imports and exports: accepts what sw_ast_read refuses as
 * asynchronous, and skips the contents of core modules, so that there are none in the result. */
SW_NODISCARD sw_status sw_ast_read_types(sw_arena *arena, sw_bytes bytes, sw_diag *diag,
                                         sw_ast *ret_ast);
