// A Multiboot 1 image that is no ELF (specification 0.6.96, section 3.1.3: the addresses are in the header). Says on COM1 what
// it found, and switches the machine off. Linked at 0x300000, 32-bit, no stack.

.set MULTIBOOT_HEADER, 0x1BADB002
.set MULTIBOOT_LOADER, 0x2BADB002
.set ADDRESSES_IN_HEADER, 0x00010000
.set COM1_DATA, 0x3F8
.set COM1_LINE_CONTROL, 0x3FB
.set COM1_LINE_STATUS, 0x3FD
.set EIGHT_BITS, 3
.set MAY_SEND, 0x20
.set ALL_SENT, 0x40
.set BOCHS_SHUTDOWN, 0x8900

.code32
.text
.globl _start
_start:
    jmp started

.balign 4
header:
    .long MULTIBOOT_HEADER, ADDRESSES_IN_HEADER, -(MULTIBOOT_HEADER + ADDRESSES_IN_HEADER)
    .long header, _start, load_end, zeroed_end, _start

started:
    movl %eax, %ebx
    movw $COM1_LINE_CONTROL, %dx
    movb $EIGHT_BITS, %al
    outb %al, %dx

    movl $text_not_loaded, %esi
    cmpl $MULTIBOOT_LOADER, %ebx
    jne say
    movl $text_not_zero, %esi
    cmpl $0, zeroed
    jne say
    cmpl $0, zeroed_end - 4
    jne say
    movl $text_good, %esi
say:
    movw $COM1_LINE_STATUS, %dx
1:  inb %dx, %al
    testb $MAY_SEND, %al
    jz 1b
    lodsb
    testb %al, %al
    jz 2f
    movw $COM1_DATA, %dx
    outb %al, %dx
    jmp say
2:  inb %dx, %al
    testb $ALL_SENT, %al
    jz 2b

    movl $text_shutdown, %esi
    movl $8, %ecx
    movw $BOCHS_SHUTDOWN, %dx
3:  lodsb
    outb %al, %dx
    loop 3b
4:  hlt
    jmp 4b

text_good: .asciz "flat: loaded by a Multiboot loader, zeroed where the header says\r\n"
text_not_loaded: .asciz "flat: EAX does not say Multiboot\r\n"
text_not_zero: .asciz "flat: the memory behind the image is not zero\r\n"
text_shutdown: .ascii "Shutdown"
load_end:

// Not in the file: the loader must clear it.
.set zeroed, load_end
.set zeroed_end, load_end + 4096
