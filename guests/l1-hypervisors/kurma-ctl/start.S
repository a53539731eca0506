// The kernel's entry: argc and argv lie on the stack (System V ABI, AMD64, 3.4.1). The status of kurma_ctl() is the process's.

.set SYSCALL_EXIT, 60

    .text
    .globl _start
_start:
    movq (%rsp), %rdi
    leaq 8(%rsp), %rsi
    andq $-16, %rsp
    call kurma_ctl
    movl %eax, %edi
    movl $SYSCALL_EXIT, %eax
    syscall

.section .note.GNU-stack, "", @progbits
