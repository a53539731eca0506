// A FakeWorld that is used again for each input: it notes what the emulation writes, and is set back
// afterwards, which is a hundred times faster than to make one.
#pragma once

#include <cstring>
#include <set>

#include "../testing/fake_world.hpp"

namespace kurma::vmx::fuzz {

class Machine : public testing::FakeWorld {
  public:
    using FakeWorld::FakeWorld;

    struct Write {
        u64 at;
        u64 value;
        unsigned count;
    };

    // What the emulation calls; the emulation is a template, so these hide FakeWorld's.
    void write_bytes(ept::L1Gpa at, u64 value, unsigned count) {
        writes.push_back({at.value(), value, count});
        change(at.value(), value, count);
    }
    void or_u8(ept::L1Gpa at, u8 bits) {
        flagged.push_back(at.value());
        changed_.insert(page_of(at.value()));
        FakeWorld::or_u8(at, bits);
    }
    Vmcs12* activate(ept::L1Gpa at) {
        changed_.insert(page_of(at.value()));
        regions_.insert(at.value());
        return FakeWorld::activate(at);
    }
    void mark_clear(ept::L1Gpa at) {
        changed_.insert(page_of(at.value()));
        FakeWorld::mark_clear(at);
    }
    void drop_ept02(Eptp) { ++drops; }
    void drop_all_ept02() { ++drops; }
    void drop_vpid02(u16) { ++drops; }
    void drop_all_vpid02() { ++drops; }

    /// L1, or the test, writes memory.
    void change(u64 at, u64 value, unsigned count = 8) {
        for (unsigned i = 0; i < count; ++i) changed_.insert(page_of(at + i));
        (void)poke(at, value, count);
    }
    void forget_step() {
        writes.clear();
        flagged.clear();
        drops = 0;
        vmcs01().forget_history();
        forget_reads();
    }

    /// Remembers the machine as it is, to come back to with set_back().
    void remember() {
        first_ = contents();
        first_vmcs01_ = vmcs01();
        first_nested_ = nested();
    }
    void set_back() {
        for (const u64 region : regions_)
            if (Vmcs12* const active = find_active(ept::L1Gpa{region}); active != nullptr)
                deactivate_clear(*active);
        for (const u64 page : changed_)
            if (page < first_.size()) restore(page);
        changed_.clear();
        regions_.clear();
        vmcs01() = first_vmcs01_;
        nested() = first_nested_;
        forget_step();
    }

    std::vector<Write> writes;
    std::vector<u64> flagged;
    unsigned drops = 0;

  private:
    static constexpr u64 page_bytes = 4096;
    static u64 page_of(u64 at) { return at & ~(page_bytes - 1); }

    void restore(u64 page) {
        constexpr u64 word_bytes = sizeof(u64);
        for (u64 at = page; at < page + page_bytes; at += word_bytes) {
            u64 before = 0;
            std::memcpy(&before, &first_[at], word_bytes);
            if (std::memcmp(&contents()[at], &before, word_bytes) != 0) (void)poke(at, before, word_bytes);
        }
    }

    std::set<u64> changed_, regions_;
    std::vector<u8> first_;
    testing::FakeVmcs first_vmcs01_;
    NestedState first_nested_{};
};

static_assert(InstructionWorld<Machine>);

}  // namespace kurma::vmx::fuzz
