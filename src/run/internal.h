/*
 * The shapes behind run.h, shared by the files of this room.
 *
 * One instance with a memory of its own is one slot (slot.h):
 *
 *     | guard | ... front ...                     | memory 0 ... 4 GiB | guard 4 GiB + 64 KiB |
 *             | tables | sw_instance ... | context |
 *                                                  ^ base
 *
 * One without is a heap block that holds the front alone. All that an instance owns hangs on its
 * store and is given back with it; there is no freeing of single instances, so that references
 * between instances need no counting.
 */
#pragma once

#include "base/vec.h"
#include "code/image.h"
#include "os/fiber.h"
#include "os/timer.h"
#include "os/vm.h"
#include "run/run.h"
#include "run/slot.h"
#include "run/types.h"

#include <signal.h>
#include <stdatomic.h>

/* ---- Engine ---------------------------------------------------------------------------------- */

struct sw_engine {
    sw_type_registry types;
    sw_slot_pool slots;
    atomic_uint_fast64_t next_code_id;
};

/* ---- Code ------------------------------------------------------------------------------------ */

struct sw_code {
    atomic_uint refs;
    sw_engine *engine; /* borrowed */
    uint64_t id;       /* never used twice in an engine */
    sw_vm map;         /* owned; the image */
    const sw_image_header *image;
    int fd; /* owned; the file to map memory runs from, -1 if they are copied */
    uint64_t fd_offset;
    sw_layout layout;
    const uint8_t *text;
    uint64_t text_bytes;

    /* Owned heap block: what must hold pointers or ids of this process. */
    void *block;
    size_t block_bytes;
    sw_functype *types;         /* one per type; empty for other composites */
    uint32_t *type_ids;         /* engine-wide, 0 for other composites */
    sw_func_cell *closed_cells; /* parallel to CLOSED_FUNCS */
    uint64_t *baked;            /* parallel to BAKED */

    /* Sections that instances are made from. */
    const sw_image_type *image_types;
    const sw_image_import *imports;
    const sw_image_func *funcs;
    const sw_image_cell *cells;
    const uint32_t *closed_funcs;
    const sw_image_table *tables;
    const sw_image_memory *memories;
    const sw_image_global *globals;
    const sw_image_elem *elems;
    const uint32_t *items;
    const sw_image_data *datas;
    const sw_image_run *runs;
    const uint8_t *module;
    uint32_t types_count, imports_count, funcs_count, cells_count, closed_funcs_count;
    uint32_t tables_count, memories_count, globals_count, elems_count, datas_count, runs_count;

    /* The front of an instance; offsets from its start. */
    uint32_t front_bytes; /* a multiple of 64 */
    uint32_t instance_at, tables_at, memories_at, own_tables_at, own_memories_at, dropped_at;
    uint32_t entries_at;   /* room for the entries of small own tables */
    bool entries_in_front; /* own tables' first entries lie there */
    uint32_t args_bytes;   /* of the overflow area that its types use, at most */
};

/* The function's cell among those shared by all instances, or NULL. */
const sw_func_cell *sw_code_closed_cell(const sw_code *c, uint32_t func);

sw_memtype sw_code_memory_type(const sw_code *c, uint32_t memory);
sw_tabletype sw_code_table_type(const sw_code *c, uint32_t table);

/* Bytes of the overflow area that parameters or results of the type use, at most; 0: none. */
uint32_t sw_functype_area_bytes(const sw_functype *t);

/* ---- Store ----------------------------------------------------------------------------------- */

/* One call from C into wasm code, on the guest's stack. */
typedef struct sw_activation {
    void *sp;                   /* machine code knows: 0; to leave it from anywhere */
    void *fp;                   /* machine code knows: 8; where the walk over its frames ends */
    struct sw_activation *prev; /* the call that it is nested in */
    void *outer_fp;             /* frame of the host function that it is nested in */
} sw_activation;

typedef struct sw_store_range {
    uintptr_t start, end;
} sw_store_range;

typedef struct sw_store_code {
    uintptr_t start, end; /* of the machine code; ascending */
    sw_code *code;        /* a reference */
} sw_store_code;

