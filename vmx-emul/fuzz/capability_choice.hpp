// A processor and what of it L1 is offered, by choices of a fuzzer's: one of the known processors, less some
// features.
#pragma once

#include <fuzz/input.hpp>
#include <fuzz/law.hpp>
#include <type_traits>

#include "../testing/capability_sets.hpp"

namespace kurma::vmx::fuzz {

using kurma::fuzz::Input;
using kurma::fuzz::law;
using kurma::fuzz::law_equal;
using kurma::fuzz::tell;

struct Processor {
    Capabilities host;
    Policy policy;
    Capabilities offered;
};

namespace detail {

/// Without these L0 refuses the processor (l0/cpu/requirements.cpp).
inline constexpr u32 needed_primary =
    testing::bits(Primary::use_msr_bitmaps, Primary::use_io_bitmaps, Primary::activate_secondary_controls);
inline constexpr u32 needed_secondary = testing::bits(Secondary::enable_ept, Secondary::unrestricted_guest);
inline constexpr u32 needed_exit =
    testing::bits(Exit::save_debug_controls, Exit::host_address_space_size, Exit::save_pat, Exit::load_pat,
                  Exit::save_efer, Exit::load_efer);
inline constexpr u32 needed_entry =
    testing::bits(Entry::load_debug_controls, Entry::ia32e_mode_guest, Entry::load_pat, Entry::load_efer);
inline constexpr u64 needed_ept = ept_vpid_cap::walk_length_4 | ept_vpid_cap::write_back |
                                  ept_vpid_cap::invept | ept_vpid_cap::invept_single;

/// Takes a control's 1-setting away, unless L0 needs it or the processor insists on it.
inline void hide(AllowedSettings& settings, AllowedSettings& true_settings, u32 bit, u32 needed) {
    const u32 hidden = bit & ~needed & ~settings.must_be_one() & ~true_settings.must_be_one();
    settings = settings.without(hidden);
    true_settings = true_settings.without(hidden);
}

inline void hide_one(Capabilities& host, u8 word, u32 bit) {
    switch (word % 6) {
        case 0: return hide(host.pin, host.true_pin, bit, 0);
        case 1: return hide(host.primary, host.true_primary, bit, needed_primary);
        case 2: {
            AllowedSettings same = host.secondary;
            return hide(host.secondary, same, bit, needed_secondary);
        }
        case 3: return hide(host.exit, host.true_exit, bit, needed_exit);
        case 4: return hide(host.entry, host.true_entry, bit, needed_entry);
        default: host.ept_vpid &= ~u64{bit} | needed_ept; return;
    }
}

inline Policy choose_policy(Input& input) {
    Policy policy{};
    u8 hidden = input.byte();
    const auto choose = [&](auto& knob) {
        if constexpr (std::is_same_v<std::remove_reference_t<decltype(knob)>, bool>) {
            if ((hidden & 1) != 0) knob = !knob;
            hidden = static_cast<u8>(hidden >> 1);
        }
    };
#define K(name, ...) choose(policy.name);
#include <vmx/policy.def>
#undef K
    return policy;
}

}  // namespace detail

inline Processor choose_processor(Input& input) {
    using namespace testing;
    const Capabilities known[]{haswell(), sandy_bridge(), everything()};
    const u8 model = input.byte();
    Capabilities host = known[model % 3];
    host.physical_address_width = static_cast<u8>(36 + (model >> 2) % 17);
    for (u64 left = input.below(8); left != 0; --left) {
        const u8 word = input.byte();
        detail::hide_one(host, word, u32{1} << input.byte() % 32);
    }
    constexpr u64 cr3_targets_mask = 0x1ffu << 16;
    if (input.flag()) host.misc = (host.misc & ~cr3_targets_mask) | input.below(5) << 16;
    const Policy policy = detail::choose_policy(input);
    tell(
        "processor: pin %#lx, primary %#lx, secondary %#lx, exit %#lx, entry %#lx, EPT and VPID %#lx, width "
        "%u",
        host.pin.raw, host.primary.raw, host.secondary.raw, host.exit.raw, host.entry.raw, host.ept_vpid,
        host.physical_address_width);
    return {host, policy, offer(host, policy)};
}

}  // namespace kurma::vmx::fuzz
