// L2 routines of one instruction each, in tables by the control that makes them exit: RDI, RBX, RBP, R12, R13 point
// into scratch memory, RCX = 4, R9 = 8.
#include "sweeps/forms.inc"

.section .bss
.balign 64
form_operand: .skip 64

table forms_always
    form cpuid, "cpuid"
    form vmcall, "vmcall"
    form vmlaunch, "vmlaunch"
    form vmresume, "vmresume"
    form vmxoff, "vmxoff"
    form invd, "invd"
    form xsetbv, "xsetbv"
    form getsec, ".byte 0x0F, 0x37"
    form prefixed-cpuid, ".byte 0x66, 0x48, 0x0F, 0xA2"
    memory_forms vmclear, vmclear
    memory_forms vmptrld, vmptrld
    memory_forms vmptrst, vmptrst
    memory_forms vmxon, vmxon
    memory_forms vmread, vmread, "%rsi,",
    memory_forms vmwrite, vmwrite, , ",%rsi"
    memory_forms invept, invept, , ",%rsi"
    memory_forms invvpid, invvpid, , ",%r10"
    form vmread-registers, "vmread %rsi, %rax"
    form vmread-high-registers, "vmread %r15, %r8"
    form vmread-rsp, "vmread %rsp, %rbp"
    form vmwrite-registers, "vmwrite %rax, %rsi"
    form vmwrite-high-registers, "vmwrite %r14, %r9"
table_end

table forms_hlt
    form hlt, "hlt"
table_end

table forms_invlpg
    memory_forms invlpg, invlpg
table_end

table forms_rdpmc
    form rdpmc, "rdpmc"
table_end

table forms_rdtsc
    form rdtsc, "rdtsc"
    form rdtscp, "rdtscp"
table_end

table forms_pause
    form pause, "pause"
table_end

table forms_wbinvd
    form wbinvd, "wbinvd"
table_end

table forms_rdrand
    form rdrand-16, "rdrand %cx"
    form rdrand-32, "rdrand %eax"
    form rdrand-64, "rdrand %r10"
table_end

table forms_rdseed
    form rdseed-16, "rdseed %dx"
    form rdseed-32, "rdseed %r11d"
    form rdseed-64, "rdseed %rax"
table_end

table forms_invpcid
    memory_forms invpcid, invpcid, , ",%rsi"
    form invpcid-high-register, "invpcid (%rdi), %r14"
table_end

table forms_monitor
    form monitor, "monitor"
table_end

table forms_mwait
    form mwait, "mwait"
table_end

table forms_load_tables
    memory_forms lgdt, lgdt
    memory_forms lidt, lidt
    form lldt-register, "lldt %si"
    form lldt-high-register, "lldt %r10w"
    memory_forms lldt, lldt
    form ltr-register, "ltr %dx"
    memory_forms ltr, ltr
table_end

table forms_store_tables
    memory_forms sgdt, sgdt
    memory_forms sidt, sidt
    form sldt-16, "sldt %ax"
    form sldt-32, "sldt %eax"
    form sldt-64, "sldt %r9"
    memory_forms sldt, sldt
    form str-16, "str %cx"
    form str-32, "str %r12d"
    form str-64, "str %rax"
    memory_forms str, str
table_end

table forms_xsaves
    memory_forms xsaves, xsaves
    memory_forms xrstors, xrstors
    form xsaves64, "xsaves64 (%rdi)"
    form xrstors64, "xrstors64 (%rdi)"
table_end

.section .note.GNU-stack, "", @progbits
