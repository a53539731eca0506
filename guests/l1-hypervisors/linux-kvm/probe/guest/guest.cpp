// The probe's guest: does each operation that it is told to, so many times, and times every single one by
// RDTSC.
#include "guest/instructions.hpp"
#include "mailbox.hpp"

namespace kurma::probe {
namespace {

constexpr u32 msr_apic_base = 0x1B;         // KVM exits for it
constexpr u32 msr_fs_base = 0xC000'0100;    // KVM lets it pass
constexpr u64 unknown_hypercall = 0x10000;  // KVM answers -ENOSYS

// Bits of CR0 and CR4 that KVM keeps to itself but that leave its page tables alone, and bits that it gives
// to the guest.
constexpr u64 cr0_am = u64{1} << 18;
constexpr u64 cr0_ts = u64{1} << 3;
constexpr u64 cr4_mce = u64{1} << 6;
constexpr u64 cr4_pce = u64{1} << 8;
constexpr u64 cr4_osxsave = u64{1} << 18;
constexpr u64 xcr0_x87 = 1;

// A pause of this many ticks is no step of the loop that looks for interrupts, on any machine.
constexpr u64 interrupt_threshold = 300;

volatile Mailbox& mailbox() { return *reinterpret_cast<volatile Mailbox*>(mailbox_at); }

template <typename Operate>
void measure(Operate operate) {
    const u32 repetitions = mailbox().repetitions;
    out(port_begin, 0);
    for (u32 i = 0; i < repetitions; ++i) {
        const u64 before = rdtsc();
        operate();
        const u64 after = rdtsc();
        mailbox().samples[i] = after - before;
    }
    out(port_end, 0);
}

void measure_touches() {
    const volatile u8* page = reinterpret_cast<const volatile u8*>(mailbox().touch_base);
    measure([&] {
        *page;
        page += touch_stride;
    });
}

void measure_mov_cr0(u64 bit) {
    u64 value = read_cr0();
    measure([&] { write_cr0(value ^= bit); });
    write_cr0(value & ~bit);
}

void measure_mov_cr4(u64 bit) {
    u64 value = read_cr4();
    measure([&] { write_cr4(value ^= bit); });
    write_cr4(value & ~bit);
}

// Runs with interrupts on: none is ever injected, but Bochs 2.7 holds the host's interrupts back from a guest
// that has them off.
void measure_interrupts() {
    const u32 repetitions = mailbox().repetitions;
    u64 step = ~u64{0};
    sti();
    out(port_begin, 0);
    u64 before = rdtsc();
    for (u32 i = 0; i < repetitions;) {
        const u64 after = rdtsc();
        const u64 gap = after - before;
        before = after;
        if (gap < step) step = gap;
        if (gap > interrupt_threshold) mailbox().samples[i++] = gap - step;
    }
    out(port_end, 0);
    cli();
}

void obey(Operation operation) {
    switch (operation) {
        case Operation::none: return measure([] {});
        case Operation::cpuid: return measure([] { cpuid(0); });
        case Operation::vmcall: return measure([] { vmcall(unknown_hypercall); });
        case Operation::rdmsr_trapped: return measure([] { rdmsr(msr_apic_base); });
        case Operation::rdmsr_direct: return measure([] { rdmsr(msr_fs_base); });
        case Operation::wrmsr_trapped:
            return measure([v = rdmsr(msr_apic_base)] { wrmsr(msr_apic_base, v); });
        case Operation::wrmsr_direct: return measure([] { wrmsr(msr_fs_base, 0); });
        case Operation::out_user: return measure([] { out(port_measured, 0); });
        case Operation::in_user: return measure([] { in(port_measured); });
        case Operation::mmio_user: return measure([] { *reinterpret_cast<volatile u32*>(unmapped_at) = 0; });
        case Operation::hlt_user: return measure([] { hlt(); });
        case Operation::mov_cr0: return measure_mov_cr0(cr0_am);
        case Operation::mov_cr0_direct: return measure_mov_cr0(cr0_ts);
        case Operation::mov_cr3: return measure([v = read_cr3()] { write_cr3(v); });
        case Operation::mov_cr4: return measure_mov_cr4(cr4_mce);
        case Operation::mov_cr4_direct: return measure_mov_cr4(cr4_pce);
        case Operation::xsetbv:
            write_cr4(read_cr4() | cr4_osxsave);
            return measure([] { xsetbv(0, xcr0_x87); });
        case Operation::touch: return measure_touches();
        case Operation::interrupt: return measure_interrupts();
    }
}

}  // namespace
}  // namespace kurma::probe

extern "C" [[noreturn]] void guest_main() {
    for (;;) kurma::probe::obey(kurma::probe::mailbox().operation);
}
