// Two VMCSs: one that was launched once and is entered by VMRESUME ever after, one that is cleared and
// launched by each case. Beside each stands what its fields hold, so that a case writes what it changes and
// nothing else.
#pragma once

#include "base/memory.hpp"
#include "random/image.hpp"

namespace conformance::random {

class Vmcs {
  public:
    void create();  // all fields zero; current afterwards
    void make_current();
    void clear_launch_state();
    void write(const Image& wanted);
    // What the processor wrote: the field's value now.
    u64 read_back(Slot slot);

  private:
    Page region_ = {};
    Image holds_ = {};
};

}  // namespace conformance::random
