/*
 * Linking: which host function serves which import.
 *
 * An import instance finds its interface by exact name, else by semver track. Its functions are
 * compared structurally; resource types are equal when they come from the same row of the interface
 * that defines them, so that a component which imports several patch versions of one package gets
 * one resource type.
 *
 * Binding a component is done once per linker: the result is cached.
 */
#include "component/runtime.h"

#include "base/map.h"
#include "base/semver.h"
#include "base/vec.h"

#include <pthread.h>
#include <stdio.h>

enum { CACHED_BINDINGS = 32 };

/* pairs: a resource that this interface knows nothing of equals none. */
#define NO_RESOURCE 0xfffffffeu

typedef struct binding_cache {
    pthread_mutex_t lock;
    sw_binding *at[CACHED_BINDINGS]; /* owned references */
    uint32_t next;                   /* the place that the next one takes */
} binding_cache;

struct sw_linker {
    sw_engine *engine;
    sw_budget *budget;
    sw_arena names;       /* keys of tracks */
    sw_map exact, tracks; /* to indices of ifaces */
    SW_VEC(const sw_host_iface *) ifaces;
    binding_cache *cache; /* owned */
};

/* ---- The linker --------------------------------------------------------------------------------
 */

sw_status sw_linker_new(sw_engine *e, sw_budget *budget, sw_linker **ret_linker)
{
    sw_linker *l = sw_alloc(budget, sizeof *l);
    binding_cache *cache = sw_alloc(budget, sizeof *cache);
    if (l == NULL || cache == NULL || pthread_mutex_init(&cache->lock, NULL) != 0) {
        sw_free(budget, l, sizeof *l);
        sw_free(budget, cache, sizeof *cache);
        return SW_NO_MEMORY;
    }
    l->engine = e;
    l->budget = l->ifaces.budget = budget;
    l->cache = cache;
    sw_arena_init(&l->names, budget, SIZE_MAX);
    sw_map_init(&l->exact, budget);
    sw_map_init(&l->tracks, budget);
    *ret_linker = l;
    return SW_OK;
}

void sw_linker_free(sw_linker *l)
{
    if (l == NULL) {
        return;
    }
    for (uint32_t i = 0; i < CACHED_BINDINGS; i++) {
        sw_binding_unref(l->cache->at[i]);
    }
    (void)pthread_mutex_destroy(&l->cache->lock);
    sw_free(l->budget, l->cache, sizeof *l->cache);
    sw_map_clear(&l->exact);
    sw_map_clear(&l->tracks);
    sw_vec_clear(&l->ifaces); /* NOLINT(bugprone-multi-level-implicit-pointer-conversion) */
    sw_arena_clear(&l->names);
    sw_free(l->budget, l, sizeof *l);
}

enum { TRACK_KEY_BYTES = 256 };

/* "wasi:io/streams@0.2" in out; empty when the name has no track. */
static sw_str track_key(sw_str name, char out[TRACK_KEY_BYTES], sw_semver *ret_version)
{
    sw_str base;
    if (!sw_semver_split(name, &base, ret_version)) {
        return (sw_str){};
    }
    char track[SW_SEMVER_TRACK_BYTES];
    size_t track_len = sw_semver_track(ret_version, track);
    if (track_len == 0 || base.len + 1 + track_len > TRACK_KEY_BYTES) {
        return (sw_str){};
    }
    memcpy(out, base.ptr, base.len);
    out[base.len] = '@';
    memcpy(out + base.len + 1, track, track_len);
    return (sw_str){out, base.len + 1 + track_len};
}

static sw_status define_track(sw_linker *l, const sw_host_iface *iface, uint32_t index)
{
    char buffer[TRACK_KEY_BYTES];
    sw_semver version, other;
    sw_str key = track_key(iface->name, buffer, &version);
    if (key.len == 0) {
        return SW_OK;
    }
    key = sw_arena_str(&l->names, key);
    if (key.ptr == NULL) {
        return SW_NO_MEMORY;
    }
    uint32_t *place;
    bool is_first;
    SW_TRY(sw_map_insert(&l->tracks, key, index, &place, &is_first));
    sw_str ignored;
    if (!is_first && sw_semver_split(l->ifaces.at[*place]->name, &ignored, &other) &&
        sw_semver_compare(&version, &other) > 0) {
        *place = index;
    }
    return SW_OK;
}

