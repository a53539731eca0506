// The counters and the turns as tables.
#include <vmx/exit.hpp>

#include "report.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

constexpr usize number_width = 12, reason_width = 34, room_width = 10;

void write_totals(Out& out, const Totals& totals) {
    for (const NamedTotal& row : named_totals) {
        out.put_right(totals.*row.total, number_width);
        out.words("  ", row.name, '\n');
    }
}

/// A counter's place in the table of all of them: in reading order, and by its count.
struct Place {
    usize index;
    u64 count;
    /// Whether it stands above another in the printed table.
    bool above(const Place& other) const {
        return count != other.count ? count > other.count : index < other.index;
    }
};

Place place_of(const Trace& trace, usize index) {
    return {index, trace.exits[index / Trace::whys][index % Trace::whys]};
}

/// The highest of those below `last`; a count of 0 if there is none.
Place next_below(const Trace& trace, const Place& last) {
    Place next{0, 0};
    for (usize i = 0; i < reason_count * Trace::whys; ++i)
        if (const Place candidate = place_of(trace, i); last.above(candidate) && candidate.above(next))
            next = candidate;
    return next;
}

void write_turn(Out& out, const Turn& t) {
    out.words(t.tsc_exit, " ", t.tsc_entry - t.tsc_exit, " L", u64{t.level_before}, "->L", u64{t.level_after},
              " ", name_of(ExitReason{t.reason}.basic()), " ", name_of(static_cast<Why>(t.why)), " ",
              Hex{t.rip}, " ", Hex{t.detail}, '\n');
}

}  // namespace

void write_stats(Out& out, const Totals& totals, const Trace& trace) {
    write_totals(out, totals);
    out.put('\n');
    out.put("       count  ");
    out.put_left("reason", reason_width);
    out.put_left("room", room_width);
    out.put("why\n");
    for (Place p = next_below(trace, {0, ~u64{0}}); p.count != 0; p = next_below(trace, p)) {
        const Why why = static_cast<Why>(p.index % Trace::whys);
        out.put_right(p.count, number_width);
        out.put("  ");
        out.put_left(name_of(static_cast<Reason>(p.index / Trace::whys)), reason_width);
        out.put_left(name_of(room_of(why)), room_width);
        out.words(name_of(why), '\n');
    }
}

void write_turns(Out& out, const Trace& trace, std::string_view prefix) {
    out.words(prefix,
              "the last turns, oldest first: tsc at exit, instructions in L0, level, reason, why, rip, "
              "qualification\n");
    for (u64 i = trace.oldest_turn(Trace::shown); i < trace.turns; ++i) {
        out.words(prefix, "  ");
        write_turn(out, trace.ring[i % Trace::ring_size]);
    }
}

}  // namespace kurma::l0
