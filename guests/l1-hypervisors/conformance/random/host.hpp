// L1's own side: page tables on which every host state of the generator can land, the state that L1 finds
// after an exit, and the way back to L1's usual one.
#pragma once

#include "base/integer.hpp"
#include "vcpu/vcpu.hpp"

namespace conformance::random {

using namespace kit;

// Machine state as L1 finds it.
struct HostState {
    u64 cr0, cr2, cr3, cr4, dr6, dr7;
    u64 cs, ss, ds, es, fs, gs, tr, ldtr;
    u64 gdtr_base, gdtr_limit, idtr_base, idtr_limit;
    u64 fs_base, gs_base, efer, pat, sysenter_cs, sysenter_esp, sysenter_eip, debugctl;
    u64 kernel_gs_base, star, lstar, cstar, sfmask;
};

inline constexpr u32 msr_pat = 0x277, msr_debugctl = 0x1D9, msr_lstar = 0xC0000082, msr_cstar = 0xC0000083,
                     msr_sfmask = 0xC0000084;

// An alias of the whole identity map, for host RIPs above 2^47.
inline constexpr u64 upper_half = 0xFFFFFF8000000000;

// Supervisor-only identity maps of 4 GiB under two roots, with the alias. L1 runs on the first from here on.
void build_host_tables();
u64 host_root(u64 number);

HostState found_state();
// Puts back what differs from `usual`.
void put_back(const HostState& found, const HostState& usual);

extern "C" {
u64 random_enter(u64 resume);
void random_reload_code_and_stack();
void random_stub_1();
void random_stub_2();
void random_stub_3();
extern GuestRegisters random_registers;
extern u64 random_found_rsp, random_found_rflags;
}

}  // namespace conformance::random
