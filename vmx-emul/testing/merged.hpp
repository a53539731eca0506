// The whole of merge, for laws: from a vmcs12 to the vmcs02 that comes of it.
#pragma once

#include <optional>
#include <vmx/merge.hpp>

#include "fake_vmcs.hpp"

namespace kurma::vmx::testing {

inline const Placement02 l0s_places{.msr_bitmap = ept::Hpa{0x7'1000},
                                    .io_bitmap_a = ept::Hpa{0x7'2000},
                                    .io_bitmap_b = ept::Hpa{0x7'3000},
                                    .virtual_apic = ept::Hpa{0x7'4000},
                                    .apic_access = ept::Hpa{0x7'5000},
                                    .vmread_bitmap = ept::Hpa{0x7'8000},
                                    .vmwrite_bitmap = ept::Hpa{0x7'9000},
                                    .eptp = Eptp::make(ept::Hpa{0x7'6000}),
                                    .vpid = 0x77};

inline constexpr Inherited l1s_registers{
    .efer = 0xd01, .pat = 0x0007'0406'0007'0406, .debugctl = 0, .dr7 = 0x400};

/// Nothing if the checks refuse the vmcs12.
inline std::optional<FakeVmcs> merged(Vmcs12& v, const Capabilities& offered, const Capabilities& host) {
    CheckResult failure{};
    VmInstructionError error{};
    const auto proof = Checker::check(v, offered, L1Mode::ia32e, failure, error);
    if (!proof) return std::nullopt;
    v.dirty = all_home12;
    FakeVmcs vmcs02;
    Controls02 present{};
    merge_same(*proof, vmcs02);
    merge_computed(*proof, host, l0s_places, vmcs02, present);
    merge_entry(*proof, l1s_registers, Known02{}, vmcs02);
    return vmcs02;
}

}  // namespace kurma::vmx::testing
