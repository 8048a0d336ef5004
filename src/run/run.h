/*
 * Running compiled modules: engine, loaded code, store, instances, calls, traps.
 *
 * An ENGINE is made once a process (signal handlers, function-type registry). CODE is a loaded
 * image, shared by any number of instances and threads, reference-counted. A STORE is one tenant:
 * it owns its instances, its stack, its memory budget, its deadline and its last trap; it belongs
 * to one thread at a time. An INSTANCE is one contiguous slot of address space: context, tables,
 * memory; it lives as long as its store.
 *
 * Guest code runs on the store's own stack (a fiber), never on the caller's, so that stack
 * exhaustion is a fault in a known guard and a guest may later be suspended. A host function runs
 * on that same stack; before it runs at least host_stack_bytes of the store's limits are free, or
 * the guest traps.
 */
#pragma once

#include "base/memory.h"
#include "base/status.h"
#include "code/abi.h"
#include "os/loop.h"

typedef struct sw_engine sw_engine;
typedef struct sw_code sw_code;
typedef struct sw_store sw_store;
typedef struct sw_instance sw_instance;

/* ---- Engine ---------------------------------------------------------------------------------- */

SW_NODISCARD sw_status sw_engine_new(sw_diag *diag, sw_engine **ret_engine);
void sw_engine_free(sw_engine *e); /* after everything made from it; e may be NULL */

/* The engine-wide id of a function type: equal ids if and only if equal types. Thread-safe.
 * 0 is never an id; it is returned when out of memory. */
uint32_t sw_engine_functype_id(sw_engine *e, const sw_functype *type);

/* ---- Code ------------------------------------------------------------------------------------ */

/* Where an image's bytes come from: a range of an open file, mapped copy-on-write and executable,
 * or (fd -1) memory that is copied into a fresh mapping. */
typedef struct sw_image_source {
    int fd;          /* borrowed for the call */
    uint64_t offset; /* of the image in the file; a multiple of the page size */
    sw_bytes bytes;  /* the image: when fd is -1; else only len is used */
} sw_image_source;

/* The image is trusted: the caller knows that it came from sw_module_compile of this build.
 * Fails with SW_STALE when header, build hash or required CPU features do not fit. */
SW_NODISCARD sw_status sw_code_load(sw_engine *e, const sw_image_source *source, sw_diag *diag,
                                    sw_code **ret_code);
sw_code *sw_code_ref(sw_code *c);
void sw_code_unref(sw_code *c); /* c may be NULL */

typedef struct sw_extern_type {
    sw_extern_kind kind;
    union {
        sw_functype func;
        sw_tabletype table;
        sw_memtype memory;
        sw_globaltype global;
        sw_functype tag;
    };
} sw_extern_type;

typedef struct sw_code_import {
    sw_str module, name;
    sw_extern_type type;
} sw_code_import;

typedef struct sw_code_export {
    sw_str name;
    sw_extern_type type;
} sw_code_export;

uint32_t sw_code_imports_count(const sw_code *c);
void sw_code_get_import(const sw_code *c, uint32_t i, sw_code_import *ret_import);
uint32_t sw_code_exports_count(const sw_code *c);
void sw_code_get_export(const sw_code *c, uint32_t i, sw_code_export *ret_export);
/* The export's index, or SW_NO_INDEX. Hashed or sorted: cheap. */
uint32_t sw_code_find_export(const sw_code *c, sw_str name);

/* ---- Store ----------------------------------------------------------------------------------- */

typedef struct sw_store_limits {
    uint64_t memory_bytes;   /* all linear memories together; growing past it gives -1 */
    uint64_t table_elements; /* all tables together */
    uint64_t host_bytes;     /* the store's budget: everything the host allocates for it */
    uint64_t stack_bytes;    /* usable guest stack */
    /* Stack below that, which host functions find free however deep the guest is: at least
     * SW_HOST_STACK_MIN is taken, which is plenty for all that swell itself does in one. */
    uint64_t host_stack_bytes;
    uint32_t instances;
} sw_store_limits;

enum { SW_HOST_STACK_MIN = 128 * 1024 };

/* 1 GiB, 10 million, 256 MiB, 8 MiB, 256 KiB, 10,000. */
extern const sw_store_limits SW_STORE_LIMITS_DEFAULT;

SW_NODISCARD sw_status sw_store_new(sw_engine *e, const sw_store_limits *limits, sw_diag *diag,
                                    sw_store **ret_store);
void sw_store_free(sw_store *s); /* with all its instances; s may be NULL */

