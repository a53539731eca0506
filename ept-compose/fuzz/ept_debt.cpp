// Whatever lowers or replaces an entry of ept02 returns a debt; once it is paid, the processor has no
// translation that ept02 does not give (law Debt).
//
// An input is a processor, an EPT pointer, and a series of: L1 writes a table without telling anyone, L0
// changes ept01, L2 touches a page, L0 fills one before L2 does, something is dropped. L0 pays each debt at
// once. After every step the translations that testing/processor.hpp keeps are held against ept02.
#include <array>
#include <fuzz/fuzz_world.hpp>
#include <testing/processor.hpp>

namespace kurma::ept::fuzz {
namespace {

using kurma::fuzz::law;
using Kind = Resolution::Kind;

// So few tables that they run out now and then.
using Shadow02 = Shadow<testing::World, 8>;

class Life {
  public:
    explicit Life(Input& input)
        : input_(input), setting_(input), processor_(setting_.world, root_of(shadow_, setting_.world)) {}

    void run() {
        for (unsigned step = 0; step < max_steps && !input_.at_end(); ++step) {
            take_step();
            law(!processor_.is_stale(), "the processor has nothing that ept02 does not give");
        }
        settle(shadow_.release(setting_.world));
    }

  private:
    static constexpr unsigned max_steps = 500;

    static Hpa root_of(Shadow02& shadow, testing::World& world) {
        law(shadow.init(world), "there is a table for the root");
        return shadow.root();
    }

    void take_step() {
        switch (input_.below(16)) {
            case 0:
            case 1:
            case 2:
            case 3:
            case 4: setting_.change12(); break;
            case 5:
                setting_.change01();
                settle(shadow_.drop_all(setting_.world));
                break;
            case 6:
                setting_.change_eptp();
                settle(shadow_.drop_all(setting_.world));
                break;
            case 7: settle(shadow_.drop_all(setting_.world)); break;
            case 8: drop(); break;
            case 9:
            case 10:
            case 11: fill(next_address(), setting_.wanted(), input_.flag()); break;
            case 12: input_.storm(); break;
            default: touch(next_address(), setting_.wanted(), input_.flag()); break;
        }
    }

    void drop() {
        const L2Gpa address = next_address();
        const PageSize size = setting_.size();
        tell("drop %#lx of %#lx bytes", address.value(), bytes(size));
        settle(shadow_.drop(setting_.world, address, size));
    }

    // Often one of those that were touched before.
    L2Gpa next_address() {
        const u8 choice = input_.byte();
        L2Gpa& recent = recent_[choice % recent_.size()];
        if (choice >= 0xA0) recent = setting_.address();
        return recent;
    }

    void touch(L2Gpa address, Access wanted, bool largest_pages) {
        if (processor_.access(address, wanted)) return;
        if (fill(address, wanted, largest_pages))
            law(processor_.access(address, wanted), "what was filled for an access lets that access through");
    }

    // After a fault; or before one, when L0 guesses what L2 will touch.
    bool fill(L2Gpa address, Access wanted, bool largest_pages) {
        const Eptp eptp12{setting_.eptp12};
        if (!eptp12.valid(setting_.capabilities)) return false;
        Resolution resolution =
            shadow_.resolve(setting_.world, eptp12, setting_.capabilities, address, wanted, largest_pages);
        tell("fill %#lx, access %lu, %s pages: %s, debt %d", address.value(), wanted.bits(),
             largest_pages ? "largest" : "4K", name_of(resolution.kind), resolution.debt.owed());
        settle(std::move(resolution.debt));
        if (resolution.kind == Kind::filled && input_.flag()) {
            const u64 count = 1 + input_.below(entries_per_table);
            tell("and the block of %lu pages around it", count);
            shadow_.fill_around(setting_.world, eptp12, setting_.capabilities, address, count);
        }
        if (resolution.kind == Kind::out_of_tables) settle(shadow_.drop_all(setting_.world));
        return resolution.kind == Kind::filled;
    }

    void settle(FlushDebt debt) {
        debt.pay([this] { processor_.flush(); });
    }

    Input& input_;
    FuzzWorld setting_;
    Shadow02 shadow_;
    testing::Processor processor_;
    std::array<L2Gpa, 4> recent_{};
};

}  // namespace
}  // namespace kurma::ept::fuzz

extern "C" int LLVMFuzzerTestOneInput(const kurma::u8* bytes, kurma::usize size) {
    kurma::fuzz::Input input{bytes, size};
    kurma::ept::fuzz::Life{input}.run();
    return 0;
}
