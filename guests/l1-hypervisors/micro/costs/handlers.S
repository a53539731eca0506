// L1's handlers for the measuring loops: where an L2 exit lands (HOST_RIP) while a loop is measured. Each does a stated number of
// VMREADs (r) and VMWRITEs (w), uses r8-r11 only, saves nothing, and resumes; an exit with another reason than L2's r12
// goes to guest_exited, which ends Vcpu::run(). On entry: RSP = HOST_RSP, interrupts disabled.

.set GUEST_RIP, 0x681E
.set EXIT_REASON, 0x4402
.set EXIT_INSTRUCTION_LENGTH, 0x440C
.set EXIT_QUALIFICATION, 0x6400
.set GUEST_LINEAR_ADDRESS, 0x640A
.set GUEST_PHYSICAL_ADDRESS, 0x2400
.set EXIT_INTERRUPTION_INFORMATION, 0x4404
.set IDT_VECTORING_INFORMATION, 0x4408
.set GUEST_RFLAGS, 0x6820
.set GUEST_CS_ACCESS, 0x4816
.set GUEST_CR0, 0x6800
.set GUEST_INTERRUPTIBILITY, 0x4824
.set ENTRY_INTERRUPTION_INFORMATION, 0x4016
.set GUEST_SYSENTER_EIP, 0x6826
.set EPT_POINTER, 0x201A
.set APIC_END_OF_INTERRUPT, 0xFEE000B0
.set CPUID_LENGTH, 2
.set LOAD_LENGTH, 2

.macro read field, to
    movl $\field, %r8d
    vmread %r8, \to
.endm

.macro write field, from
    movl $\field, %r8d
    vmwrite \from, %r8
.endm

.macro leave_unless_expected
    read EXIT_REASON, %r9
    cmpl %r12d, %r9d
    jne guest_exited
.endm

.macro advance_rip
    read GUEST_RIP, %r9
    read EXIT_INSTRUCTION_LENGTH, %r10
    addq %r10, %r9
    write GUEST_RIP, %r9
.endm

.section .text
.globl handler_3r1w
handler_3r1w:
    leave_unless_expected
    advance_rip
    vmresume
    ud2

// All of these fields are ones that Linux KVM shadows, when it shadows.
.globl handler_11r3w
handler_11r3w:
    leave_unless_expected
    read EXIT_QUALIFICATION, %r11
    read GUEST_LINEAR_ADDRESS, %r11
    read EXIT_INTERRUPTION_INFORMATION, %r11
    read IDT_VECTORING_INFORMATION, %r11
    read GUEST_RFLAGS, %r11
    read GUEST_CS_ACCESS, %r11
    read GUEST_CR0, %r11
    read GUEST_INTERRUPTIBILITY, %r11
    write GUEST_INTERRUPTIBILITY, %r11
    xorl %r11d, %r11d
    write ENTRY_INTERRUPTION_INFORMATION, %r11
    advance_rip
    vmresume
    ud2

// Only for L2's CPUID, whose length is known: the exit reason is not read, and the loop's end is found by what stands at RIP.
.globl handler_1r1w
handler_1r1w:
    read GUEST_RIP, %r9
    cmpw $0xA20F, (%r9)                     // CPUID's two bytes; L1 and L2 share addresses
    jne guest_exited
    addq $CPUID_LENGTH, %r9
    write GUEST_RIP, %r9
    vmresume
    ud2

// 3r1w and one read and one write of a field that L1s touch rarely.
.globl handler_4r2w_rare
handler_4r2w_rare:
    leave_unless_expected
    read GUEST_SYSENTER_EIP, %r11
    write GUEST_SYSENTER_EIP, %r11
    advance_rip
    vmresume
    ud2

// EPT violation: maps the page in ept12 and resumes. L2 passes in rbp: ept12's 4 KiB table, whose first page is at 1 GiB.
// 2r0w.
.globl handler_map_page
handler_map_page:
    leave_unless_expected
    read GUEST_PHYSICAL_ADDRESS, %r9
    movq %r9, %r10
    shrq $12, %r10
    andl $511, %r10d
    shlq $12, %r10
    addq handler_backing(%rip), %r10        // window page n is page n of the backing
    orq $0x37, %r10                         // read, write, execute; write-back
    shrq $9, %r9
    andl $0xFF8, %r9d
    movq %r10, (%rbp,%r9)
    vmresume
    ud2

// 3r1w, and L1 goes on with its other EPT: L2 passes in rbp what the two pointers differ in. 4r2w.
.globl handler_change_ept
handler_change_ept:
    leave_unless_expected
    read EPT_POINTER, %r11
    xorq %rbp, %r11
    write EPT_POINTER, %r11
    advance_rip
    vmresume
    ud2

// An access to the APIC, by a load of two bytes: such an exit does not tell the length. 2r1w.
.globl handler_load
handler_load:
    leave_unless_expected
    read GUEST_RIP, %r9
    addq $LOAD_LENGTH, %r9
    write GUEST_RIP, %r9
    vmresume
    ud2

// EPT violation in the region of mode=memory, which is at 2 GiB: maps a page of it in ept12 and resumes. L2 passes in rbp: ept12's leaves for
// the region, one after the other. 2r0w.
.set MEMORY_REGION_MASK, 0x7FFFFFFF

.macro handler_map_memory size, shift, bits
.globl handler_map_memory_\size
handler_map_memory_\size:
    leave_unless_expected
    read GUEST_PHYSICAL_ADDRESS, %r9
    andl $MEMORY_REGION_MASK, %r9d
    shrl $\shift, %r9d
    movq %r9, %r10
    shlq $\shift, %r10
    addq handler_memory_backing(%rip), %r10
    orq $\bits, %r10                        // read, write, execute; write-back
    movq %r10, (%rbp,%r9,8)
    vmresume
    ud2
.endm
handler_map_memory 4k, 12, 0x37
handler_map_memory 2m, 21, 0xB7

// External interrupt, acknowledged by the exit: ends it at the APIC and resumes. 1r0w.
.globl handler_interrupt
handler_interrupt:
    leave_unless_expected
    movl $APIC_END_OF_INTERRUPT, %r9d
    movl $0, (%r9)
    vmresume
    ud2

// L2's measured VMCALLs; the one at l2_finish ends its run. 3r1w.
.globl handler_vmcall
handler_vmcall:
    read EXIT_REASON, %r9
    cmpl %r12d, %r9d
    jne guest_exited
    read GUEST_RIP, %r9
    leaq l2_finish(%rip), %r10
    cmpq %r10, %r9
    je guest_exited
    read EXIT_INSTRUCTION_LENGTH, %r10
    addq %r10, %r9
    write GUEST_RIP, %r9
    vmresume
    ud2

// Not an exit handler: L1's own interrupt routine for the "interrupt" and "hlt" loops at L1.
.globl interrupt_at_l1
interrupt_at_l1:
    movl $APIC_END_OF_INTERRUPT, %r9d
    movl $0, (%r9)
    iretq

.section .bss
.balign 8
.globl handler_backing
handler_backing: .skip 8
.globl handler_memory_backing
handler_memory_backing: .skip 8

.section .note.GNU-stack, "", @progbits
