// A small world by choices of a fuzzer's: a graph of L1's tables in which anything may point to anything,
// over an ept01 of all page sizes, with few enough addresses that an operation meets what an earlier one has
// left.
#pragma once

#include <fuzz/input.hpp>
#include <fuzz/law.hpp>
#include <testing/reference.hpp>

namespace kurma::ept::fuzz {

using kurma::fuzz::Input;
using kurma::fuzz::tell;

inline const char* name_of(Resolution::Kind kind) {
    using enum Resolution::Kind;
    switch (kind) {
        case filled: return "filled";
        case again: return "again";
        case l1_violation: return "violation of L1's";
        case l1_misconfiguration: return "misconfiguration of L1's";
        case flag_needed: return "flag needed";
        case l0_fault: return "fault of L0's";
        case out_of_tables: return "out of tables";
    }
    return "?";
}

class FuzzWorld {
  public:
    explicit FuzzWorld(Input& input) : input_(input) {
        lay_first_tables();
        capabilities = {.execute_only = input_.flag(),
                        .page_1g = input_.flag(),
                        .page_2m = input_.flag(),
                        .accessed_dirty = input_.flag(),
                        .physical_address_width = static_cast<u8>(32 + input_.below(21))};
        tell("processor: execute-only %d, 1G %d, 2M %d, flags %d, width %u", capabilities.execute_only,
             capabilities.page_1g, capabilities.page_2m, capabilities.accessed_dirty,
             capabilities.physical_address_width);
        change_eptp();
    }

    L2Gpa address() {
        const u8 choice = input_.byte();
        u64 address = 0;
        for (unsigned level = last_level; level < root_level; ++level)
            address |= index(choice >> 2 * (level - last_level)) << shift_at(level);
        // Mostly below the one entry of the root table that the first tables have.
        if (choice >= 0xC0) address |= (entries_per_table - 1) << shift_at(root_level);
        address |= input_.below(4096);
        // Seldom one that four levels cannot translate.
        if ((address & 0xFFF) == 0xFFF) address |= u64{1} << translated_bits;
        return L2Gpa{address};
    }
    // Not empty: an access reads, writes or fetches, or is a page walk's that does more than one of them.
    Access wanted() { return Access::from_bits(1 + input_.below(7)); }
    PageSize size() { return static_cast<PageSize>(input_.below(3)); }

    void change_eptp() {
        const u8 choice = input_.byte();
        constexpr u64 four_levels_write_back = 0x1E, flags = 0x40;
        eptp12 = table_address(choice < 0x80 ? 0 : choice % table_count) | four_levels_write_back |
                 ((choice & 0x40) != 0 && capabilities.accessed_dirty ? flags : 0);
        if (choice >= 0xF0)
            eptp12 = input_.number();
        else if (choice >= 0xE0)
            eptp12 ^= u64{1} << input_.below(64);
        tell("eptp12 = %#lx", eptp12);
    }

    // L1 writes an entry of its tables, if they lie in its memory.
    void change12() {
        const u8 choice = input_.byte();
        const u64 table = choice % table_count;
        const L1Gpa at{table_address(table) + index(choice >> 3) * sizeof(u64)};
        const u64 bits = entry12(table, world.peek_l1(at).value_or(0));
        tell("L1 writes [%#lx] = %#lx%s", at.value(), bits,
             world.peek_l1(at) ? "" : ", but nothing is there");
        if (world.peek_l1(at)) world.write_l1(at, bits);
    }

    // L0 maps or unmaps some page of L1's.
    void change01() {
        const u8 choice = input_.byte();
        if (choice >= 0xE0) {
            const u64 table = choice % table_count;
            map_table(table, input_.below(table_count));
            return;
        }
        const PageSize page = size();
        const L1Gpa at = L1Gpa{target(input_.byte())}.aligned(page);
        if (choice >= 0xA0) {
            tell("L0 unmaps %#lx of %#lx bytes", at.value(), bytes(page));
            world.unmap01(at, page);
            return;
        }
        constexpr u64 rights[] = {7, 7, 7, 1, 3, 5, 4};
        constexpr MemoryType types[] = {MemoryType::wb, MemoryType::wb, MemoryType::uc,
                                        MemoryType::wc, MemoryType::wt, MemoryType::wp};
        const Hpa host = Hpa{l1_memory_at + (target(input_.byte()) << 2)}.aligned(page);
        const Leaf<Space::host> leaf{.page = host,
                                     .size = page,
                                     .access = Access::from_bits(rights[choice % 7]),
                                     .memory_type = types[input_.below(6)],
                                     .ignore_pat = (choice & 0x40) != 0};
        tell("L0 maps %#lx to %#lx of %#lx bytes, rights %lu, type %u, ignore PAT %d", at.value(),
             host.value(), bytes(page), leaf.access.bits(), static_cast<unsigned>(leaf.memory_type),
             leaf.ignore_pat);
        world.map01(at, leaf);
    }

