// A VMCS that stands in for the processor's, and remembers every access: VMREAD and VMWRITE are what a room
// of Kurma costs, so tests count them.
#pragma once

#include <algorithm>
#include <array>
#include <vector>
#include <vmx/field.hpp>

namespace kurma::vmx::testing {

class FakeVmcs {
  public:
    enum class Kind : u8 { read, write };
    struct Access {
        Kind kind;
        FieldId id;
        u64 value;
        bool operator==(const Access&) const = default;
    };

    u64 read_raw(FieldId id) {
        const u64 value = values_[index(id)];
        history_.push_back({Kind::read, id, value});
        return value;
    }
    /// Keeps what the field's width holds, as VMWRITE does.
    void write_raw(FieldId id, u64 value) {
        values_[index(id)] = value & mask_of(id);
        history_.push_back({Kind::write, id, values_[index(id)]});
    }

    /// What the test itself looks at or puts there leaves no trace.
    [[nodiscard]] u64 peek(FieldId id) const { return values_[index(id)]; }
    void poke(FieldId id, u64 value) { values_[index(id)] = value & mask_of(id); }
    template <class V, FieldId I>
    [[nodiscard]] V get(Field<V, I>) const {
        return from_raw<V>(peek(I));
    }
    template <class V, FieldId I>
    void set(Field<V, I>, std::type_identity_t<V> value) {
        poke(I, to_raw(value));
    }

    [[nodiscard]] const std::vector<Access>& history() const { return history_; }
    [[nodiscard]] usize reads() const { return count(Kind::read); }
    [[nodiscard]] usize writes() const { return count(Kind::write); }
    [[nodiscard]] usize reads_of(FieldId id) const { return count(Kind::read, id); }
    [[nodiscard]] usize writes_of(FieldId id) const { return count(Kind::write, id); }
    [[nodiscard]] bool wrote(FieldId id) const { return writes_of(id) != 0; }
    void forget_history() { history_.clear(); }

  private:
    static usize index(FieldId id) { return static_cast<usize>(id); }
    // By the manual's rule for encodings, not by the library's: bits 14:13 are the width (SDM 3C 25.11.2).
    static u64 mask_of(FieldId id) {
        constexpr std::array<u64, 4> masks{0xffff, ~u64{0}, 0xffffffff, ~u64{0}};
        return masks[(row_of(id).encoding.raw >> 13) & 3];
    }
    [[nodiscard]] usize count(Kind kind) const {
        return static_cast<usize>(
            std::count_if(history_.begin(), history_.end(), [&](const Access& a) { return a.kind == kind; }));
    }
    [[nodiscard]] usize count(Kind kind, FieldId id) const {
        return static_cast<usize>(std::count_if(
            history_.begin(), history_.end(), [&](const Access& a) { return a.kind == kind && a.id == id; }));
    }

    std::array<u64, field_count> values_{};
    std::vector<Access> history_;
};

static_assert(VmcsAccessor<FakeVmcs>);

}  // namespace kurma::vmx::testing
