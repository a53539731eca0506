#include "watched_pages.hpp"

namespace kurma::l0::l1vm {

using ept::Hpa;
using ept::L1Gpa;

namespace {

/// A watch costs an exit, an INVEPT and the page's copy when it ends. One that ends within so many exits did
/// not pay, and the page is not watched for so many requests.
constexpr u64 too_short = 16;
constexpr u32 rest = 64;

}  // namespace

WatchedPages::Watch* WatchedPages::find(L1Gpa page) {
    for (usize i = 0; i < count_; ++i)
        if (watches_[i].page == page) return &watches_[i];
    return nullptr;
}

WatchedPages::Watch& WatchedPages::add(L1Gpa page) {
    if (count_ < capacity) {
        watches_[count_].page = page;
        filter_ |= filter_bit(page);
        return watches_[count_++];
    }
    Watch& watch = watches_[next_to_go_];
    next_to_go_ = (next_to_go_ + 1) % capacity;
    end(watch);
    watch = Watch{.page = page};
    filter_ = 0;
    for (const Watch& one : watches_) filter_ |= filter_bit(one.page);
    return watch;
}

void WatchedPages::end(Watch& watch) {
    if (watch.ticket == 0) return;
    __atomic_fetch_or(mm::at<u64>(watch.leaf), ept::Access::all.bits(), __ATOMIC_SEQ_CST);
    watch.ticket = 0;
    ++revision_;
}

WatchedPages::Ticket WatchedPages::ticket_of(L1Gpa page) const {
    const Watch* const watch = find(page);
    if (watch == nullptr || watch->ticket == 0) return {};
    return {.page = page, .index = static_cast<u32>(watch - watches_.data()), .number = watch->ticket};
}

bool WatchedPages::worth_watching(L1Gpa page, u64 clock) {
    Watch* const watch = find(page);
    if (watch == nullptr) return true;
    if (watch->left_alone == 0 && clock - watch->since < too_short) watch->left_alone = rest;
    if (watch->left_alone == 0) return true;
    --watch->left_alone;
    return false;
}

bool WatchedPages::may_be_shadowed(L1Gpa page) const {
    const Watch* const watch = find(page);
    return watch == nullptr || watch->shadowed;
}

WatchedPages::Ticket WatchedPages::begin(L1Gpa page, Hpa leaf, u64 clock) {
    Watch* const known = find(page);
    Watch& watch = known != nullptr ? *known : add(page);
    watch.leaf = leaf;
    watch.ticket = ++last_ticket_;
    watch.since = clock;
    watch.shadowed = false;
    return ticket_of(page);
}

void WatchedPages::touched(L1Gpa address) {
    if (Watch* const watch = find(address.page())) end(*watch);
}

bool WatchedPages::read_by_l1(L1Gpa address) {
    const Watch* const watch = find(address.page());
    if (watch == nullptr || watch->ticket == 0) return false;
    __atomic_fetch_or(mm::at<u64>(watch->leaf), ept::Access::read.bits(), __ATOMIC_SEQ_CST);
    return true;
}

void WatchedPages::note_shadowed(L1Gpa address) {
    Watch* const watch = find(address.page());
    if (watch == nullptr) return;
    end(*watch);
    watch->shadowed = true;
}

void WatchedPages::forget_all() {
    for (usize i = 0; i < count_; ++i) end(watches_[i]);
    ++revision_;
    watches_ = {};
    count_ = next_to_go_ = 0;
    filter_ = 0;
}

}  // namespace kurma::l0::l1vm
