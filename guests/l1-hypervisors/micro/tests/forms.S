// tests/forms.hpp says what these are. Register contract: C++'s; all callee-saved registers are kept on the stack at entry, and
// RSP in form_stack meanwhile, so that a form may use every register, RSP too. (MOV leaves the flags alone.)

.set ALL_ARITHMETIC_FLAGS, 0x8D5
.set FS_BASE, 0x1000
.set GS_BASE, 0x2000
.set UPPER_GARBAGE, 0x5A5A5A5A00000000

.macro set_flags
    pushq $ALL_ARITHMETIC_FLAGS | 2
    popfq
.endm

.macro begin
    .irp reg, rbx, rbp, r12, r13, r14, r15
    pushq %\reg
    .endr
    movq %rsp, form_stack(%rip)
.endm

.section .text
form_end_value:
    movq form_stack(%rip), %rsp
    pushfq
    popq %rax
    movq form_value(%rip), %rcx
    movq form_out(%rip), %rdx
    movq %rcx, (%rdx)
    jmp form_return
form_end:
    movq form_stack(%rip), %rsp
    pushfq
    popq %rax
form_return:
    .irp reg, r15, r14, r13, r12, rbp, rbx
    popq %\reg
    .endr
    ret

.macro one_form symbol, setup, instruction
\symbol:
    begin
    \setup
    set_flags
    \instruction
    jmp form_end
.endm

// One memory form: `second` is the register operand (rsi as passed, unless the form needs rsi itself).
.macro memory_form name, setup, operand, second="%rsi"
    .section .text
    one_form vmread_\name, "\setup", "vmread \second, \operand"
    one_form vmwrite_\name, "\setup", "vmwrite \operand, \second"
    one_form vmptrld_\name, "\setup", "vmptrld \operand"
    one_form vmptrst_\name, "\setup", "vmptrst \operand"
    one_form vmclear_\name, "\setup", "vmclear \operand"
    one_form vmxon_\name, "\setup", "vmxon \operand"
    one_form invept_\name, "\setup", "invept \operand, \second"
    one_form invvpid_\name, "\setup", "invvpid \operand, \second"
    .section .rodata.names, "a"
name_\name: .asciz "\name"
    .section .rodata.forms, "a"
    .quad name_\name, vmread_\name, vmwrite_\name, vmptrld_\name, vmptrst_\name, vmclear_\name, vmxon_\name
    .quad invept_\name, invvpid_\name
.endm

.section .rodata.forms, "a"
.balign 8
.globl memory_forms
memory_forms:

// Every general register as base, without displacement (R13 and RBP get one of zero, R12 and RSP a SIB byte).
.irp reg, rax, rcx, rdx, rbx, rsp, rbp, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    memory_form base_\reg, "movq %rdi, %\reg", "(%\reg)"
.endr
memory_form base_rsi, "movq %rsi, %rax; movq %rdi, %rsi", "(%rsi)", "%rax"

memory_form disp8, "leaq -0x40(%rdi), %rbx", "0x40(%rbx)"
memory_form disp8_negative, "leaq 0x80(%rdi), %r10", "-0x80(%r10)"
memory_form disp32, "leaq -0x12345678(%rdi), %rbp", "0x12345678(%rbp)"
memory_form disp32_negative, "leaq 0x12345678(%rdi), %r13", "-0x12345678(%r13)"
memory_form index1, "leaq -0x33(%rdi), %rbx; movl $0x33, %ecx", "(%rbx,%rcx,1)"
memory_form index2_disp8, "leaq -0x78(%rdi), %r12; movl $0x34, %ecx", "0x10(%r12,%rcx,2)"
memory_form index4_disp32, "leaq -0x10D0(%rdi), %r13; movl $0x34, %r9d", "0x1000(%r13,%r9,4)"
memory_form index8_negative, "leaq 0x1A0(%rdi), %r14; movq $-0x34, %r12", "(%r14,%r12,8)"
memory_form index_r15_base_rsp, "leaq -0x100(%rdi), %rsp; movl $0x20, %r15d", "(%rsp,%r15,8)"
memory_form index_rbp_base_rbp, "movq %rdi, %rbp; shrq $1, %rbp", "(%rbp,%rbp,1)"
memory_form index_only, "leaq -0x1000(%rdi), %r8; shrq $3, %r8", "0x1000(,%r8,8)"
memory_form absolute, "", "form_target + 64"
memory_form rip_relative, "", "form_target + 64(%rip)"
memory_form fs_base, "leaq -FS_BASE(%rdi), %rax", "%fs:(%rax)"
memory_form fs_absolute, "", "%fs:form_target + 64 - FS_BASE"
memory_form gs_index, "leaq -GS_BASE - 0x40(%rdi), %rax; movl $8, %ecx", "%gs:(%rax,%rcx,8)"
memory_form ds_ignored, "movq %rdi, %rdx", "%ds:(%rdx)"
memory_form address32, "movq $UPPER_GARBAGE, %rax; orq %rdi, %rax", "(%eax)"
memory_form address32_wraps, "leal -0x7FFFFFF0(%edi), %eax", "0x7FFFFFF0(%eax)"

.section .rodata.forms, "a"
.globl memory_forms_end
memory_forms_end:

// Register operands. The partner is RAX, or RCX where RAX is the one under test.
.macro register_form reg, partner
    .section .text
vmread_to_\reg:
    begin
    movq %rsi, form_out(%rip)
    movq %rdi, %\partner
    set_flags
    vmread %\partner, %\reg
    movq %\reg, form_value(%rip)
    jmp form_end_value
vmread_by_\reg:
    begin
    movq %rsi, form_out(%rip)
    set_flags
    movq %rdi, %\reg
    vmread %\reg, %\partner
    movq %\partner, form_value(%rip)
    jmp form_end_value
vmwrite_from_\reg:
    begin
    set_flags
    movq %rdi, %\partner
    movq %rsi, %\reg
    vmwrite %\reg, %\partner
    jmp form_end
vmwrite_by_\reg:
    begin
    set_flags
    movq %rsi, %\partner
    movq %rdi, %\reg
    vmwrite %\partner, %\reg
    jmp form_end
    .section .rodata.names, "a"
name_\reg: .asciz "\reg"
    .section .rodata.registers, "a"
    .quad name_\reg, vmread_to_\reg, vmread_by_\reg, vmwrite_from_\reg, vmwrite_by_\reg
.endm

.section .rodata.registers, "a"
.balign 8
.globl register_forms
register_forms:
register_form rax, rcx
.irp reg, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    register_form \reg, rax
.endr
.section .rodata.registers, "a"
.globl register_forms_end
register_forms_end:

// The instructions without operands.
.macro plain_form name, setup, instruction
    .section .text
    .globl form_\name
form_\name:
    begin
    \setup
    set_flags
    \instruction
    jmp form_end
.endm

plain_form vmxoff, "", "vmxoff"
plain_form vmcall, "movq %rdi, %rax", "vmcall"
plain_form vmlaunch, "", "vmlaunch"
plain_form vmresume, "", "vmresume"
plain_form vmlaunch_after_mov_ss, "movl %ss, %eax", "movl %eax, %ss; vmlaunch"

.section .bss
.balign 64
.globl form_target
form_target: .skip 64 + 16 + 64
form_stack: .skip 8
form_value: .skip 8
form_out: .skip 8

.section .note.GNU-stack, "", @progbits
