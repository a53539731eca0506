"""The lines of conformance's random mode: a hash a case, or, in detail, a case's mutations and its answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .answers import END

HASH = re.compile(r"random (\d+) (\S+)")
DETAIL = re.compile(r"random (\d+): (?:base (.*)|mutation (\d+) (.*)|answer (.*))")


@dataclass
class Hashes:
    """One boot's cases, in their order from `first`; `wrong` where they are not that."""

    first: int
    values: list[str] = field(default_factory=list)
    complete: bool = False
    wrong: str | None = None

    @property
    def next_case(self) -> int:
        """The first case without an answer: where a side ended that did not come to its end."""
        return self.first + len(self.values)


def read_hashes(lines: Iterable[str], first: int) -> Hashes:
    hashes = Hashes(first)
    for line in lines:
        if line == END:
            hashes.complete = True
        elif (found := HASH.fullmatch(line)) is not None:
            if int(found[1]) != hashes.next_case or hashes.complete:
                hashes.wrong = f"case {hashes.next_case} was due: {line!r}"
                break
            hashes.values.append(found[2])
        elif line.startswith("random "):
            hashes.wrong = f"no `random INDEX HASH`: {line!r}"
            break
    return hashes


@dataclass
class Detail:
    """One case in words: the valid state that it starts from, its mutations by number, and what came out (None where
    the side ended before it told)."""

    base: str = ""
    mutations: dict[int, str] = field(default_factory=dict)
    answer: str | None = None


def read_details(lines: Iterable[str]) -> dict[int, list[Detail]]:
    """By case, each time that it was run: it may be run once for each of several masks of its mutations."""
    details: dict[int, list[Detail]] = {}
    for line in lines:
        found = DETAIL.fullmatch(line)
        if found is None:
            continue
        index, base, mutation, what, answer = found.groups()
        runs = details.setdefault(int(index), [])
        if base is not None or not runs:
            runs.append(Detail(base or ""))
        if mutation is not None:
            runs[-1].mutations[int(mutation)] = what
        elif answer is not None:
            runs[-1].answer = answer
    return details


def windows(cases: Iterable[int], gap: int, apart_at: Iterable[int] = ()) -> list[tuple[int, int]]:
    """(first, count) of few ranges that hold all these cases: those less than `gap` apart share one boot, unless one of
    `apart_at`, at which a boot ends, is between them."""
    ranges: list[tuple[int, int]] = []
    ends = sorted(apart_at)
    for case in sorted(set(cases)):
        if ranges and case - sum(ranges[-1]) < gap and not any(ranges[-1][0] <= end <= case for end in ends):
            ranges[-1] = (ranges[-1][0], case + 1 - ranges[-1][0])
        else:
            ranges.append((case, 1))
    return ranges
