/*
 * The fiber switch for aarch64 (AAPCS64). See fiber.c for the C side.
 *
 * A stack that is not running ends in this frame of 160 bytes, lowest address first:
 *     x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29 x30 d8 d9 d10 d11 d12 d13 d14 d15
 */
#if defined(__aarch64__)
    .text

    /* What the calling convention says survives a call. */
    .macro save_registers
    sub sp, sp, #160
    .cfi_def_cfa_offset 160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    .cfi_offset x19, -160
    .cfi_offset x20, -152
    .cfi_offset x21, -144
    .cfi_offset x22, -136
    .cfi_offset x23, -128
    .cfi_offset x24, -120
    .cfi_offset x25, -112
    .cfi_offset x26, -104
    .cfi_offset x27, -96
    .cfi_offset x28, -88
    .cfi_offset x29, -80
    .cfi_offset x30, -72
    .endm

    .macro restore_registers
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    .cfi_def_cfa_offset 0
    .endm

    .p2align 4
    .globl sw_fiber_switch
    .hidden sw_fiber_switch
    .type sw_fiber_switch, %function
sw_fiber_switch:
    .cfi_startproc
    save_registers

    mov x9, sp
    str x9, [x0]
    mov sp, x1

    restore_registers
    mov x0, x2
    br x30
    .cfi_endproc
    .size sw_fiber_switch, . - sw_fiber_switch

/*
 * void *sw_fiber_enter(void **save, void *top, void *value): calls sw_fiber_main(value) on the stack
 * that ends at top, and returns its result on the stack whose pointer is in *save by then; *save is
 * in the form that the switch leaves, so that the new stack may be put aside in between. Unwinders
 * find the frame below through x19.
 */
    .p2align 4
    .globl sw_fiber_enter
    .hidden sw_fiber_enter
    .type sw_fiber_enter, %function
sw_fiber_enter:
    .cfi_startproc
    save_registers
    .cfi_remember_state

    mov x9, sp
    str x9, [x0]
    mov x19, x0
    /* the frame's address: the word at x19, plus 160 */
    .cfi_escape 0x0f, 6, 0x83, 0, 0x06, 0x23, 0xa0, 1
    mov sp, x1
    mov x29, xzr
    mov x0, x2
    bl sw_fiber_main
    ldr x9, [x19]
    mov sp, x9
    .cfi_restore_state

    restore_registers
    ret
    .cfi_endproc
    .size sw_fiber_enter, . - sw_fiber_enter
#endif
    .section .note.GNU-stack, "", %progbits
