/*
 * WASI 0.2 inside: the resources that a host's functions give to guests, and what the functions
 * share. Prototypes and types of the functions come from the WIT texts in wasi/wit, by the bindings
 * generator.
 *
 * A guest knows a resource by a handle, the canonical ABI turns that into the representation chosen
 * here: 20 bits of index into a table, 12 bits of generation, so that a representation that was
 * dropped is noticed. An object may outlive the descriptor it came from: what they have in common
 * is a p2_file with a count of references, so the order in which a guest drops things is its own.
 *
 * Other rooms put resources of their own into the table (sw_p2_type), and give guests streams and
 * pollables over what is not a file (sw_p2_io).
 */
#pragma once

#include "base/vec.h"
#include "wasi/core/fs.h"
#include "wasi/core/pipe.h"
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
    P2_OTHER, /* of another room */
} p2_kind;

typedef const char *sw_p2_describe_fn(uint32_t code);

/* What went wrong in a stream: an errno, or (describe) a code with a meaning elsewhere. */
typedef struct sw_p2_error {
    int err;
    uint32_t code;
    sw_p2_describe_fn *describe; /* also tells whose code it is; NULL: it is an errno */
} sw_p2_error;

/* An open file of the host. */
typedef struct p2_file {
    uint32_t references;
    int fd;              /* -1: closed stream, or the empty root */
    bool is_owned;       /* closed with the last reference */
    bool is_plain;       /* a regular file: never waits, has positions */
    bool is_silent;      /* a pipe or a socket: writing must not raise SIGPIPE */
    bool is_counted;     /* a socket of the guest's: never blocks, is one of the table's sockets */
    short awaited;       /* what pollables without events of their own wait for; 0: nothing */
    uint32_t buffers[2]; /* bytes charged for what the kernel keeps: received, to be sent */
} p2_file;

/* How an operation of a stream ended where it did not trap: one of these, or an errno. */
enum { SW_P2_DONE = 0, SW_P2_CLOSED = -1, SW_P2_FAILED = -2 /* see the sw_p2_io's error */ };

typedef struct sw_p2_io sw_p2_io;

/* Nothing here waits. A missing operation is never called; the results are those above. */
typedef struct sw_p2_io_ops {
    /* Bytes that are there; *ret_len 0 with DONE: none yet. */
    int (*read)(sw_p2_io *io, uint8_t *to, size_t len, size_t *ret_len);
    /* How many bytes read would give at most; NULL: not known. */
    size_t (*available)(sw_p2_io *io);
    /* How many bytes write would take; 0 with DONE: wait. */
    int (*room)(sw_p2_io *io, size_t *ret_len);
    /* Takes what there is room for. */
    int (*write)(sw_p2_io *io, const uint8_t *from, size_t len, size_t *ret_len);
    void (*free)(sw_p2 *p, sw_p2_io *io); /* the last reference is gone */
} sw_p2_io_ops;

/* What is behind a stream or a pollable that is not a file; the first member of something larger.
 */
struct sw_p2_io {
    const sw_p2_io_ops *ops;
    sw_source *source; /* asked for POLLIN by readers, for POLLOUT by writers */
    uint32_t references;
    sw_p2_error error; /* of FAILED */
};

/* A resource of another room. drop: what the guest's drop, or the end of the table, does. */
typedef struct sw_p2_type {
    const char *name;
    void (*drop)(sw_p2 *p, void *body);
} sw_p2_type;

typedef enum p2_write_mode {
    P2_WRITE_HERE,   /* where the file's own position is: pipes, terminals, standard streams */
    P2_WRITE_AT,     /* at the stream's offset */
    P2_WRITE_APPEND, /* at the end, wherever that is by then */
} p2_write_mode;

typedef struct p2_object {
    p2_kind kind;
    p2_file *file; /* a reference, or NULL */
    sw_p2_io *io;  /* a reference, or NULL; of streams and pollables without a file */
    union {
        sw_p2_error error;
        struct {
            short events; /* with file or io; 0 with file: what the file awaits by then */
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
        struct {
            const sw_p2_type *type;
            void *body; /* owned as the type sees it */
        } other;
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
    uint32_t sockets_count, lookups_count;
    uint32_t next_known;        /* the oldest, if known is full */
    SW_VEC(sw_net_known) known; /* from looking names up */
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

/* ---- For other rooms ------------------------------------------------------------------------- */

/* Adds a resource of this type, which is dropped when that fails. */
SW_NODISCARD sw_trap sw_p2_add_other(sw_p2 *p, const sw_p2_type *type, void *body,
                                     uint32_t *ret_rep);

/* Its body; a trap when it is gone or of another type. */
SW_NODISCARD sw_trap sw_p2_get_other(sw_host_call *call, uint32_t rep, const sw_p2_type *type,
                                     void **ret_body);

/* For a function that was given the resource for good: out of the table, without its drop. */
SW_NODISCARD sw_trap sw_p2_take_other(sw_host_call *call, uint32_t rep, const sw_p2_type *type,
                                      void **ret_body);

/* What the guest's drop does. */
void sw_p2_drop_other(void *env, uint32_t rep, const sw_p2_type *type);

sw_p2_io *sw_p2_io_ref(sw_p2_io *io);        /* io may be NULL */
void sw_p2_io_unref(sw_p2 *p, sw_p2_io *io); /* io may be NULL */

/* An input or output stream, or a pollable that is ready when the io's source is. Each takes over
 * a reference, also when it fails. */
SW_NODISCARD sw_trap sw_p2_add_input(sw_p2 *p, sw_p2_io *io, uint32_t *ret_rep);
SW_NODISCARD sw_trap sw_p2_add_output(sw_p2 *p, sw_p2_io *io, uint32_t *ret_rep);
SW_NODISCARD sw_trap sw_p2_add_pollable(sw_p2 *p, sw_p2_io *io, short events, uint32_t *ret_rep);

/* An io, with one reference, for one end of a pipe, of which it takes a reference. Dropping the
 * stream leaves the pipe's state alone. describe: the text of the pipe's failure code. */
SW_NODISCARD sw_trap sw_p2_pipe_io(sw_p2 *p, sw_pipe *pipe, bool writes,
                                   sw_p2_describe_fn *describe, sw_p2_io **ret_io);

/* An io, with one reference, that hands what is written to the context's sink. */
SW_NODISCARD sw_trap sw_p2_sink_io(sw_p2 *p, sw_wasi *w, unsigned stream, sw_p2_io **ret_io);

/* What a guest's error handle stands for. */
SW_NODISCARD sw_trap sw_p2_get_error(sw_host_call *call, uint32_t rep, const sw_p2_error **ret);

/* ---- Shared ---------------------------------------------------------------------------------- */

/* A list of so many bytes in the call's arena. */
SW_NODISCARD sw_trap sw_p2_bytes(sw_host_call *call, uint64_t len, uint8_t **ret);
SW_NODISCARD sw_trap sw_p2_no_memory(sw_host_call *call);

/* A pollable for what is behind a stream (a new reference is taken), or a point in time. */
SW_NODISCARD sw_trap sw_p2_pollable(sw_host_call *call, const p2_object *stream, short events,
                                    uint64_t deadline_ns, uint32_t *ret_rep);

/* wasi:filesystem's error-code for an errno. */
uint8_t sw_p2_error_code(int err);
