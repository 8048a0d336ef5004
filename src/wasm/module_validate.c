/* Validation of everything but the bodies. */
#include "base/map.h"
#include "wasm/const_expr.h"
#include "wasm/module.h"
#include "wasm/subtype.h"

enum { MAX_SUBTYPE_DEPTH = 63 };

typedef struct checker {
    sw_module *m;
    const sw_features *features;
    sw_diag *diag;
    uint32_t at; /* offset of the section being checked, for reports */
} checker;

#define FAIL(c, ...) sw_fail((c)->diag, SW_INVALID, (c)->at, __VA_ARGS__)

/* ---- Types ----------------------------------------------------------------------------------- */

/* Type indices below limit may be named. */
static sw_status check_valtype(checker *c, sw_valtype t, uint32_t limit)
{
    uint32_t heap = sw_valtype_heap(t);
    if (sw_valtype_is_ref(t) && sw_heap_is_index(heap) && heap >= limit) {
        return FAIL(c, "unknown type %u", heap);
    }
    return SW_OK;
}

static sw_status check_members(checker *c, const sw_deftype *t)
{
    uint32_t limit = t->group_start + t->group_count;
    if (t->composite != SW_COMPOSITE_FUNC) {
        for (uint32_t i = 0; i < t->aggregate.fields_count; i++) {
            SW_TRY(check_valtype(c, t->aggregate.fields[i].type, limit));
        }
        return SW_OK;
    }
    for (uint32_t i = 0; i < t->func.params_count; i++) {
        SW_TRY(check_valtype(c, t->func.params[i], limit));
    }
    for (uint32_t i = 0; i < t->func.results_count; i++) {
        SW_TRY(check_valtype(c, t->func.results[i], limit));
    }
    return SW_OK;
}

static bool types_match(const sw_module *m, const sw_valtype *subs, const sw_valtype *supers,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!sw_valtype_matches(m, subs[i], supers[i])) {
            return false;
        }
    }
    return true;
}

static bool func_matches(const sw_module *m, const sw_functype *sub, const sw_functype *super)
{
    return sub->params_count == super->params_count && sub->results_count == super->results_count &&
           types_match(m, super->params, sub->params, sub->params_count) &&
           types_match(m, sub->results, super->results, sub->results_count);
}

static bool field_matches(const sw_module *m, const sw_fieldtype *sub, const sw_fieldtype *super)
{
    if (sub->is_mutable != super->is_mutable || sub->packed_bits != super->packed_bits) {
        return false;
    }
    return sw_valtype_matches(m, sub->type, super->type) &&
           (!sub->is_mutable || sw_valtype_matches(m, super->type, sub->type));
}

static bool fields_match(const sw_module *m, const sw_deftype *sub, const sw_deftype *super)
{
    if (sub->aggregate.fields_count < super->aggregate.fields_count) {
        return false;
    }
    for (uint32_t i = 0; i < super->aggregate.fields_count; i++) {
        if (!field_matches(m, &sub->aggregate.fields[i], &super->aggregate.fields[i])) {
            return false;
        }
    }
    return true;
}

static sw_status check_super(checker *c, uint32_t index)
{
    const sw_module *m = c->m;
    const sw_deftype *t = &m->types[index];
    if (t->super == SW_NO_INDEX) {
        return SW_OK;
    }
    if (t->super >= index) {
        return FAIL(c, "type %u: unknown supertype %u", index, t->super);
    }
    const sw_deftype *super = &m->types[t->super];
    uint32_t depth = 1;
    for (uint32_t s = super->super; s != SW_NO_INDEX; s = m->types[s].super) {
        depth++;
    }
    if (depth > MAX_SUBTYPE_DEPTH) {
        return sw_fail(c->diag, SW_LIMIT, c->at, "type %u: more than %d supertypes", index,
                       MAX_SUBTYPE_DEPTH);
    }
    bool fits = !super->is_final && t->composite == super->composite &&
                (t->composite == SW_COMPOSITE_FUNC ? func_matches(m, &t->func, &super->func)
                                                   : fields_match(m, t, super));
    return fits ? SW_OK : FAIL(c, "type %u: no subtype of type %u", index, t->super);
}

