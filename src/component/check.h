/*
 * The checker: static semantics of components.
 *
 * Entities (functions, instances, types, ...) are two words: a kind and an index into one of the
 * checker's tables. Value and function types lie in tables of the same shape as sw_types, so that
 * flattening and messages work on them too; a name is an offset into the binary.
 *
 * Resources. A RESOURCE is an identity: two are equal only if they are the same number. A
 * RESOURCE REFERENCE names one: exporting or importing a type under another name makes a new
 * reference to the same resource. Types of handles hold references; equality compares resources,
 * external visibility compares references.
 *
 * Instance types and component types bind resources: `bound` lists the ones that stand for a
 * different resource at every use. Using such a type substitutes fresh ones (sw_subst). In
 * subtyping the bound ones of the expected side are bound to the ones found (`binding`).
 *
 * Identity of records, variants, enums and flags matters for external visibility only: the type
 * that an import or export introduces is a copy, and the copy is what has a name.
 */
#pragma once

#include "component/ast.h"
#include "component/collect.h"
#include "component/flatten.h"
#include "component/names.h"

typedef enum sw_ent_kind {
    SW_ENT_NONE,
    SW_ENT_MODULE,         /* index: mods */
    SW_ENT_FUNC,           /* funcs */
    SW_ENT_COMPONENT,      /* comps */
    SW_ENT_INSTANCE,       /* insts */
    SW_ENT_TYPE_VALUE,     /* a sw_vtype */
    SW_ENT_TYPE_FUNC,      /* funcs */
    SW_ENT_TYPE_COMPONENT, /* comps */
    SW_ENT_TYPE_INSTANCE,  /* insts */
    SW_ENT_TYPE_RESOURCE,  /* rrefs */
} sw_ent_kind;

typedef struct sw_ent {
    uint32_t kind, index;
} sw_ent;

/* A named item of an instance, or an import or export of a component. */
typedef struct sw_cextern {
    sw_str name;
    sw_ent ent;
} sw_cextern;

typedef struct sw_cexterns {
    const sw_cextern *at;
    uint32_t count;
    sw_name_map names; /* to positions */
} sw_cexterns;

typedef struct sw_uint_list {
    const uint32_t *at;
    uint32_t count;
} sw_uint_list;

typedef struct sw_cinst {
    sw_cexterns exports;
    sw_uint_list bound; /* empty for instances, as opposed to types */
    uint32_t depth;     /* levels of instances and components, this one counted */
} sw_cinst;

typedef struct sw_ccomp {
    sw_cexterns imports, exports;
    sw_uint_list bound_imports, bound_exports;
    uint32_t depth;
} sw_ccomp;

/* ---- Core ------------------------------------------------------------------------------------ */

typedef struct sw_core_item {
    sw_extern_kind kind;
    const sw_functype *func; /* FUNC, TAG */
    const void *origin;      /* whose type indices the types mention, if any */
    sw_tabletype table;
    sw_memtype memory;
    sw_globaltype global;
} sw_core_item;

typedef struct sw_core_named {
    sw_str module; /* imports only */
    sw_str name;
    sw_core_item item;
} sw_core_named;

typedef struct sw_core_module {
    const sw_core_named *imports, *exports;
    uint32_t imports_count, exports_count;
    sw_name_map export_names; /* to positions */
} sw_core_module;

/* Exports of a core instance: those of a module, or a bag. */
typedef struct sw_core_inst {
    const sw_core_named *exports;
    sw_name_map names;
} sw_core_inst;

typedef struct sw_core_typedef {
    const sw_functype *func; /* or NULL: a module type */
    uint32_t mod;
} sw_core_typedef;

/* ---- Scopes ---------------------------------------------------------------------------------- */

/* What is known about one side (imports or exports) of a scope, or of a bag of exports. */
typedef struct sw_cside {
    SW_AVEC(sw_cextern) items;
    sw_name_map keys;      /* names as strong uniqueness compares them, to positions */
    sw_name_map names;     /* names, to positions */
    sw_name_map resources; /* labels of resources, to rrefs */
    sw_id_map visible;     /* types with an external name */
} sw_cside;

