// Measuring loops, one pair for each operation:
//
//   void loop_NAME(u64* samples /*rdi*/, u64 count /*rsi*/, u64 a /*rdx*/, u64 b /*rcx*/, u64 c /*r8*/, u64 reason /*r9*/)
//   void loop_NAME_empty(...)      the same, without the operation between the two RDTSC
//
// Inside: r15 samples, r14 count, r13 ticks before, r12 the exit reason that L1's handler expects, rsi = a, rdi = b, rbp = c;
// r8-r11 belong to L1's handler (costs/handlers.S), which saves nothing; rax rbx rcx rdx are free.
// `prepare` runs between the two RDTSC in both versions, `after` outside of them.

.macro one_loop symbol, prepare, operation, after
.globl \symbol
\symbol:
    .irp reg, rbx, rbp, r12, r13, r14, r15
    pushq %\reg
    .endr
    movq %rdi, %r15
    movq %rsi, %r14
    movq %rdx, %rsi
    movq %rcx, %rdi
    movq %r8, %rbp
    movq %r9, %r12
    movq %rdi, %rcx
1:  rdtsc
    movl %eax, %r13d
    \prepare
    \operation
    rdtsc
    subl %r13d, %eax
    movq %rax, (%r15)
    addq $8, %r15
    \after
    decq %r14
    jnz 1b
    .irp reg, r15, r14, r13, r12, rbp, rbx
    popq %\reg
    .endr
    ret
.endm

.macro loop name, operation, prepare="", after=""
    one_loop loop_\name, "\prepare", "\operation", "\after"
    one_loop loop_\name\()_empty, "\prepare", "", "\after"
.endm

.section .text
loop cpuid, "cpuid", prepare="movl %esi, %eax"
loop vmcall, "vmcall", prepare="movq %rsi, %rax; movl %ebp, %edx"                        // rcx = b
loop rdmsr, "rdmsr"                                                                      // rcx = b
loop wrmsr, "wrmsr", prepare="movl %esi, %eax; movl %ebp, %edx"                          // rcx = b
loop out, "outb %al, %dx", prepare="movl %esi, %edx"
loop in, "inb %dx, %al", prepare="movl %esi, %edx"
loop hlt, "hlt"
// An interrupt is made pending (a = the APIC's command register, b = the command), then STI; HLT takes it.
loop pending_hlt, "sti; hlt", prepare="cli; movl %edi, (%rsi)", after="sti; nop; cli"
loop mov_cr0, "movq %rsi, %cr0", after="xorq %rbp, %rsi"
loop mov_cr3, "movq %rsi, %cr3"
loop mov_cr4, "movq %rsi, %cr4", after="xorq %rbp, %rsi"
loop xsetbv, "xsetbv", prepare="movl %esi, %eax; xorl %edx, %edx"                        // rcx = b = 0
loop vmread, "vmread %rsi, %rbx"
loop vmwrite, "vmwrite %rdi, %rsi"                                                       // field a, value b
loop vmptrld, "vmptrld (%rsi)", after="xchgq %rsi, %rdi"
loop vmclear, "vmclear (%rsi)"
loop invept, "invept (%rsi), %rdi"
loop invvpid, "invvpid (%rsi), %rdi"
loop load, "movl (%rsi), %ebx"
loop touch, "movq (%rsi), %rbx", after="addq %rdi, %rsi"
loop interrupt, "movl %edi, (%rsi)"

.section .note.GNU-stack, "", @progbits
