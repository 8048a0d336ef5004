/* What the parts of the decoder share: evaluation (decode_eval.c) and the model (decode_model.c).
 */
#pragma once

#include "component/ast.h"
#include "component/collect.h"
#include "component/names.h"
#include "wit/decode.h"

typedef struct frame frame;

/* A name that a type has in the model. */
typedef struct type_name {
    struct type_name *next;
    sw_wit_typedef *def;
} type_name;

/* A type with an identity: where it was defined, or the name under which it was passed on. */
typedef struct tnode {
    struct tnode *base;      /* what it is equal to; NULL: itself */
    bool is_resource;        /* base NULL */
    const sw_ast_type *type; /* base NULL and no resource: the definition, */
    frame *frame;            /* in whose scope it stands */
    sw_wit_typedef *def;     /* its own name in the model, or NULL */
    type_name *names;        /* base NULL: all names of it and those equal to it */
} tnode;

typedef enum ent_kind {
    ENT_NONE,
    ENT_TYPE,           /* node */
    ENT_FUNC,           /* type, frame; a function type as well as a function */
    ENT_INSTANCE_TYPE,  /* scope, frame */
    ENT_COMPONENT_TYPE, /* scope, frame */
    ENT_INSTANCE,       /* exports */
    ENT_COMPONENT,      /* scope, frame */
} ent_kind;

typedef struct named_ent named_ent;
typedef SW_AVEC(named_ent) named_ents;

typedef struct ent {
    ent_kind kind;
    tnode *node;
    const sw_ast_type *type;
    const sw_ast_scope *scope;
    frame *frame;
    const named_ents *exports;
} ent;

struct named_ent {
    sw_ast_name name;
    ent ent;
};

/* The index spaces of a scope while it is evaluated, and after. */
struct frame {
    frame *parent;
    SW_AVEC(ent) types, funcs, instances, components;
    named_ents exports;
};

/* An interface of the model that grows. */
typedef struct holder {
    sw_wit_interface *interface;
    sw_wit_typedef **typedefs_end;
    sw_wit_func **funcs_end;
    sw_wit_use **uses_end;
    sw_name_map typedefs; /* label -> index in decoder.typedefs */
    sw_name_map funcs;    /* full names */
    sw_name_map items[2]; /* of a world: names of imports and exports */
} holder;

typedef struct package_holder {
    sw_wit_package *package;
    sw_wit_interface **interfaces_end;
    sw_wit_world **worlds_end;
} package_holder;

typedef struct decoder {
    sw_wit *wit;
    sw_arena *arena;
    sw_diag *diag;
    uint32_t source; /* for messages */
    uint32_t depth;
    uint64_t work;
    uint32_t offset;           /* of the definition at hand */
    sw_wit_package *main;      /* of the binary, when it is a package */
    sw_wit_world *world;       /* the one that was decoded last */
    sw_wit_world *items_world; /* whose items end at: */
    sw_wit_item **items_end;
    SW_AVEC(holder *) holders;
    sw_id_map holder_of; /* interface -> index in holders */
    SW_AVEC(sw_wit_typedef *) typedefs;
    SW_AVEC(package_holder *) packages;
    sw_name_map package_of; /* full name -> index in packages */
    SW_AVEC(sw_wit_interface *) interfaces;
    sw_name_map interface_of; /* full name -> index in interfaces */
} decoder;

/* Reports at the definition at hand. */
sw_status sw_wit_decode_fail(decoder *d, sw_status st, const char *fmt, ...) SW_PRINTF(3, 4);
sw_status sw_wit_decode_no_memory(decoder *d);
/* Charges steps. */
SW_NODISCARD sw_status sw_wit_decode_work(decoder *d, uint64_t steps);

tnode *sw_wit_tnode_root(tnode *n);

/* ---- decode_model.c -------------------------------------------------------------------------- */

/* The interface of that full name, made if need be. */
SW_NODISCARD sw_status sw_wit_model_interface(decoder *d, sw_str full_name,
                                              sw_wit_interface **ret_interface);
SW_NODISCARD sw_status sw_wit_model_new_world(decoder *d, sw_str full_name,
                                              sw_wit_world **ret_world);
/* One without a name. */
SW_NODISCARD sw_status sw_wit_model_new_interface(decoder *d, const sw_wit_world *w, sw_str label,
                                                  sw_wit_interface **ret_interface);
/* Gives a type a name in an interface, which may have it already. */
SW_NODISCARD sw_status sw_wit_model_add_type(decoder *d, sw_wit_interface *i,
                                             const sw_ast_name *name, tnode *n);
/* Adds a function to an interface, unless it is there. */
SW_NODISCARD sw_status sw_wit_model_add_func(decoder *d, sw_wit_interface *i,
                                             const sw_ast_name *name, const ent *func);
/* Adds an item of a world: a function, or an instance whose contents are in the interface. */
SW_NODISCARD sw_status sw_wit_model_add_item(decoder *d, sw_wit_world *w, const sw_ast_name *name,
                                             const ent *func, sw_wit_interface *i, bool is_export);
/* Full name of an interface, or of a world: "ns:p/i@1.0.0" has a '/'. */
bool sw_wit_model_is_path(sw_str name);
/* Adds the packages of earlier binaries to the tables. */
SW_NODISCARD sw_status sw_wit_model_begin(decoder *d);
/* The package of that full name is what the binary is about. */
SW_NODISCARD sw_status sw_wit_model_set_main(decoder *d, sw_wit_package *p);

/* ---- decode_eval.c --------------------------------------------------------------------------- */

/* The type at an index, or a primitive as a type without identity. */
SW_NODISCARD sw_status sw_wit_eval_type_at(decoder *d, const frame *f, uint32_t index,
                                           tnode **ret_node);
SW_NODISCARD sw_status sw_wit_eval_package(decoder *d, const sw_ast_scope *root);
SW_NODISCARD sw_status sw_wit_eval_component(decoder *d, const sw_ast_scope *root);
/* Whether a component is a package: it exports component types and does nothing else. */
bool sw_wit_eval_is_package(const sw_ast_scope *root);

/* ---- decode_docs.c --------------------------------------------------------------------------- */

/* Comments and gates out of "package-docs". What does not fit is ignored: docs are no reason to
 * refuse a package. */
SW_NODISCARD sw_status sw_wit_decode_docs(decoder *d, sw_wit_package *p, sw_bytes json);
