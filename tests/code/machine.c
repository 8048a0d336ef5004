// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "machine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#define GUEST_BYTES   (UINT64_C(8) << 30)
#define CONTEXT_BYTES (UINT64_C(64) << 20)
#define GUARD_BYTES   (UINT64_C(1) << 17)
#define PAGE_BYTES    65536

helper_call machine_last_helper;
uint64_t machine_helper_result;
void (*machine_on_interrupt)(machine *m);

static machine *running;
static sigjmp_buf escape;
static uint64_t trap_pc;
static uint8_t args_area[SW_ARGS_AREA_BYTES];
static const void *helpers[SW_HELPER_COUNT];

/* Enters code with the registers of regs and leaves the results there. Returns 0, or a bit for
 * each callee-saved register that was not preserved. */
unsigned machine_enter(const void *code, void *base, sw_regs *regs);
__asm__(".text\n.globl machine_enter\n.type machine_enter,@function\nmachine_enter:\n"
        "push %rbp\n mov %rsp,%rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "push %rdx\n sub $16,%rsp\n mov %rsi,(%rsp)\n"
        "mov %rsi,%r13\n mov %rdi,%r11\n mov %rdx,%r10\n"
        "movups 48(%r10),%xmm0\n movups 64(%r10),%xmm1\n movups 80(%r10),%xmm2\n"
        "movups 96(%r10),%xmm3\n movups 112(%r10),%xmm4\n movups 128(%r10),%xmm5\n"
        "movups 144(%r10),%xmm6\n movups 160(%r10),%xmm7\n"
        "mov (%r10),%rdi\n mov 8(%r10),%rsi\n mov 16(%r10),%rdx\n mov 24(%r10),%rcx\n"
        "mov 32(%r10),%r8\n mov 40(%r10),%r9\n"
        "mov $-1,%r10\n mov $-1,%rax\n"
        "mov $0x1111111111,%rbx\n mov $0x2222222222,%r12\n"
        "mov $0x3333333333,%r14\n mov $0x4444444444,%r15\n"
        "call *%r11\n"
        "mov 16(%rsp),%r11\n"
        "mov %rax,(%r11)\n mov %rdx,8(%r11)\n mov %rcx,16(%r11)\n mov %r8,24(%r11)\n"
        "movups %xmm0,48(%r11)\n movups %xmm1,64(%r11)\n movups %xmm2,80(%r11)\n"
        "movups %xmm3,96(%r11)\n"
        "xor %eax,%eax\n"
        "mov $0x1111111111,%rcx\n cmp %rcx,%rbx\n je 1f\n or $1,%eax\n1:\n"
        "mov $0x2222222222,%rcx\n cmp %rcx,%r12\n je 1f\n or $2,%eax\n1:\n"
        "mov $0x3333333333,%rcx\n cmp %rcx,%r14\n je 1f\n or $4,%eax\n1:\n"
        "mov $0x4444444444,%rcx\n cmp %rcx,%r15\n je 1f\n or $8,%eax\n1:\n"
        "cmp (%rsp),%r13\n je 1f\n or $16,%eax\n1:\n"
        "add $24,%rsp\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n"
        ".size machine_enter,.-machine_enter\n");

/* ---- Helpers --------------------------------------------------------------------------------- */

static uint64_t record(sw_helper helper, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    machine_last_helper = (helper_call){
        helper, machine_last_helper.count + 1, {a, b, c, d}
    };
    return machine_helper_result;
}

/* What a call may destroy is destroyed: code must not rely on it. */
static void destroy_registers(void)
{
    __asm__ volatile("mov $-1, %%rdi\n mov $-1, %%r8\n mov $-1, %%r9\n"
                     "mov $-1, %%r10\n mov $-1, %%r11\n"
                     "movq %%r8, %%xmm6\n movq %%r8, %%xmm7\n movq %%r8, %%xmm8\n"
                     "movq %%r8, %%xmm9\n movq %%r8, %%xmm10\n movq %%r8, %%xmm11\n"
                     "movq %%r8, %%xmm12\n movq %%r8, %%xmm13\n movq %%r8, %%xmm14\n"
                     :
                     :
                     : "rdi", "r8", "r9", "r10", "r11", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                       "xmm11", "xmm12", "xmm13", "xmm14");
}

