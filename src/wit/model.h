/*
 * A WIT document as a graph: what the parser builds and the resolver completes.
 *
 * All nodes lie in the arena of the sw_wit they belong to; lists are chained by `next` in the order
 * of the text. Texts are views of the sources or of the arena. Fields under "resolved" are filled
 * by sw_wit_resolve; everything else comes from the parser.
 */
#pragma once

#include "base/semver.h"
#include "base/span.h"
#include "component/type.h"

typedef struct sw_wit_package sw_wit_package;
typedef struct sw_wit_scope sw_wit_scope;
typedef struct sw_wit_interface sw_wit_interface;
typedef struct sw_wit_world sw_wit_world;
typedef struct sw_wit_typedef sw_wit_typedef;
typedef struct sw_wit_type sw_wit_type;
typedef struct sw_wit_func sw_wit_func;

/* A piece of a source, for messages. */
typedef struct sw_wit_loc {
    uint32_t source; /* index in sw_wit.sources */
    uint32_t offset, len;
} sw_wit_loc;

typedef struct sw_wit_name {
    sw_str text; /* without the '%' */
    sw_wit_loc loc;
} sw_wit_name;

/* "wasi:io/streams@0.2.0", or "streams" alone: then ns and package are empty. */
typedef struct sw_wit_path {
    sw_wit_name ns, package, name;
    sw_str version; /* may be empty */
    sw_wit_loc loc;
} sw_wit_path;

/* @since, @unstable, @deprecated; all empty: no gate. */
typedef struct sw_wit_gate {
    sw_str since, feature, deprecated;
    sw_wit_loc loc;
} sw_wit_gate;

/* What stands in front of every item. */
typedef struct sw_wit_head {
    sw_wit_gate gate;
    sw_str docs;        /* the comment lines as written, with their slashes; may be empty */
    sw_str external_id; /* the string literal as written, without quotes; may be empty */
    bool active;        /* resolved: the gate is open */
} sw_wit_head;

/* ---- Types ----------------------------------------------------------------------------------- */

enum { SW_WIT_NAMED = 0x100 }; /* a kind beyond sw_ctype_kind: the name of a type */

struct sw_wit_type {
    uint32_t kind;      /* sw_ctype_kind or SW_WIT_NAMED; OWN and BORROW have a name, too */
    sw_wit_type *first; /* element, key, ok, or the first item of a tuple; NULL: none */
    sw_wit_type *other; /* value of a map, error of a result */
    sw_wit_type *next;  /* the next item of a tuple */
    uint32_t length;    /* FIXED_LIST */
    sw_wit_name name;
    sw_wit_loc loc;
    /* resolved */
    sw_wit_typedef *def; /* what the name stands for */
};

typedef struct sw_wit_field {
    struct sw_wit_field *next;
    sw_wit_name name;
    sw_wit_type *type; /* NULL for enum cases, flags and cases without payload */
    sw_str docs;
} sw_wit_field;

typedef enum sw_wit_typedef_kind {
    SW_WIT_ALIAS, /* type a = ... */
    SW_WIT_USE,   /* a name out of a use item */
    SW_WIT_RECORD,
    SW_WIT_VARIANT,
    SW_WIT_ENUM,
    SW_WIT_FLAGS,
    SW_WIT_RESOURCE,
} sw_wit_typedef_kind;

typedef struct sw_wit_use sw_wit_use;

struct sw_wit_typedef {
    sw_wit_typedef *next;
    sw_wit_head head;
    sw_wit_typedef_kind kind;
    sw_wit_name name;
    sw_wit_interface *owner; /* for a type of a world: its `own` */
    sw_wit_field *fields;
    uint32_t fields_count;
    sw_wit_type *alias;   /* ALIAS */
    sw_wit_use *use;      /* USE */
    sw_wit_name used;     /* USE: its name over there */
    bool has_constructor; /* RESOURCE */
    /* resolved */
    sw_wit_typedef *target; /* USE: the typedef over there */
    uint8_t state;          /* 0 untouched, 1 being visited, 2 done */
    bool has_borrow;        /* contains a borrowed handle */
    uint32_t level;         /* length of the longest chain of definitions below it */
    uint32_t order;         /* grows from what a definition is made of to the definition */
    uint32_t table;         /* last table that took this type in, and its index there */
    sw_vtype vtype;
};

typedef enum sw_wit_func_kind {
    SW_WIT_FREE,
    SW_WIT_METHOD,
    SW_WIT_STATIC,
    SW_WIT_CONSTRUCTOR,
} sw_wit_func_kind;

