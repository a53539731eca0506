// The counters as one JSON object, for programs on the host. Names are those of the manual and of why.def.
#include "report.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

/// Writes members and elements with the commas where they belong.
class Json {
  public:
    explicit Json(Out& out) : out_{out} {}
    void open(char bracket) {
        separate();
        out_.put(bracket);
        first_ = true;
    }
    void close(char bracket) {
        out_.put(bracket);
        first_ = false;
    }
    void key(const char* name) {
        separate();
        quote(name);
        out_.put(':');
        first_ = true;
    }
    void number(u64 value) {
        separate();
        out_.put_decimal(value);
    }
    void text(const char* value) {
        separate();
        quote(value);
    }
    void member(const char* name, u64 value) {
        key(name);
        number(value);
    }
    void member(const char* name, const char* value) {
        key(name);
        text(value);
    }
    void line() { out_.put('\n'); }

  private:
    void separate() {
        if (!first_) out_.put(',');
        first_ = false;
    }
    void quote(const char* text) {
        out_.put('"');
        out_.put(text);
        out_.put('"');
    }
    Out& out_;
    bool first_ = true;
};

void write_knobs(Json& json, const Policy& policy) {
    json.key("knobs");
    json.open('{');
    vmx::for_each_knob(policy, [&](const vmx::KnobRow& row, const auto& value, const auto&) {
        if constexpr (requires { vmx::name_of(value); })
            json.member(row.name, vmx::name_of(value));
        else
            json.member(row.name, u64{value});
    });
    json.close('}');
    json.line();
}

void write_totals(Json& json, const Totals& t) {
    json.key("totals");
    json.open('{');
    for (const NamedTotal& row : named_totals) json.member(row.name, t.*row.total);
    json.close('}');
    json.line();
}

void write_event(Json& json, const perf::Event& event, u64 total) {
    json.key("event");
    json.open('{');
    json.member("selector", event.selector);
    json.member("level", perf::name_of(event.level));
    json.member("count", total);
    json.close('}');
    json.line();
}

void write_exits(Json& json, const Trace& trace) {
    json.key("exits");
    json.open('[');
    for (usize reason = 0; reason < reason_count; ++reason)
        for (usize why = 0; why < why_count; ++why) {
            const u64 count = trace.exits[reason][why];
            if (count == 0) continue;
            json.open('{');
            json.member("reason", name_of(static_cast<Reason>(reason)));
            json.member("room", name_of(room_of(static_cast<Why>(why))));
            json.member("why", name_of(static_cast<Why>(why)));
            json.member("count", count);
            json.close('}');
            json.line();
        }
    json.close(']');
    json.line();
}

void write_ring(Json& json, const Trace& trace, usize turns) {
    json.open('[');
    for (u64 i = trace.oldest_turn(turns); i < trace.turns; ++i) {
        const Turn& t = trace.ring[i % Trace::ring_size];
        json.open('{');
        json.member("turn", i);
        json.member("tsc_exit", t.tsc_exit);
        json.member("tsc_entry", t.tsc_entry);
        json.member("level_before", t.level_before);
        json.member("level_after", t.level_after);
        json.member("reason", name_of(ExitReason{t.reason}.basic()));
        json.member("room", name_of(room_of(static_cast<Why>(t.why))));
        json.member("why", name_of(static_cast<Why>(t.why)));
        json.member("rip", t.rip);
        json.member("qualification", t.detail);
        json.member("vmread", t.vmread);
        json.member("vmwrite", t.vmwrite);
        json.member("vmptrld", t.vmptrld);
        json.member("vmclear", t.vmclear);
        json.member("flushes", t.flushes);
        json.member("round", t.round);
        json.member("noting", t.noting);
        json.member("recording", t.recording);
        json.member("subject", t.subject);
        json.close('}');
        json.line();
    }
    json.close(']');
}

}  // namespace

void write_json(Out& out, const Cpu& cpu, u64 tsc, u64 event_total, usize turns) {
    const Machine& machine = *cpu.machine;
    Json json{out};
    json.open('{');
    json.member("tsc", tsc);
    json.key("memory");
    json.open('{');
    json.member("l0_base", machine.reserved.base.value());
    json.member("l0_bytes", machine.reserved.size);
    json.member("l0_image_bytes", mm::image_bytes());
    json.member("l0_free_pages", machine.pages.free_pages());
    json.close('}');
    json.line();
    write_knobs(json, machine.policy);
    write_totals(json, cpu.totals);
    if (machine.event.is_set()) write_event(json, machine.event, event_total);
    write_exits(json, cpu.trace);
    json.key("turns");
    write_ring(json, cpu.trace, turns);
    json.close('}');
    json.line();
}

void write_turns_json(Out& out, const Trace& trace) {
    Json json{out};
    write_ring(json, trace, Trace::shown);
    json.line();
}

}  // namespace kurma::l0
