/*
 * The planner: runs the program that a checked component is, once, with every static thing known.
 *
 * Frames are what index spaces become: lists of concrete items. A component instance is a frame;
 * so is an instance type of an import while its items are made. A component that is instantiated
 * twice is run twice, each time with its own resources.
 */
#pragma once

#include "component/ast.h"
#include "component/collect.h"

typedef enum sw_pitem_kind {
    SW_PITEM_FUNC,      /* index: planner.funcs */
    SW_PITEM_INSTANCE,  /* insts */
    SW_PITEM_COMPONENT, /* closures */
    SW_PITEM_MODULE,    /* plan module */
    SW_PITEM_VALUE,     /* a type: sw_vtype of the plan */
    SW_PITEM_FUNC_TYPE, /* types.funcs of the plan */
    SW_PITEM_RESOURCE,  /* plan resource */
    SW_PITEM_SCOPE,     /* a component or instance type: closures */
} sw_pitem_kind;

typedef struct sw_pitem {
    uint32_t kind, index;
} sw_pitem;

typedef struct sw_pfunc {
    uint32_t func_type;
    uint32_t index; /* lifts, or import_funcs */
    bool is_import;
} sw_pfunc;

typedef struct sw_pnamed {
    sw_str name;
    sw_pitem item;
} sw_pnamed;

typedef SW_AVEC(sw_pnamed) sw_pnamed_vec;

typedef struct sw_pinst {
    const sw_pnamed *items;
    uint32_t count;
    sw_name_map names; /* to positions */
} sw_pinst;

typedef struct sw_frame sw_frame;

typedef struct sw_closure {
    const sw_ast_scope *scope;
    sw_frame *frame; /* where it is defined: for outer aliases */
} sw_closure;

/* A core instance: made from a module, or a bag of refs. */
typedef struct sw_pcore {
    const sw_module *module; /* or NULL */
    uint32_t index;          /* plan.core_instances */
    const sw_core_ref *refs; /* bag */
    sw_name_map names;       /* bag: to refs */
} sw_pcore;

struct sw_frame {
    sw_frame *parent;
    uint32_t instance; /* plan instance */
    SW_AVEC(sw_pitem) types;
    SW_AVEC(uint32_t) funcs, instances, components, modules;
    SW_AVEC(sw_pcore) core_instances;
    SW_AVEC(sw_core_ref) core_items[SW_SORT_CORE_TAG + 1];
    uint32_t core_types;
    sw_pnamed_vec exports;
    sw_name_map args; /* a component's arguments: to positions in arg_items */
    const sw_pitem *arg_items;
};

typedef struct sw_planner {
    sw_arena *arena; /* the result's */
    sw_arena *scratch;
    sw_diag *diag;
    const sw_ast *ast;
    uint32_t offset; /* of the definition that is run */
    uint64_t work;

    SW_AVEC(sw_pfunc) funcs;
    SW_AVEC(sw_pinst) insts;
    SW_AVEC(sw_closure) closures;
    sw_name_map *module_exports; /* by module, filled at first use: names to positions */
    bool *has_module_exports;

    /* What becomes the plan. */
    SW_AVEC(sw_type_def) defs;
    SW_AVEC(sw_type_field) fields;
    SW_AVEC(sw_cfunc_type) func_types;
    SW_AVEC(char) strings;
    sw_name_map texts;  /* strings to offsets */
    sw_name_map shapes; /* defs and functions by their contents */
    SW_AVEC(sw_step) steps;
    SW_AVEC(sw_core_instance_plan) core_instances;
    SW_AVEC(sw_core_ref) core_args;
    SW_AVEC(sw_trampoline_plan) trampolines;
    SW_AVEC(sw_lift_plan) lifts;
    SW_AVEC(sw_canon_options) options;
    SW_AVEC(sw_resource_plan) resources;
    SW_AVEC(sw_instance_plan) instances;
    SW_AVEC(sw_import_plan) imports;
    SW_AVEC(sw_import_func_plan) import_funcs;
    SW_AVEC(sw_import_resource_plan) import_resources;
    SW_AVEC(sw_export_plan) exports;
} sw_planner;

/* Evaluates sw_avec_push; on failure returns from the function. */
#define SW_PLAN_PUSH(p, vec, ...)                                      \
    do {                                                               \
        if (sw_avec_push((p)->scratch, (vec), __VA_ARGS__) != SW_OK) { \
            return sw_plan_no_memory(p);                               \
        }                                                              \
    } while (0)

SW_NODISCARD sw_status sw_plan_no_memory(sw_planner *p);
/* Bounds the size of what a component expands to. */
SW_NODISCARD sw_status sw_plan_work(sw_planner *p, uint64_t steps);

/* ---- plan_types.c ---------------------------------------------------------------------------- */

SW_NODISCARD sw_status sw_plan_text(sw_planner *p, sw_str s, sw_text *ret_text);
/* A value, function, resource, component or instance type in a frame. */
SW_NODISCARD sw_status sw_plan_type(sw_planner *p, sw_frame *f, const sw_ast_type *t,
                                    sw_pitem *ret_item);
SW_NODISCARD sw_status sw_plan_push(sw_planner *p, sw_frame *f, sw_pitem item);
/* An export of an instance; the checker has seen to it that there is one. */
sw_pitem sw_plan_export(const sw_planner *p, uint32_t inst, sw_str name);
SW_NODISCARD sw_status sw_plan_new_inst(sw_planner *p, const sw_pnamed *items, uint32_t count,
                                        uint32_t *ret_inst);
/* Outer and export aliases of component-level sorts. */
SW_NODISCARD sw_status sw_plan_alias(sw_planner *p, sw_frame *f, const sw_ast_alias *a);

/* ---- plan_imports.c -------------------------------------------------------------------------- */

/* Makes the item that the root component imports, and what instances hold. */
SW_NODISCARD sw_status sw_plan_import(sw_planner *p, sw_frame *f, sw_str name,
                                      const sw_ast_extern *type, uint32_t parent,
                                      sw_pitem *ret_item);
/* What an instance has of its declared type, at every depth; other items stay as they are. */
SW_NODISCARD sw_status sw_plan_restrict(sw_planner *p, const sw_frame *f, const sw_ast_extern *type,
                                        sw_pitem *item);
/* Fills plan.exports from the root frame's. */
SW_NODISCARD sw_status sw_plan_exports(sw_planner *p, const sw_frame *root);

/* ---- plan.c ---------------------------------------------------------------------------------- */

/* ast must have been checked. The plan lies in arena. */
SW_NODISCARD sw_status sw_plan_make(sw_arena *arena, sw_arena *scratch, const sw_ast *ast,
                                    sw_diag *diag, sw_plan *ret_plan);
