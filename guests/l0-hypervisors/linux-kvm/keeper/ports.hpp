// The two ports through which the keeper speaks to Bochs: its debug port, and the one that switches it off.
#pragma once

#include <string_view>

namespace kurma::keeper {

// Gives this process the right to use any port; throws std::system_error without it.
void open_ports();

// Bytes on port 0xE9, as they are.
void write_debug_port(std::string_view bytes);

// A line of the keeper's own there, `kvm: TEXT`.
void say(std::string_view text);

// Ends Bochs. Returns only where there is no Bochs.
void switch_off();

}  // namespace kurma::keeper
