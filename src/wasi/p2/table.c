/* WASI 0.2: the table of resources. */
#include "wasi/p2/p2.h"

#include <sys/stat.h>
#include <unistd.h>

enum { GENERATIONS = 1 << (32 - P2_INDEX_BITS) };

sw_trap sw_p2_of(sw_wasi *w, sw_p2 **ret_p2)
{
    sw_p2 **slot = sw_wasi_p2(w);
    if (SW_UNLIKELY(*slot == NULL)) {
        sw_store *store = sw_wasi_store(w);
        sw_p2 *p = sw_alloc(sw_store_budget(store), sizeof *p);
        if (p == NULL) {
            return SW_TRAP_OUT_OF_HOST_MEMORY;
        }
        p->wasi = w;
        p->store = store;
        p->budget = p->slots.budget = p->known.budget = sw_store_budget(store);
        *slot = p;
    }
    *ret_p2 = *slot;
    return SW_TRAP_NONE;
}

/* ---- Files ----------------------------------------------------------------------------------- */

sw_trap sw_p2_file_new(sw_p2 *p, int fd, bool is_owned, p2_file **ret_file)
{
    struct stat st = {};
    p2_file *f = sw_alloc(p->budget, sizeof *f);
    if (f == NULL) {
        if (is_owned && fd >= 0) {
            (void)close(fd);
        }
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    if (fd >= 0) {
        (void)fstat(fd, &st);
    }
    *f = (p2_file){.references = 1,
                   .fd = fd,
                   .is_owned = is_owned,
                   .is_plain = S_ISREG(st.st_mode),
                   .is_silent = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)};
    if (is_owned) {
        sw_wasi_opened(p->wasi);
    }
    *ret_file = f;
    return SW_TRAP_NONE;
}

p2_file *sw_p2_file_ref(p2_file *f)
{
    if (f != NULL) {
        f->references++;
    }
    return f;
}

void sw_p2_file_unref(sw_p2 *p, p2_file *f)
{
    if (f == NULL || --f->references != 0) {
        return;
    }
    p->sockets_count -= f->is_counted;
    sw_budget_release(p->budget, (size_t)f->buffers[0] + f->buffers[1]);
    if (f->is_owned) {
        sw_wasi_closed(p->wasi);
        (void)close(f->fd);
    }
    sw_free(p->budget, f, sizeof *f);
}

/* ---- Objects --------------------------------------------------------------------------------- */

static void object_clear(sw_p2 *p, const p2_object *o)
{
    if (o->kind == P2_DIRECTORY_ENTRIES) {
        sw_free(p->budget, o->entries.buffer, SW_DIR_BUFFER_BYTES);
    } else if (o->kind == P2_OTHER) {
        o->other.type->drop(p, o->other.body);
    }
    sw_p2_file_unref(p, o->file);
    sw_p2_io_unref(p, o->io);
}

/* A free slot's index; false: the table is full. */
static bool take_slot(sw_p2 *p, uint32_t *ret_index)
{
    if (p->first_free != 0) {
        *ret_index = p->first_free - 1;
        p->first_free = p->slots.at[*ret_index].next_free;
        return true;
    }
    if (p->slots.count == P2_MAX_OBJECTS || sw_vec_push(&p->slots, (p2_slot){0}) != SW_OK) {
        return false;
    }
    *ret_index = (uint32_t)p->slots.count - 1;
    return true;
}

sw_trap sw_p2_add(sw_p2 *p, const p2_object *object, uint32_t *ret_rep)
{
    uint32_t index;
    p2_object *copy = sw_alloc(p->budget, sizeof *copy);
    if (copy == NULL || !take_slot(p, &index)) {
        sw_free(p->budget, copy, sizeof *copy);
        object_clear(p, object);
        sw_store_explain_trap(p->store, "no room for another resource");
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    *copy = *object;
    p->slots.at[index].object = copy;
    *ret_rep = p->slots.at[index].generation << P2_INDEX_BITS | index;
    return SW_TRAP_NONE;
}

/* type: NULL but for P2_OTHER. */
static p2_slot *find_slot(sw_p2 *p, uint32_t rep, p2_kind kind, const sw_p2_type *type)
{
    uint32_t index = rep & (P2_MAX_OBJECTS - 1);
    if (index >= p->slots.count) {
        return NULL;
    }
    p2_slot *s = &p->slots.at[index];
    bool fits =
        s->object != NULL && s->object->kind == kind && s->generation == rep >> P2_INDEX_BITS;
    return fits && (type == NULL || s->object->other.type == type) ? s : NULL;
}

static sw_trap get_slot(sw_host_call *call, uint32_t rep, p2_kind kind, const sw_p2_type *type,
                        p2_slot **ret)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    *ret = find_slot(p, rep, kind, type);
    if (*ret == NULL) {
        sw_store_explain_trap(p->store, "the resource behind a handle does not exist any more");
        return SW_TRAP_HOST;
    }
    return SW_TRAP_NONE;
}

