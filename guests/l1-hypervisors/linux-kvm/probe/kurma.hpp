// The control call to Kurma, from this program in L1's user mode.
#pragma once

#include <array>
#include <ept/integer.hpp>
#include <optional>

namespace kurma::probe {

// What L0 has executed on the real processor, in the order of the control call's indices.
inline constexpr std::array<const char*, 9> total_names = {
    "exits", "vmread", "vmwrite", "vmptrld", "vmclear", "vmlaunch", "vmresume", "invept", "invvpid"};
using Totals = std::array<u64, total_names.size()>;

// Whether CPUID leaf 0x40000000 carries Kurma's signature. Without it VMCALL is an invalid opcode.
bool kurma_is_present();

// Whether this L1 is itself a guest, of Kurma or of another hypervisor.
bool hypervisor_is_below();

// Kurma's totals up to this moment; nothing where Kurma is absent.
std::optional<Totals> latch_totals();

}  // namespace kurma::probe
