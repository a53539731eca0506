#include "payload.hpp"

#include "../mm/direct_map.hpp"
#include "../mm/own_tables.hpp"
#include "../trace/refuse.hpp"

namespace kurma::l0::l1vm {

using boot::BootInfo;
using boot::Module;
using ept::Hpa;

namespace {

bool available(const mm::MemoryMap& map, u64 base, u64 size) {
    for (const mm::Range& range : map)
        if (range.type == mm::RangeType::available && range.contains(base) && size <= range.end() - base)
            return true;
    return false;
}

}  // namespace

void require_room(const BootInfo& info, u64 base, u64 size, const char* what) {
    const u64 mib = (info.map.available_bytes() >> 20);
    if (!available(info.map, base, size))
        refuse(what, " does not fit: it wants ", log::Hex{size}, " bytes at ", log::Hex{base}, ", L1 has ",
               mib, " MiB; give the machine more memory (--memory)");
    for (usize i = 0; i < info.module_count; ++i) {
        const Module& module = info.modules[i];
        if (base < module.start.value() + module.size && module.start.value() < base + size)
            refuse(what, " does not fit beside the modules; give the machine more memory (--memory)");
    }
}

// The loader puts modules one after the other, low. From the last to the first, each moves up: to an address
// above its own, so that nothing that is still to be moved is overwritten. Their order is kept, and a page is
// left free of nothing between.
void gather_modules(BootInfo& info, u64 limit) {
    u64 below = limit;
    for (usize i = info.module_count; i > 0; --i) {
        Module& module = info.modules[i - 1];
        const u64 size = (module.size + 4095) & ~u64{4095};
        const u64 to = below < size ? 0 : (below - size) & ~u64{4095};
        if (to < module.start.value() || !available(info.map, to, size))
            refuse("too little memory: ", info.map.available_bytes() >> 20,
                   " MiB do not hold the payload's modules beside L0's ", mm::reserved_bytes >> 20,
                   " MiB; give the machine more memory (--memory)");
        __builtin_memmove(mm::at<void>(Hpa{to}), mm::at<void>(module.start), module.size);
        module.start = Hpa{to};
        below = to;
    }
}

StartState load_payload(BootInfo& info) {
    if (info.module_count == 0)
        refuse("no payload: give L0 a Multiboot module, a Linux bzImage or a Multiboot 1 ELF, to run as L1");
    const Module& payload = info.modules[0];
    if (is_linux(payload)) return load_linux(info);
    if (is_multiboot(payload)) return load_multiboot(info);
    refuse("the payload is neither a Linux bzImage nor a Multiboot 1 image (", payload.size,
           " bytes, first word ", log::Hex{payload.size >= 4 ? *mm::at<u32>(payload.start) : 0u}, ")");
}

}  // namespace kurma::l0::l1vm
