// L1's payload: from the modules that the boot loader left to an L1 that is ready to run.
//
// In:    the modules (the first is the payload), the memory map without L0's memory.
// Out:   the payload in L1's memory and the registers it is to start with: 32-bit protected mode, paging off.
// Never: writes outside of available memory; starts what it could not place.
#pragma once

#include "../boot/multiboot.hpp"

namespace kurma::l0::l1vm {

/// How a payload starts; both protocols begin in flat 32-bit protected mode.
struct StartState {
    u32 rip = 0, rax = 0, rbx = 0, rsi = 0;
    u16 code_selector = 8, data_selector = 16;
};

/// Moves all modules to the top of L1's memory, so that the payload finds its place free. The highest byte
/// used is below `limit`.
void gather_modules(boot::BootInfo& info, u64 limit);

/// Loads whatever the first module is, a Linux kernel or a Multiboot 1 image; refuses anything else by name.
StartState load_payload(boot::BootInfo& info);

bool is_linux(const boot::Module& module);
StartState load_linux(boot::BootInfo& info);
bool is_multiboot(const boot::Module& module);
StartState load_multiboot(boot::BootInfo& info);

/// Ends the run unless [base, base + size) is available memory that no module occupies.
void require_room(const boot::BootInfo& info, u64 base, u64 size, const char* what);

}  // namespace kurma::l0::l1vm
