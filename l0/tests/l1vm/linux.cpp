#include "../testing/images.hpp"
#include "l1vm/payload.hpp"

namespace kurma::l0::l1vm {
namespace {

constexpr u64 mib = FakeMachine::mib;
// Where Linux's documentation puts things in the boot parameters.
constexpr u64 e820_count_at = 0x1e8, loader_type_at = 0x210, ramdisk_at = 0x218, ramdisk_size_at = 0x21c,
              words_at = 0x228, e820_at = 0x2d0;

struct Kernel : LinuxImage {
    Kernel() { preferred_address = 2 * mib; }
};

std::string refusal_of_kernel(const Bytes& image, std::string_view words = "") {
    FakeMachine machine;
    machine.add_module(image, words);
    return refusal_of([&] { load_payload(machine.info); });
}

TEST(Linux, is_loaded_at_its_preferred_address_and_starts_there) {
    FakeMachine machine;
    const Bytes image = Kernel{}.bytes();
    machine.add_module(image);
    const StartState start = load_payload(machine.info);
    EXPECT_EQ(start.rip, 2 * mib);
    EXPECT_EQ(start.code_selector, 0x10);
    EXPECT_EQ(start.data_selector, 0x18);
    const u64 setup = Kernel{}.setup_bytes();
    EXPECT_EQ(machine.get(2 * mib, 0x2000),
              Bytes(image.begin() + static_cast<std::ptrdiff_t>(setup), image.end()));
}

TEST(Linux, finds_its_command_line_map_and_header_in_the_boot_parameters) {
    FakeMachine machine;
    machine.keep_for_l0(32 * mib);
    machine.add_module(Kernel{}.bytes(), "console=ttyS0 quiet");
    const u64 parameters = load_payload(machine.info).rsi;
    EXPECT_EQ(machine.text(machine.word(parameters + words_at)), "console=ttyS0 quiet");
    EXPECT_EQ(machine.word(parameters + 0x202), 0x53726448u);
    EXPECT_EQ(machine.get(parameters + loader_type_at, 1), Bytes{0xff});
    EXPECT_EQ(machine.word(parameters + ramdisk_size_at), 0u);
    ASSERT_EQ(machine.get(parameters + e820_count_at, 1), Bytes{static_cast<u8>(machine.info.map.count())});
    for (usize i = 0; i < machine.info.map.count(); ++i) {
        const u64 at = parameters + e820_at + i * 20;
        const mm::Range& range = machine.info.map.begin()[i];
        EXPECT_EQ(machine.word(at) | u64{machine.word(at + 4)} << 32, range.base);
        EXPECT_EQ(machine.word(at + 8) | u64{machine.word(at + 12)} << 32, range.size);
        EXPECT_EQ(machine.word(at + 16), static_cast<u32>(range.type));
    }
}

TEST(Linux, gets_its_further_modules_as_one_ram_disk) {
    FakeMachine machine;
    const Bytes first(0x1001, u8{1}), second(0x2003, u8{2}), third(5, u8{3});
    machine.add_module(Kernel{}.bytes());
    for (const Bytes& disk : {first, second, third}) machine.add_module(disk);
    machine.allow(FakeMachine::modules_at, 2 * mib);
    const u64 parameters = load_payload(machine.info).rsi;
    Bytes expected = first;
    for (const Bytes& disk : {second, third}) {
        expected.resize((expected.size() + 3) / 4 * 4, u8{0});
        expected.insert(expected.end(), disk.begin(), disk.end());
    }
    ASSERT_EQ(machine.word(parameters + ramdisk_size_at), expected.size());
    EXPECT_EQ(machine.get(machine.word(parameters + ramdisk_at), expected.size()), expected);
}

TEST(Linux, is_loaded_without_the_signature_behind_it) {
    FakeMachine machine;
    Bytes image = Kernel{}.bytes();
    image.insert(image.end(), 0x700, u8{0xee});
    machine.add_module(image);
    load_payload(machine.info);
    EXPECT_EQ(machine.get(2 * mib + 0x2000, 1), Bytes{0x5a});
}

TEST(Linux, that_is_too_old_is_refused) {
    Kernel kernel;
    kernel.protocol = 0x209;
    expect_starts_with(refusal_of_kernel(kernel.bytes()),
                       "this Linux kernel is too old: boot protocol 0x209");
}

TEST(Linux, that_is_cut_short_is_refused) {
    const Bytes whole = Kernel{}.bytes();
    for (const usize size : {whole.size() - 1, Kernel{}.setup_bytes() + 3000})
        expect_starts_with(
            refusal_of_kernel(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
            "the Linux kernel is cut short: ");
}

TEST(Linux, that_does_not_fit_is_refused) {
    Kernel kernel;
    kernel.init_size = 80 * mib;
    expect_starts_with(refusal_of_kernel(kernel.bytes()),
                       "the Linux kernel does not fit: it wants 0x5000000 bytes at 0x200000");
    kernel = {};
    kernel.preferred_address = ~u64{0} - mib;
    expect_starts_with(refusal_of_kernel(kernel.bytes()), "the Linux kernel does not fit: ");
}

TEST(Linux, needs_room_for_its_file_even_if_its_header_says_less) {
    Kernel kernel;
    kernel.init_size = 0x1000;
    kernel.preferred_address = 64 * mib - 0x1000;
    expect_starts_with(refusal_of_kernel(kernel.bytes()),
                       "the Linux kernel does not fit: it wants 0x2000 bytes");
}

TEST(Linux, takes_a_command_line_as_long_as_its_header_says) {
    Kernel kernel;
    kernel.command_line_size = 10;
    EXPECT_EQ(refusal_of_kernel(kernel.bytes(), "ten words."), "");
    expect_starts_with(refusal_of_kernel(kernel.bytes(), "ten words.."),
                       "the command line has 11 characters; this kernel takes 10");
}

TEST(Linux, whose_ram_disk_would_lie_too_high_is_refused) {
    Kernel kernel;
    const u64 disk_at = FakeMachine::modules_at + (kernel.bytes().size() + 4095) / 4096 * 4096;
    constexpr u64 disk_size = 0x1001;
    for (const u64 too_low : {u64{0}, u64{1}}) {
        FakeMachine machine;
        kernel.ramdisk_max = static_cast<u32>(disk_at + disk_size - 1 - too_low);
        machine.add_module(kernel.bytes());
        machine.add_module(Bytes(disk_size, u8{0}));
        expect_starts_with(refusal_of([&] { load_payload(machine.info); }),
                           too_low == 0 ? "" : "the initial RAM disk would end above ");
    }
}

// As for Multiboot images: loaded into L1's memory or refused, and nothing else touched.
TEST(Linux, law_of_damaged_headers) {
    std::mt19937_64 random{3};
    const Bytes whole = Kernel{}.bytes(), disk(0x111, u8{0x77});
    usize loaded = 0, refused = 0;
    for (int round = 0; round < 1500; ++round) {
        Bytes damaged = whole;
        damage(damaged, 0x1f0, 0x270, random);
        FakeMachine machine{8 * mib};
        machine.keep_for_l0(2 * mib);
        machine.add_module(damaged);
        machine.add_module(disk);
        if (refusal_of([&] { load_payload(machine.info); }).empty())
            ++loaded;
        else
            ++refused;
        ASSERT_EQ(machine.get(machine.info.modules[0].start.value(), damaged.size()), damaged) << round;
        ASSERT_EQ(machine.get(machine.info.modules[1].start.value(), disk.size()), disk) << round;
    }
    EXPECT_GT(loaded, 100u);
    EXPECT_GT(refused, 100u);
}

}  // namespace
}  // namespace kurma::l0::l1vm
