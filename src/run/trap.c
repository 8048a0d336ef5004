/*
 * Traps: how guest code is left in the middle, and what is remembered of it.
 *
 * A trap leaves the innermost activation: sw_leave restores the stack pointer that sw_enter saved
 * and returns the reason from it. Between the two lie only guest frames and those of our own C
 * code that called sw_trap_raise, none of which has anything to clean up. Faults come through the
 * signal handler, which rewrites the interrupted context to continue in sw_leave.
 *
 * The handler runs on the thread whose guest faulted, and everything it looks at belongs to the
 * store that this thread is running: no locks, no other thread.
 */
#include "run/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <ucontext.h>

static _Thread_local sw_store *running __attribute__((tls_model("initial-exec")));

sw_store *sw_trap_enter_store(sw_store *s)
{
    sw_store *before = running;
    running = s;
    return before;
}

sw_store *sw_trap_running_store(void)
{
    return running;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static void add_frame(sw_store *s, uintptr_t pc)
{
    const sw_code *code = sw_store_find_code(s, pc);
    if (code == NULL) {
        return;
    }
    uint32_t func = sw_image_find_func(code->image, (uint32_t)(pc - (uintptr_t)code->text));
    if (func == SW_NO_INDEX) {
        return;
    }
    sw_trap_info *t = &s->trap;
    if (t->frames_count == SW_MAX_FRAMES) {
        t->frames_dropped++;
        return;
    }
    s->frame_pcs[t->frames_count] = pc;
    t->frames[t->frames_count++] = (sw_frame){code, func, SW_NO_OFFSET};
}

static bool on_stack(const sw_store *s, uintptr_t fp)
{
    return fp >= s->stack_limit && fp <= s->stack_top - 16 && fp % 8 == 0;
}

/* Walks the frames of one activation after the other. A frame is { caller's rbp, return address },
 * frames ascend, and the frame pointer of sw_enter ends an activation. */
static void walk(sw_store *s, uintptr_t fp)
{
    for (const sw_activation *a = s->activation; a != NULL; a = a->prev) {
        while (fp != (uintptr_t)a->fp && on_stack(s, fp)) {
            const uintptr_t *frame = (const uintptr_t *)fp;
            add_frame(s, frame[1] - 1);
            if (frame[0] <= fp) {
                return;
            }
            fp = frame[0];
        }
        fp = (uintptr_t)a->outer_fp;
    }
}

static void set_text(sw_store *s, sw_trap reason)
{
    const char *text = s->explanation[0] != 0 ? s->explanation : sw_trap_text(reason);
    size_t len = SW_MIN(strlen(text), sizeof(s->trap.text) - 1);
    memcpy(s->trap.text, text, len);
    s->trap.text[len] = 0;
    s->explanation[0] = 0;
}

static void begin(sw_store *s, sw_trap reason)
{
    s->trap.reason = reason;
    s->trap.frames_count = 0;
    s->trap.frames_dropped = 0;
    s->offsets_known = false;
    set_text(s, reason);
}

void sw_trap_set(sw_store *s, sw_trap reason, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(s->explanation, sizeof(s->explanation), fmt, args);
    va_end(args);
    begin(s, reason);
}

void sw_store_explain_trap(sw_store *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(s->explanation, sizeof(s->explanation), fmt, args);
    va_end(args);
}

sw_status sw_store_raise(sw_store *s, sw_trap reason)
{
    if (s->explanation[0] != 0 || s->trap.reason != reason) {
        begin(s, reason);
        if (s->activation != NULL && reason != SW_TRAP_EXIT) {
            walk(s, (uintptr_t)s->host_fp);
        }
        s->passing_fp = s->host_fp;
    }
    return reason == SW_TRAP_EXIT ? SW_EXIT : SW_TRAP;
}

const sw_trap_info *sw_store_trap(const sw_store *s)
{
    if (!s->offsets_known && s->trap.reason != SW_TRAP_NONE) {
        /* The offsets are part of what the store remembers, computed when first asked for. */
        sw_trap_find_offsets((sw_store *)(uintptr_t)s);
    }
    return &s->trap;
}

sw_trap sw_store_trap_reason(const sw_store *s)
{
    return s->trap.reason;
}

const char *sw_store_trap_text(const sw_store *s)
{
    return s->trap.text;
}

/* ---- Leaving from C -------------------------------------------------------------------------- */

void sw_trap_raise(sw_store *s, sw_trap reason, void *fp)
{
    SW_CHECK(s->activation != NULL && reason != SW_TRAP_NONE);
    s->explanation[0] = 0;
    begin(s, reason);
    walk(s, (uintptr_t)fp);
    sw_leave(s->activation, reason);
}

void sw_trap_raise_host(sw_store *s, sw_trap reason, void *fp)
{
    SW_CHECK(s->activation != NULL);
    if ((unsigned)reason >= SW_TRAP_COUNT) {
        reason = SW_TRAP_HOST;
    }
    /* The host function passes on the trap of a call it made: its frames are known already, and
     * they begin deeper. */
    bool passes_on = s->trap.reason == reason && s->passing_fp == fp;
    if (!passes_on) {
        begin(s, reason);
        if (reason != SW_TRAP_EXIT) {
            walk(s, (uintptr_t)fp);
        }
    }
    sw_leave(s->activation, reason);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

#if defined(__x86_64__)

typedef struct fault {
    int signo;
    uintptr_t pc, sp, fp, address;
} fault;

static fault read_context(int signo, const siginfo_t *info, const ucontext_t *context)
{
    const greg_t *r = context->uc_mcontext.gregs;
    return (fault){signo, (uintptr_t)r[REG_RIP], (uintptr_t)r[REG_RSP], (uintptr_t)r[REG_RBP],
                   (uintptr_t)info->si_addr};
}

static void continue_in_leave(ucontext_t *context, const sw_activation *a, sw_trap reason)
{
    greg_t *r = context->uc_mcontext.gregs;
    r[REG_RIP] = (greg_t)(uintptr_t)sw_leave;
    r[REG_RDI] = (greg_t)(uintptr_t)a;
    r[REG_RSI] = (greg_t)reason;
}

/* `ud1 disp8(%eax), %eax`: 67 0f b9 40 disp8. */
static sw_trap decode_trap(uintptr_t pc)
{
    static const uint8_t OPCODE[] = {0x67, 0x0f, 0xb9, 0x40};
    const uint8_t *code = (const uint8_t *)pc;
    if (memcmp(code, OPCODE, sizeof(OPCODE)) != 0 || code[4] >= SW_TRAP_COUNT) {
        return SW_TRAP_NONE;
    }
    return (sw_trap)code[4];
}

/* `push rbp` (1 byte) and `mov rbp, rsp` (3) begin a function: before them rbp is the caller's. */
static void walk_from_fault(sw_store *s, const fault *f)
{
    const sw_code *code = sw_store_find_code(s, f->pc);
    uint32_t func = SW_NO_INDEX;
    add_frame(s, f->pc);
    if (code != NULL) {
        func = sw_image_find_func(code->image, (uint32_t)(f->pc - (uintptr_t)code->text));
    }
    uint64_t into = func == SW_NO_INDEX
                        ? UINT64_MAX
                        : f->pc - (uintptr_t)code->text - code->funcs[func].code_start;
    uintptr_t return_at = into <= 1 ? f->sp + 8 * into : code == NULL ? f->sp : 0;
    if (return_at != 0 && return_at >= s->stack_limit && return_at <= s->stack_top - 8) {
        add_frame(s, *(const uintptr_t *)return_at - 1);
    }
    walk(s, f->fp);
}

#else
#    error "faults are not decoded on this processor"
#endif

static bool in_reservation(const sw_store *s, uintptr_t address)
{
    for (size_t i = 0; i < s->reservations.count; i++) {
        if (address >= s->reservations.at[i].start && address < s->reservations.at[i].end) {
            return true;
        }
    }
    return false;
}

static sw_trap classify_access(const sw_store *s, uintptr_t address)
{
    if (address < SW_NULL_FAULT_LIMIT) {
        return SW_TRAP_NULL_ELEMENT;
    }
    if (address >= s->guard && address < s->stack_limit) {
        return SW_TRAP_STACK_EXHAUSTED;
    }
    return in_reservation(s, address) ? SW_TRAP_MEMORY_OUT_OF_BOUNDS : SW_TRAP_NONE;
}

/* NONE: not the guest's fault. */
static sw_trap classify(const sw_store *s, const fault *f)
{
    bool in_stubs = f->pc >= (uintptr_t)sw_stubs_start && f->pc < (uintptr_t)sw_stubs_end;
    if (!in_stubs && sw_store_find_code(s, f->pc) == NULL) {
        return SW_TRAP_NONE;
    }
    switch (f->signo) {
    case SIGILL:
    case SIGTRAP: return decode_trap(f->pc);
    case SIGFPE: return in_stubs ? SW_TRAP_NONE : SW_TRAP_INTEGER_OVERFLOW;
    case SIGSEGV:
    case SIGBUS: return in_stubs ? SW_TRAP_NONE : classify_access(s, f->address);
    default: return SW_TRAP_NONE;
    }
}

bool sw_trap_on_fault(int signo, siginfo_t *info, void *context)
{
    sw_store *s = running;
    if (s == NULL || s->activation == NULL || info->si_code <= 0) {
        return false;
    }
    fault f = read_context(signo, info, context);
    sw_trap reason = classify(s, &f);
    if (reason == SW_TRAP_NONE) {
        return false;
    }
    s->explanation[0] = 0;
    begin(s, reason);
    walk_from_fault(s, &f);
    continue_in_leave(context, s->activation, reason);
    return true;
}
