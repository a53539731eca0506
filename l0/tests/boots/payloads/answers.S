// A Multiboot 1 image that prints lines as conformance does, on port 0xE9 and on COM1: one case that is the same everywhere, and
// one that a hypervisor below answers otherwise than the processor. Linked at 0x300000, 32-bit, no stack. With HANGS_ON_KURMA it
// says the same everywhere, but under Kurma it neither prints the end mark nor switches the machine off.

.set MULTIBOOT_HEADER, 0x1BADB002
.set ADDRESSES_IN_HEADER, 0x00010000
.set COM1_DATA, 0x3F8
.set COM1_LINE_CONTROL, 0x3FB
.set COM1_LINE_STATUS, 0x3FD
.set EIGHT_BITS, 3
.set MAY_SEND, 0x20
.set ALL_SENT, 0x40
.set DEBUG_PORT, 0xE9
.set BOCHS_SHUTDOWN, 0x8900
.set HYPERVISOR_LEAF, 0x40000000
.set KURMAS_EBX, 0x6D72754B             // "Kurm"

.code32
.text
.globl _start
_start:
    jmp started

.balign 4
header:
    .long MULTIBOOT_HEADER, ADDRESSES_IN_HEADER, -(MULTIBOOT_HEADER + ADDRESSES_IN_HEADER)
    .long header, _start, load_end, 0, _start

started:
    movw $COM1_LINE_CONTROL, %dx
    movb $EIGHT_BITS, %al
    outb %al, %dx
    movl $HYPERVISOR_LEAF, %eax
    cpuid
    movl $text_on_the_processor, %esi
    cmpl $KURMAS_EBX, %ebx
    jne say
    movl $text_on_kurma, %esi

say:
    movw $COM1_LINE_STATUS, %dx
1:  inb %dx, %al
    testb $MAY_SEND, %al
    jz 1b
    lodsb
    testb %al, %al
    jz 2f
    outb %al, $DEBUG_PORT
    movw $COM1_DATA, %dx
    outb %al, %dx
    jmp say
2:  inb %dx, %al
    testb $ALL_SENT, %al
    jz 2b

#ifdef HANGS_ON_KURMA
    cmpl $KURMAS_EBX, %ebx
    je 4f
#endif
    movl $text_shutdown, %esi
    movl $8, %ecx
    movw $BOCHS_SHUTDOWN, %dx
3:  lodsb
    outb %al, %dx
    loop 3b
4:  hlt
    jmp 4b

#ifdef HANGS_ON_KURMA
text_on_the_processor: .asciz "case answers/same: 1\nconformance: end\n"
text_on_kurma: .asciz "case answers/same: 1\n"
#else
text_on_the_processor: .asciz "case answers/same: 1\ncase answers/who: nobody is below\nconformance: end\n"
text_on_kurma: .asciz "case answers/same: 1\ncase answers/who: Kurma is below\nconformance: end\n"
#endif
text_shutdown: .ascii "Shutdown"
load_end:
