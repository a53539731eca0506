// QEMU as a child: L1's machine, from its start to its end.
#pragma once

#include <string>
#include <vector>

namespace kurma::keeper {

enum class Ending { power_off, reset, death };

// Runs QEMU with these arguments until it ends or L1 asks for the end. COM1 is this machine's own COM1; what
// L1 writes on port 0xE9 goes out on this machine's, whole lines at a time; "Shutdown" on port 0x8900 ends L1
// as it ends Bochs.
Ending run_machine(const std::vector<std::string>& arguments);

// The word for it in L0's last line.
const char* name(Ending ending);

}  // namespace kurma::keeper
