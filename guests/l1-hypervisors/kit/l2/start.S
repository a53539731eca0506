// L2's own tables and the end of every L2 "main" function.
//
//   l2_finish    returned to by L2's code: VMCALL, again and again, which L1 takes as "done"
//   l2_entries   256 interrupt and exception entries, 16 bytes each
//   l2_delivery  what the last of them saw

.set PAGE_FAULT, 14

.section .text
.globl l2_finish
l2_finish:
    vmcall
    jmp l2_finish

// L2's interrupt and exception entries: note vector and error code in l2_delivery, then return past the event.
// l2_delivery is struct l2::Delivery.
.balign 16
.globl l2_entries
l2_entries:
.set vector, 0
.rept 256
    .balign 16
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21)
    .else
    pushq $0
    .endif
    pushq $vector
    jmp l2_common
    .set vector, vector + 1
.endr

l2_common:
    pushq %rax
    incq l2_delivery(%rip)
    movq 8(%rsp), %rax
    movq %rax, l2_delivery + 8(%rip)
    movq 16(%rsp), %rax
    movq %rax, l2_delivery + 16(%rip)
    movq 24(%rsp), %rax
    movq %rax, l2_delivery + 24(%rip)
    cmpq $PAGE_FAULT, 8(%rsp)               // L2 cannot make the page present: this is the end of its run
    je l2_finish
    popq %rax
    addq $16, %rsp
    iretq

.section .bss
.balign 8
.globl l2_delivery
l2_delivery: .skip 32

.section .note.GNU-stack, "", @progbits
