// extern "C" u64 enter_guest(GuestRegisters* registers /*rdi*/, u64 launched /*rsi*/)
//
// Enters L2 by VMLAUNCH or VMRESUME with the given registers. Returns 0 after an exit (registers hold L2's), 1 after
// VMfailInvalid, 2 after VMfailValid. The stack while L2 runs, from the top: rbx rbp r12 r13 r14 r15 registers.
// HOST_RSP points at the last of these; guest_exited finds the registers' address there.

.set FIELD_HOST_RSP, 0x6C14
.set RAX, 0
.set RBX, 8
.set RCX, 16
.set RDX, 24
.set RSI, 32
.set RDI, 40
.set RBP, 48
.set R8, 56

.macro move_high_registers direction
    .set offset, R8
    .irp reg, r8, r9, r10, r11, r12, r13, r14, r15
        .ifc \direction, load
        movq offset(%rdi), %\reg
        .else
        movq %\reg, offset(%rdi)
        .endif
        .set offset, offset + 8
    .endr
.endm

.section .text
.globl enter_guest
enter_guest:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi
    movl $FIELD_HOST_RSP, %eax
    vmwrite %rsp, %rax
    jbe entry_failed
    testq %rsi, %rsi
    movq RAX(%rdi), %rax
    movq RBX(%rdi), %rbx
    movq RCX(%rdi), %rcx
    movq RDX(%rdi), %rdx
    movq RSI(%rdi), %rsi
    movq RBP(%rdi), %rbp
    move_high_registers load
    movq RDI(%rdi), %rdi
    jnz 1f
    vmlaunch
    jmp entry_failed
1:  vmresume
entry_failed:
    movl $1, %eax                           // neither MOV nor POP touches the flags
    movl $2, %ecx
    cmovz %ecx, %eax
    popq %rdi
    jmp return_to_caller

.globl guest_exited
guest_exited:
    pushq %rdi
    movq 8(%rsp), %rdi
    movq %rax, RAX(%rdi)
    movq %rbx, RBX(%rdi)
    movq %rcx, RCX(%rdi)
    movq %rdx, RDX(%rdi)
    movq %rsi, RSI(%rdi)
    movq %rbp, RBP(%rdi)
    move_high_registers store
    popq %rax
    movq %rax, RDI(%rdi)
    popq %rdi
    xorl %eax, %eax
return_to_caller:
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

.section .note.GNU-stack, "", @progbits
