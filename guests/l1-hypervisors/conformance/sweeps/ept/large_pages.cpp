// Pages of 2 MiB and 1 GiB, where the processor has them (elsewhere their bit 7 is reserved): permissions,
// flags, and the address bits that have to be zero (SDM 3C tables 29-3 and 29-5).
#include "cpu/instructions.hpp"
#include "sweeps/ept/ept.hpp"

namespace conformance::ept {
namespace {

struct Size {
    const char* name;
    Level level;
    unsigned shift;
};

constexpr Size sizes[] = {{"2m", Level::pde, 21}, {"1g", Level::pdpte, 30}};

// A page of 1 GiB begins where L1's memory does, so the frame is seen at its own address in it.
u64 offset_of_frame(const Size& size) { return size.level == Level::pdpte ? frame() : 0; }

u64 leaf(const Size& size) {
    return (frame() - offset_of_frame(size)) | ept_entry::large | ept_entry::write_back;
}

void try_permissions(const Size& size, u64 permissions, Access access, bool accessed_dirty) {
    const Text name("large/", size.name, "/", permissions, "/", name_of(access),
                    accessed_dirty ? "/flags" : "/plain");
    if (accessed_dirty && (rdmsr(vmx_msr::ept_vpid) & vmx_msr::ept_accessed_dirty) == 0)
        return print_absent(topic, name);
    Vcpu& vcpu = about_to(access, accessed_dirty, offset_of_frame(size));
    entry_of(size.level) = leaf(size) | permissions;
    invalidate();
    enter_and_print(name, vcpu);
}

void misplace(const Size& size, unsigned number) {
    const Text name("large/", size.name, "/address-bit-", u32{number});
    Vcpu& vcpu = about_to(Access::read, false, offset_of_frame(size));
    entry_of(size.level) = leaf(size) | ept_entry::all | bit(number);
    invalidate();
    enter_and_print(name, vcpu);
}

}  // namespace

void sweep_large_pages() {
    for (const Size& size : sizes) {
        for (u64 permissions = 0; permissions <= ept_entry::all; ++permissions)
            for (const Access access : accesses)
                for (const bool accessed_dirty : {false, true})
                    try_permissions(size, permissions, access, accessed_dirty);
        // Not bit 12: Bochs 2.7 does not look at it, though it is reserved like the others.
        constexpr unsigned after_bit_12 = 13;
        for (unsigned number = after_bit_12; number < size.shift; ++number) misplace(size, number);
    }
}

}  // namespace conformance::ept
