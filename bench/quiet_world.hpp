// The tests' FakeWorld for the timed loop: the same VMCSs, memory and registers, and no recording.
#pragma once

#include <cstring>
#include <vmx-emul/testing/fake_world.hpp>

#include "measure.hpp"

namespace kurma::bench {

/// Set up as a FakeWorld is, then settled; after that its VMCSs are the plain ones.
class QuietWorld : public vmx::testing::FakeWorld {
  public:
    explicit QuietWorld(const vmx::Capabilities& offered) : FakeWorld(offered) {}

    void settle() {
        plain01_ = FakeWorld::vmcs01();
        plain02_ = slot_of(*nested().current).vmcs02;
    }

    PlainVmcs& vmcs01() { return plain01_; }
    /// There is one vmcs02 in a bench that reads one; how L0 finds it is no matter of the room's.
    u64 read_home02(vmx::Vmcs12&, vmx::FieldId id) { return plain02_.read_raw(id); }
    void write_home02(vmx::Vmcs12&, vmx::FieldId id, u64 value) { plain02_.write_raw(id, value); }

    std::optional<u64> read_u64(ept::L1Gpa at) { return fetch<u64>(at); }
    std::optional<u32> read_u32(ept::L1Gpa at) { return fetch<u32>(at); }
    u64 read_bytes(ept::L1Gpa at, unsigned count) { return peek(at.value(), count); }
    void drop_ept02(ept::Eptp) {}
    void drop_vpid02(u16) {}

  private:
    template <class Word>
    std::optional<Word> fetch(ept::L1Gpa at) const {
        if (at.value() > size() - sizeof(Word)) return std::nullopt;
        Word word;
        std::memcpy(&word, contents().data() + at.value(), sizeof word);
        return word;
    }

    PlainVmcs plain01_, plain02_;
};

static_assert(vmx::InstructionWorld<QuietWorld>);

}  // namespace kurma::bench