static sw_valtype canonical_valtype(const sw_module *m, sw_valtype t)
{
    uint32_t heap = sw_valtype_heap(t);
    if (!sw_valtype_is_ref(t) || !sw_heap_is_index(heap)) {
        return t;
    }
    return (t & 0xff) | m->types[heap].canonical << 8;
}

/* A spelling of the function type that equal types share, whatever their indices. */
static sw_str functype_key(sw_arena *arena, const sw_module *m, const sw_functype *t)
{
    size_t words = 1 + (size_t)t->params_count + t->results_count;
    uint32_t *key = SW_NEW_ARRAY(arena, uint32_t, words);
    if (key == NULL) {
        return (sw_str){};
    }
    key[0] = t->params_count;
    for (uint32_t i = 0; i < t->params_count; i++) {
        key[1 + i] = canonical_valtype(m, t->params[i]);
    }
    for (uint32_t i = 0; i < t->results_count; i++) {
        key[1 + t->params_count + i] = canonical_valtype(m, t->results[i]);
    }
    return (sw_str){(const char *)key, words * sizeof *key};
}

/* Lone, final function types without a supertype are equal when they are spelled the same; types
 * of larger groups and aggregates are taken to be equal only to themselves. */
static sw_status set_canonical(checker *c, uint32_t index, sw_arena *keys, sw_map *seen)
{
    sw_deftype *t = &((sw_deftype *)(uintptr_t)c->m->types)[index];
    t->canonical = index;
    if (t->composite != SW_COMPOSITE_FUNC || t->group_count != 1 || !t->is_final ||
        t->super != SW_NO_INDEX) {
        return SW_OK;
    }
    sw_str key = functype_key(keys, c->m, &t->func);
    uint32_t *place = NULL;
    bool inserted = false;
    if (key.ptr == NULL || sw_map_insert(seen, key, index, &place, &inserted) != SW_OK) {
        return sw_fail(c->diag, SW_NO_MEMORY, c->at, "out of memory for types");
    }
    t->canonical = *place;
    return SW_OK;
}

static sw_status check_types_with(checker *c, sw_arena *keys, sw_map *seen)
{
    for (uint32_t i = 0; i < c->m->types_count; i++) {
        SW_TRY(check_members(c, &c->m->types[i]));
        SW_TRY(set_canonical(c, i, keys, seen));
    }
    for (uint32_t i = 0; i < c->m->types_count; i++) {
        SW_TRY(check_super(c, i));
    }
    return SW_OK;
}

static sw_status check_types(checker *c)
{
    sw_arena keys;
    sw_map seen;
    sw_arena_init(&keys, c->m->arena->budget, SIZE_MAX);
    sw_map_init(&seen, c->m->arena->budget);
    sw_status st = check_types_with(c, &keys, &seen);
    sw_map_clear(&seen);
    sw_arena_clear(&keys);
    return st;
}

static sw_status check_functype(checker *c, uint32_t type, const char *what, uint32_t index)
{
    if (type >= c->m->types_count) {
        return FAIL(c, "%s %u: unknown type %u", what, index, type);
    }
    if (c->m->types[type].composite != SW_COMPOSITE_FUNC) {
        return FAIL(c, "%s %u: type %u is no function type", what, index, type);
    }
    return SW_OK;
}

/* ---- Entities -------------------------------------------------------------------------------- */

static sw_status check_functions(checker *c)
{
    for (uint32_t i = 0; i < c->m->funcs_count; i++) {
        SW_TRY(check_functype(c, c->m->funcs[i].type, "function", i));
    }
    for (uint32_t i = 0; i < c->m->tags_count; i++) {
        SW_TRY(check_functype(c, c->m->tags[i], "tag", i));
        if (c->m->types[c->m->tags[i]].func.results_count != 0) {
            return FAIL(c, "tag %u: its type has results", i);
        }
    }
    return SW_OK;
}