    [[nodiscard]] testing::Expected expected(L2Gpa address, Access wanted) {
        return testing::reference(world, eptp12, address.value(), wanted.bits(), capabilities);
    }

    testing::World world;
    Capabilities capabilities;
    u64 eptp12 = 0;

  private:
    static constexpr u64 table_count = 8;
    static constexpr unsigned level_of_table[table_count] = {4, 3, 3, 2, 2, 1, 1, 1};
    static constexpr u64 tables_start = 0x10'0000;
    static constexpr u64 tables_at = 0x1'0000'0000, l1_memory_at = 0x20'0000'0000;

    static u64 table_address(u64 table) { return tables_start + (table << page_shift); }
    static u64 index(unsigned choice) {
        constexpr u64 indices[] = {0, 1, 2, entries_per_table - 1};
        return indices[choice & 3];
    }
    // An address that a leaf of ept12 leads to: in the first gigabytes, where a page of each size begins or
    // not.
    static u64 target(u8 choice) {
        return u64{choice & 3U} << 30 | index(choice >> 2) << 21 | index(choice >> 4) << 12;
    }

    // One table of each level, with pages of each size below, so that a first touch may find one.
    void lay_first_tables() {
        using testing::all_rights, testing::type_wb;
        for (u64 table = 0; table < table_count; ++table) map_table(table, table);
        for (const auto& [from, to] : {std::pair<u64, u64>{0, 1}, {1, 3}, {3, 5}})
            world.write_l1(L1Gpa{table_address(from)}, table_address(to) | all_rights);
        for (u8 page = 0; page < 4; ++page) {
            const u64 leaf = target(static_cast<u8>(1 | page << 4)) | type_wb | all_rights;
            world.write_l1(L1Gpa{table_address(5) + index(page) * sizeof(u64)}, leaf);
        }
        const u64 large = target(1) | testing::bit_large | type_wb | all_rights;
        world.write_l1(L1Gpa{table_address(1) + sizeof(u64)}, large);
        world.write_l1(L1Gpa{table_address(3) + sizeof(u64)}, large);
        const L1Gpa first{target(1)};
        world.map01(first, {.page = Hpa{l1_memory_at}, .size = PageSize::g1, .access = Access::all});
    }

    void map_table(u64 table, u64 onto) {
        const Hpa host{tables_at + (onto << page_shift)};
        world.map01(L1Gpa{table_address(table)}, {.page = host, .size = PageSize::k4, .access = Access::all});
    }

    u64 entry12(u64 table, u64 before) {
        using namespace testing;
        constexpr u64 low_bits = 0xFFF;
        const unsigned level = level_of_table[table];
        switch (input_.below(8)) {
            case 0: return 0;
            case 1: return input_.number();
            case 2: return before ^ u64 { 1 } << input_.below(64);
            case 3: return table_address(input_.below(table_count)) | input_.number(2);
            case 4: return target(input_.byte()) | (input_.number(2) & low_bits);
            case 5: {
                const u64 page = target(input_.byte()) & ~(bytes(size_at(level == 4 ? 3 : level)) - 1);
                return page | type_wb | (level == 1 ? 0 : bit_large) | (input_.byte() & 7);
            }
            case 6: {
                const u8 choice = input_.byte();
                return target(choice) | type_wb | all_rights | (choice & 0x40 ? bit_dirty : 0);
            }
            default: {
                const u8 choice = input_.byte();
                u64 next = choice % table_count;
                while (level != 1 && level_of_table[next] != level - 1) next = (next + 1) % table_count;
                return table_address(next) | (choice >= 0x80 ? choice >> 3 & 7 : all_rights);
            }
        }
    }

    Input& input_;
};

}  // namespace kurma::ept::fuzz
