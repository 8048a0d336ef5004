/* Subtyping of references: the fixed hierarchy of abstract heap types, and declared supertypes. */
#include "wasm/subtype.h"

typedef struct edge {
    uint32_t sub, super;
} edge;

/* Every pair of different abstract heap types that match. */
static const edge EDGES[] = {
    {SW_HEAP_NONE,     SW_HEAP_I31   },
    {SW_HEAP_NONE,     SW_HEAP_STRUCT},
    {SW_HEAP_NONE,     SW_HEAP_ARRAY },
    {SW_HEAP_NONE,     SW_HEAP_EQ    },
    {SW_HEAP_NONE,     SW_HEAP_ANY   },
    {SW_HEAP_I31,      SW_HEAP_EQ    },
    {SW_HEAP_I31,      SW_HEAP_ANY   },
    {SW_HEAP_STRUCT,   SW_HEAP_EQ    },
    {SW_HEAP_STRUCT,   SW_HEAP_ANY   },
    {SW_HEAP_ARRAY,    SW_HEAP_EQ    },
    {SW_HEAP_ARRAY,    SW_HEAP_ANY   },
    {SW_HEAP_EQ,       SW_HEAP_ANY   },
    {SW_HEAP_NOFUNC,   SW_HEAP_FUNC  },
    {SW_HEAP_NOEXTERN, SW_HEAP_EXTERN},
    {SW_HEAP_NOEXN,    SW_HEAP_EXN   },
};

static bool abstract_matches(uint32_t sub, uint32_t super)
{
    if (sub == super) {
        return true;
    }
    for (size_t i = 0; i < SW_COUNTOF(EDGES); i++) {
        if (EDGES[i].sub == sub && EDGES[i].super == super) {
            return true;
        }
    }
    return false;
}

/* The least abstract heap type above a defined type. */
static uint32_t abstract_of(const sw_deftype *t)
{
    switch (t->composite) {
    case SW_COMPOSITE_FUNC: return SW_HEAP_FUNC;
    case SW_COMPOSITE_STRUCT: return SW_HEAP_STRUCT;
    case SW_COMPOSITE_ARRAY: return SW_HEAP_ARRAY;
    }
    return SW_HEAP_ANY;
}

static bool defined_matches(const sw_module *m, uint32_t sub, uint32_t super)
{
    /* Supertypes have lower indices, so that this ends. */
    for (uint32_t t = sub; t != SW_NO_INDEX; t = m->types[t].super) {
        if (m->types[t].canonical == m->types[super].canonical) {
            return true;
        }
    }
    return false;
}

static bool heap_matches(const sw_module *m, uint32_t sub, uint32_t super)
{
    if (sw_heap_is_index(sub)) {
        return sw_heap_is_index(super) ? defined_matches(m, sub, super)
                                       : abstract_matches(abstract_of(&m->types[sub]), super);
    }
    if (sw_heap_is_index(super)) {
        uint32_t bottom =
            m->types[super].composite == SW_COMPOSITE_FUNC ? SW_HEAP_NOFUNC : SW_HEAP_NONE;
        return sub == bottom;
    }
    return abstract_matches(sub, super);
}

bool sw_valtype_matches_slow(const sw_module *m, sw_valtype sub, sw_valtype super)
{
    if (sub == super || sub == SW_TYPE_BOTTOM) {
        return true;
    }
    if (!sw_valtype_is_ref(sub) || !sw_valtype_is_ref(super)) {
        return false;
    }
    bool null_fits =
        sw_valtype_kind(sub) == SW_TYPE_REF || sw_valtype_kind(super) == SW_TYPE_REF_NULL;
    return null_fits && heap_matches(m, sw_valtype_heap(sub), sw_valtype_heap(super));
}
