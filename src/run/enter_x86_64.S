/*
 * Between C and wasm code (code/abi.h) on x86-64.
 *
 * Offsets of C structs used here, checked by static_assert in run/internal.h:
 *   sw_activation: sp 0, fp 8      sw_func_cell: code 0, base 8
 *   sw_host_func: entry 0, store 8      sw_gate: target 64, open 72, idle 80
 *   sw_store: stack_floor 0, host_fp 8
 *   sw_instance: store 0; it is at [base - 56]
 *   sw_regs: ints 0, 8, ... 40; vectors 48, 64, ... 160; 176 bytes
 */
        .text

#define REGS_BYTES 176
#define STACK_EXHAUSTED 10

        .macro  load_vectors from, last
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        .if     \i <= \last
        movups  48 + 16 * \i(\from), %xmm\i
        .endif
        .endr
        .endm

        .macro  store_vectors to, last
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        .if     \i <= \last
        movups  %xmm\i, 48 + 16 * \i(\to)
        .endif
        .endr
        .endm

/* uint32_t sw_enter(sw_activation *a, const sw_func_cell *cell, sw_regs *regs) */
        .globl  sw_enter
        .hidden sw_enter
        .type   sw_enter, @function
        .p2align 4
sw_enter:
        .cfi_startproc
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        push    %rdx
        .cfi_offset %rbx, -24
        .cfi_offset %r12, -32
        .cfi_offset %r13, -40
        .cfi_offset %r14, -48
        .cfi_offset %r15, -56
        mov     %rsp, 0(%rdi)
        mov     %rbp, 8(%rdi)
        mov     0(%rsi), %rax
        mov     8(%rsi), %r13
        mov     %rdx, %r11
        load_vectors %r11, 7
        mov     0(%r11), %rdi
        mov     8(%r11), %rsi
        mov     16(%r11), %rdx
        mov     24(%r11), %rcx
        mov     32(%r11), %r8
        mov     40(%r11), %r9
        call    *%rax
        mov     (%rsp), %r11
        mov     %rax, 0(%r11)
        mov     %rdx, 8(%r11)
        mov     %rcx, 16(%r11)
        mov     %r8, 24(%r11)
        store_vectors %r11, 3
        xor     %eax, %eax
.Lreturn:
        pop     %rdx
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbx
        pop     %rbp
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   sw_enter, . - sw_enter

/* void sw_leave(const sw_activation *a, uint32_t reason): returns from sw_enter */
        .globl  sw_leave
        .hidden sw_leave
        .type   sw_leave, @function
        .p2align 4
sw_leave:
        .cfi_startproc
        .cfi_undefined %rip
        mov     0(%rdi), %rsp
        mov     %esi, %eax
        cld
        jmp     .Lreturn
        .cfi_endproc
        .size   sw_leave, . - sw_leave

/*
 * Stubs: C code called by wasm code, on the guest's stack. When there is less of it left than C
 * code may need, they trap in their first instructions, where rbp is still the caller's and the
 * return address is at [rsp].
 */
        .globl  sw_stubs_start
        .hidden sw_stubs_start
sw_stubs_start:

        .macro  trap_if_below store
        cmp     0(\store), %rsp
        jb      .Lexhausted
        .endm

/* What the cell of a host function points to: r13 is the sw_host_func. */
        .macro  host_entry name, vectors
        .globl  \name
        .hidden \name
        .type   \name, @function
        .p2align 4
\name:
        .cfi_startproc
        mov     8(%r13), %rax
        trap_if_below %rax
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        sub     $REGS_BYTES, %rsp
        mov     %rdi, 0(%rsp)
        mov     %rsi, 8(%rsp)
        mov     %rdx, 16(%rsp)
        mov     %rcx, 24(%rsp)
        mov     %r8, 32(%rsp)
        mov     %r9, 40(%rsp)
        .if     \vectors
        store_vectors %rsp, 7
        .endif
        mov     %rbp, 8(%rax)
        mov     %r13, %rdi
        mov     %rsp, %rsi
        call    *0(%r13)
        test    %eax, %eax
        jnz     .Lhost_traps
        mov     0(%rsp), %rax
        mov     8(%rsp), %rdx
        mov     16(%rsp), %rcx
        mov     24(%rsp), %r8
        .if     \vectors
        load_vectors %rsp, 3
        .endif
        leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   \name, . - \name
        .endm

        host_entry sw_host_entry, 1
        host_entry sw_host_entry_ints, 0

        .p2align 4
.Lhost_traps:
        mov     8(%r13), %rdi
        mov     %eax, %esi
        mov     %rbp, %rdx
        call    sw_trap_raise_host
        ud2

.Lexhausted:
        .byte   0x67, 0x0f, 0xb9, 0x40, STACK_EXHAUSTED

/* What the cell of an open gate points to: r13 is the sw_gate. */
        .globl  sw_gate_entry
        .hidden sw_gate_entry
        .type   sw_gate_entry, @function
        .p2align 4
sw_gate_entry:
        .cfi_startproc
        mov     8(%r13), %rax
        trap_if_below %rax
        mov     72(%r13), %rax
        cmpb    $0, (%rax)
        je      sw_host_entry
        mov     80(%r13), %rax
        cmpb    $0, (%rax)
        je      sw_host_entry
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        push    %r13
        push    %r13
        movb    $0, (%rax)
        mov     64(%r13), %rax
        mov     8(%rax), %r13
        call    *0(%rax)
        mov     -8(%rbp), %r13
        mov     80(%r13), %r11
        movb    $1, (%r11)
        leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   sw_gate_entry, . - sw_gate_entry

/* Runtime helpers: rdi is the instance base. */
        .macro  helper name
        .globl  sw_stub_\name
        .hidden sw_stub_\name
        .type   sw_stub_\name, @function
        .p2align 4
sw_stub_\name:
        mov     -56(%rdi), %rax
        mov     0(%rax), %rax
        trap_if_below %rax
        jmp     sw_helper_\name
        .size   sw_stub_\name, . - sw_stub_\name
        .endm

        helper  interrupt
        helper  memory_grow
        helper  memory_init
        helper  memory_copy
        helper  memory_fill
        helper  data_drop
        helper  table_grow
        helper  table_init
        helper  table_copy
        helper  table_fill
        helper  elem_drop

        .globl  sw_stubs_end
        .hidden sw_stubs_end
sw_stubs_end:

        .section .note.GNU-stack, "", @progbits
