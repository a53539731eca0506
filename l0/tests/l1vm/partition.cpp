#include "l1vm/partition.hpp"

#include <ept/walk.hpp>

#include "../testing/fake_machine.hpp"

namespace kurma::l0::l1vm {
namespace {

using ept::Hpa;
using ept::L1Gpa;

constexpr u64 mib = FakeMachine::mib, gib = u64{1} << 30;

/// A machine with 2 GiB by its map, of which only L0's 4 MiB exist here: L1's memory itself is never touched.
struct PartitionTest : testing::Test {
    PartitionTest() {
        map.add({0, FakeMachine::low_end, mm::RangeType::available});
        map.add({FakeMachine::low_end, mib - FakeMachine::low_end, mm::RangeType::reserved});
        map.add({mib, 2 * gib - mib, mm::RangeType::available});
        map.add({2 * gib, mib, mm::RangeType::acpi_reclaimable});
        map.reserve(kept.base.value(), kept.size);
        pages.init(Hpa{mib}, Hpa{4 * mib});
        host.page_2m = host.page_1g = true;
        host.physical_address_width = 39;
        partition.init(pages, map, kept, host);
    }
    std::optional<ept::Leaf<ept::Space::host>> leaf(u64 at) { return world.walk01(L1Gpa{at}); }

    FakeMachine machine{4 * mib};
    mm::MemoryMap map;
    mm::Pages pages;
    mm::Reserved kept{Hpa{960 * mib}, 32 * mib};
    ept::Capabilities host{};
    Partition partition;
    EptWorld world{pages, partition};
};

TEST_F(PartitionTest, translates_l1s_memory_to_its_last_byte_and_nothing_else) {
    for (const u64 mine :
         {u64{0}, FakeMachine::low_end - 1, mib, 960 * mib - 1, 992 * mib, 2 * gib - 1, 2 * gib})
        EXPECT_EQ(partition.translate(L1Gpa{mine}), Hpa{mine}) << std::hex << mine;
    for (const u64 other :
         {FakeMachine::low_end, mib - 1, 960 * mib, 992 * mib - 1, 2 * gib + mib, 3 * gib, ~u64{0}})
        EXPECT_FALSE(partition.translate(L1Gpa{other})) << std::hex << other;
}

// Every page of the machine: ept01 leads to it exactly where translate() does, and never to L0's memory.
TEST_F(PartitionTest, law_ept01_and_translate_agree) {
    for (u64 at = 0; at < 2 * gib + 2 * mib; at += at < mib || at / mib == 960 ? 4096 : mib) {
        const auto found = leaf(at);
        const auto expected = partition.translate(L1Gpa{at});
        ASSERT_EQ(found.has_value(), expected.has_value()) << std::hex << at;
        if (!found) continue;
        const u64 host_page = found->page.value() + (at & (ept::bytes(found->size) - 1));
        ASSERT_EQ(host_page, expected->value());
        ASSERT_FALSE(found->page.value() < 992 * mib &&
                     found->page.value() + ept::bytes(found->size) > 960 * mib)
            << std::hex << at << ": a leaf reaches into L0's memory";
    }
}

TEST_F(PartitionTest, maps_memory_by_the_largest_pages_that_fit) {
    EXPECT_EQ(leaf(gib + 5)->size, ept::PageSize::g1);
    EXPECT_EQ(leaf(4 * mib)->size, ept::PageSize::m2);
    EXPECT_EQ(leaf(mib)->size, ept::PageSize::k4);
    EXPECT_EQ(leaf(gib)->memory_type, ept::MemoryType::wb);
}

TEST_F(PartitionTest, maps_devices_when_they_are_touched) {
    constexpr u64 local_apic = 0xfee00000;
    EXPECT_FALSE(leaf(local_apic));
    EXPECT_EQ(partition.map_on_demand(world, L1Gpa{local_apic + 0x20}), DemandMap::mapped);
    EXPECT_EQ(leaf(local_apic)->page, Hpa{local_apic});
    EXPECT_EQ(leaf(local_apic)->size, ept::PageSize::m2);
    EXPECT_EQ(leaf(local_apic)->memory_type, ept::MemoryType::uc);
    EXPECT_FALSE(partition.translate(L1Gpa{local_apic})) << "a device is no memory";
}

TEST_F(PartitionTest, maps_devices_beside_memory_by_4_kib) {
    EXPECT_EQ(partition.map_on_demand(world, L1Gpa{0xb8000}), DemandMap::mapped);
    EXPECT_EQ(leaf(0xb8000)->size, ept::PageSize::k4);
    EXPECT_FALSE(leaf(0xb9000));
}

TEST_F(PartitionTest, never_maps_l0s_memory_or_what_no_processor_reaches) {
    for (const u64 inside : {960 * mib, 970 * mib + 5, 992 * mib - 1})
        EXPECT_EQ(partition.map_on_demand(world, L1Gpa{inside}), DemandMap::l0_memory);
    EXPECT_EQ(partition.map_on_demand(world, L1Gpa{u64{1} << 39}), DemandMap::no_such_address);
    EXPECT_EQ(partition.map_on_demand(world, L1Gpa{(u64{1} << 39) - 1}), DemandMap::mapped);
    for (u64 at = 960 * mib; at < 992 * mib; at += 4096) ASSERT_FALSE(leaf(at));
}

TEST_F(PartitionTest, says_when_no_tables_are_left) {
    while (pages.free_pages() > 0) static_cast<void>(pages.allocate());
    EXPECT_EQ(partition.map_on_demand(world, L1Gpa{100 * gib}), DemandMap::out_of_tables);
    EXPECT_FALSE(leaf(100 * gib));
}

}  // namespace
}  // namespace kurma::l0::l1vm
