// From a linear address of L1 to its guest-physical address, as L1's own paging would go (SDM 3A 4.3 to 4.5).
//
// In:    the registers that select the paging mode, the access, and a memory of L1 to read entries from.
// Out:   an L1Gpa, or the page fault that the access raises. Sets accessed and dirty flags as the processor
// does. Never: fails because of what the entries say; reads an entry twice.
#pragma once

#include <ept/address.hpp>
#include <optional>
#include <x86/control_registers.hpp>
#include <x86/exception.hpp>

namespace kurma::x86 {

struct PagingRegisters {
    u64 cr0 = 0, cr3 = 0, cr4 = 0, efer = 0, rflags_ac = 0;
    u8 physical_address_width = 36;
    bool page_1g = true;
};

enum class DataAccess : u8 { read, write };

/// Reads and updates paging-structure entries of L1. An entry outside of L1's memory reads as nothing.
template <class M>
concept PagingMemory = requires(M& memory, ept::L1Gpa at, u64 value) {
    { memory.read_u64(at) } -> std::same_as<std::optional<u64>>;
    { memory.read_u32(at) } -> std::same_as<std::optional<u32>>;
    {memory.or_u8(at, u8{})};
    /// PAE paging's entries of the first level, which the processor took from memory when CR3 was loaded (SDM
    /// 3A 4.4.1).
    { memory.pdpte(0u) } -> std::same_as<u64>;
};

struct Translation {
    bool ok = false;
    ept::L1Gpa address{0};
    Fault fault{};
};

namespace detail {

inline constexpr u64 p_present = 1u << 0, p_write = 1u << 1, p_user = 1u << 2, p_accessed = 1u << 5,
                     p_dirty = 1u << 6, p_large = 1u << 7;

/// One walk in progress. `levels` counts the table levels that are left, the leaf's own being 1.
template <PagingMemory M>
class LinearWalk {
  public:
    LinearWalk(M& memory, const PagingRegisters& regs, u64 linear, DataAccess access)
        : memory_(memory), regs_(regs), linear_(linear), write_(access == DataAccess::write) {}

    Translation run() {
        const bool long_mode = (regs_.efer & efer::lma) != 0;
        if (long_mode) return descend<9, 8>(regs_.cr3 & address_bits(), 4);
        if ((regs_.cr4 & cr4::pae) != 0) {
            const u64 pdpte = memory_.pdpte(static_cast<unsigned>(linear_ >> 30) & 3);
            if ((pdpte & p_present) == 0) return fault(0);
            return descend<9, 8>(pdpte & address_bits(), 2);
        }
        return descend<10, 4>(regs_.cr3 & 0xfffff000, 2);
    }

  private:
    u64 address_bits() const { return ((u64{1} << regs_.physical_address_width) - 1) & ~u64{0xfff}; }

    Translation fault(u32 present) const {
        return {false, ept::L1Gpa{0}, Fault::pf(present | (write_ ? page_fault_error::write : 0), linear_)};
    }

    template <unsigned index_bits, unsigned entry_bytes>
    Translation descend(u64 table, unsigned level) {
        u64 rights = p_user | p_write;
        for (;; --level) {
            const unsigned shift = 12 + index_bits * (level - 1);
            const u64 at = table + ((linear_ >> shift) & ((1u << index_bits) - 1)) * entry_bytes;
            const auto entry = read(at, entry_bytes);
            if (!entry || (*entry & p_present) == 0) return fault(0);
            rights &= *entry;
            const bool large =
                level > 1 && (*entry & p_large) != 0 && (entry_bytes == 8 || (regs_.cr4 & cr4::pse) != 0);
            const u64 reserved =
                entry_bytes == 8 ? reserved_bits(level, shift, large) : reserved_bits_32(large);
            if ((*entry & reserved) != 0)
                return fault(page_fault_error::present | page_fault_error::reserved);
            if (level == 1 || large) return leaf(at, *entry, shift, rights, entry_bytes);
            set_flags(at, *entry, p_accessed);
            table = *entry & (entry_bytes == 8 ? address_bits() : 0xfffff000);
        }
    }

    /// What an 8-byte entry must leave 0 (SDM 3A tables 4-9 to 4-11, 4-15 to 4-20): address bits beyond the
    /// width, which PAE paging continues up to bit 62; execute-disable unless enabled; address bits within a
    /// large page but for 12, its PAT flag; the page-size flag in the root table, and where a 1 GiB page
    /// would be if the processor has none.
    u64 reserved_bits(unsigned level, unsigned shift, bool large) const {
        const unsigned end = (regs_.efer & efer::lma) != 0 ? 52 : 63;
        u64 bits = (u64{1} << end) - (u64{1} << regs_.physical_address_width);
        if ((regs_.efer & efer::nxe) == 0) bits |= u64{1} << 63;
        const bool no_page_there = level == 4 || (level == 3 && !regs_.page_1g);
        if (large) bits |= no_page_there ? p_large : (u64{1} << shift) - (u64{1} << 13);
        return bits;
    }

    /// What a 4-byte entry must leave 0: of the bits that hold a 4 MiB page's address above 4 GiB, those
    /// beyond the physical-address width, of which at most 40 bits count (SDM 3A table 4-4).
    u64 reserved_bits_32(bool large) const {
        const unsigned width = regs_.physical_address_width < 40 ? regs_.physical_address_width : 40;
        return large ? (u64{1} << 22) - (u64{1} << (width - 19)) : 0;
    }

    void set_flags(u64 at, u64 entry, u64 flags) {
        if ((entry & flags) != flags) memory_.or_u8(ept::L1Gpa{at}, static_cast<u8>(flags));
    }

    std::optional<u64> read(u64 at, unsigned bytes) {
        if (bytes == 8) return memory_.read_u64(ept::L1Gpa{at});
        const auto value = memory_.read_u32(ept::L1Gpa{at});
        return value ? std::optional<u64>{*value} : std::nullopt;
    }

    Translation leaf(u64 at, u64 entry, unsigned shift, u64 rights, unsigned entry_bytes) {
        // VMX instructions run at CPL 0: user pages are closed by SMAP unless RFLAGS.AC opens them.
        if ((rights & p_user) != 0 && (regs_.cr4 & cr4::smap) != 0 && regs_.rflags_ac == 0)
            return fault(page_fault_error::present);
        if (write_ && (rights & p_write) == 0 && (regs_.cr0 & cr0::wp) != 0)
            return fault(page_fault_error::present);
        set_flags(at, entry, write_ ? p_accessed | p_dirty : p_accessed);
        const u64 offset = (u64{1} << shift) - 1;
        u64 frame = entry & (entry_bytes == 8 ? address_bits() : 0xfffff000) & ~offset;
        // PSE-36: bits 39:32 of a 4 MiB page's frame stand in bits 20:13 (SDM 3A table 4-4).
        if (entry_bytes == 4 && shift > 12) frame |= ((entry >> 13) & 0xff) << 32;
        return {true, ept::L1Gpa{frame | (linear_ & offset)}, {}};
    }

    M& memory_;
    const PagingRegisters& regs_;
    u64 linear_;
    bool write_;
};

}  // namespace detail

/// Translates a supervisor data access of L1.
template <PagingMemory M>
Translation translate_linear(M& memory, const PagingRegisters& regs, u64 linear, DataAccess access) {
    if ((regs.cr0 & cr0::pg) == 0) return {true, ept::L1Gpa{linear & 0xffffffff}, {}};
    return detail::LinearWalk<M>{memory, regs, linear, access}.run();
}

}  // namespace kurma::x86
