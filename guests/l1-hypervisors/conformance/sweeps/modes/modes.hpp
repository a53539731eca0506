// The topic "modes": L2s in each mode that a processor has below 64-bit mode and in it, with each kind of
// paging, with and without EPT (SDM 3C 27.3.1, 3A 2.2, 4.1).
#pragma once

#include "sweeps/guest.hpp"

namespace conformance::modes {

inline constexpr char topic[] = "modes";

// A routine of modes/segment.S: where it is linked in each width.
struct ModeForm {
    const char* name;
    u64 code16, code32, code64;
};

enum class Width { bits16, bits32, bits64 };
enum class Paging { none, small_pages, large_pages, pae, four_level };

struct Mode {
    const char* name;
    Width width;
    Paging paging;
    bool protected_mode, virtual_8086, long_mode;

    // Without paging or protection a guest needs "unrestricted guest", and with that EPT.
    bool is_unrestricted() const { return !protected_mode || paging == Paging::none; }
    bool has_real_segments() const { return !protected_mode || virtual_8086; }
};

// Nobody answers at the first; the second keeps what it is given.
inline constexpr u16 quiet_port = 0x2F0, diagnostic_port = 0x80;

// Selectors of the GDT that build_descriptors() makes.
inline constexpr u16 code32_selector = 0x08, data_selector = 0x10, code16_selector = 0x18,
                     code64_selector = 0x28, task_selector = 0x30, other_task_selector = 0x40;
inline constexpr u32 gdt_limit = 16 * 8 - 1, task_limit = 103, real_idt_limit = 256 * 4 - 1,
                     idt_limit = 256 * 16 - 1;

// Offsets in the segment, and where real-mode code sees it.
inline constexpr u64 data_offset = 0x8000, idt_offset = 0xA000, task_offset = 0xB000,
                     other_task_offset = 0xB100, gdt_offset = 0xC000, stack_offset = 0xE000;
inline constexpr u64 real_selector = 0x1000, real_base = real_selector << 4, segment_size = 0x10000;
u64 segment_base();
template <typename T>
T& in_segment(u64 offset) {
    return *reinterpret_cast<T*>(segment_base() + offset);
}

// The tables of each kind of paging: identity, but that addresses of real mode show the segment, and that one
// page at 1 GiB is one that EPT does not map (and no table without EPT).
struct PagingRoots {
    u64 small_pages, large_pages, pae, four_level;
};
PagingRoots build_tables(bool with_ept);
u64 page_of_halts();                    // shown at 0 to real-mode code
u64 pae_pointer(u64 root, u64 number);  // an entry of the page-directory-pointer table at `root`
inline constexpr u64 absent_page = Ept::window + page_size;
inline constexpr u64 real_absent_offset = 0xF000;

// GDT, task-state segments and IDT (or interrupt vectors) in the segment, as the mode wants them.
void build_descriptors(const Mode& mode);

// A fresh L2 in that mode, about to execute a routine; false where this processor has no such guest.
bool is_offered(const Mode& mode, bool with_ept);
Vcpu& start(const Mode& mode, const ModeForm& form, bool with_ept, const VcpuOptions& options);

void sweep_every_mode();
void sweep_boot_loader();
void sweep_pdptes();

}  // namespace conformance::modes
