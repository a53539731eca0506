// Small pieces of L2 code, each with one instruction that matters. Results are left in RAX; returning ends in
// l2_finish's VMCALL.
#pragma once

namespace kit {

extern "C" {
void l2_nothing();  // RET
void l2_cpuid();    // CPUID of leaf EAX, subleaf ECX
void l2_hlt();
void l2_in8();         // AL from port DX
void l2_out16();       // AX to port DX
void l2_out_string();  // REP OUTSB: ECX bytes at RSI to port DX
void l2_rdmsr();       // ECX; RAX = the value
void l2_wrmsr();       // ECX := EDX:EAX
void l2_rdtsc();       // RAX = ticks
void l2_read();        // RAX = [RDI]
void l2_write();       // [RDI] := RSI
void l2_write32();     // the low half only
void l2_read_write();  // [RDI] += 1
void l2_jump();        // to RDI
void l2_spin();        // for ever, counting in RAX
void l2_sti_nops();    // STI, NOP, l2_after_shadow: NOP, CLI
void l2_after_shadow();
void l2_ud2();
void l2_int3();
void l2_divide_by_zero();
void l2_mov_cr0();  // CR0 := RDI
void l2_get_cr0();  // RAX = CR0
void l2_mov_cr3();  // CR3 := RDI
void l2_get_cr3();  // RAX = CR3
void l2_mov_cr4();  // CR4 := RDI
void l2_get_cr4();  // RAX = CR4
void l2_get_cr2();  // RAX = CR2
void l2_get_dr0();  // RAX = DR0
void l2_rdpmc();    // ECX
void l2_invd();
void l2_wbinvd();
void l2_pause();
void l2_rdtscp();
void l2_rdrand();
void l2_rdseed();
void l2_invpcid();  // type RSI, descriptor at RDI
void l2_sgdt();     // to [RDI]
void l2_sidt();     // to [RDI]
void l2_sldt();
void l2_str();
void l2_mov_cr8();  // CR8 := RDI
void l2_get_cr8();  // RAX = CR8
void l2_mov_dr0();  // DR0 := RDI
void l2_xsetbv();   // XCR[ECX] := EDX:EAX
void l2_sti_hlt();
void l2_clts();
void l2_lmsw();            // of DI
void l2_invlpg();          // of RDI
void l2_name_registers();  // VMCALL, then every register but RSP += its number (RAX 1 ... R15 15), VMCALL
}

struct VmxInstructionInL2 {
    const char* name;
    void (*code)();
    unsigned reason;
};
extern "C" const VmxInstructionInL2 l2_vmx_instructions[];
extern "C" const VmxInstructionInL2 l2_vmx_instructions_end[];

}  // namespace kit
