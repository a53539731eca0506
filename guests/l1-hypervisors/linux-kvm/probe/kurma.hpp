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

// Exits by who caused and handled them: L1's, those of L2 that L0 kept, those that it reflected to L1; of
// each kind one number for each basic reason.
inline constexpr std::array<const char*, 3> exit_kind_names = {"l1", "kept", "reflected"};
inline constexpr usize exit_reason_count = 65;
using ExitKinds = std::array<u64, exit_kind_names.size() * exit_reason_count>;

struct Counts {
    Totals totals{};
    ExitKinds kinds{};
};

// Whether CPUID leaf 0x40000000 carries Kurma's signature. Without it VMCALL is an invalid opcode.
bool kurma_is_present();

// Whether this L1 is itself a guest, of Kurma or of another hypervisor.
bool hypervisor_is_below();

// What Kurma counted up to this moment; nothing where Kurma is absent.
std::optional<Counts> count();

}  // namespace kurma::probe
