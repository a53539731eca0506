// Instructions that raise exceptions. RDI points into scratch memory, R8 at an address that no table maps, R10 at one that
// is not canonical.
#include "sweeps/forms.inc"

// INT pushes no error code, whatever its vector: after `int-13` and `int-14` the catcher's words are one place off.
table forms_exceptions
    form de-divide, "xorl %edx, %edx; xorl %ecx, %ecx; divl %ecx"
    form de-overflow, "movl $1, %edx; movl $1, %ecx; divl %ecx"
    form db-trap-flag, "pushfq; orl $0x100, (%rsp); popfq; nop; nop"
    form db-icebp, ".byte 0xF1"
    form db-icebp-prefixed, ".byte 0x66, 0xF1"
    form bp-int3, "int3"
    form bp-int3-prefixed, ".byte 0x66, 0xCC"
    form bp-int-3, ".byte 0xCD, 3"
    form of-int-4, "int $4"
    form int-13, "int $13"
    form int-14, "int $14"
    form int-0x52, "int $0x52"
    form ud2, "ud2"
    form ud-undefined, ".byte 0x0F, 0xFF, 0xC0"
    form ud-lock, ".byte 0xF0, 0x90"
    form ud-long-mode, ".byte 0x06"
    form nm-fpu, "fninit"
    form nm-wait, "fwait"
    form np-segment, "movw %r14w, %fs"
    form ts-segment, "movl $0x1000, %eax; ltr %ax"
    form ss-not-canonical, "movq %r10, %rsp; pushq %rax"
    form ss-read-rbp, "movq %r10, %rbp; movq (%rbp), %rax"
    form gp-not-canonical, "movq (%r10), %rax"
    form gp-selector, "movl $0x1234, %eax; movw %ax, %ds"
    form gp-privileged, "movl $1, %ecx; xorl %eax, %eax; xorl %edx, %edx; movl $0x40000000, %ecx; wrmsr"
    form gp-unaligned-sse, "movaps 1(%rdi), %xmm0"
    form pf-read, "movq (%r8), %rax"
    form pf-write, "movq %rax, (%r8)"
    form pf-fetch, "jmp *%r8"
    form pf-read-modify-write, "incq (%r8)"
    form pf-push, "movq %r8, %rsp; pushq %rax"
    form pf-split, "leaq 0xFFC(%r8), %r9; movq -0x1000(%r9), %rax"
    form pf-string, "movq %r8, %rsi; rep movsb"
    form xm-divide, "movl $0x1F00, (%rdi); ldmxcsr (%rdi); xorps %xmm0, %xmm0; divps %xmm0, %xmm0; movl $0x1F80, (%rdi); ldmxcsr (%rdi)"
    form mf-divide, "fninit; movw $0x0340, (%rdi); fldcw (%rdi); fldz; fld1; fdiv %st(1), %st; fwait; fninit"
    form into, ".byte 0xCE"
    form rsm, "rsm"
    form iret-null, "pushq $0; pushq $0; pushq $2; pushq $0; pushq $0; iretq"
table_end

table forms_nothing
    form nothing, "nop; nop; nop"
table_end

table forms_read_r8
    form read, "movq (%r8), %rax"
    form write, "movq %rax, (%r8)"
    form fetch, "jmp *%r8"
table_end

// Two instructions after one that opens the window.
table forms_windows
    form sti, "sti; nop; nop; cli"
    form sti-sti, "sti; sti; nop; cli"
    form mov-ss, "movl %ss, %eax; sti; movl %eax, %ss; nop; nop; cli"
    form popf, "pushfq; orl $0x200, (%rsp); popfq; nop; cli"
    form iret, "movl %ss, %eax; pushq %rax; leaq 8(%rsp), %rax; pushq %rax; pushfq; orl $0x200, (%rsp); movl %cs, %eax; pushq %rax; leaq 7f(%rip), %rax; pushq %rax; iretq; 7: nop; cli"
    form nothing, "nop; nop"
table_end

.section .note.GNU-stack, "", @progbits
