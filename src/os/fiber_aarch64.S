/*
 * The fiber switch for aarch64 (AAPCS64). See fiber.c for the C side.
 *
 * A stack that is not running ends in this frame of 160 bytes, lowest address first:
 *     x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29 x30 d8 d9 d10 d11 d12 d13 d14 d15
 */
#if defined(__aarch64__)
    .text
    .p2align 4
    .globl sw_fiber_switch
    .hidden sw_fiber_switch
    .type sw_fiber_switch, %function
sw_fiber_switch:
    .cfi_startproc
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

    mov x9, sp
    str x9, [x0]
    mov sp, x1

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
    mov x0, x2
    br x30
    .cfi_endproc
    .size sw_fiber_switch, . - sw_fiber_switch

/* A new fiber arrives here with its argument in x0. Nobody called it, which is what unwinders are
 * told. */
    .p2align 4
    .globl sw_fiber_start
    .hidden sw_fiber_start
    .type sw_fiber_start, %function
sw_fiber_start:
    .cfi_startproc
    .cfi_undefined x30
    mov x29, xzr
    bl sw_fiber_main
    brk #0x1
    .cfi_endproc
    .size sw_fiber_start, . - sw_fiber_start
#endif
    .section .note.GNU-stack, "", %progbits
