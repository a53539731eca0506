// Between VM exit and VM entry.
//
//   extern "C" [[noreturn]] void enter_first(Gprs* gprs);                  the first entry, by VMLAUNCH
//   extern "C" [[noreturn]] void enter_by_vmlaunch(Gprs* gprs);            ends a turn before a VMCS that is clear
//   extern "C" void turn_of_l1(Cpu*, Gprs*);                               returns before a VMCS that is launched
//   extern "C" void turn_of_l2(Cpu*, Gprs*);
//   extern "C" void entry_failed(Cpu*, Gprs*);                             the entry was refused; what now?
//
// Host RIP of vmcs01 is exit_of_l1, that of every vmcs02 is exit_of_l2: the processor tells the levels apart. Host RSP of
// every VMCS is the address of Cpu::self, the topmost word of the processor's stack. An exit therefore finds
//
//     rsp -> Cpu*                 and pushes      rsp -> rax rcx rdx rbx (rsp) rbp rsi rdi r8 .. r15, Cpu*
//
// in the order in which instructions encode registers; the place of RSP is empty, because RSP is in the VMCS.
// Limits: no vector or FPU register is touched, here or anywhere in L0; they pass from guest to guest unsaved.

.macro save_gprs
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
    pushq %rbp
    pushq $-1                           // the place of RSP: no field has this encoding
    pushq %rbx
    pushq %rdx
    pushq %rcx
    pushq %rax
.endm

.macro restore_gprs
    popq %rax
    popq %rcx
    popq %rdx
    popq %rbx
    popq %rbp                           // overwritten by the next
    popq %rbp
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

.macro call_with_cpu function
    movq 128(%rsp), %rdi
    movq %rsp, %rsi
    call \function
.endm

    .text
    .globl exit_of_l1
    .align 16
exit_of_l1:
    save_gprs
    call_with_cpu turn_of_l1
resume:
    restore_gprs
    vmresume
refused:
    save_gprs
    call_with_cpu entry_failed
    jmp resume

    .globl exit_of_l2
    .align 16
exit_of_l2:
    save_gprs
    call_with_cpu turn_of_l2
    jmp resume

    .globl enter_first
    .globl enter_by_vmlaunch
enter_first:
enter_by_vmlaunch:
    movq %rdi, %rsp                     // Gprs lie right below Cpu::self.
    restore_gprs
    vmlaunch
    jmp refused