typedef struct sw_cscope {
    struct sw_cscope *parent;
    sw_scope_kind kind;
    uint32_t first_resource; /* resources from here on were made inside */
    SW_AVEC(sw_ent) types;
    SW_AVEC(uint32_t) funcs, instances, components, core_modules;
    SW_AVEC(sw_core_typedef) core_types;
    SW_AVEC(sw_core_inst) core_instances;
    SW_AVEC(sw_core_item) core_items[SW_SORT_CORE_TAG + 1];
    sw_cside imports, exports;
} sw_cscope;

typedef struct sw_cresource {
    const sw_cscope *owner; /* the component that defines it, or NULL: abstract */
} sw_cresource;

/* Nodes of a type, its parts counted as often as they occur, and its depth. */
typedef struct sw_extent {
    uint32_t size, depth;
} sw_extent;

typedef struct sw_checker {
    sw_arena *arena;
    sw_diag *diag;
    const sw_ast *ast;
    sw_bytes bytes;
    uint32_t offset; /* of the definition being checked */
    uint64_t work;   /* steps done so far; bounded */

    SW_AVEC(sw_type_def) defs;
    SW_AVEC(sw_type_facts) facts; /* of defs */
    SW_AVEC(sw_extent) extents;   /* of defs */
    SW_AVEC(sw_type_field) fields;
    SW_AVEC(sw_cfunc_type) funcs;
    SW_AVEC(sw_cinst) insts;
    SW_AVEC(sw_ccomp) comps;
    SW_AVEC(sw_core_module) mods;
    SW_AVEC(uint32_t) rrefs; /* to resources */
    SW_AVEC(sw_cresource) resources;

    SW_AVEC(uint32_t) binding; /* of resources: see sw_check_open */
    SW_AVEC(uint32_t) opened;  /* resources, in order, to undo */
} sw_checker;

/* The value and function types as a view; good until the next type is made. */
sw_types sw_checker_types(const sw_checker *c);

/* SW_INVALID at the present definition. */
sw_status sw_check_fail(sw_checker *c, const char *fmt, ...) SW_PRINTF(2, 3);
/* Charges steps; SW_LIMIT when a component asks for an absurd amount of checking. */
SW_NODISCARD sw_status sw_check_work(sw_checker *c, uint64_t steps);
SW_NODISCARD sw_status sw_check_no_memory(sw_checker *c);

/* "function", "record": what an entity is. */
const char *sw_ent_text(sw_ent_kind kind);

/* ---- check_types.c: making types ------------------------------------------------------------- */

SW_NODISCARD sw_status sw_check_new_resource(sw_checker *c, const sw_cscope *owner,
                                             uint32_t *ret_rref);
SW_NODISCARD sw_status sw_check_new_rref(sw_checker *c, uint32_t resource, uint32_t *ret_rref);
/* Adds a def whose fields (if any) are already in the table; computes its facts and extent. */
SW_NODISCARD sw_status sw_check_add_def(sw_checker *c, const sw_type_def *def, sw_vtype *ret_type);
SW_NODISCARD sw_status sw_check_type(sw_checker *c, sw_cscope *s, const sw_ast_type *t,
                                     sw_ent *ret_ent);
/* The entity that an import or export of this type introduces: resources are fresh, types are
 * copies with an identity of their own. */
SW_NODISCARD sw_status sw_check_extern(sw_checker *c, sw_cscope *s, const sw_ast_extern *e,
                                       sw_ent *ret_ent);
/* Appends an entity to its index space. */
SW_NODISCARD sw_status sw_check_push(sw_checker *c, sw_cscope *s, sw_ent e);
/* Add to the tables; depths are computed here and bounded, for everything else recurses on them. */
SW_NODISCARD sw_status sw_check_add_inst(sw_checker *c, sw_cinst in, uint32_t *ret_inst);
SW_NODISCARD sw_status sw_check_add_comp(sw_checker *c, sw_ccomp comp, uint32_t *ret_comp);
/* Makes the type of a scope whose definitions are all checked. */
SW_NODISCARD sw_status sw_check_close_instance(sw_checker *c, sw_cscope *s, uint32_t *ret_inst);
SW_NODISCARD sw_status sw_check_close_component(sw_checker *c, sw_cscope *s, uint32_t *ret_comp);
/* A type with an identity of its own, equal to this one. */
SW_NODISCARD sw_status sw_check_copy_type(sw_checker *c, sw_ent type, sw_ent *ret_copy);
/* Resources of the externs that were made since first_resource and are not in `known` (which is
 * extended), in the order in which they appear. */
