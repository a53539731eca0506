#include "fake_machine.hpp"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "trace/log.hpp"
#include "trace/panic.hpp"

namespace kurma::l0 {

namespace {

constexpr u8 fresh_memory = 0x5a;
constexpr u64 page = 4096;

std::string line_under_way;

}  // namespace

namespace log {

void put(char c) { line_under_way += c; }

}  // namespace log

void end_run(End end) {
    const std::string line = std::exchange(line_under_way, "");
    constexpr std::string_view start = "kurma: refused: ";
    if (end != End::refused || !line.starts_with(start) || !line.ends_with('\n'))
        throw std::logic_error("a run ended otherwise: " + line);
    throw Refused{line.substr(start.size(), line.size() - start.size() - 1)};
}

void panic(const char* what, const char*, int) { throw Panicked{what}; }

FakeMachine::FakeMachine(u64 size) : size_{size}, kept_from_{size} {
    void* const wanted = mm::at<void>(ept::Hpa{0});
    void* const got =
        mmap(wanted, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != wanted) throw std::runtime_error("no memory at DIRECT_MAP_BASE");
    info.map.add({0, low_end, mm::RangeType::available});
    info.map.add({low_end, high_start - low_end, mm::RangeType::reserved});
    info.map.add({high_start, size - high_start, mm::RangeType::available});
    std::memset(wanted, fresh_memory, std::min(size, modules_at));
    forbid(low_end, high_start - low_end);
}

FakeMachine::~FakeMachine() {
    allow(0, size_);
    munmap(mm::at<void>(ept::Hpa{0}), size_);
    line_under_way.clear();
}

void FakeMachine::put(u64 at, const Bytes& bytes) {
    std::copy(bytes.begin(), bytes.end(), mm::at<u8>(ept::Hpa{at}));
}

Bytes FakeMachine::get(u64 at, u64 size) const {
    const u8* const first = mm::at<u8>(ept::Hpa{at});
    return {first, first + size};
}

u32 FakeMachine::word(u64 at) const {
    u32 value;
    std::memcpy(&value, mm::at<void>(ept::Hpa{at}), sizeof value);
    return value;
}

std::string FakeMachine::text(u64 at) const { return mm::at<char>(ept::Hpa{at}); }

void FakeMachine::forbid(u64 at, u64 size) { ASAN_POISON_MEMORY_REGION(mm::at<void>(ept::Hpa{at}), size); }
void FakeMachine::allow(u64 at, u64 size) { ASAN_UNPOISON_MEMORY_REGION(mm::at<void>(ept::Hpa{at}), size); }

void FakeMachine::keep_for_l0(u64 size) {
    kept_from_ = size_ - size;
    if (!info.map.reserve(kept_from_, size)) throw std::logic_error("L0's memory is not in the map");
    forbid(kept_from_, size);
}

boot::Module& FakeMachine::add_module(const Bytes& bytes, std::string_view command_line) {
    boot::Module& module = info.modules[info.module_count++];
    module.start = ept::Hpa{next_module_};
    module.size = bytes.size();
    set_text(module.command_line, command_line);
    put(next_module_, bytes);
    const u64 end = next_module_ + bytes.size();
    next_module_ = (end + page - 1) & ~(page - 1);
    forbid(end, next_module_ - end);
    return module;
}

void set_text(boot::Text& out, std::string_view text) {
    out = {};
    if (text.size() >= boot::Text::capacity) throw std::logic_error("too long");
    std::copy(text.begin(), text.end(), out.text.begin());
}

}  // namespace kurma::l0
