// Flat memory of L1, which remembers what was read, and where nothing lies beyond the end.
#pragma once

#include <array>
#include <ept/address.hpp>
#include <optional>
#include <vector>

namespace kurma::vmx::testing {

class FakeMemory {
  public:
    struct Read {
        u64 address;
        unsigned bytes;
        bool operator==(const Read&) const = default;
    };

    explicit FakeMemory(usize size) : bytes_(size) {}

    std::optional<u64> read_u64(ept::L1Gpa at) { return fetch(at.value(), 8); }
    std::optional<u32> read_u32(ept::L1Gpa at) {
        const auto value = fetch(at.value(), 4);
        return value ? std::optional<u32>{static_cast<u32>(*value)} : std::nullopt;
    }
    u64 read_bytes(ept::L1Gpa at, unsigned count) {
        constexpr u64 bus_answers_with = ~u64{0};
        return fetch(at.value(), count).value_or(bus_answers_with >> (64 - 8 * count));
    }
    void write_bytes(ept::L1Gpa at, u64 value, unsigned count) { (void)poke(at.value(), value, count); }
    void or_u8(ept::L1Gpa at, u8 bits) {
        if (at.value() < bytes_.size()) bytes_[at.value()] = static_cast<u8>(bytes_[at.value()] | bits);
    }

    u64 pdpte(unsigned index) const { return pdptes_.at(index); }
    /// What loading CR3 with PAE paging does.
    void load_pdptes(u64 cr3) {
        for (usize i = 0; i < pdptes_.size(); ++i) pdptes_[i] = peek((cr3 & 0xffff'ffe0) + i * 8);
    }

    /// What the test itself looks at or puts there leaves no trace.
    [[nodiscard]] u64 peek(u64 at, unsigned count = 8) const {
        u64 value = 0;
        for (unsigned i = 0; i < count; ++i) value |= u64{bytes_.at(at + i)} << (8 * i);
        return value;
    }
    bool poke(u64 at, u64 value, unsigned count = 8) {
        if (!holds(at, count)) return false;
        for (unsigned i = 0; i < count; ++i) bytes_[at + i] = static_cast<u8>(value >> (8 * i));
        return true;
    }
    [[nodiscard]] usize size() const { return bytes_.size(); }
    [[nodiscard]] const std::vector<u8>& contents() const { return bytes_; }
    [[nodiscard]] const std::vector<Read>& reads() const { return reads_; }
    [[nodiscard]] usize reads_touching(u64 address) const {
        usize count = 0;
        for (const Read& r : reads_) count += address >= r.address && address < r.address + r.bytes ? 1 : 0;
        return count;
    }
    void forget_reads() { reads_.clear(); }

  private:
    [[nodiscard]] bool holds(u64 at, unsigned count) const {
        return at < bytes_.size() && bytes_.size() - at >= count;
    }
    std::optional<u64> fetch(u64 at, unsigned count) {
        reads_.push_back({at, count});
        return holds(at, count) ? std::optional<u64>{peek(at, count)} : std::nullopt;
    }

    std::array<u64, 4> pdptes_{};
    std::vector<u8> bytes_;
    std::vector<Read> reads_;
};

}  // namespace kurma::vmx::testing