static void forget_bindings(sw_linker *l)
{
    for (uint32_t i = 0; i < CACHED_BINDINGS; i++) {
        sw_binding_unref(l->cache->at[i]);
        l->cache->at[i] = NULL;
    }
}

sw_status sw_linker_define(sw_linker *l, const sw_host_iface *iface, sw_diag *diag)
{
    uint32_t index = (uint32_t)l->ifaces.count;
    uint32_t *place = NULL;
    bool is_first = false;
    sw_status st = sw_vec_push(&l->ifaces, iface);
    if (st == SW_OK) {
        st = sw_map_insert(&l->exact, iface->name, index, &place, &is_first);
    }
    if (st == SW_OK && !is_first) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "interface %.*s is defined twice",
                       SW_STR_ARG(iface->name));
    }
    if (st == SW_OK) {
        st = define_track(l, iface, index);
    }
    forget_bindings(l);
    return st == SW_OK ? st : sw_fail(diag, st, SW_NO_OFFSET, "no memory for an interface");
}

static const sw_host_iface *find_iface(const sw_linker *l, sw_str name)
{
    const uint32_t *index = sw_map_find(&l->exact, name);
    if (index == NULL) {
        char buffer[TRACK_KEY_BYTES];
        sw_semver version;
        sw_str key = track_key(name, buffer, &version);
        index = key.len == 0 ? NULL : sw_map_find(&l->tracks, key);
    }
    return index == NULL ? NULL : l->ifaces.at[*index];
}

/* ---- Resources ---------------------------------------------------------------------------------
 */

/* The row that defines a resource. */
typedef struct host_resource {
    const sw_host_iface *iface;
    const sw_host_iface_resource *row;
} host_resource;

static const sw_host_iface_resource *find_resource(const sw_host_iface *iface, sw_str name)
{
    for (uint32_t i = 0; i < iface->resources_count; i++) {
        if (sw_str_eq(iface->resources[i].name, name)) {
            return &iface->resources[i];
        }
    }
    return NULL;
}

/* Follows "use" to the interface that defines the resource, if that is linked. */
static host_resource definer(const sw_linker *l, const sw_host_iface *iface,
                             const sw_host_iface_resource *row)
{
    if (row->owner_interface.len != 0) {
        const sw_host_iface *owner = find_iface(l, row->owner_interface);
        const sw_host_iface_resource *theirs =
            owner == NULL ? NULL : find_resource(owner, row->name);
        if (theirs != NULL) {
            return (host_resource){owner, theirs};
        }
    }
    return (host_resource){iface, row};
}

/* ---- Binding -----------------------------------------------------------------------------------
 */

typedef struct binder {
    const sw_linker *l;
    const sw_component *c;
    const sw_plan *plan;
    sw_diag *diag;
    sw_binding *out;
    host_resource *resources; /* by import_resources */
    uint32_t *pairs;          /* by resources: the index in paired_with's types */
    const sw_host_iface *paired_with;
} binder;

static sw_str import_name(const binder *b, uint32_t import)
{
    return sw_types_str(&b->plan->types, b->plan->imports[import].name);
}

/* The interface that an import's item belongs to; NULL after a report. */
static const sw_host_iface *iface_of(const binder *b, uint32_t import)
{
    uint32_t parent = b->plan->imports[import].parent;
    if (parent != SW_PLAN_NONE && b->plan->imports[parent].parent != SW_PLAN_NONE) {
        (void)sw_fail(b->diag, SW_UNLINKABLE, SW_NO_OFFSET,
                      "%.*s: an instance inside an imported instance",
                      SW_STR_ARG(import_name(b, parent)));
        return NULL;
    }
    sw_str name = parent == SW_PLAN_NONE ? SW_STR("") : import_name(b, parent);
    const sw_host_iface *iface = find_iface(b->l, name);
    if (iface == NULL) {
        (void)sw_fail(b->diag, SW_UNLINKABLE, SW_NO_OFFSET, "%.*s (imported by the component)",
                      SW_STR_ARG(name.len == 0 ? import_name(b, import) : name));
    }
    return iface;
}

/* How messages name an item: "wasi:io/poll@0.2.0#poll". */
static sw_str item_text(const binder *b, uint32_t import, char *out, size_t size)
{
    uint32_t parent = b->plan->imports[import].parent;
    sw_str of = parent == SW_PLAN_NONE ? SW_STR("") : import_name(b, parent);
    sw_str name = import_name(b, import);
    int len =
        snprintf(out, size, "%.*s%s%.*s", SW_STR_ARG(of), of.len == 0 ? "" : "#", SW_STR_ARG(name));
    return (sw_str){out, len < 0 ? 0 : SW_MIN((size_t)len, size - 1)};
}

