// An EPT pointer, read through names.
//
// In:  the 64 bits of the VMCS field.      Out: where the root table lies and how it is to be used.
// SDM: 3C 25.6.11 (format), 3C 27.2.1.1 (what VM entry checks).
#pragma once

#include <ept/address.hpp>
#include <ept/capabilities.hpp>
#include <ept/memory_type.hpp>

namespace kurma::ept {

class Eptp {
  public:
    constexpr Eptp() = default;
    constexpr explicit Eptp(u64 bits) : bits_(bits) {}

    // A pointer to four levels of tables. Where eptp12 has accessed and dirty flags on, eptp02 needs them on
    // too: they turn L2's own page walks into writes (SDM 3C 29.3.5), which L1 has a right to see.
    [[nodiscard]] static constexpr Eptp make(Hpa root, MemoryType type = MemoryType::wb,
                                             bool accessed_dirty = false) {
        return Eptp{root.value() | u64{static_cast<u8>(type)} | u64{root_level - 1} << length_shift |
                    (accessed_dirty ? accessed_dirty_bit : 0)};
    }

    [[nodiscard]] constexpr u64 bits() const { return bits_; }
    // The space says where the tables lie: l1 for ept12; host for ept01 and ept02.
    template <Space Tables>
    [[nodiscard]] constexpr Address<Tables> root() const {
        return Address<Tables>{bits_ & address_mask};
    }
    [[nodiscard]] constexpr MemoryType memory_type() const {
        return static_cast<MemoryType>(bits_ & type_mask);
    }
    // The number of tables that a walk to a 4K page reads.
    [[nodiscard]] constexpr unsigned walk_length() const {
        return static_cast<unsigned>(bits_ >> length_shift & length_mask) + 1;
    }
    [[nodiscard]] constexpr bool accessed_dirty() const { return (bits_ & accessed_dirty_bit) != 0; }

    [[nodiscard]] constexpr bool valid(const Capabilities& capabilities) const {
        const bool type_known = (memory_type() == MemoryType::uc && capabilities.uc) ||
                                (memory_type() == MemoryType::wb && capabilities.wb);
        return type_known && walk_length() == root_level &&
               (!accessed_dirty() || capabilities.accessed_dirty) &&
               (bits_ & (reserved | reserved_address_bits(capabilities))) == 0;
    }

    friend constexpr bool operator==(Eptp, Eptp) = default;

  private:
    static constexpr u64 type_mask = 7;
    static constexpr unsigned length_shift = 3;
    static constexpr u64 length_mask = 7;
    static constexpr u64 accessed_dirty_bit = u64{1} << 6;
    static constexpr u64 address_mask = 0x000F'FFFF'FFFF'F000;
    static constexpr u64 reserved = 0xFFF0'0000'0000'0F80;  // bits 63:52 and 11:7

    u64 bits_ = 0;
};

}  // namespace kurma::ept
