// L2 routines of the topic "features".
#include "sweeps/forms.inc"

// Accesses to the word at RDI; the value written is in RSI. No fetch: Bochs 2.7 ends itself when instructions are
// fetched from the APIC-access page.
table forms_read32
    form read, "movl (%rdi), %eax"
table_end

table forms_write32
    form write, "movl %esi, (%rdi)"
table_end

table forms_apic_accesses
    form read-8, "movb (%rdi), %al"
    form read-16, "movw (%rdi), %ax"
    form read-32, "movl (%rdi), %eax"
    form read-64, "movq (%rdi), %rax"
    form read-128, "movups (%rdi), %xmm0"
    form write-8, "movb %sil, (%rdi)"
    form write-16, "movw %si, (%rdi)"
    form write-32, "movl %esi, (%rdi)"
    form write-64, "movq %rsi, (%rdi)"
    form write-128, "movups %xmm0, (%rdi)"
    form increment-32, "incl (%rdi)"
    form exchange-32, "xchgl %esi, (%rdi)"
    form test-32, "testl %esi, (%rdi)"
    form push-64, "pushq (%rdi); popq %rax"
    form string-read-32, "movq %rdi, %rsi; movq %r13, %rdi; movsl"
    form string-write-32, "movq %r12, %rsi; movsl"
    form clflush, "clflush (%rdi)"
    form prefetch, "prefetcht0 (%rdi)"
table_end

table forms_cr8
    form load-cr8, "movq %rsi, %cr8"
    form load-cr8-high-register, "movq %rsi, %r11; movq %r11, %cr8"
    form store-cr8, "movq %cr8, %rax"
    form load-and-store-cr8, "movq %rsi, %cr8; movq %cr8, %rax"
table_end

// MSR number in ECX; the value written is EDX:EAX.
table forms_msr
    form read, "rdmsr"
    form write, "wrmsr"
table_end

// VMFUNC with EAX and ECX as they come; then what L2 sees at RDI.
table forms_vmfunc
    form vmfunc, ".byte 0x0F, 0x01, 0xD4; movq (%rdi), %rdx"
table_end

// An STI; the virtual interrupt comes behind the NOP's shadow, or never.
table forms_open_interrupts
    form sti, "sti; nop; nop; cli"
    form nothing, "nop"
    form end-of-interrupt, "movl $0, 0xB0(%rdi); nop; nop"
    form self-interrupt, "movl %esi, 0x300(%rdi); nop; nop"
    form lower-priority, "movl $0, 0x80(%rdi); nop; nop"
    form raise-priority, "movl $0xF0, 0x80(%rdi); sti; nop; nop; cli"
    form lower-priority-by-cr8, "xorl %eax, %eax; movq %rax, %cr8; nop; nop"
    form sti-then-end-of-interrupt, "sti; nop; nop; movl $0, 0xB0(%rdi); nop; nop"
table_end

table forms_tsc
    form rdtsc, "rdtsc; shlq $32, %rdx; orq %rdx, %rax"
    form rdtscp, "rdtscp; shlq $32, %rdx; orq %rdx, %rax"
    form msr, "movl $0x10, %ecx; rdmsr; shlq $32, %rdx; orq %rdx, %rax"
table_end

// VMREAD and VMWRITE of the field in RSI by an L2 whose VMCS is shadowed; RDX and scratch memory take the value.
table forms_shadowed_reads
    form vmread-register, "movq $-1, %rdx; vmread %rsi, %rdx"
    form vmread-memory, "vmread %rsi, 0x10(%rdi)"
table_end

table forms_shadowed_writes
    form vmwrite-register, "vmwrite %rdx, %rsi"
    form vmwrite-memory, "vmwrite 0x10(%rdi), %rsi"
table_end

// Memory accesses at RDI, for pages that raise #VE or are logged.
table forms_memory
    form read, "movq (%rdi), %rax"
    form write, "movq %rsi, (%rdi)"
    form fetch, "jmp *%rdi"
table_end

table forms_two_writes
    form two-pages, "movq %rsi, (%rdi); movq %rsi, 0x1000(%rdi)"
table_end

table forms_pauses
    form pauses, "movl $8, %eax; 7: pause; decl %eax; jnz 7b"
table_end

.section .note.GNU-stack, "", @progbits
