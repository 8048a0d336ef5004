/* Arena collections: vectors that double, and two open-addressed maps at most half full. */
#include "component/collect.h"

#include "base/map.h"

enum { FIRST_ITEMS = 8, MAX_ITEMS = 1 << 28 };

bool sw_avec_grow_(sw_arena *arena, void **at, uint32_t *capacity, size_t item_bytes)
{
    uint32_t grown = *capacity == 0 ? FIRST_ITEMS : *capacity * 2;
    if (grown > MAX_ITEMS) {
        return false;
    }
    void *copy = sw_arena_alloc_array(arena, grown, item_bytes, 8);
    if (copy == NULL) {
        return false;
    }
    if (*capacity != 0) {
        memcpy(copy, *at, *capacity * item_bytes);
    }
    *at = copy;
    *capacity = grown;
    return true;
}

static sw_name_slot *name_slot(const sw_name_map *m, sw_str key, uint32_t hash)
{
    for (uint32_t i = hash;; i++) {
        sw_name_slot *s = &m->slots[i & (m->slots_count - 1)];
        if (s->key.ptr == NULL || (s->hash == hash && sw_str_eq(s->key, key))) {
            return s;
        }
    }
}

uint32_t *sw_name_map_find(const sw_name_map *m, sw_str key)
{
    if (m->count == 0) {
        return NULL;
    }
    sw_name_slot *s = name_slot(m, key, (uint32_t)sw_hash(sw_str_bytes(key)));
    return s->key.ptr == NULL ? NULL : &s->value;
}

static sw_status grow_names(sw_arena *arena, sw_name_map *m)
{
    sw_name_map grown = {.count = m->count,
                         .slots_count = m->slots_count == 0 ? FIRST_ITEMS : m->slots_count * 2};
    grown.slots = SW_NEW_ARRAY(arena, sw_name_slot, grown.slots_count);
    if (grown.slots == NULL || grown.slots_count > MAX_ITEMS) {
        return SW_NO_MEMORY;
    }
    for (uint32_t i = 0; i < m->slots_count; i++) {
        if (m->slots[i].key.ptr != NULL) {
            *name_slot(&grown, m->slots[i].key, m->slots[i].hash) = m->slots[i];
        }
    }
    *m = grown;
    return SW_OK;
}

sw_status sw_name_map_insert(sw_arena *arena, sw_name_map *m, sw_str key, uint32_t value,
                             bool *ret_inserted)
{
    if (m->count * 2 >= m->slots_count) {
        SW_TRY(grow_names(arena, m));
    }
    uint32_t hash = (uint32_t)sw_hash(sw_str_bytes(key));
    sw_name_slot *s = name_slot(m, key, hash);
    *ret_inserted = s->key.ptr == NULL;
    if (*ret_inserted) {
        *s = (sw_name_slot){
            {key.ptr == NULL ? "" : key.ptr, key.len},
            value, hash
        };
        m->count++;
    }
    return SW_OK;
}

static sw_id_slot *id_slot(const sw_id_map *m, uint64_t key)
{
    uint32_t hash = (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
    for (uint32_t i = hash;; i++) {
        sw_id_slot *s = &m->slots[i & (m->slots_count - 1)];
        if (s->key == 0 || s->key == key + 1) {
            return s;
        }
    }
}

const uint32_t *sw_id_map_find(const sw_id_map *m, uint64_t key)
{
    if (m->count == 0) {
        return NULL;
    }
    const sw_id_slot *s = id_slot(m, key);
    return s->key == 0 ? NULL : &s->value;
}

static sw_status grow_ids(sw_arena *arena, sw_id_map *m)
{
    sw_id_map grown = {.count = m->count,
                       .slots_count = m->slots_count == 0 ? FIRST_ITEMS : m->slots_count * 2};
    grown.slots = SW_NEW_ARRAY(arena, sw_id_slot, grown.slots_count);
    if (grown.slots == NULL || grown.slots_count > MAX_ITEMS) {
        return SW_NO_MEMORY;
    }
    for (uint32_t i = 0; i < m->slots_count; i++) {
        if (m->slots[i].key != 0) {
            *id_slot(&grown, m->slots[i].key - 1) = m->slots[i];
        }
    }
    *m = grown;
    return SW_OK;
}

sw_status sw_id_map_set(sw_arena *arena, sw_id_map *m, uint64_t key, uint32_t value)
{
    if (m->count * 2 >= m->slots_count) {
        SW_TRY(grow_ids(arena, m));
    }
    sw_id_slot *s = id_slot(m, key);
    m->count += s->key == 0;
    *s = (sw_id_slot){key + 1, value};
    return SW_OK;
}
