#include "boot/multiboot.hpp"

#include "../testing/images.hpp"

namespace kurma::l0::boot {
namespace {

constexpr u32 info_at = 0x8000, map_at = 0x8100, modules_at = 0x9000, text_at = 0xa000,
              module_text_at = 0xb000;
constexpr u32 flag_command_line = 1u << 2, flag_modules = 1u << 3, flag_map = 1u << 6;
constexpr u64 mib = FakeMachine::mib;

/// What GRUB leaves in memory (Multiboot 0.6.96, section 3.3), by offsets.
struct Loader {
    FakeMachine machine{4 * mib};
    Bytes info = Bytes(88, u8{0});
    BootInfo out{};

    void command_line(const std::string& text) {
        flags |= flag_command_line;
        put_text(text_at, text);
        store<u32>(info, 16, text_at);
    }
    void map(u32 count, u32 extra = 0) {
        flags |= flag_map;
        Bytes ranges(count * (24 + extra), u8{0});
        for (u32 i = 0; i < count; ++i) {
            const u64 at = i * (24 + extra);
            store<u32>(ranges, at, 20 + extra);
            store<u64>(ranges, at + 4, i * mib);
            store<u64>(ranges, at + 12, mib);
            store<u32>(ranges, at + 20, i % 2 + 1);
        }
        machine.put(map_at, ranges);
        store<u32>(info, 44, count * (24 + extra));
        store<u32>(info, 48, map_at);
    }
    void modules(u32 count) {
        flags |= flag_modules;
        put_text(module_text_at, "words of a module");
        Bytes list(count * 16, u8{0});
        for (u32 i = 0; i < count; ++i) {
            store<u32>(list, i * 16, 2 * mib + i * 0x1000);
            store<u32>(list, i * 16 + 4, 2 * mib + i * 0x1000 + 0x123);
            store<u32>(list, i * 16 + 8, i % 2 == 0 ? module_text_at : 0);
        }
        machine.put(modules_at, list);
        store<u32>(info, 20, count);
        store<u32>(info, 24, modules_at);
    }
    void put_text(u64 at, const std::string& text) {
        machine.put(at, Bytes(text.begin(), text.end()));
        machine.put(at + text.size(), {0});
    }
    void read(u32 magic = 0x2badb002) {
        store<u32>(info, 0, flags);
        machine.put(info_at, info);
        read_multiboot(magic, info_at, out);
    }
    std::string refusal(u32 magic = 0x2badb002) {
        return refusal_of([&] { read(magic); });
    }
    u32 flags = 0;
};

TEST(ReadMultiboot, copies_command_line_map_and_modules) {
    Loader loader;
    loader.command_line("trace=turns offer.ept=off");
    loader.map(3);
    loader.modules(2);
    loader.read();
    EXPECT_EQ(loader.out.command_line.view(), "trace=turns offer.ept=off");
    ASSERT_EQ(loader.out.map.count(), 3u);
    EXPECT_EQ(loader.out.map.begin()[2].base, 2 * mib);
    EXPECT_EQ(loader.out.map.begin()[1].type, mm::RangeType::reserved);
    ASSERT_EQ(loader.out.module_count, 2u);
    EXPECT_EQ(loader.out.modules[1].start, ept::Hpa{2 * mib + 0x1000});
    EXPECT_EQ(loader.out.modules[1].size, 0x123u);
    EXPECT_EQ(loader.out.modules[0].command_line.view(), "words of a module");
    EXPECT_EQ(loader.out.modules[1].command_line.view(), "");
}

TEST(ReadMultiboot, goes_by_each_ranges_own_size) {
    Loader loader;
    loader.map(3, 4);
    loader.read();
    ASSERT_EQ(loader.out.map.count(), 3u);
    EXPECT_EQ(loader.out.map.begin()[2].base, 2 * mib);
}

TEST(ReadMultiboot, does_without_modules_and_command_line) {
    Loader loader;
    loader.map(1);
    loader.read();
    EXPECT_EQ(loader.out.module_count, 0u);
    EXPECT_EQ(loader.out.command_line.view(), "");
}

TEST(ReadMultiboot, refuses_another_loader) {
    Loader loader;
    loader.map(1);
    expect_starts_with(loader.refusal(0x36d76289), "not started by a Multiboot 1 loader (magic 0x36d76289)");
}

TEST(ReadMultiboot, refuses_to_guess_a_memory_map) {
    Loader loader;
    expect_starts_with(loader.refusal(), "the boot loader gave no memory map");
}

TEST(ReadMultiboot, refuses_more_ranges_than_it_holds) {
    Loader loader;
    loader.map(mm::MemoryMap::capacity + 1);
    EXPECT_EQ(loader.refusal(), "the memory map has more than 64 ranges");
}

TEST(ReadMultiboot, refuses_more_modules_than_it_holds) {
    Loader loader;
    loader.map(1);
    loader.modules(BootInfo::max_modules + 1);
    EXPECT_EQ(loader.refusal(), "more than 16 modules");
}

TEST(ReadMultiboot, refuses_a_longer_command_line_than_it_holds) {
    Loader loader;
    loader.map(1);
    loader.command_line(std::string(Text::capacity, 'x'));
    EXPECT_EQ(loader.refusal(), "the command line of Kurma is longer than 2047 characters");
}

TEST(ReadMultiboot, takes_as_much_as_it_holds) {
    Loader loader;
    loader.map(mm::MemoryMap::capacity);
    loader.modules(BootInfo::max_modules);
    loader.command_line(std::string(Text::capacity - 1, 'x'));
    loader.read();
    EXPECT_EQ(loader.out.map.count(), mm::MemoryMap::capacity);
    EXPECT_EQ(loader.out.module_count, BootInfo::max_modules);
    EXPECT_EQ(loader.out.command_line.view().size(), Text::capacity - 1);
}

}  // namespace
}  // namespace kurma::l0::boot
