#include "map.h"

#include <pthread.h>
#include <sys/random.h>

static uint64_t hash_key[2];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void make_hash_key(void)
{
    if (getrandom(hash_key, sizeof hash_key, GRND_NONBLOCK) != (ssize_t)sizeof hash_key) {
        hash_key[0] =
            (uintptr_t)&hash_key; /* before the entropy pool is up: the address is random */
        hash_key[1] = hash_key[0] * 0x9e3779b97f4a7c15u;
    }
}

static uint64_t rotate_left(uint64_t x, unsigned count)
{
    return x << count | x >> (64 - count);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

uint64_t sw_hash(sw_bytes b)
{
    (void)pthread_once(&hash_key_once, make_hash_key);
    uint64_t v[4] = {hash_key[0] ^ 0x736f6d6570736575u, hash_key[1] ^ 0x646f72616e646f6du,
                     hash_key[0] ^ 0x6c7967656e657261u, hash_key[1] ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)b.len << 56;
    size_t whole = b.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word;
        memcpy(&word, b.ptr + i, sizeof word);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = whole; i < b.len; i++) {
        last |= (uint64_t)b.ptr[i] << (8 * (i - whole));
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void sw_map_init(sw_map *m, sw_budget *budget)
{
    *m = (sw_map){.budget = budget};
}

void sw_map_clear(sw_map *m)
{
    sw_free(m->budget, m->entries, m->capacity * sizeof *m->entries);
    sw_free(m->budget, m->slots, m->slots_count * sizeof *m->slots);
    sw_map_init(m, m->budget);
}

/* The slot that holds the key, or the empty one where it would go. There is always an empty one. */
static uint32_t *slot_of(const sw_map *m, sw_str key, uint32_t hash)
{
    uint32_t mask = m->slots_count - 1;
    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &m->slots[i];
        if (*slot == 0) {
            return slot;
        }
        const sw_map_entry *e = &m->entries[*slot - 1];
        if (e->hash == hash && sw_str_eq(e->key, key)) {
            return slot;
        }
    }
}

uint32_t *sw_map_find(const sw_map *m, sw_str key)
{
    if (m->count == 0) {
        return NULL;
    }
    uint32_t *slot = slot_of(m, key, (uint32_t)sw_hash(sw_str_bytes(key)));
    return *slot == 0 ? NULL : &m->entries[*slot - 1].value;
}

/* Slots are at most half full. */
static sw_status grow(sw_map *m)
{
    uint32_t capacity = m->capacity == 0 ? 8 : m->capacity * 2;
    if (capacity > UINT32_MAX / 4) {
        return SW_NO_MEMORY;
    }
    uint32_t *slots = sw_alloc_array(m->budget, (size_t)capacity * 2, sizeof *slots);
    if (slots == NULL) {
        return SW_NO_MEMORY;
    }
    sw_map_entry *entries = sw_realloc(m->budget, m->entries, m->capacity * sizeof *entries,
                                       capacity * sizeof *entries);
    if (entries == NULL) {
        sw_free(m->budget, slots, (size_t)capacity * 2 * sizeof *slots);
        return SW_NO_MEMORY;
    }
    sw_free(m->budget, m->slots, m->slots_count * sizeof *slots);
    m->entries = entries;
    m->capacity = capacity;
    m->slots = slots;
    m->slots_count = capacity * 2;
    for (uint32_t i = 0; i < m->count; i++) {
        *slot_of(m, entries[i].key, entries[i].hash) = i + 1;
    }
    return SW_OK;
}

sw_status sw_map_insert(sw_map *m, sw_str key, uint32_t value, uint32_t **ret_place,
                        bool *ret_inserted)
{
    if (m->count == m->capacity) {
        SW_TRY(grow(m));
    }
    uint32_t hash = (uint32_t)sw_hash(sw_str_bytes(key));
    uint32_t *slot = slot_of(m, key, hash);
    *ret_inserted = *slot == 0;
    if (*slot == 0) {
        m->entries[m->count] = (sw_map_entry){.key = key, .value = value, .hash = hash};
        *slot = ++m->count;
    }
    *ret_place = &m->entries[*slot - 1].value;
    return SW_OK;
}
