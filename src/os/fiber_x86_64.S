/*
 * The fiber switch for x86-64 (System V ABI). See fiber.c for the C side.
 *
 * A stack that is not running ends in this frame, lowest address first:
 *     r15 r14 r13 r12 rbx rbp return-address
 * Both halves of the switch use the same layout, so the unwind rules stay true across the exchange
 * of the stack pointer. The last step is an indirect jump rather than `ret`: the return predictor
 * knows nothing of the other stack and would miss every time.
 */
#if defined(__x86_64__)
    .text

    /* What the calling convention says survives a call. */
    .macro save_registers
    .irp register, rbp, rbx, r12, r13, r14, r15
    pushq %\register
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %\register, 0
    .endr
    .endm

    .macro restore_registers
    .irp register, r15, r14, r13, r12, rbx, rbp
    popq %\register
    .cfi_adjust_cfa_offset -8
    .cfi_restore %\register
    .endr
    .endm

    .p2align 4
    .globl sw_fiber_switch
    .hidden sw_fiber_switch
    .type sw_fiber_switch, @function
sw_fiber_switch:
    .cfi_startproc
    save_registers

    movq %rsp, (%rdi)
    movq %rsi, %rsp

    restore_registers
    popq %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    movq %rdx, %rax
    jmpq *%rcx
    .cfi_endproc
    .size sw_fiber_switch, . - sw_fiber_switch

/*
 * void *sw_fiber_enter(void **save, void *top, void *value): calls sw_fiber_main(value) on the stack
 * that ends at top, and returns its result on the stack whose pointer is in *save by then. It is a
 * call and a return for the predictor too; *save is in the form that the switch leaves, so that the
 * new stack may be put aside in between. Unwinders find the frame below through rbx.
 */
    .p2align 4
    .globl sw_fiber_enter
    .hidden sw_fiber_enter
    .type sw_fiber_enter, @function
sw_fiber_enter:
    .cfi_startproc
    save_registers
    .cfi_remember_state

    movq %rsp, (%rdi)
    movq %rdi, %rbx
    /* the frame's address: the word at rbx, plus 56 */
    .cfi_escape 0x0f, 5, 0x73, 0, 0x06, 0x23, 56
    movq %rsi, %rsp
    xorl %ebp, %ebp
    movq %rdx, %rdi
    callq sw_fiber_main
    movq (%rbx), %rsp
    .cfi_restore_state

    restore_registers
    retq
    .cfi_endproc
    .size sw_fiber_enter, . - sw_fiber_enter
#endif
    .section .note.GNU-stack, "", @progbits
