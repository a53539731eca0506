// VMX instructions whose surroundings matter.
//
//   extern "C" u64 vmlaunch_after_mov_ss(), vmresume_after_mov_ss(), vmlaunch_after_sti()
//       execute one VM entry that must fail, right behind MOV SS or STI, with all arithmetic flags set before,
//       and return RFLAGS
//   extern "C" const UserForm user_forms[]
//       {name, code}, ended by a null name: code for CPL 3, one instruction each, then INT3

.set ARITHMETIC_FLAGS, 0x8D5

.macro entry_behind name, blocker, instruction
    .section .text
    .globl \name
\name:
    movl %ss, %ecx
    pushq $(ARITHMETIC_FLAGS + 2)
    popfq
    \blocker
    \instruction
    cli
    pushfq
    popq %rax
    ret
.endm

entry_behind vmlaunch_after_mov_ss, "movl %ecx, %ss", vmlaunch
entry_behind vmresume_after_mov_ss, "movl %ecx, %ss", vmresume
entry_behind vmlaunch_after_sti, sti, vmlaunch

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
user_form vmread, "vmread %rsi, %rax"
user_form vmwrite, "vmwrite %rax, %rsi"
user_form vmlaunch, "vmlaunch"
user_form vmresume, "vmresume"
user_form invept, "invept (%rdi), %rsi"
user_form invvpid, "invvpid (%rdi), %rsi"
user_form vmfunc, "vmfunc"
.section .rodata.user_forms, "a"
    .quad 0, 0

.section .bss
.balign 16
user_operand: .skip 16

.section .note.GNU-stack, "", @progbits