/* Frees its instances and objects and forgets deadline, trap and interruptions, so that the store
 * is as new; its stack, loop and references to code are kept, for whoever comes next. Nothing of it
 * may be running. */
void sw_store_recycle(sw_store *s);

/* Remembers the instances as they are, after they were made and before any function of theirs has
 * run. False: there is more to them than their images say, or a mark already, or no memory. */
bool sw_store_mark(sw_store *s);

/* As sw_store_recycle, but the instances stay, and are as they were when marked: memory, tables,
 * globals. The mark stays, too. False: there is none, or it failed; the store is to be recycled. */
bool sw_store_rewind(sw_store *s);
/* Memory that a rewound store has kept. */
size_t sw_store_held_bytes(const sw_store *s);

/* What a store needs, and how often it was refused more. Linear memories never shrink, so what they
 * are is also the most they have been. */
typedef struct sw_store_usage {
    uint64_t memory_bytes, memory_refusals; /* of linear memories */
    uint64_t host_peak_bytes, host_refusals;
} sw_store_usage;

/* Refusals count since the last call. */
sw_store_usage sw_store_take_usage(sw_store *s);

sw_budget *sw_store_budget(sw_store *s);
sw_engine *sw_store_engine(sw_store *s);

/* Guest code still running at this time (monotonic ns; 0: none) traps with SW_TRAP_DEADLINE, and a
 * store that waits is woken to do so. Host functions that block otherwise must ask
 * sw_store_deadline themselves. */
SW_NODISCARD sw_status sw_store_set_deadline(sw_store *s, uint64_t deadline_ns);
uint64_t sw_store_deadline(const sw_store *s);

/* The same without a timer of its own: the deadline is noticed whenever the store is asked to yield
 * and while it waits, which is enough where somebody calls sw_store_yield_soon from time to time.
 */
void sw_store_set_deadline_at_yield(sw_store *s, uint64_t deadline_ns);

/* From any thread or signal handler: the guest traps with SW_TRAP_INTERRUPTED at its next check; a
 * store that waits is woken to do so. */
void sw_store_interrupt(sw_store *s);

/* For host functions in the middle of long work: why to stop, or SW_TRAP_NONE. Answers one
 * sw_store_interrupt once; a deadline stays passed. In a task, yields if that was asked for. */
sw_trap sw_store_poll(sw_store *s);

/* The same without yielding: for who is about to suspend, and must not miss what wakes it. */
sw_trap sw_store_check(sw_store *s);

/* The guest asked to end: the host function that sees it calls this and returns SW_TRAP_EXIT. */
void sw_store_set_exit(sw_store *s, int exit_code);
int sw_store_exit_code(const sw_store *s);

/* Attaches a sentence to the trap that the calling host function is about to return. */
void sw_store_explain_trap(sw_store *s, const char *fmt, ...) SW_PRINTF(2, 3);

/* Records a trap that happened outside of guest code and host functions: while a host prepares a
 * call or reads its results. The explanation given before is its text. A trap that has just come
 * out of a call stays as it is. Returns SW_TRAP, or SW_EXIT for SW_TRAP_EXIT. */
sw_status sw_store_raise(sw_store *s, sw_trap reason);

/* ---- Tasks: guests on an event loop ---------------------------------------------------------- */

/*
 * A task is host code with guest calls in it that runs on the store's own stack (its fiber) and can
 * be put aside in the middle, so that a thread serves others while a guest waits:
 *
 *     sw_store_set_loop(s, loop);
 *     SW_TRY(sw_store_run(s, &(sw_store_task){.fn = handle, .done = finished, .arg = request}));
 *
 *     static void handle(sw_store *s, void *arg) { ... sw_instance_new, sw_call ... }
 *     static void finished(sw_store *s, void *arg) { ... sw_store_free(s) ... }
 *
 * fn runs at once, until it returns or something in it suspends: a host function that waits
 * (wasi/core/poll.h), or the guest when it is to yield. Then sw_store_run returns, and the loop's
 * callbacks resume the task later. Calls that fn makes enter the guest directly. A store has one
 * task at a time. It lives on the loop's thread.
 *
 * A suspended task cannot be dropped, since its frames own things: sw_store_interrupt makes it end
 * soon, by a trap.
 */
typedef struct sw_store_task {
    void (*fn)(sw_store *s, void *arg);
    /* fn has returned. Off the store's stack, which may be used again: may start another task, or
     * free the store. May run before sw_store_run returns. May be NULL. */
    void (*done)(sw_store *s, void *arg);
    /* The suspended task may go on; the owner calls sw_store_resume when it thinks fit, but not in
     * here. has_yielded: it did not wait for anything. NULL: resumed at the end of the turn, or,
     * after a yield, in the next. */
    void (*ready)(sw_store *s, void *arg, bool has_yielded);
    void *arg;
} sw_store_task;

