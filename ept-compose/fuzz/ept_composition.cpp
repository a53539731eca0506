// ept02 is what ept12 and then ept01 are, for any tables of L1's and any life of an ept02 (law Composition).
//
// An input is a processor, an EPT pointer, and a series of: L1 writes a table, L0 changes ept01, L2 touches a
// page, something is dropped. After each touch the answer is held against testing/reference.hpp, which shares
// no code with the library, and so is all that ept02 still holds for the pages touched before.
#include <array>
#include <fuzz/fuzz_world.hpp>

namespace kurma::ept::fuzz {
namespace {

using kurma::fuzz::law;
using kurma::fuzz::law_equal;
using testing::Expected;
using testing::Owner;
using testing::walk02;
using Kind = Resolution::Kind;
using Outcome = Walk<Space::host>::Outcome;

// So few tables that they run out now and then.
using Shadow02 = Shadow<testing::World, 8>;

// SDM 3C 25.6.11 and 27.2.1.1, bit by bit.
bool reference_valid(u64 eptp, const Capabilities& capabilities) {
    const u64 type = eptp & 7, tables_less_one = eptp >> 3 & 7;
    if (type != 0 && type != 6) return false;
    if (tables_less_one != 3) return false;
    if ((eptp >> 6 & 1) != 0 && !capabilities.accessed_dirty) return false;
    for (unsigned bit = 7; bit < 12; ++bit)
        if ((eptp >> bit & 1) != 0) return false;
    for (unsigned bit = capabilities.physical_address_width; bit < 64; ++bit)
        if ((eptp >> bit & 1) != 0) return false;
    return true;
}

class Life {
  public:
    explicit Life(Input& input) : input_(input), setting_(input) {
        law(shadow_.init(setting_.world), "there is a table for the root");
    }

    void run() {
        for (unsigned step = 0; step < max_steps && !input_.at_end(); ++step) {
            switch (input_.below(16)) {
                case 0:
                case 1:
                case 2:
                case 3:
                case 4:
                case 5:
                    setting_.change12();
                    outdated_ = true;
                    break;
                case 6:
                case 7:
                    setting_.change01();
                    outdated_ = true;
                    break;
                case 8:
                    setting_.change_eptp();
                    outdated_ = true;
                    break;
                case 9: drop(); break;
                case 10: drop_all(); break;
                case 11: input_.storm(); break;
                default: touch(); break;
            }
        }
        end();
    }

  private:
    static constexpr unsigned max_steps = 500;

    void drop() {
        const L2Gpa address = setting_.address();
        const PageSize size = setting_.size();
        tell("drop %#lx of %#lx bytes", address.value(), bytes(size));
        settle(shadow_.drop(setting_.world, address, size));
        if (address.value() >> translated_bits != 0) return;
        law(walk02(setting_.world, shadow_.root(), address).outcome == Outcome::not_present,
            "what was dropped is gone");
    }
    void drop_all() {
        settle(shadow_.drop_all(setting_.world));
        law_equal(shadow_.tables(), 0, "tables after drop_all");
        outdated_ = false;
    }

    void touch() {
        const L2Gpa address = setting_.address();
        const Access wanted = setting_.wanted();
        const u8 choice = input_.byte();
        largest_pages_ = (choice & 3) != 0;
        flags_ = choice >= 0xC0 ? Flags::keep : Flags::set;
        const bool valid = Eptp{setting_.eptp12}.valid(setting_.capabilities);
        law_equal(valid, reference_valid(setting_.eptp12, setting_.capabilities), "an EPT pointer is valid");
        if (!valid) return;
        // As INVEPT of L1's makes L0 do: what is seen late is the law Debt's.
        if (outdated_) drop_all();
        recent_[recent_next_++ % recent_.size()] = address;
        if (address.value() >> translated_bits != 0) {
            resolve_untranslatable(address, wanted);
        } else {
            check(address, wanted);
        }
        for (const L2Gpa other : recent_) check_held(other);
    }

