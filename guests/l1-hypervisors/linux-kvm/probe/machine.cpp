#include "machine.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

extern "C" const kurma::u8 guest_image[];
extern "C" const kurma::u8 guest_image_end[];

namespace kurma::probe {
namespace {

enum Slot : u32 { low_slot, scratch_slot, touched_slot };

constexpr u64 tss_pages_at =
    0xFFFB'D000;  // where KVM may put its own pages on a processor without unrestricted guest

constexpr u64 cr0_pe_mp_et_ne_wp_pg = 0x8001'0033;
constexpr u64 cr4_pae = 1 << 5;
constexpr u64 efer_lme_lma = 0x500;
constexpr u64 rflags_reserved_one = 2;
constexpr u64 table_entry = 3;          // present, writable
constexpr u64 large_page_entry = 0x83;  // present, writable, 2 MiB
constexpr u64 entries_per_table = 512;
constexpr u64 gigabytes_mapped = 4;
constexpr u32 cpuid_1_ecx_xsave = 1 << 26;
constexpr u32 max_cpuid_entries = 100;

// Debian 12's kvm_cpuid2 ends in a flexible array that C++ lays out 4 bytes too late, which falsifies the
// numbers of the two requests as well. This is the structure as the kernel has it.
struct Cpuid {
    u32 count = max_cpuid_entries;
    u32 padding = 0;
    kvm_cpuid_entry2 entries[max_cpuid_entries]{};
};
static_assert(offsetof(Cpuid, entries) == 8);
constexpr unsigned long get_supported_cpuid =
    _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x05, offsetof(Cpuid, entries));
constexpr unsigned long set_cpuid = _IOC(_IOC_WRITE, KVMIO, 0x90, offsetof(Cpuid, entries));

constexpr u8 code_segment_type = 11;
constexpr u8 data_segment_type = 3;

void write_page_tables(const Memory& low) {
    u64* pml4 = low.at<u64>(page_tables_at);
    u64* pdpt = low.at<u64>(page_tables_at + page_size);
    const u64 directories_at = page_tables_at + 2 * page_size;
    pml4[0] = (page_tables_at + page_size) | table_entry;
    for (u64 i = 0; i < gigabytes_mapped; ++i) pdpt[i] = (directories_at + i * page_size) | table_entry;
    u64* directories = low.at<u64>(directories_at);
    for (u64 i = 0; i < gigabytes_mapped * entries_per_table; ++i)
        directories[i] = (i << 21) | large_page_entry;
}

kvm_segment flat_segment(u16 selector, u8 type) {
    kvm_segment segment{};
    segment.limit = 0xFFFF'FFFF;
    segment.selector = selector;
    segment.type = type;
    segment.present = 1;
    segment.s = 1;
    segment.g = 1;
    segment.l = type == code_segment_type;
    segment.db = type != code_segment_type;
    return segment;
}

// Whether a KVM exit is the one that the operation itself asks the VMM for.
bool belongs_to(Operation operation, const kvm_run& run) {
    switch (run.exit_reason) {
        case KVM_EXIT_IO: return run.io.port == port_measured;
        case KVM_EXIT_MMIO: return operation == Operation::mmio_user && run.mmio.phys_addr == unmapped_at;
        case KVM_EXIT_HLT: return operation == Operation::hlt_user;
        default: return false;
    }
}

Counts difference(const Counts& after, const Counts& before) {
    Counts result;
    const auto subtract = [](const auto& from, const auto& less, auto& into) {
        std::transform(from.begin(), from.end(), less.begin(), into.begin(), std::minus<>());
    };
    subtract(after.totals, before.totals, result.totals);
    subtract(after.kinds, before.kinds, result.kinds);
    return result;
}

}  // namespace

