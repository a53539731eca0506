// Everything that an L2 outside of 64-bit mode has: one segment of 64 KiB with code of each width and room for its tables.
//
//   offset 0x0000   code; a routine ends with VMCALL
//          0x8000   data
//          0xA000   IDT, or the interrupt vectors of real mode
//          0xB000   two task-state segments, 0x100 apart
//          0xC000   GDT
//          0xE000   the end of the stack
//
// In flat modes its addresses are those it is linked at; in real and virtual-8086 mode it is segment 0x1000, which L1
// places at 0x10000. The table at mode_forms has a row of struct ModeForm for each routine.

.set CODE32, 0x08
.set DATA32, 0x10
.set CODE16, 0x18
.set CODE64, 0x28
.set OTHER_TASK, 0x40
.set ABSENT_SEGMENT, 0x50

// One routine in three widths; `code64` where the 64-bit one is spelled otherwise. EBX points at data, ESI at a page that
// is not there, EDI behind EBX; DX is a port, ECX = 4.
.macro mode_form name, code, code64
    .section .data.modes_segment, "aw"
    .code16
1:  \code
    vmcall
    .code32
2:  \code
    vmcall
    .code64
3:
    .ifb \code64
    \code
    .else
    \code64
    .endif
    vmcall
    .section .rodata.mode_names, "a"
4:  .asciz "\name"
    .section .rodata.mode_forms, "a"
    .quad 4b, 1b, 2b, 3b
.endm

// One that 64-bit mode does not have.
.macro old_form name, code
    mode_form \name, "\code", "ud2"
.endm

.section .data.modes_segment, "aw"
.balign 65536
.globl modes_segment
modes_segment:
.section .rodata.mode_forms, "a"
.balign 8
.globl mode_forms
mode_forms:

mode_form nothing, "nop"
mode_form cpuid, "cpuid"
mode_form hlt, "hlt"
mode_form rdtsc, "rdtsc; movl $0, %eax"
mode_form rdmsr, "movl $0x40000000, %ecx; rdmsr"
mode_form wrmsr, "movl $0x40000000, %ecx; wrmsr"
mode_form invlpg, "invlpg 0x10(%ebx)"
mode_form mov-to-cr0, "movl %eax, %cr0", "movq %rax, %cr0"
mode_form mov-from-cr0, "movl %cr0, %eax", "movq %cr0, %rax"
mode_form mov-to-cr3, "movl %eax, %cr3", "movq %rax, %cr3"
mode_form mov-from-cr3, "movl %cr3, %edx", "movq %cr3, %rdx"
mode_form mov-from-cr4, "movl %cr4, %eax", "movq %cr4, %rax"
mode_form mov-to-dr0, "movl %eax, %dr0", "movq %rax, %dr0"
mode_form clts, "clts"
mode_form lmsw, "lmsw %ax"
mode_form lmsw-memory, "lmsw (%ebx)"
mode_form smsw, "smsw %ax"
mode_form in-immediate, "inb $0x80, %al"
mode_form in-32, "inl %dx, %eax"
mode_form out-16, "outw %ax, %dx"
mode_form outsb, "movl %ebx, %esi; outsb"
mode_form rep-outsw, "movl %ebx, %esi; rep outsw"
mode_form outsb-es, "movl %ebx, %esi; outsb %es:(%esi), %dx"
mode_form insb, "movl %ebx, %edi; insb"
mode_form sgdt, "sgdt (%ebx)"
mode_form sgdt-displacement, "sgdt 0x345(%ebx)"
mode_form sidt, "sidt 8(%ebx,%ecx,4)"
mode_form lgdt, "lgdt (%ebx)"
mode_form sldt, "sldt %ax"
mode_form str-memory, "str (%ebx)"
mode_form lldt, "lldt %ax"
mode_form vmread, "vmread %eax, %ebx", "vmread %rax, %rbx"
mode_form vmclear, "vmclear (%ebx)"
mode_form vmxoff, "vmxoff"
mode_form invept, "invept (%ebx), %eax", "invept (%ebx), %rax"
mode_form wbinvd, "wbinvd"
mode_form pause, "pause"
mode_form ud2, "ud2; ud2"
mode_form divide, "xorl %edx, %edx; xorl %ecx, %ecx; divl %ecx"
mode_form int3, "int3"
old_form into, "movl $0x7FFFFFFF, %eax; incl %eax; into"
old_form bound, "movl $-1, %eax; movl $0, (%ebx); movl $1, 4(%ebx); bound %eax, (%ebx)"
mode_form int-0x21, "int $0x21"
mode_form icebp, ".byte 0xF1"
mode_form read, "movl (%ebx), %eax"
mode_form read-absent, "movl (%esi), %eax"
mode_form write-absent, "movl %eax, (%esi)"
mode_form push-absent, "leal 4(%esi), %esp; pushl %eax", "leal 4(%esi), %esp; pushq %rax"
mode_form split-absent, "movl -2(%esi), %eax"
mode_form jump-absent, "jmp *%esi", "jmp *%rsi"
old_form load-absent-segment, "movw $ABSENT_SEGMENT, %ax; movw %ax, %gs"
old_form load-segment-beyond-limit, "movw $0x2000, %ax; movw %ax, %gs"
mode_form popf, "pushf; popf"
mode_form sti-cpuid, "sti; cpuid; cli"
mode_form mov-ss-cpuid, "movw %ss, %ax; movw %ax, %ss; cpuid"
mode_form trap-flag, "pushf; orb $1, 1(%esp); popf; nop; nop"
old_form task-jump, "ljmpl $OTHER_TASK, $0"
old_form task-call, "lcalll $OTHER_TASK, $0"
old_form task-gate-jump, "ljmpl $0x48, $0"
mode_form task-gate-interrupt, "int $0x30"
mode_form task-return, "pushf; orb $0x40, 1(%esp); popf; iretl", "pushfq; orb $0x40, 1(%rsp); popfq; iretq"
mode_form string-copy-absent, "movl %ebx, %edi; rep movsb"
mode_form cmpxchg8b-absent, "cmpxchg8b (%esi)"

