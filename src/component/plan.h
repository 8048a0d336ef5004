/*
 * The plan of a component: what instantiating it means, with everything static resolved.
 *
 * A component is a program of definitions over index spaces, nested components included. The
 * planner runs that program once, at compile time: nested components are inlined, aliases and
 * synthetic instances disappear, arguments are matched to imports, resource types become indices
 * of this plan. What is left is this: flat arrays of words, no pointers, written into an image and
 * mapped back (sw_plan is the view).
 *
 * Instantiating = going through `steps` in order.
 */
#pragma once

#include "component/type.h"

/* Where a core value comes from at run time. */
typedef enum sw_core_source {
    SW_CORE_NONE,       /* absent (an optional reference) */
    SW_CORE_EXPORT,     /* export `item` (index in the module's exports) of core instance `index` */
    SW_CORE_TRAMPOLINE, /* the core function of trampoline `index` */
} sw_core_source;

typedef struct sw_core_ref {
    uint32_t source; /* sw_core_source */
    uint32_t index;
    uint32_t item;
} sw_core_ref;

typedef enum sw_string_encoding {
    SW_ENCODING_UTF8,
    SW_ENCODING_UTF16,
    SW_ENCODING_LATIN1_UTF16,
} sw_string_encoding;

/* Canonical options, resolved. */
typedef struct sw_canon_options {
    uint32_t encoding; /* sw_string_encoding */
    sw_core_ref memory, realloc, post_return;
} sw_canon_options;

typedef enum sw_step_kind {
    SW_STEP_INSTANTIATE, /* core_instances[index] */
    SW_STEP_TRAMPOLINE,  /* trampolines[index]: its options' memory and realloc exist now */
    SW_STEP_LIFT,        /* lifts[index] */
    SW_STEP_RESOURCE,    /* resources[index]: its destructor exists now */
} sw_step_kind;

typedef struct sw_step {
    uint32_t kind;
    uint32_t index;
} sw_step;

/* A core module instantiation: one argument per import of the module, in its order. */
typedef struct sw_core_instance_plan {
    uint32_t module;                 /* static module of the component: part number in the image */
    uint32_t args_first, args_count; /* in core_args */
    uint32_t instance;               /* the component instance it belongs to */
} sw_core_instance_plan;

typedef enum sw_trampoline_kind {
    SW_TRAMPOLINE_LOWER_IMPORT,  /* target: import_funcs index: the host's function */
    SW_TRAMPOLINE_LOWER_LIFT,    /* target: lifts index: another instance's lifted function */
    SW_TRAMPOLINE_RESOURCE_NEW,  /* target: resources index */
    SW_TRAMPOLINE_RESOURCE_DROP, /* target: resources index */
    SW_TRAMPOLINE_RESOURCE_REP,  /* target: resources index */
} sw_trampoline_kind;

typedef struct sw_trampoline_plan {
    uint32_t kind;
    uint32_t target;
    uint32_t func_type; /* types.funcs index; of the lowered function */
    uint32_t options;   /* options index, or SW_PLAN_NONE */
    uint32_t instance;  /* the component instance that calls */
} sw_trampoline_plan;

typedef struct sw_lift_plan {
    sw_core_ref core_func;
    uint32_t func_type;
    uint32_t options;
    uint32_t instance; /* the component instance that is entered */
} sw_lift_plan;

#define SW_PLAN_NONE UINT32_MAX

typedef struct sw_resource_plan {
    uint32_t import_resource; /* import_resources index, or SW_PLAN_NONE: defined by `instance` */
    uint32_t instance;
    sw_core_ref destructor;
    sw_text name; /* for messages; may be empty */
} sw_resource_plan;

/* Component instances form a tree: entering one also closes its ancestors to reentrance. */
typedef struct sw_instance_plan {
    uint32_t parent; /* or SW_PLAN_NONE for the root */
} sw_instance_plan;

/* One item of the root component's imports. Nested instances have a parent. */
typedef enum sw_item_kind {
    SW_ITEM_FUNC,
    SW_ITEM_INSTANCE,
    SW_ITEM_RESOURCE,
    SW_ITEM_TYPE, /* a type equal to another, or a value type: nothing at run time */
    SW_ITEM_MODULE,
    SW_ITEM_COMPONENT,
} sw_item_kind;

typedef struct sw_import_plan {
    sw_text name;    /* "wasi:cli/environment@0.2.0", "get-environment" */
    uint32_t kind;   /* sw_item_kind */
    uint32_t parent; /* imports index of the instance that holds it, or SW_PLAN_NONE */
    uint32_t index;  /* FUNC: import_funcs; RESOURCE: import_resources; TYPE: a sw_vtype or NONE */
    uint32_t resource; /* TYPE: a resource that another import defines: resources; else NONE */
} sw_import_plan;

typedef struct sw_import_func_plan {
    uint32_t import; /* imports index */
    uint32_t func_type;
} sw_import_func_plan;

typedef struct sw_import_resource_plan {
    uint32_t import;   /* imports index */
    uint32_t resource; /* resources index */
} sw_import_resource_plan;

/* One item of the root component's exports; instances hold theirs as a range of exports. */
typedef struct sw_export_plan {
    sw_text name;
    uint32_t kind;         /* sw_item_kind */
    uint32_t parent;       /* exports index, or SW_PLAN_NONE at the top */
    uint32_t first, count; /* INSTANCE: its items in exports */
    uint32_t index;        /* FUNC: see is_import; RESOURCE: resources; TYPE: a sw_vtype or NONE */
    uint32_t is_import;    /* FUNC: index counts import_funcs (an import passed on), else lifts */
} sw_export_plan;

typedef struct sw_plan {
    sw_types types; /* resources_count == resources_count */
    const sw_step *steps;
    const sw_core_instance_plan *core_instances;
    const sw_core_ref *core_args;
    const sw_trampoline_plan *trampolines;
    const sw_lift_plan *lifts;
    const sw_canon_options *options;
    const sw_resource_plan *resources;
    const sw_instance_plan *instances; /* 0 is the root */
    const sw_import_plan *imports;
    const sw_import_func_plan *import_funcs;
    const sw_import_resource_plan *import_resources;
    const sw_export_plan *exports; /* top-level ones first */
    uint32_t steps_count, core_instances_count, core_args_count, trampolines_count, lifts_count;
    uint32_t options_count, resources_count, instances_count, imports_count, import_funcs_count;
    uint32_t import_resources_count, exports_count, exports_top_count, modules_count;
} sw_plan;