SW_NODISCARD sw_status sw_check_collect_bound(sw_checker *c, const sw_cexterns *externs,
                                              uint32_t first_resource, sw_id_map *known,
                                              sw_uint_list *ret_bound);
/* Whether the entity mentions a resource that it does not bind itself. */
SW_NODISCARD sw_status sw_check_has_free(sw_checker *c, sw_ent e, bool *ret_has_free);

/* ---- check_subst.c --------------------------------------------------------------------------- */

typedef struct sw_subst {
    sw_id_map resources;
    sw_id_map types; /* what each type became, by kind and index */
} sw_subst;

static inline uint64_t sw_subst_key(sw_ent_kind kind, uint32_t index)
{
    return (uint64_t)kind << 32 | index;
}

SW_NODISCARD sw_status sw_subst_ent(sw_checker *c, sw_subst *s, sw_ent e, sw_ent *ret_ent);
/* Maps each bound resource to a fresh one. */
SW_NODISCARD sw_status sw_subst_freshen(sw_checker *c, sw_subst *s, sw_uint_list bound);
SW_NODISCARD sw_status sw_subst_externs(sw_checker *c, sw_subst *s, const sw_cexterns *externs,
                                        sw_cexterns *ret_externs);

/* ---- check_subtype.c ------------------------------------------------------------------------- */

bool sw_check_equal_values(sw_checker *c, sw_vtype a, sw_vtype b);
/* SW_INVALID with the reason when `sub` cannot stand for `super`. */
SW_NODISCARD sw_status sw_check_subtype(sw_checker *c, sw_ent sub, sw_ent super);

/*
 * A resource is rigid (equal to itself only), open (it stands for whatever comes in its place when
 * a type is compared with its own), or bound to another. Opening ends at sw_check_close, which
 * goes back to a mark; after a failed check nobody needs to.
 */
#define SW_BINDING_OPEN  (UINT32_MAX - 1)
#define SW_BINDING_RIGID UINT32_MAX
static inline uint32_t sw_check_mark(const sw_checker *c)
{
    return c->opened.count;
}
SW_NODISCARD sw_status sw_check_open(sw_checker *c, uint32_t resource);
void sw_check_close(sw_checker *c, uint32_t mark);
uint32_t sw_check_resolve(const sw_checker *c, uint32_t resource);

/* ---- check_core.c ---------------------------------------------------------------------------- */

/* The type of a static core module, as mods index. */
SW_NODISCARD sw_status sw_check_module(sw_checker *c, const sw_module *m, uint32_t *ret_mod);
SW_NODISCARD sw_status sw_check_core_type(sw_checker *c, sw_cscope *s, const sw_ast_core_type *t,
                                          sw_core_typedef *ret_type);
SW_NODISCARD sw_status sw_check_core_instance(sw_checker *c, sw_cscope *s,
                                              const sw_ast_instance *in);
SW_NODISCARD sw_status sw_check_core_alias(sw_checker *c, sw_cscope *s, const sw_ast_alias *a);
SW_NODISCARD sw_status sw_check_module_subtype(sw_checker *c, uint32_t sub, uint32_t super);
bool sw_core_functype_is(const sw_functype *t, const sw_valtype *params, uint32_t params_count,
                         const sw_valtype *results, uint32_t results_count);

/* ---- check_canon.c, check_names.c ------------------------------------------------------------ */

SW_NODISCARD sw_status sw_check_canon(sw_checker *c, sw_cscope *s, const sw_ast_canon *canon);

/* Adds a named item to one side: the name's grammar, uniqueness and agreement with the type. */
SW_NODISCARD sw_status sw_check_add_name(sw_checker *c, sw_cside *side, const sw_ast_name *name,
                                         sw_ent ent, bool is_import);
/* External visibility of what an import or export mentions; makes its types visible. */
SW_NODISCARD sw_status sw_check_visibility(sw_checker *c, sw_cscope *s, sw_ent ent, bool is_import);

/* ---- check.c --------------------------------------------------------------------------------- */

SW_NODISCARD sw_status sw_check_alias(sw_checker *c, sw_cscope *s, const sw_ast_alias *a);

/* All of it. bytes: the binary the tree was read from. scratch is used up. */
SW_NODISCARD sw_status sw_check_component(sw_arena *scratch, sw_bytes bytes, const sw_ast *ast,
                                          sw_diag *diag);