/* Bits of sw_store.pending. */
enum { SW_PENDING_INTERRUPT = 1, SW_PENDING_DEADLINE = 2, SW_PENDING_YIELD = 4 };

/* Whether a task or call is put aside: PARKED, it waits; READY, it has been woken but not resumed.
 */
typedef enum sw_store_state { SW_STORE_ACTIVE, SW_STORE_PARKED, SW_STORE_READY } sw_store_state;

struct sw_store {
    uintptr_t stack_floor; /* machine code knows: 0; the lowest rsp that C code is called with */
    void *host_fp;         /* machine code knows: 8; frame of the innermost host function */
    void *passing_fp;      /* frame of the host function whose own call trapped last */
    atomic_uint pending;   /* why the interruption bytes are set */
    sw_activation *activation; /* the innermost, NULL when no guest is running */
    uintptr_t guard, stack_limit, stack_top;
    sw_engine *engine;   /* borrowed */
    sw_fiber *fiber;     /* owned; NULL until the first call */
    uint8_t *args;       /* owned; NULL until something overflows the registers */
    uint32_t args_bytes; /* of them, that may have been used */
    sw_vm args_vm;       /* owned; behind args: pages of its own, since few of them are touched */
    sw_budget budget;
    sw_store_limits limits;
    uint64_t memory_bytes, table_elements;
    uint64_t memory_refusals;
    uint32_t instances_count;
    _Atomic(sw_instance *) instances; /* owned, the newest first; other threads walk it */
    sw_memory_object *memories;       /* owned: those that belong to no instance */
    sw_table_object *tables;
    sw_global_object *globals;
    struct sw_mark *mark;                /* owned; NULL: none */
    size_t held_bytes;                   /* of memory, since the last rewind */
    SW_VEC(sw_store_range) reservations; /* where a fault is an access out of bounds */
    SW_VEC(sw_store_code) codes;
    uint64_t deadline_ns;
    sw_timer timer;
    _Atomic(sw_loop *) loop; /* NULL: none yet; other threads post to it */
    bool owns_loop;
    bool has_task;
    sw_store_state state;
    sw_store_task task;
    sw_activation task_base; /* the outermost activation of a task: holds no frames */
    sw_loop_job interrupted; /* posted by who interrupts */
    sw_loop_job ready;
    int exit_code;
    char explanation[256]; /* of the trap to come; empty if none */
    uintptr_t frame_pcs[SW_MAX_FRAMES];
    bool offsets_known; /* of the frames in trap */
    sw_trap_info trap;
};

static_assert(offsetof(sw_store, stack_floor) == 0, "machine code knows this");
static_assert(offsetof(sw_store, host_fp) == 8, "machine code knows this");
static_assert(offsetof(sw_host_func, entry) == 0, "machine code knows this");
static_assert(offsetof(sw_host_func, store) == 8, "machine code knows this");
static_assert(sizeof(sw_regs) == 176 && SW_CTX_INSTANCE == 56, "machine code knows this");
static_assert(SW_TRAP_STACK_EXHAUSTED == 10, "machine code knows this");

/* Allocates the overflow area if bytes of it are needed and there is none. */
SW_NODISCARD sw_status sw_store_need_args(sw_store *s, uint32_t bytes);

/* All that belongs to a run and not to instances: deadline, interruption, the last trap. */
void sw_store_end_run(sw_store *s);

typedef struct sw_mark sw_mark;
void sw_mark_free(sw_mark *m); /* may be NULL */

/* The code that has this address, or NULL. */
sw_code *sw_store_find_code(const sw_store *s, uintptr_t pc);

/* Takes from the store's limits; false when they are reached. */
SW_NODISCARD bool sw_store_take_memory(sw_store *s, uint64_t bytes);
SW_NODISCARD bool sw_store_take_elements(sw_store *s, uint64_t count);

/* ---- Objects --------------------------------------------------------------------------------- */

struct sw_memory_object {
    sw_memory_view *view; /* in a context, or own_view */
    sw_store *store;
    sw_slot *slot; /* owned by the store or the instance */
    sw_memtype type;
    uint64_t max_pages;
    sw_memory_view own_view;
    sw_memory_object *next; /* of the store's */
};

