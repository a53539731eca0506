// Interrupt entry points and guarded calls.
//
//   extern "C" u8 trap_entries[256][16]       entry points, one for each vector
//   extern "C" u64 call_with_guard(function, context)   0: returned; 1: an exception unwound it
//   extern "C" [[noreturn]] void unwind_guard()         the trap handler's way back into the innermost guard
//   extern "C" [[noreturn]] void enter_user_mode(code, stack)

.section .text
.balign 16
.globl trap_entries
trap_entries:
.set vector, 0
.rept 256
    .balign 16
    // Vectors 8, 10-14, 17 and 21 push an error code themselves (SDM 3A table 6-1).
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21)
    .else
    pushq $0
    .endif
    pushq $vector
    jmp trap_common
    .set vector, vector + 1
.endr

trap_common:
    cld
    .irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
    pushq %\reg
    .endr
    movq %rsp, %rdi
    movq %rsp, %rbp
    andq $-16, %rsp
    call on_trap
    movq %rbp, %rsp
    .irp reg, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
    popq %\reg
    .endr
    addq $16, %rsp
    iretq

.globl call_with_guard
call_with_guard:
    .irp reg, rbx, rbp, r12, r13, r14, r15
    pushq %\reg
    .endr
    pushfq
    pushq guard_stack(%rip)
    movq %rsp, guard_stack(%rip)
    movq %rdi, %rax
    movq %rsi, %rdi
    subq $8, %rsp
    call *%rax
    addq $8, %rsp
    xorl %eax, %eax
leave_guard:
    popq guard_stack(%rip)
    popfq
    .irp reg, r15, r14, r13, r12, rbp, rbx
    popq %\reg
    .endr
    ret

.globl unwind_guard
unwind_guard:
    movq guard_stack(%rip), %rsp
    movl $1, %eax
    jmp leave_guard

.globl enter_user_mode
enter_user_mode:
    pushq $0x1B
    pushq %rsi
    pushq $2
    pushq $0x23
    pushq %rdi
    iretq

.section .bss
.balign 8
.globl guard_stack
guard_stack: .skip 8

.section .note.GNU-stack, "", @progbits
