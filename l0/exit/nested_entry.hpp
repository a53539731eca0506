// What an entry of L2 leaves behind for the turns after it.
#pragma once

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

/// The slow part of entry_is_over.
void tidy_after_exit(VmcsSlot& slot, const CurrentVmcs<Which::vmcs02>& vmcs02);

/// L2 runs on after an exit that L0 kept: what only L1's entry is to do must not be done once more.
[[gnu::always_inline]] inline void entry_is_over(VmcsSlot& slot, const CurrentVmcs<Which::vmcs02>& vmcs02) {
    if (slot.needs_tidying) [[unlikely]]
        tidy_after_exit(slot, vmcs02);
}

}  // namespace kurma::l0
