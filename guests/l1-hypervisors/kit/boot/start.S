// Entry from a Multiboot 1 loader: 32-bit protected mode, paging off, EAX = magic, EBX = information.
// Builds an identity map of the lowest 4 GiB with 2 MiB pages, turns on long mode and calls
//     extern "C" [[noreturn]] void l1_main(u64 magic, u64 information)
// on a 64 KiB stack, with interrupts disabled.

.set MULTIBOOT_MAGIC, 0x1BADB002
.set MULTIBOOT_FLAGS, 0x00000003            // modules on page boundaries, memory information wanted

.set PRESENT_WRITABLE_USER, 0x007
.set LARGE_PAGE, 0x080
.set CACHE_DISABLED, 0x010
.set CR4_PAE, 0x20
.set CR0_PG_WP_NE, 0x80010020
.set MSR_EFER, 0xC0000080
.set EFER_LME_NXE, 0x900

.section .multiboot, "a"
.balign 4
    .long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

.section .text
.code32
.globl _start
_start:
    cli
    cld
    movl $boot_stack_top, %esp
    movl %eax, %ebp
    movl %ebx, %esi

    movl $identity_pdpt + PRESENT_WRITABLE_USER, identity_pml4
    movl $identity_pd + PRESENT_WRITABLE_USER, %eax
    movl $identity_pdpt, %edi
    movl $4, %ecx
1:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    loop 1b

    movl $PRESENT_WRITABLE_USER + LARGE_PAGE, %eax
    movl $identity_pd, %edi
    movl $2048, %ecx
2:  movl %eax, (%edi)
    cmpl $0xC0000000, %eax                  // the highest GiB holds device registers
    jb 3f
    orl $CACHE_DISABLED, (%edi)
3:  addl $0x200000, %eax
    addl $8, %edi
    loop 2b

    movl %cr4, %eax
    orl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $identity_pml4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME_NXE, %eax
    wrmsr
    movl %cr0, %eax
    orl $CR0_PG_WP_NE, %eax
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $0x08, $in_long_mode

.code64
in_long_mode:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movl $boot_stack_top, %esp
    movl %ebp, %edi
    movl %esi, %esi
    xorl %ebp, %ebp
    call l1_main
    ud2

.section .rodata
.balign 8
boot_gdt:
    .quad 0, 0x00AF9B000000FFFF
boot_gdt_pointer:
    .word . - boot_gdt - 1
    .long boot_gdt

.section .bss
.balign 4096
.globl identity_pml4
identity_pml4: .skip 4096
identity_pdpt: .skip 4096
identity_pd: .skip 4 * 4096
boot_stack: .skip 65536
boot_stack_top:

.section .note.GNU-stack, "", @progbits