    // Four levels translate 48 bits; the processor knows no entry that could say more.
    void resolve_untranslatable(L2Gpa address, Access wanted) {
        const Kind kind = resolve(address, wanted).kind;
        law(kind == Kind::l1_violation, "an address beyond 48 bits is a violation of L1's");
    }

    struct Answer {
        Kind kind;
        PageSize size;
        u64 effective;
        u64 l1_address;
        bool suppress_ve;
        bool dirtied;
    };
    Answer resolve(L2Gpa address, Access wanted) {
        Resolution resolution = shadow_.resolve(setting_.world, Eptp{setting_.eptp12}, setting_.capabilities,
                                                address, wanted, largest_pages_, flags_);
        tell("touch %#lx, access %lu, %s pages, keep flags %d: %s", address.value(), wanted.bits(),
             largest_pages_ ? "largest" : "4K", flags_ == Flags::keep, name_of(resolution.kind));
        const Answer answer{resolution.kind,
                            resolution.size,
                            resolution.effective.bits(),
                            resolution.l1_address.value(),
                            resolution.suppress_ve,
                            resolution.dirtied};
        settle(std::move(resolution.debt));
        return answer;
    }

    // L1's tables may point to themselves; then a flag set in one entry changes another, a few times at most.
    Answer resolve_at_last(L2Gpa address, Access wanted, usize entries_read) {
        constexpr int attempts = 5;
        bool emptied = false, dirtied = false;
        for (int i = 0; i < attempts; ++i) {
            setting_.world.reads.clear();
            Answer answer = resolve(address, wanted);
            answer.dirtied = dirtied |= answer.dirtied;
            usize reads = 0;
            for (const auto& [at, count] : setting_.world.reads) reads += count;
            law_equal(reads, entries_read, "reads of ept12, one for each entry on the way");
            if (answer.kind == Kind::out_of_tables) {
                law(!emptied, "an empty ept02 has tables enough for one page");
                drop_all();
                emptied = true;
            } else if (answer.kind != Kind::again) {
                return answer;
            }
        }
        law(false, "an access that nobody disturbs comes to an end");
        return {};
    }

    void check(L2Gpa address, Access wanted) {
        const Expected expected = setting_.expected(address, wanted);
        const bool flags_to_set = lacks_flags(expected, wanted);
        const Answer answer = resolve_at_last(address, wanted, expected.entries12.size());
        switch (expected.owner) {
            case Owner::l1_violation:
                law(answer.kind == Kind::l1_violation, "ept12 does not allow it, and nothing came before");
                law_equal(answer.effective, expected.effective12, "rights in the violation's qualification");
                law_equal(answer.suppress_ve, entry(expected.entries12.back()) >> 63, "suppress #VE");
                return;
            case Owner::l1_misconfiguration:
                law(answer.kind == Kind::l1_misconfiguration, "an entry of ept12 is malformed");
                return;
            case Owner::l0:
                law(answer.kind == Kind::l0_fault, "ept01 does not allow it");
                law_equal(answer.l1_address, expected.l1_address, "the address that ept01 does not give");
                return;
            case Owner::nobody: break;
        }
        if (flags_ == Flags::keep && flags_to_set) {
            law(answer.kind == Kind::flag_needed, "a flag to set, where flags are to be kept");
            law(lacks_flags(expected, wanted), "no flag is set where flags are to be kept");
            return;
        }
        check_filled(answer, address, wanted, expected);
    }

