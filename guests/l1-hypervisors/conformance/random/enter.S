// extern "C" u64 random_enter(u64 resume)
//
// Enters L2 by VMLAUNCH or, if `resume`, VMRESUME, with random_registers. Returns 0 after VMfail and otherwise the
// number of the landing stub at which the exit arrived. Both ways leave random_registers, random_found_rsp and
// random_found_rflags as they were found.
//
// Nothing of the host state may be trusted after an exit: not RSP (each exit brings the RSP that the case wants), not
// the segments, and RIP may be an alias of a stub in the upper half. So the stubs use absolute addresses only.

.macro for_each_register instruction, direction
    .set offset, 0
    .irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        .ifc \direction, load
        movq random_registers + offset, %\reg
        .else
        movq %\reg, random_registers + offset
        .endif
        .set offset, offset + 8
    .endr
.endm

.section .text
.globl random_enter
random_enter:
    .irp reg, rbx, rbp, r12, r13, r14, r15
    pushq %\reg
    .endr
    movq %rsp, l1_rsp
    movb $0, landed_at
    testq %rdi, %rdi
    for_each_register movq, load            // MOV leaves the flags alone
    jnz 1f
    vmlaunch
    jmp landing
1:  vmresume
landing:
    for_each_register movq, store
    movq %rsp, random_found_rsp
    movq l1_rsp, %rsp
    pushfq
    popq random_found_rflags
    .irp reg, r15, r14, r13, r12, rbp, rbx
    popq %\reg
    .endr
    movzbl landed_at, %eax
    ret

.macro stub number
.globl random_stub_\number
random_stub_\number:
    movb $\number, landed_at
    jmp *landing_pointer
.endm
stub 1
stub 2
stub 3

// extern "C" void random_reload_code_and_stack(): CS and SS as the kit's GDT has them, by IRETQ, which also ends
// blocking by NMI.
.globl random_reload_code_and_stack
random_reload_code_and_stack:
    movq %rsp, %rax
    pushq $0x10
    pushq %rax
    pushfq
    pushq $0x08
    pushq $1f
    iretq
1:  ret

.section .data
.balign 8
landing_pointer: .quad landing

.section .bss
.balign 8
.globl random_registers, random_found_rsp, random_found_rflags
random_registers: .skip 15 * 8
random_found_rsp: .skip 8
random_found_rflags: .skip 8
l1_rsp: .skip 8
landed_at: .skip 1

.section .note.GNU-stack, "", @progbits
