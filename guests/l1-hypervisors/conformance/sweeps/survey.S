// extern "C" void l2_survey()
//
// L2 code that executes, once each, what the VM-execution controls can intercept and what does not stop the
// processor, then VMCALL: where it exits tells which control is on. RSI holds what this processor has, a bit
// for each of RDTSCP, INVPCID, RDRAND, RDSEED; RDI points at scratch memory, and RBX at more.

.set HAS_RDTSCP, 1
.set HAS_INVPCID, 2
.set HAS_RDRAND, 4
.set HAS_RDSEED, 8
.set DELAY_PORT, 0x80
.set MSR_EFER, 0xC0000080

.macro if_it_has feature, code:vararg
    testb $\feature, %sil
    jz 1f
    \code
1:
.endm

.section .text
.globl l2_survey
l2_survey:
    pause
    movq %cr3, %rax
    movq %rax, %cr3
    movq %cr8, %rax
    movq %rax, %cr8
    movq %dr0, %rax
    invlpg (%rdi)
    rdtsc
    sgdt (%rdi)
    sldt %eax
    wbinvd
    inb $DELAY_PORT, %al
    movl $MSR_EFER, %ecx
    rdmsr
    sti
    nop
    nop
    cli
    if_it_has HAS_RDTSCP, rdtscp
    xorl %eax, %eax
    if_it_has HAS_INVPCID, invpcid (%rbx), %rax
    if_it_has HAS_RDRAND, rdrand %eax
    if_it_has HAS_RDSEED, rdseed %eax
    vmcall

.section .note.GNU-stack, "", @progbits
