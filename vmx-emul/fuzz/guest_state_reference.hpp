// SDM 3C 27.3.1 a second time: which sections of it a guest state breaks, in the manual's words and numbers.
// None of the room's code is used; the fields are read from the image by name.
#pragma once

#include <vmx/check.hpp>

namespace kurma::vmx::fuzz {

/// The sections, and apart from theirs the rules that have an exit qualification of their own (27.8).
struct Broken {
    bool registers = false;      // 27.3.1.1
    bool segments = false;       // 27.3.1.2
    bool tables = false;         // 27.3.1.3
    bool rip_and_flags = false;  // 27.3.1.4
    bool non_register = false;   // 27.3.1.5
    bool nmi_blocked = false;    // 27.3.1.5, qualification 3
    bool link_pointer = false;   // 27.3.1.5, qualification 4
    bool pdptes = false;         // 27.3.1.6, qualification 2

    [[nodiscard]] bool without_qualification() const {
        return registers || segments || tables || rip_and_flags || non_register;
    }
    [[nodiscard]] bool any() const {
        return without_qualification() || nmi_blocked || link_pointer || pdptes;
    }
};

class GuestStateReference {
  public:
    GuestStateReference(const Vmcs12& v, const Capabilities& offered, const GuestSurroundings& around)
        : v_(v), offered_(offered), around_(around) {}

    [[nodiscard]] Broken broken() const {
        Broken result;
        result.registers = breaks_registers();
        result.segments = breaks_segments();
        for (const u64 base : {v_.get(field::guest_gdtr_base), v_.get(field::guest_idtr_base)})
            result.tables |= !canonical(base);
        for (const u64 limit : {v_.get(field::guest_gdtr_limit), v_.get(field::guest_idtr_limit)})
            result.tables |= limit >> 16 != 0;
        result.rip_and_flags = breaks_rip_and_flags();
        result.non_register = breaks_activity() || breaks_interruptibility() || breaks_pending_debug();
        result.nmi_blocked = around_.sti_blocks_nmis && injects(2) && bit(interruptibility(), 0);
        result.link_pointer = breaks_link_pointer();
        result.pdptes = breaks_pdptes();
        return result;
    }

  private:
    struct Segment {
        u64 selector, base, limit, rights;
        [[nodiscard]] u64 rpl() const { return selector & 3; }
        [[nodiscard]] u64 type() const { return rights & 15; }
        [[nodiscard]] u64 dpl() const { return rights >> 5 & 3; }
        [[nodiscard]] bool usable() const { return (rights >> 16 & 1) == 0; }
    };

