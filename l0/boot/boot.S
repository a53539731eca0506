// The way in: from a Multiboot 1 loader (32-bit protected mode, paging off) to C++ in 64-bit mode.
//
//   extern "C" [[noreturn]] void start(u32 magic, u32 multiboot_info);      eax, ebx as the loader left them
//
// Boot page tables map the first 4 GiB twice, at virtual 0 and at the direct map's base, with 2 MiB pages.
// Limits: no stack of the loader's is used; interrupts stay off.

#include "../mm/layout.h"

#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_FLAGS 0x00000003      /* modules page-aligned, memory map wanted */

    .section .multiboot, "a"
    .align 4
    .long MULTIBOOT_MAGIC
    .long MULTIBOOT_FLAGS
    .long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

    .section .boot, "ax"
    .code32
    .globl multiboot_entry
multiboot_entry:
    cli
    cld
    movl %eax, %ebp                     // Kept in registers that CPUID leaves alone.
    movl %ebx, %esi
    movl $boot_stack_top, %esp

    movl $0x80000000, %eax              // Has the processor 64-bit mode?
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    testl $(1 << 29), %edx
    jz no_long_mode

    movl $boot_pdpt + 3, boot_pml4
    movl $boot_pdpt + 3, boot_pml4 + 8 * DIRECT_MAP_PML4_INDEX
    movl $boot_pd, %eax                 // Four page directories, one after the other.
    xorl %ecx, %ecx
1:  leal 3(%eax), %edx
    movl %edx, boot_pdpt(, %ecx, 8)
    addl $4096, %eax
    incl %ecx
    cmpl $4, %ecx
    jb 1b
    xorl %ecx, %ecx                     // 2048 pages of 2 MiB: present, writable, large.
2:  movl %ecx, %eax
    shll $21, %eax
    orl $0x83, %eax
    movl %eax, boot_pd(, %ecx, 8)
    incl %ecx
    cmpl $2048, %ecx
    jb 2b

    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $(1 << 5), %eax                 // PAE
    movl %eax, %cr4
    movl $0xC0000080, %ecx              // IA32_EFER: LME, NXE is left to C++
    rdmsr
    orl $(1 << 8), %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000021, %eax               // PG, NE, PE
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $8, $long_mode

no_long_mode:
    movl $no_long_mode_text, %esi
3:  lodsb
    testb %al, %al
    jz 4f
    outb %al, $0xE9
    jmp 3b
4:  movl $shutdown_text, %esi
    movw $0x8900, %dx
5:  lodsb
    testb %al, %al
    jz 6f
    outb %al, %dx
    jmp 5b
6:  cli
    hlt
    jmp 6b
no_long_mode_text:
    .asciz "kurma: refused: this processor has no 64-bit mode; choose a model that has VMX, EPT and unrestricted guest, such as corei7_haswell_4770\nkurma: end refused\n"
shutdown_text:
    .asciz "Shutdown"

    .code64
long_mode:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl %ebp, %edi
    movl %esi, %esi
    call start
7:  hlt
    jmp 7b

    .align 8
boot_gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF            // 64-bit code
    .quad 0x00CF93000000FFFF            // data
boot_gdt_pointer:
    .word . - boot_gdt - 1
    .quad boot_gdt

// extern "C" void relocate(void* destination, u64 new_cr3);
//
// Copies the whole image (stack included) to `destination`, then switches to page tables that show the copy at the same
// virtual addresses. Nothing is written to memory between the copy and the switch, so the copy is exact.
    .text
    .globl relocate
relocate:
    movq %rsi, %rdx
    movq $image_start, %rsi
    movq $image_end, %rcx
    subq %rsi, %rcx
    shrq $3, %rcx
    cld
    rep movsq
    movq %rdx, %cr3
    ret

    .bss
    .align 4096
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4 * 4096
    .globl boot_stack_top
    .skip 32768
boot_stack_top:
