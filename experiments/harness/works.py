"""The lines `work name=... ticks=...` that `guests/l1-hypervisors/linux-work` prints: a workload each, or a phase of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

REFLECTED = "reflected"   # Exits of L2 that L0 passed on to L1; zero, too, where L0 counts none by kind (trace=off).
_WORDS = ("name", "where", "size")   # What is no number.


class WorkError(ValueError):
    """A line that is none of those, or one that is there twice."""


@dataclass(frozen=True)
class Work:
    """`counts`: the line's other numbers by name: L0's totals meanwhile (none where nobody counts), `n` of a phase."""

    ticks: int
    counts: Mapping[str, int]


def parse(lines: Iterable[Mapping[str, str]]) -> dict[str, Work]:
    """By name, in their order; `lines` are the words of each."""
    found: dict[str, Work] = {}
    for words in lines:
        try:
            name = words["name"]
            numbers = {key: int(value) for key, value in words.items() if key not in _WORDS}
            work = Work(numbers.pop("ticks"), numbers)
        except (KeyError, ValueError):
            raise WorkError(f"no proper line: work {' '.join(map('='.join, words.items()))}") from None
        if name in found:
            raise WorkError(f"two lines `work name={name}`")
        found[name] = work
    return found
