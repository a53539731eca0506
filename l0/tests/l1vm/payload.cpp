#include "l1vm/payload.hpp"

#include "../testing/images.hpp"

namespace kurma::l0::l1vm {
namespace {

constexpr u64 mib = FakeMachine::mib;

Bytes pattern(usize size, u8 seed) {
    Bytes bytes(size);
    for (usize i = 0; i < size; ++i) bytes[i] = static_cast<u8>(i * 13 + seed);
    return bytes;
}

TEST(RequireRoom, takes_available_memory_to_its_last_byte) {
    FakeMachine machine;
    EXPECT_EQ(refusal_of([&] { require_room(machine.info, mib, 63 * mib, "it"); }), "");
    EXPECT_EQ(refusal_of([&] { require_room(machine.info, 0, FakeMachine::low_end, "it"); }), "");
}

TEST(RequireRoom, refuses_what_is_not_all_available) {
    FakeMachine machine;
    machine.keep_for_l0(32 * mib);
    const struct {
        const char* what;
        u64 base, size;
    } cases[] = {
        {"a byte too many", mib, 31 * mib + 1}, {"the BIOS", 0x9e000, 0x2000},
        {"L0's memory", 40 * mib, 0x1000},      {"up to L0's memory and one byte of it", 31 * mib, mib + 1},
        {"behind all memory", 64 * mib, 1},     {"around the end of addresses", 2 * mib, ~u64{0} - mib},
        {"all addresses", 0, ~u64{0}},
    };
    for (const auto& c : cases)
        expect_starts_with(refusal_of([&] { require_room(machine.info, c.base, c.size, c.what); }),
                           std::string(c.what) + " does not fit: it wants ");
}

TEST(RequireRoom, refuses_what_modules_occupy) {
    FakeMachine machine;
    machine.add_module(Bytes(0x3000, u8{1}));
    const u64 module = FakeMachine::modules_at;
    EXPECT_EQ(refusal_of([&] { require_room(machine.info, module - 0x1000, 0x1000, "it"); }), "");
    EXPECT_EQ(refusal_of([&] { require_room(machine.info, module + 0x3000, 0x1000, "it"); }), "");
    for (const u64 base : {module - 0x1000, module + 0x1000, module + 0x2fff})
        expect_starts_with(refusal_of([&] { require_room(machine.info, base, 0x1001, "it"); }),
                           "it does not fit beside the modules");
}

TEST(GatherModules, moves_all_to_the_top_in_their_order) {
    FakeMachine machine;
    machine.keep_for_l0(32 * mib);
    const Bytes contents[] = {pattern(0x1801, 1), pattern(7 * mib + 5, 2), pattern(1, 3), pattern(0x1000, 4)};
    for (const Bytes& content : contents) machine.add_module(content);
    gather_modules(machine.info, machine.kept_from());
    u64 end = machine.kept_from();
    for (usize i = 4; i > 0; --i) {
        const boot::Module& module = machine.info.modules[i - 1];
        EXPECT_EQ(module.start.value() % 4096, 0u);
        EXPECT_LE(module.start.value() + module.size, end);
        EXPECT_LT(end - module.start.value() - module.size, 4096u) << "memory is left between modules";
        EXPECT_EQ(machine.get(module.start.value(), module.size), contents[i - 1]);
        end = module.start.value();
    }
}

TEST(GatherModules, moves_a_module_onto_a_part_of_itself) {
    FakeMachine machine{20 * mib};
    const Bytes content = pattern(10 * mib, 9);
    machine.add_module(content);
    gather_modules(machine.info, 20 * mib);
    EXPECT_EQ(machine.info.modules[0].start, ept::Hpa{10 * mib});
    EXPECT_EQ(machine.get(10 * mib, content.size()), content);
}

TEST(GatherModules, refuses_where_they_would_have_to_move_down) {
    FakeMachine machine{32 * mib};
    machine.add_module(Bytes(10 * mib, u8{1}));
    expect_starts_with(refusal_of([&] { gather_modules(machine.info, 13 * mib); }), "too little memory: ");
}

TEST(LoadPayload, refuses_no_module_and_no_image) {
    FakeMachine machine;
    expect_starts_with(refusal_of([&] { load_payload(machine.info); }), "no payload: ");
    machine.add_module({'t', 'e', 'x', 't'});
    EXPECT_EQ(
        refusal_of([&] { load_payload(machine.info); }),
        "the payload is neither a Linux bzImage nor a Multiboot 1 image (4 bytes, first word 0x74786574)");
}

TEST(LoadPayload, looks_at_no_byte_behind_a_short_module) {
    for (usize size = 1; size < 64; ++size) {
        FakeMachine machine{8 * mib};
        machine.add_module(Bytes(size, u8{0x7f}));
        expect_starts_with(refusal_of([&] { load_payload(machine.info); }), "the payload is neither ");
    }
}

}  // namespace
}  // namespace kurma::l0::l1vm
