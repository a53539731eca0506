// The counters as one JSON object, for programs on the host. Names are those of the manual and of why.def.
#include "../hw/cpu.hpp"
#include "dump.hpp"
#include "log.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

/// Writes members and elements with the commas where they belong.
class Json {
  public:
    void open(char bracket) {
        separate();
        log::put(bracket);
        first_ = true;
    }
    void close(char bracket) {
        log::put(bracket);
        first_ = false;
    }
    void key(const char* name) {
        separate();
        quote(name);
        log::put(':');
        first_ = true;
    }
    void number(u64 value) {
        separate();
        log::put_decimal(value);
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
    void line() { log::put('\n'); }

  private:
    void separate() {
        if (!first_) log::put(',');
        first_ = false;
    }
    static void quote(const char* text) {
        log::put('"');
        log::put(text);
        log::put('"');
    }
    bool first_ = true;
};

void write_knobs(Json& json, const Policy& policy) {
    json.key("knobs");
    json.open('{');
    vmx::for_each_knob(policy, [&](const vmx::KnobRow& row, const auto& value) {
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
    json.member("exits", t.exits);
    json.member("vmread", t.vmread);
    json.member("vmwrite", t.vmwrite);
    json.member("vmptrld", t.vmptrld);
    json.member("vmclear", t.vmclear);
    json.member("vmlaunch", t.vmlaunch);
    json.member("vmresume", t.vmresume);
    json.member("invept", t.invept);
    json.member("invvpid", t.invvpid);
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

void write_turns(Json& json, const Trace& trace) {
    json.key("turns");
    json.open('[');
    const u64 first = trace.turns > Trace::ring_size ? trace.turns - Trace::ring_size : 0;
    for (u64 i = first; i < trace.turns; ++i) {
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
        json.close('}');
        json.line();
    }
    json.close(']');
}

}  // namespace

void write_json(const Cpu& cpu) {
    const Machine& machine = *cpu.machine;
    log::line("json-begin");
    Json json;
    json.open('{');
    json.member("tsc", hw::rdtsc());
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
    write_exits(json, cpu.trace);
    write_turns(json, cpu.trace);
    json.close('}');
    json.line();
    log::line("json-end");
}

}  // namespace kurma::l0
