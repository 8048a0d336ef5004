/*
 * WASI 0.2 inside: the resources that a host's functions give to guests, and what the functions
 * share. Prototypes and types of the functions come from the WIT texts in wasi/wit, by the bindings
 * generator.
 *
 * A guest knows a resource by a handle, the canonical ABI turns that into the representation chosen
 * here: 20 bits of index into a table, 12 bits of generation, so that a representation that was
 * dropped is noticed. An object may outlive the descriptor it came from: what they have in common
 * is a p2_file with a count of references, so the order in which a guest drops things is its own.
 */
#pragma once

#include "base/vec.h"
#include "wasi/core/fs.h"
#include "wasi/wasi.h"

typedef enum p2_kind {
    P2_FREE,
    P2_ERROR,
    P2_POLLABLE,
    P2_INPUT_STREAM,
    P2_OUTPUT_STREAM,
    P2_TERMINAL,
    P2_DESCRIPTOR,
    P2_DIRECTORY_ENTRIES,
} p2_kind;

/* An open file of the host. */
typedef struct p2_file {
    uint32_t references;
    int fd;        /* -1: closed stream, or the empty root */
    bool is_owned; /* closed with the last reference */
    bool is_plain; /* a regular file: never waits, has positions */
} p2_file;

typedef enum p2_write_mode {
    P2_WRITE_HERE,   /* where the file's own position is: pipes, terminals, standard streams */
    P2_WRITE_AT,     /* at the stream's offset */
    P2_WRITE_APPEND, /* at the end, wherever that is by then */
} p2_write_mode;

typedef struct p2_object {
    p2_kind kind;
    p2_file *file; /* a reference, or NULL */
    union {
        int err; /* ERROR: an errno */
        struct {
            short events; /* with file */
            uint64_t deadline_ns;
        } pollable;
        struct {
            uint64_t offset;
            bool has_offset, is_closed;
        } input;
        struct {
            p2_write_mode mode;
            uint64_t offset;
            uint64_t permit; /* bytes that the guest may write without asking again */
            bool is_closed;
        } output;
        struct {
            const sw_preopen *root; /* where it was reached from */
            bool is_directory, reads, writes;
        } descriptor;
        struct {
            sw_dir_reader reader;
            uint8_t *buffer; /* owned; SW_DIR_BUFFER_BYTES */
        } entries;
    };
} p2_object;

/* ---- The table ------------------------------------------------------------------------------- */

enum { P2_INDEX_BITS = 20, P2_MAX_OBJECTS = 1 << P2_INDEX_BITS };

typedef struct p2_slot {
    p2_object *object; /* owned; NULL: free */
    uint32_t generation;
    uint32_t next_free; /* 1 + index; 0: none */
} p2_slot;

struct sw_p2 {
    sw_wasi *wasi;     /* borrowed */
    sw_store *store;   /* borrowed */
    sw_budget *budget; /* the store's */
    SW_VEC(p2_slot) slots;
    uint32_t first_free; /* 1 + index; 0: none */
};

#define P2_TRY(e)                                    \
    do {                                             \
        sw_trap p2_trap_ = (e);                      \
        if (SW_UNLIKELY(p2_trap_ != SW_TRAP_NONE)) { \
            return p2_trap_;                         \
        }                                            \
    } while (0)

/* The context's table. */
SW_NODISCARD sw_trap sw_p2_of(sw_wasi *w, sw_p2 **ret_p2);

/* Files. sw_p2_file_new takes the descriptor over when is_owned, even when it fails. */
SW_NODISCARD sw_trap sw_p2_file_new(sw_p2 *p, int fd, bool is_owned, p2_file **ret_file);
p2_file *sw_p2_file_ref(p2_file *f);         /* f may be NULL */
void sw_p2_file_unref(sw_p2 *p, p2_file *f); /* f may be NULL */

/* Adds a copy of the object, which takes over its references even when it fails. */
SW_NODISCARD sw_trap sw_p2_add(sw_p2 *p, const p2_object *object, uint32_t *ret_rep);

/* The object behind a representation; a trap when it is gone or of another kind. */
SW_NODISCARD sw_trap sw_p2_get(sw_host_call *call, uint32_t rep, p2_kind kind, p2_object **ret);

/* What the guest's drop does. */
void sw_p2_drop(void *env, uint32_t rep, p2_kind kind);

/* ---- Shared ---------------------------------------------------------------------------------- */

/* A list of so many bytes in the call's arena. */
SW_NODISCARD sw_trap sw_p2_bytes(sw_host_call *call, uint64_t len, uint8_t **ret);
SW_NODISCARD sw_trap sw_p2_no_memory(sw_host_call *call);

/* A pollable for a file (a new reference is taken) or a time. */
SW_NODISCARD sw_trap sw_p2_pollable(sw_host_call *call, p2_file *file, short events,
                                    uint64_t deadline_ns, uint32_t *ret_rep);

/* wasi:filesystem's error-code for an errno. */
uint8_t sw_p2_error_code(int err);
