// The memory operand of a VMX instruction is the bytes that the manual says, and no other byte of L1's is
// touched.
//
// An input is L1's registers and segments, the instruction-information field, the displacement, and a seed
// from which every page of L1's linear space gets a frame and rights. The reference below goes byte by byte
// and shares no code with src/instr/operand.ipp.
#include <map>
#include <vmx/emulate.hpp>

#include "../testing/fake_vmcs.hpp"
#include "capability_choice.hpp"

namespace kurma::vmx::fuzz {
namespace {

using testing::FakeVmcs;
using x86::DataAccess;

u64 hash(u64 value) {
    value = (value ^ value >> 31) * 0x9e37'79b9'7f4a'7c15;
    value = (value ^ value >> 29) * 0xbf58'476d'1ce4'e5b9;
    return value ^ value >> 32;
}

/// Four-level paging without storage: a table's address says which entries lead to it.
struct Pages {
    static constexpr u64 present = 1, write = 2, accessed = 0x20, large = 0x80;
    static constexpr unsigned level_shift = 46, page_shift = 12, index_bits = 9;
    static constexpr u64 frame_mask = 0x0000'00ff'ffff'f000;

    u64 seed = 0;

    static u64 table(unsigned level, u64 prefix) { return u64{level} << level_shift | prefix << page_shift; }
    /// `prefix` is the bits of a linear address that lead to the entry, its own index included.
    [[nodiscard]] u64 entry(unsigned level, u64 prefix) const {
        const u64 chance = hash(prefix ^ u64{level} << 60 ^ seed);
        u64 rights = accessed;
        if (chance % 16 != 0) rights |= present;
        if (chance / 16 % 8 != 0) rights |= write;
        const bool is_large = level == 2 && chance / 128 % 4 == 0;
        if (level > 1 && !is_large) return table(level - 1, prefix) | rights;
        const u64 frame = hash(prefix + seed) & frame_mask;
        return (is_large ? (frame & ~u64{0x1f'ffff}) | large : frame) | rights;
    }
    [[nodiscard]] u64 read(u64 at) const {
        const u64 level = at >> level_shift & 7, prefix = (at & ((u64{1} << level_shift) - 1)) >> page_shift;
        law(level >= 1 && level <= 4, "what is read as an entry is an entry");
        return entry(static_cast<unsigned>(level), prefix << index_bits | (at >> 3 & 0x1ff));
    }
};

/// What the operand's code sees of L1.
class Space {
  public:
    static constexpr u8 width = 52;

    explicit Space(Input& input) {
        const bool wide = input.flag();
        pages.seed = input.number(2);
        vmcs_.set(field::guest_cr0, wide ? 0x8001'0031 : 0x31);
        vmcs_.set(field::guest_cr3, Pages::table(4, 0));
        vmcs_.set(field::guest_cr4, 0x2020);
        vmcs_.set(field::guest_efer, wide ? 0xd00 : 0);
        constexpr u32 code_64 = 0xa09b, code_32 = 0xc09b;
        vmcs_.set(field::guest_cs_access_rights, {wide ? code_64 : code_32});
        for (const FieldId id : {FieldId::guest_es_access_rights, FieldId::guest_ss_access_rights,
                                 FieldId::guest_ds_access_rights, FieldId::guest_fs_access_rights,
                                 FieldId::guest_gs_access_rights})
            vmcs_.poke(id, input.number(1) | (input.byte() & 0xc1u) << 14);
        for (const FieldId id : {FieldId::guest_es_limit, FieldId::guest_cs_limit, FieldId::guest_ss_limit,
                                 FieldId::guest_ds_limit, FieldId::guest_fs_limit, FieldId::guest_gs_limit})
            vmcs_.poke(id, edge(input));
        for (const FieldId id : {FieldId::guest_es_base, FieldId::guest_cs_base, FieldId::guest_ss_base,
                                 FieldId::guest_ds_base, FieldId::guest_fs_base, FieldId::guest_gs_base})
            vmcs_.poke(id, edge(input));
        for (u64& gpr : gprs_) gpr = edge(input);
        offered_.physical_address_width = width;
        nested_.in_vmx_operation = true;
        nested_.long_mode = wide;
    }

    /// A number near a power of two, or any.
    static u64 edge(Input& input) {
        const u8 choice = input.byte();
        if (choice >= 0xf8) return input.number();
        const u64 power = u64{1} << choice % 64;
        const u64 distance = input.byte();
        return choice >= 0x80 ? 0 - power + distance : choice >= 0x40 ? power - distance : power + distance;
    }

    FakeVmcs& vmcs01() { return vmcs_; }
    u64 gpr(unsigned number) const { return gprs_.at(number); }
    const Capabilities& offered() const { return offered_; }
    const NestedState& nested() const { return nested_; }
    x86::Translation translate_linear(const x86::PagingRegisters& regs, u64 linear, DataAccess access) {
        return x86::translate_linear(*this, regs, linear, access);
    }
    std::optional<u64> read_u64(ept::L1Gpa at) { return pages.read(at.value()); }
    std::optional<u32> read_u32(ept::L1Gpa) {
        law(false, "no entry of four-level paging has four bytes");
        return std::nullopt;
    }
    u64 pdpte(unsigned) {
        law(false, "four-level paging has no PDPTEs in the processor");
        return 0;
    }
    void or_u8(ept::L1Gpa at, u8 bits) {
        constexpr u8 accessed_and_dirty = 0x60;
        law((bits & ~accessed_and_dirty) == 0, "only flags are set in an entry");
        (void)pages.read(at.value());
    }
    u64 read_bytes(ept::L1Gpa at, unsigned count) {
        u64 value = 0;
        for (unsigned i = 0; i < count; ++i) {
            ++touched[at.value() + i];
            value |= u64{content(at.value() + i)} << (8 * i);
        }
        return value;
    }
    void write_bytes(ept::L1Gpa at, u64 value, unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            ++touched[at.value() + i];
            written[at.value() + i] = static_cast<u8>(value >> (8 * i));
        }
    }
    [[nodiscard]] u8 content(u64 at) const { return static_cast<u8>(hash(at ^ ~pages.seed)); }

    Pages pages;
    std::map<u64, unsigned> touched;
    std::map<u64, u8> written;

  private:
    FakeVmcs vmcs_;
    std::array<u64, 16> gprs_{};
    Capabilities offered_{};
    NestedState nested_{};
};

struct Expected {
    bool ok = false;
    unsigned vector = 0;
    u64 address = 0;  // linear; or of the page fault
    u32 error_code = 0;
};

constexpr unsigned ss_fault = 12, gp_fault = 13, page_fault = 14;

u64 field_of(const FakeVmcs& vmcs, std::array<FieldId, 6> ids, unsigned segment) {
    return vmcs.peek(ids[segment]);
}

/// SDM 3A 5.3, 5.5: whether a byte may be accessed through a segment outside of 64-bit mode.
bool byte_allowed(u64 rights, u64 limit, u64 offset, bool writes) {
    const bool unusable = rights >> 16 & 1, code = rights >> 3 & 1, bit1 = rights >> 1 & 1,
               bit2 = rights >> 2 & 1;
    if (unusable) return false;
    if (code && (writes || !bit1)) return false;  // bit 1: readable
    if (!code && writes && !bit1) return false;   // bit 1: writable
    if (code || !bit2) return offset <= limit;    // bit 2: expands down
    const bool big = rights >> 14 & 1;
    return offset > limit && offset <= (big ? 0xffff'ffff : 0xffff);
}

/// SDM 3C 28.2.1 and 28.2.5 (table 28-13): where the operand lies.
Expected reference_linear(Space& space, u32 info, u64 displacement, unsigned bytes, bool writes) {
    const FakeVmcs& vmcs = space.vmcs01();
    const unsigned address_size = info >> 7 & 7, segment = info >> 15 & 7;
    unsigned __int128 sum = displacement;
    if ((info >> 27 & 1) == 0) sum += space.gpr(info >> 23 & 15);
    if ((info >> 22 & 1) == 0)
        sum += static_cast<unsigned __int128>(space.gpr(info >> 18 & 15)) << (info & 3);
    const u64 offset = static_cast<u64>(sum % (static_cast<unsigned __int128>(1) << (16u << address_size)));
    using enum FieldId;
    const u64 base = field_of(
        vmcs, {guest_es_base, guest_cs_base, guest_ss_base, guest_ds_base, guest_fs_base, guest_gs_base},
        segment);
    const u64 limit = field_of(
        vmcs,
        {guest_es_limit, guest_cs_limit, guest_ss_limit, guest_ds_limit, guest_fs_limit, guest_gs_limit},
        segment);
    const u64 rights = field_of(vmcs,
                                {guest_es_access_rights, guest_cs_access_rights, guest_ss_access_rights,
                                 guest_ds_access_rights, guest_fs_access_rights, guest_gs_access_rights},
                                segment);
    const bool wide = vmcs.peek(guest_efer) != 0;
    const u64 linear = wide ? offset + (segment >= 4 ? base : 0) : (offset + base) % (u64{1} << 32);
    for (unsigned i = 0; i < bytes; ++i) {
        const u64 top = (linear + i) >> 47;
        const bool allowed =
            wide ? top == 0 || top == 0x1'ffff : byte_allowed(rights, limit, offset + i, writes);
        if (!allowed) return {.vector = segment == 2 ? ss_fault : gp_fault};
    }
    return {.ok = true, .address = linear};
}

/// Where a byte lies in L1's memory, or the fault on its page.
Expected reference_physical(Space& space, u64 linear, bool writes) {
    if ((space.vmcs01().peek(FieldId::guest_cr0) >> 31) == 0)
        return {.ok = true, .address = linear & 0xffff'ffff};
    constexpr u64 translated = 0xffff'ffff'ffff;
    bool may_write = true;
    for (unsigned level = 4;; --level) {
        const unsigned shift = 12 + 9 * (level - 1);
        const u64 entry = space.pages.entry(level, (linear & translated) >> shift);
        const u32 error = writes ? 2 : 0;
        if ((entry & Pages::present) == 0)
            return {.vector = page_fault, .address = linear, .error_code = error};
        may_write = may_write && (entry & Pages::write) != 0;
        if (level > 1 && (entry & Pages::large) == 0) continue;
        if (writes && !may_write) return {.vector = page_fault, .address = linear, .error_code = error | 1};
        const u64 in_page = (u64{1} << shift) - 1;
        return {.ok = true, .address = (entry & Pages::frame_mask & ~in_page) | (linear & in_page)};
    }
}

void expect_fault(const x86::Fault& fault, const Expected& expected) {
    law_equal(static_cast<u64>(fault.vector), expected.vector, "vector");
    law_equal(fault.error_code, expected.error_code, "error code");
    law_equal(fault.linear_address, expected.address, "address of the page fault");
}

/// The first fault of the operand's pages, if there is one: first its first page's, then its second's.
Expected reference_pages(Space& space, u64 linear, unsigned bytes, bool writes) {
    const Expected first = reference_physical(space, linear, writes);
    const u64 last = linear + bytes - 1;
    if (!first.ok || linear >> 12 == last >> 12) return first;
    const Expected second = reference_physical(space, last & ~u64{0xfff}, writes);
    return second.ok ? first : second;
}

void check_access(Space& space, u64 linear, unsigned bytes, bool writes, u64 value) {
    const Expected expected = reference_pages(space, linear, bytes, writes);
    const instr::Operand done =
        writes ? instr::store(space, linear, value, bytes) : instr::load(space, linear, bytes);
    law_equal(done.ok, expected.ok, "whether the pages let the access through");
    if (!done.ok) {
        expect_fault(done.fault, expected);
        law(space.touched.empty(), "an access that faults touches nothing");
        return;
    }
    law_equal(space.touched.size(), bytes, "bytes touched");
    for (unsigned i = 0; i < bytes; ++i) {
        const u64 at = reference_physical(space, linear + i, writes).address;
        law(space.touched.contains(at) && space.touched[at] == 1, "each byte of the operand once");
        const u64 word = i < 8 ? done.value : done.high;
        if (writes) {
            law_equal(space.written[at], value >> (8 * i) & 0xff, "byte written");
        } else {
            law_equal(word >> (8 * (i % 8)) & 0xff, space.content(at), "byte read");
        }
    }
}

void run(Input& input) {
    Space space{input};
    const u8 choice = input.byte();
    constexpr unsigned sizes[]{4, 8, 16, 8};
    const bool writes = (choice & 4) != 0;
    const unsigned bytes = writes && (choice & 3) == 2 ? 4 : sizes[choice & 3];
    const u32 info = input.number32();
    const u64 displacement = Space::edge(input);
    tell("%u bytes, %s, information %#x, displacement %#lx", bytes, writes ? "write" : "read", info,
         displacement);
    space.vmcs01().set(field::exit_instruction_info, info);
    space.vmcs01().set(field::exit_qualification, displacement);
    const auto operand = instr::linear_operand(space, InstructionInfo{info}, bytes,
                                               writes ? DataAccess::write : DataAccess::read);
    // What no processor says needs no right answer, only one: a seventh segment, 64-bit addresses of 32-bit
    // code.
    const bool wide = space.vmcs01().peek(FieldId::guest_efer) != 0;
    const unsigned address_size = info >> 7 & 7, segment = info >> 15 & 7;
    if (segment > 5 || address_size > (wide ? 2 : 1)) return;
    const Expected expected = reference_linear(space, info, displacement, bytes, writes);
    law_equal(operand.ok, expected.ok, "whether the segment lets the access through");
    if (!operand.ok) return expect_fault(operand.fault, expected);
    law_equal(operand.address, expected.address, "linear address");
    check_access(space, operand.address, bytes, writes, input.number());
}

}  // namespace
}  // namespace kurma::vmx::fuzz

extern "C" int LLVMFuzzerTestOneInput(const kurma::u8* bytes, kurma::usize size) {
    kurma::fuzz::Input input{bytes, size};
    kurma::vmx::fuzz::run(input);
    return 0;
}
