#include "memory/memory.hpp"

#include "console/console.hpp"
#include "costs/costs.hpp"
#include "cpu/power.hpp"
#include "vcpu/vcpu.hpp"

namespace micro {

using namespace kit;

extern "C" {
void handler_map_memory_4k();
void handler_map_memory_2m();
void handler_3r1w();
extern u64 handler_memory_backing;
}

namespace {

enum class LeafSize { k4, m2 };
enum class Mapped { before, on_demand };

constexpr const char* name_of(LeafSize leaf) { return leaf == LeafSize::k4 ? "4k" : "2m"; }
constexpr const char* name_of(Mapped mapped) { return mapped == Mapped::before ? "before" : "on-demand"; }

// Where the memory lies: for L2 in a GiB that its EPT12 is free in, for L1 where nothing of its own is.
constexpr u64 region = Ept::hidden_gib;
constexpr u64 backing = u64{256} << 20;
constexpr u64 most_pages = 16384;
constexpr u64 entries_per_table = page_size / sizeof(u64);
constexpr u64 tables = most_pages / entries_per_table;
constexpr u32 no_exit_expected = 0xFFFF;

constinit Vcpu vcpu;
alignas(page_size) u64 directory[entries_per_table];
alignas(page_size) u64 leaves[most_pages];
u64 samples[most_pages];

struct Touching {
    void (*handler)();
    u32 expected_reason;
    const u64* table;  // that the handler fills
};

void touch(const Touching& how, LoopFunction* loop, u64 count) {
    vmwrite(field::host_rip, reinterpret_cast<u64>(how.handler));
    vmwrite(field::guest_rip, reinterpret_cast<u64>(loop));
    vcpu.registers.rdi = address_of(samples);
    vcpu.registers.rsi = count;
    vcpu.registers.rdx = region;
    vcpu.registers.rcx = page_size;
    vcpu.registers.r8 = address_of(how.table);
    vcpu.registers.r9 = how.expected_reason;
    vcpu.push(reinterpret_cast<u64>(&l2_finish));
    if (!vcpu.run().exited_for(reason::vmcall)) give_up("L2's walk through memory ended by something else");
}

// EPT12 has the region's tables; the leaves are there where L1 is to have mapped them before.
void lay_tables(LeafSize leaf, Mapped mapped, u64 pages) {
    constexpr u64 bits = ept_entry::all | ept_entry::write_back;
    const bool before = mapped == Mapped::before;
    for (u64& entry : directory) entry = 0;
    for (u64& entry : leaves) entry = 0;
    for (u64 i = 0; before && leaf == LeafSize::k4 && i < pages; ++i)
        leaves[i] = (backing + i * page_size) | bits;
    for (u64 i = 0; i < tables; ++i) {
        if (leaf == LeafSize::k4)
            directory[i] = address_of(&leaves[i * entries_per_table]) | ept_entry::all;
        else if (before)
            directory[i] = (backing + i * large_page_size) | bits | ept_entry::large;
    }
    const InvalidationDescriptor whole_ept = {vcpu.ept.pointer(), 0};
    if (!invept(static_cast<u64>(InvalidationType::single_context), whole_ept).succeeded())
        give_up("INVEPT failed");
}

// What is measured is how L0 makes ept02, not how it comes by memory for L1: another L0 may do so at the
// first touch.
void use_backing(u64 pages) {
    for (u64 i = 0; i < pages; ++i) *reinterpret_cast<volatile u64*>(backing + i * page_size) = i;
}

Totals totals() { return kurma_is_present() ? latch_totals() : Totals{}; }

void measure(LeafSize leaf, Mapped mapped, u64 pages) {
    lay_tables(leaf, mapped, pages);
    const bool on_demand = mapped == Mapped::on_demand;
    const Touching how = {!on_demand             ? &handler_3r1w
                          : leaf == LeafSize::k4 ? &handler_map_memory_4k
                                                 : &handler_map_memory_2m,
                          on_demand ? u32{reason::ept_violation} : no_exit_expected,
                          leaf == LeafSize::k4 ? leaves : directory};
    // L2's own code and the samples are L2 memory as well: first once without the touches.
    touch(how, loops::touch.without, pages);
    const Totals start = totals();
    touch(how, loops::touch.without, pages);
    const u64 overhead = samples[pages / 2];
    const Totals middle = totals();
    touch(how, loops::touch.with, pages);
    const Totals end = totals();
    u64 ticks = 0, least = ~u64{0}, most = 0;
    for (u64 i = 0; i < pages; ++i) {
        const u64 own = samples[i] > overhead ? samples[i] - overhead : 0;
        ticks += own;
        if (own < least) least = own;
        if (own > most) most = own;
    }
    print("memory l1=micro leaf=", name_of(leaf), " mapped=", name_of(mapped), " pages=", pages,
          " ticks=", ticks, " min=", least, " max=", most);
    for (u64 i = 0; kurma_is_present() && i < total_count; ++i)
        print(" ", total_names[i], "=", (end.of[i] - middle.of[i]) - (middle.of[i] - start.of[i]));
    print("\n");
}

u64 number_in(const char* text) {
    u64 value = 0;
    for (; *text >= '0' && *text <= '9'; ++text) value = 10 * value + static_cast<u64>(*text - '0');
    return *text == '\0' ? value : 0;
}

}  // namespace

void print_memory(const CommandLine& command_line, const multiboot::Information& information) {
    constexpr u64 end = backing + most_pages * page_size, mib = u64{1} << 20;
    if (information.memory_upper_kib < (end - mib) >> 10) give_up("mode=memory wants 320 MiB of memory");
    char leaf[8] = "", mapped[16] = "", count[16] = "16384";
    command_line.find("leaf", leaf, sizeof leaf);
    command_line.find("mapped", mapped, sizeof mapped);
    command_line.find("pages", count, sizeof count);
    const u64 pages = number_in(count);
    if (pages == 0 || pages > most_pages) give_up("pages= is a number from 1 to 16384");
    vcpu.build(reinterpret_cast<const void*>(&l2_finish));
    vcpu.ept.hidden_gib_entry() = address_of(directory) | ept_entry::all;
    handler_memory_backing = backing;
    use_backing(pages);
    bool any = false;
    for (const LeafSize size : {LeafSize::k4, LeafSize::m2}) {
        for (const Mapped when : {Mapped::before, Mapped::on_demand}) {
            if (leaf[0] != '\0' && !same_text(leaf, name_of(size))) continue;
            if (mapped[0] != '\0' && !same_text(mapped, name_of(when))) continue;
            measure(size, when, pages);
            any = true;
        }
    }
    if (!any) give_up("leaf= is 4k or 2m, mapped= is before or on-demand");
    if (!vmclear(vcpu.region.address()).succeeded()) give_up("VMCLEAR failed");
}

}  // namespace micro
