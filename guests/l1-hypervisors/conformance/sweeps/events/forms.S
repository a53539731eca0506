// L2 routines of the topic "events".
#include "sweeps/forms.inc"

table forms_idle
    form idle, "nop; nop; nop"
table_end

// An exit while the instruction before still holds interrupts back.
table forms_shadows
    form sti-cpuid, "sti; cpuid; cli"
    form sti-nop-cpuid, "sti; nop; cpuid; cli"
    form mov-ss-cpuid, "movl %ss, %ecx; movl %ecx, %ss; cpuid"
    form mov-ss-nop-cpuid, "movl %ss, %ecx; movl %ecx, %ss; nop; cpuid"
    form mov-ss-twice-cpuid, "movl %ss, %ecx; movl %ecx, %ss; movl %ecx, %ss; cpuid"
    form sti-mov-ss-cpuid, "movl %ss, %ecx; sti; movl %ecx, %ss; cpuid; cli"
    form mov-ss-sti-cpuid, "movl %ss, %ecx; movl %ecx, %ss; sti; cpuid; cli"
    form lss-cpuid, "movl %esp, (%rdi); movw %ss, 4(%rdi); lss (%rdi), %esp; cpuid"
    form sti-ud2, "sti; ud2"
    form mov-ss-ud2, "movl %ss, %ecx; movl %ecx, %ss; ud2"
    form mov-ss-int3, "movl %ss, %ecx; movl %ecx, %ss; int3"
    form sti-vmcall, "sti; vmcall; cli"
    form sti-violation, "sti; movq (%r8), %rax; cli"
    form mov-ss-violation, "movl %ss, %ecx; movl %ecx, %ss; movq (%r8), %rax"
    form mov-ss-out, "movl %ss, %ecx; movl %ecx, %ss; outb %al, $0x80"
    form mov-ss-trap, "pushfq; orl $0x100, (%rsp); movl %ss, %ecx; popfq; movl %ecx, %ss; nop; nop; nop"
    form cpuid-sti, "sti; cli; cpuid"
    form trap-cpuid, "pushfq; orl $0x100, (%rsp); popfq; cpuid; nop"
table_end

// Returns by IRET to the next instruction.
table forms_return
    form iret, "movl %ss, %eax; pushq %rax; leaq 8(%rsp), %rax; pushq %rax; pushfq; movl %cs, %eax; pushq %rax; leaq 7f(%rip), %rax; pushq %rax; iretq; 7: nop; nop"
table_end

.section .note.GNU-stack, "", @progbits
