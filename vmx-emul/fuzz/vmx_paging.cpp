// L1's own page tables, whatever they say, lead where the manual says; each entry is read once, and of L1's
// memory only accessed and dirty flags change.
//
// An input is the registers that select a paging mode, entries of a few tables that may point to each other,
// and a series of accesses between which L1 changes entries. The reference shares no code with
// x86/linear.hpp.
#include <vector>
#include <x86/linear.hpp>

#include "../testing/page_tables.hpp"
#include "capability_choice.hpp"

namespace kurma::vmx::fuzz {
namespace {

using testing::FakeMemory;
using testing::PagingMode;
namespace pte = testing::pte;

constexpr u64 page = 0x1000;

/// How a paging mode reads an address: for each level, from the root's on, where its index begins and ends.
struct Level {
    unsigned low, bits;
};
struct Format {
    std::vector<Level> levels;
    unsigned entry_bytes;
};
Format format_of(PagingMode mode) {
    switch (mode) {
        case PagingMode::bits32: return {{{22, 10}, {12, 10}}, 4};
        case PagingMode::pae: return {{{30, 2}, {21, 9}, {12, 9}}, 8};
        case PagingMode::four_level: return {{{39, 9}, {30, 9}, {21, 9}, {12, 9}}, 8};
    }
    return {};
}

struct Mode {
    PagingMode paging;
    bool write_protect, page_size_extension, smap, execute_disable, alignment_flag, page_1g;
    unsigned width;
};

constexpr u64 bit(unsigned position) { return u64{1} << position; }
constexpr u64 bits_from(unsigned low, unsigned end) {
    u64 result = 0;
    for (unsigned i = low; i < end; ++i) result |= bit(i);
    return result;
}

/// SDM 3A tables 4-4 to 4-6, 4-9 to 4-11, 4-15 to 4-20: the bits that a present entry must leave 0.
u64 reserved(const Mode& mode, usize level, const Level& index, bool large) {
    if (mode.paging == PagingMode::bits32)
        return large ? bits_from(13 + (mode.width < 40 ? mode.width : 40) - 32, 22) : 0;
    const bool long_mode = mode.paging == PagingMode::four_level;
    u64 result = bits_from(mode.width, long_mode ? 52 : 63);
    if (!mode.execute_disable) result |= bit(63);
    if (large && long_mode && (level == 0 || (level == 1 && !mode.page_1g))) return result | bit(7);
    if (large) result |= bits_from(13, index.low);
    return result;
}

struct Used {
    u64 at;
    u64 flags;
};
struct Expected {
    bool ok = false;
    u64 address = 0;
    u32 error_code = 0;
    std::vector<Used> used{};  // entries read, and the flags that an access that goes through sets in them
};

Expected reference(const FakeMemory& memory, const Mode& mode, u64 cr3, u64 linear, bool writes) {
    const Format format = format_of(mode.paging);
    const bool pae = mode.paging == PagingMode::pae, legacy = mode.paging == PagingMode::bits32;
    const u32 write_bit = writes ? 2 : 0;
    u64 table = cr3 & (pae ? bits_from(5, 32) : bits_from(12, legacy ? 32 : mode.width));
    bool user = true, writable = true;
    Expected result;
    for (usize level = 0;; ++level) {
        const Level& index = format.levels[level];
        const u64 number = linear >> index.low & (bit(index.bits) - 1);
        // The PDPTEs of PAE paging were loaded with CR3 (3A 4.4.1): they have no rights and no flags, and
        // what they must leave 0 was looked at then.
        const bool loaded = pae && level == 0;
        const u64 at = table + number * format.entry_bytes;
        if (!loaded) result.used.push_back({at, 0});
        const bool there = at + format.entry_bytes <= memory.size();
        const u64 entry = loaded  ? memory.pdpte(static_cast<unsigned>(number))
                          : there ? memory.peek(at, format.entry_bytes)
                                  : 0;
        if ((entry & pte::present) == 0) {
            result.error_code = write_bit;
            return result;
        }
        table = entry & bits_from(12, legacy ? 32 : mode.width);
        if (loaded) continue;
        const bool last = level + 1 == format.levels.size();
        const bool large = !last && (entry & pte::large) != 0 && (!legacy || mode.page_size_extension);
        user = user && (entry & pte::user) != 0;
        writable = writable && (entry & pte::writable) != 0;
        if ((entry & reserved(mode, level, index, large)) != 0) {
            result.error_code = write_bit | 1 | 8;
            return result;
        }
        result.used.back().flags = pte::accessed;
        if (!last && !large) continue;
        if ((user && mode.smap && !mode.alignment_flag) || (writes && !writable && mode.write_protect)) {
            result.used.back().flags = 0;
            result.error_code = write_bit | 1;
            return result;
        }
        if (writes) result.used.back().flags |= pte::dirty;
        const u64 in_page = bit(index.low) - 1;
        result.address = (table & ~in_page) | (linear & in_page);
        // PSE-36: bits 39:32 of the frame stand in bits 20:13.
        if (legacy && large) result.address |= (entry >> 13 & 0xff) << 32;
        result.ok = true;
        return result;
    }
}

class Tables {
  public:
    explicit Tables(Input& input) : input_(input), memory_(table_count * page) {
        const u8 choice = input_.byte();
        mode_ = {.paging = static_cast<PagingMode>(choice % 3),
                 .write_protect = (choice & 4) != 0,
                 .page_size_extension = (choice & 8) != 0,
                 .smap = (choice & 16) != 0,
                 .execute_disable = (choice & 32) != 0,
                 .alignment_flag = (choice & 64) != 0,
                 .page_1g = (choice & 128) != 0,
                 .width = static_cast<unsigned>(32 + input_.below(21))};
        cr3_ = (input_.below(table_count) << 12) | (input_.byte() & 0xf8u);
        tell("mode %d, width %u, WP %d, PSE %d, SMAP %d, NXE %d, AC %d, 1G %d, cr3 %#lx",
             static_cast<int>(mode_.paging), mode_.width, mode_.write_protect, mode_.page_size_extension,
             mode_.smap, mode_.execute_disable, mode_.alignment_flag, mode_.page_1g, cr3_);
    }

