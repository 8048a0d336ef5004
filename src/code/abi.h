/*
 * The contract between machine code and the runtime. Both tiers, the host stubs, the images and
 * the runtime obey it; any change of this file changes the build hash of images.
 *
 * CALLS are LLVM's swiftcc on both architectures, with r13 (x86-64) / x20 (aarch64) as swiftself:
 *
 *     integers and references  rdi rsi rdx rcx r8 r9       results  rax rdx rcx r8
 *     f32 f64 v128             xmm0-xmm7                   results  xmm0-xmm3
 *
 *   i32 arrives zero-extended to 64 bits, as parameter and as result. Parameters are counted per
 *   class in order. What finds no register goes through the overflow area, in order of position:
 *   the k-th overflowing parameter (result) of a call lies at args_area + 16 * k. The caller writes
 *   it just before the call and the callee reads it before anything else. The stack never holds
 *   arguments, so a tail call is a jump.
 *   Callee-saved: rbx, rbp, r12-r15. r13 comes back as it went in. All xmm are caller-saved.
 *   rbp is always a frame pointer; [rbp + 8] is the return address: frames can be walked.
 *
 * THE INSTANCE BASE in r13 is the address of linear memory 0 when the instance owns it; the
 * instance's context lies below it, at negative offsets that no guest address (base + u32 + u32)
 * can reach:
 *
 *     reservation: [ guard | ... context | memory 0: 4 GiB | guard >= 4 GiB + 64 KiB ]
 *                                        ^ base
 *
 *   The base is a multiple of the page size.
 *   The last SW_CONTEXT_FIXED bytes have fixed places (below), the rest is laid out per module by
 *   sw_layout_make from the module alone, so that code and runtime agree without a table.
 *
 * A FUNCTION REFERENCE is a pointer to a sw_func_cell; null is 0. Tables are arrays of such
 * pointers (externref tables: of the host's 64-bit value). Reading the type of a null cell faults
 * below SW_NULL_FAULT_LIMIT: that fault is the "null element" trap, so no null test is emitted.
 *
 * A table is CLOSED when only functions of this very instance can be in it and nothing can take
 * them out: it is neither imported nor exported; no instruction but call_indirect, table.size and
 * table.init names it (no table.get, set, grow, fill, copy); and every element segment that may
 * reach it holds only ref.func and ref.null items. Cells of closed tables are shared by all
 * instances of an image (base is 0): a call through one compares local_type and keeps r13. A call
 * through an open table compares type_id and loads r13 from the cell; the caller then restores its
 * own r13 from its frame. An imported function in a closed table is represented by a thunk: a
 * function of this module's code that calls the import.
 *
 * TRAPS are `ud1 disp8(%eax), %eax` (67 0f b9 40 disp8) with the sw_trap reason as disp8, at the
 * faulting pc; `brk #0x5500 + reason` on aarch64. Out-of-bounds accesses are faults inside the
 * reservation; signed division overflow is the processor's own fault (#DE); division by zero is an
 * explicit trap; stack exhaustion is a fault in the stack's guard.
 *
 * INTERRUPTION: at each loop head and on entry to each function that calls anything,
 * `cmp byte [r13 - SW_CTX_INTERRUPT], r13b; jne cold`; cold calls SW_HELPER_INTERRUPT, which
 * returns or traps. So no guest runs on for long: neither in a loop nor by recursion that doubles.
 *
 * FRAMES larger than SW_FRAME_PROBE_BYTES touch the stack every page on entry, in order.
 */
#pragma once

#include "wasm/module.h"

/* Distances below the base, of the fixed part of the context. */
#define SW_CTX_INTERRUPT 8  /* u8 (in a u64): not 0 asks the guest to call the helper */
#define SW_CTX_MEMORY0   24 /* sw_memory_view of memory 0: own, when the instance owns it */
#define SW_CTX_TABLE0    40 /* sw_table_view of table 0: own, when the instance owns it */
#define SW_CTX_ARGS      48 /* void *: the overflow area, SW_ARGS_AREA_BYTES */
#define SW_CTX_INSTANCE  56 /* struct sw_instance * */
#define SW_CTX_HELPERS   64 /* const void *const *: code addresses by sw_helper */
#define SW_CTX_FIXED     64 /* the first module-dependent byte lies below this */