struct sw_table_object {
    sw_table_view *view; /* in a context, or own_view */
    sw_store *store;
    sw_tabletype type;
    uint64_t capacity;   /* entries there is room for without a new block */
    uint64_t heap_count; /* entries of the heap block behind view->entries; 0: not on the heap */
    bool is_closed;      /* entries are shared cells */
    bool is_shared;      /* entries are the code's own: copied before the first write */
    sw_table_view own_view;
    sw_table_object *next;
};

struct sw_global_object {
    sw_value_slot *value; /* in a context, or own_value */
    sw_store *store;
    sw_globaltype type;
    sw_value_slot own_value;
    sw_global_object *next;
};

static inline uint64_t sw_memory_pages(const sw_memory_object *m)
{
    return m->view->size_bytes >> m->type.limits.page_log2;
}

/* Old size in pages, or UINT64_MAX when a limit is reached. */
uint64_t sw_memory_grow(sw_memory_object *m, uint64_t delta_pages);

/* Old size in elements, or UINT64_MAX when a limit is reached. */
uint64_t sw_table_grow(sw_table_object *t, uint64_t value, uint64_t delta);

/* Room for count entries at first. */
SW_NODISCARD sw_status sw_table_alloc(sw_table_object *t, uint64_t count);

/* Gives a closed table that still shows the code's entries a copy of its own. */
SW_NODISCARD sw_status sw_table_unshare(sw_table_object *t);
void sw_table_free_entries(sw_table_object *t);

/* Pages that a memory of this type may ever have; what the address space allows if it says none. */
uint64_t sw_memory_max_pages(const sw_limits *l);

/* Whether a memory of this type can be made here: UNSUPPORTED or LIMIT if not. */
SW_NODISCARD sw_status sw_memory_check_type(const sw_limits *l, sw_diag *diag);

/* ---- Instances ------------------------------------------------------------------------------- */

/* Made when first asked for: what exports of an instance are known by outside. */
typedef union sw_export_object {
    sw_func_cell cell;
    struct {
        sw_global_object *global; /* owned, charged to the store */
    };
} sw_export_object;

struct sw_instance {
    sw_store *store; /* machine code knows: 0 */
    sw_instance *next;
    sw_code *code; /* the store holds the reference */
    uint8_t *base;
    uint8_t *block; /* owned heap block; NULL when the front is in slot */
    sw_slot *slot;  /* owned; NULL if memory 0 is not its own */
    sw_memory_object **memories;
    sw_table_object **tables;
    uint64_t *dropped;         /* a bit per element segment, then one per data segment */
    sw_export_object *exports; /* owned; NULL until one is asked for */
};

static_assert(offsetof(sw_gate, target) == 64 && offsetof(sw_gate, open) == 72 &&
                  offsetof(sw_gate, idle) == 80,
              "machine code knows this");
static_assert(offsetof(sw_instance, store) == 0, "machine code knows this");

static inline sw_instance *sw_instance_of(const void *base)
{
    sw_instance *i;
    memcpy(&i, (const uint8_t *)base - SW_CTX_INSTANCE, sizeof(i));
    return i;
}

/* A place in the context. */
static inline void *sw_instance_at(const sw_instance *i, uint32_t distance)
{
    return i->base - distance;
}

sw_value_slot *sw_instance_global(const sw_instance *i, uint32_t global);

/* The cell by which a function of this instance may leave it; it must have one. */
const sw_func_cell *sw_instance_cell(const sw_instance *i, uint32_t func);

bool sw_instance_elem_is_dropped(const sw_instance *i, uint32_t elem);
bool sw_instance_data_is_dropped(const sw_instance *i, uint32_t data);
void sw_instance_drop_elem(sw_instance *i, uint32_t elem);
void sw_instance_drop_data(sw_instance *i, uint32_t data);

/* Gives back what the instance owns, but not its place in the store. */
void sw_instance_destroy(sw_instance *i);

/* ---- Linking and initialising ---------------------------------------------------------------- */

/* Whether imports satisfy the code: nothing is changed. */
SW_NODISCARD sw_status sw_link_check(const sw_store *s, const sw_code *code,
                                     const sw_extern *imports, sw_diag *diag);