sw_trap sw_p2_get(sw_host_call *call, uint32_t rep, p2_kind kind, p2_object **ret)
{
    p2_slot *s;
    P2_TRY(get_slot(call, rep, kind, NULL, &s));
    *ret = s->object;
    return SW_TRAP_NONE;
}

static p2_object *empty_slot(sw_p2 *p, p2_slot *s)
{
    p2_object *o = s->object;
    s->object = NULL;
    s->generation = (s->generation + 1) % GENERATIONS;
    s->next_free = p->first_free;
    p->first_free = (uint32_t)(s - p->slots.at) + 1;
    return o;
}

/* Clearing may run another room's code, which may use the table: the slot is emptied before. */
static void drop_slot(sw_p2 *p, p2_slot *s)
{
    if (s != NULL) {
        p2_object *o = empty_slot(p, s);
        object_clear(p, o);
        sw_free(p->budget, o, sizeof *o);
    }
}

void sw_p2_drop(void *env, uint32_t rep, p2_kind kind)
{
    sw_p2 *p = *sw_wasi_p2(env);
    drop_slot(p, p == NULL ? NULL : find_slot(p, rep, kind, NULL));
}

/* ---- Resources of other rooms ---------------------------------------------------------------- */

sw_trap sw_p2_add_other(sw_p2 *p, const sw_p2_type *type, void *body, uint32_t *ret_rep)
{
    return sw_p2_add(p,
                     &(p2_object){
                         .kind = P2_OTHER, .other = {type, body}
    },
                     ret_rep);
}

sw_trap sw_p2_get_other(sw_host_call *call, uint32_t rep, const sw_p2_type *type, void **ret_body)
{
    p2_slot *s;
    P2_TRY(get_slot(call, rep, P2_OTHER, type, &s));
    *ret_body = s->object->other.body;
    return SW_TRAP_NONE;
}

sw_trap sw_p2_take_other(sw_host_call *call, uint32_t rep, const sw_p2_type *type, void **ret_body)
{
    p2_slot *s;
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    P2_TRY(get_slot(call, rep, P2_OTHER, type, &s));
    p2_object *o = empty_slot(p, s);
    *ret_body = o->other.body;
    sw_free(p->budget, o, sizeof *o);
    return SW_TRAP_NONE;
}

void sw_p2_drop_other(void *env, uint32_t rep, const sw_p2_type *type)
{
    sw_p2 *p = *sw_wasi_p2(env);
    drop_slot(p, p == NULL ? NULL : find_slot(p, rep, P2_OTHER, type));
}

void sw_p2_free(sw_p2 *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->slots.count; i++) {
        if (p->slots.at[i].object != NULL) {
            drop_slot(p, &p->slots.at[i]);
        }
    }
    sw_vec_clear(&p->slots);
    sw_vec_clear(&p->known);
    sw_free(p->budget, p, sizeof *p);
}

/* ---- Shared ---------------------------------------------------------------------------------- */

sw_trap sw_p2_no_memory(sw_host_call *call)
{
    sw_store_explain_trap(call->store, "no memory for the result of a host function");
    return SW_TRAP_OUT_OF_HOST_MEMORY;
}

sw_trap sw_p2_bytes(sw_host_call *call, uint64_t len, uint8_t **ret)
{
    *ret = sw_arena_alloc(call->arena, len, 16);
    return *ret == NULL ? sw_p2_no_memory(call) : SW_TRAP_NONE;
}
