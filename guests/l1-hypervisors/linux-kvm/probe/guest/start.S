# void start(): where the VMM lets the guest begin, in 64-bit mode, interrupts off, with a stack. Never returns.
    .section .text.start, "ax"
    .global start
start:
    call guest_main
    ud2