.section .rodata.mode_forms, "a"
    .quad 0, 0, 0, 0

// Where interrupts arrive, in each width.
.section .data.modes_segment, "aw"
.globl mode_handler16, mode_handler32, mode_handler64
.code16
mode_handler16: vmcall
.code32
mode_handler32: vmcall
.code64
mode_handler64: vmcall

// From real mode to 64-bit mode as a boot loader goes, with a VMCALL after each step. L1 has put into memory at offset
// 0x8000: 0 the operand of LGDT; 8 CR3 of 32-bit tables; 12 of PAE tables; 16 of 64-bit tables.
.set DATA, modes_segment + 0x8000
.globl mode_boot_loader
.code16
mode_boot_loader:
    vmcall
    lgdtl 0x8000
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    vmcall
    ljmpl $CODE32, $boot_protected
.code32
boot_protected:
    movl $DATA32, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $modes_segment + 0xE000, %esp
    vmcall
    movl DATA + 8, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orb $0x10, %al                          // PSE
    movl %eax, %cr4
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    vmcall                                  // 32-bit paging
    movl %cr0, %eax
    andl $0x7FFFFFFF, %eax
    movl %eax, %cr0
    vmcall
    movl DATA + 12, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orb $0x20, %al                          // PAE
    movl %eax, %cr4
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    vmcall                                  // PAE paging
    movl %cr0, %eax
    andl $0x7FFFFFFF, %eax
    movl %eax, %cr0
    movl DATA + 16, %eax
    movl %eax, %cr3
    movl $0xC0000080, %ecx
    rdmsr
    orl $0x100, %eax                        // LME
    wrmsr
    vmcall
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    vmcall                                  // compatibility mode
    ljmpl $CODE64, $boot_long
.code64
boot_long:
    vmcall                                  // 64-bit mode
    movl $CODE32, %eax
    pushq %rax
    movl $boot_compatible, %eax
    pushq %rax
    lretq
.code32
boot_compatible:
    vmcall
    movl %cr0, %eax
    andl $0x7FFFFFFF, %eax
    movl %eax, %cr0                         // out of IA-32e mode
    vmcall
    movl $0xC0000080, %ecx
    rdmsr
    andl $~0x100, %eax
    wrmsr
    vmcall
    ljmpl $CODE16, $boot_narrow - modes_segment
.code16
boot_narrow:
    movl %cr0, %eax
    andb $0xFE, %al
    movl %eax, %cr0
    ljmpl $0x1000, $boot_real - modes_segment
boot_real:
    vmcall                                  // real mode again
    vmcall
.code64

.org 0x8000                                  // the code ends before this
    .skip 0x8000

.section .note.GNU-stack, "", @progbits