    static bool bit(u64 value, unsigned position) { return (value >> position & 1) != 0; }
    static bool canonical(u64 address) { return address >> 47 == 0 || address >> 47 == 0x1'ffff; }
    static bool any_bit(u64 value, unsigned first, unsigned last) {
        for (unsigned position = first; position <= last; ++position)
            if (bit(value, position)) return true;
        return false;
    }

    [[nodiscard]] u64 entry() const { return v_.get(field::entry_controls).raw; }
    [[nodiscard]] u64 secondary() const {
        return bit(v_.get(field::primary_controls).raw, 31) ? v_.get(field::secondary_controls).raw : 0;
    }
    [[nodiscard]] bool ia32e() const { return bit(entry(), 9); }
    [[nodiscard]] bool unrestricted() const { return bit(secondary(), 7); }
    [[nodiscard]] u64 cr0() const { return v_.get(field::guest_cr0); }
    [[nodiscard]] u64 cr4() const { return v_.get(field::guest_cr4); }
    [[nodiscard]] u64 rflags() const { return v_.get(field::guest_rflags); }
    [[nodiscard]] u64 interruptibility() const { return v_.get(field::guest_interruptibility); }
    [[nodiscard]] u64 event() const { return v_.get(field::entry_interruption_info).raw; }
    [[nodiscard]] u64 event_type() const { return event() >> 8 & 7; }
    [[nodiscard]] bool injects(u64 type) const { return bit(event(), 31) && event_type() == type; }
    [[nodiscard]] bool v8086() const { return bit(rflags(), 17); }

    [[nodiscard]] Segment cs() const {
        return {v_.get(field::guest_cs_selector), v_.get(field::guest_cs_base), v_.get(field::guest_cs_limit),
                v_.get(field::guest_cs_access_rights).raw};
    }
    [[nodiscard]] Segment ss() const {
        return {v_.get(field::guest_ss_selector), v_.get(field::guest_ss_base), v_.get(field::guest_ss_limit),
                v_.get(field::guest_ss_access_rights).raw};
    }
    [[nodiscard]] std::array<Segment, 2> ds_es() const {
        return {Segment{v_.get(field::guest_ds_selector), v_.get(field::guest_ds_base),
                        v_.get(field::guest_ds_limit), v_.get(field::guest_ds_access_rights).raw},
                {v_.get(field::guest_es_selector), v_.get(field::guest_es_base),
                 v_.get(field::guest_es_limit), v_.get(field::guest_es_access_rights).raw}};
    }
    [[nodiscard]] std::array<Segment, 2> fs_gs() const {
        return {Segment{v_.get(field::guest_fs_selector), v_.get(field::guest_fs_base),
                        v_.get(field::guest_fs_limit), v_.get(field::guest_fs_access_rights).raw},
                {v_.get(field::guest_gs_selector), v_.get(field::guest_gs_base),
                 v_.get(field::guest_gs_limit), v_.get(field::guest_gs_access_rights).raw}};
    }
    [[nodiscard]] Segment tr() const {
        return {v_.get(field::guest_tr_selector), v_.get(field::guest_tr_base), v_.get(field::guest_tr_limit),
                v_.get(field::guest_tr_access_rights).raw};
    }
    [[nodiscard]] Segment ldtr() const {
        return {v_.get(field::guest_ldtr_selector), v_.get(field::guest_ldtr_base),
                v_.get(field::guest_ldtr_limit), v_.get(field::guest_ldtr_access_rights).raw};
    }

    // ------ 27.3.1.1

    [[nodiscard]] bool breaks_fixed_bits() const {
        for (unsigned position = 0; position < 64; ++position) {
            const bool free0 = position == 29 || position == 30 ||                     // NW, CD
                               (unrestricted() && (position == 0 || position == 31));  // PE, PG
            const bool is0 = bit(cr0(), position), is4 = bit(cr4(), position);
            if (!free0 && bit(offered_.cr0_fixed0, position) && !is0) return true;
            if (!free0 && !bit(offered_.cr0_fixed1, position) && is0) return true;
            if (bit(offered_.cr4_fixed0, position) && !is4) return true;
            if (!bit(offered_.cr4_fixed1, position) && is4) return true;
        }
        return false;
    }

    [[nodiscard]] bool breaks_registers() const {
        if (breaks_fixed_bits()) return true;
        if (bit(cr0(), 31) && !bit(cr0(), 0)) return true;
        if (bit(cr4(), 23) && !bit(cr0(), 16)) return true;  // CET without WP
        const bool loads_debug = bit(entry(), 2);
        if (loads_debug && (v_.get(field::guest_debugctl) & ~around_.debugctl) != 0) return true;
        if (ia32e() && (!bit(cr0(), 31) || !bit(cr4(), 5))) return true;
        if (!ia32e() && bit(cr4(), 17)) return true;  // PCIDE
        if (any_bit(v_.get(field::guest_cr3), offered_.physical_address_width, 63)) return true;
        if (loads_debug && any_bit(v_.get(field::guest_dr7), 32, 63)) return true;
        if (!canonical(v_.get(field::guest_sysenter_esp)) || !canonical(v_.get(field::guest_sysenter_eip)))
            return true;
        return (bit(entry(), 14) && breaks_pat()) || (bit(entry(), 15) && breaks_efer());
    }
    [[nodiscard]] bool breaks_pat() const {
        for (unsigned i = 0; i < 8; ++i) {
            const u64 type = v_.get(field::guest_pat) >> (8 * i) & 0xff;
            if (type == 2 || type == 3 || type > 7) return true;
        }
        return false;
    }
    [[nodiscard]] bool breaks_efer() const {
        const u64 efer = v_.get(field::guest_efer);
        constexpr u64 sce = 1, lme = 1 << 8, lma = 1 << 10, nxe = 1 << 11;
        if ((efer & ~(sce | lme | lma | nxe)) != 0) return true;
        if (bit(efer, 10) != ia32e()) return true;
        return bit(cr0(), 31) && bit(efer, 8) != bit(efer, 10);
    }

    // ------ 27.3.1.2

    static bool breaks_granularity(const Segment& s) {
        const bool pages = bit(s.rights, 15);
        const bool low_clear = (s.limit & 0xfff) != 0xfff, high_set = any_bit(s.limit, 20, 31);
        return (low_clear && pages) || (high_set && !pages);
    }
    /// What CS, and each other segment that is usable, must have: S, P, and zeros.
    static bool breaks_common(const Segment& s) {
        return !bit(s.rights, 4) || !bit(s.rights, 7) || any_bit(s.rights, 8, 11) ||
               any_bit(s.rights, 17, 31) || breaks_granularity(s);
    }

    [[nodiscard]] bool breaks_segments() const {
        if (bit(tr().selector, 2) || (ldtr().usable() && bit(ldtr().selector, 2))) return true;
        if (!v8086() && !unrestricted() && ss().rpl() != cs().rpl()) return true;
        if (!canonical(tr().base) || (ldtr().usable() && !canonical(ldtr().base))) return true;
        for (const Segment& s : fs_gs())
            if (!canonical(s.base)) return true;
        if (cs().base >> 32 != 0 || (ss().usable() && ss().base >> 32 != 0)) return true;
        for (const Segment& s : ds_es())
            if (s.usable() && s.base >> 32 != 0) return true;
        if (v8086() ? breaks_v8086() : breaks_cs() || breaks_ss() || breaks_data()) return true;
        return breaks_tr() || breaks_ldtr();
    }
    [[nodiscard]] bool breaks_v8086() const {
        const auto breaks = [](const Segment& s) {
            return s.base != s.selector << 4 || s.limit != 0xffff || s.rights != 0xf3;
        };
        for (const auto& pair : {ds_es(), fs_gs(), std::array{cs(), ss()}})
            for (const Segment& s : pair)
                if (breaks(s)) return true;
        return false;
    }
    [[nodiscard]] bool breaks_cs() const {
        const Segment s = cs();
        switch (s.type()) {
            case 3:
                if (!unrestricted() || s.dpl() != 0) return true;
                break;
            case 9:
            case 11:
                if (s.dpl() != ss().dpl()) return true;
                break;
            case 13:
            case 15:
                if (s.dpl() > ss().dpl()) return true;
                break;
            default: return true;
        }
        return (ia32e() && bit(s.rights, 13) && bit(s.rights, 14)) || breaks_common(s);
    }
    [[nodiscard]] bool breaks_ss() const {
        const Segment s = ss();
        if (!unrestricted() && s.dpl() != s.rpl()) return true;
        if ((cs().type() == 3 || !bit(cr0(), 0)) && s.dpl() != 0) return true;
        return s.usable() && ((s.type() != 3 && s.type() != 7) || breaks_common(s));
    }
    [[nodiscard]] bool breaks_data() const {
        for (const auto& pair : {ds_es(), fs_gs()}) {
            for (const Segment& s : pair) {
                if (!s.usable()) continue;
                if (!bit(s.type(), 0) || (bit(s.type(), 3) && !bit(s.type(), 1))) return true;
                if (!unrestricted() && s.type() <= 11 && s.dpl() < s.rpl()) return true;
                if (breaks_common(s)) return true;
            }
        }
        return false;
    }
    static bool breaks_system(const Segment& s) {
        return bit(s.rights, 4) || !bit(s.rights, 7) || any_bit(s.rights, 8, 11) ||
               any_bit(s.rights, 17, 31) || breaks_granularity(s);
    }
    [[nodiscard]] bool breaks_tr() const {
        const bool busy = tr().type() == 11 || (tr().type() == 3 && !ia32e());
        return !busy || !tr().usable() || breaks_system(tr());
    }
    [[nodiscard]] bool breaks_ldtr() const {
        return ldtr().usable() && (ldtr().type() != 2 || breaks_system(ldtr()));
    }

    // ------ 27.3.1.4

    [[nodiscard]] bool breaks_rip_and_flags() const {
        const u64 rip = v_.get(field::guest_rip);
        const bool wide = ia32e() && bit(cs().rights, 13);
        const bool identical = rip >> 48 == 0 || rip >> 48 == 0xffff;  // of 48-bit addresses: bits 63:48
        if (wide ? !identical : rip >> 32 != 0) return true;
        const u64 flags = rflags();
        if (any_bit(flags, 22, 63) || bit(flags, 15) || bit(flags, 5) || bit(flags, 3) || !bit(flags, 1))
            return true;
        if (v8086() && (ia32e() || !bit(cr0(), 0))) return true;
        return injects(0) && !bit(flags, 9);
    }

    // ------ 27.3.1.5

    [[nodiscard]] bool breaks_activity() const {
        const u64 state = v_.get(field::guest_activity_state);
        if (state > 3 || (state != 0 && !bit(offered_.misc, static_cast<unsigned>(5 + state)))) return true;
        if (state == 1 && ss().dpl() != 0) return true;
        if (state != 0 && (interruptibility() & 3) != 0) return true;
        if (!bit(event(), 31) || state == 0) return false;
        const u64 type = event_type(), vector = event() & 0xff;
        const bool machine_check = type == 3 && vector == 18;
        if (state == 1)
            return !(type == 0 || type == 2 || (type == 3 && vector == 1) || machine_check ||
                     (type == 7 && vector == 0));
        return state == 3 || !(type == 2 || machine_check);
    }
    [[nodiscard]] bool breaks_interruptibility() const {
        const u64 state = interruptibility();
        const bool sti = bit(state, 0), mov_ss = bit(state, 1);
        if (any_bit(state, 5, 31) || (sti && mov_ss) || (sti && !bit(rflags(), 9))) return true;
        if (injects(0) && (sti || mov_ss)) return true;
        if (injects(2) && mov_ss) return true;
        // Blocking by SMI: none outside of SMM, and yet some for an entry to SMM, so that there can be no
        // such entry.
        if (bit(state, 2) || bit(entry(), 10)) return true;
        if (bit(v_.get(field::pin_controls).raw, 5) && injects(2) && bit(state, 3)) return true;
        return bit(state, 4) && (mov_ss || !around_.sgx);
    }
    [[nodiscard]] bool breaks_pending_debug() const {
        const u64 pending = v_.get(field::guest_pending_debug_exceptions);
        if (any_bit(pending, 4, 11) || bit(pending, 13) || bit(pending, 15) || any_bit(pending, 17, 63))
            return true;
        const bool single_step = bit(rflags(), 8) && !bit(v_.get(field::guest_debugctl), 1);
        const bool held = (interruptibility() & 3) != 0 || v_.get(field::guest_activity_state) == 1;
        if (held && bit(pending, 14) != single_step) return true;
        if (!bit(pending, 16)) return false;
        const bool others = any_bit(pending, 0, 11) || any_bit(pending, 13, 15);
        return others || !bit(pending, 12) || !around_.rtm || bit(interruptibility(), 1);
    }
    [[nodiscard]] bool breaks_link_pointer() const {
        const u64 pointer = v_.get(field::vmcs_link_pointer);
        if (pointer == ~u64{0}) return false;
        if (any_bit(pointer, 0, 11) || any_bit(pointer, offered_.physical_address_width, 63)) return true;
        if (!around_.word_at_link_pointer) return true;
        const u32 word = *around_.word_at_link_pointer;
        if ((word & 0x7fff'ffff) != (offered_.basic & 0x7fff'ffff)) return true;
        return bit(word, 31) != bit(secondary(), 14) || pointer == v_.region.value();
    }

    // ------ 27.3.1.6

    [[nodiscard]] bool breaks_pdptes() const {
        if (!bit(cr0(), 31) || !bit(cr4(), 5) || ia32e()) return false;
        const std::array<u64, 4> fields{v_.get(field::guest_pdpte0), v_.get(field::guest_pdpte1),
                                        v_.get(field::guest_pdpte2), v_.get(field::guest_pdpte3)};
        for (const u64 pdpte : bit(secondary(), 1) ? fields : around_.pdptes_at_cr3) {
            const bool reserved = any_bit(pdpte, 1, 2) || any_bit(pdpte, 5, 8) ||
                                  any_bit(pdpte, offered_.physical_address_width, 63);
            if (bit(pdpte, 0) && reserved) return true;
        }
        return false;
    }

    const Vmcs12& v_;
    const Capabilities& offered_;
    const GuestSurroundings& around_;
};

}  // namespace kurma::vmx::fuzz