    void run() {
        for (unsigned step = 0; step < max_steps && !input_.at_end(); ++step) {
            const u8 choice = input_.byte();
            if (choice % 3 != 0) {
                change(choice);
            } else if (choice == 0xff) {
                input_.storm();
            } else if (choice >= 0xe0) {
                memory_.load_pdptes(cr3_);
            } else {
                access();
            }
        }
    }

  private:
    static constexpr u64 table_count = 6;
    static constexpr unsigned max_steps = 300;

    u64 index() {
        const u8 choice = input_.byte();
        const u64 limit = bit(format_of(mode_.paging).levels.back().bits);
        return (choice & 0x80) != 0 ? choice % limit : choice % 2 == 0 ? 0 : limit - 1;
    }

    void change(u8 choice) {
        const unsigned entry_bytes = format_of(mode_.paging).entry_bytes;
        const u64 at = (choice >> 2) % table_count * page + index() * entry_bytes;
        const u64 before = memory_.peek(at, entry_bytes);
        u64 value = 0;
        switch (input_.below(6)) {
            case 0: break;
            case 1: value = input_.number(entry_bytes); break;
            case 2: value = before ^ bit(static_cast<unsigned>(input_.below(8 * entry_bytes))); break;
            case 3: value = input_.below(table_count) << 12 | pte::user_rw; break;
            case 4: value = input_.below(table_count) << 12 | input_.byte() | pte::present; break;
            default: value = (input_.number(4) << 22) | pte::large | input_.byte() | pte::present; break;
        }
        tell("[%#lx] = %#lx", at, value);
        memory_.poke(at, value, entry_bytes);
    }

    u64 linear() {
        u64 address = input_.below(page);
        const auto& levels = format_of(mode_.paging).levels;
        for (const Level& level : levels) {
            const u8 choice = input_.byte();
            const u64 limit = bit(level.bits);
            address |= ((choice & 0x80) != 0 ? choice % limit : choice % 2 == 0 ? 0 : limit - 1) << level.low;
        }
        const bool negative = mode_.paging == PagingMode::four_level && (address & bit(47)) != 0;
        return negative ? address | bits_from(48, 64) : address;
    }

    [[nodiscard]] x86::PagingRegisters registers() const {
        const bool long_mode = mode_.paging == PagingMode::four_level;
        const bool pae = mode_.paging != PagingMode::bits32;
        return {
            .cr0 = bit(31) | bit(0) | (mode_.write_protect ? bit(16) : 0),
            .cr3 = cr3_,
            .cr4 = (pae ? bit(5) : 0) | (mode_.page_size_extension ? bit(4) : 0) | (mode_.smap ? bit(21) : 0),
            .efer = (long_mode ? bit(8) | bit(10) : 0) | (mode_.execute_disable ? bit(11) : 0),
            .rflags_ac = mode_.alignment_flag ? bit(18) : 0,
            .physical_address_width = static_cast<u8>(mode_.width),
            .page_1g = mode_.page_1g};
    }

    void access() {
        const u64 address = linear();
        const bool writes = input_.flag();
        const Expected expected = reference(memory_, mode_, cr3_, address, writes);
        FakeMemory untouched = memory_;
        memory_.forget_reads();
        const auto got = x86::translate_linear(memory_, registers(), address,
                                               writes ? x86::DataAccess::write : x86::DataAccess::read);
        tell("%s %#lx: %s %#lx", writes ? "write" : "read", address, got.ok ? "leads to" : "faults",
             got.ok ? got.address.value() : got.fault.error_code);
        law_equal(got.ok, expected.ok, "whether the access goes through");
        if (got.ok) {
            law_equal(got.address.value(), expected.address, "physical address");
        } else {
            law_equal(static_cast<u64>(got.fault.vector), 14, "vector");
            law_equal(got.fault.error_code, expected.error_code, "error code");
            law_equal(got.fault.linear_address, address, "CR2");
        }
        check_reads(expected);
        check_flags(untouched, expected);
    }

    void check_reads(const Expected& expected) {
        law_equal(memory_.reads().size(), expected.used.size(), "reads, one for each entry on the way");
        for (usize i = 0; i < expected.used.size(); ++i)
            law_equal(memory_.reads()[i].address, expected.used[i].at, "entry read");
    }
    /// Memory is as it was, but for the flags.
    void check_flags(FakeMemory& before, const Expected& expected) {
        for (const Used& used : expected.used)
            if (used.flags != 0) before.poke(used.at, before.peek(used.at, 1) | used.flags, 1);
        law(memory_.contents() == before.contents(), "of L1's memory only accessed and dirty flags change");
    }

    Input& input_;
    FakeMemory memory_;
    Mode mode_{};
    u64 cr3_ = 0;
};

}  // namespace
}  // namespace kurma::vmx::fuzz

extern "C" int LLVMFuzzerTestOneInput(const kurma::u8* bytes, kurma::usize size) {
    kurma::fuzz::Input input{bytes, size};
    kurma::vmx::fuzz::Tables{input}.run();
    return 0;
}
