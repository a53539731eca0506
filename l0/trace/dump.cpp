#include "dump.hpp"

#include "../cpu/vmcs.hpp"
#include "log.hpp"
#include "report.hpp"

namespace kurma::l0 {

using namespace vmx;
using log::Hex;

void dump_current_vmcs(const Cpu& cpu, const char* name) {
    log::line(name, ":");
    for (const FieldRow& row : field_rows)
        if (cpu.machine->host.exists(row.exists))
            log::line("  ", row.name, " ", Hex{hw::vmread(row.encoding.raw)});
}

void dump_vmcs12(const Vmcs12& v) {
    log::line("vmcs12 at ", Hex{v.region.value()}, " (what lives in its image):");
    for (usize i = 0; i < field_count; ++i)
        if (field_rows[i].home == Home::vmcs12) log::line("  ", field_rows[i].name, " ", Hex{v.image[i]});
}

void dump_gprs(const Gprs& gprs) {
    constexpr const char* names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    for (unsigned i = 0; i < 16; ++i)
        if (i != Gprs::rsp) log::line("  ", names[i], " ", Hex{gprs.value[i]});
}

void dump_last_turns(const Cpu& cpu) {
    const Trace& trace = cpu.trace;
    if (trace.turns == 0) {
        log::line("no turns were recorded; run with trace=turns to see the last ones");
        return;
    }
    Out out;
    write_turns(out, trace, "kurma: ");
}

}  // namespace kurma::l0