static sw_status check_limits(checker *c, const sw_limits *l, uint64_t ceiling, const char *what,
                              uint32_t index)
{
    if (l->min > ceiling || (l->has_max && l->max > ceiling)) {
        return FAIL(c, "%s %u: size exceeds %llu", what, index, (unsigned long long)ceiling);
    }
    if (l->has_max && l->min > l->max) {
        return FAIL(c, "%s %u: minimum exceeds maximum", what, index);
    }
    return SW_OK;
}

static sw_status check_memories(checker *c)
{
    for (uint32_t i = 0; i < c->m->memories_count; i++) {
        const sw_limits *l = &c->m->memories[i].limits;
        uint64_t ceiling = UINT64_C(1) << ((l->is_64 ? 64 : 32) - l->page_log2);
        SW_TRY(check_limits(c, l, ceiling, "memory", i));
        if (l->is_shared && !l->has_max) {
            return FAIL(c, "memory %u: a shared memory needs a maximum", i);
        }
    }
    return SW_OK;
}

static sw_status check_expr(checker *c, sw_range expr, sw_valtype type, uint32_t globals_count,
                            const char *what, uint32_t index)
{
    const sw_const_rule rule = {.type = type, .globals_count = globals_count};
    sw_status st = sw_const_expr_validate(c->m, expr, &rule, c->features, c->diag);
    return st == SW_OK ? st : sw_fail_context(c->diag, st, "%s %u", what, index);
}

static sw_status check_tables(checker *c)
{
    const sw_module *m = c->m;
    for (uint32_t i = 0; i < m->tables_count; i++) {
        const sw_table *t = &m->tables[i];
        uint64_t ceiling = t->type.limits.is_64 ? UINT64_MAX : UINT32_MAX;
        SW_TRY(check_valtype(c, t->type.element, m->types_count));
        SW_TRY(check_limits(c, &t->type.limits, ceiling, "table", i));
        if (t->init.len != 0) {
            SW_TRY(check_expr(c, t->init, t->type.element, m->imported_globals, "table", i));
        } else if (i >= m->imported_tables && sw_valtype_kind(t->type.element) == SW_TYPE_REF) {
            return FAIL(c, "table %u: its element type has no default value", i);
        }
    }
    return SW_OK;
}

static sw_status check_globals(checker *c)
{
    const sw_module *m = c->m;
    for (uint32_t i = 0; i < m->globals_count; i++) {
        SW_TRY(check_valtype(c, m->globals[i].type.type, m->types_count));
        if (i >= m->imported_globals) {
            SW_TRY(check_expr(c, m->globals[i].init, m->globals[i].type.type, i, "global", i));
        }
    }
    return SW_OK;
}

/* ---- Exports and start ----------------------------------------------------------------------- */

static uint32_t space_count(const sw_module *m, sw_extern_kind kind)
{
    switch (kind) {
    case SW_EXTERN_FUNC: return m->funcs_count;
    case SW_EXTERN_TABLE: return m->tables_count;
    case SW_EXTERN_MEMORY: return m->memories_count;
    case SW_EXTERN_GLOBAL: return m->globals_count;
    case SW_EXTERN_TAG: return m->tags_count;
    }
    return 0;
}

static void declare(checker *c, uint32_t func)
{
    ((sw_func *)(uintptr_t)c->m->funcs)[func].is_declared = true;
}

static sw_status check_export(checker *c, const sw_export *e, uint32_t index, sw_map *names)
{
    uint32_t *place = NULL;
    bool inserted = false;
    if (e->index >= space_count(c->m, e->kind)) {
        return FAIL(c, "export \"%.*s\": unknown index %u", SW_STR_ARG(e->name), e->index);
    }
    if (sw_map_insert(names, e->name, index, &place, &inserted) != SW_OK) {
        return sw_fail(c->diag, SW_NO_MEMORY, c->at, "out of memory for exports");
    }
    if (!inserted) {
        return FAIL(c, "export \"%.*s\" is repeated", SW_STR_ARG(e->name));
    }
    if (e->kind == SW_EXTERN_FUNC) {
        declare(c, e->index);
    }
    return SW_OK;
}

