// An EPT12: L2 sees the lowest GiB as it is (2 MiB pages), the local APIC, and a window of 4
// KiB pages at 1 GiB.
#pragma once

#include "base/memory.hpp"

namespace kit {

namespace ept_entry {
inline constexpr u64 read = bit(0), write = bit(1), execute = bit(2), all = read | write | execute;
inline constexpr u64 write_back = 6 << 3, uncacheable = 0 << 3, large = bit(7), accessed = bit(8),
                     dirty = bit(9);
}  // namespace ept_entry

class Ept {
  public:
    static constexpr u64 window = u64{1} << 30;  // L2-physical address of the 4 KiB window, 512 pages
    static constexpr u64 window_pages = 512;
    static constexpr u64 large_window = window + large_page_size;  // one 2 MiB page, absent at first
    static constexpr u64 hidden_gib = u64{2} << 30;                // absent; tests may point it anywhere

    void build();
    u64 pointer(bool accessed_dirty = false) const;
    u64& window_entry(u64 page) { return entry(window_table_, page); }
    u64& large_window_entry() { return entry(window_directory_, 1); }
    // What stands for the whole GiB at `hidden_gib`: a directory, unless a test puts a 1 GiB page there.
    u64& hidden_gib_entry() { return entry(pdpt_, hidden_gib >> 30); }
    // The entry of the first 2 MiB at `hidden_gib`.
    u64& hidden_directory_entry() { return entry(hidden_directory_, 0); }

  private:
    static u64& entry(Page& table, u64 index) { return at_address<u64>(table.address())[index]; }

    Page top_, pdpt_, low_directory_, window_directory_, window_table_, hidden_directory_, device_directory_,
        device_table_;
};

}  // namespace kit