static sw_status missing(const binder *b, uint32_t import, const sw_host_iface *iface,
                         const char *kind)
{
    char text[160];
    sw_str item = item_text(b, import, text, sizeof text);
    return sw_fail(b->diag, SW_UNLINKABLE, SW_NO_OFFSET,
                   "%.*s (imported by the component): the host's %.*s has no such %s",
                   SW_STR_ARG(item), SW_STR_ARG(iface->name), kind);
}

static sw_status bind_resource(binder *b, uint32_t i)
{
    const sw_import_resource_plan *r = &b->plan->import_resources[i];
    const sw_host_iface *iface = iface_of(b, r->import);
    if (iface == NULL) {
        return SW_UNLINKABLE;
    }
    const sw_host_iface_resource *row = find_resource(iface, import_name(b, r->import));
    if (row == NULL) {
        return missing(b, r->import, iface, "resource");
    }
    b->resources[i] = definer(b->l, iface, row);
    b->out->resources[i] = b->resources[i].row;
    b->out->resource_ids[i] = r->resource;
    for (uint32_t k = 0; k < i; k++) {
        if (b->resources[k].row == b->resources[i].row) {
            b->out->resource_ids[i] = b->out->resource_ids[k];
            break;
        }
    }
    return SW_OK;
}

/* Which of the interface's resources is which of the component's. */
static void pair_resources(binder *b, const sw_host_iface *iface)
{
    if (b->paired_with == iface) {
        return;
    }
    b->paired_with = iface;
    for (uint32_t i = 0; i < b->plan->resources_count; i++) {
        b->pairs[i] = NO_RESOURCE;
    }
    for (uint32_t i = 0; i < b->plan->import_resources_count; i++) {
        for (uint32_t k = 0; k < iface->resources_count; k++) {
            if (definer(b->l, iface, &iface->resources[k]).row == b->resources[i].row) {
                b->pairs[b->plan->import_resources[i].resource] = iface->resources[k].resource;
            }
        }
    }
}

/* "func(a: u32) -> string" */
static const char *func_text(const sw_types *t, uint32_t func, char *out, size_t size)
{
    const sw_cfunc_type *f = &t->funcs[func];
    size_t at = (size_t)snprintf(out, size, "func(");
    for (uint32_t i = 0; i < f->params_count && at < size; i++) {
        const sw_type_field *p = &t->fields[f->params_first + i];
        char type[96];
        int len = snprintf(out + at, size - at, "%s%.*s: %s", i == 0 ? "" : ", ",
                           SW_STR_ARG(sw_types_str(t, p->name)),
                           sw_vtype_text(t, p->type, type, sizeof type));
        at += len < 0 ? 0 : (size_t)len;
    }
    if (at < size) {
        char type[96];
        bool has_result = f->result != SW_VT_NONE;
        (void)snprintf(out + at, size - at, ")%s%s", has_result ? " -> " : "",
                       has_result ? sw_vtype_text(t, f->result, type, sizeof type) : "");
    }
    return out;
}

static const sw_host_iface_func *find_host_func(const sw_host_iface *iface, sw_str name)
{
    for (uint32_t i = 0; i < iface->funcs_count; i++) {
        if (sw_str_eq(iface->funcs[i].name, name)) {
            return &iface->funcs[i];
        }
    }
    return NULL;
}

static sw_status bind_func(binder *b, uint32_t i)
{
    const sw_import_func_plan *f = &b->plan->import_funcs[i];
    const sw_host_iface *iface = iface_of(b, f->import);
    if (iface == NULL) {
        return SW_UNLINKABLE;
    }
    const sw_host_iface_func *func = find_host_func(iface, import_name(b, f->import));
    if (func == NULL) {
        return missing(b, f->import, iface, "function");
    }
    pair_resources(b, iface);
    if (!sw_cfunc_type_equal(&b->plan->types, f->func_type, iface->types, func->func_type,
                             b->pairs)) {
        char text[120], want[140], have[140];
        sw_str item = item_text(b, f->import, text, sizeof text);
        return sw_fail(b->diag, SW_UNLINKABLE, SW_NO_OFFSET,
                       "%.*s: the component expects %s, the host has %s", SW_STR_ARG(item),
                       func_text(&b->plan->types, f->func_type, want, sizeof want),
                       func_text(iface->types, func->func_type, have, sizeof have));
    }
    b->out->funcs[i] = func;
    return SW_OK;
}

