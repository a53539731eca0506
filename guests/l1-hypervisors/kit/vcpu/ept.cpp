#include "vcpu/ept.hpp"

#include "cpu/apic.hpp"

namespace kit {
namespace {

constexpr u64 eptp_write_back = 6, eptp_four_levels = 3 << 3, eptp_accessed_dirty = bit(6);
constexpr u64 entries = 512;
constexpr unsigned directory_shift = 21, pdpt_shift = 30;

}  // namespace

void Ept::build() {
    for (Page* page : {&top_, &pdpt_, &low_directory_, &window_directory_, &window_table_, &hidden_directory_,
                       &device_directory_, &device_table_}) {
        page->clear();
    }
    entry(top_, 0) = pdpt_.address() | ept_entry::all;
    entry(pdpt_, 0) = low_directory_.address() | ept_entry::all;
    entry(pdpt_, window >> pdpt_shift) = window_directory_.address() | ept_entry::all;
    entry(pdpt_, hidden_gib >> pdpt_shift) = hidden_directory_.address() | ept_entry::all;
    entry(pdpt_, apic::base >> pdpt_shift) = device_directory_.address() | ept_entry::all;
    for (u64 i = 0; i < entries; ++i) {
        entry(low_directory_, i) =
            i << directory_shift | ept_entry::all | ept_entry::write_back | ept_entry::large;
    }
    entry(window_directory_, 0) = window_table_.address() | ept_entry::all;
    entry(device_directory_, apic::base >> directory_shift & (entries - 1)) =
        device_table_.address() | ept_entry::all;
    entry(device_table_, apic::base / page_size & (entries - 1)) =
        apic::base | ept_entry::read | ept_entry::write | ept_entry::uncacheable;
}

u64 Ept::pointer(bool accessed_dirty) const {
    return top_.address() | eptp_write_back | eptp_four_levels | (accessed_dirty ? eptp_accessed_dirty : 0);
}

}  // namespace kit
