// An IDT for 64-bit L2s: whatever arrives is noted, and then L2 ends by VMCALL.
//
//   catcher_entries   256 entries of 16 bytes
//   catcher_record    what came last: struct Caught in catcher.hpp
//
// The stack of an entry, from its top: error code (ours is all ones where the processor pushes none), RIP, CS, RFLAGS,
// RSP, SS.

.section .text
.balign 16
.globl catcher_entries
catcher_entries:
.set vector, 0
.rept 256
    .balign 16
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17)
    .else
    pushq $-1
    .endif
    pushq $vector
    jmp caught
    .set vector, vector + 1
.endr

caught:
    incq catcher_record(%rip)
    .set offset, 8
    .rept 7
        popq catcher_record + offset(%rip)
        .set offset, offset + 8
    .endr
    vmcall
    jmp l2_finish

.section .bss
.balign 8
.globl catcher_record
catcher_record: .skip 64

.section .note.GNU-stack, "", @progbits