static sw_status bind_all(binder *b)
{
    for (uint32_t i = 0; i < b->plan->imports_count; i++) {
        uint32_t kind = b->plan->imports[i].kind;
        if (kind == SW_ITEM_MODULE || kind == SW_ITEM_COMPONENT) {
            return sw_fail(b->diag, SW_UNLINKABLE, SW_NO_OFFSET,
                           "%.*s (imported by the component): a host has no %s to give",
                           SW_STR_ARG(import_name(b, i)),
                           kind == SW_ITEM_MODULE ? "core module" : "component");
        }
    }
    for (uint32_t i = 0; i < b->plan->import_resources_count; i++) {
        SW_TRY(bind_resource(b, i));
    }
    for (uint32_t i = 0; i < b->plan->import_funcs_count; i++) {
        SW_TRY(bind_func(b, i));
    }
    return SW_OK;
}

/* One block: the struct, then its arrays. */
static sw_binding *binding_new(const sw_component *c, sw_budget *budget)
{
    size_t funcs = c->plan.import_funcs_count, resources = c->plan.import_resources_count;
    size_t rows_at = sizeof(sw_binding) + funcs * sizeof(void *);
    size_t ids_at = rows_at + resources * sizeof(void *);
    size_t bytes = ids_at + resources * sizeof(uint32_t);
    uint8_t *block = sw_alloc(budget, bytes);
    if (block == NULL) {
        return NULL;
    }
    sw_binding *b = (sw_binding *)block;
    b->refs = 1;
    b->component = c->serial;
    b->bytes = bytes;
    b->budget = budget;
    b->funcs = (const sw_host_iface_func **)(block + sizeof *b);
    b->resources = (const sw_host_iface_resource **)(block + rows_at);
    b->resource_ids = (uint32_t *)(block + ids_at);
    return b;
}

void sw_binding_unref(sw_binding *b)
{
    if (b != NULL && --b->refs == 0) {
        sw_free(b->budget, b, b->bytes);
    }
}

static sw_status bind(const sw_linker *l, const sw_component *c, sw_diag *diag,
                      sw_binding **ret_binding)
{
    binder b = {.l = l, .c = c, .plan = &c->plan, .diag = diag};
    sw_arena scratch;
    sw_arena_init(&scratch, l->budget, SIZE_MAX);
    b.resources = SW_NEW_ARRAY(&scratch, host_resource, c->plan.import_resources_count);
    b.pairs = SW_NEW_ARRAY(&scratch, uint32_t, c->plan.resources_count);
    b.out = binding_new(c, l->budget);
    sw_status st = SW_NO_MEMORY;
    if (b.resources != NULL && b.pairs != NULL && b.out != NULL) {
        st = bind_all(&b);
    } else {
        (void)sw_fail(diag, st, SW_NO_OFFSET, "no memory to link a component");
    }
    sw_arena_clear(&scratch);
    if (st != SW_OK) {
        sw_binding_unref(b.out);
        return st;
    }
    *ret_binding = b.out;
    return SW_OK;
}

/* ---- The cache ---------------------------------------------------------------------------------
 */

static sw_binding *find_cached(binding_cache *cache, uint64_t serial)
{
    for (uint32_t i = 0; i < CACHED_BINDINGS; i++) {
        sw_binding *b = cache->at[i];
        if (b != NULL && b->component == serial) {
            b->refs++;
            return b;
        }
    }
    return NULL;
}

sw_status sw_linker_bind(const sw_linker *l, const sw_component *c, sw_diag *diag,
                         sw_binding **ret_binding)
{
    binding_cache *cache = l->cache;
    (void)pthread_mutex_lock(&cache->lock);
    sw_binding *b = find_cached(cache, c->serial);
    sw_status st = b != NULL ? SW_OK : bind(l, c, diag, &b);
    if (st == SW_OK && b->refs == 1) {
        sw_binding_unref(cache->at[cache->next]);
        cache->at[cache->next] = b;
        cache->next = (cache->next + 1) % CACHED_BINDINGS;
        b->refs++;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    if (st == SW_OK) {
        *ret_binding = b;
    }
    return st;
}

sw_status sw_linker_check(const sw_linker *l, const sw_component *c, sw_diag *diag)
{
    sw_binding *b;
    SW_TRY(sw_linker_bind(l, c, diag, &b));
    sw_binding_unref(b);
    return SW_OK;
}