/* Fills in globals, tables and memories as the image says and runs segments and start function. */
SW_NODISCARD sw_status sw_instance_initialize(sw_instance *i, sw_diag *diag);

/* Value of an initial expression: SW_INIT_FUNC gives the escaping cell. */
uint64_t sw_instance_eval(const sw_instance *i, const sw_image_init *init);

/* memory.init and table.init after the range checks of both sides: false if one fails. */
SW_NODISCARD sw_trap sw_memory_init(sw_instance *i, uint32_t memory, uint32_t data, uint64_t dst,
                                    uint64_t src, uint64_t len);
SW_NODISCARD sw_trap sw_table_init(sw_instance *i, uint32_t table, uint32_t elem, uint64_t dst,
                                   uint64_t src, uint64_t len);

/* ---- Calls and traps ------------------------------------------------------------------------- */

/* In enter_*.S. sw_enter gives SW_TRAP_NONE or the reason it was left for. */
uint32_t sw_enter(sw_activation *a, const sw_func_cell *cell, sw_regs *regs);
void sw_leave(const sw_activation *a, uint32_t reason) SW_NORETURN;
void sw_host_entry(void);      /* what cells of host functions point to */
void sw_host_entry_ints(void); /* the same without vector registers */
void sw_gate_entry(void);      /* what cells of gates point to */
extern const uint8_t sw_stubs_start[], sw_stubs_end[];
extern const void *const SW_HELPERS[SW_HELPER_COUNT];

static inline bool sw_cell_is_host(const sw_func_cell *cell)
{
    return cell->code == (const void *)sw_host_entry ||
           cell->code == (const void *)sw_host_entry_ints ||
           cell->code == (const void *)sw_gate_entry;
}

/* The store that a function belongs to. */
const sw_store *sw_cell_store(const sw_func_cell *cell);

/* Leave the innermost activation from C code that the guest called: a helper; the stub of a host
 * function that returned a reason. fp is the frame that the walk begins at. */
SW_NORETURN void sw_trap_raise(sw_store *s, sw_trap reason, void *fp);
SW_NORETURN void sw_trap_raise_host(sw_store *s, sw_trap reason, void *fp);

/* Sets the store's trap without leaving anything: for initialisation. */
void sw_trap_set(sw_store *s, sw_trap reason, const char *fmt, ...) SW_PRINTF(3, 4);

/* Makes s the store whose guest runs on this thread; returns the one before. */
sw_store *sw_trap_enter_store(sw_store *s);

bool sw_trap_on_fault(int signo, siginfo_t *info, void *context);

/* The store whose guest runs on this thread, or NULL. */
sw_store *sw_trap_running_store(void);

/* ---- The stack that a store runs on ---------------------------------------------------------- */

/* What its fiber runs: a call, or (cell NULL) its task. */
typedef struct sw_store_job {
    sw_store *store;
    const sw_func_cell *cell;
    sw_regs *regs;
    sw_trap trap; /* of the call */
} sw_store_job;

/* Makes the fiber; body runs a job. */
SW_NODISCARD sw_status sw_store_need_fiber(sw_store *s);
void *sw_store_fiber_body(void *job);

/* Runs the store's fiber, or (job NULL) goes on with it. True: the job has returned; false: it is
 * suspended. Inline, since each frame less is a return less that a trap makes the processor
 * mispredict. */
static inline bool sw_store_enter_fiber(sw_store *s, sw_store_job *job)
{
    sw_store *before = sw_trap_enter_store(s);
    (void)sw_fiber_resume(s->fiber, job);
    (void)sw_trap_enter_store(before);
    if (SW_LIKELY(sw_fiber_done(s->fiber))) {
        sw_fiber_restart(s->fiber);
        return true;
    }
    return false;
}

/* Goes on with a suspended job until it returns, turning the loop meanwhile. */
void sw_store_finish_fiber(sw_store *s);

/* The interruption check's answer to SW_PENDING_YIELD. */
void sw_store_yield(sw_store *s);

/* Removes jobs from the loop and frees the store's own. */
void sw_store_leave_loop(sw_store *s);

/* The wasm offsets of the frames in s->trap. */
void sw_trap_find_offsets(sw_store *s);
