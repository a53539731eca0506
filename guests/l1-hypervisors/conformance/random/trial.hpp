// Enters one case and collects the answer.
#pragma once

#include "random/answer.hpp"
#include "random/case.hpp"
#include "random/host.hpp"
#include "random/vmcs.hpp"

namespace conformance::random {

// How a case ended.
struct Outcome {
    enum class Kind : u8 { failed_invalid, failed_valid, exited, watchdog };
    Kind kind;
    u32 number;  // the VM-instruction error or the exit reason
};

// EPT12 has changed in place (SDM 3C 29.4.3.3).
void flush_ept();

class Trial {
  public:
    // L1 as it is now is L1's usual state.
    void prepare();
    Outcome run(const Case& c);
    const Answer& answer() const { return answer_; }

  private:
    void launch_once(const Case& valid);
    void invalidate(const Case& c);
    Outcome collect_exit(const Case& c, u64 stub);
    Outcome collect_failure();
    void add_guest_state(const Case& c, bool entry_failed);
    void add_registers();
    void add_memory(const Case& c);
    void add_virtual_apic();
    void add_ept_features(const Case& c);
    void add_launch_state(bool launched);
    void add_found(const HostState& found);

    Vmcs launched_, resumed_;
    bool resumed_is_launched_ = false;
    Vmcs* current_ = nullptr;
    HostState usual_ = {};
    Answer answer_;
};

}  // namespace conformance::random
