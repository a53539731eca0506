// Exceptions and NMIs in L0 itself.
//
//   extern "C" void exception(ExceptionFrame*);      may change the frame's rip (a fix-up); otherwise does not return
//   extern "C" void nmi_in_l0(void);
//   extern "C" const u64 exception_stubs[32];        addresses for the IDT
//
// Frame, from low addresses: rax rcx rdx rbx rsi rdi r8-r15, vector, error code, rip cs rflags rsp ss.

.macro stub vector, has_error
    .align 16
stub_\vector:
    .if \has_error == 0
    pushq $0
    .endif
    pushq $\vector
    jmp common
.endm

    .text
    stub 0, 0
    stub 1, 0
    .align 16
stub_2:
    jmp nmi_entry
    stub 3, 0
    stub 4, 0
    stub 5, 0
    stub 6, 0
    stub 7, 0
    stub 8, 1
    stub 9, 0
    stub 10, 1
    stub 11, 1
    stub 12, 1
    stub 13, 1
    stub 14, 1
    stub 15, 0
    stub 16, 0
    stub 17, 1
    stub 18, 0
    stub 19, 0
    stub 20, 0
    stub 21, 1

// L0's own functions preserve RBP and RSP only (CMakeLists.txt here).
.macro save_scratch
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %r11
    pushq %r10
    pushq %r9
    pushq %r8
    pushq %rdi
    pushq %rsi
    pushq %rbx
    pushq %rdx
    pushq %rcx
    pushq %rax
.endm
.macro restore_scratch
    popq %rax
    popq %rcx
    popq %rdx
    popq %rbx
    popq %rsi
    popq %rdi
    popq %r8
    popq %r9
    popq %r10
    popq %r11
    popq %r12
    popq %r13
    popq %r14
    popq %r15
.endm

common:
    save_scratch
    movq %rsp, %rdi
    cld
    call exception
    restore_scratch
    addq $16, %rsp
    iretq

nmi_entry:
    save_scratch
    cld
    call nmi_in_l0
    restore_scratch
    iretq

    .section .rodata
    .align 8
    .globl exception_stubs
exception_stubs:
    .quad stub_0, stub_1, stub_2, stub_3, stub_4, stub_5, stub_6, stub_7, stub_8, stub_9, stub_10
    .quad stub_11, stub_12, stub_13, stub_14, stub_15, stub_16, stub_17, stub_18, stub_19, stub_20, stub_21
