#include "acpi.hpp"

#include <string_view>

#include "../mm/direct_map.hpp"

namespace kurma::l0::boot {

using ept::Hpa;

namespace {

// ACPI specification 6.4, sections 5.2.5 to 5.2.12. Tables lie at any alignment, hence packed.
struct [[gnu::packed]] TableHeader {
    char signature[4];
    u32 length;
    u8 rest[28];
};
struct [[gnu::packed]] Rsdp {
    char signature[8];
    u8 checksum, oem[6], revision;
    u32 rsdt;
};
struct [[gnu::packed]] MadtEntry {
    u8 type, length;
    u8 processor, apic_id;
    u32 flags;
};

constexpr u32 fadt_pm1a_control_offset = 64;
constexpr u32 madt_entries_offset = 44;
constexpr u8 madt_local_apic = 0;
constexpr u32 madt_enabled = 1;

bool sums_to_zero(const u8* bytes, usize count) {
    u8 sum = 0;
    for (usize i = 0; i < count; ++i) sum = static_cast<u8>(sum + bytes[i]);
    return sum == 0;
}

const Rsdp* find_rsdp() {
    constexpr u64 first = 0xe0000, last = 0x100000, step = 16;
    for (u64 at = first; at < last; at += step) {
        const Rsdp* const candidate = mm::at<Rsdp>(Hpa{at});
        if (std::string_view{candidate->signature, 8} == "RSD PTR " &&
            sums_to_zero(mm::at<u8>(Hpa{at}), sizeof(Rsdp)))
            return candidate;
    }
    return nullptr;
}

u32 count_processors(Hpa madt, u32 length) {
    u32 count = 0;
    for (u32 at = madt_entries_offset; at + 2 <= length;) {
        const MadtEntry* const entry = mm::at<MadtEntry>(madt + at);
        if (entry->length < 2) break;
        if (entry->type == madt_local_apic && (entry->flags & madt_enabled) != 0) ++count;
        at += entry->length;
    }
    return count;
}

}  // namespace

AcpiFacts read_acpi() {
    AcpiFacts facts{};
    const Rsdp* const rsdp = find_rsdp();
    if (rsdp == nullptr) return facts;
    const Hpa rsdt{rsdp->rsdt};
    const u32 length = mm::at<TableHeader>(rsdt)->length;
    for (u32 at = sizeof(TableHeader); at + sizeof(u32) <= length; at += sizeof(u32)) {
        u32 address;
        __builtin_memcpy(&address, mm::at<void>(rsdt + at), sizeof(address));
        const Hpa table{address};
        const TableHeader* const header = mm::at<TableHeader>(table);
        const std::string_view signature{header->signature, 4};
        if (signature == "FACP") {
            u32 port;
            __builtin_memcpy(&port, mm::at<void>(table + fadt_pm1a_control_offset), sizeof(port));
            facts.pm1a_control_port = static_cast<u16>(port);
        } else if (signature == "APIC") {
            facts.processors = count_processors(table, header->length);
        }
    }
    return facts;
}

}  // namespace kurma::l0::boot
