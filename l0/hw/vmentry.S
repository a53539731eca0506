// Between VM exit and VM entry.
//
//   extern "C" [[noreturn]] void enter_first(Cpu* cpu, Gprs* gprs);       the first entry, by VMLAUNCH
//   extern "C" bool turn(Cpu*, Gprs*);                                     true: the VMCS wants VMLAUNCH
//   extern "C" bool entry_failed(Cpu*, Gprs*);                             the entry was refused; what now?
//
// Host RSP of every VMCS is the address of Cpu::self, the topmost word of the processor's stack. An exit therefore finds
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
    pushq %rbp                          // the place of RSP
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

    .text
    .globl vm_exit_entry
    .align 16
vm_exit_entry:
    save_gprs
    movq 128(%rsp), %rdi
    movq %rsp, %rsi
    call turn
enter:
    testb %al, %al                      // POP leaves flags alone.
    jnz launch
    restore_gprs
    vmresume
    jmp refused
launch:
    restore_gprs
    vmlaunch
refused:
    save_gprs
    movq 128(%rsp), %rdi
    movq %rsp, %rsi
    call entry_failed
    jmp enter

    .globl enter_first
enter_first:
    movq %rsi, %rsp                     // Gprs lie right below Cpu::self.
    movb $1, %al
    jmp enter
