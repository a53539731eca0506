// l2/snippets.hpp says what these are.

.section .text
.macro snippet name, code
    .globl l2_\name
l2_\name:
    \code
    ret
.endm

snippet nothing, ""
snippet cpuid, "cpuid"
snippet hlt, "hlt"
snippet in8, "inb %dx, %al"
snippet out16, "outw %ax, %dx"
snippet out_string, "cld; rep outsb"
snippet rdmsr, "rdmsr; shlq $32, %rdx; orq %rdx, %rax"
snippet wrmsr, "wrmsr"
snippet rdtsc, "rdtsc; shlq $32, %rdx; orq %rdx, %rax"
snippet read, "movq (%rdi), %rax"
snippet write, "movq %rsi, (%rdi)"
snippet write32, "movl %esi, (%rdi)"
snippet read_write, "incq (%rdi)"
snippet jump, "jmp *%rdi"
snippet spin, "incq %rax; jmp l2_spin"
snippet ud2, "ud2"
snippet int3, "int3"
snippet divide_by_zero, "xorl %ecx, %ecx; xorl %edx, %edx; movl $1, %eax; divl %ecx"
snippet mov_cr0, "movq %rdi, %cr0"
snippet get_cr0, "movq %cr0, %rax"
snippet mov_cr3, "movq %rdi, %cr3"
snippet get_cr3, "movq %cr3, %rax"
snippet mov_cr4, "movq %rdi, %cr4"
snippet get_cr4, "movq %cr4, %rax"
snippet get_cr2, "movq %cr2, %rax"
snippet get_dr0, "movq %dr0, %rax"
snippet rdpmc, "rdpmc"
snippet invd, "invd"
snippet wbinvd, "wbinvd"
snippet pause, "pause"
snippet rdtscp, "rdtscp"
snippet rdrand, "rdrand %rax"
snippet rdseed, "rdseed %rax"
snippet invpcid, "invpcid (%rdi), %rsi"
snippet sgdt, "sgdt (%rdi)"
snippet sidt, "sidt (%rdi)"
snippet sldt, "sldt %eax"
snippet str, "str %eax"
snippet mov_cr8, "movq %rdi, %cr8"
snippet get_cr8, "movq %cr8, %rax"
snippet mov_dr0, "movq %rdi, %dr0"
snippet xsetbv, "xsetbv"
snippet sti_hlt, "sti; hlt"
snippet clts, "clts"
snippet lmsw, "lmsw %di"
snippet invlpg, "invlpg (%rdi)"

.globl l2_sti_nops, l2_after_shadow
l2_sti_nops:
    sti
    nop
l2_after_shadow:
    nop
    cli
    ret

.globl l2_name_registers
l2_name_registers:
    vmcall
    .set number, 1
    .irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        addq $number, %\reg
        .set number, number + 1
    .endr
    vmcall
    ret

// Each VMX instruction, and the reason for its exit (SDM 3D appendix C).
.macro vmx_instruction name, reason, code
    .section .text
l2_vmx_\name:
    \code
    ret
    .section .rodata.names, "a"
name_l2_\name: .asciz "\name"
    .section .rodata.l2_vmx, "a"
    .quad name_l2_\name, l2_vmx_\name, \reason
.endm

.section .rodata.l2_vmx, "a"
.balign 8
.globl l2_vmx_instructions
l2_vmx_instructions:
vmx_instruction vmcall, 18, "vmcall"
vmx_instruction vmclear, 19, "vmclear (%rdi)"
vmx_instruction vmlaunch, 20, "vmlaunch"
vmx_instruction vmptrld, 21, "vmptrld (%rdi)"
vmx_instruction vmptrst, 22, "vmptrst (%rdi)"
vmx_instruction vmread, 23, "vmread %rsi, %rax"
vmx_instruction vmread_memory, 23, "vmread %rsi, (%rdi)"
vmx_instruction vmresume, 24, "vmresume"
vmx_instruction vmwrite, 25, "vmwrite %rax, %rsi"
vmx_instruction vmxoff, 26, "vmxoff"
vmx_instruction vmxon, 27, "vmxon (%rdi)"
vmx_instruction invept, 50, "invept (%rdi), %rsi"
vmx_instruction invvpid, 53, "invvpid (%rdi), %rsi"
.section .rodata.l2_vmx, "a"
.globl l2_vmx_instructions_end
l2_vmx_instructions_end:

.section .note.GNU-stack, "", @progbits
