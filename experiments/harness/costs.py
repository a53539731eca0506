"""Cost lines that guests print on their console, and the table that is made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .l0 import L0
from .texttable import aligned, rule, widths_of

COUNTS = ("exits", "vmread", "vmwrite", "vmptrld", "vmclear", "vmlaunch", "vmresume", "invept", "invvpid")
EVENT = "event"   # Of a hardware event, where L0 counts one (--event).
TABLE_COUNTS = ("exits", "vmread", "vmwrite", "vmptrld", "vmclear")
HEADINGS = {"exits": "exits", "vmread": "VMREAD", "vmwrite": "VMWRITE", "vmptrld": "VMPTRLD", "vmclear": "VMCLEAR",
            EVENT: "event"}
TICKS = ("min", "median", "max")


@dataclass(frozen=True)
class Cost:
    """One operation, measured `n` times: instructions of one, and L0's counts of all `n` (empty without Kurma)."""

    l1: str
    level: str
    op: str
    n: int
    ticks: dict[str, int]
    counts: dict[str, int]

    @property
    def median(self) -> int:
        return self.ticks["median"]

    def per_operation(self, count: str) -> float | None:
        return self.counts[count] / self.n if count in self.counts else None

    def as_json(self) -> dict[str, object]:
        return {"l1": self.l1, "level": self.level, "op": self.op, "n": self.n, **self.ticks, "counts": self.counts}

    @staticmethod
    def from_json(cost: dict[str, Any]) -> Cost:
        return Cost(cost["l1"], cost["level"], cost["op"], cost["n"], {name: cost[name] for name in TICKS}, cost["counts"])


def level_of(l1: str, l0: L0, level: str) -> str:
    """Where an operation of this level stands in the cost lines of such a boot. Without an L0 the guest of Linux KVM is one
    level higher up: it is the processor's L1."""
    return "L1" if l0 is L0.NONE and l1 == "linux-kvm" else level


class CostError(ValueError):
    """A cost line that does not say what it must."""


def parse(console: bytes) -> list[Cost]:
    """Every cost line of a console, in its order. A broken line is an error, never a missing row."""
    text = console.decode("utf-8", "replace").replace("\r", "")
    return [_parse_line(line) for line in text.split("\n") if line.startswith("cost ")]


def _parse_line(line: str) -> Cost:
    words = dict(re.findall(r"(\S+?)=(\S*)", line))
    try:
        counts = {name: int(words[name]) for name in (*COUNTS, EVENT) if name in words}
        cost = Cost(words["l1"], words["level"], words["op"], int(words["n"]),
                    {name: int(words[name]) for name in TICKS}, counts)
    except (KeyError, ValueError) as error:
        raise CostError(f"cost line without a proper {error}: {line!r}") from None
    if cost.n <= 0 or (counts and set(counts) - {EVENT} != set(COUNTS)):
        raise CostError(f"cost line with a bad n or with some counts missing: {line!r}")
    return cost


@dataclass(frozen=True)
class Section:
    """Rows of the table that share their meaning: a guest's costs on Kurma beside the same at a single level."""

    title: str
    under_kurma: list[Cost]
    single_level: list[Cost]


def number(value: float) -> str:
    """Whole numbers with separators; others with one decimal."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def rows(section: Section, counts: Sequence[str] = TABLE_COUNTS) -> list[list[str]]:
    """One row per operation, in the order of the run on Kurma, then what only the single level measured."""
    single = {cost.op: cost for cost in section.single_level}
    under = {cost.op: cost for cost in section.under_kurma}
    made = []
    for op in [*under, *(op for op in single if op not in under)]:
        here, alone = under.get(op), single.get(op)
        made.append([op,
                     number(alone.median) if alone else "",
                     number(here.median) if here else "",
                     _factor(here, alone),
                     *(_count(here, name) for name in counts)])
    return made


def _factor(here: Cost | None, alone: Cost | None) -> str:
    if here is None or alone is None or alone.median <= 0:
        return ""
    return f"{here.median / alone.median:,.1f}"


def _count(cost: Cost | None, name: str) -> str:
    value = cost.per_operation(name) if cost else None
    return "" if value is None else number(round(value, 1))


def table(sections: Iterable[Section]) -> str:
    shown = list(sections)
    has_event = any(EVENT in cost.counts for section in shown for cost in section.under_kurma)
    counts = (*TABLE_COUNTS, EVENT) if has_event else TABLE_COUNTS
    heading = ["operation", "single level", "on Kurma", "factor", *(HEADINGS[name] for name in counts)]
    made = [(section.title, rows(section, counts)) for section in shown]
    widths = widths_of([heading, *(row for _, part in made for row in part)])
    text = [aligned(heading, widths), rule(widths)]
    for title, part in made:
        text += [title, *(aligned(row, widths) for row in part), rule(widths)]
    return "\n".join(text)
