#include "event.hpp"

#include <array>

namespace kurma::l0::perf {

namespace {

constexpr std::array level_names{"l0", "l1", "l2"};

/// 0x and hexadecimal digits, at most sixteen.
bool parse_hex(std::string_view text, u64& out) {
    if (!text.starts_with("0x") || text.size() <= 2 || text.size() > 18) return false;
    u64 number = 0;
    for (const char c : text.substr(2)) {
        const bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
        if (!digit && !letter) return false;
        number = number << 4 | static_cast<u64>(digit ? c - '0' : c - 'a' + 10);
    }
    out = number;
    return true;
}

const char* take_selector(Event& event, std::string_view value) {
    u64 selector = 0;
    if (!parse_hex(value, selector))
        return "it takes 0x and hexadecimal digits, as `--event NAME` makes them";
    if ((selector & ~select::allowed) != 0)
        return "only event, unit mask, USR, OS, edge, invert and counter mask of IA32_PERFEVTSEL0 may be set";
    if ((selector & select::event_mask) == 0) return "no event has the number 0 in a general-purpose counter";
    if ((selector & (select::user | select::os)) == 0)
        return "neither USR (bit 16) nor OS (bit 17) is set, so that nothing would be counted";
    event.selector = selector;
    return nullptr;
}

const char* take_level(Event& event, std::string_view value) {
    for (usize i = 0; i < level_names.size(); ++i)
        if (value == level_names[i]) {
            event.level = static_cast<CountedLevel>(i);
            return nullptr;
        }
    return "it takes l0 | l1 | l2";
}

}  // namespace

const char* name_of(CountedLevel level) { return level_names[static_cast<usize>(level)]; }

bool take_word(Event& event, std::string_view knob, std::string_view value, const char*& reason) {
    if (knob == "event") {
        reason = take_selector(event, value);
        return true;
    }
    if (knob == "event_level") {
        reason = take_level(event, value);
        return true;
    }
    return false;
}

const char* impossible_here(const Monitoring& monitoring, const vmx::Capabilities& host) {
    constexpr u8 with_global_ctrl = 2;
    if (monitoring.version == 0)
        return "event: this processor has no performance monitoring (CPUID leaf 0AH says version 0), as "
               "Bochs "
               "and QEMU without KVM have none; leave --event away, or count on hardware (--platform qemu)";
    if (monitoring.version < with_global_ctrl)
        return "event: this processor's performance monitoring is of version 1 (CPUID leaf 0AH); Kurma needs "
               "2, whose IA32_PERF_GLOBAL_CTRL tells the levels apart. Leave --event away";
    if (monitoring.counters == 0)
        return "event: this processor's performance monitoring has no general-purpose counter (CPUID leaf "
               "0AH); leave --event away";
    if (!host.may(vmx::Entry::load_perf_global_ctrl) || !host.may(vmx::Exit::load_perf_global_ctrl))
        return "event: this processor's VMX does not load IA32_PERF_GLOBAL_CTRL at VM entry and VM exit, by "
               "which Kurma tells the levels apart; leave --event away";
    return nullptr;
}

void hide_monitoring(u32 leaf, const CpuidWords& words) {
    constexpr u32 features_leaf = 1;
    constexpr u64 perf_capabilities = 1u << 15;
    if (leaf == monitoring_leaf) words.eax = words.ebx = words.ecx = words.edx = 0;
    if (leaf == features_leaf) words.ecx &= ~perf_capabilities;
}

}  // namespace kurma::l0::perf
