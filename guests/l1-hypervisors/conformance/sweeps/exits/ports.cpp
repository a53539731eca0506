// Input and output, by bitmap or unconditionally (SDM 3C 26.1.3, 25.6.4, table 28-5).
#include "base/memory.hpp"
#include "sweeps/exits/exits.hpp"

namespace conformance::exits {

extern "C" const Form forms_ports[], forms_immediate_ports[];

namespace {

// Nobody answers at these on Bochs: reads are ones, writes are lost. 0x80 is a page register of the DMA
// controller that keeps what it is given.
constexpr u16 diagnostic_port = 0x80, low_port = 0x2F0, high_port = 0x9120;
constexpr u64 fs_base = 0x40, gs_base = 0x80;
constexpr u32 io_privilege = 3 << 12;

Vcpu& prepare(const Form& form, u64 port, const VcpuOptions& options) {
    clear_scratch();
    for (u64 i = 0; i < page_size; ++i) scratch()[i] = static_cast<u8>(i);
    Vcpu& vcpu = fresh(form.code, options);
    vmwrite(field::guest_fs_base, fs_base);
    vmwrite(field::guest_gs_base, gs_base);
    vcpu.registers.rsi = address_of(scratch()) + page_size;
    vcpu.registers.rdi = address_of(scratch()) + 2 * page_size;
    vcpu.registers.rdx = port;
    vcpu.registers.rax = 0x11223344;
    return vcpu;
}

void print(const Text& name, Vcpu& vcpu) {
    const Answer answer = enter(vcpu);
    Text text = words(answer, with_instruction_information);
    if (answer.exited())
        text.append(" rax=", hex(vcpu.registers.rax), " rcx=", hex(vcpu.registers.rcx),
                    " rsi=", hex(vcpu.registers.rsi), " rdi=", hex(vcpu.registers.rdi),
                    " stored=", hex(*at_address<const u64>(address_of(scratch()) + 2 * page_size)));
    print_case(topic, name, text);
}

void use_no_bitmaps() {
    vmwrite(field::primary_controls, vmread(field::primary_controls) & ~u64{primary::io_bitmaps});
}

// By these a machine is switched off or reset, so a hypervisor below has to watch them: keyboard controller,
// port 92, reset control, ACPI's PM1a of QEMU and of Bochs, and Bochs's own. They are only read.
constexpr u16 watched_ports[] = {0x64, 0x92, 0xCF9, 0x604, 0xB004, 0x8900};

// The bitmaps win over "unconditional I/O exiting" when both are on.
enum class Way { bitmap_set, bitmap_clear, unconditional, both_but_clear, neither };
constexpr Way ways[] = {Way::bitmap_set, Way::bitmap_clear, Way::unconditional, Way::both_but_clear,
                        Way::neither};
const char* name_of(Way way) {
    switch (way) {
        case Way::bitmap_set: return "bitmap-set";
        case Way::bitmap_clear: return "bitmap-clear";
        case Way::unconditional: return "unconditional";
        case Way::both_but_clear: return "both-but-clear";
        case Way::neither: return "neither";
    }
    return "";
}

void access(const Form& form, u16 port, Way way) {
    const bool all = way == Way::unconditional || way == Way::both_but_clear;
    Vcpu& vcpu = prepare(form, port, {.primary = all ? primary::all_io : 0});
    if (way == Way::unconditional || way == Way::neither) use_no_bitmaps();
    if (way == Way::bitmap_set) vcpu.intercept_port(port);
    print(Text("port/", form.name, "/", hex(port), "/", name_of(way)), vcpu);
}

// A wide access exits for any of its bytes, and always where it wraps around behind port 0xFFFF.
void straddle(const Form& form, u16 port, u16 intercepted) {
    Vcpu& vcpu = prepare(form, port, {});
    vcpu.intercept_port(intercepted);
    print(Text("port/", form.name, "/", hex(port), "/bit-of-", hex(intercepted)), vcpu);
}

// At CPL 3 the privilege comes first: RFLAGS.IOPL, then the TSS (which has no bitmap here).
void access_at_user_level(const Form& form, u32 privilege) {
    Vcpu& vcpu = prepare(form, low_port, {});
    vcpu.intercept_port(low_port);
    run_at_user_level();
    vmwrite(field::guest_rflags, vmread(field::guest_rflags) | privilege);
    print(Text("port/", form.name, "/user-iopl-", privilege >> 12), vcpu);
}

}  // namespace

void sweep_ports() {
    for (const Form* form = forms_ports; form->name != nullptr; ++form) {
        for (const Way way : ways) {
            access(*form, low_port, way);
            access(*form, high_port, way);
        }
        for (const u32 privilege : {u32{0}, io_privilege}) access_at_user_level(*form, privilege);
    }
    for (const Form* form = forms_immediate_ports; form->name != nullptr; ++form)
        for (const Way way : ways) access(*form, diagnostic_port, way);
    constexpr int reads = 3;
    for (const Form* form = forms_ports; form != &forms_ports[reads]; ++form)
        for (const u16 port : watched_ports)
            for (const Way way : ways) access(*form, port, way);
    struct Straddle {
        u16 port, intercepted;
    };
    constexpr Straddle straddles[] = {
        {low_port, low_port + 1}, {low_port, low_port + 2}, {low_port, low_port + 3},
        {low_port, low_port + 4}, {low_port, low_port - 1}, {0x7FFF, 0x8000},
        {0x7FFE, 0x8001},         {0x7FFD, 0x8000},         {0xFFFF, 0x1234},
        {0xFFFE, 0x1234},         {0xFFFD, 0x1234},         {0xFFFC, 0x1234},
    };
    for (const Form* form = forms_ports; form != &forms_ports[6]; ++form)
        for (const Straddle& s : straddles) straddle(*form, s.port, s.intercepted);
}

}  // namespace conformance::exits