    void check_filled(const Answer& answer, L2Gpa address, Access wanted, const Expected& expected) {
        law(answer.kind == Kind::filled, "both tables allow it");
        law(largest_pages_ || answer.size == PageSize::k4, "small pages where small ones are asked for");
        law(!lacks_flags(expected, wanted), "the flags that the access sets are set");
        const bool first_write = flags_on() && wanted.includes(Access::write) && !expected.dirty12;
        law_equal(answer.dirtied, first_write, "dirtied: the first write that ept12 sees");
        const auto walked = walk02(setting_.world, shadow_.root(), address);
        law(walked.outcome == Outcome::leaf && walked.leaf.access.includes(wanted),
            "what was filled for an access lets that access through");
        // As much as both give, so that L2 does not run into it again; less only the write that must be seen.
        const u64 rights = expected.rights & (may_write(expected) ? ~u64{0} : ~testing::bit_write);
        law_equal(walked.leaf.access.bits(), rights, "rights of the page");
        if (input_.flag()) fill_around(address);
    }

    void fill_around(L2Gpa address) {
        const u64 count = 1 + input_.below(entries_per_table);
        tell("and the block of %lu pages around it", count);
        shadow_.fill_around(setting_.world, Eptp{setting_.eptp12}, setting_.capabilities, address, count);
        const L2Gpa region = address.aligned(PageSize::m2);
        for (const u64 index : {u64{0}, u64{1}, u64{2}, entries_per_table - 1})
            check_held(region + (index << page_shift));
    }

    u64 entry(L1Gpa at) { return setting_.world.peek_l1(at).value(); }
    bool flags_on() const { return Eptp{setting_.eptp12}.accessed_dirty(); }
    // Whether an access has flags to set in ept12 (SDM 3C 29.3.5).
    bool lacks_flags(const Expected& expected, Access wanted) {
        if (expected.owner != Owner::nobody || !flags_on()) return false;
        for (const L1Gpa at : expected.entries12)
            if ((entry(at) & testing::bit_accessed) == 0) return true;
        return wanted.includes(Access::write) && !is_dirty(expected);
    }
    bool is_dirty(const Expected& expected) {
        return (entry(expected.entries12.back()) & testing::bit_dirty) != 0;
    }
    bool may_write(const Expected& expected) { return !flags_on() || is_dirty(expected); }

    // Whatever ept02 has for an address is what the two walks give there now, and no right more.
    void check_held(L2Gpa address) {
        if (address.value() >> translated_bits != 0) return;
        const auto walked = walk02(setting_.world, shadow_.root(), address);
        law(walked.outcome == Outcome::leaf || walked.outcome == Outcome::not_present,
            "ept02 is well formed");
        if (walked.outcome == Outcome::not_present) return;
        const Access held = walked.leaf.access;
        const Expected expected = setting_.expected(address, held);
        law(expected.owner == Owner::nobody, "ept02 gives no right that the two walks do not give");
        const auto page = narrowed(walked.leaf, PageSize::k4, address);
        law_equal(page.page.value(), expected.host_page, "page");
        law_equal(static_cast<u64>(page.memory_type), expected.type, "memory type");
        law_equal(page.ignore_pat, expected.ignore_pat, "ignore PAT");
        if (held.includes(Access::write)) law(may_write(expected), "no write without a dirty flag to see it");
    }

    void settle(FlushDebt debt) { debt.forgive_in_test(); }

    void end() {
        testing::World& world = setting_.world;
        const usize others = world.tables_in_use() - shadow_.tables() - 1;
        settle(shadow_.release(world));
        law_equal(world.tables_in_use(), others, "tables in use once an ept02 is gone");
    }

    Input& input_;
    FuzzWorld setting_;
    Shadow02 shadow_;
    bool largest_pages_ = true;
    Flags flags_ = Flags::set;
    bool outdated_ = false;  // ept12 or ept01 changed since ept02 was emptied
    std::array<L2Gpa, 6> recent_{};
    usize recent_next_ = 0;
};

}  // namespace
}  // namespace kurma::ept::fuzz

extern "C" int LLVMFuzzerTestOneInput(const kurma::u8* bytes, kurma::usize size) {
    kurma::fuzz::Input input{bytes, size};
    kurma::ept::fuzz::Life{input}.run();
    return 0;
}
