// L1's MSR and I/O bitmaps, merged with L0's: vmcs02's.
//
// In:    a slot that is about to be entered.
// Out:   its three bitmap pages, with every bit that L1's pages have now, and every bit of L0's.
// Never: trusts L1 to say that it has changed a page; ept01 tells (l1vm/watched_pages.hpp).
// Laws:  Strictness: vmcs02's bitmaps intercept what L1's at this entry or L0's do.
// SDM:   3C 25.6.4, 25.6.9.
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

[[gnu::noinline]] void merge_bitmaps(Cpu& cpu, VmcsSlot& slot);

/// Before each entry of L2.
[[gnu::always_inline]] inline void keep_bitmaps(Cpu& cpu, VmcsSlot& slot) {
    if (slot.bitmaps_good_at != cpu.machine->partition.watched().revision()) [[unlikely]]
        merge_bitmaps(cpu, slot);
}

/// Fields of vmcs12 that say which bitmaps there are, and where.
inline constexpr vmx::FieldSet bitmap_fields = vmx::FieldSet::where([](const vmx::FieldRow& row) {
    using vmx::FieldId;
    for (const FieldId id :
         {FieldId::primary_controls, FieldId::msr_bitmap, FieldId::io_bitmap_a, FieldId::io_bitmap_b})
        if (row.encoding.raw == vmx::encodings[static_cast<usize>(id)]) return true;
    return false;
});

/// Before keep_bitmaps, if L1 has written fields.
inline void note_bitmap_fields(VmcsSlot& slot) {
    if (!(slot.vmcs12.dirty & bitmap_fields).empty()) slot.bitmaps_good_at = 0;
}

/// The knob bitmap_merge has another value.
void bitmaps_knob_changed(Cpu& cpu);

}  // namespace kurma::l0