#define SW_ARGS_AREA_BYTES   (16 * 1024)
#define SW_NULL_FAULT_LIMIT  4096
#define SW_FRAME_PROBE_BYTES (32 * 1024)
#define SW_INT_ARGS          6
#define SW_VECTOR_ARGS       8
#define SW_INT_RESULTS       4
#define SW_VECTOR_RESULTS    4

typedef struct sw_memory_view {
    uint8_t *base;
    uint64_t size_bytes;
} sw_memory_view;

typedef struct sw_table_view {
    uint64_t *entries; /* sw_func_cell * or externref values */
    uint64_t count;
} sw_table_view;

typedef struct sw_func_cell {
    const void *code;
    void *base;          /* the callee's r13: an instance base, or a sw_host_func; 0 when shared */
    uint32_t type_id;    /* engine-wide id of the function type; compared by open tables */
    uint32_t local_type; /* canonical type index in its module; compared by closed tables */
    uint32_t func;       /* function index in its module */
    uint32_t reserved;
} sw_func_cell;

#define SW_CELL_CODE       0
#define SW_CELL_BASE       8
#define SW_CELL_TYPE_ID    16
#define SW_CELL_LOCAL_TYPE 20

static_assert(sizeof(sw_func_cell) == 32, "machine code knows this size");
static_assert(offsetof(sw_func_cell, type_id) == SW_CELL_TYPE_ID, "machine code knows this");
static_assert(offsetof(sw_func_cell, local_type) == SW_CELL_LOCAL_TYPE, "machine code knows this");

#define SW_TRAP_MAP(X)                                     \
    X(NONE, "no trap")                                     \
    X(UNREACHABLE, "unreachable executed")                 \
    X(MEMORY_OUT_OF_BOUNDS, "out of bounds memory access") \
    X(TABLE_OUT_OF_BOUNDS, "out of bounds table access")   \
    X(UNDEFINED_ELEMENT, "undefined element")              \
    X(NULL_ELEMENT, "uninitialized element")               \
    X(INDIRECT_CALL_TYPE, "indirect call type mismatch")   \
    X(INTEGER_OVERFLOW, "integer overflow")                \
    X(DIVISION_BY_ZERO, "integer divide by zero")          \
    X(INVALID_CONVERSION, "invalid conversion to integer") \
    X(STACK_EXHAUSTED, "call stack exhausted")             \
    X(INTERRUPTED, "interrupted")                          \
    X(DEADLINE, "deadline exceeded")                       \
    X(OUT_OF_HOST_MEMORY, "host memory budget exhausted")  \
    X(UNALIGNED_ATOMIC, "unaligned atomic")                \
    X(NULL_REFERENCE, "null reference")                    \
    X(CANNOT_ENTER, "cannot enter component instance")     \
    X(CANNOT_LEAVE, "cannot leave component instance")     \
    X(CANONICAL_ABI, "canonical ABI violation")            \
    X(HOST, "host function failed")                        \
    X(EXIT, "exit")

typedef enum sw_trap {
#define X(name, text) SW_TRAP_##name,
    SW_TRAP_MAP(X)
#undef X
        SW_TRAP_COUNT,
} sw_trap;

const char *sw_trap_text(sw_trap t); /* never NULL */

/*
 * Runtime helpers that code calls through SW_CTX_HELPERS with the C calling convention: rdi is the
 * instance base, then the arguments named here, all zero-extended; the result is in rax. They trap
 * by leaving the activation and never return then. Callee-saved registers survive as in C.
 */
