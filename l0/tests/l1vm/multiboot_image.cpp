#include "../testing/images.hpp"
#include "l1vm/payload.hpp"

namespace kurma::l0::l1vm {
namespace {

constexpr u64 mib = FakeMachine::mib;

std::string refusal_of_image(const Bytes& image) {
    FakeMachine machine;
    machine.add_module(image);
    return refusal_of([&] { load_payload(machine.info); });
}

class Elfs : public testing::TestWithParam<bool> {
  protected:
    Elfs() { image.is_64_bit = GetParam(); }
    ElfImage image;
};
INSTANTIATE_TEST_SUITE_P(Of, Elfs, testing::Bool(),
                         [](const auto& bits) { return std::string(bits.param ? "64_bits" : "32_bits"); });

TEST_P(Elfs, are_loaded_at_their_address_and_zeroed_behind) {
    FakeMachine machine;
    machine.add_module(image.bytes());
    const StartState start = load_payload(machine.info);
    EXPECT_EQ(machine.get(0x200000, image.code.size()), image.code);
    EXPECT_EQ(machine.get(0x201000, 0x2000), Bytes(0x2000, u8{0}));
    EXPECT_EQ(machine.get(0x203000, 1), Bytes{0x5a}) << "one byte too many was zeroed";
    EXPECT_EQ(start.rip, 0x200000u);
    EXPECT_EQ(start.rax, 0x2badb002u);
}

TEST_P(Elfs, start_where_their_entry_was_loaded_to) {
    image.virtual_address = 0xc0000000;
    image.entry = 0xc0000123;
    FakeMachine machine;
    machine.add_module(image.bytes());
    EXPECT_EQ(load_payload(machine.info).rip, 0x200123u);
}

TEST_P(Elfs, that_are_cut_short_are_refused) {
    const Bytes whole = image.bytes();
    for (const usize size : {usize{0x120}, usize{0x201}, whole.size() - 1})
        EXPECT_NE(refusal_of_image(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
                  "")
            << size;
    expect_starts_with(refusal_of_image(Bytes(whole.begin(), whole.end() - 1)),
                       "the Multiboot image is cut short: ");
}

TEST_P(Elfs, that_do_not_fit_are_refused) {
    image.memory_size = 64 * mib;
    expect_starts_with(refusal_of_image(image.bytes()),
                       "the Multiboot image does not fit: it wants 0x4000000 bytes at 0x200000");
    image.memory_size = 3 * mib;
    expect_starts_with(refusal_of_image(image.bytes()),
                       "the Multiboot image does not fit beside the modules");
}

TEST_P(Elfs, that_want_informations_place_are_refused) {
    image.physical_address = 0xf000;
    expect_starts_with(refusal_of_image(image.bytes()), "the Multiboot image wants the memory at 0x10000");
}

TEST_P(Elfs, that_require_what_is_not_given_are_refused) {
    image.header_flags = 4;
    expect_starts_with(refusal_of_image(image.bytes()),
                       "the Multiboot image requires what Kurma does not give");
    image.header_flags = 3;
    EXPECT_EQ(refusal_of_image(image.bytes()), "");
}

TEST(MultibootImage, that_wraps_around_the_end_of_addresses_is_refused) {
    ElfImage image;
    image.is_64_bit = true;
    image.memory_size = ~u64{0} - 0x100000;
    expect_starts_with(refusal_of_image(image.bytes()), "the Multiboot image does not fit: it wants ");
}

TEST(MultibootImage, whose_program_headers_lie_around_the_end_of_addresses_is_refused) {
    ElfImage image;
    image.is_64_bit = true;
    Bytes bytes = image.bytes();
    constexpr u64 program_offset_at = 32;
    store<u64>(bytes, program_offset_at, ~u64{0} - 8);
    EXPECT_EQ(refusal_of_image(bytes), "the Multiboot image's program headers are cut short");
}

TEST(MultibootImage, that_is_shorter_than_an_elf_header_is_refused) {
    Bytes image = {0x7f, 'E', 'L', 'F', 1, 1, 1, 0};
    image.resize(44, u8{0});
    store<u32>(image, 8, 0x1badb002);
    store<u32>(image, 16, 0u - 0x1badb002);
    EXPECT_EQ(refusal_of_image(image), "the Multiboot image is cut short: 44 bytes hold no ELF header");
}

TEST(MultibootImage, that_starts_above_4_gib_is_refused) {
    ElfImage image;
    image.is_64_bit = true;
    image.entry = u64{1} << 32;
    EXPECT_EQ(refusal_of_image(image.bytes()), "the Multiboot image starts above 4 GiB (0x100000000)");
}

TEST(MultibootImage, needs_a_header_in_its_first_8192_bytes_with_the_right_sum) {
    const Bytes elf = ElfImage{}.bytes();
    Bytes wrong_sum = elf;
    ++wrong_sum[0x108];
    expect_starts_with(refusal_of_image(wrong_sum), "the payload is neither ");
    Bytes late(8192, u8{0});
    late.insert(late.end(), elf.begin(), elf.end());
    expect_starts_with(refusal_of_image(late), "the payload is neither ");
}

/// An image without ELF: header at 10h, loaded at 300000h, zeroed to 302000h.
Bytes flat() {
    Bytes image(0x800, u8{0x90});
    const u32 words[] = {0x1badb002, 0x10000, 0u - 0x1badb002 - 0x10000, 0x300010, 0x300000, 0x300800,
                         0x302000,   0x300040};
    for (usize i = 0; i < std::size(words); ++i) store<u32>(image, 0x10 + 4 * i, words[i]);
    return image;
}

TEST(FlatImage, is_loaded_by_the_addresses_in_its_header) {
    FakeMachine machine;
    machine.add_module(flat());
    EXPECT_EQ(load_payload(machine.info).rip, 0x300040u);
    EXPECT_EQ(machine.get(0x300000, 0x800), flat());
    EXPECT_EQ(machine.get(0x300800, 0x1800), Bytes(0x1800, u8{0}));
    EXPECT_EQ(machine.get(0x302000, 1), Bytes{0x5a});
}

TEST(FlatImage, whose_addresses_contradict_each_other_is_refused) {
    for (const u64 at : {0x1cu, 0x20u, 0x24u, 0x28u}) {
        for (const u32 value : {u32{1}, u32{0x2fffff}, ~u32{0}}) {
            Bytes image = flat();
            store<u32>(image, at, value);
            EXPECT_NE(refusal_of_image(image), "") << std::hex << at << ' ' << value;
        }
    }
}

TEST(MultibootInformation, tells_command_line_modules_and_map) {
    FakeMachine machine;
    machine.keep_for_l0(32 * mib);
    machine.add_module(ElfImage{}.bytes(), "mode=info of the image");
    machine.add_module(Bytes(0x1234, u8{1}), "first");
    machine.add_module(Bytes(1, u8{2}));
    const u32 info = load_payload(machine.info).rbx;
    const auto word = [&](u64 at) { return machine.word(info + at); };
    EXPECT_EQ(word(0), 1u | 1u << 2 | 1u << 3 | 1u << 6 | 1u << 9);
    EXPECT_EQ(word(4), 0x9f000u >> 10) << "KiB below 1 MiB";
    EXPECT_EQ(word(8), 31u << 10) << "KiB from 1 MiB to L0's memory";
    EXPECT_EQ(machine.text(word(16)), "mode=info of the image");
    EXPECT_EQ(machine.text(word(64)), "Kurma");
    ASSERT_EQ(word(20), 2u);
    const u64 modules = word(24);
    EXPECT_EQ(machine.word(modules), machine.info.modules[1].start.value());
    EXPECT_EQ(machine.word(modules + 4) - machine.word(modules), 0x1234u);
    EXPECT_EQ(machine.text(machine.word(modules + 8)), "first");
    EXPECT_EQ(machine.word(modules + 20) - machine.word(modules + 16), 1u);
    ASSERT_EQ(word(44), machine.info.map.count() * 24);
    for (usize i = 0; i < machine.info.map.count(); ++i) {
        const u64 at = word(48) + i * 24;
        const mm::Range& range = machine.info.map.begin()[i];
        EXPECT_EQ(machine.word(at), 20u);
        EXPECT_EQ(machine.word(at + 4) | u64{machine.word(at + 8)} << 32, range.base);
        EXPECT_EQ(machine.word(at + 12) | u64{machine.word(at + 16)} << 32, range.size);
        EXPECT_EQ(machine.word(at + 20), static_cast<u32>(range.type));
    }
}

TEST(MultibootInformation, holds_the_most_that_l0_takes_from_a_boot_loader) {
    FakeMachine machine{32 * mib};
    const std::string words(boot::Text::capacity - 1, 'x');
    for (usize i = 0; i < boot::BootInfo::max_modules; ++i)
        machine.add_module(i == 0 ? ElfImage{}.bytes() : Bytes(16, u8{0}), words);
    EXPECT_EQ(refusal_of([&] { load_payload(machine.info); }), "");
}

// Whatever stands in an image's headers: it is loaded into L1's memory or refused; no module changes, and
// AddressSanitizer sees no access to L0's memory, to the BIOS or behind a module.
TEST_P(Elfs, law_of_damaged_headers) {
    std::mt19937_64 random{1};
    const Bytes whole = image.bytes(), second = Bytes(0x111, u8{0x77});
    usize loaded = 0, refused = 0;
    for (int round = 0; round < 1500; ++round) {
        Bytes damaged = whole;
        damage(damaged, 0, 0x110, random);
        FakeMachine machine{8 * mib};
        machine.keep_for_l0(2 * mib);
        machine.add_module(damaged);
        machine.add_module(second);
        if (refusal_of([&] { load_payload(machine.info); }).empty())
            ++loaded;
        else
            ++refused;
        ASSERT_EQ(machine.get(machine.info.modules[0].start.value(), damaged.size()), damaged) << round;
        ASSERT_EQ(machine.get(machine.info.modules[1].start.value(), second.size()), second) << round;
    }
    EXPECT_GT(loaded, 100u);
    EXPECT_GT(refused, 100u);
}

}  // namespace
}  // namespace kurma::l0::l1vm
