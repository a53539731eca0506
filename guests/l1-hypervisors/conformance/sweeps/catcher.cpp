#include "sweeps/catcher.hpp"

#include "base/memory.hpp"
#include "cpu/segments.hpp"

namespace conformance {

extern "C" {
extern const u8 catcher_entries[256][16];
extern volatile Caught catcher_record;
}

namespace {

// SDM 3A figure 6-8: an interrupt gate that is present, of any privilege.
constexpr u64 interrupt_gate = 0xEE;
constexpr u64 no_error_code = ~u64{0};

struct Gate {
    u64 low, high;
};

alignas(page_size) Gate idt[256];

}  // namespace

void catch_events() {
    for (unsigned vector = 0; vector < 256; ++vector) {
        const u64 offset = address_of(catcher_entries[vector]);
        idt[vector].low =
            (offset & 0xFFFF) | u64{kernel_code} << 16 | interrupt_gate << 40 | (offset >> 16 & 0xFFFF) << 48;
        idt[vector].high = offset >> 32;
    }
    vmwrite(field::guest_idtr_base, catcher_idt());
    vmwrite(field::guest_idtr_limit, catcher_limit);
    catcher_record.count = 0;
}

u64& catcher_gate(u8 vector) { return idt[vector].low; }
u64 catcher_idt() { return address_of(idt); }
const volatile Caught& caught() { return catcher_record; }

void append_caught(Text& text) {
    text.append(" caught=", u64{catcher_record.count});
    if (catcher_record.count == 0) return;
    text.append(" vector=", hex(u64{catcher_record.vector}));
    if (catcher_record.error_code != no_error_code)
        text.append(" error=", hex(u64{catcher_record.error_code}));
    text.append(" at=", hex(u64{catcher_record.rip}), " pushed-rflags=", hex(u64{catcher_record.rflags}),
                " pushed-rsp=", hex(u64{catcher_record.rsp}), " pushed-cs=", hex(u64{catcher_record.cs}));
}

}  // namespace conformance