#define SW_HELPER_MAP(X)                                                                      \
    X(INTERRUPT)   /* () */                                                                   \
    X(MEMORY_GROW) /* (memory, delta_pages) -> old pages or -1 (zero-extended to the type) */ \
    X(MEMORY_INIT) /* (memory << 32 | data, dst, src, len) */                                 \
    X(MEMORY_COPY) /* (dst_memory << 32 | src_memory, dst, src, len) */                       \
    X(MEMORY_FILL) /* (memory, dst, byte, len) */                                             \
    X(DATA_DROP)   /* (data) */                                                               \
    X(TABLE_GROW)  /* (table, value, delta) -> old count or -1 */                             \
    X(TABLE_INIT)  /* (table << 32 | elem, dst, src, len) */                                  \
    X(TABLE_COPY)  /* (dst_table << 32 | src_table, dst, src, len) */                         \
    X(TABLE_FILL)  /* (table, dst, value, len) */                                             \
    X(ELEM_DROP)   /* (elem) */

typedef enum sw_helper {
#define X(name) SW_HELPER_##name,
    SW_HELPER_MAP(X)
#undef X
        SW_HELPER_COUNT,
} sw_helper;

/*
 * Where everything of one module lies in its instances' contexts: distances below the base, all
 * multiples of 8 (16 for v128 globals). Made from the module alone.
 */
typedef struct sw_layout {
    uint32_t context_bytes; /* the whole context, rounded up to 16 */
    bool owns_memory0;      /* memory 0 exists and is not imported: accesses are [r13 + ...] */
    bool owns_table0;       /* table 0 exists and is not imported: its view is SW_CTX_TABLE0 */

    /* globals[g]: own ones hold the value; imported ones a pointer to the value. */
    const uint32_t *globals;
    /* imports[f], f < imported_funcs: a sw_func_cell. */
    const uint32_t *imports;
    /* cells[f]: the sw_func_cell of a function that ref.func can name and that may escape this
     * instance, else 0. For an imported function it equals imports[f]. */
    const uint32_t *cells;
    /* tables[t]: own ones hold a sw_table_view; imported ones a pointer to one. */
    const uint32_t *tables;
    /* memories[m]: own ones hold a sw_memory_view; imported ones a pointer to one. */
    const uint32_t *memories;
    const bool *table_is_closed;
    /* thunks[f], f < imported_funcs: the function needs a thunk (it is in a closed table). */
    const bool *needs_thunk;
    uint32_t type_ids; /* u32[types_count], engine-wide ids, at base - type_ids + 4 * i; 0: none */
} sw_layout;

/* Arrays go to the arena. The module must be validated. Scans bodies for table writes. */
SW_NODISCARD sw_status sw_layout_make(sw_arena *arena, const sw_module *m, sw_diag *diag,
                                      sw_layout *ret_layout);

/* Registers as they cross between C and wasm code; see sw_enter and sw_host_entry in the run room.
 * Overflowing values are at args_area as above. */
typedef struct sw_regs {
    uint64_t ints[SW_INT_ARGS];
    uint8_t vectors[SW_VECTOR_ARGS][16];
} sw_regs;

/* Moves typed values between an array (one 16-byte slot per value, in order, i32 zero-extended)
 * and registers plus overflow area, for parameters or for results. */
typedef struct sw_value_slot {
    union {
        uint32_t i32;
        uint64_t i64;
        float f32;
        double f64;
        uint64_t ref;
        uint8_t v128[16];
    };
} sw_value_slot;

static_assert(sizeof(sw_value_slot) == 16, "one slot per value");

void sw_regs_set_params(const sw_functype *t, const sw_value_slot *values, sw_regs *regs,
                        uint8_t *args_area);
void sw_regs_get_params(const sw_functype *t, const sw_regs *regs, const uint8_t *args_area,
                        sw_value_slot *values);
void sw_regs_set_results(const sw_functype *t, const sw_value_slot *values, sw_regs *regs,
                         uint8_t *args_area);
void sw_regs_get_results(const sw_functype *t, const sw_regs *regs, const uint8_t *args_area,
                         sw_value_slot *values);