struct sw_wit_func {
    sw_wit_func *next;
    sw_wit_head head;
    sw_wit_func_kind kind;
    bool is_async;
    sw_wit_name name;         /* as written; for a constructor the resource's */
    sw_str full_name;         /* "[method]pollable.ready" */
    sw_wit_typedef *resource; /* NULL: FREE */
    sw_wit_field *params;     /* with "self" */
    uint32_t params_count;
    sw_wit_type *result; /* NULL: none */
    uint32_t order;      /* resolved: in the text */
};

struct sw_wit_use {
    sw_wit_use *next;
    sw_wit_head head;
    sw_wit_path path;
    sw_wit_interface *target;        /* resolved */
    const sw_wit_interface *decoded; /* from a binary: what the path stands for */
};

/* ---- Interfaces and worlds ------------------------------------------------------------------- */

struct sw_wit_interface {
    sw_wit_interface *next;
    sw_wit_head head;
    sw_wit_name name;    /* empty for one written inside a world */
    sw_wit_scope *scope; /* where its paths are looked up */
    sw_wit_use *uses;
    sw_wit_typedef *typedefs; /* with those of uses; resolved: these first, then what definitions
                               * are made of before them */
    sw_wit_func *funcs;       /* functions of resources among them; resolved: these first */
    bool is_world;            /* the types of a world */
    /* resolved */
    sw_str full_name;       /* "wasi:io/poll@0.2.12"; for one inside a world its label */
    sw_wit_typedef **names; /* hashed by name; see sw_wit_find_typedef */
    uint32_t names_slots;   /* a power of two */
    uint32_t mark;          /* of the last walk that came by */
    uint32_t level;         /* length of the longest chain of uses below it */
    uint8_t state;
};

typedef enum sw_wit_item_kind {
    SW_WIT_ITEM_FUNC,      /* id: func(...) */
    SW_WIT_ITEM_INTERFACE, /* a path */
    SW_WIT_ITEM_INLINE,    /* id: interface {...} */
    SW_WIT_ITEM_LABELLED,  /* id: path */
    SW_WIT_ITEM_TYPE,      /* resolved: a type of the world, always an import */
} sw_wit_item_kind;

typedef struct sw_wit_item {
    struct sw_wit_item *next;
    sw_wit_head head;
    sw_wit_item_kind kind;
    bool is_export;
    bool is_implied; /* resolved: imported because something else uses it */
    sw_wit_name label;
    sw_wit_path path;
    sw_wit_func *func;
    sw_wit_interface *interface; /* INLINE; resolved: for paths, too */
    sw_wit_typedef *type;
} sw_wit_item;

typedef struct sw_wit_rename {
    struct sw_wit_rename *next;
    sw_wit_name from, to;
    bool is_used; /* resolved */
} sw_wit_rename;

typedef struct sw_wit_include {
    struct sw_wit_include *next;
    sw_wit_head head;
    sw_wit_path path;
    sw_wit_rename *renames;
    sw_wit_world *target; /* resolved */
} sw_wit_include;

struct sw_wit_world {
    sw_wit_world *next;
    sw_wit_head head;
    sw_wit_name name;
    sw_wit_scope *scope;
    sw_wit_interface *own; /* its types and their functions */
    sw_wit_item *items;    /* as written */
    sw_wit_include *includes;
    /* resolved: closed gates left out, includes expanded, implied imports added; imports are
     * interfaces (what others use before these), types, functions; exports functions, interfaces */
    sw_str full_name;
    sw_wit_item *imports, *exports;
    uint8_t state;
};

/* ---- Packages -------------------------------------------------------------------------------- */

typedef struct sw_wit_alias { /* use path as name; at the top of a file */
    struct sw_wit_alias *next;
    sw_wit_head head;
    sw_wit_name name;
    sw_wit_path path;
    uint8_t state; /* resolved */
} sw_wit_alias;

/* A file, or the braces of a nested package: where names of top-level uses are visible. */
struct sw_wit_scope {
    sw_wit_scope *next; /* of the same package */
    sw_wit_package *package;
    sw_wit_alias *aliases;
    sw_wit_interface *interfaces;
    sw_wit_world *worlds;
};

struct sw_wit_package {
    sw_wit_package *next;
    sw_wit_name ns, name; /* empty while no file has named it */
    sw_str version;       /* may be empty */
    sw_semver semver;     /* of version */
    sw_str full_name;     /* "wasi:io@0.2.12" */
    sw_str docs;
    sw_wit_scope *scopes;
    bool is_nested;  /* resolved from braces */
    bool is_binary;  /* from a binary: its gates are open */
    bool is_partial; /* known only as far as others use it: a complete one takes its place */
    uint32_t root;   /* the root it was read for */
    uint8_t state;   /* resolved */
};

/* Appends to a list chained by next, whose end the caller keeps as a pointer to the last link. */
#define SW_WIT_APPEND(end, node) (*(end) = (node), (end) = &(node)->next)
