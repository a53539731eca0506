// tests/user_mode.hpp says what these are. No stack is used before the instruction under test.

.macro user_form name, instruction
    .section .text
user_\name:
    leaq user_operand(%rip), %rdi
    movl $1, %esi
    xorl %eax, %eax
    \instruction
    int3
    .section .rodata.names, "a"
name_user_\name: .asciz "\name"
    .section .rodata.user_forms, "a"
    .quad name_user_\name, user_\name
.endm

.section .rodata.user_forms, "a"
.balign 8
.globl user_forms
user_forms:
user_form vmxon, "vmxon (%rdi)"
user_form vmxoff, "vmxoff"
user_form vmclear, "vmclear (%rdi)"
user_form vmptrld, "vmptrld (%rdi)"
user_form vmptrst, "vmptrst (%rdi)"
user_form vmread, "vmread %rsi, (%rdi)"
user_form vmwrite, "vmwrite (%rdi), %rsi"
user_form vmread_register, "vmread %rsi, %rax"
user_form vmwrite_register, "vmwrite %rax, %rsi"
user_form vmlaunch, "vmlaunch"
user_form vmresume, "vmresume"
user_form invept, "invept (%rdi), %rsi"
user_form invvpid, "invvpid (%rdi), %rsi"
user_form vmcall, "vmcall"
.section .rodata.user_forms, "a"
.globl user_forms_end
user_forms_end:

.set CONTROL_CALL_SIGNATURE, 0x414D52554B

.section .text
.globl user_control_call
user_control_call:
    movabsq $CONTROL_CALL_SIGNATURE, %rax
    xorl %ecx, %ecx
    xorl %edx, %edx
    vmcall
    movq %rax, user_control_call_result(%rip)
    int3

// One function of the control call: number and argument come from memory, the answer goes there.
.globl user_control_function
user_control_function:
    movabsq $CONTROL_CALL_SIGNATURE, %rax
    movq user_control_call_function(%rip), %rcx
    movq user_control_call_argument(%rip), %rdx
    vmcall
    movq %rax, user_control_call_result(%rip)
    int3

.section .bss
.balign 8
.globl user_control_call_function, user_control_call_argument
user_control_call_function: .skip 8
user_control_call_argument: .skip 8
.globl user_control_call_result
user_control_call_result: .skip 8
.balign 16
user_operand: .skip 16

.section .note.GNU-stack, "", @progbits