/* The loop that the store's tasks wait on; borrowed. Before the first task, on the loop's thread.
 */
void sw_store_set_loop(sw_store *s, sw_loop *loop);

/* The loop to watch things on that the store waits for: the one that was set; else one of the
 * store's own, made when first asked for, which turns only while a call of the store waits. */
SW_NODISCARD sw_status sw_store_need_loop(sw_store *s, sw_loop **ret_loop);

/* Fails, without running anything, for want of memory, or when the store is busy (ARGUMENT). */
SW_NODISCARD sw_status sw_store_run(sw_store *s, const sw_store_task *task);

/* From inside of a call or task: puts it aside until sw_store_wake, in a task by returning to who
 * started or resumed it, else by turning the loop here. May also return early: the caller looks
 * again whether what it waited for is there, and at sw_store_check. TRAP_HOST, explained, when that
 * loop is turning already further up this stack; OUT_OF_HOST_MEMORY. */
SW_NODISCARD sw_trap sw_store_suspend(sw_store *s);

/* On the loop's thread: what the store waits for may have come. Nothing happens to one that does
 * not wait. */
void sw_store_wake(sw_store *s);

/* Goes on with a suspended task, until it suspends again or ends. Not from inside of a task of the
 * same store. */
void sw_store_resume(sw_store *s);

/* Whether a host function may block the thread: there is no deadline and this is not a task. */
bool sw_store_may_block(const sw_store *s);

/* From any thread or signal handler, while the store lives: a guest that runs in a task suspends at
 * its next check if anybody else could run, and is ready again at once. Without a task nothing
 * happens. */
void sw_store_yield_soon(sw_store *s);

/* The same for the store that runs on the calling thread, if any: for the handler of a signal that
 * is sent to the thread. */
void sw_store_yield_here(void);

/* ---- Traps ----------------------------------------------------------------------------------- */

typedef struct sw_frame {
    const sw_code *code;
    uint32_t func; /* function index in its module */
    uint32_t
        module_offset; /* byte offset of the instruction in its module; SW_NO_OFFSET: unknown */
} sw_frame;

enum { SW_MAX_FRAMES = 64 };

typedef struct sw_trap_info {
    sw_trap reason;          /* SW_TRAP_NONE: none yet */
    char text[256];          /* one sentence; never empty when there is a reason */
    uint32_t frames_count;   /* kept, innermost first */
    uint32_t frames_dropped; /* deeper ones that found no room */
    sw_frame frames[SW_MAX_FRAMES];
} sw_trap_info;

/* The last trap, until the next outermost call. Places in modules are found when it is first asked
 * for, which takes about as long as compiling those modules; the other two cost nothing. */
const sw_trap_info *sw_store_trap(const sw_store *s);
sw_trap sw_store_trap_reason(const sw_store *s);
const char *sw_store_trap_text(const sw_store *s);

/* Name of a function for a backtrace: from the name section, else an export, else empty. */
sw_str sw_code_func_name(const sw_code *c, uint32_t func);
/* Name of the module, or empty. */
sw_str sw_code_name(const sw_code *c);

/* ---- Host functions -------------------------------------------------------------------------- */

typedef struct sw_host_func sw_host_func;

/* Takes its parameters from regs (and the overflow area, sw_store_args_area) by sw_regs_get_params
 * or directly, and leaves its results there. Returns SW_TRAP_NONE, or the reason to trap. It must
 * not touch guest memory past what the memory's view says at that moment. */
typedef sw_trap sw_host_entry_fn(sw_host_func *self, sw_regs *regs);

/* Caller-allocated, often embedded in a larger struct; must outlive the instances that import it.
 * Filled by sw_host_func_init. */
struct sw_host_func {
    sw_host_entry_fn *entry; /* machine code knows: offset 0 */
    sw_store *store;         /* machine code knows: offset 8 */
    void *env;               /* for the entry's use */
    const sw_functype *type; /* borrowed */
    sw_func_cell cell;       /* what an import is satisfied with */
};

SW_NODISCARD sw_status sw_host_func_init(sw_host_func *f, sw_store *s, const sw_functype *type,
                                         sw_host_entry_fn *entry, void *env);

/* The same for one whose entry, env and type are set and whose type's id (sw_engine_functype_id) is
 * known: for those who make many. */
