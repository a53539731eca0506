"""What one figure is against another, as a number and in words that are true whichever way it went."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

IN_TIMES_FROM = 2.0   # From here on "2.9 times" says more than "190 % more".


def factor(before: float | None, after: float | None) -> float | None:
    """None where there is nothing to divide, or to divide by."""
    return None if before is None or after is None or before <= 0 or after < 0 else after / before


def percent_more(before: float | None, after: float | None) -> float | None:
    found = factor(before, after)
    return None if found is None else 100 * (found - 1)


def in_words(times: float, what: str = "instructions") -> str:
    """`2.9 times the instructions`, `17 % more instructions`, `0.4 % fewer instructions`, `just as many instructions`."""
    if times == 1:
        return f"just as many {what}"
    if times >= IN_TIMES_FROM:
        return f"{_digits(times)} times the {what}"
    return f"{_digits(abs(100 * (times - 1)))} % {'more' if times > 1 else 'fewer'} {what}"


def _digits(value: float) -> str:
    """As many as say something."""
    if value >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.95 else f"{value:.2f}" if value >= 0.005 else "less than 0.01"


@dataclass(frozen=True)
class Change:
    """One row with the usual value and with another."""

    row: str
    before: float
    after: float

    @property
    def times(self) -> float:
        return self.after / self.before


def greatest(changes: Iterable[Change]) -> Change | None:
    """The farthest from no change, up or down; of equals the first. None where nothing changed."""
    moved = [change for change in changes if change.before > 0 and change.after > 0 and change.after != change.before]
    return max(moved, key=lambda change: abs(math.log(change.times)), default=None)
