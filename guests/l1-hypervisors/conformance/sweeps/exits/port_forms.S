// Input and output: the port in DX unless it is in the instruction; strings at RSI and RDI.
#include "sweeps/forms.inc"

table forms_ports
    form in-8, "inb %dx, %al"
    form in-16, "inw %dx, %ax"
    form in-32, "inl %dx, %eax"
    form out-8, "outb %al, %dx"
    form out-16, "outw %ax, %dx"
    form out-32, "outl %eax, %dx"
    form insb, "insb"
    form insw, "insw"
    form insl, "insl"
    form outsb, "outsb"
    form outsw, "outsw"
    form outsl, "outsl"
    form rep-insb, "rep insb"
    form rep-insl, "rep insl"
    form rep-outsb, "rep outsb"
    form rep-outsw, "rep outsw"
    form repne-outsb, ".byte 0xF2; outsb"
    form insb-addr32, "addr32 insb"
    form outsb-addr32, "addr32 outsb"
    form outsb-fs, "outsb %fs:(%rsi), %dx"
    form outsb-gs, "outsb %gs:(%rsi), %dx"
    form outsb-ss, ".byte 0x36; outsb"
    form rep-outsl-fs, "rep outsl %fs:(%rsi), %dx"
    form insl-fs, ".byte 0x64; insl"
    form outsb-down, "std; outsb; cld"
    form insb-down, "std; rep insb; cld"
table_end

table forms_immediate_ports
    form in-8-immediate, "inb $0x80, %al"
    form in-16-immediate, "inw $0x80, %ax"
    form in-32-immediate, "inl $0x80, %eax"
    form out-8-immediate, "outb %al, $0x80"
    form out-16-immediate, "outw %ax, $0x80"
    form out-32-immediate, "outl %eax, $0x80"
table_end

// MSR number in ECX.
table forms_read_msr
    form read, "rdmsr"
table_end

// Writes what it reads first, so that nothing changes.
table forms_rewrite_msr
    form rewrite, "rdmsr; wrmsr"
table_end

table forms_write_msr
    form write, "wrmsr"
table_end

.section .note.GNU-stack, "", @progbits
