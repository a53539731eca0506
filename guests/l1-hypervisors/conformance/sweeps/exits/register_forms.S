// Moves to and from control and debug registers. RSI is what is loaded; RAX takes what is read.
#include "sweeps/forms.inc"

table forms_cr0
    form mov, "movq %rsi, %cr0; movq %cr0, %rax; smswq %rdx"
table_end

table forms_cr4
    form mov, "movq %rsi, %cr4; movq %cr4, %rax"
table_end

table forms_task_switched
    form clts, "clts; movq %cr0, %rax"
    form lmsw-register, "lmsw %si; movq %cr0, %rax"
    form lmsw-memory, "movw %si, (%rdi); lmsw (%rdi); movq %cr0, %rax"
    form lmsw-memory-fs, "lmsw %fs:4(%r12,%rcx,2); movq %cr0, %rax"
    form smsw-memory, "smsw (%rdi); smsw %eax"
table_end

.macro each_register prefix, before, after
    .irp reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
        form \prefix-\reg, "movq \before%\reg\after"
    .endr
.endm

table forms_load_cr3
    each_register load-cr3, "", ", %cr3"
table_end

table forms_store_cr3
    each_register store-cr3, "%cr3, "
table_end

table forms_one_load_cr3
    form load, "movq %rsi, %cr3; movq %cr3, %rax"
table_end

.macro each_debug_register prefix, before, after
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7
        form \prefix-dr\number, "movq \before%dr\number\after"
    .endr
.endm

table forms_load_dr
    each_debug_register load, "%rsi, ", ""
table_end

table forms_store_dr
    each_debug_register store, "", ", %r10"
table_end

table forms_dr_operands
    each_register load-dr0, "", ", %dr0"
    each_register store-dr6, "%dr6, "
table_end

.section .note.GNU-stack, "", @progbits
