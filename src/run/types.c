#include "run/types.h"

#include "base/map.h"
#include "base/memory.h"

#define FIRST_BUCKETS 64u

struct sw_type_node {
    sw_type_node *next; /* in its bucket */
    uint64_t hash;
    uint32_t id;
    uint32_t refs;
    bool forever;
    uint32_t params_count, results_count;
    sw_valtype values[]; /* parameters, then results */
};

static size_t node_bytes(const sw_functype *t)
{
    return sizeof(sw_type_node) + ((size_t)t->params_count + t->results_count) * sizeof(sw_valtype);
}

static size_t list_bytes(uint32_t count)
{
    return count * sizeof(sw_valtype);
}

/* Types of a few words: the hash of the parameters is mixed with that of the results. */
static uint64_t hash_of(const sw_functype *t)
{
    uint64_t params = sw_hash((sw_bytes){(const void *)t->params, list_bytes(t->params_count)});
    uint64_t results = sw_hash((sw_bytes){(const void *)t->results, list_bytes(t->results_count)});
    return (params * 0x9e3779b97f4a7c15u) ^ (results + (results << 32)) ^ t->params_count;
}

static bool lists_equal(const sw_valtype *a, const sw_valtype *b, uint32_t count)
{
    return count == 0 || memcmp(a, b, list_bytes(count)) == 0;
}

static bool node_is(const sw_type_node *n, uint64_t hash, const sw_functype *t)
{
    return n->hash == hash && n->params_count == t->params_count &&
           n->results_count == t->results_count &&
           lists_equal(n->values, t->params, t->params_count) &&
           lists_equal(n->values + t->params_count, t->results, t->results_count);
}

void sw_type_registry_init(sw_type_registry *r)
{
    *r = (sw_type_registry){};
    (void)pthread_mutex_init(&r->lock, NULL);
}

static void free_node(sw_type_node *n)
{
    sw_functype shape = {.params_count = n->params_count, .results_count = n->results_count};
    sw_free(NULL, n, node_bytes(&shape));
}

void sw_type_registry_clear(sw_type_registry *r)
{
    for (uint32_t i = 0; i < r->buckets_count; i++) {
        while (r->buckets[i] != NULL) {
            sw_type_node *n = r->buckets[i];
            r->buckets[i] = n->next;
            free_node(n);
        }
    }
    sw_free(NULL, r->buckets, r->buckets_count * sizeof(sw_type_node *));
    (void)pthread_mutex_destroy(&r->lock);
    *r = (sw_type_registry){};
}

static bool grow(sw_type_registry *r)
{
    uint32_t count = r->buckets_count == 0 ? FIRST_BUCKETS : 2 * r->buckets_count;
    sw_type_node **buckets = sw_alloc_array(NULL, count, sizeof(sw_type_node *));
    if (buckets == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < r->buckets_count; i++) {
        while (r->buckets[i] != NULL) {
            sw_type_node *n = r->buckets[i];
            r->buckets[i] = n->next;
            n->next = buckets[n->hash & (count - 1)];
            buckets[n->hash & (count - 1)] = n;
        }
    }
    sw_free(NULL, r->buckets, r->buckets_count * sizeof(sw_type_node *));
    r->buckets = buckets;
    r->buckets_count = count;
    return true;
}

static sw_type_node *insert(sw_type_registry *r, const sw_functype *t, uint64_t hash)
{
    if (r->last_id == UINT32_MAX || (r->count >= r->buckets_count && !grow(r))) {
        return NULL;
    }
    sw_type_node *n = sw_alloc(NULL, node_bytes(t));
    if (n == NULL) {
        return NULL;
    }
    n->hash = hash;
    n->id = ++r->last_id;
    n->params_count = t->params_count;
    n->results_count = t->results_count;
    if (t->params_count != 0) {
        memcpy(n->values, t->params, list_bytes(t->params_count));
    }
    if (t->results_count != 0) {
        memcpy(n->values + t->params_count, t->results, list_bytes(t->results_count));
    }
    sw_type_node **bucket = &r->buckets[hash & (r->buckets_count - 1)];
    n->next = *bucket;
    *bucket = n;
    r->count++;
    return n;
}

/* The link that points to the type's node, or NULL. */
static sw_type_node **find(sw_type_registry *r, const sw_functype *t, uint64_t hash)
{
    if (r->buckets_count == 0) {
        return NULL;
    }
    sw_type_node **at = &r->buckets[hash & (r->buckets_count - 1)];
    while (*at != NULL && !node_is(*at, hash, t)) {
        at = &(*at)->next;
    }
    return *at == NULL ? NULL : at;
}

uint32_t sw_type_registry_acquire(sw_type_registry *r, const sw_functype *type, bool forever)
{
    uint64_t hash = hash_of(type);
    (void)pthread_mutex_lock(&r->lock);
    sw_type_node **at = find(r, type, hash);
    sw_type_node *n = at != NULL ? *at : insert(r, type, hash);
    uint32_t id = 0;
    if (n != NULL && (forever || n->refs != UINT32_MAX)) {
        n->forever |= forever;
        n->refs += !forever;
        id = n->id;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return id;
}

void sw_type_registry_release(sw_type_registry *r, const sw_functype *type)
{
    uint64_t hash = hash_of(type);
    (void)pthread_mutex_lock(&r->lock);
    sw_type_node **at = find(r, type, hash);
    SW_CHECK(at != NULL && (*at)->refs != 0);
    sw_type_node *n = *at;
    if (--n->refs == 0 && !n->forever) {
        *at = n->next;
        r->count--;
        free_node(n);
    }
    (void)pthread_mutex_unlock(&r->lock);
}