Machine::Machine()
    : kvm_(open("/dev/kvm", O_RDWR | O_CLOEXEC), "opening /dev/kvm"),
      vm_(kvm_.control(KVM_CREATE_VM, 0, "KVM_CREATE_VM"), "KVM_CREATE_VM"),
      vcpu_((vm_.control(KVM_SET_TSS_ADDR, tss_pages_at, "KVM_SET_TSS_ADDR"),
             vm_.control(KVM_CREATE_VCPU, 0, "KVM_CREATE_VCPU")),
            "KVM_CREATE_VCPU"),
      low_(low_memory_size),
      scratch_(page_size),
      touched_(2 * max_repetitions * touch_stride),
      run_area_(vcpu_, static_cast<usize>(kvm_.control(KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE"))),
      run_(run_area_.at<kvm_run>(0)) {
    load_guest();
    give_memory(low_slot, low_, 0, 0);
    give_memory(scratch_slot, scratch_, scratch_at, 0);
    give_memory(touched_slot, touched_, touch_region_at, 0);
    offer_cpuid();
    start_processor();
}

volatile Mailbox& Machine::mailbox() const { return *low_.at<volatile Mailbox>(mailbox_at); }

void Machine::load_guest() {
    std::memset(low_.bytes(), 0, low_.size());
    write_page_tables(low_);
    std::copy(guest_image, guest_image_end, low_.bytes() + image_at);
}

void Machine::give_memory(u32 slot, const Memory& memory, u64 address, u32 flags) {
    kvm_userspace_memory_region region{};
    region.slot = slot;
    region.flags = flags;
    region.guest_phys_addr = address;
    region.memory_size = memory.size();
    region.userspace_addr = reinterpret_cast<u64>(memory.bytes());
    vm_.control(KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
}

void Machine::offer_cpuid() {
    const auto cpuid = std::make_unique<Cpuid>();
    kvm_.control(get_supported_cpuid, cpuid.get(), "KVM_GET_SUPPORTED_CPUID");
    for (u32 i = 0; i < cpuid->count; ++i) {
        const kvm_cpuid_entry2& entry = cpuid->entries[i];
        if (entry.function == 1) has_xsave_ = (entry.ecx & cpuid_1_ecx_xsave) != 0;
    }
    vcpu_.control(set_cpuid, cpuid.get(), "KVM_SET_CPUID2");
}

void Machine::start_processor() {
    kvm_sregs system{};
    vcpu_.control(KVM_GET_SREGS, &system, "KVM_GET_SREGS");
    system.cs = flat_segment(0x08, code_segment_type);
    system.ds = system.es = system.fs = system.gs = system.ss = flat_segment(0x10, data_segment_type);
    system.cr0 = cr0_pe_mp_et_ne_wp_pg;
    system.cr3 = page_tables_at;
    system.cr4 = cr4_pae;
    system.efer = efer_lme_lma;
    vcpu_.control(KVM_SET_SREGS, &system, "KVM_SET_SREGS");

    kvm_regs general{};
    general.rip = image_at;
    general.rsp = stack_top_at;
    general.rflags = rflags_reserved_one;
    vcpu_.control(KVM_SET_REGS, &general, "KVM_SET_REGS");
}

u16 Machine::run_to_signal(Operation operation) {
    for (;;) {
        if (ioctl(vcpu_.descriptor(), KVM_RUN, 0) < 0) {
            if (errno == EINTR) continue;
            fail("KVM_RUN");
        }
        if (run_->exit_reason == KVM_EXIT_IO && (run_->io.port == port_begin || run_->io.port == port_end)) {
            return run_->io.port;
        }
        if (!belongs_to(operation, *run_)) {
            throw std::runtime_error("the guest left with KVM exit reason " +
                                     std::to_string(run_->exit_reason) + " in operation " +
                                     std::to_string(static_cast<u32>(operation)));
        }
    }
}

std::optional<Counts> Machine::run(const Order& order) {
    mailbox().operation = order.operation;
    mailbox().repetitions = order.repetitions;
    mailbox().touch_base = order.touch_base;
    if (run_to_signal(order.operation) != port_begin)
        throw std::runtime_error("the guest ended what it had not begun");
    const std::optional<Counts> before = count();
    if (run_to_signal(order.operation) != port_end) throw std::runtime_error("the guest began twice");
    const std::optional<Counts> after = count();
    if (!before || !after) return std::nullopt;
    return difference(*after, *before);
}

void Machine::populate(u64 first, u32 pages) {
    for (u32 i = 0; i < pages; ++i) *touched_.at<volatile u8>(first - touch_region_at + i * touch_stride) = 1;
}

void Machine::flush_translations() {
    *scratch_.at<volatile u8>(0) = 1;
    give_memory(scratch_slot, scratch_, scratch_at, KVM_MEM_LOG_DIRTY_PAGES);
    give_memory(scratch_slot, scratch_, scratch_at, 0);
}

}  // namespace kurma::probe
