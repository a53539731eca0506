#include "random/instructions.hpp"

#include "random/arena.hpp"

namespace conformance::random {

constexpr Instruction plain_vmcall = {"vmcall", {0x0F, 0x01, 0xC1}, 3};
constexpr Instruction switch_eptp = {"vmfunc", {0x0F, 0x01, 0xD4}, 3};
constexpr Instruction halt = {"hlt", {0xF4}, 1};

namespace {

// Kept out: what depends on time (RDTSC, RDTSCP, RDPMC of a counter that runs), on chance (RDRAND, RDSEED),
// and MWAIT, which need not end. Memory operands are at [RDI], in 16-bit code at [BX].
constexpr Instruction instructions[] = {
    {"cpuid", {0x0F, 0xA2}, 2},
    {"rdmsr", {0x0F, 0x32}, 2},
    {"wrmsr", {0x0F, 0x30}, 2},
    {"in", {0xEC}, 1},
    {"out", {0xEE}, 1},
    {"insb", {0x6C}, 1},
    {"rep-outsb", {0xF3, 0x6E}, 2},
    {"in-immediate", {0xE4, 0x21}, 2},
    {"mov-to-cr0", {0x0F, 0x22, 0xC0}, 3},
    {"mov-from-cr0", {0x0F, 0x20, 0xC0}, 3},
    {"mov-to-cr3", {0x0F, 0x22, 0xD8}, 3},
    {"mov-from-cr3", {0x0F, 0x20, 0xD8}, 3},
    {"mov-to-cr4", {0x0F, 0x22, 0xE0}, 3},
    {"mov-from-cr4", {0x0F, 0x20, 0xE0}, 3},
    {"mov-to-cr8", {0x44, 0x0F, 0x22, 0xC0}, 4},
    {"mov-from-cr8", {0x44, 0x0F, 0x20, 0xC0}, 4},
    {"lmsw", {0x0F, 0x01, 0xF0}, 3},
    {"smsw", {0x0F, 0x01, 0xE0}, 3},
    {"clts", {0x0F, 0x06}, 2},
    {"invlpg", {0x0F, 0x01, 0x3F}, 3},
    {"invd", {0x0F, 0x08}, 2},
    {"wbinvd", {0x0F, 0x09}, 2},
    {"pause", {0xF3, 0x90}, 2},
    {"int3", {0xCC}, 1},
    {"int1", {0xF1}, 1},
    {"int-40", {0xCD, 0x40}, 2},
    {"ud2", {0x0F, 0x0B}, 2},
    {"mov-to-dr7", {0x0F, 0x23, 0xF8}, 3},
    {"mov-from-dr7", {0x0F, 0x21, 0xF8}, 3},
    {"sgdt", {0x0F, 0x01, 0x07}, 3},
    {"sidt", {0x0F, 0x01, 0x0F}, 3},
    {"lgdt", {0x0F, 0x01, 0x17}, 3},
    {"lidt", {0x0F, 0x01, 0x1F}, 3},
    {"lldt", {0x0F, 0x00, 0xD0}, 3},
    {"ltr", {0x0F, 0x00, 0xD8}, 3},
    {"invpcid", {0x66, 0x0F, 0x38, 0x82, 0x07}, 5},
    {"invvpid", {0x66, 0x0F, 0x38, 0x81, 0x07}, 5},
    {"vmclear", {0x66, 0x0F, 0xC7, 0x37}, 4},
    {"vmxon", {0xF3, 0x0F, 0xC7, 0x37}, 4},
    {"vmptrst", {0x0F, 0xC7, 0x3F}, 3},
    {"getsec", {0x0F, 0x37}, 2},
    {"iret", {0xCF}, 1},
    {"popf", {0x9D}, 1},
    {"read-modify-write", {0xFF, 0x07}, 2},
    {"sldt", {0x0F, 0x00, 0xC0}, 3},
    {"str", {0x0F, 0x00, 0xC8}, 3},
    {"xsetbv", {0x0F, 0x01, 0xD1}, 3},
    {"vmread", {0x0F, 0x78, 0xC1}, 3},
    {"vmwrite", {0x0F, 0x79, 0xC1}, 3},
    {"vmptrld", {0x0F, 0xC7, 0x37}, 3},
    {"vmlaunch", {0x0F, 0x01, 0xC2}, 3},
    {"vmxoff", {0x0F, 0x01, 0xC4}, 3},
    switch_eptp,
    {"invept", {0x66, 0x0F, 0x38, 0x80, 0x07}, 5},
    {"load", {0x8B, 0x07}, 2},
    {"store", {0x89, 0x07}, 2},
    {"push", {0x50}, 1},
    {"nop", {0x90}, 1},
    {"sti", {0xFB}, 1},
    {"cli", {0xFA}, 1},
    {"pushf", {0x9C}, 1},
    {"mov-to-ss", {0x8E, 0xD0}, 2},
    {"fnop", {0xD9, 0xD0}, 2},
    {"sysenter", {0x0F, 0x34}, 2},
    {"rsm", {0x0F, 0xAA}, 2},
};

}  // namespace

void choose_instruction(Case& c, Chance& chance) {
    const bool switches = uses(c, secondary::vm_functions) && chance.one_in(2);
    c.instruction = switches            ? &switch_eptp
                    : chance.one_in(3)  ? &plain_vmcall
                    : chance.one_in(12) ? &halt
                                        : &chance.pick(instructions);
    // Registers that several of them look at: MSR number, port, new value of a control register.
    constexpr u32 msrs[] = {0x174, 0x175,      0x176, 0xC0000102, 0xC0000081, 0x12345678,
                            0x277, 0xC0000100, 0x808, 0x80B,      0x83F,      0x802};
    constexpr u16 ports[] = {0x6666, 0x7FFF, 0x8000, 0xFFFF};  // where nobody answers
    c.registers.rcx = chance.pick(msrs);
    c.registers.rdx = chance.pick(ports);
    const char* const name = c.instruction->name;
    const u64 one_bit = chance.bit_of(0xFFFFFFFF);
    if (starts_with(name, "mov-to-cr0") || starts_with(name, "lmsw"))
        c.registers.rax = c.fields[Slot::guest_cr0] ^ one_bit;
    else if (starts_with(name, "mov-to-cr3"))
        c.registers.rax = chance.one_in(2) ? c.fields[Slot::guest_cr3] : arena.zeroes.address();
    else if (starts_with(name, "mov-to-cr4"))
        c.registers.rax = c.fields[Slot::guest_cr4] ^ one_bit;
    else if (starts_with(name, "mov-to-cr8"))
        c.registers.rax = chance.below(18);
    else if (starts_with(name, "mov-to-ss") || starts_with(name, "lldt") || starts_with(name, "ltr"))
        c.registers.rax = chance.one_in(2) ? c.fields[Slot::guest_ss_selector] : chance.below(0x80);
    else if (starts_with(name, "inv"))
        c.registers.rax = chance.below(4);
    else if (starts_with(name, "vmread") || starts_with(name, "vmwrite"))
        c.registers.rax = field_of(chance.one_in(2) ? Slot::guest_rip : Slot::pin_controls).encoding;
    else if (starts_with(name, "vmfunc"))
        c.registers.rax = chance.one_in(4) ? 1 : 0;
    if (starts_with(name, "wrmsr")) c.registers.rdx = chance.one_in(4) ? one_bit : 0;
    if (starts_with(name, "vmfunc")) c.registers.rcx = chance.one_in(4) ? chance.below(514) : chance.below(4);
    if (starts_with(name, "rep-outsb")) c.registers.rcx = chance.below(4);
}

}  // namespace conformance::random