SW_NODISCARD sw_status sw_host_func_init_typed(sw_host_func *f, sw_store *s, uint32_t type_id);

/*
 * A host function that passes its caller straight on to another function of the same type, as long
 * as two flags allow it: no C code runs, registers stay where they are. Otherwise host.entry is
 * called, which says why not. After a trap `idle` stays false.
 */
typedef struct sw_gate {
    sw_host_func host;          /* machine code knows: offset 0 */
    const sw_func_cell *target; /* machine code knows: offset 64 */
    const bool *open;           /* machine code knows: offset 72; must be true */
    bool *idle;                 /* machine code knows: offset 80; must be true; false meanwhile */
} sw_gate;

/* Opens the gate behind an initialised host function; the other fields are set. */
void sw_gate_init(sw_gate *g);

uint8_t *sw_store_args_area(sw_store *s);

/* ---- Externs: what imports are satisfied with and exports give ------------------------------- */

typedef struct sw_table_object sw_table_object;
typedef struct sw_memory_object sw_memory_object;
typedef struct sw_global_object sw_global_object;

/* A value; what it points to lives as long as the store that owns it. */
typedef struct sw_extern {
    sw_extern_kind kind;
    union {
        struct {
            const sw_func_cell *cell;
            const sw_functype *type;
        } func;
        sw_table_object *table;
        sw_memory_object *memory;
        sw_global_object *global;
    };
} sw_extern;

static inline sw_extern sw_host_func_extern(const sw_host_func *f)
{
    return (sw_extern){
        .kind = SW_EXTERN_FUNC, .func = {&f->cell, f->type}
    };
}

/* Objects that belong to no instance: for hosts and the spectest module. */
SW_NODISCARD sw_status sw_memory_new(sw_store *s, const sw_memtype *type, sw_diag *diag,
                                     sw_memory_object **ret_memory);
SW_NODISCARD sw_status sw_table_new(sw_store *s, const sw_tabletype *type, sw_diag *diag,
                                    sw_table_object **ret_table);
SW_NODISCARD sw_status sw_global_new(sw_store *s, const sw_globaltype *type, sw_value_slot value,
                                     sw_diag *diag, sw_global_object **ret_global);

/* The memory's current view. Ask again after anything that may have run guest code. */
const sw_memory_view *sw_memory_get_view(const sw_memory_object *m);
const sw_table_view *sw_table_get_view(const sw_table_object *t);
sw_value_slot *sw_global_get_value(sw_global_object *g);
const sw_globaltype *sw_global_get_type(const sw_global_object *g);

/* The only way from a guest address to a host pointer: false if any byte lies outside. len 0 is
 * allowed up to and including the end. */
static inline bool sw_memory_slice(const sw_memory_view *m, uint64_t addr, uint64_t len,
                                   uint8_t **ret)
{
    if (addr > m->size_bytes || len > m->size_bytes - addr) {
        return false;
    }
    *ret = m->base + addr;
    return true;
}

/* ---- Instances ------------------------------------------------------------------------------- */

/*
 * Makes an instance and runs its segments and start function. imports: one per import, in order;
 * kinds and types are checked (SW_UNLINKABLE names the import). A trap while initialising gives
 * SW_TRAP; what it wrote into imported objects stays, as the standard says.
 */
SW_NODISCARD sw_status sw_instance_new(sw_store *s, sw_code *code, const sw_extern *imports,
                                       sw_diag *diag, sw_instance **ret_instance);

sw_code *sw_instance_code(const sw_instance *i);
sw_store *sw_instance_store(const sw_instance *i);
/* i-th export of its code. Makes the function's cell when first asked; fails only for want of
 * memory. */
SW_NODISCARD sw_status sw_instance_export(sw_instance *i, uint32_t index, sw_extern *ret_extern);
/* By name; SW_NOT_FOUND. */
SW_NODISCARD sw_status sw_instance_find(sw_instance *i, sw_str name, sw_extern *ret_extern);

/* ---- Calls ----------------------------------------------------------------------------------- */

/*
 * Calls a function with typed values: one slot per parameter and result. From the host or from
 * inside a host function (then it nests on the guest's stack). SW_TRAP: sw_store_trap has the
 * details. SW_EXIT: sw_store_exit_code.
 */
SW_NODISCARD sw_status sw_call(sw_store *s, const sw_func_cell *cell, const sw_functype *type,
                               const sw_value_slot *params, sw_value_slot *results);

/* The same with registers already set; results come back in them. The fast path of the component
 * room. */
SW_NODISCARD sw_status sw_call_regs(sw_store *s, const sw_func_cell *cell, sw_regs *regs);
