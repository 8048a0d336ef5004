/*
 * Running the canonical ABI's programs: one call's lifting, lowering, or passing from guest to
 * guest.
 *
 * The host's side is memory laid out as host.h says. A guest's side is a place: a frame of
 * registers or an address in its linear memory. Bounds and alignment of a value's place are checked
 * before its program runs; memories never shrink, so they stay good while the guest's realloc runs,
 * and pointers are made anew from addresses after every realloc.
 */
#pragma once

#include "component/canon.h"
#include "component/handles.h"
#include "component/text.h"

typedef struct sw_canon_guest sw_canon_guest;

/* Calls the guest's realloc and refreshes g->memory. */
typedef sw_trap sw_canon_realloc_fn(sw_canon_guest *g, uint32_t old, uint32_t old_bytes,
                                    uint32_t align, uint32_t new_bytes, uint32_t *ret_address);

struct sw_canon_guest {
    const sw_memory_view *memory;          /* as of now; one of no bytes when there is no memory */
    const sw_memory_object *memory_object; /* or NULL: memory never changes */
    sw_canon_realloc_fn *realloc;
    void *realloc_env;
    uint32_t encoding; /* sw_string_encoding */
    sw_handle_side handles;
};

/*
 * Lifting: from and host are set. Lowering: host and to. Passing: from and to.
 */
typedef struct sw_canon_call {
    const sw_canon *canon;
    sw_canon_guest *from, *to;
    sw_handle_side *host; /* the host's handles */
    sw_store *store;      /* for explanations; may be NULL */
    sw_arena *arena;      /* lifting: where strings and lists go */
    bool may_alias;       /* lifting: strings and plain lists may stay where they are */
    int64_t bytes_left;   /* SW_CANON_CALL_BYTES at first */
} sw_canon_call;

/* A guest's side of a program: a frame, or an address when frame is NULL. */
typedef struct sw_canon_place {
    uint8_t *frame;
    uint32_t address;
} sw_canon_place;

/* Runs one program. */
SW_NODISCARD sw_trap sw_canon_lift(sw_canon_call *c, uint32_t program, sw_canon_place from,
                                   uint8_t *host);
SW_NODISCARD sw_trap sw_canon_lower(sw_canon_call *c, uint32_t program, const uint8_t *host,
                                    sw_canon_place to);
SW_NODISCARD sw_trap sw_canon_pass(sw_canon_call *c, uint32_t program, sw_canon_place from,
                                   sw_canon_place to);

/* ---- Shared by the three -----------------------------------------------------------------------
 */

static inline uint8_t *sw_canon_at(const sw_canon_guest *g, sw_canon_place p)
{
    return p.frame != NULL ? p.frame : g->memory->base + p.address;
}

/* Checks the place of a tuple in memory. */
SW_NODISCARD sw_trap sw_canon_check_tuple(const sw_canon_call *c, const sw_canon_guest *g,
                                          const sw_canon_values *v, uint32_t address);

/* What an allocation is for, in messages. */
typedef enum sw_canon_what {
    SW_CANON_LIST_CONTENT,
    SW_CANON_STRING_CONTENT,
} sw_canon_what;

/* The receiving guest's realloc, its result checked to be aligned and inside the memory. */
SW_NODISCARD sw_trap sw_canon_allocate(sw_canon_call *c, sw_canon_what what, const uint32_t old[2],
                                       uint32_t align, uint32_t bytes, uint32_t *ret_address);

/* Takes bytes from what this call may move. */
SW_NODISCARD sw_trap sw_canon_spend(sw_canon_call *c, uint64_t bytes);

/* Whether a list's elements lie in the memory, aligned, and are not too many. */
SW_NODISCARD sw_trap sw_canon_check_list(sw_canon_call *c, const sw_canon_list *l, uint32_t address,
                                         uint32_t count);

/* A string that is about to be lowered: the host's, or one in the memory of c->from. */
typedef struct sw_canon_string {
    sw_str host;
    uint32_t address; /* when c->from is set */
    uint32_t units;
    sw_text_form form;
    bool is_tagged; /* its guest encodes as Latin-1 or UTF-16 */
} sw_canon_string;

/* Checks and describes the string that a guest passes as two words. */
SW_NODISCARD sw_trap sw_canon_open_string(sw_canon_call *c, uint32_t address, uint32_t tagged_units,
                                          sw_canon_string *ret_string);
sw_bytes sw_canon_string_bytes(const sw_canon_call *c, const sw_canon_string *s);
/* Reports that a string is malformed. */
sw_trap sw_canon_bad_text(sw_canon_call *c, const sw_canon_string *s);

/* Allocates in c->to and writes; the two words to pass. */
SW_NODISCARD sw_trap sw_canon_store_string(sw_canon_call *c, const sw_canon_string *s,
                                           uint32_t *ret_address, uint32_t *ret_units);

/* Little-endian loads and stores at any alignment. */
static inline uint32_t sw_load_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void sw_store_u32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

/* bytes: 1, 2 or 4. */
static inline uint32_t sw_load_tag(const uint8_t *p, uint32_t bytes)
{
    if (bytes == 1) {
        return *p;
    }
    if (bytes == 4) {
        return sw_load_u32(p);
    }
    uint16_t half;
    memcpy(&half, p, sizeof half);
    return half;
}

static inline void sw_store_tag(uint8_t *p, uint32_t bytes, uint32_t v)
{
    if (bytes == 1) {
        *p = (uint8_t)v;
    } else {
        memcpy(p, &v, bytes == 2 ? 2 : 4);
    }
}

static inline bool sw_is_scalar_value(uint32_t c)
{
    return c < 0x110000 && (c < 0xd800 || c > 0xdfff);
}
