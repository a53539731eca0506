#include "pages.hpp"

#include "../hw/cpu.hpp"
#include "../trace/panic.hpp"
#include "direct_map.hpp"

namespace kurma::l0::mm {

using ept::Hpa;

void Pages::init(Hpa begin, Hpa end) {
    next_ = begin;
    end_ = end;
    list_ = 0;
    free_ = (end.value() - begin.value()) / 4096;
}

std::optional<Hpa> Pages::allocate() {
    Hpa page{0};
    if (list_ != 0) {
        page = Hpa{list_};
        list_ = *at<u64>(page);
    } else if (next_ < end_) {
        page = next_;
        next_ = next_ + 4096;
    } else {
        return std::nullopt;
    }
    --free_;
    hw::zero_page(at<void>(page));
    return page;
}

std::optional<Hpa> Pages::allocate_run(u64 pages) {
    if ((end_.value() - next_.value()) / 4096 < pages) return std::nullopt;
    const Hpa first = next_;
    for (; next_.value() < first.value() + pages * 4096; next_ = next_ + 4096) hw::zero_page(at<void>(next_));
    free_ -= pages;
    return first;
}

void Pages::free(Hpa page) {
    *at<u64>(page) = list_;
    list_ = page.value();
    ++free_;
}

Hpa must_allocate(Pages& pages) {
    const std::optional<Hpa> page = pages.allocate();
    CHECK(page.has_value());
    return *page;
}

}  // namespace kurma::l0::mm
