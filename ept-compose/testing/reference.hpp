// What two walks come to, written down from the manual a second time: slowly, with bits spelled out, one page
// at a time, and with none of the library's code. The laws hold the library against this.
//
// SDM: 3C 29.3.2, 29.3.3.1.
#pragma once

#include <testing/builder.hpp>

namespace kurma::ept::testing {

enum class Owner { nobody, l1_violation, l1_misconfiguration, l0 };

struct Expected {
    Owner owner = Owner::nobody;
    u64 effective12 = 0;  // rights of ept12's walk
    u64 l1_address = 0;   // for l0: what ept01 does not give; else where L1 believes the page to lie
    u64 host_page = 0;    // of 4K
    u64 rights = 0;
    u64 type = 0;
    bool ignore_pat = false;
    bool dirty12 = false;
    unsigned bits12 = 0;           // log2 of ept12's page size
    std::vector<L1Gpa> entries12;  // used, from the root's to the leaf
};

inline bool reference_misconfigured(u64 entry, unsigned level, const Capabilities& capabilities) {
    const u64 rights = entry & 7;
    if (rights == 2 || rights == 6) return true;
    if (rights == 4 && !capabilities.execute_only) return true;
    for (unsigned bit = capabilities.physical_address_width; bit < 52; ++bit) {
        if (entry >> bit & 1) return true;
    }
    const bool bit7 = entry >> 7 & 1;
    if (level == 4 && bit7) return true;
    if (level == 3 && bit7 && !capabilities.page_1g) return true;
    if (level == 2 && bit7 && !capabilities.page_2m) return true;
    const u64 type = entry >> 3 & 7;
    const bool is_leaf = level == 1 || bit7;
    if (!is_leaf) return (entry >> 3 & 15) != 0;
    if (type == 2 || type == 3 || type == 7) return true;
    if (level == 3 && (entry >> 12 & 0x3FFFF) != 0) return true;
    return level == 2 && (entry >> 12 & 0x1FF) != 0;
}

inline u64 reference_type(u64 a, u64 b) {
    if (a == b) return a;
    if (a == 6) return b;
    if (b == 6) return a;
    return 0;
}

inline const Range01* reference_range01(const World& world, u64 l1_address) {
    for (auto range = world.ranges01.rbegin(); range != world.ranges01.rend(); ++range) {
        const u64 first = range->first.value();
        if (l1_address >= first && l1_address - first < bytes(range->leaf.size)) return &*range;
    }
    return nullptr;
}

inline Expected reference(World& world, u64 eptp12, u64 address, u64 wanted,
                          const Capabilities& capabilities) {
    Expected result;
    result.effective12 = 7;
    u64 table = eptp12 & 0x000F'FFFF'FFFF'F000;
    u64 entry = 0;
    unsigned level = 4;
    for (;; --level) {
        const L1Gpa at{table + (address >> (12 + 9 * (level - 1)) & 511) * 8};
        const std::optional<u64> read = world.peek_l1(at);
        if (!read) {
            result.owner = Owner::l0;
            result.l1_address = at.value();
            return result;
        }
        entry = *read;
        result.entries12.push_back(at);
        result.effective12 &= entry;
        if ((entry & 7) == 0) {
            result.owner = Owner::l1_violation;
            return result;
        }
        if (reference_misconfigured(entry, level, capabilities)) {
            result.owner = Owner::l1_misconfiguration;
            return result;
        }
        table = entry & 0x000F'FFFF'FFFF'F000;
        if (level == 1 || (entry >> 7 & 1)) break;
    }
    if ((result.effective12 & wanted) != wanted) {
        result.owner = Owner::l1_violation;
        return result;
    }
    result.bits12 = 12 + 9 * (level - 1);
    result.l1_address = table + (address & ((u64{1} << result.bits12) - 1));
    const Range01* range = reference_range01(world, result.l1_address);
    const u64 rights01 = range == nullptr || !range->mapped ? 0 : range->leaf.access.bits();
    if (rights01 == 0 || (rights01 & wanted) != wanted) {
        result.owner = Owner::l0;
        return result;
    }
    result.host_page = (range->leaf.page.value() + (result.l1_address - range->first.value())) & ~u64{0xFFF};
    result.rights = result.effective12 & rights01;
    result.type = reference_type(entry >> 3 & 7, static_cast<u64>(range->leaf.memory_type));
    result.ignore_pat = (entry >> 6 & 1) != 0 || range->leaf.ignore_pat;
    result.dirty12 = (entry >> 9 & 1) != 0;
    return result;
}

}  // namespace kurma::ept::testing