static sw_status check_exports(checker *c)
{
    sw_map names;
    sw_map_init(&names, c->m->arena->budget);
    sw_status st = SW_OK;
    for (uint32_t i = 0; i < c->m->exports_count && st == SW_OK; i++) {
        st = check_export(c, &c->m->exports[i], i, &names);
    }
    sw_map_clear(&names);
    return st;
}

static sw_status check_start(checker *c)
{
    const sw_module *m = c->m;
    if (m->start == SW_NO_INDEX) {
        return SW_OK;
    }
    if (m->start >= m->funcs_count) {
        return FAIL(c, "start: unknown function %u", m->start);
    }
    const sw_functype *t = sw_module_functype(m, m->start);
    if (t->params_count != 0 || t->results_count != 0) {
        return FAIL(c, "start: function %u takes or returns values", m->start);
    }
    return SW_OK;
}

/* ---- Segments -------------------------------------------------------------------------------- */

static sw_valtype address_type(const sw_limits *l)
{
    return l->is_64 ? SW_TYPE_I64 : SW_TYPE_I32;
}

static sw_status check_elem_items(checker *c, const sw_elem *e, uint32_t index)
{
    const sw_module *m = c->m;
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->funcs == NULL) {
            SW_TRY(check_expr(c, e->exprs[i], e->type, m->globals_count, "element segment", index));
        } else if (e->funcs[i] >= m->funcs_count) {
            return FAIL(c, "element segment %u: unknown function %u", index, e->funcs[i]);
        } else {
            declare(c, e->funcs[i]);
        }
    }
    return SW_OK;
}

static sw_status check_elem(checker *c, const sw_elem *e, uint32_t index)
{
    const sw_module *m = c->m;
    SW_TRY(check_valtype(c, e->type, m->types_count));
    SW_TRY(check_elem_items(c, e, index));
    if (e->mode != SW_SEGMENT_ACTIVE) {
        return SW_OK;
    }
    if (e->table >= m->tables_count) {
        return FAIL(c, "element segment %u: unknown table %u", index, e->table);
    }
    const sw_tabletype *t = &m->tables[e->table].type;
    if (!sw_valtype_matches(m, e->type, t->element)) {
        return FAIL(c, "element segment %u: type mismatch with table %u", index, e->table);
    }
    return check_expr(c, e->offset, address_type(&t->limits), m->globals_count, "element segment",
                      index);
}

static sw_status check_data(checker *c, const sw_data *s, uint32_t index)
{
    const sw_module *m = c->m;
    if (s->mode != SW_SEGMENT_ACTIVE) {
        return SW_OK;
    }
    if (s->memory >= m->memories_count) {
        return FAIL(c, "data segment %u: unknown memory %u", index, s->memory);
    }
    return check_expr(c, s->offset, address_type(&m->memories[s->memory].limits), m->globals_count,
                      "data segment", index);
}

static sw_status check_elems(checker *c)
{
    for (uint32_t i = 0; i < c->m->elems_count; i++) {
        SW_TRY(check_elem(c, &c->m->elems[i], i));
    }
    return SW_OK;
}

static sw_status check_datas(checker *c)
{
    for (uint32_t i = 0; i < c->m->datas_count; i++) {
        SW_TRY(check_data(c, &c->m->datas[i], i));
    }
    return SW_OK;
}

/* In the order of the checks; each knows that the ones before it have passed. */
static const struct {
    uint8_t section;
    sw_status (*check)(checker *c);
} CHECKS[] = {
    {1,  check_types    },
    {3,  check_functions},
    {5,  check_memories },
    {4,  check_tables   },
    {6,  check_globals  },
    {7,  check_exports  },
    {8,  check_start    },
    {9,  check_elems    },
    {11, check_datas    },
};

sw_status sw_module_validate(sw_module *m, const sw_features *features, sw_diag *diag)
{
    enum { IMPORTS = 2 };
    checker c = {.m = m, .features = features, .diag = diag};
    for (size_t i = 0; i < SW_COUNTOF(CHECKS); i++) {
        uint32_t at = m->section_offsets[CHECKS[i].section];
        c.at = at != 0 ? at : m->section_offsets[IMPORTS];
        SW_TRY(CHECKS[i].check(&c));
    }
    return SW_OK;
}
