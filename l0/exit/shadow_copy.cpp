#include "shadow_copy.hpp"

#include <utility>

#include "../cpu/vmcs.hpp"
#include "../cpu/vmx_root.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

/// The copied fields in the order of ShadowCopy::known: those that L1 writes, first with their home in
/// vmcs02, then with their home in the image; then exit information. All are known to the compiler, so that a
/// field costs a few instructions and no look-up.
constexpr FieldSet of_vmcs02 = copied_writable & all_home02_state;
constexpr FieldSet of_image = copied_writable & all_home12;
static_assert(of_vmcs02.count() + of_image.count() == copied_writable.count());

constexpr usize first_of_image = of_vmcs02.count();
constexpr usize first_of_information = copied_writable.count();
constexpr usize field_total = first_of_information + copied_exit_information.count();

consteval auto order_of_copy() {
    std::array<FieldId, field_total> order{};
    usize i = 0;
    for (const FieldSet& set : {of_vmcs02, of_image, copied_exit_information})
        set.for_each([&](FieldId id) { order[i++] = id; });
    return order;
}
constexpr std::array order = order_of_copy();

/// Calls visit.operator()<I>() for each place from First up to, and without, Last.
template <usize First, usize Last, class Visit>
[[gnu::always_inline]] inline void for_places(Visit visit) {
    [&]<usize... I>(std::index_sequence<I...>) { (visit.template operator()<First + I>(), ...); }
    (std::make_index_sequence<Last - First>{});
}

using Values = std::array<u64, field_total>;

template <usize First, usize Last>
[[gnu::always_inline]] inline void read_places(Cpu& cpu, Values& now) {
    cpu.totals.vmread += Last - First;
    for_places<First, Last>([&]<usize I> { now[I] = hw::vmread(encodings[static_cast<usize>(order[I])]); });
}

/// Writes to the current VMCS, the copy or the other side of it, what L0 did not know to be in both.
template <usize First, usize Last>
[[gnu::always_inline]] inline void write_places(Cpu& cpu, ShadowCopy& copy, const Values& now) {
    for_places<First, Last>([&]<usize I> {
        if (now[I] == copy.known[I]) [[likely]]
            return;
        copy.known[I] = now[I];
        ++cpu.totals.vmwrite;
        hw::vmwrite(encodings[static_cast<usize>(order[I])], now[I]);
    });
}

/// Writes every field once, so that L0 knows from then on what the copy holds.
[[gnu::noinline]] void make_copy(Cpu& cpu, ShadowCopy& copy) {
    copy.vmcs = make_shadow_vmcs(cpu);
    make_current(cpu, copy.vmcs);
    const usize count = cpu.machine->host.vmwrite_any_field() ? field_total : first_of_information;
    cpu.totals.vmwrite += count;
    for (usize i = 0; i < count; ++i) hw::vmwrite(encodings[static_cast<usize>(order[i])], 0);
}

}  // namespace

void fill_copy(Cpu& cpu, VmcsSlot& slot) {
    ShadowCopy& copy = slot.copy;
    const bool with_information = cpu.machine->host.vmwrite_any_field();
    Values now;
    make_vmcs02_current(cpu, slot);
    read_places<0, first_of_image>(cpu, now);
    for_places<first_of_image, first_of_information>(
        [&]<usize I> { now[I] = slot.vmcs12.image[static_cast<usize>(order[I])]; });
    if (with_information) read_places<first_of_information, field_total>(cpu, now);
    if (copy.vmcs.value() == 0) [[unlikely]]
        make_copy(cpu, copy);
    make_current(cpu, copy.vmcs);
    write_places<0, first_of_information>(cpu, copy, now);
    if (with_information) write_places<first_of_information, field_total>(cpu, copy, now);
    release_vmcs(cpu, copy.vmcs);
    make_vmcs01_current(cpu);
    slot.reach = Reach::copy;
}

void fetch_copy(Cpu& cpu, VmcsSlot& slot) {
    ShadowCopy& copy = slot.copy;
    Vmcs12& v = slot.vmcs12;
    Values now;
    make_current(cpu, copy.vmcs);
    read_places<0, first_of_information>(cpu, now);
    release_vmcs(cpu, copy.vmcs);
    for_places<first_of_image, first_of_information>([&]<usize I> {
        if (now[I] == copy.known[I]) [[likely]]
            return;
        copy.known[I] = now[I];
        v.image[static_cast<usize>(order[I])] = now[I];
        v.note_write(order[I]);
    });
    make_vmcs02_current(cpu, slot);
    write_places<0, first_of_image>(cpu, copy, now);
    slot.reach = Reach::none;
}

}  // namespace kurma::l0