static void help_interrupt(void *base)
{
    (void)base;
    record(SW_HELPER_INTERRUPT, 0, 0, 0, 0);
    if (machine_on_interrupt != NULL) {
        machine_on_interrupt(running);
    }
    destroy_registers();
}

#define HELPER(name, NAME)                                                                  \
    static uint64_t help_##name(void *base, uint64_t a, uint64_t b, uint64_t c, uint64_t d) \
    {                                                                                       \
        (void)base;                                                                         \
        return record(SW_HELPER_##NAME, a, b, c, d);                                        \
    }
HELPER(memory_init, MEMORY_INIT)
HELPER(memory_copy, MEMORY_COPY)
HELPER(memory_fill, MEMORY_FILL)
HELPER(data_drop, DATA_DROP)
HELPER(table_grow, TABLE_GROW)
HELPER(table_init, TABLE_INIT)
HELPER(table_copy, TABLE_COPY)
HELPER(table_fill, TABLE_FILL)
HELPER(elem_drop, ELEM_DROP)

static uint64_t help_memory_grow(uint8_t *base, uint64_t memory, uint64_t delta)
{
    record(SW_HELPER_MEMORY_GROW, memory, delta, 0, 0);
    sw_memory_view *view = (sw_memory_view *)(base - running->layout.memories[memory]);
    uint64_t old = view->size_bytes / PAGE_BYTES;
    if (old + delta > 65536 ||
        mprotect(view->base + view->size_bytes, delta * PAGE_BYTES, PROT_READ | PROT_WRITE) != 0) {
        return UINT64_MAX; /* the code must cut it to 32 bits */
    }
    view->size_bytes += delta * PAGE_BYTES;
    return old;
}

static void set_helpers(void)
{
    helpers[SW_HELPER_INTERRUPT] = (const void *)help_interrupt;
    helpers[SW_HELPER_MEMORY_GROW] = (const void *)help_memory_grow;
    helpers[SW_HELPER_MEMORY_INIT] = (const void *)help_memory_init;
    helpers[SW_HELPER_MEMORY_COPY] = (const void *)help_memory_copy;
    helpers[SW_HELPER_MEMORY_FILL] = (const void *)help_memory_fill;
    helpers[SW_HELPER_DATA_DROP] = (const void *)help_data_drop;
    helpers[SW_HELPER_TABLE_GROW] = (const void *)help_table_grow;
    helpers[SW_HELPER_TABLE_INIT] = (const void *)help_table_init;
    helpers[SW_HELPER_TABLE_COPY] = (const void *)help_table_copy;
    helpers[SW_HELPER_TABLE_FILL] = (const void *)help_table_fill;
    helpers[SW_HELPER_ELEM_DROP] = (const void *)help_elem_drop;
}

/* ---- Traps ----------------------------------------------------------------------------------- */

static bool is_guest_address(const uint8_t *at)
{
    for (size_t i = 0; i < SW_COUNTOF(running->memory_bases); i++) {
        const uint8_t *base = running->memory_bases[i];
        if (base != NULL && at >= base && at < base + GUEST_BYTES + GUARD_BYTES) {
            return true;
        }
    }
    return false;
}

static sw_trap decode_trap(int signal, const uint8_t *pc, const uint8_t *address, uint64_t sp)
{
    if (signal == SIGFPE) {
        return SW_TRAP_INTEGER_OVERFLOW;
    }
    if (signal == SIGILL) {
        static const uint8_t head[] = {0x67, 0x0f, 0xb9, 0x40};
        return memcmp(pc, head, sizeof head) == 0 ? (sw_trap)pc[4] : SW_TRAP_COUNT;
    }
    if ((uintptr_t)address < SW_NULL_FAULT_LIMIT) {
        return SW_TRAP_NULL_ELEMENT;
    }
    if (is_guest_address(address)) {
        return SW_TRAP_MEMORY_OUT_OF_BOUNDS;
    }
    uint64_t distance = sp - (uint64_t)(uintptr_t)address + 65536;
    return distance < 2 * 65536 ? SW_TRAP_STACK_EXHAUSTED : SW_TRAP_COUNT;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    const uint8_t *pc = (const uint8_t *)uc->uc_mcontext.gregs[REG_RIP];
    trap_pc = (uint64_t)(uintptr_t)pc;
    siglongjmp(escape, (int)decode_trap(signal, pc, info->si_addr,
                                        (uint64_t)uc->uc_mcontext.gregs[REG_RSP]));
}

static void install_handlers(void)
{
    static uint8_t stack[65536];
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
    assert_int_equal(sigaltstack(&ss, NULL), 0);
    struct sigaction sa = {.sa_sigaction = on_signal,
                           .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    for (size_t i = 0; i < SW_COUNTOF(signals); i++) {
        assert_int_equal(sigaction(signals[i], &sa, NULL), 0);
    }
}

/* ---- Compiling ------------------------------------------------------------------------------- */

static const sw_features features = {.multi_memory = true};

static void must(sw_status st, const sw_diag *diag)
{
    if (st != SW_OK) {
        fail_msg("%s: %s (at %u)", sw_status_text(st), diag->text, diag->offset);
    }
}

static void emit_functions(machine *m, sw_buf *code)
{
    sw_diag diag = {};
    for (uint32_t f = 0; f < m->module.funcs_count; f++) {
        sw_func_facts facts;
        sw_emitted emitted = {};
        if (f >= m->module.imported_funcs) {
            must(sw_func_validate(&m->module, &features, f, m->scratch, &diag, &facts), &diag);
            must(sw_baseline_emit(m->emitter, f, &facts, code, &diag, &emitted), &diag);
        } else if (m->layout.needs_thunk[f]) {
            must(sw_baseline_emit_thunk(m->emitter, f, code, &diag, &emitted), &diag);
        }
        m->starts[f] = emitted.start;
        m->lengths[f] = emitted.len;
    }
}

static void apply_fixups(machine *m)
{
    size_t count;
    const sw_fixup *fixups = sw_baseline_fixups(m->emitter, &count);
    for (size_t i = 0; i < count; i++) {
        uint32_t distance = m->starts[fixups[i].func] - (fixups[i].at + 4);
        memcpy(m->code + fixups[i].at, &distance, 4);
    }
}

static void compile(machine *m, sw_bytes wasm, sw_baseline_knobs knobs)
{
    sw_diag diag = {};
    sw_buf code;
    sw_arena_init(&m->arena, NULL, SIZE_MAX);
    must(sw_module_read(&m->arena, wasm, 0, &features, &diag, &m->module), &diag);
    must(sw_module_validate(&m->module, &features, &diag), &diag);
    must(sw_layout_make(&m->arena, &m->module, &diag, &m->layout), &diag);
    m->starts = SW_NEW_ARRAY(&m->arena, uint32_t, m->module.funcs_count);
    m->lengths = SW_NEW_ARRAY(&m->arena, uint32_t, m->module.funcs_count);
    m->scratch = sw_validate_scratch_new(NULL);
    m->emitter = sw_baseline_new(&m->module, &m->layout, NULL);
    sw_baseline_set_knobs(m->emitter, knobs);
    sw_buf_init(&code, NULL, INT32_MAX);
    emit_functions(m, &code);
    m->code_bytes = sw_align_up(code.len + 1, 4096);
    m->code = mmap(NULL, m->code_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(m->code != MAP_FAILED);
    memcpy(m->code, code.ptr, code.len);
    apply_fixups(m);
    const char *dump = getenv("MACHINE_DUMP");
    if (dump != NULL) {
        FILE *f = fopen(dump, "wb");
        fwrite(m->code, 1, code.len, f);
        fclose(f);
    }
    assert_int_equal(mprotect(m->code, m->code_bytes, PROT_READ | PROT_EXEC), 0);
    sw_buf_clear(&code);
}

/* ---- The instance ---------------------------------------------------------------------------- */

static void *at(const machine *m, uint32_t distance)
{
    return m->base - distance;
}

static uint8_t *reserve(uint64_t before)
{
    uint8_t *p = mmap(NULL, before + GUEST_BYTES + GUARD_BYTES, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(p != MAP_FAILED);
    if (before != 0) {
        assert_int_equal(mprotect(p, before, PROT_READ | PROT_WRITE), 0);
    }
    return p;
}

static void make_memories(machine *m)
{
    for (uint32_t i = m->module.imported_memories; i < m->module.memories_count; i++) {
        sw_memory_view *view = at(m, m->layout.memories[i]);
        view->base = i == 0 ? m->base : reserve(0);
        view->size_bytes = m->module.memories[i].limits.min * PAGE_BYTES;
        m->memory_bases[i] = view->base;
        if (view->size_bytes != 0) {
            assert_int_equal(mprotect(view->base, view->size_bytes, PROT_READ | PROT_WRITE), 0);
        }
    }
}

sw_func_cell machine_cell(const machine *m, uint32_t func)
{
    return (sw_func_cell){
        .code = m->code + m->starts[func],
        .base = m->base,
        .type_id = m->module.types[m->module.funcs[func].type].canonical + 1,
        .local_type = m->module.types[m->module.funcs[func].type].canonical,
        .func = func,
    };
}

static void make_cells(machine *m)
{
    m->closed_cells = SW_NEW_ARRAY(&m->arena, sw_func_cell, m->module.funcs_count);
    for (uint32_t f = 0; f < m->module.funcs_count; f++) {
        m->closed_cells[f] = machine_cell(m, f);
        m->closed_cells[f].base = NULL;
        if (m->layout.cells[f] != 0) {
            *(sw_func_cell *)at(m, m->layout.cells[f]) = machine_cell(m, f);
        }
    }
    for (uint32_t i = 0; m->layout.type_ids != 0 && i < m->module.types_count; i++) {
        ((uint32_t *)at(m, m->layout.type_ids))[i] = m->module.types[i].canonical + 1;
    }
}

static void make_tables(machine *m)
{
    for (uint32_t t = m->module.imported_tables; t < m->module.tables_count; t++) {
        sw_table_view *view = at(m, m->layout.tables[t]);
        view->count = m->module.tables[t].type.limits.min;
        view->entries = SW_NEW_ARRAY(&m->arena, uint64_t, view->count);
    }
}

static void make_globals(machine *m)
{
    for (uint32_t g = m->module.imported_globals; g < m->module.globals_count; g++) {
        const uint8_t *p = m->module.bytes.ptr + m->module.globals[g].init.start;
        sw_instr in;
        sw_op_next(p, &in);
        *(uint64_t *)at(m, m->layout.globals[g]) = in.code == SW_OP_REF_NULL ? 0 : in.bits;
    }
}

void machine_init(machine *m, sw_bytes wasm, sw_baseline_knobs knobs)
{
    *m = (machine){};
    set_helpers();
    install_handlers();
    compile(m, wasm, knobs);
    m->reservation = reserve(CONTEXT_BYTES);
    m->base = m->reservation + CONTEXT_BYTES;
    *(const void **)at(m, SW_CTX_HELPERS) = helpers;
    *(uint8_t **)at(m, SW_CTX_ARGS) = args_area;
    make_memories(m);
    make_cells(m);
    make_tables(m);
    make_globals(m);
}

void machine_clear(machine *m)
{
    for (uint32_t i = 1; i < SW_COUNTOF(m->memory_bases); i++) {
        if (m->memory_bases[i] != NULL) {
            munmap(m->memory_bases[i], GUEST_BYTES + GUARD_BYTES);
        }
    }
    munmap(m->reservation, CONTEXT_BYTES + GUEST_BYTES + GUARD_BYTES);
    munmap(m->code, m->code_bytes);
    sw_baseline_free(m->emitter);
    sw_validate_scratch_free(m->scratch);
    sw_arena_clear(&m->arena);
}

void machine_link_func(machine *m, uint32_t import, sw_func_cell cell)
{
    *(sw_func_cell *)at(m, m->layout.imports[import]) = cell;
}

void machine_link_global(machine *m, uint32_t import, void *value)
{
    *(void **)at(m, m->layout.globals[import]) = value;
}

void machine_link_memory(machine *m, uint32_t import, sw_memory_view *view)
{
    *(sw_memory_view **)at(m, m->layout.memories[import]) = view;
    m->memory_bases[import] = NULL;
}

void machine_link_table(machine *m, uint32_t import, sw_table_view *view)
{
    *(sw_table_view **)at(m, m->layout.tables[import]) = view;
}

static sw_table_view *table_view(const machine *m, uint32_t t)
{
    void *place = at(m, m->layout.tables[t]);
    return t < m->module.imported_tables ? *(sw_table_view **)place : place;
}

static uint32_t offset_of(const machine *m, sw_range expr)
{
    sw_instr in = {};
    sw_op_next(m->module.bytes.ptr + expr.start, &in);
    return (uint32_t)in.bits;
}

void machine_start(machine *m)
{
    for (uint32_t i = 0; i < m->module.elems_count; i++) {
        const sw_elem *e = &m->module.elems[i];
        for (uint32_t k = 0; e->mode == SW_SEGMENT_ACTIVE && k < e->count; k++) {
            sw_func_cell *cell = m->layout.table_is_closed[e->table]
                                     ? &m->closed_cells[e->funcs[k]]
                                     : at(m, m->layout.cells[e->funcs[k]]);
            table_view(m, e->table)->entries[offset_of(m, e->offset) + k] =
                (uint64_t)(uintptr_t)cell;
        }
    }
    for (uint32_t i = 0; i < m->module.datas_count; i++) {
        const sw_data *d = &m->module.datas[i];
        if (d->mode == SW_SEGMENT_ACTIVE) {
            memcpy(m->memory_bases[d->memory] + offset_of(m, d->offset),
                   m->module.bytes.ptr + d->bytes.start, d->bytes.len);
        }
    }
}

/* ---- Calling --------------------------------------------------------------------------------- */

static void find_trap_offset(machine *m)
{
    uint64_t offset = trap_pc - (uint64_t)(uintptr_t)m->code;
    m->trap_offset = SW_NO_OFFSET;
    for (uint32_t f = m->module.imported_funcs; f < m->module.funcs_count; f++) {
        if (offset >= m->starts[f] && offset < m->starts[f] + m->lengths[f]) {
            sw_diag diag = {};
            sw_func_facts facts;
            must(sw_func_validate(&m->module, &features, f, m->scratch, &diag, &facts), &diag);
            must(sw_baseline_find_offset(m->emitter, f, &facts, (uint32_t)(offset - m->starts[f]),
                                         &diag, &m->trap_offset),
                 &diag);
        }
    }
}

/* The ABI has an i32 result zero-extended. */
static void check_zero_extension(const sw_functype *t, const sw_regs *regs)
{
    uint32_t ints = 0;
    for (uint32_t i = 0; i < t->results_count && ints < SW_INT_RESULTS; i++) {
        if (t->results[i] == SW_TYPE_I32) {
            assert_true(regs->ints[ints] <= UINT32_MAX);
        }
        ints += !sw_valtype_is_vector(t->results[i]);
    }
}

sw_trap machine_call(machine *m, uint32_t func, const sw_value_slot *params, sw_value_slot *results)
{
    const sw_functype *t = sw_module_functype(&m->module, func);
    sw_regs regs;
    memset(&regs, 0xa5, sizeof regs);
    memset(args_area, 0x5a, 64);
    sw_regs_set_params(t, params, &regs, args_area);
    running = m;
    int trap = sigsetjmp(escape, 0);
    if (trap != 0) {
        find_trap_offset(m);
        return (sw_trap)trap;
    }
    assert_int_equal(machine_enter(m->code + m->starts[func], m->base, &regs), 0);
    check_zero_extension(t, &regs);
    sw_regs_get_results(t, &regs, args_area, results);
    return SW_TRAP_NONE;
}

uint64_t machine_run(machine *m, uint32_t func, uint64_t a, uint64_t b, uint64_t c)
{
    sw_value_slot params[3] = {{.i64 = a}, {.i64 = b}, {.i64 = c}}, result[8] = {};
    sw_trap trap = machine_call(m, func, params, result);
    if (trap != SW_TRAP_NONE) {
        fail_msg("function %u trapped: %s", func, sw_trap_text(trap));
    }
    return result[0].i64;
}

sw_trap machine_trap(machine *m, uint32_t func, uint64_t a, uint64_t b)
{
    sw_value_slot params[2] = {{.i64 = a}, {.i64 = b}}, result[8] = {};
    return machine_call(m, func, params, result);
}
