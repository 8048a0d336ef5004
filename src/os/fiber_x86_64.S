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
    .p2align 4
    .globl sw_fiber_switch
    .hidden sw_fiber_switch
    .type sw_fiber_switch, @function
sw_fiber_switch:
    .cfi_startproc
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0

    movq %rsp, (%rdi)
    movq %rsi, %rsp

    popq %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r15
    popq %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r14
    popq %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    popq %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    popq %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    popq %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbp
    popq %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    movq %rdx, %rax
    jmpq *%rcx
    .cfi_endproc
    .size sw_fiber_switch, . - sw_fiber_switch

/* A new fiber arrives here with its argument in rax and a 16-byte aligned stack. Nobody called it,
 * which is what unwinders are told. */
    .p2align 4
    .globl sw_fiber_start
    .hidden sw_fiber_start
    .type sw_fiber_start, @function
sw_fiber_start:
    .cfi_startproc
    .cfi_undefined %rip
    xorl %ebp, %ebp
    movq %rax, %rdi
    callq sw_fiber_main
    ud2
    .cfi_endproc
    .size sw_fiber_start, . - sw_fiber_start
#endif
    .section .note.GNU-stack, "", @progbits
